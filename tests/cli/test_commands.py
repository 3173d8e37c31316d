"""The commands as a shell calls them: what they write, what they print, and with which status they end."""

import json
import shutil
import subprocess
import sys
from pathlib import Path

import gemmi
import numpy as np
import pytest

from layerox.cli.main import main
from layerox.io import read_instrument, read_pattern

ROOT = Path(__file__).parents[2]
SIMULATE = ("simulate", "P2", "--radiation", "CuKa", "-o", "s.xye")


@pytest.fixture
def folder(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    return tmp_path


@pytest.fixture(scope="module")
def shipped():
    return ROOT / "patterns" / "p2_o3.xye"


def run(*words):
    """Run a command in this process and return its exit status."""
    return main([str(word) for word in words])


def refused(capsys, *words):
    """Run a command that must be refused, and return its one line."""
    assert run(*words) == 2
    out, err = capsys.readouterr()
    assert out == ""
    assert err.count("\n") == 1
    assert err.startswith("layerox: ")
    return err


def test_fit_of_the_shipped_pattern(folder, shipped, capsys):
    assert run("fit", shipped, "--phase", "P2", "--phase", "O3", "--radiation", "CuKa", "-o", "out") == 0
    out, err = capsys.readouterr()
    assert err == ""
    assert "converged" in out
    result = json.loads((folder / "out" / "result.json").read_text())
    truth = json.loads(shipped.with_suffix(".truth.json").read_text())
    for phase, true in zip(result["phases"], truth["phases"], strict=True):
        fraction = phase["weight_fraction"]
        assert abs(fraction["value"] - true["weight_fraction"]) < 3 * fraction["esd"]
        assert abs(phase["cell"]["c"]["value"] - true["cell"]["c"]) < 3 * phase["cell"]["c"]["esd"]
        assert abs(phase["size_nm"]["value"] - true["size_nm"]) < 6 * phase["size_nm"]["esd"]
    names = {path.name for path in (folder / "out").iterdir()}
    assert names - {".layerox.jsonl"} == {
        "result.json", "fit.png", "fit.csv", "fit.cif", "report.txt", "P2.cif", "O3.cif", "ro-crate-metadata.json"
    }  # fmt: skip


def test_folder_is_named_after_the_pattern(folder, shipped, capsys):
    assert run("fit", shipped, "--phase", "P2", "--phase", "O3", "--quiet", "--picture", "sqrt") == 0
    assert (folder / "fit-p2_o3" / "fit.png").exists()
    assert capsys.readouterr() == ("", "")


def test_a_fit_that_cannot_be_trusted_ends_with_one(folder, capsys):
    angles = np.arange(20.0, 60.0, 0.02)
    counts = np.random.default_rng(1).poisson(100.0, angles.size)
    np.savetxt("flat.xy", np.column_stack([angles, counts]), fmt="%.2f %d")
    assert run("fit", "flat.xy", "--phase", "P2", "--radiation", "CuKa", "-o", "out") == 1
    assert "failed" in capsys.readouterr().out
    assert json.loads((folder / "out" / "result.json").read_text())["status"] == "failed"


def test_simulate_writes_pattern_truth_and_reflections(folder):
    words = ("simulate", "P2", "O3", "--weights", 0.7, 0.3, "--radiation", "CuKa1", "--two-theta", 12, 80, 0.02,
             "--counts", 5000, "--seed", 9, "--reflections", "r.csv", "-o", "s.xye", "--plot", "s.png")  # fmt: skip
    assert run(*words) == 0
    pattern = read_pattern("s.xye")
    assert pattern.range == (12.0, 80.0)
    assert pattern.radiation.lines == ((1.5405929, 1.0),)
    truth = json.loads((folder / "s.truth.json").read_text())
    assert [p["weight_fraction"] for p in truth["phases"]] == pytest.approx([0.7, 0.3])
    assert (folder / "r.csv").read_text().startswith("phase,h,k,l,multiplicity,")
    assert (folder / "s.png").read_bytes().startswith(b"\x89PNG")


def test_simulate_takes_a_preset(folder):
    assert run("simulate", "P2", "--instrument", "lab-cu-graphite", "-o", "s.xye") == 0
    assert read_pattern("s.xye").radiation.name == "CuKa"


def test_files_of_an_earlier_fit_do_not_stay_beside_those_of_a_new_one(folder, shipped):
    """A fit of P2 alone leaves no O3.cif of the fit before, nor its recipe and picture; files of the user stay."""
    words = ("fit", shipped, "--range", 14, 50, "--quiet", "-o", "out")
    run(*words, "--phase", "P2", "--phase", "O3", "--fix", "O3_microstrain")
    Path("out/notes.txt").write_text("mine", encoding="utf-8")
    shutil.copy("out/O3.cif", "out/mine.cif")
    assert {"O3.cif", "recipe.toml", "fit.png"} <= {path.name for path in Path("out").iterdir()}
    run(*words, "--phase", "P2", "--figures", "none")
    left = {path.name for path in Path("out").iterdir()}
    assert left.isdisjoint({"O3.cif", "recipe.toml", "fit.png"})
    assert {"P2.cif", "result.json", "notes.txt", "mine.cif"} <= left


def test_simulated_pattern_and_fit_agree(folder, capsys):
    run("simulate", "P2", "P3", "--weights", 1, 3, "--radiation", "MoKa", "--two-theta", 5, 45, 0.01, "--counts", 9000,
        "--background", 150, "--size", 80, 60, "-o", "s.xye")  # fmt: skip
    assert run("fit", "s.xye", "--phase", "P2", "--phase", "P3", "-o", "out", "--quiet") == 0
    phases = json.loads((folder / "out" / "result.json").read_text())["phases"]
    fraction = phases[0]["weight_fraction"]
    assert abs(fraction["value"] - 0.25) < 3 * fraction["esd"]


def test_compare(folder, shipped, capsys):
    for name, phases in (("a", ["P2", "O3"]), ("b", ["P2"])):
        options = [word for phase in phases for word in ("--phase", phase)]
        run("fit", shipped, *options, "--radiation", "CuKa", "-o", name, "--quiet")
    capsys.readouterr()
    assert run("compare", "a/result.json", "b/result.json") == 0
    out, err = capsys.readouterr()
    assert (err, out.splitlines()[:2]) == ("", ["a: a/result.json", "b: b/result.json"])
    (line,) = [line for line in out.splitlines() if line.startswith("O3_a ")]
    assert line.split()[2] == "-"
    assert run("compare", "a", "nowhere") == 2
    assert (
        capsys.readouterr().err == "layerox: nowhere: cannot be read (No such file or directory); give a result.json\n"
    )


def test_a_refined_structure_is_a_phase(folder, shipped, capsys):
    run("fit", shipped, "--phase", "P2", "--phase", "O3", "--radiation", "CuKa", "-o", "a", "--quiet")
    words = ("--phase", "P2=a/P2.cif", "--phase", "a/O3.cif", "--quiet", "-o", "b")
    # fit.cif is a pattern that knows its beam.
    assert run("fit", "a/fit.cif", *words) == 0
    first, second = (json.loads((folder / name / "result.json").read_text()) for name in "ab")
    for one, other in zip(first["phases"], second["phases"], strict=True):
        fraction = one["weight_fraction"]
        # The priors of the atoms are those of a file now, about the refined values.
        assert other["weight_fraction"]["value"] == pytest.approx(fraction["value"], abs=0.5 * fraction["esd"])


@pytest.mark.parametrize("suffix", [".cif", ".xyz", ".json"])
def test_build_writes_a_structure(folder, capsys, suffix):
    assert run("build", "P2", "--formula", "Na0.67Ni0.33Mn0.67O2", "-o", f"p2{suffix}") == 0
    assert "P63/mmc" in capsys.readouterr().out
    assert (folder / f"p2{suffix}").stat().st_size > 100


@pytest.mark.parametrize(
    ("words", "printed"),
    [
        (["Pp2"], "Cmcm"),
        (["Op3", "--formula", "NaMnO2", "--distortion", 0.1], "C2/m"),
        (["Pp3", "--a", 4.92, "--b", 2.83, "--c", 5.7, "--beta", 106, "--bonds", 1.9, 1.95], "C2/m"),
        (["spinel", "--formula", "Mn3O4"], "I41/amd"),
        (["spinel", "--formula", "MgMn2O4", "--tetrahedral", "Mg=0.5", "--tetrahedral", "Mn=0.5"], "Fd-3m"),
        (["tunnel", "--formula", "Na0.4Mn0.89Ti0.11O2", "--metal", "5:Ti=0.5", "--metal", "5:Mn=0.5"], "Pbam"),
        (["P2", "--setting", "rectangular", "--supercell", 2, 1, 1], "P63/mmc on rectangular axes, 2 x 1 x 1 cells"),
    ],
)
def test_build_of_every_kind(folder, capsys, words, printed):
    assert run("build", *words, "-o", "x.cif") == 0
    out, err = capsys.readouterr()
    assert printed in out
    assert "source: " in out
    assert err == ""
    assert gemmi.read_small_structure("x.cif").sites


def test_phases_lists_and_describes_the_library(capsys):
    assert run("phases") == 0
    listing = capsys.readouterr().out
    assert "P2_NNM" in listing
    assert "RECALLED" in listing
    assert run("phases", "Pp2") == 0
    assert "space group  Cmcm" in capsys.readouterr().out
    assert run("phases", "C93") == 0
    assert "24.8 wt% P2" in capsys.readouterr().out
    assert "did you mean 'P2_NNM'" in refused(capsys, "phases", "P2_NMN")


def test_built_cif_is_read_by_gemmi_and_as_a_phase(folder, capsys):
    run("build", "O3", "--a", 2.97, "--c", 16.02, "-o", "o3.cif")
    structure = gemmi.read_small_structure("o3.cif")
    assert structure.spacegroup.xhm() == "R -3 m:H"
    assert (structure.cell.a, structure.cell.c) == (2.97, 16.02)
    assert run("simulate", "o3.cif", "--radiation", "CuKa", "-o", "s.xye") == 0


@pytest.mark.parametrize(
    ("words", "message"),
    [
        ([], "the following arguments are required"),
        (["fit"], "arguments are required: PATTERN"),
        (["fit", "PATTERN"], "--phase: no phase is given; give library names"),
        (["fit", "x.xy", "--phase", "P2", "--colour"], "unrecognized arguments: --colour; see layerox fit --help"),
        (
            ["fit", "x.xy", "--phases", "P2"],
            "unrecognized arguments: --phases P2; did you mean '--phase'; see layerox fit",
        ),
        (["fit", "x.xy", "--phase", "P2", "O3"], "give each phase its own option: --phase P2 --phase O3"),
        (
            ["build", "my.cif", "-o", "p2.cif"],
            "unknown phase 'my.cif'; a phase that is built is a name or a stacking word",
        ),
        (["interface", "my.cif/O3", "-o", "i.cif"], "is a name or a stacking word, not a file; `layerox phases` lists"),
        (["build", "P2", "P3", "-o", "p2.cif"], "unrecognized arguments: P3; see layerox build --help"),
        (["fit", "PATTERN", "--phase", "P2", "--fix", "c"], "there is no parameter 'c'; give the full name: P2_c"),
        (
            ["simulate", "XyZ6", "-o", "s.xye"],
            "unknown phase 'XyZ6'; `layerox phases` lists what there is; a CIF file is a phase too",
        ),
        (
            ["simulate", "P2", "--instrument", "lab-cp", "-o", "s.xye"],
            "unknown instrument 'lab-cp'; did you mean 'lab-c",
        ),
        (["fit", "x.xy", "--phase", "P2"], "x.xy"),
        (["fit", "PATTERN", "--phase", "P9"], "unknown phase 'P9'; did you mean"),
        (["fit", "PATTERN", "--phase", "P2", "--phase", "P2"], "two phases have the name 'P2'"),
        (["fit", "PATTERN", "--phase", "P2", "--radiation", "MoKa"], "MoKa"),
        (["fit", "PATTERN", "--phase", "P2", "--radiation", "CuKalpha7"], "unknown radiation"),
        (
            ["fit", "PATTERN", "--phase", "P2", "--monochromator", "26.6", "--polarization", "0.5"],
            "both monochromator and polarization are given",
        ),
        (["fit", "PATTERN", "--phase", "P2", "--range", "50", "20"], "50"),
        (["fit", "PATTERN", "--phase", "P2", "--range", "18", "30"], "no reflection between 18 and 30"),
        (["fit", "PATTERN", "--phase", "P2", "--geometry", "flat"], "invalid choice: 'flat'"),
        (["fit", "PATTERN", "--phase", "P2", "--instrument", "none.toml"], "none.toml"),
        (["fit", "PATTERN", "--phase", "P2", "--abscissa", "k"], "invalid choice: 'k'"),
        (["fit", "PATTERN", "--phase", "P2", "--phase", "O3", "--radiation", "CuKa1"], "given is CuKa1 (1.540593 A)"),
        (["fit", "PATTERN", "--phase", "P2", "--neutron"], "neutrons are requested, the pattern states CuKa"),
        (["fit", "PATTERN", "--phase", "P2", "--abscissa", "q"], "p2_o3.xye:"),
        (["fit", "PATTERN", "--phase", "P2", "--picture", "cube"], "--picture: unknown intensity axis 'cube'"),
        (["simulate", "P2", "-o", "s.xye"], "--radiation: the wavelength is unknown; give the radiation"),
        (
            ["simulate", "P2", "P2", "--radiation", "CuKa", "-o", "s.xye"],
            "STRUCTURE: two phases have the name 'P2'; name",
        ),
        (
            ["simulate", "P2", "--radiation", "CuKa", "--neutron", "-o", "s.xye"],
            "neutrons are requested, given is CuKa",
        ),
        ([*SIMULATE, "--two-theta", "10", "90", "1e-9"], "--two-theta: a step of 1e-09 degrees"),
        ([*SIMULATE, "--counts", "1e30"], "--counts: 1e+30 counts; give"),
        ([*SIMULATE, "--counts", "1000", "--seed", "-1"], "--seed: a seed of -1; give"),
        ([*SIMULATE, "--size", "0"], "--size: a size of 0 nm; give"),
        ([*SIMULATE, "--background", "nan"], "--background: coefficients nan; give"),
        (
            [*SIMULATE, "--plot", "s.xye"],
            "s.xye: pictures are not drawn as .xye; give a file that ends in .png (--plot)",
        ),
        ([*SIMULATE, "--plot", "p.foo"], "p.foo: pictures are not drawn as .foo"),
        ([*SIMULATE, "--reflections", "s.xye"], "s.xye: would be written twice; choose another name (--reflections)"),
        ([*SIMULATE, "--reflections", "./s.truth.json"], "s.truth.json: would be written twice"),
        ([*SIMULATE, "--reflections", "no/r.csv"], "no/r.csv: cannot be written"),
        (["simulate", "P2", "--radiation", "CuKa", "-o", "s.raw"], "s.raw"),
        (["simulate", "P2", "--radiation", "CuKa", "-o", "no/s.xye"], "no/s.xye"),
        (["simulate", "P2", "--radiation", "CuKa", "--two-theta", "9", "5", "1", "-o", "s.xye"], "LO HI STEP"),
        (["build", "P2*3|O3*4", "-o", "x.cif"], "does not close by senses"),
        (["build", "P2", "--formula", "Na0.67Xx", "-o", "x.cif"], "Na0.67Xx"),
        (["build", "P2", "--gallery", "P", "-o", "x.cif"], "write NAME=NUMBER"),
        (["build", "P2", "-o", "x.txt"], "x.txt"),
    ],
)
def test_users_faults_are_one_line_and_write_nothing(folder, shipped, capsys, words, message):
    line = refused(capsys, *(shipped if word == "PATTERN" else word for word in words))
    assert message in line
    assert list(folder.iterdir()) == []


@pytest.mark.parametrize(
    ("name", "content", "message"),
    [
        ("empty.xy", b"", "empty"),
        ("binary.xy", bytes(range(256)) * 20, "binary.xy"),
        ("nan.xy", b"10 5\n10.1 nan\n10.2 7\n", "nan.xy: 2 points cannot determine"),
        ("negative_angle.xy", b"-1 5\n-0.9 6\n1 7\n", "negative_angle.xy:1"),
        ("repeated.xy", b"10 5\n10.1 6\n10.1 7\n10.2 7\n", "repeated.xy:3"),
        ("negative.xy", b"10 5\n10.1 -6\n10.2 7\n", "negative.xy:2"),
        ("zero.xy", b"".join(b"%d 0\n" % k for k in range(10, 90)), "zero.xy: the pattern holds no counts"),
        ("normalised.xy", b"10 0.5\n11 1\n12 0.25\n13 1\n", "normalised.xy: intensities of at most 1"),
        ("short.xy", b"20 5\n30 6\n40 7\n", "3 points cannot determine"),
        ("cut.xy", b"10 5\n10.1 6\n10.2\n", "cut.xy:3"),
    ],
)
def test_bad_patterns(folder, capsys, name, content, message):
    Path(name).write_bytes(content)
    assert message in refused(capsys, "fit", name, "--phase", "P2", "--radiation", "CuKa", "-o", "out")
    assert not (folder / "out").exists()


def test_output_that_is_a_file_is_refused_before_the_work(folder, shipped, capsys):
    Path("out").write_text("mine")
    assert "out: is a file, not a folder" in refused(capsys, "fit", shipped, "--phase", "P2", "-o", "out")
    assert Path("out").read_text() == "mine"


def test_a_pattern_without_a_wavelength_is_a_question(folder, capsys):
    np.savetxt("scan.xy", np.column_stack([np.arange(10, 90, 0.02), np.full(4000, 50)]), fmt="%.2f %d")
    line = refused(capsys, "fit", "scan.xy", "--phase", "P2", "-o", "out")
    assert (
        "scan.xy: the wavelength is unknown; give the radiation, for example CuKa or 0.4139 angstrom (--radiation)"
        in line
    )


@pytest.mark.parametrize(
    ("body", "message"),
    [
        ("_cell_volume 125\n", "holds no atoms"),
        ("{atoms}Na Na 0 0 0\n", "states no space group"),
        ("_space_group_name_H-M_alt 'P 9 9 9'\n{atoms}Na Na 0 0 0\n", "unknown space group 'P 9 9 9'"),
        ("_space_group_name_H-M_alt 'P 1'\n{atoms}Na Na 0 0 0\nO O 0.01 0 0\n", "Na and O overlap"),
        ("_space_group_name_H-M_alt 'P 1'\n{atoms}Cn1 Cn 0 0 0\n", "no X-ray form factor for Cn; replace it"),
    ],
)
def test_bad_structures(folder, shipped, capsys, body, message):
    cell = "".join(f"_cell_length_{x} 5\n" for x in "abc")
    cell += "".join(f"_cell_angle_{x} 90\n" for x in ("alpha", "beta", "gamma"))
    tags = ("label", "type_symbol", "fract_x", "fract_y", "fract_z")
    atoms = "loop_\n" + "".join(f"_atom_site_{tag}\n" for tag in tags)
    Path("bad.cif").write_text("data_bad\n" + cell + body.format(atoms=atoms))
    line = refused(capsys, "fit", shipped, "--phase", "bad.cif", "-o", "out")
    assert line.startswith("layerox: bad.cif: ")
    assert message in line


def test_help_and_version(capsys):
    for words in (["--help"], ["fit", "--help"], ["--version"]):
        with pytest.raises(SystemExit) as stop:
            run(*words)
        assert stop.value.code == 0
    assert "layerox" in capsys.readouterr().out


def test_module_runs_as_a_program(folder):
    done = subprocess.run([sys.executable, "-m", "layerox", "nothing"], capture_output=True, text=True, check=False)
    assert done.returncode == 2
    assert done.stderr.startswith("layerox: argument COMMAND: invalid choice: 'nothing'")


def test_a_structure_is_not_written_over(folder, capsys):
    run("build", "P2", "-o", "p2.cif")
    before = Path("p2.cif").read_text()
    capsys.readouterr()
    words = ("simulate", "p2.cif", "--radiation", "CuKa", "-o", "s.xye", "--reflections", "p2.cif")
    assert "p2.cif: is read by this command and is never replaced" in refused(capsys, *words)
    assert Path("p2.cif").read_text() == before


def test_the_truth_of_another_pattern_is_kept(folder, capsys):
    assert run(*SIMULATE) == 0
    assert json.loads(Path("s.truth.json").read_text())["pattern"] == "s.xye"
    line = refused(capsys, "simulate", "O3", "--radiation", "CuKa", "-o", "s.csv")
    assert "s.truth.json: is the truth of s.xye, which s.csv would replace; choose another stem than 's'" in line
    assert run(*SIMULATE) == 0
    Path("s.xye").unlink()
    assert run("simulate", "O3", "--radiation", "CuKa", "-o", "s.csv") == 0


def test_what_is_doubtful_about_a_structure_is_stated_and_kept(folder, capsys):
    run("build", "P2", "-o", "p2.cif")
    text = Path("p2.cif").read_text()
    formula = next(line for line in text.splitlines() if line.startswith("_chemical_formula_sum"))
    Path("p2.cif").write_text(text.replace(formula, "_chemical_formula_sum 'Na Ni Mn O2'"))
    capsys.readouterr()
    assert run("simulate", "p2.cif", "--radiation", "CuKa", "-o", "s.xye") == 0
    out, err = capsys.readouterr()
    assert err == ""
    assert out.startswith("warning: p2: its atoms make Na")
    (warning,) = json.loads(Path("s.truth.json").read_text())["warnings"]
    assert warning["code"] == "formula_disagrees"
    assert out == f"warning: {warning['message']}\n"


def test_a_result_of_another_program_is_kept(folder, shipped, capsys):
    Path("out").mkdir()
    Path("out/result.json").write_text('{"mine": 1}')
    line = refused(capsys, "fit", shipped, "--phase", "P2", "-o", "out")
    assert "out/result.json: is not recorded as layerox's own and is kept; choose another output" in line
    assert "(--overwrite)" in line
    assert Path("out/result.json").read_text() == '{"mine": 1}'


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="there is no /dev/full here")
def test_a_full_disk_is_one_line(folder):
    words = [sys.executable, "-m", "layerox", "build", "P2", "-o", "p2.cif"]
    with Path("/dev/full").open("w") as full:
        done = subprocess.run(words, stdout=full, stderr=subprocess.PIPE, text=True, check=False)
    assert (done.returncode, done.stderr) == (
        2, "layerox: No space left on device; free some space or write elsewhere\n"
    )  # fmt: skip


def test_an_interrupt_behind_another_error_ends_with_130_too(monkeypatch, shipped, capsys):
    """Compiled code that is interrupted while it is loaded raises errors of its own, which carry the interrupt."""

    def interrupted(*_, **__):
        try:
            raise KeyboardInterrupt
        except KeyboardInterrupt:
            raise SystemError("returned a result with an exception set") from None

    monkeypatch.setattr("layerox.analysis.fit.fit", interrupted)
    assert run("fit", shipped, "--phase", "P2", "-o", "never") == 130
    assert capsys.readouterr().err == "layerox: interrupted\n"


def test_a_fault_of_ours_is_not_hidden(monkeypatch, shipped):
    def broken(*_, **__):
        raise ZeroDivisionError

    monkeypatch.setattr("layerox.analysis.fit.fit", broken)
    with pytest.raises(ZeroDivisionError):
        run("fit", shipped, "--phase", "P2", "-o", "never")


def test_interrupt_ends_with_130(monkeypatch, shipped, capsys):
    def interrupted(*_, **__):
        raise KeyboardInterrupt

    monkeypatch.setattr("layerox.analysis.fit.fit", interrupted)
    assert run("fit", shipped, "--phase", "P2", "-o", "never") == 130
    assert capsys.readouterr().err == "layerox: interrupted\n"


def loaded_after(code):
    """Return the modules that a fresh interpreter has loaded after some code."""
    done = subprocess.run(
        [sys.executable, "-c", f"{code}\nimport sys; print(*sys.modules)"], capture_output=True, text=True, check=True
    )
    return set(done.stdout.split())


def test_help_loads_nothing_heavy():
    heavy = {"numpy", "numba", "gemmi", "scipy", "matplotlib", "pymatgen", "rich", "lmfit"}
    code = "from layerox.cli.main import main\ntry:\n    main(['--help'])\nexcept SystemExit:\n    pass"
    assert not heavy & loaded_after(code)


def test_fit_does_not_load_what_it_does_not_need(folder, shipped):
    code = (
        f"from layerox.cli.main import main\nmain(['fit', {str(shipped)!r}, '--phase', 'P2', '-o', 'out', '--quiet'])"
    )
    assert not {"lmfit", "pandas", "pymatgen", "anywidget", "dask"} & loaded_after(code)


def test_a_recipe_with_constraints_does_not_load_lmfit(folder, shipped):
    (folder / "recipe.toml").write_text(
        "[[phase]]\nstructure = 'P2'\n[variables]\nratio = 3.866\n[constraints]\nP2_c = 'P2_a * ratio'\n"
        "[strategy]\nname = 'one-stage'\n"
    )
    words = ["fit", str(shipped), "--recipe", "recipe.toml", "-o", "out", "--quiet"]
    code = f"from layerox.cli.main import main\nmain({words!r})"
    assert not {"lmfit", "pandas", "pymatgen", "anywidget", "dask"} & loaded_after(code)
    used = (folder / "out" / "recipe.toml").read_text()
    assert 'P2_c = "P2_a * ratio"' in used
    result = json.loads((folder / "out" / "result.json").read_text())
    assert result["recipe"]["strategy"] == {"name": "one-stage", "stages": []}
    assert result["phases"][0]["cell"]["c"]["status"] in ("tied", "fixed")


def test_build_an_ordered_cell(folder, capsys):
    options = ["--formula", "Na0.7Ni0.33Mn0.67O2", "--supercell", 5, 5, 1, "--ordered", "--seed", 4]
    assert run("build", "P2", *options, "-o", "one.vasp") == 0
    out = capsys.readouterr().out
    # 50 metals: 35 Na, 33.5 Mn and 16.5 Ni.
    assert "ordered as Na35" in out
    assert "note: the nearest that whole atoms in this cell can reach" in out
    assert run("build", "P2", *options, "-o", "two.vasp") == 0
    assert (folder / "one.vasp").read_text() == (folder / "two.vasp").read_text()
    assert (folder / "one.vasp").read_text().splitlines()[6].split()[0].isdigit()


def test_check_ends_with_one_when_there_are_findings(folder, capsys):
    assert run("build", "P2", "-o", "p2.cif") == 0
    assert run("build", "O3", "--formula", "NaZnO2", "-o", "o3.cif") == 0
    capsys.readouterr()
    assert run("check", "p2.cif") == 0
    assert capsys.readouterr().out == "p2.cif: P2, no findings\n"
    assert run("check", "p2.cif", "o3.cif") == 1
    out = capsys.readouterr().out
    assert "o3.cif: O3, 1 finding\n  charge_off: Zn3 would need a mean charge of +3.00" in out
    assert run("check", "p2.cif", "--phase", "O2") == 1
    assert "wrong_gallery: the atoms stack as P2" in capsys.readouterr().out
    assert "no such file" in refused(capsys, "check", "absent.cif")


def test_interface_takes_measured_cells_from_a_cif_and_from_numbers(folder, capsys):
    assert run("build", "P2", "--a", 2.9, "--c", 11.2, "-o", "mine.cif") == 0
    for words in (["P2", "a=2.9", "c=11.2"], ["P2", "mine.cif"]):
        assert run("interface", "P2/O3", "--cell", *words, "--report", "r.json", "-o", "i.cif", "--overwrite") == 0
        assert "misfit 2.03%" in capsys.readouterr().out
    for words, reason in (
        (["P2"], "--cell: cell of P2: nothing; write --cell P2 a=2.887"),
        (["P2", "a=long"], "--cell: cell of P2: a=long"),
        (["O3", "mine.cif"], "mine.cif: space group P 63/m m c, O3 has R -3 m:H"),
        (["P2", "none.cif"], "none.cif: no such file"),
    ):
        assert reason in refused(capsys, "interface", "P2/O3", "--cell", *words, "-o", "x.cif")


def test_interface_writes_the_cell_and_its_report(folder, capsys):
    assert run("interface", "P2/O3", "--slabs", 4, 6, "-o", "cell.cif", "--report", "report.json") == 0
    out = capsys.readouterr().out
    assert "misfit 2.55% (2d)" in out
    assert "coherency energy 53.6 MJ/m3, 145 mJ/m2 an interface" in out
    report = json.loads((folder / "report.json").read_text())
    keys = (
        "atoms formula cell space_group closed misfit misfit_direction strain coherency_energy dislocation_spacing_nm"
    )
    assert {*keys.split(), "lamellae", "coordination", "shortest", "findings", "warnings"} <= set(report)
    assert report["findings"] == []
    assert set(report["coherency_energy"]) == {"MJ_per_m3", "mJ_per_m2_interface", "kJ_per_mol_TMO2"}
    assert set(report["lamellae"][0]) == {"phase", "slabs", "galleries", "formula", "tm_valence"}


def test_a_particle_by_command(folder, capsys):
    words = ("--core-shell", 1.5, 0.7, "--formula", "NaNi0.5Mn0.5O2", "--formula", "Na2/3Ni1/3Mn2/3O2")
    assert run("interface", "O3/P2", *words, "-o", "p.xyz", "--report", "r.json") == 0
    report = json.loads((folder / "r.json").read_text())
    assert (folder / "p.xyz").read_text().startswith(f"{report['atoms']}\n")
    assert "lack anions" in capsys.readouterr().out


def test_a_larger_cell_in_plane_by_command(folder, capsys):
    """14 meshes of a = 3.02 A meet 15 of 2.82 A."""
    words = ("--in-plane", "auto", "-o", "cell.xyz", "--report", "r.json")
    assert run("interface", "O3_NFO/O1", *words) == 0
    assert "nothing is relaxed" in capsys.readouterr().out
    meshes = json.loads((folder / "r.json").read_text())["in_plane"]["meshes"]
    numbers = list(meshes.values())
    assert numbers[1] == numbers[0] + 1
    assert run("interface", "O3_NFO/O1", "--in-plane", *numbers, "-o", "again.xyz") == 0
    assert (folder / "again.xyz").read_text() == (folder / "cell.xyz").read_text()


def test_distorted_phases_by_command(folder, capsys):
    (folder / "c.toml").write_text(
        '[Pp2]\nsymmetry = "orthorhombic"\nC11 = 290.0\nC22 = 250.0\nC33 = 167.0\nC12 = 87.0\nC13 = 57.0\n'
        "C23 = 57.0\nC44 = 45.0\nC55 = 45.0\nC66 = 100.0\n"
    )
    words = ("--elastic", "c.toml", "-o", "cell.cif", "--report", "r.json")
    assert run("interface", "Pp2/P2", *words) == 0
    assert "strain in plane / across / along c: Pp2" in capsys.readouterr().out
    report = json.loads((folder / "r.json").read_text())
    assert report["elastic_constants"]["Pp2"] == "c.toml"
    assert set(report["strain"]["Pp2"]) == {"in_plane", "across", "lean", "out_of_plane"}
    assert "stiffness of Pp2, which is none of the phases" in refused(
        capsys, "interface", "P2/O3", "--elastic", "c.toml", "-o", "x.cif"
    )


def test_stiffness_from_a_file(folder, capsys):
    (folder / "c.toml").write_text("[O3]\nC11 = 223.0\nC12 = 67.0\nC13 = 44.0\nC33 = 128.0\nC44 = 35.0\n")
    assert run("interface", "P2/O3", "--elastic", "c.toml", "-o", "cell.cif", "--report", "r.json") == 0
    assert json.loads((folder / "r.json").read_text())["elastic_constants"]["O3"] == "c.toml"
    capsys.readouterr()
    (folder / "c.toml").write_text("[O3]\nC11 = 223.0\n")
    assert "c.toml: [O3]: a trigonal tensor lacks C12" in refused(
        capsys, "interface", "P2/O3", "--elastic", "c.toml", "-o", "x.cif"
    )


def test_interfaces_that_are_refused(folder, capsys):
    assert "by senses: gallery 2 of P2 is P3; take P2*4|O3*3" in refused(
        capsys, "interface", "P2/O3", "--slabs", 3, 4, "-o", "x.cif"
    )
    words = ("P2/tunnel", "--core-shell", 3, 1)
    assert "no columns run through core and shell" in refused(capsys, "interface", *words, "-o", "x.cif")
    assert "--in-plane: meshes a b" in refused(capsys, "interface", "P2/O3", "--in-plane", "a", "b", "-o", "x.cif")
    assert "--registry: does not apply to an interface without a spinel" in refused(
        capsys, "interface", "P2/O3", "--registry", 2, "-o", "x.cif"
    )
    assert "--boundary: a boundary filling of 2.0" in refused(
        capsys, "interface", "P2/O3", "--boundary", 2, "-o", "x.cif"
    )
    assert "--strict: " in refused(capsys, "interface", "P2/O3", "--strict", "-o", "x.cif")
    assert "partial occupancies" in refused(capsys, "interface", "P2/O3", "-o", "x.vasp")
    assert "choose from stiffness, P2, O3" in refused(capsys, "interface", "P2/O3", "--strain", "C", "-o", "x.cif")
    assert "no such folder" in refused(capsys, "interface", "P2/O3", "-o", "x.cif", "--report", "none/r.json")
    assert list(folder.glob("*x.*")) == []


def test_calibrate_writes_instrument_and_picture(folder, capsys):
    """The profile that was simulated comes back: w = 0.0064 (peaks of 0.08 degrees, what `simulate` has by default)."""
    words = ["--radiation", "CuKa", "--two-theta", 40, 120, 0.03, "--background", 100, "--counts", 20000, "--seed", 3]
    assert run("simulate", "Cu", *words, "-o", "cu.xye") == 0
    capsys.readouterr()
    assert run("calibrate", "cu.xye", "--phase", "Cu", "-o", "mine.toml") == 0
    out = capsys.readouterr().out
    assert "converged" in out
    assert "written: mine.toml, mine.png" in out
    profile = read_instrument(folder / "mine.toml").profile
    assert profile.w == pytest.approx(0.0064, rel=0.1)
    assert (folder / "mine.png").read_bytes().startswith(b"\x89PNG")


def test_calibrate_writes_both_files_or_none(folder, capsys):
    assert (
        run("simulate", "Cu", "--radiation", "CuKa", "--two-theta", 40, 120, 0.05, "--counts", 5000, "-o", "cu.xye")
        == 0
    )
    capsys.readouterr()
    message = refused(capsys, "calibrate", "cu.xye", "--phase", "Cu", "-o", "mine.toml", "--plot", "none/mine.png")
    assert "none/mine.png" in message
    assert not (folder / "mine.toml").exists()
    assert "call it mine.toml" in refused(capsys, "calibrate", "cu.xye", "--phase", "Cu", "-o", "mine.json")


def test_check_notes_what_reading_noticed_and_is_no_finding(folder, capsys):
    rows = "Mn1 Mn 0 0 0 1.03(4)\nNa1 Na 0 0 0.25 0.3\nNa2 Na 0.3333 0.6667 0.75 0.37\nO1 O 0.3333 0.6667 0.09 1"
    cell = "_cell_length_a 2.89\n_cell_length_b 2.89\n_cell_length_c 11.2\n_cell_angle_alpha 90\n_cell_angle_beta 90\n"
    tags = "\n".join(
        f"_atom_site_{tag}" for tag in ("label", "type_symbol", "fract_x", "fract_y", "fract_z", "occupancy")
    )
    Path("over.cif").write_text(
        f"data_x\n{cell}_cell_angle_gamma 120\n_space_group_name_H-M_alt 'P 63/m m c'\nloop_\n{tags}\n{rows}\n"
    )
    assert main(["check", "over.cif"]) == 0
    out = capsys.readouterr().out.splitlines()
    assert out == ["over.cif: P2, no findings", "  note: stated occupancies above 1 were kept: Mn1 1.03(4)"]


def test_fit_writes_the_pictures_requested(tmp_path, capsys):
    words = ["fit", str(ROOT / "patterns" / "p2_o3.xye"), "--phase", "P2", "--phase", "O3", "-o", str(tmp_path / "out")]
    pictures = lambda: sorted(path.name for path in (tmp_path / "out").glob("fit.[ps][dnv][fg]"))  # noqa: E731
    assert main([*words, "--figures", "all"]) == 0
    assert pictures() == ["fit.pdf", "fit.png", "fit.svg"]
    assert main([*words, "--figures", "none"]) == 0
    assert pictures() == []
