"""Reflection rows: ticks of the phases of one pattern, with the indices of strong reflections where there is room."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING

import numpy as np

from layerox.diffraction.peaks import displacement_shift
from layerox.diffraction.refined_quantities import RefinedPhase
from layerox.diffraction.refinement import Refinement
from layerox.diffraction.reflections import equivalents, reflections
from layerox.plotting.palette import colour, index_length, index_text
from layerox.symmetry import Symmetry
from layerox.typing import FloatArray, IntArray

if TYPE_CHECKING:
    from matplotlib.axes import Axes

# Height of a row of ticks, and of one with indices, inches; width of a character as a share of the row's width.
ROW_INCHES, INDEXED_INCHES, CHARACTER = 0.14, 0.26, 0.0085
INDEX_SIZE = 6.0
# Largest distance (degrees) between a tick and the reflection that is computed for it.
SAME_ANGLE = 0.02
# More phases than these have no indices unless they are asked for.
FEW_PHASES = 3


def draw_rows(rows: Axes, ticks: Sequence[FloatArray], indices: Sequence[Sequence[tuple[float, str, int]]]) -> None:
    """Draw a row of ticks for each phase, the first on top.

    Parameters
    ----------
    rows
        Axes below the pattern.
    ticks
        Angles of each phase, degrees.
    indices
        Angle, text and number of characters of the indices of each phase, strongest first; empty without them.
    """
    low, high = rows.get_xlim()
    foot = 0.5 if any(indices) else 0.15
    for row, positions in enumerate(ticks):
        rows.vlines(positions, -row - 0.92, -row - foot, color=colour(row), lw=0.8)
    for row, labels in enumerate(indices):
        for position, text in _with_room(labels, (low, high)):
            rows.text(position, -row - foot + 0.03, text, fontsize=INDEX_SIZE, ha="center", va="bottom",
                      color=colour(row), clip_on=True)  # fmt: skip
    rows.set(ylim=(-max(len(ticks), 1), 0), yticks=[])


def _with_room(labels: Sequence[tuple[float, str, int]], limits: tuple[float, float]) -> Iterator[tuple[float, str]]:
    """Yield the indices that overlap neither a stronger one nor the edge."""
    taken: list[tuple[float, float]] = []
    for position, text, length in labels:
        half = 0.5 * CHARACTER * (limits[1] - limits[0]) * (1 + length)
        inside = limits[0] < position - half and position + half < limits[1]
        if inside and all(abs(position - other) > half + reach for other, reach in taken):
            taken.append((position, half))
            yield position, text


def indices_of(refinement: Refinement, phase: RefinedPhase) -> list[tuple[float, str, int]]:
    """Return angle, text and length of the indices of a phase's reflections, by the height of its curve there."""
    if not len(phase.ticks) or not phase.sites:
        return []
    angles, hkl = _measured_angles(refinement, phase)
    row = [p.name for p in refinement.phases].index(phase.name)
    heights = np.interp(phase.ticks, refinement.pattern.two_theta, refinement.contributions[row])
    found = []
    for k in np.argsort(-heights, kind="stable").tolist():
        tick = float(phase.ticks[k])
        nearest = int(np.argmin(np.abs(angles - tick)))
        if abs(angles[nearest] - tick) < SAME_ANGLE:
            own = tuple(hkl[nearest].tolist())
            found.append((tick, index_text(own), index_length(own)))
    return found


def _measured_angles(refinement: Refinement, phase: RefinedPhase) -> tuple[FloatArray, IntArray]:
    """Return the angles at which reflections of a phase are measured, degrees, and their indices."""
    wavelength, instrument = refinement.radiation.wavelength, refinement.instrument
    crystal = phase.crystal
    last = min(refinement.pattern.range[1] + 1.0, 175.0)
    listed = reflections(crystal.symmetry, crystal.cell, 0.5 * wavelength / np.sin(np.radians(last / 2)))
    bragg = 2.0 * np.arcsin(0.5 * wavelength / listed.d_spacing(crystal.cell))
    is_flat = instrument.geometry == "bragg-brentano"
    shifts = np.array([displacement_shift(angle / 2, instrument.radius_mm, is_flat)[0] for angle in bragg.tolist()])
    displaced = (instrument.displacement_mm + float(phase.displacement_mm)) * shifts
    return np.asarray(np.degrees(bragg) + instrument.zero + displaced), _usual(listed.hkl, crystal.symmetry)


def _usual(hkl: IntArray, symmetry: Symmetry) -> IntArray:
    """Return the equivalent of each reflection that is usually written: 400 in cubic groups, 012 and 104 in others."""
    order = (0, 1, 2) if len(symmetry.cell_rule.free) == 1 else (2, 0, 1)

    def rank(row: Sequence[int]) -> tuple[int, ...]:
        return sum(index < 0 for index in row), *(-row[k] for k in order)

    found = [min(images, key=rank) for images in equivalents(hkl, symmetry.laue_rotations).tolist()]
    return np.array(found, dtype=np.int64).reshape(-1, 3)
