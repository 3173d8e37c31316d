"""Reflection lists against gemmi's Miller arrays, for every tabulated setting of a space group."""

import gemmi
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from layerox.diffraction.reflections import equivalents, one_of_each_sign, reflections
from layerox.errors import InputError
from layerox.symmetry import symmetry_from_name, symmetry_from_triplets
from reference_crystals import ALL, LAB6, O3, O3_PRIME, P2, SPINEL

SETTINGS = [group.xhm() for group in gemmi.spacegroup_table()]
D_MIN = 1.9


def cell_for(symmetry):
    """Return a cell that the group allows and that no reflection's d-spacing in reach of rounding divides."""
    return tuple(float(x) for x in symmetry.centred_cell((6.13, 7.27, 8.41, 83.0, 98.0, 104.0)))


def test_every_tabulated_setting_shows_the_reflections_of_gemmi():
    for name in SETTINGS:
        symmetry, group = symmetry_from_name(name), gemmi.SpaceGroup(name)
        cell = cell_for(symmetry)
        found = reflections(symmetry, cell, D_MIN)
        expected = gemmi.make_miller_array(gemmi.UnitCell(*cell), group, D_MIN)
        asu, operations = gemmi.ReciprocalAsu(group), group.operations()
        ours = sorted(tuple(asu.to_asu(hkl, operations)[0]) for hkl in found.hkl.tolist())
        assert ours == sorted(map(tuple, expected.tolist())), name


def test_every_tabulated_setting_has_the_right_multiplicities():
    for name in SETTINGS:
        symmetry, operations = symmetry_from_name(name), gemmi.SpaceGroup(name).operations()
        cell = cell_for(symmetry)
        found = reflections(symmetry, cell, D_MIN)
        for hkl, multiplicity in zip(found.hkl.tolist(), found.multiplicity.tolist(), strict=True):
            images = {tuple(op.apply_to_hkl(hkl)) for op in operations.sym_ops}
            images |= {(-a, -b, -c) for a, b, c in images}
            assert multiplicity == len(images), (name, hkl)


@pytest.mark.parametrize("known", ALL, ids=lambda known: known.name)
def test_all_reflections_of_the_sphere_are_counted(known):
    found = reflections(known.symmetry, known.cell, 1.1)
    everything = gemmi.make_miller_array(known.unit_cell, gemmi.SpaceGroup("P 1"), 1.1, unique=False)
    allowed = ~gemmi.SpaceGroup(known.symmetry.name).operations().systematic_absences(everything)
    both_mates = {tuple(h) for h in everything[allowed].tolist()} | {tuple(h) for h in (-everything[allowed]).tolist()}
    assert found.multiplicity.sum() == len(both_mates)


# h, k, l, multiplicity and d of the reference list (GSAS-II, commit 013259a0): the first reflections of each.
@pytest.mark.parametrize(
    ("known", "rows"),
    [
        (P2, [(0, 0, 2, 2, 5.5775), (0, 0, 4, 2, 2.78875), (1, 0, 0, 6, 2.4984833), (1, 0, 1, 12, 2.4380767),
              (1, 0, 2, 12, 2.2801601), (1, 0, 3, 12, 2.0738062), (1, 0, 4, 12, 1.860883), (0, 0, 6, 2, 1.8591667)]),
        (O3, [(0, 0, 3, 2, 5.3033333), (0, 0, 6, 2, 2.6516667), (1, 0, 1, 6, 2.5316293), (1, 0, -2, 6, 2.4406314),
              (1, 0, 4, 6, 2.1552248), (1, 0, -5, 6, 1.9966458), (0, 0, 9, 2, 1.7677778), (1, 0, 7, 6, 1.7009009)]),
        (SPINEL, [(1, 1, 1, 8, 4.7573662), (2, 2, 0, 12, 2.9132799), (3, 1, 1, 24, 2.4844535), (2, 2, 2, 8, 2.3786831),
                  (4, 0, 0, 6, 2.06), (3, 3, 1, 24, 1.8903856), (4, 2, 2, 24, 1.681983)]),
        (O3_PRIME, [(0, 0, 1, 2, 5.3152398), (2, 0, -1, 2, 2.7989655), (0, 0, 2, 2, 2.6576199), (2, 0, 0, 2, 2.5931369),
                    (1, 1, 0, 4, 2.5044365), (1, 1, -1, 4, 2.4499962), (2, 0, -2, 2, 2.3744356),
                    (1, 1, 1, 4, 2.1173258)]),
    ],
    ids=lambda value: getattr(value, "name", ""),
)  # fmt: skip
def test_the_first_reflections_are_those_of_gsas(known, rows):
    found = reflections(known.symmetry, known.cell, rows[-1][-1] - 1e-4)
    assert len(found) == len(rows)
    group, laue = gemmi.SpaceGroup(known.symmetry.name), known.symmetry.laue_rotations
    assert group is not None
    np.testing.assert_allclose(found.d_spacing(known.cell), [row[-1] for row in rows], rtol=1e-7)
    assert found.multiplicity.tolist() == [row[3] for row in rows]
    for ours, row in zip(found.hkl, rows, strict=True):
        assert (equivalents(ours[None], laue)[0] == row[:3]).all(axis=1).any(), (ours, row)


def test_reflections_stand_by_falling_d():
    for known in ALL:
        d = reflections(known.symmetry, known.cell, 1.1).d_spacing(known.cell)
        assert (np.diff(d) <= 1e-9).all()


def test_indices_are_the_readable_ones():
    found = {tuple(hkl) for hkl in reflections(LAB6.symmetry, LAB6.cell, 1.2).hkl.tolist()}
    assert {(1, 0, 0), (1, 1, 0), (1, 1, 1), (2, 1, 0), (2, 1, 1)} <= found
    found = {tuple(hkl) for hkl in reflections(P2.symmetry, P2.cell, 1.2).hkl.tolist()}
    assert {(1, 0, 0), (1, 0, 2), (1, 1, 0), (1, 1, 2), (0, 0, 2)} <= found


@pytest.mark.parametrize(
    ("name", "absent", "present"),
    [
        # Reflection conditions: International Tables A.
        ("P 63/m m c", [(0, 0, 1), (0, 0, 3), (1, 1, 1), (1, 1, 3)], [(0, 0, 2), (1, 0, 1), (1, 1, 2)]),
        ("R -3 m:H", [(1, 0, 0), (0, 0, 1), (0, 0, 2), (1, 0, 2)], [(0, 0, 3), (1, 0, 1), (0, 1, 2)]),
        ("F d -3 m:2", [(2, 0, 0), (1, 0, 0), (2, 1, 0), (4, 2, 0), (6, 0, 0)], [(1, 1, 1), (2, 2, 0), (4, 0, 0)]),
        ("C 1 2/m 1", [(1, 0, 0), (0, 1, 0), (2, 1, 0)], [(1, 1, 0), (2, 0, 0), (0, 0, 1)]),
        ("P 1 21/c 1", [(0, 1, 0), (0, 0, 1), (1, 0, 1)], [(0, 2, 0), (0, 0, 2), (1, 0, 2), (1, 1, 1)]),
        ("P 21 21 21", [(1, 0, 0), (0, 3, 0), (0, 0, 1)], [(2, 0, 0), (1, 1, 0), (1, 0, 1)]),
        ("I 41/a m d:2", [(1, 0, 0), (0, 0, 2), (1, 1, 0)], [(1, 0, 1), (0, 0, 4), (2, 0, 0), (2, 2, 0)]),
    ],
)  # fmt: skip
def test_systematic_absences(name, absent, present):
    symmetry = symmetry_from_name(name)
    cell = tuple(symmetry.centred_cell((6, 7, 8, 90, 95, 90)))
    found = equivalents(reflections(symmetry, cell, 0.9).hkl, symmetry.laue_rotations).reshape(-1, 3)
    shown = {tuple(hkl) for hkl in found.tolist()}
    assert not shown & set(absent)
    assert shown >= set(present)


def test_operations_of_no_tabulated_setting_have_their_absences():
    # P 21/c with the origin moved by (1/8, 0, 0): the same reflections.
    moved = symmetry_from_triplets(["x,y,z", "-x+1/4,-y,-z", "-x+1/4,y+1/2,-z+1/2", "x,-y+1/2,z+1/2"])
    assert moved.name == ""
    cell = (5.1, 6.2, 7.3, 90.0, 101.0, 90.0)
    here, there = reflections(moved, cell, 1.2), reflections(symmetry_from_name("P 1 21/c 1"), cell, 1.2)
    assert here.hkl.tolist() == there.hkl.tolist()
    assert here.multiplicity.tolist() == there.multiplicity.tolist()


def test_one_rotation_of_each_pair():
    for known in ALL:
        laue = known.symmetry.laue_rotations
        half = laue[one_of_each_sign(laue)]
        assert 2 * len(half) == len(laue)
        both = {tuple(r.flat) for r in half} | {tuple((-r).flat) for r in half}
        assert both == {tuple(r.flat) for r in laue}


@given(st.floats(0.7, 4.0))
def test_a_smaller_sphere_is_the_beginning_of_a_larger_one(d_min):
    small, large = (reflections(O3_PRIME.symmetry, O3_PRIME.cell, d) for d in (d_min, 0.7))
    assert small.hkl.tolist() == large.hkl[: len(small)].tolist()
    assert (small.d_spacing(O3_PRIME.cell) >= d_min * (1 - 1e-12)).all()


def test_a_sphere_smaller_than_the_first_reflection_is_empty():
    none = reflections(P2.symmetry, P2.cell, 20.0)
    assert len(none) == 0
    assert none.hkl.shape == (0, 3)


def test_a_sphere_that_nobody_can_mean_is_refused():
    with pytest.raises(InputError, match=r"has about 2.1e\+09 reflections above d = 0\.1 A, too many; narrow"):
        reflections(symmetry_from_name("P 1"), (100.0, 100.0, 100.0, 90.0, 90.0, 90.0), 0.1)
