"""How a phase changed, against the truth; prints JSON. Run: python tests/benchmarks/mechanisms.py [FOLDER]

Series in which one phase drifts (a solid solution), in which two phases of one stacking coexist unseen (refined as
one), and in which two stackings of constant cells coexist, are refined, and what is said of them is counted. Where a
ratio of spreads lies at the very limit of a verdict, the verdict must be as rare as its level says: asked of cells that
are drawn. FOLDER keeps the refined series for another time.
"""

from __future__ import annotations

import json
import os
import sys
import tempfile
from collections import Counter
from collections.abc import Callable
from pathlib import Path

os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")

import numpy as np
from transitions import refined

from layerox.series.scenarios import History
from layerox.strain.transitions.coexistence import SOLID_SOLUTION, TWO_PHASE, LayerSizes, coexistence
from layerox.strain.transitions.of_series import Transitions, transitions

# Series of each kind: of one phase more, because false alarms are rare.
DRIFTING, OTHERS, SHORT, GRID = 200, 40, 30, (12.0, 70.0, 0.03)
LEVELS = (0.05, 0.01)
# Ratios that are drawn, how often, and uncertainties of ln a and ln c that give ratios of a few per cent.
DRAWN, UNCERTAIN = 400, (1.5e-3, 3e-3)
# From O3 to P3: changes of sqrt(2) ln a and of ln c (CONSTRUCTED).
WAY = np.array([-0.035, 0.056])
FOIL = History(name="Al", weight=((0.0, 0.05),), size_nm=200.0, microstrain=0.0005)


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


def found_in(folder: Path, kind: Callable[[int], tuple[tuple[History, ...], list[str]]], seed: int) -> Transitions:
    """Return what is found in a series of a kind, simulated and refined."""
    histories, names = kind(seed)
    place = folder / f"{kind.__name__}-{seed}"
    return transitions(refined(place, histories, names, frames=SHORT, seed=seed, two_theta=GRID))


def alone(folder: Path) -> dict[str, object]:
    """Return how often two phases are seen where there is one, and where there are two."""
    report: dict[str, object] = {}
    for kind, count in ((drifting, DRIFTING), (coexisting, OTHERS)):
        # Of a series, what is said of its clearest drift: one that turns at once may show as two.
        least = [min((d.chance for d in found_in(folder, kind, k).drifts), default=np.nan) for k in range(count)]
        chances = np.array(least)
        report[kind.__name__] = {
            "series": count,
            "without_a_verdict": int(np.isnan(chances).sum()),
            **{f"hidden_at_{level:.0%}": float((chances < level).mean()) for level in LEVELS},
        }
    return report


def together(folder: Path) -> dict[str, object]:
    """Return what is said of two stackings that coexist, and how often uncertainties cover the true ratio, one."""
    found = [step.coexistence for k in range(OTHERS) for step in found_in(folder, turning, k).steps]
    pull = np.array([(float(one.ratio) - 1.0) / one.ratio.esd for one in found])
    return {
        "said": dict(Counter(one.mechanism for one in found)),
        "within_1_esd": float((np.abs(pull) < 1).mean()),
        "within_2_esd": float((np.abs(pull) < 2).mean()),
    }


def said_of(ratio: float, seed: int) -> str:
    """Return the verdict on cells that are drawn such that the true ratio of spreads is the given one.

    Both phases follow the mean and stay the root of the ratio of the whole way apart.
    """
    rng = np.random.default_rng([seed, 9])
    share = np.linspace(0.0, 1.0, 21)
    apart = ratio**0.5
    esd = rng.uniform(*UNCERTAIN)
    frame = np.arange(21.0)

    def layers(done: np.ndarray) -> LayerSizes:
        sizes = done[:, None] * WAY + esd * rng.standard_normal((21, 2))
        return LayerSizes(frames=frame, sizes=sizes, covariance=np.tile(esd**2 * np.eye(2), (21, 1, 1)))

    pair = layers((1.0 - apart) * share), layers((1.0 - apart) * share + apart)
    weights = [np.maximum(1.0 - share, 1e-3), np.maximum(share, 1e-3)]
    return coexistence(pair, frame, weights, [np.full(21, 1e-3)] * 2, seed=seed).mechanism


def at_limits() -> dict[str, dict[str, float]]:
    """Return how often each verdict falls on ratios at the limits, and where it is right."""
    ratios = {"0": 0.0, "limit_solid": SOLID_SOLUTION, "0.5": 0.5, "limit_two_phase": TWO_PHASE, "1": 1.0}
    return {
        name: {said: n / DRAWN for said, n in sorted(Counter(said_of(ratio, k) for k in range(DRAWN)).items())}
        for name, ratio in ratios.items()
    }


def main(folder: Path) -> None:
    """Measure and print."""
    report = {"one_phase_or_two": alone(folder), "two_stackings": together(folder), "drawn_ratios": at_limits()}
    print(json.dumps({"load_average": os.getloadavg()[0], **report}, indent=1))


if __name__ == "__main__":
    if len(sys.argv) > 1:
        main(Path(sys.argv[1]))
    else:
        with tempfile.TemporaryDirectory() as name:
            main(Path(name))
