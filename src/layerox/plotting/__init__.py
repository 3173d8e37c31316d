"""Plotting: results drawn on matplotlib Axes; the only package that imports matplotlib, and it computes no science."""

from __future__ import annotations

from typing import TYPE_CHECKING

from layerox.calibration import Calibration
from layerox.diffraction.refinement import Refinement
from layerox.diffraction.simulation import Simulation
from layerox.errors import InputError
from layerox.plotting.calibration import plot_calibration
from layerox.plotting.operando import plot_series
from layerox.plotting.parametric import plot_parametric
from layerox.plotting.powder import INTENSITY_SCALES, plot_refinement, plot_simulation
from layerox.series.parametric.result import Parametric
from layerox.series.result import Series

if TYPE_CHECKING:
    from matplotlib.axes import Axes

__all__ = [
    "INTENSITY_SCALES",
    "plot",
    "plot_calibration",
    "plot_parametric",
    "plot_refinement",
    "plot_series",
    "plot_simulation",
]


def plot(result: object, ax: Axes | None = None, *, intensity: str = "linear") -> Axes:
    """Draw a result as its kind is drawn.

    Parameters
    ----------
    result
        A `Refinement`, a `Simulation`, a `Calibration`, a `Series` or a `Parametric`.
    ax
        Where to draw; a new figure when not given.
    intensity
        "linear", "sqrt" or "log".

    Raises
    ------
    InputError
        If there is no picture of such an object.
    """
    if isinstance(result, Refinement):
        return plot_refinement(result, ax, intensity=intensity)
    if isinstance(result, Simulation):
        return plot_simulation(result, ax, intensity=intensity)
    if isinstance(result, Calibration):
        return plot_calibration(result, ax)
    if isinstance(result, Series):
        return plot_series(result, ax)
    if isinstance(result, Parametric):
        return plot_parametric(result, ax)
    raise InputError(f"a {type(result).__name__} cannot be drawn", cure="give the result of fit, simulate or calibrate")
