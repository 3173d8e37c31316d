"""Rod positions: where points of reciprocal space appear in a pattern, for one emission line.

The formulas are those of `peaks`, without further trigonometric functions: there are many points.
"""

from __future__ import annotations

import math

import numpy as np

from layerox.computing.compiled import compiled
from layerox.diffraction.peaks import DEGREE, DISPLACEMENT, OUT_OF_SIGHT, ZERO
from layerox.typing import FloatArray


@compiled
def rod_positions(
    q: FloatArray,
    wavelength: float,
    instrument: FloatArray,
    polarization: float,
    radius: float,
    bragg_brentano: bool,
) -> tuple[FloatArray, FloatArray, FloatArray, FloatArray, FloatArray, FloatArray, FloatArray]:
    """Return where points of reciprocal space appear for one emission line, and with which factor.

    Parameters
    ----------
    q
        1/d^2 of each point, angstrom^-2, shape (n,).
    wavelength, instrument, polarization, radius, bragg_brentano
        As in `peak_list`, for one line.

    Returns
    -------
    tuple
        Seven arrays of shape (n,): Bragg angle 2 theta (degrees) and its derivative with respect to q; position and
        its derivative; shift per mm of displacement; Lorentz and polarisation factor and its derivative. Points that
        the line does not reach have a factor of zero.
    """
    bragg, bragg_by_q = np.full(q.size, 90.0), np.zeros(q.size)
    position, by_q = np.full(q.size, OUT_OF_SIGHT), np.zeros(q.size)
    shifts, factor, factor_by_q = np.zeros(q.size), np.zeros(q.size), np.zeros(q.size)
    displacement, zero = instrument[DISPLACEMENT], instrument[ZERO]
    for k in range(q.size):
        square = 0.25 * wavelength * wavelength * q[k]
        if square >= 0.9998:
            continue
        # The same formulas as for peaks, without further trigonometric functions: there are many points.
        sine, cosine, cos_two_theta = math.sqrt(square), math.sqrt(1.0 - square), 1.0 - 2.0 * square
        theta_q = sine / cosine / (2.0 * q[k])
        if bragg_brentano:
            shift, shift_slope = -2.0 / radius * cosine / DEGREE, 2.0 / radius * sine / DEGREE
        else:
            shift, shift_slope = 2.0 * sine * cosine / radius / DEGREE, 2.0 * cos_two_theta / radius / DEGREE
        lorentz = 1.0 / (square * cosine)
        part = polarization + (1.0 - polarization) * cos_two_theta * cos_two_theta
        slope = lorentz * (sine / cosine - 2.0 * cosine / sine) * part
        slope -= lorentz * 8.0 * (1.0 - polarization) * cos_two_theta * sine * cosine
        bragg[k], bragg_by_q[k] = 2.0 * math.asin(sine) / DEGREE, 2.0 * theta_q / DEGREE
        position[k] = bragg[k] + zero + displacement * shift
        by_q[k] = bragg_by_q[k] + displacement * shift_slope * theta_q
        shifts[k], factor[k], factor_by_q[k] = shift, lorentz * part, slope * theta_q
    return bragg, bragg_by_q, position, by_q, shifts, factor, factor_by_q
