"""Divided intensities: the observed intensity of each peak, the pattern divided in the calculated proportions.

Rietveld, J. Appl. Cryst. 2 (1969) 65, doi:10.1107/S0021889869006558. Extraction of intensities and R_Bragg use it.
"""

from __future__ import annotations

import math

import numpy as np

from layerox.computing.compiled import compiled_exactly
from layerox.diffraction.profiles import peak_windows
from layerox.typing import FloatArray, IntArray

# As in `profiles`: compiled code keeps the values of constants, which must be those of its own module.
FOUR_LN2, GAUSS_HEIGHT, LORENTZ_HEIGHT = 4.0 * math.log(2.0), 2.0 * math.sqrt(math.log(2.0) / math.pi), 2.0 / math.pi


def divided_intensities(
    two_theta: FloatArray,
    ratio: FloatArray,
    position: FloatArray,
    gauss: FloatArray,
    lorentz: FloatArray,
    area: FloatArray,
    tail: float,
) -> tuple[FloatArray, FloatArray]:
    """Return the sum of each peak over the angles, times `ratio` at each angle and as it is, shape (peaks,).

    `ratio` is observed over calculated intensity: the first sum is then the observed intensity of each peak. The other
    arguments are those of `profiles.add_peaks`.
    """
    where, shape = peak_windows(two_theta, position, gauss, lorentz, area, tail)
    observed, calculated = peak_sums(two_theta, ratio, position, area, where, shape)
    return observed, calculated


@compiled_exactly
def peak_sums(
    two_theta: FloatArray,
    ratio: FloatArray,
    position: FloatArray,
    area: FloatArray,
    where: IntArray,
    shape: FloatArray,
) -> tuple[FloatArray, FloatArray]:
    """Return the sums of `divided_intensities`; `where` and `shape` are those of `profiles.peak_windows`."""
    observed, calculated = np.zeros(position.size), np.zeros(position.size)
    for k in range(position.size):
        width, eta = shape[k]
        for i in range(where[k, 0], where[k, 1]):
            square = ((two_theta[i] - position[k]) / width) ** 2
            height = eta * LORENTZ_HEIGHT / (1.0 + 4.0 * square)
            height += (1.0 - eta) * GAUSS_HEIGHT * math.exp(-FOUR_LN2 * square)
            calculated[k] += area[k] * height / width
            observed[k] += area[k] * height / width * ratio[i]
    return observed, calculated
