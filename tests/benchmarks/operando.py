"""Synthetic operando series with bad frames against their truth; prints JSON.

Run: python tests/benchmarks/operando.py [SCENARIO ...] [--seeds 4] [--frames 60] [--bad 0.05] [--orders 1]
     [--keep FOLDER]

Without a name: the charge of a P2, the charge of an O3 and the heating of a P2/O3 cathode, twelve series with four
seeds. Of each frame that nothing has happened to: is it believed, are its phases the true ones, how far are its weight
fractions off (hundredths). Of those that something has happened to: which are believed all the same. `--keep` leaves
frames and tables in a folder. With `--orders N` each series is refined with N orders of its phases: the largest
difference of a fraction (hundredths), the frames whose phases differ, and phases shown below the detection limit.
"""

from __future__ import annotations

import argparse
import json
import math
import os
import tempfile
import time
from collections.abc import Sequence
from dataclasses import dataclass, field
from itertools import islice, permutations
from pathlib import Path

os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")

import numpy as np

from layerox.series.result import Series
from layerox.series.run import fit_series
from layerox.series.scenarios import SCENARIOS
from layerox.series.simulated_series import TrueFrame, simulate_series

TWELVE = ("p2-op4-o2", "o3-p3", "p2-o3")
# Support below which a phase is not detected (Currie, Anal. Chem. 40 (1968) 586, doi:10.1021/ac60259a007), less 3 %.
DETECTED = 3.2
# Where the task looks.
ASKED = {"phases_right": 0.98, "false_quarantine": 0.02, "rms_wt_percent": 1.0}


@dataclass
class Count:
    """What was counted."""

    good: int = 0
    not_believed: int = 0
    phases_wrong: list[str] = field(default_factory=list)
    bad: int = 0
    bad_believed: list[str] = field(default_factory=list)
    errors: list[float] = field(default_factory=list)
    order_differs: list[str] = field(default_factory=list)
    order_differences: list[float] = field(default_factory=list)
    below_limit: list[str] = field(default_factory=list)
    cpu_s: float = 0.0

    def __add__(self, other: Count) -> Count:
        """Count together."""
        return Count(**{name: value + getattr(other, name) for name, value in vars(self).items()})

    @property
    def told(self) -> dict[str, object]:
        """The shares."""
        errors = 100.0 * np.array(self.errors)
        return {
            "good_frames": self.good,
            "phases_right": round(1.0 - len(self.phases_wrong) / max(self.good - self.not_believed, 1), 4),
            "phases_wrong": self.phases_wrong,
            "false_quarantine": round(self.not_believed / max(self.good, 1), 4),
            "rms_wt_percent": round(float(np.sqrt((errors**2).mean())), 3),
            "largest_wt_percent": round(float(np.abs(errors).max()), 2),
            "bad_frames": self.bad,
            "bad_believed": self.bad_believed,
            "sets_differ_between_orders": self.order_differs,
            "largest_difference_between_orders_wt_percent": round(100.0 * max(self.order_differences, default=0.0), 4),
            "shown_below_detection_limit": self.below_limit,
            "cpu_s": round(self.cpu_s, 1),
        }


def counted(label: str, series: Series, truth: Sequence[TrueFrame], names: Sequence[str]) -> Count:
    """Return how a series compares with its truth."""
    count = Count()
    for k, true in enumerate(truth):
        row = series.frames.iloc[k]
        believed = row["verdict"] in ("accepted", "reseeded")
        if true.bad:
            count.bad += 1
            count.bad_believed += [f"{label}:{k} {true.bad}"] if believed else []
            continue
        count.good += 1
        if not believed:
            count.not_believed += 1
            continue
        count.below_limit += [
            f"{label}:{k} {name}" for name in names
            if not np.isnan(row[f"{name}.volume"]) and row[f"{name}.support"] < DETECTED
        ]  # fmt: skip
        weights = {name: true.phases.get(name, {}).get("weight_fraction", 0.0) for name in names}
        count.errors += [float(row[f"{name}.weight_fraction"]) - weights[name] for name in names]
        wrong = {name for name in names if np.isnan(row[f"{name}.volume"]) == (name in true.phases)}
        if wrong:
            told = ", ".join(f"{name} is {100 * weights[name]:.2f} %" for name in sorted(wrong))
            count.phases_wrong.append(f"{label}:{k} {told}")
    return count


def one(place: Path, scenario: str, seed: int, told: argparse.Namespace) -> Count:
    """Make, refine and judge a series."""
    folder = place / f"{scenario}-{seed}"
    truth = simulate_series(folder, scenario, frames=told.frames, seed=seed, bad=told.bad)
    names = [history.name for history in SCENARIOS[scenario]]
    began = time.process_time()
    orders = list(islice(permutations(names), 0, None, max(math.factorial(len(names)) // told.orders, 1)))[
        : told.orders
    ]
    refined = [
        fit_series(
            folder, [folder / f"{name}.cif" for name in order], radiation="CuKa", workers=told.workers,
            output=place / f"{scenario}-{seed}-out{k or ''}",
        )
        for k, order in enumerate(orders)
    ]  # fmt: skip
    count = counted(folder.name, refined[0], truth, names)
    for other in refined[1:]:
        compare_orders(folder.name, count, refined[0], other, names)
    count.cpu_s = time.process_time() - began
    return count


def compare_orders(label: str, count: Count, one: Series, other: Series, names: Sequence[str]) -> None:
    """Add what differs between two orders of the phases."""
    good = one.frames["verdict"].isin(["accepted", "reseeded"]).to_numpy()
    for name in names:
        shown, again = (series.frames[f"{name}.volume"].notna().to_numpy() for series in (one, other))
        count.order_differs += [f"{label}:{k} {name}" for k in np.flatnonzero((shown != again) & good)]
        column = f"{name}.weight_fraction"
        difference = (one.frames[column] - other.frames[column]).abs()[good].max()
        count.order_differences.append(float(difference))


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("scenario", nargs="*", default=list(TWELVE))
    parser.add_argument("--seeds", type=int, default=4)
    parser.add_argument("--frames", type=int, default=60)
    parser.add_argument("--bad", type=float, default=0.05)
    parser.add_argument("--workers", type=int, default=1)
    parser.add_argument("--orders", type=int, default=1)
    parser.add_argument("--keep", type=Path)
    told = parser.parse_args()
    report: dict[str, object] = {"load_average": os.getloadavg()[0], "asked": ASKED}
    whole = Count()
    with tempfile.TemporaryDirectory() as temporary:
        place = told.keep or Path(temporary)
        for scenario in told.scenario:
            own = sum((one(place, scenario, seed, told) for seed in range(told.seeds)), Count())
            report[scenario] = own.told
            whole += own
    print(json.dumps({**report, "together": whole.told}, indent=1))


if __name__ == "__main__":
    main()
