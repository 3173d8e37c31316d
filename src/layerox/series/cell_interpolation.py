"""Homes: the cell that a phase has at a frame as the sightings of a series have it, by straight lines between them.

A phase that shows weakly fits whatever is left over, if its cell may go anywhere. It is believed where its cell is near
that of the frames that show it well.
"""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Iterable, Sequence

import numpy as np

from layerox.diffraction.line_scan import Window
from layerox.diffraction.parameters import slot_name
from layerox.diffraction.phase import Phase
from layerox.series.common_parameters import Scout
from layerox.series.frame_checks import STRONG
from layerox.symmetry import CELL_NAMES
from layerox.typing import FloatArray

# Relative step by which a cell goes on as it has gone, at most.
FURTHEST = 0.015
# How far from home a cell may be.
NEIGHBOURHOOD = Window(lengths=0.015, angles=1.7)
# How far it may come from one frame to another that is not its neighbour.
STRIDE = Window(lengths=0.02, angles=3.0)


class Homes:
    """Where the cells of phases are at home.

    Parameters
    ----------
    phases
        All of the series, with the cells given.
    sightings
        The frames that have been seen, in any order.
    """

    def __init__(self, phases: Iterable[Phase], sightings: Iterable[Scout]):
        self.given = {phase.name: np.array(phase.crystal.cell) for phase in phases}
        ordered = sorted(sightings, key=lambda scout: scout.frame)
        self.looked_at = [scout.frame for scout in ordered]
        self.seen: dict[str, tuple[list[int], FloatArray]] = {}
        for phase in phases:
            names = [slot_name(phase, name) for name in CELL_NAMES]
            seen = [scout for scout in ordered if phase.name in scout.supports]
            if seen:
                cells = np.array([[scout.values[name] for name in names] for scout in seen])
                self.seen[phase.name] = [scout.frame for scout in seen], cells

    def at(self, name: str, frame: int) -> FloatArray:
        """Return a phase's cell at a frame: angstrom and degrees, shape (6,); the one given where none is known."""
        if name not in self.seen:
            return self.given[name]
        frames, cells = self.seen[name]
        return np.array([np.interp(frame, frames, column) for column in cells.T])

    def is_expected(self, name: str, frame: int) -> bool:
        """Whether all sightings beside a frame, one on either side or the last one, show a phase."""
        if name not in self.seen:
            return False
        k = bisect_left(self.looked_at, frame)
        is_one = k < len(self.looked_at) and self.looked_at[k] == frame
        return set(self.looked_at[k : k + 1] if is_one else self.looked_at[max(k - 1, 0) : k + 1]) <= set(
            self.seen[name][0]
        )

    def is_away(self, name: str, frame: int, cell: FloatArray) -> bool:
        """Whether a cell is another one than the phase has at home."""
        return is_another(cell, self.at(name, frame))


def is_another(cell: FloatArray, home: FloatArray, reach: Window = NEIGHBOURHOOD) -> bool:
    """Whether a cell is further from another one than a window reaches; angstrom and degrees, shapes (6,)."""
    lengths = np.abs(cell[:3] / home[:3] - 1.0).max()
    return bool(lengths > reach.lengths or np.abs(cell[3:] - home[3:]).max() > reach.angles)


def gone_on(cell: FloatArray, former: FloatArray, ahead: float) -> FloatArray:
    """Return a cell that goes on as it has gone from a former one, `ahead` times as far but never far; shapes (6,)."""
    step = np.clip(ahead * (cell / former - 1.0), -FURTHEST, FURTHEST)
    return np.asarray(cell * (1.0 + step))


def out_of_line(seen: Sequence[tuple[int, FloatArray, float]]) -> list[tuple[int, FloatArray]]:
    """Return the frames in which a phase has left its line of cells, though it is not strong, and where that would be.

    The line is followed from the frame that shows the phase best, to both sides: it stays, or goes on as it has gone.

    Parameters
    ----------
    seen
        Frame, cell and support wherever the phase shows, in the order of frames.
    """
    best = max(range(len(seen)), key=lambda k: seen[k][2], default=0)
    found = []
    for side in (seen[best:], seen[best::-1]):
        line: list[tuple[int, FloatArray]] = []
        for frame, cell, support in side:
            homes = _ends(line, frame)
            if support < STRONG and homes and all(is_another(cell, home, STRIDE) for home in homes):
                found.append((frame, homes[-1]))
            else:
                line.append((frame, cell))
    return found


def _ends(line: Sequence[tuple[int, FloatArray]], frame: int) -> list[FloatArray]:
    """Return the cells to which a line may lead at a frame: as it ended, and as it has gone."""
    if not line:
        return []
    last, cell = line[-1]
    if len(line) == 1:
        return [cell]
    before, former = line[-2]
    return [cell, gone_on(cell, former, (frame - last) / (last - before))]
