"""Speed, memory and survival of a series; prints JSON. Run: python tests/benchmarks/series.py [FRAMES] [options]

A folder of synthetic frames (two phases, 4000 points, 17 or 18 variables a frame) refined with one worker and with two:
frames a second, seconds of CPU for a warm frame, the largest memory of a process, how the memory grows with the frames
that are done, and whether the tables are the same bytes. The frames are a few hundred different ones under many names,
so that ten thousand need little disk. `--small` takes frames of 1450 points, `--hdf5` one file in place of the folder;
`--kills N` kills the command N times at random moments and resumes it, instead of measuring.
"""

from __future__ import annotations

import argparse
import json
import os
import random
import shutil
import subprocess
import sys
import tempfile
import time
from contextlib import suppress
from pathlib import Path

os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")

import numpy as np
import psutil

import layerox as lx
from layerox.series.simulated_series import simulate_series

DIFFERENT = 200
MB = 1024.0**2
GRIDS = {"usual": (10.0, 89.98, 0.02), "small": (12.0, 70.0, 0.04)}


def at(k: int) -> int:
    """Return which of the different frames the k-th is: to and fro, so that neighbours stay alike."""
    turn, step = divmod(k, DIFFERENT // 2)
    return step if turn % 2 == 0 else DIFFERENT // 2 - 1 - step


def folder_of(place: Path, count: int, grid: tuple[float, float, float]) -> Path:
    """Return a folder of so many frames."""
    source, folder = place / "source", place / "frames"
    simulate_series(source, "p2-o3", frames=DIFFERENT, two_theta=grid)
    folder.mkdir()
    for k in range(count):
        os.link(source / f"frame_{at(k):04d}.xye", folder / f"frame_{k:06d}.xye")
    return folder


def file_of(place: Path, folder: Path, count: int) -> Path:
    """Return an HDF5 file of the same frames, as an integration program writes it."""
    import h5py  # here, because workers import this file too, as they do any script

    patterns = [lx.read_pattern(place / "source" / f"frame_{k:04d}.xye") for k in range(DIFFERENT)]
    path = place / "frames.h5"
    with h5py.File(path, "w") as file:
        group = file.create_group("entry/data")
        group.attrs.update({"NX_class": "NXdata", "signal": "I", "axes": [".", "two_theta"]})
        group["two_theta"] = patterns[0].two_theta
        group["two_theta"].attrs["units"] = "deg"
        shape = (count, len(patterns[0]))
        for name, part in (("I", "intensity"), ("I_errors", "sigma")):
            data = group.create_dataset(name, shape, dtype=np.float32, chunks=(1, shape[1]), compression="gzip")
            for k in range(count):
                data[k] = getattr(patterns[at(k)], part)
    return path


class Meter:
    """Takes the memory of this process and of the largest of its children, as frames are done."""

    def __init__(self) -> None:
        self.me = psutil.Process()
        self.samples: list[tuple[int, float, float]] = []

    def __call__(self, said: str) -> None:
        if " of " not in said or "frames," not in said:
            return
        children = []
        for child in self.me.children(recursive=True):
            with suppress(psutil.NoSuchProcess):
                children.append(child.memory_info().rss / MB)
        self.samples.append(
            (int(said.split(maxsplit=1)[0]), self.me.memory_info().rss / MB, max(children, default=0.0))
        )

    def report(self) -> dict[str, object]:
        """Return the largest memory, and the growth per thousand frames over the last three quarters of the run."""
        done, here, there = np.array(self.samples).T
        late = done >= 0.25 * done[-1]
        slope = [
            float(np.polyfit(done[late], m[late], 1)[0]) * 1000.0 if late.sum() > 2 else 0.0 for m in (here, there)
        ]
        return {
            "largest_here_mb": round(float(here.max()), 1),
            "largest_worker_mb": round(float(there.max()), 1) or None,
            "growth_here_mb_per_1000": round(slope[0], 2),
            "growth_worker_mb_per_1000": round(slope[1], 2),
        }


def timed(source: Path, phases: list[Path], output: Path, workers: int, count: int) -> dict[str, object]:
    """Return wall time, rate and memory of a whole run."""
    began, cpu, meter = time.perf_counter(), time.process_time(), Meter()
    lx.fit_series(source, phases, radiation="CuKa", workers=workers, output=output, progress=meter)
    wall, spent = time.perf_counter() - began, time.process_time() - cpu
    return {
        "wall_s": round(wall, 2),
        "frames_per_s": round(count / wall, 1),
        "cpu_here_s": round(spent, 2),
        "cpu_here_ms_a_frame": round(1000.0 * spent / count, 2) if workers == 1 else None,
        **meter.report(),
    }


def killed(source: Path, phases: list[Path], place: Path, kills: int, workers: int) -> dict[str, object]:
    """Return whether runs that are killed at random moments and resumed end with the tables of one that is not.

    A run that ends before the next kill is compared and begun anew, until all kills have hit.
    """
    words = [sys.executable, "-m", "layerox", "series", str(source), "--radiation", "CuKa", "--quiet"]
    words += [word for path in phases for word in ("--phase", str(path))]
    began = time.perf_counter()
    subprocess.run([*words, "-o", str(place / "whole")], check=False)
    lasted = time.perf_counter() - began
    draw, again = random.Random(20), [*words, "--resume", "--workers", str(workers), "-o", str(place / "killed")]
    moments: list[float] = []
    same: list[bool] = []
    while True:
        process = subprocess.Popen(again)
        wait = draw.uniform(0.0, lasted) if len(moments) < kills else None
        try:
            process.wait(timeout=wait)
        except subprocess.TimeoutExpired:
            moments.append(round(wait or 0.0, 2))
            _kill(process)
            continue
        same.append(_same_tables(place))
        if len(moments) == kills:
            break
        shutil.rmtree(place / "killed")
    return {
        "kills": len(moments),
        "killed_at_s": moments,
        "whole_run_s": round(lasted, 2),
        "runs_compared": len(same),
        "same_tables": all(same),
    }


def _kill(process: subprocess.Popen[bytes]) -> None:
    """Kill a command without warning, and its workers, so that no two runs share the cores."""
    children = psutil.Process(process.pid).children(recursive=True)
    process.kill()
    for child in children:
        with suppress(psutil.NoSuchProcess):
            child.kill()
    process.wait()


def _same_tables(place: Path) -> bool:
    return all(
        (place / "whole" / table).read_bytes() == (place / "killed" / table).read_bytes()
        for table in ("frames.csv", "transitions.csv")
    )


def main(asked: argparse.Namespace) -> None:
    """Measure and print."""
    with tempfile.TemporaryDirectory() as name:
        place = Path(name)
        source = folder_of(place, asked.frames, GRIDS["small" if asked.small else "usual"])
        phases = [place / "source" / f"{phase}.cif" for phase in ("P2", "O3")]
        if asked.hdf5:
            source = file_of(place, source, asked.frames)
        report: dict[str, object] = {"frames": asked.frames, "load_average": os.getloadavg()[0]}
        if asked.kills:
            report |= killed(source, phases, place, asked.kills, asked.workers[-1])
        else:
            for workers in asked.workers:
                output = place / f"out{workers}"
                report[f"workers_{workers}"] = timed(source, phases, output, workers, asked.frames)
            tables = {(place / f"out{workers}" / "frames.csv").read_bytes() for workers in asked.workers}
            report["same_bytes"] = len(tables) == 1
    print(json.dumps(report, indent=1))


def parser() -> argparse.ArgumentParser:
    """Return what may be asked."""
    found = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    found.add_argument("frames", nargs="?", type=int, default=2000)
    found.add_argument("--workers", nargs="+", type=int, default=[1, 2])
    found.add_argument("--small", action="store_true")
    found.add_argument("--hdf5", action="store_true")
    found.add_argument("--kills", type=int, default=0)
    return found


if __name__ == "__main__":
    main(parser().parse_args())
