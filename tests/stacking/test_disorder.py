"""Disordered stackings as texts and numbers; expected values by hand from the definitions in the module."""

import math

import pytest

from layerox.errors import InputError
from layerox.stacking.disorder import (
    Disorder,
    files_of_disorder,
    is_disorder,
    lamella_thickness,
    least_persistence,
    parse_disorder,
    persistence_from_thickness,
    rest_after_files,
)


@pytest.mark.parametrize(
    ("text", "kinds", "fractions", "persistence", "glides"),
    [
        ("P2~O3", ("P2", "O3"), (0.5, 0.5), 0.0, "random"),
        ("P2~P3:0.4,thickness=8", ("P2", "P3"), (0.6, 0.4), 0.75, "random"),
        ("P2~O2:0.1", ("P2", "O2"), (0.9, 0.1), 0.0, "random"),
        ("P2~O2:0.5,persistence=-1,glides=alternate", ("P2", "O2"), (0.5, 0.5), -1.0, "alternate"),
        ("Z:0.3", ("P2", "O2"), (0.7, 0.3), 0.0, "random"),
        ("P2~O3~P3:0.3:0.1", ("P2", "O3", "P3"), (0.6, 0.3, 0.1), 0.0, "random"),
    ],
)
def test_texts(text, kinds, fractions, persistence, glides):
    found = parse_disorder(text)
    assert found.kinds == kinds
    assert found.fractions == pytest.approx(fractions)
    assert found.persistence == pytest.approx(persistence)
    assert found.glides == glides
    assert parse_disorder(found.text) == found


@pytest.mark.parametrize(
    ("text", "fault"),
    [
        ("P2~P2", "different kinds"),
        ("spinel~O3", "'spinel' is not a kind of gallery; it has no slabs and galleries"),
        ("P2~tunnel", "it has no slabs and galleries"),
        ("P'2~P3", "is not a kind of gallery; it is monoclinic or orthorhombic"),
        ("P2~Op3", "it is monoclinic or orthorhombic"),
        ("P2~OP4", "its galleries are of several kinds"),
        ("P2~O3:1.5", "fractions 1.5"),
        ("P2~O3:a", "'a' is not a number"),
        ("P2~O3:0.2:0.3", "2 fractions for P2~O3"),
        ("P2~O3,thickness=0.5", "a thickness of 0.5"),
        ("P2~O3,persistence=2", "a persistence of 2"),
        ("P2~O3,thickness=3,persistence=0", "states two of them"),
        ("P2~O3,colour=red", "cannot read 'colour=red'"),
        ("P2~P3,glides=random", "has no O2 galleries"),
        ("P2~O2,glides=upwards", "glides 'upwards'"),
    ],
)
def test_texts_that_cannot_be(text, fault):
    with pytest.raises(InputError, match=fault):
        parse_disorder(text)


def test_what_is_a_disordered_stacking():
    assert is_disorder("P2~O3")
    assert is_disorder("Z:0.3")
    assert not is_disorder("Z:0.3*20")
    assert not is_disorder("P2*4|O3*3")


@pytest.mark.parametrize(
    ("text", "files", "rest"),
    [
        ("A.cif~B.cif:0.4,thickness=8", ["A.cif", "B.cif"], ":0.4,thickness=8"),
        ("old~P2.cif~B.CIF", ["old~P2.cif", "B.CIF"], ""),
        ("data~1/A.cif ~ data~1/B.mcif:0.1", ["data~1/A.cif", "data~1/B.mcif"], ":0.1"),
        ("P2~O3", [], ""),
    ],
)
def test_files_of_a_text(text, files, rest):
    assert files_of_disorder(text) == files
    assert rest_after_files(text) == rest


def test_least_persistence_of_two_kinds():
    """-min(f / (1 - f), (1 - f) / f)."""
    for f in (0.1, 0.5, 0.8):
        assert least_persistence([1 - f, f]) == pytest.approx(-min(f / (1 - f), (1 - f) / f))


def test_thickness():
    """t_X = 1 / ((1 - L) f) for the kind X of fraction 1 - f; at 50 : 50 and at random it is 2."""
    assert lamella_thickness(0.7, 0.8) == pytest.approx(1 / (0.2 * 0.3))
    assert lamella_thickness(0.5, 0.0) == pytest.approx(2.0)
    assert lamella_thickness(0.5, 1.0) == math.inf
    both = Disorder(kinds=("P2", "O3"), fractions=(0.7, 0.3), persistence=persistence_from_thickness(10.0)).thickness
    assert 2.0 / sum(1.0 / t for t in both) == pytest.approx(10.0)


# Edges of what is allowed.


@pytest.mark.parametrize(
    ("kinds", "fractions", "persistence"),
    [
        (("P2", "O3"), (2 / 3, 1 / 3), -0.5),
        (("P2", "O3"), (0.7, 0.3), -3 / 7),
        (("P2", "O3", "P3"), (0.0, 2 / 3, 1 / 3), 0.1234567891),
        (("P2", "O3", "P3"), (1 / 3, 1 / 3, 1 / 3), 1.0),
        (("P2", "O2"), (1.0, 0.0), 0.0),
    ],
)
def test_any_stacking_is_read_back_from_its_text(kinds, fractions, persistence):
    stacking = Disorder(kinds=kinds, fractions=fractions, persistence=persistence)
    again = parse_disorder(stacking.text)
    assert again.kinds == kinds
    assert again.fractions == pytest.approx(fractions, abs=1e-9)
    assert again.persistence == pytest.approx(persistence, abs=1e-9)


@pytest.mark.parametrize(
    ("fractions", "possible"),
    [((0.0, 1.0), True), ((1.0, 0.0), True), ((-0.1, 1.1), False), ((0.5, 0.6), False), ((0.3, 0.3), False)],
)
def test_fractions_are_shares_of_one(fractions, possible):
    if possible:
        assert Disorder(kinds=("P2", "O3"), fractions=fractions).persistence == 0.0
        assert parse_disorder(f"P2~O3:{fractions[1]}").fractions == pytest.approx(fractions)
    else:
        with pytest.raises(InputError, match="fractions"):
            Disorder(kinds=("P2", "O3"), fractions=fractions)


@pytest.mark.parametrize(("text", "possible"), [("0.6:0.4", True), ("0.6:0.5", False), ("0.6:-0.1", False)])
def test_further_fractions_leave_something_or_nothing_for_the_first(text, possible):
    if possible:
        assert parse_disorder(f"P2~O3~P3:{text}").fractions == pytest.approx((0.0, 0.6, 0.4), abs=1e-9)
    else:
        with pytest.raises(InputError, match="fractions"):
            parse_disorder(f"P2~O3~P3:{text}")


@pytest.mark.parametrize(("persistence", "possible"), [(-3 / 7, True), (-0.43, False), (1.0, True), (1.001, False)])
def test_the_range_of_the_persistence(persistence, possible):
    """At fractions of 0.7 and 0.3 from -0.3 / 0.7 to 1, as a number and as a text."""
    if possible:
        assert Disorder(kinds=("P2", "O3"), fractions=(0.7, 0.3), persistence=persistence).persistence == persistence
        assert parse_disorder(f"P2~O3:0.3,persistence={persistence!r}").persistence == persistence
    else:
        with pytest.raises(InputError, match=r"give -0\.429 to 1"):
            Disorder(kinds=("P2", "O3"), fractions=(0.7, 0.3), persistence=persistence)


@pytest.mark.parametrize(("thickness", "possible"), [(1.39, False), (1.4, True), (1e4, True), (10100, False)])
def test_the_range_of_the_thickness(thickness, possible):
    """The rarest kind never follows itself: L = -3/7 and 2 / (1 - L) = 1.4 galleries; and no more than 10,000."""
    if possible:
        assert parse_disorder(f"P2~O3:0.3,thickness={thickness}").persistence == pytest.approx(1 - 2 / thickness)
    else:
        with pytest.raises(InputError, match=r"give 1\.4 to 10000 galleries"):
            parse_disorder(f"P2~O3:0.3,thickness={thickness}")


def test_a_thickness_of_three_kinds():
    """The harmonic mean of 1 / ((1 - L)(1 - g)) over three kinds is 3 / (2 (1 - L)): 6 galleries need L = 3/4."""
    found = parse_disorder("P2~O3~P3:0.3:0.1,thickness=6")
    assert found.persistence == pytest.approx(0.75)
    assert 3 / sum(1 / t for t in found.thickness) == pytest.approx(6.0)
    with pytest.raises(InputError, match=r"give 1\.35 to"):  # L = -0.1 / 0.9 and 3 / (2 (1 - L)) = 1.35
        parse_disorder("P2~O3~P3:0.3:0.1,thickness=1.3")


def test_one_kind_alone_leaves_no_room_for_order():
    assert least_persistence([1.0]) == 0.0
    assert least_persistence([1.0, 0.0]) == 0.0
    assert lamella_thickness(1.0, 0.5) == math.inf


@pytest.mark.parametrize("kinds", [("P2",), ("P2", "O3", "P2"), ("P2", "OP4")])
def test_kinds_are_two_or_more_different_ones(kinds):
    with pytest.raises(InputError, match="kind"):
        Disorder(kinds=kinds, fractions=tuple(1 / len(kinds) for _ in kinds))


def test_only_o2_galleries_glide():
    assert "glides" not in parse_disorder("P2~O3").text
    assert parse_disorder("P2~O2,glides=same").text.endswith("glides=same")
    assert [step.shift for step in parse_disorder("P2~O2~O1~O3:0.2:0.2:0.2").steps] == [0, 1, -1, 1]
