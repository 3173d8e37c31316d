"""Phase transitions of a series: when, between which phases, by which mechanism, and whether they are reversible.

Only the table of the series is used. Weight fractions give the changes (`weight_changes`) and the conversions
(`phase_conversions`), cells the mechanism (`coexistence`, `cell_drifts`), the axis the branches, charge, discharge,
heating or cooling (`axis_branches`), and the hysteresis (`hysteresis`).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Literal

from layerox.computing.threads import single_threaded
from layerox.errors import InputError
from layerox.notices import Notice, RenamedNotices
from layerox.public import public
from layerox.refined import Refined
from layerox.series.result import Series
from layerox.series.run_document import crystal_from_document
from layerox.strain.measured_cells import GOOD, measured_phases
from layerox.strain.transitions.axis_branches import Axis, axis_of
from layerox.strain.transitions.cell_drifts import Drift, drifts
from layerox.strain.transitions.coexistence import layer_sizes
from layerox.strain.transitions.disordered_stages import disordered_stackings, run_name_with_stages, stacking_notices
from layerox.strain.transitions.hysteresis import Hysteresis, Return, hystereses, returns
from layerox.strain.transitions.phase_conversions import Step, StepFinder
from layerox.strain.transitions.phase_stackings import Stacking, shown_names, stackings_of
from layerox.strain.transitions.run_stages import State, run_name, stages, states
from layerox.strain.transitions.transition_table import transition_table
from layerox.strain.transitions.weight_changes import LEAST, Kind, PhaseChange, phase_change, weight_changes

if TYPE_CHECKING:
    import pandas as pd

SODIUM = "x_na"


@dataclass(frozen=True, kw_only=True, eq=False)
class Transitions(RenamedNotices):
    """The phase transitions of a series.

    Attributes
    ----------
    series
        The series.
    name
        Name of the run: "P2/O3 -> P2/P3 -> OP4/OP2".
    states
        Ranges of frames with the same phases; foils and impurities left out.
    changes
        Rises and falls of all phases, in the order of their midpoints.
    steps
        Conversions of one phase into another, in the order of their midpoints.
    drifts
        Changes of a cell while its phase stays.
    hysteresis, returns
        Comparison of forth and back; empty for an axis without a turning point.
    axis
        The axis that drives the run.
    stackings
        Stackings of the layered phases, by name.
    warnings
        Violations of the orientation rule, and other notices.
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
    warnings: tuple[Notice, ...]

    @property
    def violations(self) -> tuple[Step, ...]:
        """The steps that gliding cannot make."""
        return tuple(step for step in self.steps if step.is_forbidden)

    @property
    def irreversible(self) -> tuple[Return, ...]:
        """Quantities that differ after a cycle by more than three standard uncertainties."""
        return tuple(found for found in self.returns if not found.is_reversible)

    def formation(self, phase: str, branch: str = "") -> Refined | None:
        """Return the axis value where a phase first begins to form (on a branch); None if it never does."""
        return self._first(phase, "birth", branch, "onset")

    def loss(self, phase: str, branch: str = "") -> Refined | None:
        """Return the axis value where a phase first disappears (on a branch); None if it never does."""
        return self._first(phase, "death", branch, "end")

    def _first(self, phase: str, kind: Kind, branch: str, end: Literal["onset", "end"]) -> Refined | None:
        found = [c for c in self.changes if c.phase == phase and c.kind == kind and branch in ("", c.branch)]
        if not found:
            return None
        return found[0].onset if end == "onset" else found[0].end

    @cached_property
    def table(self) -> pd.DataFrame:
        """The changes as a table; see `layerox.strain.transitions.transition_table`."""
        return transition_table(self.series, self.changes, self.steps, self.axis)

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
    """Return the transitions of a series: onset, midpoint and end of every change, the conversions and their mechanism.

    Parameters
    ----------
    series
        Result of `fit_series` or `open_series`; frames in the order of time.
    axis
        The axis that drives the series; by default the voltage, the temperature or the pressure.
    stackings
        Stackings of phases whose names do not give them: {"main": "P2"}.
    least
        Smallest change of a weight fraction that counts; phase entries and exits always count.
    seed
        Seed of the draws for uncertainties.

    Returns
    -------
    Transitions
        `name` of the run, `table` (a row a change, with onset, midpoint and end), `steps`, `hysteresis`, `violations`.

    Raises
    ------
    InputError
        If an argument cannot be used, or the series has no accepted frame.

    Examples
    --------
    >>> import layerox as lx
    >>> lx.transitions(lx.open_series("out"))  # written by the example of `fit_series`
    <Transitions P2 -> P2/OP4: 2 changes, 1 steps>
    """
    if not 0 < least < 1:
        raise InputError(f"changes of {least:g}", argument="least", cure="give a weight fraction between 0 and 1")
    documents = series.run.get("structures") or {}
    crystals = {name: crystal_from_document(name, documents[name]) for name in series.phases if name in documents}
    mixed = disordered_stackings(series.frames, series.phases)
    known = stackings_of(series.phases, crystals, stackings) | mixed
    driver = axis_of(series, axis)
    table = series.frames[series.frames["verdict"].isin(GOOD)].reset_index(drop=True)
    if not len(table):
        raise InputError("the series has no accepted frame", place=series.path, cure="see its frames.csv")
    cells = measured_phases(series).phases if documents else {}
    layers = {name: layer_sizes(cells[name]) for name in known if name in cells and known[name].is_layered}
    found = {name: weight_changes(table, series.phases, name, least, seed) for name in series.phases}
    listed = sorted(
        ((name, change) for name in found for change in found[name]), key=lambda pair: float(pair[1].midpoint)
    )
    shown = shown_names(known)
    steps = tuple(StepFinder(table, listed, known, shown, layers, driver, seed).steps(least))
    named = [name for name in series.phases if name in known]
    return Transitions(
        series=series,
        name=run_name_with_stages(run_name(stages(table, named, found), _origins(steps, known), shown), table, mixed),
        states=states(table, named),
        changes=tuple(phase_change(table, name, change, driver) for name, change in listed),
        steps=steps,
        drifts=tuple(d for name, own in layers.items() if own is not None for d in drifts(table, name, own, seed=seed)),
        hysteresis=hystereses(steps, driver),
        returns=returns(table, series.phases, _state_axis(series, driver)),
        axis=driver,
        stackings=known,
        warnings=(*_notices(documents), *_rule_notices(steps), *stacking_notices(table, mixed)),
    )


def _state_axis(series: Series, driver: Axis) -> Axis:
    """Return the axis for comparing states before and after a cycle: the sodium content where it is known."""
    return axis_of(series, SODIUM) if SODIUM in series.axes and driver.name != SODIUM else driver


def _notices(documents: Mapping[str, object]) -> list[Notice]:
    if documents:
        return []
    message = (
        "the series does not hold its structures: cells are not compared, and stackings follow from the phase names"
    )
    return [Notice("no_structures", f"{message}; run it again")]


def _origins(steps: Sequence[Step], known: Mapping[str, Stacking]) -> dict[str, list[str]]:
    """Return the origins of each layered phase, the largest contribution first."""
    found: dict[str, list[Step]] = {}
    for step in steps:
        if known[step.product].is_layered:
            found.setdefault(step.product, []).append(step)
    return {name: [s.origin for s in sorted(own, key=lambda s: -s.weight)] for name, own in found.items()}


def _rule_notices(steps: Sequence[Step]) -> list[Notice]:
    return [
        Notice(
            "orientation_rule",
            f"{step.name} (frames {float(step.onset):.0f} to {float(step.end):.0f}, {100 * step.weight:.0f} wt%): "
            "not possible by gliding, because a glide keeps every slab's sense; "
            "slabs were rebuilt, or a phase has the wrong name",
        )
        for step in steps
        if step.is_forbidden
    ]
