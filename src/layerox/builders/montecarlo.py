"""Monte Carlo: one seeded, allowed filling of a cell of any size, with ions distributed by their repulsion.

A lattice gas: ions hop to vacancies and change places (Kawasaki, Phys. Rev. 145 (1966) 224,
doi:10.1103/PhysRev.145.224) under a screened Coulomb energy, and never occupy sites that exclude each other, at no
moment. It makes plausible arrangements, not ground states.
"""

from __future__ import annotations

import math
import random
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from layerox.builders.ewald import COULOMB
from layerox.builders.occupation import VACANT, Ion, IonPool, Openings
from layerox.crystal.neighbours import pairs_within
from layerox.errors import InputError
from layerox.notices import Notice
from layerox.typing import FloatArray, IntArray

REACH = 4.2  # angstrom, beyond which the screened repulsion is left out
SCREENING = 3.0  # angstrom
PERMITTIVITY = 10.0
HOTTEST, COLDEST = 0.15, 0.03  # kT in eV at the first and the last sweep
SWEEPS = 4
ATTEMPTS = 40  # moves tried to make room for one ion


@dataclass(frozen=True, eq=False)
class Drawn:
    """A filling: the state of each open position, and what had to be changed for it."""

    states: IntArray
    warnings: tuple[Notice, ...]


def drawn_filling(openings: Openings, charges: Mapping[Ion, float], seed: int) -> Drawn:
    """Return one filling that no exclusion forbids; the same seed gives the same one.

    Parameters
    ----------
    openings
        What is to be filled.
    charges
        Of each ion, in units of e.
    seed
        Decides everything that is drawn.
    """
    draw = random.Random(seed)
    board = _Board(openings)
    moved = sum(_place_pool(board, pool, draw) for pool in openings.pools)
    _anneal(board, openings, charges, draw)
    warnings: tuple[Notice, ...] = ()
    if moved:
        message = f"{moved} ions are on another site of their gallery than requested: the sites exclude each other"
        warnings = (Notice("split_changed", message),)
    return Drawn(np.array(board.states), warnings)


class _Board:
    """The state of every open position, and how many ions forbid it."""

    def __init__(self, openings: Openings):
        self.exclusions = openings.exclusions
        self.states = [VACANT] * len(openings.positions)
        self.blocked = [0] * len(openings.positions)
        self.positions = openings.positions

    def put(self, place: int, ion: int) -> None:
        """Fill a vacant place, or empty one (VACANT)."""
        change = (ion != VACANT) - (self.states[place] != VACANT)
        self.states[place] = ion
        if change:
            for other in self.exclusions[place]:
                self.blocked[other] += change

    def is_free(self, place: int) -> bool:
        """Whether an ion may be put there."""
        return self.states[place] == VACANT and not self.blocked[place]

    def allows_hop(self, start: int, end: int) -> bool:
        """Whether the ion at `start` may go to the vacant `end`."""
        return self.blocked[end] == (1 if start in self.exclusions[end] else 0)


# --- placing -------------------------------------------------------------------------------------------------------


def _place_pool(board: _Board, pool: IonPool, draw: random.Random) -> int:
    """Fill one pool, each set of classes that exclude each other on its own; return how many ions changed class."""
    classes = [pool.places[pool.group == k].tolist() for k in range(len(pool.counts))]
    return sum(_place_together(board, pool, classes, together, draw) for together in _entangled(board, pool))


def _entangled(board: _Board, pool: IonPool) -> list[list[int]]:
    """Return the classes of a pool in sets that exclusions tie to each other, such as the two sites of one gallery."""
    group = dict(zip(pool.places.tolist(), pool.group.tolist(), strict=True))
    leader = list(range(len(pool.counts)))

    def root(k: int) -> int:
        while leader[k] != k:
            k = leader[k]
        return k

    for place, own in group.items():
        for other in board.exclusions[place]:
            if other in group:
                low, high = sorted((root(own), root(group[other])))
                leader[high] = low
    sets: dict[int, list[int]] = {}
    for k in range(len(pool.counts)):
        sets.setdefault(root(k), []).append(k)
    return list(sets.values())


def _place_together(
    board: _Board, pool: IonPool, classes: Sequence[list[int]], together: Sequence[int], draw: random.Random
) -> int:
    """Place by chance, then in domains, then wherever there is room; return how many ions changed class."""
    ions = {k: [ion for ion, n in enumerate(pool.counts[k][:-1]) for _ in range(n)] for k in together}
    order = sorted(together, key=lambda k: len(ions[k]))
    at_random = {k: draw.sample(classes[k], len(classes[k])) for k in together}
    if _placed(board, order, at_random, ions, draw):
        return 0
    if _placed(board, order, _in_domains(board, classes, order), ions, draw):
        return 0
    return _placed_elsewhere(board, order, classes, ions, draw)


def _placed(
    board: _Board,
    order: Sequence[int],
    places: Mapping[int, Sequence[int]],
    ions: Mapping[int, list[int]],
    draw: random.Random,
) -> bool:
    """Try to fill classes place after place in the order given; leave nothing behind when it fails."""
    for k in order:
        waiting = draw.sample(ions[k], len(ions[k]))
        for place in places[k]:
            if waiting and board.is_free(place):
                board.put(place, waiting.pop())
        while waiting and _room_made(board, waiting[-1], places[k], places, draw):
            waiting.pop()
        if waiting:
            _emptied(board, places)
            return False
    return True


def _emptied(board: _Board, places: Mapping[int, Sequence[int]]) -> None:
    for of_class in places.values():
        for place in of_class:
            board.put(place, VACANT)


def _room_made(
    board: _Board, ion: int, places: Sequence[int], classes: Mapping[int, Sequence[int]], draw: random.Random
) -> bool:
    """Move the one ion that blocks a vacant place elsewhere in its class, and put `ion` there."""
    nearly = [p for p in places if board.states[p] == VACANT and board.blocked[p] == 1]
    for place in draw.sample(nearly, min(len(nearly), ATTEMPTS)):
        blocker = next(other for other in board.exclusions[place] if board.states[other] != VACANT)
        kind = board.states[blocker]
        board.put(blocker, VACANT)
        board.put(place, ion)
        own_class = next(own for own in classes.values() if blocker in own)
        free = next((p for p in own_class if p != blocker and board.is_free(p)), None)
        if free is not None:
            board.put(free, kind)
            return True
        board.put(place, VACANT)
        board.put(blocker, kind)
    return False


def _in_domains(board: _Board, classes: Sequence[list[int]], order: Sequence[int]) -> dict[int, list[int]]:
    """Sort the places of the rarer class from one side of the cell, those of the others from the other side."""

    def along(place: int) -> float:
        return float(board.positions[place][0] % 1.0)

    return {k: sorted(classes[k], key=along, reverse=n > 0) for n, k in enumerate(order)}


def _placed_elsewhere(
    board: _Board,
    order: Sequence[int],
    classes: Sequence[list[int]],
    ions: Mapping[int, list[int]],
    draw: random.Random,
) -> int:
    """Fill one of the two sorts of site, which never exclude their like, at random with all ions."""
    every = [ion for k in order for ion in ions[k]]
    own_class = max(_sorts(board, [place for k in order for place in classes[k]]), key=len)
    if len(every) > len(own_class):
        raise InputError(f"{len(every)} ions are too many for sites that exclude each other",
                         cure="lower the occupancies: one of two sites can be filled")  # fmt: skip
    chosen = draw.sample(own_class, len(every))
    for place, ion in zip(chosen, draw.sample(every, len(every)), strict=True):
        board.put(place, ion)
    filled = set(chosen)
    return sum(max(len(ions[k]) - len(filled & set(classes[k])), 0) for k in order)


def _sorts(board: _Board, places: Sequence[int]) -> tuple[list[int], list[int]]:
    """Share out places so that those which exclude each other go to different sides, as far as they can."""
    side: dict[int, int] = {}
    for start in places:
        waiting = [(start, 0)]
        while waiting:
            place, own = waiting.pop()
            if place not in side:
                side[place] = own
                waiting += [(other, 1 - own) for other in board.exclusions[place]]
    zero = [place for place in places if side[place] == 0]
    one = [place for place in places if side[place] == 1]
    return _allowed(board, zero), _allowed(board, one)


def _allowed(board: _Board, places: Sequence[int]) -> list[int]:
    """Return the places without those that exclude an earlier one."""
    kept: set[int] = set()
    for place in places:
        if not kept.intersection(board.exclusions[place]):
            kept.add(place)
    return sorted(kept)


# --- annealing -----------------------------------------------------------------------------------------------------


def _anneal(board: _Board, openings: Openings, charges: Mapping[Ion, float], draw: random.Random) -> None:
    """Exchange ions within their class at falling temperature (simulated annealing)."""
    neighbours = _repulsion(openings)
    charge = [0.0] * len(board.states)
    for pool in openings.pools:
        for place in pool.places.tolist():
            charge[place] = _charge(board.states[place], pool, charges)
    moves = [group for pool in openings.pools for group in _exchanges(board, pool)]
    for sweep in range(SWEEPS):
        heat = HOTTEST * (COLDEST / HOTTEST) ** (sweep / max(SWEEPS - 1, 1))
        for places in moves:
            _sweep(board, places, neighbours, charge, heat, draw)


def _charge(state: int, pool: IonPool, charges: Mapping[Ion, float]) -> float:
    return 0.0 if state == VACANT else charges[pool.ions[state]]


def _exchanges(board: _Board, pool: IonPool) -> Iterable[list[int]]:
    """Yield the classes in which there is something to exchange."""
    for k in range(len(pool.counts)):
        places = pool.places[pool.group == k].tolist()
        if len({board.states[place] for place in places}) > 1:
            yield places


def _sweep(
    board: _Board,
    places: list[int],
    neighbours: Sequence[Sequence[tuple[int, float]]],
    charge: list[float],
    heat: float,
    draw: random.Random,
) -> None:
    """Try as many exchanges as there are places."""
    states, size, uniform = board.states, len(places), draw.random
    for one in places:
        other = places[int(uniform() * size)]
        if states[one] == states[other] or not _is_possible(board, one, other):
            continue
        gap = charge[other] - charge[one]
        energy = 0.0
        for near, weight in neighbours[one]:
            energy += (
                gap * weight * charge[near] if near != other else -gap * gap * weight + gap * weight * charge[near]
            )
        for near, weight in neighbours[other]:
            energy -= gap * weight * charge[near]
        if energy <= 0 or uniform() < math.exp(-energy / heat):
            first, second = states[one], states[other]
            board.put(one, VACANT)
            board.put(other, VACANT)
            board.put(one, second)
            board.put(other, first)
            charge[one], charge[other] = charge[other], charge[one]


def _is_possible(board: _Board, one: int, other: int) -> bool:
    """Whether the states of two places of one class may be exchanged: no ion may reach a forbidden place."""
    if board.states[one] == VACANT:
        return board.allows_hop(other, one)
    return board.states[other] != VACANT or board.allows_hop(one, other)


def _repulsion(openings: Openings) -> list[list[tuple[int, float]]]:
    """Return for each open position its neighbours and the screened Coulomb energy of unit charges there, eV."""
    pairs = pairs_within(openings.atoms.lattice, openings.positions, REACH)
    weights: FloatArray = COULOMB / PERMITTIVITY / pairs.distance * np.exp(-pairs.distance / SCREENING)
    found: list[list[tuple[int, float]]] = [[] for _ in openings.positions]
    for one, other, weight in zip(pairs.first.tolist(), pairs.second.tolist(), weights.tolist(), strict=True):
        if one != other:
            found[one].append((other, weight))
    return found
