"""Contour: the patterns of a series as one map of intensity, thinned to what a picture shows."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from layerox.errors import InputError
from layerox.radiation import Radiation
from layerox.series.frames import Reading, frame_of
from layerox.series.result import Series

FloatArray = NDArray[np.float64]

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
        Shape (m, n).
    """

    place: FloatArray
    two_theta: FloatArray
    intensity: FloatArray


def intensity_map(series: Series) -> IntensityMap | None:
    """Return the map of a series; None if its patterns are not where they were."""
    place = series.place
    spread = sorted({round(x) for x in np.linspace(0, len(place) - 1, min(MOST_FRAMES, len(place)))})
    chosen = [k for k in spread if np.isfinite(place[k])]
    patterns = {k: found for k in chosen if (found := _pattern(series, k)) is not None}
    if len(patterns) < 2:
        return None
    low = min(two_theta[0] for two_theta, _ in patterns.values())
    high = max(two_theta[-1] for two_theta, _ in patterns.values())
    grid = np.linspace(low, high, ANGLES)
    rows = [np.interp(grid, two_theta, intensity, np.nan, np.nan) for two_theta, intensity in patterns.values()]
    return IntensityMap(
        place=np.array([place[k] for k in patterns]), two_theta=grid, intensity=np.nan_to_num(np.array(rows))
    )


def _pattern(series: Series, k: int) -> tuple[FloatArray, FloatArray] | None:
    name, _, number = str(series.frames["file"].iloc[k]).partition("#")
    path = Path(series.run["folder"])
    path = path if path.is_file() else path / name
    frame = frame_of(path, int(number) - 1, 2) if number else frame_of(path, 0, 1)
    limits, lines = series.run["range"], series.run.get("lines")
    reading = Reading(
        radiation=None if lines is None else Radiation(lines=tuple((w, share) for w, share in lines), says_kind=False),
        range=None if limits is None else (limits[0], limits[1]),
        dataset=series.run.get("dataset"),
    )
    try:
        found = reading.pattern(frame)
    except InputError:
        return None
    return found.two_theta, found.intensity
