"""A charge of P2 with O2 galleries at random: one phase, whose fraction grows and whose slabs keep their height.

Expected values are those of the simulation: fractions, and the spacings and slab height of the given phase.
"""

import numpy as np
import pytest

import layerox as lx
from layerox.analysis.phase_arguments import phases_from

pytestmark = pytest.mark.slow
FRACTIONS = np.array([0.01, 0.01, 0.15, 0.4])


def charged(fraction):
    return phases_from([f"P2~O2:{fraction}"])[0]


@pytest.fixture(scope="module")
def series(tmp_path_factory):
    folder = tmp_path_factory.mktemp("charge")
    for k, fraction in enumerate(FRACTIONS):
        beam = {"radiation": "CuKa", "sizes_nm": [80], "background": (300, -40), "two_theta": (12, 80, 0.04)}
        simulated = lx.simulate([charged(fraction)], counts=2e4, seed=k, **beam)
        lx.write_pattern(simulated.pattern, folder / f"frame{k}.xye")
    return lx.fit_series(folder, [("main", "P2~O2")], radiation="CuKa", workers=1, output=folder / "out")


def test_fractions_and_spacings_are_those_of_the_simulation(series):
    frames = series.frames
    assert list(frames["verdict"]) == ["accepted"] * len(FRACTIONS)
    pulls = (frames["main.fraction"] - FRACTIONS) / frames["main.fraction_esd"]
    assert np.abs(pulls).max() < 4
    spacings = dict(zip(("P2", "O2"), charged(0.2).spacings, strict=True))
    assert np.abs(frames["main.spacing_P2"] - spacings["P2"]).max() < 0.002
    assert np.abs(frames["main.spacing_O2"] - spacings["O2"])[2:].max() < 0.01


def test_slabs_keep_their_height(series):
    """The slab is 2 z c thick: its share of the spacing rises as the mean spacing falls."""
    given = charged(0.2)
    (anion,) = (site for site in given.crystal.sites if site.label == "O1")
    thickness = 2 * anion.position[2] * given.crystal.cell[2]
    found = series.frames["main.slab_share"] * series.frames["main.c"]
    assert np.ptp(found) < 0.005
    assert found.mean() == pytest.approx(thickness, abs=0.05)


def test_its_stages_do_not_depend_on_its_name(series):
    assert lx.transitions(series).name == "P2 -> P2~O2"
