"""Reference: against which cell each phase is held.

A phase is held against its own cell in the reference frame, or, if it is born later, in the first frame that has
measured it. Its layers are held against those of the phase that it can have come from by gliding, which keeps the
senses of slabs, where that phase stands in the reference frame: O2 and OP4 against P2, P3 and O'3 against O3. So a
transition is part of the strain.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from layerox.diffraction.model import safe_name
from layerox.errors import InputError, nearest
from layerox.strain.cells import Observed, PhaseCells, observed
from layerox.typing import FloatArray

GIVEN = "given"
# The number of a frame, six numbers by phase, or anything that `observed` takes.
ReferenceArgument = Any


@dataclass(frozen=True, kw_only=True, eq=False)
class Anchor:
    """One cell that others are held against.

    Attributes
    ----------
    source
        The phase it belongs to.
    row
        Of the phase's cells.
    frame
        Number of its frame; None for a cell that was given.
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
class Anchors:
    """What one phase is held against: its own cell, and the layers (its own, or those of its parent)."""

    own: Anchor
    layers: Anchor


def anchors_of(seen: Observed, reference: ReferenceArgument = None) -> dict[str, Anchors]:
    """Return what each phase is held against.

    Parameters
    ----------
    seen
        The phases.
    reference
        Number of a frame (by default the first that has measured a cell), a fit or structure, or cells by phase.

    Raises
    ------
    InputError
        If no frame has measured a cell, the one named has not, or what is given names no phase of these.
    """
    if not seen.phases:
        raise InputError("no frame shows a phase whose cell was refined", argument="series",
                         cure="look at verdicts and reasons in frames.csv")  # fmt: skip
    standing = _standing(seen, reference)
    own = {name: standing.get(name) or _anchor(phase, int(phase.frames[0])) for name, phase in seen.phases.items()}
    return {name: Anchors(own=own[name], layers=_parent(seen.phases[name], standing) or own[name]) for name in own}


def _standing(seen: Observed, reference: ReferenceArgument) -> dict[str, Anchor]:
    """Return the phases that stand in the reference."""
    if reference is None:
        reference = min(int(phase.frames[0]) for phase in seen.phases.values())
    if isinstance(reference, int | np.integer):
        return _in_frame(seen, int(reference))
    if isinstance(reference, Mapping):
        return _of_numbers(seen, reference)
    given = observed(reference)
    return {name: Anchor(source=phase, row=len(phase.frames) - 1, frame=None) for name, phase in given.phases.items()}


def _in_frame(seen: Observed, frame: int) -> dict[str, Anchor]:
    if frame not in seen.frames:
        raise InputError(f"there is no frame {frame}", argument="reference",
                         cure=f"choose from {seen.frames[0]} to {seen.frames[-1]}")  # fmt: skip
    found = {name: _anchor(phase, frame) for name, phase in seen.phases.items() if phase.at(frame) is not None}
    if not found:
        first = min(int(phase.frames[0]) for phase in seen.phases.values())
        raise InputError(
            f"frame {frame} has measured no cell", argument="reference", cure=f"choose another, {first} say"
        )
    return found


def _anchor(phase: PhaseCells, frame: int) -> Anchor:
    row = phase.at(frame)
    assert row is not None
    return Anchor(source=phase, row=row, frame=frame)


def _of_numbers(seen: Observed, cells: Mapping[str, Any]) -> dict[str, Anchor]:
    found = {}
    for given, numbers in cells.items():
        name, cell = safe_name(given), np.asarray(numbers, dtype=np.float64)
        if name not in seen.phases:
            raise InputError(f"no phase is called {given!r}", argument="reference", cure=nearest(name, seen.phases))
        if cell.shape != (6,) or not (np.isfinite(cell).all() and (cell > 0).all()):
            raise InputError(f"the cell of {given} is not six positive numbers", argument="reference",
                             cure="give a, b, c (angstrom), alpha, beta, gamma (degrees)")  # fmt: skip
        phase = seen.phases[name]
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
        found[name] = Anchor(source=exact, row=0, frame=None)
    return found


def _parent(phase: PhaseCells, standing: Mapping[str, Anchor]) -> Anchor | None:
    """Return the phase of the reference that gliding can turn into a phase: itself, else the heaviest of its kind."""
    if phase.name in standing:
        return standing[phase.name]
    layering = phase.layering
    if layering is None or layering.family is None:
        return None
    kin = [
        anchor
        for anchor in standing.values()
        if (own := anchor.source.layering) is not None and own.family == layering.family
    ]
    return max(kin, key=lambda anchor: np.nan_to_num(anchor.source.weight[anchor.row]), default=None)
