"""Measurement: the beam that file, instrument and user agree upon; each expectation is what its source says."""

from dataclasses import replace

import numpy as np
import pytest

from layerox.analysis.beam_setup import beam_from, instrument_from, pattern_from
from layerox.errors import InputError
from layerox.instrument import Instrument
from layerox.io import read_instrument, read_pattern, write_instrument, write_pattern
from layerox.pattern import pattern_from_arrays
from layerox.radiation import Radiation, radiation_from_text

CU = radiation_from_text("CuKa")
NEUTRONS = Radiation(lines=((1.494, 1.0),), kind="neutron")
NOTHING = Instrument()


@pytest.fixture
def described(tmp_path):
    """Return the instrument of some lines of [radiation]."""

    def read(*lines):
        path = tmp_path / "machine.toml"
        path.write_text("\n".join(["[radiation]", *lines]))
        return read_instrument(path)

    return read


def test_an_instrument_for_neutrons_contradicts_a_pattern_of_x_rays(described):
    known = described('kind = "neutron"', "wavelength = 1.5406")
    with pytest.raises(InputError, match=r"the instrument states neutrons, 1\.5406 A, the pattern states CuKa \("):
        beam_from(CU, known, None)


def test_an_instrument_that_names_no_kind_follows_the_pattern(described):
    beam = beam_from(NEUTRONS, described("wavelength = 1.494"), None)
    assert (beam.kind, beam.lines) == ("neutron", NEUTRONS.lines)


def test_an_instrument_for_neutrons_without_wavelength_contradicts_x_rays(described):
    with pytest.raises(InputError, match="neutrons are requested, the pattern states CuKa"):
        beam_from(CU, described('kind = "neutron"'), None)


def test_a_source_of_x_rays_is_one_without_a_kind(described):
    with pytest.raises(InputError, match="the instrument states CuKa .* the pattern states neutrons"):
        beam_from(NEUTRONS, described('source = "CuKa"'), None)


def test_a_wavelength_alone_is_of_x_rays_where_nobody_states_otherwise(described):
    beam = beam_from(None, described("wavelength = 1.494"), None)
    assert (beam.kind, beam.says_kind) == ("xray", True)


def test_a_file_that_names_no_kind_follows_the_user(tmp_path):
    path = tmp_path / "a.xy"
    path.write_text("# wavelength = 1.494\n10 1\n11 2\n12 3\n")
    bare = read_pattern(path)
    assert beam_from(bare.radiation, instrument_from(None, None, neutron=True), None).kind == "neutron"
    assert beam_from(bare.radiation, NOTHING, None).kind == "xray"
    assert read_pattern(path, radiation=NEUTRONS).radiation.kind == "neutron"


def test_a_kind_that_nobody_stated_is_not_written_either(tmp_path):
    bare = radiation_from_text(1.494)
    write_pattern(pattern_from_arrays([10, 11], [5, 6], radiation=bare), tmp_path / "a.xye")
    write_instrument(Instrument(radiation=bare), tmp_path / "a.toml")
    for again in (read_pattern(tmp_path / "a.xye"), read_instrument(tmp_path / "a.toml")):
        assert (again.radiation, again.radiation.says_kind) == (bare, False)


@pytest.mark.parametrize("given", [None, "CuKa"])
def test_neutrons_have_no_emission_lines(given):
    known = instrument_from(None, None, neutron=True)
    with pytest.raises(InputError, match="neutrons are requested, (given is|the pattern states) CuKa"):
        beam_from(CU if given is None else None, known, given)


def test_neutrons_are_refused_by_an_instrument_for_x_rays(described):
    for lines in (['source = "CuKa"'], ['kind = "xray"'], ['kind = "xray"', "wavelength = 1.5"]):
        with pytest.raises(InputError, match="neutrons are requested, the instrument states"):
            instrument_from(described(*lines), None, neutron=True)
    assert instrument_from(described("wavelength = 1.5"), None, neutron=True).radiation.kind == "neutron"


@pytest.mark.parametrize("given", ["CuKa1", 1.5406])
def test_one_line_contradicts_a_doublet(given):
    with pytest.raises(InputError, match=r"given is .*, the pattern states CuKa \(1.540593, 1.544427 A\)"):
        beam_from(CU, NOTHING, given)


@pytest.mark.parametrize("given", ["CuKa1", "CuKa", 1.5406])
@pytest.mark.parametrize("said", [radiation_from_text(1.5406), None])
def test_one_wavelength_of_a_file_allows_both(given, said):
    assert beam_from(said, NOTHING, given).lines == radiation_from_text(given).lines


def test_a_doublet_contradicts_a_file_that_names_one_line():
    with pytest.raises(InputError, match="given is CuKa .* the pattern states CuKa1"):
        beam_from(radiation_from_text("CuKa1"), NOTHING, "CuKa")


def test_an_impossible_polarization_is_no_contradiction():
    with pytest.raises(InputError, match="polarization 2 is outside 0 to 1"):
        beam_from(CU.polarized(0.55), NOTHING, None, polarization=2)


@pytest.mark.parametrize("limits", [None, (10, 11)])
def test_a_pattern_without_counts_is_refused(limits):
    pattern = pattern_from_arrays([10, 11, 12], [0, 0, 0 if limits is None else 5])
    with pytest.raises(InputError, match="the pattern holds no counts"):
        pattern_from(pattern, limits)


@pytest.mark.parametrize("intensity", [[0.25, 1.0], [12.5, 99.9]])
def test_a_normalised_pattern_has_no_counting_statistics(intensity):
    with pytest.raises(InputError, match="scan: intensities of at most .* are not counts.*; give a column of sigmas"):
        pattern_from(pattern_from_arrays([1, 2], intensity, label="scan"), None)
    for known in ([0.1, 0.1], [1.0, 1.0]):
        pattern = pattern_from_arrays([1, 2], intensity, known)
        assert pattern_from(pattern, None) is pattern
    counted = pattern_from_arrays([1, 2], np.rint(intensity))
    assert pattern_from(counted, None) is counted


def test_a_slow_rate_with_a_counting_time_was_counted():
    """A reader that knows the time gives sigma = sqrt(R t) / t, here t = 100 s, and says that it is Poisson's."""
    rate = np.array([0.25, 1.0])
    slow = replace(pattern_from_arrays([1, 2], rate, np.sqrt(rate * 100) / 100), sigma_source="poisson")
    assert pattern_from(slow, None) is slow
