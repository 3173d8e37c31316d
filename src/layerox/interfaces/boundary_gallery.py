"""Boundary gallery: two hexagonal nets of anions with different meshes, and the ions between them.

Where n meshes of one net meet n + 1 of the other every registry occurs: anions on top of each other as in a P gallery,
staggered as in an O gallery, and all between, in the lines of misfit dislocations. Nothing is relaxed; ions go to the
holes that are farthest from the anions of both nets.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from scipy.spatial import Voronoi, cKDTree

from layerox.builders.layered import POINTS
from layerox.errors import InputError
from layerox.interfaces.layer_planes import mean, target_filling
from layerox.interfaces.phase_component import PhaseComponent
from layerox.typing import FloatArray, IntArray

GRAIN = 1e-4  # angstrom; holes as close as that are one

EVEN = 0.02  # angstrom; clearances with a smaller difference count as equal

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


LOWEST = 2.75  # angstrom between anions on top of each other

NEAREST = 0.9  # of the phases' own distances: the least between ions in a gallery of two nets, and to their anions

BOUNDARY = "boundary"  # kind of site in such a gallery


@dataclass(frozen=True, kw_only=True)
class BoundaryGallery:
    """A gallery between two meshes.

    Attributes
    ----------
    slab
        Number of the slab below it.
    phases
        Of the slabs below and above.
    height
        Between the facing anions, angstrom.
    sodium, own
        Ions per metal (mean of both slabs), and what the galleries of either phase hold.
    sites
        Positions for them.
    """

    slab: int
    phases: tuple[str, str]
    height: float
    sodium: float
    own: tuple[float, float]
    sites: int


@dataclass(frozen=True, kw_only=True, eq=False)
class AtomNet:
    """One plane of atoms: positions (fractions of the edge, shape (n, 2)) and the species on each."""

    places: FloatArray
    height: float
    species: Mapping[str, float]
    u_iso: float
    layer: int
    phase: str
    kind: str


@dataclass(frozen=True, kw_only=True, eq=False)
class FacingNets:
    """Two nets of anions that face each other, of the slabs of two (strained) phases; edge in angstrom."""

    below: PhaseComponent
    above: PhaseComponent
    lower: FloatArray
    upper: FloatArray
    edge: float

    @property
    def height(self) -> float:
        """Of the gallery, angstrom: the higher one of both phases, for somewhere anions are on top of each other."""
        return max(LOWEST, *(g.height for part in (self.below, self.above) for g in part.galleries.values()))

    @property
    def contact(self) -> float:
        """Shortest distance of ions and anions in the phases, angstrom."""
        return min(
            math.sqrt(part.a**2 / 3 + gallery.height**2 / 4)
            for part in (self.below, self.above)
            for gallery in part.galleries.values()
        )

    def filled(self, boundary: str | float, slab: int) -> tuple[AtomNet, BoundaryGallery]:
        """Return the ions at mid-height (height 0), and the summary of the gallery above a slab."""
        sizes = len(self.lower), len(self.upper)
        own = self.below.composition.sodium, self.above.composition.sodium
        room = self._room()
        wanted = _wanted(boundary, own, sizes)
        share = min(wanted / len(room), 1.0) if len(room) else 0.0
        mixture = mean(self.below.composition.alkali, self.above.composition.alkali)
        total = sum(mixture.values())
        if wanted and not total:
            raise InputError(
                "no ions are known for an empty gallery", argument="boundary", cure="take 'own' or 'lower'"
            )
        phase = f"{self.below.label}|{self.above.label}"
        plane = AtomNet(
            places=room.positions,
            height=self.height / 2,
            species={ion: share * x / total for ion, x in mixture.items()} if share else {},
            u_iso=max(u for part in (self.below, self.above) for u in part.u_iso.values()),
            layer=slab,
            phase=phase,
            kind=BOUNDARY,
        )
        held = 2 * share * len(room) / sum(sizes)
        gallery = BoundaryGallery(
            slab=slab, phases=(self.below.label, self.above.label), height=self.height, sodium=held, own=own,
            sites=len(room),
        )  # fmt: skip
        return plane, gallery

    def _room(self) -> Holes:
        """Return the sites: holes far enough from the anions of both nets and from each other."""
        found = holes(self.lower, self.upper, self.edge)
        wide = np.hypot(found.clearance, self.height / 2) >= NEAREST * self.contact
        least = NEAREST * min(self.below.a, self.above.a)
        return apart(found.where(np.flatnonzero(wide)), self.edge, least)


def _wanted(boundary: str | float, own: tuple[float, float], sizes: tuple[int, int]) -> float:
    """Return the number of ions between two nets of so many anions."""
    if boundary == "own":
        return (own[0] * sizes[0] + own[1] * sizes[1]) / 2
    return target_filling(boundary, *own, min(own)) * sum(sizes) / 2
