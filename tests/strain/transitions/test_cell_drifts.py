"""Cells that move while their phase stays, and what tells two unresolved phases from one."""

import numpy as np
import pytest

from layerox.strain.measured_cells import measured_phases
from layerox.strain.transitions.cell_drifts import drifts
from layerox.strain.transitions.coexistence import layer_sizes
from run_tables import ramp, run_of

COUNT = 50
WAY = ramp(COUNT, (12, 0.0), (36, 1.0))


def found(way, *, bump=0.0, column="gof", seed=0):
    cells = np.column_stack([2.885 * (1 - 0.004 * way), 11.155 * (1 + 0.01 * way)])
    series = run_of({"P2": np.full(COUNT, 0.95), "Al": np.full(COUNT, 0.05)}, cells={"P2": cells}, seed=seed)
    table = series.frames.copy()
    middle = np.exp(-0.5 * ((np.arange(COUNT) - 24) / 5.0) ** 2)
    table[column] = table[column] * (1 + bump * middle)
    # A phase that is refined has a size and a strain of its own in every frame.
    draw = np.random.default_rng([seed, 9])
    table["P2.size"] = table["P2.size"] * (1 + 0.01 * draw.standard_normal(COUNT))
    return drifts(table, "P2", layer_sizes(measured_phases(series).phases["P2"]))


def test_a_drift_is_measured():
    (drift,) = found(WAY)
    assert abs(drift.onset - 12) < 4 * drift.onset.esd
    assert abs(drift.end - 36) < 4 * drift.end.esd
    assert abs(drift.in_plane + 0.004) < 4 * drift.in_plane.esd
    assert abs(drift.across - 0.01) < 4 * drift.across.esd
    # a and c are known to 2e-4 A here, twice.
    assert drift.across.esd == pytest.approx(np.sqrt(2) * 2e-4 / 11.2, rel=0.05)
    assert drift.kind == "solid solution"


@pytest.mark.parametrize("column", ["gof", "P2.microstrain"])
def test_a_fit_that_is_worse_in_between_hides_two_phases(column):
    (drift,) = found(WAY, bump=0.3, column=column)
    assert drift.kind == "hidden coexistence"


def test_a_jump_of_one_phase_is_requested_too():
    (drift,) = found(ramp(COUNT, (23.4, 0.0), (24.6, 1.0)), bump=0.5)
    assert drift.kind == "hidden coexistence"


def test_one_phase_is_hardly_ever_taken_for_two():
    """Each table is below 1 % with a chance of 1 %; half of them below a half (ten of twenty, 2.2 to either side)."""
    chances = np.array([drift.chance for seed in range(20) for drift in found(WAY, seed=seed)])
    assert (chances < 0.01).sum() <= 1
    assert 4 <= (chances < 0.5).sum() <= 16


def test_a_cell_that_rests_does_not_drift():
    assert found(np.zeros(COUNT)) == ()
