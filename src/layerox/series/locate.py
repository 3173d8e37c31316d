"""Locate: where the patterns of a finished series are, from its table."""

from __future__ import annotations

from pathlib import Path

from layerox.series.frames import Frame
from layerox.series.result import Series


def frame_at(series: Series, k: int) -> Frame:
    """Return a frame of a series by its row in the table; "#2" behind a file's name is its second scan."""
    file = str(series.frames["file"].iloc[k])
    name, _, number = file.partition("#")
    folder = Path(series.run["folder"])
    path = folder if folder.is_file() else folder / name
    return Frame(index=k, file=file, path=path, scan=int(number) - 1 if number else None)
