"""Patterns as difficult as those of a laboratory: do the fits converge, and do their fractions hold the truth?

Prints JSON. Run: python tests/benchmarks/real_life.py [--count 300] [--seed 1]

Each mixture has textures of r = 0.5 to 1, sizes of 5 to 500 nm, microstrains, axial divergence, a hump of glass beside
air scattering, a zero and a displacement to 0.3 mm, a profile and structures that the fit does not know (drawn from
the priors). The fit gets the names of the phases and nothing else.
"""

from __future__ import annotations

import argparse
import json
import os
import sys
import time
from collections import Counter
from dataclasses import replace

os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")

import numpy as np
from honesty import FINE_UM, MIXTURES
from prior_draws import CU, with_drawn_structure

import layerox as lx
from layerox.analysis.phase_arguments import phases_from
from layerox.diffraction.phase import Phase
from layerox.instrument import Instrument, Profile

ANGLES = (12.0, 100.0, 0.02)


def powders(names: tuple[str, ...], rng: np.random.Generator) -> list[Phase]:
    """Return the phases with everything drawn at random."""
    found = []
    for phase in phases_from(list(names)):
        crystal = phase.crystal
        cell = list(crystal.cell)
        for k in crystal.symmetry.cell_rule.free:
            cell[k] *= 1.0 + rng.uniform(-0.004, 0.004) if k < 3 else 1.0 + rng.uniform(-0.001, 0.001)
        for follower, leader in crystal.symmetry.cell_rule.follows.items():
            cell[follower] = cell[leader]
        is_cubic = crystal.symmetry.cell_rule.free == (0,)
        drawn = Phase(
            name=phase.name,
            crystal=crystal.with_cell(cell),
            size_nm=float(np.exp(rng.uniform(np.log(5), np.log(500)))),
            microstrain=float(rng.uniform(0.0, 0.003)),
            preferred_orientation=1.0 if is_cubic else float(rng.uniform(0.5, 1.0)),
        )
        found.append(with_drawn_structure(drawn, 1.0, rng))
    return found


def diffractometer(rng: np.random.Generator) -> Instrument:
    """Return a Bragg-Brentano diffractometer that is not calibrated, with its specimen."""
    axial = float(rng.uniform(0.005, 0.05))
    u, w = float(rng.uniform(0, 0.008)), float(np.exp(rng.uniform(np.log(0.002), np.log(0.015))))
    # Above -2 sqrt(u w), so that all widths exist.
    v = -float(rng.uniform(0, 1.5) * np.sqrt(u * w))
    profile = Profile(u=u, v=v, w=w, x=float(rng.uniform(0, 0.02)), axial=(axial, axial))
    zero = float(np.clip(0.02 * rng.standard_normal(), -0.04, 0.04))
    return Instrument(profile=profile, zero=zero, displacement_mm=float(rng.uniform(-0.3, 0.3)))


def background(angles: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """Return air scattering, a hump of glass and a level."""
    level = rng.uniform(80, 400)
    air = rng.uniform(0.0, 2.0) * level * (12.0 / angles) ** 2
    hump = rng.uniform(0.0, 0.6) * level * np.exp(-0.5 * ((angles - rng.uniform(20, 30)) / rng.uniform(3, 6)) ** 2)
    return np.asarray(level + air + hump)


def measured(index: int, seed: int) -> tuple[lx.Pattern, tuple[str, ...], list[float]]:
    """Return a pattern, the names of its phases and their weight fractions."""
    rng = np.random.default_rng([seed, index])
    names = MIXTURES[index % len(MIXTURES)]
    shares = (0.05 + (1 - 0.05 * len(names)) * rng.dirichlet(np.ones(len(names)))).tolist()
    phases = powders(names, rng)
    pure = lx.simulate(phases, weights=shares, radiation=CU, two_theta=ANGLES, instrument=diffractometer(rng))
    top = float(np.exp(rng.uniform(np.log(3_000), np.log(60_000))))
    peaks = pure.pattern.intensity * top / pure.pattern.intensity.max()
    counts = rng.poisson(peaks + background(pure.pattern.two_theta, rng)).astype(float)
    sigma = np.sqrt(np.maximum(counts, 1.0))
    return replace(pure.pattern, intensity=counts, sigma=sigma, sigma_source="poisson"), names, shares


def judged(count: int, seed: int) -> dict[str, object]:
    """Return how the fits end, the coverage of `esd_model`, and the worst ones."""
    outcomes, pulls, errors, widths, faults, took = Counter(), [], [], [], [], []
    for index in range(count):
        pattern, names, shares = measured(index, seed)
        recipe = {"quantification": {"particle_sizes_um": dict.fromkeys(names, FINE_UM)}}
        began = time.process_time()
        result = lx.fit(pattern, list(names), recipe=recipe)
        took.append(time.process_time() - began)
        outcomes[result.status] += 1
        own = []
        for name, share in zip(names, shares, strict=True):
            fraction = result.weight_fractions[name]
            if fraction.esd_model:
                own.append((float(fraction) - share) / fraction.esd_model)
                errors.append(float(fraction) - share)
                widths.append(fraction.esd_model)
            else:
                own.append(np.inf)
        pulls += own
        if result.status != "converged" or max(map(abs, own)) > 3:
            row = {"index": index, "status": result.status, "reason": result.reason}
            faults.append({**row, "pulls": np.round(own, 1).tolist()})
        if (index + 1) % 50 == 0:
            print(index + 1, file=sys.stderr, flush=True)
    size = np.abs(pulls)
    return {
        "patterns": count,
        "outcomes": dict(outcomes),
        "fractions": len(pulls),
        "within_1": float((size < 1).mean()),
        "within_2": float((size < 2).mean()),
        "rms_wt_percent": float(100 * np.sqrt(np.mean(np.square(errors)))),
        "median_esd_model_wt_percent": float(100 * np.median(widths)),
        "median_cpu_s": float(np.median(took)),
        "faults": faults,
    }


if __name__ == "__main__":
    parser = argparse.ArgumentParser()
    parser.add_argument("--count", type=int, default=300)
    parser.add_argument("--seed", type=int, default=1)
    options = parser.parse_args()
    print(json.dumps(judged(options.count, options.seed), indent=1))
