"""Propagation: standard uncertainties of anything that is computed from cells, from their full covariance.

Every cell is moved along the principal axes of its covariance, so that what symmetry ties together moves together, by a
tenth of a standard uncertainty to either side; differences make the covariance of the results to first order.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from layerox.typing import FloatArray

STEP = 0.1
# Share of the largest variance below which there is none: what symmetry fixes.
ROUNDING = 1e-15


def covariance_of(
    function: Callable[[FloatArray], FloatArray], values: FloatArray, covariance: FloatArray
) -> FloatArray:
    """Return the covariance of a function's results.

    Parameters
    ----------
    function
        Of values of shape (n, p) into results of shape (n, q), row by row.
    values
        Shape (n, p).
    covariance
        Of the values, shape (n, p, p).

    Returns
    -------
    ndarray
        Shape (n, q, q).
    """
    weights, axes = np.linalg.eigh(covariance)
    roots = axes * np.sqrt(np.maximum(weights, 0.0))[:, None, :]
    size = function(values[:1]).shape[1]
    total = np.zeros((len(values), size, size))
    for k in np.flatnonzero((weights > ROUNDING * weights.max(initial=0.0)).any(axis=0)):
        shift = STEP * roots[:, :, k]
        change = (function(values + shift) - function(values - shift)) / (2.0 * STEP)
        total += change[:, :, None] * change[:, None, :]
    return total
