"""Exports of further cyclers, written here from their descriptions: each gives the log that is known."""

import numpy as np
import pytest

import cyclers
from layerox.electrochemistry import read_electrochemistry
from layerox.errors import InputError

TRUTH = cyclers.truth_of()


@pytest.mark.parametrize("name", cyclers.PROGRAMS)
def test_an_export_gives_the_known_log(tmp_path, name):
    path = tmp_path / name
    cyclers.PROGRAMS[name](path, TRUTH)
    log = read_electrochemistry(path, time_zone=None if name == "bdf.csv" else "Europe/Berlin")
    np.testing.assert_allclose(log.time, TRUTH.time, atol=0.51)
    np.testing.assert_allclose(log.voltage, TRUTH.voltage, atol=1e-6)
    np.testing.assert_allclose(log.current, TRUTH.current, atol=1e-6)
    np.testing.assert_allclose(log.capacity, TRUTH.net, atol=2e-3)
    assert log.cycle.tolist() == TRUTH.cycle.tolist()
    assert log.step.tolist() == TRUTH.step.tolist()


def test_machine_readable_names_of_the_battery_data_format(tmp_path):
    path = tmp_path / "bdf.csv"
    cyclers.write_bdf(path, TRUTH, machine=True)
    log = read_electrochemistry(path)
    np.testing.assert_allclose(log.time, TRUTH.time, atol=1e-3)
    np.testing.assert_allclose(log.current, TRUTH.current, atol=1e-6)


def test_columns_of_any_other_table_are_mapped(tmp_path):
    """Titles that nobody else writes, with units in the title, behind a colon, or none for a voltage."""
    path = tmp_path / "own.csv"
    rows = [f"{s:.3f};{u:.6f};{i:.6f}" for s, u, i in zip(TRUTH.time, TRUTH.voltage, TRUTH.current, strict=True)]
    path.write_text("\n".join(["Zeit;Spannung;Strom [mA]", *rows, ""]))
    mapping = {"date": "Zeit", "voltage": "Spannung", "current": "Strom [mA]"}
    log = read_electrochemistry(path, columns=mapping)
    np.testing.assert_allclose(log.current, TRUTH.current, atol=1e-6)
    log = read_electrochemistry(path, columns={**mapping, "voltage": "Spannung:mV"})
    np.testing.assert_allclose(log.voltage, TRUTH.voltage / 1e3, atol=1e-9)


@pytest.mark.parametrize(
    ("columns", "fault"),
    [({"volts": "Spannung"}, "unknown quantity 'volts'; did you mean 'voltage'"),
     ({"date": "Zeit", "voltage": "Spannung", "current": "Strom"}, "has no column titled 'Strom'")],
)  # fmt: skip
def test_a_wrong_mapping_is_one_line(tmp_path, columns, fault):
    path = tmp_path / "own.csv"
    path.write_text("Zeit;Spannung;I/mA\n1717403400;3.1;0.5\n1717403460;3.2;0.5\n")
    with pytest.raises(InputError) as caught:
        read_electrochemistry(path, columns=columns)
    assert fault in str(caught.value)
