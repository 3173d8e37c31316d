"""Added phase: what a phase that a model holds at a scale of zero would bring, and a last look for those left out.

A score test with the curve of the phase, for many cells: by how much chi-squared would fall if its scale varied, less
what the variables of the model can follow.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence

import numpy as np

from layerox.diffraction.cell_search import plausible_scales, scanned_cell
from layerox.diffraction.intensity_extraction import is_extracted
from layerox.diffraction.model_setup import SUPPORT_SQUARED, scale_support
from layerox.diffraction.parameters import Parameters, position_names, slot_name
from layerox.diffraction.refinement_steps import WORTH, Course
from layerox.symmetry import CELL_NAMES
from layerox.typing import FloatArray

# Fall of chi-squared over its reduced value that an added phase must promise.
PROMISING = 25.0


def cell_of(table: Parameters, phase_name: Sequence[str]) -> FloatArray:
    """Return the values of six cell parameters by their names, shape (6,)."""
    return np.array([table.value(name) for name in phase_name])


def cell_names(course: Course, index: int) -> list[str]:
    """Return the names of the cell parameters of a phase."""
    return [slot_name(course.model.phases[index], name) for name in CELL_NAMES]


def with_cell(course: Course, table: Parameters, index: int, cell: FloatArray) -> Parameters:
    """Return a copy of a table with a cell (angstrom, degrees; shape (6,)) for a phase."""
    other = table.copy()
    for name, value in zip(cell_names(course, index), cell.tolist(), strict=True):
        if other.is_own_master(name):
            other.assign(name, value)
    return other


def promising(
    course: Course, table: Parameters, index: int, cells: Iterable[FloatArray]
) -> list[tuple[FloatArray, float]]:
    """Return the cells with which an added phase would lower chi-squared enough, best first, each with its scale.

    Parameters
    ----------
    course
        The model and the data.
    table
        Values and variables of the model without the phase.
    index, cells
        The phase, and the cells to try.
    """
    data, model = course.data, course.model
    count = len(model.names)
    calculated, jacobian = model.linearised(table.values[:count], table.transfer()[:count], data.weight)
    course.evaluations += 1
    basis = np.linalg.qr(jacobian.T)[0]
    residual = (data.intensity - calculated.total) * data.weight
    residual = residual - basis @ (basis.T @ residual)
    reduced = max(float(residual @ residual) / max(len(residual) - basis.shape[1], 1), 1.0)
    height = max(float(np.ptp(data.intensity)), 1e-300)
    rows = []
    for cell in cells:
        values = with_cell(course, table, index, cell).values[:count]
        reach = 0.1 * float(plausible_scales(model, values, height)[index])
        curve = model.unit_pattern(index, values, reach) * data.weight
        own = curve - basis @ (basis.T @ curve)
        power, overlap = float(own @ own), float(own @ residual)
        if overlap > 0 and power > 1e-12 * float(curve @ curve):
            rows.append((overlap**2 / power / reduced, cell, overlap / power))
    best = sorted((row for row in rows if row[0] > PROMISING), key=lambda row: -row[0])
    return [(cell, scale) for _, cell, scale in best]


def looked_for_again(course: Course, unsupported: dict[str, tuple[float, float]]) -> None:
    """Let phases in again that were left out before the rest had been refined, where they now lower chi-squared.

    Parameters
    ----------
    course
        Refined, of all phases.
    unsupported
        By name: support and its uncertainty of those left out; a phase that comes back is taken off.
    """
    entered = [k for k, phase in enumerate(course.model.phases) if phase.name in unsupported and _enters(course, k)]
    for k in entered:
        del unsupported[course.model.phases[k].name]
    if entered:
        course.conclude("all together, with phases that were left out")


def _enters(course: Course, index: int) -> bool:
    """Look for a phase with the cell given and the best of a grid; keep it if it is worth its variables."""
    phase = course.model.phases[index]
    scale = slot_name(phase, "scale")
    if is_extracted(phase) or not course.parameters.is_own_master(scale):
        return False
    table = course.parameters.copy()
    given = cell_of(table, cell_names(course, index))
    scanned = table.copy()
    for name, value in scanned_cell(course.model, course.data, table, index).items():
        scanned.assign(name, value)
    cells = [given, cell_of(scanned, cell_names(course, index))]
    for cell, start in promising(course, table, index, cells):
        trial = with_cell(course, table, index, cell)
        trial.assign(scale, start)
        free = [scale, *position_names(phase), slot_name(phase, "inverse_size")]
        if _is_kept(course, trial, free, index):
            course.attempt(f"texture of {phase.name}", [slot_name(phase, "preferred_orientation")])
            return True
    return False


def _is_kept(course: Course, start: Parameters, free: Sequence[str], index: int) -> bool:
    phase, before = course.model.phases[index], course.minimum
    names = [name for name in free if start.is_own_master(name)]
    if not course.restart(f"{phase.name} again", start, names, worth=WORTH * len(names)):
        return False
    if scale_support(course, phase)[0] ** 2 >= SUPPORT_SQUARED:
        return True
    course.adopt(before)
    return False
