"""What turned into what: weights that are lost and gained at the same time."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from layerox.strain.transitions.phase_conversions import _shared_out, flows
from layerox.strain.transitions.phase_stackings import stackings_of
from layerox.strain.transitions.rises_and_falls import changes
from run_tables import ramp

COUNT = 60


def steps_of(**levels):
    """Return (origin, product) -> flow, of levels without noise."""
    names, found = [], []
    for name, level in levels.items():
        own = changes(np.arange(float(COUNT)), level, np.full(COUNT, 1e-3), least=0.02, draws=5)
        names += [name] * len(own)
        found += own
    known = stackings_of(tuple(levels), {})
    return {(names[f.fall], names[f.rise]): f for f in flows(names, found, known, 0.02)}


def test_one_phase_turns_into_another():
    fall = ramp(COUNT, (10, 0.8), (30, 0.1))
    found = steps_of(P2=fall, OP4=0.9 - fall)
    assert list(found) == [("P2", "OP4")]
    flow = found["P2", "OP4"]
    assert flow.weight == pytest.approx(0.7, abs=0.01)
    assert [flow.onset, flow.midpoint, flow.end] == pytest.approx([10, 20, 30], abs=0.3)


def test_each_product_comes_from_what_can_glide_there():
    """P2 and P3 fall together while OP4 and OP2 rise: four ways by weight, two by gliding."""
    fall = ramp(COUNT, (10, 0.5), (30, 0.0))
    found = steps_of(P2=fall, P3=fall, OP4=0.5 - fall, OP2=0.5 - fall)
    assert set(found) == {("P2", "OP4"), ("P3", "OP2")}


def test_what_no_glide_can_make_is_taken_from_the_rest():
    fall = ramp(COUNT, (10, 0.7), (30, 0.2))
    found = steps_of(O3=fall, P2=0.8 - fall)
    assert found["O3", "P2"].weight == pytest.approx(0.5, abs=0.01)


def test_changes_at_different_times_have_nothing_in_common():
    assert not steps_of(P2=ramp(COUNT, (5, 0.8), (20, 0.3)), OP4=ramp(COUNT, (30, 0.0), (45, 0.5)))


def test_no_change_no_flow():
    assert flows([], [], {}, 0.02) == []


@given(
    lost=st.lists(st.floats(0, 1), min_size=3, max_size=3),
    gained=st.lists(st.floats(0, 1), min_size=3, max_size=3),
)
def test_no_more_flows_than_is_lost_and_gained(lost, gained):
    flow = _shared_out(np.array(lost)[:, None], np.array(gained)[:, None], ~np.eye(3, dtype=bool))[:, :, 0]
    assert (flow >= 0).all()
    assert (flow.sum(axis=1) <= np.array(lost) + 1e-9).all()
    assert (flow.sum(axis=0) <= np.array(gained) + 1e-9).all()
