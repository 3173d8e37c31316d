"""Two cells of a phase that is listed once: found where they are, not where something else makes a fit poor."""

import re
from dataclasses import replace

import pytest

import layerox as lx
from layerox.analysis.phase_arguments import phases_from
from layerox.diffraction.second_cell import CODE, doubt_of_second_cell
from layerox.notices import Notice
from mixtures import mixture

NUMBER = r"(\d+) wt% with a ([\d.]+), c ([\d.]+) Å"


def of_two_cells(difference, seed, counts=12_000.0, name="P2b"):
    """Return a pattern of 40 wt% P2, 25 of P2 with a longer a and a shorter c, and 35 of O3; and the second crystal."""
    first, third = (replace(p, size_nm=100.0, microstrain=0.001) for p in phases_from(["P2", "O3"]))
    a, _, c, *_ = first.crystal.cell
    cell = [a * (1 + difference), a * (1 + difference), c * (1 - 2 * difference), 90.0, 90.0, 120.0]
    second = replace(first, name=name, crystal=first.crystal.with_cell(cell))
    pattern = mixture([first, second, third], (0.4, 0.25, 0.35), seed=seed, counts=counts, two_theta=(12.0, 90.0, 0.02))
    return pattern, first.crystal, second.crystal


def warned(result):
    return [notice.message for notice in result.warnings if notice.code == CODE]


@pytest.mark.parametrize(("difference", "seed"), [(0.002, 1), (0.004, 2), (-0.004, 3), (0.008, 4)])
def test_both_cells_are_found_with_their_weights(difference, seed):
    pattern, first, second = of_two_cells(difference, seed)
    result = lx.fit(pattern, ["P2", "O3"])
    (message,) = warned(result)
    found = sorted((float(a), float(c), int(w)) for w, a, c in re.findall(NUMBER, message))
    true = sorted([(first.cell[0], first.cell[2], 40), (second.cell[0], second.cell[2], 25)])
    for (a, c, weight), (true_a, true_c, true_weight) in zip(found, true, strict=True):
        assert a == pytest.approx(true_a, rel=3e-4)
        assert c == pytest.approx(true_c, rel=6e-4)
        assert abs(weight - true_weight) <= 4
    assert result.status == "not_converged"
    assert "two cells of P2" in result.reason


def test_the_phase_listed_twice_has_no_warning():
    pattern, *_ = of_two_cells(0.004, 5)
    result = lx.fit(pattern, ["P2", "P2b=P2", "O3"])
    assert warned(result) == []
    assert result.status == "converged"
    assert float(result.weight_fractions["P2"]) + float(result.weight_fractions["P2b"]) == pytest.approx(0.65, abs=0.01)


def test_one_cell_has_no_warning():
    pattern = mixture(["P2", "O3"], (0.6, 0.4), seed=6, counts=12_000.0)
    assert warned(lx.fit(pattern, ["P2", "O3"])) == []


def test_a_missing_phase_is_no_second_cell():
    """The fit is poor, since 30 wt% of spinel is not listed: its lines are not those of another P2."""
    pattern = mixture(["P2", "O3", "spinel"], (0.4, 0.3, 0.3), seed=7, counts=12_000.0)
    result = lx.fit(pattern, ["P2", "O3"])
    assert result.agreement.gof > 1.2
    assert warned(result) == []


def test_stacking_disorder_is_not_suggested_for_two_cells():
    """Lines with h - k not 3 n are broader there too, since they have other l."""
    pattern, *_ = of_two_cells(0.004, 8)
    assert "stacking_disorder" not in {notice.code for notice in lx.fit(pattern, ["P2", "O3"]).warnings}


def test_the_trial_is_no_step_of_the_fit():
    """The steps are those of one cell: the last one refines all together."""
    pattern, *_ = of_two_cells(0.004, 10)
    result = lx.fit(pattern, ["P2", "O3"])
    assert len(warned(result)) == 1
    assert result.steps[-1].name == "all together"


def test_the_name_of_the_second_one_is_free():
    """The user's own phase P2_2 is another one."""
    pattern, *_ = of_two_cells(0.004, 9)
    result = lx.fit(pattern, ["P2", "P2_2=O3"])
    assert len(warned(result)) == 1
    assert list(result.weight_fractions) == ["P2", "P2_2"]


def test_the_doubt_is_the_message():
    assert doubt_of_second_cell([Notice("spikes", "x"), Notice(CODE, "two cells")]) == "two cells"
    assert doubt_of_second_cell([Notice("spikes", "x")]) == ""
