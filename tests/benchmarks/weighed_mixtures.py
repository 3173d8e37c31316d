"""Do weight fractions of weighed laboratory mixtures hold the truth? Blind fits of measured patterns; prints JSON.

Run: python tests/benchmarks/weighed_mixtures.py [--only TEXT]   (LAYEROX_DATA names the folder of the data)
The equal-weight mixtures are those of `identification_measured.py`; the fit gets the structures, and that the powders
are reagents as delivered: they pass a sieve of 325 mesh, which holds back what is above 45 um (ASTM E11).

`left` says what the errors are: their rms as they are, with the particle sizes of each reagent (up to 60 um) that
explain most of them, and with one factor on the mass of each reagent in all its mixtures. With --permuted N also with
sizes where the attenuations of the reagents are exchanged at random, N times: what so many sizes explain by chance.
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
from scipy.optimize import least_squares

import layerox as lx
from layerox.diffraction.refined_quantities import RefinedPhase
from layerox.diffraction.unknown_particles import true_fractions
from layerox.typing import FloatArray

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
        "fraction": float(number),
        "density": float(phase.density or 0.0),
        "attenuation": float(phase.linear_attenuation or 0.0),
        "error": 100 * (float(number) - truth),
        "esd": 100 * number.esd,
        "esd_model": 100 * accuracy,
        "pull": (float(number) - truth) / accuracy if accuracy else float("inf"),
        "parts": {source: 100 * share[phase.name] for source, share in result.uncertainty_parts.items()},
    }


SMALLEST_UM, LARGEST_UM, STARTS_UM = 0.05, 60.0, (1.0, 3.0, 10.0)


def left(results: Sequence[dict[str, object]], permuted: int = 0) -> dict[str, object]:
    """Return the rms errors (wt%) left by sizes of particles, and by factors on the masses, of each reagent."""
    mixed = [list(result["phases"].values()) for result in results]  # type: ignore[attr-defined]
    names = [list(result["phases"]) for result in results]  # type: ignore[call-overload]
    reagents = sorted({name for own in names for name in own})
    places = [np.array([reagents.index(name) for name in own]) for own in names]
    columns = [
        [np.array([row[key] for row in rows]) for key in ("fraction", "density", "attenuation")] for rows in mixed
    ]

    linear = np.zeros(len(reagents))
    for own, (_, _, attenuations) in zip(places, columns, strict=True):
        linear[own] = attenuations

    def errors(logarithms: FloatArray, *, sizes: bool, linear: FloatArray = linear) -> FloatArray:
        found = []
        for own, (fractions, densities, _) in zip(places, columns, strict=True):
            values = np.exp(logarithms[own])
            true = true_fractions(fractions, densities, linear[own], values[None])[0] if sizes else fractions * values
            found.append(100.0 * (true / true.sum() - 1.0 / len(own)))
        return np.concatenate(found)

    count = len(reagents)
    bounds = np.log([SMALLEST_UM, LARGEST_UM])

    def by_sizes(linear: FloatArray) -> float:
        fits = (least_squares(errors, np.full(count, np.log(start)), bounds=tuple(bounds), diff_step=1e-3, max_nfev=60,
                              kwargs={"sizes": True, "linear": linear}) for start in STARTS_UM)  # fmt: skip
        return min(_rms(fit.fun) for fit in fits)

    rng = np.random.default_rng(0)
    weighed = least_squares(errors, np.zeros(count), kwargs={"sizes": False})
    factors = np.exp(np.mean(weighed.x) - weighed.x)
    return {
        "reagents": count,
        "as_they_are": _rms(errors(np.zeros(count), sizes=False)),
        "one_size_a_reagent": by_sizes(linear),
        "one_size_with_permuted_attenuations": sorted(by_sizes(rng.permutation(linear)) for _ in range(permuted)),
        "one_factor_a_reagent": _rms(weighed.fun),
        "factors": dict(zip(reagents, factors.round(2).tolist(), strict=True)),
    }


def _rms(values: FloatArray) -> float:
    return float(np.sqrt((values**2).mean()))


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--only", default="", help="part of the names of files")
    parser.add_argument("--particles", type=float, nargs=2, default=AS_DELIVERED_UM, help="range of diameters, um")
    parser.add_argument("--permuted", type=int, default=0, help="number of permutations")
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
        "left": left(results, given.permuted),
        "each": results,
    }
    print(json.dumps(document, indent=1, default=float))


if __name__ == "__main__":
    main()
