"""Read patterns from columns of text: .xy .xye .dat .txt .csv .prn .chi and other files with such columns.

Two columns are angle and intensity, a third is sigma unless a title line states otherwise. Two layouts with a
stated grid are read too: FIT2D's .chi (A. P. Hammersley, FIT2D reference manual, ESRF98HA01T, "chi plot")
with the number of points in its fourth line, and "start step end" followed by intensities only (FullProf manual,
INSTRM = 0), and then sigmas in the files of DMC and HRPT at PSI (INSTRM = 8).
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np

from layerox.errors import InputError
from layerox.io.abscissa_titles import axis_from_title, refuse_other_axis, scale_from_title
from layerox.io.number_columns import (
    STARTS_A_ROW,
    Dialect,
    NumberTable,
    Row,
    clean_table,
    dialect_of,
    is_comment,
    reads_many,
    rows_from_lines,
    table_from_rows,
    without_block_comments,
)
from layerox.io.scan import Scan
from layerox.io.text_heading import Heading, Titles, heading_from_lines, titles_from_line

GRID_TOLERANCE = 0.02
# Largest number of lines and points of a file, far above any pattern.
MOST_LINES, LARGEST_GRID = 1_000_000, 1_000_000
PADDING = 10
TITLE_DEPTH, LONGEST_TITLES = 3, 2000
# A heading of comments whose next line begins with a number, and bytes that no text has.
PLAIN_HEADING = re.compile(rb"(?:#(?!\s*GSAS)[^\n]*\n)*(?=[-+.\d \t])")
NOT_TEXT = re.compile(rb"[\x00-\x08\x0b-\x1f\x7f]")
CUT_WINDOW = (60, 200)  # lines: fewer could agree in their decimals by chance


def scans_from_text(text: str, path: Path) -> list[Scan]:
    """Return the scans of a text file, usually one.

    Raises
    ------
    InputError
        With the line, if the text is not a pattern, is damaged or incomplete.
    """
    if text.count("\n") > MOST_LINES:
        raise InputError(f"holds more than {MOST_LINES} lines", place=path, cure="rebin it, or split it into scans")
    text, comments = without_block_comments(text, path)
    lines = text.split("\n")
    dialect = dialect_of(lines)
    _refuse_cut_number(lines, dialect, path)
    if path.suffix.lower() == ".chi" and _is_chi(lines):
        return [_chi_scan(lines, dialect, path)]
    first = _first_row(lines, dialect)
    if first is None:
        raise _no_rows(lines, dialect, path)
    heading = [*comments, *lines[:first]]
    table = _clean_table(lines, first, dialect)
    if table is not None:
        return [_scan(table, heading, dialect, path)]
    return _scans_from_rows(rows_from_lines(lines[first:], first + 1, dialect), heading, dialect, path)


def plain_scan(data: bytes, path: Path) -> Scan | None:
    """Return the scan of comments and plain columns of numbers, as most frames of a series are; None for any other.

    What it returns is what `scans_from_text` returns, without looking for a dialect in every line.
    """
    if path.suffix.lower() == ".chi" or not reads_many():
        return None
    from layerox.io.fast_number_reader import plain_table  # noqa: PLC0415

    match = PLAIN_HEADING.match(data)
    heading = data[: match.end()] if match is not None else b""
    body = data[len(heading) :].rstrip(b" \t\n") + b"\n"
    if not data.endswith(b"\n") or not heading.isascii() or b"/*" in heading or NOT_TEXT.search(heading):
        return None
    values = plain_table(body, body.count(b"\n"))
    if values is None or values.shape[1] < 2 or _grid_points(values[0].tolist()) is not None:
        return None
    lines = heading.decode("ascii").split("\n")[:-1]
    numbers = np.arange(len(lines) + 1, len(lines) + 1 + len(values), dtype=np.int64)
    return _scan(NumberTable(values, numbers), lines, Dialect(), path)


def _first_row(lines: Sequence[str], dialect: Dialect) -> int | None:
    """Return the index of the first line with two numbers or more."""
    for index, line in enumerate(lines):
        if STARTS_A_ROW.match(line) and not is_comment(line) and len(dialect.numbers(line)) >= 2:
            return index
    return None


def _clean_table(lines: Sequence[str], first: int, dialect: Dialect) -> NumberTable | None:
    if dialect.separator == " ,":
        return None
    if _grid_points(dialect.numbers(lines[first])) is not None:
        return None
    end = len(lines)
    while not lines[end - 1].strip():
        end -= 1
    body = lines[first:end]
    if dialect.decimal == ",":
        body = [line.replace(",", ".") for line in body]
    return clean_table(body, first + 1, dialect.separator)


def _scans_from_rows(rows: list[Row], heading: list[str], dialect: Dialect, path: Path) -> list[Scan]:
    grid = _grid_scan(rows, heading, path)
    if grid is not None:
        return [grid]
    titles = _titles(heading, dialect, len(rows[0].values), path)
    sections = _sections(rows, titles.x if titles is not None else 0, path)
    scans = []
    for number, section in enumerate(sections, 1):
        above = heading if number == 1 else [*heading, *section[0].above]
        label = f"{path.stem} #{number}" if len(sections) > 1 else ""
        scans.append(_scan(table_from_rows(section, path), above, dialect, path, label))
    return scans


def _sections(rows: Sequence[Row], column: int, path: Path) -> list[list[Row]]:
    """Split rows where a heading or an empty line is followed by the first angle (in `column`) of a new scan."""
    sections = [[rows[0]]]
    for row in rows[1:]:
        section = sections[-1]
        if row.above and _starts_afresh([r.values[column : column + 1] for r in (*section[:2], section[-1], row)]):
            sections.append([row])
            continue
        if row.text_line:
            problem, place = "a line without numbers stands between the data", f"{path}:{row.text_line}"
            raise InputError(problem, place=place, cure="remove it, or mark it as a comment with #")
        section.append(row)
    return sections


def _starts_afresh(angles: Sequence[list[float]]) -> bool:
    """Whether the last of four angles (first, second, last and next of a scan) is against their direction."""
    if len(angles) < 4 or not all(angles):
        return False
    (first,), (second,), (last,), (following,) = angles
    return (following - last) * (second - first) <= 0


def _scan(table: NumberTable, heading: Sequence[str], dialect: Dialect, path: Path, label: str = "") -> Scan:
    """Return the scan of a table with a title line, or with two or three columns."""
    width = table.values.shape[1]
    if width == 1:
        raise _one_column(int(table.lines[0]), path)
    titles = _titles(heading, dialect, width, path)
    if titles is None and width > 3:
        cure = "keep angle, intensity and sigma, or title the columns 2theta, intensity, sigma"
        if dialect.separator == ",":
            cure += "; decimal commas need another separator"
        problem = f"{width} columns, and no title line that names angle and intensity"
        raise InputError(problem, place=f"{path}:{table.lines[0]}", cure=cure)
    return _named_scan(table, titles, heading_from_lines(heading, path), label)


def _named_scan(table: NumberTable, titles: Titles | None, facts: Heading, label: str) -> Scan:
    width = table.values.shape[1]
    x, y, sigma, scale = 0, 1, 2 if width == 3 else None, 1.0
    if titles is not None:
        x, y, sigma, scale = titles.x, titles.intensity, titles.sigma, titles.scale
    scan = Scan(
        x=table.values[:, x] * scale,
        intensity=table.values[:, y],
        sigma=None if sigma is None else table.values[:, sigma],
        sigma_source=facts.sigma_source,
        lines=table.lines,
        axis=None if titles is None else titles.axis,
        radiation=facts.radiation,
        says_kind=facts.says_kind,
        label=facts.label or label,
        metadata=dict(facts.metadata),
    )
    if titles is not None and sigma is None and width > 2:
        scan = scan.with_warning("no_sigma_column", "no column is titled as sigma: counting statistics were assumed")
    return scan


def _titles(heading: Sequence[str], dialect: Dialect, width: int, path: Path) -> Titles | None:
    """Return the columns of a title line among the last lines of the heading."""
    written = [line for line in heading if line.strip()]
    for line in reversed(written[-TITLE_DEPTH:]):
        separator = dialect.separator if dialect.separator != " ," else None
        titles = titles_from_line(line[:LONGEST_TITLES], separator, width, str(path))
        if titles is not None:
            return titles
    return None


def _is_chi(lines: Sequence[str]) -> bool:
    rows = [line for line in lines[1:3] if is_comment(line) or len(Dialect().numbers(line)) > 1]
    return len(lines) > 4 and not rows and re.fullmatch(r"\s*\d{1,9}(\s+\d{1,9})?\s*", lines[3]) is not None


def _chi_scan(lines: Sequence[str], dialect: Dialect, path: Path) -> Scan:
    """Return the scan of a FIT2D .chi file: title, axis label, intensity label, number of points, data."""
    declared, label = int(lines[3].split()[0]), lines[1].strip()
    refuse_other_axis(label, f"{path}:2")
    rows = rows_from_lines(lines[4:], 5, dialect)
    if len(rows) != declared:
        raise _wrong_count(declared, len(rows), f"{path}:4")
    axis = axis_from_title(label)
    titles = Titles(axis or "two-theta", 0, 1, None, scale_from_title(label, axis) if axis else 1.0)
    table = table_from_rows(rows, path)
    if table.values.shape[1] < 2:
        raise _one_column(int(table.lines[0]), path)
    if table.values.shape[1] > 2:
        titles = Titles(titles.axis, 0, 1, 2, titles.scale)
    scan = _named_scan(table, titles, heading_from_lines(lines[:3], path), "")
    return scan if axis is not None else replace(scan, axis=None)


def _grid_points(values: Sequence[float]) -> int | None:
    """Return the number of points if `values` start with start, step and end of a grid, else None."""
    if len(values) not in (3, 4):
        return None
    start, step, end = values[:3]
    if not 0 < step < end - start < np.inf:
        return None
    points = (end - start) / step + 1
    if not 2 <= points <= LARGEST_GRID:
        return None
    return round(points) if abs(points - round(points)) < GRID_TOLERANCE else None


def _grid_scan(rows: Sequence[Row], heading: Sequence[str], path: Path) -> Scan | None:
    """Return the scan of a file with "start step end" and intensities only, None for any other layout."""
    points = _grid_points(rows[0].values)
    if points is None or len(rows) < 2 or _is_table(rows, heading, path):
        return None
    body = _until_text(rows[1:])
    values = np.array([value for row in body for value in row.values])
    blocks = 2 if points * 2 <= values.size < points * 2 + PADDING else 1
    exact = points * blocks <= values.size < points * blocks + PADDING and not values[points * blocks :].any()
    if not exact and len(rows[1].values) in (2, 3, len(rows[0].values)):
        return None
    if not exact:
        declared = points if values.size < points else 2 * points
        raise _wrong_count(declared, values.size, f"{path}:{rows[0].line}")
    facts = heading_from_lines([*heading, *rows[1].above], path)
    start, step = rows[0].values[:2]
    return Scan(
        x=start + step * np.arange(points, dtype=np.float64),
        intensity=values[:points],
        sigma=values[points : 2 * points] if blocks == 2 else None,
        lines=np.repeat([row.line for row in body], [len(row.values) for row in body])[:points],
        axis="two-theta",
        radiation=facts.radiation,
        says_kind=facts.says_kind,
        metadata=dict(facts.metadata),
    )


def _is_table(rows: Sequence[Row], heading: Sequence[str], path: Path) -> bool:
    """Whether rows that start like a grid are columns: titled, or with an equidistant first column."""
    width = len(rows[0].values)
    if any(len(row.values) != width for row in rows):
        return False
    steps = np.diff([row.values[0] for row in rows])
    return _titles(heading, Dialect(), width, path) is not None or bool((steps > 0).all() or (steps < 0).all())


def _until_text(rows: Sequence[Row]) -> list[Row]:
    end = next((k for k, row in enumerate(rows) if k and row.text_line), len(rows))
    return list(rows[:end])


def _refuse_cut_number(lines: Sequence[str], dialect: Dialect, path: Path) -> None:
    """Reject a last number with fewer decimals than all others if no line end follows it."""
    if not lines[-1] or len(lines) < CUT_WINDOW[0]:
        return
    pattern = re.compile(rf"\d(?:{re.escape(dialect.decimal)}(\d*))?\s*$")
    matches = [pattern.search(line) for line in lines[-CUT_WINDOW[1] :]]
    decimals = [len(match[1] or "") if match else -1 for match in matches]
    if len(set(decimals[1:-1])) == 1 and 0 <= decimals[-1] < decimals[1]:
        problem = "the file ends in the middle of a number"
        raise InputError(problem, place=f"{path}:{len(lines)}", cure="copy the file again when it is complete")


def _no_rows(lines: Sequence[str], dialect: Dialect, path: Path) -> InputError:
    single = next((k for k, line in enumerate(lines, 1) if not is_comment(line) and dialect.numbers(line)), None)
    if single is not None:
        return _one_column(single, path)
    return InputError("holds no columns of numbers", place=path, cure="give angle and intensity on each line")


def _one_column(line: int, path: Path) -> InputError:
    return InputError("only one column", place=f"{path}:{line}", cure="give angle and intensity on each line")


def _wrong_count(declared: int, found: int, place: str) -> InputError:
    if found < declared:
        problem = f"the file is cut off: {declared} points declared, {found} found"
        return InputError(problem, place=place, cure="copy the file again when it is complete")
    problem = f"{declared} points declared, {found} found"
    return InputError(problem, place=place, cure="correct the number of points, or keep one scan a file")
