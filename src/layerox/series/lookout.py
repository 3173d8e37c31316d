"""Lookout: phases that no scout shows beyond doubt, sought far from the cells given.

A cell that was refined at another temperature, or beside other phases, may be off by more than any descent bridges. A
phase is sought in what the others leave unexplained, in several frames, and refined in the one of which it promises to
explain most. Among tens of thousands of cells some explain something by chance: one far from that given must have
explained the lion's share when it has been refined, and much more than the best one near it.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from layerox.diffraction.agreement import unexplained
from layerox.diffraction.least_squares import Minimum
from layerox.diffraction.line_scan import Window
from layerox.errors import InputError
from layerox.pattern import Pattern
from layerox.series.cell_interpolation import is_another
from layerox.series.common_parameters import Foundation, Scout
from layerox.series.frame_checks import STRONG, shows_peaks
from layerox.series.frame_fit import PATIENT, REFINED, Fitter
from layerox.series.frame_model import State, View
from layerox.series.frames import Frame
from layerox.series.phase_entry import JUDGED, WIDER, Candidate, Nursery
from layerox.series.sightings import scout_of, with_scout

# How far a cell is sought.
FAR = Window(lengths=0.07, angles=5.0)
# Share of the misfit beyond noise that a phase must promise to explain with a cell so far off, the share that it must
# explain when it has been refined, and how many times what it explains from a cell near that given.
PROMISING, LIONS_SHARE, BETTER = 0.2, 0.4, 1.5


def with_found(foundation: Foundation, sought: Sequence[str], frames: Sequence[Frame]) -> tuple[Foundation, int]:
    """Return the foundation with those phases that a frame shows far from home, and which frame shows most clearly.

    Parameters
    ----------
    foundation
        With what the scouts show beyond doubt.
    sought
        The names of the other phases.
    frames
        Where they are sought.
    """
    best = max(foundation.sightings, key=lambda scout: (len(scout.supports), -scout.left))
    clearest = [frame.index for frame in frames].index(best.frame)
    names = foundation.setup.names
    fitter = Fitter(foundation, in_strides=True)
    looks = {k: look for k, frame in enumerate(frames) if sought and (look := _look(fitter, frame)) is not None}
    shares = {name: {k: look.share(names.index(name)) for k, look in looks.items()} for name in sought}
    taken = 0.0
    # What the phase that explains most of all has explained, none of the others explains.
    for name in sorted(sought, key=lambda name: -max(shares[name].values(), default=0.0)):
        share, k = max(((share, k) for k, share in shares[name].items()), default=(0.0, 0))
        if share >= PROMISING and looks[k].take_in(fitter, names.index(name)):
            foundation = with_scout(foundation, looks[k].scout(foundation))
            clearest, taken = (k, share) if share > taken else (clearest, taken)
    return foundation, clearest


def _look(fitter: Fitter, frame: Frame) -> _Look | None:
    try:
        pattern = fitter.setup.reading.pattern(frame)
        return _Look(fitter, frame, pattern) if shows_peaks(pattern) else None
    except (InputError, np.linalg.LinAlgError):
        return None


class _Look:
    """A frame as it stands with what is known, and what it would show beside that."""

    def __init__(self, fitter: Fitter, frame: Frame, pattern: Pattern):
        self.frame, self.pattern = frame.index, pattern
        self.bench = fitter.bench(self.pattern)
        start = fitter.start(self.bench, frame)
        view, minimum = self.bench.minimised(self.pattern, start, linear=True, budget=PATIENT)
        self._stand(self.bench.moved(start, view, minimum), view, minimum)

    def _stand(self, state: State, view: View, minimum: Minimum) -> None:
        self.state, self.minimum = state, minimum
        self.nursery = Nursery(self.bench, self.pattern, state, view, minimum)

    @property
    def beyond_noise(self) -> float:
        """Chi-squared beyond what counting alone makes, in units of the reduced one."""
        return (self.minimum.chi_squared - self.pattern.intensity.size) / self.nursery.residual.reduced

    def share(self, p: int) -> float:
        """Return the share of the misfit beyond noise that an absent phase promises to explain with a cell far off."""
        if self.beyond_noise < 0.5 * self._needed(p) ** 2:
            return 0.0  # not all of it together would be enough
        gain = max((place.gain for place in self._far_places(p)), default=0.0)
        return float(gain / max(self.beyond_noise, gain, 1e-300))

    def _far_places(self, p: int) -> list[Candidate]:
        """Return an absent phase in the far cells that are worth a try, the most promising first."""
        cell = self.bench.cell_places(p)
        return [
            place
            for place in self.nursery.candidates(p, FAR, JUDGED)
            if is_another(place.state.values[cell], self.state.values[cell], WIDER)
            and self.nursery.is_worth_trying(place.gain)
        ]

    def take_in(self, fitter: Fitter, p: int) -> bool:
        """Refine the frame with an absent phase from the far cells that promise most; return whether it is there."""
        far = self._grown(fitter, p, self._far_places(p)[:REFINED])
        if far is None or self._fall(far) < LIONS_SHARE * self.beyond_noise:
            return False
        near = self._grown(fitter, p, self.nursery.candidates(p, WIDER, JUDGED)[:REFINED])
        if near is not None and self._fall(far) < BETTER * self._fall(near):
            return False
        self._stand(*far)
        return True

    def _needed(self, p: int) -> float:
        """Return the support that an absent phase must have."""
        return max(STRONG, self.nursery.needs(p))

    def _grown(self, fitter: Fitter, p: int, places: Sequence[Candidate]) -> tuple[State, View, Minimum] | None:
        """Return the frame refined with an absent phase from some cells, as the best of them ends."""
        needed = self._needed(p)
        grown = (fitter.grown(self.bench, self.pattern, place.state, p, needed, self.minimum) for place in places)
        return min((born for born in grown if born is not None), key=lambda born: born[2].chi_squared, default=None)

    def _fall(self, found: tuple[State, View, Minimum]) -> float:
        """Return by how much chi-squared has fallen, in units of what it was for each degree of freedom."""
        return (self.minimum.chi_squared - found[2].chi_squared) / self.nursery.residual.reduced

    def scout(self, foundation: Foundation) -> Scout:
        """Return the frame as a scout."""
        calculated = self.minimum.calculated
        left = unexplained(self.pattern.intensity, calculated.total, calculated.background, self.pattern.sigma)
        return scout_of(foundation, self.frame, self.bench, self.state, self.minimum, left)
