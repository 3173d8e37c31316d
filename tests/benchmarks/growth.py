"""How the cost of a fit grows with points, phases, reflections, variables and frames; prints JSON.

Run: python tests/benchmarks/growth.py [--plot FILE.svg] [--numbers FILE.json]
Each row varies one size and holds the others: CPU times, the exponent p of cost ~ size^p by least squares in
logarithms, and that between the two largest sizes, where what does not grow counts least. One evaluation is a pattern
with its derivatives: 4,000 points and 18 variables where they are not the subject. `--numbers` reads an earlier output
in place of measuring. docs/_static has the output and the picture that docs/theory/least_squares.md shows.
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
from typing import Any

os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")

import numpy as np
from cpu_time import median_cpu, median_cpu_of_values

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

Row = dict[str, Any]


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
    seconds = median_cpu_of_values(lambda values: model.linearised(values, transfer, weight), table, REPETITIONS)
    return seconds, sum(len(part.reflections) for part in model.phase_models)


def frames_cost(count: int) -> float:
    """Return the CPU time of a series of so many frames, seconds."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name) / "frames"
        simulate_series(folder, "p2-o3", frames=count)
        return median_cpu(lambda: lx.fit_series(folder, ["P2", "O3"], radiation="CuKa"), 1)


def row(sizes: list[int], cost: Callable[[int], float]) -> Row:
    """Return sizes, times and the exponents."""
    seconds = [cost(size) for size in sizes]
    logs = np.log(sizes), np.log(seconds)
    exponents = [float(np.polyfit(x, y, 1)[0]) for x, y in (logs, [values[-2:] for values in logs])]
    return {
        "sizes": sizes,
        "cpu_ms": [round(1e3 * s, 3) for s in seconds],
        "exponent": round(exponents[0], 2),
        "last_exponent": round(exponents[1], 2),
    }


def reflections_row() -> Row:
    """Return the cost against the number of reflections: the tunnel oxide at a short wavelength, to rising angles."""
    pairs = [evaluation(4000, ["tunnel"], 12, last=last, short=True) for last in (12.0, 18.0, 26.0, 36.0)]
    times = {count: seconds for seconds, count in pairs}
    return row(list(times), times.__getitem__)


def measured() -> dict[str, Row]:
    """Return the row of every size."""
    names = ["P2", "O3", "P3", "O2", "spinel", "NiO", "Op3", "Pp2"]
    return {
        "points": row([1000, 4000, 16000, 64000], lambda n: evaluation(n, ["P2", "O3"], 18)[0]),
        "phases": row([1, 2, 4, 8], lambda n: evaluation(4000, names[:n], 18)[0]),
        "reflections": reflections_row(),
        "variables": row([6, 12, 24, 36], lambda n: evaluation(4000, ["P2", "O3", "P3"], n)[0]),
        "frames": row([16, 64, 256, 1024], frames_cost),
    }


def main() -> None:
    """Measure or read, print, and draw if that is wanted."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--plot", metavar="FILE.svg")
    parser.add_argument("--numbers", metavar="FILE.json", type=Path)
    given = parser.parse_args()
    rows = measured() if given.numbers is None else json.loads(given.numbers.read_text())
    print(json.dumps(rows, indent=1))
    if given.plot:
        draw(rows, given.plot)


def draw(rows: dict[str, Row], path: str) -> None:
    """Draw CPU time against size, each relative to its first, and the lines of the exponents 0.5 and 1."""
    import matplotlib.pyplot as plt
    from matplotlib.ticker import LogLocator, NullLocator

    plt.rcParams |= {"svg.hashsalt": "growth", "svg.fonttype": "path", "font.size": 9}
    figure, axes = plt.subplots(figsize=(5.5, 3.8), layout="constrained")
    for power, name in ((1.0, "size"), (0.5, "√size")):
        ends = np.array([1.0, 64.0])
        axes.loglog(ends, ends**power, "--", lw=0.8, color="0.6")
        axes.annotate(name, (64.0, 64.0**power), xytext=(3, 0), textcoords="offset points", color="0.4", va="center")
    for (name, found), marker in zip(rows.items(), "osD^v", strict=True):
        sizes, times = np.array(found["sizes"], dtype=float), np.array(found["cpu_ms"], dtype=float)
        label = f"{name} {sizes[0]:,.0f} to {sizes[-1]:,.0f}: {found['exponent']:.2f}"
        axes.loglog(sizes / sizes[0], times / times[0], marker=marker, ms=4, lw=1.2, label=label)
    axes.set(xlim=(0.85, 110.0), xlabel="size / smallest size", ylabel="CPU time / that of the smallest size")
    for axis in (axes.xaxis, axes.yaxis):
        axis.set_major_locator(LogLocator(subs=(1.0, 2.0, 5.0)))
        axis.set_major_formatter("{x:g}")
        axis.set_minor_locator(NullLocator())
    axes.legend(title="exponent of the cost", frameon=False)
    figure.savefig(path, metadata={"Date": None} if path.endswith(".svg") else None, dpi=150)


if __name__ == "__main__":
    sys.exit(main())
