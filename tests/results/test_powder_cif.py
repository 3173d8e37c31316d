"""Powder CIF of version 2.5: items, loops and links of the dictionaries, and the numbers of the refinement."""

from dataclasses import replace

import gemmi
import numpy as np
import pytest

from layerox.analysis.fit import fit, simulate
from layerox.diffraction.absolute_fractions import AbsoluteFractions
from layerox.io import read_pattern
from layerox.io.cif import read_crystals
from layerox.io.pdcif_writing import pdcif_text
from layerox.refined import Refined
from layerox.results.powder_cif import refinement_cif_text
from pdcif_dictionary import faults
from reference_crystals import ZINCITE


@pytest.fixture(scope="module")
def text(refinement):
    return refinement_cif_text(refinement)


@pytest.fixture(scope="module")
def main(text):
    return gemmi.cif.read_string(text).find_block("diffractogram")


@pytest.fixture(scope="module")
def neutron():
    made = simulate([ZINCITE], radiation=1.6, neutron=True, two_theta=(20, 120, 0.1), background=[100.0], counts=1e5,
                    geometry="debye-scherrer", seed=5)  # fmt: skip
    facts = {"temperature_k": 295.0, "sample": "zinc oxide", "start_time": "2024-03-22T21:30:13+01:00"}
    return fit(replace(made.pattern, metadata=facts).exclude([(30.0, 31.0)]), [ZINCITE], geometry="debye-scherrer")


def test_it_agrees_with_the_dictionaries(text, neutron):
    assert faults(text) == []
    assert faults(refinement_cif_text(neutron)) == []
    assert faults(pdcif_text([neutron.pattern, neutron.pattern])) == []


@pytest.mark.parametrize(
    ("old", "new", "fault"),
    [
        ("_pd_phase_mass.percent", "_pd_phase_mass.per_cent", "is in no dictionary"),
        ("_pd_phase_block.phase_id", "_pd_phase.id", "a loop of"),
        ("_pd_data.point_id", "_pd_meas.intensity_total", "lacks _pd_data.point_id"),
        ("_pd_spec_mount_mode reflection", "_pd_spec_mount_mode sideways", "is not Code"),
        ("_pd_block_diffractogram.id '", "_pd_block_diffractogram.id 'x", "names nothing"),
    ],
)
def test_the_check_finds_what_contradicts_them(text, old, new, fault):
    assert old in text
    assert any(fault in one for one in faults(text.replace(old, new)))


def test_weights_profile_and_calibration_are_those_of_the_refinement(main, refinement):
    rows = {
        row.str(0): float(row[1].partition("(")[0]) for row in main.find("_pd_phase_mass.", ["phase_id", "percent"])
    }
    assert rows == pytest.approx({p.name: 100 * p.weight_fraction.value for p in refinement.phases}, abs=0.06)
    assert float(main.find_value("_pd_proc_ls.prof_wR_factor")) == pytest.approx(refinement.agreement.r_wp, abs=1e-6)
    # The offset of the dictionary is added to measured angles.
    zero = next(p.number for p in refinement.parameters if p.name == "instrument_zero")
    offset = gemmi.cif.as_number(main.find_value("_pd_calib_2theta_offset"))
    assert offset == pytest.approx(-zero.value, abs=zero.esd)


def test_the_curves_are_those_of_the_refinement(main, refinement):
    tags = ["_pd_calc.intensity_total", "_pd_proc.intensity_bkg_calc", "_pd_proc.ls_weight"]
    calculated, background, weight = (np.array(list(main.find_values(tag)), dtype=float) for tag in tags)
    np.testing.assert_array_equal(calculated, refinement.calculated)
    np.testing.assert_array_equal(background, refinement.background)
    np.testing.assert_array_equal(weight, refinement.pattern.sigma**-2)


def test_pattern_and_structures_are_read_back(tmp_path, text, refinement):
    path = tmp_path / "powder.cif"
    path.write_text(text)
    pattern = read_pattern(path)
    np.testing.assert_array_equal(pattern.two_theta, refinement.pattern.two_theta)
    np.testing.assert_allclose(pattern.sigma, refinement.pattern.sigma, rtol=1e-12)
    assert pattern.radiation.lines == refinement.radiation.lines
    assert [crystal.name for crystal in read_crystals(path)] == [phase.name for phase in refinement.phases]


def test_standards_make_the_percentages_absolute(refinement):
    whole = {phase.name: Refined(0.1 * (k + 1), 0.01) for k, phase in enumerate(refinement.phases)}
    recipe = {"quantification": {"internal_standard": {"phase": "O3", "weight_fraction": 0.2, "esd": 0.001}}}
    internal = AbsoluteFractions(method="internal standard", description="20 wt% O3 weighed in",
                                 weight_fractions=whole, amorphous=Refined(0.4))  # fmt: skip
    external = AbsoluteFractions(method="external standard", description="NIST 676a", weight_fractions=whole,
                                 amorphous=Refined(0.4), k_factor=Refined(123.0, 2.0),
                                 mass_attenuation=31.5)  # fmt: skip
    one = refinement_cif_text(replace(refinement, absolute=internal, recipe=recipe))
    other = refinement_cif_text(replace(refinement, absolute=external))
    assert faults(one) == faults(other) == []
    block = gemmi.cif.read_string(one)[0]
    assert [row[1] for row in block.find("_pd_phase_mass.", ["phase_id", "percent"])] == [
        "10.0(10)",
        "20.0(10)",
        "30.0(10)",
    ]
    assert block.find_value("_pd_qpa_int_std.mass_percent") == "20.00(10)"
    block = gemmi.cif.read_string(other)[0]
    assert block.find_value("_pd_qpa_ext_std.k_factor") == "123(2)"
    # 31.5 cm^2/g are 3150 mm^2/g.
    assert block.find_value("_pd_char.mass_atten_coef_mu_calc") == "3150"
