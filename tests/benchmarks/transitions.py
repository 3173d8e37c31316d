"""Transitions against the truth; prints JSON. Run: python tests/benchmarks/transitions.py [FOLDER]

Twelve operando series (three scenarios, four seeds each, 60 frames, 5 % of them gone bad) and four cycles are refined,
and onset, midpoint and end of every change are compared with those of the weights that the frames were made of, as far
as frames show them; the truth is measured here, by code of its own. Uncertainties are asked of more rows than can be
refined: the true weights with noise of the refined uncertainties. FOLDER keeps the refined series for another time.
"""

from __future__ import annotations

import json
import os
import sys
import tempfile
from collections.abc import Iterator, Sequence
from pathlib import Path

os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")

import numpy as np
import pandas as pd

from layerox.series.result import Series, open_series
from layerox.series.run import fit_series
from layerox.series.scenarios import SCENARIOS, History
from layerox.series.simulated_series import simulate_series
from layerox.strain.transitions.of_series import transitions

TWELVE, CYCLE = ("p2-op4-o2", "o3-p3", "p2-o3"), "p2-cycle"
FRAMES, SEEDS, BAD, DRAWN = 60, 4, 0.05, 24
LEAST = 0.02
# Changes about as large as the least that counts are neither missed nor too many: noise decides.
MARGIN = 1.25
FINE = 20001
GOOD = ("accepted", "reseeded")
# A phase is there from so many of its uncertainties on.
SUPPORT = 3.0


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
        size = float(abs(weight[last] - weight[first]))
        found.append({"onset": max(onset, begins), "midpoint": at[2], "end": min(end, ends), "size": size})
    return found


def true_runs(weight: np.ndarray) -> list[tuple[int, int]]:
    """Return the indices between which a curve rises or falls, each time by `LEAST` or more."""
    way = np.sign(np.diff(weight))
    moving = np.flatnonzero(way)
    parts = np.split(moving, np.flatnonzero(np.diff(way[moving])) + 1) if len(moving) else []
    runs = [(int(part[0]), int(part[-1]) + 1) for part in parts]
    return [(first, last) for first, last in runs if abs(weight[last] - weight[first]) >= LEAST]


def errors(series: Series, histories: Sequence[History]) -> Iterator[dict[str, float]]:
    """Yield measured minus true of every change in frames, with the stated uncertainty; else what is missed."""
    progress = np.linspace(0.0, 1.0, FINE)
    good = series.frames.loc[series.frames["verdict"].isin(GOOD), "frame"]
    shown = (progress * (FRAMES - 1) >= good.min()) & (progress * (FRAMES - 1) <= good.max())
    found = transitions(series).changes
    for history, weight in zip(histories, true_weights(histories, progress), strict=True):
        own = [change.change for change in found if change.phase == history.name]
        true = true_changes(weight[shown], progress[shown] * (FRAMES - 1))
        if len(own) == len(true):
            for change, place in zip(own, true, strict=True):
                numbers = [(getattr(change, name), place[name]) for name in ("onset", "midpoint", "end")]
                yield from ({"off": float(number) - value, "esd": number.esd} for number, value in numbers)
        else:
            sure = [change for change in true if change["size"] > MARGIN * LEAST]
            yield {"missed": max(len(sure) - len(own), 0)}
            yield {"too_many": max(len([c for c in own if c.size > MARGIN * LEAST]) - len(true), 0)}


def redrawn(series: Series, histories: Sequence[History], seed: int) -> Series:
    """Return a series whose weight fractions are the true ones with noise of the refined uncertainties."""
    rng = np.random.default_rng([seed, 77])
    table = series.frames.copy()
    weights = true_weights(histories, table["frame"].to_numpy() / (FRAMES - 1))
    for history, weight in zip(histories, weights, strict=True):
        esd = table[f"{history.name}.weight_fraction_esd"]
        esd = esd.fillna(esd.median()).to_numpy()
        drawn = weight + esd * rng.standard_normal(len(esd))
        there = (weight > 0) & (drawn > SUPPORT * esd)
        table[f"{history.name}.weight_fraction"] = np.where(there, drawn, 0.0)
        volume = table[f"{history.name}.volume"]
        table[f"{history.name}.volume"] = np.where(there, volume.fillna(volume.median()), np.nan)
    return series.with_frames(table)


def summed(rows: Sequence[dict[str, float]]) -> dict[str, float]:
    """Return how far changes are off, and how often that is within their uncertainties.

    What begins or ends with the series has no uncertainty there, and is off by what the series does not show.
    """
    table = pd.DataFrame(rows, columns=["off", "esd", "missed", "too_many"])
    off = table["off"].dropna().abs()
    pull = (table["off"] / table["esd"]).abs().dropna()
    return {
        "places": len(off),
        "largest_error_frames": float(off.max()),
        "rms_error_frames": float((off**2).mean() ** 0.5),
        "within_1_esd": float((pull < 1).mean()),
        "within_2_esd": float((pull < 2).mean()),
        "missed": int(table["missed"].sum()),
        "too_many": int(table["too_many"].sum()),
    }


def of_scenario(folder: Path, scenario: str) -> dict[str, object]:
    """Return how far the changes of the series of one scenario are off, refined and drawn."""
    histories = SCENARIOS[scenario]
    names = [history.name for history in histories]
    series = [
        refined(folder / f"{scenario}-{seed}", scenario, names, frames=FRAMES, seed=seed, bad=BAD)
        for seed in range(SEEDS)
    ]
    drawn = [row for k in range(DRAWN) for row in errors(redrawn(series[k % SEEDS], histories, k), histories)]
    return {"refined": summed([row for one in series for row in errors(one, histories)]), "drawn": summed(drawn)}


def main(folder: Path) -> None:
    """Measure and print."""
    report = {scenario: of_scenario(folder, scenario) for scenario in (*TWELVE, CYCLE)}
    print(json.dumps({"load_average": os.getloadavg()[0], **report}, indent=1))


if __name__ == "__main__":
    if len(sys.argv) > 1:
        main(Path(sys.argv[1]))
    else:
        with tempfile.TemporaryDirectory() as name:
            main(Path(name))
