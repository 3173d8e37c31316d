"""Arithmetic: derivatives against differences of numpy's functions, lmfit's values, and what strangers write."""

import math

import lmfit
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from layerox.diffraction.expression_parser import (
    CHOICES,
    FUNCTIONS,
    MOST_CHARACTERS,
    MOST_LEVELS,
    evaluated,
    names_in,
    parsed,
)
from layerox.errors import InputError

BARE = {"ln": "log"}
ATTACKS = {
    "open": "open('/etc/passwd')",
    "url": "loadtxt('http://127.0.0.1:9/x')",
    "unquoted call": "open(a)",
    "class walk": "().__class__.__bases__[0].__subclasses__()",
    "attribute": "a.real",
    "attribute of a number": "(1).real",
    "comprehension": "sum([x for x in range(10**9)])",
    "generator": "max(x for x in a)",
    "range": "max(range(10))",
    "power tower": "9**9**9",
    "power tower of powers": "((9**9999)**9999)**9999",
    "hidden power tower": "a + 0 * 9**9**9",
    "parentheses": "(" * 100_000 + "a" + ")" * 100_000,
    "parentheses within the length": "(" * 450 + "a" + ")" * 450,
    "signs": "-" * 900 + "a",
    "lambda": "(lambda: a)()",
    "bare lambda": "lambda",
    "f-string": "f'{a}'",
    "huge text": "a + " * 1_000_000 + "a",
    "huge number": "9" * 900,
    "infinite number": "1e999",
    "text": "'a' * 10**10",
    "list": "[a] * 10**10",
    "walrus": "(b := a)",
    "keyword": "sqrt(x=a)",
    "starred": "max(*a)",
    "yield": "(yield a)",
    "await": "(await a)",
    "condition": "a if a else a",
    "comparison": "a < a",
    "bool": "True",
    "none": "None",
    "complex": "1j * a",
    "bits": "1 << 100000000",
    "matrix": "a @ a",
    "tuple": "a, a",
    "statement": "import os",
    "two lines": "a\nimport os",
    "nul": "a\0",
    "underscores": "__import__('os')",
    "numpy": "fromfile(a)",
    "too few": "min(a)",
    "too many": "sqrt(a, a)",
    "surrogate": "a + \udcff",
}


@pytest.mark.parametrize("text", ATTACKS.values(), ids=ATTACKS.keys())
def test_what_strangers_write_is_rejected_with_what_is_allowed(text):
    with pytest.raises(InputError) as caught:
        parsed(text, "P2_a")
    assert len(str(caught.value)) < 500
    cures = ("write numbers, parameters, + - * / **", "correct the expression", "define a variable")
    assert any(cure in str(caught.value) for cure in cures)


@pytest.mark.parametrize("name", FUNCTIONS)
@given(x=st.floats(0.05, 0.9))
def test_each_function_is_numpys_and_its_derivative_the_limit_of_differences(name, x):
    tree, function = parsed(f"{name}(x)", "y"), getattr(np, BARE.get(name, name))
    found = evaluated(tree, {"x": x}, with_slopes=True)
    assert found.value == pytest.approx(function(x), rel=1e-14)
    step = 1e-5 * x
    assert found.slopes["x"] == pytest.approx((function(x + step) - function(x - step)) / (2 * step), rel=1e-7)


@given(st.floats(0.2, 5.0), st.floats(-3.0, 3.0))
def test_a_power_has_derivatives_by_base_and_exponent(a, b):
    # d/da a^b = b a^(b-1); d/db a^b = a^b ln a.
    found = evaluated(parsed("a**b", "y"), {"a": a, "b": b}, with_slopes=True)
    assert found.value == pytest.approx(a**b)
    assert found.slopes["a"] == pytest.approx(b * a ** (b - 1))
    assert found.slopes["b"] == pytest.approx(a**b * math.log(a), abs=1e-12)


@pytest.mark.parametrize(
    ("text", "value", "slope"),
    [
        ("x**2", 0.0, 0.0),  # at zero, where log(x) has no value
        ("x**1", 0.0, 1.0),
        ("abs(x)", 0.0, 0.0),
        ("max(x, -1, x - 1)", 0.0, 1.0),
        ("min(x, -1)", -1.0, None),
        ("+x - -x", 0.0, 2.0),
        ("2 * pi", 2 * math.pi, None),
    ],
)
def test_values_and_slopes_at_zero(text, value, slope):
    found = evaluated(parsed(text, "y"), {"x": 0.0}, with_slopes=True)
    assert (found.value, found.slopes.get("x")) == (value, slope)


@pytest.mark.parametrize("text", ["sqrt(x)", "x**0.5", "1 / x", "log(x)"])
def test_no_infinite_derivatives(text):
    with pytest.raises(ArithmeticError):
        evaluated(parsed(text, "y"), {"x": 0.0}, with_slopes=True)


def test_names_are_those_of_parameters():
    assert sorted(names_in(parsed("sqrt(b) + a * b - pi", "y"))) == ["a", "b", "pi"]


def test_a_parameter_goes_before_the_constant_of_its_name():
    assert evaluated(parsed("e + 1", "y"), {"e": 5.0}).value == 6.0
    assert evaluated(parsed("e + 1", "y"), {}).value == math.e + 1


def test_the_longest_and_the_deepest_formula():
    # A sum is nested as often as it has signs.
    assert evaluated(parsed("+".join(["a"] * (MOST_LEVELS - 1)), "y"), {"a": 1.0}).value == MOST_LEVELS - 1
    with pytest.raises(InputError, match="deep; define a variable"):
        parsed("+".join(["a"] * (MOST_LEVELS + 1)), "y")
    parsed("a" * MOST_CHARACTERS, "y")
    with pytest.raises(InputError, match="longer than"):
        parsed("a" * (MOST_CHARACTERS + 1), "y")


@pytest.mark.parametrize("name", [*FUNCTIONS, *CHOICES])
def test_lmfit_has_the_same_language(name):
    text = f"{name}(x, 0.1)" if name in CHOICES else f"{name}(x)"
    params = lmfit.Parameters()
    params.add("x", 0.3)
    params.add("y", expr=text)
    assert params["y"].value == pytest.approx(evaluated(parsed(text, "y"), {"x": 0.3}).value, rel=1e-14)
