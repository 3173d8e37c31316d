"""The frames of a folder or file, in order, with their values on the axes of the series, and which are complete.

File names sort naturally (frame_2 before frame_10), or the first axis gives the order. A file that cannot be read is a
frame too; its row gives the reason. In a growing folder or file, a file is complete when its size and time have not
changed for a while; in a file of many frames, those with a later frame are complete.
"""

from __future__ import annotations

import math
import re
import time
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path

import numpy as np

from layerox.errors import ChoiceNeeded, InputError
from layerox.io import read_stack
from layerox.io.output_files import results_in
from layerox.io.pattern_stack import Stack
from layerox.notices import Notice
from layerox.series.frame_axes import StackFiles, axis_column, axis_notices, named, time_notices
from layerox.series.frame_setup import STACKED, Frame, Frames, frame_of

SUFFIXES = (".xye", ".xy", ".dat", ".txt", ".csv", ".prn", ".chi", ".fxye", ".gsas", ".gsa", ".gss", ".gda", ".xrdml",
            ".h5", ".hdf5", ".hdf", ".nxs", ".nx", ".nexus", ".brml", ".raw", ".rasx", ".ras", ".uxd", ".asc", ".xra",
            ".plt")  # fmt: skip
# Formats that often have several scans per file, and number of files of other formats that are checked for it.
SCANS_WITHIN = (*STACKED, ".xrdml", ".gsas", ".gsa", ".gss", ".gda", ".brml", ".raw", ".rasx", ".ras", ".uxd", ".asc")
FEW_FILES = 20


def frames_of(
    folder: str | Path, *, glob: str | None = None, axes: Sequence[str] = (), dataset: str | None = None
) -> Frames:
    """Return the frames of a folder, or of one file with many scans.

    Parameters
    ----------
    folder
        The folder; subfolders are not read.
    glob
        Wildcard of the files ("*.xye"); by default those with the most frequent suffix of a pattern.
    axes
        "time" or "temperature" as stated in the files (hours since the first frame, kelvin), the name of another
        column of an HDF5 file, or "FILE.csv:COLUMN", whose first column identifies the frames by file name,
        by stem, or by the last number in it. The first axis orders the frames.
    dataset
        Path of the group in HDF5 files with several groups.

    Raises
    ------
    InputError
        If there are no patterns, or an axis has no values.
    """
    folder = Path(folder)
    paths, notices = files_in(folder, glob)
    frames, choices = _with_scans(paths, dataset)
    stacks = StackFiles(dataset)
    columns = [axis_column(name, frames, stacks) for name in axes]
    frames = [replace(f, axes=tuple(column[k] for column in columns)) for k, f in enumerate(frames)]
    names = tuple(name.rpartition(":")[2] for name in axes)
    if columns:
        frames.sort(key=lambda frame: (math.isnan(frame.axes[0]), frame.axes[0]))
        notices += axis_notices(names[0], [frame.axes[0] for frame in frames])
    else:
        notices += time_notices(frames, stacks)
    notices += [*choices, *_number_notices([frame.path for frame in frames])]
    frames = [replace(frame, index=k) for k, frame in enumerate(frames)]
    return Frames(frames=tuple(frames), axes=names, warnings=tuple(notices))


def with_one_scan(frames: Frames, number: int) -> Frames:
    """Return only the frames that are scan `number` (from 1) of their files.

    Raises
    ------
    InputError
        If no file has such a scan.
    """
    kept = [frame for frame in frames.frames if (frame.scan or 0) == number - 1]
    if not kept:
        most = max((frame.scan or 0 for frame in frames.frames), default=0) + 1
        place = frames.frames[0].path if frames.frames else None
        raise InputError(f"has no scan {number}", place=place, cure=f"choose 1 to {most}, or all", argument="scan")
    return replace(frames, frames=tuple(replace(frame, index=k) for k, frame in enumerate(kept)))


class NoFrames(InputError):
    """A folder without patterns, or without patterns so far."""


def natural_key(name: str) -> tuple[tuple[int, int, str], ...]:
    """Return a key that sorts numbers within names by their value: frame_2 before frame_10."""
    parts = re.split(r"(\d+)", name.lower())
    return tuple((1, int(part), "") if part.isdigit() else (0, 0, part) for part in parts)


def files_in(folder: Path, glob: str | None) -> tuple[list[Path], list[Notice]]:
    """Return the files of a series in natural order, and notices of files left out.

    Raises
    ------
    InputError
        If there is no such folder, or the wildcard is invalid; `NoFrames` if it has no patterns.
    """
    if folder.is_file():
        return [folder], []
    if not folder.is_dir():
        raise InputError("no such folder", place=folder, cure="check the path")
    try:
        own = results_in(folder)  # results of a series in the folder of its patterns
        listed = (p for p in folder.glob(glob or "*") if p.is_file() and not p.name.startswith("."))
        present = [p for p in listed if p.parent != folder or p.name not in own]
    except (ValueError, NotImplementedError) as error:
        raise InputError(f"--glob {glob!r}: {error}", place=folder, cure='write it like "*.xye"') from None
    notices: list[Notice] = []
    if glob is None:
        present, notices = _of_commonest_suffix(present)
    if not present:
        raise NoFrames("holds no patterns", place=folder, cure=f"expected {', '.join(SUFFIXES)}, or give --glob")
    return sorted(present, key=lambda path: natural_key(path.name)), notices


def _of_commonest_suffix(paths: list[Path]) -> tuple[list[Path], list[Notice]]:
    counts = Counter(path.suffix.lower() for path in paths if path.suffix.lower() in SUFFIXES)
    if not counts:
        return [], []
    chosen = min(counts, key=lambda suffix: (-counts[suffix], SUFFIXES.index(suffix)))
    left = {suffix: count for suffix, count in counts.items() if suffix != chosen}
    text = ", ".join(f"{count} {suffix}" for suffix, count in sorted(left.items()))
    notices = [Notice("files_left_out", f"only {chosen} files are used, not {text}; give --glob to change this")]
    return [path for path in paths if path.suffix.lower() == chosen], notices if left else []


def _with_scans(paths: list[Path], dataset: str | None) -> tuple[list[Frame], list[Notice]]:
    """Return the frames of files, and one notice per choice made in them."""
    few = len(paths) <= FEW_FILES
    frames: list[Frame] = []
    choices: dict[str, Notice] = {}
    for path in paths:
        stack = _opened(path, dataset) if few or path.suffix.lower() in SCANS_WITHIN else None
        count = 1 if stack is None else len(stack)
        frames += [frame_of(path, k, count) for k in range(count)]
        for notice in () if stack is None else stack.warnings:
            choices.setdefault(notice.code, notice)
    return frames, list(choices.values())


def _opened(path: Path, dataset: str | None) -> Stack | None:
    """Return a file of many patterns, None for one that cannot be read; its row gives the reason later.

    Raises
    ------
    ChoiceNeeded
        If it is an HDF5 file with several possible groups, or without `dataset`.
    """
    try:
        return read_stack(path, dataset)
    except ChoiceNeeded:
        raise
    except InputError:
        return None


def _number_notices(paths: list[Path]) -> list[Notice]:
    """Return notices of missing and repeated numbers in numbered file names."""
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
        notices.append(Notice("frames_missing", f"{len(missing)} numbers are missing: {named(map(str, missing))}"))
    if twice:
        notices.append(Notice("frames_repeated", f"repeated numbers: {named(map(str, twice))}"))
    return notices


# Default end of a watch: this many usual intervals between frames, at least this many seconds, and
# this many seconds if no interval is known.
INTERVALS, LEAST_IDLE_S, IDLE_S = 10, 60.0, 600.0
Stamp = tuple[int, int]
# Identity of a frame: the name of its file, its scan, and for a file of one frame its size and time.
FrameKey = tuple[str, int, int, int]


@dataclass(frozen=True, kw_only=True)
class Watch:
    """How a growing series is watched.

    Attributes
    ----------
    idle_s
        Seconds without a new frame after which the series counts as finished; None: ten times the usual interval
        between frames, at least a minute.
    settle_s
        Seconds for which a file must not change to be complete.
    poll_s
        Seconds between two checks.
    clock, sleep
        Functions for the time in seconds and for waiting.
    """

    idle_s: float | None = None
    settle_s: float = 2.0
    poll_s: float = 1.0
    clock: Callable[[], float] = field(default=time.monotonic)
    sleep: Callable[[float], None] = field(default=time.sleep)

    def __post_init__(self) -> None:
        if self.idle_s is not None and not 0 < self.idle_s < math.inf:
            raise InputError(f"{self.idle_s:g} seconds", place="--watch-idle", cure="give a time of more than 0")


@dataclass(frozen=True, kw_only=True)
class FolderState:
    """The complete frames of the folder at one moment.

    Attributes
    ----------
    frames
        The complete frames, numbered in order.
    stamps
        Size and time of all files.
    settled
        The files that are not being written.
    """

    frames: Frames
    stamps: Mapping[Path, Stamp]
    settled: frozenset[Path]

    def key(self, frame: Frame) -> FrameKey:
        """Return the identity of a frame; it changes with the file if the file has one frame."""
        name = frame.path.name
        return (name, -1, *self.stamps[frame.path]) if frame.scan is None else (name, frame.scan, 0, 0)


class Watcher:
    """Checks a folder or a file repeatedly.

    Parameters
    ----------
    source, glob, axes, dataset
        As for `frames_of`.
    watch
        The times of the checks.

    Raises
    ------
    InputError
        If there is no such folder or file, or an axis is invalid.
    """

    def __init__(self, source: Path, glob: str | None, axes: Sequence[str], dataset: str | None, watch: Watch):
        self.source, self.glob, self.axes, self.dataset, self.watch = source, glob, tuple(axes), dataset, watch
        self._since: dict[Path, tuple[Stamp, float]] = {}
        self._quiet_since = watch.clock()
        self._arrivals: list[float] = []
        self._last: FolderState | None = None
        self._paths()

    def look(self) -> FolderState:
        """Return the present state: complete frames and files."""
        now = self.watch.clock()
        self._note(now)
        stamps = {path: stamp for path, (stamp, _) in self._since.items()}
        settled = frozenset(path for path, (_, since) in self._since.items() if now - since >= self.watch.settle_s)
        last = self._last
        if last is not None and (last.stamps, last.settled) == (stamps, settled):
            return last
        listed = self._listed(settled)
        counts = Counter(frame.path for frame in listed.frames)
        # A file that is newer than this list is left for the next check.
        known = [frame for frame in listed.frames if frame.path in stamps]
        complete = [frame for frame in known if frame.path in settled or _is_behind(frame, counts)]
        if last is None or len(complete) > len(last.frames):
            self._arrivals.append(now)
        numbered = tuple(replace(frame, index=k) for k, frame in enumerate(complete))
        self._last = FolderState(frames=replace(listed, frames=numbered), stamps=stamps, settled=settled)
        return self._last

    @property
    def idle_s(self) -> float:
        """Seconds without a change after which the series counts as finished."""
        if self.watch.idle_s is not None:
            return self.watch.idle_s
        written = np.sort([stamp[1] * 1e-9 for stamp, _ in self._since.values()])
        moments = written if len(written) > 2 else np.array(self._arrivals[1:])
        if len(moments) < 2:
            return IDLE_S
        return max(INTERVALS * float(np.median(np.diff(moments))), LEAST_IDLE_S)

    @property
    def is_idle(self) -> bool:
        """Whether no frame arrived for so long that the series is finished."""
        return self.watch.clock() - self._quiet_since >= self.idle_s

    def _paths(self) -> list[Path]:
        try:
            return files_in(self.source, self.glob)[0]
        except NoFrames:
            return []

    def _note(self, now: float) -> None:
        """Record sizes and times, and since when they are unchanged."""
        found: dict[Path, tuple[Stamp, float]] = {}
        for path in self._paths():
            stamp = stamp_of(path)
            before = self._since.get(path)
            found[path] = before if before is not None and before[0] == stamp else (stamp, now)
        if {path: stamp for path, (stamp, _) in found.items()} != {p: stamp for p, (stamp, _) in self._since.items()}:
            self._quiet_since = now
        self._since = found

    def _listed(self, settled: frozenset[Path]) -> Frames:
        """Return all frames with their axis values, nan where not yet available."""
        names = tuple(name.rpartition(":")[2] for name in self.axes)
        try:
            return frames_of(self.source, glob=self.glob, axes=self.axes, dataset=self.dataset)
        except NoFrames:
            return Frames(frames=(), axes=names)
        except ChoiceNeeded:
            # An incomplete file may seem ambiguous until its default group is written.
            if len(settled) == len(self._since):
                raise
            return Frames(frames=(), axes=names)
        except InputError:
            if settled and not any(":" in axis for axis in self.axes):
                raise
            found = frames_of(self.source, glob=self.glob, dataset=self.dataset)
            nowhere = (math.nan,) * len(self.axes)
            return replace(found, axes=names, frames=tuple(replace(f, axes=nowhere) for f in found.frames))


def _is_behind(frame: Frame, counts: Mapping[Path, int]) -> bool:
    """Whether another frame follows this one in a file of many that is being written."""
    growing = frame.path.suffix.lower() in STACKED and frame.scan is not None
    return growing and (frame.scan or 0) < counts[frame.path] - 1


def stamp_of(path: Path) -> Stamp:
    """Return size and time (nanoseconds) of a file, zeros for a missing one."""
    try:
        status = path.stat()
    except OSError:
        return 0, 0
    return status.st_size, status.st_mtime_ns
