"""Rows of frames that do not distinguish phases: fractions, ranges, and the reason."""

import math

import pytest

from layerox.diffraction.model_setup import AlikePhases
from layerox.series.frame_row import GROUP_FRACTION, FrameRow, stated_fraction
from layerox.series.refinement.acceptance import judged
from layerox.series.tables import transitions
from layerox.series.undistinguished_rows import stating_groups, with_group

NOTHING = (math.nan, math.nan)


def numbers(fraction, esd, volume):
    """Return the quantities of a phase as they are read from a table: without a group."""
    return {"weight_fraction": (fraction, esd), "volume": (volume, 0.1), "support": (50.0, math.nan),
            "intensity_share": (fraction, math.nan), GROUP_FRACTION: NOTHING}  # fmt: skip


def row(frame=0, **phases):
    return FrameRow(frame=frame, file=f"f_{frame}", verdict="accepted", phases=phases)


def frame_of(shown, frame=0):
    """Return a frame that shows one of P3 and P'3."""
    absent = "Pp3" if shown == "P3" else "P3"
    own = {shown: numbers(0.4, 0.002, 100.0), absent: numbers(0.0, 0.001, math.nan), "P2": numbers(0.6, 0.002, 90.0)}
    return row(frame, **own)


def group(reach, *members):
    return AlikePhases(members=members, spread=0.003, threshold=10.0, change=2.0, reach=reach)


@pytest.mark.parametrize(("reach", "most"), [(0.3, 0.3), (math.inf, 0.4)])
def test_members_have_what_the_others_may_have_as_uncertainty(reach, most):
    found = stating_groups(with_group(frame_of("Pp3"), group(reach, "Pp3", "P3")))
    assert found.phases["Pp3"]["weight_fraction"] == pytest.approx((0.4, most), rel=1e-3)
    assert found.phases["P3"]["weight_fraction"] == pytest.approx((0.0, most))
    assert stated_fraction(found.phases["P3"]) == pytest.approx((0.4, math.hypot(0.002, 0.003)))
    assert stated_fraction(found.phases["P2"]) == (0.6, 0.002)
    expected = "not distinguished: P3 and Pp3, together 40.0(4) wt%"
    assert found.reason == (expected if math.isinf(reach) else f"{expected} (P3 0 to 30 wt%)")


def test_a_range_is_no_reason_to_quarantine_a_frame_but_an_undetermined_fraction_is():
    assert judged(with_group(frame_of("Pp3"), group(math.inf, "Pp3", "P3")), {}).verdict == "accepted"
    vague = row(P2=numbers(0.6, 0.3, 90.0), P3=numbers(0.4, 0.3, 100.0))
    assert judged(vague, {}).verdict == "quarantined"


@pytest.mark.parametrize(("reach", "events"), [(0.3, [("P3", "death", 1), ("Pp3", "birth", 1)]), (math.inf, [])])
def test_the_shown_phase_enters_if_the_other_one_cannot_have_the_whole_fraction(reach, events):
    rows = [frame_of("P3")]
    rows += [stating_groups(with_group(frame_of("Pp3", k), group(reach, "Pp3", "P3"))) for k in (1, 2)]
    found = transitions(rows, ["P2", "P3", "Pp3"])
    assert sorted((event.phase, event.kind, event.row.frame) for event in found) == events
