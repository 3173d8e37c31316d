"""Spinels. Cells to compare with are those of the project's table of phases; site formulas are geometry."""

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from layerox.builders import build_crystal
from layerox.builders.spinel import (
    SpinelGeometry,
    edge_from_bonds,
    spinel_composition,
    spinel_crystal,
)
from layerox.crystal.atoms import atoms_from_crystal
from layerox.crystal.full_symmetry import with_full_symmetry
from layerox.errors import InputError


@pytest.mark.parametrize(
    ("formula", "tetrahedral", "octahedral"),
    [
        ("LiMn2O4", {"Li": 1}, {"Mn": 2}),
        ("Mn3O4", {"Mn": 1}, {"Mn": 2}),
        ("Mn2O4", {}, {"Mn": 2}),
        ("Li0.5Mn2O4", {"Li": 0.5}, {"Mn": 2}),
        ("LiNi0.5Mn1.5O4", {"Li": 1}, {"Ni": 0.5, "Mn": 1.5}),
        ("Na2MoO4", {"Mo": 1}, {"Na": 2}),
        ("NiMn2O4", {"Mn": 1}, {"Ni": 1, "Mn": 1}),  # inverse, as NiMn2O4 is
        ("Mn4.5Mg1.5O8", {"Mg": 0.75, "Mn": 0.25}, {"Mn": 2}),
    ],
)
def test_who_is_where(formula, tetrahedral, octahedral):
    ions = spinel_composition(formula)
    assert dict(ions.tetrahedral) == pytest.approx(tetrahedral)
    assert dict(ions.octahedral) == pytest.approx(octahedral)


def test_inversion_changes_places_and_keeps_the_formula():
    normal, inverted = spinel_composition("MgMn2O4"), spinel_composition("MgMn2O4", inversion=0.4)
    assert dict(inverted.tetrahedral) == pytest.approx({"Mg": 0.6, "Mn": 0.4})
    assert dict(inverted.octahedral) == pytest.approx({"Mg": 0.4, "Mn": 1.6})
    assert inverted.cations == pytest.approx(normal.cations)
    mixed = spinel_composition("LiNi0.5Mn1.5O4", inversion=0.2)
    assert dict(mixed.tetrahedral) == pytest.approx({"Li": 0.8, "Ni": 0.05, "Mn": 0.15})


def test_contents_of_the_tetrahedra_may_be_stated():
    ions = spinel_composition("MgMn2O4", tetrahedral={"Mg": 0.7, "Mn": 0.3})
    assert dict(ions.octahedral) == pytest.approx({"Mg": 0.3, "Mn": 1.7})


def test_rounded_cations_are_scaled_and_charges_checked():
    assert [n.code for n in spinel_composition("Li1.01Mn2O4").warnings] == ["metals_rounded"]
    assert [n.code for n in spinel_composition("Na3O4").warnings] == ["charge_implausible"]
    assert spinel_composition("LiMn2O3.9F0.1").anions == pytest.approx({"O": 3.9, "F": 0.1})


@given(a=st.floats(7.9, 9.2), u=st.floats(0.235, 0.28))
def test_edge_and_parameter_follow_from_both_bonds(a, u):
    tetrahedral = math.sqrt(3) * a * (u - 1 / 8)
    octahedral = a * math.sqrt((u - 1 / 2) ** 2 + 2 * (u - 1 / 4) ** 2)
    assert edge_from_bonds(octahedral=octahedral, tetrahedral=tetrahedral) == pytest.approx((a, u), rel=1e-9)


# Edges of the table of phases: LiMn2O4 8.248, MgMn2O4 (cubic) 8.40, Na2MoO4 9.108 A; estimates are good to 3 %.
@pytest.mark.parametrize(("formula", "a"), [("LiMn2O4", 8.248), ("MgMn2O4", 8.40), ("Na2MoO4", 9.108), ("MnO2", 8.04)])
def test_bond_lengths_give_the_edge_to_three_per_cent(formula, a):
    assert spinel_crystal(spinel_composition(formula)).cell[0] == pytest.approx(a, rel=0.03)


def test_without_distortion_the_tetragonal_cell_is_the_cube():
    ions = spinel_composition("Mn3O4")
    cube = spinel_crystal(ions, geometry=SpinelGeometry(a=8.4, u=0.263))
    flat = spinel_crystal(ions, geometry=SpinelGeometry(a=8.4, u=0.263, distortion=0.0))
    assert flat.space_group == "I41/amd"
    found = with_full_symmetry(atoms_from_crystal(flat).to_crystal())
    assert found.space_group == "Fd-3m"
    assert found.cell[:3] == pytest.approx(cube.cell[:3])
    assert flat.density == pytest.approx(cube.density)


@given(distortion=st.floats(-0.1, 0.2))
def test_a_distortion_keeps_the_volume(distortion):
    crystal = spinel_crystal(
        spinel_composition("Mn3O4"), geometry=SpinelGeometry(a=8.4, u=0.262, distortion=distortion)
    )
    a, _, c, *_ = crystal.cell
    assert c / (math.sqrt(2) * a) - 1 == pytest.approx(distortion, abs=1e-9)
    assert 2 * crystal.volume == pytest.approx(8.4**3)


def test_an_octahedral_bond_fixes_the_anion():
    crystal = build_crystal("spinel", formula="LiMn2O4", a=8.25, bond=1.96)
    u = crystal.sites[-1].position[0]
    assert 8.25 * math.sqrt((u - 1 / 2) ** 2 + 2 * (u - 1 / 4) ** 2) == pytest.approx(1.96)


def test_a_formula_of_the_library_is_the_librarys():
    mn3o4 = build_crystal("spinel", formula="Mn3O4")
    assert (mn3o4.space_group, mn3o4.cell[2]) == ("I41/amd", 9.442)
    assert build_crystal("spinel", formula="LiMn2O4", a=8.3).cell[0] == 8.3
    assert build_crystal("spinel", formula="LiMn2O4", a=8.3).sites[-1].position[0] == pytest.approx(0.2632)
    tetragonal = build_crystal("spinel", formula="Mn3O4", a=5.75, c=9.5)
    assert tetragonal.cell[:3] == (5.75, 5.75, 9.5)
    assert build_crystal("spinel", formula="ZnMn2O4").warnings[0].code == "geometry_estimated"


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"formula": "Mn"}, "holds no anions"),
        ({"formula": "Li2Mn2O4"}, "4 cations for 3 sites"),
        ({"formula": "MnO4"}, "leave octahedra"),
        ({"formula": "Mn3O4", "inversion": 0.2}, "no different ions"),
        ({"formula": "LiMn2O4", "inversion": 1.2}, "give 0 to 1"),
        ({"formula": "LiMn2O4", "tetrahedral": {"Mg": 1.0}}, "more Mg than"),
        ({"formula": "LiMn2O4", "tetrahedral": {"Li": 0.5}}, "2.5 ions on 2 octahedra"),
        ({"u": 0.388}, "take 1/8 off"),
        ({"c": 9.4}, "give a and c"),
        ({"a": 5.76}, "octahedral bonds of some 1.44 A"),
        ({"a": -8.0}, "positive length"),
        ({"a": 8.2, "u": 0.26, "bond": 1.95}, "two of the three"),
        ({"a": 8.2, "distortion": 2.0}, "give -0.3 to 0.4"),
    ],
)
def test_bad_spinels_are_refused(options, message):
    with pytest.raises(InputError, match=message):
        build_crystal("spinel", **{"formula": "MgMn2O4", **options})
