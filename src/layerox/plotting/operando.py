"""Operando figure of a series: the map of all patterns and, beside it on the same axis, the refined quantities.

Above the map are the reflections of each phase, in it the tracks of the strongest ones while the phase is present;
beside it voltage or temperature, fractions, and cells. Colours are those of Okabe & Ito, suitable for colour-blind
readers; the map goes from light to dark, so that it prints in grey.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING

import numpy as np

from layerox.plotting.axis_labels import axis_text, verbatim
from layerox.plotting.figure_files import cleared_figure, files_of
from layerox.plotting.powder import EXCLUDED
from layerox.plotting.reflection_marks import ROW_HEIGHT, draw_reflections, draw_tracks, phase_colour
from layerox.series.figure_data import IntensityMap, intensity_map, layer_lengths, reflection_tracks
from layerox.series.group_columns import determined_fractions
from layerox.series.result import Series
from layerox.typing import FloatArray

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.collections import QuadMesh
    from matplotlib.figure import Figure

Drawer = Callable[["Axes", Series], None]

# Sizes in inches.
MAP_HEIGHT, MAP_WIDTH, PANEL_WIDTH = 5.2, 4.6, 1.35
FORMATS = ("png", "pdf", "svg")
DOUBTED, CURVE, COLOURS = "#C8C8C8", "#222222", "Greys"
# A step between frames longer than this multiple of the usual one is a gap.
GAP = 3.0
# Quantities of a cycler's log that are not drawn beside the map.
NOT_DRAWN = {"current", "capacity", "x_na_esd", "cycle", "step"}
MOST_AXES = 3
# Columns of disordered phases, and what their panels say.
STACKING = (("fraction", "fraction of galleries"), ("persistence", "persistence"))
# Line styles of the cell lengths.
LINES = {"a": "-", "b": ":", "c": "--"}
# Number of frames above which points are smaller, and both sizes.
MANY, POINT, SMALL_POINT = 120, 3.0, 1.0
SMALL, TICK, SMALLER, LABEL_PAD = 8.0, 7.0, 6.0, 11.0


def plot_series(series: Series, ax: Axes | None = None) -> Axes:
    """Draw a series; returns the Axes of the map, or of the first panel if the patterns are missing.

    Parameters
    ----------
    series
        The result.
    ax
        Its figure is cleared and used; by default a new figure.
    """
    return draw(series, cleared_figure(ax, inches_of(series)))


def inches_of(series: Series) -> tuple[float, float]:
    """Return the size of the figure of a series with its map."""
    return MAP_WIDTH + PANEL_WIDTH * len(_panels(series)), MAP_HEIGHT + ROW_HEIGHT * len(series.phases)


def draw(series: Series, figure: Figure) -> Axes:
    """Draw a series on a figure; returns the Axes of the map, or of the first panel."""
    figure.set_layout_engine("constrained", h_pad=0.03, w_pad=0.03, hspace=0.0, wspace=0.02)
    found, panels = intensity_map(series), _panels(series)
    widths = [*([MAP_WIDTH] if found is not None else []), *([PANEL_WIDTH] * len(panels))]
    heights = (ROW_HEIGHT * len(series.phases), MAP_HEIGHT)
    grid = figure.add_gridspec(2, len(widths), width_ratios=widths, height_ratios=heights)
    first = figure.add_subplot(grid[1, 0])
    columns = [first, *(figure.add_subplot(grid[1, k], sharey=first) for k in range(1, len(widths)))]
    if found is not None:
        tracks = reflection_tracks(series)
        mesh = _draw_map(columns[0], found)
        draw_tracks(columns[0], series, tracks)
        draw_reflections(figure.add_subplot(grid[0, 0], sharex=first), series, tracks)
        words = figure.add_subplot(grid[0, 1:])
        _draw_words(words, series)
        _draw_colour_bar(words, mesh, len(panels))
    for axes, panel in zip(columns[-len(panels) :], panels, strict=True):
        panel(axes, series)
        _finish_panel(axes, series)
    _label_first(columns, series)
    figure.align_xlabels(columns)
    if found is None or not series.run.get("structures"):
        _draw_legend(columns[-len(panels)], series)
    return first


def _panels(series: Series) -> list[Drawer]:
    others = [name for name in series.axes[1:] if name not in NOT_DRAWN and series.frames[name].notna().any()]
    layers = [_draw_in_plane, _draw_spacing] if layer_lengths(series) else []
    plain = [_draw_change] if any(_changing_lengths(series, name) for name in series.phases) else []
    disordered = any(f"{name}.{STACKING[0][0]}" in series.frames for name in series.phases)
    stacking = [_stacking_drawer(*row) for row in STACKING] if disordered else []
    return [*(_curve_drawer(name) for name in others[:MOST_AXES]), _draw_fractions, *stacking, *layers, *plain]


# --- the map -------------------------------------------------------------------------------------------------------


def _draw_map(axes: Axes, found: IntensityMap) -> QuadMesh:
    from matplotlib.colors import PowerNorm  # noqa: PLC0415

    shown = np.maximum(found.intensity, 0.0)
    low, high = np.nanpercentile(shown[found.good] if found.good.any() else shown, (5.0, 99.5))
    edges, rows = _with_gaps(found.place, shown)
    half = 0.5 * (found.two_theta[1] - found.two_theta[0])
    angles = np.append(found.two_theta - half, found.two_theta[-1] + half)
    # A square root shows weak lines beside strong ones.
    norm = PowerNorm(0.5, vmin=low, vmax=max(high, low + 1e-9), clip=True)
    mesh = axes.pcolormesh(angles, edges, rows, cmap=COLOURS, norm=norm, rasterized=True)
    shade_excluded(axes, found)
    axes.set_xlim(found.two_theta[0], found.two_theta[-1])
    axes.set_ylim(edges[0], edges[-1])
    axes.set_xlabel("2θ (degrees)", fontsize=SMALL, va="baseline", labelpad=LABEL_PAD)
    axes.tick_params(labelsize=SMALL)
    return mesh


def _draw_colour_bar(words: Axes, mesh: QuadMesh, panels: int) -> None:
    """Draw the key of the map's greys above the panels, to the right of the words."""
    width = min(0.9 / panels, 0.3)
    box = words.inset_axes((1.0 - width - 0.02, 0.42, width, 0.1))
    bar = words.figure.colorbar(mesh, cax=box, orientation="horizontal")
    low, high = mesh.get_clim()
    # A quarter of the highest intensity is in the middle of a square-root scale.
    ticks = [float(f"{high * share:.1g}") for share in (0.05, 0.25, 0.9) if high * share > low]
    bar.set_ticks(ticks, labels=[f"{tick:g}" for tick in ticks])
    bar.ax.minorticks_off()
    bar.ax.tick_params(labelsize=SMALLER, length=2)
    bar.ax.set_title("intensity (square-root scale)", fontsize=SMALLER, pad=3)


def shade_excluded(axes: Axes, found: IntensityMap) -> None:
    """Shade the excluded regions of a series, which have no intensities."""
    for low, high in found.excluded:
        axes.axvspan(low, high, color=EXCLUDED, lw=0, zorder=0)


def _with_gaps(place: FloatArray, rows: FloatArray) -> tuple[FloatArray, FloatArray]:
    """Return the edges of the rows of a map and the rows, empty ones where frames are missing."""
    steps = np.diff(place)
    half = 0.5 * float(np.median(steps))
    edges, kept = [place[0] - half], []
    for row, here, step in zip(rows, place, [*steps, np.inf], strict=True):
        is_gap = step > GAP * 2.0 * half > 0.0
        edges.append(here + half if is_gap else here + 0.5 * step)
        kept.append(row)
        if is_gap and np.isfinite(step):
            edges.append(here + step - half)
            kept.append(np.full_like(row, np.nan))
    return np.array(edges), np.array(kept)


def _draw_words(axes: Axes, series: Series) -> None:
    """Write above the panels what they show, and the number of frames with each verdict."""
    counts = series.frames["verdict"].value_counts().sort_index()
    verdicts = ", ".join(f"{count} {verdict}" for verdict, count in counts.items())
    lines = [f"{len(series.frames)} frames: {verdicts}", "bars: one standard uncertainty"]
    if not series.is_good.all():
        lines.append("grey lines: frames that are not accepted")
    axes.text(0.0, 0.1, "\n".join(lines), fontsize=SMALL, color=CURVE, transform=axes.transAxes, va="bottom")
    axes.set_axis_off()


# --- the panels ----------------------------------------------------------------------------------------------------


def _curve_drawer(name: str) -> Drawer:
    """Return a function that draws another axis of the series."""

    def drawn(axes: Axes, series: Series) -> None:
        style = {"ls": "", "marker": ".", "ms": POINT} if _is_unordered(series) else {"lw": 1.1}
        axes.plot(series.frames[name], series.place, color=CURVE, **style)
        axes.set_xlabel(verbatim(axis_label(series, name)), fontsize=SMALL)

    return drawn


def _draw_fractions(axes: Axes, series: Series) -> None:
    for name in series.phases:
        value, esd = (np.where(series.is_good, own, np.nan) for own in determined_fractions(series.frames, name))
        _draw_points(axes, series, name, 100.0 * _without_long_absence(value), 100.0 * esd)
    axes.set_xlabel("weight %", fontsize=SMALL)
    _name_curves(axes, series)


def _name_curves(axes: Axes, series: Series) -> None:
    """Write the name of each phase beside its curve, at the frame where the other curves are farthest."""
    rows = [np.where(series.is_good, determined_fractions(series.frames, name)[0], np.nan) for name in series.phases]
    curves = 100.0 * np.nan_to_num(np.array(rows).reshape(len(series.phases), -1))
    for k, name in enumerate(series.phases):
        if not curves[k].any():
            continue
        others = np.delete(curves, k, axis=0)
        away = np.abs(others - curves[k]).min(axis=0) if len(others) else curves[k]
        frame = int(np.argmax(np.where(curves[k] > 0.0, np.minimum(away, curves[k] + 20.0), -1.0)))
        left = curves[k][frame] > 50.0
        axes.annotate(verbatim(name), (curves[k][frame], series.place[frame]), xytext=(-4 if left else 4, 0),
                      textcoords="offset points", ha="right" if left else "left", va="center", fontsize=SMALLER,
                      color=phase_colour(series, name))  # fmt: skip


def _stacking_drawer(column: str, label: str) -> Drawer:
    """Return a function that draws a column of the disordered phases."""

    def drawn(axes: Axes, series: Series) -> None:
        for name in series.phases:
            if f"{name}.{column}" in series.frames:
                own = (f"{name}.{column}", f"{name}.{column}_esd")
                value, esd = (np.where(series.is_good, series.frames[title], np.nan) for title in own)
                _draw_points(axes, series, name, value, esd)
        axes.set_xlabel(label, fontsize=SMALL)

    return drawn


def _without_long_absence(fractions: FloatArray) -> FloatArray:
    """Return fractions with nan where a phase is absent, except next to its entry and exit."""
    there = np.pad(fractions > 0.0, 1)
    return np.where(there[1:-1] | there[2:] | there[:-2], fractions, np.nan)


def _draw_in_plane(axes: Axes, series: Series) -> None:
    for name, found in layer_lengths(series).items():
        _draw_points(axes, series, name, found.in_plane, found.in_plane_esd)
    axes.set_xlabel("a in the layer (Å)", fontsize=SMALL)


def _draw_spacing(axes: Axes, series: Series) -> None:
    for name, found in layer_lengths(series).items():
        _draw_points(axes, series, name, found.spacing, found.spacing_esd)
    axes.set_xlabel("layer spacing (Å)", fontsize=SMALL)


def _draw_change(axes: Axes, series: Series) -> None:
    """Draw the lengths of cells without layers, relative to the first frame of each phase."""
    shown = set()
    for name in series.phases:
        for length in _changing_lengths(series, name):
            value, esd = (_column(series, f"{name}.{length}{end}") for end in ("", "_esd"))
            scale = 100.0 / float(value[np.isfinite(value)][0])
            _draw_points(axes, series, name, scale * value - 100.0, scale * esd, LINES[length])
            shown.add(length)
    axes.set_xlabel("change of a, b, c (%)" if len(shown) > 1 else "change of a (%)", fontsize=SMALL)
    if len(shown) > 1:
        handles = [axes.plot([], [], LINES[length], color=CURVE, lw=0.8, label=length)[0] for length in sorted(shown)]
        axes.legend(handles=handles, frameon=False, fontsize=SMALLER, handlelength=2.6)


def _changing_lengths(series: Series, name: str) -> list[str]:
    """Return the lengths of a cell without layers that are refined in the frames: constants are no curves."""
    if name in layer_lengths(series):
        return []
    columns = {length: _column(series, f"{name}.{length}") for length in _own_lengths(series, name)}
    return [length for length, values in columns.items() if len(np.unique(values[np.isfinite(values)])) > 1]


def _is_unordered(series: Series) -> bool:
    """Whether the frames are specimens that do not follow each other: no line leads from one to the next."""
    return bool(series.run.get("unordered"))


def _own_lengths(series: Series, name: str) -> list[str]:
    """Return the lengths of a cell that are not always equal to an earlier one."""
    columns = {length: _column(series, f"{name}.{length}") for length in LINES}
    own: list[str] = []
    for length, values in columns.items():
        if not any(np.array_equal(values, columns[other], equal_nan=True) for other in own):
            own.append(length)
    return own


def _draw_points(axes: Axes, series: Series, name: str, value: FloatArray, esd: FloatArray, line: str = "-") -> None:
    size = POINT if len(value) <= MANY else SMALL_POINT
    line = "" if _is_unordered(series) else line
    axes.errorbar(value, series.place, xerr=np.nan_to_num(esd), fmt=".", ls=line, ms=size, lw=0.8, elinewidth=0.7,
                  color=phase_colour(series, name), label=name)  # fmt: skip


def _column(series: Series, name: str) -> FloatArray:
    return np.asarray(series.frames[name].where(series.is_good), dtype=np.float64)


def _finish_panel(axes: Axes, series: Series) -> None:
    """Mark the frames that are not accepted, and separate the tick labels of neighbouring panels."""
    if any(np.isfinite(line.get_xdata()).any() for line in axes.lines):
        axes.locator_params(axis="x", nbins=3)
    else:
        axes.set_xticks([])
    axes.xaxis.label.set_verticalalignment("baseline")
    axes.xaxis.labelpad = LABEL_PAD
    axes.margins(x=0.08)
    axes.tick_params(labelleft=False, labelsize=TICK)
    for place in series.place[~series.is_good]:
        axes.axhline(place, color=DOUBTED, lw=0.8, zorder=0)


def _label_first(columns: Sequence[Axes], series: Series) -> None:
    columns[0].tick_params(labelleft=True)
    columns[0].set_ylabel(verbatim(axis_label(series, series.axes[0])) if series.axes else "frame", fontsize=SMALL)


def _draw_legend(axes: Axes, series: Series) -> None:
    for name in series.phases:
        axes.plot([], [], color=phase_colour(series, name), label=name)
    axes.legend(frameon=False, fontsize=SMALLER, loc="best")


def axis_label(series: Series, name: str) -> str:
    """Return the name of an axis with its unit, if known."""
    return axis_text(name, series.run.get("axis_units", {}).get(name))


# --- files ---------------------------------------------------------------------------------------------------------


def series_pictures(series: Series, kinds: Sequence[str] = FORMATS) -> dict[str, bytes]:
    """Return the picture, drawn once, as files of some kinds ("png", "pdf", "svg"), by kind."""
    return files_of(lambda figure: draw(series, figure), inches_of(series), kinds)
