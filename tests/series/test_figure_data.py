"""The map of a series: means around each angle, not points that miss the peaks."""

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

import layerox as lx
from layerox.series.figure_data import intensity_map, mean_around
from layerox.series.result import open_series

GRID = np.linspace(10.0, 20.0, 101)


@given(slope=st.floats(-5, 5), offset=st.floats(0, 100))
def test_the_mean_of_a_line_is_the_line(slope, offset):
    x = np.linspace(9.0, 21.0, 2401)
    found = mean_around(GRID, x, offset + slope * x)
    np.testing.assert_allclose(found, offset + slope * GRID, atol=1e-8)


@given(centre=st.floats(11.0, 19.0))
def test_a_peak_narrower_than_the_grid_keeps_its_area(centre):
    """A Gaussian of area 1 and a tenth of a step wide, wherever it stands between the points of the grid."""
    x = np.linspace(9.0, 21.0, 24_001)
    peak = np.exp(-0.5 * ((x - centre) / 0.01) ** 2) / (0.01 * np.sqrt(2 * np.pi))
    assert mean_around(GRID, x, peak).sum() * 0.1 == pytest.approx(1.0, rel=1e-3)


def test_there_is_nothing_outside_a_pattern():
    x = np.linspace(12.0, 15.0, 301)
    found = mean_around(GRID, x, np.ones(301))
    known = ~np.isnan(found)
    assert GRID[known][[0, -1]] == pytest.approx([12.0, 15.0])
    assert found[known] == pytest.approx(1.0)


def test_a_map_has_evenly_chosen_frames_and_states_which_are_good(heated):
    series = lx.open_series(heated)
    whole = intensity_map(series)
    assert whole.place.tolist() == series.place.tolist()
    assert whole.good.tolist() == series.is_good.tolist()
    few = intensity_map(series, frames=3, angles=50)
    assert few.place.tolist() == series.place[[0, 2, 4]].tolist()
    assert few.intensity.shape == (3, 50)


def test_excluded_regions_are_blank_in_the_map(heated, tmp_path):
    """So that they count for no contrast, and are shaded in the picture."""
    series = open_series(heated)
    recipe = {**(series.run.get("recipe") or {}), "pattern": {"range": None, "exclude": [[30.0, 32.0]]}}
    found = intensity_map(replace(series, run={**series.run, "recipe": recipe}))
    inside = (found.two_theta >= 30.0) & (found.two_theta <= 32.0)
    assert found.excluded == ((30.0, 32.0),)
    assert np.isnan(found.intensity[:, inside]).all()
    assert np.isfinite(found.intensity[:, ~inside]).any()
