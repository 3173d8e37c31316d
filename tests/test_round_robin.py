"""Samples 1a to 1h, 2 and 4 of the IUCr round robin on quantitative phase analysis, against the weighed fractions.

Madsen et al., J. Appl. Cryst. 34 (2001) 409, doi:10.1107/S0021889801007476; Scarlett et al., J. Appl. Cryst. 35 (2002)
383, doi:10.1107/S0021889802008798. No recipe but for standards and particle sizes: the pattern, three CIFs and the
monochromator. The strategy was developed on 1a to 1d only.
"""

import csv

import numpy as np
import pytest

from layerox.analysis.fit import fit
from layerox.diffraction.absolute_fractions import k_factor

PHASES = {"corundum": "al2o3_73724.cif", "zincite": "zno_82028.cif", "fluorite": "caf2_52754.cif"}
OTHERS = {"brucite": "brucite.cif", "magnetite": "magnetite.cif", "zircon": "zircon.cif"}


def fitted(folder, sample, names, **quantification):
    phases = [(name, folder / (PHASES | OTHERS)[name]) for name in names]
    recipe = {"quantification": quantification} if quantification else None
    return fit(folder / "prn" / f"{sample}.prn", phases, radiation="CuKa", monochromator=26.6, recipe=recipe)


def weighed(folder, sample):
    rows = csv.DictReader((folder / "truth.csv").read_text().splitlines())
    (row,) = [row for row in rows if row.pop("sample") == sample]
    return {name: float(value) for name, value in row.items()}


@pytest.fixture(scope="module")
def folder(measured_data):
    return measured_data / "cpd-round-robin"


@pytest.fixture(scope="module")
def constants(folder):
    """K of O'Connor & Raven from the pure phases, measured on the same diffractometer."""
    found = {}
    for name in PHASES:
        phase = fitted(folder, name, [name]).phases[0]
        found[name] = float(k_factor(phase.scale_mass_volume, float(phase.mass_attenuation)))
    return found


@pytest.fixture(scope="module")
def errors(folder):
    """Error of each weight fraction in per cent by weight, one row a sample."""
    rows = []
    for letter in "abcdefgh":
        result, truth = fitted(folder, f"cpd-1{letter}", PHASES), weighed(folder, f"1{letter}")
        assert result.status == "converged"
        # Their particles are fine enough, and their attenuations alike enough: no false alarm.
        assert not [w for w in result.warnings if w.code.startswith("microabsorption")]
        rows.append([100 * result.weight_fractions[name] - truth[name] for name in PHASES])
    return np.array(rows)


@pytest.mark.measured
def test_errors_over_all_24_values(errors):
    # The best published open code reaches 0.69 and 1.39 wt%.
    assert np.sqrt((errors**2).mean()) <= 0.45
    assert np.abs(errors).max() <= 1.1


@pytest.mark.measured
def test_what_is_left_is_absorption_in_particles(folder, errors):
    """Corundum absorbs least and is found too high, by up to 1.04 wt% (1e): one size of particles halves the errors.

    No size is known: 2 um is no choice between phases, and within the range of `esd_model`, which holds the errors.
    """
    assert errors[:, 0].mean() > 0
    rows = []
    for letter in "defgh":
        truth = weighed(folder, f"1{letter}")
        result = fitted(folder, f"cpd-1{letter}", PHASES, particle_sizes_um=dict.fromkeys(PHASES, 2.0))
        rows.append([100 * result.weight_fractions[name] - truth[name] for name in PHASES])
    assert np.sqrt(np.square(rows).mean()) < 0.6 * np.sqrt((errors[3:] ** 2).mean())
    assert np.abs(rows).max() < 0.6
    worst = fitted(folder, "cpd-1e", PHASES).weight_fractions["corundum"]
    assert abs(100 * worst - weighed(folder, "1e")["corundum"]) < 100 * worst.esd_model


@pytest.mark.measured
def test_sample_2_with_a_textured_phase(folder):
    result, truth = fitted(folder, "cpd-2", [*PHASES, "brucite"]), weighed(folder, "2")
    assert result.status == "converged"
    for name, fraction in result.weight_fractions.items():
        assert 100 * fraction == pytest.approx(truth[name], abs=2.5), name
    assert result.phase("brucite").preferred_orientation < 0.8


@pytest.mark.measured
def test_sample_2_with_its_texture_by_harmonics(folder):
    """Misfit of other kinds must not be taken for orders of the texture: the fractions would be off by 3 wt%."""
    rows = [{"structure": str(folder / (PHASES | OTHERS)[name]), "name": name} for name in (*PHASES, "brucite")]
    rows[-1]["preferred_orientation"] = {"harmonics": 8}
    result = fit(folder / "prn" / "cpd-2.prn", radiation="CuKa", monochromator=26.6, recipe={"phase": rows})
    truth = weighed(folder, "2")
    for name, fraction in result.weight_fractions.items():
        assert 100 * fraction == pytest.approx(truth[name], abs=1.3), name
    orders = {slot: number.status for slot, number in result.phase("brucite").corrections.items()}
    assert {orders[slot] for slot in ("harmonic_2_1", "harmonic_4_1", "harmonic_4_2")} == {"free"}
    assert {orders[slot] for slot in ("harmonic_8_1", "harmonic_8_2", "harmonic_8_3")} == {"fixed"}


@pytest.mark.measured
def test_sample_4_is_flagged_as_outside_the_range_of_brindley(folder):
    result, truth = fitted(folder, "cpd-4", ["corundum", "magnetite", "zircon"]), weighed(folder, "4")
    (message,) = [w.message for w in result.warnings if w.code == "microabsorption"]
    assert "outside Brindley's range (magnetite" in message
    # The flag is needed: magnetite hides much of itself.
    assert 100 * result.weight_fractions["magnetite"] < truth["magnetite"] - 2


@pytest.mark.measured
def test_sample_4_cannot_be_corrected_for_coarse_particles(folder):
    sizes = {"corundum": 30.0, "magnetite": 30.0, "zircon": 30.0}
    result = fitted(folder, "cpd-4", sizes, particle_sizes_um=sizes)
    assert "microabsorption_uncorrected" in [w.code for w in result.warnings]
    assert result.phase("magnetite").microabsorption.powder == "very coarse"


@pytest.mark.measured
def test_pure_phases_give_one_constant(constants):
    # mu/rho of 31 to 94 cm2/g, densities of 3.2 to 5.7 g/cm3: one constant of the diffractometer, to 2 %.
    values = np.array(list(constants.values()))
    assert np.ptp(values) / values.mean() < 0.02


@pytest.mark.measured
@pytest.mark.parametrize("sample", ["1e", "1f", "1g", "1h"])
def test_mixtures_without_glass_have_none(folder, constants, sample):
    """An internal standard (weighed corundum) and an external one (pure corundum) both find less than 2.5 wt%."""
    truth = weighed(folder, sample)
    standard = {"phase": "corundum", "weight_fraction": truth["corundum"] / 100}
    internal = fitted(folder, f"cpd-{sample}", PHASES, internal_standard=standard)
    external = fitted(folder, f"cpd-{sample}", PHASES, external_standard={"k_factor": constants["corundum"]})
    for result in (internal, external):
        assert abs(result.amorphous_weight_fraction) < 0.025
        for name, fraction in result.absolute_weight_fractions.items():
            assert 100 * fraction == pytest.approx(truth[name], abs=2.5)
