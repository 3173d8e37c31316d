"""Plots of results on matplotlib Axes; the only package that imports matplotlib. It computes no science."""

from __future__ import annotations

from collections.abc import Sequence
from importlib import import_module
from typing import TYPE_CHECKING, Any

from layerox.errors import InputError, nearest
from layerox.public import public

if TYPE_CHECKING:
    from matplotlib.axes import Axes

    from layerox.plotting.broadening import plot_broadening
    from layerox.plotting.calibration import plot_calibration
    from layerox.plotting.operando import plot_series
    from layerox.plotting.parametric import plot_parametric
    from layerox.plotting.powder import plot_refinement, plot_simulation
    from layerox.plotting.strain import plot_coherency, plot_indicatrix, plot_strain
    from layerox.plotting.transitions import plot_transitions
    from layerox.plotting.waterfall import plot_waterfall

__all__ = [
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
# The module of each plot. It is imported when it is used: the plot of a fit needs neither series nor strain.
MODULES = {
    "plot_broadening": "broadening",
    "plot_calibration": "calibration",
    "plot_coherency": "strain",
    "plot_indicatrix": "strain",
    "plot_parametric": "parametric",
    "plot_refinement": "powder",
    "plot_series": "operando",
    "plot_simulation": "powder",
    "plot_strain": "strain",
    "plot_transitions": "transitions",
    "plot_waterfall": "waterfall",
}
# The plot of each type of result, by the name of the class; those of patterns have an intensity axis.
PATTERNS = {"Simulation": "plot_simulation"}
PLOTS = {
    "Calibration": "plot_calibration",
    "Series": "plot_series",
    "Parametric": "plot_parametric",
    "StrainEvolution": "plot_strain",
    "PhaseStrain": "plot_indicatrix",
    "Transitions": "plot_transitions",
    "Broadening": "plot_broadening",
}


def __getattr__(name: str) -> Any:
    if name in MODULES:
        return getattr(import_module(f"layerox.plotting.{MODULES[name]}"), name)
    raise AttributeError(f"module 'layerox.plotting' has no attribute {name!r}")


@public
def plot(
    result: object,
    ax: Axes | None = None,
    *,
    intensity: str | None = None,
    kind: str = "operando",
    xlim: tuple[float, float] | None = None,
    phases: Sequence[str] = (),
    hkl: bool | None = None,
    difference: str = "sigma",
) -> Axes:
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
    xlim, phases, hkl, difference
        Of a fit: range of angles (degrees), phases whose own curves are drawn, indices beside the ticks (by default
        for up to three phases), and the difference over "sigma" or in "counts".

    Returns
    -------
    Axes
        Those of matplotlib; `axes.figure.savefig("figure.pdf")` saves the figure.

    Raises
    ------
    InputError
        If there is no plot of such an object, or of this kind.

    Examples
    --------
    >>> import layerox as lx
    >>> axes = lx.plot(lx.fit("patterns/p2_o3.xye", ["P2", "O3"]), intensity="sqrt")
    >>> axes.figure.savefig("fit.png")
    """
    if kind not in KINDS:
        raise InputError(f"unknown kind {kind!r} of plot", cure=nearest(kind, KINDS), argument="kind")
    kinds = {cls.__name__ for cls in type(result).__mro__ if cls.__module__.startswith("layerox.")}
    if "Refinement" in kinds:
        own = {"xlim": xlim, "phases": phases, "hkl": hkl, "difference": difference}
        return _draw("plot_refinement", result, ax, intensity=intensity or "linear", **own)
    for name in kinds & PATTERNS.keys():
        return _draw(PATTERNS[name], result, ax, intensity=intensity or "linear")
    if "Series" in kinds and kind == "waterfall":
        return _draw("plot_waterfall", result, ax, intensity=intensity or "sqrt")
    for name in kinds & PLOTS.keys():
        return _draw(PLOTS[name], result, ax)
    raise InputError(f"a {type(result).__name__} cannot be drawn", cure="give the result of fit, simulate or calibrate")


def _draw(name: str, result: object, ax: Axes | None, **options: Any) -> Axes:
    axes: Axes = __getattr__(name)(result, ax, **options)
    return axes
