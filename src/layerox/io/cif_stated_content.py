"""The stated content of a CIF's cell (formula, Z, density, multiplicities), compared with its crystal."""

from __future__ import annotations

import itertools
import math
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

import gemmi
import numpy as np
from gemmi import cif

from layerox.crystal.asymmetric_unit import Crystal
from layerox.io.cif_number import UNKNOWN, number_in
from layerox.io.cif_sites import listed
from layerox.symmetry import wrapped

SAME_AMOUNT, SAME_DENSITY, FORMULA_TOLERANCE = 0.1, 0.1, 0.01
# Limits of the volume per atom of an inorganic solid, angstrom^3; only a wrong group is outside.
ATOM_VOLUMES = (4.0, 40.0)
MOST_TO_COMPARE = 1000


@dataclass(frozen=True)
class Stated:
    """The stated content of a cell.

    Attributes
    ----------
    formula
        Atoms of each element in a formula unit; empty if not stated.
    units
        Z, 0 if not stated.
    density
        Density in g/cm^3, 0 if not stated.
    """

    formula: Mapping[str, float]
    units: float = 0.0
    density: float = 0.0


def stated_in(block: cif.Block) -> Stated:
    """Return the formula, Z and density that a block states."""
    units, density = (
        number_in(block.find_value(tag))[0] for tag in ("_cell_formula_units_Z", "_exptl_crystal_density_diffrn")
    )
    return Stated(
        formula=formula_in(text_in(block, "_chemical_formula_sum")),
        units=units if units > 0 and math.isfinite(units) else 0.0,
        density=density if density > 0 and math.isfinite(density) else 0.0,
    )


def formula_in(text: str) -> dict[str, float]:
    """Return the number of atoms of each element in a formula such as "Na0.67 Mn O2"."""
    formula: dict[str, float] = {}
    for element, number in re.findall(r"([A-Z][a-z]?)\s*(\d*\.?\d*)", text[:1000]):
        formula[element] = formula.get(element, 0.0) + (float(number) if number not in {"", "."} else 1.0)
    return formula


def disagreement(content: Mapping[str, float], stated: Mapping[str, float]) -> float:
    """Return the largest difference between two compositions, as a fraction of all atoms."""
    total, whole = sum(content.values()), sum(stated.values())
    if not (total > 0 and whole > 0):
        return 1.0
    elements = set(content) | set(stated)
    return max(abs(content.get(e, 0.0) / total - stated.get(e, 0.0) / whole) for e in elements)


def text_in(block: cif.Block, tag: str) -> str:
    """Return the text of an item, "" where it is missing or unknown."""
    value = block.find_value(tag)
    return "" if value is None or value in UNKNOWN else cif.as_string(value).strip()


def contradictions(crystal: Crystal, multiplicities: Sequence[int], stated: Stated) -> Iterator[str]:
    """Yield the contradictions between the stated content and that of the crystal."""
    order = len(crystal.symmetry)
    pairs = list(zip(crystal.sites, multiplicities, crystal.multiplicities, strict=True))
    # Some programs write the order of the site's symmetry there.
    off = [
        f"{site.label} {m} for {number_stated}"
        for site, number_stated, m in pairs
        if number_stated and number_stated != m
    ]
    if off and not all(number_stated * m == order for _, number_stated, m in pairs if number_stated):
        yield f"the multiplicities contradict those stated ({listed(off)})"
    if stated.units and stated.formula:
        # All elements must be too many or too few: a formula that is wrong in one element does not contradict Z.
        shares = [crystal.content.get(e, 0.0) / (stated.units * n) for e, n in stated.formula.items() if n > 0]
        share = min(shares, key=lambda share: abs(share - 1), default=1.0)
        if abs(share - 1) > SAME_AMOUNT and (min(shares) > 1 or max(shares) < 1):
            yield f"the cell holds {share:.3g} times what Z = {stated.units:g} and the formula state"
    if stated.density and crystal.volume > 1 and abs(crystal.density / stated.density - 1) > SAME_DENSITY:
        yield f"the density is {crystal.density:.3g} g/cm^3, stated is {stated.density:.3g}"


def is_plausible(crystal: Crystal) -> bool:
    """Whether the volume per atom other than hydrogen is that of a solid."""
    number = sum(n for element, n in crystal.content.items() if element not in ("H", "D"))
    low, high = ATOM_VOLUMES
    return low * number <= crystal.volume <= high * number


def shortest_contact(crystal: Crystal) -> float:
    """Return the shortest distance between two positions over the sum of their covalent radii; inf for large cells."""
    positions, owner = crystal.expanded()
    if len(positions) > MOST_TO_COMPARE:
        return math.inf
    radii = np.array([gemmi.Element(crystal.sites[k].element).covalent_r for k in owner])
    shortest = math.inf
    cells = np.array(list(itertools.product((-1.0, 0.0, 1.0), repeat=3)))
    root = np.array(crystal.unit_cell.orth.mat.tolist()).T
    for index in np.unique(owner, return_index=True)[1]:
        shift = wrapped(positions - positions[index])[:, None, :] + cells
        ratio = np.linalg.norm(shift @ root, axis=2).min(axis=1, initial=np.inf, where=_apart(shift @ root))
        shortest = min(shortest, float((ratio / (radii + radii[index])).min()))
    return shortest


def _apart(
    vectors: np.ndarray[tuple[int, ...], np.dtype[np.float64]],
) -> np.ndarray[tuple[int, ...], np.dtype[np.bool]]:
    """Whether vectors are longer than those between the species of a mixed or split site."""
    return np.asarray(np.linalg.norm(vectors, axis=2) > 0.5)
