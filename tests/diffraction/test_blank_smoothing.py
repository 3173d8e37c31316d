"""Blank smoothing: known curves are recovered from noisy counts."""

import numpy as np
import pytest

from layerox.diffraction.blank_smoothing import LEAST_POINTS, smoothed

ANGLES = np.arange(10.0, 90.0, 0.02)
HUMP = 400.0 * np.exp(-(((ANGLES - 22.0) / 5.0) ** 2)) + 100.0
LINE = 800.0 * np.exp(-(((ANGLES - 43.3) / 0.15) ** 2))


def noisy(curve, seed=1):
    return np.random.default_rng(seed).poisson(curve).astype(float)


@pytest.mark.parametrize("scale", [1.0, 0.05])
def test_a_hump_loses_most_of_its_noise_and_keeps_its_level(scale):
    """In counts, and in intensities that are no counts."""
    found = smoothed(noisy(HUMP) * scale)
    assert np.std(found - HUMP * scale) < 0.2 * np.std(noisy(HUMP) * scale - HUMP * scale)
    assert (found - HUMP * scale).mean() == pytest.approx(0.0, abs=0.3 * scale)


def test_lines_of_a_holder_stay_as_measured():
    given = noisy(HUMP + LINE)
    found, near = smoothed(given), np.abs(ANGLES - 43.3) < 0.2
    assert np.array_equal(found[near], given[near])
    far = np.abs(ANGLES - 43.3) > 1.0
    assert np.std((found - HUMP)[far]) < 0.2 * np.std((given - HUMP)[far])


def test_a_straight_line_and_a_level_are_kept():
    for curve in (np.full(200, 50.0), np.linspace(100.0, 300.0, 200)):
        assert smoothed(curve) == pytest.approx(curve, rel=1e-2)
    assert smoothed(np.zeros(200)) == pytest.approx(np.zeros(200), abs=1e-9)


def test_few_points_are_not_smoothed():
    few = np.arange(LEAST_POINTS - 1.0)
    assert smoothed(few) is few
