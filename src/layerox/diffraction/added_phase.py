"""Added phase: a score test for a phase with a scale of zero, and a final test of the phases that were left out.

The test predicts, for many cells, the fall of chi-squared if the scale of the phase varies, after projection on the
variables of the model.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from itertools import product
from typing import NamedTuple

import numpy as np

from layerox.crystal.asymmetric_unit import Crystal
from layerox.diffraction.cell_search import scanned_cell
from layerox.diffraction.intensity_extraction import is_extracted
from layerox.diffraction.model_setup import SUPPORT_SQUARED, scale_support
from layerox.diffraction.parameters import Parameters, is_background, position_names, slot_name
from layerox.diffraction.phase import Phase
from layerox.diffraction.refinement_steps import GAIN_PER_VARIABLE, StepwiseRefinement
from layerox.diffraction.starting_values import plausible_scales
from layerox.symmetry import CELL_NAMES
from layerox.typing import FloatArray

# Relative changes of lengths in the layers and along the stacking for the initial second cell.
SHIFTS = (-0.004, -0.002, -0.001, 0.0, 0.001, 0.002, 0.004)
# Predicted fall of chi-squared over its reduced value that is required for an added phase.
PROMISING = 25.0


class PromisingCell(NamedTuple):
    """A cell (angstrom, degrees; shape (6,)) of an added phase, its scale, and its gain (see `PROMISING`)."""

    cell: FloatArray
    scale: float
    gain: float


def cell_names(run: StepwiseRefinement, index: int) -> list[str]:
    """Return the names of the cell parameters of a phase."""
    return [slot_name(run.model.phases[index], name) for name in CELL_NAMES]


def cell_of(run: StepwiseRefinement, table: Parameters, index: int) -> FloatArray:
    """Return the cell of a phase in a table (angstrom, degrees; shape (6,))."""
    return np.array([table.value(name) for name in cell_names(run, index)])


def with_cell(run: StepwiseRefinement, table: Parameters, index: int, cell: FloatArray) -> Parameters:
    """Return a copy of a table with a cell (angstrom, degrees; shape (6,)) for a phase."""
    other = table.copy()
    for name, value in zip(cell_names(run, index), cell.tolist(), strict=True):
        if other.can_vary(name):
            other.assign(name, value)
    return other


def shifted_cells(cell: FloatArray, crystal: Crystal) -> Iterator[FloatArray]:
    """Yield cells near that of a phase, for a second cell of its structure; lengths change by `SHIFTS`."""
    several = len(crystal.symmetry.cell_rule.free) > 1
    for in_plane, along in product(SHIFTS, SHIFTS if several else (None,)):
        third = in_plane if along is None else along
        if in_plane or third:
            yield cell * (1 + np.array([in_plane, in_plane, third, 0.0, 0.0, 0.0]))


def with_cell_alone(table: Parameters, phase: Phase) -> Parameters:
    """Return parameters of which only the cell and the scale of a phase, and the background, can vary."""
    fixed, own = table.copy(), {*position_names(phase), slot_name(phase, "scale")}
    fixed.lock(n for n in fixed.names if n not in own and not is_background(n) and fixed.can_vary(n))
    return fixed


def promising_cells(
    run: StepwiseRefinement, table: Parameters, index: int, cells: Iterable[FloatArray]
) -> list[PromisingCell]:
    """Return the cells with which an added phase lowers chi-squared enough, best first.

    Parameters
    ----------
    run
        The model and the data.
    table
        Values and variables of the model without the phase.
    index, cells
        The phase, and the cells to try.
    """
    data, model = run.data, run.model
    count = len(model.names)
    calculated, jacobian = model.linearised(table.values[:count], table.transfer()[:count], data.weight)
    run.evaluations += 1
    basis = np.linalg.qr(jacobian.T)[0]
    residual = (data.intensity - calculated.total) * data.weight
    residual = residual - basis @ (basis.T @ residual)
    reduced = max(float(residual @ residual) / max(len(residual) - basis.shape[1], 1), 1.0)
    height = max(float(np.ptp(data.intensity)), 1e-300)
    rows = []
    for cell in cells:
        values = with_cell(run, table, index, cell).values[:count]
        reach = 0.1 * float(plausible_scales(model, values, height)[index])
        curve = model.unit_pattern(index, values, reach) * data.weight
        own = curve - basis @ (basis.T @ curve)
        power, overlap = float(own @ own), float(own @ residual)
        if overlap > 0 and power > 1e-12 * float(curve @ curve):
            rows.append(PromisingCell(cell, overlap / power, overlap**2 / power / reduced))
    return sorted((row for row in rows if row.gain > PROMISING), key=lambda row: -row.gain)


def retry_absent_phases(run: StepwiseRefinement, unsupported: dict[str, tuple[float, float]]) -> None:
    """Add phases that were left out at an earlier step, if they now lower chi-squared.

    Parameters
    ----------
    run
        Refined, of all phases.
    unsupported
        By name: support and its uncertainty of those left out; added phases are removed.
    """
    entered = [k for k, phase in enumerate(run.model.phases) if phase.name in unsupported and _enters(run, k)]
    for k in entered:
        del unsupported[run.model.phases[k].name]
    if entered:
        run.finish("all together, with phases that were left out")


def _enters(run: StepwiseRefinement, index: int) -> bool:
    """Test a phase with the given cell and the best of a grid; return whether it is kept."""
    phase = run.model.phases[index]
    scale = slot_name(phase, "scale")
    if is_extracted(phase) or not run.parameters.can_vary(scale):
        return False
    table = run.parameters.copy()
    given = cell_of(run, table, index)
    scanned = table.copy()
    for name, value in scanned_cell(run.model, run.data, table, index).items():
        scanned.assign(name, value)
    cells = [given, cell_of(run, scanned, index)]
    for found in promising_cells(run, table, index, cells):
        trial = with_cell(run, table, index, found.cell)
        trial.assign(scale, found.scale)
        free = [scale, *position_names(phase), slot_name(phase, "inverse_size")]
        if _is_kept(run, trial, free, index):
            run.attempt(f"texture of {phase.name}", [slot_name(phase, "preferred_orientation")])
            return True
    return False


def _is_kept(run: StepwiseRefinement, start: Parameters, free: Sequence[str], index: int) -> bool:
    phase, before = run.model.phases[index], run.minimum
    names = [name for name in free if start.can_vary(name)]
    if not run.restart(f"{phase.name} again", start, names, required_fall=GAIN_PER_VARIABLE * len(names)):
        return False
    if scale_support(run, phase)[0] ** 2 >= SUPPORT_SQUARED:
        return True
    run.adopt(before)
    return False
