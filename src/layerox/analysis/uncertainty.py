"""Uncertainty: likelihood profiles and bootstrap, for parameters whose covariance is not a good estimate.

The standard uncertainties from the covariance are part of every result; these functions refine again.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace

import numpy as np

from layerox.analysis.fit import fit as refine
from layerox.computing.threads import single_threaded
from layerox.diffraction.measurement_priors import POSITION_WIDTHS
from layerox.diffraction.model_setup import Outcome
from layerox.diffraction.refined_quantities import RefinedParameter
from layerox.diffraction.refinement import Refinement
from layerox.diffraction.refinement_plan import Demand, Plan
from layerox.diffraction.staged_strategy import fit_from_result
from layerox.errors import InputError, nearest
from layerox.pattern import Pattern, poisson_sigma
from layerox.public import public
from layerox.typing import FloatArray


@dataclass(frozen=True, kw_only=True, eq=False)
class LikelihoodProfile:
    """The rise of chi-squared when one parameter is fixed at other values.

    Attributes
    ----------
    name
        Of the parameter.
    values, rise
        Values at which it was fixed, ascending, and the rise of chi-squared over its reduced value, shape (n,).
    interval
        Interval in which the rise is below one (68 % confidence); an infinite end was not reached, or is a bound.
    """

    name: str
    values: FloatArray
    rise: FloatArray
    interval: tuple[float, float]


@public
@single_threaded
def likelihood_profile(result: Refinement, name: str, *, reach: float = 2.5, points: int = 11) -> LikelihoodProfile:
    """Return the likelihood profile of a refined parameter, for example of one near its bound.

    Parameters
    ----------
    result
        Of a fit.
    name
        A parameter that was free or is at its bound.
    reach
        Distance to each side, in standard uncertainties, within the bounds.
    points
        Number of values.

    Raises
    ------
    InputError
        If the parameter was not refined.
    """
    parameter = _refined(result, name)
    centre, esd = float(parameter.number), parameter.number.esd
    low, high = max(centre - reach * esd, parameter.minimum), min(centre + reach * esd, parameter.maximum)
    values = np.unique(np.append(np.linspace(low, high, points), centre))
    # Priors are part of what is minimised, and of the standard uncertainties.
    objective = np.array([_fixed(result, name, value).minimum.objective for value in values])
    reduced = max(result.agreement.gof**2, 1.0)
    rise = (objective - objective.min()) / reduced
    return LikelihoodProfile(name=name, values=values, rise=rise, interval=_interval(values, rise))


def _refined(result: Refinement, name: str) -> RefinedParameter:
    found = [p for p in result.parameters if p.name == name and p.number.status in ("free", "at_bound")]
    if not found or not found[0].number.esd > 0:
        raise InputError(f"{name!r} was not refined", argument="name", cure=nearest(name, result.free_names))
    return found[0]


def _fixed(result: Refinement, name: str, value: float) -> Outcome:
    plan = Plan(demands={name: Demand(value=value, vary=False)})
    return fit_from_result(result.pattern, result, result.instrument, result.radiation, plan)


def _interval(values: FloatArray, rise: FloatArray) -> tuple[float, float]:
    """Return where the rise crosses one on both sides of its minimum, by linear interpolation of its square root."""
    root, best = np.sqrt(np.maximum(rise, 0.0)), int(np.argmin(rise))
    ends = []
    for side in (slice(best, None, -1), slice(best, None)):
        x, y = values[side], root[side]
        beyond = np.flatnonzero(y >= 1.0)
        if not len(beyond):
            ends.append(-np.inf if side.step else np.inf)
            continue
        k = int(beyond[0])
        ends.append(float(np.interp(1.0, y[k - 1 : k + 1], x[k - 1 : k + 1])))
    return ends[0], ends[1]


@dataclass(frozen=True, kw_only=True, eq=False)
class Bootstrap:
    """Refinements of patterns that were simulated from the fit.

    Attributes
    ----------
    names
        Of the refined parameters, and of the fractions as "P2_weight_fraction".
    samples
        Values of each refinement, shape (samples, names); refinements that did not converge are left out.
    """

    names: tuple[str, ...]
    samples: FloatArray

    def esd(self, name: str) -> float:
        """Return the standard deviation of a quantity over the samples."""
        return float(self.samples[:, self.names.index(name)].std(ddof=1))

    def interval(self, name: str, level: float = 0.6827) -> tuple[float, float]:
        """Return the central interval of a quantity with a fraction `level` of the samples."""
        tail = 0.5 * (1.0 - level)
        low, high = np.quantile(self.samples[:, self.names.index(name)], (tail, 1.0 - tail))
        return float(low), float(high)


@public
@single_threaded
def bootstrap(
    result: Refinement,
    samples: int = 100,
    *,
    seed: int = 0,
    fit: Callable[[Pattern, Refinement], Refinement] | None = None,
) -> Bootstrap:
    """Refine patterns that are drawn from the calculated one with the sigmas of the data, and position priors.

    Parameters
    ----------
    result
        Of a fit.
    samples, seed
        Number of patterns, and the seed of the random numbers.
    fit
        Function that refines a pattern from a result; by default `fit` with a warm start.

    Raises
    ------
    InputError
        If there are fewer than two samples.
    """
    if samples < 2:
        raise InputError(f"{samples} samples", argument="samples", cure="draw two or more, a hundred is usual")
    again = fit or (lambda pattern, start: refine(pattern, start=start))
    rng = np.random.default_rng(seed)
    names = (*result.free_names, *(f"{phase.name}_weight_fraction" for phase in result.phases))
    rows = []
    for _ in range(samples):
        found = again(_drawn(result, rng), _with_drawn_positions(result, rng))
        if found.status == "converged":
            values = {p.name: float(p.number) for p in found.parameters}
            values |= {f"{name}_weight_fraction": float(w) for name, w in found.weight_fractions.items()}
            rows.append([values[name] for name in names])
    return Bootstrap(names=names, samples=np.array(rows).reshape(-1, len(names)))


def _with_drawn_positions(result: Refinement, rng: np.random.Generator) -> Refinement:
    """Return a result whose priors of zero and displacement are drawn too: the esds of cells contain them."""
    priors = [
        replace(row, value=row.value + row.esd * rng.standard_normal()) if row.name in POSITION_WIDTHS else row
        for row in result.priors
    ]
    return replace(result, priors=tuple(priors))


def _drawn(result: Refinement, rng: np.random.Generator) -> Pattern:
    """Return the calculated pattern with noise: Poisson noise for counts, else normal noise with the file's sigmas."""
    if result.pattern.sigma_source == "poisson":
        counts = rng.poisson(np.maximum(result.calculated, 0.0)).astype(np.float64)
        return replace(result.pattern, intensity=counts, sigma=poisson_sigma(counts))
    noisy = result.calculated + result.pattern.sigma * rng.standard_normal(len(result.pattern))
    return replace(result.pattern, intensity=noisy)
