"""Transitions: when the phases of a series turned into each other, into what, how, and whether it came back.

Reads the table of a series only. Weight fractions tell when (see `changes`), those of all phases together what turned
into what (`flows`), the cells whether two phases coexisted (`coexistence`, `drifts`), the axis which of it belongs to
charge, discharge, heating or cooling (`branches`) and how far there and back are apart (`hysteresis`).
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Literal

import numpy as np

from layerox.computing.threads import single_threaded
from layerox.errors import InputError
from layerox.notices import Notice
from layerox.public import public
from layerox.refined import Refined
from layerox.series.group_columns import determined_fractions
from layerox.series.result import Series
from layerox.series.run_document import crystal_from_document
from layerox.strain.cells import GOOD, observed
from layerox.strain.changes import Change, changes
from layerox.strain.coexistence import Coexistence, LayerSizes, coexistence, layer_sizes
from layerox.strain.drifts import Drift, drifts
from layerox.strain.driver import Axis, axis_of
from layerox.strain.flows import Flow, flows
from layerox.strain.hysteresis import Hysteresis, Return, hystereses, returns
from layerox.strain.naming import ARROW, Stacking, glide_text, run_name, shown_names, stackings_of
from layerox.strain.stages import State, stages, states
from layerox.typing import FloatArray

if TYPE_CHECKING:
    import pandas as pd

Kind = Literal["birth", "death", "rise", "fall"]

# The smallest change of a weight fraction that counts; where a phase is absent at times, half of the most it reaches.
LEAST = 0.02
# Uncertainty of a weight fraction below which none is believed.
LEAST_ESD = 1e-4
SODIUM = "x_na"


@dataclass(frozen=True, kw_only=True)
class PhaseChange:
    """A rise or fall of one phase.

    Attributes
    ----------
    phase
        Its name.
    kind
        "birth" if the phase was absent before, "death" if it is afterwards, else "rise" or "fall".
    change
        When, by how much.
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


@dataclass(frozen=True, kw_only=True)
class Step:
    """One phase turning into another.

    Attributes
    ----------
    origin, product
        Phases.
    name
        "P2 -> OP4".
    onset, midpoint, end
        Frames.
    weight
        Weight fraction that went this way.
    glides
        How gliding leads there ("+1 0 -1 0"), "distortion", "forbidden", "" where one of the two is not layered.
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
    def breaks_orientation_rule(self) -> bool:
        """Whether no gliding leads there."""
        return self.glides == "forbidden"


@dataclass(frozen=True, kw_only=True, eq=False)
class Transitions:
    """What happened in a series.

    Attributes
    ----------
    series
        The series.
    name
        Of the run, in the review's language: "P2/O3 -> P2/P3 -> OP4/OP2".
    states
        Which phases the frames show, stretch by stretch; foils and impurities left out.
    changes
        Rises and falls of all phases, in the order of their midpoints.
    steps
        What turned into what, in the order of midpoints.
    drifts
        Where cells moved while their phase stayed.
    hysteresis, returns
        There and back; empty without an axis that turns.
    axis
        What drives the run.
    stackings
        Of the phases that are one.
    notices
        What breaks the orientation rule, and what else a user should know.
    """

    series: Series
    name: str
    states: tuple[State, ...]
    changes: tuple[PhaseChange, ...]
    steps: tuple[Step, ...]
    drifts: tuple[Drift, ...]
    hysteresis: tuple[Hysteresis, ...]
    returns: tuple[Return, ...]
    axis: Axis
    stackings: Mapping[str, Stacking]
    notices: tuple[Notice, ...]

    @property
    def violations(self) -> tuple[Step, ...]:
        """The steps that no gliding makes."""
        return tuple(step for step in self.steps if step.breaks_orientation_rule)

    @property
    def lost_for_good(self) -> tuple[Return, ...]:
        """What did not come back."""
        return tuple(found for found in self.returns if not found.came_back)

    def formation(self, phase: str, branch: str = "") -> Refined | None:
        """Return where on the axis a phase begins to form for the first time (on a branch); None if it never does."""
        return self._first(phase, "birth", branch, "onset")

    def loss(self, phase: str, branch: str = "") -> Refined | None:
        """Return where on the axis a phase is gone for the first time (on a branch); None if it never is."""
        return self._first(phase, "death", branch, "end")

    def _first(self, phase: str, kind: Kind, branch: str, end: Literal["onset", "end"]) -> Refined | None:
        found = [c for c in self.changes if c.phase == phase and c.kind == kind and branch in ("", c.branch)]
        if not found:
            return None
        return found[0].onset if end == "onset" else found[0].end

    @cached_property
    def table(self) -> pd.DataFrame:
        """The changes as a table; see `layerox.strain.transition_table`."""
        from layerox.strain.transition_table import table_of  # noqa: PLC0415  (which is made of these classes)

        return table_of(self)

    def __repr__(self) -> str:
        return f"<Transitions {self.name or 'none'}: {len(self.changes)} changes, {len(self.steps)} steps>"


@public
@single_threaded
def transitions(
    series: Series,
    *,
    axis: str | None = None,
    stackings: Mapping[str, str] | None = None,
    least: float = LEAST,
    seed: int = 0,
) -> Transitions:
    """Return what happened in a series: onset, midpoint and end of every change, what turned into what, and how.

    Parameters
    ----------
    series
        Of `fit_series` or `open_series`; frames in the order of time.
    axis
        One of the series' axes that drives it; by default one called like a temperature or a voltage.
    stackings
        What phases are whose names do not say it: {"main": "P2"}.
    least
        The smallest change of a weight fraction that counts; births and deaths always do.
    seed
        Of the draws for uncertainties.

    Raises
    ------
    InputError
        If something given cannot be used, or no frame can be believed.
    """
    if not 0 < least < 1:
        raise InputError(f"changes of {least:g}", argument="least", cure="give a weight fraction between 0 and 1")
    documents = series.run.get("structures") or {}
    crystals = {name: crystal_from_document(name, documents[name]) for name in series.phases if name in documents}
    known = stackings_of(series.phases, crystals, stackings)
    driver = axis_of(series, axis)
    table = series.frames[series.frames["verdict"].isin(GOOD)].reset_index(drop=True)
    if not len(table):
        raise InputError("no frame of the series can be believed", place=series.path, cure="see its frames.csv")
    cells = observed(series).phases if documents else {}
    layers = {name: layer_sizes(cells[name]) for name in known if name in cells and known[name].is_layered}
    found = {name: _changes(table, series.phases, name, least, seed) for name in series.phases}
    listed = sorted(
        ((name, change) for name in found for change in found[name]), key=lambda pair: float(pair[1].midpoint)
    )
    shown = shown_names(known)
    steps = tuple(_Stepper(table, listed, known, shown, layers, driver, seed).steps(least))
    named = [name for name in series.phases if name in known]
    return Transitions(
        series=series,
        name=run_name(stages(table, named, found), _origins(steps, known), shown),
        states=states(table, named),
        changes=tuple(_phase_change(table, name, change, driver) for name, change in listed),
        steps=steps,
        drifts=tuple(d for name, own in layers.items() if own is not None for d in drifts(table, name, own, seed=seed)),
        hysteresis=hystereses(steps, driver),
        returns=returns(table, series.phases, _state_axis(series, driver)),
        axis=driver,
        stackings=known,
        notices=(*_notices(documents), *_rule_notices(steps)),
    )


def _state_axis(series: Series, driver: Axis) -> Axis:
    """Return the axis on which states before and after a cycle are alike: the sodium content where it is known."""
    return axis_of(series, SODIUM) if SODIUM in series.axes and driver.name != SODIUM else driver


def _notices(documents: Mapping[str, object]) -> list[Notice]:
    if documents:
        return []
    message = "the series does not hold its structures: cells are not compared, and names tell what the phases are"
    return [Notice("no_structures", f"{message}; run it again")]


def _changes(table: pd.DataFrame, phases: Sequence[str], name: str, least: float, seed: int) -> tuple[Change, ...]:
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
    """Return the uncertainties of a phase's fractions: not less than what absent phases leave open."""
    value, own = determined_fractions(table, name)
    variance = np.zeros(len(table))
    for other in phases:
        absent = table[f"{other}.volume"].isna().to_numpy()
        left_open = np.nan_to_num(determined_fractions(table, other)[1])
        variance += np.where(absent, left_open**2, 0.0) * (other != name)
    floor = np.maximum(value * variance**0.5, LEAST_ESD)
    usual = float(np.nanmedian(own)) if np.isfinite(own).any() else LEAST_ESD
    return np.asarray(np.maximum(np.where(np.isfinite(own), own, usual), floor))


def _phase_change(table: pd.DataFrame, name: str, change: Change, axis: Axis) -> PhaseChange:
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
    """Return what a change is: a birth if the frames before its first third do not show the phase."""
    frame = table["frame"].to_numpy(dtype=np.float64)
    absent = table[f"{name}.volume"].isna().to_numpy()
    if change.rises:
        edge = absent[frame <= float(change.onset) + 1.0]
        return "birth" if len(edge) and edge[-3:].any() else "rise"
    edge = absent[frame >= float(change.end) - 1.0]
    return "death" if len(edge) and edge[:3].any() else "fall"


class _Stepper:
    """Makes the steps of a series out of the changes of its phases."""

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
        # A foil takes no part.
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


def _origins(steps: Sequence[Step], known: Mapping[str, Stacking]) -> dict[str, list[str]]:
    """Return of each layered phase what it is made of, the most important first."""
    found: dict[str, list[Step]] = {}
    for step in steps:
        if known[step.product].is_layered:
            found.setdefault(step.product, []).append(step)
    return {name: [s.origin for s in sorted(own, key=lambda s: -s.weight)] for name, own in found.items()}


def _rule_notices(steps: Sequence[Step]) -> list[Notice]:
    return [
        Notice(
            "orientation_rule",
            f"{step.name} (frames {float(step.onset):.0f} to {float(step.end):.0f}, {100 * step.weight:.0f} wt%): no "
            "glide leads there, a glide keeps every slab's sense; slabs were rebuilt, or the phases are misnamed",
        )
        for step in steps
        if step.breaks_orientation_rule
    ]
