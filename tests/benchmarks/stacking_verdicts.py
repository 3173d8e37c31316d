"""Intergrown or mixed? Seeded patterns under the references' conditions: the verdict on each, and what is refined.

Prints JSON, one line a condition. Run: python tests/benchmarks/stacking_verdicts.py [--count 10] [--only NAME]
Intergrowths should be "coherent" in 99 % of the patterns, mixtures in no more than 1 %; of the refined fractions and
thicknesses 60 to 75 % should be within one standard uncertainty of the truth. With a known profile each fit is compared
with weighted least squares about the truth, whose pulls are those of the noise alone.
"""

from __future__ import annotations

import argparse
import json
import os
import sys
import time
from collections import Counter
from collections.abc import Callable
from dataclasses import replace
from functools import lru_cache
from pathlib import Path

os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")
sys.path.insert(0, str(Path(__file__).parents[1]))

import numpy as np

import layerox as lx
from layerox.diffraction.disordered.phase import DisorderedPhase
from layerox.diffraction.disordered.refined_stacking import RefinedStacking
from layerox.pattern import Pattern
from stacking_references import ANGLES, BEAM, INSTRUMENT, LinearEstimates, noisy, reference_phase

P2O3, P2P3 = ("P2", "O3"), ("P2", "P3")


def intergrowth(kinds: tuple[str, ...], thickness: float) -> Callable[[], list[DisorderedPhase]]:
    return lambda: [reference_phase(kinds, 0.5, 1 - 2 / thickness)]


def mixture(kinds: tuple[str, ...], **second: float) -> Callable[[], list[DisorderedPhase]]:
    """Two phases; keywords are changes of the second (its name ends in 2) and of both."""

    def made() -> list[DisorderedPhase]:
        both = {key: value for key, value in second.items() if not key.endswith("2")}
        own = {key.removesuffix("2"): value for key, value in second.items() if key.endswith("2")}
        one = reference_phase(kinds, 0.0, 0.0, **both)
        return [replace(one, name="one"), replace(reference_phase(kinds, 1.0, 0.0, **{**both, **own}), name="two")]

    return made


CONDITIONS: dict[str, tuple[tuple[str, ...], Callable[[], list[DisorderedPhase]]]] = {
    **{f"p2o3_t{t}": (P2O3, intergrowth(P2O3, t)) for t in (5, 20, 100, 150)},
    **{f"p2p3_t{t}": (P2P3, intergrowth(P2P3, t)) for t in (2, 20, 60, 100)},
    **{
        f"mixture_{name}_{what}": (kinds, mixture(kinds, **changes))
        for name, kinds, other in (("p2o3", P2O3, 2.96), ("p2p3", P2P3, 2.887))
        for what, changes in {
            "same_mesh": {},
            "own_mesh": {"a2": other},
            "sizes": {"size_nm": 40.0, "size_nm2": 200.0},
            "platelets": {"column_nm": 20.0, "column_nm2": 40.0},
            "texture": {"preferred_orientation": 0.8, "preferred_orientation2": 0.7},
        }.items()
    },
}


def examined(name: str, seed: int, *, known: bool) -> dict[str, object]:
    """Return what a fit of one pattern of a condition finds."""
    kinds, make = CONDITIONS[name]
    counts, _ = noisy(make(), seed)
    sigma = np.sqrt(np.maximum(counts, 1.0))
    pattern = Pattern(two_theta=ANGLES, intensity=counts, sigma=sigma, sigma_source="poisson", radiation=BEAM)
    mesh = np.mean([phase.crystal.cell[0] for phase in make()])
    start = reference_phase(kinds, 0.5, 0.0, a=1.001 * float(mesh), size_nm=70.0)
    result = lx.fit(pattern, [start], radiation=BEAM, instrument=INSTRUMENT if known else None)
    stacking = result.phases[0].stacking
    found = {"verdict": stacking.verdict.verdict, "delta": stacking.verdict.delta_chi_squared}
    truth = make()[0].disorder
    if len(make()) == 1 and stacking.persistence.esd > 0:
        if known:
            found["linear"] = from_linear(name, counts, stacking)
        thickness = 2 / (1 - truth.persistence)
        relative = stacking.persistence.esd / (1 - float(stacking.persistence))
        found["pull_fraction"] = (float(stacking.fraction) - truth.fractions[1]) / stacking.fraction.esd
        found["pull_thickness"] = np.log(2 / (1 - float(stacking.persistence)) / thickness) / relative
        found["sigma_ln_thickness"] = relative
        share = stacking.shares[0]
        found["weight"] = float(share)
    return found


@lru_cache
def linear(name: str) -> LinearEstimates:
    return LinearEstimates(CONDITIONS[name][1]()[0])


def from_linear(name: str, counts: np.ndarray, stacking: RefinedStacking) -> float:
    """Return the largest difference from weighted least squares about the truth, in standard uncertainties."""
    about = linear(name)
    values, esds = about.of(counts)
    found = {"fraction": float(stacking.fraction), "persistence": float(stacking.persistence)}
    places = {slot: next(k for k, n in enumerate(about.names) if n.endswith(f"_{slot}")) for slot in found}
    return max(abs(found[slot] - values[k]) / float(esds[k]) for slot, k in places.items())


def summary(name: str, rows: list[dict[str, object]]) -> dict[str, object]:
    """Return verdict counts, and means of what was found."""
    line: dict[str, object] = {"condition": name, "patterns": len(rows)}
    line["verdicts"] = dict(Counter(str(row["verdict"]) for row in rows))
    line["delta_chi_squared"] = [round(float(f(np.array([row["delta"] for row in rows]))), 1) for f in (np.min, np.max)]
    for pull in ("pull_fraction", "pull_thickness"):
        values = np.array([row[pull] for row in rows if pull in row], dtype=float)
        if len(values):
            line[pull] = {"within_one": float((np.abs(values) < 1).mean()), "mean": float(values.mean())}
    if from_truth := [float(row["linear"]) for row in rows if "linear" in row]:
        line["most_from_linear_estimate"] = max(from_truth)
    for number in ("sigma_ln_thickness", "weight"):
        values = np.array([row[number] for row in rows if number in row], dtype=float)
        if len(values):
            line[number] = float(values.mean())
    return line


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--count", type=int, default=10, help="patterns of each condition")
    parser.add_argument("--only", default="", help="conditions whose name holds this")
    parser.add_argument("--first", type=int, default=0, help="first seed")
    parser.add_argument("--unknown-profile", action="store_true", help="without the instrument's profile")
    given = parser.parse_args()
    for name in CONDITIONS:
        if given.only not in name:
            continue
        began = time.process_time()
        seeds = range(given.first, given.first + given.count)
        rows = [examined(name, seed, known=not given.unknown_profile) for seed in seeds]
        line = summary(name, rows)
        print(json.dumps({**line, "cpu_s_each": (time.process_time() - began) / len(rows)}), flush=True)
    return 0


if __name__ == "__main__":
    sys.exit(main())
