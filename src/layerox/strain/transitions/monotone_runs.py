"""Monotone runs of a broken line: where each begins, is half complete, and ends.

The onset is extrapolated, as thermal analysis does it: the straight line through the points at which 10 and 30 per cent
of a change are done, back to the level before; likewise the end, from 90 and 70 per cent. For a ramp that is where it
begins and ends; for a gradual change it does not depend on the noise (a logistic curve is 5 per cent complete
there).
"""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise

import numpy as np

from layerox.strain.transitions.broken_line import BrokenLine
from layerox.typing import FloatArray

# A monotone part of a broken line: the indices of its first and last knot.
Run = tuple[int, int]

# Shares of a change at which it is measured: onset and end follow from the outer pairs.
SHARES = (0.1, 0.3, 0.5, 0.7, 0.9)
# A piece is a rest if its rate is below this share (SLOW) of the rate of the rest of the run. At the ends of a run it
# is cut off if at most a share LITTLE of the change happens there; inside, it separates two changes if it lasts for
# REST values.
SLOW, LITTLE, REST = 0.05, 0.1, 3.0
# Smallest size of a change, in its standard uncertainties.
CLEAR = 5.0


def monotone_runs(line: BrokenLine, least: float) -> list[Run]:
    """Return the runs in which a line rises or falls by `least`, without the rests at their ends and inside."""
    pivots = turning_points(line.heights, least)
    parts = [direction for run in pairwise(pivots) for direction in _directions(line, run, least)]
    runs = [part for direction in parts for part in _parts(line, direction, least)]
    return [trimmed for trimmed in (_trimmed(line, run) for run in runs) if _is_clear(line, trimmed)]


def _directions(line: BrokenLine, run: Run, least: float) -> list[Run]:
    """Return a run without reversals that are smaller than `least` but larger than the noise.

    If no single part is large enough, the whole run is returned.
    """
    first, last = run
    clear = CLEAR * float(np.median(2.0 * np.diag(line.covariance))) ** 0.5
    turns = turning_points(line.heights[first : last + 1], min(clear, least))
    parts = [(first + begin, first + end) for begin, end in pairwise(turns)]
    return [direction for direction in parts if _rise(line, *direction) >= least] or [run]


def turning_points(heights: FloatArray, least: float) -> list[int]:
    """Return the indices of the turning points of heights, ends included; smaller reversals than `least` do not count.

    Empty if the heights change by less than `least`.
    """
    pivots: list[int] = []
    low = high = direction = 0
    for k, height in enumerate(heights):
        if direction >= 0 and height > heights[high]:
            high = k
        if direction <= 0 and height < heights[low]:
            low = k
        if direction >= 0 and heights[high] - height >= least:
            pivots.append(high)
            low, direction = k, -1
        elif direction <= 0 and height - heights[low] >= least:
            pivots.append(low)
            high, direction = k, 1
    return [*pivots, high if direction > 0 else low] if direction else []


def _parts(line: BrokenLine, run: Run, least: float) -> list[Run]:
    """Return a run split at its longest rest, recursively."""
    first, last = run
    rest = REST * line.gap
    pauses = [
        (start, stop)
        for start in range(first + 1, last)
        for stop in range(start + 1, last)
        if line.knots[stop] - line.knots[start] >= rest
        and min(_rise(line, first, start), _rise(line, stop, last)) >= least
        and _rate(line, start, stop) < SLOW * min(_rate(line, first, start), _rate(line, stop, last))
    ]
    if not pauses:
        return [run]
    start, stop = max(pauses, key=lambda pause: line.knots[pause[1]] - line.knots[pause[0]])
    return [*_parts(line, (first, start), least), *_parts(line, (stop, last), least)]


def _trimmed(line: BrokenLine, run: Run) -> Run:
    """Return a run without the rests at its ends: slow pieces whose total change is small."""
    first, last = run
    little = LITTLE * _rise(line, first, last)
    begin, end = first, last
    while begin + 1 < end and _rise(line, first, begin + 1) < little and _is_slow(line, begin, (begin + 1, end)):
        begin += 1
    while end - 1 > begin and _rise(line, end - 1, last) < little and _is_slow(line, end - 1, (begin, end - 1)):
        end -= 1
    return begin, end


def _is_slow(line: BrokenLine, piece: int, rest: Run) -> bool:
    return _rate(line, piece, piece + 1) < SLOW * _rate(line, *rest)


def _is_clear(line: BrokenLine, run: Run) -> bool:
    c, (first, last) = line.covariance, run
    variance = c[first, first] + c[last, last] - 2.0 * c[first, last]
    return bool(_rise(line, first, last) > CLEAR * max(variance, 0.0) ** 0.5)


def _signed(line: BrokenLine, run: Run) -> float:
    return float(line.heights[run[1]] - line.heights[run[0]])


def _rise(line: BrokenLine, first: int, last: int) -> float:
    return abs(_signed(line, (first, last)))


def _rate(line: BrokenLine, first: int, last: int) -> float:
    return _rise(line, first, last) / float(line.knots[last] - line.knots[first])


def measured(line: BrokenLine, run: Run) -> FloatArray:
    """Return onset, midpoint, end, and the levels before and after, shape (5,)."""
    own = slice(run[0], run[1] + 1)
    return measured_along(line.knots[own], line.heights[own])


def measured_along(knots: FloatArray, heights: FloatArray) -> FloatArray:
    """Return the same for a change from the first to the last of some joined points."""
    done = np.maximum.accumulate((heights - heights[0]) / (heights[-1] - heights[0]))
    # Rests and small reversals do not contribute: of equal shares the first counts.
    keep = np.append(True, np.diff(done) > 0)
    tenth, third, middle, seventh, ninth = np.interp(SHARES, done[keep], knots[keep])
    onset = max(tenth - 0.5 * (third - tenth), knots[0])
    end = min(ninth + 0.5 * (ninth - seventh), knots[-1])
    return np.array([onset, middle, end, heights[0], heights[-1]])


def chord(line: BrokenLine, run: Run, place: FloatArray) -> tuple[FloatArray, FloatArray]:
    """Return the points of a run at the measured values, joined by chords.

    At a turning point the fitted line extends beyond all values; the chord ends at the outermost value instead.
    """
    first, last = line.knots[run[0]], line.knots[run[1]]
    low = max(int(np.searchsorted(place, first, side="right")) - 1, 0)
    high = min(int(np.searchsorted(place, last)), len(place) - 1)
    points = place[low : high + 1]
    heights = line(points) * np.sign(_signed(line, run))
    own = slice(int(np.argmin(heights[:2])), len(points) - 2 + int(np.argmax(heights[-2:])) + 1)
    return points[own], line(points[own])


def turns_after(line: BrokenLine, runs: Sequence[Run], k: int) -> bool:
    """Whether the run after run `k` has the opposite direction without a rest between them."""
    if not 0 <= k < len(runs) - 1:
        return False
    one, other = runs[k], runs[k + 1]
    opposite = _signed(line, one) * _signed(line, other) < 0
    return bool(opposite and line.knots[other[0]] - line.knots[one[1]] < REST * line.gap)
