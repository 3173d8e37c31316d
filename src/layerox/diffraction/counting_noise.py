"""Counting noise: noise, saturation and spikes of a pattern, from its points and residuals.

The scatter of neighbouring points gives the noise, because peaks and misfit are smooth over three points.
"""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import NDArray

from layerox.typing import FloatArray

# Least number of neighbouring points at the maximum for saturation, and the least such maximum in counter steps.
FLAT_TOP, LEAST_FLAT = 4, 30.0
# A spike: residual over the noise, and over those of both neighbours.
SPIKE, ABOVE_NEIGHBOURS = 15.0, 5.0
# Median modulus of a normal variable, and the standard deviation of a second difference of independent ones.
MEDIAN_MODULUS, SECOND_DIFFERENCE = 0.6744897501960817, math.sqrt(6.0)


def noise_over_sigma(residuals: FloatArray) -> float:
    """Return the noise of the points over their standard uncertainties; `residuals` are weighted, shape (n,)."""
    if residuals.size < 3:
        return 1.0
    second = np.abs(np.diff(residuals, 2))
    return float(np.median(second)) / (MEDIAN_MODULUS * SECOND_DIFFERENCE)


def flat_tops(intensity: FloatArray) -> tuple[int, float]:
    """Return the number of points in flat tops at the highest intensity, and that intensity; 0 where there is none."""
    top = float(intensity.max(initial=0.0))
    at_top = np.concatenate([[False], intensity >= top, [False]]) if top > 0 else np.zeros(2, dtype=bool)
    edges = np.flatnonzero(np.diff(at_top.astype(int)))
    lengths = edges[1::2] - edges[::2]
    is_flat = lengths >= FLAT_TOP
    # A plateau of small whole numbers is a coincidence.
    resolution = float(np.diff(np.unique(intensity)).min(initial=np.inf))
    if not is_flat.any() or top < LEAST_FLAT * min(resolution, top):
        return 0, top
    return int(lengths[is_flat].sum()), top


def spikes(residuals: FloatArray) -> NDArray[np.intp]:
    """Return the indices of single points far above both neighbours; `residuals` are weighted, shape (n,)."""
    noise = max(noise_over_sigma(residuals), 1e-12)
    inner = residuals[1:-1]
    beside = np.maximum(np.abs(residuals[:-2]), np.abs(residuals[2:]))
    found = (inner > SPIKE * noise) & (inner > ABOVE_NEIGHBOURS * np.maximum(beside, noise))
    return np.flatnonzero(found) + 1
