"""Lengths of slabs and galleries. Radii are compared with the Shannon table that pymatgen ships; reference cells are
those of the project's table of phases."""

import math

import pytest
from pymatgen.core import Species

from layerox.builders.composition import parse_formula
from layerox.builders.layer_heights import CATION_RADII, LayerGeometry, bond_length, cation_radius, dimensions
from layerox.errors import InputError
from layerox.stacking import parse_word

SPINS = {
    ("Cr", 2): "High Spin", ("Mn", 2): "High Spin", ("Mn", 3): "High Spin", ("Fe", 2): "High Spin",
    ("Fe", 3): "High Spin", ("Co", 2): "High Spin", ("Co", 3): "Low Spin", ("Co", 4): "High Spin",
    ("Ni", 3): "Low Spin", ("Ni", 4): "Low Spin", ("Cu", 3): "Low Spin",
}  # fmt: skip


@pytest.mark.parametrize(("element", "charge"), [(e, q) for e, radii in CATION_RADII.items() for q in radii])
def test_radii_are_shannons(element, charge):
    shannon = Species(element, charge).get_shannon_radius("VI", SPINS.get((element, charge), ""), "ionic")
    assert CATION_RADII[element][charge] == pytest.approx(shannon)


def test_radii_between_two_charges_are_interpolated():
    assert cation_radius("Mn", 3.5) == pytest.approx((0.645 + 0.53) / 2)
    assert cation_radius("Mn", 9) == 0.53


# Metal-oxygen distances of the reference structures: table of phases.
@pytest.mark.parametrize(
    ("formula", "bond"),
    [
        ("Na2/3Ni1/3Mn2/3O2", 1.948),
        ("Na0.74CoO2", 1.911),
        ("Na2/3Fe1/2Mn1/2O2", 1.965),
        ("NaCoO2", 1.934),
        ("NaNi1/2Mn1/2O2", 2.005),
        ("NaFeO2", 2.035),
        ("Na0.05Ni1/3Mn2/3O2", 1.895),
        ("CoO2", 1.885),
    ],
)
def test_bonds_from_radii_come_near_the_reference_structures(formula, bond):
    assert bond_length(parse_formula(formula)) == pytest.approx(bond, abs=0.026)


# Cells of the reference structures: table of phases. An estimate claims some 2 % in a, 3 % in c.
@pytest.mark.parametrize(
    ("word", "formula", "a", "c"),
    [
        ("P2", "Na2/3Ni1/3Mn2/3O2", 2.885, 11.155),
        ("P2", "Na0.74CoO2", 2.84, 10.811),
        ("P2", "Na2/3Fe1/2Mn1/2O2", 2.933, 11.22),
        ("O3", "NaNi1/2Mn1/2O2", 2.9596, 15.9136),
        ("O3", "NaCoO2", 2.8892, 15.609),
        ("O3", "NaFeO2", 3.025, 16.094),
        ("P3", "Na2/3Ni1/3Mn2/3O2", 2.887, 16.8),
        ("O1", "CoO2", 2.822, 4.29),
    ],
)
def test_cells_from_bond_lengths_come_near_the_reference_structures(word, formula, a, c):
    parsed, composition = parse_word(word), parse_formula(formula)
    lengths = dimensions(LayerGeometry(), parsed, composition, [composition.alkali] * len(parsed))
    assert lengths.a == pytest.approx(a, rel=0.02)
    assert lengths.c == pytest.approx(c, rel=0.03)


def _lengths(word, geometry, formula="Na0.6MnO2"):
    composition = parse_formula(formula)
    parsed = parse_word(word)
    return dimensions(geometry, parsed, composition, [composition.alkali] * len(parsed))


def test_a_and_bond_fix_the_slab():
    lengths = _lengths("P2", LayerGeometry(a=2.885, c=11.155, bond=1.948))
    assert lengths.slab == pytest.approx(2 * math.sqrt(1.948**2 - 2.885**2 / 3))
    assert lengths.c == pytest.approx(11.155)
    assert lengths.galleries[0] == lengths.galleries[1]


def test_slab_and_bond_fix_a():
    assert _lengths("P2", LayerGeometry(slab=2.0, bond=1.95)).a == pytest.approx(math.sqrt(3 * (1.95**2 - 1)))


def test_given_galleries_are_kept_and_the_others_take_the_rest_of_c():
    lengths = _lengths("OP4", LayerGeometry(a=2.87, c=21.04, bond=1.93, galleries={"P": 3.64}))
    assert [round(h, 6) for h in lengths.galleries[::2]] == [3.64, 3.64]
    assert lengths.galleries[1] == pytest.approx((21.04 - 4 * lengths.slab - 2 * 3.64) / 2)


def test_galleries_are_named_by_label_then_character_then_kind():
    geometry = LayerGeometry(slab=2.0, galleries={"P": 3.5, "O": 3.2, "O3": 3.3, "OP4": 3.7})
    lengths = _lengths("OP4*4|O3*3|P2*2", geometry)
    assert lengths.galleries == (3.7, 3.7, 3.7, 3.7, 3.3, 3.3, 3.3, 3.5, 3.5)


@pytest.mark.parametrize(
    ("word", "geometry", "message"),
    [
        ("P2", {"c": 8.0}, "left for a P2 gallery"),
        ("P2", {"a": 3.4, "bond": 1.95}, "no layer of octahedra"),
        ("P2", {"a": 2.9, "slab": 2.0, "bond": 1.9}, "give two of the three"),
        ("P2", {"slab": 2.0, "c": 11.0, "galleries": {"P": 3.4}}, "more than c"),
        ("O3", {"galleries": {"P": 3.4}}, "of kind 'P'"),
    ],
)
def test_lengths_that_make_no_cell_are_refused(word, geometry, message):
    with pytest.raises(InputError, match=message):
        _lengths(word, LayerGeometry(**geometry))


@pytest.mark.parametrize("geometry", [{"a": -1}, {"c": float("nan")}, {"galleries": {"P": -2.0}}])
def test_impossible_lengths_are_refused(geometry):
    with pytest.raises(InputError, match="positive"):
        LayerGeometry(**geometry)
