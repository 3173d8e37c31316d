"""How often does the automatic fit end where it should? Seeded cold starts, and phases offered that are not there.

Prints JSON. Run: python tests/benchmarks/cold_starts.py [--count 200]

A cold start has cells wrong by up to 1.5 % in the layers and 3 % along the stacking, widths that nobody knows and a
specimen displaced by up to 0.2 mm; it has reached the best minimum if its R_wp is within 1 % of that of a start from
the truth. A ghost is a phase offered to a pattern that does not hold it.
"""

from __future__ import annotations

import argparse
import json
import os
import sys
import time

os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")

import numpy as np

import layerox as lx
from layerox.analysis.phase_arguments import phases_from
from layerox.diffraction.phase import Phase
from layerox.instrument import Instrument, Profile
from layerox.radiation import radiation_from_text

CU = radiation_from_text("CuKa").polarized(0.5557)
MIXTURES = (("P2", "O3"), ("P2", "P3"), ("O3", "P3"))
GHOSTS = ("P3", "O1", "O2", "OP4")
# R_wp relative to that of a start from the truth.
SAME_MINIMUM = 1.01


def mixture(names: tuple[str, ...], rng: np.random.Generator) -> tuple[lx.Pattern, list[Phase], list[float]]:
    """Return a noisy pattern of phases drawn at random, the phases, and their fractions."""
    phases = [
        Phase(name=p.name, crystal=p.crystal, size_nm=rng.uniform(40, 250), microstrain=rng.uniform(0.0003, 0.003),
              preferred_orientation=rng.uniform(0.8, 1.05))
        for p in phases_from(list(names))
    ]  # fmt: skip
    shares = [1.0] if len(names) == 1 else (0.1 + (1 - 0.1 * len(names)) * rng.dirichlet(np.ones(len(names)))).tolist()
    profile = Profile(u=rng.uniform(0, 0.01), v=-rng.uniform(0, 0.003), w=rng.uniform(0.002, 0.01))
    simulated = lx.simulate(
        phases,
        weights=shares,
        radiation=CU,
        two_theta=(12, 100, 0.02),
        instrument=Instrument(profile=profile, displacement_mm=rng.uniform(-0.2, 0.2)),
        background=[rng.uniform(80, 400), -60.0, 20.0],
        counts=float(np.exp(rng.uniform(np.log(3_000), np.log(60_000)))),
        seed=int(rng.integers(2**31)),
    )
    return simulated.pattern, phases, shares


def moved(phase: Phase, rng: np.random.Generator) -> tuple[str, object]:
    """Return a phase argument with a wrong cell."""
    in_plane, along = 1 + rng.uniform(-0.015, 0.015), 1 + rng.uniform(-0.03, 0.03)
    cell = [x * factor for x, factor in zip(phase.crystal.cell, (in_plane, in_plane, along, 1, 1, 1), strict=True)]
    return phase.name, phase.crystal.with_cell(cell)


def cold_starts(count: int, seed: int) -> dict[str, object]:
    """Return how many of `count` wrong starts end at the best minimum, and what the others say."""
    reached, faults, took = 0, [], []
    for k in range(count):
        rng = np.random.default_rng([seed, k])
        pattern, phases, _ = mixture(MIXTURES[k % len(MIXTURES)], rng)
        best = lx.fit(pattern, [(p.name, p.crystal) for p in phases]).agreement.r_wp
        start = time.process_time()
        found = lx.fit(pattern, [moved(phase, rng) for phase in phases])
        took.append(time.process_time() - start)
        if found.agreement.r_wp < SAME_MINIMUM * best:
            reached += 1
        else:
            faults.append({"k": k, "r_wp": found.agreement.r_wp, "best": best, "status": found.status})
        _progress(k)
    lied = sum(fault["status"] == "converged" for fault in faults)
    return {"starts": count, "reached": reached / count, "said_converged": lied, "faults": faults,
            "median_cpu_s": float(np.median(took))}  # fmt: skip


def ghosts(count: int, seed: int) -> dict[str, object]:
    """Return how many of `count` absent phases are unsupported or within two esds of nothing, and who was harmed."""
    clean, harmed, haunted = 0, [], []
    for k in range(count):
        rng = np.random.default_rng([seed, 1, k])
        pattern, phases, shares = mixture(("P2",) if k % 2 else ("P2", "O3"), rng)
        ghost = GHOSTS[k % len(GHOSTS)]
        names = [phase.name for phase in phases]
        found = lx.fit(pattern, [*names, ghost])
        fraction = found.weight_fractions[ghost]
        if fraction.status == "unsupported" or fraction < 2 * fraction.esd:
            clean += 1
        else:
            haunted.append({"k": k, "ghost": ghost, "fraction": float(fraction), "esd": fraction.esd})
        alone = lx.fit(pattern, names).weight_fractions
        shift = max(abs(found.weight_fractions[n] - alone[n]) / max(alone[n].esd, 1e-4) for n in names)
        if shift > 1:
            harmed.append({"k": k, "ghost": ghost, "shift_in_esds": float(shift), "true": shares[0]})
        _progress(k)
    return {"patterns": count, "clean": clean / count, "haunted": haunted, "harmed": harmed}


def _progress(k: int) -> None:
    if (k + 1) % 50 == 0:
        print(k + 1, file=sys.stderr, flush=True)


if __name__ == "__main__":
    parser = argparse.ArgumentParser()
    parser.add_argument("--count", type=int, default=200)
    parser.add_argument("--seed", type=int, default=7)
    options = parser.parse_args()
    count, seed = options.count, options.seed
    print(json.dumps({"cold_starts": cold_starts(count, seed), "ghosts": ghosts(count // 2, seed)}, indent=1))
