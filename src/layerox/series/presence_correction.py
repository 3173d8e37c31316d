"""Amend: births and deaths judged over the whole series, when every frame has been judged by itself.

A phase that shows for a few frames only, and never clearly, is noise that happened to look like it; one that is missing
for a few frames only, between frames that show it, is there. The frames in question are refined once more.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from layerox.series.measured import Row
from layerox.series.phase_presence import birth_needs, runs
from layerox.series.table import is_present

# The longest stretch that is doubted, and how many frames on both sides must agree otherwise.
SHORT, AROUND = 5, 3
# A short stretch stands all the same if its support reaches this many times what a birth needs.
CLEAR = 2.0


@dataclass(frozen=True, kw_only=True)
class Amendment:
    """What is demanded of one frame.

    Attributes
    ----------
    frame
        Which.
    without, with_
        Phases to be taken out; phases to be put in, with the row of the nearest frame that shows each.
    """

    frame: int
    without: tuple[str, ...] = ()
    with_: tuple[tuple[str, Row], ...] = ()


class Presences:
    """Which frames show which phases, gathered row by row: a few bytes a frame."""

    def __init__(self, phases: Sequence[str]):
        self.phases = tuple(phases)
        self.frames: list[int] = []
        self.supports: dict[str, list[float]] = {name: [] for name in phases}

    def add(self, rows: Iterable[Row]) -> None:
        """Take note of the rows that can be believed."""
        for row in rows:
            if not row.is_good:
                continue
            self.frames.append(row.frame)
            for name in self.phases:
                there = is_present(row, name)
                self.supports[name].append(row.phases[name]["support"][0] if there else -1.0)

    def doubtful(self) -> dict[int, tuple[list[str], list[tuple[str, int]]]]:
        """Return by frame the phases to be taken out, and those to be put in with the frame nearest that shows them."""
        found: dict[int, tuple[list[str], list[tuple[str, int]]]] = {}
        for name in self.phases:
            supports = self.supports[name]
            stretches = runs([support >= 0 for support in supports])
            for before, (start, stop, there), after in zip(stretches, stretches[1:], stretches[2:], strict=False):
                if stop - start > SHORT or min(before[1] - before[0], after[1] - after[0]) < AROUND:
                    continue
                if there and max(supports[start:stop]) >= CLEAR * birth_needs(2):
                    continue
                for k in range(start, stop):
                    without, with_ = found.setdefault(self.frames[k], ([], []))
                    if there:
                        without.append(name)
                    else:
                        nearer = start - 1 if k - start < stop - k else stop
                        with_.append((name, self.frames[nearer]))
        return found


def amendments(
    doubtful: Mapping[int, tuple[list[str], list[tuple[str, int]]]], rows: Mapping[int, Row]
) -> list[Amendment]:
    """Return what is demanded of each doubtful frame; `rows` are those that show what is to be put in, by frame."""
    return [
        Amendment(frame=k, without=tuple(without), with_=tuple((name, rows[at]) for name, at in with_))
        for k, (without, with_) in sorted(doubtful.items())
    ]
