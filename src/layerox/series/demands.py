"""Demands: what a user asks of a series, and what its frames are refined with once a pattern has been looked at."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from layerox.analysis.beam_setup import Beam, pattern_from
from layerox.analysis.fit import check_phases
from layerox.analysis.phase_arguments import PhaseArgument
from layerox.analysis.recipe import Recipe
from layerox.diffraction.phase import Phase
from layerox.diffraction.phase_order import canonical_order
from layerox.diffraction.refinement_plan import NO_PLAN
from layerox.electrochemistry.settings import ElectrochemistryModel
from layerox.errors import InputError
from layerox.io.instrument_file import table_of_instrument
from layerox.io.opening import is_file
from layerox.pattern import Pattern
from layerox.series.description import described
from layerox.series.electrochemistry import COLUMN_UNITS
from layerox.series.frames import Frames, Reading, axis_units
from layerox.series.setup import Setup


@dataclass(frozen=True, kw_only=True, eq=False)
class Asked:
    """What a user asks for, before any pattern has been looked at.

    Attributes
    ----------
    axes
        Where frames stand, as the user names it.
    argued
        The phases behind their arguments.
    told
        The recipe.
    reference
        Name of the phase to whose mass the others' are referred.
    own
        Which quantities of atoms each frame refines for itself.
    electrochemistry
        The log and its clocks.
    reading
        How patterns are read.
    beam
        How the patterns were measured, as the user states it.
    """

    axes: Sequence[str]
    argued: Sequence[tuple[PhaseArgument, Phase]]
    told: Recipe | None
    reference: str | None
    own: tuple[str, ...]
    electrochemistry: ElectrochemistryModel | None
    reading: Reading
    beam: Beam

    def demands(self, frames: Frames) -> Demands:
        """Return what frames are refined with.

        Raises
        ------
        InputError
            If something given cannot be used, or none of the frames can be read.
        """
        first = _first_readable(frames, self.reading)
        known, beam = self.beam.resolve(first)
        plan = (NO_PLAN if self.told is None else self.told.plan).with_reference(self.reference)
        chosen = check_phases([phase for _, phase in self.argued], first, beam)
        plan.quantification.check(chosen, beam, known.geometry)
        setup = Setup(
            phases=tuple(canonical_order(chosen)),
            instrument=known,
            radiation=beam,
            plan=plan,
            reading=self.reading,
            own=self.own,
        )
        _ = setup.own_names  # a name that is nobody's is refused before any work is done
        document = _document(self.told, setup, chosen, [argument for argument, _ in self.argued], self.reference)
        units = axis_units(self.axes)
        if self.electrochemistry is not None:
            document = {**document, "electrochemistry": self.electrochemistry.model_dump(mode="json")}
            # Without axes a log orders the frames by their times.
            units |= COLUMN_UNITS | ({} if self.axes else axis_units(["time"]))
        description = {**described(setup, first), "axis_units": units}
        names = [phase.name for phase in chosen]
        return Demands(setup=setup, names=names, first=first, document=document, description=description)


@dataclass(frozen=True, kw_only=True, eq=False)
class Demands:
    """What frames are refined with, the names of the phases as the user orders them, a pattern, recipe and run.json."""

    setup: Setup
    names: Sequence[str]
    first: Pattern
    document: Mapping[str, object]
    description: Mapping[str, Any]


class Unreadable(InputError):
    """None of the frames can be read, or none yet."""


def _first_readable(frames: Frames, reading: Reading) -> Pattern:
    faults = []
    for frame in frames.frames:
        try:
            return pattern_from(reading.pattern(frame), None)
        except InputError as error:
            faults.append(error)
    raise Unreadable(f"none of {len(frames)} frames can be read; {faults[0].problem}", place=faults[0].place,
                      cure=faults[0].cure)  # fmt: skip


def _document(
    told: Recipe | None, setup: Setup, phases: Sequence[Phase], given: Sequence[PhaseArgument], reference: str | None
) -> Mapping[str, object]:
    """Return the recipe as used: the user's, completed by what he has said otherwise."""
    said: dict[str, Any] = {} if told is None else dict(told.document)
    measured = table_of_instrument(replace(setup.instrument, radiation=setup.radiation))
    said["instrument"] = {**said.get("instrument", {}), "file": None, **measured}
    if told is None or not told.phases:
        said["phase"] = _phase_rows(phases, given)
    if setup.reading.range is not None:
        said["pattern"] = {**said.get("pattern", {}), "range": list(setup.reading.range)}
    if reference is not None:
        said["quantification"] = {**said.get("quantification", {}), "reference": reference}
    return said


def _phase_rows(phases: Sequence[Phase], given: Sequence[PhaseArgument]) -> list[dict[str, object]]:
    """Return the phases as a recipe names them."""
    rows = []
    for phase, argument in zip(phases, given, strict=True):
        text = argument[1] if isinstance(argument, tuple) else argument
        text = str(text).removeprefix(f"{phase.name}=") if isinstance(text, (str, Path)) else phase.name
        path = Path(text)
        row: dict[str, object] = {"name": phase.name, "structure": str(path.resolve()) if is_file(path) else text}
        rows.append({**row, "hardware": True} if phase.hardware else row)
    return rows
