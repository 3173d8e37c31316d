"""Forms: what users write, and the functions that it stands for."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from layerox.errors import InputError
from layerox.series.parametric.function_forms import Polynomial, form_request

X = np.linspace(2.0, 7.0, 26)


def form(text, x=X):
    return form_request(text, "P2_a").form(x)


@given(st.lists(st.floats(-5, 5), min_size=1, max_size=6), st.floats(-100, 100), st.floats(0.1, 50))
def test_the_powers_of_a_polynomial_are_the_polynomial(coefficients, low, width):
    found = Polynomial(len(coefficients) - 1, low, low + width)
    x = np.linspace(low, low + width, 9)
    powers = found.powers() @ coefficients
    by_powers = np.polynomial.polynomial.polyval(x - found.centre, powers)
    assert np.allclose(found.basis(x) @ coefficients, by_powers, atol=1e-9)


def test_a_polynomial_is_chebyshevs_between_the_ends_of_the_data():
    """T_2(u) = 2 u^2 - 1 with u = -1, 0, 1 at the first place, the middle and the last."""
    np.testing.assert_allclose(form("polynomial 2").basis(np.array([2.0, 4.5, 7.0])),
                               [[1, -1, 1], [1, 0, -1], [1, 1, 1]], atol=1e-15)  # fmt: skip


@pytest.mark.parametrize("text", ["spline 5", "spline at 2 3 6.5 7", "kinked 3 6"])
def test_coefficients_of_knots_are_the_values_there(text):
    found = form(text)
    np.testing.assert_allclose(found.basis(np.array(found.knots)), np.eye(len(found.knots)), atol=1e-12)
    assert found.labels[0] == "at 2"


def test_a_natural_spline_bends_nowhere_at_its_ends_and_is_straight_beyond():
    found = form("spline 6")
    h = 1e-4
    for end in (2.0, 7.0):
        near = found.basis(np.array([end - h, end, end + h]))
        assert np.abs(near[0] - 2 * near[1] + near[2]).max() < 1e-6 * h
    outside = found.basis(np.array([8.0, 9.0, 10.0]))
    np.testing.assert_allclose(outside[0] - 2 * outside[1] + outside[2], 0.0, atol=1e-10)
    line = found.basis(np.array([-3.0, 4.0, 12.0])) @ np.array(found.knots)
    np.testing.assert_allclose(line, [-3.0, 4.0, 12.0], atol=1e-10)


def test_a_kinked_line_is_straight_between_its_kinks():
    values = np.array([1.0, 3.0, 2.0])
    np.testing.assert_allclose(form("kinked 4").basis(np.array([2, 3, 4, 5.5, 7, 8.5])) @ values,
                               [1.0, 2.0, 3.0, 2.5, 2.0, 1.5])  # fmt: skip


def test_the_coefficients_of_vegards_law_are_the_end_members():
    """Sodium contents 2/3 and 1/3 of P2: an end member that was never measured stands at 0 and 1."""
    found = form("vegard")
    np.testing.assert_allclose(found.basis(np.array([0.0, 1.0, 0.25])), [[1, 0], [0, 1], [0.75, 0.25]])
    assert form("vegard 0.3 0.7").labels == ("end member at 0.3", "end member at 0.7")


def test_pieces_may_jump():
    found = form("polynomial 1 | 4 | constant")
    values = found.basis(np.array([2.0, 3.999, 4.0, 7.0])) @ np.array([1.0, 0.5, 9.0])
    assert values[2:].tolist() == [9.0, 9.0]
    assert values[0] == pytest.approx(0.5)
    assert found.labels == ("piece 1 T0", "piece 1 T1", "piece 2 T0")


@given(st.sampled_from(["constant", "polynomial 3", "spline 4", "spline at 2 4 7", "kinked 3 5", "vegard 0 2",
                        "polynomial 1 | 3.3 | spline 3 | 5 | constant"]))  # fmt: skip
def test_what_a_form_states_of_itself_is_the_form(text):
    first = form(text)
    again = form(first.text)
    assert again.text == first.text
    np.testing.assert_array_equal(again.basis(X), first.basis(X))


def test_a_place_that_is_sought_is_put_in():
    for text, told in (("kinked ?", "kinked 3.1"), ("constant | ? | constant", "constant | 3.1 | constant")):
        request = form_request(text, "P2_a")
        assert request.is_sought
        assert not request.with_place(3.1).is_sought
        assert request.with_place(3.1).form(X).text == told


@pytest.mark.parametrize(
    ("text", "cure"),
    [
        ("", "choose from"),
        ("polynomal 2", "polynomial"),
        ("polynomial", "polynomial 1 to"),
        ("polynomial 2.5", "polynomial 1 to"),
        ("polynomial 9", "polynomial 8"),
        ("polynomial two", "'two' is no number"),
        ("constant 2", "constant alone"),
        ("spline", "spline 3"),
        ("spline 2", "spline 3"),
        ("spline 3 4 5", "spline at"),
        ("spline at 1 3 2", "ascend"),
        ("vegard 1", "both end members"),
        ("vegard 1 1", "both end members"),
        ("kinked", "kinked 12.5"),
        ("kinked 3 ? 4", "kinked 12.5"),
        ("constant | 3", "write pieces"),
        ("constant | 5 | constant | 3 | constant", "smaller one first"),
        ("kinked ? | ? | constant", "one question mark"),
        ("kinked nan", "'nan' is no number"),
    ],
)
def test_what_is_no_form_is_refused_in_one_line(text, cure):
    with pytest.raises(InputError, match=cure) as caught:
        form_request(text, "P2_a")
    assert str(caught.value).startswith("P2_a: ")
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize(
    ("text", "x", "fault"),
    [
        ("polynomial 3", [1, 2, 3], "4 coefficients for 3 axis values"),
        ("polynomial 1", [2, 2, 2], "2 coefficients for 1 axis values"),
        ("spline 3", [2, 2, 2], "one axis value"),
        ("kinked 8", [1, 2, 3, 4], "a kink outside 1 to 4"),
        ("constant | 0 | constant", [1, 2, 3], "a break outside 1 to 3"),
        ("polynomial 1 | 3 | polynomial 1", [1, 2, 3], "2 coefficients for 1 axis values"),
        ("spline at 1 2 3 50 60 70", np.linspace(1, 3, 9), "6 coefficients"),
    ],
)
def test_what_the_frames_cannot_determine_is_refused(text, x, fault):
    with pytest.raises(InputError, match=fault):
        form(text, np.array(x, dtype=float))
