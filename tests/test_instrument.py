"""What is known of a diffractometer, and how a beam named elsewhere is completed by it."""

import math

import pytest

from layerox.errors import InputError
from layerox.instrument import Instrument
from layerox.radiation import Radiation, radiation_from_text


def test_nothing_is_known_of_a_plain_instrument():
    plain = Instrument()
    assert (plain.radiation, plain.profile, plain.kind, plain.polarization) == (None, None, None, None)
    assert (plain.geometry, plain.radius_mm) == ("bragg-brentano", 173.0)  # the contract's radius
    assert (plain.zero, plain.displacement_mm) == (0.0, 0.0)


def test_an_unknown_geometry_names_the_nearest():
    with pytest.raises(InputError, match=r"unknown geometry 'braggbrentano'; did you mean 'bragg-brentano'\?"):
        Instrument(geometry="braggbrentano")


@pytest.mark.parametrize("radius", [0.0, -173.0, math.nan])
def test_an_impossible_radius_is_refused(radius):
    with pytest.raises(InputError, match="goniometer radius"):
        Instrument(radius_mm=radius)


BARE = radiation_from_text("CuKa")


@pytest.mark.parametrize(
    ("instrument", "beam", "kind", "polarization"),
    [
        (Instrument(), BARE, "xray", None),
        (Instrument(polarization=0.8), BARE, "xray", 0.8),
        (Instrument(polarization=0.8), BARE.polarized(0.6), "xray", 0.6),  # what the beam says itself holds
        (Instrument(kind="neutron"), radiation_from_text(1.54), "neutron", None),
        (Instrument(kind="neutron"), BARE, "xray", None),  # CuKa can be nothing else
        (Instrument(radiation=BARE.polarized(0.9)), BARE, "xray", 0.9),
        # Where a radiation is known, kind and polarization stand in it and nowhere else.
        (Instrument(radiation=BARE, polarization=0.8), BARE, "xray", None),
    ],
)
def test_a_beam_is_completed_by_what_the_instrument_states(instrument, beam, kind, polarization):
    completed = instrument.completed(beam)
    assert (completed.kind, completed.polarization, completed.lines) == (kind, polarization, beam.lines)


def test_completing_leaves_the_beam_alone():
    beam = Radiation(lines=((1.8, 1.0),))
    Instrument(kind="neutron", polarization=0.3).completed(beam)
    assert (beam.kind, beam.polarization) == ("xray", None)
