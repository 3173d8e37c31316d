"""The result of a parametric refinement: functions, their tests, the table of frames, and a summary as text."""

from __future__ import annotations

import csv
import io
import json
import math
import textwrap
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from importlib.metadata import version
from typing import TYPE_CHECKING, Any, Literal

import numpy as np

from layerox.errors import UnknownName, nearest
from layerox.io.csv_cells import safe_cell
from layerox.notices import Notice, RenamedNotices
from layerox.refined import with_esd
from layerox.series.parametric.form_selection import FittedForm
from layerox.series.parametric.form_tests import FormVerdict, JointTest
from layerox.series.parametric.function_forms import Form, Polynomial
from layerox.typing import FloatArray

if TYPE_CHECKING:
    import pandas as pd

SCHEMA = "layerox.parametric/1"
FILES = ("parametric.json", "parametric.csv")
Status = Literal["converged", "not_converged"]
MOST_NAMED, WIDTH = 5, 110


@dataclass(frozen=True, kw_only=True, eq=False)
class Function:
    """A quantity as a function of the axis.

    Attributes
    ----------
    name
        The quantity, in the user's unit (angstrom, degrees, nm).
    form, coefficients, covariance
        The function: shape (k,) and (k, k).
    domain
        First and last position of its frames on the axis.
    frames
        Number of frames that determine it alone, and of frames in the refinement.
    verdict
        The verdict on the form.
    trials
        All forms that were compared, fitted to the values of single frames; the form itself first.
    narrower
        Median over the frames of the uncertainty of a frame alone over that of the function there.
    """

    name: str
    form: Form
    coefficients: FloatArray
    covariance: FloatArray
    domain: tuple[float, float]
    frames: tuple[int, int]
    verdict: FormVerdict
    trials: tuple[FittedForm, ...]
    narrower: float

    @property
    def esds(self) -> FloatArray:
        """Standard uncertainties of the coefficients, shape (k,)."""
        return np.sqrt(np.maximum(np.diag(self.covariance), 0.0))

    def value(self, x: float | Sequence[float] | FloatArray) -> tuple[FloatArray, FloatArray]:
        """Return the function and its standard uncertainty at places on the axis, shape (n,) each."""
        basis = self.form.basis(np.atleast_1d(np.asarray(x, dtype=np.float64)))
        variance = np.einsum("nk,kl,nl->n", basis, self.covariance, basis)
        return basis @ self.coefficients, np.sqrt(np.maximum(variance, 0.0))

    def powers(self) -> tuple[float, FloatArray, FloatArray] | None:
        """Return (x0, coefficients of (x - x0)^j, their covariance) of a polynomial; None for other forms."""
        if not isinstance(self.form, Polynomial):
            return None
        matrix = self.form.powers()
        return self.form.centre, matrix @ self.coefficients, matrix @ self.covariance @ matrix.T


@dataclass(frozen=True, kw_only=True, eq=False)
class Parametric(RenamedNotices):
    """The result of a parametric refinement.

    Attributes
    ----------
    status, reason
        Whether it converged, and if not why.
    axis, domain
        Name of the axis, and the first and last place on it.
    functions
        In the requested order.
    covariance
        Of the coefficients of all functions one after another.
    together
        All functions against all frames by themselves.
    frames
        One row per frame: functions, single frames, weight fractions; see `header`.
    serial_factor
        Factor on uncertainties from serially correlated residuals of the patterns. The test of all functions
        uses it; uncertainties use it if the recipe requires it, and otherwise the observed scatter of frames.
    passes
        Number of passes over all frames.
    left_out
        (file, why) of frames that could not be refined by themselves.
    warnings
        Notices.
    series
        Folder of the series, "" if it has none.
    """

    status: Status
    reason: str | None
    axis: str
    domain: tuple[float, float]
    functions: tuple[Function, ...]
    covariance: FloatArray
    together: JointTest
    frames: pd.DataFrame
    serial_factor: float
    passes: int
    left_out: tuple[tuple[str, str], ...]
    warnings: tuple[Notice, ...]
    series: str = ""

    def function(self, name: str) -> Function:
        """Return the function of a quantity.

        Raises
        ------
        UnknownName
            If there is none of that name.
        """
        names = [function.name for function in self.functions]
        if name not in names:
            raise UnknownName(f"no function of {name!r}", cure=nearest(name, names))
        return self.functions[names.index(name)]

    @property
    def is_trustworthy(self) -> bool:
        """Whether it converged and the data reject none of the functions, alone or together."""
        statuses = {function.verdict.status for function in self.functions}
        return self.status == "converged" and "rejected" not in statuses and not self.together.is_rejected

    def to_json(self) -> str:
        """Return the result as text: all but the table of frames."""
        return json.dumps(_plain(_document(self)), indent=1, allow_nan=False) + "\n"

    def to_csv(self) -> str:
        """Return the table of frames as text, nine digits, unknown values empty."""
        return "".join(_csv_lines(self.frames))

    def files(self) -> dict[str, bytes]:
        """Return parametric.json and parametric.csv."""
        return dict(zip(FILES, (self.to_json().encode(), self.to_csv().encode()), strict=True))


def header(names: Sequence[str], phases: Sequence[str], axis: str) -> list[str]:
    """Return the titles of the table.

    For each quantity: the function and its esd there; the frame alone, and its esd; their difference over the latter.
    For each phase the weight fraction with the functions, and that of the frame alone. `rise` is that of chi-squared
    from the frame alone to the functions, over its reduced value.
    """
    own = [f"{name}{end}" for name in names for end in ("", "_esd", "_alone", "_alone_esd", "_pull")]
    own += [f"{phase}.weight_fraction{end}" for phase in phases for end in ("", "_esd", "_alone", "_alone_esd")]
    return ["frame", "file", *([] if axis == "frame" else [axis]), "rise", *own]


def _csv_lines(frames: pd.DataFrame) -> Iterator[str]:
    for row in (list(frames.columns), *frames.itertuples(index=False)):
        line = io.StringIO()
        csv.writer(line, lineterminator="\n").writerow([_cell(value) for value in row])
        yield line.getvalue()


def _cell(value: object) -> str:
    if not isinstance(value, float):
        return safe_cell(value) if isinstance(value, str) else str(value)
    return "" if math.isnan(value) else f"{value:.10g}"


def _document(found: Parametric) -> dict[str, Any]:
    return {
        "schema": SCHEMA,
        "status": found.status,
        "reason": found.reason,
        "trustworthy": found.is_trustworthy,
        "version": version("layerox"),
        "series": found.series,
        "axis": {"name": found.axis, "first": found.domain[0], "last": found.domain[1]},
        "frames": len(found.frames),
        "passes": found.passes,
        "together": {**vars(found.together), "is_rejected": found.together.is_rejected},
        "serial_factor": found.serial_factor,
        "functions": [_of_function(function) for function in found.functions],
        "covariance": found.covariance,
        "left_out": [{"file": file, "reason": why} for file, why in found.left_out],
        "warnings": [{"code": notice.code, "message": notice.message} for notice in found.warnings],
    }


def _of_function(function: Function) -> dict[str, Any]:
    rows = zip(function.form.labels, function.coefficients, function.esds, strict=True)
    powers = function.powers()
    return {
        "name": function.name,
        "form": function.form.text,
        "domain": function.domain,
        "frames": {"alone": function.frames[0], "all": function.frames[1]},
        "coefficients": [{"label": label, "value": value, "esd": esd} for label, value, esd in rows],
        "covariance": function.covariance,
        "powers": None if powers is None else _of_powers(*powers),
        "place": _of_place(function.trials[0]),
        "narrower": function.narrower,
        "verdict": vars(function.verdict),
        "forms": [_of_trial(trial, function.trials) for trial in function.trials],
    }


def _of_powers(centre: float, coefficients: FloatArray, covariance: FloatArray) -> dict[str, Any]:
    esds = np.sqrt(np.maximum(np.diag(covariance), 0.0))
    rows = [{"power": k, "value": v, "esd": e} for k, (v, e) in enumerate(zip(coefficients, esds, strict=True))]
    return {"about": centre, "coefficients": rows}


def _of_place(trial: FittedForm) -> dict[str, float] | None:
    return None if trial.place is None else dict(zip(("value", "first", "last"), trial.place, strict=True))


def _of_trial(trial: FittedForm, trials: Sequence[FittedForm]) -> dict[str, Any]:
    least = min(other.criterion for other in trials)
    return {
        "form": trial.text,
        "asked": trial.wanted,
        "coefficients": len(trial.coefficients),
        "cost": trial.cost,
        "chi_squared": trial.chi_squared,
        "freedom": trial.freedom,
        "criterion_above_best": trial.criterion - least,
    }


def _plain(value: Any) -> Any:
    """Return plain data for JSON; a number that is none is null."""
    if isinstance(value, Mapping):
        return {key: _plain(part) for key, part in value.items()}
    if isinstance(value, (list, tuple, np.ndarray)):
        return [_plain(part) for part in value]
    if isinstance(value, (float, np.floating)):
        return float(value) if math.isfinite(value) else None
    return value


def parametric_text(found: Parametric) -> str:
    """Return status, the test of all functions, and for each function its coefficients and verdict."""
    count = sum(len(function.coefficients) for function in found.functions)
    values = sum(function.frames[0] for function in found.functions)
    where = f"{found.axis} {found.domain[0]:.6g} to {found.domain[1]:.6g}"
    lines = [
        f"{_conclusion(found)}: {len(found.frames)} frames, {where}; {count} coefficients in place of {values} values, "
        f"{found.passes} passes",
        _together_line(found),
    ]
    for function in found.functions:
        lines += ["", *_function_lines(function, found.axis)]
    lines += [""] if found.left_out or found.warnings else []
    lines += [f"left out: {file}: {why}" for file, why in found.left_out[:MOST_NAMED]]
    if len(found.left_out) > MOST_NAMED:
        lines.append(f"and {len(found.left_out) - MOST_NAMED} more, see parametric.json")
    return "\n".join([*lines, *(f"warning: {notice.message}" for notice in found.warnings)])


def _conclusion(found: Parametric) -> str:
    """Return the reason not to use the functions, or "converged"."""
    if found.status != "converged":
        return f"{found.status}, {found.reason}"
    rejected = [function.name for function in found.functions if function.verdict.status == "rejected"]
    if rejected:
        return f"rejected, the data do not support {', '.join(rejected)}"
    return "rejected, the functions together do not describe the frames" if found.together.is_rejected else "converged"


def _together_line(found: Parametric) -> str:
    test = found.together
    rise = f"chi-squared rises by {test.chi_squared:.1f} for {test.freedom} degrees of freedom"
    message = f"all functions against frame by frame: {rise}"
    if test.freedom < 1:
        return f"{message}: nothing is left to test"
    verdict = "the functions do not describe all frames" if test.is_rejected else "the functions are sufficient"
    return f"{message} (p = {test.p:.2g}): {verdict}"


def _function_lines(function: Function, axis: str) -> list[str]:
    verdict = function.verdict
    head = f"{function.name} = {function.form.text}: {verdict.status.replace('_', ' ')}"
    if function.narrower >= 1.05:
        head += f"; {function.narrower:.1f} times narrower than frame by frame"
    numbers = zip(function.form.labels, function.coefficients, function.esds, strict=True)
    lines = [head, _wrapped(", ".join(f"{label} {with_esd(value, esd)}" for label, value, esd in numbers))]
    powers = function.powers()
    if powers is not None and len(powers[1]) > 1:
        centre, values, covariance = powers
        slope = with_esd(values[1], float(covariance[1, 1]) ** 0.5)
        lines.append(f"  slope at {axis} {centre:.6g}: {slope}")
    place = function.trials[0].place
    if place is not None:
        lines.append(f"  position estimated from the data: {place[0]:.6g}, between {place[1]:.6g} and {place[2]:.6g}")
    return [*lines, _wrapped(verdict.text)]


def _wrapped(text: str) -> str:
    return textwrap.fill(text, WIDTH, initial_indent="  ", subsequent_indent="  ")
