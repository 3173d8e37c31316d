"""Identity: which frames, phases and settings a result belongs to, so that a run goes on only with what it began with.

A frame is its content: the SHA-256 of its file. A file that has kept size, times and inode since it was hashed, and had
been left alone for a while before, is not read again; the change time cannot be set by hand, so that a file put in
the place of another one is found although it has its size and its date.
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

from layerox.diffraction.phase import Phase
from layerox.errors import InputError
from layerox.io.json_file import read_document
from layerox.series.frames import Frame

HASHES = ".layerox-frames.json"
SCHEMA = "layerox.frames/1"
# A file changed within this time before it was hashed may change again with the same times, nanoseconds.
RESTLESS_NS = 3_000_000_000
# Files that are hashed at once; hashing lets other threads work.
AT_ONCE = 4
MISSING = "missing"


@dataclass(frozen=True)
class HashedFile:
    """A file as it was when it was hashed.

    Attributes
    ----------
    sha256
        Of its content.
    stamp
        Size (bytes), modification and change time (nanoseconds), inode.
    hashed_ns
        When.
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
        What was found before, by name.
    """
    listed, before = list(dict.fromkeys(paths)), known or {}

    def looked_at(path: Path) -> HashedFile:
        return _hashed(path, before.get(path.name))

    if len(listed) < AT_ONCE:
        return {path.name: looked_at(path) for path in listed}
    with ThreadPoolExecutor(AT_ONCE) as pool:
        return {path.name: found for path, found in zip(listed, pool.map(looked_at, listed), strict=True)}


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
    """Return what an earlier run has found; nothing if it left no such file, or a damaged one."""
    try:
        document = read_document(folder / HASHES, SCHEMA, what="a list of frames", cure="remove it")
        return {name: _hashed_file(row) for name, row in document["files"].items()}
    except (InputError, KeyError, TypeError, ValueError, AttributeError):
        return {}


def _hashed_file(row: Mapping[str, Any]) -> HashedFile:
    size, modified, changed, inode = map(int, row["stamp"])
    return HashedFile(str(row["sha256"]), (size, modified, changed, inode), int(row["hashed_ns"]))


def hashes_text(found: Mapping[str, HashedFile]) -> str:
    """Return the text of the file from which `read_hashes` reads."""
    return json.dumps({"schema": SCHEMA, "files": {name: asdict(one) for name, one in found.items()}}) + "\n"


def frame_identity(frame: Frame, found: Mapping[str, HashedFile]) -> list[object]:
    """Return what makes a frame: its name, its content, and its places on the axes."""
    return [frame.file, found[frame.path.name].sha256, *map(repr, frame.axes)]


def phase_identity(phase: Phase) -> list[object]:
    """Return what makes a phase: every quantity that it starts with, its atoms, and its symmetry operations."""
    sites = [asdict(site) for site in phase.crystal.sites]
    own = [phase.name, phase.hardware, phase.mode, phase.axis, *phase.slot_names, *phase.values.tolist()]
    symmetry = phase.crystal.symmetry
    operations = zip(symmetry.rotations.tolist(), symmetry.translations.round(6).tolist(), strict=True)
    return [*own, sites, sorted(operations)]


def sha256_of(said: Mapping[str, object] | Sequence[object]) -> str:
    """Return a hash of plain data."""
    return hashlib.sha256(json.dumps(said, sort_keys=True, default=str).encode()).hexdigest()
