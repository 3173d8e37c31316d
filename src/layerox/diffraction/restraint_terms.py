"""Restraint terms: what restraints and priors add to chi-squared, to its normal matrix and to its gradient.

A refinement has a prior for most of its variables. Each is of one parameter, so that all are evaluated as arrays; other
restraints are evaluated one by one.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from layerox.diffraction.parameters import Parameters
from layerox.diffraction.prior import LEAST_VALUE, PriorRestraint
from layerox.diffraction.restraints import Restraint
from layerox.typing import FloatArray


@dataclass(frozen=True, eq=False)
class RestraintTerms:
    """What restraints add to chi-squared, to its normal matrix, shape (v, v), and to its gradient, shape (v,)."""

    penalty: float
    normal: FloatArray
    gradient: FloatArray


class RestraintRows:
    """The restraints of a table of parameters: their residuals, and the derivatives of these.

    Parameters
    ----------
    restraints
        Observations and priors.
    parameters
        The table whose values they restrain.
    """

    def __init__(self, restraints: Sequence[Restraint], parameters: Parameters):
        self.parameters = parameters
        self.others = [restraint for restraint in restraints if not isinstance(restraint, PriorRestraint)]
        priors = [restraint for restraint in restraints if isinstance(restraint, PriorRestraint)]
        self.places = np.array([parameters.find(prior.name) for prior in priors], dtype=np.intp)
        self.target, self.esd = (np.array([getattr(p, field) for p in priors]) for field in ("target", "esd"))
        self.is_relative = np.array([prior.is_relative for prior in priors], dtype=bool)

    def at(self, values: FloatArray, transfer: FloatArray) -> tuple[FloatArray, FloatArray]:
        """Return all residuals and their derivatives by the variables, shapes (r,) and (r, v).

        `values` are those of the parameters, (n,), and `transfer` their derivatives, (n, v). The residual of a prior
        whose parameter does not vary is zero.
        """
        own = transfer[self.places]
        at_least = np.maximum(values[self.places], LEAST_VALUE)
        quantity = np.where(self.is_relative, np.log(at_least), values[self.places])
        slope = np.where(self.is_relative, 1.0 / at_least, 1.0) / self.esd
        misses = np.where(own.any(axis=1), (quantity - self.target) / self.esd, 0.0)
        rows = own * slope[:, None]
        if not self.others:
            return misses, rows
        more = [restraint.row(values, self.parameters, transfer) for restraint in self.others]
        return np.append(misses, [miss for miss, _ in more]), np.vstack([rows, *(row for _, row in more)])

    def terms(self, values: FloatArray, transfer: FloatArray) -> RestraintTerms:
        """Return what they add at some values."""
        misses, rows = self.at(values, transfer)
        return RestraintTerms(float(misses @ misses), rows.T @ rows, rows.T @ misses)

    def penalty(self, values: FloatArray, transfer: FloatArray) -> float:
        """Return what they add to chi-squared."""
        misses, _ = self.at(values, transfer)
        return float(misses @ misses)


def restraint_terms(
    restraints: Sequence[Restraint], values: FloatArray, parameters: Parameters, transfer: FloatArray
) -> RestraintTerms:
    """Return what restraints add at some values of the parameters, shape (m,); `transfer` has shape (m, v)."""
    return RestraintRows(restraints, parameters).terms(values, transfer)
