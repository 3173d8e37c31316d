"""The input of a parametric refinement: frames, settings and values of a finished series."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import numpy as np

from layerox.analysis.beam_setup import Beam
from layerox.analysis.fit import check_phases
from layerox.analysis.recipe import Recipe, read_recipe
from layerox.diffraction.model import safe_name
from layerox.diffraction.parameters import slot_name
from layerox.diffraction.phase import Phase
from layerox.errors import InputError, nearest
from layerox.pattern import Pattern
from layerox.series.frame_setup import Frame, PatternReading, SeriesSetup
from layerox.series.parametric.frame_equations import StartingFrame
from layerox.series.refinement.phase_presence import PhaseLevel
from layerox.series.result import Series, frame_at
from layerox.typing import FloatArray

if TYPE_CHECKING:
    import pandas as pd


NUMBER = "frame"
GOOD = ("accepted", "reseeded")
# Quantities of the table that are the model's too, and those that show the phase level.
SLOTS = ("a", "b", "c", "beta", "microstrain", "displacement")
WIDTHS, CELL = ("size", "microstrain"), ("a", "b", "c", "beta")


@dataclass(frozen=True, kw_only=True, eq=False)
class ParametricInput:
    """The frames, settings and values of a finished series.

    Attributes
    ----------
    setup
        What the series was refined with.
    frames
        All of them, good or bad.
    first
        A pattern.
    axis
        Name of the axis.
    known, x
        The frames to be refined, and their positions on the axis, shape (n,).
    """

    setup: SeriesSetup
    frames: tuple[Frame, ...]
    first: Pattern
    axis: str
    known: tuple[StartingFrame, ...]
    x: FloatArray


def source_of(series: Series, recipe: Recipe, axis: str | None, between: tuple[float, float] | None) -> ParametricInput:
    """Return the input from a finished series.

    Parameters
    ----------
    series
        Finished.
    recipe
        That it was refined with.
    axis
        A column of its table, or "frame"; by default its first axis, or the frames' numbers.
    between
        The stretch of the axis that is refined; all of it by default.

    Raises
    ------
    InputError
        If the series is not finished, its patterns are missing, or there is no such axis.
    """
    if series.run["status"] != "complete":
        raise InputError("the series is not finished", place=series.path, cure="run it with --resume first")
    frames = tuple(frame_at(series, k) for k in range(len(series.frames)))
    name, x = _axis(series, axis)
    good = series.frames["verdict"].isin(GOOD).to_numpy() & np.isfinite(x)
    if between is not None:
        if not between[0] < between[1]:
            raise InputError(f"{between[0]:g} to {between[1]:g}", argument="between", cure="give the smaller one first")
        good &= (x >= between[0]) & (x <= between[1])
    chosen = np.flatnonzero(good)
    if not len(chosen):
        raise InputError(
            f"no accepted frame is in this range of the axis {name}", argument="between", cure="choose another"
        )
    limits = series.run["range"]
    reading = PatternReading(
        radiation=None if recipe.instrument is None else recipe.instrument.radiation,
        range=None if limits is None else (limits[0], limits[1]),
        exclude=recipe.exclude,
        dataset=series.run.get("dataset"),
    )
    first = reading.pattern(frames[int(np.flatnonzero(series.frames["verdict"] != "unreadable")[0])])
    setup = replace(_setup(recipe, first, reading), own=tuple(series.run.get("own", ())))
    known = tuple(_known(series.frames.iloc[int(k)], frames[int(k)], setup.phases) for k in chosen)
    return ParametricInput(setup=setup, frames=frames, first=first, axis=name, known=known, x=x[chosen])


def recipe_of(series: Series) -> Recipe:
    """Return the recipe that a series was refined with.

    Raises
    ------
    InputError
        If the series has no recipe, or its structures are missing.
    """
    document = series.run.get("recipe")
    if isinstance(document, Mapping):
        return read_recipe(document)
    if series.path is None:
        raise InputError("the series has no record of its settings", cure="refine it again")
    return read_recipe(series.path / "recipe.toml")


def _setup(recipe: Recipe, first: Pattern, reading: PatternReading) -> SeriesSetup:
    known, beam = Beam(instrument=recipe.instrument).resolve(first)
    phases = tuple(check_phases(list(recipe.phases), first, beam))
    return SeriesSetup(phases=phases, instrument=known, radiation=beam, reading=reading, plan=recipe.plan)


def _axis(series: Series, axis: str | None) -> tuple[str, FloatArray]:
    """Return name and values of an axis, shape (frames,)."""
    name = axis or (series.axes[0] if series.axes else NUMBER)
    columns = [column for column in series.frames.select_dtypes("number").columns if "." not in column]
    if name not in columns:
        raise InputError(f"the series has no {name!r}", argument="axis", cure=nearest(name, columns))
    x = np.asarray(series.frames[name], dtype=np.float64)
    if not np.isfinite(x).any():
        raise InputError(f"no frame has a {name}", argument="axis", cure=nearest(name, columns))
    return name, x


def _known(row: pd.Series, frame: Frame, phases: tuple[Phase, ...]) -> StartingFrame:
    """Return where a frame starts: the numbers of the phases that it shows."""
    values: dict[str, float] = {}
    levels = []
    for phase in phases:
        numbers = _TableNumbers(row, safe_name(phase.name))
        levels.append(numbers.level)
        if not numbers.level:
            continue
        known = {slot: numbers.of(slot) for slot in SLOTS} | {"inverse_size": 1.0 / numbers.of("size")}
        values |= {slot_name(phase, slot): value for slot, value in known.items() if math.isfinite(value)}
    return StartingFrame(frame=frame, values=values, levels=tuple(levels))


@dataclass(frozen=True, eq=False)
class _TableNumbers:
    """Reads the numbers of one phase off a row of the table."""

    row: pd.Series
    phase: str

    def of(self, quantity: str) -> float:
        return float(self.row.get(f"{self.phase}.{quantity}", math.nan))

    @property
    def level(self) -> PhaseLevel:
        """How much of the phase was refined: what was has an uncertainty."""
        if math.isnan(self.of("volume")):
            return PhaseLevel.ABSENT
        if any(math.isfinite(self.of(f"{quantity}_esd")) for quantity in WIDTHS):
            return PhaseLevel.WIDTHS
        return (
            PhaseLevel.CELL if any(math.isfinite(self.of(f"{quantity}_esd")) for quantity in CELL) else PhaseLevel.SCALE
        )
