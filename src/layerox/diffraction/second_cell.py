"""Second cell: whether two cells of one phase describe a pattern clearly better than one.

A specimen can hold one structure with two contents of alkali metal, as electrodes in a two-phase reaction and powders
that took up water do. One broad cell between both is then wrong. It does not change a fit: a warning names the phase
and both cells, and the user lists the phase twice. Only poor fits are examined, first by a linear prediction.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace

from layerox.diffraction.added_phase import cell_of, promising_cells, shifted_cells
from layerox.diffraction.alike_phases import AlikePhaseTests
from layerox.diffraction.disordered.phase import DisorderedPhase
from layerox.diffraction.evidence import DECISIVE, Evidence
from layerox.diffraction.model_setup import with_absent_phases
from layerox.diffraction.parameters import slot_name
from layerox.diffraction.phase import Phase
from layerox.diffraction.refinement_steps import StepwiseRefinement
from layerox.diffraction.similar_phases import have_same_structure
from layerox.diffraction.texture_axis import NewRun
from layerox.diffraction.weight_fractions import fraction_values
from layerox.notices import Notice

CODE = "second_cell"
# Goodness of fit squared from which a fit is examined.
POOR = 1.1
# Fall of chi-squared, as a share of it, that is predicted for a trial, and that is worth a warning.
PROMISED, CLEAR = 0.05, 0.25
# The same where the fit of two cells is still poorer than `GOOD` (its goodness squared): other misfit takes part in it.
VERY_CLEAR, GOOD = 0.5, 1.5
# Least share of each cell in the phase.
LEAST_SHARE = 0.1


def second_cell_warnings(run: StepwiseRefinement, phases: Sequence[Phase], new_run: NewRun) -> Iterator[Notice]:
    """Yield a warning if two cells of a phase describe the pattern clearly better than one.

    Parameters
    ----------
    run
        The refinement at its minimum.
    phases
        Those that the data support.
    new_run
        Returns a refinement of the same pattern with other phases, before its first step.
    """
    if run.minimum.reduced_chi_squared < POOR:
        return
    predicted = {phase.name: _predicted_fall(run, phase) for phase in phases if _can_be_two(phase, phases)}
    best = max(predicted, key=lambda name: predicted[name], default="")
    if best and predicted[best] > PROMISED * run.minimum.chi_squared:
        phase = next(phase for phase in phases if phase.name == best)
        yield from _tried(run, phase, new_run)


def doubt_of_second_cell(warnings: Sequence[Notice]) -> str:
    """Return why a fit with such a warning is no usable one, an empty text without it."""
    return next((notice.message for notice in warnings if notice.code == CODE), "")


def _can_be_two(phase: Phase, phases: Sequence[Phase]) -> bool:
    """Whether a phase is listed once; of a disordered stacking, breadths and shifts of lines say something else."""
    plain = not isinstance(phase, DisorderedPhase) and phase.is_weighed and phase.mode == "rietveld"
    return plain and not any(other is not phase and have_same_structure(phase, other) for other in phases)


def _predicted_fall(run: StepwiseRefinement, phase: Phase) -> float:
    """Return the fall of chi-squared that a linear model predicts for the best second cell."""
    index = next(k for k, other in enumerate(run.model.phases) if other.name == phase.name)
    table = run.minimum.parameters
    found = promising_cells(run, table, index, shifted_cells(cell_of(run, table, index), phase.crystal))
    return found[0].gain * max(run.minimum.reduced_chi_squared, 1.0) if found else 0.0


def _tried(run: StepwiseRefinement, phase: Phase, new_run: NewRun) -> Iterator[Notice]:
    """Refine the phase twice, and yield the warning if both are there and the evidence for them is decisive."""
    taken = {other.name for other in run.model.phases}
    second = replace(phase, name=next(name for k in range(2, 100) if (name := f"{phase.name}_{k}") not in taken))
    trial = with_absent_phases(run, new_run([*run.model.phases, second]))
    one = trial.minimum
    names = [other.name for other in trial.model.phases]
    pair = names.index(phase.name), names.index(second.name)
    tests = AlikePhaseTests(trial, {second.name: (0.0, 0.0)}, [pair], may_split=True)
    tests.perform()
    if {phase.name, second.name} & set(tests.unsupported):
        return
    both = trial.minimum
    share = 1.0 - both.objective / one.objective
    ratio = Evidence.of(trial).log_ratio(both, one)
    weights = fraction_values(trial.model, both.parameters)[list(pair)]
    needed = CLEAR if both.reduced_chi_squared < GOOD else VERY_CLEAR
    if share > needed and ratio > DECISIVE and weights.min() > LEAST_SHARE * weights.sum():
        cells = " and ".join(_described(trial, k, float(w)) for k, w in zip(pair, weights, strict=True))
        gain = f"chi-squared {100 * share:.0f} % lower, ln of the evidence {ratio:.0f} higher"
        message = f"two cells of {phase.name} describe the pattern better than one ({gain})"
        yield Notice(CODE, f"{message}: {cells}; list {phase.name} twice")


def _described(run: StepwiseRefinement, k: int, weight: float) -> str:
    table, phase = run.minimum.parameters, run.model.phases[k]
    free = [name for name in ("a", "b", "c") if table.can_vary(slot_name(phase, name))]
    lengths = ", ".join(f"{name} {table.value(slot_name(phase, name)):.4f}" for name in free)
    return f"{100 * weight:.0f} wt% with {lengths} Å"
