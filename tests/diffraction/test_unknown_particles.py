"""Unknown particles: the variance of the fractions against Brindley's correction and against draws at random."""

from pathlib import Path

import numpy as np
import pytest

from layerox.diffraction.microabsorption import brindley, sphere_transmission
from layerox.diffraction.unknown_particles import PARTICLE_RANGE_UM, drawn_sizes, fraction_variances, true_fractions

# About Cr2O3, Y2O3 and In2O3 in Cu K alpha: g/cm^3 and 1/cm.
DENSITIES, LINEAR = np.array([5.2, 5.0, 7.2]), np.array([904.0, 495.0, 1388.0])
FOUND = np.array([0.3, 0.3, 0.4])


def test_transmissions_of_the_benchmark_are_those_of_the_correction(monkeypatch):
    """Paths through a sphere on a cubic grid, and by Gaussian quadrature."""
    monkeypatch.syspath_prepend(str(Path(__file__).parents[1] / "benchmarks"))
    from prior_draws import transmission

    for mu_r in (-0.5, 0.1, 1.0, 3.0):
        assert transmission(mu_r) == pytest.approx(sphere_transmission(mu_r), rel=0.01)


def test_true_fractions_are_those_that_brindley_corrects_to():
    """The correction of fractions that are seen, for stated sizes, is the other implementation of the same formula."""
    sizes = np.array([[2.0, 5.0, 3.0], [8.0, 1.0, 1.0]])
    for row, true in zip(sizes, true_fractions(FOUND, DENSITIES, LINEAR, sizes), strict=True):
        corrected = FOUND / brindley(FOUND, DENSITIES, LINEAR, row.tolist())[1]
        assert true == pytest.approx(corrected / corrected.sum(), abs=1e-4)


def test_phases_that_absorb_alike_have_no_variance():
    assert fraction_variances(FOUND, DENSITIES, np.full(3, 700.0)) == pytest.approx(np.zeros(3), abs=1e-15)


def test_it_is_in_proportion_to_a_small_contrast():
    near, far = (np.sqrt(fraction_variances(FOUND, DENSITIES, 700.0 + c * (LINEAR - 700.0))) for c in (0.01, 0.02))
    assert far == pytest.approx(2.0 * near, rel=0.01)


def test_it_is_that_of_sizes_drawn_at_random():
    """20,000 sizes of each phase, uniform in their logarithm; 256 evenly spread ones suffice for 5 %."""
    rng = np.random.default_rng(1)
    sizes = np.exp(rng.uniform(*np.log(PARTICLE_RANGE_UM), (20_000, 3)))
    expected = np.sqrt(((true_fractions(FOUND, DENSITIES, LINEAR, sizes) - FOUND) ** 2).mean(axis=0))
    assert np.sqrt(fraction_variances(FOUND, DENSITIES, LINEAR)) == pytest.approx(expected, rel=0.05)


def test_phases_of_uncertain_attenuation_are_drawn_with_it():
    """20,000 draws of sizes and attenuations of phases that absorb alike if their compositions are the nominal ones."""
    rng, alike, esds = np.random.default_rng(2), np.full(3, 700.0), np.array([50.0, 0.0, 30.0])
    sizes = np.exp(rng.uniform(*np.log(PARTICLE_RANGE_UM), (20_000, 3)))
    drawn = alike + esds * rng.standard_normal((20_000, 3))
    expected = np.sqrt(((true_fractions(FOUND, DENSITIES, drawn, sizes) - FOUND) ** 2).mean(axis=0))
    found = np.sqrt(fraction_variances(FOUND, DENSITIES, alike, linear_esds=esds))
    assert found == pytest.approx(expected, rel=0.1)
    assert expected.min() > 0.003


def test_light_particles_in_an_absorbing_powder_gain_no_more_than_at_brindleys_limit():
    """mu D = -1 is his limit; its factor is that of a sphere, and the fraction of 0.5 seen is then at least 0.3."""
    coarse = true_fractions(
        np.array([0.5, 0.5]), np.array([2.0, 9.0]), np.array([17.0, 1900.0]), np.array([[45.0, 1.0]])
    )
    assert coarse[0, 0] == pytest.approx(0.3, abs=0.05)


@pytest.mark.parametrize("count", [2, 3, 5])
def test_sizes_are_spread_over_the_range(count):
    sizes = drawn_sizes(count, (2.0, 8.0))
    assert sizes.min() > 2.0
    assert sizes.max() < 8.0
    assert np.log(sizes).mean(axis=0) == pytest.approx(np.full(count, np.log(4.0)), abs=0.02)
    assert np.abs(np.corrcoef(np.log(sizes).T) - np.eye(count)).max() < 0.1
