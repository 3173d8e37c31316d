"""Standards: by hand, by Monte Carlo, and the two methods against each other."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from layerox.diffraction.absolute_fractions import (
    ExternalStandard,
    InternalStandard,
    by_external_standard,
    by_internal_standard,
    k_factor,
)
from layerox.errors import InputError
from layerox.refined import Refined

NAMES = ["P2", "O3", "corundum"]


def standard(**more):
    return InternalStandard(**({"phase": "corundum", "weight_fraction": 0.2} | more))


def test_an_internal_standard_by_hand():
    # 20 g corundum, 40 g P2, 20 g O3, 20 g glass: the pattern shows 50, 25 and 25 % of what is crystalline.
    found = by_internal_standard(NAMES, np.array([0.5, 0.25, 0.25]), np.zeros((3, 3)), standard())
    assert {k: float(v) for k, v in found.weight_fractions.items()} == pytest.approx(
        {"P2": 0.4, "O3": 0.2, "corundum": 0.2}
    )
    assert found.amorphous == pytest.approx(0.2)
    assert found.amorphous_of_sample == pytest.approx(0.25)
    assert found.amorphous.esd == 0


@given(st.floats(0.05, 0.9), st.floats(0.01, 0.3))
def test_everything_adds_up_to_one(known, seen):
    fractions = np.array([0.6 * (1 - seen), 0.4 * (1 - seen), seen])
    found = by_internal_standard(NAMES, fractions, np.zeros((3, 3)), standard(weight_fraction=known))
    assert sum(found.weight_fractions.values()) + found.amorphous == pytest.approx(1)


def test_uncertainties_of_an_internal_standard_are_those_of_a_monte_carlo():
    draw = np.random.default_rng(5)
    weights = draw.normal([0.5, 0.25, 0.25], [0.006, 0.004, 0.005], size=(20000, 3))
    fractions = weights / weights.sum(axis=1, keepdims=True)
    known = draw.normal(0.2, 0.002, size=20000)
    amorphous = 1 - known / fractions[:, 2]
    found = by_internal_standard(NAMES, np.array([0.5, 0.25, 0.25]), np.cov(fractions.T), standard(esd=0.002))
    # 20000 draws know a standard deviation to 0.5 %; the ratio is curved by another per cent.
    assert found.amorphous.esd == pytest.approx(amorphous.std(), rel=0.03)
    assert found.amorphous_of_sample.esd == pytest.approx((amorphous / (1 - known)).std(), rel=0.03)
    assert found.weight_fractions["P2"].esd == pytest.approx(
        (known * fractions[:, 0] / fractions[:, 2]).std(), rel=0.03
    )
    assert found.weight_fractions["corundum"].esd == pytest.approx(0.002, rel=0.02)


def test_more_than_everything_is_stated_as_it_is():
    found = by_internal_standard(NAMES, np.array([0.5, 0.4, 0.1]), np.zeros((3, 3)), standard())
    assert found.amorphous == pytest.approx(-1.0)


def test_an_external_standard_by_hand():
    # K = 1000 x 31 / 1; weights 310 and 155 in a specimen of 50 cm2/g: 0.5 and 0.25.
    constant = k_factor(Refined(1000.0, 10.0), 31.0)
    assert (float(constant), constant.esd) == (pytest.approx(31000), pytest.approx(310))
    external = ExternalStandard(k_factor=31000.0)
    found = by_external_standard(
        ["P2", "O3"], np.array([310.0, 155.0]), np.zeros((2, 2)), external, (50.0, np.zeros(2))
    )
    assert [float(w) for w in found.weight_fractions.values()] == pytest.approx([0.5, 0.25])
    assert found.amorphous == pytest.approx(0.25)


def test_a_standard_that_is_partly_amorphous_has_a_larger_constant():
    assert k_factor(Refined(900.0), 31.0, weight_fraction=0.9) == pytest.approx(31000)


def test_uncertainties_of_an_external_standard_are_those_of_a_monte_carlo():
    draw = np.random.default_rng(6)
    root = np.array([[3.0, 0, 0], [1.0, 2.0, 0], [-1.0, 0.5, 2.5]])
    weights = np.array([300.0, 150.0, 100.0])
    own = np.array([30.0, 47.0, 94.0])
    mean = float(weights @ own / weights.sum())
    external = ExternalStandard(k_factor=31000.0, esd=200.0)
    slopes = (own - mean) / weights.sum()
    found = by_external_standard(NAMES, weights, root @ root.T, external, (mean, slopes))
    drawn = weights + draw.normal(size=(20000, 3)) @ root.T
    constants = draw.normal(31000, 200, size=20000)
    absolute = drawn * (drawn @ own / drawn.sum(axis=1))[:, None] / constants[:, None]
    assert found.weight_fractions["P2"].esd == pytest.approx(absolute[:, 0].std(), rel=0.03)
    assert found.amorphous.esd == pytest.approx(absolute.sum(axis=1).std(), rel=0.03)


@pytest.mark.parametrize("fraction", [0.0, 1.2, 20.0, -0.1])
def test_fractions_are_no_percentages(fraction):
    with pytest.raises(InputError, match="not per cent"):
        standard(weight_fraction=fraction)
    with pytest.raises(InputError, match="not per cent"):
        k_factor(Refined(1.0), 1.0, weight_fraction=fraction)


def test_refused_external_standards():
    with pytest.raises(InputError, match="K factor"):
        ExternalStandard(k_factor=0.0)
    with pytest.raises(InputError, match="both"):
        ExternalStandard(k_factor=1.0, mass_attenuation=30.0, composition={"Al": 1.0})
