"""The states of a run and those that name it, of phases that come and go at frames chosen here."""

import numpy as np

from layerox.strain.transitions.rises_and_falls import changes
from layerox.strain.transitions.run_stages import stages, states
from run_tables import ramp, run_of

COUNT = 60


def table_of(**weights):
    return run_of(weights).frames


def stages_of(*, phases, **weights):
    table = table_of(**weights)
    place, esd = np.arange(float(COUNT)), np.full(COUNT, 0.003)
    found = {
        name: changes(place, table[f"{name}.weight_fraction"].to_numpy(), esd, least=0.02, draws=5) for name in phases
    }
    return stages(table, phases, found)


def test_states_are_stretches_of_the_same_phases():
    product = ramp(COUNT, (20, 0.0), (40, 1.0))
    found = states(table_of(O3=1 - product, P3=product), ["O3", "P3"])
    assert [(s.phases, s.first, s.last) for s in found] == [
        (("O3",), 0, 20), (("O3", "P3"), 21, 39), (("P3",), 40, 59),
    ]  # fmt: skip


def test_what_does_not_matter_is_in_no_state():
    (state,) = states(table_of(P2=np.full(COUNT, 0.9), Al=np.full(COUNT, 0.1)), ["P2"])
    assert (state.phases, state.first, state.last) == (("P2",), 0, 59)


def test_ends_and_rests_are_stages():
    """P2, a rest of P2 beside OP4, then OP4 alone."""
    product = ramp(COUNT, (10, 0.0), (20, 0.5), (30, 0.5), (40, 1.0))
    found = stages_of(P2=1 - product, OP4=product, phases=["P2", "OP4"])
    assert list(dict.fromkeys(found)) == [("P2",), ("P2", "OP4"), ("OP4",)]


def test_a_phase_that_comes_and_goes_names_a_stage_at_its_height():
    middle = ramp(COUNT, (15, 0.0), (29, 0.6), (43, 0.0))
    last = ramp(COUNT, (34, 0.0), (55, 1.0))
    found = stages_of(O3=np.maximum(1 - middle - last, 0), P3=middle, O1=last, phases=["O3", "P3", "O1"])
    assert any("P3" in phases for phases in found)
    assert found[0] == ("O3",)
    assert found[-1] == ("O1",)


def test_a_phase_that_is_alone_for_one_frame_is_alone_at_its_height():
    """OP4 between O2 and P2: at 27 the last O2 is still there, at 29 the first P2 already is."""
    o2 = ramp(COUNT, (10, 1.0), (27, 0.06), (28, 0.0))
    p2 = ramp(COUNT, (28, 0.0), (29, 0.12), (37, 1.0))
    found = stages_of(O2=o2, OP4=1 - o2 - p2, P2=p2, phases=["O2", "OP4", "P2"])
    assert list(dict.fromkeys(found)) == [("O2",), ("OP4",), ("P2",)]


def test_no_frames_no_stages():
    assert stages(table_of(P2=np.ones(COUNT)).iloc[:0], ["P2"], {}) == []
