"""What a log says at given moments: interpolated between records, never across gaps, never outside."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from layerox.electrochemistry.cell_log import Electrochemistry, moments_of

# A charge of 1 mA (records every 100 s), a gap of 1000 s, and a rest of 200 s.
TIME = np.array([0.0, 100.0, 200.0, 300.0, 1300.0, 1400.0, 1500.0])
LOG = Electrochemistry(
    time=TIME,
    voltage=3.0 + TIME / 1000.0,
    current=np.array([1.0, 1.0, 1.0, 1.0, 0.0, 0.0, 0.0]),
    capacity=np.array([0.0, 1.0, 2.0, 3.0, 9.0, 9.0, 9.0]),
    cycle=np.ones(7, dtype=int),
    step=np.array([1, 1, 1, 1, 2, 2, 2]),
    state=np.array([1, 1, 1, 1, 0, 0, 0]),
    gaps=np.array([False, False, False, True, False, False]),
)


def test_values_lie_between_the_records_around():
    found = moments_of(LOG, np.array([0.0, 150.0, 1450.0, 1500.0]))
    np.testing.assert_allclose(found.voltage, [3.0, 3.15, 4.45, 4.5])
    np.testing.assert_allclose(found.capacity, [0.0, 1.5, 9.0, 9.0])
    np.testing.assert_allclose(found.current, [1.0, 1.0, 0.0, 0.0])
    assert found.step.tolist() == [1.0, 1.0, 2.0, 2.0]


def test_nothing_is_stated_outside_in_gaps_and_without_a_time():
    found = moments_of(LOG, np.array([-1.0, 300.5, 800.0, 1299.0, 1501.0, np.nan]))
    for values in (found.voltage, found.current, found.capacity, found.cycle, found.step):
        assert np.isnan(values).all()
    assert (found.outside, found.in_gaps) == (2, 3)


def test_the_edges_of_a_gap_are_known():
    found = moments_of(LOG, np.array([300.0, 1300.0]))
    np.testing.assert_allclose(found.capacity, [3.0, 9.0])


def test_between_steps_the_current_is_that_of_the_record_before():
    closed = Electrochemistry(**{**{name: getattr(LOG, name) for name in
                                    ("time", "voltage", "current", "capacity", "cycle", "step", "state")},
                                 "gaps": np.zeros(6, dtype=bool)})  # fmt: skip
    assert moments_of(closed, np.array([1200.0])).current[0] == 1.0


@given(st.lists(st.floats(-100.0, 1600.0), min_size=1, max_size=20))
def test_what_is_stated_is_between_what_was_logged(times):
    found = moments_of(LOG, np.array(times))
    for time, voltage in zip(times, found.voltage, strict=True):
        in_gap, outside = 300.0 < time < 1300.0, not 0.0 <= time <= 1500.0
        assert np.isnan(voltage) == (in_gap or outside)
        if not np.isnan(voltage):
            assert voltage == pytest.approx(3.0 + time / 1000.0)
