"""Waterfall plot: the patterns of a series as stacked curves, under the reflections of its phases.

A few dozen curves, evenly chosen; colours go from the first to the last one (cividis, suitable for colour-blind
readers), and frames that are not accepted are grey.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from layerox.errors import InputError
from layerox.plotting.axis_labels import check_scale, verbatim
from layerox.plotting.figure_files import cleared_figure, files_of
from layerox.plotting.operando import DOUBTED, FORMATS, SMALL, TICK, axis_label, shade_excluded
from layerox.plotting.reflection_marks import ROW_HEIGHT, draw_reflections
from layerox.public import public
from layerox.series.figure_data import intensity_map, reflection_tracks
from layerox.series.result import Series
from layerox.typing import FloatArray

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure


WIDTH, HEIGHT = 6.5, 6.5
MOST_CURVES, ANGLES = 30, 1600
# The highest peak overlaps OVERLAP curves; the second number is the number of labels beside the right margin.
OVERLAP, NAMED = 6.0, 12
# The range of the colour map that is dark enough on white.
DARKEST, LIGHTEST = 0.0, 0.85


@public
def plot_waterfall(series: Series, ax: Axes | None = None, *, intensity: str = "sqrt") -> Axes:
    """Draw the patterns of a series above each other; returns the Axes of the curves.

    Parameters
    ----------
    series
        The result.
    ax
        Its figure is cleared and used; by default a new figure.
    intensity
        "linear", "sqrt" or "log".

    Raises
    ------
    InputError
        If the pattern files are missing.
    """
    check_scale(intensity)
    return draw(series, cleared_figure(ax, inches_of(series)), intensity=intensity)


def inches_of(series: Series) -> tuple[float, float]:
    """Return the size of the figure of a series."""
    return WIDTH, HEIGHT + ROW_HEIGHT * len(series.phases)


def draw(series: Series, figure: Figure, *, intensity: str = "sqrt") -> Axes:
    """Draw a series on a figure; returns the Axes of the curves."""
    found = intensity_map(series, frames=MOST_CURVES, angles=ANGLES)
    if found is None:
        raise InputError("its pattern files are missing", place=series.run["folder"], cure="put them back")
    figure.set_layout_engine("constrained", h_pad=0.03, w_pad=0.03, hspace=0.0, wspace=0.0)
    grid = figure.add_gridspec(2, 1, height_ratios=(ROW_HEIGHT * len(series.phases), HEIGHT))
    axes = figure.add_subplot(grid[1])
    curves = _scaled(found.intensity, found.good, intensity)
    for k, curve in enumerate(curves):
        colour = _colour(k, len(curves)) if found.good[k] else DOUBTED
        axes.plot(found.two_theta, curve + k, lw=0.7, color=colour, zorder=len(curves) - k)
    shade_excluded(axes, found)
    axes.set_xlim(found.two_theta[0], found.two_theta[-1])
    axes.set_xlabel("2θ (degrees)", fontsize=SMALL)
    axes.set_ylabel(f"intensity ({intensity}), shifted", fontsize=SMALL)
    axes.tick_params(left=False, labelleft=False, labelsize=SMALL)
    _name_curves(axes, series, found.place)
    draw_reflections(figure.add_subplot(grid[0], sharex=axes), series, reflection_tracks(series))
    return axes


def _scaled(intensity: FloatArray, good: NDArray[np.bool_], scale: str) -> FloatArray:
    """Return the curves on their scale, from zero to `OVERLAP` at the highest peak of the accepted frames."""
    counts = np.maximum(np.nan_to_num(intensity), 0.0)
    shown = {"linear": counts, "sqrt": np.sqrt(counts), "log": np.log10(np.maximum(counts, 1.0))}[scale]
    shown = np.where(np.isnan(intensity), np.nan, shown)
    shown -= np.nanmin(shown, axis=1, keepdims=True)
    top = float(np.nanmax(shown[good] if good.any() else shown))
    return np.asarray(shown * (OVERLAP / max(top, 1e-300)))


def _colour(k: int, count: int) -> tuple[float, float, float, float]:
    from matplotlib import colormaps  # noqa: PLC0415

    return colormaps["cividis"](DARKEST + (LIGHTEST - DARKEST) * k / max(count - 1, 1))


def _name_curves(axes: Axes, series: Series, place: FloatArray) -> None:
    """Write axis values of some curves beside the right margin."""
    right = axes.secondary_yaxis("right")
    named = np.unique(np.linspace(0, len(place) - 1, min(NAMED, len(place))).round().astype(int))
    right.set_yticks(named, [f"{place[k]:.4g}" for k in named], fontsize=TICK)
    right.tick_params(length=0)
    right.set_ylabel(verbatim(axis_label(series, series.axes[0])) if series.axes else "frame", fontsize=SMALL)


def waterfall_pictures(series: Series, kinds: Sequence[str] = FORMATS) -> dict[str, bytes]:
    """Return the picture, drawn once, as files of some kinds ("png", "pdf", "svg"), by kind."""
    return files_of(lambda figure: draw(series, figure), inches_of(series), kinds)
