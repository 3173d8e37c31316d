"""The columns of a cycler's table by quantity, from text with any separator.

The start of a table is found by its titles, so headers may have any length. Neware's layered export, with rows of
cycles and steps between those of records, is converted to a plain table.
"""

from __future__ import annotations

import csv
import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from itertools import zip_longest
from pathlib import Path

import numpy as np

from layerox.electrochemistry.column_titles import Mapped, Quantity, Title, columns_of, is_arbin
from layerox.errors import InputError
from layerox.typing import FloatArray

SEPARATORS = ("\t", ";", ",")
# Largest number of header lines; headers of EC-Lab with many sequences have a few hundred lines.
DEEPEST = 2000
DURATION = re.compile(r"(?:(\d{1,6})[d.\s-]+)?(\d{1,6}):(\d{1,2}):(\d{1,2}(?:\.\d+)?)$")
# With comma separators, a decimal comma cannot be distinguished from a thousands comma.
QUOTED_COMMA = re.compile(r'"\s*[-+]?[\d.]*\d,\d[\d.,]*\s*"')
WHAT_IS_NEEDED = "title columns of time, voltage and current, with units: time_s, voltage_V, current_mA"
UNIT_CELL = re.compile(r"\[[^\]\d]{0,12}\]")
LAYERS = ("Cycle ID", "Step ID", "Step Type")
ARBIN_FACTORS: dict[Quantity, float] = {
    "elapsed": 1.0, "current": 1e3, "charge": 1e3, "discharge": 1e3, "step_capacity": 1e3,
}  # fmt: skip

Rows = Sequence[Sequence[str]]


@dataclass(frozen=True, kw_only=True, eq=False)
class Columns:
    """Cells by quantity.

    Attributes
    ----------
    path
        The file, for messages.
    cells
        The cells of each quantity, all of equal length.
    titles
        The quantity and unit in the title of each.
    lines
        The line of each record in the file, from 1 (in a workbook the row of its sheet).
    month_first
        Whether 03/04 means March 4 in files of this program; None if the program is unknown.
    is_cut
        Whether an incomplete last record was left out.
    """

    path: Path
    cells: dict[Quantity, list[str]]
    titles: dict[Quantity, Title]
    lines: list[int]
    month_first: bool | None = None
    is_cut: bool = False

    def __contains__(self, quantity: object) -> bool:
        return quantity in self.cells

    def numbers(self, quantity: Quantity) -> FloatArray | None:
        """Return a column in s, V, mA or mAh, shape (n,), nan where a cell is empty; None if there is no such column.

        Raises
        ------
        InputError
            If a cell is not a number, or the unit is not stated.
        """
        if quantity not in self.cells:
            return None
        values = self._values(quantity)
        factor = self.titles[quantity].factor
        if factor is None and quantity in ("cycle", "step", "voltage"):
            factor = 1.0
        if factor is None:
            raise InputError(f"the file does not state the unit of its {quantity}", place=self.path,
                             cure="write it in the title of the column, such as current_mA or Current(A)")  # fmt: skip
        return values * factor

    def durations(self) -> FloatArray | None:
        """Return the time since the log began, s, from numbers or from cells like 12:30:05.25."""
        if "elapsed" not in self.cells:
            return None
        cells = self.cells["elapsed"]
        if not any(":" in cell for cell in cells[:1]):
            return self.numbers("elapsed")
        found = [DURATION.match(cell.strip()) for cell in cells]
        if None in found:
            at = found.index(None)
            raise self._fault("elapsed", at, "not a time like 12:30:05")
        return np.array([_seconds(match) for match in found if match])

    def _values(self, quantity: Quantity) -> FloatArray:
        cells = self.cells[quantity]
        try:
            return np.array([cell or "nan" for cell in cells], dtype=np.float64)
        except ValueError:
            pass
        values = np.empty(len(cells))
        for k, cell in enumerate(cells):
            try:
                values[k] = float(_pointed(cell) or "nan")
            except ValueError:
                raise self._fault(quantity, k, "no number") from None
        return values

    def _fault(self, quantity: Quantity, at: int, what: str) -> InputError:
        problem = f"the {quantity} {self.cells[quantity][at].strip()!r} is {what}"
        return InputError(problem, place=f"{self.path}:{self.lines[at]}", cure="correct the line or remove it")


def columns_from_text(
    text: str, path: Path, *, month_first: bool | None = None, mapped: Mapped | None = None
) -> Columns:
    """Return the columns of a table in text, after a header of any kind.

    Raises
    ------
    InputError
        If there are no titles of time and voltage, or no records below them.
    """
    lines = text.split("\n")
    score, at, separator = _best_titles(lines, mapped)
    if not score:
        raise InputError("has no table with titles of time and voltage", place=path, cure=WHAT_IS_NEEDED)
    top = max(at - len(LAYERS) + 1, 0)
    rows = _cells(lines[top:], separator, path, top + 1)
    if separator == "," and (match := QUOTED_COMMA.search(text)):
        line = text.count("\n", 0, match.start()) + 1
        raise InputError(f"the number {match[0]} holds a comma", place=f"{path}:{line}",
                         cure="export with decimal points, or with semicolons between the columns")  # fmt: skip
    return columns_from_rows(rows, path, at - top, first_line=top + 1, month_first=month_first, mapped=mapped)


def _cells(lines: Sequence[str], separator: str, path: Path, first_line: int) -> Rows:
    """Return the cells of each line."""
    reader = csv.reader(lines, delimiter=separator)
    rows: list[list[str]] = []
    try:
        for row in reader:
            rows.append(row)
            if reader.line_num > len(rows):
                break
        else:
            return rows
    except csv.Error:
        pass
    raise InputError("a quotation mark is not closed", place=f"{path}:{first_line + max(len(rows) - 1, 0)}",
                     cure="correct the line, or export the file again")  # fmt: skip


def columns_from_rows(
    rows: Rows,
    path: Path,
    at: int,
    *,
    first_line: int = 1,
    month_first: bool | None = None,
    mapped: Mapped | None = None,
) -> Columns:
    """Return the columns of rows; row `at` (from 0) holds the titles.

    Raises
    ------
    InputError
        If there is no record below the titles, or a row has too few cells.
    """
    titles, records = list(rows[at]), list(enumerate(rows[at + 1 :], first_line + at + 1))
    if at > 1 and _is_layered(rows[at - 2 : at + 1]):
        titles, records = [*titles, *LAYERS], list(_flattened(rows[at - 2 : at], len(titles), records))
    if records and _is_row_of_units(records[0][1]):
        units = [cell.strip() for cell in records.pop(0)[1]]
        pairs = zip_longest(titles, units, fillvalue="")
        titles = [f"{title.strip()}{unit if len(unit) > 2 else ''}" for title, unit in pairs]
    columns = columns_of(titles, mapped)
    plain = [title.strip().strip('"').strip() for title in titles]
    if missing := [name for name, _ in (mapped or {}).values() if name not in plain]:
        raise InputError(f"has no column titled {missing[0]!r}", place=path, argument="columns",
                         cure=f"its titles are {', '.join(title.strip() for title in titles[:20])}")  # fmt: skip
    width = 1 + max(number for number, _ in columns.values())
    records = [(line, row) for line, row in records if any(cell.strip() for cell in row)]
    is_cut = bool(records) and len(records[-1][1]) < width
    records = records[:-1] if is_cut else records
    if not records:
        raise InputError("has titles but no records", place=path, cure="export it with its records")
    short = next((line for line, row in records if len(row) < width), None)
    if short is not None:
        raise InputError("this line has fewer cells than the titles", place=f"{path}:{short}", cure="correct the line")
    named = {quantity: title for quantity, (_, title) in columns.items()}
    return Columns(
        path=path,
        cells={quantity: [row[number].strip() for _, row in records] for quantity, (number, _) in columns.items()},
        titles=_with_arbin_units(named) if is_arbin(titles) else named,
        lines=[line for line, _ in records],
        month_first=True if is_arbin(titles) or _is_neware(titles) or _is_maccor(titles) else month_first,
        is_cut=is_cut,
    )


def score_of(titles: Sequence[str], mapped: Mapped | None = None) -> int:
    """Return the number of quantities in the titles, 0 if time or voltage is missing."""
    found = columns_of(titles, mapped)
    return len(found) if "voltage" in found and ("stamp" in found or "elapsed" in found) else 0


def _best_titles(lines: Sequence[str], mapped: Mapped | None) -> tuple[int, int, str]:
    """Return score, index and separator of the first line with the most quantities."""
    best = (0, 0, "")
    for at, line in enumerate(lines[:DEEPEST]):
        for separator in SEPARATORS:
            cells = [cell.strip().strip('"') for cell in line.split(separator)]
            if len(cells) > 1 and (score := score_of(cells, mapped)) > best[0]:
                best = (score, at, separator)
    return best


def _with_arbin_units(named: dict[Quantity, Title]) -> dict[Quantity, Title]:
    return {
        quantity: replace(title, factor=ARBIN_FACTORS.get(quantity)) if title.factor is None else title
        for quantity, title in named.items()
    }


def _is_neware(titles: Sequence[str]) -> bool:
    plain = {re.sub(r"[^a-z]", "", title.lower()) for title in titles}
    return bool(plain & {"recordid", "datapoint", "recordindex"}) and bool(plain & {"steptype", "stepname", "status"})


def _is_maccor(titles: Sequence[str]) -> bool:
    """Whether titles are those of Maccor, whose dates have the month first."""
    plain = {re.sub(r"[^a-z]", "", title.lower()) for title in titles}
    return {"cyc", "step"} <= plain and bool(plain & {"rec", "dpttime", "testtime", "testsec"})


def _is_row_of_units(cells: Sequence[str]) -> bool:
    """Whether the row below the titles holds only units in brackets, as Digatron writes them."""
    stated = [cell.strip() for cell in cells if cell.strip()]
    return len(stated) >= 2 and all(UNIT_CELL.fullmatch(cell) for cell in stated)


def _is_layered(heads: Rows) -> bool:
    """Whether three rows of titles are those of cycles, of steps (one cell in) and of records (two cells in)."""
    cycle, step, record = ([bool(cell.strip()) for cell in row[:3]] for row in heads)
    return cycle[:1] == [True] and step[:2] == [False, True] and record == [False, False, True]


def _flattened(heads: Rows, width: int, rows: Iterable[tuple[int, Sequence[str]]]) -> Iterator[tuple[int, list[str]]]:
    """Yield the records of a layered table, each with its cycle number, step number and step type."""
    cycles = len(heads[0])
    kind = next((k for k, title in enumerate(heads[1]) if title.strip() in ("Step Type", "Step Name")), 2)
    cycle = step = what = ""
    for line, row in rows:
        if row and row[0].strip():
            cycle = row[0]
            if len(row) >= cycles + kind:  # in some versions the first step is on the line of its cycle
                step, what = row[cycles], row[cycles + kind - 1]
        elif len(row) > kind and row[1].strip():
            step, what = row[1], row[kind]
        elif row:
            yield line, [*row[:width], *[""] * (width - len(row)), cycle, step, what]


def _pointed(cell: str) -> str:
    """Return a number with a decimal point."""
    return cell.replace(",", "") if "." in cell else cell.replace(",", ".")


def _seconds(match: re.Match[str]) -> float:
    days, hours, minutes, seconds = match.groups()
    return 86400.0 * int(days or 0) + 3600.0 * int(hours) + 60.0 * int(minutes) + float(seconds)
