"""Driver: the axis that drives a run, its stretches (charge and discharge, heating and cooling), and what lies where.

What happened between frames is put on that axis; its uncertainty there follows from the axis' course around it.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise

import numpy as np

from layerox.errors import InputError, nearest
from layerox.refined import Refined
from layerox.series.result import Series
from layerox.strain.branches import TURN, TURNING, branches, cycles
from layerox.strain.runs import turning_points
from layerox.typing import FloatArray

# What the two ways of an axis are called that has no name of its own for them.
OTHER_WAYS = ("up", "down")


@dataclass(frozen=True, kw_only=True)
class Branch:
    """A part of a run in which the axis goes one way.

    Attributes
    ----------
    name
        As `strain.branches` has it ("charge", "heating", ...); "up" or "down" on an axis that it does not know.
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
    """Where frames stand on what drives the run.

    Attributes
    ----------
    name
        "" where a run has nothing but its frames.
    frame, value
        Of the frames whose place on it is known, shape (n,).
    branches
        In order; none without a name.
    """

    name: str
    frame: FloatArray
    value: FloatArray
    branches: tuple[Branch, ...]

    def branch(self, frame: float) -> Branch | None:
        """Return the branch in which a frame lies."""
        begun = [branch for branch in self.branches if branch.first <= frame]
        return begun[-1] if begun else None

    def at(self, frame: Refined) -> Refined:
        """Return the place of something that happened at a (broken) number of frames."""
        if not self.name:
            return frame
        value = float(np.interp(frame, self.frame, self.value))
        return Refined(value, frame.esd * self._slope(float(frame)), "free")

    def _slope(self, frame: float) -> float:
        """Return by how much the axis moves in one frame there: the larger of what lies before and behind."""
        after = int(np.clip(np.searchsorted(self.frame, frame), 1, len(self.frame) - 1))
        around = slice(max(after - 2, 0), after + 2)
        moves = np.abs(np.diff(self.value[around])) / np.diff(self.frame[around])
        return float(moves.max(initial=0.0))


def axis_of(series: Series, name: str | None = None) -> Axis:
    """Return what drives a run.

    Parameters
    ----------
    series
        The run.
    name
        One of its axes; by default voltage, temperature or pressure, else the first of all.

    Raises
    ------
    InputError
        If it has no such axis.
    """
    if name is not None and name not in series.axes:
        cure = nearest(name, series.axes) if series.axes else "the series has none: give it one with --axis"
        raise InputError(f"no axis is called {name!r}", argument="axis", cure=cure)
    frame = series.frames["frame"].to_numpy(dtype=np.float64)
    telling = _telling(series.axes)
    chosen = name or next(iter([*telling, *series.axes]), "")
    value = series.frames[chosen].to_numpy(dtype=np.float64) if chosen else frame
    known = np.isfinite(value)
    if not chosen or known.sum() < 2:
        return Axis(name="", frame=frame, value=frame, branches=())
    table = series.frames[["frame", *series.axes]].rename(columns=telling)
    named = branches(table)
    stretches = _stretches(frame, named, cycles(table, named)) if any(named) else _turns(frame[known], value[known])
    return Axis(name=chosen, frame=frame[known], value=value[known], branches=stretches)


def _telling(axes: Sequence[str]) -> dict[str, str]:
    """Return the axes whose turns mean something, and what `strain.branches` calls them ("temperature_k": ...)."""
    found: dict[str, str] = {}
    for word in TURNING:
        axis = next((axis for axis in axes if axis.lower().startswith(word)), None)
        found |= {} if axis is None else {axis: word}
    return found


def _stretches(frame: FloatArray, named: Sequence[str], numbers: Sequence[int | None]) -> tuple[Branch, ...]:
    """Return the stretches of frames that are called alike; rests belong to what precedes them."""
    found: list[Branch] = []
    for place, name, number in zip(frame.astype(int).tolist(), named, numbers, strict=True):
        if found and name in (found[-1].name, "rest", ""):
            found[-1] = Branch(name=found[-1].name, cycle=found[-1].cycle, first=found[-1].first, last=place)
        elif name not in ("rest", ""):
            cycle = 1 + len(found) // 2 if number is None else number
            found.append(Branch(name=name, cycle=cycle, first=place, last=place))
    return tuple(found)


def _turns(frame: FloatArray, value: FloatArray) -> tuple[Branch, ...]:
    """Return the ways of an axis that turns; none for one that does not."""
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
