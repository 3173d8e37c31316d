"""Two phases side by side or one that drifts: spreads of cells that are chosen here."""

import math

import numpy as np
import pytest

from layerox.strain.measured_cells import measured_phases
from layerox.strain.transitions.coexistence import coexistence, layer_sizes
from run_tables import ramp, run_of

COUNT = 21
FRAME = np.arange(float(COUNT))
FALL = ramp(COUNT, (0, 1.0), (20, 0.0))


def sizes_of(series, name):
    return layer_sizes(measured_phases(series).phases[name])


def judged(series, pair, weights):
    esds = [np.full(COUNT, 0.003)] * 2
    return coexistence(tuple(sizes_of(series, name) for name in pair), FRAME, weights, esds)


def test_sizes_are_those_of_layers():
    """P2: in-plane edge 2.885 A, slab repeat 11.155 / 2 A; an O3 of the same layers has three slabs in its c."""
    cells = {"P2": (2.885, 11.155), "O3": (2.885, 1.5 * 11.155)}
    series = run_of({"P2": FALL + 0.1, "O3": 1.1 - FALL}, cells=cells)
    p2, o3 = (sizes_of(series, name) for name in ("P2", "O3"))
    area = math.sqrt(0.75) * 2.885**2
    expected = [math.sqrt(2) * math.log(math.sqrt(area)), math.log(11.155 / 2)]
    np.testing.assert_allclose(p2.sizes.mean(axis=0), expected, atol=1e-4)
    np.testing.assert_allclose(o3.sizes.mean(axis=0), expected, atol=1e-4)
    # d ln a = 2e-4 / 2.885, counted twice; d ln c = 2e-4 / 11.155.
    np.testing.assert_allclose(p2.esds[0], [math.sqrt(2) * 2e-4 / 2.885, 2e-4 / 11.155], rtol=1e-3)


def test_constant_cells_in_changing_proportions_are_two_phase():
    series = run_of({"O3": FALL, "P3": 1 - FALL})
    found = judged(series, ("O3", "P3"), [FALL, 1 - FALL])
    assert found.mechanism == "two-phase"
    assert abs(found.ratio - 1.0) < 4 * found.ratio.esd + 0.01


def test_a_second_phase_that_follows_the_first_is_a_solid_solution():
    """Both drift together by 2 % in c, as when a phase is offered twice: they never differ."""
    way = np.column_stack([np.full(COUNT, 2.885), 11.155 * (1 + 0.02 * FRAME / 20)])
    other = way * [1.0, 1.5]
    series = run_of({"P2": FALL, "O3": 1 - FALL}, cells={"P2": way, "O3": other})
    found = judged(series, ("P2", "O3"), [FALL, 1 - FALL])
    assert found.mechanism == "solid solution"
    assert found.ratio < 0.05


def test_cells_that_come_to_meet_each_other_are_both():
    """Each goes a quarter of the way: at the middle they are half as far apart as the end members, a quarter of the
    spread; over the whole it is between a quarter and all."""
    step = 0.25 * FRAME / 20
    o3 = np.column_stack([2.96 * (1 - 0.0247 * step), 15.914 * (1 + 0.0557 * step)])
    p3 = np.column_stack([2.887 * (1 + 0.0253 * (0.25 - step)), 16.8 * (1 - 0.0527 * (0.25 - step))])
    series = run_of({"O3": FALL, "P3": 1 - FALL}, cells={"O3": o3, "P3": p3})
    found = judged(series, ("O3", "P3"), [FALL, 1 - FALL])
    assert found.mechanism == "both"
    assert 0.25 < found.ratio < 0.75


def test_phases_whose_layers_are_alike_tell_nothing():
    """P2 and P3 of one composition differ by less than their cells are known here."""
    cells = {"P2": (2.885, 11.155), "P3": (2.885, 1.5 * 11.155)}
    series = run_of({"P2": FALL, "P3": 1 - FALL}, cells=cells)
    assert judged(series, ("P2", "P3"), [FALL, 1 - FALL]).mechanism == "undecided"


def test_without_layers_or_frames_nothing_is_stated():
    series = run_of({"P2": FALL, "Al": 1 - FALL})
    p2 = sizes_of(series, "P2")
    assert sizes_of(series, "Al") is None
    weights, esds = [FALL, 1 - FALL], [np.full(COUNT, 0.003)] * 2
    assert coexistence((p2, None), FRAME, weights, esds).mechanism == "undecided"
    assert coexistence((p2, p2), FRAME[:2], [w[:2] for w in weights], esds).mechanism == "undecided"
    assert coexistence((p2, p2), FRAME, [FALL, 0 * FALL], esds).mechanism == "undecided"


@pytest.mark.parametrize("seed", range(3))
def test_the_ratio_is_as_uncertain_as_it_states(seed):
    series = run_of({"O3": FALL, "P3": 1 - FALL}, seed=seed)
    found = judged(series, ("O3", "P3"), [FALL, 1 - FALL])
    assert abs(found.ratio - 1.0) < 4 * found.ratio.esd
    assert found.ratio.esd < 0.05
