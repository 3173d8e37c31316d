"""`Atoms`: every atom of a cell in arrays, for supercells of any size.

A `Crystal` describes a cell by symmetry and is refined; `Atoms` lists all atoms for writing, ordering and cutting.
Arrays are fast for a hundred thousand atoms, `Site` objects are not.
"""

from __future__ import annotations

import math
from collections.abc import Iterable
from dataclasses import dataclass, replace
from functools import cached_property
from typing import TYPE_CHECKING

import gemmi
import numpy as np
from numpy.typing import NDArray

from layerox.crystal.asymmetric_unit import ASSUMED_U_ISO, Cell, Crystal, Site, cell_tuple, formula_text, position_tuple
from layerox.errors import InputError
from layerox.notices import Notice
from layerox.symmetry import cell_from_metric, symmetry_from_triplets
from layerox.typing import FloatArray, IntArray

if TYPE_CHECKING:
    from pymatgen.core import Structure

TextArray = NDArray[np.str_]

ALMOST_FULL = 1e-6
# More atoms need minutes to write and gigabytes of memory.
MOST_ROWS = 2_000_000


@dataclass(frozen=True, kw_only=True, eq=False)
class Atoms:
    """All atoms of a cell, one row per species: a mixed site has several rows with the same position.

    Attributes
    ----------
    name
        Short name.
    lattice
        The cell's edges as rows, angstrom, shape (3, 3), a along x and b in the xy plane.
    positions
        Fractional coordinates, shape (n, 3).
    kinds
        The distinct kinds of rows: element, occupancy, u_iso and label (the position of a kind is unused).
    kind
        Index into `kinds` for each row, shape (n,).
    site
        Number of the position of a row, shape (n,); rows of a mixed site share it.
    layer
        Number of the slab, or of the slab below a gallery, shape (n,); None when there are no layers.
    phase
        Name of the block that a row belongs to ("P2|O3" for a slab between two), shape (n,); None when unknown.
    site_kind
        Kind of site of a row ("metal", "anion", "face", "octahedral" ...), shape (n,); None when unknown.
    source
        Origin of the structure.
    warnings
        Notices of building it.
    """

    name: str
    lattice: FloatArray
    positions: FloatArray
    kinds: tuple[Site, ...]
    kind: IntArray
    site: IntArray
    layer: IntArray | None = None
    phase: TextArray | None = None
    site_kind: TextArray | None = None
    source: str = ""
    warnings: tuple[Notice, ...] = ()

    def __len__(self) -> int:
        return len(self.kind)

    @cached_property
    def elements(self) -> TextArray:
        """Element of each row."""
        return np.array([kind.element for kind in self.kinds])[self.kind]

    @cached_property
    def labels(self) -> TextArray:
        """Site label of each row."""
        return np.array([kind.label for kind in self.kinds])[self.kind]

    @cached_property
    def occupancies(self) -> FloatArray:
        """Occupancy of each row."""
        return np.array([kind.occupancy for kind in self.kinds])[self.kind]

    @property
    def cartesian(self) -> FloatArray:
        """Positions in angstrom, shape (n, 3)."""
        return self.positions @ self.lattice

    @property
    def cell(self) -> Cell:
        """a, b, c in angstrom, alpha, beta, gamma in degrees."""
        return cell_tuple(np.round(cell_from_metric(self.lattice @ self.lattice.T), 10))

    @property
    def is_ordered(self) -> bool:
        """Whether each position holds one whole atom."""
        return bool((self.occupancies > 1 - ALMOST_FULL).all()) and len(np.unique(self.site)) == len(self)

    @property
    def content(self) -> dict[str, float]:
        """Number of atoms of each element."""
        counts = np.bincount(self.kind, minlength=len(self.kinds))
        content: dict[str, float] = {}
        for kind, count in zip(self.kinds, counts, strict=True):
            content[kind.element] = content.get(kind.element, 0.0) + float(count) * kind.occupancy
        return content

    @property
    def formula(self) -> str:
        """Content of the whole cell, such as "Na4Mn6O12"."""
        return formula_text(self.content)

    def repeated(self, counts: Iterable[int]) -> Atoms:
        """Return the supercell of `counts` cells along a, b and c; the images of an atom follow each other."""
        numbers = _checked(counts)
        size = math.prod(numbers)
        if size * len(self) > MOST_ROWS:
            fault = f"{' x '.join(map(str, numbers))} cells hold {size * len(self)} atoms"
            raise InputError(fault, argument="supercell", cure=f"at most {MOST_ROWS} can be listed: take fewer cells")
        cells = np.stack(np.meshgrid(*(np.arange(n) for n in numbers), indexing="ij"), axis=-1).reshape(-1, 3)
        layer = None
        if self.layer is not None:
            layer = (self.layer[:, None] + cells[:, 2] * (self.layer.max() + 1)).reshape(-1)
        return replace(
            self,
            lattice=self.lattice * np.array(numbers)[:, None],
            positions=((self.positions[:, None, :] + cells) / numbers).reshape(-1, 3),
            kind=np.repeat(self.kind, size),
            site=(self.site[:, None] * size + np.arange(size)).reshape(-1),
            layer=layer,
            phase=None if self.phase is None else np.repeat(self.phase, size),
            site_kind=None if self.site_kind is None else np.repeat(self.site_kind, size),
        )

    def to_crystal(self) -> Crystal:
        """Return the atoms as a crystal in P 1; one `Site` for each row, so meant for some thousand at most."""
        count: dict[str, int] = {}
        sites = []
        for index, position in zip(self.kind, self.positions, strict=True):
            kind = self.kinds[index]
            count[kind.element] = count.get(kind.element, 0) + 1
            label = f"{kind.element}{count[kind.element]}"
            sites.append(replace(kind, label=label, position=position_tuple(position), u_aniso=None))
        return Crystal(
            name=self.name,
            cell=self.cell,
            symmetry=symmetry_from_triplets(["x,y,z"], name="P 1"),
            sites=tuple(sites),
            source=self.source,
            warnings=self.warnings,
        )

    def to_structure(self) -> Structure:
        """Return the pymatgen Structure.

        Site properties `u_iso` (angstrom^2), `site_label`, and `layer`, `phase` and `site_kind` where they are known.
        """
        from pymatgen.core import Lattice, Structure  # noqa: PLC0415  (half a second, needed only here)

        first = np.unique(self.site, return_index=True)[1]
        species: list[dict[str, float]] = [{} for _ in first]
        order = np.searchsorted(self.site[first], self.site)
        for place, index in zip(order, self.kind, strict=True):
            kind = self.kinds[index]
            species[place][kind.species] = species[place].get(kind.species, 0.0) + kind.occupancy
        leaders = [self.kinds[index] for index in self.kind[first]]
        known = {"layer": self.layer, "phase": self.phase, "site_kind": self.site_kind}
        properties: dict[str, list[object]] = {
            "u_iso": [k.u_iso for k in leaders],
            "site_label": [k.label for k in leaders],
            **{name: values[first].tolist() for name, values in known.items() if values is not None},
        }
        structure = Structure(Lattice(self.lattice), species, self.positions[first], site_properties=properties)
        structure.properties = {"name": self.name, "source": self.source}
        if self.warnings:
            structure.properties["warnings"] = [str(notice) for notice in self.warnings]
        return structure


def atoms_from_crystal(crystal: Crystal) -> Atoms:
    """Return all atoms of a crystal's cell.

    Raises
    ------
    InputError
        If it has none, as a phase known by its cell and measured intensities.
    """
    if not crystal.sites:
        raise InputError(f"{crystal.name} has no atoms", place=crystal.source or crystal.name, cure="give a structure")
    positions, kind, site = [], [], []
    places = 0
    for group in crystal.mixed_sites:
        orbit = crystal.symmetry.orbit(crystal.sites[group[0]].position)
        for index in group:
            positions.append(orbit)
            kind.append(np.full(len(orbit), index))
            site.append(places + np.arange(len(orbit)))
        places += len(orbit)
    return Atoms(
        name=crystal.name,
        lattice=lattice_from_cell(crystal.cell),
        positions=np.concatenate(positions),
        kinds=crystal.sites,
        kind=np.concatenate(kind),
        site=np.concatenate(site),
        source=crystal.source,
        warnings=crystal.warnings,
    )


def atoms_from_structure(structure: Structure, *, name: str = "") -> Atoms:
    """Return the atoms of a pymatgen Structure, in its order; positions of one site are rows that share `site`.

    Site properties `u_iso` (angstrom^2) and `site_label` are used where present.
    """
    kinds: dict[Site, int] = {}
    kind, site, positions = [], [], []
    for index, row in enumerate(structure):
        for species, occupancy in row.species.items():
            one = Site(
                label=str(row.properties.get("site_label") or species.symbol),
                element=species.symbol,
                charge=_whole(getattr(species, "oxi_state", 0) or 0),
                position=(0.0, 0.0, 0.0),
                occupancy=float(occupancy),
                u_iso=float(row.properties.get("u_iso") or ASSUMED_U_ISO),
            )
            kind.append(kinds.setdefault(one, len(kinds)))
            site.append(index)
            positions.append(row.frac_coords)
    properties = structure.properties or {}
    return Atoms(
        name=name or str(properties.get("name") or structure.composition.reduced_formula),
        lattice=np.array(structure.lattice.matrix),
        positions=np.array(positions, dtype=float).reshape(-1, 3),
        kinds=tuple(kinds),
        kind=np.array(kind, dtype=int),
        site=np.array(site, dtype=int),
        source=str(properties.get("source") or "pymatgen Structure"),
    )


def _whole(charge: float) -> int:
    """Return a charge that is a whole number; mean charges such as Mn3.5+ count as not stated."""
    return int(charge) if charge == int(charge) else 0


def supercell(structure: Crystal | Atoms, counts: Iterable[int]) -> Atoms:
    """Return all atoms of `counts` cells along a, b and c.

    Raises
    ------
    InputError
        If the counts are not three positive integers.
    """
    atoms = atoms_from_crystal(structure) if isinstance(structure, Crystal) else structure
    return atoms.repeated(counts)


def lattice_from_cell(cell: Cell) -> FloatArray:
    """Return the edges of a cell as rows, angstrom: a along x, b in the xy plane."""
    return np.array(gemmi.UnitCell(*cell).orth.mat.tolist()).T


def _checked(counts: Iterable[int]) -> tuple[int, int, int]:
    numbers = tuple(counts)
    if len(numbers) != 3 or any(int(n) != n or n < 1 for n in numbers):
        raise InputError(f"a supercell of {' x '.join(map(str, numbers))} cells", cure="give three positive integers")
    return int(numbers[0]), int(numbers[1]), int(numbers[2])
