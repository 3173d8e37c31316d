"""Curves of single frames of a finished series: observed, calculated and background, from its tables.

A row of the table holds cells, widths and offsets, and run.json the parameters that all frames share. Background and
scales are in neither; they follow by linear least squares, so that a frame costs two evaluations of the model. A frame
of a series without neighbours is fitted from scratch again.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass, replace
from functools import partial
from typing import Any

import numpy as np

from layerox.analysis.beam_setup import Beam
from layerox.analysis.recipe import recipe_from
from layerox.diffraction.least_squares import NEAR_DAMPING, minimise
from layerox.diffraction.minimum import Data
from layerox.diffraction.model import Calculated, Model, instrument_at, safe_name
from layerox.diffraction.model_setup import with_starting_widths
from layerox.diffraction.parameters import Parameters, slot_name
from layerox.diffraction.phase_order import canonical_order
from layerox.diffraction.prior import PriorRestraint
from layerox.diffraction.starting_values import non_negative, set_linear
from layerox.errors import InputError
from layerox.pattern import Pattern
from layerox.series.frame_row import FrameRow, quantities_of
from layerox.series.frame_setup import SeriesSetup
from layerox.series.refinement.common_parameters import (
    POSITION,
    PROFILE,
    CommonParameters,
    from_scratch,
)
from layerox.series.refinement.frame_fit import FrameFitter
from layerox.series.refinement.frame_model import TOLERANCE, FrameModel, restored
from layerox.series.refit import row_from_cells
from layerox.series.result import Series, frame_at, reading_of
from layerox.series.stacking_columns import has_disorder
from layerox.series.tables import shown_in
from layerox.typing import FloatArray

# Entry of run.json for the parameters that all frames share.
COMMON = "common"


@dataclass(frozen=True, kw_only=True, eq=False)
class FrameCurves:
    """The curves of one frame.

    Attributes
    ----------
    pattern
        As measured, without the excluded regions.
    calculated, background
        Intensities, shape (n,).
    contributions
        Of each phase that the frame shows, by name, shape (n,).
    """

    pattern: Pattern
    calculated: FloatArray
    background: FloatArray
    contributions: Mapping[str, FloatArray]


def common_document(common: CommonParameters) -> dict[str, Any]:
    """Return the common parameters of a series as plain data for run.json."""
    return {
        "background_terms": common.background_terms,
        "values": {name: float(value) for name, value in common.values.items()},
        "free": sorted(common.free),
        "shared": sorted(common.shared),
        "priors": [asdict(prior) for prior in common.priors],
        "position": None if common.position is None else asdict(common.position),
    }


class FrameCurveSource:
    """The curves of the frames of a series, one frame at a time.

    Parameters
    ----------
    series
        A series whose patterns still exist.

    Attributes
    ----------
    is_quick
        Whether a frame takes milliseconds: its table and run.json hold all that is not linear.

    Raises
    ------
    InputError
        If the series does not state its common parameters, or a phase of its recipe cannot be read.
    """

    def __init__(self, series: Series):
        self.is_quick = not series.run["unordered"]
        if self.is_quick and not series.run.get(COMMON):
            cure = "run layerox series again with this version"
            raise InputError("does not state the common parameters of its frames", place=series.path, cure=cure)
        self._series = series
        self._setup = _setup_of(series)
        self._columns = quantities_of(self._setup)
        self._fitter: FrameFitter | None = None

    def curves(self, k: int, pattern: Pattern | None = None) -> FrameCurves:
        """Return the curves of the frame in a row of the table; `pattern` is its whole pattern if it is read already.

        Raises
        ------
        InputError
            If its file cannot be read, or the row has no phase.
        """
        reading = self._setup.reading
        if pattern is None:
            pattern = reading.pattern(frame_at(self._series, k))
        elif reading.exclude:
            pattern = pattern.exclude(reading.exclude)
        if not self.is_quick:
            minimum = from_scratch(self._setup, pattern, self._setup.instrument)
            return _frame_curves(pattern, minimum.model, minimum.minimum.calculated)
        return self._restored(self._row(k), pattern)

    def _restored(self, row: FrameRow, pattern: Pattern) -> FrameCurves:
        shown = shown_in(row)
        if not shown:
            raise InputError("has no refined phase", place=row.file, cure="choose an accepted frame")
        frame_model = self._model(pattern)
        view, data, table = frame_model.ready(pattern, restored(frame_model, dict.fromkeys(shown, row)))
        set_linear(view.model, data, table)
        if view.model.extras or self._setup.own_names or has_disorder(view.model):
            # The table does not hold all that such frames refine; the descent from their rows is short.
            near = partial(minimise, tolerance=TOLERANCE, damping=NEAR_DAMPING, restraints=view.restraints)
            found = near(view.model, data, table).calculated
        else:
            found = _with_whole_tails(view.model, data, table)
        return _frame_curves(pattern, view.model, found)

    def _row(self, k: int) -> FrameRow:
        cells = {str(title): str(cell) for title, cell in self._series.frames.iloc[k].items()}
        return row_from_cells(cells, self._series.axes, self._columns)

    def _model(self, pattern: Pattern) -> FrameModel:
        if self._fitter is None:
            self._fitter = FrameFitter(_common_from(self._series.run[COMMON], self._setup, pattern))
        return self._fitter.frame_model(pattern)


def _frame_curves(pattern: Pattern, model: Model, found: Calculated) -> FrameCurves:
    names = (safe_name(phase.name) for phase in model.phases)
    return FrameCurves(
        pattern=pattern,
        calculated=found.total,
        background=found.background,
        contributions=dict(zip(names, found.phases, strict=True)),
    )


def _with_whole_tails(model: Model, data: Data, table: Parameters) -> Calculated:
    """Return the model with background and scales refined once more, at the reach of peaks that a refinement has.

    The first solution cuts the tails of peaks earlier, which changes the background by about its uncertainty.
    """
    found = model.calculated(table.values)
    terms = [name for name in model.names[: model.background_block.stop] if table.can_vary(name)]
    scales = [name for phase in model.phases if table.can_vary(name := slot_name(phase, "scale"))]
    factors = [k for k, phase in enumerate(model.phases) if slot_name(phase, "scale") in scales]
    places = [model.names.index(name) for name in terms]
    rows = np.concatenate([model.basis[places], found.phases[factors]]) * data.weight
    moving = model.basis[places].T @ [table.value(name) for name in terms] + found.phases[factors].sum(axis=0)
    target = (data.intensity - (found.total - moving)) * data.weight
    solution, _ = non_negative(rows, target, len(terms))
    for name, value in zip(terms, solution, strict=False):
        table.assign(name, float(value))
    for name, factor in zip(scales, solution[len(terms) :], strict=True):
        table.assign(name, float(factor) * table.value(name))
    return model.calculated(table.values)


def _setup_of(series: Series) -> SeriesSetup:
    """Return the settings with which a series was refined, from its recipe as used."""
    run = series.run
    recipe = recipe_from(run["recipe"])
    if recipe is None or recipe.instrument is None:
        raise InputError("does not state its recipe", place=series.path, cure="run layerox series again")
    reading = replace(reading_of(series), exclude=recipe.exclude)
    instrument, radiation = Beam(instrument=recipe.instrument).resolve()
    return SeriesSetup(
        phases=tuple(canonical_order(list(recipe.phases))),
        instrument=instrument,
        radiation=radiation,
        plan=recipe.plan,
        reading=reading,
        own=tuple(run.get("own", ())),
    )


def _common_from(document: Mapping[str, Any], setup: SeriesSetup, pattern: Pattern) -> CommonParameters:
    values = dict(document["values"])
    instrument = with_starting_widths(setup.instrument, pattern)
    if all(name in values for name in (*PROFILE, *POSITION)):
        instrument = instrument_at(instrument, values.__getitem__)
    return CommonParameters(
        setup=setup,
        instrument=instrument,
        background_terms=int(document["background_terms"]),
        values=values,
        free=frozenset(document["free"]),
        shared=frozenset(document["shared"]),
        seed_frames=(),
        limits=pattern.range,
        priors=tuple(PriorRestraint(**row) for row in document["priors"]),
    )
