"""Segments: every frame in one, none much shorter than the others, whatever the length of the series."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from layerox.series.parametric.refine import FEWEST
from layerox.series.refinement.segment import MOST_FRAMES, segment_ranges


@given(st.integers(min_value=1, max_value=20_000))
def test_segments_hold_every_frame_once_and_are_as_long_as_each_other(count):
    found = segment_ranges(count)
    assert [k for segment in found for k in segment] == list(range(count))
    lengths = {len(segment) for segment in found}
    assert max(lengths) - min(lengths) <= 1
    assert max(lengths) <= 1.5 * MOST_FRAMES
    assert len(found) == 1 or min(lengths) >= 0.75 * FEWEST


@pytest.mark.parametrize(("count", "lengths"), [(41, [20, 21]), (2000, [100] * 20), (7, [7]), (400, [50] * 8)])
def test_no_frame_is_left_over(count, lengths):
    """41 frames were 20, 20 and 1."""
    assert [len(segment) for segment in segment_ranges(count)] == lengths
