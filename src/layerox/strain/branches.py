"""Branches: which frames are charge, discharge, rest, heating, cooling or hold, and of which cycle.

Read off the axis columns of a series: the current where there is one, else the way voltage, sodium content, temperature
or pressure turn.
"""

from __future__ import annotations

from itertools import pairwise
from typing import TYPE_CHECKING

import numpy as np

from layerox.typing import FloatArray

if TYPE_CHECKING:
    import pandas as pd


# Names of axis columns, and what rising and falling along them is called.
CURRENT, CYCLE = ("current", "current_ma", "current_a"), "cycle"
TURNING = {
    "voltage": ("charge", "discharge"),
    "x_na": ("discharge", "charge"),
    "temperature": ("heating", "cooling"),
    "pressure": ("compression", "release"),
}
# Share of the largest current that is still a rest; share of the whole range that is no turn yet.
REST, TURN = 1e-3, 0.02


def branches(table: pd.DataFrame) -> list[str]:
    """Return the branch of each frame, "" where the axes do not say.

    Parameters
    ----------
    table
        One row a frame in order, with a column for each axis.
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

    As the table has it, else counted from 1 at each charge that follows a discharge.
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
    """Return charge for positive currents, as cyclers count them."""
    limit = REST * float(np.nanmax(np.abs(current)))
    return ["" if np.isnan(x) else "rest" if abs(x) <= limit else "charge" if x > 0 else "discharge" for x in current]


def _by_turns(values: FloatArray, rising: str, falling: str) -> list[str]:
    """Return what the way between one turn and the next is called; the frame of a turn ends the way that led to it."""
    names = [""] * len(values)
    known = np.flatnonzero(~np.isnan(values))
    turns = _turns(values[known])
    for begin, end in pairwise(turns):
        name = rising if values[known[end]] > values[known[begin]] else falling
        for k in known[(begin + 1 if begin else 0) : end + 1]:
            names[k] = name
    return names


def _turns(values: FloatArray) -> list[int]:
    """Return first and last index and those of the turns between: extremes that are left by more than noise."""
    limit = TURN * float(np.ptp(values)) if len(values) else 0.0
    if limit == 0.0:
        return []
    found, low, high, way = [0], 0, 0, 0
    for k, value in enumerate(values):
        low, high = (k if value < values[low] else low), (k if value > values[high] else high)
        if way >= 0 and values[high] - value > limit:
            found += [high] if high > found[-1] else []
            way, low, high = -1, k, k
        elif way <= 0 and value - values[low] > limit:
            found += [low] if low > found[-1] else []
            way, low, high = 1, k, k
    return [*found, len(values) - 1] if found[-1] < len(values) - 1 else found
