"""The common parameters of a series, determined by a joint refinement of its seed frames.

The seed frames are fitted one by one, phases without certain support are searched (see `phase_search`), and the shared
parameters are then refined over all seed frames at once.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np

from layerox.diffraction.least_squares import minimise_jointly
from layerox.diffraction.minimum import Data, Histogram, Minimum
from layerox.diffraction.parameters import Parameters, Tie, slot_name
from layerox.diffraction.phase import Phase
from layerox.diffraction.prior import PriorRestraint
from layerox.diffraction.priors import prior_restraints, priors_of
from layerox.diffraction.restraints import RenamedRestraint, Restraint
from layerox.diffraction.serial_correlation import serial_factor
from layerox.pattern import Pattern
from layerox.series.common_uncertainty import common_scale_covariance
from layerox.series.executor import Executor
from layerox.series.frame_setup import Frame, SeriesSetup
from layerox.series.refinement.cell_interpolation import levels_of
from layerox.series.refinement.common_parameters import (
    POSITION,
    CommonParameters,
    PositionChoice,
    SeedFrame,
    estimated_common_parameters,
    fitted_seed_frame,
    seed_indices,
)
from layerox.series.refinement.frame_model import FrameModel, FrameState, PhaseSubset
from layerox.series.refinement.own_atoms import seed_frame_priors
from layerox.series.refinement.phase_presence import PhaseLevel
from layerox.series.refinement.phase_search import search_indices, searched_phases
from layerox.series.refinement.undistinguished_phases import series_groups, without_represented
from layerox.typing import FloatArray

# Chi-squared, over its reduced value, by which zero and displacement must differ over all seed frames.
AMBIGUOUS = 20.0
# Rise of chi-squared for each seed frame without one of them above which both are wrong; a misfit of the profile at low
# angles causes half of it.
BOTH_WRONG = 30.0
# Evaluations of the joint refinement, and those of its first part.
MOST_STEPS, FIRST_STEPS = 20, 8


@dataclass(frozen=True, eq=False)
class _SeedModel:
    """One seed frame with its model."""

    seed: SeedFrame
    pattern: Pattern
    frame_model: FrameModel
    state: FrameState

    def ready(self) -> tuple[PhaseSubset, Data, Parameters]:
        return self.frame_model.ready(self.pattern, self.state)


def refined_together(common: CommonParameters, patterns: Mapping[int, Pattern]) -> CommonParameters:
    """Return common parameters, refined jointly with those of each seed frame over all seed frames.

    Parameters
    ----------
    common
        Estimated from the separately fitted seed frames.
    patterns
        Of the seed frames that are refined jointly, by frame; the other seed frames stay as they are.
    """
    others = [seed for seed in common.seed_frames if seed.frame not in patterns]
    common = replace(common, seed_frames=tuple(s for s in common.seed_frames if s.frame in patterns))
    if not common.seed_frames:
        return replace(common, seed_frames=tuple(others))
    found = _refined(_position_settled(common, patterns), patterns)
    return replace(found, seed_frames=tuple(sorted([*found.seed_frames, *others], key=lambda seed: seed.frame)))


def _refined(common: CommonParameters, patterns: Mapping[int, Pattern]) -> CommonParameters:
    """Return common parameters refined jointly over the seed frames."""
    places = _places(common, patterns)
    shared = {name for name in common.shared if any(name in place.ready()[2].index for place in places)}
    if not shared:
        return common
    parts, names = [], []
    for k, place in enumerate(places):
        view, data, table = place.ready()
        table.free(name for name in shared if name in table.index and _is_strong(place, name))
        parts.append((view, data, table))
        names.append([name if name in shared else f"frame{k}_{name}" for name in table.names])
    joint = _merged(names, [table for _, _, table in parts])
    histograms = [
        Histogram(view.model, data, tuple(own[: len(view.model.names)]))
        for own, (view, data, _) in zip(names, parts, strict=True)
    ]
    own = _own_restraints([view for view, _, _ in parts], names)
    minimum = _minimised_with_priors(histograms, joint, [*_priors(common, joint, parts), *own])
    found = minimum.parameters
    values = {**common.values, **{name: found.value(name) for name in shared if name in found.index}}
    seed_frames = tuple(
        replace(place.seed, values={own: found.value(name) for own, name in zip(table.names, theirs, strict=True)})
        for place, theirs, (_, _, table) in zip(places, names, parts, strict=True)
    )
    esds = {name: minimum.esd(name) for name in shared if name in found.index}
    scales = [
        {
            phase.name: f"frame{k}_{slot_name(phase, 'scale')}"
            for phase, level in zip(place.frame_model.phases, place.state.levels, strict=True)
            if level == PhaseLevel.WIDTHS
        }
        for k, place in enumerate(places)
    ]
    covariance = common_scale_covariance(minimum, shared, scales)
    priors = _frame_priors(common, minimum, len(places))
    return replace(
        common, values=values, seed_frames=seed_frames, esds=esds, scale_covariance=covariance, priors=priors
    )


def _own_restraints(views: Sequence[PhaseSubset], names: Sequence[Sequence[str]]) -> Iterator[Restraint]:
    """Yield the restraints of each seed frame, with the names that its quantities have in the joint refinement.

    An observation of the user is one of the series: all seed frames together have its weight.
    """
    for view, own in zip(views, names, strict=True):
        renamed = dict(zip(view.table.names, own, strict=True))
        for restraint in view.restraints:
            if isinstance(restraint, PriorRestraint):
                yield replace(restraint, name=renamed[restraint.name])
            else:
                esd = restraint.esd * len(views) ** 0.5
                yield RenamedRestraint(target=restraint.target, esd=esd, restraint=restraint, renamed=renamed)


def _frame_priors(common: CommonParameters, minimum: Minimum, frames: int) -> tuple[PriorRestraint, ...]:
    """Return the priors of what each frame refines of its own atoms, from the seed frames that determine it."""
    table, free = minimum.parameters, set(minimum.parameters.free_names)
    found = []
    for prior in common.priors:
        names = [name for k in range(frames) if (name := f"frame{k}_{prior.name}") in free]
        found.append([(table.value(name), esd) for name in names if (esd := minimum.esd(name)) > 0])
    return seed_frame_priors(common.priors, found, max(minimum.reduced_chi_squared, 1.0) ** 0.5)


def _minimised_with_priors(
    histograms: Sequence[Histogram], table: Parameters, restraints: Sequence[Restraint]
) -> Minimum:
    """Return the joint minimum; priors are weighted for the goodness of fit of the first steps."""
    first = minimise_jointly(histograms, table, tolerance=0.3, most_evaluations=FIRST_STEPS, restraints=restraints)
    spread = max(first.reduced_chi_squared, 1.0) ** 0.5
    weighted = [one.weighted(spread) if isinstance(one, PriorRestraint) else one for one in restraints]
    return minimise_jointly(
        histograms, first.parameters, tolerance=0.03, most_evaluations=MOST_STEPS - FIRST_STEPS, restraints=weighted
    )


def _priors(
    common: CommonParameters, joint: Parameters, parts: Sequence[tuple[PhaseSubset, Data, Parameters]]
) -> list[PriorRestraint]:
    """Return the priors of what the seed frames share, as restraints of the joint refinement.

    They are those of the atoms and cells of the phases, and of the diffractometer if it is not calibrated.
    """
    setup = common.setup
    found: dict[str, PriorRestraint] = {}
    for view, _, table in parts:
        present = {phase.name for phase in view.model.phases}
        phases = [phase for phase in setup.phases if phase.name in present]
        instrument = common.instrument if setup.instrument.profile is None else None
        priors = priors_of(phases, table, setup.plan.priors, instrument, setup.radiation, of_others=True)
        found |= {row.name: row for row in prior_restraints(priors, joint, set()) if not setup.plan.is_named(row.name)}
    return list(found.values())


def _is_strong(place: _SeedModel, name: str) -> bool:
    """Whether a seed frame determines a quantity: those of a phase need strong support of it."""
    for phase, level in zip(place.frame_model.phases, place.state.levels, strict=True):
        if place.frame_model.belongs(phase, name):
            return level == PhaseLevel.WIDTHS
    return True


def _places(common: CommonParameters, patterns: Mapping[int, Pattern]) -> list[_SeedModel]:
    frame_models: dict[bytes, FrameModel] = {}
    places = []
    for seed in common.seed_frames:
        pattern = patterns[seed.frame]
        grid = pattern.two_theta.tobytes()
        if grid not in frame_models:
            frame_models[grid] = FrameModel(common, pattern)
        frame_model = frame_models[grid]
        values = {name: value for name, value in seed.values.items() if name not in common.shared}
        places.append(_SeedModel(seed, pattern, frame_model, frame_model.start(values, levels_of(common, seed))))
    return places


def _merged(names: Sequence[Sequence[str]], tables: Sequence[Parameters]) -> Parameters:
    """Return one table of all quantities; what several tables share has the values that the first of them gives."""
    joint = Parameters(list(dict.fromkeys(name for own in names for name in own)), np.zeros(0))
    joint.values = np.zeros(len(joint.names))
    known: set[str] = set()
    for own, table in zip(names, tables, strict=True):
        places = {k: joint.index[name] for k, name in enumerate(own)}
        for k, at in places.items():
            if own[k] not in known:
                joint.values[at], joint.lower[at], joint.upper[at] = table.values[k], table.lower[k], table.upper[k]
            joint.vary[at] |= table.vary[k]
        known |= set(own)
        joint.ties |= {places[k]: Tie(places[t.leader], t.factor, t.offset) for k, t in table.ties.items()}
        joint.locked |= {places[k] for k in table.locked}
        joint.expressions |= {places[k]: e.moved(places) for k, e in table.expressions.items()}
    return joint


def _position_settled(common: CommonParameters, patterns: Mapping[int, Pattern]) -> CommonParameters:
    """Choose between zero error and specimen displacement over all seed frames."""
    both = [name for name in POSITION if name in common.free]
    if len(both) < 2:
        return common
    together, reduced, _ = _over_seed_frames(common, patterns)
    rise, refined = {}, {}
    for name in both:
        (other,) = set(both) - {name}
        alone = replace(common, free=common.free - {other}, values={**common.values, other: 0.0})
        chi_squared, _, refined[name] = _over_seed_frames(alone, patterns, without=other)
        rise[name] = float(((chi_squared - together) / reduced).sum())
    better, worse = sorted(both, key=lambda name: rise[name])
    if rise[worse] - rise[better] < AMBIGUOUS or rise[better] > BOTH_WRONG * len(common.seed_frames):
        return common
    values = {**common.values, worse: 0.0}
    seed_frames = tuple(
        replace(seed, values={**seed.values, **found, worse: 0.0})
        for seed, found in zip(common.seed_frames, refined[better], strict=True)
    )
    shifts = {phase.name: found for phase in common.setup.phases if (found := _shifts(phase, refined, better, worse))}
    position = PositionChoice(refined=better, held=worse, shifts=shifts, rise=rise[worse] - rise[better])
    return replace(common, free=common.free - {worse}, values=values, seed_frames=seed_frames, position=position)


def _shifts(
    phase: Phase, refined: Mapping[str, Sequence[Mapping[str, float]]], better: str, worse: str
) -> tuple[float, float] | None:
    """Return the least and the largest relative change of a phase's lengths in seed frames, from one to the other."""
    names = [slot_name(phase, length) for length in "abc"]
    pairs = list(zip(refined[better], refined[worse], strict=True))
    found = [other[name] / own[name] - 1.0 for own, other in pairs for name in names if name in own and name in other]
    return (min(found), max(found)) if found else None


def _over_seed_frames(
    common: CommonParameters, patterns: Mapping[int, Pattern], without: str = ""
) -> tuple[FloatArray, FloatArray, list[dict[str, float]]]:
    """Return chi-squared, its reduced value (at least one) and the variables of each seed frame refined alone."""
    seed_frames = common.seed_frames
    if without:
        seed_frames = tuple(replace(seed, values={**seed.values, without: 0.0}) for seed in seed_frames)
    places = _places(replace(common, seed_frames=seed_frames), patterns)
    minima = [place.frame_model.minimised(place.pattern, place.state, tolerance=0.03)[1] for place in places]
    # A misfit of the profile, with serially correlated residuals, says little of positions.
    misfits = [
        (m.calculated.total - place.pattern.intensity) / place.pattern.sigma
        for place, m in zip(places, minima, strict=True)
    ]
    reduced = np.array([max(minimum.reduced_chi_squared, 1.0) for minimum in minima])
    reduced *= np.array([serial_factor(row) ** 2 for row in misfits])
    found = [{name: m.parameters.value(name) for name in m.parameters.free_names} for m in minima]
    return np.array([minimum.chi_squared for minimum in minima]), reduced, found


def determined_common_parameters(
    setup: SeriesSetup, frames: Sequence[Frame], first: Pattern, where: Executor
) -> CommonParameters:
    """Return the common parameters of all frames.

    Parameters
    ----------
    setup
        The setup of the series.
    frames
        Frames of the series, numbered in order.
    first
        Any readable pattern.
    where
        The executor of the tasks.
    """
    indices = seed_indices(len(frames))
    seeds = _fitted(setup, frames, where)
    if groups := series_groups(setup, seeds):
        setup = without_represented(setup, groups)
        seeds = _fitted(setup, frames, where)
    common = replace(estimated_common_parameters(setup, seeds, first), alike=groups)
    if common.seed_frames:
        searched = [frames[k] for k in search_indices(len(frames))]
        ((_, common),) = where.run(searched_phases, [(0, (common, searched))], at_once=True)
    together = set(indices) & {seed.frame for seed in common.seed_frames}
    patterns = {k: setup.reading.pattern(frames[k]) for k in sorted(together)}
    return refined_together(common, patterns)


def _fitted(setup: SeriesSetup, frames: Sequence[Frame], where: Executor) -> list[SeedFrame]:
    """Return the seed frames fitted from scratch, in order."""
    indices = seed_indices(len(frames))
    found = dict(where.run(fitted_seed_frame, ((k, (setup, frames[k])) for k in indices), at_once=True))
    return [seed for k in indices if (seed := found[k]) is not None]
