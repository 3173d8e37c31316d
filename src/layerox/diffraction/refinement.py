"""Refinement: the result of a fit: every refined number with its uncertainty and its status, and the curves.

It is built from where a strategy ended and holds plain numbers, so that it can be written, read back and drawn
without the model. Nothing in it is stored on its inputs.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Literal

import numpy as np

from layerox.crystal.asymmetric_unit import Crystal
from layerox.diffraction.agreement import Agreement
from layerox.diffraction.display import html_table, percent_text
from layerox.diffraction.microabsorption import Microabsorption
from layerox.diffraction.phase import IntensityMode
from layerox.diffraction.refinement_steps import Step
from layerox.diffraction.sensitivity import Sensitivity
from layerox.diffraction.serial_correlation import serial_factor, widened
from layerox.diffraction.standards import Absolute
from layerox.diffraction.unexplained import UnexplainedPeak
from layerox.errors import UnknownName, nearest
from layerox.instrument import Instrument
from layerox.notices import Notice
from layerox.pattern import Pattern
from layerox.radiation import Radiation
from layerox.refined import Refined
from layerox.typing import FloatArray

if TYPE_CHECKING:
    import lmfit

RefinementStatus = Literal["converged", "not_converged", "failed"]
NOT_DISPLACED = Refined(0.0)


@dataclass(frozen=True, kw_only=True)
class RefinedSite:
    """A site after refinement; coordinates are fractions of the cell, u_iso in angstrom^2."""

    label: str
    species: str
    x: Refined
    y: Refined
    z: Refined
    occupancy: Refined
    u_iso: Refined


@dataclass(frozen=True, kw_only=True)
class RefinedPhase:
    """A phase after refinement.

    Attributes
    ----------
    name, space_group, formula
        As they stand in tables.
    weight_fraction
        Of the crystalline phases in the model; 0 with status "unsupported" for a phase that the data do not show, nan
        for one that is not weighed (hardware, or intensities taken from the data). Status "alike": the fraction of a
        group that the pattern does not divide, held by the phase shown for it, 0 for the others; its uncertainty is
        the whole of it.
    intensity_share
        Fraction of the calculated intensity above the background.
    support_sigma
        Scale over its standard uncertainty.
    r_bragg
        Agreement of the integrated intensities; None for an unsupported phase.
    cell
        a, b, c, alpha, beta, gamma, volume (angstrom, degrees, angstrom^3).
    size_nm, microstrain, preferred_orientation
        Crystallite size (infinite where nothing broadens), microstrain, March coefficient.
    texture_axis
        Plane whose normal is the axis of the March coefficient.
    sites
        The asymmetric unit.
    scale
        Rietveld scale.
    crystal
        The refined structure.
    ticks
        Angles of the strongest line's reflections in the range, degrees.
    mode, intensities
        How the intensities were had; where they are taken from the data, |F|^2 by hkl.
    detection_limit
        Weight fraction of which 95 % would be seen, wrongly claimed in 5 % (Currie); None where nothing is weighed.
    scale_mass_volume
        S Z M V, g/mol angstrom^3: what fractions follow from.
    density
        X-ray density, g/cm^3.
    mass_attenuation, linear_attenuation
        mu/rho (cm^2/g) and mu (1/cm) averaged over the lines of the beam; None for neutrons.
    attenuation_by_line
        (wavelength in angstrom, mu/rho) of each line.
    microabsorption
        What was corrected; None without particle sizes.
    displacement_mm
        Where the phase lies beside the specimen, mm.
    hardware
        Whether it belongs to the cell and not to the specimen.
    mass_to_reference
        S Z M V over that of the phase that a recipe names as reference; None without one.
    """

    name: str
    space_group: str
    formula: str
    weight_fraction: Refined
    intensity_share: float
    support_sigma: float
    r_bragg: float | None
    cell: Mapping[str, Refined]
    size_nm: Refined
    microstrain: Refined
    preferred_orientation: Refined
    texture_axis: tuple[int, int, int]
    sites: tuple[RefinedSite, ...]
    scale: Refined
    crystal: Crystal
    ticks: FloatArray
    mode: IntensityMode = "rietveld"
    intensities: Mapping[tuple[int, int, int], Refined] = field(default_factory=dict)
    detection_limit: float | None = None
    scale_mass_volume: Refined | None = None
    density: Refined | None = None
    mass_attenuation: Refined | None = None
    linear_attenuation: Refined | None = None
    attenuation_by_line: tuple[tuple[float, float], ...] = ()
    microabsorption: Microabsorption | None = None
    displacement_mm: Refined = NOT_DISPLACED
    hardware: bool = False
    mass_to_reference: Refined | None = None

    @property
    def is_supported(self) -> bool:
        """Whether the model holds the phase: the data show it, or it is shown for a group of phases that are alike."""
        status = self.weight_fraction.status
        return status != "unsupported" and not (status == "alike" and self.weight_fraction.value == 0.0)

    @property
    def fraction_text(self) -> str:
        """Weight fraction in per cent ("61.80(10)") or "unsupported"; why there is none ("hardware", the mode)."""
        if self.mode != "rietveld":
            return self.mode
        return "hardware" if self.hardware and self.is_supported else percent_text(self.weight_fraction)


@dataclass(frozen=True, kw_only=True)
class RefinedParameter:
    """One quantity of the model by its name; `minimum` and `maximum` are its bounds.

    `expression` is what it follows, in the names of others; empty if nothing.
    """

    name: str
    number: Refined
    minimum: float
    maximum: float
    expression: str = ""


@dataclass(frozen=True, kw_only=True)
class Correlation:
    """Correlation coefficient of two variables."""

    a: str
    b: str
    value: float


@dataclass(frozen=True, kw_only=True)
class AlikeGroup:
    """Phases that the pattern does not distinguish.

    Attributes
    ----------
    members
        Their names; the first is shown for all of them.
    weight_fraction
        Of all of them together; the uncertainty holds how much it depends on which of them is there.
    change, threshold
        Largest change of chi-squared (over its reduced value) when one takes the place of another, and the one from
        which on they would be distinguished.
    """

    members: tuple[str, ...]
    weight_fraction: Refined
    change: float = 0.0
    threshold: float = 0.0


@dataclass(frozen=True, kw_only=True, eq=False)
class Refinement:
    """The result of a fit.

    Attributes
    ----------
    status, reason
        "converged", "not_converged" or "failed"; why not.
    pattern
        The data that were fitted.
    radiation, instrument
        The beam and the diffractometer, with the refined profile and position errors.
    agreement
        Figures of merit.
    phases
        In the order given.
    parameters
        Every quantity of the model.
    correlations
        Of the variables, those of at least 0.5.
    free_names, covariance
        The variables, and their covariance, shape (v, v).
    calculated, background, contributions
        Curves on the angles of `pattern`, shapes (n,), (n,) and (p, n).
    steps
        What the strategy did.
    warnings
        What a user should know.
    cpu_s
        CPU time of the fit, seconds.
    version
        Of layerox.
    recipe
        The recipe as it was used, every default written out; None without one.
    largest_shift
        Largest step of a variable that was left to do, in standard uncertainties ("shift/su"); None when not known.
    absolute
        Fractions of the whole specimen; None without a standard.
    groups
        Phases that the pattern does not distinguish.
    unexplained
        Observed peaks that the model does not have, strongest first.
    sensitivity
        What the fractions would change by if something were wrong that the data hardly show.
    """

    status: RefinementStatus
    reason: str | None
    pattern: Pattern
    radiation: Radiation
    instrument: Instrument
    agreement: Agreement
    phases: tuple[RefinedPhase, ...]
    parameters: tuple[RefinedParameter, ...]
    correlations: tuple[Correlation, ...]
    free_names: tuple[str, ...]
    covariance: FloatArray
    calculated: FloatArray
    background: FloatArray
    contributions: FloatArray
    steps: tuple[Step, ...]
    warnings: tuple[Notice, ...]
    cpu_s: float
    version: str
    recipe: Mapping[str, object] | None = None
    largest_shift: float | None = None
    absolute: Absolute | None = None
    groups: tuple[AlikeGroup, ...] = ()
    unexplained: tuple[UnexplainedPeak, ...] = ()
    sensitivity: tuple[Sensitivity, ...] = ()

    @property
    def weight_fractions(self) -> dict[str, Refined]:
        """Weight fraction of each phase, by name."""
        return {phase.name: phase.weight_fraction for phase in self.phases}

    @property
    def absolute_weight_fractions(self) -> dict[str, Refined]:
        """Fraction of the whole specimen of each phase that is seen, by name; empty without a standard."""
        return {} if self.absolute is None else dict(self.absolute.weight_fractions)

    @property
    def amorphous_weight_fraction(self) -> Refined | None:
        """What the phases leave of the whole specimen; None without a standard."""
        return None if self.absolute is None else self.absolute.amorphous

    @property
    def detection_limits(self) -> dict[str, float | None]:
        """Limit of detection of each phase as a weight fraction (95 %, Currie), by name."""
        return {phase.name: phase.detection_limit for phase in self.phases}

    @property
    def params(self) -> lmfit.Parameters:
        """All quantities as `lmfit.Parameters`, with `stderr` and `correl`, for `lmfit.fit_report` or another fit."""
        from layerox.diffraction.lmfit_adapter import lmfit_from_result  # noqa: PLC0415  (lmfit only where it is used)

        return lmfit_from_result(self.parameters, self.free_names, self.covariance)

    @property
    def serial_factor(self) -> float:
        """Factor by which serially correlated residuals widen the uncertainties (Berar & Lelann 1991), at least 1."""
        return serial_factor(self.difference / self.pattern.sigma)

    def with_serial_correlation(self) -> Refinement:
        """Return the result with every uncertainty multiplied by `serial_factor`."""
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
        raise UnknownName(f"no phase is called {name!r}", cure=nearest(name, [phase.name for phase in self.phases]))

    def to_json(self) -> str:
        """Return the text of result.json (schema "layerox.fit/1")."""
        from layerox.diffraction.result_json import json_text  # noqa: PLC0415  (which is made of these classes)

        return json_text(self)

    def __repr__(self) -> str:
        fractions = ", ".join(f"{phase.name} {phase.fraction_text}" for phase in self.phases)
        return f"<Refinement {self._headline}; weight %: {fractions}>"

    def _repr_html_(self) -> str:
        """Return the table of phases that a notebook shows."""
        cells = ("a", "b", "c", "volume")
        head = ("phase", "space group", "weight %", "a (A)", "b (A)", "c (A)", "V (A^3)")
        rows = [(p.name, p.space_group, p.fraction_text, *(str(p.cell[name]) for name in cells)) for p in self.phases]
        return html_table(self._headline, head, rows)

    @property
    def _headline(self) -> str:
        figures, label = self.agreement, self.pattern.label or "pattern"
        return f"{label}: {self.status}, R_wp {100 * figures.r_wp:.2f} %, gof {figures.gof:.2f}"

    @property
    def difference(self) -> FloatArray:
        """Observed minus calculated, shape (n,)."""
        return np.asarray(self.pattern.intensity - self.calculated)


def _widened_phase(phase: RefinedPhase, factor: float) -> RefinedPhase:
    limit = phase.detection_limit
    return replace(widened(phase, factor), detection_limit=None if limit is None else min(limit * factor, 1.0))
