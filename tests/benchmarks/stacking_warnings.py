"""Does an ordinary fit see stacking disorder? Seeded patterns, half of ordered phases and half of disordered stackings.

Prints JSON, one line a pattern and two of sums. Run: python tests/benchmarks/stacking_warnings.py [--count 40]
Each pattern is drawn anew: cells, metals, sizes, microstrains, texture, profile, displacement, background, 3,000 to
30,000 counts. The profile is known to half of the fits. All are fitted with ordered phases from the library, by default
options; the warning `stacking_disorder` should come for the disordered stackings and for no others.
"""

from __future__ import annotations

import argparse
import json
import os
import sys
import time
from collections.abc import Sequence
from dataclasses import replace

os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")

import numpy as np
from prior_draws import CU

import layerox as lx
from layerox.analysis.disordered_arguments import phase_from_contents
from layerox.analysis.layer_contents import layer_content
from layerox.builders import build_crystal
from layerox.crystal.asymmetric_unit import Crystal
from layerox.diffraction.disordered.phase import DisorderedPhase
from layerox.diffraction.phase import Phase
from layerox.instrument import Instrument, Profile
from layerox.stacking.disorder import parse_disorder

# Metals of the specimen and of the phases fitted to it, by share.
METALS = (
    {"Ni": 1 / 3, "Mn": 2 / 3},
    {"Fe": 0.5, "Mn": 0.5},
    {"Co": 1.0},
    {"Ni": 0.2, "Fe": 0.3, "Mn": 0.5},
    {"Cr": 1.0},
)
ORDERED = (("P2",), ("O3",), ("P3",), ("P2", "O3"), ("P2", "P3"), ("P2", "Op3"), ("O3", "P3"), ("P2", "O3", "spinel"))
# Kinds of galleries of the disordered stackings, and the ordered phases that are fitted to them: two for intergrown
# lamellae of 3 to 40 galleries, one for 5 to 30 % of faults.
DISORDERED = (
    (("P2", "O3"), ("P2", "O3")),
    (("P2", "P3"), ("P2", "P3")),
    (("O3", "P3"), ("O3", "P3")),
    (("P2", "O2"), ("P2",)),
    (("O3", "P3"), ("O3",)),
)
NOT_METALS = ("Na", "Li", "O")
CODE = "stacking_disorder"
# Slab-to-slab distance of O2 faults in P2, angstrom.
FAULT_SPACING = (4.9, 5.5)


def with_metals(crystal: Crystal, metals: dict[str, float]) -> Crystal:
    """Return a layered crystal with other metals in its slabs; a spinel as it is."""
    old = [site for site in crystal.sites if site.element not in NOT_METALS]
    if crystal.symmetry.cell_rule.free == (0,):
        return crystal
    new = [replace(old[0], label=f"{m}1", element=m, occupancy=share, charge=0) for m, share in metals.items()]
    return replace(crystal, sites=(*new, *(site for site in crystal.sites if site not in old)))


def drawn_crystal(name: str, metals: dict[str, float], rng: np.random.Generator) -> Crystal:
    """Return a crystal with lengths within 0.4 % and angles within 0.1 % of the library's."""
    crystal = with_metals(build_crystal(name), metals)
    rule, cell = crystal.symmetry.cell_rule, list(crystal.cell)
    for k in rule.free:
        cell[k] *= 1.0 + rng.uniform(-0.004, 0.004) * (1.0 if k < 3 else 0.25)
    if name == "O2":
        cell[2] = 2 * rng.uniform(*FAULT_SPACING)
    for follower, leader in rule.follows.items():
        cell[follower] = cell[leader]
    return crystal.with_cell(tuple(cell))


def ordered_phases(names: Sequence[str], metals: dict[str, float], rng: np.random.Generator) -> list[Phase]:
    """Return ordered phases, each with its own cell, size, microstrain and texture."""
    return [
        Phase(
            name=name,
            crystal=drawn_crystal(name, metals, rng),
            size_nm=float(rng.uniform(30, 250)),
            microstrain=float(rng.uniform(0.0003, 0.003)),
            preferred_orientation=1.0 if name == "spinel" else float(rng.uniform(0.7, 1.0)),
        )
        for name in names
    ]


def disordered_phase(
    kinds: Sequence[str], metals: dict[str, float], rng: np.random.Generator, *, faults: bool
) -> DisorderedPhase:
    """Return an intergrowth of lamellae, or a stacking with random faults."""
    if faults:
        text = f"{'~'.join(kinds)}:{rng.uniform(0.05, 0.3):.3f}"
    else:
        text = f"{'~'.join(kinds)}:{rng.uniform(0.25, 0.75):.3f},thickness={np.exp(rng.uniform(*np.log([3, 40]))):.2f}"
    contents = [layer_content(drawn_crystal(kind, metals, rng)) for kind in kinds]
    found = phase_from_contents(parse_disorder(text), contents, text, "")
    return replace(
        found,
        size_nm=float(rng.uniform(50, 250)),
        microstrain=float(rng.uniform(0.0003, 0.002)),
        column_nm=float(rng.uniform(100, 500)),
        preferred_orientation=float(rng.uniform(0.7, 1.0)),
    )


def specimen(seed: int, rng: np.random.Generator) -> tuple[list[Phase], list[str], dict[str, float]]:
    """Return the phases of a specimen, the names of those fitted, and its metals; odd seeds are disordered."""
    metals = METALS[rng.integers(len(METALS))]
    if seed % 2 == 0:
        names = ORDERED[seed // 2 % len(ORDERED)]
        return ordered_phases(names, metals, rng), list(names), metals
    kinds, names = DISORDERED[seed // 2 % len(DISORDERED)]
    phases: list[Phase] = [disordered_phase(kinds, metals, rng, faults=len(names) == 1)]
    if rng.random() < 0.25:
        return [*phases, *ordered_phases(["spinel"], metals, rng)], [*names, "spinel"], metals
    return phases, list(names), metals


def examined(seed: int) -> dict[str, object]:
    """Return the specimen of a seed, and what its ordinary fit says."""
    rng = np.random.default_rng([17, seed])
    phases, names, metals = specimen(seed, rng)
    profile = Profile(u=rng.uniform(0.001, 0.004), v=-0.002, w=rng.uniform(0.003, 0.008), x=rng.uniform(0.0, 0.02))
    weights = [1.0] if len(phases) == 1 else (0.1 + rng.dirichlet(np.ones(len(phases)))).tolist()
    counts = float(np.exp(rng.uniform(np.log(3_000), np.log(30_000))))
    made = lx.simulate(
        phases, weights=weights, radiation=CU, two_theta=(12, 90, 0.02), counts=counts, seed=seed,
        instrument=Instrument(profile=profile, displacement_mm=float(rng.uniform(-0.1, 0.1))),
        background=[float(rng.uniform(80, 400)), -60.0, 20.0],
    )  # fmt: skip
    offered = [Phase(name=name, crystal=with_metals(build_crystal(name), metals)) for name in names]
    known = rng.random() < 0.5
    began = time.process_time()
    result = lx.fit(made.pattern, offered, instrument=Instrument(profile=profile) if known else None)
    return {
        "seed": seed,
        "specimen": " + ".join(phase.name for phase in phases),
        "fitted": "+".join(names),
        "disordered": seed % 2 == 1,
        "warned": CODE in {warning.code for warning in result.warnings},
        "status": result.status,
        "gof": round(result.agreement.gof, 3),
        "counts": round(counts),
        "profile_known": known,
        "cpu_s": round(time.process_time() - began, 2),
    }


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--count", type=int, default=40, help="patterns")
    parser.add_argument("--first", type=int, default=0, help="first seed")
    given = parser.parse_args()
    rows = []
    for seed in range(given.first, given.first + given.count):
        rows.append(examined(seed))
        print(json.dumps(rows[-1]), flush=True)
    for name, chosen in (("disordered", True), ("ordered", False)):
        some = [row for row in rows if row["disordered"] is chosen]
        warned = sum(bool(row["warned"]) for row in some)
        unnoticed = sum(row["status"] == "converged" and not row["warned"] for row in some)
        line = {"specimens": name, "patterns": len(some), "warned": warned, "converged_unwarned": unnoticed}
        print(json.dumps(line))
    return 0


if __name__ == "__main__":
    sys.exit(main())
