"""Stages of a run (ranges of frames with the same phases), and the name of the run that follows from them.

Stages are the start and the end of the run, its rests, and the maximum of every phase that enters and leaves again. A
run is named by the phases of its stages ("P2/O3 -> P2/P3 -> OP4/OP2"), each product in the place of its origin.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from layerox.strain.transitions.phase_stackings import ARROW
from layerox.strain.transitions.rises_and_falls import Change
from layerox.typing import FloatArray

if TYPE_CHECKING:
    import pandas as pd


# Smallest length of a rest in frames; frames before a phase's maximum in which another phase must be present to count.
REST, LASTING = 3.0, 2


@dataclass(frozen=True, kw_only=True)
class State:
    """A range of frames with the same phases.

    Attributes
    ----------
    phases
        Their names.
    first, last
        Frames.
    """

    phases: tuple[str, ...]
    first: int
    last: int


def states(table: pd.DataFrame, phases: Sequence[str]) -> tuple[State, ...]:
    """Return the ranges of frames with the same phases.

    Parameters
    ----------
    table
        The accepted frames of a series.
    phases
        The phases that count.
    """
    found: list[State] = []
    for frame, shown in zip(table["frame"].tolist(), _shown(table, phases), strict=True):
        if found and found[-1].phases == shown:
            found[-1] = State(phases=shown, first=found[-1].first, last=frame)
        else:
            found.append(State(phases=shown, first=frame, last=frame))
    return tuple(found)


def _shown(table: pd.DataFrame, phases: Sequence[str]) -> list[tuple[str, ...]]:
    there = {name: table[f"{name}.volume"].notna().to_numpy() for name in phases}
    return [tuple(name for name in phases if there[name][k]) for k in range(len(table))]


def stages(table: pd.DataFrame, phases: Sequence[str], found: Mapping[str, Sequence[Change]]) -> list[tuple[str, ...]]:
    """Return the phases of the stages that name a run, in order.

    Parameters
    ----------
    table
        The accepted frames of a series.
    phases
        The phases that count.
    found
        The changes of each.
    """
    frame = table["frame"].to_numpy(dtype=np.float64)
    shown = _shown(table, phases)
    if not len(frame):
        return []
    places = [(frame[0], frame[0]), (frame[-1], frame[-1])]
    places += _rests(frame, [change for name in phases for change in found.get(name, ())])
    named = [(low, _usual(shown, (frame >= low) & (frame <= high))) for low, high in places]
    for name in phases:
        for change, following in pairwise(found.get(name, ())):
            if change.rises and not following.rises:
                at = _height(table, name, change.places[-1], following.places[0])
                # A phase that enters or leaves at the maximum of another one does not count.
                around = shown[max(at - LASTING, 0) : at + 1]
                named.append((frame[at], tuple(p for p in shown[at] if all(p in other for other in around))))
    return [phases for _, phases in sorted(named)]


def _height(table: pd.DataFrame, name: str, risen: float, falling: float) -> int:
    """Return the index of the frame with most of a phase between its rise and its fall (each to within a frame)."""
    frame = table["frame"].to_numpy(dtype=np.float64)
    weight = np.nan_to_num(table[f"{name}.weight_fraction"].to_numpy(dtype=np.float64), nan=-1.0)
    between = (frame >= risen - 1.0) & (frame <= falling + 1.0)
    if not between.any():
        return int(np.argmin(np.abs(frame - 0.5 * (risen + falling))))
    return int(np.argmax(np.where(between, weight, -2.0)))


def _rests(frame: FloatArray, found: Sequence[Change]) -> list[tuple[float, float]]:
    """Return the ranges in which no phase changes."""
    busy = sorted((float(change.onset), float(change.end)) for change in found)
    rests, free_from = [], frame[0]
    for onset, end in [*busy, (frame[-1], frame[-1])]:
        if onset - free_from >= REST:
            rests.append((free_from, onset))
        free_from = max(free_from, end)
    return rests


def _usual(shown: Sequence[tuple[str, ...]], within: NDArray[np.bool_]) -> tuple[str, ...]:
    """Return the most frequent set of phases in a range."""
    sets = [own for own, there in zip(shown, within, strict=True) if there]
    return max(sorted(set(sets)), key=sets.count) if sets else ()


def run_name(stages: Sequence[Sequence[str]], origins: Mapping[str, Sequence[str]], shown: Mapping[str, str]) -> str:
    """Return the name of a run.

    Parameters
    ----------
    stages
        The phases of each stage, in the order of time; equal neighbours count once.
    origins
        The origins of each phase, the largest contribution first.
    shown
        The displayed name of each phase.
    """
    order: list[str] = []
    texts: list[str] = []
    for stage in stages:
        order = _placed(order, stage, origins)
        text = "/".join(shown[phase] for phase in order)
        if not texts or texts[-1] != text:
            texts.append(text)
    return ARROW.join(texts)


def _placed(before: Sequence[str], stage: Sequence[str], origins: Mapping[str, Sequence[str]]) -> list[str]:
    """Return the phases of a stage in order: each new phase takes the place of its origin."""
    slots = [[phase] if phase in stage else [] for phase in before]
    for phase in (phase for phase in stage if phase not in before):
        places = [before.index(origin) for origin in origins.get(phase, ()) if origin in before]
        if places:
            slots[places[0]].append(phase)
        else:
            slots.append([phase])
    return [phase for slot in slots for phase in slot]
