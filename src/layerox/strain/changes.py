"""Changes: when a level rises or falls: onset, midpoint and end of every monotone run of a broken line.

The onset is extrapolated, as thermal analysis does it: the straight line through the points at which 10 and 30 per cent
of a change are done, back to the level before; likewise the end, from 90 and 70 per cent. For a ramp that is where it
begins and ends; for a gradual change it does not depend on how little the counts let one see (a logistic curve has
5 per cent behind it there). Uncertainties are those of the whole procedure: values are drawn anew about the line,
fitted and measured alike.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from layerox.refined import Refined
from layerox.strain.broken_line import WORTH_SHAPE, BrokenLine, broken_line
from layerox.strain.sigmoid import PARAMETERS, averaged, fitted_sigmoid

FloatArray = NDArray[np.float64]
Begins = Literal["rest", "start", "reversal"]
Ends = Literal["rest", "end", "reversal"]

# Shares of a change at which it is measured: onset and end follow from the outer pairs.
SHARES = (0.1, 0.3, 0.5, 0.7, 0.9)
# What is slower than this share of what follows or precedes it is a rest. At the ends of a run it is cut off if no more
# than so small a share of the change happens there; within, it parts two changes if it lasts for so many values.
SLOW, LITTLE, REST = 0.05, 0.1, 3.0
# A change is this many of its standard uncertainties large.
CLEAR = 5.0
DRAWS = 60
# Share of the draws that must show a change too; otherwise its uncertainties are not known.
SHOWN = 0.6


@dataclass(frozen=True, kw_only=True, eq=False)
class Change:
    """One rise or fall.

    Attributes
    ----------
    onset, midpoint, end
        Where it begins, where half of it is done, and where it ends.
    before, after
        The levels.
    begins, ends
        Whether it begins from a "rest", with the "start" of the row or at a "reversal", and likewise how it ends. What
        begins with the row was perhaps under way before, what ends with it goes perhaps on: its onset or end is then
        that of the row, without an uncertainty (nan).
    places, levels
        Its course on the fitted line, shape (k,).
    """

    onset: Refined
    midpoint: Refined
    end: Refined
    before: Refined
    after: Refined
    begins: Begins
    ends: Ends
    places: FloatArray
    levels: FloatArray

    def level(self, place: FloatArray) -> FloatArray:
        """Return the level at some places; before and behind the change that at its ends."""
        return np.interp(place, self.places, self.levels)

    @property
    def rises(self) -> bool:
        """Whether the level rises."""
        return self.after > self.before

    @property
    def size(self) -> float:
        """By how much, not signed."""
        return abs(self.after - self.before)


# A monotone stretch of a broken line: the indices of its first and last knot.
Run = tuple[int, int]


def changes(
    place: FloatArray, value: FloatArray, esd: FloatArray, *, least: float, draws: int = DRAWS, seed: int = 0
) -> tuple[Change, ...]:
    """Return the changes of a row of values, in order.

    Parameters
    ----------
    place
        Ascending, shape (n,).
    value, esd
        Shape (n,); esds positive.
    least
        The smallest change that counts.
    draws, seed
        Of the uncertainties.
    """
    if len(place) < 3:
        return ()
    line = broken_line(place, value, esd, worth=WORTH_SHAPE)
    runs = monotone_runs(line, least)
    if not runs:
        return ()
    measured = np.array([_measured(line, run) for run in runs])
    spread = _spread(place, esd, line, runs, least, draws, np.random.default_rng(seed))
    for k in range(len(runs)):
        measured[k], spread[k] = _with_sigmoid(place, value, esd, line, runs, k, measured[k], spread[k])
    spread[:, :3] = np.hypot(spread[:, :3], _resolution(place, measured)[:, None])
    return tuple(_change(line, runs, k, measured[k], spread[k]) for k in range(len(runs)))


def _change(line: BrokenLine, runs: Sequence[Run], k: int, measured: FloatArray, spread: FloatArray) -> Change:
    first, last = runs[k]
    low, high = line.knots[0] + line.gap, line.knots[-1] - line.gap
    begins: Begins = "start" if measured[0] < low else "reversal" if _turns(line, runs, k - 1) else "rest"
    ends: Ends = "end" if measured[2] > high else "reversal" if _turns(line, runs, k) else "rest"
    if begins == "start":
        measured[0], spread[0] = line.knots[0], np.nan
    if ends == "end":
        measured[2], spread[2] = line.knots[-1], np.nan
    onset, midpoint, end, before, after = map(_number, measured, spread)
    return Change(
        onset=onset,
        midpoint=midpoint,
        end=end,
        before=before,
        after=after,
        begins=begins,
        ends=ends,
        places=line.knots[first : last + 1],
        levels=line.heights[first : last + 1],
    )


def _turns(line: BrokenLine, runs: Sequence[Run], k: int) -> bool:
    """Whether the run after run `k` goes the other way without a rest in between."""
    if not 0 <= k < len(runs) - 1:
        return False
    one, other = runs[k], runs[k + 1]
    opposite = _signed(line, one) * _signed(line, other) < 0
    return bool(opposite and line.knots[other[0]] - line.knots[one[1]] < REST * line.gap)


def _signed(line: BrokenLine, run: Run) -> float:
    return float(line.heights[run[1]] - line.heights[run[0]])


def _number(value: float, esd: float) -> Refined:
    return Refined(float(value), float(esd), "free")


def monotone_runs(line: BrokenLine, least: float) -> list[Run]:
    """Return the stretches over which a line rises or falls by `least`, without the rests at their ends and within."""
    pivots = turning_points(line.heights, least)
    runs = [part for run in pairwise(pivots) for part in _parts(line, run, least)]
    return [trimmed for trimmed in (_trimmed(line, run) for run in runs) if _is_clear(line, trimmed)]


def turning_points(heights: FloatArray, least: float) -> list[int]:
    """Return the indices at which heights turn, the ends included; turns smaller than `least` do not count.

    Where nothing changes by `least` there are none.
    """
    pivots: list[int] = []
    low = high = way = 0
    for k, height in enumerate(heights):
        if way >= 0 and height > heights[high]:
            high = k
        if way <= 0 and height < heights[low]:
            low = k
        if way >= 0 and heights[high] - height >= least:
            pivots.append(high)
            low, way = k, -1
        elif way <= 0 and height - heights[low] >= least:
            pivots.append(low)
            high, way = k, 1
    return [*pivots, high if way > 0 else low] if way else []


def _parts(line: BrokenLine, run: Run, least: float) -> list[Run]:
    """Return a run parted at the longest rest within it, and so on."""
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
    """Return a run without the rests at its ends: slow pieces, as long as little happens in all of them together."""
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


def _rise(line: BrokenLine, first: int, last: int) -> float:
    return abs(_signed(line, (first, last)))


def _rate(line: BrokenLine, first: int, last: int) -> float:
    return _rise(line, first, last) / float(line.knots[last] - line.knots[first])


def _measured(line: BrokenLine, run: Run) -> FloatArray:
    """Return onset, midpoint, end, and the levels before and after, shape (5,)."""
    own = slice(run[0], run[1] + 1)
    knots, heights = line.knots[own], line.heights[own]
    done = np.maximum.accumulate((heights - heights[0]) / (heights[-1] - heights[0]))
    # Where the line rests or goes back a little nothing is done: of equal shares the first counts.
    keep = np.append(True, np.diff(done) > 0)
    tenth, third, middle, seventh, ninth = np.interp(SHARES, done[keep], knots[keep])
    onset = max(tenth - 0.5 * (third - tenth), knots[0])
    end = min(ninth + 0.5 * (ninth - seventh), knots[-1])
    return np.array([onset, middle, end, heights[0], heights[-1]])


def _spread(
    place: FloatArray,
    esd: FloatArray,
    line: BrokenLine,
    runs: Sequence[Run],
    least: float,
    draws: int,
    rng: np.random.Generator,
) -> FloatArray:
    """Return the standard uncertainties of what is measured of each run, shape (r, 5)."""
    kept = np.setdiff1d(np.arange(len(place)), line.outliers)
    place, sigma = place[kept], line.noise * esd[kept]
    expected = line(place)
    found: list[list[FloatArray]] = [[] for _ in runs]
    for _ in range(draws):
        value = expected + sigma * rng.standard_normal(len(place))
        drawn = broken_line(place, value, sigma, noise=1.0, worth=WORTH_SHAPE)
        rows = [_measured(drawn, run) for run in monotone_runs(drawn, 0.8 * least)]
        for k, run in enumerate(runs):
            alike = _alike(_measured(line, run), rows)
            found[k] += [alike] if alike is not None else []
    return np.array([_half_width(rows, draws) for rows in found])


def _alike(measured: FloatArray, rows: Sequence[FloatArray]) -> FloatArray | None:
    """Return that one of the drawn changes which goes the same way and has most in common with a measured one."""

    def shared(row: FloatArray) -> float:
        return float(min(row[2], measured[2]) - max(row[0], measured[0]))

    same = [row for row in rows if (row[4] - row[3]) * (measured[4] - measured[3]) > 0]
    best = max(same, key=shared, default=None)
    apart = -float(measured[2] - measured[0]) - 1.0
    return best if best is not None and shared(best) > apart else None


def _half_width(rows: Sequence[FloatArray], draws: int) -> FloatArray:
    """Return half the width of the central 68 % of what draws have found, shape (5,); nan if too few have."""
    if len(rows) < SHOWN * draws:
        return np.full(5, np.nan)
    low, high = np.quantile(np.array(rows), (0.1587, 0.8413), axis=0)
    return np.asarray(0.5 * (high - low))


def _with_sigmoid(
    place: FloatArray,
    value: FloatArray,
    esd: FloatArray,
    line: BrokenLine,
    runs: Sequence[Run],
    k: int,
    measured: FloatArray,
    spread: FloatArray,
) -> tuple[FloatArray, FloatArray]:
    """Return what is known of a change when it may be a gradual one too; one that ends by a reversal is not."""
    last = len(line.knots) - 1
    before, after = runs[k - 1][1] if k else 0, runs[k + 1][0] if k + 1 < len(runs) else last
    if _turns(line, runs, k - 1) or _turns(line, runs, k):
        return measured, spread
    window = (place >= line.knots[before]) & (place <= line.knots[after])
    window[list(line.outliers)] = False
    x, y, sigma = place[window], value[window], line.noise * esd[window]
    found = fitted_sigmoid(x, y, sigma, measured)
    if found is None:
        return measured, spread
    price, own = np.log(len(x)), 2 * (after - before)
    chi_squared = float((((line(x) - y) / sigma) ** 2).sum())
    return averaged(measured, spread, chi_squared + price * own, found, found.chi_squared + price * PARAMETERS)


def _resolution(place: FloatArray, measured: FloatArray) -> FloatArray:
    """Return what the distance of the values adds to the uncertainties of each change, shape (r,).

    A change with two values within it or more shows where it began and ended; of a shorter one it is only known between
    which values it happened.
    """
    added = []
    for onset, _, end, *_ in measured:
        within = int(((place > onset) & (place < end)).sum())
        after = min(int(np.searchsorted(place, end)), len(place) - 1)
        before = max(after - within - 1, 0)
        added.append((place[after] - place[before]) / np.sqrt(12.0) if within < 2 else 0.0)
    return np.array(added)
