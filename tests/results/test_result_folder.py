"""The folder of a fit: all files or none, tables and CIF that other programs read, a report that says what was done."""

import csv
import io
from dataclasses import replace

import gemmi
import numpy as np
import pytest

from layerox.errors import InputError
from layerox.io.cif import read_crystal
from layerox.results.curves_csv import csv_text
from layerox.results.pdcif import cif_text
from layerox.results.result_folder import files_of, write_folder
from layerox.results.text_report import report_text, summary_text


def test_files(refinement, tmp_path):
    folder = tmp_path / "a" / "out"
    write_folder(folder, files_of(refinement))
    assert sorted(path.name for path in folder.iterdir()) == [
        ".layerox.jsonl", "O3.cif", "Pp2_like.cif", "fit.cif", "fit.csv", "report.txt", "result.json", "zincite.cif"
    ]  # fmt: skip
    assert [path.name for path in folder.parent.iterdir()] == ["out"]


def test_own_files_are_replaced_and_others_left(refinement, tmp_path):
    (tmp_path / "result.json").write_text("mine")
    (tmp_path / "notes.txt").write_text("mine")
    with pytest.raises(InputError, match=r"result\.json: is not recorded as layerox's own"):
        write_folder(tmp_path, files_of(refinement))
    assert sorted(path.name for path in tmp_path.iterdir()) == ["notes.txt", "result.json"]
    write_folder(tmp_path, files_of(refinement), overwrite=True)
    write_folder(tmp_path, files_of(refinement))
    assert (tmp_path / "result.json").read_text().startswith("{")
    assert (tmp_path / "notes.txt").read_text() == "mine"


def test_folder_that_is_a_file(refinement, tmp_path):
    (tmp_path / "out").write_text("")
    with pytest.raises(InputError, match="is a file, not a folder"):
        write_folder(tmp_path / "out", files_of(refinement))
    assert [path.name for path in tmp_path.iterdir()] == ["out"]


def test_csv_columns_of_the_contract(refinement):
    rows = list(csv.DictReader(io.StringIO(csv_text(refinement))))
    assert list(rows[0]) == ["two_theta", "observed", "sigma", "calculated", "background", "difference", "P'2 like",
                             "O3", "zincite"]  # fmt: skip
    assert len(rows) == len(refinement.pattern)
    for row in rows[::500]:
        parts = sum(float(row[key]) for key in ("background", "P'2 like", "O3", "zincite"))
        assert parts == pytest.approx(float(row["calculated"]), rel=1e-6)
        assert float(row["observed"]) - float(row["calculated"]) == pytest.approx(float(row["difference"]), abs=1e-3)


def test_cif_is_read_by_gemmi(refinement, tmp_path):
    document = gemmi.cif.read_string(cif_text(refinement))
    main = document.find_block("layerox_fit")
    observed = [float(x) for x in main.find_values("_pd_proc_intensity_total")]
    assert np.allclose(observed, refinement.pattern.intensity)
    weights = [float(x) for x in main.find_values("_pd_proc_ls_weight")]
    assert np.allclose(weights, refinement.pattern.sigma**-2, rtol=1e-7)
    assert list(main.find_values("_pd_phase_name"))[1] == "O3"
    structure = gemmi.make_small_structure_from_block(document.find_block("phase_O3"))
    assert structure.spacegroup.xhm() == "R -3 m:H"
    assert structure.cell.c == pytest.approx(refinement.phase("O3").cell["c"], abs=1e-4)


def test_structures_of_the_cif_are_phases_again(refinement, tmp_path):
    document = gemmi.cif.read_string(cif_text(refinement))
    lone = gemmi.cif.Document()
    lone.add_copied_block(document.find_block("phase_O3"))
    lone.write_file(str(tmp_path / "o3.cif"))
    crystal = read_crystal(tmp_path / "o3.cif")
    assert crystal.formula == refinement.phase("O3").formula
    assert crystal.warnings == ()


def test_where_no_phase_is_supported_none_has_an_esd(refinement):
    none = replace(refinement, phases=refinement.phases[2:])
    assert not any(phase.is_supported for phase in none.phases)
    assert "unsupported (esd" in summary_text(refinement)
    assert "unsupported" in summary_text(none)
    assert "unsupported (esd" not in summary_text(none)


def test_report_states_what_was_done(refinement):
    text = report_text(refinement)
    for word in ("R_wp", "counting statistics", "CuKa", "position and cells", "widths", "unsupported", "Hill & Howard",
                 "position_ambiguous", "P63/mmc"):  # fmt: skip
        assert word in text
    assert "inverse_size" not in text
    assert all(len(line) <= 150 for line in text.splitlines() if not line.startswith(("strong_", "position_")))


def test_summary_is_short(refinement):
    lines = summary_text(refinement).splitlines()
    assert lines[0].startswith("converged: R_wp ")
    assert any(line.startswith("zincite") and "unsupported" in line for line in lines)
    assert len(lines) <= 8
