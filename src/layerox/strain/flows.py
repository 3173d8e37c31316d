"""Flows: what turned into what, from the rises and falls of all phases.

What is lost by one phase while others gain goes first to those that gliding can make of it, then to the rest, each in
proportion. Weights alone cannot tell more: of two products that one origin and one time can account for, both get
their share.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from layerox.strain.changes import Change
from layerox.strain.naming import Stacking
from layerox.typing import FloatArray

# Places at which levels are compared, and the share of the smaller of two changes below which nothing is said to flow.
FINE, SHARE = 2000, 0.2
# Weight fraction a step that is none.
NOTHING = 1e-12


@dataclass(frozen=True, kw_only=True, eq=False)
class Flow:
    """Weight that went from one phase to another.

    Attributes
    ----------
    fall, rise
        Indices of the changes between which it went.
    weight
        Weight fraction.
    onset, midpoint, end
        Places where both changes have begun, half of the weight has gone, and one of the changes has ended.
    """

    fall: int
    rise: int
    weight: float
    onset: float
    midpoint: float
    end: float


def flows(
    phases: Sequence[str], found: Sequence[Change], stackings: Mapping[str, Stacking], least: float
) -> list[Flow]:
    """Return the flows between changes, in the order of their midpoints.

    Parameters
    ----------
    phases, found
        The phase of each change, and the change.
    stackings
        Of the phases that are one.
    least
        The smallest weight fraction that counts.
    """
    if not found:
        return []
    low, high = min(c.places[0] for c in found), max(c.places[-1] for c in found)
    grid = np.linspace(low, high, FINE)
    steps = np.array([np.diff(change.level(grid)) for change in found])
    lost, gained = np.maximum(-steps, 0.0), np.maximum(steps, 0.0)
    kin = np.array([[_are_kin(stackings.get(a), stackings.get(b)) for b in phases] for a in phases])
    # A phase does not turn into itself.
    others = np.array([[a != b for b in phases] for a in phases])
    within = _shared_out(lost, gained, kin & others)
    left_lost, left_gained = lost - within.sum(axis=1), gained - within.sum(axis=0)
    rates = within + _shared_out(left_lost, left_gained, others)
    pairs = [
        _flow(fall, rise, rates[fall, rise], grid, found)
        for fall in range(len(found))
        for rise in range(len(found))
        if _matters(float(rates[fall, rise].sum()), found[fall], found[rise], least)
    ]
    return sorted(pairs, key=lambda flow: (flow.midpoint, flow.fall, flow.rise))


def _are_kin(one: Stacking | None, other: Stacking | None) -> bool:
    return one is not None and other is not None and one.family is not None and one.family == other.family


def _shared_out(lost: FloatArray, gained: FloatArray, allowed: NDArray[np.bool_]) -> FloatArray:
    """Return what goes from each to each at each step, shape (c, c, s), in proportion to losses and gains.

    No more goes from one than it loses, and no more to one than it gains.
    """
    open_to = allowed[:, :, None] * gained[None, :, :]
    flow = lost[:, None, :] * _divided(open_to, open_to.sum(axis=1)[:, None, :])
    return flow * np.minimum(_divided(gained, flow.sum(axis=0)), 1.0)[None, :, :]


def _divided(part: FloatArray, whole: FloatArray) -> FloatArray:
    """Return part / whole, 0 where the whole is nothing."""
    return np.where(whole > NOTHING, part / np.where(whole > NOTHING, whole, 1.0), 0.0)


def _matters(weight: float, fall: Change, rise: Change, least: float) -> bool:
    smaller = min(fall.size, rise.size)
    return weight >= min(least, 0.8 * smaller) and weight >= SHARE * smaller


def _flow(fall: int, rise: int, rate: FloatArray, grid: FloatArray, found: Sequence[Change]) -> Flow:
    done = np.append(0.0, np.cumsum(rate))
    one, other = found[fall], found[rise]
    return Flow(
        fall=fall,
        rise=rise,
        weight=float(done[-1]),
        onset=max(float(one.onset), float(other.onset)),
        midpoint=float(np.interp(0.5 * done[-1], done, grid)),
        end=min(float(one.end), float(other.end)),
    )
