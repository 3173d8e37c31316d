"""Zip files of diffractometers and cyclers (.brml, .rasx, .xlsx, .ndax): checked, and read into memory only.

A member is never written to disk. Its unpacked size is bounded before it is read and while it is read, because the
size that a zip file declares need not be true; paths outside the folder and XML entities are rejected.
"""

from __future__ import annotations

import zipfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from io import BytesIO
from pathlib import Path, PurePosixPath

from layerox.errors import InputError

# Limits of an archive: members, unpacked bytes in total, and of XML, which a reader loads as a whole.
MOST_MEMBERS, MOST_UNPACKED, MOST_XML = 10_000, 2**30, 512 * 2**20
XML_START = 4096
CURE = "export it as text"


def check_archive(path: Path) -> None:
    """Reject a zip file that unpacks to an impossible size or outside its folder; other files pass.

    Raises
    ------
    InputError
        If it is damaged, or has contents that no instrument's program writes.
    """
    if not zipfile.is_zipfile(path):
        return
    with _damage_of(path), zipfile.ZipFile(path) as archive:
        _check_archive(archive, path)


def _check_archive(archive: zipfile.ZipFile, path: Path) -> None:
    members = archive.infolist()
    _check_sizes(members, path)
    for member in members:
        _check_member(archive, member, path)


@contextmanager
def _damage_of(path: Path) -> Iterator[None]:
    """Raise the errors of a damaged zip file as `InputError`."""
    try:
        yield
    except InputError:
        raise
    except (zipfile.BadZipFile, NotImplementedError, RuntimeError, EOFError, OSError, ValueError) as error:
        said = " ".join(str(error).split())[:100]
        raise InputError(f"is a damaged zip file ({said})", place=path, cure="copy or export it again") from None
    except Exception as error:  # zlib.error, lzma.LZMAError ...: of the compression method of a member
        if type(error).__module__ not in ("zlib", "lzma", "_lzma", "builtins"):
            raise
        raise InputError(f"is a damaged zip file ({error})"[:200], place=path, cure="export it again") from None


def _check_sizes(members: list[zipfile.ZipInfo], path: Path) -> None:
    if len(members) > MOST_MEMBERS:
        raise InputError(f"holds {len(members)} members, more than {MOST_MEMBERS}", place=path, cure=CURE)
    whole = sum(member.file_size for member in members)
    largest = max((m.file_size for m in members if m.filename.lower().endswith(".xml")), default=0)
    if whole > MOST_UNPACKED or largest > MOST_XML:
        raise InputError(f"unpacks to {whole / 2**20:.0f} MiB, more than any measurement", place=path, cure=CURE)


def _check_member(archive: zipfile.ZipFile, member: zipfile.ZipInfo, path: Path) -> None:
    name = PurePosixPath(member.filename.replace("\\", "/"))
    if name.is_absolute() or ".." in name.parts or ":" in member.filename[:2]:
        raise InputError(f"holds {member.filename[:80]!r}, outside its folder", place=path, cure=CURE)
    if name.suffix.lower() in (".xml", ".rels") and not member.is_dir():
        with archive.open(member) as file:
            start = file.read(XML_START).replace(b"\x00", b"")
        if b"<!DOCTYPE" in start or b"<!ENTITY" in start:
            raise InputError(f"its {member.filename[:80]!r} declares entities", place=path, cure=CURE)


ZIP_START = b"PK\x03\x04"
# A member that is read as a whole: 100,000 points of a scan with many columns are 20 MB.
MOST_MEMBER = 200 * 2**20


@dataclass(frozen=True, eq=False)
class ZipMembers:
    """The members of a zip file in memory."""

    archive: zipfile.ZipFile
    path: Path

    @property
    def names(self) -> list[str]:
        """Names of the members, in the order of the file."""
        return self.archive.namelist()

    def read(self, name: str, most: int = MOST_MEMBER) -> bytes:
        """Return the bytes of a member.

        Raises
        ------
        InputError
            If it is missing, damaged, or unpacks to more than `most` bytes.
        """
        with _damage_of(self.path):
            if name not in self.archive.namelist():
                raise InputError(f"has no member {name[:80]!r}", place=self.path, cure="copy or export it again")
            with self.archive.open(name) as member:
                data = member.read(most + 1)
        if len(data) > most:
            problem = f"its member {name[:80]!r} unpacks to more than {most / 2**20:.0f} MiB"
            raise InputError(problem, place=self.path, cure=CURE)
        return data


def is_zip(data: bytes) -> bool:
    """Whether bytes start like a zip file."""
    return data.startswith(ZIP_START)


def has_member(data: bytes, end: str) -> bool:
    """Whether bytes are a zip file with a member whose path contains `end`; False if it is damaged."""
    if not is_zip(data):
        return False
    try:
        with zipfile.ZipFile(BytesIO(data)) as archive:
            return any(end in name for name in archive.namelist())
    except Exception:  # the reader that is chosen by the suffix reports the damage
        return False


@contextmanager
def opened_zip(data: bytes, path: Path) -> Iterator[ZipMembers]:
    """Open the bytes of a zip file.

    Raises
    ------
    InputError
        If it is damaged, or has unsafe contents; see `check_archive`.
    """
    with _damage_of(path), zipfile.ZipFile(BytesIO(data)) as archive:
        _check_archive(archive, path)
        yield ZipMembers(archive, path)
