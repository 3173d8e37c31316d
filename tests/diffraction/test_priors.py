"""Priors: widths follow the provenance of a structure; settings of the user change them or switch them off."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

import layerox as lx
from layerox.analysis.phase_arguments import phases_from
from layerox.diffraction.constraints import constrained
from layerox.diffraction.model import slots_of
from layerox.diffraction.prior_settings import PriorSetting
from layerox.diffraction.priors import (
    POSITION_WIDTHS,
    RANDOM_SHARE,
    SPECIMEN_WIDTHS,
    WIDTHS,
    check_prior_settings,
    priors_of,
    provenance_of,
)
from layerox.instrument import Instrument, Profile

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


def test_the_guide_states_the_widths():
    lines = (DOCS / "priors.md").read_text(encoding="utf-8").splitlines()
    rows = [[cell.strip(" `") for cell in line.split("|")[1:-1]] for line in lines if line.startswith("|")]
    stated = {row[1].split("_", 1)[1]: [float(x) for x in row[2:-1]] for row in rows if "_" in row[1]}
    kinds = {"O1_u_iso": "u_iso", "O1_z": "coordinate", "Nae_occupancy": "occupancy", "Ni1_Mn1_ratio": "ratio"}
    for name, kind in kinds.items():
        assert stated.pop(name) == list(WIDTHS[kind].values())
    single = {"size": SPECIMEN_WIDTHS["inverse_size"], "random_share": RANDOM_SHARE}
    single |= {name: SPECIMEN_WIDTHS[name] for name in ("preferred_orientation", "microstrain")}
    single |= {name.removeprefix("instrument_"): width for name, width in POSITION_WIDTHS.items()}
    assert stated == {name: [width] for name, width in single.items()}


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
