"""Widths of peaks and their derivatives where they are special: sizes and strains that differ between reflections,
imaginary Gaussian widths, peaks beyond the pattern, and lines that are not diffracted; against `peak_list` for equal
sizes, the formulas of its module and central differences."""

import math

import numpy as np
import pytest

from layerox.diffraction import peaks as pk

WAVELENGTHS, WEIGHTS = np.array([1.5405929, 1.5444274]), np.array([2 / 3, 1 / 3])
# The second line of the last reflection is not diffracted.
Q = np.array([5.5775, 2.4984833, 1.5, 1.1155, 0.7715]) ** -2.0
OWNER, LINE = np.repeat(np.arange(5), 2), np.tile([0, 1], 5)
RADIUS = 173.0
# U, V and W are possible at all angles; and such that the width is imaginary from some angle on.
REAL, IMAGINARY = (0.01, -0.004, 0.005), (0.0, -0.005, 0.004)
SIZES, STRAINS = np.array([0.01, 0.02, 0.05, 0.03, 0.04]), np.array([0.001, 0.0, 0.003, 0.002, 0.001])


def instrument(widths=REAL):
    values = np.zeros(12)
    values[[pk.ZERO, pk.DISPLACEMENT, pk.X, pk.Y]] = 0.01, 0.1, 0.02, 0.03
    values[[pk.U, pk.V, pk.W]] = widths
    return values


def listed(q=Q, *, values=None, size=0.02, strain=0.001, last=1.5):
    values = instrument() if values is None else values
    return pk.peak_list(
        q, np.ones(q.size), np.zeros(q.size), WAVELENGTHS, WEIGHTS, values, size, strain, 0.5, RADIUS, True, last
    )


def with_own_widths(q, sizes, strains, last, values=None):
    values = instrument() if values is None else values
    table, slopes, bragg, bragg_by_q = listed(q, values=values, last=last)
    table[2], slopes[2] = 7.0, 8.0
    pk.set_lorentzian_widths(
        bragg, bragg_by_q, OWNER, WAVELENGTHS[LINE], values, sizes, strains, last, table, slopes
    )  # fmt: skip
    return table, slopes, bragg


lasts = pytest.mark.parametrize("last", [1.5, 0.5])


@lasts
def test_equal_sizes_and_strains_give_the_widths_of_the_list(last):
    expected, expected_slopes, _, _ = listed(last=last)
    table, slopes, _ = with_own_widths(Q, np.full(5, 0.02), np.full(5, 0.001), last)
    np.testing.assert_allclose(table[2, :-1], expected[2, :-1], rtol=1e-12)
    np.testing.assert_allclose(slopes[2, :-1], expected_slopes[2, :-1], rtol=1e-12)
    assert (table[2, -1], slopes[2, -1]) == (7.0, 8.0)  # the line that is not diffracted


@lasts
def test_own_sizes_and_strains(last):
    """X / cos + Y tan, with (180 / pi) lambda / (10 L) and (180 / pi) e added, at no more than the last angle."""
    table, slopes, bragg = with_own_widths(Q, SIZES, STRAINS, last)
    theta = np.minimum(bragg / 2, last)[:-1]
    wide = 0.02 + np.degrees(WAVELENGTHS[LINE] * SIZES[OWNER] / 10)
    expected = wide[:-1] / np.cos(theta) + (0.03 + np.degrees(STRAINS[OWNER])[:-1]) * np.tan(theta)
    np.testing.assert_allclose(table[2, :-1], expected, rtol=1e-12)
    h = 1e-7 * Q
    up, down = (with_own_widths(Q + s, SIZES, STRAINS, last)[0] for s in (h, -h))
    numeric = (up - down)[2] / (2 * np.repeat(h, 2))
    np.testing.assert_allclose(slopes[2, :-1], numeric[:-1], rtol=1e-6, atol=1e-6)


@lasts
def test_derivatives_with_respect_to_what_sizes_and_strains_depend_on(last):
    by_slot = np.array([[0.3, -0.1, 0.2, 0.5, 0.4], [0.01, 0.02, -0.03, 0.04, 0.05]])
    bragg = listed(last=last)[2]
    gradient = np.full((10, 4), 1.5)
    pk.chain_through_broadening(by_slot, OWNER, bragg, WAVELENGTHS[LINE], last, gradient, 2.0)
    h = 1e-5
    up, down = (with_own_widths(Q, SIZES + s * by_slot[0], STRAINS + s * by_slot[1], last)[0] for s in (h, -h))
    np.testing.assert_allclose(gradient, 1.5 + (up - down).T / h, rtol=1e-7)


@lasts
@pytest.mark.parametrize("slot", [pk.INVERSE_SIZE, pk.MICROSTRAIN])
def test_derivatives_with_respect_to_one_size_and_strain(slot, last):
    bragg = listed(last=last)[2]
    gradient = np.full((10, 4), 1.5)
    pk.broadening_gradient(slot, bragg, WAVELENGTHS[LINE], last, gradient, 2.0)
    h = 1e-5
    name, value = ("size", 0.02) if slot == pk.INVERSE_SIZE else ("strain", 0.001)
    up, down = (listed(**{name: value + s}, last=last)[0] for s in (h, -h))
    # The line that is not diffracted has no area: what its width does is of no consequence.
    np.testing.assert_allclose(gradient[:-1], 1.5 + (up - down).T[:-1] / h, rtol=1e-7)


@lasts
@pytest.mark.parametrize("widths", [REAL, IMAGINARY])
@pytest.mark.parametrize("slot", [pk.ZERO, pk.DISPLACEMENT, pk.U, pk.V, pk.W, pk.X, pk.Y])
def test_derivatives_with_respect_to_the_instrument(slot, widths, last):
    values = instrument(widths)
    table, _, bragg, _ = listed(values=values, last=last)
    assert (table[1] < 1e-3).any() == (widths == IMAGINARY and last > 1)
    gradient = np.full((10, 4), 1.5)
    pk.instrument_gradient(slot, bragg, table[1], RADIUS, True, last, gradient, 2.0)
    h = 1e-9
    up, down = values.copy(), values.copy()
    up[slot] += h
    down[slot] -= h
    numeric = (listed(values=up, last=last)[0] - listed(values=down, last=last)[0]) / h
    np.testing.assert_allclose(gradient, 1.5 + numeric.T, rtol=2e-5, atol=2e-5)


@pytest.mark.parametrize("square", [2e-6, 1.001e-6, 0.999e-6, 0.0, -5e-6])
def test_gaussian_width_is_smooth_where_it_becomes_imaginary(square):
    """Its square is that of Caglioti down to 1e-6, and 1e-6 exp(square / 1e-6 - 1) below: derivatives on both sides."""
    values = instrument((0.0, -0.005, 0.005 * 0.3 + square))
    width, slope = pk.gaussian_width(0.3, values)
    assert width**2 == pytest.approx(square if square > 1e-6 else 1e-6 * math.exp(square / 1e-6 - 1))
    h = 1e-8
    assert slope == pytest.approx(
        (pk.gaussian_width(0.3 + h, values)[0] - pk.gaussian_width(0.3 - h, values)[0]) / (2 * h), rel=1e-3
    )


def test_a_gaussian_width_that_is_nothing_has_no_derivative():
    values = instrument((0.0, -1.0, 0.0))
    assert pk.gaussian_width(0.3, values) == (0.0, 0.0)
    gradient = np.zeros((1, 4))
    pk.instrument_gradient(pk.W, np.array([0.6]), np.zeros(1), RADIUS, True, 1.5, gradient, 1.0)
    assert not gradient.any()


@pytest.mark.parametrize(("sine", "seen"), [(0.9998, True), (0.99995, False)])
def test_lines_close_to_back_scattering_are_out_of_sight(sine, seen):
    """From sin(theta) = 0.9999 on, 2 theta = 178.4 degrees, tangents are without bound."""
    q = np.array([(2 * sine / WAVELENGTHS[0]) ** 2])
    table, slopes, bragg, _ = pk.peak_list(
        q, np.ones(1), np.zeros(1), WAVELENGTHS[:1], np.ones(1), instrument(), 0.01, 0.001, 0.5, RADIUS, True, 1.5
    )
    if seen:
        assert bragg[0] == pytest.approx(2 * math.asin(sine))
        assert table[3, 0] > 0
    else:
        assert table[:, 0].tolist() == [pk.OUT_OF_SIGHT, 1.0, 0.0, 0.0]
        assert not slopes.any()
        assert pk.OUT_OF_SIGHT > 1e4
