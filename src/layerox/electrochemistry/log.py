"""Log: what a cycler has logged of one cell, as one small table: UTC time, voltage, current, charge, cycle, step."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from layerox.electrochemistry.clock import utc_text
from layerox.electrochemistry.records import CHARGE, DISCHARGE, REST, stretches
from layerox.notices import Notice
from layerox.typing import FloatArray, IntArray

if TYPE_CHECKING:
    import pandas as pd

STATES = {CHARGE: "charge", REST: "rest", DISCHARGE: "discharge"}


@dataclass(frozen=True, kw_only=True, eq=False)
class Electrochemistry:
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
        Whether nothing is known between a record and the next, shape (n - 1,).
    paths
        The files.
    mass_mg
        Of active material as the files state it, None if they do not.
    notices
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
    notices: tuple[Notice, ...] = field(default=())

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
        """The stretches of charging, rest and discharging, in order."""
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
    """A stretch in which a cell is charged, discharged or at rest throughout.

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
