"""Rietveld plot: a powder pattern with its fit.

Observed points, calculated line, background; below them a row of ticks for each phase, and the difference in the same
units (on a linear axis also at the same scale). Colours are those of Okabe & Ito, suitable for colour-blind readers.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np

from layerox.diffraction.refined_quantities import RefinedPhase
from layerox.diffraction.refinement import Refinement
from layerox.diffraction.simulated_pattern import Simulation
from layerox.pattern import Pattern
from layerox.plotting.axis_labels import check_scale, verbatim
from layerox.plotting.figure_files import tight_files_of
from layerox.typing import FloatArray

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure


PALETTE = ("#0072B2", "#D55E00", "#009E73", "#CC79A7", "#E69F00", "#56B4E9", "#000000", "#F0E442")
OBSERVED, CALCULATED, BACKGROUND, DIFFERENCE = "#222222", "#C1272D", "#777777", "#444444"
EXCLUDED = "#EEEEEE"
PALER = 0.55
ROW_INCHES, DIFFERENCE_SHARE = 0.14, 0.24
FIGURE_INCHES = (9.0, 5.6)
MARGINS = {"left": 0.085, "right": 0.985, "top": 0.94, "bottom": 0.09}


def plot_refinement(refinement: Refinement, ax: Axes | None = None, *, intensity: str = "linear") -> Axes:
    """Draw a fit; returns the Axes with the pattern (ticks and difference are below).

    Parameters
    ----------
    refinement
        The result.
    ax
        Where to draw; its area is shared with the ticks and the difference.
    intensity
        "linear", "sqrt" or "log" axis of the pattern; the difference is always linear.
    """
    main = _axes(ax, intensity)
    pattern = refinement.pattern
    main.plot(pattern.two_theta, pattern.intensity, ".", ms=2.2, color=OBSERVED, label="observed", zorder=2)
    for low, high in pattern.excluded:
        main.axvspan(low, high, color=EXCLUDED, lw=0, zorder=0)
    x, calculated, background = with_gaps(pattern, refinement.calculated, refinement.background)
    main.plot(x, calculated, lw=0.9, color=CALCULATED, label="calculated", zorder=3)
    main.plot(x, background, lw=0.8, ls="--", color=BACKGROUND, label="background", zorder=4)
    shown = [phase for phase in refinement.phases if phase.is_supported]
    labels = [f"{phase.name}  {amount_text(phase)}" for phase in shown]
    lower = _below(main, [phase.ticks for phase in shown], labels, DIFFERENCE_SHARE)
    _set_scale(main, intensity, refinement.background, np.maximum(pattern.intensity, refinement.calculated))
    angles, difference = with_gaps(pattern, refinement.difference)
    _draw_difference(lower, main, angles, difference, intensity)
    figures = refinement.agreement
    title = f"R$_{{wp}}$ {100 * figures.r_wp:.2f} %, gof {figures.gof:.2f}"
    _legend(main, title if refinement.status == "converged" else f"{title}\n{refinement.status.replace('_', ' ')}")
    if pattern.label:
        main.set_title(verbatim(pattern.label), loc="left", fontsize="medium")
    return main


def with_gaps(pattern: Pattern, *curves: FloatArray) -> tuple[FloatArray, ...]:
    """Return the angles and curves with a gap (nan) where a region is excluded, so that no line crosses that region."""
    x = pattern.two_theta
    places = [k for low, high in pattern.excluded if 0 < (k := int(np.searchsorted(x, 0.5 * (low + high)))) < len(x)]
    return tuple(np.insert(values, places, np.nan) for values in (x, *curves))


def plot_simulation(simulation: Simulation, ax: Axes | None = None, *, intensity: str = "linear") -> Axes:
    """Draw a simulated pattern with the ticks of its phases; returns the Axes with the pattern."""
    main = _axes(ax, intensity)
    label = "simulated" if simulation.seed is None else f"simulated, noise of seed {simulation.seed}"
    main.plot(simulation.two_theta, simulation.intensity, lw=0.8, color=OBSERVED, label=label)
    if simulation.background.any():
        main.plot(simulation.two_theta, simulation.background, lw=0.8, ls="--", color=BACKGROUND, label="background")
    ticks = [
        np.array([r.two_theta for r in simulation.reflections if r.phase == phase.name]) for phase in simulation.phases
    ]
    labels = [f"{p.name}  {100 * w:.2f} wt %" for p, w in zip(simulation.phases, simulation.weights, strict=True)]
    lower = _below(main, ticks, labels, 0.0)
    _set_scale(main, intensity, simulation.background, simulation.intensity)
    lower.set_xlabel("2θ (degrees)")
    _legend(main, None)
    return main


def _axes(ax: Axes | None, intensity: str) -> Axes:
    check_scale(intensity)
    if ax is not None:
        return ax
    from matplotlib import pyplot  # noqa: PLC0415  (a script that hands its own Axes over needs no pyplot)

    axes: Axes = pyplot.subplots(figsize=FIGURE_INCHES, gridspec_kw=MARGINS)[1]
    return axes


def _below(main: Axes, ticks: Sequence[FloatArray], labels: Sequence[str], difference_share: float) -> Axes:
    """Add panels below the pattern: one row of ticks per phase, then the difference; return the lowest."""
    from mpl_toolkits.axes_grid1 import make_axes_locatable  # noqa: PLC0415

    divider = make_axes_locatable(main)
    rows: Axes = divider.append_axes("bottom", size=ROW_INCHES * max(len(ticks), 1) + 0.06, pad=0.0, sharex=main)
    for row, (positions, label) in enumerate(zip(ticks, labels, strict=True)):
        colour = _colour(row)
        rows.vlines(positions, -row - 0.85, -row - 0.15, color=colour, lw=0.8)
        main.plot([], [], "|", color=colour, ms=7, label=verbatim(label))
    rows.set(ylim=(-max(len(ticks), 1), 0), yticks=[])
    main.tick_params(labelbottom=False)
    main.set_ylabel("intensity")
    if not difference_share:
        return rows
    rows.tick_params(labelbottom=False, bottom=False)
    lower: Axes = divider.append_axes("bottom", size=f"{100 * difference_share:.0f}%", pad=0.0, sharex=main)
    return lower


def _colour(phase: int) -> tuple[float, float, float]:
    """Return the colour of a phase: the palette, then paler shades of the same hues."""
    from matplotlib.colors import to_rgb  # noqa: PLC0415

    depth = PALER ** (phase // len(PALETTE))
    red, green, blue = (1.0 - depth * (1.0 - part) for part in to_rgb(PALETTE[phase % len(PALETTE)]))
    return red, green, blue


def _set_scale(main: Axes, intensity: str, background: FloatArray, highest: FloatArray) -> None:
    """Set the intensity axis so that all of `highest`, the upper envelope of the curves, is visible."""
    top = float(highest.max())
    if intensity == "linear":
        main.set_ylim(0.0, 1.04 * top)
    elif intensity == "sqrt":
        main.set_yscale("function", functions=(lambda y: np.sqrt(np.maximum(y, 0.0)), np.square))
        main.set_ylim(0.0, 1.04 * top)
    else:
        floor = max(float(min(background.min(), highest[highest > 0].min(initial=top))), 1e-4 * top)
        main.set_yscale("log")
        main.set_ylim(0.7 * floor, 1.5 * top)
    main.set_xlim(main.dataLim.x0, main.dataLim.x1)


def _draw_difference(lower: Axes, main: Axes, two_theta: FloatArray, difference: FloatArray, intensity: str) -> None:
    lower.axhline(0.0, color="#BBBBBB", lw=0.6)
    lower.plot(two_theta, difference, lw=0.7, color=DIFFERENCE)
    reach = 1.1 * float(np.nanmax(np.abs(difference)))
    if intensity == "linear":
        reach = max(reach, 0.5 * DIFFERENCE_SHARE * main.get_ylim()[1])
    lower.set_ylim(-reach, reach)
    lower.set(ylabel="obs. - calc.", xlabel="2θ (degrees)")


def _legend(main: Axes, title: str | None) -> None:
    main.legend(title=title, frameon=False, fontsize="small", title_fontsize="small", loc="upper right")


def amount_text(phase: RefinedPhase) -> str:
    """Return the weight fraction of a phase for a legend, or in parentheses why there is none."""
    if phase.mode != "rietveld" or phase.hardware:
        return f"({phase.fraction_text})"
    return f"{phase.fraction_text} wt %"


def pictures_of(
    result: Refinement | Simulation, *, intensity: str = "linear", dpi: int = 150, kinds: Sequence[str] = ("png",)
) -> dict[str, bytes]:
    """Return the picture of a result, drawn once, as files of some kinds ("png", "pdf", "svg"), by kind."""

    def draw(figure: Figure) -> None:
        axes = figure.subplots(gridspec_kw=MARGINS)
        if isinstance(result, Refinement):
            plot_refinement(result, axes, intensity=intensity)
        else:
            plot_simulation(result, axes, intensity=intensity)

    return tight_files_of(draw, FIGURE_INCHES, dpi, kinds)


def picture(result: Refinement | Simulation, *, intensity: str = "linear", dpi: int = 150) -> bytes:
    """Return the picture of a result as a PNG file's bytes."""
    return pictures_of(result, intensity=intensity, dpi=dpi)["png"]
