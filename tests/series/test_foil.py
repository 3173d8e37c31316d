"""Hardware in a series: the foil stays as it is while half of one phase turns into something that does not scatter."""

import numpy as np
import pytest

from foil_patterns import BEAM, foil_pattern
from layerox.cli.main import main
from layerox.io import write_pattern
from layerox.series.run import fit_series

FRAMES = 9
# O3 falls to half its mass, P2 stays: the sum of the fractions hides what the foil tells.
P2, O3 = np.full(FRAMES, 0.6), np.linspace(0.4, 0.2, FRAMES)
OWN = 0.3 + 0.01 * np.arange(FRAMES)


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    place = tmp_path_factory.mktemp("foil")
    for k in range(FRAMES):
        pattern = foil_pattern([P2[k], O3[k]], own=OWN[k], seed=k, step=0.04)
        write_pattern(pattern, place / f"frame_{k}.xye")
    return place


@pytest.fixture(scope="module")
def series(folder):
    return fit_series(folder, ["P2", "O3"], radiation=BEAM, hardware=["Al"], reference="Al")


def within(series, column, true, esds=4.0):
    value, esd = series.frames[column], series.frames[f"{column}_esd"]
    return bool((np.abs(value - true) < esds * esd).all())


def test_the_foil_has_no_fraction_and_a_place_of_its_own(series):
    frames = series.frames
    assert (frames["verdict"] == "accepted").all()
    assert frames["Al.weight_fraction"].isna().all()
    assert frames["Al.weight_fraction_esd"].isna().all()
    assert (frames["Al.intensity_share"] > 0.05).all()
    assert within(series, "Al.displacement", OWN)
    assert (frames["Al.displacement_esd"] < 0.01).all()
    assert frames["P2.displacement_esd"].isna().all()
    assert (frames["Al.a"] == 4.049).all()


def test_fractions_are_of_the_rest_and_masses_are_absolute(series):
    assert np.allclose(series.frames["P2.weight_fraction"] + series.frames["O3.weight_fraction"], 1.0)
    assert within(series, "P2.weight_fraction", P2 / (P2 + O3))
    assert within(series, "P2.mass_to_reference", P2 / 0.2)
    assert within(series, "O3.mass_to_reference", O3 / 0.2)
    assert series.frames["Al.mass_to_reference"].isna().all()


def test_the_dataset_has_them_too(series):
    assert series.dataset["displacement"].attrs["units"] == "mm"
    assert series.dataset["mass_to_reference"].shape == (FRAMES, 3)


def test_the_command_writes_the_same_and_its_recipe_states_hardware(folder, series, tmp_path, capsys):
    words = ["series", str(folder), "--phase", "P2", "--phase", "O3", "--hardware", "Al", "--reference", "Al"]
    assert main([*words, "--radiation", "CuKa", "--polarization", "0.5", "-o", str(tmp_path / "out")]) == 0
    assert "Al: in 9 frames, 0 to 8: hardware" in capsys.readouterr().out
    recipe = tmp_path / "out" / "recipe.toml"
    assert "hardware = true" in recipe.read_text()
    again = fit_series(folder, recipe=recipe, output=tmp_path / "again")
    assert again.frames.equals(series.frames)
    assert (tmp_path / "again" / "frames.csv").read_bytes() == (tmp_path / "out" / "frames.csv").read_bytes()


def test_without_hardware_the_table_has_no_more_columns(folder):
    found = fit_series(folder, ["P2", "O3", "Al"], radiation=BEAM, glob="frame_[0-2].xye")
    assert "Al.displacement" not in found.frames
    assert found.frames["Al.weight_fraction"].notna().all()
