"""Strain plots of a series: volumes, lengths and heights, coherency of coexisting phases, and strain indicatrices.

Colours are those of the phases in the operando figure; open markers are discharge or cooling.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from layerox.errors import InputError, nearest
from layerox.plotting.axis_labels import axis_text, verbatim
from layerox.plotting.figure_files import cleared_figure, png_of
from layerox.plotting.palette import PALETTE
from layerox.strain.phase_strain import PhaseStrain
from layerox.strain.strain_evolution import StrainEvolution
from layerox.strain.tensor import along
from layerox.typing import FloatArray

if TYPE_CHECKING:
    import pandas as pd
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure


INCHES_WIDE, INCHES_ROW, INCHES_ROUND = 7.2, 1.75, 2.5
# Return branches of a cycle.
BACK = ("discharge", "cooling", "release")
MOST_ROUND = 4
# Planes of an indicatrix: the tensor axes to the right and upwards.
PLANES = {"xz": (0, 2), "yz": (1, 2), "xy": (0, 1)}
LESS = "#C1272D"
DIRECTIONS = 361
# Largest number of frames without a phase that its line still bridges.
LONGEST_BREAK = 3


def plot_strain(strain: StrainEvolution, ax: Axes | None = None) -> Axes:
    """Draw volumes, lengths, heights, coherency and indicatrices; returns the topmost Axes.

    Parameters
    ----------
    strain
        The result.
    ax
        Its figure is cleared and used; by default a new figure.
    """
    return draw(strain, cleared_figure(ax, _inches(strain)))


def draw(strain: StrainEvolution, figure: Figure) -> Axes:
    """Draw on a figure; returns the topmost Axes."""
    rows = _rows(strain)
    figure.set_layout_engine("constrained")
    parts: Any = figure.subfigures(2, 1, height_ratios=[INCHES_ROW * len(rows), INCHES_ROUND])
    upper, lower = parts
    panels = upper.subplots(len(rows), 1, sharex=True, squeeze=False)[:, 0]
    for name, axes in zip(rows, panels, strict=True):
        ROWS[name](strain, axes)
    panels[-1].set_xlabel(_axis_text(strain))
    upper.align_ylabels(panels)
    layered = [own for own in strain.tensors.values() if own.axes == "layer"]
    shown = (layered or list(strain.tensors.values()))[:MOST_ROUND]
    rounds = lower.subplots(1, len(shown), squeeze=False, subplot_kw={"projection": "polar"})[0]
    for axes, own in zip(rounds, shown, strict=True):
        strongest = int(own.frames[own.green_lagrange.von_mises.argmax()])
        plot_indicatrix(own, axes, frame=strongest, colour=_colour(strain, own.phase))
    top: Axes = panels[0]
    return top


def _rows(strain: StrainEvolution) -> list[str]:
    """Return the panels that have data."""
    layered = any(own.axes == "layer" for own in strain.tensors.values())
    return ["volumes", *(["layers", "heights"] if layered else ["lengths"]),
            *(["coherency"] if len(strain.coherency) else [])]  # fmt: skip


def _inches(strain: StrainEvolution) -> tuple[float, float]:
    return INCHES_WIDE, INCHES_ROW * len(_rows(strain)) + INCHES_ROUND


def _colour(strain: StrainEvolution, phase: str) -> str:
    return PALETTE[strain.phases.index(phase) % len(PALETTE)]


def _place(strain: StrainEvolution, table: pd.DataFrame) -> FloatArray:
    """Return the first axis value of each row, or its frame without an axis."""
    return np.asarray(table[strain.axes[0] if strain.axes else "frame"], dtype=np.float64)


def _axis_text(strain: StrainEvolution) -> str:
    return verbatim(axis_text((*strain.axes, "")[0]))


def _draw_column(
    strain: StrainEvolution, axes: Axes, column: str, line: str, *, scale: float = 100.0, names: bool = False
) -> None:
    """Draw one column of every phase with its uncertainties, by branch."""
    for phase in strain.phases:
        own = strain.of(phase)
        if own[column].isna().all():
            continue
        place, colour = _place(strain, own), _colour(strain, phase)
        value, esd = scale * own[column].to_numpy(float), scale * own[f"{column}_esd"].to_numpy(float)
        back = own["branch"].isin(BACK).to_numpy()
        _draw_line(axes, own, place, value, line, lw=0.9, color=colour, label=phase if names else None)
        for chosen, face in ((~back, colour), (back, "white")):
            axes.errorbar(place[chosen], value[chosen], esd[chosen], fmt="o", ms=2.6, lw=0.7, color=colour, mfc=face)


def _draw_line(axes: Axes, table: pd.DataFrame, place: FloatArray, value: FloatArray, line: str, **style: Any) -> None:
    """Draw a line that is interrupted where the phase is missing in several frames."""
    gaps = np.flatnonzero(np.diff(table["frame"].to_numpy()) > LONGEST_BREAK) + 1
    axes.plot(np.insert(place, gaps, np.nan), np.insert(value, gaps, np.nan), line, **style)


def _draw_volumes(strain: StrainEvolution, axes: Axes) -> None:
    _draw_column(strain, axes, "e_volume", "-", names=True)
    axes.set_ylabel("volume per\nformula unit (%)")
    axes.axhline(0.0, color="#BBBBBB", lw=0.6, zorder=0)
    columns = max(1, min(len(strain.phases), 5))
    axes.legend(frameon=False, fontsize="small", ncols=columns, loc="lower center", bbox_to_anchor=(0.5, 1.0))


def _draw_layers(strain: StrainEvolution, axes: Axes) -> None:
    _draw_column(strain, axes, "e_layer", "-")
    _draw_column(strain, axes, "e_stack", "--")
    axes.axhline(0.0, color="#BBBBBB", lw=0.6, zorder=0)
    axes.set_ylabel("in plane (line),\nper slab (dashed) (%)")


def _draw_lengths(strain: StrainEvolution, axes: Axes) -> None:
    for column, line in (("e_a", "-"), ("e_b", ":"), ("e_c", "--")):
        _draw_column(strain, axes, column, line)
    axes.axhline(0.0, color="#BBBBBB", lw=0.6, zorder=0)
    axes.set_ylabel("a (line), b (dotted),\nc (dashed) (%)")


def _draw_heights(strain: StrainEvolution, axes: Axes) -> None:
    _draw_column(strain, axes, "gallery", "-", scale=1.0)
    _draw_column(strain, axes, "slab", "--", scale=1.0)
    axes.set_ylabel("gallery (line),\nslab (dashed) (Å)")


def plot_coherency(strain: StrainEvolution, ax: Axes | None = None) -> Axes:
    """Draw misfit, and coherency energy on an axis to the right, of each pair of phases; returns the Axes."""
    axes = ax if ax is not None else _new_axes()
    table = strain.coherency
    energies = axes.twinx()
    for k, (pair, own) in enumerate(table.groupby(["phase_1", "phase_2"], sort=False)):
        place, colour = _place(strain, own), PALETTE[k % len(PALETTE)]
        value, esd = 100.0 * own["misfit"].to_numpy(float), 100.0 * own["misfit_esd"].to_numpy(float)
        axes.errorbar(place, value, esd, fmt="o", ms=2.6, lw=0.7, color=colour, label="/".join(pair))
        _draw_line(axes, own, place, value, "-", lw=0.9, color=colour)
        _draw_line(energies, own, place, own["energy_MJ_per_m3"].to_numpy(float), ":", lw=1.2, color=colour)
    axes.set(xlabel=_axis_text(strain), ylabel="misfit (%)")
    energies.set_ylabel("energy, if coherent\n(dotted) (MJ/m³)")
    energies.set_ylim(0.0, 1.1 * max(float(table["energy_MJ_per_m3"].max()), 1e-3))
    axes.legend(
        frameon=False, fontsize="x-small", ncols=4, loc="lower right", bbox_to_anchor=(1.0, 0.98), borderaxespad=0
    )
    return axes


def _new_axes(**options: object) -> Axes:
    from matplotlib import pyplot  # noqa: PLC0415  (a script that hands its own Axes over needs no pyplot)

    axes: Axes = pyplot.subplots(subplot_kw=options)[1]
    return axes


def _draw_coherency(strain: StrainEvolution, axes: Axes) -> None:
    plot_coherency(strain, axes)
    axes.set_xlabel("")


ROWS = {
    "volumes": _draw_volumes,
    "layers": _draw_layers,
    "lengths": _draw_lengths,
    "heights": _draw_heights,
    "coherency": _draw_coherency,
}


def plot_indicatrix(
    strain: PhaseStrain,
    ax: Axes | None = None,
    *,
    frame: int | None = None,
    plane: str = "xz",
    colour: str = PALETTE[0],
) -> Axes:
    """Draw the Green-Lagrange strain of a phase against direction, a closed curve; returns the polar Axes.

    Parameters
    ----------
    strain
        Strain of one phase.
    ax
        Axes with a polar projection.
    frame
        Frame number; by default the last frame with a refined cell of the phase.
    plane
        "xz", "yz" or "xy" of the phase's axes, the first to the right.
    colour
        Colour of elongation; contraction is dashed red.

    Raises
    ------
    InputError
        If there is no such plane, or the frame has no refined cell of the phase.
    """
    if plane not in PLANES:
        raise InputError(f"no plane {plane!r}", argument="plane", cure=nearest(plane, PLANES))
    chosen = int(strain.frames[-1]) if frame is None else frame
    rows = strain.green_lagrange.rows[strain.frames == chosen]
    if not len(rows):
        raise InputError(
            f"frame {chosen} has no refined cell of {strain.phase}", argument="frame", cure="choose another"
        )
    axes = ax if ax is not None else _new_axes(projection="polar")
    angle = np.linspace(0.0, 2.0 * np.pi, DIRECTIONS)
    direction = np.zeros((DIRECTIONS, 3))
    right, up = PLANES[plane]
    direction[:, right], direction[:, up] = np.cos(angle), np.sin(angle)
    value = 100.0 * along(rows, direction)
    axes.plot(angle, np.where(value >= 0, value, np.nan), "-", lw=1.4, color=colour)
    axes.plot(angle, np.where(value < 0, -value, np.nan), "--", lw=1.4, color=LESS)
    _label_round(axes, plane, float(np.abs(value).max()))
    text = f"{strain.phase}, frame {chosen}, against {strain.layer_reference}\nstrain (%), dashed: contraction"
    axes.set_title(text, fontsize="x-small")
    return axes


def _label_round(axes: Any, plane: str, largest: float) -> None:
    axes.set_xticks([0.0, np.pi / 2.0], list(plane), fontsize="small")
    axes.set_ylim(0.0, 1.1 * largest if largest > 0 else 1.0)
    axes.set_yticks([largest / 2.0, largest] if largest > 0 else [1.0])
    axes.set_yticklabels([f"{tick:.2g}" for tick in axes.get_yticks()], fontsize="xx-small", color="#333333")
    axes.set_rlabel_position(315.0)
    # Labels are outside the curve, because they would be illegible under it.
    axes.set_axisbelow(False)
    for label in axes.get_yticklabels():
        label.set_bbox({"facecolor": "white", "edgecolor": "none", "pad": 0.6})


def picture(strain: StrainEvolution, *, dpi: int = 150) -> bytes:
    """Return the picture of the strains as a PNG file's bytes."""

    def fill(figure: Figure) -> None:
        draw(strain, figure)

    return png_of(fill, _inches(strain), dpi)
