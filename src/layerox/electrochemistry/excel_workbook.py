"""Sheets of an Excel file as rows of text, and the records of a cycler in them.

Long logs use several sheets with the same titles; sheets of statistics have similar titles and are left out.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from datetime import date, datetime, time, timedelta
from pathlib import Path
from typing import Any

from layerox.computing.optional import optional_module
from layerox.computing.processes import confined
from layerox.electrochemistry.column_titles import Mapped
from layerox.electrochemistry.table_columns import DEEPEST, WHAT_IS_NEEDED, Columns, columns_from_rows, score_of
from layerox.errors import InputError
from layerox.io.zip_archive import check_archive

SUFFIXES = (".xlsx", ".xlsm", ".xls", ".xlsb")
# Names of sheets with summaries of cycles and steps (Arbin, Neware, and common ones).
SUMMARIES = ("statistic", "cycle", "step", "summary")


def columns_from_workbook(path: Path, mapped: Mapped | None = None) -> Columns:
    """Return the columns of all sheets with records, concatenated.

    Raises
    ------
    InputError
        If the file cannot be read, or none of its sheets is the table of a cycler.
    """
    check_archive(path)
    parts: list[Columns] = []
    for name, rows in confined(sheets_of, path, cure="export it as CSV"):
        if name.lower().startswith(SUMMARIES):
            continue
        scores = [score_of(row, mapped) for row in rows[:DEEPEST]]
        if any(scores):
            parts.append(columns_from_rows(rows, path, scores.index(max(scores)), mapped=mapped))
    if not parts:
        raise InputError("none of its sheets holds the records of a cycler", place=path, cure=WHAT_IS_NEEDED)
    return _together(parts)


def sheets_of(path: Path) -> list[tuple[str, list[list[str]]]]:
    """Return the names and the rows of all sheets of a workbook.

    Raises
    ------
    InputError
        If the file cannot be read.
    """
    calamine = optional_module("python_calamine", purpose="a workbook", place=path)
    try:
        book = calamine.CalamineWorkbook.from_path(path)
        sheets = [(name, book.get_sheet_by_name(name)) for name in book.sheet_names]
        return [(name, [_texts(row) for row in sheet.to_python(skip_empty_area=False)]) for name, sheet in sheets]
    except (calamine.CalamineError, OSError, ValueError) as error:
        raise InputError(
            f"cannot be read as a workbook: {str(error)[:200]}", place=path, cure="export it as CSV"
        ) from None


def _texts(row: Sequence[Any]) -> list[str]:
    return [_text(cell) for cell in row]


def _text(cell: object) -> str:
    """Return a cell as text; a time without a date is a duration below 24 hours."""
    if isinstance(cell, datetime):
        return cell.isoformat(sep=" ")
    if isinstance(cell, date):
        return f"{cell} 00:00:00"
    if isinstance(cell, time):
        return cell.isoformat()
    if isinstance(cell, timedelta):
        hours, left = divmod(cell.total_seconds(), 3600.0)
        return f"{hours:.0f}:{left // 60:02.0f}:{left % 60:06.3f}"
    return str(cell)


def _together(parts: Sequence[Columns]) -> Columns:
    """Return tables with equal titles as one."""
    first = parts[0]
    for part in parts[1:]:
        if part.titles != first.titles:
            raise InputError("several of its sheets hold records, with different titles", place=first.path,
                             cure="keep the sheets of one cell")  # fmt: skip
    return replace(
        first,
        cells={quantity: [cell for part in parts for cell in part.cells[quantity]] for quantity in first.cells},
        lines=[line for part in parts for line in part.lines],
        is_cut=parts[-1].is_cut,
    )
