"""Background: what the specimen and the diffractometer scatter besides the peaks, as Chebyshev polynomials.

Of the first kind; the range of the pattern is scaled to -1 ... 1.
"""

from __future__ import annotations

import numpy as np

from layerox.typing import FloatArray


def chebyshev_basis(two_theta: FloatArray, terms: int, limits: tuple[float, float]) -> FloatArray:
    """Return T_0 ... T_(terms-1) on the angles, `limits` (degrees) scaled to -1 ... 1, shape (terms, n)."""
    if not terms:
        return np.zeros((0, two_theta.size))
    low, high = limits
    x = (2.0 * two_theta - low - high) / (high - low)
    return np.ascontiguousarray(np.polynomial.chebyshev.chebvander(x, terms - 1).T)
