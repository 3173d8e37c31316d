"""Pseudo-symmetric cells: cells that almost have the metric of a higher symmetry, such as that of P'3 or O'3.

Around such a metric chi-squared has a minimum for either sign of the distortion, because the split lines exchange their
places. Both are tried.
"""

from __future__ import annotations

from collections.abc import Sequence
from itertools import product

import numpy as np

from layerox.diffraction.added_phase import cell_names, cell_of, with_cell
from layerox.diffraction.phase import Phase
from layerox.diffraction.refinement_steps import StepwiseRefinement
from layerox.symmetry import Symmetry, cell_from_metric, metric_tensor
from layerox.typing import FloatArray

# Distance (angstrom) by which lattice points may be off the higher symmetry, and the relative difference of lengths or
# angles below which the opposite distortion is the same cell.
TOLERANCE, SAME = 0.1, 1e-5


def opposite_cell(symmetry: Symmetry, cell: Sequence[float]) -> FloatArray | None:
    """Return the cell with the opposite distortion from the nearest metric of a higher symmetry, shape (6,).

    The metric tensor G becomes 2 G' - G with G' the average of R^T G R over the lattice rotations R of that symmetry.
    None if there is no higher symmetry, the cell has it exactly, or fewer than three cell parameters are free.
    """
    if len(symmetry.cell_rule.free) < 3:
        return None
    import spglib  # noqa: PLC0415  (only needed for phases of low symmetry)

    metric = metric_tensor(cell)
    basis = _primitive_basis(symmetry.centrings, metric)
    primitive = basis.T @ metric @ basis
    found = spglib.get_symmetry((np.linalg.cholesky(primitive), [[0.0, 0.0, 0.0]], [1]), symprec=TOLERANCE)
    if found is None:
        return None
    rotations = found["rotations"].astype(np.float64)
    back = np.linalg.inv(basis)
    higher = back.T @ np.mean([r.T @ primitive @ r for r in rotations], axis=0) @ back
    opposite = np.array(symmetry.centred_cell(cell_from_metric(2.0 * higher - metric)))
    return None if np.abs(opposite / np.asarray(cell) - 1.0).max() < SAME else opposite


def _primitive_basis(centrings: FloatArray, metric: FloatArray) -> FloatArray:
    """Return three short vectors that span the lattice, as columns in fractions of the cell, shape (3, 3)."""
    steps = np.array(list(product((-1, 0, 1), repeat=3)), dtype=np.float64)
    points = (centrings[:, None] + steps).reshape(-1, 3)
    lengths = np.einsum("ni,ij,nj->n", points, metric, points)
    order = [k for k in np.argsort(lengths) if lengths[k] > 1e-6]
    volume = 1.0 / len(centrings)
    first = points[order[0]]
    second = next(points[k] for k in order if np.linalg.norm(np.cross(first, points[k])) > 1e-6)
    third = next(points[k] for k in order if abs(abs(np.cross(first, second) @ points[k]) - volume) < 1e-6)
    return np.array([first, second, third]).T


def try_opposite_cells(run: StepwiseRefinement, phases: Sequence[Phase]) -> None:
    """Refine from the opposite distortion of each pseudo-symmetric cell, and keep it if the fit is better."""
    present = {phase.name for phase in phases}
    for index, phase in enumerate(run.model.phases):
        names = cell_names(run, index)
        if phase.name not in present or not set(run.parameters.free_names) & set(names):
            continue
        opposite = opposite_cell(phase.crystal.symmetry, cell_of(run, run.parameters, index).tolist())
        if opposite is not None:
            start = with_cell(run, run.parameters, index, opposite)
            run.restart(f"{phase.name} with the opposite distortion", start, ())
