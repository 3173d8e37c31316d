"""Logistic changes: what is known of the curve, and what two descriptions say together."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from layerox.strain.transitions.change_uncertainty import DECISIVE, ONSET, Sigmoid, averaged, fitted_sigmoid, logistic

PLACE = np.arange(50.0)
START = np.array([15.0, 24.0, 33.0, 0.1, 0.6])


def test_the_curve_is_the_logistic_one():
    """Half at its middle; 1 / (1 + e) of it one width before."""
    values = logistic(np.array([20.0, 17.0, -1e4, 1e4]), 1.0, 3.0, 20.0, 3.0)
    np.testing.assert_allclose(values, [2.0, 1.0 + 2.0 / (1.0 + np.e), 1.0, 3.0])


def test_the_onset_is_on_the_line_through_10_and_30_per_cent():
    """That line reaches the level before at ONSET: its height there is 0.1 - 0.2 (t10 - onset) / (t30 - t10) = 0."""
    tenth, third = -np.log(9.0), -np.log(7.0 / 3.0)
    assert 0.1 - 0.2 * (tenth - ONSET) / (third - tenth) == pytest.approx(0.0)
    # The curve has 5.4 % behind it there.
    assert logistic(np.array([ONSET]), 0.0, 1.0, 0.0, 1.0)[0] == pytest.approx(0.0536, abs=1e-4)


def test_a_curve_is_found_again_within_its_uncertainties():
    sigma, pulls = 0.004, []
    for seed in range(30):
        value = logistic(PLACE, 0.1, 0.6, 25.0, 3.0) + sigma * np.random.default_rng(seed).standard_normal(50)
        found = fitted_sigmoid(PLACE, value, np.full(50, sigma), START)
        true = np.array([25 + 3 * ONSET, 25.0, 25 - 3 * ONSET, 0.1, 0.6])
        pulls.append((found.measured - true) / found.esds)
        assert found.chi_squared == pytest.approx(46, abs=45)
    # 150 pulls of a normal distribution: a standard deviation of one, within five of its own (0.06).
    assert np.std(pulls) == pytest.approx(1.0, abs=0.3)


def test_what_values_do_not_determine_is_left_open():
    line = 0.1 + 0.01 * PLACE
    esd = np.full(50, 0.004)
    assert fitted_sigmoid(PLACE[:4], line[:4], esd[:4], START) is None
    assert fitted_sigmoid(PLACE, line, esd, START + np.array([0, 60, 60, 0, 0])) is None
    # The slope goes on: a logistic curve as wide as the row has reached its bounds, or has no certain ends.
    found = fitted_sigmoid(PLACE, line, esd, START)
    assert found is None or found.esds[0] > 1.0


@given(st.floats(-100, 100), st.floats(0.1, 5), st.floats(0.1, 5))
def test_two_descriptions(difference, esd, other_esd):
    """A decisive one stands alone; else their mean, as uncertain as both and as far as they are apart."""
    one, other = np.zeros(5), Sigmoid(measured=np.full(5, 2.0), esds=np.full(5, other_esd), chi_squared=0.0)
    value, spread = averaged(one, np.full(5, esd), 50.0, other, 50.0 + difference)
    if difference >= DECISIVE:
        assert (value == 0).all()
        assert (spread == esd).all()
    elif difference <= -DECISIVE:
        assert (value == 2).all()
        assert (spread == other_esd).all()
    else:
        assert (value == 1).all()
        np.testing.assert_allclose(spread**2, (esd**2 + other_esd**2) / 2 + 1.0)
