"""lmfit adapter: parameters as `lmfit.Parameters`, and residuals as a function for `lmfit.Minimizer`.

The refinements do not use lmfit; names, values, bounds and expressions are converted to `lmfit.Parameters` and back to
a plan. lmfit is loaded at the first call. It evaluates expressions as Python code: each is checked before, since
results are read from files.
"""

from __future__ import annotations

import math
import re
from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from layerox.computing.threads import single_threaded
from layerox.diffraction.constraints import parameters_of
from layerox.diffraction.expressions import check_expression
from layerox.diffraction.minimum import Data
from layerox.diffraction.model import Model
from layerox.diffraction.normal_equations import undetermined
from layerox.diffraction.parameters import Parameters, is_background_term, public_name
from layerox.diffraction.refined_quantities import RefinedParameter
from layerox.diffraction.refinement_plan import Demand, Plan, Variable
from layerox.diffraction.starting_values import set_linear
from layerox.errors import InputError, nearest
from layerox.typing import FloatArray

if TYPE_CHECKING:
    import lmfit


# Characters of a name that are shown in a message.
LONGEST_SAID = 60


def lmfit_from_table(table: Parameters) -> lmfit.Parameters:
    """Return all parameters of a table; constraints become expressions."""
    rows = []
    for k, name in enumerate(table.names):
        public, value = public_name(name), float(table.values[k])
        low, high = float(table.lower[k]), float(table.upper[k])
        if public != name:
            value, low, high = _reciprocal(value), _reciprocal(high), _reciprocal(low)
        rows.append((public, value, bool(table.vary[k]), low, high, table.link_text(name)))
    return _lmfit(rows)


def lmfit_from_result(
    parameters: Iterable[RefinedParameter], names: Sequence[str], covariance: FloatArray
) -> lmfit.Parameters:
    """Return the parameters of a result with `stderr` and `correl`, for `lmfit.fit_report`.

    `names` are the variables, `covariance` is their covariance, shape (v, v).
    """
    rows = [(p.name, float(p.number), p.name in names, p.minimum, p.maximum, p.expression or None) for p in parameters]
    params = _lmfit(rows)
    for p in parameters:
        params[p.name].stderr = p.number.esd if p.number.esd > 0 else None
    esds = np.sqrt(np.maximum(np.diag(covariance), 1e-300))
    correlations = covariance / np.outer(esds, esds)
    for i, name in enumerate(names):
        params[name].correl = {other: float(correlations[i, j]) for j, other in enumerate(names) if j != i}
    return params


def _lmfit(rows: Iterable[tuple[str, float, bool, float, float, str | None]]) -> lmfit.Parameters:
    from lmfit import Parameters as LmfitParameters  # noqa: PLC0415  (few scripts need lmfit)

    params: Any = LmfitParameters()
    linked = []
    for name, value, vary, low, high, text in rows:
        # lmfit moves a value into its bounds; a fixed value outside of them is kept.
        inside = low <= value <= high and low < high
        bounds = (low, high) if inside else (-math.inf, math.inf)
        try:
            params.add(name, value=value, vary=vary and text is None, min=bounds[0], max=bounds[1])
        except KeyError:
            cure = "rename the phase or site: letters, digits and _, no digit first"
            raise InputError(f"{name[:LONGEST_SAID]!r} is no name for lmfit", place="params", cure=cure) from None
        if text is not None:
            check_expression(name, text)
            linked.append((name, text))
    for name, text in linked:
        params[name].set(expr=text)
    return params


def plan_from(params: lmfit.Parameters, known: Iterable[str]) -> Plan:
    """Return the plan of the parameters, in one stage.

    Parameters
    ----------
    params
        `lmfit.Parameters`; those with unknown names are variables for expressions.
    known
        Public names of the parameters of the model.

    Raises
    ------
    InputError
        If a name is neither known nor used, or an expression is not allowed.
    """
    names = list(known)
    for name, p in params.items():
        if p.expr:
            check_expression(name, p.expr)
    _refuse_idle(params, names)
    own = [p for name, p in params.items() if name not in names]
    free = [p for name, p in params.items() if name in names and not p.expr]
    return Plan(
        strategy="one-stage",
        demands={p.name: Demand(value=p.value, vary=bool(p.vary), minimum=p.min, maximum=p.max) for p in free},
        variables={p.name: Variable(value=p.value, minimum=p.min, maximum=p.max, vary=bool(p.vary)) for p in own},
        constraints={name: p.expr for name, p in params.items() if p.expr},
        background_terms=background_terms_of(params),
    )


def _refuse_idle(params: lmfit.Parameters, known: Sequence[str]) -> None:
    used = {word for p in params.values() if p.expr for word in re.findall(r"\w+", p.expr)}
    for name in params:
        if name not in known and name not in used:
            raise InputError(f"there is no parameter {name!r}", place="params", cure=nearest(name, known))


def background_terms_of(params: Iterable[str]) -> int:
    """Return the number of background terms in a set of names."""
    return sum(is_background_term(name) for name in params)


class Objective:
    """Weighted residuals of a pattern as a function of `lmfit.Parameters`, for `lmfit.Minimizer`.

    `Minimizer(objective, params).minimize(method)` works with every method; for "leastsq" the option
    `Dfun=objective.jacobian, col_deriv=1` uses the analytic derivatives.

    Parameters
    ----------
    model, data
        The forward model and the data.
    """

    def __init__(self, model: Model, data: Data):
        self.model, self.data = model, data
        self._table: tuple[object, Parameters] = (None, parameters_of(model))

    @single_threaded
    def __call__(self, params: lmfit.Parameters) -> FloatArray:
        """Return (calculated - observed) / sigma, shape (n,)."""
        table = self._at(params)
        calculated = self.model.calculated(table.values[: len(self.model.names)])
        return np.asarray((calculated.total - self.data.intensity) * self.data.weight)

    @single_threaded
    def jacobian(self, params: lmfit.Parameters) -> FloatArray:
        """Return the derivatives of the residuals with respect to the parameters that vary, in their order, (v, n)."""
        table = self._at(params)
        _, jacobian = self.model.linearised(table.values, table.transfer(), self.data.weight)
        rows = {public_name(name): k for k, name in enumerate(table.free_names)}
        slopes = [
            -1.0 / p.value**2 if name not in table.index else 1.0 for name, p in params.items() if p.vary and not p.expr
        ]
        order = [rows[name] for name, p in params.items() if p.vary and not p.expr]
        return np.asarray(jacobian[order] * np.array(slopes)[:, None])

    @single_threaded
    def undetermined(self, params: lmfit.Parameters) -> list[list[str]]:
        """Return groups of free parameters of which the pattern determines only a combination, at the given values.

        No minimisation method can determine them separately.
        """
        jacobian = self.jacobian(params)
        names = [name for name, p in params.items() if p.vary and not p.expr]
        return undetermined(jacobian @ jacobian.T, names)

    @single_threaded
    def with_linear(self, params: lmfit.Parameters) -> lmfit.Parameters:
        """Return a copy with free scales and background terms set by linear least squares."""
        table, copied = self._at(params), params.copy()
        set_linear(self.model, self.data, table)
        for name in table.free_names:
            copied[public_name(name)].set(value=_public_value(table, name))
        return copied

    def _at(self, params: lmfit.Parameters) -> Parameters:
        """Return a table of parameters at the given values; its constraints are rebuilt only if they change."""
        key = tuple((name, bool(p.vary), p.expr) for name, p in params.items())
        if self._table[0] != key:
            table = parameters_of(self.model)
            plan = plan_from(params, [public_name(name) for name in self.model.names])
            plan.apply(table)
            plan.free(table)
            self._table = (key, table)
        table = self._table[1].copy()
        for name, p in params.items():
            k = table.find(name)
            table.values[k] = _reciprocal(p.value) if name not in table.index else p.value
        return table


def _public_value(table: Parameters, name: str) -> float:
    value = table.value(name)
    return value if public_name(name) == name else _reciprocal(value)


def _reciprocal(value: float) -> float:
    return 1.0 / value if value else math.inf
