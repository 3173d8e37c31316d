"""Pseudo-symmetric cells: the opposite distortion by its definition, and a false minimum that a fit leaves."""

import numpy as np
import pytest

from layerox.analysis.fit import fit
from layerox.analysis.phase_arguments import phases_from
from layerox.diffraction.phase import Phase
from layerox.diffraction.pseudo_symmetry import opposite_cell
from mixtures import lowered, mixture


def crystal(name):
    return phases_from([name])[0].crystal


@pytest.mark.parametrize("distortion", [0.002, -0.004])
def test_the_ratio_of_a_and_b_is_on_the_other_side(distortion):
    """The hexagonal metric in its monoclinic cell has a / b = sqrt(3)."""
    own = lowered(crystal("O3"), distortion)
    opposite = opposite_cell(own.symmetry, own.cell)
    assert opposite[0] / opposite[1] / 3**0.5 == pytest.approx(1 / (1 + distortion), abs=5e-5)
    assert opposite[[3, 5]] == pytest.approx([90.0, 90.0])
    assert opposite_cell(own.symmetry, opposite.tolist()) == pytest.approx(np.array(own.cell), rel=1e-4)


@pytest.mark.parametrize("name", ["P2", "O3", "spinel"])
def test_a_cell_of_high_symmetry_has_none(name):
    own = crystal(name)
    assert opposite_cell(own.symmetry, own.cell) is None


def test_an_undistorted_cell_and_one_far_from_it_have_none():
    assert opposite_cell(lowered(crystal("O3")).symmetry, lowered(crystal("O3")).cell) is None
    far = lowered(crystal("O3"), 0.06)
    assert opposite_cell(far.symmetry, far.cell) is None


@pytest.mark.parametrize("distortion", [0.001, -0.001])
@pytest.mark.parametrize("given", [0.002, -0.002])
def test_a_small_distortion_is_found_from_either_side(distortion, given):
    """Without a start on both sides a / b stays on the given one, and a phase O3 takes a third of O'3."""
    true = Phase(name="Op3", crystal=lowered(crystal("O3"), distortion), size_nm=200.0, microstrain=0.0002)
    data = mixture((true, "P2"), (0.5, 0.5), seed=5, counts=40_000.0)
    result = fit(data, [("Op3", lowered(crystal("O3"), given)), "P2", "O3"])
    fraction = result.weight_fractions["Op3"]
    assert float(fraction) == pytest.approx(0.5, abs=4 * min(fraction.esd, 0.01))
    cell = result.phase("Op3").cell
    assert float(cell["a"]) / float(cell["b"]) / 3**0.5 == pytest.approx(1 + distortion, abs=2e-4)
