"""What the points themselves show: the noise, clipped tops and spikes of patterns that are drawn here."""

import numpy as np
import pytest

from layerox.diffraction.counting_noise import flat_tops, noise_over_sigma, spikes


@pytest.fixture
def noise():
    return np.random.default_rng(1).normal(size=4000)


@pytest.mark.parametrize("factor", [0.3, 1.0, 3.0])
def test_noise_is_known_by_neighbours(noise, factor):
    smooth = 20.0 * np.sin(np.linspace(0, 30, noise.size))
    # The median of 4000 moduli is known to 2 %.
    assert noise_over_sigma(factor * noise + smooth) == pytest.approx(factor, rel=0.06)


def test_a_clipped_peak_is_flat():
    counts = np.random.default_rng(2).poisson(5000 * np.exp(-(np.linspace(-4, 4, 200) ** 2)) + 100).astype(float)
    assert flat_tops(counts)[0] == 0
    number, top = flat_tops(np.minimum(counts, 3000.0))
    assert number > 10
    assert top == 3000.0


def test_a_few_counts_are_no_plateau():
    assert flat_tops(np.minimum(np.random.default_rng(3).poisson(2.0, 300).astype(float), 4.0))[0] == 0


def test_spikes_are_single_points(noise):
    residuals = noise.copy()
    residuals[[500, 2000]] += 40.0
    residuals[3000:3004] += 40.0
    assert spikes(residuals).tolist() == [500, 2000]
