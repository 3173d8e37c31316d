"""One diffractogram: what it refuses, and that it cannot be changed."""

import math
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from layerox.errors import InputError
from layerox.pattern import Pattern, expected_sigma, pattern_from_arrays, poisson_sigma
from layerox.radiation import radiation_from_text


@pytest.fixture
def pattern():
    return pattern_from_arrays(
        [10.0, 10.1, 10.2, 10.3], [100, 0, 4, 9], label="scan", radiation=radiation_from_text("CuKa")
    )


def test_counts_have_poisson_sigmas_and_an_empty_channel_counts_as_one(pattern):
    assert pattern.sigma.tolist() == [10.0, 1.0, 2.0, 3.0]
    assert pattern.sigma_source == "poisson"
    assert poisson_sigma([-5, 0, 0.5, 1, 4]).tolist() == [1, 1, 1, 1, 2]


def test_given_sigmas_are_kept():
    pattern = pattern_from_arrays([1, 2], [100, 100], [3, 4])
    assert (pattern.sigma.tolist(), pattern.sigma_source) == ([3.0, 4.0], "file")


def test_intensities_that_are_not_whole_are_remarked():
    (notice,) = pattern_from_arrays([1, 2], [100.5, 2.0]).metadata["warnings"]
    assert notice.code == "not_counts"
    assert "warnings" not in pattern_from_arrays([1, 2], [100, 2]).metadata


def test_length_and_range(pattern):
    assert len(pattern) == 4
    assert pattern.range == (10.0, 10.3)


@pytest.mark.parametrize(
    ("two_theta", "intensity", "sigma", "words"),
    [
        ([1, 2, 3], [1, 2], [1, 1, 1], "differ in length"),
        ([1, 2], [1, 2], [1], "differ in length"),
        ([[1, 2], [3, 4]], [[1, 2], [3, 4]], [[1, 2], [3, 4]], "differ in length"),
        ([1], [1], [1], "1 points are no pattern"),
        ([], [], [], "0 points are no pattern"),
        ([1, math.nan], [1, 2], [1, 1], "two_theta holds values that are not numbers"),
        ([1, 2], [1, math.inf], [1, 1], "intensity holds values that are not numbers"),
        ([1, 2], [1, 2], [1, math.nan], "sigma holds values that are not numbers"),
        ([2, 1], [1, 2], [1, 1], "do not ascend; sort them"),
        ([1, 1], [1, 2], [1, 1], "do not ascend"),
        ([1, 2], [1, 2], [0, 1], "sigma is not positive"),
        ([1, 2], [1, 2], [-1, 1], "sigma is not positive"),
    ],
)
def test_impossible_patterns_are_refused(two_theta, intensity, sigma, words):
    with pytest.raises(InputError, match=words) as caught:
        pattern_from_arrays(two_theta, intensity, sigma, label="scan")
    assert str(caught.value).startswith("scan: ")


def test_the_file_is_named_where_there_is_one():
    with pytest.raises(InputError, match=r"^folder/a\.xye: "):
        Pattern(two_theta=[2, 1], intensity=[1, 1], sigma=[1, 1], path=Path("folder/a.xye"))


def test_the_arrays_are_copies_that_cannot_be_written():
    two_theta, metadata = np.array([1.0, 2.0]), {"sample": "A"}
    pattern = Pattern(two_theta=two_theta, intensity=[1, 2], sigma=[1, 1], metadata=metadata)
    two_theta[0] = 1.5
    metadata["sample"] = "B"
    assert (pattern.two_theta[0], pattern.metadata["sample"]) == (1.0, "A")
    for array in (pattern.two_theta, pattern.intensity, pattern.sigma):
        with pytest.raises(ValueError, match="read-only"):
            array[0] = 7.0


def test_cropping_keeps_both_ends_and_everything_else(pattern):
    cropped = pattern.crop(10.1, 10.2)
    assert cropped.two_theta.tolist() == [10.1, 10.2]
    assert cropped.intensity.tolist() == [0, 4]
    assert (cropped.sigma.tolist(), cropped.sigma_source) == ([1.0, 2.0], "poisson")
    assert (cropped.label, cropped.radiation) == (pattern.label, pattern.radiation)
    assert len(pattern) == 4


@pytest.mark.parametrize(("low", "high"), [(20, 30), (10.05, 10.15)])
def test_a_range_without_data_states_what_there_is(pattern, low, high):
    with pytest.raises(InputError, match=r"^scan: the range .* holds no data; the pattern spans 10 to 10\.3 degrees$"):
        pattern.crop(low, high)


@pytest.mark.parametrize(("low", "high"), [(10.2, 10.1), (math.nan, 20)])
def test_an_empty_range_is_refused(pattern, low, high):
    with pytest.raises(InputError, match=r"^range: the range .* is empty; give LO < HI$"):
        pattern.crop(low, high)


def test_masking_leaves_points_out(pattern):
    masked = pattern.mask(np.array([True, False, True, True]))
    assert masked.two_theta.tolist() == [10.0, 10.2, 10.3]
    with pytest.raises(InputError, match="1 points"):
        pattern.mask(np.array([True, False, False, False]))


def test_a_region_without_points_is_named(pattern):
    found = pattern.exclude([(10.15, 10.2), (200.0, 210.0)])
    (notice,) = found.metadata["warnings"]
    assert notice.code == "excludes_nothing"
    assert "200 to 210 holds no points" in str(notice)
    assert [n.code for n in found.exclude([(1.0, 2.0)]).metadata["warnings"]] == ["excludes_nothing"] * 2
    assert "warnings" not in pattern.exclude([(10.15, 10.2)]).metadata


def test_excluded_regions_are_left_out_and_remembered(pattern):
    found = pattern.exclude([(10.15, 10.2), (5.0, 6.0)])
    assert found.two_theta.tolist() == [10.0, 10.1, 10.3]
    assert found.excluded == ((5.0, 6.0), (10.15, 10.2))
    assert found.exclude([(10.05, 10.1)]).excluded == ((5.0, 6.0), (10.05, 10.1), (10.15, 10.2))
    assert pattern.excluded == ()


def test_cropping_forgets_regions_outside(pattern):
    found = pattern.exclude([(10.1, 10.1), (5.0, 6.0)])
    assert found.crop(10.0, 10.25).excluded == ((10.1, 10.1),)


@pytest.mark.parametrize(
    ("regions", "words"),
    [([(10.2, 10.1)], "the excluded region 10.2 to 10.1 is empty"), ([(10.05, 10.4)], "leave no data"),
     ([(float("nan"), 10.1)], "is empty")],
)  # fmt: skip
def test_regions_that_cannot_be_excluded(pattern, regions, words):
    with pytest.raises(InputError, match=words):
        pattern.exclude(regions)


@given(
    st.lists(st.floats(1, 170), min_size=2, max_size=30, unique=True),
    st.floats(0, 180),
    st.floats(0, 180),
)
def test_cropping_twice_is_cropping_once(angles, low, high):
    pattern = pattern_from_arrays(sorted(angles), np.ones(len(angles)))
    try:
        cropped = pattern.crop(low, high)
    except InputError:
        return
    assert cropped.crop(low, high).two_theta.tolist() == cropped.two_theta.tolist()
    assert all(low <= angle <= high for angle in cropped.two_theta)


def test_sigmas_of_few_counts_do_not_follow_the_noise():
    """The mean of 20,000 Poisson counts of mean 4, weighted: with 1/counts it is 25 % too low."""
    counts = np.random.default_rng(5).poisson(4.0, 20_000).astype(float)
    weights = expected_sigma(counts) ** -2
    assert (weights * counts).sum() / weights.sum() == pytest.approx(4.0, abs=4 * 2.0 / np.sqrt(counts.size))
    own = poisson_sigma(counts) ** -2
    assert (own * counts).sum() / own.sum() == pytest.approx(3.0, abs=0.2)
    assert np.median(expected_sigma(counts)) == pytest.approx(2.0, abs=0.05)


def test_the_sigma_of_a_point_depends_on_its_neighbours_only():
    counts = np.random.default_rng(6).poisson(6.0, 100).astype(float)
    other = counts.copy()
    other[50] += 40.0
    assert expected_sigma(other)[50] == expected_sigma(counts)[50]
    assert expected_sigma(other)[49] > expected_sigma(counts)[49]


def test_many_counts_have_their_own_sigma_and_none_at_all_has_that_of_one():
    counts = np.array([1000.0, 1044.0, 990.0, 1010.0])
    np.testing.assert_allclose(expected_sigma(counts), np.sqrt(counts))
    assert expected_sigma(np.zeros(5)).tolist() == [1.0] * 5


def test_sigmas_that_are_given_stay():
    angles, counts = np.arange(10.0, 11.0, 0.1), np.full(10, 4.0)
    given = pattern_from_arrays(angles, counts, np.full(10, 7.0))
    assert given.with_expected_sigma() is given
    assert pattern_from_arrays(angles, counts + 0.5).with_expected_sigma().sigma[0] == np.sqrt(4.5)
    assert pattern_from_arrays(angles, counts).with_expected_sigma().sigma.tolist() == [2.0] * 10
