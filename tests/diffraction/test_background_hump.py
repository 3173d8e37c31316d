"""Background hump: one that the terms of the background do not follow is found, and stating it mends the fractions."""

import re
from dataclasses import replace

import numpy as np
import pytest

import layerox as lx
from layerox.analysis.phase_arguments import phases_from
from layerox.diffraction.background_hump import Hump, likely_humps

ANGLES = np.arange(12.0, 90.0, 0.02)


def measured(hump, seed=1):
    """Return 70 wt% P2 beside O3 of 8 nm, on a background of 300 counts with a hump of 150 or none."""
    phases = [replace(p, size_nm=size) for p, size in zip(phases_from(["P2", "O3"]), (100.0, 8.0), strict=True)]
    clean = lx.simulate(phases, weights=[0.7, 0.3], radiation="CuKa", two_theta=(12, 90, 0.02), counts=None)
    angles = clean.pattern.two_theta
    peaks = 6000.0 * clean.calculated / clean.calculated.max()
    height = 0.0 if hump is None else 150.0 * hump.shape(angles)
    counts = np.random.default_rng(seed).poisson(peaks[: len(angles)] + 300.0 + height)
    return lx.pattern_from_arrays(angles, counts.astype(float), radiation="CuKa")


def hump_warnings(result):
    return [notice.message for notice in result.warnings if notice.code == "background_hump"]


@pytest.mark.parametrize("hump", [Hump(40.0, 4.0), Hump(25.0, 2.0), Hump(60.5, 8.0)])
def test_the_residuals_of_a_hump_alone_give_it_back(hump):
    found = list(likely_humps(ANGLES, hump.shape(ANGLES), np.ones_like(ANGLES)))
    assert any(abs(other.centre - hump.centre) <= hump.width / 8 and other.width == hump.width for other in found)


def test_without_residuals_there_is_none():
    assert not list(likely_humps(ANGLES, np.zeros_like(ANGLES), np.ones_like(ANGLES)))


def test_a_hump_is_proposed_as_a_recipe_states_it_and_mends_the_fraction():
    pattern = measured(Hump(40.0, 3.0))
    blind = lx.fit(pattern, ["P2", "O3"])
    (message,) = hump_warnings(blind)
    # Widths are tried in factors of two: 3 degrees are between two of them.
    assert re.search(r"humps = \[\{ position = 40\.0, width = [24] \}\]", message)
    assert abs(blind.weight_fractions["P2"] - 0.7) > 0.05
    stated = lx.fit(pattern, ["P2", "O3"], recipe={"background": {"humps": [{"position": 40.0, "width": 3.0}]}})
    fraction = stated.weight_fractions["P2"]
    assert abs(fraction - 0.7) < 2 * fraction.esd_model
    assert not hump_warnings(stated)


@pytest.mark.parametrize("seed", [1, 2])
def test_a_smooth_background_has_none(seed):
    assert not hump_warnings(lx.fit(measured(None, seed), ["P2", "O3"]))
