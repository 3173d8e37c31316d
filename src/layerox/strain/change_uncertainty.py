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

from layerox.strain.broken_line import WORTH_SHAPE, BrokenLine, broken_line
from layerox.strain.monotone_runs import Run, chord, measured, measured_along, monotone_runs, turns_after
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


# Share of the draws that must show a change too; otherwise its uncertainties are not known.
SHOWN = 0.6
# Share of the least change from which on a drawn one counts: what is just large enough must not be missed by chance.
LESS = 0.8
# Values that a chord joins.
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
    """Return what is measured of each run (see `runs.measured`) and its standard uncertainties, shapes (r, 5)."""
    rows = np.array([measured(fitted.line, run) for run in fitted.runs])
    spread = _drawn(fitted, rows, draws, rng)
    for k in range(len(rows)):
        rows[k], spread[k] = _with_chord(fitted, k, *_with_sigmoid(fitted, k, rows[k], spread[k]))
        spread[k, :3] = np.hypot(spread[k, :3], _resolution(fitted.place, rows[k]))
        spread[k, :3] = np.hypot(spread[k, :3], _hidden_bends(fitted, rows[k]))
    return rows, spread


def _drawn(fitted: Fitted, rows: FloatArray, draws: int, rng: np.random.Generator) -> FloatArray:
    """Return how far what is measured spreads when values are drawn anew about the line, shape (r, 5)."""
    expected = fitted.line(fitted.place)
    found: list[list[FloatArray]] = [[] for _ in rows]
    for _ in range(draws):
        value = expected + fitted.sigma * rng.standard_normal(len(expected))
        line = broken_line(fitted.place, value, fitted.sigma, noise=1.0, worth=WORTH_SHAPE)
        others = [measured(line, run) for run in monotone_runs(line, LESS * fitted.least)]
        for k, row in enumerate(rows):
            alike = _alike(row, others)
            found[k] += [alike] if alike is not None else []
    return np.array([_half_width(own, draws) for own in found])


def _alike(row: FloatArray, others: Sequence[FloatArray]) -> FloatArray | None:
    """Return that one of the drawn changes which goes the same way and has most in common with a measured one."""

    def shared(other: FloatArray) -> float:
        return float(min(other[2], row[2]) - max(other[0], row[0]))

    same = [other for other in others if (other[4] - other[3]) * (row[4] - row[3]) > 0]
    best = max(same, key=shared, default=None)
    apart = -float(row[2] - row[0]) - 1.0
    return best if best is not None and shared(best) > apart else None


def _half_width(rows: Sequence[FloatArray], draws: int) -> FloatArray:
    """Return half the width of the central 68 % of what draws have found, shape (5,); nan if too few have."""
    if len(rows) < SHOWN * draws:
        return np.full(5, np.nan)
    low, high = np.quantile(np.array(rows), (0.1587, 0.8413), axis=0)
    return np.asarray(0.5 * (high - low))


def _with_sigmoid(fitted: Fitted, k: int, row: FloatArray, spread: FloatArray) -> tuple[FloatArray, FloatArray]:
    """Return what is known of a change when it may be a gradual one too; one that ends by a reversal is not."""
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
    """Return what is known of a change when nobody saw what happens between two values.

    The line bends at one place between them, the chord joins them; half of the difference is added to the
    uncertainties. Where the level turns, the line reaches beyond all values: half-way lies what is said of that side.
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
    """Return what bends that are too small to be seen leave open of onset, midpoint and end, shape (3,).

    A piece may bow by as much as lowers chi-squared by less than a knot must; the place at which a level is crossed
    moves by that over the slope. Onset and end, extrapolated from two points, move half as much again.
    """
    onset, middle, end, before, after = row
    early, late = onset + 0.2 * (middle - onset), end - 0.2 * (end - middle)
    usual = abs(after - before) / (end - onset)
    return np.array([1.5, 1.0, 1.5]) * [_bend(fitted, at, usual) for at in (early, middle, late)]


def _bend(fitted: Fitted, at: float, least_slope: float) -> float:
    """Return how far a bend of the piece at a place may move the crossing of a level there."""
    knots, heights = fitted.line.knots, fitted.line.heights
    piece = int(np.clip(np.searchsorted(knots, at) - 1, 0, len(knots) - 2))
    within = (fitted.place >= knots[piece]) & (fitted.place <= knots[piece + 1])
    if not within.any():
        return 0.0
    slope = abs(float((heights[piece + 1] - heights[piece]) / (knots[piece + 1] - knots[piece])))
    bow = float(np.median(fitted.sigma[within])) * math.sqrt(WORTH_SHAPE / int(within.sum()))
    return bow / max(slope, least_slope)


def _resolution(place: FloatArray, row: FloatArray) -> float:
    """Return what the distance of the values adds to the uncertainties of a change.

    A change with two values within it or more shows where it began and ended; of a shorter one it is only known between
    which values it happened.
    """
    onset, _, end, *_ = row
    within = int(((place > onset) & (place < end)).sum())
    after = min(int(np.searchsorted(place, end)), len(place) - 1)
    before = max(after - within - 1, 0)
    return float(place[after] - place[before]) / 12.0**0.5 if within < 2 else 0.0
