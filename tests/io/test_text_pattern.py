"""Columns of text in every dialect, synthesised here; measured files at the end."""

import json

import numpy as np
import pytest

from layerox.errors import InputError
from layerox.io import read_pattern, read_patterns
from layerox.io.text_pattern import plain_scan, scans_from_text

PLAIN = ([10.0, 10.02, 10.04], [100, 90, 110], [10.0, 9.5, 10.5])


def write(tmp_path, content, name="a.xye"):
    path = tmp_path / name
    path.write_text(content, encoding="utf-8")
    return path


def read(tmp_path, content, name="a.xye", **options):
    return read_pattern(write(tmp_path, content, name), **options)


def refusal(tmp_path, content, name="a.xye", **options):
    path = write(tmp_path, content, name)
    with pytest.raises(InputError) as caught:
        read_pattern(path, **options)
    assert "\n" not in str(caught.value)
    return str(caught.value).removeprefix(str(path))


@pytest.mark.parametrize("heading", ["", "# one\n", "! a\n; b\n' c\n", "/* c\n comment */\n", "2theta I sigma\n\n",
                                     "A sample of P2\nof 2024, third try\n"])  # fmt: skip
@pytest.mark.parametrize(
    "rows",
    [
        "10.0 100 10.0\n10.02 90 9.5\n10.04 110 10.5\n",
        "  10.0\t100\t10.0  \n  10.02\t90\t9.5  \n  10.04\t110\t10.5\n",
        "10.0,100,10.0\n10.02,90,9.5\n10.04,110,10.5\n",
        "10.0, 100, 10.0\n10.02, 90, 9.5\n10.04, 110, 10.5",
        "10.0;100;10.0\n10.02;90;9.5\n10.04;110;10.5\n",
        "10,0;100;10,0\n10,02;90;9,5\n10,04;110;10,5\n",
        "10,0 100 10,0\n10,02 90 9,5\n10,04 110 10,5\n",
        "10,0\t100\t10,0\n10,02\t90\t9,5\n10,04\t110\t10,5\n",
        "10,0, 100, 10,0\n10,02, 90, 9,5\n10,04, 110, 10,5\n",
        "1.0E1 1e2 1.0D+01\n1.002e1 90 9.5\n1.004E+1 110. 10.5\n",
        '"10.0","100","10.0"\n"10.02","90","9.5"\n"10.04","110","10.5"\n',
        "10.0 100 10.0 # start\n10.02 90 9.5 ! note\n10.04 110 10.5\n",
        "10.0 100 10.0 ok\n10.02 90 9.5 ok\n10.04 110 10.5 ok\n",
        "10.0,100,10.0,,\n10.02,90,9.5,,\n10.04,110,10.5,,\n",
        "10.04 110 10.5\n10.02 90 9.5\n10.0 100 10.0\n",
        "10.0 100 10.0\n\n# between\n10.02 90 9.5\n10.04 110 10.5\n\n# end\nend of scan\n",
    ],
)
def test_every_dialect_gives_the_same_pattern(tmp_path, heading, rows):
    result = read(tmp_path, heading + rows)
    assert result.two_theta.tolist() == PLAIN[0]
    assert result.intensity.tolist() == PLAIN[1]
    assert result.sigma.tolist() == PLAIN[2]
    assert (result.sigma_source, result.radiation) == ("file", None)


def test_two_columns_have_poisson_sigmas(tmp_path):
    result = read(tmp_path, "10 100\n11 25\n", "a.xy")
    assert result.sigma.tolist() == [10, 5]
    assert result.sigma_source == "poisson"


def test_integers_with_commas_are_columns(tmp_path):
    assert read(tmp_path, "10,100\n11,25\n", "a.csv").two_theta.tolist() == [10, 11]


def test_commas_for_decimals_and_columns_at_once_are_refused(tmp_path):
    message = refusal(tmp_path, "10,02,100,5\n10,04,110,5\n", "a.csv")
    assert message.startswith(":1: 4 columns")
    assert message.endswith("decimal commas need another separator")


@pytest.mark.parametrize(
    ("titles", "third"),
    [("2Theta Intensity Error", "file"), ("# 2theta,I,esd", "file"), ("Angle\tCounts\tBackground", "poisson"),
     ("# two_theta  observed  calculated", "poisson"), ("a good sample", "file")],
)  # fmt: skip
def test_a_title_decides_whether_the_third_column_is_sigma(tmp_path, titles, third):
    result = read(tmp_path, f"{titles}\n10 100 1\n11 121 2\n")
    assert result.sigma_source == third
    assert result.sigma.tolist() == ([1, 2] if third == "file" else [10, 11])


def test_titled_columns_may_stand_in_any_order(tmp_path):
    text = "Intensity,sigma,time,2theta\n100,1,0,10\n121,2,5,11\n"
    result = read(tmp_path, text, "a.csv")
    assert result.two_theta.tolist() == [10, 11]
    assert (result.intensity.tolist(), result.sigma.tolist()) == ([100, 121], [1, 2])


def test_the_columns_of_a_fit_can_be_read(tmp_path):
    text = "two_theta,observed,sigma,calculated,background,difference,P2\n10,100,9,99,50,1,49\n11,90,8,89,50,1,39\n"
    assert read(tmp_path, text, "fit.csv").sigma.tolist() == [9, 8]


def test_many_columns_without_titles_are_a_question(tmp_path):
    message = refusal(tmp_path, "10 100 1 5\n11 121 2 5\n")
    assert message.startswith(":1: 4 columns, and no title line that names angle and intensity")


def test_a_column_titled_theta_is_refused_with_its_cure(tmp_path):
    message = refusal(tmp_path, "theta,intensity\n5.0,2\n5.1,3\n")
    assert message == ": its axis is theta; double it, or title it two_theta if it is that already"


def test_radians_become_degrees(tmp_path):
    result = read(tmp_path, "# 2th_rad I sigma\n0.1 5 1\n0.2 6 1\n", "a.xye")
    assert result.two_theta == pytest.approx(np.degrees([0.1, 0.2]))


@pytest.mark.parametrize(
    ("title", "axis", "scale"),
    [("# q_A^-1 I sigma", "q", 1.0), ("# q_nm^-1 I sigma", "q", 0.1), ("Q(1/A),Intensity,Error", "q", 1.0),
     ("d (nm),counts,esd", "d", 10.0)],
)  # fmt: skip
def test_a_titled_q_or_d_axis_is_never_taken_for_two_theta(tmp_path, title, axis, scale):
    rows = f"{title}\n1.0 100 10\n2.0 121 11\n".replace(" ", "," if "," in title else " ")
    rows = rows.replace("d,(nm)", "d (nm)")
    assert f'the file\'s axis is {axis}, not two-theta; say that the axis is "{axis}"' in refusal(tmp_path, rows)
    low = read(tmp_path, rows, axis=axis, radiation=0.5).two_theta
    wanted = np.array([1.0, 2.0]) * scale
    sine = 0.5 * wanted / (4 * np.pi) if axis == "q" else 0.5 / (2 * wanted[::-1])
    np.testing.assert_allclose(low, 2 * np.degrees(np.arcsin(sine)), rtol=1e-14)


@pytest.mark.parametrize(
    ("heading", "wavelength"),
    [
        ("# Calibrated wavelength = 0.413909", 0.413909),
        ("# Wavelength: 1.54e-10 m", 1.54),
        ("Wavelength: 7.29e-11", 0.729),
        ("! lambda= 1.494, x", 1.494),
        ("# wavelength (nm) = 0.15406 nm", 1.5406),
        ("# K-Alpha1 wavelength,1.5406", 1.5406),
    ],
)
def test_a_wavelength_in_the_heading_is_read(tmp_path, heading, wavelength):
    result = read(tmp_path, f"{heading}\n10 100\n11 121\n")
    assert result.radiation.lines == ((pytest.approx(wavelength, rel=1e-12), 1.0),)


@pytest.mark.parametrize(
    "heading",
    ["# Anode: Cu", "# wavelength = 0.0", "# wavelength = 1.54\n# wavelength = 0.71", "# K-Beta wavelength = 1.39"],
)
def test_no_wavelength_is_made_up(tmp_path, heading):
    assert read(tmp_path, f"{heading}\n10 100\n11 121\n").radiation is None


def test_a_panalytical_text_export(tmp_path):
    """The layout of Data Viewer's .csv, which names both lines and their ratio."""
    text = ("[Measurement conditions]\nSample identification,P2\nAnode material,Cu\nK-Alpha1 wavelength,1.540598\n"
            "K-Alpha2 wavelength,1.544426\nRatio K-Alpha2/K-Alpha1,0.5\nScan range,5.0,6.0\n[Scan points]\n"
            "Angle,Intensity\n5.0131,100\n5.0263,121\n")  # fmt: skip
    result = read(tmp_path, text, "a.csv")
    assert result.radiation.lines == ((1.540598, 1.0), (1.544426, 0.5))
    assert result.metadata["sample"] == "P2"
    assert result.metadata["anode"] == "Cu"


def test_temperature_time_sample_and_radius_of_the_heading(tmp_path):
    text = ("# Scan time =             NOV 29, 2012 18:07:11.025644\n# Temp (K) = 298.5\n# Sample Comment = NAC\n"
            "# Gonio._radius [mm] =    1000.0\n10 100\n11 121\n")  # fmt: skip
    facts = read(tmp_path, text).metadata
    assert facts["start_time"] == "2012-11-29T18:07:11.025644"
    assert (facts["temperature_k"], facts["sample"], facts["radius_mm"]) == (298.5, "NAC", 1000.0)


def test_temperature_in_celsius(tmp_path):
    assert read(tmp_path, "# Temperature (C): 25\n1 2\n2 3\n").metadata["temperature_k"] == pytest.approx(298.15)


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ("10 100\n10.1 110\n10.1 120\n10.2 130\n", ":3: the angle 10.1 is repeated"),
        ("nan 100\n10.1 110\n", ":1: the angle is not a number"),
        ("10 100\n-10.1 110\n", ":2: negative angle -10.1"),
        ("10 100\n10.1 -5\n10.2 5\n", ":2: negative intensity -5"),
        ("10 100 10\n10.1 110 10\n10.2 12", ":3: the last line is cut off: 2 of 3 columns"),
        ("10 100\n10.1 110\n10.", ":3: the last line is cut off: 1 of 2 columns"),
        ("10 100 10\n10.1 110\n10.2 120 10\n", ":2: 2 numbers in this line, 3 in the lines above"),
        ("10 100\n10.1 110\nwhat is this\n10.2 120\n", ":3: a line without numbers stands between the data"),
        ("2024 05 12 my sample\n10 100\n10.1 110\n10.2 120\n", ":1: 3 numbers in this line, 2 in all lines below"),
        ("10.0,100\n10.1,\n10.2,120\n", ":2: 1 numbers in this line, 2 in the lines above"),
        ("10\n11\n12\n", ":1: only one column"),
        ("nothing here\n", ": holds no columns of numbers"),
        ("/* never closed\n10 100\n11 110\n", ":1: this comment is not closed"),
        ("10 100\n", ": 1 points are no pattern"),
        ("1000 100\n1002 100\n", ":1: 1000 is no two-theta"),
        ("10 100\n11 100\n\n12 5\n11.5 5\n", ":5: the angles are out of order at 11.5"),
    ],
)
def test_damaged_text_is_refused_with_its_line(tmp_path, content, message):
    assert refusal(tmp_path, content).startswith(message)


def test_a_file_that_ends_in_the_middle_of_a_number(tmp_path):
    rows = "".join(f"{10 + k / 50:.4f} {100 + k:.6f}\n" for k in range(100))
    assert len(read(tmp_path, rows[:-1])) == 100
    assert ":100: the file ends in the middle of a number" in refusal(tmp_path, rows[:-3])


HEADED = "# scan 1\n10 100\n11 121\n12 144\n# scan 2\n10 101\n11 122\n12 145\n"


def test_a_scan_repeated_under_a_second_heading(tmp_path):
    assert refusal(tmp_path, HEADED) == ": holds 2 scans; choose one, 1 to 2 (in Python, read_patterns reads them all)"
    first, second = read_patterns(write(tmp_path, HEADED))
    assert (first.label, second.label) == ("a #1", "a #2")
    assert (first.intensity.tolist(), second.intensity.tolist()) == ([100, 121, 144], [101, 122, 145])


@pytest.mark.parametrize("between", ["\n", "\n\n", "Second scan\n", "[2]\n2theta I\n"])
def test_scans_are_distinguished_by_whatever_is_between_them(tmp_path, between):
    assert len(read_patterns(write(tmp_path, f"10 1\n11 2\n12 3\n{between}10 4\n11 5\n"))) == 2


def test_scans_of_one_file_have_their_own_headings(tmp_path):
    text = "# wavelength = 0.5\n10 1\n11 2\n# Temp (K) = 300\n10 4\n11 5\n"
    first, second = read_patterns(write(tmp_path, text))
    assert "temperature_k" not in first.metadata
    assert second.metadata["temperature_k"] == 300
    assert second.radiation.wavelength == 0.5


CHI = "a.tif\n2-Theta Angle (Degrees)\nIntensity\n{}\n 1.0E+01  1.0E+02\n 1.1E+01  1.2E+02\n 1.2E+01  1.4E+02\n"


@pytest.mark.parametrize("count", ["3", "       3", "3 1"])
def test_fit2d_chi(tmp_path, count):
    result = read(tmp_path, CHI.format(count), "a.chi")
    assert (result.two_theta.tolist(), result.intensity.tolist()) == ([10, 11, 12], [100, 120, 140])


def test_a_chi_file_with_too_few_or_too_many_points(tmp_path):
    assert ":4: the file is cut off: 4 points declared, 3 found" in refusal(tmp_path, CHI.format(4), "a.chi")
    assert ":4: 2 points declared, 3 found" in refusal(tmp_path, CHI.format(2), "a.chi")


def test_the_axis_of_a_chi_file(tmp_path):
    inverse = CHI.format(3).replace("2-Theta Angle (Degrees)", "Q Space (Inverse Nanometres)")
    assert "the file's axis is q" in refusal(tmp_path, inverse, "a.chi")
    result = read(tmp_path, inverse, "a.chi", axis="q", radiation=1.0)
    assert result.two_theta[0] == pytest.approx(2 * np.degrees(np.arcsin(1.0 / (4 * np.pi))))  # 10 / nm = 1 / A
    radial = CHI.format(3).replace("2-Theta Angle (Degrees)", "Radial Distance (mm)")
    assert ":2: its axis is a radius ('Radial Distance (mm)')" in refusal(tmp_path, radial, "a.chi")


def grid(points, per_line=10, heading="{start} {step} {end} title\n", extra=""):
    values = [f"{100 + k % 7:8.0f}" for k in range(points)]
    lines = ["".join(values[k : k + per_line]) for k in range(0, points, per_line)]
    return heading.format(start=10.0, step=0.05, end=10.0 + 0.05 * (points - 1)) + "\n".join(lines) + "\n" + extra


@pytest.mark.parametrize("per_line", [1, 2, 3, 8, 10])
def test_start_step_end_and_intensities(tmp_path, per_line):
    result = read(tmp_path, grid(41, per_line), "a.dat")
    assert len(result) == 41
    assert result.range == pytest.approx((10.0, 12.0))
    assert result.intensity.tolist() == [100 + k % 7 for k in range(41)]
    assert result.sigma_source == "poisson"


def test_start_step_end_with_a_title_line_and_padding(tmp_path):
    result = read(tmp_path, "my sample\n" + grid(41) + "  0  0  0\n", "a.dat")
    assert len(result) == 41


def test_intensities_that_fall_short_of_the_declared_end(tmp_path):
    short = "\n".join(grid(41).split("\n")[:4])
    assert ":1: the file is cut off: 41 points declared, 30 found" in refusal(tmp_path, short, "a.dat")


def test_columns_that_begin_like_a_grid(tmp_path):
    """Start 10, step 0.5 and end 12.5 would make 6 points, and 6 numbers follow."""
    result = read(tmp_path, "10 0.5 12.5\n11 0.5 1\n12 0.5 1\n")
    assert result.two_theta.tolist() == [10, 11, 12]
    assert read(tmp_path, "# 2theta I sigma\n10 0.5 12.5\n11 0.5 1\n12 0.5 1\n").sigma[0] == 12.5


def test_sigmas_behind_the_intensities(tmp_path):
    """The layout of DMC and HRPT at PSI: two lines, the grid, intensities, as many sigmas, a trailer."""
    head = "HRPT, sample\nlambda=  1.49400, T=   0.000, dT=  0.000, Date=2001-06-16 06:25:59\n"
    body = "10.0 0.05 10.5 18000000., sample=x\n" + "  200." * 10 + "\n  200.\n" + "  14." * 10 + "\n  15.\n"
    result = read(tmp_path, head + body + " Filelist='x'\n", "a.dat")
    assert result.sigma.tolist() == [14.0] * 10 + [15.0]
    assert (str(result.radiation), result.sigma_source) == ("neutrons, 1.494 A", "file")
    assert result.metadata == {"start_time": "2001-06-16T06:25:59"}


@pytest.mark.measured
@pytest.mark.parametrize(
    ("file", "points", "first", "last", "source"),
    [
        # Numbers of points: lines of data in the file; ends: its first and last line.
        ("formats/D5000_1.xy", 3651, (2.0, 2230.0), (75.0, 89.0), "poisson"),
        ("formats/example_mac.xye", 599, (0.0, 11.632), (0.598, 113.272), "file"),
        ("formats/example_mythen.dat", 730, (2.084, 2866.694378), (5.0, 3259.561469), "file"),
        ("formats/example_evadiffract.xy", 28, (5.0001, 4.852), (5.2743, 4.324), "poisson"),
        ("formats/with_sigma.txt", 3, (20.0, 49.0), (20.04, 31.0), "file"),
        ("formats/PSI_DMC.dat", 3198, (2.948, 7444.0), (162.898, 0.0), "file"),
        ("cpd-round-robin/prn/cpd-1a.prn", 7251, (5.0, 153.0), (150.0, None), "poisson"),
        ("cpd-round-robin/prn/cpd-1e.prn", 7251, (5.0, 177.0), (150.0, 130.0), "poisson"),
        ("naxmno2-heating-100-230/frames/100.xye", 2500, (0.7, 9448.501022), (15.896016, 6654.736746), "file"),
    ],
)
def test_measured_columns(measured_data, file, points, first, last, source):
    result = read_pattern(measured_data / file)
    assert (len(result), result.sigma_source) == (points, source)
    assert (result.two_theta[0], result.intensity[0]) == pytest.approx(first)
    assert result.two_theta[-1] == pytest.approx(last[0])
    if last[1] is not None and file != "formats/PSI_DMC.dat":
        assert result.intensity[-1] == pytest.approx(last[1])


@pytest.mark.measured
def test_a_neutron_file_of_psi(measured_data):
    result = read_pattern(measured_data / "formats/PSI_DMC.dat")
    assert str(result.radiation) == "neutrons, 1.494 A"  # its second line
    assert (result.sigma[0], result.sigma[-1]) == (81.5, 89.7)  # first and last number of its second block


@pytest.mark.measured
def test_an_11_bm_file_with_a_c_comment(measured_data):
    result = read_pattern(measured_data / "formats/example_bmb.xye", radiation=0.414581)
    assert result.radiation.wavelength == 0.414581
    assert (result.metadata["temperature_k"], result.metadata["start_time"]) == (300.03, "2017-04-12T01:23:16.472073")
    with pytest.raises(InputError, match="given is CuKa"):
        read_pattern(measured_data / "formats/example_bmb.xye", radiation="CuKa")


@pytest.mark.measured
@pytest.mark.parametrize(
    ("file", "message"),
    [
        ("formats/ExampleChiPlot.chi", ":14: negative intensity -0.026"),
        ("formats/with_commas.txt", ":14: 5 numbers in this line, 4 in the lines above"),
        ("formats/XRD-918-16_10.xrdml.json", ": is a JSON file"),
    ],
)
def test_measured_files_that_are_no_patterns(measured_data, file, message):
    with pytest.raises(InputError) as caught:
        read_pattern(measured_data / file)
    assert message in str(caught.value)


@pytest.mark.measured
def test_every_frame_of_the_heating_series_is_read(measured_data):
    frames = sorted((measured_data / "naxmno2-heating-100-230/frames").glob("*.xye"))
    patterns = [read_pattern(frame) for frame in frames]
    assert len(patterns) == 131  # 100 to 230
    assert {len(pattern) for pattern in patterns} == {2500}


@pytest.mark.measured
def test_the_counts_expected_by_another_reader(measured_data):
    """FAIRmat's readers-xrd: shapes in XRD-918-16_10.xrdml.json."""
    expected = json.loads((measured_data / "formats/XRD-918-16_10.xrdml.json").read_text())
    result = read_pattern(measured_data / "formats/XRD-918-16_10.xrdml")
    assert f"({len(result)},)" == expected["intensity"]


def test_the_direction_of_a_scan_is_that_of_its_titled_axis(tmp_path):
    text = "Intensity,2theta\n100,10\n121,11\n# note\n90,12\n80,13\n"
    assert read(tmp_path, text, "a.csv").two_theta.tolist() == [10, 11, 12, 13]


def test_a_block_of_sigmas_that_is_cut_off(tmp_path):
    text = "10.0 0.05 10.5 1.0\n" + "  200." * 10 + "\n  200.\n" + "  14." * 10 + "\n"
    assert ":1: the file is cut off: 22 points declared, 21 found" in refusal(tmp_path, text, "a.dat")


HEADINGS = (
    "",
    "# one\n",
    "# 2theta I sigma\n",
    "# T [K]: 300\n# wavelength: 1.54\n",
    "# x\n#\n",
    "#GSAS\n",
    "# a /* b\n",
)
BODIES = (
    "10.0 100 10.0\n10.02 90 9.5\n10.04 110 10.5\n", "  10 1\n 11 2\n", "10 20 90\n1 2 3\n4 5 6\n", "10 1\n\n11 2\n",
    "10 1\n11 2", "10\n11\n", "10 1\n11 2 3\n", "1e1 5\n1.1E+1 6\n", "10,0 5\n11,0 6\n", "",
)  # fmt: skip


@pytest.mark.parametrize("heading", HEADINGS)
@pytest.mark.parametrize("body", BODIES)
def test_short_way_of_plain_files_returns_what_the_long_one_does(heading, body, tmp_path, monkeypatch):
    monkeypatch.setattr("layerox.io.text_pattern.reads_many", lambda: True)
    path = tmp_path / "a.xye"
    plain = plain_scan((heading + body).encode(), path)
    if plain is None:
        return
    (careful,) = scans_from_text(heading + body, path)
    for name in ("x", "intensity", "sigma", "lines"):
        np.testing.assert_array_equal(getattr(plain, name), getattr(careful, name))
    assert (plain.axis, plain.radiation, plain.metadata) == (careful.axis, careful.radiation, careful.metadata)


def test_files_of_a_series_take_the_short_way(tmp_path, monkeypatch):
    monkeypatch.setattr("layerox.io.text_pattern.reads_many", lambda: True)
    assert plain_scan(b"# one\n10.0 100 10.0\n10.02 90 9.5\n", tmp_path / "a.xye") is not None
