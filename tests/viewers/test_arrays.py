"""Arrays of a page: what a browser decodes is what was coded, within the stated errors; texts stay texts."""

import base64
import json

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays

from layerox.viewers.arrays import (
    averaged,
    coded_angles,
    coded_floats,
    coded_roots,
    coded_wholes,
    decoded_array,
    json_in_page,
)

counts = arrays.arrays(np.float64, st.integers(1, 40), elements=st.floats(-1e3, 1e7))


@given(values=counts)
def test_roots_come_back_within_a_small_part_of_their_uncertainty(values):
    """Half a step of sqrt(y) is sqrt(max) / 65534; its square and the product with 2 sqrt(y) are the error of y."""
    step = np.sqrt(np.abs(values).max()) / 32767
    error = np.abs(decoded_array(coded_roots(values)) - values)
    assert (error <= step * np.sqrt(np.abs(values)) + step**2 / 4 + 1e-9).all()


def test_the_error_of_counts_is_a_thirtieth_of_sigma_at_a_million():
    values = np.linspace(1.0, 1e6, 5001)
    error = np.abs(decoded_array(coded_roots(values)) - values) / np.sqrt(values)
    assert error.max() < 0.0306


def test_missing_values_stay_missing():
    values = np.array([[4.0, np.nan], [np.nan, 9.0]])
    assert decoded_array(coded_roots(values)) == pytest.approx(values, nan_ok=True, rel=1e-4)
    assert np.array_equal(np.isnan(decoded_array(coded_floats(values))), np.isnan(values))
    assert np.isnan(decoded_array(coded_roots(np.full(3, np.nan)))).all()


@given(values=arrays.arrays(np.float64, st.integers(0, 20), elements=st.floats(-1e30, 1e30)))
def test_floats_come_back_with_seven_digits(values):
    assert decoded_array(coded_floats(values)) == pytest.approx(values, rel=1e-7, abs=1e-37)


def test_whole_numbers_come_back_exactly():
    hkl = np.array([[-32767, 0, 5], [1, -2, 32767]])
    assert decoded_array(coded_wholes(hkl)).tolist() == hkl.tolist()


def test_even_angles_take_no_room_and_others_are_kept():
    even = np.round(10 + 0.02 * np.arange(4001), 10)
    coded = coded_angles(even)
    assert "data" not in coded
    assert np.abs(decoded_array(coded) - even).max() < 1e-6
    gap = np.delete(even, slice(100, 200))
    assert np.abs(decoded_array(coded_angles(gap)) - gap).max() < 1e-5


def test_base64_is_decoded_too():
    coded = coded_roots(np.array([1.0, 100.0]))
    text = {**coded, "data": base64.b64encode(coded["data"]).decode()}
    assert decoded_array(text).tolist() == decoded_array(coded).tolist()


def test_means_of_neighbours():
    assert averaged(np.arange(7.0), 3).tolist() == [1.0, 4.0]
    assert averaged(np.arange(3.0), 1).tolist() == [0.0, 1.0, 2.0]


@given(text=st.text())
def test_no_text_ends_the_script_element(text):
    hostile = f"</script><!--<script>{text}"
    found = json_in_page({"name": hostile, "rows": [hostile, None, 1.5]})
    assert "<" not in found
    assert ">" not in found
    assert "&" not in found
    assert found.isascii()
    assert json.loads(found)["name"] == hostile


def test_numbers_that_json_does_not_have_are_an_error():
    with pytest.raises(ValueError, match="Out of range"):
        json_in_page({"value": float("nan")})
