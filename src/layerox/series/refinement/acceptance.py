"""Acceptance of refined frames: each one by itself, then against its neighbour frames over the series.

A frame by itself can look acceptable and still be wrong: a phase is lost and the others take over its lines, two phases
of one structure exchange their cells, or zero and displacement drift apart. The neighbour frames show it. Nothing is
refined here; runs of residuals of one sign widen the support that a phase needs.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace

import numpy as np
from numpy.typing import NDArray

from layerox.diffraction.agreement import unexplained
from layerox.diffraction.constraints import CELL_RANGE
from layerox.diffraction.minimum import Minimum
from layerox.diffraction.parameters import slot_name
from layerox.diffraction.serial_correlation import serial_factor
from layerox.pattern import Pattern
from layerox.series.frame_row import DISPLACEMENT, Absence, FrameRow, stated_fraction
from layerox.series.refinement.common_parameters import CommonParameters
from layerox.series.refinement.exchanged_cells import exchanged_frames, renamed_frames
from layerox.series.refinement.frame_model import FrameModel, FrameState, PhaseSubset
from layerox.series.refinement.phase_entry import is_background_like
from layerox.series.refinement.phase_presence import KEEP_SUPPORT, STRONG, PhaseLevel
from layerox.series.tables import shown_in
from layerox.typing import FloatArray

# Share of the peaks' intensity that may be left unexplained.
MAX_UNEXPLAINED = 0.5
# A pattern whose highest point is less than this many sigmas above its median shows no peaks.
NO_PEAKS = 6.0
# Largest step left to do, in standard uncertainties, with which a refinement counts as done.
MAX_REMAINING_SHIFT = 0.3
# Number of frames on each side that a frame is compared with.
AROUND = 5
# Ratio of the goodness of fit to that of the frames around from which a frame is refined again, and from which it is
# not accepted. A phase of 3 wt% that is lost raises it by a third at 8,000 counts.
DOUBTFUL, WORSE = 1.2, 1.5
# The same ratio of R_wp alone: the frame has far fewer counts, which is no fault but must be stated.
FEWER_COUNTS = 2.5
# A run of at least this many frames that fit worse alike is a change of the specimen, not a series of bad frames. At an
# end of the series the two cannot be distinguished, and the frame only carries the reason.
CHANGE = 3
# Standard uncertainty of a weight fraction beyond which the frame does not determine it.
UNDETERMINED = 0.2
# How far the specimen may move between frames (mm), how many standard uncertainties make it certain, and the largest
# displacement that a mounted specimen has: 1 mm at a radius of 200 mm shifts lines by 0.57 degrees.
MOVED, CERTAIN, LARGEST_DISPLACEMENT = 0.25, 5.0, 1.0
# Share of the peaks' intensity that may be left unexplained beyond the last accepted frame's.
WORSE_BY = 0.1
# Factor by which the goodness of fit may differ from the last accepted frame's.
WORSE_TIMES = 3.0


@dataclass(frozen=True, eq=False)
class FrameFit:
    """Where a frame ended.

    Attributes
    ----------
    frame
        Which.
    frame_model, state, view, minimum
        The model and the values; `state` has the phase levels for the next frame.
    absences
        How well the frame excludes the phases that it does not show.
    left, gof, r_wp
        Share of unexplained intensity, goodness of fit, weighted profile R factor.
    fault
        Why it is not accepted, "" if it is.
    is_jump
        The fault is only that it fits worse than the frames before.
    """

    frame: int
    frame_model: FrameModel
    state: FrameState
    view: PhaseSubset
    minimum: Minimum
    absences: dict[str, Absence]
    left: float
    gof: float
    r_wp: float
    fault: str = ""
    is_jump: bool = False


def shows_peaks(pattern: Pattern) -> bool:
    """Whether a pattern has peaks that counting statistics alone cannot make."""
    top = int(np.argmax(pattern.intensity))
    return float(pattern.intensity[top] - np.median(pattern.intensity)) > NO_PEAKS * float(pattern.sigma[top])


def serial_of(pattern: Pattern, minimum: Minimum) -> float:
    """Return the factor by which runs of residuals of one sign make supports seem larger than they are."""
    return serial_factor((pattern.intensity - minimum.calculated.total) / pattern.sigma)


def support_of(frame_model: FrameModel, minimum: Minimum, p: int) -> float:
    """Return the scale of a phase over its standard uncertainty."""
    name = slot_name(frame_model.phases[p], "scale")
    esd = minimum.esd(name)
    if esd <= 0:
        # A scale that is not refined was fixed by the user, who thereby states that the phase is present.
        return np.inf if name not in minimum.parameters.free_names else 0.0
    return minimum.parameters.value(name) / esd


def checked_fit(
    index: int,
    frame_model: FrameModel,
    pattern: Pattern,
    state: FrameState,
    view: PhaseSubset,
    minimum: Minimum,
    absences: dict[str, Absence],
    last: FrameFit | None,
    common: CommonParameters,
) -> FrameFit:
    """Return the fit of a frame with the reason why it is not accepted, if there is one.

    It is compared with the last accepted frame, or with the seed frames if there is none.
    """
    calculated = minimum.calculated
    left = unexplained(pattern.intensity, calculated.total, calculated.background, pattern.sigma)
    gof = float(np.sqrt(minimum.reduced_chi_squared))
    r_wp = float(np.sqrt(minimum.chi_squared / ((pattern.intensity / pattern.sigma) ** 2).sum()))
    state = FrameState(state.values, state.levels)  # variables held in this frame are free again in the next one
    fit = FrameFit(index, frame_model, state, view, minimum, absences, left, gof, r_wp)
    fault = fault_of(fit)
    if not fault and (jump := _jump(fit, last, common)):
        return replace(fit, fault=jump, is_jump=True)
    return replace(fit, fault=fault)


def _jump(fit: FrameFit, last: FrameFit | None, common: CommonParameters) -> str:
    """Return how a frame fits worse than the last accepted one, "" if it does not."""
    share = f"{100 * fit.left:.0f} % of the peaks' intensity is unexplained"
    if last is None:
        usual = [seed.left for seed in common.seed_frames]
        return share if usual and fit.left > max(usual) + WORSE_BY else ""
    if fit.left > last.left + WORSE_BY:
        return f"{share}, {100 * last.left:.0f} % in the frame before"
    if fit.gof > WORSE_TIMES * max(last.gof, 1.0):
        return f"goodness of fit {fit.gof:.1f}, {last.gof:.1f} in the frame before"
    return ""


def fault_of(fit: FrameFit) -> str:
    """Return why a minimum is not acceptable, whatever the frames before it, "" if it is."""
    if all(support_of(fit.frame_model, fit.minimum, p) < KEEP_SUPPORT[PhaseLevel.SCALE] for p in fit.state.present):
        return "shows none of the phases"
    if not has_settled(fit.minimum):
        return fit.minimum.reason or "did not converge"
    if fit.left > MAX_UNEXPLAINED:
        return f"{100 * fit.left:.0f} % of the peaks' intensity is unexplained"
    bound = [
        fit.frame_model.phases[p].name for p in fit.state.present if ends_at_cell_bound(fit.frame_model, fit.minimum, p)
    ]
    return f"the cell of {bound[0]} runs away, more than {100 * CELL_RANGE:.0f} % from where it began" if bound else ""


def has_settled(minimum: Minimum) -> bool:
    """Whether what a descent has left to do is small against the uncertainties, though its budget may be used up."""
    left = minimum.largest_shift
    return minimum.outcome == "converged" or (left is not None and left < MAX_REMAINING_SHIFT)


def explains_other_peaks(frame_model: FrameModel, state: FrameState, minimum: Minimum, p: int) -> bool:
    """Whether a phase that is not strong explains something else than its own peaks."""
    if support_of(frame_model, minimum, p) >= STRONG:
        return False
    return is_background_like(frame_model, p, state.values) or ends_at_cell_bound(frame_model, minimum, p)


def ends_at_cell_bound(frame_model: FrameModel, minimum: Minimum, p: int) -> bool:
    """Whether a length or angle of a phase has reached the limit for one frame."""
    names = minimum.parameters.free_names
    cell = [name for name in (frame_model.table.names[k] for k in frame_model.cell_places(p)) if name in names]
    return any(minimum.at_bound[names.index(name)] for name in cell)


@dataclass(frozen=True, kw_only=True)
class DoubtfulFrames:
    """Consecutive frames in doubt.

    Attributes
    ----------
    first, last
        Indices of the first and last frame.
    exchanged
        True if phases have exchanged their cells, False if the frames fit worse than the frames around.
    before, after
        Indices of the accepted frames beside them, None where there is none.
    """

    first: int
    last: int
    exchanged: bool
    before: int | None
    after: int | None


@dataclass
class SeriesTrace:
    """What frames are compared by, a few numbers a frame.

    Attributes
    ----------
    pairs
        Names of phases of one structure type, whose cells can be exchanged.
    frames, gof, r_wp, displacement, displacement_esd
        Of the accepted frames, in order.
    cells
        Lengths a, b, c of each phase of a pair, nan where it is absent.
    """

    pairs: Sequence[tuple[str, str]] = ()
    frames: list[int] = field(default_factory=list)
    gof: list[float] = field(default_factory=list)
    r_wp: list[float] = field(default_factory=list)
    displacement: list[float] = field(default_factory=list)
    displacement_esd: list[float] = field(default_factory=list)
    cells: dict[str, list[tuple[float, ...]]] = field(default_factory=dict)

    def add(self, rows: Iterable[FrameRow]) -> None:
        """Append the accepted ones of some rows."""
        for row in rows:
            if not row.is_good:
                continue
            self.frames.append(row.frame)
            self.gof.append(row.gof)
            self.r_wp.append(row.r_wp)
            value, esd = row.offsets.get(DISPLACEMENT, (np.nan, np.nan))
            self.displacement.append(value)
            self.displacement_esd.append(esd)
            for name in {name for pair in self.pairs for name in pair}:
                phase = row.phases.get(name, {})
                lengths = tuple(phase[axis][0] if axis in phase else np.nan for axis in "abc")
                self.cells.setdefault(name, []).append(lengths)

    def doubts(self) -> list[DoubtfulFrames]:
        """Return the runs of frames to be refined again."""
        found = _runs(self._fits_worse(DOUBTFUL), exchanged=False)
        for pair in self.pairs:
            found += _runs(exchanged_frames(*self._cells(pair)), exchanged=True)
        return [self._numbered(*run) for run in sorted(found)]

    def _cells(self, pair: tuple[str, str]) -> tuple[FloatArray, FloatArray]:
        """Return the lengths of both phases of a pair, shape (frames, 3), nan where a frame does not show it."""
        one, other = (np.array(self.cells.get(name, []), dtype=np.float64).reshape(-1, 3) for name in pair)
        return one, other

    def _numbered(self, start: int, stop: int, exchanged: bool) -> DoubtfulFrames:
        return DoubtfulFrames(
            first=self.frames[start],
            last=self.frames[stop - 1],
            exchanged=exchanged,
            before=self.frames[start - 1] if start else None,
            after=self.frames[stop] if stop < len(self.frames) else None,
        )

    def _fits_worse(self, ratio: float) -> NDArray[np.bool_]:
        """Return for each frame whether its goodness of fit is worse than that of the frames on either side."""
        left, right = self._references(ratio)
        return np.array(self.gof) > ratio * np.fmax(np.fmin(left, right), 1.0)

    def _references(self, ratio: float) -> tuple[FloatArray, FloatArray]:
        """Return the median goodness of fit of the frames before and after each frame, nan where there are none.

        Frames that are themselves worse than their reference do not enter it.
        """
        gof = np.array(self.gof)
        return _reference(gof, ratio), _reference(gof[::-1], ratio)[::-1]

    def verdicts(self) -> dict[int, tuple[bool, str]]:
        """Return for frames that differ from those around whether they are still accepted, and the reason."""
        found: dict[int, tuple[bool, str]] = {}
        left, right = self._references(WORSE)
        reference = np.fmax(np.fmin(left, right), 1.0)
        for start, stop, _ in _runs(self._fits_worse(WORSE), exchanged=False):
            for k in range(start, stop):
                reason = f"goodness of fit {self.gof[k]:.2g}, {reference[k]:.2g} in the frames around"
                is_change = stop - start >= CHANGE or start == 0 or stop == len(self.frames)
                found[self.frames[k]] = is_change, reason
        for k, reason in self._displaced():
            found.setdefault(self.frames[k], (False, reason))
        for k, reason in self._renamed():
            found.setdefault(self.frames[k], (True, reason))
        for k, reason in self._weak():
            found.setdefault(self.frames[k], (True, reason))
        return found

    def _renamed(self) -> Iterator[tuple[int, str]]:
        """Yield the frames behind others that show one phase of a pair, if it is not certain which is which."""
        for pair in self.pairs:
            for k, before in renamed_frames(self.frames, *self._cells(pair)):
                yield k, f"{pair[0]} and {pair[1]} may have exchanged their names since frame {self.frames[before]}"

    def _displaced(self) -> Iterator[tuple[int, str]]:
        """Yield the frames whose specimen is where it cannot be, and why."""
        place, esd = np.array(self.displacement), np.array(self.displacement_esd)
        for k in np.flatnonzero(~np.isnan(place)).tolist():
            around = [i for i in _around(k, len(place)) if not np.isnan(place[i])]
            usual = _median(place[around].tolist()) if around else 0.0
            moved = abs(place[k] - usual)
            if len(around) >= AROUND and moved > MOVED and moved > CERTAIN * esd[k]:
                yield k, f"displacement {place[k]:.2f} mm, {usual:.2f} mm in the frames around"
            elif len(around) < AROUND and abs(place[k]) > LARGEST_DISPLACEMENT:
                yield k, f"displacement {place[k]:.2f} mm, more than a mounted specimen has"

    def _weak(self) -> Iterator[tuple[int, str]]:
        """Yield the frames of far fewer counts than those around."""
        r_wp = np.array(self.r_wp)
        for k in range(len(r_wp)):
            around = _around(k, len(r_wp))
            usual = _median(r_wp[around].tolist()) if around else np.inf
            if r_wp[k] > FEWER_COUNTS * usual:
                yield k, f"R_wp {100 * r_wp[k]:.2g} %, {100 * usual:.2g} % in the frames around: far fewer counts"


def _median(values: list[float]) -> float:
    """Return the median of a few numbers: that of numpy takes longer than all else that is done with a frame's."""
    ordered, middle = sorted(values), len(values) // 2
    return ordered[middle] if len(values) % 2 else (ordered[middle - 1] + ordered[middle]) / 2.0


def _around(k: int, count: int) -> list[int]:
    return [i for i in range(max(k - AROUND, 0), min(k + AROUND + 1, count)) if i != k]


def _reference(gof: FloatArray, ratio: float) -> FloatArray:
    """Return the median of the last values before each one, nan for the first, without those above it by a ratio."""
    found = np.full(len(gof), np.nan)
    before: list[float] = []
    for k, value in enumerate(gof):
        found[k] = _median(before[-AROUND:]) if before else np.nan
        if not before or value <= ratio * max(found[k], 1.0):
            before.append(float(value))
    return found


def _runs(flags: NDArray[np.bool_], *, exchanged: bool) -> list[tuple[int, int, bool]]:
    """Return the stretches of True as (first, one past the last, exchanged)."""
    edges = np.flatnonzero(np.diff(np.concatenate([[False], flags, [False]]).astype(np.int8)))
    return [(int(start), int(stop), exchanged) for start, stop in edges.reshape(-1, 2)]


def undetermined(row: FrameRow) -> str:
    """Return the reason if a frame does not determine the fraction of a phase, or group, that it shows, else ""."""
    esds = {name: stated_fraction(row.phases[name])[1] for name in shown_in(row)}
    name, esd = max(esds.items(), key=lambda item: np.nan_to_num(item[1]), default=("", 0.0))
    return f"the fraction of {name} is undetermined, esd {100 * esd:.2g} wt%" if esd > UNDETERMINED else ""


def judged(row: FrameRow, verdicts: Mapping[int, tuple[bool, str]]) -> FrameRow:
    """Return a row with the verdict and the reason that it has among all others."""
    if not row.is_good:
        return row
    if reason := undetermined(row):
        return replace(row, verdict="quarantined", reason=reason)
    is_accepted, reason = verdicts.get(row.frame, (True, ""))
    if not reason:
        return row
    return replace(row, verdict=row.verdict if is_accepted else "quarantined", reason=reason)


def judged_alone(row: FrameRow) -> FrameRow:
    """Return a row of a series without neighbours with its verdict: what it shows must be determined and possible."""
    displacement, _ = row.offsets.get(DISPLACEMENT, (np.nan, np.nan))
    reason = undetermined(row)
    if not reason and abs(displacement) > LARGEST_DISPLACEMENT:
        reason = f"displacement {displacement:.2f} mm, more than a mounted specimen has"
    return replace(row, verdict="quarantined", reason=reason) if row.is_good and reason else row
