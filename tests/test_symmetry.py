"""Space groups against gemmi's operations and the tables of International Tables for Crystallography A."""

import contextlib
import pickle

import gemmi
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from layerox.errors import InputError
from layerox.symmetry import (
    CELL_NAMES,
    cell_from_metric,
    cosines,
    first_at_each_place,
    metric_tensor,
    metrics_of_cells,
    reduced_echelon,
    symmetry_from_name,
    symmetry_from_triplets,
    wrapped,
)

SETTINGS = [group.xhm() for group in gemmi.spacegroup_table()]
# What the metric of each crystal system leaves free: International Tables A, table 2.1.2.1.
FREE_CELL_PARAMETERS = {
    "triclinic": 6,
    "monoclinic": 4,
    "orthorhombic": 3,
    "tetragonal": 2,
    "trigonal": 2,
    "hexagonal": 2,
    "cubic": 1,
}
# Coordinates of special positions, as numbers that symmetry elements go through, and some in between.
FRACTIONS = [0.0, 1 / 8, 1 / 6, 1 / 4, 1 / 3, 3 / 8, 1 / 2, 2 / 3, 3 / 4, 5 / 6, 0.137, 0.219, 0.411, -0.137, 0.274]

settings_of_groups = st.sampled_from(SETTINGS).map(symmetry_from_name)
positions = st.tuples(*(st.sampled_from(FRACTIONS),) * 3)


@pytest.fixture(scope="module")
def groups():
    return {name: symmetry_from_name(name) for name in SETTINGS}


def test_every_tabulated_setting_has_the_operations_of_gemmi(groups):
    for name, symmetry in groups.items():
        group = gemmi.SpaceGroup(name)
        assert (symmetry.name, symmetry.number) == (name, group.number)
        assert sorted(symmetry.triplets) == sorted(op.triplet() for op in group.operations()), name
        assert symmetry.is_centrosymmetric == group.is_centrosymmetric(), name


def test_every_tabulated_setting_is_recognised_by_its_operations(groups):
    for name, symmetry in groups.items():
        again = symmetry_from_triplets(symmetry.triplets)
        assert again.number == symmetry.number, name
        assert sorted(again.triplets) == sorted(symmetry.triplets), name


def test_operations_modulo_centrings(groups):
    for name, symmetry in groups.items():
        rotations, translations = symmetry.coset
        assert len(rotations) * len(symmetry.centrings) == len(symmetry), name
        assert (symmetry.centrings[0] == 0).all(), name
        rebuilt = {
            (tuple(r.flat), tuple(np.rint(24 * (t + c)).astype(int) % 24))
            for r, t in zip(rotations, translations, strict=True)
            for c in symmetry.centrings
        }
        own = {
            (tuple(r.flat), tuple(np.rint(24 * t).astype(int) % 24))
            for r, t in zip(symmetry.rotations, symmetry.translations, strict=True)
        }
        assert rebuilt == own, name


def test_the_laue_group_holds_the_inversion_once(groups):
    # Orders of the eleven Laue groups: International Tables A, table 2.1.2.1.
    orders = {"1": 2, "2/m": 4, "mmm": 8, "4/m": 8, "4/mmm": 16, "3": 6, "3m": 12, "6/m": 12, "6/mmm": 24, "m3": 24,
              "m3m": 48}  # fmt: skip
    for name, symmetry in groups.items():
        laue = gemmi.SpaceGroup(name).laue_str().replace("-", "")
        assert len(symmetry.laue_rotations) == orders[laue], name
        assert len(np.unique(symmetry.laue_rotations, axis=0)) == orders[laue], name


def test_cell_parameters_that_each_crystal_system_leaves_free(groups):
    for name, symmetry in groups.items():
        rule = symmetry.cell_rule
        assert len(rule.free) == FREE_CELL_PARAMETERS[gemmi.SpaceGroup(name).crystal_system_str()], name
        assert sorted([*rule.free, *rule.follows, *rule.fixed]) == [0, 1, 2, 3, 4, 5], name
        assert set(rule.follows.values()) <= set(rule.free), name
        assert set(rule.fixed.values()) <= {90.0, 120.0}, name


@pytest.mark.parametrize(
    ("name", "free", "follows", "fixed"),
    [
        ("P 63/m m c", "a c", {"b": "a"}, {"alpha": 90.0, "beta": 90.0, "gamma": 120.0}),
        ("R -3 m:H", "a c", {"b": "a"}, {"alpha": 90.0, "beta": 90.0, "gamma": 120.0}),
        ("R -3 m:R", "a alpha", {"b": "a", "c": "a", "beta": "alpha", "gamma": "alpha"}, {}),
        ("F d -3 m:2", "a", {"b": "a", "c": "a"}, {"alpha": 90.0, "beta": 90.0, "gamma": 90.0}),
        ("C 1 2/m 1", "a b c beta", {}, {"alpha": 90.0, "gamma": 90.0}),
        ("B 1 1 2/m", "a b c gamma", {}, {"alpha": 90.0, "beta": 90.0}),
        ("P b a m", "a b c", {}, {"alpha": 90.0, "beta": 90.0, "gamma": 90.0}),
        ("I 41/a m d:2", "a c", {"b": "a"}, {"alpha": 90.0, "beta": 90.0, "gamma": 90.0}),
        ("P -1", "a b c alpha beta gamma", {}, {}),
    ],
)
def test_cell_rules(name, free, follows, fixed):
    rule = symmetry_from_name(name).cell_rule
    assert [CELL_NAMES[k] for k in rule.free] == free.split()
    assert {CELL_NAMES[k]: CELL_NAMES[leader] for k, leader in rule.follows.items()} == follows
    assert {CELL_NAMES[k]: angle for k, angle in rule.fixed.items()} == fixed


# Wyckoff positions of International Tables A: multiplicity, a representative, and its free directions.
@pytest.mark.parametrize(
    ("name", "multiplicity", "position", "directions"),
    [
        ("P 63/m m c", 2, (0, 0, 0), []),
        ("P 63/m m c", 2, (0, 0, 0.25), []),
        ("P 63/m m c", 2, (1 / 3, 2 / 3, 0.25), []),
        ("P 63/m m c", 4, (0, 0, 0.17), [(0, 0, 1)]),
        ("P 63/m m c", 4, (1 / 3, 2 / 3, 0.0917), [(0, 0, 1)]),
        ("P 63/m m c", 6, (0.5, 0, 0), []),
        ("P 63/m m c", 6, (0.21, 0.42, 0.25), [(1, 2, 0)]),
        ("P 63/m m c", 12, (0.21, 0, 0), [(1, 0, 0)]),
        ("P 63/m m c", 12, (0.21, 0.33, 0.25), [(1, 0, 0), (0, 1, 0)]),
        ("P 63/m m c", 12, (0.21, 0.42, 0.07), [(1, 2, 0), (0, 0, 1)]),
        ("P 63/m m c", 24, (0.21, 0.33, 0.07), [(1, 0, 0), (0, 1, 0), (0, 0, 1)]),
        ("R -3 m:H", 3, (0, 0, 0.5), []),
        ("R -3 m:H", 6, (0, 0, 0.23), [(0, 0, 1)]),
        ("R -3 m:H", 18, (0.11, -0.11, 0.23), [(1, -1, 0), (0, 0, 1)]),
        ("R -3 m:H", 36, (0.11, 0.25, 0.23), [(1, 0, 0), (0, 1, 0), (0, 0, 1)]),
        ("R -3 m:R", 2, (0.23, 0.23, 0.23), [(1, 1, 1)]),
        ("R -3 m:R", 6, (0.23, 0.23, 0.4), [(1, 1, 0), (0, 0, 1)]),
        ("F d -3 m:2", 8, (1 / 8, 1 / 8, 1 / 8), []),
        ("F d -3 m:2", 16, (0.5, 0.5, 0.5), []),
        ("F d -3 m:2", 32, (0.263, 0.263, 0.263), [(1, 1, 1)]),
        ("F d -3 m:2", 96, (0, 0.2, -0.2), [(0, 1, -1)]),
        ("F d -3 m:1", 8, (0, 0, 0), []),
        ("C 1 2/m 1", 4, (0.29, 0, 0.799), [(1, 0, 0), (0, 0, 1)]),
        ("C 1 2/m 1", 2, (0, 0.5, 0.5), []),
    ],
)
def test_wyckoff_positions(name, multiplicity, position, directions):
    symmetry = symmetry_from_name(name)
    assert symmetry.multiplicity(position) == multiplicity
    assert len(symmetry.orbit(position)) == multiplicity
    np.testing.assert_allclose(symmetry.free_directions(position), np.reshape(directions, (-1, 3)), atol=1e-12)


@given(settings_of_groups, positions)
def test_an_orbit_has_as_many_members_as_the_multiplicity_states(symmetry, position):
    orbit = symmetry.orbit(position)
    assert len(orbit) == symmetry.multiplicity(position)
    assert len(symmetry) % len(orbit) == 0
    for image in symmetry.images(position):
        assert (np.abs(wrapped(orbit - image)).max(axis=1) < 1e-6).sum() == 1


@given(settings_of_groups, positions, st.lists(st.floats(-0.01, 0.01), min_size=3, max_size=3))
def test_a_site_keeps_its_multiplicity_along_its_free_directions_only(symmetry, position, moves):
    directions = symmetry.free_directions(position)
    moved = np.array(position) + np.array(moves[: len(directions)]) @ directions
    assert symmetry.multiplicity(moved) <= symmetry.multiplicity(position)
    general = np.array(position) + np.array([0.0017, 0.0023, 0.0041])
    if len(directions) < 3:
        assert symmetry.multiplicity(general) > symmetry.multiplicity(position)
    # Reduced echelon form: the leading 1 of a direction stands in a coordinate that no other one touches.
    for k, row in enumerate(directions):
        lead = int(np.argmax(np.abs(row) > 1e-9))
        assert row[lead] == 1.0
        assert np.count_nonzero(directions[:, lead]) == 1, (k, directions)
    # A component is exactly zero or no smaller than the tables have it (1/2): no rounding left over.
    assert ((directions == 0) | (np.abs(directions) > 0.4)).all()


@given(settings_of_groups, st.lists(st.floats(-1, 1), min_size=3, max_size=3))
def test_the_origin_is_free_along_polar_directions(symmetry, moves):
    directions = symmetry.polar_directions
    shift = np.array(moves[: len(directions)]) @ directions if len(directions) else np.zeros(3)
    np.testing.assert_allclose(symmetry.rotations @ shift, np.broadcast_to(shift, (len(symmetry), 3)), atol=1e-9)


def test_polar_directions_of_an_oblique_setting():
    # A mirror that sends b to -a - b: it leaves a and c, and of the plane a, b only the direction a (by hand: R v = v).
    oblique = symmetry_from_triplets(["x,y,z", "x-y,-y,z"])
    np.testing.assert_allclose(oblique.polar_directions, [(1, 0, 0), (0, 0, 1)], atol=1e-12)


@pytest.mark.parametrize(
    ("name", "directions"),
    [
        ("P 1", [(1, 0, 0), (0, 1, 0), (0, 0, 1)]),
        ("P 1 21 1", [(0, 1, 0)]),
        ("P 1 m 1", [(1, 0, 0), (0, 0, 1)]),
        ("P n a 21", [(0, 0, 1)]),
        ("R 3 m:H", [(0, 0, 1)]),
        ("R 3 m:R", [(1, 1, 1)]),
        ("P 21 21 21", []),
        ("P 63/m m c", []),
    ],
)
def test_polar_groups(name, directions):
    np.testing.assert_allclose(symmetry_from_name(name).polar_directions, np.reshape(directions, (-1, 3)), atol=1e-12)


@given(settings_of_groups, positions, st.lists(st.floats(-1, 1), min_size=3, max_size=3))
def test_rounded_coordinates_move_onto_their_special_position(symmetry, position, noise):
    cell = gemmi.UnitCell(*symmetry.centred_cell((9, 10, 11, 85, 95, 105)))
    rounded = np.array(position) + 2e-4 * np.array(noise)
    snapped = symmetry.snapped(rounded, cell, 0.05)
    assert symmetry.multiplicity(snapped) <= symmetry.multiplicity(position)
    assert np.abs(snapped - rounded).max() < 0.01
    np.testing.assert_allclose(symmetry.snapped(snapped, cell, 0.05), snapped, atol=1e-9)


@pytest.mark.parametrize("miss", [0.005, 0.02, 0.03, 0.04, 0.045])
def test_a_position_near_a_six_fold_axis_moves_onto_it_or_stays(miss):
    # Beside a six-fold axis the images lie at once, sqrt 3 and twice the distance: some within 0.05 A, some beyond.
    symmetry, cell = symmetry_from_name("P 6/m m m"), gemmi.UnitCell(3, 3, 4, 90, 90, 120)
    position = (miss / 3, 0.0, 0.25)
    snapped = symmetry.snapped(position, cell, 0.05)
    np.testing.assert_allclose(symmetry.snapped(snapped, cell, 0.05), snapped, atol=1e-12)


def test_a_position_that_is_meant_stays():
    symmetry, cell = symmetry_from_name("P 63/m m c"), gemmi.UnitCell(2.885, 2.885, 11.155, 90, 90, 120)
    np.testing.assert_allclose(symmetry.snapped((0.3333, 0.6667, 0.0917), cell, 0.05), (1 / 3, 2 / 3, 0.0917))
    np.testing.assert_allclose(symmetry.snapped((0.36, 0.72, 0.0917), cell, 0.05), (0.36, 0.72, 0.0917))


@given(settings_of_groups, st.tuples(*(st.floats(2, 30),) * 3, *(st.floats(70, 110),) * 3))
def test_the_centred_cell_obeys_the_rule(symmetry, cell):
    centred, rule = symmetry.centred_cell(cell), symmetry.cell_rule
    for k, leader in rule.follows.items():
        assert centred[k] == pytest.approx(centred[leader])
    for k, angle in rule.fixed.items():
        assert centred[k] == pytest.approx(angle)
    assert symmetry.centred_cell(centred) == pytest.approx(centred)


cells = st.tuples(*(st.floats(1, 50),) * 3, *(st.floats(60, 118),) * 3)


@given(cells)
def test_metric_and_cell_are_inverse(cell):
    assert cell_from_metric(metric_tensor(cell)) == pytest.approx(cell, rel=1e-9)


@given(cells)
def test_the_metric_is_that_of_gemmi(cell):
    edges = np.array(gemmi.UnitCell(*cell).orth.mat.tolist())
    np.testing.assert_allclose(metric_tensor(cell), edges.T @ edges, rtol=1e-9, atol=1e-9)
    np.testing.assert_allclose(metrics_of_cells(np.array([cell]))[0], edges.T @ edges, rtol=1e-9, atol=1e-9)


def test_cosines_are_exact_where_they_matter():
    assert cosines((1, 1, 1, 90, 120, 60)) == (0.0, -0.5, 0.5)


@given(st.lists(st.lists(st.integers(-4, 4), min_size=3, max_size=3), min_size=1, max_size=5))
def test_the_echelon_form_spans_the_same_rows(rows):
    rows = np.array(rows, dtype=float)
    reduced = reduced_echelon(rows)
    assert len(reduced) == np.linalg.matrix_rank(rows)
    assert np.linalg.matrix_rank(np.vstack([rows, reduced])) == len(reduced)
    leading = [int(np.argmax(np.abs(row) > 1e-9)) for row in reduced]
    assert leading == sorted(set(leading))
    np.testing.assert_allclose(reduced[:, leading], np.eye(len(reduced)), atol=1e-9)


@given(st.lists(st.floats(-5, 5), min_size=3, max_size=3))
def test_differences_are_wrapped_to_the_nearest_image(difference):
    short = wrapped(np.array(difference))
    assert (np.abs(short) <= 0.5).all()
    np.testing.assert_allclose((np.array(difference) - short) % 1 % 1, 0, atol=1e-9)


@pytest.mark.parametrize(
    ("symbol", "name"),
    [
        ("P63/mmc", "P 63/m m c"),
        ("P6_3/mmc", "P 63/m m c"),
        ("R-3m", "R -3 m:H"),
        ("R -3 m H", "R -3 m:H"),
        ("R-3m:R", "R -3 m:R"),
        ("C2/m", "C 1 2/m 1"),
        ("Fd-3m:2", "F d -3 m:2"),
        ("Fd-3m", "F d -3 m:1"),
        ("P 21/c", "P 1 21/c 1"),
        ("B 1 1 2/b", "B 1 1 2/b"),
    ],
)
def test_spellings(symbol, name):
    assert symmetry_from_name(symbol).name == name


def test_rhombohedral_axes_are_taken_when_the_cell_has_them():
    assert symmetry_from_name("R -3 m", hexagonal=False).name == "R -3 m:R"
    assert symmetry_from_name("R -3 m:H", hexagonal=False).name == "R -3 m:H"


@pytest.mark.parametrize(
    ("name", "short"),
    [("P 63/m m c", "P63/mmc"), ("R -3 m:H", "R-3m"), ("P 1 21/c 1", "P21/c"), ("F d -3 m:2", "Fd-3m"),
     ("C 1 2/m 1", "C2/m"), ("P 1", "P1"), ("B 1 1 2/m", "B112/m")],
)  # fmt: skip
def test_short_names(name, short):
    assert symmetry_from_name(name).short_name == short


def test_a_symmetry_is_pickled_whatever_was_read_from_it():
    symmetry = symmetry_from_name("R -3 m:H")
    assert len(symmetry.triplets) == len(symmetry) == 36
    assert symmetry.is_centrosymmetric
    assert pickle.loads(pickle.dumps(symmetry)).triplets == symmetry.triplets


def test_operations_that_no_tabulated_setting_has():
    symmetry = symmetry_from_triplets(["x,y,z", "-x+1/8,-y,-z"])
    assert (symmetry.name, symmetry.number, symmetry.short_name, len(symmetry)) == ("", 0, "unknown setting", 2)


def test_generators_are_enough():
    generated = symmetry_from_triplets(["-x,-y,-z", "x-y,x,z+1/2", "-y,-x,z"])
    assert (generated.name, len(generated)) == ("P 63/m m c", 24)


@pytest.mark.parametrize("name", ["", "P 63/m m d", "P 7", "nonsense", "?", "R -3 m:Q"])
def test_an_unknown_group_is_refused(name):
    with pytest.raises(InputError, match=r"unknown space group .*; give a Hermann-Mauguin symbol"):
        symmetry_from_name(name)


@pytest.mark.parametrize(
    "triplets", [["garbage"], ["x,y"], ["x,y,z+1/7"], ["x,x,z"], ["2x,y,z"], ["x+y,y,z"], ["x,y,z,w"]]
)
def test_unreadable_operations_are_refused(triplets):
    with pytest.raises(InputError, match="unreadable symmetry operation"):
        symmetry_from_triplets(triplets)


coordinates = st.sampled_from(
    [
        "x",
        "-x",
        "y",
        "-y",
        "z",
        "-z",
        "x-y",
        "-x+y",
        "z+1/2",
        "1/4+y",
        "x+1/3",
        "-z+2/3",
        "x+1",
        "y-3/2",
        "x+y",
        "2x",
        "w",
    ]
)


@given(st.lists(st.tuples(coordinates, coordinates, coordinates).map(",".join), max_size=4))
def test_any_triplets_make_a_group_or_are_refused(triplets):
    try:
        symmetry = symmetry_from_triplets(triplets)
    except InputError:
        return
    assert len(set(symmetry.triplets)) == len(symmetry) >= 1
    assert "x,y,z" in symmetry.triplets
    np.testing.assert_allclose(np.abs(np.linalg.det(symmetry.rotations)), 1)
    assert symmetry.multiplicity((0.137, 0.219, 0.411)) == len(symmetry)
    assert set(symmetry.triplets) >= {gemmi.Op(triplet).wrap().triplet() for triplet in triplets}


@pytest.mark.parametrize("triplets", [["x,y,-z", "x,x,z"], ["x+1/4,y,z"], ["x,y,z", "x+1/3,y,z", "-x,y,z"]])
def test_operations_that_make_no_group_are_refused(triplets):
    with pytest.raises(InputError, match="make no group; correct or complete their list"):
        symmetry_from_triplets(triplets)


def test_an_operation_counts_once_however_often_and_wherever_it_is():
    symmetry = symmetry_from_triplets(["-x,-y,-z", "-x+1,-y,-z", "x-1,y,z", "x,y,z"])
    assert symmetry.triplets == ["x,y,z", "-x,-y,-z"]
    assert symmetry.name == "P -1"


@given(st.text(alphabet="xyz+-/*1234.,abh ", max_size=20))
def test_any_text_is_a_triplet_or_refused(text):
    with contextlib.suppress(InputError):
        symmetry_from_triplets([text])


def test_places_are_found_across_the_borders_of_cells_and_grids():
    draw = np.random.default_rng(0)
    cell = (7.0, 8.0, 9.0, 80.0, 95.0, 110.0)
    places = draw.random((400, 3))
    again = (places[:200] + draw.integers(-1, 2, (200, 3)) + 2e-4 * draw.standard_normal((200, 3))) * 1.0
    found = first_at_each_place(np.concatenate([places, again]), cell, 0.05)
    assert found[:400].tolist() == list(range(400))
    assert found[400:].tolist() == list(range(200))
    assert first_at_each_place(np.array([[0.0, 0.5, 1 - 1e-6], [1e-6, 0.5, 0.0]]), cell, 0.05).tolist() == [0, 0]
