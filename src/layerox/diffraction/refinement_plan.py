"""Plan: what a user demands of a fit: values, bounds, what is fixed or freed, what follows what, and in which order.

A plan speaks the names that users know ("P2_a", "P2_size", "P2_*_u_iso") and knows nothing of files; recipes and
lmfit parameters are turned into one. The default plan demands nothing.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Literal

from layerox.diffraction.background import ExtraPeak
from layerox.diffraction.parameters import SIZE, Parameters, is_background, public_name
from layerox.diffraction.quantification import NO_QUANTIFICATION, Quantification
from layerox.diffraction.restraints import RestraintRequest
from layerox.errors import InputError

StrategyName = Literal["automatic", "one-stage", "stages"]


@dataclass(frozen=True, kw_only=True)
class Demand:
    """What is demanded of one parameter (or of all that a pattern matches); None leaves it as it is.

    Attributes
    ----------
    value
        Where it starts, or stays.
    vary
        True frees it whatever the strategy thinks of it, False fixes it.
    minimum, maximum
        Its bounds.
    """

    value: float | None = None
    vary: bool | None = None
    minimum: float | None = None
    maximum: float | None = None

    def overruled_by(self, other: Demand) -> Demand:
        """Return both demands, the other's where it says something."""
        return replace(self, **{key: value for key, value in vars(other).items() if value is not None})


@dataclass(frozen=True, kw_only=True)
class Variable:
    """A quantity of the user's own, for constraints to follow."""

    value: float
    minimum: float = -math.inf
    maximum: float = math.inf
    vary: bool = True


@dataclass(frozen=True, kw_only=True)
class Stage:
    """One stage of a strategy: what is let go, and what is held, before it refines; names or patterns."""

    name: str
    free: tuple[str, ...] = ()
    fix: tuple[str, ...] = ()


@dataclass(frozen=True, kw_only=True)
class Plan:
    """What a user demands of a fit.

    Attributes
    ----------
    demands
        By name or pattern, in the order in which they are applied.
    variables, constraints
        The user's own quantities, and expressions by the name of the parameter that follows them.
    strategy, stages
        How the refinement goes; stages only for the strategy of that name.
    background_terms
        Number of Chebyshev terms; None lets the data decide (six in a strategy of the user's own).
    extras
        Humps and foreign peaks; their areas vary, the rest as demanded.
    quantification
        What is told of specimen and standards.
    restraints
        What is known beside the pattern.
    serial_correlation
        Whether uncertainties are widened for serially correlated residuals.
    """

    demands: Mapping[str, Demand] = field(default_factory=dict)
    variables: Mapping[str, Variable] = field(default_factory=dict)
    constraints: Mapping[str, str] = field(default_factory=dict)
    strategy: StrategyName = "automatic"
    stages: tuple[Stage, ...] = ()
    background_terms: int | None = None
    extras: tuple[ExtraPeak, ...] = ()
    quantification: Quantification = NO_QUANTIFICATION
    restraints: tuple[RestraintRequest, ...] = ()
    serial_correlation: bool = False

    @property
    def names_nothing(self) -> bool:
        """Whether no parameter of a phase is named: the strategy may then leave phases out and exchange them."""
        return not (self.demands or self.variables or self.constraints or self.restraints)

    def referring_to(self, reference: str | None) -> Plan:
        """Return the plan with a phase to whose mass the others' are referred; None leaves it as it is."""
        if reference is None:
            return self
        return replace(self, quantification=replace(self.quantification, reference=reference))

    def apply(self, parameters: Parameters) -> None:
        """Give parameters the values, bounds and links demanded; what is fixed is locked, only variables are freed.

        Raises
        ------
        InputError
            If a name is unknown, a value is outside its bounds, or symmetry forbids what is demanded.
        """
        for name, variable in self.variables.items():
            _refuse_outside(name, variable.value, variable.minimum, variable.maximum)
            parameters.add(name, variable.value, variable.minimum, variable.maximum)
            if not variable.vary:
                parameters.lock([name])
        for found, (demand, exact) in self._by_parameter(parameters).items():
            _demand(parameters, found, demand, exact=exact)
        for name, text in self.constraints.items():
            if text != parameters.link_text(name):
                parameters.express(name, text)
        parameters.free(extra.names[-1] for extra in self.extras)

    def _by_parameter(self, parameters: Parameters) -> dict[str, tuple[Demand, bool]]:
        """Return what is demanded of each parameter (the last word counts), and whether it was named exactly."""
        merged: dict[str, tuple[Demand, bool]] = {}
        for name, demand in self.demands.items():
            for found in parameters.matching(name):
                before, exact = merged.get(found, (Demand(), False))
                merged[found] = before.overruled_by(demand), exact or name == public_name(found)
        return merged

    def free(self, parameters: Parameters) -> list[str]:
        """Let everything go that the user frees; return what was not free before."""
        merged = self._by_parameter(parameters)
        return parameters.free(name for name, (demand, _) in merged.items() if demand.vary)

    def named(self, parameters: Parameters) -> set[str]:
        """Return the names (as models have them) that the user has mentioned: no strategy presumes upon them."""
        return {found for name in (*self.demands, *self.constraints) for found in parameters.matching(name)}


def _demand(parameters: Parameters, name: str, demand: Demand, *, exact: bool) -> None:
    """Apply a demand to one parameter; what symmetry rules is an error only if it was named exactly."""
    k, public = parameters.find(name), public_name(name)
    ruled = not parameters.can_vary(name)
    if ruled:
        if exact and (demand.vary or demand.value not in (None, parameters.value(name))):
            raise InputError("is ruled by symmetry or fixed already", place=public, cure="leave it out")
        return
    low, high = _bounds(parameters, k, public, demand)
    if demand.value is not None:
        _refuse_outside(public, demand.value, low, high)
        if demand.vary and math.isinf(demand.value):
            raise InputError("cannot vary from infinity", place=public, cure="give a finite start, such as 100 (nm)")
    if public.endswith(SIZE) and public != name:
        low, high = 1.0 / high if high > 0 else math.inf, 1.0 / low if low > 0 else math.inf
    parameters.lower[k], parameters.upper[k] = low, high
    if demand.value is not None:
        parameters.assign(name, 1.0 / demand.value if public != name else demand.value)
    if demand.vary is False:
        parameters.lock([name])


def _bounds(parameters: Parameters, k: int, public: str, demand: Demand) -> tuple[float, float]:
    """Return the bounds of a parameter as users see them, the demanded ones put in."""
    low, high = float(parameters.lower[k]), float(parameters.upper[k])
    if public != parameters.names[k]:
        low, high = 1.0 / high if high > 0 else math.inf, 1.0 / low if low > 0 else math.inf
    value = demand.value
    # Without bounds of his own, a user's value moves the usual ones along: they are habits, not laws.
    if value is not None and demand.minimum is None and demand.maximum is None and not is_background(public):
        if not low <= value <= high and public.rpartition("_")[2] in ("a", "b", "c", "x", "y", "z"):
            half = 0.5 * (high - low)
            low, high = value - half, value + half
        elif value > high and math.isinf(value):
            high = value
    low = low if demand.minimum is None else demand.minimum
    high = high if demand.maximum is None else demand.maximum
    if not low <= high:
        raise InputError(f"bounds {low:g} to {high:g}", place=public, cure="give the smaller one first")
    return low, high


def _refuse_outside(name: str, value: float, low: float, high: float) -> None:
    if not low <= value <= high:
        raise InputError(f"starts at {value:g}, outside {low:g} to {high:g}", place=name, cure="correct one of them")


NO_PLAN = Plan()
