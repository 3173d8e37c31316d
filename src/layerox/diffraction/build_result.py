"""Build result: the result of a fit from the outcome of a strategy.

It evaluates the minimum (values, standard uncertainties from the full covariance, statuses, figures of merit) and
refines nothing. The warnings are made in `diagnostics`.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from functools import cache
from importlib.metadata import version

import numpy as np

from layerox.diffraction import peaks as pk
from layerox.diffraction.agreement import agreement, unexplained_area
from layerox.diffraction.counting_noise import spikes
from layerox.diffraction.diagnostics import (
    alike_phase_warnings,
    result_warnings,
    sensitivity_warnings,
    unexplained_peak_warnings,
    unsupported_phase_warnings,
)
from layerox.diffraction.disordered.warnings import stacking_warnings
from layerox.diffraction.fit_status import fit_status
from layerox.diffraction.linear_response import LinearResponse
from layerox.diffraction.measured_phase import measured_phase_warnings
from layerox.diffraction.minimum import Data, Minimum
from layerox.diffraction.minimum_reader import MinimumReader
from layerox.diffraction.model import Model, instrument_at
from layerox.diffraction.model_setup import Outcome
from layerox.diffraction.model_uncertainty import ModelUncertainty, model_uncertainty
from layerox.diffraction.parameters import INVERSE_SIZE, public_name, slot_name
from layerox.diffraction.quantification import NO_QUANTIFICATION, Quantification
from layerox.diffraction.refined_quantities import (
    Correlation,
    RefinedPhase,
    RefinementStatus,
)
from layerox.diffraction.refinement import Refinement
from layerox.diffraction.sensitivity import sensitivities
from layerox.diffraction.unexplained_peaks import typical_width, unexplained_peaks
from layerox.instrument import Instrument
from layerox.pattern import Pattern
from layerox.refined import Refined
from layerox.typing import FloatArray

WORTH_LISTING = 0.5


def build_result(
    outcome: Outcome,
    pattern: Pattern,
    instrument: Instrument,
    cpu_s: float,
    recipe: Mapping[str, object] | None = None,
    quantification: Quantification = NO_QUANTIFICATION,
) -> Refinement:
    """Return the result of a fit.

    Parameters
    ----------
    outcome
        Of the strategy.
    pattern
        The data.
    instrument
        The diffractometer before the fit.
    cpu_s
        CPU time of the fit, seconds.
    recipe
        Of the result.
    quantification
        The user's information on specimen and standards.
    """
    reader = MinimumReader(outcome, pattern, quantification)
    model, minimum = outcome.model, outcome.minimum
    calculated = minimum.calculated
    figures = agreement(pattern.intensity, calculated.total, 1.0 / pattern.sigma, len(minimum.parameters.free_names))
    parameters = tuple(reader.parameter(name) for name in minimum.parameters.names)
    phases = tuple(reader.phase(index) for index in range(len(model.phases)))
    names, covariance = _public_covariance(minimum)
    correlations = _correlations(names, covariance, WORTH_LISTING)
    scales = [minimum.parameters.values[block.start + pk.SCALE] for block in model.phase_blocks]
    width = typical_width(pattern.two_theta, pattern.intensity, calculated, scales)
    kept = np.ones(len(pattern), dtype=bool)
    kept[spikes((pattern.intensity - calculated.total) / pattern.sigma)] = False
    left = unexplained_area(
        pattern.intensity[kept],
        calculated.total[kept],
        calculated.background[kept],
        pattern.sigma[kept],
        round(1.5 * width / float(np.median(np.diff(pattern.two_theta)))),
    )
    linear = _linear_response(model, minimum, pattern)
    accuracy = None if linear is None else _accuracy(linear, reader, outcome, quantification)
    phases = phases if accuracy is None else tuple(_with_accuracy(phase, accuracy) for phase in phases)
    usable, why = fit_status(outcome, phases, pattern, left, accuracy)
    status: RefinementStatus = minimum.outcome if usable == "converged" else usable
    reason = "; ".join(text for text in (why, minimum.reason) if text) or None
    peaks = unexplained_peaks(pattern.two_theta, pattern.intensity, calculated, pattern.sigma, width, model.radiation)
    sensitive = () if linear is None else sensitivities(linear)
    groups = tuple(reader.group(alike) for alike in outcome.alike)
    return Refinement(
        status=status,
        reason=reason,
        pattern=pattern,
        radiation=model.radiation,
        instrument=_refined_instrument(instrument, minimum),
        agreement=figures,
        phases=phases,
        parameters=parameters,
        correlations=tuple(correlations),
        free_names=tuple(names),
        covariance=covariance,
        calculated=calculated.total,
        background=calculated.background,
        contributions=calculated.phases,
        steps=outcome.steps,
        warnings=(
            *result_warnings(outcome, pattern, instrument, parameters, correlations, figures.durbin_watson, left),
            *unsupported_phase_warnings(phases),
            *alike_phase_warnings(groups),
            *unexplained_peak_warnings(peaks, model, minimum),
            *sensitivity_warnings(sensitive),
            *stacking_warnings(phases),
            *measured_phase_warnings(model.phase_models, model.limits),
            *reader.found.warnings,
        ),
        cpu_s=cpu_s,
        version=_version(),
        recipe=recipe,
        largest_shift=minimum.largest_shift,
        absolute=reader.found.absolute,
        groups=groups,
        unexplained=peaks,
        sensitivity=sensitive,
        uncertainty_parts={} if accuracy is None else accuracy.parts,
        priors=() if accuracy is None else accuracy.priors,
        penalty=minimum.penalty,
        model_comparisons=outcome.comparisons,
    )


@cache
def _version() -> str:
    """Return the version of this package, which is looked up in its files once."""
    return version("layerox")


def _linear_response(model: Model, minimum: Minimum, pattern: Pattern) -> LinearResponse | None:
    """Return the model linearised at its minimum; None without a phase that has a weight fraction."""
    scales = [minimum.parameters.value(slot_name(phase, "scale")) for phase in model.phases if phase.is_weighed]
    if not any(scale > 0 for scale in scales):
        return None
    return LinearResponse(model, minimum, Data(pattern.intensity, 1.0 / pattern.sigma))


def _accuracy(
    linear: LinearResponse, reader: MinimumReader, outcome: Outcome, quantification: Quantification
) -> ModelUncertainty:
    return model_uncertainty(linear, outcome.priors, reader.found, quantification)


def _with_accuracy(phase: RefinedPhase, accuracy: ModelUncertainty) -> RefinedPhase:
    """Return a phase whose weight fraction has its `esd_model`; only refined fractions have one."""
    number = phase.weight_fraction
    if number.status != "free":
        return phase
    return replace(phase, weight_fraction=Refined(number, number.esd, number.status, accuracy.esd_model[phase.name]))


def _refined_instrument(instrument: Instrument, minimum: Minimum) -> Instrument:
    value = minimum.parameters.value
    zero, displacement = value("instrument_zero"), value("instrument_displacement")
    return replace(instrument_at(instrument, value), zero=zero, displacement_mm=displacement)


def _public_covariance(minimum: Minimum) -> tuple[list[str], FloatArray]:
    """Return the public names of the variables and their covariance: of sizes, not of inverse sizes.

    An infinite size, at its bound, has none.
    """
    names, values = minimum.parameters.free_names, minimum.parameters.values[minimum.parameters.free_indices]
    slopes = np.array([_by_inverse(v) if n.endswith(INVERSE_SIZE) else 1.0 for n, v in zip(names, values, strict=True)])
    return [public_name(name) for name in names], minimum.covariance * np.outer(slopes, slopes)


def _by_inverse(inverse: float) -> float:
    """Return the derivative of a size with respect to its inverse."""
    return -1.0 / inverse**2 if inverse > 0.0 else 0.0


def _correlations(names: list[str], covariance: FloatArray, least: float) -> list[Correlation]:
    """Return the correlations of pairs of variables from a least size on, strongest first."""
    esds = np.sqrt(np.maximum(np.diag(covariance), 1e-300))
    matrix = covariance / np.outer(esds, esds)
    pairs = np.argwhere(np.triu(np.abs(matrix) >= least, 1)).tolist()
    found = [Correlation(a=names[i], b=names[j], value=float(matrix[i, j])) for i, j in pairs]
    return sorted(found, key=lambda c: -abs(c.value))
