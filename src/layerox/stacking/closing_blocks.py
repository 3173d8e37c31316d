"""Numbers of galleries of each phase for a cell that closes, in letters and in senses."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from layerox.errors import InputError
from layerox.stacking.closure import closure, nearest_closed
from layerox.stacking.polytypes import POLYTYPES, SPINEL, Block, text_of_blocks, word_from_blocks

SMALLEST = 2  # one gallery would be a stacking fault, not a lamella

SMALLEST_Z = 10

LARGEST_GROWTH = 12


def closing_blocks(stackings: Sequence[str], slabs: Sequence[int] | None, *, seed: int = 0) -> list[Block]:
    """Return the lamellae in order along c, as (stacking, galleries); they share their boundary slabs.

    Parameters
    ----------
    stackings
        Polytype (or Z, or spinel) of each lamella.
    slabs
        Galleries of each; by default the smallest set that closes with at least two of each.
    seed
        For a Z.

    Raises
    ------
    InputError
        If the numbers do not close; the message gives the difference and names the nearest that do.
    """
    if slabs is None:
        return smallest(stackings, seed=seed)
    if len(slabs) != len(stackings) or any(number < 1 for number in slabs):
        raise InputError(f"slab numbers {' '.join(map(str, slabs))} for {len(stackings)} phases", place="slabs",
                         cure="give one positive number for each phase")  # fmt: skip
    blocks = list(zip(stackings, slabs, strict=True))
    report = closure(word_from_blocks(blocks, seed=seed))
    if not report.is_closed:
        closed = nearest_closed(blocks)
        cures = [f"take {' or '.join(closed)}"] if closed else []
        cures += [remedy for remedy in report.remedies if not remedy.startswith("take ")]
        raise InputError(report.problem, place=repr(text_of_blocks(blocks)), cure=", or ".join(cures) or None)
    return blocks


def smallest(stackings: Sequence[str], *, seed: int = 0) -> list[Block]:
    """Return the smallest closing blocks in which each phase keeps its smallest number of galleries."""
    least = [smallest_count(stacking) for stacking in stackings]
    for growth in range(LARGEST_GROWTH + 1):
        for extra in _shares(growth, len(least)):
            blocks = [(name, low + more) for name, low, more in zip(stackings, least, extra, strict=True)]
            if closure(word_from_blocks(blocks, seed=seed)).is_closed:
                return blocks
    raise InputError(f"no numbers of galleries close {'|'.join(stackings)}", cure="give the numbers of slabs")


def closing_numbers(stackings: Sequence[str], least: Sequence[int], most: int) -> Iterator[tuple[int, ...]]:
    """Yield every set of numbers of galleries that closes, from `least` of each to `most` of all together."""
    for growth in range(most - sum(least) + 1):
        for extra in _shares(growth, len(least)):
            numbers = tuple(low + more for low, more in zip(least, extra, strict=True))
            word = word_from_blocks(list(zip(stackings, numbers, strict=True)))
            if closure(word).is_closed:
                yield numbers


def smallest_count(stacking: str) -> int:
    """Return the smallest number of galleries of a stacking: one period, but at least two."""
    if stacking.startswith("Z"):
        return SMALLEST_Z
    return SMALLEST if stacking == SPINEL else max(SMALLEST, len(POLYTYPES[stacking]))


def _shares(total: int, parts: int) -> Iterator[tuple[int, ...]]:
    """Yield every way to share a number out, later parts first."""
    if parts == 1:
        yield (total,)
        return
    for first in range(total + 1):
        for rest in _shares(total - first, parts - 1):
            yield (first, *rest)
