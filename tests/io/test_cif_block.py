"""Items of a CIF block by name, whatever the spelling, alone or in a loop."""

from pathlib import Path

import numpy as np
import pytest

from layerox.errors import InputError
from layerox.io.cif_block import blocks_of

TEXT = """
data_one
_Cell.Length_a  4.76(2)
_chemical_name 'an oxide'
_cell_length_b ?
loop_ _pd_meas.2theta_scan _pd_meas_counts_total 10 5 11 . 12 7(2)
data_two
_diffrn_radiation_probe neutron
data_three
_diffrn_radiation_probe neutron
_chemical_name other
"""


@pytest.fixture(scope="module")
def blocks():
    return blocks_of(TEXT, Path("a.cif"))


def test_columns_and_single_items(blocks):
    one = blocks[0]
    assert (one.name, one.length("_cell_length_a"), one.length("_pd_meas_2theta_scan"), one.length("_x")) == (
        "one", 1, 3, 0
    )  # fmt: skip
    assert one.text("_chemical_name") == "an oxide"
    assert one.text("_cell_length_b") == one.text("_x") == ""
    values, sus = one.numbers("_pd_meas_counts_total")
    assert np.array_equal(values, [5, np.nan, 7], equal_nan=True)
    assert np.array_equal(sus, [np.nan, np.nan, 2], equal_nan=True)
    assert "_cell_length_a" in one
    assert "_x" not in one


def test_what_no_number_is(blocks):
    with pytest.raises(ValueError, match="'an oxide' is no number"):
        blocks[0].numbers("_chemical_name")


def test_another_block_speaks_if_all_that_do_agree(blocks):
    assert blocks[0].shared_text("_diffrn_radiation_probe", blocks) == "neutron"
    assert blocks[0].shared_text("_chemical_name", blocks) == "an oxide"
    assert blocks[1].shared_text("_chemical_name", blocks) == ""
    assert blocks[1].shared_numbers("_cell_length_a", blocks)[0].tolist() == [4.76]


@pytest.mark.parametrize("text", ["data_a\nloop_ _x _y 1 2 3", "data_a\n_x 'open", "no CIF"])
def test_what_is_no_cif(text):
    with pytest.raises(InputError, match=r"^a\.cif: is no readable CIF \(.*\); export or copy it again$"):
        blocks_of(text, Path("a.cif"))
