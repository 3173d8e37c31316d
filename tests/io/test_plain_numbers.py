"""Numbers read by the compiled loop are those that Python reads, to the last bit; what it does not know it refuses."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from layerox.io.plain_numbers import plain_table

PLAIN = st.from_regex(r"\A[-+]?(?:[0-9]{1,8}\.?[0-9]{0,6}|\.[0-9]{1,6})(?:[eE][-+]?[0-9])?\Z")


@given(st.lists(st.tuples(PLAIN, PLAIN, PLAIN), min_size=1, max_size=20))
def test_every_bit_is_that_of_float(rows):
    """Python's float is correctly rounded (David Gay's algorithm)."""
    table = plain_table("\n".join(" ".join(row) for row in rows), len(rows))
    assert table is not None
    np.testing.assert_array_equal(table, [[float(number) for number in row] for row in rows])


@given(st.text(alphabet="0123456789.-+eE \t\nx,", max_size=60))
def test_what_it_takes_is_what_float_takes(text):
    lines = text.removesuffix("\n").split("\n")
    table = plain_table(text, len(lines))
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
    assert plain_table(text, text.count("\n") + 1) is None


def test_white_space_does_not_matter():
    np.testing.assert_array_equal(plain_table("  1\t2 \n 3  4", 2), [[1.0, 2.0], [3.0, 4.0]])
    np.testing.assert_array_equal(plain_table("1 2\n3 4\n", 2), [[1.0, 2.0], [3.0, 4.0]])
