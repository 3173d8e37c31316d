"""Uncertainties of changes, against the spread over many rows that are drawn here."""

import math

import numpy as np
import pytest

from layerox.strain.transitions.rises_and_falls import changes
from run_tables import ramp

COUNT, SIGMA = 40, 0.006
PLACE = np.arange(float(COUNT))
RAMP = ramp(COUNT, (10.4, 0.2), (25.8, 0.6))


def drawn(seed, true=RAMP, place=PLACE, sigma=SIGMA, draws=20):
    value = true + sigma * np.random.default_rng([seed, 3]).standard_normal(len(true))
    return changes(place, value, np.full(len(true), sigma), least=0.02, seed=seed, draws=draws)


def test_the_spread_is_that_of_many_rows():
    """At least what thirty rows scatter, at most three times it: bends too small to be seen are allowed for."""
    found = [drawn(k)[0] for k in range(30)]
    for name in ("onset", "midpoint", "end"):
        numbers = [getattr(change, name) for change in found]
        scatter = np.std([float(number) for number in numbers])
        stated = np.median([number.esd for number in numbers])
        assert 0.8 * scatter < stated < 3.0 * scatter, name


def test_twice_the_noise_twice_the_uncertainty():
    usual = np.median([drawn(k)[0].midpoint.esd for k in range(8)])
    larger = np.median([drawn(k, sigma=2 * SIGMA)[0].midpoint.esd for k in range(8)])
    assert larger / usual == pytest.approx(2.0, rel=0.3)


def test_a_turn_that_no_frame_shows_is_less_certain():
    """Up and down by 0.04 a frame; the three frames at the top are missing, then none is."""
    true = ramp(COUNT, (5, 0.1), (20, 0.7), (35, 0.1))
    gap = np.delete(np.arange(COUNT), [19, 20, 21])
    whole, holed = drawn(1, true)[0], drawn(1, true[gap], PLACE[gap])[0]
    assert holed.end.esd > 2 * whole.end.esd
    assert abs(holed.end - 20) < 2 * holed.end.esd
    # The onset, where no frame is missing, is known as before.
    assert holed.onset.esd == pytest.approx(whole.onset.esd, rel=0.5)


def test_what_happens_between_two_frames_is_uniform_there():
    step = np.where(PLACE < 20, 0.2, 0.8)
    (change,) = drawn(0, step)
    assert 19 <= change.midpoint <= 20
    assert change.midpoint.esd == pytest.approx(1 / math.sqrt(12), rel=0.35)


def test_the_same_seed_states_the_same():
    one, other = drawn(4)[0], drawn(4)[0]
    assert (one.onset, one.onset.esd) == (other.onset, other.onset.esd)
