"""Detection limit: the smallest amount of a phase that a pattern detects.

Currie, Anal. Chem. 40 (1968) 586, doi:10.1021/ac60259a007. With sigma_0 the standard uncertainty of a scale whose phase
is absent, a scale above L_C = 1.645 sigma_0 is a false detection in 5 % of all patterns, and a phase of the scale
L_D = 3.29 sigma_0 is missed in 5 %. Cells and profiles are assumed to be known.
"""

from __future__ import annotations

import numpy as np

from layerox.typing import FloatArray

CONFIDENCE = 0.95
# Share of the counts of a point below which its variance is not corrected.
NEGLIGIBLE = 1e-3
# The 95 % quantile of a normal distribution.
QUANTILE = 1.6448536269514722


def critical_level(sigma: float) -> float:
    """Return the level above which a net signal is detected; `sigma` is its uncertainty without a signal."""
    return QUANTILE * sigma


def detection_limit(sigma: float) -> float:
    """Return the net signal that exceeds the critical level in 95 % of all measurements."""
    return 2.0 * QUANTILE * sigma


def absence_sigmas(
    per_scale: FloatArray, contributions: FloatArray, basis: FloatArray, calculated: FloatArray, sigma: FloatArray
) -> FloatArray:
    """Return the standard uncertainty that each scale would have if its phase were absent.

    The scales of all phases and the background vary; the variance of a point is reduced by the counts of the phase.

    Parameters
    ----------
    per_scale
        Curve of each phase for a scale of one, shape (p, n); zero for a phase without a scale (result nan).
    contributions
        Curves of the phases as they are, shape (p, n).
    basis
        Curves of the background, shape (b, n).
    calculated, sigma
        The calculated pattern and the uncertainties of the observed one, shape (n,).
    """
    known = np.flatnonzero(per_scale.any(axis=1))
    columns = np.concatenate([per_scale[known], basis])
    norms = np.sqrt((columns**2).sum(axis=1))
    columns = columns / norms[:, None]
    found = np.full(len(per_scale), np.nan)
    weight = 1.0 / sigma**2
    whole = (columns * weight) @ columns.T
    for row, k in enumerate(known):
        left = np.clip(1.0 - contributions[k] / np.maximum(calculated, 1e-300), 1e-6, 1.0)
        here = left < 1.0 - NEGLIGIBLE
        own = columns[:, here]
        normal = whole + (own * (weight[here] * (1.0 / left[here] - 1.0))) @ own.T
        found[k] = np.sqrt(max(np.linalg.pinv(normal, hermitian=True)[row, row], 0.0)) / norms[row]
    return found


def as_fraction(weight: float, others: float) -> float:
    """Return a weight as a fraction of itself and all others; nan if both are zero."""
    return weight / (weight + others) if weight + others > 0 else float("nan")
