"""The positions of points of a rod are those of peaks."""

import numpy as np
import pytest

from layerox.diffraction import peaks as pk
from layerox.diffraction.disordered.rod_positions import rod_positions


@pytest.mark.parametrize("focusing", [True, False])
def test_points_of_a_rod_are_where_peaks_are(focusing):
    """The same positions, factors and slopes as the peaks of a list at the same 1/d^2."""
    q = np.linspace(0.02, 1.6, 50)
    instrument = np.array([0.03, 0.1, 0.0, 0.0, 0.01, 0.0, 0.0, 0.0, 0.0])
    table, slopes, bragg, _ = pk.peak_list(
        q, np.ones(50), np.zeros(50), np.array([1.5406]), np.ones(1), instrument, 0.01, 0.0, 0.6, 173.0, focusing, 1.5
    )
    found = rod_positions(q, 1.5406, instrument, 0.6, 173.0, focusing)
    np.testing.assert_allclose(found[0], np.degrees(bragg), rtol=1e-12)
    np.testing.assert_allclose(found[2:4], [table[0], slopes[0]], rtol=1e-10)
    np.testing.assert_allclose(found[5:], [table[3], slopes[3]], rtol=1e-10)
