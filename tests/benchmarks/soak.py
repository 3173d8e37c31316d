"""A long series: many frames through two workers, killed once and resumed; prints JSON.

Run: python tests/benchmarks/soak.py [FRAMES, default 100000] [--dask]
The frames are synthesised when the benchmark starts: two hundred different ones, under as many names as there are
frames (hard links), in an order in which neighbours are alike. Written one by one, 100,000 frames of 4,000 points are
12 GB. After half of the frames the command and its workers are killed; `--resume` finishes it. Memory is that of the
command and of the largest worker, its growth that over the last three quarters of each part. `--dask` sends the frames
through a scheduler and two workers that are started by hand, with TLS (certificates by openssl); only the command is
killed then, as the cluster belongs to somebody else. Workers of dask keep a profile of their last hour, which grows by
0.1 MB a second; it is switched off here (docs/howto/cluster.md).
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")
os.environ.setdefault("DASK_DISTRIBUTED__WORKER__PROFILE__ENABLED", "False")

import numpy as np
import psutil

from series import GRIDS, MB, folder_of

sys.path.insert(0, str(Path(__file__).parents[1]))

from cluster_by_hand import cluster, files_of_tls

POLL_S = 2.0
# What each part runs: progress as lines, whatever stderr is.
SCRIPT = """
import json, sys
import layerox as lx
from layerox.series.dask_cluster import Tls
given = json.loads(sys.argv[1])
tls = Tls(**given.pop("tls")) if "tls" in given else None
lx.fit_series(**given, tls=tls, radiation="CuKa", progress=lambda text: print(text, file=sys.stderr, flush=True))
"""


class Watched:
    """A series in a process of its own, whose progress, memory and CPU time are read while it runs."""

    def __init__(self, given: dict[str, object], log: Path, workers: list[int]):
        self.log, self.workers = log, workers
        self.before = {pid: cpu for pid, (_, cpu) in _read(workers).items()}
        self.process = subprocess.Popen([sys.executable, "-c", SCRIPT, json.dumps(given)], stderr=log.open("w"))
        self.began = self.ended = time.perf_counter()
        self.samples: list[tuple[int, float, float]] = []
        self.cpu: dict[int, float] = {}

    @property
    def done(self) -> int:
        """Frames that the last line of the progress states, 0 before the first."""
        lines = self.log.read_text(errors="replace").splitlines()
        counts = [int(line.split()[0]) for line in lines if " of " in line and "frames," in line]
        return counts[-1] if counts else 0

    def watch(self, until: int | None = None) -> None:
        """Read memory until the command ends, or so many frames are done; then kill it."""
        while self.process.poll() is None:
            self._sample()
            if until is not None and self.samples[-1][0] >= until:
                self._kill()
            else:
                time.sleep(POLL_S)
        self.ended = time.perf_counter()
        done, *memory = self.samples[-1]
        self.samples.append((max(done, self.done), *memory))

    def _sample(self) -> None:
        """Read the memory (MB) of the command and of its largest worker, and the CPU time of all."""
        own = self.process.pid
        with suppress(psutil.NoSuchProcess):
            found = _read([own, *_children(own), *self.workers])
            self.cpu |= {pid: cpu - self.before.get(pid, 0.0) for pid, (_, cpu) in found.items()}
            here = found.pop(own, (0.0, 0.0))[0]
            self.samples.append((self.done, here, max((memory for memory, _ in found.values()), default=0.0)))

    def _kill(self) -> None:
        for pid in (self.process.pid, *_children(self.process.pid)):
            with suppress(psutil.NoSuchProcess):
                psutil.Process(pid).kill()
        self.process.wait()

    def report(self, first: int) -> dict[str, object]:
        """Return CPU time and memory; `first` is the number of frames that were done before."""
        wall = self.ended - self.began
        rows = [row for row in self.samples if row[0] > first] or [(first + 1, 0.0, 0.0)]
        done, here, worker = np.array(rows, dtype=float).T
        late = (done >= first + 0.25 * (done[-1] - first)) & (done < done[-1])  # the tables follow the last frame
        growth = [
            float(np.polyfit(done[late], m[late], 1)[0]) * 1000 if late.sum() > 2 else 0.0 for m in (here, worker)
        ]
        return {
            "frames": int(done[-1]) - first,
            "wall_s": round(wall, 1),
            "cpu_ms_a_frame": round(1000.0 * sum(self.cpu.values()) / max(done[-1] - first, 1), 2),
            "largest_here_mb": round(float(here.max()), 1),
            "largest_worker_mb": round(float(worker.max()), 1),
            "growth_here_mb_per_1000": round(growth[0], 3),
            "growth_worker_mb_per_1000": round(growth[1], 3),
        }


def _children(pid: int) -> list[int]:
    """Return the processes that a process has started, and those that they have started."""
    return [child.pid for child in psutil.Process(pid).children(recursive=True)]


def _read(pids: list[int]) -> dict[int, tuple[float, float]]:
    """Return memory (MB) and CPU time (s) of the processes that are there."""
    found = {}
    for pid in pids:
        with suppress(psutil.NoSuchProcess):
            process = psutil.Process(pid)
            found[pid] = process.memory_info().rss / MB, sum(process.cpu_times()[:2])
    return found


@contextmanager
def workers_of(place: Path, with_dask: bool) -> Iterator[tuple[dict[str, object], list[int]]]:
    """Yield the arguments of `fit_series` that reach two workers, and those that are no children of the command."""
    if not with_dask:
        yield {"workers": 2}, []
        return
    tls = files_of_tls(place)
    with cluster(place, tls) as (address, workers):
        files = {"ca": str(tls.ca), "cert": str(tls.cert), "key": str(tls.key)}
        yield {"scheduler": address, "tls": files}, [worker.pid for worker in workers]


def main() -> None:
    """Run and print."""
    parser = argparse.ArgumentParser()
    parser.add_argument("frames", nargs="?", type=int, default=100_000)
    parser.add_argument("--dask", action="store_true")
    given = parser.parse_args()
    with tempfile.TemporaryDirectory() as name:
        place = Path(name)
        folder = folder_of(place, given.frames, GRIDS["usual"])
        phases = [str(place / "source" / f"{phase}.cif") for phase in ("P2", "O3")]
        arguments = {"folder": str(folder), "phases": phases, "output": str(place / "out")}
        with workers_of(place, given.dask) as (where, workers):
            first = Watched({**arguments, **where}, place / "first.log", workers)
            first.watch(until=given.frames // 2)
            killed_at = first.samples[-1][0]
            second = Watched({**arguments, **where, "resume": True}, place / "second.log", workers)
            second.watch()
        rows = (place / "out" / "frames.csv").read_text().count("\n") - 1
        print(json.dumps({
            "frames": given.frames,
            "killed_after": killed_at,
            "exit": second.process.returncode,
            "rows": rows,
            "before": first.report(0),
            "after": second.report(killed_at),
            "load_average": os.getloadavg()[0],
        }, indent=1))  # fmt: skip


if __name__ == "__main__":
    main()
