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

from layerox.diffraction.parameters import slot_name
from layerox.diffraction.phase import Phase
from layerox.series.cell_interpolation import STRIDE, is_another, out_of_line
from layerox.series.common_parameters import SCOUTS, Foundation, Scout
from layerox.series.frame_checks import STRONG, Fit, support_of
from layerox.series.frames import Frame
from layerox.series.lookout import with_found
from layerox.series.phase_entry import GHOSTLY
from layerox.series.phase_presence import Rung
from layerox.series.segment import Segment
from layerox.series.sightings import own_names, scout_of, standing_on
from layerox.typing import FloatArray

# Intervals of the survey for each between two scouts.
FOR_EACH = 3


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
    certain, clearest = with_found(certain, sought, frames)
    segment = Segment(certain, in_strides=True)
    walked = segment.walked_from(clearest, frames)
    fits = {frame: d.fit for frame, d in zip(frames, walked, strict=True) if d.fit is not None and d.row.is_good}
    fits = _brought_home(segment, fits)
    scouts = [_scout_of(certain, fit) for fit in fits.values()]
    return standing_on(certain, scouts) if scouts else foundation


def _scout_of(foundation: Foundation, fit: Fit) -> Scout:
    return scout_of(foundation, fit.frame, fit.bench, fit.state, fit.minimum, fit.left)


def _brought_home(segment: Segment, fits: Mapping[Frame, Fit]) -> dict[Frame, Fit]:
    """Return the fits without phases whose cells are out of line with those of the frames beside them.

    They are refined once more from the cell that lies in line; what does not stay there was not there.
    """
    ordered = sorted(fits.values(), key=lambda fit: fit.frame)
    strays: dict[int, dict[int, FloatArray]] = {}
    for p in range(len(segment.setup.phases)):
        seen = [fit for fit in ordered if p in fit.state.present]
        line = [(fit.frame, _cell(fit, p), support_of(fit.bench, fit.minimum, p)) for fit in seen]
        for frame, home in out_of_line(line):
            strays.setdefault(frame, {})[p] = home
    return {frame: _put_right(segment, frame, fit, strays.get(fit.frame, {})) for frame, fit in fits.items()}


def _cell(fit: Fit, p: int) -> FloatArray:
    return fit.state.values[fit.bench.cell_places(p)]


def _put_right(segment: Segment, frame: Frame, fit: Fit, homes: Mapping[int, FloatArray]) -> Fit:
    """Return a frame refined with some phases from other cells, and without those of them that go away again."""
    if not homes:
        return fit
    values = fit.state.values.copy()
    for p, home in homes.items():
        values[fit.bench.cell_places(p)] = home
    again = segment.fitter.refined_from(frame, fit, replace(fit.state, values=values))
    stays = all(not is_another(_cell(again, p), home, STRIDE) for p, home in homes.items() if p in again.state.present)
    if again.fault or not stays:
        rungs = tuple(Rung.ABSENT if p in homes else rung for p, rung in enumerate(fit.state.rungs))
        again = segment.fitter.refined_from(frame, fit, replace(fit.state, rungs=rungs))
    return fit if again.fault else again


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
    own = {name for phase in phases.values() if phase.name not in seen for name in own_names(phase)}
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


def _is_ghost(scout: Scout, phase: Phase) -> bool:
    return any(scout.values[slot_name(phase, slot)] > most for slot, most in GHOSTLY.items())
