"""The data of one pattern for the pattern view: of a refinement, of a simulation, or of one frame of a series.

Curves of long patterns are means of neighbouring points, so that at most `MOST_POINTS` remain.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict
from typing import Any

import numpy as np

from layerox.diffraction.refined_quantities import RefinedPhase
from layerox.diffraction.refinement import Refinement
from layerox.diffraction.simulated_pattern import Simulation
from layerox.pattern import Pattern, are_whole
from layerox.plotting.palette import PALETTE
from layerox.plotting.powder import amount_text
from layerox.plotting.reflection_rows import measured_angles
from layerox.typing import FloatArray, IntArray
from layerox.viewers.arrays import Coded, averaged, coded_angles, coded_floats, coded_wholes

# More points than a screen has columns, by an order of magnitude.
MOST_POINTS = 20_000


def fit_document(refinement: Refinement) -> dict[str, Any]:
    """Return the data of a refinement: curves of its supported phases, reflections, unexplained peaks, figures."""
    pattern, figures = refinement.pattern, refinement.agreement
    shown = [k for k, phase in enumerate(refinement.phases) if phase.is_supported]
    status = "" if refinement.status == "converged" else f", {refinement.status.replace('_', ' ')}"
    curves = {
        "observed": pattern.intensity,
        "calculated": refinement.calculated,
        "background": refinement.background,
    }
    return {
        **pattern_entries(pattern, curves),
        "title": f"R_wp {100 * figures.r_wp:.2f} %, gof {figures.gof:.2f}{status}",
        "wavelength": refinement.radiation.wavelength,
        "unexplained": [asdict(peak) for peak in refinement.unexplained],
        "phases": [
            _refined_phase(refinement, refinement.phases[k], refinement.contributions[k], colour_of(row))
            for row, k in enumerate(shown)
        ],
    }


def colour_of(row: int) -> str:
    """Return the colour of a phase, the same as in figures."""
    return PALETTE[row % len(PALETTE)]


def pattern_entries(pattern: Pattern, curves: Mapping[str, FloatArray]) -> dict[str, Any]:
    """Return angles, curves by name, sigma, excluded regions and the unit of a pattern."""
    factor = factor_of(pattern)
    counted = pattern.sigma_source == "poisson" and are_whole(pattern.intensity)
    sigma = np.sqrt(averaged(pattern.sigma**2, factor) / factor)
    return {
        "two_theta": coded_angles(averaged(pattern.two_theta, factor)),
        "sigma": coded_floats(sigma),
        **{name: coded_floats(averaged(curve, factor)) for name, curve in curves.items()},
        "excluded": [list(region) for region in pattern.excluded],
        "unit": "counts" if counted else "intensity",
        "averaged": factor,
    }


def factor_of(pattern: Pattern) -> int:
    """Return how many neighbouring points of a pattern are averaged."""
    return -(-len(pattern) // MOST_POINTS)


def _refined_phase(refinement: Refinement, phase: RefinedPhase, curve: FloatArray, colour: str) -> dict[str, Any]:
    ticks, hkl = reflection_row(refinement, phase)
    return {
        "name": phase.name,
        "label": f"{phase.name}  {amount_text(phase)}",
        "colour": colour,
        "curve": coded_floats(averaged(curve, factor_of(refinement.pattern))),
        "ticks": coded_floats(ticks),
        "hkl": None if hkl is None else coded_wholes(hkl),
    }


def reflection_row(refinement: Refinement, phase: RefinedPhase) -> tuple[FloatArray, IntArray | None]:
    """Return the reflections of a phase within the range: ascending angles (n,), and indices (n, 3); rods have none."""
    if phase.stacking is not None:
        return np.sort(phase.ticks), None
    low, high = refinement.pattern.range
    angles, hkl = measured_angles(refinement, phase)
    order = np.argsort(angles, kind="stable")
    order = order[(angles[order] >= low) & (angles[order] <= high)]
    return angles[order], hkl[order]


def simulation_document(simulation: Simulation) -> dict[str, Any]:
    """Return the data of a simulated pattern."""
    curves = {"calculated": simulation.calculated}
    radiation = simulation.pattern.radiation
    return {
        **pattern_entries(simulation.pattern, curves),
        "observed": None,
        "background": None,
        "unit": "intensity",
        "title": str(radiation),
        "wavelength": None if radiation is None else radiation.wavelength,
        "unexplained": [],
        "phases": [_simulated_phase(simulation, k) for k in range(len(simulation.phases))],
    }


def _simulated_phase(simulation: Simulation, k: int) -> dict[str, Any]:
    name = simulation.phases[k].name
    own = sorted((r for r in simulation.reflections if r.phase == name), key=lambda r: r.two_theta)
    curve = simulation.contributions[k] if len(simulation.phases) > 1 else None
    return {
        "name": name,
        "label": name,
        "colour": colour_of(k),
        "curve": None if curve is None else coded_floats(averaged(curve, factor_of(simulation.pattern))),
        "ticks": coded_floats(np.array([r.two_theta for r in own], dtype=np.float64)),
        "hkl": coded_hkl([r.hkl for r in own]),
    }


def coded_hkl(indices: Sequence[Sequence[int]]) -> Coded:
    """Return indices of reflections, shape (n, 3)."""
    return coded_wholes(np.array(indices, dtype=np.int64).reshape(-1, 3))
