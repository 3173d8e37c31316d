"""Speed of interfaces, in CPU seconds; prints JSON. Run: python tests/benchmarks/interface.py

A P2/O3 cell of 100,000 atoms with its report, and its files; medians over repetitions after one call that is not
counted, and the time that this machine takes for a plain loop of its own, by which machines can be compared.
"""

from __future__ import annotations

import json
import os
import tempfile
from pathlib import Path

os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")

from cpu_time import median_cpu

from layerox.interfaces import interface
from layerox.io.structure_writing import write_structure

SLABS, SUPERCELL = (40, 60), (16, 16, 1)


def plain_loop() -> int:
    """Return a sum that takes every machine the same number of steps."""
    total = 0
    for number in range(1_000_000):
        total += number * number % 7
    return total


def main() -> None:
    """Measure and print."""
    made = interface(["P2", "O3"], slabs=SLABS, supercell=SUPERCELL)
    with tempfile.TemporaryDirectory() as folder:
        seconds = {
            "interface_and_report": median_cpu(
                lambda: interface(["P2", "O3"], slabs=SLABS, supercell=SUPERCELL).report, 5
            ),
            "small_cell_and_report": median_cpu(lambda: interface(["P2", "O3"]).report, 5),
            "write_cif": median_cpu(lambda: write_structure(made.atoms, Path(folder) / "cell.cif"), 1),
            "write_xyz": median_cpu(lambda: write_structure(made.atoms, Path(folder) / "cell.xyz"), 1),
        }
    print(json.dumps({"atoms": made.report["atoms"], **seconds, "calibration_s": median_cpu(plain_loop, 3)}, indent=1))


if __name__ == "__main__":
    main()
