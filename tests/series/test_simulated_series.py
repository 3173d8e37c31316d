"""Synthetic series: the same seed gives the same files, and the truth says what is in them."""

import json

import numpy as np
import pytest

from layerox.cli.simulate_series import SCENARIOS as NAMED
from layerox.errors import InputError
from layerox.io import read_pattern
from layerox.series.frames import frames_of
from layerox.series.scenarios import SCENARIOS, History
from layerox.series.simulated_series import BAD_KINDS, DRIFT_MM, simulate_series

GRID = (15.0, 40.0, 0.05)


def test_the_same_seed_gives_the_same_bytes(tmp_path):
    for name, seed in (("a", 1), ("b", 1), ("c", 2)):
        simulate_series(tmp_path / name, "p2-o3", frames=3, seed=seed, bad=0.4, two_theta=GRID)
    files = sorted(path.name for path in (tmp_path / "a").iterdir())
    assert files == sorted(path.name for path in (tmp_path / "b").iterdir())
    same = [(tmp_path / "a" / f).read_bytes() == (tmp_path / "b" / f).read_bytes() for f in files]
    assert all(same)
    other = [(tmp_path / "a" / f).read_bytes() == (tmp_path / "c" / f).read_bytes() for f in files if "frame" in f]
    assert not any(other)


@pytest.mark.parametrize("scenario", SCENARIOS)
def test_the_truth_names_what_is_there(tmp_path, scenario):
    truth = simulate_series(tmp_path, scenario, frames=5, two_theta=GRID)
    written = json.loads((tmp_path / "truth.json").read_text())
    assert [frame["file"] for frame in written["frames"]] == [true.file for true in truth]
    for true in truth:
        assert sum(own["weight_fraction"] for own in true.phases.values()) == pytest.approx(1.0)
        pattern = read_pattern(tmp_path / true.file)
        assert np.median(pattern.intensity) > 100
        assert pattern.intensity.max() == pytest.approx(8000, rel=0.2)
    assert {path.stem for path in tmp_path.glob("*.cif")} == {history.name for history in SCENARIOS[scenario]}


def test_the_files_state_when_and_how_warm_and_the_log_states_it_of_all(tmp_path):
    truth = simulate_series(tmp_path, "p2-cycle", frames=5, two_theta=GRID)
    frames = frames_of(tmp_path, axes=["time", "temperature", f"{tmp_path / 'log.csv'}:voltage"])
    assert [frame.file for frame in frames.frames] == [true.file for true in truth]
    for frame, true in zip(frames.frames, truth, strict=True):
        expected = [true.axes[name] for name in ("time_h", "temperature_k", "voltage")]
        assert frame.axes == pytest.approx(expected, rel=1e-5)
    assert [true.axes["time_h"] for true in truth] == [0, 5, 10, 15, 20]
    assert (tmp_path / "cycler.csv").exists()


def test_two_columns_hold_the_same_counts(tmp_path):
    for suffix in (".xy", ".xye"):
        simulate_series(tmp_path / suffix, "p2-o3", frames=2, seed=4, two_theta=GRID, suffix=suffix)
    two, three = (read_pattern(tmp_path / suffix / f"frame_0001{suffix}") for suffix in (".xy", ".xye"))
    for name in ("two_theta", "intensity", "sigma"):
        np.testing.assert_array_equal(getattr(two, name), getattr(three, name))
    assert two.radiation == three.radiation


def layer_spacing(true, name, slabs):
    return true.phases[name]["c"] / slabs


def test_the_cycle_has_what_an_operando_series_has(tmp_path):
    """Births, deaths, a phase that comes back, coexistence, a jump of the layer spacing, foil, drift."""
    truth = simulate_series(tmp_path, "p2-cycle", frames=41, two_theta=(15.0, 45.0, 0.1))
    shown = {name: [name in true.phases for true in truth] for name in ("P2", "OP4", "O2", "Al")}
    changes = {name: np.flatnonzero(np.diff(np.array(seen, dtype=int))).tolist() for name, seen in shown.items()}
    assert {name: len(found) for name, found in changes.items()} == {"P2": 2, "OP4": 2, "O2": 2, "Al": 0}
    assert all(shown["Al"])
    assert max(len(true.phases) for true in truth) >= 3
    top = next(true for true in truth if {"OP4", "O2"} <= true.phases.keys())
    # A gallery that glides from P to O loses 0.7 to 1.1 A (RECALLED from the literature of such cathodes).
    assert layer_spacing(truth[0], "P2", 2) - layer_spacing(top, "O2", 2) > 0.7
    assert layer_spacing(truth[0], "P2", 2) > layer_spacing(top, "OP4", 4) > layer_spacing(top, "O2", 2)
    drift = np.array([true.displacement_mm for true in truth])
    assert np.ptp(drift) > 0.8 * DRIFT_MM
    assert np.abs(np.diff(drift)).max() < 0.4 * DRIFT_MM


def test_the_spectator_looks_on_while_the_others_change(tmp_path):
    truth = simulate_series(tmp_path, "p3-p2-spinel", frames=9, two_theta=(15.0, 45.0, 0.1))
    share = [true.phases["spinel"]["weight_fraction"] for true in truth]
    assert min(share) > 0.1
    edges = [true.phases["spinel"]["a"] for true in truth]
    assert edges == sorted(edges)
    assert {"P3"} < truth[0].phases.keys()
    assert "P3" not in truth[-1].phases


def test_every_kind_of_fault_happens_and_only_to_the_share_that_is_requested(tmp_path):
    truth = simulate_series(tmp_path, "p2-o3", frames=60, seed=1, bad=0.25, two_theta=(15.0, 45.0, 0.1))
    bad = [true.bad for true in truth if true.bad is not None]
    assert set(bad) == set(BAD_KINDS)
    assert len(bad) == 15
    assert truth[0].bad is None


def test_the_command_names_every_scenario():
    assert all(name in NAMED for name in SCENARIOS)


def test_phases_may_do_what_the_user_states(tmp_path):
    p2 = History(name="P2", weight=((0.0, 1.0), (1.0, 3.0)), a=((0.0, 1.0), (1.0, 1.01)))
    own = [p2, History(name="Al", weight=((0.0, 1.0),))]
    first, last = simulate_series(tmp_path, own, frames=2, two_theta=GRID)
    assert [true.phases["P2"]["weight_fraction"] for true in (first, last)] == pytest.approx([0.5, 0.75])
    assert last.phases["P2"]["a"] == pytest.approx(1.01 * first.phases["P2"]["a"])
    assert json.loads((tmp_path / "truth.json").read_text())["scenario"] == "own"


def test_nonsense_is_refused(tmp_path):
    with pytest.raises(InputError, match="not written as"):
        simulate_series(tmp_path, "p2-o3", suffix=".xyz")
    with pytest.raises(InputError, match="p2-o3"):
        simulate_series(tmp_path, "p2-03")
    with pytest.raises(InputError, match="frames"):
        simulate_series(tmp_path, "p2-o3", frames=0)
