"""Axial divergence against the integral of Finger, Cox & Jephcoat (1994), done by brute force, and its derivatives."""

import numpy as np
import pytest
from scipy.integrate import quad

from layerox.diffraction.axial_divergence import EVEN_RULES, asymmetric, node_table
from layerox.diffraction.model import Model
from layerox.diffraction.profiles import add_asymmetry, add_peaks, tch_width
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
    """Return the moved peak and its parts."""
    table = np.array([[two_theta], [gauss], [lorentz], [area]])
    bragg = np.radians([two_theta])
    first, parts, *_ = asymmetric(table, np.zeros((4, 1)), bragg, np.ones(1), sample, slit, *node_table())
    return table, parts, first


def ours(two_theta, gauss, lorentz, sample, slit, grid):
    table, parts, first = expanded(two_theta, gauss, lorentz, 1.0, sample, slit)
    total = np.zeros(grid.size)
    add_peaks(grid, *table, 1e-9, total)
    add_asymmetry(grid, table, parts, first, 1e-9, total)
    return total


@pytest.mark.parametrize("two_theta", [6.0, 15.0, 40.0, 120.0, 165.0])
@pytest.mark.parametrize(("sample", "slit"), [(0.02, 0.022), (0.03, 0.015), (0.01, 0.04)])
def test_profile_is_the_papers_integral(two_theta, sample, slit):
    grid = np.linspace(two_theta - 1.0, two_theta + 1.0, 81)
    expected = fcj_by_hand(two_theta, 0.06, 0.03, sample, slit, grid)
    found = ours(two_theta, 0.06, 0.03, sample, slit, grid)
    assert np.abs(found - expected).max() < 1e-4 * expected.max()


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
        if sample == slit and name.endswith("over_l"):
            continue  # a kink: W has the smaller of the two in it
        numeric = (model.calculated(up).total - model.calculated(down).total) / (2 * step)
        assert np.abs(jacobian[0] - numeric).max() < 1e-5 * np.abs(numeric).max(), name


def test_derivative_along_both_at_once_has_no_kink():
    two_theta = np.arange(10.0, 60.0, 0.01)
    instrument = Instrument(profile=Profile(w=0.003, axial=(0.02, 0.02)))
    model = Model(two_theta, [phase(P2, scale=1e-3)], instrument, radiation_from_text("CuKa"), tail=1e-9)
    places = [model.names.index(f"instrument_{slot}") for slot in ("s_over_l", "h_over_l")]
    transfer = np.zeros((len(model.names), 1))
    transfer[places] = 1.0
    values = model.start
    _, jacobian = model.linearised(values, transfer, np.ones(two_theta.size))
    up, down = values.copy(), values.copy()
    up[places] += 1e-6
    down[places] -= 1e-6
    numeric = (model.calculated(up).total - model.calculated(down).total) / 2e-6
    assert np.abs(jacobian[0] - numeric).max() < 1e-4 * np.abs(numeric).max()


@pytest.mark.parametrize(
    ("two_theta", "height"), [(6.0, 0.01), (15.0, 0.02), (15.0, 0.04), (40.0, 0.02), (120.0, 0.005), (165.0, 0.04)]
)
def test_profile_of_equal_heights_is_the_sum_over_many_rays(two_theta, height):
    """4,000 rays at equal steps of x, each with the weight of the module's docstring."""
    grid = np.linspace(two_theta - 1.0, two_theta + 1.0, 81)
    x = (np.arange(4000) + 0.5) / 4000 * 2 * height
    cosine = np.cos(np.radians(two_theta)) * np.sqrt(1 + x**2)
    weight = (2 * height - x) / ((1 + x**2) * np.sqrt(1 - cosine**2))
    _, parts, _ = expanded(two_theta, 0.06, 0.03, 1.0, height, height)
    found = sum(area * plain(grid - position) for position, _, _, area in parts.T)
    expected = plain(grid[:, None] - np.degrees(np.arccos(cosine))) @ weight / weight.sum()
    assert np.abs(found - expected).max() < 1e-5 * expected.max()


def plain(x):
    """Return a peak of unit area with the widths 0.06 and 0.03 at distances from its centre."""
    width, eta, *_ = tch_width(0.06, 0.03)
    lorentzian = 2 / np.pi / width / (1 + 4 * (x / width) ** 2)
    return eta * lorentzian + (1 - eta) * 2 / width * np.sqrt(np.log(2) / np.pi) * np.exp(
        -4 * np.log(2) * (x / width) ** 2
    )


@pytest.mark.parametrize("count", EVEN_RULES[:9])
def test_rules_for_equal_heights_integrate_even_polynomials(count):
    """The integral of x^(2 k) (1 - x) over 0 ... 1 is 1 / ((2 k + 1) (2 k + 2))."""
    row = EVEN_RULES.index(count)
    nodes, weights = (table[1, row, :count] for table in node_table())
    for k in range(2 * count):
        assert (weights * (1 - nodes) * nodes ** (2 * k)).sum() == pytest.approx(1 / ((2 * k + 1) * (2 * k + 2)))
