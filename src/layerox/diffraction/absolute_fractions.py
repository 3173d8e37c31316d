"""Absolute fractions: fractions of the whole specimen, and its amorphous fraction, by internal or external standards.

An internal standard is a phase that was added in a known fraction: W_abs = W (w / W_s), and the rest to one is
amorphous, or not in the model (Bish & Howard, J. Appl. Cryst. 21 (1988) 86, doi:10.1107/S0021889887009415). An
external standard is a pure phase measured under the same conditions: K = S Z M V mu* / w of the standard, and
W_abs = S Z M V mu* / K, mu* being the mass attenuation of the whole specimen (O'Connor & Raven, Powder Diffr. 3 (1988)
2, doi:10.1017/S0885715600013026). It is valid for flat, thick specimens in the whole beam.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

import numpy as np

from layerox.errors import InputError
from layerox.refined import Refined
from layerox.typing import FloatArray


@dataclass(frozen=True, kw_only=True)
class InternalStandard:
    """A phase that was added in a known fraction.

    Attributes
    ----------
    phase
        Its name.
    weight_fraction, esd
        Of its crystalline part, in the whole specimen (standard included), between 0 and 1.
    """

    phase: str
    weight_fraction: float
    esd: float = 0.0

    def __post_init__(self) -> None:
        _refuse_fraction(self.weight_fraction, self.esd, "internal_standard")


@dataclass(frozen=True, kw_only=True)
class ExternalStandard:
    """The constant of a diffractometer, determined with a pure phase, and the attenuation of the specimen.

    Attributes
    ----------
    k_factor, esd
        K in units of scale g/mol angstrom^3 cm^2/g; see `k_factor`.
    mass_attenuation
        mu/rho of the whole specimen, cm^2/g; None if it follows from `composition` or from the refined phases.
    composition
        Elements of the whole specimen in proportion by mass.
    source
        Origin of the constant.
    """

    k_factor: float
    esd: float = 0.0
    mass_attenuation: float | None = None
    composition: Mapping[str, float] = field(default_factory=dict)
    source: str = ""

    def __post_init__(self) -> None:
        if not (self.k_factor > 0 and self.esd >= 0):
            raise InputError(f"a K factor of {self.k_factor:g} with esd {self.esd:g}", place="external_standard",
                             cure="give a positive one")  # fmt: skip
        if self.mass_attenuation is not None and self.composition:
            raise InputError("both mass_attenuation and composition", place="external_standard", cure="keep one")


def _refuse_fraction(fraction: float, esd: float, place: str) -> None:
    if not (0 < fraction <= 1 and 0 <= esd < 1):
        raise InputError(f"a weight fraction of {fraction:g} with esd {esd:g}", place=place,
                         cure="give fractions between 0 and 1, not per cent")  # fmt: skip


@dataclass(frozen=True, kw_only=True)
class AbsoluteFractions:
    """Fractions of the whole specimen.

    Attributes
    ----------
    method
        "internal standard" or "external standard".
    description
        The standard in words.
    weight_fractions
        By name of the phase, between 0 and 1.
    amorphous
        The rest to one: amorphous, or crystalline and not in the model; negative if the fractions add up to more.
    amorphous_of_sample
        The same in the sample without the internal standard; None for an external one.
    k_factor
        K of an external standard; None for an internal one.
    mass_attenuation
        mu/rho of the specimen, cm^2/g; None for an internal one.
    """

    method: str
    description: str
    weight_fractions: Mapping[str, Refined]
    amorphous: Refined
    amorphous_of_sample: Refined | None = None
    k_factor: Refined | None = None
    mass_attenuation: float | None = None


def k_factor(weight: Refined, mass_attenuation: float, weight_fraction: float = 1.0, esd: float = 0.0) -> Refined:
    """Return the constant K of O'Connor & Raven from a refined standard.

    Parameters
    ----------
    weight
        S Z M V of the standard, g/mol angstrom^3.
    mass_attenuation
        mu/rho of the standard's specimen, cm^2/g.
    weight_fraction, esd
        Of the crystalline standard in its specimen: below one if a part is amorphous.

    Raises
    ------
    InputError
        If the fraction is not between 0 and 1.
    """
    _refuse_fraction(weight_fraction, esd, "external_standard")
    value = float(weight) * mass_attenuation / weight_fraction
    relative = np.hypot(weight.esd / float(weight), esd / weight_fraction)
    return Refined(value, float(value * relative), "tied")


def by_internal_standard(
    names: list[str], fractions: FloatArray, covariance: FloatArray, standard: InternalStandard
) -> AbsoluteFractions:
    """Return the fractions of the specimen from those of its crystalline phases.

    Parameters
    ----------
    names, fractions
        Of the crystalline phases; the standard's is above zero.
    covariance
        Of the fractions, shape (p, p).
    standard
        The added standard.
    """
    s = names.index(standard.phase)
    known, seen = standard.weight_fraction, fractions[s]
    slopes = known / seen * np.eye(len(names))
    slopes[:, s] -= known * fractions / seen**2
    by_weighing = fractions / seen
    matrix = slopes @ covariance @ slopes.T + np.outer(by_weighing, by_weighing) * standard.esd**2
    absolute = fractions * known / seen
    amorphous = _rest(absolute, matrix)
    of_sample = None
    if known < 1:
        # d/dw [(1 - w / W_s) / (1 - w)] = (1 - 1 / W_s) / (1 - w)^2
        from_fit = np.sqrt(max(float(covariance[s, s]), 0.0)) * known / seen**2 / (1 - known)
        from_weighing = standard.esd * (1 / seen - 1) / (1 - known) ** 2
        of_sample = Refined(float(amorphous) / (1 - known), float(np.hypot(from_fit, from_weighing)), "tied")
    return AbsoluteFractions(
        method="internal standard",
        description=f"{100 * known:g} wt% {standard.phase} weighed in",
        weight_fractions=_refined(names, absolute, matrix),
        amorphous=amorphous,
        amorphous_of_sample=of_sample,
    )


def by_external_standard(
    names: list[str], weights: FloatArray, covariance: FloatArray, standard: ExternalStandard,
    attenuation: tuple[float, FloatArray],
) -> AbsoluteFractions:  # fmt: skip
    """Return the fractions of the specimen from the scales.

    Parameters
    ----------
    names, weights
        S Z M V of the phases, g/mol angstrom^3.
    covariance
        Of the weights, shape (p, p).
    standard
        The constant.
    attenuation
        mu/rho of the specimen, cm^2/g, and its derivatives with respect to the weights (zero if it was given).
    """
    mean, by_weights = attenuation
    absolute = weights * mean / standard.k_factor
    slopes = (mean * np.eye(len(names)) + np.outer(weights, by_weights)) / standard.k_factor
    relative = standard.esd / standard.k_factor
    matrix = slopes @ covariance @ slopes.T + np.outer(absolute, absolute) * relative**2
    return AbsoluteFractions(
        method="external standard",
        description=standard.source or "K factor as given",
        weight_fractions=_refined(names, absolute, matrix),
        amorphous=_rest(absolute, matrix),
        k_factor=Refined(standard.k_factor, standard.esd),
        mass_attenuation=mean,
    )


def _refined(names: list[str], values: FloatArray, covariance: FloatArray) -> dict[str, Refined]:
    esds = np.sqrt(np.maximum(np.diag(covariance), 0.0))
    rows = zip(names, values.tolist(), esds.tolist(), strict=True)
    return {name: Refined(value, esd, "tied" if esd > 0 else "fixed") for name, value, esd in rows}


def _rest(values: FloatArray, covariance: FloatArray) -> Refined:
    return Refined(1.0 - float(values.sum()), float(np.sqrt(max(float(covariance.sum()), 0.0))), "tied")
