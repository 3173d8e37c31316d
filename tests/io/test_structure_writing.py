"""Structure files re-read by gemmi and pymatgen, and by plain parsing where neither reads the format."""

import json
import re

import gemmi
import numpy as np
import pytest
from ase.io import read as ase_read
from gemmi import cif
from pymatgen.core import Composition as PymatgenComposition
from pymatgen.core import Structure
from pymatgen.io.cif import CifParser
from pymatgen.io.lammps.data import LammpsData
from pymatgen.io.vasp import Poscar

from layerox.builders import LIBRARY, build_atoms, build_crystal
from layerox.crystal.asymmetric_unit import Crystal
from layerox.crystal.atoms import atoms_from_crystal, supercell
from layerox.errors import InputError
from layerox.io.cif import read_crystal
from layerox.io.structure_writing import write_structure

NAMES = [*sorted(LIBRARY), "O6", "P2*4|O3*3", "Z:0.3"]
HKL = np.array([(h, k, m) for h in range(-2, 3) for k in range(3) for m in range(8)])


def _f_squared(positions, strengths, u_iso, cell):
    """|F|^2 of point scatterers whose strength is the atomic number times the occupancy."""
    reciprocal = np.array(gemmi.UnitCell(*cell).frac.mat.tolist())
    q_squared = ((HKL @ reciprocal) ** 2).sum(axis=1)
    damping = np.exp(-2 * np.pi**2 * np.outer(q_squared, u_iso))
    amplitude = (np.exp(2j * np.pi * HKL @ np.transpose(positions)) * damping) @ strengths
    return np.abs(amplitude) ** 2


def _of_crystal(crystal: Crystal, *, at_rest=False):
    positions, owner = crystal.expanded()
    sites = [crystal.sites[k] for k in owner]
    strengths = [gemmi.Element(s.element).atomic_number * s.occupancy for s in sites]
    return _f_squared(positions, strengths, [0.0 if at_rest else s.u_iso for s in sites], crystal.cell)


@pytest.mark.parametrize("name", NAMES)
def test_cifs_are_read_back_by_gemmi(name, tmp_path):
    crystal = build_crystal(name)
    path = tmp_path / "phase.cif"
    write_structure(crystal, path)
    structure = gemmi.read_small_structure(str(path))
    assert structure.spacegroup.xhm() == crystal.symmetry.name
    assert structure.cell.parameters == pytest.approx(crystal.cell)
    sites = structure.get_all_unit_cell_sites()
    content = {}
    for site in sites:
        content[site.element.name] = content.get(site.element.name, 0.0) + site.occ
    assert content == pytest.approx(crystal.content, rel=1e-6)
    positions = [site.fract.tolist() for site in sites]
    strengths = [site.element.atomic_number * site.occ for site in sites]
    theirs = _f_squared(positions, strengths, [site.u_iso for site in sites], structure.cell.parameters)
    ours = _of_crystal(crystal)
    assert theirs == pytest.approx(ours, rel=1e-6, abs=1e-6 * ours.max())


@pytest.mark.parametrize("name", NAMES)
def test_cifs_are_read_back_by_pymatgen(name, tmp_path):
    crystal = build_crystal(name)
    path = tmp_path / "phase.cif"
    write_structure(crystal, path)
    structure = CifParser(path, frac_tolerance=0).parse_structures(primitive=False)[0]
    content = {str(element): number for element, number in structure.composition.items()}
    assert content == pytest.approx(crystal.content, rel=1e-6)
    block = cif.read(str(path)).sole_block()
    stated = PymatgenComposition(cif.as_string(block.find_value("_chemical_formula_sum")))
    whole = stated * int(block.find_value("_cell_formula_units_Z"))
    assert {str(e): x for e, x in whole.items()} == pytest.approx(crystal.content, abs=1e-4)

    positions = [site.frac_coords for site in structure]
    strengths = [sum(e.Z * x for e, x in site.species.items()) for site in structure]
    at_rest = np.zeros(len(structure))
    theirs = _f_squared(positions, strengths, at_rest, structure.lattice.parameters)
    ours = _of_crystal(crystal, at_rest=True)
    assert theirs == pytest.approx(ours, rel=1e-6, abs=1e-6 * ours.max())


@pytest.mark.parametrize("name", NAMES)
def test_cifs_are_read_back_by_ase(name, tmp_path):
    crystal = build_crystal(name)
    path = tmp_path / "phase.cif"
    write_structure(crystal, path)
    atoms = ase_read(path, fractional_occupancies=True)
    shares = [atoms.info["occupancy"][str(kind)] for kind in atoms.arrays["spacegroup_kinds"]]
    content = {}
    for share in shares:
        for element, x in share.items():
            content[element] = content.get(element, 0.0) + x
    assert content == pytest.approx(crystal.content, rel=1e-6)
    strengths = [sum(gemmi.Element(e).atomic_number * x for e, x in share.items()) for share in shares]
    positions = atoms.get_scaled_positions()
    theirs = _f_squared(positions, strengths, np.zeros(len(atoms)), atoms.cell.cellpar())
    ours = _of_crystal(crystal, at_rest=True)
    assert theirs == pytest.approx(ours, rel=1e-6, abs=1e-6 * ours.max())


@pytest.mark.parametrize("name", NAMES)
def test_cifs_are_read_back_by_layerox(name, tmp_path):
    crystal = build_crystal(name)
    path = tmp_path / "phase.cif"
    write_structure(crystal, path)
    again = read_crystal(path)
    assert again.warnings == ()
    assert [site.label for site in again.sites] == [site.label for site in crystal.sites]
    theirs, ours = (np.array([site.position for site in c.sites]) for c in (again, crystal))
    assert theirs == pytest.approx(ours, abs=1e-9)
    assert [site.u_iso for site in again.sites] == pytest.approx([s.u_iso for s in crystal.sites], abs=1e-6)


def test_a_cif_carries_its_provenance(tmp_path):
    path = tmp_path / "P2.cif"
    crystal = build_crystal("P2", formula="Na0.6MnO2")
    write_structure(crystal, path)
    text = path.read_text()
    assert "CONSTRUCTED" in text.splitlines()[0]
    comment = cif.as_string(cif.read(str(path)).sole_block().find_value("_publ_section_comment"))
    assert crystal.source in comment
    assert "geometry_estimated" in comment


def test_a_cif_keeps_anisotropic_displacements_and_charges(tmp_path):
    source = tmp_path / "in.cif"
    write_structure(build_crystal("O3", formula="NaMnO2"), source)
    crystal = read_crystal(source)
    moved = [
        type(s)(label=s.label, element=s.element, position=s.position, charge=3 if s.element == "Mn" else 0,
                u_aniso=(0.01, 0.01, 0.02, 0.005, 0, 0), u_iso=0.04 / 3)
        for s in crystal.sites
    ]  # fmt: skip
    path = tmp_path / "out.cif"
    write_structure(Crystal(name="x", cell=crystal.cell, symmetry=crystal.symmetry, sites=tuple(moved)), path)
    again = read_crystal(path)
    assert {site.u_aniso for site in again.sites} == {(0.01, 0.01, 0.02, 0.005, 0, 0)}
    assert {site.species for site in again.sites} == {"Na", "Mn3+", "O"}


def test_atoms_are_written_as_a_p1_cif(tmp_path):
    atoms = build_atoms("P2", supercell=(2, 2, 1))
    path = tmp_path / "super.cif"
    write_structure(atoms, path)
    structure = gemmi.read_small_structure(str(path))
    assert structure.spacegroup.xhm() == "P 1"
    assert len({site.label for site in structure.sites}) == len(structure.sites) == len(atoms)
    assert sum(site.occ for site in structure.sites if site.element.name == "Na") == pytest.approx(4 * 4 / 3)


def test_extended_xyz_holds_lattice_labels_occupancies_layers_and_phases(tmp_path):
    atoms = build_atoms("P2*4|O3*3", supercell=(2, 2, 1))
    path = tmp_path / "cell.xyz"
    write_structure(atoms, path)
    number, comment, *rows = path.read_text().splitlines()
    assert int(number) == len(atoms) == len(rows)
    lattice = [float(x) for x in re.search(r'Lattice="([^"]+)"', comment)[1].split()]
    assert np.reshape(lattice, (3, 3)) == pytest.approx(atoms.lattice, abs=1e-7)
    properties = "species:S:1:pos:R:3:site_label:S:1:occupancy:R:1:layer:I:1:phase:S:1:site_kind:S:1"
    assert f"Properties={properties} " in comment
    cells = [row.split() for row in rows]
    assert [cell[0] for cell in cells] == atoms.elements.tolist()
    assert np.array([cell[1:4] for cell in cells], dtype=float) == pytest.approx(atoms.cartesian, abs=1e-7)
    assert [cell[4] for cell in cells] == atoms.labels.tolist()
    assert [float(cell[5]) for cell in cells] == pytest.approx(atoms.occupancies.tolist(), abs=1e-6)
    assert [int(cell[6]) for cell in cells] == atoms.layer.tolist()
    assert [cell[7] for cell in cells] == atoms.phase.tolist()


def test_a_crystal_without_layers_has_plain_columns(tmp_path):
    path = tmp_path / "P2.xyz"
    write_structure(build_crystal("P2"), path)
    assert "occupancy:R:1 pbc=" in path.read_text().splitlines()[1]


@pytest.mark.parametrize("cells", [(1, 1, 1), (3, 1, 1), (1, 3, 2)])
def test_poscars_are_read_back_by_pymatgen(cells, tmp_path):
    atoms = supercell(build_crystal("O3", formula="NaMnO2"), cells)
    path = tmp_path / "cell.vasp"
    write_structure(atoms, path)
    structure = Poscar.from_file(path, check_for_potcar=False).structure
    assert structure.composition.as_dict() == atoms.content
    assert _pair_distances(structure) == pytest.approx(_pair_distances(atoms.to_structure()), abs=1e-6)


@pytest.mark.parametrize("cells", [(1, 1, 1), (3, 1, 1), (1, 3, 2)])
def test_lammps_data_are_read_back_by_pymatgen(cells, tmp_path):
    atoms = supercell(build_crystal("O3", formula="NaMnO2"), cells)
    path = tmp_path / "cell.lmp"
    write_structure(atoms, path)
    structure = LammpsData.from_file(str(path), atom_style="atomic").structure
    assert structure.composition.as_dict() == atoms.content
    assert structure.volume == pytest.approx(np.linalg.det(atoms.lattice), rel=1e-6)
    assert _pair_distances(structure) == pytest.approx(_pair_distances(atoms.to_structure()), abs=1e-5)
    xy, xz, yz = (float(x) for x in re.search(r"^(\S+) (\S+) (\S+) xy xz yz$", path.read_text(), re.M).groups())
    (lx, ly) = (float(re.search(rf"^0.0 (\S+) {axis}lo", path.read_text(), re.M)[1]) for axis in "xy")
    assert abs(xy) <= lx / 2 + 1e-6
    assert abs(xz) <= lx / 2 + 1e-6
    assert abs(yz) <= ly / 2 + 1e-6


def test_lammps_data_carry_charges_where_all_ions_have_one(tmp_path):
    crystal = build_crystal("O3", formula="NaMnO2")
    charges = {"Na": 1, "Mn": 3, "O": -2}
    sites = tuple(type(s)(label=s.label, element=s.element, position=s.position, charge=charges[s.element])
                  for s in crystal.sites)  # fmt: skip
    path = tmp_path / "cell.lmp"
    write_structure(Crystal(name="x", cell=crystal.cell, symmetry=crystal.symmetry, sites=sites), path)
    data = LammpsData.from_file(str(path), atom_style="charge")
    assert data.atoms["q"].sum() == 0
    assert set(data.atoms["q"]) == {1, 3, -2}


def _pair_distances(structure: Structure) -> np.ndarray:
    return np.sort(structure.distance_matrix, axis=None)


def test_json_is_a_pymatgen_structure(tmp_path):
    crystal = build_crystal("P2")
    path = tmp_path / "P2.json"
    write_structure(crystal, path)
    structure = Structure.from_dict(json.loads(path.read_text()))
    assert structure.composition.almost_equals(atoms_from_crystal(crystal).to_structure().composition)
    assert structure.properties["source"] == crystal.source
    assert structure.site_properties["u_iso"][0] == pytest.approx(0.3 / (8 * np.pi**2))


@pytest.mark.parametrize("suffix", [".vasp", ".lmp"])
def test_formats_for_whole_atoms_refuse_partial_occupancies_and_leave_nothing(suffix, tmp_path):
    path = tmp_path / f"P2{suffix}"
    with pytest.raises(InputError, match=r"Mn1, Na.*order the cell"):
        write_structure(build_crystal("P2"), path)
    assert list(tmp_path.iterdir()) == []


def test_unknown_suffixes_and_missing_folders_are_refused(tmp_path):
    crystal = build_crystal("O1")
    with pytest.raises(InputError, match=r"unknown suffix '.cfi'; did you mean '.cif'"):
        write_structure(crystal, tmp_path / "O1.cfi")
    with pytest.raises(InputError, match="there is no such folder"):
        write_structure(crystal, tmp_path / "nowhere" / "O1.cif")
    assert list(tmp_path.iterdir()) == []


def test_an_existing_file_is_replaced_as_a_whole(tmp_path):
    path = tmp_path / "O1.cif"
    path.write_text("x" * 100_000)
    write_structure(build_crystal("O1"), path, overwrite=True)
    assert read_crystal(path).space_group == "P-3m1"
    assert sorted(tmp_path.iterdir()) == [tmp_path / ".layerox.jsonl", path]


def test_odd_names_make_readable_files(tmp_path):
    path = tmp_path / "cell.cif"
    write_structure(build_crystal("AB BA", formula="Na0.6MnO2"), path)
    assert cif.read(str(path)).sole_block().name == "AB_BA"
