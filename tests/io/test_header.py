"""Phrases of headings."""

from pathlib import Path

import pytest

from layerox.io.header import axis_from_title, heading_from_lines, iso_time, scale_from_title, titles_from_line


@pytest.mark.parametrize(
    ("title", "axis"),
    [
        ("2theta", "two-theta"), ("2-Theta Angle (Degrees)", "two-theta"), ("2\u03b8", "two-theta"),
        ("two_theta", "two-theta"), ("tth", "two-theta"), ("Angle", "two-theta"), ("2th_deg", "two-theta"),
        ("theta", "two-theta"), ("q", "q"), ("Q (1/nm)", "q"), ("q_nm^-1", "q"), ("d", "d"), ("d-spacing", "d"),
        ("d (A)", "d"), ("date", None), ("quality", None), ("intensity", None), ("", None),
    ],
)  # fmt: skip
def test_axes_by_their_titles(title, axis):
    assert axis_from_title(title) == axis


def test_nanometres_are_scaled_to_angstrom():
    """10 / nm = 1 / A, 0.1 nm = 1 A."""
    assert scale_from_title("q_nm^-1", "q") == 0.1
    assert scale_from_title("d (nm)", "d") == 10.0
    assert scale_from_title("q_A^-1", "q") == 1.0


@pytest.mark.parametrize(
    ("line", "columns"),
    [
        ("2theta intensity sigma", (0, 1, 2)),
        ("# 2theta  I(obs)  sig(I)", (0, 1, 2)),
        ("sigma,2Theta,Counts", (1, 2, 0)),
        ("Angle\tIntensity (a.u.)\tBackground", (0, 1, None)),
        ("two_theta,observed,calculated", (0, 1, None)),
    ],
)
def test_title_lines(line, columns):
    titles = titles_from_line(line, "," if "," in line else None, 3)
    assert (titles.x, titles.intensity, titles.sigma) == columns


@pytest.mark.parametrize(
    ("line", "axis", "scale"),
    [
        ("# q (1/A) intensity", "q", 1.0),
        ("# Q [1/nm] I", "q", 0.1),
        ("# q / nm^-1 intensity", "q", 0.1),
        ("q A^-1 I(q)", "q", 1.0),
        ("q nm⁻¹ intensity", "q", 0.1),
        ("# 2theta (deg) I (counts)", "two-theta", 1.0),
        ("# d (A) intensity", "d", 1.0),
    ],
)
def test_units_belong_to_their_titles(line, axis, scale):
    titles = titles_from_line(line, None, 2)
    assert (titles.axis, titles.scale, titles.x, titles.intensity) == (axis, scale, 0, 1)


def test_an_index_before_the_angle_is_no_intensity():
    titles = titles_from_line("i tt I", None, 3)
    assert (titles.axis, titles.x, titles.intensity, titles.sigma) == ("two-theta", 1, 2, None)


@pytest.mark.parametrize("line", ["my fine sample", "2theta of it", "intensity sigma error", "2theta intensity"])
def test_other_lines_are_no_titles(line):
    assert titles_from_line(line, None, 3) is None


@pytest.mark.parametrize(
    ("text", "time"),
    [
        ("2024-03-22T21:30:13-07:00", "2024-03-22T21:30:13-07:00"),
        ("2001-06-16 06:25:59", "2001-06-16T06:25:59"),
        ("APR 25, 2011 12:35:45.325926", "2011-04-25T12:35:45.325926"),
        ("yesterday", None),
    ],
)
def test_time_stamps(text, time):
    assert iso_time(text) == time


def test_the_neutrons_of_a_heading():
    heading = heading_from_lines(["# neutron data", "# wavelength = 1.5"], Path("a"))
    assert (heading.radiation.kind, heading.says_kind) == ("neutron", True)


def test_a_bare_wavelength_says_nothing_of_the_kind():
    assert not heading_from_lines(["# wavelength = 1.5"], Path("a")).says_kind


@pytest.mark.parametrize("line", ["# Temp (K) = 0.0", "T= 0.000, dT= 0.000", "# Temp (K) = 1.2.3"])
def test_no_thermometer_is_no_temperature(line):
    assert "temperature_k" not in heading_from_lines([line], Path("a")).metadata
