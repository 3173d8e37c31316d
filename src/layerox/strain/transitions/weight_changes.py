"""Rises and falls of the weight fractions of phases, with onset, midpoint and end of each.

The changes of one phase follow from its weight fractions in the accepted frames (`rises_and_falls`).
A phase that is absent before a rise enters, one that is absent after a fall leaves; the table calls these "birth" and
"death".
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

import numpy as np

from layerox.refined import Refined
from layerox.series.group_columns import determined_fractions, esds_of_changes
from layerox.strain.transitions.axis_branches import Axis
from layerox.strain.transitions.rises_and_falls import Change, changes
from layerox.typing import FloatArray

if TYPE_CHECKING:
    import pandas as pd

Kind = Literal["birth", "death", "rise", "fall"]

# Smallest change of a weight fraction that counts; for a phase that is absent at times, at most half of its maximum.
LEAST = 0.02
# Lower limit of the uncertainty of a weight fraction.
LEAST_ESD = 1e-4


@dataclass(frozen=True, kw_only=True)
class PhaseChange:
    """A rise or fall of one phase.

    Attributes
    ----------
    phase
        Its name.
    kind
        "birth" (phase entry) if the phase is absent before, "death" (phase exit) if it is absent afterwards, else
        "rise" or "fall".
    change
        The change of its weight fraction.
    onset, midpoint, end
        On the axis of the run (frames without one).
    branch
        "charge", "heating", ...; "" without an axis.
    """

    phase: str
    kind: Kind
    change: Change
    onset: Refined
    midpoint: Refined
    end: Refined
    branch: str


def weight_changes(
    table: pd.DataFrame, phases: Sequence[str], name: str, least: float, seed: int
) -> tuple[Change, ...]:
    """Return the changes of the weight fraction of one phase, in order.

    Parameters
    ----------
    table
        The accepted frames of a series.
    phases, name
        All phases, and the one in question.
    least
        Smallest change of a weight fraction that counts.
    seed
        Seed of the draws for the uncertainties.
    """
    value, _ = determined_fractions(table, name)
    esd = _esds(table, phases, name)
    known = np.isfinite(value)
    absent = table[f"{name}.volume"].isna().to_numpy()
    if absent.any():
        least = min(least, 0.5 * float(np.max(value[known], initial=0.0)))
    if least <= 0:
        return ()
    frame = table["frame"].to_numpy(dtype=np.float64)
    return changes(frame[known], value[known], esd[known], least=least, seed=seed)


def _esds(table: pd.DataFrame, phases: Sequence[str], name: str) -> FloatArray:
    """Return the uncertainties of a phase's fractions, not less than those that absent phases contribute."""
    value, own = determined_fractions(table, name)[0], esds_of_changes(table, name)
    variance = np.zeros(len(table))
    for other in phases:
        absent = table[f"{other}.volume"].isna().to_numpy()
        left_open = np.nan_to_num(determined_fractions(table, other)[1])
        variance += np.where(absent, left_open**2, 0.0) * (other != name)
    floor = np.maximum(value * variance**0.5, LEAST_ESD)
    usual = float(np.nanmedian(own)) if np.isfinite(own).any() else LEAST_ESD
    return np.asarray(np.maximum(np.where(np.isfinite(own), own, usual), floor))


def phase_change(table: pd.DataFrame, name: str, change: Change, axis: Axis) -> PhaseChange:
    """Return a change of one phase with its kind, its branch and its place on the axis of the run."""
    branch = axis.branch(float(change.midpoint))
    return PhaseChange(
        phase=name,
        kind=_kind(table, name, change),
        change=change,
        onset=axis.at(change.onset),
        midpoint=axis.at(change.midpoint),
        end=axis.at(change.end),
        branch="" if branch is None else branch.name,
    )


def _kind(table: pd.DataFrame, name: str, change: Change) -> Kind:
    """Return the kind of a change: an entry if the phase is absent just before, an exit if it is absent just after."""
    frame = table["frame"].to_numpy(dtype=np.float64)
    absent = table[f"{name}.volume"].isna().to_numpy()
    if change.rises:
        edge = absent[frame <= float(change.onset) + 1.0]
        return "birth" if len(edge) and edge[-3:].any() else "rise"
    edge = absent[frame >= float(change.end) - 1.0]
    return "death" if len(edge) and edge[:3].any() else "fall"
