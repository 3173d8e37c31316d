"""Locate: where the patterns of a finished series are and how they are read, from its table and run.json."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

from layerox.radiation import Radiation
from layerox.series.frames import Frame, Reading, frame_of
from layerox.series.result import Series


def frame_at(series: Series, k: int) -> Frame:
    """Return a frame of a series by its row in the table; "#2" behind a file's name is its second scan."""
    name, _, number = str(series.frames["file"].iloc[k]).partition("#")
    path = Path(series.run["folder"])
    path = path if path.is_file() else path / name
    frame = frame_of(path, int(number) - 1, 2) if number else frame_of(path, 0, 1)
    return replace(frame, index=k)


def reading_of(series: Series) -> Reading:
    """Return how the patterns of a series are read, nothing left out."""
    limits, lines = series.run["range"], series.run.get("lines")
    return Reading(
        radiation=None if lines is None else Radiation(lines=tuple((w, share) for w, share in lines), says_kind=False),
        range=None if limits is None else (limits[0], limits[1]),
        dataset=series.run.get("dataset"),
    )
