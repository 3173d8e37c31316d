"""Pawley and Le Bail: intensities and cells of a synthetic mixture come back; what they cannot say is not said."""

import json

import numpy as np
import pytest

from layerox.analysis.fit import fit, simulate
from layerox.diffraction.constraints import parameters_of
from layerox.diffraction.intensity_extraction import (
    divide_repeatedly,
    intensity_names,
    is_extracted,
    prepare_extraction,
)
from layerox.diffraction.minimum import Data
from layerox.diffraction.model import Model
from layerox.instrument import Instrument, Profile
from layerox.radiation import radiation_from_text
from layerox.results.result_folder import files_of
from reference_crystals import LAB6, P2, p2, phase

COPPER = radiation_from_text("CuKa").polarized(0.5)
KNOWN = Instrument(profile=Profile(u=0.002, v=-0.002, w=0.004))
TRUE_P2, TRUE_LAB6 = (2.8853, 11.148), 4.156826


@pytest.fixture(scope="module")
def simulated():
    return simulate([("P2", p2(*TRUE_P2)), ("LaB6", LAB6)], weights=[0.7, 0.3], radiation=COPPER, instrument=KNOWN,
                    two_theta=(12, 75, 0.02), sizes_nm=[90, 200], background=[250, -60], counts=20000,
                    seed=11)  # fmt: skip


def fitted(simulated, *modes, **more):
    """Fit from cells 0.1 % off, each phase in its mode."""
    names = ("P2", "LaB6")
    starts = (p2(2.888, 11.16), LAB6.with_cell((4.153,) * 3 + (90,) * 3))
    phases = [phase(c, mode=mode) for c, mode in zip(starts, modes, strict=True)]
    assert [p.name for p in phases] == list(names)
    return fit(simulated, phases, instrument=KNOWN, **more)


@pytest.fixture(scope="module")
def pawley(simulated):
    return fitted(simulated, "pawley", "pawley")


@pytest.fixture(scope="module")
def le_bail(simulated):
    return fitted(simulated, "le-bail", "le-bail")


@pytest.fixture(scope="module")
def mixed(simulated):
    return fitted(simulated, "rietveld", "pawley")


def off(number, truth):
    return abs(number - truth) / number.esd


def separate(simulated, name, apart=0.4):
    """Return |F|^2 by hkl of the reflections of a phase that no other one comes near."""
    places = np.array([r.two_theta for r in simulated.reflections])
    return {
        r.hkl: r.f_squared
        for r in simulated.reflections
        if r.phase == name and np.sort(np.abs(places - r.two_theta))[1] > apart
    }


@pytest.mark.parametrize("name", ["P2", "LaB6"])
def test_pawleys_intensities_are_those_simulated(pawley, simulated, name):
    true = separate(simulated, name)
    found = pawley.phase(name).intensities
    assert len(true) >= 5
    # What is too weak to be seen may end at its bound, near zero; everything else has an uncertainty.
    held = {h for h in true if found[h].status == "at_bound"}
    assert all(true[h] < 0.01 * max(true.values()) for h in held)
    rows = [(found[h].value, found[h].esd, f) for h, f in true.items() if h not in held]
    values, esds, truth = np.array(rows).T
    assert (esds > 0).all()
    # One factor for the phase (its scale is held), by weighted least squares; the rest is noise.
    factor = (values * truth / esds**2).sum() / (truth**2 / esds**2).sum()
    assert np.abs((values - factor * truth) / esds).max() < 4
    strong = truth > 0.2 * truth.max()
    assert (esds[strong] < 0.05 * values[strong]).all()


@pytest.mark.parametrize("which", ["pawley", "le_bail", "mixed"])
def test_cells_are_recovered(which, request):
    result = request.getfixturevalue(which)
    assert result.status == "converged"
    for name, axis, truth in (("P2", "a", TRUE_P2[0]), ("P2", "c", TRUE_P2[1]), ("LaB6", "a", TRUE_LAB6)):
        assert off(result.phase(name).cell[axis], truth) < 3, (name, axis)
    assert off(result.phase("P2").size_nm, 90) < 3


def test_le_bail_fits_as_well_as_pawley(pawley, le_bail):
    assert le_bail.agreement.r_wp == pytest.approx(pawley.agreement.r_wp, rel=0.05)
    # Pawley's variables are counted, Le Bail's are not.
    assert pawley.agreement.free_parameters > le_bail.agreement.free_parameters + 15
    assert pawley.agreement.gof == pytest.approx(1.0, abs=0.06)


def test_le_bails_intensities_are_near_those_simulated(le_bail, simulated):
    true = separate(simulated, "P2")
    found = le_bail.phase("P2").intensities
    strongest = max(true.values())
    ratios = np.array([found[h] / f for h, f in true.items() if f > 0.2 * strongest])
    assert np.ptp(ratios) / ratios.mean() < 0.08


def test_no_fraction_follows_from_intensities_of_the_data(pawley, mixed):
    for result, names in ((pawley, ("P2", "LaB6")), (mixed, ("LaB6",))):
        document = json.loads(result.to_json())
        for row in document["phases"]:
            if row["name"] in names:
                assert row["weight_fraction"]["value"] is None
            else:
                assert row["weight_fraction"]["value"] == pytest.approx(1.0)
        message = next(w.message for w in result.warnings if w.code == "extracted_intensities")
        assert all(name in message for name in names)
        assert files_of(result)  # every file can be written without fractions
    assert "of the other phases among themselves" in message


def test_mixed_modes_leave_the_structure_to_rietveld(mixed, simulated):
    assert mixed.phase("P2").mode == "rietveld"
    assert mixed.phase("P2").intensities == {}
    assert mixed.phase("LaB6").intensities
    values = {p.name: p.number for p in mixed.parameters}
    assert values["P2_scale"].status == "free"
    assert off(values["P2_scale"], simulated.phases[0].scale) < 4
    assert values["LaB6_scale"].status == "fixed"


def test_a_recipe_chooses_the_mode(simulated):
    recipe = {"phase": [{"structure": "P2", "mode": "pawley", "start": {"a": 2.886, "c": 11.15}}],
              "pattern": {"range": [12.0, 20.0]}, "background": {"terms": 2}}  # fmt: skip
    result = fit(simulated, recipe=recipe, instrument=KNOWN)
    assert result.phase("P2").mode == "pawley"
    # Only (002) stands below 20 degrees.
    assert list(result.phase("P2").intensities) == [(0, 0, 2)]


# Pieces.


def model_of(*modes):
    phases = [phase(c, mode=mode, size_nm=100.0) for c, mode in zip((P2, LAB6), modes, strict=False)]
    return Model(np.arange(12.0, 60.0, 0.02), phases, KNOWN, COPPER, background_terms=1, tail=1e-6)


def test_reflections_that_no_pattern_distinguishes_have_one_intensity():
    model = Model(np.arange(20.0, 120.0, 0.1), [phase(LAB6, mode="pawley")], KNOWN, COPPER)
    names = intensity_names(model, 0)
    # (300) and (221) stand together, (310) alone; of both only one is named.
    assert len({"LaB6_I_3_0_0", "LaB6_I_2_2_1"} & set(names)) == 1
    assert "LaB6_I_3_1_0" in names
    assert len(names) == len(set(names))


def test_a_structure_has_no_such_names():
    model = model_of("rietveld")
    assert intensity_names(model, 0) == []
    assert not is_extracted(model.phases[0])


def test_what_intensities_make_meaningless_is_held():
    model = model_of("pawley", "le-bail")
    table = parameters_of(model)
    prepare_extraction(model, table, 1000.0)
    assert table.free_names == intensity_names(model, 0)
    for name in ("P2_scale", "P2_preferred_orientation", "P2_O1_z", "P2_O1_u_iso", "LaB6_scale", "LaB6_B1_x"):
        assert table.free([name]) == [], name
    assert table.free(["P2_a", "P2_size", "LaB6_a"]) == ["P2_a", "P2_inverse_size", "LaB6_a"]


def test_sharing_out_a_pattern_of_the_model_leaves_it_alone():
    model = model_of("le-bail")
    table = parameters_of(model)
    prepare_extraction(model, table, 1000.0)
    draw = np.random.default_rng(5)
    names = intensity_names(model, 0)
    for name in names:
        table.assign(name, draw.uniform(0.5, 2.0))
    truth = [table.value(name) for name in names]
    observed = model.calculated(table.values).total + 1.0
    table.assign("background_0", 1.0)
    divide_repeatedly(model, Data(observed, np.ones(observed.size)), table, [0], times=1)
    assert [table.value(name) for name in names] == pytest.approx(truth, rel=1e-2)


def test_sharing_out_finds_intensities_from_equal_ones():
    model = model_of("le-bail")
    table = parameters_of(model)
    prepare_extraction(model, table, 1e5)
    draw = np.random.default_rng(5)
    names = intensity_names(model, 0)
    start = table.copy()
    for name in names:
        table.assign(name, draw.uniform(0.5, 2.0))
    observed = model.calculated(table.values).total
    before = np.abs(model.calculated(start.values).total - observed).max()
    divide_repeatedly(model, Data(observed, np.ones(observed.size)), start, [0], times=30)
    after = np.abs(model.calculated(start.values).total - observed).max()
    assert after < 0.02 * before
    # (002) stands alone.
    assert start.value("P2_I_0_0_2") == pytest.approx(table.value("P2_I_0_0_2"), rel=2e-3)
