"""Conclusion: what a minimum says about a specimen: values, uncertainties, status, warnings, each computed when read.

It evaluates the minimum (values, standard uncertainties from the full covariance, statuses, figures of merit) and
refines nothing. A descent takes a tenth of the time of all of this, and a loop over patterns reads little of it. The
warnings are made in `diagnostics`; `refinement.Refinement` is the result that a user reads.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from functools import cache, cached_property
from importlib.metadata import version
from threading import RLock

import numpy as np

from layerox.computing.threads import one_blas_thread
from layerox.diffraction import peaks as pk
from layerox.diffraction.absolute_fractions import AbsoluteFractions
from layerox.diffraction.agreement import Agreement, agreement, unexplained_area
from layerox.diffraction.counting_noise import spikes
from layerox.diffraction.diagnostics import (
    alike_phase_warnings,
    result_warnings,
    sensitivity_warnings,
    unexplained_peak_warnings,
    unsupported_phase_warnings,
)
from layerox.diffraction.disordered.phase import DisorderedPhase
from layerox.diffraction.disordered.warnings import stacking_warnings
from layerox.diffraction.fit_status import fit_status
from layerox.diffraction.linear_response import LinearResponse
from layerox.diffraction.measured_phase import measured_phase_warnings
from layerox.diffraction.minimum import Data
from layerox.diffraction.minimum_reader import MinimumReader
from layerox.diffraction.model import instrument_at
from layerox.diffraction.model_setup import Outcome
from layerox.diffraction.model_uncertainty import ModelUncertainty, PriorQuantity, carried_priors, model_uncertainty
from layerox.diffraction.parameters import INVERSE_SIZE, public_name, slot_name
from layerox.diffraction.prior_settings import PriorSetting
from layerox.diffraction.quantification import Quantification
from layerox.diffraction.refined_quantities import (
    AlikeGroup,
    Correlation,
    ModelComparison,
    PhaseValues,
    RefinedParameter,
    RefinedPhase,
    RefinementStatus,
)
from layerox.diffraction.refinement_steps import RefinementStep
from layerox.diffraction.sensitivity import Sensitivity, sensitivities
from layerox.diffraction.unexplained_peaks import UnexplainedPeak, typical_width, unexplained_peaks
from layerox.instrument import Instrument
from layerox.notices import Notice
from layerox.pattern import Pattern
from layerox.radiation import Radiation
from layerox.refined import Refined
from layerox.typing import FloatArray

WORTH_LISTING = 0.5


@dataclass(frozen=True, kw_only=True, eq=False)
class StartingValues:
    """What another refinement takes from a result, in the order of its phases.

    Attributes
    ----------
    phases
        Their refined values.
    is_supported
        Whether the pattern supports each of them.
    priors
        By name of the quantities with a prior: its setting if it is refined, else None.
    """

    phases: tuple[PhaseValues, ...]
    is_supported: tuple[bool, ...]
    priors: Mapping[str, PriorSetting | None]


class Conclusion:
    """The fields of a result, see `Refinement`; one member for each of them.

    Parameters
    ----------
    outcome
        Of the strategy; nothing may change its model and its minimum afterwards.
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

    def __init__(
        self,
        outcome: Outcome,
        pattern: Pattern,
        instrument: Instrument,
        cpu_s: float,
        recipe: Mapping[str, object] | None,
        quantification: Quantification,
    ):
        self.outcome, self.model, self.minimum = outcome, outcome.model, outcome.minimum
        self.pattern, self.cpu_s, self.recipe = pattern, cpu_s, recipe
        self.given_instrument, self.quantification = instrument, quantification
        self.radiation: Radiation = outcome.model.radiation
        self.steps: tuple[RefinementStep, ...] = outcome.steps
        self.penalty: float = outcome.minimum.penalty
        self.model_comparisons: tuple[ModelComparison, ...] = outcome.comparisons
        self.version = _version()
        self.model.release()
        self._lock = RLock()

    def read(self, name: str) -> object:
        """Return a field of the result, as in the fit itself: with one thread, and by one caller at a time."""
        with one_blas_thread(), self._lock:
            return getattr(self, name)

    def starting_values(self) -> StartingValues:
        """Return what another refinement starts from; most of what takes time is not needed for it."""
        with one_blas_thread(), self._lock:
            reader, count = self.reader, range(len(self.model.phases))
            disordered = [isinstance(phase, DisorderedPhase) for phase in self.model.phases]
            carried = carried_priors(self.model, self.minimum, self.outcome.priors) if self._is_weighed else {}
            if carried is None:
                carried = {row.name: row.setting if row.is_refined else None for row in self.priors}
            return StartingValues(
                phases=tuple(reader.phase(k) if disordered[k] else reader.phase_values(k) for k in count),
                is_supported=tuple(reader.is_supported(k) for k in count),
                priors=carried,
            )

    # -- curves, which are copies: a user may change those of a result, the conclusion reads those of the minimum ------

    @property
    def calculated(self) -> FloatArray:
        """The calculated pattern, shape (n,)."""
        return self.minimum.calculated.total.copy()

    @property
    def background(self) -> FloatArray:
        """Its background, shape (n,)."""
        return self.minimum.calculated.background.copy()

    @property
    def contributions(self) -> FloatArray:
        """The curves of the phases, shape (p, n)."""
        return self.minimum.calculated.phases.copy()

    # -- values and uncertainties ------------------------------------------------------------------------------------

    @cached_property
    def agreement(self) -> Agreement:
        """Figures of merit."""
        free = len(self.minimum.parameters.free_names)
        return agreement(self.pattern.intensity, self.minimum.calculated.total, 1.0 / self.pattern.sigma, free)

    @property
    def instrument(self) -> Instrument:
        """The diffractometer with the refined profile and position errors."""
        value = self.minimum.parameters.value
        zero, displacement = value("instrument_zero"), value("instrument_displacement")
        return replace(instrument_at(self.given_instrument, value), zero=zero, displacement_mm=displacement)

    @property
    def free_names(self) -> tuple[str, ...]:
        """Public names of the variables."""
        return tuple(public_name(name) for name in self.minimum.parameters.free_names)

    @property
    def covariance(self) -> FloatArray:
        """Covariance of the variables by their public names: of sizes, not of inverse sizes, shape (v, v).

        An infinite size, at its bound, has none.
        """
        table = self.minimum.parameters
        rows = zip(table.free_names, table.values[table.free_indices], strict=True)
        slopes = np.array([_by_inverse(value) if name.endswith(INVERSE_SIZE) else 1.0 for name, value in rows])
        return np.asarray(self.minimum.covariance * np.outer(slopes, slopes))

    @cached_property
    def correlations(self) -> tuple[Correlation, ...]:
        """Correlations of pairs of variables from `WORTH_LISTING` on, strongest first."""
        return tuple(_correlations(self.free_names, self.covariance, WORTH_LISTING))

    @property
    def largest_shift(self) -> float | None:
        """Largest remaining shift of a variable, in standard uncertainties."""
        return self.minimum.largest_shift

    @cached_property
    def reader(self) -> MinimumReader:
        """The refined numbers of the minimum."""
        return MinimumReader(self.outcome, self.pattern, self.quantification)

    @cached_property
    def parameters(self) -> tuple[RefinedParameter, ...]:
        """All parameters of the model."""
        return tuple(self.reader.parameter(name) for name in self.minimum.parameters.names)

    @cached_property
    def phases(self) -> tuple[RefinedPhase, ...]:
        """The phases, with the accuracy of their weight fractions."""
        accuracy = self.accuracy
        found = tuple(self.reader.phase(index) for index in range(len(self.model.phases)))
        return found if accuracy is None else tuple(_with_accuracy(phase, accuracy) for phase in found)

    @property
    def absolute(self) -> AbsoluteFractions | None:
        """Fractions of the whole specimen; None without a standard."""
        return self.reader.found.absolute

    @cached_property
    def groups(self) -> tuple[AlikeGroup, ...]:
        """Phases that the pattern does not distinguish."""
        return tuple(self.reader.group(alike) for alike in self.outcome.alike)

    # -- the model linearised at the minimum -------------------------------------------------------------------------

    @property
    def _is_weighed(self) -> bool:
        """Whether a phase has a weight fraction."""
        value = self.minimum.parameters.value
        return any(value(slot_name(phase, "scale")) > 0 for phase in self.model.phases if phase.is_weighed)

    def _linear_response(self) -> LinearResponse | None:
        """Return the model linearised at its minimum; None without a phase that has a weight fraction.

        It is not kept: its derivatives are larger than all that a result holds.
        """
        if not self._is_weighed:
            return None
        return LinearResponse(self.model, self.minimum, Data(self.pattern.intensity, 1.0 / self.pattern.sigma))

    @cached_property
    def accuracy(self) -> ModelUncertainty | None:
        """The accuracy of the weight fractions; None if no phase has one."""
        linear = self._linear_response()
        if linear is None:
            return None
        found = model_uncertainty(linear, self.outcome.priors, self.reader.found, self.quantification)
        self.model.release()
        return found

    @property
    def uncertainty_parts(self) -> Mapping[str, Mapping[str, float]]:
        """Standard uncertainty of the weight fractions by source and phase."""
        return {} if self.accuracy is None else self.accuracy.parts

    @property
    def priors(self) -> tuple[PriorQuantity, ...]:
        """Quantities with what is known of them beforehand and afterwards."""
        return () if self.accuracy is None else self.accuracy.priors

    @cached_property
    def sensitivity(self) -> tuple[Sensitivity, ...]:
        """Changes of the fractions for effects outside the model."""
        linear = self._linear_response()
        found = () if linear is None else sensitivities(linear)
        self.model.release()
        return found

    # -- status and warnings -----------------------------------------------------------------------------------------

    @cached_property
    def _width(self) -> float:
        """Full width of a strong peak, degrees."""
        values, pattern = self.minimum.parameters.values, self.pattern
        scales = [values[block.start + pk.SCALE] for block in self.model.phase_blocks]
        return typical_width(pattern.two_theta, pattern.intensity, self.minimum.calculated, scales)

    @cached_property
    def _left(self) -> float:
        """Share of the peaks' intensity that is unexplained, without single points that are far too high."""
        pattern, calculated = self.pattern, self.minimum.calculated
        kept = np.ones(len(pattern), dtype=bool)
        kept[spikes((pattern.intensity - calculated.total) / pattern.sigma)] = False
        return unexplained_area(
            pattern.intensity[kept],
            calculated.total[kept],
            calculated.background[kept],
            pattern.sigma[kept],
            round(1.5 * self._width / float(np.median(np.diff(pattern.two_theta)))),
        )

    @cached_property
    def _usable(self) -> tuple[RefinementStatus, str]:
        return fit_status(self.outcome, self.phases, self.pattern, self._left, self.accuracy)

    @property
    def status(self) -> RefinementStatus:
        """Whether the result can be used."""
        usable, _ = self._usable
        return self.minimum.outcome if usable == "converged" else usable

    @property
    def reason(self) -> str | None:
        """Why it cannot."""
        return "; ".join(text for text in (self._usable[1], self.minimum.reason) if text) or None

    @cached_property
    def unexplained(self) -> tuple[UnexplainedPeak, ...]:
        """Observed peaks that the model does not contain, strongest first."""
        pattern, calculated = self.pattern, self.minimum.calculated
        return unexplained_peaks(
            pattern.two_theta, pattern.intensity, calculated, pattern.sigma, self._width, self.radiation
        )

    @cached_property
    def warnings(self) -> tuple[Notice, ...]:
        """Notices about the result."""
        findings = self.parameters, self.correlations, self.agreement.durbin_watson, self._left
        return (
            *result_warnings(self.outcome, self.pattern, self.given_instrument, *findings),
            *unsupported_phase_warnings(self.phases),
            *alike_phase_warnings(self.groups),
            *unexplained_peak_warnings(self.unexplained, self.model, self.minimum),
            *sensitivity_warnings(self.sensitivity),
            *stacking_warnings(self.phases),
            *measured_phase_warnings(self.model.phase_models, self.model.limits),
            *self.reader.found.warnings,
        )


@cache
def _version() -> str:
    """Return the version of this package, which is looked up in its files once."""
    return version("layerox")


def _with_accuracy(phase: RefinedPhase, accuracy: ModelUncertainty) -> RefinedPhase:
    """Return a phase whose weight fraction has its `esd_model`; only refined fractions have one."""
    number = phase.weight_fraction
    if number.status != "free":
        return phase
    return replace(phase, weight_fraction=Refined(number, number.esd, number.status, accuracy.esd_model[phase.name]))


def _by_inverse(inverse: float) -> float:
    """Return the derivative of a size with respect to its inverse."""
    return -1.0 / inverse**2 if inverse > 0.0 else 0.0


def _correlations(names: tuple[str, ...], covariance: FloatArray, least: float) -> list[Correlation]:
    """Return the correlations of pairs of variables from a least size on, strongest first."""
    esds = np.sqrt(np.maximum(np.diag(covariance), 1e-300))
    matrix = covariance / np.outer(esds, esds)
    pairs = np.argwhere(np.triu(np.abs(matrix) >= least, 1)).tolist()
    found = [Correlation(a=names[i], b=names[j], value=float(matrix[i, j])) for i, j in pairs]
    return sorted(found, key=lambda c: -abs(c.value))
