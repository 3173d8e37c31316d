"""The uncertainty of weight fractions from common parameters, against the covariance with and without them."""

from dataclasses import replace

import numpy as np
import pytest

from layerox.analysis.phase_arguments import phases_from
from layerox.diffraction.minimum import Minimum
from layerox.diffraction.parameters import Parameters
from layerox.diffraction.phase import Phase
from layerox.io.pattern_writing import write_pattern
from layerox.series.common_uncertainty import common_fraction_esds, common_scale_covariance
from layerox.series.group_columns import esds_of_changes
from layerox.series.refinement import seed_refinement
from layerox.series.run import fit_series
from mixtures import mixture


def minimum_of(names, values, normal):
    table = Parameters(list(names), np.array(values, dtype=float))
    table.free(names)
    return Minimum(
        parameters=table, chi_squared=100.0, points=1000, normal_matrix=normal, at_bound=np.zeros(len(names), bool),
        patterns=(), outcome="converged", reason=None, evaluations=1,
    )  # fmt: skip


def test_it_is_what_the_covariance_gains_by_the_common_parameters():
    """Cov(s) of all variables less Cov(s) with the common ones fixed, each an inverse normal matrix."""
    rng = np.random.default_rng(1)
    root = rng.normal(size=(30, 5))
    normal = root.T @ root
    names, scales = ["s", "t", "z", "u", "w"], np.array([2.0, 5.0])
    minimum = minimum_of(names, [*scales, 0.1, 0.2, 0.3], normal)
    found = common_scale_covariance(minimum, {"z", "u"}, [{"P2": "s", "O3": "t"}])
    own = [0, 1, 4]
    gained = np.linalg.inv(normal)[:2, :2] - np.linalg.inv(normal[np.ix_(own, own)])[:2, :2]
    expected = gained / np.outer(scales, scales)
    pairs = [("P2", "P2"), ("P2", "O3"), ("O3", "P2"), ("O3", "O3")]
    assert [found[pair] for pair in pairs] == pytest.approx(expected.ravel().tolist())


def test_without_common_parameters_nothing_is_added():
    minimum = minimum_of(["s"], [1.0], np.eye(1))
    assert common_scale_covariance(minimum, {"z"}, [{"P2": "s"}]) == {}
    assert (common_fraction_esds(np.array([0.4, 0.6]), ["P2", "O3"], {}) == 0).all()


def test_a_scale_that_is_off_shifts_both_fractions_by_their_product():
    """W1 = s1 / (s1 + s2): dW1 = -dW2 = W1 W2 d ln(s1)."""
    found = common_fraction_esds(np.array([0.4, 0.6]), ["P2", "O3"], {("P2", "P2"): 0.01**2})
    assert found == pytest.approx([0.0024, 0.0024])


def test_two_scales_that_are_off_together_shift_nothing():
    together = {(one, other): 0.01**2 for one in ("P2", "O3") for other in ("P2", "O3")}
    assert common_fraction_esds(np.array([0.4, 0.6]), ["P2", "O3"], together) == pytest.approx([0.0, 0.0], abs=1e-9)


def specimen(name, shift):
    """Return a phase whose oxygen is off the library's by a fraction of c."""
    own = phases_from([name])[0].crystal
    sites = [
        replace(s, position=(*s.position[:2], s.position[2] + shift)) if s.element == "O" else s for s in own.sites
    ]
    return Phase(name=name, crystal=replace(own, sites=tuple(sites)), size_nm=100.0, microstrain=0.001)


def test_the_fractions_of_a_series_contain_it(tmp_path, monkeypatch):
    """Of five frames with one pair of oxygen coordinates; over five seeds the rms pull is 0.87, and 1.20 without it."""
    weights = (0.3, 0.4, 0.5, 0.6, 0.7)
    for k, weight in enumerate(weights):
        parts = (specimen("P2", 0.001), specimen("O3", -0.001))
        data = mixture(parts, (weight, 1 - weight), seed=k, two_theta=(12.0, 70.0, 0.04), counts=6_000.0)
        write_pattern(data, tmp_path / f"f_{k}.xye")
    found = fit_series(tmp_path, ["P2", "O3"], radiation="CuKa", glob="f_*.xye").frames
    monkeypatch.setattr(seed_refinement, "common_scale_covariance", lambda *_: {})
    alone = fit_series(tmp_path, ["P2", "O3"], radiation="CuKa", glob="f_*.xye").frames
    assert (found["P2.weight_fraction"] == alone["P2.weight_fraction"]).all()
    ratio = found["P2.weight_fraction_esd"] / alone["P2.weight_fraction_esd"]
    assert ratio.between(1.1, 2.0).all()
    # Changes from frame to frame do not contain it.
    assert esds_of_changes(found, "P2") == pytest.approx(alone["P2.weight_fraction_esd"].to_numpy(), rel=1e-3)
    pulls = (found["P2.weight_fraction"] - np.array(weights)) / found["P2.weight_fraction_esd"]
    assert pulls.abs().max() < 3
