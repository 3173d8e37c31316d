"""Phase presence: how many parameters of a phase a frame supports, and corrections over the whole series.

The levels are: absent, scale only, cell too, widths too. The support (scale over its standard uncertainty) at which a
level is reached is higher than that at which it is left, so that a weak phase does not enter and leave repeatedly. A
phase with weak support in a few frames only is noise; one that is missing in a few frames between frames with it is
present.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from enum import IntEnum

import numpy as np

from layerox.series.frame_row import FrameRow
from layerox.series.tables import is_present

# Support above which a phase is accepted whatever its cell is.
STRONG = 30.0
# Smallest square of a new phase's support, and its increase for each length or angle of its cell.
ENTRY, ENTRY_PER_VARIABLE = 30.0, 5.0
# Decrease of chi-squared, over its reduced value, in a score test above which an entry is tried.
MIN_GAIN = 20.0
# The longest run that is corrected, and the number of frames on both sides that must agree.
SHORT, AROUND = 5, 3
# A short run is kept if its support reaches this many times the entry support.
CLEAR = 2.0


class PhaseLevel(IntEnum):
    """Which parameters of a phase are refined."""

    ABSENT = 0
    SCALE = 1
    CELL = 2
    WIDTHS = 3


# Support at which a level is reached, and below which it is left. An entry needs more (see `entry_support`).
RAISE_SUPPORT = {PhaseLevel.CELL: 9.0, PhaseLevel.WIDTHS: 12.0}


KEEP_SUPPORT = {PhaseLevel.SCALE: 3.2, PhaseLevel.CELL: 6.0, PhaseLevel.WIDTHS: 10.0}


def raised_level(level: PhaseLevel, support: float) -> PhaseLevel:
    """Return the level that a phase reaches with a support: at most one higher.

    An absent phase is not raised; it enters.
    """
    higher = PhaseLevel(min(level + 1, PhaseLevel.WIDTHS))
    if PhaseLevel.ABSENT < level < higher and support >= RAISE_SUPPORT[higher]:
        return higher
    return level


def lowered_level(level: PhaseLevel, support: float) -> PhaseLevel:
    """Return the level that a phase keeps with a support."""
    while level > PhaseLevel.ABSENT and support < KEEP_SUPPORT[level]:
        level = PhaseLevel(level - 1)
    return level


def entry_support(cell_variables: int) -> float:
    """Return the support that a phase needs to enter with so many refined lengths and angles of its cell."""
    return float(np.sqrt(ENTRY + ENTRY_PER_VARIABLE * cell_variables))


def leaving_support(before: float) -> float:
    """Return the support below which a phase leaves, by its support in the frame before, 0 if it is unknown.

    What a weak phase has left is in line with the frame before. Behind a strong phase, a weak one may be the noise that
    its cell explains: it needs the support of an entry in a known cell.
    """
    return entry_support(0) if before >= STRONG else KEEP_SUPPORT[PhaseLevel.SCALE]


def runs(present: Sequence[bool]) -> list[tuple[int, int, bool]]:
    """Return the ranges of equal values as (first, one past the last, value)."""
    found: list[tuple[int, int, bool]] = []
    for k, value in enumerate(present):
        if found and found[-1][2] == value:
            found[-1] = found[-1][0], k + 1, value
        else:
            found.append((k, k + 1, value))
    return found


@dataclass(frozen=True, kw_only=True)
class PresenceCorrection:
    """The correction of one frame.

    Attributes
    ----------
    frame
        Its number.
    without, with_
        Phases to remove; phases to add, with the row of the nearest frame that has each.
    """

    frame: int
    without: tuple[str, ...] = ()
    with_: tuple[tuple[str, FrameRow], ...] = ()


class SeriesPresence:
    """The phases of each frame, collected row by row: a few bytes per frame."""

    def __init__(self, phases: Sequence[str]):
        self.phases = tuple(phases)
        self.frames: list[int] = []
        self.supports: dict[str, list[float]] = {name: [] for name in phases}

    def add(self, rows: Iterable[FrameRow]) -> None:
        """Add the accepted rows."""
        for row in rows:
            if not row.is_good:
                continue
            self.frames.append(row.frame)
            for name in self.phases:
                there = is_present(row, name)
                self.supports[name].append(row.phases[name]["support"][0] if there else -1.0)

    def doubtful(self) -> dict[int, tuple[list[str], list[tuple[str, int]]]]:
        """Return by frame the phases to remove, and those to add with the nearest frame that has them."""
        found: dict[int, tuple[list[str], list[tuple[str, int]]]] = {}
        for name in self.phases:
            supports = self.supports[name]
            stretches = runs([support >= 0 for support in supports])
            for before, (start, stop, there), after in zip(stretches, stretches[1:], stretches[2:], strict=False):
                if stop - start > SHORT or min(before[1] - before[0], after[1] - after[0]) < AROUND:
                    continue
                if there and max(supports[start:stop]) >= CLEAR * entry_support(2):
                    continue
                for k in range(start, stop):
                    without, with_ = found.setdefault(self.frames[k], ([], []))
                    if there:
                        without.append(name)
                    else:
                        nearer = start - 1 if k - start < stop - k else stop
                        with_.append((name, self.frames[nearer]))
        return found


def presence_corrections(
    doubtful: Mapping[int, tuple[list[str], list[tuple[str, int]]]], rows: Mapping[int, FrameRow]
) -> list[PresenceCorrection]:
    """Return the correction of each doubtful frame; `rows` are those with the phases to add, by frame."""
    return [
        PresenceCorrection(frame=k, without=tuple(without), with_=tuple((name, rows[at]) for name, at in with_))
        for k, (without, with_) in sorted(doubtful.items())
    ]
