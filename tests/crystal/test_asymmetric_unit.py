"""Crystals: contents, formulas, mixed and special sites, and what cannot diffract. Expected numbers: GSAS-II (commit
013259a0) for volumes and densities, else by hand."""

import math
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from pymatgen.core import Composition, Lattice, Structure

from layerox.crystal.asymmetric_unit import (
    ASSUMED_U_ISO,
    Crystal,
    cell_text,
    crystal_from_structure,
    formula_text,
    position_tuple,
    structure_from_crystal,
)
from layerox.errors import InputError
from layerox.symmetry import symmetry_from_name
from reference_crystals import ALL, CHIRAL, LAB6, O3, O3_PRIME, P2, P3, POLAR, SPINEL, TIED, crystal, site


# Volume and density of structures a, b, c, d, f in reference_structures.json (GSAS-II, commit 013259a0).
@pytest.mark.parametrize(
    ("known", "volume", "density"),
    [
        (P2, 80.40662647072017, 4.278772452006523),
        (O3, 120.8029739951375, 4.610648262935006),
        (P3, 119.8405260936584, 4.239346925827229),
        (SPINEL, 559.4762239999999, 4.2932618036126255),
        (O3_PRIME, 85.58492805246105, 4.265623296551992),
    ],
    ids=lambda value: getattr(value, "name", ""),
)
def test_volume_and_density_are_those_of_gsas(known, volume, density):
    assert known.volume == pytest.approx(volume, rel=1e-12)
    # The two programs' atomic weights differ in the fifth digit.
    assert known.density == pytest.approx(density, rel=3e-5)


# Multiplicities of the same list.
@pytest.mark.parametrize(
    ("known", "multiplicities"),
    [(P2, (2, 2, 4, 2, 2)), (O3, (3, 3, 3, 6)), (SPINEL, (8, 16, 32)), (O3_PRIME, (2, 2, 4)), (P3, (3, 3, 3, 3, 3))],
    ids=lambda value: getattr(value, "name", ""),
)
def test_multiplicities_are_those_of_gsas(known, multiplicities):
    assert known.multiplicities == multiplicities


@pytest.mark.parametrize(
    ("known", "formula", "units", "space_group"),
    [
        (P2, "Na0.67Mn0.667Ni0.333O2", 2, "P63/mmc"),
        (O3, "NaMn0.5Ni0.5O2", 3, "R-3m"),
        (SPINEL, "LiMn2O4", 8, "Fd-3m"),
        (O3_PRIME, "NaMnO2", 2, "C2/m"),
        (P3, "Na0.6Mn0.667Ni0.333O2", 3, "R3m"),
        (LAB6, "LaB6", 1, "Pm-3m"),
        (CHIRAL, "SiO2", 3, "P3121"),
    ],
    ids=lambda value: getattr(value, "name", ""),
)
def test_formula_of_one_formula_unit(known, formula, units, space_group):
    assert (known.formula, known.formula_units, known.space_group) == (formula, units, space_group)


def test_content_and_mass_of_the_cell():
    assert O3.content == pytest.approx({"Na": 3, "Ni": 1.5, "Mn": 1.5, "O": 6})
    # pymatgen's atomic weights; the truth file of the reference pattern has 335.421 for this cell.
    assert O3.mass == pytest.approx(float(Composition("Na3Ni1.5Mn1.5O6").weight), rel=3e-5)
    assert O3.mass == pytest.approx(335.421, rel=3e-5)


def test_species_on_one_position_are_one_mixed_site():
    assert P2.mixed_sites == ((0, 1), (2,), (3,), (4,))
    assert TIED.mixed_sites == ((0,), (1, 2), (3,))


def test_a_mixed_site_may_be_listed_in_different_cells():
    shifted = replace(O3, sites=(*O3.sites[:2], replace(O3.sites[2], position=(1.0, -1.0, 0.5)), O3.sites[3]))
    assert shifted.mixed_sites == ((0,), (1, 2), (3,))


def test_all_atoms_of_the_cell():
    for known in ALL:
        positions, owner = known.expanded()
        assert positions.shape == (len(owner), 3)
        assert np.bincount(owner).tolist() == list(known.multiplicities)
        assert ((positions >= 0) & (positions < 1)).all()


@pytest.mark.parametrize(
    ("content", "text"),
    [
        ({"O": 2, "Na": 0.67, "Mn": 1}, "Na0.67MnO2"),
        ({"F": 0.1, "O": 1.9, "Ti": 0.05, "Mn": 0.95, "K": 0.1, "Na": 0.5}, "Na0.5K0.1Ti0.05Mn0.95O1.9F0.1"),
        ({"O": 4, "P": 1, "Fe": 1, "Li": 1}, "LiFePO4"),
        ({"Mn": 1, "O": 0.0001}, "Mn"),
        ({}, ""),
    ],
)
def test_formulas_have_cations_first(content, text):
    assert formula_text(content) == text


@pytest.mark.parametrize(("species", "charge"), [("Mn3+", 3), ("O2-", -2), ("Na1+", 1), ("Na", 0)])
def test_species_are_written_as_a_cif_does(species, charge):
    atom = site("X1", species, (0, 0, 0))
    assert (atom.charge, atom.species) == (charge, species)


@given(st.lists(st.integers(-48, 48), min_size=3, max_size=3), st.floats(-1e-11, 1e-11))
def test_positions_within_rounding_of_a_fraction_are_that_fraction(numerators, error):
    assert position_tuple(n / 24 + error for n in numerators) == tuple(n / 24 for n in numerators)


@given(st.lists(st.floats(-2, 2), min_size=3, max_size=3))
def test_other_positions_stay_where_they_are(values):
    assert position_tuple(values) == pytest.approx(values, abs=1e-9)


def test_the_cell_for_messages():
    assert cell_text(P2.cell) == "a 2.8850 b 2.8850 c 11.1550 alpha 90.0000 beta 90.0000 gamma 120.0000"


def test_another_cell_leaves_the_crystal_alone():
    larger = P2.with_cell(np.array([3, 3, 11, 90, 90, 120]))
    assert larger.cell == (3.0, 3.0, 11.0, 90.0, 90.0, 120.0)
    assert all(type(x) is float for x in larger.cell)
    assert P2.cell[0] == 2.885
    assert larger.sites == P2.sites


@pytest.mark.parametrize("known", ALL, ids=lambda known: known.name)
def test_good_crystals_pass(known):
    assert known.checked() is known


def changed(known, index, **fields):
    sites = list(known.sites)
    sites[index] = replace(sites[index], **fields)
    return replace(known, sites=tuple(sites), source="a.cif")


@pytest.mark.parametrize(
    ("bad", "words"),
    [
        (replace(P2, sites=()), r"^P2: holds no atoms; give a structure"),
        (P2.with_cell((2.885, 2.885, 0.0, 90, 90, 120)), "impossible cell"),
        (P2.with_cell((2.885, 2.885, -11.0, 90, 90, 120)), "impossible cell"),
        (P2.with_cell((2.885, 2.885, math.nan, 90, 90, 120)), "impossible cell"),
        (P2.with_cell((2.885, 2.885, math.inf, 90, 90, 120)), "impossible cell"),
        (P2.with_cell((5, 5, 5, 30, 30, 170)), "impossible cell"),  # alpha + beta < gamma: no such angles in space
        (P2.with_cell((0.1, 0.1, 0.1, 90, 90, 90)), "impossible cell"),
        (replace(P2, sites=tuple(replace(s, occupancy=0.0) for s in P2.sites)), "P2: all its sites are empty; give"),
        (changed(P2, 2, occupancy=1.5), r"^a\.cif: O1 has occupancy 1\.5; give 0 to 1"),
        (changed(P2, 2, occupancy=-0.1), r"^a\.cif: O1 has occupancy -0\.1; give 0 to 1"),
        (changed(P2, 2, occupancy=math.nan), r"^a\.cif: O1 has occupancy nan; give 0 to 1"),
        (changed(P2, 1, occupancy=0.9), r"^a\.cif: Ni1 and Mn1 overlap: .* total occupancy of 1\.23; correct"),
        (changed(O3, 3, position=(0.0, 0.0, 0.02)), r"^a\.cif: Na1 and O1 overlap"),
        (changed(O3, 3, position=(0.05, 0.0, 0.23)), r"^a\.cif: O1 overlap"),  # too near a three-fold axis
    ],
)
def test_what_cannot_diffract_is_refused(bad, words):
    with pytest.raises(InputError, match=words):
        bad.checked()


def test_split_positions_may_be_near_each_other_if_they_are_partly_filled():
    near = crystal(
        "split", "P m -3 m", (4.0, 4.0, 4.0, 90.0, 90.0, 90.0),
        ("Na1", "Na", (0.05, 0.0, 0.0), 1 / 6),
        ("O1", "O", (0.5, 0.5, 0.5)),
    )  # fmt: skip
    assert near.checked() is near
    with pytest.raises(InputError, match="Na1 overlap"):
        changed(near, 0, occupancy=0.2).checked()


@pytest.mark.parametrize("digits", [3, 4, 5, 6])
@pytest.mark.parametrize("known", ALL, ids=lambda known: known.name)
def test_rounded_coordinates_snap_back(known, digits):
    rounded = replace(
        known, sites=tuple(replace(s, position=tuple(round(x, digits) for x in s.position)) for s in known.sites)
    )
    assert rounded.snapped().multiplicities == known.multiplicities
    assert rounded.snapped().checked().content == pytest.approx(known.content)


def test_snapping_is_done_once():
    for known in ALL:
        snapped = known.snapped()
        assert snapped.snapped().sites == snapped.sites


def test_a_structure_becomes_a_crystal_of_all_its_atoms():
    structure = Structure(
        Lattice.hexagonal(2.9, 16.0),
        [{"Ni2+": 0.5, "Mn4+": 0.5}, "O2-", "O2-", "Na"],
        [[0, 0, 0], [1 / 3, 2 / 3, 0.07], [2 / 3, 1 / 3, 0.93], [0, 0, 0.5]],
        site_properties={"u_iso": [0.004, 0.006, 0.006, 0.02]},
    )
    found = crystal_from_structure(structure)
    assert (found.name, found.space_group, found.source) == ("NaMn0.5Ni0.5O2", "P1", "pymatgen Structure")
    assert [s.species for s in found.sites] == ["Ni2+", "Mn4+", "O2-", "O2-", "Na"]
    assert [s.label for s in found.sites] == ["Ni1", "Mn1", "O1", "O2", "Na1"]
    assert [s.occupancy for s in found.sites] == [0.5, 0.5, 1.0, 1.0, 1.0]
    assert [s.u_iso for s in found.sites] == [0.004, 0.004, 0.006, 0.006, 0.02]
    assert found.cell == pytest.approx((2.9, 2.9, 16, 90, 90, 120))
    assert crystal_from_structure(structure, name="mine").name == "mine"
    structure.properties |= {"name": "theirs", "source": "their file"}
    named = crystal_from_structure(structure)
    assert (named.name, named.source) == ("theirs", "their file")
    assert crystal_from_structure(structure, name="mine").name == "mine"


def test_a_structure_without_displacements_has_the_assumed_one():
    bare = Structure(Lattice.cubic(4.2), ["Mn", "O"], [[0, 0, 0], [0.5, 0.5, 0.5]])
    assert [s.u_iso for s in crystal_from_structure(bare).sites] == [ASSUMED_U_ISO, ASSUMED_U_ISO]


@pytest.mark.parametrize("known", ALL, ids=lambda known: known.name)
def test_a_crystal_survives_being_a_structure(known):
    structure = structure_from_crystal(known)
    assert len(structure) == sum(known.multiplicities[group[0]] for group in known.mixed_sites)
    assert structure.volume == pytest.approx(known.volume)
    back = crystal_from_structure(structure, name=known.name)
    assert back.content == pytest.approx(known.content)
    assert back.mass == pytest.approx(known.mass)
    assert {s.species for s in back.sites} == {s.species for s in known.sites}
    here = sorted((s.species, *np.round(np.mod(s.position, 1) % 1, 6)) for s in back.sites)
    positions, owner = known.expanded()
    there = sorted(
        (known.sites[k].species, *np.round(position % 1, 6)) for position, k in zip(positions, owner, strict=True)
    )
    assert here == there


def test_the_density_of_a_crystal_with_partial_sites():
    half = Crystal(
        name="half",
        cell=(4.0, 4.0, 4.0, 90.0, 90.0, 90.0),
        symmetry=symmetry_from_name("P m -3 m"),
        sites=(site("Na1", "Na", (0, 0, 0), 0.5), site("Cl1", "Cl", (0.5, 0.5, 0.5), 0.25)),
    )
    # (0.5 x 22.98977 + 0.25 x 35.453) / (64 x 0.602214) by hand.
    assert half.density == pytest.approx(20.35814 / 38.5417, rel=1e-4)
    assert half.formula_units == 1


def test_polar_crystals_keep_their_ions():
    assert [s.species for s in POLAR.sites] == ["Mn3+", "Fe3+", "O2-", "Na"]


def test_species_in_equivalent_places_come_together():
    # R-3m: (0, 0, 1/2) and (2/3, 1/3, 5/6) are one position, centred by (2/3, 1/3, 1/3).
    sites = [replace(s, position=(2 / 3, 1 / 3, 5 / 6)) if s.label == "Mn1" else s for s in O3.sites]
    snapped = replace(O3, sites=tuple(sites)).snapped()
    assert snapped.mixed_sites == O3.mixed_sites


def test_vacant_metals_keep_the_formula_unit():
    """P2 with a third of its metals left out: still two oxygens to each of their positions, of which a cell has two."""
    left = {"Ni1": 0.33, "Mn1": 0.33}
    vacant = replace(P2, sites=tuple(replace(s, occupancy=left.get(s.label, s.occupancy)) for s in P2.sites))
    assert (vacant.formula, vacant.formula_units) == ("Na0.67Mn0.33Ni0.33O2", 2)
