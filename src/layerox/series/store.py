"""Store: the folder of a series while it grows: parts that survive any interruption, and the tables made of them.

Each segment that is done lies as one file in a hidden folder; whatever is written appears as a whole or not at all, so
that a run killed at any moment goes on where it was. A lock held by the operating system dies with its process.
"""

from __future__ import annotations

import json
import os
import shutil
import tempfile
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any, TextIO

from layerox.errors import InputError
from layerox.io.writing import write_atomically
from layerox.series.measured import Row
from layerox.series.table import cells, csv_lines, header, transition_cells, transition_header, transitions

SCHEMA = "layerox.series/1"
WORK = ".parts"


class Store:
    """The folder of one series.

    Parameters
    ----------
    folder
        Made if it is missing.
    key
        Of everything that decides the results; parts of another key are not taken up.
    axes, phases, quantities
        Names, as the tables have them; the quantities are those told of each phase.
    """

    def __init__(self, folder: Path, key: str, axes: Sequence[str], phases: Sequence[str], quantities: Sequence[str]):
        self.folder, self.key = folder, key
        self.axes, self.phases, self.quantities = tuple(axes), tuple(phases), tuple(quantities)
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
        begun = self._begun() if resume else {}
        if begun and begun.get("key") != self.key:
            raise InputError("was begun with other frames or settings", place=self.folder,
                             cure="leave --resume out, or choose another -o")  # fmt: skip
        if begun.get("status") == "complete":
            return True
        if not begun:
            shutil.rmtree(self.work, ignore_errors=True)
        self.work.mkdir(exist_ok=True)
        self._sweep()
        return False

    def _begun(self) -> dict[str, Any]:
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
        return self._part(stage, number).exists()

    def put(self, stage: str, number: int, rows: Sequence[Row]) -> None:
        """Keep the rows of a part."""
        text = "".join(json.dumps(asdict(row)) + "\n" for row in rows)
        write_atomically(self._part(stage, number), text)

    def rows(self, stage: str, number: int) -> list[Row]:
        """Return the rows of a part."""
        lines = self._part(stage, number).read_text(encoding="utf-8").splitlines()
        return [_row(json.loads(line)) for line in lines]

    def _part(self, stage: str, number: int) -> Path:
        return self.work / f"{stage}-{number:06d}.jsonl"

    def all_rows(self, parts: int) -> Iterator[Row]:
        """Yield the rows of all parts that are done, in order; amended ones in place of the first."""
        for number in range(parts):
            stage = "amended" if self.has("amended", number) else "first"
            if self.has(stage, number):
                yield from self.rows(stage, number)

    def write_tables(self, parts: int) -> None:
        """Write frames.csv and transitions.csv from the parts that are done, one row at a time."""
        found = (cells(row, self.phases, self.quantities) for row in self.all_rows(parts))
        self._write("frames.csv", header(self.axes, self.phases, self.quantities), found)
        changes = (transition_cells(change) for change in transitions(self.all_rows(parts), self.phases))
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
        whole = {"schema": SCHEMA, "key": self.key, **document}
        write_atomically(self.folder / "run.json", json.dumps(whole, indent=1) + "\n")

    def finish(self) -> None:
        """Remove the parts: the tables hold all that they held."""
        shutil.rmtree(self.work, ignore_errors=True)


def _row(found: dict[str, Any]) -> Row:
    phases = {name: {q: (pair[0], pair[1]) for q, pair in own.items()} for name, own in found.pop("phases").items()}
    return Row(**{**found, "axes": tuple(found["axes"]), "phases": phases})
