"""Quantities by the names that users know, and which of them may follow a function."""

import pytest

from layerox.errors import InputError
from layerox.series.parametric.frame_equations import cell_lengths, quantity_of
from layerox.series.refinement.frame_model import FrameModel


@pytest.fixture(scope="module")
def frame_model(laboratory):
    source = laboratory.source([0.0], {"P2_a": [2.9]}, seed=1)
    return FrameModel(laboratory.common(source), source.first)


@pytest.mark.parametrize(
    ("name", "phase"),
    [("P2_a", 0), ("Al_a", 1), ("P2_size", 0), ("instrument_displacement", None), ("P2_microstrain", 0)],
)
def test_quantities_know_whose_they_are(frame_model, name, phase):
    found = quantity_of(name, frame_model)
    assert (found.name, found.phase) == (name, phase)
    assert found.to_user(found.to_model(12.5)) == pytest.approx(12.5)


def test_a_size_is_one_over_what_the_model_holds(frame_model):
    found = quantity_of("P2_size", frame_model)
    assert found.to_model(80.0) == pytest.approx(0.0125)
    step = 1e-4
    numerical = (found.to_model(80.0 + step) - found.to_model(80.0 - step)) / (2 * step)
    assert found.slope(found.to_model(80.0)) == pytest.approx(numerical, rel=1e-6)


@pytest.mark.parametrize(
    ("name", "fault"),
    [("P2_q", "did you mean"), ("P2_b", "follows P2_a"), ("P2_alpha", "ruled by symmetry"),
     ("background_1", "each frame's own")],
)  # fmt: skip
def test_what_cannot_follow_a_function_is_refused(frame_model, name, fault):
    with pytest.raises(InputError, match=fault):
        quantity_of(name, frame_model)


def test_the_cell_lengths_that_frames_refine(frame_model, laboratory):
    assert cell_lengths(frame_model, frame_model.common.free) == ["P2_a", "P2_c", "Al_a"]
