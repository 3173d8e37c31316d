"""Closure of a stacking word: whether its galleries agree with their labels, and similar words that do.

A word closes by senses and by letters; `closure` checks each gallery against both.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from layerox.errors import InputError
from layerox.stacking.polytypes import Block, is_phase, labels_of_blocks, text_of_blocks
from layerox.stacking.word import SlabStep, Word, word_from_steps

LARGEST_CHANGE = 8
REMEDIES = 3


@dataclass(frozen=True, kw_only=True)
class Fault:
    """A gallery that disagrees with its label: its index, the phase and step meant, and the step found."""

    gallery: int
    phase: str
    meant: SlabStep
    found: SlabStep

    def __str__(self) -> str:
        is_what = self.found.character if self.found.character != self.meant.character else "displaced"
        return f"gallery {self.gallery} of {self.phase} is {is_what}"


@dataclass(frozen=True, kw_only=True)
class Closure:
    """Whether a word closes, and if not, the reason and a cure.

    Attributes
    ----------
    senses
        Whether every gallery keeps or reverses the sense as its label requires.
    letters
        Whether the letters of every gallery change as its label requires.
    faults
        The galleries that do not.
    shear
        Shear of c, in letters, that corrects the letters.
    nearest
        The closed words with the fewest galleries added or removed.
    """

    senses: bool
    letters: bool
    faults: tuple[Fault, ...]
    shear: int
    nearest: tuple[str, ...]

    @property
    def is_closed(self) -> bool:
        """Whether every gallery agrees with its label."""
        return not self.faults

    @property
    def problem(self) -> str:
        """The fault in one line; empty without one."""
        if self.is_closed:
            return ""
        which = " and ".join(name for name, right in (("senses", self.senses), ("letters", self.letters)) if not right)
        return f"does not close by {which}: {', '.join(str(fault) for fault in self.faults[:REMEDIES])}"

    @property
    def remedies(self) -> tuple[str, ...]:
        """Cures, the smallest change first."""
        found = [f"take {' or '.join(self.nearest)}"] if self.nearest else []
        if not self.senses:
            reversing = {fault.phase for fault in self.faults if fault.meant.flips != fault.found.flips}
            found.append(f"add or remove one {' or '.join(sorted(reversing))} gallery (a shear of c is not sufficient)")
        elif not self.letters:
            lean = "1/3,2/3,0" if self.shear == 1 else "2/3,1/3,0"
            found.append(f"add slabs, or shear c by ({lean})")
        return tuple(found)


def closure(word: Word) -> Closure:
    """Return whether every gallery of a word, from its letters and senses, agrees with its label."""
    pairs = list(zip(word.labels, word.steps, strict=True))
    faults = tuple(
        Fault(gallery=k, phase=label.phase, meant=label.step, found=step)
        for k, (label, step) in enumerate(pairs)
        if label.step != step
    )
    senses = all(fault.meant.flips == fault.found.flips for fault in faults)
    letters = all(fault.meant.shift == fault.found.shift for fault in faults)
    shear = sum((fault.meant.shift - fault.found.shift) * word.slabs[fault.gallery].sense for fault in faults) % 3
    mend = bool(faults) and word.cyclic and all(is_phase(phase) for phase, _ in word.blocks)
    closed = nearest_closed(word.blocks) if mend else ()
    return Closure(senses=senses, letters=letters, faults=faults, shear=shear, nearest=closed)


def nearest_closed(blocks: Sequence[Block]) -> tuple[str, ...]:
    """Return up to three closed words with the least change in the blocks' numbers of galleries, larger ones first."""
    for change in range(1, LARGEST_CHANGE + 1):
        candidates = []
        for delta in _changes(len(blocks), change):
            trial = [(phase, count + d) for (phase, count), d in zip(blocks, delta, strict=True)]
            if all(count > 0 for _, count in trial) and _closes(trial):
                candidates.append(trial)
        if candidates:
            candidates.sort(key=lambda trial: -sum(count for _, count in trial))
            return tuple(text_of_blocks(trial) for trial in candidates[:REMEDIES])
    return ()


def _changes(size: int, total: int) -> Iterator[tuple[int, ...]]:
    """All integer tuples of a length whose absolute values add up to `total`."""
    if size == 0:
        yield from [()] if total == 0 else []
        return
    for first in range(-total, total + 1):
        for rest in _changes(size - 1, total - abs(first)):
            yield (first, *rest)


def _closes(blocks: Sequence[Block]) -> bool:
    try:
        steps = [label.step for label in labels_of_blocks(blocks)]
    except InputError:
        return False
    return sum(step.flips for step in steps) % 2 == 0 and word_from_steps(steps).shear == 0
