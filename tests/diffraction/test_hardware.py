"""Hardware of the cell: a displacement of its own, no share in the weight fractions, and a mass to refer to."""

import json

import numpy as np
import pytest

import layerox as lx
from foil_patterns import foil_pattern
from layerox.analysis.phase_arguments import phases_from
from layerox.diffraction import peaks as pk
from layerox.diffraction.model import Model
from layerox.diffraction.parameters import position_names
from layerox.errors import InputError
from layerox.instrument import Instrument, Profile
from layerox.radiation import radiation_from_text
from layerox.results.curves_csv import csv_text
from layerox.results.read_result import refinement_from_document
from layerox.results.text_report import report_text, summary_text

ANGLES = np.arange(14.0, 95.0, 0.02)


def foil_model(own, displacement, geometry="bragg-brentano"):
    (foil,) = phases_from([], ["Al"])
    instrument = Instrument(geometry=geometry, profile=Profile(w=0.005), displacement_mm=displacement)
    model = Model(ANGLES, [foil], instrument, radiation_from_text("CuKa"), tail=1e-12)
    values = model.start
    values[model.names.index("Al_displacement")] = own
    return model, values


@pytest.mark.parametrize("geometry", ["bragg-brentano", "debye-scherrer"])
def test_a_phase_is_where_specimen_and_own_displacement_together_put_it(geometry):
    """The sum alone counts: 0.1 mm of the specimen and 0.25 mm beside it are 0.35 mm."""
    model, values = foil_model(0.25, 0.1, geometry)
    other, alone = foil_model(0.0, 0.35, geometry)
    assert np.allclose(model.calculated(values).total, other.calculated(alone).total, rtol=1e-9, atol=1e-9)
    shift, _ = pk.displacement_shift(0.3, 173.0, geometry == "bragg-brentano")
    assert abs(shift) > 0.01


@pytest.mark.parametrize("axial", [None, (0.02, 0.02)], ids=["symmetric", "axial divergence"])
@pytest.mark.parametrize("geometry", ["bragg-brentano", "debye-scherrer"])
def test_the_derivative_of_the_own_displacement_against_finite_differences(geometry, axial):
    phases = phases_from(["P2"], ["Al"])
    instrument = Instrument(geometry=geometry, profile=Profile(w=0.005, axial=axial), displacement_mm=0.05)
    model = Model(ANGLES, phases, instrument, radiation_from_text("CuKa"), tail=1e-12)
    values = model.start
    k = model.names.index("Al_displacement")
    values[k] = 0.3
    transfer = np.zeros((len(values), 1))
    transfer[k] = 1.0
    _, jacobian = model.linearised(values, transfer, np.ones(ANGLES.size))
    up, down = values.copy(), values.copy()
    up[k] += 1e-5
    down[k] -= 1e-5
    numeric = (model.calculated(up).total - model.calculated(down).total) / 2e-5
    assert np.abs(jacobian[0] - numeric).max() < 1e-5 * np.abs(numeric).max()


def test_what_moves_the_peaks_of_a_phase():
    p2, foil = phases_from(["P2"], ["Al"])
    assert "P2_displacement" not in position_names(p2)
    assert position_names(foil)[-1] == "Al_displacement"


@pytest.fixture(scope="module")
def fitted():
    return lx.fit(foil_pattern([0.6, 0.4]), ["P2", "O3"], hardware=["Al"], reference="Al")


def test_the_foil_is_found_where_it_is(fitted):
    foil = fitted.phase("Al")
    assert fitted.status == "converged"
    assert abs(foil.displacement_mm - 0.3) < 4 * foil.displacement_mm.esd < 0.02
    assert foil.displacement_mm.status == "free"
    assert foil.cell["a"].status == "fixed"
    assert foil.cell["a"] == 4.049


@pytest.mark.parametrize("own", [-0.6, 0.8])
def test_a_foil_far_away_is_found_too(own):
    """Its peaks stand by 0.3 and 0.5 degrees off, three and five times their width."""
    foil = lx.fit(foil_pattern([0.6, 0.4], own=own), ["P2", "O3"], hardware=["Al"]).phase("Al")
    assert abs(foil.displacement_mm - own) < 4 * foil.displacement_mm.esd


def test_fractions_are_those_of_the_specimen(fitted):
    assert abs(fitted.weight_fractions["P2"] - 0.6) < 4 * fitted.weight_fractions["P2"].esd
    assert fitted.weight_fractions["P2"] + fitted.weight_fractions["O3"] == pytest.approx(1.0, abs=1e-12)
    foil = fitted.phase("Al")
    assert np.isnan(foil.weight_fraction)
    assert foil.is_supported
    assert foil.detection_limit is None
    assert foil.intensity_share > 0.05


def test_masses_are_reported_against_the_reference(fitted):
    """0.6 and 0.4 of the specimen on a foil of 0.2."""
    for name, true in (("P2", 3.0), ("O3", 2.0)):
        mass = fitted.phase(name).mass_to_reference
        assert abs(mass - true) < 4 * mass.esd < 0.1 * true
    assert fitted.phase("Al").mass_to_reference is None


def test_a_warm_start_knows_what_is_hardware(fitted):
    again = lx.fit(foil_pattern([0.3, 0.4], seed=5), start=fitted, reference="Al")
    foil, p2 = again.phase("Al"), again.phase("P2")
    assert foil.hardware
    assert abs(foil.displacement_mm - 0.3) < 4 * foil.displacement_mm.esd
    assert abs(p2.mass_to_reference - 1.5) < 4 * p2.mass_to_reference.esd
    assert abs(p2.weight_fraction - 3 / 7) < 4 * p2.weight_fraction.esd


def test_the_result_states_it_and_reads_back(fitted):
    assert "hardware" in summary_text(fitted)
    text = report_text(fitted)
    assert "mm relative to the specimen" in text
    assert "mass to reference" in text
    rows = np.loadtxt(csv_text(fitted).splitlines()[1:], delimiter=",")
    head = csv_text(fitted).splitlines()[0].split(",")
    again = refinement_from_document(json.loads(fitted.to_json()), dict(zip(head, rows.T, strict=True)))
    foil = again.phase("Al")
    assert foil.hardware
    assert foil.displacement_mm == fitted.phase("Al").displacement_mm
    assert again.phase("P2").mass_to_reference.esd == fitted.phase("P2").mass_to_reference.esd


def test_a_foil_that_does_not_show_is_unsupported():
    result = lx.fit(foil_pattern([0.6, 0.4], foil=0.0), ["P2", "O3"], hardware=["Al"], reference="Al")
    assert not result.phase("Al").is_supported
    assert result.phase("P2").mass_to_reference is None
    assert abs(result.weight_fractions["P2"] - 0.6) < 4 * result.weight_fractions["P2"].esd


def test_a_recipe_states_hardware_and_may_free_its_cell():
    recipe = {
        "phase": [
            {"structure": "P2"},
            {"structure": "O3"},
            {"structure": "Al", "hardware": True, "free": ["cell"], "fix": ["displacement"],
             "start": {"displacement": 0.3}},
        ],
        "quantification": {"reference": "Al"},
    }  # fmt: skip
    foil = lx.fit(foil_pattern([0.6, 0.4]), recipe=recipe).phase("Al")
    assert foil.displacement_mm.status == "fixed"
    assert foil.displacement_mm == 0.3
    assert abs(foil.cell["a"] - 4.049) < 4 * foil.cell["a"].esd


def test_a_named_phase_is_marked_and_another_one_put_behind():
    p2, foil = phases_from(["P2", "collector=Al"], ["collector"])
    assert (p2.hardware, foil.hardware, foil.name) == (False, True, "collector")
    assert [(p.name, p.hardware) for p in phases_from("P2", "Cu")] == [("P2", False), ("Cu", True)]


@pytest.mark.parametrize(
    ("wish", "said"),
    [
        ({"reference": "Cu"}, "no phase 'Cu' for the reference"),
        (
            {"hardware": ["Al"], "recipe": {"phase": [{"structure": "P2"}]}, "phases": None},
            "hardware is given in the recipe",
        ),
    ],
)
def test_what_does_not_fit_is_refused(wish, said):
    with pytest.raises(InputError, match=said):
        lx.fit(foil_pattern([0.6, 0.4]), **{"phases": ["P2"], **wish})
