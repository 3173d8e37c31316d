"""The folder of a series during the run: parts that are kept after an interruption, and the tables made from them.

Each finished segment is one file in a hidden folder. Files are written completely or not at all, and only files that
layerox wrote are replaced or removed. The operating system releases the lock when the process ends.
"""

from __future__ import annotations

import contextlib
import hashlib
import json
import re
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from layerox.errors import InputError
from layerox.io.atomic_writing import TEMPORARY, WriteFailed
from layerox.io.output_files import keep_elsewhere, write_outputs
from layerox.series.checksums import Line, SegmentFile, line_from_row, read_part, row_from_line, write_part
from layerox.series.frame_row import FrameRow
from layerox.series.run_document import RUN, SCHEMA, read_run
from layerox.series.tables import cells, csv_lines, header, transition_cells, transition_header, transitions

if TYPE_CHECKING:
    from collections.abc import Callable

    from filelock import FileLock

WORK, LOCK = ".layerox-parts", ".layerox.lock"
TABLE, CHANGES = "frames.csv", "transitions.csv"
RESULTS = (TABLE, CHANGES, "series.nc", "recipe.toml", RUN)
# The stages of each part, one after another: refined; refined again from the neighbour segments, in rounds; frames in
# doubt refined again from their neighbours; phases corrected over the series; similar phases tested; verdicts given
# over the series.
FIRST, MERGED, COMPARED = "first", ("merged1", "merged2", "merged3"), "compared"
CORRECTED, DISTINGUISHED, JUDGED = "corrected", "distinguished", "judged"
STAGES = (FIRST, *MERGED, COMPARED, CORRECTED, DISTINGUISHED, JUDGED)
# Rows of a growing series; their key is that of its settings, because its frames are not yet known.
LIVE = "live"
BY = "series"
# Rows of parts that are kept in memory: 6 kB each.
MOST_KEPT = 5000
PART = re.compile(r"(\w+)-(\d{6,9})\.jsonl")


# Inode, size and time of the last change of a file.
_Stamp = tuple[int, int, int]


class SeriesStore:
    """The folder of one series.

    Parameters
    ----------
    folder
        Created if missing.
    key, settings
        Hashes of everything that decides the results, and of everything except the frames; parts with another key are
        not used. An empty key means a folder that is still followed, with frames to come.
    axes
        Names, as the tables have them.
    phases
        Quantities of each phase, by name.
    overwrite
        Whether files of the user with names of results may be replaced.
    """

    def __init__(
        self,
        folder: Path,
        key: str,
        settings: str,
        axes: Sequence[str],
        phases: Mapping[str, Sequence[str]],
        *,
        overwrite: bool = False,
    ):
        self.folder, self.key, self.settings = folder, key, settings
        self.axes, self.phases, self.overwrite = tuple(axes), dict(phases), overwrite
        self.work = folder / WORK
        self._lock: FileLock | None = None
        # Complete parts (each is checked once), and parts that could not be written.
        self._whole: set[str] = set()
        self._unwritten: dict[SegmentFile, list[Line]] = {}
        # The rows read last, by file, with its stamp; the oldest first.
        self._read: dict[str, tuple[_Stamp | None, list[FrameRow]]] = {}

    def open(self, *, resume: bool) -> bool:
        """Lock the folder; return whether it already holds a finished run of the same key.

        Raises
        ------
        InputError
            If the folder cannot be used, another process uses it, or `resume` finds a run of other frames or
            settings, or damaged files.
        """
        self.lock()
        begun = self.begun() if resume else {}
        if begun and not self._continues(begun):
            raise InputError(self._difference(begun), place=self.folder,
                             cure="leave --resume out, or choose another -o")  # fmt: skip
        if self.key and begun.get("key") == self.key and begun.get("status") == "complete":
            if self._has_tables(begun):
                return True
            self.finish()
        if not resume:
            self.finish()
        self._make(self.work)
        self._clean()
        return False

    def lock(self) -> None:
        """Take the folder for this process alone; the operating system releases it when the process ends.

        Raises
        ------
        InputError
            If the folder cannot be used, or another process works in it.
        """
        from filelock import FileLock, Timeout  # noqa: PLC0415  (reading a series needs no lock)

        self._make(self.folder)
        self._lock = FileLock(self.folder / LOCK)
        try:
            self._lock.acquire(blocking=False)
        except Timeout:
            raise InputError("another process is using it", place=self.folder, cure="wait for it") from None
        except OSError as error:
            raise self._unusable(error) from None

    def _make(self, folder: Path) -> None:
        try:
            folder.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            raise self._unusable(error) from None

    def _unusable(self, error: OSError) -> InputError:
        problem = f"cannot be used ({error.strerror or error})"
        return InputError(problem, place=self.folder, cure="choose another -o")

    def _continues(self, begun: Mapping[str, Any]) -> bool:
        """Whether this run continues another one: of the same frames, or of a growing folder."""
        grows = not self.key or not begun.get("key")
        return bool(begun.get("key") == self.key or (grows and begun.get("settings") == self.settings))

    def demand_complete(self, begun: Mapping[str, Any], key: str) -> None:
        """Raise if the folder does not hold the finished series of a key, unchanged.

        Raises
        ------
        InputError
            If it is not finished, of other frames or settings, or its table was changed or is missing.
        """
        if begun.get("status") != "complete":
            raise InputError("the series is not finished", place=self.folder, cure="run it with --resume first")
        if begun.get("key") != key:
            raise InputError(self._difference(begun), place=self.folder,
                             cure="give what it was refined with, or refine it again")  # fmt: skip
        if not self._has_tables(begun):
            raise InputError("its tables were changed", place=self.folder, cure="run it again")

    def _difference(self, begun: Mapping[str, Any]) -> str:
        if begun.get("settings") == self.settings:
            return "was begun with other frames, or their files have changed since"
        return "was begun with other frames or settings (phases, recipe, beam, version)"

    def _has_tables(self, begun: Mapping[str, Any]) -> bool:
        """Whether the table of a finished run is there and unchanged.

        Raises
        ------
        InputError
            If it was changed since.
        """
        try:
            found = hashlib.sha256((self.folder / TABLE).read_bytes()).hexdigest()
        except OSError:
            return False
        if found == begun.get("sha256", {}).get(TABLE):
            return (self.folder / CHANGES).is_file() and (self.folder / "series.nc").is_file()
        if self.overwrite:
            return False
        raise InputError("was changed after the run was finished", place=self.folder / TABLE, argument="overwrite",
                         cure="put it back, or give overwrite to refine all frames again")  # fmt: skip

    def _parts(self, *stages: str) -> Iterator[tuple[Path, str, int]]:
        """Yield the parts in the folder, with stage and number."""
        for path in sorted(self.work.glob("*.jsonl")):
            match = PART.fullmatch(path.name)
            if match and match[1] in stages:
                yield path, match[1], int(match[2])

    def drop_from(self, stage: str, number: int) -> None:
        """Remove the parts of a stage from a number on."""
        for path, _, own in self._parts(stage):
            if own >= number:
                path.unlink(missing_ok=True)
                self._whole.discard(path.name)

    def _clean(self) -> None:
        """Remove parts that are incomplete or of another run, and temporary files of killed writers."""
        for path, stage, number in self._parts(*STAGES, LIVE):
            if not self.has(stage, number):
                path.unlink(missing_ok=True)
        for folder in (self.folder, self.work):
            for path in folder.glob(f".*{TEMPORARY}"):
                path.unlink(missing_ok=True)

    def begun(self) -> dict[str, Any]:
        """Return the run.json of the folder, empty if there is none.

        Raises
        ------
        InputError
            If it is damaged, or not of a series.
        """
        return read_run(self.folder) if (self.folder / RUN).exists() else {}

    def close(self) -> None:
        """Release the lock of the folder."""
        if self._lock is not None:
            self._lock.release()
            self._lock = None

    # --- parts -----------------------------------------------------------------------------------------------------

    def _name(self, stage: str, number: int) -> SegmentFile:
        return SegmentFile(run=self.settings if stage == LIVE else self.key, stage=stage, number=number)

    def has(self, stage: str, number: int) -> bool:
        """Whether a part is complete and of this run."""
        name = self._name(stage, number)
        if name.file not in self._whole and read_part(self.work, name) is not None:
            self._whole.add(name.file)
        return name.file in self._whole

    def put(self, stage: str, number: int, rows: Sequence[FrameRow]) -> None:
        """Keep the rows of a part.

        Raises
        ------
        WriteFailed
            If it cannot be written; `rescue` keeps it elsewhere.
        """
        self.put_lines(stage, number, [line_from_row(row) for row in rows])

    def put_lines(self, stage: str, number: int, lines: Sequence[Line]) -> None:
        """Keep the lines of a part; see `put`."""
        name = self._name(stage, number)
        try:
            write_part(self.work, name, lines)
        except WriteFailed:
            self._unwritten[name] = list(lines)
            raise
        self._whole.add(name.file)

    def rows(self, stage: str, number: int) -> list[FrameRow]:
        """Return the rows of a part; those of the parts read last are kept while their files stay as they are."""
        file = self._name(stage, number).file
        stamp, rows = self._read.pop(file, (None, []))
        now = _stamp(self.work / file)
        if now is None or stamp != now:
            rows = [row_from_line(line) for line in self.lines(stage, number)]
        self._read[file] = now, rows
        while sum(len(kept) for _, kept in self._read.values()) > MOST_KEPT:
            del self._read[next(iter(self._read))]
        return list(rows)

    def lines(self, stage: str, number: int) -> list[Line]:
        """Return the lines of a part.

        Raises
        ------
        InputError
            If it was damaged during the run.
        """
        name = self._name(stage, number)
        found = read_part(self.work, name)
        if found is None:
            raise InputError("was changed or removed during the run", place=self.work / name.file,
                             cure="continue with --resume")  # fmt: skip
        return found

    def all_rows(self, parts: int) -> Iterator[FrameRow]:
        """Yield the rows of all complete parts, in order, from their last stage."""
        for number in range(parts):
            done = [stage for stage in STAGES if self.has(stage, number)]
            if done:
                yield from self.rows(done[-1], number)

    def rows_before(self, stage: str, number: int) -> list[FrameRow]:
        """Return the rows of a part before a stage."""
        done = [former for former in STAGES[: STAGES.index(stage)] if self.has(former, number)]
        return self.rows(done[-1], number)

    # --- results ---------------------------------------------------------------------------------------------------

    def write_tables(self, rows: Callable[[], Iterator[FrameRow]]) -> None:
        """Write frames.csv and transitions.csv, one row at a time; `rows` yields them from the start at each call."""
        found = (cells(row, self.phases) for row in rows())
        changes = (transition_cells(change) for change in transitions(rows(), list(self.phases)))
        self.write(
            {
                TABLE: _table(header(self.axes, self.phases), found),
                CHANGES: _table(transition_header(self.axes), changes),
            }
        )

    def write(self, files: Mapping[str, Any]) -> None:
        """Write results into the folder, all or none.

        Raises
        ------
        InputError
            If a user's file has that name, or they cannot be written.
        """
        paths = {self.folder / name: content for name, content in files.items()}
        write_outputs(paths, by=BY, overwrite=self.overwrite)

    def write_run(self, document: Mapping[str, object]) -> None:
        """Write run.json."""
        whole = {"schema": SCHEMA, "key": self.key, "settings": self.settings, **document}
        self.write({RUN: json.dumps(whole, indent=1) + "\n"})

    def sha256(self) -> dict[str, str]:
        """Return the SHA-256 of frames.csv, for run.json."""
        return {TABLE: hashlib.sha256((self.folder / TABLE).read_bytes()).hexdigest()}

    def finish(self) -> None:
        """Remove the parts, because the tables are complete."""
        for path, _, _ in self._parts(*STAGES, LIVE):
            path.unlink(missing_ok=True)
        self._whole.clear()
        self._read.clear()
        with contextlib.suppress(OSError):
            self.work.rmdir()  # not if there are other files

    def rescue(self, document: Mapping[str, object]) -> Path | None:
        """Keep the parts elsewhere, with those that could not be written, so that a run can continue from there.

        Parameters
        ----------
        document
            The document for `write_run`.

        Returns
        -------
        The folder for --resume; None if all parts are written, or nothing could be kept.
        """
        if not self._unwritten:
            return None
        names = [self._name(stage, number) for _, stage, number in self._parts(*STAGES, LIVE)]
        kept = {name: lines for name in names if (lines := read_part(self.work, name)) is not None} | self._unwritten
        whole = {"schema": SCHEMA, "key": self.key, "settings": self.settings, **document}
        place = keep_elsewhere({RUN: json.dumps(whole, indent=1) + "\n"}, BY)
        if place is None:
            return None
        try:
            (place / WORK).mkdir()
            for name, lines in kept.items():
                write_part(place / WORK, name, lines)
        except (OSError, WriteFailed):
            return None
        return place


def _stamp(path: Path) -> _Stamp | None:
    try:
        found = path.stat()
    except OSError:
        return None
    return found.st_ino, found.st_size, found.st_mtime_ns


def _table(titles: Sequence[str], rows: Iterator[list[str]]) -> Iterator[str]:
    """Yield the lines of a table."""
    yield from csv_lines([titles])
    yield from csv_lines(rows)
