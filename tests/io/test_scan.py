"""The checks that every format passes through, on scans made by hand."""

import math
from pathlib import Path

import numpy as np
import pytest

from layerox.errors import InputError, UnknownWavelength
from layerox.io.scan import Scan, pattern_from_scan, request_from_arguments
from layerox.radiation import Radiation, radiation_from_text


def scan(x, y=None, sigma=None, **more):
    x = np.array(x, dtype=float)
    y = np.full_like(x, 100.0) if y is None else np.array(y, dtype=float)
    sigma = None if sigma is None else np.array(sigma, dtype=float)
    return Scan(x=x, intensity=y, sigma=sigma, lines=np.arange(1, x.size + 1), **more)


def pattern(scan, *, radiation=None, axis="two-theta", limits=None, allow_negative=False):
    request = request_from_arguments("a.xye", radiation, axis, limits, allow_negative)
    return pattern_from_scan(scan, request)


def test_counts_without_sigma_get_poisson_sigmas():
    result = pattern(scan([10, 11, 12], [100, 0, 25]))
    assert result.sigma.tolist() == [10.0, 1.0, 5.0]
    assert (result.sigma_source, result.label, result.path) == ("poisson", "a", Path("a.xye"))


def test_intensities_that_are_no_counts_are_remarked():
    (notice,) = pattern(scan([10, 11], [150.5, 2.5])).metadata["warnings"]
    assert notice.code == "not_counts"


def test_descending_angles_are_reversed():
    result = pattern(scan([12, 11, 10], [3, 2, 1], [0.3, 0.2, 0.1]))
    assert result.two_theta.tolist() == [10, 11, 12]
    assert result.intensity.tolist() == [1, 2, 3]
    assert result.sigma.tolist() == [0.1, 0.2, 0.3]


@pytest.mark.parametrize(
    ("x", "y", "sigma", "line", "words"),
    [
        ([10, 11, 11, 12], None, None, 3, "11 is repeated"),
        ([12, 11, 11, 10], None, None, 2, "11 is repeated"),
        ([10, 11, 10.5, 12], None, None, 3, "out of order at 10.5"),
        ([-1, 0, 1], None, None, 1, "negative angle -1; crop it away with the range 0 to 1"),
        ([179, 180, 181], None, None, 3, "181 is no two-theta"),
        ([10, math.nan, 12], None, None, 2, "not a number"),
        ([10, math.inf], None, None, 2, "not a number"),
        ([10, 11], [5, -1], None, 2, "negative intensity -1; give the counts"),
        ([10, 11], [5, -1], [1, 1], 2, "allow negative ones if a background"),
        ([10, 11], [5, 6], [1, 0], 2, "sigma 0 is not positive"),
        ([10, 11], [5, 6], [1, -2], 2, "sigma -2 is not positive"),
    ],
)
def test_a_bad_point_is_refused_with_its_line(x, y, sigma, line, words):
    with pytest.raises(InputError) as caught:
        pattern(scan(x, y, sigma))
    assert str(caught.value).startswith(f"a.xye:{line}: ")
    assert words in str(caught.value)


def test_a_format_without_lines_names_the_point():
    points = Scan(x=np.array([1.0, 1.0]), intensity=np.ones(2))
    with pytest.raises(InputError, match=r"a\.xye: point 2: the angle 1 is repeated"):
        pattern(points)


def test_one_point_is_no_pattern():
    with pytest.raises(InputError, match="1 points are no pattern"):
        pattern(scan([10]))


def test_the_range_is_applied_before_the_angles_are_checked():
    result = pattern(scan([-1, -0.5, 1, 2, 3], [-5, 6, 7, 8, 9]), limits=(0, 2))
    assert result.two_theta.tolist() == [1, 2]


def test_a_range_without_data_states_what_there_is():
    with pytest.raises(InputError, match="the range 50 to 60 holds no data; the pattern spans 10 to 12 degrees"):
        pattern(scan([10, 11, 12]), limits=(50, 60))


def test_an_empty_range_is_refused():
    with pytest.raises(InputError, match="range: the range 60 to 50 is empty"):
        pattern(scan([10, 11]), limits=(60, 50))


def test_negative_intensities_pass_with_a_sigma_column_when_allowed():
    assert pattern(scan([10, 11], [5, -1], [1, 1]), allow_negative=True).intensity.tolist() == [5, -1]
    with pytest.raises(InputError, match="negative intensity"):
        pattern(scan([10, 11], [5, -1]), allow_negative=True)


@pytest.mark.parametrize(
    ("intensity", "sigma"),
    [([5, math.nan, 7], None), ([5, math.inf, 7], None), ([5, 6, 7], [1, math.nan, 1]), ([5, 6, 7], [1, math.inf, 2])],
)
def test_points_that_are_no_numbers_are_left_out_and_counted(intensity, sigma):
    result = pattern(scan([10, 11, 12], intensity, sigma))
    assert result.two_theta.tolist() == [10, 12]
    assert result.metadata["warnings"][0].message == "1 point that is no number was left out at 11 degrees"


def test_a_row_without_any_number_is_left_out_and_an_intensity_without_an_angle_refused():
    assert len(pattern(scan([10, math.nan, 12], [5, math.nan, 7]))) == 2
    with pytest.raises(InputError, match="the angle is not a number"):
        pattern(scan([10, math.nan, 12], [5, 6, 7]))


def test_a_scan_of_nothing_but_gaps_is_refused():
    with pytest.raises(InputError, match="none of its points is a measurement; give a scan that was exposed"):
        pattern(scan([10, 11], [math.nan, math.nan]))


def test_what_is_outside_the_range_is_not_counted():
    angles, counts = np.arange(10.0, 60.0), np.full(50, 300.0) + np.arange(50) % 7
    counts[[5, 30]] = math.nan
    result = pattern(scan(angles, counts), limits=(30, 50))
    assert result.metadata["warnings"][0].message.endswith("1 point that is no number was left out at 40 degrees")


def test_counts_of_zero_whose_sigma_is_their_root_are_kept():
    counts = np.array([0, 1, 4, 2, 0, 0, 1, 3, 9, 4])
    result = pattern(scan(np.arange(10.0, 20.0), counts, np.sqrt(counts)))
    assert len(result) == 10
    assert result.sigma[counts == 0].tolist() == [1.0, 1.0, 1.0]
    assert result.metadata["warnings"][0].code == "sigma_of_no_counts"


def test_points_of_zero_intensity_and_zero_sigma_are_left_out():
    result = pattern(scan([10, 11, 12], [5, 0, 7], [1, 0, 2]))
    assert result.two_theta.tolist() == [10, 12]
    assert result.metadata["warnings"][0].code == "points_without_weight"


# 2 theta of silicon 111, a = 5.431 A, Cu K-alpha 1: lambda / 2d = 1.5405929 sqrt(3) / (2 x 5.431), 28.442 degrees.
SILICON_111 = 2 * math.degrees(math.asin(1.5405929 * math.sqrt(3) / (2 * 5.431)))


@pytest.mark.parametrize(
    ("axis", "x"),
    [("d", [5.431 / math.sqrt(3), 2.0]), ("q", [2 * math.pi * math.sqrt(3) / 5.431, math.pi])],
)
def test_q_and_d_become_two_theta(axis, x):
    result = pattern(scan(x, [1, 2]), axis=axis, radiation="CuKa")
    assert result.two_theta[0] == pytest.approx(SILICON_111, abs=1e-12)
    assert pytest.approx(28.442, abs=1e-3) == SILICON_111
    assert result.two_theta[1] == pytest.approx(2 * math.degrees(math.asin(1.5405929 / 4.0)), abs=1e-12)
    assert result.intensity.tolist() == [1, 2]


def test_q_needs_a_wavelength():
    with pytest.raises(UnknownWavelength, match="give the radiation"):
        pattern(scan([1, 2]), axis="q")


def test_q_takes_the_wavelength_of_the_file():
    beam = Radiation(lines=((1.0, 1.0),))
    result = pattern(scan([0, 2 * math.pi], radiation=beam), axis="q")
    assert result.two_theta.tolist() == pytest.approx([0.0, 60.0])  # sin(theta) = lambda q / 4 pi = 1/2


@pytest.mark.parametrize(
    ("axis", "x", "words"),
    [("q", [1, 20], "20 1/A cannot be reached"), ("q", [-1, 1], "-1 is no q"), ("d", [0, 1], "0 is no d"),
     ("d", [3, 0.1], "0.1 A cannot be reached")],
)  # fmt: skip
def test_impossible_q_and_d(axis, x, words):
    with pytest.raises(InputError, match=words):
        pattern(scan(x), axis=axis, radiation=1.5)


def test_the_axis_must_be_the_one_that_the_file_names():
    with pytest.raises(InputError, match='axis is q, not two-theta; say that the axis is "q"'):
        pattern(scan([1, 2], axis="q"))
    with pytest.raises(InputError, match="axis is two-theta, not q; leave the axis out"):
        pattern(scan([1, 2], axis="two-theta"), axis="q", radiation=1.5)


def test_an_unknown_axis_is_refused_with_the_nearest():
    with pytest.raises(InputError, match="did you mean 'two-theta'"):
        pattern(scan([1, 2]), axis="twotheta")


def test_no_wavelength_stays_unknown():
    assert pattern(scan([1, 2])).radiation is None


def test_the_user_wins_where_user_and_file_agree():
    beam = Radiation(lines=((1.5406, 1.0),), polarization=0.9)
    result = pattern(scan([1, 2], radiation=beam), radiation="CuKa")
    assert result.radiation == radiation_from_text("CuKa").polarized(0.9)


def test_user_and_file_must_agree():
    beam = Radiation(lines=((0.4139, 1.0),))
    with pytest.raises(InputError, match=r"the file states 0\.4139 A, given is CuKa"):
        pattern(scan([1, 2], radiation=beam), radiation="CuKa")


def test_a_bare_wavelength_does_not_contradict_neutrons():
    beam = Radiation(lines=((1.494, 1.0),))
    neutrons = Radiation(lines=((1.494, 1.0),), kind="neutron")
    assert pattern(scan([1, 2], radiation=beam, says_kind=False), radiation=neutrons).radiation == neutrons
    with pytest.raises(InputError, match="given is neutrons"):
        pattern(scan([1, 2], radiation=beam, says_kind=True), radiation=neutrons)


def test_an_unknown_radiation_is_blamed_on_the_option():
    with pytest.raises(InputError, match="radiation: unknown radiation 'CuKb'"):
        pattern(scan([1, 2]), radiation="CuKb")


@pytest.mark.parametrize(
    ("sigma", "words"),
    [([1, 1, 1], "1 at every point"), ([40, 90, 50], "90% of the strongest intensity"), ([6, 10, 7], None)],
)
def test_a_sigma_column_that_looks_like_something_else_is_remarked(sigma, words):
    warnings = pattern(scan([10, 11, 12], [40, 100, 50], sigma)).metadata.get("warnings", ())
    assert [words in notice.message for notice in warnings] == ([True] if words else [])
    assert all(notice.code == "sigma_doubtful" for notice in warnings)
