"""CPU time of disordered stackings: a pattern, a pattern with ten derivatives, an automatic fit and a warm frame.

Prints JSON; each time is the least of several runs, in one process. Run: python tests/benchmarks/stacking_speed.py
"""

from __future__ import annotations

import json
import os
import sys
import time
from collections.abc import Callable
from pathlib import Path

os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")
sys.path.insert(0, str(Path(__file__).parents[1]))

import numpy as np

import layerox as lx
from layerox.diffraction.model import Model
from layerox.pattern import Pattern
from stacking_references import ANGLES, BACKGROUND, BEAM, INSTRUMENT, noisy, reference_phase

SLOTS = ("scale", "a", "fraction", "persistence", "spacing_P2", "spacing_O3", "inverse_size", "microstrain", "O1_z",
         "column_inverse_size")  # fmt: skip


def least(function: Callable[[int], object], runs: int) -> float:
    """Return the least CPU time of some runs, seconds."""
    times = []
    for k in range(runs):
        began = time.process_time()
        function(k)
        times.append(time.process_time() - began)
    return min(times)


def main() -> int:
    phase = reference_phase(("P2", "O3"), 0.5, 0.6)
    model = Model(ANGLES, [phase], INSTRUMENT, BEAM, background_terms=len(BACKGROUND))
    names = [f"P2__O3_{slot}" for slot in SLOTS]
    transfer = np.zeros((len(model.names), len(names)))
    transfer[[model.names.index(name) for name in names], np.arange(len(names))] = 1.0
    fraction = model.names.index("P2__O3_fraction")

    def values(k: int) -> np.ndarray:
        found = model.start
        found[fraction] += 1e-4 * (k + 1)  # nothing is kept from the run before
        return found

    counts, _ = noisy([phase], 1)
    sigma = np.sqrt(np.maximum(counts, 1.0))
    pattern = Pattern(two_theta=ANGLES, intensity=counts, sigma=sigma, sigma_source="poisson", radiation=BEAM)
    start = reference_phase(("P2", "O3"), 0.4, 0.0, size_nm=70.0)
    result = lx.fit(pattern, [start], instrument=INSTRUMENT)
    row = {
        "pattern_ms": 1e3 * least(lambda k: model.calculated(values(k)), 20),
        "with_ten_derivatives_ms": 1e3 * least(lambda k: model.linearised(values(k), transfer, 1.0 / sigma), 10),
        "automatic_fit_s": least(lambda k: lx.fit(pattern, [start], instrument=INSTRUMENT), 2),
        "warm_fit_ms": 1e3 * least(lambda k: lx.fit(pattern, start=result), 5),
    }
    print(json.dumps({name: round(value, 2) for name, value in row.items()}))
    return 0


if __name__ == "__main__":
    sys.exit(main())
