"""SHA-256 checksums of what a run reads and writes: pattern files, settings, and the rows of each segment.

A run resumes only with the inputs that it began with, and only with parts that are complete. A file whose size, times
and inode are unchanged is not read again; the change time cannot be set by hand.
"""

from __future__ import annotations

import hashlib
import json
import os
import time
from collections.abc import Iterable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from layerox.crystal.measured_crystal import MeasuredCrystal
from layerox.diffraction.phase import Phase
from layerox.errors import InputError
from layerox.io.atomic_writing import write_atomically
from layerox.io.json_file import read_document
from layerox.series.frame_row import FrameRow
from layerox.series.frame_setup import Frame

HASHES = ".layerox-frames.json"
SCHEMA = "layerox.frames/1"
# A file changed within this time before it was hashed may change again with the same times, nanoseconds.
RESTLESS_NS = 3_000_000_000
# Files that are hashed at once; hashing lets other threads work.
AT_ONCE = 4
MISSING = "missing"
PART_SCHEMA = "layerox.part/1"
Line = dict[str, Any]


@dataclass(frozen=True)
class HashedFile:
    """A file at the time of hashing.

    Attributes
    ----------
    sha256
        Hash of its content.
    stamp
        Size (bytes), modification and change time (nanoseconds), inode.
    hashed_ns
        Time of hashing.
    """

    sha256: str
    stamp: tuple[int, int, int, int]
    hashed_ns: int

    def holds(self, stamp: tuple[int, int, int, int]) -> bool:
        """Whether a file with this stamp has the same content for certain."""
        return self.stamp == stamp and max(stamp[1:3]) + RESTLESS_NS < self.hashed_ns


def hashed_files(paths: Iterable[Path], known: Mapping[str, HashedFile] | None = None) -> dict[str, HashedFile]:
    """Return the content of files by name; those that cannot be read are "missing".

    Parameters
    ----------
    paths
        Of one folder.
    known
        Earlier results, by name.
    """
    listed, before = list(dict.fromkeys(paths)), known or {}

    def seed_indices(path: Path) -> HashedFile:
        return _hashed(path, before.get(path.name))

    if len(listed) < AT_ONCE:
        return {path.name: seed_indices(path) for path in listed}
    with ThreadPoolExecutor(AT_ONCE) as pool:
        return {path.name: found for path, found in zip(listed, pool.map(seed_indices, listed), strict=True)}


def _hashed(path: Path, before: HashedFile | None) -> HashedFile:
    try:
        stamp = _stamp(path)
        if before is not None and before.holds(stamp):
            return before
        now = time.time_ns()
        with path.open("rb") as file:
            digest = hashlib.file_digest(file, "sha256").hexdigest()
        return HashedFile(digest, stamp, now)
    except OSError:
        return HashedFile(MISSING, (-1, 0, 0, 0), 0)


def _stamp(path: Path) -> tuple[int, int, int, int]:
    status = os.stat(path)
    return status.st_size, status.st_mtime_ns, status.st_ctime_ns, status.st_ino


def read_hashes(folder: Path) -> dict[str, HashedFile]:
    """Return the hashes of an earlier run; empty without a valid file."""
    try:
        document = read_document(folder / HASHES, SCHEMA, what="a list of frames", cure="remove it")
        return {name: _hashed_file(row) for name, row in document["files"].items()}
    except (InputError, KeyError, TypeError, ValueError, AttributeError):
        return {}


def sha256_by_path(folder: Path, paths: Iterable[Path]) -> dict[Path, str]:
    """Return the SHA-256 of those files that an earlier run in a folder hashed and that are unchanged since."""
    known = read_hashes(folder)
    named = {path: known[path.name] for path in paths if path.name in known}
    return {path: found.sha256 for path, found in named.items() if path.is_file() and found.holds(_stamp(path))}


def _hashed_file(row: Mapping[str, Any]) -> HashedFile:
    size, modified, changed, inode = map(int, row["stamp"])
    return HashedFile(str(row["sha256"]), (size, modified, changed, inode), int(row["hashed_ns"]))


def hashes_text(found: Mapping[str, HashedFile]) -> str:
    """Return the text of the file from which `read_hashes` reads."""
    return json.dumps({"schema": SCHEMA, "files": {name: asdict(one) for name, one in found.items()}}) + "\n"


def frame_identity(frame: Frame, found: Mapping[str, HashedFile]) -> list[object]:
    """Return the identity of a frame: its name, its content, and its axis values."""
    return [frame.file, found[frame.path.name].sha256, *map(repr, frame.axes)]


def phase_identity(phase: Phase) -> list[object]:
    """Return the identity of a phase: all starting values, its atoms, and its symmetry operations."""
    sites = [asdict(site) for site in phase.crystal.sites]
    own = [phase.name, phase.hardware, phase.mode, phase.axis, *phase.slot_names, *phase.values.tolist()]
    symmetry = phase.crystal.symmetry
    operations = zip(symmetry.rotations.tolist(), symmetry.translations.round(6).tolist(), strict=True)
    crystal = phase.crystal
    measured = (
        [crystal.reflections, crystal.f_squared, crystal.constant_esd, crystal.atoms]
        if isinstance(crystal, MeasuredCrystal)
        else []
    )
    return [*own, sites, sorted(operations), *measured]


def sha256_of(data: Mapping[str, object] | Sequence[object]) -> str:
    """Return a hash of plain data."""
    return hashlib.sha256(json.dumps(data, sort_keys=True, default=str).encode()).hexdigest()


@dataclass(frozen=True, kw_only=True)
class SegmentFile:
    """The identity of a part: the key of the run, the stage, and the number of the segment."""

    run: str
    stage: str
    number: int

    @property
    def file(self) -> str:
        """The name of its file."""
        return f"{self.stage}-{self.number:06d}.jsonl"


def write_part(folder: Path, name: SegmentFile, lines: Sequence[Line]) -> None:
    """Write a part atomically."""
    body = "".join(json.dumps(line) + "\n" for line in lines)
    head = {"schema": PART_SCHEMA, "run": name.run, "stage": name.stage, "number": name.number, "sha256": _sha256(body)}
    write_atomically(folder / name.file, f"{json.dumps(head)}\n{body}")


def read_part(folder: Path, name: SegmentFile) -> list[Line] | None:
    """Return the lines of a part; None if it is missing, incomplete, or not of this run."""
    try:
        text = (folder / name.file).read_text(encoding="utf-8")
        first, _, body = text.partition("\n")
        head = json.loads(first)
    except (OSError, ValueError, RecursionError):
        return None
    expected = {
        "schema": PART_SCHEMA,
        "run": name.run,
        "stage": name.stage,
        "number": name.number,
        "sha256": _sha256(body),
    }
    return [json.loads(line) for line in body.splitlines()] if head == expected else None


def _sha256(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()


def line_from_row(row: FrameRow) -> Line:
    """Return a row as plain data."""
    return dict(vars(row))  # as it is: `asdict` would copy all that is in it


def row_from_line(found: Line) -> FrameRow:
    """Return a row from its plain data."""
    phases = {name: {q: (pair[0], pair[1]) for q, pair in own.items()} for name, own in found["phases"].items()}
    offsets = {name: (pair[0], pair[1]) for name, pair in found["offsets"].items()}
    return FrameRow(**{**found, "axes": tuple(found["axes"]), "phases": phases, "offsets": offsets})
