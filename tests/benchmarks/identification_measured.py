"""Identification of measured mixtures whose phases are known by weighing; prints JSON.

Run: python tests/benchmarks/identification_measured.py [--only TEXT]   (LAYEROX_DATA names the folder of the data)
Equal-weight mixtures of oxides, carbonates and phosphates (CederGroupHub/dara) of which every phase is among the 26
structures of `oxides/` or in the library; the library is there as well. A set is right if its names are those of the
mixture, alike groups counted as one, LiCoO2 being the library's O3.
"""

from __future__ import annotations

import argparse
import csv
import json
import os
import time
from collections import defaultdict
from pathlib import Path

os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")

import numpy as np

import layerox as lx
from layerox.analysis.beam_setup import Beam, pattern_from
from layerox.analysis.identify import candidates_from
from layerox.diffraction.identification import find_phases
from layerox.diffraction.reflections import has_reflection_between

OXIDES = Path(__file__).with_name("oxides")
DATA = Path(os.environ.get("LAYEROX_DATA", "../shared/data")) / "alab-equal-weight"
# Names of the mixtures, where they differ from those of the structures.
NAMES = {"TiO2": "anatase", "LiCoO2": "O3", "Bi2O3-alpha": "Bi2O3"}


def mixtures() -> dict[Path, frozenset[str]]:
    """Return the measured mixtures whose phases all have a structure, and the names of these."""
    known = {path.stem for path in OXIDES.glob("*.cif")} | {"O3"}
    held: dict[str, set[str]] = defaultdict(set)
    with (DATA / "truth_equalweight.csv").open() as rows:
        for row in csv.DictReader(rows):
            held[row["file"]].add(NAMES.get(row["phase"], row["phase"]))
    files = {DATA / "patterns" / name: frozenset(phases) for name, phases in sorted(held.items())}
    return {path: phases for path, phases in files.items() if path.exists() and phases <= known}


def identified(path: Path, truth: frozenset[str]) -> dict[str, object]:
    """Return what is found in a mixture, and whether that is right."""
    pattern = pattern_from(lx.read_pattern(path), None)
    known, beam = Beam().resolve(pattern)
    candidates = candidates_from([str(OXIDES)])
    candidates = [c for c in candidates if has_reflection_between(c.phase.crystal, *pattern.range, beam.wavelength)]
    began = time.process_time()
    found = find_phases(pattern, candidates, known, beam)
    seconds = time.process_time() - began
    one = {name: names[0] for names in found.alike for name in names}
    groups = [candidates[row.index].group for row in found.members]
    return {
        "mixture": path.name,
        "found": groups,
        "missing": sorted({one.get(g, g) for g in truth} - {one.get(g, g) for g in groups}),
        "wrong": sorted({one.get(g, g) for g in groups} - {one.get(g, g) for g in truth}),
        "right": {one.get(g, g) for g in groups} == {one.get(g, g) for g in truth} and len(groups) == len(truth),
        "alike": found.alike,
        "rows": [
            (
                candidates[row.index].phase.name,
                round(row.gain, 1),
                round(row.match, 3),
                round(row.probability, 3),
                row.share,
            )
            for row in (*found.members, *found.others)
            if row.gain > 1.0
        ],
        "candidates": len(candidates),
        "cpu_s": round(seconds, 2),
    }


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--only", default="", help="part of the names of files")
    given = parser.parse_args()
    results = [identified(path, truth) for path, truth in mixtures().items() if given.only in path.name]
    document = {
        "mixtures": len(results),
        "right": sum(bool(result["right"]) for result in results),
        "candidates": results[0]["candidates"],
        "cpu_s_median": float(np.median([result["cpu_s"] for result in results])),
        "cpu_s_largest": max(result["cpu_s"] for result in results),
        "each": results,
    }
    print(json.dumps(document, indent=1, default=float))


if __name__ == "__main__":
    main()
