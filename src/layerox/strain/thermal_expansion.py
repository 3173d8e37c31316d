"""Thermal expansion and compressibility as tensors: slopes of a phase's strain along an axis of its series.

Hencky strains refer to one cell of the phase itself, so that slopes are those of logarithms of lengths; the slope is
that of a polynomial fitted by weighted least squares. Nye, Physical Properties of Crystals (1985), chapter 6; Cliffe &
Goodwin, J. Appl. Cryst. 45 (2012) 1321, doi:10.1107/S0021889812043026.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from layerox.errors import InputError, UnknownName, nearest
from layerox.strain.measured_cells import PhaseCells
from layerox.strain.phase_strain import PhaseStrain, Tensors, phase_strain
from layerox.strain.reference_cells import PhaseReference, ReferenceCell
from layerox.strain.strain_evolution import StrainEvolution
from layerox.strain.tensor import edges_of_metrics
from layerox.symmetry import metrics_of_cells
from layerox.typing import FloatArray

ROUNDING = 1e-9


@dataclass(frozen=True, kw_only=True, eq=False)
class Response:
    """The slope of a lattice's strain along an axis.

    Attributes
    ----------
    phase, axis
        The phase, and the axis of the series.
    at
        Axis value of the slope.
    tensor
        One tensor, per unit of the axis, in the axes of the phase's strains (those of its layers, x along the first
        edge of the mesh and z across, or of the crystal).
    directions
        Unit vectors along a, b, c and c* in these axes, by name.
    points, chi_squared
        Number of frames used, and reduced chi-squared of the polynomial (uncertainties are multiplied by its root if it
    is above one).
    """

    phase: str
    axis: str
    at: float
    tensor: Tensors
    directions: Mapping[str, FloatArray]
    points: int
    chi_squared: float

    @property
    def by_axis(self) -> dict[str, tuple[float, float]]:
        """Along a, b, c, c* (the distance of layers) and of the volume: value and standard uncertainty."""
        found = {name: self.along(direction) for name, direction in self.directions.items()}
        row = np.array([1.0, 1.0, 1.0, 0.0, 0.0, 0.0])
        esd = float(np.sqrt(max(float(row @ self.tensor.covariance[0] @ row), 0.0)))
        return {**found, "volume": (float(self.tensor.volumetric[0]), esd)}

    def along(self, direction: FloatArray) -> tuple[float, float]:
        """Return the response along a unit vector, and its standard uncertainty."""
        value, esd = self.tensor.along(direction)
        return float(value[0]), float(esd[0])


def thermal_expansion(
    strain: StrainEvolution,
    phase: str,
    *,
    axis: str = "temperature",
    degree: int = 1,
    at: float | None = None,
    limits: tuple[float, float] | None = None,
) -> Response:
    """Return the thermal expansion of a phase, 1 / K.

    Parameters
    ----------
    strain
        Strains of a series with that axis.
    phase
        Its name.
    axis
        A column of the series.
    degree
        Degree of the polynomial: 1 gives the mean slope.
    at
        Axis value of the slope; by default the middle of the frames.
    limits
        Range of the axis to use; by default all of it.

    Raises
    ------
    InputError
        If phase or axis are unknown, or the frames are too few.
    """
    return _response(strain, phase, axis, degree, at, limits, sign=1.0)


def compressibility(
    strain: StrainEvolution,
    phase: str,
    *,
    axis: str = "pressure",
    degree: int = 2,
    at: float | None = 0.0,
    limits: tuple[float, float] | None = None,
) -> Response:
    """Return the compressibility of a phase, minus the slope of its strain, 1 / GPa for an axis in GPa.

    See `thermal_expansion`.
    """
    return _response(strain, phase, axis, degree, at, limits, sign=-1.0)


def _response(
    strain: StrainEvolution,
    phase: str,
    axis: str,
    degree: int,
    at: float | None,
    limits: tuple[float, float] | None,
    sign: float,
) -> Response:
    if phase not in strain.cells:
        raise UnknownName(f"no phase is called {phase!r}", cure=nearest(phase, strain.cells))
    if axis not in strain.axes:
        raise InputError(f"the series has no axis {axis!r}", argument="axis",
                         cure=nearest(axis, strain.axes) if strain.axes else "run it with --axis")  # fmt: skip
    cells = strain.cells[phase]
    rows = strain.of(phase).set_index("frame")
    places = np.array([float(rows.at[frame, axis]) for frame in cells.frames.tolist()])
    low, high = limits or (-np.inf, np.inf)
    used = np.isfinite(places) & (places >= low) & (places <= high)
    if degree < 1 or len(np.unique(places[used])) < degree + 2:
        raise InputError(f"{len(np.unique(places[used]))} places on the axis for a polynomial of degree {degree}",
                         argument="degree", cure="take a lower degree or wider limits")  # fmt: skip
    centre = float((places[used].min() + places[used].max()) / 2.0) if at is None else float(at)
    nearest_row = int(np.abs(np.where(used, places, np.inf) - centre).argmin())
    own = _against_itself(cells, nearest_row)
    slope, covariance, chi_squared = _slope(places[used] - centre, own.hencky, used, degree)
    return Response(
        phase=phase,
        axis=axis,
        at=centre,
        tensor=Tensors(rows=sign * slope[None], covariance=covariance[None]),
        directions=_directions(cells.cells[nearest_row], own),
        points=int(used.sum()),
        chi_squared=chi_squared,
    )


def _against_itself(cells: PhaseCells, row: int) -> PhaseStrain:
    """Return strains against one of the phase's own cells, without its noise, which would be common to all frames."""
    exact = PhaseCells(
        name=cells.name,
        crystal=cells.crystal,
        frames=cells.frames[[row]],
        cells=cells.cells[[row]],
        covariance=np.zeros((1, 6, 6)),
        weight=cells.weight[[row]],
        slab_share=cells.slab_share[[row]],
        slab_share_esd=cells.slab_share_esd[[row]],
    )
    reference_cell = ReferenceCell(source=exact, row=0, frame=None)
    return phase_strain(cells, PhaseReference(own=reference_cell, layers=reference_cell))


def _slope(
    places: FloatArray, strains: Tensors, used: NDArray[np.bool_], degree: int
) -> tuple[FloatArray, FloatArray, float]:
    """Return the slope at 0 as a row, its covariance, and the reduced chi-squared.

    All components are weighted by the mean variance of a frame, so that the slope and its covariance are linear sums
    over
    frames.
    """
    rows, covariance = strains.rows[used], strains.covariance[used]
    variances = np.diagonal(covariance, axis1=1, axis2=2)
    spread = variances.mean(axis=1)
    weights = np.sqrt(1.0 / spread) if (spread > 0).all() else np.ones(len(rows))
    terms = np.vander(places, degree + 1, increasing=True)
    solver = np.linalg.pinv(terms * weights[:, None]) * weights
    missed = rows - terms @ (solver @ rows)
    # Components that are zero by symmetry have only a rounding variance.
    known = variances > ROUNDING * variances.max(initial=0.0)
    freedom = max(int(known.sum()) - int(known.any(axis=0).sum()) * (degree + 1), 1)
    chi_squared = float((missed[known] ** 2 / variances[known]).sum()) / freedom
    total = np.einsum("n,nij->ij", solver[1] ** 2, covariance) * max(chi_squared, 1.0)
    return np.asarray(solver[1] @ rows), np.asarray(total), chi_squared


def _directions(cell: FloatArray, own: PhaseStrain) -> dict[str, FloatArray]:
    """Return unit vectors along a, b, c and c* in the axes of the strains."""
    edges = own.crystal_axes.T @ edges_of_metrics(metrics_of_cells(cell[None]))[0]
    units = edges / np.linalg.norm(edges, axis=0)
    return {"a": units[:, 0], "b": units[:, 1], "c": units[:, 2], "c*": own.crystal_axes[2]}
