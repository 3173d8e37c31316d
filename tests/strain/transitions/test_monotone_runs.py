"""Monotone stretches of lines that are drawn here, without noise: what each place is follows from the points."""

import numpy as np
import pytest

from layerox.strain.transitions.broken_line import BrokenLine
from layerox.strain.transitions.monotone_runs import chord, measured, monotone_runs, turns_after


def line_of(*points, sigma=1e-4):
    knots, heights = np.array(points, dtype=float).T
    return BrokenLine(knots=knots, heights=heights, covariance=sigma**2 * np.eye(len(knots)), count=int(knots[-1]) + 1)


def places(line, least=0.02):
    return [tuple(measured(line, run)[:3]) for run in monotone_runs(line, least)]


def test_rests_at_the_ends_are_cut_off():
    """The last 10 frames rise by 0.004: slower than a twentieth, and less than a tenth of the whole."""
    line = line_of((0, 0.1), (20, 0.1), (40, 0.5), (59, 0.504))
    assert places(line) == [pytest.approx((20, 30, 40))]


def test_a_slow_end_that_does_much_belongs_to_the_change():
    """A fifth of the way over 19 of 39 frames: 10, 30, 50, 70 % at 22.5, 27.5, 32.5, 37.5; 90 % at 49.5."""
    line = line_of((0, 0.1), (20, 0.1), (40, 0.5), (59, 0.6))
    assert places(line) == [pytest.approx((20, 32.5, 49.5 + 6))]


def test_a_rest_within_parts_two_changes():
    line = line_of((0, 0.1), (10, 0.3), (20, 0.3), (30, 0.6))
    assert places(line) == [pytest.approx((0, 5, 10)), pytest.approx((20, 25, 30))]
    short = line_of((0, 0.1), (10, 0.3), (12, 0.3), (22, 0.6))
    assert len(places(short)) == 1


def test_what_goes_there_and_back_before_is_no_part_of_a_change():
    """A foil's share: 0.010 up and down, then 0.022 up; the rise begins at 33, not at 14."""
    foil = line_of((0, 0.062), (14, 0.062), (23, 0.072), (29, 0.062), (33, 0.062), (40, 0.084), (59, 0.084))
    assert places(foil) == [pytest.approx((33, 36.5, 40), abs=0.2)]


def test_a_staircase_with_dips_is_one_change_where_no_step_is_large_enough():
    stairs = line_of((0, 0.1), (10, 0.115), (15, 0.108), (25, 0.123), (30, 0.116), (40, 0.131))
    (found,) = places(stairs)
    assert found[0] < 10
    assert found[2] > 30


def test_a_change_must_be_clear_of_its_uncertainty():
    """0.03 is three times sqrt(2) 0.007; five are asked."""
    assert places(line_of((0, 0.1), (20, 0.1), (40, 0.13), (59, 0.13), sigma=0.007)) == []


def test_a_turn_is_a_turn_without_a_rest_between():
    turn = line_of((0, 0.1), (20, 0.5), (40, 0.1))
    assert turns_after(turn, monotone_runs(turn, 0.02), 0)
    rest = line_of((0, 0.1), (20, 0.5), (30, 0.5), (50, 0.1))
    assert not turns_after(rest, monotone_runs(rest, 0.02), 0)


def test_the_chord_ends_at_the_outermost_values():
    """The line turns at 20.5, between two values: neither shows more than 0.49."""
    turn = line_of((0, 0.08), (20.5, 0.5), (41, 0.08))
    place = np.arange(42.0)
    rise, fall = monotone_runs(turn, 0.02)
    points, heights = chord(turn, rise, place)
    assert heights.max() == pytest.approx(0.5 - 0.5 * 0.42 / 20.5)
    assert (points[0], heights[0]) == (0.0, pytest.approx(0.08))
    assert points[-1] in (20.0, 21.0)
    back, _ = chord(turn, fall, place)
    assert back[0] in (20.0, 21.0)
    assert back[-1] == 41.0
