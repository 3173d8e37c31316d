"""Atomic: files that appear as wholes or not at all, written through temporary neighbours that take their names.

Whose a file is that stands there already is asked in `outputs`; here it is replaced.
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

# The end of the name of a temporary file; no file of anybody else is called so.
TEMPORARY = ".layerox-tmp"
# Letters of a file's name that stand in that of its temporary: names have 255 bytes at most.
SHOWN = 40
# Writes a file at a path, as libraries with a format of their own do.
Writer = Callable[[Path], None]
# Text, bytes, pieces of text that are written as they come, or what writes the file itself.
Content = str | bytes | Iterable[str] | Writer


class WriteFailed(InputError):
    """A file cannot be written: the disk is full, the folder is gone or closed, or the name is impossible."""


@dataclass(frozen=True, kw_only=True)
class Staged:
    """A file that is written but does not have its name yet: where it lies, and the SHA-256 of its content."""

    temporary: Path
    sha256: str


def write_atomically(path: Path, content: Content) -> None:
    """Write a file as a whole or not at all; see `write_together`."""
    write_together({path: content})


def write_together(files: Mapping[Path, Content]) -> None:
    """Write files as wholes, all or none: they take their names when all are written.

    Raises
    ------
    WriteFailed
        If a folder is missing or cannot be written to.
    """
    with staged(files) as found:
        take_names(found)


def take_names(found: Mapping[Path, Staged]) -> None:
    """Give staged files their names, in the place of what is called so."""
    for path, file in found.items():
        try:
            os.replace(file.temporary, path)
        except OSError as error:
            raise _failed(path, error) from None


@contextmanager
def staged(files: Mapping[Path, Content]) -> Iterator[dict[Path, Staged]]:
    """Write files under temporary names; what does not take its name in the body of the `with` is removed.

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
    """Return the process's umask, which can only be read by setting it."""
    mask = os.umask(0o022)
    os.umask(mask)
    return mask
