"""The offset between two clocks, from what both have seen; and its refusal where chance would see as much."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from layerox.electrochemistry.cell_log import Electrochemistry
from layerox.electrochemistry.clock_offset import fitted_offset
from layerox.errors import InputError

HOUR = 3600.0
BEGIN = 1.7e9


def log_of(turns, hours=12.0, every=60.0):
    """Return a log that turns from charge to rest to charge to ... at these hours."""
    time = np.unique([*np.arange(0.0, hours * HOUR, every), hours * HOUR, *(turn * HOUR for turn in turns)])
    state = np.searchsorted(np.array(turns) * HOUR, time, side="right") % 2 == 0
    zeros = np.zeros(time.size)
    return Electrochemistry(time=BEGIN + time, voltage=3.5 + zeros, current=state.astype(float), capacity=zeros,
                            cycle=zeros.astype(int), step=zeros.astype(int), state=state.astype(int),
                            gaps=np.zeros(time.size - 1, dtype=bool))  # fmt: skip


def frames_of(pauses, hours=12.0, cadence=300.0):
    """Return starts and ends of frames through a log, none of them in pauses given as (from, to) hours."""
    starts = BEGIN + np.arange(0.0, hours * HOUR, cadence)
    kept = np.ones(starts.size, dtype=bool)
    for begin, end in pauses:
        kept &= (starts + cadence <= BEGIN + begin * HOUR + 1) | (starts >= BEGIN + end * HOUR - 1)
    return starts[kept], starts[kept] + cadence


PAUSES = ((2.0, 2.5), (5.0, 6.0), (9.0, 9.25))
TURNS = [hour for pause in PAUSES for hour in pause]


@given(offset=st.floats(-12 * HOUR, 12 * HOUR))
def test_pauses_that_both_have_seen_give_the_offset(offset):
    """The beam was shut while the cell rested, three times; eight events with first and last frame."""
    starts, ends = frames_of(PAUSES)
    found = fitted_offset(starts + offset, ends + offset, log_of(TURNS))
    assert found.value == pytest.approx(offset, abs=1.0)
    assert found.evidence.startswith("8 of 8 events")


def test_a_stretch_of_few_frames_is_one_gap():
    """The scan was slowed down from 5 to 20 minutes while the cell rested from 5 to 6 hours: one frame at 5.33 h."""
    starts, ends = frames_of(PAUSES)
    slow = BEGIN + 5 * HOUR + 1200.0
    starts, ends = np.sort([*starts, slow]), np.sort([*ends, slow + 300.0])
    assert fitted_offset(starts + 60.0, ends + 60.0, log_of(TURNS)).evidence.startswith("8 of 8 events")


def test_clocks_that_are_read_roughly_have_an_uncertainty():
    draw = np.random.default_rng(2)
    starts, ends = frames_of(PAUSES)
    noise = draw.normal(0.0, 20.0, starts.size)
    found = fitted_offset(starts + 777.0 + noise, ends + 777.0 + noise, log_of(TURNS))
    assert 1.0 < found.esd < 20.0
    assert abs(found.value - 777.0) < 4 * found.esd


def test_matching_lengths_alone_are_no_evidence():
    """A hundred frames as long as the log: first and last coincide with its ends, and chance does that easily."""
    starts, ends = frames_of(())
    with pytest.raises(InputError, match="no offset between the clocks is significant") as caught:
        fitted_offset(starts + 500.0, ends + 500.0, log_of(TURNS))
    assert caught.value.argument == "offset"
    assert "2 of 2 events" in str(caught.value)


def test_too_few_frames_tell_nothing():
    with pytest.raises(InputError, match="2 frames with a time"):
        fitted_offset(np.array([BEGIN, BEGIN + 60, np.nan]), np.full(3, np.nan), log_of(TURNS))


def test_unrelated_pauses_are_hardly_ever_accepted():
    """Pauses and turns drawn independently, 200 times: the probability that is told is kept."""
    draw, believed = np.random.default_rng(7), 0
    for _ in range(200):
        bounds = np.sort(draw.uniform(0.5, 11.5, 6))
        turns = np.sort(draw.uniform(0.2, 11.8, 6))
        starts, ends = frames_of([(bounds[k], bounds[k + 1]) for k in (0, 2, 4)])
        try:
            fitted_offset(starts, ends, log_of(turns.tolist()))
            believed += 1
        except InputError:
            pass
    assert believed <= 6
