"""Disordered stackings as phase arguments: names, files, refusals, and what of a structure they take."""

import pytest

from layerox.analysis.disordered_arguments import disordered_from
from layerox.analysis.layer_contents import layer_content
from layerox.analysis.phase_arguments import phase_from, phases_from
from layerox.builders import build_crystal
from layerox.diffraction.disordered.phase import DisorderedPhase
from layerox.errors import InputError
from layerox.io.structure_writing import cif_text


def cif_file(folder, name, phase, **options):
    path = folder / f"{name}.cif"
    path.write_text(cif_text(build_crystal(phase, **options)))
    return path


@pytest.mark.parametrize("kind", ["P2", "P3", "O3", "O2"])
def test_a_structure_as_slab_and_gallery(kind):
    """Mesh, spacing and sodium of the library's cells: c over the number of slabs, occupancies by site."""
    crystal = build_crystal(kind)
    slabs = {"P2": 2, "P3": 3, "O3": 3, "O2": 2}[kind]
    found = layer_content(crystal)
    assert found.kind == kind
    assert found.a == pytest.approx(crystal.cell[0], rel=1e-6)
    assert found.gallery.spacing == pytest.approx(crystal.cell[2] / slabs, rel=1e-6)
    held = sum(atom.occupancy for atoms in found.gallery.sites.values() for atom in atoms)
    assert held == pytest.approx(crystal.content["Na"] / slabs, rel=1e-3)
    assert sum(atom.occupancy for atom in found.slab.metals) == pytest.approx(1.0)


def test_another_setting_is_the_same_structure():
    one, other = layer_content(build_crystal("P2")), layer_content(build_crystal("P2", supercell=(2, 1, 1)))
    assert other.a == pytest.approx(one.a)
    assert other.gallery.sites["face"][0].occupancy == pytest.approx(one.gallery.sites["face"][0].occupancy)


def test_names_and_options():
    assert phase_from("P2~P3:0.4,thickness=8").name == "P2~P3"
    named = phase_from("X=P2~P3:0.4,thickness=8")
    assert named.name == "X"
    assert named.disorder.persistence == pytest.approx(0.75)
    assert phase_from("Z:0.3").disorder.kinds == ("P2", "O2")
    assert not isinstance(phase_from("Z:0.3*20"), DisorderedPhase)


def test_files(tmp_path):
    one = cif_file(tmp_path, "a", "P2", a=2.90)
    other = cif_file(tmp_path, "b", "P3", formula="Na2/3Ni1/3Mn2/3O2", a=2.90)
    found = phase_from(f"{one}~{other}:0.4,thickness=8")
    assert found.disorder.kinds == ("P2", "P3")
    assert found.disorder.fractions == pytest.approx((0.6, 0.4))


def test_a_file_whose_name_holds_a_tilde_wins(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    cif_file(tmp_path, "P2~O3", "P2")
    assert not isinstance(phase_from("P2~O3.cif"), DisorderedPhase)
    other = cif_file(tmp_path, "b", "O3", formula="NaNi1/3Mn2/3O2", a=2.9)
    assert phase_from(f"P2~O3.cif~{other}").disorder.kinds == ("P2", "O3")


def test_files_of_different_slabs(tmp_path):
    one = cif_file(tmp_path, "a", "P2")
    metals = cif_file(tmp_path, "b", "P3", formula="Na0.67CoO2", a=2.9)
    wide = cif_file(tmp_path, "c", "P3", formula="Na2/3Ni1/3Mn2/3O2", a=3.1)
    with pytest.raises(InputError, match="hold different metals"):
        phase_from(f"{one}~{metals}")
    with pytest.raises(InputError, match="has a mesh of"):
        phase_from(f"{one}~{wide}")
    with pytest.raises(InputError, match="both structures are P2"):
        phase_from(f"{one}~{one}")


@pytest.mark.parametrize(
    ("phase", "fault"),
    [
        ("spinel", "no slabs and galleries"),
        ("Pp2", "monoclinic or orthorhombic"),
        ("OP4", "galleries of several kinds"),
    ],
)
def test_what_has_no_hexagonal_slab(tmp_path, phase, fault):
    one, other = cif_file(tmp_path, "a", "P2"), cif_file(tmp_path, "b", phase)
    with pytest.raises(InputError, match=fault):
        phase_from(f"{one}~{other}")


def test_beside_both_ends():
    with pytest.raises(InputError, match="stands beside P2 and O3"):
        phases_from(["P2~O3", "P2", "O3"])
    assert len(phases_from(["X=P2~O3", "P2", "O3"])) == 3
    assert len(phases_from(["P2~O3", "P2"])) == 2


def test_beside_both_ends_under_other_names(tmp_path):
    one, other = cif_file(tmp_path, "a", "P2"), cif_file(tmp_path, "b", "O3")
    with pytest.raises(InputError, match="stands beside P2 and O3"):
        phases_from(["P2~O3", f"{one}", f"mine={other}"])
    assert len(phases_from(["P2~O3", f"{one}", "spinel", "OP4", "Op3"])) == 5


def test_default_mesh_is_the_mean():
    found = disordered_from("P2~O3:0.25")
    expected = 0.75 * build_crystal("P2").cell[0] + 0.25 * build_crystal("O3").cell[0]
    assert found.crystal.cell[0] == pytest.approx(expected)
