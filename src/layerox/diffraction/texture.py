"""Texture: preferred orientation of platelets or needles about one axis, after March and Dollase.

The correction is the mean over the equivalent reflections of (r^2 cos^2 a + sin^2 a / r)^(-3/2), a being the angle
between a reflection and the axis; r < 1 for platelets in reflection geometry, r = 1 for a random powder.
Dollase, J. Appl. Cryst. 19 (1986) 267, doi:10.1107/S0021889886089458.
"""

from __future__ import annotations

import numpy as np

from layerox.computing.compiled import compiled
from layerox.typing import FloatArray


@compiled
def march_dollase(cos_squared: float, r: float) -> tuple[float, float, float]:
    """Return the March-Dollase density, and its derivatives with respect to cos^2 and to r."""
    base = r * r * cos_squared + (1.0 - cos_squared) / r
    density = base**-1.5
    slope = -1.5 * density / base
    return density, slope * (r * r - 1.0 / r), slope * (2.0 * r * cos_squared - (1.0 - cos_squared) / (r * r))


@compiled
def rod_texture(cos_squared: FloatArray, r: float) -> tuple[FloatArray, FloatArray, FloatArray]:
    """Return the density of points at angles to the axis, its derivatives with cos^2 and with r, shape (n,) each."""
    density, by_cos, by_r = np.empty(cos_squared.size), np.empty(cos_squared.size), np.empty(cos_squared.size)
    for k in range(cos_squared.size):
        density[k], by_cos[k], by_r[k] = march_dollase(cos_squared[k], r)
    return density, by_cos, by_r


@compiled
def texture_factors(
    hkl: FloatArray, axis: FloatArray, r: float, inverse_metric: FloatArray, metric_slopes: FloatArray
) -> tuple[FloatArray, FloatArray, FloatArray]:
    """Return the correction of each reflection and its derivatives.

    Parameters
    ----------
    hkl
        Equivalents of each reflection, of h and -h only one, shape (n, m, 3).
    axis
        Indices of the plane whose normal is the texture axis, shape (3,).
    r
        March coefficient.
    inverse_metric, metric_slopes
        G*, shape (3, 3), and its derivatives with respect to the six cell parameters, shape (6, 3, 3).

    Returns
    -------
    tuple
        Correction, shape (n,); derivative with respect to r, (n,); with respect to the cell parameters, (6, n).
    """
    n, m, _ = hkl.shape
    factor, by_r, by_cell = np.zeros(n), np.zeros(n), np.zeros((6, n))
    axis_square = scalar_product(axis, inverse_metric, axis)
    axis_slopes = np.empty(6)
    for k in range(6):
        axis_slopes[k] = scalar_product(axis, metric_slopes[k], axis)
    for i in range(n):
        for j in range(m):
            h = hkl[i, j]
            square = scalar_product(h, inverse_metric, h)
            product = scalar_product(h, inverse_metric, axis)
            cos_squared = product * product / (square * axis_square)
            density, by_cos, slope = march_dollase(cos_squared, r)
            factor[i] += density / m
            by_r[i] += slope / m
            if by_cos == 0.0:
                continue
            for k in range(6):
                change = 2.0 * product * scalar_product(h, metric_slopes[k], axis) / (square * axis_square)
                lengths = scalar_product(h, metric_slopes[k], h) / square + axis_slopes[k] / axis_square
                by_cell[k, i] += by_cos * (change - cos_squared * lengths) / m
    return factor, by_r, by_cell


@compiled
def scalar_product(u: FloatArray, metric: FloatArray, v: FloatArray) -> float:
    """Return u G v of two index triples."""
    total = 0.0
    for i in range(3):
        total += u[i] * (metric[i, 0] * v[0] + metric[i, 1] * v[1] + metric[i, 2] * v[2])
    return total
