"""The axis that drives a run, and its branches: charge, discharge, rest, heating, cooling or hold, with cycle numbers.

Branches follow from the current where there is one, otherwise from the turning points of voltage, sodium content,
temperature or pressure. Events between frames are interpolated on the axis; their uncertainty follows from its slope.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import TYPE_CHECKING

import numpy as np

from layerox.errors import InputError, nearest
from layerox.refined import Refined
from layerox.series.result import Series
from layerox.strain.transitions.monotone_runs import turning_points
from layerox.typing import FloatArray

if TYPE_CHECKING:
    import pandas as pd

# Names of axis columns, and the names of their rising and falling branches.
CURRENT, CYCLE = ("current", "current_ma", "current_a"), "cycle"
TURNING = {
    "voltage": ("charge", "discharge"),
    "x_na": ("discharge", "charge"),
    "temperature": ("heating", "cooling"),
    "pressure": ("compression", "release"),
}
# Share of the largest current below which a frame is a rest; share of the whole range below which a reversal is noise.
REST, TURN = 1e-3, 0.02


def branches(table: pd.DataFrame) -> list[str]:
    """Return the branch of each frame, "" where the axes do not determine it.

    Parameters
    ----------
    table
        One row per frame in order, with a column for each axis.
    """
    titles = {str(title).lower(): title for title in table.columns}
    for name in CURRENT:
        if name in titles and table[titles[name]].notna().any():
            return _by_current(table[titles[name]].to_numpy(float))
    for name, (rising, falling) in TURNING.items():
        if name in titles and table[titles[name]].notna().any():
            return _by_turns(table[titles[name]].to_numpy(float), rising, falling)
    return [""] * len(table)


def cycles(table: pd.DataFrame, found: list[str]) -> list[int | None]:
    """Return the number of each frame's cycle, None where there are none.

    From the cycle column if there is one, else counted from 1 at each charge that follows a discharge.
    """
    titles = {str(title).lower(): title for title in table.columns}
    if CYCLE in titles:
        return [None if np.isnan(x) else int(x) for x in table[titles[CYCLE]].to_numpy(float)]
    if not {"charge", "discharge"} & set(found):
        return [None] * len(found)
    numbers: list[int | None] = []
    number, before = 1, ""
    for branch in found:
        if branch == "charge" and before == "discharge":
            number += 1
        before = branch if branch in ("charge", "discharge") else before
        numbers.append(number)
    return numbers


def _by_current(current: FloatArray) -> list[str]:
    """Return the branches by the sign of the current: positive is charge, as in cyclers."""
    limit = REST * float(np.nanmax(np.abs(current)))
    return ["" if np.isnan(x) else "rest" if abs(x) <= limit else "charge" if x > 0 else "discharge" for x in current]


def _by_turns(values: FloatArray, rising: str, falling: str) -> list[str]:
    """Return the branch of each frame between turning points; a turning point belongs to the branch before it."""
    names = [""] * len(values)
    known = np.flatnonzero(~np.isnan(values))
    turns = _turns(values[known])
    for begin, end in pairwise(turns):
        name = rising if values[known[end]] > values[known[begin]] else falling
        for k in known[(begin + 1 if begin else 0) : end + 1]:
            names[k] = name
    return names


def _turns(values: FloatArray) -> list[int]:
    """Return the first and last index and those of the turning points between: extremes beyond the noise."""
    limit = TURN * float(np.ptp(values)) if len(values) else 0.0
    if limit == 0.0:
        return []
    found, low, high, direction = [0], 0, 0, 0
    for k, value in enumerate(values):
        low, high = (k if value < values[low] else low), (k if value > values[high] else high)
        if direction >= 0 and values[high] - value > limit:
            found += [high] if high > found[-1] else []
            direction, low, high = -1, k, k
        elif direction <= 0 and value - values[low] > limit:
            found += [low] if low > found[-1] else []
            direction, low, high = 1, k, k
    return [*found, len(values) - 1] if found[-1] < len(values) - 1 else found


# Branch names of an axis without special names.
OTHER_WAYS = ("up", "down")


@dataclass(frozen=True, kw_only=True)
class Branch:
    """A part of a run in which the axis changes in one direction.

    Attributes
    ----------
    name
        A name of `branches` ("charge", "heating", ...); "up" or "down" for an axis without special names.
    cycle
        1 for the first branch and the one that leads back, and so on.
    first, last
        Frames.
    """

    name: str
    cycle: int
    first: int
    last: int


@dataclass(frozen=True, kw_only=True, eq=False)
class Axis:
    """The values of the driving axis in each frame, with its branches.

    Attributes
    ----------
    name
        "" for a run without an axis.
    frame, value
        Numbers and axis values of the frames with a known value, shape (n,).
    branches
        In order; empty without an axis.
    """

    name: str
    frame: FloatArray
    value: FloatArray
    branches: tuple[Branch, ...]

    def branch(self, frame: float) -> Branch | None:
        """Return the branch of a frame."""
        begun = [branch for branch in self.branches if branch.first <= frame]
        return begun[-1] if begun else None

    def at(self, frame: Refined) -> Refined:
        """Return the axis value at a frame number, which may be fractional."""
        if not self.name:
            return frame
        value = float(np.interp(frame, self.frame, self.value))
        return Refined(value, frame.esd * self._slope(float(frame)), "free")

    def _slope(self, frame: float) -> float:
        """Return the change of the axis per frame: the largest slope among the neighbouring frames."""
        after = int(np.clip(np.searchsorted(self.frame, frame), 1, len(self.frame) - 1))
        around = slice(max(after - 2, 0), after + 2)
        moves = np.abs(np.diff(self.value[around])) / np.diff(self.frame[around])
        return float(moves.max(initial=0.0))


def axis_of(series: Series, name: str | None = None) -> Axis:
    """Return the driving axis of a series with its branches.

    Parameters
    ----------
    series
        The series.
    name
        The axis; by default voltage, sodium content, temperature or pressure, else the first axis.

    Raises
    ------
    InputError
        If it has no such axis.
    """
    if name is not None and name not in series.axes:
        cure = nearest(name, series.axes) if series.axes else "the series has none: add one with --axis"
        raise InputError(f"no axis is called {name!r}", argument="axis", cure=cure)
    frame = series.frames["frame"].to_numpy(dtype=np.float64)
    named_axes = _named_axes(series.axes)
    chosen = name or next(iter([*named_axes, *series.axes]), "")
    value = series.frames[chosen].to_numpy(dtype=np.float64) if chosen else frame
    known = np.isfinite(value)
    if not chosen or known.sum() < 2:
        return Axis(name="", frame=frame, value=frame, branches=())
    table = series.frames[["frame", *series.axes]].rename(columns=named_axes)
    named = branches(table)
    stretches = (
        _stretches(frame, named, cycles(table, named)) if any(named) else _turning_branches(frame[known], value[known])
    )
    return Axis(name=chosen, frame=frame[known], value=value[known], branches=stretches)


def _named_axes(axes: Sequence[str]) -> dict[str, str]:
    """Return the axes that have special branch names, with the name that `branches` uses ("temperature_k": ...)."""
    found: dict[str, str] = {}
    for word in TURNING:
        axis = next((axis for axis in axes if axis.lower().startswith(word)), None)
        found |= {} if axis is None else {axis: word}
    return found


def _stretches(frame: FloatArray, named: Sequence[str], numbers: Sequence[int | None]) -> tuple[Branch, ...]:
    """Return ranges of frames with one branch name; a rest belongs to the branch before it."""
    found: list[Branch] = []
    for place, name, number in zip(frame.astype(int).tolist(), named, numbers, strict=True):
        if found and name in (found[-1].name, "rest", ""):
            found[-1] = Branch(name=found[-1].name, cycle=found[-1].cycle, first=found[-1].first, last=place)
        elif name not in ("rest", ""):
            cycle = 1 + len(found) // 2 if number is None else number
            found.append(Branch(name=name, cycle=cycle, first=place, last=place))
    return tuple(found)


def _turning_branches(frame: FloatArray, value: FloatArray) -> tuple[Branch, ...]:
    """Return the branches between the turning points of an axis; empty without a turning point."""
    turns = turning_points(value, TURN * float(np.ptp(value)))
    if len(turns) < 3:
        return ()
    turns[0], turns[-1] = 0, len(value) - 1
    up, down = OTHER_WAYS
    return tuple(
        Branch(
            name=up if value[stop] > value[start] else down,
            cycle=1 + k // 2,
            first=int(frame[start]) + (k > 0),
            last=int(frame[stop]),
        )
        for k, (start, stop) in enumerate(pairwise(turns))
    )
