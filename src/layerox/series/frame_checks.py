"""Judgement: whether a refined frame can be believed, and whether a phase in it is what it says.

A phase that shows weakly is believed as long as it stays near the cell that it has elsewhere and its peaks are peaks.
Runs of residuals of one sign are misfit of the phases that are there; a phase must show more clearly than they do.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from layerox.diffraction.constraints import CELL_RANGE
from layerox.diffraction.least_squares import Minimum
from layerox.diffraction.parameters import slot_name
from layerox.diffraction.serial_correlation import serial_factor
from layerox.pattern import Pattern
from layerox.series.frame_model import Bench, State, View
from layerox.series.measured import Absence
from layerox.series.phase_entry import is_ghost
from layerox.series.phase_presence import LEFT, Rung

# Share of the peaks' intensity that may be left unexplained.
HOPELESS = 0.5
# A pattern whose highest point stands less than this many sigmas above its median shows no peaks.
NO_PEAKS = 6.0
# Largest step left to do, in standard uncertainties, with which a refinement counts as done.
NEARLY_THERE = 0.3
# Support from which on a phase is what it says whatever its cell does.
STRONG = 30.0


@dataclass(frozen=True, eq=False)
class Fit:
    """Where a frame ended.

    Attributes
    ----------
    frame
        Which.
    bench, state, view, minimum
        The model and the values; `state` has the rungs for the next frame.
    absences
        How well the frame excludes the phases that it does not show.
    left, gof, r_wp
        Share of unexplained intensity, goodness of fit, weighted profile R factor.
    fault
        Why it cannot be believed, "" if it can.
    is_jump
        The fault is only that it fits worse than the frames before.
    """

    frame: int
    bench: Bench
    state: State
    view: View
    minimum: Minimum
    absences: dict[str, Absence]
    left: float
    gof: float
    r_wp: float
    fault: str = ""
    is_jump: bool = False


def shows_peaks(pattern: Pattern) -> bool:
    """Whether a pattern has peaks that counting statistics alone cannot make."""
    top = int(np.argmax(pattern.intensity))
    return float(pattern.intensity[top] - np.median(pattern.intensity)) > NO_PEAKS * float(pattern.sigma[top])


def serial_of(pattern: Pattern, minimum: Minimum) -> float:
    """Return the factor by which runs of residuals of one sign make supports seem larger than they are."""
    return serial_factor((pattern.intensity - minimum.calculated.total) / pattern.sigma)


def support_of(bench: Bench, minimum: Minimum, p: int) -> float:
    """Return the scale of a phase over its standard uncertainty."""
    name = slot_name(bench.phases[p], "scale")
    esd = minimum.esd(name)
    if esd <= 0:
        # A scale that does not vary was given by the user: the phase is there because he says so.
        return np.inf if name not in minimum.parameters.free_names else 0.0
    return minimum.parameters.value(name) / esd


def fault_of(fit: Fit) -> str:
    """Return why a minimum is no result whatever came before, "" if it is one."""
    if all(support_of(fit.bench, fit.minimum, p) < LEFT[Rung.SCALE] for p in fit.state.present):
        return "shows none of the phases"
    if not has_settled(fit.minimum):
        return fit.minimum.reason or "did not converge"
    if fit.left > HOPELESS:
        return f"{100 * fit.left:.0f} % of the peaks' intensity is unexplained"
    bound = [fit.bench.phases[p].name for p in fit.state.present if ends_at_cell_bound(fit.bench, fit.minimum, p)]
    return f"the cell of {bound[0]} runs away, more than {100 * CELL_RANGE:.0f} % from where it began" if bound else ""


def has_settled(minimum: Minimum) -> bool:
    """Whether what a descent has left to do is small against the uncertainties, though its budget may be used up."""
    left = minimum.largest_shift
    return minimum.outcome == "converged" or (left is not None and left < NEARLY_THERE)


def runs_away(bench: Bench, state: State, minimum: Minimum, p: int) -> bool:
    """Whether a phase that is not strong explains something else than its own peaks."""
    if support_of(bench, minimum, p) >= STRONG:
        return False
    return is_ghost(bench, p, state.values) or ends_at_cell_bound(bench, minimum, p)


def ends_at_cell_bound(bench: Bench, minimum: Minimum, p: int) -> bool:
    """Whether a length or angle of a phase has gone as far as it may within one frame."""
    names = minimum.parameters.free_names
    cell = [name for name in (bench.table.names[k] for k in bench.cell_places(p)) if name in names]
    return any(minimum.at_bound[names.index(name)] for name in cell)
