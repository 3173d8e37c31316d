"""Survey: some frames walked through before all others, so that every cell is known near wherever its phase shows.

A phase that no scout shows beyond doubt may have a cell far from the one given. It is sought in all frames of the
survey, on what the others leave unexplained, and taken from the frame in which it explains most. From there it is
followed through the survey, forwards and backwards; every segment of the series then starts near a frame that has been
seen.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace

import numpy as np

from layerox.diffraction.agreement import unexplained
from layerox.diffraction.line_scan import Window
from layerox.diffraction.parameters import slot_name
from layerox.diffraction.phase import Phase
from layerox.diffraction.refine import Minimum
from layerox.errors import InputError
from layerox.pattern import Pattern
from layerox.series.bench import Bench, State, View
from layerox.series.births import GHOSTLY, JUDGED, WIDER, Nursery
from layerox.series.foundation import SCOUTS, Foundation, Scout
from layerox.series.frames import Frame
from layerox.series.homes import Homes
from layerox.series.judgement import STRONG, Fit, shows_peaks, support_of
from layerox.series.presence import Rung
from layerox.series.sequential import PATIENT, Segment

# Intervals of the survey for each between two scouts.
FOR_EACH = 3
# How far a cell is sought that no scout has shown, and how many of the cells found are refined.
FAR = Window(lengths=0.07, angles=5.0)
REFINED = 3


def survey_indices(count: int) -> list[int]:
    """Return which of so many frames are walked through: the scouts, and in long series frames between them."""
    steps = (SCOUTS - 1) * FOR_EACH + 1
    number = steps if count >= FOR_EACH * steps else min(SCOUTS, count)
    return sorted({round(x) for x in np.linspace(0, count - 1, number)})


def surveyed(foundation: Foundation, frames: Sequence[Frame]) -> Foundation:
    """Return the foundation with the frames of the survey as its sightings.

    Parameters
    ----------
    foundation
        As the scouts, each alone, have it.
    frames
        Of the survey, in order.
    """
    certain, sought = without_doubtful(foundation)
    if not certain.sightings:
        return foundation
    certain, clearest = _with_found(certain, sought, frames)
    segment = Segment(certain, in_strides=True)
    walked = segment.walked_from(clearest, frames)
    fits = {frame: d.fit for frame, d in zip(frames, walked, strict=True) if d.fit is not None and d.row.is_good}
    fits = _brought_home(segment, fits)
    scouts = [_scout_of(certain, fit) for fit in fits.values()]
    return _standing_on(certain, scouts) if scouts else foundation


def _scout_of(foundation: Foundation, fit: Fit) -> Scout:
    return scout_of(foundation, fit.frame, fit.bench, fit.state, fit.minimum, fit.left)


def _brought_home(segment: Segment, fits: Mapping[Frame, Fit]) -> dict[Frame, Fit]:
    """Return the fits with phases that show weakly, and far from the cell of those that show them strongly, put right.

    Such a phase is refined once more from the cell that lies between those; if it does not stay there it was not there.
    """
    foundation = segment.foundation
    homes = Homes(foundation.setup.phases, [_scout_of(foundation, fit) for fit in fits.values()], least=STRONG)
    result = dict(fits)
    for frame, fit in fits.items():
        lost = _away_from(homes, fit)
        if not lost:
            continue
        values = fit.state.values.copy()
        for p in lost:
            values[fit.bench.cell_places(p)] = homes.at(fit.bench.phases[p].name, fit.frame)
        again = segment.refined_from(frame, fit, State(values, fit.state.rungs))
        if again.fault or (lost := _away_from(homes, again)):
            rungs = tuple(Rung.ABSENT if p in lost else rung for p, rung in enumerate(fit.state.rungs))
            again = segment.refined_from(frame, fit, State(fit.state.values, rungs))
        result[frame] = again if not again.fault else fit
    return result


def _away_from(homes: Homes, fit: Fit) -> list[int]:
    """Return the phases that a fit shows away from home, though not strongly."""
    bench, values = fit.bench, fit.state.values
    return [
        p
        for p in fit.state.present
        if bench.phases[p].name in homes.seen
        and support_of(bench, fit.minimum, p) < STRONG
        and homes.is_away(bench.phases[p].name, fit.frame, values[bench.cell_places(p)])
    ]


def without_doubtful(foundation: Foundation) -> tuple[Foundation, list[str]]:
    """Return the foundation without what is not beyond doubt, and the names of the phases that no scout shows so."""
    phases = {phase.name: phase for phase in foundation.setup.phases}
    sightings = tuple(
        replace(
            scout, supports={n: s for n, s in scout.supports.items() if s >= STRONG and not _is_ghost(scout, phases[n])}
        )
        for scout in foundation.sightings
    )
    seen = {name for scout in sightings for name in scout.supports}
    own = {name for phase in phases.values() if phase.name not in seen for name in _names_of(phase)}
    values = {name: value for name, value in foundation.values.items() if name not in own}
    # How a phase is broadened that nobody has seen well is not known: its strain is let go beside its size.
    strains = {slot_name(phase, "microstrain") for phase in phases.values() if phase.name not in seen}
    certain = replace(
        foundation,
        values=values,
        free=foundation.free | strains,
        shared=foundation.shared - own,
        sightings=tuple(scout for scout in sightings if scout.supports),
    )
    return certain, [name for name in phases if name not in seen]


def _names_of(phase: Phase) -> set[str]:
    return {slot_name(phase, slot) for slot in phase.slot_names}


def _is_ghost(scout: Scout, phase: Phase) -> bool:
    return any(scout.values[slot_name(phase, slot)] > most for slot, most in GHOSTLY.items())


def _with_found(foundation: Foundation, sought: Sequence[str], frames: Sequence[Frame]) -> tuple[Foundation, int]:
    """Return the foundation with those phases that a frame shows beyond doubt, and which frame to begin with.

    Each is taken from the frame of which it explains most. The one that explains most of all comes first: what it has
    explained, none of the others explains.
    """
    best = max(foundation.sightings, key=lambda scout: (len(scout.supports), -scout.left))
    begin = [frame.index for frame in frames].index(best.frame)
    names = foundation.setup.names
    segment = Segment(foundation, in_strides=True)
    looks = {k: look for k, frame in enumerate(frames) if sought and (look := _look(segment, frame)) is not None}
    shares = {name: {k: look.share(names.index(name)) for k, look in looks.items()} for name in sought}
    taken = 0.0
    for name in sorted(sought, key=lambda name: -max(shares[name].values(), default=0.0)):
        share, k = max((share, k) for k, share in shares[name].items())
        if looks[k].take_in(segment, names.index(name)):
            foundation = _with_scout(foundation, looks[k].scout(foundation))
            begin, taken = (k, share) if share > taken else (begin, taken)
    return foundation, begin


def _look(segment: Segment, frame: Frame) -> _Look | None:
    try:
        pattern = segment.setup.reading.pattern(frame)
        return _Look(segment, frame, pattern) if shows_peaks(pattern) else None
    except (InputError, np.linalg.LinAlgError):
        return None


class _Look:
    """A frame of the survey as it stands with what is known, and what it would show beside that."""

    def __init__(self, segment: Segment, frame: Frame, pattern: Pattern):
        self.frame, self.pattern = frame.index, pattern
        self.bench = segment.bench(self.pattern)
        start = segment.start(self.bench, frame)
        view, minimum = self.bench.minimised(self.pattern, start, linear=True, budget=PATIENT)
        self._stand(self.bench.moved(start, view, minimum), view, minimum)

    def _stand(self, state: State, view: View, minimum: Minimum) -> None:
        self.state, self.minimum = state, minimum
        self.nursery = Nursery(self.bench, self.pattern, state, view, minimum)

    def share(self, p: int) -> float:
        """Return the share of chi-squared that an absent phase would explain, wherever its cell is."""
        best = self.nursery.candidates(p, FAR, JUDGED)[0]
        return best.gain * self.nursery.residual.reduced / self.minimum.chi_squared

    def take_in(self, segment: Segment, p: int) -> bool:
        """Refine the frame with an absent phase, from the cells that explain most; return whether it is there."""
        places = [
            place for place in self.nursery.candidates(p, FAR, JUDGED) if self.nursery.is_worth_trying(place.gain)
        ]
        grown = [
            segment.grown(self.bench, self.pattern, place.state, p, self._needed(p, place.state), self.minimum)
            for place in places[:REFINED]
        ]
        found = [born for born in grown if born is not None]
        if found:
            self._stand(*min(found, key=lambda born: born[2].chi_squared))
        return bool(found)

    def _needed(self, p: int, place: State) -> float:
        """Return the support that an absent phase needs in a cell: of so many far ones, some fit by chance."""
        given, cell = (values[self.bench.cell_places(p)] for values in (self.state.values, place.values))
        far = np.abs(cell / given - 1.0).max() > WIDER.lengths
        return max(STRONG, self.nursery.needs(p)) if far else self.nursery.needs(p)

    def scout(self, foundation: Foundation) -> Scout:
        """Return the frame as a scout."""
        calculated = self.minimum.calculated
        left = unexplained(self.pattern.intensity, calculated.total, calculated.background, self.pattern.sigma)
        return scout_of(foundation, self.frame, self.bench, self.state, self.minimum, left)


def scout_of(foundation: Foundation, frame: int, bench: Bench, state: State, minimum: Minimum, left: float) -> Scout:
    """Return a frame that was refined upon a foundation as a scout."""
    supports = {bench.phases[p].name: support_of(bench, minimum, p) for p in state.present}
    return Scout(
        frame=frame,
        values=dict(zip(bench.table.names, state.values.tolist(), strict=True)),
        free=foundation.free,
        supports={name: support for name, support in supports.items() if support > 0},
        left=left,
        limits=foundation.limits,
    )


def _with_scout(foundation: Foundation, scout: Scout) -> Foundation:
    """Return the foundation with one scout more, or in the place of the one of the same frame."""
    others = [other for other in foundation.sightings if other.frame != scout.frame]
    return _standing_on(foundation, sorted([*others, scout], key=lambda one: one.frame))


def _standing_on(foundation: Foundation, scouts: Sequence[Scout]) -> Foundation:
    """Return the foundation with other scouts; each phase begins as the one that shows it best has it."""
    values = dict(foundation.values)
    for phase in foundation.setup.phases:
        seen = [scout for scout in scouts if phase.name in scout.supports]
        if seen:
            best = max(seen, key=lambda scout: scout.supports[phase.name])
            values |= {name: best.values[name] for name in _names_of(phase) if name in best.values}
    return replace(foundation, values=values, sightings=tuple(scouts))
