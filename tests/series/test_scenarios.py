"""What stands beside synthetic patterns: charge, sodium and time agree with each other, and with what reads them."""

import csv
import io
from datetime import datetime

import numpy as np
import pytest

from layerox.errors import InputError
from layerox.series.scenarios import EXPERIMENT_LOGS, SCENARIOS, cycler_text, log_text

CELLS = sorted(name for name, book in EXPERIMENT_LOGS.items() if book.cell is not None)
# Faraday's constant (CODATA 2018), and molar masses of standard atomic masses (IUPAC 2021, abridged), g/mol.
COULOMB_PER_MOL = 96485.332
MOLAR = {
    "Na0.67Ni0.33Mn0.67O2": 0.67 * 22.990 + 0.33 * 58.693 + 0.67 * 54.938 + 2 * 15.999,
    "NaNi0.5Mn0.5O2": 22.990 + 0.5 * 58.693 + 0.5 * 54.938 + 2 * 15.999,
}


def rows_of(text):
    return list(csv.DictReader(io.StringIO(text)))


def test_every_scenario_has_its_logbook():
    assert EXPERIMENT_LOGS.keys() == SCENARIOS.keys()


@pytest.mark.parametrize("name", CELLS)
def test_the_charge_that_flows_is_the_sodium_that_leaves(name):
    """Current integrated over time, with the mass of the cathode and Faraday's constant, gives x(Na) at the end."""
    book = EXPERIMENT_LOGS[name]
    rows = rows_of(cycler_text(book))
    seconds = np.array([datetime.fromisoformat(row["time_utc"]).timestamp() for row in rows])
    current = np.array([float(row["current_mA"]) for row in rows])
    assert (np.diff(seconds) > 0).all()
    coulomb = float((current[1:] * 1e-3 * np.diff(seconds)).sum())
    formula, mass_mg = book.cell.formula, book.cell.mass_mg
    moles = mass_mg * 1e-3 / MOLAR[formula]
    first, last = book.cell.sodium[0][1], book.cell.sodium[-1][1]
    assert first - coulomb / COULOMB_PER_MOL / moles == pytest.approx(last, abs=2e-3)


def test_capacities_begin_anew_with_each_step_and_a_rest_has_none():
    rows = rows_of(cycler_text(EXPERIMENT_LOGS["p2-cycle"]))
    by_step = {step: [float(r["capacity_mAh"]) for r in rows if r["step"] == step] for step in "123"}
    assert by_step["1"][0] == 0
    assert (np.diff(by_step["1"]) > 0).all()
    assert set(by_step["2"]) == {0.0}
    assert by_step["3"][0] < 0.01 * by_step["3"][-1]
    # 0.55 and 0.51 Na for each formula unit of 103.6 g/mol and 4.2 mg, 26.80 Ah/mol.
    assert by_step["1"][-1] == pytest.approx(0.55 * 26.80 * 4.2 / MOLAR["Na0.67Ni0.33Mn0.67O2"], rel=1e-3)
    assert by_step["3"][-1] == pytest.approx(0.51 * 26.80 * 4.2 / MOLAR["Na0.67Ni0.33Mn0.67O2"], rel=1e-3)
    currents = [{np.sign(float(r["current_mA"])) for r in rows if r["step"] == step} for step in "123"]
    assert currents == [{1.0}, {0.0}, {-1.0}]


def test_the_log_states_where_each_frame_is():
    rows = rows_of(log_text(EXPERIMENT_LOGS["p3-p2-spinel"], ["a", "b", "c"], [0.0, 0.5, 1.0]))
    assert [row["file"] for row in rows] == ["a", "b", "c"]
    assert [float(row["temperature_k"]) for row in rows] == [300, 700, 1100]
    assert [float(row["time_h"]) for row in rows] == [0, 4, 8]
    assert "voltage" not in rows[0]


def test_a_furnace_has_no_cycler():
    with pytest.raises(InputError, match="no cell"):
        cycler_text(EXPERIMENT_LOGS["p3-p2-spinel"])
