"""Ions on gallery sites. Expectations are counts by hand; that face and edge exclude each other is point 6 of the
project's notes on interfaces (the two prisms are 1.67 A apart)."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from layerox.builders.composition import Composition, parse_formula
from layerox.builders.sodium_sites import contents, filled
from layerox.errors import InputError
from layerox.stacking import parse_word


def _filled(word, formula, asked=None):
    return filled(parse_word(word), parse_formula(formula), asked)


def test_p2_splits_between_face_and_edge():
    assert _filled("P2", "Na2/3MnO2")[0] == {"face": {"Na": pytest.approx(0.25)}, "edge": {"Na": pytest.approx(5 / 12)}}


def test_p3_fills_both_prisms_alike_and_o3_its_octahedra():
    assert _filled("P3", "Na0.6MnO2")[0] == {"lower": {"Na": pytest.approx(0.3)}, "upper": {"Na": pytest.approx(0.3)}}
    assert _filled("O3", "Na0.6MnO2")[0] == {"octahedral": {"Na": pytest.approx(0.6)}}


def test_a_site_left_open_takes_the_rest():
    filling = _filled("P2", "Na0.7MnO2", {"face": 0.1})
    assert filling[0]["edge"]["Na"] == pytest.approx(0.6)


def test_galleries_left_open_take_the_rest():
    # OP4 with 0.6 in each P gallery of four slabs holding 4 * 0.33: (1.32 - 1.2) / 2 remain for each O gallery.
    filling = _filled("OP4", "Na0.33MnO2", {"face": 0.3, "edge": 0.3})
    assert [round(sum(contents(gallery).values()), 6) for gallery in filling] == [0.6, 0.06, 0.6, 0.06]


def test_named_ions_go_where_they_are_requested():
    asked = {"octahedral": {"Li": 0.8}, "face": {"Na": 0.3}, "edge": {"Na": 0.5}}
    filling = _filled("OP4r", "Li0.4Na0.4CoO2", asked)
    assert contents(filling[0]) == {"Na": 0.8}
    assert contents(filling[1]) == {"Li": 0.8}
    partly = _filled("OP4r", "Li0.4Na0.4CoO2", {"octahedral": {"Li": 0.8}})
    assert contents(partly[0]) == {"Na": pytest.approx(0.8)}


def test_mixed_ions_share_every_site():
    filling = _filled("O3", "Na0.6K0.2MnO2")
    assert filling[0]["octahedral"] == {"Na": pytest.approx(0.6), "K": pytest.approx(0.2)}


@given(st.floats(0, 1), st.sampled_from(["P2", "P3", "O3", "OP4", "P2*4|O3*3", "Z:0.3"]))
@settings(deadline=None)
def test_every_gallery_holds_the_formulas_share(sodium, word):
    composition = Composition(alkali={"Na": sodium}, metals={"Mn": 1.0}, anions={"O": 2.0})
    for filling in filled(parse_word(word), composition):
        assert sum(contents(filling).values()) == pytest.approx(sodium)


@given(st.floats(0, 0.6))
@settings(deadline=None)
def test_what_is_requested_is_kept_and_the_total_is_the_formulas(face):
    filling = _filled("P2*2|O3*3", "Na0.6MnO2", {"face": face})
    total = sum(sum(contents(gallery).values()) for gallery in filling)
    assert total == pytest.approx(5 * 0.6)
    assert all(gallery["face"].get("Na", 0.0) == pytest.approx(face) for gallery in filling[:2])


@pytest.mark.parametrize(
    ("word", "formula", "asked", "message"),
    [
        ("P2", "Na1.2MnO2", None, "one ion per metal at most"),
        ("O3", "Na1.2MnO2", None, "O3 gallery holds one ion"),
        ("P2*2|O3*3", "Na0.9MnO2", {"octahedral": 0.6}, "two sites are too close"),
        ("P2", "Na0.6MnO2", {"octahedral": 0.6}, "has a site 'octahedral'"),
        ("P2", "Na0.6MnO2", {"face": 0.7}, "more ions than the formula has"),
        ("P2", "Na0.6MnO2", {"face": 1.7}, "give 0 to 1"),
        ("P2", "Na0.6MnO2", {"face": 0.5, "edge": 0.5}, "hold 1 ions per metal, the formula has 0.6"),
        ("O3", "Na0.4Li0.4MnO2", {"octahedral": {"Li": 0.8}}, "more Li than the formula"),
    ],
)
def test_what_galleries_cannot_hold_is_refused(word, formula, asked, message):
    with pytest.raises(InputError, match=message):
        _filled(word, formula, asked)
