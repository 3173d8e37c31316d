"""`fit_series`: refine all patterns of a folder into the tables of a series."""

from __future__ import annotations

import contextlib
import tempfile
from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any

from layerox.analysis.beam_setup import Beam
from layerox.analysis.fit import refuse_duplicates
from layerox.analysis.phase_arguments import PhaseArgument, argued_phases
from layerox.analysis.recipe import RecipeArgument, recipe_from
from layerox.computing.threads import single_threaded
from layerox.electrochemistry.battery_data_format import LOG, bdf_lines
from layerox.errors import InputError
from layerox.instrument import Geometry, Instrument
from layerox.io.output_files import inputs_among, write_outputs
from layerox.io.ro_crate import CRATE, write_crate
from layerox.public import public
from layerox.radiation import Radiation
from layerox.results.result_folder import check_folder
from layerox.series.checksums import sha256_by_path
from layerox.series.dask_cluster import Tls, check_scheduler, connection_notices
from layerox.series.electrochemistry import ElectrochemistryArgument, frames_with_log, settings_from
from layerox.series.executor import start_server
from layerox.series.frame_setup import Frames, PatternReading
from layerox.series.frames import Watch, Watcher, files_in, frames_of, with_one_scan
from layerox.series.live_refinement import LiveSeries, LiveSetup
from layerox.series.request import NoReadableFrame, PreparedSeries, SeriesRequest
from layerox.series.result import Series
from layerox.series.results_folder import RESULTS, SeriesStore
from layerox.series.series_run import SeriesRun

Progress = Callable[[str], None]
# Seconds between two writings of the growing tables, at least.
REFRESH_S = 5.0


@public
@single_threaded
def fit_series(
    folder: str | Path,
    phases: Sequence[PhaseArgument] | None = None,
    *,
    radiation: Radiation | str | float | None = None,
    neutron: bool = False,
    monochromator: float | None = None,
    geometry: Geometry | None = None,
    polarization: float | None = None,
    instrument: Instrument | str | Path | None = None,
    recipe: RecipeArgument | None = None,
    range: tuple[float, float] | None = None,
    glob: str | None = None,
    dataset: str | None = None,
    scan: int | None = None,
    abscissa: str = "two-theta",
    sigma: str = "auto",
    allow_negative: bool = False,
    axis: str | Sequence[str] = (),
    electrochemistry: ElectrochemistryArgument | None = None,
    unordered: bool = False,
    own: Sequence[str] = (),
    workers: int = 1,
    scheduler: str | None = None,
    tls: Tls | None = None,
    output: str | Path | None = None,
    resume: bool = False,
    watch: bool | Watch = False,
    hardware: Sequence[PhaseArgument] = (),
    reference: str | None = None,
    overwrite: bool = False,
    refit: str | int | None = None,
    progress: Progress | None = None,
) -> Series:
    """Refine all patterns of a folder.

    Parameters
    ----------
    folder
        Folder of patterns, or one file with many scans.
    phases, radiation, neutron, monochromator, geometry, polarization, instrument, recipe, range
        As for `fit`; the phases are all that may occur in any frame.
    glob, dataset, axis
        Files, group of HDF5 files, and values of the frames on one or several axes; see `frames_of`.
    scan
        Number of the scan of each file that is a frame, from 1; by default all scans are frames.
    abscissa, sigma, allow_negative
        Axis of files that do not state it, source of the uncertainties, and negative intensities, as the arguments
        `axis`, `sigma` and `allow_negative` of `read_pattern`.
    electrochemistry
        A cycler's file, several of one cell, or a table with the keys of a recipe's [electrochemistry]: the values of
        the log at the middle of each frame become columns (voltage in V, current in mA, net charge as capacity in mAh,
        sodium per MO2 as x_na, cycle, step). Needs times of the frames: stamps in their files, a CSV axis of dates, or
        `frame_start` and `frame_cadence_s`.
    unordered
        Frames are not neighbours (a composition series): each is fitted from scratch.
    own
        Names or wildcards of atomic parameters that each frame refines, instead of common ones of the series:
        with "P2_O1_z" slab and gallery of P2 vary independently.
    workers
        Number of processes; 1 is the present one.
    scheduler, tls
        Address of a dask scheduler whose workers read the same files, and the files of an encrypted connection to it;
        an unencrypted one gives a notice. Needs the extra `cluster`.
    output
        Folder for the tables; by default they are only returned.
    resume
        Continue an interrupted run in `output`.
    watch
        Follow a folder or file that is being written: tables of complete frames grow in `output`
        until no more frames come, then the series is refined as a whole. A `Watch` sets the times.
    hardware, reference
        Phases of the cell hardware, and the reference phase for masses, as for `fit`; frames.csv then has
        columns `displacement` and `mass_to_reference`.
    overwrite
        Whether files in `output` that layerox did not write, or that were changed, may be replaced. Inputs
        are never replaced.
    refit
        Number or file of one quarantined frame of the finished series in `output`: only it is refined again. All
        other arguments must be as before; only the file of this frame may have changed.
    progress
        Called with texts on the progress.

    Returns
    -------
    Series
        `frames`, a row for each frame; `transitions`; with `output` the folder of all files too.

    Raises
    ------
    InputError
        If an argument cannot be used. A frame that cannot be read or fitted is a row, not an error.

    Examples
    --------
    >>> import layerox as lx
    >>> raw = "patterns/p2_operando"
    >>> phases = [f"{raw}/{name}.cif" for name in ("P2", "OP4", "O2", "Al")]
    >>> axes = ["time", f"{raw}/log.csv:voltage"]
    >>> series = lx.fit_series(raw, phases, glob="frame_000*.xy", axis=axes, output="out")
    >>> series
    Series(10 frames: 10 accepted; phases P2, OP4, O2, Al; axes time, voltage)
    """
    if refit is not None and (output is None or resume or watch):
        raise InputError("needs the output of a finished series, and neither resume nor watch", argument="refit",
                         cure="give the output, and leave the others out")  # fmt: skip
    check_scheduler(scheduler, tls)
    if workers > 1 and scheduler is None and not watch:
        start_server()
    plan = recipe_from(recipe)
    if plan is not None:
        refuse_duplicates(plan, range=range, phases=phases, instrument=instrument, hardware=hardware or None,
                     reference=reference)  # fmt: skip
        phases, instrument, range = plan.phases or phases, plan.instrument or instrument, plan.range or range
    axes = [axis] if isinstance(axis, str) else list(axis)
    request = SeriesRequest(
        axes=axes,
        phase_arguments=argued_phases(phases or (), hardware),
        recipe=plan,
        reference=reference,
        own=tuple(own),
        electrochemistry=settings_from(electrochemistry, None if plan is None else plan.electrochemistry),
        reading=PatternReading(
            radiation=radiation, range=range, exclude=() if plan is None else plan.exclude, dataset=dataset,
            axis=abscissa, sigma=sigma, allow_negative=allow_negative,
        ),
        scan=scan,
        beam=Beam(radiation=radiation, neutron=neutron, monochromator=monochromator, geometry=geometry,
                  polarization=polarization, instrument=instrument),
    )  # fmt: skip
    if watch and scan is not None:
        raise InputError("a growing series takes all scans", argument="scan", cure="leave it out while watching")
    if watch and request.electrochemistry is not None:
        raise InputError("a growing log is not supported", argument="electrochemistry",
                         cure="leave it out while watching, and run again with it when both are complete")  # fmt: skip
    arguments = (phases, hardware, recipe, instrument, electrochemistry, axes, None if plan is None else plan.document)
    read = inputs_of_series(folder, glob, *arguments)
    with _results_folder(output) as results:
        written = (*RESULTS, CRATE, *(() if request.electrochemistry is None else (LOG,)))
        check_folder(results, written, inputs=read, overwrite=overwrite)
        job = partial(SeriesRun, unordered=unordered, source=Path(folder).resolve(), results=results,
                      progress=progress or (lambda _: None), overwrite=overwrite)  # fmt: skip
        is_live = False
        if watch:
            is_live = _followed(request, job, glob, Watch() if watch is True else watch, resume=resume)
        run = job(*_listed(request, Path(folder).resolve(), glob, scheduler), shows_growth=not is_live)
        if refit is not None:
            found = run.refit(refit, workers, scheduler, tls)
        else:
            found = run.refine(workers, scheduler, tls, resume=resume or is_live)
        if output is None:
            return replace(found, path=None)
        if run.frames.log is not None:
            log, offset = run.frames.log
            write_outputs({results / LOG: bdf_lines(log, offset)}, by="series", inputs=read, overwrite=overwrite)
        # Those that came while watching, too.
        read = inputs_of_series(folder, glob, *arguments) if watch else read
        write_crate(results, by="series", inputs=read, overwrite=overwrite, hashes=sha256_by_path(results, read))
        return found


@contextlib.contextmanager
def _results_folder(output: str | Path | None) -> Iterator[Path]:
    """Yield the folder for the results: the user's, or a temporary one that is removed afterwards."""
    if output is not None:
        yield Path(output)
        return
    with tempfile.TemporaryDirectory(prefix="layerox-series-") as folder:
        yield Path(folder)


def _listed(
    request: SeriesRequest, source: Path, glob: str | None, scheduler: str | None
) -> tuple[PreparedSeries, Frames]:
    """Return the frames of the series, with the columns of a cycler's log if there is one, ready to be refined."""
    arguments: dict[str, Any] = {"glob": glob, "axes": request.axes, "dataset": request.reading.dataset}
    if request.electrochemistry is None:
        frames = frames_of(source, **arguments)
    else:
        frames = frames_with_log(source, request.electrochemistry, **arguments)
    if request.scan is not None:
        frames = with_one_scan(frames, request.scan)
    frames = replace(frames, warnings=(*frames.warnings, *connection_notices(scheduler)))
    return request.prepared(frames), frames


def _followed(request: SeriesRequest, job: partial[SeriesRun], glob: str | None, watch: Watch, *, resume: bool) -> bool:
    """Refine the frames of a growing series as they come; return whether rows of it are stored."""
    settings = job.keywords
    watcher = Watcher(settings["source"], glob, request.axes, request.reading.dataset, watch)

    def setup_of(frames: Frames) -> LiveSetup | None:
        try:
            prepared = request.prepared(frames)
        except NoReadableFrame:
            return None
        run = job(prepared, frames)
        store = SeriesStore(
            settings["results"], "", run.settings, frames.axes, run.columns, overwrite=settings["overwrite"]
        )
        return LiveSetup(
            setup=prepared.setup, first=prepared.first, store=store, key_of=run.key_of, description=run.run_entries
        )

    return LiveSeries(watcher, setup_of, settings["unordered"], settings["progress"]).follow(resume=resume)


def inputs_of_series(folder: str | Path, glob: str | None, *arguments: Any) -> list[Path]:
    """Return all input files of a series: its frames, and those of its other arguments."""
    with contextlib.suppress(InputError):  # their readers raise the errors
        return [*files_in(Path(folder), glob)[0], *inputs_among(*arguments)]
    return inputs_among(*arguments)
