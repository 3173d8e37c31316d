"""Verdict: whether the kinds of galleries are in one particle (coherent) or in separate ones (a mixture).

The pattern is fitted with the intergrowth and with the best mixture of its ends. Chi-squared of the mixture less that
of the intergrowth must exceed a threshold: a statistical part (a fall that one parameter reaches by chance in one of
2000 fits, times the reduced chi-squared), and a systematic part, the share of the misfit of the better model that
errors outside both models can turn to either side.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np

from layerox.diffraction.disordered.mixture import best_mixture
from layerox.diffraction.disordered.phase import PERSISTENCE, SPACING, DisorderedPhase
from layerox.diffraction.disordered.refined_stacking import (
    ONE_SIDED,
    VAGUE_THICKNESS,
    StackingVerdict,
    Verdict,
)
from layerox.diffraction.disordered.stacking_search import stacking_names
from layerox.diffraction.minimum import Data, Minimum
from layerox.diffraction.model import Model
from layerox.diffraction.model_setup import Outcome
from layerox.diffraction.parameters import slot_name
from layerox.diffraction.refined_quantities import RefinedPhase
from layerox.typing import FloatArray

# Chi-squared of one parameter that noise exceeds in one of 2000 fits, and the systematic share of the excess misfit.
STATISTICAL, SYSTEMATIC = 12.0, 0.5
# Multiple of the threshold above which the mixture is not refined to the end.
CLEARLY = 30.0
# Support (in standard uncertainties) of the rarest kind below which there is nothing to decide.
SUPPORT = 3.0
# Fraction that counts as none if it has no uncertainty.
LEAST_FRACTION = 1e-3
# Relative distance from a limit at which a spacing ends there.
LEAST_MARGIN = 1e-4
# Galleries above which lamellae count as separate particles if a mixture fits as well.
SEPARATE = 60.0
# Changes of a fraction, and of ln(thickness), up to which the verdict of an earlier fit is kept.
SIMILAR_FRACTION, SIMILAR_THICKNESS = 0.03, 0.3
# Width of the regions whose part of delta chi-squared is listed (degrees), and their number.
REGION, REGIONS = 1.0, 4


@dataclass(frozen=True, eq=False)
class _Comparison:
    """Chi-squared of mixture and intergrowth, the threshold, and the difference at each point, shape (n,)."""

    delta: float
    threshold: float
    by_point: FloatArray


def with_verdicts(outcome: Outcome, data: Data, start: Sequence[RefinedPhase] = ()) -> Outcome:
    """Return an outcome with the verdicts on its disordered phases.

    Parameters
    ----------
    outcome, data
        Of the fit, and the pattern.
    start
        Phases of the result that the fit started from: a verdict is kept while fractions and thickness are similar.
    """
    if not any(isinstance(phase, DisorderedPhase) for phase in outcome.model.phases):
        return outcome
    kept = {p.name: p.stacking.verdict for p in start if p.stacking and p.stacking.verdict and _is_similar(p, outcome)}
    model, minimum = outcome.model, outcome.minimum
    known = {**kept, **outcome.verdicts}
    verdicts = stacking_verdicts(model, data, minimum, exclude={*known, *outcome.unsupported})
    return replace(outcome, verdicts={**known, **verdicts})


def _is_similar(phase: RefinedPhase, outcome: Outcome) -> bool:
    """Whether a phase of an earlier result has nearly the stacking that an outcome has."""
    value, stacking = outcome.minimum.parameters.value, phase.stacking
    now = next((p for p in outcome.model.phases if p.name == phase.name), None)
    if stacking is None or not isinstance(now, DisorderedPhase):
        return False
    further = zip(now.stacking_slots, stacking.fractions[1:], strict=False)
    moved = max(abs(value(slot_name(now, slot)) - float(old)) for slot, old in further)
    leaving = [max(1.0 - x, 1e-6) for x in (value(slot_name(now, PERSISTENCE)), float(stacking.persistence))]
    return moved < SIMILAR_FRACTION and abs(np.log(leaving[0] / leaving[1])) < SIMILAR_THICKNESS


def stacking_verdicts(
    model: Model, data: Data, minimum: Minimum, exclude: Collection[str] = ()
) -> Mapping[str, StackingVerdict]:
    """Return the verdict on each disordered phase of a minimum that has intensity, by name; `exclude` has none."""
    found = {}
    for phase in model.phases:
        if phase.name in exclude:
            continue
        if isinstance(phase, DisorderedPhase) and minimum.parameters.value(slot_name(phase, "scale")) > 0.0:
            found[phase.name] = _verdict(model, data, minimum, phase)
    return found


def _verdict(model: Model, data: Data, minimum: Minimum, phase: DisorderedPhase) -> StackingVerdict:
    compared = _compare(model, data, minimum, phase)
    fraction, support = _rarest(model, minimum, phase)
    least, vague = _least_thickness(model, minimum, phase)
    verdict: Verdict
    if not set(stacking_names(phase)) & set(minimum.parameters.free_names):
        verdict, reason = "undetermined", "neither fraction nor persistence is refined"
    else:
        verdict, reason = _decide(compared, (fraction, support), (least, vague), phase)
    if verdict != "mixture" and (limit := _limit_reached(minimum, phase)):
        verdict, reason = "undetermined", f"{reason}; {limit}, as it does if the structures are others"
    return StackingVerdict(
        verdict=verdict,
        delta_chi_squared=compared.delta,
        threshold=compared.threshold,
        reason=reason,
        deciding=_deciding(model.two_theta, compared.by_point),
    )


def _compare(model: Model, data: Data, minimum: Minimum, phase: DisorderedPhase) -> _Comparison:
    points = data.intensity.size
    scale = max(minimum.chi_squared / points, 1.0)
    enough = CLEARLY * (STATISTICAL * scale + SYSTEMATIC * max(minimum.chi_squared - points, 0.0))
    _, mixture = best_mixture(model, data, minimum, phase, enough)
    own, other = (((found.calculated.total - data.intensity) * data.weight) ** 2 for found in (minimum, mixture))
    by_point = other - own
    better = min(float(own.sum()), float(other.sum()))
    reduced = max(better / points, 1.0)
    threshold = STATISTICAL * reduced + SYSTEMATIC * max(better - points, 0.0)
    return _Comparison(float(by_point.sum()), threshold, by_point)


def _decide(
    compared: _Comparison, rarest: tuple[str, float], thickness: tuple[float, bool], phase: DisorderedPhase
) -> tuple[Verdict, str]:
    delta, threshold = compared.delta, compared.threshold
    kind, support = rarest
    least, vague = thickness
    ends = " and ".join(phase.disorder.kinds)
    figures = f"chi-squared of the mixture less that of the intergrowth is {delta:.0f}, the threshold {threshold:.0f}"
    if delta > threshold and not vague:
        return "coherent", f"a mixture of {ends} fits worse: {figures}"
    if support < SUPPORT:
        return "undetermined", f"galleries of {kind} are not supported ({support:.1f} standard uncertainties)"
    if delta < -threshold:
        return "mixture", f"a mixture of {ends} fits better: {figures}"
    if delta <= threshold and least > SEPARATE:
        return "mixture", f"a mixture of {ends} fits as well, and lamellae have more than {least:.0f} galleries"
    return "undetermined", f"the pattern does not distinguish the two: {figures}"


def _limit_reached(minimum: Minimum, phase: DisorderedPhase) -> str:
    """Return which spacing ends at the limit of its range, within its standard uncertainty; nothing if none does."""
    table = minimum.parameters
    for kind in phase.disorder.kinds:
        name = slot_name(phase, f"{SPACING}_{kind}")
        k, value = table.find(name), table.value(name)
        margin = max(minimum.esd(name), LEAST_MARGIN * value)
        if name in table.free_names and not table.lower[k] + margin < value < table.upper[k] - margin:
            return f"the spacing of {kind} ends at the limit of its range ({value:.3f} A)"
    return ""


def _rarest(model: Model, minimum: Minimum, phase: DisorderedPhase) -> tuple[str, float]:
    """Return the rarest kind, and its fraction over its standard uncertainty."""
    block = model.phase_blocks[model.phases.index(phase)]
    fractions = phase.fractions(minimum.parameters.values[block])
    slopes = phase.fraction_slopes(block.stop - block.start) @ minimum.parameters.transfer()[block]
    esds = np.sqrt(np.maximum(np.einsum("kv,vw,kw->k", slopes, minimum.covariance, slopes), 0.0))
    k = int(np.argmin(fractions))
    if esds[k] > 0.0:
        return phase.disorder.kinds[k], float(fractions[k] / esds[k])
    # Not refined, or at its bound.
    return phase.disorder.kinds[k], np.inf if fractions[k] > LEAST_FRACTION else 0.0


def _least_thickness(model: Model, minimum: Minimum, phase: DisorderedPhase) -> tuple[float, bool]:
    """Return the lower bound of the thickness (harmonic mean, 95 % one-sided), and whether it is only a bound."""
    name = slot_name(phase, PERSISTENCE)
    # At its bound, a variable has the uncertainty without the bound.
    persistence, esd = minimum.parameters.value(name), minimum.esd(name)
    kinds = len(phase.disorder.kinds)
    change = max(1.0 - persistence, 1e-9)
    least = kinds / (kinds - 1) / (change + ONE_SIDED * esd)
    return least, esd / change > VAGUE_THICKNESS


def _deciding(two_theta: FloatArray, by_point: FloatArray) -> tuple[tuple[float, float], ...]:
    """Return the middle of the regions with the largest parts of delta chi-squared, and these parts."""
    edges = np.arange(np.floor(two_theta[0]), two_theta[-1] + REGION, REGION)
    sums = np.add.reduceat(
        by_point, np.searchsorted(two_theta, edges[edges < two_theta[-1]]).clip(0, len(by_point) - 1)
    )
    order = np.argsort(-np.abs(sums))[:REGIONS]
    total = float(np.abs(by_point).sum())
    return tuple((float(edges[k] + REGION / 2), float(sums[k])) for k in order.tolist() if abs(sums[k]) > 0.01 * total)
