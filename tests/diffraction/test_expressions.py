"""Expressions: their values and derivatives against algebra done by hand, and what is no expression."""

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from layerox.diffraction.expressions import Expression
from layerox.diffraction.parameters import slot_of_public
from layerox.errors import InputError

INDEX = {"a": 0, "b": 1, "P2_inverse_size": 2, "follower": 3}
NUMBERS = st.floats(0.2, 5.0)


def expression(text, place="follower"):
    return Expression(text, INDEX, slot_of_public, place=place)


@given(NUMBERS, NUMBERS, st.floats(-4, 4), st.floats(-4, 4), st.floats(-4, 4))
def test_straight_lines_have_exact_derivatives(a, b, p, q, r):
    found = expression(f"{p!r} * a + {q!r} * b + {r!r}")
    values = np.array([a, b, 0.02, 0.0])
    assert found.value(values) == pytest.approx(p * a + q * b + r, abs=1e-12)
    slopes = found.slopes(values)
    assert slopes[0] == pytest.approx(p, abs=1e-9)
    assert slopes[1] == pytest.approx(q, abs=1e-9)


@given(NUMBERS, NUMBERS)
def test_derivatives_of_curves(a, b):
    # d/da (a^2 sin b + ln(a / b)) = 2 a sin b + 1 / a; d/db = a^2 cos b - 1 / b.
    found = expression("a**2 * sin(b) + log(a / b)")
    slopes = found.slopes(np.array([a, b, 0.02, 0.0]))
    assert slopes[0] == pytest.approx(2 * a * math.sin(b) + 1 / a, rel=1e-8, abs=1e-8)
    assert slopes[1] == pytest.approx(a**2 * math.cos(b) - 1 / b, rel=1e-8, abs=1e-8)


@given(st.floats(5.0, 500.0))
def test_sizes_stand_for_the_reciprocal_that_the_model_holds(size):
    found = expression("2 * P2_size")
    values = np.array([0.0, 0.0, 1 / size, 0.0])
    assert found.value(values) == pytest.approx(2 * size)
    # f(q) = 2 / q has the derivative -2 / q^2.
    assert found.slopes(values)[2] == pytest.approx(-2 * size**2, rel=1e-7)


def test_a_size_that_follows_is_held_as_a_reciprocal():
    # P2_size = a b with a = 10, b = 2: the model holds 1 / 20; d/da 1 / (a b) = -1 / (a^2 b) = -1 / 200.
    found = expression("a * b", place="P2_size")
    values = np.array([10.0, 2.0, 0.0, 0.0])
    assert found.value(values) == pytest.approx(0.05)
    assert found.slopes(values)[0] == pytest.approx(-1 / 200)


def test_constants_and_functions_are_no_parameters():
    found = expression("pi * sqrt(a)")
    assert found.indices == [0]
    assert found.value(np.array([4.0, 0, 0, 0])) == pytest.approx(2 * math.pi)


def test_a_parameter_may_have_the_name_of_a_function_or_constant():
    own = Expression("e + a", {"e": 0, "a": 1}, slot_of_public, place="a")
    assert own.value(np.array([5.0, 1.0])) == 6.0
    assert expression("e + a").value(np.array([1.0, 0, 0, 0])) == pytest.approx(math.e + 1)


@given(st.permutations(range(4)), st.tuples(NUMBERS, NUMBERS, NUMBERS))
def test_moved_is_the_same_expression_elsewhere(places, numbers):
    found = expression("a * b - 3 / P2_size")
    moved = found.moved(dict(enumerate(places)))
    values, elsewhere = np.array([*numbers, 0.0]), np.zeros(4)
    elsewhere[list(places)] = values
    assert moved.value(elsewhere) == found.value(values)
    assert moved.slopes(elsewhere) == {places[k]: slope for k, slope in found.slopes(values).items()}
    assert sorted(moved.indices) == sorted(places[k] for k in found.indices)
    assert found.indices == [0, 1, 2]  # the first one is left as it was


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("a +", r"follower = 'a \+': is no expression; write numbers, parameters"),
        ("a = 2", "is no expression, '=' is not allowed"),
        ("", "is no expression"),
        ("a + bb", r"follower = 'a \+ bb': has an unknown name 'bb'; did you mean 'b'\?"),
        ("nothing(a)", r"'nothing\(a\)' is not allowed"),
    ],
)
def test_what_is_no_expression(text, message):
    with pytest.raises(InputError, match=message):
        expression(text)


@pytest.mark.parametrize("text", ["1 / a", "log(a)", "sqrt(a - 1)", "a**-1", "(a - 8)**(1 / 3)", "exp(a + 800)"])
def test_what_has_no_value(text):
    with pytest.raises(InputError, match="has no finite value"):
        expression(text).value(np.zeros(4))


def test_a_size_of_zero_has_no_reciprocal():
    with pytest.raises(InputError, match="has no finite value"):
        expression("a", place="P2_size").value(np.zeros(4))
