"""Verdicts: what is told of forms that made the values, that did not, and of frames that scatter."""

from types import SimpleNamespace

import numpy as np
import pytest
from scipy.stats import chi2

from layerox.series.parametric.form_selection import LEVEL, FrameValues, fitted_forms
from layerox.series.parametric.form_tests import (
    Deviation,
    FrameForce,
    deviations,
    judged,
    together,
    without_induced_rejections,
)
from layerox.series.parametric.function_forms import form_request
from layerox.series.parametric.result import Parametric

X = np.linspace(0.0, 10.0, 40)
ESD = 1e-4


def verdict(text, truth, seed=0, scatter=0.0, x=X):
    """Return the verdict on a form for values drawn about a truth, with deviations as a single quantity has them."""
    draw = np.random.default_rng(seed)
    value = 2.9 + truth(x) + ESD * draw.standard_normal(len(x)) + scatter * draw.standard_normal(len(x))
    points = FrameValues(x=x, value=value, esd=np.full(len(x), ESD))
    points, (trial,), common = fitted_forms([form_request(text, "P2_a")], points, "P2_a")
    normal = np.array([[ESD**-2]])
    pulls = [FrameForce(active=(0,), normal=normal, force=normal[0] * r, inflation=1.0) for r in trial.residual]
    (deviation,) = deviations(pulls, [len(trial.coefficients)], [points.own])
    return judged(trial, common, points, deviation, x)


def test_the_form_that_made_the_values_is_supported():
    found = verdict("polynomial 2", lambda x: 1e-4 * x**2)
    assert found.status == "supported"
    assert found.scatter == pytest.approx(1.0, abs=0.35)
    assert found.own == 0.0
    assert "polynomial 1, is much worse" in found.text


def test_a_form_that_is_too_poor_is_rejected_with_the_better_one():
    found = verdict("polynomial 1", lambda x: 1e-4 * x**2)
    assert found.status == "rejected"
    assert found.is_rejected_by_values
    assert found.best == "polynomial 2"
    assert "a trend remains" in found.text
    assert "polynomial 2 is much better" in found.text


def test_a_form_that_is_too_rich_is_reported():
    found = verdict("spline 12", lambda x: 4e-4 * x)
    assert found.status == "richer_than_needed"
    assert found.best == "polynomial 1"


def test_frames_that_scatter_are_distinguished_from_a_wrong_form():
    found = verdict("polynomial 1", lambda x: 4e-4 * x, scatter=5e-4)
    assert found.status == "scattered"
    assert found.own == pytest.approx(5e-4, rel=0.4)
    assert found.p_scatter < LEVEL < found.p_neighbours
    assert "without a trend" in found.text


def test_branches_of_a_cycle_are_a_trend_in_the_order_of_the_frames():
    """Charge and discharge 1e-3 apart: along the axis the branches alternate, in time they do not."""
    sodium = np.concatenate([np.linspace(0.7, 0.3, 20), np.linspace(0.31, 0.69, 20)])
    apart = np.where(np.arange(40) < 20, 0.5e-3, -0.5e-3)
    found = verdict("polynomial 1", lambda x: 0.1 * x + apart, x=sodium)
    assert found.status == "rejected"
    assert found.order == "frames"
    assert "in the order of the frames" in found.text


def test_chance_rejects_rarely():
    """100 lines: at a level of 0.003 for scatter and for neighbours, and a margin of 6, one in a hundred falls."""
    found = [verdict("polynomial 1", lambda x: 4e-4 * x, seed).status for seed in range(100)]
    assert found.count("supported") >= 97


def test_without_frames_to_spare_nothing_is_tested():
    found = verdict("polynomial 2", lambda x: 0 * x, x=np.array([1.0, 2.0, 3.0]))
    assert found.status == "untested"
    assert np.isnan(found.scatter)


def test_none_is_rejected_for_what_another_function_may_have_done():
    wrong = verdict("polynomial 1", lambda x: 1e-4 * x**2)
    strained = Deviation(ratio=2.0, p=0.0, own=0.0, frames=np.arange(40), pulls=np.sin(X))
    points = FrameValues(x=X, value=np.full(40, 4.05) + ESD * np.random.default_rng(1).standard_normal(40),
                    esd=np.full(40, ESD))  # fmt: skip
    _, (trial,), common = fitted_forms([form_request("constant", "Al_a")], points, "Al_a")
    innocent = judged(trial, common, points, strained, X)
    assert innocent.status == "rejected"
    assert not innocent.is_rejected_by_values
    found = without_induced_rejections({"P2_a": wrong, "Al_a": innocent})
    assert (found["P2_a"].status, found["Al_a"].status) == ("rejected", "undecided")
    assert found["Al_a"].text.endswith("this may be the doing of P2_a")
    assert without_induced_rejections({"Al_a": innocent})["Al_a"].status == "rejected"


def test_the_test_of_all_functions_is_the_f_test():
    """With many points F times its first degrees of freedom is chi-squared."""
    found = together(60.0, 40, 1e7)
    assert found.p == pytest.approx(chi2.sf(60.0, 40), rel=1e-3)
    assert not found.is_rejected
    assert together(120.0, 40, 1e7).is_rejected
    assert together(5.0, 0, 1e7).p == 1.0


def series_of_two(seed, jitter, frames=60):
    """Return pulls of two quantities that frames confuse (correlation 0.95), the second of which jitters."""
    draw = np.random.default_rng(seed)
    normal = np.array([[1.0, 0.95], [0.95, 1.0]]) / ESD**2
    root = np.linalg.cholesky(normal)
    return [
        FrameForce(active=(0, 1), normal=normal, inflation=1.0,
             force=root @ draw.standard_normal(2) + normal @ np.array([0.0, jitter * draw.standard_normal()]))
        for _ in range(frames)
    ]  # fmt: skip


def test_a_jitter_is_given_to_the_quantity_that_jitters():
    """Seen from either quantity alone frames scatter; only one of them is the reason."""
    for seed in range(20):
        first, second = deviations(series_of_two(seed, 5 * ESD), [0, 0], [0.0, 0.0])
        assert first.own == 0.0
        assert second.own == pytest.approx(5 * ESD, rel=0.4)
        assert first.ratio == pytest.approx(1.0, abs=0.35)
        assert second.p < LEVEL


def test_without_jitter_there_is_none():
    assert [d.own for seed in range(20) for d in deviations(series_of_two(seed, 0.0), [0, 0], [0.0, 0.0])] == [0.0] * 40


def test_what_is_known_already_stays_and_need_not_be_found_again():
    """The second jitters by 5 and is known to: nothing is added; known to jitter by less, the rest is found."""
    for known in (5.0, 2.0):
        _, second = deviations(series_of_two(3, 5 * ESD), [0, 0], [0.0, known * ESD])
        assert second.own == pytest.approx(5 * ESD, rel=0.4)
    first, _ = deviations(series_of_two(3, 0.0), [0, 0], [ESD, 0.0])
    assert first.own == ESD


def test_a_quantity_that_a_bound_has_cut_pulls_at_nothing():
    pulls = [*series_of_two(1, 0.0), FrameForce(active=(1,), normal=np.zeros((1, 1)), force=np.zeros(1), inflation=1.0)]
    _, second = deviations(pulls, [0, 0], [0.0, 0.0])
    assert second.frames.tolist() == list(range(60))


def test_functions_that_are_rejected_together_are_not_trusted_whatever_scatters_of_its_own():
    """p = 0.0006 of all functions together is below the level, and a scatter of one of them does not excuse it."""
    rejected = together(75.0, 40, 1e7)
    assert rejected.p == pytest.approx(6e-4, abs=4e-4)
    assert rejected.is_rejected
    function = SimpleNamespace(verdict=SimpleNamespace(status="scattered", own=1e-4))
    found = SimpleNamespace(status="converged", functions=(function,), together=rejected)
    assert not Parametric.is_trustworthy.fget(found)
    found.together = together(40.0, 40, 1e7)
    assert Parametric.is_trustworthy.fget(found)
