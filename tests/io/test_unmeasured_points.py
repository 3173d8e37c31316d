"""Points that are no measurement, on counts drawn from known means: true zeros stay, gaps go. The chance of a run of k
zeros where m are expected is e^(-k m); of two equal counts of mean M, 1 / (2 sqrt(pi M))."""

import numpy as np
import pytest

from layerox.io.unmeasured_points import Kind, counts_of, kinds_of_points, left_out, notices_of, regions_of

POINTS = 4000
X = np.arange(POINTS) * 0.02 + 10.0


def mean(background, peak, width, number=30, seed=0):
    draw = np.random.default_rng(seed)
    found = np.full(POINTS, float(background))
    for centre, height in zip(draw.uniform(0, POINTS, number), draw.uniform(0.1, 1.0, number), strict=True):
        found += peak * height * 2.0 ** (-(((np.arange(POINTS) - centre) / (width / 2)) ** 2))
    return found


def counted(background, peak, width, seed=0):
    return np.random.default_rng(seed + 1000).poisson(mean(background, peak, width, seed=seed)).astype(float)


def only(kinds, kind):
    """Return the indices of a kind, which must be the only one beside what was measured."""
    assert set(np.unique(kinds)) <= {Kind.MEASURED, kind}
    return np.flatnonzero(kinds)


@pytest.mark.parametrize("background", [0.01, 0.1, 0.5, 2.0, 5.0])
@pytest.mark.parametrize("peak", [1.0, 8.0, 30.0])
@pytest.mark.parametrize("width", [3, 8, 20])
def test_genuine_low_counts_are_never_touched(background, peak, width):
    for seed in range(8):
        assert not kinds_of_points(counted(background, peak, width, seed), None).any()


@pytest.mark.parametrize(("background", "length"), [(300, 1), (300, 3), (300, 200), (100, 5), (50, 20), (30, 60)])
@pytest.mark.parametrize("start", [0, 1000, 2345, "end"])
def test_a_gap_of_zeros_is_found_whole(background, length, start):
    first = POINTS - length if start == "end" else start
    counts = counted(background, 3000, 8)
    counts[first : first + length] = 0.0
    assert only(kinds_of_points(counts, None), Kind.NOT_COUNTED).tolist() == list(range(first, first + length))


def test_several_gaps_of_one_detector():
    counts, gaps = counted(200, 3000, 8), [*range(500, 530), *range(1500, 1530), *range(2500, 2530), 3100]
    counts[gaps] = 0.0
    assert only(kinds_of_points(counts, None), Kind.NOT_COUNTED).tolist() == gaps


@pytest.mark.parametrize("factor", [1 / 7.3, 1.7e-3, 40.1])
def test_gaps_of_scaled_intensities(factor):
    counts = counted(200, 3000, 8) * factor
    counts[700:720] = 0.0
    assert only(kinds_of_points(counts, None), Kind.NOT_COUNTED).tolist() == list(range(700, 720))


def test_the_uncertainty_that_a_zero_has_of_its_own_counts():
    counts = counted(200, 3000, 8)
    sigma = np.sqrt(counts)
    counts[700:720], sigma[700:720] = 0.0, 1.0
    assert only(kinds_of_points(counts, sigma), Kind.NOT_COUNTED).tolist() == list(range(700, 720))
    sigma[700:720] = 150.0  # 0(150) beside 200(14) is a poor measurement, and one
    assert not kinds_of_points(counts, sigma).any()


def test_a_calculated_pattern_without_background_has_no_gaps():
    assert not kinds_of_points(np.round(mean(0.0, 1000.0, 8), 4), None).any()


def test_valleys_between_strong_peaks_are_no_gaps():
    # Two peaks of 10^4 counts with Lorentzian tails on a background of half a count.
    x = np.arange(400.0)
    tails = 0.5 + sum(1e4 / (1 + ((x - centre) / 2.0) ** 2) ** 1.5 for centre in (100, 300))
    for seed in range(20):
        assert not kinds_of_points(np.random.default_rng(seed).poisson(tails).astype(float), None).any()


@pytest.mark.parametrize("share", [0.3, 0.6, 0.9])
def test_clipped_tops_are_found_whole(share):
    counts = counted(100, 20000, 12)
    limit = np.floor(share * counts.max())
    clipped = np.minimum(counts, limit)
    assert only(kinds_of_points(clipped, None), Kind.SATURATED).tolist() == np.flatnonzero(counts >= limit).tolist()


def test_what_is_flat_or_low_is_not_clipped():
    assert not kinds_of_points(np.full(POINTS, 500.0), None).any()
    assert not kinds_of_points(np.minimum(counted(1, 30, 8), 9.0), None).any()
    for seed in range(20):
        assert not kinds_of_points(counted(100, 20000, 12, seed), None).any()


def test_a_spike_is_found_beside_real_peaks():
    counts = counted(100, 5000, 8)
    place = 15 + int(np.argmin(mean(100, 5000, 8)[15:-15]))
    counts[place] += 600
    assert only(kinds_of_points(counts, None), Kind.SPIKE).tolist() == [place]


def test_many_spikes_are_named_and_kept():
    counts = counted(100, 5000, 8)
    places = np.flatnonzero(mean(100, 5000, 8) < 105)[10::40][:7]
    counts[places] += 600
    kinds = kinds_of_points(counts, None)
    assert only(kinds, Kind.SPIKE).tolist() == places.tolist()
    assert not left_out(kinds).any()
    assert [notice.code for notice in notices_of(kinds, X, counts)] == ["spikes_kept"]


def test_peaks_of_a_single_point_are_no_spikes():
    for seed in range(10):
        assert not kinds_of_points(counted(20, 5000, 1.0, seed), None).any()


def test_points_that_are_no_numbers_and_dummies():
    counts = counted(200, 3000, 8)
    counts[5], counts[7:9], counts[11] = np.nan, np.inf, -1.0
    assert only(kinds_of_points(counts, None), Kind.NO_NUMBER).tolist() == [5, 7, 8, 11]
    counts[13] = -2.0  # two values below zero are a background that was subtracted
    assert only(kinds_of_points(counts, None), Kind.NO_NUMBER).tolist() == [5, 7, 8]


def test_counts_of_scaled_intensities():
    counts = counted(200, 3000, 8)
    # 4,000 second differences know a scale to some per cent; the file's own sigmas know it exactly.
    assert np.median(counts_of(counts * 0.37, None) / counts) == pytest.approx(1.0, abs=0.1)
    assert counts_of(counts * 0.37, np.sqrt(counts) * 0.37) == pytest.approx(counts)
    assert counts_of(counts, None) is counts


def test_notices_count_and_regions_place():
    kinds = np.zeros(POINTS, dtype=np.int8)
    kinds[100:130], kinds[200], kinds[300:302], kinds[500] = (
        Kind.NOT_COUNTED,
        Kind.NO_NUMBER,
        Kind.SATURATED,
        Kind.SPIKE,
    )
    found = {notice.code: notice.message for notice in notices_of(kinds, X, np.full(POINTS, 77.0))}
    assert found == {
        "points_masked": "1 point that is no number was left out at 14 degrees",
        "points_not_counted": "30 points of zero amid counts were left out at 12 to 12.58 degrees: nothing was counted",
        "points_saturated": "2 points at the highest value were left out at 16 to 16.02 degrees: a clipped detector",
        "spikes_left_out": "single points far above both neighbours, narrower than any peak, were left out: "
        "20 degrees (77)",
    }  # fmt: skip
    assert regions_of(kinds, X) == ((X[100], X[129]), (X[300], X[301]))
