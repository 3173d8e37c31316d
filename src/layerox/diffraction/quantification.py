"""Quantification: weight fractions, densities, attenuation and detection limits of the phases of a fit.

It combines the scales with the user's information on specimen and standards. The formulas are in `weight_fractions`,
`microabsorption`, `absolute_fractions`, `absorption` and `detection_limit`.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np

from layerox.diffraction import peaks as pk
from layerox.diffraction.absolute_fractions import (
    AbsoluteFractions,
    ExternalStandard,
    InternalStandard,
    by_external_standard,
    by_internal_standard,
)
from layerox.diffraction.absorption import PhaseAttenuation, mixture_attenuation, phase_attenuation
from layerox.diffraction.detection_limit import absence_sigmas, as_fraction, detection_limit
from layerox.diffraction.intensity_extraction import is_extracted
from layerox.diffraction.microabsorption import (
    CM_PER_UM,
    COARSE,
    MEDIUM,
    Microabsorption,
    brindley,
    kind_of_powder,
    mean_linear_attenuation,
)
from layerox.diffraction.minimum import Minimum
from layerox.diffraction.model import Model
from layerox.diffraction.phase import Phase
from layerox.diffraction.unknown_particles import PARTICLE_RANGE_UM
from layerox.diffraction.weight_fractions import (
    PhaseWeights,
    WeightFractions,
    fractions_of,
    masses_to_reference,
    of_the_specimen,
    phase_weights,
    weight_per_scale,
)
from layerox.errors import InputError, nearest
from layerox.instrument import Geometry
from layerox.notices import Notice
from layerox.radiation import Radiation
from layerox.refined import Refined
from layerox.typing import FloatArray

# Particle size of a well-ground powder, for the warning about contrast if no size is given.
USUAL_PARTICLE_UM = 5.0
# An amorphous fraction below zero by this number of standard uncertainties, and by this value, is an error. Standard
# uncertainties contain random errors only; in the weighed mixtures of the round robin (no amorphous part) it is within
# 0.02 of zero.
TOO_NEGATIVE, SYSTEMATIC = 3.0, 0.02
STEP = 1e-5


@dataclass(frozen=True, kw_only=True)
class Quantification:
    """The user's information on the specimen.

    Attributes
    ----------
    internal_standard, external_standard
        At most one of them.
    particle_sizes_um
        Particle diameter by name of the phase, micrometre; for all phases or none.
    particle_range_um
        Range of the mean particle diameters if no sizes are given, micrometre.
    packing
        Solid share of the volume of the powder, for the mean attenuation; 1 as in Brindley's paper.
    reference
        Name of a phase with a constant mass (usually hardware); the masses of the others are relative to it.
    """

    internal_standard: InternalStandard | None = None
    external_standard: ExternalStandard | None = None
    particle_sizes_um: Mapping[str, float] = field(default_factory=dict)
    particle_range_um: tuple[float, float] = PARTICLE_RANGE_UM
    packing: float = 1.0
    reference: str | None = None

    def __post_init__(self) -> None:
        if self.internal_standard and self.external_standard:
            raise InputError("both an internal and an external standard", place="[quantification]", cure="keep one")
        if not 0 < self.packing <= 1:
            raise InputError(f"packing {self.packing:g}", place="[quantification]", cure="give a share, 0 to 1")
        if not 0 < self.particle_range_um[0] < self.particle_range_um[1] < math.inf:
            raise InputError(f"particle_range_um {list(self.particle_range_um)}", place="[quantification]",
                             cure="give two diameters above 0, the smaller first")  # fmt: skip
        if wrong := [name for name, size in self.particle_sizes_um.items() if not 0 < size < math.inf]:
            raise InputError(f"particle size of {wrong[0]}", place="[quantification]", cure="give micrometres above 0")

    def check(self, phases: Sequence[Phase], radiation: Radiation, geometry: Geometry) -> None:
        """Refuse settings that do not fit the phases and the beam.

        Raises
        ------
        InputError
            If a phase is unknown or has no fraction, or a correction has no meaning for this measurement.
        """
        place, weighed = "[quantification]", [phase.name for phase in phases if phase.is_weighed]
        scaled = [phase.name for phase in phases if not is_extracted(phase)]
        if self.reference is not None and self.reference not in scaled:
            fault = f"no phase {self.reference!r} for the reference"
            raise InputError(fault, place=place, cure=nearest(self.reference, scaled))
        standard = [self.internal_standard.phase] if self.internal_standard else []
        for name in [*standard, *self.particle_sizes_um]:
            if name not in weighed:
                raise InputError(f"no phase {name!r} with a scale", place=place, cure=nearest(name, weighed))
        if self.particle_sizes_um and (missing := [name for name in weighed if name not in self.particle_sizes_um]):
            raise InputError(f"no particle size of {missing[0]}", place=place, cure="give that of every phase")
        if radiation.kind == "neutron" and (self.particle_sizes_um or self.external_standard):
            raise InputError("particle sizes and external standards are for X-rays", place=place, cure="leave them out")
        if geometry != "bragg-brentano" and self.external_standard:
            raise InputError(f"an external standard in {geometry} geometry", place=place,
                             cure="add an internal standard")  # fmt: skip


NO_QUANTIFICATION = Quantification()


@dataclass(frozen=True, eq=False)
class Quantities:
    """Derived quantities of the phases of a model; sequences in their order.

    Attributes
    ----------
    fractions
        Of the crystalline phases without hardware, corrected for microabsorption if possible.
    weights
        S Z M V of each phase, from the scales.
    densities, mass_attenuations, linear_attenuations
        g/cm^3, cm^2/g and 1/cm; the attenuations are None for neutrons.
    attenuation_by_line
        (wavelength, mu/rho) of each line of the beam, by phase.
    microabsorption
        None without particle sizes.
    detection_limits
        Weight fraction that is detected with 95 % probability (Currie); None for phases without a fraction.
    absolute
        Fractions of the whole specimen; None without a standard.
    masses_to_reference
        S Z M V of each phase over that of the reference; None without a reference.
    warnings
        About the fractions.
    """

    fractions: WeightFractions
    weights: tuple[Refined, ...]
    densities: tuple[Refined, ...]
    mass_attenuations: tuple[Refined | None, ...]
    linear_attenuations: tuple[Refined | None, ...]
    attenuation_by_line: tuple[tuple[tuple[float, float], ...], ...]
    microabsorption: tuple[Microabsorption | None, ...]
    detection_limits: tuple[float | None, ...]
    absolute: AbsoluteFractions | None
    masses_to_reference: tuple[Refined | None, ...]
    warnings: tuple[Notice, ...]


def quantities(
    model: Model,
    minimum: Minimum,
    sigma: FloatArray,
    given: Quantification = NO_QUANTIFICATION,
) -> Quantities:
    """Return all derived quantities at a minimum.

    Parameters
    ----------
    model, minimum
        The model and its minimum.
    sigma
        Standard uncertainties of the points, shape (n,).
    given
        The user's statements on the specimen.
    """
    values, transfer, covariance = minimum.parameters.values, minimum.parameters.transfer(), minimum.covariance
    names = [phase.name for phase in model.phases]
    seen = phase_weights(model, values, transfer)
    bodies = [phase_attenuation(phase.crystal_at(values[block]), values[block], model.radiation)
              for phase, block in zip(model.phases, model.phase_blocks, strict=True)]  # fmt: skip
    slopes = [transfer[block] for block in model.phase_blocks]
    esds = np.sqrt(np.maximum(np.einsum("pv,vw,pw->p", seen.slopes, covariance, seen.slopes), 0.0))
    own = of_the_specimen(seen, model.phases)
    effects, weights, contrast_warnings = _microabsorption(names, own, bodies, given)
    fractions = fractions_of(weights.values, weights.slopes, minimum.counting_covariance)
    limits = _detection_limits(model, minimum, sigma, own.values)
    absolute, standard_warnings = _absolute(names, weights, covariance, bodies, model.radiation, given)
    return Quantities(
        fractions=fractions,
        weights=tuple(Refined(v, e, "tied" if e > 0 else "fixed") for v, e in zip(seen.values, esds, strict=True)),
        densities=tuple(_refined(b.density, b.density_slopes, t, covariance)
                        for b, t in zip(bodies, slopes, strict=True)),
        mass_attenuations=tuple(_known(_refined(b.mass_attenuation, b.mass_slopes, t, covariance))
                                for b, t in zip(bodies, slopes, strict=True)),
        linear_attenuations=tuple(_known(_refined(b.linear_attenuation, b.linear_slopes, t, covariance))
                                  for b, t in zip(bodies, slopes, strict=True)),
        attenuation_by_line=tuple(() if math.isnan(b.mass_attenuation) else b.by_line for b in bodies),
        microabsorption=effects,
        detection_limits=limits,
        absolute=absolute,
        masses_to_reference=_to_reference(names, seen, covariance, given.reference),
        warnings=(*contrast_warnings, *standard_warnings),
    )  # fmt: skip


def _to_reference(
    names: list[str], seen: PhaseWeights, covariance: FloatArray, reference: str | None
) -> tuple[Refined | None, ...]:
    if reference is None:
        return (None,) * len(names)
    values, esds = masses_to_reference(seen, covariance, names.index(reference))
    found = zip(names, values.tolist(), esds.tolist(), strict=True)
    return tuple(None if name == reference or math.isnan(v) else Refined(v, e, "tied") for name, v, e in found)


def _refined(value: float, slopes: FloatArray, transfer: FloatArray, covariance: FloatArray) -> Refined:
    slope = slopes @ transfer
    esd = math.sqrt(max(float(slope @ covariance @ slope), 0.0))
    return Refined(value, esd, "tied" if esd > 0 else "fixed")


def _known(number: Refined) -> Refined | None:
    return None if math.isnan(number) else number


def _detection_limits(
    model: Model, minimum: Minimum, sigma: FloatArray, weights: FloatArray
) -> tuple[float | None, ...]:
    """Return the fraction of each phase at Currie's detection limit, with the other phases unchanged.

    None for a single phase: its fraction is always 1.
    """
    values = minimum.parameters.values[: len(model.names)].copy()
    rows = list(zip(model.phases, model.phase_blocks, strict=True))
    zmv = np.array([weight_per_scale(p, values[block]) if p.is_weighed else 0.0 for p, block in rows])
    places = [block.start + pk.SCALE for block in model.phase_blocks]
    absent = np.flatnonzero((zmv > 0) & (values[places] <= 0))
    curves = minimum.calculated.phases
    if absent.size:  # a phase with a scale of zero has no curve: calculate it with another scale
        for k in absent:
            values[places[k]] = max(weights.sum(), 1e-300) / zmv[k]
        curves = model.calculated(values).phases
    per_scale = np.where((zmv > 0)[:, None], curves / np.where(zmv > 0, values[places], 1.0)[:, None], 0.0)
    errors = absence_sigmas(per_scale, minimum.calculated.phases, model.basis, minimum.calculated.total, sigma)
    least = detection_limit(1.0) * errors * zmv * math.sqrt(max(minimum.reduced_chi_squared, 1.0))
    others = weights.sum() - weights
    return tuple(
        None if math.isnan(w) or o <= 0.0 else as_fraction(w, o)
        for w, o in zip(least.tolist(), others.tolist(), strict=True)
    )


def _microabsorption(
    names: list[str], seen: PhaseWeights, bodies: Sequence[PhaseAttenuation], given: Quantification
) -> tuple[tuple[Microabsorption | None, ...], PhaseWeights, list[Notice]]:
    """Return Brindley's correction of each phase, the corrected weights, and warnings."""
    known = np.flatnonzero(seen.values > 0).tolist()
    nothing: tuple[Microabsorption | None, ...] = (None,) * len(names)
    densities = np.array([bodies[k].density for k in known])
    linear = np.array([bodies[k].linear_attenuation for k in known])
    if not known or np.isnan(linear).any():
        return nothing, seen, []
    if not given.particle_sizes_um:
        return nothing, seen, _contrast([names[k] for k in known], seen.values[known], densities, linear)
    sizes = [given.particle_sizes_um[names[k]] for k in known]

    def corrected(weights: FloatArray) -> FloatArray:
        return weights / brindley(weights, densities, linear, sizes, given.packing)[1]

    contrasts, factors = brindley(seen.values[known], densities, linear, sizes, given.packing)
    values, slopes = seen.values.copy(), seen.slopes.copy()
    values[known] = seen.values[known] / factors
    slopes[known] = _slopes(corrected, seen.values[known]) @ seen.slopes[known]
    effects = list(nothing)
    for k, size, contrast, factor in zip(known, sizes, contrasts.tolist(), factors.tolist(), strict=True):
        effects[k] = Microabsorption(
            particle_size_um=size,
            contrast=contrast,
            factor=factor,
            powder=kind_of_powder(contrast),
            uncorrected_weight_fraction=float(seen.values[k] / seen.values.sum()),
        )
    rows = [(names[k], contrast) for k, contrast in zip(known, contrasts.tolist(), strict=True)]
    return tuple(effects), PhaseWeights(values, slopes), _range_of_brindley(rows)


def _slopes(function: Callable[[FloatArray], FloatArray], at: FloatArray) -> FloatArray:
    """Return the derivatives of a function of weights, by central differences, shape (p, p)."""
    steps = STEP * np.diag(at)
    return np.stack([(function(at + s) - function(at - s)) / (2 * s.sum()) for s in steps], axis=1)


def _range_of_brindley(rows: Sequence[tuple[str, float]]) -> list[Notice]:
    """Return a warning if contrasts are outside the range of the correction."""
    outside = [(name, contrast) for name, contrast in rows if abs(contrast) >= MEDIUM]
    if not outside:
        return []
    listed = ", ".join(f"{name} {contrast:.2g}" for name, contrast in outside)
    message = f"outside Brindley's range of |mu - mean| D < {MEDIUM:g}: {listed}; "
    if max(abs(contrast) for _, contrast in outside) >= COARSE:
        return [Notice("microabsorption_uncorrected", message + "no correction is possible: grind finer, or use a "
                       "shorter wavelength or neutrons")]  # fmt: skip
    return [Notice("microabsorption", message + "the corrected fractions are uncertain: grind finer")]


def _contrast(names: list[str], weights: FloatArray, densities: FloatArray, linear: FloatArray) -> list[Notice]:
    """Return a warning if the attenuation differs so much that well-ground particles are outside Brindley's range."""
    mean = mean_linear_attenuation(weights, densities, linear)
    contrasts = (linear - mean) * USUAL_PARTICLE_UM * CM_PER_UM
    worst = int(np.argmax(np.abs(contrasts)))
    if abs(contrasts[worst]) < MEDIUM:
        return []
    finest = MEDIUM / abs(linear[worst] - mean) / CM_PER_UM
    listed = ", ".join(f"{name} {mu:.0f}" for name, mu in zip(names, linear.tolist(), strict=True))
    message = (
        f"linear attenuation differs ({listed}, mean {mean:.0f} 1/cm): particles of {USUAL_PARTICLE_UM:g} um are "
        f"outside Brindley's range ({names[worst]}: |mu - mean| D = {abs(contrasts[worst]):.2g}, limit {MEDIUM:g}); "
        f"the fractions hold for particles well below {finest:.2g} um only; give particle_size_um of each phase"
    )
    return [Notice("microabsorption", message)]


def _absolute(
    names: list[str],
    weights: PhaseWeights,
    covariance: FloatArray,
    bodies: Sequence[PhaseAttenuation],
    radiation: Radiation,
    given: Quantification,
) -> tuple[AbsoluteFractions | None, list[Notice]]:
    """Return the fractions of the whole specimen, and warnings."""
    known = np.flatnonzero(weights.values > 0).tolist()
    own, values = [names[k] for k in known], weights.values[known]
    if given.internal_standard is not None:
        if given.internal_standard.phase not in own:
            message = f"the internal standard {given.internal_standard.phase} is not detected: no absolute fractions"
            return None, [Notice("standard_absent", message)]
        fractions = fractions_of(values, weights.slopes[known], covariance)
        found = by_internal_standard(own, fractions.values, fractions.covariance, given.internal_standard)
        return found, _too_negative(found)
    if given.external_standard is None or not known:
        return None, []
    notices = []
    mean, slopes = _specimen_attenuation(values, [bodies[k] for k in known], radiation, given.external_standard)
    if _is_assumed(given.external_standard):
        message = (
            f"mu/rho of the specimen is taken as that of its crystalline part, {mean:.1f} cm2/g; "
            "give mass_attenuation or composition of the whole"
        )
        notices.append(Notice("attenuation_presumed", message))
    matrix = weights.slopes[known] @ covariance @ weights.slopes[known].T
    found = by_external_standard(own, values, matrix, given.external_standard, (mean, slopes))
    return found, [*notices, *_too_negative(found)]


def _specimen_attenuation(
    weights: FloatArray, bodies: Sequence[PhaseAttenuation], radiation: Radiation, standard: ExternalStandard
) -> tuple[float, FloatArray]:
    """Return mu/rho of the specimen, cm^2/g, and its derivatives with respect to the weights of its phases."""
    if standard.mass_attenuation is not None:
        return standard.mass_attenuation, np.zeros(len(weights))
    if standard.composition:
        return mixture_attenuation(standard.composition, radiation), np.zeros(len(weights))
    own = np.array([body.mass_attenuation for body in bodies])
    mean = float(weights @ own / weights.sum())
    return mean, (own - mean) / weights.sum()


def _is_assumed(standard: ExternalStandard) -> bool:
    return standard.mass_attenuation is None and not standard.composition


def _too_negative(found: AbsoluteFractions) -> list[Notice]:
    rest = found.amorphous
    if rest >= -max(TOO_NEGATIVE * rest.esd, SYSTEMATIC):
        return []
    message = (
        f"the phases make up {100 * (1 - rest):.1f} % of the specimen: the {found.method} or its fraction is wrong, or "
        "the phases do not scatter as assumed (microabsorption, texture, occupancies)"
    )
    return [Notice("more_than_everything", message)]
