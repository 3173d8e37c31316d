"""Frames held against a cycler's log by their times, and by nothing else."""

import json
import math
from datetime import UTC, datetime, timedelta

import numpy as np
import pytest

import layerox as lx
from layerox.analysis.recipe import read_recipe
from layerox.cli.main import main
from layerox.errors import InputError
from layerox.series.electrochemistry import COLUMNS, frames_with_log, settings_from

START = datetime(2024, 6, 3, 8, 30, tzinfo=UTC)
BERLIN = "Europe/Berlin"
ROWS = "\n".join(f"{10 + 0.1 * k:.1f} {100 + k}" for k in range(20)) + "\n"
CADENCE = 600.0


def volts(hours):
    """Return the voltage of the log below: 3 to 4 V within ten hours."""
    return 3.0 + 0.1 * np.asarray(hours)


@pytest.fixture
def log(tmp_path):
    """Return a log of ten hours of charging with 0.1 mA from 3 to 4 V, a record a minute."""
    path = tmp_path / "cell.csv"
    lines = ["time,voltage_V,current_mA,capacity_mAh,cycle,step"]
    for minute in range(601):
        hours = minute / 60.0
        moment = START + timedelta(minutes=minute)
        lines.append(f"{moment.isoformat()},{volts(hours):.6f},0.1,{0.1 * hours:.6f},3,{1 + minute // 300}")
    path.write_text("\n".join(lines) + "\n")
    return path


def folder_of(tmp_path, numbers, stamp=None):
    """Make frames with these numbers; `stamp(number)` is what each says of its time."""
    folder = tmp_path / "frames"
    folder.mkdir()
    for number in numbers:
        said = f"# start time: {stamp(number)}\n" if stamp else ""
        (folder / f"f_{number:03d}.xye").write_text(said + ROWS)
    return folder


def aware(number):
    return (START + timedelta(seconds=CADENCE * number)).isoformat()


def in_berlin(number):
    return (START + timedelta(hours=2, seconds=CADENCE * number)).replace(tzinfo=None).isoformat()


def held(folder, axes=(), **told):
    return frames_with_log(folder, settings_from(told, None), axes=axes)


def column(frames, name):
    at = frames.axes.index(name)
    return np.array([frame.axes[at] for frame in frames.frames])


def codes(frames):
    return {notice.code: notice.message for notice in frames.warnings}


def test_frames_are_placed_by_their_stamps_at_their_middles(tmp_path, log):
    folder = folder_of(tmp_path, range(5), aware)
    frames = held(folder, file=str(log), frame_exposure_s=CADENCE)
    assert frames.axes == ("time", "voltage", "current", "capacity", "cycle", "step")
    hours = (np.arange(5) + 0.5) * CADENCE / 3600.0
    np.testing.assert_allclose(column(frames, "time"), hours - hours[0])
    np.testing.assert_allclose(column(frames, "voltage"), volts(hours), atol=1e-6)
    np.testing.assert_allclose(column(frames, "capacity"), 0.1 * hours, atol=1e-6)
    assert set(column(frames, "cycle")) == {3.0}
    assert "frame_times_are_starts" not in codes(frames)


def test_without_an_exposure_the_beginnings_count_and_that_is_reported(tmp_path, log):
    frames = held(folder_of(tmp_path, range(3), aware), file=str(log))
    np.testing.assert_allclose(column(frames, "voltage"), volts(np.arange(3) * CADENCE / 3600.0), atol=1e-6)
    assert "frame_times_are_starts" in codes(frames)


def test_local_stamps_need_a_zone_and_have_one(tmp_path, log):
    folder = folder_of(tmp_path, range(3), in_berlin)
    with pytest.raises(InputError, match="are local times without a time zone"):
        held(folder, file=str(log))
    expected = volts(np.arange(3) * CADENCE / 3600.0)
    for told in ({"time_zone": BERLIN}, {"frame_time_zone": "+02:00", "time_zone": "UTC"}):
        frames = held(folder, file=str(log), **told)
        np.testing.assert_allclose(column(frames, "voltage"), expected, atol=1e-6)


def test_frames_are_never_stretched_over_a_log(tmp_path, log):
    """As many frames as records, and no times: nothing says where the frames stand."""
    folder = folder_of(tmp_path, range(601))
    with pytest.raises(InputError, match="have no times of measurement.*--axis.*--start") as caught:
        held(folder, file=str(log))
    assert str(folder) in str(caught.value)


def test_a_csv_of_dates_shows_the_times_and_is_an_axis_in_hours(tmp_path, log):
    folder = folder_of(tmp_path, range(3))
    table = tmp_path / "times.csv"
    table.write_text("frame,began\n" + "".join(f"{k},{in_berlin(k)}\n" for k in (2, 0, 1)))
    frames = held(folder, axes=[f"{table}:began"], file=str(log), time_zone=BERLIN)
    assert frames.axes[:2] == ("began", "voltage")
    np.testing.assert_allclose(column(frames, "began"), np.arange(3) * CADENCE / 3600.0)
    np.testing.assert_allclose(column(frames, "voltage"), volts(np.arange(3) * CADENCE / 3600.0), atol=1e-6)


def test_start_and_cadence_count_by_the_numbers_of_the_files(tmp_path, log):
    """Frame 2 is missing: frame 3 keeps its time."""
    folder = folder_of(tmp_path, (0, 1, 3, 4))
    told = {"file": str(log), "frame_start": START, "frame_cadence_s": CADENCE}
    hours = (np.array([0, 1, 3, 4]) + 0.5) * CADENCE / 3600.0
    np.testing.assert_allclose(column(held(folder, **told), "voltage"), volts(hours), atol=1e-6)
    with pytest.raises(InputError, match="a start of the frames goes with a cadence"):
        held(folder, file=str(log), frame_start=START)


def test_a_local_start_is_read_in_its_zone(tmp_path, log):
    folder = folder_of(tmp_path, range(2))
    told = {"file": str(log), "frame_start": "2024-06-03T10:30:00", "frame_cadence_s": CADENCE}
    with pytest.raises(InputError, match="are local times without a time zone"):
        held(folder, **told)
    assert column(held(folder, time_zone=BERLIN, **told), "voltage")[0] == pytest.approx(volts(CADENCE / 7200.0))


def test_frames_outside_the_log_and_in_its_gaps_are_empty_and_counted(tmp_path, log):
    lines = log.read_text().split("\n")
    log.write_text("\n".join(lines[:62] + lines[301:]))  # nothing from 1 to 5 hours
    folder = folder_of(tmp_path, range(-6 + 6, 70), lambda k: aware(k - 6))  # an hour before to 40 min behind
    frames = held(folder, file=str(log))
    voltage = column(frames, "voltage")
    hours = (np.arange(70) - 6) * CADENCE / 3600.0
    unknown = (hours < 0) | (hours > 10) | ((hours > 1) & (hours < 5))
    np.testing.assert_array_equal(np.isnan(voltage), unknown)
    np.testing.assert_allclose(voltage[~unknown], volts(hours[~unknown]), atol=1e-6)
    assert codes(frames)["frames_outside_log"].startswith("9 frames")
    assert codes(frames)["frames_in_gaps"].startswith("23 frames")
    assert (frames.electrochemistry["frames_outside"], frames.electrochemistry["frames_in_gaps"]) == (9, 23)


def test_frames_that_are_all_outside_the_log_are_refused(tmp_path, log):
    folder = folder_of(tmp_path, range(3), in_berlin)
    with pytest.raises(InputError, match="no frame is within the log: frames 2024-06-03 22:30:00 UTC to"):
        held(folder, file=str(log), time_zone="-12:00")


def test_a_frame_without_a_time_has_nothing_of_the_log(tmp_path, log):
    folder = folder_of(tmp_path, range(3), aware)
    (folder / "f_001.xye").write_text("cut off")
    frames = held(folder, file=str(log))
    assert [frame.file for frame in frames.frames] == ["f_000.xye", "f_002.xye", "f_001.xye"]
    assert math.isnan(column(frames, "voltage")[2])
    assert codes(frames)["frames_without_time"].startswith("1 frames")


def test_an_offset_moves_the_log(tmp_path, log):
    """A cycler's clock that is 90 s behind: what it logged at 0 s happened at 90 s of the frames' clock."""
    frames = held(folder_of(tmp_path, range(1, 4), aware), file=str(log), offset=90.0)
    hours = (np.arange(1, 4) * CADENCE - 90.0) / 3600.0
    np.testing.assert_allclose(column(frames, "voltage"), volts(hours), atol=1e-6)
    assert frames.electrochemistry["offset_s"] == 90.0
    assert frames.electrochemistry["offset_evidence"] is None


def test_a_fitted_offset_comes_with_its_evidence_or_not_at_all(tmp_path, log):
    """Three rests in which no frames were taken, on clocks 1234 s apart."""
    rests = ((60, 100), (200, 260), (400, 430))
    lines = ["time,voltage_V,current_mA"]
    for minute in range(601):
        at_rest = any(begin <= minute < end for begin, end in rests)
        lines.append(
            f"{(START + timedelta(minutes=minute)).isoformat()},{volts(minute / 60):.4f},{0 if at_rest else 0.1}"
        )
    log.write_text("\n".join(lines) + "\n")
    minutes = [m for m in range(0, 600, 2) if not any(begin <= m < end for begin, end in rests)]
    folder = folder_of(tmp_path, minutes, lambda m: (START + timedelta(seconds=60 * m + 1234)).isoformat())
    frames = held(folder, file=str(log), offset="fit", frame_exposure_s=120.0)
    report = frames.electrochemistry
    assert report["offset_s"] == pytest.approx(1234.0, abs=1.0)
    assert "8 of 8 events" in report["offset_evidence"]
    assert "8 of 8 events" in codes(frames)["clock_offset_fitted"]
    for path in folder.glob("f_[1-3]*"):
        path.unlink()
    for path in folder.glob("f_[45]*"):
        path.unlink()
    with pytest.raises(InputError, match="no offset between the clocks is significant"):
        held(folder, file=str(log), offset="fit")


def test_sodium_content_comes_with_mass_and_formula(tmp_path, log):
    """0.1 mA for 20 min: 0.0333 mAh x 103.578 g/mol / (1 mg x 26801.48 mAh/mol) = 0.12882 (see test_sodium_content)."""
    folder = folder_of(tmp_path, range(3), aware)
    frames = held(folder, file=str(log), mass_mg=1.0, mass_esd_mg=0.05, formula="Na0.67Ni0.33Mn0.67O2")
    np.testing.assert_allclose(column(frames, "x_na"), 0.67 - np.arange(3) * 0.12882 / 2, atol=2e-5)
    np.testing.assert_allclose(column(frames, "x_na_esd"), 0.05 * np.arange(3) * 0.12882 / 2, atol=2e-5)
    assert frames.electrochemistry["theoretical_capacity_mAh_per_g"] == pytest.approx(173.37, abs=0.05)


def test_more_charge_than_sodium_is_reported(tmp_path, log):
    """0.0333 mAh out of 0.1 mg of Na0.67MnO2 (102.34 g/mol) are 1.27 sodium ions, half of it is 0.64."""
    frames = held(folder_of(tmp_path, range(3), aware), file=str(log), mass_mg=0.1, formula="Na0.67MnO2")
    assert "1 frames" in codes(frames)["sodium_implausible"]


@pytest.mark.parametrize(
    ("told", "said"),
    [
        ({"mass_mg": 1.0}, "a mass without a formula gives no sodium content"),
        ({"formula": "NaMnO2"}, "a formula without a mass gives no sodium content"),
        ({"mass_esd_mg": 0.1}, "an uncertainty of the mass without it"),
        ({"mass": 1.0}, "unknown key .*mass.*mass_mg"),
        ({"offset": "fitted"}, "offset"),
        ({"mass_mg": -1.0}, "mass_mg"),
        ({"time_zone": "Europe/Atlantis"}, "unknown time zone"),
    ],
)
def test_settings_that_cannot_be_used_are_refused(tmp_path, log, told, said):
    with pytest.raises(InputError, match=said):
        held(folder_of(tmp_path, range(2), aware), file=str(log), **told)


def test_a_thing_is_stated_once_here_or_in_the_recipe(log):
    recipe = read_recipe({"electrochemistry": {"mass_mg": 1.0, "formula": "NaMnO2"}})
    settings = settings_from(log, recipe.electrochemistry)
    assert (settings.mass_mg, settings.files) == (1.0, [str(log)])
    with pytest.raises(InputError, match="mass_mg is given here and in the recipe"):
        settings_from({"file": str(log), "mass_mg": 2.0}, recipe.electrochemistry)
    with pytest.raises(InputError, match="no file of a cycler"):
        settings_from(None, recipe.electrochemistry)
    assert settings_from(None, None) is None


def test_files_of_a_recipe_are_looked_for_beside_it(tmp_path, log):
    (tmp_path / "recipe.toml").write_text('[electrochemistry]\nfile = "cell.csv"\nstart = 2024-06-03T08:30:00Z\n')
    settings = settings_from(None, read_recipe(tmp_path / "recipe.toml").electrochemistry)
    assert settings.files == [str(log)]
    assert settings.start == START


def test_a_column_of_the_log_may_be_the_first_axis(tmp_path, log):
    folder = folder_of(tmp_path, range(3), aware)
    frames = held(folder, axes=["voltage"], file=str(log))
    assert frames.axes == ("voltage", "current", "capacity", "cycle", "step")
    with pytest.raises(InputError, match="x_na needs the mass and the formula"):
        held(folder, axes=["x_na"], file=str(log))
    table = tmp_path / "own.csv"
    table.write_text("frame,voltage\n0,1\n1,2\n2,3\n")
    with pytest.raises(InputError, match="'voltage' is also a column of the log"):
        held(folder, axes=[f"{table}:voltage"], file=str(log))


def test_scans_that_state_when_they_began_and_ended_are_held_at_their_middles(measured_data, tmp_path):
    """Ten measured scans: C1 from 18:09:37 to 18:24:18 UTC, C10 from 20:24:25 to 20:39:05 (their headers)."""
    began = datetime(2020, 11, 6, 18, tzinfo=UTC)
    log = tmp_path / "cell.csv"
    lines = [f"{(began + timedelta(minutes=m)).isoformat()},{3 + m / 1000:.3f},0.1" for m in range(181)]
    log.write_text("time,voltage_V,current_mA\n" + "\n".join(lines) + "\n")
    frames = held(measured_data / "in-situ-xrdml", file=str(log))
    middles = [(9 * 60 + 37 + 24 * 60 + 18) / 120, (144 * 60 + 25 + 159 * 60 + 5) / 120]
    np.testing.assert_allclose(column(frames, "voltage")[[0, -1]], 3 + np.array(middles) / 1000, atol=1e-6)
    assert frames.electrochemistry["frame_times"] == "the time stamps of the files"
    assert "frame_times_are_starts" not in codes(frames)


@pytest.fixture(scope="module")
def operando(o3_p3, tmp_path_factory):
    """Return (folder of three frames, phases, log): real patterns, with times in a table."""
    folder, _ = o3_p3
    place = tmp_path_factory.mktemp("cell")
    (place / "times.csv").write_text("frame,began\n" + "".join(f"{k},{aware(k)}\n" for k in range(30)))
    lines = ["time,voltage_V,current_mA"]
    lines += [f"{(START + timedelta(minutes=m)).isoformat()},{volts(m / 60):.4f},0.1" for m in range(601)]
    (place / "cell.csv").write_text("\n".join(lines) + "\n")
    return folder, [folder / "O3.cif", folder / "P3.cif", folder / "Al.cif"], place


def test_a_series_has_the_columns_before_its_verdicts(operando, tmp_path):
    folder, phases, place = operando
    log = {"file": str(place / "cell.csv"), "mass_mg": 1.0, "mass_esd_mg": 0.01, "formula": "NaMnO2"}
    axis = f"{place / 'times.csv'}:began"
    series = lx.fit_series(folder, phases, radiation="CuKa", glob="frame_000[0-2].xye", axis=axis,
                           electrochemistry=log, output=tmp_path / "out")  # fmt: skip
    titles = (tmp_path / "out" / "frames.csv").read_text().split("\n")[0].split(",")
    assert titles[:12] == ["frame", "file", "began", *COLUMNS, "verdict", "reason"]
    np.testing.assert_allclose(series.frames["voltage"], volts(np.arange(3) / 6), atol=1e-4)
    assert series.dataset["voltage"].attrs["units"] == "V"
    report = lx.open_series(tmp_path / "out").run["electrochemistry"]
    assert report["frame_times"].endswith("times.csv:began")
    assert report["stretches"][0]["state"] == "charge"
    again = lx.fit_series(folder, recipe=tmp_path / "out" / "recipe.toml", glob="frame_000[0-2].xye", axis=axis,
                          output=tmp_path / "again")  # fmt: skip
    assert (again.path / "frames.csv").read_bytes() == (tmp_path / "out" / "frames.csv").read_bytes()
    with pytest.raises(InputError, match="other frames or settings"):
        lx.fit_series(folder, phases, radiation="CuKa", glob="frame_000[0-2].xye", axis=axis,
                      electrochemistry={**log, "offset": 60.0}, output=tmp_path / "out", resume=True)  # fmt: skip


def test_the_command_takes_a_log(operando, tmp_path, capsys):
    folder, phases, place = operando
    command = ["series", str(folder), "--radiation", "CuKa", "--glob", "frame_000[0-2].xye", "-o", str(tmp_path / "o")]
    command += [word for path in phases for word in ("--phase", str(path))]
    command += [
        "--electrochemistry",
        str(place / "cell.csv"),
        "--mass",
        "1",
        "--mass-esd",
        "0.01",
        "--formula",
        "NaMnO2",
    ]
    timed = ["--start", "2024-06-03T10:30:00", "--cadence", "600", "--offset", "-30"]
    assert main([*command, *timed, "--time-zone", BERLIN]) == 0
    assert "cell: 3 frames within the log, 3.009 -> 3.04" in capsys.readouterr().out
    frames = lx.open_series(tmp_path / "o").frames
    np.testing.assert_allclose(frames["voltage"], volts((np.arange(3) * 600 + 330) / 3600), atol=1e-4)
    assert (frames["x_na_esd"] > 0).all()
    assert json.loads((tmp_path / "o" / "run.json").read_text())["electrochemistry"]["offset_s"] == -30.0
    capsys.readouterr()
    for extra, said in (
        ([], "no frame is within the log"),  # synthetic frames have stamps, of another year
        (timed, "(--time-zone)"),
        (["--start", "2024-06-03T10:30:00Z"], "--start: a start of the frames goes with a cadence"),
        ([*timed, "--time-zone", "UTC", "--mass", "0"], "mass_mg"),
        (["--start", "tomorrow", "--cadence", "1"], "frame_start"),
    ):
        assert main([*command, *extra, "-o", str(tmp_path / "p")]) == 2
        assert said in capsys.readouterr().err


def test_the_table_is_the_same_for_two_workers(operando, tmp_path):
    folder, phases, place = operando
    axis = f"{place / 'times.csv'}:began"
    written = []
    for workers in (1, 2):
        series = lx.fit_series(folder, phases, radiation="CuKa", glob="frame_000[0-2].xye", axis=axis, workers=workers,
                               electrochemistry=place / "cell.csv", output=tmp_path / str(workers))  # fmt: skip
        written.append((series.path / "frames.csv").read_bytes())
    assert written[0] == written[1]
