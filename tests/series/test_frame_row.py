"""What a row of the series' table says of a phase beyond lengths: correlations, slabs, and what is each frame's own."""

import json

import numpy as np
import pytest

import layerox as lx
from layerox.builders import build_crystal
from layerox.errors import InputError
from layerox.series.frame_row import further_quantities, titles_of
from layerox.series.run import fit_series
from layerox.series.simulated_series import simulate_series
from layerox.validation.layer_mesh import layering_of

GRID = (12.0, 80.0, 0.03)


@pytest.mark.parametrize(
    ("name", "further"),
    [
        ("P2", ["correlation_a_c", "slab_share"]),
        ("P'2", ["correlation_a_b", "correlation_a_c", "correlation_b_c", "slab_share"]),
        ("O'3", ["correlation_a_b", "correlation_a_c", "correlation_a_beta", "correlation_b_c", "correlation_b_beta",
                 "correlation_c_beta", "slab_share"]),
        ("spinel", []),
    ],
)  # fmt: skip
def test_symmetry_decides_what_is_measured(name, further):
    assert list(further_quantities(build_crystal(name), layering_of(build_crystal(name)))) == list(further)


def test_correlations_have_no_uncertainty():
    assert titles_of(["a", "correlation_a_c"]) == ["a", "a_esd", "correlation_a_c"]


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """Return a folder of six frames of P2 and O3."""
    place = tmp_path_factory.mktemp("p2-o3")
    simulate_series(place, "p2-o3", frames=6, seed=4, two_theta=GRID)
    return place


@pytest.fixture(scope="module")
def fitted(folder):
    phases = [folder / f"{name}.cif" for name in ("P2", "O3", "spinel")]
    return fit_series(folder, phases, radiation="CuKa", glob="*.xye", own=["P2_O1_z"])


def test_correlation_is_that_of_a_single_fit(folder, fitted):
    """The volume's uncertainty tells the correlation of a and c too: V = a^2 c sin 120."""
    row = fitted.frames.iloc[0]
    a, c, volume = (row[f"P2.{name}_esd"] / row[f"P2.{name}"] for name in ("a", "c", "volume"))
    expected = (volume**2 - 4 * a**2 - c**2) / (4 * a * c)
    assert row["P2.correlation_a_c"] == pytest.approx(expected, abs=1e-4)
    assert 0.1 < abs(expected) < 1.0


def test_what_is_a_frames_own_varies_and_the_rest_does_not(fitted):
    """z(O) of P2 is refined in each frame, about its true value; that of O3 is the series'."""
    share = fitted.frames["P2.slab_share"]
    esd = fitted.frames["P2.slab_share_esd"]
    assert share.nunique() == len(fitted.frames)
    assert (esd > 0).all()
    truth = layering_of(build_crystal("P2")).slab_share
    assert (np.abs(share - truth) < 4 * esd).all()
    assert fitted.frames["O3.slab_share"].nunique() == 1
    said = {notice.code: notice.message for notice in lx.strain(fitted).warnings}
    assert said["common_slabs"].startswith("the atoms of O3 are common")


def test_the_run_keeps_its_structures(fitted):
    structures = json.loads(json.dumps(fitted.run["structures"]))
    assert list(structures) == ["P2", "O3", "spinel"]
    assert structures["P2"]["setting"] == "P 63/m m c"
    assert fitted.run["own"] == ["P2_O1_z"]


def test_the_dataset_has_what_only_some_phases_have(fitted):
    dataset = fitted.dataset
    assert dataset["correlation_a_c"].sel(phase="spinel").isnull().all()
    assert dataset["slab_share"].sel(phase="P2").notnull().all()


def test_a_stranger_of_the_atoms_is_refused(folder):
    with pytest.raises(InputError, match="no atom has a quantity 'P2_O9_z'"):
        fit_series(folder, [folder / "P2.cif"], radiation="CuKa", glob="*.xye", own=["P2_O9_z"])
