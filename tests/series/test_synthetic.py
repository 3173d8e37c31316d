"""Synthetic series: the same seed gives the same files, and the truth says what is in them."""

import json

import numpy as np
import pytest

from layerox.errors import InputError
from layerox.io import read_pattern
from layerox.series.synthetic import SCENARIOS, History, simulate_series

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


def test_phases_may_do_what_the_user_says(tmp_path):
    p2 = History(name="P2", weight=((0.0, 1.0), (1.0, 3.0)), a=((0.0, 1.0), (1.0, 1.01)))
    own = [p2, History(name="Al", weight=((0.0, 1.0),))]
    first, last = simulate_series(tmp_path, own, frames=2, two_theta=GRID)
    assert [true.phases["P2"]["weight_fraction"] for true in (first, last)] == pytest.approx([0.5, 0.75])
    assert last.phases["P2"]["a"] == pytest.approx(1.01 * first.phases["P2"]["a"])
    assert json.loads((tmp_path / "truth.json").read_text())["scenario"] == "own"


def test_nonsense_is_refused(tmp_path):
    with pytest.raises(InputError, match="p2-o3"):
        simulate_series(tmp_path, "p2-03")
    with pytest.raises(InputError, match="frames"):
        simulate_series(tmp_path, "p2-o3", frames=0)
