"""Limits of detection: Currie's numbers, and their confidence in many drawn patterns."""

import numpy as np
import pytest

from layerox.diffraction.detection_limit import absence_sigmas, as_fraction, critical_level, detection_limit

ANGLES = np.linspace(-1, 1, 400)


def peak(at, width=0.02):
    return np.exp(-0.5 * ((ANGLES - at) / width) ** 2)


def test_numbers_of_currie():
    # Currie 1968, table: k = 1.645, L_C = 1.645 sigma_0 and L_D = 3.29 sigma_0 for a blank that is well known.
    assert critical_level(2.0) == pytest.approx(3.29, abs=1e-3)
    assert detection_limit(1.0) == pytest.approx(3.29, abs=1e-3)


def test_a_single_scale_by_hand():
    # One phase over a known background: sigma = (sum c^2 / s^2)^(-1/2).
    curve, sigma = peak(0.0)[None], np.full(400, 3.0)
    found = absence_sigmas(curve, 0 * curve, np.zeros((0, 400)), np.full(400, 9.0), sigma)
    assert found[0] == pytest.approx(3.0 / np.sqrt((curve**2).sum()))


def test_what_a_phase_counts_itself_is_no_noise_when_it_is_absent():
    curve, basis, background = peak(0.0)[None], np.ones((1, 400)), np.full(400, 100.0)
    limits = []
    for scale in (0.0, 1000.0):
        total = background + scale * curve[0]
        limits.append(absence_sigmas(curve, scale * curve, basis, total, np.sqrt(total))[0])
    assert limits[1] == pytest.approx(limits[0], rel=1e-6)


def test_a_phase_without_a_scale_has_no_limit():
    curves = np.stack([peak(0.0), 0 * ANGLES])
    found = absence_sigmas(curves, 0 * curves, np.ones((1, 400)), np.full(400, 9.0), np.full(400, 3.0))
    assert found[0] > 0
    assert np.isnan(found[1])


@pytest.mark.parametrize("amount", [0.0, 1.0], ids=["absent", "at the limit"])
def test_confidence_of_both_errors(amount):
    """5 % of all blanks are claimed, 95 % of patterns at the limit are seen: 4000 drawn patterns of Poisson counts."""
    curves = np.stack([peak(0.05), 40 * peak(0.0)])
    basis = np.stack([np.ones(400), ANGLES])
    blank = 200.0 + 20 * ANGLES + curves[1] * 20
    sigma_0 = absence_sigmas(curves, np.stack([0 * ANGLES, 20 * curves[1]]), basis, blank, np.sqrt(blank))[0]
    truth = blank + amount * detection_limit(sigma_0) * curves[0]
    drawn = np.random.default_rng(7).poisson(truth, size=(4000, 400))
    columns = np.concatenate([curves, basis]) / np.sqrt(blank)
    scales = np.linalg.lstsq(columns.T, (drawn / np.sqrt(blank)).T, rcond=None)[0][0]
    seen = (scales > critical_level(sigma_0)).mean()
    # 4000 draws know a share of 5 % to 0.34 %; at the limit the phase's own counts widen the spread a little.
    assert seen == pytest.approx(0.95 if amount else 0.05, abs=0.015)


def test_fractions():
    assert as_fraction(1.0, 3.0) == 0.25
    assert np.isnan(as_fraction(0.0, 0.0))
