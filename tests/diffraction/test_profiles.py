"""Peaks on the angles of a pattern: against scipy's Voigt function, plain formulas, and finite differences."""

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.integrate import quad
from scipy.special import voigt_profile

from layerox.diffraction.profiles import (
    add_peak_gradients,
    add_peaks,
    decay,
    first_at_or_above,
    reach,
    tch_width,
)

# Far below anything that a double can tell from a peak of unit area.
NO_TAIL = 1e-13
GRID = np.arange(20.0, 30.0, 0.005)
SIGMA_PER_FWHM = 1 / math.sqrt(8 * math.log(2))


def pattern(two_theta, position, gauss, lorentz, area, tail=NO_TAIL):
    total = np.zeros(np.size(two_theta))
    columns = (np.atleast_1d(np.asarray(x, dtype=float)) for x in (position, gauss, lorentz, area))
    add_peaks(np.asarray(two_theta, dtype=float), *columns, tail, total)
    return total


def plain(two_theta, position, gauss, lorentz, area):
    """Return one peak by the formulas of the module's docstring, without any cut."""
    width, eta, *_ = tch_width(gauss, lorentz)
    x = np.asarray(two_theta) - position
    bell = 2 / width * math.sqrt(math.log(2) / math.pi) * np.exp(-4 * math.log(2) * x**2 / width**2)
    cauchy = 2 / (math.pi * width) / (1 + 4 * x**2 / width**2)
    return area * (eta * cauchy + (1 - eta) * bell)


widths = st.floats(0.001, 2.0)
components = st.tuples(widths, widths) | st.tuples(widths, st.just(0.0)) | st.tuples(st.just(0.0), widths)


# The shapes.


def test_pure_components():
    assert tch_width(0.1, 0.0)[:2] == pytest.approx((0.1, 0.0))
    # 1.36603 - 0.47719 + 0.11116 = 1: the coefficients of Thompson, Cox & Hastings (1987).
    assert tch_width(0.0, 0.1)[:2] == pytest.approx((0.1, 1.0))


@given(components)
def test_the_width_is_between_the_larger_component_and_their_sum(gauss_and_lorentz):
    gauss, lorentz = gauss_and_lorentz
    width, eta, *_ = tch_width(gauss, lorentz)
    assert max(gauss, lorentz) * (1 - 1e-9) <= width <= (gauss + lorentz) * (1 + 1e-9)
    assert -1e-12 <= eta <= 1 + 1e-9


@given(components, st.floats(0.01, 100))
def test_the_width_scales_and_the_mixture_does_not(gauss_and_lorentz, factor):
    gauss, lorentz = gauss_and_lorentz
    once, scaled = tch_width(gauss, lorentz), tch_width(factor * gauss, factor * lorentz)
    assert scaled[0] == pytest.approx(factor * once[0])
    assert scaled[1] == pytest.approx(once[1], abs=1e-9)


@given(st.floats(0.01, 2), st.floats(0.01, 2))
def test_derivatives_of_width_and_mixture(gauss, lorentz):
    _, _, *analytic = tch_width(gauss, lorentz)
    h = 1e-6
    by_g = [
        (a - b) / (2 * h)
        for a, b in zip(tch_width(gauss + h, lorentz)[:2], tch_width(gauss - h, lorentz)[:2], strict=True)
    ]
    by_l = [
        (a - b) / (2 * h)
        for a, b in zip(tch_width(gauss, lorentz + h)[:2], tch_width(gauss, lorentz - h)[:2], strict=True)
    ]
    assert analytic == pytest.approx([by_g[0], by_l[0], by_g[1], by_l[1]], rel=1e-5, abs=1e-6)


@pytest.mark.parametrize("lorentz", [0.0, 0.02, 0.05, 0.1, 0.2, 0.5])
def test_the_mixture_imitates_a_voigt_function(lorentz):
    gauss = 0.1
    x = np.linspace(-2, 2, 4001)
    exact = voigt_profile(x, gauss * SIGMA_PER_FWHM, lorentz / 2)
    # Thompson, Cox & Hastings state about 1 % of the height; 1.25 % is the worst of all mixtures.
    assert np.abs(pattern(x, 0.0, gauss, lorentz, 1.0) - exact).max() < 0.013 * exact.max()


@pytest.mark.parametrize(("gauss", "lorentz"), [(0.1, 0.0), (0.08, 0.04), (0.05, 0.1), (0.0, 0.1)])
def test_the_area_is_one(gauss, lorentz):
    total = quad(lambda x: pattern([x], 0.0, gauss, lorentz, 1.0)[0], 0, 50, points=[0.1, 0.5, 2], limit=400)[0]
    width, eta, *_ = tch_width(gauss, lorentz)
    beyond = eta * 2 / math.pi * (math.pi / 2 - math.atan(2 * 50 / width))  # of the Lorentzian, on both sides
    assert 2 * total + beyond == pytest.approx(1, abs=1e-6)


@pytest.mark.parametrize(("gauss", "lorentz"), [(0.1, 0.0), (0.08, 0.04), (0.05, 0.1), (0.0, 0.1)])
def test_at_half_the_width_it_is_half_as_high(gauss, lorentz):
    width, *_ = tch_width(gauss, lorentz)
    left, top, right = pattern([-width / 2, 0.0, width / 2], 0.0, gauss, lorentz, 7.0)
    assert left == pytest.approx(top / 2)
    assert right == pytest.approx(top / 2)


@given(components, st.floats(0.1, 1e5), st.floats(20, 30))
def test_a_peak_is_the_formula(gauss_and_lorentz, area, position):
    gauss, lorentz = gauss_and_lorentz
    expected = plain(GRID, position, gauss, lorentz, area)
    np.testing.assert_allclose(pattern(GRID, position, gauss, lorentz, area), expected, rtol=1e-9, atol=1e-9 * area)


def test_peaks_add_up_and_are_added_to_what_is_there():
    total = np.full(GRID.size, 5.0)
    add_peaks(
        GRID, np.array([22.0, 22.3]), np.array([0.1, 0.2]), np.array([0.05, 0.0]), np.array([3.0, 4.0]), NO_TAIL, total
    )
    expected = 5 + plain(GRID, 22.0, 0.1, 0.05, 3.0) + plain(GRID, 22.3, 0.2, 0.0, 4.0)
    np.testing.assert_allclose(total, expected, rtol=1e-9)


def test_the_grid_need_not_be_uniform():
    draw = np.random.default_rng(2)
    uneven = np.sort(draw.uniform(20, 30, 400))
    np.testing.assert_allclose(
        pattern(uneven, 25.0, 0.1, 0.2, 9.0), plain(uneven, 25.0, 0.1, 0.2, 9.0), rtol=1e-9, atol=1e-11
    )


@pytest.mark.parametrize("position", [19.9, 20.0, 29.995, 30.05])
def test_peaks_at_the_edges_and_beyond(position):
    np.testing.assert_allclose(
        pattern(GRID, position, 0.1, 0.2, 9.0), plain(GRID, position, 0.1, 0.2, 9.0), rtol=1e-9, atol=1e-11
    )


def test_peaks_out_of_sight_do_nothing():
    assert not pattern(GRID, [1e6, -50.0], [1.0, 0.1], [0.0, 0.0], [0.0, 5.0]).any()


def test_a_peak_without_area_does_nothing():
    assert not pattern(GRID, 25.0, 0.1, 0.1, 0.0).any()


def test_a_peak_lower_than_the_tail_does_nothing():
    assert not pattern(GRID, 25.0, 0.0, 0.1, 0.01, tail=0.1).any()


# The cut.


@given(components, st.floats(1, 1e4), st.floats(1e-6, 10))
def test_what_the_cut_drops_is_nowhere_higher_than_the_tail(gauss_and_lorentz, area, tail):
    gauss, lorentz = gauss_and_lorentz
    whole, cut = plain(GRID, 25.0013, gauss, lorentz, area), pattern(GRID, 25.0013, gauss, lorentz, area, tail)
    dropped = whole - cut
    assert dropped.max() <= tail * 1.002 + 1e-9
    assert dropped.min() >= -1e-9 * area
    assert cut.min() >= -1e-9 * area


@given(components, st.floats(1, 1e4), st.floats(1e-6, 10))
def test_both_parts_end_at_their_heights(gauss_and_lorentz, area, tail):
    width, eta, *_ = tch_width(*gauss_and_lorentz)
    near, far = reach(area, width, eta, tail)
    bell = (1 - eta) * area * 2 / width * math.sqrt(math.log(2) / math.pi)
    cauchy = eta * area * 2 / (math.pi * width)
    if near > 0:
        assert bell * math.exp(-4 * math.log(2) * near**2 / width**2) == pytest.approx(tail / 1000, rel=1e-6)
    else:
        assert bell <= tail / 1000 * (1 + 1e-9)
    if far > 0:
        assert cauchy / (1 + 4 * far**2 / width**2) == pytest.approx(tail, rel=1e-6)
    else:
        assert cauchy <= tail * (1 + 1e-9)


@pytest.mark.parametrize("part", [0, 1])
@pytest.mark.parametrize("side", [-1, 1])
def test_a_moving_peak_makes_no_step_where_it_ends(part, side):
    tail, area = 0.5, 100.0
    width, eta, *_ = tch_width(0.05, 0.1)
    centre = GRID[1000] - side * reach(area, width, eta, tail)[part]
    here, there = (pattern(GRID, centre + s, 0.05, 0.1, area, tail) for s in (-1e-7, 1e-7))
    # The steepest slope of this peak is below 2e4 a degree; a step as high as the tail would be 0.5.
    assert np.abs(there - here).max() < 2e4 * 2e-7 + 2e-3 * tail


def test_a_lower_tail_reaches_further_and_comes_nearer():
    whole = plain(GRID, 25.0, 0.02, 0.1, 50.0)
    errors = [np.abs(whole - pattern(GRID, 25.0, 0.02, 0.1, 50.0, tail)).max() for tail in (1.0, 0.1, 0.01, 0.001)]
    assert errors == sorted(errors, reverse=True)
    assert errors[-1] < 1.01e-3
    lit = [np.count_nonzero(pattern(GRID, 25.0, 0.02, 0.1, 50.0, tail)) for tail in (10.0, 1.0, 0.1)]
    assert lit == sorted(lit)
    assert lit[0] < lit[-1] < GRID.size


# Derivatives.

POSITION, GAUSS = np.array([21.3, 24.0, 24.08, 29.98]), np.array([0.08, 0.05, 0.11, 0.07])
LORENTZ, AREA = np.array([0.02, 0.1, 0.03, 0.06]), np.array([50.0, 20.0, 35.0, 12.0])
WEIGHT = 1 / np.sqrt(5 + pattern(GRID, POSITION, GAUSS, LORENTZ, AREA))
TAIL = 1e-8


def jacobian_of(gradients, columns, rows, area=AREA, reach_area=AREA, tail=TAIL):
    jacobian = np.zeros((rows, GRID.size))
    add_peak_gradients(
        GRID, WEIGHT, POSITION, GAUSS, LORENTZ, area, reach_area, tail, gradients, np.asarray(columns), jacobian
    )
    return jacobian


@pytest.mark.parametrize("field", range(4))
@pytest.mark.parametrize("peak", range(4))
def test_derivatives_of_one_peak_on_the_angles(peak, field):
    gradients = np.zeros((1, 4, 4))
    gradients[0, peak, field] = 1.0
    analytic = jacobian_of(gradients, [0], 1)[0]
    h = 1e-6
    fields = [[POSITION.copy(), GAUSS.copy(), LORENTZ.copy(), AREA.copy()] for _ in range(2)]
    fields[0][field][peak] += h
    fields[1][field][peak] -= h
    up, down = (pattern(GRID, *columns, TAIL) for columns in fields)
    numeric = (up - down) / (2 * h) * WEIGHT
    assert np.abs(analytic - numeric).max() < 1e-5 * np.abs(numeric).max()


def test_a_variable_is_a_combination_of_the_derivatives():
    draw = np.random.default_rng(4)
    gradients = draw.normal(size=(2, 4, 4))
    analytic = jacobian_of(gradients, [2, 0], 3)
    assert not analytic[1].any()
    h = 1e-7
    for variable, row in ((0, 2), (1, 0)):
        moves = gradients[variable].T
        up = pattern(GRID, *(x + h * d for x, d in zip((POSITION, GAUSS, LORENTZ, AREA), moves, strict=True)), TAIL)
        down = pattern(GRID, *(x - h * d for x, d in zip((POSITION, GAUSS, LORENTZ, AREA), moves, strict=True)), TAIL)
        numeric = (up - down) / (2 * h) * WEIGHT
        assert np.abs(analytic[row] - numeric).max() < 1e-5 * np.abs(numeric).max()


def test_derivatives_are_added_to_what_is_there():
    gradients = np.ones((1, 4, 4))
    jacobian = np.full((1, GRID.size), 3.0)
    add_peak_gradients(GRID, WEIGHT, POSITION, GAUSS, LORENTZ, AREA, AREA, TAIL, gradients, np.array([0]), jacobian)
    np.testing.assert_allclose(jacobian, 3.0 + jacobian_of(gradients, [0], 1))


@pytest.mark.parametrize(("gauss", "lorentz"), [(0.1, 0.0), (0.0, 0.1)])
def test_derivatives_of_pure_shapes_are_finite(gauss, lorentz):
    jacobian = np.zeros((1, GRID.size))
    one = np.ones(1)
    add_peak_gradients(
        GRID, np.ones(GRID.size), 25 * one, gauss * one, lorentz * one, one, one, TAIL, np.ones((1, 1, 4)),
        np.array([0]), jacobian,
    )  # fmt: skip
    assert np.isfinite(jacobian).all()
    assert jacobian.any()


def test_a_phase_of_scale_zero_still_has_a_derivative_with_its_area():
    gradients = np.zeros((1, 4, 4))
    gradients[0, :, 3] = AREA
    nothing = np.zeros(4)
    assert not jacobian_of(gradients, [0], 1, area=nothing, reach_area=nothing).any()
    found = jacobian_of(gradients, [0], 1, area=nothing, reach_area=AREA)[0]
    np.testing.assert_allclose(found, WEIGHT * pattern(GRID, POSITION, GAUSS, LORENTZ, AREA), rtol=1e-3, atol=1e-6)


@given(st.floats(0, 700))
def test_decay_is_the_exponential(x):
    assert abs(decay(x) - math.exp(-x)) < 1e-13


# Places and shares.


@given(st.lists(st.floats(0, 100), max_size=30), st.floats(-10, 110))
def test_the_first_grid_point_at_or_above_a_value(points, value):
    grid = np.array(sorted(points), dtype=float)
    assert first_at_or_above(grid, value) == np.searchsorted(grid, value)
