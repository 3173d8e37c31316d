"""Serial correlation: factors against independent and grouped residuals."""

import numpy as np
import pytest

from layerox.diffraction.serial_correlation import factor_of_runs, serial_factor, sums_of_runs


def test_independent_residuals_ask_for_nothing():
    factors = [serial_factor(np.random.default_rng(seed).normal(size=4000)) for seed in range(20)]
    assert np.mean(factors) == pytest.approx(1.0, abs=0.02)


def test_residuals_that_come_in_groups_of_one_value_count_once_a_group():
    """n copies of each independent residual: the variance of a mean is n times larger, its esd sqrt(n) times."""
    fresh = np.random.default_rng(3).normal(size=6000)
    assert serial_factor(np.repeat(fresh, 9)) == pytest.approx(3.0, rel=0.03)


def test_the_scale_of_the_residuals_does_not_matter():
    residuals = np.cumsum(np.random.default_rng(1).normal(size=500))
    assert serial_factor(7 * residuals) == pytest.approx(serial_factor(residuals))


def test_the_sums_of_several_patterns_add_up():
    """Two patterns of 3000 points in groups of nine: the factor of both is that of each, the square root of nine."""
    sums = [sums_of_runs(np.repeat(np.random.default_rng(seed).normal(size=3000), 9)) for seed in (1, 2)]
    assert factor_of_runs(sums[0][0] + sums[1][0], sums[0][1] + sums[1][1]) == pytest.approx(3.0, rel=0.03)
