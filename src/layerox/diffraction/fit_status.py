"""Fit status: whether a minimum is a usable fit, and the reason if it is not.

A converged descent can be a wrong fit. The criteria are not R_wp or gof, which depend on counting time and background,
but: the strongest lines of each phase are at their calculated positions and have about their calculated areas; most of
the intensity is explained; each weight fraction is determined.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from layerox.diffraction import peaks as pk
from layerox.diffraction.constraints import ANGLE_RANGE, CELL_RANGE
from layerox.diffraction.disordered.phase import DisorderedPhase
from layerox.diffraction.intensity_extraction import is_extracted
from layerox.diffraction.minimum import Minimum
from layerox.diffraction.model_setup import Outcome
from layerox.diffraction.model_uncertainty import ModelUncertainty
from layerox.diffraction.parameters import slot_name
from layerox.diffraction.refined_quantities import RefinedPhase, RefinementStatus
from layerox.diffraction.unexplained_peaks import widths
from layerox.pattern import Pattern
from layerox.symmetry import CELL_NAMES
from layerox.typing import FloatArray

# Unexplained share of the peaks' intensity above which a fit has failed, and above which it is not usable.
NOT_A_MODEL, TOO_MUCH_LEFT = 0.5, 0.15
# Standard uncertainty above which a weight fraction is not determined.
UNDETERMINED_FRACTION = 0.2
# March coefficient below which the orientation is so strong that the amount is not determined.
MOST_ORIENTED = 0.14
# Largest displacement of a mounted specimen, mm.
LARGEST_DISPLACEMENT = 1.2
# Number of lines of each phase that are compared; least share of the phase in the intensity of the line's window.
LINES, OWN_SHARE = 5, 0.6
# Largest distance from the calculated position, in full widths, and largest calculated over observed area.
MOST_OFFSET, MOST_RATIO = 0.5, 2.0
# Half the window of a line in full widths; range of offsets; standard uncertainties by which a limit is exceeded.
WINDOW, REACH, CERTAIN = 1.5, 1.5, 4.0
# Least share of the compared intensity of a phase that is at fault.
AT_FAULT = 0.5


def fit_status(
    outcome: Outcome,
    phases: Sequence[RefinedPhase],
    pattern: Pattern,
    left: float,
    accuracy: ModelUncertainty | None = None,
) -> tuple[RefinementStatus, str]:
    """Return status and reason of a minimum; "converged" and "" for a usable fit.

    Parameters
    ----------
    outcome, pattern
        The outcome of the strategy, and the data.
    phases
        The phases of the result.
    left
        Share of the peaks' intensity that is unexplained.
    accuracy
        Of the weight fractions, if it is known.
    """
    if not any(phase.is_supported for phase in phases):
        return "failed", "the data support none of the phases"
    if left > NOT_A_MODEL:
        reason = f"{100 * left:.0f} % of the peaks' intensity is unexplained: a phase is missing, or a cell is wrong"
        return "failed", reason
    reasons = [
        *_left_over(left),
        *(fault for k in _supported(phases) for fault in _lines_at_fault(outcome, pattern, k)),
        *(fault for phase in phases for fault in _undetermined(phase, accuracy)),
        *_too_oriented([phase for phase in phases if phase.is_supported]),
        *([outcome.doubt] if outcome.doubt else []),
        *_displaced(outcome.minimum),
        *(fault for k in _supported(phases) for fault in _cell_at_limit(outcome, k)),
    ]
    return ("not_converged", "; ".join(reasons)) if reasons else ("converged", "")


def _supported(phases: Sequence[RefinedPhase]) -> list[int]:
    return [k for k, phase in enumerate(phases) if phase.is_supported]


def _left_over(left: float) -> list[str]:
    if left < TOO_MUCH_LEFT:
        return []
    return [f"{100 * left:.0f} % of the peaks' intensity is unexplained: a phase is missing, or a structure is wrong"]


def _undetermined(phase: RefinedPhase, accuracy: ModelUncertainty | None) -> list[str]:
    fraction = phase.weight_fraction
    esd = fraction.esd
    if accuracy is not None and fraction.esd_model is not None:
        esd = max(esd, accuracy.of_the_pattern(phase.name))
    if fraction.status != "free" or not esd > UNDETERMINED_FRACTION:
        return []
    return [f"the weight fraction of {phase.name} is undetermined: {100 * fraction:.0f} +- {100 * esd:.2g} %"]


def _too_oriented(phases: Sequence[RefinedPhase]) -> list[str]:
    """Return the reasons of phases with an extreme texture, whose amounts are then not determined."""
    rows = [(phase, float(phase.preferred_orientation)) for phase in phases] if len(phases) > 1 else []
    return [
        f"a March coefficient of {r:.2g} leaves the weight fraction of {phase.name} undetermined"
        for phase, r in rows
        if phase.weight_fraction.status == "free" and not MOST_ORIENTED < r < 1.0 / MOST_ORIENTED
    ]


def _displaced(minimum: Minimum) -> list[str]:
    name = "instrument_displacement"
    value, esd = minimum.parameters.value(name), minimum.esd(name)
    if name not in minimum.parameters.free_names or abs(value) < LARGEST_DISPLACEMENT + CERTAIN * esd:
        return []
    return [f"the displacement is {value:.2f} mm, more than a mounted specimen has: cells or structures are wrong"]


def _cell_at_limit(outcome: Outcome, index: int) -> list[str]:
    """Return the reason of a phase whose cell ends at the limit of its range; the user's own bounds are no reason."""
    phase, table, free = outcome.model.phases[index], outcome.minimum.parameters, outcome.minimum.parameters.free_names
    for given, slot in zip(phase.crystal.cell, CELL_NAMES, strict=True):
        name = slot_name(phase, slot)
        half = CELL_RANGE * given if slot in CELL_NAMES[:3] else ANGLE_RANGE
        if name not in free or not outcome.minimum.at_bound[free.index(name)]:
            continue
        if abs(abs(table.value(name) - given) - half) < 1e-6 * given:
            return [f"the cell of {phase.name} ends at the limit of its range, {slot} = {table.value(name):.4g}"]
    return []


def _lines_at_fault(outcome: Outcome, pattern: Pattern, index: int) -> list[str]:
    """Return why the strongest lines of a phase do not match the pattern, [] if they do."""
    phase = outcome.model.phases[index]
    if is_extracted(phase) or isinstance(phase, DisorderedPhase):
        return []
    lines = strongest_lines(outcome, pattern, index)
    compared = sum(line.area for line in lines)
    missed = [line for line in lines if line.is_missed]
    unequal = [line for line in lines if line.is_unequal and not line.is_missed]
    name = outcome.model.phases[index].name
    faults = []
    if sum(line.area for line in missed) > AT_FAULT * compared:
        places = ", ".join(f"{line.two_theta:.2f} ({line.offset:+.2f})" for line in missed)
        faults.append(f"the strongest lines of {name} are missed by more than half their width, degrees: {places}")
    if sum(line.area for line in unequal) > AT_FAULT * compared:
        places = ", ".join(f"{line.two_theta:.2f} ({line.ratio:.2g})" for line in unequal)
        faults.append(f"calculated over observed area of the strongest lines of {name} is outside 0.5 to 2: {places}")
    return faults


@dataclass(frozen=True, kw_only=True)
class StrongLine:
    """A strong line of a phase, compared with the pattern minus all other contributions.

    Attributes
    ----------
    two_theta, width, area
        Calculated position, full width at half maximum (degrees) and area.
    offset
        Observed minus calculated position, degrees; 0 unless the difference is significant.
    observed, esd
        Observed area over the calculated one, and its standard uncertainty.
    """

    two_theta: float
    width: float
    area: float
    offset: float
    observed: float
    esd: float

    @property
    def is_missed(self) -> bool:
        """Whether it is observed more than half its width from its calculated position."""
        return abs(self.offset) > MOST_OFFSET * self.width

    @property
    def is_unequal(self) -> bool:
        """Whether calculated over observed area is significantly outside 0.5 to 2."""
        margin = CERTAIN * self.esd
        return self.observed - margin > MOST_RATIO or self.observed + margin < 1.0 / MOST_RATIO

    @property
    def ratio(self) -> float:
        """Calculated over observed area; inf if nothing is observed."""
        return 1.0 / self.observed if self.observed > 0 else float("inf")


def strongest_lines(outcome: Outcome, pattern: Pattern, index: int) -> list[StrongLine]:
    """Return the strongest lines of a phase without overlap by other phases, strongest first."""
    model, minimum = outcome.model, outcome.minimum
    calculated = minimum.calculated
    scales = [minimum.parameters.values[block.start + pk.SCALE] for block in model.phase_blocks]
    alone = [scale if k == index else 0.0 for k, scale in enumerate(scales)]
    position, width, area = widths(calculated, alone)
    own = calculated.phases[index]
    rest = pattern.intensity - (calculated.total - own)
    peaks_total = calculated.phases.sum(axis=0)
    spread = float(np.sqrt(max(minimum.reduced_chi_squared, 1.0)))
    low, high = pattern.range
    narrowest = 2.0 * float(np.median(np.diff(pattern.two_theta)))
    lines: list[StrongLine] = []
    for k in np.argsort(-area):
        if len(lines) == LINES or area[k] < 0.05 * area.max(initial=0.0):
            break
        place, full = float(position[k]), max(float(width[k]), narrowest)
        if not low + full < place < high - full or any(abs(place - x.two_theta) < WINDOW * full for x in lines):
            continue
        window = slice(*np.searchsorted(pattern.two_theta, (place - WINDOW * full, place + WINDOW * full)))
        if own[window].sum() < OWN_SHARE * peaks_total[window].sum() or window.stop - window.start < 3:
            continue
        lines.append(_compared(pattern, own, rest, window, spread, (place, full, float(area[k]))))
    return lines


def _compared(
    pattern: Pattern,
    own: FloatArray,
    rest: FloatArray,
    window: slice,
    spread: float,
    line: tuple[float, float, float],
) -> StrongLine:
    """Return a line with its observed area and position in a window."""
    place, full, area = line
    x, weight = pattern.two_theta[window], 1.0 / (spread * pattern.sigma[window]) ** 2
    offsets = full * np.linspace(-REACH, REACH, 25)
    curves = np.interp(x - offsets[:, None], pattern.two_theta, own)
    power = np.maximum((curves**2) @ weight, 1e-300)
    overlap = curves @ (weight * rest[window])
    gains = np.maximum(overlap, 0.0) ** 2 / power
    best, here = int(np.argmax(gains)), len(offsets) // 2
    offset = float(offsets[best]) if gains[best] - gains[here] > CERTAIN**2 else 0.0
    observed, esd = float(overlap[here] / power[here]), float(1.0 / np.sqrt(power[here]))
    return StrongLine(two_theta=place, width=full, area=area, offset=offset, observed=observed, esd=esd)
