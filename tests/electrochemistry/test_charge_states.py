"""Where a cell is charged, discharged and at rest; its cycles; and what is a gap of a log."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from cyclers import truth_of
from layerox.electrochemistry.charge_states import counted_cycles, gaps_of, states_of
from layerox.electrochemistry.file_records import CHARGE, DISCHARGE, REST, UNKNOWN, Records, kinds_of, stretches


def records(**changes):
    truth = truth_of()
    return Records(
        **{"path": "cell", "time": truth.time, "voltage": truth.voltage, "current": truth.current, **changes}
    )


@pytest.mark.parametrize(
    ("words", "kind"),
    [
        ("Rest", REST), ("CC_Chg", CHARGE), ("CC DChg", DISCHARGE), ("CCCV_DChg", DISCHARGE), ("CV Chg", CHARGE),
        ("Pause", REST), ("discharge", DISCHARGE), ("charge", CHARGE), ("OCV", REST), ("CR_DChg", DISCHARGE),
        ("SIM", UNKNOWN), ("", UNKNOWN),
    ],
)  # fmt: skip
def test_words_of_steps(words, kind):
    assert kinds_of([words]).tolist() == [kind]


def test_noise_of_a_rest_is_a_rest():
    noisy = truth_of().current + 1e-4 * np.sin(np.arange(truth_of().current.size))
    np.testing.assert_array_equal(states_of(records(current=noisy), None)[0], truth_of().state)


def test_words_give_the_sign_to_currents_without_one():
    truth = truth_of()
    kind = np.where(truth.state == 0, REST, truth.state)
    for current, sign in ((np.abs(truth.current), 1), (-truth.current, -1), (truth.current, 1)):
        state, found = states_of(records(current=current, kind=kind), None)
        np.testing.assert_array_equal(state, truth.state)
        assert found == sign


@pytest.mark.parametrize(
    ("state", "cycle"),
    [
        ([0, 1, 0, -1, 0, 1, -1, 1], [1, 1, 1, 1, 1, 2, 2, 3]),
        ([-1, 1, -1, 1], [1, 1, 2, 2]),
        ([1, 0, 1, 0, 1], [1, 1, 1, 1, 1]),
        ([0, 0], [1, 1]),
    ],
    ids=["charge first", "discharge first", "pulses", "rest"],
)
def test_a_cycle_begins_where_the_cell_turns_back(state, cycle):
    assert counted_cycles(np.array(state)).tolist() == cycle


@given(st.lists(st.integers(-1, 1), min_size=1, max_size=50))
def test_stretches_cover_all_records_once_with_one_label_each(labels):
    labels = np.array(labels)
    found = list(stretches(labels))
    assert [k for part in found for k in range(part.start, part.stop)] == list(range(len(labels)))
    assert all(len(set(labels[part].tolist())) == 1 for part in found)


def gaps(time, voltage, current, step=None, longest=None):
    step = np.zeros(len(time), dtype=int) if step is None else step
    return np.flatnonzero(gaps_of(np.array(time, float), np.array(voltage, float), np.array(current, float),
                                  np.stack([step, step], axis=1), longest)).tolist()  # fmt: skip


def test_a_long_interval_in_which_the_voltage_moved_is_a_gap():
    time = [0, 60, 120, 180, 240, 3840, 3900]
    assert gaps(time, [3.0, 3.1, 3.2, 3.3, 3.4, 3.8, 3.81], [0.1] * 7) == [4]


def test_a_log_by_steps_of_voltage_has_none_on_a_plateau():
    """The cycler logged every 5 mV: an hour between two records with the same current is no gap."""
    time = [0, 60, 120, 180, 240, 3840, 3900]
    assert gaps(time, 3.0 + 0.005 * np.arange(7), [0.1] * 7) == []


def test_a_coarse_log_has_none():
    assert gaps(np.arange(10) * 1800.0, np.linspace(3, 4, 10), [0.1] * 10) == []


def test_a_rest_logged_rarely_beside_pulses_logged_often_has_none():
    pulse, rest = np.arange(30) * 1.0, 29.0 + np.arange(1, 20) * 600.0
    time = np.concatenate([pulse, rest])
    step = np.repeat([1, 2], [30, 19])
    voltage = np.concatenate([np.linspace(3, 3.5, 30), 3.5 - 0.03 * np.arange(19)])
    assert gaps(time, voltage, np.repeat([1.0, 0.0], [30, 19]), step) == []


def test_the_longest_interval_may_be_given():
    time = [0, 60, 120, 180, 240, 3840, 3900]
    assert gaps(time, [3.0] * 7, [0.1] * 7, longest=600.0) == [4]
