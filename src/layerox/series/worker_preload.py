"""Loads compiled code in the server from which workers are forked; only that server imports this module.

Loading takes a quarter of a second per process. The server reads and refines a minimal pattern of one atom, and the
workers inherit the loaded code; the result is not used.
"""

from __future__ import annotations

import numpy as np

from layerox.crystal.asymmetric_unit import Crystal, Site
from layerox.diffraction.model import Model
from layerox.diffraction.phase import Phase
from layerox.instrument import Instrument, Profile
from layerox.io.fast_number_reader import plain_table
from layerox.pattern import pattern_from_arrays
from layerox.radiation import radiation_from_text
from layerox.series.frame_setup import SeriesSetup
from layerox.series.refinement.common_parameters import from_scratch
from layerox.symmetry import symmetry_from_name


def load_loops() -> None:
    """Read a table and refine a pattern, both minimal."""
    plain_table(b"1 2\n3 4\n", 2)
    cell, symmetry = (4.2, 4.2, 4.2, 90.0, 90.0, 90.0), symmetry_from_name("P m -3 m")
    atom = Site(label="Na", element="Na", position=(0.0, 0.0, 0.0))
    phase = Phase(name="x", crystal=Crystal(name="x", cell=cell, symmetry=symmetry, sites=(atom,)), size_nm=50.0)
    beam, instrument = radiation_from_text("CuKa").polarized(0.5), Instrument(profile=Profile(w=0.01))
    model = Model(np.linspace(20.0, 70.0, 500), [phase], instrument, beam)
    counts = 50.0 + model.calculated(model.start).total
    pattern = pattern_from_arrays(model.two_theta, counts, radiation=beam)
    from_scratch(SeriesSetup(phases=(phase,), instrument=instrument, radiation=beam), pattern, instrument)


load_loops()
