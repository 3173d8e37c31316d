"""Speed of the builders, in seconds of wall time; prints JSON. Run: python tests/benchmarks/build.py

A layered supercell of 100,000 rows of atoms, its extended xyz, and the time of a plain cell of each kind.
"""

from __future__ import annotations

import json
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np

from layerox.builders import build_atoms, build_crystal
from layerox.io.structure_writing import write_structure


def median(work: Callable[[], object], repetitions: int) -> float:
    """Return the median wall time of `work`, seconds, after one call that is not counted."""
    work()
    times = []
    for _ in range(repetitions):
        start = time.perf_counter()
        work()
        times.append(time.perf_counter() - start)
    return float(np.median(times))


def main() -> None:
    """Measure and print."""
    counts = (50, 50, 4)
    atoms = build_atoms("P2", supercell=counts)
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "cell.xyz"
        figures = {
            "rows": len(atoms),
            "supercell_s": median(lambda: build_atoms("P2", supercell=counts), 15),
            "rectangular_supercell_s": median(
                lambda: build_atoms("P2", setting="rectangular", supercell=(50, 25, 4)), 15
            ),
            "extended_xyz_s": median(lambda: write_structure(atoms, path), 5),
        }
    for phase in ("P2", "P2*4|O3*3", "Pp2", "Op3", "spinel", "tunnel"):
        figures[f"build_{phase}_ms"] = 1e3 * median(lambda phase=phase: build_crystal(phase), 15)
    print(json.dumps(figures, indent=2))


if __name__ == "__main__":
    main()
