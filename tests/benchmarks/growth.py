"""How the cost of a fit grows with points, phases, reflections, variables and frames; prints JSON.

Run: python tests/benchmarks/growth.py [--plot FILE.png]
Each row varies one size and holds the others: CPU times, and the exponent p of cost ~ size^p by least squares in
logarithms. One evaluation is a pattern with its derivatives.
"""

from __future__ import annotations

import argparse
import json
import os
import sys
import tempfile
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")

import numpy as np
from cpu_time import median_cpu

import layerox as lx
from layerox.analysis.phase_arguments import phases_from
from layerox.diffraction.constraints import parameters_of
from layerox.diffraction.model import Model
from layerox.diffraction.parameters import slot_name
from layerox.instrument import Instrument, Profile
from layerox.radiation import radiation_from_text
from layerox.series.simulated_series import simulate_series

PROFILE = Profile(u=0.003, v=-0.002, w=0.004, x=0.004)
CU, SHORT = radiation_from_text("CuKa"), radiation_from_text("0.4139")
REPETITIONS = 15


def evaluation(
    points: int, names: list[str], variables: int, *, last: float = 90.0, short: bool = False
) -> tuple[float, int]:
    """Return the CPU time of a pattern with derivatives, seconds, and the number of reflections."""
    phases = [replace(phase, size_nm=80.0) for phase in phases_from(names)]
    beam = SHORT if short else CU
    model = Model(np.linspace(5.0, last, points), phases, Instrument(profile=PROFILE), beam, background_terms=6)
    table = parameters_of(model)
    slots = ("scale", "a", "c", "inverse_size", "microstrain", "preferred_orientation")
    wanted = [f"background_{k}" for k in range(6)] + ["instrument_zero", "instrument_w", "instrument_u"]
    wanted += [slot_name(phase, slot) for slot in slots for phase in phases]
    wanted += [slot_name(phase, f"{site.label}_u_iso") for phase in phases for site in phase.crystal.sites]
    table.free([name for name in wanted if table.can_vary(name)][:variables])
    transfer, weight = table.transfer(), np.ones(points)
    model.reach_scales = np.ones(len(phases))
    seconds = median_cpu(lambda: model.linearised(table.values, transfer, weight), REPETITIONS)
    return seconds, sum(len(part.reflections) for part in model.phase_models)


def frames_cost(count: int) -> float:
    """Return the CPU time of a series of so many frames, seconds."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name) / "frames"
        simulate_series(folder, "p2-o3", frames=count)
        return median_cpu(lambda: lx.fit_series(folder, ["P2", "O3"], radiation="CuKa"), 1)


def row(sizes: list[float], cost: Callable[[float], float]) -> dict[str, object]:
    """Return sizes, times and the exponent."""
    seconds = [cost(size) for size in sizes]
    exponent = float(np.polyfit(np.log(sizes), np.log(seconds), 1)[0])
    return {"sizes": sizes, "cpu_ms": [round(1e3 * s, 3) for s in seconds], "exponent": round(exponent, 2)}


def reflections_row() -> dict[str, object]:
    """Return the cost against the number of reflections: the tunnel oxide at a short wavelength, to rising angles."""
    lasts = (12.0, 18.0, 26.0, 36.0)
    pairs = [evaluation(4000, ["tunnel"], 12, last=last, short=True) for last in lasts]
    counts = [float(count) for _, count in pairs]
    times = dict(zip(counts, (seconds for seconds, _ in pairs), strict=True))
    return row(counts, times.__getitem__)


def main() -> None:
    """Measure, print, and draw if that is wanted."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--plot", metavar="FILE.png")
    given = parser.parse_args()
    names = ["P2", "O3", "P3", "O2", "spinel", "NiO", "Op3", "Pp2"]
    rows = {
        "points": row([1000, 4000, 16000, 64000], lambda n: evaluation(int(n), ["P2", "O3"], 18)[0]),
        "phases": row([1, 2, 4, 8], lambda n: evaluation(4000, names[: int(n)], 10 + 4 * int(n))[0]),
        "reflections": reflections_row(),
        "variables": row([6, 12, 24, 36], lambda n: evaluation(4000, ["P2", "O3", "P3"], int(n))[0]),
        "frames": row([10, 40, 160], lambda n: frames_cost(int(n))),
    }
    print(json.dumps({"load_average": os.getloadavg()[0], **rows}, indent=1))
    if given.plot:
        draw(rows, given.plot)


def draw(rows: dict[str, dict[str, object]], path: str) -> None:
    """Draw cost against size, each relative to its first."""
    import matplotlib.pyplot as plt

    _, axes = plt.subplots(figsize=(5.5, 4.0), layout="constrained")
    for name, found in rows.items():
        sizes, times = np.array(found["sizes"], dtype=float), np.array(found["cpu_ms"], dtype=float)
        axes.loglog(sizes / sizes[0], times / times[0], "o-", label=f"{name}: exponent {found['exponent']}")
    axes.set(xlabel="size / smallest size", ylabel="CPU time / that of the smallest size")
    axes.legend()
    plt.savefig(path, dpi=150)


if __name__ == "__main__":
    sys.exit(main())
