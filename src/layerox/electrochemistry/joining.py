"""Joining: the files of one cell that follow each other, as one log."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise

import numpy as np
from numpy.typing import NDArray

from layerox.electrochemistry.log import Electrochemistry
from layerox.electrochemistry.records import REST
from layerox.electrochemistry.states import counted_cycles, gaps_of
from layerox.errors import InputError
from layerox.notices import Notice
from layerox.typing import FloatArray

# Clocks that write whole seconds may seem to run backwards by so much.
ROUNDING_S = 1.5


def joined(logs: Sequence[Electrochemistry], longest_gap_s: float | None, *, count_cycles: bool) -> Electrochemistry:
    """Return the logs of one cell, in the order of their times, as one.

    Parameters
    ----------
    logs
        In order.
    longest_gap_s
        As for `read_electrochemistry`.
    count_cycles
        Whether cycles are counted through, since no file numbers them.

    Raises
    ------
    InputError
        If one begins before another has ended.
    """
    if len(logs) == 1:
        return logs[0]
    for earlier, later in pairwise(logs):
        if later.time[0] < earlier.time[-1] - ROUNDING_S:
            raise InputError(f"begins before {earlier.paths[0].name} ends", place=later.paths[0],
                             cure="give files of one cell that follow each other")  # fmt: skip
    names = ("time", "voltage", "current", "cycle", "step", "state")
    whole = {name: np.concatenate([getattr(log, name) for log in logs]) for name in names}
    whole["time"] = np.maximum.accumulate(whole["time"])
    if count_cycles:
        whole["cycle"] = counted_cycles(whole["state"])
    labels = np.stack([whole[name] for name in ("cycle", "step", "state")], axis=1)
    gaps = gaps_of(whole["time"], whole["voltage"], whole["current"], labels, longest_gap_s)
    capacity, doubts = _continued(logs, gaps)
    return Electrochemistry(
        **whole,
        capacity=capacity,
        gaps=gaps,
        paths=tuple(path for log in logs for path in log.paths),
        mass_mg=next((log.mass_mg for log in logs if log.mass_mg is not None), None),
        notices=(*(notice for log in logs for notice in log.notices), *doubts),
    )


def _continued(logs: Sequence[Electrochemistry], gaps: NDArray[np.bool_]) -> tuple[FloatArray, list[Notice]]:
    """Return the charge through all files, none between them; unknown behind a gap in which some may have flowed."""
    parts, level, doubts = [logs[0].capacity], float(logs[0].capacity[-1]), []
    at = len(logs[0])
    for earlier, later in pairwise(logs):
        if gaps[at - 1] and (earlier.state[-1] != REST or later.state[0] != REST):
            level = np.nan
            message = f"the charge that has flowed is unknown between {earlier.paths[-1].name} and the next file"
            doubts.append(Notice("charge_unknown", message))
        parts.append(level + later.capacity - later.capacity[0])
        level, at = float(parts[-1][-1]), at + len(later)
    return np.concatenate(parts), doubts
