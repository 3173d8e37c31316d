"""Coordination: the polyhedron of anions about each cation, told by angles as well as by number.

A trigonal prism and an octahedron both hold six anions at like distances; only the octahedron has three pairs of them
on opposite sides.
"""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass

import numpy as np

from layerox.crystal.neighbours import Pairs, pairs_within
from layerox.typing import FloatArray, IntArray
from layerox.validation.classified_sites import ANION, METAL, Places

# The longest bonds: 2.40 A is the Jahn-Teller bond of O'3 NaMnO2, 3.3 A and more the next shell of any metal here.
METAL_REACH, ALKALI_REACH = 2.75, 3.1
LARGE_ANION = 0.45  # angstrom by which S, Se, Cl, Br, I are larger than O
OPPOSITE = 147.0  # degrees; 180 in a regular octahedron, at most 140 in the prisms of slabs and galleries
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

    def counts(self, places: Places) -> dict[str, dict[str, int]]:
        """Return how many sites of each role have each shape."""
        found: dict[str, Counter[str]] = {}
        for role, shape in zip(places.role.tolist(), self.shape, strict=True):
            if shape:
                found.setdefault(role, Counter())[shape] += 1
        return {role: dict(counter) for role, counter in found.items()}


def polyhedra(places: Places) -> Polyhedra:
    """Return the bonds of each cation to anions, and the shapes."""
    pairs = pairs_within(places.lattice, places.positions, ALKALI_REACH + LARGE_ANION)
    is_anion = places.role == ANION
    large = np.array([any(element in LARGE and x > 0.5 for element, x in one) for one in places.species])
    reach = np.where(places.role == METAL, METAL_REACH, ALKALI_REACH)
    longest = reach[pairs.first] + LARGE_ANION * large[pairs.second]
    bonds = pairs.where(~is_anion[pairs.first] & is_anion[pairs.second] & (pairs.distance <= longest))
    number = np.bincount(bonds.first, minlength=len(places))
    starts = np.searchsorted(bonds.first, np.arange(len(places) + 1))
    shape = tuple("" if is_anion[k] else _shape(bonds.vector[starts[k] : starts[k + 1]]) for k in range(len(places)))
    return Polyhedra(bonds, shape, number)


def _shape(vectors: FloatArray) -> str:
    units = vectors / np.maximum(np.linalg.norm(vectors, axis=1, keepdims=True), 1e-9)
    opposite = int((np.triu(units @ units.T, 1) < np.cos(np.radians(OPPOSITE))).sum())
    names = {
        (6, 3): "octahedral",
        (6, 0): "prismatic",
        (5, 2): "square_pyramidal",
        (5, 1): "square_pyramidal",
        (4, 0): "tetrahedral",
    }
    return names.get((len(vectors), opposite), "other")
