"""Alike phases: phases that a pattern may not distinguish, tested by refinements in which they replace each other.

Candidates are pairs of similar phases (see `similar_phases`). An absent phase replaces a supported one (exchange) or
is added with another cell (split); one of two supported phases replaces both (merge). A trial of which the evidence is
decisive is accepted (see `evidence`); phases whose exchange changes chi-squared by less than a threshold are alike. So
are two phases of which only one fits alone, if the weight can be divided between both (see `weight_division`).
"""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from layerox.diffraction.added_phase import cell_of, promising_cells, shifted_cells, with_cell, with_cell_alone
from layerox.diffraction.atom_parameters import similar_atoms
from layerox.diffraction.cell_search import blurs_for, scanned_cell, search_cells
from layerox.diffraction.evidence import DECISIVE, Evidence
from layerox.diffraction.least_squares import minimise
from layerox.diffraction.minimum import Minimum
from layerox.diffraction.model_setup import PHASE_LEFT_OUT, AlikePhases
from layerox.diffraction.parameters import Parameters, position_names, public_name, slot_name
from layerox.diffraction.phase_order import freedom
from layerox.diffraction.phase_trial import PhaseTrial, alike_threshold
from layerox.diffraction.pseudo_symmetry import opposite_cell, try_opposite_cells
from layerox.diffraction.refined_quantities import Question
from layerox.diffraction.refinement_plan import Plan
from layerox.diffraction.refinement_steps import LOOSE, StepwiseRefinement
from layerox.diffraction.represented_phases import RepresentedPhases
from layerox.diffraction.similar_phases import are_crossed, have_same_structure, similar_pairs
from layerox.diffraction.weight_division import DivisionTrials
from layerox.diffraction.weight_fractions import fraction_values
from layerox.symmetry import CELL_NAMES
from layerox.typing import FloatArray

# Number of initial second cells that are refined.
STARTS = 3
# Reduced chi-squared above which two supported phases may be in a local minimum.
COULD_BE_BETTER = 1.05
# Parameters of a phase that its substitute takes over.
TAKEN_OVER = ("inverse_size", "microstrain", "preferred_orientation")


def resolve_alike_phases(
    run: StepwiseRefinement, unsupported: dict[str, tuple[float, float]], plan: Plan, *, may_split: bool = True
) -> tuple[AlikePhases, ...]:
    """Test which of the similar phases are present, and return those that are alike.

    Parameters
    ----------
    run
        The refinement of all phases; it proceeds to another choice of phases if that fits better.
    unsupported
        Support and its uncertainty of the absent phases; changed with the refinement.
    plan
        The user's settings: phases with a fixed scale, or in a constraint, are not replaced.
    may_split
        Whether other cells are searched for two phases of a pair; False if the user prescribes what is refined.
    """
    return alike_phase_tests(run, unsupported, plan, may_split=may_split).perform()


def alike_phase_tests(
    run: StepwiseRefinement, unsupported: dict[str, tuple[float, float]], plan: Plan, *, may_split: bool
) -> AlikePhaseTests:
    """Return the tests of `resolve_alike_phases` before they are performed."""
    return AlikePhaseTests(run, unsupported, _candidates(run, plan), may_split=may_split)


def _candidates(run: StepwiseRefinement, plan: Plan) -> list[tuple[int, int]]:
    """Return the pairs of similar phases that may replace each other: with variable scales and without constraints."""
    phases = run.model.phases
    fixed = {
        k
        for k, phase in enumerate(phases)
        if not run.parameters.can_vary(slot_name(phase, "scale"))
        or plan.links({public_name(slot_name(phase, slot)) for slot in phase.slot_names})
    }
    pairs = similar_pairs(run.model) if run.similar is None else run.similar
    return [pair for pair in pairs if not fixed & set(pair)]


class AlikePhaseTests:
    """Exchanges, merges and splits of phases in a refinement of all phases.

    Attributes
    ----------
    run, unsupported
        The refinement, and the absent phases; both change with the tests.
    moved
        Whether another choice of phases was accepted.
    closest
        Smallest change of chi-squared over its threshold among the phases that are distinguished.
    named_by
        Cell of each phase by which two phases of one structure are named, shape (6,): the given one.
    """

    def __init__(
        self,
        run: StepwiseRefinement,
        unsupported: dict[str, tuple[float, float]],
        pairs: list[tuple[int, int]],
        *,
        may_split: bool,
    ):
        self.run, self.unsupported, self.pairs, self.may_split = run, unsupported, pairs, may_split
        self.model, self.phases = run.model, run.model.phases
        self.represented = RepresentedPhases()
        self.moved, self.closest = False, np.inf
        self.named_by = [np.array(phase.crystal.cell) for phase in self.phases]
        if not may_split:
            self._reset_absent()

    def perform(self) -> tuple[AlikePhases, ...]:
        """Test each pair with a shown phase, in the order of the phases; refine to convergence after a change."""
        pending = list(self.pairs)
        while ready := [pair for pair in pending if any(map(self._is_shown, pair))]:
            pending.remove(ready[0])
            self._pair(*ready[0])
        if self.moved:
            try_opposite_cells(self.run, [phase for phase in self.phases if phase.name not in self.unsupported])
            self.run.finish("all together, phases exchanged")
        self._estimate_absent()
        return tuple(self.represented.groups(self.unsupported))

    def _reset_absent(self) -> None:
        """Return absent phases to their given cells: refined beside a similar phase, they may be anywhere."""
        for k, phase in enumerate(self.phases):
            if phase.name in self.unsupported:
                self.run.parameters = with_cell(self.run, self.run.parameters, k, self.named_by[k])

    def _pair(self, one: int, other: int) -> None:
        if self._is_shown(one) and self._is_shown(other):
            return self._merge_or_split(one, other)
        shown, absent = (one, other) if self._is_shown(one) else (other, one)
        if self.phases[absent].name in self.represented:
            return None
        exchanged = self._exchanged(shown, absent)
        if self._gain(exchanged) > DECISIVE:
            self._substitute(exchanged, shown, absent)
            shown, absent = absent, shown
            exchanged = self._exchanged(shown, absent)
        split = self._split(shown, absent, exchanged)
        self._compare({(shown,): self.run.minimum, (absent,): exchanged.minimum}
                      | ({} if split is None else {(shown, absent): split.minimum}), (shown,))  # fmt: skip
        if split is not None and self._gain(split) > DECISIVE:
            self._adopt(split, f"{self.phases[absent].name} beside {self.phases[shown].name}, of another cell")
            self.unsupported.pop(self.phases[absent].name, None)
            return self._merge_or_split(one, other)
        return self._record_if_alike(exchanged, shown, absent, may_add=True)

    def replace(self, left: int, taken: int) -> None:
        """Put a phase in place of another one, whether it fits better or not."""
        self._substitute(self._exchanged(left, taken), left, taken)
        self._estimate_absent()

    def _is_shown(self, k: int) -> bool:
        return self.phases[k].name not in self.unsupported

    def _record_if_alike(self, exchanged: PhaseTrial, shown: int, absent: int, *, may_add: bool = False) -> None:
        """Record a phase that is alike the shown one; the higher symmetry is shown unless the evidence contradicts."""
        rise, threshold = exchanged.rise(self.run.minimum), exchanged.threshold
        if abs(rise) > threshold:
            self.closest = min(self.closest, abs(rise) / threshold)
            return self._divide(exchanged, shown, absent, may_add=may_add)
        spread = self._fraction(self.run.minimum, shown) - self._fraction(exchanged.minimum, absent)
        is_simpler = freedom(self.phases[absent].crystal) < freedom(self.phases[shown].crystal)
        if is_simpler and self._gain(exchanged) > -DECISIVE:
            self._substitute(exchanged, shown, absent)
            shown, absent = absent, shown
        names = self.phases[shown].name, self.phases[absent].name
        pair = AlikePhases(members=names, spread=abs(spread), threshold=threshold, change=abs(rise))
        return self._record_alike(pair, f"exchanged, chi-squared changes by {abs(rise):.1f}, less than {threshold:.0f}")

    def _divide(self, exchanged: PhaseTrial, shown: int, absent: int, *, may_add: bool) -> None:
        """Record a phase that may have a part of the weight of the shown one, or add it if both fit clearly better."""
        present, names = self.run.minimum, (self.phases[shown].name, self.phases[absent].name)
        trials = DivisionTrials(self.model, shown, absent, present, exchanged.minimum, self._refined)
        found = trials.perform()
        self.closest = min(self.closest, found.excess)
        both = PhaseTrial(found.best, len(found.best.at_bound) + 1 - len(present.at_bound))
        if may_add and both.rise(present) < -both.threshold:
            self._adopt(PhaseTrial(self._refined(trials.with_free_ratio(found)), 0), f"{names[1]} beside {names[0]}")
            self.unsupported.pop(names[1], None)
            return self._merge_or_split(shown, absent)
        if not found.share:
            return None
        reach, change = found.share * self._fraction(present, shown), abs(both.rise(present))
        pair = AlikePhases(members=names, spread=found.spread, threshold=alike_threshold(1), change=change, reach=reach)
        return self._record_alike(pair, f"with up to {100 * reach:.2g} wt% of {names[1]}, chi-squared rises no more")

    def _merge_or_split(self, one: int, other: int) -> None:
        """Merge two supported phases if chi-squared rises by less than the threshold, else try other cells."""
        self._free_both_cells(one, other)
        present = self.run.minimum
        merged = {kept: self._exchanged(left, kept) for kept, left in ((one, other), (other, one))}
        kept = max(merged, key=lambda k: self._gain(merged[k]))
        left = other if kept == one else one
        is_one_enough = self._gain(merged[kept]) > -DECISIVE
        minima = {(one, other): present, (one,): merged[one].minimum, (other,): merged[other].minimum}
        self._compare(minima, (kept,) if is_one_enough else (one, other))
        if is_one_enough:
            self._substitute(merged[kept], left, kept)
            return self._record_if_alike(self._exchanged(kept, left), kept, left)
        self.closest = min(self.closest, merged[kept].rise(present) / merged[kept].threshold)
        if present.reduced_chi_squared > COULD_BE_BETTER:
            split = self._split(kept, left, merged[kept], merged[kept].minimum)
            if split is not None and self._gain(split) > DECISIVE:
                self._adopt(split, f"{self.phases[one].name} and {self.phases[other].name} from other cells")
        return self._name_by_given_cells(one, other)

    def _free_both_cells(self, one: int, other: int) -> None:
        """Refine the cells of both phases, if one of them is held: where they coincide, one was hardly seen."""
        table = self.run.parameters.copy()
        if self.may_split and table.free(name for k in (one, other) for name in position_names(self.phases[k])):
            self.run.adopt(self._refined(table))

    # -- trials ------------------------------------------------------------------------------------------------------

    def _exchanged(self, left: int, taken: int) -> PhaseTrial:
        """Return the refinement in which one phase replaces another, or both.

        Initial cells are tried until one fits as well as the present choice.
        """
        best: PhaseTrial | None = None
        for start in self._starts(left, taken):
            best = self._better(best, start)
            if best.rise(self.run.minimum) <= best.threshold:
                return best
        assert best is not None
        cell = self._cell(best.minimum.parameters, taken).tolist()
        opposite = opposite_cell(self.phases[taken].crystal.symmetry, cell)
        return (
            best
            if opposite is None
            else self._better(best, with_cell(self.run, best.minimum.parameters, taken, opposite))
        )

    def _better(self, best: PhaseTrial | None, start: Parameters) -> PhaseTrial:
        """Return the better one of a trial and the refinement from a start."""
        found = self._refined(start)
        if best is not None and best.minimum.objective <= found.objective:
            return best
        return PhaseTrial(found, len(found.at_bound) - len(self.run.minimum.at_bound))

    def _starts(self, left: int, taken: int) -> Iterator[Parameters]:
        """Yield the parameters with `taken` in place of `left`: with the cell of `left`, its own, or a found one."""
        table = self._substituted(left, taken)
        if self._same_kind(left, taken):
            yield with_cell(self.run, table, taken, self._cell(self.run.parameters, left))
        if self._is_shown(taken):
            yield with_cell(self.run, table, taken, self._cell(self.run.parameters, taken))
            return
        fixed = with_cell_alone(table, self.phases[taken])
        found = search_cells(self.model, self.run.data, fixed, blurs_for(self.model))
        yield with_cell(self.run, table, taken, self._cell(found, taken))
        self._assign_reach(table)
        scanned = scanned_cell(self.model, self.run.data, fixed, taken)
        for name, value in scanned.items():
            fixed.assign(name, value)
        yield with_cell(self.run, table, taken, self._cell(fixed, taken))

    def _substituted(self, left: int, taken: int) -> Parameters:
        """Return the parameters without one phase; another one has its weight, widths, texture and variables.

        If atoms of the old phase are refined, those of the new one are too: else only one of both could fit.
        """
        old, new = self.phases[left], self.phases[taken]
        table = self.run.parameters.copy()
        weights = [self._weight(self.run.minimum, k) for k in (left, taken)]
        free = set(table.free_names)
        for slot in TAKEN_OVER:
            source, target = slot_name(old, slot), slot_name(new, slot)
            if not self._is_shown(taken) and table.can_vary(target):
                table.values[table.find(target)] = table.value(source)
            if source in free:
                table.free([target])
        table.free([slot_name(new, "scale"), *similar_atoms(old, new, free)])
        if self.may_split or free & set(position_names(old)):
            table.free(position_names(new))
        table.fix(slot_name(old, slot) for slot in old.slot_names)
        table.assign(slot_name(old, "scale"), 0.0)
        table.assign(slot_name(new, "scale"), sum(weights) / self._per_scale(taken))
        return table

    def _split(
        self, shown: int, absent: int, exchanged: PhaseTrial, present: Minimum | None = None
    ) -> PhaseTrial | None:
        """Return the best refinement with an absent phase in addition to the shown one, with another cell."""
        if not self.may_split:
            return None
        table = (self.run.minimum if present is None else present).parameters.copy()
        same = self._same_kind(shown, absent)
        cell = self._cell(table, shown) if same else self._cell(exchanged.minimum.parameters, absent)
        for slot in TAKEN_OVER:
            source, target = (slot_name(self.phases[k], slot) for k in (shown, absent))
            table.values[table.find(target)] = table.value(source)
        starts = promising_cells(self.run, table, absent, shifted_cells(cell, self.phases[absent].crystal))[:STARTS]
        found = [self._refined(self._beside(table, shown, absent, start.cell, start.scale)) for start in starts]
        if not found:
            return None
        best = min(found, key=lambda minimum: minimum.objective)
        return PhaseTrial(best, len(best.at_bound) - len(self.run.minimum.at_bound))

    def _beside(self, table: Parameters, shown: int, absent: int, cell: FloatArray, scale: float) -> Parameters:
        """Return parameters in which an absent phase varies too, with an initial cell and scale."""
        trial = with_cell(self.run, table, absent, cell)
        phase = self.phases[absent]
        trial.assign(slot_name(phase, "scale"), scale)
        trial.free(slot_name(phase, slot) for slot in ("scale", *CELL_NAMES, "inverse_size"))
        if slot_name(self.phases[shown], "microstrain") in table.free_names:
            trial.free([slot_name(phase, "microstrain")])
        return trial

    def _refined(self, start: Parameters) -> Minimum:
        found = minimise(self.model, self.run.data, start, tolerance=LOOSE, restraints=self.run.all_restraints)
        self.run.evaluations += found.evaluations
        return found

    # -- consequences ------------------------------------------------------------------------------------------------

    def _adopt(self, trial: PhaseTrial, name: str) -> None:
        self.run.adopt(trial.minimum)
        self.run.record(name)
        self.moved = True

    def _substitute(self, trial: PhaseTrial, left: int, taken: int) -> None:
        """Accept a trial in which one phase replaces another one and those that it represents."""
        old, new = self.phases[left].name, self.phases[taken].name
        self._adopt(trial, f"{new} in place of {old}")
        self.unsupported.pop(new, None)
        self.unsupported[old] = (0.0, 0.0)
        self.represented.replace(old, new)

    def _estimate_absent(self) -> None:
        """Calculate support and its uncertainty of the replaced phases from a refinement of their scale alone."""
        for phase in self.phases:
            if self.unsupported.get(phase.name) != (0.0, 0.0):
                continue
            scale = slot_name(phase, "scale")
            trial = self.run.parameters.copy()
            trial.free([scale])
            found = self._refined(trial)
            esd = found.esd(scale)
            self.unsupported[phase.name] = (found.parameters.value(scale) / esd if esd > 0 else 0.0), esd

    def _record_alike(self, pair: AlikePhases, reason: str) -> None:
        self.represented.add(pair)
        self.run.record(f"{PHASE_LEFT_OUT}{' or '.join(pair.members[::-1])}", kept=False, reason=f"alike: {reason}")

    def _name_by_given_cells(self, one: int, other: int) -> None:
        """Assign the cells of two phases of one structure so that each is nearer to its given cell."""
        if not (self.may_split and self._same_kind(one, other)):
            return
        found = [self._cell(self.run.parameters, k)[:3] for k in (one, other)]
        if are_crossed(found, [self.named_by[k][:3] for k in (one, other)]):
            self._swap(one, other)

    def _swap(self, one: int, other: int) -> None:
        table = self.run.parameters.copy()
        for slot in self.phases[one].slot_names:
            i, k = table.find(slot_name(self.phases[one], slot)), table.find(slot_name(self.phases[other], slot))
            table.values[[i, k]], table.vary[[i, k]] = table.values[[k, i]], table.vary[[k, i]]
        self._adopt(
            PhaseTrial(self._refined(table), 0), f"{self.phases[one].name} and {self.phases[other].name} exchanged"
        )

    def _compare(self, minima: dict[tuple[int, ...], Minimum], chosen: tuple[int, ...]) -> None:
        """Record the evidences of one phase of a pair, the other one, and both."""
        names = {members: " + ".join(self.phases[k].name for k in sorted(members)) for members in minima}
        question: Question = "cells" if self._same_kind(*{k for own in minima for k in own}) else "phases"
        by_name = {names[members]: minimum for members, minimum in minima.items()}
        self.run.compare(Evidence.of(self.run).comparison(question, by_name, names[chosen]))

    def _gain(self, trial: PhaseTrial) -> float:
        """Return ln of the evidence of a trial over that of the present choice."""
        return Evidence.of(self.run).log_ratio(trial.minimum, self.run.minimum)

    # -- numbers -----------------------------------------------------------------------------------------------------

    def _same_kind(self, one: int, other: int) -> bool:
        return have_same_structure(self.phases[one], self.phases[other])

    def _cell(self, table: Parameters, k: int) -> FloatArray:
        return cell_of(self.run, table, k)

    def _assign_reach(self, table: Parameters) -> None:
        scales = np.array([table.value(slot_name(phase, "scale")) for phase in self.phases])
        self.model.reach_scales = np.maximum(scales, self.model.reach_scales)

    def _per_scale(self, k: int) -> float:
        crystal = self.phases[k].crystal
        return crystal.mass * crystal.volume

    def _weight(self, minimum: Minimum, k: int) -> float:
        return minimum.parameters.value(slot_name(self.phases[k], "scale")) * self._per_scale(k)

    def _fraction(self, minimum: Minimum, k: int) -> float:
        return float(fraction_values(self.model, minimum.parameters)[k])
