"""The log of one cell as one table (UTC time, voltage, current, charge, cycle, step), and its state at given times.

States at given times are interpolated; they are nan before the first record, after the last, and in gaps.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from layerox.electrochemistry.file_records import CHARGE, DISCHARGE, REST, stretches
from layerox.electrochemistry.time_stamps import utc_text
from layerox.notices import Notice, RenamedNotices
from layerox.typing import FloatArray, IntArray

if TYPE_CHECKING:
    import pandas as pd

STATES = {CHARGE: "charge", REST: "rest", DISCHARGE: "discharge"}


@dataclass(frozen=True, kw_only=True, eq=False)
class Electrochemistry(RenamedNotices):
    """The log of a cell; charge is counted from its first record and grows while sodium leaves the cathode.

    Attributes
    ----------
    time
        Seconds since 1970 in UTC by the cycler's clock, not descending, shape (n,).
    voltage
        V, shape (n,).
    current
        mA, positive on charging, shape (n,).
    capacity
        Net charge since the first record, mAh, positive after charging, shape (n,); nan where unknown.
    cycle, step
        Numbers, shape (n,): the file's where it has them.
    state
        1 on charging, 0 at rest, -1 on discharging, shape (n,).
    gaps
        Whether the interval between a record and the next is a gap, shape (n - 1,).
    paths
        The files.
    mass_mg
        Mass of active material in the files, None if not stated.
    warnings
        Notices on the log.
    """

    time: FloatArray
    voltage: FloatArray
    current: FloatArray
    capacity: FloatArray
    cycle: IntArray
    step: IntArray
    state: IntArray
    gaps: NDArray[np.bool_]
    paths: tuple[Path, ...] = ()
    mass_mg: float | None = None
    warnings: tuple[Notice, ...] = field(default=())

    def __post_init__(self) -> None:
        for name in ("time", "voltage", "current", "capacity", "cycle", "step", "state", "gaps"):
            array = np.array(getattr(self, name))
            array.setflags(write=False)
            object.__setattr__(self, name, array)

    def __len__(self) -> int:
        return int(self.time.size)

    @property
    def table(self) -> pd.DataFrame:
        """The log as a DataFrame: time (UTC), voltage (V), current (mA), capacity (mAh), cycle, step, state."""
        import pandas as pd  # noqa: PLC0415  (a third of a second that only tables need)

        return pd.DataFrame(
            {
                "time": pd.to_datetime(self.time, unit="s", utc=True),
                "voltage": self.voltage,
                "current": self.current,
                "capacity": self.capacity,
                "cycle": self.cycle,
                "step": self.step,
                "state": [STATES[int(state)] for state in self.state],
            }
        )

    @property
    def stretches(self) -> tuple[Stretch, ...]:
        """The intervals of charging, rest and discharging, in order."""
        return tuple(self._stretch(part) for part in stretches(np.stack([self.state, self.cycle], axis=1)))

    def _stretch(self, part: slice) -> Stretch:
        last = part.stop - 1
        return Stretch(
            state=STATES[int(self.state[part.start])],
            cycle=int(self.cycle[part.start]),
            start=float(self.time[part.start]),
            end=float(self.time[last]),
            capacity=float(self.capacity[last] - self.capacity[part.start]),
            voltage=(float(self.voltage[part.start]), float(self.voltage[last])),
        )

    def __str__(self) -> str:
        return f"{len(self)} records from {utc_text(self.time[0])} to {utc_text(self.time[-1])}"


@dataclass(frozen=True, kw_only=True)
class Stretch:
    """An interval in which a cell is only charged, only discharged or at rest.

    Attributes
    ----------
    state
        "charge", "rest" or "discharge".
    cycle
        Its number.
    start, end
        First and last record, seconds since 1970 in UTC.
    capacity
        Charge that flows from first to last record, mAh, negative on discharging.
    voltage
        At first and last record, V.
    """

    state: str
    cycle: int
    start: float
    end: float
    capacity: float
    voltage: tuple[float, float]


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
        Numbers of the record before.
    outside, in_gaps
        Number of times before or after the log, and within its gaps.
    """

    voltage: FloatArray
    current: FloatArray
    capacity: FloatArray
    cycle: FloatArray
    step: FloatArray
    outside: int
    in_gaps: int


def moments_of(log: Electrochemistry, times: FloatArray) -> Moments:
    """Return the state of a log at times on its own clock (seconds since 1970 in UTC, shape (m,), nan if unknown)."""
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
