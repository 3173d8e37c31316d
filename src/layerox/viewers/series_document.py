"""The data of a series for its map: all patterns, the quantities beside them, and the fits of single frames.

Intensities are stored by their square roots in 16 bits. Where all patterns take more than `MOST_BYTES`, neighbouring
points are averaged. Backgrounds are stored at every `STRIDE`-th point and are straight between these. Frames whose
angles differ from those of the first one are interpolated to them.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from layerox.errors import InputError
from layerox.pattern import Pattern, are_whole, poisson_sigma
from layerox.plotting.operando import axis_label, is_unordered
from layerox.plotting.reflection_marks import TRACKED, phase_colour
from layerox.series.figure_data import ReflectionTrack, excluded_regions, reflection_tracks
from layerox.series.frame_curves import FrameCurves, FrameCurveSource
from layerox.series.result import Series, frame_at, reading_of
from layerox.typing import FloatArray
from layerox.viewers.arrays import averaged, coded_angles, coded_floats, coded_roots, finite
from layerox.viewers.fit_document import coded_hkl, factor_of, pattern_entries
from layerox.viewers.series_panels import series_panels

MOST_BYTES = 9_000_000
STRIDE = 16


def series_document(series: Series, *, with_fits: bool = True) -> dict[str, Any] | None:
    """Return the data of a series; None if fewer than two of its patterns can be read.

    Parameters
    ----------
    series
        The result.
    with_fits
        Whether the calculated curve of each accepted frame is included, so that no kernel is needed; see
        `frame_curves`. Frames that were fitted one by one (`--unordered`) have none.
    """
    source = _curve_source(series) if with_fits else None
    found = _frames_of(series, source)
    if len(found.observed) < 2:
        return None
    return {
        **_curves_of(found, len(series.frames)),
        "axis": axis_label(series, series.axes[0]) if series.axes else "frame",
        "place": coded_floats(series.place),
        "frames": _frame_rows(series),
        "follows": not is_unordered(series),
        "phases": [{"name": name, "colour": phase_colour(series, name)} for name in series.phases],
        "panels": series_panels(series),
        "tracks": [_track(track, k < TRACKED) for track, k in _ranked(reflection_tracks(series))],
        "wavelength": series.run.get("measured", {}).get("wavelength"),
        "excluded": [list(region) for region in excluded_regions(series)],
    }


def _curve_source(series: Series) -> FrameCurveSource | None:
    try:
        source = FrameCurveSource(series)
    except InputError:
        return None
    return source if source.is_quick else None


# --- patterns ------------------------------------------------------------------------------------------------------


@dataclass(eq=False)
class _Frames:
    """Curves of the frames on the angles of the first readable one, by row of the table."""

    two_theta: FloatArray = field(default_factory=lambda: np.zeros(0))
    observed: dict[int, FloatArray] = field(default_factory=dict)
    sigma: dict[int, FloatArray] = field(default_factory=dict)
    calculated: dict[int, FloatArray] = field(default_factory=dict)
    background: dict[int, FloatArray] = field(default_factory=dict)
    is_poisson: bool = True
    is_counted: bool = True


def _frames_of(series: Series, source: FrameCurveSource | None) -> _Frames:
    found, reading = _Frames(), reading_of(series)
    good = series.is_good
    for k in range(len(series.frames)):
        try:
            pattern = reading.pattern(frame_at(series, k))
        except InputError:
            continue
        x = pattern.two_theta
        if not found.observed:
            found.two_theta = x
        found.observed[k] = _on_grid(found.two_theta, x, pattern.intensity)
        found.sigma[k] = _on_grid(found.two_theta, x, pattern.sigma)
        found.is_poisson &= np.array_equal(pattern.sigma, poisson_sigma(pattern.intensity))
        found.is_counted &= are_whole(pattern.intensity)
        if source is not None and good[k]:
            _add_fit(found, k, source, pattern)
    return found


def _add_fit(found: _Frames, k: int, source: FrameCurveSource, pattern: Pattern) -> None:
    """Add the calculated curves of a frame, nan in excluded regions; none if they cannot be computed."""
    try:
        curves = source.curves(k, pattern)
    except (InputError, ArithmeticError, np.linalg.LinAlgError):
        return
    for target, curve in ((found.calculated, curves.calculated), (found.background, curves.background)):
        target[k] = _on_grid(found.two_theta, curves.pattern.two_theta, curve, curves.pattern.excluded)


def _on_grid(
    grid: FloatArray, two_theta: FloatArray, curve: FloatArray, excluded: tuple[tuple[float, float], ...] = ()
) -> FloatArray:
    """Return a curve on the angles of a grid, nan outside its range and in excluded regions."""
    if two_theta is grid or (len(grid) == len(two_theta) and np.array_equal(grid, two_theta)):
        return curve
    values = np.interp(grid, two_theta, curve, left=np.nan, right=np.nan)
    for low, high in excluded:
        values[(grid >= low) & (grid <= high)] = np.nan
    return values


def _curves_of(found: _Frames, frames: int) -> dict[str, Any]:
    """Return the coded curves, and the row of each frame in them."""
    rows = {k: row for row, k in enumerate(found.observed)}
    fit_rows = {k: row for row, k in enumerate(found.calculated)}
    points = len(found.two_theta)
    size = 2 * points * (len(rows) * (1 if found.is_poisson else 2) + len(fit_rows))
    factor = -(-size // MOST_BYTES)

    def matrix(curves: Mapping[int, FloatArray]) -> FloatArray:
        return averaged(np.array(list(curves.values())), factor)

    sigma = (
        None if found.is_poisson else coded_roots(np.sqrt(matrix({k: s**2 for k, s in found.sigma.items()}) / factor))
    )
    count = points // factor
    nodes = [*range(0, count - 1, STRIDE), count - 1]
    return {
        "two_theta": coded_angles(averaged(found.two_theta, factor)),
        "observed": coded_roots(matrix(found.observed)),
        "sigma": sigma,
        "calculated": coded_roots(matrix(found.calculated)) if fit_rows else None,
        "background": coded_floats(matrix(found.background)[:, nodes]) if fit_rows else None,
        "stride": STRIDE,
        "averaged": factor,
        "row_of": [rows.get(k) for k in range(frames)],
        "fit_row_of": [fit_rows.get(k) for k in range(frames)] if fit_rows else None,
        "unit": "counts" if found.is_poisson and found.is_counted else "intensity",
    }


# --- table ---------------------------------------------------------------------------------------------------------


def _frame_rows(series: Series) -> list[dict[str, Any]]:
    columns = ["frame", "file", "verdict", "reason", "r_wp", "gof"]
    return [
        {
            "frame": int(row.frame),
            "file": str(row.file),
            "verdict": str(row.verdict),
            "reason": str(row.reason),
            "r_wp": finite(row.r_wp),
            "gof": finite(row.gof),
        }
        for row in series.frames[columns].itertuples()
    ]


def _ranked(tracks: list[ReflectionTrack]) -> list[tuple[ReflectionTrack, int]]:
    """Return the tracks with their place among those of their phase, the strongest first."""
    found = []
    for phase in dict.fromkeys(track.phase for track in tracks):
        own = sorted((track for track in tracks if track.phase == phase), key=lambda track: -track.intensity)
        found += [(track, k) for k, track in enumerate(own)]
    return found


def _track(track: ReflectionTrack, is_strong: bool) -> dict[str, Any]:
    two_theta = coded_floats(track.two_theta)
    return {"phase": track.phase, "hkl": list(track.hkl), "strong": is_strong, "two_theta": two_theta}


# --- one frame ------------------------------------------------------------------------------------------------------


def frame_document(series: Series, k: int, curves: FrameCurves, tracks: Sequence[ReflectionTrack]) -> dict[str, Any]:
    """Return the data of the fit of one frame for the pattern view, with the curve of each phase.

    `tracks` are the reflections of the series (see `reflection_tracks`).
    """
    pattern = curves.pattern
    own = {"observed": pattern.intensity, "calculated": curves.calculated, "background": curves.background}
    tracks = [track for track in tracks if np.isfinite(track.two_theta[k])]
    return {
        **pattern_entries(pattern, own),
        "title": "",
        "wavelength": series.run.get("measured", {}).get("wavelength"),
        "unexplained": [],
        "phases": [_frame_phase(series, k, name, curves, tracks) for name in curves.contributions],
    }


def _frame_phase(
    series: Series, k: int, name: str, curves: FrameCurves, tracks: Sequence[ReflectionTrack]
) -> dict[str, Any]:
    own = sorted((track for track in tracks if track.phase == name), key=lambda track: track.two_theta[k])
    return {
        "name": name,
        "label": name,
        "colour": phase_colour(series, name),
        "curve": coded_floats(averaged(curves.contributions[name], factor_of(curves.pattern))),
        "ticks": coded_floats(np.array([track.two_theta[k] for track in own], dtype=np.float64)),
        "hkl": coded_hkl([track.hkl for track in own]),
    }
