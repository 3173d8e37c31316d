"""Reconcile: segments that were refined apart made one series.

Borders whose sides disagree are crossed, in rounds, as what crosses one may reach the next; then the births and deaths
are judged over the whole series. Each stage takes what the stage before has put on disk, so that an interrupted run
goes on where it was and any number of workers finds the same.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any

from layerox.series import tasks
from layerox.series.acceptance import Doubt, Trace, confusable, judged
from layerox.series.common_parameters import Foundation
from layerox.series.executor import Executor
from layerox.series.frames import Frame
from layerox.series.measured import Row
from layerox.series.presence_correction import Presences, amendments
from layerox.series.segment_merge import Border, agree
from layerox.series.store import AMENDED, COMPARED, HANDED, JUDGED, Store

# Puts the rows of parts on disk as they come: the stage, and (number of the part, rows).
Gather = Callable[[str, Iterator[tuple[int, list[Row]]]], None]


@dataclass(frozen=True, kw_only=True)
class _Ends:
    """The first and the last frame of a segment that can be believed, None if none can."""

    first: tuple[Frame, Row] | None
    last: tuple[Frame, Row] | None


def _is_same(one: tuple[Frame, Row] | None, other: tuple[Frame, Row]) -> bool:
    """Whether a frame stands where it stood."""
    return one is not None and (one[1].frame, one[1].r_wp, one[1].gof) == (other[1].frame, other[1].r_wp, other[1].gof)


class Reconciliation:
    """The stages that follow when every segment has been refined.

    Parameters
    ----------
    foundation
        What all frames share.
    segments
        Their frames.
    store, gather
        Where the rows lie, and what puts them there.
    """

    def __init__(self, foundation: Foundation, segments: Sequence[Sequence[Frame]], store: Store, gather: Gather):
        self.foundation, self.segments, self.store, self.gather = foundation, segments, store, gather

    def run(self, where: Executor) -> None:
        """Merge the segments, refine frames in doubt again, correct phases, and give the verdicts."""
        before: list[_Ends] = []
        for stage in HANDED:
            ends = [self._ends(number, stage) for number in range(len(self.segments))]
            wanted = self._borders(ends, before)
            if not wanted:
                break
            self.gather(stage, where.run(tasks.hand_over, self._hand_over_jobs(stage, wanted)))
            before = ends
        self._compare(where)
        self._amend(where)
        self._judge()

    def _ends(self, number: int, stage: str) -> _Ends:
        rows = self.store.rows_before(stage, number)
        good = [(frame, row) for frame, row in zip(self.segments[number], rows, strict=True) if row.is_good]
        return _Ends(first=good[0] if good else None, last=good[-1] if good else None)

    def _borders(self, ends: Sequence[_Ends], before: Sequence[_Ends]) -> dict[int, Border]:
        """Return for each segment what lies beyond it, where that disagrees and has not been tried as it is."""
        found: dict[int, Border] = {}
        for k in range(1, len(ends)):
            left, right = ends[k - 1].last, ends[k].first
            if left is None or right is None or agree(left[1], right[1]):
                continue
            if before and _is_same(before[k - 1].last, left) and _is_same(before[k].first, right):
                continue
            found[k - 1] = Border(before=found[k - 1].before if k - 1 in found else None, after=right)
            found[k] = Border(before=left)
        return found

    def _hand_over_jobs(self, stage: str, wanted: dict[int, Border]) -> Iterator[tuple[int, tuple[Any, ...]]]:
        for number, border in sorted(wanted.items()):
            if not self.store.has(stage, number):
                yield number, (self.foundation, self.segments[number], self.store.rows_before(stage, number), border)

    def _compare(self, where: Executor) -> None:
        """Refine frames that fit worse than those around, or whose phases have exchanged cells, from their neighbours.

        Neighbouring segments may take part in one run of doubtful frames: all of them are done, or all are done again.
        """
        doubts = self._trace(COMPARED).doubts()
        touched = [number for number in range(len(self.segments)) if self._has_doubt(number, doubts)]
        if all(self.store.has(COMPARED, number) for number in touched):
            return
        found: dict[int, Row] = {}
        for _, rows in where.run(tasks.compare, self._compare_jobs(doubts)):
            found |= {row.frame: row for row in rows}
        self.gather(COMPARED, self._with_rows(COMPARED, touched, lambda row: found.get(row.frame, row)))

    def _has_doubt(self, number: int, doubts: Sequence[Doubt]) -> bool:
        first, last = self.segments[number][0].index, self.segments[number][-1].index
        return any(doubt.first <= last and doubt.last >= first for doubt in doubts)

    def _compare_jobs(self, doubts: Sequence[Doubt]) -> Iterator[tuple[int, tuple[Any, ...]]]:
        for number, doubt in enumerate(doubts):
            first = doubt.first if doubt.before is None else doubt.before
            last = doubt.last if doubt.after is None else doubt.after
            frames, rows = self._between(COMPARED, first, last)
            yield number, (self.foundation, frames, rows, doubt)

    def _between(self, stage: str, first: int, last: int) -> tuple[list[Frame], list[Row]]:
        """Return the frames from one to another and their rows before a stage."""
        frames, rows = [], []
        for number, own in enumerate(self.segments):
            if own[-1].index >= first and own[0].index <= last:
                for frame, row in zip(own, self.store.rows_before(stage, number), strict=True):
                    if first <= frame.index <= last:
                        frames.append(frame)
                        rows.append(row)
        return frames, rows

    def _with_rows(
        self, stage: str, numbers: Iterable[int], change: Callable[[Row], Row]
    ) -> Iterator[tuple[int, list[Row]]]:
        """Yield some segments with their rows changed."""
        for number in numbers:
            yield number, [change(row) for row in self.store.rows_before(stage, number)]

    def _trace(self, stage: str) -> Trace:
        """Return what the frames are compared by, before a stage."""
        crystals = [(phase.name, phase.crystal) for phase in self.foundation.setup.phases if not phase.hardware]
        pairs = confusable([(name, crystal.symmetry.number, crystal.cell[:3]) for name, crystal in crystals])
        trace = Trace(pairs=pairs)
        for number in range(len(self.segments)):
            trace.add(self.store.rows_before(stage, number))
        return trace

    def _judge(self) -> None:
        """Give each frame the verdict that it has among all others."""
        verdicts = self._trace(JUDGED).verdicts()
        self.gather(JUDGED, self._with_rows(JUDGED, range(len(self.segments)), partial(judged, verdicts=verdicts)))

    def _amend(self, where: Executor) -> None:
        """Refine frames once more whose phases disagree with those of all frames around them."""
        presences = Presences(self.foundation.setup.names)
        for number in range(len(self.segments)):
            presences.add(self.store.rows_before(AMENDED, number))
        doubtful = presences.doubtful()
        wanted = {at for _, with_ in doubtful.values() for _, at in with_}
        models = {row.frame: row for row in self._all_rows() if row.frame in wanted} if wanted else {}
        demanded = amendments(doubtful, models)
        self.gather(AMENDED, where.run(tasks.amend, self._amend_jobs(demanded)))

    def _all_rows(self) -> Iterator[Row]:
        for number in range(len(self.segments)):
            yield from self.store.rows_before(AMENDED, number)

    def _amend_jobs(self, demanded: Sequence[Any]) -> Iterator[tuple[int, tuple[Any, ...]]]:
        for number, frames in enumerate(self.segments):
            own = [a for a in demanded if frames[0].index <= a.frame <= frames[-1].index]
            if own and not self.store.has(AMENDED, number):
                yield number, (self.foundation, frames, self.store.rows_before(AMENDED, number), own)
