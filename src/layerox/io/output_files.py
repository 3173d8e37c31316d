"""Write output files without overwriting files of the user, with a manifest of layerox's own files in each folder.

Every output folder has a hidden file, `.layerox.jsonl`, with one line per written file: its name, the SHA-256 of its
content and the command. A file recorded there with this content is layerox's own and may be replaced; any other file is
the user's and is kept, unless the user gives `overwrite`. Inputs of a command are never replaced. Lines are appended
before a file gets its name and again afterwards, so that a run that is killed in between leaves no unrecorded file, and
two processes may write into one folder.
"""

from __future__ import annotations

import hashlib
import json
import os
import tempfile
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from layerox.errors import InputError
from layerox.io.atomic_writing import Content, Staged, WriteFailed, staged, take_names, write_atomically

MANIFEST = ".layerox.jsonl"
# Commands that write patterns and structures: these files may be frames of a series, result tables never are.
DATA = ("build", "interface", "simulate", "simulate-series", "write_pattern", "write_structure")
# The manifest is compacted if it has this many more lines than files, and this many lines per file.
SPARE_LINES, LINES_A_FILE = 200, 8
# Bytes of a test file that checks whether a folder is writable.
PROBE = 4096
# Longest manifest that is read, bytes.
LONGEST = 1 << 28


@dataclass(frozen=True, kw_only=True)
class Record:
    """The manifest's record of one file.

    Attributes
    ----------
    by
        The last command that wrote it.
    sha256
        Possible contents: one, or several if a run was killed while writing.
    """

    by: str = ""
    sha256: tuple[str, ...] = ()


@dataclass(frozen=True, kw_only=True)
class Manifest:
    """The records of a folder by file name, and their number of lines."""

    records: Mapping[str, Record] = field(default_factory=dict)
    lines: int = 0


def check_outputs(
    paths: Iterable[Path], *, inputs: Iterable[Path] = (), overwrite: bool = False, makes_folder: bool = False
) -> None:
    """Raise an error if files of the user would be overwritten; called before the work begins.

    Parameters
    ----------
    paths
        All output files.
    inputs
        Input files; compared by identity, so that links to them are found too.
    overwrite
        Whether files that layerox did not write, or that were changed, may be replaced.
    makes_folder
        Whether missing folders are created.

    Raises
    ------
    InputError
        With the name of the file: it is an input, a folder, a device or a file of the user, or cannot be written.
    """
    _checked(list(paths), inputs, overwrite=overwrite, makes_folder=makes_folder)


def _checked(
    listed: list[Path], inputs: Iterable[Path], *, overwrite: bool, makes_folder: bool = False
) -> dict[Path, Manifest]:
    """Check outputs; return the manifests, by folder."""
    read = {identity for path in inputs if (identity := _identity(path)) is not None}
    for path in {path.parent: path for path in reversed(listed)}.values():
        _demand_writable(path, makes_folder=makes_folder)
    manifests: dict[Path, Manifest] = {}
    for path in listed:
        if not os.path.lexists(path):
            continue
        if fault := _never_replaced(path, read):
            raise InputError(fault, place=path, cure="choose another output")
        if not overwrite and (fault := _foreign(path, manifests)):
            cure = "choose another output, or give overwrite to replace it"
            raise InputError(fault, place=path, cure=cure, argument="overwrite")
    return manifests


def _never_replaced(path: Path, read: set[tuple[int, int]]) -> str:
    """Return the reason why an existing file is never replaced, "" if it may be."""
    if _identity(path) in read:
        return "is read by this command and is never replaced"
    if path.is_dir():
        return "is a folder"
    return "" if path.is_symlink() or path.is_file() else "is not a regular file"


def write_outputs(
    files: Mapping[Path, Content],
    *,
    by: str,
    inputs: Iterable[Path] = (),
    overwrite: bool = False,
    keep: bool = False,
) -> None:
    """Write files atomically, all or none, and record them as layerox's own.

    Parameters
    ----------
    files
        Content by path.
    by
        The command.
    inputs, overwrite
        See `check_outputs`.
    keep
        Whether files that cannot be written are kept elsewhere (long computations); the error states where.

    Raises
    ------
    InputError
        As for `check_outputs`; `WriteFailed` if the disk is full or a folder is missing.
    """
    try:
        manifests = _checked(list(files), inputs, overwrite=overwrite)
        with staged(files) as found:
            _record(found, by, is_done=False)
            take_names(found)
            _record(found, by, is_done=True)
        for folder, manifest in manifests.items():
            _compact(folder, manifest)
    except InputError as error:
        if not keep:
            raise
        raise _kept(files, by, error) from None


def is_own(path: Path) -> bool:
    """Whether a file is unchanged since layerox wrote it."""
    return not _foreign(path, {})


def remove_own(paths: Iterable[Path], *, overwrite: bool = False) -> None:
    """Remove files that layerox wrote and that are unchanged; with `overwrite` also changed ones."""
    for path in paths:
        if path.is_file() and (overwrite or is_own(path)):
            path.unlink()


def recorded(folder: Path) -> Mapping[str, Record]:
    """Return the manifest records of a folder by file name; empty without a manifest."""
    return _manifest(folder).records


def results_in(folder: Path) -> frozenset[str]:
    """Return the names of the files in a folder that are tables and pictures of layerox, not patterns."""
    return frozenset(name for name, record in recorded(folder).items() if record.by not in DATA)


def inputs_among(*arguments: Any) -> list[Path]:
    """Return the files in user arguments: paths, "NAME=FILE", "FILE:COLUMN", and these in lists or tables.

    Parameters
    ----------
    arguments
        Any values; those without a file are ignored.
    """
    found: list[Path] = []
    for argument in arguments:
        if isinstance(argument, Mapping):
            found += inputs_among(*argument.values())
        elif isinstance(argument, (list, tuple)):
            found += inputs_among(*argument)
        elif isinstance(argument, (str, Path)):
            text = str(argument)
            texts = (text, text.partition("=")[2], text.rpartition(":")[0])
            found += [Path(one) for one in texts if one and _is_file(one)]
    return found


def _is_file(text: str) -> bool:
    try:
        return Path(text).is_file()
    except (OSError, ValueError):
        return False


def _identity(path: Path) -> tuple[int, int] | None:
    """Return the identity (device, inode) of a file; None if it does not exist."""
    try:
        status = path.stat()
    except (OSError, ValueError):
        return None
    return status.st_dev, status.st_ino


def _demand_writable(path: Path, *, makes_folder: bool) -> None:
    """Reject a file in a folder that is not writable."""
    place = folder = path.parent
    while not os.path.lexists(place) and place != place.parent:
        place = place.parent
    if not place.is_dir():
        raise InputError("is a file, not a folder", place=place, cure="choose another output", argument="output")
    if place != folder and not makes_folder:
        raise WriteFailed("cannot be written: there is no such folder", place=path, cure="create it, or choose another")
    try:
        with tempfile.TemporaryFile(dir=place) as probe:
            probe.write(bytes(PROBE))
            probe.flush()
    except OSError as error:
        reason = error.strerror or error
        raise WriteFailed(f"cannot be written to ({reason})", place=place, cure="choose another output") from None


def _foreign(path: Path, manifests: dict[Path, Manifest]) -> str:
    """Return the reason why an existing file is not layerox's own, "" if it is."""
    folder = path.parent
    if folder not in manifests:
        manifests[folder] = _manifest(folder)
    record = manifests[folder].records.get(path.name)
    if record is None or path.is_symlink():
        return "is not recorded as layerox's own and is kept"
    try:
        unchanged = _sha256(path) in record.sha256
    except OSError as error:
        return f"cannot be read ({error.strerror})"
    return "" if unchanged else "was changed after layerox wrote it and is kept"


def _sha256(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


# --- the manifest --------------------------------------------------------------------------------------------------


def _manifest(folder: Path) -> Manifest:
    """Return the manifest of a folder; invalid lines are skipped, so that their files count as the user's."""
    path = folder / MANIFEST
    try:
        if not path.is_file() or path.stat().st_size > LONGEST:
            return Manifest()
        lines = path.read_bytes().splitlines()
    except OSError:
        return Manifest()
    records: dict[str, Record] = {}
    for line in lines:
        _take(line, records)
    return Manifest(records=records, lines=len(lines))


def _take(line: bytes, records: dict[str, Record]) -> None:
    """Add one line of a manifest to the records."""
    try:
        row = json.loads(line)
        name, digest, by, is_done = row["file"], row["sha256"], row["by"], row["done"]
    except (ValueError, TypeError, KeyError, RecursionError):
        return
    if not (isinstance(name, str) and isinstance(digest, str) and isinstance(by, str)):
        return
    before = () if is_done is True or name not in records else records[name].sha256
    records[name] = Record(by=by, sha256=(*before, digest))


def _record(found: Mapping[Path, Staged], by: str, *, is_done: bool) -> None:
    """Append records of files that are, or will be, written to the manifests of their folders."""
    rows: dict[Path, list[str]] = {}
    for path, file in found.items():
        rows.setdefault(path.parent, []).append(_line(path.name, file.sha256, by, is_done=is_done))
    for folder, lines in rows.items():
        _append(folder / MANIFEST, "".join(lines))


def _line(name: str, digest: str, by: str, *, is_done: bool) -> str:
    return json.dumps({"file": name, "sha256": digest, "by": by, "done": is_done}) + "\n"


def _append(path: Path, text: str) -> None:
    """Append lines in one write; after an incomplete line they start a new line."""
    if os.path.lexists(path) and (path.is_symlink() or not path.is_file()):
        raise WriteFailed("is not a regular file", place=path, cure="remove it, or choose another output")
    try:
        with path.open("ab+") as file:
            size = file.seek(0, os.SEEK_END)
            if size:
                file.seek(size - 1)
                text = text if file.read(1) == b"\n" else f"\n{text}"
            file.write(text.encode())
    except OSError as error:
        problem = f"cannot be written: {error.strerror or error}"
        raise WriteFailed(problem, place=path, cure="free some space, or choose another output") from None


def _compact(folder: Path, before: Manifest) -> None:
    """Rewrite a manifest that has many lines for the same files; `before` is its content."""
    if before.lines < SPARE_LINES + LINES_A_FILE * len(before.records):
        return
    manifest = _manifest(folder)
    lines = [
        _line(name, digest, record.by, is_done=k == 0)
        for name, record in manifest.records.items()
        for k, digest in enumerate(record.sha256)
    ]
    write_atomically(folder / MANIFEST, "".join(lines))


# --- results that cannot be written are kept elsewhere
# ----------------------------------------------------------------------


def _kept(files: Mapping[Path, Content], by: str, error: InputError) -> InputError:
    """Return the error of a finished result that cannot be written, with the place where it is kept."""
    place = keep_elsewhere({path.name: content for path, content in files.items()}, by)
    where = "could not be kept anywhere else" if place is None else f"was kept in {place}"
    return type(error)(f"{error.problem}; the finished result {where}", place=error.place, cure=error.cure,
                       argument=error.argument)  # fmt: skip


def keep_elsewhere(files: Mapping[str, Content], by: str) -> Path | None:
    """Write files to a new folder in the temporary, working or home folder; None if all fail."""
    for parent in (tempfile.gettempdir, Path.cwd, Path.home):
        try:
            folder = Path(tempfile.mkdtemp(prefix="layerox-kept-", dir=parent()))
            write_outputs({folder / name: content for name, content in files.items()}, by=by)
        except (OSError, RuntimeError, InputError):
            continue
        return folder
    return None
