"""Two similar phases of which one fits alone: the result states how their weight may be divided.

The patterns are made with the forward model of the program from true values that stand here.
"""

import json
from dataclasses import replace

import numpy as np
import pytest

from layerox.analysis.fit import fit
from layerox.analysis.phase_arguments import phases_from
from layerox.diffraction.minimum import Minimum
from layerox.diffraction.model_setup import AlikePhases
from layerox.diffraction.phase import Phase
from layerox.diffraction.represented_phases import RepresentedPhases
from layerox.diffraction.weight_division import LEAST_SHARE, DivisionTrials
from layerox.results.result_folder import files_of, load, write_folder
from layerox.results.text_report import report_text
from mixtures import lowered, mixture


def crystal(name):
    return phases_from([name])[0].crystal


def distorted_pattern(name, distortion, weights, seed):
    """Return a pattern of a phase, the same one with another a / b, and P2, and the phases as they are offered."""
    other = Phase(name="true", crystal=lowered(crystal(name), distortion), size_nm=100.0, microstrain=0.001)
    parts = [(part, w) for part, w in zip((name, other, "P2"), weights, strict=True) if w]
    data = mixture([part for part, _ in parts], [w for _, w in parts], seed=seed)
    return data, [name, ("distorted", lowered(crystal(name), distortion)), "P2"]


@pytest.mark.parametrize(
    ("name", "distortion", "weights"),
    [
        ("O3", 0.002, (0.3, 0.3, 0.4)),  # the distorted phase alone fits as well: the other one was 0.0(3) wt%
        ("O3", 0.001, (0.1, 0.5, 0.4)),
        ("O3", 0.004, (0.0, 0.6, 0.4)),
        ("P3", 0.004, (0.1, 0.5, 0.4)),
    ],
)
@pytest.mark.parametrize("seed", [3, 4])
def test_what_one_phase_takes_of_the_other_is_stated(name, distortion, weights, seed):
    data, offered = distorted_pattern(name, distortion, weights, seed)
    result = fit(data, offered)
    true = dict(zip((name, "distorted"), weights[:2], strict=True))
    if not result.groups:  # both are found
        for phase, weight in true.items():
            found = result.weight_fractions[phase]
            assert float(found) == pytest.approx(weight, abs=4 * found.esd)
        return
    (group,) = result.groups
    assert set(group.members) == set(true)
    assert float(group.weight_fraction) == pytest.approx(0.6, abs=4 * group.weight_fraction.esd)
    for phase, weight in true.items():
        found, (low, high) = result.weight_fractions[phase], group.ranges[phase]
        assert found.status == "alike"
        assert abs(float(found) - weight) <= found.esd
        assert low - 4 * group.weight_fraction.esd <= weight <= high + 4 * group.weight_fraction.esd


def test_a_division_that_the_pattern_leaves_open_is_stated_in_words_and_files(tmp_path):
    data, offered = distorted_pattern("O3", 0.002, (0.1, 0.5, 0.4), 3)
    result = fit(data, offered)
    (group,) = result.groups
    assert group.members == ("distorted", "O3")  # O3 alone does not fit
    assert 0.3 < group.reach < 0.6
    (warning,) = [w.message for w in result.warnings if w.code == "alike"]
    assert "it leaves open how their weight is divided: O3 may have 0 to" in warning
    assert f"O3 0 to {100 * group.reach:.2g}" in report_text(result)
    write_folder(tmp_path / "fit", files_of(result))
    document = json.loads((tmp_path / "fit" / "result.json").read_text())
    assert document["groups"][0]["ranges"]["O3"] == [0.0, group.reach]
    assert load(tmp_path / "fit").groups == result.groups


@pytest.mark.parametrize("name", ["O3", "P3"])
def test_a_distortion_that_splits_the_lines_leaves_no_division_open(name):
    """a / b 2 % off: lines split by some 0.6 degrees, four times their width."""
    data, offered = distorted_pattern(name, 0.02, (0.0, 0.6, 0.4), 5)
    result = fit(data, offered)
    assert result.groups == ()
    assert result.weight_fractions[name].status == "unsupported"


def test_groups_have_what_their_members_can_have_together():
    found = RepresentedPhases()
    pair = AlikePhases(members=("A", "B"), spread=0.01, threshold=10.0, change=3.0, reach=0.1)
    found.add(pair)
    found.add(replace(pair, members=("A", "C"), reach=0.2))
    assert "C" in found
    assert "A" not in found
    found.replace("A", "D")
    (group,) = found.groups(())
    assert group.members == ("D", "B", "C")
    assert group.reach == pytest.approx(0.3)
    assert not group.is_exchangeable
    assert list(found.groups({"D"})) == []


class Profile(DivisionTrials):
    """Trials with a given chi-squared for each share, in place of refinements."""

    def _divided(self, tried, share):
        return share

    def _total(self, minimum):
        return 0.5


def profile(chi_squared, present=1000.0):
    def at(value):
        return Minimum(
            parameters=None, chi_squared=value, points=1000, normal_matrix=np.eye(1), at_bound=np.zeros(1, bool),
            patterns=(), outcome="converged", reason=None, evaluations=1,
        )  # fmt: skip

    shares = []

    def refined(share):
        shares.append(share)
        return at(chi_squared(share))

    return Profile(None, 0, 1, at(present), at(present + 1e4), refined).perform(), shares


@pytest.mark.parametrize(
    ("chi_squared", "share"),
    [
        (lambda f: 1000.0, 1.0),  # flat
        (lambda f: 1000.0 if f < 0.6 else 1100.0, 0.625),  # the first share refused
        (lambda f: 1000.0 + 40.0 * f, 0.3125),  # open where it rises by less than 10
        (lambda f: 900.0 + 4000.0 * (f - 0.5) ** 2, 0.5625),  # a minimum between: within 10 of the lowest
        (lambda f: 1000.0 + 4000.0 * f**2, 0.0),  # a share of an eighth is refused
    ],
)
def test_the_largest_open_share_is_found_by_bisection(chi_squared, share):
    found, tried = profile(chi_squared)
    assert found.share == share
    assert len(tried) <= 4


def test_phases_that_differ_cost_one_refinement():
    found, tried = profile(lambda f: 1000.0 + 1e5 * f**3)
    assert found.share == 0.0
    assert tried == [0.5]
    assert found.excess == pytest.approx(1e5 * LEAST_SHARE**3 / 10.0, rel=2e-3)
