"""Spread: the standard uncertainties of when a change began, was half done and ended.

They are those of the whole procedure: values are drawn anew about the fitted line, fitted and measured alike. Added are
what a bend too small to be seen may hide, what the distance of the values leaves open of a turn or an abrupt change,
and the disagreement with a gradual change where that fits as well. How often they cover the truth:
tests/benchmarks/transitions.py.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from layerox.strain.broken_line import WORTH_SHAPE, BrokenLine, broken_line
from layerox.strain.runs import Run, chord, measured, measured_along, monotone_runs, turns_after
from layerox.strain.sigmoid import PARAMETERS, averaged, fitted_sigmoid
from layerox.typing import FloatArray

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
