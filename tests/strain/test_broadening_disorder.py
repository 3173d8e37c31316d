"""00l against 10l: slabs that glide at random, simulated by a sum of its own, broaden 10l and leave 00l alone."""

import pytest

import layerox as lx
from faulted_patterns import FWHM, REPEAT, SLABS, crystal, pattern
from layerox.diffraction.phase import Phase
from layerox.instrument import Instrument, Profile


def layers(glides):
    instrument = Instrument(profile=Profile(w=FWHM**2))
    phase = Phase(name="P3", crystal=crystal())
    return lx.broadening(lx.fit(pattern(glides, 3), [phase], radiation="CuKa1", instrument=instrument)).phase("P3")


@pytest.fixture(scope="module")
def ordered():
    return layers(0.0)


@pytest.fixture(scope="module")
def glided():
    return layers(0.03)


def test_the_share_of_slabs_that_have_glided_is_found(glided):
    found = glided.layers.glide_probability
    assert "disorder of the stacking" in glided.layers.reading
    assert abs(found - 0.03) < 4 * found.esd
    assert found.esd < 0.003


def test_slabs_in_order_are_distinguished_from_slabs_that_glide(ordered, glided):
    one, other = ordered.layers, glided.layers
    assert "disorder" not in one.reading
    assert abs(one.disorder) < 4 * one.disorder.esd
    assert other.disorder > 20 * other.disorder.esd


def test_the_thickness_of_the_stack_broadens_all(ordered, glided):
    """exp(-n / N) makes Lorentzian peaks of integral breadth 1 / (2 N repeat), in 1/nm."""
    for phase in (ordered, glided):
        assert phase.layers.across == pytest.approx(1 / (2 * SLABS * 0.1 * REPEAT), rel=0.06)
