"""Identification of seeded patterns: mixtures of library phases, foreign phases, both together; prints JSON.

Run: python tests/benchmarks/identification.py [--mixtures 300] [--foreign 50] [--seed 1] [--calibrate]
One to three phases of different groups, each at least 5 wt%, lengths off by up to 2 %, atoms drawn from their priors,
10^4 counts at the highest point. A set is right if its groups are those of the specimen, alike groups counted as one.
`--calibrate` takes one of the true phases out of the candidates, or adds a foreign one, in three of four patterns,
gives every second phase a texture about another axis that no candidate has, as in measured patterns, and fits the
logistic functions of `identification.probability`; "reliability" compares probabilities with the truth.
"""

from __future__ import annotations

import argparse
import json
import os
import sys
import time
from dataclasses import dataclass, replace
from pathlib import Path

os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")
sys.path.insert(0, str(Path(__file__).parents[1]))

import numpy as np
from honesty import pattern_of
from prior_draws import with_drawn_structure
from scipy.optimize import minimize

import layerox as lx
from foreign_crystals import FOREIGN
from layerox.analysis.beam_setup import Beam
from layerox.analysis.identify import candidates_from
from layerox.analysis.phase_arguments import phases_from
from layerox.diffraction import identification
from layerox.diffraction.candidate_search import Candidate, CandidateSearch
from layerox.diffraction.identification import find_phases
from layerox.diffraction.phase import Phase

CELL, LEAST, FEWEST_BINNED = 0.02, 0.05, 10
# Axes and March coefficients of textures in patterns for calibration.
AXES, STRONGEST = ((0, 0, 1), (1, 0, 0), (1, 1, 0), (1, 0, 4)), 0.4
KINDS = ("mixture", "withheld", "foreign", "both")
CANDIDATES = candidates_from(None)
GROUPS = sorted({candidate.group for candidate in CANDIDATES})


@dataclass(frozen=True)
class Specimen:
    """A pattern and what it holds."""

    names: list[str]
    weights: list[float]
    truth: frozenset[str]
    pattern: lx.Pattern
    candidates: list[Candidate]


def drawn(phase: Phase, rng: np.random.Generator, *, atoms: bool, textured: bool = False) -> Phase:
    """Return a phase with a cell, broadening, texture (about any axis if `textured`) and atoms drawn at random."""
    crystal, cell = phase.crystal, list(phase.crystal.cell)
    rule = crystal.symmetry.cell_rule
    for k in rule.free:
        cell[k] *= 1.0 + (rng.uniform(-CELL, CELL) if k < 3 else 0.0)
    for follower, leader in rule.follows.items():
        cell[follower] = cell[leader]
    texture = float(rng.uniform(0.7, 1.05)) if len(rule.free) > 1 else 1.0
    made = replace(phase, crystal=crystal.with_cell(cell), size_nm=float(rng.uniform(20, 200)), hardware=False,
                   microstrain=float(rng.uniform(0.0, 0.003)), preferred_orientation=texture)  # fmt: skip
    if textured and rng.random() < 0.5:
        axis = AXES[rng.integers(len(AXES))]
        made = replace(made, texture_axis=axis, preferred_orientation=float(rng.uniform(STRONGEST, 1.0)))
    return with_drawn_structure(made, 1.0, rng) if atoms else made


def specimen(kind: str, seed: int, *, textured: bool = False) -> Specimen:
    """Return a seeded specimen of a kind."""
    rng = np.random.default_rng((KINDS.index(kind), seed))
    own = [] if kind == "foreign" else rng.choice(GROUPS, rng.integers(1, 3 if kind == "both" else 4), replace=False)
    versions = [str(rng.choice([c.phase.name for c in CANDIDATES if c.group == group])) for group in own]
    others = rng.choice(
        sorted(FOREIGN), rng.integers(1, 4) if kind == "foreign" else int(kind == "both"), replace=False
    )
    phases = [drawn(phase, rng, atoms=True, textured=textured) for phase in (phases_from(versions) if versions else [])]
    phases += [
        drawn(Phase(name=name, crystal=FOREIGN[name]), rng, atoms=False, textured=textured) for name in others.tolist()
    ]
    count = len(phases)
    weights = (LEAST + (1 - LEAST * count) * rng.dirichlet(np.ones(count))).tolist()
    withheld = {own[0]} if kind == "withheld" else set()
    return Specimen(
        names=[*versions, *others.tolist()],
        weights=[round(weight, 3) for weight in weights],
        truth=frozenset(str(group) for group in own) - withheld,
        pattern=pattern_of(phases, weights, rng),
        candidates=[c for c in CANDIDATES if c.group not in withheld],
    )


def identified(made: Specimen) -> dict[str, object]:
    """Return what is found in a specimen, and whether that is right."""
    known, beam = Beam().resolve(made.pattern)
    began = time.process_time()
    found = find_phases(made.pattern, made.candidates, known, beam)
    seconds = time.process_time() - began
    one = {name: names[0] for names in found.alike for name in names}
    groups = [made.candidates[row.index].group for row in found.members]
    right = {one.get(g, g) for g in groups} == {one.get(g, g) for g in made.truth} and len(groups) == len(made.truth)
    rows = [(row, made.candidates[row.index].group) for row in (*found.members, *found.others) if row.gain > 1.0]
    truth = {one.get(g, g) for g in made.truth}
    return {
        "specimen": list(zip(made.names, made.weights, strict=True)),
        "found": groups,
        "alike": found.alike,
        "right": right,
        "cpu_s": round(seconds, 2),
        "members": [
            [one.get(group, group) in truth, row.gain, row.match, row.probability, group] for row, group in rows
        ],
    }


def features(made: Specimen) -> list[list[float]]:
    """Return (truth, ln(gain), match, unexplained, misfit) of each member that the tree search alone accepts."""
    known, beam = Beam().resolve(made.pattern)
    tree = identification._TreeSearch(CandidateSearch(made.pattern, made.candidates, known, beam))
    node = tree._grown()
    left = [min(tree.search.unexplained(node), 1.0), tree.search.misfit(node)]
    rows = [row for row in tree._described(node) if row.gain > 1.0]
    return [[float(made.candidates[row.index].group in made.truth), np.log(row.gain), row.match, *left] for row in rows]


def calibrated(rows: np.ndarray) -> dict[str, list[float]]:
    """Return the coefficients of the two logistic functions that fit members and their truth best."""
    truth, incomplete = rows[:, 0], (rows[:, 4] >= identification.LARGEST_MISFIT).astype(float)
    columns = np.column_stack([np.ones(len(rows)), rows[:, 1:3], incomplete, incomplete * rows[:, 1]])

    def cost(b: np.ndarray) -> float:
        z = columns @ b
        return float(np.logaddexp(0.0, np.where(truth > 0, -z, z)).sum() + 0.01 * (b[1:] ** 2).sum())

    b = minimize(cost, np.zeros(columns.shape[1])).x.round(2).tolist()
    return {"EXPLAINED": b[:3], "INCOMPLETE": [b[0] + b[3], b[1] + b[4], b[2]]}


def reliability(results: list[dict[str, object]]) -> list[dict[str, float]]:
    """Return the share of true members in bins of probability."""
    rows = np.array([[member[0], member[3]] for result in results for member in result["members"]], dtype=float)
    bins = []
    for low, high in ((0.0, 0.05), (0.05, 0.3), (0.3, 0.7), (0.7, 0.95), (0.95, 1.01)):
        own = rows[(rows[:, 1] >= low) & (rows[:, 1] < high)]
        if len(own):
            bins.append({"from": low, "to": min(high, 1.0), "members": len(own),
                         "mean_probability": round(float(own[:, 1].mean()), 3),
                         "share_true": round(float(own[:, 0].mean()), 3)})  # fmt: skip
    return bins


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--mixtures", type=int, default=300)
    parser.add_argument("--foreign", type=int, default=50)
    parser.add_argument("--others", type=int, default=0, help="patterns with a phase withheld, and with a foreign one")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--calibrate", type=int, default=0, metavar="PATTERNS")
    given = parser.parse_args()
    if given.calibrate:
        rows = []
        for k in range(given.calibrate):
            rows += features(specimen(KINDS[k % len(KINDS)], 100_000 * given.seed + k, textured=True))
        print(json.dumps({"members": len(rows), **calibrated(np.array(rows)), "rows": rows}))
        return
    counts = {"mixture": given.mixtures, "foreign": given.foreign, "withheld": given.others, "both": given.others}
    document: dict[str, object] = {}
    every = []
    for kind, count in counts.items():
        results = [identified(specimen(kind, 100_000 * given.seed + k)) for k in range(count)]
        every += results
        if results:
            seconds = [result["cpu_s"] for result in results]
            document[kind] = {
                "patterns": count,
                "right": sum(bool(result["right"]) for result in results),
                "cpu_s_median": float(np.median(seconds)),
                "cpu_s_largest": max(seconds),
                "wrong": [{k: r[k] for k in ("specimen", "found", "alike")} for r in results if not r["right"]],
            }
    document["reliability"] = reliability(every)
    document["candidates"] = len(CANDIDATES)
    print(json.dumps(document, indent=1))


if __name__ == "__main__":
    main()
