"""Numbers with their standard uncertainty; expected texts by the rule of the IUCr (the s.u. in the last digits,
between 2 and 19), worked out by hand."""

import copy
import math
import pickle
import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from layerox.refined import Refined, with_esd


@pytest.mark.parametrize(
    ("value", "esd", "text"),
    [
        (2.885281, 0.000031, "2.88528(3)"),
        (0.65, 0.0011, "0.6500(11)"),
        (0.65, 0.00195, "0.650(2)"),  # 1.95 would be written (20): one digit less
        (0.65, 0.0019, "0.6500(19)"),
        (0.5, 0.1, "0.50(10)"),
        (0.5, 0.0096, "0.500(10)"),
        (0.5, 0.00999, "0.500(10)"),
        (-0.0123, 0.004, "-0.012(4)"),
        (12.34, 3.2, "12(3)"),
        (12.34, 1.5, "12.3(15)"),
        (1234.5, 15.2, "1234(15)"),
        (1234.5, 150.0, "1230(150)"),
        (1234.5, 999.0, "1200(1000)"),
        (98765.0, 4321.0, "99000(4000)"),
        (0.0, 0.5, "0.0(5)"),
    ],
)
def test_a_number_is_written_as_crystallographers_do(value, esd, text):
    assert with_esd(value, esd) == text
    assert str(Refined(value, esd, "free")) == text


@pytest.mark.parametrize("esd", [0.0, -1.0, math.nan, math.inf])
def test_without_an_uncertainty_the_number_is_alone(esd):
    assert with_esd(2.8852812, esd) == "2.88528"


def test_what_is_not_finite_has_no_bracket():
    assert with_esd(math.inf, 0.1) == "inf"
    assert with_esd(math.nan, 0.1) == "nan"


@given(st.floats(-1e6, 1e6), st.floats(1e-8, 1e6))
def test_the_text_reads_back_within_its_own_precision(value, esd):
    match = re.fullmatch(r"(-?\d+(?:\.(\d+))?)\((\d+)\)", with_esd(value, esd))
    assert match, with_esd(value, esd)
    decimals = len(match[2] or "")
    read = int(match[3]) * 10.0**-decimals
    # Rounded to two digits at most and one at least: the written esd is within 5 % (10 ... 19) or 25 % (2 ... 9).
    assert read == pytest.approx(esd, rel=0.26)
    assert abs(float(match[1]) - value) <= 0.26 * esd + 1e-9 * abs(value)


def test_a_refined_number_is_a_float():
    number = Refined(2.5, 0.1, "free")
    assert number + 1 == 3.5
    assert (number.value, number.esd, number.status) == (2.5, 0.1, "free")
    assert type(number.value) is float
    assert (Refined(1.0).esd, Refined(1.0).status) == (0.0, "fixed")


@pytest.mark.parametrize("again", [copy.copy, copy.deepcopy, lambda n: pickle.loads(pickle.dumps(n))])
def test_copies_keep_uncertainty_and_status(again):
    number = again(Refined(2.5, 0.1, "at_bound"))
    assert (number.value, number.esd, number.status) == (2.5, 0.1, "at_bound")
