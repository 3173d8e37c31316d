"""Model uncertainty: the accuracy of weight fractions: what a refinement holds fixed, with what is known of it.

A quantity q that is held at its prior value shifts the fractions by B dq, where dq is its true error and B the
response of the minimum (the implicit function of least squares: one solve with the normal matrix). The data say
something about dq too: its mean m and covariance C are those of one step with the prior,
C = (P + S / s^2)^-1 and m = C g / s^2 (S, g: normal matrix and gradient of the held quantities without the part of the
variables; s: goodness of fit). The mean square error of the fractions is that of the counts, plus B (C + m m^T) B^T.
A texture that the March function does not describe is such a quantity: the share of crystallites at random beside it.
Particle sizes that are not stated (microabsorption) and the orders that spherical harmonics leave out add theirs.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property, partial

import numpy as np

from layerox.diffraction.absorption import phase_attenuation
from layerox.diffraction.linear_response import LinearResponse
from layerox.diffraction.measurement_priors import SPECIMEN_EFFECTS
from layerox.diffraction.minimum import Minimum
from layerox.diffraction.model import Model
from layerox.diffraction.parameters import INVERSE_SIZE, Parameters, slot_name
from layerox.diffraction.phase import Phase
from layerox.diffraction.prior import Prior
from layerox.diffraction.prior_settings import PriorSetting
from layerox.diffraction.quantification import Quantification, Quantities
from layerox.diffraction.specimen_effects import change_by, is_seen
from layerox.diffraction.unknown_particles import fraction_variances
from layerox.diffraction.weight_fractions import fraction_slopes, of_the_specimen, phase_weights
from layerox.typing import FloatArray

# Relative uncertainty of stated particle sizes.
PARTICLES_STATED = 0.3
MICROABSORPTION = "microabsorption"
# Change of a fraction from which a term of the background that is not refined is listed.
LISTED_CHANGE = 5e-4
# Uncertainty of the orders that spherical harmonics leave out, as a share of the coefficients of the highest refined.
NEXT_ORDER_SHARE = 0.25
EFFECTS = {effect.prior: effect for effect in SPECIMEN_EFFECTS}


@dataclass(frozen=True, kw_only=True)
class PriorQuantity:
    """A quantity with a prior, and what the data add to it.

    Attributes
    ----------
    name
        Public name.
    value, esd
        The prior value and its standard uncertainty, in the unit of the quantity.
    posterior_value, posterior_esd
        Refined with the data; if it is not refined, after one linear step that the refinement does not use.
    provenance
        Where the prior comes from.
    changes
        By phase: fitted minus true weight fraction if the true quantity is larger by `esd`.
    is_refined
        Whether the refinement varies it.
    is_relative
        Whether the prior is log-normal.
    """

    name: str
    value: float
    esd: float
    posterior_value: float
    posterior_esd: float
    provenance: str
    changes: Mapping[str, float]
    is_refined: bool = False
    is_relative: bool = False

    @property
    def setting(self) -> PriorSetting:
        """The prior as a setting of another refinement."""
        esd = self.esd / self.value if self.is_relative else self.esd
        return PriorSetting(esd=esd, value=self.value, is_relative=self.is_relative, provenance=self.provenance)


@dataclass(frozen=True, kw_only=True)
class ModelUncertainty:
    """The accuracy of the weight fractions.

    Attributes
    ----------
    esd_model
        By phase: standard uncertainty of the weight fraction with everything that is held.
    parts
        By source ("counts", "priors", "microabsorption"): its share of it, by phase.
    rows
        Returns `priors`.
    """

    esd_model: Mapping[str, float]
    parts: Mapping[str, Mapping[str, float]]
    rows: Callable[[], tuple[PriorQuantity, ...]]

    @cached_property
    def priors(self) -> tuple[PriorQuantity, ...]:
        """The quantities with a prior: those that were refined, and those that were not."""
        return self.rows()

    def of_the_pattern(self, name: str) -> float:
        """Return the standard uncertainty of a fraction without the sizes of particles, which no pattern shows."""
        return math.sqrt(sum(row[name] ** 2 for source, row in self.parts.items() if source != MICROABSORPTION))


def model_uncertainty(
    linear: LinearResponse, priors: Sequence[Prior], found: Quantities, given: Quantification
) -> ModelUncertainty:
    """Return the accuracy of the weight fractions at a minimum.

    Parameters
    ----------
    linear
        The model linearised at its minimum.
    priors
        What is known of the quantities of its phases.
    found, given
        The derived quantities, and the user's information on the specimen.
    """
    names = [phase.name for phase in linear.model.phases]
    held = _Held(linear, priors)
    attenuations = held.attenuation_variances(linear.model, linear.minimum.parameters.values)
    squares = {
        "counts": found.fractions.esds**2,
        "priors": held.variances() + _of_refined(linear),
        MICROABSORPTION: _microabsorption(found, given, attenuations),
    }
    if any(phase.harmonic_order for phase in linear.model.phases):
        squares["texture model"] = _texture(linear)
    parts = {
        source: dict(zip(names, np.sqrt(np.maximum(values, 0.0)).tolist(), strict=True))
        for source, values in squares.items()
    }
    total = np.sqrt(np.maximum(sum(squares.values()), 0.0))
    # What they hold is small: the linearised model is not kept.
    rows = partial(_rows, held, linear.minimum, priors, (linear.slopes, linear.inverse), names)
    return ModelUncertainty(esd_model=dict(zip(names, total.tolist(), strict=True)), parts=parts, rows=rows)


def carried_priors(model: Model, minimum: Minimum, priors: Sequence[Prior]) -> dict[str, PriorSetting | None] | None:
    """Return the settings of refined quantities and None for those held, by the names of `ModelUncertainty.priors`.

    They need no linearised model. Held terms of the background, listed there for their effect, are missing; None if one
    of them is at a bound.
    """
    refined, held = _refined_priors(minimum, priors), _held_priors(model, minimum, priors)
    free = set(minimum.parameters.free_names)
    stuck = [prior for prior in held if free & set(prior.parts)]
    if any(prior.is_of_background for prior in stuck):
        return None
    found: dict[str, PriorSetting | None] = {prior.name: None for prior in held if not prior.is_of_background}
    for prior in (*refined, *stuck):
        found[prior.name] = _row(prior, prior.value, 0.0, {}).setting
    return found


def _held_priors(model: Model, minimum: Minimum, priors: Sequence[Prior]) -> list[Prior]:
    """Return the priors of quantities that do not move, those at a bound included."""
    moving = set(_inside(minimum))
    return [prior for prior in priors if _is_held(prior, model, minimum.parameters, moving)]


def _refined_priors(minimum: Minimum, priors: Sequence[Prior]) -> list[Prior]:
    """Return the priors of quantities that move."""
    names = {name for name in _inside(minimum) if minimum.prior_curvature.get(name, 0.0)}
    return [prior for prior in priors if len(prior.parts) == 1 and names >= prior.parts.keys()]


def _inside(minimum: Minimum) -> list[str]:
    """Return the names of the variables that are not at a bound."""
    return [name for name, stuck in zip(minimum.parameters.free_names, minimum.at_bound, strict=True) if not stuck]


class _Held:
    """The held quantities in units of their prior standard uncertainty: their posterior and their effects."""

    def __init__(self, linear: LinearResponse, priors: Sequence[Prior]):
        self.phases = len(linear.model.phases)
        self.priors = _held_priors(linear.model, linear.minimum, priors)
        if not self.priors:
            return
        curves, direct = _derivatives(linear, self.priors)
        self.effects = linear.fraction_changes(curves) - direct
        variance = linear.spread**2
        self.covariance = np.linalg.inv(np.eye(len(self.priors)) + curves.T @ linear.unfollowed(curves) / variance)
        self.mean = self.covariance @ (curves.T @ linear.difference) / variance
        # The data push those at their bound beyond it, where they cannot be.
        free = set(linear.minimum.parameters.free_names)
        self.at_bound = [bool(free & set(prior.parts)) for prior in self.priors]
        self.mean[self.at_bound] = 0.0

    def variances(self) -> FloatArray:
        """Return the mean square errors of the fractions due to the held quantities, shape (p,)."""
        if not self.priors:
            return np.zeros(self.phases)
        return np.asarray(np.einsum("pm,mn,pn->p", self.effects, self._moments, self.effects))

    def attenuation_variances(self, model: Model, values: FloatArray) -> FloatArray:
        """Return the variances of linear attenuations due to held occupancies, (1/cm)^2, shape (p,)."""
        squares = np.zeros(self.phases)
        for k, (phase, block) in enumerate(zip(model.phases, model.phase_blocks, strict=True)):
            own = [m for m, prior in enumerate(self.priors) if prior.phase == phase.name and prior.is_of_occupancies]
            if own:
                slopes = phase_attenuation(phase.crystal, values[block], model.radiation).linear_slopes
                steps = np.array([_change(self.priors[m], phase, slopes) for m in own])
                squares[k] = steps @ self._moments[np.ix_(own, own)] @ steps
        return squares

    @property
    def _moments(self) -> FloatArray:
        """The mean squares and products of the errors of the held quantities, in units of their priors."""
        return np.asarray(self.covariance + np.outer(self.mean, self.mean))

    def rows(self, names: Sequence[str]) -> list[PriorQuantity]:
        """Return the held quantities for the report."""
        return [
            _row(
                prior,
                prior.value + prior.step * float(self.mean[k]),
                prior.step * math.sqrt(float(self.covariance[k, k])),
                dict(zip(names, self.effects[:, k].tolist(), strict=True)),
                is_refined=self.at_bound[k],
            )
            for k, prior in enumerate(self.priors)
            if not prior.is_of_background or np.abs(self.effects[:, k]).max() > LISTED_CHANGE
        ]


def _change(prior: Prior, phase: Phase, slopes: FloatArray) -> float:
    """Return the change of a quantity of a phase, with derivatives by its slots, for one prior esd."""
    places = {slot_name(phase, slot): k for k, slot in enumerate(phase.slot_names)}
    return prior.step * sum(factor * float(slopes[places[name]]) for name, factor in prior.parts.items())


def _of_refined(linear: LinearResponse) -> FloatArray:
    """Return the variances of the fractions due to the priors of refined quantities, shape (p,)."""
    minimum = linear.minimum
    curvature = (minimum.prior_diagonal * minimum.prior_variances)[~minimum.at_bound]
    response = linear.slopes @ linear.inverse
    return np.asarray((response**2 * curvature).sum(axis=1))


def _rows(
    held: _Held,
    minimum: Minimum,
    priors: Sequence[Prior],
    response: tuple[FloatArray, FloatArray],
    names: Sequence[str],
) -> tuple[PriorQuantity, ...]:
    """Return the refined quantities that have a prior, then the held ones; `response` are slopes and inverse."""
    return (*_refined_rows(minimum, priors, response, names), *held.rows(names))


def _refined_rows(
    minimum: Minimum, priors: Sequence[Prior], response: tuple[FloatArray, FloatArray], names: Sequence[str]
) -> Iterator[PriorQuantity]:
    """Yield the refined quantities that have a prior."""
    slopes, inverse = response
    inside = _inside(minimum)
    for prior in _refined_priors(minimum, priors):
        (name,) = prior.parts
        moved = -(slopes @ inverse[:, inside.index(name)]) * minimum.prior_curvature[name] * prior.step
        changes = dict(zip(names, moved.tolist(), strict=True))
        yield _row(prior, minimum.parameters.value(name), minimum.esd(name), changes, is_refined=True)


def _row(
    prior: Prior, value: float, esd: float, changes: Mapping[str, float], *, is_refined: bool = False
) -> PriorQuantity:
    """Return a quantity with its posterior value and esd, in public units: a size, not its inverse."""
    before, step = prior.value, prior.step
    if any(name.endswith(INVERSE_SIZE) for name in prior.parts):
        step, before = step / before**2, 1.0 / before
        esd, value = (esd / value**2, 1.0 / value) if value > 0 else (math.inf, math.inf)
        changes = {name: -change for name, change in changes.items()}
    return PriorQuantity(
        name=prior.name,
        value=before,
        esd=step,
        posterior_value=value,
        posterior_esd=esd,
        provenance=prior.provenance,
        changes=changes,
        is_refined=is_refined,
        is_relative=prior.is_relative,
    )


def _is_held(prior: Prior, model: Model, parameters: Parameters, free: set[str]) -> bool:
    """Whether a quantity does not move and belongs to the diffractometer or to a phase of the model that is present."""
    fixed = all(_is_fixed(parameters, name, free) for name in prior.parts)
    if effect := EFFECTS.get(prior.name):
        return not parameters.value(effect.parameter) and effect.parameter not in free and is_seen(effect, model)
    if prior.is_of_diffractometer:
        # Without any, axial divergence has no derivative.
        return fixed and not prior.name.endswith("_over_l")
    if prior.is_of_calibration or prior.is_of_background:
        return fixed
    phase = next((phase for phase in model.phases if phase.name == prior.phase), None)
    if phase is None or not phase.is_weighed or parameters.value(slot_name(phase, "scale")) <= 0:
        return False
    return fixed if prior.parts else slot_name(phase, "preferred_orientation") in free


def _is_fixed(parameters: Parameters, name: str, free: set[str]) -> bool:
    return parameters.can_vary(name) and name not in free


def _derivatives(linear: LinearResponse, priors: Sequence[Prior]) -> tuple[FloatArray, FloatArray]:
    """Return the weighted curves (n, m) and the changes of the fractions (p, m) for one prior esd of each quantity."""
    model, table = linear.model, linear.minimum.parameters.copy()
    table.fix(table.free_names)
    table.free(dict.fromkeys(name for prior in priors for name in prior.parts))
    place = {name: k for k, name in enumerate(table.free_names)}
    mixing = np.zeros((len(place), len(priors)))
    for m, prior in enumerate(priors):
        for name, factor in prior.parts.items():
            mixing[place[name], m] = factor * prior.step
    count = len(model.names)
    values, transfer = table.values[:count], table.transfer()[:count]
    _, jacobian = model.linearised(values, transfer, linear.data.weight)
    weights = of_the_specimen(phase_weights(model, values, transfer), model.phases)
    curves = jacobian.T @ mixing
    for m, prior in enumerate(priors):
        if not prior.parts:
            effect = EFFECTS.get(prior.name)
            curve = change_by(effect, linear) if effect else _without_texture(linear, prior.phase)
            curves[:, m] = prior.step * curve
    return curves, fraction_slopes(weights.values, weights.slopes)[1] @ mixing


def _without_texture(linear: LinearResponse, name: str) -> FloatArray:
    """Return the weighted change of the pattern if all crystallites of a phase are at random, shape (n,)."""
    model, values = linear.model, linear.minimum.parameters.values[: len(linear.model.names)].copy()
    (k,) = (k for k, phase in enumerate(model.phases) if phase.name == name)
    values[model.names.index(slot_name(model.phases[k], "preferred_orientation"))] = 1.0
    change = model.calculated(values).phases[k] - linear.minimum.calculated.phases[k]
    return np.asarray(change * linear.data.weight)


def _microabsorption(found: Quantities, given: Quantification, held: FloatArray) -> FloatArray:
    """Return the mean square errors of the fractions by absorption in particles, or by that of the correction made.

    `held` are the variances of the linear attenuation of the phases due to what is held, (1/cm)^2, shape (p,).
    """
    fractions = found.fractions.values
    known = np.flatnonzero(fractions > 0)
    squares = np.zeros(len(fractions))
    if len(known) < 2 or any(found.linear_attenuations[k] is None for k in known):
        return squares
    own = fractions[known]
    if not given.particle_sizes_um:
        densities, linear = (np.array([float(row[k] or 0.0) for k in known])
                             for row in (found.densities, found.linear_attenuations))  # fmt: skip
        refined = np.array([getattr(found.linear_attenuations[k], "esd", 0.0) for k in known])
        esds = np.sqrt(refined**2 + held[known])
        squares[known] = fraction_variances(own, densities, linear, given.particle_range_um, esds)
        return squares
    # A factor tau(D) is exp(-slope D) to first order.
    logarithms = np.log([getattr(found.microabsorption[k], "factor", 1.0) for k in known])
    slopes = np.diag(own) - np.outer(own, own)
    squares[known] = (PARTICLES_STATED * slopes * logarithms) ** 2 @ np.ones(len(known))
    return squares


def _texture(linear: LinearResponse) -> FloatArray:
    """Return the variances of the fractions due to the orders that refined harmonics leave out, shape (p,)."""
    table, free = linear.minimum.parameters, ~linear.minimum.at_bound
    names = [name for name, inside in zip(table.free_names, free, strict=True) if inside]
    response = linear.slopes @ linear.inverse
    total = np.zeros(len(linear.model.phases))
    for phase in linear.model.phases:
        for name in _highest_harmonics(phase, names) if phase.is_weighed else ():
            k = names.index(name)
            # With the coefficient held at another value, the minimum moves along its row of the covariance.
            slope = response[:, k] / linear.inverse[k, k] if linear.inverse[k, k] > 0 else 0.0
            total += (slope * NEXT_ORDER_SHARE * table.value(name)) ** 2
    return total


def _highest_harmonics(phase: Phase, refined: Sequence[str]) -> list[str]:
    """Return the names of the refined coefficients of the highest order."""
    found = {slot_name(phase, slot): slot.split("_")[1] for slot in phase.harmonic_slots}
    found = {name: order for name, order in found.items() if name in refined}
    return [name for name, order in found.items() if order == max(found.values())]
