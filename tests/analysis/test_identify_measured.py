"""Identification of measured patterns whose phases are known by weighing or are stated by their authors."""

from pathlib import Path

import pytest

import layerox as lx
from layerox.analysis.beam_setup import Beam, pattern_from
from layerox.analysis.identify import candidates_from
from layerox.diffraction.identification import find_phases
from reference_crystals import crystal

OXIDES = Path(__file__).parents[1] / "benchmarks" / "oxides"
# Phases of the heating series that the library does not have, from the refinement files beside it (phase_models.csv).
NACL = crystal("NaCl", "F m -3 m", (5.8235, 5.8235, 5.8235, 90.0, 90.0, 90.0),
               ("Na1", "Na", (0.0, 0.0, 0.0)), ("Cl1", "Cl", (0.5, 0.5, 0.5)))  # fmt: skip
PYROCHLORE = crystal(
    "Y2Mn2O7", "F d -3 m:2", (9.98336, 9.98336, 9.98336, 90.0, 90.0, 90.0),
    ("Y1", "Y", (0.5, 0.5, 0.5)), ("Mn1", "Mn", (0.0, 0.0, 0.0)),
    ("O1", "O", (0.328, 0.125, 0.125)), ("O2", "O", (0.375, 0.375, 0.375)),
)  # fmt: skip


def found_in(path, candidates, **beam):
    data = pattern_from(lx.read_pattern(path), None)
    chosen = candidates_from(candidates)
    found = find_phases(data, chosen, *Beam(**beam).resolve(data))
    return {chosen[row.index].group for row in found.members}


@pytest.mark.parametrize(
    ("mixture", "truth"),
    [
        ("Cr2O3_Fe3O4_Y2O3", {"Cr2O3", "Fe3O4", "Y2O3"}),
        ("V2O5_Cr2O3_Y2O3_LiCoO2", {"V2O5", "Cr2O3", "Y2O3", "O3"}),
    ],
)
def test_weighed_mixtures_with_a_spinel_and_with_licoo2(measured_data, mixture, truth):
    """Equal weights (CederGroupHub/dara), among 26 structures from the literature and the library."""
    path = measured_data / "alab-equal-weight" / "patterns" / f"{mixture}.12-min.xrdml"
    assert found_in(path, [str(OXIDES)]) == truth


def test_magnetite_of_the_round_robin_is_the_spinel_of_the_library(measured_data):
    """A pure phase (Madsen et al. 2001); the library's spinels are of manganese, their cells 1.9 % off."""
    path = measured_data / "cpd-round-robin" / "prn" / "magnetit.prn"
    assert found_in(path, None, radiation="CuKa", monochromator=26.6) == {"spinel"}


def test_a_frame_of_a_heating_series_with_seven_phases_has_no_wrong_one(measured_data):
    """Frame 230 (Todd et al. 2021): Y2O3, P3, Y2Mn2O7, and less than 10 wt% each of P2, NaCl, Mn2O3, Na3MnO4.

    A search holds five phases at most: the strongest ones are found, the layered ones are not.
    """
    models = {entry.name for cathode in lx.library.cathodes.values() for entry in cathode.all_entries}
    library = [name for name in lx.library if name not in models]
    path = measured_data / "naxmno2-heating-100-230" / "frames" / "230.xye"
    found = found_in(path, [*library, NACL, PYROCHLORE, str(OXIDES / "Y2O3.cif")], radiation=0.2413,
                     geometry="debye-scherrer")  # fmt: skip
    assert found >= {"Y2O3", "Y2Mn2O7"}
    assert found <= {"P3", "Y2O3", "Y2Mn2O7", "P2", "NaCl", "Mn2O3"}
