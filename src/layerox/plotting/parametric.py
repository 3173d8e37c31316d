"""Plot of a parametric refinement: quantities of single frames, the refined functions, and the pulls."""

from __future__ import annotations

from itertools import pairwise
from typing import TYPE_CHECKING

import numpy as np

from layerox.plotting.axis_labels import verbatim
from layerox.plotting.figure_files import cleared_figure, png_of
from layerox.plotting.palette import PALETTE
from layerox.series.parametric.result import Function, Parametric

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

POINTS, REJECTED, ZERO = "#555555", "#C1272D", "#BBBBBB"
WIDTH, HEIGHT, MARGIN = 4.6, 2.9, 0.5
PLACES = 400
# Smallest half height of the pull axis.
LEAST_PULL = 3.5
UNITS = {
    "a": "Å", "b": "Å", "c": "Å", "alpha": "°", "beta": "°", "gamma": "°", "size": "nm", "zero": "°",
    "displacement": "mm", "u_iso": "Å²",
}  # fmt: skip


def plot_parametric(found: Parametric, ax: Axes | None = None) -> Axes:
    """Draw each function with its band of two standard uncertainties over the values of single frames.

    Parameters
    ----------
    found
        The result of `refine_parametric`.
    ax
        Its figure is cleared and used; by default a new figure.

    Returns
    -------
    Axes
        Axes of the first function; those of its pulls, (single frame - function) / esd, are below it.
    """
    return draw(found, cleared_figure(ax, inches(found), layout="constrained"))


def inches(found: Parametric) -> tuple[float, float]:
    """Return the size of a figure for all functions."""
    rows, columns = _grid(found)
    return columns * WIDTH + MARGIN, rows * HEIGHT + MARGIN


def draw(found: Parametric, figure: Figure) -> Axes:
    """Draw all functions on a figure; returns the Axes of the first."""
    rows, columns = _grid(found)
    panels = []
    for part, function in zip(figure.subfigures(rows, columns, squeeze=False).flat, found.functions, strict=False):
        upper, lower = part.subplots(2, 1, sharex=True, gridspec_kw={"height_ratios": [3.0, 1.0]})
        _draw_function(upper, found, function)
        _draw_pulls(lower, found, function)
        part.align_ylabels([upper, lower])
        panels.append(upper)
    panels[0].legend(frameon=False, fontsize="x-small", loc="best")
    first: Axes = panels[0]
    return first


def _grid(found: Parametric) -> tuple[int, int]:
    columns = min(len(found.functions), 2)
    return -(-len(found.functions) // columns), columns


def _draw_function(axes: Axes, found: Parametric, function: Function) -> None:
    frames, name = found.frames, function.name
    k = found.functions.index(function)
    color = REJECTED if function.verdict.status == "rejected" else PALETTE[k % len(PALETTE)]
    axes.errorbar(frames[found.axis], frames[f"{name}_alone"], frames[f"{name}_alone_esd"], fmt="o", ms=2.5, lw=0.7,
                  color=POINTS, label="frame by frame", zorder=2)  # fmt: skip
    for number, x in enumerate(_places(function)):
        value, esd = function.value(x)
        label = "function, ±2 esd" if number == 0 else None
        axes.plot(x, value, color=color, lw=1.3, zorder=4)
        band = value - 2.0 * esd, value + 2.0 * esd
        axes.fill_between(x, *band, color=color, alpha=0.3, lw=0.0, zorder=3, label=label)
    unit = UNITS.get(_kind(name))
    axes.set_ylabel(f"{name} ({unit})" if unit else name)
    axes.tick_params(labelbottom=False)
    axes.ticklabel_format(axis="y", useOffset=False)
    status = function.verdict.status.replace("_", " ")
    axes.set_title(f"{function.form.text}: {status}", loc="left", fontsize="small", color=color)


def _places(function: Function) -> list[np.ndarray]:
    """Return the axis values for drawing a function: one array for each range between jumps."""
    low, high = function.domain
    breaks = [place for place in getattr(function.form, "breaks", ()) if low < place < high]
    ends = [low, *breaks, high]
    return [
        np.linspace(start, np.nextafter(stop, start) if stop != high else stop, PLACES)
        for start, stop in pairwise(ends)
    ]


def _kind(name: str) -> str:
    return next((kind for kind in UNITS if name.endswith(f"_{kind}")), "")


def _draw_pulls(axes: Axes, found: Parametric, function: Function) -> None:
    pulls = found.frames[f"{function.name}_pull"]
    axes.axhspan(-2.0, 2.0, color=ZERO, alpha=0.35, lw=0.0, zorder=0)
    axes.axhline(0.0, color=ZERO, lw=0.8, zorder=1)
    axes.plot(found.frames[found.axis], pulls, "o", ms=2.5, color=POINTS, zorder=2)
    reach = max(LEAST_PULL, 1.1 * float(np.nanmax(np.abs(pulls)))) if pulls.notna().any() else LEAST_PULL
    axes.set(ylim=(-reach, reach), ylabel="pull", xlabel=verbatim(found.axis))
    axes.locator_params(axis="x", integer=found.axis == "frame", nbins=8)


def parametric_picture(found: Parametric, *, dpi: int = 150) -> bytes:
    """Return the picture of a parametric refinement as a PNG file's bytes."""

    def fill(figure: Figure) -> None:
        figure.set_layout_engine("constrained")
        draw(found, figure)

    return png_of(fill, inches(found), dpi)
