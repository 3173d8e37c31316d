"""Coexistence: whether one phase turned into another side by side with it (two-phase) or by itself (solid solution).

The cells of a specimen spread while two phases coexist, and do not while one phase drifts. The spread of a frame is the
variance of the layer's size about its mean, f (1 - f) (x_2 - x_1)^2 for two phases in the proportion f; what end members
that never change would show at the same mean is m (1 - m) (X_1 - X_0)^2 with the share m of the way that the mean has
gone. Their ratio over a transition is one for two phases of constant cells (Gibbs: nothing is left to vary at constant
temperature and pressure) and zero for a solid solution. x holds the logarithms of the in-plane length, counted twice,
and of the repeat of a slab, so that P2 and OP4 can be compared.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

import numpy as np
from numpy.typing import NDArray

from layerox.refined import Refined
from layerox.stacking import natural_count
from layerox.strain.naming import Stacking

if TYPE_CHECKING:
    import pandas as pd

FloatArray = NDArray[np.float64]
Mechanism = Literal["two-phase", "solid solution", "both", "undecided"]

# Ratios from which on a transition is two-phase, and up to which it is a solid solution; see
# tests/benchmarks/transitions.py for how often either is said wrongly.
TWO_PHASE, SOLID_SOLUTION = 0.75, 0.25
# Frames that must show a transition, and the length of way in standard uncertainties that the cells must have gone.
FEWEST, FAR = 3, 5.0
DRAWS = 200


@dataclass(frozen=True, kw_only=True)
class Coexistence:
    """What the spread of cells says of a transition.

    Attributes
    ----------
    ratio
        Observed spread over that of two phases of constant cells; nan where too few frames tell.
    frames
        How many tell.
    mechanism
        "two-phase", "solid solution", "both" for what lies clearly between, else "undecided".
    """

    ratio: Refined
    frames: int
    mechanism: Mechanism


UNDECIDED = Coexistence(ratio=Refined(float("nan"), float("nan"), "free"), frames=0, mechanism="undecided")


def layer_sizes(table: pd.DataFrame, phase: str, stacking: Stacking) -> tuple[FloatArray, FloatArray]:
    """Return sqrt(2) ln of the in-plane length and ln of the slab repeat, and their uncertainties, (n, 2) each.

    The in-plane length is the root of the area a metal has in its layer (angstrom); nan where the phase is absent.
    """
    columns = {q: table[f"{phase}.{q}"].to_numpy(dtype=np.float64) for q in ("a", "b", "c", "beta")}
    esds = {q: _esd(table, phase, q) for q in columns}
    a, b, c, beta = columns.values()
    right_angled = np.abs(beta - 90.0) < 1e-6
    hexagonal = right_angled & (np.abs(a - b) < 1e-6 * a)
    # An orthorhombic P'2 and the monoclinic cells have two metals a layer; one layer stands in a monoclinic cell.
    area = np.where(hexagonal, 0.75**0.5 * a * b, 0.5 * a * b)
    slabs = np.where(right_angled, natural_count(stacking.base or "P2"), 1)
    repeat = c * np.sin(np.radians(beta)) / slabs
    in_plane = np.where(hexagonal, esds["a"] / a, 0.5 * np.hypot(esds["a"] / a, esds["b"] / b))
    across = np.hypot(esds["c"] / c, np.radians(esds["beta"]) / np.tan(np.radians(np.where(right_angled, 90.0, beta))))
    sizes = np.column_stack([0.5**0.5 * np.log(area), np.log(repeat)])
    return sizes, np.column_stack([2.0**0.5 * in_plane, across])


def _esd(table: pd.DataFrame, phase: str, quantity: str) -> FloatArray:
    """Return the uncertainties of a quantity; 0 where there is none (what was held)."""
    return np.nan_to_num(table[f"{phase}.{quantity}_esd"].to_numpy(dtype=np.float64))


def coexistence(
    table: pd.DataFrame,
    pair: tuple[str, str],
    stackings: Mapping[str, Stacking],
    window: tuple[float, float],
    *,
    seed: int = 0,
) -> Coexistence:
    """Return what the cells of two phases say of the transition from one to the other.

    Parameters
    ----------
    table
        The frames of a series that can be believed.
    pair
        The phase that falls and the one that rises.
    stackings
        Of both; one that is not layered leaves it undecided.
    window
        Frames of onset and end.
    seed
        Of the draws for the uncertainty.
    """
    if not all(name in stackings and stackings[name].is_layered for name in pair):
        return UNDECIDED
    frame = table["frame"].to_numpy(dtype=np.float64)
    within = table[(frame >= window[0] - 0.5) & (frame <= window[1] + 0.5)]
    sizes, esds = zip(*(layer_sizes(within, name, stackings[name]) for name in pair), strict=True)
    weights = [within[f"{name}.weight_fraction"].to_numpy(dtype=np.float64) for name in pair]
    errors = [_esd(within, name, "weight_fraction") for name in pair]
    there = [np.isfinite(size).all(axis=1) & (weight > 0) for size, weight in zip(sizes, weights, strict=True)]
    if not (there[0].any() and there[1].any()) or len(within) < FEWEST:
        return UNDECIDED
    rng = np.random.default_rng(seed)

    def drawn(noisy: float) -> float:
        """Return the ratio with noise (1) or without (0)."""
        x = [size + noisy * esd * rng.standard_normal(size.shape) for size, esd in zip(sizes, esds, strict=True)]
        w = [
            np.where(seen, np.maximum(weight + noisy * error * rng.standard_normal(len(weight)), 0.0), 0.0)
            for weight, error, seen in zip(weights, errors, there, strict=True)
        ]
        return _ratio(x[0], x[1], w[0], w[1])

    value = drawn(0.0)
    spread = float(np.std([drawn(1.0) for _ in range(DRAWS)]))
    return judged(Refined(value, spread, "free"), len(within))


def _ratio(first: FloatArray, second: FloatArray, w_first: FloatArray, w_second: FloatArray) -> float:
    """Return the observed spread over that of constant end members, both summed over the frames.

    The end members are the falling phase where it is seen first, and the rising one where it is seen last.
    """
    begin, stop = first[w_first > 0][0], second[w_second > 0][-1]
    share = w_second / np.maximum(w_first + w_second, 1e-300)
    x_1, x_2 = np.where(w_first[:, None] > 0, first, second), np.where(w_second[:, None] > 0, second, first)
    spread = share * (1.0 - share) * ((x_2 - x_1) ** 2).sum(axis=1)
    return float(spread.sum()) / _widest(x_1 + share[:, None] * (x_2 - x_1), begin, stop)


def _widest(mean: FloatArray, begin: FloatArray, stop: FloatArray) -> float:
    """Return the summed spread of two constant end members with the given means; nan if there is none to be seen."""
    way = stop - begin
    length = float(way @ way)
    done = np.clip((mean - begin) @ way / max(length, 1e-300), 0.0, 1.0)
    return float((done * (1.0 - done)).sum()) * length or float("nan")


def judged(ratio: Refined, frames: int) -> Coexistence:
    """Return the verdict on a ratio of spreads."""
    value, esd = float(ratio), ratio.esd
    if not np.isfinite(value) or not esd < 0.2:
        return Coexistence(ratio=ratio, frames=frames, mechanism="undecided")
    mechanism: Mechanism = (
        "two-phase" if value >= TWO_PHASE else "solid solution" if value <= SOLID_SOLUTION else "both"
    )
    return Coexistence(ratio=ratio, frames=frames, mechanism=mechanism)
