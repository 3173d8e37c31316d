"""Refined quantities: phases, sites, parameters and correlations of a result, with their standard uncertainties.

They are plain data. `refinement.Refinement` holds them together with the pattern and its curves.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Literal

from layerox.crystal.asymmetric_unit import Crystal
from layerox.diffraction.display import percent_text
from layerox.diffraction.microabsorption import Microabsorption
from layerox.diffraction.phase import IntensityMode
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
