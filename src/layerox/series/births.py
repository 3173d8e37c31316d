"""Births: whether a frame shows phases that the frames before did not, and where their cells are.

The residual of a frame is asked for each absent phase with a score test; one that promises enough has its cell sought
on a grid, with its peaks broadened so that neighbouring cells overlap, and is then refined with all others.
"""

from __future__ import annotations

import math
from collections.abc import Iterator

import numpy as np
from numpy.typing import NDArray

from layerox.diffraction.refine import Data, Minimum
from layerox.pattern import Pattern
from layerox.series.bench import Bench, State, View
from layerox.series.measured import Absence
from layerox.series.presence import WORTH_TRYING, Residual

FloatArray = NDArray[np.float64]

# Microstrain that broadens the probe of a phase whose cell is known from elsewhere in the series, or is not.
KNOWN, UNKNOWN = 0.002, 0.006
# Relative steps of the grid of cells and their number to each side, for both.
STEP, KNOWN_STEPS, UNKNOWN_STEPS = 0.002, 2, 6
# A phase of smaller crystallites (1/nm), or more strained, is background that it has swallowed rather than peaks.
GHOSTLY = {"inverse_size": 0.3, "microstrain": 0.06}


class Nursery:
    """Looks for absent phases at the minimum of one frame.

    Parameters
    ----------
    bench, pattern
        The model and the frame.
    state, view, minimum
        Where the frame has ended without them.
    """

    def __init__(self, bench: Bench, pattern: Pattern, state: State, view: View, minimum: Minimum):
        self.bench, self.state = bench, state
        self.data = Data(pattern.intensity, 1.0 / pattern.sigma)
        self.height = max(float(np.ptp(pattern.intensity)), 1.0)
        self.absent = [p for p in range(len(bench.phases)) if p not in state.present]
        table = minimum.parameters
        size = len(view.model.names)
        _, jacobian = view.model.linearised(table.values[:size], table.transfer()[:size], self.data.weight)
        difference = (self.data.intensity - minimum.calculated.total) * self.data.weight
        self.residual = Residual(difference, jacobian, minimum.reduced_chi_squared)
        rows = np.array([self._row(p, self._probe(p)) for p in self.absent])
        self.scores = self.residual.scores(rows.reshape(len(self.absent), -1))

    def promising(self) -> list[int]:
        """Return the absent phases that are worth a try, the most promising first."""
        order = np.argsort(-self.scores.gains)
        return [self.absent[k] for k in order if self.scores.gains[k] > WORTH_TRYING]

    def gain(self, p: int) -> float:
        """Return what the score test promises of an absent phase."""
        return float(self.scores.gains[self.absent.index(p)])

    def absences(self) -> dict[str, Absence]:
        """Return how well the frame excludes each absent phase."""
        found = {}
        for k, p in enumerate(self.absent):
            phase, esd = self.bench.phases[p], float(self.scores.esds[k])
            weight = phase.crystal.mass * phase.crystal.volume * esd
            found[phase.name] = Absence(support=float(self.scores.scales[k]) / esd, weight_esd=weight)
        return found

    def placed(self, p: int) -> State:
        """Return the state with an absent phase in the cell that explains most of the residual."""
        best, chosen = -math.inf, self._probe(p)
        probe = chosen
        for cell in self._cells(p, probe):
            trial = probe.copy()
            trial[self.bench.cell_places(p)] = cell
            scores = self.residual.scores(self._row(p, trial)[None])
            if scores.gains[0] > best:
                best, chosen = float(scores.gains[0]), trial
                chosen[self.bench.place(p, "scale")] = max(float(scores.scales[0]), 0.0)
        return State(chosen, self.state.rungs)

    def _cells(self, p: int, values: FloatArray) -> Iterator[FloatArray]:
        """Yield cells around the present one: one factor for the lengths in the layers, another for that across."""
        cell = values[self.bench.cell_places(p)]
        if not self.bench.moves_cell(p):
            yield cell
            return
        lengths = [k for k in self.bench.phases[p].crystal.symmetry.cell_rule.free if k < 3]
        count = KNOWN_STEPS if self._is_known(p) else UNKNOWN_STEPS
        steps = 1.0 + STEP * np.arange(-count, count + 1)
        for in_plane in steps:
            for across in steps if 2 in lengths and len(lengths) > 1 else (in_plane,):
                yield cell * np.array([in_plane, in_plane, across, 1.0, 1.0, 1.0])

    def _is_known(self, p: int) -> bool:
        return f"{self.bench.phases[p].name}" in self.bench.known

    def _probe(self, p: int) -> FloatArray:
        """Return all values with the peaks of a phase broadened."""
        values = self.state.values.copy()
        place = self.bench.place(p, "microstrain")
        values[place] = max(values[place], KNOWN if self._is_known(p) else UNKNOWN)
        return values

    def _row(self, p: int, values: FloatArray) -> FloatArray:
        model = self.bench.model
        reach = self.bench.reach[p] * self.height
        return model.unit_pattern(p, values[: len(model.names)], reach) * self.data.weight


def is_ghost(bench: Bench, p: int, values: FloatArray) -> bool:
    """Whether a phase's peaks are so broad that it explains background rather than peaks."""
    return any(values[bench.place(p, slot)] > most for slot, most in GHOSTLY.items())
