"""What drives a run, its ways, and what lies where on it."""

import numpy as np
import pytest

from layerox.errors import InputError
from layerox.refined import Refined
from layerox.strain.transitions.axis_branches import axis_of
from run_tables import run_of

COUNT = 40
FRAME = np.arange(COUNT)


def run(**axes):
    return run_of({"P2": np.ones(COUNT)}, axes={name: np.asarray(own, dtype=float) for name, own in axes.items()})


def test_temperatures_and_voltages_go_before_other_axes():
    axis = axis_of(run(time_h=0.1 * FRAME, temperature_k=300 + 10 * FRAME))
    assert axis.name == "temperature_k"
    assert [(b.name, b.first, b.last) for b in axis.branches] == [("heating", 0, 39)]
    assert axis_of(run(time_h=0.1 * FRAME)).name == "time_h"
    assert axis_of(run()).name == ""


def test_an_axis_without_a_name_for_its_ways_goes_up_and_down():
    axis = axis_of(run(stroke=20 - np.abs(FRAME - 20)), "stroke")
    assert [(b.name, b.cycle, b.first, b.last) for b in axis.branches] == [("up", 1, 0, 20), ("down", 1, 21, 39)]
    assert [axis.branch(frame).name for frame in (0, 20, 21.0, 39)] == ["up", "up", "down", "down"]


def test_a_place_between_frames_is_on_the_line_between_them():
    """10 K a frame: 20.5 frames are 505 K, an uncertainty of 0.2 frames is one of 2 K."""
    axis = axis_of(run(temperature_k=300 + 10 * FRAME))
    place = axis.at(Refined(20.5, 0.2, "free"))
    assert (float(place), place.esd) == (pytest.approx(505.0), pytest.approx(2.0))


def test_where_the_axis_rests_the_uncertainty_is_that_of_what_surrounds_it():
    """Two frames at 500 K in a ramp of 10 K a frame."""
    held = np.where(FRAME < 20, 300 + 10 * FRAME, 300 + 10 * (FRAME - 1))
    place = axis_of(run(temperature_k=held)).at(Refined(19.5, 0.2, "free"))
    assert place.esd == pytest.approx(2.0)


def test_frames_without_a_place_are_left_out():
    axis = axis_of(run(voltage=np.where(FRAME == 7, np.nan, 3.0 + 0.01 * FRAME)))
    assert 7 not in axis.frame
    assert axis.at(Refined(7.0, 0.1, "free")) == pytest.approx(3.07)


def test_without_an_axis_frames_are_places():
    place = Refined(3.3, 0.1, "free")
    axis = axis_of(run())
    assert axis.at(place) is place
    assert axis.branch(3) is None
    unknown = axis_of(run(voltage=np.full(COUNT, np.nan)))
    assert unknown.name == ""


def test_an_axis_that_is_not_there():
    with pytest.raises(InputError, match="no axis is called 'volts'"):
        axis_of(run(voltage=FRAME), "volts")
