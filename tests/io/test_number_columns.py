"""Decimal marks, separators and rows."""

import math
from pathlib import Path

import numpy as np
import pytest

from layerox.errors import InputError
from layerox.io.number_columns import (
    Dialect,
    clean_table,
    dialect_of,
    is_comment,
    rows_from_lines,
    without_block_comments,
)


@pytest.mark.parametrize(
    ("lines", "dialect"),
    [
        (["1.0 2", "2.0 3"], Dialect()),
        (["1.0\t2"], Dialect()),
        (["1.0,2"], Dialect(separator=",")),
        (["1,2"], Dialect(separator=",")),
        (["1.0, 2"], Dialect(separator=" ,")),
        (["1 5e-2", "2., 5.9e-2"], Dialect(separator=" ,")),
        (["1, 2"], Dialect(separator=" ,")),
        (["1,5 2"], Dialect(decimal=",")),
        (["1,5\t2,5"], Dialect(decimal=",")),
        (["1,5; 2,5"], Dialect(decimal=",", separator=";")),
        (["1.5;2"], Dialect(separator=";")),
        (["2 theta, made on 3.5.", "1,5 2"], Dialect(decimal=",")),
        (["; 1.5;2", "1,5 2"], Dialect(decimal=",")),
        ([], Dialect()),
    ],
)
def test_the_dialect_of_lines(lines, dialect):
    assert dialect_of(lines) == dialect


@pytest.mark.parametrize(
    ("dialect", "line", "numbers"),
    [
        (Dialect(), "1 2.5 text 3", [1, 2.5]),
        (Dialect(), "1_0 2", []),
        (Dialect(), "0x10 2", []),
        (Dialect(), "1D2 1d-1", [100, 0.1]),
        (Dialect(separator=","), "1,,3", [1]),
        (Dialect(separator=","), "1,2,,", [1, 2]),
        (Dialect(decimal=",", separator=";"), "1,5;2", [1.5, 2]),
    ],
)
def test_the_numbers_of_a_line(dialect, line, numbers):
    assert dialect.numbers(line) == numbers


def test_nan_and_infinity_are_numbers_that_later_checks_refuse():
    assert np.isnan(Dialect().numbers("NaN 1")[0])
    assert Dialect().numbers("-inf 1")[0] == -np.inf
    assert Dialect().numbers("info 1") == []


@pytest.mark.parametrize(("line", "comment"), [("", True), ("  # x", True), ("'x", True), ("//", True), ("1 2", False)])
def test_comments(line, comment):
    assert is_comment(line) is comment


def test_rows_know_what_is_above_them():
    rows = rows_from_lines(["1 2", "", "# c", "words", "3 4"], 7, Dialect())
    assert [(row.line, row.values, row.text_line) for row in rows] == [(7, [1, 2], 0), (11, [3, 4], 10)]
    assert rows[1].above == ("", "# c", "words")


@pytest.mark.parametrize("lines", [["1 2", "3"], ["1 2", "x y"], ["1 2", "", "3 4"], ["1 2 # c"]])
def test_the_fast_reader_leaves_anything_odd_to_the_careful_one(lines):
    assert clean_table(lines, 1) is None


def test_the_fast_reader_numbers_its_lines():
    assert clean_table(["1 2", "3 4"], 5).lines.tolist() == [5, 6]


def test_comments_that_are_opened_again_and_again_end():
    """One that looked for each end from each beginning would need hours."""
    with pytest.raises(InputError, match="this comment is not closed"):
        without_block_comments("/*" * 10**6, Path("a.xy"))
    assert without_block_comments("1 /* a */ 2\n/* b\nc */ 3", Path("a.xy")) == ("1  2\n\n 3", [" a ", " b", "c "])


@pytest.mark.parametrize("text", ["nan", "-nan", "NaN", "-nan(ind)", "1.#QNAN", "1.#INF", "--", "*****", "NA", "null"])
def test_what_is_for_no_number_behind_an_angle(text):
    first, second = Dialect().numbers(f"10.5 {text}")
    assert first == 10.5
    assert not math.isfinite(second)
