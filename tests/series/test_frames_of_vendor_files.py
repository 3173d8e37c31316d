"""A series of files as diffractometers write them: times and temperatures from the files, a log by its zone alone."""

import re
from datetime import UTC, datetime, timedelta

import numpy as np
import pytest

import diffractometer_files as files
from layerox.electrochemistry.recipe_settings import ElectrochemistryModel
from layerox.series.electrochemistry import frames_with_log
from layerox.series.frames import frames_of, with_one_scan


def write_log(path, start, hours):
    """A log of the Battery Data Format: a volt more an hour, from 3 V at the start; Unix times are UTC."""
    elapsed = np.arange(0.0, hours * 3600.0, 30.0)
    rows = [f"{s:.1f},{start + s:.1f},{3.0 + s / 3600.0:.9f},0.001" for s in elapsed]
    path.write_text("\n".join(["Test Time / s,Unix Time / s,Voltage / V,Current / A", *rows, ""]))


def test_times_of_brml_files_order_a_series(tmp_path):
    for name, minute in (("a", 30), ("b", 0), ("c", 15)):
        xml = files.raw_data_xml().replace("Started>2024-05-01T10:00", f"Started>2024-05-01T10:{minute:02d}")
        (tmp_path / f"{name}.brml").write_bytes(files.zipped({"Experiment0/RawData0.xml": xml}))
    frames = frames_of(tmp_path, axes=["time"])
    assert [(frame.file, frame.axes[0]) for frame in frames.frames] == [
        ("b.brml", 0),
        ("c.brml", 0.25),
        ("a.brml", 0.5),
    ]


def test_one_scan_of_each_file_may_be_the_frame(tmp_path):
    for k in range(2):
        (tmp_path / f"frame_{k}.raw").write_bytes(files.bruker_raw3(ranges=3))
    frames = frames_of(tmp_path)
    assert len(frames) == 6
    assert [frame.file for frame in with_one_scan(frames, 2).frames] == ["frame_0.raw#2", "frame_1.raw#2"]


@pytest.mark.measured
def test_in_situ_scans_are_aligned_with_a_log_by_their_zone(measured_data, tmp_path):
    """The first scan begins at 18:09:37 UTC and takes 881 s; the cell is at 3 V plus a volt an hour then."""
    start = datetime(2020, 11, 6, 17, 9, 37, tzinfo=UTC).timestamp()
    write_log(tmp_path / "log.csv", start, 6.0)
    settings = ElectrochemistryModel(file=str(tmp_path / "log.csv"))
    frames = frames_with_log(measured_data / "in-situ-xrdml", settings, axes=["time"])
    voltage = [frame.axes[frames.axes.index("voltage")] for frame in frames.frames]
    assert len(voltage) == 10
    assert voltage[0] == pytest.approx(3.0 + (3600.0 + 881.0 / 2) / 3600.0, abs=1e-3)
    hours = [frame.axes[0] for frame in frames.frames]
    np.testing.assert_allclose(np.diff(voltage), np.diff(hours), atol=1e-3)


@pytest.mark.measured
def test_temperatures_of_a_heating_series_come_from_the_files(measured_data):
    """Each file name states its temperature in Celsius, the file itself kelvin, without decimals."""
    frames = frames_of(measured_data / "natao2f2-heating", glob="*C.xrdml", axes=["temperature"])
    stated = [float(frame.file.split("_")[1].removesuffix("C.xrdml")) + 273.0 for frame in frames.frames]
    assert [frame.axes[0] for frame in frames.frames] == stated


@pytest.mark.measured
def test_a_heating_series_is_aligned_with_a_log_by_its_zone(measured_data, tmp_path):
    """The files state times at +01:00, the log Unix times alone; expected times are read from the XML as text."""
    folder = measured_data / "natao2f2-heating"
    middles = {}
    for path in folder.glob("*C.xrdml"):
        stamps = re.findall(r"<(?:start|end)TimeStamp>([^<]+)<", path.read_text())
        moments = [datetime.fromisoformat(stamp) for stamp in (min(stamps), max(stamps))]
        assert all(moment.utcoffset() == timedelta(hours=1) for moment in moments)
        middles[path.name] = sum(moment.timestamp() for moment in moments) / 2
    start = datetime(2023, 1, 20, 16, 0, tzinfo=UTC).timestamp()
    write_log(tmp_path / "log.csv", start, 68.0)
    settings = ElectrochemistryModel(file=str(tmp_path / "log.csv"))
    frames = frames_with_log(folder, settings, glob="*C.xrdml", axes=["time", "temperature"])
    assert frames.axes[:3] == ("time", "temperature", "voltage")
    assert len(frames) == len(middles) == 19
    for frame in frames.frames:
        assert frame.axes[2] == pytest.approx(3.0 + (middles[frame.file] - start) / 3600.0, abs=1e-5)
    temperatures = [frame.axes[1] for frame in frames.frames]
    assert temperatures == sorted(temperatures)
    log, offset = frames.log
    assert (offset, log.time[0]) == (0.0, start)
