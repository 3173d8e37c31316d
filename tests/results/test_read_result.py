"""result.json: the contract's names, no infinities, and the same refinement read back."""

import json
import math
from dataclasses import replace

import numpy as np
import pytest

from layerox.errors import InputError
from layerox.results.read_result import refinement_from_document
from layerox.results.result_folder import files_of, load, write_folder

REFINED = {"value", "esd", "status"}


@pytest.fixture(scope="module")
def document(refinement):
    return json.loads(refinement.to_json())


def test_r_wp_is_of_the_data_alone(refinement, document):
    """By its definition from the curves; the priors' part of what is minimised is stated beside it."""
    observed, sigma = refinement.pattern.intensity, refinement.pattern.sigma
    misses = ((observed - refinement.calculated) / sigma) ** 2
    assert document["agreement"]["r_wp"] == pytest.approx((misses.sum() / ((observed / sigma) ** 2).sum()) ** 0.5)
    assert document["penalty"] == refinement.penalty > 0


def test_names_of_the_contract(document):
    assert document["schema"] == "layerox.fit/1"
    assert set(document["agreement"]) == {
        "r_wp", "r_p", "r_exp", "gof", "durbin_watson", "points", "free_parameters"
    }  # fmt: skip
    assert {"status", "reason", "pattern", "radiation", "phases", "parameters", "correlations", "warnings", "cpu_s",
            "version"} <= set(document)  # fmt: skip
    phase = document["phases"][0]
    assert {"name", "space_group", "formula", "weight_fraction", "intensity_share", "support_sigma", "r_bragg", "cell",
            "size_nm", "microstrain", "preferred_orientation", "sites"} <= set(phase)  # fmt: skip
    assert set(phase["cell"]) == {"a", "b", "c", "alpha", "beta", "gamma", "volume"}
    assert set(phase["sites"][0]) == {"label", "species", "x", "y", "z", "occupancy", "u_iso"}
    assert set(document["parameters"][0]) == {"name", *REFINED, "min", "max", "expr"}
    assert set(document["correlations"][0]) == {"a", "b", "value"}
    assert set(document["warnings"][0]) == {"code", "message"}


def test_every_refined_number_has_value_esd_and_status(document):
    for phase in document["phases"]:
        assert {*phase["weight_fraction"]} - {"esd_model"} == REFINED
        numbers = [phase["size_nm"], phase["microstrain"], *phase["cell"].values()]
        numbers += [site[key] for site in phase["sites"] for key in ("x", "y", "z", "occupancy", "u_iso")]
        assert all(set(number) - {"esd_model"} == REFINED for number in numbers)


def test_statuses(document, refinement):
    numbers = {row["name"]: row for row in document["parameters"]}
    assert numbers["Pp2_like_a"]["status"] == "free"
    assert numbers["Pp2_like_b"]["status"] == "tied"
    assert numbers["Pp2_like_b"]["value"] == numbers["Pp2_like_a"]["value"]
    assert numbers["Pp2_like_gamma"]["status"] == "fixed"
    assert numbers["Pp2_like_gamma"]["esd"] == 0
    assert numbers["zincite_scale"]["status"] == "unsupported"
    assert document["phases"][2]["weight_fraction"]["status"] == "unsupported"
    assert document["phases"][2]["r_bragg"] is None
    assert math.isclose(sum(p["weight_fraction"]["value"] for p in document["phases"]), 1.0)


def test_sizes_stand_in_nm_with_their_bounds(document):
    row = next(row for row in document["parameters"] if row["name"] == "Pp2_like_size")
    assert row["min"] <= row["value"] <= row["max"]
    assert document["phases"][0]["size_nm"]["value"] == row["value"]
    assert not any(row["name"].endswith("inverse_size") for row in document["parameters"])


def test_agreement_is_in_fractions(document, refinement):
    pattern = refinement.pattern
    weight = 1 / pattern.sigma**2
    # R_wp by its definition (Toby 2006), from the curves of the result.
    residual = (weight * refinement.difference**2).sum() / (weight * pattern.intensity**2).sum()
    assert document["agreement"]["r_wp"] == pytest.approx(math.sqrt(residual))


def test_correlations_are_those_of_the_covariance(document, refinement):
    names = list(refinement.free_names)
    strongest = document["correlations"][0]
    i, j = names.index(strongest["a"]), names.index(strongest["b"])
    cov = refinement.covariance
    assert strongest["value"] == pytest.approx(cov[i, j] / math.sqrt(cov[i, i] * cov[j, j]))


def test_esds_are_those_of_the_covariance(refinement):
    esds = dict(zip(refinement.free_names, np.sqrt(np.diag(refinement.covariance)), strict=True))
    assert refinement.phase("O3").cell["c"].esd == pytest.approx(esds["O3_c"])
    assert refinement.phase("O3").size_nm.esd == pytest.approx(esds["O3_size"])


def test_convergence_and_excluded_regions(refinement, document):
    assert document["convergence"] == {"largest_shift_over_su": refinement.largest_shift}
    assert 0 <= refinement.largest_shift < 0.01
    assert document["pattern"]["excluded"] == []


def test_excluded_regions_come_back(refinement, tmp_path):
    # Region and fit are made apart here: what is tested is only that the regions are kept.
    pattern = replace(refinement.pattern, excluded=((30.0, 31.0), (40.5, 41.0)))
    write_folder(tmp_path, files_of(replace(refinement, pattern=pattern)))
    assert load(tmp_path).pattern.excluded == pattern.excluded


def test_results_of_before_are_read(refinement, document):
    old = {key: value for key, value in document.items() if key != "convergence"}
    old["pattern"] = {key: value for key, value in document["pattern"].items() if key != "excluded"}
    curves = {"two_theta": refinement.pattern.two_theta, "observed": refinement.pattern.intensity,
              "sigma": refinement.pattern.sigma, "calculated": refinement.calculated,
              "background": refinement.background}  # fmt: skip
    curves |= {p.name: row for p, row in zip(refinement.phases, refinement.contributions, strict=True)}
    again = refinement_from_document(old, curves)
    assert again.largest_shift is None
    assert again.pattern.excluded == ()


def test_read_back(refinement, tmp_path):
    write_folder(tmp_path / "out", files_of(refinement))
    for path in (tmp_path / "out", tmp_path / "out" / "result.json"):
        again = load(path)
        assert json.loads(again.to_json()) == json.loads(refinement.to_json())
        assert np.allclose(again.calculated, refinement.calculated, rtol=1e-7)
        assert np.allclose(again.contributions, refinement.contributions, rtol=1e-7, atol=1e-6)
        assert again.phase("O3").crystal.space_group == "R-3m"


def test_a_loaded_result_starts_the_next_fit(refinement, tmp_path):
    from layerox.analysis.fit import fit

    write_folder(tmp_path, files_of(refinement))
    again = fit(refinement.pattern, start=load(tmp_path))
    expected = refinement.weight_fractions["O3"]
    assert again.weight_fractions["O3"] == pytest.approx(expected, abs=1e-5)
    assert again.weight_fractions["zincite"].status == "unsupported"


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (None, "cannot be read"),
        ("{", "is not JSON"),
        ("[]", "not the result of a fit"),
        ('{"schema": 1}', "not the res"),
    ],
)
def test_what_is_no_result(tmp_path, content, message):
    path = tmp_path / "result.json"
    if content is not None:
        path.write_text(content)
    with pytest.raises(InputError, match=message):
        load(path)


def test_result_without_its_curves(refinement, tmp_path):
    write_folder(tmp_path, files_of(refinement))
    (tmp_path / "fit.csv").unlink()
    with pytest.raises(InputError, match=r"fit.csv: no such file; keep fit.csv in the folder of result.json"):
        load(tmp_path)


def test_a_result_writes_its_own_json(refinement):
    assert files_of(refinement)["result.json"].decode() == refinement.to_json()


def test_a_result_is_short_at_a_prompt_and_a_table_in_a_notebook(refinement):
    text = repr(refinement)
    assert len(text) < 200
    assert f"R_wp {100 * refinement.agreement.r_wp:.2f} %" in text
    assert f"O3 {100 * refinement.weight_fractions['O3']:.1f}"[:5] in text
    table = refinement._repr_html_()
    assert table.count("<tr>") == 1 + len(refinement.phases)
    assert "P&#x27;2 like" in table
    assert "unsupported" in table


def test_an_unknown_phase_is_answered_with_the_nearest(refinement):
    for kind in (InputError, KeyError):
        with pytest.raises(kind) as caught:
            refinement.phase("O2")
        assert str(caught.value) == "there is no phase 'O2'; did you mean 'O3'?"
