"""Two phases of one structure in a series keep their names, or a frame says that they may not."""

import json
from functools import partial

import numpy as np
import pytest

from layerox.series.refinement.exchanged_cells import confusable, exchanged_frames, renamed_frames
from layerox.series.run import fit_series
from layerox.series.scenarios import History
from layerox.series.simulated_series import simulate_series

FRAMES = 16
SHARP = partial(History, structure="P2", size_nm=120.0, microstrain=0.0005)
SERIES = {
    # Cells 0.4 % apart, then 0.2 %, then 0.4 % again.
    "approach": (
        SHARP(name="A", weight=((0, 0.7), (1, 0.3))),
        SHARP(name="B", weight=((0, 0.3), (1, 0.7)), a=((0, 1.004), (0.5, 1.002), (1, 1.004)),
              c=((0, 0.996), (0.5, 0.998), (1, 0.996))),
    ),
    # a crosses, c stays 0.3 % apart.
    "one length crosses": (
        SHARP(name="A", weight=((0, 0.7), (1, 0.3)), a=((0, 1.0), (1, 1.004))),
        SHARP(name="B", weight=((0, 0.3), (1, 0.7)), a=((0, 1.004), (1, 1.0)), c=((0, 0.997),)),
    ),
    # Both lengths cross at once: the frames around show one phase, and no name is certain behind them.
    "both lengths cross": (
        SHARP(name="A", weight=((0, 0.6), (1, 0.6)), a=((0, 1.0), (1, 1.004)), c=((0, 1.0), (1, 0.996))),
        SHARP(name="B", weight=((0, 0.4), (1, 0.4)), a=((0, 1.004), (1, 1.0)), c=((0, 0.996), (1, 1.0))),
    ),
}  # fmt: skip


def refined(folder, name, order="AB"):
    """Return the true values by frame, and the refined table."""
    simulate_series(folder, SERIES[name], frames=FRAMES, seed=5, two_theta=(12.0, 80.0, 0.04), counts=12_000.0)
    phases = [(phase, str(folder / f"{phase}.cif")) for phase in order]
    return json.loads((folder / "truth.json").read_text())["frames"], fit_series(folder, phases, radiation="CuKa",
                                                                                glob="frame_*.xye")  # fmt: skip


@pytest.mark.parametrize("name", ["approach", "one length crosses"])
@pytest.mark.parametrize("order", ["AB", "BA"])
def test_names_do_not_swap(name, order, tmp_path):
    truth, series = refined(tmp_path, name, order)
    frames = series.frames
    assert frames["verdict"].eq("accepted").all()
    assert not len(series.transitions)
    for phase in "AB":
        true = {q: np.array([frame["phases"][phase][q] for frame in truth]) for q in ("weight_fraction", "a", "c")}
        pulls = (frames[f"{phase}.weight_fraction"] - true["weight_fraction"]) / frames[f"{phase}.weight_fraction_esd"]
        assert pulls.abs().max() < 4.5
        # Zero and displacement are ambiguous here and shift both cells alike, far less than these differ.
        for length in "ac":
            assert (frames[f"{phase}.{length}"] / true[length] - 1).abs().max() < 5e-4


def test_behind_a_crossing_a_frame_states_that_names_may_be_exchanged(tmp_path):
    truth, series = refined(tmp_path, "both lengths cross")
    frames = series.frames
    stated = frames["reason"].str.startswith("A and B may have exchanged their names")
    behind = int(np.flatnonzero(stated)[0])
    assert stated.sum() == 1
    together = frames["reason"].str.startswith("not distinguished: A and B")
    assert together[:behind].any()
    assert not together[behind:].any()
    # Both phases are found behind it: names apart, their cells and fractions are the true ones.
    for k in (0, FRAMES - 1):
        true = sorted((own["a"], own["weight_fraction"]) for own in truth[k]["phases"].values())
        found = sorted((frames[f"{name}.a"][k], frames[f"{name}.weight_fraction"][k]) for name in "AB")
        assert np.array(found)[:, 0] == pytest.approx(np.array(true)[:, 0], abs=0.002)
        assert np.array(found)[:, 1] == pytest.approx(np.array(true)[:, 1], abs=0.04)
    assert not len(series.transitions)


def test_only_phases_of_one_group_and_like_cells_are_confusable():
    phases = [
        ("P2", 194, (2.885, 2.885, 11.155)),
        ("P2b", 194, (2.89, 2.89, 11.2)),
        ("O3", 166, (2.98, 2.98, 16.1)),
        ("OP4", 194, (2.88, 2.88, 22.2)),
    ]
    assert confusable(phases) == [("P2", "P2b")]


ONE, OTHER = np.array([2.885, 2.885, 11.15]), np.array([2.895, 2.895, 11.11])


def test_a_frame_with_the_cells_the_other_way_round_is_found():
    one, other = np.array([ONE, ONE, OTHER, ONE]), np.array([OTHER, OTHER, ONE, OTHER])
    assert exchanged_frames(one, other).tolist() == [False, False, True, False]


@pytest.mark.parametrize(("slope", "expected"), [(0.0, []), (1.0, [(7, 3)])])
def test_names_are_certain_behind_a_gap_only_if_the_cells_do_not_approach(slope, expected):
    """The difference stays, or decreases to zero in frame 5 and would have the other sign in frame 7."""
    shares = np.array([1 - slope * k / 5 for k in range(4)] + [np.nan] * 3 + [1 - slope * 0.6, 1 - slope * 0.4])
    one = np.outer(np.ones(9), ONE)
    other = ONE + np.outer(shares, OTHER - ONE)
    assert list(renamed_frames(range(9), one, other)) == expected
