"""Model setup: the start and the end of every strategy: a model with its table of parameters, and an outcome.

Which parameters are freed, and in which order, is the matter of the strategies.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace

import numpy as np

from layerox.diffraction.atom_parameters import displacement_groups
from layerox.diffraction.background import refuse_outside
from layerox.diffraction.constraints import parameters_of
from layerox.diffraction.disordered.refined_stacking import StackingVerdict
from layerox.diffraction.intensity_extraction import StepwiseExtraction, is_extracted, prepare_extraction
from layerox.diffraction.minimum import Data, Minimum
from layerox.diffraction.model import Model
from layerox.diffraction.parameters import Parameters, slot_name
from layerox.diffraction.phase import Phase
from layerox.diffraction.phase_model import PhaseModel
from layerox.diffraction.prior import Prior
from layerox.diffraction.priors import priors_of
from layerox.diffraction.refined_quantities import ModelComparison
from layerox.diffraction.refinement_plan import Plan
from layerox.diffraction.refinement_steps import RefinementStep, StepwiseRefinement
from layerox.diffraction.restraints import restraints_of
from layerox.diffraction.starting_values import peak_width, plausible_scales
from layerox.instrument import Instrument, Profile
from layerox.notices import Notice
from layerox.pattern import Pattern
from layerox.radiation import Radiation
from layerox.refined import with_esd
from layerox.symmetry import CELL_NAMES

FIRST_BACKGROUND_TERMS = 6
# Height at which the tail of a peak is cut, in units of the median sigma.
TAIL = 0.005
# A phase is supported if (scale over its standard uncertainty)^2 reaches this.
SUPPORT_SQUARED = 10.0
# Gaussian share of the initial width.
GAUSSIAN_SHARE = 0.6
# Prefix of the name of a step that leaves a phase out.
PHASE_LEFT_OUT = "phase "


@dataclass(frozen=True, kw_only=True)
class AlikePhases:
    """Phases that a pattern does not distinguish.

    Attributes
    ----------
    members
        Their names; the first is the one that the model contains for all of them.
    spread
        Largest change of the weight fraction of the group if another member takes its place.
    threshold, change
        The change of chi-squared (over its reduced value) below which phases are alike, and the largest one found.
    reach
        The largest weight fraction that the others may have beside the first; infinite if one may replace it.
    """

    members: tuple[str, ...]
    spread: float
    threshold: float
    change: float
    reach: float = math.inf

    @property
    def is_exchangeable(self) -> bool:
        """Whether another member may take the place of the first one."""
        return math.isinf(self.reach)


@dataclass(frozen=True, eq=False)
class Outcome:
    """The result of a strategy.

    Attributes
    ----------
    model, minimum
        The model of all phases, and its final minimum.
    steps
        All steps.
    unsupported
        For each unsupported phase: its scale over its standard uncertainty when it was last refined, and that
        uncertainty.
    evaluations
        Number of patterns computed with their derivatives.
    warnings
        Of the strategy.
    alike
        Phases that the pattern does not distinguish.
    priors
        What is known of the quantities before the data.
    verdicts
        On the disordered phases, by name.
    doubt
        Why the weight fractions are in doubt; empty if they are not.
    comparisons
        Of models that competed.
    """

    model: Model
    minimum: Minimum
    steps: tuple[RefinementStep, ...]
    unsupported: dict[str, tuple[float, float]]
    evaluations: int
    warnings: tuple[Notice, ...] = ()
    alike: tuple[AlikePhases, ...] = ()
    priors: tuple[Prior, ...] = ()
    verdicts: Mapping[str, StackingVerdict] = field(default_factory=dict)
    doubt: str = ""
    comparisons: tuple[ModelComparison, ...] = ()


def prepared(
    pattern: Pattern,
    phases: Sequence[Phase],
    instrument: Instrument,
    radiation: Radiation,
    plan: Plan,
    background_terms: int,
    progress: Callable[[str], None] | None = None,
) -> StepwiseRefinement:
    """Return a refinement before its first step, in which only the variables of the plan vary.

    Parameters
    ----------
    pattern, phases, radiation
        The data, the initial structures and the beam.
    instrument
        The diffractometer with its profile.
    plan
        The user's settings.
    background_terms
        Number of Chebyshev terms, if the plan does not state it.
    progress
        Called with the name of each step.
    """
    model = model_for(pattern, phases, instrument, radiation, plan, background_terms)
    return refinement_of(model, parameters_of(model), pattern, plan, progress)


def model_for(
    pattern: Pattern,
    phases: Sequence[Phase],
    instrument: Instrument,
    radiation: Radiation,
    plan: Plan,
    background_terms: int,
    known: Sequence[PhaseModel] = (),
) -> Model:
    """Return the model of a refinement.

    Parameters
    ----------
    pattern, phases, instrument, radiation, plan, background_terms
        As for `prepared`.
    known
        Models of the same phases, in their order, if there are any.
    """
    refuse_outside(plan.extras, pattern.range)
    if plan.blank is not None:
        plan.blank.refuse_shorter(pattern.range)
    return Model(
        pattern.two_theta,
        phases,
        instrument,
        radiation,
        background_terms=background_terms if plan.background_terms is None else plan.background_terms,
        tail=tail_for(pattern),
        extras=plan.extras,
        blank=plan.blank,
        known=known,
    )


def refinement_of(
    model: Model,
    parameters: Parameters,
    pattern: Pattern,
    plan: Plan,
    progress: Callable[[str], None] | None = None,
) -> StepwiseRefinement:
    """Return a refinement before its first step, as `prepared` does.

    Parameters
    ----------
    model, parameters
        Of the phases, and its parameters with the constraints of symmetry, to which those of the plan are added.
    pattern, plan, progress
        As for `prepared`.
    """
    phases = model.phases
    plan.apply(parameters)
    named = plan.named(parameters)
    for phase in phases:
        _tie_displacements(parameters, phase, named)
        _lock_hardware_cell(parameters, phase, named)
    kind = StepwiseExtraction if any(map(is_extracted, phases)) else StepwiseRefinement
    prepare_extraction(model, parameters, float(np.ptp(pattern.intensity)))
    restraints = restraints_of(plan.restraints, phases)
    run = kind(model, Data(pattern.intensity, 1.0 / pattern.sigma), parameters, progress, restraints)
    run.priors = priors_of(phases, parameters, plan.priors, model.instrument, model.radiation, pattern)
    return run


def tail_for(pattern: Pattern) -> float:
    """Return the height at which the tails of peaks are cut, in the unit of the pattern."""
    return TAIL * float(np.median(pattern.sigma))


def with_starting_widths(instrument: Instrument, pattern: Pattern) -> Instrument:
    """Return the instrument with a profile: its own, or one with about the width of the strongest peak."""
    if instrument.profile is not None:
        return instrument
    width = peak_width(pattern.two_theta, pattern.intensity)
    return replace(instrument, profile=Profile(w=(GAUSSIAN_SHARE * width) ** 2))


def scale_support(run: StepwiseRefinement, phase: Phase) -> tuple[float, float]:
    """Return the scale of a phase over its standard uncertainty, and that uncertainty, at the present minimum.

    The uncertainty is that for the present texture: a strong texture makes the amount uncertain, not the presence.
    """
    minimum, name = run.minimum, slot_name(phase, "scale")
    esd = minimum.esd_holding(name, [slot_name(phase, "preferred_orientation")])
    return (minimum.parameters.value(name) / esd if esd > 0 else 0.0), esd


def drop_phase(run: StepwiseRefinement, phase: Phase, support: float) -> None:
    """Take a phase out of a refinement: set its scale to zero and fix its other parameters at their values."""
    names = {slot_name(phase, slot) for slot in phase.slot_names}
    own = [name for name in run.parameters.free_names if name in names]
    run.parameters.assign(slot_name(phase, "scale"), 0.0)
    run.hold(f"{PHASE_LEFT_OUT}{phase.name}", own, f"its scale is {support:.1f} standard uncertainties")


def with_absent_phases(part: StepwiseRefinement, whole: StepwiseRefinement) -> StepwiseRefinement:
    """Return the refinement of all phases at the minimum of that of some phases; the others have a scale of zero.

    Parameters
    ----------
    part
        The refinement of some of the phases.
    whole
        The refinement of all phases before its first step; it is changed and returned.
    """
    table, minimum = whole.parameters, part.minimum
    for phase in whole.model.phases:
        table.values[table.find(slot_name(phase, "scale"))] = 0.0
        table.values[table.find(slot_name(phase, "inverse_size"))] = _median_value(part, "inverse_size")
    found = minimum.parameters
    places = table.places(found.names)
    table.values[places], table.vary[places] = found.values, found.vary
    calculated = whole.model.calculated(table.values[: len(whole.model.names)])
    whole.model.reach_scales = _reach_scales(part, whole)
    whole.steps, whole.evaluations = list(part.steps), part.evaluations
    whole.prior_restraints, whole.is_last = part.prior_restraints, part.is_last
    whole.adopt(replace(minimum, parameters=table, patterns=(calculated,)))
    return whole


def _median_value(run: StepwiseRefinement, slot: str) -> float:
    """Return the median of a parameter over the phases of a refinement."""
    return float(np.median([run.parameters.value(slot_name(phase, slot)) for phase in run.model.phases]))


def _reach_scales(part: StepwiseRefinement, whole: StepwiseRefinement) -> np.ndarray:
    """Return the smallest scale for which tails are computed, of each phase."""
    height = max(float(np.ptp(whole.data.intensity)), 1e-300)
    scales = 0.01 * plausible_scales(whole.model, whole.parameters.values, height)
    for phase, scale in zip(part.model.phases, part.model.reach_scales, strict=True):
        scales[[p.name for p in whole.model.phases].index(phase.name)] = scale
    return scales


def restraint_warnings(run: StepwiseRefinement) -> tuple[Notice, ...]:
    """Return a notice for each restraint: its value, its target and their difference."""
    table = run.minimum.parameters
    notices = []
    for restraint in run.restraints:
        value = restraint.value({name: table.value(name) for name in restraint.names()})
        target = with_esd(restraint.target, restraint.esd)
        miss = (value - restraint.target) / restraint.esd
        notices.append(Notice("restraint", f"{restraint.label}: {value:.5g}, target {target}, {miss:+.1f} esds off"))
    return tuple(notices)


def _tie_displacements(parameters: Parameters, phase: Phase, named: set[str]) -> None:
    """Tie the displacement factors of each element group, except those that the user names."""
    for group in displacement_groups(phase):
        leader, *others = [name for name in group if name not in named] or group[:1]
        for name in others:
            parameters.tie(name, leader, offset=parameters.value(name) - parameters.value(leader))


def _lock_hardware_cell(parameters: Parameters, phase: Phase, named: set[str]) -> None:
    """Fix the unit cell of cell hardware, except the parameters that the user names.

    The lattice parameter of a metal is known better than the position of a foil, and the data rarely distinguish them.
    """
    if phase.hardware:
        cell = [slot_name(phase, name) for name in CELL_NAMES]
        parameters.lock(name for name in cell if name not in named and parameters.can_vary(name))
