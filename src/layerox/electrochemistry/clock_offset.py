"""Offset between the clocks of the diffractometer and the cycler, fitted from events that both recorded.

Such events are a beam loss during a rest, or a scan started with the charge. The offset is the one at which most events
of the frames (first, last, edges of gaps) coincide with events of the log (first and last record, edges of rests and
gaps, changes from charge to discharge). An offset is rejected if so many coincidences are likely by chance.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from itertools import pairwise

import numpy as np

from layerox.electrochemistry.cell_log import Electrochemistry
from layerox.errors import InputError
from layerox.typing import FloatArray

# Largest offset that is tried, s: clocks in any two zones, plus some hours.
FARTHEST_S = 15 * 3600.0
# A gap between frames is longer than this multiple of the usual interval.
GAP = 3.0
# Largest chance probability of an accepted offset.
LARGEST_CHANCE = 0.01


@dataclass(frozen=True, kw_only=True)
class Offset:
    """Seconds to add to the cycler's clock to get that of the frames.

    Attributes
    ----------
    value
        Seconds.
    esd
        Standard uncertainty of a fitted offset, from the scatter of the events; nan for a given one.
    evidence
        The coincidences of a fitted offset, in words.
    """

    value: float
    esd: float = math.nan
    evidence: str = ""


@dataclass(frozen=True)
class _Match:
    offset: float
    count: int
    esd: float


def fitted_offset(starts: FloatArray, ends: FloatArray, log: Electrochemistry) -> Offset:
    """Return the offset at which the events of frames and log coincide.

    Parameters
    ----------
    starts, ends
        Start and end times of the frames by their clock, seconds since 1970 in UTC, shape (m,); unknown ends are nan.
    log
        The log of the cycler, by its clock.

    Raises
    ------
    InputError
        If the frames have too few events, or no offset is better than chance.
    """
    cadence, seen = _events_of_frames(starts, ends)
    tolerance = 0.5 * cadence
    logged = _events_of_log(log)
    matches = _candidates(seen, logged, tolerance)
    if not matches:
        raise InputError(f"no event of frames and log is within {FARTHEST_S / 3600:.0f} h", argument="offset",
                         cure="give it in seconds")  # fmt: skip
    best = max(matches, key=lambda match: (match.count, -match.esd))
    others = [match.count for match in matches if abs(match.offset - best.offset) > 2 * tolerance]
    chance = _chance(len(seen), best.count, _covered(logged, tolerance), len(matches))
    summary = f"{best.count} of {len(seen)} events of the frames (first, last, edges of gaps) coincide with " \
              f"events of the log within {tolerance:.3g} s, by chance with a probability of {chance:.1g}"  # fmt: skip
    if chance > LARGEST_CHANCE or max(others, default=0) >= best.count:
        raise InputError(f"no offset between the clocks is significant: at {best.offset:.0f} s {summary}",
                         argument="offset",
                         cure="give it in seconds")  # fmt: skip
    return Offset(value=best.offset, esd=best.esd, evidence=summary)


def _events_of_frames(starts: FloatArray, ends: FloatArray) -> tuple[float, FloatArray]:
    """Return the usual interval of frames, s, and their events: first, last, and the edges of gaps.

    A few frames in sequence that are all far apart form one gap.
    """
    order = np.argsort(starts)[: int(np.isfinite(starts).sum())]
    starts, ends = starts[order], ends[order]
    if starts.size < 3:
        raise InputError(f"{starts.size} frames with a time do not determine the offset between clocks",
                         argument="offset",
                         cure="give it in seconds")  # fmt: skip
    cadence = float(np.median(np.diff(starts)))
    ends = np.where(np.isfinite(ends), ends, starts + cadence)
    long = np.diff(starts) > GAP * cadence
    begins, stops = (
        np.flatnonzero(np.diff(long, prepend=False) & long),
        np.flatnonzero(np.diff(long, append=False) & long),
    )
    return cadence, np.sort(np.concatenate([starts[[0, *(stops + 1)]], ends[[*begins, -1]]]))


def _events_of_log(log: Electrochemistry) -> FloatArray:
    turns = log.time[1:][log.state[1:] != log.state[:-1]]
    gaps = np.flatnonzero(log.gaps)
    return np.unique(np.concatenate([log.time[[0, -1]], turns, log.time[gaps], log.time[gaps + 1]]))


def _candidates(seen: FloatArray, logged: FloatArray, tolerance: float) -> list[_Match]:
    """Return all offsets at which an event of the frames coincides with one of the log; close ones are merged."""
    offsets = np.sort((seen[:, None] - logged[None, :]).ravel())
    offsets = offsets[np.abs(offsets) <= FARTHEST_S]
    matches: list[_Match] = []
    for offset in offsets:
        match = _matched(float(offset), seen, logged, tolerance)
        if not matches or abs(match.offset - matches[-1].offset) > tolerance:
            matches.append(match)
        elif (match.count, -match.esd) > (matches[-1].count, -matches[-1].esd):
            matches[-1] = match
    return matches


def _matched(offset: float, seen: FloatArray, logged: FloatArray, tolerance: float) -> _Match:
    """Count the coincidences at an offset, and centre the offset on them."""
    shifted = seen - offset
    behind = np.clip(np.searchsorted(logged, shifted), 1, len(logged) - 1)
    early, late = shifted - logged[behind - 1], shifted - logged[behind]
    nearest = np.where(np.abs(early) < np.abs(late), early, late)
    near = nearest[np.abs(nearest) <= tolerance]
    scatter = float(near.std(ddof=1)) / math.sqrt(near.size) if near.size > 1 else tolerance
    return _Match(offset + float(near.mean()), int(near.size), scatter)


def _covered(logged: FloatArray, tolerance: float) -> float:
    """Return the fraction of the log's time that is within the tolerance of one of its events."""
    width = 2 * tolerance + sum(min(2 * tolerance, later - earlier) for earlier, later in pairwise(logged))
    return float(min(1.0, width / (logged[-1] - logged[0] + 2 * tolerance)))


def _chance(events: int, matched: int, covered: float, trials: int) -> float:
    """Return the probability that events at random times coincide as well at any of the tried offsets.

    One event of each trial coincides by construction.
    """
    left = events - 1
    at_least = math.fsum(
        math.comb(left, k) * covered**k * (1.0 - covered) ** (left - k) for k in range(matched - 1, left + 1)
    )
    return min(1.0, trials * at_least)
