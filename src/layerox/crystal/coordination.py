"""Classify the coordination polyhedron of a cation from the angles between its bonds (the only classifier).

A trigonal prism and an octahedron both have six anions at similar distances. Three pairs of bonds are trans (opposite)
in an octahedron, none in a prism. The caller decides which neighbours are bonded.
"""

from __future__ import annotations

import numpy as np

from layerox.crystal.atoms import TextArray
from layerox.crystal.neighbours import Pairs
from layerox.typing import FloatArray

POLYHEDRA = ("octahedral", "prismatic", "tetrahedral", "square_pyramidal", "other")
# Degrees. Trans angles are 180 in a regular octahedron and above 150 in the distorted ones of O'3 and P'3; the largest
# angle in the prisms of slabs and galleries is 140. The limit is between, nearer to the prisms.
TRANS = 147.0
TETRAHEDRAL, OFF_TETRAHEDRAL = 109.47, 35.0  # degrees
SQUARE_PYRAMID = 0.5  # largest tau5 of Addison et al., J. Chem. Soc. Dalton Trans. (1984) 1349, 10.1039/DT9840001349


def polyhedra_of_bonds(bonds: Pairs, size: int) -> TextArray:
    """Return the polyhedron around each of `size` positions, shape (size,), one of `POLYHEDRA`.

    Parameters
    ----------
    bonds
        From each centre to its neighbours, sorted by centre.
    size
        Number of positions; one without bonds is "other".
    """
    numbers = np.bincount(bonds.first, minlength=size)
    starts = np.cumsum(numbers) - numbers
    found = np.full(size, "other", dtype="<U16")
    for number in (4, 5, 6):
        centres = np.flatnonzero(numbers == number)
        if len(centres):
            found[centres] = polyhedra(bonds.vector[starts[centres][:, None] + np.arange(number)])
    return found


def polyhedra(vectors: FloatArray) -> TextArray:
    """Return the polyhedra of bonds: vectors from the centres, any unit, shape (centres, bonds, 3)."""
    unit = vectors / np.maximum(np.linalg.norm(vectors, axis=2), 1e-9)[:, :, None]
    number = unit.shape[1]
    upper = np.triu_indices(number, 1)
    cosines = np.einsum("nik,njk->nij", unit, unit)[:, upper[0], upper[1]]
    angles = np.degrees(np.arccos(np.clip(cosines, -1, 1)))
    found = np.full(len(unit), "other", dtype="<U16")
    if number == 4:
        found[np.abs(angles - TETRAHEDRAL).max(axis=1) < OFF_TETRAHEDRAL] = "tetrahedral"
    if number == 5:
        largest = np.sort(angles, axis=1)[:, -2:]
        found[(largest[:, 1] - largest[:, 0]) / 60.0 < SQUARE_PYRAMID] = "square_pyramidal"
    if number == 6:
        trans = (angles > TRANS).sum(axis=1)
        found[trans == 3] = "octahedral"
        found[trans == 0] = "prismatic"
    return found
