"""Boundary gallery: two hexagonal nets of anions with different meshes, and the sites for ions between them.

Where n meshes of one net meet n + 1 of the other every registry occurs: anions on top of each other as in a P gallery,
staggered as in an O gallery, and all between, in the lines of misfit dislocations. Nothing is relaxed; ions go to the
holes that are farthest from the anions of both nets.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from scipy.spatial import Voronoi, cKDTree

from layerox.builders.layered import POINTS
from layerox.typing import FloatArray, IntArray

GRAIN = 1e-4  # angstrom; holes as close as that are one
EVEN = 0.02  # angstrom; clearances that close count as alike
MARGIN = 2.5  # meshes around the cell that are looked at too
SQUARE = np.array([[1.0, 0.0], [-0.5, np.sqrt(3) / 2]])


@dataclass(frozen=True, kw_only=True, eq=False)
class Holes:
    """Places between two nets: fractions of the common edge, shape (n, 2), and lateral distances to the nearest
    anion of either net, angstrom, shape (n,).
    """

    positions: FloatArray
    clearance: FloatArray

    def __len__(self) -> int:
        return len(self.clearance)

    def where(self, chosen: IntArray) -> Holes:
        """Return the chosen ones."""
        return Holes(positions=self.positions[chosen], clearance=self.clearance[chosen])


def net_of(letter: int, meshes: int) -> FloatArray:
    """Return the places of a letter in a cell of meshes x meshes, fractions of its edge, shape (meshes^2, 2)."""
    steps = np.arange(meshes)
    corners = np.stack(np.meshgrid(steps, steps, indexing="ij"), axis=-1).reshape(-1, 2)
    return np.asarray((corners + np.array(POINTS[letter])) / meshes)


def holes(lower: FloatArray, upper: FloatArray, edge: float) -> Holes:
    """Return every place that is locally farthest from two nets of a cell with a hexagonal edge (angstrom).

    They are the vertices of the Voronoi diagram of both nets together.
    """
    both = np.concatenate([lower, upper]) % 1.0
    margin = MARGIN / np.sqrt(len(both) / 2)
    images, _ = _images(both, margin)
    around = np.asarray(np.unique(np.rint(images @ (edge * SQUARE) / GRAIN).astype(np.int64), axis=0) * GRAIN)
    vertices = Voronoi(around).vertices @ np.linalg.inv(edge * SQUARE)
    inside = vertices[((vertices >= -1e-9) & (vertices < 1 - 1e-9)).all(axis=1)]
    grains = np.unique(np.rint(inside @ (edge * SQUARE) / (10 * GRAIN)).astype(np.int64), axis=0)
    found = grains * (10 * GRAIN)
    return Holes(
        positions=np.asarray(found @ np.linalg.inv(edge * SQUARE)),
        clearance=np.asarray(cKDTree(around).query(found)[0]),
    )


def apart(found: Holes, edge: float, least: float) -> Holes:
    """Return holes no two of which are closer than `least` (angstrom): the roomiest first, then row by row."""
    rank = np.lexsort((found.positions[:, 0], found.positions[:, 1], -np.rint(found.clearance / EVEN)))
    points = found.positions @ (edge * SQUARE)
    images, owner = _images(found.positions, least / edge * 1.2)
    tree = cKDTree(images @ (edge * SQUARE))
    taken = np.zeros(len(found), dtype=bool)
    barred = np.zeros(len(found), dtype=bool)
    for index in rank.tolist():
        if not barred[index]:
            taken[index] = True
            barred[owner[tree.query_ball_point(points[index], least)]] = True
    return found.where(np.flatnonzero(taken))


def _images(points: FloatArray, margin: float) -> tuple[FloatArray, IntArray]:
    """Return points of a cell and their images up to a margin (fraction of the edge) outside, and whose they are."""
    cells = np.array([(i, j) for i in (-1, 0, 1) for j in (-1, 0, 1)])
    moved = (points[:, None, :] + cells).reshape(-1, 2)
    owner = np.repeat(np.arange(len(points)), len(cells))
    near = ((moved > -margin) & (moved < 1 + margin)).all(axis=1)
    return np.asarray(moved[near]), np.asarray(owner[near])
