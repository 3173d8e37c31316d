"""Linear response: a model linearised at its minimum: what its variables and fractions follow when the data change.

A curve dy added to the data changes the variables by dp = (J W J^T)^-1 J W dy, to first order; the part of dy that the
variables cannot reproduce remains in the residuals.
"""

from __future__ import annotations

import math
from functools import cached_property

import numpy as np

from layerox.diffraction.minimum import Data, Minimum
from layerox.diffraction.model import Model
from layerox.diffraction.normal_equations import inverse_of_normal
from layerox.diffraction.weight_fractions import fraction_slopes, of_the_specimen, phase_weights
from layerox.typing import FloatArray


class LinearResponse:
    """A model linearised at a minimum.

    Attributes
    ----------
    model, minimum, data
        The refined model, its minimum, and the data.
    difference
        Observed minus calculated over sigma, shape (n,).
    spread
        Goodness of fit, at least 1.
    slopes
        Derivatives of the weight fractions with respect to the variables that are not at a bound, shape (p, v).
    """

    def __init__(self, model: Model, minimum: Minimum, data: Data):
        self.model, self.minimum, self.data = model, minimum, data
        table = minimum.parameters
        transfer = table.transfer()
        count = len(model.names)
        calculated, jacobian = model.linearised(table.values[:count], transfer[:count], data.weight)
        free = ~minimum.at_bound
        self.jacobian = jacobian[free]
        self.inverse = inverse_of_normal(minimum.normal_matrix[np.ix_(free, free)])
        self.difference = (data.intensity - calculated.total) * data.weight
        self.spread = math.sqrt(max(minimum.reduced_chi_squared, 1.0))
        weights = of_the_specimen(phase_weights(model, table.values[:count], transfer[:count]), model.phases)
        self.slopes = fraction_slopes(weights.values, weights.slopes[:, free])[1]

    @cached_property
    def residual(self) -> FloatArray:
        """Observed minus calculated over sigma, without the part that the variables can reproduce, shape (n,)."""
        return self.remainder(self.difference)

    @cached_property
    def _basis(self) -> FloatArray:
        """An orthonormal basis of what the variables can reproduce, shape (n, v)."""
        return np.asarray(np.linalg.qr(self.jacobian.T)[0])

    def fraction_changes(self, curves: FloatArray) -> FloatArray:
        """Return the changes of the weight fractions for weighted curves added to the data, (n, ...) to (p, ...)."""
        return np.asarray(self.slopes @ (self.inverse @ (self.jacobian @ curves)))

    def unfollowed(self, curves: FloatArray) -> FloatArray:
        """Return what remains of weighted curves, shape (n, m), when the variables follow within their priors."""
        return np.asarray(curves - self.jacobian.T @ (self.inverse @ (self.jacobian @ curves)))

    def remainder(self, curves: FloatArray) -> FloatArray:
        """Return the part of weighted curves, shape (n, ...), that the variables cannot reproduce."""
        return np.asarray(curves - self._basis @ (self._basis.T @ curves))
