"""Reflection markers of a series' phases: rows of ticks above its patterns, and tracks through the map."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from layerox.plotting.palette import PALETTE, index_length, index_text
from layerox.series.figure_data import ReflectionTrack
from layerox.series.result import Series

if TYPE_CHECKING:
    from matplotlib.axes import Axes

# Height of a phase's row, inches.
ROW_HEIGHT = 0.24
# Numbers of reflections of a phase with a tick, an index, and a track in the map; width of a character as a share of
# the map's width.
TICKED, INDEXED, TRACKED, CHARACTER = 10, 5, 4, 0.0125
# Opacity of a phase that no frame contains.
PALE = 0.45
TRACK: dict[str, Any] = {"lw": 1.0, "ls": (0, (1.0, 1.6))}
NAME_SIZE, INDEX_SIZE = 8.0, 6.0


def draw_tracks(axes: Axes, series: Series, tracks: Sequence[ReflectionTrack]) -> None:
    """Draw the positions of the strongest reflections as tracks through the frames of the map."""
    for track in _strongest(tracks, TRACKED):
        axes.plot(track.two_theta, series.place, color=phase_colour(series, track.phase), **TRACK)


def draw_reflections(axes: Axes, series: Series, tracks: Sequence[ReflectionTrack]) -> None:
    """Draw a row of reflections for each phase, at their positions in its first frame."""
    count = len(series.phases)
    for track in _strongest(tracks, TICKED):
        axes.plot([track.first] * 2, np.array([0.0, 0.42]) + _row_of(series, track), lw=1.0, **_paint(series, track))
    for track in _with_room(_strongest(tracks, INDEXED), axes.get_xlim()):
        axes.text(track.first, _row_of(series, track) + 0.5, index_text(track.hkl), fontsize=INDEX_SIZE, ha="center",
                  va="bottom", **_paint(series, track))  # fmt: skip
    axes.set_ylim(-0.1, count)
    axes.set_yticks([count - 0.7 - k for k in range(count)], series.phases, fontsize=NAME_SIZE)
    for label, name in zip(axes.get_yticklabels(), series.phases, strict=True):
        label.set_color(phase_colour(series, name))
    axes.tick_params(left=False, bottom=False, labelbottom=False)
    axes.spines[:].set_visible(False)


def _row_of(series: Series, track: ReflectionTrack) -> int:
    return len(series.phases) - 1 - series.phases.index(track.phase)


def _paint(series: Series, track: ReflectionTrack) -> dict[str, Any]:
    """Return the colour of a phase, pale if no frame contains it."""
    shows = np.isfinite(track.two_theta).any()
    return {"color": phase_colour(series, track.phase), "alpha": 1.0 if shows else PALE}


def _strongest(tracks: Sequence[ReflectionTrack], most: int) -> Iterator[ReflectionTrack]:
    """Yield the strongest reflections of each phase that are within the range in some frame."""
    for phase in dict.fromkeys(track.phase for track in tracks):
        own = [track for track in tracks if track.phase == phase and np.isfinite(track.first)]
        yield from sorted(own, key=lambda track: -track.intensity)[:most]


def _with_room(tracks: Iterator[ReflectionTrack], limits: tuple[float, float]) -> Iterator[ReflectionTrack]:
    """Yield those whose index does not overlap that of a stronger one of the same phase, or the edge."""
    share = CHARACTER * (limits[1] - limits[0])
    taken: dict[str, list[tuple[float, float]]] = {}
    for track in tracks:
        x, others = track.first, taken.setdefault(track.phase, [])
        half = 0.5 * share * (1 + index_length(track.hkl))
        inside = limits[0] < x - half and x + half < limits[1]
        if inside and all(abs(x - other) > half + reach for other, reach in others):
            others.append((x, half))
            yield track


def phase_colour(series: Series, phase: str) -> str:
    """Return the colour of a phase, the same in all plots of a series."""
    return PALETTE[series.phases.index(phase) % len(PALETTE)]
