"""`layerox strain` as a shell calls it: what it writes, prints and refuses."""

from shutil import copytree

import numpy as np
import pandas as pd
import pytest

import layerox as lx
from layerox.cli.main import main
from layerox.results.result_folder import files_of, write_folder
from layerox.series.run import fit_series
from layerox.series.simulated_series import simulate_series

STRAIN = (
    "frame,phase,reference,e_a,e_a_esd,e_b,e_b_esd,e_c,e_c_esd,e_layer,e_layer_esd,e_stack,e_stack_esd,e_volume,"
    "e_volume_esd,slab,slab_esd,gallery,gallery_esd,von_mises,von_mises_esd,E_xx,E_xx_esd,E_yy,E_yy_esd,E_zz,E_zz_esd,"
    "E_yz,E_yz_esd,E_xz,E_xz_esd,E_xy,E_xy_esd"
)
COHERENCY = (
    "frame,phase_1,phase_2,misfit,coherent_strain_1,coherent_strain_2,energy_MJ_per_m3,von_mises_stress_1_GPa,"
    "von_mises_stress_2_GPa,dislocation_spacing_nm"
)


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """Return the folder of a fitted series of 12 frames: O3 into P3."""
    raw, out = tmp_path_factory.mktemp("raw"), tmp_path_factory.mktemp("out")
    simulate_series(raw, "o3-p3", frames=12, seed=2, two_theta=(12.0, 80.0, 0.04))
    phases = [raw / f"{name}.cif" for name in ("O3", "P3", "Al")]
    fit_series(raw, phases, radiation="CuKa", glob="*.xye", output=out)
    return out


def refused(capsys, *words):
    assert main([str(word) for word in words]) == 2
    out, err = capsys.readouterr()
    assert out == ""
    assert err.count("\n") == 1
    return err


def test_the_tables_and_the_picture(folder, capsys):
    assert main(["strain", str(folder)]) == 0
    out, err = capsys.readouterr()
    assert err == ""
    assert "P3: " in out
    assert "against O3@0" in out
    lines = (folder / "strain.csv").read_text().splitlines()
    assert lines[0].startswith(STRAIN)
    assert (folder / "coherency.csv").read_text().startswith(COHERENCY)
    assert (folder / "strain.png").read_bytes().startswith(b"\x89PNG")
    table = pd.read_csv(folder / "strain.csv").set_index(["frame", "phase"])
    frames = lx.open_series(folder).frames
    measured = frames["O3.a"].iloc[3] / frames["O3.a"].iloc[0] - 1
    assert table.loc[(3, "O3"), "e_a"] == pytest.approx(measured, abs=1e-8)
    pairs = pd.read_csv(folder / "coherency.csv")
    expected = 2 * (frames["P3.a"] - frames["O3.a"]) / (frames["P3.a"] + frames["O3.a"])
    np.testing.assert_allclose(pairs["misfit"], expected[pairs["frame"]], atol=1e-8)


def test_another_reference_and_single_phases(folder, capsys):
    assert (
        main(["strain", str(folder), "--reference", "2", "--single-phase", "O3=2.960(1)", "P3=2.880", "--quiet"]) == 0
    )
    assert capsys.readouterr().out == ""
    table = pd.read_csv(folder / "strain.csv")
    own = table[(table["phase"] == "O3") & (table["frame"] == 2)].iloc[0]
    assert own["reference"] == 2
    assert own["e_volume"] == 0.0
    assert pd.read_csv(folder / "coherency.csv")["pulled_together_esd"].gt(0).all()


def test_two_fits(tmp_path, capsys):
    for name, a in (("pristine", 2.885), ("charged", 2.87)):
        phase = ("P2", lx.build("P2", a=a))
        data = lx.simulate([phase], radiation="CuKa", two_theta=(12, 80, 0.04), counts=10_000, seed=1)
        write_folder(tmp_path / name, files_of(lx.fit(data, [phase])))
    assert main(["strain", str(tmp_path / "charged"), "--reference", str(tmp_path / "pristine")]) == 0
    assert "P2: 1 frames against P2@given" in capsys.readouterr().out
    row = pd.read_csv(tmp_path / "charged" / "strain.csv").iloc[0]
    assert abs(row["e_a"] - (2.87 / 2.885 - 1)) < 3 * row["e_a_esd"]
    assert "--reference: one cell alone is not strained; give the cell to compare with" in refused(
        capsys, "strain", tmp_path / "charged"
    )


def test_a_series_without_any_cell_is_refused(folder, tmp_path, capsys):
    """All twelve frames set aside, as where the wrong phases were named."""
    copied = tmp_path / "copied"
    copytree(folder, copied)
    table = (copied / "frames.csv").read_text()
    assert table.count(",accepted,") == 12
    (copied / "frames.csv").write_text(table.replace(",accepted,", ",quarantined,"))
    assert "no frame shows a phase whose cell was refined" in refused(capsys, "strain", copied)


def test_bad_words_are_one_line(folder, tmp_path, capsys):
    assert "no such folder" in refused(capsys, "strain", tmp_path / "nowhere")
    assert "holds no series" in refused(capsys, "strain", tmp_path)
    assert "there is no frame 99" in refused(capsys, "strain", folder, "--reference", "99")
    assert "neither the number of a frame nor a folder" in refused(capsys, "strain", folder, "--reference", "first")
    assert "cannot read 'O3'" in refused(capsys, "strain", folder, "--single-phase", "O3")
    elastic = tmp_path / "elastic.toml"
    elastic.write_text("[O3]\nC11 = 1.0\n")
    assert "elastic.toml: [O3]: a trigonal tensor lacks" in refused(capsys, "strain", folder, "--elastic", elastic)
