"""Crystal structures from CIF files: what is read, what is remarked, and that every bad file is one refusal of one
line. Multiplicities and operations: International Tables for Crystallography A; other numbers by hand."""

import math
import re

import gemmi
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from layerox.crystal.asymmetric_unit import ASSUMED_U_ISO
from layerox.errors import InputError
from layerox.io.cif import read_crystal
from reference_crystals import O3, P2, SPINEL

P2_CELL = "2.885 2.885 11.155 90 90 120"
P2_ATOMS = """\
Ni1 Ni 0 0 0 0.33 0.005
Mn1 Mn 0 0 0 0.67 0.005
O1 O 0.3333 0.6667 0.0917 1 0.005
Na1 Na 0 0 0.25 0.25 0.02
Na2 Na 0.6667 0.3333 0.25 0.42 0.02"""
COLUMNS = "label type_symbol fract_x fract_y fract_z occupancy U_iso_or_equiv"
SPINEL_CELL = "8.24 8.24 8.24 90 90 90"
R3M_CELL = "2.961 2.961 15.91 90 90 120"
# The rhombohedral axes of the same lattice: a_R^2 = a^2/3 + c^2/9, cos alpha = (2 c^2 - 3 a^2) / (2 c^2 + 6 a^2).
R_LENGTH = math.sqrt(2.961**2 / 3 + 15.91**2 / 9)
R_ANGLE = math.degrees(math.acos((2 * 15.91**2 - 3 * 2.961**2) / (2 * 15.91**2 + 6 * 2.961**2)))
RHOMBOHEDRAL_CELL = " ".join([f"{R_LENGTH:.6f}"] * 3 + [f"{R_ANGLE:.5f}"] * 3)
HALL = "_space_group_name_Hall"
NUMBER = "_space_group_IT_number"
SYMBOL = "_space_group_name_H-M_alt"


def cif_text(cell=P2_CELL, group="P 63/m m c", atoms=P2_ATOMS, columns=COLUMNS, tag=SYMBOL, operations=(), more=""):
    """Return the text of a CIF; `group` None leaves the symbol out."""
    names = ("length_a", "length_b", "length_c", "angle_alpha", "angle_beta", "angle_gamma")
    lines = ["data_made", *(f"_cell_{name} {value}" for name, value in zip(names, cell.split(), strict=True))]
    if group is not None:
        lines.append(f"{tag} '{group}'")
    if operations:
        lines += ["loop_", "_space_group_symop_operation_xyz", *(f"'{op}'" for op in operations)]
    lines += ["loop_", *(f"_atom_site_{name}" for name in columns.split()), atoms, more]
    return "\n".join(lines) + "\n"


@pytest.fixture
def read(tmp_path):
    def read(text, **more):
        path = tmp_path / "made.cif"
        path.write_bytes(text if isinstance(text, bytes) else text.encode())
        return read_crystal(path, **more)

    return read


def refusal(read, text):
    """Return the message of the one refusal of a bad file, which names the file and gives a cure."""
    with pytest.raises(InputError) as caught:
        read(text)
    message = str(caught.value)
    assert len(message.splitlines()) == 1
    assert "made.cif: " in message
    assert caught.value.cure
    return message


def codes(crystal):
    return [notice.code for notice in crystal.warnings]


def operations_of(name):
    return [op.triplet() for op in gemmi.SpaceGroup(name).operations()]


def test_a_plain_file(read, tmp_path):
    found = read(cif_text())
    assert (found.name, found.space_group, found.cell) == ("made", "P63/mmc", (2.885, 2.885, 11.155, 90, 90, 120))
    assert [s.label for s in found.sites] == ["Ni1", "Mn1", "O1", "Na1", "Na2"]
    assert [s.occupancy for s in found.sites] == [0.33, 0.67, 1, 0.25, 0.42]
    assert [s.u_iso for s in found.sites] == [0.005, 0.005, 0.005, 0.02, 0.02]
    assert found.mixed_sites == ((0, 1), (2,), (3,), (4,))
    assert found.multiplicities == P2.multiplicities
    assert found.warnings == ()
    assert found.source == str(tmp_path / "made.cif")
    assert read(cif_text(), name="mine").name == "mine"


def test_rounded_coordinates_are_meant_to_be_special(read):
    oxygen = read(cif_text()).sites[2]
    assert oxygen.position == (1 / 3, 2 / 3, 0.0917)


@pytest.mark.parametrize("digits", [2, 3, 4, 5])
def test_thirds_may_be_rounded_to_two_digits(read, digits):
    text = cif_text().replace("0.3333", f"{1 / 3:.{digits}f}").replace("0.6667", f"{2 / 3:.{digits}f}")
    assert read(text).multiplicities == P2.multiplicities


def test_numbers_may_have_uncertainties(read):
    found = read(
        cif_text(cell="2.885(2) 2.8850(12) 11.155(3) 90 90. 120", atoms="O1 O 0.3333 0.6667 0.0917(4) 1 0.005(1)")
    )
    assert found.cell == (2.885, 2.885, 11.155, 90, 90, 120)
    assert (found.sites[0].position[2], found.sites[0].u_iso) == (0.0917, 0.005)


def test_atoms_without_occupancy_are_whole(read):
    found = read(
        cif_text(
            columns="label fract_x fract_y fract_z U_iso_or_equiv", atoms="Mn1 0 0 0 0.005\nO1 0.3333 0.6667 0.09 0.01"
        )
    )
    assert [(s.element, s.occupancy) for s in found.sites] == [("Mn", 1.0), ("O", 1.0)]
    assert [s.occupancy for s in read(cif_text(atoms="Mn1 Mn 0 0 0 ? 0.005")).sites] == [1.0]
    assert [s.occupancy for s in read(cif_text(atoms="Mn1 Mn 0 0 0 . 0.005")).sites] == [1.0]


def test_b_is_eight_pi_squared_u(read):
    columns = COLUMNS.replace("U_iso", "B_iso")
    found = read(cif_text(columns=columns, atoms="Mn1 Mn 0 0 0 1 0.3948"))
    assert found.sites[0].u_iso == pytest.approx(0.3948 / (8 * math.pi**2))
    # Worked by hand: 8 pi^2 = 78.9568, so B = 0.3948 A^2 is U = 0.0050 A^2.
    assert found.sites[0].u_iso == pytest.approx(0.005, abs=1e-6)


def test_u_counts_where_u_and_b_are_given(read):
    found = read(
        cif_text(
            columns=f"{COLUMNS} B_iso_or_equiv", atoms="Mn1 Mn 0 0 0 1 0.005 9\nO1 O 0.3333 0.6667 0.09 1 ? 0.3948"
        )
    )
    assert [s.u_iso for s in found.sites] == [0.005, pytest.approx(0.005, abs=1e-6)]


def test_without_displacements_some_are_assumed_and_named(read):
    found = read(cif_text(columns=COLUMNS.replace("U_iso_or_equiv", "note"), atoms=P2_ATOMS))
    assert {s.u_iso for s in found.sites} == {ASSUMED_U_ISO}
    (notice,) = found.warnings
    assert notice.code == "displacement_assumed"
    assert notice.message == "no displacement factors for Ni1, Mn1, O1, Na1, Na2; U = 0.006 A^2 assumed"


def test_one_missing_displacement_is_named(read):
    found = read(cif_text(atoms=P2_ATOMS.replace("1 0.005", "1 ?")))
    assert found.sites[2].u_iso == ASSUMED_U_ISO
    assert found.warnings[0].message.startswith("no displacement factors for O1; ")


def test_a_negative_displacement_is_named_and_taken_as_none(read):
    found = read(cif_text(atoms=P2_ATOMS.replace("1 0.005", "1 -0.002")))
    assert found.sites[2].u_iso == 0
    assert [(r.code, r.message) for r in found.warnings] == [
        ("negative_displacement", "displacements below 0 were taken as 0: O1 -0.002 A^2")
    ]


ANISOTROPIC = """loop_
_atom_site_aniso_label
_atom_site_aniso_{0}_11
_atom_site_aniso_{0}_22
_atom_site_aniso_{0}_33
_atom_site_aniso_{0}_12
_atom_site_aniso_{0}_13
_atom_site_aniso_{0}_23
O1 {1}
"""


def test_anisotropic_displacements_and_their_equivalent(read):
    table = ANISOTROPIC.format("U", "0.006 0.006 0.012 0.003 0 0")
    oxygen = read(cif_text(more=table)).sites[2]
    assert oxygen.u_aniso == (0.006, 0.006, 0.012, 0.003, 0, 0)
    # U12 = U11 / 2 on a three-fold axis: round in the plane, and U_eq is (2 U11 + U33) / 3 = 0.008 by hand.
    assert oxygen.u_iso == pytest.approx(0.008)


def test_anisotropic_b(read):
    eight_pi_squared = 8 * math.pi**2
    numbers = " ".join(f"{eight_pi_squared * u:.8f}" for u in (0.006, 0.006, 0.012, 0.003, 0, 0))
    oxygen = read(cif_text(more=ANISOTROPIC.format("B", numbers))).sites[2]
    assert oxygen.u_aniso == pytest.approx((0.006, 0.006, 0.012, 0.003, 0, 0), abs=1e-9)
    assert oxygen.u_iso == pytest.approx(0.008, abs=1e-9)


def test_the_equivalent_of_an_oblique_cell_is_that_of_gemmi(read):
    u = (0.004, 0.009, 0.006, 0.001, -0.002, 0.0015)
    text = cif_text(
        cell="4.1 5.3 6.2 81 97 108", group="P -1", atoms="O1 O 0.1 0.2 0.3 1 0.5",
        more=ANISOTROPIC.format("U", " ".join(map(str, u))),
    )  # fmt: skip
    atom = gemmi.SmallStructure.Site()
    atom.aniso = gemmi.SMat33d(*u)
    cell = gemmi.UnitCell(4.1, 5.3, 6.2, 81, 97, 108)
    # gemmi: the trace of U in Cartesian axes; U_cart = A N U N^T A^T, N the reciprocal lengths.
    fractional = np.array(atom.aniso.as_mat33().tolist()) * np.outer(
        cell.reciprocal().parameters[:3], cell.reciprocal().parameters[:3]
    )
    axes = np.array(cell.orth.mat.tolist())
    assert read(text).sites[0].u_iso == pytest.approx(np.trace(axes @ fractional @ axes.T) / 3)


def test_an_unknown_or_empty_tensor_leaves_the_isotropic_value(read):
    for numbers in ("? ? ? ? ? ?", ". . . . . .", "0 0 0 0 0 0", "0.006 0.006 ? 0.003 0 0"):
        oxygen = read(cif_text(more=ANISOTROPIC.format("U", numbers))).sites[2]
        assert (oxygen.u_iso, oxygen.u_aniso) == (0.005, None)


@pytest.mark.parametrize(
    ("symbol", "element", "charge"),
    [("Mn3+", "Mn", 3), ("O2-", "O", -2), ("Na1+", "Na", 1), ("Na+", "Na", 1), ("Na+1", "Na", 1), ("O-2", "O", -2),
     ("Mn+4", "Mn", 4), ("Cl-", "Cl", -1), ("MN", "Mn", 0), ("mn", "Mn", 0), ("O", "O", 0), ("Mn0+", "Mn", 0)],
)  # fmt: skip
def test_charges_in_type_symbols(read, symbol, element, charge):
    (found,) = read(cif_text(atoms=f"A1 {symbol} 0 0 0 1 0.005")).sites
    assert (found.element, found.charge) == (element, charge)


@pytest.mark.parametrize(("label", "element"), [("Fe2", "Fe"), ("O1A", "O"), ("NA1", "Na"), ("Mn", "Mn"), ("OW1", "O")])
def test_elements_are_read_off_labels_where_no_symbol_is_given(read, label, element):
    columns = COLUMNS.replace("type_symbol ", "")
    assert read(cif_text(columns=columns, atoms=f"{label} 0 0 0 1 0.005")).sites[0].element == element
    assert read(cif_text(atoms=f"{label} ? 0 0 0 1 0.005")).sites[0].element == element


def test_equal_labels_are_distinguished(read):
    found = read(cif_text(atoms=P2_ATOMS.replace("Na2", "Na1")))
    assert [s.label for s in found.sites] == ["Ni1", "Mn1", "O1", "Na1", "Na1_2"]


def test_dummy_atoms_are_left_out(read):
    dummy = f"{P2_ATOMS}\nX1 ? ? ? ? ? ?".replace("\n", " calc\n") + " dum"
    assert len(read(cif_text(columns=f"{COLUMNS} calc_flag", atoms=dummy)).sites) == 5


def test_quotes_comments_and_line_ends_do_not_matter(read):
    text = cif_text(atoms=P2_ATOMS.replace("Ni1 Ni", "'Ni1' \"Ni\"")).replace("loop_", "# a comment\nLOOP_")
    expected = read(text)
    for variant in (text.replace("\n", "\r\n"), "\ufeff" + text, text.rstrip("\n"), "\n\n" + text):
        assert read(variant).sites == expected.sites


def test_other_blocks_without_atoms_do_not_matter(read):
    assert len(read("data_global\n_journal_year 2020\n" + cif_text()).sites) == 5


# Space groups.


@pytest.mark.parametrize(
    ("tag", "group"),
    [
        (SYMBOL, "P 63/m m c"),
        (SYMBOL, "P63/mmc"),
        ("_symmetry_space_group_name_H-M", "P 63/m m c"),
        ("_symmetry_space_group_name_H-M", "P6_3/mmc"),
        (HALL, "-P 6c 2c"),
        ("_symmetry_space_group_name_Hall", "-P 6c 2c"),
        (NUMBER, "194"),
        ("_symmetry_Int_Tables_number", "194"),
    ],
)
def test_ways_to_state_a_group(read, tag, group):
    found = read(cif_text(group=group, tag=tag))
    assert (found.space_group, found.multiplicities, found.warnings) == ("P63/mmc", P2.multiplicities, ())


def test_operations_alone_are_enough(read):
    found = read(cif_text(group=None, operations=operations_of("P 63/m m c")))
    assert (found.space_group, found.warnings) == ("P63/mmc", ())
    assert found.multiplicities == P2.multiplicities


def test_operations_may_come_in_any_order_and_reach_into_other_cells(read):
    operations = [op.replace("z+1/2", "z-1/2") for op in reversed(operations_of("P 63/m m c"))]
    assert read(cif_text(operations=operations)).multiplicities == P2.multiplicities


def test_operations_hold_against_the_symbol(read):
    found = read(cif_text(group="P -6 m 2", operations=operations_of("P 63/m m c")))
    assert found.space_group == "P63/mmc"
    (notice,) = found.warnings
    assert notice.code == "space_group_contradiction"
    assert notice.message == "its operations are those of P63/mmc, its symbol gives 'P -6 m 2': the operations hold"


def test_operations_of_no_tabulated_setting_are_taken(read):
    found = read(
        cif_text(
            cell="5 6 7 90 90 90", group="P -1", operations=["x,y,z", "-x+1/4,-y,-z"], atoms="O1 O 0.3 0.1 0.2 1 0.01"
        )
    )
    assert (found.symmetry.name, len(found.symmetry), found.multiplicities) == ("", 2, (2,))


def test_an_unknown_operation_is_as_good_as_none(read):
    assert read(cif_text(operations=["?"]).replace("'?'", "?")).space_group == "P63/mmc"


def test_an_unknown_symbol_may_have_a_number_beside_it(read):
    assert read(cif_text(group="nonsense", more=f"{NUMBER} 194")).space_group == "P63/mmc"
    assert read(cif_text(group="?", more=f"{HALL} '-P 6c 2c'")).space_group == "P63/mmc"


SPINEL_AT_CENTRE = "Li1 Li 0.125 0.125 0.125 1 0.02\nMn1 Mn 0.5 0.5 0.5 1 0.005\nO1 O 0.263 0.263 0.263 1 0.005"
# The same with the origin at -43m, 1/8 1/8 1/8 away from the centre: International Tables A, group 227.
SPINEL_AT_TETRAHEDRON = "Li1 Li 0 0 0 1 0.02\nMn1 Mn 0.625 0.625 0.625 1 0.005\nO1 O 0.388 0.388 0.388 1 0.005"
LIMN2O4 = "_chemical_formula_sum 'Li Mn2 O4'"


@pytest.mark.parametrize(
    ("atoms", "setting"), [(SPINEL_AT_CENTRE, "F d -3 m:2"), (SPINEL_AT_TETRAHEDRON, "F d -3 m:1")]
)
@pytest.mark.parametrize(("tag", "group"), [(SYMBOL, "F d -3 m"), (NUMBER, "227")])
def test_the_atoms_and_the_formula_choose_between_two_origins(read, atoms, setting, tag, group):
    found = read(cif_text(cell=SPINEL_CELL, group=group, tag=tag, atoms=atoms, more=LIMN2O4))
    assert found.symmetry.name == setting
    assert found.multiplicities == SPINEL.multiplicities
    (notice,) = found.warnings
    assert notice.code == "origin_chosen"
    assert notice.message.endswith(f"{setting!r} is the only one that fits the atoms")


def test_without_a_formula_the_second_origin_is_assumed_and_stated(read):
    found = read(cif_text(cell=SPINEL_CELL, group="F d -3 m", atoms=SPINEL_AT_CENTRE))
    assert found.symmetry.name == "F d -3 m:2"
    assert codes(found) == ["origin_chosen"]


@pytest.mark.parametrize(
    ("atoms", "more", "setting"),
    [
        (SPINEL_AT_CENTRE, f"{HALL} '-F 4vw 2vw 3'", "F d -3 m:2"),
        (SPINEL_AT_TETRAHEDRON, f"{HALL} 'F 4d 2 3 -1d'", "F d -3 m:1"),
    ],
)
def test_a_hall_symbol_states_which_origin(read, atoms, more, setting):
    found = read(cif_text(cell=SPINEL_CELL, group="F d -3 m", atoms=atoms, more=more))
    assert (found.symmetry.name, found.formula, found.warnings) == (setting, "LiMn2O4", ())


@pytest.mark.parametrize(("group", "atoms"), [("F d -3 m:2", SPINEL_AT_CENTRE), ("F d -3 m:1", SPINEL_AT_TETRAHEDRON)])
def test_a_symbol_with_its_origin_is_no_question(read, group, atoms):
    found = read(cif_text(cell=SPINEL_CELL, group=group, atoms=atoms))
    assert (found.symmetry.name, found.formula, found.warnings) == (group, "LiMn2O4", ())


O3_ATOMS = "Na1 Na 0 0 0 1 0.02\nNi1 Ni 0 0 0.5 0.5 0.005\nMn1 Mn 0 0 0.5 0.5 0.005\nO1 O 0 0 0.23 1 0.005"
O3_RHOMBOHEDRAL = (
    "Na1 Na 0 0 0 1 0.02\nNi1 Ni 0.5 0.5 0.5 0.5 0.005\nMn1 Mn 0.5 0.5 0.5 0.5 0.005\nO1 O 0.23 0.23 0.23 1 0.005"
)


@pytest.mark.parametrize("tag_and_group", [(SYMBOL, "R -3 m"), (SYMBOL, "R-3m"), (NUMBER, "166")])
def test_the_cell_states_which_axes_a_rhombohedral_group_has(read, tag_and_group):
    tag, group = tag_and_group
    hexagonal = read(cif_text(cell=R3M_CELL, group=group, tag=tag, atoms=O3_ATOMS))
    rhombohedral = read(cif_text(cell=RHOMBOHEDRAL_CELL, group=group, tag=tag, atoms=O3_RHOMBOHEDRAL))
    assert (hexagonal.symmetry.name, hexagonal.multiplicities) == ("R -3 m:H", O3.multiplicities)
    assert (rhombohedral.symmetry.name, rhombohedral.multiplicities) == ("R -3 m:R", (1, 1, 1, 2))
    assert rhombohedral.density == pytest.approx(hexagonal.density, rel=1e-4)
    assert rhombohedral.volume == pytest.approx(hexagonal.volume / 3, rel=1e-4)


def test_stated_axes_are_taken(read):
    assert read(cif_text(cell=R3M_CELL, group="R -3 m:H", atoms=O3_ATOMS)).symmetry.name == "R -3 m:H"
    assert read(cif_text(cell=RHOMBOHEDRAL_CELL, group="R -3 m:R", atoms=O3_RHOMBOHEDRAL)).symmetry.name == "R -3 m:R"


def test_a_cell_that_nearly_obeys_its_group_is_made_to(read):
    found = read(cif_text(cell="2.8850 2.8852 11.155 90.01 89.99 120.01"))
    a, b, c, *angles = found.cell
    assert a == b
    assert a == pytest.approx(2.8851, abs=2e-4)
    assert (c, *angles) == (pytest.approx(11.155), 90.0, 90.0, 120.0)


# Compositions.


@pytest.mark.parametrize(
    "formula",
    [
        "Na0.67 Ni0.33 Mn0.67 O2",
        "Na0.67 Ni0.33Mn0.67 O2",
        "Mn1.34 Na1.34 Ni0.66 O4",
        "'Mn0.67 Na0.67 Ni0.33 O2'",
        "?",
        ".",
    ],
)
def test_a_formula_that_agrees_is_no_news(read, formula):
    quoted = formula if formula[0] in "'?." else f"'{formula}'"
    assert read(cif_text(more=f"_chemical_formula_sum {quoted}")).warnings == ()


def test_a_formula_that_disagrees_is_named(read):
    found = read(cif_text(more="_chemical_formula_sum 'Na Ni0.33 Mn0.67 O2'"))
    (notice,) = found.warnings
    assert notice.code == "formula_disagrees"
    assert notice.message == ("its atoms make Na0.67Mn0.67Ni0.33O2, its _chemical_formula_sum is 'Na Ni0.33 Mn0.67 O2'")


def test_a_missing_element_is_a_disagreement(read):
    assert codes(read(cif_text(more="_chemical_formula_sum 'Na0.67 Ni0.33 Mn0.67 O2 H2'"))) == ["formula_disagrees"]


def test_an_unknown_symbol_beside_a_known_number_is_named(read):
    found = read(cif_text(group="P 9/q q q", more=f"{NUMBER} 194"))
    assert found.space_group == "P63/mmc"
    assert [str(r) for r in found.warnings] == [
        "space_group_unknown: its space group 'P 9/q q q' is unknown: 194, P63/mmc, was taken"
    ]


def test_a_symbol_and_a_number_that_contradict_each_other_are_refused(read):
    message = refusal(read, cif_text(more=f"{NUMBER} 187"))
    assert "two space groups, 'P 63/m m c' (number 194) and '187' (P-6m2); correct one of them" in message
    assert read(cif_text(more=f"{NUMBER} 194")).warnings == ()


def test_several_remarks_stand_together(read):
    text = cif_text(
        cell=SPINEL_CELL, group="F d -3 m",
        atoms=SPINEL_AT_CENTRE.replace("0.02", "?").replace("0.263 1 0.005", "0.263 1 -0.1"),
        more="_chemical_formula_sum 'Li2 Mn2 O4'",
    )  # fmt: skip
    assert sorted(codes(read(text))) == [
        "displacement_assumed", "formula_disagrees", "negative_displacement", "origin_chosen",
    ]  # fmt: skip


# Files that cannot be used.


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("", "is empty; give a CIF file"),
        (" \n\t\n", "is empty; give a CIF file"),
        ("hello world", "is no readable CIF"),
        (b"\x89PNG\r\n\x1a\n\x00\x00\x00\rIHDR" + bytes(range(256)), "is no readable CIF"),
        (b"PK\x03\x04" + bytes(200), "is no readable CIF"),
        ("data_a\n_cell_length_a 3\n", "holds no atoms; give a CIF with an _atom_site_fract_x list"),
        (cif_text(atoms=P2_ATOMS.rsplit(" ", 1)[0]), "is no readable CIF"),  # cut off in the last row
        (cif_text() + "_chemical_name 'cut of", "is no readable CIF"),
        (cif_text() + cif_text().replace("data_made", "data_other"), r"holds 2 structures \(made, other\); keep one"),
        (cif_text(group="P 63/m m d"), "unknown space group 'P 63/m m d'; give a Hermann-Mauguin symbol"),
        (cif_text(group="999", tag=NUMBER), "unknown space group '999'"),
        (cif_text(group=None), "states no space group; add _space_group_name_H-M_alt"),
        (cif_text(group="?").replace("'?'", "?"), "states no space group"),
        (cif_text(group="?"), "unknown space group '[?]'"),
        (cif_text(group=None, operations=["x,y,z", "nonsense"]), "unreadable symmetry operation.*; correct _space_gr"),
        (cif_text(group=None, operations=["x,y,z", "x,x,z"]), "(make no group|unreadable).*; correct _space_group"),
        (cif_text(cell="2.885 3.1 11.155 90 90 120"), "cell 2.885 3.1 11.155 90 90 120 contradicts .* P63/mmc"),
        (cif_text(cell="2.885 2.885 11.155 90 90 90"), "contradicts the space group P63/mmc; correct one of them"),
        (cif_text(cell="2.885 2.885 11.155 90 95 120"), "contradicts the space group"),
        (cif_text(cell="2.885 2.885 ? 90 90 120"), r"_cell_length_c is \?; give the whole cell"),
        (cif_text(cell="2.885 2.885 0 90 90 120"), "_cell_length_c is 0; give the whole cell"),
        (cif_text(cell="2.885 2.885 -11 90 90 120"), "_cell_length_c is -11; give the whole cell"),
        (cif_text(cell="2.885 2.885 abc 90 90 120"), "_cell_length_c is abc; give the whole cell"),
        (cif_text().replace("_cell_angle_gamma 120", ""), "_cell_angle_gamma is missing; give the whole cell"),
        (cif_text(cell="5 5 5 30 30 170", group="P 1"), "impossible cell"),
        (cif_text(cell="5 5 5 90 90 200", group="P 1"), "_cell_angle_gamma is 200; give the whole cell, in .* degrees"),
        (cif_text(cell="1e200 1e200 1e200 90 90 90", group="P m -3 m"), "_cell_length_a is 1e200"),
        (cif_text(cell="1e-200 1e-200 1e-200 90 90 90", group="P m -3 m"), "_cell_length_a is 1e-200"),
        (cif_text(cell="0.2885 0.2885 1.1155 90 90 120"), "_cell_length_a is 0.2885; give .* in angstrom"),  # nm
        (cif_text(atoms="Ni1 Ni 0 0 0 1 0.005\nMn1 Mn 0 0 0 1 0.005"), "Ni1 and Mn1 overlap: .* of 2; correct"),
        (cif_text(atoms="O1 O 0.3333 0.6667 0.245 1 0.005"), "O1 overlap"),
        (cif_text(atoms="O1 O 0.3333 0.6667 ? 1 0.005"), "atom O1 has no complete position; give its three"),
        (cif_text(atoms="O1 O 0.3333 x 0.09 1 0.005"), "atom O1 has a coordinate x; give its three coordinates as num"),
        (cif_text(atoms="O1 O 33333 0.6667 0.09 1 0.005"), "atom O1 is at 33333, 0.6667, 0.09; give fractions"),
        (cif_text(atoms="O1 O 0.3333 0.6667 0.09 1.5 0.005"), "O1 has occupancy 1.5; give 0 to 1"),
        (cif_text(atoms="O1 O 0.3333 0.6667 0.09 -0.5 0.005"), "O1 has occupancy -0.5; give 0 to 1"),
        (cif_text(atoms="O1 O 0.3333 0.6667 0.09 full 0.005"), "atom O1 has occupancy 'full'; give 0 to 1"),
        (cif_text(atoms="Q1 Qq 0 0 0 1 0.005"), r"atom Q1 is of no known element \('Qq'\); write its elements"),
        (cif_text(atoms="? ? 0 0 0 1 0.005"), "of no known element"),
        (cif_text(columns=COLUMNS.replace("fract_y", "Cartn_y")), "holds no atoms"),
        (cif_text(columns=f"{COLUMNS} calc_flag", atoms="O1 O 0 0 0 1 0.005 dum"), "holds no atoms"),
    ],
)  # fmt: skip
def test_a_bad_file_is_one_refusal_of_one_line(read, text, words):
    assert re.search(words, refusal(read, text))


def test_a_missing_file(tmp_path):
    with pytest.raises(InputError, match=r"nothing\.cif: no such file; check the path"):
        read_crystal(tmp_path / "nothing.cif")


def test_a_folder(tmp_path):
    with pytest.raises(InputError, match="is a folder; give a CIF file"):
        read_crystal(tmp_path)


def test_a_structure_of_nothing_but_vacancies_does_not_divide_by_zero(read):
    assert "all its sites are empty" in refusal(read, cif_text(atoms="O1 O 0 0 0 0 0.005"))
    assert codes(read(cif_text(more="_chemical_formula_sum 'Na0 O0'"))) == ["formula_disagrees"]


# Fuzzing: whatever is done to a good file, it is read, or refused with one line.

FULL_TEXT = cif_text(
    columns=f"{COLUMNS} calc_flag",
    atoms="\n".join(f"{row} d" for row in P2_ATOMS.splitlines()),
    operations=operations_of("P 63/m m c"),
    more=ANISOTROPIC.format("U", "0.006 0.006 0.012 0.003 0 0") + "_chemical_formula_sum 'Na0.67 Ni0.33 Mn0.67 O2'\n",
)
SHORT_TEXT = cif_text(cell=SPINEL_CELL, group="F d -3 m", atoms=SPINEL_AT_CENTRE, more=LIMN2O4)
WORDS = ["?", ".", "0", "-1", "1e400", "nan", "inf", "-inf", "1e-300", "1e30", "9" * 30, "'", '"', ";", "loop_",
         "data_x", "x,y,z", "_cell_length_a", "Xx", "Mn3+", "O-2", "é", "\x00", "0.5(3)", "R -3 m", "save_", "#", "120",
         "1/3", "stop_", "global_", "\n;\n", "-0", "0.33333"]  # fmt: skip


def survives(tmp_path_factory, data):
    path = tmp_path_factory.mktemp("fuzz") / "made.cif"
    path.write_bytes(data)
    try:
        crystal = read_crystal(path)
    except InputError as error:
        message = str(error)
        assert "made.cif" in message
        assert len(message.splitlines()) == 1
        assert len(message) < 2000
        return
    assert crystal.checked() is crystal
    assert np.isfinite(crystal.cell).all()
    assert np.isfinite([s.position for s in crystal.sites]).all()
    assert np.isfinite([s.u_iso for s in crystal.sites]).all()
    assert crystal.volume > 1
    assert isinstance(crystal.formula, str)


@settings(max_examples=150)
@given(
    st.sampled_from([FULL_TEXT, SHORT_TEXT]),
    st.lists(st.tuples(st.integers(0, 400), st.sampled_from(WORDS)), min_size=1, max_size=3),
)
def test_a_file_with_other_words_in_it(tmp_path_factory, text, changes):
    words = re.split(r"(\s+)", text)
    for place, word in changes:
        words[2 * place % len(words)] = word
    survives(tmp_path_factory, "".join(words).encode())


@settings(max_examples=80)
@given(st.sampled_from([FULL_TEXT, SHORT_TEXT]), st.data())
def test_a_file_with_bytes_changed_added_and_lost(tmp_path_factory, text, data):
    content = bytearray(text.encode())
    for _ in range(data.draw(st.integers(1, 5))):
        place = data.draw(st.integers(0, len(content) - 1))
        match data.draw(st.sampled_from(["change", "add", "lose", "cut"])):
            case "change":
                content[place] = data.draw(st.integers(0, 255))
            case "add":
                content[place:place] = data.draw(st.binary(max_size=4))
            case "lose":
                del content[place : place + data.draw(st.integers(1, 10))]
            case "cut" if place > 20:
                del content[place:]
    survives(tmp_path_factory, bytes(content))


@settings(max_examples=60)
@given(st.binary(max_size=400))
def test_a_file_of_anything(tmp_path_factory, content):
    survives(tmp_path_factory, content)


@settings(max_examples=60)
@given(st.text(max_size=30), st.text(max_size=20), st.text(max_size=8))
def test_texts_of_anything_in_the_places_that_are_interpreted(tmp_path_factory, group, formula, symbol):
    def quoted(text):
        return f"\n;{text.replace(';', ',')}\n;\n"

    text = cif_text(atoms=f"Mn1 {quoted(symbol)} 0 0 0 1 0.005", group=None,
                    more=f"{SYMBOL} {quoted(group)}{HALL} {quoted(group)}")  # fmt: skip
    survives(tmp_path_factory, f"{text}_chemical_formula_sum {quoted(formula)}".encode(errors="replace"))
