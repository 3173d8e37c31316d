"""Segments refined separately, merged into one series.

Where the frames on both sides of a border disagree, each side is refined from the other, frame by frame, as long as the
fit improves; then frames in doubt are refined again, phases are corrected over the series, and verdicts are given. Each
stage starts from the rows that the previous one wrote, so that an interrupted run resumes and the result does not
depend on the number of workers.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Iterator, Sequence, Set
from dataclasses import dataclass
from typing import Any

import numpy as np

from layerox.errors import InputError
from layerox.pattern import Pattern
from layerox.series.executor import Executor
from layerox.series.frame_row import FrameRow
from layerox.series.frame_setup import Frame
from layerox.series.refinement.acceptance import DoubtfulFrames, FrameFit, SeriesTrace, judged, serial_of
from layerox.series.refinement.common_parameters import CommonParameters
from layerox.series.refinement.exchanged_cells import confusable
from layerox.series.refinement.frame_fit import CELL_JUMP
from layerox.series.refinement.phase_presence import ENTRY, PresenceCorrection, SeriesPresence, presence_corrections
from layerox.series.refinement.segment import WORTH, Segment, measured_row
from layerox.series.refinement.undistinguished_phases import distinguished_segment, needs_tests
from layerox.series.results_folder import COMPARED, CORRECTED, DISTINGUISHED, JUDGED, MERGED, SeriesStore
from layerox.series.tables import shown_in
from layerox.series.undistinguished_rows import stating_groups, with_series_groups

# Factor by which the goodness of fit of neighbours differs at most if they agree.
ALIKE = 1.1
# Writes the rows of parts as they are finished: the stage, and (number of the part, rows).
Gather = Callable[[str, Iterator[tuple[int, list[FrameRow]]]], None]


@dataclass(frozen=True, kw_only=True)
class SegmentNeighbours:
    """The accepted frames next to a segment, before and after it, with their rows; None where there is none."""

    before: tuple[Frame, FrameRow] | None = None
    after: tuple[Frame, FrameRow] | None = None


def agrees(one: FrameRow, other: FrameRow) -> bool:
    """Whether two frames side by side show the same phases in about the same cells, and fit alike."""
    shown = shown_in(one)
    if set(shown) != set(shown_in(other)):
        return False
    if not 1.0 / ALIKE < one.gof / other.gof < ALIKE:
        return False
    lengths = np.array([[row.phases[name][slot][0] for name in shown for slot in "abc"] for row in (one, other)])
    return bool(np.abs(lengths[0] / lengths[1] - 1.0).max(initial=0.0) < CELL_JUMP)


def merged_from_neighbours(
    common: CommonParameters, frames: Sequence[Frame], rows: Sequence[FrameRow], border: SegmentNeighbours
) -> list[FrameRow]:
    """Return the rows of a segment; frames that fit better from the neighbour segments are refined again."""
    propagation = _Propagation(common, frames, rows)
    if border.before is not None:
        propagation.run(*border.before, range(len(frames)))
    if border.after is not None:
        propagation.run(*border.after, range(len(frames) - 1, -1, -1))
    return propagation.rows


def refined_doubts(
    common: CommonParameters, frames: Sequence[Frame], rows: Sequence[FrameRow], doubt: DoubtfulFrames
) -> list[FrameRow]:
    """Return the rows of frames in doubt, refined from the accepted frames beside them where that is better.

    `frames` and `rows` include those neighbours.
    """
    propagation = _Propagation(common, frames, rows, doubt)
    inside = range(int(doubt.before is not None), len(frames) - int(doubt.after is not None))
    if doubt.before is not None:
        propagation.run(frames[0], rows[0], inside)
    if doubt.after is not None and not doubt.exchanged:
        propagation.run(frames[-1], rows[-1], inside[::-1])
    return [propagation.rows[k] for k in inside]


class _Propagation:
    """Refines the frames of a segment, or all frames of a doubt, from the ends inwards."""

    def __init__(
        self,
        common: CommonParameters,
        frames: Sequence[Frame],
        rows: Sequence[FrameRow],
        doubt: DoubtfulFrames | None = None,
    ):
        self.segment = Segment(common)
        self.frames, self.rows, self.doubt = frames, list(rows), doubt
        # A frame whose phases have exchanged cells fits equally well with the right ones.
        self.allowance = 3.0 * WORTH if doubt is not None and doubt.exchanged else 0.0

    def run(self, frame: Frame, row: FrameRow, inwards: range) -> None:
        """Refine frames inwards from a neighbour frame until one does not improve."""
        beside = self.segment.restored_fit(frame, row)
        for k in inwards:
            if beside is None:
                return
            if math.isnan(self.rows[k].r_wp):
                continue  # not fitted: it cannot be read, is truncated, or shows no peaks
            refined = self._refined(self.frames[k], beside)
            if refined is not None and self._is_better(*refined, self.rows[k], beside):
                found, _ = refined
                verdict = self.rows[k].verdict if self.rows[k].is_good else "reseeded"
                self.rows[k], beside = measured_row(self.frames[k], verdict, "", found), found
            elif self.rows[k].is_good and self.doubt is None:
                return

    def _refined(self, frame: Frame, beside: FrameFit) -> tuple[FrameFit, Pattern] | None:
        try:
            pattern = self.segment.setup.reading.pattern(frame)
            found = self.segment.from_neighbour(frame, pattern, beside)
        except (InputError, np.linalg.LinAlgError):
            return None
        return None if found.fault else (found, pattern)

    def _is_better(self, found: FrameFit, pattern: Pattern, row: FrameRow, beside: FrameFit) -> bool:
        """Whether the fit from the neighbour frame is better than that of the row."""
        if not row.is_good:
            return True
        reduced, serial = max(found.minimum.reduced_chi_squared, 1.0), serial_of(pattern, found.minimum)
        known = _shown(beside)
        # R factors of one frame differ as the roots of chi-squared do.
        chi_squared = found.minimum.chi_squared * (row.r_wp / found.r_wp) ** 2
        variables = found.minimum.points - chi_squared / row.gof**2
        own = set(shown_in(row))
        new_phases = [p for p in found.state.present if found.frame_model.phases[p].name not in own]
        if not all(self.segment.fitter.is_supported_entry(found, p, serial) for p in new_phases):
            return False
        entry = ENTRY * serial**2
        as_it_is = chi_squared / reduced + WORTH * variables + entry * len(own - known)
        free = len(found.minimum.parameters.free_names)
        as_found = found.minimum.chi_squared / reduced + WORTH * (free + 1) + entry * len(_shown(found) - known)
        return as_found < as_it_is + self.allowance


def _shown(fit: FrameFit) -> set[str]:
    return {fit.frame_model.phases[p].name for p in fit.state.present}


def corrected_segment(
    common: CommonParameters, frames: Sequence[Frame], rows: Sequence[FrameRow], wanted: Sequence[PresenceCorrection]
) -> list[FrameRow]:
    """Return the rows of a segment; frames with a correction are refined again."""
    segment, by_frame = Segment(common), {correction.frame: correction for correction in wanted}
    return [
        segment.corrected(frame, row, by_frame[row.frame]) if row.frame in by_frame else row
        for frame, row in zip(frames, rows, strict=True)
    ]


@dataclass(frozen=True, kw_only=True)
class _SegmentEnds:
    """The first and the last accepted frame of a segment, None if there is none."""

    first: tuple[Frame, FrameRow] | None
    last: tuple[Frame, FrameRow] | None


def _is_same(one: tuple[Frame, FrameRow] | None, other: tuple[Frame, FrameRow]) -> bool:
    """Whether a frame has the same fit as before."""
    return one is not None and (one[1].frame, one[1].r_wp, one[1].gof) == (other[1].frame, other[1].r_wp, other[1].gof)


class SegmentMerge:
    """The stages that follow when every segment has been refined.

    Parameters
    ----------
    common
        The common parameters.
    segments
        Their frames.
    store, gather
        The folder of the rows, and the function that writes them to it.
    """

    def __init__(
        self, common: CommonParameters, segments: Sequence[Sequence[Frame]], store: SeriesStore, gather: Gather
    ):
        self.common, self.segments, self.store, self.gather = common, segments, store, gather
        # What all rows together show; None where a stage has changed rows since it was read.
        self._overview: tuple[SeriesTrace, SeriesPresence] | None = None

    def run(self, where: Executor) -> None:
        """Merge the segments, refine frames in doubt again, correct phases, and give the verdicts."""
        before: list[_SegmentEnds] = []
        for stage in MERGED:
            ends = [self._ends(number, stage) for number in range(len(self.segments))]
            wanted = self._borders(ends, before)
            if not wanted:
                break
            self.gather(stage, where.run(merged_from_neighbours, self._merge_jobs(stage, wanted)))
            before = ends
        self._compare(where)
        self._correct(where)
        self._distinguish(where)
        self._judge()

    def _ends(self, number: int, stage: str) -> _SegmentEnds:
        rows = self.store.rows_before(stage, number)
        good = [(frame, row) for frame, row in zip(self.segments[number], rows, strict=True) if row.is_good]
        return _SegmentEnds(first=good[0] if good else None, last=good[-1] if good else None)

    def _borders(self, ends: Sequence[_SegmentEnds], before: Sequence[_SegmentEnds]) -> dict[int, SegmentNeighbours]:
        """Return for each segment the neighbour frames that disagree with it and were not tried before."""
        found: dict[int, SegmentNeighbours] = {}
        for k in range(1, len(ends)):
            left, right = ends[k - 1].last, ends[k].first
            if left is None or right is None or agrees(left[1], right[1]):
                continue
            if before and _is_same(before[k - 1].last, left) and _is_same(before[k].first, right):
                continue
            found[k - 1] = SegmentNeighbours(before=found[k - 1].before if k - 1 in found else None, after=right)
            found[k] = SegmentNeighbours(before=left)
        return found

    def _merge_jobs(self, stage: str, wanted: dict[int, SegmentNeighbours]) -> Iterator[tuple[int, tuple[Any, ...]]]:
        for number, border in sorted(wanted.items()):
            if not self.store.has(stage, number):
                yield number, (self.common, self.segments[number], self.store.rows_before(stage, number), border)

    def _compare(self, where: Executor) -> None:
        """Refine frames from their neighbours that fit worse than these, or whose phases have exchanged their cells.

        A run of doubtful frames may extend over several segments: all of them are finished, or all are refined again.
        """
        doubts = self._series_overview(COMPARED)[0].doubts()
        touched = [number for number in range(len(self.segments)) if self._has_doubt(number, doubts)]
        if touched:
            self._overview = None
        if all(self.store.has(COMPARED, number) for number in touched):
            return
        found: dict[int, FrameRow] = {}
        for _, rows in where.run(refined_doubts, self._compare_jobs(doubts)):
            found |= {row.frame: row for row in rows}
        self.gather(COMPARED, self._with_rows(COMPARED, touched, lambda row: found.get(row.frame, row)))

    def _has_doubt(self, number: int, doubts: Sequence[DoubtfulFrames]) -> bool:
        first, last = self.segments[number][0].index, self.segments[number][-1].index
        return any(doubt.first <= last and doubt.last >= first for doubt in doubts)

    def _compare_jobs(self, doubts: Sequence[DoubtfulFrames]) -> Iterator[tuple[int, tuple[Any, ...]]]:
        for number, doubt in enumerate(doubts):
            first = doubt.first if doubt.before is None else doubt.before
            last = doubt.last if doubt.after is None else doubt.after
            frames, rows = self._between(COMPARED, first, last)
            yield number, (self.common, frames, rows, doubt)

    def _between(self, stage: str, first: int, last: int) -> tuple[list[Frame], list[FrameRow]]:
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
        self, stage: str, numbers: Iterable[int], change: Callable[[FrameRow], FrameRow]
    ) -> Iterator[tuple[int, list[FrameRow]]]:
        """Yield some segments with their rows changed."""
        for number in numbers:
            yield number, [change(row) for row in self.store.rows_before(stage, number)]

    def _series_overview(self, stage: str) -> tuple[SeriesTrace, SeriesPresence]:
        """Return what the frames are compared by and which phases they show, before a stage.

        All parts are read for it, so it is kept as long as no stage changes a row.
        """
        if self._overview is None:
            crystals = [(phase.name, phase.crystal) for phase in self.common.setup.phases if not phase.hardware]
            pairs = confusable([(name, crystal.symmetry.number, crystal.cell[:3]) for name, crystal in crystals])
            trace, presence = SeriesTrace(pairs=pairs), SeriesPresence(self.common.setup.names)
            for number in range(len(self.segments)):
                rows = self.store.rows_before(stage, number)
                trace.add(rows)
                presence.add(rows)
            self._overview = trace, presence
        return self._overview

    def _distinguish(self, where: Executor) -> None:
        """Test in single frames the similar phases of which none represents the others in the whole series."""
        if not needs_tests(self.common):
            return
        self._overview = None
        jobs = (
            (number, (self.common, frames, self.store.rows_before(DISTINGUISHED, number)))
            for number, frames in enumerate(self.segments)
            if not self.store.has(DISTINGUISHED, number)
        )
        self.gather(DISTINGUISHED, where.run(distinguished_segment, jobs))

    def _judge(self) -> None:
        """Give each frame its verdict in comparison with the other frames."""
        verdicts = self._series_overview(JUDGED)[0].verdicts()

        def finished(row: FrameRow) -> FrameRow:
            return stating_groups(with_series_groups(judged(row, verdicts), self.common.alike))

        self.gather(JUDGED, self._with_rows(JUDGED, range(len(self.segments)), finished))

    def _correct(self, where: Executor) -> None:
        """Refine frames again whose phases differ from those of all neighbour frames."""
        doubtful = self._series_overview(CORRECTED)[1].doubtful()
        wanted = {at for _, with_ in doubtful.values() for _, at in with_}
        corrections = presence_corrections(doubtful, {row.frame: row for row in self._rows_of(wanted)})
        if corrections:
            self._overview = None
        self.gather(CORRECTED, where.run(corrected_segment, self._correction_jobs(corrections)))

    def _rows_of(self, frames: Set[int]) -> Iterator[FrameRow]:
        """Yield the rows of some frames before the correction of phases."""
        for number, own in enumerate(self.segments):
            if any(own[0].index <= frame <= own[-1].index for frame in frames):
                yield from (row for row in self.store.rows_before(CORRECTED, number) if row.frame in frames)

    def _correction_jobs(self, demanded: Sequence[Any]) -> Iterator[tuple[int, tuple[Any, ...]]]:
        for number, frames in enumerate(self.segments):
            own = [a for a in demanded if frames[0].index <= a.frame <= frames[-1].index]
            if own and not self.store.has(CORRECTED, number):
                yield number, (self.common, frames, self.store.rows_before(CORRECTED, number), own)
