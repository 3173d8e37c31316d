"""Disordered phase: a phase whose galleries of several kinds follow each other in a partly random sequence.

Its crystal is the mean slab with its gallery: one TMO2 layer in a cell of one in-plane mesh and the mean spacing, with
the alkali sites of every kind. Occupancies are those within a gallery of the kind; the fractions of the kinds weigh
them in formula and mass.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, fields, replace
from functools import cached_property

import gemmi
import numpy as np

from layerox.crystal.asymmetric_unit import Crystal
from layerox.diffraction import peaks as pk
from layerox.diffraction.phase import Phase
from layerox.errors import InputError
from layerox.stacking.disorder import Disorder, least_persistence
from layerox.typing import FloatArray

COLUMN = "column_inverse_size"
PERSISTENCE = "persistence"
SPACING = "spacing"
# Height of the alkali sites in the cell of the mean slab.
MIDDLE = 0.5


@dataclass(frozen=True, kw_only=True)
class GallerySite:
    """An alkali site of one kind of gallery.

    Attributes
    ----------
    kind
        Index of the kind.
    place
        "face", "edge", "lower", "upper" or "octahedral", see `stacking.word.Gallery.sites`.
    """

    kind: int
    place: str


@dataclass(frozen=True, kw_only=True)
class MeanCrystal(Crystal):
    """The mean slab and gallery of a disordered stacking.

    Attributes
    ----------
    shares
        Number of positions of each site in one slab with its gallery: 1 for the metal, 2 for the anions, and for an
        alkali site the fraction of galleries of its kind.
    """

    shares: tuple[float, ...] = ()

    @cached_property
    def multiplicities(self) -> tuple[float, ...]:  # type: ignore[override]  # a mean number of positions
        """Mean number of positions in the cell, for each site."""
        return self.shares

    @cached_property
    def mixed_sites(self) -> tuple[tuple[int, ...], ...]:
        """Metals on one position and anions on one position; each alkali site is alone."""
        groups: dict[tuple[float, ...], list[int]] = {}
        for k, site in enumerate(self.sites):
            in_slab = site.position[2] != MIDDLE
            groups.setdefault(site.position if in_slab else (float(k),), []).append(k)
        return tuple(tuple(group) for group in groups.values())

    @property
    def formula_units(self) -> int:
        """One slab is one formula unit."""
        return 1

    def checked(self) -> Crystal:
        """Return self: the kinds of galleries exclude each other, so that their sites may overlap."""
        return self


@dataclass(frozen=True, kw_only=True)
class DisorderedPhase(Phase):
    """A disordered stacking as a phase of a specimen.

    Attributes
    ----------
    disorder
        Kinds, fractions, persistence and glides.
    spacings
        Slab-to-slab distance of each kind, angstrom.
    gallery_sites
        For each site of the crystal: its gallery, or None for the slab.
    column_nm
        Mean height of the columns along the stacking direction; infinite without an effect on widths.
    """

    disorder: Disorder
    spacings: tuple[float, ...]
    gallery_sites: tuple[GallerySite | None, ...]
    column_nm: float = float("inf")

    def __post_init__(self) -> None:
        if self.mode != "rietveld":
            fault = f"{self.name} is a disordered stacking: its intensities cannot be extracted ({self.mode})"
            raise InputError(fault, cure="use mode = 'rietveld'")
        if self.harmonic_order or self.flatness is not None or self.fault_distance_nm or self.strain_terms is not None:
            fault = f"{self.name} is a disordered stacking: it has no spherical harmonics and no anisotropic broadening"
            raise InputError(fault, cure="use its March coefficient, size, microstrain and column height")

    @property
    def stacking_slots(self) -> list[str]:
        """Names of the parameters of the stacking, without the prefix of the phase's name."""
        kinds = self.disorder.kinds
        further = ["fraction"] if len(kinds) == 2 else [f"fraction_{kind}" for kind in kinds[1:]]
        return [*further, PERSISTENCE, *(f"{SPACING}_{kind}" for kind in kinds), COLUMN]

    @property
    def slot_names(self) -> list[str]:
        """Names of all parameters: those of an ordinary phase, then those of the stacking."""
        return [*super().slot_names, *self.stacking_slots]

    @property
    def values(self) -> FloatArray:
        """Initial values, in the order of `slot_names`; heights of anions in units of `height_unit`."""
        own = [*self.disorder.fractions[1:], self.disorder.persistence, *self.spacings, 1.0 / self.column_nm]
        found = np.concatenate([super().values, own])
        heights = [k for k, name in enumerate(self.slot_names) if name in self.anion_slots]
        found[heights] *= self.crystal.cell[2] / self.height_unit
        return found

    @property
    def stacking_start(self) -> int:
        """Index of the first parameter of the stacking among `slot_names`."""
        return pk.SITES + pk.PER_SITE * len(self.crystal.sites)

    @property
    def position_slots(self) -> tuple[str, ...]:
        """Names of the parameters that shift its peaks: cell and spacings."""
        return (*super().position_slots, *(f"{SPACING}_{kind}" for kind in self.disorder.kinds))

    @property
    def length_slots(self) -> tuple[str, ...]:
        """Names of the lengths that are refined: the mesh and the spacings, from which c follows."""
        return ("a", *(f"{SPACING}_{kind}" for kind in self.disorder.kinds))

    @property
    def height_unit(self) -> float:
        """The unit of the heights of the anions among the parameters, angstrom: the given spacing of the first kind.

        The mean spacing falls by a tenth where O galleries grow in P2, and slabs keep their height: a fraction of the
        mean spacing would make them as much thinner.
        """
        return self.spacings[0]

    @property
    def anion_slots(self) -> tuple[str, ...]:
        """Names of the heights of the anions; species on one position follow the first one."""
        rows = zip(self.crystal.sites, self.gallery_sites, strict=True)
        return tuple(f"{site.label}_z" for site, place in rows if place is None and site.position[2] != 0.0)

    @property
    def frame_slots(self) -> tuple[str, ...]:
        """Names of the parameters that differ from frame to frame of a series: those of the stacking too."""
        return (*super().frame_slots, *self.stacking_slots)

    def crystal_at(self, values: FloatArray) -> Crystal:
        """Return the mean crystal for the fractions among the values of the slots."""
        return with_fractions(self.crystal, self.gallery_sites, self.fractions(values).tolist())

    def fractions(self, values: FloatArray) -> FloatArray:
        """Return the fraction of each kind at the values of the phase's slots, shape (k,)."""
        further = values[self.stacking_start : self.stacking_start + len(self.disorder.kinds) - 1]
        return np.concatenate([[1.0 - further.sum()], further])

    def kind_masses(self, values: FloatArray) -> tuple[FloatArray, FloatArray]:
        """Return the mass of one gallery of each kind with half of both slabs beside it, and its derivatives.

        Parameters
        ----------
        values
            Of the phase's slots.

        Returns
        -------
        tuple
            g/mol, shape (k,), and derivatives with respect to the slots, (k, slots).
        """
        count = len(self.disorder.kinds)
        masses, slopes = np.zeros(count), np.zeros((count, len(values)))
        for k, (site, gallery) in enumerate(zip(self.crystal.sites, self.gallery_sites, strict=True)):
            slot = pk.SITES + k * pk.PER_SITE + pk.SITE_OCCUPANCY
            weight = gemmi.Element(site.element).weight
            kinds = slice(None) if gallery is None else slice(gallery.kind, gallery.kind + 1)
            number = self.crystal.multiplicities[k] if gallery is None else 1.0
            masses[kinds] += number * weight * values[slot]
            slopes[kinds, slot] += number * weight
        return masses, slopes

    def fraction_slopes(self, count: int) -> FloatArray:
        """Return the derivatives of the fractions with respect to the slots, shape (k, `count`)."""
        kinds = len(self.disorder.kinds)
        slopes = np.zeros((kinds, count))
        for k in range(1, kinds):
            slot = self.stacking_start + k - 1
            slopes[0, slot], slopes[k, slot] = -1.0, 1.0
        return slopes

    def cell_content_mass(self, values: FloatArray) -> tuple[float, FloatArray]:
        """Return the mean mass of a slab with its gallery (g/mol) and its derivatives with respect to the slots."""
        masses, by_slot = self.kind_masses(values)
        fractions = self.fractions(values)
        return float(fractions @ masses), fractions @ by_slot + masses @ self.fraction_slopes(len(values))

    def spacing_expression(self, name: str) -> str:
        """Return the cell length c as an expression of the fractions and spacings, under the phase's safe name."""
        kinds = self.disorder.kinds
        further = [f"{name}_{slot}" for slot in self.stacking_slots[: len(kinds) - 1]]
        terms = [f"(1 - {' - '.join(further)}) * {name}_{SPACING}_{kinds[0]}"]
        terms += [f"{f} * {name}_{SPACING}_{kind}" for f, kind in zip(further, kinds[1:], strict=True)]
        return " + ".join(terms)

    def at(self, numbers: dict[str, float], crystal: Crystal) -> DisorderedPhase:
        """Return the phase with the values of its stacking slots, by name, and another mean crystal."""
        kinds = self.disorder.kinds
        further = [numbers[slot] for slot in self.stacking_slots[: len(kinds) - 1]]
        disorder = disorder_at(self.disorder, further, numbers[PERSISTENCE])
        inverse = numbers[COLUMN]
        return replace(
            self,
            crystal=with_fractions(crystal, self.gallery_sites, disorder.fractions),
            disorder=disorder,
            spacings=tuple(numbers[f"{SPACING}_{kind}"] for kind in kinds),
            column_nm=1.0 / inverse if inverse > 0.0 else float("inf"),
        )


def disorder_at(disorder: Disorder, further: Sequence[float], persistence: float) -> Disorder:
    """Return a disorder with other fractions of the second, third ... kind, and another persistence within bounds."""
    fractions = (max(1.0 - sum(further), 0.0), *further)
    least = least_persistence(fractions)
    return replace(disorder, fractions=fractions, persistence=min(max(persistence, least), 1.0))


def with_fractions(
    crystal: Crystal, gallery_sites: Sequence[GallerySite | None], fractions: Sequence[float]
) -> MeanCrystal:
    """Return the mean crystal of other fractions of the kinds."""
    if not isinstance(crystal, MeanCrystal):
        raise TypeError(f"a {type(crystal).__name__} is not the mean crystal of a stacking")
    shares = tuple(
        share if site is None else fractions[site.kind]
        for site, share in zip(gallery_sites, crystal.shares, strict=True)
    )
    return replace(crystal, shares=shares)


def mean_crystal(
    crystal: Crystal, gallery_sites: Sequence[GallerySite | None], fractions: Sequence[float]
) -> MeanCrystal:
    """Return an ordinary crystal of one slab as the mean crystal of a stacking."""
    shares = tuple(
        fractions[place.kind] if place is not None else (1.0 if site.position[2] == 0.0 else 2.0)
        for site, place in zip(crystal.sites, gallery_sites, strict=True)
    )
    return MeanCrystal(**{f.name: getattr(crystal, f.name) for f in fields(crystal)}, shares=shares)
