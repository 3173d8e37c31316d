"""Cards: the values on them are those of the structures that were built."""

from types import SimpleNamespace
from xml.etree import ElementTree

import pytest

from layerox.builders import build_crystal, build_structure
from layerox.notebook import card, load_ipython_extension
from layerox.notebook.summary_card import picture
from layerox.stacking import parse_word


def test_a_structure():
    shown = dict(card(build_structure("P2", formula="Na0.67Ni0.33Mn0.67O2", a=2.885, c=11.155)).rows)
    assert shown["space group"] == "P63/mmc (194)"
    assert shown["formula"] == "Na0.67Mn0.67Ni0.33O2 (times 2)"
    assert shown["stacking"] == "P2: AB BA"
    assert shown["galleries"] == "P2 P2"
    # z(O) = 0.090551: slab 2 z c = 2.020 A, gallery c/2 - slab = 3.557 A; M-O 1.948 and Na-O 2.437 A (table of phases).
    assert shown["slab height"] == "2.020 Å"
    assert shown["gallery height"] == "3.557 Å"
    assert shown["metal to anion"] == "1.948 Å (2 octahedral)"
    assert shown["alkali to anion"] == "2.437 Å (4 prismatic)"
    assert "finding" not in shown


def test_a_faulty_structure_states_it():
    rows = card(build_structure("O3", formula="NaZnO2")).rows
    assert any(name == "finding" and value.startswith("charge_off") for name, value in rows)


def test_a_structure_without_layers(reference_data):
    shown = card(reference_data.parent / "phases" / "cifs" / "S_LiMn2O4.cif")
    assert dict(shown.rows)["layers"].startswith("none")
    assert shown.picture == ""


def test_a_word():
    shown = card(parse_word("P2*4|O3*3"))
    assert dict(shown.rows)["galleries"] == "P2 P2 P2 P2 O3 O3 O3"
    assert dict(shown.rows)["closed"] == "yes"
    assert "senses" in dict(card(parse_word("P2*3|O3*4")).rows)["closed"]


@pytest.mark.parametrize("word", ["P2", "O3", "OP4", "P2*4|O3*3"])
def test_the_picture_is_well_formed_and_complete(word):
    drawn = ElementTree.fromstring(picture(parse_word(word)))
    slabs = len(parse_word(word))
    space = "{http://www.w3.org/2000/svg}"
    assert len(drawn.findall(f"{space}circle")) == 3 * slabs
    assert len(drawn.findall(f"{space}rect")) == slabs


def test_html_is_escaped():
    crystal = build_crystal("P2")
    assert "<script>" not in card(crystal.__class__(**{**vars(crystal), "name": "<script>"}))._repr_html_()


def test_the_extension_registers_cards():
    class Formatter(dict):
        def for_type_by_name(self, module, name, function):
            self[module, name] = function

    shown = Formatter()
    load_ipython_extension(SimpleNamespace(display_formatter=SimpleNamespace(formatters={"text/html": shown})))
    assert "P63/mmc" in shown["pymatgen.core.structure", "Structure"](build_structure("P2"))
    assert "<svg" in shown["layerox.stacking.word", "Word"](parse_word("P2"))


def test_a_rhombohedral_group_on_hexagonal_axes_is_called_r():
    """International Tables write R -3 m for No. 166 on either axes."""
    assert dict(card(build_structure("O3")).rows)["space group"] == "R-3m (166)"
