"""A log as Battery Data Format: read back, on the clock of the frames."""

import csv
from pathlib import Path

import numpy as np
import pytest

from layerox.electrochemistry.battery_data_format import TITLES, bdf_lines
from layerox.electrochemistry.read_log import read_electrochemistry

ROWS = [(0, 3.0, 0.1), (600, 3.2, 0.1), (1200, 3.4, 0.1), (1800, 3.4, 0.0), (2400, 3.3, -0.2), (3000, 3.1, -0.2)]
EPOCH = 1717401600.0  # 2024-06-03T08:00:00Z


@pytest.fixture
def log(tmp_path):
    path = tmp_path / "cell.csv"
    rows = "".join(f"{EPOCH + t},{u},{i},1,{1 + (i <= 0) + (i < 0)}\n" for t, u, i in ROWS)
    path.write_text(f"Unix Time / s,Voltage / V,Current / mA,Cycle Count / 1,Step Count / 1\n{rows}")
    return read_electrochemistry(path)


def test_the_titles_are_labels_of_the_ontology_the_required_first():
    assert TITLES[:3] == ("Test Time / s", "Voltage / V", "Current / A")


def test_units_are_those_of_the_titles(log):
    first, *rows = csv.reader(bdf_lines(log, 5.0))
    assert tuple(first) == TITLES
    table = np.array(rows, dtype=float)
    np.testing.assert_array_equal(table[:, 0], [t for t, _, _ in ROWS])
    np.testing.assert_allclose(table[:, 2], [1e-3 * i for _, _, i in ROWS])
    np.testing.assert_array_equal(table[:, 3], [EPOCH + t + 5.0 for t, _, _ in ROWS])
    # Charged with 0.1 mA for 20 minutes.
    assert table[2, 6] == pytest.approx(0.1e-3 / 3)


def test_it_is_read_back_with_its_times_moved_by_the_offset(tmp_path, log):
    path = Path(tmp_path / "electrochemistry.bdf.csv")
    path.write_text("".join(bdf_lines(log, 12.5)))
    found = read_electrochemistry(path)
    np.testing.assert_allclose(found.time, log.time + 12.5)
    for name in ("voltage", "current", "capacity"):
        np.testing.assert_allclose(getattr(found, name), getattr(log, name), atol=1e-9)
    np.testing.assert_array_equal(found.state, log.state)


def test_an_unknown_charge_is_an_empty_cell(log):
    object.__setattr__(log, "capacity", np.full(len(log), np.nan))
    assert [line.rstrip("\n").rpartition(",")[2] for line in bdf_lines(log)][1:] == [""] * len(ROWS)
