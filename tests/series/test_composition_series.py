"""Specimens that differ in composition: nothing is warm-started, the axis is x; truth from the folder made here."""

import math

import pytest

from layerox.series.run import fit_series
from layerox.series.simulated_series import simulate_series

NAMES = ("O3", "P2", "NiO")


@pytest.fixture(scope="module")
def specimens(tmp_path_factory):
    """Return (truth, frames): nine titanium contents, refined each by itself."""
    raw = tmp_path_factory.mktemp("titanium")
    truth = simulate_series(raw, "o3-p2-titanium", frames=9, seed=2, two_theta=(12.0, 80.0, 0.03))
    phases = [raw / f"{name}.cif" for name in NAMES]
    axis = f"{raw / 'log.csv'}:x_ti"
    return truth, fit_series(raw, phases, radiation="CuKa", glob="*.xye", axis=axis, unordered=True).frames


def test_every_specimen_shows_the_phases_that_it_was_made_of(specimens):
    truth, frames = specimens
    assert set(frames["verdict"]) == {"accepted"}
    assert frames["x_ti"].tolist() == pytest.approx([true.axes["x_ti"] for true in truth])
    for k, true in enumerate(truth):
        assert {name for name in NAMES if not math.isnan(frames[f"{name}.volume"][k])} == set(true.phases)


def test_fractions_and_cells_agree_within_their_uncertainties(specimens):
    """Of 17 cells and 27 fractions; half a weight per cent is the truth's noise at 8,000 counts many times over."""
    truth, frames = specimens
    for k, true in enumerate(truth):
        for name in NAMES:
            expected = true.phases.get(name, {}).get("weight_fraction", 0.0)
            assert frames[f"{name}.weight_fraction"][k] == pytest.approx(expected, abs=0.005)
        for name, told in true.phases.items():
            for axis in "ac":
                assert abs(frames[f"{name}.{axis}"][k] - told[axis]) < 4.0 * frames[f"{name}.{axis}_esd"][k]


def test_the_lattice_of_specimens_follows_vegard(specimens):
    """The P2 of the scenario grows by 1.2 % from x = 0 to 0.4, along a straight line."""
    _, frames = specimens
    shown = frames[frames["P2.a"].notna()]
    slope = (shown["P2.a"].iloc[-1] - shown["P2.a"].iloc[0]) / (shown["x_ti"].iloc[-1] - shown["x_ti"].iloc[0])
    start = shown["P2.a"].iloc[0] - slope * shown["x_ti"].iloc[0]
    assert 0.4 * slope / start == pytest.approx(1.010 / 0.998 - 1.0, rel=0.01)
