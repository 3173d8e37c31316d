"""Patterns measured in a cell, as a shell calls for them: hardware told apart, patterns taken out of an HDF5 file."""

import json

import h5py

from foil_patterns import foil_pattern
from layerox.cli.main import main
from layerox.io import write_pattern
from nexus_files import data_group

BEAM = ("--radiation", "CuKa", "--polarization", "0.5")


def test_hardware_has_no_fraction_and_the_picture_states_it(tmp_path, capsys):
    write_pattern(foil_pattern([0.6, 0.4], step=0.04), tmp_path / "cell.xye")
    words = ["fit", str(tmp_path / "cell.xye"), "--phase", "P2", "--phase", "O3", "--hardware", "Al"]
    assert main([*words, "--reference", "Al", *BEAM, "-o", str(tmp_path / "out")]) == 0
    assert "Al     Fm-3m        hardware" in capsys.readouterr().out
    foil = json.loads((tmp_path / "out" / "result.json").read_text())["phases"][2]
    assert foil["weight_fraction"]["value"] is None
    assert abs(foil["displacement_mm"]["value"] - 0.3) < 4 * foil["displacement_mm"]["esd"]


def test_a_pattern_of_an_hdf5_file_is_chosen_by_its_group(tmp_path, capsys):
    pattern = foil_pattern([0.6, 0.4], foil=0.0, step=0.04)
    with h5py.File(tmp_path / "cell.h5", "w") as file:
        for name in ("raw", "smoothed"):
            data_group(file, f"entry/{name}", pattern.intensity, pattern.two_theta)
    words = ["fit", str(tmp_path / "cell.h5"), "--phase", "P2", "--phase", "O3", *BEAM, "-o", str(tmp_path / "out")]
    assert main(words) == 2
    said = capsys.readouterr().err
    assert said.count("\n") == 1
    assert "holds /entry/raw, /entry/smoothed; say which with --dataset PATH" in said
    assert main([*words, "--dataset", "/entry/raw"]) == 0
