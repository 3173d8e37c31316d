"""Read and write files: `read_pattern` selects the reader by the contents, then by the suffix.

One module per format; all scans pass through `scan.py`, so that checks and messages are the same. `read_stack` is for
files with many patterns, which are read one at a time.
"""

from __future__ import annotations

import builtins
from collections.abc import Iterable
from dataclasses import replace
from functools import lru_cache
from pathlib import Path

from layerox.errors import InputError, nearest
from layerox.instrument import Instrument
from layerox.io.file_contents import (
    is_cif_of_blocks,
    is_hdf5,
    is_plain,
    read_bytes,
    text_of,
)
from layerox.io.pattern_formats import bytes_format_of, scans_from_other_text
from layerox.io.pattern_stack import ListedStack, Stack
from layerox.io.pattern_writing import write_pattern
from layerox.io.scan import Scan, pattern_from_scan, request_from_arguments, with_excluded
from layerox.io.text_pattern import plain_scan, scans_from_text
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
    scan: int | None = None,
    sigma: str = "auto",
    exclude: Iterable[tuple[float, float]] = (),
) -> Pattern:
    """Return the pattern of a file with one scan.

    Parameters
    ----------
    path
        Any file of the formats that `layerox formats` lists: columns of text, XRDML, Bruker, Rigaku, STOE, GSAS, pdCIF,
        HDF5 with NeXus groups ...
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
    scan
        Number of the scan among the powder scans of a file, from 1, in the order of `read_patterns`.
    sigma
        "column" (the file's uncertainties), "counts" (those of counting statistics, sqrt(max(counts, 1)), corrected
        for attenuators and times where the file has them), "sqrt" (the root of the intensity, whatever the file
        says); "auto" is the column if the file has one.
    exclude
        (first, last) two-theta of regions to leave out, degrees.

    Returns
    -------
    Pattern
        With sigma from the file, or sqrt(max(counts, 1)), as stated by `sigma_source`; `metadata["warnings"]` holds
        notices on the reading.

    Raises
    ------
    InputError
        If the file is missing, damaged, incomplete or not a single powder pattern: one line with place and cure.

    Examples
    --------
    >>> import layerox as lx
    >>> pattern = lx.read_pattern("patterns/p2_o3.xye", exclude=[(50.0, 50.6)])
    >>> pattern.intensity.shape, pattern.excluded
    ((3970,), ((50.0, 50.6),))
    """
    request = request_from_arguments(path, radiation, axis, range, allow_negative, sigma)
    return with_excluded(pattern_from_scan(_one_scan(request.path, dataset, scan), request), exclude)


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

    Scans along other axes than two-theta are left out, with a notice.

    Parameters
    ----------
    path, radiation, axis, range, allow_negative, dataset
        As for `read_pattern`.

    Returns
    -------
    list of Pattern
        One for each powder scan.

    Raises
    ------
    InputError
        As `read_pattern` does, or if the file has no powder scan.

    Examples
    --------
    >>> import layerox as lx
    >>> len(lx.read_patterns("patterns/p2_o3.xye"))
    1
    """
    request = request_from_arguments(path, radiation, axis, range, allow_negative)
    return [pattern_from_scan(scan, request) for scan in _powder_scans(request.path, dataset)]


def _one_scan(path: Path, dataset: str | None, number: int | None) -> Scan:
    """Return a powder scan of a file by its number, from 1; the only one without a number."""
    if number is None:
        scans = _powder_scans(path, dataset)
        if len(scans) > 1:
            cure = f"choose one, 1 to {len(scans)} (in Python, read_patterns reads them all)"
            raise InputError(f"holds {len(scans)} scans", place=path, cure=cure, argument="scan")
        return scans[0]
    stack = read_stack(path, dataset)
    if not 1 <= number <= len(stack):
        raise InputError(f"has no scan {number}", place=path, cure=f"choose 1 to {len(stack)}", argument="scan")
    return stack.scan(number - 1)


def scans_of_file(path: Path, dataset: str | None = None) -> list[Scan | InputError]:
    """Return all scans of a file in its order, with an error in place of each that is not a powder pattern.

    Raises
    ------
    InputError
        If the file cannot be read.
    """
    if is_hdf5(path):
        stack = read_stack(path, dataset)
        return [stack.scan(k) for k in builtins.range(len(stack))]
    _refuse_dataset(path, dataset)
    return _scans(path)


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
    """Return the instrument of an instrument.toml, a GSAS .prm or a GSAS-II .instprm, by suffix, or a preset by name.

    An existing file wins over a preset of the same name; `layerox instruments` lists the presets.

    Raises
    ------
    InputError
        If the file is missing or damaged, has an unknown suffix, or is inconsistent: one line with place and cure.
    """
    from layerox.io.file_contents import is_file  # noqa: PLC0415
    from layerox.io.gsas_instrument import read_instprm, read_prm  # noqa: PLC0415  (not needed for patterns)
    from layerox.io.instrument_presets import BY_NAME, preset_of  # noqa: PLC0415
    from layerox.io.instrument_toml import read_toml  # noqa: PLC0415

    preset = None if is_file(path) else preset_of(str(path))
    if preset is not None:
        return preset.instrument
    path = Path(path)
    readers = {".toml": read_toml, ".prm": read_prm, ".instprm": read_instprm}
    if path.suffix.lower() not in readers:
        if not path.suffix and not is_file(path):
            raise InputError(f"unknown instrument {str(path)!r}", argument="instrument",
                             cure=nearest(str(path), BY_NAME))  # fmt: skip
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
    known = bytes_format_of(data, path)
    if known is not None:
        return known.read(data, path)
    text = text_of(data, path)
    return [*scans_from_text(text, path)] if is_plain(text) else scans_from_other_text(text, path)
