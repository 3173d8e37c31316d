"""Cells of layered phases from a few lines; spacings are computed here from the metric of hexagonal cells."""

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from layerox.diffraction.layered_indexing import propose_cell
from layerox.diffraction.unexplained_peaks import UnexplainedPeak


def line(d, height=100.0):
    return UnexplainedPeak(two_theta=2 * math.degrees(math.asin(0.5 * 1.5406 / d)), d=d, height=height)


def spacing(h, k, index, a, c):
    return 1.0 / math.sqrt(4.0 * (h * h + h * k + k * k) / (3.0 * a * a) + (index / c) ** 2)


@given(a=st.floats(2.78, 2.98), s=st.floats(4.6, 7.4))
def test_the_lines_of_a_two_layer_cell_give_it_back(a, s):
    rows = [(0, 0, 2, 300.0), (0, 0, 4, 90.0), (1, 0, 0, 50.0), (1, 0, 2, 80.0), (1, 0, 4, 40.0), (1, 1, 0, 45.0)]
    found = propose_cell([line(spacing(h, k, index, a, 2 * s), height) for h, k, index, height in rows])
    assert found is not None
    assert len(found.peaks) == len(rows)
    assert found.spacing == pytest.approx(s, rel=3e-3)
    assert found.a == pytest.approx(a, rel=6e-3)


def test_three_layers_are_told_from_two_by_the_lines_10l():
    a, s = 2.97, 5.3
    rows = [(0, 0, 3, 300.0), (0, 0, 6, 60.0), (1, 0, 1, 80.0), (1, 0, 4, 90.0), (1, 0, 5, 40.0), (1, 1, 0, 45.0)]
    found = propose_cell([line(spacing(h, k, index, a, 3 * s), height) for h, k, index, height in rows])
    assert found is not None
    assert found.layers == 3
    assert (found.a, found.spacing) == (pytest.approx(a, rel=3e-3), pytest.approx(s, rel=3e-3))
    assert str(found).startswith("a 2.970 A, c 15.90 A, 3 layers")


def test_basal_lines_alone_give_the_spacing_of_a_hydrate():
    found = propose_cell([line(7.02), line(3.51, 40.0)])
    assert found is not None
    assert found.a is None
    assert found.spacing == pytest.approx(7.02)
    assert str(found) == "layers 7.020 A apart (basal lines at 12.60, 25.35 degrees)"


def test_a_single_line_or_none_proposes_nothing():
    assert propose_cell([]) is None
    assert propose_cell([line(7.02)]) is None
    assert propose_cell([line(2.338), line(2.024), line(1.221)]) is None  # rock salt: 111, 200, 311 of aluminium
