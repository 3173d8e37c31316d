"""The common parameters of a series, determined by a joint refinement of its seed frames.

The seed frames are fitted one by one, phases without certain support are searched (see `phase_search`), and the shared
parameters are then refined over all seed frames at once.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np

from layerox.diffraction.least_squares import Data, Histogram, Minimum, minimise_jointly
from layerox.diffraction.parameters import Parameters, Tie
from layerox.diffraction.priors import PriorRestraint, prior_restraints, priors_of
from layerox.diffraction.serial_correlation import factor_of_runs, sums_of_runs
from layerox.pattern import Pattern
from layerox.series.executor import Executor
from layerox.series.frame_setup import Frame, SeriesSetup
from layerox.series.refinement.cell_interpolation import levels_of
from layerox.series.refinement.common_parameters import (
    POSITION,
    CommonParameters,
    SeedFrame,
    estimated_common_parameters,
    fitted_seed_frame,
    seed_indices,
)
from layerox.series.refinement.frame_model import FrameModel, FrameState, PhaseSubset
from layerox.series.refinement.phase_presence import PhaseLevel
from layerox.series.refinement.phase_search import search_indices, searched_phases
from layerox.series.refinement.undistinguished_phases import series_groups, without_represented

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
    found = _refined(_with_common_zero(common), patterns)
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
        names.append([name if name in shared else f"scout{k}_{name}" for name in table.names])
    joint = _merged(names, [table for _, _, table in parts])
    histograms = [
        Histogram(view.model, data, tuple(own[: len(view.model.names)]))
        for own, (view, data, _) in zip(names, parts, strict=True)
    ]
    minimum = _minimised_with_priors(histograms, joint, _priors(common, joint, parts))
    found = minimum.parameters
    values = {**common.values, **{name: found.value(name) for name in shared if name in found.index}}
    seed_frames = tuple(
        replace(place.seed, values={own: found.value(name) for own, name in zip(table.names, theirs, strict=True)})
        for place, theirs, (_, _, table) in zip(places, names, parts, strict=True)
    )
    esds = {name: minimum.esd(name) for name in shared if name in found.index}
    return replace(common, values=values, seed_frames=seed_frames, esds=esds)


def _minimised_with_priors(
    histograms: Sequence[Histogram], table: Parameters, priors: Sequence[PriorRestraint]
) -> Minimum:
    """Return the joint minimum; priors are weighted for the goodness of fit of the first steps."""
    first = minimise_jointly(histograms, table, tolerance=0.3, most_evaluations=FIRST_STEPS, restraints=priors)
    residuals = [(c.total - h.data.intensity) * h.data.weight for h, c in zip(histograms, first.patterns, strict=True)]
    runs, squares = np.sum([sums_of_runs(row) for row in residuals], axis=0)
    # What misleads about positions is the same misfit in every frame: many frames know no more of it than one.
    spread = max(first.reduced_chi_squared, 1.0) ** 0.5
    serial = factor_of_runs(runs, squares) * len(histograms) ** 0.5
    weighted = [prior.weighted(spread * (serial if prior.is_of_position else 1.0)) for prior in priors]
    return minimise_jointly(
        histograms, first.parameters, tolerance=0.03, most_evaluations=MOST_STEPS - FIRST_STEPS, restraints=weighted
    )


def _priors(
    common: CommonParameters, joint: Parameters, parts: Sequence[tuple[PhaseSubset, Data, Parameters]]
) -> list[PriorRestraint]:
    """Return the priors of a common zero and of the atoms of the phases in the seed frames, as restraints."""
    setup = common.setup
    instrumental = [prior for prior in priors_of([], joint, instrument=setup.instrument) if prior.name in common.shared]
    found = {row.name: row for row in prior_restraints(instrumental, joint, set())}
    for view, _, table in parts:
        present = {phase.name for phase in view.model.phases}
        priors = priors_of([phase for phase in setup.phases if phase.name in present], table)
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


def _with_common_zero(common: CommonParameters) -> CommonParameters:
    """Return common parameters with one zero for all seed frames, and their displacements changed accordingly."""
    zero, displacement = POSITION
    if zero not in common.shared:
        return common
    value = float(np.median([seed.values[zero] for seed in common.seed_frames]))
    seeds = []
    for seed in common.seed_frames:
        theta = np.radians(0.25 * sum(seed.limits))
        shift = float(np.degrees(-2.0 * np.cos(theta) / common.instrument.radius_mm))
        moved = seed.values[displacement] + (seed.values[zero] - value) / shift
        seeds.append(replace(seed, values={**seed.values, zero: value, displacement: moved}))
    return replace(common, values={**common.values, zero: value}, seed_frames=tuple(seeds))


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
