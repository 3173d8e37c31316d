"""The polytype of a stacking word, and the polytypes that it can become by gliding.

A glide moves everything above one gallery by (1/3, 2/3, 0) or back; it never changes the sense of a slab.
"""

from __future__ import annotations

import itertools
import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from fractions import Fraction
from functools import cache

from layerox.errors import InputError
from layerox.stacking.polytypes import POLYTYPES, polytype
from layerox.stacking.word import SlabStep, Word, centred, repeat_length, word_from_steps

LARGEST_WORD_TO_EXPLORE = 9


@dataclass(frozen=True, kw_only=True)
class Identity:
    """Which polytype a word is.

    Attributes
    ----------
    name
        A key of `POLYTYPES`; "Z" for other mixtures of P and O with alternating senses; otherwise "intergrowth".
    period
        Slabs in the hexagonal cell.
    o_fraction
        Share of octahedral galleries.
    characters
        Kind of each gallery of the canonical form.
    """

    name: str
    period: int
    o_fraction: Fraction
    characters: tuple[str, ...]


def identify(word: Word) -> Identity:
    """Return the polytype of a cyclic word, independent of its labels, first slab and orientation."""
    if not word.cyclic:
        raise InputError(f"the open word {word} has no polytype", cure="close it first")
    form = replace(word, labels=()).reduced().canonical()
    characters = tuple(step.character for step in form.steps)
    name = _named_forms().get(form, "intergrowth")
    if name == "intergrowth" and set(characters) <= {"P2", "O2"}:
        name = "Z"
    return Identity(name=name, period=len(form), o_fraction=form.o_fraction, characters=characters)


@cache
def _named_forms() -> dict[Word, str]:
    return {polytype(name).canonical(): name for name in POLYTYPES}


def sense_family(word: Word) -> tuple[bool, ...]:
    """Return where the senses of a cyclic word reverse, in a form invariant to gliding, turning and rotating.

    (True,) is the family of P2, O2, O6, OP4 and Z; (False,) that of P3, O3, O1 and OP2. Glides never change the family.
    """
    flips = tuple(step.flips for step in word.steps)
    flips = flips[: repeat_length(flips)]
    return min(form[k:] + form[:k] for form in (flips, flips[::-1]) for k in range(len(flips)))


def glides_between(start: Word, end: Word) -> tuple[int, ...]:
    """Return the fewest glides (+1, 0, -1 in each gallery, periodic) that turn one cyclic word into another.

    Raises
    ------
    InputError
        If the two belong to different families.
    """
    if sense_family(start) != sense_family(end):
        raise InputError(f"no glides lead from {start} to {end}: a glide keeps every slab's sense",
                         cure="such a change needs other slabs, not other galleries")  # fmt: skip
    one, other = start.steps[: _even_period(start)], end.steps[: _even_period(end)]
    size = math.lcm(len(one), len(other))
    senses = start.senses[: len(one)] * (size // len(one))
    one *= size // len(one)
    best = min(_glides(one, other, size, senses), key=lambda glides: sum(g != 0 for g in glides))
    return best[: repeat_length(best)]


def _even_period(word: Word) -> int:
    size = repeat_length(word.steps)
    return size * (1 + sum(step.flips for step in word.steps[:size]) % 2)


def _glides(
    one: tuple[SlabStep, ...], other: tuple[SlabStep, ...], size: int, senses: Sequence[int]
) -> Iterator[tuple[int, ...]]:
    turned = tuple(step.turned() for step in reversed(other))
    for form in (other, turned):
        for k in range(len(form)):
            goal = (form[k:] + form[:k]) * (size // len(form))
            if all(a.flips == b.flips for a, b in zip(one, goal, strict=True)):
                changes = zip(one, goal, senses, strict=True)
                yield tuple(centred((b.shift - a.shift) * sense) for a, b, sense in changes)


def reachable(word: Word) -> frozenset[Word]:
    """Return, in canonical form over hexagonal cells, all stackings that glides can make from a word.

    Raises
    ------
    InputError
        If the word is so long that they are too many (3 to the power of its galleries).
    """
    if len(word) > LARGEST_WORD_TO_EXPLORE:
        raise InputError(f"{len(word)} galleries can glide in 3^{len(word)} ways",
                         cure=f"start from at most {LARGEST_WORD_TO_EXPLORE} slabs")  # fmt: skip
    choices = itertools.product((-1, 0, 1), repeat=len(word))
    made = (tuple(SlabStep(step.flips, s) for step, s in zip(word.steps, shifts, strict=True)) for shifts in choices)
    return frozenset(word_from_steps(steps).reduced().canonical() for steps in made)
