"""`layerox export`: what is written from a fit, a series and a file of patterns, and what is refused."""

import gemmi
import numpy as np
import pytest
import python_calamine as calamine

import layerox as lx
from layerox.cli.main import main
from layerox.io import read_pattern, read_patterns
from layerox.io.output_files import is_own
from pdcif_dictionary import faults
from reference_crystals import ZINCITE


@pytest.fixture(scope="module")
def fitted(tmp_path_factory):
    """Return the folder of a short fit of zincite."""
    from layerox.results.result_folder import files_of, write_folder

    folder = tmp_path_factory.mktemp("fit")
    made = lx.simulate([("ZnO", ZINCITE)], radiation="CuKa", two_theta=(25, 60, 0.05), counts=3000, background=[50])
    write_folder(folder, files_of(lx.fit(made.pattern, [("ZnO", ZINCITE)])))
    return folder


def run(*words):
    return main(["export", *map(str, words)])


@pytest.mark.parametrize(
    ("to", "names"),
    [
        ("nexus", {"fit.nxs"}),
        ("pdcif", {"powder.cif"}),
        ("xlsx", {"fit.xlsx"}),
        ("csv", {"phases.csv", "parameters.csv"}),
        ("gsas2", {"gsas2/pattern.xye", "gsas2/instrument.instprm", "gsas2/ZnO.cif", "gsas2/make_project.py"}),
    ],
)
def test_a_fit(fitted, capsys, to, names):
    assert run(fitted, "--to", to) == 0
    shown = capsys.readouterr().out.splitlines()
    assert {line.removeprefix(f"written: {fitted}/") for line in shown} == names
    assert all(is_own(fitted / name) for name in names)
    assert run(fitted, "--to", to) == 0  # own files are replaced


def test_a_series_is_a_powder_cif_of_its_frames(heated, tmp_path, capsys):
    path = tmp_path / "new" / "series.cif"
    assert run(heated, "--to", "pdcif", "-o", path) == 0
    text = path.read_text()
    assert faults(text) == []
    from layerox.series.result import open_series

    series = open_series(heated)
    document = gemmi.cif.read_string(text)
    for _, row in series.frames.iterrows():
        block = document.find_block(f"frame_{row['frame']}")
        good = row["verdict"] in ("accepted", "reseeded")
        assert (block.find_value("_pd_proc_ls.prof_wR_factor") is not None) == good
        if not good:
            continue
        percents = {r.str(0): gemmi.cif.as_number(r[1]) for r in block.find("_pd_phase_mass.", ["phase_id", "percent"])}
        for name, percent in percents.items():
            assert percent == pytest.approx(100 * row[f"{name}.weight_fraction"], abs=0.06)
            own = document.find_block(f"frame_{row['frame']}_{name}")
            assert gemmi.cif.as_number(own.find_value("_cell_volume")) == pytest.approx(
                row[f"{name}.volume"], abs=row[f"{name}.volume_esd"]
            )
    patterns = read_patterns(path)
    assert len(patterns) == (series.frames["verdict"] != "unreadable").sum()


def test_a_series_is_a_workbook_of_its_tables(heated, tmp_path):
    path = tmp_path / "series.xlsx"
    assert run(heated, "--to", "xlsx", "-o", path) == 0
    book = calamine.CalamineWorkbook.from_path(path)
    assert book.sheet_names[0] == "frames"
    titles, *rows = book.get_sheet_by_name("frames").to_python()
    frames = lx.open_series(heated).frames
    assert titles == list(frames.columns)
    column = titles.index("P2.weight_fraction")
    np.testing.assert_array_equal(
        [np.nan if row[column] == "" else row[column] for row in rows], frames["P2.weight_fraction"]
    )


def test_a_series_whose_patterns_are_gone_says_so(heated, tmp_path, capsys):
    from dataclasses import replace

    from layerox.series.pdcif import series_cif_text
    from layerox.series.result import open_series

    series = open_series(heated)
    text = series_cif_text(replace(series, run={**series.run, "folder": str(tmp_path / "elsewhere")}))
    assert text.count("without its pattern") == len(series.frames)
    assert faults(text) == []


@pytest.mark.parametrize("to", ["xye", "xy", "csv", "xlsx", "pdcif"])
def test_a_pattern_in_each_format_of_patterns(tmp_path, to, capsys):
    source = tmp_path / "a.xye"
    source.write_text("10 100 10\n10.1 121 11\n10.2 144 12\n")
    target = tmp_path / f"out{'.cif' if to == 'pdcif' else f'.{to}'}"
    assert run(source, "--to", to, "-o", target) == 0
    np.testing.assert_array_equal(read_pattern(target).intensity, [100, 121, 144])


def test_many_scans_are_blocks_or_chosen_by_number(tmp_path, capsys):
    source = tmp_path / "wide.csv"
    source.write_text("2theta,one,two\n10,1,2\n11,3,4\n12,5,6\n")
    assert run(source, "--to", "pdcif") == 0
    assert [p.intensity.tolist() for p in read_patterns(tmp_path / "wide.cif")] == [[1, 3, 5], [2, 4, 6]]
    assert run(source, "--to", "excel", "--scan", 2) == 0
    assert (tmp_path / "wide.xlsx").exists()
    assert run(source, "--to", "xye", "--scan", 2) == 0
    assert read_pattern(tmp_path / "wide.xye").intensity.tolist() == [2, 4, 6]
    assert run(source, "--to", "xye") == 2
    assert "holds 2 scans" in capsys.readouterr().err


def test_what_cannot_be_written_is_refused_in_one_line(fitted, tmp_path, capsys):
    source = tmp_path / "a.xye"
    source.write_text("10 100 10\n10.1 121 11\n")
    (tmp_path / "empty").mkdir()
    for words, reason in (
        ((fitted, "--to", "xye"), "the result of a fit is not written as xye; choose from nexus, gsas2, pdcif"),
        ((source, "--to", "nexus"), "a file of patterns is not written as nexus"),
        ((source, "--to", "nexsu"), "unknown format 'nexsu'; did you mean 'nexus'?"),
        ((tmp_path / "empty", "--to", "pdcif"), "holds neither result.json nor run.json"),
        ((tmp_path / "none", "--to", "pdcif"), "no such file or folder"),
        (("n" * 5000, "--to", "pdcif"), "no such file or folder"),
        ((fitted, "--to", "nexus", "--scan", 2), "--scan: is for files of patterns"),
        ((source, "--to", "csv", "-o", tmp_path / "b.txt"), "is not a file name of csv"),
        ((source, "--to", "xye"), "is read by this command and is never replaced"),
    ):
        assert run(*words) == 2
        error = capsys.readouterr().err
        assert reason in error
        assert error.count("\n") == 1


def test_a_new_fit_names_the_exported_files_of_an_earlier_one(tmp_path, capsys):
    """They are the user's to keep; they do not pass for files of the new result."""
    made = lx.simulate(["NiO"], radiation="CuKa", two_theta=(30, 70, 0.05), counts=3000, background=[50], seed=1)
    lx.write_pattern(made.pattern, tmp_path / "nio.xye")
    where = tmp_path / "fit"
    words = ["fit", str(tmp_path / "nio.xye"), "--phase", "NiO", "--radiation", "CuKa", "-o", str(where)]
    assert main([*words, "--figures", "none"]) == 0
    assert "earlier" not in capsys.readouterr().out
    assert run(where, "--to", "xlsx") == 0
    assert main([*words, "--figures", "none"]) == 0
    assert "still of an earlier fit: fit.xlsx" in capsys.readouterr().out
