"""Joint fit: several patterns of one specimen refined together, for example X-rays and neutrons.

The common parameters are cells, atoms, and the proportion of the phases. Each measurement has its own background,
diffractometer, overall scale, texture and widths (profiles are rarely known equally well). A measurement with a less
accurate wavelength than the first one may have one common scale factor for its cells.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace

import numpy as np

from layerox.diffraction.atom_parameters import coordinates, displacement_groups
from layerox.diffraction.least_squares import minimise_jointly
from layerox.diffraction.minimum import Data, Histogram, Minimum
from layerox.diffraction.model_setup import Outcome
from layerox.diffraction.parameters import Parameters, Tie, slot_name
from layerox.diffraction.phase import Phase
from layerox.diffraction.prior import PriorRestraint
from layerox.diffraction.priors import prior_restraints
from layerox.diffraction.refinement_steps import GAIN_PER_VARIABLE
from layerox.errors import InputError
from layerox.pattern import Pattern
from layerox.symmetry import CELL_NAMES

STRETCH, OVERALL = "stretch", "overall_scale"
STRETCH_RANGE = 0.005
OWN_OF_MEASUREMENT = ("inverse_size", "microstrain", "preferred_orientation", "displacement")
LENGTHS = CELL_NAMES[:3]


@dataclass(frozen=True, eq=False)
class JointOutcome:
    """The result of a joint refinement.

    Attributes
    ----------
    minimum
        Over all patterns.
    views
        The outcome for each pattern, as of a refinement of it alone: its own names first, with the joint covariance.
    """

    minimum: Minimum
    views: tuple[Outcome, ...]


def refine_jointly(labels: Sequence[str], outcomes: Sequence[Outcome], patterns: Sequence[Pattern]) -> JointOutcome:
    """Refine several patterns together, from the minima of the single refinements.

    Parameters
    ----------
    labels
        Prefix of the parameters of each measurement, such as "neutron".
    outcomes, patterns
        Of the single refinements, with phases of the same names and sites.

    Raises
    ------
    InputError
        If a phase is supported by none of the patterns, or labels are not unique.
    """
    if len(set(labels)) < len(labels):
        raise InputError(f"labels {', '.join(labels)}", place="joint refinement", cure="give each pattern its own")
    names = [
        _joint_names(label, outcome, first=label == labels[0]) for label, outcome in zip(labels, outcomes, strict=True)
    ]
    table = _merged(names, outcomes)
    histograms = []
    for own, outcome, pattern in zip(names, outcomes, patterns, strict=True):
        data = Data(pattern.intensity, 1.0 / pattern.sigma)
        histograms.append(Histogram(outcome.model, data, tuple(own[: len(outcome.model.names)])))
    for label, outcome in zip(labels[1:], outcomes[1:], strict=True):
        _share_proportions(table, label, outcome.model.phases)
        _stretch_cells(table, label, outcome.model.phases)
    priors = [*_weighted_priors(outcomes, table), *_priors_of_measurements(labels, outcomes, table)]
    found = minimise_jointly(histograms, table, restraints=priors)
    for label in labels[1:]:
        found = _without_idle_stretch(histograms, found, f"{label}_{STRETCH}", priors)
    phases = outcomes[0].model.phases
    atoms = [name for phase in phases for group in displacement_groups(phase) for name in group[:1]]
    atoms += [name for phase in phases for name in coordinates(phase)]
    found = _freed_if_better(histograms, found, atoms, priors)
    views = [_view(found, own, outcome, k) for k, (own, outcome) in enumerate(zip(names, outcomes, strict=True))]
    return JointOutcome(found, tuple(views))


def _weighted_priors(outcomes: Sequence[Outcome], table: Parameters) -> list[PriorRestraint]:
    """Return the priors of the common atoms, weighted for the goodness of fit of all single refinements."""
    freedom = sum(outcome.minimum.points - len(outcome.minimum.at_bound) for outcome in outcomes)
    reduced = sum(outcome.minimum.chi_squared for outcome in outcomes) / max(freedom, 1)
    priors = prior_restraints(outcomes[0].priors, table, set())
    return [prior.weighted(max(reduced, 1.0) ** 0.5) for prior in priors]


def _priors_of_measurements(
    labels: Sequence[str], outcomes: Sequence[Outcome], table: Parameters
) -> Iterator[PriorRestraint]:
    """Yield the priors of what belongs to one measurement, weighted as in its single refinement."""
    for label, outcome in zip(labels, outcomes, strict=True):
        spreads = outcome.minimum.prior_spread
        for restraint in (restraint for prior in outcome.priors if (restraint := prior.restraint()) is not None):
            own = f"{label}_{restraint.name}"
            if own in table.index and table.can_vary(own) and restraint.name in spreads:
                yield replace(restraint, name=own).weighted(spreads[restraint.name])


def _joint_names(label: str, outcome: Outcome, *, first: bool) -> list[str]:
    """Return the names of the parameters of one pattern in the joint table."""
    own: set[str] = set()
    for phase in outcome.model.phases:
        slots = [
            *OWN_OF_MEASUREMENT,
            *phase.correction_slots,
            *(() if first else ("scale", *LENGTHS, *phase.length_slots)),
        ]
        own |= {slot_name(phase, slot) for slot in slots}
    shared = {slot_name(phase, slot) for phase in outcome.model.phases for slot in phase.slot_names} - own
    return [name if name in shared else f"{label}_{name}" for name in outcome.minimum.parameters.names]


def _merged(names: Sequence[Sequence[str]], outcomes: Sequence[Outcome]) -> Parameters:
    """Return one table of all parameters; common ones have the value with the smallest standard uncertainty."""
    joint = Parameters(list(dict.fromkeys(name for own in names for name in own)), np.zeros(0))
    joint.values = np.zeros(len(joint.names))
    known: dict[str, float] = {}
    for own, outcome in zip(names, outcomes, strict=True):
        table = outcome.minimum.parameters
        for k, name in enumerate(own):
            at = joint.index[name]
            esd = outcome.minimum.esd(table.names[k]) if table.vary[k] else np.inf
            if name not in known or esd < known[name]:
                known[name] = esd
                joint.values[at], joint.lower[at], joint.upper[at] = table.values[k], table.lower[k], table.upper[k]
            joint.vary[at] |= table.vary[k]
            if k in table.ties:
                tie = table.ties[k]
                joint.ties[at] = Tie(joint.index[own[tie.leader]], tie.factor, tie.offset)
            if k in table.locked:
                joint.locked.add(at)
        places = {k: joint.index[name] for k, name in enumerate(own)}
        joint.expressions |= {places[k]: expression.moved(places) for k, expression in table.expressions.items()}
    return joint


def _share_proportions(table: Parameters, label: str, phases: Sequence[Phase]) -> None:
    """Constrain the scales of a later measurement to those of the first one times one factor."""
    scales = [slot_name(phase, "scale") for phase in phases]
    first = max(scales, key=table.value)
    if table.value(first) <= 0:
        raise InputError("no phase has a scale", place=label, cure="fit the patterns one by one first")
    table.add(f"{label}_{OVERALL}", table.value(f"{label}_{first}") / table.value(first), 0.0)
    for scale in scales:
        table.vary[table.find(f"{label}_{scale}")] = False
        table.locked.discard(table.find(f"{label}_{scale}"))
        table.express(f"{label}_{scale}", f"{scale} * {label}_{OVERALL}")


def _stretch_cells(table: Parameters, label: str, phases: Sequence[Phase]) -> None:
    name = f"{label}_{STRETCH}"
    lengths = [slot_name(phase, slot) for phase in phases for slot in phase.length_slots]
    ratios = [table.value(f"{label}_{length}") / table.value(length) for length in lengths]
    table.add(name, float(np.median(ratios)), 1.0 - STRETCH_RANGE, 1.0 + STRETCH_RANGE)
    for length in lengths:
        table.express(f"{label}_{length}", f"{length} * {name}")


def _without_idle_stretch(
    histograms: Sequence[Histogram], found: Minimum, name: str, priors: Sequence[PriorRestraint]
) -> Minimum:
    """Return the minimum without a scale factor of the cells, unless chi-squared then rises too much."""
    trial = found.parameters.copy()
    trial.fix([name])
    trial.assign(name, 1.0)
    without = minimise_jointly(histograms, trial, restraints=priors)
    rise = (without.objective - found.objective) / max(found.reduced_chi_squared, 1.0)
    return without if rise < GAIN_PER_VARIABLE else found


def _freed_if_better(
    histograms: Sequence[Histogram], found: Minimum, names: Sequence[str], priors: Sequence[PriorRestraint]
) -> Minimum:
    """Return the minimum with some parameters freed if it is better and none is at a bound, else the given one."""
    trial = found.parameters.copy()
    fresh = trial.free(names)
    if not fresh:
        return found
    freed = minimise_jointly(histograms, trial, restraints=priors)
    gain = (found.objective - freed.objective) / max(freed.reduced_chi_squared, 1.0)
    order = freed.parameters.free_names
    held = any(freed.at_bound[order.index(name)] for name in fresh)
    return freed if gain > GAIN_PER_VARIABLE * len(fresh) and not held else found


def _view(found: Minimum, own: Sequence[str], outcome: Outcome, index: int) -> Outcome:
    """Return the outcome for one pattern, with the joint minimum."""
    joint = found.parameters
    first = [joint.index[name] for name in own]
    order = first + sorted(set(range(len(joint.names))) - set(first))
    place = {k: at for at, k in enumerate(order)}
    names = [*outcome.minimum.parameters.names, *(joint.names[k] for k in order[len(first) :])]
    table = Parameters(names, joint.values[order])
    table.lower, table.upper, table.vary = joint.lower[order], joint.upper[order], joint.vary[order]
    table.locked = {place[k] for k in joint.locked}
    table.ties = {place[k]: Tie(place[tie.leader], tie.factor, tie.offset) for k, tie in joint.ties.items()}
    table.expressions = {place[k]: expression.moved(place) for k, expression in joint.expressions.items()}
    free = joint.free_indices.tolist()
    permuted = np.array([free.index(order[k]) for k in table.free_indices], dtype=int)
    known_as = {joint.names[k]: name for k, name in zip(order, names, strict=True)}
    minimum = replace(
        found,
        parameters=table,
        prior_curvature={known_as[name]: curvature for name, curvature in found.prior_curvature.items()},
        prior_spread={known_as[name]: spread for name, spread in found.prior_spread.items()},
        normal_matrix=found.normal_matrix[np.ix_(permuted, permuted)],
        at_bound=found.at_bound[permuted],
        patterns=(found.patterns[index],),
        next_step=None if found.next_step is None else found.next_step[permuted],
    )
    return replace(outcome, minimum=minimum)
