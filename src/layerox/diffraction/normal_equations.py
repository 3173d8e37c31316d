"""Normal equations: the linear algebra of least squares: a step within bounds, the inverse, undetermined combinations.

The functions take plain matrices; which variables they belong to is the matter of `least_squares`. The step follows
Nocedal & Wright, Numerical Optimization, 2nd ed., 2006, chapter 16.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from scipy.linalg import lapack

from layerox.typing import FloatArray

# Smallest eigenvalue of a scaled normal matrix that is larger than its rounding error.
SMALLEST_EIGENVALUE = 1e-13
# Eigenvalue, relative to the largest one, below which a direction is undetermined, and the smallest component with
# which a variable belongs to that direction.
UNDETERMINED, SMALLEST_COMPONENT = 1e-7, 0.1


def bounded_step(hessian: FloatArray, gradient: FloatArray, lower: FloatArray, upper: FloatArray) -> FloatArray:
    """Return the d within lower <= d <= upper that minimises d H d / 2 + g d (H positive definite, 0 feasible).

    A primal active-set method: a variable joins the active set when a step meets its bound, and leaves it when its
    multiplier points inwards.
    """
    scale = 1.0 / np.sqrt(np.diag(hessian))
    h, g = hessian * np.outer(scale, scale), gradient * scale
    low, high = lower / scale, upper / scale
    newton = _solve(h, -g)
    if (newton >= low).all() and (newton <= high).all():
        return newton * scale
    d = np.zeros_like(g)
    pinned = low >= high  # no room at all: never released, to avoid a cycle
    active = pinned | ((low >= 0.0) & (g > 0.0)) | ((high <= 0.0) & (g < 0.0))
    for _ in range(4 * len(g) + 4):
        inside = ~active
        target = d.copy()
        if inside.any():
            force = -(g[inside] + h[np.ix_(inside, active)] @ d[active])
            target[inside] = _solve(h[np.ix_(inside, inside)], force)
        move = target - d
        with np.errstate(divide="ignore", invalid="ignore"):
            room = np.where(move > 0, (high - d) / move, np.where(move < 0, (low - d) / move, np.inf))
        room[active] = np.inf
        nearest_bound = int(np.argmin(room)) if len(room) else 0
        if len(room) and room[nearest_bound] < 1.0:
            d = d + max(room[nearest_bound], 0.0) * move
            d[nearest_bound] = high[nearest_bound] if move[nearest_bound] > 0 else low[nearest_bound]
            active[nearest_bound] = True
            continue
        d = target
        slope = h @ d + g
        inward = np.where(d >= high, slope, np.where(d <= low, -slope, -np.inf))
        inward[~active | pinned] = -np.inf
        best = int(np.argmax(inward)) if len(inward) else 0
        if not len(inward) or inward[best] <= 1e-12:
            break
        active[best] = False
    return np.clip(d * scale, lower, upper)


def _solve(matrix: FloatArray, right: FloatArray) -> FloatArray:
    if not right.size:
        return right
    # By Cholesky's method, called in LAPACK itself: most of the time of a small system is spent around it.
    _, solution, failed = lapack.dposv(matrix, right)
    if failed:
        return np.asarray(np.linalg.lstsq(matrix, right, rcond=1e-12)[0])
    return np.asarray(solution)


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
