"""The commands for series as a shell calls them: simulate-series, series, report."""

import csv
import json
import shutil

import pytest

from layerox.cli.main import main
from layerox.series.simulated_series import simulate_series

# What the folder of a series holds by contract, and the pictures.
TABLES = {"frames.csv", "transitions.csv", "series.nc", "recipe.toml", "run.json"}
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
