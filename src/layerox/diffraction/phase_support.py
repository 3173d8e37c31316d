"""Phases that the data do not support are left out."""

from __future__ import annotations

import numpy as np

from layerox.diffraction.intensity_extraction import is_extracted
from layerox.diffraction.model_setup import SUPPORT_SQUARED, drop_phase, scale_support
from layerox.diffraction.parameters import position_names, slot_name
from layerox.diffraction.phase import Phase
from layerox.diffraction.strategy_state import StrategyState

# Size (nm) of fine crystals, and fall of chi-squared (over its reduced value) that shows them.
FINE_NM, CLEARLY_BETTER = 8.0, 30.0
# Additional square of a phase's support that is required for each of its refined cell parameters.
SUPPORT_SQUARED_FOR_EACH = 4.0


def drop_unsupported(state: StrategyState) -> None:
    """Leave out unsupported phases, the weakest first: without it, others may be supported.

    Before, it is tried with the broad lines of fine crystals: with narrow ones it can seem absent.
    """
    tried = set[Phase]()
    while weak := [row for row in (_relative_support(state, phase) for phase in state.phases) if row[0] < 1.0]:
        _, support, esd, phase = min(weak, key=lambda row: row[0])
        if phase not in tried and not is_extracted(phase):
            tried.add(phase)
            if _is_of_fine_crystals(state, phase):
                continue
        state.unsupported[phase.name] = support, esd
        state.phases.remove(phase)
        drop_phase(state.run, phase, support)


def _is_of_fine_crystals(state: StrategyState, phase: Phase) -> bool:
    """Refine a phase from fine crystals; return True if the fit is clearly better."""
    scale, inverse, strain = state.names("scale", "inverse_size", "microstrain", phases=[phase])
    start = state.run.parameters.copy()
    if not (start.can_vary(scale) and start.can_vary(inverse)):
        return False
    start.assign(inverse, 1.0 / FINE_NM)
    start.assign(strain, 0.0)
    return state.run.restart(f"{phase.name} as fine crystals", start, [scale, inverse], CLEARLY_BETTER)


def _relative_support(state: StrategyState, phase: Phase) -> tuple[float, float, float, Phase]:
    """Return the squared support of a phase over the required one, the support, its uncertainty and the phase."""
    if not state.run.parameters.can_vary(slot_name(phase, "scale")):
        return np.inf, 0.0, 0.0, phase
    support, esd = scale_support(state.run, phase)
    return support * abs(support) / _support_needed(state, phase), support, esd, phase


def _support_needed(state: StrategyState, phase: Phase) -> float:
    cells = set(position_names(phase))
    return SUPPORT_SQUARED + SUPPORT_SQUARED_FOR_EACH * len(cells & set(state.run.parameters.free_names))
