"""Least squares: weighted least squares with bounds, by the Levenberg-Marquardt method.

Each step minimises the damped quadratic model within the bounds, so that a variable at its bound does not disturb the
step of the others. The covariance is the inverse of the full normal matrix of the variables that are not at a bound.
(Nocedal & Wright, Numerical Optimization, 2nd ed., 2006, chapters 10 and 16.)
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from layerox.diffraction.minimum import Data, Histogram, Minimum
from layerox.diffraction.model import Calculated, Model
from layerox.diffraction.normal_equations import bounded_step
from layerox.diffraction.parameters import Parameters
from layerox.diffraction.restraint_terms import RestraintRows
from layerox.diffraction.restraints import Restraint
from layerox.typing import FloatArray

FIRST_DAMPING = 1e-4
# The same near a minimum, where damping matters for strongly correlated variables only.
NEAR_DAMPING = 1e-6
LEAST_DAMPING = 1e-9
# Factors on damping after a good step, after a good step that follows a rejected one, and after a poor step.
AFTER_GOOD, AFTER_REJECTED, AFTER_POOR = 0.1, 0.333, 0.5
# Share of the expected fall that makes a step good.
GOOD = 0.75
# After a rejected step, damping rises in these factors until the step is shorter by a share between these two.
RAISED, LEAST_SHARE, MOST_SHARE = math.sqrt(10.0), 0.1, 0.5
# Share of the predicted fall of chi-squared that a step must reach.
WORTH_OF_STEP = 1e-4
# A step as short as this (in standard uncertainties, for each variable) may fail to lower chi-squared because tails
# are cut and integrals are sums.
WITHIN_NOISE = 0.02
# A descent ends if this number of evaluations in a row lowers chi-squared by less than this share of its reduced value:
# for a bad fit, the linearised model predicts falls that the true model does not have.
STALLED_FOR, STALLED = 10, 0.05
# The same for a descent that others follow (tolerance of at least `COARSE`): a tenth of what a strategy demands of a
# freed parameter.
COARSE, COARSELY_STALLED_FOR, COARSELY_STALLED = 0.1, 6, 1.0


def minimise(
    model: Model,
    data: Data,
    parameters: Parameters,
    *,
    tolerance: float = 3e-4,
    most_evaluations: int = 60,
    restraints: Sequence[Restraint] = (),
    damping: float = FIRST_DAMPING,
) -> Minimum:
    """Refine the variables of `parameters` against one pattern; see `minimise_jointly`.

    `damping` is that of the first step, in units of the diagonal of the normal matrix.
    """
    descent = _Descent([Histogram(model, data)], parameters, restraints, damping)
    while not descent.ended and descent.evaluations < most_evaluations:
        descent.step(tolerance)
    return descent.minimum()


def minimise_jointly(
    histograms: Sequence[Histogram],
    parameters: Parameters,
    *,
    tolerance: float = 3e-4,
    most_evaluations: int = 60,
    restraints: Sequence[Restraint] = (),
) -> Minimum:
    """Refine the variables of `parameters` (which is not changed) from their present values.

    Parameters
    ----------
    histograms
        The patterns; chi-squared is the sum over all of them.
    parameters
        Values, bounds, ties, expressions, and what varies.
    tolerance
        Length of the last step, in standard uncertainties (the norm of the whole step).
    most_evaluations
        Largest number of patterns with derivatives.
    restraints
        Observations in addition to the patterns.
    """
    descent = _Descent(histograms, parameters, restraints)
    while not descent.ended and descent.evaluations < most_evaluations:
        descent.step(tolerance)
    return descent.minimum()


# The variables on which a histogram depends, and the derivatives of its values by them.
_Chain = tuple[NDArray[np.intp], FloatArray]


@dataclass(frozen=True, eq=False)
class _State:
    chi_squared: float
    penalty: float
    normal: FloatArray
    gradient: FloatArray
    patterns: tuple[Calculated, ...]

    @property
    def objective(self) -> float:
        return self.chi_squared + self.penalty


class _Descent:
    """A descent to a minimum, step by step."""

    def __init__(
        self,
        histograms: Sequence[Histogram],
        parameters: Parameters,
        restraints: Sequence[Restraint] = (),
        damping: float = FIRST_DAMPING,
    ):
        self.histograms, self.parameters, self.restraints = tuple(histograms), parameters, tuple(restraints)
        self.places = [histogram.places(parameters) for histogram in self.histograms]
        self.rows = RestraintRows(self.restraints, parameters)
        self._chains: tuple[FloatArray, list[_Chain]] | None = None
        self.points = sum(len(histogram.data.weight) for histogram in self.histograms)
        free = parameters.free_indices
        self.lower, self.upper = parameters.lower[free], parameters.upper[free]
        self.x = np.clip(parameters.values[free], self.lower, self.upper)
        self.evaluations, self.damping = 0, damping
        self.state = self._evaluated(self.x)
        self._last_step: tuple[_State | None, float, FloatArray] = (None, 0.0, self.x)
        self.history = [self.state.objective]
        self.ended, self._was_rejected = not len(free), False
        self.reason = "" if self.ended else "the budget of evaluations was used up"

    def step(self, tolerance: float) -> None:
        """Try one step, and accept it if it lowers the objective; end when the next step is shorter than `tolerance`.

        A stalled descent ends too.
        """
        if self.evaluations > 1 and self._undamped_length() <= tolerance:
            return self._end("")
        step = self._proposed(self.damping)
        expected = self._expected(step)
        place = np.clip(self.x + step, self.lower, self.upper)
        # After a rejected step the next one is often rejected too, which needs no derivatives to be known.
        trial = None if self._was_rejected else self._evaluated(place)
        objective = self._objective(place) if trial is None else trial.objective
        gained = self.state.objective - objective
        lower = bool(np.isfinite(objective)) and gained > WORTH_OF_STEP * expected
        if trial is None:
            self.evaluations += not lower
        was_rejected, self._was_rejected = self._was_rejected, not lower
        if lower:
            self.x, self.state = place, trial or self._evaluated(place)
            good = AFTER_REJECTED if was_rejected else AFTER_GOOD
            self.damping = max(self.damping * (good if gained > GOOD * expected else AFTER_POOR), LEAST_DAMPING)
            self.history.append(self.state.objective)
            return self._end("") if self._has_stalled(tolerance) else None
        self.damping = self._raised_damping(step, -gained)
        self.history.append(self.state.objective)
        if self._has_stalled(tolerance):
            return self._end("")
        return self._end("") if self._undamped_length() <= WITHIN_NOISE * np.sqrt(len(self.x)) else None

    def _has_stalled(self, tolerance: float) -> bool:
        """Whether the last evaluations together lower chi-squared by less than a descent of a tolerance is for."""
        is_coarse = tolerance >= COARSE
        count, least = (COARSELY_STALLED_FOR, COARSELY_STALLED) if is_coarse else (STALLED_FOR, STALLED)
        if len(self.history) <= count:
            return False
        fall = self.history[-1 - count] - self.history[-1]
        return bool(fall < least * self.history[-1] / max(self.points, 1))

    def _length(self, step: FloatArray) -> float:
        """Return the length of a step in standard uncertainties."""
        reduced = max(self.state.chi_squared / max(self.points, 1), 1e-12)
        return float(np.sqrt(np.maximum(step @ self.state.normal @ step, 0.0) / reduced))

    def _undamped_length(self) -> float:
        """Return the length of the undamped step; a damped step can be short far from the minimum."""
        return self._length(self._proposed(LEAST_DAMPING))

    def _proposed(self, damping: float) -> FloatArray:
        state, known, step = self._last_step
        if state is not self.state or known != damping:
            matrix = _damped(self.state.normal, damping)
            step = bounded_step(matrix, self.state.gradient, self.lower - self.x, self.upper - self.x)
            self._last_step = self.state, damping, step
        return step

    def _raised_damping(self, rejected: FloatArray, rise: float) -> float:
        """Return the damping of a step that is shorter than a rejected one, by which the objective would rise.

        The share of its length follows from the parabola with the slope at the present point and the value there.
        """
        slope = -2.0 * float(self.state.gradient @ rejected)
        share = slope / (2.0 * (slope + rise)) if np.isfinite(rise) and slope + rise > 0.0 else 0.0
        limit = min(max(share, LEAST_SHARE), MOST_SHARE) * self._scaled_length(rejected)
        damping = self.damping * RAISED
        while self._scaled_length(self._proposed(damping)) > limit:
            damping *= RAISED
        return damping

    def _scaled_length(self, step: FloatArray) -> float:
        """Return the length of a step in the units of the damping."""
        return float(np.sqrt(np.diag(self.state.normal) @ step**2))

    def _expected(self, step: FloatArray) -> float:
        return -float(2 * self.state.gradient @ step + step @ self.state.normal @ step)

    def _evaluated(self, x: FloatArray) -> _State:
        self.evaluations += 1
        values = self.parameters.with_variables(x)
        transfer, chains = self._derivatives(values)
        chi_squared, patterns = 0.0, []
        normal, gradient = np.zeros((len(x), len(x))), np.zeros(len(x))
        for histogram, places, (used, own) in zip(self.histograms, self.places, chains, strict=True):
            data = histogram.data
            calculated, jacobian = histogram.model.linearised(values[places], own, data.weight)
            residual = (calculated.total - data.intensity) * data.weight
            chi_squared += float(residual @ residual)
            normal[np.ix_(used, used)] += jacobian @ jacobian.T
            gradient[used] += jacobian @ residual
            patterns.append(calculated)
        added = self.rows.terms(values, transfer)
        return _State(chi_squared, added.penalty, normal + added.normal, gradient + added.gradient, tuple(patterns))

    def _derivatives(self, values: FloatArray) -> tuple[FloatArray, list[_Chain]]:
        """Return the derivatives of all values by the variables, and those of each histogram by its variables.

        Of many histograms, each depends on a few of the variables. Only those of expressions change with the values.
        """
        if self._chains is None or self.parameters.expressions:
            transfer = self.parameters.transfer(values)
            own = [transfer[places] for places in self.places]
            used = [np.flatnonzero(block.any(axis=0)) for block in own]
            self._chains = transfer, [(u, block[:, u]) for u, block in zip(used, own, strict=True)]
        return self._chains

    def _objective(self, x: FloatArray) -> float:
        """Return what is minimised, without the derivatives."""
        values = self.parameters.with_variables(x)
        total = 0.0
        for histogram, places in zip(self.histograms, self.places, strict=True):
            calculated = histogram.model.calculated(values[places])
            residual = (calculated.total - histogram.data.intensity) * histogram.data.weight
            total += float(residual @ residual)
        if self.restraints:
            total += self.rows.penalty(values, self._derivatives(values)[0])
        return total

    def _end(self, reason: str) -> None:
        self.ended, self.reason = True, reason

    def minimum(self) -> Minimum:
        """Return the present point of the descent."""
        final = self.parameters.copy()
        final.values[:] = self.parameters.with_variables(self.x)
        return Minimum(
            parameters=final,
            chi_squared=self.state.chi_squared,
            penalty=self.state.penalty,
            points=self.points,
            normal_matrix=self.state.normal,
            at_bound=_held(self.x, self.state.gradient, self.lower, self.upper),
            patterns=self.state.patterns,
            outcome="not_converged" if self.reason else "converged",
            reason=self.reason or None,
            evaluations=self.evaluations,
            next_step=self._proposed(LEAST_DAMPING),
            prior_curvature={
                name: curvature
                for restraint in self.restraints
                for name, curvature in restraint.prior_curvature(final).items()
            },
            prior_spread={
                name: restraint.spread for restraint in self.restraints for name in restraint.prior_curvature(final)
            },
        )


def _damped(normal: FloatArray, damping: float) -> FloatArray:
    matrix = normal.copy()
    diagonal = np.einsum("ii->i", matrix)
    diagonal += damping * diagonal
    diagonal[diagonal <= 0.0] = 1.0
    return matrix


def _held(x: FloatArray, gradient: FloatArray, lower: FloatArray, upper: FloatArray) -> NDArray[np.bool_]:
    """Return which variables are at a bound and have a gradient that points through it."""
    span = np.where(np.isfinite(upper - lower), upper - lower, np.maximum(np.abs(x), 1.0))
    near = 1e-9 * span
    return ((x <= lower + near) & (gradient >= 0)) | ((x >= upper - near) & (gradient <= 0))
