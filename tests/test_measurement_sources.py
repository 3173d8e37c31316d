"""How a pattern was measured: what file, instrument and user say together (wavelengths: see test_analysis.py)."""

import numpy as np
import pytest

from layerox.analysis.beam_setup import beam_from, instrument_from, pattern_from
from layerox.analysis.fit import simulate
from layerox.errors import InputError
from layerox.instrument import DEFAULT_RADIUS_MM, Instrument, Profile
from layerox.io import write_instrument, write_pattern
from layerox.pattern import Pattern
from layerox.radiation import Radiation, radiation_from_text
from reference_crystals import P2

CU = radiation_from_text("CuKa")


@pytest.fixture(scope="module")
def simulated():
    return simulate([("P2", P2)], radiation="CuKa", two_theta=(12, 40, 0.02), background=[10.0])


def test_a_pattern_a_simulation_and_a_file(simulated, tmp_path):
    pattern = simulated.pattern
    assert pattern_from(pattern, None) is pattern
    assert pattern_from(simulated, None) is pattern
    write_pattern(pattern, tmp_path / "scan.xye")
    read = pattern_from(tmp_path / "scan.xye", None)
    np.testing.assert_allclose(read.two_theta, pattern.two_theta)
    for source in (pattern, simulated, str(tmp_path / "scan.xye")):
        cropped = pattern_from(source, (20.0, 30.0))
        assert cropped.range == pytest.approx((20.0, 30.0), abs=0.011)


def test_an_instrument_a_file_and_nothing(tmp_path):
    known = Instrument(profile=Profile(w=0.01), radius_mm=240.0)
    assert instrument_from(known, None) is known
    write_instrument(known, tmp_path / "d8.toml")
    assert instrument_from(tmp_path / "d8.toml", None) == known
    assert instrument_from(None, None) == Instrument()
    assert instrument_from(known, "debye-scherrer").geometry == "debye-scherrer"
    with pytest.raises(InputError, match="unknown geometry 'bragg-bretano'; did you mean 'bragg-brentano'"):
        instrument_from(None, "bragg-bretano")


def test_the_radius_of_the_file_counts_unless_an_instrument_is_given():
    angles = np.linspace(10.0, 11.0, 5)
    pattern = Pattern(two_theta=angles, intensity=angles, sigma=angles, metadata={"radius_mm": 240.0})
    assert instrument_from(None, None, pattern).radius_mm == 240.0
    assert instrument_from(Instrument(), None, pattern).radius_mm == DEFAULT_RADIUS_MM


def test_neutrons_are_of_whatever_wavelength_is_known():
    assert instrument_from(None, None, neutron=True).kind == "neutron"
    known = instrument_from(Instrument(radiation=radiation_from_text(1.9)), None, neutron=True)
    assert known.radiation.kind == "neutron"
    beam = beam_from(None, instrument_from(None, None, neutron=True), 1.5402)
    assert (beam.kind, beam.wavelength) == ("neutron", 1.5402)


@pytest.mark.parametrize("given", [{"monochromator": 26.6}, {"polarization": 0.5}])
def test_neutrons_have_no_polarisation(given):
    neutrons = Instrument(kind="neutron")
    with pytest.raises(InputError, match="neutrons have no polarisation factor; leave monochromator and"):
        beam_from(None, neutrons, 1.54, **given)


def test_two_ways_to_state_the_polarisation_are_refused():
    with pytest.raises(InputError, match="both monochromator and polarization are given; give one of them"):
        beam_from(CU, Instrument(), None, monochromator=26.6, polarization=0.5)


def test_polarisations_that_contradict_each_other_are_refused():
    with pytest.raises(
        InputError, match=r"polarization 0\.5557 is requested, the instrument or the file states 0\.5000"
    ):
        beam_from(CU.polarized(0.5), Instrument(), None, monochromator=26.6)
    agreed = beam_from(CU.polarized(0.5557), Instrument(), None, monochromator=26.6)
    assert agreed.polarization == pytest.approx(0.5557, abs=5e-5)


def test_x_rays_of_the_file_and_neutrons_of_the_user_contradict_each_other():
    neutrons = Radiation(lines=((1.5405929, 1.0),), kind="neutron")
    with pytest.raises(InputError, match="given is neutrons"):
        beam_from(CU, Instrument(), neutrons)
