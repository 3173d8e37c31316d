"""Pattern table: many patterns of one set of phases, a row of a table each, from the model of the refinements.

What a row does not change (reflections, scattering factors, symmetry) is computed once. The user's arguments are
resolved in `analysis.simulator`.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from functools import cached_property
from typing import Any

import gemmi
import numpy as np
from numpy.typing import ArrayLike

from layerox.diffraction import peaks as pk
from layerox.diffraction.constraints import parameters_of
from layerox.diffraction.disordered.phase import DisorderedPhase
from layerox.diffraction.model import Model, safe_name
from layerox.diffraction.parameters import INVERSE_SIZE, public_name
from layerox.diffraction.phase import Phase
from layerox.diffraction.phase_model import CELL_MARGIN
from layerox.diffraction.simulated_pattern import (
    MOST_COUNTS,
    NOISE_FREE_MAXIMUM,
    TAIL,
    Simulation,
    refuse_imaginary_widths,
)
from layerox.diffraction.weight_fractions import weight_per_scale
from layerox.errors import InputError, nearest
from layerox.radiation import Radiation
from layerox.typing import FloatArray

WEIGHT, SCALE = "_weight_fraction", "_scale"
CHUNK = 256
# Quantities that a simulation may leave out, below their bounds in refinements.
UNBROADENED = ("inverse_size", "w")


class Tabulated:
    """The model of a simulation and the quantities that a table may change.

    Attributes
    ----------
    model
        The model, with the scales of the simulation.
    table
        Its parameters, with bounds and the ties of symmetry.
    parameters
        Initial values by public name: what symmetry leaves free, and the weight fractions.
    weights, weight_names
        Initial weight fractions and their names, one for each phase.
    """

    def __init__(self, start: Simulation, radiation: Radiation, background: Sequence[float]):
        self.model = Model(start.two_theta, start.phases, start.instrument, radiation,
                           background_terms=len(background), tail=TAIL * NOISE_FREE_MAXIMUM)  # fmt: skip
        self.table = parameters_of(self.model)
        self.table.values[self.model.background_block] = background
        self.weights = tuple(start.weights)
        self.weight_names = [safe_name(phase.name) + WEIGHT for phase in start.phases]
        self.masses = [_mass_terms(phase) for phase in start.phases]
        self.is_inverse = [name.endswith(INVERSE_SIZE) for name in self.table.names]
        free = {
            public_name(name): self.shown(k, self.table.values[k])
            for k, name in enumerate(self.table.names)
            if self.table.can_vary(name)
        }
        self.parameters = free | dict(zip(self.weight_names, self.weights, strict=True))

    def shown(self, k: int, value: float) -> float:
        """Return a value as the user sees it: the size for an inverse size."""
        with np.errstate(divide="ignore"):
            return float(1.0 / np.float64(value)) if self.is_inverse[k] else float(value)


class PatternTable:
    """The checked rows of one table, and their patterns.

    Parameters
    ----------
    of
        What a table may change.
    table
        Columns by name: arrays of one length, or numbers for all rows.
    counts
        At the highest point of the peaks, one number or one for each row; None: see `analysis.simulator`.
    seed
        Of the Poisson noise; None: no noise.

    Raises
    ------
    InputError
        If a column is unknown, dependent on another one, out of bounds or of another length.
    """

    def __init__(self, of: Tabulated, table: Any, counts: ArrayLike | None, seed: int | None):
        self.of, self.model = of, of.model
        columns = {str(name): _column(str(name), table[name]) for name in table}
        self.count = _rows_of(columns, counts)
        self.heights = self._checked_heights(counts)
        if seed is not None and (seed < 0 or counts is None):
            raise InputError("noise needs counts and a seed that is not negative", argument="seed", cure="give both")
        self.seed = seed
        shares = [columns.pop(name, None) for name in of.weight_names]
        self.values = self._values(columns)
        self._refuse_far_cells()
        scaled = [name for name in columns if name.endswith(SCALE)]
        self.shares = self._checked_shares(shares, scaled)

    def __len__(self) -> int:
        return self.count

    def _values(self, columns: Mapping[str, FloatArray]) -> FloatArray:
        """Return the values of the model for each row, shape (rows, names)."""
        table = self.of.table
        values = np.tile(table.values, (self.count, 1))
        for name, column in columns.items():
            if name not in self.of.parameters:
                self._refuse(name)
            k = table.find(name)
            values[:, k] = 1.0 / column if self.of.is_inverse[k] else column
            self._refuse_out_of_bounds(k, name, values[:, k])
        for k, tie in table.ties.items():
            values[:, k] = tie.factor * values[:, tie.leader] + tie.offset
        for k, expression in table.expressions.items():
            values[:, k] = [expression.value(row) for row in values]
        return values

    def _refuse(self, name: str) -> None:
        known = {public_name(internal): internal for internal in self.of.table.names}
        if name in known:
            leader = self.of.table.link_text(known[name])
            fault = f"{name} is {'fixed by symmetry' if leader is None else f'tied by symmetry: {leader}'}"
            raise InputError(fault, argument="table", cure="leave this column out")
        raise InputError(f"there is no parameter {name!r}", argument="table", cure=nearest(name, self.of.parameters))

    def _refuse_out_of_bounds(self, k: int, name: str, column: FloatArray) -> None:
        table = self.of.table
        low, high = float(table.lower[k]), float(table.upper[k])
        if table.names[k].endswith(UNBROADENED):
            low = 0.0
        outside = np.flatnonzero(~((column >= low) & (column <= high)))
        if len(outside):
            limits = sorted((self.of.shown(k, low), self.of.shown(k, high)))
            fault = f"{name} is {self.of.shown(k, column[outside[0]]):g} in row {outside[0]}"
            cure = f"give values from {limits[0]:.6g} to {limits[1]:.6g}, or make a simulator of another structure"
            raise InputError(fault, argument="table", cure=cure)

    def _refuse_far_cells(self) -> None:
        """Refuse cells with reflections in the range that are not in the list of the initial cell."""
        for phase, block in zip(self.model.phases, self.model.phase_blocks, strict=True):
            if isinstance(phase, DisorderedPhase):  # it has no list of reflections
                continue
            cells = self.values[:, block][:, pk.CELL : pk.CELL + 6]
            start = _metrics(np.array([phase.crystal.cell]))[0]
            stretch = np.sqrt(np.linalg.eigvals(np.linalg.solve(start, _metrics(cells))).real.max(axis=1))
            far = np.flatnonzero(~(stretch <= 1.0 + CELL_MARGIN))
            if len(far):
                fault = f"the cell of {phase.name} in row {far[0]} is far from that of the structure"
                raise InputError(fault, argument="table", cure="make a simulator of a structure with a nearer cell")

    def _checked_heights(self, counts: ArrayLike | None) -> FloatArray | None:
        if counts is None:
            return None
        heights = np.broadcast_to(_column("counts", counts), (self.count,))
        if not ((heights > 0) & (heights <= MOST_COUNTS)).all():
            raise InputError("counts are not positive", argument="counts", cure=f"give 1 to {MOST_COUNTS:g}")
        return heights

    def _checked_shares(self, given: Sequence[FloatArray | None], scaled: Sequence[str]) -> FloatArray | None:
        """Return the weight fractions of each row, shape (rows, phases); None if the table gives scales."""
        names = self.of.weight_names
        present = [column for column in given if column is not None]
        if scaled and present:
            raise InputError(
                f"{names[0]} and {scaled[0]} are both given", argument="table", cure="leave one of them out"
            )
        if scaled:
            return None
        if present and len(present) < len(names):
            missing = next(name for name, column in zip(names, given, strict=True) if column is None)
            raise InputError(f"{missing} is missing", argument="table", cure="give the weight fractions of all phases")
        columns = present or [np.array([weight]) for weight in self.of.weights]
        shares = np.stack([np.broadcast_to(column, (self.count,)) for column in columns], axis=1)
        wrong = np.flatnonzero((shares < 0).any(axis=1) | ~(shares.sum(axis=1) > 0))
        if len(wrong):
            fault = (
                f"the weight fractions of row {wrong[0]} are {', '.join(f'{share:g}' for share in shares[wrong[0]])}"
            )
            raise InputError(fault, argument="table", cure="give numbers that are not negative, one of them positive")
        return np.asarray(shares / shares.sum(axis=1, keepdims=True))

    @cached_property
    def weights_per_scale(self) -> FloatArray:
        """Z M V of each row and phase (g/mol angstrom^3), shape (rows, phases)."""
        found = np.empty((self.count, len(self.model.phases)))
        for p, (block, terms) in enumerate(zip(self.model.phase_blocks, self.of.masses, strict=True)):
            own, phase = self.values[:, block], self.model.phases[p]
            if isinstance(phase, DisorderedPhase):
                found[:, p] = [weight_per_scale(phase, row) for row in own]
                continue
            occupancies = own[:, pk.SITES + pk.SITE_OCCUPANCY :: pk.PER_SITE]
            volume = np.sqrt(np.linalg.det(_metrics(own[:, pk.CELL : pk.CELL + 6])))
            found[:, p] = (occupancies @ terms) * volume
        return found

    def truth(self) -> dict[str, FloatArray]:
        """Return all values by public name, and the weight fractions, shape (rows,) each."""
        found = {}
        for k, name in enumerate(self.of.table.names):
            with np.errstate(divide="ignore"):
                found[public_name(name)] = 1.0 / self.values[:, k] if self.of.is_inverse[k] else self.values[:, k]
        shares = self.shares
        if shares is None:
            scales = self.values[:, [block.start + pk.SCALE for block in self.model.phase_blocks]]
            shares = scales * self.weights_per_scale
            shares = shares / shares.sum(axis=1, keepdims=True)
        else:
            # Scales follow from the weight fractions and are known with the pattern only.
            found = {name: column for name, column in found.items() if not name.endswith(SCALE)}
        found |= {name: shares[:, p] for p, name in enumerate(self.of.weight_names)}
        return found | ({} if self.heights is None else {"counts": self.heights})

    def chunks(self) -> Iterator[FloatArray]:
        """Return the patterns, some rows at a time."""
        for first in range(0, self.count, CHUNK):
            yield np.array([self.pattern(k) for k in range(first, min(first + CHUNK, self.count))])

    def pattern(self, k: int) -> FloatArray:
        """Return the pattern of one row, shape (points,)."""
        values = self.values[k]
        peaks = self.model.peaks(values)
        refuse_imaginary_widths(peaks)
        scales = np.array([values[block.start + pk.SCALE] for block in self.model.phase_blocks])
        if self.shares is not None:
            scales = self.shares[k] / self.weights_per_scale[k]
            highest = max(scale * _height(found.table) for scale, found in zip(scales, peaks, strict=True))
            scales *= NOISE_FREE_MAXIMUM / highest
        total = self.model.curve(peaks, scales)
        if self.shares is not None or self.heights is not None:
            height = NOISE_FREE_MAXIMUM if self.heights is None else self.heights[k]
            total *= height / self._highest(total, k)
        total += values[self.model.background_block] @ self.model.basis
        if self.seed is None:
            return total
        if total.min() < 0:
            raise InputError(f"the background of row {k} is negative", argument="table", cure="raise background_0")
        return np.random.default_rng([self.seed, k]).poisson(total).astype(np.float64)

    def _highest(self, total: FloatArray, k: int) -> float:
        top = float(total.max())
        if not top > 0:
            raise InputError(
                f"row {k} has no peak in the range", argument="table", cure="give a phase with peaks there"
            )
        return top


def _column(name: str, values: Any) -> FloatArray:
    try:
        column = np.asarray(values, dtype=np.float64)
    except (TypeError, ValueError):
        raise InputError(f"{name} has values that are no numbers", argument="table", cure="give numbers") from None
    if column.ndim > 1 or np.isnan(column).any():
        raise InputError(f"{name} is no column of numbers", argument="table", cure="give one number for each pattern")
    return column


def _rows_of(columns: Mapping[str, FloatArray], counts: ArrayLike | None) -> int:
    """Return the number of rows: the length of the columns that are no single numbers."""
    lengths = {name: len(column) for name, column in columns.items() if column.ndim}
    if np.ndim(counts):  # type: ignore[arg-type]
        lengths["counts"] = len(np.asarray(counts))
    if len(set(lengths.values())) > 1:
        listed = ", ".join(f"{name} {length}" for name, length in lengths.items())
        raise InputError(
            f"columns of different lengths: {listed}", argument="table", cure="give one value for each row"
        )
    return next(iter(lengths.values()), 1)


def _mass_terms(phase: Phase) -> FloatArray:
    """Return the mass that an occupancy of one adds to the cell, for each site, g/mol."""
    rows = zip(phase.crystal.sites, phase.crystal.multiplicities, strict=True)
    return np.array([number * gemmi.Element(site.element).weight for site, number in rows])


def _metrics(cells: FloatArray) -> FloatArray:
    """Return the metric tensors of cells (angstrom, degrees), shape (n, 3, 3)."""
    lengths, cosine = cells[:, :3], np.cos(np.radians(cells[:, 3:]))
    metric = lengths[:, :, None] * lengths[:, None, :]
    for i, j, angle in ((1, 2, 0), (0, 2, 1), (0, 1, 2)):
        metric[:, i, j] *= cosine[:, angle]
        metric[:, j, i] *= cosine[:, angle]
    return metric


def _height(table: FloatArray) -> float:
    """Return about the height of the highest peak of a table of peaks (see `PeakSet`)."""
    _, gauss, lorentz, area = table
    return float((area / np.maximum(np.abs(gauss) + lorentz, 1e-6)).max(initial=0.0))
