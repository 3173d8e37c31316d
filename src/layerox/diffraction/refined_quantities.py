"""Refined quantities: phases, sites, parameters and correlations of a result, with their standard uncertainties.

They are plain data. `refinement.Refinement` holds them together with the pattern and its curves.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Literal

from layerox.crystal.asymmetric_unit import Crystal
from layerox.diffraction.disordered.refined_stacking import RefinedStacking
from layerox.diffraction.microabsorption import Microabsorption
from layerox.diffraction.phase import IntensityMode
from layerox.diffraction.result_display import percent_text
from layerox.refined import Refined
from layerox.typing import FloatArray

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
class PhaseValues:
    """The refined values of a phase, from which another refinement starts; see `RefinedPhase`."""

    name: str
    crystal: Crystal
    scale: Refined
    size_nm: Refined
    microstrain: Refined
    preferred_orientation: Refined
    texture_axis: tuple[int, int, int]
    mode: IntensityMode = "rietveld"
    displacement_mm: Refined = NOT_DISPLACED
    hardware: bool = False
    corrections: Mapping[str, Refined] = field(default_factory=dict)


@dataclass(frozen=True, kw_only=True)
class RefinedPhase(PhaseValues):
    """A phase after refinement.

    Attributes
    ----------
    name, space_group, formula
        As in tables.
    weight_fraction
        Of the crystalline phases in the model; 0 with status "unsupported" for an unsupported phase, nan for one
        without a fraction (hardware, or extracted intensities). Status "alike": the shown phase has the total fraction
        of its group, the others 0; the standard uncertainty is how much the others may have, at most the total.
    intensity_share
        Fraction of the calculated intensity above the background.
    support_sigma
        Scale over its standard uncertainty.
    r_bragg
        Agreement of the integrated intensities; None for an unsupported or disordered phase.
    cell
        a, b, c, alpha, beta, gamma, volume (angstrom, degrees, angstrom^3).
    size_nm, microstrain, preferred_orientation
        Crystallite size (infinite without broadening), microstrain, March coefficient.
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
        Origin of the intensities; if they are extracted from the data, |F|^2 by hkl.
    detection_limit
        Weight fraction that is detected with 95 % probability, with 5 % false detections (Currie); None for a phase
        without a fraction.
    scale_mass_volume
        S Z M V, g/mol angstrom^3, from which fractions follow.
    density
        X-ray density, g/cm^3.
    mass_attenuation, linear_attenuation
        mu/rho (cm^2/g) and mu (1/cm) averaged over the lines of the beam; None for neutrons.
    attenuation_by_line
        (wavelength in angstrom, mu/rho) of each line.
    microabsorption
        The correction; None without particle sizes.
    displacement_mm
        Displacement of the phase relative to the specimen, mm.
    hardware
        Whether it is cell hardware and not part of the specimen.
    mass_to_reference
        S Z M V over that of the reference phase; None without one.
    stacking
        Of a disordered phase; None for an ordered one.
    corrections
        Coefficients of harmonics, and anisotropic size and strain, by the names of `Phase.correction_slots`.
    """

    space_group: str
    formula: str
    weight_fraction: Refined
    intensity_share: float
    support_sigma: float
    r_bragg: float | None
    cell: Mapping[str, Refined]
    sites: tuple[RefinedSite, ...]
    ticks: FloatArray
    intensities: Mapping[tuple[int, int, int], Refined] = field(default_factory=dict)
    detection_limit: float | None = None
    scale_mass_volume: Refined | None = None
    density: Refined | None = None
    mass_attenuation: Refined | None = None
    linear_attenuation: Refined | None = None
    attenuation_by_line: tuple[tuple[float, float], ...] = ()
    microabsorption: Microabsorption | None = None
    mass_to_reference: Refined | None = None
    stacking: RefinedStacking | None = None

    @property
    def is_supported(self) -> bool:
        """Whether the phase is supported by the data, or shown for a group of alike phases."""
        status = self.weight_fraction.status
        return status != "unsupported" and not (status == "alike" and self.weight_fraction.value == 0.0)

    @property
    def fraction_text(self) -> str:
        """Weight fraction in per cent ("61.80(10)"), or why there is none ("unsupported", "hardware", the mode)."""
        if self.mode != "rietveld":
            return self.mode
        return "hardware" if self.hardware and self.is_supported else percent_text(self.weight_fraction)


@dataclass(frozen=True, kw_only=True)
class RefinedParameter:
    """One parameter of the model; `minimum` and `maximum` are its bounds.

    `expression` is its constraint in the names of other parameters; empty without one.
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
        Total of the group; the uncertainty includes its dependence on which of them is present.
    change, threshold
        Largest change of chi-squared (over its reduced value) when one replaces another or shares its weight, and the
        change above which they are distinguished.
    reach
        Largest weight fraction that the members which are not shown may have, if none of them can replace the first.
    """

    members: tuple[str, ...]
    weight_fraction: Refined
    change: float = 0.0
    threshold: float = 0.0
    reach: float | None = None

    @property
    def ranges(self) -> dict[str, tuple[float, float]]:
        """Smallest and largest weight fraction of each member that the pattern leaves open."""
        total = float(self.weight_fraction)
        most = total if self.reach is None else min(self.reach, total)
        return {self.members[0]: (total - most, total), **dict.fromkeys(self.members[1:], (0.0, most))}


Question = Literal["phases", "cells"]


@dataclass(frozen=True, kw_only=True)
class ModelComparison:
    """Models that compete for a pattern.

    Attributes
    ----------
    question
        What they differ in: "phases" (either of two similar phases, or both), "cells" (one or two of one structure).
    log_evidence
        By model (the names of its phases, joined by " + "): ln of its evidence over that of the best one.
    chosen
        The one that the fit has.
    """

    question: Question
    log_evidence: Mapping[str, float]
    chosen: str

    @property
    def models(self) -> frozenset[str]:
        """Names of the models."""
        return frozenset(self.log_evidence)

    @property
    def phases(self) -> frozenset[str]:
        """Names of the phases in question."""
        return frozenset(name for model in self.log_evidence for name in model.split(" + "))
