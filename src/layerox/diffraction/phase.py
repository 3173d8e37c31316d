"""Phase: the description of a crystal in a powder: structure, scale, size, microstrain and texture.

It holds starting values only; `phase_model.PhaseModel` computes the peaks.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, replace
from typing import Literal

import gemmi
import numpy as np

from layerox.crystal.asymmetric_unit import Cell, Crystal, Site, cell_tuple
from layerox.symmetry import CELL_NAMES, metric_tensor
from layerox.typing import FloatArray

IntensityMode = Literal["rietveld", "le-bail", "pawley"]

# Prefix of the names of extracted intensities: "I_0_0_2".
INTENSITY = "I_"
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

    @property
    def is_weighed(self) -> bool:
        """Whether it has a weight fraction: it is part of the specimen, with intensities from its structure."""
        return self.mode == "rietveld" and not self.hardware

    @property
    def axis(self) -> tuple[int, int, int]:
        """The texture axis in use."""
        return layer_normal(self.crystal) if self.texture_axis is None else self.texture_axis

    @property
    def slot_names(self) -> list[str]:
        """Names of all parameters of the phase, without the prefix of its name, in the order of `values`."""
        return [*OWN_SLOTS, *(f"{site.label}_{slot}" for site in self.crystal.sites for slot in SITE_SLOTS)]

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
            self.microstrain,
            self.preferred_orientation,
            self.displacement_mm,
        ]
        for site in self.crystal.sites:
            own += [*site.position, site.occupancy, site.u_iso]
        return np.array(own, dtype=np.float64)


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
