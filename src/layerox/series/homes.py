"""Homes: the cell that a phase has at a frame as the sightings of a series have it, by straight lines between them.

A phase that shows weakly fits whatever is left over, if its cell may go anywhere. It is believed where its cell is near
that of the frames that show it well.
"""

from __future__ import annotations

from collections.abc import Iterable

import numpy as np
from numpy.typing import NDArray

from layerox.diffraction.parameters import slot_name
from layerox.diffraction.phase import Phase
from layerox.series.foundation import Scout
from layerox.symmetry import CELL_NAMES

FloatArray = NDArray[np.float64]

# Relative difference of a length from home, or of an angle in two radians, beyond which a cell is another one.
AWAY = 0.015


class Homes:
    """Where the cells of phases are at home.

    Parameters
    ----------
    phases
        All of the series, with the cells given.
    sightings
        The frames that have been seen, in any order.
    least
        The support with which a frame has a say about a phase.
    """

    def __init__(self, phases: Iterable[Phase], sightings: Iterable[Scout], least: float = 0.0):
        self.given = {phase.name: np.array(phase.crystal.cell) for phase in phases}
        ordered = sorted(sightings, key=lambda scout: scout.frame)
        self.seen: dict[str, tuple[list[int], FloatArray]] = {}
        for phase in phases:
            names = [slot_name(phase, name) for name in CELL_NAMES]
            seen = [scout for scout in ordered if scout.supports.get(phase.name, 0.0) > least]
            if seen:
                cells = np.array([[scout.values[name] for name in names] for scout in seen])
                self.seen[phase.name] = [scout.frame for scout in seen], cells

    def at(self, name: str, frame: int) -> FloatArray:
        """Return a phase's cell at a frame: angstrom and degrees, shape (6,); the one given where none is known."""
        if name not in self.seen:
            return self.given[name]
        frames, cells = self.seen[name]
        return np.array([np.interp(frame, frames, column) for column in cells.T])

    def is_away(self, name: str, frame: int, cell: FloatArray) -> bool:
        """Whether a cell is another one than the phase has at home."""
        return is_another(cell, self.at(name, frame))


def is_another(cell: FloatArray, home: FloatArray) -> bool:
    """Whether two cells, angstrom and degrees, shape (6,), differ by more than heating or cycling moves them."""
    lengths = np.abs(cell[:3] / home[:3] - 1.0).max()
    angles = np.radians(np.abs(cell[3:] - home[3:])).max() / 2.0
    return bool(max(lengths, angles) > AWAY)
