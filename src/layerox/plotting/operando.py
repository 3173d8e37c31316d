"""Operando: a series as papers print it: the map of all patterns, and below it fractions and cells on the same axis.

The map's colours (cividis) and those of the phases (Okabe & Ito) are told apart by colour-blind readers.
"""

from __future__ import annotations

from io import BytesIO
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from layerox.io.writing import write_atomically
from layerox.plotting.powder import PALETTE
from layerox.series.contour import IntensityMap, intensity_map
from layerox.series.result import Series

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

INCHES = (7.0, 8.5)
HEIGHTS = {"map": 3.0, "axis": 0.9, "fractions": 1.5, "cells": 1.7}
FORMATS = ("png", "pdf")
# What a cycler's log says of a frame, but what is not drawn beside the map.
NOT_DRAWN = {"current", "capacity", "x_na_esd", "cycle", "step"}
DOUBTED = "#BBBBBB"


def plot_series(series: Series, ax: Axes | None = None) -> Axes:
    """Draw a series; returns the Axes of the map, or of the fractions where the patterns are not there any more.

    Parameters
    ----------
    series
        The result.
    ax
        Its figure is drawn upon, in place of everything that it shows; a new one when not given.
    """
    figure = None if ax is None else ax.get_figure(root=True)
    if figure is None:
        from matplotlib import pyplot  # noqa: PLC0415  (a script that hands its own Axes over needs no pyplot)

        figure = pyplot.figure(figsize=INCHES)
    figure.clear()
    return draw(series, figure)


def draw(series: Series, figure: Figure) -> Axes:
    """Draw a series on a figure; returns the topmost Axes."""
    found = intensity_map(series)
    others = [name for name in series.axes[1:] if name not in NOT_DRAWN and series.frames[name].notna().any()]
    rows = [*(["map"] if found is not None else []), *(["axis"] * len(others)), "fractions", "cells"]
    grid = {"height_ratios": [HEIGHTS[row] for row in rows], "hspace": 0.08}
    panels = figure.subplots(len(rows), 1, sharex=True, squeeze=False, gridspec_kw=grid)[:, 0]
    waiting = list(panels)
    if found is not None:
        _draw_map(waiting.pop(0), found)
    for name in others:
        axes = waiting.pop(0)
        axes.plot(series.place, series.frames[name], color="#222222", lw=1.0)
        axes.set_ylabel(name)
    _draw_fractions(waiting[0], series)
    _draw_cells(waiting[1], series)
    waiting[1].set_xlabel(series.axes[0] if series.axes else "frame")
    figure.align_ylabels(panels)
    top: Axes = panels[0]
    return top


def _draw_map(axes: Axes, found: IntensityMap) -> None:
    shown = np.sqrt(np.maximum(found.intensity, 0.0)).T
    low, high = np.percentile(shown, (2.0, 99.7))
    axes.pcolormesh(found.place, found.two_theta, shown, cmap="cividis", vmin=low, vmax=high, shading="nearest",
                    rasterized=True)  # fmt: skip
    axes.set_ylabel("2θ (degrees)")


def _draw_fractions(axes: Axes, series: Series) -> None:
    good = series.frames["verdict"].isin(["accepted", "reseeded"])
    for k, name in enumerate(series.phases):
        columns = (f"{name}.weight_fraction", f"{name}.weight_fraction_esd")
        value, esd = (100.0 * series.frames[column].where(good).to_numpy(float) for column in columns)
        axes.errorbar(series.place, value, esd, fmt=".-", ms=3, lw=0.8, color=PALETTE[k % len(PALETTE)], label=name)
    for place in series.place[~good]:
        axes.axvline(place, color=DOUBTED, lw=0.8, zorder=0)
    axes.set_ylabel("weight %")
    axes.legend(frameon=False, fontsize="small", ncols=max(1, min(len(series.phases), 4)))


def _draw_cells(axes: Axes, series: Series) -> None:
    """Draw a (full line) and c (dashed) relative to where each phase shows first."""
    good = series.frames["verdict"].isin(["accepted", "reseeded"])
    for k, name in enumerate(series.phases):
        for length, line in (("a", "-"), ("c", "--")):
            value = series.frames[f"{name}.{length}"].where(good)
            if value.notna().any():
                change = 100.0 * (value / value.dropna().iloc[0] - 1.0)
                axes.plot(series.place, change, line, lw=1.0, color=PALETTE[k % len(PALETTE)])
    axes.set_ylabel("a (line), c (dashed)\nchange (%)")


def write_pictures(series: Series, folder: Path) -> None:
    """Write series.png and series.pdf."""
    from matplotlib.backends.backend_agg import FigureCanvasAgg  # noqa: PLC0415
    from matplotlib.figure import Figure  # noqa: PLC0415

    figure = Figure(figsize=INCHES, layout="constrained")
    FigureCanvasAgg(figure)
    draw(series, figure)
    for kind in FORMATS:
        buffer = BytesIO()
        figure.savefig(buffer, format=kind, dpi=150)
        write_atomically(folder / f"series.{kind}", buffer.getvalue())
