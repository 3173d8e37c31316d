"""There and back on an axis: weights and cells are chosen here, so that widths and what is lost are known."""

import numpy as np
import pytest

from layerox.strain.transitions.of_series import transitions
from run_tables import ramp, run_of

COUNT = 61
# 0.05 V a frame up to frame 30, and down again.
VOLTAGE = 2.5 + 0.05 * (30 - np.abs(np.arange(COUNT) - 30))
OP4 = ramp(COUNT, (10, 0.0), (20, 0.8), (45, 0.8), (55, 0.0))


@pytest.fixture(scope="module")
def cycle():
    """P2 -> OP4 about frame 15 (3.25 V), OP4 -> P2 about frame 50 (3.0 V); c of P2 ends 0.02 A longer."""
    cell = np.column_stack([np.full(COUNT, 2.885), np.where(np.arange(COUNT) < 40, 11.155, 11.175)])
    series = run_of({"P2": 1 - OP4, "OP4": OP4}, cells={"P2": cell}, axes={"voltage": VOLTAGE}, seed=2)
    return transitions(series)


def test_branches_are_charge_and_discharge(cycle):
    assert [(b.name, b.cycle, b.first, b.last) for b in cycle.axis.branches] == [
        ("charge", 1, 0, 30), ("discharge", 1, 31, 60),
    ]  # fmt: skip
    assert [(step.name, step.branch) for step in cycle.steps] == [("P2 -> OP4", "charge"), ("OP4 -> P2", "discharge")]


def test_the_loop_is_as_wide_as_the_midpoints_are_apart(cycle):
    """3.25 V on charge, 3.00 V on discharge."""
    (loop,) = cycle.hysteresis
    assert (loop.there, loop.back, loop.cycle) == ("P2 -> OP4", "OP4 -> P2", 1)
    assert loop.midpoint_there == pytest.approx(3.25, abs=0.01)
    assert loop.midpoint_back == pytest.approx(3.00, abs=0.01)
    assert abs(loop.width - 0.25) < 4 * loop.width.esd
    assert loop.width.esd == pytest.approx(np.hypot(loop.midpoint_there.esd, loop.midpoint_back.esd))


def test_what_did_not_come_back_is_named(cycle):
    """c, and nothing else: 0.02 A at 2e-4 A each; weight and a are the same as before."""
    lost = {(one.phase, one.quantity): one for one in cycle.irreversible}
    assert ("P2", "c") in lost
    assert set(lost) <= {("P2", "c"), ("P2", "volume")}
    one = lost["P2", "c"]
    assert one.difference == pytest.approx(0.02, abs=1.2e-3)
    assert (one.frames, one.at_before, one.at_after) == ((0, 60), 2.5, 2.5)
    kept = {(r.phase, r.quantity): r for r in cycle.returns if r.is_reversible}
    assert ("P2", "weight_fraction") in kept
    assert ("P2", "a") in kept


def test_ends_are_compared_where_both_ways_have_been():
    """Discharged to 2.8 V only: compared with the frame of 2.8 V on charge (frame 6), not with the first."""
    part = slice(0, 55)
    weights = {"P2": (1 - OP4)[part], "OP4": OP4[part]}
    found = transitions(run_of(weights, axes={"voltage": VOLTAGE[part]}))
    assert {one.frames for one in found.returns} == {(6, 54)}


def test_one_way_has_no_hysteresis():
    part = slice(0, 30)
    found = transitions(run_of({"P2": (1 - OP4)[part], "OP4": OP4[part]}, axes={"voltage": VOLTAGE[part]}))
    assert found.hysteresis == found.returns == ()
    assert transitions(run_of({"P2": 1 - OP4, "OP4": OP4})).hysteresis == ()


def test_states_are_compared_at_the_same_sodium_content():
    """The voltage of discharge lies lower; where the sodium content is known, ends are compared by it."""
    sodium = 0.67 - 0.01 * (30 - np.abs(np.arange(COUNT) - 30))
    sodium[46:] = sodium[46]
    series = run_of({"P2": 1 - OP4, "OP4": OP4}, axes={"voltage": VOLTAGE, "x_na": sodium})
    found = transitions(series)
    assert found.axis.name == "voltage"
    assert {one.frames[0] for one in found.returns} == {14}
