"""Coverage of the uncertainties of strains on synthetic series; prints JSON. Run: python tests/benchmarks/strain.py [N]

Each of N seeds is a series of each scenario, refined from its patterns. Strains of a frame are held against the frame
before, each pair of frames used once, and compared with the strain that the series was made with, as
(measured - true) / esd. Of normal pulls 68.3 % lie within one and 95.4 % within two.
"""

from __future__ import annotations

import json
import os
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")

import numpy as np

import layerox as lx
from layerox.series.scenarios import SCENARIOS
from layerox.series.simulated_series import TrueFrame, simulate_series

GRID = (12.0, 90.0, 0.03)
FRAMES = 24
COLUMNS = ("e_a", "e_c", "e_layer", "e_stack", "e_volume", "E_xx", "E_zz")
LAYERED = ("P2", "O3", "P3", "O2", "OP4")


def pulls(scenario: str, seed: int) -> Iterator[tuple[str, float]]:
    """Yield (column, pull) of a series."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        truth = simulate_series(folder, scenario, frames=FRAMES, seed=seed, two_theta=GRID)
        phases = [folder / f"{history.name}.cif" for history in SCENARIOS[scenario]]
        series = lx.fit_series(folder, phases, radiation="CuKa", glob="*.xye")
        for first in range(0, FRAMES - 1, 2):
            yield from _of_pair(series, truth, first)


def _of_pair(series: lx.Series, truth: list[TrueFrame], first: int) -> Iterator[tuple[str, float]]:
    found = lx.strain(series, reference=first).frames.set_index(["frame", "phase"])
    for name in LAYERED:
        here, there = truth[first].phases.get(name), truth[first + 1].phases.get(name)
        if here is None or there is None or (first, name) not in found.index or (first + 1, name) not in found.index:
            continue
        row = found.loc[(first + 1, name)]
        for column, true in _true_strains(here, there).items():
            if row[f"{column}_esd"] > 0:
                yield column, (row[column] - true) / row[f"{column}_esd"]


def _true_strains(here: dict[str, float], there: dict[str, float]) -> dict[str, float]:
    a, c = there["a"] / here["a"], there["c"] / here["c"]
    return {
        "e_a": a - 1, "e_c": c - 1, "e_layer": a - 1, "e_stack": c - 1, "e_volume": a * a * c - 1,
        "E_xx": (a * a - 1) / 2, "E_zz": (c * c - 1) / 2,
    }  # fmt: skip


def main(seeds: int) -> None:
    """Measure and print."""
    began = time.process_time()
    found: dict[str, list[float]] = {column: [] for column in COLUMNS}
    for seed in range(seeds):
        for scenario in SCENARIOS:
            for column, pull in pulls(scenario, 100 + seed):
                found[column].append(pull)
    report = {
        column: {
            "pulls": len(own),
            "within_1": round(100 * float(np.mean(np.abs(own) < 1)), 2),
            "within_2": round(100 * float(np.mean(np.abs(own) < 2)), 2),
            "std": round(float(np.std(own)), 3),
        }
        for column, own in found.items()
    }
    print(json.dumps({"frames": FRAMES, "seeds": seeds, "cpu_s": time.process_time() - began, **report}, indent=1))


if __name__ == "__main__":
    main(int(sys.argv[1]) if len(sys.argv) > 1 else 20)
