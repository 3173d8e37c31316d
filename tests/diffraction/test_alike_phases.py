"""Look-alikes: phases that a pattern does not distinguish are grouped, and those that it does are found."""

import json
from dataclasses import replace

import pytest

from layerox.analysis.fit import fit
from layerox.analysis.phase_arguments import phases_from
from layerox.diffraction.phase import Phase
from layerox.results.result_folder import files_of
from layerox.results.text_report import report_text
from mixtures import lowered, mixture, shown


def crystal(name):
    return phases_from([name])[0].crystal


def grown(name, factors):
    """Return a structure of the library with lengths a = b and c multiplied."""
    own = crystal(name)
    return own.with_cell([x * f for x, f in zip(own.cell, (factors[0], factors[0], factors[1], 1, 1, 1), strict=True)])


def stated(name, own):
    return Phase(name=name, crystal=own, size_nm=120.0, microstrain=0.0005)


@pytest.mark.parametrize("name", ["P3", "O3"])
def test_a_lower_symmetry_of_no_distortion_is_alike(name):
    data = mixture((name, "P2"), (0.6, 0.4), seed=1)
    result = fit(data, [("distorted", lowered(crystal(name), 0.001)), "P2", name])
    (group,) = result.groups
    assert group.members == (name, "distorted")  # the higher symmetry is shown
    assert float(group.weight_fraction) == pytest.approx(0.6, abs=4 * group.weight_fraction.esd)
    assert group.change < group.threshold
    assert result.phase(name).weight_fraction.status == result.phase("distorted").weight_fraction.status == "alike"
    assert result.phase("distorted").detection_limit is None
    assert result.weight_fractions["P2"].status == "free"


def test_a_distortion_that_shows_is_no_look_alike():
    """a / b of O'3 1 % off: lines split by 0.3 degrees."""
    distorted = lowered(crystal("O3"), 0.01)
    data = mixture((stated("Op3", distorted), "P2"), (0.6, 0.4), seed=2)
    result = fit(data, ["O3", ("Op3", distorted), "P2"])
    assert shown(result) == ({"Op3", "P2"}, "converged")
    assert result.groups == ()
    assert float(result.weight_fractions["Op3"]) == pytest.approx(0.6, abs=4 * result.weight_fractions["Op3"].esd)


def test_a_phase_offered_twice_is_alike_and_the_others_keep_their_fractions():
    data = mixture(("P2", "O3"), (0.6, 0.4), seed=3)
    once, twice = fit(data, ["P2", "O3"]), fit(data, ["P2", ("again", crystal("P2")), "O3"])
    (group,) = twice.groups
    assert set(group.members) == {"P2", "again"}
    assert float(twice.weight_fractions["O3"]) == pytest.approx(float(once.weight_fractions["O3"]), abs=1e-5)


@pytest.mark.parametrize("difference", [0.002, 0.004])
@pytest.mark.parametrize(
    "offered", [((1.0, 1.0), (1.0005, 0.9995)), ((1.004, 0.996), (1.0, 1.0)), ((1.0, 1.0), (1.0, 1.0))]
)
def test_two_cells_of_one_structure_are_found_from_any_start(difference, offered):
    first, second = crystal("P2"), grown("P2", (1 + difference, 1 - difference))
    data = mixture((stated("A", first), stated("B", second)), (0.6, 0.4), seed=4, counts=20_000.0)
    result = fit(data, [(name, grown("P2", start)) for name, start in zip("AB", offered, strict=True)])
    assert result.agreement.gof < 1.04
    assert result.groups == ()
    fractions = sorted(result.weight_fractions.values(), key=float)
    assert float(fractions[0]) == pytest.approx(0.4, abs=4 * fractions[0].esd)
    lengths = sorted(float(phase.cell["a"]) for phase in result.phases)
    assert lengths[1] / lengths[0] - 1 == pytest.approx(difference, abs=3e-4)


def test_a_third_look_alike_changes_nothing_for_the_others():
    first, second = crystal("P2"), grown("P2", (1.004, 0.996))
    data = mixture((stated("A", first), stated("B", second)), (0.6, 0.4), seed=5, counts=20_000.0)
    two = [("A", first), ("B", second)]
    pair, three = fit(data, two), fit(data, [*two, ("C", grown("P2", (1.02, 1.02)))])
    for name in "AB":
        assert float(three.weight_fractions[name]) == pytest.approx(float(pair.weight_fractions[name]), abs=1e-4)


def test_groups_are_written_and_read(tmp_path):
    from layerox.results.result_folder import load, write_folder

    data = mixture(("P3",), (1.0,), seed=6)
    result = fit(data, ["P3", ("distorted", lowered(crystal("P3")))])
    write_folder(tmp_path / "fit", files_of(result))
    document = json.loads((tmp_path / "fit" / "result.json").read_text())
    assert document["groups"][0]["members"] == ["P3", "distorted"]
    assert document["groups"][0]["weight_fraction"]["value"] == 1.0
    assert load(tmp_path / "fit").groups == result.groups
    assert "P3 or distorted: 100 wt% together, not distinguished" in report_text(result)


def test_phases_that_differ_are_never_compared():
    result = fit(mixture(("P2", "O3"), (0.6, 0.4), seed=7), ["P2", "O3"])
    assert not [step for step in result.steps if "in place of" in step.name and step.name.startswith(("P2", "O3"))]
    assert result.groups == ()


def test_a_group_keeps_its_members_when_uncertainties_are_widened():
    data = mixture(("P3",), (1.0,), seed=8)
    result = fit(data, ["P3", ("distorted", lowered(crystal("P3")))]).with_serial_correlation()
    assert result.groups[0].members == ("P3", "distorted")
    assert replace(result.groups[0]).threshold > 0


def pair_and_p2(seed, weights=(0.6, 0.4)):
    """Return a pattern of P3 and P2, and P3, P2 and a monoclinic P3 without distortion as phases."""
    return mixture(("P3", "P2"), weights, seed=seed), [("distorted", lowered(crystal("P3"), 0.001)), "P2", "P3"]


def assert_group(result, fraction):
    (group,) = result.groups
    assert group.members == ("P3", "distorted")
    assert float(group.weight_fraction) == pytest.approx(fraction, abs=4 * group.weight_fraction.esd)
    assert group.weight_fraction.esd < 0.01
    assert result.weight_fractions["P3"].status == result.weight_fractions["distorted"].status == "alike"


def test_a_warm_start_has_the_same_group():
    data, phases = pair_and_p2(11)
    assert_group(fit(pair_and_p2(12, (0.5, 0.5))[0], start=fit(data, phases)), 0.5)


FREE = ["instrument_zero", "instrument_w", "*_a", "*_b", "*_c", "*_beta", "*_size", "*_microstrain"]


@pytest.mark.parametrize(
    "recipe",
    [
        {"parameters": {"P2_a": {"vary": True}, "*_u_iso": {"vary": False}}},
        {"phase": [{"name": "P3", "structure": "P3", "free": ["O1_z"]}, {"name": "P2", "structure": "P2"}]},
        {"strategy": {"stages": [{"free": ["background_*"]}, {"free": [*FREE, "instrument_displacement"]}]}},
    ],
    ids=["a parameter is named", "phases are named", "stages"],
)
def test_a_recipe_has_the_same_group(recipe, tmp_path):
    from layerox.io.structure_writing import cif_text

    data, phases = pair_and_p2(13)
    (tmp_path / "distorted.cif").write_text(cif_text(phases[0][1]))
    rows = [*recipe.get("phase", ()), {"name": "distorted", "structure": str(tmp_path / "distorted.cif")}]
    given = None if "phase" in recipe else phases
    assert_group(fit(data, given, recipe=recipe | ({"phase": rows} if "phase" in recipe else {})), 0.6)


def test_a_constraint_between_look_alikes_keeps_both():
    """The user states how much of each there is: the pair is not tested."""
    data, phases = pair_and_p2(14)
    result = fit(data, phases, recipe={"constraints": {"distorted_scale": "0.5 * P3_scale"}})
    assert result.groups == ()
    assert "distorted" in shown(result)[0]


def test_look_alikes_with_other_coordinates_than_given_are_alike():
    """Oxygen 0.004 off in both given structures: what is refined of one must be refined of the other."""
    own = crystal("P3")
    sites = [replace(s, position=(*s.position[:2], s.position[2] + 0.004)) if s.element == "O" else s
             for s in own.sites]  # fmt: skip
    moved = Phase(name="true", crystal=replace(own, sites=tuple(sites)), size_nm=100.0, microstrain=0.001)
    result = fit(mixture((moved, "P2"), (0.6, 0.4), seed=15, counts=20_000.0), pair_and_p2(15)[1])
    assert_group(result, 0.6)
