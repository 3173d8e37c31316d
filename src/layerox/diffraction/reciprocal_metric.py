"""Reciprocal metric: G* of a cell, 1/d^2 of reflections, and their derivatives with respect to the cell."""

from __future__ import annotations

import math

import numpy as np

from layerox.computing.compiled import compiled
from layerox.typing import FloatArray

DEGREE = math.pi / 180.0


@compiled
def reciprocal_metric(cell: FloatArray) -> tuple[FloatArray, FloatArray]:
    """Return G* (3, 3) of a cell (angstrom, degrees) and its derivatives with respect to the cell, (6, 3, 3)."""
    # Loops over elements: expressions of whole arrays take seconds to compile.
    a, b, c = cell[0], cell[1], cell[2]
    cosine, sine = np.empty(3), np.empty(3)
    for k in range(3):
        cosine[k], sine[k] = math.cos(cell[3 + k] * DEGREE), math.sin(cell[3 + k] * DEGREE)
    metric = np.empty((3, 3))
    metric[0, 0], metric[1, 1], metric[2, 2] = a * a, b * b, c * c
    metric[1, 2] = metric[2, 1] = b * c * cosine[0]
    metric[0, 2] = metric[2, 0] = a * c * cosine[1]
    metric[0, 1] = metric[1, 0] = a * b * cosine[2]
    slopes = np.zeros((6, 3, 3))
    for k in range(3):
        for other in range(3):
            slopes[k, k, other] += metric[k, other] / cell[k]
            slopes[k, other, k] += metric[k, other] / cell[k]
    for k in range(3):
        i, j = (k + 1) % 3, (k + 2) % 3
        slopes[3 + k, i, j] = slopes[3 + k, j, i] = -cell[i] * cell[j] * sine[k] * DEGREE
    inverse = inverted(metric)
    by_cell = np.empty((6, 3, 3))
    for k in range(6):
        set_inverse_slope(inverse, slopes[k], by_cell[k])
    return inverse, by_cell


@compiled
def inverted(matrix: FloatArray) -> FloatArray:
    """Return the inverse of a 3 x 3 matrix, by cofactors."""
    inverse = np.empty((3, 3))
    for i in range(3):
        i1, i2 = (i + 1) % 3, (i + 2) % 3
        for j in range(3):
            j1, j2 = (j + 1) % 3, (j + 2) % 3
            inverse[j, i] = matrix[i1, j1] * matrix[i2, j2] - matrix[i1, j2] * matrix[i2, j1]
    determinant = 0.0
    for j in range(3):
        determinant += matrix[0, j] * inverse[j, 0]
    for i in range(3):
        for j in range(3):
            inverse[i, j] /= determinant
    return inverse


@compiled
def set_inverse_slope(inverse: FloatArray, slope: FloatArray, result: FloatArray) -> None:
    """Set `result` to d(M^-1) = -M^-1 dM M^-1 of a 3 x 3 matrix."""
    for i in range(3):
        for j in range(3):
            result[i, j] = 0.0
            for m in range(3):
                for n in range(3):
                    result[i, j] -= inverse[i, m] * slope[m, n] * inverse[n, j]


@compiled
def inverse_squares(hkl: FloatArray, inverse: FloatArray, slopes: FloatArray) -> tuple[FloatArray, FloatArray]:
    """Return q = 1/d^2 of each reflection, (n,), and its derivatives with respect to the cell, (6, n)."""
    n = len(hkl)
    q, by_cell = np.zeros(n), np.zeros((6, n))
    for r in range(n):
        for i in range(3):
            for j in range(3):
                product = hkl[r, i] * hkl[r, j]
                q[r] += product * inverse[i, j]
                for k in range(6):
                    by_cell[k, r] += product * slopes[k, i, j]
    return q, by_cell
