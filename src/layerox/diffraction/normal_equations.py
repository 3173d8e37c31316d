"""Normal equations: the linear algebra of least squares: a step within bounds, the inverse, undetermined combinations.

The functions take plain matrices; which variables they belong to is the matter of `least_squares`. The step follows
Nocedal & Wright, Numerical Optimization, 2nd ed., 2006, chapter 16.
"""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np

from layerox.computing.compiled import compiled_exactly
from layerox.typing import FloatArray

# Smallest eigenvalue of a scaled normal matrix that is larger than its rounding error.
SMALLEST_EIGENVALUE = 1e-13
# What is added, one after another, to the unit diagonal of a matrix that is not positive definite.
RIDGES = (0.0, 1e-12, 1e-10, 1e-8, 1e-6)
# Smallest multiplier, in the same units, with which a variable leaves its bound.
SMALLEST_MULTIPLIER = 1e-12
# Eigenvalue, relative to the largest one, below which a direction is undetermined, and the smallest component with
# which a variable belongs to that direction.
UNDETERMINED, SMALLEST_COMPONENT = 1e-7, 0.1


def bounded_step(hessian: FloatArray, gradient: FloatArray, lower: FloatArray, upper: FloatArray) -> FloatArray:
    """Return the d within lower <= d <= upper that minimises d H d / 2 + g d (H positive definite, 0 feasible).

    An H that is not quite positive definite, by rounding, is taken with a larger diagonal.

    Raises
    ------
    numpy.linalg.LinAlgError
        If H is far from positive definite, or not finite.
    """
    step = np.zeros(gradient.size)
    for ridge in RIDGES:
        if set_bounded_step(hessian, gradient, lower, upper, ridge, step):
            return step
    raise np.linalg.LinAlgError("the normal matrix is not positive definite")


@compiled_exactly
def set_bounded_step(  # noqa: PLR0912  (loops of one computation)
    hessian: FloatArray, gradient: FloatArray, lower: FloatArray, upper: FloatArray, ridge: float, step: FloatArray
) -> bool:
    """Set `step` to that of `bounded_step`, with `ridge` added to the unit diagonal; False if a matrix is indefinite.

    A primal active-set method: a variable joins the active set when a step meets its bound, and leaves it when its
    multiplier points inwards.
    """
    n = gradient.size
    scale, g, low, high, d = np.empty(n), np.empty(n), np.empty(n), np.empty(n), np.zeros(n)
    h, matrix, target = np.empty((n, n)), np.empty((n, n)), np.empty(n)
    for i in range(n):
        scale[i] = 1.0 / math.sqrt(hessian[i, i])
        g[i], low[i], high[i] = gradient[i] * scale[i], lower[i] / scale[i], upper[i] / scale[i]
        target[i] = -g[i]
    for i in range(n):
        for j in range(n):
            matrix[i, j] = h[i, j] = hessian[i, j] * (scale[i] * scale[j])
        h[i, i] += ridge
        matrix[i, i] += ridge
    if not solve_definite(matrix, target):
        return False
    free = True
    for i in range(n):
        free = free and low[i] <= target[i] <= high[i]
    if free:
        for i in range(n):
            step[i] = target[i] * scale[i]
        return True
    active, inside = np.zeros(n, dtype=np.bool_), np.zeros(n, dtype=np.int64)
    for i in range(n):
        # Without room at all it is never released, to avoid a cycle.
        active[i] = low[i] >= high[i] or (low[i] >= 0.0 and g[i] > 0.0) or (high[i] <= 0.0 and g[i] < 0.0)
    for _ in range(4 * n + 4):
        count = 0
        for i in range(n):
            target[i] = d[i]
            if not active[i]:
                inside[count] = i
                count += 1
        part, force = matrix[:count, :count], np.empty(count)
        for k in range(count):
            i = inside[k]
            force[k] = -g[i]
            for j in range(n):
                if active[j]:
                    force[k] -= h[i, j] * d[j]
            for m in range(count):
                part[k, m] = h[i, inside[m]]
        if not solve_definite(part, force):
            return False
        for k in range(count):
            target[inside[k]] = force[k]
        least, nearest = 1.0, -1
        for k in range(count):
            i = inside[k]
            move = target[i] - d[i]
            room = (high[i] - d[i]) / move if move > 0.0 else (low[i] - d[i]) / move if move < 0.0 else math.inf
            if room < least:
                least, nearest = room, i
        if nearest >= 0:
            upwards = target[nearest] > d[nearest]
            for k in range(count):
                i = inside[k]
                d[i] += max(least, 0.0) * (target[i] - d[i])
            d[nearest] = high[nearest] if upwards else low[nearest]
            active[nearest] = True
            continue
        best, most = -1, SMALLEST_MULTIPLIER
        for i in range(n):
            d[i] = target[i]
        for i in range(n):
            if active[i] and low[i] < high[i]:
                slope = g[i]
                for j in range(n):
                    slope += h[i, j] * d[j]
                inward = slope if d[i] >= high[i] else -slope if d[i] <= low[i] else -math.inf
                if inward > most:
                    best, most = i, inward
        if best < 0:
            break
        active[best] = False
    for i in range(n):
        step[i] = min(max(d[i] * scale[i], lower[i]), upper[i])
    return True


@compiled_exactly
def solve_definite(matrix: FloatArray, right: FloatArray) -> bool:
    """Solve a system with a symmetric positive definite matrix by Cholesky's method; return False if it is not one.

    Parameters
    ----------
    matrix
        Its upper triangle is overwritten with the factor U of U^T U, shape (v, v).
    right
        The right side, overwritten with the solution, shape (v,).
    """
    # Not by LAPACK: most of the time of a small system is spent around it, and the import of scipy.linalg is a third
    # of the start of the libraries.
    n = right.size
    for k in range(n):
        pivot = matrix[k, k]
        if not pivot > 0.0:
            return False
        pivot = math.sqrt(pivot)
        matrix[k, k] = pivot
        for j in range(k + 1, n):
            matrix[k, j] /= pivot
        for i in range(k + 1, n):
            factor = matrix[k, i]
            for j in range(i, n):
                matrix[i, j] -= factor * matrix[k, j]
        right[k] /= pivot
        for i in range(k + 1, n):
            right[i] -= matrix[k, i] * right[k]
    for k in range(n - 1, -1, -1):
        total = right[k]
        for j in range(k + 1, n):
            total -= matrix[k, j] * right[j]
        right[k] = total / matrix[k, k]
    return True


def inverse_of_normal(matrix: FloatArray) -> FloatArray:
    """Invert a normal matrix scaled to a unit diagonal.

    An undetermined direction has a very large variance, a variable without any influence has none.
    """
    diagonal = np.diag(matrix).copy()
    dead = diagonal <= 0.0
    diagonal[dead] = 1.0
    scale = 1.0 / np.sqrt(diagonal)
    values, vectors = np.linalg.eigh(matrix * np.outer(scale, scale) + np.diag(dead.astype(float)))
    inverse = (vectors / np.maximum(values, SMALLEST_EIGENVALUE)) @ vectors.T
    inverse[dead] = inverse[:, dead] = 0.0
    return np.asarray(inverse * np.outer(scale, scale))


def undetermined(normal: FloatArray, names: Sequence[str]) -> list[list[str]]:
    """Return groups of variables of which the data determine only a combination, largest component first.

    Parameters
    ----------
    normal
        J^T J of the variables, shape (v, v).
    names
        Of the variables.
    """
    diagonal = np.diag(normal)
    dead = [[name] for name, size in zip(names, diagonal, strict=True) if size <= 0]
    alive = np.flatnonzero(diagonal > 0)
    if not len(alive):
        return dead
    scale = 1.0 / np.sqrt(diagonal[alive])
    values, vectors = np.linalg.eigh(normal[np.ix_(alive, alive)] * np.outer(scale, scale))
    groups = []
    for vector in vectors.T[values < UNDETERMINED * values[-1]]:
        order = np.argsort(-np.abs(vector))
        groups.append([names[alive[k]] for k in order if abs(vector[k]) > SMALLEST_COMPONENT])
    return dead + groups
