"""Phase entry in one frame: a score test for each absent phase, and the search for its cell.

The score test (Rao, 1948) gives the fall of chi-squared if the scale of an absent phase is refined. The cell of a phase
with enough gain is searched by its strongest lines; the best cells are compared with the whole model and broadened
peaks, and the best of them is refined with all other phases.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace

import numpy as np

from layerox.diffraction.far_cell_search import Window, scanned_lines
from layerox.diffraction.minimum import Data, Minimum
from layerox.diffraction.serial_correlation import serial_factor
from layerox.pattern import Pattern
from layerox.series.frame_row import Absence
from layerox.series.refinement.frame_model import FrameModel, FrameState, PhaseSubset
from layerox.series.refinement.phase_presence import MIN_GAIN, entry_support
from layerox.typing import FloatArray

# Microstrain that broadens the probe of a phase whose cell is known from elsewhere in the series, or is not.
KNOWN, UNKNOWN = 0.002, 0.006
# Range of the cell search, for both, and number of cells compared with the whole model.
NEAR_WINDOW, WIDE_WINDOW = Window(lengths=0.004, angles=0.5), Window(lengths=0.012, angles=1.0)
JUDGED = 6
# A phase of smaller crystallites (1/nm), or more strained, fits background rather than peaks.
BACKGROUND_LIKE = {"inverse_size": 0.3, "microstrain": 0.06}


@dataclass(frozen=True, eq=False)
class CellCandidate:
    """An absent phase in one possible cell.

    Attributes
    ----------
    state
        With the cell and the scale; the phase levels are unchanged.
    gain
        Expected decrease of chi-squared, over its reduced value.
    """

    state: FrameState
    gain: float


class PhaseEntry:
    """Tests absent phases at the minimum of one frame.

    Parameters
    ----------
    frame_model, pattern
        The model and the frame.
    state, view, minimum
        The minimum without them.
    """

    def __init__(
        self, frame_model: FrameModel, pattern: Pattern, state: FrameState, view: PhaseSubset, minimum: Minimum
    ):
        self.frame_model, self.state = frame_model, state
        self.data = Data(pattern.intensity, 1.0 / pattern.sigma)
        self.height = max(float(np.ptp(pattern.intensity)), 1.0)
        self.absent = [p for p in range(len(frame_model.phases)) if p not in state.present]
        table = minimum.parameters
        size = len(view.model.names)
        _, jacobian = view.model.linearised(table.values[:size], table.transfer()[:size], self.data.weight)
        difference = (self.data.intensity - minimum.calculated.total) * self.data.weight
        self.residual = Residual(difference, jacobian, minimum.reduced_chi_squared)
        # Gain from runs of residuals of one sign is misfit of the phases present, unless it is much larger.
        self.serial = serial_factor(difference)
        rows = np.array([self._row(p, self._probe(p)) for p in self.absent])
        self.scores = self.residual.scores(rows.reshape(len(self.absent), difference.size))

    def promising(self, support_share: Callable[[int], float] = lambda _: 1.0) -> list[int]:
        """Return the absent phases with enough gain, the largest first.

        `ease` is the factor by which a phase needs less support than others.
        """
        gains = [float(gain) / support_share(p) ** 2 for gain, p in zip(self.scores.gains, self.absent, strict=True)]
        return [self.absent[k] for k in np.argsort(np.negative(gains)) if self.is_worth_trying(gains[k])]

    def is_worth_trying(self, gain: float) -> bool:
        """Whether an expected decrease of chi-squared (over its reduced value) exceeds that from runs of residuals."""
        return gain > MIN_GAIN * self.serial**2

    def needs(self, p: int) -> float:
        """Return the support that an absent phase needs to enter."""
        return self.serial * entry_support(self.frame_model.cell_variables(p))

    def gain(self, p: int) -> float:
        """Return the gain of an absent phase in the score test."""
        return float(self.scores.gains[self.absent.index(p)])

    def absences(self) -> dict[str, Absence]:
        """Return how well the frame excludes each absent phase."""
        found = {}
        for k, p in enumerate(self.absent):
            phase, esd = self.frame_model.phases[p], float(self.scores.esds[k])
            weight = phase.crystal.mass * phase.crystal.volume * esd
            found[phase.name] = Absence(support=float(self.scores.scales[k]) / esd, weight_esd=weight)
        return found

    def placed(self, p: int) -> FrameState:
        """Return the state with an absent phase in the cell that explains most of the residual."""
        return self.candidates(p, NEAR_WINDOW if self._is_known(p) else WIDE_WINDOW, JUDGED)[0].state

    def candidates(self, p: int, window: Window, count: int) -> list[CellCandidate]:
        """Return an absent phase in the cells of a window that explain most of the residual, the best first."""
        probe = self._probe(p)
        size = len(self.frame_model.model.names)
        free = self.frame_model.free_cell(p)
        if not free:
            return [self._judged(p, probe, probe[self.frame_model.cell_places(p)])]
        found = scanned_lines(
            self.frame_model.model, p, probe[:size], self.residual.residual, self.data.weight, window, free, count
        )
        judged = [self._judged(p, probe, cell) for cell in (probe[self.frame_model.cell_places(p)], *found.cells)]
        return sorted(judged, key=lambda candidate: -candidate.gain)

    def _judged(self, p: int, probe: FloatArray, cell: FloatArray) -> CellCandidate:
        """Return an absent phase in a cell, with the scale that the whole model gives it."""
        values = probe.copy()
        values[self.frame_model.cell_places(p)] = cell
        scores = self.residual.scores(self._row(p, values)[None])
        values[self.frame_model.place(p, "scale")] = max(float(scores.scales[0]), 0.0)
        return CellCandidate(replace(self.state, values=values), float(scores.gains[0]))

    def _is_known(self, p: int) -> bool:
        return f"{self.frame_model.phases[p].name}" in self.frame_model.known

    def _probe(self, p: int) -> FloatArray:
        """Return all values with the peaks of a phase broadened."""
        values = self.state.values.copy()
        place = self.frame_model.place(p, "microstrain")
        values[place] = max(values[place], KNOWN if self._is_known(p) else UNKNOWN)
        return values

    def _row(self, p: int, values: FloatArray) -> FloatArray:
        model = self.frame_model.model
        reach = self.frame_model.reach[p] * self.height
        return model.unit_pattern(p, values[: len(model.names)], reach) * self.data.weight


def is_background_like(frame_model: FrameModel, p: int, values: FloatArray) -> bool:
    """Whether a phase's peaks are so broad that it explains background rather than peaks."""
    return any(values[frame_model.place(p, slot)] > most for slot, most in BACKGROUND_LIKE.items())


@dataclass(frozen=True, eq=False)
class Scores:
    """Result of the score test of absent phases.

    Attributes
    ----------
    scales, esds
        The scale that one Newton step gives and its standard uncertainty, shape (p,).
    gains
        Fall of chi-squared over its reduced value, shape (p,); 0 where the scale would be negative.
    """

    scales: FloatArray
    esds: FloatArray
    gains: FloatArray


class Residual:
    """The misfit at a minimum, projected on what its own variables cannot explain."""

    def __init__(self, residual: FloatArray, jacobian: FloatArray, reduced: float):
        """Take the weighted observed minus calculated (n,), the weighted derivatives (v, n), and reduced chi^2."""
        self.residual, self.jacobian, self.reduced = residual, jacobian, max(reduced, 1.0)
        diagonal = np.maximum((jacobian**2).sum(axis=1), 1e-300)
        self.scale = 1.0 / np.sqrt(diagonal)
        normal = (jacobian @ jacobian.T) * np.outer(self.scale, self.scale)
        self.inverse = np.linalg.pinv(normal, rcond=1e-10, hermitian=True)

    def scores(self, rows: FloatArray) -> Scores:
        """Return the scores of patterns of unit scale, one by one; `rows` are weighted, shape (p, n)."""
        force = rows @ self.residual
        shared = (rows @ self.jacobian.T) * self.scale
        own = (rows**2).sum(axis=1)
        left = own - np.einsum("pi,ij,pj->p", shared, self.inverse, shared)
        # A pattern that the variables reproduce to a part in a thousand is not determined.
        known = left > 1e-3 * own
        left = np.where(known, left, np.inf)
        scales = force / left
        gains = np.where(force > 0, force * scales, 0.0) / self.reduced
        return Scores(scales, np.where(known, np.sqrt(self.reduced / left), np.nan), gains)
