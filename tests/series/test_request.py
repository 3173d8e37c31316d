"""What run.json says of a series: layers, free cell parameters and the strongest reflections of its phases."""

from dataclasses import replace

import numpy as np
import pytest

from layerox.builders import build_crystal
from layerox.crystal.asymmetric_unit import Crystal, Site
from layerox.diffraction.phase import Phase
from layerox.instrument import Instrument
from layerox.pattern import pattern_from_arrays
from layerox.radiation import radiation_from_text
from layerox.series.frame_setup import SeriesSetup
from layerox.series.request import cell_variables, described, layers_in
from layerox.series.scenarios import crystal_of
from layerox.symmetry import symmetry_from_name


@pytest.mark.parametrize(
    ("name", "slabs", "metals"),
    [("P2", 2, 2), ("O3", 3, 3), ("P3", 3, 3), ("OP4", 4, 4), ("O1", 1, 1), ("Pp2", 2, 4), ("Op3", 1, 2)],
)
def test_slabs_and_metals_of_a_cell(name, slabs, metals):
    """As many slabs as the stacking word has letters pairs; the centred cells hold two metals a slab."""
    assert layers_in(build_crystal(name)) == {"hkl": [0, 0, 1], "slabs": slabs, "metals": metals}


@pytest.mark.parametrize("name", ["spinel", "Al"])
def test_what_has_no_layers_states_it(name):
    assert layers_in(crystal_of(name)) is None


def test_protons_make_no_slabs():
    """Brucite: Mg in 1a, O and H in 2d of P-3m1 (cell and heights RECALLED, good enough for the question)."""
    sites = tuple(
        Site(label=element, element=element, position=position)
        for element, position in (("Mg", (0, 0, 0)), ("O", (1 / 3, 2 / 3, 0.22)), ("H", (1 / 3, 2 / 3, 0.43)))
    )
    group = symmetry_from_name("P -3 m 1")
    brucite = Crystal(name="brucite", cell=(3.14, 3.14, 4.77, 90, 90, 120), symmetry=group, sites=sites)
    assert layers_in(brucite) is None


@pytest.mark.parametrize(
    ("name", "variables"),
    [("P2", [[0, 1], [2]]), ("spinel", [[0, 1, 2]]), ("Op3", [[0], [1], [2], [4]]), ("Pp2", [[0], [1], [2]])],
)
def test_free_quantities_of_a_cell(name, variables):
    assert cell_variables(crystal_of(name)) == variables


# Markers (Cu K alpha 1, relative to the strongest peak below 66 degrees) that pymatgen gives for the same reference
# structures, without K alpha 2, texture and dispersion, so that they agree to a few per cent of the strongest.
MARKERS = {
    "P2": {(0, 0, 2): 100, (0, 0, 4): 15, (1, 0, 0): 21, (1, 0, 2): 44, (1, 0, 3): 16, (1, 0, 4): 43, (1, 1, 0): 18},
    "O3": {(0, 0, 3): 65, (0, 0, 6): 16, (1, 0, 1): 13, (1, 0, 4): 100, (1, 1, 0): 26},
}


def setup_of(*names):
    phases = tuple(Phase(name=name, crystal=crystal_of(name)) for name in names)
    return SeriesSetup(phases=phases, instrument=Instrument(), radiation=radiation_from_text("CuKa").polarized(0.5))


@pytest.mark.parametrize("name", MARKERS)
def test_the_strongest_reflections_are_those_of_the_markers(name):
    two_theta = np.linspace(10.0, 66.0, 50)
    pattern = pattern_from_arrays(two_theta, np.full(50, 100.0))
    found = described(setup_of(name), pattern)["structures"][name]["reflections"]
    intensities = {tuple(row["hkl"]): 100 * row["intensity"] for row in found}
    assert found[0]["intensity"] == 1.0
    for hkl, expected in MARKERS[name].items():
        assert intensities[hkl] == pytest.approx(expected, abs=4), hkl


def test_beam_range_and_versions_are_reported():
    two_theta = np.linspace(15.0, 60.0, 40)
    said = described(setup_of("P2", "Al"), pattern_from_arrays(two_theta, np.full(40, 9.0)))
    assert said["measured"]["two_theta"] == [15.0, 60.0]
    assert said["measured"]["wavelength"] == pytest.approx(1.5405929)
    assert said["measured"]["sigma_source"] == "poisson"
    assert said["structures"]["Al"]["formula"] == "Al"
    assert "numpy" in said["versions"]


def test_a_width_that_nobody_knows_does_not_matter():
    pattern = pattern_from_arrays(np.linspace(10.0, 66.0, 50), np.full(50, 100.0))
    plain, sized = setup_of("P2"), setup_of("P2")
    sized = replace(sized, phases=tuple(replace(phase, size_nm=8.0) for phase in sized.phases))
    assert described(plain, pattern)["structures"] == described(sized, pattern)["structures"]
