"""Figures of merit: by hand on four points, and against the statistics that lmfit computes."""

import lmfit
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from layerox.diffraction.agreement import agreement, observed_over_calculated, r_bragg, unexplained
from layerox.diffraction.model import Calculated
from layerox.diffraction.profiles import add_peaks

OBSERVED, CALCULATED = np.array([100.0, 400.0, 225.0, 64.0]), np.array([90.0, 420.0, 225.0, 72.0])
WEIGHT = 1 / np.sqrt(OBSERVED)  # 1/10, 1/20, 1/15, 1/8


def test_figures_by_hand():
    # Weighted differences 1, -1, 0, -1: chi^2 = 3. Weighted observations 10, 20, 15, 8: squares sum to 789.
    found = agreement(OBSERVED, CALCULATED, WEIGHT, 2)
    assert found.r_wp == pytest.approx((3 / 789) ** 0.5)
    assert found.r_p == pytest.approx((10 + 20 + 0 + 8) / 789)
    assert found.r_exp == pytest.approx(((4 - 2) / 789) ** 0.5)
    assert found.gof == pytest.approx(1.5**0.5)
    # Steps of the weighted differences -2, 1, -1: squares sum to 6.
    assert found.durbin_watson == pytest.approx(6 / 3)
    assert (found.points, found.free_parameters) == (4, 2)


def test_the_goodness_of_fit_is_the_ratio_of_the_r_factors():
    draw = np.random.default_rng(3)
    observed = draw.poisson(200, 500).astype(float)
    found = agreement(observed, np.full(500, 200.0), 1 / np.sqrt(observed), 7)
    assert found.gof == pytest.approx(found.r_wp / found.r_exp)
    assert found.durbin_watson == pytest.approx(2, abs=0.25)


def test_the_figures_are_those_of_lmfit():
    x = np.linspace(0, 10, 80)
    data = 50 + 3 * x + np.random.default_rng(1).normal(size=80)
    model = lmfit.models.LinearModel()
    fitted = model.fit(data, x=x, weights=np.full(80, 2.0), slope=1, intercept=0)
    found = agreement(data, fitted.best_fit, np.full(80, 2.0), 2)
    assert found.gof**2 == pytest.approx(fitted.redchi)
    assert found.r_wp**2 * ((2 * data) ** 2).sum() == pytest.approx(fitted.chisqr)


def test_a_perfect_fit_has_no_residual():
    found = agreement(OBSERVED, OBSERVED, WEIGHT, 1)
    assert (found.r_wp, found.r_p, found.gof, found.durbin_watson) == (0, 0, 0, 0)


def test_more_variables_than_points_do_not_divide_by_zero():
    assert np.isfinite(agreement(OBSERVED, CALCULATED, WEIGHT, 10).gof)


def test_waves_in_the_residual_lower_durbin_watson():
    x = np.arange(500.0)
    waves = agreement(1000 + 10 * np.sin(np.pi * x / 50), np.full(500, 1000.0), np.ones(500), 0)
    # Five waves of 100 points: 2 (1 - cos(pi / 50)) by hand, less one step in 500.
    assert waves.durbin_watson == pytest.approx(2 * (1 - np.cos(np.pi / 50)), rel=0.01)


ANGLES = np.arange(20.0, 40.0, 0.01)
PEAKS = np.array([[25.0, 25.06, 33.0, 33.08], [0.1] * 4, [0.05] * 4, [100.0, 50.0, 60.0, 30.0]])

PAIRS = np.array([0, 0, 1, 1])


def curve(areas):
    total = np.zeros(ANGLES.size)
    add_peaks(ANGLES, PEAKS[0], PEAKS[1], PEAKS[2], np.asarray(areas), 1e-6, total)
    return total


def test_r_bragg_of_a_model_that_fits():
    assert r_bragg(ANGLES, np.ones(ANGLES.size), PEAKS, PAIRS, 1e-6) == 0


def test_r_bragg_is_what_the_reflections_miss():
    calculated = curve(PEAKS[3])
    observed = curve([120.0, 60.0, 54.0, 27.0])  # the first reflection 20 % stronger, the second 10 % weaker
    ratio = observed / np.maximum(calculated, 1e-12)
    # (0.2 x 150 + 0.1 x 90) / 240, by hand; the reflections overlap in their outer tails only.
    assert r_bragg(ANGLES, ratio, PEAKS, PAIRS, 1e-6) == pytest.approx((0.2 * 150 + 0.1 * 90) / 240, rel=0.01)


def test_lines_of_one_reflection_are_summed_before_they_are_compared():
    calculated = curve(PEAKS[3])
    shifted = curve([110.0, 40.0, 60.0, 30.0])  # wrong line ratio, right reflection
    ratio = shifted / np.maximum(calculated, 1e-12)
    assert r_bragg(ANGLES, ratio, PEAKS, PAIRS, 1e-6) < 0.5 * r_bragg(ANGLES, ratio, PEAKS, np.arange(4), 1e-6)


def test_a_phase_without_intensity_has_no_r_bragg_to_divide_by():
    nothing = PEAKS.copy()
    nothing[3] = 0
    assert r_bragg(ANGLES, np.ones(ANGLES.size), nothing, PAIRS, 1e-6) == 0


# What is left unexplained.

FLAT = np.full(ANGLES.size, 200.0)
QUIET = np.full(ANGLES.size, 1e-9)


@given(st.floats(0.0, 2.0), st.floats(0.01, 100.0))
def test_the_share_that_a_model_leaves(share, unit):
    peaks = curve(PEAKS[3])
    left = unexplained(unit * (FLAT + peaks), unit * (FLAT + share * peaks), unit * FLAT, unit * QUIET)
    assert left == pytest.approx(abs(1 - share), abs=1e-6)


def test_noise_is_not_unexplained_however_weak_the_peaks_are():
    draw = np.random.default_rng(4)
    for height in (0.02, 0.05, 0.3, 1.0, 20.0):
        total = FLAT + height * curve(PEAKS[3])
        for _ in range(20):
            found = unexplained(draw.poisson(total), total, FLAT, np.sqrt(total))
            assert found < 0.15  # by chance less than 0 but for one in a thousand
    observed = draw.poisson(FLAT + 20 * curve(PEAKS[3]))
    assert unexplained(observed, FLAT, FLAT, np.sqrt(FLAT)) == pytest.approx(1.0, abs=0.01)


def test_a_pattern_without_peaks_has_nothing_to_explain():
    assert unexplained(FLAT, FLAT, FLAT, np.sqrt(FLAT)) == 0.0


def test_observed_over_calculated_is_that_above_the_background():
    rows = np.array([[0.0, 30.0, 2.0, 100.0], [0.0, 10.0, 2.0, 0.0]])
    background = np.full(4, 50.0)
    calculated = Calculated(total=background + rows.sum(axis=0), background=background, phases=rows, peaks=())
    observed = np.array([70.0, 90.0, 60.0, 40.0])
    # The third point's 4 counts stand below half of its sigma of 10: it says nothing.
    expected = [1.0, 40 / 40, 1.0, -10 / 100]
    assert observed_over_calculated(observed, calculated, np.full(4, 10.0)) == pytest.approx(expected)
