"""Unknown layered phase: identification beside a layered phase that is no candidate, such as a hydrate.

A strong phase without a structure makes the others look doubtful. If most of the lines that no candidate explains are
those of one layered cell (`layered_indexing`), they are left out and the phases are searched again in the rest.
"""

from __future__ import annotations

from collections.abc import Sequence

from layerox.diffraction.candidate_search import Candidate
from layerox.diffraction.identification import FoundPhases, find_phases
from layerox.diffraction.layered_indexing import is_basal, propose_cell
from layerox.diffraction.starting_values import peak_width
from layerox.diffraction.unexplained_peaks import UnexplainedPeak, unexplained_peaks
from layerox.instrument import Instrument
from layerox.pattern import Pattern
from layerox.radiation import Radiation

# Share of the unexplained lines' heights that a layered cell must explain, and the largest number of searches.
LAYERED_SHARE, MOST_SEARCHES = 0.5, 4
# Half of the region that is left out around a line, in widths of a peak.
LINE_WIDTHS = 3.0


def find_phases_beside_layered(
    data: Pattern, candidates: Sequence[Candidate], instrument: Instrument, beam: Radiation
) -> tuple[FoundPhases, tuple[UnexplainedPeak, ...]]:
    """Return the candidates that a pattern contains, and the lines that none explains, strongest first.

    Parameters
    ----------
    data, candidates, instrument, beam
        As for `find_phases`.
    """
    found = find_phases(data, candidates, instrument, beam)
    width = peak_width(data.two_theta, data.intensity)
    peaks = _unexplained(found, data, width, beam)
    left_out: tuple[UnexplainedPeak, ...] = ()
    for turn in range(MOST_SEARCHES - 1):
        own = _layered(peaks, basal=turn == 0)
        if not own or own == left_out:
            break
        reach, left_out = LINE_WIDTHS * width, own
        rest = data.exclude([(peak.two_theta - reach, peak.two_theta + reach) for peak in own])
        again = find_phases(rest, candidates, instrument, beam)
        if len(again.members) < len(found.members):
            break
        found = again
        peaks = _unexplained(found, data, width, beam)
    return found, peaks


def _layered(peaks: Sequence[UnexplainedPeak], *, basal: bool) -> tuple[UnexplainedPeak, ...]:
    """Return the lines of a layered cell, or its basal ones; none if the cell explains too little of all lines.

    Basal lines are the surest: other unknown lines often fit to some mesh.
    """
    cell = propose_cell(peaks)
    if cell is None or sum(p.height for p in cell.peaks) < LAYERED_SHARE * sum(p.height for p in peaks):
        return ()
    return tuple(peak for peak in cell.peaks if not basal or is_basal(peak.d, cell.spacing))


def _unexplained(found: FoundPhases, data: Pattern, width: float, beam: Radiation) -> tuple[UnexplainedPeak, ...]:
    """Return the lines of a whole pattern that a set does not explain, which was found perhaps without some of them."""
    calculated = found.model.on(data.two_theta).calculated(found.best.minimum.parameters.values)
    return unexplained_peaks(data.two_theta, data.intensity, calculated, data.sigma, width, beam)
