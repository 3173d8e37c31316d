"""Plots of results on matplotlib Axes; the only package that imports matplotlib. It computes no science."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from layerox.analysis.calibrate import Calibration
from layerox.diffraction.refinement import Refinement
from layerox.diffraction.simulated_pattern import Simulation
from layerox.errors import InputError, nearest
from layerox.plotting.broadening import plot_broadening
from layerox.plotting.calibration import plot_calibration
from layerox.plotting.operando import plot_series
from layerox.plotting.parametric import plot_parametric
from layerox.plotting.powder import INTENSITY_SCALES, plot_refinement, plot_simulation
from layerox.plotting.strain import plot_coherency, plot_indicatrix, plot_strain
from layerox.plotting.transitions import plot_transitions
from layerox.plotting.waterfall import plot_waterfall
from layerox.public import public
from layerox.series.parametric.result import Parametric
from layerox.series.result import Series
from layerox.strain.broadening import Broadening
from layerox.strain.evolution import StrainEvolution
from layerox.strain.phase_strain import PhaseStrain
from layerox.strain.transitions import Transitions

if TYPE_CHECKING:
    from matplotlib.axes import Axes

__all__ = [
    "INTENSITY_SCALES",
    "plot",
    "plot_broadening",
    "plot_calibration",
    "plot_coherency",
    "plot_indicatrix",
    "plot_parametric",
    "plot_refinement",
    "plot_series",
    "plot_simulation",
    "plot_strain",
    "plot_transitions",
    "plot_waterfall",
]

KINDS = ("operando", "waterfall")
# Results with only one kind of plot.
PICTURES: dict[type, Callable[[Any, Axes | None], Axes]] = {
    Calibration: plot_calibration,
    Series: plot_series,
    Parametric: plot_parametric,
    StrainEvolution: plot_strain,
    PhaseStrain: plot_indicatrix,
    Transitions: plot_transitions,
    Broadening: plot_broadening,
}


@public
def plot(result: object, ax: Axes | None = None, *, intensity: str | None = None, kind: str = "operando") -> Axes:
    """Draw a result with the standard plot of its type.

    Parameters
    ----------
    result
        A `Refinement`, a `Simulation`, a `Calibration`, a `Series`, a `Parametric`, a `StrainEvolution`, the strain
        of one phase, `Transitions`, or a `Broadening`.
    ax
        Where to draw; a new figure when not given.
    intensity
        "linear", "sqrt" or "log"; by default linear for one pattern, and sqrt for the waterfall of a series.
    kind
        Plot of a series: "operando" (map, fractions and cells on one axis) or "waterfall".

    Raises
    ------
    InputError
        If there is no plot of such an object, or of this kind.
    """
    if kind not in KINDS:
        raise InputError(f"unknown kind {kind!r} of plot", cure=nearest(kind, KINDS), argument="kind")
    if isinstance(result, Refinement):
        return plot_refinement(result, ax, intensity=intensity or "linear")
    if isinstance(result, Simulation):
        return plot_simulation(result, ax, intensity=intensity or "linear")
    if isinstance(result, Series) and kind == "waterfall":
        return plot_waterfall(result, ax, intensity=intensity or "sqrt")
    for made, draw in PICTURES.items():
        if isinstance(result, made):
            return draw(result, ax)
    raise InputError(f"a {type(result).__name__} cannot be drawn", cure="give the result of fit, simulate or calibrate")
