"""Run: a series from its folder to its tables."""

from __future__ import annotations

import hashlib
import json
import math
import tempfile
import time
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from datetime import UTC, datetime
from functools import partial
from importlib.metadata import version
from pathlib import Path
from typing import Any

from layerox.analysis import refuse_twice, usable
from layerox.diffraction.phase import Phase
from layerox.diffraction.plan import NO_PLAN
from layerox.electrochemistry.settings import ElectrochemistryModel
from layerox.errors import InputError, is_interrupt
from layerox.instrument import Geometry, Instrument
from layerox.io.instrument_file import table_of_instrument
from layerox.io.toml_file import toml_text
from layerox.io.writing import write_atomically
from layerox.measurement import measured_with, pattern_from
from layerox.pattern import Pattern
from layerox.phases import PhaseArgument, argued_phases
from layerox.public import public
from layerox.radiation import Radiation
from layerox.recipe import Recipe, RecipeArgument, recipe_from
from layerox.series import tasks
from layerox.series.description import described
from layerox.series.electrochemistry import COLUMN_UNITS, ElectrochemistryArgument, frames_with_log, settings_from
from layerox.series.executor import Executor, executor
from layerox.series.frames import Frame, Frames, Reading, axis_units, frames_of
from layerox.series.groundwork import laid_foundation
from layerox.series.live import Live, Ready
from layerox.series.measured import Row, quantities_of
from layerox.series.reconcile import Reconciliation
from layerox.series.result import Series, netcdf_bytes, open_series
from layerox.series.setup import Setup
from layerox.series.store import FIRST, Store
from layerox.series.structures import structures_of
from layerox.series.watching import Watch, Watcher
from layerox.series.workers import start_server

Progress = Callable[[str], None]
# Seconds between two writings of the growing tables, at least.
REFRESH_S = 5.0


@public
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
    output: str | Path | None = None,
    resume: bool = False,
    watch: bool | Watch = False,
    hardware: Sequence[PhaseArgument] = (),
    reference: str | None = None,
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
    scheduler
        Address of a dask scheduler whose workers see the same files.
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
    progress
        Called with what is being done.

    Raises
    ------
    InputError
        If something given cannot be used. A frame that cannot be read or fitted is a row, not an error.
    """
    if output is None:
        with tempfile.TemporaryDirectory(prefix="layerox-series-") as place:
            found = fit_series(
                folder, phases, radiation=radiation, neutron=neutron, monochromator=monochromator, geometry=geometry,
                polarization=polarization, instrument=instrument, recipe=recipe, range=range, glob=glob,
                dataset=dataset, axis=axis, electrochemistry=electrochemistry, unordered=unordered, own=own,
                workers=workers, scheduler=scheduler, output=place, watch=watch, hardware=hardware,
                reference=reference, progress=progress,
            )  # fmt: skip
            return replace(found, path=None)
    if workers > 1 and scheduler is None and not watch:
        start_server()
    told = recipe_from(recipe)
    if told is not None:
        refuse_twice(told, range=range, phases=phases, instrument=instrument, hardware=hardware or None,
                     reference=reference)  # fmt: skip
        phases, instrument, range = told.phases or phases, told.instrument or instrument, told.range or range
    axes = [axis] if isinstance(axis, str) else list(axis)
    asked = _Asked(
        axes=axes,
        argued=argued_phases(phases or (), hardware),
        told=told,
        reference=reference,
        own=tuple(own),
        electrochemistry=settings_from(electrochemistry, None if told is None else told.electrochemistry),
        reading=Reading(
            radiation=radiation, range=range, exclude=() if told is None else told.exclude, dataset=dataset
        ),
        beam={"radiation": radiation, "neutron": neutron, "monochromator": monochromator, "geometry": geometry,
              "polarization": polarization, "instrument": instrument},
    )  # fmt: skip
    source, results, tell = Path(folder).resolve(), Path(output), progress or (lambda _: None)
    is_live = False
    if watch and asked.electrochemistry is not None:
        raise InputError("a log that still grows is not followed", argument="electrochemistry",
                         cure="leave it out while watching, and run again with it when both are complete")  # fmt: skip
    if watch:
        watcher = Watcher(source, glob, axes, dataset, Watch() if watch is True else watch)
        live = Live(watcher, partial(_live, asked, unordered, source, results, tell), unordered, tell)
        is_live = live.follow(resume=resume)
    listed = frames_of if asked.electrochemistry is None else partial(frames_with_log, told=asked.electrochemistry)
    frames = listed(source, glob=glob, axes=axes, dataset=dataset)
    run = _Run(asked.demands(frames), frames, unordered, source, results, tell, shows_growth=not is_live)
    return run.go(workers, scheduler, resume=resume or is_live)


@dataclass(frozen=True, kw_only=True, eq=False)
class _Asked:
    """What a user asks for, before any pattern has been looked at.

    Attributes
    ----------
    axes
        Where frames stand, as the user names it.
    argued
        The phases behind their arguments.
    told
        The recipe.
    reference
        Name of the phase to whose mass the others' are referred.
    own
        Which quantities of atoms each frame refines for itself.
    electrochemistry
        The log and its clocks.
    reading
        How patterns are read.
    beam
        The arguments of `measured_with`.
    """

    axes: Sequence[str]
    argued: Sequence[tuple[PhaseArgument, Phase]]
    told: Recipe | None
    reference: str | None
    own: tuple[str, ...]
    electrochemistry: ElectrochemistryModel | None
    reading: Reading
    beam: Mapping[str, Any]

    def demands(self, frames: Frames) -> _Demands:
        """Return what frames are refined with.

        Raises
        ------
        InputError
            If something given cannot be used, or none of the frames can be read.
        """
        first = _first_readable(frames, self.reading)
        known, beam = measured_with(first, **self.beam)
        plan = (NO_PLAN if self.told is None else self.told.plan).referring_to(self.reference)
        chosen = usable([phase for _, phase in self.argued], first, beam)
        plan.quantification.check(chosen, beam, known.geometry)
        setup = Setup(
            phases=tuple(chosen), instrument=known, radiation=beam, plan=plan, reading=self.reading, own=self.own
        )
        _ = setup.own_names  # a name that is nobody's is refused before any work is done
        document = _document(self.told, setup, [argument for argument, _ in self.argued], self.reference)
        units = axis_units(self.axes)
        if self.electrochemistry is not None:
            document = {**document, "electrochemistry": self.electrochemistry.model_dump(mode="json")}
            # Without axes a log orders the frames by their times.
            units |= COLUMN_UNITS | ({} if self.axes else axis_units(["time"]))
        description = {**described(setup, first), "axis_units": units}
        return _Demands(setup=setup, first=first, document=document, description=description)


@dataclass(frozen=True, kw_only=True, eq=False)
class _Demands:
    """What frames are refined with, a pattern of them, the recipe as used, and what run.json says of both."""

    setup: Setup
    first: Pattern
    document: Mapping[str, object]
    description: Mapping[str, Any]


class _Unreadable(InputError):
    """None of the frames can be read, or none yet."""


def _live(asked: _Asked, unordered: bool, source: Path, folder: Path, tell: Progress, frames: Frames) -> Ready | None:
    """Return a growing series that can be refined with what has come so far, None if nothing can be read yet."""
    try:
        demands = asked.demands(frames)
    except _Unreadable:
        return None
    run = _Run(demands, frames, unordered, source, folder, tell)
    store = Store(folder, "", run.settings, frames.axes, quantities_of(demands.setup))
    return Ready(setup=demands.setup, first=demands.first, store=store, key_of=run.key_of, told=run.told)


def _first_readable(frames: Frames, reading: Reading) -> Pattern:
    faults = []
    for frame in frames.frames:
        try:
            return pattern_from(reading.pattern(frame), None)
        except InputError as error:
            faults.append(error)
    raise _Unreadable(f"none of {len(frames)} frames can be read; {faults[0].problem}", place=faults[0].place,
                      cure=faults[0].cure)  # fmt: skip


def _document(
    told: Recipe | None, setup: Setup, phases: Sequence[PhaseArgument], reference: str | None
) -> Mapping[str, object]:
    """Return the recipe as used: the user's, completed by what he has said otherwise."""
    said: dict[str, Any] = {} if told is None else dict(told.document)
    measured = table_of_instrument(replace(setup.instrument, radiation=setup.radiation))
    said["instrument"] = {**said.get("instrument", {}), "file": None, **measured}
    if told is None or not told.phases:
        said["phase"] = _phase_rows(setup, phases)
    if setup.reading.range is not None:
        said["pattern"] = {**said.get("pattern", {}), "range": list(setup.reading.range)}
    if reference is not None:
        said["quantification"] = {**said.get("quantification", {}), "reference": reference}
    return said


def _phase_rows(setup: Setup, phases: Sequence[PhaseArgument]) -> list[dict[str, object]]:
    """Return the phases as a recipe names them."""
    rows = []
    for phase, argument in zip(setup.phases, phases, strict=True):
        text = argument[1] if isinstance(argument, tuple) else argument
        text = str(text).removeprefix(f"{phase.name}=") if isinstance(text, (str, Path)) else phase.name
        path = Path(text)
        row: dict[str, object] = {"name": phase.name, "structure": str(path.resolve()) if path.is_file() else text}
        rows.append({**row, "hardware": True} if phase.hardware else row)
    return rows


class _Run:
    """One run of a series."""

    def __init__(
        self,
        demands: _Demands,
        frames: Frames,
        unordered: bool,
        source: Path,
        folder: Path,
        tell: Progress,
        *,
        shows_growth: bool = True,
    ):
        self.setup, self.first, self.frames = demands.setup, demands.first, frames
        self.document, self.description = demands.document, demands.description
        self.unordered, self.folder, self.tell = unordered, source, tell
        self.store = Store(folder, self.key_of(frames), self.settings, frames.axes, quantities_of(self.setup))
        self.structures = self._structures({})
        self.segments = [frames.frames[r.start : r.stop] for r in tasks.segments(len(frames))]
        self.began, self.done, self._found, self._set_out = time.perf_counter(), 0, 0, time.perf_counter()
        self.started = _now()
        # Where a watch has left a longer table, it stands until this run is done.
        self._next_refresh = self.began + REFRESH_S if shows_growth else math.inf

    def go(self, workers: int, scheduler: str | None, *, resume: bool) -> Series:
        """Do the work that is left to do, and return the series."""
        try:
            if self.store.open(resume=resume):
                self.store.finish()
                return open_series(self.store.folder)
            write_atomically(self.store.folder / "recipe.toml", toml_text(self.document))
            self._say("running", workers)
            with executor(workers, scheduler) as where:
                self._work(where)
            return self._finish(workers)
        except BaseException as error:
            if is_interrupt(error):
                self._say("interrupted", workers)
            raise
        finally:
            self.store.close()

    def _work(self, where: Executor) -> None:
        left = [k for k, _ in enumerate(self.segments) if not self.store.has(FIRST, k)]
        self.done = self._found = len(self.frames) - sum(len(self.segments[k]) for k in left)
        if self.unordered:
            self._gather(FIRST, where.run(tasks.each_alone, ((k, (self.setup, self.segments[k])) for k in left)))
            return
        self.tell("looking at frames across the series")
        foundation = laid_foundation(self.setup, self.frames.frames, self.first, where)
        self.structures = self._structures(foundation.values)
        self._set_out = time.perf_counter()
        self._gather(FIRST, where.run(tasks.follow, ((k, (foundation, self.segments[k])) for k in left)))
        Reconciliation(foundation, self.segments, self.store, self._gather).run(where)

    def _structures(self, values: Mapping[str, float]) -> dict[str, dict[str, Any]]:
        """Return what run.json says of the phases: what they are, and their atoms as all frames share them."""
        documents = structures_of(self.setup.phases, values)
        return {name: {**told, **documents[name]} for name, told in self.description["structures"].items()}

    def _gather(self, stage: str, results: Iterator[tuple[int, list[Row]]]) -> None:
        """Put parts on disk as they come."""
        for number, rows in results:
            self.store.put(stage, number, rows)
            if stage == FIRST:
                self.done += len(rows)
                self._tell_rate()
            if time.perf_counter() > self._next_refresh:
                self._refresh()

    def _refresh(self) -> None:
        """Write the tables as far as they have grown; rarely enough to cost a thirtieth of the time at most."""
        began = time.perf_counter()
        self.store.write_tables(self._rows)
        now = time.perf_counter()
        self._next_refresh = now + max(REFRESH_S, 30.0 * (now - began))

    def _tell_rate(self) -> None:
        """Say how many frames are done, and how fast: what an earlier run has done tells nothing of this one's rate."""
        rate = (self.done - self._found) / max(time.perf_counter() - self._set_out, 1e-6)
        left = (len(self.frames) - self.done) / rate
        self.tell(f"{self.done} of {len(self.frames)} frames, {rate:.0f} a second, {left:.0f} s left")

    def _rows(self) -> Iterator[Row]:
        return self.store.all_rows(len(self.segments))

    def _finish(self, workers: int) -> Series:
        self.tell("writing")
        self.store.write_tables(self._rows)
        self._say("running", workers)
        series = open_series(self.store.folder)
        write_atomically(self.store.folder / "series.nc", netcdf_bytes(series))
        verdicts = Counter(series.frames["verdict"])
        self._say("complete", workers, {name: int(verdicts[name]) for name in sorted(verdicts)})
        self.store.finish()
        return replace(series, run=open_series(self.store.folder).run)

    def _say(self, status: str, workers: int, verdicts: Mapping[str, int] | None = None) -> None:
        """Write run.json."""
        self.store.write_run(
            {
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
            }
        )

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
            "phases": list(self.setup.names),
            **self.description,
            "structures": self.structures,
            "unordered": self.unordered,
            "own": list(self.setup.own),
        }

    @property
    def settings(self) -> str:
        """A hash of everything that decides the results but the frames."""
        phases = self.setup.phases
        return _hash(
            {
                "version": version("layerox"),
                # What is asked of the finished table does not decide it.
                "recipe": {name: part for name, part in self.document.items() if name != "parametric"},
                "phases": [
                    [p.name, p.hardware, *p.slot_names, *p.values.tolist(), p.crystal.space_group] for p in phases
                ],
                "instrument": repr(self.setup.instrument),
                "beam": repr(self.setup.radiation),
                "reading": repr(self.setup.reading),
                "unordered": self.unordered,
                "own": list(self.setup.own),
            }
        )

    def key_of(self, frames: Frames) -> str:
        """Return a hash of everything that decides the results of certain frames."""
        return _hash({"settings": self.settings, "frames": [_identity(frame) for frame in frames.frames]})


def _hash(said: Mapping[str, object]) -> str:
    return hashlib.sha256(json.dumps(said, sort_keys=True, default=str).encode()).hexdigest()


def _identity(frame: Frame) -> list[object]:
    try:
        status = frame.path.stat()
    except OSError:
        return [frame.file, -1, *map(repr, frame.axes)]
    # A file of many frames may have room for those to come: its size does not tell that they have.
    written = [status.st_mtime_ns] if frame.scan is not None else []
    return [frame.file, status.st_size, *written, *map(repr, frame.axes)]


def _now() -> str:
    return datetime.now(UTC).isoformat(timespec="seconds")
