"""The result of a parametric refinement: functions with verdicts, their joint test, and the table of frames."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from typing import TYPE_CHECKING, Any

import numpy as np

from layerox.diffraction.model import safe_name
from layerox.notices import Notice
from layerox.series.frame_row import Number
from layerox.series.parametric.form_selection import FittedForm, FrameValues
from layerox.series.parametric.form_tests import (
    Deviation,
    FrameForce,
    JointTest,
    deviations,
    judged,
    together,
    without_induced_rejections,
)
from layerox.series.parametric.frame_equations import ConstrainedFit, Quantity, SingleFit
from layerox.series.parametric.input import NUMBER, ParametricInput
from layerox.series.parametric.optimise_coefficients import Functions, Optimum
from layerox.series.parametric.result import Function, Parametric, header
from layerox.series.parametric.schur_complement import ReducedNormal
from layerox.typing import FloatArray

if TYPE_CHECKING:
    import pandas as pd

UNKNOWN: Number = (np.nan, np.nan)
# Factor of serial correlation above which a notice is given.
WORTH_TELLING = 1.2


@dataclass(frozen=True, eq=False)
class ChosenForm:
    """A quantity with its form, and the points and trials of the selection."""

    quantity: Quantity
    trial: FittedForm
    trials: tuple[FittedForm, ...]
    points: FrameValues


@dataclass(frozen=True, kw_only=True, eq=False)
class ParametricFindings:
    """All that a refinement has found.

    Attributes
    ----------
    source, x
        The series, and the positions of the refined frames on the axis, shape (n,).
    ended, chosen
        Where the refinement ended, and with which forms.
    serial
        Factor for serially correlated residuals.
    left_out
        (file, why) of frames that could not be refined by themselves.
    """

    source: ParametricInput
    x: FloatArray
    ended: Optimum
    chosen: Sequence[ChosenForm]
    serial: float
    left_out: Sequence[tuple[str, str]]

    @cached_property
    def deviations(self) -> list[Deviation]:
        """How frames deviate from each function."""
        pulls = [
            FrameForce(
                active=member.alone.active,
                normal=member.held.normal,
                force=member.held.force,
                inflation=member.alone.inflation,
            )
            for member in self.ended.members
            if member.held is not None
        ]
        counts = [len(one.trial.coefficients) for one in self.chosen]
        return deviations(pulls, counts, [one.points.own for one in self.chosen])

    @cached_property
    def covariance(self) -> FloatArray:
        """Of all coefficients; the scatter of frames included, and serial correlation if the recipe has it."""
        own = np.array([deviation.own for deviation in self.deviations])
        widening = self.serial**2 if self.source.setup.plan.serial_correlation else 1.0
        arrow = ReducedNormal(len(self.ended.coefficients))
        for member in self.ended.members:
            if member.held is not None:
                scatter = own[list(member.alone.active)]
                arrow.add(
                    member.slopes, member.held.normal, member.held.force, widening * member.alone.inflation, scatter
                )
        return arrow.covariance()


def parametric_result(found: ParametricFindings) -> Parametric:
    """Return the result."""
    ended = found.ended
    judged_alone = [_function(found, k) for k in range(len(found.chosen))]
    verdicts = without_induced_rejections({function.name: function.verdict for function in judged_alone})
    functions = tuple(replace(function, verdict=verdicts[function.name]) for function in judged_alone)
    return Parametric(
        status="not_converged" if ended.reason else "converged",
        reason=ended.reason or None,
        axis=found.source.axis,
        domain=(float(found.x.min()), float(found.x.max())),
        functions=functions,
        covariance=found.covariance,
        together=_test(ended, found.serial, [_scatter(function) for function in functions]),
        frames=_table(found, functions),
        serial_factor=found.serial,
        passes=ended.passes,
        left_out=tuple(found.left_out),
        warnings=tuple(_warnings(found, functions)),
    )


def _function(found: ParametricFindings, k: int) -> Function:
    one, deviation = found.chosen[k], found.deviations[k]
    block = Functions([other.trial.form for other in found.chosen]).blocks[k]
    x = found.x[[k in member.alone.active for member in found.ended.members]]
    function = Function(
        name=one.quantity.name,
        form=one.trial.form,
        coefficients=found.ended.coefficients[block],
        covariance=found.covariance[block, block],
        domain=(float(x.min()), float(x.max())),
        frames=(len(one.points), len(x)),
        verdict=judged(one.trial, one.trials, one.points, deviation, found.x[deviation.frames]),
        trials=one.trials,
        narrower=1.0,
    )
    _, esds = function.value(one.points.x)
    return replace(function, narrower=float(np.median(one.points.esd / np.maximum(esds, 1e-300))))


def _test(ended: Optimum, serial: float, own: Sequence[float]) -> JointTest:
    """Return the likelihood-ratio test over the frames that determine all their quantities alone.

    `own` is the scatter of each quantity that is added to the uncertainties of the frames: the rise of chi-squared is
    less by what it explains, to second order.
    """
    rise, values, points = 0.0, 0, 0
    for member in ended.members:
        one = member.alone
        if member.held is None or not np.isfinite(one.values[list(one.active)]).all():
            continue
        scatter = np.array(own)[list(one.active)]
        rise += _rise(member.held, one, scatter)
        values, points = values + len(one.active), points + one.freedom
    return together(rise / serial**2, values - len(ended.coefficients), points / serial**2)


def _scatter(function: Function) -> float:
    """Return the scatter that a function leaves; what a rejected one leaves is a trend, and excuses nothing."""
    return 0.0 if function.verdict.status == "rejected" else function.verdict.own


def _rise(held: ConstrainedFit, one: SingleFit, scatter: FloatArray) -> float:
    """Return by how much chi-squared rises from a frame alone to the functions, beyond a scatter of its quantities.

    With the force f and the normal matrix N of the quantities it is f [s N + N D N]^-1 f, D the scatter squared and s
    the inflation of the frame; without scatter that is f N^-1 f / s.
    """
    if not scatter.any():
        return (held.chi_squared - one.chi_squared) / one.inflation
    matrix = one.inflation * held.normal + held.normal @ np.diag(scatter**2) @ held.normal
    return float(held.force @ np.linalg.lstsq(matrix, held.force, rcond=None)[0])


def _table(found: ParametricFindings, functions: Sequence[Function]) -> pd.DataFrame:
    """Return the table of frames; see `header`."""
    import pandas as pd  # noqa: PLC0415  (a third of a second that only tables need)

    phases, axis = found.source.setup.names, found.source.axis
    bands = [function.value(found.x) for function in functions]
    rows = []
    for n, member in enumerate(found.ended.members):
        one, held = member.alone, member.held
        if held is None:
            continue
        rise = (held.chi_squared - one.chi_squared) / one.inflation
        row: list[Any] = [one.frame.index, one.frame.file, *([] if axis == NUMBER else [float(found.x[n])]), rise]
        for k, (value, esd) in enumerate(bands):
            own = (one.values[k], one.esds[k])
            row += _beside(float(value[n]), float(esd[n]), *own) if k in one.active else [np.nan] * 5
        covariance = member.slopes @ found.covariance @ member.slopes.T
        for name in phases:
            shared = held.fractions[name].number(covariance) if name in held.fractions else UNKNOWN
            row += [*shared, *one.fractions.get(name, UNKNOWN)]
        rows.append(row)
    names = [function.name for function in functions]
    return pd.DataFrame(rows, columns=header(names, [safe_name(name) for name in phases], axis))


def _beside(value: float, esd: float, alone: float, alone_esd: float) -> list[float]:
    return [value, esd, float(alone), float(alone_esd), float((alone - value) / alone_esd)]


def _warnings(found: ParametricFindings, functions: Sequence[Function]) -> Iterator[Notice]:
    serial = found.serial
    cut = sum(member.held is not None and member.held.is_cut for member in found.ended.members)
    if cut:
        text = f"in {cut} frames a function leaves the bounds of its quantity, which stays at the bound there"
        yield Notice("function_out_of_bounds", text)
    if serial > WORTH_TELLING and not found.source.setup.plan.serial_correlation:
        text = f"residuals of the patterns come in runs: uncertainties would be {serial:.1f} times larger"
        yield Notice("serial_correlation", f"{text} ([uncertainty] serial_correlation = true)")
    places = [function.name for function in functions if function.trials[0].place is not None]
    if places:
        text = f"the position estimated for {', '.join(places)} was fixed in the refinement"
        yield Notice("place_held", f"{text}: uncertainties near it do not hold its own")
