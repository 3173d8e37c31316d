"""The ladder of a phase, and the score test that asks for absent ones."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from layerox.series.refinement.phase_entry import Residual
from layerox.series.refinement.phase_presence import (
    KEEP_SUPPORT,
    RAISE_SUPPORT,
    PhaseLevel,
    entry_support,
    lowered_level,
    raised_level,
    runs,
)


def test_every_rung_is_left_at_a_lower_support_than_it_is_entered():
    for level, support in RAISE_SUPPORT.items():
        assert KEEP_SUPPORT[level] < support
    assert KEEP_SUPPORT[PhaseLevel.SCALE] < entry_support(0)


@given(st.sampled_from(PhaseLevel), st.floats(0, 100))
def test_what_climbs_does_not_descend_at_the_same_support(level, support):
    if (higher := raised_level(level, support)) > level:
        assert lowered_level(higher, support) == higher


def test_a_phase_without_support_dies_whatever_its_rung():
    assert all(lowered_level(level, 0.0) == PhaseLevel.ABSENT for level in PhaseLevel)


def test_the_score_test_shows_the_fall_of_chi_squared_of_a_linear_fit():
    """For a linear model the promise is exact: compared with least squares by numpy."""
    draw = np.random.default_rng(1)
    x = np.linspace(0, 1, 200)
    known = np.array([np.ones_like(x), x])
    row = np.exp(-0.5 * ((x - 0.4) / 0.03) ** 2)
    y = 3 + 2 * x + 1.5 * row + draw.normal(size=200)

    def chi_squared(rows):
        solution, *_ = np.linalg.lstsq(rows.T, y, rcond=None)
        return ((y - solution @ rows) ** 2).sum(), solution

    before, solution = chi_squared(known)
    after, full = chi_squared(np.array([*known, row]))
    scores = Residual(y - solution @ known, known, 1.0).scores(row[None])
    assert scores.gains[0] == pytest.approx(before - after, rel=1e-9)
    assert scores.scales[0] == pytest.approx(full[-1], rel=1e-9)


def test_what_the_variables_can_imitate_is_not_promised():
    x = np.linspace(0, 1, 100)
    scores = Residual(np.ones(100), np.array([x, 1 - x]), 1.0).scores(np.ones((1, 100)))
    assert scores.gains[0] == 0.0
    assert np.isnan(scores.esds[0])


def test_runs():
    assert runs([True, True, False, True]) == [(0, 2, True), (2, 3, False), (3, 4, True)]
    assert runs([]) == []
