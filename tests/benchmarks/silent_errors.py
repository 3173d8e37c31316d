"""Is anything wrong in silence? More than fifty kinds of faulty patterns, seeded, the truth known, and ordinary ones.

Prints JSON. Run: python tests/benchmarks/silent_errors.py [--repeats 1] [--ordinary 200] [--only KIND ...]

An answer is wrong if a weight fraction is off by more than 4 esds and 3 wt%. It is silent if the fit says converged and
neither a warning names a cause of that kind nor the table of sensitivities has it. A false alarm is a fit of an
ordinary pattern (drawn as in honesty.py) that has not converged or that warns of something that is not there.
"""

from __future__ import annotations

import argparse
import json
import os
import sys
from pathlib import Path

os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")
sys.path.insert(0, str(Path(__file__).parent))

import faulty_measurements
import faulty_specimens
import numpy as np
from faulty_cases import KINDS, Case
from honesty import MIXTURES, drawn, pattern_of
from prior_draws import PROFILE

import layerox as lx
from layerox.instrument import Instrument

# The modules that register the kinds of patterns.
SOURCES = (faulty_measurements, faulty_specimens)
WRONG_ESDS, WRONG_FRACTION = 4.0, 0.03
# Warnings that name something wrong; others state assumptions.
ALARMS = {
    "alike", "unexplained_peaks", "unexplained_intensity", "stray_radiation", "thin_specimen", "beam_overflow",
    "bimodal_size", "anisotropic_size", "occupancy", "polarization", "axial_divergence", "dead_time", "intensity_step",
    "background_step",
    "background_hump",
    "saturated", "spikes", "sigma_too_large", "sigma_too_small", "second_cell"
}  # fmt: skip


def judged(case: Case) -> dict[str, object]:
    """Fit a case and return what came of it."""
    try:
        result = lx.fit(case.pattern, case.phases, **case.options)
    except lx.InputError as error:
        return {"outcome": "refused", "text": str(error)}
    codes = {w.code for w in result.warnings} & ALARMS
    stated = {row.cause for row in result.sensitivity}
    errors = {}
    for names, true in case.truth.items():
        found = sum(float(result.weight_fractions[name]) for name in names)
        # A group that is meant as a whole has the uncertainty of its sum, a single member its own range.
        whole = [group for group in result.groups if set(group.members) <= set(names)]
        summed = {member for group in whole for member in group.members}
        own = [result.weight_fractions[name].esd for name in names if name not in summed]
        grouped = [group.weight_fraction.esd for group in whole]
        errors["+".join(names)] = (found - true, float(np.sqrt(sum(esd**2 for esd in own + grouped))))
    wrong = any(abs(e) > WRONG_FRACTION and abs(e) > WRONG_ESDS * esd for e, esd in errors.values())
    if result.status != "converged":
        outcome = "not usable"
    elif not wrong:
        outcome = "right"
    elif codes & case.causes:
        outcome = "warned"
    elif stated & case.causes:
        outcome = "stated"
    else:
        outcome = "silent"
    return {
        "outcome": outcome, "wrong": wrong, "errors_wt_percent": {n: round(100 * e, 2) for n, (e, _) in errors.items()},
        "esds_wt_percent": {n: round(100 * s, 2) for n, (_, s) in errors.items()}, "codes": sorted(codes),
        "gof": round(result.agreement.gof, 2), "reason": result.reason,
    }  # fmt: skip


def ordinary(count: int, seed: int) -> dict[str, object]:
    """Return the false alarms of so many ordinary patterns."""
    alarms = []
    for k in range(count):
        index = k % len(MIXTURES)
        rng = np.random.default_rng([seed, 2, k])
        phases, weights = drawn(MIXTURES[index], rng)
        result = lx.fit(pattern_of(phases, weights, rng), list(MIXTURES[index]), instrument=Instrument(profile=PROFILE))
        codes = sorted({w.code for w in result.warnings} & ALARMS)
        if result.status != "converged" or codes:
            alarms.append({"k": k, "status": result.status, "reason": result.reason, "codes": codes})
    return {"patterns": count, "false_alarms": len(alarms), "share": len(alarms) / max(count, 1), "alarms": alarms}


def measured(repeats: int, seed: int, only: list[str]) -> dict[str, object]:
    """Return what came of each kind, and how many answers were silently wrong."""
    rows: dict[str, list] = {}
    for index, (name, made) in enumerate(KINDS.items()):
        if only and name not in only:
            continue
        rows[name] = [judged(made(np.random.default_rng([seed, index, k]))) for k in range(repeats)]
        print(name, [row["outcome"] for row in rows[name]], file=sys.stderr, flush=True)
    outcomes = [row["outcome"] for cases in rows.values() for row in cases]
    counted = {outcome: outcomes.count(outcome) for outcome in sorted(set(outcomes))}
    return {"kinds": len(rows), "outcomes": counted, "silent": counted.get("silent", 0), "cases": rows}


if __name__ == "__main__":
    parser = argparse.ArgumentParser()
    parser.add_argument("--repeats", type=int, default=1)
    parser.add_argument("--ordinary", type=int, default=200)
    parser.add_argument("--seed", type=int, default=14)
    parser.add_argument("--only", nargs="*", default=[], metavar="KIND")
    options = parser.parse_args()
    report = measured(options.repeats, options.seed, options.only)
    report["ordinary"] = ordinary(options.ordinary, options.seed)
    print(json.dumps(report, indent=1))
