"""Reference cells: the cell that each phase's strain refers to.

A phase refers to its own cell in the reference frame or, if it enters later, in the first frame that refines it. Its
layers refer to those of a phase of the reference frame from which gliding (which keeps the senses of slabs) can make
it: O2 and OP4 to P2, P3 and O'3 to O3. So a transition is part of the strain.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from layerox.diffraction.model import safe_name
from layerox.errors import InputError, nearest
from layerox.strain.measured_cells import MeasuredPhases, PhaseCells, measured_phases
from layerox.typing import FloatArray

GIVEN = "given"
# The number of a frame, six numbers by phase, or any argument of `measured_phases`.
ReferenceArgument = Any


@dataclass(frozen=True, kw_only=True, eq=False)
class ReferenceCell:
    """One cell that strains refer to.

    Attributes
    ----------
    source
        The phase it belongs to.
    row
        Its row in the phase's cells.
    frame
        Number of its frame; None for a cell given by the user.
    """

    source: PhaseCells
    row: int
    frame: int | None

    @property
    def cell(self) -> FloatArray:
        """Its lengths and angles, shape (6,)."""
        return np.asarray(self.source.cells[self.row])

    @property
    def covariance(self) -> FloatArray:
        """Of the cell, shape (6, 6)."""
        return np.asarray(self.source.covariance[self.row])

    @property
    def frame_text(self) -> str:
        """The frame as tables name it."""
        return GIVEN if self.frame is None else str(self.frame)

    @property
    def label(self) -> str:
        """Phase and frame, "P2@0"."""
        return f"{self.source.name}@{self.frame_text}"


@dataclass(frozen=True, kw_only=True, eq=False)
class PhaseReference:
    """The reference of one phase: its own cell, and the layers (its own, or those of its parent)."""

    own: ReferenceCell
    layers: ReferenceCell


def references_of(measured: MeasuredPhases, reference: ReferenceArgument = None) -> dict[str, PhaseReference]:
    """Return the reference of each phase.

    Parameters
    ----------
    measured
        The phases.
    reference
        Number of a frame (by default the first with a refined cell), a fit or structure, or cells by phase.

    Raises
    ------
    InputError
        If no frame, or not the chosen one, has a refined cell, or if a given name is unknown.
    """
    if not measured.phases:
        raise InputError("no frame shows a phase whose cell was refined", argument="series",
                         cure="see the verdicts and reasons in frames.csv")  # fmt: skip
    in_reference = _in_reference(measured, reference)
    own = {
        name: in_reference.get(name) or _anchor(phase, int(phase.frames[0])) for name, phase in measured.phases.items()
    }
    return {
        name: PhaseReference(own=own[name], layers=_parent(measured.phases[name], in_reference) or own[name])
        for name in own
    }


def _in_reference(measured: MeasuredPhases, reference: ReferenceArgument) -> dict[str, ReferenceCell]:
    """Return the phases of the reference with their cells."""
    if reference is None:
        reference = min(int(phase.frames[0]) for phase in measured.phases.values())
    if isinstance(reference, int | np.integer):
        return _in_frame(measured, int(reference))
    if isinstance(reference, Mapping):
        return _of_numbers(measured, reference)
    given = measured_phases(reference)
    return {
        name: ReferenceCell(source=phase, row=len(phase.frames) - 1, frame=None) for name, phase in given.phases.items()
    }


def _in_frame(measured: MeasuredPhases, frame: int) -> dict[str, ReferenceCell]:
    if frame not in measured.frames:
        raise InputError(f"there is no frame {frame}", argument="reference",
                         cure=f"choose from {measured.frames[0]} to {measured.frames[-1]}")  # fmt: skip
    found = {name: _anchor(phase, frame) for name, phase in measured.phases.items() if phase.at(frame) is not None}
    if not found:
        first = min(int(phase.frames[0]) for phase in measured.phases.values())
        raise InputError(
            f"frame {frame} has no refined cell", argument="reference", cure=f"choose another, for example {first}"
        )
    return found


def _anchor(phase: PhaseCells, frame: int) -> ReferenceCell:
    row = phase.at(frame)
    assert row is not None
    return ReferenceCell(source=phase, row=row, frame=frame)


def _of_numbers(measured: MeasuredPhases, cells: Mapping[str, Any]) -> dict[str, ReferenceCell]:
    found = {}
    for given, numbers in cells.items():
        name, cell = safe_name(given), np.asarray(numbers, dtype=np.float64)
        if name not in measured.phases:
            raise InputError(f"no phase is called {given!r}", argument="reference", cure=nearest(name, measured.phases))
        if cell.shape != (6,) or not (np.isfinite(cell).all() and (cell > 0).all()):
            raise InputError(f"the cell of {given} is not six positive numbers", argument="reference",
                             cure="give a, b, c (angstrom), alpha, beta, gamma (degrees)")  # fmt: skip
        phase = measured.phases[name]
        exact = PhaseCells(
            name=name,
            crystal=phase.crystal,
            frames=np.zeros(1, dtype=np.int64),
            cells=cell[None],
            covariance=np.zeros((1, 6, 6)),
            weight=np.full(1, np.nan),
            slab_share=phase.slab_share[:1],
            slab_share_esd=phase.slab_share_esd[:1],
        )
        found[name] = ReferenceCell(source=exact, row=0, frame=None)
    return found


def _parent(phase: PhaseCells, in_reference: Mapping[str, ReferenceCell]) -> ReferenceCell | None:
    """Return the reference phase from which gliding can make a phase: itself, else the one of the largest weight."""
    if phase.name in in_reference:
        return in_reference[phase.name]
    layering = phase.layering
    if layering is None or layering.family is None:
        return None
    related = [
        reference_cell
        for reference_cell in in_reference.values()
        if (own := reference_cell.source.layering) is not None and own.family == layering.family
    ]
    return max(
        related,
        key=lambda reference_cell: np.nan_to_num(reference_cell.source.weight[reference_cell.row]),
        default=None,
    )
