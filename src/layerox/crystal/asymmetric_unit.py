"""The `Crystal`: a cell, a space group and the atoms of its asymmetric unit, immutable.

Builders and CIFs (see `io/cif.py`) give crystals, and refinements use them. Rows of `sites` are those of a
CIF's atom list: one species each, several rows on one position for a mixed site.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from typing import TYPE_CHECKING

import gemmi
import numpy as np

from layerox.errors import InputError, printable
from layerox.notices import Notice
from layerox.symmetry import CELL_NAMES, Symmetry, first_at_each_place, metric_tensor, symmetry_from_triplets, wrapped
from layerox.typing import FloatArray, IntArray

if TYPE_CHECKING:
    from pymatgen.core import Structure

Cell = tuple[float, float, float, float, float, float]
Position = tuple[float, float, float]

ASSUMED_U_ISO = 0.006
SAME_SITE = 0.01
OVERLAP = 0.5
# Limits of an occupancy: FULL is one atom; published tables have up to MOST_OCCUPIED on one site, MOST_SHARED in total.
FULL, MOST_OCCUPIED, MOST_SHARED = 1.02, 1.2, 1.1
LARGEST_CELL_TO_SEARCH, MANY_SITES = 2000, 300
NON_METALS = frozenset(("H", "D", "B", "C", "N", "P", "S", "Se"))
HALOGENS = frozenset(("F", "Cl", "Br", "I"))
ANIONS = frozenset(("O", "S", "Se", "N")) | HALOGENS


@dataclass(frozen=True, kw_only=True)
class Site:
    """One species on one crystallographic site.

    Attributes
    ----------
    label
        Unique in the crystal ("Na1").
    element, charge
        "Mn" and 3 for Mn3+; charge 0 means not stated.
    position
        Fractional coordinates.
    occupancy
        Chemical occupancy of the position, 0 to 1.
    u_iso
        Isotropic (or equivalent isotropic) mean square displacement, angstrom^2.
    u_aniso
        U11, U22, U33, U12, U13, U23 in the convention of the CIF dictionary, angstrom^2, or None.
    """

    label: str
    element: str
    position: Position
    occupancy: float = 1.0
    charge: int = 0
    u_iso: float = ASSUMED_U_ISO
    u_aniso: tuple[float, float, float, float, float, float] | None = None

    @property
    def species(self) -> str:
        """Element with its charge as a CIF writes it: "Mn3+", "O2-", "Na"."""
        if not self.charge:
            return self.element
        return f"{self.element}{abs(self.charge)}{'+' if self.charge > 0 else '-'}"


@dataclass(frozen=True, kw_only=True)
class Crystal:
    """A crystal structure.

    Attributes
    ----------
    name
        Short name for legends and tables.
    cell
        a, b, c in angstrom, alpha, beta, gamma in degrees.
    symmetry
        The space group's operations in the setting of `cell` and `sites`.
    sites
        The asymmetric unit.
    source
        Origin: a file, or a publication with its provenance label.
    warnings
        Notices of reading or building it.
    """

    name: str
    cell: Cell
    symmetry: Symmetry
    sites: tuple[Site, ...]
    source: str = ""
    warnings: tuple[Notice, ...] = ()

    @property
    def space_group(self) -> str:
        """Compact Hermann-Mauguin symbol."""
        return self.symmetry.short_name

    @property
    def volume(self) -> float:
        """Volume of the cell, angstrom^3; 0 for angles that no cell can have."""
        return math.sqrt(max(float(np.linalg.det(metric_tensor(self.cell))), 0.0))

    @property
    def unit_cell(self) -> gemmi.UnitCell:
        """The cell as gemmi's object."""
        return gemmi.UnitCell(*self.cell)

    @cached_property
    def multiplicities(self) -> tuple[int, ...]:
        """Number of positions in the cell, for each site."""
        if len(self.symmetry) == 1:
            return (1,) * len(self.sites)
        return tuple(self.symmetry.multiplicity(site.position) for site in self.sites)

    @property
    def mean_occupancies(self) -> tuple[float, ...]:
        """Occupancy of each site as a mean over the positions that symmetry makes of it."""
        rows = zip(self.sites, self.multiplicities, strict=True)
        return tuple(site.occupancy * number / self.symmetry.multiplicity(site.position) for site, number in rows)

    @cached_property
    def content(self) -> dict[str, float]:
        """Number of atoms of each element in the cell."""
        content: dict[str, float] = {}
        for site, multiplicity in zip(self.sites, self.multiplicities, strict=True):
            content[site.element] = content.get(site.element, 0.0) + multiplicity * site.occupancy
        return content

    @property
    def mass(self) -> float:
        """Mass of the cell's content, g/mol (Z times M)."""
        return sum(number * gemmi.Element(element).weight for element, number in self.content.items())

    @property
    def density(self) -> float:
        """X-ray density, g/cm^3."""
        return self.mass / (self.volume * 0.602214076)

    @cached_property
    def mixed_sites(self) -> tuple[tuple[int, ...], ...]:
        """Indices of `sites` grouped by position: one tuple for each crystallographic position."""
        groups: dict[int, list[int]] = {}
        positions = np.array([site.position for site in self.sites]).reshape(-1, 3)
        if len(positions) > MANY_SITES:
            for index, leader in enumerate(first_at_each_place(positions, self.cell, SAME_SITE).tolist()):
                groups.setdefault(leader, []).append(index)
            return tuple(tuple(group) for group in groups.values())
        for index in range(len(self.sites)):
            leaders = list(groups)
            same = np.flatnonzero(self._distances(positions[leaders], positions[index]) < SAME_SITE)
            groups.setdefault(leaders[same[0]] if len(same) else index, []).append(index)
        return tuple(tuple(group) for group in groups.values())

    def _distances(self, positions: FloatArray, place: FloatArray) -> FloatArray:
        """Return distances of the nearest images of positions to a place, angstrom, shape positions.shape[:-1]."""
        shift = wrapped(positions - place)
        return np.asarray(np.sqrt(np.einsum("...j,jk,...k->...", shift, metric_tensor(self.cell), shift)))

    @property
    def formula_units(self) -> int:
        """Number of formula units Z: the common divisor of the numbers of positions of each element or mixture.

        If no cation fills its positions, the best filled ones count.
        """
        occupancies = [min(sum(self.sites[k].occupancy for k in group), 1.0) for group in self.mixed_sites]
        of_cations = [any(self.sites[k].element not in ANIONS for k in group) for group in self.mixed_sites]
        best = max((x for x, is_cation in zip(occupancies, of_cations, strict=True) if is_cation), default=1.0)
        counts: dict[tuple[tuple[str, float], ...], int] = {}
        for group, occupancy, is_cation in zip(self.mixed_sites, occupancies, of_cations, strict=True):
            if abs(occupancy - (best if is_cation else 1.0)) < 0.01:
                mixture = tuple(sorted((self.sites[k].element, round(self.sites[k].occupancy, 2)) for k in group))
                counts[mixture] = counts.get(mixture, 0) + self.multiplicities[group[0]]
        return math.gcd(*counts.values()) if counts else 1

    @property
    def formula(self) -> str:
        """Formula of one formula unit, such as "Na0.67Ni0.33Mn0.67O2"."""
        return formula_text({element: number / self.formula_units for element, number in self.content.items()})

    def expanded(self) -> tuple[FloatArray, IntArray]:
        """All atoms of the cell: fractional positions, shape (n, 3), and the index of each one's site, (n,)."""
        if len(self.symmetry) == 1:
            positions = np.array([site.position for site in self.sites], dtype=np.float64).reshape(-1, 3)
            return positions % 1.0, np.arange(len(positions))
        orbits = [self.symmetry.orbit(site.position) for site in self.sites]
        return np.concatenate(orbits), np.repeat(np.arange(len(orbits)), [len(orbit) for orbit in orbits])

    def with_cell(self, cell: Sequence[float]) -> Crystal:
        """Return the same atoms in another cell; the parameters that symmetry fixes must be right."""
        return replace(self, cell=cell_tuple(cell))

    @property
    def is_possible(self) -> bool:
        """Whether its cell has a volume and its elements exist; no other checks, for refined structures."""
        known = all(gemmi.Element(site.element).atomic_number > 0 for site in self.sites)
        return known and all(math.isfinite(x) and x > 0 for x in self.cell) and self.volume > 1.0

    def checked(self) -> Crystal:
        """Return self if it is physically possible.

        Raises
        ------
        InputError
            If it has no atoms, an impossible cell or occupancy, or atoms on top of each other.
        """
        place = self.source or self.name
        if not self.sites:
            raise InputError("holds no atoms", place=place, cure="give a structure with an atom list")
        if not all(math.isfinite(x) and x > 0 for x in self.cell) or not self.volume > 1.0:
            cure = "give positive lengths in angstrom and angles in degrees"
            raise InputError(f"impossible cell {self.cell}", place=place, cure=cure)
        for site in self.sites:
            if not gemmi.Element(site.element).atomic_number:
                raise InputError(f"{site.label} is of no known element ({site.element!r})", place=place,
                                 cure="write its elements, one row an element")  # fmt: skip
            if not 0 <= site.occupancy <= MOST_OCCUPIED:
                raise InputError(f"{site.label} has occupancy {site.occupancy:g}", place=place, cure="give 0 to 1")
        if not any(site.occupancy for site in self.sites):
            raise InputError("all its sites are empty", place=place, cure="give occupancies above 0")
        self._check_overlaps(place)
        return self

    def _check_overlaps(self, place: str) -> None:
        for labels, total, number in self.crowded():
            if total > (MOST_SHARED if number > 1 else MOST_OCCUPIED) + 1e-6:
                raise InputError(
                    f"{' and '.join(labels[:4])} overlap: less than {OVERLAP} A apart with a total occupancy of "
                    f"{total:.3g}",
                    place=place,
                    cure="correct the coordinates or lower the occupancies",
                )

    def crowded(self) -> list[tuple[tuple[str, ...], float, int]]:
        """Positions less than half an angstrom apart with more than one atom: labels, total occupancy, number.

        Cells of more than 2000 atoms are not searched.
        """
        positions, owner = self.expanded()
        if len(positions) > LARGEST_CELL_TO_SEARCH:
            return []
        occupancy = np.array([self.sites[k].occupancy for k in owner])
        metric = metric_tensor(self.cell)
        found: dict[tuple[str, ...], tuple[float, int]] = {}
        for index in np.unique(owner, return_index=True)[1]:
            shift = wrapped(positions - positions[index])
            near = np.einsum("ij,jk,ik->i", shift, metric, shift) < OVERLAP**2
            total = float(occupancy[near].sum())
            if total > FULL:
                labels = tuple(dict.fromkeys(self.sites[k].label for k in owner[near]))
                found.setdefault(labels, (total, int(near.sum())))
        return [(labels, *rest) for labels, rest in found.items()]

    def snapped(self, tolerance: float = 0.05) -> Crystal:
        """Return the crystal with coordinates such as 0.3333 moved onto their special positions (angstrom).

        Sites that share a position (in different but equivalent places) are moved together.
        """
        if len(self.symmetry) == 1:
            return self._with_shared_places()
        cell = self.unit_cell
        sites: list[Site] = []
        for site in self.sites:
            place = self.symmetry.snapped(site.position, cell, tolerance)
            sites.append(replace(site, position=position_tuple(self._shared(place, sites))))
        return replace(self, sites=tuple(sites))

    def _with_shared_places(self) -> Crystal:
        positions = np.array([site.position for site in self.sites]).reshape(-1, 3)
        leaders = first_at_each_place(positions, self.cell, SAME_SITE).tolist()
        sites = [
            site if leader == k else replace(site, position=self.sites[leader].position)
            for k, (site, leader) in enumerate(zip(self.sites, leaders, strict=True))
        ]
        return replace(self, sites=tuple(sites))

    def _shared(self, place: FloatArray, sites: list[Site]) -> Sequence[float] | FloatArray:
        """Return the position of an earlier site that has `place` among its images, else `place`."""
        if not sites:
            return place
        images = self.symmetry.images(place)
        positions = np.array([site.position for site in sites])
        near = self._distances(images[None, :, :], positions[:, None, :]).min(axis=1) < SAME_SITE
        return sites[int(near.argmax())].position if near.any() else place


def formula_text(content: dict[str, float]) -> str:
    """Write a composition with cations first: {"O": 2, "Na": 0.67, "Mn": 1} is "Na0.67MnO2"."""

    def order(element: str) -> tuple[int, int]:
        number = int(gemmi.Element(element).atomic_number)
        alkaline = number in (3, 11, 12, 19, 20, 37, 38, 55, 56)
        if alkaline:
            return 0, number
        if element in HALOGENS:
            return 4, number
        if element == "O":
            return 3, number
        return (2 if element in NON_METALS else 1), number

    parts = []
    for element in sorted(content, key=order):
        number = round(content[element], 3)
        if number:
            parts.append(element if number == 1 else f"{element}{number:g}")
    return "".join(parts)


def crystal_from_structure(structure: Structure, *, name: str = "") -> Crystal:
    """Return the crystal of a pymatgen Structure (its atoms in P 1).

    The site property `u_iso` (angstrom^2) and the properties `name` and `source` are used where present. A structure
    without a name has its formula as name.
    """
    properties = structure.properties or {}
    sites: list[Site] = []
    for row in structure:
        for species, occupancy in row.species.items():
            element = species.symbol
            sites.append(
                Site(
                    label=f"{element}{1 + sum(site.element == element for site in sites)}",
                    element=element,
                    charge=round(getattr(species, "oxi_state", 0) or 0),
                    position=position_tuple(row.frac_coords),
                    occupancy=float(occupancy),
                    u_iso=float(row.properties.get("u_iso", ASSUMED_U_ISO)),
                )
            )
    crystal = Crystal(
        name=name,
        cell=cell_tuple(structure.lattice.parameters),
        symmetry=symmetry_from_triplets(["x,y,z"], name="P 1"),
        sites=tuple(sites),
        source=str(properties.get("source") or "pymatgen Structure"),
    )
    return replace(crystal, name=name or printable(str(properties.get("name") or "")) or crystal.formula)


def structure_from_crystal(crystal: Crystal) -> Structure:
    """Return the pymatgen Structure of a crystal: all atoms of the cell, mixed sites with their species.

    Site properties: `u_iso` (angstrom^2) and `site_label`.
    """
    from pymatgen.core import Lattice, Structure  # noqa: PLC0415  (half a second, needed only here)

    species, coordinates, u_iso, labels = [], [], [], []
    for group in crystal.mixed_sites:
        members = [crystal.sites[k] for k in group]
        for position in crystal.symmetry.orbit(members[0].position):
            species.append({site.species: site.occupancy for site in members})
            coordinates.append(position)
            u_iso.append(members[0].u_iso)
            labels.append(members[0].label)
    structure = Structure(
        Lattice.from_parameters(*crystal.cell),
        species,
        np.array(coordinates),
        site_properties={"u_iso": u_iso, "site_label": labels},
    )
    structure.properties = {"name": crystal.name, "source": crystal.source}
    return structure


def cell_tuple(values: Iterable[float]) -> Cell:
    """Return six plain floats, so that a `Crystal` never holds arrays."""
    a, b, c, alpha, beta, gamma = (float(x) for x in values)
    return a, b, c, alpha, beta, gamma


def position_tuple(values: Iterable[float]) -> Position:
    """Return three plain floats, those within rounding of a twenty-fourth exactly there (2/3, not 0.66666666666669)."""
    x, y, z = (_tidy(float(v)) for v in values)
    return x, y, z


def _tidy(value: float) -> float:
    nearest = round(24 * value) / 24
    return nearest if abs(value - nearest) < 1e-9 else value


def cell_text(cell: Sequence[float]) -> str:
    """Write a cell for messages: "a 2.8850 b ... gamma 120.00"."""
    return " ".join(f"{name} {value:.4f}" for name, value in zip(CELL_NAMES, cell, strict=True))
