"""The commands for series as a shell calls them: simulate-series, series, report."""

import csv
import json
import shutil
from dataclasses import replace

import numpy as np
import pytest

import layerox as lx
from layerox.cli.main import main
from layerox.electrochemistry import read_electrochemistry
from layerox.io.xlsx_writing import workbook_of
from layerox.series.simulated_series import simulate_series

# What the folder of a series holds by contract, and the pictures.
TABLES = {"frames.csv", "transitions.csv", "series.nc", "recipe.toml", "run.json", "ro-crate-metadata.json"}
HELD = TABLES | {"report.html", "series.png"}


def run(*words):
    return main([str(word) for word in words])


def shown(folder):
    return {path.name for path in folder.iterdir() if not path.name.startswith(".")}


def test_a_series_from_raw_patterns_to_the_report(tmp_path, capsys):
    raw, out = tmp_path / "raw", tmp_path / "out"
    assert (
        run("simulate-series", "p2-o3", "--frames", 4, "--two-theta", 12, 60, 0.05, "--suffix", ".xy", "-o", raw) == 0
    )
    assert {"frame_0000.xy", "log.csv", "truth.json", "P2.cif"} <= shown(raw)
    words = ("series", raw, "--phase", raw / "P2.cif", "--phase", raw / "O3.cif", "--axis", "temperature", "-o", out)
    assert run(*words, "--tidy") == 0
    assert shown(out) == HELD | {"tidy.csv"}
    assert "report.html" in capsys.readouterr().out
    with (out / "tidy.csv").open(newline="") as file:
        rows = list(csv.DictReader(file))
    with (out / "frames.csv").open(newline="") as file:
        frames = list(csv.DictReader(file))
    found = {(int(row["frame"]), row["phase"]): row for row in rows if row["quantity"] == "c"}
    for frame in frames:
        row = found[int(frame["frame"]), "P2"]
        assert (float(row["value"]), float(row["esd"])) == (float(frame["P2.c"]), float(frame["P2.c_esd"]))
        assert (row["unit"], float(row["temperature"])) == ("angstrom", float(frame["temperature"]))
    page = (out / "report.html").read_bytes()
    (out / "report.html").unlink()
    assert run("report", out) == 0
    assert capsys.readouterr().out == f"written: {out / 'report.html'}\n"
    assert (out / "report.html").read_bytes() == page


def test_one_frame_is_a_series_too(tmp_path, capsys):
    raw, out = tmp_path / "raw", tmp_path / "out"
    simulate_series(raw, "p2-o3", frames=1, two_theta=(12.0, 60.0, 0.05))
    assert run("series", raw, "--phase", raw / "P2.cif", "--phase", raw / "O3.cif", "-o", out) == 0
    assert shown(out) == HELD


def test_pictures_and_report_are_those_requested(tmp_path, capsys):
    raw, out = tmp_path / "raw", tmp_path / "out"
    simulate_series(raw, "p2-o3", frames=1, two_theta=(12.0, 60.0, 0.05))
    words = ("series", raw, "--phase", raw / "P2.cif", "--phase", raw / "O3.cif", "-o", out)
    assert run(*words, "--figures", "all") == 0
    assert shown(out) == HELD | {"series.pdf", "series.svg"}
    # Pictures and report of the earlier run do not stay beside tables of a later one, files of the user do.
    (out / "series.svg").write_text("changed by the user")
    assert run(*words, "--figures", "none", "--no-report") == 0
    assert shown(out) == TABLES | {"series.svg"}


def test_a_series_of_nothing_but_bad_frames_has_its_tables_and_its_report(tmp_path, capsys):
    raw, out = tmp_path / "raw", tmp_path / "out"
    raw.mkdir()
    for k in range(3):
        lines = (f"{10 + 0.1 * j:.1f} {100 + (j * 7919 + k) % 13}" for j in range(300))
        (raw / f"f{k}.xy").write_text("\n".join(lines) + "\n")
    assert run("series", raw, "--phase", "P2", "--radiation", "CuKa", "-o", out) == 1
    assert shown(out) == HELD
    assert json.loads((out / "run.json").read_text())["verdicts"] == {"quarantined": 3}
    assert "shows no peaks" in (out / "report.html").read_text()


@pytest.mark.parametrize("files", [(), ("run.json",)])
def test_a_report_of_nothing_is_refused(tmp_path, capsys, files):
    for name in files:
        (tmp_path / name).write_text("{}")
    assert run("report", tmp_path) == 2
    out, err = capsys.readouterr()
    assert out == ""
    assert err.count("\n") == 1
    assert str(tmp_path) in err


def test_a_folder_that_cannot_be_written_to_is_named(heated, tmp_path, capsys):
    out = shutil.copytree(heated, tmp_path / "out")
    (out / "report.html").mkdir()
    assert run("report", out) == 2
    assert "report.html" in capsys.readouterr().err


@pytest.mark.parametrize("suffix", [".csv", ".xlsx"])
def test_columns_of_a_table_are_frames(tmp_path, suffix):
    """Three patterns side by side; with a number, that column alone."""
    beam = {"radiation": "CuKa", "two_theta": (14, 45, 0.05), "counts": 3000, "background": [50]}
    made = [lx.simulate(["P2"], seed=k, **beam).pattern for k in range(3)]
    columns, titles = [made[0].two_theta, *(pattern.intensity for pattern in made)], ["2theta", "a", "b", "c"]
    path = tmp_path / f"wide{suffix}"
    if suffix == ".xlsx":
        path.write_bytes(workbook_of({"pattern": (titles, zip(*(c.tolist() for c in columns), strict=True))}))
    else:
        np.savetxt(path, np.stack(columns, axis=1), delimiter=",", header=",".join(titles), comments="", fmt="%.9g")
    quiet = ("--phase", "P2", "--radiation", "CuKa", "--figures", "none", "--no-report", "--quiet")
    for scan, files in (("all", ["#1", "#2", "#3"]), ("2", ["#2"])):
        out = tmp_path / f"out-{scan}"
        run("series", path, "--scan", scan, *quiet, "-o", out)
        with (out / "frames.csv").open(newline="") as file:
            assert [row["file"] for row in csv.DictReader(file)] == [f"{path.name}{number}" for number in files]


def test_the_log_of_a_series_is_written_on_the_clock_of_its_frames(tmp_path):
    """The cycler's clock is 90 s slow; the aligned log has Unix times of the frames' clock."""
    raw, out, log = tmp_path / "raw", tmp_path / "out", tmp_path / "cell.csv"
    raw.mkdir()
    start = 1717401600  # 2024-06-03T08:00:00Z
    for k in range(2):
        made = lx.simulate(["P2"], radiation="CuKa", two_theta=(14, 45, 0.05), counts=3000, background=[50], seed=k)
        stated = replace(made.pattern, metadata={"start_time": f"2024-06-03T08:{10 * (k + 1)}:00+00:00"})
        lx.write_pattern(stated, raw / f"f_{k}.xye")
    rows = "".join(f"{start + 60 * m - 90},{3 + 0.01 * m:.4f},0.1\n" for m in range(60))
    log.write_text(f"Unix Time / s,Voltage / V,Current / mA\n{rows}")
    words = ("--phase", "P2", "--radiation", "CuKa", "--figures", "none", "--no-report", "--quiet", "--offset", "90")
    run("series", raw, "--electrochemistry", log, *words, "-o", out)
    aligned = read_electrochemistry(out / "electrochemistry.bdf.csv")
    with (out / "frames.csv").open(newline="") as file:
        voltages = [float(row["voltage"]) for row in csv.DictReader(file)]
    moments = np.array([start + 600.0, start + 1200.0])
    np.testing.assert_allclose(np.interp(moments, aligned.time, aligned.voltage), voltages, atol=1e-6)
    crate = json.loads((out / "ro-crate-metadata.json").read_text())
    names = {entity.get("name") for entity in crate["@graph"]}
    assert {"electrochemistry.bdf.csv", "cell.csv", "f_0.xye", "frames.csv"} <= names
