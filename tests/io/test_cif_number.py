"""Numbers of CIFs: values with uncertainties in brackets, as the dictionaries write them."""

import math
from decimal import Decimal

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from layerox.io.cif_number import value_and_su, values_and_sus
from layerox.refined import with_esd


@pytest.mark.parametrize(
    ("text", "value", "su"),
    [
        ("2.88528(3)", 2.88528, 0.00003),
        ("119(17)", 119.0, 17.0),
        ("1200(300)", 1200.0, 300.0),
        ("-0.040(12)", -0.040, 0.012),
        ("1.5E-3(2)", 1.5e-3, 2e-4),
        (".5(1)", 0.5, 0.1),
        ("5.(2)", 5.0, 2.0),
    ],
)
def test_the_bracket_counts_from_the_last_digit(text, value, su):
    found = value_and_su(text)
    assert found == (pytest.approx(value, rel=1e-15), pytest.approx(su, rel=1e-15))


@pytest.mark.parametrize("text", ["?", "."])
def test_unknown_is_neither(text):
    assert all(map(math.isnan, value_and_su(text)))


def test_without_a_bracket_there_is_no_uncertainty():
    value, su = value_and_su("4.760773")
    assert value == 4.760773
    assert math.isnan(su)


@pytest.mark.parametrize("text", ["", "-", "1_0", "١", "1.2.3", "1(2", "abc", "1e9999", "nan", "0x1", "(3)", "1 2"])
def test_what_is_no_number(text):
    with pytest.raises(ValueError, match="is no number"):
        value_and_su(text)


def test_columns():
    values, sus = values_and_sus(["1(1)", ".", "3"])
    assert np.array_equal(values, [1, np.nan, 3], equal_nan=True)
    assert np.array_equal(sus, [1, np.nan, np.nan], equal_nan=True)
    assert values_and_sus([])[0].shape == (0,)


@given(st.integers(-(10**7), 10**7), st.integers(1, 19), st.integers(0, 6))
def test_digits_are_taken_literally(digits, su, places):
    exact = Decimal(digits).scaleb(-places)
    found = value_and_su(f"{exact:f}({su})")
    assert found == (float(exact), float(Decimal(su).scaleb(-places)))


@given(st.floats(-1e4, 1e4), st.floats(1e-6, 1e2))
def test_what_we_write_is_read_to_printed_precision(value, esd):
    found, su = value_and_su(with_esd(value, esd))
    # Two digits of the uncertainty below 20, one above: at most half of the last one is lost, a quarter of the esd.
    assert abs(found - value) <= 0.26 * esd + 1e-12 * abs(value)
    assert abs(su / esd - 1) <= 0.26
