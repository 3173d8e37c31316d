"""Layers: the stacking word of the atoms of any structure, in any setting.

The direction is that along which the network of neighbouring metals does not extend; the planes are gaps in the
anions' heights; letters follow from the directions of bonds, so that no cell edge needs to be hexagonal or upright.
Structures whose metals are joined in all directions (spinel, tunnel) have no word.
"""

from __future__ import annotations

import itertools
import math
from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from layerox.crystal.neighbours import Pairs, pairs_within
from layerox.stacking import SlabStep, Word, word_from_steps
from layerox.typing import FloatArray, IntArray
from layerox.validation.classified_sites import ALKALI, ANION, METAL, ClassifiedSites
from layerox.validation.coordination import Polyhedra

METAL_STEP = 3.45  # angstrom; metals of a slab are 2.8 to 3.2 apart, those of different slabs more than 4.2
MOSTLY = 0.5  # occupancy from which a metal counts in the network
PLANE_GAP = 0.7  # angstrom between heights of different anion planes; planes are 1.7 A and more apart
SLAB_FILLING = 0.3  # metals per anion of a plane that make a slab of the space between two planes
ONE_SIDED = 0.5  # mean of exp(3 i angle) of a triangle of bonds pointing one way, 1 when regular
FACING, STAGGERED = 0.4, 0.6  # lateral distance of facing anions in units of a / sqrt 3: 0 in P, 1 in O galleries
UNANIMOUS = 0.8
LATERAL_REACH = 1.45
STRETCH, SHEAR = 1.012, 0.04  # in-plane axial ratio, and angstrom of gliding, beyond which a cell counts as distorted


@dataclass(frozen=True, kw_only=True, eq=False)
class Space:
    """The space between an anion plane and the next one above.

    Attributes
    ----------
    below, above
        Sites of the two planes.
    metals, alkali
        Sites between them.
    height
        Distance of the planes, angstrom.
    is_slab
        Whether it holds enough metals.
    """

    below: IntArray
    above: IntArray
    metals: IntArray
    alkali: IntArray
    height: float
    is_slab: bool


@dataclass(frozen=True, kw_only=True, eq=False)
class Layers:
    """How a structure stacks.

    Attributes
    ----------
    direction
        Indices (h k l) of the layers in the cell as given.
    normal
        Unit vector across them.
    repeat
        Distance after which the layers repeat (but for a sideways step), angstrom.
    spaces
        Slabs and galleries, from bottom to top.
    word
        The stacking; None where slabs and galleries do not alternate, a slab is not octahedral, or a gallery is neither
        prismatic nor octahedral.
    irregular
        Indices of spaces that are galleries of neither kind.
    distorted
        Whether the layers are stretched or glided against a hexagonal lattice.
    """

    direction: tuple[int, int, int]
    normal: FloatArray
    repeat: float
    spaces: tuple[Space, ...]
    word: Word | None
    irregular: tuple[int, ...]
    distorted: bool


def layers_of(sites: ClassifiedSites, polyhedra: Polyhedra) -> Layers | None:
    """Return how a structure stacks, None for one without layers."""
    direction = _direction(sites)
    if direction is None:
        return None
    reciprocal = np.linalg.inv(sites.lattice) @ direction
    repeat = 1 / float(np.linalg.norm(reciprocal))
    normal = reciprocal * repeat
    spaces = _spaces(sites, (sites.positions @ direction) % 1.0 * repeat, repeat)
    if spaces is None:
        return None
    reader = _WordReader(sites, polyhedra, normal, repeat)
    word, irregular = reader.word(spaces)
    return Layers(
        direction=(int(direction[0]), int(direction[1]), int(direction[2])),
        normal=normal,
        repeat=repeat,
        spaces=spaces,
        word=word,
        irregular=irregular,
        distorted=reader.is_distorted(spaces),
    )


# --- direction -----------------------------------------------------------------------------------------------------


def _direction(sites: ClassifiedSites) -> IntArray | None:
    """Return the indices of the planes in which the network of metals extends, None unless it extends in planes."""
    metals = np.flatnonzero((sites.role == METAL) & (sites.occupancy >= MOSTLY) & ~sites.either)
    if not len(metals) or not (sites.role == ANION).any():
        return None
    pairs = pairs_within(sites.lattice, sites.positions[metals], METAL_STEP)
    found: IntArray | None = None
    flat = 0
    for size, periods in _components(len(metals), pairs):
        rank = np.linalg.matrix_rank(periods) if len(periods) else 0
        if rank == 3:
            return None
        if rank < 2:
            continue
        across = _across(periods)
        if found is not None and (across != found).any():
            return None
        found, flat = across, flat + size
    return found if flat >= 0.9 * len(metals) else None


def _components(size: int, pairs: Pairs) -> Iterator[tuple[int, IntArray]]:
    """Yield the connected parts of a periodic network: how many positions, and the periods that close its loops."""
    starts = np.searchsorted(pairs.first, np.arange(size + 1)).tolist()
    second, offset = pairs.second.tolist(), [tuple(row) for row in pairs.offset.tolist()]
    cell: dict[int, tuple[int, int, int]] = {}
    for seed in range(size):
        if seed in cell:
            continue
        cell[seed] = (0, 0, 0)
        waiting, members, periods = [seed], 0, set()
        while waiting:
            one = waiting.pop()
            members += 1
            x, y, z = cell[one]
            for k in range(starts[one], starts[one + 1]):
                other, (u, v, w) = second[k], offset[k]
                reached = (x + u, y + v, z + w)
                if other not in cell:
                    cell[other] = reached
                    waiting.append(other)
                elif reached != cell[other]:
                    p, q, r = cell[other]
                    periods.add((reached[0] - p, reached[1] - q, reached[2] - r))
        yield members, np.array(sorted(periods), dtype=int).reshape(-1, 3)


def _across(periods: IntArray) -> IntArray:
    """Return the coprime indices of the planes that hold the periods, the first of them positive."""
    crossed = next(c for other in periods[1:] if (c := np.cross(periods[0], other)).any())
    crossed = crossed // math.gcd(*(abs(int(x)) for x in crossed))
    leading = crossed[np.flatnonzero(crossed)[-1]]
    return np.asarray(crossed * np.sign(leading))


# --- planes --------------------------------------------------------------------------------------------------------


def _spaces(sites: ClassifiedSites, heights: FloatArray, repeat: float) -> tuple[Space, ...] | None:
    """Return the spaces between anion planes, bottom to top, None if the anions make no planes."""
    planes = _planes(heights, sites.having(ANION), repeat)
    if len(planes) < 2:
        return None
    levels = np.array([_mean_height(heights[plane], repeat) for plane in planes])
    order = np.argsort(levels)
    planes, levels = [planes[k] for k in order], levels[order]
    cations = np.flatnonzero(sites.role != ANION)
    space_of = (np.searchsorted(levels, heights[cations], side="right") - 1) % len(levels)
    return tuple(_space(sites, planes, levels, repeat, (k, cations[space_of == k])) for k in range(len(planes)))


def _planes(heights: FloatArray, anions: IntArray, repeat: float) -> list[IntArray]:
    """Group sites by height: a new plane begins above every gap."""
    order = anions[np.argsort(heights[anions])]
    sorted_heights = heights[order]
    gaps = np.append(np.diff(sorted_heights), sorted_heights[0] + repeat - sorted_heights[-1])
    ends = np.flatnonzero(gaps > PLANE_GAP)
    if not len(ends):
        return []
    turned = np.roll(order, -(ends[-1] + 1))
    ends = (ends - ends[-1] - 1) % len(order)
    return [np.sort(part) for part in np.split(turned, np.sort(ends)[:-1] + 1)]


def _mean_height(heights: FloatArray, repeat: float) -> float:
    near = heights[0] + (heights - heights[0] + repeat / 2) % repeat - repeat / 2
    return float(near.mean()) % repeat


def _space(
    sites: ClassifiedSites, planes: list[IntArray], levels: FloatArray, repeat: float, inside: tuple[int, IntArray]
) -> Space:
    k, cations = inside
    following = (k + 1) % len(planes)
    height = float((levels[following] - levels[k]) % repeat) or repeat
    metals, alkali = cations[sites.role[cations] == METAL], cations[sites.role[cations] == ALKALI]
    sure = metals[~sites.either[metals]]
    filling = sites.occupancy[sure].sum() / len(planes[k])
    is_slab = bool(filling >= SLAB_FILLING)
    if not is_slab:
        alkali = np.concatenate([alkali, metals[sites.either[metals]]])
        metals = sure
    return Space(below=planes[k], above=planes[following], metals=metals, alkali=alkali, height=height, is_slab=is_slab)


# --- letters -------------------------------------------------------------------------------------------------------


class _WordReader:
    """Reads senses and steps from the directions of bonds and of facing anions, as seen along the normal."""

    def __init__(self, sites: ClassifiedSites, polyhedra: Polyhedra, normal: FloatArray, repeat: float):
        self.sites, self.bonds, self.normal, self.repeat = sites, polyhedra.bonds, normal, repeat
        across = np.cross(normal, np.eye(3)[np.abs(normal).argmin()])
        first = across / np.linalg.norm(across)
        self.axes = np.stack([first, np.cross(normal, first)])

    def flat(self, vectors: FloatArray) -> FloatArray:
        """Return vectors as complex numbers in the plane."""
        x, y = self.axes @ vectors.T
        return np.asarray(x + 1j * y)

    def word(self, spaces: tuple[Space, ...]) -> tuple[Word | None, tuple[int, ...]]:
        """Return the word, and the galleries of neither kind."""
        slabs = [k for k, space in enumerate(spaces) if space.is_slab]
        galleries = {k: self.gallery(space) for k, space in enumerate(spaces) if not space.is_slab}
        irregular = tuple(k for k, step in galleries.items() if step is None)
        alternate = 2 * len(slabs) == len(spaces) and all((b - a) == 2 for a, b in itertools.pairwise(slabs))
        if irregular or not slabs or not alternate:
            return None, irregular
        tops = [self.top(spaces[k]) for k in slabs]
        if any(abs(top) < ONE_SIDED for top in tops):
            return None, irregular
        # The first slab has sense +1: its upper anions are one letter below its metal, see `layerox.stacking.Slab`.
        reference = -tops[0] / abs(tops[0])
        senses = [-1 if (top * reference.conjugate()).real > 0 else 1 for top in tops]
        steps = []
        for n, k in enumerate(slabs):
            turn = galleries[(k + 1) % len(spaces)] or 0.0
            letter = round(float(np.sign((turn * reference.conjugate()).real))) if turn else 0
            steps.append(SlabStep(senses[n] != senses[(n + 1) % len(slabs)], letter * senses[n]))
        return word_from_steps(steps), irregular

    def top(self, slab: Space) -> complex:
        """Return the threefold direction of the upper anions about the metals; near 0 in a prismatic slab."""
        of_slab = np.isin(self.bonds.first, slab.metals)
        bonds = self.bonds.where(of_slab)
        rise = bonds.vector @ self.normal
        turns = _threefold(self.flat(bonds.vector))
        upper, lower = turns[rise > 0], turns[rise < 0]
        if not len(upper) or not len(lower):
            return 0j
        return complex(upper.mean() - lower.mean()) / 2

    def facing(self, gallery: Space) -> tuple[IntArray, FloatArray, float]:
        """Return, for pairs of facing anions, the lower one, its lateral distance to the upper one, and a / sqrt 3."""
        area = abs(float(np.linalg.det(self.sites.lattice))) / self.repeat
        edge = math.sqrt(area / len(gallery.below) * 2 / math.sqrt(3))
        step = edge / math.sqrt(3)
        members = np.concatenate([gallery.below, gallery.above])
        reach = math.hypot(gallery.height + 0.8, LATERAL_REACH * step)
        pairs = pairs_within(self.sites.lattice, self.sites.positions[members], reach)
        count = len(gallery.below)
        rise = pairs.vector @ self.normal
        chosen = (pairs.first < count) & (pairs.second >= count) & (np.abs(rise - gallery.height) < 0.8)
        lateral = self.flat(pairs.vector[chosen])
        near = np.abs(lateral) < LATERAL_REACH * step
        return pairs.first[chosen][near], lateral[near], step

    def gallery(self, gallery: Space) -> complex | None:
        """Return 0 for a prismatic gallery, the threefold direction to the upper anions for an octahedral one.

        None where the anions do not agree on either.
        """
        owner, lateral, step = self.facing(gallery)
        if not len(owner):
            return None
        nearest = np.full(len(gallery.below), np.inf)
        np.minimum.at(nearest, owner, np.abs(lateral))
        if (nearest < FACING * step).mean() >= UNANIMOUS:
            return 0j
        if (nearest > STAGGERED * step).mean() < UNANIMOUS:
            return None
        turn = complex(_threefold(lateral).mean())
        return turn if abs(turn) > ONE_SIDED else None

    def is_distorted(self, spaces: tuple[Space, ...]) -> bool:
        """Whether anion planes are stretched, or facing ones displaced from where hexagonal symmetry has them."""
        return self._stretch(spaces[0].below) > STRETCH or any(
            self._shear(space) > SHEAR for space in spaces if not space.is_slab
        )

    def _stretch(self, plane: IntArray) -> float:
        pairs = pairs_within(self.sites.lattice, self.sites.positions[plane], METAL_STEP + LATERAL_REACH / 3)
        flat = self.flat(pairs.vector)
        if not len(flat):
            return 1.0
        parts = np.stack([flat.real, flat.imag])
        low, high = np.linalg.eigvalsh(parts @ parts.T)
        return math.sqrt(high / low) if low > 0 else 1.0

    def _shear(self, gallery: Space) -> float:
        _, lateral, step = self.facing(gallery)
        if len(lateral) and np.abs(lateral).min() < FACING * step:
            lateral = lateral[np.abs(lateral) < FACING * step]
        return abs(complex(lateral.mean())) if len(lateral) else 0.0


def _threefold(flat: FloatArray) -> FloatArray:
    """Return exp(3 i angle) of vectors in the plane: equal for vectors related by a threefold axis."""
    length = np.maximum(np.abs(flat), 1e-9)
    return np.asarray((flat / length) ** 3)
