"""Data of the figures of a series: the intensity map, positions of reflections, and layer spacings in each frame.

Positions are those of the first emission line with the zero and displacement of the frame. Nothing is drawn here.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from layerox.diffraction.model import safe_name
from layerox.diffraction.peaks import displacement_shift
from layerox.errors import InputError
from layerox.series.result import Series, frame_at, reading_of
from layerox.symmetry import metrics_of_cells
from layerox.typing import FloatArray

# Limits of a figure.
MOST_FRAMES, ANGLES = 200, 900
# Cell parameters in the table of a series; other free ones are those of the starting cell.
COLUMNS = {"a": 0, "b": 1, "c": 2, "beta": 4}
# A change small enough for a derivative, in units of the cell parameter's uncertainty.
STEP = 0.1


@dataclass(frozen=True, kw_only=True, eq=False)
class IntensityMap:
    """Intensities over place and angle.

    Attributes
    ----------
    place
        On the first axis of the series, shape (m,).
    two_theta
        Degrees, shape (n,).
    intensity
        The mean around each angle, nan where a pattern has none and in excluded regions, shape (m, n).
    good
        Which of these frames are accepted, shape (m,).
    excluded
        (first, last) two-theta of the regions that the user excluded, degrees.
    """

    place: FloatArray
    two_theta: FloatArray
    intensity: FloatArray
    good: NDArray[np.bool_]
    excluded: tuple[tuple[float, float], ...] = ()


def intensity_map(series: Series, *, frames: int = MOST_FRAMES, angles: int = ANGLES) -> IntensityMap | None:
    """Return the map of a series; None if its pattern files are missing.

    Parameters
    ----------
    series
        The result.
    frames, angles
        Largest numbers of frames, evenly chosen, and of angles.
    """
    place = series.place
    known = np.flatnonzero(np.isfinite(place))
    spread = sorted({round(x) for x in np.linspace(0, len(known) - 1, min(frames, len(known)))})
    chosen = [int(known[k]) for k in spread]
    patterns = {k: found for k in chosen if (found := _pattern(series, k)) is not None}
    if len(patterns) < 2:
        return None
    low = min(two_theta[0] for two_theta, _ in patterns.values())
    high = max(two_theta[-1] for two_theta, _ in patterns.values())
    grid = np.linspace(low, high, angles)
    at, regions = list(patterns), excluded_regions(series)
    shown = np.array([mean_around(grid, *pattern) for pattern in patterns.values()])
    for first, last in regions:
        shown[:, (grid >= first) & (grid <= last)] = np.nan
    return IntensityMap(
        place=place[at],
        two_theta=grid,
        intensity=shown,
        good=series.is_good[at],
        excluded=regions,
    )


def excluded_regions(series: Series) -> tuple[tuple[float, float], ...]:
    """Return the regions that the recipe of a series excludes, degrees."""
    pattern = (series.run.get("recipe") or {}).get("pattern", {})
    return tuple((float(low), float(high)) for low, high in pattern.get("exclude", ()))


def mean_around(grid: FloatArray, two_theta: FloatArray, intensity: FloatArray) -> FloatArray:
    """Return the mean of a curve over the step around each point of an even grid; nan outside the curve.

    Single points of a curve that is finer than the grid would miss peak tops.
    """
    step = grid[1] - grid[0]
    integral = np.concatenate(([0.0], np.cumsum(0.5 * (intensity[1:] + intensity[:-1]) * np.diff(two_theta))))
    edges = np.clip(np.concatenate((grid - 0.5 * step, [grid[-1] + 0.5 * step])), two_theta[0], two_theta[-1])
    widths = np.diff(edges)
    inside = widths > 0.25 * step
    means = np.diff(np.interp(edges, two_theta, integral)) / np.where(inside, widths, 1.0)
    return np.where(inside, means, np.nan)


def _pattern(series: Series, k: int) -> tuple[FloatArray, FloatArray] | None:
    try:
        found = reading_of(series).pattern(frame_at(series, k))
    except InputError:
        return None
    return found.two_theta, found.intensity


@dataclass(frozen=True, kw_only=True, eq=False)
class ReflectionTrack:
    """One reflection through a series.

    Attributes
    ----------
    phase, hkl
        The phase and the indices.
    intensity
        Relative to the strongest of its phase in the starting structure.
    start
        Degrees in the starting cell.
    two_theta
        Degrees, nan where the frame is without the phase or not accepted, shape (frames,).
    """

    phase: str
    hkl: tuple[int, int, int]
    intensity: float
    start: float
    two_theta: FloatArray

    @property
    def first(self) -> float:
        """Its position in the first frame with the phase, or in the starting cell if there is none, degrees."""
        known = self.two_theta[np.isfinite(self.two_theta)]
        return float(known[0]) if len(known) else self.start


@dataclass(frozen=True, eq=False)
class LayerLengths:
    """The layers of a phase through a series, on a scale that is the same for every stacking.

    Attributes
    ----------
    in_plane, spacing
        Distance of neighbouring metals in a hexagonal layer of the same area, and slab repeat,
        angstrom, shape (frames,).
    in_plane_esd, spacing_esd
        Their standard uncertainties.
    """

    in_plane: FloatArray
    spacing: FloatArray
    in_plane_esd: FloatArray
    spacing_esd: FloatArray


def reflection_tracks(series: Series) -> list[ReflectionTrack]:
    """Return the strongest reflections of each phase; none if run.json does not list them.

    Parameters
    ----------
    series
        Its run.json lists them (see `described`).
    """
    wavelength = series.run.get("measured", {}).get("wavelength")
    found = []
    for phase, structure in structures(series).items():
        cells = np.vstack((np.array([structure["cell"]], dtype=np.float64), cells_of(series, phase)))
        for row in structure["reflections"]:
            sines = 0.5 * wavelength / d_spacings(cells, row["hkl"])
            angles = 2.0 * np.degrees(np.arcsin(np.where(sines < 1.0, sines, np.nan)))
            angles[1:] += _offsets(series, phase, angles[1:])
            h, k, l = row["hkl"]  # noqa: E741  (the name of an index)
            found.append(
                ReflectionTrack(
                    phase=phase, hkl=(h, k, l), intensity=row["intensity"], start=float(angles[0]), two_theta=angles[1:]
                )
            )
    return found


def _offsets(series: Series, phase: str, angles: FloatArray) -> FloatArray:
    """Return the shift of reflections by zero and displacement in each frame, degrees, shape (frames,)."""
    measured, frames = series.run["measured"], series.frames
    displacement = frames["displacement"].to_numpy(dtype=np.float64)
    if f"{phase}.displacement" in frames:
        displacement = displacement + np.nan_to_num(frames[f"{phase}.displacement"].to_numpy(dtype=np.float64))
    flat = measured["geometry"] == "bragg-brentano"
    shifts = [displacement_shift(theta, measured["radius_mm"], flat)[0] for theta in np.radians(angles / 2.0)]
    return np.asarray(frames["zero"].to_numpy(dtype=np.float64) + displacement * np.array(shifts))


def layer_lengths(series: Series) -> dict[str, LayerLengths]:
    """Return the layers of each layered phase.

    Uncertainties are propagated from those of the cell's lengths and angle without their correlations, which the table
    does not hold.
    """
    layered = [phase for phase, structure in structures(series).items() if structure["layers"] is not None]
    return {phase: _lengths(series, phase) for phase in layered}


def structures(series: Series) -> dict[str, Mapping[str, Any]]:
    """Return the entry of run.json for each phase, by its name in the columns; empty for runs without it."""
    return {safe_name(name): found for name, found in series.run.get("structures", {}).items()}


def cells_of(series: Series, phase: str) -> FloatArray:
    """Return the cell in each frame, nan without the phase, shape (frames, 6), angstrom and degrees."""
    structure = structures(series)[phase]
    good = series.is_good & series.frames[f"{phase}.volume"].notna().to_numpy()
    cells = np.tile(np.array(structure["cell"], dtype=np.float64), (len(good), 1))
    for column, members in _variables(structure):
        cells[:, members] = series.frames[f"{phase}.{column}"].to_numpy(dtype=np.float64)[:, None]
    cells[~good] = np.nan
    return cells


def _variables(structure: Mapping[str, Any]) -> Iterator[tuple[str, list[int]]]:
    """Yield the free quantities of a cell: the column that holds one, and the cell parameters that it is."""
    for members in structure["variables"]:
        column = next((name for name, place in COLUMNS.items() if place in members), None)
        if column is not None:
            yield column, members


def d_spacings(cells: FloatArray, hkl: Sequence[int]) -> FloatArray:
    """Return the distance of lattice planes in each of many cells (n, 6), angstrom, shape (n,)."""
    index = np.array(hkl, dtype=np.float64)
    return np.asarray(np.einsum("i,nij,j->n", index, np.linalg.inv(metrics_of_cells(cells)), index) ** -0.5)


def _lengths(series: Series, phase: str) -> LayerLengths:
    structure, cells = structures(series)[phase], cells_of(series, phase)
    values = _in_plane_and_spacing(cells, structure["layers"])
    variances = np.full(values.shape, np.nan)
    for column, members in _variables(structure):
        esd = series.frames[f"{phase}.{column}_esd"].to_numpy(dtype=np.float64)
        moved = cells.copy()
        moved[:, members] += STEP * esd[:, None]
        change = (_in_plane_and_spacing(moved, structure["layers"]) - values) / STEP
        variances = np.where(np.isfinite(change), np.nan_to_num(variances) + change**2, variances)
    return LayerLengths(*values, *np.sqrt(variances))


def _in_plane_and_spacing(cells: FloatArray, layers: Mapping[str, Any]) -> FloatArray:
    """Return both lengths of layers in many cells, shape (2, n)."""
    spacing = d_spacings(cells, layers["hkl"]) / layers["slabs"]
    with np.errstate(invalid="ignore"):  # frames without the phase
        volume = np.sqrt(np.linalg.det(metrics_of_cells(cells)))
    area = volume / layers["metals"] / spacing
    return np.array((np.sqrt(2.0 * area / np.sqrt(3.0)), spacing))
