"""Titles of abscissas of common programs: pyFAI ("2th_rad", "q_nm^-1", "r_mm"), FIT2D, GSAS-II, vendors' exports."""

import math

import pytest

from layerox.errors import InputError
from layerox.io.abscissa_titles import axis_from_title, refuse_other_axis, scale_from_title

DEGREES = math.degrees(1.0)


@pytest.mark.parametrize(
    ("title", "axis", "scale"),
    [
        ("2theta", "two-theta", 1.0), ("2-Theta Angle (Degrees)", "two-theta", 1.0), ("2\u03b8", "two-theta", 1.0),
        ("two_theta", "two-theta", 1.0), ("tth", "two-theta", 1.0), ("Angle", "two-theta", 1.0),
        ("2th_deg", "two-theta", 1.0), ("2Theta (°)", "two-theta", 1.0),
        ("2th_rad", "two-theta", DEGREES), ("2theta [rad]", "two-theta", DEGREES),
        ("tth (radians)", "two-theta", DEGREES),
        ("2\u03b8 / mrad", "two-theta", DEGREES / 1000), ("2theta (milliradian)", "two-theta", DEGREES / 1000),
        ("q", "q", 1.0), ("Q (1/A)", "q", 1.0), ("q_A^-1", "q", 1.0), ("q (\u00c5\u207b\u00b9)", "q", 1.0),
        ("Q (1/nm)", "q", 0.1), ("q_nm^-1", "q", 0.1), ("q [nm-1]", "q", 0.1), ("q (m^-1)", "q", 1e-10),
        ("d", "d", 1.0), ("d-spacing", "d", 1.0), ("d (A)", "d", 1.0), ("d (nm)", "d", 10.0), ("d_nm", "d", 10.0),
        ("d (pm)", "d", 0.01),
    ],
)  # fmt: skip
def test_axes_of_patterns_and_their_units(title, axis, scale):
    assert axis_from_title(title) == axis
    assert scale_from_title(title, axis) == pytest.approx(scale, rel=1e-12)


@pytest.mark.parametrize(
    ("title", "words"),
    [
        ("theta", "theta; double it, or title it two_theta"), ("Theta (deg)", "theta"), ("\u03b8", "theta"),
        ("r_mm", "a radius"), ("r (m)", "a radius"), ("Radial Distance (mm)", "a radius"), ("radius", "a radius"),
        ("s", "1/d"), ("s (1/A)", "1/d"), ("1/d", "1/d"), ("d*", "1/d"), ("h (1/nm)", "1/d"),
        ("sin(theta)/lambda", r"sin\(theta\)/lambda; multiply by 4 pi"), ("sin(th)/l", "sin"), ("q^2", "power"),
        ("Q\u00b2 (1/A^2)", "power"), ("log q", "power"),
        ("energy", "energy"), ("E (keV)", "energy"), ("E_keV", "energy"), ("Energy [eV]", "energy"),
        ("TOF", "time of flight"), ("tof (us)", "time of flight"), ("time-of-flight", "time of flight"),
        ("Time of Flight (us)", "time of flight"), ("channel", "a channel number"), ("pixel", "a channel number"),
        ("chi_deg", "azimuthal"), ("omega", "rocking"), ("time (s)", "no angle"), ("wavelength (A)", "no angle"),
        ("Temperature (K)", "no angle"),
    ],
)  # fmt: skip
def test_other_axes_are_refused_by_name(title, words):
    assert axis_from_title(title) is None
    with pytest.raises(InputError, match=rf"^here: its axis is .*{words}"):
        refuse_other_axis(title, "here")


@pytest.mark.parametrize("title", ["date", "quality", "intensity", "", "sample 7", "depth", "rate", "x" * 10**6])
def test_other_texts_are_no_axes(title):
    assert axis_from_title(title) is None
    refuse_other_axis(title, "here")
