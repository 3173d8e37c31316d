"""Parts: the rows of a segment as one file, which says whose it is and whether it is whole.

The first line names the run, the stage and the number, and has the SHA-256 of the rows behind it. A part that was cut
off, changed, or belongs to another run is no part: its segment is refined again.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from layerox.io.atomic import write_atomically
from layerox.series.measured import Row

SCHEMA = "layerox.part/1"
Line = dict[str, Any]


@dataclass(frozen=True, kw_only=True)
class PartName:
    """Which part is meant: the key of the run, the stage of the work, and the number of the segment."""

    run: str
    stage: str
    number: int

    @property
    def file(self) -> str:
        """The name of its file."""
        return f"{self.stage}-{self.number:06d}.jsonl"


def write_part(folder: Path, name: PartName, lines: Sequence[Line]) -> None:
    """Write a part as a whole or not at all."""
    body = "".join(json.dumps(line) + "\n" for line in lines)
    head = {"schema": SCHEMA, "run": name.run, "stage": name.stage, "number": name.number, "sha256": _sha256(body)}
    write_atomically(folder / name.file, f"{json.dumps(head)}\n{body}")


def read_part(folder: Path, name: PartName) -> list[Line] | None:
    """Return the lines of a part; None if there is none, or it is not whole, or not of this run."""
    try:
        text = (folder / name.file).read_text(encoding="utf-8")
        first, _, body = text.partition("\n")
        head = json.loads(first)
    except (OSError, ValueError, RecursionError):
        return None
    expected = {"schema": SCHEMA, "run": name.run, "stage": name.stage, "number": name.number, "sha256": _sha256(body)}
    return [json.loads(line) for line in body.splitlines()] if head == expected else None


def _sha256(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()


def line_from_row(row: Row) -> Line:
    """Return a row as plain data."""
    return dict(vars(row))  # as it is: `asdict` would copy all that is in it


def row_from_line(found: Line) -> Row:
    """Return a row from the plain data that it was kept as."""
    phases = {name: {q: (pair[0], pair[1]) for q, pair in own.items()} for name, own in found["phases"].items()}
    offsets = {name: (pair[0], pair[1]) for name, pair in found["offsets"].items()}
    return Row(**{**found, "axes": tuple(found["axes"]), "phases": phases, "offsets": offsets})
