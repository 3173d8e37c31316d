"""What stands out in the middle of a change, and how often noise does."""

import numpy as np
import pytest

from layerox.strain.transitions.cell_drifts import bumps, chance, clearest
from layerox.strain.transitions.rises_and_falls import changes
from run_tables import ramp

COUNT = 40
PLACE = np.arange(float(COUNT))


@pytest.fixture(scope="module")
def change():
    (found,) = changes(PLACE, ramp(COUNT, (10, 0.0), (30, 1.0)), np.full(COUNT, 1e-3), least=0.02, draws=5)
    return found


def noise(seed):
    return np.random.default_rng([seed, 5]).standard_normal(COUNT)


def test_a_bump_is_as_high_as_it_is(change):
    """3 + 0.1 t + 0.5 x 4 m (1 - m), m from 10 to 30: a regression without noise is exact."""
    done = np.clip((PLACE - 10) / 20, 0, 1)
    found = bumps(PLACE, 3 + 0.1 * PLACE + 0.5 * 4 * done * (1 - done) + 1e-6 * noise(0), change)
    assert clearest(found) == pytest.approx(0.5, abs=0.01)
    assert chance([found], np.random.default_rng(0)) == pytest.approx(0.001)


def test_units_do_not_matter(change):
    one, other = bumps(PLACE, noise(1), change), bumps(PLACE, 7 - 0.3 * PLACE + 100 * noise(1), change)
    assert [b.clearness for b in one] == pytest.approx([b.clearness for b in other])


def test_chances_of_noise_are_uniform(change):
    """Of 300 pairs of rows of noise, 5 % have a chance below 5 % (15, plus or minus three times 3.8) and half below a
    half (150, plus or minus three times 8.7)."""
    chances = [
        chance([bumps(PLACE, noise(k), change), bumps(PLACE, noise(k + 1000), change)], np.random.default_rng(k))
        for k in range(300)
    ]
    assert 15 - 11.4 <= np.sum(np.array(chances) < 0.05) <= 15 + 11.4
    assert 150 - 26 <= np.sum(np.array(chances) < 0.5) <= 150 + 26


def test_asking_more_makes_a_bump_less_telling(change):
    """The clearest of two quantities must be clearer than that of one."""
    raised = noise(3) + 0.7 * np.exp(-0.5 * ((PLACE - 20) / 4) ** 2)
    own, other = bumps(PLACE, raised, change), bumps(PLACE, noise(4), change)
    rng = np.random.default_rng
    assert chance([own, other], rng(1)) > chance([own], rng(1))


def test_too_few_values_tell_nothing(change):
    assert bumps(PLACE[:10], noise(0)[:10], change) == []
    assert bumps(PLACE, np.full(COUNT, np.nan), change) == []
    # Held, not refined: no scatter to compare with.
    assert bumps(PLACE, np.full(COUNT, 80.0), change) == []
    assert np.isnan(chance([[], []], np.random.default_rng(0)))
    assert np.isnan(clearest([]))
