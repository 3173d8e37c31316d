"""Parametric refinement of series whose truth is known, because the same forward model has made them."""

import json
from dataclasses import replace

import numpy as np
import pytest

from layerox.diffraction.refinement_plan import Plan
from layerox.errors import InputError
from layerox.series.parametric.form_selection import LEVEL
from layerox.series.parametric.result import parametric_text

X = np.linspace(0.0, 9.0, 10)
A, C, AL = (2.9000, 0.0015, -0.0006), (11.150, 0.010), (4.0495,)
FUNCTIONS = {"P2_a": "polynomial 2", "P2_c": "polynomial 1", "Al_a": "constant"}


def truth(jitter=0.0, seed=0):
    """Return P2's cell as sum c_k T_k(u), T_2 = 2 u^2 - 1, u from -1 to 1, and aluminium at rest."""
    u = 2.0 * (X - X[0]) / (X[-1] - X[0]) - 1.0
    wobble = jitter * np.random.default_rng(seed).standard_normal(len(X))
    a = A[0] + A[1] * u + A[2] * (2 * u**2 - 1) + wobble
    return {"P2_a": a, "P2_c": C[0] + C[1] * u, "Al_a": np.full(len(X), AL[0])}


def coefficients(found):
    return np.concatenate([function.coefficients for function in found.functions])


def pulls(found):
    """Return (coefficient - truth) / esd."""
    return (coefficients(found) - np.concatenate([A, C, AL])) / np.sqrt(np.diag(found.covariance))


@pytest.fixture(scope="module")
def series(laboratory):
    return laboratory.source(X, truth(), seed=1)


@pytest.fixture(scope="module")
def found(laboratory, series):
    return laboratory.refined(series, FUNCTIONS)


def test_the_coefficients_come_back_within_their_uncertainties(found):
    assert found.status == "converged"
    assert np.abs(pulls(found)).max() < 3
    assert [function.verdict.status for function in found.functions] == ["supported"] * 3
    assert not found.together.is_rejected
    # Ten frames, each of which had three cell lengths of its own, have six coefficients together.
    assert found.together.freedom == 30 - 6
    assert found.is_trustworthy


def test_functions_are_narrower_than_single_frames(found):
    """A constant over ten frames that were known alike: sqrt(10); more where it disentangles other quantities."""
    assert found.function("Al_a").narrower == pytest.approx(np.sqrt(10), rel=0.1)
    assert all(1.5 < function.narrower < 5 for function in found.functions)


def test_bands_are_those_of_the_coefficients(found):
    function = found.function("P2_a")
    draw = np.random.default_rng(0).multivariate_normal(function.coefficients, function.covariance, 4000)
    value, esd = function.value([0.0, 4.5, 9.0])
    curves = draw @ function.form.basis(np.array([0.0, 4.5, 9.0])).T
    np.testing.assert_allclose(curves.mean(axis=0), value, atol=0.1 * esd.max())
    # 4000 draws: 1.1 % of an uncertainty, four times that.
    np.testing.assert_allclose(curves.std(axis=0), esd, rtol=0.05)


def test_the_powers_of_a_polynomial_have_the_same_band(found):
    function = found.function("P2_a")
    centre, values, covariance = function.powers()
    row = np.array([1.0, 2.0 - centre, (2.0 - centre) ** 2])
    value, esd = function.value(2.0)
    assert row @ values == pytest.approx(value[0], abs=1e-12)
    assert row @ covariance @ row == pytest.approx(esd[0] ** 2, rel=1e-9)


def test_uncertainties_are_calibrated(laboratory):
    """16 series of 6 coefficients: the mean square pull is 1 within three of its standard deviations, sqrt(2 / 96)."""
    off = [pulls(laboratory.refined(laboratory.source(X, truth(), seed=100 + s), FUNCTIONS)) for s in range(16)]
    assert np.mean(np.square(off)) == pytest.approx(1.0, abs=0.43)
    assert np.abs(off).max() < 4


def test_frames_that_jitter_widen_the_uncertainties_of_what_jitters(laboratory):
    """a jitters by 5e-4 A, twice what a frame knows it to: the function is found all the same, with honest esds."""
    results = [laboratory.refined(laboratory.source(X, truth(5e-4, s), seed=200 + s), FUNCTIONS) for s in range(8)]
    own = np.array([[function.verdict.own for function in result.functions] for result in results])
    # Ten frames less three coefficients tell a scatter to 1 / sqrt(14) each, eight times.
    assert own[:, 0].mean() == pytest.approx(5e-4, rel=0.35)
    assert np.count_nonzero(own[:, 1:]) <= 1
    assert np.mean(np.square([pulls(result) for result in results])) == pytest.approx(1.0, abs=0.8)
    jittered = next(result for result in results if result.function("P2_a").verdict.own > 0)
    assert jittered.function("P2_a").verdict.status == "scattered"
    assert jittered.is_trustworthy


def test_a_wrong_form_is_rejected_and_stated_to_be(laboratory, series):
    found = laboratory.refined(series, {**FUNCTIONS, "P2_a": "constant"})
    assert found.function("P2_a").verdict.status == "rejected"
    assert found.together.p < LEVEL
    assert not found.is_trustworthy
    said = parametric_text(found)
    assert "P2_a = constant: rejected" in said
    assert "the functions do not describe all frames" in said
    assert "polynomial" in found.function("P2_a").verdict.best


def test_the_data_choose_among_forms_that_are_named_and_among_all(laboratory, series):
    named = {
        "P2_a": ["constant", "polynomial 1", "polynomial 2"],
        "P2_c": "automatic",
        "Al_a": ["polynomial 1", "constant"],
    }
    found = laboratory.refined(series, named)
    assert [function.form.text for function in found.functions] == ["polynomial 2", "polynomial 1", "constant"]
    assert {trial.text for trial in found.functions[0].trials} >= {"constant", "polynomial 1", "polynomial 2"}


def test_without_a_word_all_cell_lengths_are_functions(laboratory, series):
    found = laboratory.refined(series, {})
    assert [function.name for function in found.functions] == ["P2_a", "P2_c", "Al_a"]
    assert found.is_trustworthy


def test_a_jump_is_found_where_it_is(laboratory):
    jumping = truth()
    jumping["P2_c"] = np.where(X > 5.5, 11.25, 11.15)
    found = laboratory.refined(laboratory.source(X, jumping, seed=3), {"P2_c": "constant | ? | constant"})
    place, first, last = found.functions[0].trials[0].place
    assert (first, place, last) == (5.0, 5.5, 6.0)
    assert np.abs((found.functions[0].coefficients - [11.15, 11.25]) / found.functions[0].esds).max() < 3
    assert [notice.code for notice in found.warnings] == ["place_held"]


def test_a_size_is_a_function_in_nanometres(laboratory, series):
    """80 nm was put in; its uncertainty is not that of its inverse."""
    found = laboratory.refined(series, {"P2_size": "constant"})
    function = found.functions[0]
    assert 0.1 < function.esds[0] < 2.0
    assert abs(function.coefficients[0] - 80.0) < 3 * function.esds[0]


def test_a_position_can_be_a_function_too_and_its_jitter_is_found(laboratory):
    """The specimen wobbles by 0.02 mm about zero, of which each frame knows 0.004."""
    source = laboratory.source(X, truth(), seed=4, wobble=0.02)
    found = laboratory.refined(source, {**FUNCTIONS, "instrument_displacement": "constant"})
    position = found.function("instrument_displacement")
    assert position.verdict.own == pytest.approx(0.02, rel=0.5)
    assert [f.verdict.own for f in found.functions[:3]] == [0.0] * 3
    assert np.abs(pulls(replace(found, functions=found.functions[:3], covariance=found.covariance[:6, :6]))).max() < 3


def test_a_branch_that_is_too_short_is_refused(laboratory, series):
    with pytest.raises(InputError, match="13 coefficients for 10 axis values"):
        laboratory.refined(series, {"P2_a": "spline 13"})


def test_two_functions_of_one_quantity_are_refused(laboratory, series):
    with pytest.raises(InputError, match="two functions"):
        laboratory.refined(series, {"P2_size": "constant", "P2_inverse_size": "constant"})


def test_frames_that_cannot_be_refined_are_left_out_with_their_reason(laboratory, series):
    class Torn(type(series.setup.reading)):
        def pattern(self, frame):
            if frame.index == 3:
                raise InputError("is torn", place="frame_3")
            return super().pattern(frame)

    reading = Torn(patterns=series.setup.reading.patterns)
    torn = replace(series, setup=replace(series.setup, reading=reading))
    found = laboratory.refined(torn, FUNCTIONS)
    assert found.left_out == (("frame_3", "is torn"),)
    assert found.frames["frame"].tolist() == [0, 1, 2, 4, 5, 6, 7, 8, 9]
    assert "left out: frame_3: is torn" in parametric_text(found)


def test_serial_correlation_widens_where_the_recipe_states_it(laboratory, series, found):
    """Tests hold the factor always; uncertainties hold it on request."""
    plan = Plan(serial_correlation=True)
    widened = laboratory.refined(replace(series, setup=replace(series.setup, plan=plan)), FUNCTIONS)
    np.testing.assert_allclose(widened.covariance, found.serial_factor**2 * found.covariance, rtol=1e-6)


def test_the_table_holds_functions_beside_frames(found):
    table, function = found.frames, found.function("P2_a")
    value, esd = function.value(X)
    np.testing.assert_allclose(table["P2_a"], value, rtol=1e-12)
    np.testing.assert_allclose(table["P2_a_esd"], esd, rtol=1e-12)
    off = (table["P2_a_alone"] - table["P2_a"]) / table["P2_a_alone_esd"]
    np.testing.assert_allclose(table["P2_a_pull"], off)
    assert found.together.chi_squared * found.serial_factor**2 == pytest.approx(table["rise"].sum())
    assert (table["rise"] > -0.1).all()
    fractions = table[["P2.weight_fraction", "Al.weight_fraction"]].sum(axis=1)
    np.testing.assert_allclose(fractions, 1.0)
    # The reduced chi-squared of a frame, under which both stand, changes with its degrees of freedom.
    assert (table["P2.weight_fraction_esd"] < table["P2.weight_fraction_alone_esd"] * 1.01).all()


def test_the_files_hold_the_result(found):
    document = json.loads(found.to_json())
    assert document["schema"] == "layerox.parametric/1"
    function = document["functions"][0]
    assert [row["value"] for row in function["coefficients"]] == found.function("P2_a").coefficients.tolist()
    assert np.shape(document["covariance"]) == (6, 6)
    assert function["verdict"]["status"] == "supported"
    assert min(form["criterion_above_best"] for form in function["forms"]) == 0.0
    lines = found.to_csv().splitlines()
    assert len(lines) == 1 + len(X)
    assert lines[0].startswith("frame,file,x,rise,P2_a,P2_a_esd,P2_a_alone,")
    first = dict(zip(lines[0].split(","), lines[1].split(","), strict=True))
    assert float(first["P2_a"]) == pytest.approx(found.frames["P2_a"][0], rel=1e-9)


def test_a_name_that_is_none_is_answered_with_the_nearest(found):
    with pytest.raises(KeyError, match="P2_a"):
        found.function("P2_aa")
