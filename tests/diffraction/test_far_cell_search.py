"""Cells far from the one given, found by the lines of a phase alone."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

import layerox as lx
from layerox.diffraction.far_cell_search import MOST_CELLS, Window, cells_around, line_gains, scanned_lines, step_of
from layerox.diffraction.model import Model
from layerox.diffraction.phase import Phase
from layerox.instrument import Instrument, Profile
from layerox.radiation import radiation_from_text
from layerox.symmetry import symmetry_from_name
from reference_crystals import crystal

NATRITE = crystal(
    "Na2CO3", "C 1 2/m 1", (8.98, 5.25, 6.27, 90.0, 98.2, 90.0),
    ("Na1", "Na", (0.0, 0.0, 0.0)),
    ("Na2", "Na", (0.0, 0.0, 0.5)),
    ("Na3", "Na", (0.170, 0.5, 0.748)),
    ("C1", "C", (0.1645, 0.5, 0.2497)),
    ("O1", "O", (0.1023, 0.2944, 0.2859)),
    ("O2", "O", (0.2894, 0.5, 0.1781)),
)  # fmt: skip
BEAM = radiation_from_text("0.2413")
CAPILLARY = Instrument(geometry="debye-scherrer", profile=Profile(w=0.06**2))
# Lengths and angle by which a published start was off in a heating series: none of them is within a descent's reach.
OFF = np.array([0.99, 1.06, 0.965, 1.0, 1.0, 1.0])
WINDOW = Window(lengths=0.07, angles=5.0)


def pattern_of(background=2000.0, counts=3000.0, seed=1):
    """Return a noisy pattern of natrite on a flat background."""
    phase = Phase(name="Na2CO3", crystal=NATRITE, size_nm=60.0)
    return lx.simulate(
        [phase], weights=[1.0], radiation=BEAM, two_theta=(1.5, 15.9, 0.006), instrument=CAPILLARY,
        background=[background], counts=counts, seed=seed,
    ).pattern  # fmt: skip


def test_a_monoclinic_cell_six_per_cent_off_is_found():
    """Truth: the cell of the simulated pattern. The best cell must put it within the steps of the finer grid."""
    pattern = pattern_of()
    wrong = NATRITE.with_cell(np.array(NATRITE.cell) * OFF + [0, 0, 0, 0, 2.0, 0])
    model = Model(pattern.two_theta, [Phase(name="Na2CO3", crystal=wrong)], CAPILLARY, BEAM, background_terms=1)
    weight = 1.0 / pattern.sigma
    difference = (pattern.intensity - np.median(pattern.intensity)) * weight
    found = scanned_lines(model, 0, model.start, difference, weight, WINDOW, (0, 1, 2, 4), 5)
    step = step_of(NATRITE.symmetry.cell_rule, WINDOW)
    assert np.abs(found.cells[0][:3] / NATRITE.cell[:3] - 1.0).max() < step
    assert abs(found.cells[0][4] - NATRITE.cell[4]) < np.degrees(2.0 * step)
    assert (np.diff(found.gains) <= 0).all()


def test_what_is_not_free_is_not_moved():
    pattern = pattern_of()
    model = Model(pattern.two_theta, [Phase(name="Na2CO3", crystal=NATRITE)], CAPILLARY, BEAM, background_terms=1)
    weight = 1.0 / pattern.sigma
    difference = (pattern.intensity - np.median(pattern.intensity)) * weight
    found = scanned_lines(model, 0, model.start, difference, weight, WINDOW, (2,), 3)
    others = [0, 1, 3, 4, 5]
    np.testing.assert_array_equal(
        found.cells[:, others], np.tile(np.array(NATRITE.cell)[others], (len(found.cells), 1))
    )
    assert len(scanned_lines(model, 0, model.start, difference, weight, WINDOW, (), 3).cells) == 0


def test_nothing_is_found_where_nothing_is_left():
    pattern = pattern_of()
    model = Model(pattern.two_theta, [Phase(name="Na2CO3", crystal=NATRITE)], CAPILLARY, BEAM, background_terms=1)
    nothing = np.zeros(pattern.two_theta.size)
    assert len(scanned_lines(model, 0, model.start, nothing, 1.0 / pattern.sigma, WINDOW, (0, 1, 2, 4), 5).cells) == 0


@pytest.mark.parametrize("group", ["F m -3 m", "P 63/m m c", "P 4/n m m:1", "C m c m", "C 1 2/m 1", "P -1"])
def test_a_grid_keeps_symmetry_and_the_number_of_cells(group):
    rule = symmetry_from_name(group).cell_rule
    cell = np.array([5.0, 5.0, 5.0 if len(rule.free) == 1 else 11.0, 90.0, 90.0, 120.0 if "63" in group else 90.0])
    step = step_of(rule, WINDOW)
    cells = cells_around(cell, rule, WINDOW, step)
    assert len(cells) <= MOST_CELLS
    np.testing.assert_allclose(cells.mean(axis=0), cell, rtol=1e-12)
    for follower, leader in rule.follows.items():
        np.testing.assert_array_equal(cells[:, follower], cells[:, leader])
    assert np.abs(cells[:, :3] / cell[:3] - 1.0).max() <= WINDOW.lengths + step / 2
    assert np.abs(cells[:, 3:] - cell[3:]).max() <= WINDOW.angles + np.degrees(step)


def gains_of(cells, hkl, strength, table):
    return line_gains(
        np.array(cells, dtype=float), np.array(hkl, dtype=float), np.array(strength, dtype=float), np.array([1.0]),
        np.array([1.0]), 0.0, 5.0, 0.01, table,
    )  # fmt: skip


def flat_table(force):
    """Return a correlation on nodes from 5 degrees, 0.01 apart, of norm 1 and sigma 0.1."""
    return np.array([force, np.ones_like(force), np.full_like(force, 0.1)])


def test_lines_apart_explain_their_squared_inner_product_and_lines_together_count_once():
    """For lines far apart F^2 / N = (sum I f)^2 / sum I^2; two that coincide are one of twice the strength."""
    draw = np.random.default_rng(3)
    force = draw.normal(size=8000)
    cubic = [[4.0, 4.0, 4.0, 90.0, 90.0, 90.0]]
    hkl, strength = [[1, 0, 0], [1, 1, 0], [2, 0, 0]], [3.0, 2.0, 1.0]
    d = 4.0 / np.sqrt([1.0, 2.0, 4.0])
    nodes = ((2.0 * np.degrees(np.arcsin(0.5 / d)) - 5.0) / 0.01 + 0.5).astype(int)
    inner = max(float(np.array(strength) @ force[nodes]), 0.0)
    expected = inner**2 / np.sum(np.square(strength))
    assert gains_of(cubic, hkl, strength, flat_table(force))[0] == pytest.approx(expected, rel=1e-9)
    ones = flat_table(np.ones(8000))
    double, single = (
        gains_of(cubic, h, s, ones)[0] for h, s in (([[1, 0, 0], [0, 1, 0]], [1.0, 1.0]), ([[1, 0, 0]], [1.0]))
    )
    assert double == pytest.approx(single, rel=1e-9)


@given(st.permutations([0, 1, 2, 3, 4]), st.floats(0.1, 10.0))
def test_gains_depend_neither_on_the_order_nor_on_the_scale_of_lines(order, factor):
    force = np.abs(np.random.default_rng(5).normal(size=8000))
    hkl = np.array([[1, 0, 0], [0, 1, 1], [0, 0, 2], [2, 1, 0], [1, 1, 2]])
    strength = np.array([5.0, 4.0, 3.0, 2.0, 1.0])
    cell = [[4.0, 5.0, 6.0, 90.0, 95.0, 90.0]]
    plain = gains_of(cell, hkl, strength, flat_table(force))
    other = gains_of(cell, hkl[order], factor * strength[order], flat_table(force))
    np.testing.assert_allclose(other, plain, rtol=1e-9)
