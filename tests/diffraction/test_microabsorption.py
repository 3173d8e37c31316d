"""Brindley's correction: the sphere against closed forms and published numbers, and what it makes of fractions."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from layerox.diffraction.microabsorption import brindley, kind_of_powder, mean_linear_attenuation, sphere_transmission

contrasts = st.floats(-0.5, 3.0).filter(lambda x: abs(x) > 1e-3)


@given(contrasts)
def test_a_sphere_in_straight_transmission(x):
    # International Tables C, table 6.3.3.1, sphere at theta = 0.
    known = 1.5 / x**3 * (0.5 - np.exp(-2 * x) * (0.5 + x + x**2))
    assert sphere_transmission(x, 0.0) == pytest.approx(known, rel=1e-3, abs=1e-5)


@given(contrasts)
def test_a_sphere_in_back_reflection(x):
    # The same table, theta = 90 degrees.
    known = 0.75 / x * (0.5 - (1 - (1 + 4 * x) * np.exp(-4 * x)) / (16 * x**2))
    assert sphere_transmission(x, 180.0) == pytest.approx(known, rel=1e-3, abs=1e-5)


@pytest.mark.parametrize("mu_r", [0.1, 0.3, 0.5, 1.0, 1.5])
def test_a_sphere_at_45_degrees(mu_r):
    # A* at theta = 45 degrees: the cubic that A. J. Schultz fitted in 2008 to the table of Dwiggins, Acta Cryst. A31
    # (1975) 395, which International Tables C 6.3.3.3 prints; the fit itself is good to a per cent or two.
    known = 1 + 1.3559 * mu_r + 1.2585 * mu_r**2 - 0.0993 * mu_r**3
    assert 1 / sphere_transmission(mu_r, 90.0) == pytest.approx(known, rel=0.015)


@pytest.mark.parametrize("x", [-0.1, -0.05, -0.01, 0.01, 0.05, 0.1])
def test_tau_against_the_published_table(x):
    # 1 - 1.450 x + 1.426 x^2 is the parabola through Brindley's table that FullProf uses (as public programs quote it);
    # it is 1 at 0 but has another slope there than the exact 3/2, so it leaves the integral by up to a per cent.
    assert sphere_transmission(x) == pytest.approx(1 - 1.450 * x + 1.426 * x**2, rel=0.01)


@given(st.floats(-0.3, 1.0), st.floats(0, 180))
def test_small_contrasts_do_not_depend_on_the_angle(x, angle):
    # The mean path is 3/4 R in and 3/4 R out, whatever the angle.
    assert sphere_transmission(1e-4 * x, angle) == pytest.approx(1 - 1.5e-4 * x, abs=1e-7)


@pytest.mark.parametrize(
    ("contrast", "word"), [(0.005, "fine"), (-0.05, "medium"), (0.5, "coarse"), (-3, "very coarse")]
)
def test_words_of_brindley(contrast, word):
    assert kind_of_powder(contrast) == word


def test_mean_is_that_over_volumes():
    # 1 g of 2 g/cm3 and 3 g of 3 g/cm3: half and one cm3.
    assert mean_linear_attenuation(np.array([1.0, 3.0]), np.array([2.0, 3.0]), np.array([90.0, 30.0])) == pytest.approx(
        50
    )


def test_equal_phases_need_no_correction():
    found, factors = brindley(np.array([0.2, 0.8]), np.array([4.0, 5.0]), np.array([200.0, 200.0]), [10.0, 3.0])
    np.testing.assert_allclose(found, 0, atol=1e-12)
    np.testing.assert_allclose(factors, 1)


@given(st.floats(0.05, 0.95), st.floats(0.5, 6.0), st.floats(0.4, 1.0))
def test_what_was_weighed_comes_back(share, size, packing):
    weighed = np.array([share, 1 - share])
    densities, linear = np.array([4.0, 5.2]), np.array([125.0, 600.0])
    mean = packing * mean_linear_attenuation(weighed, densities, linear)
    seen = weighed * [sphere_transmission((mu - mean) * size * 1e-4 / 2) for mu in linear]
    _, factors = brindley(seen, densities, linear, [size, size], packing)
    corrected = seen / factors
    np.testing.assert_allclose(corrected / corrected.sum(), weighed, rtol=1e-9)


def test_absorbers_are_lifted():
    weights = np.array([0.5, 0.5])
    _, factors = brindley(weights, np.array([4.0, 5.2]), np.array([125.0, 1150.0]), [3.0, 3.0])
    assert factors[0] > 1 > factors[1]


def test_beyond_the_coarse_nothing_is_corrected():
    found, factors = brindley(np.array([0.5, 0.5]), np.array([4.0, 5.2]), np.array([125.0, 1150.0]), [30.0, 30.0])
    assert np.abs(found).max() > 1
    assert factors.tolist() == [1, 1]
