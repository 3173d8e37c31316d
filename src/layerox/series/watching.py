"""Which frames of a growing folder or file are complete.

A file is complete when its size and time have not changed for a while; in a file of many frames, those with a later
frame are complete. The patterns are not examined here.
"""

from __future__ import annotations

import math
import time
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path

import numpy as np

from layerox.errors import ChoiceNeeded, InputError
from layerox.series.frame_reading import STACKED, Frame, Frames
from layerox.series.frames import NoFrames, files_in, frames_of

# A watch without an end of its own ends after so many usual intervals between frames, but not before so many seconds,
# and after this many where no interval is known.
INTERVALS, LEAST_IDLE_S, IDLE_S = 10, 60.0, 600.0
Stamp = tuple[int, int]
# Which frame is meant: the name of its file, its scan, and for a file of one frame its size and time.
FrameKey = tuple[str, int, int, int]


@dataclass(frozen=True, kw_only=True)
class Watch:
    """How a growing series is watched.

    Attributes
    ----------
    idle_s
        Seconds without a new frame after which the series is taken for finished; None: ten times the usual interval
        between frames, at least a minute.
    settle_s
        Seconds for which a file must not change to be complete.
    poll_s
        Seconds between two checks.
    clock, sleep
        The time in seconds, and how to wait.
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
        Those that are complete, numbered in their order.
    stamps
        Size and time of all files.
    settled
        Those that are not being written.
    """

    frames: Frames
    stamps: Mapping[Path, Stamp]
    settled: frozenset[Path]

    def key(self, frame: Frame) -> FrameKey:
        """Return which frame is meant: one in a file of its own is another one when the file changes."""
        name = frame.path.name
        return (name, -1, *self.stamps[frame.path]) if frame.scan is None else (name, frame.scan, 0, 0)


class Watcher:
    """Looks at a folder or a file again and again.

    Parameters
    ----------
    source, glob, axes, dataset
        As for `frames_of`.
    watch
        How.

    Raises
    ------
    InputError
        If there is no such folder or file, or an axis cannot be meant.
    """

    def __init__(self, source: Path, glob: str | None, axes: Sequence[str], dataset: str | None, watch: Watch):
        self.source, self.glob, self.axes, self.dataset, self.watch = source, glob, tuple(axes), dataset, watch
        self._since: dict[Path, tuple[Stamp, float]] = {}
        self._quiet_since = watch.clock()
        self._arrivals: list[float] = []
        self._last: FolderState | None = None
        self._paths()

    def look(self) -> FolderState:
        """Return what is complete now."""
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
        """Seconds without a change after which the series is taken for finished."""
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
        """Return all frames with their axes; without places on them where these cannot be had yet."""
        names = tuple(name.rpartition(":")[2] for name in self.axes)
        try:
            return frames_of(self.source, glob=self.glob, axes=self.axes, dataset=self.dataset)
        except NoFrames:
            return Frames(frames=(), axes=names)
        except ChoiceNeeded:
            # While a file is written it may seem to leave a choice that its last word takes away.
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
