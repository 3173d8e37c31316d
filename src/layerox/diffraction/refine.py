"""Refine: weighted least squares with the bounds inside the step.

Levenberg-Marquardt on the normal equations; each step minimises the damped quadratic model within the box of the
bounds, so that a variable at its bound does not spoil the step of the others. The covariance is the inverse of the
full normal matrix of the variables that are not held by a bound.
(Nocedal & Wright, Numerical Optimization, 2nd ed., 2006, chapters 10 and 16.)
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from layerox.diffraction.parameters import Parameters
from layerox.diffraction.simulate import Calculated, Model

FloatArray = NDArray[np.float64]
Outcome = Literal["converged", "not_converged"]

FIRST_DAMPING = 1e-4
LEAST_DAMPING, MOST_DAMPING = 1e-9, 1e9


@dataclass(frozen=True, eq=False)
class Data:
    """What is fitted: intensities and one over their sigmas, shape (n,)."""

    intensity: FloatArray
    weight: FloatArray

    @property
    def norm(self) -> float:
        """Sum of squared weighted intensities, the denominator of R_wp^2."""
        return float(((self.intensity * self.weight) ** 2).sum())


@dataclass(frozen=True, eq=False)
class Minimum:
    """Where a refinement ended.

    Attributes
    ----------
    parameters
        All parameters, at the values reached.
    chi_squared
        Weighted sum of squared differences.
    points
        Number of data points.
    normal_matrix
        J^T J of all variables, shape (v, v).
    at_bound
        Which variables are held by a bound, shape (v,).
    calculated
        The pattern at the values reached.
    outcome, reason
        Whether it converged, and if not why.
    evaluations
        Number of patterns with derivatives computed.
    """

    parameters: Parameters
    chi_squared: float
    points: int
    normal_matrix: FloatArray
    at_bound: NDArray[np.bool_]
    calculated: Calculated
    outcome: Outcome
    reason: str | None
    evaluations: int

    @property
    def reduced_chi_squared(self) -> float:
        """chi^2 divided by the degrees of freedom (goodness of fit squared)."""
        return self.chi_squared / max(self.points - len(self.at_bound), 1)

    def esd(self, name: str) -> float:
        """Return the standard uncertainty of a variable, 0 for anything else.

        That of a variable which a bound holds is the one it would have if it could move.
        """
        names = self.parameters.free_names
        if name not in names:
            return 0.0
        k = names.index(name)
        matrix = self.full_covariance if self.at_bound[k] else self.covariance
        return float(np.sqrt(max(matrix[k, k], 0.0)))

    @cached_property
    def full_covariance(self) -> FloatArray:
        """Covariance as if no bound held any variable, shape (v, v)."""
        return _inverse(self.normal_matrix) * max(self.reduced_chi_squared, 1.0)

    @cached_property
    def covariance(self) -> FloatArray:
        """Covariance of the variables, shape (v, v): reduced chi^2 (if above one) times the inverse normal matrix.

        Variables at a bound have none: their rows and columns are zero.
        """
        inside = ~self.at_bound
        matrix = np.zeros_like(self.normal_matrix)
        matrix[np.ix_(inside, inside)] = _inverse(self.normal_matrix[np.ix_(inside, inside)])
        return matrix * max(self.reduced_chi_squared, 1.0)


def minimise(
    model: Model,
    data: Data,
    parameters: Parameters,
    *,
    tolerance: float = 3e-4,
    most_evaluations: int = 60,
) -> Minimum:
    """Refine the variables of `parameters` (which is not changed) from their present values.

    Parameters
    ----------
    model, data
        The forward model and what it is compared with, on the same angles.
    parameters
        Values, bounds, ties, and what varies.
    tolerance
        Length of the last step, in standard uncertainties (the norm of the whole step).
    most_evaluations
        Budget of patterns with derivatives.
    """
    transfer = parameters.transfer()
    free = parameters.free_indices
    lower, upper = parameters.lower[free], parameters.upper[free]
    x = np.clip(parameters.values[free], lower, upper)
    state = _evaluate(model, data, parameters, transfer, x)
    damping, evaluations, reason = FIRST_DAMPING, 1, "the budget of evaluations was used up"
    outcome: Outcome = "not_converged"
    while evaluations < most_evaluations and len(free):
        step = bounded_step(_damped(state.normal, damping), state.gradient, lower - x, upper - x)
        length = float(step @ state.normal @ step)
        expected = -float(2 * state.gradient @ step + step @ state.normal @ step)
        trial = _evaluate(model, data, parameters, transfer, np.clip(x + step, lower, upper))
        evaluations += 1
        gained = state.chi_squared - trial.chi_squared
        small = length <= tolerance**2 * max(state.chi_squared / max(len(data.weight), 1), 1e-12)
        if np.isfinite(trial.chi_squared) and (gained > 1e-4 * expected or (small and gained >= 0)):
            x = np.clip(x + step, lower, upper)
            state = trial
            damping = max(damping * (0.1 if gained > 0.75 * expected else 0.5), LEAST_DAMPING)
        elif small:
            outcome, reason = "converged", ""
            break
        else:
            damping = damping * 10.0
            if damping > MOST_DAMPING:
                reason = "no step lowers chi-squared"
                break
            continue
        if small:
            outcome, reason = "converged", ""
            break
    if not len(free):
        outcome, reason = "converged", ""
    final = parameters.copy()
    final.values[:] = parameters.with_variables(x)
    return Minimum(
        parameters=final,
        chi_squared=state.chi_squared,
        points=len(data.weight),
        normal_matrix=state.normal,
        at_bound=_held(x, state.gradient, lower, upper),
        calculated=state.calculated,
        outcome=outcome,
        reason=reason or None,
        evaluations=evaluations,
    )


@dataclass(frozen=True, eq=False)
class _State:
    chi_squared: float
    normal: FloatArray
    gradient: FloatArray
    calculated: Calculated


def _evaluate(model: Model, data: Data, parameters: Parameters, transfer: FloatArray, x: FloatArray) -> _State:
    values = parameters.with_variables(x)
    calculated, jacobian = model.linearised(values, transfer, data.weight)
    residual = (calculated.total - data.intensity) * data.weight
    return _State(float(residual @ residual), jacobian @ jacobian.T, jacobian @ residual, calculated)


def _damped(normal: FloatArray, damping: float) -> FloatArray:
    matrix = normal.copy()
    diagonal = np.einsum("ii->i", matrix)
    diagonal += damping * diagonal
    diagonal[diagonal <= 0.0] = 1.0
    return matrix


def bounded_step(hessian: FloatArray, gradient: FloatArray, lower: FloatArray, upper: FloatArray) -> FloatArray:
    """Return the d within lower <= d <= upper that minimises d H d / 2 + g d (H positive definite, 0 feasible).

    A primal active-set method: variables join the active set where a step meets their bound, and leave it when
    their multiplier says that they would rather go inwards.
    """
    scale = 1.0 / np.sqrt(np.diag(hessian))
    h, g = hessian * np.outer(scale, scale), gradient * scale
    low, high = lower / scale, upper / scale
    d = np.zeros_like(g)
    pinned = low >= high  # no room at all: never let go, lest it go round in circles
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
    try:
        return np.asarray(np.linalg.solve(matrix, right))
    except np.linalg.LinAlgError:
        return np.asarray(np.linalg.lstsq(matrix, right, rcond=1e-12)[0])


def _held(x: FloatArray, gradient: FloatArray, lower: FloatArray, upper: FloatArray) -> NDArray[np.bool_]:
    """Tell which variables stand at a bound and would go on through it."""
    span = np.where(np.isfinite(upper - lower), upper - lower, np.maximum(np.abs(x), 1.0))
    near = 1e-9 * span
    return ((x <= lower + near) & (gradient >= 0)) | ((x >= upper - near) & (gradient <= 0))


def _inverse(matrix: FloatArray) -> FloatArray:
    """Invert a normal matrix after scaling it to a unit diagonal; a direction without information gets no variance."""
    diagonal = np.diag(matrix).copy()
    dead = diagonal <= 0.0
    diagonal[dead] = 1.0
    scale = 1.0 / np.sqrt(diagonal)
    scaled = matrix * np.outer(scale, scale)
    try:
        inverse = np.linalg.inv(scaled + np.diag(dead.astype(float)))
    except np.linalg.LinAlgError:
        inverse = np.linalg.pinv(scaled, rcond=1e-12, hermitian=True)
    inverse[dead] = inverse[:, dead] = 0.0
    return np.asarray(inverse * np.outer(scale, scale))
