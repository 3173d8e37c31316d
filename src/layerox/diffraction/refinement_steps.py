"""Refinement steps: a refinement that frees parameters step by step, and records every step.

A step starts at the last accepted minimum, and is accepted or rejected. A score test (Rao, 1948) selects what to free:
it predicts from one linearisation the fall of chi-squared if a group of parameters is freed. The order of the steps is
the matter of the strategies.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from copy import copy
from dataclasses import dataclass, replace

import numpy as np

from layerox.diffraction.least_squares import minimise
from layerox.diffraction.minimum import Data, Minimum
from layerox.diffraction.model import Model
from layerox.diffraction.parameters import Parameters, is_background, public_name
from layerox.diffraction.prior import Prior, PriorRestraint
from layerox.diffraction.refined_quantities import ModelComparison
from layerox.diffraction.restraint_terms import restraint_terms
from layerox.diffraction.restraints import Restraint
from layerox.diffraction.serial_correlation import serial_factor
from layerox.diffraction.shared_model import independent
from layerox.pattern import Pattern
from layerox.typing import FloatArray

# Fall of chi-squared (over its reduced value) required for every freed parameter. The Bayesian information criterion
# requires ln(points), 8 to 10 for a pattern; systematic misfit justifies a little more.
GAIN_PER_VARIABLE = 10.0
LOOSE, TIGHT = 0.3, 3e-4
# Number and kinds of the variables that may be fixed when a descent stalls: no cell, fraction or texture.
MOST_HELD = 4
NUISANCES = ("_u", "_v", "_w", "_x", "_y", "_s_over_l", "_inverse_size", "_microstrain")
# Largest shift over standard uncertainty at which a refinement has converged by convention.
CONVERGED_SHIFT = 0.1


@dataclass(frozen=True)
class RefinementStep:
    """One step of a refinement, for the report.

    Attributes
    ----------
    name
        What the step does.
    freed
        Names of the parameters that it frees or fixes.
    r_wp
        R_wp after it, a fraction.
    kept
        Whether it is accepted.
    reason
        Why it is rejected, or a notice.
    """

    name: str
    freed: tuple[str, ...]
    r_wp: float
    kept: bool
    reason: str = ""


class StepwiseRefinement:
    """A refinement that proceeds in steps.

    Attributes
    ----------
    model, data
        The forward model and the pattern.
    parameters
        Present values, bounds and constraints, and which of them vary.
    minimum
        The last accepted minimum.
    steps
        All steps so far.
    priors
        What is known of the quantities before the data.
    prior_restraints
        The priors of parameters that the refinement varies.
    comparisons
        Of models that competed, the last one of each set of phases.
    first_spread, first_serial
        Goodness of fit and factor of serial correlation (at least 1) for the weights of the priors before the first
        minimum.
    is_last
        Whether all quantities are refined: from then on, a misfit counts less against the priors of displacement
        factors.
    similar
        Pairs of similar phases of the model, see `similar_phases`; None if they are not known yet.
    """

    def __init__(
        self,
        model: Model,
        data: Data,
        parameters: Parameters,
        progress: Callable[[str], None] | None = None,
        restraints: Sequence[Restraint] = (),
    ):
        self.model, self.data, self.parameters, self.restraints = model, data, parameters, tuple(restraints)
        self.progress = progress
        self.priors: tuple[Prior, ...] = ()
        self.prior_restraints: tuple[PriorRestraint, ...] = ()
        self.first_spread, self.first_serial, self.is_last = 1.0, 1.0, False
        self.similar: list[tuple[int, int]] | None = None
        self.steps: list[RefinementStep] = []
        self.comparisons: dict[frozenset[str], ModelComparison] = {}
        self.evaluations = 0
        self._minimum: Minimum | None = None

    def on(self, pattern: Pattern, tail: float) -> StepwiseRefinement:
        """Return the same refinement, before its first step, of another pattern on the same angles.

        It changes nothing that it shares with this one.
        """
        other = copy(self)
        other.model, other.parameters = independent(self.model, tail), self.parameters.copy()
        other.data, other.steps = Data(pattern.intensity, 1.0 / pattern.sigma), []
        return other

    @property
    def minimum(self) -> Minimum:
        """The last accepted minimum."""
        if self._minimum is None:
            raise RuntimeError("nothing has been refined yet")
        return self._minimum

    @property
    def all_restraints(self) -> tuple[Restraint, ...]:
        """The user's restraints, and the priors weighted for the present residuals.

        A misfit of the profile shifts positions, and what changes intensities smoothly with angle (roughness,
        absorption, background) is taken up by displacement factors: residuals that are serially correlated count as
        fewer against the priors of both. Before the last step a misfit may be anything.
        """
        if not self.prior_restraints:
            return self.restraints
        spread, serial = self._spreads()
        misled = [prior.is_of_position or (self.is_last and prior.is_of_vibration) for prior in self.prior_restraints]
        priors = zip(self.prior_restraints, misled, strict=True)
        return (*self.restraints, *(prior.weighted(spread * (serial if much else 1.0)) for prior, much in priors))

    def take_weights(self, other: StepwiseRefinement) -> None:
        """Weight the priors before the first minimum as another refinement does at its present one."""
        self.first_spread, self.first_serial = other._spreads()
        self.is_last = other.is_last

    def _spreads(self) -> tuple[float, float]:
        """Return the goodness of fit, and the factor of serial correlation of the residuals."""
        if self._minimum is None:
            return self.first_spread, self.first_serial
        residuals = (self._minimum.calculated.total - self.data.intensity) * self.data.weight
        return max(self._minimum.reduced_chi_squared, 1.0) ** 0.5, serial_factor(residuals)

    def record(self, name: str, freed: Iterable[str] = (), *, kept: bool = True, reason: str = "") -> None:
        """Record a step with the present R_wp."""
        r_wp = float(np.sqrt(self.minimum.chi_squared / self.data.norm)) if self._minimum else float("nan")
        self.steps.append(RefinementStep(name, tuple(public_name(n) for n in freed), r_wp, kept, reason))
        if self.progress is not None:
            self.progress(name)

    def compare(self, found: ModelComparison) -> None:
        """Record a comparison of models, in place of an earlier one of the same phases."""
        self.comparisons[found.phases] = found

    def refine(self, name: str, freed: Sequence[str] = (), *, tolerance: float = LOOSE) -> None:
        """Free parameters and refine; the step is always accepted."""
        trial = self.parameters.copy()
        names = trial.free(freed)
        self._accept(self._minimised(trial, tolerance))
        self.record(name, names)

    def finish(self, name: str) -> None:
        """Refine to convergence. If the descent stalls, fix the least determined variable and continue.

        That is the width, axial divergence or background term with the largest component in the worst determined
        direction; no cell, fraction or texture. A largest shift below a tenth of a standard uncertainty counts as
        converged; else the reason names the parameter that still moves.
        """
        self.is_last = True
        self.refine(name, tolerance=TIGHT)
        for _ in range(MOST_HELD):
            if self.minimum.outcome == "converged" or not (held := _least_determined(self.minimum)):
                break
            trial = self.parameters.copy()
            trial.fix([held])
            self._accept(self._minimised(trial, TIGHT))
            self.record(name, [held], kept=False, reason="held: the data determine it only together with others")
        if self.minimum.outcome != "converged":
            self._accept(_ended(self.minimum))

    def adopt(self, found: Minimum) -> None:
        """Accept a minimum that was found elsewhere."""
        self._accept(found)

    def restart(
        self, name: str, start: Parameters, freed: Sequence[str], required_fall: float = GAIN_PER_VARIABLE
    ) -> bool:
        """Refine from other initial values with parameters freed; accept if chi-squared falls by `required_fall`."""
        trial = start.copy()
        trial.free(freed)
        found = self._minimised(trial, LOOSE)
        fall = self._present_objective() - found.objective
        better = fall / max(found.reduced_chi_squared, 1.0) > required_fall
        if better:
            self._accept(found)
        self.record(name, freed, kept=better, reason="" if better else "fits no better")
        return better

    def attempt(
        self,
        name: str,
        freed: Sequence[str],
        start: Mapping[str, float] | None = None,
    ) -> list[str]:
        """Free parameters, refine, and accept those that improve the fit enough and do not end at a bound.

        Parameters
        ----------
        name
            Of the step.
        freed
            Names of the parameters.
        start
            Initial values of some of them, in place of the present ones.

        Returns
        -------
        list
            The names that are accepted.
        """
        before = self.parameters
        trial = before.copy()
        for quantity, value in (start or {}).items():
            trial.assign(quantity, value)
        names = trial.free(freed)
        while names:
            found = self._minimised(trial, LOOSE)
            faults = {name: why for name in names if (why := self._fault(found, name))}
            if not faults:
                break
            self.record(
                name, list(faults), kept=False, reason="; ".join(f"{public_name(n)} {why}" for n, why in faults.items())
            )
            names = [n for n in names if n not in faults]
            trial = before.copy()
            trial.free(names)
            for k in trial.free_indices:
                trial.values[k] = found.parameters.values[k]
        if not names:
            return []
        gain = (self._present_objective() - found.objective) / max(found.reduced_chi_squared, 1.0)
        if gain < GAIN_PER_VARIABLE * len(names):
            self.record(name, names, kept=False, reason=f"lowers chi-squared by {max(gain, 0.0):.1f} only")
            return []
        self._accept(found)
        self.record(name, names)
        return names

    def hold(self, name: str, fixed: Sequence[str], reason: str) -> None:
        """Fix parameters at their present values, refine the rest, and record the reason."""
        trial = self.parameters.copy()
        trial.fix(fixed)
        self._accept(self._minimised(trial, LOOSE))
        self.record(name, fixed, kept=False, reason=reason)

    def reset(self, name: str, fixed: Sequence[str], values: Mapping[str, float], reason: str) -> bool:
        """Fix parameters at other values and refine the rest; reject this if chi-squared rises too much.

        Single parameters of a strongly correlated group can be uncertain although their combination is well known.
        """
        trial = self.parameters.copy()
        for quantity, value in values.items():
            trial.assign(quantity, value)
        trial.fix(fixed)
        found = self._minimised(trial, LOOSE)
        rise = (found.objective - self._present_objective()) / max(self.minimum.reduced_chi_squared, 1.0)
        held = rise <= GAIN_PER_VARIABLE * len(fixed)
        if held:
            self._accept(found)
        self.record(name, fixed, kept=not held, reason=reason if held else f"held, chi-squared rises by {rise:.0f}")
        return held

    def gains(self, groups: Sequence[Sequence[str]]) -> list[float]:
        """Return the predicted fall of chi-squared (over its reduced value) for each group if it alone is freed."""
        trial = self.parameters.copy()
        known = trial.free_names
        fresh = trial.free([name for group in groups for name in group])
        transfer = trial.transfer()
        order = {name: k for k, name in enumerate(trial.free_names)}
        calculated, jacobian = self.model.linearised(trial.values, transfer, self.data.weight)
        self.evaluations += 1
        residual = (calculated.total - self.data.intensity) * self.data.weight
        known_before = restraint_terms(self.all_restraints, trial.values, trial, transfer)
        normal, gradient = jacobian @ jacobian.T + known_before.normal, jacobian @ residual + known_before.gradient
        reduced = max(self.minimum.reduced_chi_squared, 1.0)
        old = [order[name] for name in known]
        result = []
        for group in groups:
            new = [order[name] for name in group if name in fresh]
            result.append(_score(normal, gradient, old, new, trial) / reduced)
        return result

    def _present_objective(self) -> float:
        """Return chi-squared of the present minimum with the penalty of the restraints as they are weighted now."""
        table = self.minimum.parameters
        added = restraint_terms(self.all_restraints, table.values, table, table.transfer())
        return self.minimum.chi_squared + added.penalty

    def _fault(self, found: Minimum, name: str) -> str:
        return "ends at its bound" if found.at_bound[found.parameters.free_names.index(name)] else ""

    def _minimised(self, trial: Parameters, tolerance: float) -> Minimum:
        found = minimise(self.model, self.data, trial, tolerance=tolerance, restraints=self.all_restraints)
        self.evaluations += found.evaluations
        return found

    def _accept(self, found: Minimum) -> None:
        self._minimum, self.parameters = found, found.parameters


def _least_determined(minimum: Minimum) -> str:
    """Return the width or background term with the largest component in the worst determined direction, or ""."""
    names = minimum.parameters.free_names
    inside = np.flatnonzero(~minimum.at_bound)
    matrix = minimum.normal_matrix[np.ix_(inside, inside)]
    scale = 1.0 / np.sqrt(np.maximum(np.diag(matrix), 1e-300))
    part = np.abs(np.linalg.eigh(matrix * np.outer(scale, scale))[1][:, 0])
    rows = [(share, names[k]) for share, k in zip(part.tolist(), inside, strict=True) if _is_nuisance(names[k])]
    return max(rows)[1] if rows else ""


def _is_nuisance(name: str) -> bool:
    instrumental = name.startswith("instrument_") and name.endswith(NUISANCES)
    return is_background(name) or instrumental or name.endswith(("_inverse_size", "_microstrain"))


def _ended(minimum: Minimum) -> Minimum:
    """Return a stalled minimum as converged if its largest shift is small, else with the parameter that moves."""
    shift = minimum.largest_shift
    if shift is None or minimum.next_step is None:
        return minimum
    if shift < CONVERGED_SHIFT:
        return replace(minimum, outcome="converged", reason=None)
    esds = np.sqrt(np.maximum(np.diag(minimum.covariance), 1e-300))
    moving = np.where(minimum.at_bound, 0.0, np.abs(minimum.next_step) / esds)
    name = public_name(minimum.parameters.free_names[int(np.argmax(moving))])
    reason = f"the refinement stalls: {name} would still move by {shift:.2g} standard uncertainties"
    return replace(minimum, reason=reason)


def _score(normal: FloatArray, gradient: FloatArray, old: list[int], new: list[int], trial: Parameters) -> float:
    """Return the predicted fall of chi-squared of a Newton step with the new variables beyond one without them."""
    if not new:
        return 0.0
    both = old + new
    step = _newton(normal, gradient, both)
    free = trial.free_indices
    for k, move in zip(new, step[len(old) :], strict=True):
        value = trial.values[free[k]]
        at_lower, at_upper = value <= trial.lower[free[k]], value >= trial.upper[free[k]]
        if (at_lower and move < 0) or (at_upper and move > 0):
            return _score(normal, gradient, old, [n for n in new if n != k], trial)
    return float(-gradient[both] @ step + gradient[old] @ _newton(normal, gradient, old))


def _newton(normal: FloatArray, gradient: FloatArray, chosen: list[int]) -> FloatArray:
    matrix = normal[np.ix_(chosen, chosen)]
    scale = 1.0 / np.sqrt(np.maximum(np.diag(matrix), 1e-300))
    scaled = matrix * np.outer(scale, scale)
    return -scale * np.linalg.lstsq(scaled, gradient[chosen] * scale, rcond=1e-10)[0]
