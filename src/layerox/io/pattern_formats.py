"""The table of pattern formats: how each is recognised by its contents, read, and named in `layerox formats`.

Contents decide before suffixes, in the order of the table: binary signatures, members of zip files, XML, opening lines
of text; columns of numbers are what remains. A new format is a row here and a module of its own.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Generic, TypeVar

from layerox.errors import InputError
from layerox.io.bruker_brml import is_brml, scans_from_brml
from layerox.io.bruker_raw import is_bruker_raw, scans_from_bruker_raw
from layerox.io.bruker_raw4 import is_bruker_raw4, scans_from_bruker_raw4
from layerox.io.bruker_uxd import is_uxd, scans_from_uxd
from layerox.io.excel_patterns import is_xlsx, scans_from_xlsx
from layerox.io.file_contents import is_pdcif, refuse_other_contents, text_of
from layerox.io.gsas_pattern import is_gsas, scans_from_gsas
from layerox.io.ill_tables import is_ill_table, scans_from_ill_table
from layerox.io.rigaku_asc import is_asc, scans_from_asc
from layerox.io.rigaku_ras import is_ras, scans_from_ras
from layerox.io.rigaku_rasx import is_rasx, scans_from_rasx
from layerox.io.scan import Scan
from layerox.io.stoe_raw import is_stoe_raw, scans_from_stoe_raw
from layerox.io.text_pattern import scans_from_text
from layerox.io.wide_table import is_wide_table, scans_from_wide_table
from layerox.io.xrdml import is_xrdml, scans_from_xrdml
from layerox.io.zip_archive import is_zip

Scans = list[Scan | InputError]
# Bytes or text: what a format is recognised by and read from.
Content = TypeVar("Content", bytes, str)


@dataclass(frozen=True, kw_only=True)
class PatternFormat(Generic[Content]):
    """A format that is recognised and read from bytes or from text.

    Attributes
    ----------
    name, writer
        Name of the format, and the programs or instruments that write it.
    suffixes
        Usual suffixes, in lower case; the contents decide.
    states
        What such a file usually states besides angles and counts.
    recognises, read
        Whether contents are of this format; the scans of a file.
    """

    name: str
    writer: str
    suffixes: tuple[str, ...]
    states: str
    recognises: Callable[[Content], bool]
    read: Callable[[Content, Path], Scans]


def _from_text(read: Callable[[str, Path], Scans]) -> Callable[[bytes, Path], Scans]:
    return lambda data, path: read(text_of(data, path), path)


def _scans_from_cif(text: str, path: Path) -> Scans:
    from layerox.io.pdcif import scans_from_cif  # noqa: PLC0415  (other formats do not need gemmi)

    return scans_from_cif(text, path)


ALL_FACTS = "wavelengths, radius, slit, specimen, times"
BYTES_FORMATS: tuple[PatternFormat[bytes], ...] = (
    PatternFormat(name="Bruker RAW 4", writer="DIFFRAC.SUITE", suffixes=(".raw",),
                  states="wavelengths, specimen, time", recognises=is_bruker_raw4, read=scans_from_bruker_raw4),
    PatternFormat(name="Bruker RAW 1 to 3", writer="DIFFRAC-AT, DIFFRAC plus", suffixes=(".raw",), states=ALL_FACTS,
                  recognises=is_bruker_raw, read=scans_from_bruker_raw),
    PatternFormat(name="STOE RAW", writer="STOE WinXPOW", suffixes=(".raw",), states="wavelengths, slit, times",
                  recognises=is_stoe_raw, read=scans_from_stoe_raw),
    PatternFormat(name="Bruker BRML", writer="DIFFRAC.SUITE", suffixes=(".brml",),
                  states=f"{ALL_FACTS} with zone, monochromator, temperature", recognises=is_brml,
                  read=scans_from_brml),
    PatternFormat(name="Rigaku RASX", writer="SmartLab Studio II", suffixes=(".rasx",),
                  states=f"{ALL_FACTS} with zone", recognises=is_rasx, read=scans_from_rasx),
    PatternFormat(name="Excel workbook", writer="a column a pattern", suffixes=(".xlsx",), states="column titles",
                  recognises=is_xlsx, read=scans_from_xlsx),
    PatternFormat(name="XRDML", writer="PANalytical, Malvern Panalytical", suffixes=(".xrdml",),
                  states=f"{ALL_FACTS} with zone, monochromator, temperature", recognises=is_xrdml,
                  read=scans_from_xrdml),
    PatternFormat(name="Rigaku RAS", writer="SmartLab Guidance", suffixes=(".ras",), states=ALL_FACTS,
                  recognises=is_ras, read=_from_text(scans_from_ras)),
    PatternFormat(name="Rigaku ASC", writer="Rigaku Standard Measurement", suffixes=(".asc", ".dat"),
                  states="wavelengths, specimen, time", recognises=is_asc, read=_from_text(scans_from_asc)),
    PatternFormat(name="Bruker UXD", writer="DIFFRAC plus XCH", suffixes=(".uxd",), states=ALL_FACTS,
                  recognises=is_uxd, read=_from_text(scans_from_uxd)),
)  # fmt: skip
TEXT_FORMATS: tuple[PatternFormat[str], ...] = (
    PatternFormat(name="pdCIF", writer="GSAS-II, TOPAS, layerox ...", suffixes=(".cif",), states=ALL_FACTS,
                  recognises=is_pdcif, read=_scans_from_cif),
    PatternFormat(name="GSAS", writer="GSAS (STD, ESD, FXYE, FXY)", suffixes=(".gsas", ".gsa", ".fxye", ".xra"),
                  states="title", recognises=is_gsas, read=scans_from_gsas),
    PatternFormat(name="ILL tables", writer="D1A, D2B, D1B, D20", suffixes=(".dat",), states="monitor, temperature",
                  recognises=is_ill_table, read=scans_from_ill_table),
    PatternFormat(name="wide table", writer="a column or a row a pattern", suffixes=(".csv", ".txt"),
                  states="column titles", recognises=is_wide_table, read=scans_from_wide_table),
)  # fmt: skip
COLUMNS: PatternFormat[str] = PatternFormat(
    name="columns of text", writer="11-BM, MYTHEN, DMC, HRPT, FIT2D, GADDS, EVA, FullProf ...",
    suffixes=(".xye", ".xy", ".dat", ".txt", ".csv", ".prn", ".chi", ".plt"), states="what the heading says",
    recognises=lambda text: True, read=lambda text, path: [*scans_from_text(text, path)],
)  # fmt: skip
# Read by `nexus.py`, a pattern at a time.
HDF5_SUFFIXES = (".h5", ".hdf5", ".nxs")
HDF5_WRITERS = "pyFAI, NXazint1d (DanMAX, MAX IV), NXxrd, NXmonopd"


def format_rows() -> list[dict[str, object]]:
    """Return a row for each format that is read: name, writer, suffixes and what its files state."""
    rows = [_row(known) for known in BYTES_FORMATS] + [_row(known) for known in (*TEXT_FORMATS, COLUMNS)]
    hdf5: dict[str, object] = {"name": "NeXus (HDF5)", "writer": HDF5_WRITERS, "suffixes": list(HDF5_SUFFIXES),
            "states": "wavelength, times, temperature"}  # fmt: skip
    return [*rows, hdf5]


def _row(known: PatternFormat[Content]) -> dict[str, object]:
    return {"name": known.name, "writer": known.writer, "suffixes": list(known.suffixes), "states": known.states}


def bytes_format_of(data: bytes, path: Path) -> PatternFormat[bytes] | None:
    """Return the format of some bytes, None for any other text; a damaged zip file is of the format of its suffix."""
    found = next((row for row in BYTES_FORMATS if row.recognises(data)), None)
    if found is None and is_zip(data):
        return next((row for row in BYTES_FORMATS if path.suffix.lower() in row.suffixes), None)
    return found


def scans_from_other_text(text: str, path: Path) -> Scans:
    """Return the scans of a text that may be of any format.

    Raises
    ------
    InputError
        If it is of a recognised format that is not a pattern, or no pattern can be read from it.
    """
    found = next((row for row in TEXT_FORMATS if row.recognises(text)), None)
    if found is not None and found.recognises is is_pdcif:
        return found.read(text, path)
    refuse_other_contents(text, path)
    return (found or COLUMNS).read(text, path)
