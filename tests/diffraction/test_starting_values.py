"""Widths, scales and backgrounds against patterns of known parameters."""

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.optimize import lsq_linear

from layerox.diffraction.constraints import parameters_of
from layerox.diffraction.minimum import Data
from layerox.diffraction.model import Model
from layerox.diffraction.phase import Phase
from layerox.diffraction.starting_values import added_row_chi_squared, peak_width, plausible_scales, set_linear
from layerox.instrument import Instrument, Profile
from layerox.radiation import radiation_from_text
from reference_crystals import LAB6, O3, O3_PRIME, P2, SPINEL

ANGLES = np.arange(14.0, 80.0, 0.02)


COPPER = radiation_from_text("CuKa")


BACKGROUND = (200.0, -60.0, 20.0)


def bell(angles, centre, width, height=1000.0):
    return height * np.exp(-4 * math.log(2) * ((angles - centre) / width) ** 2)


@pytest.mark.parametrize("width", [0.05, 0.1, 0.3, 1.0])
def test_the_width_of_the_strongest_peak(width):
    intensity = 50 + bell(ANGLES, 33.0, width) + bell(ANGLES, 50.0, 3 * width, 300.0)
    # Half of the height lies within a step on either side.
    assert peak_width(ANGLES, intensity) == pytest.approx(width, abs=0.045)


def test_the_width_is_counted_above_the_background():
    assert peak_width(ANGLES, 5000 + bell(ANGLES, 33.0, 0.3)) == pytest.approx(0.3, abs=0.045)


@pytest.mark.parametrize("centre", [14.0, 79.98])
def test_a_peak_at_the_edge_has_at_least_its_visible_half(centre):
    assert 0.1 <= peak_width(ANGLES, bell(ANGLES, centre, 0.3)) <= 0.35


@given(st.lists(st.floats(0, 1e6), min_size=3, max_size=60))
def test_any_pattern_has_a_width(values):
    angles = np.linspace(10, 11, len(values))
    width = peak_width(angles, np.array(values))
    assert 2 * (angles[1] - angles[0]) * (1 - 1e-9) <= width <= max(1.0, 2 * (angles[1] - angles[0]))


def model_of(*crystals, background_terms=3, angles=ANGLES, tail=0.05):
    phases = [Phase(name=c.name, crystal=c, size_nm=60.0) for c in crystals]
    profile = Profile(w=0.008)
    return Model(angles, phases, Instrument(profile=profile), COPPER, background_terms=background_terms, tail=tail)


def counts_of(model, scales, seed=None, **changes):
    values = model.start
    values[model.background_block] = BACKGROUND[: len(model.basis)]
    for phase, scale in zip(model.phases, scales, strict=True):
        values[model.names.index(f"{phase.name}_scale")] = scale
    for name, value in changes.items():
        values[model.names.index(name)] = value
    total = model.calculated(values).total
    return total if seed is None else np.random.default_rng(seed).poisson(total).astype(float)


def data_of(counts):
    return Data(counts, 1 / np.sqrt(np.maximum(counts, 1)))


def table_of(model):
    table = parameters_of(model)
    table.free(f"background_{k}" for k in range(len(model.basis)))
    return table


def test_scales_and_background_are_those_of_a_noise_free_pattern():
    model = model_of(P2, O3)
    counts = counts_of(model, [2e-2, 7e-3])
    table = table_of(model)
    support = set_linear(model, data_of(counts), table)
    assert table.value("P2_scale") == pytest.approx(2e-2, rel=1e-3)
    assert table.value("O3_scale") == pytest.approx(7e-3, rel=1e-3)
    assert [table.value(f"background_{k}") for k in range(3)] == pytest.approx(BACKGROUND, abs=0.5)
    assert (support > 1000).all()


def test_scales_are_those_of_least_squares():
    model = model_of(P2, O3)
    counts = counts_of(model, [2e-2, 7e-3], seed=1)
    data = data_of(counts)
    table = table_of(model)
    support = set_linear(model, data, table)
    units = model.unit_patterns(table.values, np.array([1e6, 1e6]))
    design = np.concatenate([model.basis, units]) * data.weight
    solution, *_ = np.linalg.lstsq(design.T, counts * data.weight, rcond=None)
    assert table.value("P2_scale") == pytest.approx(solution[3], rel=1e-3)
    reduced = ((solution @ design - counts * data.weight) ** 2).sum() / (len(counts) - 5)
    esds = np.sqrt(np.diag(np.linalg.inv(design @ design.T)) * reduced)
    np.testing.assert_allclose(support, solution[3:] / esds[3:], rtol=2e-3)


@pytest.mark.parametrize("seed", range(5))
def test_a_phase_that_is_not_there_never_gets_a_negative_scale(seed):
    model = model_of(P2, O3, SPINEL)
    truth = model_of(P2)
    counts = counts_of(truth, [2e-2], seed=seed)
    table = table_of(model)
    support = set_linear(model, data_of(counts), table)
    assert table.value("P2_scale") == pytest.approx(2e-2, rel=0.02)
    for k, name in ((1, "O3_scale"), (2, "spinel_scale")):
        assert table.value(name) >= 0
        assert 0 <= support[k] < 5
    # A phase without scale is still seen, so that it can grow when its cell comes right.
    assert (model.reach_scales > 0).all()


@pytest.mark.parametrize("seed", range(6))
def test_chi_squared_with_one_more_row_is_that_of_bounded_least_squares(seed):
    """Against scipy's bounded least squares; some of the rows, and of the fixed ones, end at zero."""
    rng = np.random.default_rng(seed)
    fixed, rows = rng.standard_normal((4, 50)), rng.standard_normal((20, 50))
    target = rng.standard_normal(50) + fixed[0] - fixed[2] + 0.3 * rows[:5].sum(axis=0)
    found = added_row_chi_squared(fixed, target, 2, rows)
    lower = np.array([-np.inf, -np.inf, 0.0, 0.0, 0.0])
    at_zero = 0
    for row, value in zip(rows, found, strict=True):
        best = lsq_linear(np.vstack([fixed, row]).T, target, (lower, np.inf), tol=1e-12)
        assert value == pytest.approx(2 * best.cost, rel=1e-6)
        at_zero += best.x[4] < 1e-9
    assert 0 < at_zero < len(rows)


def test_a_pattern_below_the_background_leaves_all_scales_at_zero():
    model = model_of(P2)
    units = model.unit_patterns(table_of(model).values, np.array([1e6]))[0]
    holes = 500 - 200 * units / units.max()
    table = table_of(model)
    set_linear(model, data_of(holes), table)
    assert table.value("P2_scale") == 0


def test_plausible_scales_give_peaks_of_the_height_requested():
    model = model_of(P2, O3_PRIME, LAB6)
    values = model.start
    scales = plausible_scales(model, values, 1000.0)
    for k, phase in enumerate(model.phases):
        values[model.names.index(f"{phase.name}_scale")] = scales[k]
    tops = model.calculated(values).phases.max(axis=1)
    # Peaks may overlap, and the width is taken as the sum of its components.
    assert ((tops > 400) & (tops < 4000)).all()
