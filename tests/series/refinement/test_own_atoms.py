"""Priors of a frame's own atoms: from structures and seed frames, and what they do in frames."""

import math
from dataclasses import replace

import numpy as np
import pytest

from layerox.analysis.phase_arguments import phases_from
from layerox.diffraction.phase import Phase
from layerox.diffraction.prior import PriorRestraint
from layerox.diffraction.prior_settings import PriorSetting
from layerox.diffraction.refinement_plan import NO_PLAN
from layerox.instrument import Instrument
from layerox.io.pattern_writing import write_pattern
from layerox.radiation import radiation_from_text
from layerox.series.frame_setup import SeriesSetup
from layerox.series.refinement import segment
from layerox.series.refinement.own_atoms import ALKALI_CHANGE, seed_frame_priors, structure_priors
from layerox.series.run import fit_series
from mixtures import mixture

FRAMES = 12


def setup_of(own, **priors):
    phases = tuple(phases_from(["O3", "P2"]))
    return SeriesSetup(phases=phases, instrument=Instrument(), radiation=radiation_from_text("CuKa"),
                       plan=replace(NO_PLAN, priors=priors), own=tuple(own))  # fmt: skip


def by_name(priors):
    return {prior.name: prior for prior in priors}


def test_they_are_of_what_frames_refine_only():
    assert structure_priors(setup_of([])) == ()
    assert list(by_name(structure_priors(setup_of(["O3_O1_z"])))) == ["O3_O1_z"]


def test_widths_are_those_of_a_single_fit_except_for_sodium():
    """The library's O3 is CONSTRUCTED: z within 0.02 angstrom and U within 30 %, see `priors.WIDTHS`."""
    found = by_name(structure_priors(setup_of(["O3_O1_z", "O3_O1_u_iso", "O3_*_occupancy"])))
    (crystal,) = (phase.crystal for phase in phases_from(["O3"]))
    assert found["O3_O1_z"].esd == pytest.approx(0.02 / crystal.cell[2])
    assert found["O3_O1_u_iso"].is_relative
    assert found["O3_O1_u_iso"].esd == 0.3
    assert found["O3_Na1_occupancy"].esd == ALKALI_CHANGE
    assert found["O3_O1_occupancy"].target == 1.0
    assert found["O3_O1_occupancy"].esd == 0.05


def test_settings_adjust_them_and_switch_them_off():
    setting = PriorSetting(esd=0.001)
    found = by_name(structure_priors(setup_of(["O3_*"], **{"O3_O1_z": setting, "O3_*_occupancy": None})))
    assert found["O3_O1_z"].esd == 0.001
    assert not any(name.endswith("_occupancy") for name in found)


def test_without_seed_frames_they_stay():
    prior = PriorRestraint(name="z", target=0.2, esd=0.001)
    (found,) = seed_frame_priors([prior], [[]], 1.0)
    assert (found.target, found.esd) == (0.2, 0.001)


def test_seed_frames_that_agree_leave_the_width_of_the_structure():
    prior = PriorRestraint(name="z", target=0.2, esd=0.001)
    (found,) = seed_frame_priors([prior], [[(0.21, 1e-3), (0.21, 1e-3)]], 1.0)
    assert found.target == pytest.approx(0.21)
    assert found.esd == pytest.approx(0.001)


def test_seed_frames_that_differ_widen_it():
    """Values of variance 0.02 (n - 1) with esds of 0.1: 0.02 - 0.01 is theirs beyond the esds."""
    prior = PriorRestraint(name="x", target=1.0, esd=0.05)
    (found,) = seed_frame_priors([prior], [[(0.4, 0.1), (0.6, 0.1)]], 1.0)
    assert found.target == pytest.approx(0.5)
    assert found.esd == pytest.approx(math.hypot(0.05, 0.1))


def test_a_relative_one_is_of_the_logarithm():
    prior = PriorRestraint(name="u", target=math.log(0.01), esd=0.3, is_relative=True)
    (found,) = seed_frame_priors([prior], [[(0.02, 1e-4), (0.005, 1e-4)]], 1.0)
    assert found.target == pytest.approx(math.log(0.01), abs=3e-3)
    assert found.esd == pytest.approx(math.hypot(0.3, math.log(4) / math.sqrt(2)), rel=1e-3)


def test_they_are_weighted_for_the_residuals_of_the_seed_frames():
    prior = PriorRestraint(name="z", target=0.2, esd=0.001)
    (found,) = seed_frame_priors([prior], [[]], 4.0)
    assert (found.esd, found.spread) == (0.00025, 4.0)


def changed(crystal, content, shift):
    """Return a crystal with another occupancy of sodium, its oxygen shifted by a fraction of c."""
    sites = [
        replace(s, occupancy=content)
        if s.element == "Na"
        else replace(s, position=(*s.position[:2], s.position[2] + shift * (s.element == "O")))
        for s in crystal.sites
    ]
    return replace(crystal, sites=tuple(sites))


@pytest.fixture(scope="module")
def charge(tmp_path_factory):
    """Return a folder of frames in which O3 loses 0.6 of its sodium and its slabs change, and its true contents."""
    place = tmp_path_factory.mktemp("charge")
    o3, p2 = (phase.crystal for phase in phases_from(["O3", "P2"]))
    contents = np.linspace(1.0, 0.4, FRAMES)
    for k, content in enumerate(contents):
        own = changed(o3, content, 0.004 * k / FRAMES)
        phases = [Phase(name=n, crystal=c, size_nm=100.0, microstrain=0.001) for n, c in (("O3", own), ("P2", p2))]
        grid = {"two_theta": (12.0, 92.0, 0.04), "counts": 9_000.0}
        write_pattern(mixture(phases, (0.6, 0.4), seed=k, **grid), place / f"frame_{k:02}.xye")
    return place, contents


def test_a_charge_is_followed_and_not_held_back(charge, monkeypatch):
    """Contents from 1 to 0.4 are found within their esds, though the structure has 1."""
    place, contents = charge
    states = []
    whole = segment.measured_row
    monkeypatch.setattr(segment, "measured_row", lambda *given: states.append(given[-1]) or whole(*given))
    fit_series(place, ["O3", "P2"], radiation="CuKa", own=["O3_Na1_occupancy", "O3_O1_z"])
    minima = {fit.frame: fit.minimum for fit in states}
    assert sorted(minima) == list(range(FRAMES))
    name = "O3_Na1_occupancy"
    pulls = [(minima[k].parameters.value(name) - contents[k]) / minima[k].esd(name) for k in range(FRAMES)]
    assert np.abs(pulls).max() < 4
    assert np.sqrt(np.mean(np.square(pulls))) < 1.6


def test_occupancies_of_all_sites_beside_the_scale_stay_determined(charge):
    """All occupancies together are one more scale: without priors the fractions have no esd."""
    place, _ = charge
    series = fit_series(place, ["O3", "P2"], radiation="CuKa", own=["*_occupancy", "*_u_iso"])
    esd = series.frames["P2.weight_fraction_esd"]
    assert ((esd > 0) & (esd < 0.05)).all()
    assert (np.abs(series.frames["P2.weight_fraction"] - 0.4) < 3 * esd).all()
    names = {row["name"] for row in series.run["common"]["priors"]}
    assert "O3_O1_occupancy" in names


def test_a_restraint_of_the_recipe_holds_in_every_frame(charge):
    """A distance Mn-O of 2.0000(1) angstrom, d^2 = (h / 2)^2 + a^2 / 3 for slabs of height h; without, 2.05 to 1.97."""
    place, _ = charge
    restraint = {"phase": "O3", "sites": ["Mn1", "O1"], "target": 2.0, "esd": 1e-4}
    recipe = {"phase": [{"structure": "O3"}, {"structure": "P2"}], "restraint": [restraint]}
    found = fit_series(place, recipe=recipe, radiation="CuKa", own=["O3_O1_z"]).frames
    height = found["O3.slab_share"] * found["O3.c"] / 3
    distance = np.sqrt((height / 2) ** 2 + found["O3.a"] ** 2 / 3)
    assert distance.to_numpy() == pytest.approx(2.0, abs=1e-3)
