"""The builder without a browser: what is entered becomes a structure, or a sentence that says why not."""

import itertools

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import layerox as lx
from layerox.errors import InputError
from layerox.stacking import glides_between, polytype
from layerox.viewers.arrays import decoded_array, json_in_page

FORMULA = "Na0.67Ni0.33Mn0.67O2"


def enter(made, **wish):
    """Enter values in the form as the browser sends them."""
    made.wish = {"phase": made.phase, "formula": made.document["formula"], "a": "", "b": "", "c": "", "beta": "",
                 **wish, "count": made.wish.get("count", 0) + 1}  # fmt: skip


@pytest.fixture
def made():
    return lx.notebook.builder("P2", FORMULA)


def test_it_holds_the_structure_that_build_makes(made):
    assert made.structure == lx.build("P2", formula=FORMULA)
    assert made.document["cell"] == {"a": 2.885, "b": None, "c": 11.155, "beta": None}
    assert made.document["galleries"] == ["P2", "P2"]


def test_the_cell_is_entered_as_text(made):
    enter(made, a="2.90", c="11,2")
    assert made.structure.lattice.abc == pytest.approx((2.9, 2.9, 11.2))
    assert made.document["fault"] == ""


def test_a_glide_makes_an_octahedral_gallery(made):
    """One gallery of P2 moved by (1/3, 2/3, 0) is that of O2; three periods of it close hexagonally (Delmas 1980)."""
    enter(made, a="2.9")
    made.wish = {"glide": [0, 1], "count": 99}
    assert made.document["galleries"] == ["O2", "P2"]
    assert len(made.phase.split()) == 6
    assert made.document["polytype"] == "Z"
    assert made.document["glided"]
    assert made.structure.lattice.a == pytest.approx(2.9)
    assert made.structure == lx.build(made.phase, formula=FORMULA, a=2.9)


@pytest.mark.parametrize(("start", "end"), [("P2", "O2"), ("O3", "P3"), ("P3", "O1")])
def test_glides_lead_from_one_polytype_to_another(start, end):
    made = lx.notebook.builder(start, FORMULA)
    galleries = len(made.document["galleries"])
    moves = itertools.islice(itertools.cycle(glides_between(polytype(start), polytype(end))), galleries)
    for gallery, sense in enumerate(moves):
        if sense:
            made.glide(gallery, sense)
    assert made.document["polytype"] == end
    assert made.document["galleries"] == [end] * galleries


def test_a_glide_and_its_reverse_lead_back():
    made = lx.notebook.builder("O3", FORMULA)
    made.glide(1, 1)
    assert made.document["polytype"] != "O3"
    enter(made, formula="Na0.7CoO2")  # other fields leave the galleries as they are
    made.glide(1, -1)
    assert made.document["polytype"] == "O3"
    assert made.document["galleries"] == ["O3"] * 3


@pytest.mark.parametrize(
    ("wish", "fault"),
    [
        ({"phase": "P9"}, "unknown phase 'P9'"),
        ({"a": "wide"}, "'wide' is no number"),
        ({"a": "28.9"}, "28.9"),
        ({"formula": "Xx"}, "Xx"),
        ({"phase": "P2*3|O3*4"}, "senses"),
    ],
)
def test_what_cannot_be_built_is_stated_and_the_structure_stays(made, wish, fault):
    before = made.structure
    enter(made, **wish)
    assert fault in made.document["fault"]
    assert made.structure is before
    assert made.phase == "P2"
    enter(made)
    assert made.document["fault"] == ""


def test_a_phase_that_is_no_word_does_not_glide():
    made = lx.notebook.builder("spinel")
    assert made.document["galleries"] == []
    with pytest.raises(InputError, match="spinel is no stacking word"):
        made.glide(0)


def test_monoclinic_cells_have_four_numbers():
    made = lx.notebook.builder("O'3", "NaMnO2")
    assert None not in made.document["cell"].values()


def test_findings_are_those_of_check():
    made = lx.notebook.builder("O3", "NaZnO2")
    assert [row["code"] for row in made.document["findings"]] == [one.code for one in lx.check(made.structure)]
    assert "charge_off" in [row["code"] for row in made.document["findings"]]


def test_the_pattern_is_that_of_the_structure(made):
    expected = lx.simulate([made.structure], radiation="CuKa", two_theta=(10.0, 80.0, 0.03))
    assert decoded_array(made.document["pattern"]["calculated"]) == pytest.approx(expected.calculated, rel=1e-5)


def test_it_cannot_begin_with_what_cannot_be_built():
    with pytest.raises(InputError, match="unknown phase"):
        lx.notebook.builder("P9")


@settings(max_examples=40)
@given(phase=st.text(alphabet="PO23'ABC*|:.~ ", max_size=8), formula=st.text(alphabet="NaMnO2.67()/ ", max_size=10))
def test_any_text_is_built_or_refused(phase, formula):
    made = lx.notebook.builder("P2", FORMULA)
    enter(made, phase=phase, formula=formula)
    assert made.document["fault"] or made.phase == phase.strip()
    assert "<" not in json_in_page(made.document)
