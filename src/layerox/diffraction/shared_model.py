"""Shared model: models that share reflections and scattering factors, and nothing that they change.

A model keeps what it computed last (geometric sums, weighted background), so that two refinements, of which each may be
read later or in another thread, must not have one model in common.
"""

from __future__ import annotations

from copy import copy

import numpy as np

from layerox.diffraction.model import Model
from layerox.diffraction.phase_model import PhaseModel

# Largest relative change of a length, and change of an angle (degrees), for which a list of reflections is kept: well
# within its margin, which a refinement needs too (see `phase_model.CELL_MARGIN` and `constraints.CELL_RANGE`).
SAME_LENGTH, SAME_ANGLE = 2e-3, 0.05


def is_shareable(model: Model) -> bool:
    """Whether a model can be shared: all its phases are ordered, with intensities from their structures."""
    return all(type(own) is PhaseModel and not own.intensity_slots for own in model.phase_models)


def independent(model: Model, tail: float) -> Model:
    """Return the same model with tails cut at another height."""
    other = copy(model)
    other.phase_models = tuple(_independent(own) for own in model.phase_models)
    other.tail, other.reach_scales = tail, model.reach_scales.copy()
    other._weighted, other._blocks = (np.zeros(0), np.zeros(0)), None
    return other


def _independent(own: PhaseModel) -> PhaseModel:
    other = copy(own)
    other.structure_factors = copy(own.structure_factors)
    return other
