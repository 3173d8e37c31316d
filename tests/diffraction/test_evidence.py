"""Evidence: against the exact marginal likelihood of linear models, and in fits of which the true model is known."""

import json
import math

import numpy as np
import pytest
from scipy.stats import multivariate_normal

from layerox.analysis.fit import fit
from layerox.analysis.phase_arguments import phases_from
from layerox.diffraction.evidence import DECISIVE, Evidence
from layerox.diffraction.minimum import Minimum
from layerox.diffraction.parameters import Parameters
from layerox.diffraction.phase import Phase
from layerox.results.result_folder import files_of, load, write_folder
from layerox.results.text_report import report_text
from mixtures import lowered, mixture

POINTS = 60
X = np.linspace(-1.0, 1.0, POINTS)
# Standard uncertainties of the priors of the coefficients of a polynomial.
PRIORS = np.array([2.0, 0.5, 3.0])


def minimum_of(y, count, *, scale=1.0, applied=True):
    """Return the minimum of a polynomial of `count` coefficients with priors; sigmas are one, residuals `scale`."""
    design, precision = np.vander(X, count, increasing=True), PRIORS[:count] ** -2.0 * scale**2
    normal = design.T @ design + np.diag(precision if applied else 0.0 * precision)
    values = np.linalg.solve(design.T @ design + np.diag(precision), design.T @ y)
    names = [f"c{k}" for k in range(count)]
    table = Parameters(names, values)
    table.free(names)
    return Minimum(
        parameters=table,
        chi_squared=float(((y - design @ values) ** 2).sum()),
        points=POINTS,
        normal_matrix=normal,
        at_bound=np.zeros(count, dtype=bool),
        patterns=(),
        outcome="converged",
        reason=None,
        evaluations=1,
        penalty=float((values**2 * precision).sum()),
        prior_curvature=dict(zip(names, precision, strict=True)) if applied else {},
        prior_spread=dict.fromkeys(names, scale) if applied else {},
    )


def exact(y, count):
    """Return ln of the marginal likelihood: y is normal with the covariance of noise and priors."""
    design = np.vander(X, count, increasing=True)
    return multivariate_normal(np.zeros(POINTS), np.eye(POINTS) + (design * PRIORS[:count] ** 2) @ design.T).logpdf(y)


@pytest.mark.parametrize("true", [(0.4,), (0.4, 0.3), (1.0, -0.3, 1.5)])
def test_it_is_exact_for_linear_models(true):
    rng = np.random.default_rng(1)
    y = np.vander(X, len(true), increasing=True) @ true + rng.standard_normal(POINTS)
    y *= 0.9 / np.std(y - np.vander(X, len(true), increasing=True) @ true)  # reduced chi-squared below one: s = 1
    found = [minimum_of(y, count) for count in (1, 2, 3)]
    expected = [exact(y, count) for count in (1, 2, 3)]
    logarithms = Evidence().logarithms(found)
    assert np.diff(logarithms) == pytest.approx(np.diff(expected), abs=1e-9)


def test_widths_stand_in_for_priors_that_a_refinement_does_not_have():
    """Of a scale, for example: uniform over sqrt(2 pi) times the width, close to a Gaussian prior of that width."""
    y = 0.8 * np.random.default_rng(2).standard_normal(POINTS)
    widths = {f"c{k}": float(PRIORS[k]) for k in range(3)}
    with_priors, without = (Evidence().logarithms([minimum_of(y, n) for n in (1, 3)]),
                            Evidence(widths).logarithms([minimum_of(y, n, applied=False) for n in (1, 3)]))  # fmt: skip
    assert np.diff(without) == pytest.approx(np.diff(with_priors), abs=1e-9)


def test_misfit_tempers_it():
    """Residuals of twice their sigmas are sigmas of half their size: the ratio is that of the data in true sigmas."""
    y = 0.9 * np.random.default_rng(3).standard_normal(POINTS) + 1.2 * X
    plain = Evidence().log_ratio(minimum_of(y, 2), minimum_of(y, 1))
    best = max(minimum_of(2.0 * y, 2).reduced_chi_squared, 1.0) ** 0.5
    twice = Evidence().log_ratio(minimum_of(2.0 * y, 2, scale=best), minimum_of(2.0 * y, 1, scale=best))
    assert plain > 5.0
    assert twice == pytest.approx(plain, rel=0.5)
    assert twice < 0.5 * Evidence().log_ratio(minimum_of(2.0 * y, 2), minimum_of(2.0 * y, 1)) * best**2


def crystal(name):
    return phases_from([name])[0].crystal


def compared(result):
    (found,) = result.model_comparisons
    return found


@pytest.mark.parametrize("seed", [1, 2])
def test_a_distortion_of_zero_is_not_preferred(seed):
    found = compared(fit(mixture(("P3", "P2"), (0.6, 0.4), seed=seed),
                         ["P3", ("distorted", lowered(crystal("P3"), 0.002)), "P2"]))  # fmt: skip
    assert (found.question, found.chosen) == ("phases", "P3")
    assert found.log_evidence["P3"] == 0.0
    assert found.log_evidence["distorted"] < 0.0


def test_both_of_two_phases_are_kept_by_evidence_and_written(tmp_path):
    distorted = lowered(crystal("P3"), 0.01)
    low = Phase(name="distorted", crystal=distorted, size_nm=100.0, microstrain=0.001)
    data = mixture(("P3", low, "P2"), (0.35, 0.25, 0.4), seed=3)
    result = fit(data, ["P3", ("distorted", distorted), "P2"])
    found = compared(result)
    assert found.chosen == "P3 + distorted"
    assert set(found.log_evidence) == {"P3", "distorted", "P3 + distorted"}
    assert sorted(found.log_evidence.values())[1] < -DECISIVE
    write_folder(tmp_path / "fit", files_of(result))
    document = json.loads((tmp_path / "fit" / "result.json").read_text())
    assert document["model_comparisons"][0]["chosen"] == "P3 + distorted"
    assert load(tmp_path / "fit").model_comparisons == result.model_comparisons
    line = f"{found.log_evidence['distorted']:.1f}"
    (row,) = [row for row in report_text(result).splitlines() if row.split()[:1] == ["distorted"] and line in row]
    assert row.split()[-1] == "no"


@pytest.mark.parametrize(("difference", "chosen"), [(0.0, "A"), (0.003, "A + B")])
def test_one_cell_or_two(difference, chosen):
    own = crystal("P2")
    a, b, c, *angles = own.cell
    other = own.with_cell((a * (1 + difference), b * (1 + difference), c * (1 - difference), *angles))
    made = [Phase(name=n, crystal=x, size_nm=120.0, microstrain=0.0005) for n, x in (("A", own), ("B", other))]
    data = mixture((*made, "O3"), (0.4, 0.2, 0.4), seed=4, counts=10_000.0)
    found = compared(fit(data, [("A", own), ("B", own), "O3"]))
    assert found.question == "cells"
    best = max(found.log_evidence, key=lambda name: found.log_evidence[name])
    assert len(best.split(" + ")) == len(chosen.split(" + ")) == len(found.chosen.split(" + "))
    assert math.isclose(max(found.log_evidence.values()), 0.0)
