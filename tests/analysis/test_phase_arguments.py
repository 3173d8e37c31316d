"""What a user may give as a phase."""

import pytest

from layerox.analysis.phase_arguments import phase_from, phases_from
from layerox.builders import LIBRARY, build_structure
from layerox.crystal.asymmetric_unit import structure_from_crystal
from layerox.errors import InputError
from layerox.io.structure_writing import write_structure
from reference_crystals import o3, p2, phase


@pytest.fixture
def cif(tmp_path):
    path = tmp_path / "sample.cif"
    write_structure(p2(), path)
    return path


def test_library_name():
    found = phase_from("P2")
    assert (found.name, found.crystal.space_group) == ("P2", "P63/mmc")
    assert "RECALLED" in found.crystal.source


@pytest.mark.parametrize(("name", "group"), [("Pp2", "Cmcm"), ("spinel", "Fd-3m"), ("Al", "Fm-3m"), ("C93_O3", "R-3m")])
def test_every_name_of_the_library_is_a_phase(name, group):
    assert phase_from(name).crystal.space_group == group


def test_a_published_cathode_is_all_of_its_phases():
    assert [phase.name for phase in phases_from(["C106", "Al"])] == ["C106_P2", "C106_P3", "C106_spinel", "Al"]


def test_an_entry_of_the_library_is_a_phase():
    assert phase_from(LIBRARY["Op3_NaMnO2"]).name == "Op3_NaMnO2"


def test_stacking_word():
    assert phase_from("AB BA").crystal.space_group == "P63/mmc"


@pytest.mark.parametrize("kind", [str, lambda path: path])
def test_file_is_called_by_its_stem(cif, kind):
    assert phase_from(kind(cif)).name == "sample"


def test_named_file_and_named_library_phase(cif):
    assert phase_from(f"cathode={cif}").name == "cathode"
    assert phase_from("majority=P2").name == "majority"
    assert phase_from(("minor", "O3")).name == "minor"


def test_structure_is_called_by_its_formula_and_gets_its_symmetry():
    structure = structure_from_crystal(p2())
    structure.properties = {}
    found = phase_from(structure)
    assert found.name == "Na0.67Mn0.667Ni0.333O2"
    assert found.crystal.space_group == "P63/mmc"
    assert [r.code for r in found.crystal.warnings] == ["symmetry_found"]


def test_built_structure_comes_back():
    found = phase_from(("P2", build_structure("P2")))
    assert found.crystal.space_group == "P63/mmc"


def test_crystal_and_phase_pass_through():
    assert phase_from(o3()).crystal.cell == o3().cell
    ready = phase(o3(), size_nm=40.0)
    assert phase_from(ready) is ready


@pytest.mark.parametrize(
    ("argument", "message"),
    [
        ("P7", "unknown phase 'P7'; did you mean 'P3'"),
        ("nowhere.cif", "nowhere.cif: no such file"),
        ("x=", "write NAME=FILE"),
        (3.5, "a float is not a phase"),
    ],
)
def test_nonsense_is_refused(argument, message):
    with pytest.raises(InputError, match=message):
        phase_from(argument)


@pytest.mark.parametrize(
    ("phase", "options"),
    [("P2", {}), ("Pp2", {}), ("P2", {"ordered": True, "supercell": (3, 3, 1)}), ("P2*4|O3*3", {})],
)
def test_a_built_structure_has_the_name_of_its_phase(phase, options):
    assert phase_from(build_structure(phase, **options)).name == phase


def test_no_phase_and_two_of_one_name(cif):
    with pytest.raises(InputError, match="no phase is given"):
        phases_from([])
    with pytest.raises(InputError, match="two phases have the name 'P2'; name them: NAME=FILE"):
        phases_from(["P2", "P2"])
    assert [p.name for p in phases_from(["P2", f"b={cif}"])] == ["P2", "b"]
