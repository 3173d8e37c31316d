"""Which patterns a series consists of, in which order, and where they stand on its axes."""

import math

import h5py
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from layerox.errors import ChoiceNeeded, InputError
from layerox.series.frame_setup import PatternReading
from layerox.series.frames import frames_of, natural_key
from nexus_files import ANGLES, WAVELENGTH, azint_file, curves, data_group, pyfai_file

ROWS = "\n".join(f"{10 + 0.1 * k:.1f} {100 + k}" for k in range(20)) + "\n"


def folder_of(tmp_path, *names, text=ROWS):
    for name in names:
        (tmp_path / name).write_text(text)
    return tmp_path


def files(found):
    return [frame.file for frame in found.frames]


def codes(found):
    return [notice.code for notice in found.warnings]


def test_numbers_in_names_are_ordered_by_value(tmp_path):
    folder = folder_of(tmp_path, "f_10.xye", "f_9.xye", "f_100.xye")
    assert files(frames_of(folder)) == ["f_9.xye", "f_10.xye", "f_100.xye"]


@given(st.lists(st.integers(0, 10**9), unique=True))
def test_natural_order_is_that_of_the_numbers(numbers):
    names = sorted((f"scan{n}.xy" for n in numbers), key=natural_key)
    assert names == [f"scan{n}.xy" for n in sorted(numbers)]


def test_files_of_other_kinds_are_left_out_and_named(tmp_path):
    folder = folder_of(tmp_path, "a1.xye", "a2.xye", "truth.json", "notes.txt", ".hidden.xye")
    found = frames_of(folder)
    assert files(found) == ["a1.xye", "a2.xye"]
    assert codes(found) == ["files_left_out"]
    assert files(frames_of(folder, glob="*.txt")) == ["notes.txt"]


def test_missing_and_repeated_numbers_are_reported(tmp_path):
    folder = folder_of(tmp_path, "f1.xye", "f2.xye", "f02.xye", "f5.xye")
    found = {notice.code: notice.message for notice in frames_of(folder).warnings}
    assert "3, 4" in found["frames_missing"]
    assert "2" in found["frames_repeated"]


def test_several_scans_of_a_file_are_frames_of_their_own(tmp_path):
    two = ROWS + "\n# next scan\n" + ROWS
    folder = folder_of(tmp_path, "ramp.xy", text=two)
    found = frames_of(folder / "ramp.xy")
    assert files(found) == ["ramp.xy#1", "ramp.xy#2"]
    assert len(PatternReading().pattern(found.frames[1])) == 20


def test_a_csv_gives_the_axis_and_the_order_by_file_stem_or_number(tmp_path):
    folder = folder_of(tmp_path, "f_1.xye", "f_2.xye", "f_3.xye")
    table = tmp_path / "log.csv"
    for keys in (("f_1.xye", "f_2.xye"), ("f_1", "f_2"), ("1", "2")):
        table.write_text(f"scan,T\n{keys[0]},300\n{keys[1]},250\n")
        found = frames_of(folder, glob="*.xye", axes=[f"{table}:T"])
        assert files(found) == ["f_2.xye", "f_1.xye", "f_3.xye"]
        assert found.frames[0].axes == (250.0,)
        assert math.isnan(found.frames[2].axes[0])
        assert "axis_incomplete" in codes(found)


def test_gaps_and_repeated_places_are_reported(tmp_path):
    folder = folder_of(tmp_path, *(f"f{k}.xye" for k in range(1, 7)))
    table = tmp_path / "log.csv"
    table.write_text("scan,t\n1,0\n2,1\n3,2\n4,2\n5,3\n6,20\n")
    found = {n.code: n.message for n in frames_of(folder, glob="*.xye", axes=[f"{table}:t"]).warnings}
    assert found["axis_gaps"].endswith("after t 3")
    assert found["axis_repeated"].startswith("1 ")


def test_time_and_temperature_come_from_the_files(measured_data):
    """Ten time-stamped scans; their names count C1 ... C10 in the order of their stamps."""
    found = frames_of(measured_data / "in-situ-xrdml", axes=["time"])
    assert files(found)[0].startswith("Scan_C1.")
    hours = [frame.axes[0] for frame in found.frames]
    assert hours[0] == 0.0
    assert hours == sorted(hours)


@pytest.mark.parametrize(
    ("axis", "said"),
    [
        ("tine", "time"),
        ("voltage", "CSV:COLUMN"),
        ("time", "no file states its time"),
        ("log.csv:V", "log.csv"),
    ],
)
def test_an_axis_that_cannot_be_had_is_refused(tmp_path, axis, said):
    folder = folder_of(tmp_path, "f1.xye", "f2.xye")
    with pytest.raises(InputError, match=said):
        frames_of(folder, axes=[axis])


def test_a_table_is_never_stretched_over_the_frames(tmp_path):
    """As many rows as frames, but no row that names one: the lengths alone join nothing."""
    folder = folder_of(tmp_path, "a.xye", "b.xye")
    (tmp_path / "log.csv").write_text("t,V\n0.5,3.1\n0.7,3.2\n")
    with pytest.raises(InputError, match="names none of the frames"):
        frames_of(folder, glob="*.xye", axes=[f"{tmp_path / 'log.csv'}:V"])


def test_an_empty_folder_is_refused(tmp_path):
    with pytest.raises(InputError, match="holds no patterns"):
        frames_of(tmp_path)
    with pytest.raises(InputError, match="no such folder"):
        frames_of(tmp_path / "nowhere")


def logged_file(path, frames=12, **columns):
    """Write an HDF5 file of some frames with what is logged for each."""
    intensity, _ = curves(frames)
    with h5py.File(path, "w") as file:
        data_group(file, "entry/data", intensity, ANGLES)
        for name, (values, unit) in columns.items():
            file[f"entry/log/{name}"] = values
            file[f"entry/log/{name}"].attrs["units"] = unit
    return intensity


def test_the_frames_of_one_hdf5_file_are_numbered_and_read_one_at_a_time(tmp_path):
    intensity = pyfai_file(tmp_path / "scan.h5", frames=12)
    found = frames_of(tmp_path / "scan.h5")
    assert files(found) == [f"scan.h5#{k + 1}" for k in range(12)]
    for frame, row in zip(found.frames, intensity, strict=True):
        pattern = PatternReading().pattern(frame)
        assert np.array_equal(pattern.intensity, row)
        assert pattern.radiation.wavelength == pytest.approx(WAVELENGTH)


def test_q_becomes_two_theta_with_the_wavelength_of_the_file_or_the_user(tmp_path):
    azint_file(tmp_path / "scan.h5")
    frame = frames_of(tmp_path / "scan.h5").frames[0]
    assert np.allclose(PatternReading().pattern(frame).two_theta, ANGLES)
    q = 4.0 * np.pi * np.sin(np.radians(ANGLES / 2.0)) / WAVELENGTH
    with h5py.File(tmp_path / "silent.h5", "w") as file:
        data_group(file, "entry/data", curves(2)[0], q, unit="1/angstrom", name="q")
    frame = frames_of(tmp_path / "silent.h5").frames[1]
    assert np.allclose(PatternReading(radiation=WAVELENGTH).pattern(frame).two_theta, ANGLES)
    with pytest.raises(InputError, match="only with a wavelength"):
        PatternReading().pattern(frame)


def test_a_folder_of_hdf5_files_with_many_frames_each(tmp_path):
    for name, frames in (("run_10.h5", 2), ("run_9.h5", 3), ("run_11.h5", 1)):
        pyfai_file(tmp_path / name, frames=frames)
    assert files(frames_of(tmp_path)) == [
        "run_9.h5#1", "run_9.h5#2", "run_9.h5#3", "run_10.h5#1", "run_10.h5#2", "run_11.h5",
    ]  # fmt: skip


def test_what_the_file_holds_of_each_frame_becomes_axes(tmp_path):
    hours = np.array([0, 1, 2, 3, 4, 5, 7, 7, 20, 21, 22, 23]) / 10.0
    path = tmp_path / "scan.h5"
    logged_file(path, time=(3600.0 * hours, "s"), temperature=(hours * 10, "degC"), voltage=(3.0 + hours, "V"))
    found = frames_of(path, axes=["time", "temperature", "voltage"])
    assert found.axes == ("time", "temperature", "voltage")
    assert np.allclose([frame.axes for frame in found.frames], np.stack([hours, hours * 10 + 273.15, 3.0 + hours], 1))
    with pytest.raises(InputError, match="did you mean 'voltage'"):
        frames_of(path, axes=["voltag"])


def test_gaps_and_repeated_times_are_reported_though_nobody_requests_the_axis(tmp_path):
    logged_file(tmp_path / "scan.h5", time=(60.0 * np.array([0, 1, 2, 3, 3, 4, 5, 6, 30, 31, 32, 33]), "s"))
    found = {notice.code: notice.message for notice in frames_of(tmp_path / "scan.h5").warnings}
    assert found["axis_gaps"] == "gaps after time 0.1"
    assert found["axis_repeated"].startswith("1 ")


def test_a_temperature_in_no_unit_is_no_axis(tmp_path):
    logged_file(tmp_path / "scan.h5", temperature=(np.arange(12.0), ""))
    with pytest.raises(InputError, match="no file states its temperature, or not in which unit"):
        frames_of(tmp_path / "scan.h5", axes=["temperature"])


def test_times_of_several_files_must_be_moments(tmp_path):
    for name in ("a.h5", "b.h5"):
        logged_file(tmp_path / name, time=(np.arange(12.0), "s"))
    with pytest.raises(InputError, match="a.h5: has elapsed times with its own origin; give CSV:COLUMN"):
        frames_of(tmp_path, axes=["time"])


def test_a_choice_within_a_file_is_requested_at_once(tmp_path):
    with h5py.File(tmp_path / "two.h5", "w") as file:
        for name in ("raw", "normalised"):
            data_group(file, f"entry/{name}", curves(3)[0], ANGLES)
    with pytest.raises(ChoiceNeeded, match="holds /entry/normalised, /entry/raw; say which with --dataset PATH"):
        frames_of(tmp_path / "two.h5")
    assert len(frames_of(tmp_path / "two.h5", dataset="/entry/raw")) == 3


def test_the_blocks_of_a_pdcif_are_frames_with_times_and_temperatures(tmp_path):
    rows = "\n".join(f"{10 + 0.1 * k:.1f} {100 + k}" for k in range(20))
    loop = f"loop_\n_pd_meas_2theta_scan\n_pd_meas_counts_total\n{rows}\n"
    blocks = [
        f"data_f{k}\n_pd_meas_datetime_initiated 2024-05-01T1{k}:00:00\n_diffrn_ambient_temperature {300 + k}\n{loop}"
        for k in range(3)
    ]
    (tmp_path / "ramp.cif").write_text("".join(blocks))
    found = frames_of(tmp_path / "ramp.cif", axes=["time", "temperature"])
    assert files(found) == ["ramp.cif#1", "ramp.cif#2", "ramp.cif#3"]
    assert [frame.axes for frame in found.frames] == [(0.0, 300.0), (1.0, 301.0), (2.0, 302.0)]
    assert len(PatternReading().pattern(found.frames[2])) == 20


def test_an_hdf5_file_that_cannot_be_read_is_a_frame(tmp_path):
    pyfai_file(tmp_path / "a_1.h5")
    (tmp_path / "a_2.h5").write_bytes(b"\x89HDF\r\n\x1a\n" + b"\x00" * 500)
    assert files(frames_of(tmp_path))[-1] == "a_2.h5"


def test_the_default_of_a_file_is_taken_and_stated_once(tmp_path):
    for k in range(3):
        with h5py.File(tmp_path / f"f_{k}.h5", "w") as file:
            for name in ("raw", "normalised"):
                data_group(file, f"entry/{name}", curves(2)[0], ANGLES)
            file.attrs["default"], file["entry"].attrs["default"] = "entry", "raw"
    found = frames_of(tmp_path)
    assert len(found) == 6
    assert codes(found) == ["dataset_chosen"]
