"""Hysteresis: the distance between a transition and its reverse, and changes that are irreversible over a cycle.

A cycle is two branches, forth and back. The states before and after are compared at the outermost axis value that both
branches reach, so that a run that is cooled less far than it was heated does not count as irreversible.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import TYPE_CHECKING

import numpy as np

from layerox.refined import Refined
from layerox.strain.transitions.axis_branches import Axis, Branch
from layerox.strain.transitions.phase_conversions import Step

if TYPE_CHECKING:
    import pandas as pd

QUANTITIES = ("weight_fraction", "a", "b", "c", "beta", "volume")
# Differences beyond this number of standard uncertainties are irreversible.
BEYOND = 3.0


@dataclass(frozen=True, kw_only=True)
class Hysteresis:
    """A transition and its reverse.

    Attributes
    ----------
    cycle
        Its number.
    there, back
        Names of the step and of its reverse ("P2 -> OP4", "OP4 -> P2").
    midpoint_there, midpoint_back
        On the axis.
    width
        Their difference, there minus back.
    """

    cycle: int
    there: str
    back: str
    midpoint_there: Refined
    midpoint_back: Refined
    width: Refined


@dataclass(frozen=True, kw_only=True)
class Return:
    """One quantity of one phase before and after a cycle.

    Attributes
    ----------
    cycle
        Its number.
    phase, quantity
        What is compared.
    before, after, difference
        Values at both ends, and after minus before.
    at_before, at_after
        Axis values of the two frames.
    frames
        The two frames.
    """

    cycle: int
    phase: str
    quantity: str
    before: Refined
    after: Refined
    difference: Refined
    at_before: float
    at_after: float
    frames: tuple[int, int]

    @property
    def is_reversible(self) -> bool:
        """Whether the difference is within three standard uncertainties."""
        return abs(self.difference) <= BEYOND * self.difference.esd


def hystereses(steps: Sequence[Step], axis: Axis) -> tuple[Hysteresis, ...]:
    """Return the pairs of a step and its reverse in the branch that follows."""
    return tuple(
        Hysteresis(
            cycle=there.cycle,
            there=one.name,
            back=other.name,
            midpoint_there=axis.at(one.midpoint),
            midpoint_back=axis.at(other.midpoint),
            width=_difference(axis.at(one.midpoint), axis.at(other.midpoint)),
        )
        for there, back in pairwise(axis.branches)
        if back.cycle == there.cycle
        for one in steps
        for other in steps
        if (one.origin, one.product) == (other.product, other.origin)
        and axis.branch(one.midpoint) == there
        and axis.branch(other.midpoint) == back
    )


def _difference(one: Refined, other: Refined) -> Refined:
    return Refined(float(one) - float(other), float(np.hypot(one.esd, other.esd)), "free")


def returns(table: pd.DataFrame, phases: Sequence[str], axis: Axis) -> tuple[Return, ...]:
    """Return each quantity before and after each cycle.

    Parameters
    ----------
    table
        The accepted frames of a series.
    phases
        The phases to compare.
    axis
        The axis that drives the run.
    """
    found: list[Return] = []
    for there, back in pairwise(axis.branches):
        if back.cycle == there.cycle:
            ends = _ends(table, there, back, axis)
            found += _compared(table, phases, there.cycle, *ends) if ends is not None else []
    return tuple(found)


def _ends(
    table: pd.DataFrame, there: Branch, back: Branch, axis: Axis
) -> tuple[tuple[int, float], tuple[int, float]] | None:
    """Return row and axis value of one frame of each branch, at the end of the axis where the cycle began."""
    frame = table["frame"].to_numpy(dtype=np.float64)
    place = np.interp(frame, axis.frame, axis.value)
    rows = [np.flatnonzero((frame >= branch.first) & (frame <= branch.last)) for branch in (there, back)]
    if not all(len(own) > 1 for own in rows):
        return None
    rising = place[rows[0][-1]] > place[rows[0][0]]
    extreme = [place[own].min() if rising else place[own].max() for own in rows]
    shared = max(extreme) if rising else min(extreme)
    chosen = [int(own[np.argmin(np.abs(place[own] - shared))]) for own in rows]
    first, last = ((row, float(place[row])) for row in chosen)
    return (first, last) if first[0] != last[0] else None


def _compared(
    table: pd.DataFrame, phases: Sequence[str], cycle: int, first: tuple[int, float], last: tuple[int, float]
) -> Iterator[Return]:
    before, after = table.iloc[first[0]], table.iloc[last[0]]
    for phase in phases:
        for quantity in QUANTITIES:
            one, other = (_number(row, f"{phase}.{quantity}") for row in (before, after))
            difference = Refined(float(other) - float(one), float(np.hypot(one.esd, other.esd)), "free")
            # Fixed values have no uncertainty, absent phases no cell; lengths equal to a by symmetry are left out.
            follows = quantity in ("b", "c") and all(
                row[f"{phase}.{quantity}"] == row[f"{phase}.a"] for row in (before, after)
            )
            if np.isfinite(difference) and difference.esd > 0 and not follows:
                yield Return(
                    cycle=cycle,
                    phase=phase,
                    quantity=quantity,
                    before=one,
                    after=other,
                    difference=difference,
                    at_before=first[1],
                    at_after=last[1],
                    frames=(int(before["frame"]), int(after["frame"])),
                )


def _number(row: pd.Series, column: str) -> Refined:
    esd = float(row[f"{column}_esd"])
    return Refined(float(row[column]), esd if np.isfinite(esd) else 0.0, "free")
