"""A structure in space: atoms, polyhedra of the metals and the cell, with their colours and a direction of view.

Polyhedra are coloured by layer, phase or element; partly occupied sites are transparent in proportion to their
vacancies, and mixed sites have the mean colour of their species.
"""

from __future__ import annotations

import itertools
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from scipy.spatial import ConvexHull

from layerox.errors import InputError
from layerox.typing import FloatArray, IntArray
from layerox.validation.classified_sites import ALKALI, ANION, METAL, ClassifiedSites, classified_sites
from layerox.validation.coordination import Polyhedra, polyhedra
from layerox.validation.layers import Layers, layers_of
from layerox.validation.read_structure import StructureArgument, atoms_of
from layerox.viewers.arrays import coded_floats
from layerox.viewers.element_colours import LAYER_COLOURS, element_colour, mixed_colour, phase_colour

MOST_SITES = 4000
# Drawn radii, angstrom.
RADII = {METAL: 0.42, ALKALI: 0.62, ANION: 0.3}
FAINTEST = 0.15
EDGE = 1e-3  # fraction of a cell; sites nearer to a face are drawn on the opposite one too
PAINTS = ("layer", "phase", "element")
LONGEST_WORD = 12  # slabs of a word in a title

Paint = tuple[str, str]


@dataclass(frozen=True, kw_only=True)
class SiteKind:
    """Sites that are drawn alike: their text, colour, opacity and radius (angstrom)."""

    text: str
    colour: str
    opacity: float
    radius: float


@dataclass(frozen=True, kw_only=True, eq=False)
class StructureScene:
    """What is drawn of a structure.

    Attributes
    ----------
    title
        Name and stacking.
    lattice
        Edges as rows, angstrom.
    points, kind_of, shown
        Atoms: places (angstrom, shape (n, 3)), the index of the kind of each, and a text for each.
    kinds
        Kinds of sites.
    corners, triangles, owners
        Polyhedra: corners (angstrom, shape (m, 3)), faces by three corners, shape (f, 3), and the polyhedron of each.
    paints
        Label and colour of each polyhedron, by colouring.
    paint
        The initial colouring.
    eye, up
        Towards the viewer, and upwards.
    """

    title: str
    lattice: FloatArray
    points: FloatArray
    kind_of: tuple[int, ...]
    shown: tuple[str, ...]
    kinds: tuple[SiteKind, ...]
    corners: FloatArray
    triangles: IntArray
    owners: tuple[int, ...]
    paints: dict[str, tuple[Paint, ...]]
    paint: str
    eye: FloatArray
    up: FloatArray

    @property
    def edges(self) -> list[tuple[FloatArray, FloatArray]]:
        """The twelve edges of the cell, from and to, angstrom."""
        found = []
        for axis, (u, v) in enumerate(((1, 2), (0, 2), (0, 1))):
            for p, q in itertools.product((0, 1), repeat=2):
                start = p * self.lattice[u] + q * self.lattice[v]
                found.append((start, start + self.lattice[axis]))
        return found

    @property
    def limits(self) -> tuple[FloatArray, FloatArray]:
        """The smallest and the largest coordinates of all that is drawn, angstrom."""
        everything = np.concatenate([self.points, self.corners, *self.edges])
        return everything.min(axis=0), everything.max(axis=0)


def scene_of(structure: StructureArgument, colour: str = "layer") -> StructureScene:
    """Return what is drawn of a structure (as in `check`).

    Raises
    ------
    InputError
        If it cannot be read, is too large, or the colouring is unknown.
    """
    if colour not in PAINTS:
        raise InputError(f"no colouring {colour!r}", cure=f"choose from {', '.join(PAINTS)}")
    atoms = atoms_of(structure)
    places = classified_sites(atoms)
    if len(places) > MOST_SITES:
        raise InputError(f"{len(places)} sites are too many to turn in a browser", cure=f"at most {MOST_SITES}")
    bonds = polyhedra(places)
    layers = layers_of(places, bonds)
    solids = _solids(places, bonds)
    word = None if layers is None else layers.word
    eye, up = _view(layers, places.lattice)
    return StructureScene(
        title=atoms.name + (f", {word}" if word is not None and len(word) <= LONGEST_WORD else ""),
        lattice=places.lattice,
        paints=_paints(places, layers, [owner for owner, _ in solids]),
        paint=colour,
        eye=eye,
        up=up,
        **_drawn_sites(places),
        **_faces(solids),
    )


def scene_document(scene: StructureScene) -> dict[str, Any]:
    """Return a scene as the data of `structure_scene.js`."""
    low, high = scene.limits
    return {
        "title": scene.title,
        "lattice": scene.lattice.tolist(),
        "points": coded_floats(scene.points),
        "kind_of": list(scene.kind_of),
        "shown": list(scene.shown),
        "kinds": [vars(kind) for kind in scene.kinds],
        "solids": len(scene.paints["element"]),
        "corners": coded_floats(scene.corners),
        "triangles": coded_floats(scene.triangles.astype(np.float64)),
        "owners": list(scene.owners),
        "paints": {name: [list(one) for one in found] for name, found in scene.paints.items()},
        "paint": scene.paint,
        "cell": [[start.tolist(), end.tolist()] for start, end in scene.edges],
        "low": low.tolist(),
        "high": high.tolist(),
        "eye": scene.eye.tolist(),
        "up": scene.up.tolist(),
    }


# --- polyhedra -----------------------------------------------------------------------------------------------------

Solid = tuple[int, FloatArray]


def _solids(places: ClassifiedSites, bonds: Polyhedra) -> list[Solid]:
    """Return each metal with the corners of its polyhedron, angstrom."""
    starts = np.searchsorted(bonds.bonds.first, np.arange(len(places) + 1))
    found = []
    for k in places.having(METAL).tolist():
        vectors = bonds.bonds.vector[starts[k] : starts[k + 1]]
        if len(vectors) >= 4 and np.linalg.matrix_rank(vectors - vectors.mean(axis=0), tol=0.1) == 3:
            found += [(k, place @ places.lattice + vectors) for place in with_faces(places.positions[k])]
    return found


def _faces(solids: Sequence[Solid]) -> dict[str, Any]:
    """Return the fields of the polyhedra; hulls of equal shape are computed once."""
    corners: list[FloatArray] = []
    faces: list[IntArray] = []
    owners: list[int] = []
    hulls: dict[bytes, IntArray] = {}
    count = 0
    for n, (_, points) in enumerate(solids):
        key = (points - points[0]).round(6).tobytes()
        if key not in hulls:
            hulls[key] = ConvexHull(points, qhull_options="QJ").simplices
        corners.append(points)
        faces.append(hulls[key] + count)
        owners += [n] * len(hulls[key])
        count += len(points)
    return {
        "corners": np.concatenate(corners) if corners else np.zeros((0, 3)),
        "triangles": np.concatenate(faces) if faces else np.zeros((0, 3), dtype=np.int64),
        "owners": tuple(owners),
    }


def _paints(places: ClassifiedSites, layers: Layers | None, owners: Sequence[int]) -> dict[str, tuple[Paint, ...]]:
    """Return the label and colour of each polyhedron for each colouring; without layers, those of its element."""
    of_element = [(places.elements(k), mixed_colour(places.species[k])) for k in owners]
    slab, phases = _slabs(layers)
    layer = [slab.get(k, -1) for k in owners]
    pairs = list(zip(layer, of_element, strict=True))
    of_layer = [(f"layer {n}", LAYER_COLOURS[n % len(LAYER_COLOURS)]) if n >= 0 else plain for n, plain in pairs]
    of_phase = [(phases[n], phase_colour(phases[n])) if n >= 0 else plain for n, plain in pairs]
    return {"layer": tuple(of_layer), "phase": tuple(of_phase), "element": tuple(of_element)}


def _slabs(layers: Layers | None) -> tuple[dict[int, int], list[str]]:
    """Return the slab of each metal, and the kind of the galleries beside each slab ("P2", or "P2|O3" between two)."""
    if layers is None:
        return {}, []
    slabs = [space for space in layers.spaces if space.is_slab]
    slab_of = {int(k): n for n, space in enumerate(slabs) for k in space.metals}
    if layers.word is None:
        return slab_of, ["irregular"] * len(slabs)
    above = [step.character for step in layers.word.steps]
    return slab_of, ["|".join(sorted({above[n - 1], above[n]})) for n in range(len(slabs))]


# --- sites ---------------------------------------------------------------------------------------------------------


def _drawn_sites(places: ClassifiedSites) -> dict[str, Any]:
    """Return the fields of the atoms, those on faces of the cell on both sides."""
    kinds: dict[SiteKind, int] = {}
    points, kind_of, shown = [], [], []
    for k in range(len(places)):
        kind = kinds.setdefault(_kind(places, k), len(kinds))
        for corner in with_faces(places.positions[k]):
            points.append(corner @ places.lattice)
            kind_of.append(kind)
            shown.append(f"{_described(places, k)}, site {k}")
    return {"points": np.array(points), "kind_of": tuple(kind_of), "shown": tuple(shown), "kinds": tuple(kinds)}


def _kind(places: ClassifiedSites, k: int) -> SiteKind:
    only = places.species[k][0][0]
    return SiteKind(
        text=_described(places, k),
        colour=mixed_colour(places.species[k]) if len(places.species[k]) > 1 else element_colour(only),
        opacity=round(FAINTEST + (1 - FAINTEST) * min(float(places.occupancy[k]), 1.0), 3),
        radius=RADII[str(places.role[k])],
    )


def with_faces(position: FloatArray) -> list[FloatArray]:
    """Return a position inside the cell, and its images on opposite faces when it is on one."""
    inside = position - np.floor(position + EDGE)
    choices = [(0.0, 1.0) if abs(x) < EDGE else (0.0,) for x in inside]
    return [inside + shift for shift in itertools.product(*choices)]


def _described(places: ClassifiedSites, k: int) -> str:
    return ", ".join(element if x > 0.999 else f"{element} {x:.3g}" for element, x in places.species[k])


# --- view ----------------------------------------------------------------------------------------------------------


def _view(layers: Layers | None, lattice: FloatArray) -> tuple[FloatArray, FloatArray]:
    """Return a view along the layers with their normal up; without layers, along the shortest edge of the cell."""
    lengths = np.linalg.norm(lattice, axis=1)
    across, along = int(lengths.argmin()), int(lengths.argmax())
    if layers is None:
        toward = lattice[across] / lengths[across]
        up = lattice[(across + 1) % 3 if along == across else along] / lengths[along]
        return np.asarray(1.7 * toward + 0.1 * up), np.asarray(up)
    side = np.cross(layers.normal, lattice[across])
    side = side if np.linalg.norm(side) > 1e-6 else np.cross(layers.normal, lattice[(across + 1) % 3])
    return np.asarray(1.7 * side / np.linalg.norm(side) + 0.25 * layers.normal), layers.normal
