"""Transfer: which variables the background, the extra peaks and each phase of a model depend on, and how.

A refinement evaluates a model many times with the same derivatives of its values with respect to the variables (they
change only if a constraint is not linear), so that a model keeps what is derived from them.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from layerox.diffraction import peaks as pk
from layerox.typing import FloatArray, IntArray


@dataclass(frozen=True, eq=False)
class PhaseTransfer:
    """Derivatives of the values of a phase and of the instrument with respect to the variables that change its peaks.

    Attributes
    ----------
    columns
        Indices of these variables, shape (v,).
    slots, by_slot
        Indices of the values of the phase that vary, (k,), and their derivatives, (k, v).
    of_phase, instrument
        Derivatives of all values of the phase, and of the instrument, shapes (slots, v) and (12, v).
    """

    columns: NDArray[np.intp]
    slots: IntArray
    by_slot: FloatArray
    of_phase: FloatArray
    instrument: FloatArray

    @classmethod
    def of(cls, of_phase: FloatArray, instrument: FloatArray) -> PhaseTransfer:
        """Return that of the derivatives with respect to all variables."""
        columns = np.flatnonzero(of_phase.any(axis=0) | instrument.any(axis=0))
        own = np.ascontiguousarray(of_phase[:, columns])
        slots = np.flatnonzero(own.any(axis=1)).astype(np.int64)
        return cls(columns, slots, own[slots], own, np.ascontiguousarray(instrument[:, columns]))

    @cached_property
    def of_cell(self) -> FloatArray:
        """Derivatives of the cell, shape (v, 6)."""
        return np.ascontiguousarray(self.of_phase[pk.CELL : pk.CELL + 6].T)

    @cached_property
    def of_axial(self) -> FloatArray:
        """Derivatives of S/L and H/L, shape (2, v), or (0, v) if no variable changes them."""
        rows = self.instrument[pk.S_OVER_L : pk.H_OVER_L + 1]
        return rows if rows.any() else rows[:0]


@dataclass(frozen=True, eq=False)
class BackgroundTransfer:
    """The same for the terms of the background.

    Attributes
    ----------
    columns
        Indices of the variables, shape (v,).
    terms
        The term that each of them is, (v,); None if some are combinations.
    block
        Derivatives of the terms, shape (terms, v).
    """

    columns: NDArray[np.intp]
    terms: NDArray[np.intp] | None
    block: FloatArray

    @classmethod
    def of(cls, transfer: FloatArray) -> BackgroundTransfer:
        """Return that of the derivatives with respect to all variables."""
        columns = np.flatnonzero(transfer.any(axis=0))
        block = transfer[:, columns]
        single = np.count_nonzero(block) == columns.size and bool((block.sum(axis=0) == 1.0).all())
        return cls(columns, block.argmax(axis=0) if single and columns.size else None, block)

    def add_rows(self, basis: FloatArray, jacobian: FloatArray) -> None:
        """Set the rows of the variables in a Jacobian (v, n) from the weighted terms, shape (terms, n)."""
        if self.columns.size:
            jacobian[self.columns] = self.block.T @ basis if self.terms is None else basis[self.terms]


@dataclass(frozen=True, eq=False)
class TransferBlocks:
    """The transfer of all blocks of a model.

    Attributes
    ----------
    transfer
        Derivatives of all values with respect to the variables, shape (names, v).
    background, extras, phases
        Those of the background, of the extra peaks (shape (4 peaks, v)), and of each phase.
    """

    transfer: FloatArray
    background: BackgroundTransfer
    extras: FloatArray
    phases: tuple[PhaseTransfer, ...]

    @classmethod
    def of(
        cls, transfer: FloatArray, background: slice, instrument: slice, extras: slice, phases: Sequence[slice]
    ) -> TransferBlocks:
        """Return those of a matrix whose rows are in blocks."""
        kept = transfer.copy()
        of_phases = tuple(PhaseTransfer.of(kept[block], kept[instrument]) for block in phases)
        return cls(kept, BackgroundTransfer.of(kept[background]), kept[extras], of_phases)

    def is_of(self, transfer: FloatArray) -> bool:
        """Whether they are those of a matrix."""
        return self.transfer.shape == transfer.shape and bool(np.array_equal(self.transfer, transfer))
