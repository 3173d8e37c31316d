"""Store: the folder of a series while it grows: parts that survive any interruption, and the tables made of them.

Each segment that is done lies as one file in a hidden folder; whatever is written appears as a whole or not at all, so
that a run killed at any moment goes on where it was. A lock held by the operating system dies with its process.
"""

from __future__ import annotations

import json
import os
import shutil
import tempfile
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, TextIO

from layerox.errors import InputError
from layerox.io.writing import write_atomically
from layerox.series.measured import Row
from layerox.series.table import cells, csv_lines, header, transition_cells, transition_header, transitions

SCHEMA = "layerox.series/1"
WORK = ".parts"
# The stages of each part, one after another: refined; refined again from the neighbour segments, in rounds; frames in
# doubt refined again from their neighbours; phases corrected over the series; verdicts given over the series.
FIRST, HANDED, COMPARED = "first", ("handed1", "handed2", "handed3"), "compared"
AMENDED, JUDGED = "amended", "judged"
STAGES = (FIRST, *HANDED, COMPARED, AMENDED, JUDGED)


class Store:
    """The folder of one series.

    Parameters
    ----------
    folder
        Made if it is missing.
    key, settings
        Of everything that decides the results, and of everything but the frames; parts of another key are not taken
        up. An empty key is that of a folder that is still being followed: of its frames more will come.
    axes
        Names, as the tables have them.
    phases
        What is measured of each phase, by name.
    """

    def __init__(self, folder: Path, key: str, settings: str, axes: Sequence[str], phases: Mapping[str, Sequence[str]]):
        self.folder, self.key, self.settings = folder, key, settings
        self.axes, self.phases = tuple(axes), dict(phases)
        self.work = folder / WORK
        self._lock: TextIO | None = None

    def open(self, *, resume: bool) -> bool:
        """Take the folder; return whether a finished run of the same key lies there already.

        Raises
        ------
        InputError
            If the folder cannot be used, another process works in it, or `resume` meets a run of other settings.
        """
        import fcntl  # noqa: PLC0415  (reading a series must work where this module of Unix is missing)

        try:
            self.folder.mkdir(parents=True, exist_ok=True)
            self._lock = (self.folder / ".lock").open("w")
            fcntl.flock(self._lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            raise InputError("another process is at work there", place=self.folder, cure="wait for it") from None
        except OSError as error:
            problem = f"cannot be used ({error.strerror})"
            raise InputError(problem, place=self.folder, cure="choose another -o") from None
        begun = self.begun() if resume else {}
        if begun and not self._continues(begun):
            raise InputError("was begun with other frames or settings", place=self.folder,
                             cure="leave --resume out, or choose another -o")  # fmt: skip
        if self.key and begun.get("key") == self.key and begun.get("status") == "complete":
            return True
        if not begun:
            shutil.rmtree(self.work, ignore_errors=True)
        self.work.mkdir(exist_ok=True)
        if self.key and begun.get("key") != self.key:
            self._drop(*STAGES)
        self._sweep()
        return False

    def _continues(self, begun: Mapping[str, Any]) -> bool:
        """Whether this run goes on with what another one began: of the same frames, or of a folder that grows."""
        grows = not self.key or not begun.get("key")
        return bool(begun.get("key") == self.key or (grows and begun.get("settings") == self.settings))

    def _drop(self, *stages: str) -> None:
        for stage in stages:
            for path in self.work.glob(f"{stage}-*"):
                path.unlink(missing_ok=True)

    def begun(self) -> dict[str, Any]:
        """Return the run.json that lies there, empty if none does."""
        try:
            found = json.loads((self.folder / "run.json").read_text(encoding="utf-8"))
        except (OSError, ValueError):
            return {}
        return found if isinstance(found, dict) and found.get("schema") == SCHEMA else {}

    def _sweep(self) -> None:
        """Remove what writers that were killed have left half-written."""
        for folder in (self.folder, self.work):
            for path in folder.glob(".*.*"):
                if path.is_file() and path.suffix != ".csv" and path.name != ".lock":
                    path.unlink(missing_ok=True)

    def close(self) -> None:
        """Let the folder go."""
        if self._lock is not None:
            self._lock.close()
            self._lock = None

    def has(self, stage: str, number: int) -> bool:
        """Whether a part is done."""
        return self.part(stage, number).exists()

    def put(self, stage: str, number: int, rows: Sequence[Row]) -> None:
        """Keep the rows of a part."""
        text = "".join(json.dumps(vars(row)) + "\n" for row in rows)  # plain data as it is: `asdict` would copy it
        write_atomically(self.part(stage, number), text)

    def rows(self, stage: str, number: int) -> list[Row]:
        """Return the rows of a part."""
        lines = self.part(stage, number).read_text(encoding="utf-8").splitlines()
        return [row_from(json.loads(line)) for line in lines]

    def part(self, stage: str, number: int) -> Path:
        """Return where a part lies."""
        return self.work / f"{stage}-{number:06d}.jsonl"

    def all_rows(self, parts: int) -> Iterator[Row]:
        """Yield the rows of all parts that are done, in order, as the last stage has them."""
        for number in range(parts):
            done = [stage for stage in STAGES if self.has(stage, number)]
            if done:
                yield from self.rows(done[-1], number)

    def rows_before(self, stage: str, number: int) -> list[Row]:
        """Return the rows of a part as the stages before one have left them."""
        done = [former for former in STAGES[: STAGES.index(stage)] if self.has(former, number)]
        return self.rows(done[-1], number)

    def write_tables(self, rows: Callable[[], Iterator[Row]]) -> None:
        """Write frames.csv and transitions.csv, one row at a time; `rows` yields them anew at each call."""
        found = (cells(row, self.phases) for row in rows())
        self._write("frames.csv", header(self.axes, self.phases), found)
        changes = (transition_cells(change) for change in transitions(rows(), list(self.phases)))
        self._write("transitions.csv", transition_header(self.axes), changes)

    def _write(self, name: str, titles: Sequence[str], rows: Iterable[Sequence[str]]) -> None:
        """Write a table of any length as a whole or not at all."""
        handle, temporary = tempfile.mkstemp(prefix=f".{name}.", dir=self.folder)
        try:
            with os.fdopen(handle, "w", encoding="utf-8", newline="") as file:
                file.writelines(csv_lines([titles]))
                file.writelines(csv_lines(rows))
            os.chmod(temporary, 0o644)
            os.replace(temporary, self.folder / name)
        finally:
            Path(temporary).unlink(missing_ok=True)

    def write_run(self, document: Mapping[str, object]) -> None:
        """Write run.json."""
        whole = {"schema": SCHEMA, "key": self.key, "settings": self.settings, **document}
        write_atomically(self.folder / "run.json", json.dumps(whole, indent=1) + "\n")

    def finish(self) -> None:
        """Remove the parts: the tables hold all that they held."""
        shutil.rmtree(self.work, ignore_errors=True)


def row_from(found: dict[str, Any]) -> Row:
    """Return a row from the plain data that it was kept as."""
    phases = {name: {q: (pair[0], pair[1]) for q, pair in own.items()} for name, own in found.pop("phases").items()}
    offsets = {name: (pair[0], pair[1]) for name, pair in found["offsets"].items()}
    return Row(**{**found, "axes": tuple(found["axes"]), "phases": phases, "offsets": offsets})
