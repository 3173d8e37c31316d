"""Speed and memory of a series; prints JSON. Run: python tests/benchmarks/series.py [FRAMES]

A folder of synthetic frames (two phases, 4000 points, 17 or 18 variables a frame) refined with one worker and with two:
frames a second, seconds of CPU for a warm frame, the largest memory of a process, and whether the tables are the same
bytes. The frames are a few hundred different ones under many names, so that ten thousand need little disk.
"""

from __future__ import annotations

import json
import os
import resource
import sys
import tempfile
import time
from pathlib import Path

os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")

from layerox.series.frames import frames_of
from layerox.series.run import fit_series
from layerox.series.synthetic import simulate_series

DIFFERENT = 200


def folder_of(place: Path, count: int) -> Path:
    """Return a folder of so many frames: the different ones to and fro, so that neighbours stay alike."""
    source, folder = place / "source", place / "frames"
    simulate_series(source, "p2-o3", frames=DIFFERENT, two_theta=(10.0, 89.98, 0.02))
    folder.mkdir()
    for k in range(count):
        turn, step = divmod(k, DIFFERENT // 2)
        at = step if turn % 2 == 0 else DIFFERENT // 2 - 1 - step
        os.link(source / f"frame_{at:04d}.xye", folder / f"frame_{k:06d}.xye")
    return folder


def timed(folder: Path, source: Path, output: Path, workers: int) -> dict[str, float]:
    """Return wall time, rate and memory of a whole run."""
    phases = [source / "P2.cif", source / "O3.cif"]
    began, cpu = time.perf_counter(), time.process_time()
    fit_series(folder, phases, radiation="CuKa", workers=workers, output=output)
    wall = time.perf_counter() - began
    who = resource.RUSAGE_SELF if workers == 1 else resource.RUSAGE_CHILDREN
    return {
        "wall_s": wall,
        "frames_per_s": len(frames_of(folder)) / wall,
        "cpu_here_s": time.process_time() - cpu,
        "largest_memory_mb": resource.getrusage(who).ru_maxrss / 1024,
    }


def main(count: int) -> None:
    """Measure and print."""
    with tempfile.TemporaryDirectory() as name:
        place = Path(name)
        folder = folder_of(place, count)
        report: dict[str, object] = {"frames": count, "load_average": os.getloadavg()[0]}
        for workers in (1, 2):
            report[f"workers_{workers}"] = timed(folder, place / "source", place / f"out{workers}", workers)
        tables = [(place / f"out{workers}" / "frames.csv").read_bytes() for workers in (1, 2)]
        report["same_bytes"] = tables[0] == tables[1]
    print(json.dumps(report, indent=1))


if __name__ == "__main__":
    main(int(sys.argv[1]) if len(sys.argv) > 1 else 2000)
