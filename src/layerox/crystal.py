"""Crystal: a cell, a space group and the atoms of its asymmetric unit, frozen and light.

It is what builders make, what CIFs hold (see `io/cif.py`) and what diffracts. Rows of `sites` are those of a
CIF's atom list: one species each, several rows on one position for a mixed site. Full symmetry of atoms that
were listed without it is found by spglib (Togo, Shinohara & Tanaka, Sci. Technol. Adv. Mater. Meth. 4 (2024)
2384822, doi:10.1080/27660400.2024.2384822).
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from typing import TYPE_CHECKING

import gemmi
import numpy as np

from layerox.errors import InputError
from layerox.notice import Notice
from layerox.symmetry import (
    CELL_NAMES,
    FloatArray,
    IntArray,
    Symmetry,
    metric_tensor,
    symmetry_from_triplets,
    wrapped,
)

if TYPE_CHECKING:
    from pymatgen.core import Structure

Cell = tuple[float, float, float, float, float, float]
Position = tuple[float, float, float]

ASSUMED_U_ISO = 0.006
SAME_SITE = 0.01
OVERLAP = 0.5
FULL = 1.02
SYMMETRY_TOLERANCE = 5e-3
LARGEST_CELL_TO_SEARCH = 2000
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
        "Mn" and 3 for Mn3+; charge 0 means that none was named.
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

    @property
    def is_anion(self) -> bool:
        """Whether the element is one that oxides and their doped relatives hold as an anion."""
        return self.element in ANIONS


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
        Where it comes from: a file, a publication with its provenance label.
    remarks
        What reading or building it noticed and a user should know.
    """

    name: str
    cell: Cell
    symmetry: Symmetry
    sites: tuple[Site, ...]
    source: str = ""
    remarks: tuple[Notice, ...] = ()

    @property
    def space_group(self) -> str:
        """Compact Hermann-Mauguin symbol."""
        return self.symmetry.short_name

    @property
    def volume(self) -> float:
        """Volume of the cell, angstrom^3."""
        return float(np.sqrt(np.linalg.det(metric_tensor(self.cell))))

    @property
    def unit_cell(self) -> gemmi.UnitCell:
        """The cell as gemmi's object."""
        return gemmi.UnitCell(*self.cell)

    @cached_property
    def multiplicities(self) -> tuple[int, ...]:
        """Number of positions in the cell, for each site."""
        return tuple(self.symmetry.multiplicity(site.position) for site in self.sites)

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
        groups: list[list[int]] = []
        for index, site in enumerate(self.sites):
            home = next((g for g in groups if self._same_position(self.sites[g[0]], site)), None)
            if home is None:
                groups.append([index])
            else:
                home.append(index)
        return tuple(tuple(group) for group in groups)

    def _same_position(self, one: Site, other: Site) -> bool:
        return self._distance(one.position, other.position) < SAME_SITE

    def _distance(self, one: Sequence[float], other: Sequence[float]) -> float:
        shift = wrapped(np.subtract(one, other))
        return math.sqrt(float(shift @ metric_tensor(self.cell) @ shift))

    @property
    def formula_units(self) -> int:
        """Number of formula units Z: the largest count that divides every fully occupied position."""
        counts = [
            self.multiplicities[group[0]]
            for group in self.mixed_sites
            if abs(sum(self.sites[k].occupancy for k in group) - 1) < 0.01
        ]
        return math.gcd(*counts) if counts else 1

    @property
    def formula(self) -> str:
        """Formula of one formula unit, such as "Na0.67Ni0.33Mn0.67O2"."""
        return formula_text({element: number / self.formula_units for element, number in self.content.items()})

    def expanded(self) -> tuple[FloatArray, IntArray]:
        """All atoms of the cell: fractional positions, shape (n, 3), and the index of each one's site, (n,)."""
        orbits = [self.symmetry.orbit(site.position) for site in self.sites]
        return np.concatenate(orbits), np.repeat(np.arange(len(orbits)), [len(orbit) for orbit in orbits])

    def with_cell(self, cell: Sequence[float]) -> Crystal:
        """Return the same atoms in another cell; the parameters that symmetry fixes must be right."""
        return replace(self, cell=cell_tuple(cell))

    def checked(self) -> Crystal:
        """Return self if it can diffract.

        Raises
        ------
        InputError
            If it has no atoms, an impossible cell or occupancy, or atoms on top of each other.
        """
        place = self.source or self.name
        if not self.sites:
            raise InputError("holds no atoms", place=place, cure="give a structure with an atom list")
        if not all(math.isfinite(x) and x > 0 for x in self.cell) or not self.volume > 1.0:
            raise InputError(f"impossible cell {self.cell}", place=place)
        for site in self.sites:
            if not 0 <= site.occupancy <= FULL:
                raise InputError(f"{site.label} has occupancy {site.occupancy:g}", place=place, cure="give 0 to 1")
        self._check_overlaps(place)
        return self

    def _check_overlaps(self, place: str) -> None:
        positions, owner = self.expanded()
        if len(positions) > LARGEST_CELL_TO_SEARCH:
            return
        occupancy = np.array([self.sites[k].occupancy for k in owner])
        metric = metric_tensor(self.cell)
        first = np.unique(owner, return_index=True)[1]
        for index in first:
            shift = wrapped(positions - positions[index])
            near = np.einsum("ij,jk,ik->i", shift, metric, shift) < OVERLAP**2
            if occupancy[near].sum() > FULL:
                labels = " and ".join(dict.fromkeys(self.sites[k].label for k in owner[near]))
                raise InputError(
                    f"{labels} overlap: less than {OVERLAP} A apart with a total occupancy of "
                    f"{occupancy[near].sum():.3g}",
                    place=place,
                    cure="correct the coordinates or lower the occupancies",
                )

    def snapped(self, tolerance: float = 0.05) -> Crystal:
        """Return the crystal with coordinates such as 0.3333 moved onto their special positions (angstrom)."""
        cell = self.unit_cell
        sites = (
            replace(site, position=position_tuple(self.symmetry.snapped(site.position, cell, tolerance)))
            for site in self.sites
        )
        return replace(self, sites=tuple(sites))

    def with_full_symmetry(self, tolerance: float = SYMMETRY_TOLERANCE) -> Crystal:
        """Return the crystal in the space group that its atoms have, when it was listed without one.

        A P 1 list and a supercell are described in the standard setting of their full space group, so that
        they refine with the same few parameters as the textbook description. Any other stated group is kept,
        because a user who states a subgroup means it.

        Parameters
        ----------
        tolerance
            Distance up to which atoms count as equivalent, angstrom.
        """
        positions, owner = self.expanded()
        if len(positions) > LARGEST_CELL_TO_SEARCH:
            return self
        found = _search_symmetry(self, positions, owner, tolerance)
        return found if found is not None else self


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

    Site properties `u_iso` (angstrom^2) and `label` are used where present.
    """
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
        source="pymatgen Structure",
    )
    return replace(crystal, name=name or crystal.formula)


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


def _search_symmetry(crystal: Crystal, positions: FloatArray, owner: IntArray, tolerance: float) -> Crystal | None:
    import spglib  # noqa: PLC0415  (only atoms without stated symmetry need it)

    kinds, kind_of_atom, atoms = _kinds_of_atoms(crystal, positions, owner)
    lattice = np.array(crystal.unit_cell.orth.mat.tolist()).T
    dataset = spglib.get_symmetry_dataset((lattice, atoms, kind_of_atom), symprec=tolerance)
    if dataset is None:
        return None
    stated_primitive = len(crystal.symmetry.centrings)
    identity = (dataset.rotations == np.eye(3, dtype=int)).all(axis=(1, 2))
    listed_in_p1 = len(crystal.symmetry) == 1
    if not (listed_in_p1 or identity.sum() > stated_primitive) or len(dataset.rotations) <= len(crystal.symmetry):
        return None
    return _standardised(crystal, kinds, (lattice, atoms, kind_of_atom), dataset.number, tolerance)


def _kinds_of_atoms(
    crystal: Crystal, positions: FloatArray, owner: IntArray
) -> tuple[list[tuple[Site, ...]], IntArray, FloatArray]:
    """Merge mixed sites: the distinct species mixtures, the mixture of each position, and the positions."""
    leaders = {group[0]: group for group in crystal.mixed_sites}
    kinds: dict[tuple[object, ...], int] = {}
    members: list[tuple[Site, ...]] = []
    atoms, numbers = [], []
    for position, index in zip(positions, owner, strict=True):
        if index not in leaders:
            continue
        mixture = tuple(crystal.sites[k] for k in leaders[index])
        key = tuple(sorted((s.species, round(s.occupancy, 4), round(s.u_iso, 5)) for s in mixture))
        if key not in kinds:
            kinds[key] = len(members)
            members.append(mixture)
        atoms.append(position)
        numbers.append(kinds[key] + 1)
    return members, np.array(numbers), np.array(atoms)


def _standardised(
    crystal: Crystal,
    kinds: list[tuple[Site, ...]],
    atoms: tuple[FloatArray, FloatArray, IntArray],
    number: int,
    tolerance: float,
) -> Crystal:
    import spglib  # noqa: PLC0415

    hall = _preferred_hall_number(number)
    dataset = spglib.get_symmetry_dataset(atoms, symprec=tolerance, hall_number=hall)
    operations = spglib.get_symmetry_from_database(hall)
    triplets = []
    for rotation, translation in zip(operations["rotations"], operations["translations"], strict=True):
        op = gemmi.Op()
        op.rot = (rotation * gemmi.Op.DEN).tolist()
        op.tran = np.rint(translation * gemmi.Op.DEN).astype(int).tolist()
        triplets.append(op.triplet())
    symmetry = symmetry_from_triplets(triplets)
    lengths = np.linalg.norm(dataset.std_lattice, axis=1)
    cosine = (dataset.std_lattice @ dataset.std_lattice.T) / np.outer(lengths, lengths)
    angles = np.degrees(np.arccos([cosine[1, 2], cosine[0, 2], cosine[0, 1]]))
    cell = symmetry.centred_cell((*lengths, *angles))
    sites = _asymmetric_unit(symmetry, dataset.std_positions, dataset.std_types, kinds)
    message = f"listed in {crystal.space_group} with {len(atoms[1])} positions; its atoms have {symmetry.short_name}"
    standard = replace(crystal, cell=cell_tuple(np.round(cell, 10)), symmetry=symmetry, sites=sites)
    return replace(standard.snapped(), remarks=(*crystal.remarks, Notice("symmetry_found", message)))


def _preferred_hall_number(number: int) -> int:
    """Return spglib's number of the setting with the inversion at the origin where there are two origins."""
    import spglib  # noqa: PLC0415

    candidates = [h for h in range(1, 531) if spglib.get_spacegroup_type(h).number == number]
    second = [h for h in candidates if spglib.get_spacegroup_type(h).choice == "2"]
    return second[0] if second else candidates[0]


def _asymmetric_unit(
    symmetry: Symmetry, positions: FloatArray, types: IntArray, kinds: list[tuple[Site, ...]]
) -> tuple[Site, ...]:
    sites: list[Site] = []
    taken = np.zeros(len(positions), dtype=bool)
    for index, position in enumerate(positions):
        if taken[index]:
            continue
        images = symmetry.orbit(position)
        near = np.abs(wrapped(positions[:, None, :] - images[None, :, :])).max(axis=2).min(axis=1) < 5e-3
        taken |= near & (types == types[index])
        for member in kinds[types[index] - 1]:
            label = f"{member.element}{1 + sum(site.element == member.element for site in sites)}"
            sites.append(replace(member, label=label, position=position_tuple(position), u_aniso=None))
    return tuple(sites)


def cell_tuple(values: Iterable[float]) -> Cell:
    """Return six plain floats, so that a `Crystal` never holds arrays."""
    a, b, c, alpha, beta, gamma = (float(x) for x in values)
    return a, b, c, alpha, beta, gamma


def position_tuple(values: Iterable[float]) -> Position:
    """Return three plain floats."""
    x, y, z = (float(v) for v in values)
    return x, y, z


def cell_text(cell: Sequence[float]) -> str:
    """Write a cell for messages: "a 2.8850 b ... gamma 120.00"."""
    return " ".join(f"{name} {value:.4f}" for name, value in zip(CELL_NAMES, cell, strict=True))
