"""Williamson-Hall plots of each phase, and below them integral breadths against angle.

Markers give the kind of reflection (00l, 11l, 10l); the dashed line follows from the size and microstrain of the fit.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from layerox.errors import InputError, nearest
from layerox.plotting.axis_labels import verbatim
from layerox.plotting.figure_files import cleared_figure
from layerox.plotting.palette import PALETTE
from layerox.strain.broadening import Broadening, PhaseBroadening
from layerox.typing import FloatArray

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure


INCHES_COLUMN, INCHES_HIGH, MOST_COLUMNS = 3.6, 6.2, 4
MARKS = {
    "00l": ("o", "00l"),
    "11l": ("s", "11l"),
    "10l": ("^", "10l"),
    "mixed": ("x", "not resolved"),
    "all": ("o", ""),
}
COLOURS = {"00l": "#0072B2", "11l": "#009E73", "10l": "#D55E00", "mixed": "#777777", "all": "#222222"}
MODEL, LINE, INSTRUMENT = "#222222", "#AAAAAA", "#777777"
# Share of the height left free for labels, and smallest distance of labels as a share of the width.
ROOM, APART = 0.3, 0.03


def plot_broadening(found: Broadening, ax: Axes | None = None, *, phase: str | None = None) -> Axes:
    """Draw Williamson-Hall plots above integral breadths; returns the first Axes.

    Parameters
    ----------
    found
        The result of `broadening`.
    ax
        Its figure is cleared and used; by default a new figure.
    phase
        Draw only this phase.

    Raises
    ------
    InputError
        If there is no such phase.
    """
    names = [own.phase for own in found.phases]
    if phase is not None and phase not in names:
        raise InputError(f"no breadths of {phase!r}", argument="phase", cure=nearest(phase, names))
    chosen = [own for own in found.phases if phase in (None, own.phase)][:MOST_COLUMNS]
    return draw(chosen, cleared_figure(ax, (INCHES_COLUMN * max(len(chosen), 1), INCHES_HIGH)))


def draw(phases: list[PhaseBroadening], figure: Figure) -> Axes:
    """Draw one column for each phase on a figure; returns the first Axes."""
    figure.set_layout_engine("constrained")
    panels = figure.subplots(2, len(phases), squeeze=False)
    for k, phase in enumerate(phases):
        _draw_hall(phase, panels[0, k])
        _draw_breadths(phase, panels[1, k])
        panels[0, k].set_title(verbatim(phase.phase), loc="left", fontsize="medium", color=PALETTE[k % len(PALETTE)])
    panels[0, 0].set_ylabel("β cosθ / λ (1/nm)")
    panels[1, 0].set_ylabel("integral breadth (degrees)")
    first: Axes = panels[0, 0]
    return first


def _draw_hall(phase: PhaseBroadening, axes: Axes) -> None:
    place = np.array([10.0 / own.spacing for own in phase.reflections])
    ends = np.array([0.0, 1.05 * place.max()])
    for line, style, colour, text in (
        (phase.line, "-", LINE, "all reflections"),
        (phase.model, "--", MODEL, "size, strain of the fit"),
    ):
        axes.plot(ends, line.intercept + line.slope * ends, style, lw=0.9, color=colour, label=text, zorder=1)
    if phase.layers is not None:
        expected = [phase.layers.expected(own) for own in phase.reflections]
        axes.plot(place, expected, "_", ms=9, color=MODEL, lw=0.8, label="with thickness and glides", zorder=2)
    for kind, (mark, text) in MARKS.items():
        own = [k for k, reflection in enumerate(phase.reflections) if reflection.kind == kind]
        if own:
            numbers = [phase.reflections[k].reciprocal_breadth for k in own]
            axes.errorbar(place[own], numbers, [number.esd for number in numbers], fmt=mark, ms=4, lw=0.8,
                          color=COLOURS[kind], mfc="none", label=text or None)  # fmt: skip
    axes.set_xlim(0.0, ends[1])
    low, high = axes.get_ylim()
    axes.set_ylim(min(low, 0.0), high + ROOM * (high - low))
    _label(phase, place, axes, APART * ends[1])
    axes.set_xlabel("1/d (1/nm)")
    title = "" if phase.layers is None else phase.layers.reading.replace(": ", ":\n")
    axes.legend(frameon=False, fontsize=6, title=title, title_fontsize=6, loc="best")


def _label(phase: PhaseBroadening, place: FloatArray, axes: Axes, apart: float) -> None:
    """Write indices above the reflections, the most precise first, where there is space."""
    labelled: list[float] = []
    for k in sorted(range(len(place)), key=lambda k: phase.reflections[k].reciprocal_breadth.esd):
        if any(abs(place[k] - other) < apart for other in labelled):
            continue
        labelled.append(float(place[k]))
        reflection = phase.reflections[k]
        top = reflection.reciprocal_breadth + reflection.reciprocal_breadth.esd
        axes.annotate(reflection.label, (place[k], top), (0, 3), textcoords="offset points", fontsize=5.5, ha="center",
                      va="bottom", color=COLOURS[reflection.kind], rotation=90)  # fmt: skip


def _draw_breadths(phase: PhaseBroadening, axes: Axes) -> None:
    angle = [own.two_theta for own in phase.reflections]
    for kind, (mark, _) in MARKS.items():
        own = [reflection for reflection in phase.reflections if reflection.kind == kind]
        if own:
            axes.plot([r.two_theta for r in own], [r.observed_breadth for r in own], mark, ms=4, color=COLOURS[kind])
            axes.errorbar([r.two_theta for r in own], [float(r.breadth) for r in own], [r.breadth.esd for r in own],
                          fmt=mark, ms=4, lw=0.8, mfc="none", color=COLOURS[kind])  # fmt: skip
    axes.plot(angle, [own.instrument_breadth for own in phase.reflections], "-", lw=0.9, color=INSTRUMENT)
    axes.set_ylim(bottom=0.0)
    axes.set_xlabel("2θ (degrees)")
    axes.set_title("full: observed; open: specimen; line: instrument", loc="left", fontsize=6.5)
