"""Phrases of headings."""

import math
from pathlib import Path

import pytest

from layerox.errors import InputError
from layerox.io import read_pattern
from layerox.io.text_heading import heading_from_lines, iso_time, titles_from_line


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
    titles = titles_from_line(line, "," if "," in line else None, 3, "a.xy")
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
        ("#       2th_rad             I", "two-theta", math.degrees(1.0)),
        ("2theta rad intensity", "two-theta", math.degrees(1.0)),
    ],
)
def test_units_belong_to_their_titles(line, axis, scale):
    titles = titles_from_line(line, None, 2, "a.xy")
    assert (titles.axis, titles.scale, titles.x, titles.intensity) == (axis, scale, 0, 1)


def test_an_index_before_the_angle_is_no_intensity():
    titles = titles_from_line("i tt I", None, 3, "a.xy")
    assert (titles.axis, titles.x, titles.intensity, titles.sigma) == ("two-theta", 1, 2, None)


@pytest.mark.parametrize("line", ["theta intensity", "E(keV),I", "# r_mm I", "s I(s)", "TOF\tcounts"])
def test_a_title_line_of_another_axis_is_refused(line):
    with pytest.raises(InputError, match=r"a\.xy: its axis is .*; "):
        titles_from_line(line, "," if "," in line else None, 2, "a.xy")


@pytest.mark.parametrize("line", ["my fine sample", "2theta of it", "intensity sigma error", "2theta intensity"])
def test_other_lines_are_no_titles(line):
    assert titles_from_line(line, None, 3, "a.xy") is None


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


def test_a_bare_wavelength_states_nothing_of_the_kind():
    assert not heading_from_lines(["# wavelength = 1.5"], Path("a")).says_kind


@pytest.mark.parametrize("line", ["# Temp (K) = 0.0", "T= 0.000, dT= 0.000", "# Temp (K) = 1.2.3"])
def test_no_thermometer_is_no_temperature(line):
    assert "temperature_k" not in heading_from_lines([line], Path("a")).metadata


@pytest.mark.parametrize(
    "unit",
    ["lambda[", "lambda(", "lambda=1 T=1 ", "lambda ", "temp ", "date:", "date: ", "T=1,", "k-alpha1 wavelength ", "# ",
     "sample:", "2theta ", "anode "],
)  # fmt: skip
def test_headings_of_a_million_letters_end(unit):
    """An expression of quadratic time would need hours for these; there is no clock in this test."""
    heading_from_lines([unit * (10**6 // len(unit))], Path("a.xy"))
    heading_from_lines([unit] * (10**5 // len(unit)), Path("a.xy"))
    titles_from_line(unit * (10**5 // len(unit)), None, 3, "a.xy")


@pytest.mark.parametrize("mark", ["radiation", "label"])
def test_a_heading_of_deep_nesting_is_damage(tmp_path, mark):
    """100,000 brackets: more than any interpreter nests."""
    path = tmp_path / "a.xye"
    path.write_text(f"# powder pattern written by layerox\n# {mark}: {'[' * 100_000}\n10 5 2\n10.1 6 2\n10.2 7 2\n")
    if mark == "label":
        assert read_pattern(path).two_theta.size == 3
    else:
        with pytest.raises(InputError, match="radiation: .* is damaged"):
            read_pattern(path)
