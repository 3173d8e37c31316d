"""Particle shape: the facets of a platelet, its open stack of slabs, and the positions of core and shells.

Facets {001}, {012} and {104} are those of O3 on hexagonal axes. No element is placed here.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np

from layerox.builders.layered import POINTS
from layerox.interfaces.phase_component import PhaseComponent
from layerox.stacking import POLYTYPES, SlabStep, Word, word_from_steps
from layerox.typing import FloatArray, IntArray

REACH = 1.9  # corners of a platelet over its radius, at most

# Normals of one facet of each form; the others follow by the threefold axis and inversion.
FORMS = ((0, 1, 2), (1, 0, 4))


@dataclass(frozen=True, kw_only=True)
class Region:
    """The core or a shell: its phase, and the distances of its lateral and basal facets from the centre, angstrom."""

    part: PhaseComponent
    radius: float
    half_height: float


@dataclass(frozen=True, kw_only=True, eq=False)
class ParticleSites:
    """Positions in the particle.

    Attributes
    ----------
    xyz
        Angstrom from the centre, shape (n, 3).
    layer
        Slab, or slab below a gallery, shape (n,).
    region
        Core 0, shells 1 and so on, shape (n,).
    """

    xyz: FloatArray
    layer: IntArray
    region: IntArray


@dataclass(frozen=True, kw_only=True, eq=False)
class SlabStack:
    """The open stack of slabs.

    Attributes
    ----------
    word
        Its letters.
    metal_heights, half
        Heights of the metal planes and half thicknesses of the slabs, angstrom.
    gallery_region
        The region of each gallery.
    a, long
        Sides of the net as a rectangle, angstrom.
    lower, upper
        How far the lower and the upper anions of each slab are ahead of their letters along the long side, angstrom, as
        in `Planes`; 0 in the middle of the stack.
    """

    word: Word
    metal_heights: FloatArray
    half: FloatArray
    gallery_region: IntArray
    a: float
    long: float
    lower: FloatArray
    upper: FloatArray

    @property
    def metals_ahead(self) -> FloatArray:
        """How far the metals of each slab are ahead, angstrom."""
        return np.asarray((self.lower + self.upper) / 2)

    @classmethod
    def of(cls, regions: Sequence[Region]) -> SlabStack:
        """Return the stack of shells, core and shells from the bottom up, centred on height 0."""
        order = _gallery_order(regions)
        word = word_from_steps(list(_steps(regions, order)), cyclic=False)
        slabs = [_thickness(regions, order, k) for k in range(len(word))]
        heights = [0.0]
        for k, gallery in enumerate(order):
            character = word.steps[k].character
            between = regions[gallery].part.galleries[character].height
            heights.append(heights[-1] + (slabs[k] + slabs[k + 1]) / 2 + between)
        middle = (heights[0] + heights[-1]) / 2
        lower, upper = _ahead(word, regions, order)
        return cls(
            word=word,
            metal_heights=np.array(heights) - middle,
            half=np.array(slabs) / 2,
            gallery_region=np.array(order),
            a=regions[0].part.a,
            long=regions[0].part.long,
            lower=lower,
            upper=upper,
        )


def _ahead(word: Word, regions: Sequence[Region], order: Sequence[int]) -> tuple[FloatArray, FloatArray]:
    """Return how far the lower and upper anions of each slab are ahead of their letters, see `SlabStack`."""
    lower, upper = [0.0], []
    for k, slab in enumerate(word.slabs):
        beside = [regions[order[n]].part.net for n in (k - 1, k) if 0 <= n < len(order)]
        own = sum(0.0 if net is None else net.slab for net in beside) / len(beside)
        upper.append(lower[-1] + slab.sense * own)
        if k < len(order):
            gallery, net = word.galleries[k], regions[order[k]].part.net
            # A gallery that turns the sense displaces nothing.
            step = 0.0 if net is None or gallery.step.flips else net.galleries.get(gallery.character, 0.0)
            lower.append(upper[-1] + gallery.below.sense * step)
    middle = (lower[len(lower) // 2] + upper[len(upper) // 2]) / 2
    return np.array(lower) - middle, np.array(upper) - middle


def _gallery_order(regions: Sequence[Region]) -> list[int]:
    """Return the region of each gallery from the bottom up: shells, core, shells."""
    core = max(2, round(2 * regions[0].half_height / regions[0].part.repeat))
    order = [0] * core
    for number in range(1, len(regions)):
        thickness = regions[number].half_height - regions[number - 1].half_height
        galleries = max(1, round(thickness / regions[number].part.repeat))
        order = [number] * galleries + order + [number] * galleries
    return order


def _steps(regions: Sequence[Region], order: Sequence[int]) -> Iterator[SlabStep]:
    count: dict[int, int] = {}
    for number in order:
        pattern = POLYTYPES[regions[number].part.stacking]
        yield pattern[count.get(number, 0) % len(pattern)]
        count[number] = count.get(number, 0) + 1


def _thickness(regions: Sequence[Region], order: Sequence[int], slab: int) -> float:
    beside = [order[k] for k in (slab - 1, slab) if 0 <= k < len(order)]
    return sum(regions[k].part.slab.thickness for k in beside) / len(beside)


def sites_inside(
    planes: Sequence[tuple[int, int, float, float]], stack: SlabStack, regions: Sequence[Region]
) -> ParticleSites:
    """Return the positions of planes (layer, letter, height, ahead) inside the facets, with their regions."""
    mesh = _mesh(regions[-1].radius + float(np.abs(stack.metals_ahead).max()), stack)
    normals = _normals(stack, regions[0].part.repeat)
    parts = []
    for layer, letter, height, ahead in planes:
        x, y = in_plane(mesh + np.array(POINTS[letter]), stack).T
        xyz = np.column_stack([x, y + ahead, np.full(len(mesh), height)])
        region = _region(xyz, normals, stack, regions)
        keep = region < len(regions)
        parts.append((xyz[keep], np.full(keep.sum(), layer), region[keep]))
    xyz, layers, found = (np.concatenate(column) for column in zip(*parts, strict=True))
    return ParticleSites(xyz=xyz, layer=layers, region=found)


def _mesh(radius: float, stack: SlabStack) -> FloatArray:
    reach = math.ceil(REACH * radius / stack.a) + 2
    steps = np.arange(-reach, reach + 1)
    mesh = np.stack(np.meshgrid(steps, steps, indexing="ij"), axis=-1).reshape(-1, 2).astype(float)
    near = np.linalg.norm(in_plane(mesh, stack), axis=1) < REACH * radius + 2 * stack.a
    return np.asarray(mesh[near])


def in_plane(mesh: FloatArray, stack: SlabStack) -> FloatArray:
    """Return coordinates in units of the mesh, shape (n, 2), as Cartesian ones, angstrom."""
    return np.column_stack([stack.a * (mesh[:, 0] - mesh[:, 1] / 2), stack.long / 2 * mesh[:, 1]])


def _normals(stack: SlabStack, repeat: float) -> FloatArray:
    """Return unit normals of the lateral facets, shape (12, 3), on axes with three slabs of the core in c.

    The axes are hexagonal, or those of a distorted core, whose c leans as its slabs do.
    Indices are those of the obverse setting, in which slabs of positive sense follow each other; a core of negative
    sense is the reverse.
    """
    core = np.flatnonzero(stack.gallery_region == 0)
    lean = 3.0 * float(stack.lower[core[-1] + 1] - stack.lower[core[0]]) / len(core)
    lattice = np.array([[stack.a, 0, 0], [-stack.a / 2, stack.long / 2, 0], [0, lean, 3 * repeat]])
    is_obverse = stack.word.slabs[int(np.argmin(stack.gallery_region))].sense > 0
    forms = [form if is_obverse else (form[1], form[0], form[2]) for form in FORMS]
    indices = np.array([hkl for form in forms for hkl in _threefold(form)], dtype=float)
    normals: FloatArray = indices @ np.linalg.inv(lattice).T
    normals /= np.linalg.norm(normals, axis=1)[:, None]
    return np.concatenate([normals, -normals])


def _threefold(hkl: tuple[int, int, int]) -> Iterator[tuple[int, int, int]]:
    h, k, m = hkl
    for _ in range(3):
        yield h, k, m
        h, k = k, -(h + k)


def _region(xyz: FloatArray, normals: FloatArray, stack: SlabStack, regions: Sequence[Region]) -> IntArray:
    """Return the innermost region that holds each position; their number where it is outside."""
    lateral = (xyz @ normals.T).max(axis=1)
    found = np.searchsorted([region.radius for region in regions], lateral)
    height = np.abs(xyz[:, 2])
    basal = np.searchsorted(_basal_limits(stack, len(regions)), height - 1e-6)
    return np.asarray(np.maximum(found, np.minimum(basal, len(regions) - 1)))


def _basal_limits(stack: SlabStack, regions: int) -> FloatArray:
    """Return the height of the topmost metal plane of the core, and of each shell: a shared slab is the inner one's."""
    limits = []
    for number in range(regions):
        inner = np.flatnonzero(stack.gallery_region <= number)
        limits.append(stack.metal_heights[inner.max() + 1])
    return np.array(limits)
