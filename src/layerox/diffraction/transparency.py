"""Transparency of a flat plate whose 2 mu t nobody states: its effect on a pattern, and its refinement on evidence.

A plate is thick until the data say otherwise. A score test of the effect of 2 mu t = 1, which displacement factors and
all other variables follow within their priors, decides whether 2 mu t is refined (its formula is in `angle_factors`).
Where it is not, its prior keeps in `esd_model` what it can do to the fractions.
"""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from layerox.diffraction.linear_response import LinearResponse
from layerox.diffraction.measurement_priors import THICKNESS, TRANSPARENCY, UNIT_TWO_MU_T
from layerox.diffraction.strategy_state import StrategyState
from layerox.notices import Notice
from layerox.typing import FloatArray

# A plate is transparent if the effect is this many standard uncertainties above zero, and this much of its unit.
CLEAR, LEAST_EFFECT = 5.0, 0.5
# Reduced chi-squared above which other misfit is no smaller than the effect of a plate, and would be taken for it.
MOST_MISFIT = 4.0
STEP = "transparent plate"


def thin_plate_change(linear: LinearResponse) -> FloatArray:
    """Return the weighted change of the pattern if the plate has 2 mu t = 1 instead of being thick, shape (n,)."""
    model, values = linear.model, linear.minimum.parameters.values[: len(linear.model.names)].copy()
    values[model.names.index(THICKNESS)] = UNIT_TWO_MU_T
    change = model.calculated(values).phases.sum(axis=0) - linear.minimum.calculated.phases.sum(axis=0)
    return np.asarray(change * linear.data.weight)


def is_transparent(effect: float, esd: float) -> bool:
    """Whether an effect, in units of that of 2 mu t = 1, is that of a plate through which the beam passes."""
    return effect > max(CLEAR * esd, LEAST_EFFECT)


def refine_transparency(state: StrategyState) -> None:
    """Refine 2 mu t if it is not stated and the score test finds its effect."""
    run = state.run
    if _is_open(state) and run.minimum.reduced_chi_squared < MOST_MISFIT and is_transparent(*_effect(state)):
        run.attempt(STEP, [THICKNESS], start={THICKNESS: UNIT_TWO_MU_T})


def _is_open(state: StrategyState) -> bool:
    """Whether 2 mu t may be refined: intensities follow from structures, and nobody states or fixes it."""
    table = state.run.parameters
    has_prior = any(prior.name == TRANSPARENCY for prior in state.run.priors)
    free = has_prior and table.can_vary(THICKNESS) and THICKNESS not in state.plan.named(table)
    return free and bool(state.phases) and len(state.structures()) == len(state.phases)


def refined_transparency(state: StrategyState) -> Iterator[Notice]:
    """Yield a notice if the evidence made 2 mu t a variable."""
    if any(step.name == STEP and step.kept for step in state.run.steps):
        minimum = state.run.minimum
        yield Notice(
            "transparent_specimen",
            f"intensities fall towards high angles as those of a thin plate do: 2 mu t is refined, "
            f"{minimum.parameters.value(THICKNESS):.2f} +- {minimum.esd(THICKNESS):.2f}",
        )


def _effect(state: StrategyState) -> tuple[float, float]:
    """Return the effect that the data ask for, in its unit, and its standard uncertainty."""
    linear = LinearResponse(state.model, state.run.minimum, state.run.data)
    curve = thin_plate_change(linear)
    curvature = float(curve @ linear.unfollowed(curve[:, None])[:, 0])
    if curvature <= 0.0:
        return 0.0, 1.0
    return float(curve @ linear.difference) / curvature, linear.spread / curvature**0.5
