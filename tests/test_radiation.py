"""Radiation. Wavelengths: International Tables for Crystallography C (2004), table 4.2.2.1, as the contract states
them for Cu; other numbers by hand."""

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from layerox.errors import InputError
from layerox.radiation import (
    K_ALPHA,
    K_BETA,
    Radiation,
    ev_from_angstrom,
    polarization_from_monochromator,
    radiation_from_text,
)


def test_copper_is_that_of_the_contract():
    beam = radiation_from_text("CuKa")
    assert beam.lines == ((1.5405929, 1.0), (1.5444274, 0.5))
    assert (beam.kind, beam.polarization, beam.name) == ("xray", None, "CuKa")
    assert beam.wavelength == 1.5405929
    assert beam.weights == pytest.approx((2 / 3, 1 / 3))
    assert radiation_from_text("CuKa1").lines == ((1.5405929, 1.0),)


# International Tables C (2004), table 4.2.2.1: K alpha 1 and K alpha 2, angstrom, to the digits given there.
@pytest.mark.parametrize(
    ("element", "first", "second"),
    [
        ("Cr", 2.289726, 2.293651),
        ("Fe", 1.936041, 1.939973),
        ("Co", 1.788996, 1.792835),
        ("Cu", 1.540593, 1.544427),
        ("Mo", 0.709317, 0.713607),
        ("Ag", 0.559422, 0.563813),
    ],
)
def test_characteristic_lines(element, first, second):
    assert K_ALPHA[element] == pytest.approx((first, second), abs=1e-6)
    assert radiation_from_text(f"{element}Ka").wavelength == pytest.approx(first, abs=1e-6)


@pytest.mark.parametrize("text", ["cuka", "CuKα", "CuKalpha", "CUKA", "Cu-Ka", " CuKa "])
def test_spellings_of_copper(text):
    assert radiation_from_text(text) == radiation_from_text("CuKa")


@pytest.mark.parametrize(("text", "wavelength"), [("0.4139", 0.4139), (0.2413, 0.2413), ("1.5406", 1.5406), (2, 2.0)])
def test_a_number_is_one_line_of_that_wavelength(text, wavelength):
    beam = radiation_from_text(text)
    assert beam.lines == ((wavelength, 1.0),)
    assert beam.name == ""


@pytest.mark.parametrize("text", ["", "CuKb", "copper", "1,5406", "Ka", "CuKa3", "1.54 A"])
def test_what_is_no_radiation_is_refused_with_the_choices(text):
    with pytest.raises(InputError, match=r"unknown radiation .*; give CrKa, .*angstrom"):
        radiation_from_text(text)


@pytest.mark.parametrize("wavelength", ["0", "-1.54", "15.4", "nan", "inf", "0.001"])
def test_a_wavelength_that_cannot_be_meant_is_refused(wavelength):
    with pytest.raises(InputError, match=r"give angstrom"):
        radiation_from_text(wavelength)


@pytest.mark.parametrize(
    ("wavelength", "words"),
    [("0.15406", "CuKa in nm"), ("0.1541", "CuKa in nm"), ("154.06", "CuKa in pm"), ("0.07093", "MoKa in nm")],
)
def test_a_tube_in_another_unit_is_refused_by_name(wavelength, words):
    with pytest.raises(InputError, match=f"A is that of {words}; give {words[:4]}, or angstrom"):
        radiation_from_text(wavelength)


@given(st.text(max_size=12))
def test_any_text_is_read_or_refused(text):
    try:
        beam = radiation_from_text(text)
    except InputError:
        return
    assert 0.05 <= beam.wavelength <= 10


def test_the_strongest_line_counts_wherever_it_is():
    beam = Radiation(lines=((1.544427, 0.5), (1.540593, 1.0)))
    assert beam.wavelength == 1.540593
    assert beam.weights == pytest.approx((1 / 3, 2 / 3))


@pytest.mark.parametrize("lines", [(), ((1.54, 0.0),), ((1.54, -1.0),), ((1.54, math.inf),), ((1.54, math.nan),)])
def test_impossible_lines_are_refused(lines):
    with pytest.raises(InputError):
        Radiation(lines=lines)


@pytest.mark.parametrize("polarization", [-0.1, 1.1, math.nan])
def test_an_impossible_polarization_is_refused(polarization):
    with pytest.raises(InputError, match="outside 0 to 1"):
        Radiation(lines=((1.54, 1.0),), polarization=polarization)


def test_two_beams_agree_within_the_last_digit_of_a_label():
    copper = radiation_from_text("CuKa")
    assert copper.agrees_with(radiation_from_text("1.5406"))
    assert copper.agrees_with(radiation_from_text("1.541"))
    assert not copper.agrees_with(radiation_from_text("1.5418"))  # the mean of K alpha 1 and 2 is another wavelength
    assert not copper.agrees_with(Radiation(lines=copper.lines, kind="neutron"))


@pytest.mark.parametrize("kind", ["", "electron", "XRAY"])
def test_an_unknown_kind_is_refused(kind):
    with pytest.raises(InputError, match="choose from xray, neutron"):
        Radiation(lines=((1.54, 1.0),), kind=kind)


# 1 / (1 + cos^2 26.6 degrees) = 1 / (1 + 0.79952): the contract's 0.5557.
@pytest.mark.parametrize(
    ("two_theta", "expected"), [(26.6, 0.5557), (0.0, 0.5), (90.0, 1.0), (60.0, 0.8), (120.0, 0.8)]
)
def test_a_monochromator_sets_the_polarization(two_theta, expected):
    assert polarization_from_monochromator(two_theta=two_theta) == pytest.approx(expected, abs=5e-5)


@pytest.mark.parametrize("two_theta", [-1.0, 180.0, math.nan])
def test_an_impossible_monochromator_is_refused(two_theta):
    with pytest.raises(InputError, match="monochromator"):
        polarization_from_monochromator(two_theta=two_theta)


def test_energy_of_copper():
    # h c = 12398.4198 eV A (CODATA 2018); International Tables give 8047.78 eV for Cu K alpha 1.
    assert ev_from_angstrom(wavelength=1.0) == pytest.approx(12398.41984)
    assert radiation_from_text("CuKa").energy_ev == pytest.approx(8047.82, abs=0.05)


def test_a_beam_is_written_for_messages():
    assert str(radiation_from_text("CuKa1")) == "CuKa1 (1.540593 A)"
    assert str(Radiation(lines=((1.5, 1.0), (1.6, 0.5)))) == "1.5, 1.6 A"
    assert str(Radiation(lines=((1.5, 1.0),), kind="neutron")) == "neutrons, 1.5 A"


def test_polarizing_keeps_the_lines():
    beam = radiation_from_text("CuKa")
    assert beam.polarized(0.7).polarization == 0.7
    assert beam.polarized(0.7).lines == beam.lines
    assert beam.polarization is None


def test_weak_lines_of_a_tube():
    """K-beta of copper and L-alpha of tungsten of International Tables C (2004), tables 4.2.2.1 and 4.2.2.5."""
    plain = radiation_from_text("CuKa")
    weak = plain.with_weak_lines(k_beta=0.01, tungsten=0.005)
    assert weak.lines == (*plain.lines, (1.3922340, 0.01), (1.4763112, 0.005))
    assert weak.weak_lines == {"k_beta": 0.01, "tungsten": 0.005}
    assert weak.main_lines == plain.lines
    assert weak.agrees_with(plain)
    assert plain.agrees_with(weak)
    assert plain.with_weak_lines() == plain


@pytest.mark.parametrize("element", K_BETA)
def test_k_beta_is_a_tenth_shorter(element):
    """Moseley: the transition from the next shell is 1.1 times as energetic as K-alpha, for all these anodes."""
    assert K_ALPHA[element][0] / K_BETA[element] == pytest.approx(1.11, abs=0.02)


def test_weak_lines_need_a_tube_and_plausible_weights():
    with pytest.raises(InputError, match="not of a tube"):
        radiation_from_text(0.5).with_weak_lines(k_beta=0.01)
    with pytest.raises(InputError, match="weight 2"):
        radiation_from_text("CuKa").with_weak_lines(tungsten=2)
