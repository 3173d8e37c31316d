"""Read patterns from an Excel workbook: a sheet with a column of angles and a column of intensities a pattern.

The first sheet with numbers is read; a row of titles may stand above them. A column titled sigma belongs to the one
before it. The workbook is checked as every zip file is, and read by python-calamine in a process of its own.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

from layerox.errors import InputError
from layerox.io.scan import Scan
from layerox.io.wide_table import scans_of_columns
from layerox.io.zip_archive import check_archive, has_member
from layerox.typing import FloatArray

INSIDE = "xl/workbook"
FEWEST_ROWS = 3
CURE = "export it as CSV"


def is_xlsx(data: bytes) -> bool:
    """Whether bytes are an Excel workbook."""
    return has_member(data, INSIDE)


def scans_from_xlsx(data: bytes, path: Path) -> list[Scan | InputError]:
    """Return a scan for each column of intensities in the first sheet with numbers.

    Raises
    ------
    InputError
        If the workbook is damaged, or has no such sheet.
    """
    check_archive(path)
    from layerox.computing.processes import confined  # noqa: PLC0415  (other files need no process)

    titles, values = confined(first_table, path, cure=CURE)
    return scans_of_columns(values, titles, path)


def first_table(path: Path) -> tuple[list[str], FloatArray]:
    """Return the titles and the numbers of the first sheet with at least three rows of them.

    Raises
    ------
    InputError
        If the workbook cannot be read, or has no such sheet.
    """
    from layerox.computing.optional import optional_module  # noqa: PLC0415

    calamine = optional_module("python_calamine", purpose="a workbook", place=path)
    try:
        book = calamine.CalamineWorkbook.from_path(path)
        for name in book.sheet_names:
            rows = book.get_sheet_by_name(name).to_python(skip_empty_area=True)
            starts = [k for k, row in enumerate(rows) if _is_row(row)]
            if len(starts) >= FEWEST_ROWS:
                titles = [str(cell).strip() for cell in rows[starts[0] - 1]] if starts[0] else []
                return titles, np.array([[_number(cell) for cell in rows[k]] for k in starts])
    except (calamine.CalamineError, OSError, ValueError) as error:
        raise InputError(f"cannot be read as a workbook: {str(error)[:200]}", place=path, cure=CURE) from None
    raise InputError("none of its sheets holds columns of angle and intensity", place=path, cure=CURE)


def _is_row(row: Sequence[Any]) -> bool:
    """Whether a row begins with two numbers."""
    return len(row) >= 2 and all(isinstance(cell, (int, float)) and not isinstance(cell, bool) for cell in row[:2])


def _number(cell: object) -> float:
    """Return a number, nan for an empty cell or text."""
    return float(cell) if isinstance(cell, (int, float)) and not isinstance(cell, bool) else float("nan")
