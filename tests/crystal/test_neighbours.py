"""Neighbours, against a plain sum over images."""

import itertools

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from layerox.crystal import neighbours
from layerox.crystal.neighbours import pairs_within
from layerox.errors import InputError


@given(st.integers(0, 10_000), st.floats(0.5, 6.0))
@settings(max_examples=30)
def test_the_same_as_counting_images(seed, cutoff):
    draw = np.random.default_rng(seed)
    lattice = np.diag(draw.uniform(2, 5, 3)) + draw.uniform(-0.8, 0.8, (3, 3))
    positions = draw.uniform(-1.5, 1.5, (5, 3))
    pairs = pairs_within(lattice, positions, cutoff)
    offsets = np.array(list(itertools.product(range(-9, 10), repeat=3)))
    expected = set()
    for i, j in itertools.product(range(5), repeat=2):
        lengths = np.linalg.norm((positions[j] + offsets - positions[i]) @ lattice, axis=1)
        near = offsets[(lengths <= cutoff) & ((i != j) | offsets.any(axis=1))]
        expected |= {(i, j, tuple(offset)) for offset in near.tolist()}
    found = set(zip(pairs.first.tolist(), pairs.second.tolist(), map(tuple, pairs.offset.tolist()), strict=True))
    assert found == expected
    again = (positions[pairs.second] + pairs.offset - positions[pairs.first]) @ lattice
    assert pairs.vector == pytest.approx(again)
    assert pairs.where(pairs.distance < 1.0).distance.size == (pairs.distance < 1.0).sum()


def test_a_tree_finds_the_pairs_of_a_large_cell_in_the_same_order(monkeypatch):
    draw = np.random.default_rng(1)
    lattice, positions = np.diag([4.0, 5.0, 6.0]) + draw.uniform(-0.5, 0.5, (3, 3)), draw.uniform(-1, 2, (12, 3))
    compared = pairs_within(lattice, positions, 3.0)
    monkeypatch.setattr(neighbours, "MOST_COMPARED", 0)
    found = pairs_within(lattice, positions, 3.0)
    for name in ("first", "second", "offset", "vector"):
        np.testing.assert_array_equal(getattr(found, name), getattr(compared, name))


def test_atoms_on_top_of_each_other_are_neighbours():
    pairs = pairs_within(np.eye(3) * 5, np.array([[0.1, 0.2, 0.3], [1.1, 0.2, 0.3]]), 1.0)
    assert len(pairs) == 2
    assert pairs.distance == pytest.approx([0.0, 0.0], abs=1e-12)


def test_a_cell_that_is_all_but_flat_is_refused():
    """0.01 A thin, 3 A far: 600 cells along that edge, and by the skew as many along the other."""
    with pytest.raises(InputError, match="thin has too many neighbours within 3 A"):
        pairs_within(np.array([[2.9, 0, 0], [2.9, 0.01, 0], [0, 0, 11.0]]), np.zeros((1, 3)), 3.0)
