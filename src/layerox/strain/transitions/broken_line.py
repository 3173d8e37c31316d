"""Piecewise linear fit: a continuous line of straight pieces, with as many knots as the uncertainties justify.

Knots are added one by one where they lower chi-squared most, moved by least squares, and removed again if chi-squared
hardly rises (regression with unknown break-points: Muggeo, Stat. Med. 22 (2003) 3055, doi:10.1002/sim.1545).
The module is independent of the meaning of the values.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.lib.stride_tricks import sliding_window_view
from numpy.typing import NDArray

from layerox.typing import FloatArray

# Smallest decrease of chi-squared for a knot: at most two of a thousand rows of pure noise get one, with
# 20 values or 400 (tests/strain/test_broken_line.py draws them).
MIN_GAIN = 16.0
# The same where the shape of the line matters more than the number of its pieces.
MIN_GAIN_SHAPE = 8.0
MOST_KNOTS = 30
# Largest number of values in the knot search; longer rows are averaged in groups first.
MOST_VALUES = 400
# Smallest distance of knots, in units of the local spacing of the values.
APART = 0.5
# A value is an outlier if it differs by this many standard uncertainties from both neighbours and they agree.
STANDS_OUT = 6.0
# Orders of the differences for the noise estimate.
ORDERS = (2, 3, 4)
ROUNDS, SHORTEST = 12, 1e-3


@dataclass(frozen=True, kw_only=True, eq=False)
class BrokenLine:
    """A line of straight pieces.

    Attributes
    ----------
    knots, heights
        Places, ascending, including the first and last value, and the heights there, shape (k,).
    covariance
        Covariance of the heights, noise included, shape (k, k).
    count
        Number of fitted values.
    noise
        Factor on the standard uncertainties from the scatter of the values, at least 1.
    outliers
        Indices of the values left out.
    """

    knots: FloatArray
    heights: FloatArray
    covariance: FloatArray
    count: int
    noise: float = 1.0
    outliers: tuple[int, ...] = ()

    @property
    def gap(self) -> float:
        """Mean distance of the values."""
        return float(self.knots[-1] - self.knots[0]) / max(self.count - 1, 1)

    def __call__(self, place: FloatArray) -> FloatArray:
        """Return the heights at some places."""
        return np.interp(place, self.knots, self.heights)


def broken_line(
    place: FloatArray, value: FloatArray, esd: FloatArray, *, noise: float | None = None, min_gain: float = MIN_GAIN
) -> BrokenLine:
    """Return the broken line through values.

    Parameters
    ----------
    place
        Ascending, shape (n,), three at least.
    value, esd
        Shape (n,); esds positive.
    noise
        Factor on the esds; by default from the scatter of neighbouring values, at least 1.
    min_gain
        Smallest decrease of chi-squared for a knot.
    """
    outliers = _outliers(value, esd)
    kept = ~outliers
    x, y = place[kept], value[kept]
    factor = _noise(x, y, esd[kept]) if noise is None else noise
    search = _Search(*_thinned(x, y, 1.0 / (factor * esd[kept])), min_gain)
    knots = search.knots()
    more = max(search.reduced_chi_squared(knots) ** 0.5, 1.0) if noise is None else 1.0
    heights, covariance = search.heights(knots)
    return BrokenLine(
        knots=knots,
        heights=heights,
        covariance=covariance * more**2,
        count=len(x),
        noise=factor * more,
        outliers=tuple(np.flatnonzero(outliers).tolist()),
    )


def _outliers(value: FloatArray, esd: FloatArray) -> NDArray[np.bool_]:
    """Return which single values are outliers among neighbours that agree with each other, shape (n,)."""
    out = np.zeros(len(value), dtype=bool)
    if len(value) < 5:
        return out
    left, middle, right = value[:-2], value[1:-1], value[2:]
    scale = np.hypot(esd[1:-1], np.maximum(esd[:-2], esd[2:])) * _plain_noise(value, esd)
    beyond = np.minimum(np.abs(middle - left), np.abs(middle - right))
    same_side = (middle - left) * (middle - right) > 0
    out[1:-1] = same_side & (beyond > STANDS_OUT * scale) & (np.abs(right - left) < 0.3 * beyond)
    return out


def _plain_noise(value: FloatArray, esd: FloatArray) -> float:
    place = np.arange(len(value), dtype=np.float64)
    return _noise(place, value, esd)


def _noise(place: FloatArray, value: FloatArray, esd: FloatArray) -> float:
    """Return the ratio of the scatter of neighbouring values to their esds, at least 1.

    Uses divided differences of several orders: a curved trend adds to the low orders, kinks add to the high ones; the
    smallest value is affected least.
    """
    orders = [order for order in ORDERS if len(value) >= order + 3]
    return max(min((_scatter(place, value, esd, order) for order in orders), default=1.0), 1.0)


def _scatter(place: FloatArray, value: FloatArray, esd: FloatArray, order: int) -> float:
    """Return the robust deviation of the divided differences of an order, in units of its expected value."""
    rows = sliding_window_view(place, order + 1)
    apart = rows[:, :, None] - rows[:, None, :] + np.eye(order + 1)
    share = 1.0 / apart.prod(axis=2)
    off = (share * sliding_window_view(value, order + 1)).sum(axis=1)
    expected = np.sqrt(((share * sliding_window_view(esd, order + 1)) ** 2).sum(axis=1))
    return float(1.4826 * np.median(np.abs(off / expected)))


def _thinned(place: FloatArray, value: FloatArray, weight: FloatArray) -> tuple[FloatArray, FloatArray, FloatArray]:
    """Return weighted means of neighbouring values if there are too many, with the root of their summed weights."""
    size = -(-len(place) // MOST_VALUES)
    if size == 1:
        return place, value, weight
    starts = np.arange(0, len(place), size)
    square = weight**2
    total = np.add.reduceat(square, starts)
    return np.add.reduceat(square * place, starts) / total, np.add.reduceat(square * value, starts) / total, total**0.5


class _Search:
    """The search for the knots of one row of values."""

    def __init__(self, place: FloatArray, value: FloatArray, weight: FloatArray, min_gain: float):
        self.place, self.value, self.weight, self.min_gain = place, value, weight, min_gain
        self.gap = np.gradient(place)

    def knots(self) -> FloatArray:
        """Return the knots, shape (k,)."""
        knots = self.place[[0, -1]]
        chi_squared = self._chi_squared(knots)
        for _ in range(min(MOST_KNOTS, len(self.place) // 2)):
            gain, where = self._best_knot(knots)
            # A single hinge shows only part of the gain that follows once the neighbours have moved.
            if gain < 0.5 * self.min_gain:
                break
            trial = self._moved(np.sort(np.append(knots, where)))
            found = self._chi_squared(trial)
            if chi_squared - found < self.min_gain:
                break
            knots, chi_squared = trial, found
        return self._pruned(knots, chi_squared)

    def heights(self, knots: FloatArray) -> tuple[FloatArray, FloatArray]:
        """Return the heights at the knots and their covariance, shapes (k,) and (k, k)."""
        hats = self._hats(knots)
        solution = np.linalg.lstsq(hats, self.value * self.weight, rcond=None)[0]
        return np.asarray(solution), np.asarray(np.linalg.pinv(hats.T @ hats))

    def reduced_chi_squared(self, knots: FloatArray) -> float:
        """Return chi-squared over its degrees of freedom: heights, and places of the inner knots, are fitted."""
        return self._chi_squared(knots) / max(len(self.place) - 2 * len(knots) + 2, 1)

    def _hats(self, knots: FloatArray) -> FloatArray:
        """Return the weighted hat function of every knot at the values, shape (n, k)."""
        piece = np.clip(np.searchsorted(knots, self.place, side="right") - 1, 0, len(knots) - 2)
        share = (self.place - knots[piece]) / (knots[piece + 1] - knots[piece])
        rows = np.arange(len(self.place))
        hats = np.zeros((len(self.place), len(knots)))
        hats[rows, piece], hats[rows, piece + 1] = 1.0 - share, share
        return hats * self.weight[:, None]

    def _chi_squared(self, knots: FloatArray) -> float:
        hats = self._hats(knots)
        target = self.value * self.weight
        solution = np.linalg.lstsq(hats, target, rcond=None)[0]
        return float(((target - hats @ solution) ** 2).sum())

    def _best_knot(self, knots: FloatArray) -> tuple[float, float]:
        """Return the largest decrease of chi-squared for one more knot, and the place of that knot."""
        near = np.abs(self.place[:, None] - knots[None]).min(axis=1)
        places = self.place[near > APART * self.gap]
        if not len(places):
            return 0.0, 0.0
        basis, _ = np.linalg.qr(self._hats(knots))
        hinges = np.maximum(self.place[:, None] - places[None], 0.0) * self.weight[:, None]
        target = self.value * self.weight
        target = target - basis @ (basis.T @ target)
        before = (hinges**2).sum(axis=0)
        hinges -= basis @ (basis.T @ hinges)
        left = (hinges**2).sum(axis=0)
        gains = np.where(left > 1e-9 * before, (target @ hinges) ** 2 / np.maximum(left, 1e-300), 0.0)
        best = int(np.argmax(gains))
        return float(gains[best]), float(places[best])

    def _moved(self, knots: FloatArray) -> FloatArray:
        """Return the knots moved to the minimum of chi-squared (Gauss-Newton, steps halved until chi-squared falls)."""
        best = self._chi_squared(knots)
        for _ in range(ROUNDS):
            step = self._step(knots)
            for _ in range(4):
                trial = self._in_order(knots + step)
                found = self._chi_squared(trial)
                if found < best:
                    break
                step *= 0.5
            else:
                return knots
            done = best - found < SHORTEST
            knots, best = trial, found
            if done:
                break
        return knots

    def _step(self, knots: FloatArray) -> FloatArray:
        """Return the step of the knots, 0 for the outer ones, shape (k,); the heights are refined too."""
        hats = self._hats(knots)
        heights = np.linalg.lstsq(hats, self.value * self.weight, rcond=None)[0]
        slopes = np.diff(heights) / np.diff(knots)
        piece = np.clip(np.searchsorted(knots, self.place, side="right") - 1, 0, len(slopes) - 1)
        by_knot = -slopes[piece][:, None] * hats[:, 1:-1]
        residual = self.value * self.weight - hats @ heights
        solution = np.linalg.lstsq(np.hstack([hats, by_knot]), residual, rcond=1e-8)[0]
        step = np.zeros(len(knots))
        most = 0.5 * np.minimum(np.diff(knots)[:-1], np.diff(knots)[1:])
        step[1:-1] = np.clip(solution[len(knots) :], -most, most)
        return step

    def _in_order(self, knots: FloatArray) -> FloatArray:
        """Return the knots with the smallest allowed distance: a piece without a value has no slope."""
        gap = APART * np.interp(knots, self.place, self.gap)
        for k in range(1, len(knots) - 1):
            knots[k] = max(knots[k], knots[k - 1] + gap[k])
        for k in range(len(knots) - 2, 0, -1):
            knots[k] = min(knots[k], knots[k + 1] - gap[k])
        return knots

    def _pruned(self, knots: FloatArray, chi_squared: float) -> FloatArray:
        """Return the knots without those whose removal hardly raises chi-squared."""
        while len(knots) > 2:
            trials = [np.delete(knots, k) for k in range(1, len(knots) - 1)]
            least = min(trials, key=self._chi_squared)
            least = self._moved(least)
            found = self._chi_squared(least)
            if found - chi_squared >= self.min_gain:
                break
            knots, chi_squared = least, found
        return knots
