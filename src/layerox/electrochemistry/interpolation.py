"""Interpolation: the state of a log at given times; nan before its first record, after its last, and in gaps."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from layerox.electrochemistry.log import Electrochemistry
from layerox.typing import FloatArray


@dataclass(frozen=True, kw_only=True, eq=False)
class Moments:
    """The state of a log at some times, each shape (m,), nan where unknown.

    Attributes
    ----------
    voltage, capacity
        V and mAh, interpolated between the records before and after.
    current
        mA, interpolated within a step; between steps that of the record before.
    cycle, step
        Those of the record before.
    outside, in_gaps
        How many of the times are before or after the log, and within its gaps.
    """

    voltage: FloatArray
    current: FloatArray
    capacity: FloatArray
    cycle: FloatArray
    step: FloatArray
    outside: int
    in_gaps: int


def moments_of(log: Electrochemistry, times: FloatArray) -> Moments:
    """Return the state of a log at times on its own clock (seconds since 1970 in UTC, shape (m,), nan if not known)."""
    times = np.asarray(times, dtype=np.float64)
    inside = (times >= log.time[0]) & (times <= log.time[-1])
    before = np.clip(np.searchsorted(log.time, np.where(inside, times, log.time[0]), side="right") - 1, 0, None)
    after = np.minimum(before + 1, len(log) - 1)
    in_gap = inside & (times > log.time[before]) & (before != after) & np.append(log.gaps, False)[before]
    known = inside & ~in_gap
    width = log.time[after] - log.time[before]
    share = np.divide(times - log.time[before], width, out=np.zeros(times.shape), where=known & (width > 0))

    def between(values: FloatArray, last: FloatArray) -> FloatArray:
        return np.where(known, values[before] + share * (last - values[before]), np.nan)

    same = (log.step[before] == log.step[after]) & (log.state[before] == log.state[after])
    return Moments(
        voltage=between(log.voltage, log.voltage[after]),
        current=between(log.current, log.current[np.where(same, after, before)]),
        capacity=between(log.capacity, log.capacity[after]),
        cycle=np.where(known, log.cycle[before], np.nan),
        step=np.where(known, log.step[before], np.nan),
        outside=int((np.isfinite(times) & ~inside).sum()),
        in_gaps=int(in_gap.sum()),
    )
