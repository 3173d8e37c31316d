"""Descent: coefficients against frames that are formulas here, so that curvatures can be made as awkward as wanted."""

from types import SimpleNamespace

import numpy as np
import pytest

from layerox.series.parametric.function_forms import form_request
from layerox.series.parametric.optimise_coefficients import (
    MOST_PASSES,
    Functions,
    ParametricFrame,
    optimised_coefficients,
)

X = np.linspace(0.0, 4.0, 5)
TARGET = 3.0 + 0.5 * X


def seats_of(text):
    """Return frames with one quantity each, and the number of its coefficients."""
    functions = Functions([form_request(text, "P2_a").form(X)])
    slopes = functions.slopes(X, [(0,)] * len(X))
    return [
        ParametricFrame(alone=SimpleNamespace(inflation=1.0, active=(0,)), slopes=rows) for rows in slopes
    ], functions.size


def survey_of(chi_squared, slope, normal):
    """Return a survey of frames whose chi-squared is a function of (value - target); `normal` is what they claim."""

    def survey(members, values):
        off = [float(value[0]) - target for value, target in zip(values, TARGET, strict=True)]
        return [
            SimpleNamespace(chi_squared=chi_squared(d), force=np.array([-0.5 * slope(d)]), normal=np.array([[normal]]))
            for d in off
        ]

    return survey


def parabola(normal):
    return survey_of(lambda d: 1e4 * d**2, lambda d: 2e4 * d, 1e4 * normal)


def found(survey):
    members, size = seats_of("polynomial 1")
    return optimised_coefficients(survey, members, np.array([2.9, 0.4])[:size])


def test_a_linear_problem_is_solved_in_one_step():
    """3 + x / 2 on 0 to 4 is 4 T_0 + T_1."""
    ended = found(parabola(1.0))
    np.testing.assert_allclose(ended.coefficients, [4.0, 1.0], rtol=1e-12)
    assert (ended.passes, ended.reason) == (2, "")
    assert ended.chi_squared == pytest.approx(0.0, abs=1e-15)


@pytest.mark.parametrize("normal", [0.55, 0.8, 1.5, 3.0])
def test_steps_that_overshoot_or_fall_short_are_mixed(normal):
    """With half the curvature each step goes nearly twice as far as it should; alone it would take thirty passes."""
    ended = found(parabola(normal))
    assert ended.reason == ""
    assert ended.passes <= 5
    np.testing.assert_allclose(ended.coefficients, [4.0, 1.0], atol=1e-3)


def test_steps_that_would_run_away_are_damped():
    """With a fifth of the curvature steps land four times as far on the other side."""
    ended = found(parabola(0.2))
    assert ended.reason == ""
    np.testing.assert_allclose(ended.coefficients, [4.0, 1.0], atol=1e-3)


def test_a_valley_that_is_flat_at_its_bottom_is_reached_near_enough():
    survey = survey_of(lambda d: 1e6 * d**4, lambda d: 4e6 * d**3, 1e4)
    ended = found(survey)
    assert ended.chi_squared < 0.1


def test_forces_that_lead_nowhere_are_reported():
    """Frames that claim to pull uphill: no step lowers chi-squared, however short."""
    survey = survey_of(lambda d: 1e4 * abs(d), lambda d: -1e4 * np.sign(d), 1e4)
    ended = found(survey)
    assert "no step" in ended.reason
    assert ended.passes <= MOST_PASSES


def test_functions_stand_side_by_side():
    forms = [form_request(text, "P2_a").form(X) for text in ("polynomial 1", "constant")]
    functions = Functions(forms)
    assert functions.size == 3
    both, second = functions.slopes(X[[0, 4]], [(0, 1), (1,)])
    np.testing.assert_allclose(both, [[1, -1, 0], [0, 0, 1]])
    np.testing.assert_allclose(second, [[0, 0, 1]])
