"""`fit_series`: from a folder of patterns to the tables of the series."""

from __future__ import annotations

import contextlib
import math
import tempfile
import time
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import asdict, replace
from datetime import UTC, datetime
from functools import cached_property, partial
from importlib.metadata import version
from pathlib import Path
from typing import Any

from layerox.analysis.fit import refuse_twice
from layerox.analysis.phase_arguments import PhaseArgument, argued_phases
from layerox.analysis.recipe import RecipeArgument, recipe_from
from layerox.computing.threads import single_threaded
from layerox.errors import InputError, is_interrupt
from layerox.instrument import Geometry, Instrument
from layerox.io.atomic import WriteFailed, write_atomically
from layerox.io.outputs import inputs_among
from layerox.io.toml_file import toml_text
from layerox.public import public
from layerox.radiation import Radiation
from layerox.results.folder import check_folder
from layerox.series.checksums import (
    HASHES,
    HashedFile,
    frame_identity,
    hashed_files,
    hashes_text,
    phase_identity,
    read_hashes,
    sha256_of,
)
from layerox.series.cluster import Tls, check_scheduler, connection_notices
from layerox.series.electrochemistry import ElectrochemistryArgument, frames_with_log, settings_from
from layerox.series.executor import Executor, executor, start_server
from layerox.series.frame_reading import Frames, PatternReading
from layerox.series.frames import files_in, frames_of
from layerox.series.live import LiveSeries, LiveSetup
from layerox.series.measured import FrameRow, quantities_of
from layerox.series.refit import alone, neighbours_of, place_of, refined_again, rows_of_table, with_row
from layerox.series.request import NoReadableFrame, PreparedSeries, SeriesRequest
from layerox.series.result import Series, netcdf_bytes, open_series
from layerox.series.run_document import structures_of
from layerox.series.seed_refinement import determined_common_parameters
from layerox.series.segment import independent_rows, refined_segment, segment_ranges
from layerox.series.segment_merge import SegmentMerge
from layerox.series.store import FIRST, RESULTS, TABLE, SeriesStore
from layerox.series.watching import Watch, Watcher

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
        Of patterns, or one file with many scans.
    phases, radiation, neutron, monochromator, geometry, polarization, instrument, recipe, range
        As for `fit`; the phases are all that may show in any frame.
    glob, dataset, axis
        Which files, which group of HDF5 files, and where frames stand on one axis or several; see `frames_of`.
    electrochemistry
        A cycler's file, several of one cell, or a table with the keys of a recipe's [electrochemistry]: what the log
        says at the middle of each frame becomes columns (voltage in V, current in mA, net charge as capacity in mAh,
        sodium per MO2 as x_na, cycle, step). Needs times of the frames: stamps in their files, a CSV axis of dates, or
        `frame_start` and `frame_cadence_s`.
    unordered
        Frames are not neighbours (a composition series): each is fitted from scratch.
    own
        Names or patterns of atoms' quantities that each frame refines for itself, instead of the series for all:
        "P2_O1_z" lets slab and gallery of P2 change apart.
    workers
        Processes; 1 works in this one.
    scheduler, tls
        Address of a dask scheduler whose workers see the same files, and the files of an encrypted connection to it;
        a plain one is named in a notice. Needs the extra `cluster`.
    output
        Folder for the tables; without one they are only returned.
    resume
        Go on with what an interrupted run has left in `output`.
    watch
        Follow a folder that is filling, or a file that is being written: tables of what is complete grow in `output`
        until nothing more comes, then the series is refined as a whole. A `Watch` says how.
    hardware, reference
        Phases of the cell, and the one to whose mass the others' are referred, as for `fit`; frames.csv then has
        columns `displacement` and `mass_to_reference`.
    overwrite
        Whether files in `output` may be replaced that layerox did not write, or that were changed since. What is read
        is never replaced.
    refit
        Number or file of one frame of the finished series in `output` that was set aside: it alone is refined once
        more. Everything else must be given as it was then; only the file of this frame may have changed.
    progress
        Called with what is being done.

    Raises
    ------
    InputError
        If something given cannot be used. A frame that cannot be read or fitted is a row, not an error.
    """
    if refit is not None and (output is None or resume or watch):
        raise InputError("needs the output of a finished series, and neither resume nor watch", argument="refit",
                         cure="give the output, and leave the others out")  # fmt: skip
    if output is None:
        with tempfile.TemporaryDirectory(prefix="layerox-series-") as place:
            found = fit_series(
                folder, phases, radiation=radiation, neutron=neutron, monochromator=monochromator, geometry=geometry,
                polarization=polarization, instrument=instrument, recipe=recipe, range=range, glob=glob,
                dataset=dataset, axis=axis, electrochemistry=electrochemistry, unordered=unordered, own=own,
                workers=workers, scheduler=scheduler, tls=tls, output=place, watch=watch, hardware=hardware,
                reference=reference, progress=progress,
            )  # fmt: skip
            return replace(found, path=None)
    check_scheduler(scheduler, tls)
    if workers > 1 and scheduler is None and not watch:
        start_server()
    told = recipe_from(recipe)
    if told is not None:
        refuse_twice(told, range=range, phases=phases, instrument=instrument, hardware=hardware or None,
                     reference=reference)  # fmt: skip
        phases, instrument, range = told.phases or phases, told.instrument or instrument, told.range or range
    axes = [axis] if isinstance(axis, str) else list(axis)
    asked = SeriesRequest(
        axes=axes,
        argued=argued_phases(phases or (), hardware),
        told=told,
        reference=reference,
        own=tuple(own),
        electrochemistry=settings_from(electrochemistry, None if told is None else told.electrochemistry),
        reading=PatternReading(
            radiation=radiation, range=range, exclude=() if told is None else told.exclude, dataset=dataset
        ),
        beam={"radiation": radiation, "neutron": neutron, "monochromator": monochromator, "geometry": geometry,
              "polarization": polarization, "instrument": instrument},
    )  # fmt: skip
    source, results, tell = Path(folder).resolve(), Path(output), progress or (lambda _: None)
    read = inputs_of_series(folder, glob, phases, hardware, recipe, instrument, electrochemistry, axes,
                            None if told is None else told.document)  # fmt: skip
    check_folder(results, RESULTS, inputs=read, overwrite=overwrite)
    is_live = False
    if watch and asked.electrochemistry is not None:
        raise InputError("a log that still grows is not followed", argument="electrochemistry",
                         cure="leave it out while watching, and run again with it when both are complete")  # fmt: skip
    if watch:
        watcher = Watcher(source, glob, axes, dataset, Watch() if watch is True else watch)
        live = LiveSeries(watcher, partial(_live, asked, unordered, source, results, tell, overwrite), unordered, tell)
        is_live = live.follow(resume=resume)
    listed = frames_of if asked.electrochemistry is None else partial(frames_with_log, told=asked.electrochemistry)
    frames = listed(source, glob=glob, axes=axes, dataset=dataset)
    frames = replace(frames, notices=(*frames.notices, *connection_notices(scheduler)))
    run = _SeriesRun(
        asked.demands(frames), frames, unordered, source, results, tell, overwrite, shows_growth=not is_live
    )
    if refit is not None:
        return run.refit(refit, workers, scheduler, tls)
    return run.go(workers, scheduler, tls, resume=resume or is_live)


def inputs_of_series(folder: str | Path, glob: str | None, *arguments: Any) -> list[Path]:
    """Return all files that a series reads: its frames, and what its other arguments name."""
    with contextlib.suppress(InputError):  # whoever reads them says what is wrong with them
        return [*files_in(Path(folder), glob)[0], *inputs_among(*arguments)]
    return inputs_among(*arguments)


def _live(
    asked: SeriesRequest, unordered: bool, source: Path, folder: Path, tell: Progress, overwrite: bool, frames: Frames
) -> LiveSetup | None:
    """Return a growing series that can be refined with what has come so far, None if nothing can be read yet."""
    try:
        demands = asked.demands(frames)
    except NoReadableFrame:
        return None
    run = _SeriesRun(demands, frames, unordered, source, folder, tell, overwrite)
    store = SeriesStore(folder, "", run.settings, frames.axes, run.columns, overwrite=overwrite)
    return LiveSetup(setup=demands.setup, first=demands.first, store=store, key_of=run.key_of, told=run.told)


class _SeriesRun:
    """One run of a series."""

    def __init__(
        self,
        demands: PreparedSeries,
        frames: Frames,
        unordered: bool,
        source: Path,
        folder: Path,
        tell: Progress,
        overwrite: bool = False,
        *,
        shows_growth: bool = True,
    ):
        self.setup, self.names, self.first, self.frames = demands.setup, demands.names, demands.first, frames
        self.document, self.description = demands.document, demands.description
        self.unordered, self.folder, self.tell = unordered, source, tell
        self.results, self.overwrite = folder, overwrite
        self.structures = self._structures({})
        self.segments = [frames.frames[r.start : r.stop] for r in segment_ranges(len(frames))]
        self.began, self.done, self._found, self._set_out = time.perf_counter(), 0, 0, time.perf_counter()
        self.started = _now()
        # Where a watch has left a longer table, it stands until this run is done.
        self._next_refresh = self.began + REFRESH_S if shows_growth else math.inf

    @cached_property
    def hashes(self) -> dict[str, HashedFile]:
        """What the files of the frames hold, by name."""
        return hashed_files((frame.path for frame in self.frames.frames), read_hashes(self.results))

    @cached_property
    def store(self) -> SeriesStore:
        """The folder of the results."""
        key = self._key(self.frames, self.hashes)
        return SeriesStore(self.results, key, self.settings, self.frames.axes, self.columns, overwrite=self.overwrite)

    def go(self, workers: int, scheduler: str | None, tls: Tls | None, *, resume: bool) -> Series:
        """Do the work that is left to do, and return the series."""
        try:
            if self.store.open(resume=resume):
                self.store.finish()
                return open_series(self.results)
            write_atomically(self.results / HASHES, hashes_text(self.hashes))
            self.store.write({"recipe.toml": toml_text(self.document)})
            self._write_run("running", workers)
            with executor(workers, scheduler, tls) as where:
                self._work(where)
            return self._finish(workers)
        except WriteFailed as error:
            raise self._kept(error, workers) from None
        except BaseException as error:
            if is_interrupt(error):
                with contextlib.suppress(InputError):
                    self._write_run("interrupted", workers)
            raise
        finally:
            self.store.close()

    def refit(self, wanted: str | int, workers: int, scheduler: str | None, tls: Tls | None) -> Series:
        """Refine one frame of the finished series once more, and return the series."""
        try:
            self.store.lock()
            series, begun = open_series(self.results), self.store.begun()
            k = place_of(wanted, series)
            self._demand_finished(begun, k)
            rows = partial(rows_of_table, self.results / TABLE, self.frames.axes, self.store.phases)
            row = self._refined_again(k, rows, workers, scheduler, tls)
            return self._finish_refit(begun, with_row(rows, k, row), row)
        finally:
            self.store.close()

    def _demand_finished(self, begun: Mapping[str, Any], k: int) -> None:
        """Refuse a series that is not finished, or of other settings or other frames than the one that may change."""
        frame = self.frames.frames[k] if k < len(self.frames) else None
        before = read_hashes(self.results)
        shared = sum(frame is not None and other.path == frame.path for other in self.frames.frames) > 1
        known = {} if frame is None or shared else {n: h for n, h in before.items() if n == frame.path.name}
        self.store.demand_complete(begun, self._key(self.frames, {**self.hashes, **known}))

    def _refined_again(
        self, k: int, rows: Callable[[], Iterator[FrameRow]], workers: int, scheduler: str | None, tls: Tls | None
    ) -> FrameRow:
        frame = self.frames.frames[k]
        if self.unordered:
            return alone(self.setup, frame)
        self.tell("looking at frames across the series")
        with executor(workers, scheduler, tls) as where:
            common = determined_common_parameters(self.setup, self.frames.frames, self.first, where)
        self.tell(f"refining {frame.file}")
        return refined_again(common, frame, neighbours_of(k, self.frames.frames, rows()))

    def _finish_refit(self, begun: Mapping[str, Any], rows: Callable[[], Iterator[FrameRow]], row: FrameRow) -> Series:
        """Write the tables with the new row, and say in run.json that it is one."""
        self.store.write_tables(rows)
        series = open_series(self.results)
        self.store.write({"series.nc": netcdf_bytes(series)})
        write_atomically(self.results / HASHES, hashes_text(self.hashes))
        verdicts = Counter(series.frames["verdict"])
        told = {"frame": row.frame, "file": row.file, "verdict": row.verdict, "reason": row.reason, "written": _now()}
        changed = {
            "verdicts": {name: int(verdicts[name]) for name in sorted(verdicts)},
            "refitted": [*begun.get("refitted", []), told],
            "sha256": self.store.sha256(),
        }
        self.store.write_run({**begun, "key": self.store.key, **changed})
        return open_series(self.results)

    def _kept(self, error: WriteFailed, workers: int) -> InputError:
        """Return the error of a run that cannot write any more, with where to go on."""
        place = self.store.rescue(self._report("interrupted", workers))
        where = "" if place is None else f" with -o {place}"
        cure = f"when there is room, go on{where} and --resume: what is refined is kept"
        return InputError(error.problem, place=error.place, cure=cure)

    def _work(self, where: Executor) -> None:
        left = [k for k, _ in enumerate(self.segments) if not self.store.has(FIRST, k)]
        self.done = self._found = len(self.frames) - sum(len(self.segments[k]) for k in left)
        if self.unordered:
            self._gather(FIRST, where.run(independent_rows, ((k, (self.setup, self.segments[k])) for k in left)))
            return
        self.tell("looking at frames across the series")
        common = determined_common_parameters(self.setup, self.frames.frames, self.first, where)
        self.structures = self._structures(common.values)
        self._set_out = time.perf_counter()
        self._gather(FIRST, where.run(refined_segment, ((k, (common, self.segments[k])) for k in left)))
        SegmentMerge(common, self.segments, self.store, self._gather).run(where)

    def _structures(self, values: Mapping[str, float]) -> dict[str, dict[str, Any]]:
        """Return what run.json says of the phases: what they are, and their atoms as all frames share them."""
        documents, own = structures_of(self.setup.phases, values), self.description["structures"]
        return {name: {**own[name], **documents[name]} for name in self.names}

    def _gather(self, stage: str, results: Iterator[tuple[int, list[FrameRow]]]) -> None:
        """Put parts on disk as they come."""
        for number, rows in results:
            self.store.put(stage, number, rows)
            if stage == FIRST:
                self.done += len(rows)
                self._report_rate()
            if time.perf_counter() > self._next_refresh:
                self._refresh()

    def _refresh(self) -> None:
        """Write the tables as far as they have grown; rarely enough to cost a thirtieth of the time at most."""
        began = time.perf_counter()
        try:
            self.store.write_tables(self._rows)
        except InputError as error:
            self.tell(f"the growing tables are not written: {error}")  # the parts hold what they would
        now = time.perf_counter()
        self._next_refresh = now + max(REFRESH_S, 30.0 * (now - began))

    def _report_rate(self) -> None:
        """Say how many frames are done, and how fast: what an earlier run has done tells nothing of this one's rate."""
        rate = (self.done - self._found) / max(time.perf_counter() - self._set_out, 1e-6)
        left = (len(self.frames) - self.done) / rate
        self.tell(f"{self.done} of {len(self.frames)} frames, {rate:.0f} a second, {left:.0f} s left")

    def _rows(self) -> Iterator[FrameRow]:
        return self.store.all_rows(len(self.segments))

    def _finish(self, workers: int) -> Series:
        self.tell("writing")
        self.store.write_tables(self._rows)
        self._write_run("running", workers)
        series = open_series(self.results)
        self.store.write({"series.nc": netcdf_bytes(series)})
        verdicts = Counter(series.frames["verdict"])
        self._write_run("complete", workers, {name: int(verdicts[name]) for name in sorted(verdicts)})
        self.store.finish()
        return replace(series, run=open_series(self.results).run)

    def _write_run(self, status: str, workers: int, verdicts: Mapping[str, int] | None = None) -> None:
        """Write run.json."""
        self.store.write_run(self._report(status, workers, verdicts))

    def _report(self, status: str, workers: int, verdicts: Mapping[str, int] | None = None) -> dict[str, Any]:
        """Return what run.json says."""
        return {
            "status": status,
            **self.told,
            "frames": len(self.frames),
            "axes": list(self.frames.axes),
            "segments": [len(segment) for segment in self.segments],
            "workers": workers,
            "verdicts": verdicts,
            **({"electrochemistry": self.frames.electrochemistry} if self.frames.electrochemistry else {}),
            "notices": [asdict(notice) for notice in self.frames.notices],
            "started": self.started,
            "written": _now(),
            "wall_s": round(time.perf_counter() - self.began, 3),
            **({"sha256": self.store.sha256()} if status == "complete" else {}),
        }

    @property
    def told(self) -> dict[str, Any]:
        """What run.json says of a series however many frames it has."""
        return {
            "version": version("layerox"),
            "folder": str(self.folder),
            "range": self.setup.reading.range,
            "recipe": self.document,
            "dataset": self.setup.reading.dataset,
            "lines": self.setup.radiation.lines,
            "phases": list(self.names),
            **self.description,
            "structures": self.structures,
            "unordered": self.unordered,
            "own": list(self.setup.own),
        }

    @property
    def settings(self) -> str:
        """A hash of everything that decides the results but the frames."""
        return sha256_of(
            {
                "version": version("layerox"),
                # What is asked of the finished table does not decide it.
                "recipe": {name: part for name, part in self.document.items() if name != "parametric"},
                "phases": [phase_identity(phase) for phase in self.setup.phases],
                "instrument": repr(self.setup.instrument),
                "beam": repr(self.setup.radiation),
                "reading": repr(self.setup.reading),
                "unordered": self.unordered,
                "own": list(self.setup.own),
            }
        )

    @property
    def columns(self) -> dict[str, tuple[str, ...]]:
        """The quantities of each phase in frames.csv, the phases as the user orders them."""
        found = quantities_of(self.setup)
        return {name: found[name] for name in self.names}

    def key_of(self, frames: Frames) -> str:
        """Return a hash of everything that decides the results of certain frames."""
        return self._key(frames, hashed_files((frame.path for frame in frames.frames), read_hashes(self.results)))

    def _key(self, frames: Frames, found: Mapping[str, HashedFile]) -> str:
        identities = [frame_identity(frame, found) for frame in frames.frames]
        return sha256_of({"settings": self.settings, "frames": identities})


def _now() -> str:
    return datetime.now(UTC).isoformat(timespec="seconds")
