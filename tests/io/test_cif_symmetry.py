"""The group of a CIF where its statements contradict each other: incomplete lists of operations, two origins, repeated
atoms. Structures: rock salt, silicon and the layered LiNiO2 of textbooks; multiplicities of International Tables A."""

import gemmi
import pytest

from layerox.errors import InputError
from layerox.io.cif import read_crystal

CUBE = "90 90 90"
NACL = ("5.64 5.64 5.64 " + CUBE, "Na1 Na 0 0 0 1\nCl1 Cl 0.5 0.5 0.5 1")
SILICON = ("5.4309 5.4309 5.4309 " + CUBE, "Si1 Si 0 0 0 1")
LAYERED = ("2.878 2.878 14.19 90 90 120", "Ni Ni 0 0 0 1\nLi Li 0 0 0.5 1\nO O 0 0 0.2586 1")
R3M = "R -3 m:H"


def operations_of(name, *, centred=True):
    group = gemmi.SpaceGroup(name).operations()
    return [op.triplet() for op in (group if centred else group.sym_ops)]


@pytest.fixture
def read(tmp_path):
    def read(cell, atoms, *, group=None, operations=(), columns="", **stated):
        names = ("length_a", "length_b", "length_c", "angle_alpha", "angle_beta", "angle_gamma")
        lines = ["data_made", *(f"_cell_{name} {x}" for name, x in zip(names, cell.split(), strict=True))]
        lines += [f"_space_group_name_H-M_alt '{group}'"] if group else []
        lines += [f"_{tag} {value}" for tag, value in stated.items()]
        if operations:
            lines += ["loop_", "_space_group_symop_operation_xyz", *(f"'{op}'" for op in operations)]
        tags = f"label type_symbol fract_x fract_y fract_z occupancy {columns}".split()
        lines += ["loop_", *(f"_atom_site_{tag}" for tag in tags), atoms]
        path = tmp_path / "made.cif"
        path.write_text("\n".join(lines) + "\n")
        return read_crystal(path)

    return read


def codes(crystal):
    return {notice.code for notice in crystal.warnings} - {"displacement_assumed"}


# Operations that lack some of the group.


@pytest.mark.parametrize(
    "stated",
    [
        {"cell_formula_units_Z": 3, "chemical_formula_sum": "'Li Ni O2'"},
        {"exptl_crystal_density_diffrn": 4.78},
        {"columns": "symmetry_multiplicity"},
    ],
    ids=["Z", "density", "multiplicities"],
)
@pytest.mark.parametrize("group", ["R -3 m", "R -3 2/m", "R -3 m H", None])
def test_operations_without_their_centring_are_completed(read, stated, group):
    cell, atoms = LAYERED
    if "columns" in stated:
        atoms = "\n".join(f"{row} {m}" for row, m in zip(atoms.splitlines(), (3, 3, 6), strict=True))
    found = read(cell, atoms, group=group, operations=operations_of(R3M, centred=False), **stated)
    assert (found.space_group, found.multiplicities) == ("R-3m", (3, 3, 6))
    assert codes(found) == {"operations_completed"}


def test_one_operation_beside_a_full_symbol(read):
    found = read(*NACL, group="F 4/m -3 2/m", operations=["x,y,z"], cell_formula_units_Z=4,
                 chemical_formula_sum="'Cl Na'")  # fmt: skip
    assert (found.space_group, found.content) == ("Fm-3m", {"Na": 4.0, "Cl": 4.0})
    assert codes(found) == {"operations_completed"}


def test_an_all_but_empty_cell_is_completed_without_z(read):
    # Two atoms in 179 A^3 are no solid; eight are rock salt.
    assert read(*NACL, group="F m -3 m", operations=["x,y,z"]).content == {"Na": 4.0, "Cl": 4.0}


def test_a_list_that_nothing_completes_is_refused(read):
    with pytest.raises(InputError, match=r"made\.cif: its operations are those of P1.*complete the list"):
        read(*NACL, operations=["x,y,z"], cell_formula_units_Z=7, chemical_formula_sum="'Cl Na'",
             exptl_crystal_density_diffrn=9.0)  # fmt: skip


def test_complete_operations_hold(read):
    found = read(*LAYERED, group="R -3 m", operations=operations_of(R3M), cell_formula_units_Z=3,
                 chemical_formula_sum="'Li Ni O2'")  # fmt: skip
    assert (found.space_group, codes(found)) == ("R-3m", set())


def test_a_wrong_z_alone_is_a_notice(read):
    found = read(*LAYERED, group="R -3 m", operations=operations_of(R3M), cell_formula_units_Z=1,
                 chemical_formula_sum="'Li Ni O2'", exptl_crystal_density_diffrn=4.78)  # fmt: skip
    assert (found.multiplicities, codes(found)) == ((3, 3, 6), {"content_contradicts"})


def test_a_list_of_all_atoms_in_p1_is_taken_as_it_is(read):
    cell = NACL[0]
    faces = [(0, 0, 0), (0, 0.5, 0.5), (0.5, 0, 0.5), (0.5, 0.5, 0)]
    rows = [f"Na{k} Na {x} {y} {z} 1" for k, (x, y, z) in enumerate(faces)]
    rows += [f"Cl{k} Cl {x + 0.5} {y} {z} 1" for k, (x, y, z) in enumerate(faces)]
    found = read(cell, "\n".join(rows), group="F m -3 m", operations=["x,y,z"])
    assert (len(found.sites), found.content) == (8, {"Na": 4.0, "Cl": 4.0})
    assert codes(found) == {"space_group_contradiction"}


@pytest.mark.parametrize("operations", [["x,y,z", "-x+1/2t,y,z"], ["x,y,z", "x,x,z"], ["x;y;z"]])
def test_an_unreadable_list_falls_back_on_the_symbol(read, operations):
    found = read(*LAYERED, group="R -3 m", operations=operations)
    assert (found.multiplicities, codes(found)) == ((3, 3, 6), {"operations_unreadable"})


# Two origins.


@pytest.mark.parametrize("group", ["F d -3 m S", "Fd-3mS", "F d -3 m:1", "F 41/d -3 2/m S"])
def test_the_symbol_names_the_origin(read, group):
    found = read(*SILICON, group=group)
    assert (found.content, codes(found)) == ({"Si": 8.0}, set())


@pytest.mark.parametrize(
    "stated",
    [
        {"cell_formula_units_Z": 8, "chemical_formula_sum": "Si"},
        {"exptl_crystal_density_diffrn": 2.33},
        {},
    ],
    ids=["Z", "density", "contacts"],
)
def test_z_density_or_else_contacts_choose_the_origin(read, stated):
    found = read(*SILICON, group="F d -3 m", **stated)
    assert (found.content, codes(found)) == ({"Si": 8.0}, {"origin_chosen"})


def test_the_other_origin_of_the_same_crystal(read):
    cell, _ = SILICON
    found = read(cell, "Si1 Si 0.125 0.125 0.125 1", group="F d -3 m", cell_formula_units_Z=8,
                 chemical_formula_sum="Si")  # fmt: skip
    assert (found.symmetry.name, found.content) == ("F d -3 m:2", {"Si": 8.0})


def test_axes_that_the_cell_contradicts(read):
    # LiNiO2 on rhombohedral axes, whose symbol says hexagonal ones.
    cell, atoms = (
        "5.013 5.013 5.013 33.36 33.36 33.36",
        "Ni Ni 0 0 0 1\nLi Li 0.5 0.5 0.5 1\nO O 0.2586 0.2586 0.2586 1",
    )
    found = read(cell, atoms, group="R -3 m :H")
    assert (found.symmetry.name, found.multiplicities, codes(found)) == ("R -3 m:R", (1, 1, 2), {"setting_changed"})


# Atoms that symmetry makes and the list repeats.


def test_a_list_of_all_atoms_beside_the_full_symmetry_is_merged(read):
    cell = NACL[0]
    rows = [f"Na{k} Na {p} 1" for k, p in enumerate(("0 0 0", "0 0.5 0.5", "0.5 0 0.5", "0.5 0.5 0"))]
    rows += [f"Cl{k} Cl {p} 1" for k, p in enumerate(("0.5 0.5 0.5", "0.5 0 0", "0 0.5 0", "0 0 0.5"))]
    found = read(cell, "\n".join(rows), group="F m -3 m")
    assert ([s.label for s in found.sites], found.content) == (["Na0", "Cl0"], {"Na": 4.0, "Cl": 4.0})
    assert codes(found) == {"atoms_merged"}


def test_a_mixed_site_is_no_repetition(read):
    found = read(NACL[0], "Na1 Na 0 0 0 0.5\nK1 K 0 0 0 0.5\nCl1 Cl 0.5 0.5 0.5 1", group="F m -3 m")
    assert (len(found.sites), codes(found)) == (3, set())


def test_parts_of_one_element_that_fill_a_site_together_are_kept(read):
    found = read(NACL[0], "Na1 Na 0 0 0 0.5\nNa2 Na 0 0 0 0.5\nCl1 Cl 0.5 0.5 0.5 1", group="F m -3 m")
    assert found.content == {"Na": 4.0, "Cl": 4.0}
