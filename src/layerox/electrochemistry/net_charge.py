"""Net charge since the start of a log, from the charge counters of the cycler or from the logged current.

Cyclers integrate at a finer time resolution than they log, so their counters are preferred if their digits suffice. The
counters are reset at different places (each step, half cycle or cycle, or never), and some are rounded.
"""

from __future__ import annotations

from typing import Literal

import numpy as np
from numpy.typing import NDArray

from layerox.electrochemistry.file_records import REST, Records
from layerox.errors import InputError
from layerox.notices import Notice
from layerox.typing import FloatArray, IntArray

Source = Literal["automatic", "counter", "current"]

SECONDS_AN_HOUR = 3600.0
# A counter that falls below this share of its value was reset; a smaller fall is noise of its last digits.
SET_BACK = 0.5
# A counter is too coarse if it does not change in more than this share of the intervals in which current flows.
COARSE = 0.1
# Charge from counter and from current: a difference above the share gives a notice, above the factor an error.
DIFFERS, CONTRADICTS = 0.03, 2.0
# If the currents on both sides of a gap agree within this share, the current is taken as constant in the gap.
STEADY = 0.05


def net_charge(
    records: Records, state: IntArray, sign: int, gaps: NDArray[np.bool_], source: Source
) -> tuple[FloatArray, tuple[Notice, ...]]:
    """Return the charge since the first record, mAh, positive where the cathode is charged, shape (n,).

    Parameters
    ----------
    records
        The records of a file.
    state
        CHARGE, REST or DISCHARGE for each record, shape (n,).
    sign
        +1 if the file's net charge and increments grow on charging, else -1.
    gaps
        Whether the interval after a record is a gap, shape (n - 1,).
    source
        "counter" or "current" selects one; "automatic" takes the counter if it is fine enough.

    Returns
    -------
    The charge, nan after a gap whose current is unknown; and notices.

    Raises
    ------
    InputError
        If counter and current contradict each other, or the selected counter is missing.
    """
    flows, doubt = _from_current(records, state, gaps)
    counted = _from_counters(records, state, sign, flows)
    if counted is None:
        if source == "counter":
            raise InputError("has no counter of charge", place=records.path, cure='leave out charge = "counter"')
        return _summed(flows), doubt
    found_notices = () if source == "current" else _compared(records, counted, flows)
    if source == "counter" or (source == "automatic" and not _is_coarse(counted, state, records.time)):
        return _summed(counted), found_notices
    rounded = Notice("counter_coarse", "the cycler's counter of charge does not change while current flows: it is too "
                     "coarse, and the charge is the integral of the logged current")  # fmt: skip
    return _summed(flows), (*((rounded,) if source == "automatic" else ()), *found_notices, *doubt)


def _summed(increments: FloatArray) -> FloatArray:
    return np.concatenate([[0.0], np.cumsum(increments)])


def _from_counters(records: Records, state: IntArray, sign: int, flows: FloatArray) -> FloatArray | None:
    """Return the charge of each interval by the first counter that the file has, mAh, shape (n - 1,)."""
    counters = records.counters
    if "net" in counters:
        return sign * np.diff(counters["net"])
    if "increment" in counters:
        return sign * counters["increment"][1:]
    if "charge" in counters and "discharge" in counters:
        return _increments(counters["charge"]) - _increments(counters["discharge"])
    if "step_capacity" in counters:
        return _of_capacity(counters["step_capacity"], records.step, state, sign, flows)
    return None


def _of_capacity(
    capacity: FloatArray, step: IntArray | None, state: IntArray, sign: int, flows: FloatArray
) -> FloatArray:
    """Return the charge of each interval from a column named capacity, mAh.

    Files count it from the start of a step, of a half cycle, or as net charge with a sign; comparison with the current
    decides which.
    """
    readings = [sign * np.diff(capacity)]
    if (capacity >= 0).all():
        readings += [_increments(capacity, begins) * state[1:] for begins in (step, None)]
    known = np.isfinite(flows)
    return min(readings, key=lambda reading: float(np.abs(reading - flows)[known].sum()))


def _increments(counter: FloatArray, step: IntArray | None = None) -> FloatArray:
    """Return the increase of a counter in each interval; it may be reset (with each step)."""
    before, after = counter[:-1], counter[1:]
    afresh = after < SET_BACK * before
    if step is not None:
        afresh |= step[1:] != step[:-1]
    return np.where(afresh, after, after - before)


def _from_current(records: Records, state: IntArray, gaps: NDArray[np.bool_]) -> tuple[FloatArray, tuple[Notice, ...]]:
    """Return the integral of the current over each interval, mAh, shape (n - 1,); nan where unknown.

    Trapezoid rule; cyclers log the start of a step, so the current before it is that of the record before.
    """
    signed = np.abs(records.current) * state
    before, after = signed[:-1], signed[1:]
    hours = np.diff(records.time) / SECONDS_AN_HOUR
    flows = np.where(state[1:] == state[:-1], 0.5 * (before + after), before) * hours
    unknown = gaps & (np.abs(after - before) > STEADY * np.maximum(np.abs(before), np.abs(after)))
    flows[unknown] = np.nan
    if not unknown.any():
        return flows, ()
    message = f"the charge is unknown in {unknown.sum()} gaps of the log: it ends at the first"
    return flows, (Notice("charge_unknown", message),)


def _is_coarse(counted: FloatArray, state: IntArray, time: FloatArray) -> bool:
    active = (state[:-1] != REST) & (state[1:] == state[:-1]) & (np.diff(time) > 0)
    return bool(active.any()) and float(np.mean(counted[active] == 0)) > COARSE


def _compared(records: Records, counted: FloatArray, flows: FloatArray) -> tuple[Notice, ...]:
    """Compare the charges of counter and current where both are known, charging and discharging together."""
    known = np.isfinite(flows) & np.isfinite(counted)
    by_counter, by_current = (float(np.abs(values[known]).sum()) for values in (counted, flows))
    if not (by_counter > 0 and by_current > 0):
        return ()
    ratio = by_counter / by_current
    summary = f"{by_counter:.4g} mAh by its counter of charge, {by_current:.4g} mAh by its current"
    if not 1 / CONTRADICTS < ratio < CONTRADICTS:
        raise InputError(f"the log contradicts itself: {summary}", place=records.path,
                         cure='correct the units of its titles, or select one: charge = "counter" or "current" in '
                         "[electrochemistry]")  # fmt: skip
    if abs(ratio - 1) > DIFFERS:
        return (Notice("charge_differs", f"two values of the charge differ: {summary}"),)
    return ()
