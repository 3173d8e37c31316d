"""Least squares with bounds: known parameters recovered, and the covariance against the textbook formula and a Monte
Carlo of noisy patterns."""

from dataclasses import replace

import numpy as np
import pytest

from layerox.diffraction.constraints import parameters_of
from layerox.diffraction.least_squares import minimise
from layerox.diffraction.minimum import Data
from layerox.diffraction.model import Model
from layerox.diffraction.phase import Phase
from layerox.instrument import Instrument, Profile
from layerox.radiation import radiation_from_text
from reference_crystals import O3, P2, TIED

ANGLES = np.arange(15.0, 68.0, 0.04)
COPPER = radiation_from_text("CuKa")
BACKGROUND = (120.0, -30.0, 10.0)
SCALES = {"P2": 2e-2, "O3": 8e-3}
PROFILE = Profile(w=0.01)


# The step.


# Refinement.


def model_of(*crystals, background_terms=3, **fields):
    phases = [
        Phase(name=c.name, crystal=c, scale=SCALES.get(c.name, 1e-3), size_nm=50.0, microstrain=0.001, **fields)
        for c in crystals
    ]
    return Model(ANGLES, phases, Instrument(profile=PROFILE), COPPER, background_terms=background_terms, tail=1e-3)


def pattern_of(model, **changes):
    values = model.start
    values[model.background_block] = BACKGROUND[: len(model.basis)]
    for name, value in changes.items():
        values[model.names.index(name)] = value
    return model.calculated(values).total


def starting(model, **values):
    table = parameters_of(model)
    for k, value in enumerate(BACKGROUND[: len(model.basis)]):
        table.assign(f"background_{k}", value)
    for name, value in values.items():
        table.assign(name, value)
    return table


def test_known_parameters_are_recovered_from_a_noise_free_pattern():
    model = model_of(P2, O3)
    truth = starting(model)
    observed = pattern_of(model)
    start = starting(
        model, P2_scale=1.5e-2, O3_scale=1e-2, P2_a=2.887, P2_c=11.145, O3_a=2.9595, O3_c=15.92, P2_O1_z=0.095,
        O3_O1_z=0.233, P2_inverse_size=0.03, O3_microstrain=0.002, P2_Na1_u_iso=0.03, P2_preferred_orientation=0.9,
        instrument_zero=0.02, instrument_w=0.012, background_0=90.0, background_1=0.0,
    )  # fmt: skip
    names = ["P2_scale", "O3_scale", "P2_a", "P2_c", "O3_a", "O3_c", "P2_O1_z", "O3_O1_z", "P2_inverse_size",
             "O3_microstrain", "P2_Na1_u_iso", "P2_preferred_orientation", "instrument_zero", "instrument_w",
             "background_0", "background_1", "background_2"]  # fmt: skip
    assert start.free(names) == names
    found = minimise(model, Data(observed, 1 / np.sqrt(observed)), start)
    assert (found.outcome, found.reason) == ("converged", None)
    assert not found.at_bound.any()
    for name in names:
        assert found.parameters.value(name) == pytest.approx(truth.value(name), abs=2e-3 * found.esd(name)), name
    assert found.parameters.value("P2_b") == found.parameters.value("P2_a")
    np.testing.assert_allclose(found.calculated.total, observed, rtol=1e-5)
    assert found.chi_squared < 1e-3


def test_mixed_sites_on_tied_coordinates_are_recovered():
    # Oxygen and fluorine share x, 2x, 1/4: all four tied coordinates have to move with the one that is free.
    model = model_of(TIED)
    observed = pattern_of(model)
    start = starting(model, tied_O1_x=0.525, tied_Ti1_x=0.828, tied_Ti1_z=0.083)
    start.free(["tied_O1_x", "tied_Ti1_x", "tied_Ti1_z"])
    found = minimise(model, Data(observed, 1 / np.sqrt(observed)), start)
    assert found.outcome == "converged"
    assert found.evaluations < 12
    assert found.parameters.value("tied_F1_y") == pytest.approx(1.04, abs=1e-6)
    assert found.parameters.value("tied_Ti1_y") == pytest.approx(1.66, abs=1e-6)


def test_the_start_is_not_changed():
    model = model_of(P2)
    observed = pattern_of(model)
    start = starting(model, P2_a=2.887)
    start.free(["P2_a", "P2_scale"])
    before = start.values.copy()
    minimise(model, Data(observed, 1 / np.sqrt(observed)), start)
    np.testing.assert_array_equal(start.values, before)


def test_nothing_to_refine_is_converged_at_once():
    model = model_of(P2)
    observed = pattern_of(model)
    found = minimise(model, Data(observed + 1, 1 / np.sqrt(observed)), starting(model))
    assert (found.outcome, found.reason, found.evaluations) == ("converged", None, 1)
    assert found.chi_squared == pytest.approx((1 / observed).sum())
    assert found.covariance.shape == (0, 0)


def test_a_budget_that_is_used_up_is_stated():
    model = model_of(P2)
    observed = pattern_of(model)
    start = starting(model, P2_a=2.89, P2_scale=1e-2)
    start.free(["P2_a", "P2_scale"])
    found = minimise(model, Data(observed, 1 / np.sqrt(observed)), start, most_evaluations=2)
    assert (found.outcome, found.reason) == ("not_converged", "the budget of evaluations was used up")
    assert found.evaluations == 2


def test_chi_squared_never_rises():
    model = model_of(P2, O3)
    observed = pattern_of(model)
    data = Data(observed, 1 / np.sqrt(observed))
    start = starting(model, P2_a=2.90, O3_a=2.95, P2_scale=4e-2)
    start.free(["P2_a", "O3_a", "P2_c", "P2_scale", "O3_scale", "P2_inverse_size"])
    found = [minimise(model, data, start, most_evaluations=n).chi_squared for n in range(1, 12)]
    assert found == sorted(found, reverse=True)


# Uncertainties.


def test_the_covariance_of_a_linear_problem_is_the_textbooks():
    model = model_of(P2)
    expected = pattern_of(model)
    observed = np.random.default_rng(8).poisson(expected).astype(float)
    weight = 1 / np.sqrt(expected)
    start = starting(model)
    names = ["background_0", "background_1", "background_2", "P2_scale"]
    start.free(names)
    found = minimise(model, Data(observed, weight), start)
    peaks = model.calculated(found.parameters.values).phases[0] / found.parameters.value("P2_scale")
    design = np.vstack([model.basis, peaks]) * weight
    solution = np.linalg.solve(design @ design.T, design @ (observed * weight))
    # (A W A^T)^-1, times reduced chi^2 where that exceeds one. The cut of tails leaves the model linear to 1e-3 esd.
    reduced = ((solution @ design - observed * weight) ** 2).sum() / (len(observed) - 4)
    textbook = np.linalg.inv(design @ design.T) * max(reduced, 1)
    np.testing.assert_allclose(found.covariance, textbook, rtol=2e-3)
    for k, name in enumerate(names):
        assert found.esd(name) == pytest.approx(np.sqrt(textbook[k, k]), rel=1e-3)
        assert found.parameters.value(name) == pytest.approx(solution[k], abs=0.01 * found.esd(name))


@pytest.mark.parametrize("factor", [0.5, 2.0])
def test_uncertainties_grow_with_a_bad_fit_and_do_not_shrink_with_a_good_one(factor):
    model = model_of(P2)
    expected = pattern_of(model)
    observed = np.random.default_rng(8).poisson(expected).astype(float)
    start = starting(model)
    start.free(["P2_scale"])
    esds = [minimise(model, Data(observed, f / np.sqrt(expected)), start).esd("P2_scale") for f in (1.0, factor)]
    # Weights twice too large: chi^2 is four, and the uncertainty comes out as it was. Twice too small: believed.
    assert esds[1] == pytest.approx(esds[0] if factor > 1 else 2 * esds[0], rel=0.05)


def test_uncertainties_are_the_scatter_of_many_noisy_patterns():
    model = model_of(P2, O3)
    expected = pattern_of(model)
    truth = starting(model)
    start = starting(model)
    names = ["P2_scale", "O3_scale", "P2_a", "P2_c", "O3_c", "P2_O1_z", "P2_inverse_size", "background_0"]
    start.free(names)
    draw = np.random.default_rng(20)
    runs = []
    for _ in range(80):
        observed = draw.poisson(expected).astype(float)
        found = minimise(model, Data(observed, 1 / np.sqrt(expected)), start)
        assert found.outcome == "converged"
        runs.append([(found.parameters.value(n) - truth.value(n)) / found.esd(n) for n in names])
    pulls = np.array(runs)
    # 80 draws: mean 0 within 1 / sqrt(80) = 0.11, scatter 1 within 1 / sqrt(160) = 0.08; four times that is allowed.
    assert np.abs(pulls.mean(axis=0)).max() < 0.45
    assert np.abs(pulls.std(axis=0) - 1).max() < 0.32
    # The joint scatter is that of the full covariance: chi^2 of 8 degrees of freedom.
    correlation = np.corrcoef(pulls.T)
    esds = np.sqrt(np.diag(found.covariance))
    expected_correlation = found.covariance / np.outer(esds, esds)
    order = [found.parameters.free_names.index(n) for n in names]
    assert np.abs(correlation - expected_correlation[np.ix_(order, order)]).max() < 0.45


def test_a_variable_at_its_bound_is_held_and_leaves_the_others_alone():
    # The truth has no microstrain, and the noise asks for less than none.
    model = model_of(P2)
    expected = pattern_of(model, P2_microstrain=0.0)
    names = ["P2_scale", "P2_a", "P2_c", "P2_inverse_size", "background_0"]
    held = 0
    for seed in range(6):
        observed = np.random.default_rng(seed).poisson(expected).astype(float)
        data = Data(observed, 1 / np.sqrt(expected))
        both, without = starting(model), starting(model, P2_microstrain=0.0)
        both.free([*names, "P2_microstrain"])
        without.free(names)
        found, plain = minimise(model, data, both), minimise(model, data, without)
        assert (found.outcome, plain.outcome) == ("converged", "converged")
        if found.parameters.value("P2_microstrain") > 0:
            assert not found.at_bound.any()
            continue
        held += 1
        k = found.parameters.free_names.index("P2_microstrain")
        assert found.at_bound.tolist() == [j == k for j in range(6)]
        assert found.covariance[k].tolist() == found.covariance[:, k].tolist() == [0.0] * 6
        # Its own uncertainty is what it would have if it could move.
        assert found.esd("P2_microstrain") == pytest.approx(np.sqrt(found.full_covariance[k, k]))
        assert found.esd("P2_microstrain") > 0
        for name in names:
            assert found.parameters.value(name) == pytest.approx(
                plain.parameters.value(name), abs=0.01 * plain.esd(name)
            )
            assert found.esd(name) == pytest.approx(plain.esd(name), rel=0.01)
    assert held >= 2


def test_a_variable_that_starts_at_its_bound_may_leave_it():
    model = model_of(P2)
    observed = pattern_of(model, P2_microstrain=0.002)
    start = starting(model, P2_microstrain=0.0)
    start.free(["P2_microstrain", "P2_inverse_size", "P2_scale"])
    found = minimise(model, Data(observed, 1 / np.sqrt(observed)), start)
    assert found.parameters.value("P2_microstrain") == pytest.approx(0.002, rel=1e-4)
    assert not found.at_bound.any()


def test_a_gaussian_width_that_was_lost_is_found_again():
    model = model_of(P2)
    observed = pattern_of(model)
    start = starting(model, instrument_w=0.0)
    assert start.value("instrument_w") > 0
    start.free(["instrument_w", "P2_inverse_size", "P2_scale"])
    found = minimise(model, Data(observed, 1 / np.sqrt(observed)), start)
    assert found.parameters.value("instrument_w") == pytest.approx(0.01, rel=1e-3)
    assert not found.at_bound.any()


@pytest.mark.parametrize("seed", [7, 29, 39, 55, 81])
def test_widths_and_cells_a_little_off_do_not_end_in_a_false_minimum(seed):
    model = model_of(P2, O3)
    observed = np.random.default_rng(seed).poisson(pattern_of(model)).astype(float)
    draw = np.random.default_rng(seed)
    truth = starting(model)
    names = ["P2_scale", "O3_scale", "P2_a", "P2_c", "O3_a", "O3_c", "P2_inverse_size", "O3_microstrain",
             "instrument_w", "background_0"]  # fmt: skip
    off = {n: truth.value(n) * (1 + draw.normal() * (1e-3 if n.endswith(("_a", "_c")) else 0.3)) for n in names}
    start = starting(model, **off)
    start.free(names)
    found = minimise(model, Data(observed, 1 / np.sqrt(np.maximum(observed, 1))), start)
    assert found.outcome == "converged"
    # Noise and the right model: reduced chi^2 is one within 4 sqrt(2 / 1325).
    assert found.reduced_chi_squared == pytest.approx(1, abs=0.16)


def test_a_start_outside_its_bounds_is_taken_in():
    # A phase without broadening has an inverse size of zero, below the least that can be refined.
    model = model_of(P2)
    observed = pattern_of(model)
    start = starting(model)
    start.values[start.find("P2_inverse_size")] = 0.0
    start.free(["P2_inverse_size", "P2_scale"])
    data = Data(observed, 1 / np.sqrt(observed))
    assert minimise(model, data, start, most_evaluations=1).parameters.value("P2_inverse_size") == 1e-4
    assert minimise(model, data, start).parameters.value("P2_inverse_size") == pytest.approx(0.02, rel=1e-4)


def test_what_is_not_refined_has_no_uncertainty():
    model = model_of(P2)
    observed = pattern_of(model)
    start = starting(model)
    start.free(["P2_scale"])
    found = minimise(model, Data(observed, 1 / np.sqrt(observed)), start)
    assert found.esd("P2_a") == 0.0
    assert found.esd("nothing") == 0.0
    assert found.esd("P2_scale") > 0


def test_a_variable_without_any_effect_gets_no_variance_and_spoils_nothing():
    # Oxygen of occupancy zero: its coordinate moves nothing.
    empty = replace(P2, sites=tuple(replace(s, occupancy=0.0) if s.label == "O1" else s for s in P2.sites))
    model = model_of(empty)
    observed = pattern_of(model)
    start = starting(model, P2_a=2.886)
    start.free(["P2_a", "P2_O1_z", "P2_scale"])
    found = minimise(model, Data(observed, 1 / np.sqrt(observed)), start)
    assert found.outcome == "converged"
    assert found.parameters.value("P2_a") == pytest.approx(2.885, abs=1e-6)
    assert found.esd("P2_O1_z") == 0.0
    assert np.isfinite(found.covariance).all()


def test_two_variables_that_do_the_same_are_survived():
    # Sodium on one site twice: only the sum of the occupancies is determined.
    twice = replace(P2, sites=(*P2.sites, replace(P2.sites[4], label="Na3", occupancy=0.1)))
    model = model_of(twice)
    observed = pattern_of(model)
    start = starting(model, P2_Na3_occupancy=0.2)
    start.free(["P2_Na2_occupancy", "P2_Na3_occupancy"])
    found = minimise(model, Data(observed, 1 / np.sqrt(observed)), start)
    total = found.parameters.value("P2_Na2_occupancy") + found.parameters.value("P2_Na3_occupancy")
    assert total == pytest.approx(0.52, abs=1e-3)
    assert np.isfinite(found.covariance).all()


def test_the_norm_is_that_of_r_wp():
    data = Data(np.array([100.0, 400.0]), np.array([0.1, 0.05]))
    assert data.norm == 100 + 400


def test_it_finds_its_way_along_widths_that_are_all_but_imaginary():
    # u, v and w start where the width at high angles is all but imaginary, and the data want it narrower still.
    two_theta = np.arange(15.0, 110.0, 0.02)
    wide = Instrument(profile=Profile(u=0.0, v=-0.004, w=0.012))
    model = Model(two_theta, [Phase(name="P2", crystal=P2)], wide, COPPER, tail=1e-6)
    values = model.start
    values[model.names.index("instrument_v")] = -0.0055
    target = model.calculated(values).total
    table = parameters_of(model)
    table.free(["instrument_u", "instrument_v", "instrument_w", "P2_scale"])
    found = minimise(model, Data(target, np.ones(two_theta.size)), table)
    assert found.outcome == "converged"
    np.testing.assert_allclose(found.calculated.total, target, rtol=1e-4)


def test_the_largest_shift_is_the_newton_step_in_uncertainties():
    model = model_of(P2)
    observed = pattern_of(model, P2_a=2.8855)
    data = Data(observed, 1 / np.sqrt(observed))
    start = starting(model, P2_a=2.884)
    start.free(["P2_a", "P2_scale", "background_0"])
    stopped = minimise(model, data, start, most_evaluations=1)
    # At its start the descent has an unbounded step of its own: -N^-1 J^T r, over the square roots of the covariance.
    transfer = start.transfer()
    calculated, jacobian = model.linearised(start.values, transfer, data.weight)
    gradient = jacobian @ ((calculated.total - observed) * data.weight)
    step = -np.linalg.solve(jacobian @ jacobian.T, gradient)
    known = np.abs(step / np.sqrt(np.diag(stopped.covariance))).max()
    assert stopped.largest_shift == pytest.approx(known, rel=1e-3)
    assert stopped.largest_shift > 0.1
    assert minimise(model, data, start).largest_shift < 1e-3
    assert replace(stopped, next_step=None).largest_shift is None


def test_the_largest_shift_of_nothing_is_none_at_all():
    model = model_of(P2)
    observed = pattern_of(model)
    assert minimise(model, Data(observed, 1 / np.sqrt(observed)), starting(model)).largest_shift == 0.0
