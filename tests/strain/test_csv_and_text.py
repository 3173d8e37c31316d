"""transitions.csv and the text, of a run whose changes are chosen here."""

import io

import numpy as np
import pandas as pd
import pytest

from layerox.strain.csv_and_text import transitions_csv, transitions_text, write_transitions
from layerox.strain.transitions.of_series import transitions
from run_tables import ramp, run_of

COUNT = 61
VOLTAGE = 2.5 + 0.05 * (30 - np.abs(np.arange(COUNT) - 30))
OP4 = ramp(COUNT, (10, 0.0), (20, 0.7), (45, 0.7), (55, 0.0))


@pytest.fixture(scope="module")
def found():
    """P2 -> OP4 on charge, back on discharge, and a P3 that becomes more at the cost of P2, which no glide makes."""
    p3 = ramp(COUNT, (24, 0.10), (36, 0.22))
    cell = np.column_stack([np.full(COUNT, 2.885), np.where(np.arange(COUNT) < 40, 11.155, 11.2)])
    weights = {"P2": 1 - OP4 - p3, "OP4": OP4, "P3": p3}
    return transitions(run_of(weights, cells={"P2": cell}, axes={"voltage": VOLTAGE}, seed=4, esd=0.002))


def test_births_keep_their_frames_and_get_their_places(found):
    table = pd.read_csv(io.StringIO(transitions_csv(found)))
    birth = table[(table["phase"] == "OP4") & (table["kind"] == "birth")].iloc[0]
    assert 10 < birth["frame"] <= 12
    assert abs(birth["onset"] - 10) < 4 * birth["onset_esd"]
    # 10 frames at 0.05 V from 2.5 V.
    assert abs(birth["voltage_onset"] - 3.0) < 4 * birth["voltage_onset_esd"]
    assert (birth["branch"], birth["mechanism"]) == ("charge", "two-phase")
    assert birth["transition"].startswith("P2 -> OP4")
    assert float(birth["coexistence_ratio"]) == pytest.approx(1.0, abs=0.05)


def test_rises_and_falls_are_rows_of_their_own(found):
    table = found.table
    rise = table[(table["phase"] == "P3") & (table["kind"] == "rise")].iloc[0]
    assert rise["frame"] == pytest.approx(30, abs=1.5)
    assert (rise["before"], rise["after"]) == (pytest.approx(0.10, abs=0.01), pytest.approx(0.22, abs=0.01))
    assert rise["glides"] == "forbidden"
    assert list(table["frame"]) == sorted(table["frame"])


def test_the_text_shows_what_matters(found):
    text = transitions_text(found)
    assert text.splitlines()[0] == found.name
    assert "P2 -> OP4 on charge: voltage" in text
    assert "P2 -> OP4 and back:" in text
    assert "P2 c is not reversible in cycle 1: 11.15" in text
    assert "notice: P2 -> P3" in text
    assert "not possible by gliding" in text


def test_what_began_before_the_first_frame_states_it():
    p3 = ramp(40, (0, 0.2), (30, 0.8))
    text = transitions_text(transitions(run_of({"O3": 1 - p3, "P3": p3})))
    assert "frame before 0" in text


def test_the_file_holds_the_table(found, tmp_path):
    path = write_transitions(found, tmp_path)
    assert path.name == "transitions.csv"
    assert path.read_text() == transitions_csv(found)
    assert len(pd.read_csv(path)) == len(found.table)


def test_a_run_without_changes_has_an_empty_table():
    found = transitions(run_of({"P2": np.ones(30)}))
    assert list(found.table.columns) == ["phase", "kind", "frame", "file"]
    assert transitions_text(found) == "P2"
