"""Ordering: partial occupancies converted to whole atoms: all distinct ways in a small cell, one way in a large one.

Small cells are listed (`enumeration.py`) and ranked by their electrostatic energy (`ewald.py`); large ones are drawn
(`montecarlo.py`). In both, no two cations are closer than 2 A, and the composition is the nearest that whole atoms
can reach; the result states it.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from layerox.builders.enumeration import Distinct, distinct_fillings, equivalences
from layerox.builders.ewald import ewald_energies, ewald_matrix
from layerox.builders.montecarlo import drawn_filling
from layerox.builders.occupation import VACANT, Ion, Openings, ion_charges, openings
from layerox.builders.supercell import Shape, as_matrix, in_supercell, reaching
from layerox.crystal.asymmetric_unit import ANIONS, Crystal
from layerox.crystal.atoms import Atoms, atoms_from_crystal, atoms_from_structure
from layerox.errors import InputError
from layerox.notices import Notice, RenamedNotices
from layerox.public import public
from layerox.typing import FloatArray, IntArray

if TYPE_CHECKING:
    from pymatgen.core import Structure

MOST_TO_RANK = 2_000  # distinct orderings up to which an ordered cell is the best of all rather than one drawn
MOST_PLACES = 40  # open positions of a cell in which they are counted at all


@dataclass(frozen=True, kw_only=True, eq=False)
class Ordering(RenamedNotices):
    """One ordered cell.

    Attributes
    ----------
    structure
        Whole atoms; its `properties["warnings"]` list the rounded amounts.
    energy
        Electrostatic energy of point charges, eV per cell, for ranking only.
    multiplicity
        How many fillings of the cell are equivalent to this one.
    warnings
        The same as notices.
    """

    structure: Structure
    energy: float
    multiplicity: int
    warnings: tuple[Notice, ...]


@public
def orderings(
    structure: Structure | Crystal | Atoms,
    supercell: Shape = (1, 1, 1),
    *,
    keep_split: bool = True,
    limit: int | None = None,
) -> list[Ordering]:
    """Return every symmetrically distinct ordering of a supercell once, that of lowest electrostatic energy first.

    Parameters
    ----------
    structure
        With partial occupancies.
    supercell
        Cells along a, b and c, or a 3 x 3 matrix whose rows are the new edges: ((2, 0, 0), (1, 2, 0), (0, 0, 1)) is
        the rectangular 2 x sqrt 3 cell of a hexagonal one.
    keep_split
        Whether sites with different labels, such as face and edge of P2, keep their shares of the ions; else the ions
        are free to choose among them.
    limit
        How many of the best to return.

    Returns
    -------
    list of Ordering
        Each with its `structure` (pymatgen, whole atoms), `energy` (Ewald sum of the formal charges, eV a supercell),
        `multiplicity` and `warnings`.

    Raises
    ------
    InputError
        If nothing is partly occupied, no filling is allowed, or there are more than some thousand.

    Examples
    --------
    >>> import layerox as lx
    >>> found = lx.orderings(lx.build("P2", formula="Na0.5CoO2"), supercell=(2, 1, 1))
    >>> len(found), found[0].energy <= found[1].energy
    (2, True)
    """
    parent = _atoms(structure)
    matrix = as_matrix(supercell)
    gaps = openings(in_supercell(parent, matrix), by_layer=False, keep_split=keep_split)
    _check(gaps)
    ranked = _ranked(gaps, distinct_fillings(gaps, equivalences(parent, matrix, gaps)))
    made = []
    for one, energy in ranked[:limit]:
        atoms = gaps.filled(one.states, gaps.reached)
        made.append(
            Ordering(
                structure=atoms.to_structure(), energy=energy, multiplicity=one.multiplicity, warnings=atoms.warnings
            )
        )
    return made


def ordered_atoms(structure: Structure | Crystal | Atoms, supercell: Shape | None = None, *, seed: int = 0) -> Atoms:
    """Return one ordered cell: the best of all in a small cell, one drawn by Monte Carlo in a large one.

    Parameters
    ----------
    structure
        With partial occupancies; ordered atoms come back in the supercell.
    supercell
        As in `orderings`; when not given, the smallest hexagonal one that reaches the composition.
    seed
        Decides the drawing.

    Raises
    ------
    InputError
        If the supercell is none, or its sites cannot hold the ions.
    """
    parent = _atoms(structure)
    matrix = _shape(parent) if supercell is None else as_matrix(supercell)
    cell = in_supercell(parent, matrix)
    if cell.is_ordered:
        return cell
    return _best(parent, matrix, cell) or _drawn(cell, seed)


def _atoms(structure: Structure | Crystal | Atoms) -> Atoms:
    if isinstance(structure, Atoms):
        return structure
    if isinstance(structure, Crystal):
        return atoms_from_crystal(structure)
    if hasattr(structure, "frac_coords"):
        return atoms_from_structure(structure)
    raise InputError(f"a {type(structure).__name__} cannot be ordered", cure="give a pymatgen Structure or a Crystal")


def _shape(parent: Atoms) -> IntArray:
    """Return the supercell that reaches the composition of a hexagonal cell; other cells stay as they are."""
    a, b, _, alpha, beta, gamma = parent.cell
    if abs(a - b) > 1e-6 or any(abs(x - y) > 1e-6 for x, y in zip((alpha, beta, gamma), (90, 90, 120), strict=True)):
        return np.eye(3, dtype=int)
    gaps = openings(parent, by_layer=False)
    amounts = [float(x) for pool in gaps.pools for x in pool.shares.sum(axis=0)[:-1]]
    anions = sum(number for element, number in parent.content.items() if element in ANIONS)
    return reaching(parent, amounts, max(anions / 2, 1.0))


def _check(gaps: Openings) -> None:
    if not gaps.pools:
        raise InputError(f"{gaps.atoms.name} has no partial occupancies", cure="it is ordered already")


def _best(parent: Atoms, matrix: IntArray, cell: Atoms) -> Atoms | None:
    """Return the ordering of lowest energy, None where there are too many to compare."""
    gaps = openings(cell, by_layer=False)
    if len(gaps.sites) > MOST_PLACES or _fillings(gaps) > MOST_TO_RANK * round(float(np.linalg.det(matrix))) * 4:
        return None
    try:
        distinct = distinct_fillings(gaps, equivalences(parent, matrix, gaps))
    except InputError:
        return None
    if not distinct:
        return None
    return gaps.filled(_ranked(gaps, distinct)[0][0].states, gaps.reached)


def _fillings(gaps: Openings) -> float:
    """Return how many fillings there are, exclusions aside."""
    return math.exp(
        sum(math.lgamma(row.sum() + 1) - sum(math.lgamma(n + 1) for n in row) for p in gaps.pools for row in p.counts)
    )


def _drawn(cell: Atoms, seed: int) -> Atoms:
    gaps = openings(cell, by_layer=True)
    drawn = drawn_filling(gaps, _charges(gaps), seed)
    return gaps.filled(drawn.states, (*gaps.reached, *drawn.warnings))


def _charges(gaps: Openings) -> dict[Ion, float]:
    """Return the charge of each ion in the ordered cell."""
    content: dict[Ion, float] = {}
    open_sites = set(gaps.sites.tolist())
    for kind, site in zip(gaps.atoms.kind.tolist(), gaps.atoms.site.tolist(), strict=True):
        if site not in open_sites:
            one = gaps.atoms.kinds[kind]
            content[one.element, one.charge] = content.get((one.element, one.charge), 0.0) + 1
    for pool in gaps.pools:
        for ion, number in zip(pool.ions, pool.counts.sum(axis=0), strict=False):
            content[ion] = content.get(ion, 0.0) + float(number)
    return ion_charges(gaps.atoms, {ion: number for ion, number in content.items() if number})


def _ranked(gaps: Openings, distinct: list[Distinct]) -> list[tuple[Distinct, float]]:
    """Return the fillings with their electrostatic energies, lowest first; ties keep their order."""
    charges = _charges(gaps)
    atoms, places = gaps.atoms, gaps.positions
    open_sites = set(gaps.sites.tolist())
    fixed = [row for row, site in enumerate(atoms.site.tolist()) if site not in open_sites]
    positions = np.concatenate([places, atoms.positions[fixed]])
    of_fixed = [charges[atoms.kinds[k].element, atoms.kinds[k].charge] for k in atoms.kind[fixed].tolist()]
    rows = np.array([[*_place_charges(gaps, one.states, charges), *of_fixed] for one in distinct])
    if not len(rows):
        raise InputError(f"no allowed ordering of {atoms.name} has these numbers of ions",
                         cure="allow other sites (keep_split=False), or take another supercell")  # fmt: skip
    energies = ewald_energies(ewald_matrix(atoms.lattice, positions), rows)
    order = np.argsort(np.round(energies, 8), kind="stable")
    return [(distinct[k], float(energies[k])) for k in order]


def _place_charges(gaps: Openings, states: IntArray, charges: dict[Ion, float]) -> FloatArray:
    found = np.zeros(len(states))
    for pool in gaps.pools:
        values = np.array([*(charges.get(ion, 0.0) for ion in pool.ions), 0.0])
        found[pool.places] = values[np.where(states[pool.places] == VACANT, len(pool.ions), states[pool.places])]
    return found
