"""Prepare: what every strategy starts from and ends with: a model with its table of parameters, and an outcome."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

import numpy as np

from layerox.diffraction.background import refuse_outside
from layerox.diffraction.constraints import parameters_of
from layerox.diffraction.intensity_extraction import StepwiseExtraction, is_extracted, prepare_extraction
from layerox.diffraction.least_squares import Data, Minimum
from layerox.diffraction.model import Model
from layerox.diffraction.parameters import Parameters, slot_name
from layerox.diffraction.phase import Phase
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
# Height at which a peak's tail is cut, in units of the median sigma.
TAIL = 0.005
# A phase stands when (scale over its esd)^2 reaches this.
SUPPORT_SQUARED = 10.0
# The share of the starting width that is taken as Gaussian.
GAUSSIAN_SHARE = 0.6
# How a step is called that leaves a phase out.
PHASE_LEFT_OUT = "phase "


@dataclass(frozen=True, kw_only=True)
class AlikePhases:
    """Phases that a pattern does not distinguish.

    Attributes
    ----------
    members
        Their names; the first is the one that the model holds for all of them.
    spread
        Largest change of the weight fraction of the group if another member takes its place.
    threshold, change
        The change of chi-squared (over its reduced value) below which phases are alike, and the largest one found.
    """

    members: tuple[str, ...]
    spread: float
    threshold: float
    change: float


@dataclass(frozen=True, eq=False)
class Outcome:
    """What a strategy reached.

    Attributes
    ----------
    model, minimum
        The model of all phases, and where it ended.
    steps
        The record.
    unsupported
        For each phase that the data do not support: its scale over its standard uncertainty when it was last let go,
        and that uncertainty.
    evaluations
        Number of patterns computed with their derivatives.
    remarks
        What the strategy noticed and a user should know.
    alike
        Phases that the pattern does not distinguish.
    """

    model: Model
    minimum: Minimum
    steps: tuple[RefinementStep, ...]
    unsupported: dict[str, tuple[float, float]]
    evaluations: int
    remarks: tuple[Notice, ...] = ()
    alike: tuple[AlikePhases, ...] = ()


def prepared(
    pattern: Pattern,
    phases: Sequence[Phase],
    instrument: Instrument,
    radiation: Radiation,
    plan: Plan,
    background_terms: int,
    progress: Callable[[str], None] | None = None,
) -> StepwiseRefinement:
    """Return a course that has not begun: nothing varies but what the plan adds; the plan's own terms come first.

    Parameters
    ----------
    pattern, phases, radiation
        The data, the starting structures and the beam.
    instrument
        The diffractometer, its profile given.
    plan
        What the user demands.
    background_terms
        Number of Chebyshev terms where the plan has no opinion.
    progress
        Called with the name of every step.
    """
    terms = background_terms if plan.background_terms is None else plan.background_terms
    tail = TAIL * float(np.median(pattern.sigma))
    refuse_outside(plan.extras, pattern.range)
    model = Model(
        pattern.two_theta, phases, instrument, radiation, background_terms=terms, tail=tail, extras=plan.extras
    )
    parameters = parameters_of(model)
    plan.apply(parameters)
    named = plan.named(parameters)
    for phase in phases:
        _tie_displacements(parameters, phase, named)
        _hold_hardware(parameters, phase, named)
    kind = StepwiseExtraction if any(map(is_extracted, phases)) else StepwiseRefinement
    prepare_extraction(model, parameters, float(np.ptp(pattern.intensity)))
    restraints = restraints_of(plan.restraints, phases)
    return kind(model, Data(pattern.intensity, 1.0 / pattern.sigma), parameters, progress, restraints)


def with_starting_widths(instrument: Instrument, pattern: Pattern) -> Instrument:
    """Return the instrument with a profile: its own, or one about as wide as the strongest peak."""
    if instrument.profile is not None:
        return instrument
    width = peak_width(pattern.two_theta, pattern.intensity)
    return replace(instrument, profile=Profile(w=(GAUSSIAN_SHARE * width) ** 2))


def scale_support(run: StepwiseRefinement, phase: Phase) -> tuple[float, float]:
    """Return the scale of a phase over its standard uncertainty, and that uncertainty, where the course stands.

    The uncertainty is that for the present texture: a strong one leaves the amount open, not that the phase is there.
    """
    minimum, name = run.minimum, slot_name(phase, "scale")
    esd = minimum.esd_holding(name, [slot_name(phase, "preferred_orientation")])
    return (minimum.parameters.value(name) / esd if esd > 0 else 0.0), esd


def drop_phase(run: StepwiseRefinement, phase: Phase, support: float) -> None:
    """Take a phase out of a refinement: its scale becomes zero, its other quantities stay where they are."""
    names = {slot_name(phase, slot) for slot in phase.slot_names}
    own = [name for name in run.parameters.free_names if name in names]
    run.parameters.assign(slot_name(phase, "scale"), 0.0)
    run.hold(f"{PHASE_LEFT_OUT}{phase.name}", own, f"its scale is {support:.1f} standard uncertainties")


def with_absent_phases(part: StepwiseRefinement, whole: StepwiseRefinement) -> StepwiseRefinement:
    """Return the course of all phases where that of some of them stands: the others have a scale of zero.

    Parameters
    ----------
    part
        A course of some of the phases that has been refined.
    whole
        A course of all of them that has not begun; it is changed and returned.
    """
    table, minimum = whole.parameters, part.minimum
    for phase in whole.model.phases:
        table.values[table.find(slot_name(phase, "scale"))] = 0.0
        table.values[table.find(slot_name(phase, "inverse_size"))] = _usual(part, "inverse_size")
    found = minimum.parameters
    places = table.places(found.names)
    table.values[places], table.vary[places] = found.values, found.vary
    calculated = whole.model.calculated(table.values[: len(whole.model.names)])
    whole.model.reach_scales = _reach_scales(part, whole)
    whole.steps, whole.evaluations = part.steps, part.evaluations
    whole.adopt(replace(minimum, parameters=table, patterns=(calculated,)))
    return whole


def _usual(run: StepwiseRefinement, slot: str) -> float:
    """Return the median of a quantity over the phases of a course."""
    return float(np.median([run.parameters.value(slot_name(phase, slot)) for phase in run.model.phases]))


def _reach_scales(part: StepwiseRefinement, whole: StepwiseRefinement) -> np.ndarray:
    """Return the scales down to which tails are drawn, for all phases."""
    height = max(float(np.ptp(whole.data.intensity)), 1e-300)
    scales = 0.01 * plausible_scales(whole.model, whole.parameters.values, height)
    for phase, scale in zip(part.model.phases, part.model.reach_scales, strict=True):
        scales[[p.name for p in whole.model.phases].index(phase.name)] = scale
    return scales


def restraint_warnings(run: StepwiseRefinement) -> tuple[Notice, ...]:
    """Return how each restraint was met."""
    table = run.minimum.parameters
    remarks = []
    for restraint in run.restraints:
        value = restraint.value({name: table.value(name) for name in restraint.names()})
        target = with_esd(restraint.target, restraint.esd)
        miss = (value - restraint.target) / restraint.esd
        remarks.append(Notice("restraint", f"{restraint.label}: {value:.5g}, target {target}, {miss:+.1f} esds off"))
    return tuple(remarks)


def displacement_groups(phase: Phase) -> list[list[str]]:
    """Return the names of the displacement factors of each element group: the sites that hold the same elements.

    The smallest comes first in its group.
    """
    groups: dict[tuple[str, ...], list[tuple[float, str]]] = {}
    crystal = phase.crystal
    for members in crystal.mixed_sites:
        elements = tuple(sorted({crystal.sites[k].element for k in members}))
        for k in members:
            name = slot_name(phase, f"{crystal.sites[k].label}_u_iso")
            groups.setdefault(elements, []).append((crystal.sites[k].u_iso, name))
    return [[name for _, name in sorted(group)] for group in groups.values()]


def _tie_displacements(parameters: Parameters, phase: Phase, named: set[str]) -> None:
    """Let the displacement factors of each element group move together, but for those that the user has named."""
    for group in displacement_groups(phase):
        leader, *others = [name for name in group if name not in named] or group[:1]
        for name in others:
            parameters.tie(name, leader, offset=parameters.value(name) - parameters.value(leader))


def _hold_hardware(parameters: Parameters, phase: Phase, named: set[str]) -> None:
    """Hold the cell of what belongs to the cell, but for what the user has named of it.

    The lattice parameter of a metal is known better than the place of a foil, and the data rarely tell the two apart.
    """
    if phase.hardware:
        cell = [slot_name(phase, name) for name in CELL_NAMES]
        parameters.lock(name for name in cell if name not in named and parameters.can_vary(name))


def coordinates(phase: Phase) -> list[str]:
    """Return the names of all coordinates of a phase, those that symmetry fixes included."""
    return [slot_name(phase, f"{site.label}_{axis}") for site in phase.crystal.sites for axis in "xyz"]
