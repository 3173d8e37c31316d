"""GSAS powder histograms: STD, ESD, FXYE and FXY records of constant-wavelength data.

A. C. Larson & R. B. Von Dreele, GSAS, Los Alamos report LAUR 86-748 (2004), "Powder diffraction data file", and
GSAS-II's reader of the same (G2pwd_fxye.py): a BANK line gives the bank, its numbers of points and records, the
binning with start and step in centidegrees, and the record type. STD is (10(I2,F6.0)), number of counters and mean
counts; ESD is (10F8.0), intensity and its esd in turn; FXYE is free: centidegrees, intensity, esd. Time of flight
is not read.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np

from layerox.errors import InputError
from layerox.io.number_columns import Dialect, NumberTable, clean_table, rows_from_lines, table_from_rows
from layerox.io.scan import Scan
from layerox.io.text_heading import Heading, heading_from_lines
from layerox.pattern import poisson_sigma
from layerox.typing import FloatArray, IntArray

BANK = re.compile(r"^BANK\s+(\d+)\s+(\d+)\s+(\d+)\s+([A-Z_0-9]+)(.*)$", re.MULTILINE)
CONSTANT_STEP = ("CONS", "CONST")
RECORD_TYPES = ("STD", "ESD", "FXYE", "FXY")
LINE_WIDTH = 80
COMPLETE = "copy the file again when it is complete"


@dataclass(frozen=True)
class Bank:
    """What a BANK line declares; start and step in degrees."""

    number: int
    points: int
    start: float
    step: float
    record: str
    line: int


def is_gsas(text: str) -> bool:
    """Whether a text holds a BANK line."""
    return "BANK" in text and BANK.search(text) is not None


def scans_from_gsas(text: str, path: Path) -> list[Scan | InputError]:
    """Return the scans of a GSAS file, one for each BANK, or the error for a bank that is not a two-theta scan."""
    lines = text.rstrip().split("\n")
    starts = [k for k, line in enumerate(lines) if BANK.match(line)]
    heading = heading_from_lines(lines[: starts[0]], path)
    scans: list[Scan | InputError] = []
    for start, end in zip(starts, [*starts[1:], len(lines)], strict=True):
        body = [line if not line.startswith("#") else "" for line in lines[start + 1 : end]]
        try:
            bank = _bank(lines[start], start + 1, path)
        except InputError as error:
            scans.append(error)
            continue
        label = f"{path.stem} bank {bank.number}" if len(starts) > 1 else ""
        scans.append(_with_heading(_records(bank, body, path), heading, label))
    return scans


def _bank(line: str, number: int, path: Path) -> Bank:
    match = BANK.match(line)
    assert match is not None
    binning, words, place = match[4], match[5].split(), f"{path}:{number}"
    if binning not in CONSTANT_STEP:
        problem = f"{binning} records hold time of flight or energies, not two-theta"
        raise InputError(problem, place=place, cure="give constant-wavelength data (CONS)")
    record = words[-1].upper() if words and words[-1].isalpha() else "STD"
    if record not in RECORD_TYPES:
        raise InputError(f"{record} records are not read", place=place, cure="export it as FXYE")
    try:
        start, step = float(words[0]) / 100.0, float(words[1]) / 100.0
        return Bank(int(match[1]), int(match[2]), start, step, record, number)
    except (IndexError, ValueError):
        raise InputError("the BANK line names no points, start and step", place=place, cure="correct it") from None


def _with_heading(scan: Scan, heading: Heading, label: str) -> Scan:
    return replace(
        scan,
        axis="two-theta",
        radiation=heading.radiation,
        says_kind=heading.says_kind,
        label=label,
        metadata=dict(heading.metadata),
    )


def _records(bank: Bank, body: Sequence[str], path: Path) -> Scan:
    if bank.record in ("FXYE", "FXY"):
        return _free_scan(bank, body, path)
    return _std_scan(bank, body, path) if bank.record == "STD" else _esd_scan(bank, body, path)


def _free_scan(bank: Bank, body: Sequence[str], path: Path) -> Scan:
    """Return FXYE or FXY records: centidegrees, intensity and, in FXYE, its esd."""
    table = clean_table(body, bank.line + 1) if any(line.strip() for line in body) else None
    if table is None:
        table = _careful_table(bank, body, path)
    columns = 3 if bank.record == "FXYE" else 2
    if table.values.shape[1] < columns:
        problem = f"{table.values.shape[1]} columns, {bank.record} has {columns}"
        raise InputError(problem, place=f"{path}:{table.lines[0]}", cure=COMPLETE)
    values = table.values
    scan = Scan(
        x=values[:, 0] / 100.0,
        intensity=values[:, 1],
        sigma=values[:, 2] if columns == 3 else None,
        lines=table.lines,
    )
    return _declared(bank, scan, path)


def _careful_table(bank: Bank, body: Sequence[str], path: Path) -> NumberTable:
    rows = rows_from_lines(body, bank.line + 1, Dialect())
    odd = next((row.text_line for row in rows if row.text_line), 0)
    if odd:
        raise InputError("a line without numbers stands between the data", place=f"{path}:{odd}", cure="remove it")
    if not rows:
        raise _cut_off(bank, 0, path)
    return table_from_rows(rows, path)


def _std_scan(bank: Bank, body: Sequence[str], path: Path) -> Scan:
    """Return STD records: sigma is sqrt(I / n) of the mean I of n counters."""
    values, lines = _fixed_numbers(body, bank, path, widths=(2, 6))
    counters, counts = np.maximum(values[0::2], 1.0), values[1::2]
    scan = Scan(
        x=bank.start + bank.step * np.arange(counts.size, dtype=np.float64),
        intensity=counts,
        sigma=poisson_sigma(counts) / np.sqrt(counters),
        sigma_source="poisson",
        lines=lines[1::2],
    )
    return _without_padding(_declared(bank, scan, path))


def _without_padding(scan: Scan) -> Scan:
    """Leave out empty channels at the end, which pad records and, in some files, the declared number of points."""
    used = int(np.flatnonzero(scan.intensity)[-1]) + 1 if scan.intensity.any() else len(scan)
    padding = len(scan) - used
    message = f"{padding} empty channels at the end were left out: GSAS gives them no weight"
    return scan.taking(slice(used)).with_warning("padding_left_out", message) if padding else scan


def _esd_scan(bank: Bank, body: Sequence[str], path: Path) -> Scan:
    values, lines = _fixed_numbers(body, bank, path, widths=(8, 8))
    if values.size % 2:
        raise _cut_off(bank, values.size // 2, path)
    x = bank.start + bank.step * np.arange(values.size // 2, dtype=np.float64)
    scan = Scan(x=x, intensity=values[0::2], sigma=values[1::2], lines=lines[0::2])
    return _declared(bank, scan, path)


def _fixed_numbers(body: Sequence[str], bank: Bank, path: Path, widths: tuple[int, int]) -> tuple[FloatArray, IntArray]:
    """Return the numbers of fixed fields, in pairs of `widths` columns, and the line of each.

    An empty first field of a pair counts as 0, an empty second one ends the line.
    """
    values: list[float] = []
    lines: list[int] = []
    first, pair = widths[0], sum(widths)
    for number, line in enumerate(body, bank.line + 1):
        try:
            if line[LINE_WIDTH:].strip() or "\t" in line:
                raise ValueError
            for start in range(0, len(line), pair):
                head, tail = line[start : start + first].strip(), line[start + first : start + pair].strip()
                fields = ([head] if first == pair - first else [head or "0"]) + [tail]
                numbers = [float(field) for field in fields if field] if tail or first == 8 else []
                values.extend(numbers)
                lines.extend([number] * len(numbers))
        except ValueError:
            layout = "10(I2,F6.0)" if bank.record == "STD" else "10F8.0"
            raise InputError(
                f"not in the columns of {bank.record} records, ({layout})",
                place=f"{path}:{number}",
                cure="correct the line, or export the file as FXYE",
            ) from None
    return np.array(values), np.array(lines, dtype=np.int64)


def _declared(bank: Bank, scan: Scan, path: Path) -> Scan:
    """Return the declared number of points, as GSAS reads them; real files hold a few more."""
    if len(scan) < bank.points:
        raise _cut_off(bank, len(scan), path)
    more = scan.intensity[bank.points :]
    if not more.any():
        return scan.taking(slice(bank.points))
    message = f"the BANK line declares {bank.points} points; the {more.size} behind them were left out"
    return scan.taking(slice(bank.points)).with_warning("more_points_than_declared", message)


def _cut_off(bank: Bank, found: int, path: Path) -> InputError:
    problem = f"the file is cut off: {bank.points} points declared, {found} found"
    return InputError(problem, place=f"{path}:{bank.line}", cure=COMPLETE)
