"""Bumps: whether a quantity stands out in the middle of a change, and how often noise alone would look so.

A bump is a regressor beside a straight line: 4 m (1 - m), with m the share of the change that is done, or a bell about
its midpoint. Several are asked for, so that the clearest is judged by what the clearest of as many in pure noise shows
(a Monte-Carlo test: Barnard, J. R. Stat. Soc. B 25 (1963) 294). Nothing here knows what the quantity is.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from layerox.refined import Refined
from layerox.strain.changes import Change
from layerox.typing import FloatArray

# Values on either side of a change that tell what is usual there, and the fewest that a bump is asked of.
AROUND, FEWEST = 8, 8
# Standard deviations (in places) of the bells that are tried.
BELLS = (2.0, 4.0, 8.0)
# Rows of noise: the least chance that can be told is one over their number.
ROWS = 999
UNKNOWN = Refined(float("nan"), float("nan"), "free")


@dataclass(frozen=True, eq=False)
class Bump:
    """One bump above a straight line.

    Attributes
    ----------
    height
        In the unit of the quantity; its uncertainty is what the values scatter.
    window
        Indices of the values that it was asked of, shape (w,).
    gives
        What the height is of these values, shape (w,): their product.
    fitted
        Orthonormal columns of what is fitted, shape (w, 3).
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
        """Return the same of rows of other values, shapes (r, n) and (r,)."""
        own = rows[:, self.window]
        left = own - (own @ self.fitted) @ self.fitted.T
        scatter = (left**2).sum(axis=1) / (len(self.window) - 3)
        return np.asarray((own @ self.gives) / np.sqrt(scatter * (self.gives @ self.gives)))


def bumps(place: FloatArray, value: FloatArray, change: Change) -> list[Bump]:
    """Return the bumps of a quantity in the middle of a change, as far as values tell.

    What happens at once makes a bump that is wider than the change: bells of some widths are tried too.

    Parameters
    ----------
    place, value
        Shape (n,); values may be nan.
    change
        Of something else at these places.
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
    """Return how high a bump stands on a straight line; None where its top or its foot shows too little."""
    x, y, top = place[window], value[window], shape[window]
    if len(x) < FEWEST or (top > 0.5).sum() < 2 or (top < 0.2).sum() < 3:
        return None
    columns = np.column_stack([np.ones_like(x), x - x.mean(), top])
    fitted, _ = np.linalg.qr(columns)
    gives = np.linalg.pinv(columns)[2]
    scatter = float(((y - fitted @ (fitted.T @ y)) ** 2).sum()) / (len(x) - 3)
    # A row without any scatter (values that were held) has no bump either.
    if scatter <= (1e-9 * float(np.abs(y).max())) ** 2:
        return None
    height = Refined(float(gives @ y), float((scatter * (gives @ gives)) ** 0.5), "free")
    return Bump(height, window, gives, fitted)


def clearest(found: Sequence[Bump]) -> Refined:
    """Return the height of the bump that stands out most; nan where there is none."""
    best = max(found, key=lambda bump: bump.clearness, default=None)
    return UNKNOWN if best is None else best.height


def chance(quantities: Sequence[Sequence[Bump]], rng: np.random.Generator) -> float:
    """Return how often noise shows a bump as clear as the clearest of some quantities (a p-value); nan without bumps.

    Clearness does not depend on how large the noise is, so that normal deviates of any size tell.
    """
    asked = [found for found in quantities if found]
    if not asked:
        return float("nan")
    seen = max(bump.clearness for found in asked for bump in found)
    most = np.full(ROWS, -np.inf)
    for found in asked:
        noise = rng.standard_normal((ROWS, 1 + max(int(bump.window[-1]) for bump in found)))
        most = np.max([most, *(bump.clearness_of(noise) for bump in found)], axis=0)
    return float(1 + (most >= seen).sum()) / (ROWS + 1)
