"""Read the bytes and the text of a file, or raise an error in one line with the reason.

Missing, empty and binary files are rejected here, and files of recognised but unsupported formats. Zip files are in
`zip_archive.py`.
"""

from __future__ import annotations

import codecs
import os
import re
import stat
from pathlib import Path

from layerox.errors import InputError

EXPORT = "export it as .xye, .xy or .xrdml"
AS_PHASE = "give it as a phase"
AS_INSTRUMENT = "give it as the instrument"

# First bytes of unsupported formats, from documentation of vendors and formats, as collected in the sources of xylib
# (github.com/wojdyr/xylib). Longer signatures come before shorter ones with the same start.
SIGNATURES: tuple[tuple[bytes, str], ...] = (
    (b".RAW\r", "a Siemens .RAW file"),
    (b"FI\x00", "a Rigaku RAW file"),
    (b"V3RD", "a Philips RD file"),
    (b"V5RD", "a Philips RD file"),
    (b"HR-XRDScan", "a Philips scan file"),
    (b"SampleIdent", "a Philips UDF file"),
    (b"SIETRONICS XRD SCAN", "a Sietronics CPI file"),
    (b"CDF\x01", "a NetCDF file"),
    (b"\x1f\x8b", "a gzip archive"),
    (b"BZh", "a bzip2 archive"),
    (b"7z\xbc\xaf", "a 7-zip archive"),
    (b"%PDF", "a PDF document"),
    (b"\x89PNG", "an image"),
    (b"\xff\xd8\xff", "an image"),
    (b"II*\x00", "a TIFF image: integrate it first"),
    (b"MM\x00*", "a TIFF image: integrate it first"),
    (b"###CBF", "a CBF image: integrate it first"),
    (b"FORMAT :  86", "a GADDS image: integrate it first"),
    (b"FORMAT :100", "a GADDS image: integrate it first"),
    (b"{\nHeaderID", "an EDF image: integrate it first"),
    (b"{\nEDF_", "an EDF image: integrate it first"),
    (b"\xd0\xcf\x11\xe0", "an Excel or Origin file"),
    (b"CPYA", "an Origin project"),
    (b"CPYUA", "an Origin project"),
)
HEADINGS: tuple[tuple[re.Pattern[str], str, str], ...] = (
    (re.compile(r"^INS  .{1,6}(BANK|HTYPE|ICONS)", re.MULTILINE), "a GSAS instrument file", AS_INSTRUMENT),
    (re.compile(r"\A#\s*GSAS-II instrument"), "a GSAS-II instrument file", AS_INSTRUMENT),
    (re.compile(r"^\[(radiation|geometry|profile|position)\]", re.MULTILINE), "an instrument file", AS_INSTRUMENT),
    (
        re.compile(r"\bbinding[ _]energy|kinetic[ _]energy|\AVAMAS\b", re.IGNORECASE),
        "a photoemission spectrum",
        "give a pattern over two-theta, q or d",
    ),
    (
        re.compile(
            r"^[^\w\n]{0,9}(?:scan type|experiment|method)[^\w\n]{1,9}(?:x-?ray )?reflect(?:ivity|ometry)",
            re.IGNORECASE | re.MULTILINE,
        ),
        "a reflectivity curve",
        "give a pattern over two-theta, q or d",
    ),
    (re.compile(r"\A\s*<(!DOCTYPE html|html)", re.IGNORECASE), "a web page", "download the file itself"),
    (re.compile(r"\A\s*<\?xml"), "an XML file, but not XRDML", EXPORT),
    (re.compile(r"\A\s*[{\[]\s*[\"{\[]"), "a JSON file", EXPORT),
)
# Plain comments and columns of numbers (most files of a series) do not need these expressions.
ONLY_COLUMNS = re.compile(r"(?:#(?!\s*GSAS)[^\n]*\n)*([-+.\deE\s]*)")
MEASURED = re.compile(r"(?:^|\s)_pd_(?:meas|proc)[._](?:intensity|counts)_", re.IGNORECASE)
HDF5 = b"\x89HDF\r\n\x1a\n"
# Blanks only: \s would match across empty lines, with quadratic time.
CIF_START = re.compile(rb"^[ \t]*data_", re.MULTILINE | re.IGNORECASE)
CIF_BLOCK = re.compile(r"^[ \t]*data_", re.MULTILINE | re.IGNORECASE)
CIF_ITEM = re.compile(r"^[ \t]*(?:_[a-z]|loop_)", re.MULTILINE | re.IGNORECASE)
BOMS = (
    (codecs.BOM_UTF8, "utf-8"),
    (codecs.BOM_UTF32_LE, "utf-32-le"),
    (codecs.BOM_UTF16_LE, "utf-16-le"),
    (codecs.BOM_UTF16_BE, "utf-16-be"),
)
UNPRINTABLE = bytes((*range(0x00, 0x09), *range(0x0E, 0x20), 0x7F))
START, PLAIN_START = 20_000, 4_000
# Larger than any pattern, structure or recipe; a longer file would only fill the memory.
MOST_BYTES = 100_000_000
KINDS = (
    (stat.S_ISFIFO, "a pipe"),
    (stat.S_ISCHR, "a device"),
    (stat.S_ISBLK, "a device"),
    (stat.S_ISSOCK, "a socket"),
)


def exists(path: str | Path) -> bool:
    """Whether a path exists; False for a text that is not a possible path."""
    try:
        return Path(path).exists()
    except (OSError, ValueError):  # too long; a null character
        return False


def is_file(path: str | Path) -> bool:
    """Whether a path is a file; see `exists`."""
    try:
        return Path(path).is_file()
    except (OSError, ValueError):
        return False


def read_bytes(path: Path) -> bytes:
    """Return the bytes of a file.

    Raises
    ------
    InputError
        If it is missing, a folder, not a regular file, not readable, empty, or larger than 100 MB.
    """
    data = read_limited(path, MOST_BYTES, cure="give one file of it")
    if not data.strip(b" \t\r\n\x00\x1a"):
        raise InputError("is empty", place=path, cure="measure or copy it again")
    return data


def read_limited(path: Path, most: int, *, cure: str) -> bytes:
    """Return the bytes of a regular file, at most `most`; `cure` is the cure if the path is a folder.

    Raises
    ------
    InputError
        If it is missing, a folder, a pipe, a device or a socket, not readable, or longer.
    """
    try:
        refuse_irregular(path, cure=cure)
        with path.open("rb") as file:
            # Python would first set aside as many bytes as it may read.
            size = min(os.fstat(file.fileno()).st_size, most) + 1
            data = file.read(size)
            if len(data) == size:  # it has grown
                data += file.read(most + 1 - size)
    except (OSError, ValueError) as error:
        raise _unreadable(path, error) from None
    if len(data) > most:
        problem = f"holds more than {most // 1_000_000} MB"
        raise InputError(problem, place=path, cure="split it, or keep what is needed")
    return data


def refuse_irregular(path: Path, *, cure: str = "give one file of it") -> None:
    """Reject a path that is not a regular file, without opening it: a pipe would block, a device never end.

    Raises
    ------
    InputError
        If it is missing or not a file.
    """
    try:
        mode = os.stat(path).st_mode
    except (OSError, ValueError) as error:
        raise _unreadable(path, error) from None
    if stat.S_ISDIR(mode):
        raise InputError("is a folder", place=path, cure=cure)
    for is_kind, name in KINDS:
        if is_kind(mode):
            raise InputError(f"is {name}, not a file", place=path, cure="give a file")


def _unreadable(path: Path, error: OSError | ValueError) -> InputError:
    if isinstance(error, FileNotFoundError):
        return InputError("no such file", place=path, cure="check the path")
    reason = getattr(error, "strerror", None) or error
    return InputError(f"cannot be read: {reason}", place=path, cure="check the file and its permissions")


def text_of(data: bytes, path: Path) -> str:
    """Return the text of a file with plain line ends, in any supported encoding.

    Byte-order marks decide; without one the text is UTF-8, else Latin-1.

    Raises
    ------
    InputError
        If the bytes are not text.
    """
    _refuse_signature(data, path)
    text = _decoded(data, path).rstrip("\x1a\x00 \t\r\n\f") + _line_end(data)
    if "\r" in text:
        text = text.replace("\r\n", "\n").replace("\r", "\n")
    return text


def is_hdf5(path: Path) -> bool:
    """Whether a file starts with the HDF5 signature; False if it cannot be opened."""
    return _head(path, len(HDF5)) == HDF5


def is_cif_of_blocks(path: Path) -> bool:
    """Whether a file is single-byte text that starts like a CIF; False if it cannot be opened."""
    head = _head(path, START)
    wide = any(head.startswith(mark) for mark, encoding in BOMS if encoding != "utf-8")
    return not wide and b"\x00" not in head and CIF_START.search(head) is not None


def _head(path: Path, size: int) -> bytes:
    try:
        if not stat.S_ISREG(os.stat(path).st_mode):
            return b""
        with path.open("rb") as file:
            return file.read(size)
    except (OSError, ValueError):
        return b""


def is_pdcif(text: str) -> bool:
    """Whether a text is a CIF with a measured pattern (not only a refined structure)."""
    # A plain search avoids the expressions for columns of text: half a millisecond per file of a series.
    return "_pd_" in text.lower() and MEASURED.search(text) is not None and CIF_BLOCK.search(text) is not None


def is_plain(text: str) -> bool:
    """Whether a text starts with only comments and columns of numbers, like most frames of a series."""
    match = ONLY_COLUMNS.fullmatch(text, 0, PLAIN_START)
    return match is not None and bool(match[1].strip())


def refuse_other_contents(text: str, path: Path) -> None:
    """Reject text in a recognised format that is not a readable pattern.

    Raises
    ------
    InputError
        With the name of the format and a cure.
    """
    start = text[:START]
    for heading, name, cure in HEADINGS:
        if heading.search(start):
            raise InputError(f"is {name}", place=path, cure=cure)
    block = CIF_BLOCK.search(start)
    if block is not None and CIF_ITEM.search(start, block.end()):
        raise InputError("is a structure", place=path, cure=AS_PHASE)


def _line_end(data: bytes) -> str:
    """Return a line end if the file has one: without it the last number may be incomplete."""
    return "\n" if data.rstrip(b"\x1a\x00 \t")[-1:] in (b"\n", b"\r", b"") else ""


def _decoded(data: bytes, path: Path) -> str:
    for mark, encoding in BOMS:
        if data.startswith(mark):
            return _without_controls(data[len(mark) :].decode(encoding, errors="replace"), path)
    if _is_binary(data):
        raise InputError("is binary, of an unknown format", place=path, cure=EXPORT)
    try:
        return data.decode("utf-8")
    except UnicodeDecodeError:
        return data.decode("latin-1")


def _is_binary(data: bytes) -> bool:
    """Whether bytes contain control characters other than end-of-file marks."""
    data = data.rstrip(b"\x1a\x00")
    return len(data.translate(None, delete=UNPRINTABLE)) != len(data)


def _without_controls(text: str, path: Path) -> str:
    if _is_binary(text.encode("utf-8", errors="replace")):
        raise InputError("is binary, of an unknown format", place=path, cure=EXPORT)
    return text


def _refuse_signature(data: bytes, path: Path) -> None:
    if data.startswith(b"PK\x03\x04"):
        raise InputError("is a zip archive, of an unknown format", place=path, cure=EXPORT)
    for signature, name in SIGNATURES:
        if data.startswith(signature):
            is_image = name.endswith("integrate it first")
            what = name if is_image else f"{name}, which is not read yet"
            raise InputError(f"is {what}", place=path, cure=EXPORT)
