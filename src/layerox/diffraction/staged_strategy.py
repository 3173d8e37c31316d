"""Staged strategy: refinements in a fixed order: in one stage, in the stages of a recipe, or from an earlier result.

No score test selects parameters here; `automatic_strategy` does that.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace

from layerox.diffraction.alike_phases import resolve_alike_phases
from layerox.diffraction.least_squares import minimise
from layerox.diffraction.model_setup import (
    FIRST_BACKGROUND_TERMS,
    SUPPORT_SQUARED,
    Outcome,
    drop_phase,
    prepared,
    restraint_warnings,
    scale_support,
    with_starting_widths,
)
from layerox.diffraction.parameters import is_background, position_names, slot_name
from layerox.diffraction.phase import Phase
from layerox.diffraction.refinement import Refinement
from layerox.diffraction.refinement_plan import NO_PLAN, Plan, Stage
from layerox.diffraction.refinement_steps import TIGHT, StepwiseRefinement
from layerox.diffraction.starting_values import set_linear
from layerox.diffraction.warm_start import warm_start
from layerox.instrument import Instrument
from layerox.pattern import Pattern
from layerox.radiation import Radiation


def fit_in_stages(
    pattern: Pattern,
    phases: Sequence[Phase],
    instrument: Instrument,
    radiation: Radiation,
    plan: Plan,
    *,
    progress: Callable[[str], None] | None = None,
) -> Outcome:
    """Refine a pattern in the stages of a plan, or in one stage if it has none.

    Scales and background vary from the first stage on unless the plan fixes them. Parameters that the plan frees
    outside of its stages are freed in the last one.
    """
    start = with_starting_widths(instrument, pattern)
    run = prepared(pattern, phases, start, radiation, plan, FIRST_BACKGROUND_TERMS, progress)
    run.priors = tuple(prior for prior in run.priors if not prior.is_of_diffractometer)
    run.parameters.free(name for name in run.model.names if is_background(name))
    set_linear(run.model, run.data, run.parameters)
    stages = plan.stages or (Stage(name="all at once"),)
    for k, stage in enumerate(stages):
        for name in stage.fix:
            run.parameters.fix(run.parameters.matching(name))
        wanted = [slot_name(phase, "scale") for phase in phases] if k == 0 else []
        wanted += [found for name in stage.free for found in run.parameters.matching(name)]
        last = k == len(stages) - 1
        if last:
            wanted += plan.free(run.parameters.copy())
        run.refine(stage.name, wanted, tolerance=TIGHT)
    unsupported = _drop_unsupported(run, phases)
    return _outcome(run, unsupported, plan)


def _outcome(run: StepwiseRefinement, unsupported: dict[str, tuple[float, float]], plan: Plan) -> Outcome:
    """Return the outcome of a finished refinement, after the test of similar phases."""
    alike = resolve_alike_phases(run, unsupported, plan, may_split=False)
    warnings = restraint_warnings(run)
    found = Outcome(run.model, run.minimum, tuple(run.steps), unsupported, run.evaluations, warnings, alike, run.priors)
    return replace(found, comparisons=tuple(run.comparisons.values()))


def _drop_unsupported(run: StepwiseRefinement, phases: Sequence[Phase]) -> dict[str, tuple[float, float]]:
    """Take out the phases whose scale is not distinct from zero; return their support and its uncertainty."""
    found = {}
    for phase in phases:
        support, esd = scale_support(run, phase)
        if esd > 0 and support**2 < SUPPORT_SQUARED:
            found[phase.name] = support, esd
            drop_phase(run, phase, support)
    if found:
        run.refine("all together", tolerance=TIGHT)
    return found


def fit_from_result(
    pattern: Pattern, start: Refinement, instrument: Instrument, radiation: Radiation, plan: Plan = NO_PLAN
) -> Outcome:
    """Refine a pattern from the result of a similar one: the same variables, in one stage.

    Parameters
    ----------
    pattern
        The data.
    start
        The result that gives the initial values.
    instrument, radiation
        The diffractometer with its profile, and the beam.
    plan
        The user's settings, in addition to the constraints of the result.
    """
    warm = warm_start(start)
    ready = warm.prepared(pattern, instrument, radiation, plan)
    run = ready.on(pattern)
    run.refine("from the last result", tolerance=TIGHT)
    present = [phase for phase in warm.phases if phase not in warm.absent]
    unsupported = _retry_absent(run, warm.absent) | _drop_unsupported(run, present)
    return _outcome(run, unsupported, ready.plan)


def _retry_absent(run: StepwiseRefinement, phases: Sequence[Phase]) -> dict[str, tuple[float, float]]:
    """Test phases that were absent in the start; return support and its uncertainty of those still absent."""
    found = {}
    for phase in phases:
        scale = slot_name(phase, "scale")
        (gain,) = run.gains([[scale]])
        if gain > SUPPORT_SQUARED and run.attempt(f"phase {phase.name} again", [scale]):
            run.attempt(f"cell and size of {phase.name}", [*position_names(phase), slot_name(phase, "inverse_size")])
            continue
        trial = run.parameters.copy()
        trial.free([scale])
        probe = minimise(run.model, run.data, trial, tolerance=0.1)
        esd = probe.esd(scale)
        found[phase.name] = (probe.parameters.value(scale) / esd if esd > 0 else 0.0), esd
    return found
