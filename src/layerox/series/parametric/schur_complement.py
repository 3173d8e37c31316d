"""Normal equations of many frames with a few common coefficients, reduced by the Schur complement.

The own variables of a frame couple to each other and to the coefficients, never to those of another frame, so they are
eliminated frame by frame; the system that remains has the size of the coefficients, and nothing is neglected (Nocedal &
Wright, Numerical Optimization, 2nd ed., 2006, appendix A; Stinton & Evans, J. Appl. Cryst. 40 (2007) 87,
doi:10.1107/S0021889806043275).
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from layerox.diffraction.normal_equations import inverse_of_normal
from layerox.typing import FloatArray


@dataclass(frozen=True, eq=False)
class FrameEquations:
    """The normal equations of one frame once its own variables are eliminated.

    Attributes
    ----------
    normal
        Schur complement N_ss - N_sl N_ll^-1 N_ls of the shared quantities, shape (m, m).
    force
        Minus the gradient (half of that of chi-squared) that is left for them, shape (m,).
    response
        N_ll^-1 N_ls: the own variables move by minus this times the shared ones, shape (l, m).
    inverse
        N_ll^-1, shape (l, l).
    """

    normal: FloatArray
    force: FloatArray
    response: FloatArray
    inverse: FloatArray

    def followed(self, slopes: FloatArray, inflation: float) -> tuple[FloatArray, FloatArray]:
        """Return how other quantities of the frame vary once its own variables follow the shared ones.

        Parameters
        ----------
        slopes
            Their derivatives with respect to (own, shared) variables, shape (p, l + m).
        inflation
            Reduced chi-squared of the frame, if above one.

        Returns
        -------
        tuple
            Their variances for fixed shared quantities, shape (p,), and their whole derivatives with respect
            to the shared ones, shape (p, m).
        """
        own, shared = slopes[:, : len(self.inverse)], slopes[:, len(self.inverse) :]
        return inflation * np.einsum("pi,ij,pj->p", own, self.inverse, own), shared - own @ self.response


def eliminated(normal: FloatArray, gradient: FloatArray, shared: NDArray[np.bool_]) -> FrameEquations:
    """Return the reduced normal equations of one frame.

    Parameters
    ----------
    normal, gradient
        J^T J and J^T r (r: calculated minus observed, weighted) of the frame's variables, shapes (v, v) and (v,).
    shared
        Which of the variables belong to all frames, shape (v,).
    """
    own = ~shared
    inverse = inverse_of_normal(normal[np.ix_(own, own)])
    coupling = normal[np.ix_(own, shared)]
    response = inverse @ coupling
    complement = normal[np.ix_(shared, shared)] - coupling.T @ response
    force = response.T @ gradient[own] - gradient[shared]
    return FrameEquations(0.5 * (complement + complement.T), force, response, inverse)


class ReducedNormal:
    """The reduced normal equations of all frames, summed up frame by frame.

    Parameters
    ----------
    size
        Number of coefficients.
    """

    def __init__(self, size: int):
        self.normal, self.spread = np.zeros((size, size)), np.zeros((size, size))
        self.force = np.zeros(size)

    def add(
        self,
        slopes: FloatArray,
        normal: FloatArray,
        force: FloatArray,
        inflation: float,
        scatter: FloatArray | float = 0.0,
    ) -> None:
        """Add a frame.

        Parameters
        ----------
        slopes
            Derivatives of its shared quantities with respect to the coefficients, shape (m, size).
        normal, force
            Normal equations of its common quantities; see `Reduced`.
        inflation
            Factor on its variances.
        scatter
            Of its shared quantities beyond their uncertainties, in their units, shape (m,).
        """
        spread = inflation * normal + (normal * np.square(scatter)) @ normal
        self.normal += slopes.T @ normal @ slopes
        self.spread += slopes.T @ spread @ slopes
        self.force += slopes.T @ force

    def step(self, damping: float = 0.0) -> FloatArray:
        """Return the Gauss-Newton step of the coefficients, damped after Levenberg and Marquardt, shape (size,)."""
        damped = self.normal + damping * np.diag(np.diag(self.normal))
        return inverse_of_normal(damped) @ self.force

    def promise(self, step: FloatArray) -> float:
        """Return by how much chi-squared would fall with a step if patterns followed their derivatives."""
        return max(float(2.0 * self.force @ step - step @ self.normal @ step), 1e-300)

    def length(self, step: FloatArray) -> float:
        """Return the length of a step in standard uncertainties."""
        pull = self.normal @ step
        return float(np.sqrt(max(float(pull @ inverse_of_normal(self.spread) @ pull), 0.0)))

    def covariance(self) -> FloatArray:
        """Return the covariance of the coefficients, shape (size, size).

        A^-1 M A^-1 with A the normal matrix and M the covariance of the forces, in which each frame has its own reduced
        chi-squared and the scatter of its own: frames with a bad fit or with scatter have less weight than their counts
        imply (White, Econometrica 48 (1980) 817, doi:10.2307/1912934).
        """
        inverse = inverse_of_normal(self.normal)
        found = inverse @ self.spread @ inverse
        return 0.5 * (found + found.T)
