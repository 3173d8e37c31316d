"""What the data do not support is left out: cells with a large standard uncertainty, and phases."""

from __future__ import annotations

import numpy as np

from layerox.diffraction.model_setup import SUPPORT_SQUARED, drop_phase, scale_support
from layerox.diffraction.parameters import position_names, slot_name
from layerox.diffraction.phase import Phase
from layerox.diffraction.strategy_state import StrategyState
from layerox.symmetry import CELL_NAMES

WORST_CELL_ESD = 1e-3
# Additional square of a phase's support that is required for each of its refined cell parameters.
SUPPORT_SQUARED_FOR_EACH = 4.0


def drop_vague_cells(state: StrategyState) -> None:
    """Fix the cells that the data do not determine at the given values."""
    minimum = state.run.minimum
    free = set(minimum.parameters.free_names)
    vague = [
        name
        for name in state.names(*CELL_NAMES)
        if name in free and minimum.esd(name) > WORST_CELL_ESD * minimum.parameters.value(name)
    ]
    if not vague:
        return
    given: dict[str, float] = {}
    for phase in state.phases:
        own = state.names(*CELL_NAMES, phases=[phase])
        given |= {name: state.start.value(name) for name in own if set(own) & set(vague)}
    state.run.reset("cells", vague, given, "the data do not determine them: fixed at the given values")


def drop_unsupported(state: StrategyState) -> None:
    """Leave out unsupported phases, the weakest first: without it, others may be supported."""
    while weak := [row for row in (_relative_support(state, phase) for phase in state.phases) if row[0] < 1.0]:
        _, support, esd, phase = min(weak, key=lambda row: row[0])
        state.unsupported[phase.name] = support, esd
        state.phases.remove(phase)
        drop_phase(state.run, phase, support)


def _relative_support(state: StrategyState, phase: Phase) -> tuple[float, float, float, Phase]:
    """Return the squared support of a phase over the required one, the support, its uncertainty and the phase."""
    if not state.run.parameters.can_vary(slot_name(phase, "scale")):
        return np.inf, 0.0, 0.0, phase
    support, esd = scale_support(state.run, phase)
    return support * abs(support) / _support_needed(state, phase), support, esd, phase


def _support_needed(state: StrategyState, phase: Phase) -> float:
    cells = set(position_names(phase))
    return SUPPORT_SQUARED + SUPPORT_SQUARED_FOR_EACH * len(cells & set(state.run.parameters.free_names))
