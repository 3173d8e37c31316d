"""Titles of columns as cyclers write them: what stands below, and the factor to s, V, mA and mAh."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from layerox.electrochemistry.column_titles import columns_of, is_arbin, title_of


@pytest.mark.parametrize(
    ("text", "quantity", "factor"),
    [
        ("time/s", "elapsed", 1.0),
        ("Ewe/V", "voltage", 1.0),
        ("<I>/mA", "current", 1.0),
        ("I/mA", "current", 1.0),
        ("(Q-Qo)/mA.h", "net", 1.0),
        ("(Q-Qo)/C", "net", 1.0 / 3.6),
        ("dq/mA.h", "increment", 1.0),
        ("cycle number", "cycle", None),
        ("Ns", "step", None),
        ("Test Time (s)", "elapsed", 1.0),
        ("Test_Time(s)", "elapsed", 1.0),
        ("Date_Time", "stamp", None),
        ("Current(A)", "current", 1000.0),
        ("Current (A)", "current", 1000.0),
        ("Charge_Capacity(Ah)", "charge", 1000.0),
        ("Discharge Capacity (Ah)", "discharge", 1000.0),
        ("Cycle_Index", "cycle", None),
        ("\tCapacitance_DChg(mAh)", "discharge", 1.0),
        ("DChg. Cap.(Ah)", "discharge", 1000.0),
        ("Capacity(Ah)", "step_capacity", 1000.0),
        ("CapaCity(mAh)", "step_capacity", 1.0),
        ("Cur(mA)", "current", 1.0),
        ("Time(h:min:s.ms)", "elapsed", None),
        ("Realtime", "stamp", None),
        ("Step Type", "kind", None),
        ("Test Time / h", "elapsed", 3600.0),
        ("Current / A", "current", 1000.0),
        ("Cycle Count / 1", "cycle", None),
        ("current_uA", "current", 1e-3),
        ("I µA", "current", 1e-3),
        ("voltage_mV", "voltage", 1e-3),
        ("time_utc", "stamp", None),
    ],
)
def test_titles_of_cyclers(text, quantity, factor):
    found = title_of(text)
    assert found.quantity == quantity
    assert found.factor == pytest.approx(factor) if factor is not None else found.factor is None


@pytest.mark.parametrize(
    "text",
    ["control/V/mA", "Energy(Wh)", "dQ/dV(mAh/V)", "Spec. Cap.(mAh/g)", "Chg. Spec. Cap.(mAh/g)", "mAh/g", "Ece/V",
     "Step Time (s)", "Temperature(C)", "|Energy|/W.h", "", "x", "Current(V)"],
)  # fmt: skip
def test_titles_of_no_interest_or_of_another_kind(text):
    assert title_of(text) is None


def test_of_several_columns_the_best_is_read():
    found = columns_of(["time/s", "Ewe-Ece/V", "Ewe/V", "Ece/V", "Total Time(h:min:s.ms)"])
    assert found["voltage"][0] == 2
    assert found["elapsed"][0] == 4


def test_arbin_is_known_by_its_titles():
    assert is_arbin(["Data_Point", "Test_Time(s)", "Step_Index", "Cycle_Index"])
    assert not is_arbin(["time/s", "Ewe/V", "cycle number"])


@given(st.text(max_size=40))
def test_any_title_is_something_or_nothing(text):
    found = title_of(text)
    assert found is None or found.quantity
