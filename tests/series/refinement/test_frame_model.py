"""The model of a frame: what it holds of disordered phases while their stacking changes."""

from types import SimpleNamespace

import numpy as np

from disordered_slabs import phase
from layerox.diffraction.refinement_plan import NO_PLAN
from layerox.pattern import Pattern
from layerox.series.refinement.frame_model import FrameModel
from layerox.series.refinement.phase_presence import PhaseLevel
from stacking_references import BEAM, INSTRUMENT

ANGLES = np.arange(14.0, 40.0, 0.1)
PATTERN = Pattern(two_theta=ANGLES, intensity=np.full(ANGLES.size, 100.0), sigma=np.full(ANGLES.size, 10.0),
                  sigma_source="poisson", radiation=BEAM)  # fmt: skip


def frame_model(*free, **values):
    """Return the model of frames with a disordered phase, whose z was refined to 0.19."""
    setup = SimpleNamespace(phases=[phase("P2~O2:0.2")], radiation=BEAM, plan=NO_PLAN)
    common = SimpleNamespace(setup=setup, values={"P2__O2_O1_z": 0.19, **values}, instrument=INSTRUMENT,
                             background_terms=3, shared=(), free=free, seed_frames=())  # fmt: skip
    return FrameModel(common, PATTERN)


def test_heights_are_those_of_the_given_phase():
    """Seed frames with other fractions have another mean spacing; the common z is not a fraction of it."""
    cell = {"a": 2.9, "b": 2.9, "c": 5.2, "alpha": 90.0, "beta": 90.0, "gamma": 120.0}
    model = frame_model(**{f"P2__O2_{name}": value for name, value in cell.items()})
    (own,) = model.phases
    assert own.crystal.cell[0] == 2.9
    assert own.values[own.slot_names.index("O1_z")] == phase("P2~O2:0.2").values[own.slot_names.index("O1_z")]


def test_a_height_that_frames_refine_is_free():
    names = frame_model("P2__O2_O1_z")._free[0][PhaseLevel.WIDTHS]
    assert names == ["P2__O2_O1_z"]
    assert frame_model()._free[0][PhaseLevel.WIDTHS] == []
