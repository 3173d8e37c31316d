"""Bounded steps against scipy and by hand; undetermined combinations of variables."""

import numpy as np
from hypothesis import example, given
from hypothesis import strategies as st
from scipy.optimize import lsq_linear

from layerox.diffraction.normal_equations import bounded_step, undetermined


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
