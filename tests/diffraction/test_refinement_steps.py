"""A refinement under way: what the score test promises is what a refinement brings, and what does not pay is taken
back."""

import numpy as np
import pytest

from layerox.diffraction.constraints import parameters_of
from layerox.diffraction.least_squares import minimise
from layerox.diffraction.minimum import Data
from layerox.diffraction.model import Model
from layerox.diffraction.phase import Phase
from layerox.diffraction.prior import PriorRestraint
from layerox.diffraction.refinement_steps import GAIN_PER_VARIABLE, StepwiseRefinement
from layerox.diffraction.serial_correlation import serial_factor
from layerox.instrument import Instrument, Profile
from layerox.radiation import radiation_from_text
from reference_crystals import O3, P2

ANGLES = np.arange(14.0, 75.0, 0.03)
COPPER = radiation_from_text("CuKa")
SCALES = {"P2_scale": 2e-2, "O3_scale": 7e-3}
ALWAYS = ["background_0", "background_1", "P2_scale", "O3_scale"]


@pytest.fixture
def model():
    phases = [Phase(name=c.name, crystal=c, scale=SCALES[f"{c.name}_scale"], size_nm=60.0) for c in (P2, O3)]
    return Model(ANGLES, phases, Instrument(profile=Profile(w=0.008)), COPPER, background_terms=6, tail=0.01)


@pytest.fixture
def new_run(model):
    """Return a function that starts a course on a noisy pattern of changed values, after a first refinement."""

    def new_run(seed=1, freed=ALWAYS, progress=None, **truth):
        values = model.start
        values[model.background_block] = [200.0, -60.0, 0, 0, 0, 0]
        for name, value in truth.items():
            values[model.names.index(name)] = value
        counts = np.random.default_rng(seed).poisson(model.calculated(values).total).astype(float)
        table = parameters_of(model)
        table.assign("background_0", 200.0)
        run = StepwiseRefinement(model, Data(counts, 1 / np.sqrt(np.maximum(counts, 1))), table, progress)
        run.refine("start", freed)
        return run

    return new_run


def fall(run, names):
    """Return by how much chi-squared really falls when quantities are let go, in units of its reduced value."""
    trial = run.parameters.copy()
    trial.free(names)
    found = minimise(run.model, run.data, trial)
    return (run.minimum.chi_squared - found.chi_squared) / max(run.minimum.reduced_chi_squared, 1.0)


# The score test.


def test_for_linear_quantities_the_promise_is_exact(new_run):
    run = new_run(background_2=8.0, background_4=-3.0)
    groups = [["background_2"], ["background_4"], ["background_2", "background_3", "background_4"], ["background_5"]]
    gains = run.gains(groups)
    for group, gain in zip(groups, gains, strict=True):
        assert gain == pytest.approx(fall(run, group), rel=0.02, abs=0.1), group


@pytest.mark.parametrize(
    ("group", "truth"),
    [
        (["P2_a", "P2_c"], {"P2_a": 2.8854, "P2_c": 11.154}),
        (["O3_O1_z"], {"O3_O1_z": 0.2315}),
        (["P2_Na1_u_iso"], {"P2_Na1_u_iso": 0.03}),
        (["P2_preferred_orientation"], {"P2_preferred_orientation": 0.97}),
        (["instrument_zero"], {"instrument_zero": 0.003}),
    ],
)
def test_for_other_quantities_it_is_near(new_run, group, truth):
    run = new_run(**truth)
    (gain,) = run.gains([group])
    real = fall(run, group)
    assert real > 2 * GAIN_PER_VARIABLE
    assert gain == pytest.approx(real, rel=0.3)


def test_without_a_cause_there_is_little_to_gain(new_run):
    run = new_run()
    gains = run.gains([["P2_a"], ["O3_c"], ["instrument_zero"], ["P2_O1_z"], ["background_5"]])
    # chi^2 of one degree of freedom: 10.8 is exceeded once in a thousand.
    assert all(0 <= gain < 10.8 for gain in gains)


def test_a_bound_that_a_quantity_is_at_is_no_gain(new_run):
    # Narrower than the model can be: less microstrain than none would pay.
    run = new_run(P2_inverse_size=1 / 70, O3_inverse_size=1 / 70)
    assert run.gains([["P2_microstrain"]]) == [0.0]
    wider = new_run(P2_microstrain=0.0005)
    assert wider.gains([["P2_microstrain"]])[0] > GAIN_PER_VARIABLE


def test_groups_without_anything_new_gain_nothing(new_run):
    run = new_run()
    assert run.gains([[], ["P2_scale"], ["P2_b"], ["P2_gamma"]]) == [0.0, 0.0, 0.0, 0.0]


def test_what_the_present_variables_could_still_gain_does_not_count(new_run):
    run = new_run()
    before = run.gains([["background_5"], ["P2_microstrain"]])
    run.parameters.assign("P2_scale", 1.02 * run.parameters.value("P2_scale"))
    assert run.gains([["background_5"], ["P2_microstrain"]]) == pytest.approx(before, abs=1.0)


def test_asking_changes_nothing(new_run):
    run = new_run(P2_a=2.886)
    before, steps = run.parameters.values.copy(), len(run.steps)
    run.gains([["P2_a"], ["P2_c"]])
    np.testing.assert_array_equal(run.parameters.values, before)
    assert run.parameters.free_names == [n for n in run.parameters.names if n in ALWAYS]
    assert len(run.steps) == steps


# Steps.


def test_a_course_begins_with_nothing(model):
    run = StepwiseRefinement(model, Data(np.ones(ANGLES.size), np.ones(ANGLES.size)), parameters_of(model))
    with pytest.raises(RuntimeError, match="nothing has been refined yet"):
        _ = run.minimum


def test_a_step_is_recorded_with_what_it_freed_and_where_it_led(new_run):
    run = new_run(P2_a=2.886)
    run.refine("cells", ["P2_a", "P2_b", "P2_scale", "P2_inverse_size"])
    step = run.steps[-1]
    assert (step.name, step.freed, step.kept, step.reason) == ("cells", ("P2_a", "P2_size"), True, "")
    assert step.r_wp == pytest.approx(np.sqrt(run.minimum.chi_squared / run.data.norm))
    assert step.r_wp < run.steps[0].r_wp
    assert run.parameters.value("P2_a") == pytest.approx(2.886, abs=3e-4)


def test_what_pays_is_kept(new_run):
    run = new_run(P2_a=2.8854)
    before = run.minimum.chi_squared
    assert run.attempt("cells", ["P2_a", "P2_c"]) == ["P2_a", "P2_c"]
    assert run.minimum.chi_squared < before - 2 * GAIN_PER_VARIABLE
    assert {"P2_a", "P2_c"} <= set(run.parameters.free_names)
    assert (run.steps[-1].freed, run.steps[-1].kept) == (("P2_a", "P2_c"), True)


def test_what_does_not_pay_is_taken_back(new_run):
    run = new_run()
    before, chi_squared = run.parameters, run.minimum.chi_squared
    assert run.attempt("zero", ["instrument_zero"]) == []
    assert run.parameters is before
    assert run.minimum.chi_squared == chi_squared
    step = run.steps[-1]
    assert (step.freed, step.kept) == (("instrument_zero",), False)
    assert step.reason.startswith("lowers chi-squared by ")


def test_what_ends_at_its_bound_is_left_out_and_the_rest_is(new_run):
    run = new_run(P2_a=2.8854, P2_inverse_size=1 / 63, O3_inverse_size=1 / 63)
    stands = run.attempt("both", ["P2_a", "P2_microstrain"])
    assert stands == ["P2_a"]
    refused, kept = run.steps[-2:]
    assert (refused.freed, refused.kept, refused.reason) == (
        ("P2_microstrain",),
        False,
        "P2_microstrain ends at its bound",
    )
    assert (kept.freed, kept.kept) == (("P2_a",), True)
    assert run.parameters.value("P2_microstrain") == 0.0
    assert "P2_microstrain" not in run.parameters.free_names


def test_nothing_to_free_is_no_step(new_run):
    run = new_run()
    assert run.attempt("nothing", ["P2_b", "P2_gamma", "P2_scale"]) == []


def test_dropping_holds_and_refines_the_rest(new_run):
    run = new_run(freed=[*ALWAYS, "P2_a"])
    value = run.parameters.value("P2_a")
    run.hold("cell", ["P2_a"], "nobody needs it")
    assert run.parameters.free_names == [n for n in run.parameters.names if n in ALWAYS]
    assert run.parameters.value("P2_a") == value
    assert (run.steps[-1].kept, run.steps[-1].reason) == (False, "nobody needs it")


# What is let go though it does not pay.


def test_a_step_is_compared_with_the_present_minimum_under_the_same_priors(new_run):
    """Priors are weighted for the residuals of the last minimum: a fall of their penalty alone is no better fit."""
    run = new_run(P2_a=2.90)
    c = run.parameters.find("P2_c")
    run.prior_restraints = (PriorRestraint(name="P2_c", target=run.parameters.values[c] + 0.02, esd=1e-3),)
    run.parameters.lower[c] = run.parameters.upper[c] = run.parameters.values[c]  # its penalty follows the weight alone
    run.refine("c", ["P2_c"])
    run.refine("cell", ["P2_a"])
    table = run.minimum.parameters
    (prior,) = run.all_restraints
    miss = prior.row(table.values, table, table.transfer())[0]
    assert run.minimum.penalty > 2 * miss**2
    assert not run.restart("the same again", table, [])


def test_progress_hears_of_every_step(new_run):
    heard = []
    run = new_run(progress=heard.append)
    run.attempt("zero", ["instrument_zero"])
    run.refine("cells", ["P2_a"])
    assert heard == ["start", "zero", "cells"] == [step.name for step in run.steps]


def test_every_pattern_with_derivatives_is_counted(new_run):
    run = new_run()
    before = run.evaluations
    assert before >= 2
    run.gains([["P2_a"]])
    assert run.evaluations == before + 1


def weights_of(run):
    """Return how much each prior counts: its own esd over that of the restraint."""
    return {
        prior.name: own.esd / prior.esd for own, prior in zip(run.prior_restraints, run.all_restraints, strict=True)
    }


def test_a_misfit_counts_less_against_positions_and_in_the_last_step_against_displacement_factors(new_run):
    """A strain that is not refined leaves residuals in runs: weights are gof, times the factor of Berar & Lelann."""
    run = new_run(seed=3, P2_microstrain=0.004)
    run.prior_restraints = tuple(
        PriorRestraint(name=name, target=target, esd=esd)
        for name, target, esd in (
            ("P2_O1_u_iso", 0.01, 0.003),
            ("P2_O1_z", 0.09, 0.001),
            ("instrument_zero", 0.0, 0.02),
        )
    )
    gof = run.minimum.reduced_chi_squared**0.5
    serial = serial_factor((run.data.intensity - run.minimum.calculated.total) * run.data.weight)
    assert gof > 1.2
    assert serial > 1.5
    before = {"P2_O1_u_iso": gof, "P2_O1_z": gof, "instrument_zero": gof * serial}
    assert weights_of(run) == pytest.approx(before)
    run.is_last = True
    assert weights_of(run) == pytest.approx(before | {"P2_O1_u_iso": gof * serial})


def test_the_last_step_is_the_one_that_finishes(new_run):
    run = new_run()
    assert not run.is_last
    run.finish("all together")
    assert run.is_last


def test_before_a_minimum_the_weights_are_those_of_the_result_that_it_starts_from(new_run):
    run = StepwiseRefinement(new_run().model, new_run().data, new_run().parameters)
    run.first_spread, run.first_serial, run.is_last = 2.0, 3.0, True
    run.prior_restraints = (PriorRestraint(name="P2_O1_u_iso", target=0.01, esd=0.003),)
    assert weights_of(run) == pytest.approx({"P2_O1_u_iso": 6.0})


def test_a_trial_takes_the_weights_of_the_refinement_that_it_is_compared_with(new_run):
    run, other = new_run(seed=3, P2_microstrain=0.004), new_run()
    trial = StepwiseRefinement(other.model, other.data, other.parameters)
    run.is_last = True
    run.prior_restraints = trial.prior_restraints = (PriorRestraint(name="P2_O1_u_iso", target=0.01, esd=0.003),)
    trial.take_weights(run)
    assert weights_of(trial) == weights_of(run)
