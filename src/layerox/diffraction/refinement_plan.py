"""Refinement plan: the user's settings of a fit: values, bounds, free and fixed parameters, constraints, stages.

A plan uses the public names ("P2_a", "P2_size", "P2_*_u_iso"). Recipes and lmfit parameters are converted into plans;
files are not read here. The default plan is empty.
"""

from __future__ import annotations

import math
import re
from collections.abc import Mapping, Set
from dataclasses import dataclass, field, replace
from fnmatch import fnmatchcase
from typing import Literal

from layerox.diffraction.background import BLANK, ExtraPeak, MeasuredBackground
from layerox.diffraction.parameters import SIZE, Parameters, is_background, public_name
from layerox.diffraction.prior_settings import PriorSettings
from layerox.diffraction.quantification import NO_QUANTIFICATION, Quantification
from layerox.diffraction.restraints import RestraintRequest
from layerox.errors import InputError

StrategyName = Literal["automatic", "one-stage", "stages"]


@dataclass(frozen=True, kw_only=True)
class Demand:
    """The settings of one parameter, or of all that a pattern matches; None leaves a setting as it is.

    Attributes
    ----------
    value
        Initial value, or the value of a fixed parameter.
    vary
        True frees it in any strategy, False fixes it.
    minimum, maximum
        Bounds.
    """

    value: float | None = None
    vary: bool | None = None
    minimum: float | None = None
    maximum: float | None = None

    def updated_by(self, other: Demand) -> Demand:
        """Return both settings; those that `other` states take precedence."""
        return replace(self, **{key: value for key, value in vars(other).items() if value is not None})


@dataclass(frozen=True, kw_only=True)
class Variable:
    """A variable of the user, for use in constraints."""

    value: float
    minimum: float = -math.inf
    maximum: float = math.inf
    vary: bool = True


@dataclass(frozen=True, kw_only=True)
class Stage:
    """One stage of a strategy: names or patterns of the parameters to free and to fix before it refines."""

    name: str
    free: tuple[str, ...] = ()
    fix: tuple[str, ...] = ()


@dataclass(frozen=True, kw_only=True)
class Plan:
    """The user's settings of a fit.

    Attributes
    ----------
    demands
        Settings by name or pattern, in the order in which they are applied.
    variables, constraints
        The user's variables, and expressions by the name of the constrained parameter.
    strategy, stages
        The strategy, and the stages of the strategy "stages".
    background_terms
        Number of Chebyshev terms; None: as the data support (six in a staged strategy).
    extras
        Humps and foreign peaks; their areas vary, their other parameters according to `demands`.
    blank
        A measured blank, whose scale varies; None without one.
    quantification
        Standards, particle sizes and the reference phase.
    restraints
        Observations in addition to the pattern.
    serial_correlation
        Whether uncertainties are widened for serially correlated residuals.
    priors
        Settings of priors by name or pattern.
    """

    demands: Mapping[str, Demand] = field(default_factory=dict)
    variables: Mapping[str, Variable] = field(default_factory=dict)
    constraints: Mapping[str, str] = field(default_factory=dict)
    strategy: StrategyName = "automatic"
    stages: tuple[Stage, ...] = ()
    background_terms: int | None = None
    extras: tuple[ExtraPeak, ...] = ()
    blank: MeasuredBackground | None = None
    quantification: Quantification = NO_QUANTIFICATION
    restraints: tuple[RestraintRequest, ...] = ()
    serial_correlation: bool = False
    priors: PriorSettings = field(default_factory=dict)

    @property
    def names_no_parameter(self) -> bool:
        """Whether the plan names no parameter: the strategy may then leave out and exchange phases."""
        return not (self.demands or self.variables or self.constraints or self.restraints)

    def links(self, names: Set[str]) -> bool:
        """Whether a constraint relates any of these parameters (by public name) to another phase or a variable."""
        groups = (set(re.findall(r"[^\W\d]\w*", f"{name} {text}")) for name, text in self.constraints.items())
        return any(group & names and not group <= names for group in groups)

    def with_reference(self, reference: str | None) -> Plan:
        """Return the plan with a reference phase for the masses of the others; None leaves it as it is."""
        if reference is None:
            return self
        return replace(self, quantification=replace(self.quantification, reference=reference))

    def apply(self, parameters: Parameters) -> None:
        """Apply values, bounds and constraints to parameters; fixed ones are locked, only variables are freed.

        Raises
        ------
        InputError
            If a name is unknown, a value is outside its bounds, or symmetry forbids a setting.
        """
        for name, variable in self.variables.items():
            _refuse_outside(name, variable.value, variable.minimum, variable.maximum)
            parameters.add(name, variable.value, variable.minimum, variable.maximum)
            if not variable.vary:
                parameters.lock([name])
        for found, (demand, exact) in self._by_parameter(parameters).items():
            _apply_demand(parameters, found, demand, exact=exact)
        for name, text in self.constraints.items():
            if text != parameters.link_text(name):
                parameters.express(name, text)
        parameters.free(extra.names[-1] for extra in self.extras)
        if self.blank is not None:
            parameters.free([BLANK])

    def _by_parameter(self, parameters: Parameters) -> dict[str, tuple[Demand, bool]]:
        """Return the settings of each parameter (later ones take precedence), and whether it was named exactly."""
        merged: dict[str, tuple[Demand, bool]] = {}
        for name, demand in self.demands.items():
            for found in parameters.matching(name):
                before, exact = merged.get(found, (Demand(), False))
                merged[found] = before.updated_by(demand), exact or name == public_name(found)
        return merged

    def free(self, parameters: Parameters) -> list[str]:
        """Free all parameters that the user frees; return those that were not free before."""
        merged = self._by_parameter(parameters)
        return parameters.free(name for name, (demand, _) in merged.items() if demand.vary)

    def is_named(self, name: str) -> bool:
        """Whether the user names a parameter, by its internal name."""
        return any(fnmatchcase(public_name(name), pattern) for pattern in (*self.demands, *self.constraints))

    def named(self, parameters: Parameters) -> set[str]:
        """Return the internal names of all parameters that the user names; strategies do not set these."""
        return {found for name in (*self.demands, *self.constraints) for found in parameters.matching(name)}


def _apply_demand(parameters: Parameters, name: str, demand: Demand, *, exact: bool) -> None:
    """Apply settings to one parameter; a conflict with symmetry is an error only if it was named exactly."""
    k, public = parameters.find(name), public_name(name)
    ruled = not parameters.can_vary(name)
    if ruled:
        if exact and (demand.vary or demand.value not in (None, parameters.value(name))):
            raise InputError("is fixed or constrained by symmetry", place=public, cure="leave it out")
        return
    low, high = _bounds(parameters, k, public, demand)
    if demand.value is not None:
        _refuse_outside(public, demand.value, low, high)
        if demand.vary and math.isinf(demand.value):
            raise InputError(
                "cannot vary from infinity", place=public, cure="give a finite initial value, such as 100 (nm)"
            )
    if public.endswith(SIZE) and public != name:
        low, high = 1.0 / high if high > 0 else math.inf, 1.0 / low if low > 0 else math.inf
    parameters.lower[k], parameters.upper[k] = low, high
    if demand.value is not None:
        parameters.assign(name, 1.0 / demand.value if public != name else demand.value)
    if demand.vary is False:
        parameters.lock([name])


def _bounds(parameters: Parameters, k: int, public: str, demand: Demand) -> tuple[float, float]:
    """Return the bounds of a parameter in public units, with those of the user."""
    low, high = float(parameters.lower[k]), float(parameters.upper[k])
    if public != parameters.names[k]:
        low, high = 1.0 / high if high > 0 else math.inf, 1.0 / low if low > 0 else math.inf
    value = demand.value
    # Without user bounds, shift the default bounds.
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
