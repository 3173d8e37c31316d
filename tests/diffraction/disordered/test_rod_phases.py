"""Phases along a rod, against numpy's functions in the formulas of the docstrings."""

import numpy as np
import pytest

from layerox.diffraction.disordered.rod_phases import decay, rod_phases, turn


@pytest.mark.parametrize("turns", [*np.linspace(-2.0, 2.0, 81), 0.125, -0.125, 0.49999999, 37.3, -1234.567])
def test_a_turn_is_a_point_of_the_unit_circle(turns):
    # The argument of numpy's exponential is rounded to a part in 1e16.
    assert abs(turn(turns) - np.exp(2j * np.pi * turns)) < 2e-15 + 1e-15 * abs(turns)


@pytest.mark.parametrize("x", [0.0, 1e-9, 0.1, 1.0, 7.3, 40.0, 127.0, 1e6])
def test_decay_is_the_exponential(x):
    assert decay(x) == pytest.approx(np.exp(-x), abs=1e-14)


@pytest.mark.parametrize("damping", [0.0, 0.002])
def test_phases_of_two_groups(damping):
    """The pole of the window is at w exp(i pi / 4) above s_z: exp(2 pi i d w exp(i pi / 4)) for a spacing d."""
    s_z, width = np.linspace(0.0, 1.2, 50), np.linspace(0.001, 0.3, 50)
    spacing, half = np.array([5.4, 5.65]), 0.98
    up, middle, window = rod_phases(s_z, width, half, spacing, damping)
    np.testing.assert_allclose(up, np.exp(2j * np.pi * s_z * half), atol=1e-14)
    np.testing.assert_allclose(middle, np.exp(1j * np.pi * spacing[:, None] * s_z), atol=1e-14)
    pole = np.exp(2j * np.pi * spacing[:, None] * width * np.exp(0.25j * np.pi))
    columns = np.exp(-2 * np.pi * damping * spacing)[:, None]
    np.testing.assert_allclose(window, columns * pole, atol=1e-13)
