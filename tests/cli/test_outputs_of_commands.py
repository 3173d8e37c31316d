"""Every command leaves files of the user alone, refuses before the work begins, and runs again without friction."""

import json
import os
from pathlib import Path

import pytest

from layerox.cli.main import main
from layerox.series.results_folder import LOCK

SIMULATE = ("simulate", "P2", "--radiation", "CuKa", "--two-theta", "12", "60", "0.05", "--counts", "4000",
            "--background", "100")  # fmt: skip
OF_RECIPE = ("series", ".", "--recipe", "recipe.toml", "--unordered")
SERIES = ("--two-theta", "14", "50", "0.05")


@pytest.fixture
def folder(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    return tmp_path


def run(*words):
    return main([str(word) for word in words])


def refused(capsys, *words):
    capsys.readouterr()
    assert run(*words) == 2
    line = capsys.readouterr().err
    assert line.count("\n") == 1
    assert len(line) < 500
    return line


def contents():
    """Return what every file that is not layerox's bookkeeping holds."""
    return {str(p): p.read_bytes() for p in Path().rglob("*") if p.is_file() and not p.name.startswith(".layerox")}


@pytest.mark.parametrize(
    ("words", "name"),
    [
        (("build", "P2", "-o", "out.cif"), "out.cif"),
        (("build", "P2", "--supercell", "2", "2", "1", "-o", "out.xyz"), "out.xyz"),
        (("interface", "P2/O3", "-o", "out.cif", "--report", "report.json"), "report.json"),
        ((*SIMULATE, "-o", "out.xye"), "out.truth.json"),
        ((*SIMULATE, "-o", "out.xye", "--reflections", "list.csv"), "list.csv"),
        (("simulate-series", "p2-o3", "--frames", "2", *SERIES, "-o", "."), "log.csv"),
    ],
)
def test_a_file_of_the_user_stays_until_overwrite(folder, capsys, words, name):
    Path(name).write_text("mine")
    line = refused(capsys, *words)
    assert f"{name}: is not recorded as layerox's own and is kept" in line
    assert "(--overwrite)" in line
    assert contents() == {name: b"mine"}
    assert run(*words, "--overwrite") == 0
    first = contents()
    assert first[name] != b"mine"
    assert run(*words) == 0  # its own unchanged files are replaced without a question
    assert contents().keys() == first.keys()
    Path(name).write_bytes(first[name] + b"\n")
    assert f"{name}: was changed after layerox wrote it" in refused(capsys, *words)


@pytest.fixture
def measured(folder, capsys):
    """Return the folder with scan.xye and P2.cif, from which a fit takes its structure."""
    assert run(*SIMULATE, "-o", "scan.xye") == 0
    assert run("build", "P2", "-o", "P2.cif") == 0
    for name in (".layerox.jsonl", "scan.truth.json"):
        Path(name).unlink()
    return folder


FIT = ("fit", "scan.xye", "--phase", "P2.cif", "--radiation", "CuKa", "-o")


def test_a_fit_beside_its_inputs(measured, capsys, monkeypatch):
    """Its P2.cif would be called as the one that it reads; nothing slow has begun when that is refused."""
    from layerox.analysis import fit as analysis

    with monkeypatch.context() as patched:
        patched.setattr(analysis, "fit", lambda *_, **__: pytest.fail("the work had begun"))
        before = contents()
        for more in ((), ("--overwrite",)):
            line = refused(capsys, *FIT, ".", *more)
            assert "P2.cif: is read by this command and is never replaced" in line
        Path("out").mkdir()
        (Path("out") / "P2.cif").hardlink_to("P2.cif")
        assert "out/P2.cif: is read by this command" in refused(capsys, *FIT, "out", "--overwrite")
        (Path("out") / "P2.cif").unlink()
        Path("out/report.txt").write_text("mine")
        assert "out/report.txt: is not recorded" in refused(capsys, *FIT, "out")
        Path("out/report.txt").unlink()
        assert contents() == before


def test_a_fit_is_repeated_without_friction_and_keeps_what_the_user_has_put_there(measured, capsys):
    assert run(*FIT, "out", "--quiet") == 0
    Path("out/notes.txt").write_text("mine")
    assert run(*FIT, "out", "--quiet") == 0
    assert Path("out/notes.txt").read_text() == "mine"
    assert run("report", "out") == 0
    Path("out/report.html").write_text("mine")
    assert "out/report.html: was changed after layerox wrote it" in refused(capsys, "report", "out")
    assert run("report", "out", "--overwrite") == 0
    with Path("out/fit.csv").open("a") as file:
        file.write("# a notice\n")
    assert "out/fit.csv: was changed after layerox wrote it" in refused(capsys, *FIT, "out")


def test_a_fit_that_cannot_be_written_is_kept(measured, capsys, monkeypatch):
    """A file of the user appears while the fit runs: the result is not lost, and the file neither."""
    import tempfile

    from layerox.analysis import fit as analysis

    Path("spare").mkdir()
    monkeypatch.setattr(tempfile, "tempdir", str(measured / "spare"))
    fit = analysis.fit

    def fitted(*arguments, **more):
        Path("out").mkdir()
        Path("out/result.json").write_text("mine")
        return fit(*arguments, **more)

    monkeypatch.setattr(analysis, "fit", fitted)
    line = refused(capsys, *FIT, "out")
    (kept,) = Path("spare").iterdir()
    assert f"the finished result was kept in {kept.resolve()}" in line
    assert json.loads((kept / "result.json").read_text())["status"] == "converged"
    assert Path("out/result.json").read_text() == "mine"


def test_a_series_into_the_folder_of_its_patterns(folder, capsys):
    """It once removed every hidden file with two dots in its name, and took its own tables for patterns."""
    assert run("simulate-series", "p2-o3", "--frames", "3", *SERIES, "--suffix", ".xy", "-o", "raw") == 0
    os.chdir("raw")
    for name in (".layerox.jsonl", "truth.json", "log.csv", "spinel.cif"):
        Path(name).unlink()
    mine = {".config.json": "mine", ".frame.xy.swp": "mine", "notes.md": "mine"}
    for name, text in mine.items():
        Path(name).write_text(text)
    before = contents()
    words = ("series", ".", "--phase", "P2.cif", "--phase", "O3.cif", "--radiation", "CuKa", "--unordered", "--quiet")
    assert run(*words, "-o", ".") in (0, 1)
    assert {name: text for name, text in contents().items() if name in before} == before
    table = Path("frames.csv").read_bytes()
    assert run(*words, "-o", ".", "--resume") in (0, 1)
    assert Path("frames.csv").read_bytes() == table
    for name in ("frames.csv", "recipe.toml", "report.html", "series.png"):
        kept = Path(name).read_bytes()
        Path(name).write_text("mine")
        assert name in refused(capsys, *words, "-o", ".")
        assert Path(name).read_text() == "mine"
        Path(name).write_bytes(kept)
    line = refused(capsys, *OF_RECIPE, "-o", ".", "--overwrite")
    assert "recipe.toml: is read by this command and is never replaced" in line
    assert (Path() / LOCK).exists()


def test_simulated_frames_do_not_mix_with_measured_ones(folder, capsys):
    words = ("simulate-series", "p2-o3", *SERIES, "-o", "raw", "--frames")
    assert run(*words, "4") == 0
    assert run(*words, "2") == 0  # frames of the longer series go
    assert sorted(p.name for p in Path("raw").glob("frame_*")) == ["frame_0000.xye", "frame_0001.xye"]
    Path("raw/scan_1.xye").write_text("1 2 3\n")
    for more in ((), ("--overwrite",)):
        assert "raw/scan_1.xye: is not simulated, and would be in a folder" in refused(capsys, *words, "2", *more)
    Path("raw/scan_1.xye").unlink()
    Path("raw/frame_0001.xye").write_text("1 2 3\n")
    assert "raw/frame_0001.xye: was changed after" in refused(capsys, *words, "1")
    assert Path("raw/frame_0001.xye").read_text() == "1 2 3\n"


def test_calibrate_strain_and_parametric_leave_files_alone(folder, capsys, heated):
    Path("heated").mkdir()
    for path in heated.iterdir():
        if path.is_file() and path.name != LOCK:
            (Path("heated") / path.name).write_bytes(path.read_bytes())
    Path("heated/strain.csv").write_text("mine")
    assert "heated/strain.csv: is not recorded" in refused(capsys, "strain", "heated")
    assert run("strain", "heated", "--overwrite", "--quiet") == 0
    assert run("strain", "heated", "--quiet") == 0
    Path("para").mkdir()
    Path("para/parametric.csv").write_text("mine")
    assert "para/parametric.csv: is not recorded" in refused(capsys, "parametric", "heated", "-o", "para")
    assert run(*SIMULATE, "-o", "scan.xye") == 0
    Path("d8.toml").write_text("")
    words = ("calibrate", "scan.xye", "--phase", "P2", "--radiation", "CuKa", "-o", "d8.toml")
    assert "d8.toml: is not recorded" in refused(capsys, *words)
    assert "d8.toml: is read by" in refused(capsys, *words, "--instrument", "d8.toml", "--overwrite")
