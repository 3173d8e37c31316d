"""Plotting: results drawn on matplotlib Axes; the only package that imports matplotlib, and it computes no science."""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

from layerox.errors import InputError, nearest
from layerox.public import public

if TYPE_CHECKING:
    from matplotlib.axes import Axes

__all__ = ["plot"]

KINDS = ("operando", "waterfall")
# What draws a result, by the class of the result. One module for each picture, imported when it is drawn: the picture
# of a fit needs nothing of series and strain.
PICTURES = {
    "layerox.analysis.calibrate.Calibration": "calibration.plot_calibration",
    "layerox.diffraction.refinement.Refinement": "powder.plot_refinement",
    "layerox.diffraction.simulated_pattern.Simulation": "powder.plot_simulation",
    "layerox.series.parametric.result.Parametric": "parametric.plot_parametric",
    "layerox.series.result.Series": "operando.plot_series",
    "layerox.strain.broadening.Broadening": "broadening.plot_broadening",
    "layerox.strain.evolution.StrainEvolution": "strain.plot_strain",
    "layerox.strain.phase_strain.PhaseStrain": "strain.plot_indicatrix",
    "layerox.strain.transitions.Transitions": "transitions.plot_transitions",
}
WATERFALL = "waterfall.plot_waterfall"
# Their default intensity axis; other pictures have none.
INTENSITY = {"powder.plot_refinement": "linear", "powder.plot_simulation": "linear", WATERFALL: "sqrt"}


@public
def plot(result: object, ax: Axes | None = None, *, intensity: str | None = None, kind: str = "operando") -> Axes:
    """Draw a result as its kind is drawn.

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
        Of a series: "operando" (the map, fractions and cells on one axis) or "waterfall".

    Raises
    ------
    InputError
        If there is no picture of such an object, or of this kind.
    """
    if kind not in KINDS:
        raise InputError(f"unknown kind {kind!r} of picture", cure=nearest(kind, KINDS), argument="kind")
    picture = _picture_of(result)
    if picture == "operando.plot_series" and kind == "waterfall":
        picture = WATERFALL
    if picture is None:
        cure = "give the result of fit, simulate or calibrate"
        raise InputError(f"a {type(result).__name__} cannot be drawn", cure=cure)
    module, _, function = picture.partition(".")
    draw = getattr(import_module(f"layerox.plotting.{module}"), function)
    axes: Axes = draw(result, ax, **({"intensity": intensity or INTENSITY[picture]} if picture in INTENSITY else {}))
    return axes


def _picture_of(result: Any) -> str | None:
    """Return the entry of `PICTURES` for a result, or for what its class is derived from."""
    names = (f"{kind.__module__}.{kind.__qualname__}" for kind in type(result).__mro__)
    return next((PICTURES[name] for name in names if name in PICTURES), None)
