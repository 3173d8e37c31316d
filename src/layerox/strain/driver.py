"""Branches: the parts of a run in which its axis goes one way: charge and discharge, heating and cooling.

What happened between frames is put on that axis; its uncertainty there follows from the axis' course around it.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from layerox.errors import InputError, nearest
from layerox.refined import Refined
from layerox.series.result import Series
from layerox.strain.changes import turning_points

FloatArray = NDArray[np.float64]

# What an axis is called whose turns mean something, and the names of its two ways.
WAYS = {
    "temp": ("heating", "cooling"),
    "volt": ("charge", "discharge"),
    "potential": ("charge", "discharge"),
    "ewe": ("charge", "discharge"),
    "ecell": ("charge", "discharge"),
}
OTHER_WAYS = ("up", "down")
# Share of an axis' range below which a turn is a wiggle.
DEAD_BAND = 0.1


@dataclass(frozen=True, kw_only=True)
class Branch:
    """A part of a run in which the axis goes one way.

    Attributes
    ----------
    name
        "charge", "discharge", "heating", "cooling"; "up" or "down" on an axis of another name.
    cycle
        1 for the first branch and the one that leads back, and so on.
    first, last
        Frames; the turns belong to both of their branches.
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
        within = [b for b in self.branches if b.first <= frame <= b.last]
        return within[0] if within else None

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
        One of its axes; by default the first that is called like a temperature or a voltage, else the first of all.

    Raises
    ------
    InputError
        If it has no such axis.
    """
    frame = series.frames["frame"].to_numpy(dtype=np.float64)
    if name is not None and name not in series.axes:
        cure = nearest(name, series.axes) if series.axes else "the series has none: give it one with --axis"
        raise InputError(f"no axis is called {name!r}", argument="axis", cure=cure)
    telling = [axis for axis in series.axes if _ways(axis) != OTHER_WAYS]
    chosen = name or next(iter([*telling, *series.axes]), "")
    value = series.frames[chosen].to_numpy(dtype=np.float64) if chosen else frame
    known = np.isfinite(value)
    if not chosen or known.sum() < 2:
        return Axis(name="", frame=frame, value=frame, branches=())
    frame, value = frame[known], value[known]
    return Axis(name=chosen, frame=frame, value=value, branches=_branches(chosen, frame, value))


def _ways(name: str) -> tuple[str, str]:
    return next((ways for word, ways in WAYS.items() if word in name.lower()), OTHER_WAYS)


def _branches(name: str, frame: FloatArray, value: FloatArray) -> tuple[Branch, ...]:
    turns = turning_points(value, DEAD_BAND * float(np.ptp(value)))
    if len(turns) < 2:
        return ()
    turns[0], turns[-1] = 0, len(value) - 1
    rising, falling = _ways(name)
    if len(turns) == 2 and (rising, falling) == OTHER_WAYS:
        return ()
    return tuple(
        Branch(
            name=rising if value[stop] > value[start] else falling,
            cycle=1 + k // 2,
            first=int(frame[start]),
            last=int(frame[stop]),
        )
        for k, (start, stop) in enumerate(zip(turns, turns[1:], strict=False))
    )
