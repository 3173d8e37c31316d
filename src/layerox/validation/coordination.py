"""Coordination: the anions bonded to each cation of a structure that is checked, and the polyhedra that they make.

Here bonds are chosen by fixed largest lengths; the polyhedra come from `crystal.coordination`.
"""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass

import numpy as np

from layerox.crystal.coordination import polyhedra_of_bonds
from layerox.crystal.neighbours import Pairs, pairs_within
from layerox.typing import IntArray
from layerox.validation.classified_sites import ANION, METAL, ClassifiedSites

# The longest bonds: 2.40 A is the Jahn-Teller bond of O'3 NaMnO2, 3.3 A and more the next shell of any metal here.
METAL_REACH, ALKALI_REACH = 2.75, 3.1
LARGE_ANION = 0.45  # angstrom by which S, Se, Cl, Br, I are larger than O
LARGE = frozenset(("S", "Se", "Cl", "Br", "I"))


@dataclass(frozen=True, eq=False)
class Polyhedra:
    """The bonds of every cation and the shape that they make.

    Attributes
    ----------
    bonds
        From cations to anions.
    shape
        For each site: "octahedral", "prismatic", "square_pyramidal", "tetrahedral", "other"; "" for anions.
    number
        How many anions, shape (n,).
    """

    bonds: Pairs
    shape: tuple[str, ...]
    number: IntArray

    def counts(self, sites: ClassifiedSites) -> dict[str, dict[str, int]]:
        """Return how many sites of each role have each shape."""
        found: dict[str, Counter[str]] = {}
        for role, shape in zip(sites.role.tolist(), self.shape, strict=True):
            if shape:
                found.setdefault(role, Counter())[shape] += 1
        return {role: dict(counter) for role, counter in found.items()}


def polyhedra(sites: ClassifiedSites) -> Polyhedra:
    """Return the bonds of each cation to anions, and the shapes."""
    pairs = pairs_within(sites.lattice, sites.positions, ALKALI_REACH + LARGE_ANION)
    is_anion = sites.role == ANION
    large = np.array([any(element in LARGE and x > 0.5 for element, x in one) for one in sites.species])
    reach = np.where(sites.role == METAL, METAL_REACH, ALKALI_REACH)
    longest = reach[pairs.first] + LARGE_ANION * large[pairs.second]
    bonds = pairs.where(~is_anion[pairs.first] & is_anion[pairs.second] & (pairs.distance <= longest))
    number = np.bincount(bonds.first, minlength=len(sites))
    shape = np.where(is_anion, "", polyhedra_of_bonds(bonds, len(sites)))
    return Polyhedra(bonds, tuple(shape.tolist()), number)
