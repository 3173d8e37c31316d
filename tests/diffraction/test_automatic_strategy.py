"""The automatic strategy on patterns of known composition, and on GSAS-II's benchmark where it lies beside the data."""

from dataclasses import replace

import numpy as np
import pytest

import layerox as lx
from layerox.analysis.phase_arguments import phases_from
from layerox.diffraction.automatic_strategy import fit_automatically
from layerox.diffraction.build_result import build_result
from layerox.diffraction.refinement_plan import Demand, Plan
from layerox.diffraction.simulated_pattern import simulation
from layerox.diffraction.staged_strategy import fit_from_result
from layerox.instrument import Instrument, Profile
from layerox.pattern import pattern_from_arrays
from layerox.radiation import radiation_from_text
from reference_crystals import SPINEL, ZINCITE, o3, p2, phase

TWO_THETA = np.arange(12.0, 90.0, 0.02)
CU = radiation_from_text("CuKa").polarized(0.5)
TRUE_INSTRUMENT = Instrument(profile=Profile(u=0.002, v=-0.002, w=0.004), zero=0.02)
TRUE_WEIGHTS = (0.65, 0.35)


def mixture(weights=TRUE_WEIGHTS, seed=3, counts=8000, **texture):
    """Return a noisy P2/O3 pattern; `texture` gives the March coefficients by name."""
    phases = [
        phase(p2(2.8853, 11.148), size_nm=110, microstrain=0.001, preferred_orientation=texture.get("P2", 1.0)),
        phase(o3(2.9655, 15.92), size_nm=70, microstrain=0.002, preferred_orientation=texture.get("O3", 1.0)),
    ]
    return simulation(
        TWO_THETA, phases, weights, TRUE_INSTRUMENT, CU, background=[300, -120, 60], counts=counts, seed=seed
    ).pattern


def fitted(pattern, crystals, instrument=None):
    """Fit with the automatic strategy."""
    known = instrument or Instrument()
    outcome = fit_automatically(pattern, [phase(c) for c in crystals], known, CU)
    return build_result(outcome, pattern, known, 0.0)


def wrong(crystal, a, c):
    """Return a crystal with a and c off by these fractions."""
    cell = crystal.cell
    return crystal.with_cell((cell[0] * (1 + a), cell[1] * (1 + a), cell[2] * (1 + c), *cell[3:]))


def off(refined, truth):
    """Return the distance from the truth in standard uncertainties."""
    return abs(refined - truth) / refined.esd


@pytest.mark.parametrize("error", [0.005, -0.005])
def test_cells_half_a_per_cent_off_are_found(error):
    result = fitted(mixture(), [wrong(p2(2.8853, 11.148), error, error), wrong(o3(2.9655, 15.92), error, -error)])
    assert result.status == "converged"
    # Poisson noise and the right model: the goodness of fit is one within 3 / sqrt(2 * 3900).
    assert result.agreement.gof == pytest.approx(1.0, abs=0.035)
    assert off(result.weight_fractions["P2"], 0.65) < 3
    for name, truths in (("P2", (2.8853, 11.148)), ("O3", (2.9655, 15.92))):
        cell = result.phase(name).cell
        assert off(cell["a"], truths[0]) < 3
        assert off(cell["c"], truths[1]) < 3


def test_texture_is_found_where_it_is_and_its_absence_elsewhere():
    result = fitted(mixture(P2=0.8), [p2(), o3()])
    assert off(result.phase("P2").preferred_orientation, 0.8) < 3
    assert result.phase("P2").preferred_orientation.status == "free"
    assert result.phase("O3").preferred_orientation.esd < 0.02
    assert off(result.phase("O3").preferred_orientation, 1.0) < 3
    assert off(result.phase("P2").microstrain, 0.001) < 3
    assert off(result.phase("O3").microstrain, 0.002) < 3
    assert off(result.weight_fractions["P2"], 0.65) < 3


def test_atoms_move_where_the_structure_is_wrong():
    start = p2()
    sites = [replace(s, position=(1 / 3, 2 / 3, 0.0890)) if s.label == "O1" else s for s in start.sites]
    sites = [replace(s, u_iso=0.012) if s.element in ("Ni", "Mn") else s for s in sites]
    result = fitted(mixture(), [replace(start, sites=tuple(sites)), o3()])
    numbers = {site.label: site for site in result.phase("P2").sites}
    assert off(numbers["O1"].z, 0.0917) < 3
    assert off(numbers["Mn1"].u_iso, 0.005) < 3
    assert numbers["Ni1"].u_iso == numbers["Mn1"].u_iso
    assert off(result.weight_fractions["P2"], 0.65) < 3


def test_an_absent_phase_gets_no_fraction_and_harms_nobody():
    pattern = mixture()
    without = fitted(pattern, [p2(), o3()])
    result = fitted(pattern, [p2(), o3(), ZINCITE])
    ghost = result.weight_fractions["zincite"]
    assert ghost.status == "unsupported"
    assert ghost == 0
    assert 0 < ghost.esd < 0.005
    assert "unsupported_phase" in {w.code for w in result.warnings}
    assert result.weight_fractions["P2"] == pytest.approx(without.weight_fractions["P2"], abs=1e-6)


def test_only_absent_phases_is_a_failure_with_a_reason():
    flat = pattern_from_arrays(TWO_THETA, np.random.default_rng(0).poisson(200.0, TWO_THETA.size))
    result = fitted(flat, [ZINCITE])
    assert result.status == "failed"
    assert "none of the phases" in result.reason


def test_a_calibrated_profile_is_left_alone():
    result = fitted(mixture(), [p2(), o3()], TRUE_INSTRUMENT)
    values = {p.name: p.number for p in result.parameters}
    assert [values[f"instrument_{k}"].status for k in "uvw"] == ["fixed"] * 3
    assert off(result.phase("P2").size_nm, 110) < 3
    assert off(result.phase("O3").microstrain, 0.002) < 3


def test_a_warm_start_reaches_the_same_minimum():
    first = fitted(mixture(), [p2(), o3()])
    pattern = mixture(seed=8)
    cold = fitted(pattern, [p2(), o3()])
    again = build_result(fit_from_result(pattern, first, first.instrument, CU), pattern, first.instrument, 0.0)
    assert again.free_names == cold.free_names
    assert again.weight_fractions["P2"] == pytest.approx(cold.weight_fractions["P2"], abs=1e-4)  # priors: last gof
    assert len(again.steps) == 1


def test_zero_and_displacement_that_look_alike_widen_the_esds_of_the_cells():
    result = fitted(mixture(), [p2(), o3()])
    assert "position_ambiguous" in {w.code for w in result.warnings}
    calibrated = fitted(mixture(), [p2(), o3()], TRUE_INSTRUMENT)
    assert result.phase("P2").cell["a"].esd > 2 * calibrated.phase("P2").cell["a"].esd


# Doubts, and gates against nonsense.


def codes(result):
    return {w.code for w in result.warnings}


def test_a_profile_that_is_right_is_not_doubted():
    result = fitted(mixture(), [p2(), o3()], TRUE_INSTRUMENT)
    assert not {"profile_too_wide", "profile_doubtful"} & codes(result)


def test_a_profile_wider_than_the_peaks_is_doubted():
    result = fitted(mixture(), [p2(), o3()], Instrument(profile=Profile(w=0.05), zero=0.02))
    assert "profile_too_wide" in codes(result)
    message = next(w.message for w in result.warnings if w.code == "profile_too_wide")
    assert "P2" in message
    assert "is it of this diffractometer?" in message


def test_a_profile_of_another_shape_is_doubted():
    """Gaussian peaks of 0.2 degrees that a sharp instrument leaves to the Lorentzian widths of the specimen."""
    broad = Instrument(profile=Profile(w=0.04))
    pattern = simulation(TWO_THETA, [phase(p2(), size_nm=300)], [1.0], broad, CU, background=[300], counts=8000,
                         seed=3).pattern  # fmt: skip
    result = fitted(pattern, [p2()], Instrument(profile=Profile(w=0.001)))
    assert "profile_doubtful" in codes(result)
    assert "profile_doubtful" not in codes(fitted(pattern, [p2()]))  # refined, it is not calibrated
    assert "profile_doubtful" not in codes(fitted(pattern, [p2()], broad))


def incomplete(share_of_spinel):
    """Return a pattern of P2 and spinel, which no fit below knows of."""
    phases = [phase(p2(2.8853, 11.148), size_nm=110), phase(SPINEL, size_nm=80)]
    return simulation(TWO_THETA, phases, [1 - share_of_spinel, share_of_spinel], TRUE_INSTRUMENT, CU,
                      background=[300], counts=8000, seed=3).pattern  # fmt: skip


def test_structures_do_not_explain_what_is_not_there():
    result = fitted(incomplete(0.3), [p2()])
    assert "unexplained_intensity" in codes(result)
    assert result.status != "failed"
    refused = next(step for step in result.steps if step.name == "atoms")
    assert not refused.kept
    assert "of the peaks' intensity is unexplained" in refused.reason
    moved = [p.name for p in result.parameters if p.number.status == "free" and p.name.endswith(("_z", "_u_iso"))]
    assert moved == []
    assert off(result.phase("P2").cell["c"], 11.148) < 5


def test_a_model_of_less_than_half_of_the_peaks_is_none():
    result = fitted(incomplete(0.75), [p2()])
    assert result.status == "failed"
    assert "unexplained: a phase is missing, or a cell is wrong" in result.reason


@pytest.mark.parametrize("seed", range(4))
def test_weak_peaks_that_are_explained_are_not_called_unexplained(seed):
    """Peaks of 3 sigma: the noise of some thousand points is more than all of them, and says nothing against them."""
    pattern = simulation(TWO_THETA, [phase(p2(), size_nm=60)], [1.0], TRUE_INSTRUMENT, CU, background=[400], counts=60,
                         seed=seed).pattern  # fmt: skip
    result = fitted(pattern, [p2()], TRUE_INSTRUMENT)
    assert "unexplained_intensity" not in codes(result)
    assert "unexplained" not in (result.reason or "")
    assert result.status != "failed" or not result.phase("P2").is_supported


def test_cells_far_off_are_scanned_for():
    result = fitted(mixture(), [wrong(p2(2.8853, 11.148), 0.025, -0.02), o3()])
    assert result.status == "converged"
    assert off(result.phase("P2").cell["a"], 2.8853) < 3
    assert off(result.phase("P2").cell["c"], 11.148) < 3


@pytest.mark.parametrize("displacement", [-0.28, 0.29])
def test_two_phases_of_a_displaced_specimen_do_not_keep_exchanged_lines(displacement):
    """The search on the blurred pattern ends with a of P2 at 2.77 or 2.93; the given cells are tested once more."""
    true = {"P2": (2.881, 11.123, 0.69), "P3": (2.892, 16.856, 0.85)}
    phases = [
        replace(
            given,
            crystal=given.crystal.with_cell((a, a, c, 90, 90, 120)),
            size_nm=200.0,
            microstrain=0.002,
            preferred_orientation=r,
        )
        for given, (a, c, r) in zip(phases_from(list(true)), true.values(), strict=True)
    ]
    instrument = Instrument(profile=Profile(w=0.006), displacement_mm=displacement)
    pattern = lx.simulate(phases, weights=[0.78, 0.22], radiation="CuKa", two_theta=(12, 100, 0.02), counts=8000,
                          instrument=instrument, background=[300.0], seed=1).pattern  # fmt: skip
    result = lx.fit(pattern, list(true))
    assert result.status == "converged"
    for name, (a, c, _) in true.items():
        assert result.phase(name).cell["a"] == pytest.approx(a, rel=5e-4)
        assert result.phase(name).cell["c"] == pytest.approx(c, rel=5e-4)
    assert off(result.weight_fractions["P2"], 0.78) < 3


def test_with_a_zero_that_is_known_the_displacement_goes():
    displaced = replace(TRUE_INSTRUMENT, zero=0.0, displacement_mm=0.08)
    pattern = simulation(TWO_THETA, [phase(p2(2.8853, 11.148), size_nm=110)], [1.0], displaced, CU, background=[300],
                         counts=8000, seed=3).pattern  # fmt: skip
    plan = Plan(demands={"instrument_zero": Demand(vary=False)})
    outcome = fit_automatically(pattern, [phase(p2())], Instrument(), CU, plan)
    result = build_result(outcome, pattern, Instrument(), 0.0)
    values = {p.name: p.number for p in result.parameters}
    assert (values["instrument_zero"].value, values["instrument_zero"].status) == (0.0, "fixed")
    assert off(values["instrument_displacement"], 0.08) < 3
    assert off(result.phase("P2").cell["c"], 11.148) < 3


@pytest.mark.measured
def test_gsas_benchmark(reference_data):
    """benchA: a true 0.65, R_wp 5.04 % and 0.6502(11) by GSAS-II; 5.1 % and 0.004 are the issue's bounds."""
    two_theta, intensity, sigma = np.loadtxt(reference_data / "benchA_P2O3.xye").T
    pattern = pattern_from_arrays(two_theta, intensity, sigma)
    result = fitted(pattern, [wrong(p2(2.8853, 11.148), 0.005, 0.005), wrong(o3(2.9655, 15.92), 0.005, 0.005)])
    assert result.agreement.r_wp <= 0.051
    assert result.weight_fractions["P2"] == pytest.approx(0.65, abs=0.004)
    for name, truths in (("P2", (2.8853, 11.148)), ("O3", (2.9655, 15.92))):
        assert off(result.phase(name).cell["a"], truths[0]) < 3
        assert off(result.phase(name).cell["c"], truths[1]) < 3
