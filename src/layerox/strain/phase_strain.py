"""Strains of one phase over its frames, with uncertainties from the full covariance of both cells.

The layer frame has x along the first edge of the mesh (a of hexagonal layers, b of O'3 and P'3, a of P'2) and z across
the layers; y completes it. The cells of a pattern and of the reference are treated as independent. Covariances are
propagated to first order: each cell moves along the principal axes of its covariance by a tenth of a standard
uncertainty to either side, so that parameters tied by symmetry move together.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass

import numpy as np

from layerox.strain.measured_cells import PhaseCells
from layerox.strain.reference_cells import PhaseReference, ReferenceCell
from layerox.strain.tensor import (
    deformation,
    deviatoric,
    edges_of_metrics,
    green_lagrange,
    hencky,
    pair_products,
    principal,
    rows_of,
    small,
    tensors_of,
    turned,
    von_mises,
    von_mises_esd,
)
from layerox.symmetry import metrics_of_cells
from layerox.typing import FloatArray, IntArray
from layerox.validation.layer_mesh import Layering

STEP = 0.1
# Variances below this share of the largest are zero (fixed by symmetry).
ROUNDING = 1e-15


def covariance_of(
    function: Callable[[FloatArray], FloatArray], values: FloatArray, covariance: FloatArray
) -> FloatArray:
    """Return the covariance of a function's results.

    Parameters
    ----------
    function
        Maps values of shape (n, p) to results of shape (n, q), row by row.
    values
        Shape (n, p).
    covariance
        Covariance of the values, shape (n, p, p).

    Returns
    -------
    ndarray
        Shape (n, q, q).
    """
    weights, axes = np.linalg.eigh(covariance)
    roots = axes * np.sqrt(np.maximum(weights, 0.0))[:, None, :]
    size = function(values[:1]).shape[1]
    total = np.zeros((len(values), size, size))
    for k in np.flatnonzero((weights > ROUNDING * weights.max(initial=0.0)).any(axis=0)):
        shift = STEP * roots[:, :, k]
        change = (function(values + shift) - function(values - shift)) / (2.0 * STEP)
        total += change[:, :, None] * change[:, None, :]
    return total


# Values and standard uncertainties, each of shape (n,); nan where there is none.
Numbers = tuple[FloatArray, FloatArray]
# A function of cells (n, 6) and of their reference cells.
Comparison = Callable[[FloatArray, FloatArray], FloatArray]


@dataclass(frozen=True, kw_only=True, eq=False)
class Tensors:
    """Symmetric tensors with their covariance; components in the order xx yy zz yz xz xy.

    Attributes
    ----------
    rows
        Shape (n, 6).
    covariance
        Shape (n, 6, 6).
    """

    rows: FloatArray
    covariance: FloatArray

    def __len__(self) -> int:
        return len(self.rows)

    @property
    def values(self) -> FloatArray:
        """As matrices, shape (n, 3, 3)."""
        return tensors_of(self.rows)

    @property
    def esds(self) -> FloatArray:
        """Standard uncertainties of the components, shape (n, 6)."""
        return np.asarray(np.sqrt(np.maximum(np.diagonal(self.covariance, axis1=1, axis2=2), 0.0)))

    @property
    def principal(self) -> FloatArray:
        """Principal values, ascending, shape (n, 3)."""
        return principal(self.rows)[0]

    @property
    def directions(self) -> FloatArray:
        """Principal directions as columns, shape (n, 3, 3)."""
        return principal(self.rows)[1]

    @property
    def principal_esds(self) -> FloatArray:
        """Standard uncertainties of the principal values (to first order, along their directions), shape (n, 3)."""
        axes = pair_products(np.swapaxes(self.directions, 1, 2))
        return np.asarray(np.sqrt(np.maximum(np.einsum("nki,nij,nkj->nk", axes, self.covariance, axes), 0.0)))

    @property
    def volumetric(self) -> FloatArray:
        """Trace, shape (n,); of a Hencky strain ln(V / V0)."""
        return np.asarray(self.rows[:, :3].sum(axis=1))

    @property
    def deviatoric(self) -> FloatArray:
        """Deviatoric part (without a third of the trace on the diagonal), as matrices, shape (n, 3, 3)."""
        return tensors_of(deviatoric(self.rows))

    @property
    def von_mises(self) -> FloatArray:
        """Equivalent strain sqrt(2/3 e':e') of the deviatoric part, shape (n,)."""
        return von_mises(self.rows)

    @property
    def von_mises_esds(self) -> FloatArray:
        """Standard uncertainty of `von_mises`, shape (n,)."""
        return von_mises_esd(self.rows, self.covariance)

    def along(self, direction: FloatArray) -> Numbers:
        """Return the component along a unit vector, and its standard uncertainty."""
        row = pair_products(np.asarray(direction, dtype=np.float64))
        variance = np.einsum("i,nij,j->n", row, self.covariance, row)
        return np.asarray(self.rows @ row), np.asarray(np.sqrt(np.maximum(variance, 0.0)))

    def turned(self, axes: FloatArray) -> Tensors:
        """Return the tensors in other axes, given as unit vectors in rows, shape (3, 3)."""
        step = np.stack([turned(row, axes) for row in np.eye(6)], axis=1)
        return Tensors(rows=self.rows @ step.T, covariance=step @ self.covariance @ step.T)


@dataclass(frozen=True, kw_only=True, eq=False)
class PhaseStrain:
    """The strain of one phase.

    Attributes
    ----------
    phase
        Name as in the columns of tables.
    frames
        Shape (n,).
    reference, layer_reference
        The reference of lengths, and that of layers and tensors: "P2@0".
    axes
        "layer", or "crystal" for a phase without layers (x along a, z along c*).
    numbers
        Values and standard uncertainties by name: e_a, e_b, e_c (relative changes of lengths), e_layer, e_stack
        (of the mean edge of the mesh, and of the slab repeat), e_volume and volume (per TMO2, or per formula
    unit; angstrom^3), layer_edge (of the hexagonal mesh of the same area), distance (slab repeat), slab, gallery (mean
    heights), short, long (sides of the mesh as a centred rectangle, along x and y; angstrom).
    green_lagrange, hencky, small
        Tensors in `axes`.
    crystal_axes
        The crystal axes (x along a, z along c*) of the reference cell in rows, in terms of `axes`.
    """

    phase: str
    frames: IntArray
    reference: str
    layer_reference: str
    axes: str
    numbers: Mapping[str, Numbers]
    green_lagrange: Tensors
    hencky: Tensors
    small: Tensors
    crystal_axes: FloatArray

    def __len__(self) -> int:
        return len(self.frames)

    def in_crystal_axes(self, tensors: Tensors) -> Tensors:
        """Return tensors of this phase in the crystal's axes: x along a, z along c*."""
        return tensors.turned(self.crystal_axes)


def phase_strain(phase: PhaseCells, references: PhaseReference) -> PhaseStrain:
    """Return the strain of one phase against its reference."""
    layering, layers = phase.layering, references.layers
    shape = _Shape(layering, layers)
    green, log, flat = (_tensors(phase, layers, shape, measure) for measure in (green_lagrange, hencky, small))
    lengths = _compared(phase, references.own, lambda cells, own: cells[:, :3] / own[:, :3] - 1.0)
    sizes = _compared(phase, layers, shape.changes)
    own = _own(phase, shape)
    return PhaseStrain(
        phase=phase.name,
        frames=phase.frames,
        reference=references.own.label,
        layer_reference=layers.label,
        axes="crystal" if layering is None else "layer",
        numbers={
            **dict(zip(("e_a", "e_b", "e_c"), lengths, strict=True)),
            **dict(zip(("e_layer", "e_stack", "e_volume"), sizes, strict=True)),
            **dict(zip(("volume", "layer_edge", "distance", "short", "long"), own, strict=True)),
            **_heights(phase, own[2]),
        },
        green_lagrange=green,
        hencky=log,
        small=flat,
        crystal_axes=shape.crystal_axes(),
    )


class _Shape:
    """Computes meshes and heights from the cells of a phase and of its reference."""

    def __init__(self, layering: Layering | None, reference_cell: ReferenceCell):
        self.reference_cell, other = reference_cell, reference_cell.source.layering
        self.is_layered = layering is not None and other is not None
        crystal = reference_cell.source.crystal
        self.basis = layering.basis if layering is not None else np.eye(3)
        self.other_basis = other.basis if other is not None else np.eye(3)
        # A cell without layers refers to itself, so its own number of formula units is used.
        self.units = layering.units if layering is not None else float(crystal.formula_units)
        self.other_units = other.units if other is not None else float(crystal.formula_units)

    def edges(self, cells: FloatArray) -> FloatArray:
        """Return the mesh vectors and the vector along the normal as columns, (n, 3, 3)."""
        return edges_of_metrics(self.basis.T @ metrics_of_cells(cells) @ self.basis)

    def other_edges(self, cells: FloatArray) -> FloatArray:
        """Return the same for cells of the reference phase."""
        return edges_of_metrics(self.other_basis.T @ metrics_of_cells(cells) @ self.other_basis)

    def own(self, cells: FloatArray) -> FloatArray:
        """Return volume per formula unit, edge of the hexagonal mesh of equal area, slab repeat, and sides; (n, 5)."""
        return _sizes(self.edges(cells), abs(float(np.linalg.det(self.basis))) * self.units)

    def changes(self, cells: FloatArray, other: FloatArray) -> FloatArray:
        """Return the relative changes of mean edge, height and volume, shape (n, 3)."""
        volume, edge, height = self.own(cells)[:, :3].T
        before = _sizes(self.other_edges(other), abs(float(np.linalg.det(self.other_basis))) * self.other_units)
        found = np.stack([edge / before[:, 1], height / before[:, 2], volume / before[:, 0]], axis=1) - 1.0
        if not self.is_layered:
            found[:, :2] = np.nan
        return np.asarray(found)

    def crystal_axes(self) -> FloatArray:
        """Return the axes of the reference crystal in rows, in terms of its layer frame."""
        cell = self.reference_cell.cell[None]
        edges = edges_of_metrics(metrics_of_cells(cell))[0] @ self.other_basis
        return np.asarray(edges @ np.linalg.inv(self.other_edges(cell)[0]))


def _sizes(edges: FloatArray, units: float) -> FloatArray:
    """Return volume for each of `units`, edge of the hexagonal mesh of the same area, height, and sides; (n, 5)."""
    short, up, height = np.diagonal(edges, axis1=1, axis2=2).T
    edge = np.sqrt(2.0 * short * up / math.sqrt(3.0))
    return np.stack([short * up * height / units, edge, height, short, 2.0 * up], axis=1)


def _tensors(
    phase: PhaseCells, reference_cell: ReferenceCell, shape: _Shape, measure: Callable[[FloatArray], FloatArray]
) -> Tensors:
    def function(cells: FloatArray, other: FloatArray) -> FloatArray:
        return rows_of(measure(deformation(shape.edges(cells), shape.other_edges(other))))

    rows, covariance = _against(phase, reference_cell, function)
    return Tensors(rows=rows, covariance=covariance)


def _compared(phase: PhaseCells, reference_cell: ReferenceCell, function: Comparison) -> list[Numbers]:
    """Return the columns of a function of cells and reference cells, with their uncertainties."""
    values, covariance = _against(phase, reference_cell, function)
    return _columns(values, covariance)


def _columns(values: FloatArray, covariance: FloatArray) -> list[Numbers]:
    esds = np.sqrt(np.maximum(np.diagonal(covariance, axis1=1, axis2=2), 0.0))
    return [(values[:, k], esds[:, k]) for k in range(values.shape[1])]


def _against(phase: PhaseCells, reference_cell: ReferenceCell, function: Comparison) -> tuple[FloatArray, FloatArray]:
    """Return a function of cells and the reference cell, shape (n, q), and its covariance."""
    count = len(phase.frames)
    both = np.concatenate([phase.cells, np.broadcast_to(reference_cell.cell, (count, 6))], axis=1)
    spread = np.zeros((count, 12, 12))
    spread[:, :6, :6], spread[:, 6:, 6:] = phase.covariance, reference_cell.covariance

    def joined(values: FloatArray) -> FloatArray:
        return np.asarray(function(values[:, :6], values[:, 6:]))

    values, covariance = joined(both), covariance_of(joined, both, spread)
    if reference_cell.frame is not None and reference_cell.source is phase:
        # The strain of the reference frame itself is exactly zero.
        covariance[phase.frames == reference_cell.frame] = 0.0
    return values, covariance


def _own(phase: PhaseCells, shape: _Shape) -> list[Numbers]:
    """Return volume per formula unit, edge of the mesh, slab repeat, and sides of the mesh."""
    values = shape.own(phase.cells)
    if not shape.is_layered:
        values[:, 1:] = np.nan
    covariance = covariance_of(shape.own, phase.cells, phase.covariance)
    return _columns(values, np.where(np.isnan(values)[:, :, None], np.nan, covariance))


def _heights(phase: PhaseCells, distance: Numbers) -> dict[str, Numbers]:
    """Return the mean thickness of a slab and the mean height of a gallery."""
    value, esd = distance
    share, share_esd = phase.slab_share, phase.slab_share_esd
    noise = value * share_esd
    return {
        "slab": (share * value, np.hypot(share * esd, noise)),
        "gallery": ((1.0 - share) * value, np.hypot((1.0 - share) * esd, noise)),
    }
