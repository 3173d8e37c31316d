"""Recipe plan: parameters, variables, constraints and stages of a recipe, converted into a `Plan`."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from layerox.diffraction.background import ExtraPeak
from layerox.diffraction.expressions import check_expression
from layerox.diffraction.model import safe_name
from layerox.diffraction.phase import Phase
from layerox.diffraction.prior_settings import PriorSetting
from layerox.diffraction.refinement_plan import Demand, Plan, Stage, StrategyName, Variable
from layerox.diffraction.restraints import RestraintRequest
from layerox.errors import InputError
from layerox.io.toml_file import Location, line_of
from layerox.symmetry import CELL_NAMES

if TYPE_CHECKING:
    from layerox.analysis.recipe_model import (
        ExtraModel,
        RecipeModel,
        RecipeParameterModel,
        RecipePhaseModel,
        VariableModel,
    )

# In lists of free or fixed parameters: all lengths and angles that symmetry leaves free.
CELL = "cell"


def plan_of(model: RecipeModel, phases: Sequence[Phase], place: str | Path, text: str) -> Plan:
    """Return the settings of all parameters of a recipe.

    Parameters
    ----------
    model, place, text
        The recipe, its file, and the source text (for line numbers).
    phases
        The recipe's phases, in its order.

    Raises
    ------
    InputError
        With file and line: a constraint that is no expression.
    """
    humps = [_extra(row, f"hump_{k}") for k, row in enumerate(model.background.humps)]
    peaks = [_extra(row, f"peak_{k}") for k, row in enumerate(model.peak)]
    rows = [*model.background.humps, *model.peak]
    demands: dict[str, Demand] = {}
    _free_and_fix(demands, "instrument", model.instrument.free, model.instrument.fix)
    for extra, row in zip([*humps, *peaks], rows, strict=True):
        _free_and_fix(demands, extra.name, row.free, [])
    for phase, phase_row in zip(phases, model.phase, strict=True):
        _demand_of_phase(demands, phase, phase_row)
    for name, parameter in model.parameters.items():
        _add(demands, name, _demand_of_parameter(parameter))
    terms = model.background.terms
    return Plan(
        demands=demands,
        variables={name: _variable(row) for name, row in model.variables.items()},
        constraints=_constraints(model, place, text),
        strategy=model.strategy.name or "automatic",
        stages=tuple(
            Stage(name=row.name or f"stage {k}", free=tuple(row.free), fix=tuple(row.fix))
            for k, row in enumerate(model.strategy.stages, start=1)
        ),
        background_terms=terms if isinstance(terms, int) else None,
        extras=(*humps, *peaks),
        restraints=tuple(
            RestraintRequest(
                target=row.target,
                esd=row.esd,
                phase=row.phase,
                sites=tuple(row.sites),
                element=row.element,
                per=tuple(row.per),
            )
            for row in model.restraint
        ),
        serial_correlation=model.uncertainty.serial_correlation,
        priors={
            name: None if row == "off" else PriorSetting(value=row.value, esd=row.esd)
            for name, row in model.priors.items()
        },
    )


def _constraints(model: RecipeModel, place: str | Path, text: str) -> Mapping[str, str]:
    """Return the expressions by constrained parameter, after a check of their syntax."""
    for name, expression in model.constraints.items():
        try:
            check_expression(name, expression)
        except InputError as error:
            where = line_of(place, text, ("constraints", name))
            raise InputError(f"{error.place} {error.problem}", place=where, cure=error.cure) from None
    return model.constraints


def strategy_of(model: RecipeModel, place: str | Path, text: str) -> StrategyName:
    """Return the name of the strategy: stages if there are any, else the automatic one.

    Raises
    ------
    InputError
        With file and line, if name and stages exclude each other.
    """
    name, stages = model.strategy.name, model.strategy.stages
    if name is None:
        return "stages" if stages else "automatic"
    where: Location = ("strategy", "name")
    if stages and name != "stages":
        raise InputError(f"[strategy] name = {name!r} together with stages", place=line_of(place, text, where),
                         cure='keep one of them, or write name = "stages"')  # fmt: skip
    if name == "stages" and not stages:
        raise InputError('[strategy] name = "stages" without stages', place=line_of(place, text, where),
                         cure="add [[strategy.stages]]")  # fmt: skip
    return name


def _extra(row: ExtraModel, name: str) -> ExtraPeak:
    return ExtraPeak(
        name=safe_name(row.name) if row.name else name,
        position=row.position,
        gauss=(1 - row.lorentzian) * row.width,
        lorentz=row.lorentzian * row.width,
        area=row.area,
    )


def _demand_of_phase(demands: dict[str, Demand], phase: Phase, row: RecipePhaseModel) -> None:
    prefix = safe_name(phase.name)
    cell = [CELL_NAMES[k] for k in phase.crystal.symmetry.cell_rule.free]
    free, fix = ([own for name in names for own in (cell if name == CELL else [name])] for names in (row.free, row.fix))
    _free_and_fix(demands, prefix, free, fix)
    for own, value in row.start.items():
        _add(demands, f"{prefix}_{own}", Demand(value=value))
    for own, (low, high) in row.bounds.items():
        _add(demands, f"{prefix}_{own}", Demand(minimum=low, maximum=high))


def _free_and_fix(demands: dict[str, Demand], prefix: str, free: Iterable[str], fix: Iterable[str]) -> None:
    for names, vary in ((free, True), (fix, False)):
        for name in names:
            _add(demands, f"{prefix}_{name}", Demand(vary=vary))


def _add(demands: dict[str, Demand], name: str, demand: Demand) -> None:
    demands[name] = demands.get(name, Demand()).updated_by(demand)


def _demand_of_parameter(row: RecipeParameterModel | float) -> Demand:
    if isinstance(row, float):
        return Demand(value=row)
    return Demand(value=row.value, vary=row.vary, minimum=row.min, maximum=row.max)


def _variable(row: VariableModel | float) -> Variable:
    if isinstance(row, float):
        return Variable(value=row)
    low = -math.inf if row.min is None else row.min
    high = math.inf if row.max is None else row.max
    return Variable(value=row.value, minimum=low, maximum=high, vary=row.vary)
