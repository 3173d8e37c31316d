"""Rises and falls whose onset, midpoint and end are known because they are drawn here."""

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from layerox.strain.transitions.monotone_runs import turning_points
from layerox.strain.transitions.rises_and_falls import changes
from run_tables import ramp

COUNT, SIGMA = 60, 0.004
PLACE = np.arange(float(COUNT))


def found(true, seed=0, sigma=SIGMA, least=0.02, place=PLACE):
    value = true + sigma * np.random.default_rng([seed, 1]).standard_normal(len(true))
    return changes(place, value, np.full(len(true), sigma), least=least, seed=seed, draws=30)


def test_a_ramp_begins_and_ends_where_it_does():
    (change,) = found(ramp(COUNT, (15.4, 0.2), (38.2, 0.7)))
    assert change.rises
    assert (change.begins, change.ends) == ("rest", "rest")
    for number, true in ((change.onset, 15.4), (change.midpoint, 26.8), (change.end, 38.2)):
        assert abs(number - true) < 4 * number.esd
        assert 0.02 < number.esd < 0.6
    assert change.before == pytest.approx(0.2, abs=0.004)
    assert change.after == pytest.approx(0.7, abs=0.004)


def test_uncertainties_cover_the_truth():
    """Twenty-five ramps, three places each: within two esds in at least 92 %, for 95 % of a normal distribution.

    Hidden bends make the uncertainties of straight ramps larger.
    """
    pulls = []
    for k in range(25):
        begin, end = 12 + 0.3 * k, 34 + 0.4 * k
        (change,) = found(ramp(COUNT, (begin, 0.8), (end, 0.1)), seed=k)
        true = (begin, (begin + end) / 2, end)
        pulls += [(n - t) / n.esd for n, t in zip((change.onset, change.midpoint, change.end), true, strict=True)]
    assert np.mean(np.abs(pulls) < 2) >= 0.92
    assert abs(np.mean(pulls)) < 0.5


def test_the_onset_of_a_logistic_change_is_extrapolated():
    """From 10 and 30 per cent: at -ln 9 - (ln 9 - ln(7/3)) / 2 = -2.872 widths from the middle."""
    width, middle = 3.0, 30.0
    (change,) = found(0.1 + 0.6 / (1 + np.exp(-(PLACE - middle) / width)))
    reach = math.log(9) + (math.log(9) - math.log(7 / 3)) / 2
    assert reach == pytest.approx(2.872, abs=1e-3)
    for number, true in ((change.onset, -reach), (change.midpoint, 0.0), (change.end, reach)):
        assert abs(number - (middle + width * true)) < 4 * number.esd
        assert number.esd < 0.8


def test_two_steps_are_two_changes_and_a_turn_is_no_rest():
    steps = found(ramp(COUNT, (8, 0.1), (18, 0.4), (30, 0.4), (40, 0.8), (45, 0.8), (55, 0.2)))
    assert [change.rises for change in steps] == [True, True, False]
    assert [change.begins for change in steps] == ["rest", "rest", "rest"]
    there, back = found(ramp(COUNT, (8, 0.1), (30, 0.8), (50, 0.1)))
    assert (there.ends, back.begins) == ("reversal", "reversal")
    assert there.end == pytest.approx(30, abs=0.5)


def test_what_began_before_the_first_value_has_no_onset():
    (change,) = found(ramp(COUNT, (0, 0.8), (30, 0.2)))
    assert change.begins == "start"
    assert change.onset == 0.0
    assert math.isnan(change.onset.esd)
    (change,) = found(ramp(COUNT, (30, 0.8), (59, 0.2)))
    assert change.ends == "end"
    assert math.isnan(change.end.esd)


def test_an_abrupt_change_is_as_uncertain_as_the_values_are_apart():
    """Uniform between two neighbours: their distance over the root of 12."""
    place = 4.0 * np.arange(30)
    (change,) = found(np.where(place < 58, 0.1, 0.8), place=place)
    assert 56 <= change.midpoint <= 60
    assert change.midpoint.esd >= 4 / math.sqrt(12) * 0.99


def test_noise_does_not_change():
    """Of a hundred rows of noise with twenty values more than one sigma from their mean each, none has a change."""
    assert not any(found(np.full(COUNT, 0.5), seed=k, sigma=0.01) for k in range(100))


def test_small_changes_do_not_count():
    assert found(ramp(COUNT, (20, 0.50), (30, 0.515))) == ()
    assert len(found(ramp(COUNT, (20, 0.50), (30, 0.515)), least=0.01, sigma=0.001)) == 1


def test_two_values_are_too_few():
    assert changes(np.arange(2.0), np.array([0.0, 1.0]), np.full(2, 0.1), least=0.02) == ()


@given(st.lists(st.floats(0, 1), min_size=2, max_size=30), st.floats(0.05, 0.5))
def test_turns_alternate_and_are_large_enough(heights, least):
    turns = turning_points(np.array(heights), least)
    steps = np.diff([heights[k] for k in turns])
    assert turns == sorted(turns)
    assert (np.abs(steps) >= least).all()
    assert (steps[1:] * steps[:-1] < 0).all()
    if not turns:
        assert max(heights) - min(heights) < least
