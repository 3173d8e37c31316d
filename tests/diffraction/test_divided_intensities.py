"""Observed intensities of peaks: the sums over a grid by plain arithmetic."""

import numpy as np
import pytest

from layerox.diffraction.divided_intensities import divided_intensities

GRID = np.arange(20.0, 30.0, 0.005)
POSITION, GAUSS = np.array([21.3, 24.0, 24.08, 29.98]), np.array([0.08, 0.05, 0.11, 0.07])
LORENTZ, AREA = np.array([0.02, 0.1, 0.03, 0.06]), np.array([50.0, 20.0, 35.0, 12.0])


def test_observed_intensity_is_shared_as_the_model_shares_it():
    step = 0.005
    even = np.ones(GRID.size)
    observed, calculated = divided_intensities(GRID, 2 * even, POSITION, GAUSS, LORENTZ, AREA, 1e-6)
    np.testing.assert_allclose(observed, 2 * calculated)
    # The sum over the angles times the step is the area, where the grid holds the whole peak.
    np.testing.assert_allclose(calculated[:3] * step, AREA[:3], rtol=0.02)
    assert calculated[3] * step == pytest.approx(AREA[3] * 0.6, rel=0.2)  # the last one is cut in the middle


def test_a_peak_gets_what_is_at_its_own_angles():
    ratio = np.where(GRID < 22.5, 3.0, 1.0)
    observed, calculated = divided_intensities(GRID, ratio, POSITION, GAUSS, LORENTZ, AREA, 1e-3)
    assert observed[0] == pytest.approx(3 * calculated[0], rel=0.01)
    assert observed[1] == pytest.approx(calculated[1], rel=0.05)


def test_a_part_with_a_negative_area_is_subtracted():
    """Of rays whose window of heights is the difference of two triangles."""
    even, table = np.ones(GRID.size), (np.full(2, 25.0), np.full(2, 0.08), np.full(2, 0.03), np.array([30.0, -10.0]))
    observed, calculated = divided_intensities(GRID, 3 * even, *table, 1e-6)
    np.testing.assert_allclose(observed, 3 * calculated)
    assert calculated.sum() * 0.005 == pytest.approx(20.0, rel=0.02)
