"""Sigmoid: a change as one logistic curve, and how likely that is beside a line of straight pieces.

What a few noisy values leave open is whether a change is gradual or a ramp. Both are fitted; where the Bayesian
information criterion is decisive (a difference of 10: Kass & Raftery, J. Am. Stat. Assoc. 90 (1995) 773,
doi:10.1080/01621459.1995.10476572) one is taken, else their mean, the disagreement being part of the uncertainty.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from scipy.optimize import least_squares

from layerox.typing import FloatArray

# Where 10, 30, 70 and 90 % of a logistic change are done, in widths from its middle, and the onset that follows.
TENTH, THIRD = np.log(1.0 / 9.0), np.log(3.0 / 7.0)
ONSET = float(TENTH - 0.5 * (THIRD - TENTH))
# Difference of the information criterion that decides.
DECISIVE = 10.0


@dataclass(frozen=True, kw_only=True, eq=False)
class Sigmoid:
    """A logistic change.

    Attributes
    ----------
    measured, esds
        Onset, midpoint, end, and the levels before and after, shape (5,).
    chi_squared
        Of the values in the window.
    """

    measured: FloatArray
    esds: FloatArray
    chi_squared: float


PARAMETERS = 4


def logistic(place: FloatArray, before: float, after: float, middle: float, width: float) -> FloatArray:
    """Return before + (after - before) / (1 + exp(-(place - middle) / width))."""
    return before + (after - before) * 0.5 * (1.0 + np.tanh(0.5 * (place - middle) / width))


def fitted_sigmoid(place: FloatArray, value: FloatArray, esd: FloatArray, start: FloatArray) -> Sigmoid | None:
    """Return the logistic change through values; None where they do not determine one.

    Parameters
    ----------
    place, value, esd
        Shape (n,).
    start
        Onset, midpoint, end and levels to start from, shape (5,).
    """
    onset, middle, end, before, after = start
    gap = float(np.median(np.diff(place)))
    first = np.array([before, after, middle, max((end - onset) / (-2.0 * ONSET), 0.2 * gap)])
    bounds = ([-np.inf, -np.inf, place[0], 0.05 * gap], [np.inf, np.inf, place[-1], float(np.ptp(place))])
    if len(place) <= PARAMETERS or not place[0] < middle < place[-1]:
        return None
    found = least_squares(lambda p: (logistic(place, *p) - value) / esd, first, bounds=bounds, x_scale="jac")
    if not found.success or found.active_mask.any():
        return None
    # Rows: what is measured, as it depends on before, after, middle and width.
    rows = np.array([[0, 0, 1, ONSET], [0, 0, 1, 0], [0, 0, 1, -ONSET], [1, 0, 0, 0], [0, 1, 0, 0]], dtype=np.float64)
    covariance = rows @ np.linalg.pinv(found.jac.T @ found.jac) @ rows.T
    esds = np.sqrt(np.maximum(np.diag(covariance), 0.0))
    return Sigmoid(measured=rows @ found.x, esds=esds, chi_squared=2.0 * float(found.cost))


def averaged(
    measured: FloatArray, esds: FloatArray, criterion: float, other: Sigmoid, other_criterion: float
) -> tuple[FloatArray, FloatArray]:
    """Return what two descriptions say together, and its uncertainties, shapes (5,).

    Parameters
    ----------
    measured, esds, criterion
        What the first says, shapes (5,), and its information criterion (the lower, the likelier).
    other, other_criterion
        The second.
    """
    if abs(criterion - other_criterion) >= DECISIVE:
        return (measured, esds) if criterion < other_criterion else (other.measured, other.esds)
    variance = 0.5 * (esds**2 + other.esds**2) + 0.25 * (measured - other.measured) ** 2
    return 0.5 * (measured + other.measured), np.sqrt(variance)
