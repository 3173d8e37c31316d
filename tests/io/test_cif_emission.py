"""Texts in a CIF: each is one value, whatever stands in it."""

import pytest
from gemmi import cif
from hypothesis import given
from hypothesis import strategies as st

from layerox.crystal.asymmetric_unit import Crystal, Site
from layerox.io.cif_emission import commented, quoted
from layerox.io.structures import cif_text, xyz_text
from layerox.symmetry import symmetry_from_name

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
