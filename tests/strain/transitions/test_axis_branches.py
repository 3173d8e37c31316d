"""Charge and discharge, heating and cooling, read off what is known beside the frames."""

import numpy as np
import pandas as pd
from hypothesis import given
from hypothesis import strategies as st

from layerox.strain.transitions.axis_branches import branches, cycles


def test_the_current_shows_charge_from_discharge():
    table = pd.DataFrame({"current": [0.0, 0.1, 0.1, 5e-5, -0.1, -0.002, np.nan, 0.1]})
    found = branches(table)
    assert found == ["rest", "charge", "charge", "rest", "discharge", "discharge", "", "charge"]
    assert cycles(table, found) == [1, 1, 1, 1, 1, 1, 1, 2]


def test_without_a_current_the_voltage_turns():
    up, down = np.linspace(2.0, 4.3, 12), np.linspace(4.3, 2.0, 12)[1:]
    table = pd.DataFrame({"voltage": np.concatenate([up, down, up[1:]])})
    found = branches(table)
    assert found == ["charge"] * 12 + ["discharge"] * 11 + ["charge"] * 11
    assert cycles(table, found) == [1] * 23 + [2] * 11


def test_heating_and_cooling_in_spite_of_noise():
    """Two degrees of noise on 600: no turn but the one at the top."""
    noise = np.random.default_rng(1).normal(0, 2.0, 61)
    way = np.concatenate([np.linspace(300, 900, 40), np.linspace(880, 500, 21)])
    found = branches(pd.DataFrame({"temperature": way + noise}))
    top = int(np.argmax(way + noise))
    assert found == ["heating"] * (top + 1) + ["cooling"] * (60 - top)


def test_a_table_of_its_own_cycles_is_accepted():
    table = pd.DataFrame({"voltage": [2.0, 3.0, 4.0, 3.0, 2.0], "cycle": [3.0, 3, 3, np.nan, 4]})
    assert cycles(table, branches(table)) == [3, 3, 3, None, 4]


def test_nothing_is_stated_without_an_axis():
    table = pd.DataFrame({"frame": range(4), "voltage": [np.nan] * 4})
    assert branches(table) == [""] * 4
    assert cycles(table, branches(table)) == [None] * 4
    assert branches(pd.DataFrame({"voltage": [3.0, 3.0, 3.0]})) == ["", "", ""]


@given(st.lists(st.floats(2.0, 4.5), min_size=1, max_size=40))
def test_every_frame_of_a_turning_voltage_has_a_branch(values):
    found = branches(pd.DataFrame({"voltage": values}))
    assert len(found) == len(values)
    assert set(found) in ({""}, {"charge"}, {"discharge"}, {"charge", "discharge"})
    for k in range(1, len(values)):
        # A branch begins where the voltage leaves an extreme.
        if found[k] != found[k - 1] and values[k] != values[k - 1]:
            assert (found[k] == "charge") == (values[k] > values[k - 1]), k
