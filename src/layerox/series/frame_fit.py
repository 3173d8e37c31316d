"""Fitter: one frame refined in the light of those that came before it, however it is started.

Phases that do not show any more step down, those that show anew are born; what runs away from its peaks or its cell is
not believed. Nothing is judged over several frames here.
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
from layerox.series.cell_interpolation import STRIDE, Homes, is_another
from layerox.series.common_parameters import POSITION, Foundation, from_scratch
from layerox.series.frame_checks import (
    STRONG,
    Fit,
    ends_at_cell_bound,
    fault_of,
    has_settled,
    runs_away,
    serial_of,
    support_of,
)
from layerox.series.frame_model import Bench, Rungs, State, View
from layerox.series.frames import Frame
from layerox.series.measured import Absence
from layerox.series.phase_entry import JUDGED, Nursery, is_ghost
from layerox.series.phase_presence import LEFT, Rung, birth_needs, climbed, descended
from layerox.series.starts import continued, state_at
from layerox.typing import FloatArray

# Share of the peaks' intensity that may be left unexplained beyond the last accepted frame's.
WORSE_BY = 0.1
# Factor by which the goodness of fit may differ from the last accepted frame's.
WORSE_TIMES = 3.0
# How long a phase that could not be born is left in peace, unless it promises this much more.
REST, MUCH_MORE = 10, 2.0
# Share of the support that a birth needs below which it is not looked at any closer.
HOPEFUL = 0.5
# Budget of evaluations of a trial, and of a start that is not warm.
TRIAL, PATIENT = 15, 60
MOST_DESCENTS = 4
# Rise of chi-squared, over its reduced value, at which a step down is taken back: the phase was needed after all.
REGRET = 100.0
# The relative change of a cell from frame to frame that a phase that is not strong is not believed, and for how many
# frames it may add up between frames that are not neighbours.
STRAYED, MOST_STRIDES = 0.005, 3
# Ratio of the highest support to the usual one below which a frame is weak.
WEAK = 0.3
# Standard uncertainty of the displacement (mm) from which on a frame does not determine it beside the zero.
VAGUE_MM = 0.08
# How many of the cells that are found for a phase are refined.
REFINED = 2
# Support, in units of what a birth needs, with which a phase is born in whatever cell, and with which it comes back
# where the frames around show it.
CONVINCING, WELCOME = 2.0, 0.6


class Fitter:
    """Refines frames, and knows the last one that was accepted.

    Parameters
    ----------
    foundation
        What all frames of the series share.
    in_strides
        Whether the frames are far apart: their cells go on as they have gone.
    """

    def __init__(self, foundation: Foundation, *, in_strides: bool = False):
        self.foundation = foundation
        self.setup = foundation.setup
        self.in_strides = in_strides
        self.homes = Homes(self.setup.phases, foundation.sightings)
        self.index = 0
        self.last: Fit | None = None
        self.before: Fit | None = None
        self._benches: dict[bytes, Bench] = {}
        self._rests: dict[int, tuple[int, float]] = {}
        self._strong_cells: dict[int, FloatArray] = {}

    def accept(self, fit: Fit | None) -> None:
        """Let the next frame start from this one."""
        self.before, self.last = self.last, fit
        if fit is not None:
            strong = [p for p in fit.state.present if support_of(fit.bench, fit.minimum, p) >= STRONG]
            self._strong_cells |= {p: fit.state.values[fit.bench.cell_places(p)] for p in strong}

    def turn_to(self, fit: Fit | None) -> None:
        """Go on from another frame than the last one."""
        self.last, self.before, self._rests = None, None, {}
        self.accept(fit)

    def bench(self, pattern: Pattern) -> Bench:
        """Return the model made ready for the angles of a pattern."""
        key = pattern.two_theta.tobytes()
        if key not in self._benches:
            self._benches[key] = Bench(self.foundation, pattern)
        return self._benches[key]

    def start(self, bench: Bench, frame: Frame) -> State:
        """Return where a frame starts: the last accepted one, or what the survey knows."""
        if self.last is not None:
            state = self.last.state
            if self.last.bench is not bench:
                state = bench.start(self.last.bench.named(state), state.rungs)
            state = self._with_absent_at_home(bench, state)
            return continued(state, self.before, self.last, self.index) if self.in_strides else state
        return state_at(frame.index, self.foundation, self.homes, bench)

    def _with_absent_at_home(self, bench: Bench, state: State) -> State:
        """Return a state whose absent phases have the cells that they have around the frame, to be asked for there."""
        values = state.values.copy()
        for p, rung in enumerate(state.rungs):
            name = bench.phases[p].name
            if rung == Rung.ABSENT and name in self.homes.seen:
                values[bench.cell_places(p)] = self.homes.at(name, self.index)
        return replace(state, values=values)

    def warm(
        self, bench: Bench, pattern: Pattern, start: State, *, is_first: bool = False, may_rest: bool = False
    ) -> Fit:
        """Refine from a neighbour, let phases die that do not show any more, and look for new ones."""
        view, minimum = bench.minimised(pattern, start, linear=is_first, near=not (is_first or self.in_strides))
        if not has_settled(minimum):
            start = bench.moved(start, view, minimum)
            view, minimum = bench.minimised(pattern, start, budget=PATIENT)
        start, view, minimum = self._with_position_held(bench, pattern, start, view, minimum)
        return self._concluded(bench, pattern, start, view, minimum, may_rest=may_rest)

    def _with_position_held(
        self, bench: Bench, pattern: Pattern, start: State, view: View, minimum: Minimum
    ) -> tuple[State, View, Minimum]:
        """Hold the displacement of a frame of few counts that cannot tell it from the zero, and refine again.

        Both would drift far, with opposite signs. The displacement of the seed frames around it is the better estimate,
        and the same one whichever neighbour the frame starts from.
        """
        zero, displacement = POSITION
        free = set(minimum.parameters.free_names)
        is_vague = {zero, displacement} <= free and minimum.esd(displacement) > VAGUE_MM
        if not (is_vague and self._is_weak(bench, minimum)):
            return start, view, minimum
        values = start.values.copy()
        values[bench.table.index[displacement]] = self._interpolated(
            displacement, None, start.values[bench.table.index[displacement]]
        )
        held = State(values, start.rungs, frozenset({displacement}))
        return held, *bench.minimised(pattern, held, budget=PATIENT)

    def _is_weak(self, bench: Bench, minimum: Minimum) -> bool:
        """Whether a frame shows its phases much less well than the seed frames do: it has far fewer counts."""
        usual = [max(scout.supports.values()) for scout in self.foundation.sightings if scout.supports]
        best = max((support_of(bench, minimum, p) for p in range(len(bench.phases))), default=0.0)
        return bool(usual) and best < WEAK * float(np.median(usual))

    def _interpolated(self, name: str, phase: str | None, otherwise: float) -> float:
        """Return a quantity interpolated between the seed frames, of a phase between those that show it strongly."""
        scouts = [scout for scout in self.foundation.sightings if name in scout.values]
        if phase is not None:
            scouts = [scout for scout in scouts if scout.supports.get(phase, 0.0) >= STRONG]
        if not scouts:
            return otherwise
        seen = sorted((scout.frame, scout.values[name]) for scout in scouts)
        return float(np.interp(self.index, [frame for frame, _ in seen], [value for _, value in seen]))

    def refined_from(self, frame: Frame, fit: Fit, state: State) -> Fit:
        """Return a frame refined once more, from another state."""
        self.index, self.last = frame.index, None
        pattern = self.setup.reading.pattern(frame)
        view, minimum = fit.bench.minimised(pattern, state, linear=True, budget=PATIENT)
        return self.judged((*self._settled(fit.bench, pattern, state, view, minimum), fit.absences))

    def searched(self, bench: Bench, pattern: Pattern, start: State) -> Fit:
        """Refine from the cells that the blurred pattern shows."""
        view, data, table = bench.ready(pattern, start)
        found = search_cells(view.model, data, table, blurs_for(view.model))
        values = start.values.copy()
        values[view.places] = found.values
        view, minimum = bench.minimised(pattern, replace(start, values=values), linear=True, budget=PATIENT)
        return self._concluded(bench, pattern, start, view, minimum)

    def cold(self, bench: Bench, pattern: Pattern, start: State) -> Fit:
        """Refine from what a fit from scratch finds, its cells and widths; position and profile are the series'."""
        outcome = from_scratch(self.setup, pattern, self.foundation.instrument)
        table, free = outcome.minimum.parameters, set(outcome.minimum.parameters.free_names)
        values: dict[str, float] = {}
        for phase in bench.phases:
            names = [slot_name(phase, slot) for slot in phase.slot_names]
            if phase.name not in outcome.unsupported:
                values |= {n: table.value(n) for n in names if n in self.foundation.free and n in free}
        rungs = [Rung.ABSENT if phase.name in outcome.unsupported else Rung.WIDTHS for phase in bench.phases]
        state = bench.start(values, rungs if any(rungs) else start.rungs)
        view, minimum = bench.minimised(pattern, state, linear=True, budget=PATIENT)
        return self._concluded(bench, pattern, state, view, minimum)

    def _concluded(
        self, bench: Bench, pattern: Pattern, start: State, view: View, minimum: Minimum, *, may_rest: bool = False
    ) -> Fit:
        """Settle which phases the frame shows, and how much of each is refined."""
        settled = self._settled(bench, pattern, start, view, minimum)
        bench, pattern, state, view, minimum, absences = self._with_births(*settled, may_rest=may_rest)
        return self.judged((*self._climbed(bench, pattern, state, view, minimum), absences))

    def _climbed(
        self, bench: Bench, pattern: Pattern, state: State, view: View, minimum: Minimum
    ) -> tuple[Bench, Pattern, State, View, Minimum]:
        """Refine more of the phases that show well enough for it.

        It is done in the frame itself, so that what is refined of a strong phase does not depend on the frame before.
        """
        for _ in range(Rung.WIDTHS - Rung.SCALE):
            supports = [support_of(bench, minimum, p) if rung else 0.0 for p, rung in enumerate(state.rungs)]
            rungs = tuple(climbed(rung, support) for rung, support in zip(state.rungs, supports, strict=True))
            if rungs == state.rungs:
                break
            higher = replace(state, rungs=rungs)
            higher_view, found = bench.minimised(pattern, higher, budget=PATIENT)
            reached = bench.moved(higher, higher_view, found)
            if not has_settled(found) or self._without_runaways(bench, reached, found):
                break
            state, view, minimum = reached, higher_view, found
        return bench, pattern, state, view, minimum

    def _settled(
        self, bench: Bench, pattern: Pattern, start: State, view: View, minimum: Minimum
    ) -> tuple[Bench, Pattern, State, View, Minimum]:
        """Let phases step down as far as their supports demand, and refine again where one did."""
        state = bench.moved(start, view, minimum)
        for _ in range(MOST_DESCENTS):
            # What runs away goes first: it may have taken the others' peaks.
            forced = self._without_runaways(bench, state, minimum)
            serial = serial_of(pattern, minimum)
            rungs = forced or tuple(
                self._borne(bench, start, state, minimum, p, serial) for p in range(len(state.rungs))
            )
            if rungs == state.rungs or not any(rungs):
                break
            lower = self._held(bench, start, bench.moved(state, view, minimum, rungs))
            lower_view, found = bench.minimised(pattern, lower, near=True)
            rise = (found.chi_squared - minimum.chi_squared) / max(minimum.reduced_chi_squared, 1.0)
            if rise > REGRET * serial**2 and not forced:
                break
            state, view, minimum = bench.moved(lower, lower_view, found), lower_view, found
        return bench, pattern, state, view, minimum

    def _without_runaways(self, bench: Bench, state: State, minimum: Minimum) -> Rungs | None:
        """Return the rungs with those lowered whose phases explain other things than their own peaks, None if none."""
        rungs = list(state.rungs)
        for p in state.present:
            if runs_away(bench, state, minimum, p) or self._has_left(bench, state, minimum, p):
                ghost = is_ghost(bench, p, state.values) or rungs[p] == Rung.SCALE
                rungs[p] = Rung.ABSENT if ghost else Rung.SCALE
        return tuple(rungs) if tuple(rungs) != state.rungs else None

    def _has_left(self, bench: Bench, state: State, minimum: Minimum, p: int) -> bool:
        """Whether a phase that is not strong has come away from home, and from where it was when it was strong."""
        if support_of(bench, minimum, p) >= STRONG or self.in_strides:
            return False
        strong = self._strong_cells.get(p)
        stays = strong is not None and not is_another(state.values[bench.cell_places(p)], strong)
        return not stays and self._is_away(bench, state, p)

    def _borne(self, bench: Bench, start: State, state: State, minimum: Minimum, p: int, serial: float) -> Rung:
        """Return the rung that a phase bears at a minimum; the cell of a weak one does not jump."""
        rung, support = state.rungs[p], support_of(bench, minimum, p)
        if rung == Rung.ABSENT or support >= STRONG:
            return rung
        if support < LEFT[Rung.SCALE] * serial:
            return Rung.ABSENT
        cell = bench.cell_places(p)
        moved = np.abs(state.values[cell] / start.values[cell] - 1.0).max()
        stride = 1 if self.last is None else abs(self.index - self.last.frame)
        strayed = self.last is not None and moved > STRAYED * min(stride, MOST_STRIDES)
        if strayed and self.in_strides:
            return Rung.ABSENT  # and sought anew around where it has come from
        return descended(Rung.SCALE if strayed else rung, support)

    def _held(self, bench: Bench, start: State, state: State) -> State:
        """Return a state whose phases, where they have stepped down, have held widths, and the cell they started with.

        Widths change slowly: those of the seed frames around do not depend on the neighbour that the frame starts from.
        """
        values = state.values.copy()
        for p, rung in enumerate(state.rungs):
            phase = bench.phases[p]
            if rung < Rung.WIDTHS:
                for slot in ("inverse_size", "microstrain"):
                    place = bench.place(p, slot)
                    values[place] = self._interpolated(bench.table.names[place], phase.name, start.values[place])
            if rung < Rung.CELL:
                places = [*bench.cell_places(p), bench.place(p, "displacement")]
                values[places] = start.values[places]
        return replace(state, values=values)

    def _with_births(
        self, bench: Bench, pattern: Pattern, state: State, view: View, minimum: Minimum, *, may_rest: bool = False
    ) -> tuple[Bench, Pattern, State, View, Minimum, dict[str, Absence]]:
        """Ask for absent phases, and let those be born that the frame shows beyond doubt."""
        absences: dict[str, Absence] = {}
        for _ in range(len(bench.phases)):
            if len(state.present) == len(bench.phases):
                return bench, pattern, state, view, minimum, {}
            nursery = Nursery(bench, pattern, state, view, minimum)
            absences = nursery.absences()
            wanted = dict.fromkeys([*self._lost(nursery), *nursery.promising(partial(self._ease, bench))])
            tries = (self._birth(nursery, pattern, p, minimum, may_rest=may_rest) for p in wanted)
            born = next((one for one in tries if one is not None), None)
            if born is None:
                break
            state, view, minimum = born
        return bench, pattern, state, view, minimum, absences

    def _birth(
        self, nursery: Nursery, pattern: Pattern, p: int, before: Minimum, *, may_rest: bool
    ) -> tuple[State, View, Minimum] | None:
        """Return the frame with an absent phase, None if it does not show clearly enough."""
        gain = nursery.gain(p)
        failed, promised = self._rests.get(p, (-REST, 0.0))
        if may_rest and abs(self.index - failed) < REST and gain < MUCH_MORE * promised:
            return None
        if p in self._lost(nursery):
            born = self._sought_anew(nursery, pattern, p, before)
        else:
            needed = self._ease(nursery.bench, p) * nursery.needs(p)
            born = self.grown(nursery.bench, pattern, nursery.placed(p), p, needed, before)
            if born is not None and self._is_elsewhere(nursery, p, *born):
                born = None
        if born is None and may_rest:
            self._rests[p] = self.index, gain
        if born is not None:
            self._rests.pop(p, None)
        return born

    def _lost(self, nursery: Nursery) -> list[int]:
        """Return the phases that the frame before showed and this one does not, where frames are far apart."""
        if not self.in_strides or self.last is None:
            return []
        return [p for p in nursery.absent if p in self.last.state.present]

    def _sought_anew(
        self, nursery: Nursery, pattern: Pattern, p: int, before: Minimum
    ) -> tuple[State, View, Minimum] | None:
        """Return the frame with a phase that the one before showed, in the best cell around where that had it."""
        places = nursery.candidates(p, STRIDE, JUDGED)[:REFINED]
        needed = WELCOME * nursery.needs(p)
        grown = [self.grown(nursery.bench, pattern, place.state, p, needed, before) for place in places]
        return min((born for born in grown if born is not None), key=lambda born: born[2].chi_squared, default=None)

    def _ease(self, bench: Bench, p: int) -> float:
        """Return the share of what a birth needs that is enough for a phase."""
        return WELCOME if self.homes.is_expected(bench.phases[p].name, self.index) else 1.0

    def _is_elsewhere(self, nursery: Nursery, p: int, state: State, view: View, minimum: Minimum) -> bool:
        """Whether a newborn phase has another cell than the series knows, and shows not well enough for that."""
        if support_of(nursery.bench, minimum, p) >= CONVINCING * nursery.needs(p):
            return False
        return self._is_away(nursery.bench, state, p)

    def is_welcome(self, fit: Fit, p: int, serial: float) -> bool:
        """Whether a frame refined with a phase that one beside it shows has that well enough, in a cell that it has."""
        share = support_of(fit.bench, fit.minimum, p) / (serial * birth_needs(fit.bench.cell_variables(p)))
        name, cell = fit.bench.phases[p].name, fit.state.values[fit.bench.cell_places(p)]
        return share >= (CONVINCING if self.homes.is_away(name, fit.frame, cell) else WELCOME)

    def _is_away(self, bench: Bench, state: State, p: int) -> bool:
        return self.homes.is_away(bench.phases[p].name, self.index, state.values[bench.cell_places(p)])

    def grown(
        self, bench: Bench, pattern: Pattern, state: State, p: int, needed: float, before: Minimum
    ) -> tuple[State, View, Minimum] | None:
        """Return the frame refined with one more phase, its cell and widths too; None if its support is less."""
        for rung in (Rung.WIDTHS, Rung.CELL):
            rungs = tuple(rung if k == p else old for k, old in enumerate(state.rungs))
            start = replace(state, rungs=rungs)
            view, minimum = bench.minimised(pattern, start, tolerance=LOOSE, budget=TRIAL)
            grown = bench.moved(start, view, minimum)
            support = support_of(bench, minimum, p)
            if support < HOPEFUL * needed:
                return None
            fell = (before.chi_squared - minimum.chi_squared) / max(minimum.reduced_chi_squared, 1.0)
            good = support >= needed and fell >= needed**2 / 2 and not is_ghost(bench, p, grown.values)
            if good and not ends_at_cell_bound(bench, minimum, p):
                grown = self._held(bench, grown, grown)
                view, minimum = bench.minimised(pattern, grown, budget=PATIENT)
                if ends_at_cell_bound(bench, minimum, p):
                    return None
                return bench.moved(grown, view, minimum), view, minimum
        return None

    def judged(self, found: tuple[Bench, Pattern, State, View, Minimum, dict[str, Absence]]) -> Fit:
        """Return a fit with the reason why it cannot be believed, if there is one."""
        bench, pattern, state, view, minimum, absences = found
        calculated = minimum.calculated
        left = unexplained(pattern.intensity, calculated.total, calculated.background, pattern.sigma)
        gof = float(np.sqrt(minimum.reduced_chi_squared))
        r_wp = float(np.sqrt(minimum.chi_squared / ((pattern.intensity / pattern.sigma) ** 2).sum()))
        state = State(state.values, state.rungs)  # what was held here is the next frame's own again
        fit = Fit(self.index, bench, state, view, minimum, absences, left, gof, r_wp)
        fault = fault_of(fit)
        if not fault and (jump := self._jump(fit)):
            return replace(fit, fault=jump, is_jump=True)
        return replace(fit, fault=fault)

    def _jump(self, fit: Fit) -> str:
        """Return how a frame fits worse than the last accepted one, "" if it does not."""
        if self.last is None:
            usual = [scout.left for scout in self.foundation.sightings]
            worse = bool(usual) and fit.left > max(usual) + WORSE_BY
            return f"{100 * fit.left:.0f} % of the peaks' intensity is unexplained" if worse else ""
        if fit.left > self.last.left + WORSE_BY:
            share = f"{100 * fit.left:.0f} % of the peaks' intensity is unexplained"
            return f"{share}, {100 * self.last.left:.0f} % in the frame before"
        if fit.gof > WORSE_TIMES * max(self.last.gof, 1.0):
            return f"goodness of fit {fit.gof:.1f}, {self.last.gof:.1f} in the frame before"
        return ""
