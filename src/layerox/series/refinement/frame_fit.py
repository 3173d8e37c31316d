"""The refinement of one frame: from a neighbour frame, from a search of cells, or from scratch.

Phases of low support lose parameters or leave; absent phases that a score test supports enter. The comparison over many
frames is in `acceptance`.
"""

from __future__ import annotations

from dataclasses import replace
from functools import partial

import numpy as np

from layerox.diffraction.cell_search import blurs_for, search_cells
from layerox.diffraction.minimum import Minimum
from layerox.diffraction.parameters import slot_name
from layerox.diffraction.refinement_steps import LOOSE
from layerox.pattern import Pattern
from layerox.series.frame_row import Absence
from layerox.series.frame_setup import Frame
from layerox.series.refinement.acceptance import (
    FrameFit,
    checked_fit,
    ends_at_cell_bound,
    explains_other_peaks,
    has_settled,
    serial_of,
    support_of,
)
from layerox.series.refinement.cell_interpolation import (
    INTERVAL_WINDOW,
    UNEXPECTED_SHARE,
    CellInterpolation,
    differs,
    extrapolated,
    state_at,
    with_held_values,
    with_position_held,
)
from layerox.series.refinement.common_parameters import CommonParameters, from_scratch
from layerox.series.refinement.frame_model import (
    LONG_BUDGET,
    TRIAL_BUDGET,
    FrameModel,
    FrameState,
    PhaseLevels,
    PhaseSubset,
)
from layerox.series.refinement.phase_entry import JUDGED, PhaseEntry, is_background_like
from layerox.series.refinement.phase_presence import (
    STRONG,
    PhaseLevel,
    entry_support,
    leaving_support,
    lowered_level,
    raised_level,
)
from layerox.typing import FloatArray

# Number of frames after a failed entry before a phase is tried again, unless its gain is larger by this factor.
RETRY_INTERVAL, RETRY_GAIN = 10, 2.0
# Share of the entry support below which a trial stops.
PROMISING_SHARE = 0.5
MOST_DESCENTS = 4
# Rise of chi-squared, over its reduced value, at which a lower phase level is rejected.
MAX_RISE = 100.0
# The relative change of a cell from frame to frame above which a weak phase loses parameters, and for how many
# frames it may add up between frames that are not neighbours.
CELL_JUMP, MAX_INTERVALS = 0.005, 3
# How many of the cells that are found for a phase are refined.
REFINED = 2


class FrameFitter:
    """Refines frames one after another, starting from the last accepted one.

    Parameters
    ----------
    common
        The common parameters.
    is_sparse
        Whether the frames are far apart: their cells are extrapolated.
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

    def start(self, model: FrameModel, frame: Frame) -> FrameState:
        """Return starting values: those of the last accepted frame, or interpolated ones."""
        if self.last is not None:
            state = self.last.state
            if self.last.frame_model is not model:
                state = model.start(self.last.frame_model.named(state), state.levels)
            state = self._with_absent_at_home(model, state)
            return extrapolated(state, self.before, self.last, self.index) if self.is_sparse else state
        return state_at(frame.index, self.common, self.interpolation, model)

    def _with_absent_at_home(self, model: FrameModel, state: FrameState) -> FrameState:
        """Return a state whose absent phases have their interpolated cells, for the score test."""
        values = state.values.copy()
        for p, level in enumerate(state.levels):
            name = model.phases[p].name
            if level == PhaseLevel.ABSENT and name in self.interpolation.seen:
                values[model.cell_places(p)] = self.interpolation.at(name, self.index)
        return replace(state, values=values)

    def warm(
        self,
        model: FrameModel,
        pattern: Pattern,
        start: FrameState,
        *,
        is_first: bool = False,
        skip_recent_failures: bool = False,
    ) -> FrameFit:
        """Refine from a neighbour; phases without support leave, and phases that a score test supports enter."""
        view, minimum = model.minimised(pattern, start, linear=is_first, near=not (is_first or self.is_sparse))
        if not has_settled(minimum):
            start = model.moved(start, view, minimum)
            view, minimum = model.minimised(pattern, start, budget=LONG_BUDGET)
        start, view, minimum = with_position_held(
            self.common.seed_frames, self.index, model, pattern, start, view, minimum
        )
        return self._concluded(model, pattern, start, view, minimum, skip_recent_failures=skip_recent_failures)

    def refined_from(self, frame: Frame, fit: FrameFit, state: FrameState) -> FrameFit:
        """Return a frame refined again, from another state."""
        self.index, self.last = frame.index, None
        pattern = self.setup.reading.pattern(frame)
        view, minimum = fit.frame_model.minimised(pattern, state, linear=True, budget=LONG_BUDGET)
        return self.judged((*self._settled(fit.frame_model, pattern, state, view, minimum), fit.absences))

    def searched(self, model: FrameModel, pattern: Pattern, start: FrameState) -> FrameFit:
        """Refine from the cells that the blurred pattern shows."""
        view, data, table = model.ready(pattern, start)
        found = search_cells(view.model, data, table, blurs_for(view.model))
        values = start.values.copy()
        values[view.places] = found.values
        view, minimum = model.minimised(pattern, replace(start, values=values), linear=True, budget=LONG_BUDGET)
        return self._concluded(model, pattern, start, view, minimum)

    def cold(self, model: FrameModel, pattern: Pattern, start: FrameState) -> FrameFit:
        """Refine from what a fit from scratch finds, its cells and widths; position and profile are the series'."""
        outcome = from_scratch(self.setup, pattern, self.common.instrument)
        table, free = outcome.minimum.parameters, set(outcome.minimum.parameters.free_names)
        values: dict[str, float] = {}
        for phase in model.phases:
            names = [slot_name(phase, slot) for slot in phase.slot_names]
            if phase.name not in outcome.unsupported:
                values |= {n: table.value(n) for n in names if n in self.common.free and n in free}
        levels = [
            PhaseLevel.ABSENT if phase.name in outcome.unsupported else PhaseLevel.WIDTHS for phase in model.phases
        ]
        state = model.start(values, levels if any(levels) else start.levels)
        view, minimum = model.minimised(pattern, state, linear=True, budget=LONG_BUDGET)
        return self._concluded(model, pattern, state, view, minimum)

    def _concluded(
        self,
        model: FrameModel,
        pattern: Pattern,
        start: FrameState,
        view: PhaseSubset,
        minimum: Minimum,
        *,
        skip_recent_failures: bool = False,
    ) -> FrameFit:
        """Settle which phases the frame shows, and how much of each is refined."""
        settled = self._settled(model, pattern, start, view, minimum)
        model, pattern, state, view, minimum, absences = self._with_entries(
            *settled, skip_recent_failures=skip_recent_failures
        )
        return self.judged((*self._raised(model, pattern, state, view, minimum), absences))

    def _raised(
        self, model: FrameModel, pattern: Pattern, state: FrameState, view: PhaseSubset, minimum: Minimum
    ) -> tuple[FrameModel, Pattern, FrameState, PhaseSubset, Minimum]:
        """Refine more of the phases that show well enough for it.

        It is done in the frame itself, so that what is refined of a strong phase does not depend on the frame before.
        """
        for _ in range(PhaseLevel.WIDTHS - PhaseLevel.SCALE):
            supports = [support_of(model, minimum, p) if level else 0.0 for p, level in enumerate(state.levels)]
            levels = tuple(raised_level(level, support) for level, support in zip(state.levels, supports, strict=True))
            if levels == state.levels:
                break
            higher = replace(state, levels=levels)
            higher_view, found = model.minimised(pattern, higher, budget=LONG_BUDGET)
            reached = model.moved(higher, higher_view, found)
            if not has_settled(found) or self._with_lowered_phases(model, reached, found):
                break
            state, view, minimum = reached, higher_view, found
        return model, pattern, state, view, minimum

    def _settled(
        self, model: FrameModel, pattern: Pattern, start: FrameState, view: PhaseSubset, minimum: Minimum
    ) -> tuple[FrameModel, Pattern, FrameState, PhaseSubset, Minimum]:
        """Lower the levels of phases of low support, and refine again if one was lowered."""
        state = model.moved(start, view, minimum)
        for _ in range(MOST_DESCENTS):
            # Phases that explain other peaks go first: they may have taken these from other phases.
            forced = self._with_lowered_phases(model, state, minimum)
            serial = serial_of(pattern, minimum)
            levels = forced or tuple(
                self._kept_level(model, start, state, minimum, p, serial) for p in range(len(state.levels))
            )
            if levels == state.levels or not any(levels):
                break
            lower = with_held_values(
                self.common.seed_frames, self.index, model, start, model.moved(state, view, minimum, levels)
            )
            lower_view, found = model.minimised(pattern, lower, near=True)
            rise = (found.chi_squared - minimum.chi_squared) / max(minimum.reduced_chi_squared, 1.0)
            if rise > MAX_RISE * serial**2 and not forced:
                break
            state, view, minimum = model.moved(lower, lower_view, found), lower_view, found
        return model, pattern, state, view, minimum

    def _with_lowered_phases(self, model: FrameModel, state: FrameState, minimum: Minimum) -> PhaseLevels | None:
        """Return the levels, lowered for phases that explain other peaks than their own; None if there are none."""
        levels = list(state.levels)
        for p in state.present:
            if explains_other_peaks(model, state, minimum, p) or self._has_lost_cell(model, state, minimum, p):
                ghost = is_background_like(model, p, state.values) or levels[p] == PhaseLevel.SCALE
                levels[p] = PhaseLevel.ABSENT if ghost else PhaseLevel.SCALE
        return tuple(levels) if tuple(levels) != state.levels else None

    def _has_lost_cell(self, model: FrameModel, state: FrameState, minimum: Minimum, p: int) -> bool:
        """True if a weak phase's cell is far from both its interpolated and its last well-supported cell."""
        support = support_of(model, minimum, p)
        if self._has_jumped(model, state, p, support):
            return True
        if support >= STRONG or self.is_sparse:
            return False
        strong = self._strong_cells.get(p)
        stays = strong is not None and not differs(state.values[model.cell_places(p)], strong)
        return not stays and self._is_unexpected(model, state, p)

    def _kept_level(
        self, model: FrameModel, start: FrameState, state: FrameState, minimum: Minimum, p: int, serial: float
    ) -> PhaseLevel:
        """Return the level that a phase keeps at a minimum; it is lowered if the cell of a weak phase jumps."""
        level, support = state.levels[p], support_of(model, minimum, p)
        if level == PhaseLevel.ABSENT or support >= STRONG:
            return level
        before = 0.0 if self.last is None else support_of(self.last.frame_model, self.last.minimum, p)
        if support < serial * leaving_support(before):
            return PhaseLevel.ABSENT
        cell = model.cell_places(p)
        moved = np.abs(state.values[cell] / start.values[cell] - 1.0).max()
        stride = 1 if self.last is None else abs(self.index - self.last.frame)
        strayed = self.last is not None and moved > CELL_JUMP * min(stride, MAX_INTERVALS)
        if strayed and self.is_sparse:
            return PhaseLevel.ABSENT  # it may enter again near its former cell
        return lowered_level(PhaseLevel.SCALE if strayed else level, support)

    def _with_entries(
        self,
        model: FrameModel,
        pattern: Pattern,
        state: FrameState,
        view: PhaseSubset,
        minimum: Minimum,
        *,
        skip_recent_failures: bool = False,
    ) -> tuple[FrameModel, Pattern, FrameState, PhaseSubset, Minimum, dict[str, Absence]]:
        """Test absent phases, and let those enter that the frame supports."""
        absences: dict[str, Absence] = {}
        for _ in range(len(model.phases)):
            if len(state.present) == len(model.phases):
                return model, pattern, state, view, minimum, {}
            entry = PhaseEntry(model, pattern, state, view, minimum)
            absences = entry.absences()
            wanted = dict.fromkeys([*self._lost_phases(entry), *entry.promising(partial(self._support_share, model))])
            tries = (self._entry(entry, pattern, p, minimum, skip_recent_failures=skip_recent_failures) for p in wanted)
            entered = next((one for one in tries if one is not None), None)
            if entered is None:
                break
            state, view, minimum = entered
        return model, pattern, state, view, minimum, absences

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
        need = entry.needs(p)  # as of any new phase: the window is wide
        tries = [self.with_phase(entry.frame_model, pattern, place.state, p, need, before) for place in places]
        entered = (one for one in tries if one is not None)
        return min(entered, key=lambda one: one[2].chi_squared, default=None)

    def _support_share(self, model: FrameModel, p: int) -> float:
        """Return the share of the entry support that a phase needs."""
        return self.interpolation.share_at(model.phases[p].name, self.index)

    def _has_unexpected_cell(
        self, entry: PhaseEntry, p: int, state: FrameState, view: PhaseSubset, minimum: Minimum
    ) -> bool:
        """Whether a new phase has an unexpected cell without the support for it."""
        support = support_of(entry.frame_model, minimum, p)
        if support >= UNEXPECTED_SHARE * entry.needs(p):
            return self._has_jumped(entry.frame_model, state, p, support)
        return self._is_unexpected(entry.frame_model, state, p)

    def is_supported_entry(self, fit: FrameFit, p: int, serial: float) -> bool:
        """Whether a frame refined with a phase that one beside it shows has that well enough, in a cell that it has."""
        name, cell = fit.frame_model.phases[p].name, fit.state.values[fit.frame_model.cell_places(p)]
        share = self.interpolation.share_with_cell(name, fit.frame, cell)
        needed = share * serial * entry_support(fit.frame_model.cell_variables(p))
        return support_of(fit.frame_model, fit.minimum, p) >= needed

    def _has_jumped(self, model: FrameModel, state: FrameState, p: int, support: float) -> bool:
        cell = state.values[model.cell_places(p)]
        return self.interpolation.is_jump(model.phases[p].name, self.index, cell, support)

    def _is_unexpected(self, model: FrameModel, state: FrameState, p: int) -> bool:
        return self.interpolation.is_unexpected(model.phases[p].name, self.index, state.values[model.cell_places(p)])

    def with_phase(
        self, model: FrameModel, pattern: Pattern, state: FrameState, p: int, needed: float, before: Minimum
    ) -> tuple[FrameState, PhaseSubset, Minimum] | None:
        """Return the frame refined with one more phase, its cell and widths too; None if its support is less."""
        for level in (PhaseLevel.WIDTHS, PhaseLevel.CELL):
            levels = tuple(level if k == p else old for k, old in enumerate(state.levels))
            start = replace(state, levels=levels)
            view, minimum = model.minimised(pattern, start, tolerance=LOOSE, budget=TRIAL_BUDGET)
            with_phase = model.moved(start, view, minimum)
            support = support_of(model, minimum, p)
            if support < PROMISING_SHARE * needed:
                return None
            fell = (before.chi_squared - minimum.chi_squared) / max(minimum.reduced_chi_squared, 1.0)
            good = support >= needed and fell >= needed**2 / 2 and not is_background_like(model, p, with_phase.values)
            if good and not ends_at_cell_bound(model, minimum, p):
                with_phase = with_held_values(self.common.seed_frames, self.index, model, with_phase, with_phase)
                view, minimum = model.minimised(pattern, with_phase, budget=LONG_BUDGET)
                if ends_at_cell_bound(model, minimum, p):
                    return None
                return model.moved(with_phase, view, minimum), view, minimum
        return None

    def judged(
        self, found: tuple[FrameModel, Pattern, FrameState, PhaseSubset, Minimum, dict[str, Absence]]
    ) -> FrameFit:
        """Return a fit with the reason why it is not accepted, if there is one."""
        return checked_fit(self.index, *found, self.last, self.common)
