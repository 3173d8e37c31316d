"""Bounded steps against scipy and by hand; the inverse, and undetermined combinations of variables."""

import numpy as np
import pytest
from hypothesis import example, given
from hypothesis import strategies as st
from scipy.optimize import lsq_linear

from layerox.diffraction.normal_equations import (
    RIDGES,
    SMALLEST_COMPONENT,
    SMALLEST_EIGENVALUE,
    UNDETERMINED,
    bounded_step,
    inverse_of_normal,
    set_bounded_step,
    solve_definite,
    undetermined,
)


def random_problem(seed, n, free_bounds=0.3):
    """Return a quadratic with variables of very different size, and a box that holds the origin."""
    draw = np.random.default_rng(seed)
    root = draw.normal(size=(n + 2, n))
    units = 10.0 ** draw.uniform(-5, 5, n)
    hessian = root.T @ root * np.outer(1 / units, 1 / units)
    gradient = draw.normal(size=n) * 3 / units
    lower, upper = -draw.exponential(1, n) * units, draw.exponential(1, n) * units
    lower[draw.random(n) < 0.3] = 0.0
    upper[draw.random(n) < 0.3] = 0.0
    lower[draw.random(n) < free_bounds] = -np.inf
    upper[draw.random(n) < free_bounds] = np.inf
    return hessian, gradient, lower, upper, units


@given(st.integers(0, 2**32 - 1), st.integers(1, 9))
@example(28, 9)  # several variables without room, and others that have to leave a bound again
def test_the_step_is_the_best_within_the_box(seed, n):
    hessian, gradient, lower, upper, units = random_problem(seed, n)
    step = bounded_step(hessian, gradient, lower, upper)
    assert (step >= lower).all()
    assert (step <= upper).all()
    # Karush, Kuhn and Tucker, in units of each variable: the slope is zero inside and points outwards at a bound.
    slope = (hessian @ step + gradient) * units
    scale = np.abs(gradient * units).max() + np.abs(hessian * np.outer(units, units)).max() * np.abs(step / units).max()
    at_lower, at_upper = step <= lower + 1e-12 * units, step >= upper - 1e-12 * units
    assert (np.abs(slope[~at_lower & ~at_upper]) < 1e-8 * scale).all()
    assert (slope[at_lower & ~at_upper] > -1e-8 * scale).all()
    assert (slope[at_upper & ~at_lower] < 1e-8 * scale).all()


@given(st.integers(0, 2**32 - 1), st.integers(1, 6))
@example(4907, 5)
def test_the_step_is_that_of_scipy(seed, n):
    hessian, gradient, lower, upper, units = random_problem(seed, n)
    scaled = hessian * np.outer(units, units)
    root = np.linalg.cholesky(scaled).T
    force = -np.linalg.solve(root.T, gradient * units)
    low, high = lower / units, upper / units
    pinned = low == high  # scipy wants room between the bounds
    high = np.where(pinned, low + 1e-12, high)
    known = lsq_linear(root, force, (low, high), tol=1e-14, method="bvls").x
    step = bounded_step(hessian, gradient, lower, upper) / units

    def value(d):
        return d @ scaled @ d / 2 + gradient * units @ d

    assert value(step) <= value(known) + 1e-9 * (1 + abs(value(known)))


def test_without_bounds_it_is_newtons_step():
    hessian, gradient = np.array([[4.0, 1.0], [1.0, 3.0]]), np.array([1.0, -2.0])
    everywhere = np.full(2, np.inf)
    np.testing.assert_allclose(
        bounded_step(hessian, gradient, -everywhere, everywhere), -np.linalg.solve(hessian, gradient)
    )


def test_a_variable_at_its_bound_does_not_spoil_the_others():
    # Minimum at (-1, 1) of a strongly coupled form; with d0 >= 0 the other variable alone goes to -g1 / h11 = 1.9.
    hessian = np.array([[1.0, 0.9], [0.9, 1.0]])
    gradient = -hessian @ np.array([-1.0, 1.0])
    step = bounded_step(hessian, gradient, np.array([0.0, -10.0]), np.array([10.0, 10.0]))
    np.testing.assert_allclose(step, [0.0, -gradient[1] / hessian[1, 1]])


def test_a_bound_that_was_met_on_the_way_is_left_again():
    draw = np.random.default_rng(0)
    for _ in range(200):
        hessian, gradient, lower, upper, units = random_problem(int(draw.integers(2**32)), 5, free_bounds=0.0)
        step = bounded_step(hessian, gradient, lower, upper)
        slope = (hessian @ step + gradient) * units
        inside = (step > lower + 1e-12 * units) & (step < upper - 1e-12 * units)
        assert np.abs(slope[inside]).max(initial=0) < 1e-8


def test_variables_without_room_do_not_move():
    hessian, gradient = np.array([[2.0, 0.5], [0.5, 1.0]]), np.array([3.0, -1.0])
    step = bounded_step(hessian, gradient, np.array([0.0, -1.0]), np.array([0.0, 9.0]))
    np.testing.assert_allclose(step, [0.0, 1.0])


def test_several_variables_without_room_do_not_keep_the_others_from_moving():
    n = 6
    hessian, gradient = np.eye(n) + 0.1, np.array([5.0, -5.0, 4.0, -4.0, 3.0, -1.0])
    upper = np.where(np.arange(n) < n - 1, 0.0, 10.0)
    step = bounded_step(hessian, gradient, -upper, upper)
    np.testing.assert_allclose(step, [0, 0, 0, 0, 0, 1 / 1.1])


# Matrices that are singular, or no more than nearly so.

SINGULAR = np.array([[1.0, 1.0], [1.0, 1.0]])
EVERYWHERE = np.full(2, np.inf)


def test_two_variables_that_do_the_same_share_their_step():
    """Of (d0 + d1)^2 / 2 - (d0 + d1) the minimum is a line; the least addition to the diagonal takes its middle."""
    step = bounded_step(SINGULAR, np.array([-1.0, -1.0]), -EVERYWHERE, EVERYWHERE)
    np.testing.assert_allclose(step, [0.5, 0.5], rtol=1e-4)


def test_two_variables_that_do_the_same_share_their_step_within_bounds():
    step = bounded_step(SINGULAR, np.array([-1.0, -1.0]), -EVERYWHERE, np.array([0.2, np.inf]))
    np.testing.assert_allclose(step, [0.2, 0.8], rtol=1e-5)


def test_what_is_added_is_in_units_of_the_diagonal():
    hessian, gradient, units = np.array([[4.0, 1.0], [1.0, 3.0]]), np.array([1.0, -2.0]), np.array([1e5, 1e-5])
    step, ridge = np.zeros(2), 0.25
    scaled = hessian * np.outer(units, units), gradient * units
    assert set_bounded_step(*scaled, -EVERYWHERE, EVERYWHERE, ridge, step)
    known = -np.linalg.solve(hessian + ridge * np.diag(np.diag(hessian)), gradient)
    np.testing.assert_allclose(step * units, known)
    # The same where a bound is met, at half of the first step.
    upper = np.array([np.inf, 0.5 * step[1]])
    assert set_bounded_step(*scaled, -EVERYWHERE, upper, ridge, step)
    np.testing.assert_allclose(step * units, [-(1 + 0.5 * known[1]) / (4 * (1 + ridge)), 0.5 * known[1]])


@pytest.mark.parametrize(("below", "possible"), [(0.5, True), (2.0, False)])
def test_a_matrix_that_rounding_does_not_explain_has_no_step(below, possible):
    """An eigenvalue is negative by half or twice the largest addition to the diagonal."""
    part = 1.0 + below * RIDGES[-1]
    hessian = np.array([[1.0, part], [part, 1.0]])
    if possible:
        assert np.isfinite(bounded_step(hessian, np.array([-1.0, -1.0]), -EVERYWHERE, EVERYWHERE)).all()
    else:
        with pytest.raises(np.linalg.LinAlgError, match="not positive definite"):
            bounded_step(hessian, np.array([-1.0, -1.0]), -EVERYWHERE, EVERYWHERE)


def test_a_matrix_that_is_not_finite_has_no_step():
    hessian = np.array([[1.0, np.nan], [np.nan, 1.0]])
    with pytest.raises(np.linalg.LinAlgError):
        bounded_step(hessian, np.zeros(2), -EVERYWHERE, EVERYWHERE)


@pytest.mark.parametrize("last", [0.0, -1e-3])
def test_systems_that_are_not_definite_are_not_solved(last):
    assert not solve_definite(np.diag([2.0, last]), np.ones(2))


# The inverse.

UNITS = np.array([1e-5, 1.0, 1e4, 30.0])


def normal_matrix():
    rows = np.random.default_rng(3).normal(size=(4, 40)) * UNITS[:, None]
    return rows @ rows.T


def test_the_inverse_is_that_of_numpy_in_any_units():
    matrix = normal_matrix()
    expected = np.linalg.inv(matrix / np.outer(UNITS, UNITS)) / np.outer(UNITS, UNITS)
    np.testing.assert_allclose(inverse_of_normal(matrix), expected, rtol=1e-9)


def test_a_variable_without_influence_has_no_variance_and_the_others_have_theirs():
    matrix, alive = normal_matrix(), [0, 1, 3]
    matrix[2] = matrix[:, 2] = 0.0
    found = inverse_of_normal(matrix)
    assert not found[2].any()
    assert not found[:, 2].any()
    np.testing.assert_allclose(found[np.ix_(alive, alive)], inverse_of_normal(matrix[np.ix_(alive, alive)]), rtol=1e-9)


def test_an_undetermined_direction_has_a_very_large_variance():
    """The eigenvalue 0 of the difference counts as the smallest one that rounding leaves."""
    found = inverse_of_normal(SINGULAR * 4.0)
    np.testing.assert_allclose(found, np.array([[1, -1], [-1, 1]]) / (2 * 4.0 * SMALLEST_EIGENVALUE), rtol=1e-3)


# Undetermined combinations.


def test_variables_that_do_the_same_are_named_together():
    rows = np.random.default_rng(0).normal(size=(3, 50))
    jacobian = np.array([rows[0], rows[1], rows[0] * 4.0, rows[2], np.zeros(50)])
    groups = undetermined(jacobian @ jacobian.T, ["a", "b", "c", "d", "idle"])
    assert groups[0] == ["idle"]
    assert len(groups) == 2
    assert set(groups[1]) == {"a", "c"}


def test_a_well_determined_set_names_nobody():
    jacobian = np.random.default_rng(0).normal(size=(5, 200))
    assert undetermined(jacobian @ jacobian.T, list("abcde")) == []


def test_the_variable_of_the_largest_component_is_named_first():
    """x0 and x1 act in the same way as x2, x0 more: of the direction that changes nothing x2 has most."""
    rows = np.random.default_rng(0).normal(size=(2, 200))
    rows -= rows.mean(axis=1)[:, None]
    rows[1] -= rows[0] * (rows[0] @ rows[1]) / (rows[0] @ rows[0])
    rows /= np.linalg.norm(rows, axis=1)[:, None]
    jacobian = np.array([0.6 * rows[0], 0.2 * rows[1], 0.8 * rows[0] + 0.6 * rows[1]])
    # In units of unit length: u0, u1 and 0.8 u0 + 0.6 u1, so that (0.8, 0.6, -1) changes nothing.
    assert undetermined(jacobian @ jacobian.T, ["x0", "x1", "x2"]) == [["x2", "x0", "x1"]]


@pytest.mark.parametrize("factor", [0.5, 2.0])
def test_a_small_component_does_not_belong(factor):
    """Unit vectors u0, u1 and c u0 + s u1: the direction (c, s, -1) / sqrt(2), s just below or above the limit."""
    s = factor * SMALLEST_COMPONENT * np.sqrt(2)
    vectors = np.array([[1.0, 0.0], [0.0, 1.0], [np.sqrt(1 - s * s), s]])
    groups = undetermined(vectors @ vectors.T, ["a", "b", "c"])
    assert [set(group) for group in groups] == [{"a", "c"} if factor < 1 else {"a", "b", "c"}]


@pytest.mark.parametrize("factor", [0.7, 1.4])
@pytest.mark.parametrize("units", [(1.0, 1.0, 1.0), (1e-3, 1e4, 1e-6)])
def test_how_alike_two_variables_may_be(factor, units):
    """Eigenvalues 1 + r, 1 and 1 - r: the smallest over the largest, not over the middle one, decides."""
    small = factor * UNDETERMINED
    r = (1 - small) / (1 + small)
    matrix = np.array([[1.0, r, 0.0], [r, 1.0, 0.0], [0.0, 0.0, 1.0]]) * np.outer(units, units)
    groups = undetermined(matrix, ["a", "b", "c"])
    assert [set(group) for group in groups] == ([{"a", "b"}] if factor < 1 else [])


def test_nothing_at_all_is_determined_without_influence():
    assert undetermined(np.zeros((2, 2)), ["a", "b"]) == [["a"], ["b"]]
