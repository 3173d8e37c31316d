"""Charge, discharge and rest of a cell, the sign of the charging current, cycle and step numbers, and gaps."""

from __future__ import annotations

from typing import Literal

import numpy as np
from numpy.typing import NDArray

from layerox.electrochemistry.file_records import CHARGE, DISCHARGE, REST, UNKNOWN, Records, stretches
from layerox.errors import InputError
from layerox.typing import FloatArray, IntArray

Convention = Literal["charge-positive", "discharge-positive"]

# A current below this share of the usual maximum is noise of a rest.
RESTING = 1e-3
# Smaller currents, mA, are always noise.
NOISE_MA = 1e-6
# Intervals of current in which the voltage changes by less (V) do not determine the sign of the current; and the
# share of the remaining charge that must agree before the voltage overrules the assumed sign.
TELLING_V, AGREEMENT = 0.05, 0.75
# An interval is a gap if it is longer than the first value times the usual interval of its step and than the second, s;
# unless voltage (V) and current (share) are equal at both ends, so that the cycler had no reason to log.
GAP, SHORTEST_GAP_S = 5.0, 60.0
UNCHANGED_V, UNCHANGED_SHARE = 0.02, 0.02


def states_of(records: Records, convention: Convention | None) -> tuple[IntArray, int]:
    """Return CHARGE, REST or DISCHARGE for each record, shape (n,), and the sign of the current that charges.

    Step names in the file decide, then the sign of the current.

    Parameters
    ----------
    records
        The records of a file.
    convention
        The sign of a charging current; positive if None.

    Raises
    ------
    InputError
        If no convention is given, and the voltage falls while the current should charge.
    """
    current = records.current
    active = np.abs(current) > RESTING * _usual_largest(current)
    direction = np.where(active, np.sign(current), 0.0).astype(np.int64)
    if records.kind is not None and (stated := records.kind != UNKNOWN).any():
        sign = _sign_of_words(direction[stated], records.kind[stated])
        return np.where(stated, records.kind * active, sign * direction), sign
    if convention is None:
        _refuse_falling_charge(records, direction)
    sign = -1 if convention == "discharge-positive" else 1
    return sign * direction, sign


def counted_cycles(state: IntArray) -> IntArray:
    """Return the number of the cycle of each record, from 1, shape (n,).

    A cycle begins where the cell returns, after the opposite direction, to the direction of its first step.
    """
    cycle, first, turned = 1, REST, False
    result = np.empty(state.size, dtype=np.int64)
    for stretch in stretches(state):
        now = int(state[stretch.start])
        first = first or now
        if now == -first and now != REST:
            turned = True
        elif now == first and turned:
            cycle, turned = cycle + 1, False
        result[stretch] = cycle
    return result


def steps_of(records: Records, state: IntArray) -> IntArray:
    """Return the step number of each record, shape (n,): that of the file, or of the interval of one state, from 1."""
    if records.step is not None:
        return records.step
    return np.concatenate([[1], 1 + np.cumsum(state[1:] != state[:-1])])


def gaps_of(time: FloatArray, voltage: FloatArray, current: FloatArray, labels: IntArray,
            longest: float | None) -> NDArray[np.bool_]:  # fmt: skip
    """Return whether each interval between records is a gap, shape (n - 1,).

    Parameters
    ----------
    time, voltage, current
        s, V and mA, shape (n,).
    labels
        Cycle, step and state of each record, shape (n, 3).
    longest
        Longest interval that is not a gap, s; by default derived from the usual interval.
    """
    interval = np.diff(time)
    if longest is not None:
        return interval > longest
    usual = _usual_interval(interval, labels)
    long = interval > np.maximum(GAP * usual, SHORTEST_GAP_S)
    same = (labels[1:] == labels[:-1]).all(axis=1)
    largest = np.maximum(np.abs(current[1:]), np.abs(current[:-1]))
    steady = np.abs(np.diff(current)) <= np.maximum(UNCHANGED_SHARE * largest, RESTING * _usual_largest(current))
    unchanged = same & steady & (np.abs(np.diff(voltage)) <= UNCHANGED_V)
    return np.asarray(long & ~unchanged)


def _usual_largest(current: FloatArray) -> float:
    """Return the 99 % quantile of the currents that are not zero, mA."""
    size = np.abs(current)
    flowing = size[size > max(RESTING * float(size.max()), NOISE_MA)]
    return float(np.percentile(flowing, 99.0)) if flowing.size else NOISE_MA / RESTING


def _usual_interval(interval: FloatArray, labels: IntArray) -> FloatArray:
    """Return, for each interval, the larger of the median intervals of the steps on its two sides, s."""
    overall = float(np.median(interval)) if interval.size else 0.0
    by_record = np.full(len(labels), overall)
    for stretch in stretches(labels):
        own = interval[stretch.start : stretch.stop - 1]
        if own.size > 2:
            by_record[stretch] = np.median(own)
    longer: FloatArray = np.maximum(by_record[1:], by_record[:-1])
    return longer


def _sign_of_words(direction: IntArray, kind: IntArray) -> int:
    """Return the sign of the current on charging, +1 if the file writes currents without a sign."""
    if charging := int(direction[kind == CHARGE].sum()):
        return 1 if charging > 0 else -1
    return -1 if direction[kind == DISCHARGE].sum() > 0 else 1


def _refuse_falling_charge(records: Records, direction: IntArray) -> None:
    """Compare the sign of the current with the voltage, which rises when a cell is charged."""
    agreeing = against = 0.0
    for stretch in stretches(direction):
        change = float(records.voltage[stretch.stop - 1] - records.voltage[stretch.start])
        if direction[stretch.start] == 0 or abs(change) < TELLING_V:
            continue
        weight = float(np.abs(np.trapezoid(records.current[stretch], records.time[stretch])))
        if change * direction[stretch.start] > 0:
            agreeing += weight
        else:
            against += weight
    if against > AGREEMENT * (agreeing + against):
        raise InputError("the voltage falls while the current is positive", place=records.path,
                         cure='if positive discharges in this file, set current = "discharge-positive" in '
                         '[electrochemistry]; if not, "charge-positive"')  # fmt: skip
