"""A long series: many frames through two workers, killed once and resumed; prints JSON.

Run: python tests/benchmarks/soak.py [FRAMES, default 100000] [--dask]
The frames are two hundred different ones under many names (hard links), so that they need little disk. After half of
the frames the command and its workers are killed; `--resume` finishes it. Memory is that of the largest process over
the last three quarters of each part. `--dask` sends the frames through a scheduler and two workers that are started by
hand, with TLS; certificates are made with openssl.
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
import tempfile
import time
from contextlib import suppress
from pathlib import Path

os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")

import numpy as np
import psutil

from series import GRIDS, MB, folder_of

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
    """A series in a process of its own, whose progress and memory are read while it runs."""

    def __init__(self, given: dict[str, object], log: Path):
        self.log = log
        self.process = subprocess.Popen([sys.executable, "-c", SCRIPT, json.dumps(given)], stderr=log.open("w"))
        self.began = time.perf_counter()
        self.samples: list[tuple[int, float, float]] = []

    @property
    def done(self) -> int:
        """Frames that the last line of the progress states, 0 before the first."""
        lines = self.log.read_text(errors="replace").splitlines()
        counts = [int(line.split()[0]) for line in lines if " of " in line and "frames," in line]
        return counts[-1] if counts else 0

    def watch(self, until: int | None = None) -> None:
        """Read memory until the command ends, or so many frames are done; then kill it."""
        while self.process.poll() is None:
            self.samples.append((self.done, *self._memory()))
            if until is not None and self.samples[-1][0] >= until:
                self._kill()
                return
            time.sleep(POLL_S)

    def _memory(self) -> tuple[float, float]:
        """Return the memory of the command and of its largest child, MB."""
        with suppress(psutil.NoSuchProcess):
            own = psutil.Process(self.process.pid)
            children = [child.memory_info().rss / MB for child in own.children(recursive=True)]
            return own.memory_info().rss / MB, max(children, default=0.0)
        return 0.0, 0.0

    def _kill(self) -> None:
        children = psutil.Process(self.process.pid).children(recursive=True)
        for process in (psutil.Process(self.process.pid), *children):
            with suppress(psutil.NoSuchProcess):
                process.kill()
        self.process.wait()

    def report(self, first: int) -> dict[str, object]:
        """Return rate and memory; `first` is the number of frames that were done before."""
        wall = time.perf_counter() - self.began
        rows = [row for row in self.samples if row[0] > first] or [(first + 1, 0.0, 0.0)]
        done, here, worker = np.array(rows, dtype=float).T
        late = done >= first + 0.25 * (done[-1] - first)
        growth = [
            float(np.polyfit(done[late], m[late], 1)[0]) * 1000 if late.sum() > 2 else 0.0 for m in (here, worker)
        ]
        return {
            "frames": int(done[-1]) - first,
            "wall_s": round(wall, 1),
            "frames_per_s": round((done[-1] - first) / wall, 1),
            "largest_here_mb": round(float(here.max()), 1),
            "largest_worker_mb": round(float(worker.max()), 1),
            "growth_here_mb_per_1000": round(growth[0], 3),
            "growth_worker_mb_per_1000": round(growth[1], 3),
        }


def certificates(place: Path) -> tuple[Path, Path]:
    """Return a certificate that is its own authority, and its key."""
    cert, key = place / "cert.pem", place / "key.pem"
    words = ["openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "1", "-subj", "/CN=localhost"]
    subprocess.run([*words, "-keyout", str(key), "-out", str(cert)], check=True, capture_output=True)
    return cert, key


def started_cluster(place: Path) -> tuple[list[subprocess.Popen[str]], dict[str, object]]:
    """Return a scheduler and two workers with TLS, and the arguments that reach them."""
    cert, key = certificates(place)
    tls = ["--tls-ca-file", str(cert), "--tls-cert", str(cert), "--tls-key", str(key)]
    dask = [sys.executable, "-m", "dask"]
    scheduler = [*dask, "scheduler", "--port", "0", "--no-dashboard", "--protocol", "tls", *tls]
    note = place / "scheduler.log"
    processes = [subprocess.Popen(scheduler, stdout=subprocess.DEVNULL, stderr=note.open("w"), text=True)]
    while "Scheduler at:" not in note.read_text():
        time.sleep(0.1)
    address = note.read_text().split("Scheduler at:")[1].split()[0]
    worker = [*dask, "worker", address, "--no-dashboard", "--nthreads", "1", "--no-nanny", *tls]
    for k in range(2):
        words = [*worker, "--local-directory", str(place / f"worker{k}")]
        processes.append(subprocess.Popen(words, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, text=True))
    return processes, {"scheduler": address, "tls": {"ca": str(cert), "cert": str(cert), "key": str(key)}}


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
        cluster, where = started_cluster(place) if given.dask else ([], {"workers": 2})
        arguments = {"folder": str(folder), "phases": phases, "output": str(place / "out"), **where}
        try:
            first = Watched(arguments, place / "first.log")
            first.watch(until=given.frames // 2)
            killed_at = first.samples[-1][0]
            second = Watched({**arguments, "resume": True}, place / "second.log")
            second.watch()
        finally:
            for process in cluster:
                process.kill()
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
