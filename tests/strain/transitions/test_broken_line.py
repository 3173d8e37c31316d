"""Rows of values drawn from lines that are known, and as many knots as they have."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from layerox.strain.transitions.broken_line import broken_line

PLACE = np.arange(60.0)
SIGMA = 0.004
TRUE = np.interp(PLACE, [0, 15.3, 38.7, 59], [0.9, 0.9, 0.1, 0.1])


def drawn(true, seed, sigma=SIGMA):
    return true + sigma * np.random.default_rng(seed).standard_normal(len(true))


@pytest.mark.parametrize("count", [20, 60, 200])
def test_noise_hardly_ever_has_a_knot(count):
    """Two of a thousand at most, as MIN_GAIN says: of two hundred draws, two are allowed for."""
    place, esd = np.arange(float(count)), np.ones(count)
    found = [broken_line(place, drawn(np.zeros(count), k, 1.0), esd) for k in range(200)]
    assert sum(len(line.knots) > 2 for line in found) <= 2


def test_knots_are_found_where_they_are():
    """The uncertainty of a kink: sigma / slope times a few over the root of the values near it, here 0.1 frames."""
    found = [broken_line(PLACE, drawn(TRUE, k), np.full(60, SIGMA)) for k in range(30)]
    assert all(len(line.knots) == 4 for line in found)
    inner = np.array([line.knots[1:3] for line in found])
    np.testing.assert_allclose(inner.mean(axis=0), [15.3, 38.7], atol=0.1)
    assert inner.std(axis=0).max() < 0.3


def test_the_covariance_of_the_heights_is_that_of_least_squares():
    """A straight line: the ends of a regression over 60 values; textbook variance s^2 (1/n + (x - mean)^2 / Sxx)."""
    line = broken_line(PLACE, drawn(0.5 + 0.01 * PLACE, 3), np.full(60, SIGMA), noise=1.0)
    spread = ((PLACE - PLACE.mean()) ** 2).sum()
    expected = SIGMA**2 * (1 / 60 + PLACE.mean() ** 2 / spread)
    np.testing.assert_allclose(np.diag(line.covariance), expected)


def test_esds_that_are_too_small_are_noticed():
    line = broken_line(PLACE, drawn(TRUE, 1), np.full(60, SIGMA / 3))
    assert line.noise == pytest.approx(3.0, rel=0.3)
    assert len(line.knots) == 4


def test_a_single_value_that_is_out_is_left_out():
    value = drawn(TRUE, 2)
    value[25] += 0.3
    line = broken_line(PLACE, value, np.full(60, SIGMA))
    assert line.outliers == (25,)
    assert len(line.knots) == 4


def test_long_rows_are_thinned_and_keep_their_knots():
    place = np.arange(5000.0)
    true = np.interp(place, [0, 1500, 3500, 4999], [0.0, 0.0, 1.0, 1.0])
    line = broken_line(place, drawn(true, 4), np.full(5000, SIGMA))
    np.testing.assert_allclose(line.knots[1:-1], [1500, 3500], atol=2.0)


@settings(max_examples=15)
@given(factor=st.floats(0.1, 50), shift=st.floats(-10, 10), stretch=st.floats(0.01, 100))
def test_units_do_not_matter(factor, shift, stretch):
    value = drawn(TRUE, 5)
    line = broken_line(PLACE, value, np.full(60, SIGMA))
    other = broken_line(stretch * PLACE, factor * value + shift, np.full(60, factor * SIGMA))
    np.testing.assert_allclose(other.knots, stretch * line.knots, rtol=1e-3)
    np.testing.assert_allclose(other.heights, factor * line.heights + shift, atol=1e-3 * factor)
