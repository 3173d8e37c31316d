"""Peaks that consist of shifted ones (the kernels of `profiles`): against the plain formula and finite differences.

`test_axial_divergence.py` holds where the parts are; here they are anywhere.
"""

import math

import numpy as np
import pytest

from layerox.diffraction.asymmetric_peaks import add_asymmetric_gradients, add_asymmetric_peaks, decay
from layerox.diffraction.model import Model
from layerox.diffraction.profiles import (
    LANES,
    add_peak_gradients,
    add_peaks,
    asymmetric_windows,
    core_of,
    reach,
    tch_width,
)
from layerox.diffraction.profiles import decay as decay_of_profiles
from layerox.instrument import Instrument, Profile
from layerox.radiation import radiation_from_text
from reference_crystals import P2, phase

GRID = np.arange(20.0, 30.0, 0.02)
# Three peaks of two, three and two parts; the third has no intensity, so that its parts count for nothing.
PEAKS = np.array([[22.0, 25.0, 27.0], [0.08, 0.0, 0.1], [0.05, 0.12, 0.02], [30.0, 20.0, 0.0]])
FIRST = np.array([0, 2, 5, 7])
# Distances from the centre and shares.
PARTS = np.array([[-0.1, 0.05, -0.2, -0.05, 0.1, -0.1, 0.1], [1 / 3, 2 / 3, 0.25, 0.25, 0.5, 0.5, 0.5]])
# So low that the core of every peak is the whole grid.
LOW = 1e-12


def plain(position, gauss, lorentz, area):
    """Return one peak by the formulas of the module's docstring, without any cut."""
    width, eta, *_ = tch_width(gauss, lorentz)
    x = GRID - position
    bell = 2 / width * math.sqrt(math.log(2) / math.pi) * np.exp(-4 * math.log(2) * x**2 / width**2)
    cauchy = 2 / (math.pi * width) / (1 + 4 * x**2 / width**2)
    return area * (eta * cauchy + (1 - eta) * bell)


def pattern(peaks, parts, tail):
    total = np.zeros(GRID.size)
    windows = asymmetric_windows(GRID, peaks, peaks[3], FIRST, parts, tail)
    add_asymmetric_peaks(GRID, peaks, FIRST, parts, windows, tail, total)
    return total


def summed(peaks, parts):
    """Return the sum of all parts."""
    owner = np.repeat(np.arange(3), np.diff(FIRST))
    rows = zip(owner, *parts, strict=True)
    return sum(plain(peaks[0, k] + place, *peaks[1:3, k], peaks[3, k] * share) for k, place, share in rows)


def test_asymmetric_peaks_are_the_sum_of_their_parts():
    np.testing.assert_allclose(pattern(PEAKS, PARTS, LOW), summed(PEAKS, PARTS), rtol=1e-7)


@pytest.mark.parametrize("tail", [1e-4, 1e-2, 0.3])
def test_what_a_cut_neglects_is_no_higher_than_the_tail(tail):
    """Each of two peaks leaves out a tail where it is cut and one beyond its core; their means are in place."""
    parts = PARTS.copy()
    parts[0, 2:5] += 0.0125
    assert np.abs(pattern(PEAKS, parts, tail) - summed(PEAKS, parts)).max() < 4.1 * tail


def test_peaks_of_one_part_are_symmetric():
    single = np.array([[0.0, 0.0, 0.0], [1.0, 1.0, 1.0]])
    found, expected = np.zeros(GRID.size), np.zeros(GRID.size)
    windows = asymmetric_windows(GRID, PEAKS, PEAKS[3], np.arange(4), single, 1e-3)
    add_asymmetric_peaks(GRID, PEAKS, np.arange(4), single, windows, 1e-3, found)
    add_peaks(GRID, *PEAKS, 1e-3, expected)
    # The Gaussian of a symmetric peak ends at a thousandth of the tail.
    np.testing.assert_allclose(found, expected, atol=1.1e-6)


def test_peaks_of_one_part_have_the_derivatives_of_symmetric_ones():
    """Their tails too, which are not summed over parts; each variable changes one quantity of a peak, or all."""
    draw = np.random.default_rng(8)
    single = np.array([[0.0, 0.0], [1.0, 1.0]])
    peaks, first, weight = np.ascontiguousarray(PEAKS[:, :2]), np.arange(3), 1 + draw.random(GRID.size)
    gradients = np.zeros((5, 2, 4))
    gradients[np.arange(4), :, np.arange(4)] = 1.0
    gradients[4] = draw.normal(size=(2, 4))
    chains = np.arange(2), np.zeros((5, 2)), np.zeros((0, 5))
    found, expected = np.zeros((5, GRID.size)), np.zeros((5, GRID.size))
    windows = asymmetric_windows(GRID, peaks, peaks[3], first, single, 1e-3)
    parts = first, single, np.zeros((3, 2, 2)), windows
    add_asymmetric_gradients(GRID, weight, peaks, *parts, gradients, chains, np.arange(5), found)
    add_peak_gradients(GRID, weight, *peaks, peaks[3], 1e-3, gradients, np.arange(5), expected)
    assert windows[0][0, 0] < windows[0][0, 2] < windows[0][0, 3] < windows[0][0, 1]
    # The Gaussian of a symmetric peak ends at a thousandth of the tail; its derivatives are steeper.
    assert (np.abs(found - expected).max(axis=1) < 1e-5 * np.abs(expected).max(axis=1)).all()


def test_a_peak_with_parts_beyond_its_reach_has_no_step():
    """Within the reach of the symmetric peak its tail is lowered; beyond, what the parts add to it is left."""
    peak, parts, tail = np.array([[25.0], [0.0], [0.1], [0.05]]), np.array([[-0.6, 0.2], [0.25, 0.75]]), 2e-2
    first, total = np.array([0, 2]), np.zeros(GRID.size)
    windows = asymmetric_windows(GRID, peak, peak[3], first, parts, tail)
    add_asymmetric_peaks(GRID, peak, first, parts, windows, tail, total)
    start, stop, low, high = windows[0][0]
    assert low < start < stop < high
    own = sum(plain_lorentzian(GRID - 25.0 - place, 0.1, 0.05 * share) for place, share in parts.T)
    symmetric = plain_lorentzian(GRID - 25.0, 0.1, 0.05)
    expected = own - np.minimum(symmetric, tail)
    np.testing.assert_allclose(total[low:high], expected[low:high], atol=1e-12)
    assert not total[:low].any()
    assert not total[high:].any()


@pytest.mark.parametrize("side", [-1, 1])
@pytest.mark.parametrize("centre", [25.0, 20.5, 29.9])
def test_beyond_the_core_the_tails_differ_by_less_than_the_tail(centre, side):
    """By the formula a Lorentzian of two parts, one of them small and far, and one at their mean."""
    width, area, tail = 0.02, 7.0, 2e-5
    fine = np.arange(15.0, 35.0, 0.001)
    parts = np.array([[-0.2 * side, 0.05 * side], [0.2, 0.8]])
    start, stop = core_of(fine, centre, parts, 0.0, area * 2 / math.pi * 0.25 * width, tail)
    total = sum(share * plain_lorentzian(fine - centre - place, width, area) for place, share in parts.T)
    total -= plain_lorentzian(fine - centre, width, area)
    beyond = np.concatenate([total[:start], total[stop:]])
    assert 0.3 * tail < np.abs(beyond).max() < 1.02 * tail


def plain_lorentzian(x, width, area):
    return area * 2 / (math.pi * width) / (1 + 4 * x**2 / width**2)


def test_the_core_holds_the_gaussians_of_all_parts():
    parts = np.array([[-0.3, 0.1], [0.25, 0.75]])
    near, _ = reach(4.0, 0.1, 0.0, 1e-6)
    start, stop = core_of(GRID, 25.0, parts, near, 0.0, 1e-6)
    assert GRID[start] == pytest.approx(25 - 0.3 - max(near, 0.3), abs=0.021)
    assert GRID[stop - 1] >= 25 + 0.1 + near - 0.021
    assert (stop - start) % LANES == 0


@pytest.mark.parametrize("exponent", [0.0, 1e-3, 0.5, 3.0, 40.0, 800.0])
def test_decay_is_that_of_profiles(exponent):
    assert decay(exponent) == decay_of_profiles(exponent)


@pytest.mark.parametrize(("sample", "slit"), [(0.035, 0.015), (0.01, 0.03)])
def test_derivatives(sample, slit):
    """Of some peaks of a phase, with weights that differ; `test_axial_divergence.py` has a whole pattern."""
    two_theta = np.arange(31.6, 36.6, 0.08)
    weight = 1 + np.random.default_rng(5).random(two_theta.size)
    instrument = Instrument(profile=Profile(w=0.003, axial=(sample, slit)), displacement_mm=0.1, zero=0.02)
    model = Model(two_theta, [phase(P2, size_nm=150.0, scale=1e-3)], instrument, radiation_from_text("CuKa"), tail=1e-9)
    names = ["instrument_s_over_l", "instrument_h_over_l", "P2_a", "P2_c", "instrument_zero", "instrument_w",
             "P2_inverse_size", "P2_O1_z", "P2_scale"]  # fmt: skip
    values, places = model.start, [model.names.index(name) for name in names]
    transfer = np.zeros((len(values), len(names)))
    transfer[places, np.arange(len(names))] = 1.0
    jacobian = model.linearised(values, transfer, weight)[1]
    for name, k, row in zip(names, places, jacobian, strict=True):
        step = 1e-6 * values[k] if name.endswith(("_a", "_c")) else 2e-5 * max(abs(values[k]), 1e-3)
        up, down = values.copy(), values.copy()
        up[k] += step
        down[k] -= step
        numeric = weight * (model.calculated(up).total - model.calculated(down).total) / (2 * step)
        assert np.abs(row - numeric).max() < 1e-5 * np.abs(numeric).max(), name
