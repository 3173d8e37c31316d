"""Locate: where the patterns of a finished series are and how they are read, from its table and run.json."""

from __future__ import annotations

import re
from dataclasses import replace
from pathlib import Path

from layerox.radiation import Radiation
from layerox.series.frames import Frame, Reading, frame_of
from layerox.series.result import Series

# A scan of several in a file, as tables name it.
SCAN = re.compile(r"(.+)#([1-9]\d{0,9})", re.DOTALL)


def frame_at(series: Series, k: int) -> Frame:
    """Return a frame of a series by its row in the table; "#2" behind a file's name is its second scan."""
    file, folder = str(series.frames["file"].iloc[k]), Path(series.run["folder"])
    scan = None if (folder / file).is_file() else SCAN.fullmatch(file)
    name = file if scan is None else scan[1]
    path = folder if folder.is_file() else folder / name
    return replace(frame_of(path, 0, 1) if scan is None else frame_of(path, int(scan[2]) - 1, 2), index=k)


def reading_of(series: Series) -> Reading:
    """Return how the patterns of a series are read, nothing left out."""
    limits, lines = series.run["range"], series.run.get("lines")
    return Reading(
        radiation=None if lines is None else Radiation(lines=tuple((w, share) for w, share in lines), says_kind=False),
        range=None if limits is None else (limits[0], limits[1]),
        dataset=series.run.get("dataset"),
    )
