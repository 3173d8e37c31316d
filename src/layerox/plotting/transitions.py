"""Plot of the transitions of a series: the driving axis, the weight fractions, and the conversions of phases.

Each transition is a bar from its onset to its end with its midpoint; hatched bars are not possible by gliding.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np

from layerox.plotting.axis_labels import verbatim
from layerox.plotting.figure_files import cleared_figure, png_of
from layerox.plotting.operando import axis_label
from layerox.plotting.palette import PALETTE
from layerox.strain.measured_cells import GOOD
from layerox.strain.transitions.of_series import Transitions
from layerox.strain.transitions.phase_conversions import Step
from layerox.typing import FloatArray

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure


INCHES_WIDE, HEIGHT_AXIS, HEIGHT_WEIGHTS, HEIGHT_STEP, HEIGHT_REST = 7.2, 1.1, 2.3, 0.24, 1.0
NO_PART, FORBIDDEN, SHADE = "#CCCCCC", "#C1272D", 0.85
MOST_TEXT = 62


def plot_transitions(found: Transitions, ax: Axes | None = None) -> Axes:
    """Draw the phase diagram of a run; returns the Axes of the weight fractions.

    Parameters
    ----------
    found
        The result of `transitions`.
    ax
        Its figure is cleared and used; by default a new figure.
    """
    return draw(found, cleared_figure(ax, inches(found)))


def inches(found: Transitions) -> tuple[float, float]:
    """Return the size of the picture."""
    return INCHES_WIDE, sum(_heights(found)) + HEIGHT_REST


def _heights(found: Transitions) -> list[float]:
    driven = [HEIGHT_AXIS] if _is_driven(found) else []
    return [*driven, HEIGHT_WEIGHTS, HEIGHT_STEP * max(len(found.steps), 1) + 0.15]


def _is_driven(found: Transitions) -> bool:
    """Whether the driving axis differs from the axis of the plot."""
    return found.axis.name not in ("", *found.series.axes[:1])


def draw(found: Transitions, figure: Figure) -> Axes:
    """Draw on a figure; returns the Axes of the weight fractions."""
    figure.set_layout_engine("constrained")
    heights = _heights(found)
    panels = figure.subplots(len(heights), 1, sharex=True, squeeze=False, height_ratios=heights)[:, 0]
    remaining = list(panels)
    if _is_driven(found):
        _draw_driver(found, remaining.pop(0))
    weights: Axes = remaining.pop(0)
    _draw_weights(found, weights)
    _draw_steps(found, remaining[0])
    remaining[0].set_xlabel(verbatim(axis_label(found.series, (*found.series.axes, "")[0])))
    panels[0].set_title(_wrapped(found.name), loc="left", fontsize="medium")
    figure.align_ylabels(panels)
    return weights


def _wrapped(name: str) -> str:
    """Return the name of a run on as many lines as it needs."""
    lines = [""]
    for word in name.split(" -> "):
        joined = f"{lines[-1]} → {word}" if lines[-1] else word
        if len(joined) > MOST_TEXT:
            lines[-1] += " →"
            joined = word
            lines.append("")
        lines[-1] = joined
    return "\n".join(lines)


def _place(found: Transitions, frame: FloatArray | float) -> FloatArray:
    """Return the axis values of frames in the plot."""
    frames, place = found.series.frames["frame"].to_numpy(float), found.series.place
    known = np.isfinite(place)
    return np.asarray(np.interp(frame, frames[known], place[known]))


def _draw_driver(found: Transitions, axes: Axes) -> None:
    axes.plot(_place(found, found.axis.frame), found.axis.value, color="#222222", lw=1.0)
    axes.set_ylabel(verbatim(axis_label(found.series, found.axis.name)))
    for branch in found.axis.branches[1:]:
        axes.axvline(float(_place(found, branch.first - 0.5)), color=NO_PART, lw=0.8, zorder=0)


def _draw_weights(found: Transitions, axes: Axes) -> None:
    """Draw stacked fractions; phases without a stacking (a foil) on top."""
    table = found.series.frames[found.series.frames["verdict"].isin(GOOD)]
    named = [name for name in found.series.phases if name in found.stackings]
    order = [*named, *(name for name in found.series.phases if name not in named)]
    place = _place(found, table["frame"].to_numpy(float))
    rows = [100.0 * np.nan_to_num(table[f"{name}.weight_fraction"].to_numpy(float)) for name in order]
    shades = axes.stackplot(place, *rows, colors=[_colour(found, name) for name in order], alpha=SHADE, lw=0.4,
                            edgecolor="white")  # fmt: skip
    for shade, name in zip(shades, order, strict=True):
        shade.set_label(found.stackings[name].name if name in found.stackings else name)
    axes.set_ylim(0.0, 100.0)
    axes.set_xlim(float(np.nanmin(found.series.place)), float(np.nanmax(found.series.place)))
    axes.set_ylabel("weight %")
    axes.legend(frameon=False, fontsize="small", ncols=1, loc="center left", bbox_to_anchor=(1.0, 0.5), reverse=True)


def _colour(found: Transitions, name: str) -> str:
    """Return the colour of a phase, as in the plot of its series."""
    return PALETTE[found.series.phases.index(name) % len(PALETTE)] if name in found.stackings else NO_PART


def _draw_steps(found: Transitions, axes: Axes) -> None:
    for row, step in enumerate(found.steps):
        _draw_step(found, axes, row, step)
    axes.set_ylim(max(len(found.steps), 1) - 0.5, -0.5)
    axes.set_yticks(range(len(found.steps)), [step.name.replace("->", "→") for step in found.steps], fontsize=7)
    for spine in ("top", "right"):
        axes.spines[spine].set_visible(False)
    if not found.steps:
        axes.text(
            0.5, 0.5, "no conversion of one phase into another", transform=axes.transAxes, ha="center", va="center"
        )


def _draw_step(found: Transitions, axes: Axes, row: int, step: Step) -> None:
    begin, middle, end = (_place(found, float(at)) for at in (step.onset, step.midpoint, step.end))
    broken = step.is_forbidden
    axes.barh(row, end - begin, left=begin, height=0.55, color=_colour(found, step.product), alpha=SHADE,
              edgecolor=FORBIDDEN if broken else "none", hatch="///" if broken else None)  # fmt: skip
    for at, number in ((begin, step.onset), (middle, step.midpoint), (end, step.end)):
        low, high = (_place(found, float(number) + sign * np.nan_to_num(number.esd)) for sign in (-1.0, 1.0))
        axes.errorbar([float(at)], [row], xerr=np.abs([[at - low], [high - at]]).reshape(2, 1), fmt="|", ms=7, lw=0.9,
                      color="#222222", capsize=1.5)  # fmt: skip
    axes.annotate(_step_text(step), (float(end), row), (5, 0), textcoords="offset points", va="center", fontsize=6,
                  annotation_clip=False)  # fmt: skip


def _step_text(step: Step) -> str:
    parts: Sequence[str] = (
        f"{100 * step.weight:.0f} wt%",
        "" if step.coexistence.mechanism == "undecided" else step.coexistence.mechanism,
        "no glide" if step.is_forbidden else "",
    )
    return ", ".join(part for part in parts if part)


def transitions_picture(found: Transitions, *, dpi: int = 150) -> bytes:
    """Return the phase diagram of a run as a PNG file's bytes."""

    def drawn(figure: Figure) -> None:
        draw(found, figure)

    return png_of(drawn, inches(found), dpi)
