"""Is the evidence right? One cell or two of one structure, and P3 or P'3 or both, of seeded patterns.

Prints JSON. Run: python tests/benchmarks/model_evidence.py [--count 40] [--seed 1]

Every fit is offered both phases. Sizes, microstrains, textures, counts and the composition of the mixture are drawn,
noise is Poisson. For each class: the model of highest evidence, and the one of the fit. `certain` counts patterns whose
best model has e^5 times the evidence of any other one, `wrong` those of them where it is not the true one. A second
phase for which a score test finds nothing left is not refined.
"""

from __future__ import annotations

import argparse
import json
import os
import sys
from collections import Counter
from dataclasses import replace
from pathlib import Path

os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")
sys.path.insert(0, str(Path(__file__).parents[1]))

import numpy as np

import layerox as lx
from layerox.analysis.phase_arguments import phases_from
from layerox.crystal.asymmetric_unit import Crystal
from layerox.diffraction.evidence import DECISIVE
from layerox.diffraction.phase import Phase
from mixtures import lowered, mixture

# Relative differences of the cells' lengths (a up, c down), and distortions of a / b; 0: one cell, or P3.
DIFFERENCES, DISTORTIONS = (0.0, 0.001, 0.002, 0.004), (0.0, 0.002, 0.005, 0.01)


def grown(crystal: Crystal, difference: float) -> Crystal:
    """Return a hexagonal crystal with longer a and b, and a shorter c."""
    a, b, c, *angles = crystal.cell
    return crystal.with_cell((a * (1 + difference), b * (1 + difference), c * (1 - difference), *angles))


def drawn(name: str, crystal: Crystal, rng: np.random.Generator) -> Phase:
    """Return a phase with widths and a texture drawn at random."""
    return Phase(
        name=name,
        crystal=crystal,
        size_nm=float(rng.uniform(50, 250)),
        microstrain=float(rng.uniform(0.0003, 0.0015)),
        preferred_orientation=float(rng.uniform(0.8, 1.0)),
    )


def cells(difference: float, rng: np.random.Generator) -> tuple[lx.Pattern, list[Phase], str]:
    """Return a pattern of P2 of one or two cells beside O3, what the fit is offered, and the true model."""
    own, third = phases_from(["P2", "O3"])
    both = [drawn("A", own.crystal, rng), drawn("B", grown(own.crystal, difference), rng)]
    shares = (rng.uniform(0.25, 0.75), 1.0) if difference else (1.0, 1.0)
    present = [*(both if difference else both[:1]), drawn("O3", third.crystal, rng)]
    weights = [0.7 * shares[0], *([0.7 * (1 - shares[0])] if difference else []), 0.3]
    offered = [replace(phase, crystal=own.crystal) for phase in both]
    return _pattern(present, weights, rng), [*offered, third], "A + B" if difference else "A or B"


def layers(distortion: float, rng: np.random.Generator, *, both: bool = False) -> tuple[lx.Pattern, list[Phase], str]:
    """Return a pattern of P3 or P'3 (or both) beside P2, what the fit is offered, and the true model."""
    plain, other = phases_from(["P3", "P2"])
    # The given P'3 is not that of the pattern: its distortion is to be found.
    given = lowered(plain.crystal, distortion + float(rng.uniform(-0.002, 0.002)))
    high, low = drawn("P3", plain.crystal, rng), drawn("distorted", lowered(plain.crystal, distortion), rng)
    present = [high, low] if both else [low if distortion else high]
    share = float(rng.uniform(0.3, 0.7)) if both else 1.0
    weights = [0.7 * share, 0.7 * (1 - share)] if both else [0.7]
    pattern = _pattern([*present, drawn("P2", other.crystal, rng)], [*weights, 0.3], rng)
    offered = [plain, Phase(name="distorted", crystal=given), other]
    return pattern, offered, "P3 + distorted" if both else present[0].name


def _pattern(phases: list[Phase], weights: list[float], rng: np.random.Generator) -> lx.Pattern:
    counts = float(np.exp(rng.uniform(np.log(3_000), np.log(30_000))))
    return mixture(phases, weights, seed=int(rng.integers(2**31)), counts=counts)


def judged(pattern: lx.Pattern, offered: list[Phase], true: str) -> dict[str, object]:
    """Return which model the evidence and the fit prefer, and by how much."""
    result = lx.fit(pattern, [(phase.name, phase.crystal) for phase in offered])
    pair = {offered[0].name, offered[1].name}
    shown = " + ".join(sorted((p.name for p in result.phases if p.is_supported and p.name in pair), reverse=True))
    found = next((row for row in result.model_comparisons if row.phases == pair), None)
    is_of_cells = offered[0].crystal.space_group == offered[1].crystal.space_group
    evidence: dict[str, float] = {}
    for model, value in found.log_evidence.items() if found else ():
        # One cell is one model, whichever of two equal phases has it.
        is_one_cell = is_of_cells and " + " not in model
        name = true.partition(" or ")[0] if is_one_cell and " or " in true else _sorted(model)
        evidence[name] = max(value, evidence.get(name, -np.inf))
    values = [*sorted(evidence.values(), reverse=True), -np.inf]
    best = max(evidence, key=lambda name: evidence[name]) if evidence else ""
    names = {_sorted(name) for name in true.split(" or ")}
    return {
        "best": best, "is_true": best in names, "fit_is_true": _sorted(shown) in names,
        "certain": values[0] - values[1] > DECISIVE, "log_ratio": values[0] - values[1],
        "alike": any(set(group.members) == pair for group in result.groups), "status": result.status,
    }  # fmt: skip


def _sorted(model: str) -> str:
    return " + ".join(sorted(model.split(" + ")))


def summary(rows: list[dict[str, object]]) -> dict[str, object]:
    """Return the counts of a class."""
    certain = [row for row in rows if row["certain"]]
    ratios = [row["log_ratio"] for row in rows if np.isfinite(row["log_ratio"])]
    return {
        "patterns": len(rows),
        "best": dict(Counter(str(row["best"]) for row in rows)),
        "evidence_right": sum(bool(row["is_true"]) for row in rows),
        "fit_right": sum(bool(row["fit_is_true"]) for row in rows),
        "certain": len(certain),
        "wrong": sum(not row["is_true"] for row in certain),
        "alike": sum(bool(row["alike"]) for row in rows),
        "refined_one_model_only": len(rows) - len(ratios),
        "median_log_ratio": round(float(np.median(ratios)), 1) if ratios else None,
        "statuses": dict(Counter(str(row["status"]) for row in rows)),
    }


def measured(count: int, seed: int) -> dict[str, object]:
    """Return the counts of all classes."""
    report: dict[str, object] = {}
    for difference in DIFFERENCES:
        rows = [judged(*cells(difference, np.random.default_rng([seed, 1, round(1e4 * difference), k])))
                for k in range(count)]  # fmt: skip
        report[f"two cells, {100 * difference:g} %" if difference else "one cell"] = summary(rows)
    for distortion in DISTORTIONS:
        for both in (False, True) if distortion else (False,):
            generators = [np.random.default_rng([seed, 2 + both, round(1e4 * distortion), k]) for k in range(count)]
            rows = [judged(*layers(distortion, rng, both=both)) for rng in generators]
            name = f"{'P3 and ' if both else ''}P'3 of {100 * distortion:g} %" if distortion else "P3"
            report[name] = summary(rows)
    return report


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--count", type=int, default=40, help="patterns of each class")
    parser.add_argument("--seed", type=int, default=1)
    options = parser.parse_args()
    print(json.dumps(measured(options.count, options.seed), indent=1))
