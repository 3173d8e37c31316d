"""The axes of a series: values from pattern files or a CSV file, and the time at which each frame was measured.

Times come from a start and a cadence, from a column of dates, or from the stamps of the files; never from the number of
frames.
"""

from __future__ import annotations

import csv
import math
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import tzinfo
from itertools import groupby, pairwise
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from layerox.electrochemistry.time_stamps import Stamps, read_stamps, seconds_of, seconds_of_one, written_stamps
from layerox.errors import InputError, nearest, printable
from layerox.io import read_stack
from layerox.io.pattern_stack import TEMPERATURE, TIME, Stack, stated_column
from layerox.notices import Notice
from layerox.series.frame_setup import Frame, PatternReading
from layerox.typing import FloatArray

if TYPE_CHECKING:
    from layerox.electrochemistry.recipe_settings import ElectrochemistryModel

AXES = (TIME, TEMPERATURE)
SECONDS_AN_HOUR = 3600.0
UNITS = {TIME: "h", TEMPERATURE: "K"}
# Distance between frames, in units of the usual one, that counts as a gap.
GAP = 3.0
MOST_NAMED = 5
CURE_TIMES = (
    "give dates and times as --axis FILE.csv:COLUMN, or --start 2024-03-22T21:30:13 with --cadence SECONDS between "
    "frames"
)
ZONE = "time_zone"


def axis_units(axes: Sequence[str]) -> dict[str, str]:
    """Return the units of the axes that are read from pattern files; the units of a user's table are unknown."""
    return {name: UNITS[name] for name in axes if name in UNITS}


class StackFiles:
    """The files of many patterns among those of a series."""

    def __init__(self, dataset: str | None):
        self.dataset = dataset

    def of(self, frame: Frame) -> Stack | None:
        """Return the file of a frame, None for one of a single pattern, or one that cannot be read."""
        if frame.scan is None:
            return None
        try:
            return read_stack(frame.path, self.dataset)
        except InputError:
            return None

    def names(self, frames: Sequence[Frame]) -> list[str]:
        """Return the columns in the file of the first frame."""
        stack = self.of(frames[0]) if frames else None
        return [] if stack is None else list(stack.names)

    def stated(self, name: str, frames: list[Frame]) -> list[float]:
        """Return the values that the files state for each frame, times in seconds; nan where there is none.

        Raises
        ------
        InputError
            If several files have elapsed times with different origins.
        """
        values: list[float] = []
        counted = set()
        for path, own in groupby(frames, key=lambda frame: frame.path):
            members = list(own)
            stack = self.of(members[0])
            column = stated_column([_facts(frame) for frame in members], name) if stack is None else stack.column(name)
            if column is None:
                values += [math.nan] * len(members)
                continue
            if name == TIME and not column.is_absolute:
                counted.add(path)
            places = range(len(members)) if stack is None else [frame.scan or 0 for frame in members]
            values += [float(column.values[k]) for k in places]
        if counted and len({frame.path for frame in frames}) > 1:
            problem = "has elapsed times with its own origin"
            raise InputError(problem, place=min(counted), cure="give CSV:COLUMN")
        return values


def _facts(frame: Frame) -> Mapping[str, object]:
    try:
        return PatternReading().pattern(frame).metadata
    except InputError:
        return {}


def axis_column(axis: str, frames: list[Frame], stacks: StackFiles) -> list[float]:
    """Return the value of each frame on an axis; nan where there is none.

    Raises
    ------
    InputError
        If the axis is unknown, or neither the files nor the CSV file have values.
    """
    if axis in AXES:
        return _stated(axis, frames, stacks)
    if ":" in axis:
        path, _, column = axis.rpartition(":")
        return _listed(Path(path), column, frames)
    held = stacks.names(frames)
    if axis.lower() in held:
        return stacks.stated(axis, frames)
    if axis == "voltage":
        raise InputError(
            "no pattern file states a voltage", place="--axis", cure="give CSV:COLUMN or --electrochemistry FILE"
        )
    raise InputError(f"unknown axis {axis!r}", place="--axis", cure=nearest(axis, [*AXES, "CSV:COLUMN", *held]))


def _stated(axis: str, frames: list[Frame], stacks: StackFiles) -> list[float]:
    """Return the values stated in the files: hours since the earliest frame, or kelvin."""
    values = stacks.stated(axis, frames)
    if all(math.isnan(value) for value in values):
        unit = ", or not in which unit" if stacks.names(frames) else ""
        raise InputError(f"no file states its {axis}{unit}", place="--axis", cure="give CSV:COLUMN")
    if axis != TIME:
        return values
    first = min(value for value in values if not math.isnan(value))
    return [(value - first) / SECONDS_AN_HOUR for value in values]


def time_notices(frames: list[Frame], stacks: StackFiles) -> list[Notice]:
    """Return notices of missing or repeated frames, from the times stated in a file of many frames."""
    if len(frames) < 2 or len({frame.path for frame in frames}) > 1:
        return []
    stack = stacks.of(frames[0])
    column = None if stack is None else stack.column(TIME)
    if column is None:
        return []
    seconds = column.values[[frame.scan or 0 for frame in frames]]
    return axis_notices(TIME, ((seconds - np.nanmin(seconds)) / SECONDS_AN_HOUR).tolist())


def _listed(path: Path, column: str, frames: list[Frame]) -> list[float]:
    """Return a column of a CSV file as numbers; dates and times are hours since the earliest."""
    cells = listed_cells(path, column, frames)
    if (stamps := written_stamps(cells, path)) is not None:
        hours = (stamps.instants - np.nanmin(stamps.instants)) / np.timedelta64(1, "h")
        return [float(value) for value in hours]
    return [_number(cell, path, column) for cell in cells]


def listed_cells(path: Path, column: str, frames: Sequence[Frame]) -> list[str]:
    """Return the cells of a column of a CSV file, each row joined to its frame by the name that the row gives.

    Raises
    ------
    InputError
        If the file cannot be read, has no such column, or names none of the frames.
    """
    try:
        with path.open(newline="", encoding="utf-8-sig") as file:
            rows = [row for row in csv.reader(file) if any(cell.strip() for cell in row)]
    except (OSError, UnicodeDecodeError, csv.Error) as error:
        raise InputError(f"cannot be read: {error}", place=path, cure="give CSV:COLUMN") from None
    titles = [title.strip() for title in rows[0]] if rows else []
    if column not in titles:
        raise InputError(f"has no column {column!r}", place=path, cure=nearest(column, titles))
    at = titles.index(column)
    values = {row[0].strip(): row[at].strip() for row in rows[1:] if len(row) > at}
    cells = [_row_of(frame, values) for frame in frames]
    if not any(cells):
        cure = "its first column must have file names, stems, or the last number in them"
        raise InputError("names none of the frames", place=path, cure=cure)
    return cells


def _row_of(frame: Frame, values: dict[str, str]) -> str:
    numbers = re.findall(r"\d+", frame.path.stem)
    is_only = frame.file == printable(frame.path.name)
    names = [frame.file, frame.path.stem, *numbers[-1:]] if is_only else [frame.file]
    if numbers and is_only:
        names.append(str(int(numbers[-1])))
    return next((values[name] for name in names if name in values), "")


def _number(text: str, path: Path, column: str) -> float:
    try:
        return float(text) if text else math.nan
    except ValueError:
        raise InputError(f"{column} holds {text!r}", place=path, cure="write a number, or leave it empty") from None


def axis_notices(axis: str, values: list[float]) -> list[Notice]:
    """Return notices of frames without a value on an axis, of equal values, and of gaps."""
    known = [value for value in values if not math.isnan(value)]
    notices = []
    if len(known) < len(values):
        notices.append(Notice("axis_incomplete", f"{len(values) - len(known)} frames have no {axis}; they are last"))
    steps = [later - earlier for earlier, later in pairwise(known)]
    if same := sum(step == 0 for step in steps):
        notices.append(Notice("axis_repeated", f"{same} frames have the {axis} of the frame before"))
    usual = sorted(steps)[len(steps) // 2] if steps else 0.0
    gaps = [value for value, step in zip(known, steps, strict=False) if usual > 0 and step > GAP * usual]
    if gaps:
        notices.append(Notice("axis_gaps", f"gaps after {axis} {named([f'{gap:.6g}' for gap in gaps])}"))
    return notices


def named(names: Sequence[str] | map[str]) -> str:
    """Return the first names as text, and the number of further ones."""
    listed = list(names)
    more = f" and {len(listed) - MOST_NAMED} more" if len(listed) > MOST_NAMED else ""
    return ", ".join(listed[:MOST_NAMED]) + more


@dataclass(frozen=True, kw_only=True, eq=False)
class FrameTimes:
    """When frames were measured.

    Attributes
    ----------
    starts, ends
        Seconds since 1970 in UTC, shape (frames,); nan if unknown.
    source
        Source of the times, in words.
    """

    starts: FloatArray
    ends: FloatArray
    source: str

    @property
    def middles(self) -> FloatArray:
        """The middle of each frame, or its start if its end is unknown, shape (frames,)."""
        return np.where(np.isfinite(self.ends), 0.5 * (self.starts + self.ends), self.starts)

    @property
    def are_starts(self) -> bool:
        """Whether the duration of the frames is unknown."""
        return not np.isfinite(self.ends).any()


def frame_times(
    frames: Sequence[Frame], axes: Sequence[str], settings: ElectrochemistryModel, zone: tzinfo | None, place: Path
) -> FrameTimes:
    """Return when frames were measured.

    Parameters
    ----------
    frames
        In any order.
    axes
        The user's axes; the first CSV:COLUMN of dates and times is used.
    settings
        The start, cadence and exposure that the user gave.
    zone
        Time zone of clocks without one.
    place
        The folder, for messages.

    Raises
    ------
    InputError
        If the time or the time zone is not stated.
    """
    if settings.frame_start is not None or settings.frame_cadence_s is not None:
        found = _counted(frames, settings, zone, place)
    else:
        found = _listed_times(frames, axes, zone) or _stated_times(frames, zone, place)
    if settings.frame_exposure_s is None:
        return found
    return FrameTimes(starts=found.starts, ends=found.starts + settings.frame_exposure_s, source=found.source)


def _counted(frames: Sequence[Frame], settings: ElectrochemistryModel, zone: tzinfo | None, place: Path) -> FrameTimes:
    """Return times counted from a start, by the numbers in the names, so that missing frames shift no others."""
    if settings.frame_start is None or settings.frame_cadence_s is None:
        raise InputError("a start of the frames goes with a cadence", argument="frame_start", cure="give both")
    numbers = _numbers([frame.path for frame in frames]) if all(frame.scan is None for frame in frames) else None
    place_of = np.arange(len(frames), dtype=np.float64) if numbers is None else numbers - numbers.min()
    first = seconds_of_one(settings.frame_start, zone, place, ZONE)
    starts = first + settings.frame_cadence_s * place_of
    by = "place in the folder" if numbers is None else "number in the file name"
    source = f"the start given and {settings.frame_cadence_s:g} s a frame, by its {by}"
    return FrameTimes(starts=starts, ends=starts + settings.frame_cadence_s, source=source)


def _numbers(paths: Sequence[Path]) -> FloatArray | None:
    """Return the last number in each name, None if names are not numbered: missing, repeated, or different words."""
    found = [re.findall(r"\d+", path.stem) for path in paths]
    stems = {re.sub(r"\d+(?=\D*$)", "", path.stem) for path in paths}
    if not all(found) or len(stems) > 1:
        return None
    numbers = [int(own[-1]) for own in found]
    return np.array(numbers, dtype=np.float64) if len(set(numbers)) == len(numbers) else None


def _listed_times(frames: Sequence[Frame], axes: Sequence[str], zone: tzinfo | None) -> FrameTimes | None:
    for axis in axes:
        path, colon, column = axis.rpartition(":")
        stamps = written_stamps(listed_cells(Path(path), column, frames), path) if colon else None
        if stamps is not None:
            starts = seconds_of(stamps, zone, path, ZONE)
            return FrameTimes(starts=starts, ends=np.full(len(frames), np.nan), source=f"the column {axis}")
    return None


def _stated_times(frames: Sequence[Frame], zone: tzinfo | None, place: Path) -> FrameTimes:
    """Return the times stated in the files; nan for files that cannot be read or state none."""
    message = [_metadata(frame) for frame in frames]
    starts, ends = (
        _seconds([str(own.get(key, "")) for own in message], zone, place) for key in ("start_time", "end_time")
    )
    if not np.isfinite(starts).any():
        raise InputError("its frames have no times of measurement", place=place, cure=CURE_TIMES)
    return FrameTimes(starts=starts, ends=ends, source="the time stamps of the files")


def _metadata(frame: Frame) -> dict[str, object]:
    try:
        return dict(PatternReading().pattern(frame).metadata)
    except InputError:
        return {}


def _seconds(texts: Sequence[str], zone: tzinfo | None, place: Path) -> FloatArray:
    """Return time stamps as seconds, with and without time zones."""
    result = np.full(len(texts), np.nan)
    with_zone = [k for k, text in enumerate(texts) if re.search(r"(Z|[+-]\d\d:?\d\d)$", text)]
    without = [k for k, text in enumerate(texts) if text and k not in set(with_zone)]
    for chosen in (with_zone, without):
        stamps: Stamps | None = read_stamps([texts[k] for k in chosen], place)
        if chosen and stamps is not None:
            result[chosen] = seconds_of(stamps, zone, place, ZONE)
    return result
