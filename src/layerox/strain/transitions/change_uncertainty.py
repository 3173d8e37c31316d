"""Standard uncertainties of onset, midpoint and end of a change.

The whole procedure is repeated on values drawn about the fitted line. Three contributions are added: a bend too small
to detect, the spacing of the values at a turn or an abrupt change, and the difference from a logistic curve where that
fits as well. A logistic curve and straight pieces are compared by the Bayesian information criterion; a difference of
10 is decisive (Kass & Raftery, J. Am. Stat. Assoc. 90 (1995) 773, doi:10.1080/01621459.1995.10476572), otherwise their
mean is taken and their difference added to the uncertainty. tests/benchmarks/transitions.py measures the coverage.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from scipy.optimize import least_squares

from layerox.strain.transitions.broken_line import MIN_GAIN_SHAPE, BrokenLine, broken_line
from layerox.strain.transitions.monotone_runs import Run, chord, measured, measured_along, monotone_runs, turns_after
from layerox.typing import FloatArray

# Where a logistic change is 10 and 30 % complete, in widths from its middle, and the extrapolated onset.
TENTH, THIRD = np.log(1.0 / 9.0), np.log(3.0 / 7.0)
ONSET = float(TENTH - 0.5 * (THIRD - TENTH))
# Decisive difference of the information criterion.
DECISIVE = 10.0


@dataclass(frozen=True, kw_only=True, eq=False)
class Sigmoid:
    """A logistic change.

    Attributes
    ----------
    measured, esds
        Onset, midpoint, end, and the levels before and after, shape (5,).
    chi_squared
        Chi-squared of the values in the window.
    """

    measured: FloatArray
    esds: FloatArray
    chi_squared: float


PARAMETERS = 4


def logistic(place: FloatArray, before: float, after: float, middle: float, width: float) -> FloatArray:
    """Return before + (after - before) / (1 + exp(-(place - middle) / width))."""
    return before + (after - before) * 0.5 * (1.0 + np.tanh(0.5 * (place - middle) / width))


def fitted_sigmoid(place: FloatArray, value: FloatArray, esd: FloatArray, start: FloatArray) -> Sigmoid | None:
    """Return the logistic change fitted to values; None where they do not determine one.

    Parameters
    ----------
    place, value, esd
        Shape (n,).
    start
        Initial values of onset, midpoint, end and levels, shape (5,).
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
    # Rows: derivatives of the measured places with respect to before, after, middle and width.
    rows = np.array([[0, 0, 1, ONSET], [0, 0, 1, 0], [0, 0, 1, -ONSET], [1, 0, 0, 0], [0, 1, 0, 0]], dtype=np.float64)
    covariance = rows @ np.linalg.pinv(found.jac.T @ found.jac) @ rows.T
    esds = np.sqrt(np.maximum(np.diag(covariance), 0.0))
    return Sigmoid(measured=rows @ found.x, esds=esds, chi_squared=2.0 * float(found.cost))


def averaged(
    measured: FloatArray, esds: FloatArray, criterion: float, other: Sigmoid, other_criterion: float
) -> tuple[FloatArray, FloatArray]:
    """Return the combination of two descriptions, and its uncertainties, shapes (5,).

    Parameters
    ----------
    measured, esds, criterion
        Values and uncertainties of the first, shapes (5,), and its information criterion (lower is better).
    other, other_criterion
        The second, and its criterion.
    """
    if abs(criterion - other_criterion) >= DECISIVE:
        return (measured, esds) if criterion < other_criterion else (other.measured, other.esds)
    variance = 0.5 * (esds**2 + other.esds**2) + 0.25 * (measured - other.measured) ** 2
    return 0.5 * (measured + other.measured), np.sqrt(variance)


# Share of the draws that must show the change; otherwise its uncertainties are unknown.
SHOWN = 0.6
# Factor on the smallest change in draws, so that a change just above the limit is not missed by chance.
LESS = 0.8
# Smallest number of values for a chord.
FEWEST = 4


@dataclass(frozen=True, eq=False)
class Fitted:
    """Values (n,) with the broken line through them, its runs, and the least change that counts."""

    place: FloatArray
    value: FloatArray
    sigma: FloatArray
    line: BrokenLine
    runs: Sequence[Run]
    least: float


def measured_with_spread(fitted: Fitted, draws: int, rng: np.random.Generator) -> tuple[FloatArray, FloatArray]:
    """Return the places of each run (see `monotone_runs.measured`) and their standard uncertainties, shapes (r, 5)."""
    rows = np.array([measured(fitted.line, run) for run in fitted.runs])
    spread = _drawn(fitted, rows, draws, rng)
    for k in range(len(rows)):
        rows[k], spread[k] = _with_chord(fitted, k, *_with_sigmoid(fitted, k, rows[k], spread[k]))
        spread[k, :3] = np.hypot(spread[k, :3], _resolution(fitted.place, rows[k]))
        spread[k, :3] = np.hypot(spread[k, :3], _hidden_bends(fitted, rows[k]))
    return rows, spread


def _drawn(fitted: Fitted, rows: FloatArray, draws: int, rng: np.random.Generator) -> FloatArray:
    """Return the spread of the places when values are drawn about the line, shape (r, 5)."""
    expected = fitted.line(fitted.place)
    found: list[list[FloatArray]] = [[] for _ in rows]
    for _ in range(draws):
        value = expected + fitted.sigma * rng.standard_normal(len(expected))
        line = broken_line(fitted.place, value, fitted.sigma, noise=1.0, min_gain=MIN_GAIN_SHAPE)
        others = [measured(line, run) for run in monotone_runs(line, LESS * fitted.least)]
        for k, row in enumerate(rows):
            matching = _matching(row, others)
            found[k] += [matching] if matching is not None else []
    return np.array([_half_width(own, draws) for own in found])


def _matching(row: FloatArray, others: Sequence[FloatArray]) -> FloatArray | None:
    """Return the drawn change with the same direction and the largest overlap with a measured one."""

    def shared(other: FloatArray) -> float:
        return float(min(other[2], row[2]) - max(other[0], row[0]))

    same = [other for other in others if (other[4] - other[3]) * (row[4] - row[3]) > 0]
    best = max(same, key=shared, default=None)
    apart = -float(row[2] - row[0]) - 1.0
    return best if best is not None and shared(best) > apart else None


def _half_width(rows: Sequence[FloatArray], draws: int) -> FloatArray:
    """Return half the width of the central 68 % of the draws, shape (5,); nan with too few draws."""
    if len(rows) < SHOWN * draws:
        return np.full(5, np.nan)
    low, high = np.quantile(np.array(rows), (0.1587, 0.8413), axis=0)
    return np.asarray(0.5 * (high - low))


def _with_sigmoid(fitted: Fitted, k: int, row: FloatArray, spread: FloatArray) -> tuple[FloatArray, FloatArray]:
    """Return places and uncertainties with a logistic curve as alternative; unchanged beside a reversal."""
    line, runs = fitted.line, fitted.runs
    if turns_after(line, runs, k - 1) or turns_after(line, runs, k):
        return row, spread
    before, after = runs[k - 1][1] if k else 0, runs[k + 1][0] if k + 1 < len(runs) else len(line.knots) - 1
    window = (fitted.place >= line.knots[before]) & (fitted.place <= line.knots[after])
    x, y, sigma = fitted.place[window], fitted.value[window], fitted.sigma[window]
    found = fitted_sigmoid(x, y, sigma, row)
    if found is None:
        return row, spread
    price, own = np.log(len(x)), 2 * (after - before)
    chi_squared = float((((line(x) - y) / sigma) ** 2).sum())
    return averaged(row, spread, chi_squared + price * own, found, found.chi_squared + price * PARAMETERS)


def _with_chord(fitted: Fitted, k: int, row: FloatArray, spread: FloatArray) -> tuple[FloatArray, FloatArray]:
    """Return places and uncertainties including those from the unmeasured range between two values.

    The line bends at one place between two values, the chord joins them; half of the difference is added to the
    uncertainties. At a turning point the line extends beyond all values, and the mean of line and chord is used.
    """
    line, runs = fitted.line, fitted.runs
    points, heights = chord(line, runs[k], fitted.place)
    if len(points) < FEWEST:
        return row, spread
    half = 0.5 * (measured_along(points, heights) - measured(line, runs[k]))
    begins, ends = turns_after(line, runs, k - 1), turns_after(line, runs, k)
    turning = np.array([begins, begins or ends, ends, begins, ends])
    return row + half * turning, np.hypot(spread, half)


def _hidden_bends(fitted: Fitted, row: FloatArray) -> FloatArray:
    """Return the uncertainty of onset, midpoint and end from bends too small to detect, shape (3,).

    A piece may deviate from a straight line by less than the detection limit of a knot; the crossing of a level moves
    by this deviation over the slope. Onset and end, extrapolated from two points, move 1.5 times as far.
    """
    onset, middle, end, before, after = row
    early, late = onset + 0.2 * (middle - onset), end - 0.2 * (end - middle)
    usual = abs(after - before) / (end - onset)
    return np.array([1.5, 1.0, 1.5]) * [_bend(fitted, at, usual) for at in (early, middle, late)]


def _bend(fitted: Fitted, at: float, least_slope: float) -> float:
    """Return the largest shift of the crossing of a level by an undetected bend at a place."""
    knots, heights = fitted.line.knots, fitted.line.heights
    piece = int(np.clip(np.searchsorted(knots, at) - 1, 0, len(knots) - 2))
    within = (fitted.place >= knots[piece]) & (fitted.place <= knots[piece + 1])
    if not within.any():
        return 0.0
    slope = abs(float((heights[piece + 1] - heights[piece]) / (knots[piece + 1] - knots[piece])))
    bow = float(np.median(fitted.sigma[within])) * math.sqrt(MIN_GAIN_SHAPE / int(within.sum()))
    return bow / max(slope, least_slope)


def _resolution(place: FloatArray, row: FloatArray) -> float:
    """Return the contribution of the spacing of the values to the uncertainties of a change.

    A change with two or more values inside shows its onset and end; a shorter one is only located between two values.
    """
    onset, _, end, *_ = row
    within = int(((place > onset) & (place < end)).sum())
    after = min(int(np.searchsorted(place, end)), len(place) - 1)
    before = max(after - within - 1, 0)
    return float(place[after] - place[before]) / 12.0**0.5 if within < 2 else 0.0
