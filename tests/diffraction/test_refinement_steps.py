"""A refinement under way: what the score test promises is what a refinement brings, and what does not pay is taken
back."""

import numpy as np
import pytest

from layerox.diffraction.constraints import parameters_of
from layerox.diffraction.least_squares import Data, minimise
from layerox.diffraction.model import Model
from layerox.diffraction.phase import Phase
from layerox.diffraction.refinement_steps import WORTH, Course
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
def course_of(model):
    """Return a function that starts a course on a noisy pattern of changed values, after a first refinement."""

    def course_of(seed=1, freed=ALWAYS, progress=None, **truth):
        values = model.start
        values[model.background_block] = [200.0, -60.0, 0, 0, 0, 0]
        for name, value in truth.items():
            values[model.names.index(name)] = value
        counts = np.random.default_rng(seed).poisson(model.calculated(values).total).astype(float)
        table = parameters_of(model)
        table.assign("background_0", 200.0)
        course = Course(model, Data(counts, 1 / np.sqrt(np.maximum(counts, 1))), table, progress)
        course.refine("start", freed)
        return course

    return course_of


def fall(course, names):
    """Return by how much chi-squared really falls when quantities are let go, in units of its reduced value."""
    trial = course.parameters.copy()
    trial.free(names)
    found = minimise(course.model, course.data, trial)
    return (course.minimum.chi_squared - found.chi_squared) / max(course.minimum.reduced_chi_squared, 1.0)


# The score test.


def test_for_linear_quantities_the_promise_is_exact(course_of):
    course = course_of(background_2=8.0, background_4=-3.0)
    groups = [["background_2"], ["background_4"], ["background_2", "background_3", "background_4"], ["background_5"]]
    gains = course.gains(groups)
    for group, gain in zip(groups, gains, strict=True):
        assert gain == pytest.approx(fall(course, group), rel=0.02, abs=0.1), group


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
def test_for_other_quantities_it_is_near(course_of, group, truth):
    course = course_of(**truth)
    (gain,) = course.gains([group])
    real = fall(course, group)
    assert real > 2 * WORTH
    assert gain == pytest.approx(real, rel=0.3)


def test_without_a_cause_there_is_little_to_gain(course_of):
    course = course_of()
    gains = course.gains([["P2_a"], ["O3_c"], ["instrument_zero"], ["P2_O1_z"], ["background_5"]])
    # chi^2 of one degree of freedom: 10.8 is exceeded once in a thousand.
    assert all(0 <= gain < 10.8 for gain in gains)


def test_a_bound_that_a_quantity_stands_at_is_no_gain(course_of):
    # Narrower than the model can be: less microstrain than none would pay.
    course = course_of(P2_inverse_size=1 / 70, O3_inverse_size=1 / 70)
    assert course.gains([["P2_microstrain"]]) == [0.0]
    wider = course_of(P2_microstrain=0.0005)
    assert wider.gains([["P2_microstrain"]])[0] > WORTH


def test_groups_without_anything_new_gain_nothing(course_of):
    course = course_of()
    assert course.gains([[], ["P2_scale"], ["P2_b"], ["P2_gamma"]]) == [0.0, 0.0, 0.0, 0.0]


def test_what_the_present_variables_could_still_gain_does_not_count(course_of):
    course = course_of()
    before = course.gains([["background_5"], ["P2_microstrain"]])
    course.parameters.assign("P2_scale", 1.02 * course.parameters.value("P2_scale"))
    assert course.gains([["background_5"], ["P2_microstrain"]]) == pytest.approx(before, abs=1.0)


def test_asking_changes_nothing(course_of):
    course = course_of(P2_a=2.886)
    before, steps = course.parameters.values.copy(), len(course.steps)
    course.gains([["P2_a"], ["P2_c"]])
    np.testing.assert_array_equal(course.parameters.values, before)
    assert course.parameters.free_names == [n for n in course.parameters.names if n in ALWAYS]
    assert len(course.steps) == steps


# Steps.


def test_a_course_begins_with_nothing(model):
    course = Course(model, Data(np.ones(ANGLES.size), np.ones(ANGLES.size)), parameters_of(model))
    with pytest.raises(RuntimeError, match="nothing has been refined yet"):
        _ = course.minimum


def test_a_step_is_recorded_with_what_it_freed_and_where_it_led(course_of):
    course = course_of(P2_a=2.886)
    course.refine("cells", ["P2_a", "P2_b", "P2_scale", "P2_inverse_size"])
    step = course.steps[-1]
    assert (step.name, step.freed, step.kept, step.reason) == ("cells", ("P2_a", "P2_size"), True, "")
    assert step.r_wp == pytest.approx(np.sqrt(course.minimum.chi_squared / course.data.norm))
    assert step.r_wp < course.steps[0].r_wp
    assert course.parameters.value("P2_a") == pytest.approx(2.886, abs=3e-4)


def test_what_pays_is_kept(course_of):
    course = course_of(P2_a=2.8854)
    before = course.minimum.chi_squared
    assert course.attempt("cells", ["P2_a", "P2_c"]) == ["P2_a", "P2_c"]
    assert course.minimum.chi_squared < before - 2 * WORTH
    assert {"P2_a", "P2_c"} <= set(course.parameters.free_names)
    assert (course.steps[-1].freed, course.steps[-1].kept) == (("P2_a", "P2_c"), True)


def test_what_does_not_pay_is_taken_back(course_of):
    course = course_of()
    before, chi_squared = course.parameters, course.minimum.chi_squared
    assert course.attempt("zero", ["instrument_zero"]) == []
    assert course.parameters is before
    assert course.minimum.chi_squared == chi_squared
    step = course.steps[-1]
    assert (step.freed, step.kept) == (("instrument_zero",), False)
    assert step.reason.startswith("lowers chi-squared by ")


def test_what_ends_at_its_bound_is_left_out_and_the_rest_stands(course_of):
    course = course_of(P2_a=2.8854, P2_inverse_size=1 / 63, O3_inverse_size=1 / 63)
    stands = course.attempt("both", ["P2_a", "P2_microstrain"])
    assert stands == ["P2_a"]
    refused, kept = course.steps[-2:]
    assert (refused.freed, refused.kept, refused.reason) == (
        ("P2_microstrain",),
        False,
        "P2_microstrain ends at its bound",
    )
    assert (kept.freed, kept.kept) == (("P2_a",), True)
    assert course.parameters.value("P2_microstrain") == 0.0
    assert "P2_microstrain" not in course.parameters.free_names


def test_what_the_gate_refuses_is_left_out(course_of):
    course = course_of(P2_a=2.8854)

    def gate(found, name):
        return "is not wanted" if name == "P2_c" else ""

    assert course.attempt("cells", ["P2_a", "P2_c"], gate) == ["P2_a"]
    assert course.steps[-2].reason == "P2_c is not wanted"
    assert course.parameters.value("P2_c") == 11.155


def test_nothing_stands_when_all_is_refused(course_of):
    course = course_of(P2_a=2.8854)
    before = course.parameters
    assert course.attempt("cells", ["P2_a"], lambda found, name: "is not wanted") == []
    assert course.parameters is before


def test_nothing_to_let_go_is_no_step(course_of):
    course = course_of()
    assert course.attempt("nothing", ["P2_b", "P2_gamma", "P2_scale"]) == []


def test_a_better_explanation_takes_the_place_of_another(course_of):
    course = course_of(freed=[*ALWAYS, "P2_a", "P2_c", "instrument_zero"], instrument_displacement=0.08)
    before = course.minimum.chi_squared
    difference = course.exchange("displacement", "instrument_zero", "instrument_displacement", 0.05)
    assert course.minimum.chi_squared < before
    assert difference > WORTH
    assert "instrument_displacement" in course.parameters.free_names
    assert "instrument_zero" not in course.parameters.free_names
    assert course.parameters.value("instrument_zero") == 0.0
    assert course.parameters.value("instrument_displacement") == pytest.approx(0.08, abs=0.01)
    step = course.steps[-1]
    assert (step.freed, step.kept) == (("instrument_displacement",), True)
    assert step.reason.endswith(" lower than with instrument_zero")


def test_a_worse_explanation_does_not(course_of):
    course = course_of(freed=[*ALWAYS, "P2_a", "P2_c", "instrument_zero"], instrument_zero=0.05)
    before = course.parameters
    difference = course.exchange("displacement", "instrument_zero", "instrument_displacement", -0.05)
    assert difference > WORTH
    assert course.parameters is before
    assert (course.steps[-1].freed, course.steps[-1].kept) == (("instrument_displacement",), False)
    assert course.steps[-1].reason.endswith(" higher than with instrument_zero")


def test_dropping_holds_and_refines_the_rest(course_of):
    course = course_of(freed=[*ALWAYS, "P2_a"])
    value = course.parameters.value("P2_a")
    course.drop("cell", ["P2_a"], "nobody needs it")
    assert course.parameters.free_names == [n for n in course.parameters.names if n in ALWAYS]
    assert course.parameters.value("P2_a") == value
    assert (course.steps[-1].kept, course.steps[-1].reason) == (False, "nobody needs it")


# What is let go though it does not pay.


def test_what_is_admitted_stands_though_it_does_not_pay(course_of):
    course = course_of()
    course.admit("texture", ["P2_preferred_orientation"])
    found = course.minimum
    assert "P2_preferred_orientation" in course.parameters.free_names
    assert abs(found.parameters.value("P2_preferred_orientation") - 1.0) < 4 * found.esd("P2_preferred_orientation")
    assert (course.steps[-1].freed, course.steps[-1].kept) == (("P2_preferred_orientation",), True)


def test_what_is_admitted_does_not_stand_at_its_bound(course_of):
    course = course_of(P2_inverse_size=1 / 65)  # peaks narrower than at 60 nm: a microstrain would have to be negative
    course.admit("both", ["P2_microstrain", "P2_a"])
    assert [(step.freed, step.kept) for step in course.steps[-2:]] == [(("P2_microstrain",), False), (("P2_a",), True)]
    assert course.parameters.value("P2_microstrain") == 0.0
    assert "P2_a" in course.parameters.free_names


def test_foreseen_uncertainties_are_those_of_the_refinement(course_of):
    course = course_of()
    names = ["P2_preferred_orientation", "P2_a", "O3_c"]
    foreseen = course.foreseen_esds(names)
    course.refine("all of them", names)
    assert foreseen == pytest.approx([course.minimum.esd(name) for name in names], rel=0.02)
    assert course.foreseen_esds(["O3_b"]) == [np.inf]  # follows a


def test_progress_hears_of_every_step(course_of):
    heard = []
    course = course_of(progress=heard.append)
    course.attempt("zero", ["instrument_zero"])
    course.refine("cells", ["P2_a"])
    assert heard == ["start", "zero", "cells"] == [step.name for step in course.steps]


def test_every_pattern_with_derivatives_is_counted(course_of):
    course = course_of()
    before = course.evaluations
    assert before >= 2
    course.gains([["P2_a"]])
    assert course.evaluations == before + 1
