"""Minimum: the data of a refinement, its histograms, and the point where it ended, with the covariance."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from layerox.diffraction.model import Calculated, Model
from layerox.diffraction.normal_equations import inverse_of_normal
from layerox.diffraction.parameters import Parameters
from layerox.typing import FloatArray

Outcome = Literal["converged", "not_converged"]


@dataclass(frozen=True, eq=False)
class Data:
    """The data of a fit: intensities and one over their sigmas, shape (n,)."""

    intensity: FloatArray
    weight: FloatArray

    @property
    def norm(self) -> float:
        """Sum of squared weighted intensities, the denominator of R_wp^2."""
        return float(((self.intensity * self.weight) ** 2).sum())


@dataclass(frozen=True, eq=False)
class Histogram:
    """One pattern of a refinement: its model, its data, and the names of the model's values in the table of parameters.

    Attributes
    ----------
    model, data
        On the same angles.
    names
        The name of a parameter for each value of the model; None if they have the model's names.
    """

    model: Model
    data: Data
    names: tuple[str, ...] | None = None

    def places(self, parameters: Parameters) -> NDArray[np.intp]:
        """Return the index of each of the model's values in a table of parameters."""
        return parameters.places(self.model.names if self.names is None else self.names)


@dataclass(frozen=True, eq=False)
class Minimum:
    """The final point of a refinement.

    Attributes
    ----------
    parameters
        All parameters, at their final values.
    chi_squared
        Weighted sum of squared differences, of the data alone.
    points
        Number of data points.
    normal_matrix
        J^T J of all variables, shape (v, v).
    at_bound
        Which variables are at a bound, shape (v,).
    patterns
        The calculated pattern of each histogram at the final values.
    outcome, reason
        Whether it converged, and if not why.
    evaluations
        Number of patterns with derivatives computed.
    next_step
        The next undamped step, shape (v,); None if it was not calculated.
    prior_curvature
        The part of the diagonal of `normal_matrix` that comes from priors, by variable.
    penalty
        What restraints and priors add to chi-squared.
    prior_spread
        Residuals over sigmas for which each prior is weighted, by variable.
    """

    parameters: Parameters
    chi_squared: float
    points: int
    normal_matrix: FloatArray
    at_bound: NDArray[np.bool_]
    patterns: tuple[Calculated, ...]
    outcome: Outcome
    reason: str | None
    evaluations: int
    next_step: FloatArray | None = None
    prior_curvature: Mapping[str, float] = field(default_factory=dict)
    penalty: float = 0.0
    prior_spread: Mapping[str, float] = field(default_factory=dict)

    @property
    def objective(self) -> float:
        """What is minimised: chi-squared of the data, and the penalty of restraints and priors."""
        return self.chi_squared + self.penalty

    @property
    def calculated(self) -> Calculated:
        """The calculated pattern of the only (or first) histogram."""
        return self.patterns[0]

    @property
    def reduced_chi_squared(self) -> float:
        """chi^2 divided by the degrees of freedom (goodness of fit squared)."""
        return self.chi_squared / max(self.points - len(self.at_bound), 1)

    def esd(self, name: str) -> float:
        """Return the standard uncertainty of a variable, 0 for anything else.

        For a variable at a bound, it is the one without the bound.
        """
        names = self.parameters.free_names
        if name not in names:
            return 0.0
        k = names.index(name)
        matrix = self.full_covariance if self.at_bound[k] else self.covariance
        return float(np.sqrt(max(matrix[k, k], 0.0)))

    def esd_holding(self, name: str, held: Sequence[str]) -> float:
        """Return the standard uncertainty of a variable when some others are fixed, 0 for anything else."""
        names = self.parameters.free_names
        fixed = {names.index(other) for other in held if other in names}
        if name not in names or not fixed:
            return self.esd(name)
        k = names.index(name)
        kept = [i for i in range(len(names)) if i not in fixed and (i == k or not self.at_bound[i])]
        return float(np.sqrt(max(self._covariance_of(np.array(kept))[kept.index(k), kept.index(k)], 0.0)))

    @cached_property
    def largest_shift(self) -> float | None:
        """Largest component of the next step in standard uncertainties ("shift/su"), None when it is not known.

        Variables at a bound have no uncertainty and are left out.
        """
        if self.next_step is None:
            return None
        esds = np.sqrt(np.maximum(np.diag(self.covariance), 0.0))
        known = esds > 0.0
        return float(np.max(np.abs(self.next_step[known]) / esds[known], initial=0.0))

    @cached_property
    def full_covariance(self) -> FloatArray:
        """Covariance without any bound, shape (v, v)."""
        return self._covariance_of(np.arange(len(self.at_bound)))

    @cached_property
    def covariance(self) -> FloatArray:
        """Covariance of the variables, shape (v, v): reduced chi^2 (if above one) times the inverse normal matrix.

        Variables at a bound have none: their rows and columns are zero.
        """
        inside = np.flatnonzero(~self.at_bound)
        matrix = np.zeros_like(self.normal_matrix)
        matrix[np.ix_(inside, inside)] = self._covariance_of(inside)
        return matrix

    def _covariance_of(self, kept: NDArray[np.intp]) -> FloatArray:
        """Return the covariance of some variables, the others fixed.

        With priors that are weighted for larger residuals than the data have (serial correlation), it is that of the
        weighted mean of data and priors.
        """
        inverse = inverse_of_normal(self.normal_matrix[np.ix_(kept, kept)])
        of_data = max(self.reduced_chi_squared, 1.0)
        more = np.maximum(self.prior_variances - of_data, 0.0)[kept] * self.prior_diagonal[kept]
        return np.asarray(inverse * of_data + (inverse * more) @ inverse)

    @property
    def prior_variances(self) -> FloatArray:
        """Squared `prior_spread` of each variable, shape (v,)."""
        return np.array([self.prior_spread.get(name, 0.0) for name in self.parameters.free_names]) ** 2

    @property
    def prior_diagonal(self) -> FloatArray:
        """`prior_curvature` of each variable, shape (v,)."""
        return np.array([self.prior_curvature.get(name, 0.0) for name in self.parameters.free_names])

    @cached_property
    def counting_covariance(self) -> FloatArray:
        """The part of `covariance` that comes from the noise of the data, without that of priors, shape (v, v)."""
        if not self.prior_curvature:
            return self.covariance
        inside = np.flatnonzero(~self.at_bound)
        inverse = inverse_of_normal(self.normal_matrix[np.ix_(inside, inside)])
        matrix = np.zeros_like(self.normal_matrix)
        matrix[np.ix_(inside, inside)] = inverse - (inverse * self.prior_diagonal[inside]) @ inverse
        return matrix * max(self.reduced_chi_squared, 1.0)
