"""Shared: the scouts of a series refined together, so that what is the series' own comes from all of them at once."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np

from layerox.diffraction.least_squares import Data, Histogram, minimise_jointly
from layerox.diffraction.parameters import Parameters, Tie
from layerox.diffraction.refinement_steps import GAIN_PER_VARIABLE
from layerox.pattern import Pattern
from layerox.series.common_parameters import POSITION, Foundation, Scout
from layerox.series.frame_model import Bench, State, View
from layerox.series.phase_presence import ENTERED, Rung
from layerox.typing import FloatArray

# Chi-squared, over its reduced value, by which zero and displacement must differ over all scouts to be told apart.
AMBIGUOUS = 20.0


@dataclass(frozen=True, eq=False)
class _Place:
    """One scout at work."""

    scout: Scout
    pattern: Pattern
    bench: Bench
    state: State

    def ready(self) -> tuple[View, Data, Parameters]:
        return self.bench.ready(self.pattern, self.state)


def refined_together(foundation: Foundation, patterns: Mapping[int, Pattern]) -> Foundation:
    """Return the foundation with its shared quantities, and the scouts' own, refined over all scouts at once.

    Parameters
    ----------
    foundation
        As the scouts, each alone, have it.
    patterns
        Of the scouts that are refined together, by frame; the other sightings stay as they are.
    """
    others = [scout for scout in foundation.sightings if scout.frame not in patterns]
    foundation = replace(foundation, sightings=tuple(s for s in foundation.sightings if s.frame in patterns))
    if not foundation.sightings:
        return replace(foundation, sightings=tuple(others))
    found = _refined(_position_settled(foundation, patterns), patterns)
    return replace(found, sightings=tuple(sorted([*found.sightings, *others], key=lambda scout: scout.frame)))


def _refined(foundation: Foundation, patterns: Mapping[int, Pattern]) -> Foundation:
    """Return the foundation with what the sightings, all of which have patterns, say together."""
    places = _places(foundation, patterns)
    shared = {name for name in foundation.shared if any(name in place.ready()[2].index for place in places)}
    if not shared:
        return foundation
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
    minimum = minimise_jointly(histograms, joint, tolerance=0.03, most_evaluations=20)
    found = minimum.parameters
    values = {**foundation.values, **{name: found.value(name) for name in shared if name in found.index}}
    sightings = tuple(
        replace(place.scout, values={own: found.value(name) for own, name in zip(table.names, theirs, strict=True)})
        for place, theirs, (_, _, table) in zip(places, names, parts, strict=True)
    )
    esds = {name: minimum.esd(name) for name in shared if name in found.index}
    return replace(foundation, values=values, sightings=sightings, esds=esds)


def _is_strong(place: _Place, name: str) -> bool:
    """Whether a scout has a say about a quantity: those of a phase need the phase to show well."""
    for phase, rung in zip(place.bench.phases, place.state.rungs, strict=True):
        if place.bench.belongs(phase, name):
            return rung == Rung.WIDTHS
    return True


def _places(foundation: Foundation, patterns: Mapping[int, Pattern]) -> list[_Place]:
    benches: dict[bytes, Bench] = {}
    places = []
    for scout in foundation.sightings:
        pattern = patterns[scout.frame]
        grid = pattern.two_theta.tobytes()
        if grid not in benches:
            benches[grid] = Bench(foundation, pattern)
        bench = benches[grid]
        values = {name: value for name, value in scout.values.items() if name not in foundation.shared}
        places.append(_Place(scout, pattern, bench, bench.start(values, rungs_of(foundation, scout))))
    return places


def rungs_of(foundation: Foundation, scout: Scout) -> list[Rung]:
    """Return how much of each phase a scout bears."""
    found = []
    for name in foundation.setup.names:
        support = scout.supports.get(name, 0.0)
        higher = [rung for rung, least in ENTERED.items() if support >= least]
        found.append(max(higher, default=Rung.SCALE) if support > 0 else Rung.ABSENT)
    return found


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


def _position_settled(foundation: Foundation, patterns: Mapping[int, Pattern]) -> Foundation:
    """Decide over all scouts between a zero error and a displaced specimen, where single ones do not agree."""
    both = [name for name in POSITION if name in foundation.free]
    if len(both) < 2:
        return foundation
    together, reduced = _over_scouts(foundation, patterns)
    rise = {}
    for name in both:
        (other,) = set(both) - {name}
        alone = replace(foundation, free=foundation.free - {other}, values={**foundation.values, other: 0.0})
        chi_squared, _ = _over_scouts(alone, patterns, without=other)
        rise[name] = float(((chi_squared - together) / reduced).sum())
    better, worse = sorted(both, key=lambda name: rise[name])
    if rise[worse] - rise[better] < AMBIGUOUS or rise[better] > GAIN_PER_VARIABLE * len(foundation.sightings):
        return foundation
    values = {**foundation.values, worse: 0.0}
    sightings = tuple(replace(scout, values={**scout.values, worse: 0.0}) for scout in foundation.sightings)
    return replace(foundation, free=foundation.free - {worse}, values=values, sightings=sightings)


def _over_scouts(
    foundation: Foundation, patterns: Mapping[int, Pattern], without: str = ""
) -> tuple[FloatArray, FloatArray]:
    """Return chi-squared and its reduced value (at least one) of each scout refined by itself."""
    sightings = foundation.sightings
    if without:
        sightings = tuple(replace(scout, values={**scout.values, without: 0.0}) for scout in sightings)
    places = _places(replace(foundation, sightings=sightings), patterns)
    minima = [place.bench.minimised(place.pattern, place.state, tolerance=0.03)[1] for place in places]
    reduced = np.array([max(minimum.reduced_chi_squared, 1.0) for minimum in minima])
    return np.array([minimum.chi_squared for minimum in minima]), reduced
