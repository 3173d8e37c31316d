"""Frames: which patterns a series consists of, in which order, and where they stand on its axes.

Natural order of the file names (frame_2 before frame_10), or of an axis. Nothing here judges a pattern: a file that
cannot be read is a frame like any other, and becomes a row that says why.
"""

from __future__ import annotations

import csv
import math
import re
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import groupby, pairwise
from pathlib import Path

import numpy as np

from layerox.electrochemistry.clock import written_stamps
from layerox.errors import ChoiceNeeded, InputError, nearest, printable
from layerox.io import read_pattern, read_stack
from layerox.io.outputs import results_in
from layerox.io.scan import Axis, pattern_from_scan, request_from_arguments
from layerox.io.stack import TEMPERATURE, TIME, Stack, stated_column
from layerox.notices import Notice
from layerox.pattern import Pattern
from layerox.radiation import Radiation

SUFFIXES = (".xye", ".xy", ".dat", ".txt", ".csv", ".prn", ".chi", ".fxye", ".gsas", ".gsa", ".gss", ".gda", ".xrdml",
            ".h5", ".hdf5", ".hdf", ".nxs", ".nx", ".nexus")  # fmt: skip
# Formats of which single patterns are read without reading the others.
STACKED = (".cif", ".h5", ".hdf5", ".hdf", ".nxs", ".nx", ".nexus")
# Formats that commonly hold several scans a file, and how many files of any other are opened to see whether they do.
SCANS_WITHIN = (*STACKED, ".xrdml", ".gsas", ".gsa", ".gss", ".gda")
FEW_FILES = 20
AXES = (TIME, TEMPERATURE)
SECONDS_AN_HOUR = 3600.0
UNITS = {TIME: "h", TEMPERATURE: "K"}
# Distance between frames, in units of the usual one, that is called a gap.
GAP = 3.0
MOST_NAMED = 5


@dataclass(frozen=True, kw_only=True)
class Frame:
    """One pattern of a series.

    Attributes
    ----------
    index
        Its place in the series, from 0.
    file
        As tables name it: the file's name, with "#2" behind it for the second scan of several.
    path, scan
        Where it is; `scan` counts from 0 within the file, None where the file is read as holding one. The number in
        `file` counts from 1.
    axes
        Its place on each axis of the series, in the order of `Frames.axes`; nan where it is not known.
    """

    index: int
    file: str
    path: Path
    scan: int | None = None
    axes: tuple[float, ...] = ()


@dataclass(frozen=True, kw_only=True)
class Frames:
    """The frames of a series, in order, the names of its axes, and what is odd about them."""

    frames: tuple[Frame, ...]
    axes: tuple[str, ...] = ()
    notices: tuple[Notice, ...] = ()
    electrochemistry: Mapping[str, object] | None = None  # how a log was held against them, for run.json

    def __len__(self) -> int:
        return len(self.frames)


@dataclass(frozen=True, kw_only=True)
class Reading:
    """How the patterns of a series are read: what `read_pattern` is told, and the regions that are left out.

    Attributes
    ----------
    radiation, range, dataset
        See `read_pattern`.
    exclude
        (first, last) two-theta of regions, degrees.
    """

    radiation: Radiation | str | float | None = None
    range: tuple[float, float] | None = None
    exclude: tuple[tuple[float, float], ...] = ()
    dataset: str | None = None

    def pattern(self, frame: Frame) -> Pattern:
        """Return the pattern of a frame.

        Raises
        ------
        InputError
            If it cannot be read.
        """
        if frame.scan is None:
            found = read_pattern(frame.path, radiation=self.radiation, range=self.range)
        else:
            scan = read_stack(frame.path, self.dataset).scan(frame.scan)
            # A file that says what its axis is need not be asked.
            axis: Axis = scan.axis or "two-theta"
            found = pattern_from_scan(
                scan, request_from_arguments(frame.path, self.radiation, axis, self.range, allow_negative=False)
            )
        return found.exclude(self.exclude) if self.exclude else found


def frames_of(
    folder: str | Path, *, glob: str | None = None, axes: Sequence[str] = (), dataset: str | None = None
) -> Frames:
    """Return the frames of a folder, or of one file with many scans.

    Parameters
    ----------
    folder
        Its own files, not those of its subfolders.
    glob
        Which files ("*.xye"); without it those with the commonest suffix of a pattern.
    axes
        "time" or "temperature" as the files say them (hours since the first frame, kelvin), the name of anything else
        that an HDF5 file holds for each frame, or "FILE.csv:COLUMN", whose first column names the frames by file name,
        by stem, or by the last number in it. The first axis orders the frames.
    dataset
        Path of the group in HDF5 files, where there are several.

    Raises
    ------
    InputError
        If there are no patterns, or an axis cannot be had.
    """
    folder = Path(folder)
    paths, notices = files_in(folder, glob)
    frames, said = _with_scans(paths, dataset)
    stacks = _Stacks(dataset)
    columns = [_column(name, frames, stacks) for name in axes]
    frames = [replace(f, axes=tuple(column[k] for column in columns)) for k, f in enumerate(frames)]
    names = tuple(name.rpartition(":")[2] for name in axes)
    if columns:
        frames.sort(key=lambda frame: (math.isnan(frame.axes[0]), frame.axes[0]))
        notices += axis_notices(names[0], [frame.axes[0] for frame in frames])
    else:
        notices += _time_notices(frames, stacks)
    notices += [*said, *_number_notices([frame.path for frame in frames])]
    frames = [replace(frame, index=k) for k, frame in enumerate(frames)]
    return Frames(frames=tuple(frames), axes=names, notices=tuple(notices))


def axis_units(axes: Sequence[str]) -> dict[str, str]:
    """Return the units of the axes that the files of patterns say; what a table holds is in units of its own."""
    return {name: UNITS[name] for name in axes if name in UNITS}


class NoFrames(InputError):
    """A folder that holds no patterns, or none yet."""


def natural_key(name: str) -> tuple[tuple[int, int, str], ...]:
    """Return a key that sorts numbers within names by their value: frame_2 before frame_10."""
    parts = re.split(r"(\d+)", name.lower())
    return tuple((1, int(part), "") if part.isdigit() else (0, 0, part) for part in parts)


def files_in(folder: Path, glob: str | None) -> tuple[list[Path], list[Notice]]:
    """Return the files of a series in natural order, and which others were left out.

    Raises
    ------
    InputError
        If there is no such folder, or the pattern of names is none; `NoFrames` if it holds nothing.
    """
    if folder.is_file():
        return [folder], []
    if not folder.is_dir():
        raise InputError("no such folder", place=folder, cure="check the path")
    try:
        own = results_in(folder)  # of a series whose results stand among its patterns
        listed = (p for p in folder.glob(glob or "*") if p.is_file() and not p.name.startswith("."))
        present = [p for p in listed if p.parent != folder or p.name not in own]
    except (ValueError, NotImplementedError) as error:
        raise InputError(f"--glob {glob!r}: {error}", place=folder, cure='write it like "*.xye"') from None
    notices: list[Notice] = []
    if glob is None:
        present, notices = _of_commonest_suffix(present)
    if not present:
        raise NoFrames("holds no patterns", place=folder, cure=f"expected {', '.join(SUFFIXES)}, or say --glob")
    return sorted(present, key=lambda path: natural_key(path.name)), notices


def _of_commonest_suffix(paths: list[Path]) -> tuple[list[Path], list[Notice]]:
    counts = Counter(path.suffix.lower() for path in paths if path.suffix.lower() in SUFFIXES)
    if not counts:
        return [], []
    chosen = min(counts, key=lambda suffix: (-counts[suffix], SUFFIXES.index(suffix)))
    left = {suffix: count for suffix, count in counts.items() if suffix != chosen}
    said = ", ".join(f"{count} {suffix}" for suffix, count in sorted(left.items()))
    notices = [Notice("files_left_out", f"only {chosen} files were taken, not {said}; say --glob otherwise")]
    return [path for path in paths if path.suffix.lower() == chosen], notices if left else []


def _with_scans(paths: list[Path], dataset: str | None) -> tuple[list[Frame], list[Notice]]:
    """Return the frames of files, and what is to be said of the choices made in them: each thing once."""
    few = len(paths) <= FEW_FILES
    frames: list[Frame] = []
    said: dict[str, Notice] = {}
    for path in paths:
        stack = _opened(path, dataset) if few or path.suffix.lower() in SCANS_WITHIN else None
        count = 1 if stack is None else len(stack)
        frames += [frame_of(path, k, count) for k in range(count)]
        for notice in () if stack is None else stack.notices:
            said.setdefault(notice.code, notice)
    return frames, list(said.values())


def frame_of(path: Path, scan: int, count: int) -> Frame:
    """Return a frame of a file that holds so many, its place in the series yet to be told."""
    if count == 1:
        return Frame(index=0, file=printable(path.name), path=path, scan=0 if path.suffix.lower() in STACKED else None)
    return Frame(index=0, file=f"{printable(path.name)}#{scan + 1}", path=path, scan=scan)


def _opened(path: Path, dataset: str | None) -> Stack | None:
    """Return a file of many patterns, None for one that cannot be read, which is told when its turn comes.

    Raises
    ------
    ChoiceNeeded
        If it is an HDF5 file that leaves a choice, or does not hold what `dataset` names.
    """
    try:
        return read_stack(path, dataset)
    except ChoiceNeeded:
        raise
    except InputError:
        return None


class _Stacks:
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
        """Return what the file of the first frame holds of each frame."""
        stack = self.of(frames[0]) if frames else None
        return [] if stack is None else list(stack.names)

    def stated(self, name: str, frames: list[Frame]) -> list[float]:
        """Return what the files say of each frame, times in seconds; nan where they say nothing.

        Raises
        ------
        InputError
            If several files count times from beginnings of their own.
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
            problem = "counts times from a beginning of its own"
            raise InputError(problem, place=min(counted), cure="give CSV:COLUMN")
        return values


def _facts(frame: Frame) -> Mapping[str, object]:
    try:
        return Reading().pattern(frame).metadata
    except InputError:
        return {}


def _column(axis: str, frames: list[Frame], stacks: _Stacks) -> list[float]:
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
            "no file of patterns says a voltage", place="--axis", cure="give CSV:COLUMN or --electrochemistry FILE"
        )
    raise InputError(f"unknown axis {axis!r}", place="--axis", cure=nearest(axis, [*AXES, "CSV:COLUMN", *held]))


def _stated(axis: str, frames: list[Frame], stacks: _Stacks) -> list[float]:
    """Return what the files themselves say: hours since the earliest frame, or kelvin."""
    values = stacks.stated(axis, frames)
    if all(math.isnan(value) for value in values):
        unit = ", or not in which unit" if stacks.names(frames) else ""
        raise InputError(f"no file says its {axis}{unit}", place="--axis", cure="give CSV:COLUMN")
    if axis != TIME:
        return values
    first = min(value for value in values if not math.isnan(value))
    return [(value - first) / SECONDS_AN_HOUR for value in values]


def _time_notices(frames: list[Frame], stacks: _Stacks) -> list[Notice]:
    """Say where frames are missing, or stand twice, by the times that a file of many tells of itself."""
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
        cure = "let its first column hold file names, stems, or the last number in them"
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
    """Say which frames have no place on an axis or that of another, and where there are gaps."""
    known = [value for value in values if not math.isnan(value)]
    notices = []
    if len(known) < len(values):
        notices.append(Notice("axis_incomplete", f"{len(values) - len(known)} frames have no {axis}; they stand last"))
    steps = [later - earlier for earlier, later in pairwise(known)]
    if same := sum(step == 0 for step in steps):
        notices.append(Notice("axis_repeated", f"{same} frames have the {axis} of the frame before"))
    usual = sorted(steps)[len(steps) // 2] if steps else 0.0
    gaps = [value for value, step in zip(known, steps, strict=False) if usual > 0 and step > GAP * usual]
    if gaps:
        notices.append(Notice("axis_gaps", f"gaps behind {axis} {_named([f'{gap:.6g}' for gap in gaps])}"))
    return notices


def _number_notices(paths: list[Path]) -> list[Notice]:
    """Say which numbers are missing from file names that count, and which stand twice."""
    found = [re.findall(r"\d+", path.stem) for path in dict.fromkeys(paths)]
    if len(found) < 3 or not all(found):
        return []
    counts = Counter((re.sub(r"\d+(?=\D*$)", "", path.stem), int(n[-1])) for path, n in zip(dict.fromkeys(paths), found,
                                                                                         strict=True))  # fmt: skip
    if len({stem for stem, _ in counts}) > 1:
        return []
    numbers = sorted(number for _, number in counts)
    missing = sorted(set(range(numbers[0], numbers[-1])) - set(numbers)) if numbers[-1] - numbers[0] < 10**6 else []
    twice = [number for (_, number), count in counts.items() if count > 1]
    notices = []
    if missing and len(missing) < len(numbers):
        notices.append(Notice("frames_missing", f"{len(missing)} numbers are missing: {_named(map(str, missing))}"))
    if twice:
        notices.append(Notice("frames_repeated", f"numbers that stand twice: {_named(map(str, twice))}"))
    return notices


def _named(names: Sequence[str] | map[str]) -> str:
    listed = list(names)
    more = f" and {len(listed) - MOST_NAMED} more" if len(listed) > MOST_NAMED else ""
    return ", ".join(listed[:MOST_NAMED]) + more
