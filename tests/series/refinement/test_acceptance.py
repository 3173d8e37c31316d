"""Frames compared with their neighbours: tables made by hand, so that every expected answer is known."""

import math

import numpy as np
import pytest

from layerox.series.frame_row import FrameRow
from layerox.series.refinement.acceptance import DoubtfulFrames, SeriesTrace, judged, judged_alone, undetermined

PAIR = ("P2", "P2b")


def row(frame, *, gof=1.0, r_wp=0.05, displacement=(0.0, 0.01), cells=None, fraction_esd=0.01, verdict="accepted"):
    """Return a row with two P2 phases whose c is given (angstrom)."""
    phases = {
        name: {
            "a": (2.885, 1e-4),
            "b": (2.885, 1e-4),
            "c": (c, 1e-3),
            "volume": (80.0, 0.1),
            "weight_fraction": (0.5, fraction_esd),
        }
        for name, c in (cells or {}).items()
    }
    return FrameRow(
        frame=frame, file=f"{frame}", verdict=verdict, gof=gof, r_wp=r_wp, phases=phases,
        offsets={"displacement": displacement},
    )  # fmt: skip


def trace(rows, pairs=()):
    found = SeriesTrace(pairs=pairs)
    found.add(rows)
    return found


def test_frames_alike_raise_no_doubt():
    noise = np.random.default_rng(1).normal(1.0, 0.02, 40)
    found = trace([row(k, gof=float(g)) for k, g in enumerate(noise)])
    assert found.doubts() == []
    assert found.verdicts() == {}


@pytest.mark.parametrize(
    ("gofs", "first", "last", "before", "after"),
    [
        ([1.0] * 8 + [2.2] + [1.0] * 8, 8, 8, 7, 9),
        ([1.0] * 8 + [2.2] * 7, 8, 14, 7, None),
        ([2.2] * 7 + [1.0] * 8, 0, 6, None, 7),
    ],
    ids=["one frame", "to the end", "from the beginning"],
)
def test_a_run_that_fits_worse_is_in_doubt(gofs, first, last, before, after):
    found = trace([row(k, gof=g) for k, g in enumerate(gofs)])
    assert found.doubts() == [DoubtfulFrames(first=first, last=last, exchanged=False, before=before, after=after)]


def test_one_frame_that_stays_worse_is_quarantined_and_a_long_run_has_a_reason():
    one = trace([row(k, gof=2.2 if k == 8 else 1.0) for k in range(17)]).verdicts()
    assert one == {8: (False, "goodness of fit 2.2, 1 in the frames around")}
    run = trace([row(k, gof=2.2 if k >= 8 else 1.0) for k in range(17)]).verdicts()
    assert sorted(run) == list(range(8, 17))
    assert all(accepted for accepted, _ in run.values())
    last = trace([row(k, gof=2.2 if k == 16 else 1.0) for k in range(17)]).verdicts()
    assert last == {16: (True, "goodness of fit 2.2, 1 in the frames around")}


def test_fewer_counts_are_stated_and_are_no_fault():
    found = trace([row(k, r_wp=0.40 if k == 5 else 0.05) for k in range(11)])
    assert found.doubts() == []
    assert found.verdicts() == {5: (True, "R_wp 40 %, 5 % in the frames around: far fewer counts")}


def test_a_specimen_that_jumps_is_quarantined_and_one_that_drifts_is_not():
    jump = trace([row(k, displacement=(0.9 if k == 6 else 0.02, 0.01)) for k in range(13)]).verdicts()
    assert jump == {6: (False, "displacement 0.90 mm, 0.02 mm in the frames around")}
    assert trace([row(k, displacement=(0.03 * k, 0.01)) for k in range(30)]).verdicts() == {}


def test_a_vague_displacement_is_no_jump():
    assert trace([row(k, displacement=(0.9 if k == 6 else 0.0, 0.3)) for k in range(13)]).verdicts() == {}


def test_exchanged_cells_are_found_from_the_frame_of_the_exchange_on():
    c = {"P2": 11.15, "P2b": 11.19}
    swapped = {"P2": 11.19, "P2b": 11.15}
    rows = [row(k, cells=swapped if 5 <= k < 9 else c) for k in range(15)]
    found = trace(rows, pairs=[PAIR]).doubts()
    assert found == [DoubtfulFrames(first=5, last=8, exchanged=True, before=4, after=9)]
    # Both cells may move further between frames than they are apart; they keep their order.
    moving = [row(k, cells={n: v + 0.1 * k for n, v in c.items()}) for k in range(15)]
    assert trace(moving, pairs=[PAIR]).doubts() == []


def test_a_fraction_without_meaning_quarantines_its_frame():
    vague = row(0, cells={"P2": 11.15}, fraction_esd=0.25)
    assert undetermined(vague) == "the fraction of P2 is undetermined, esd 25 wt%"
    assert judged(vague, {}).verdict == "quarantined"
    clear = row(1, cells={"P2": 11.15}, fraction_esd=0.19)
    assert judged(clear, {}) is clear


def test_a_verdict_is_given_once_and_quarantined_rows_keep_their_reason():
    bad = row(3, verdict="quarantined")
    assert judged(bad, {3: (False, "goodness of fit 9")}) is bad
    good = judged(row(4), {4: (False, "goodness of fit 9, 1 in the frames around")})
    assert (good.verdict, good.reason) == ("quarantined", "goodness of fit 9, 1 in the frames around")


def test_a_frame_without_neighbours_is_judged_by_what_is_possible():
    assert judged_alone(row(0)).is_good
    far = judged_alone(row(0, displacement=(1.3, 0.01)))
    assert (far.verdict, far.reason) == ("quarantined", "displacement 1.30 mm, more than a mounted specimen has")
    assert judged_alone(row(0, cells={"P2": 11.15}, fraction_esd=0.3)).verdict == "quarantined"


def test_frames_without_a_displacement_are_compared_all_the_same():
    rows = [row(k, displacement=(math.nan, math.nan)) for k in range(12)]
    assert trace(rows).verdicts() == {}
