"""Refinement of a series while it is measured: each frame from the last one, as soon as it is complete.

Common parameters are estimated from the frames so far, and again when their number doubles. The rows are provisional:
when no more frames come, the whole series is refined, and its tables are those of any other run.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, field, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from layerox.errors import InputError, is_interrupt
from layerox.pattern import Pattern
from layerox.series.checksums import row_from_line
from layerox.series.executor import InProcess
from layerox.series.frame_row import FrameRow
from layerox.series.frame_setup import Frame, Frames, SeriesSetup
from layerox.series.frames import FolderState, FrameKey, Stamp, Watcher
from layerox.series.refinement.seed_refinement import determined_common_parameters
from layerox.series.refinement.segment import Segment, independent_rows
from layerox.series.results_folder import LIVE, SeriesStore

# Rows in one file of the work that is kept; seconds between two writings of the tables.
CHUNK, REFRESH_S = 100, 2.0
# Number of frames at which the common parameters are determined again, and with each doubling.
RENEWED_AT = 6
KeptRow = dict[str, Any]


@dataclass(frozen=True, kw_only=True, eq=False)
class LiveSetup:
    """A series that is ready for refinement: its setup, one of its patterns, and the folder for its results.

    `key_of` gives the key of a run over certain frames, `description` the entries of run.json for any number of frames.
    """

    setup: SeriesSetup
    first: Pattern
    store: SeriesStore
    key_of: Callable[[Frames], str]
    description: Mapping[str, Any]


class LiveSeries:
    """Refines a growing series.

    Parameters
    ----------
    watcher
        Finds the complete frames.
    ready
        Prepares a series from the present frames; raises `InputError` if an argument cannot be used, and
        returns None if no frame can be read yet.
    unordered
        Whether frames have neighbours.
    tell
        Called with a text on the progress.
    """

    def __init__(
        self,
        watcher: Watcher,
        ready: Callable[[Frames], LiveSetup | None],
        unordered: bool,
        progress: Callable[[str], None],
    ):
        self.watcher, self.make_ready, self.unordered, self.progress = watcher, ready, unordered, progress
        self.watch = watcher.watch
        self.ready: LiveSetup | None = None
        self.rows = _LiveRows()
        self.refused: dict[FrameKey, Stamp] = {}
        self.finished: set[FrameKey] = set()
        self._segment: Segment | None = None
        self._renewed_at = 0
        self._last_state: FolderState | None = None
        self._written = -REFRESH_S
        self._started = datetime.now(UTC).isoformat(timespec="seconds")

    def follow(self, *, resume: bool) -> bool:
        """Follow the series until no more frames come; return whether rows of it are stored.

        Raises
        ------
        InputError
            If an argument cannot be used.
        KeyboardInterrupt
            When interrupted; finished frames are on disk.
        """
        look = self.watcher.look()
        try:
            while not self.watcher.is_idle:
                look = self.watcher.look()
                if self._refined_all(look, resume=resume):
                    self._refresh(look)
                    self._report_waiting(look)
                    self.watch.sleep(self.watch.poll_s)
            return len(self.rows) > 0
        except BaseException as error:
            if is_interrupt(error):
                self._refresh(look, "interrupted")
            raise
        finally:
            if self.ready is not None:
                self.ready.store.close()

    def _refined_all(self, look: FolderState, *, resume: bool) -> bool:
        """Refine the complete frames; return False if the folder must be read again before all are done."""
        if not len(look.frames) or not self._is_ready(look, resume=resume):
            return True
        began = self.watch.clock()
        for frame, pattern in self._new_frames(look):
            self._take(frame, pattern, look)
            now = self.watch.clock()
            if now - self._written >= REFRESH_S:
                self._refresh(look)
            if now - began >= self.watch.poll_s:
                return False
        return True

    def _new_frames(self, look: FolderState) -> Iterator[tuple[Frame, Pattern]]:
        """Yield the complete frames that have no row yet, with their patterns."""
        if not self.finished.issuperset(look.key(frame) for frame in look.frames.frames):
            # A finished run keeps no partial rows: the series starts again with the present frames.
            self.finished = set()
        empty: set[Path] = set()
        for frame in look.frames.frames:
            if frame.path in empty or not self._is_due(frame, look):
                continue
            pattern = self._pattern(frame, look)
            if pattern is not None and frame.path not in look.settled and not pattern.intensity.any():
                # Space for further frames.
                empty.add(frame.path)
            elif pattern is not None:
                yield frame, pattern

    def _is_due(self, frame: Frame, look: FolderState) -> bool:
        key = look.key(frame)
        done = key in self.rows or key in self.finished
        return not done and self.refused.get(key) != look.stamps[frame.path]

    def _pattern(self, frame: Frame, look: FolderState) -> Pattern | None:
        """Return the pattern of a frame; one that cannot be read is not read again until its file changes."""
        assert self.ready is not None
        try:
            return self.ready.setup.reading.pattern(frame)
        except InputError:
            self.refused[look.key(frame)] = look.stamps[frame.path]
            return None

    def _is_ready(self, look: FolderState, *, resume: bool) -> bool:
        """Prepare the series with the first frames; continue an interrupted watch."""
        if self.ready is None:
            self.ready = self.make_ready(look.frames)
            if self.ready is None:
                return False
            begun = self.ready.store.begun() if resume else {}
            self.ready.store.open(resume=resume)
            self.rows = _LiveRows(self.ready.store)
            if begun.get("status") == "complete" and begun.get("key") == self.ready.key_of(look.frames):
                self.finished = {look.key(frame) for frame in look.frames.frames}
        return True

    def _take(self, frame: Frame, pattern: Pattern, look: FolderState) -> None:
        """Refine a frame and keep its row."""
        assert self.ready is not None
        self.progress(f"frame {len(self.rows) + 1}: {frame.file}")
        if self.unordered:
            (row,) = independent_rows(self.ready.setup, [frame])
        else:
            row = self._following(self.ready, frame, look).forward(frame).row
        self.rows.add(look.key(frame), row)

    def _following(self, ready: LiveSetup, frame: Frame, look: FolderState) -> Segment:
        """Return the segment that continues with a frame, with common parameters of the frames so far."""
        if self._segment is not None and look is self._last_state:
            return self._segment
        self._last_state = look
        come = [f for f in look.frames.frames if f == frame or f.path in look.settled or look.key(f) in self.rows]
        if self._segment is None or len(come) >= max(2 * self._renewed_at, RENEWED_AT):
            self.progress(f"estimating common parameters from {len(come)} frames")
            numbered = [replace(f, index=k) for k, f in enumerate(come)]
            common = determined_common_parameters(ready.setup, numbered, ready.first, InProcess())
            self._segment, self._renewed_at = Segment(common), len(come)
        return self._segment

    def _refresh(self, look: FolderState, status: str = "watching") -> None:
        """Write the tables and run.json, if there are new rows."""
        if self.ready is None or not self.rows or (status == "watching" and not self.rows.unwritten):
            return
        store = self.ready.store
        store.write_tables(lambda: self._in_order(look))
        frames = sum(1 for _ in self._in_order(look))
        store.write_run(
            {
                "status": status,
                **self.ready.description,
                "frames": frames,
                "axes": list(look.frames.axes),
                "notices": [asdict(notice) for notice in look.frames.warnings],
                "started": self._started,
                "written": datetime.now(UTC).isoformat(timespec="seconds"),
            }
        )
        self.rows.unwritten = False
        self._written = self.watch.clock()

    def _in_order(self, look: FolderState) -> Iterator[FrameRow]:
        """Yield the rows in the present order of their frames."""
        for frame in look.frames.frames:
            row = self.rows.get(look.key(frame))
            if row is not None:
                yield replace(row, frame=frame.index, file=frame.file, axes=frame.axes)

    def _report_waiting(self, look: FolderState) -> None:
        being_written = len(look.stamps) - len(look.settled)
        text = f", {being_written} being written" if being_written else ""
        self.progress(
            f"watching: {len(self.rows)} frames{text}; ends after {self.watcher.idle_s:.0f} s without a new one"
        )


@dataclass(eq=False)
class _LiveRows:
    """The rows of a live series: on disk in chunks, with an index in memory.

    Attributes
    ----------
    store
        The folder; None before it exists.
    unwritten
        Whether there are rows that are not in the tables.
    """

    store: SeriesStore | None = None
    unwritten: bool = False
    _places: dict[FrameKey, tuple[int, int]] = field(default_factory=dict)
    _tail: tuple[int, list[KeptRow]] = field(default_factory=lambda: (0, []))
    _other: tuple[int, list[KeptRow]] = field(default_factory=lambda: (-1, []))

    def __post_init__(self) -> None:
        """Read the rows in the folder."""
        number = 0
        while self.store is not None and self.store.has(LIVE, number):
            self._tail = number, self._read(number)
            for k, kept in enumerate(self._tail[1]):
                self._places[_key_from(kept["key"])] = number, k
            number += 1
        if self.store is not None:
            # Chunks after a damaged one are refined again.
            self.store.drop_from(LIVE, number)
        self.unwritten = bool(self._places)

    def __contains__(self, key: FrameKey) -> bool:
        return key in self._places

    def __len__(self) -> int:
        return len(self._places)

    def add(self, key: FrameKey, row: FrameRow) -> None:
        """Keep a row, on disk at once."""
        assert self.store is not None
        number, chunk = self._tail
        if len(chunk) >= CHUNK:
            number, chunk = self._tail = number + 1, []
        chunk.append({"key": list(key), "row": asdict(row)})
        self.store.put_lines(LIVE, number, chunk)
        self._places[key] = number, len(chunk) - 1
        self.unwritten = True

    def get(self, key: FrameKey) -> FrameRow | None:
        """Return a row, None if there is none."""
        if key not in self._places:
            return None
        number, k = self._places[key]
        return row_from_line(self._chunk(number)[k]["row"])

    def _chunk(self, number: int) -> list[KeptRow]:
        """Return a chunk; the growing one and the last read one are cached."""
        if number == self._tail[0]:
            return self._tail[1]
        if number != self._other[0]:
            self._other = number, self._read(number)
        return self._other[1]

    def _read(self, number: int) -> list[KeptRow]:
        assert self.store is not None
        return self.store.lines(LIVE, number)


def _key_from(kept: Sequence[Any]) -> FrameKey:
    name, scan, size, written = kept
    return str(name), int(scan), int(size), int(written)
