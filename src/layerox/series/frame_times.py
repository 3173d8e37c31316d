"""Frame times: when each frame was measured, on a clock that a cycler's log can be held against.

By a start and a cadence that the user gives, by a column of dates of a CSV axis, or by the stamps of the files; never
by how many frames there are.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import tzinfo
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from layerox.electrochemistry.clock import Stamps, read_stamps, seconds_of, seconds_of_one, written_stamps
from layerox.errors import InputError
from layerox.series.frames import Frame, Reading, listed_cells
from layerox.typing import FloatArray

if TYPE_CHECKING:
    from layerox.electrochemistry.settings import ElectrochemistryModel

CURE = (
    "give dates and times as --axis FILE.csv:COLUMN, or --start 2024-03-22T21:30:13 with --cadence SECONDS between "
    "frames"
)
ZONE = "time_zone"


@dataclass(frozen=True, kw_only=True, eq=False)
class FrameTimes:
    """When frames were measured.

    Attributes
    ----------
    starts, ends
        Seconds since 1970 in UTC, shape (frames,); nan where they are not known.
    source
        Where they are from, in words.
    """

    starts: FloatArray
    ends: FloatArray
    source: str

    @property
    def middles(self) -> FloatArray:
        """The middle of each frame, or its start where its end is not known, shape (frames,)."""
        return np.where(np.isfinite(self.ends), 0.5 * (self.starts + self.ends), self.starts)

    @property
    def are_starts(self) -> bool:
        """Whether nothing tells how long the frames took."""
        return not np.isfinite(self.ends).any()


def frame_times(
    frames: Sequence[Frame], axes: Sequence[str], told: ElectrochemistryModel, zone: tzinfo | None, place: Path
) -> FrameTimes:
    """Return when frames were measured.

    Parameters
    ----------
    frames
        In any order.
    axes
        As the user gave them; the first CSV:COLUMN of dates and times counts.
    told
        The start, cadence and exposure that the user gave.
    zone
        Of clocks that do not state theirs.
    place
        The folder, for messages.

    Raises
    ------
    InputError
        If nothing says when, or in which zone.
    """
    if told.frame_start is not None or told.frame_cadence_s is not None:
        found = _counted(frames, told, zone, place)
    else:
        found = _listed(frames, axes, zone) or _stated(frames, zone, place)
    if told.frame_exposure_s is None:
        return found
    return FrameTimes(starts=found.starts, ends=found.starts + told.frame_exposure_s, source=found.source)


def _counted(frames: Sequence[Frame], told: ElectrochemistryModel, zone: tzinfo | None, place: Path) -> FrameTimes:
    """Count from a start; by the numbers in the names where they count, so that a missing frame shifts no other."""
    if told.frame_start is None or told.frame_cadence_s is None:
        raise InputError("a start of the frames goes with a cadence", argument="frame_start", cure="give both")
    numbers = _numbers([frame.path for frame in frames]) if all(frame.scan is None for frame in frames) else None
    place_of = np.arange(len(frames), dtype=np.float64) if numbers is None else numbers - numbers.min()
    first = seconds_of_one(told.frame_start, zone, place, ZONE)
    starts = first + told.frame_cadence_s * place_of
    by = "place in the folder" if numbers is None else "number in the file name"
    source = f"the start given and {told.frame_cadence_s:g} s a frame, by its {by}"
    return FrameTimes(starts=starts, ends=starts + told.frame_cadence_s, source=source)


def _numbers(paths: Sequence[Path]) -> FloatArray | None:
    """Return the last number in each name, None if the names do not count: one without, two alike, or other words."""
    found = [re.findall(r"\d+", path.stem) for path in paths]
    stems = {re.sub(r"\d+(?=\D*$)", "", path.stem) for path in paths}
    if not all(found) or len(stems) > 1:
        return None
    numbers = [int(own[-1]) for own in found]
    return np.array(numbers, dtype=np.float64) if len(set(numbers)) == len(numbers) else None


def _listed(frames: Sequence[Frame], axes: Sequence[str], zone: tzinfo | None) -> FrameTimes | None:
    for axis in axes:
        path, colon, column = axis.rpartition(":")
        stamps = written_stamps(listed_cells(Path(path), column, frames), path) if colon else None
        if stamps is not None:
            starts = seconds_of(stamps, zone, path, ZONE)
            return FrameTimes(starts=starts, ends=np.full(len(frames), np.nan), source=f"the column {axis}")
    return None


def _stated(frames: Sequence[Frame], zone: tzinfo | None, place: Path) -> FrameTimes:
    """Return what the files themselves say; those that cannot be read or say nothing have no time."""
    said = [_metadata(frame) for frame in frames]
    starts, ends = (
        _seconds([str(own.get(key, "")) for own in said], zone, place) for key in ("start_time", "end_time")
    )
    if not np.isfinite(starts).any():
        raise InputError("its frames do not say when they were measured", place=place, cure=CURE)
    return FrameTimes(starts=starts, ends=ends, source="the time stamps of the files")


def _metadata(frame: Frame) -> dict[str, object]:
    try:
        return dict(Reading().pattern(frame).metadata)
    except InputError:
        return {}


def _seconds(texts: Sequence[str], zone: tzinfo | None, place: Path) -> FloatArray:
    """Return time stamps as seconds, some with a zone and some without if need be."""
    result = np.full(len(texts), np.nan)
    with_zone = [k for k, text in enumerate(texts) if re.search(r"(Z|[+-]\d\d:?\d\d)$", text)]
    without = [k for k, text in enumerate(texts) if text and k not in set(with_zone)]
    for chosen in (with_zone, without):
        stamps: Stamps | None = read_stamps([texts[k] for k in chosen], place)
        if chosen and stamps is not None:
            result[chosen] = seconds_of(stamps, zone, place, ZONE)
    return result
