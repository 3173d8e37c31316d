"""Read and write files: `read_pattern` selects the reader by the contents, then by the suffix.

One module per format; all scans pass through `scan.py`, so that checks and messages are the same. `read_stack` is for
files with many patterns, which are read one at a time.
"""

from __future__ import annotations

from dataclasses import replace
from functools import lru_cache
from pathlib import Path

from layerox.errors import InputError
from layerox.instrument import Instrument
from layerox.io.file_contents import (
    is_cif_of_blocks,
    is_hdf5,
    is_pdcif,
    is_plain,
    read_bytes,
    refuse_other_contents,
    text_of,
)
from layerox.io.gsas_pattern import is_gsas, scans_from_gsas
from layerox.io.pattern_stack import ListedStack, Stack
from layerox.io.pattern_writing import write_pattern
from layerox.io.scan import Scan, pattern_from_scan, request_from_arguments
from layerox.io.text_pattern import plain_scan, scans_from_text
from layerox.io.xrdml import is_xrdml, scans_from_xrdml
from layerox.notices import Notice
from layerox.pattern import Pattern
from layerox.public import public
from layerox.radiation import Radiation

__all__ = ["read_instrument", "read_pattern", "read_patterns", "read_stack", "write_instrument", "write_pattern"]


@public
def read_pattern(
    path: str | Path,
    *,
    radiation: Radiation | str | float | None = None,
    axis: str = "two-theta",
    range: tuple[float, float] | None = None,
    allow_negative: bool = False,
    dataset: str | None = None,
) -> Pattern:
    """Return the pattern of a file with one scan.

    Parameters
    ----------
    path
        Columns of text (.xy .xye .dat .txt .csv .prn .chi), GSAS (.fxye and others with a BANK line), XRDML, pdCIF, or
        HDF5 with NeXus groups (.h5 .nxs).
    radiation
        A `Radiation`, a name ("CuKa") or a wavelength in angstrom. It must agree with the file; if neither
        states one, the pattern's radiation is None.
    axis
        "two-theta" (degrees), "q" (1/angstrom) or "d" (angstrom), which need a wavelength, or "radians" (two-theta).
    range
        First and last two-theta to keep, degrees; points outside are not checked.
    allow_negative
        Accept negative intensities (after a background subtraction) in files with a sigma column.
    dataset
        Path of the group in an HDF5 file with several groups of patterns.

    Returns
    -------
    Pattern
        With sigma from the file, or sqrt(max(counts, 1)), as stated by `sigma_source`; `metadata["warnings"]` holds
        notices on the reading.

    Raises
    ------
    InputError
        If the file is missing, damaged, incomplete or not a single powder pattern: one line with place and cure.
    """
    request = request_from_arguments(path, radiation, axis, range, allow_negative)
    scans = _powder_scans(request.path, dataset)
    if len(scans) > 1:
        raise InputError(
            f"holds {len(scans)} scans",
            place=request.path,
            cure="keep one scan a file (in Python, read_patterns reads them all)",
        )
    return pattern_from_scan(scans[0], request)


@public
def read_patterns(
    path: str | Path,
    *,
    radiation: Radiation | str | float | None = None,
    axis: str = "two-theta",
    range: tuple[float, float] | None = None,
    allow_negative: bool = False,
    dataset: str | None = None,
) -> list[Pattern]:
    """Return the patterns of a file with one scan or many, in the file's order.

    Scans along other axes than two-theta are left out, with a notice. Parameters and errors are those of
    `read_pattern`.
    """
    request = request_from_arguments(path, radiation, axis, range, allow_negative)
    return [pattern_from_scan(scan, request) for scan in _powder_scans(request.path, dataset)]


def read_stack(path: str | Path, dataset: str | None = None) -> Stack:
    """Return a file of many patterns, to be read one at a time; the last used stack is cached until its file changes.

    Parameters
    ----------
    path
        Any file that `read_pattern` reads.
    dataset
        Path of the group in an HDF5 file, or a wildcard pattern that matches several.

    Raises
    ------
    InputError
        If the file cannot be read, or has no powder pattern.
    """
    path = Path(path).absolute()
    try:
        status = path.stat()
        stamp = (status.st_size, status.st_mtime_ns)
    except (OSError, ValueError):
        stamp = (0, 0)
    return _stack(path, dataset, stamp)


@lru_cache(maxsize=2)
def _stack(path: Path, dataset: str | None, stamp: tuple[int, int]) -> Stack:
    if is_hdf5(path):
        from layerox.io.nexus import nexus_stack  # noqa: PLC0415  (other formats do not need it)

        return nexus_stack(path, dataset)
    _refuse_dataset(path, dataset)
    if is_cif_of_blocks(path):
        from layerox.io.pdcif_stack import cif_stack  # noqa: PLC0415  (other formats do not need gemmi)

        found = cif_stack(path)
        if found is not None:
            return found
    return ListedStack(path=path, scans=_powder_scans(path))


def _refuse_dataset(path: Path, dataset: str | None) -> None:
    if dataset is not None:
        raise InputError("is no HDF5 file", place=path, cure="leave the dataset out", argument="dataset")


@public
def read_instrument(path: str | Path) -> Instrument:
    """Return the instrument of an instrument.toml, a GSAS .prm or a GSAS-II .instprm, by suffix.

    Raises
    ------
    InputError
        If the file is missing or damaged, has an unknown suffix, or is inconsistent: one line with place and cure.
    """
    from layerox.io.gsas_instrument import read_instprm, read_prm  # noqa: PLC0415  (not needed for patterns)
    from layerox.io.instrument_toml import read_toml  # noqa: PLC0415

    path = Path(path)
    readers = {".toml": read_toml, ".prm": read_prm, ".instprm": read_instprm}
    if path.suffix.lower() not in readers:
        raise InputError("is no instrument file", place=path, cure=f"give one of {', '.join(readers)}")
    return readers[path.suffix.lower()](path)


@public
def write_instrument(instrument: Instrument, path: str | Path, *, overwrite: bool = False) -> None:
    """Write an instrument.toml that reads back as the same instrument (atomic write).

    An existing file of the user is replaced with `overwrite` only.
    """
    from layerox.io import instrument_toml  # noqa: PLC0415  (not needed for patterns)

    instrument_toml.write_instrument(instrument, path, overwrite=overwrite)


def _powder_scans(path: Path, dataset: str | None = None) -> list[Scan]:
    """Return the two-theta scans of a file, each with a notice if other scans were left out."""
    if is_hdf5(path):
        stack = read_stack(path, dataset)
        return [
            replace(scan, warnings=(*scan.warnings, *stack.warnings)) for scan in map(stack.scan, range(len(stack)))
        ]
    _refuse_dataset(path, dataset)
    found = _scans(path)
    usable = [scan for scan in found if isinstance(scan, Scan)]
    refused = [error for error in found if isinstance(error, InputError)]
    if not usable:
        raise refused[0]
    if not refused:
        return usable
    notice = Notice("scans_left_out", f"{len(refused)} of {len(found)} scans were left out: {refused[0].problem}")
    return [replace(scan, warnings=(*scan.warnings, notice)) for scan in usable]


def _scans(path: Path) -> list[Scan | InputError]:
    data = read_bytes(path)
    plain = plain_scan(data, path)
    if plain is not None:
        return [plain]
    if is_xrdml(data):
        return scans_from_xrdml(data, path)
    text = text_of(data, path)
    if is_plain(text):
        return [*scans_from_text(text, path)]
    if is_pdcif(text):
        from layerox.io.pdcif import scans_from_cif  # noqa: PLC0415  (other formats do not need gemmi)

        return scans_from_cif(text, path)
    refuse_other_contents(text, path)
    return scans_from_gsas(text, path) if is_gsas(text) else [*scans_from_text(text, path)]
