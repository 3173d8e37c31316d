"""Refinement: the result of a fit: all refined numbers with standard uncertainty and status, and the curves.

It contains plain numbers, so that it can be written, read and plotted without the model. Those of a fit are computed
when they are first read (see `conclusion`; `build_result` makes the result), those of a file are given.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass, replace
from typing import TYPE_CHECKING

import numpy as np

from layerox.diffraction import result_json as js
from layerox.diffraction.absolute_fractions import AbsoluteFractions
from layerox.diffraction.agreement import Agreement
from layerox.diffraction.lmfit_adapter import lmfit_from_result
from layerox.diffraction.model_uncertainty import PriorQuantity
from layerox.diffraction.on_demand import all_fields, on_demand
from layerox.diffraction.refined_quantities import (
    AlikeGroup,
    Correlation,
    ModelComparison,
    RefinedParameter,
    RefinedPhase,
    RefinementStatus,
)
from layerox.diffraction.refinement_steps import RefinementStep
from layerox.diffraction.result_display import html_table
from layerox.diffraction.sensitivity import Sensitivity
from layerox.diffraction.serial_correlation import serial_factor, widened
from layerox.diffraction.unexplained_peaks import UnexplainedPeak
from layerox.errors import UnknownName, nearest
from layerox.instrument import Instrument
from layerox.notices import Notice
from layerox.pattern import Pattern
from layerox.radiation import Radiation
from layerox.refined import Refined
from layerox.typing import FloatArray

if TYPE_CHECKING:
    import lmfit


@dataclass(frozen=True, kw_only=True, eq=False)
class Refinement:
    """The result of a fit; each field is computed when it is read for the first time, from the fit as it was.

    Attributes
    ----------
    status, reason
        "converged", "not_converged" or "failed"; why not.
    pattern
        The fitted data.
    radiation, instrument
        The beam and the diffractometer, with the refined profile and position errors.
    agreement
        Figures of merit.
    phases
        In the given order.
    parameters
        All parameters of the model.
    correlations
        Of the variables, those of at least 0.5.
    free_names, covariance
        The variables, and their covariance, shape (v, v).
    calculated, background, contributions
        Curves on the angles of `pattern`, shapes (n,), (n,) and (p, n).
    steps
        The steps of the strategy.
    warnings
        Notices about the result.
    cpu_s
        CPU time of the fit, seconds.
    version
        Of layerox.
    recipe
        The recipe with all defaults; None without one.
    largest_shift
        Largest remaining shift of a variable, in standard uncertainties ("shift/su"); None if not known.
    absolute
        Fractions of the whole specimen; None without a standard.
    groups
        Phases that the pattern does not distinguish.
    model_comparisons
        Of similar phases, or two cells of one structure: ln of the evidence of either and of both.
    unexplained
        Observed peaks that the model does not contain, strongest first.
    sensitivity
        Changes of the fractions for effects outside the model.
    uncertainty_parts
        Standard uncertainty of the fractions by source ("counts", "priors", "microabsorption")
        and phase; `esd_model` of a fraction is the root of the sum of their squares.
    priors
        Quantities with what is known of them beforehand and afterwards.
    penalty
        What restraints and priors add to chi-squared; R factors and goodness of fit are of the data alone.

    Examples
    --------
    >>> import layerox as lx
    >>> result = lx.fit("patterns/p2_o3.xye", ["P2", "O3"])
    >>> result.status, [phase.name for phase in result.phases]
    ('converged', ['P2', 'O3'])
    >>> result.calculated.shape, result.contributions.shape
    ((4001,), (2, 4001))
    """

    status: RefinementStatus = on_demand()
    reason: str | None = on_demand()
    pattern: Pattern = on_demand()
    radiation: Radiation = on_demand()
    instrument: Instrument = on_demand()
    agreement: Agreement = on_demand()
    phases: tuple[RefinedPhase, ...] = on_demand()
    parameters: tuple[RefinedParameter, ...] = on_demand()
    correlations: tuple[Correlation, ...] = on_demand()
    free_names: tuple[str, ...] = on_demand()
    covariance: FloatArray = on_demand()
    calculated: FloatArray = on_demand()
    background: FloatArray = on_demand()
    contributions: FloatArray = on_demand()
    steps: tuple[RefinementStep, ...] = on_demand()
    warnings: tuple[Notice, ...] = on_demand()
    cpu_s: float = on_demand()
    version: str = on_demand()
    recipe: Mapping[str, object] | None = on_demand(None)
    largest_shift: float | None = on_demand(None)
    absolute: AbsoluteFractions | None = on_demand(None)
    groups: tuple[AlikeGroup, ...] = on_demand(())
    model_comparisons: tuple[ModelComparison, ...] = on_demand(())
    unexplained: tuple[UnexplainedPeak, ...] = on_demand(())
    sensitivity: tuple[Sensitivity, ...] = on_demand(())
    uncertainty_parts: Mapping[str, Mapping[str, float]] = on_demand()
    priors: tuple[PriorQuantity, ...] = on_demand(())
    penalty: float = on_demand(0.0)

    def __getstate__(self) -> dict[str, object]:
        """Return all fields: a result is pickled and copied with them, without the model."""
        return all_fields(self)

    @property
    def weight_fractions(self) -> dict[str, Refined]:
        """Weight fraction of each phase, by name."""
        return {phase.name: phase.weight_fraction for phase in self.phases}

    @property
    def absolute_weight_fractions(self) -> dict[str, Refined]:
        """Fraction of each detected phase in the whole specimen, by name; empty without a standard."""
        return {} if self.absolute is None else dict(self.absolute.weight_fractions)

    @property
    def amorphous_weight_fraction(self) -> Refined | None:
        """Amorphous fraction of the whole specimen; None without a standard."""
        return None if self.absolute is None else self.absolute.amorphous

    @property
    def detection_limits(self) -> dict[str, float | None]:
        """Limit of detection of each phase as a weight fraction (95 %, Currie), by name."""
        return {phase.name: phase.detection_limit for phase in self.phases}

    @property
    def params(self) -> lmfit.Parameters:
        """All quantities as `lmfit.Parameters`, with `stderr` and `correl`, for `lmfit.fit_report` or another fit."""
        return lmfit_from_result(self.parameters, self.free_names, self.covariance)

    @property
    def serial_factor(self) -> float:
        """Factor on standard uncertainties for serially correlated residuals (Berar & Lelann 1991), at least 1."""
        return serial_factor(self.difference / self.pattern.sigma)

    def with_serial_correlation(self) -> Refinement:
        """Return the result with all standard uncertainties multiplied by `serial_factor`."""
        factor = self.serial_factor
        return replace(
            self,
            phases=tuple(_widened_phase(phase, factor) for phase in self.phases),
            absolute=None if self.absolute is None else widened(self.absolute, factor),
            groups=tuple(widened(group, factor) for group in self.groups),
            parameters=tuple(widened(parameter, factor) for parameter in self.parameters),
            covariance=self.covariance * factor**2,
        )

    def phase(self, name: str) -> RefinedPhase:
        """Return the phase of that name.

        Raises
        ------
        UnknownName
            If there is none; an `InputError` and a `KeyError`.
        """
        for phase in self.phases:
            if phase.name == name:
                return phase
        raise UnknownName(f"there is no phase {name!r}", cure=nearest(name, [phase.name for phase in self.phases]))

    def to_json(self) -> str:
        """Return the text of result.json (schema "layerox.fit/1")."""
        return js.json_text(self._document())

    def _document(self) -> js.Document:
        """Return the refinement as plain data, without its curves."""
        absolute = self.absolute
        standard = {} if absolute is None else js.standard_document(absolute)
        phases = [js.phase_document(row) | js.absolute_fraction_document(row.name, absolute) for row in self.phases]
        return {
            "schema": js.SCHEMA,
            "status": self.status,
            "reason": self.reason,
            "pattern": js.pattern_document(self.pattern),
            "radiation": js.radiation_document(self.radiation),
            "instrument": js.instrument_document(self.instrument),
            "agreement": asdict(self.agreement),
            "convergence": {"largest_shift_over_su": js.finite(self.largest_shift)},
            "phases": phases,
            **standard,
            "groups": [js.group_document(group) for group in self.groups],
            "model_comparisons": [js.comparison_document(row) for row in self.model_comparisons],
            "unexplained": [asdict(peak) for peak in self.unexplained],
            "sensitivity": [js.sensitivity_document(row) for row in self.sensitivity],
            "uncertainty_parts": {source: dict(row) for source, row in self.uncertainty_parts.items()},
            "penalty": self.penalty,
            "priors": [js.prior_document(row) for row in self.priors],
            "parameters": [js.parameter_document(parameter) for parameter in self.parameters],
            "correlations": [asdict(correlation) for correlation in self.correlations],
            "covariance": {"names": list(self.free_names), "matrix": self.covariance.tolist()},
            "steps": [js.step_document(step) for step in self.steps],
            "warnings": [asdict(warning) for warning in self.warnings],
            "recipe": self.recipe,
            "cpu_s": self.cpu_s,
            "version": self.version,
        }

    def __repr__(self) -> str:
        fractions = ", ".join(f"{phase.name} {phase.fraction_text}" for phase in self.phases)
        return f"<Refinement {self._summary}; weight %: {fractions}>"

    def _repr_html_(self) -> str:
        """Return the table of phases that a notebook shows."""
        cells = ("a", "b", "c", "volume")
        head = ("phase", "space group", "weight %", "a (A)", "b (A)", "c (A)", "V (A^3)")
        rows = [(p.name, p.space_group, p.fraction_text, *(str(p.cell[name]) for name in cells)) for p in self.phases]
        return html_table(self._summary, head, rows)

    @property
    def _summary(self) -> str:
        figures, label = self.agreement, self.pattern.label or "pattern"
        return f"{label}: {self.status}, R_wp {100 * figures.r_wp:.2f} %, gof {figures.gof:.2f}"

    @property
    def difference(self) -> FloatArray:
        """Observed minus calculated, shape (n,)."""
        return np.asarray(self.pattern.intensity - self.calculated)


def _widened_phase(phase: RefinedPhase, factor: float) -> RefinedPhase:
    limit = phase.detection_limit
    return replace(widened(phase, factor), detection_limit=None if limit is None else min(limit * factor, 1.0))
