"""Disordered stackings against reference patterns of an independent program: deviations, and noisy ones fitted back.

Prints JSON. Run: python tests/benchmarks/stacking_references.py FOLDER [--fit]
FOLDER holds NAME.json, NAME.xye and NAME.noisy.xye, see tests/stacking_references.py.
"""

from __future__ import annotations

import argparse
import json
import os
import sys
import time
from dataclasses import replace
from pathlib import Path

os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")
sys.path.insert(0, str(Path(__file__).parents[1]))

import numpy as np

import layerox as lx
from stacking_references import described, reference_model, reference_values


def deviation(path: Path) -> dict[str, float]:
    """Return the largest deviation (share of the highest point) and chi-squared of a reference without noise."""
    document, phases = described(path)
    two_theta, counts, sigma = np.loadtxt(path.with_suffix(".xye")).T
    model = reference_model(document, phases, two_theta)
    values = reference_values(document, model)
    model.calculated(values)
    began = time.process_time()
    found = model.calculated(values + 1e-12).total
    took = time.process_time() - began
    return {
        "deviation": float(np.abs(found - counts).max() / counts.max()),
        "chi_squared": float((((found - counts) / sigma) ** 2).sum()),
        "cpu_ms": 1e3 * took,
    }


def fitted(path: Path) -> dict[str, object]:
    """Return what a fit of the noisy reference finds, in standard uncertainties from the truth."""
    document, phases = described(path)
    if len(phases) > 1:
        return {}
    truth = phases[0]
    start = replace(
        truth,
        disorder=replace(truth.disorder, fractions=(0.6, 0.4), persistence=0.0),
        size_nm=60.0,
        microstrain=0.0,
        spacings=tuple(1.002 * d for d in truth.spacings),
    )
    model = reference_model(document, phases, np.array([5.0, 90.0]))
    began = time.process_time()
    result = lx.fit(path.with_suffix(".noisy.xye"), [start], radiation=model.radiation,
                    instrument=model.instrument)  # fmt: skip
    stacking = result.phases[0].stacking
    true = {"fraction": truth.disorder.fractions[1], "persistence": truth.disorder.persistence}
    pulls = {
        name: (float(number) - true[name]) / number.esd if number.esd > 0 else None
        for name, number in (("fraction", stacking.fraction), ("persistence", stacking.persistence))
    }
    thickness = stacking.thickness[0]
    # The references name O galleries in P2 "O".
    weights = {
        "O" if kind == "O2" else kind: 100 * float(s) for kind, s in zip(stacking.kinds, stacking.shares, strict=True)
    }
    missed = [abs(weights.get(kind, 0.0) - 100 * share) for kind, share in document["weight_of_slabs"].items()]
    return {
        "status": result.status,
        "gof": result.agreement.gof,
        "pulls": pulls,
        "fraction": float(stacking.fraction),
        "persistence": float(stacking.persistence),
        "thickness": float(thickness),
        "sigma_ln_thickness": thickness.esd / float(thickness) if thickness.esd else None,
        "weight_missed_percent": max(missed),
        "verdict": stacking.verdict.verdict if stacking.verdict else None,
        "cpu_s": time.process_time() - began,
    }


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("folder", type=Path)
    parser.add_argument("--fit", action="store_true")
    parser.add_argument("--only", default="")
    given = parser.parse_args()
    for path in sorted(given.folder.glob("*.json")):
        if given.only not in path.stem:
            continue
        row = {"name": path.stem, **deviation(path), **(fitted(path) if given.fit else {})}
        print(json.dumps(row), flush=True)
    return 0


if __name__ == "__main__":
    sys.exit(main())
