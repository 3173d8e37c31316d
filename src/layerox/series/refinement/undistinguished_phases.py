"""Frames that do not distinguish similar phases: which phases a series needs, and which a frame does not distinguish.

Phases that no seed frame distinguishes are represented by the one of the highest symmetry in the whole series: the
others are left out of the refinements. Other similar phases are tested in single frames: first, middle and last frame
of each run that shows the same phases; the other frames of the run only if these do not distinguish them clearly. The
test itself is that of a single fit (`diffraction.alike_phases`).
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace

import numpy as np

from layerox.diffraction.alike_phases import AlikePhaseTests, alike_phase_tests
from layerox.diffraction.model import safe_name
from layerox.diffraction.model_setup import AlikePhases
from layerox.diffraction.refinement_steps import StepwiseRefinement
from layerox.errors import InputError
from layerox.pattern import Pattern
from layerox.series.frame_row import Absence, FrameRow
from layerox.series.frame_setup import Frame, SeriesSetup
from layerox.series.refinement.acceptance import FrameFit, fault_of
from layerox.series.refinement.common_parameters import CommonParameters, SeedFrame, own_names, posterior_restraints
from layerox.series.refinement.frame_model import LONG_BUDGET
from layerox.series.refinement.own_atoms import varying
from layerox.series.refinement.phase_presence import PhaseLevel
from layerox.series.refinement.segment import Segment, measured_row
from layerox.series.tables import shown_in
from layerox.series.undistinguished_rows import with_group
from layerox.typing import FloatArray

# Change of chi-squared over the threshold above which the frames of a run need no test of their own; the share of the
# support of the tested frames that they must have.
CLEAR, LEAST_SUPPORT = 2.0, 0.5
# Ratio of the largest to the smallest share of a phase in the tested frames that holds for those between.
SAME_SHARE = 1.5
# Ratio of the goodness of fit to that of the best frame above which other cells are searched.
COULD_BE_BETTER = 1.05


def series_groups(setup: SeriesSetup, seeds: Sequence[SeedFrame]) -> tuple[AlikePhases, ...]:
    """Return the groups of phases that some seed frame finds alike and none distinguishes, highest symmetry first.

    Phases that the recipe names are in no group: they stay in the refinements.
    """
    named = {phase.name for phase in setup.phases if _is_named(setup, phase.name)}
    groups: list[list[str]] = []
    spreads: dict[str, float] = {}
    for name in setup.names:
        for group in groups:
            spread = [_spread(setup, seeds, name, other) for other in group]
            if all(s is not None for s in spread) and name not in named:
                group.append(name)
                spreads[group[0]] = max([spreads.get(group[0], 0.0), *(s for s in spread if s is not None)])
                break
        else:
            groups.append([name])
    found = (group for group in groups if len(group) > 1)
    return tuple(AlikePhases(members=tuple(g), spread=spreads[g[0]], threshold=np.nan, change=np.nan) for g in found)


def _spread(setup: SeriesSetup, seeds: Sequence[SeedFrame], one: str, other: str) -> float | None:
    """Return how much the fraction of two phases depends on which of them is present; None if a frame decides it."""
    if not {(one, other), (other, one)} & set(setup.similar):
        return None
    spreads = []
    for seed in seeds:
        own = [g.spread for g in seed.alike if {one, other} <= set(g.members) and g.is_exchangeable]
        if not own and {one, other} & set(seed.supports):
            return None
        spreads += own
    return max(spreads, default=None)


def _is_named(setup: SeriesSetup, name: str) -> bool:
    """Whether the recipe names parameters of a phase, or states anything about it."""
    plan = setup.plan
    texts = [*plan.demands, *setup.own, *(text for stage in plan.stages for text in (*stage.free, *stage.fix))]
    texts += [text for pair in plan.constraints.items() for text in pair]
    stated = {plan.quantification.reference, *plan.quantification.particle_sizes_um}
    return bool(plan.restraints) or name in stated or any(f"{safe_name(name)}_" in text for text in texts)


def without_represented(setup: SeriesSetup, groups: Sequence[AlikePhases]) -> SeriesSetup:
    """Return a setup without the phases that another one of their group represents."""
    represented = {name for group in groups for name in group.members[1:]}
    return replace(setup, phases=tuple(phase for phase in setup.phases if phase.name not in represented))


def needs_tests(common: CommonParameters) -> bool:
    """Whether a series has similar phases that are not represented by one of them."""
    names = set(common.setup.names)
    return any(set(pair) <= names for pair in common.setup.similar)


def distinguished_segment(
    common: CommonParameters, frames: Sequence[Frame], rows: Sequence[FrameRow]
) -> list[FrameRow]:
    """Return the rows of a segment with the groups of phases that each frame does not distinguish."""
    return _SegmentTests(common, frames, rows).perform()


class _SegmentTests:
    """The tests of similar phases in the frames of a segment."""

    def __init__(self, common: CommonParameters, frames: Sequence[Frame], rows: Sequence[FrameRow]):
        self.segment, self.frames, self.rows = Segment(common), frames, list(rows)
        names = set(common.setup.names)
        self.pairs = [pair for pair in common.setup.similar if set(pair) <= names]
        self.best_gof = max(min((row.gof for row in rows if row.is_good), default=1.0), 1.0)
        # Of tested frames: the only group, if none of its members can replace the shown one.
        self.divided: dict[int, AlikePhases] = {}

    def perform(self) -> list[FrameRow]:
        """Test the frames that need it, and return all rows."""
        for run in list(self._runs()):
            self._examine(run)
        return self.rows

    def _runs(self) -> Iterator[list[int]]:
        """Yield consecutive accepted frames that show the same similar phases."""
        run: list[int] = []
        before: frozenset[str] = frozenset()
        similar = {name for pair in self.pairs for name in pair}
        for k, row in enumerate(self.rows):
            shown = frozenset(shown_in(row)) & similar if row.is_good else frozenset()
            if shown != before and run:
                yield run
                run = []
            before = shown
            run += [k] if shown else []
        if run:
            yield run

    def _examine(self, run: Sequence[int]) -> None:
        """Test the ends and the middle of a run; if these are not clear, or the same, the other frames too."""
        if len(run) <= 3:
            for k in run:
                self._test(k)
            return
        middle = len(run) // 2
        tested = [run[0], run[middle], run[-1]]
        supports = [self._support(k) for k in tested]
        clear = [self._test(k) for k in tested]
        rest = [*run[1:middle], *run[middle + 1 : -1]]
        division = self._common_division(tested)
        if all(clear) or division is not None:
            for k in rest:
                if self._support(k) < LEAST_SUPPORT * min(supports):
                    self._test(k)
                elif division is not None:
                    self.rows[k] = _with_shares(self.rows[k], division)
            return
        self._examine(run[1:middle])
        self._examine(run[middle + 1 : -1])

    def _common_division(self, tested: Sequence[int]) -> AlikePhases | None:
        """Return the group of some frames with the largest share of the others, None if they do not agree on it.

        Its numbers are those of a shown phase with the fraction 1.
        """
        groups = [_as_shares(self.rows[k], self.divided[k]) for k in tested if k in self.divided]
        if len(groups) < len(tested) or len({group.members for group in groups}) > 1:
            return None
        reaches = [group.reach for group in groups]
        if max(reaches) > SAME_SHARE * min(reaches):
            return None
        return replace(groups[0], reach=max(reaches), spread=max(group.spread for group in groups))

    def _support(self, k: int) -> float:
        similar = {name for pair in self.pairs for name in pair}
        phases = self.rows[k].phases
        return min(phases[name]["support"][0] for name in shown_in(self.rows[k]) if name in similar)

    def _test(self, k: int) -> bool:
        """Test a frame and change its row; return whether it distinguishes its phases clearly."""
        frame, row = self.frames[k], self.rows[k]
        try:
            fit = self.segment.restored_fit(frame, row)
            if fit is None:
                return True
            pattern = self.segment.setup.reading.pattern(frame)
            tests = self._tests(fit, pattern, k)
            groups = tests.perform()
        except (InputError, np.linalg.LinAlgError):
            return True
        if tests.moved:
            again = self._refined(fit, pattern, tests)
            if again is None:
                return True
            row = measured_row(frame, row.verdict, row.reason, again)
        if len(groups) == 1 and not tests.moved and not groups[0].is_exchangeable:
            self.divided[k] = groups[0]
        for group in groups:
            row = with_group(row, group)
        self.rows[k] = row
        return not (groups or tests.moved) and tests.closest > CLEAR

    def _tests(self, fit: FrameFit, pattern: Pattern, k: int) -> AlikePhaseTests:
        """Return the tests of a frame; phases similar to a shown one are absent phases of its model.

        Other cells are searched if the frame fits worse than the best one; two phases of one structure are named by
        the nearest frame that shows both.
        """
        model, shown = fit.frame_model, set(fit.state.present)
        names = [phase.name for phase in model.phases]
        pairs = [(names.index(one), names.index(other)) for one, other in self.pairs]
        absent = {p for pair in pairs if set(pair) & shown for p in pair} - shown
        # What is refined of a merged phase must not depend on which of both it is.
        both = {p for pair in pairs if set(pair) <= shown for p in pair}
        levels = list(fit.state.levels)
        for p in absent | both:
            levels[p] = PhaseLevel.SCALE if p in absent else PhaseLevel.WIDTHS
        view, data, table = model.ready(pattern, replace(fit.state, levels=tuple(levels)))
        table.fix(model.table.names[model.place(p, "scale")] for p in absent)
        run = StepwiseRefinement(view.model, data, table)
        priors = varying(self.segment.common.priors, view.table)
        run.prior_restraints = (*posterior_restraints(self.segment.common, view.model.phases), *priors)
        free = {name for p in shown for name in own_names(model.phases[p])}
        run.refine("frame", [prior.name for prior in run.prior_restraints if prior.name in free])
        plan = self.segment.setup.plan
        may_split = fit.gof > COULD_BE_BETTER * self.best_gof
        tests = alike_phase_tests(run, {names[p]: (0.0, 1.0) for p in absent}, plan, may_split=may_split)
        tested = [phase.name for phase in view.model.phases]
        for pair in self.pairs:
            for name, cell in self._nearest_cells(pair, k):
                tests.named_by[tested.index(name)] = cell
        return tests

    def _nearest_cells(self, pair: tuple[str, str], k: int) -> Iterator[tuple[str, FloatArray]]:
        """Yield the cells of two phases in the nearest other frame that shows both."""
        both = [i for i, row in enumerate(self.rows) if i != k and row.is_good and set(pair) <= set(shown_in(row))]
        if both and set(pair) & set(shown_in(self.rows[k])):
            phases = self.rows[min(both, key=lambda i: abs(i - k))].phases
            for name in pair:
                yield name, np.array([phases[name][axis][0] for axis in "abc"])

    def _refined(self, fit: FrameFit, pattern: Pattern, tests: AlikePhaseTests) -> FrameFit | None:
        """Return a frame with the phases that its tests have chosen, None if this is not acceptable."""
        model, found = fit.frame_model, tests.run.parameters
        values = fit.state.values.copy()
        own = [name for name in found.names if name not in self.segment.common.shared]
        values[model.table.places(own)] = found.values[found.places(own)]
        tested = [phase.name for phase in tests.run.model.phases]
        levels, absences = list(fit.state.levels), dict(fit.absences)
        for p, phase in enumerate(model.phases):
            if phase.name in tests.unsupported:
                levels[p] = PhaseLevel.ABSENT
                support, esd = tests.unsupported[phase.name]
                absences[phase.name] = Absence(
                    support=support, weight_esd=phase.crystal.mass * phase.crystal.volume * esd
                )
            elif phase.name in tested and not levels[p]:
                levels[p] = PhaseLevel.WIDTHS
        state = replace(fit.state, values=values, levels=tuple(levels))
        view, minimum = model.minimised(pattern, state, budget=LONG_BUDGET)
        state = model.moved(state, view, minimum)
        again = self.segment.fitter.judged((model, pattern, state, view, minimum, absences))
        return None if fault_of(again) else again


def _as_shares(row: FrameRow, group: AlikePhases) -> AlikePhases:
    """Return a group of a frame as if its shown phase had the fraction 1."""
    fraction = max(row.phases[group.members[0]]["weight_fraction"][0], 1e-6)
    return replace(group, reach=min(group.reach / fraction, 1.0), spread=group.spread / fraction)


def _with_shares(row: FrameRow, division: AlikePhases) -> FrameRow:
    """Return a row with a group that has the shares of the frames around."""
    fraction = row.phases[division.members[0]]["weight_fraction"][0]
    return with_group(row, replace(division, reach=division.reach * fraction, spread=division.spread * fraction))
