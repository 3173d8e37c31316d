"""Atomic writing of files: each is written under a temporary name in the same folder and then renamed.

Existing files are replaced; `output_files` decides whether that is allowed.
"""

from __future__ import annotations

import hashlib
import os
import tempfile
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from errno import EISDIR
from pathlib import Path

from layerox.errors import InputError

# Suffix of temporary files, unique to layerox.
TEMPORARY = ".layerox-tmp"
# Letters of a file's name in the name of its temporary file: names have at most 255 bytes.
SHOWN = 40
# Writes a file at a path, as libraries with a format of their own do.
Writer = Callable[[Path], None]
# Text, bytes, pieces of text that are written as they come, or what writes the file itself.
Content = str | bytes | Iterable[str] | Writer


class WriteFailed(InputError):
    """A file cannot be written: the disk is full, the folder is missing or not writable, or the name is impossible."""


@dataclass(frozen=True, kw_only=True)
class Staged:
    """A file that is written but not yet renamed: its temporary path, and the SHA-256 of its content."""

    temporary: Path
    sha256: str


def write_atomically(path: Path, content: Content) -> None:
    """Write a file atomically; see `write_together`."""
    write_together({path: content})


def write_together(files: Mapping[Path, Content]) -> None:
    """Write several files atomically, all or none: they are renamed when all are written.

    Raises
    ------
    WriteFailed
        If a folder is missing or cannot be written to.
    """
    with staged(files) as found:
        take_names(found)


def take_names(found: Mapping[Path, Staged]) -> None:
    """Rename staged files to their final names, replacing existing files."""
    for path, file in found.items():
        try:
            os.replace(file.temporary, path)
        except OSError as error:
            raise _failed(path, error) from None


@contextmanager
def staged(files: Mapping[Path, Content]) -> Iterator[dict[Path, Staged]]:
    """Write files under temporary names; files that are not renamed in the body of the `with` are removed.

    Raises
    ------
    WriteFailed
        If a folder is missing or cannot be written to.
    """
    temporaries: list[Path] = []
    try:
        yield {path: _stage(path, content, temporaries) for path, content in files.items()}
    finally:
        for temporary in temporaries:
            temporary.unlink(missing_ok=True)


def _stage(path: Path, content: Content, temporaries: list[Path]) -> Staged:
    try:
        if path.is_dir():
            raise IsADirectoryError(EISDIR, os.strerror(EISDIR))
        handle, name = tempfile.mkstemp(prefix=f".{path.name[:SHOWN]}.", suffix=TEMPORARY, dir=path.parent or Path())
        temporaries.append(Path(name))
        digest = _write(Path(name), handle, content)
        os.chmod(name, 0o666 & ~_umask())
    except (OSError, ValueError) as error:
        raise _failed(path, error) from None
    return Staged(temporary=Path(name), sha256=digest)


def _write(path: Path, handle: int, content: Content) -> str:
    """Write an open file; return the SHA-256 of its content."""
    if callable(content):
        os.close(handle)
        content(path)
        with open(path, "rb") as file:
            return hashlib.file_digest(file, "sha256").hexdigest()
    digest = hashlib.sha256()
    with os.fdopen(handle, "wb") as file:
        for piece in _pieces(content):
            file.write(piece)
            digest.update(piece)
    return digest.hexdigest()


def _pieces(content: str | bytes | Iterable[str]) -> Iterator[bytes]:
    if isinstance(content, bytes):
        yield content
    else:
        pieces = [content] if isinstance(content, str) else content
        yield from (piece.encode() for piece in pieces)


def _failed(path: Path, error: OSError | ValueError) -> WriteFailed:
    reason = getattr(error, "strerror", None) or error
    cure = "give a file in a folder that exists and is writable"
    return WriteFailed(f"cannot be written: {reason}", place=path, cure=cure)


def _umask() -> int:
    """Return the process's umask, which can be read only by setting it."""
    mask = os.umask(0o022)
    os.umask(mask)
    return mask
