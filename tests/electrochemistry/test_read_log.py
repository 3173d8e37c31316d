"""The same cell in the formats of several cyclers: whatever the program, the log is that of the cell."""

import re
import sys

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from cyclers import (
    PROGRAM,
    START,
    arbin_rows,
    truth_of,
    write_arbin,
    write_arbin_workbook,
    write_mpt,
    write_nda,
    write_ndax,
    write_neware,
    write_neware_layered,
    write_old_arbin,
    write_plain,
    write_workbook,
)
from layerox.electrochemistry import read_electrochemistry
from layerox.errors import InputError

ZONE = "Europe/Berlin"
FORMATS = {
    "mpt": ("cell.mpt", write_mpt),
    "mpt with decimal commas": ("cell.mpt", lambda path, truth: write_mpt(path, truth, decimal=",")),
    "mpt with dates": ("cell.mpt", lambda path, truth: write_mpt(path, truth, absolute=True)),
    "neware": ("cell.csv", write_neware),
    "neware, layered": ("cell.csv", write_neware_layered),
    "neware, layered, steps behind cycles": (
        "cell.csv",
        lambda path, truth: write_neware_layered(path, truth, first_step_behind_its_cycle=True),
    ),
    "nda": ("cell.nda", write_nda),
    "ndax": ("cell.ndax", write_ndax),
    "arbin": ("cell.csv", write_arbin),
    "arbin without units": ("cell.csv", write_old_arbin),
    "arbin workbook": ("cell.xlsx", write_arbin_workbook),
    "plain": ("cell.csv", write_plain),
    "plain with semicolons": (
        "cell.txt",
        lambda path, truth: write_plain(path, truth, separator=";", decimal=","),
    ),
}
every_format = pytest.mark.parametrize(("name", "write"), FORMATS.values(), ids=FORMATS)
# How finely the formats write: volts and milliampere (.nda: 0.1 mV, 10 uA), mAh.
VOLT, MILLIAMP, MILLIAMPHOUR = 1e-4, 1e-6, 2e-4


def assert_same(log, truth):
    np.testing.assert_allclose(log.time, truth.time, atol=1e-3)
    np.testing.assert_allclose(log.voltage, truth.voltage, atol=VOLT)
    np.testing.assert_allclose(log.current, truth.current, atol=MILLIAMP)
    np.testing.assert_allclose(log.capacity, truth.net, atol=MILLIAMPHOUR)
    np.testing.assert_array_equal(log.state, truth.state)


@every_format
def test_every_format_gives_the_log_of_the_cell(tmp_path, name, write):
    truth = truth_of()
    log = read_electrochemistry(write(tmp_path / name, truth), time_zone=ZONE)
    assert_same(log, truth)
    np.testing.assert_array_equal(log.cycle, truth.cycle)
    np.testing.assert_array_equal(log.step, truth.step)
    assert not log.gaps.any()


@every_format
def test_stretches_are_the_steps_of_the_program(tmp_path, name, write):
    log = read_electrochemistry(write(tmp_path / name, truth_of()), time_zone=ZONE)
    found = [stretch for stretch in log.stretches if stretch.end > stretch.start]
    assert [stretch.state for stretch in found] == ["rest", "charge", "rest", "discharge", "rest", "charge"]
    assert [stretch.cycle for stretch in found] == [1, 1, 1, 1, 1, 2]
    expected = [current * minutes / 60.0 for current, minutes in PROGRAM]
    np.testing.assert_allclose([stretch.capacity for stretch in found], expected, atol=MILLIAMPHOUR)


programs = st.lists(
    st.tuples(st.sampled_from([-1.0, -0.25, 0.0, 0.25, 1.0]), st.integers(1, 30)), min_size=2, max_size=8
).filter(lambda program: any(current for current, _ in program))


@given(program=programs, chosen=st.sampled_from(sorted(FORMATS)))
@settings(max_examples=60)
def test_any_program_is_read_as_it_was(tmp_path_factory, program, chosen):
    name, write = FORMATS[chosen]
    truth = truth_of(program)
    log = read_electrochemistry(write(tmp_path_factory.mktemp("log") / name, truth), time_zone=ZONE)
    np.testing.assert_allclose(log.capacity, truth.net, atol=2e-3)
    np.testing.assert_array_equal(log.state, truth.state)
    np.testing.assert_allclose(log.time, truth.time, atol=1e-3)


@given(text=st.text(max_size=400))
def test_any_text_is_a_log_or_refused_in_one_line(tmp_path_factory, text):
    path = tmp_path_factory.mktemp("log") / "odd.csv"
    path.write_text(text, encoding="utf-8")
    with pytest.raises(InputError) as caught:
        read_electrochemistry(path)
    assert "\n" not in str(caught.value)


@given(cut=st.integers(0, 10_000), noise=st.binary(max_size=6), chosen=st.sampled_from(sorted(FORMATS)))
@settings(max_examples=150)
def test_a_damaged_file_is_a_log_or_refused(tmp_path_factory, cut, noise, chosen):
    name, write = FORMATS[chosen]
    path = write(tmp_path_factory.mktemp("log") / name, truth_of(((0.5, 20), (-0.5, 20))))
    whole = path.read_bytes()
    at = cut % len(whole)
    path.write_bytes(whole[:at] + noise + (whole[at:] if len(noise) > 3 else b""))
    try:
        log = read_electrochemistry(path, time_zone=ZONE)
    except InputError:
        return
    assert np.isfinite(log.time).all()
    assert (np.diff(log.time) >= 0).all()


def test_the_table_is_a_data_frame_in_utc(tmp_path):
    table = read_electrochemistry(write_mpt(tmp_path / "cell.mpt", truth_of()), time_zone=ZONE).table
    assert list(table) == ["time", "voltage", "current", "capacity", "cycle", "step", "state"]
    assert table["time"][0] == START
    assert set(table["state"]) == {"rest", "charge", "discharge"}


def test_files_of_one_cell_are_joined_in_order(tmp_path):
    """EC-Lab writes a file for each technique: an open circuit without a column of current, then the cycling."""
    truth = truth_of(((0.5, 30), (-0.5, 10)))
    cycling = write_mpt(tmp_path / "a_02_GCPL.mpt", truth)
    lines = ["EC-Lab ASCII FILE", "Nb header lines : 6", "", "Open Circuit Voltage",
             "Acquisition started on : 06/03/2024 10:00:00.000", "mode\ttime/s\tEwe/V"]  # fmt: skip
    lines += [f"3\t{60.0 * k}\t{2.9 + 1e-4 * k}" for k in range(31)]
    rest = tmp_path / "a_01_OCV.mpt"
    rest.write_text("\n".join(lines) + "\n")
    log = read_electrochemistry([cycling, rest], time_zone=ZONE)
    assert len(log) == 31 + len(truth.time)
    assert [stretch.state for stretch in log.stretches] == ["rest", "charge", "discharge"]
    np.testing.assert_allclose(log.capacity[31:], truth.net, atol=1e-6)
    assert log.mass_mg == 5.12
    with pytest.raises(InputError, match="begins before"):
        read_electrochemistry([cycling, cycling], time_zone=ZONE)


@pytest.mark.parametrize(
    ("old", "new", "mass"),
    [(r"lines\s*:\s*\d+", "lines : 999999999", 5.12), (r"5[.,]12\d*\s*mg", "5.1.2 mg", None)],
)
def test_a_header_of_odd_numbers_is_read_as_far_as_it_goes(tmp_path, old, new, mass):
    path = write_mpt(tmp_path / "a.mpt", truth_of(((0.5, 30),)))
    text, count = re.subn(old, new, path.read_bytes().decode("latin-1"), count=1)
    assert count == 1
    path.write_bytes(text.encode("latin-1"))
    assert read_electrochemistry(path, time_zone=ZONE).mass_mg == mass


def test_charge_that_may_have_flowed_between_two_files_is_not_made_up(tmp_path):
    truth = truth_of(((0.5, 30),))
    early = write_plain(tmp_path / "early.csv", truth)
    stamps = [f"2024-06-03T20:{int(s // 60):02d}:00Z" for s in truth.elapsed]
    late = write_plain(tmp_path / "late.csv", truth, stamps=stamps)
    log = read_electrochemistry([early, late])
    assert log.gaps.sum() == 1
    assert np.isfinite(log.capacity[:31]).all()
    assert np.isnan(log.capacity[31:]).all()
    assert [notice.code for notice in log.warnings] == ["charge_unknown"]


@pytest.mark.parametrize("name", ["cell.mpt", "cell.csv", "cell.nda"])
def test_a_local_time_without_a_zone_is_requested(tmp_path, name):
    write = {"cell.mpt": write_mpt, "cell.csv": write_neware, "cell.nda": write_nda}[name]
    path = write(tmp_path / name, truth_of())
    with pytest.raises(InputError, match="are local times without a time zone") as caught:
        read_electrochemistry(path)
    assert caught.value.argument == "time_zone"
    assert read_electrochemistry(path, time_zone="+02:00").time[0] == START.timestamp()


def test_newer_files_of_neware_are_in_utc(tmp_path):
    log = read_electrochemistry(write_ndax(tmp_path / "cell.ndax", truth_of()))
    np.testing.assert_allclose(log.time, truth_of().time)


def test_a_log_that_only_counts_seconds_needs_its_start(tmp_path):
    path = write_mpt(tmp_path / "cell.mpt", truth_of(), header=False)
    with pytest.raises(InputError, match="has elapsed times but no start time"):
        read_electrochemistry(path, time_zone=ZONE)
    assert_same(read_electrochemistry(path, start=START), truth_of())


def test_a_current_without_a_unit_is_requested(tmp_path):
    path = write_plain(tmp_path / "cell.csv", truth_of(), current=("current", 1.0))
    with pytest.raises(InputError, match="does not state the unit of its current"):
        read_electrochemistry(path)


@pytest.mark.parametrize(("title", "factor"), [("I/A", 1e-3), ("Current (uA)", 1e3), ("<I>/mA", 1.0), ("I_A", 1e-3)])
def test_units_are_those_of_the_title(tmp_path, title, factor):
    path = write_plain(tmp_path / "cell.csv", truth_of(), current=(title, factor))
    np.testing.assert_allclose(read_electrochemistry(path).current, truth_of().current, atol=1e-6)


def test_a_current_that_charges_while_the_voltage_falls_is_requested_about(tmp_path):
    path = write_plain(tmp_path / "cell.csv", truth_of(), current=("current_mA", -1.0))
    with pytest.raises(InputError, match="the voltage falls while the current is positive"):
        read_electrochemistry(path)
    assert_same(read_electrochemistry(path, current="discharge-positive"), truth_of())


@pytest.mark.parametrize("kind", ["net", "step", "half cycle"])
def test_a_column_called_capacity_is_read_as_the_current_has_it(tmp_path, kind):
    truth = truth_of()
    both = {labels: truth.since(getattr(truth, labels), 1) + truth.since(getattr(truth, labels), -1)
            for labels in ("step", "state")}  # fmt: skip
    capacity = {"net": truth.net, "step": both["step"], "half cycle": both["state"]}[kind]
    log = read_electrochemistry(write_plain(tmp_path / "cell.csv", truth, capacity=capacity))
    np.testing.assert_allclose(log.capacity, truth.net, atol=1e-6)


def test_a_coarse_counter_gives_way_to_the_current(tmp_path):
    truth = truth_of()
    path = write_plain(tmp_path / "cell.csv", truth, capacity=np.round(truth.net, 1))
    log = read_electrochemistry(path)
    assert [notice.code for notice in log.warnings] == ["counter_coarse"]
    np.testing.assert_allclose(log.capacity, truth.net, atol=1e-6)
    counted = read_electrochemistry(path, charge="counter")
    np.testing.assert_allclose(counted.capacity, np.round(truth.net, 1), atol=1e-6)


def test_a_counter_that_contradicts_the_current_is_refused(tmp_path):
    path = write_plain(tmp_path / "cell.csv", truth_of(), capacity=1e3 * truth_of().net)
    with pytest.raises(InputError, match="contradicts itself"):
        read_electrochemistry(path)
    np.testing.assert_allclose(read_electrochemistry(path, charge="current").capacity, truth_of().net, atol=1e-6)


def test_a_counter_that_differs_is_reported(tmp_path):
    path = write_plain(tmp_path / "cell.csv", truth_of(), capacity=1.1 * truth_of().net)
    log = read_electrochemistry(path)
    assert [notice.code for notice in log.warnings] == ["charge_differs"]
    np.testing.assert_allclose(log.capacity, 1.1 * truth_of().net, atol=1e-6)


def test_the_last_line_of_a_file_that_is_being_written_is_left_out(tmp_path):
    path = write_plain(tmp_path / "cell.csv", truth_of())
    path.write_text(path.read_text() + "2024-06-03T14:00")
    log = read_electrochemistry(path)
    assert len(log) == len(truth_of().time)
    assert [notice.code for notice in log.warnings] == ["log_cut"]


def test_a_clock_that_runs_backwards_is_refused_with_its_line(tmp_path):
    path = write_plain(tmp_path / "cell.csv", truth_of())
    lines = path.read_text().split("\n")
    path.write_text("\n".join([*lines[:10], lines[3], *lines[10:]]))
    with pytest.raises(InputError, match=r"cell\.csv:11: the time goes backwards"):
        read_electrochemistry(path)


@pytest.mark.parametrize("time", ["9" * 5000 + ":01:00", "9" * 5000 + " 00:01:00"], ids=["hours", "days"])
def test_a_duration_of_thousands_of_digits_is_no_time(tmp_path, time):
    path = tmp_path / "cell.csv"
    rows = [f"{moment},3.{k},0.1" for k, moment in enumerate(["00:00:00", "00:00:30", "00:01:00"])]
    path.write_text("\n".join(["Total Time,Voltage(V),Current(mA)", *rows]))
    assert np.diff(read_electrochemistry(path, start=START).time).tolist() == [30, 30]
    path.write_text(path.read_text().replace("00:01:00", time))
    with pytest.raises(InputError, match="not a time like 12:30:05"):
        read_electrochemistry(path, start=START)


def test_an_odd_cell_is_refused_with_its_line(tmp_path):
    path = write_plain(tmp_path / "cell.csv", truth_of())
    lines = path.read_text().split("\n")
    lines[7] = lines[7].rsplit(",", 1)[0] + ",overflow"
    path.write_text("\n".join(lines))
    with pytest.raises(InputError, match=r"cell\.csv:8: the current 'overflow' is no number"):
        read_electrochemistry(path)


@pytest.mark.parametrize(
    ("content", "said", "cure"),
    [
        (b"BIO-LOGIC MODULAR FILE\x1a" + bytes(40), r"binary file of EC-Lab \(\.mpr\)", "Export as Text"),
        (b"\x00\x01\x00\x00Standard Jet DB\x00" + bytes(40), r"database of Arbin \(\.res\)", "Channel_Normal_Table"),
        (b"EC-LAB SETTING FILE\r\n", "settings file", r"\.mpt"),
        (b"\x89HDF\r\n\x1a\n" + bytes(40), "binary", "CSV"),
        (b"10.0 100\n10.1 120\n", "has no table with titles", "time_s, voltage_V, current_mA"),
        (b"", "is empty", "copy it again"),
    ],
)
def test_what_is_not_read_is_refused_with_how_to_export(tmp_path, content, said, cure):
    path = tmp_path / "cell.mpr"
    path.write_bytes(content)
    with pytest.raises(InputError, match=f"{said}.*{cure}"):
        read_electrochemistry(path)


@pytest.mark.parametrize("name", ["cell.nda", "cell.ndax", "cell.xlsx"])
def test_a_damaged_binary_file_is_refused(tmp_path, name):
    path = tmp_path / name
    path.write_bytes(b"PK\x03\x04 cut off")
    with pytest.raises(InputError, match="cannot be read as a"):
        read_electrochemistry(path)


def test_no_file_and_a_missing_one_are_refused(tmp_path):
    with pytest.raises(InputError, match="no electrochemistry file"):
        read_electrochemistry([])
    with pytest.raises(InputError, match="no such file"):
        read_electrochemistry(tmp_path / "nowhere.mpt")


def test_the_mass_that_nobody_typed_into_ec_lab_is_none(tmp_path):
    path = write_mpt(tmp_path / "cell.mpt", truth_of(), mass="0.001 mg")
    assert read_electrochemistry(path, time_zone=ZONE).mass_mg is None


def test_a_workbook_of_statistics_is_no_log(tmp_path):
    rows = [[*"abc"], *arbin_rows(truth_of())[:3]]
    path = write_workbook(tmp_path / "cell.xlsx", {"Statistics": rows, "Info": [["x"]]})
    with pytest.raises(InputError, match="none of its sheets"):
        read_electrochemistry(path)


def test_reading_the_text_of_a_log_needs_no_table_library(tmp_path):
    """pandas and the readers of binary files are for those who have such files."""
    import subprocess

    path = write_mpt(tmp_path / "cell.mpt", truth_of())
    code = f"""
import sys
from layerox.electrochemistry import read_electrochemistry
read_electrochemistry({str(path)!r}, time_zone="UTC")
print(sorted({{"pandas", "NewareNDA", "python_calamine"}} & set(sys.modules)))
"""
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"
