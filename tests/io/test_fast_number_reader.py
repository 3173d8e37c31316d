"""Numbers read by the compiled loop are those that Python reads, to the last bit; what it does not know it refuses."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from layerox.io.fast_number_reader import plain_table


def lines_of(rows):
    """Return lines as the bytes of a file."""
    return "".join(f"{row}\n" for row in rows).encode()


PLAIN = st.from_regex(r"\A[-+]?(?:[0-9]{1,8}\.?[0-9]{0,6}|\.[0-9]{1,6})(?:[eE][-+]?[0-9])?\Z")


@given(st.lists(st.tuples(PLAIN, PLAIN, PLAIN), min_size=1, max_size=20))
def test_every_bit_is_that_of_float(rows):
    """Python's float is correctly rounded (David Gay's algorithm)."""
    table = plain_table(lines_of(" ".join(row) for row in rows), len(rows))
    assert table is not None
    np.testing.assert_array_equal(table, [[float(number) for number in row] for row in rows])


# Every bit of what a program computes: repr writes up to 17 digits, of which the compiled loop refuses those with an
# exponent beyond its powers of ten.
COMPUTED = st.floats(min_value=1e-4, max_value=1e9).map(repr)


@given(st.lists(COMPUTED, min_size=1, max_size=20))
def test_every_bit_of_long_numbers_too(rows):
    table = plain_table(lines_of(rows), len(rows))
    assert table is not None
    np.testing.assert_array_equal(table[:, 0], [float(number) for number in rows])


@given(st.from_regex(r"\A[1-9][0-9]{0,9}\.[0-9]{6,8}\Z"))
def test_long_decimals_are_rounded_as_they_should_be(number):
    """Not only what repr writes: any digits, whose true value may lie anywhere between two doubles."""
    table = plain_table(lines_of([number]), 1)
    assert table is not None
    assert table[0, 0] == float(number)


@pytest.mark.parametrize("number", ["4503599627370497.5", "2251799813685249.25", "1125899906842625.125"])
def test_what_is_in_the_middle_of_two_doubles_is_left_to_others(number):
    """2**52 + 1.5 and its like: the last digit of a double is 1, 0.5 and 0.25 there."""
    assert plain_table(lines_of([number]), 1) is None


@given(st.text(alphabet="0123456789.-+eE \t\nx,", max_size=60))
def test_what_it_takes_is_what_float_takes(text):
    lines = text.removesuffix("\n").split("\n")
    table = plain_table(lines_of(lines), len(lines))
    if table is not None:
        np.testing.assert_array_equal(table, [[float(number) for number in line.split()] for line in lines])


@pytest.mark.parametrize(
    "text",
    [
        "1 2\n3", "1 2\n\n3 4", "1 nan", "1,2", "1 2 #", "1 0x2", "1 2e", "- 1", ".", "1e30 1", "1 1.2.3", "1 2é",
        "1 0.1234567890123456789", "", "1 1d3",
    ],
)  # fmt: skip
def test_anything_else_is_left_to_others(text):
    assert plain_table(lines_of([text]), text.count("\n") + 1) is None


def test_text_without_its_last_line_end_is_left_to_others():
    assert plain_table(b"1 2\n3 4", 2) is None


def test_white_space_does_not_matter():
    np.testing.assert_array_equal(plain_table(b"  1\t2 \n 3  4\n", 2), [[1.0, 2.0], [3.0, 4.0]])
    np.testing.assert_array_equal(plain_table(b"1 2\n3 4\n", 2), [[1.0, 2.0], [3.0, 4.0]])
