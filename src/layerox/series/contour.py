"""Contour: the patterns of a series as one map of intensity, thinned to what a picture shows."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from layerox.errors import InputError
from layerox.series.locate import frame_at, reading_of
from layerox.series.result import Series
from layerox.typing import FloatArray

# A picture has no room for more.
MOST_FRAMES, ANGLES = 200, 900


@dataclass(frozen=True, kw_only=True, eq=False)
class IntensityMap:
    """Intensities over place and angle.

    Attributes
    ----------
    place
        On the first axis of the series, shape (m,).
    two_theta
        Degrees, shape (n,).
    intensity
        The mean around each angle, nan where a pattern has none, shape (m, n).
    good
        Which of these frames can be believed, shape (m,).
    """

    place: FloatArray
    two_theta: FloatArray
    intensity: FloatArray
    good: NDArray[np.bool_]


def intensity_map(series: Series, *, frames: int = MOST_FRAMES, angles: int = ANGLES) -> IntensityMap | None:
    """Return the map of a series; None if its patterns are not where they were.

    Parameters
    ----------
    series
        The result.
    frames, angles
        At most so many of the one, evenly chosen, and as many of the other.
    """
    place = series.place
    known = np.flatnonzero(np.isfinite(place))
    spread = sorted({round(x) for x in np.linspace(0, len(known) - 1, min(frames, len(known)))})
    chosen = [int(known[k]) for k in spread]
    patterns = {k: found for k in chosen if (found := _pattern(series, k)) is not None}
    if len(patterns) < 2:
        return None
    low = min(two_theta[0] for two_theta, _ in patterns.values())
    high = max(two_theta[-1] for two_theta, _ in patterns.values())
    grid = np.linspace(low, high, angles)
    at = list(patterns)
    return IntensityMap(
        place=place[at],
        two_theta=grid,
        intensity=np.array([mean_around(grid, *pattern) for pattern in patterns.values()]),
        good=series.is_good[at],
    )


def mean_around(grid: FloatArray, two_theta: FloatArray, intensity: FloatArray) -> FloatArray:
    """Return the mean of a curve over the step around each point of an even grid; nan outside the curve.

    A point taken out of a curve that is finer than the grid would miss the tops of peaks.
    """
    step = grid[1] - grid[0]
    integral = np.concatenate(([0.0], np.cumsum(0.5 * (intensity[1:] + intensity[:-1]) * np.diff(two_theta))))
    edges = np.clip(np.concatenate((grid - 0.5 * step, [grid[-1] + 0.5 * step])), two_theta[0], two_theta[-1])
    widths = np.diff(edges)
    inside = widths > 0.25 * step
    means = np.diff(np.interp(edges, two_theta, integral)) / np.where(inside, widths, 1.0)
    return np.where(inside, means, np.nan)


def _pattern(series: Series, k: int) -> tuple[FloatArray, FloatArray] | None:
    try:
        found = reading_of(series).pattern(frame_at(series, k))
    except InputError:
        return None
    return found.two_theta, found.intensity
