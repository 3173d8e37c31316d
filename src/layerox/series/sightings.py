"""Sightings: frames that were refined upon a foundation as what it stands upon from then on."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from layerox.diffraction.least_squares import Minimum
from layerox.diffraction.parameters import slot_name
from layerox.diffraction.phase import Phase
from layerox.series.common_parameters import Foundation, Scout
from layerox.series.frame_checks import support_of
from layerox.series.frame_model import Bench, State


def own_names(phase: Phase) -> set[str]:
    """Return the names of all quantities of a phase."""
    return {slot_name(phase, slot) for slot in phase.slot_names}


def scout_of(foundation: Foundation, frame: int, bench: Bench, state: State, minimum: Minimum, left: float) -> Scout:
    """Return a frame that was refined upon a foundation as a scout."""
    supports = {bench.phases[p].name: support_of(bench, minimum, p) for p in state.present}
    return Scout(
        frame=frame,
        values=dict(zip(bench.table.names, state.values.tolist(), strict=True)),
        free=foundation.free,
        supports={name: support for name, support in supports.items() if support > 0},
        left=left,
        limits=foundation.limits,
    )


def with_scout(foundation: Foundation, scout: Scout) -> Foundation:
    """Return the foundation with one scout more, or in the place of the one of the same frame."""
    others = [other for other in foundation.sightings if other.frame != scout.frame]
    return standing_on(foundation, sorted([*others, scout], key=lambda one: one.frame))


def standing_on(foundation: Foundation, scouts: Sequence[Scout]) -> Foundation:
    """Return the foundation with other scouts; each phase begins as the one that shows it best has it."""
    values = dict(foundation.values)
    for phase in foundation.setup.phases:
        seen = [scout for scout in scouts if phase.name in scout.supports]
        if seen:
            best = max(seen, key=lambda scout: scout.supports[phase.name])
            values |= {name: best.values[name] for name in own_names(phase) if name in best.values}
    return replace(foundation, values=values, sightings=tuple(scouts))
