"""The tree search: right sets, none for foreign phases, alike candidates, and probabilities."""

from dataclasses import replace

import pytest

import layerox as lx
from foreign_crystals import FOREIGN
from layerox.analysis.beam_setup import Beam
from layerox.analysis.identify import candidates_from
from layerox.analysis.phase_arguments import phases_from
from layerox.diffraction.candidate_search import Candidate
from layerox.diffraction.identification import find_phases, probability
from layerox.diffraction.phase import Phase

FEW = ("P2", "P3", "O3", "O1", "spinel", "NiO", "Na2CO3")


def simulated(phases, weights, seed=5):
    return lx.simulate(phases, weights=weights, radiation="CuKa", two_theta=(12, 85, 0.03), counts=8000,
                       background=[150.0], seed=seed).pattern  # fmt: skip


def groups_of(pattern, candidates):
    known, beam = Beam().resolve(pattern)
    found = find_phases(pattern, candidates, known, beam)
    return [candidates[row.index].group for row in found.members], found


@pytest.fixture(scope="module")
def candidates():
    return candidates_from(list(FEW))


def test_a_mixture_with_five_percent_of_an_impurity(candidates):
    pattern = simulated(["P2", "O3", "NiO"], [0.6, 0.35, 0.05])
    groups, found = groups_of(pattern, candidates)
    assert sorted(groups) == ["NiO", "O3", "P2"]
    assert all(row.probability > 0.9 for row in found.members)
    assert sum(row.share for row in found.members) == pytest.approx(1.0)
    assert [row.share for row in found.members] == sorted((row.share for row in found.members), reverse=True)
    assert all(row.probability < 0.5 for row in found.others)
    assert len(found.others) == len({candidate.group for candidate in candidates}) - 3


@pytest.mark.parametrize("name", ["corundum", "rutile", "fluorite"])
def test_none_for_a_foreign_phase(candidates, name):
    pattern = simulated([Phase(name=name, crystal=FOREIGN[name])], [1.0])
    groups, found = groups_of(pattern, candidates)
    assert groups == []
    assert found.best.members == ()


def test_the_order_of_the_candidates_does_not_matter(candidates):
    pattern = simulated(["P3", "spinel"], [0.7, 0.3])
    one, other = groups_of(pattern, candidates), groups_of(pattern, candidates[::-1])
    assert sorted(one[0]) == sorted(other[0]) == ["P3", "spinel"]
    gains = [sorted(row.gain for row in found.members) for _, found in (one, other)]
    assert gains[0] == pytest.approx(gains[1], rel=1e-3)


def test_an_undistorted_p3_is_alike_to_its_monoclinic_form_and_shown_as_p3():
    """P'3 with the metric of P3 describes the pattern of P3 as well."""
    pattern = simulated(["P3"], [1.0])
    groups, found = groups_of(pattern, candidates_from(["Pp3", "P3", "O3", "P2"]))
    assert groups == ["P3"]
    assert found.alike == (("P3", "Pp3"),)


def test_versions_of_one_phase_are_reported_once(candidates):
    (phase,) = phases_from(["P2"])
    twins = [Candidate(phase=replace(phase, name=f"P2_{k}"), group="P2") for k in range(3)]
    groups, _ = groups_of(simulated(["P2"], [1.0]), [*twins, *(c for c in candidates if c.group == "O3")])
    assert groups == ["P2"]


def test_probabilities_rise_with_gain_and_match_and_need_more_where_the_set_is_incomplete():
    assert probability(0.5, 1.0, 0.0) == 0.0
    assert probability(400.0, 0.98, -0.1) > 0.9
    assert probability(60.0, 0.95, -0.1) > 0.5 > probability(60.0, 0.95, 1.0)
    assert probability(100.0, 0.95, 1.0) > probability(100.0, 0.5, 1.0)
