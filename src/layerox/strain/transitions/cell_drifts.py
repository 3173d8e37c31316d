"""Drifts of a cell within one phase: solid solution, or two phases that were refined as one.

Two unresolved phases refined as one fit worse and have broader peaks in the middle of the change than at its ends.
Goodness of fit and peak width are tested for such a bump: a regressor beside a straight line, 4 m (1 - m) with m the
completed share of the change, or a bell about its midpoint. Several shapes are tried; the clearest bump is compared
with the clearest one in pure noise (Monte-Carlo test: Barnard, J. R. Stat. Soc. B 25 (1963) 294).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

import numpy as np
from numpy.typing import NDArray

from layerox.refined import Refined
from layerox.strain.transitions.coexistence import LayerSizes
from layerox.strain.transitions.rises_and_falls import Change, changes
from layerox.typing import FloatArray

if TYPE_CHECKING:
    import pandas as pd

# Values on either side of a change that fix the baseline, and the smallest number of values for a test.
AROUND, FEWEST = 8, 8
# Standard deviations of the bells, in frames.
BELLS = (2.0, 4.0, 8.0)
# Simulated rows of noise; the smallest p-value is one over their number plus one.
ROWS = 999
UNKNOWN = Refined(float("nan"), float("nan"), "free")


@dataclass(frozen=True, eq=False)
class Bump:
    """One bump above a straight line.

    Attributes
    ----------
    height
        In the unit of the quantity; its uncertainty follows from the scatter of the values.
    window
        Indices of the values used, shape (w,).
    gives
        Weights of these values in the height (a linear estimate), shape (w,).
    fitted
        Orthonormal basis of the fitted columns, shape (w, 3).
    """

    height: Refined
    window: NDArray[np.intp]
    gives: FloatArray
    fitted: FloatArray

    @property
    def clearness(self) -> float:
        """Height over its standard uncertainty."""
        return float(self.height) / self.height.esd

    def clearness_of(self, rows: FloatArray) -> FloatArray:
        """Return the clearness for rows of other values of shape (r, n), shape (r,)."""
        own = rows[:, self.window]
        left = own - (own @ self.fitted) @ self.fitted.T
        scatter = (left**2).sum(axis=1) / (len(self.window) - 3)
        return np.asarray((own @ self.gives) / np.sqrt(scatter * (self.gives @ self.gives)))


def bumps(place: FloatArray, value: FloatArray, change: Change) -> list[Bump]:
    """Return the bumps of a quantity in the middle of a change, where there are enough values.

    An abrupt change makes a bump that is wider than itself, so bells of several widths are tried too.

    Parameters
    ----------
    place, value
        Shape (n,); values may be nan.
    change
        The change, of another quantity at the same places.
    """
    done = np.clip((change.level(place) - change.before) / (change.after - change.before), 0.0, 1.0)
    middle = float(change.midpoint)
    shapes = [(4.0 * done * (1.0 - done), change.places[0] - AROUND, change.places[-1] + AROUND)]
    shapes += [(np.exp(-0.5 * ((place - middle) / w) ** 2), middle - 4 * w - 2, middle + 4 * w + 2) for w in BELLS]
    known = np.isfinite(value)
    found = [
        _bump(place, value, shape, np.flatnonzero(known & (place >= low) & (place <= high)))
        for shape, low, high in shapes
    ]
    return [bump for bump in found if bump is not None]


def _bump(place: FloatArray, value: FloatArray, shape: FloatArray, window: NDArray[np.intp]) -> Bump | None:
    """Return the bump above a straight line; None where its top or its foot has too few values."""
    x, y, top = place[window], value[window], shape[window]
    if len(x) < FEWEST or (top > 0.5).sum() < 2 or (top < 0.2).sum() < 3:
        return None
    columns = np.column_stack([np.ones_like(x), x - x.mean(), top])
    fitted, _ = np.linalg.qr(columns)
    gives = np.linalg.pinv(columns)[2]
    scatter = float(((y - fitted @ (fitted.T @ y)) ** 2).sum()) / (len(x) - 3)
    # Values without any scatter (fixed ones) have no bump.
    if scatter <= (1e-9 * float(np.abs(y).max())) ** 2:
        return None
    height = Refined(float(gives @ y), float((scatter * (gives @ gives)) ** 0.5), "free")
    return Bump(height, window, gives, fitted)


def clearest(found: Sequence[Bump]) -> Refined:
    """Return the height of the clearest bump; nan where there is none."""
    best = max(found, key=lambda bump: bump.clearness, default=None)
    return UNKNOWN if best is None else best.height


def chance(quantities: Sequence[Sequence[Bump]], rng: np.random.Generator) -> float:
    """Return the p-value of the clearest bump: how often noise shows one as clear; nan without bumps.

    Clearness does not depend on the size of the noise, so unit normal deviates are used.
    """
    tested = [found for found in quantities if found]
    if not tested:
        return float("nan")
    clearest_found = max(bump.clearness for found in tested for bump in found)
    most = np.full(ROWS, -np.inf)
    for found in tested:
        noise = rng.standard_normal((ROWS, 1 + max(int(bump.window[-1]) for bump in found)))
        most = np.max([most, *(bump.clearness_of(noise) for bump in found)], axis=0)
    return float(1 + (most >= clearest_found).sum()) / (ROWS + 1)


Kind = Literal["solid solution", "hidden coexistence", "undecided"]

# Smallest relative change of the layer that counts, and the weight fraction below which a cell is not used.
LEAST, LEAST_WEIGHT = 1e-3, 0.05
# p-value below which the drift counts as two phases refined as one. Of 200 refined series of one phase, 0.5 % were
# below 1 % and 3.5 % below 5 %, of 40 of two all were below 1 % (tests/benchmarks/mechanisms.py).
LEVEL = 0.01
# d-spacing (nm) at which crystallite size is expressed as a relative width and added to microstrain.
SPACING = 0.2


@dataclass(frozen=True, kw_only=True)
class Drift:
    """A range of frames in which the cell of a phase changes.

    Attributes
    ----------
    phase
        Its name.
    onset, midpoint, end
        Frames.
    in_plane, across
        Relative changes of the in-plane length and of the slab repeat.
    misfit_bump, width_bump
        Rise of the squared goodness of fit, and of the relative peak width, in the middle of the drift.
    chance
        p-value: how often a single phase would show a bump as clear; nan with too few frames.
    kind
        "hidden coexistence" for a p-value below 1 %, else "solid solution"; "undecided" with too few frames.
    """

    phase: str
    onset: Refined
    midpoint: Refined
    end: Refined
    in_plane: Refined
    across: Refined
    misfit_bump: Refined
    width_bump: Refined
    chance: float
    kind: Kind


def drifts(table: pd.DataFrame, phase: str, measured: LayerSizes, *, seed: int = 0) -> tuple[Drift, ...]:
    """Return the drifts of a phase, in order.

    Parameters
    ----------
    table
        The accepted frames of a series.
    phase, measured
        A layered phase, and the sizes of its layers.
    seed
        Seed of the draws for the uncertainties.
    """
    enough = table.loc[table[f"{phase}.weight_fraction"] >= LEAST_WEIGHT, "frame"]
    known = np.isin(measured.frames, enough) & (measured.esds > 0).any(axis=1)
    own = LayerSizes(frames=measured.frames[known], sizes=measured.sizes[known], covariance=measured.covariance[known])
    if len(own.frames) < FEWEST:
        return ()
    shown = table[table["frame"].isin(own.frames)]
    direction = _direction(own.sizes, own.esds)
    error = np.sqrt(np.einsum("i,nij,j->n", direction, own.covariance, direction))
    found = changes(own.frames, own.sizes @ direction, np.maximum(error, 1e-3 * LEAST), least=LEAST, seed=seed)
    rng = np.random.default_rng([seed, 2])
    return tuple(_drift(shown, phase, own, change, rng) for change in found)


def _direction(sizes: FloatArray, esds: FloatArray) -> FloatArray:
    """Return the direction of the largest change, in units of the uncertainty, as a unit vector, shape (2,)."""
    scale = np.maximum(np.median(esds, axis=0), 1e-7)
    _, _, rows = np.linalg.svd((sizes - sizes.mean(axis=0)) / scale, full_matrices=False)
    return np.asarray(rows[0] / scale / np.linalg.norm(rows[0] / scale))


def _drift(shown: pd.DataFrame, phase: str, own: LayerSizes, change: Change, rng: np.random.Generator) -> Drift:
    first, last = _at_ends(own.frames, change)
    moved = (own.sizes[last] - own.sizes[first]) / np.array([2.0**0.5, 1.0])
    esd = np.hypot(own.esds[last], own.esds[first]) / np.array([2.0**0.5, 1.0])
    tested = [bumps(own.frames, value, change) for value in (_misfit(shown), _width(shown, phase))]
    misfit, width = (clearest(found) for found in tested)
    by_noise = chance(tested, rng)
    kind: Kind = "undecided" if np.isnan(by_noise) else "hidden coexistence" if by_noise < LEVEL else "solid solution"
    return Drift(
        phase=phase,
        onset=change.onset,
        midpoint=change.midpoint,
        end=change.end,
        in_plane=Refined(float(moved[0]), float(esd[0]), "free"),
        across=Refined(float(moved[1]), float(esd[1]), "free"),
        misfit_bump=misfit,
        width_bump=width,
        chance=by_noise,
        kind=kind,
    )


def _at_ends(frame: FloatArray, change: Change) -> tuple[int, int]:
    """Return the indices of the frames in which a change has begun and ended."""
    last = len(frame) - 1
    first = int(np.clip(np.searchsorted(frame, float(change.places[0]), side="right") - 1, 0, last))
    return first, int(np.clip(np.searchsorted(frame, float(change.places[-1])), 0, last))


def _misfit(shown: pd.DataFrame) -> FloatArray:
    """Return the squared goodness of fit."""
    return np.asarray(shown["gof"].to_numpy(dtype=np.float64) ** 2)


def _width(shown: pd.DataFrame, phase: str) -> FloatArray:
    """Return the relative width of peaks at one spacing, d / size + microstrain / 2."""
    size = shown[f"{phase}.size"].to_numpy(dtype=np.float64)
    return np.asarray(SPACING / size + 0.5 * shown[f"{phase}.microstrain"].to_numpy(dtype=np.float64))
