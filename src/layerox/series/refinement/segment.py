"""The frames of one segment, each refined from the last accepted frame.

If the refinement from the neighbour fails, the cells are searched on the blurred pattern, then the frame is fitted from
scratch; a frame for which nothing succeeds is quarantined, and no other frame starts from it. A second pass goes
backwards: phases that enter later are tested in earlier frames, and quarantined frames start from their later
neighbour.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import partial

import numpy as np

from layerox.diffraction.agreement import unexplained
from layerox.diffraction.fit_status import TOO_MUCH_LEFT
from layerox.errors import InputError
from layerox.pattern import Pattern
from layerox.series.frame_row import Absence, FrameRow, Verdict, offsets_of, phases_of
from layerox.series.frame_setup import Frame, SeriesSetup
from layerox.series.refinement.acceptance import (
    WORSE_BY,
    FrameFit,
    fault_of,
    has_settled,
    judged_alone,
    serial_of,
    shows_peaks,
    support_of,
)
from layerox.series.refinement.cell_interpolation import WEAK, differs, state_at
from layerox.series.refinement.common_parameters import CommonParameters, from_scratch
from layerox.series.refinement.frame_fit import FrameFitter
from layerox.series.refinement.frame_model import LONG_BUDGET, restored
from layerox.series.refinement.phase_entry import PhaseEntry
from layerox.series.refinement.phase_presence import KEEP_SUPPORT, PhaseLevel, PresenceCorrection
from layerox.series.stacking_columns import frame_verdicts, has_disorder
from layerox.series.tables import shown_in
from layerox.series.undistinguished_rows import stating_groups, with_group

# Share of the usual range of angles that a frame must span.
MIN_RANGE = 0.9
# Consecutive failures after which no frame is fitted from scratch, and after how many it is tried again.
MAX_FAILURES, RETRY_EVERY = 3, 10
# Consecutive frames that fail alike are not bad frames: the specimen has changed.
ALIKE = 3
# Fall of chi-squared, over its reduced value, that each additional variable needs.
WORTH = 5.0


# Frames a segment: about an eighth of the series, about within these bounds, so that cores are evenly busy.
FEWEST_FRAMES, MOST_FRAMES, SEGMENTS = 20, 100, 8


@dataclass(frozen=True, eq=False)
class RefinedFrame:
    """A refined frame: its row, and its fit, from which a neighbour can start (if any)."""

    row: FrameRow
    fit: FrameFit | None = None


class Segment:
    """The frames of one segment, one after another.

    Parameters
    ----------
    common
        The common parameters.
    is_sparse
        Whether the frames are far apart: their cells are extrapolated, and none is fitted from scratch.
    """

    def __init__(self, common: CommonParameters, *, is_sparse: bool = False):
        self.common = common
        self.setup = common.setup
        self.is_sparse = is_sparse
        self.fitter = FrameFitter(common, is_sparse=is_sparse)
        self._failures = 0
        self._was_weak = False

    def run(self, frames: Sequence[Frame]) -> list[FrameRow]:
        """Return the rows of the segment's frames."""
        return [item.row for item in self.refined_twice(frames)]

    def refined_twice(self, frames: Sequence[Frame]) -> list[RefinedFrame]:
        """Return the frames refined forwards and backwards."""
        done = [self.forward(frame) for frame in frames]
        return self._backward(frames, self._with_accepted_changes(done))

    def refined_outwards(self, middle: int, frames: Sequence[Frame]) -> list[RefinedFrame]:
        """Return the frames refined outwards from one of them, and then backwards."""
        right = [self.forward(frame) for frame in frames[middle:]]
        self._failures = 0
        self.fitter.start_from(right[0].fit if right[0].row.is_good else None)
        left = [self.forward(frame) for frame in reversed(frames[:middle])]
        return self._backward(frames, [*reversed(left), *right])

    def forward(self, frame: Frame) -> RefinedFrame:
        """Refine the next frame from the last accepted one."""
        self.fitter.index = frame.index
        try:
            pattern = self.setup.reading.pattern(frame)
        except InputError as error:
            return RefinedFrame(_row(frame, "unreadable", error.problem))
        if not shows_peaks(pattern):
            return RefinedFrame(_row(frame, "quarantined", "shows no peaks"))
        if cut := self._cut(pattern):
            return RefinedFrame(_row(frame, "quarantined", cut))
        try:
            fit, verdict = self._best(frame, pattern)
        except np.linalg.LinAlgError:
            return RefinedFrame(_row(frame, "quarantined", "the normal equations cannot be solved"))
        if fit.fault:
            self._failures += 1
            return RefinedFrame(measured_row(frame, "quarantined", fit.fault, fit), fit)
        self._failures = 0
        if self._starts_next(fit):
            self.fitter.accept(fit)
        return RefinedFrame(measured_row(frame, verdict, "", fit), fit)

    def _starts_next(self, fit: FrameFit) -> bool:
        """Whether the next frame starts from this one: a weak frame (far fewer counts) leads only after another one."""
        last = self.fitter.last
        weak = last is not None and _best_support(fit) < WEAK * _best_support(last)
        leads = not weak or self._was_weak
        self._was_weak = weak
        return leads

    def _cut(self, pattern: Pattern) -> str:
        """Return a reason if a pattern spans much less than the others: a truncated file."""
        low, high = self.common.limits
        start, stop = pattern.range
        if min(stop, high) - max(start, low) >= MIN_RANGE * (high - low):
            return ""
        return f"spans {start:.4g} to {stop:.4g} degrees, other frames {low:.4g} to {high:.4g}"

    def _best(self, frame: Frame, pattern: Pattern) -> tuple[FrameFit, Verdict]:
        """Return the first acceptable fit, or the best of all, and its verdict."""
        frame_model = self.fitter.frame_model(pattern)
        first = self.fitter.last is None
        start = self.fitter.start(frame_model, frame)
        fit = self.fitter.warm(frame_model, pattern, start, is_first=first, skip_recent_failures=not first)
        if self.is_sparse and not first and frame.index in self.fitter.interpolation.seed_indices:
            seen = state_at(frame.index, self.common, self.fitter.interpolation, frame_model)
            own = self.fitter.warm(frame_model, pattern, seen, is_first=True)
            fit = min(fit, own, key=_by_merit)
        if not fit.fault:
            return fit, "accepted"
        fitted_form = [fit, self.fitter.searched(frame_model, pattern, start)]
        if first and not fitted_form[-1].fault:
            return fitted_form[-1], "accepted"
        again = self._failures < MAX_FAILURES or self._failures % RETRY_EVERY == 0
        if fitted_form[-1].fault and again and not self.is_sparse:
            fitted_form.append(self.fitter.cold(frame_model, pattern, start))
        return min(fitted_form, key=_by_merit), "reseeded"

    def corrected(self, frame: Frame, row: FrameRow, correction: PresenceCorrection) -> FrameRow:
        """Refine a frame again without phases that are noise, or with phases that must be present."""
        self.fitter.index = frame.index
        pattern = self.setup.reading.pattern(frame)
        frame_model = self.fitter.frame_model(pattern)
        demanded = dict.fromkeys(shown_in(row), row) | dict(correction.with_)
        sources = {name: found for name, found in demanded.items() if name not in correction.without}
        if not sources:
            return row
        start = restored(frame_model, sources, dict(correction.with_))
        view, minimum = frame_model.minimised(pattern, start, linear=True, budget=LONG_BUDGET)
        state = frame_model.moved(start, view, minimum)
        added = [p for p, phase in enumerate(frame_model.phases) if phase.name in dict(correction.with_)]
        if not has_settled(minimum) or any(
            support_of(frame_model, minimum, p) < KEEP_SUPPORT[PhaseLevel.SCALE] for p in added
        ):
            return row
        absences = (
            PhaseEntry(frame_model, pattern, state, view, minimum).absences()
            if len(sources) < len(frame_model.phases)
            else {}
        )
        fit = self.fitter.judged((frame_model, pattern, state, view, minimum, absences))
        return row if fault_of(fit) else measured_row(frame, row.verdict, row.reason, fit)

    def restored_fit(self, frame: Frame, row: FrameRow) -> FrameFit | None:
        """Return a frame refined from its row, None if the result is not acceptable."""
        self.fitter.index = frame.index
        pattern = self.setup.reading.pattern(frame)
        frame_model = self.fitter.frame_model(pattern)
        start = restored(frame_model, dict.fromkeys(shown_in(row), row))
        view, minimum = frame_model.minimised(pattern, start, linear=True, budget=LONG_BUDGET)
        state = frame_model.moved(start, view, minimum)
        fit = self.fitter.judged((frame_model, pattern, state, view, minimum, {}))
        return None if fault_of(fit) else fit

    def from_neighbour(self, frame: Frame, pattern: Pattern, neighbour: FrameFit) -> FrameFit:
        """Return a frame refined from a neighbour."""
        self.fitter.start_from(neighbour)
        self.fitter.index = frame.index
        frame_model = self.fitter.frame_model(pattern)
        return self.fitter.warm(frame_model, pattern, self.fitter.start(frame_model, frame))

    def _with_accepted_changes(self, done: list[RefinedFrame]) -> list[RefinedFrame]:
        """Accept consecutive frames that fail alike: the specimen has changed."""
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

    def _backward(self, frames: Sequence[Frame], done: list[RefinedFrame]) -> list[RefinedFrame]:
        """Refine frames again from later ones if these show more phases, or if the frame is quarantined."""
        result = list(done)
        later: FrameFit | None = None
        for k in range(len(frames) - 1, -1, -1):
            fit = result[k].fit
            if later is not None and fit is not None and self._needs_second_fit(result[k], later):
                result[k] = self._refined_from_later(frames[k], result[k], later)
            if result[k].row.is_good and result[k].fit is not None:
                later = result[k].fit
        return result

    def _needs_second_fit(self, item: RefinedFrame, later: FrameFit) -> bool:
        if item.fit is None:
            return False
        if not item.row.is_good or set(later.state.present) - set(item.fit.state.present):
            return True
        return self.is_sparse and self._has_jumped(item.fit, later)

    def _has_jumped(self, fit: FrameFit, later: FrameFit) -> bool:
        """Whether a phase has another cell than in the later frame: one of both may be a worse minimum."""
        return any(
            differs(
                fit.state.values[fit.frame_model.cell_places(p)], later.state.values[later.frame_model.cell_places(p)]
            )
            for p in set(fit.state.present) & set(later.state.present)
        )

    def _refined_from_later(self, frame: Frame, item: RefinedFrame, later: FrameFit) -> RefinedFrame:
        """Return a frame refined from its later neighbour if that is better, else unchanged."""
        pattern = self.setup.reading.pattern(frame)
        frame_model = self.fitter.frame_model(pattern)
        self.fitter.last, self.fitter.index = later, frame.index
        start = self.fitter.start(frame_model, frame)
        fit = self.fitter.warm(frame_model, pattern, start)
        before = item.fit
        if fit.fault or before is None:
            return item
        if not item.row.is_good:
            return RefinedFrame(measured_row(frame, "reseeded", "", fit), fit)
        more = len(fit.minimum.parameters.free_names) - len(before.minimum.parameters.free_names)
        gain = (before.minimum.chi_squared - fit.minimum.chi_squared) / max(fit.minimum.reduced_chi_squared, 1.0)
        serial = serial_of(pattern, fit.minimum)
        new_phases = set(fit.state.present) - set(before.state.present)
        if gain < WORTH * max(more, 1) or not all(self.fitter.is_supported_entry(fit, p, serial) for p in new_phases):
            return item
        return RefinedFrame(measured_row(frame, item.row.verdict, "", fit), fit)


def _best_support(fit: FrameFit) -> float:
    return max((support_of(fit.frame_model, fit.minimum, p) for p in fit.state.present), default=0.0)


def _by_merit(fit: FrameFit) -> tuple[bool, float]:
    """Sort key: fits without a fault first, then by chi-squared."""
    return bool(fit.fault), fit.minimum.chi_squared


def _fails_like(first: RefinedFrame, other: RefinedFrame) -> bool:
    a, b = first.fit, other.fit
    if a is None or b is None or not (a.is_jump and b.is_jump):
        return False
    return not other.row.is_good and abs(a.left - b.left) < 0.5 * WORSE_BY and b.gof < 1.5 * a.gof < 2.25 * b.gof


def _row(frame: Frame, verdict: Verdict, reason: str) -> FrameRow:
    return FrameRow(frame=frame.index, file=frame.file, axes=frame.axes, verdict=verdict, reason=reason)


def measured_row(frame: Frame, verdict: Verdict, reason: str, fit: FrameFit) -> FrameRow:
    """Return the row of a frame as it was refined."""
    names = {phase.name for k, phase in enumerate(fit.frame_model.phases) if k not in fit.state.present}
    absent = {name: fit.absences.get(name, Absence()) for name in names}
    common = fit.frame_model.common
    model, minimum = fit.view.model, fit.minimum
    verdicts = frame_verdicts(model, minimum, common.setup.reading.pattern(frame)) if has_disorder(model) else {}
    return FrameRow(
        frame=frame.index,
        file=frame.file,
        axes=frame.axes,
        verdict=verdict,
        reason=reason,
        r_wp=fit.r_wp,
        gof=fit.gof,
        phases=phases_of(common.setup, model, minimum, absent, common.esds, verdicts, common.scale_covariance),
        offsets=offsets_of(fit.minimum),
    )


def segment_ranges(count: int) -> list[range]:
    """Return the segments of so many frames, as long as each other but for one frame."""
    parts = max(round(count / min(max(count / SEGMENTS, FEWEST_FRAMES), MOST_FRAMES)), 1)
    return [range(k * count // parts, (k + 1) * count // parts) for k in range(parts)]


def refined_segment(common: CommonParameters, frames: Sequence[Frame]) -> list[FrameRow]:
    """Return the rows of a segment whose frames follow each other."""
    return Segment(common).run(frames)


def independent_rows(setup: SeriesSetup, frames: Sequence[Frame]) -> list[FrameRow]:
    """Return the rows of frames that have no neighbours: each is fitted from scratch."""
    return [_independent_row(setup, frame) for frame in frames]


def _independent_row(setup: SeriesSetup, frame: Frame) -> FrameRow:
    unfit = partial(FrameRow, frame=frame.index, file=frame.file, axes=frame.axes)
    try:
        pattern = setup.reading.pattern(frame)
    except InputError as error:
        return unfit(verdict="unreadable", reason=error.problem)
    if not shows_peaks(pattern):
        return unfit(verdict="quarantined", reason="shows no peaks")
    try:
        outcome = from_scratch(setup, pattern, setup.instrument)
    except (InputError, np.linalg.LinAlgError) as error:
        return unfit(verdict="quarantined", reason=str(error))
    minimum, calculated = outcome.minimum, outcome.minimum.calculated
    left = unexplained(pattern.intensity, calculated.total, calculated.background, pattern.sigma)
    reason = minimum.reason or ""
    if len(outcome.unsupported) == len(setup.phases):
        reason = "shows none of the phases"
    elif left > TOO_MUCH_LEFT:
        reason = f"{100 * left:.0f} % of the peaks' intensity is unexplained"
    absent = {
        phase.name: _absence(phase.crystal.mass * phase.crystal.volume, *outcome.unsupported[phase.name])
        for phase in setup.phases
        if phase.name in outcome.unsupported
    }
    verdicts = frame_verdicts(outcome.model, minimum, pattern) if has_disorder(outcome.model) else {}
    row = unfit(
        verdict="quarantined" if reason else "accepted",
        reason=reason,
        r_wp=float(np.sqrt(minimum.chi_squared / ((pattern.intensity / pattern.sigma) ** 2).sum())),
        gof=float(np.sqrt(minimum.reduced_chi_squared)),
        phases=phases_of(setup, outcome.model, minimum, absent, verdicts=verdicts),
        offsets=offsets_of(minimum),
    )
    for group in outcome.alike:
        row = with_group(row, group)
    return stating_groups(judged_alone(row))


def _absence(weight: float, support: float, esd: float) -> Absence:
    return Absence(support=support, weight_esd=weight * esd)
