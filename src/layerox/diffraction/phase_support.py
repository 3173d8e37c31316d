"""Phases that the data do not support are left out."""

from __future__ import annotations

import numpy as np

from layerox.diffraction.model_setup import SUPPORT_SQUARED, drop_phase, scale_support
from layerox.diffraction.parameters import position_names, slot_name
from layerox.diffraction.phase import Phase
from layerox.diffraction.strategy_state import StrategyState

# Additional square of a phase's support that is required for each of its refined cell parameters.
SUPPORT_SQUARED_FOR_EACH = 4.0


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
