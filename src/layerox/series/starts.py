"""Starts: where the refinement of a frame begins when no frame beside it has been refined, or those have gone a way."""

from __future__ import annotations

from dataclasses import replace

from layerox.diffraction.parameters import is_background, slot_name
from layerox.series.cell_interpolation import Homes, gone_on
from layerox.series.common_parameters import Foundation
from layerox.series.frame_checks import Fit
from layerox.series.frame_model import Bench, State
from layerox.series.phase_presence import Rung
from layerox.series.seed_refinement import rungs_of
from layerox.symmetry import CELL_NAMES


def state_at(index: int, foundation: Foundation, homes: Homes, bench: Bench) -> State:
    """Return where a frame starts: as the nearest sighting, the cells where the sightings around it have them."""
    scouts = foundation.sightings
    if not scouts:
        return bench.start({}, [Rung.CELL] * len(bench.phases))
    nearest = min(scouts, key=lambda scout: abs(scout.frame - index))
    values = {n: v for n, v in nearest.values.items() if n in foundation.free and not is_background(n)}
    for phase in foundation.setup.phases:
        if phase.name in homes.seen:
            names = [slot_name(phase, name) for name in CELL_NAMES]
            values |= dict(zip(names, homes.at(phase.name, index).tolist(), strict=True))
    return bench.start(values, rungs_of(foundation, nearest))


def continued(state: State, before: Fit | None, last: Fit, index: int) -> State:
    """Return a state whose cells go on as they have gone between the last two frames."""
    if before is None or before.frame == last.frame or before.bench is not last.bench:
        return state
    ahead = (index - last.frame) / (last.frame - before.frame)
    values = state.values.copy()
    for p in set(last.state.present) & set(before.state.present):
        cell = last.bench.cell_places(p)
        values[cell] = gone_on(last.state.values[cell], before.state.values[cell], ahead)
    return replace(state, values=values)
