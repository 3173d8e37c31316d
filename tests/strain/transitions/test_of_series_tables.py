"""What happened in runs whose weights are chosen here: names, steps, births and losses, and the orientation rule."""

import numpy as np
import pytest

from layerox.errors import InputError
from layerox.strain.transitions.of_series import transitions
from run_tables import ramp, run_of

COUNT = 60
KELVIN = 300.0 + 10.0 * np.arange(COUNT)


@pytest.fixture(scope="module")
def heated():
    """P3 turns into P2 from frame 20 (500 K) to 40 (700 K); an O3 is there from frame 10 (400 K) to 50 (800 K) only."""
    p2 = ramp(COUNT, (20, 0.0), (40, 0.7))
    o3 = ramp(COUNT, (10, 0.0), (15, 0.3), (44, 0.3), (50, 0.0))
    series = run_of({"P3": 1 - p2 - o3, "P2": p2, "O3": o3}, axes={"temperature_k": KELVIN}, seed=1, esd=0.002)
    return transitions(series)


def test_where_phases_form_and_are_lost(heated):
    assert heated.axis.name == "temperature_k"
    for found, true in (
        (heated.formation("P2"), 500), (heated.formation("O3"), 400), (heated.loss("O3"), 800),
    ):  # fmt: skip
        assert abs(found - true) < 4 * found.esd
        assert 0.1 < found.esd < 15
    assert heated.formation("P3") is None
    assert heated.loss("P2") is None
    assert heated.formation("O3", "heating") is not None
    assert heated.formation("O3", "cooling") is None


def test_changes_are_births_deaths_rises_and_falls(heated):
    kinds = [(change.phase, change.kind, change.branch) for change in heated.changes if change.phase != "P3"]
    assert kinds == [("O3", "birth", "heating"), ("P2", "birth", "heating"), ("O3", "death", "heating")]
    falls = {change.kind for change in heated.changes if change.phase == "P3"}
    assert "fall" in falls
    assert "birth" not in falls


def test_what_no_glide_makes_is_named(heated):
    """P3 and P2 differ by slab senses; P3 and O3 do not."""
    assert "P3 -> P2" in [step.name for step in heated.violations]
    assert "P3 -> O3" in [step.name for step in heated.steps]
    assert "P3 -> O3" not in [step.name for step in heated.violations]
    (message,) = [n.message for n in heated.warnings if "P3 -> P2" in n.message]
    assert "not possible by gliding" in message


def test_a_biphasic_charge_is_named_as_the_review_does():
    """Each product in the place of what it was made of; O3 -> P3 first, then P2 -> OP4 and P3 -> OP2 together."""
    first, second = ramp(COUNT, (8, 0.0), (22, 1.0)), ramp(COUNT, (32, 0.0), (48, 1.0))
    weights = {
        "P2": 0.6 * (1 - second),
        "O3": 0.4 * (1 - first),
        "P3": 0.4 * (first - second),
        "OP4": 0.6 * second,
        "OP2": 0.4 * second,
    }
    found = transitions(run_of(weights, seed=3, esd=0.002))
    assert found.name == "P2/O3 -> P2/P3 -> OP4/OP2"
    assert found.steps[0].name == "O3 -> P3"
    assert {step.name for step in found.steps} == {"O3 -> P3", "P2 -> OP4", "P3 -> OP2"}
    assert found.violations == ()
    assert [step.weight for step in found.steps if step.name == "P2 -> OP4"] == [pytest.approx(0.6, abs=0.02)]


def test_constant_cells_side_by_side_are_two_phase():
    p3 = ramp(COUNT, (15, 0.0), (45, 1.0))
    (step,) = transitions(run_of({"O3": 1 - p3, "P3": p3}, seed=5)).steps
    assert step.coexistence.mechanism == "two-phase"
    assert step.coexistence.frames >= 25
    assert (step.onset, step.midpoint, step.end) == (
        pytest.approx(15, abs=0.5), pytest.approx(30, abs=0.3), pytest.approx(45, abs=0.5),
    )  # fmt: skip


def test_a_phase_can_be_called_anything():
    product = ramp(COUNT, (20, 0.0), (40, 0.8))
    series = run_of({"P2": 1 - product, "OP4": product}, names={"P2": "pristine", "OP4": "charged"})
    found = transitions(series)
    assert found.name == "P2 -> P2/OP4"
    assert found.steps[0].glides != "forbidden"
    # What the user says goes before what the structure says.
    assert transitions(series, stackings={"charged": "OP2"}).violations[0].name == "P2 -> OP2"


def test_a_foil_takes_no_part():
    product = ramp(COUNT, (20, 0.0), (40, 0.5))
    found = transitions(run_of({"P2": 1 - product, "Al": product}))
    assert found.steps == ()
    assert found.name == "P2"
    assert {change.phase for change in found.changes} == {"P2", "Al"}


def test_bad_frames_are_not_accepted():
    product = ramp(COUNT, (20, 0.0), (40, 0.8))
    series = run_of({"P2": 1 - product, "OP4": product})
    series.frames.loc[10, ["verdict", "P2.weight_fraction"]] = ["quarantined", 0.1]
    assert len(transitions(series).changes) == 2
    series.frames["verdict"] = "quarantined"
    with pytest.raises(InputError, match="the series has no accepted frame"):
        transitions(series)
