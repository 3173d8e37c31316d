"""`layerox look`, `formats` and `instruments`, and the options that choose how a pattern is read."""

import json

import pytest

import diffractometer_files as files
from layerox.cli.main import main


@pytest.fixture
def three_ranges(tmp_path):
    path = tmp_path / "three.raw"
    path.write_bytes(files.bruker_raw3(ranges=3))
    return path


def printed(capsys, *words):
    status = main([str(word) for word in words])
    out, err = capsys.readouterr()
    return status, out, err


def test_look_lists_every_scan_with_what_it_states(three_ranges, capsys):
    status, out, _ = printed(capsys, "look", three_ranges, "--json")
    found = json.loads(out)
    assert status == 0
    assert found["format"] == "Bruker RAW 1 to 3"
    assert [scan["scan"] for scan in found["scans"]] == [1, 2, 3]
    first = found["scans"][0]
    assert first["points"] == len(files.COUNTS)
    assert first["lines"] == [[files.LINES[0], 1.0], [files.LINES[1], files.RATIO]]
    assert (first["sample"], first["divergence_slit"], first["radius_mm"]) == ("specimen", "fixed", 217.5)


def test_look_shows_one_scan_as_text_and_draws_it(three_ranges, tmp_path, capsys):
    picture = tmp_path / "scan.png"
    status, out, _ = printed(capsys, "look", three_ranges, "--scan", 2, "--exclude", 10.01, 10.03, "-o", picture)
    assert status == 0
    assert "start time                2024-05-01T10:01:00" in out
    assert "excluded                  10.01 : 10.03" in out
    assert picture.read_bytes().startswith(b"\x89PNG")


def test_look_proposes_the_preset_that_the_file_names(tmp_path, capsys):
    path = tmp_path / "a.rasx"
    path.write_bytes(files.rasx())
    _, out, _ = printed(capsys, "look", path)
    assert "--instrument smartlab" in out


def test_look_refuses_other_measurements_by_name(tmp_path, capsys):
    path = tmp_path / "a.uxd"
    path.write_bytes(files.uxd(drive="PHI"))
    status, out, err = printed(capsys, "look", path)
    assert (status, out) == (2, "")
    assert "along PHI, not along two-theta: a pole figure" in err


@pytest.mark.parametrize(
    ("words", "fault"),
    [
        (("--scan", "4"), "has no scan 4; choose 1 to 3"),
        (("--scan", "first"), "neither a number nor all"),
        (("--exclude", "11", "10"), "--exclude: the region 11 to 10 is empty"),
        (("--sigma", "column"), "has no column of uncertainties"),
        (("-o", "scan.bmp"), "pictures are not written as bmp"),
    ],
)
def test_a_wrong_choice_is_one_line(three_ranges, capsys, words, fault):
    status, _, err = printed(capsys, "look", three_ranges, *words)
    assert status == 2
    assert fault in err
    assert err.count("\n") == 1


def test_formats_are_listed_with_their_suffixes(capsys):
    _, out, _ = printed(capsys, "formats", "--json")
    rows = {row["name"]: row for row in json.loads(out)}
    assert rows["Bruker BRML"]["suffixes"] == [".brml"]
    _, out, _ = printed(capsys, "formats")
    assert len(out.splitlines()) == len(rows) + 2


def test_presets_are_listed_with_their_provenance(capsys):
    _, out, _ = printed(capsys, "instruments", "--json")
    rows = {row["name"]: row for row in json.loads(out)}
    names = {"lab-cu", "bruker-lynxeye", "aeris", "smartlab", "11-bm", "id22", "p02.1", "danmax"}
    assert names <= set(rows)
    assert all(row["provenance"] for row in rows.values())
    assert rows["lab-cu-graphite"]["polarization"] == pytest.approx(0.5557, abs=1e-4)  # 1/(1 + cos^2 26.6 degrees)
    _, out, _ = printed(capsys, "instruments", "smartlab")
    assert "radius_mm = 300.0" in out


def test_an_unknown_preset_is_refused_with_the_nearest(three_ranges, capsys):
    status, _, err = printed(capsys, "fit", three_ranges, "--phase", "P2", "--instrument", "smartlap")
    assert status == 2
    assert "unknown instrument 'smartlap'; did you mean 'smartlab'?" in err


def test_a_fit_needs_one_scan_of_several(three_ranges, capsys):
    status, _, err = printed(capsys, "fit", three_ranges, "--phase", "P2")
    assert status == 2
    assert "holds 3 scans; choose one, 1 to 3" in err
