"""Births: whether a frame shows phases that the frames before did not, and where their cells are.

The residual of a frame is asked for each absent phase with a score test; one that promises enough has its cell sought
by its strongest lines, the few cells that explain most being judged with the whole model and broadened peaks, and is
then refined with all others.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace

import numpy as np

from layerox.diffraction.least_squares import Data, Minimum
from layerox.diffraction.line_scan import Window, scanned_lines
from layerox.diffraction.serial_correlation import serial_factor
from layerox.pattern import Pattern
from layerox.series.frame_model import Bench, State, View
from layerox.series.measured import Absence
from layerox.series.phase_presence import WORTH_TRYING, Residual, birth_needs
from layerox.typing import FloatArray

# Microstrain that broadens the probe of a phase whose cell is known from elsewhere in the series, or is not.
KNOWN, UNKNOWN = 0.002, 0.006
# How far its cell is sought, for both, and how many cells are judged with the whole model.
NEAR, WIDER = Window(lengths=0.004, angles=0.5), Window(lengths=0.012, angles=1.0)
JUDGED = 6
# A phase of smaller crystallites (1/nm), or more strained, is background that it has swallowed rather than peaks.
GHOSTLY = {"inverse_size": 0.3, "microstrain": 0.06}


@dataclass(frozen=True, eq=False)
class Candidate:
    """An absent phase in one of the cells that it may have.

    Attributes
    ----------
    state
        With the cell and the scale; the rungs are as they were.
    gain
        Fall of chi-squared, over its reduced value, that it promises.
    """

    state: State
    gain: float


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
        # What runs of residuals of one sign promise is misfit of the phases that are there, until it is much more.
        self.serial = serial_factor(difference)
        rows = np.array([self._row(p, self._probe(p)) for p in self.absent])
        self.scores = self.residual.scores(rows.reshape(len(self.absent), difference.size))

    def promising(self, ease: Callable[[int], float] = lambda _: 1.0) -> list[int]:
        """Return the absent phases that are worth a try, the most promising first.

        `ease` says by which factor a phase needs less support than others.
        """
        gains = [float(gain) / ease(p) ** 2 for gain, p in zip(self.scores.gains, self.absent, strict=True)]
        return [self.absent[k] for k in np.argsort(np.negative(gains)) if self.is_worth_trying(gains[k])]

    def is_worth_trying(self, gain: float) -> bool:
        """Whether a promised fall of chi-squared (over its reduced value) is more than runs of residuals make."""
        return gain > WORTH_TRYING * self.serial**2

    def needs(self, p: int) -> float:
        """Return the support with which an absent phase is born."""
        return self.serial * birth_needs(self.bench.cell_variables(p))

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
        return self.candidates(p, NEAR if self._is_known(p) else WIDER, JUDGED)[0].state

    def candidates(self, p: int, window: Window, count: int) -> list[Candidate]:
        """Return an absent phase in the cells of a window that explain most of the residual, the best first."""
        probe = self._probe(p)
        size = len(self.bench.model.names)
        free = self.bench.free_cell(p)
        if not free:
            return [self._judged(p, probe, probe[self.bench.cell_places(p)])]
        found = scanned_lines(
            self.bench.model, p, probe[:size], self.residual.residual, self.data.weight, window, free, count
        )
        judged = [self._judged(p, probe, cell) for cell in (probe[self.bench.cell_places(p)], *found.cells)]
        return sorted(judged, key=lambda candidate: -candidate.gain)

    def _judged(self, p: int, probe: FloatArray, cell: FloatArray) -> Candidate:
        """Return an absent phase in a cell, with the scale that the whole model gives it."""
        values = probe.copy()
        values[self.bench.cell_places(p)] = cell
        scores = self.residual.scores(self._row(p, values)[None])
        values[self.bench.place(p, "scale")] = max(float(scores.scales[0]), 0.0)
        return Candidate(replace(self.state, values=values), float(scores.gains[0]))

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
