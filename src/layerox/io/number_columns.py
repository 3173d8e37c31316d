"""Columns of numbers in text: decimal mark, separator, and the numbers of each line.

Clean text is parsed by a fast reader; anything else is read line by line, so that an error has a line
number. The meaning of the columns is decided in `text_pattern.py`.
"""

from __future__ import annotations

import math
import re
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import count, islice
from pathlib import Path

import numpy as np

from layerox.errors import InputError
from layerox.typing import FloatArray, IntArray

# Possessive digits (++): a long run of digits is matched once, not from each of its places.
NUMBER = r"[-+]?(?:\d++\.?\d*+|\.\d++)(?:[eEdD][-+]?\d++)?|[-+]?(?:nan|inf(?:inity)?)(?![a-z])"
IS_NUMBER = re.compile(NUMBER, re.IGNORECASE)
# Texts that programs write in place of a number after the angle: masked, missing, too wide for the format.
NO_NUMBER = re.compile(r"[-+]?nan(?:\(\w*\))?|[-+]?1\.?#\w+|--+|\*{3,}|n/?a|null|none|masked|\?", re.IGNORECASE)
WHOLE_ROW = re.compile(r"[-+\d.,;eEdD\s\"]+")
STARTS_A_ROW = re.compile(r"\s*\"?[-+]?(?:\.?\d|nan\b|inf\b)", re.IGNORECASE)
COMMENT_MARKS = ("#", "!", "'", ";", "%", "*", "//", "&", "$", "@")
SAMPLE = 200
# Compiling the reader of plain numbers takes as long as numpy's reader for hundreds of tables, loading it as for ten.
FEW_TABLES = 10
_tables = count(1)


@dataclass(frozen=True)
class Dialect:
    """Decimal mark and separator of a text table; separator None stands for white space."""

    decimal: str = "."
    separator: str | None = None

    def fields(self, line: str) -> list[str]:
        """Return the fields of a line, with a decimal point in numbers."""
        line = line.replace('"', "")
        if self.separator == " ,":
            parts = line.replace(",", " ").split()
        elif self.separator is None:
            parts = [part.rstrip(",") for part in line.split()] if self.decimal == "," else line.split()
        else:
            parts = [part.strip() for part in line.split(self.separator)]
            while parts and not parts[-1]:
                parts.pop()
        return [part.replace(",", ".") for part in parts] if self.decimal == "," else parts

    def numbers(self, line: str) -> list[float]:
        """Return the numbers at the start of a line; text after them is ignored."""
        found: list[float] = []
        for part in self.fields(line):
            if IS_NUMBER.fullmatch(part):
                found.append(float(part.replace("d", "e").replace("D", "e")))
            elif found and NO_NUMBER.fullmatch(part):
                found.append(math.nan)
            else:
                break
        return found


@dataclass(frozen=True)
class Row:
    """One line of numbers.

    Attributes
    ----------
    line
        Its number in the file, from 1.
    values
        Its numbers.
    above
        Number of non-numeric lines between it and the row above, including empty ones.
    text_line
        Number of one of these lines that is neither empty nor a comment, 0 if there is none.
    """

    line: int
    values: list[float]
    above: tuple[str, ...] = ()
    text_line: int = 0


@dataclass(frozen=True)
class NumberTable:
    """A block of numbers with the line of each row: values of shape (rows, columns), lines of shape (rows,)."""

    values: FloatArray
    lines: IntArray


def is_comment(line: str) -> bool:
    """Whether a line is empty or begins with a comment mark."""
    start = line.lstrip()
    return not start or start.startswith(COMMENT_MARKS)


def without_inline_comment(line: str) -> str:
    """Return a line up to a # or ! that follows its numbers."""
    for mark in ("#", "!"):
        line = line.partition(mark)[0]
    return line


def without_block_comments(text: str, path: Path) -> tuple[str, list[str]]:
    """Return the text with C comments blanked (line numbers stay), and the lines of the comments."""
    if "/*" not in text:
        return text, []
    comments: list[str] = []
    kept: list[str] = []
    place = 0
    while (start := text.find("/*", place)) >= 0:
        end = text.find("*/", start + 2)
        if end < 0:
            line = text.count("\n", 0, start) + 1
            cure = "the file is cut off: copy it again"
            raise InputError("this comment is not closed", place=f"{path}:{line}", cure=cure)
        comments.extend(text[start : end + 2].strip("/*").splitlines())
        kept += [text[place:start], "\n" * text.count("\n", start, end)]
        place = end + 2
    return "".join((*kept, text[place:])), comments


def dialect_of(lines: Sequence[str]) -> Dialect:
    """Return the dialect of the numeric lines of a file, from a sample of them.

    A comma is a decimal mark if it is always between digits, white space, a tab or a semicolon
    separates the fields, and no number of the file has a point.
    """
    rows = list(islice((line for line in lines if STARTS_A_ROW.match(line)), SAMPLE))  # which no comment does
    joined = "".join(rows)
    if "," not in joined and ";" not in joined:
        return Dialect()
    sample = _numeric_lines(rows)
    if any(";" in line and re.search(r"\d\s*;\s*[-+.\d]", line) for line in sample):
        comma = any(re.search(r"\d,\d", line) for line in sample)
        return Dialect(decimal="," if comma else ".", separator=";")
    with_commas = [line for line in sample if "," in line]
    if not with_commas:
        return Dialect()
    pointed = any(re.search(r"\d\.|\.\d", line) for line in sample)
    if all(re.search(r"\S\s+\S", line) for line in with_commas):
        bare = all(re.search(r",(?!\d|\s|$)|(?<!\d),", line) is None for line in with_commas)
        inner = any(re.search(r"\d,\d", line) for line in with_commas)
        return Dialect(decimal=",") if bare and inner and not pointed else Dialect(separator=" ,")
    return Dialect(separator=",")


def _numeric_lines(rows: Sequence[str]) -> list[str]:
    """Return lines without text after their numbers; if possible only purely numeric lines."""
    sample = [without_inline_comment(line).strip() for line in rows]
    return [line for line in sample if WHOLE_ROW.fullmatch(line)] or sample


def reads_many() -> bool:
    """Whether this process has read so many tables that the compiled reader is worth its compilation."""
    return "numba" in sys.modules and next(_tables) > FEW_TABLES


def clean_table(lines: Sequence[str], first: int, separator: str | None = None) -> NumberTable | None:
    """Return a purely numeric block, or None if it needs the line-by-line reader.

    Parameters
    ----------
    lines
        The block, without heading and without empty lines at its end.
    first
        The number of its first line in the file.
    """
    if separator is None and reads_many():
        from layerox.io.fast_number_reader import plain_table  # noqa: PLC0415

        plain = plain_table(("\n".join(lines) + "\n").encode("ascii", errors="replace"), len(lines))
        if plain is not None:
            return NumberTable(plain, np.arange(first, first + len(lines), dtype=np.int64))
    try:
        values = np.loadtxt(lines, dtype=np.float64, comments=None, delimiter=separator, ndmin=2)
    except ValueError:
        return None
    if len(values) != len(lines):
        return None
    return NumberTable(values, np.arange(first, first + len(lines), dtype=np.int64))


def rows_from_lines(lines: Sequence[str], first: int, dialect: Dialect) -> list[Row]:
    """Return the numeric lines among `lines`; the first line has number `first` in the file."""
    rows: list[Row] = []
    above: list[str] = []
    text_line = 0
    for number, line in enumerate(lines, first):
        values = [] if is_comment(line) else dialect.numbers(without_inline_comment(line))
        if values:
            rows.append(Row(number, values, tuple(above), text_line))
            above, text_line = [], 0
            continue
        above.append(line)
        text_line = text_line or (0 if is_comment(line) else number)
    return rows


def table_from_rows(rows: Sequence[Row], path: Path) -> NumberTable:
    """Return rows as a table.

    Raises
    ------
    InputError
        If a row is shorter or longer than those above it.
    """
    width = len(rows[0].values)
    others = {len(row.values) for row in rows[1:]}
    if len(rows) > 2 and len(others) == 1 and width not in others:
        problem = f"{width} numbers in this line, {others.pop()} in all lines below"
        raise InputError(problem, place=f"{path}:{rows[0].line}", cure="mark a heading with #, or correct the line")
    for row in rows:
        if len(row.values) != width:
            raise _uneven(row, width, path, last=row is rows[-1])
    return NumberTable(np.array([row.values for row in rows]), np.array([row.line for row in rows], dtype=np.int64))


def _uneven(row: Row, width: int, path: Path, *, last: bool) -> InputError:
    place, found = f"{path}:{row.line}", len(row.values)
    if last and found < width:
        problem = f"the last line is cut off: {found} of {width} columns"
        return InputError(problem, place=place, cure="copy the file again when it is complete")
    problem = f"{found} numbers in this line, {width} in the lines above"
    return InputError(problem, place=place, cure="correct the line")


def exact_text(value: float) -> str:
    """Return the shortest text that reads back as the same number, without ".0" for whole ones."""
    return repr(float(value)).removesuffix(".0")
