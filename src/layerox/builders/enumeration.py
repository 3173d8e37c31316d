"""Enumeration: all distinct fillings of a small cell, each once.

Two fillings are one if an operation of the disordered structure's space group takes one to the other, whether or not
it keeps the supercell: an operation that turns the supercell counts where the filling has the periods for it.
The fillings of one pool are found first, then, for each of them, those of the next under what symmetry is left.
Compare Hart & Forcade, Phys. Rev. B 77 (2008) 224115, doi:10.1103/PhysRevB.77.224115.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
import spglib

from layerox.builders.occupation import VACANT, IonPool, Openings
from layerox.builders.supercell import lattice_points
from layerox.crystal.atoms import Atoms
from layerox.crystal.full_symmetry import TOLERANCE, errors_raised
from layerox.errors import InputError
from layerox.typing import FloatArray, IntArray

MOST_FILLINGS = 200_000
MOST_DISTINCT = 5_000
SAME_PLACE = 0.05


@dataclass(frozen=True, kw_only=True, eq=False)
class Equivalences:
    """How the space group of the disordered structure moves the open positions of a supercell.

    Attributes
    ----------
    inner
        For each operation that keeps the supercell, the place that each place comes from, shape (g, m).
    outer
        The same for one operation of each translation coset that does not keep it, shape (k, m).
    periods
        For each of these, the three translations (rows of `shifts`) that a filling must have, shape (k, 3).
    shifts
        Permutation of each lattice translation in the supercell, shape (N, m).
    """

    inner: IntArray
    outer: IntArray
    periods: IntArray
    shifts: IntArray


@dataclass(frozen=True, eq=False)
class Distinct:
    """One of the distinct fillings: the state of each open position, and how many fillings are equivalent to it."""

    states: IntArray
    multiplicity: int


def distinct_fillings(openings: Openings, equivalences: Equivalences) -> list[Distinct]:
    """Return every distinct filling with the counts of the pools.

    Raises
    ------
    InputError
        If there are more than some thousand.
    """
    order = len(equivalences.inner)
    start = np.full(len(openings.positions), VACANT)
    found = [Distinct(start, 1)]
    remaining = [equivalences.inner]
    for pool in openings.pools:
        options = _fillings(pool, openings.exclusions, len(start))
        if len(options) * len(found) / order > MOST_DISTINCT * 2:
            raise _too_many(len(options) * len(found) / order)
        pairs = [
            (Distinct(np.where(states == VACANT, one.states, states), 1), left)
            for one, group in zip(found, remaining, strict=True)
            for states, left in _orbits(options, group, pool.places)
        ]
        pairs = [(one, left) for one, left in pairs if _is_allowed(one.states, openings.exclusions)]
        found, remaining = [one for one, _ in pairs], [left for _, left in pairs]
    distinct = [Distinct(one.states, order // len(left)) for one, left in zip(found, remaining, strict=True)]
    if len(distinct) > MOST_DISTINCT:
        raise _too_many(len(distinct))
    return _merged(distinct, equivalences)


def _too_many(number: float) -> InputError:
    return InputError(f"some {number:.2g} distinct orderings are too many to list",
                      cure="take a smaller supercell, or one ordering by lx.build(..., ordered=True)")  # fmt: skip


def _is_allowed(states: IntArray, exclusions: Sequence[Sequence[int]]) -> bool:
    return not any(
        states[other] != VACANT for place in np.flatnonzero(states != VACANT).tolist() for other in exclusions[place]
    )


def _fillings(pool: IonPool, exclusions: Sequence[Sequence[int]], size: int) -> IntArray:
    """Return every filling of one pool as rows of states, VACANT elsewhere."""
    bound = math.prod(math.comb(int(row[k:].sum()), int(row[k])) for row in pool.counts for k in range(len(row) - 1))
    rows = []
    for states in _placed(pool, exclusions, size):
        rows.append(states)
        if len(rows) > MOST_FILLINGS:
            raise _too_many(bound)
    return np.array(rows, dtype=int).reshape(-1, size)


def _placed(pool: IonPool, exclusions: Sequence[Sequence[int]], size: int) -> Iterator[list[int]]:
    """Fill place after place, going back where an exclusion or a count forbids to go on."""
    places, group = pool.places.tolist(), pool.group.tolist()
    left = [row.tolist() for row in pool.counts]
    states = [VACANT] * size
    vacancy = len(pool.ions)

    def fill(k: int) -> Iterator[list[int]]:
        if k == len(places):
            yield states.copy()
            return
        place, row = places[k], left[group[k]]
        free = all(states[other] == VACANT for other in exclusions[place])
        for ion in range(vacancy + 1):
            if row[ion] and (ion == vacancy or free):
                row[ion] -= 1
                states[place] = VACANT if ion == vacancy else ion
                yield from fill(k + 1)
                states[place] = VACANT
                row[ion] += 1

    yield from fill(0)


def _orbits(options: IntArray, group: IntArray, places: IntArray) -> Iterator[tuple[IntArray, IntArray]]:
    """Yield one filling of each orbit under a group with the operations that leave it alone."""
    seen: set[bytes] = set()
    for states in options.astype(np.int8):
        if states[places].tobytes() in seen:
            continue
        images = states[group[:, places]]
        seen.update(row.tobytes() for row in images)
        yield states.astype(int), group[(images == states[places]).all(axis=1)]


def _merged(distinct: list[Distinct], equivalences: Equivalences) -> list[Distinct]:
    """Join fillings that only an operation which turns the supercell makes equal."""
    if not len(equivalences.outer):
        return distinct
    own_class = {_least(one.states, equivalences.inner): k for k, one in enumerate(distinct)}
    leader = list(range(len(distinct)))
    for k, one in enumerate(distinct):
        has = (one.states[equivalences.shifts] == one.states).all(axis=1)
        for image in np.unique(one.states[equivalences.outer[has[equivalences.periods].all(axis=1)]], axis=0):
            other = own_class[_least(image, equivalences.inner)]
            low, high = sorted((_root(leader, k), _root(leader, other)))
            leader[high] = low
    total: dict[int, int] = {}
    for k, one in enumerate(distinct):
        total[_root(leader, k)] = total.get(_root(leader, k), 0) + one.multiplicity
    return [Distinct(distinct[k].states, number) for k, number in total.items()]


def _root(leader: list[int], k: int) -> int:
    while leader[k] != k:
        k = leader[k]
    return k


def _least(states: IntArray, group: IntArray) -> bytes:
    images = states[group].astype(np.int8)
    return min(bytes(row.tobytes()) for row in images)


# --- symmetry ------------------------------------------------------------------------------------------------------


def equivalences(parent: Atoms, matrix: IntArray, openings: Openings) -> Equivalences:
    """Return how the space group of `parent` moves the open positions of its supercell.

    Parameters
    ----------
    parent
        The disordered cell that the supercell was made of.
    matrix
        The supercell.
    openings
        Of that supercell.
    """
    rotations, translations = _operations(parent)
    inverse = np.linalg.inv(matrix)
    points = lattice_points(matrix)
    places = openings.positions @ matrix  # in the parent's fractions
    metric = parent.lattice @ parent.lattice.T

    def comes_from(rotation: FloatArray, translation: FloatArray) -> IntArray:
        moved = places @ rotation.T + translation
        return _matched(moved, places, matrix, inverse, metric)

    identity = np.eye(3)
    shifts = np.array([comes_from(identity, point) for point in points])
    inner, outer, periods = [], [], []
    for rotation, translation in zip(rotations, translations, strict=True):
        edges = matrix @ rotation.T  # images of the supercell's edges, in the parent's
        turned = edges @ inverse
        base = comes_from(rotation, translation)
        if np.abs(turned - np.rint(turned)).max() < 1e-6:
            inner += [shift[base] for shift in shifts]
        else:
            outer += [shift[base] for shift in shifts]
            numbers = [_number_of(edge, points, inverse) for edge in edges]
            periods += [numbers] * len(shifts)
    size = len(places)
    return Equivalences(
        inner=np.unique(np.array(inner, dtype=int).reshape(-1, size), axis=0),
        outer=np.array(outer, dtype=int).reshape(-1, size),
        periods=np.array(periods, dtype=int).reshape(-1, 3),
        shifts=shifts,
    )


def _operations(parent: Atoms) -> tuple[FloatArray, FloatArray]:
    """Return rotations and translations of the disordered cell's space group."""
    mixtures: dict[int, list[tuple[str, int, float]]] = {}
    first: dict[int, int] = {}
    for row, (site, kind) in enumerate(zip(parent.site.tolist(), parent.kind.tolist(), strict=True)):
        one = parent.kinds[kind]
        mixtures.setdefault(site, []).append((one.element, one.charge, round(one.occupancy, 4)))
        first.setdefault(site, row)
    numbers: dict[tuple[tuple[str, int, float], ...], int] = {}
    kinds = [numbers.setdefault(tuple(sorted(mixture)), len(numbers) + 1) for mixture in mixtures.values()]
    with errors_raised():
        found = spglib.get_symmetry((parent.lattice, parent.positions[list(first.values())], kinds), symprec=TOLERANCE)
    return found["rotations"].astype(float), found["translations"]


def _matched(
    moved: FloatArray, places: FloatArray, matrix: IntArray, inverse: FloatArray, metric: FloatArray
) -> IntArray:
    """Return which place each moved position is, modulo the supercell."""
    between = (moved[:, None, :] - places[None, :, :]) @ inverse
    between = (between - np.rint(between)) @ matrix
    squares = np.einsum("ijk,kl,ijl->ij", between, metric, between)
    nearest = squares.argmin(axis=1)
    assert math.sqrt(squares.min(axis=1).max()) < SAME_PLACE, "the group must map the open positions onto themselves"
    return np.asarray(nearest)


def _number_of(edge: FloatArray, points: IntArray, inverse: FloatArray) -> int:
    """Return which of the lattice points an edge is, modulo the supercell."""
    between = (points - edge) @ inverse
    return int(np.abs(between - np.rint(between)).max(axis=1).argmin())
