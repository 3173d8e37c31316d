"""Diagnostics: the warnings of a result: assumptions, doubtful data, unsupported and alike phases, unexplained peaks.

Each is a `Notice` with a code. Whether a fit can be used at all is decided in `fit_status`.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from layerox.diffraction.counting_noise import flat_tops, noise_over_sigma, spikes
from layerox.diffraction.detection_limit import CONFIDENCE
from layerox.diffraction.intensity_extraction import is_extracted
from layerox.diffraction.measurement_priors import POSITION_WIDTHS
from layerox.diffraction.minimum import Minimum
from layerox.diffraction.model import Model
from layerox.diffraction.model_setup import Outcome
from layerox.diffraction.normal_equations import undetermined
from layerox.diffraction.parameters import INVERSE_SIZE, public_name, slot_name
from layerox.diffraction.refined_quantities import AlikeGroup, Correlation, RefinedParameter, RefinedPhase
from layerox.diffraction.result_display import percent_text
from layerox.diffraction.scattering_factors import has_ion
from layerox.diffraction.sensitivity import NOTABLE_CHANGE, Sensitivity
from layerox.diffraction.unexplained_peaks import UnexplainedPeak, stray_lines
from layerox.instrument import DEFAULT_RADIUS_MM, GEOMETRIES, Instrument
from layerox.notices import Notice
from layerox.pattern import Pattern, poisson_sigma
from layerox.refined import with_esd
from layerox.symmetry import CELL_NAMES
from layerox.typing import FloatArray

TOO_CORRELATED = 0.9
# Standard uncertainty of the zero over its prior below which the data distinguish it from a displacement.
DISTINGUISHED = 0.3
SERIAL = 1.0
# Unexplained share of the peaks' intensity above which there is a warning.
LEFT_OUT = 0.05
# Number of peaks and effects in one warning; number of the strongest reflections that are tested for other lines.
MOST_NAMED, STRONGEST = 5, 6
# Ratio of the noise to the uncertainties of the points above which there is a warning.
NOISE_OFF = 1.7


def result_warnings(
    outcome: Outcome,
    pattern: Pattern,
    instrument: Instrument,
    parameters: Sequence[RefinedParameter],
    correlations: Sequence[Correlation],
    durbin_watson: float,
    left: float,
) -> list[Notice]:
    """Return the general warnings of a result.

    Parameters
    ----------
    outcome, pattern, instrument
        The outcome of the strategy, the data, and the diffractometer before the fit.
    parameters, correlations
        Of the result; correlations from `WORTH_LISTING` on.
    durbin_watson, left
        Serial correlation of the residuals, and the share of the peaks' intensity that is unexplained.
    """
    model = outcome.model
    return [
        *_pattern_warnings(pattern),
        *_counting(pattern, outcome.minimum),
        *_phase_warnings(model),
        *_assumptions(model, outcome.minimum, pattern, instrument),
        *(Notice("at_bound", f"{p.name} ends at its bound, {p.number:.4g}") for p in parameters
          if p.number.status == "at_bound"),
        *_positions_and_correlations(parameters, correlations),
        *_serial_correlation(durbin_watson),
        *_unexplained(left),
        *_extracted(model),
        *_undetermined(outcome.minimum),
        *outcome.warnings,
    ]  # fmt: skip


def unsupported_phase_warnings(phases: Sequence[RefinedPhase]) -> list[Notice]:
    """Return a warning for each unsupported phase, with its detection limit."""
    return [Notice("unsupported_phase", _absence(phase)) for phase in phases
            if phase.weight_fraction.status == "unsupported"]  # fmt: skip


def alike_phase_warnings(groups: Sequence[AlikeGroup]) -> list[Notice]:
    """Return a warning for each group of phases that the pattern does not distinguish."""
    return [Notice("alike", _indistinct(group)) for group in groups]


def _indistinct(group: AlikeGroup) -> str:
    names = f"{', '.join(group.members[:-1])} and {group.members[-1]}"
    together = percent_text(group.weight_fraction)
    text = f"this pattern does not distinguish {names}, {together} wt% together"
    if group.reach is None:
        return (
            f"{text}: exchanged, chi-squared changes by {group.change:.1f}, less than {group.threshold:.0f}; "
            f"{group.members[0]} is shown for them"
        )
    least, _ = group.ranges[group.members[0]]
    others = " and ".join(group.members[1:])
    return (
        f"{text}: it leaves open how their weight is divided: {others} may have 0 to {100 * group.reach:.2g} wt% and "
        f"{group.members[0]} {100 * least:.2g} wt% or more (chi-squared within {group.threshold:.0f} of its lowest); "
        f"{group.members[0]} is shown for them"
    )


def unexplained_peak_warnings(peaks: Sequence[UnexplainedPeak], model: Model, minimum: Minimum) -> list[Notice]:
    """Return warnings for the strongest unexplained peaks, and for those at other emission lines of the tube."""
    if not peaks:
        return []
    notices = [Notice("unexplained_peaks", f"unexplained peaks at {', '.join(map(str, peaks[:MOST_NAMED]))}")]
    for name, own in stray_lines(peaks, _strongest_spacings(model, minimum), model.radiation).items():
        places = ", ".join(f"{peak.two_theta:.2f}" for peak in own)
        message = f"unexplained peaks are where {name} radiation gives the strongest reflections: {places} degrees"
        notices.append(Notice("stray_radiation", message))
    return notices


def _strongest_spacings(model: Model, minimum: Minimum) -> list[float]:
    """Return the spacings (angstrom) of the strongest reflections of all phases."""
    rows = []
    for k, (phase, peaks) in enumerate(zip(model.phases, minimum.calculated.peaks, strict=True)):
        scale = minimum.parameters.value(slot_name(phase, "scale"))
        area = scale * peaks.listed.table[3]
        rows += [(float(area[i]), k, float(peaks.q[peaks.listed.owner[i]])) for i in np.argsort(-area)[:STRONGEST]]
    return [1.0 / float(np.sqrt(q)) for _, _, q in sorted(rows, reverse=True)[:STRONGEST]]


def sensitivity_warnings(found: Sequence[Sensitivity]) -> list[Notice]:
    """Return warnings for effects outside the model that the residuals indicate, largest changes first."""
    rows = [row for row in found if row.is_indicated and row.largest_change > NOTABLE_CHANGE]
    return [
        Notice(row.cause, _indicated(row)) for row in sorted(rows, key=lambda row: -row.largest_change)[:MOST_NAMED]
    ]


def _indicated(row: Sensitivity) -> str:
    amount = with_esd(row.found or 0.0, row.esd or 0.0)
    changes = ", ".join(
        f"{name} {100 * change * (row.found or 0.0):+.1f}" for name, change in row.changes.items() if change
    )
    return f"the residuals indicate {amount} times {row.unit}: it would change the fitted fractions by {changes} wt%"


def _absence(phase: RefinedPhase) -> str:
    message = f"the data do not show {phase.name}: its scale is {phase.support_sigma:.1f} standard uncertainties"
    if phase.detection_limit is None:
        return message
    least, confidence = f"{100 * phase.detection_limit:.2g} wt%", f"{100 * CONFIDENCE:.0f} % confidence (Currie)"
    return f"{message}; {least} of it would be detected with {confidence}, if its cell and its widths are as given"


def _pattern_warnings(pattern: Pattern) -> list[Notice]:
    notices = pattern.metadata.get("warnings", ())
    return [notice for notice in notices if isinstance(notice, Notice)] if isinstance(notices, tuple) else []


def _counting(pattern: Pattern, minimum: Minimum) -> list[Notice]:
    """Return warnings about the points: saturated peaks, spikes, uncertainties that differ from the noise."""
    residuals = (pattern.intensity - minimum.calculated.total) / pattern.sigma
    return [*_saturated(pattern), *_spikes(pattern, residuals), *_noise(residuals)]


def _saturated(pattern: Pattern) -> list[Notice]:
    count, top = flat_tops(pattern.intensity)
    if not count:
        return []
    message = f"{count} points in a row or more are at {top:.6g}, the highest intensity: the detector is saturated"
    return [Notice("saturated", message + "; exclude these peaks or measure with less intensity")]


def _spikes(pattern: Pattern, residuals: FloatArray) -> list[Notice]:
    found = spikes(residuals)
    if not found.size:
        return []
    places = ", ".join(f"{angle:.2f}" for angle in pattern.two_theta[found[:MOST_NAMED]])
    message = f"{found.size} single points are far above their neighbours, as at {places} degrees: exclude them"
    return [Notice("spikes", message)]


def _noise(residuals: FloatArray) -> list[Notice]:
    ratio = noise_over_sigma(residuals)
    if ratio < 1.0 / NOISE_OFF:
        message = (
            f"neighbouring points scatter by {ratio:.2g} times their uncertainties only: these are too large, or the"
        )
        return [Notice("sigma_too_large", f"{message} data were smoothed; all esds are wrong by as much")]
    if ratio > NOISE_OFF:
        message = f"neighbouring points scatter by {ratio:.2g} times their uncertainties: these are too small"
        return [Notice("sigma_too_small", f"{message}; the esds are corrected by the goodness of fit only")]
    return []


def _phase_warnings(model: Model) -> list[Notice]:
    notices = [Notice(r.code, f"{phase.name}: {r.message}") for phase in model.phases for r in phase.crystal.warnings]
    if model.radiation.kind == "xray":
        for phase in model.phases:
            ions = {s.species for s in phase.crystal.sites if s.charge and not has_ion(s.element, s.charge)}
            if ions:
                message = f"{phase.name}: no form factor for {', '.join(sorted(ions))}; the neutral atom's is used"
                notices.append(Notice("neutral_form_factor", message))
    return notices


def _assumptions(model: Model, minimum: Minimum, pattern: Pattern, instrument: Instrument) -> list[Notice]:
    notices = []
    if pattern.sigma_source == "poisson":
        message = "the uncertainties of the data are those of counting statistics, sqrt(max(counts, 1))"
        if not np.array_equal(pattern.sigma, poisson_sigma(pattern.intensity)):
            message += ", below 30 counts of the mean of the neighbouring points, whose weights do not follow the noise"
        notices.append(Notice("poisson_sigma", message))
    if model.radiation.polarization is None and model.radiation.kind == "xray":
        message = "an unpolarised beam without monochromator is assumed (polarization 0.5)"
        keys = ("diffracted_monochromator", "incident_monochromator", "monochromator")
        if described := next((text for key in keys if (text := pattern.metadata.get(key))), None):
            message += f", though the file names {str(described)!r}: give its two-theta"
        elif model.radiation.is_synchrotron:
            message += "; that of a synchrotron is nearer to 0.95: give it"
        notices.append(Notice("polarization_assumed", message))
    if model.radiation.is_synchrotron and instrument.geometry == GEOMETRIES[0]:
        message = (
            f"Bragg-Brentano geometry was taken for a beam of {model.radiation.wavelength:.6g} A, which no tube emits: "
            "a capillary's is debye-scherrer"
        )
        notices.append(Notice("geometry_assumed", message))
    if (
        instrument.displacement_mm != minimum.parameters.value("instrument_displacement")
        and instrument.radius_mm == DEFAULT_RADIUS_MM
    ):
        message = f"the displacement is that on a goniometer radius of {DEFAULT_RADIUS_MM:g} mm, the default"
        notices.append(Notice("radius_assumed", message))
    widths = [name for name in minimum.parameters.free_names if name.endswith((INVERSE_SIZE, "_microstrain"))]
    if instrument.profile is None and widths:
        message = "no calibrated profile is given: sizes and microstrains include the broadening of the diffractometer"
        notices.append(Notice("instrument_uncalibrated", message))
    return notices


def _positions_and_correlations(
    parameters: Sequence[RefinedParameter], correlations: Sequence[Correlation]
) -> list[Notice]:
    """Return warnings about correlations; if zero and displacement vary, those with the cells need no extra warning."""
    free = {p.name for p in parameters if p.number.status == "free"}
    errors = {"instrument_zero", "instrument_displacement"}
    cells = {name for name in free if name.endswith(tuple(f"_{cell}" for cell in CELL_NAMES))}
    if not (errors <= free and cells):
        return _strong_correlations(correlations)
    zero = next(p.number for p in parameters if p.name == "instrument_zero")
    if zero.esd < DISTINGUISHED * POSITION_WIDTHS["instrument_zero"]:
        return _strong_correlations([c for c in correlations if not {c.a, c.b} <= errors | cells])
    message = "a zero error and a displaced specimen are not distinguished: the esds of the cells include this"
    others = [c for c in correlations if not {c.a, c.b} <= errors | cells]
    return [Notice("position_ambiguous", f"{message}; calibrate the zero"), *_strong_correlations(others)]


def _strong_correlations(correlations: Sequence[Correlation]) -> list[Notice]:
    strong = [c for c in correlations if abs(c.value) > TOO_CORRELATED and "background_" not in c.a + c.b]
    if not strong:
        return []
    pairs = ", ".join(f"{c.a} and {c.b} ({c.value:.2f})" for c in strong)
    return [Notice("strong_correlation", f"correlations above {TOO_CORRELATED:g}: {pairs}")]


def _undetermined(minimum: Minimum) -> list[Notice]:
    """Return a warning for each group of variables of which the pattern determines only a combination."""
    inside = np.flatnonzero(~minimum.at_bound)
    names = [public_name(minimum.parameters.free_names[k]) for k in inside]
    groups = undetermined(minimum.normal_matrix[np.ix_(inside, inside)], names)
    return [Notice("undetermined", f"this pattern does not determine {' and '.join(group)}") for group in groups]


def _extracted(model: Model) -> list[Notice]:
    names = [phase.name for phase in model.phases if is_extracted(phase)]
    if not names:
        return []
    message = f"the intensities of {', '.join(names)} are extracted from the data: no fraction follows from them"
    rest = "" if len(names) == len(model.phases) else "; the fractions given are of the other phases among themselves"
    return [Notice("extracted_intensities", message + rest)]


def _unexplained(left: float) -> list[Notice]:
    if left < LEFT_OUT:
        return []
    message = f"{100 * left:.0f} % of the peaks' intensity is unexplained"
    return [Notice("unexplained_intensity", f"{message}: fractions and cells describe the explained part only")]


def _serial_correlation(durbin_watson: float) -> list[Notice]:
    if durbin_watson >= SERIAL:
        return []
    message = (
        f"the residuals are serially correlated (Durbin-Watson {durbin_watson:.2f}): the true errors exceed the esds"
    )
    return [Notice("serial_correlation", message)]
