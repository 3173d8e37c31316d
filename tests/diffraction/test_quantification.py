"""What a user tells of a specimen, from the recipe to the result, on simulated mixtures whose truth is known."""

import json
import math

import numpy as np
import pytest

from layerox.analysis.fit import fit, simulate
from layerox.diffraction.absolute_fractions import ExternalStandard, InternalStandard, k_factor
from layerox.diffraction.microabsorption import mean_linear_attenuation, sphere_transmission
from layerox.diffraction.quantification import Quantification
from layerox.errors import InputError
from layerox.results.result_folder import files_of, load, write_folder
from layerox.results.text_report import report_text
from reference_crystals import LAB6, ZINCITE, p2

COPPER = {"radiation": "CuKa", "two_theta": (18, 80, 0.02), "sizes_nm": [80, 90]}
PHASES = [("P2", p2()), ("LaB6", LAB6)]


def pattern_of(weights, phases=PHASES, seed=4, **more):
    options = {**COPPER, "background": [300.0, -60.0], "counts": 8000, "seed": seed} | more
    return simulate(phases, weights=weights, **options)


@pytest.fixture(scope="module")
def pattern():
    return pattern_of([0.75, 0.25])


def fitted(pattern, phases=PHASES, **quantification):
    return fit(pattern, phases, radiation="CuKa", recipe={"quantification": quantification})


@pytest.fixture(scope="module")
def plain(pattern):
    return fit(pattern, [*PHASES, ("zincite", ZINCITE)], radiation="CuKa")


def test_every_phase_has_density_and_attenuation(plain):
    lab6 = plain.phase("LaB6")
    assert lab6.density == pytest.approx(LAB6.density, rel=1e-3)
    assert lab6.density.esd > 0
    assert lab6.linear_attenuation == pytest.approx(lab6.density * lab6.mass_attenuation)
    assert len(lab6.attenuation_by_line) == 2
    assert plain.absolute is None
    assert plain.amorphous_weight_fraction is None
    assert plain.absolute_weight_fractions == {}


def test_an_absent_phase_has_a_limit_of_detection(plain):
    absent = plain.phase("zincite")
    assert not absent.is_supported
    assert 0 < absent.detection_limit < 0.01
    (message,) = [w.message for w in plain.warnings if w.code == "unsupported_phase"]
    assert "95 % confidence" in message
    assert f"{100 * absent.detection_limit:.2g} wt%" in message
    assert plain.detection_limits["P2"] < 0.02


def test_a_limit_of_detection_is_one(plain):
    """Mixed in at four limits zincite is seen every time, at a quarter of one never claimed as more than there is."""
    limit = plain.phase("zincite").detection_limit
    sizes = {"sizes_nm": [80, 90, 80]}
    for seed in range(3):
        more = pattern_of([0.75, 0.25, 4 * limit], [*PHASES, ("zincite", ZINCITE)], seed, **sizes)
        found = fit(more, [*PHASES, ("zincite", ZINCITE)], radiation="CuKa").phase("zincite")
        assert found.is_supported
        assert found.weight_fraction == pytest.approx(4 * limit, abs=1.5 * limit)


def test_internal_standard(pattern, tmp_path):
    # LaB6 is a quarter of what is crystalline; weighed in as a fifth, a fifth must be glass.
    found = fitted(pattern, internal_standard={"phase": "LaB6", "weight_fraction": 0.2})
    rest = found.amorphous_weight_fraction
    assert abs(rest - 0.2) < 4 * rest.esd
    assert 0 < rest.esd < 0.02
    assert found.absolute_weight_fractions["LaB6"] == pytest.approx(0.2)
    assert sum(found.absolute_weight_fractions.values()) + rest == pytest.approx(1)
    document = json.loads(found.to_json())
    assert document["amorphous_weight_fraction"]["value"] == rest.value
    p2_row = next(row for row in document["phases"] if row["name"] == "P2")
    assert p2_row["absolute_weight_fraction"]["value"] == found.absolute_weight_fractions["P2"].value
    assert "before the standard was added" in report_text(found)
    write_folder(tmp_path / "out", files_of(found))
    assert load(tmp_path / "out").to_json() == found.to_json()


def test_an_overstated_standard_is_named(pattern):
    found = fitted(pattern, internal_standard={"phase": "LaB6", "weight_fraction": 0.5})
    assert found.amorphous_weight_fraction < -0.5
    assert "more_than_everything" in [w.code for w in found.warnings]


def test_a_standard_that_is_not_there(pattern):
    phases = [*PHASES, ("zincite", ZINCITE)]
    found = fitted(pattern, phases, internal_standard={"phase": "zincite", "weight_fraction": 0.2})
    assert found.absolute is None
    assert "standard_absent" in [w.code for w in found.warnings]


def test_external_standard(pattern, tmp_path):
    """The constant of one fit, applied to the same pattern, gives everything back: nothing is amorphous."""
    plain = fitted(pattern)
    mean = sum(p.weight_fraction * p.mass_attenuation for p in plain.phases)
    lab6 = plain.phase("LaB6")
    constant = k_factor(lab6.scale_mass_volume, float(mean), float(lab6.weight_fraction))
    found = fitted(pattern, external_standard={"k_factor": float(constant)})
    assert found.amorphous_weight_fraction == pytest.approx(0, abs=1e-4)
    assert "attenuation_presumed" in [w.code for w in found.warnings]
    halved = fitted(pattern, external_standard={"k_factor": float(constant), "mass_attenuation": float(mean) / 2})
    assert halved.amorphous_weight_fraction == pytest.approx(0.5, abs=1e-4)
    assert halved.absolute_weight_fractions["P2"] == pytest.approx(plain.weight_fractions["P2"] / 2, rel=1e-3)
    assert "external standard" in report_text(halved)
    write_folder(tmp_path / "standard", files_of(plain))
    row = {
        "result": str(tmp_path / "standard"),
        "phase": "LaB6",
        "weight_fraction": float(lab6.weight_fraction),
        "standard_mass_attenuation": float(mean),
        "composition": {"LaB6": 0.25, "Na0.67Ni0.33Mn0.67O2": 0.75},
    }
    again = fitted(pattern, external_standard=row)
    assert again.absolute.k_factor == pytest.approx(constant, rel=1e-6)
    assert again.absolute.mass_attenuation == pytest.approx(mean, rel=0.01)
    assert again.amorphous_weight_fraction == pytest.approx(0, abs=0.01)
    assert "K from LaB6" in again.absolute.description


def test_particle_sizes_bring_the_weighed_fractions_back():
    weighed, sizes = np.array([0.6, 0.4]), {"P2": 0.8, "LaB6": 1.0}
    clean = fitted(pattern_of(weighed), particle_sizes_um=dict.fromkeys(sizes, 1e-3))
    linear = np.array([float(p.linear_attenuation) for p in clean.phases])
    densities = np.array([float(p.density) for p in clean.phases])
    mean = mean_linear_attenuation(weighed, densities, linear)
    contrasts = (linear - mean) * np.array(list(sizes.values())) * 1e-4
    seen = weighed * [sphere_transmission(contrast / 2) for contrast in contrasts]
    found = fitted(pattern_of(seen / seen.sum()), particle_sizes_um=sizes)
    p2_phase = found.phase("P2")
    assert p2_phase.weight_fraction == pytest.approx(0.6, abs=4 * p2_phase.weight_fraction.esd)
    assert p2_phase.microabsorption.uncorrected_weight_fraction == pytest.approx(seen[0] / seen.sum(), abs=0.01)
    assert abs(p2_phase.weight_fraction - p2_phase.microabsorption.uncorrected_weight_fraction) > 2e-3
    assert "Brindley" in report_text(found)
    assert p2_phase.microabsorption.powder in ("fine", "medium")


@pytest.mark.parametrize(("size", "code"), [(3.0, "microabsorption"), (60.0, "microabsorption_uncorrected")])
def test_coarse_particles_are_named(pattern, size, code):
    found = fitted(pattern, particle_sizes_um={"P2": size, "LaB6": size})
    assert code in [w.code for w in found.warnings]
    effect = found.phase("LaB6").microabsorption
    changed = abs(found.weight_fractions["LaB6"] - effect.uncorrected_weight_fraction)
    assert changed == 0 if code.endswith("uncorrected") else changed > 1e-3
    assert not math.isnan(effect.contrast)


def test_contrast_is_named_without_particle_sizes(plain):
    # Lanthanum is far above its L edges for Cu Ka: LaB6 absorbs more than twice as much as the layered oxide.
    assert plain.phase("LaB6").linear_attenuation > 2 * plain.phase("P2").linear_attenuation
    (message,) = [w.message for w in plain.warnings if w.code == "microabsorption"]
    assert "LaB6" in message
    assert "5 um" in message


def test_refused_before_anything_is_fitted(pattern):
    for told, words in [
        ({"internal_standard": {"phase": "LaB66", "weight_fraction": 0.2}}, "LaB66"),
        ({"internal_standard": {"phase": "LaB6", "weight_fraction": 20.0}}, "weight_fraction"),
        ({"particle_sizes_um": {"P2": 1.0}}, "no particle size of LaB6"),
        ({"external_standard": {}}, "one of k_factor and result"),
        ({"packing": 0.0}, "packing"),
    ]:
        with pytest.raises(InputError, match=words):
            fitted(pattern, **told)
    internal, external = InternalStandard(phase="P2", weight_fraction=0.5), ExternalStandard(k_factor=1.0)
    with pytest.raises(InputError, match="keep one"):
        Quantification(internal_standard=internal, external_standard=external)


def test_refused_for_neutrons_and_capillaries():
    neutrons = simulate(PHASES, weights=[0.75, 0.25], radiation=1.6, neutron=True, two_theta=(18, 80, 0.1), counts=4000)
    with pytest.raises(InputError, match="X-rays"):
        fit(
            neutrons,
            PHASES,
            radiation=1.6,
            neutron=True,
            recipe={"quantification": {"particle_sizes_um": {"P2": 1.0, "LaB6": 1.0}}},
        )
    with pytest.raises(InputError, match="debye-scherrer"):
        fit(pattern_of([1, 1]), PHASES, radiation="CuKa", geometry="debye-scherrer",
            recipe={"quantification": {"external_standard": {"k_factor": 1.0}}})  # fmt: skip
