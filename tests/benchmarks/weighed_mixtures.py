"""Do weight fractions of weighed laboratory mixtures hold the truth? Blind fits of measured patterns; prints JSON.

Run: python tests/benchmarks/weighed_mixtures.py [--only TEXT]   (LAYEROX_DATA names the folder of the data)
The equal-weight mixtures are those of `identification_measured.py`; the fit gets the structures, and that the powders
are reagents as delivered: they pass a sieve of 325 mesh, which holds back what is above 45 um (ASTM E11).
"""

from __future__ import annotations

import argparse
import json
import os
import time
from collections.abc import Sequence
from pathlib import Path

os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")

import numpy as np
from identification_measured import OXIDES, mixtures

import layerox as lx
from layerox.diffraction.refined_quantities import RefinedPhase

AS_DELIVERED_UM = (1.0, 45.0)
LICOO2 = "O3_LiCoO2"


def fitted(path: Path, names: Sequence[str], particles: Sequence[float]) -> dict[str, object]:
    """Return the fractions of a mixture of equal weights (wt%), their uncertainties by source, and their pulls."""
    began = time.process_time()
    phases = [lx.library[LICOO2] if name == "O3" else str(OXIDES / f"{name}.cif") for name in names]
    result = lx.fit(path, phases, recipe={"quantification": {"particle_range_um": list(particles)}})
    seconds = time.process_time() - began
    return {
        "mixture": path.name,
        "status": result.status,
        "reason": result.reason,
        "r_wp": result.agreement.r_wp,
        "phases": {
            name: _row(result, phase, 1.0 / len(names)) for name, phase in zip(names, result.phases, strict=True)
        },
        "warnings": [str(notice) for notice in result.warnings],
        "cpu_s": seconds,
    }


def _row(result: lx.Refinement, phase: RefinedPhase, truth: float) -> dict[str, object]:
    number = phase.weight_fraction
    accuracy = number.esd_model or 0.0
    return {
        "error": 100 * (float(number) - truth),
        "esd": 100 * number.esd,
        "esd_model": 100 * accuracy,
        "pull": (float(number) - truth) / accuracy if accuracy else float("inf"),
        "parts": {source: 100 * share[phase.name] for source, share in result.uncertainty_parts.items()},
    }


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--only", default="", help="part of the names of files")
    parser.add_argument("--particles", type=float, nargs=2, default=AS_DELIVERED_UM, help="range of diameters, um")
    given = parser.parse_args()
    results = [
        fitted(path, sorted(truth), given.particles) for path, truth in mixtures().items() if given.only in path.name
    ]
    rows = [row for result in results for row in result["phases"].values()]
    pulls = np.abs([row["pull"] for row in rows])
    document = {
        "mixtures": len(results),
        "fractions": len(rows),
        "converged": sum(result["status"] == "converged" for result in results),
        "within_1": float((pulls < 1).mean()),
        "within_2": float((pulls < 2).mean()),
        "median_esd_model": float(np.median([row["esd_model"] for row in rows])),
        "median_error": float(np.median(np.abs([row["error"] for row in rows]))),
        "each": results,
    }
    print(json.dumps(document, indent=1, default=float))


if __name__ == "__main__":
    main()
