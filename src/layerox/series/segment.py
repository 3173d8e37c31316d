"""Sequential: the frames of one segment, each started from the last one that was accepted.

A frame is refined warm; if that fails, from a search of the cells on the blurred pattern; if that fails, from scratch.
A frame for which nothing works is quarantined and no other frame starts from it. A second pass runs backwards: frames
before a birth are asked for the newborn, and quarantined ones have another chance from their later neighbour.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np

from layerox.errors import InputError
from layerox.pattern import Pattern
from layerox.series.cell_interpolation import is_another
from layerox.series.common_parameters import Foundation
from layerox.series.frame_checks import (
    Fit,
    fault_of,
    has_settled,
    serial_of,
    shows_peaks,
    support_of,
)
from layerox.series.frame_fit import PATIENT, WEAK, WORSE_BY, Fitter
from layerox.series.frames import Frame
from layerox.series.measured import Absence, Row, Verdict, offsets_of, phases_of
from layerox.series.phase_entry import Nursery
from layerox.series.phase_presence import LEFT, Rung
from layerox.series.presence_correction import Amendment
from layerox.series.restore import restored
from layerox.series.starts import state_at
from layerox.series.table import shown_in

# Share of the usual range of angles that a frame must span.
WHOLE = 0.9
# Frames that fail in a row before nothing is fitted from scratch any more, and after how many it is tried again.
HOPELESS_RUN, ANOTHER_TRY = 3, 10
# Consecutive frames that fail alike are not bad frames: the specimen has changed.
ALIKE = 3
# What chi-squared, over its reduced value, must fall by for each variable that a frame has more.
WORTH = 5.0


@dataclass(frozen=True, eq=False)
class Done:
    """A frame that is done: its row, and the values and rungs by name from which a neighbour can start (if any)."""

    row: Row
    fit: Fit | None = None


class Segment:
    """The frames of one segment, one after another.

    Parameters
    ----------
    foundation
        What all frames of the series share.
    in_strides
        Whether the frames are far apart: their cells go on as they have gone, and none is fitted from scratch.
    """

    def __init__(self, foundation: Foundation, *, in_strides: bool = False):
        self.foundation = foundation
        self.setup = foundation.setup
        self.in_strides = in_strides
        self.fitter = Fitter(foundation, in_strides=in_strides)
        self._failures = 0
        self._was_weak = False

    def run(self, frames: Sequence[Frame]) -> list[Row]:
        """Return the rows of the segment's frames."""
        return [item.row for item in self.walked(frames)]

    def walked(self, frames: Sequence[Frame]) -> list[Done]:
        """Return the frames refined forwards and backwards."""
        done = [self.forward(frame) for frame in frames]
        return self._backward(frames, self._released(done))

    def walked_from(self, middle: int, frames: Sequence[Frame]) -> list[Done]:
        """Return the frames refined outwards from one of them, and then backwards."""
        right = [self.forward(frame) for frame in frames[middle:]]
        self._failures = 0
        self.fitter.turn_to(right[0].fit if right[0].row.is_good else None)
        left = [self.forward(frame) for frame in reversed(frames[:middle])]
        return self._backward(frames, [*reversed(left), *right])

    def forward(self, frame: Frame) -> Done:
        """Refine the next frame from the last accepted one."""
        self.fitter.index = frame.index
        try:
            pattern = self.setup.reading.pattern(frame)
        except InputError as error:
            return Done(_row(frame, "unreadable", error.problem))
        if not shows_peaks(pattern):
            return Done(_row(frame, "quarantined", "shows no peaks"))
        if cut := self._cut(pattern):
            return Done(_row(frame, "quarantined", cut))
        try:
            fit, verdict = self._best(frame, pattern)
        except np.linalg.LinAlgError:
            return Done(_row(frame, "quarantined", "the normal equations cannot be solved"))
        if fit.fault:
            self._failures += 1
            return Done(measured_row(frame, "quarantined", fit.fault, fit), fit)
        self._failures = 0
        if self._leads(fit):
            self.fitter.accept(fit)
        return Done(measured_row(frame, verdict, "", fit), fit)

    def _leads(self, fit: Fit) -> bool:
        """Whether the next frame starts from this one: a weak frame (far fewer counts) leads only after another one."""
        last = self.fitter.last
        weak = last is not None and _best_support(fit) < WEAK * _best_support(last)
        leads = not weak or self._was_weak
        self._was_weak = weak
        return leads

    def _cut(self, pattern: Pattern) -> str:
        """Say so if a pattern spans much less than the others: a file that was cut off between two lines."""
        low, high = self.foundation.limits
        start, stop = pattern.range
        if min(stop, high) - max(start, low) >= WHOLE * (high - low):
            return ""
        return f"spans {start:.4g} to {stop:.4g} degrees, other frames {low:.4g} to {high:.4g}"

    def _best(self, frame: Frame, pattern: Pattern) -> tuple[Fit, Verdict]:
        """Return the first fit that can be believed, or the best of all, and what it is called."""
        bench = self.fitter.bench(pattern)
        first = self.fitter.last is None
        start = self.fitter.start(bench, frame)
        fit = self.fitter.warm(bench, pattern, start, is_first=first, may_rest=not first)
        if self.in_strides and not first and frame.index in self.fitter.homes.looked_at:
            seen = state_at(frame.index, self.foundation, self.fitter.homes, bench)
            own = self.fitter.warm(bench, pattern, seen, is_first=True)
            fit = min(fit, own, key=_by_merit)
        if not fit.fault:
            return fit, "accepted"
        tried = [fit, self.fitter.searched(bench, pattern, start)]
        if first and not tried[-1].fault:
            return tried[-1], "accepted"
        again = self._failures < HOPELESS_RUN or self._failures % ANOTHER_TRY == 0
        if tried[-1].fault and again and not self.in_strides:
            tried.append(self.fitter.cold(bench, pattern, start))
        return min(tried, key=_by_merit), "reseeded"

    def amended(self, frame: Frame, row: Row, amendment: Amendment) -> Row:
        """Refine a frame once more without phases that are no more than noise, or with some that must be there."""
        self.fitter.index = frame.index
        pattern = self.setup.reading.pattern(frame)
        bench = self.fitter.bench(pattern)
        demanded = dict.fromkeys(shown_in(row), row) | dict(amendment.with_)
        sources = {name: found for name, found in demanded.items() if name not in amendment.without}
        if not sources:
            return row
        start = restored(bench, sources, dict(amendment.with_))
        view, minimum = bench.minimised(pattern, start, linear=True, budget=PATIENT)
        state = bench.moved(start, view, minimum)
        added = [p for p, phase in enumerate(bench.phases) if phase.name in dict(amendment.with_)]
        if not has_settled(minimum) or any(support_of(bench, minimum, p) < LEFT[Rung.SCALE] for p in added):
            return row
        absences = Nursery(bench, pattern, state, view, minimum).absences() if len(sources) < len(bench.phases) else {}
        fit = self.fitter.judged((bench, pattern, state, view, minimum, absences))
        return row if fault_of(fit) else measured_row(frame, row.verdict, row.reason, fit)

    def as_it_stands(self, frame: Frame, row: Row) -> Fit | None:
        """Return a frame refined where its row says that it ended, None if it does not stay there."""
        self.fitter.index = frame.index
        pattern = self.setup.reading.pattern(frame)
        bench = self.fitter.bench(pattern)
        start = restored(bench, dict.fromkeys(shown_in(row), row))
        view, minimum = bench.minimised(pattern, start, linear=True, budget=PATIENT)
        state = bench.moved(start, view, minimum)
        fit = self.fitter.judged((bench, pattern, state, view, minimum, {}))
        return None if fault_of(fit) else fit

    def from_neighbour(self, frame: Frame, pattern: Pattern, neighbour: Fit) -> Fit:
        """Return a frame refined from one beside it, however that was found."""
        self.fitter.turn_to(neighbour)
        self.fitter.index = frame.index
        bench = self.fitter.bench(pattern)
        return self.fitter.warm(bench, pattern, self.fitter.start(bench, frame))

    def _released(self, done: list[Done]) -> list[Done]:
        """Accept stretches of frames that fail alike: not the frames are bad, the specimen has changed."""
        result = list(done)
        k = 0
        while k < len(done):
            end = k
            while end < len(done) and _fails_like(done[k], done[end]):
                end += 1
            if end - k >= ALIKE:
                for i in range(k, end):
                    result[i] = replace(done[i], row=replace(done[i].row, verdict="reseeded"))
            k = max(end, k + 1)
        return result

    def _backward(self, frames: Sequence[Frame], done: list[Done]) -> list[Done]:
        """Go back through the frames: newborn phases and quarantined frames have another chance from later on."""
        result = list(done)
        later: Fit | None = None
        for k in range(len(frames) - 1, -1, -1):
            fit = result[k].fit
            if later is not None and fit is not None and self._deserves_another(result[k], later):
                result[k] = self._again(frames[k], result[k], later)
            if result[k].row.is_good and result[k].fit is not None:
                later = result[k].fit
        return result

    def _deserves_another(self, item: Done, later: Fit) -> bool:
        if item.fit is None:
            return False
        if not item.row.is_good or set(later.state.present) - set(item.fit.state.present):
            return True
        return self.in_strides and self._has_jumped(item.fit, later)

    def _has_jumped(self, fit: Fit, later: Fit) -> bool:
        """Whether a phase has another cell than in the frame behind: one of both may have missed the better one."""
        return any(
            is_another(fit.state.values[fit.bench.cell_places(p)], later.state.values[later.bench.cell_places(p)])
            for p in set(fit.state.present) & set(later.state.present)
        )

    def _again(self, frame: Frame, item: Done, later: Fit) -> Done:
        """Return a frame refined from its later neighbour if that is better, else as it was."""
        pattern = self.setup.reading.pattern(frame)
        bench = self.fitter.bench(pattern)
        self.fitter.last, self.fitter.index = later, frame.index
        start = self.fitter.start(bench, frame)
        fit = self.fitter.warm(bench, pattern, start)
        before = item.fit
        if fit.fault or before is None:
            return item
        if not item.row.is_good:
            return Done(measured_row(frame, "reseeded", "", fit), fit)
        more = len(fit.minimum.parameters.free_names) - len(before.minimum.parameters.free_names)
        gain = (before.minimum.chi_squared - fit.minimum.chi_squared) / max(fit.minimum.reduced_chi_squared, 1.0)
        serial = serial_of(pattern, fit.minimum)
        newcomers = set(fit.state.present) - set(before.state.present)
        if gain < WORTH * max(more, 1) or not all(self.fitter.is_welcome(fit, p, serial) for p in newcomers):
            return item
        return Done(measured_row(frame, item.row.verdict, "", fit), fit)


def _best_support(fit: Fit) -> float:
    return max((support_of(fit.bench, fit.minimum, p) for p in fit.state.present), default=0.0)


def _by_merit(fit: Fit) -> tuple[bool, float]:
    """Return what sorts fits of one frame: those that can be believed first, then by chi-squared."""
    return bool(fit.fault), fit.minimum.chi_squared


def _fails_like(first: Done, other: Done) -> bool:
    a, b = first.fit, other.fit
    if a is None or b is None or not (a.is_jump and b.is_jump):
        return False
    return not other.row.is_good and abs(a.left - b.left) < 0.5 * WORSE_BY and b.gof < 1.5 * a.gof < 2.25 * b.gof


def _row(frame: Frame, verdict: Verdict, reason: str) -> Row:
    return Row(frame=frame.index, file=frame.file, axes=frame.axes, verdict=verdict, reason=reason)


def measured_row(frame: Frame, verdict: Verdict, reason: str, fit: Fit) -> Row:
    """Return the row of a frame as it was refined."""
    names = {phase.name for k, phase in enumerate(fit.bench.phases) if k not in fit.state.present}
    absent = {name: fit.absences.get(name, Absence()) for name in names}
    foundation = fit.bench.foundation
    return Row(
        frame=frame.index,
        file=frame.file,
        axes=frame.axes,
        verdict=verdict,
        reason=reason,
        r_wp=fit.r_wp,
        gof=fit.gof,
        phases=phases_of(foundation.setup, fit.view.model, fit.minimum, absent, foundation.esds),
        offsets=offsets_of(fit.minimum),
    )
