"""Reflections of refined phases with their indices, at the angles at which the pattern has them.

A result keeps the angles alone; the indices follow from its cell, its space group, and its zero and displacement.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from layerox.diffraction.peaks import displacement_shift
from layerox.diffraction.refined_quantities import RefinedPhase
from layerox.diffraction.refinement import Refinement
from layerox.diffraction.reflections import reflections
from layerox.instrument import Instrument
from layerox.typing import FloatArray, IntArray

# Degrees beyond the range within which zero and displacement may bring a reflection into it.
BEYOND = 1.0


@dataclass(frozen=True, kw_only=True, eq=False)
class ReflectionRows:
    """Angles of reflections, degrees, ascending, shape (n,), and their indices, shape (n, 3); None for rods."""

    two_theta: FloatArray
    hkl: IntArray | None


def reflection_rows(refinement: Refinement, phase: RefinedPhase) -> ReflectionRows:
    """Return the reflections of a phase within the range of the pattern, of a disordered phase without indices."""
    if phase.stacking is not None:
        return ReflectionRows(two_theta=np.sort(phase.ticks), hkl=None)
    low, high = refinement.pattern.range
    wavelength = refinement.radiation.wavelength
    furthest = np.radians(min(high + BEYOND, 179.9) / 2.0)
    listed = reflections(phase.crystal.symmetry, phase.crystal.cell, 0.5 * wavelength / float(np.sin(furthest)))
    theta = np.arcsin(0.5 * wavelength / listed.d_spacing(phase.crystal.cell))
    angles = np.degrees(2.0 * theta) + _shifts(theta, refinement.instrument, float(phase.displacement_mm))
    order = np.argsort(angles, kind="stable")
    order = order[(angles[order] >= low) & (angles[order] <= high)]
    return ReflectionRows(two_theta=angles[order], hkl=listed.hkl[order])


def _shifts(theta: FloatArray, instrument: Instrument, own: float) -> FloatArray:
    """Return the shift of reflections by zero and displacement (mm; `own` is that beside the specimen's), degrees."""
    flat = instrument.geometry == "bragg-brentano"
    per_mm = np.array([displacement_shift(angle, instrument.radius_mm, flat)[0] for angle in theta])
    return np.asarray(instrument.zero + (instrument.displacement_mm + own) * per_mm)
