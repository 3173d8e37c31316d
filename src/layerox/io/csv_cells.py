"""Escape texts in CSV tables so that a spreadsheet does not run them as formulas.

A spreadsheet runs a cell that starts with = + - @ or a tab as a formula, and file names can come from others. The usual
escape is an apostrophe before such a text (OWASP, "CSV injection"); it is removed when reading.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import pandas as pd

# Apostrophes already in the text get one more, so that none is lost when reading.
_MARKED = re.compile(r"'*[=+\-@\t\r\n]")
_ESCAPED = re.compile(r"'+[=+\-@\t\r\n]")


def safe_cell(text: str) -> str:
    """Return the escaped text of a cell."""
    return f"'{text}" if _MARKED.match(text) else text


def plain_cell(text: str) -> str:
    """Return the text of an escaped cell."""
    return text[1:] if _ESCAPED.match(text) else text


def quoted_cell(text: str) -> str:
    """Return a text as one CSV cell, quoted if necessary; line ends become spaces."""
    safe = safe_cell(" ".join(text.splitlines()))
    return '"' + safe.replace('"', '""') + '"' if any(mark in safe for mark in ',"') else safe


def safe_table(table: pd.DataFrame) -> pd.DataFrame:
    """Return a table with escaped texts and titles; numbers are unchanged."""
    found = table.rename(columns=safe_cell)
    for name in found.select_dtypes(exclude=["number", "bool"]):
        found[name] = found[name].map(lambda cell: safe_cell(cell) if isinstance(cell, str) else cell)
    return found
