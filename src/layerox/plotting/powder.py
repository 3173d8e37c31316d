"""Rietveld plot: a powder pattern with its fit.

Observed points, calculated line, background; below them a row of ticks for each phase, and the difference over sigma
(or in counts). The legend stands above the pattern, so that it never hides data.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from layerox.diffraction.refined_quantities import RefinedPhase
from layerox.diffraction.refinement import Refinement
from layerox.diffraction.simulated_pattern import Simulation
from layerox.errors import InputError, nearest
from layerox.pattern import Pattern, are_whole
from layerox.plotting.axis_labels import check_scale, verbatim
from layerox.plotting.figure_files import tight_files_of
from layerox.plotting.palette import colour
from layerox.plotting.reflection_rows import FEW_PHASES, INDEXED_INCHES, ROW_INCHES, draw_rows, indices_of
from layerox.typing import FloatArray

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure


OBSERVED, CALCULATED, BACKGROUND, DIFFERENCE = "#222222", "#C1272D", "#777777", "#444444"
EXCLUDED = "#EEEEEE"
DIFFERENCES = ("sigma", "counts")
DIFFERENCE_SHARE = 0.24
FIGURE_INCHES = (9.0, 5.6)
MARGINS = {"left": 0.085, "right": 0.985, "top": 0.90, "bottom": 0.09}
# Difference over sigma that a panel shows at least, and that all but the highest points of a bad fit have.
LEAST_SIGMAS, MOST_SHARE = 5.0, 0.999
# Share of the intensity axis below the lowest point from which the axis does not begin at zero.
HIGH_FLOOR = 0.25
# Number of ticks from which a pattern is dense, and the part of its range that an inset shows.
DENSE, INSET_PART = 60, 0.12
# Characters in one row of the legend, of which a handle takes seven.
LEGEND_CHARACTERS = 118
# Width and height of an inset as shares of the panel, and its left edges in order of preference.
INSET_SIZE, INSET_PLACES = (0.36, 0.42), (0.62, 0.45, 0.30, 0.15)


def plot_refinement(
    refinement: Refinement,
    ax: Axes | None = None,
    *,
    intensity: str = "linear",
    xlim: tuple[float, float] | None = None,
    phases: Sequence[str] = (),
    hkl: bool | None = None,
    difference: str = "sigma",
) -> Axes:
    """Draw a fit; returns the Axes with the pattern (ticks and difference are below).

    Parameters
    ----------
    refinement
        The result.
    ax
        Where to draw; its area is shared with the ticks and the difference.
    intensity
        "linear", "sqrt" or "log" axis of the pattern; the difference is always linear.
    xlim
        First and last angle, degrees; the whole range by default.
    phases
        Names of phases whose own curves are drawn, on the background.
    hkl
        Indices beside the ticks where there is room; by default for up to three phases.
    difference
        "sigma" (observed minus calculated over sigma) or "counts".

    Raises
    ------
    InputError
        If an argument cannot be used.
    """
    low, high = _limits(refinement, xlim)
    if difference not in DIFFERENCES:
        fault = f"unknown difference {difference!r}"
        raise InputError(fault, cure=nearest(difference, DIFFERENCES), argument="difference")
    main = _axes(ax, intensity)
    pattern = refinement.pattern
    main.plot(pattern.two_theta, pattern.intensity, ".", ms=2.2, color=OBSERVED, label="observed", zorder=2)
    for start, end in pattern.excluded:
        main.axvspan(start, end, color=EXCLUDED, lw=0, zorder=0)
    x, calculated, background = with_gaps(pattern, refinement.calculated, refinement.background)
    main.plot(x, calculated, lw=0.9, color=CALCULATED, label="calculated", zorder=3)
    main.plot(x, background, lw=0.8, ls="--", color=BACKGROUND, label="background", zorder=4)
    shown = [phase for phase in refinement.phases if phase.is_supported]
    _draw_phases(main, refinement, phases, [phase.name for phase in shown])
    main.set_xlim(low, high)
    with_indices = len(shown) <= FEW_PHASES if hkl is None else hkl
    indices = [indices_of(refinement, phase) if with_indices else [] for phase in shown]
    labels = [f"{phase.name}  {_percent(phase)}" for phase in shown]
    lower = _below(main, [phase.ticks for phase in shown], labels, DIFFERENCE_SHARE, indices)
    inside = (pattern.two_theta >= low) & (pattern.two_theta <= high)
    envelope = np.maximum(pattern.intensity, refinement.calculated)[inside]
    _set_scale(main, intensity, np.minimum(refinement.background, pattern.intensity)[inside], envelope)
    main.set_ylabel(f"intensity ({_unit(pattern)})")
    _draw_difference(lower, refinement, difference, inside)
    if intensity == "linear" and sum(((p.ticks >= low) & (p.ticks <= high)).sum() for p in shown) > DENSE:
        _draw_inset(main, refinement, inside)
    figures = refinement.agreement
    title = f"R$_{{wp}}$ {100 * figures.r_wp:.2f} %, gof {figures.gof:.2f}"
    status = "" if refinement.status == "converged" else f", {refinement.status.replace('_', ' ')}"
    _legend(main, f"{title}{status}")
    _set_title(main, pattern.label)
    return main


def _limits(refinement: Refinement, xlim: tuple[float, float] | None) -> tuple[float, float]:
    """Return the range of angles to be drawn."""
    first, last = refinement.pattern.range
    if xlim is None:
        return first, last
    low, high = xlim
    if not (low < high and low < last and high > first):
        fault = f"nothing to draw from {low:g} to {high:g} degrees"
        raise InputError(fault, argument="xlim", cure=f"the pattern spans {first:g} to {last:g}")
    return float(low), float(high)


def _draw_phases(main: Axes, refinement: Refinement, chosen: Sequence[str], shown: Sequence[str]) -> None:
    """Draw the curves of chosen phases, each on the background, in the colours of their ticks."""
    for name in chosen:
        if name not in shown:
            raise InputError(f"no phase {name!r} in this fit", argument="phases", cure=nearest(name, shown))
        row = [phase.name for phase in refinement.phases].index(name)
        curve = refinement.contributions[row] + refinement.background
        x, values = with_gaps(refinement.pattern, curve)
        main.plot(x, values, lw=0.9, color=colour(shown.index(name)), zorder=3.5)


def _unit(pattern: Pattern) -> str:
    """Return "counts" if the intensities are counts as far as is known."""
    is_counts = pattern.sigma_source == "poisson" and are_whole(pattern.intensity)
    return "counts" if is_counts else "arbitrary units"


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
    main.set_xlim(float(simulation.two_theta[0]), float(simulation.two_theta[-1]))
    lower = _below(main, ticks, labels, 0.0)
    _set_scale(main, intensity, simulation.background, simulation.intensity)
    main.set_ylabel("intensity (counts)" if simulation.seed is not None else "intensity (arbitrary units)")
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


def _below(
    main: Axes,
    ticks: Sequence[FloatArray],
    labels: Sequence[str],
    difference_share: float,
    indices: Sequence[Sequence[tuple[float, str, int]]] = (),
) -> Axes:
    """Add panels below the pattern: one row of ticks per phase, then the difference; return the lowest."""
    from mpl_toolkits.axes_grid1 import make_axes_locatable  # noqa: PLC0415

    divider = make_axes_locatable(main)
    height = INDEXED_INCHES if any(indices) else ROW_INCHES
    rows: Axes = divider.append_axes("bottom", size=height * max(len(ticks), 1) + 0.06, pad=0.0, sharex=main)
    for row, label in enumerate(labels):
        main.plot([], [], "|", color=colour(row), ms=7, label=verbatim(label))
    draw_rows(rows, ticks, indices)
    main.tick_params(labelbottom=False)
    if not difference_share:
        return rows
    rows.tick_params(labelbottom=False, bottom=False)
    lower: Axes = divider.append_axes("bottom", size=f"{100 * difference_share:.0f}%", pad=0.0, sharex=main)
    return lower


def _set_scale(main: Axes, intensity: str, lowest: FloatArray, highest: FloatArray) -> None:
    """Set the intensity axis so that the curves between their envelopes use the panel."""
    top, bottom = float(highest.max(initial=0.0)), float(lowest.min(initial=np.inf))
    top = top if top > 0 else 1.0
    floor = bottom - 0.05 * (top - bottom) if HIGH_FLOOR * top < bottom < top else 0.0
    if intensity == "linear":
        main.set_ylim(floor, top + 0.04 * (top - floor))
    elif intensity == "sqrt":
        main.set_yscale("function", functions=(lambda y: np.sqrt(np.maximum(y, 0.0)), np.square))
        main.set_ylim(floor, 1.04 * top)
    else:
        positive = highest[highest > 0].min(initial=top)
        main.set_yscale("log")
        main.set_ylim(0.7 * max(float(min(bottom, positive)), 1e-4 * top), 1.5 * top)


def _draw_difference(lower: Axes, refinement: Refinement, difference: str, inside: NDArray[np.bool_]) -> None:
    pattern = refinement.pattern
    values = refinement.difference / pattern.sigma if difference == "sigma" else refinement.difference
    lower.axhline(0.0, color="#BBBBBB", lw=0.6)
    x, curve = with_gaps(pattern, values)
    lower.plot(x, curve, lw=0.7, color=DIFFERENCE)
    seen = np.abs(values[inside])
    reach = 1.1 * float(seen.max(initial=1e-12))
    if difference == "sigma":
        # A single spike does not flatten the rest.
        reach = max(min(reach, 3.0 * float(np.quantile(seen, MOST_SHARE)) if seen.size else reach), LEAST_SIGMAS)
    lower.set_ylim(-reach, reach)
    name = "(obs. - calc.) / σ" if difference == "sigma" else f"obs. - calc. ({_unit(pattern)})"
    lower.set(ylabel=name, xlabel="2θ (degrees)")
    lower.yaxis.label.set_fontsize("small")


def _draw_inset(main: Axes, refinement: Refinement, inside: NDArray[np.bool_]) -> None:
    """Draw the part of a dense pattern with most reflections once more, where the panel has room for it."""
    low, high = main.get_xlim()
    ticks = np.sort(np.concatenate([phase.ticks for phase in refinement.phases if phase.is_supported]))
    width = INSET_PART * (high - low)
    starts = ticks[(ticks >= low) & (ticks <= high - width)]
    if not starts.size:
        return
    counts = np.searchsorted(ticks, starts + width) - np.searchsorted(ticks, starts)
    start = float(starts[int(np.argmax(counts))])
    pattern, bottom = refinement.pattern, main.get_ylim()[0]
    free = bottom + (1.0 - INSET_SIZE[1] - 0.12) * (main.get_ylim()[1] - bottom)
    envelope = np.maximum(pattern.intensity, refinement.calculated)
    for left in INSET_PLACES:
        begin, end = low + (left - 0.05) * (high - low), low + (left + INSET_SIZE[0] + 0.01) * (high - low)
        under = envelope[(pattern.two_theta >= begin) & (pattern.two_theta <= end)]
        if under.max(initial=0.0) < free:
            break
    else:
        return
    panel = main.inset_axes((left, 0.97 - INSET_SIZE[1], *INSET_SIZE))
    for line in main.lines:
        style: dict[str, Any] = {"color": line.get_color(), "lw": line.get_linewidth(), "ls": line.get_linestyle()}
        panel.plot(*line.get_data(), marker=line.get_marker(), ms=2.2, **style)
    seen = (pattern.two_theta >= start) & (pattern.two_theta <= start + width)
    _set_scale(panel, "linear", np.minimum(refinement.background, pattern.intensity)[seen], envelope[seen])
    panel.set_xlim(start, start + width)
    panel.tick_params(labelsize="x-small")
    panel.set_label("inset")


def _legend(main: Axes, title: str | None) -> None:
    """Put the legend above the panel, in as many columns as fit, so that it never stands on data."""
    handles, labels = main.get_legend_handles_labels()
    in_a_row = LEGEND_CHARACTERS - 7 * len(labels)
    rows = 1 if sum(map(len, labels)) <= in_a_row else 2
    columns = -(-len(handles) // rows)
    if rows > 1:
        columns = max(min(columns, LEGEND_CHARACTERS // (7 + max(map(len, labels)))), 1)
    main.legend(
        handles,
        labels,
        title=title,
        alignment="right",
        ncols=columns,
        loc="lower right",
        bbox_to_anchor=(1.0, 1.0),
        frameon=False,
        fontsize="small",
        title_fontsize="small",
        borderaxespad=0.2,
        handlelength=1.4,
        columnspacing=1.2,
    )


def _set_title(main: Axes, label: str) -> None:
    if label:
        main.set_title(verbatim(label), loc="left", fontsize="medium", pad=24)


def _percent(phase: RefinedPhase) -> str:
    if phase.mode != "rietveld" or phase.hardware:
        return f"({phase.fraction_text})"
    return f"{phase.fraction_text} wt %"


def pictures_of(
    result: Refinement | Simulation,
    *,
    intensity: str = "linear",
    dpi: int = 150,
    kinds: Sequence[str] = ("png",),
    **options: Any,
) -> dict[str, bytes]:
    """Return the picture of a result, drawn once, as files of some kinds ("png", "pdf", "svg"), by kind.

    `options` are those of `plot_refinement`.
    """

    def draw(figure: Figure) -> None:
        axes = figure.subplots(gridspec_kw=MARGINS)
        if isinstance(result, Refinement):
            plot_refinement(result, axes, intensity=intensity, **options)
        else:
            plot_simulation(result, axes, intensity=intensity)

    return tight_files_of(draw, FIGURE_INCHES, dpi, kinds)


def picture(result: Refinement | Simulation, *, intensity: str = "linear", dpi: int = 150) -> bytes:
    """Return the picture of a result as a PNG file's bytes."""
    return pictures_of(result, intensity=intensity, dpi=dpi)["png"]
