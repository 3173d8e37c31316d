"""Phase: the description of a crystal in a powder: structure, scale, size, microstrain and texture.

It holds starting values only; `phase_model.PhaseModel` computes the peaks.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cached_property, lru_cache
from typing import Literal

import gemmi
import numpy as np

from layerox.crystal.asymmetric_unit import Cell, Crystal, Site, cell_tuple
from layerox.diffraction.anisotropic_broadening import (
    FAULTS,
    FLATNESS,
    STRAIN,
    check_slots,
    isotropic_terms,
    strain_names,
)
from layerox.diffraction.spherical_harmonics import SymmetrisedHarmonics
from layerox.errors import InputError
from layerox.symmetry import CELL_NAMES, Symmetry, metric_tensor
from layerox.typing import FloatArray

IntensityMode = Literal["rietveld", "le-bail", "pawley"]

# Prefix of the names of extracted intensities: "I_0_0_2".
INTENSITY = "I_"
# Of those of coefficients of harmonics: "harmonic_2_1".
HARMONIC = "harmonic_"
# Isotropic microstrain from which anisotropic terms start if none is given.
ASSUMED_STRAIN = 5e-4
SITE_SLOTS = ("x", "y", "z", "occupancy", "u_iso")
OWN_SLOTS = ("scale", *CELL_NAMES, "inverse_size", "microstrain", "preferred_orientation", "displacement")


@dataclass(frozen=True, kw_only=True)
class Phase:
    """A crystalline phase of a specimen.

    Attributes
    ----------
    name
        Name given by the user, unique in the specimen.
    crystal
        Its structure, with the initial values of cell, coordinates, occupancies and displacement factors.
    scale
        Intensity scale S (proportional to the number of cells over the cell volume).
    size_nm
        Crystallite size L: adds the Lorentzian FWHM (180 / pi) lambda / (L cos theta), shape factor 1.
    microstrain
        S, dimensionless: adds the Lorentzian FWHM (180 / pi) S tan(theta).
    texture_axis
        Indices of the plane whose normal is the March-Dollase axis; None takes the layers' normal, see
        `layer_normal`.
    preferred_orientation
        March coefficient r; 1 is random.
    mode
        "rietveld": intensities from the structure; "le-bail" or "pawley": intensities extracted from the data.
    displacement_mm
        Displacement of the phase relative to the specimen, with the same sign.
    hardware
        Whether it is cell hardware (a foil, a window) and not part of the specimen: it has no weight fraction, and a
        strategy refines its displacement, not the lengths of its unit cell.
    harmonic_order, harmonics
        Highest order of symmetrised spherical harmonics that describe the texture in place of the March coefficient
        (0: none), and their coefficients (empty: zeros), see `spherical_harmonics`.
    flatness
        Size in the layers (`size_nm`) over the size along their normal: above 1 for platelets; None: not refinable.
    fault_distance_nm
        Mean distance of stacking faults, which broaden the reflections with h - k not a multiple of 3.
    strain_terms
        S_HKL of Stephens's microstrain in 1e-8 angstrom^-4, in place of the isotropic one; empty: that one in terms.
    """

    name: str
    crystal: Crystal
    scale: float = 1.0
    size_nm: float = math.inf
    microstrain: float = 0.0
    texture_axis: tuple[int, int, int] | None = None
    preferred_orientation: float = 1.0
    mode: IntensityMode = "rietveld"
    displacement_mm: float = 0.0
    hardware: bool = False
    harmonic_order: int = 0
    harmonics: tuple[float, ...] = ()
    flatness: float | None = None
    fault_distance_nm: float | None = None
    strain_terms: tuple[float, ...] | None = None

    def __post_init__(self) -> None:
        """Refuse corrections that exclude each other.

        Raises
        ------
        InputError
            Naming the phase.
        """
        if self.harmonic_order and self.preferred_orientation != 1.0:
            raise InputError(f"{self.name} has a March coefficient and spherical harmonics", cure="keep one of them")
        if self.harmonic_order and self.mode != "rietveld":
            raise InputError(f"{self.name} has spherical harmonics and extracted intensities", cure="keep one of them")
        _refuse_another_number(self.name, "coefficients of harmonics", self.harmonics, self.harmonic_slots)
        _refuse_another_number(self.name, "strain terms", self.strain_terms or (), self.strain_slots)

    @property
    def symmetrised_harmonics(self) -> SymmetrisedHarmonics | None:
        """The functions that describe its texture; None with a March coefficient."""
        if not self.harmonic_order:
            return None
        return _harmonics(self.crystal.symmetry, self.crystal.cell, self.harmonic_order)

    @property
    def harmonic_slots(self) -> list[str]:
        """Names of the coefficients of harmonics: "harmonic_4_1"."""
        found = self.symmetrised_harmonics
        return [] if found is None else [f"{HARMONIC}{degree}_{n}" for degree, n in found.names]

    @property
    def strain_slots(self) -> list[str]:
        """Names of the terms of an anisotropic microstrain: "strain_400"."""
        return [] if self.strain_terms is None else [STRAIN + name for name in _strain_names(self.crystal.symmetry)]

    @property
    def broadening_slots(self) -> list[str]:
        """Names of the parameters of anisotropic size and strain."""
        own = [FLATNESS] * (self.flatness is not None) + [FAULTS] * (self.fault_distance_nm is not None)
        return own + self.strain_slots

    @property
    def correction_slots(self) -> list[str]:
        """Names of the parameters of its harmonics and of its anisotropic size and strain."""
        return self.harmonic_slots + self.broadening_slots

    def check_corrections(self) -> None:
        """Refuse anisotropic broadening that its symmetry does not have.

        Raises
        ------
        InputError
            See `anisotropic_broadening.check_slots`.
        """
        check_slots(self.broadening_slots, self.crystal.symmetry, layer_normal(self.crystal))

    @property
    def is_weighed(self) -> bool:
        """Whether it has a weight fraction: it is part of the specimen, with intensities from its structure."""
        return self.mode == "rietveld" and not self.hardware

    @property
    def axis(self) -> tuple[int, int, int]:
        """The texture axis in use."""
        return layer_normal(self.crystal) if self.texture_axis is None else self.texture_axis

    @cached_property
    def slot_names(self) -> list[str]:
        """Names of all parameters of the phase, without the prefix of its name, in the order of `values`."""
        sites = [f"{site.label}_{slot}" for site in self.crystal.sites for slot in SITE_SLOTS]
        return [*OWN_SLOTS, *sites, *self.correction_slots]

    @property
    def position_slots(self) -> tuple[str, ...]:
        """Names of the parameters that shift its peaks: cell, and displacement of hardware."""
        return (*CELL_NAMES, "displacement") if self.hardware else CELL_NAMES

    @property
    def length_slots(self) -> tuple[str, ...]:
        """Names of the lengths that are refined: those of the cell that symmetry leaves free."""
        return tuple(CELL_NAMES[k] for k in self.crystal.symmetry.cell_rule.free if k < 3)

    @property
    def frame_slots(self) -> tuple[str, ...]:
        """Names of the parameters that differ from frame to frame of a series; the others are common."""
        return tuple(slot for slot in OWN_SLOTS if slot != "preferred_orientation")

    def crystal_at(self, values: FloatArray) -> Crystal:
        """Return the crystal whose multiplicities belong to the values of the slots."""
        del values  # the multiplicities of an ordered crystal are constant
        return self.crystal

    def cell_content_mass(self, values: FloatArray) -> tuple[float, FloatArray]:
        """Return Z M, the mass of the cell's content (g/mol), and its derivatives with respect to the slots."""
        slopes = np.zeros(len(values))
        for k, (site, multiplicity) in enumerate(zip(self.crystal.sites, self.crystal.multiplicities, strict=True)):
            slot = len(OWN_SLOTS) + k * len(SITE_SLOTS) + SITE_SLOTS.index("occupancy")
            slopes[slot] = multiplicity * gemmi.Element(site.element).weight
        return float(slopes @ values), slopes

    @property
    def values(self) -> FloatArray:
        """Initial values, in the order of `slot_names`."""
        own = [
            self.scale,
            *self.crystal.cell,
            1.0 / self.size_nm,
            self.microstrain if self.strain_terms is None else 0.0,
            self.preferred_orientation,
            self.displacement_mm,
        ]
        for site in self.crystal.sites:
            own += [*site.position, site.occupancy, site.u_iso]
        own += self.harmonics or (0.0,) * len(self.harmonic_slots)
        own += [self.flatness] if self.flatness is not None else []
        own += [1.0 / self.fault_distance_nm] if self.fault_distance_nm is not None else []
        return np.array([*own, *self._strain_values()], dtype=np.float64)

    def _strain_values(self) -> tuple[float, ...]:
        if self.strain_terms is None or self.strain_terms:
            return self.strain_terms or ()
        inverse = np.asarray(np.linalg.inv(metric_tensor(self.crystal.cell)), dtype=np.float64)
        return tuple(isotropic_terms(self.crystal.symmetry, inverse, self.microstrain or ASSUMED_STRAIN).tolist())


@dataclass(frozen=True, kw_only=True)
class Corrections:
    """The fields of a `Phase` that describe harmonics and anisotropic broadening; see there."""

    harmonic_order: int = 0
    harmonics: tuple[float, ...] = ()
    flatness: float | None = None
    fault_distance_nm: float | None = None
    strain_terms: tuple[float, ...] | None = None


def corrections_at(numbers: Mapping[str, float]) -> Corrections:
    """Return the corrections whose slots have the given values, by the names of `Phase.correction_slots`."""
    harmonics = {slot: float(value) for slot, value in numbers.items() if slot.startswith(HARMONIC)}
    strains = tuple(float(value) for slot, value in numbers.items() if slot.startswith(STRAIN))
    inverse = float(numbers.get(FAULTS, 0.0))
    return Corrections(
        harmonic_order=max((int(slot.split("_")[1]) for slot in harmonics), default=0),
        harmonics=tuple(harmonics.values()),
        flatness=float(numbers[FLATNESS]) if FLATNESS in numbers else None,
        fault_distance_nm=None if FAULTS not in numbers else (1.0 / inverse if inverse > 0.0 else math.inf),
        strain_terms=strains or None,
    )


def _refuse_another_number(name: str, what: str, given: Sequence[float], slots: Sequence[str]) -> None:
    if given and len(given) != len(slots):
        raise InputError(f"{name} has {len(given)} {what}", cure=f"give {len(slots)}: {', '.join(slots) or 'none'}")


@lru_cache(maxsize=64)
def _harmonics(symmetry: Symmetry, cell: Cell, order: int) -> SymmetrisedHarmonics:
    return SymmetrisedHarmonics(symmetry, cell, order)


@lru_cache(maxsize=64)
def _strain_names(symmetry: Symmetry) -> tuple[str, ...]:
    return tuple(strain_names(symmetry))


def layer_normal(crystal: Crystal) -> tuple[int, int, int]:
    """Return the plane of the layers: (111) in rhombohedral axes, (001) in all others."""
    rhombohedral = crystal.symmetry.cell_rule.free == (0, CELL_NAMES.index("alpha"))
    return (1, 1, 1) if rhombohedral else (0, 0, 1)


def with_displacement(site: Site, before: Site, cell: Cell) -> Site:
    """Return a site whose u_aniso is changed with its u_iso; `before` is the site with the old values.

    A refinement changes the isotropic part: U_ij changes by the change of u_iso times G*_ij / (a*_i a*_j).
    """
    if before.u_aniso is None:
        return site
    inverse = np.linalg.inv(metric_tensor(cell))
    star = np.sqrt(np.diag(inverse))
    rise = (site.u_iso - before.u_iso) * inverse / np.outer(star, star)
    six = rise[0, 0], rise[1, 1], rise[2, 2], rise[0, 1], rise[0, 2], rise[1, 2]
    return replace(site, u_aniso=cell_tuple(u + float(more) for u, more in zip(before.u_aniso, six, strict=True)))
