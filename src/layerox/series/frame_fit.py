"""The refinement of one frame: from a neighbour frame, from a search of cells, or from scratch.

Phases of low support lose parameters or leave; absent phases that a score test supports enter. The comparison over many
frames is in `acceptance`.
"""

from __future__ import annotations

from dataclasses import replace
from functools import partial

import numpy as np

from layerox.diffraction.agreement import unexplained
from layerox.diffraction.cell_search import blurs_for, search_cells
from layerox.diffraction.least_squares import Minimum
from layerox.diffraction.parameters import slot_name
from layerox.diffraction.refinement_steps import LOOSE
from layerox.pattern import Pattern
from layerox.series.acceptance import (
    STRONG,
    FrameFit,
    ends_at_cell_bound,
    explains_other_peaks,
    fault_of,
    has_settled,
    serial_of,
    support_of,
)
from layerox.series.cell_interpolation import INTERVAL_WINDOW, CellInterpolation, differs, extrapolated, state_at
from layerox.series.common_parameters import POSITION, CommonParameters, from_scratch
from layerox.series.frame_model import FrameModel, FrameState, PhaseLevels, PhaseSubset
from layerox.series.frame_reading import Frame
from layerox.series.measured import Absence
from layerox.series.phase_entry import JUDGED, PhaseEntry, is_background_like
from layerox.series.phase_presence import KEEP_SUPPORT, PhaseLevel, entry_support, lowered_level, raised_level
from layerox.typing import FloatArray

# Share of the peaks' intensity that may be left unexplained beyond the last accepted frame's.
WORSE_BY = 0.1
# Factor by which the goodness of fit may differ from the last accepted frame's.
WORSE_TIMES = 3.0
# How long a phase that could not be born is left in peace, unless it promises this much more.
RETRY_INTERVAL, RETRY_GAIN = 10, 2.0
# Share of the support that a birth needs below which it is not looked at any closer.
PROMISING_SHARE = 0.5
# Budget of evaluations of a trial, and of a start that is not warm.
TRIAL_BUDGET, LONG_BUDGET = 15, 60
MOST_DESCENTS = 4
# Rise of chi-squared, over its reduced value, at which a step down is taken back: the phase was needed after all.
MAX_RISE = 100.0
# The relative change of a cell from frame to frame that a phase that is not strong is not believed, and for how many
# frames it may add up between frames that are not neighbours.
CELL_JUMP, MAX_INTERVALS = 0.005, 3
# Ratio of the highest support to the usual one below which a frame is weak.
WEAK = 0.3
# Standard uncertainty of the displacement (mm) from which on a frame does not determine it beside the zero.
VAGUE_MM = 0.08
# How many of the cells that are found for a phase are refined.
REFINED = 2
# Support, in units of what a birth needs, with which a phase is born in whatever cell, and with which it comes back
# where the frames around show it.
UNEXPECTED_SHARE, EXPECTED_SHARE = 2.0, 0.6


class FrameFitter:
    """Refines frames, and knows the last one that was accepted.

    Parameters
    ----------
    foundation
        What all frames of the series share.
    in_strides
        Whether the frames are far apart: their cells go on as they have gone.
    """

    def __init__(self, common: CommonParameters, *, is_sparse: bool = False):
        self.common = common
        self.setup = common.setup
        self.is_sparse = is_sparse
        self.interpolation = CellInterpolation(self.setup.phases, common.seed_frames)
        self.index = 0
        self.last: FrameFit | None = None
        self.before: FrameFit | None = None
        self._frame_models: dict[bytes, FrameModel] = {}
        self._failed_entries: dict[int, tuple[int, float]] = {}
        self._strong_cells: dict[int, FloatArray] = {}

    def accept(self, fit: FrameFit | None) -> None:
        """Let the next frame start from this one."""
        self.before, self.last = self.last, fit
        if fit is not None:
            strong = [p for p in fit.state.present if support_of(fit.frame_model, fit.minimum, p) >= STRONG]
            self._strong_cells |= {p: fit.state.values[fit.frame_model.cell_places(p)] for p in strong}

    def start_from(self, fit: FrameFit | None) -> None:
        """Go on from another frame than the last one."""
        self.last, self.before, self._failed_entries = None, None, {}
        self.accept(fit)

    def frame_model(self, pattern: Pattern) -> FrameModel:
        """Return the model made ready for the angles of a pattern."""
        key = pattern.two_theta.tobytes()
        if key not in self._frame_models:
            self._frame_models[key] = FrameModel(self.common, pattern)
        return self._frame_models[key]

    def start(self, frame_model: FrameModel, frame: Frame) -> FrameState:
        """Return where a frame starts: the last accepted one, or what the survey knows."""
        if self.last is not None:
            state = self.last.state
            if self.last.frame_model is not frame_model:
                state = frame_model.start(self.last.frame_model.named(state), state.levels)
            state = self._with_absent_at_home(frame_model, state)
            return extrapolated(state, self.before, self.last, self.index) if self.is_sparse else state
        return state_at(frame.index, self.common, self.interpolation, frame_model)

    def _with_absent_at_home(self, frame_model: FrameModel, state: FrameState) -> FrameState:
        """Return a state whose absent phases have the cells that they have around the frame, to be asked for there."""
        values = state.values.copy()
        for p, level in enumerate(state.levels):
            name = frame_model.phases[p].name
            if level == PhaseLevel.ABSENT and name in self.interpolation.seen:
                values[frame_model.cell_places(p)] = self.interpolation.at(name, self.index)
        return replace(state, values=values)

    def warm(
        self,
        frame_model: FrameModel,
        pattern: Pattern,
        start: FrameState,
        *,
        is_first: bool = False,
        skip_recent_failures: bool = False,
    ) -> FrameFit:
        """Refine from a neighbour, let phases die that do not show any more, and look for new ones."""
        view, minimum = frame_model.minimised(pattern, start, linear=is_first, near=not (is_first or self.is_sparse))
        if not has_settled(minimum):
            start = frame_model.moved(start, view, minimum)
            view, minimum = frame_model.minimised(pattern, start, budget=LONG_BUDGET)
        start, view, minimum = self._with_position_held(frame_model, pattern, start, view, minimum)
        return self._concluded(frame_model, pattern, start, view, minimum, skip_recent_failures=skip_recent_failures)

    def _with_position_held(
        self, frame_model: FrameModel, pattern: Pattern, start: FrameState, view: PhaseSubset, minimum: Minimum
    ) -> tuple[FrameState, PhaseSubset, Minimum]:
        """Hold the displacement of a frame of few counts that cannot tell it from the zero, and refine again.

        Both would drift far, with opposite signs. The displacement of the seed frames around it is the better estimate,
        and the same one whichever neighbour the frame starts from.
        """
        zero, displacement = POSITION
        free = set(minimum.parameters.free_names)
        is_vague = {zero, displacement} <= free and minimum.esd(displacement) > VAGUE_MM
        if not (is_vague and self._is_weak(frame_model, minimum)):
            return start, view, minimum
        values = start.values.copy()
        values[frame_model.table.index[displacement]] = self._interpolated(
            displacement, None, start.values[frame_model.table.index[displacement]]
        )
        held = FrameState(values, start.levels, frozenset({displacement}))
        return held, *frame_model.minimised(pattern, held, budget=LONG_BUDGET)

    def _is_weak(self, frame_model: FrameModel, minimum: Minimum) -> bool:
        """Whether a frame shows its phases much less well than the seed frames do: it has far fewer counts."""
        usual = [max(seed.supports.values()) for seed in self.common.seed_frames if seed.supports]
        best = max((support_of(frame_model, minimum, p) for p in range(len(frame_model.phases))), default=0.0)
        return bool(usual) and best < WEAK * float(np.median(usual))

    def _interpolated(self, name: str, phase: str | None, otherwise: float) -> float:
        """Return a quantity interpolated between the seed frames, of a phase between those that show it strongly."""
        seeds = [seed for seed in self.common.seed_frames if name in seed.values]
        if phase is not None:
            seeds = [seed for seed in seeds if seed.supports.get(phase, 0.0) >= STRONG]
        if not seeds:
            return otherwise
        seen = sorted((seed.frame, seed.values[name]) for seed in seeds)
        return float(np.interp(self.index, [frame for frame, _ in seen], [value for _, value in seen]))

    def refined_from(self, frame: Frame, fit: FrameFit, state: FrameState) -> FrameFit:
        """Return a frame refined once more, from another state."""
        self.index, self.last = frame.index, None
        pattern = self.setup.reading.pattern(frame)
        view, minimum = fit.frame_model.minimised(pattern, state, linear=True, budget=LONG_BUDGET)
        return self.judged((*self._settled(fit.frame_model, pattern, state, view, minimum), fit.absences))

    def searched(self, frame_model: FrameModel, pattern: Pattern, start: FrameState) -> FrameFit:
        """Refine from the cells that the blurred pattern shows."""
        view, data, table = frame_model.ready(pattern, start)
        found = search_cells(view.model, data, table, blurs_for(view.model))
        values = start.values.copy()
        values[view.places] = found.values
        view, minimum = frame_model.minimised(pattern, replace(start, values=values), linear=True, budget=LONG_BUDGET)
        return self._concluded(frame_model, pattern, start, view, minimum)

    def cold(self, frame_model: FrameModel, pattern: Pattern, start: FrameState) -> FrameFit:
        """Refine from what a fit from scratch finds, its cells and widths; position and profile are the series'."""
        outcome = from_scratch(self.setup, pattern, self.common.instrument)
        table, free = outcome.minimum.parameters, set(outcome.minimum.parameters.free_names)
        values: dict[str, float] = {}
        for phase in frame_model.phases:
            names = [slot_name(phase, slot) for slot in phase.slot_names]
            if phase.name not in outcome.unsupported:
                values |= {n: table.value(n) for n in names if n in self.common.free and n in free}
        levels = [
            PhaseLevel.ABSENT if phase.name in outcome.unsupported else PhaseLevel.WIDTHS
            for phase in frame_model.phases
        ]
        state = frame_model.start(values, levels if any(levels) else start.levels)
        view, minimum = frame_model.minimised(pattern, state, linear=True, budget=LONG_BUDGET)
        return self._concluded(frame_model, pattern, state, view, minimum)

    def _concluded(
        self,
        frame_model: FrameModel,
        pattern: Pattern,
        start: FrameState,
        view: PhaseSubset,
        minimum: Minimum,
        *,
        skip_recent_failures: bool = False,
    ) -> FrameFit:
        """Settle which phases the frame shows, and how much of each is refined."""
        settled = self._settled(frame_model, pattern, start, view, minimum)
        frame_model, pattern, state, view, minimum, absences = self._with_entries(
            *settled, skip_recent_failures=skip_recent_failures
        )
        return self.judged((*self._raised(frame_model, pattern, state, view, minimum), absences))

    def _raised(
        self, frame_model: FrameModel, pattern: Pattern, state: FrameState, view: PhaseSubset, minimum: Minimum
    ) -> tuple[FrameModel, Pattern, FrameState, PhaseSubset, Minimum]:
        """Refine more of the phases that show well enough for it.

        It is done in the frame itself, so that what is refined of a strong phase does not depend on the frame before.
        """
        for _ in range(PhaseLevel.WIDTHS - PhaseLevel.SCALE):
            supports = [support_of(frame_model, minimum, p) if level else 0.0 for p, level in enumerate(state.levels)]
            levels = tuple(raised_level(level, support) for level, support in zip(state.levels, supports, strict=True))
            if levels == state.levels:
                break
            higher = replace(state, levels=levels)
            higher_view, found = frame_model.minimised(pattern, higher, budget=LONG_BUDGET)
            reached = frame_model.moved(higher, higher_view, found)
            if not has_settled(found) or self._with_lowered_phases(frame_model, reached, found):
                break
            state, view, minimum = reached, higher_view, found
        return frame_model, pattern, state, view, minimum

    def _settled(
        self, frame_model: FrameModel, pattern: Pattern, start: FrameState, view: PhaseSubset, minimum: Minimum
    ) -> tuple[FrameModel, Pattern, FrameState, PhaseSubset, Minimum]:
        """Let phases step down as far as their supports demand, and refine again where one did."""
        state = frame_model.moved(start, view, minimum)
        for _ in range(MOST_DESCENTS):
            # What runs away goes first: it may have taken the others' peaks.
            forced = self._with_lowered_phases(frame_model, state, minimum)
            serial = serial_of(pattern, minimum)
            levels = forced or tuple(
                self._kept_level(frame_model, start, state, minimum, p, serial) for p in range(len(state.levels))
            )
            if levels == state.levels or not any(levels):
                break
            lower = self._held(frame_model, start, frame_model.moved(state, view, minimum, levels))
            lower_view, found = frame_model.minimised(pattern, lower, near=True)
            rise = (found.chi_squared - minimum.chi_squared) / max(minimum.reduced_chi_squared, 1.0)
            if rise > MAX_RISE * serial**2 and not forced:
                break
            state, view, minimum = frame_model.moved(lower, lower_view, found), lower_view, found
        return frame_model, pattern, state, view, minimum

    def _with_lowered_phases(self, frame_model: FrameModel, state: FrameState, minimum: Minimum) -> PhaseLevels | None:
        """Return the rungs with those lowered whose phases explain other things than their own peaks, None if none."""
        levels = list(state.levels)
        for p in state.present:
            if explains_other_peaks(frame_model, state, minimum, p) or self._has_lost_cell(
                frame_model, state, minimum, p
            ):
                ghost = is_background_like(frame_model, p, state.values) or levels[p] == PhaseLevel.SCALE
                levels[p] = PhaseLevel.ABSENT if ghost else PhaseLevel.SCALE
        return tuple(levels) if tuple(levels) != state.levels else None

    def _has_lost_cell(self, frame_model: FrameModel, state: FrameState, minimum: Minimum, p: int) -> bool:
        """Whether a phase that is not strong has come away from home, and from where it was when it was strong."""
        if support_of(frame_model, minimum, p) >= STRONG or self.is_sparse:
            return False
        strong = self._strong_cells.get(p)
        stays = strong is not None and not differs(state.values[frame_model.cell_places(p)], strong)
        return not stays and self._is_unexpected(frame_model, state, p)

    def _kept_level(
        self, frame_model: FrameModel, start: FrameState, state: FrameState, minimum: Minimum, p: int, serial: float
    ) -> PhaseLevel:
        """Return the rung that a phase bears at a minimum; the cell of a weak one does not jump."""
        level, support = state.levels[p], support_of(frame_model, minimum, p)
        if level == PhaseLevel.ABSENT or support >= STRONG:
            return level
        if support < KEEP_SUPPORT[PhaseLevel.SCALE] * serial:
            return PhaseLevel.ABSENT
        cell = frame_model.cell_places(p)
        moved = np.abs(state.values[cell] / start.values[cell] - 1.0).max()
        stride = 1 if self.last is None else abs(self.index - self.last.frame)
        strayed = self.last is not None and moved > CELL_JUMP * min(stride, MAX_INTERVALS)
        if strayed and self.is_sparse:
            return PhaseLevel.ABSENT  # and sought anew around where it has come from
        return lowered_level(PhaseLevel.SCALE if strayed else level, support)

    def _held(self, frame_model: FrameModel, start: FrameState, state: FrameState) -> FrameState:
        """Return a state whose phases, where they have stepped down, have held widths, and the cell they started with.

        Widths change slowly: those of the seed frames around do not depend on the neighbour that the frame starts from.
        """
        values = state.values.copy()
        for p, level in enumerate(state.levels):
            phase = frame_model.phases[p]
            if level < PhaseLevel.WIDTHS:
                for slot in ("inverse_size", "microstrain"):
                    place = frame_model.place(p, slot)
                    values[place] = self._interpolated(frame_model.table.names[place], phase.name, start.values[place])
            if level < PhaseLevel.CELL:
                places = [*frame_model.cell_places(p), frame_model.place(p, "displacement")]
                values[places] = start.values[places]
        return replace(state, values=values)

    def _with_entries(
        self,
        frame_model: FrameModel,
        pattern: Pattern,
        state: FrameState,
        view: PhaseSubset,
        minimum: Minimum,
        *,
        skip_recent_failures: bool = False,
    ) -> tuple[FrameModel, Pattern, FrameState, PhaseSubset, Minimum, dict[str, Absence]]:
        """Ask for absent phases, and let those be born that the frame shows beyond doubt."""
        absences: dict[str, Absence] = {}
        for _ in range(len(frame_model.phases)):
            if len(state.present) == len(frame_model.phases):
                return frame_model, pattern, state, view, minimum, {}
            entry = PhaseEntry(frame_model, pattern, state, view, minimum)
            absences = entry.absences()
            wanted = dict.fromkeys(
                [*self._lost_phases(entry), *entry.promising(partial(self._support_share, frame_model))]
            )
            tries = (self._entry(entry, pattern, p, minimum, skip_recent_failures=skip_recent_failures) for p in wanted)
            entered = next((one for one in tries if one is not None), None)
            if entered is None:
                break
            state, view, minimum = entered
        return frame_model, pattern, state, view, minimum, absences

    def _entry(
        self, entry: PhaseEntry, pattern: Pattern, p: int, before: Minimum, *, skip_recent_failures: bool
    ) -> tuple[FrameState, PhaseSubset, Minimum] | None:
        """Return the frame with an absent phase, None if it does not show clearly enough."""
        gain = entry.gain(p)
        failed, promised = self._failed_entries.get(p, (-RETRY_INTERVAL, 0.0))
        if skip_recent_failures and abs(self.index - failed) < RETRY_INTERVAL and gain < RETRY_GAIN * promised:
            return None
        if p in self._lost_phases(entry):
            entered = self._reentered(entry, pattern, p, before)
        else:
            needed = self._support_share(entry.frame_model, p) * entry.needs(p)
            entered = self.with_phase(entry.frame_model, pattern, entry.placed(p), p, needed, before)
            if entered is not None and self._has_unexpected_cell(entry, p, *entered):
                entered = None
        if entered is None and skip_recent_failures:
            self._failed_entries[p] = self.index, gain
        if entered is not None:
            self._failed_entries.pop(p, None)
        return entered

    def _lost_phases(self, entry: PhaseEntry) -> list[int]:
        """Return the phases that the frame before showed and this one does not, where frames are far apart."""
        if not self.is_sparse or self.last is None:
            return []
        return [p for p in entry.absent if p in self.last.state.present]

    def _reentered(
        self, entry: PhaseEntry, pattern: Pattern, p: int, before: Minimum
    ) -> tuple[FrameState, PhaseSubset, Minimum] | None:
        """Return the frame with a phase that the one before showed, in the best cell around where that had it."""
        places = entry.candidates(p, INTERVAL_WINDOW, JUDGED)[:REFINED]
        needed = EXPECTED_SHARE * entry.needs(p)
        with_phase = [self.with_phase(entry.frame_model, pattern, place.state, p, needed, before) for place in places]
        return min(
            (entered for entered in with_phase if entered is not None),
            key=lambda entered: entered[2].chi_squared,
            default=None,
        )

    def _support_share(self, frame_model: FrameModel, p: int) -> float:
        """Return the share of what a birth needs that is enough for a phase."""
        return EXPECTED_SHARE if self.interpolation.is_expected(frame_model.phases[p].name, self.index) else 1.0

    def _has_unexpected_cell(
        self, entry: PhaseEntry, p: int, state: FrameState, view: PhaseSubset, minimum: Minimum
    ) -> bool:
        """Whether a newborn phase has another cell than the series knows, and shows not well enough for that."""
        if support_of(entry.frame_model, minimum, p) >= UNEXPECTED_SHARE * entry.needs(p):
            return False
        return self._is_unexpected(entry.frame_model, state, p)

    def is_supported_entry(self, fit: FrameFit, p: int, serial: float) -> bool:
        """Whether a frame refined with a phase that one beside it shows has that well enough, in a cell that it has."""
        share = support_of(fit.frame_model, fit.minimum, p) / (
            serial * entry_support(fit.frame_model.cell_variables(p))
        )
        name, cell = fit.frame_model.phases[p].name, fit.state.values[fit.frame_model.cell_places(p)]
        return share >= (
            UNEXPECTED_SHARE if self.interpolation.is_unexpected(name, fit.frame, cell) else EXPECTED_SHARE
        )

    def _is_unexpected(self, frame_model: FrameModel, state: FrameState, p: int) -> bool:
        return self.interpolation.is_unexpected(
            frame_model.phases[p].name, self.index, state.values[frame_model.cell_places(p)]
        )

    def with_phase(
        self, frame_model: FrameModel, pattern: Pattern, state: FrameState, p: int, needed: float, before: Minimum
    ) -> tuple[FrameState, PhaseSubset, Minimum] | None:
        """Return the frame refined with one more phase, its cell and widths too; None if its support is less."""
        for level in (PhaseLevel.WIDTHS, PhaseLevel.CELL):
            levels = tuple(level if k == p else old for k, old in enumerate(state.levels))
            start = replace(state, levels=levels)
            view, minimum = frame_model.minimised(pattern, start, tolerance=LOOSE, budget=TRIAL_BUDGET)
            with_phase = frame_model.moved(start, view, minimum)
            support = support_of(frame_model, minimum, p)
            if support < PROMISING_SHARE * needed:
                return None
            fell = (before.chi_squared - minimum.chi_squared) / max(minimum.reduced_chi_squared, 1.0)
            good = (
                support >= needed
                and fell >= needed**2 / 2
                and not is_background_like(frame_model, p, with_phase.values)
            )
            if good and not ends_at_cell_bound(frame_model, minimum, p):
                with_phase = self._held(frame_model, with_phase, with_phase)
                view, minimum = frame_model.minimised(pattern, with_phase, budget=LONG_BUDGET)
                if ends_at_cell_bound(frame_model, minimum, p):
                    return None
                return frame_model.moved(with_phase, view, minimum), view, minimum
        return None

    def judged(
        self, found: tuple[FrameModel, Pattern, FrameState, PhaseSubset, Minimum, dict[str, Absence]]
    ) -> FrameFit:
        """Return a fit with the reason why it cannot be believed, if there is one."""
        frame_model, pattern, state, view, minimum, absences = found
        calculated = minimum.calculated
        left = unexplained(pattern.intensity, calculated.total, calculated.background, pattern.sigma)
        gof = float(np.sqrt(minimum.reduced_chi_squared))
        r_wp = float(np.sqrt(minimum.chi_squared / ((pattern.intensity / pattern.sigma) ** 2).sum()))
        state = FrameState(state.values, state.levels)  # what was held here is the next frame's own again
        fit = FrameFit(self.index, frame_model, state, view, minimum, absences, left, gof, r_wp)
        fault = fault_of(fit)
        if not fault and (jump := self._jump(fit)):
            return replace(fit, fault=jump, is_jump=True)
        return replace(fit, fault=fault)

    def _jump(self, fit: FrameFit) -> str:
        """Return how a frame fits worse than the last accepted one, "" if it does not."""
        if self.last is None:
            usual = [seed.left for seed in self.common.seed_frames]
            worse = bool(usual) and fit.left > max(usual) + WORSE_BY
            return f"{100 * fit.left:.0f} % of the peaks' intensity is unexplained" if worse else ""
        if fit.left > self.last.left + WORSE_BY:
            share = f"{100 * fit.left:.0f} % of the peaks' intensity is unexplained"
            return f"{share}, {100 * self.last.left:.0f} % in the frame before"
        if fit.gof > WORSE_TIMES * max(self.last.gof, 1.0):
            return f"goodness of fit {fit.gof:.1f}, {self.last.gof:.1f} in the frame before"
        return ""
