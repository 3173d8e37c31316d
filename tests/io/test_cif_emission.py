"""Texts in a CIF: each is one value, whatever stands in it."""

import pytest
from gemmi import cif
from hypothesis import given
from hypothesis import strategies as st

from layerox.crystal.asymmetric_unit import Crystal, Site
from layerox.io.cif_emission import ANISO_TAGS, add_anisotropic, add_sites, add_symmetry, commented, quoted
from layerox.io.structure_writing import cif_text, xyz_text
from layerox.symmetry import symmetry_from_name
from reference_crystals import P2

HOSTILE = [
    "a\n;\ndata_evil\n_cell_length_a 1", "a\r\n;\r\nloop_", "'; data_evil", 'a\' b" c', "data_x", "loop_", "_tag", "#x",
    "$x", "", "x\0y", "; ;", "save_", "é",
]  # fmt: skip


@pytest.mark.parametrize("text", HOSTILE)
def test_a_text_is_one_value_and_nothing_else(text):
    document = cif.Document()
    block = document.add_new_block("mine")
    block.set_pair("_text", quoted(text))
    block.init_loop("_loop_", ["a", "b"]).add_row([quoted(text), "2"])
    block.set_pair("_after", "1")
    found = cif.read_string(document.as_string())
    assert [own.name for own in found] == ["mine"]
    (own,) = found
    assert sorted(own.get_mmcif_category_names()) == sorted(block.get_mmcif_category_names())
    assert own.find_value("_after") == "1"
    assert len(own.find("_loop_", ["a", "b"])) == 1
    words = cif.as_string(own.find_value("_text")).split()
    assert words == text.replace("\0", " ").encode("ascii", "replace").decode().split()


@given(st.text(st.sampled_from(";\n\r'\" a_#data"), max_size=12))
def test_any_text_is_one_value(text):
    document = cif.Document()
    document.add_new_block("mine").set_pair("_text", quoted(text))
    (own,) = cif.read_string(document.as_string())
    assert cif.as_string(own.find_value("_text")).split() == text.split()


def test_every_line_of_a_comment_is_one():
    assert commented("one\ndata_evil\r\n\n_x 1") == "# one\n# data_evil\n# _x 1\n"


def test_a_structure_with_a_strangers_names():
    site = Site(label="O 1\ndata_evil", element="O", position=(0.0, 0.0, 0.0))
    crystal = Crystal(
        name="a\n;\ndata_evil", cell=(4.0, 4.0, 4.0, 90.0, 90.0, 90.0), symmetry=symmetry_from_name("P 1"),
        sites=(site,), source="somebody\ndata_evil\n_cell_length_a 1",
    )  # fmt: skip
    (block,) = cif.read_string(cif_text(crystal))
    assert block.find_value("_cell_length_a") == "4"
    assert len(block.find_loop("_atom_site_label")) == 1
    assert len(xyz_text(crystal).splitlines()) == 3


@pytest.mark.parametrize("detailed", [False, True])
def test_symmetry_is_that_of_the_tables(detailed):
    """P63/mmc: number 194, Hall symbol -P 6c 2c, hexagonal, 24 operations (International Tables A and B)."""
    block = cif.Document().add_new_block("a")
    add_symmetry(block, P2.symmetry, detailed=detailed)
    assert block.find_value("_space_group_IT_number") == "194"
    assert len(list(block.find_values("_space_group_symop_operation_xyz"))) == 24
    hall = block.find_value("_space_group_name_Hall")
    assert (hall and cif.as_string(hall)) == ("-P 6c 2c" if detailed else None)
    assert block.find_value("_space_group_crystal_system") == ("hexagonal" if detailed else None)
    assert len(list(block.find_values("_space_group_symop_id"))) == (24 if detailed else 0)


def test_sites_keep_the_digits_of_the_caller():
    block = cif.Document().add_new_block("a")
    add_sites(block, [(P2.sites[0], 2, ["0.1(2)", "0", "1/3", "0.50", "0.010(3)"])])
    (row,) = block.find("_atom_site_", ["label", "fract_x", "fract_z", "occupancy", "adp_type", "U_iso_or_equiv"])
    assert list(row) == [P2.sites[0].label, "0.1(2)", "1/3", "0.50", "Uiso", "0.010(3)"]


def test_without_tensors_there_is_no_table():
    block = cif.Document().add_new_block("a")
    add_anisotropic(block, [])
    assert not block.find("_atom_site_aniso_", ANISO_TAGS)
