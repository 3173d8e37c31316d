"""Transitions against the truth; prints JSON. Run: python tests/benchmarks/transitions.py [FOLDER]

Twelve operando series (three scenarios, four seeds each, 60 frames, 5 % of them gone bad) are refined, and onset,
midpoint and end of every change are compared with those of the weights that the frames were made of; the truth is
measured here, by code of its own. Then the verdicts on how a phase changed are counted: series in which one phase
drifts (a solid solution), in which two phases of one stacking coexist unseen (refined as one), and in which two
stackings of constant cells coexist. FOLDER keeps the refined series for another time.
"""

from __future__ import annotations

import json
import os
import sys
import tempfile
from collections import Counter
from collections.abc import Sequence
from pathlib import Path

os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")

import numpy as np

from layerox.series.result import Series, open_series
from layerox.series.run import fit_series
from layerox.series.synthetic import SCENARIOS, History, simulate_series
from layerox.strain.transitions import transitions

TWELVE = ("p2-op4-o2", "o3-p3", "p2-o3")
FRAMES, SEEDS, BAD = 60, 4, 0.05
CALIBRATED, SHORT, GRID = 40, 30, (12.0, 70.0, 0.03)
LEAST = 0.02
FINE = 20001
FOIL = History(name="Al", weight=((0.0, 0.05),), size_nm=200.0, microstrain=0.0005)


def refined(place: Path, scenario: str | Sequence[History], phases: Sequence[str], **how: object) -> Series:
    """Return a series, simulated and refined unless that has been done already."""
    output = place.with_name(place.name + "-out")
    if (output / "series.nc").exists():
        return open_series(output)
    simulate_series(place, scenario, **how)
    return fit_series(place, [place / f"{name}.cif" for name in phases], radiation="CuKa", output=output)


def true_weights(histories: Sequence[History], progress: np.ndarray) -> np.ndarray:
    """Return the weight fractions of a scenario, shape (phases, progress)."""
    weights = np.array([np.interp(progress, *zip(*history.weight, strict=True)) for history in histories])
    return weights / weights.sum(axis=0)


def true_changes(weight: np.ndarray, place: np.ndarray) -> list[dict[str, float]]:
    """Return onset, midpoint and end of the rises and falls of a curve without noise."""
    found = []
    for first, last in true_runs(weight):
        done = (weight[first : last + 1] - weight[first]) / (weight[last] - weight[first])
        at = [float(place[first + int(np.argmax(done >= share))]) for share in (0.1, 0.3, 0.5, 0.7, 0.9)]
        begins, ends = (float(place[first + k]) for k in (np.flatnonzero(done <= 0)[-1], np.argmax(done >= 1 - 1e-9)))
        onset, end = at[0] - (at[1] - at[0]) / 2, at[4] + (at[4] - at[3]) / 2
        found.append({"onset": max(onset, begins), "midpoint": at[2], "end": min(end, ends)})
    return found


def true_runs(weight: np.ndarray) -> list[tuple[int, int]]:
    """Return the indices between which a curve rises or falls, each time by `LEAST` or more."""
    way = np.sign(np.diff(weight))
    moving = np.flatnonzero(way)
    parts = np.split(moving, np.flatnonzero(np.diff(way[moving])) + 1) if len(moving) else []
    runs = [(int(part[0]), int(part[-1]) + 1) for part in parts]
    return [(first, last) for first, last in runs if abs(weight[last] - weight[first]) >= LEAST]


def errors(series: Series, histories: Sequence[History]) -> list[dict[str, float]]:
    """Return measured minus true of every change in frames, and the same over the stated uncertainty."""
    progress = np.linspace(0.0, 1.0, FINE)
    weights = true_weights(histories, progress)
    found = transitions(series).changes
    rows: list[dict[str, float]] = []
    for history, weight in zip(histories, weights, strict=True):
        own = [change.change for change in found if change.phase == history.name]
        true = true_changes(weight, progress * (FRAMES - 1))
        rows += [{"changes_missed": max(len(true) - len(own), 0), "changes_too_many": max(len(own) - len(true), 0)}]
        for change, place in zip(own, true, strict=False) if len(own) == len(true) else ():
            for name, value in place.items():
                number = getattr(change, name)
                rows.append({"off": float(number) - value, "pull": (float(number) - value) / number.esd})
    return rows


def twelve(folder: Path) -> dict[str, object]:
    """Return how far the changes of the twelve series are off."""
    report: dict[str, object] = {}
    for scenario in TWELVE:
        histories = SCENARIOS[scenario]
        rows: list[dict[str, float]] = []
        for seed in range(SEEDS):
            names = [history.name for history in histories]
            series = refined(folder / f"{scenario}-{seed}", scenario, names, frames=FRAMES, seed=seed, bad=BAD)
            rows += errors(series, histories)
        off = np.array([row["off"] for row in rows if "off" in row])
        pulls = np.array([row["pull"] for row in rows if "off" in row])
        pulls = pulls[np.isfinite(pulls)]
        report[scenario] = {
            "places": len(off),
            "largest_error_frames": float(np.abs(off).max()),
            "rms_error_frames": float(np.sqrt((off**2).mean())),
            "within_1_esd": float((np.abs(pulls) < 1).mean()),
            "within_2_esd": float((np.abs(pulls) < 2).mean()),
            "missed": sum(row.get("changes_missed", 0) for row in rows),
            "too_many": sum(row.get("changes_too_many", 0) for row in rows),
        }
    return report


def drifting(seed: int) -> tuple[tuple[History, ...], list[str]]:
    """Return a P2 whose cell drifts by something between 0.3 and 2 % in c."""
    rng = np.random.default_rng([seed, 7])
    a, c = 1.0 - rng.uniform(0.001, 0.008), 1.0 + rng.uniform(0.003, 0.02)
    low, high = rng.uniform(0.1, 0.3), rng.uniform(0.65, 0.9)
    p2 = History(name="P2", weight=((0.0, 0.95),), a=((low, 1.0), (high, a)), c=((low, 1.0), (high, c)))
    return (p2, FOIL), ["P2", "Al"]


def coexisting(seed: int) -> tuple[tuple[History, ...], list[str]]:
    """Return two P2 with cells as far apart as those between which `drifting` goes, one of which alone is refined."""
    (p2, _), _ = drifting(seed)
    low, high = p2.a[0][0], p2.a[1][0]
    first = History(name="P2", weight=((low, 0.95), (high, 0.0)))
    second = History(
        name="P2b", structure="P2", weight=((low, 0.0), (high, 0.95)), a=((0.0, p2.a[1][1]),), c=((0.0, p2.c[1][1]),)
    )
    return (first, second, FOIL), ["P2", "Al"]


def turning(seed: int) -> tuple[tuple[History, ...], list[str]]:
    """Return an O3 that turns into a P3, both with constant cells."""
    rng = np.random.default_rng([seed, 8])
    low, high = rng.uniform(0.1, 0.3), rng.uniform(0.65, 0.9)
    o3 = History(name="O3", weight=((low, 0.95), (high, 0.0)))
    p3 = History(name="P3", weight=((low, 0.0), (high, 0.95)), size_nm=rng.uniform(25.0, 80.0))
    return (o3, p3, FOIL), ["O3", "P3", "Al"]


def verdicts(folder: Path) -> dict[str, object]:
    """Return what is said of series of known mechanism."""
    said: dict[str, Counter[str]] = {}
    bumps, ratios = [], []
    for kind in (drifting, coexisting, turning):
        counts = said.setdefault(kind.__name__, Counter())
        for seed in range(CALIBRATED):
            histories, names = kind(seed)
            place = folder / f"{kind.__name__}-{seed}"
            series = refined(place, histories, names, frames=SHORT, seed=seed, two_theta=GRID)
            found = transitions(series)
            counts.update(drift.kind for drift in found.drifts)
            counts.update(step.coexistence.mechanism for step in found.steps)
            ratios += [float(step.coexistence.ratio) for step in found.steps]
            if kind is drifting:
                bumps += [float(b) / b.esd for d in found.drifts for b in (d.misfit_bump, d.width_bump)]
    return {
        **{name: dict(counts) for name, counts in said.items()},
        "largest_bump_of_a_solid_solution_esds": max(bumps),
        "ratio_of_two_phase_series": [min(ratios), max(ratios)],
    }


def main(folder: Path) -> None:
    """Measure and print."""
    report = {"load_average": os.getloadavg()[0], "twelve": twelve(folder), "verdicts": verdicts(folder)}
    print(json.dumps(report, indent=1))


if __name__ == "__main__":
    if len(sys.argv) > 1:
        main(Path(sys.argv[1]))
    else:
        with tempfile.TemporaryDirectory() as name:
            main(Path(name))
