"""Tasks: the pieces of work into which a series falls; they depend on its folder and its recipe, and on nothing else.

What a worker is handed and hands back is plain data, so that it may sit in another process or on another machine that
sees the same files.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial

import numpy as np

from layerox.diffraction.agreement import unexplained
from layerox.diffraction.fit_status import TOO_MUCH_LEFT
from layerox.errors import InputError
from layerox.series.acceptance import Doubt, judged_alone
from layerox.series.common_parameters import Foundation, Scout, from_scratch, scouted
from layerox.series.frame_checks import shows_peaks
from layerox.series.frames import Frame
from layerox.series.measured import Absence, Row, offsets_of, phases_of
from layerox.series.phase_search import surveyed
from layerox.series.presence_correction import Amendment
from layerox.series.segment import Segment
from layerox.series.segment_merge import Border, compared, handed_over
from layerox.series.setup import Setup

# Frames a segment: about an eighth of the series, about within these bounds, so that cores are evenly busy.
FEWEST, MOST, PARTS = 20, 100, 8


def segments(count: int) -> list[range]:
    """Return the segments of so many frames, as long as each other but for one frame."""
    parts = max(round(count / min(max(count / PARTS, FEWEST), MOST)), 1)
    return [range(k * count // parts, (k + 1) * count // parts) for k in range(parts)]


def scout(setup: Setup, frame: Frame) -> Scout | None:
    """Return a frame fitted from scratch, None if it cannot be."""
    return scouted(setup, frame)


def survey(foundation: Foundation, frames: Sequence[Frame]) -> Foundation:
    """Return the foundation with the frames of the survey as its sightings."""
    return surveyed(foundation, frames)


def follow(foundation: Foundation, frames: Sequence[Frame]) -> list[Row]:
    """Return the rows of a segment whose frames follow each other."""
    return Segment(foundation).run(frames)


def hand_over(foundation: Foundation, frames: Sequence[Frame], rows: Sequence[Row], border: Border) -> list[Row]:
    """Return the rows of a segment with some frames refined from those beyond its ends."""
    return handed_over(foundation, frames, rows, border)


def compare(foundation: Foundation, frames: Sequence[Frame], rows: Sequence[Row], doubt: Doubt) -> list[Row]:
    """Return the rows of frames in doubt, refined from the accepted frames beside them where that is better."""
    return compared(foundation, frames, rows, doubt)


def amend(
    foundation: Foundation, frames: Sequence[Frame], rows: Sequence[Row], wanted: Sequence[Amendment]
) -> list[Row]:
    """Return the rows of a segment with some frames refined once more."""
    segment, by_frame = Segment(foundation), {amendment.frame: amendment for amendment in wanted}
    return [
        segment.amended(frame, row, by_frame[row.frame]) if row.frame in by_frame else row
        for frame, row in zip(frames, rows, strict=True)
    ]


def each_alone(setup: Setup, frames: Sequence[Frame]) -> list[Row]:
    """Return the rows of frames that have no neighbours: each is fitted from scratch."""
    return [_alone(setup, frame) for frame in frames]


def _alone(setup: Setup, frame: Frame) -> Row:
    unfit = partial(Row, frame=frame.index, file=frame.file, axes=frame.axes)
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
    row = unfit(
        verdict="quarantined" if reason else "accepted",
        reason=reason,
        r_wp=float(np.sqrt(minimum.chi_squared / ((pattern.intensity / pattern.sigma) ** 2).sum())),
        gof=float(np.sqrt(minimum.reduced_chi_squared)),
        phases=phases_of(setup, outcome.model, minimum, absent),
        offsets=offsets_of(minimum),
    )
    return judged_alone(row)


def _absence(weight: float, support: float, esd: float) -> Absence:
    return Absence(support=support, weight_esd=weight * esd)
