"""Blank smoothing: a measured blank without its counting noise.

The noise of a blank is an error of the regressor: background terms that follow its humps leave mostly noise to its
scale, which is then too small (attenuation; Fuller, Measurement Error Models, 1987). The blank is smoothed with second
differences as penalty (Whittaker's smoother; Eilers, Anal. Chem. 75 (2003) 3631, doi:10.1021/ac034173t), whose weight
follows from generalised cross-validation in closed form by a discrete cosine transform (Garcia, Comput. Stat. Data
Anal. 54 (2010) 1167, doi:10.1016/j.csda.2009.09.020). It is done on square roots, whose noise is the same at all
counts (Anscombe, Biometrika 35 (1948) 246, doi:10.1093/biomet/35.3-4.246). Lines of a holder are left where they are:
points that differ from the smooth curve by many sigmas keep their values.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from layerox.typing import FloatArray

# Decades of the weight of the penalty that are tried, and their number.
FIRST_DECADE, LAST_DECADE, TRIED = -2.0, 14.0, 65
# Distance from the smooth curve, in standard deviations of the noise, from which a point belongs to a line; rounds in
# which the lines are left out; points around a line that belong to it.
OF_A_LINE, ROUNDS, MARGIN = 4.0, 3, 6
LEAST_POINTS, LEAST_NOISE = 16, 1e-12
# Points of the median with which the search for lines begins; odd.
WINDOW = 61


def smoothed(intensity: FloatArray) -> FloatArray:
    """Return intensities on about equal steps without noise, shape (m,); as they are if there are too few."""
    if intensity.size < LEAST_POINTS:
        return intensity
    roots, places = np.sqrt(np.maximum(intensity, 0.0)), np.arange(intensity.size)
    line = np.zeros(roots.size, dtype=bool)
    curve = _running_median(roots)
    for _ in range(ROUNDS):
        found = _wider(np.abs(roots - curve) > OF_A_LINE * max(_noise(roots[~line] - curve[~line]), LEAST_NOISE))
        if found.all():
            return intensity
        line = line | found
        curve = _whittaker(np.where(line, np.interp(places, places[~line], curve[~line]), roots))
    # The mean of the square is the square of the mean plus the variance.
    return np.asarray(np.where(line, intensity, curve**2 + _noise(roots[~line] - curve[~line]) ** 2))


def _running_median(values: FloatArray) -> FloatArray:
    """Return the median of the points around each point, of which lines are the lesser part."""
    padded = np.pad(values, WINDOW // 2, mode="edge")
    return np.asarray(np.median(np.lib.stride_tricks.sliding_window_view(padded, WINDOW), axis=1))


def _noise(rest: FloatArray) -> float:
    """Return the standard deviation of a normal distribution from the median of its absolute values."""
    return 1.4826 * float(np.median(np.abs(rest)))


def _wider(chosen: NDArray[np.bool_]) -> NDArray[np.bool_]:
    """Return the chosen points and those beside them."""
    return np.asarray(np.convolve(chosen, np.ones(2 * MARGIN + 1), mode="same") > 0)


def _whittaker(values: FloatArray) -> FloatArray:
    """Return the smooth curve of least generalised cross-validation."""
    from scipy.fft import dct, idct  # noqa: PLC0415  (what a fit without a blank does not need)

    count = values.size
    transformed = dct(values, norm="ortho")
    squares = (2.0 - 2.0 * np.cos(np.pi * np.arange(count) / count)) ** 2
    best, kept = np.inf, np.ones(count)
    for weight in np.logspace(FIRST_DECADE, LAST_DECADE, TRIED):
        share = 1.0 / (1.0 + weight * squares)
        score = float((((1.0 - share) * transformed) ** 2).sum()) / (1.0 - share.mean()) ** 2
        if score < best:
            best, kept = score, share
    return np.asarray(idct(kept * transformed, norm="ortho"))
