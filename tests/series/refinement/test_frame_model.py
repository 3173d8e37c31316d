"""The model of a frame: what it holds of disordered phases while their stacking changes."""

from types import SimpleNamespace

import numpy as np
import pytest

from disordered_slabs import phase
from layerox.diffraction.refinement_plan import NO_PLAN
from layerox.pattern import Pattern
from layerox.series.refinement.frame_model import FrameModel
from stacking_references import BEAM, INSTRUMENT

ANGLES = np.arange(14.0, 40.0, 0.1)
PATTERN = Pattern(two_theta=ANGLES, intensity=np.full(ANGLES.size, 100.0), sigma=np.full(ANGLES.size, 10.0),
                  sigma_source="poisson", radiation=BEAM)  # fmt: skip


def frame_model(*free):
    """Return the model of frames with a disordered phase, whose z was refined to 0.19 where the spacing was 5.444 A."""
    setup = SimpleNamespace(phases=[phase("P2~O2:0.2")], radiation=BEAM, plan=NO_PLAN)
    common = SimpleNamespace(setup=setup, values={"P2__O2_O1_z": 0.19}, instrument=INSTRUMENT, background_terms=3,
                             shared=(), free=free, seed_frames=())  # fmt: skip
    return FrameModel(common, PATTERN)


def test_slabs_keep_their_height_while_galleries_change():
    """Half of the galleries glide, to 4.9 A: c falls by 4 %, and z rises as much."""
    state = frame_model().start({"P2__O2_fraction": 0.5, "P2__O2_spacing_P2": 5.58, "P2__O2_spacing_O2": 4.9}, [0])
    model = frame_model()
    z, c = (state.values[model.place(0, slot)] for slot in ("O1_z", "c"))
    assert c == pytest.approx(0.5 * (5.58 + 4.9))
    assert z * c == pytest.approx(0.19 * (0.8 * 5.58 + 0.2 * 4.9))


def test_a_height_that_frames_refine_is_free():
    assert frame_model("P2__O2_O1_z").table.can_vary("P2__O2_O1_z")
    assert not frame_model().table.can_vary("P2__O2_O1_z")
