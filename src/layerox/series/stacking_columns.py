"""The columns of a disordered phase in frames.csv: its stacking and the verdict on it, frame by frame."""

from __future__ import annotations

import math
from collections.abc import Mapping

import numpy as np

from layerox.diffraction.disordered.phase import COLUMN, PERSISTENCE, DisorderedPhase
from layerox.diffraction.disordered.refined_stacking import ONE_SIDED, VAGUE_THICKNESS
from layerox.diffraction.disordered.verdict import stacking_verdicts
from layerox.diffraction.minimum import Data, Minimum
from layerox.diffraction.model import Model
from layerox.diffraction.phase import Phase
from layerox.pattern import Pattern
from layerox.stacking.disorder import least_persistence
from layerox.typing import FloatArray

Number = tuple[float, float]
THICKNESS, VERDICT = "thickness", "verdict"
# Fraction of a kind that counts as none.
NO_GALLERIES = 1e-9
# A verdict as a number: rows of frames hold numbers only.
VERDICT_NUMBERS: Mapping[str, float] = {"coherent": 1.0, "undetermined": 0.0, "mixture": -1.0}


def stacking_quantities(phase: Phase) -> tuple[str, ...]:
    """Return the quantities that a disordered phase adds to the table; none for an ordered one."""
    if not isinstance(phase, DisorderedPhase):
        return ()
    return (*(slot for slot in phase.stacking_slots if slot != COLUMN), THICKNESS, VERDICT)


def verdict_text(number: float) -> str:
    """Return a verdict in words, "" for none."""
    return next((text for text, value in VERDICT_NUMBERS.items() if value == number), "")


def stacking_numbers(
    phase: Phase, values: FloatArray, transfer: FloatArray, covariance: FloatArray, verdict: float
) -> dict[str, Number]:
    """Return the quantities of the stacking of a phase, each with its standard uncertainty (nan if not refined).

    The thickness is the harmonic mean over the kinds, in galleries; a lower bound (95 %) without an uncertainty where
    the data do not determine it.

    Parameters
    ----------
    phase
        The phase; an ordered one has none.
    values, transfer
        Of its slots, and their derivatives with respect to the variables.
    covariance
        Of the variables.
    verdict
        As a number, nan for none.
    """
    if not isinstance(phase, DisorderedPhase):
        return {}
    start = phase.stacking_start
    slopes = transfer[start:]
    variances = np.maximum(np.einsum("kv,vw,kw->k", slopes, covariance, slopes), 0.0)
    esds = np.where(variances > 0.0, np.sqrt(variances), math.nan)
    found = {
        slot: (float(values[start + k]), float(esds[k]))
        for k, slot in enumerate(phase.stacking_slots)
        if slot != COLUMN
    }
    persistence, esd = found[PERSISTENCE]
    least = least_persistence(phase.fractions(values).tolist())
    if persistence < least:
        found[PERSISTENCE] = persistence, esd = least, math.nan
    if min(phase.fractions(values)) <= NO_GALLERIES:
        # One kind alone has neither order nor lamellae.
        found[PERSISTENCE] = persistence, esd = math.nan, math.nan
    found[THICKNESS] = _thickness(len(phase.disorder.kinds), persistence, esd)
    found[VERDICT] = verdict, math.nan
    return found


def _thickness(kinds: int, persistence: float, esd: float) -> Number:
    if math.isnan(persistence):
        return math.nan, math.nan
    leaving = max(1.0 - persistence, 1e-9)
    value = kinds / (kinds - 1) / leaving
    if math.isnan(esd):
        return value, math.nan
    relative = esd / leaving
    if relative > VAGUE_THICKNESS:
        return value / (1.0 + ONE_SIDED * relative), math.nan
    return value, value * relative


def frame_verdicts(model: Model, minimum: Minimum, pattern: Pattern) -> dict[str, float]:
    """Return the verdict on each disordered phase of a frame, as a number, by name."""
    data = Data(pattern.intensity, 1.0 / pattern.sigma)
    found = stacking_verdicts(model, data, minimum)
    return {name: VERDICT_NUMBERS[verdict.verdict] for name, verdict in found.items()}


def has_disorder(model: Model) -> bool:
    """Whether a model has a disordered phase."""
    return any(isinstance(phase, DisorderedPhase) for phase in model.phases)
