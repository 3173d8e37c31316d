"""Axial divergence against the integral of Finger, Cox & Jephcoat (1994), done by brute force, and its derivatives."""

from functools import partial
from itertools import pairwise

import numpy as np
import pytest
from scipy.integrate import quad

from layerox.diffraction.asymmetric_peaks import add_asymmetric_gradients, add_asymmetric_peaks
from layerox.diffraction.axial_divergence import RULES, asymmetric, node_table, part_slopes
from layerox.diffraction.model import Model
from layerox.diffraction.profiles import asymmetric_windows, tch_width
from layerox.instrument import Instrument, Profile
from layerox.radiation import radiation_from_text
from reference_crystals import P2, phase

GRID = np.arange(2.0, 178.0, 0.005)


def fcj_by_hand(two_theta, gauss, lorentz, sample, slit, grid):
    """Return the profile of unit area by the paper's own integral over 2 phi, equations (2) to (9), by quadrature.

    The singularity of D at 2 phi = 2 theta is taken out by integrating over the square root of the distance to it.
    """
    angle = np.radians(two_theta)
    turn = 1.0 if two_theta < 90 else -1.0

    def height(phi):
        return np.sqrt(np.maximum(np.cos(phi) ** 2 / np.cos(angle) ** 2 - 1.0, 0.0))

    def limit(total):
        return np.arccos(np.clip(np.cos(angle) * np.sqrt(total**2 + 1.0), -1, 1))

    least, inflection = limit(slit + sample), limit(abs(slit - sample))

    def density(phi):
        h = height(phi)
        inner = turn * (phi - inflection) >= 0
        window = 2 * min(slit, sample) if inner else slit + sample - h
        return window / (2 * slit * max(h, 1e-12) * abs(np.cos(phi)))

    def over_root(function):
        reach = np.sqrt(abs(angle - least))
        kink = np.sqrt(abs(angle - inflection))

        def integrand(root):
            return 2 * root * function(angle - turn * root**2)

        return quad(integrand, 0, kink, limit=200)[0] + quad(integrand, kink, reach, limit=200)[0]

    width, eta, *_ = tch_width(gauss, lorentz)

    def shape(x):
        lorentzian = 2 / np.pi / width / (1 + 4 * (x / width) ** 2)
        gaussian = 2 / width * np.sqrt(np.log(2) / np.pi) * np.exp(-4 * np.log(2) * (x / width) ** 2)
        return eta * lorentzian + (1 - eta) * gaussian

    norm = over_root(density)
    return np.array([over_root(lambda phi, x=x: density(phi) * shape(x - np.degrees(phi))) for x in grid]) / norm


def expanded(two_theta, gauss, lorentz, area, sample, slit):
    """Return the moved peak, its parts as peaks, and what the sums need of them."""
    table = np.array([[two_theta], [gauss], [lorentz], [area]])
    first, places, rays = asymmetric(table, np.radians([two_theta]), sample, slit, *node_table())
    parts = np.repeat(table, first[-1], axis=1)
    parts[0] += places[0]
    parts[3] *= places[1]
    return table, parts, (first, places, rays)


def ours(two_theta, gauss, lorentz, sample, slit, grid):
    table, _, (first, places, _) = expanded(two_theta, gauss, lorentz, 1.0, sample, slit)
    total = np.zeros(grid.size)
    windows = asymmetric_windows(grid, table, table[3], first, places, 1e-12)
    add_asymmetric_peaks(grid, table, first, places, windows, 1e-12, total)
    return total


@pytest.mark.parametrize("two_theta", [6.0, 15.0, 40.0, 120.0, 165.0])
@pytest.mark.parametrize(("sample", "slit"), [(0.02, 0.022), (0.03, 0.015), (0.01, 0.04)])
def test_profile_is_the_papers_integral(two_theta, sample, slit):
    grid = np.linspace(two_theta - 1.0, two_theta + 1.0, 81)
    expected = fcj_by_hand(two_theta, 0.06, 0.03, sample, slit, grid)
    found = ours(two_theta, 0.06, 0.03, sample, slit, grid)
    assert np.abs(found - expected).max() < 1e-6 * expected.max()


@pytest.mark.parametrize("two_theta", [5.0, 30.0, 89.0, 91.0, 150.0])
def test_area_is_kept_and_peaks_lean_away_from_ninety_degrees(two_theta):
    table, parts, _ = expanded(two_theta, 0.05, 0.02, 7.0, 0.03, 0.02)
    assert parts[3].sum() == pytest.approx(7.0)
    # The tail points to lower angles below 90 degrees and to higher ones above.
    assert (np.sign(90 - two_theta) * (parts[0] - two_theta) <= 0).all()
    assert table[0][0] == pytest.approx(np.average(parts[0], weights=parts[3]))


def test_next_to_no_divergence_next_to_no_asymmetry():
    table, parts, _ = expanded(20.0, 0.05, 0.02, 7.0, 0.0, 0.0)
    assert np.allclose(parts[:, 0], [20.0, 0.05, 0.02, 7.0])
    assert np.allclose(table[:, 0], parts[:, 0])


@pytest.mark.parametrize(("sample", "slit"), [(0.02, 0.02), (0.035, 0.015), (0.01, 0.03)])
def test_derivatives_against_finite_differences(sample, slit):
    two_theta = np.arange(10.0, 60.0, 0.01)
    instrument = Instrument(profile=Profile(w=0.003, axial=(sample, slit)), displacement_mm=0.1, zero=0.02)
    model = Model(two_theta, [phase(P2, size_nm=150.0, scale=1e-3)], instrument, radiation_from_text("CuKa"), tail=1e-9)
    for name in ("instrument_s_over_l", "instrument_h_over_l", "P2_a", "P2_c", "instrument_zero", "instrument_w",
                 "P2_inverse_size", "P2_O1_z", "P2_scale"):  # fmt: skip
        k = model.names.index(name)
        values = model.start
        transfer = np.zeros((len(values), 1))
        transfer[k] = 1.0
        _, jacobian = model.linearised(values, transfer, np.ones(two_theta.size))
        step = 2e-5 * max(abs(values[k]), 1e-3) if not name.endswith(("_a", "_c")) else 1e-6 * values[k]
        up, down = values.copy(), values.copy()
        up[k] += step
        down[k] -= step
        numeric = (model.calculated(up).total - model.calculated(down).total) / (2 * step)
        assert np.abs(jacobian[0] - numeric).max() < 1e-5 * np.abs(numeric).max(), name


NODES, WEIGHTS = np.polynomial.legendre.leggauss(300)
UNEQUAL = [(0.02, 0.02), (0.04, 0.04), (0.001, 0.001), (0.02, 0.022), (0.03, 0.015), (0.01, 0.045), (0.03, 0.003)]


def plain(x, gauss, lorentz):
    """Return a peak of unit area at distances from its centre, by the formulas of `profiles`."""
    width, eta, *_ = tch_width(gauss, lorentz)
    lorentzian = 2 / np.pi / width / (1 + 4 * (x / width) ** 2)
    return eta * lorentzian + (1 - eta) * 2 / width * np.sqrt(np.log(2) / np.pi) * np.exp(
        -4 * np.log(2) * (x / width) ** 2
    )


def converged(two_theta, gauss, lorentz, sample, slit, grid):
    """Return the profile of unit area by 600 rays: 300 nodes on either side of the edge of W, which is as published."""
    edges = [0.0, abs(slit - sample), slit + sample]
    x = np.concatenate([low + (high - low) * (NODES + 1) / 2 for low, high in pairwise(edges)])
    weight = np.concatenate([(high - low) * WEIGHTS for low, high in pairwise(edges)])
    cosine = np.cos(np.radians(two_theta)) * np.sqrt(1 + x**2)
    weight *= np.minimum(slit + sample - x, 2 * min(sample, slit)) / ((1 + x**2) * np.sqrt(1 - cosine**2))
    return plain(grid[:, None] - np.degrees(np.arccos(cosine)), gauss, lorentz) @ (weight / weight.sum())


def around(two_theta, width, reach):
    """Return the farthest shift of rays (degrees), and angles over the whole peak."""
    farthest = np.degrees(np.arccos(np.cos(np.radians(two_theta)) * np.sqrt(1 + reach**2)))
    low, high = sorted((two_theta, farthest))
    return abs(farthest - two_theta), np.linspace(low - 4 * width, high + 4 * width, 201)


@pytest.mark.parametrize("two_theta", [8.0, 15.0, 30.0, 60.0, 85.0, 95.0, 140.0, 172.0])
@pytest.mark.parametrize(("sample", "slit"), UNEQUAL)
@pytest.mark.parametrize("mixture", [0.0, 0.4, 1.0])
def test_value_is_that_of_many_rays_within_a_millionth_of_the_height(two_theta, sample, slit, mixture):
    for width in (0.03, 0.08, 0.3):
        gauss, lorentz = width * (1 - mixture), width * mixture
        spread, grid = around(two_theta, width, sample + slit)
        if spread < 12 * width:  # the limit of the last rule
            expected = converged(two_theta, gauss, lorentz, sample, slit, grid)
            found = ours(two_theta, gauss, lorentz, sample, slit, grid)
            assert np.abs(found - expected).max() < 1e-6 * expected.max(), width


def derivatives(two_theta, gauss, lorentz, sample, slit, grid):
    """Return the derivatives by Gaussian and Lorentzian width, Bragg angle (radian), S/L and H/L, shape (5, n)."""
    table, _, (first, places, rays) = expanded(two_theta, gauss, lorentz, 1.0, sample, slit)
    slopes, centres = part_slopes(first, places, rays, np.ones(1), sample, slit)
    gradients = np.zeros((5, 1, 4))
    gradients[[0, 1], 0, [1, 2]] = 1.0
    gradients[2:, 0, 0] = centres[:, 0] + [180 / np.pi, 0.0, 0.0]
    chains = np.zeros(1, np.int64), np.eye(5)[2][:, None], np.eye(5)[3:]
    windows = asymmetric_windows(grid, table, table[3], first, places, 1e-12)
    jacobian = np.zeros((5, grid.size))
    parts = first, places, slopes, windows
    add_asymmetric_gradients(grid, np.ones(grid.size), table, *parts, gradients, chains, np.arange(5), jacobian)
    return jacobian


def numeric(function, values, k, step):
    """Return a derivative by the five-point formula."""

    def at(times):
        moved = list(values)
        moved[k] += times * step
        return function(*moved)

    return (8 * (at(1) - at(-1)) - (at(2) - at(-2))) / (12 * step)


@pytest.mark.parametrize("two_theta", [8.0, 15.0, 30.0, 60.0, 120.0, 165.0])
@pytest.mark.parametrize(("sample", "slit"), UNEQUAL)
def test_derivatives_are_those_of_many_rays(two_theta, sample, slit):
    """Within 1e-5 of the largest; those by S/L and H/L, which grow with spread over width, of that at equal ones."""
    for width in (0.06, 0.2):
        gauss, lorentz = 0.6 * width, 0.6 * width
        spread, grid = around(two_theta, width, sample + slit)
        if spread > 12 * width:
            continue
        values, found = (
            (two_theta, gauss, lorentz, sample, slit),
            derivatives(two_theta, gauss, lorentz, sample, slit, grid),
        )
        steps = 1e-3 * width, 1e-3 * width, 1e-3 * width, 1e-3 * sample, 1e-3 * slit
        expected = [numeric(partial(converged, grid=grid), values, k, steps[k]) for k in (1, 2, 0, 3, 4)]
        expected[2] = expected[2] * 180 / np.pi
        for own, other in zip(found[:3], expected[:3], strict=True):
            assert np.abs(own - other).max() < 1e-5 * np.abs(other).max(), width
        largest = max(np.abs(other).max() for other in expected[3:]) * max(1.0, width / spread)
        assert np.abs(found[3:] - expected[3:]).max() < 1e-5 * largest, width


@pytest.mark.parametrize("count", RULES[:9])
def test_rules_integrate_even_polynomials(count):
    """The integral of x^(2 k) (1 - x) over 0 ... 1 is 1 / ((2 k + 1) (2 k + 2))."""
    row = RULES.index(count)
    nodes, weights = (table[row, :count] for table in node_table())
    for k in range(2 * count):
        assert (weights * nodes ** (2 * k)).sum() == pytest.approx(1 / ((2 * k + 1) * (2 * k + 2)))


@pytest.mark.parametrize("sample", [0.0, 0.001, 0.02])
def test_heights_beyond_what_a_bragg_angle_has_are_left_out(sample):
    """At 2 theta = 1 degree rays above tan(2 theta) = 0.01746 of the radius do not meet the detector."""
    table, parts, _ = expanded(1.0, 0.05, 0.02, 3.0, sample, 0.03)
    assert np.isfinite(parts).all()
    assert parts[3].sum() == pytest.approx(3.0)
    assert table[0, 0] == pytest.approx(np.average(parts[0], weights=parts[3]))
    assert (parts[0] < 1.0 + 1e-9).all()
    assert (parts[0] > -90.0).all()
