"""One run of a series: the stages from seed frames to tables, and the record of the run in run.json.

`run` holds the function that users call; the refinement itself is in `segment` and `segment_merge`.
"""

from __future__ import annotations

import contextlib
import math
import time
from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from dataclasses import asdict, replace
from datetime import UTC, datetime
from functools import cached_property, partial
from importlib.metadata import version
from pathlib import Path
from typing import Any

from layerox.errors import InputError, is_interrupt
from layerox.io.atomic_writing import WriteFailed, write_atomically
from layerox.io.toml_file import toml_text
from layerox.notices import Notice
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
from layerox.series.dask_cluster import Tls
from layerox.series.executor import Executor, executor
from layerox.series.frame_curves import common_document
from layerox.series.frame_row import FrameRow, quantities_of
from layerox.series.frame_setup import Frames
from layerox.series.refinement.common_parameters import CommonParameters
from layerox.series.refinement.seed_refinement import determined_common_parameters
from layerox.series.refinement.segment import independent_rows, refined_segment, segment_ranges
from layerox.series.refinement.segment_merge import SegmentMerge
from layerox.series.refit import alone, neighbours_of, place_of, refined_again, rows_of_table, with_row
from layerox.series.request import PreparedSeries
from layerox.series.result import Series, open_series, series_of_run
from layerox.series.results_folder import FIRST, TABLE, SeriesStore
from layerox.series.run_document import structures_of, written_run

Progress = Callable[[str], None]
# Seconds between two writings of the growing tables, at least.
REFRESH_S = 5.0


class SeriesRun:
    """One run of a series."""

    def __init__(
        self,
        prepared: PreparedSeries,
        frames: Frames,
        *,
        unordered: bool,
        source: Path,
        results: Path,
        progress: Progress,
        overwrite: bool = False,
        shows_growth: bool = True,
    ):
        self.setup, self.names, self.first, self.frames = prepared.setup, prepared.names, prepared.first, frames
        self.document, self.description = prepared.document, prepared.description
        self.unordered, self.folder, self.progress = unordered, source, progress
        self.results, self.overwrite = results, overwrite
        self.structures = self._structures({})
        self.common: CommonParameters | None = None
        self.segments = [frames.frames[r.start : r.stop] for r in segment_ranges(len(frames))]
        self.began, self.done, self._done_before, self._refining_since = time.perf_counter(), 0, 0, time.perf_counter()
        self.started = _now()
        # A longer table of a watched run is kept until this run is finished.
        self._next_refresh = self.began + REFRESH_S if shows_growth else math.inf

    @cached_property
    def hashes(self) -> dict[str, HashedFile]:
        """Contents of the files of the frames, by name."""
        return hashed_files((frame.path for frame in self.frames.frames), read_hashes(self.results))

    @cached_property
    def store(self) -> SeriesStore:
        """The folder of the results."""
        key = self._key(self.frames, self.hashes)
        return SeriesStore(self.results, key, self.settings, self.frames.axes, self.columns, overwrite=self.overwrite)

    def refine(self, workers: int, scheduler: str | None, tls: Tls | None, *, resume: bool) -> Series:
        """Do the remaining work, and return the series."""
        try:
            if self.store.open(resume=resume):
                self.store.finish()
                return open_series(self.results)
            write_atomically(self.results / HASHES, hashes_text(self.hashes))
            self.store.write({"recipe.toml": toml_text(self.document)})
            self._write_run("running", workers)
            with executor(workers, scheduler, tls) as where:
                self._refine_all(where)
            return self._finish(workers)
        except WriteFailed as error:
            raise self._interrupted(error, workers) from None
        except BaseException as error:
            if is_interrupt(error):
                with contextlib.suppress(InputError):
                    self._write_run("interrupted", workers)
            raise
        finally:
            self.store.close()

    def refit(self, wanted: str | int, workers: int, scheduler: str | None, tls: Tls | None) -> Series:
        """Refine one frame of the finished series again, and return the series."""
        try:
            self.store.lock()
            series, begun = open_series(self.results), self.store.begun()
            k = place_of(wanted, series)
            self._require_finished(begun, k)
            rows = partial(rows_of_table, self.results / TABLE, self.frames.axes, self.store.phases)
            row = self._refined_again(k, rows, workers, scheduler, tls)
            return self._finish_refit(begun, with_row(rows, k, row), row)
        finally:
            self.store.close()

    def _require_finished(self, begun: Mapping[str, Any], k: int) -> None:
        """Raise if the series is not finished, or has other settings or frames (except the one that may change)."""
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
        self.progress("fitting seed frames")
        with executor(workers, scheduler, tls) as where:
            common = determined_common_parameters(self.setup, self.frames.frames, self.first, where)
        self.progress(f"refining {frame.file}")
        return refined_again(common, frame, neighbours_of(k, self.frames.frames, rows()))

    def _finish_refit(self, begun: Mapping[str, Any], rows: Callable[[], Iterator[FrameRow]], row: FrameRow) -> Series:
        """Write the tables with the new row, and record it in run.json."""
        self.store.write_tables(rows)
        series = open_series(self.results)
        self.store.write({"series.nc": series.to_netcdf()})
        write_atomically(self.results / HASHES, hashes_text(self.hashes))
        verdicts = Counter(series.columns["verdict"])
        run_entries = {
            "frame": row.frame,
            "file": row.file,
            "verdict": row.verdict,
            "reason": row.reason,
            "written": _now(),
        }
        changed = {
            "verdicts": {name: verdicts[name] for name in sorted(verdicts)},
            "refitted": [*begun.get("refitted", []), run_entries],
            "sha256": self.store.sha256(),
        }
        self.store.write_run({**begun, "key": self.store.key, **changed})
        return open_series(self.results)

    def _interrupted(self, error: WriteFailed, workers: int) -> InputError:
        """Return the error of a run that cannot write any more, with the way to continue."""
        place = self.store.rescue(self._report("interrupted", workers))
        where = "" if place is None else f" with -o {place}"
        cure = f"when there is space, continue{where} and --resume: refined frames are kept"
        return InputError(error.problem, place=error.place, cure=cure)

    def _refine_all(self, where: Executor) -> None:
        left = [k for k, _ in enumerate(self.segments) if not self.store.has(FIRST, k)]
        self.done = self._done_before = len(self.frames) - sum(len(self.segments[k]) for k in left)
        if self.unordered:
            self._gather(FIRST, where.run(independent_rows, ((k, (self.setup, self.segments[k])) for k in left)))
            return
        self.progress("fitting seed frames")
        common = determined_common_parameters(self.setup, self.frames.frames, self.first, where)
        self.structures, self.common = self._structures(common.values), common
        self._refining_since = time.perf_counter()
        self._gather(FIRST, where.run(refined_segment, ((k, (common, self.segments[k])) for k in left)))
        SegmentMerge(common, self.segments, self.store, self._gather).run(where)

    def _structures(self, values: Mapping[str, float]) -> dict[str, dict[str, Any]]:
        """Return the entries of run.json for the phases, with the common atoms of all frames."""
        documents, own = structures_of(self.setup.phases, values), self.description["structures"]
        return {name: {**own[name], **documents[name]} for name in self.names}

    def _gather(self, stage: str, results: Iterator[tuple[int, list[FrameRow]]]) -> None:
        """Put parts on disk in the order of completion."""
        for number, rows in results:
            self.store.put(stage, number, rows)
            if stage == FIRST:
                self.done += len(rows)
                self._report_rate()
            if time.perf_counter() > self._next_refresh:
                self._refresh()

    def _refresh(self) -> None:
        """Write the growing tables, at most a thirtieth of the run time."""
        began = time.perf_counter()
        try:
            self.store.write_tables(self._rows)
        except InputError as error:
            self.progress(f"the growing tables are not written: {error}")  # the parts have the same contents
        now = time.perf_counter()
        self._next_refresh = now + max(REFRESH_S, 30.0 * (now - began))

    def _report_rate(self) -> None:
        """Report the number of finished frames and the rate of this run."""
        rate = (self.done - self._done_before) / max(time.perf_counter() - self._refining_since, 1e-6)
        left = (len(self.frames) - self.done) / rate
        self.progress(f"{self.done} of {len(self.frames)} frames, {rate:.0f} per second, {left:.0f} s left")

    def _rows(self) -> Iterator[FrameRow]:
        return self.store.all_rows(len(self.segments))

    def _finish(self, workers: int) -> Series:
        self.progress("writing")
        self.store.write_tables(self._rows)
        self._write_run("running", workers)
        series = series_of_run(self.results, written_run(self.results))
        self.store.write({"series.nc": series.to_netcdf()})
        verdicts = Counter(series.columns["verdict"])
        self._write_run("complete", workers, {name: verdicts[name] for name in sorted(verdicts)})
        self.store.finish()
        return replace(series, run=written_run(self.results))

    def _write_run(self, status: str, workers: int, verdicts: Mapping[str, int] | None = None) -> None:
        """Write run.json."""
        self.store.write_run(self._report(status, workers, verdicts))

    def _report(self, status: str, workers: int, verdicts: Mapping[str, int] | None = None) -> dict[str, Any]:
        """Return the contents of run.json."""
        return {
            "status": status,
            **self.run_entries,
            "frames": len(self.frames),
            "axes": list(self.frames.axes),
            "segments": [len(segment) for segment in self.segments],
            "workers": workers,
            "verdicts": verdicts,
            **({"electrochemistry": self.frames.electrochemistry} if self.frames.electrochemistry else {}),
            "notices": [asdict(notice) for notice in self._notices()],
            "started": self.started,
            "written": _now(),
            "wall_s": round(time.perf_counter() - self.began, 3),
            **({"sha256": self.store.sha256()} if status == "complete" else {}),
        }

    def _notices(self) -> Iterator[Notice]:
        """Yield the notices of the frames, and what was chosen for all of them."""
        yield from self.frames.warnings
        if self.common is not None and self.common.position is not None and self.common.position.shifts:
            yield self.common.position.notice

    @property
    def run_entries(self) -> dict[str, Any]:
        """The entries of run.json that do not depend on the number of frames."""
        return {
            "version": version("layerox"),
            "folder": str(self.folder),
            "range": self.setup.reading.range,
            "recipe": self.document,
            "dataset": self.setup.reading.dataset,
            "abscissa": self.setup.reading.axis,
            "sigma": self.setup.reading.sigma,
            "allow_negative": self.setup.reading.allow_negative,
            "lines": self.setup.radiation.lines,
            "phases": list(self.names),
            **self.description,
            "structures": self.structures,
            "unordered": self.unordered,
            "own": list(self.setup.own),
            "common": None if self.common is None else common_document(self.common),
        }

    @property
    def settings(self) -> str:
        """A hash of everything that decides the results, except the frames."""
        return sha256_of(
            {
                "version": version("layerox"),
                # The parametric refinement of the finished table does not affect it.
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
        """The quantities of each phase in frames.csv, the phases in the user's order."""
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
