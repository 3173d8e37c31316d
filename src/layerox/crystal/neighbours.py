"""Find pairs of positions of a periodic cell within a distance, images included.

Geometry only; the caller decides which distances are bonds.
"""

from __future__ import annotations

import itertools
import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from layerox.errors import InputError
from layerox.typing import FloatArray, IntArray

# Largest number of neighbouring cells in a search, so that a nearly flat cell does not take hours.
MOST_CELLS = 50_000
# Largest number of pairs that are all compared; above it a tree is faster.
MOST_COMPARED = 200_000


@dataclass(frozen=True, kw_only=True, eq=False)
class Pairs:
    """Directed pairs of positions: each pair occurs in both directions.

    Attributes
    ----------
    first, second
        Indices of the positions, shape (n,); sorted by `first`.
    offset
        Cells by which the second one's image is displaced, shape (n, 3).
    vector
        From the first to that image, angstrom, shape (n, 3).
    distance
        Its length, angstrom, shape (n,).
    """

    first: IntArray
    second: IntArray
    offset: IntArray
    vector: FloatArray
    distance: FloatArray

    def __len__(self) -> int:
        return len(self.first)

    def where(self, chosen: NDArray[np.bool_] | IntArray) -> Pairs:
        """Return the pairs selected by a mask or an index array."""
        return Pairs(
            first=self.first[chosen],
            second=self.second[chosen],
            offset=self.offset[chosen],
            vector=self.vector[chosen],
            distance=self.distance[chosen],
        )


def pairs_within(lattice: FloatArray, positions: FloatArray, cutoff: float) -> Pairs:
    """Return all pairs closer than `cutoff`.

    Parameters
    ----------
    lattice
        Edges as rows, angstrom, shape (3, 3).
    positions
        Fractional coordinates, shape (n, 3).
    cutoff
        Angstrom; may be larger than the cell.
    """
    cells = np.floor(positions).astype(int)
    inside = positions - cells
    owner, shift = _images(lattice, inside, cutoff)
    first, near = _close(inside @ lattice, (inside[owner] + shift) @ lattice, cutoff)
    second, moved = owner[near], shift[near]
    other = (first != second) | moved.any(axis=1)
    first, second, moved = first[other], second[other], moved[other]
    vector = (inside[second] + moved - inside[first]) @ lattice
    return Pairs(
        first=first,
        second=second,
        offset=moved + cells[first] - cells[second],
        vector=vector,
        distance=np.linalg.norm(vector, axis=1),
    )


def _close(core: FloatArray, ghosts: FloatArray, cutoff: float) -> tuple[IntArray, IntArray]:
    """Return the indices of positions (angstrom, shapes (n, 3) and (m, 3)) within `cutoff` of each other, sorted."""
    if len(core) * len(ghosts) <= MOST_COMPARED:
        squared = sum((core[:, None, k] - ghosts[:, k]) ** 2 for k in range(3))
        first, near = np.nonzero(np.asarray(squared <= cutoff**2))
        return first, near
    from scipy.spatial import cKDTree  # noqa: PLC0415  (a quarter of a second that small cells do not need)

    found = cKDTree(core).sparse_distance_matrix(cKDTree(ghosts), cutoff, output_type="ndarray")
    order = np.lexsort((found["j"], found["i"]))
    return found["i"][order].astype(int), found["j"][order].astype(int)


def _images(lattice: FloatArray, inside: FloatArray, cutoff: float) -> tuple[IntArray, IntArray]:
    """Return owner and cell of every image within `cutoff` of the cell."""
    heights = 1 / np.linalg.norm(np.linalg.inv(lattice), axis=0)
    margin = cutoff / heights + 1e-9
    if np.prod(2 * np.ceil(margin) + 1) > MOST_CELLS:
        problem = f"a cell {heights.min():.2g} A thin has too many neighbours within {cutoff:.3g} A"
        raise InputError(problem, cure="check lengths and angles of the cell")
    owners, shifts = [], []
    for shift in itertools.product(*(range(-math.ceil(m), math.ceil(m) + 1) for m in margin)):
        moved = inside + shift
        near = np.flatnonzero(((moved >= -margin) & (moved <= 1 + margin)).all(axis=1))
        owners.append(near)
        shifts.append(np.broadcast_to(shift, (len(near), 3)))
    return np.concatenate(owners), np.concatenate(shifts).astype(int)
