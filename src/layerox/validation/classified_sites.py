"""Classified sites: each site of a structure with its species and its role: metal, gallery ion or anion.

Lithium and magnesium can be either; they count as metals if they share a site or a plane with metals, see `layers.py`.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from layerox.builders.composition import EITHER, INTERLAYER
from layerox.crystal.asymmetric_unit import ANIONS
from layerox.crystal.atoms import Atoms
from layerox.typing import FloatArray, IntArray

BoolArray = NDArray[np.bool_]

METAL, ALKALI, ANION = "metal", "alkali", "anion"


@dataclass(frozen=True, kw_only=True, eq=False)
class ClassifiedSites:
    """Every site of a cell once, mixed or not, in the order of the structure.

    Attributes
    ----------
    lattice
        Edges as rows, angstrom.
    positions
        Fractional, shape (n, 3).
    species
        Element and occupancy of each species on each site.
    occupancy
        Their sums, shape (n,).
    role
        "metal", "alkali" or "anion" of the site's main species, shape (n,).
    either
        Whether the site holds lithium or magnesium alone, shape (n,).
    """

    lattice: FloatArray
    positions: FloatArray
    species: tuple[tuple[tuple[str, float], ...], ...]
    occupancy: FloatArray
    role: NDArray[np.str_]
    either: BoolArray

    def __len__(self) -> int:
        return len(self.species)

    def having(self, role: str) -> IntArray:
        """Return the indices of the sites with a role."""
        return np.flatnonzero(self.role == role)

    def elements(self, index: int) -> str:
        """Return the elements of a site: "Ni/Mn"."""
        return "/".join(element for element, _ in self.species[index])

    def named(self, indices: Sequence[int] | IntArray, most: int = 4) -> str:
        """Write sites for messages, numbered from 0: "Na 12, Na 15 and 7 more"."""
        listed = [f"{self.elements(int(k))} {int(k)}" for k in indices[:most]]
        rest = len(indices) - len(listed)
        return ", ".join(listed) + (f" and {rest} more" if rest else "")


def classified_sites(atoms: Atoms) -> ClassifiedSites:
    """Return the sites of a list of atoms."""
    rows: dict[int, list[int]] = {}
    for row, site in enumerate(atoms.site.tolist()):
        rows.setdefault(site, []).append(row)
    ordered = [rows[site] for site in sorted(rows)]
    kind = atoms.kind.tolist()
    species = tuple(
        tuple((atoms.kinds[kind[row]].element, atoms.kinds[kind[row]].occupancy) for row in members)
        for members in ordered
    )
    return ClassifiedSites(
        lattice=atoms.lattice,
        positions=atoms.positions[[members[0] for members in ordered]],
        species=species,
        occupancy=np.array([sum(x for _, x in members) for members in species]),
        role=np.array([_role(members) for members in species]),
        either=np.array([all(element in EITHER for element, _ in members) for members in species]),
    )


def _role(species: Sequence[tuple[str, float]]) -> str:
    main = max(species, key=lambda one: one[1])[0]
    if main in ANIONS:
        return ANION
    if any(element not in INTERLAYER for element, _ in species):
        return METAL
    return ALKALI
