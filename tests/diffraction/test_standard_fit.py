"""Curves of a calibration: against the formulas of width and shift, and single reflections against the curves."""

from dataclasses import replace

import numpy as np
import pytest

from layerox.analysis.fit import simulate
from layerox.diffraction.phase import Phase
from layerox.diffraction.standard_fit import _alone, calibration_curve, refine_standard
from layerox.instrument import Instrument, Profile
from layerox.radiation import radiation_from_text
from reference_crystals import LAB6

COPPER = radiation_from_text("CuKa").polarized(0.5)
PROFILE = Profile(u=0.004, v=-0.003, w=0.0045, x=0.01, y=0.03)


def curve(axial=None, seed=1):
    true = Instrument(profile=Profile(**{**vars(PROFILE), "axial": axial}), zero=0.03, displacement_mm=-0.05)
    pattern = simulate([("LaB6", LAB6)], radiation=COPPER, two_theta=(18, 130, 0.02), instrument=true,
                       background=[200, -60], counts=40000, seed=seed).pattern  # fmt: skip
    outcome = refine_standard(pattern, Phase(name="LaB6", crystal=LAB6), Instrument(), COPPER)
    return outcome, calibration_curve(outcome, pattern)


@pytest.fixture(scope="module")
def symmetric():
    return curve()


def test_the_curves_are_those_of_the_formulas(symmetric):
    outcome, found = symmetric
    value = outcome.minimum.parameters.value
    theta = np.radians(found.two_theta / 2)
    u, v, w, x, y = (value(f"instrument_{k}") for k in "uvwxy")
    np.testing.assert_allclose(found.gauss, np.sqrt(u * np.tan(theta) ** 2 + v * np.tan(theta) + w), rtol=1e-9)
    np.testing.assert_allclose(found.lorentz, x / np.cos(theta) + y * np.tan(theta), rtol=1e-9)
    if value("instrument_s_over_l") == 0:
        displaced = -2 * value("instrument_displacement") / 173.0 * np.cos(theta)
        np.testing.assert_allclose(found.shift, value("instrument_zero") + np.degrees(displaced), atol=1e-9)
    assert (np.diff(found.two_theta) >= 0).all()  # (333) and (511) stand together
    assert (found.width >= np.maximum(found.gauss, found.lorentz)).all()


def test_single_reflections_lie_on_the_curves(symmetric):
    _, found = symmetric
    assert len(found.reflections) > 12
    on_curve = np.interp(found.reflections, found.two_theta, found.width)
    shift = np.interp(found.reflections, found.two_theta, found.shift)
    # The right model and Poisson noise: departures of about one esd, the largest of some twenty below four.
    for measured, expected, esd in (
        (found.measured_width, on_curve, found.width_esd),
        (found.measured_shift, shift, found.shift_esd),
    ):
        score = (measured - expected) / esd
        assert np.abs(score).max() < 4.5
        assert 0.4 < np.sqrt(np.mean(score**2)) < 1.7
        assert (esd > 0).all()


def test_single_reflections_show_a_profile_that_is_not_right():
    """A width that no Caglioti curve has: the reflections depart from the curve where it does."""
    true = Instrument(profile=PROFILE)
    plain = simulate([("LaB6", LAB6)], radiation=COPPER, two_theta=(18, 130, 0.02), instrument=true, counts=40000,
                     background=[200]).pattern  # fmt: skip
    wide = simulate([("LaB6", LAB6)], radiation=COPPER, two_theta=(18, 130, 0.02), background=[200], counts=40000,
                    instrument=Instrument(profile=Profile(**{**vars(PROFILE), "w": 0.02}))).pattern  # fmt: skip
    near = np.abs(plain.two_theta - 63.2) < 2.0  # (211)
    pattern = replace(plain, intensity=np.where(near, wide.intensity * plain.intensity[near].sum()
                                                / wide.intensity[near].sum(), plain.intensity))  # fmt: skip
    found = calibration_curve(refine_standard(pattern, Phase(name="LaB6", crystal=LAB6), Instrument(), COPPER), pattern)
    excess = found.measured_width / np.interp(found.reflections, found.two_theta, found.width)
    k = int(np.argmin(np.abs(found.reflections - 63.2)))
    assert int(np.argmax(excess)) == k
    assert excess[k] > 1.2


def test_axial_divergence_moves_the_centre_of_low_peaks_down():
    _, found = curve(axial=(0.03, 0.03))
    symmetric = curve()[1]
    at = [21.36, 100.0]
    moved = [
        np.interp(a, found.two_theta, found.shift) - np.interp(a, symmetric.two_theta, symmetric.shift) for a in at
    ]
    assert moved[0] < -0.005
    assert abs(moved[1]) < 0.003
    shift = np.interp(found.reflections, found.two_theta, found.shift)
    assert np.abs((found.measured_shift - shift) / found.shift_esd).max() < 5


def test_reflections_stand_alone_if_their_neighbours_do():
    bragg, width = np.array([20.0, 20.5, 30.0, 40.0, 40.3]), np.full(5, 0.1)
    assert _alone(bragg, width, np.array([1.0, 1.0, 1.0, 1.0, 1.0])) == [2]
    # A neighbour that is not seen is none.
    assert _alone(bragg, width, np.array([1.0, 1e-6, 1.0, 1.0, 1e-6])) == [0, 2, 3]
