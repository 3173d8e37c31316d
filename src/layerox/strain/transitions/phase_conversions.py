"""Conversions: which phase turns into which, from the rises and falls of all phases.

The weight that one phase loses while others gain is assigned first to phases that gliding can make from it, then to the
rest, each in proportion. Weight fractions alone do not determine more: if one origin can supply two products at the
same time, both get their share.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from layerox.refined import Refined
from layerox.series.group_columns import determined_fractions
from layerox.strain.transitions.axis_branches import Axis
from layerox.strain.transitions.coexistence import Coexistence, LayerSizes, coexistence
from layerox.strain.transitions.phase_stackings import ARROW, Stacking, glide_text
from layerox.strain.transitions.rises_and_falls import Change
from layerox.typing import FloatArray

if TYPE_CHECKING:
    import pandas as pd

# Grid points for comparing levels, and the share of the smaller of two changes below which no flow is reported.
FINE, SHARE = 2000, 0.2
# Weight fraction per grid step that counts as zero.
NOTHING = 1e-12


@dataclass(frozen=True, kw_only=True)
class Step:
    """One phase that converts into another.

    Attributes
    ----------
    origin, product
        Phases.
    name
        "P2 -> OP4".
    onset, midpoint, end
        Frames.
    weight
        Converted weight fraction.
    glides
        The glides from one to the other ("+1 0 -1 0"), "distortion", "forbidden", "" where one of the two is not
        layered.
    coexistence
        Two-phase or solid solution.
    branch
        "charge", "heating", ...; "" without an axis.
    """

    origin: str
    product: str
    name: str
    onset: Refined
    midpoint: Refined
    end: Refined
    weight: float
    glides: str
    coexistence: Coexistence
    branch: str

    @property
    def is_forbidden(self) -> bool:
        """Whether no sequence of glides converts the origin into the product."""
        return self.glides == "forbidden"


@dataclass(frozen=True, kw_only=True, eq=False)
class Flow:
    """Weight transferred from one phase to another.

    Attributes
    ----------
    fall, rise
        Indices of the falling and the rising change.
    weight
        Weight fraction.
    onset, midpoint, end
        Places where both changes have begun, half of the weight is transferred, and one of the changes has ended.
    """

    fall: int
    rise: int
    weight: float
    onset: float
    midpoint: float
    end: float


def flows(
    phases: Sequence[str], found: Sequence[Change], stackings: Mapping[str, Stacking], least: float
) -> list[Flow]:
    """Return the flows between changes, in the order of their midpoints.

    Parameters
    ----------
    phases, found
        The phase of each change, and the changes.
    stackings
        Stackings of the layered phases, by name.
    least
        The smallest weight fraction that counts.
    """
    if not found:
        return []
    low, high = min(c.places[0] for c in found), max(c.places[-1] for c in found)
    grid = np.linspace(low, high, FINE)
    steps = np.array([np.diff(change.level(grid)) for change in found])
    lost, gained = np.maximum(-steps, 0.0), np.maximum(steps, 0.0)
    related = np.array([[_share_senses(stackings.get(a), stackings.get(b)) for b in phases] for a in phases])
    # A phase does not turn into itself.
    others = np.array([[a != b for b in phases] for a in phases])
    within = _shared_out(lost, gained, related & others)
    left_lost, left_gained = lost - within.sum(axis=1), gained - within.sum(axis=0)
    rates = within + _shared_out(left_lost, left_gained, others)
    pairs = [
        _flow(fall, rise, rates[fall, rise], grid, found)
        for fall in range(len(found))
        for rise in range(len(found))
        if _matters(float(rates[fall, rise].sum()), found[fall], found[rise], least)
    ]
    return sorted(pairs, key=lambda flow: (flow.midpoint, flow.fall, flow.rise))


def _share_senses(one: Stacking | None, other: Stacking | None) -> bool:
    return one is not None and other is not None and one.family is not None and one.family == other.family


def _shared_out(lost: FloatArray, gained: FloatArray, allowed: NDArray[np.bool_]) -> FloatArray:
    """Return the flow from each change to each other one in each step, in proportion to losses and gains, (c, c, s).

    No phase gives more than it loses, and none receives more than it gains.
    """
    open_to = allowed[:, :, None] * gained[None, :, :]
    flow = lost[:, None, :] * _divided(open_to, open_to.sum(axis=1)[:, None, :])
    return flow * np.minimum(_divided(gained, flow.sum(axis=0)), 1.0)[None, :, :]


def _divided(part: FloatArray, whole: FloatArray) -> FloatArray:
    """Return part / whole, 0 where the whole is zero."""
    return np.where(whole > NOTHING, part / np.where(whole > NOTHING, whole, 1.0), 0.0)


def _matters(weight: float, fall: Change, rise: Change, least: float) -> bool:
    smaller = min(fall.size, rise.size)
    return weight >= min(least, 0.8 * smaller) and weight >= SHARE * smaller


def _flow(fall: int, rise: int, rate: FloatArray, grid: FloatArray, found: Sequence[Change]) -> Flow:
    done = np.append(0.0, np.cumsum(rate))
    one, other = found[fall], found[rise]
    return Flow(
        fall=fall,
        rise=rise,
        weight=float(done[-1]),
        onset=max(float(one.onset), float(other.onset)),
        midpoint=float(np.interp(0.5 * done[-1], done, grid)),
        end=min(float(one.end), float(other.end)),
    )


class StepFinder:
    """Finds the steps of a series from the changes of its phases."""

    def __init__(
        self,
        table: pd.DataFrame,
        listed: Sequence[tuple[str, Change]],
        known: Mapping[str, Stacking],
        shown: Mapping[str, str],
        layers: Mapping[str, LayerSizes | None],
        axis: Axis,
        seed: int,
    ):
        # Phases without a stacking (a foil) are left out.
        chosen = [(name, change) for name, change in listed if name in known]
        self.names, self.found = [name for name, _ in chosen], [change for _, change in chosen]
        self.table, self.known, self.shown, self.layers = table, known, shown, layers
        self.axis, self.seed = axis, seed

    def steps(self, least: float) -> Iterator[Step]:
        """Yield the steps in the order of their midpoints."""
        for flow in flows(self.names, self.found, self.known, least):
            yield self._step(flow)

    def _step(self, flow: Flow) -> Step:
        pair = self.names[flow.fall], self.names[flow.rise]
        both = self.found[flow.fall], self.found[flow.rise]
        branch = self.axis.branch(flow.midpoint)
        return Step(
            origin=pair[0],
            product=pair[1],
            name=ARROW.join(self.shown[name] for name in pair),
            onset=max((change.onset for change in both), key=float),
            midpoint=Refined(flow.midpoint, max(change.midpoint.esd for change in both), "free"),
            end=min((change.end for change in both), key=float),
            weight=flow.weight,
            glides=glide_text(*(self.known[name] for name in pair)),
            coexistence=self._coexistence(pair, flow),
            branch="" if branch is None else branch.name,
        )

    def _coexistence(self, pair: tuple[str, str], flow: Flow) -> Coexistence:
        frame = self.table["frame"].to_numpy(dtype=np.float64)
        within = self.table[(frame >= flow.onset - 0.5) & (frame <= flow.end + 0.5)]
        fractions = [determined_fractions(within, name) for name in pair]
        weights, esds = ([np.nan_to_num(own[k]) for own in fractions] for k in (0, 1))
        layers = self.layers.get(pair[0]), self.layers.get(pair[1])
        return coexistence(layers, within["frame"].to_numpy(dtype=np.float64), weights, esds, seed=self.seed)
