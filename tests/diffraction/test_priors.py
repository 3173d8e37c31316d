"""Priors: widths follow the provenance of a structure; settings of the user change them or switch them off."""

import re
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

import layerox as lx
from layerox.analysis.phase_arguments import phases_from
from layerox.diffraction.constraints import constrained
from layerox.diffraction.measurement_priors import POSITION_WIDTHS, PROFILES, kind_of
from layerox.diffraction.model import slots_of
from layerox.diffraction.prior_settings import PriorSetting
from layerox.diffraction.priors import (
    RANDOM_SHARE,
    SPECIMEN_WIDTHS,
    USUAL_SIZE,
    WIDTHS,
    check_prior_settings,
    priors_of,
    provenance_of,
)
from layerox.instrument import CalibrationUncertainty, Instrument, Profile
from layerox.radiation import radiation_from_text

DOCS = Path(__file__).parents[2] / "docs"


def table_of(*phases):
    return constrained(*slots_of(phases, Instrument(), 0), phases)


def named(priors):
    return {prior.name: prior for prior in priors}


@pytest.fixture(scope="module")
def p2():
    return phases_from(["P2"])[0]


@pytest.mark.parametrize(
    ("source", "kind", "expected"),
    [
        ("layerox library X: cell, z(O), occupancies RECALLED; B CONSTRUCTED (paper)", "coordinate", "RECALLED"),
        ("layerox library X: cell, z(O), occupancies RECALLED; B CONSTRUCTED (paper)", "u_iso", "CONSTRUCTED"),
        ("layerox library X: cell RECALLED; z(O), B CONSTRUCTED (paper)", "coordinate", "CONSTRUCTED"),
        ("layerox library X: cell, coordinates and B LOOKED-UP; sodium sites taken as full (p)", "u_iso", "LOOKED-UP"),
        ("layerox library X: RECALLED (paper)", "occupancy", "RECALLED"),
        ("CONSTRUCTED by layerox: the rest from bond lengths (Shannon radii)", "coordinate", "CONSTRUCTED"),
        ("a/structure.cif", "coordinate", "LOOKED-UP"),
    ],
)
def test_the_provenance_is_that_of_the_clause_with_the_quantity(p2, source, kind, expected):
    assert provenance_of(replace(p2.crystal, source=source), kind) == expected


def test_a_file_with_one_assumed_displacement_factor_has_wide_ones(p2):
    """A CIF without displacement factors is read with 0.006 A^2 for all sites."""
    sites = tuple(replace(site, u_iso=0.006) for site in p2.crystal.sites)
    assert provenance_of(replace(p2.crystal, source="a.cif", sites=sites), "u_iso") == "CONSTRUCTED"


def test_quantities_fixed_by_symmetry_have_no_prior(p2):
    """In P2 (P63/mmc) only the oxygen has a free coordinate."""
    names = named(priors_of([p2], table_of(p2)))
    assert [name for name in names if name.endswith(("_x", "_y", "_z"))] == ["P2_O1_z"]
    assert names["P2_O1_z"].esd == pytest.approx(0.02 / p2.crystal.cell[2])


def test_species_of_a_full_site_are_exchanged(p2):
    prior = named(priors_of([p2], table_of(p2)))["P2_Ni1_Mn1_ratio"]
    assert prior.parts == {"P2_Mn1_occupancy": 1.0, "P2_Ni1_occupancy": -1.0}


def test_what_the_user_fixes_is_exact(p2):
    table = table_of(p2)
    table.lock(["P2_O1_z"])
    assert "P2_O1_z" not in named(priors_of([p2], table))


def test_settings_change_priors_and_switch_them_off(p2):
    found = named(priors_of([p2], table_of(p2), {"*_u_iso": None, "P2_O1_z": PriorSetting(esd=0.001, value=0.09)}))
    assert not any(name.endswith("u_iso") for name in found)
    assert (found["P2_O1_z"].value, found["P2_O1_z"].step, found["P2_O1_z"].provenance) == (0.09, 0.001, "recipe")


def test_a_setting_of_nothing_is_refused(p2):
    with pytest.raises(lx.InputError, match="P2_O7_z.*P2_O1_z"):
        check_prior_settings([p2], Instrument(), {"P2_O7_z": None})


def test_a_log_normal_prior_has_the_row_of_its_logarithm(p2):
    """(ln U - ln U0) / esd, and its derivative by a central difference."""
    table = table_of(p2)
    table.free(["P2_O1_u_iso"])
    prior = named(priors_of([p2], table))["P2_O1_u_iso"].restraint()
    k = table.find("P2_O1_u_iso")

    def miss(value):
        table.values[k] = value
        return prior.row(table.values, table, table.transfer())

    assert miss(0.02)[0] == pytest.approx(np.log(0.02 / p2.values[p2.slot_names.index("O1_u_iso")]) / 0.3)
    slope = (miss(0.02001)[0] - miss(0.01999)[0]) / 2e-5
    assert miss(0.02)[1] == pytest.approx([slope], rel=1e-6)
    assert prior.prior_curvature(table) == pytest.approx({"P2_O1_u_iso": slope**2}, rel=1e-6)


def guide_rows():
    """Return the cells of the tables of the guide by the name in `[priors]`, without the phase."""
    lines = (DOCS / "priors.md").read_text(encoding="utf-8").splitlines()
    rows = [[cell.strip(" `") for cell in line.split("|")[1:-1]] for line in lines if line.startswith("|")]
    return {row[1].split("_", 1)[1]: row[2:-1] for row in rows if re.match(r"\w+_\w+$", row[1])}, {
        row[0]: row[1:] for row in rows if row[0].startswith("instrument_")
    }


def test_the_guide_states_the_widths():
    stated = {name: [float(x) for x in cells] for name, cells in guide_rows()[0].items()}
    kinds = {"O1_u_iso": "u_iso", "O1_z": "coordinate", "Nae_occupancy": "occupancy", "Ni1_Mn1_ratio": "ratio"}
    for name, kind in (kinds | {"a": "length", "beta": "angle"}).items():
        assert stated.pop(name) == list(WIDTHS[kind].values())
    expected = {"size": [USUAL_SIZE, SPECIMEN_WIDTHS["inverse_size"]], "random_share": [0, RANDOM_SHARE]}
    expected |= {"preferred_orientation": [1, SPECIMEN_WIDTHS["preferred_orientation"]]}
    expected |= {"microstrain": [0, SPECIMEN_WIDTHS["microstrain"]]}
    expected |= {name.removeprefix("instrument_"): [0, width] for name, width in POSITION_WIDTHS.items()}
    assert stated == expected


def test_the_guide_states_the_diffractometers():
    for name, cells in guide_rows()[1].items():
        stated = [tuple(float(x) for x in cell.split("±")) for cell in cells]
        slot = name.removeprefix("instrument_")
        assert stated == [(known[slot].value, known[slot].esd) for known in PROFILES.values()], name


@pytest.mark.parametrize(
    ("instrument", "radiation", "kind"),
    [
        (Instrument(), "CuKa", "flat"),
        (Instrument(geometry="debye-scherrer"), "CuKa", "capillary"),
        (Instrument(geometry="debye-scherrer"), "0.4139", "synchrotron"),
    ],
)
def test_the_kind_of_a_diffractometer_follows_from_beam_and_geometry(instrument, radiation, kind):
    beam = radiation_from_text(radiation)
    assert kind_of(instrument, beam) == kind
    assert kind_of(instrument, replace(beam, kind="neutron")) == "neutrons"


def test_widths_of_a_diffractometer_are_refined_with_their_priors_unless_it_is_calibrated():
    pattern = measured((30, 50, 0.02), displacement_mm=0.1)
    rows = {row.name: row for row in lx.fit(pattern, ["P2"]).priors}
    for slot in "uvw":
        row, known = rows[f"instrument_{slot}"], PROFILES["flat"][slot]
        assert row.is_refined
        assert row.value == known.value
        # From 30 to 50 degrees U and V change the widths alike.
        assert 0 < row.posterior_esd < row.esd
    assert not rows["instrument_x"].is_refined
    assert rows["P2_size"].value == pytest.approx(USUAL_SIZE)  # nm, not its inverse
    calibrated = lx.fit(pattern, ["P2"], instrument=Instrument(profile=PROFILE))
    assert not any(row.name.startswith("instrument_") for row in calibrated.priors)


def test_errors_of_a_calibration_have_its_covariance(p2):
    """The sum over the independent errors of variance times direction times direction is the covariance."""
    esds, correlations = np.array([2e-4, 5e-4, 1e-3]), np.array([[1.0, -0.9, 0.1], [-0.9, 1.0, 0.0], [0.1, 0.0, 1.0]])
    known = CalibrationUncertainty(
        names=("u", "v", "zero"), esds=tuple(esds), correlations=tuple(map(tuple, correlations))
    )
    instrument = Instrument(profile=Profile(u=0.002, v=-0.001, w=0.005), calibration=known)
    table = constrained(*slots_of([p2], instrument, 0), [p2])
    found = [prior for prior in priors_of([p2], table, instrument=instrument) if prior.is_of_calibration]
    names = ["instrument_u", "instrument_v", "instrument_zero"]
    rows = np.array([[prior.parts[name] for name in names] for prior in found])
    squares = [prior.esd**2 for prior in found]
    assert (rows.T * squares) @ rows == pytest.approx(esds[:, None] * correlations * esds)


def test_a_prior_of_a_size_is_given_in_nanometres():
    pattern = measured((12, 90, 0.02))
    setting = {"P2_size": {"value": 50.0, "esd": 5.0}, "instrument_u": "off"}
    rows = {row.name: row for row in lx.fit(pattern, ["P2"], recipe={"priors": setting}).priors}
    assert (rows["P2_size"].value, rows["P2_size"].esd) == pytest.approx((50.0, 5.0))
    assert "instrument_u" not in rows


def test_higher_terms_of_a_background_are_small():
    """Two over k squared of the median."""
    pattern = measured((12, 90, 0.02))
    rows = {row.name: row for row in lx.fit(pattern, ["P2"]).priors}
    assert rows["background_5"].esd == pytest.approx(2.0 / 25 * np.median(pattern.intensity))
    assert "background_1" not in rows


def test_a_cell_that_the_data_hardly_show_keeps_its_prior():
    """From 14.5 to 18 degrees there is no reflection that depends on a."""
    row = next(row for row in lx.fit(measured((14.5, 18.0, 0.01)), ["P2"]).priors if row.name == "P2_a")
    assert row.posterior_value == pytest.approx(row.value, abs=0.1 * row.esd)
    assert row.posterior_esd == pytest.approx(row.esd, rel=0.2)


def test_what_weak_data_do_not_determine_stays_at_its_prior():
    """At 60 counts on the highest peak a pattern says little of the displacement factors of sodium."""
    pattern = lx.simulate(["P2", "O3"], weights=[0.9, 0.1], radiation="CuKa", counts=60, seed=2)
    found = {row.name: row for row in lx.fit(pattern, ["P2", "O3"]).priors if row.name.endswith("_u_iso")}
    assert found["O3_Na1_u_iso"].posterior_esd > 0.7 * found["O3_Na1_u_iso"].esd
    for row in found.values():
        assert row.is_refined
        assert abs(row.posterior_value - row.value) < 3 * row.esd


def test_off_leaves_a_quantity_fixed():
    pattern = lx.simulate(["P2", "O3"], weights=[0.5, 0.5], radiation="CuKa", counts=1000, seed=2)
    result = lx.fit(pattern, ["P2", "O3"], recipe={"priors": {"*_u_iso": "off"}})
    assert not any(name.endswith("_u_iso") for name in result.free_names)


PROFILE = Profile(w=0.006, x=0.01)


def measured(two_theta, **errors):
    """Return a pattern of P2 on a diffractometer with errors of the position."""
    instrument = Instrument(profile=PROFILE, **errors)
    return lx.simulate(["P2"], radiation="CuKa", two_theta=two_theta, instrument=instrument, background=[100.0],
                       counts=20_000, seed=4).pattern  # fmt: skip


def numbers_of(result):
    return {p.name: p.number for p in result.parameters}


def test_over_a_short_range_the_zero_keeps_its_prior_and_the_cell_contains_it():
    """From 30 to 50 degrees zero and displacement shift all lines alike: the zero stays within its 0.02 degrees."""
    result = lx.fit(measured((30, 50, 0.02), displacement_mm=0.1), ["P2"])
    found = numbers_of(result)
    zero = found["instrument_zero"]
    assert (zero.status, found["instrument_displacement"].status) == ("free", "free")
    assert zero.esd > 0.7 * POSITION_WIDTHS["instrument_zero"]
    assert abs(zero) < 2 * POSITION_WIDTHS["instrument_zero"]
    # With the zero known, the same pattern determines the cell several times as well.
    exact = lx.fit(result.pattern, ["P2"], recipe={"priors": {"instrument_zero": {"value": 0.0, "esd": 1e-5}}})
    for axis in "ac":
        cell = result.phases[0].cell[axis]
        assert cell.esd > 2 * exact.phases[0].cell[axis].esd
        assert abs(cell - phases_from(["P2"])[0].crystal.cell["abc".index(axis)]) < 2 * cell.esd


def test_over_a_long_range_the_data_determine_both():
    found = numbers_of(lx.fit(measured((12, 140, 0.02), zero=0.03, displacement_mm=-0.15), ["P2"]))
    zero, displacement = found["instrument_zero"], found["instrument_displacement"]
    assert zero.esd < 0.3 * POSITION_WIDTHS["instrument_zero"]
    assert abs(zero - 0.03) < 3 * zero.esd
    assert abs(displacement + 0.15) < 3 * displacement.esd


def test_a_calibrated_zero_and_a_capillary_have_no_position_prior():
    pattern = measured((12, 90, 0.02), displacement_mm=0.05)
    calibrated = lx.fit(pattern, ["P2"], instrument=Instrument(profile=PROFILE))
    assert numbers_of(calibrated)["instrument_zero"].status == "fixed"
    capillary = lx.fit(pattern, ["P2"], geometry="debye-scherrer")
    assert numbers_of(capillary)["instrument_displacement"].status == "fixed"
    without = lx.fit(pattern, ["P2"], recipe={"priors": {"instrument_zero": "off"}})
    assert numbers_of(without)["instrument_zero"].status == "fixed"
    for result in (calibrated, capillary):
        assert not any(row.name in POSITION_WIDTHS for row in result.priors)


def test_a_warm_start_keeps_the_priors_except_of_what_the_user_fixes():
    result = lx.fit(measured((30, 50, 0.02), displacement_mm=0.1), ["P2"])
    again = lx.fit(result.pattern, start=result)
    assert numbers_of(again)["instrument_zero"].esd == pytest.approx(numbers_of(result)["instrument_zero"].esd, rel=0.2)
    fixed = lx.fit(result.pattern, start=result, recipe={"instrument": {"fix": ["zero"]}})
    assert numbers_of(fixed)["instrument_zero"].status == "fixed"
