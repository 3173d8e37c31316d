"""Specimen effects: what the size of a specimen does to intensities, if nobody states it; refined on evidence.

A plate is thick and takes the whole beam, and a capillary absorbs nothing, until the data say otherwise. A score test
of one unit of an effect, which all other variables follow within their priors, decides whether its parameter is refined
(`angle_factors` has the formulas). Where it is not, its prior keeps in `esd_model` what it can do to the fractions.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from layerox.diffraction.linear_response import LinearResponse
from layerox.diffraction.measurement_priors import SPECIMEN_EFFECTS, SpecimenEffect
from layerox.diffraction.model import Model
from layerox.diffraction.strategy_state import StrategyState
from layerox.notices import Notice
from layerox.typing import FloatArray

# An effect is there if it is this many standard uncertainties above zero, and this much of its unit.
CLEAR, LEAST_EFFECT = 5.0, 0.5
# Reduced chi-squared that may be left: other misfit is larger than these effects from there on, and is taken for them.
MOST_MISFIT = 4.0


@dataclass(frozen=True)
class _Found:
    """The units of an effect that the data ask for, and the share of chi-squared that they explain."""

    effect: SpecimenEffect
    units: float
    esd: float
    share: float

    @property
    def is_clear(self) -> bool:
        return self.units > max(CLEAR * self.esd, LEAST_EFFECT)


def change_by(effect: SpecimenEffect, linear: LinearResponse) -> FloatArray:
    """Return the weighted change of the pattern by one unit of an effect that the model is without, shape (n,)."""
    model, values = linear.model, linear.minimum.parameters.values[: len(linear.model.names)].copy()
    values[model.names.index(effect.parameter)] = effect.unit
    change = model.calculated(values).phases.sum(axis=0) - linear.minimum.calculated.phases.sum(axis=0)
    return np.asarray(change * linear.data.weight)


def refine_specimen_effects(state: StrategyState) -> None:
    """Refine the effects that nobody states and that the score test finds, the clearest first; not in a series."""
    run = state.run
    effects = [] if state.in_series else [effect for effect in SPECIMEN_EFFECTS if _is_open(effect, state)]
    while effects:
        linear = LinearResponse(state.model, run.minimum, run.data)
        found = [_Found(effect, *_units(effect, linear)) for effect in effects]
        misfit = run.minimum.reduced_chi_squared
        clear = [row for row in found if row.is_clear and misfit * (1.0 - row.share) < MOST_MISFIT]
        if not clear:
            return
        best = max(clear, key=lambda row: row.units / row.esd).effect
        effects.remove(best)
        run.attempt(best.prior, [best.parameter], start={best.parameter: best.start})


def refined_effects(state: StrategyState) -> Iterator[Notice]:
    """Yield a notice for each effect that the evidence made a variable."""
    minimum = state.run.minimum
    kept = {step.name for step in state.run.steps if step.kept}
    for effect in SPECIMEN_EFFECTS:
        if effect.prior in kept:
            value, esd = minimum.parameters.value(effect.parameter), minimum.esd(effect.parameter)
            yield Notice(effect.code, f"{effect.sign}: {effect.symbol} is refined, {value:.2f} +- {esd:.2f}")


def is_seen(effect: SpecimenEffect, model: Model) -> bool:
    """Whether a pattern has lines that an effect changes."""
    return not effect.is_of_low_angles or model.limits[0] < effect.unit


def _is_open(effect: SpecimenEffect, state: StrategyState) -> bool:
    """Whether an effect may be refined: intensities follow from structures, and nobody states or fixes it."""
    table = state.run.parameters
    has_prior = any(prior.name == effect.prior for prior in state.run.priors)
    free = has_prior and table.can_vary(effect.parameter) and effect.parameter not in state.plan.named(table)
    structures = bool(state.phases) and len(state.structures()) == len(state.phases)
    return free and structures and is_seen(effect, state.model)


def _units(effect: SpecimenEffect, linear: LinearResponse) -> tuple[float, float, float]:
    """Return the units of an effect that the data ask for, their esd, and their share of chi-squared."""
    curve = change_by(effect, linear)
    curvature = float(curve @ linear.unfollowed(curve[:, None])[:, 0])
    if curvature <= 0.0:
        return 0.0, 1.0, 0.0
    overlap = float(curve @ linear.difference)
    return overlap / curvature, linear.spread / curvature**0.5, overlap**2 / curvature / linear.minimum.chi_squared
