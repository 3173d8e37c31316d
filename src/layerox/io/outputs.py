"""Outputs: whose a file is that stands where layerox is about to write, and the record that says so.

Every folder into which layerox writes has a hidden file, `.layerox.jsonl`, with one line for each file written: its
name, the SHA-256 of its content and the command. A file that is recorded there with this content is layerox's own and
is replaced; any other file is the user's and stays, unless the user says `overwrite`. What a command reads is never
replaced. Lines are appended before a file takes its name and once more afterwards, so that a run that is killed between
both leaves no file behind that nobody owns, and two processes may write into one folder.
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
from layerox.io.atomic import Content, Staged, WriteFailed, staged, take_names, write_atomically

MANIFEST = ".layerox.jsonl"
# What writes patterns and structures: these may be frames of a series, tables of results never are.
DATA = ("build", "interface", "simulate", "simulate-series", "write_pattern", "write_structure")
# The manifest is written anew when it has so many lines more than files, and this many for each.
SPARE_LINES, LINES_A_FILE = 200, 8
# Bytes that are written to see whether a folder takes any.
PROBE = 4096
# Longest manifest that is read, bytes.
LONGEST = 1 << 28


@dataclass(frozen=True, kw_only=True)
class Record:
    """What the manifest says of one file.

    Attributes
    ----------
    by
        The command that wrote it last.
    sha256
        Contents that it may have: one, or several where a run was killed while it wrote.
    """

    by: str = ""
    sha256: tuple[str, ...] = ()


@dataclass(frozen=True, kw_only=True)
class Manifest:
    """The records of a folder by file name, and how many lines they take."""

    records: Mapping[str, Record] = field(default_factory=dict)
    lines: int = 0


def check_outputs(
    paths: Iterable[Path], *, inputs: Iterable[Path] = (), overwrite: bool = False, makes_folder: bool = False
) -> None:
    """Refuse to write where files of the user stand; to be called before the work begins.

    Parameters
    ----------
    paths
        All files that are about to be written.
    inputs
        What the command reads; compared as files, so that links to them are found too.
    overwrite
        Whether files that layerox has not written, or that were changed since, may be replaced.
    makes_folder
        Whether missing folders are made.

    Raises
    ------
    InputError
        With the name of the file: it is an input, a folder or a device, somebody else's, or cannot be written.
    """
    _checked(list(paths), inputs, overwrite=overwrite, makes_folder=makes_folder)


def _checked(
    listed: list[Path], inputs: Iterable[Path], *, overwrite: bool, makes_folder: bool = False
) -> dict[Path, Manifest]:
    """Check outputs; return the manifests that were read for it, by folder."""
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
            cure = "choose another output, or give overwrite to have it replaced"
            raise InputError(fault, place=path, cure=cure, argument="overwrite")
    return manifests


def _never_replaced(path: Path, read: set[tuple[int, int]]) -> str:
    """Return why something that exists is replaced by nothing, "" if it may be."""
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
    """Write files as wholes, all or none, and record them as layerox's own.

    Parameters
    ----------
    files
        Content by path.
    by
        The command.
    inputs, overwrite
        See `check_outputs`.
    keep
        Whether files that cannot be written are kept elsewhere, as they took long to compute; the error says where.

    Raises
    ------
    InputError
        As for `check_outputs`; `WriteFailed` if the disk is full or a folder is gone.
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
    """Whether a file is as layerox has written it."""
    return not _foreign(path, {})


def remove_own(paths: Iterable[Path], *, overwrite: bool = False) -> None:
    """Remove files that are as layerox has written them; with `overwrite` also changed ones."""
    for path in paths:
        if path.is_file() and (overwrite or is_own(path)):
            path.unlink()


def recorded(folder: Path) -> Mapping[str, Record]:
    """Return what the manifest of a folder says of its files, by name; nothing where there is none."""
    return _manifest(folder).records


def results_in(folder: Path) -> frozenset[str]:
    """Return the names of the files in a folder that are tables and pictures of layerox, not patterns."""
    return frozenset(name for name, record in recorded(folder).items() if record.by not in DATA)


def inputs_among(*arguments: Any) -> list[Path]:
    """Return the files that arguments of a user name: paths, "NAME=FILE", "FILE:COLUMN", and these in lists or tables.

    Parameters
    ----------
    arguments
        Anything; what names no file is passed over.
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
    """Return what two names of one file share; None if there is no such file."""
    try:
        status = path.stat()
    except (OSError, ValueError):
        return None
    return status.st_dev, status.st_ino


def _demand_writable(path: Path, *, makes_folder: bool) -> None:
    """Refuse a file in whose folder none can be made."""
    place = folder = path.parent
    while not os.path.lexists(place) and place != place.parent:
        place = place.parent
    if not place.is_dir():
        raise InputError("is a file, not a folder", place=place, cure="choose another output", argument="output")
    if place != folder and not makes_folder:
        raise WriteFailed("cannot be written: there is no such folder", place=path, cure="make it, or choose another")
    try:
        with tempfile.TemporaryFile(dir=place) as probe:
            probe.write(bytes(PROBE))
            probe.flush()
    except OSError as error:
        reason = error.strerror or error
        raise WriteFailed(f"cannot be written to ({reason})", place=place, cure="choose another output") from None


def _foreign(path: Path, manifests: dict[Path, Manifest]) -> str:
    """Return why a file that exists is not layerox's own, "" if it is."""
    folder = path.parent
    if folder not in manifests:
        manifests[folder] = _manifest(folder)
    record = manifests[folder].records.get(path.name)
    if record is None or path.is_symlink():
        return "is not recorded as layerox's own and is left as it is"
    try:
        unchanged = _sha256(path) in record.sha256
    except OSError as error:
        return f"cannot be read ({error.strerror})"
    return "" if unchanged else "was changed after layerox wrote it and is left as it is"


def _sha256(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


# --- the manifest --------------------------------------------------------------------------------------------------


def _manifest(folder: Path) -> Manifest:
    """Return the manifest of a folder; lines that are none are passed over, so that what they told of is the user's."""
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
    """Take one line of a manifest into the records."""
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
    """Append to the manifests of all folders concerned what their files are, or are about to be."""
    rows: dict[Path, list[str]] = {}
    for path, file in found.items():
        rows.setdefault(path.parent, []).append(_line(path.name, file.sha256, by, is_done=is_done))
    for folder, lines in rows.items():
        _append(folder / MANIFEST, "".join(lines))


def _line(name: str, digest: str, by: str, *, is_done: bool) -> str:
    return json.dumps({"file": name, "sha256": digest, "by": by, "done": is_done}) + "\n"


def _append(path: Path, text: str) -> None:
    """Append lines at once; behind one that was cut off they begin a line of their own."""
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
    """Write a manifest anew that has grown over many writings of the same files; `before` is how it was."""
    if before.lines < SPARE_LINES + LINES_A_FILE * len(before.records):
        return
    manifest = _manifest(folder)
    lines = [
        _line(name, digest, record.by, is_done=k == 0)
        for name, record in manifest.records.items()
        for k, digest in enumerate(record.sha256)
    ]
    write_atomically(folder / MANIFEST, "".join(lines))


# --- what cannot be written is kept elsewhere ----------------------------------------------------------------------


def _kept(files: Mapping[Path, Content], by: str, error: InputError) -> InputError:
    """Return the error of a finished result that cannot be written, with where it was kept instead."""
    place = keep_elsewhere({path.name: content for path, content in files.items()}, by)
    said = "could not be kept anywhere else" if place is None else f"was kept in {place}"
    return type(error)(f"{error.problem}; the finished result {said}", place=error.place, cure=error.cure,
                       argument=error.argument)  # fmt: skip


def keep_elsewhere(files: Mapping[str, Content], by: str) -> Path | None:
    """Write files into a new folder for temporary files, the working folder or the user's; None if nothing is left."""
    for parent in (tempfile.gettempdir, Path.cwd, Path.home):
        try:
            folder = Path(tempfile.mkdtemp(prefix="layerox-kept-", dir=parent()))
            write_outputs({folder / name: content for name, content in files.items()}, by=by)
        except (OSError, RuntimeError, InputError):
            continue
        return folder
    return None
