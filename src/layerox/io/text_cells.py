"""Text cells: texts as they may stand in a CSV table that somebody opens in a spreadsheet.

A spreadsheet takes a cell that begins with = + - @ or a tab for a formula and runs it, and names of files come from
strangers. The custom is an apostrophe before such a text (OWASP, "CSV injection"); reading takes it away again.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import pandas as pd

# Apostrophes of the text's own before the mark: one more is put before these too, so that none is lost in reading.
_MARKED = re.compile(r"'*[=+\-@\t\r\n]")
_ESCAPED = re.compile(r"'+[=+\-@\t\r\n]")


def safe_cell(text: str) -> str:
    """Return a text as it may stand in a cell."""
    return f"'{text}" if _MARKED.match(text) else text


def plain_cell(text: str) -> str:
    """Return the text of a cell."""
    return text[1:] if _ESCAPED.match(text) else text


def quoted_cell(text: str) -> str:
    """Return a text as one cell of a line of CSV, in quotes where it must be; ends of lines become spaces."""
    safe = safe_cell(" ".join(text.splitlines()))
    return '"' + safe.replace('"', '""') + '"' if any(mark in safe for mark in ',"') else safe


def safe_table(table: pd.DataFrame) -> pd.DataFrame:
    """Return a table whose texts and titles are as they may stand in cells; numbers are as they were."""
    return _mapped(table, safe_cell)


def plain_table(table: pd.DataFrame) -> pd.DataFrame:
    """Return the table behind one that was read from a file."""
    return _mapped(table, plain_cell)


def _mapped(table: pd.DataFrame, change: Callable[[str], str]) -> pd.DataFrame:
    found = table.rename(columns=change)
    for name in found.select_dtypes(exclude=["number", "bool"]):
        found[name] = found[name].map(lambda cell: change(cell) if isinstance(cell, str) else cell)
    return found
