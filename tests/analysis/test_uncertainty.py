"""Likelihood profiles, bootstrap and widened uncertainties against the covariance where both must agree."""

import numpy as np
import pytest

import layerox as lx
from layerox.analysis.uncertainty import bootstrap, likelihood_profile
from layerox.diffraction.serial_correlation import widened
from layerox.errors import InputError


@pytest.fixture(scope="module")
def result():
    pattern = lx.simulate(
        ["P2", "O3"], weights=[0.6, 0.4], radiation="CuKa", two_theta=(12, 70, 0.03), sizes_nm=[80, 60],
        background=[150], counts=6000, seed=4,
    )  # fmt: skip
    return lx.fit(pattern, ["P2", "O3"])


def test_the_profile_of_a_well_behaved_parameter_is_the_parabola_of_its_esd(result):
    profile = likelihood_profile(result, "P2_c", points=7)
    number = result.phase("P2").cell["c"]
    expected = ((profile.values - number) / number.esd) ** 2
    np.testing.assert_allclose(profile.rise, expected, rtol=0.1, atol=0.05)
    assert profile.interval == pytest.approx((number - number.esd, number + number.esd), abs=0.1 * number.esd)


def test_a_parameter_that_was_not_refined_has_no_profile(result):
    with pytest.raises(InputError, match="was not refined"):
        likelihood_profile(result, "P2_alpha")


def test_bootstrap_agrees_with_the_covariance(result):
    """Poisson noise is all there is: 40 samples give a standard deviation to 11 % (1 / sqrt(2 n)); three of these."""
    found = bootstrap(result, 40, seed=5)
    assert len(found.samples) == 40
    assert found.esd("P2_weight_fraction") == pytest.approx(result.weight_fractions["P2"].esd, rel=0.35)
    assert found.esd("P2_a") == pytest.approx(result.phase("P2").cell["a"].esd, rel=0.35)
    low, high = found.interval("P2_a")
    assert low < result.phase("P2").cell["a"] < high


def test_the_seed_decides(result):
    first, second, other = (bootstrap(result, 2, seed=seed).samples for seed in (1, 1, 2))
    np.testing.assert_array_equal(first, second)
    assert not np.array_equal(first, other)


def test_serial_correlation_widens_everything_by_one_factor(result):
    factor, wide = result.serial_factor, result.with_serial_correlation()
    assert factor >= 1
    assert wide.weight_fractions["P2"].esd == pytest.approx(factor * result.weight_fractions["P2"].esd)
    np.testing.assert_allclose(wide.covariance, factor**2 * result.covariance)


def test_widened_numbers_keep_value_and_status(result):
    phase, wide = result.phase("P2"), widened(result.phase("P2"), 3.0)
    assert (wide.cell["a"].value, wide.cell["a"].status) == (phase.cell["a"].value, phase.cell["a"].status)
    assert wide.cell["a"].esd == pytest.approx(3 * phase.cell["a"].esd)
    assert [site.u_iso.esd for site in wide.sites] == pytest.approx([3 * site.u_iso.esd for site in phase.sites])
