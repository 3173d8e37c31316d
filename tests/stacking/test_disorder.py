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
