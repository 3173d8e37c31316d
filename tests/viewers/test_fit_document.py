"""The data of one pattern: the curves of the result, and reflections with the indices that they have."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

import layerox as lx
from layerox.viewers import fit_document as module
from layerox.viewers.arrays import decoded_array, json_in_page
from layerox.viewers.fit_document import fit_document, reflection_row, simulation_document

PATTERNS = Path(__file__).parents[2] / "patterns"


@pytest.fixture(scope="module")
def result():
    return lx.fit(PATTERNS / "p2_o3.xye", ["P2", "O3"])


def test_the_curves_are_those_of_the_result(result):
    document = fit_document(result)
    curves = {"observed": result.pattern.intensity, "sigma": result.pattern.sigma, "calculated": result.calculated,
              "background": result.background}  # fmt: skip
    for name, curve in curves.items():
        assert decoded_array(document[name]) == pytest.approx(curve, rel=1e-6)
    for phase, curve in zip(document["phases"], result.contributions, strict=True):
        assert decoded_array(phase["curve"]) == pytest.approx(curve, rel=1e-6, abs=1e-6)
    assert decoded_array(document["two_theta"]) == pytest.approx(result.pattern.two_theta, abs=1e-6)
    assert document["unit"] == "counts"
    assert document["title"].startswith(f"R_wp {100 * result.agreement.r_wp:.2f} %")


def test_reflections_stand_where_the_result_has_them(result):
    for phase in result.phases:
        angles, hkl = reflection_row(result, phase)
        assert angles == pytest.approx(np.sort(phase.ticks), abs=1e-4)
        assert hkl.shape == (len(angles), 3)


def test_displaced_phases_have_displaced_reflections(result):
    """Of a flat specimen, -2 s cos(theta) / R radian (Bragg-Brentano)."""
    instrument = replace(result.instrument, displacement_mm=result.instrument.displacement_mm + 0.1)
    before, _ = reflection_row(result, result.phases[0])
    after, _ = reflection_row(replace(result, instrument=instrument), result.phases[0])
    theta = np.radians(before / 2)
    expected = -np.degrees(2 * 0.1 * np.cos(theta) / instrument.radius_mm)
    assert (after - before)[:10] == pytest.approx(expected[:10], rel=1e-3)


def test_indices_are_those_of_the_structure(result):
    """P63/mmc: 002 is the first reflection, at 2 asin(lambda / c); R-3m: 003, at 2 asin(3 lambda / 2 c)."""
    first = {}
    for phase in fit_document(result)["phases"]:
        first[phase["name"]] = decoded_array(phase["hkl"])[0].tolist()
    assert first == {"P2": [0, 0, 2], "O3": [0, 0, 3]}


def test_unsupported_phases_are_left_out():
    document = fit_document(lx.fit(PATTERNS / "p2_o3.xye", ["P2", "O3", "spinel"]))
    assert [phase["name"] for phase in document["phases"]] == ["P2", "O3"]


def test_disordered_phases_have_ticks_without_indices():
    pattern = lx.simulate(["P2~O2:0.3"], radiation="CuKa", two_theta=(12, 60, 0.04), counts=20_000, seed=1,
                          background=[200.0])  # fmt: skip
    result = lx.fit(pattern, ["P2~O2:0.3"])
    (phase,) = fit_document(result)["phases"]
    assert phase["hkl"] is None
    assert len(decoded_array(phase["ticks"])) == len(result.phases[0].ticks)


def test_long_patterns_are_averaged(result, monkeypatch):
    monkeypatch.setattr(module, "MOST_POINTS", 1000)
    document = fit_document(result)
    assert document["averaged"] == 5
    means = result.pattern.intensity[:4000].reshape(-1, 5).mean(axis=1)
    assert decoded_array(document["observed"]) == pytest.approx(means, rel=1e-6)
    variances = (result.pattern.sigma[:4000] ** 2).reshape(-1, 5).sum(axis=1)
    assert decoded_array(document["sigma"]) == pytest.approx(np.sqrt(variances) / 5, rel=1e-6)  # of a mean of five


def test_a_simulation_has_its_reflections():
    made = lx.simulate(["P2", "O3"], weights=[0.5, 0.5], radiation="CuKa")
    document = simulation_document(made)
    assert document["observed"] is None
    for phase in document["phases"]:
        own = sorted(r.two_theta for r in made.reflections if r.phase == phase["name"])
        assert decoded_array(phase["ticks"]) == pytest.approx(own, abs=1e-5)
    assert len(json_in_page(document)) < 200_000


def test_the_data_of_a_fit_are_small(result):
    """Six curves of 4,001 points of four bytes each, in base64, and two lists of reflections."""
    assert len(json_in_page(fit_document(result))) < 6 * 4001 * 4 * 4 / 3 + 20_000
