"""Check of a zip file (.ndax, .xlsx) before it is unpacked: size, paths and XML entities."""

from __future__ import annotations

import zipfile
from pathlib import Path, PurePosixPath

from layerox.errors import InputError

# Limits of an archive: members, unpacked bytes in total, and of XML, which a reader loads as a whole.
MOST_MEMBERS, MOST_BYTES, MOST_XML = 10_000, 2**30, 512 * 2**20
START = 4096
CURE = "export it as CSV"


def check_archive(path: Path) -> None:
    """Reject a zip file that unpacks to an impossible size or outside its folder; other files pass.

    Raises
    ------
    InputError
        If it is damaged, or has contents that no cycler program writes.
    """
    if not zipfile.is_zipfile(path):
        return
    try:
        with zipfile.ZipFile(path) as archive:
            members = archive.infolist()
            _check_sizes(members, path)
            for member in members:
                _check_member(archive, member, path)
    except (zipfile.BadZipFile, NotImplementedError, RuntimeError, EOFError, OSError, ValueError) as error:
        said = " ".join(str(error).split())[:100]
        raise InputError(f"is a damaged zip file ({said})", place=path, cure="copy or export it again") from None
    except Exception as error:  # zlib.error, lzma.LZMAError ...: of the compression method of a member
        raise InputError(f"is a damaged zip file ({error})"[:200], place=path, cure="export it again") from None


def _check_sizes(members: list[zipfile.ZipInfo], path: Path) -> None:
    if len(members) > MOST_MEMBERS:
        raise InputError(f"holds {len(members)} members, more than {MOST_MEMBERS}", place=path, cure=CURE)
    whole = sum(member.file_size for member in members)
    largest = max((m.file_size for m in members if m.filename.lower().endswith(".xml")), default=0)
    if whole > MOST_BYTES or largest > MOST_XML:
        raise InputError(f"unpacks to {whole / 2**20:.0f} MiB, more than any log", place=path, cure=CURE)


def _check_member(archive: zipfile.ZipFile, member: zipfile.ZipInfo, path: Path) -> None:
    name = PurePosixPath(member.filename.replace("\\", "/"))
    if name.is_absolute() or ".." in name.parts or ":" in member.filename[:2]:
        raise InputError(f"holds {member.filename[:80]!r}, outside its folder", place=path, cure=CURE)
    if name.suffix.lower() in (".xml", ".rels") and not member.is_dir():
        with archive.open(member) as file:
            start = file.read(START).replace(b"\x00", b"")
        if b"<!DOCTYPE" in start or b"<!ENTITY" in start:
            raise InputError(f"its {member.filename[:80]!r} declares entities", place=path, cure=CURE)
