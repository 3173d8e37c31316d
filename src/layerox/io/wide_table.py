"""Read wide tables: one column of angles and a column of intensities a pattern, or the same with rows.

A wide table has more columns of numbers than angle, intensity and sigma, and titles that name none of these, or all of
them an intensity; three columns need the title of an angle and two other names. The abscissa is the first column (or
the first row), which ascends; the titles of the other columns are the labels of the patterns.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from pathlib import Path

import numpy as np

from layerox.errors import InputError
from layerox.io.abscissa_titles import axis_from_title, refuse_other_axis, scale_from_title
from layerox.io.number_columns import STARTS_A_ROW, clean_table, dialect_of, is_comment
from layerox.io.scan import Axis, Scan
from layerox.io.text_heading import INTENSITY_TITLE, SIGMA_TITLE
from layerox.typing import FloatArray

FEWEST_COLUMNS, FEWEST_ROWS = 4, 3
MOST_NUMBERS, MOST_PATTERNS = 20_000_000, 10_000
# Lines that are searched for titles above the numbers.
DEPTH = 50
# Characters that are searched for the layout, and rows whose width is compared.
START, SAMPLE = 1_000_000, 200
INTENSITY = re.compile(r"\W*(int|count|obs|yobs|i\b|y\b)", re.IGNORECASE)
SIGMA = re.compile(r"sig|esd|err|std|uncert", re.IGNORECASE)


def is_wide_table(text: str) -> bool:
    """Whether a text is a table of many columns, without titles of angle, intensity and sigma."""
    lines = text[:START].rpartition("\n")[0].split("\n")
    first = _first_row(lines)
    if first is None or len(lines) < first + FEWEST_ROWS:
        return False
    body = lines[first : first + SAMPLE]
    dialect = dialect_of(body)
    widths = {len(dialect.fields(line)) for line in body if line.strip()}
    if len(widths) != 1:
        return False
    width, titles = widths.pop(), _titles(lines[:first], dialect.separator)
    if len(dialect.numbers(lines[first])) < FEWEST_COLUMNS:
        return width < FEWEST_COLUMNS and _are_two_patterns(titles)
    measured = [INTENSITY.match(title) is not None for title in titles[1:] if not SIGMA.search(title)]
    return not any(measured) or (all(measured) and len(measured) >= FEWEST_COLUMNS - 1)


def _are_two_patterns(titles: Sequence[str]) -> bool:
    """Whether three titles are an angle and two names, neither of them an intensity or its uncertainty."""
    if len(titles) != FEWEST_COLUMNS - 1 or axis_from_title(titles[0]) is None:
        return False
    plain = [re.sub(r"[^a-zσ]", "", title.lower()) for title in titles[1:]]
    return not any(
        INTENSITY.match(title) or SIGMA.search(title) or INTENSITY_TITLE.match(word) or SIGMA_TITLE.match(word)
        for title, word in zip(titles[1:], plain, strict=True)
    ) and all(plain)


def scans_from_wide_table(text: str, path: Path) -> list[Scan | InputError]:
    """Return a scan for each column (or row) of intensities.

    Raises
    ------
    InputError
        If the table has rows of unequal length, no ascending abscissa, or too many patterns.
    """
    lines = text.rstrip().split("\n")
    first = _first_row(lines)
    assert first is not None
    dialect = dialect_of(lines[first:])
    body = [line.replace(",", ".") for line in lines[first:]] if dialect.decimal == "," else lines[first:]
    separator = None if dialect.separator == " ," else dialect.separator
    table = clean_table(body, first + 1, separator)
    if table is None:
        raise InputError("is a wide table with rows of unequal length", place=f"{path}:{first + 1}", cure="complete it")
    return scans_of_columns(table.values, _titles(lines[:first], separator), path)


def scans_of_columns(values: FloatArray, titles: Sequence[str], path: Path) -> list[Scan | InputError]:
    """Return the scans of a table with an abscissa in its first column, or in its first row.

    Parameters
    ----------
    values
        Shape (rows, columns).
    titles
        Titles of the columns, or empty.
    """
    columns = values if _ascends(values[:, 0]) else values.T if _ascends(values[0]) else None
    if columns is None:
        problem = "is a wide table without an ascending abscissa in its first column or row"
        raise InputError(problem, place=path, cure="give columns of angle, intensity and sigma")
    if columns.shape[1] > MOST_PATTERNS or columns.size > MOST_NUMBERS:
        raise InputError(f"holds more than {MOST_PATTERNS} patterns", place=path, cure="split it")
    labels = [*titles] if len(titles) == columns.shape[1] else [""] * columns.shape[1]
    axis, scale = _axis(labels[0], path)
    patterns = [k for k in range(1, columns.shape[1]) if not SIGMA.search(labels[k])]
    sigmas = {k: k + 1 for k in patterns if k + 1 < columns.shape[1] and SIGMA.search(labels[k + 1])}
    return [
        _scan(columns[:, 0] * scale, columns[:, k], columns[:, sigmas[k]] if k in sigmas else None, axis,
              labels[k] or f"{path.stem} #{n}")
        for n, k in enumerate(patterns, 1)
    ]  # fmt: skip


def _scan(x: FloatArray, intensity: FloatArray, sigma: FloatArray | None, axis: Axis | None, label: str) -> Scan:
    """Return a pattern without the rows where it has no number."""
    keep = np.isfinite(x) & np.isfinite(intensity)
    return Scan(
        x=x[keep], intensity=intensity[keep], sigma=None if sigma is None else sigma[keep], axis=axis, label=label
    )


def _axis(title: str, path: Path) -> tuple[Axis | None, float]:
    axis = axis_from_title(title)
    if axis is None:
        if title:
            refuse_other_axis(title, str(path))
        return None, 1.0
    return axis, scale_from_title(title, axis)


def _ascends(values: FloatArray) -> bool:
    known = values[np.isfinite(values)]
    return known.size >= FEWEST_ROWS and bool((np.diff(known) > 0).all())


def _first_row(lines: Sequence[str]) -> int | None:
    """Return the index of the first line of numbers near the top, None if it has fewer than three of them."""
    for k, line in enumerate(lines[:DEPTH]):
        if STARTS_A_ROW.match(line) and not is_comment(line):
            numbers = len(dialect_of([line]).numbers(line))
            if numbers >= 2:
                return k if numbers >= FEWEST_COLUMNS - 1 else None
    return None


def _titles(above: Sequence[str], separator: str | None) -> list[str]:
    """Return the titles of the columns in the last line above them."""
    if not above or not above[-1].strip():
        return []
    line = above[-1].strip().lstrip("#!;%").strip()
    words = line.split(separator) if separator else re.split(r"\t|\s{2,}|\s", line)
    return [word.strip().strip('"') for word in words]
