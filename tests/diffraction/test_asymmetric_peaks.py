"""Peaks that consist of shifted ones (the kernels of `profiles`): against the plain formula and finite differences.

`test_axial_divergence.py` holds where the parts are; here they are anywhere.
"""

import math

import numpy as np
import pytest

from layerox.diffraction.model import Model
from layerox.diffraction.profiles import CORE, add_asymmetry, add_peaks, core_of, tch_width
from layerox.instrument import Instrument, Profile
from layerox.radiation import radiation_from_text
from reference_crystals import P2, phase

GRID = np.arange(20.0, 30.0, 0.02)
# Three peaks of two, three and two parts; the third has no intensity, so that its parts count for nothing.
PEAKS = np.array([[22.0, 25.0, 27.0], [0.08, 0.0, 0.1], [0.05, 0.12, 0.02], [30.0, 20.0, 0.0]])
FIRST = np.array([0, 2, 5, 7])
PARTS = np.array([
    [21.9, 22.05, 24.8, 24.95, 25.1, 26.9, 27.1],
    [0.08, 0.08, 0.0, 0.0, 0.0, 0.1, 0.1],
    [0.05, 0.05, 0.12, 0.12, 0.12, 0.02, 0.02],
    [10.0, 20.0, 5.0, 5.0, 10.0, 3.0, -3.0],
])  # fmt: skip
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
    add_peaks(GRID, *peaks, tail, total)
    add_asymmetry(GRID, peaks, parts, FIRST, tail, total)
    return total


def test_asymmetric_peaks_are_the_sum_of_their_parts():
    expected = sum(plain(*PARTS[:, m]) for m in range(5))
    np.testing.assert_allclose(pattern(PEAKS, PARTS, LOW), expected, rtol=1e-7)


@pytest.mark.parametrize("tail", [1e-4, 1e-2])
def test_what_a_cut_neglects_is_no_higher_than_the_tail(tail):
    """Each of two peaks leaves out a tail where it is cut and one beyond its core; this peak has its mean in place."""
    peaks = PEAKS.copy()
    peaks[0, :2] = [np.average(PARTS[0, :2], weights=PARTS[3, :2]), np.average(PARTS[0, 2:5], weights=PARTS[3, 2:5])]
    expected = sum(plain(*PARTS[:, m]) for m in range(5))
    assert np.abs(pattern(peaks, PARTS, tail) - expected).max() < 4.1 * tail


@pytest.mark.parametrize("centre", [25.0, 20.5, 29.9])
def test_beyond_the_core_the_tails_differ_by_less_than_the_tail(centre):
    """By the tail at its ends, but for 5 s^4 / x^4: a Lorentzian of two halves at +-s, and one at the middle."""
    width, spread, area, tail = 0.01, 0.1, 7.0, 7e-6
    fine = np.arange(15.0, 35.0, 0.001)
    peak = np.array([centre, 0.0, width, area])
    parts = np.array([[centre - spread, centre + spread], [0.0, 0.0], [width, width], [area / 2, area / 2]])
    start, stop = core_of(fine, peak, parts, width, 1.0, tail)
    total = np.zeros(fine.size)
    for sign, at, share in ((1, centre - spread, 0.5), (1, centre + spread, 0.5), (-1, centre, 1.0)):
        total += sign * share * area * 2 / (math.pi * width) / (1 + 4 * (fine - at) ** 2 / width**2)
    assert total[[start, stop - 1]] == pytest.approx(tail, rel=0.02)
    assert fine[start] == pytest.approx(centre - (fine[stop] - centre), abs=0.0021)


def test_the_core_holds_the_parts_and_some_widths_on_either_side():
    """A Gaussian peak has no tails; its core ends four widths beyond its farthest part."""
    parts = np.array([[24.7, 25.1], [0.1, 0.1], [0.0, 0.0], [1.0, 3.0]])
    start, stop = core_of(GRID, np.array([25.0, 0.1, 0.0, 4.0]), parts, 0.1, 0.0, 1e-6)
    assert (GRID[start], GRID[stop]) == pytest.approx((25 - 0.3 - CORE * 0.1, 25 + 0.3 + CORE * 0.1), abs=0.021)


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
