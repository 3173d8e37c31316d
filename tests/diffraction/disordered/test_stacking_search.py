"""Search of stackings: what to do where the pattern no longer depends on the persistence."""

import pytest

from disordered_slabs import phase
from layerox.diffraction.constraints import parameters_of
from layerox.diffraction.disordered.stacking_search import random_instead_of_least
from layerox.diffraction.model import Model
from stacking_references import ANGLES, BEAM, INSTRUMENT


@pytest.mark.parametrize(("persistence", "is_dead"), [(-0.2, True), (-0.05, False), (0.3, False)])
def test_a_persistence_below_the_least_becomes_random(persistence, is_dead):
    """With a tenth of O2 the least persistence is -0.1 / 0.9."""
    model = Model(ANGLES[:200], [phase("P2~O2:0.1")], INSTRUMENT, BEAM)
    table = parameters_of(model)
    table.assign("P2__O2_persistence", persistence)
    assert random_instead_of_least(model, table) is None  # it is fixed
    table.free(["P2__O2_persistence"])
    found = random_instead_of_least(model, table)
    assert (found is not None) == is_dead
    assert table.value("P2__O2_persistence") == persistence
    if found is not None:
        assert found.value("P2__O2_persistence") == 0.0
