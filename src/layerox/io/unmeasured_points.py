"""Detect unmeasured points of a pattern: dummy values, gaps of zeros, saturated peak tops, spikes.

At low counts a zero is a normal count; only zeros that counting statistics exclude are gaps. Integration programs write
0 where no pixel contributes, detectors between modules and behind a beam stop; GSAS gives such points no weight. This
module finds the points; `scan.py` leaves them out, with one notice for each kind.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from enum import IntEnum

import numpy as np
from numpy.typing import NDArray

from layerox.notices import Notice
from layerox.pattern import are_whole
from layerox.typing import FloatArray

BoolArray = NDArray[np.bool_]
KindArray = NDArray[np.int8]

# ln of the probability, over all points of a pattern, that a run of zeros is counting statistics: e^-12 is 6e-6.
CERTAINTY = 12.0
# Counts on both sides of a run of zeros above which it is always a gap: a peak that falls from 150 counts to zero
# within one step would be narrower than a step.
EDGE_COUNTS = 150.0
# Otherwise the nearest points must be above zero by this number of sigmas and with this share of the evidence, ...
EDGE_SIGMAS, ABRUPT_SHARE = 3.0, 0.3
# ... and no window around (in points to each side, or five times the run) may fall to so few counts.
NARROWEST, WIDEST_WINDOW, LEAST_REACH, LEAST_LEVEL = 3, 50, 200, 2.0
# Smallest ratio of the neighbouring values to the file's own uncertainty of a zero.
OWN_ESDS = 5.0
# A pattern with less scatter than this number of counts is calculated, not measured.
MOST_COUNTS = 1e8
# Smallest ratio of typical intensities to the size of a negative dummy value.
DUMMY_SHARE = 20.0
# Smallest number of points for these tests.
FEWEST_POINTS = 20
# Saturated top: number of equal points, factor above the median, smallest counts, and probability of such ties.
LEAST_TIES, ABOVE_MEDIAN, LEAST_CLIPPED, TIE_CHANCE = 3, 3.0, 200.0, 1e-5
# Spike: counts, excess over the noise, and the largest share of its height in its neighbours.
SPIKE_COUNTS, SPIKE_SIGMAS, SPIKE_SHOULDER = 100.0, 10.0, 0.1
# If a fifth of the strong peaks has neighbours below this share, spikes cannot be distinguished from peaks.
LEAST_SHOULDER, PEAKS_TO_COMPARE = 0.3, 20
# More spikes in one pattern are a detector problem: they are reported, and no point is left out.
MOST_SPIKES, NAMED_SPIKES = 5, 10


class Kind(IntEnum):
    """The kind of an unmeasured point."""

    MEASURED, NO_NUMBER, NOT_COUNTED, SATURATED, SPIKE = range(5)


@dataclass(frozen=True)
class Run:
    """Indices first to last of consecutive points, `last` included."""

    first: int
    last: int

    def __len__(self) -> int:
        return self.last - self.first + 1


def kinds_of_points(intensity: FloatArray, sigma: FloatArray | None) -> KindArray:
    """Return the kind of each point, shape (n,).

    Parameters
    ----------
    intensity
        Intensities in the order of the angles, shape (n,).
    sigma
        Uncertainties in the file, shape (n,), or None.
    """
    kinds = np.zeros(intensity.size, dtype=np.int8)
    finite = np.isfinite(intensity) if sigma is None else np.isfinite(intensity) & np.isfinite(sigma)
    finite &= ~_dummies(intensity)
    if not finite.all():
        kinds[~finite] = Kind.NO_NUMBER
        where = np.flatnonzero(finite)
        kinds[where] = kinds_of_points(intensity[where], None if sigma is None else sigma[where])
        return kinds
    if intensity.size < FEWEST_POINTS or not intensity.max() > 0:
        return kinds
    counts = counts_of(intensity, sigma)
    for run in _gaps(intensity, sigma, counts):
        kinds[run.first : run.last + 1] = Kind.NOT_COUNTED
    kinds[_saturated(intensity, counts)] = Kind.SATURATED
    kinds[_spikes(intensity, counts)] = Kind.SPIKE
    return kinds


def _dummies(intensity: FloatArray) -> BoolArray:
    """Whether points have a dummy value: all negative values are one whole number, far below the other intensities."""
    negative = intensity < 0
    if intensity.size < FEWEST_POINTS or not negative.any():
        return np.zeros_like(negative)
    values = np.unique(intensity[negative])
    is_one = values.size == 1 and values[0] == np.rint(values[0])
    positive = intensity[intensity > 0]
    far = positive.size > 0 and float(np.median(positive)) > DUMMY_SHARE * abs(float(values[0]))
    return negative if is_one and far else np.zeros_like(negative)


def counts_of(intensity: FloatArray, sigma: FloatArray | None) -> FloatArray:
    """Return the equivalent counts of an intensity, (intensity / its uncertainty)^2, shape (n,).

    The uncertainty is the file's own; without one, whole numbers are counts, and others are scaled by their scatter.
    All zero without scatter: such a pattern is calculated, not measured.
    """
    if sigma is None:
        return intensity if are_whole(intensity) else intensity * _counts_for_one(intensity)
    ratio = np.divide(intensity, sigma, out=np.zeros_like(intensity), where=(sigma > 0) & (intensity > 0))
    return np.asarray(ratio * ratio)


def _counts_for_one(intensity: FloatArray) -> float:
    """Return the counts per unit of intensity, var = intensity / factor.

    From the scatter about straight lines: a second difference has six times the variance of a point. The smallest
    positive intensity is at least one count.
    """
    positive = intensity[intensity > 0]
    level = (intensity[:-2] + intensity[1:-1] + intensity[2:]) / 3.0
    used = level > 0
    ratio = np.diff(intensity, 2)[used] ** 2 / (6.0 * level[used])
    scatter = float(np.median(ratio)) / 0.4549 if ratio.size else 0.0  # the median of chi-squared of one degree
    least = 1.0 / float(positive.min())
    factor = max(1.0 / scatter, least) if scatter > 0 else least
    return factor if factor * float(np.median(positive)) < MOST_COUNTS else 0.0


def runs_of(flags: BoolArray) -> list[Run]:
    """Return the runs of true values."""
    return [Run(first, last) for first, last in zip(*(edge.tolist() for edge in _edges(flags)), strict=True)]


def _edges(flags: BoolArray) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Return the first and the last index of each run of true values."""
    edges = np.flatnonzero(np.diff(np.concatenate(([0], flags.view(np.int8), [0]))))
    return edges[::2], edges[1::2] - 1


# --- zeros ---------------------------------------------------------------------------------------------------------


def _gaps(intensity: FloatArray, sigma: FloatArray | None, counts: FloatArray) -> list[Run]:
    """Return the runs of zeros that cannot be counts.

    A run of k zeros has the probability e^(-k m) if m counts are expected. The expectation is conservative: the points
    beside the run must be far above zero on both sides, or above zero with no equally low region around.
    """
    zero = intensity == 0
    if not zero.any() or zero.all():
        return []
    needed = math.log(intensity.size) + CERTAINTY
    abrupt = _abrupt_runs(zero, counts, ABRUPT_SHARE * needed)
    if not abrupt:
        return []
    ground = _Ground(counts, abrupt)
    found = [run for run in abrupt if _is_between_high_points(counts, run) or ground.around(run) * len(run) > needed]
    found = [run for run in found if _is_exact(run, intensity, sigma)]
    # A pattern that is zero nearly everywhere has no detector gaps.
    return found if 2 * sum(map(len, found)) < intensity.size else []


def _abrupt_runs(zero: BoolArray, counts: FloatArray, evidence: float) -> list[Run]:
    """Return the runs of zeros whose length, times the lower limit of the counts beside them, exceeds the evidence.

    The lower limit is that of the two nearest points on the lower side, minus their scatter.
    """
    first, last = _edges(zero)
    sums = np.cumsum(np.concatenate(([0.0], counts)))
    size = counts.size
    before = sums[first] - sums[np.maximum(first - 2, 0)]
    behind = sums[np.minimum(last + 3, size)] - sums[last + 1]
    before[first == 0] = np.inf
    behind[last == size - 1] = np.inf
    level = np.maximum(np.sqrt(np.maximum(np.minimum(before, behind), 0.0)) - EDGE_SIGMAS / 2.0, 0.0) ** 2 / 2.0
    chosen = np.flatnonzero(level * (last - first + 1) > evidence)
    return [Run(int(first[k]), int(last[k])) for k in chosen]


def _is_between_high_points(counts: FloatArray, run: Run) -> bool:
    """Whether the points next to a run are high; at an end of the pattern the two points after or before it."""
    if run.first == 0:
        return bool(counts[run.last + 1 : run.last + 3].min() >= EDGE_COUNTS)
    if run.last == counts.size - 1:
        return bool(counts[max(run.first - 2, 0) : run.first].min() >= EDGE_COUNTS)
    return _beside(counts, run) >= EDGE_COUNTS


def _beside(values: FloatArray, run: Run) -> float:
    """Return the lower of the values next to a run; at an end of the pattern the only one."""
    return min(float(values[k]) for k in (run.first - 1, run.last + 1) if 0 <= k < values.size)


def _is_exact(run: Run, intensity: FloatArray, sigma: FloatArray | None) -> bool:
    """Whether the file's own uncertainties of a run exclude the values beside it."""
    if sigma is None:
        return True
    own = float(sigma[run.first : run.last + 1].max())
    return own == 0 or _beside(intensity, run) > OWN_ESDS * own


class _Ground:
    """The lowest mean of a pattern outside the suspected runs, in windows of any length."""

    def __init__(self, counts: FloatArray, suspected: list[Run]):
        barred = np.zeros(counts.size, dtype=np.float64)
        for run in suspected:
            barred[run.first : run.last + 1] = 1.0
        self._sums = np.cumsum(np.concatenate(([0.0], counts)))
        self._bars = np.cumsum(np.concatenate(([0.0], barred)))

    def around(self, run: Run) -> float:
        """Return the lowest mean of the windows around a run, 0 where there are too few of them or it is too low."""
        window, reach = min(max(len(run), NARROWEST), WIDEST_WINDOW), max(LEAST_REACH, 5 * len(run))
        low, high = max(run.first - reach, 0), min(run.last + 1 + reach, self._sums.size - 1)
        sums, bars = self._sums[low : high + 1], self._bars[low : high + 1]
        free = bars[window:] == bars[:-window]
        if 2 * np.count_nonzero(free) < high - low - len(run):
            return 0.0
        lowest = float((sums[window:] - sums[:-window])[free].min()) / window
        return lowest if lowest >= LEAST_LEVEL else 0.0


# --- clipped tops --------------------------------------------------------------------------------------------------


def _saturated(intensity: FloatArray, counts: FloatArray) -> BoolArray:
    """Return the points of the highest value, if so many equal neighbours are not possible by chance.

    Two counts of mean M are equal with the probability 1 / (2 sqrt(pi M)).
    """
    top = float(intensity.max())
    equal = intensity == top
    number = int(np.count_nonzero(equal))
    none = np.zeros(intensity.size, dtype=bool)
    if number < LEAST_TIES or not (equal[1:] & equal[:-1]).any():
        return none
    clipped = float(counts[equal].min())
    if top <= ABOVE_MEDIAN * float(np.median(intensity)) or clipped < LEAST_CLIPPED:
        return none
    chance = 1.0 / (2.0 * math.sqrt(math.pi * clipped))
    return equal if chance ** (number - 1) < TIE_CHANCE else none


# --- spikes --------------------------------------------------------------------------------------------------------


def _spikes(intensity: FloatArray, counts: FloatArray) -> NDArray[np.int64]:
    """Return the indices of single points far above both neighbours, if other peaks are wider."""
    inner = intensity[2:-2]
    beside = np.maximum(intensity[1:-3], intensity[3:-1])
    height = inner - np.minimum(intensity[:-4], intensity[4:])
    sharp = np.flatnonzero(inner - beside > (1.0 - 2.0 * SPIKE_SHOULDER) * height) + 2
    sharp = sharp[counts[sharp] >= SPIKE_COUNTS]
    sharp = sharp[height[sharp - 2] > SPIKE_SIGMAS * _noise(intensity, counts, sharp)]
    found = [k for k in sharp.tolist() if _is_spike(intensity, counts, k)]
    if not found or _is_coarse(intensity, counts, found):
        return np.empty(0, dtype=np.int64)
    return np.array(found, dtype=np.int64)


def _noise(intensity: FloatArray, counts: FloatArray, index: NDArray[np.int64]) -> FloatArray:
    """Return the uncertainty of points with counts, as intensity."""
    return np.asarray(intensity[index] / np.sqrt(np.maximum(counts[index], 1e-300)))


def _is_spike(intensity: FloatArray, counts: FloatArray, index: int) -> bool:
    """Whether the neighbours of a sharp point are not above the local median."""
    near = np.concatenate([intensity[max(index - 8, 0) : index], intensity[index + 1 : index + 9]])
    base = float(np.median(near))
    height = float(intensity[index]) - base
    (noise,) = _noise(intensity, counts, np.array([index])).tolist()
    shoulder = float(max(intensity[index - 1], intensity[index + 1])) - base
    return height > SPIKE_SIGMAS * noise and shoulder < SPIKE_SHOULDER * height


def _is_coarse(intensity: FloatArray, counts: FloatArray, spikes: list[int]) -> bool:
    """Whether the other peaks are hardly wider than a point, so that spikes cannot be distinguished."""
    inner = intensity[1:-1]
    tops = np.flatnonzero((inner >= intensity[:-2]) & (inner > intensity[2:])) + 1
    tops = np.setdiff1d(tops, spikes)
    base = float(np.median(intensity))
    tops = tops[(counts[tops] > 0) & (intensity[tops] - base > SPIKE_SIGMAS * _noise(intensity, counts, tops))]
    tops = tops[np.argsort(intensity[tops])[-PEAKS_TO_COMPARE:]]
    if not tops.size:
        return False
    shoulders = np.maximum(intensity[tops - 1], intensity[tops + 1]) - base
    return bool(np.quantile(shoulders / (intensity[tops] - base), 0.2) < LEAST_SHOULDER)


# --- notices -------------------------------------------------------------------------------------------------------


def notices_of(kinds: KindArray, two_theta: FloatArray, intensity: FloatArray) -> list[Notice]:
    """Return a notice for each kind of point that is left out, with their number and positions."""
    texts = {
        Kind.NO_NUMBER: ("points_masked", "{n} that {are} no number{s} {were} left out{where}"),
        Kind.NOT_COUNTED: (
            "points_not_counted", "{n} of zero amid counts {were} left out{where}: nothing was counted",
        ),
        Kind.SATURATED: ("points_saturated", "{n} at the highest value {were} left out{where}: a clipped detector"),
    }  # fmt: skip
    notices = []
    for kind, (code, text) in texts.items():
        chosen = kinds == kind
        if number := int(np.count_nonzero(chosen)):
            plural = number > 1
            message = text.format(
                n=f"{number} point{'s' if plural else ''}", are="are" if plural else "is", s="s" if plural else "",
                were="were" if plural else "was", where=_places(chosen, two_theta),
            )  # fmt: skip
            notices.append(Notice(code, message))
    return [*notices, *_spike_notices(np.flatnonzero(kinds == Kind.SPIKE), two_theta, intensity)]


def _spike_notices(spikes: NDArray[np.int64], two_theta: FloatArray, intensity: FloatArray) -> list[Notice]:
    if not spikes.size:
        return []
    listed = ", ".join(f"{two_theta[k]:.6g} degrees ({intensity[k]:.4g})" for k in spikes[:NAMED_SPIKES])
    more = f" and {spikes.size - NAMED_SPIKES} more" if spikes.size > NAMED_SPIKES else ""
    what = "single points far above both neighbours, narrower than any peak"
    if spikes.size > MOST_SPIKES:
        return [Notice("spikes_kept", f"{what}, are too many to be left out: {listed}{more}")]
    return [Notice("spikes_left_out", f"{what}, were left out: {listed}")]


def left_out(kinds: KindArray) -> BoolArray:
    """Return which points are left out: all unmeasured ones, spikes only if they are few."""
    bad = kinds != Kind.MEASURED
    spikes = kinds == Kind.SPIKE
    return np.asarray(bad & ~spikes if np.count_nonzero(spikes) > MOST_SPIKES else bad)


def regions_of(kinds: KindArray, two_theta: FloatArray) -> tuple[tuple[float, float], ...]:
    """Return (first, last) two-theta of the runs of two points or more that are left out, degrees."""
    runs = runs_of(left_out(kinds))
    return tuple((float(two_theta[run.first]), float(two_theta[run.last])) for run in runs if len(run) > 1)


def _places(chosen: BoolArray, two_theta: FloatArray) -> str:
    runs = runs_of(chosen)
    if len(runs) > 3:
        return (
            f" in {len(runs)} places between {two_theta[runs[0].first]:.6g} and {two_theta[runs[-1].last]:.6g} degrees"
        )
    spans = [
        f"{two_theta[r.first]:.6g}" if len(r) == 1 else f"{two_theta[r.first]:.6g} to {two_theta[r.last]:.6g}"
        for r in runs
    ]
    return f" at {', '.join(spans)} degrees"
