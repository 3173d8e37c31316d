"""Effects of the specimen's size: patterns of known thickness, overflow and absorption, refined without being told."""

from pathlib import Path

import numpy as np
import pytest

import layerox as lx
from layerox.analysis.phase_arguments import phases_from
from layerox.diffraction.automatic_strategy import fit_automatically
from layerox.diffraction.measurement_priors import SPECIMEN_EFFECTS
from layerox.diffraction.simulated_pattern import Simulation
from layerox.instrument import Instrument, Profile
from layerox.radiation import radiation_from_text

PROFILE = Profile(u=0.003, v=-0.002, w=0.004, x=0.004)
TRUTH = {"P2": 0.5, "O3": 0.3, "NiO": 0.2}


def thin_mixture(two_mu_t: float, seed: int) -> Simulation:
    return lx.simulate(list(TRUTH), weights=list(TRUTH.values()), radiation="CuKa", two_theta=(12, 100, 0.03),
                       instrument=Instrument(profile=PROFILE, two_mu_t=two_mu_t), counts=20_000, background=[200.0],
                       seed=seed)  # fmt: skip


def largest_error(result: lx.Refinement) -> float:
    return max(abs(result.weight_fractions[name] - value) for name, value in TRUTH.items())


def test_a_thin_specimen_costs_its_fractions_unless_its_thickness_is_stated():
    """2 mu t = 0.25: the fit that knows it is within 1 wt%; one that holds a thick plate warns."""
    mixture, thin = thin_mixture(0.25, 3), Instrument(profile=PROFILE, two_mu_t=0.25)
    known = lx.fit(mixture, list(TRUTH), instrument=thin)
    assert largest_error(known) < 0.01
    assert not any(row.name == "specimen_transparency" for row in known.priors)
    held = lx.fit(mixture, list(TRUTH), instrument=Instrument(profile=PROFILE),
                  recipe={"instrument": {"fix": ["two_mu_t"]}})  # fmt: skip
    assert largest_error(held) > 0.01
    assert any(notice.code == "thin_specimen" for notice in held.warnings)
    (prior,) = (row for row in held.priors if row.name == "specimen_transparency")
    assert prior.posterior_value > 3.0


@pytest.mark.parametrize(("two_mu_t", "seed"), [(0.25, 3), (0.25, 4), (0.5, 3), (1.0, 4)])
def test_the_thickness_of_a_thin_specimen_is_refined_on_evidence(two_mu_t, seed):
    result = lx.fit(thin_mixture(two_mu_t, seed), list(TRUTH), instrument=Instrument(profile=PROFILE))
    assert any(notice.code == "thin_specimen" for notice in result.warnings)
    (found,) = (row.number for row in result.parameters if row.name == "instrument_two_mu_t")
    assert abs(found - two_mu_t) < 3 * found.esd < 0.3 * two_mu_t
    assert result.instrument.two_mu_t == pytest.approx(float(found))
    assert largest_error(result) < 0.01


def test_a_thick_plate_whose_thickness_is_not_stated_has_a_prior_that_the_data_narrow():
    """Its width is that of 2 mu t = 1; the pattern of a thick plate leaves a tenth of it, and no warning."""
    thick = Instrument(profile=PROFILE)
    names, weights = ["P2", "O3", "NiO"], [0.5, 0.3, 0.2]
    mixture = lx.simulate(names, weights=weights, radiation="CuKa", instrument=thick, two_theta=(12, 100, 0.03),
                          counts=20_000, background=[200.0], seed=3)  # fmt: skip
    result = lx.fit(mixture, names, instrument=thick)
    (prior,) = (row for row in result.priors if row.name == "specimen_transparency")
    assert (prior.value, prior.esd) == (0.0, 1.0)
    assert abs(prior.posterior_value) < 3 * prior.posterior_esd < 0.5
    assert not any(notice.code == "thin_specimen" for notice in result.warnings)
    off = lx.fit(mixture, names, instrument=thick, recipe={"priors": {"specimen_transparency": "off"}})
    assert not any(row.name == "specimen_transparency" for row in off.priors)


@pytest.mark.parametrize(("angle", "seed"), [(24.0, 3), (30.0, 4), (36.0, 3)])
def test_the_angle_of_overflow_is_refined_on_evidence(angle, seed):
    """Lines of P2 (16, 32, 36 degrees) and O3 (17, 33, 36) below it are too weak by sin(theta) / sin(theta_0)."""
    own = Instrument(profile=PROFILE, overflow_two_theta=angle)
    mixture = lx.simulate(list(TRUTH), weights=list(TRUTH.values()), radiation="CuKa", two_theta=(12, 100, 0.03),
                          instrument=own, counts=20_000, background=[200.0], seed=seed)  # fmt: skip
    result = lx.fit(mixture, list(TRUTH), instrument=Instrument(profile=PROFILE))
    assert any(notice.code == "beam_overflow" for notice in result.warnings)
    (found,) = (row.number for row in result.parameters if row.name == "instrument_overflow")
    assert abs(found - angle) < 3 * found.esd
    assert largest_error(result) < 0.01


@pytest.mark.parametrize("seed", [3, 4])
def test_the_absorption_of_a_capillary_is_refined_on_evidence(seed):
    """mu R = 1.5 costs 1 wt% if it is taken as zero."""
    own = Instrument(profile=PROFILE, geometry="debye-scherrer", mu_r=1.5)
    mixture = lx.simulate(list(TRUTH), weights=list(TRUTH.values()), radiation="CuKa", two_theta=(12, 140, 0.03),
                          instrument=own, counts=50_000, background=[200.0], seed=seed)  # fmt: skip
    ignorant = Instrument(profile=PROFILE, geometry="debye-scherrer")
    result = lx.fit(mixture, list(TRUTH), instrument=ignorant)
    assert any(notice.code == "capillary_absorption" for notice in result.warnings)
    (found,) = (row.number for row in result.parameters if row.name == "instrument_mu_r")
    assert abs(found - 1.5) < 3 * found.esd < 0.3
    assert largest_error(result) < 0.004
    held = lx.fit(mixture, list(TRUTH), instrument=ignorant, recipe={"instrument": {"fix": ["mu_r"]}})
    assert largest_error(held) > 0.008
    assert {row.name for row in held.priors} & {row.prior for row in SPECIMEN_EFFECTS} == {"capillary_absorption"}


def test_a_pattern_above_the_angle_of_overflow_has_no_such_prior():
    mixture = lx.simulate(list(TRUTH), weights=list(TRUTH.values()), radiation="CuKa", two_theta=(30, 90, 0.03),
                          instrument=Instrument(profile=PROFILE), counts=20_000, seed=5)  # fmt: skip
    result = lx.fit(mixture, list(TRUTH), instrument=Instrument(profile=PROFILE))
    assert {"beam_overflow", "specimen_transparency"} & {row.name for row in result.priors} == {"specimen_transparency"}


def test_what_is_not_refined_yet_is_no_effect_of_the_specimen(monkeypatch):
    """16 wt% P2 of wrong structure: before its widths and texture are refined, an overflow below 39 degrees fits."""
    monkeypatch.syspath_prepend(str(Path(__file__).parents[1] / "benchmarks"))
    from honesty import FINE_UM, Setup, drawn, pattern_of
    from prior_draws import PROFILE as CALIBRATED

    names, rng = Setup().mixtures[1], np.random.default_rng([1, 1, 23])
    phases, weights = drawn(names, rng, 1.0)
    recipe = {"quantification": {"particle_sizes_um": dict.fromkeys(names, FINE_UM)}}
    calibrated = Instrument(profile=CALIBRATED)
    result = lx.fit(pattern_of(phases, weights, rng), list(names), instrument=calibrated, recipe=recipe)
    assert result.status == "converged"
    assert result.instrument.overflow_two_theta == 0
    assert result.weight_fractions["P2"] == pytest.approx(weights[0], abs=0.01)


def test_frames_of_a_series_share_the_specimen():
    """One frame alone does not decide on its thickness."""
    mixture = thin_mixture(0.25, 3)
    found = fit_automatically(mixture.pattern, phases_from(list(TRUTH)), Instrument(profile=PROFILE),
                              radiation_from_text("CuKa"), in_series=True)  # fmt: skip
    assert "instrument_two_mu_t" not in found.minimum.parameters.free_names
