"""Rises and falls of a row of values: onset, midpoint and end of every monotone run of a broken line.

`monotone_runs` defines these places, `change_uncertainty` gives their standard uncertainties.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np

from layerox.refined import Refined
from layerox.strain.transitions.broken_line import MIN_GAIN_SHAPE, BrokenLine, broken_line
from layerox.strain.transitions.change_uncertainty import Fitted, measured_with_spread
from layerox.strain.transitions.monotone_runs import Run, monotone_runs, turns_after
from layerox.typing import FloatArray

Begins = Literal["rest", "start", "reversal"]
Ends = Literal["rest", "end", "reversal"]

DRAWS = 60


@dataclass(frozen=True, kw_only=True, eq=False)
class Change:
    """One rise or fall.

    Attributes
    ----------
    onset, midpoint, end
        Where it begins, where it is half complete, and where it ends.
    before, after
        The levels.
    begins, ends
        Whether it begins after a "rest", at the "start" of the row or at a "reversal", and likewise how it ends. A
        change
    at the start or end of the row may continue outside; its onset or end is that of the row, with the uncertainty nan.
    places, levels
        Its points on the fitted line, shape (k,).
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
        """Return the level at some places; constant outside the change."""
        return np.interp(place, self.places, self.levels)

    @property
    def rises(self) -> bool:
        """Whether the level rises."""
        return self.after > self.before

    @property
    def size(self) -> float:
        """Absolute difference of the levels."""
        return abs(self.after - self.before)


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
        Number and seed of the draws for the uncertainties.
    """
    if len(place) < 3:
        return ()
    line = broken_line(place, value, esd, min_gain=MIN_GAIN_SHAPE)
    runs = monotone_runs(line, least)
    if not runs:
        return ()
    kept = np.setdiff1d(np.arange(len(place)), line.outliers)
    fitted = Fitted(place[kept], value[kept], line.noise * esd[kept], line, runs, least)
    rows, spread = measured_with_spread(fitted, draws, np.random.default_rng(seed))
    return tuple(_change(line, runs, k, rows[k], spread[k]) for k in range(len(runs)))


def _change(line: BrokenLine, runs: Sequence[Run], k: int, measured: FloatArray, spread: FloatArray) -> Change:
    first, last = runs[k]
    low, high = line.knots[0] + line.gap, line.knots[-1] - line.gap
    begins: Begins = "start" if measured[0] < low else "reversal" if turns_after(line, runs, k - 1) else "rest"
    ends: Ends = "end" if measured[2] > high else "reversal" if turns_after(line, runs, k) else "rest"
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


def _number(value: float, esd: float) -> Refined:
    return Refined(float(value), float(esd), "free")
