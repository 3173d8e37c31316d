"""Staged strategy: refinements in a fixed order: in one stage, in the stages of a recipe, or from an earlier result.

No score test selects parameters here; `automatic_strategy` does that.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import Any

import numpy as np

from layerox.crystal.measured_crystal import MeasuredCrystal
from layerox.diffraction.alike_phases import resolve_alike_phases
from layerox.diffraction.background import BLANK, EXTRA_SLOTS, ExtraPeak
from layerox.diffraction.constraints import constrained
from layerox.diffraction.disordered.from_result import disordered_phase_of
from layerox.diffraction.least_squares import minimise
from layerox.diffraction.measured_phase import MeasuredPhase
from layerox.diffraction.model import safe_name, slots_of
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
from layerox.diffraction.parameters import (
    is_background,
    is_background_term,
    position_names,
    slot_name,
    slot_of_public,
)
from layerox.diffraction.phase import INTENSITY, Phase, corrections_at
from layerox.diffraction.priors import prior_restraints
from layerox.diffraction.refined_quantities import RefinedPhase
from layerox.diffraction.refinement import Refinement
from layerox.diffraction.refinement_plan import NO_PLAN, Plan, Stage, Variable
from layerox.diffraction.refinement_steps import TIGHT, StepwiseRefinement
from layerox.diffraction.starting_values import plausible_scales, set_linear
from layerox.errors import InputError
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
    background = {row.name: float(row.number) for row in start.parameters if is_background(row.name)}
    phases = [refined_phase(phase) for phase in start.phases]
    linked = _with_links(plan, start, phases, instrument)
    refined = {row.name: row.setting for row in start.priors if row.is_refined and not linked.is_named(row.name)}
    linked = replace(linked, priors={**refined, **linked.priors})
    run = prepared(pattern, phases, instrument, radiation, linked, len(background))
    for name, value in background.items():
        run.parameters.assign(name, value)
    run.parameters.free(slot_of_public(name, run.parameters.index) for name in start.free_names)
    known = {row.name for row in start.priors}
    run.priors = tuple(prior for prior in run.priors if prior.name in known or not prior.is_of_diffractometer)
    active = [prior for prior in run.priors if prior.name in refined]
    run.prior_restraints = prior_restraints(active, run.parameters, linked.named(run.parameters))
    run.first_spread = max(start.agreement.gof, 1.0)
    height = max(float(np.ptp(pattern.intensity)), 1.0)
    run.model.reach_scales = 0.01 * plausible_scales(run.model, run.parameters.values, height)
    run.refine("from the last result", tolerance=TIGHT)
    absent = [phase for phase, old in zip(phases, start.phases, strict=True) if not old.is_supported]
    unsupported = _retry_absent(run, absent) | _drop_unsupported(run, [p for p in phases if p not in absent])
    return _outcome(run, unsupported, linked)


def _with_links(plan: Plan, start: Refinement, phases: Sequence[Phase], instrument: Instrument) -> Plan:
    """Return the plan with the constraints, the variables and the extra peaks of a result."""
    values = {row.name: float(row.number) for row in start.parameters}
    extras = [
        ExtraPeak(name=stem, **{slot: values[f"{stem}_{slot}"] for slot in EXTRA_SLOTS})
        for stem in (name.removesuffix("_gauss") for name in values if name.endswith("_gauss"))
    ]
    terms, blank = sum(map(is_background_term, values)), BLANK in values
    if blank and plan.blank is None:
        raise InputError("the result to start from has a measured blank", argument="start",
                         cure="give the blank again, in a recipe with [background] blank")  # fmt: skip
    ruled = constrained(*slots_of(phases, instrument, terms, extras, blank=blank), phases, extras)
    own = [row for row in start.parameters if slot_of_public(row.name, ruled.index) not in ruled.index]
    own = [row for row in own if not any(row.name.startswith(f"{safe_name(p.name)}_{INTENSITY}") for p in phases)]
    variables = {
        row.name: Variable(value=float(row.number), minimum=row.minimum, maximum=row.maximum,
                           vary=row.name in start.free_names)
        for row in own
    }  # fmt: skip
    links = {row.name: row.expression for row in start.parameters if row.expression}
    free = {name: text for name, text in links.items() if name in variables or ruled.link_text(name) is None}
    return replace(
        plan, variables={**variables, **plan.variables}, constraints={**free, **plan.constraints}, extras=tuple(extras)
    )


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


def refined_phase(phase: RefinedPhase) -> Phase:
    """Return the phase of a result with its refined values as initial values."""
    if phase.stacking is not None:
        return disordered_phase_of(phase)
    if isinstance(phase.crystal, MeasuredCrystal):
        return MeasuredPhase(crystal=phase.crystal, **_refined_values(phase))
    return Phase(crystal=phase.crystal, **_refined_values(phase))


def _refined_values(phase: RefinedPhase) -> dict[str, Any]:
    """Return the refined values of a phase without its crystal, by field of `Phase`."""
    return {
        "name": phase.name,
        "scale": float(phase.scale),
        "size_nm": float(phase.size_nm),
        "microstrain": float(phase.microstrain),
        "texture_axis": phase.texture_axis,
        "preferred_orientation": float(phase.preferred_orientation),
        "mode": phase.mode,
        "displacement_mm": float(phase.displacement_mm),
        "hardware": phase.hardware,
        **vars(corrections_at(phase.corrections)),
    }
