"""The quantities beside the map of a series: other axes, fractions, and layers or lengths of the cells."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np

from layerox.plotting.operando import (
    MOST_AXES,
    NOT_DRAWN,
    STACKING,
    axis_label,
    changing_lengths,
    without_long_absence,
)
from layerox.plotting.reflection_marks import phase_colour
from layerox.series.figure_data import layer_lengths
from layerox.series.group_columns import determined_fractions
from layerox.series.result import Series
from layerox.typing import FloatArray
from layerox.viewers.arrays import coded_floats

Curve = dict[str, Any]


def series_panels(series: Series) -> list[dict[str, Any]]:
    """Return label and curves of each panel, as in the operando figure; panels without a value are left out."""
    found = [*_axes(series), ("weight %", list(_fractions(series))), *_stacking(series), *_layers(series)]
    found.append(_changes(series))
    return [{"label": label, "curves": curves} for label, curves in found if curves]


def _curve(series: Series, phase: str | None, values: FloatArray, esds: FloatArray | None) -> Iterator[Curve]:
    """Yield a curve over the frames if it has a value."""
    if np.isfinite(values).any():
        yield {
            "phase": phase,
            "colour": None if phase is None else phase_colour(series, phase),
            "values": coded_floats(values),
            "esds": None if esds is None else coded_floats(esds),
        }


def _axes(series: Series) -> Iterator[tuple[str, list[Curve]]]:
    names = [name for name in series.axes[1:] if name not in NOT_DRAWN]
    for name in names[:MOST_AXES]:
        values = np.asarray(series.frames[name], dtype=np.float64)
        yield axis_label(series, name), list(_curve(series, None, values, None))


def _good(series: Series, column: str) -> FloatArray:
    """Return a column in the accepted frames, nan in the others."""
    return np.asarray(series.frames[column].where(series.is_good), dtype=np.float64)


def _fractions(series: Series) -> Iterator[Curve]:
    for name in series.phases:
        value, esd = (np.where(series.is_good, own, np.nan) for own in determined_fractions(series.frames, name))
        yield from _curve(series, name, 100.0 * without_long_absence(value), 100.0 * esd)


def _stacking(series: Series) -> Iterator[tuple[str, list[Curve]]]:
    for column, label in STACKING:
        names = [name for name in series.phases if f"{name}.{column}" in series.frames]
        curves = (_curve(series, n, _good(series, f"{n}.{column}"), _good(series, f"{n}.{column}_esd")) for n in names)
        yield label, [one for curve in curves for one in curve]


def _layers(series: Series) -> Iterator[tuple[str, list[Curve]]]:
    in_plane: list[Curve] = []
    spacing: list[Curve] = []
    for name, own in layer_lengths(series).items():
        in_plane += _curve(series, name, own.in_plane, own.in_plane_esd)
        spacing += _curve(series, name, own.spacing, own.spacing_esd)
    yield "a in the layer (Å)", in_plane
    yield "layer spacing (Å)", spacing


def _changes(series: Series) -> tuple[str, list[Curve]]:
    """Return the lengths of cells without layers, relative to the first frame of each phase, per cent."""
    shown: set[str] = set()
    curves: list[Curve] = []
    for name in series.phases:
        for length in changing_lengths(series, name):
            value, esd = (_good(series, f"{name}.{length}{end}") for end in ("", "_esd"))
            scale = 100.0 / float(value[np.isfinite(value)][0])
            curves += _curve(series, name, scale * value - 100.0, scale * esd)
            shown.add(length)
    return ("change of a, b, c (%)" if len(shown) > 1 else "change of a (%)"), curves
