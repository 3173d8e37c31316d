"""What a user waits for, in CPU seconds of one process; prints JSON. Run: python tests/benchmarks/waiting.py

Each row has its CPU time, and the multiple of a floor that is measured on the same machine in the same run: for
commands the start of an interpreter with numpy, numba and gemmi, without which no fit can begin; for
patterns and files the compiled loop that does nothing but the arithmetic. `--peers` adds the same fit in rietx, if the
interpreter that it names has it.
"""

from __future__ import annotations

import argparse
import json
import os
import resource
import subprocess
import sys
import tempfile
from collections.abc import Callable, Sequence
from pathlib import Path

os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")

import numba
import numpy as np
from cpu_time import median_cpu

import layerox as lx
from layerox.analysis.phase_arguments import phases_from
from layerox.io.structure_writing import cif_text
from layerox.series.simulated_series import simulate_series

ROOT = Path(__file__).parents[2]
LIBRARIES = "import numpy, numba, gemmi"
PATTERN = str(ROOT / "patterns" / "p2_o3.xye")
FIT = ("fit", PATTERN, "--phase", "P2", "--phase", "O3", "--quiet", "--overwrite")
FRAMES, REPETITIONS = 50, 3


def cpu_of(words: Sequence[str], **environment: str) -> float:
    """Return the CPU time of a process and its children, seconds."""
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    # As installed: bytecode is kept.
    surroundings = {name: value for name, value in os.environ.items() if name != "PYTHONDONTWRITEBYTECODE"}
    subprocess.run(words, check=False, capture_output=True, env=surroundings | environment)
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    return after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime


def median(measure: Callable[[], float], repetitions: int = REPETITIONS) -> float:
    """Return the median of some measurements."""
    return float(np.median([measure() for _ in range(repetitions)]))


def commands(folder: Path) -> dict[str, float]:
    """Return the CPU times of commands, seconds."""
    layerox = (sys.executable, "-m", "layerox")
    out = str(folder / "out")
    simulate_series(folder / "frames", frames=FRAMES)
    # All phases of the specimen: a series with one left out is another, worse fit.
    phases = ("--phase", "P2", "--phase", "OP4", "--phase", "O2", "--phase", str(folder / "frames" / "spinel.cif"),
              "--hardware", "Al")  # fmt: skip
    series = (*layerox, "series", str(folder / "frames"), *phases, "--quiet", "--workers", "1", "--overwrite",
              "-o", str(folder / "series"))  # fmt: skip
    cpu_of((*layerox, *FIT, "-o", out))  # compiles what is not compiled yet
    return {
        "fit with picture": median(lambda: cpu_of((*layerox, *FIT, "-o", out))),
        "fit --figures none": median(lambda: cpu_of((*layerox, *FIT, "--figures", "none", "-o", out))),
        "first fit on a new machine": cpu_of((*layerox, *FIT, "-o", out), NUMBA_CACHE_DIR=str(folder / "compiled")),
        f"series of {FRAMES} frames": median(lambda: cpu_of(series)),
        f"series of {FRAMES} frames, --figures none --no-report": median(
            lambda: cpu_of((*series, "--figures", "none", "--no-report"))
        ),
        "report of a fit": median(lambda: cpu_of((*layerox, "report", out, "--overwrite"))),
        f"report of {FRAMES} frames": median(lambda: cpu_of((*layerox, "report", series[-1], "--overwrite"))),
        "--help": median(lambda: cpu_of((*layerox, "--help"))),
        "wrong file name": median(lambda: cpu_of((*layerox, "fit", "nowhere.xye", "--phase", "P2"))),
    }


def calls(folder: Path) -> dict[str, float]:
    """Return the CPU times of calls, seconds: one frame, one simulation, one of many patterns."""
    files = sorted((folder / "frames").glob("*.xye"))
    structure, pair = lx.build("P2"), phases_from(["P2", "O3"])
    simulator = lx.simulator(["P2", "O3"], radiation="CuKa", two_theta=(10, 90, 0.02), sizes_nm=[100, 60])
    made, names = lx.notebook.builder("P2"), iter([f"P2*{1 + k % 2}|O3*3" for k in range(1000)])
    draw = np.random.default_rng(0)
    share = draw.uniform(size=500)
    table = {"P2_weight_fraction": share, "O3_weight_fraction": 1 - share, "P2_a": draw.uniform(2.83, 2.94, 500),
             "P2_size": draw.uniform(10, 200, 500), "O3_c": draw.uniform(15.5, 16.5, 500)}  # fmt: skip
    return {
        "reading a frame of 4,001 points": median_cpu(lambda: [lx.read_pattern(f) for f in files], 9) / len(files),
        "another structure in the builder": median_cpu(
            lambda: made.set_trait("wish", {"phase": next(names), "formula": ""}), 9
        ),
        "simulate a Structure": median_cpu(lambda: lx.simulate([structure], radiation="CuKa"), 30),
        "simulate a prepared pair": median_cpu(lambda: lx.simulate(pair, radiation="CuKa"), 30),
        "a pattern of a simulator": median_cpu(lambda: simulator.patterns(table), 5) / len(share),
        "a pattern of a simulator, with noise": median_cpu(lambda: simulator.patterns(table, counts=1e4, seed=1), 5)
        / len(share),
    }


@numba.njit(fastmath=True, error_model="numpy")
def lorentzians(two_theta: np.ndarray, positions: np.ndarray, total: np.ndarray) -> None:
    """Add bare Lorentzians to a pattern: the arithmetic of a pattern of two phases and nothing else."""
    for k in range(positions.size):
        place = positions[k]
        for i in range(total.size):
            x = two_theta[i] - place
            total[i] += 1.0 / (1.0 + 400.0 * x * x)


def floors(folder: Path) -> dict[str, float]:
    """Return the floors, seconds: start of the libraries; 100 peaks on 4,001 points; the bytes of a frame."""
    two_theta, positions = np.arange(10.0, 90.01, 0.02), np.linspace(12.0, 88.0, 100)
    total = np.zeros(two_theta.size)
    data = next((folder / "frames").glob("*.xye")).read_bytes()
    body = np.array(data.split(b"\n", 10)[10].split(), dtype=np.bytes_)
    return {
        "start": median(lambda: cpu_of((sys.executable, "-c", LIBRARIES)), 5),
        "pattern": median_cpu(lambda: lorentzians(two_theta, positions, total), 200),
        "frame": median_cpu(lambda: body.astype(np.float64), 50),
    }


# The same fit in rietx: the staged plan that it takes by default. Its interpreter may be another one than this.
RIETX = """
import sys, time, rietx
data = rietx.read_pattern(sys.argv[1])
phases = [phase for path in sys.argv[2:] for phase in rietx.Structure.from_cif(path).phases]
instrument = rietx.Instrument.bragg_brentano(radiation="CuKa", goniometer_radius_mm=173.0)
times = []
for _ in range(3):
    start = time.process_time()
    rietx.refine(data, rietx.Structure(phases=phases), instrument)
    times.append(time.process_time() - start)
print(sorted(times)[1])
"""


def peers(python: str, folder: Path) -> dict[str, object]:
    """Return the CPU time of the same fit in layerox and, where the interpreter has it, in rietx, seconds."""
    own = median_cpu(lambda: lx.fit(PATTERN, ["P2", "O3"]), 5)
    files = []
    for phase in phases_from(["P2", "O3"]):
        files.append(str(folder / f"{phase.name}.cif"))
        Path(files[-1]).write_text(cif_text(phase.crystal))
    done = subprocess.run([python, "-c", RIETX, PATTERN, *files], capture_output=True, text=True, check=False)
    found: dict[str, object] = {"layerox, automatic fit": own}
    if done.returncode:
        return found | {"rietx": f"not measured: {(done.stderr.strip().splitlines() or ['no output'])[-1][:120]}"}
    seconds = float(done.stdout.split()[-1])
    return found | {"rietx, staged fit": seconds, "rietx / layerox": seconds / own}


def main() -> None:
    """Measure all rows and print them."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--peers", nargs="?", const=sys.executable, metavar="PYTHON", help="interpreter that has rietx")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        # As installed: the bytecode is on disk, here in a folder of this run.
        os.environ.pop("PYTHONDONTWRITEBYTECODE", None)
        os.environ["PYTHONPYCACHEPREFIX"] = str(folder / "bytecode")
        of_commands = commands(folder)
        of_calls = calls(folder)
        floor = floors(folder)
        beside = {} if options.peers is None else {"peers": peers(options.peers, folder)}
    kinds = {"reading a frame of 4,001 points": "frame", **dict.fromkeys(of_commands, "start")}
    rows = {
        row: {"cpu_s": seconds, "floor": kinds.get(row, "pattern"), "ratio": seconds / floor[kinds.get(row, "pattern")]}
        for row, seconds in (of_commands | of_calls).items()
    }
    document = {"floors_s": floor, "rows": rows, "load": os.getloadavg()[0], "python": sys.version.split()[0]}
    print(json.dumps(document | beside, indent=1))


if __name__ == "__main__":
    main()
