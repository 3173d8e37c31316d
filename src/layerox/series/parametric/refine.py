"""Parametric refinement: quantities of a finished series as smooth functions of an axis, over all patterns at once.

After Stinton & Evans, J. Appl. Cryst. 40 (2007) 87, doi:10.1107/S0021889806043275. Each frame is refined alone first;
its values decide which forms the data support, and give starting coefficients. Then the coefficients are refined with
all frames; the frames' own variables (scales, background, widths, ...) are eliminated from the normal equations.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any, TypeVar

import numpy as np

from layerox.computing.threads import single_threaded
from layerox.diffraction.serial_correlation import factor_of_runs
from layerox.errors import InputError
from layerox.io.ro_crate import CRATE, write_crate
from layerox.public import public
from layerox.results.result_folder import check_folder, write_folder
from layerox.series.dask_cluster import Tls, connection_notices
from layerox.series.executor import Executor, executor
from layerox.series.parametric import frame_equations as local
from layerox.series.parametric.build_result import ChosenForm, ParametricFindings, parametric_result
from layerox.series.parametric.form_selection import FittedForm, FrameValues, best_of, fitted_forms
from layerox.series.parametric.frame_equations import (
    ConstrainedFit,
    FrameRequest,
    Quantity,
    SingleFit,
    cell_lengths,
    quantity_of,
)
from layerox.series.parametric.function_forms import AUTOMATIC, FormRequest, form_request
from layerox.series.parametric.input import ParametricInput, recipe_of, source_of
from layerox.series.parametric.optimise_coefficients import Functions, Optimum, ParametricFrame, optimised_coefficients
from layerox.series.parametric.result import FILES, Parametric
from layerox.series.refinement.common_parameters import CommonParameters
from layerox.series.refinement.frame_model import FrameModel
from layerox.series.refinement.seed_refinement import determined_common_parameters
from layerox.series.refinement.segment import segment_ranges
from layerox.series.result import Series, open_series
from layerox.typing import FloatArray

T = TypeVar("T")
Progress = Callable[[str], None]
FunctionArgument = str | Sequence[str]

# Frames that must determine a quantity before it gets a function that was not requested.
FEWEST = 6


@public
@single_threaded
def refine_parametric(
    series: Series | str | Path,
    functions: Mapping[str, FunctionArgument] | None = None,
    *,
    axis: str | None = None,
    between: tuple[float, float] | None = None,
    workers: int = 1,
    scheduler: str | None = None,
    tls: Tls | None = None,
    output: str | Path | None = None,
    overwrite: bool = False,
    progress: Progress | None = None,
) -> Parametric:
    """Refine quantities of a series as functions of an axis, over all its frames at once.

    Parameters
    ----------
    series
        The result of `fit_series`, or the folder that it has written; the patterns must be where they were.
    functions
        For each quantity ("P2_a", "P2_size", "instrument_displacement", "P2_O1_z") its form, several of which the data
        choose, or "automatic"; see `function_forms.py`. By default the [parametric] table of the series' recipe, or
        all cell lengths with values in enough frames, automatically.
    axis
        A numeric column of the series' table ("time", "temperature", "x_Na") or "frame"; by default that of the
        recipe, then the first axis of the series, then the frame number.
    between
        First and last place on the axis that take part; by default all.
    workers, scheduler, tls
        As for `fit_series`.
    output
        Folder for parametric.json and parametric.csv.
    overwrite
        Whether files of these names may be replaced that layerox did not write, or that were changed since.
    progress
        Called with a text on the progress.

    Returns
    -------
    Parametric
        `function(name)` gives a function, whose `value(x)` is (values, standard uncertainties); `status`; `frames`.

    Raises
    ------
    InputError
        If the series is not finished, a quantity or an axis is unknown, or a form has more coefficients than the frames
        determine. A form that the data reject is a result.

    Examples
    --------
    >>> import layerox as lx
    >>> found = lx.refine_parametric("out", {"P2_a": "polynomial 1"})  # written by the example of `fit_series`
    >>> found.status, found.axis
    ('converged', 'time')
    >>> values, esds = found.function("P2_a").value([0.0, 4.0])  # angstrom, at 0 and 4 hours
    >>> values.round(3).tolist()
    [2.885, 2.868]
    """
    if output is not None:
        check_folder(Path(output), [*FILES, CRATE], overwrite=overwrite)
    opened = series if isinstance(series, Series) else open_series(series)
    progress = progress or (lambda _: None)
    recipe = recipe_of(opened)
    settings = recipe.parametric
    requests = form_requests(functions or settings.functions)
    source = source_of(opened, recipe, axis or settings.axis, between or settings.between)
    with executor(workers, scheduler, tls) as where:
        progress("fitting seed frames")
        common = determined_common_parameters(source.setup, source.frames, source.first, where)
        found = functions_refined(source, common, requests, where, progress)
    found = replace(
        found,
        series="" if opened.path is None else str(opened.path),
        warnings=(*found.warnings, *connection_notices(scheduler)),
    )
    if output is not None:
        write_folder(Path(output), found.files(), by="parametric", overwrite=overwrite)
        write_crate(Path(output), by="parametric", overwrite=overwrite)
    return found


def form_requests(functions: Mapping[str, FunctionArgument]) -> dict[str, list[FormRequest]]:
    """Return the requested forms, none where the data choose among the common ones.

    Raises
    ------
    InputError
        If one of them is no form.
    """
    found = {}
    for name, forms in functions.items():
        texts = [forms] if isinstance(forms, str) else list(forms)
        found[name] = [] if texts == [AUTOMATIC] else [form_request(text, name) for text in texts]
    return found


def functions_refined(
    source: ParametricInput,
    common: CommonParameters,
    requests: Mapping[str, list[FormRequest]],
    where: Executor,
    progress: Progress,
) -> Parametric:
    """Return frames refined with their quantities as functions.

    Parameters
    ----------
    source, common
        The series, and what its frames share.
    wishes
        Forms by quantity; by default all cell lengths with values in enough frames.
    where, progress
        The executor of the tasks, and the function that is called with the progress.
    """
    return _ParametricRun(source, common, requests, where, progress).done()


class _ParametricRun:
    """One parametric refinement."""

    def __init__(
        self,
        source: ParametricInput,
        common: CommonParameters,
        requests: Mapping[str, list[FormRequest]],
        where: Executor,
        progress: Progress,
    ):
        self.source, self.where, self.progress = source, where, progress
        frame_model = FrameModel(common, source.first)
        self.is_requested = bool(requests)
        names = requests or {name: [] for name in cell_lengths(frame_model, common.free)}
        self.quantities, self.requests = _quantities(names, frame_model)
        slots = {quantity.slot for quantity in self.quantities}
        self.common = replace(common, free=common.free | slots, shared=common.shared - slots)

    def done(self) -> Parametric:
        """Refine frames alone, choose forms, refine all together, and return the result."""
        x, alone, left_out = self._by_themselves()
        serial = factor_of_runs(sum(a.runs for a in alone), sum(a.squares for a in alone))
        chosen = self._chosen(x, alone)
        if len(chosen) < len(self.quantities):
            # A quantity that too few frames determine keeps its own value in each of them.
            kept = [self.quantities.index(one.quantity) for one in chosen]
            self.quantities = [self.quantities[k] for k in kept]
            alone = [_of_quantities(one, kept) for one in alone]
            x, alone = x[[bool(one.active) for one in alone]], [one for one in alone if one.active]
        ended = self._optimised(x, alone, chosen)
        found = ParametricFindings(
            source=self.source, x=x, ended=ended, chosen=chosen, serial=serial, left_out=left_out
        )
        return parametric_result(found)

    def _by_themselves(self) -> tuple[FloatArray, list[SingleFit], list[tuple[str, str]]]:
        """Return the frames refined each by itself with their places, and (file, why) of those that could not be."""
        known = self.source.known
        parts = self._run("frames by themselves", local.alone, known)
        good = [k for k, one in enumerate(parts) if isinstance(one, SingleFit) and one.active]
        faults = [(known[k].frame.file, one) for k, one in enumerate(parts) if isinstance(one, str)]
        if not good:
            fault = f"none of {len(known)} frames has any of these quantities" + (f"; {faults[0][1]}" if faults else "")
            raise InputError(fault, argument="functions", cure="choose others")
        return self.source.x[good], [one for one in parts if isinstance(one, SingleFit) and one.active], faults

    def _chosen(self, x: FloatArray, alone: Sequence[SingleFit]) -> list[ChosenForm]:
        self.progress("choosing forms")
        found = []
        for k, (quantity, requests) in enumerate(zip(self.quantities, self.requests, strict=True)):
            values = np.array([one.values[k] for one in alone])
            esds = np.array([one.esds[k] for one in alone])
            good = np.isfinite(values) & (esds > 0) & np.isfinite(esds)
            if good.sum() < (1 if self.is_requested else FEWEST):
                if self.is_requested:
                    raise InputError("is refined in none of the frames", place=quantity.name, cure="choose another")
                continue
            points = FrameValues(x=x[good], value=values[good], esd=esds[good])
            points, own, common = fitted_forms(requests, points, quantity.name)
            trial = best_of(own or common)
            others = [other for other in (*own, *common) if other.text != trial.text]
            found.append(ChosenForm(quantity, trial, (trial, *_unique(others)), points))
        if not found:
            raise InputError("no cell length is refined in enough frames", argument="functions", cure="name some")
        return found

    def _optimised(self, x: FloatArray, alone: Sequence[SingleFit], chosen: Sequence[ChosenForm]) -> Optimum:
        functions = Functions([one.trial.form for one in chosen])
        slopes = functions.slopes(x, [one.active for one in alone])
        members = [ParametricFrame(alone=one, slopes=rows) for one, rows in zip(alone, slopes, strict=True)]
        start = np.concatenate([one.trial.coefficients for one in chosen])
        return optimised_coefficients(self._survey, members, start)

    def _survey(self, members: Sequence[ParametricFrame], values: Sequence[FloatArray]) -> list[ConstrainedFit]:
        visits = [_visit(member, own) for member, own in zip(members, values, strict=True)]
        return self._run("all frames together", local.held, visits)

    def _run(self, message: str, function: Callable[..., list[T]], *lists: Sequence[Any]) -> list[T]:
        """Return what a function makes of the frames, stretch by stretch, in their order."""
        stretches = segment_ranges(len(lists[0]))
        found: dict[int, list[T]] = {}
        done = 0
        for number, part in self.where.run(function, self._jobs(stretches, lists)):
            found[number] = part
            done += len(part)
            self.progress(f"{message}: {done} of {len(lists[0])}")
        return [one for number in sorted(found) for one in found[number]]

    def _jobs(
        self, stretches: Sequence[range], lists: Sequence[Sequence[Any]]
    ) -> Iterator[tuple[int, tuple[Any, ...]]]:
        for number, stretch in enumerate(stretches):
            parts = [items[stretch.start : stretch.stop] for items in lists]
            yield number, (self.common, self.quantities, *parts)


def _quantities(
    names: Mapping[str, list[FormRequest]], frame_model: FrameModel
) -> tuple[list[Quantity], list[list[FormRequest]]]:
    """Return the quantities that users name, and their forms; none twice."""
    found: dict[str, Quantity] = {}
    for name in names:
        quantity = quantity_of(name, frame_model)
        if quantity.slot in found:
            raise InputError("is given two functions", place=name, cure="keep one of them")
        found[quantity.slot] = quantity
    return list(found.values()), list(names.values())


def _of_quantities(one: SingleFit, kept: Sequence[int]) -> SingleFit:
    """Return a frame with only some of the quantities."""
    active = tuple(kept.index(k) for k in one.active if k in kept)
    return replace(one, active=active, values=one.values[list(kept)], esds=one.esds[list(kept)])


def _unique(trials: Sequence[FittedForm]) -> list[FittedForm]:
    return list({trial.text: trial for trial in trials}.values())


def _visit(member: ParametricFrame, values: FloatArray) -> FrameRequest:
    state = member.alone.state if member.held is None else member.held.state
    return FrameRequest(frame=member.alone.frame, state=state, active=member.alone.active, values=values)
