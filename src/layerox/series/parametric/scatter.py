"""Scatter: how far frames deviate from the functions, quantity by quantity, all other functions held.

At the end of a refinement each frame still pulls at its quantities; squared and over its variance, such a force is what
chi-squared would fall by if that quantity alone were let go there (the score test of Rao, Proc. Cambridge Philos. Soc.
44 (1948) 50, doi:10.1017/S0305004100023987). Where frames pull more than chance does, the quantity that explains most
of it gets a scatter of its own, and the others are looked at again: a position that jitters moves every cell.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import brentq
from scipy.stats import chi2

from layerox.series.parametric.choice import LEVEL
from layerox.typing import FloatArray


@dataclass(frozen=True, kw_only=True, eq=False)
class Pull:
    """What is left in one frame for its quantities.

    Attributes
    ----------
    active
        Which quantities it has.
    normal, force
        Of these, other variables of the frame eliminated, shapes (m, m) and (m,).
    inflation
        Factor on its variances.
    """

    active: tuple[int, ...]
    normal: FloatArray
    force: FloatArray
    inflation: float


@dataclass(frozen=True, kw_only=True, eq=False)
class Deviation:
    """How the frames deviate from one function.

    Attributes
    ----------
    ratio
        Root mean square over the degrees of freedom, without a scatter of its own; nan without any to spare.
    p
        Probability of that much by chance.
    own
        Scatter of its own, in the unit of the quantity; 0 where chance explains the deviations.
    frames, pulls
        Numbers of the frames that have the quantity and their deviations over all uncertainties, shape (n,).
    """

    ratio: float
    p: float
    own: float
    frames: NDArray[np.intp]
    pulls: FloatArray


def deviations(pulls: Sequence[Pull], coefficients: Sequence[int], known: Sequence[float]) -> list[Deviation]:
    """Return how frames deviate from each function.

    Parameters
    ----------
    pulls
        Of the frames.
    coefficients
        How many each function has.
    known
        Scatter of each quantity that the values of single frames have told already.
    """
    rows = [_Rows(pulls, k) for k in range(len(coefficients))]
    freedoms = [len(row.frames) - count for row, count in zip(rows, coefficients, strict=True)]
    own = np.array(known, dtype=np.float64)
    for _ in rows:
        excess = [row.excess(own, freedom) for row, freedom in zip(rows, freedoms, strict=True)]
        worst = int(np.argmax(excess))
        if not excess[worst] > 0:
            break
        own[worst] = rows[worst].own_scatter(own, worst, freedoms[worst])
    return [row.deviation(own, k, freedom) for k, (row, freedom) in enumerate(zip(rows, freedoms, strict=True))]


class _Rows:
    """The forces of all frames on one quantity, and what their variances are made of."""

    def __init__(self, pulls: Sequence[Pull], k: int):
        has = [(n, pull, pull.active.index(k)) for n, pull in enumerate(pulls) if k in pull.active]
        has = [(n, pull, at) for n, pull, at in has if pull.normal[at, at] > 0]
        self.frames = np.array([n for n, _, _ in has], dtype=np.intp)
        self.force = np.array([pull.force[at] for _, pull, at in has])
        self.chance = np.array([pull.inflation * pull.normal[at, at] for _, pull, at in has])
        # Squares of the couplings by which a scatter of each quantity pulls at this one.
        self.coupling = np.zeros((len(has), 1 + max((max(pull.active) for pull in pulls if pull.active), default=0)))
        for row, (_, pull, at) in zip(self.coupling, has, strict=True):
            row[list(pull.active)] = pull.normal[at] ** 2

    def _squares(self, own: FloatArray) -> float:
        return float((self.force**2 / self._variance(own)).sum())

    def _variance(self, own: FloatArray) -> FloatArray:
        return self.chance + self.coupling @ own[: self.coupling.shape[1]] ** 2

    def excess(self, own: FloatArray, freedom: int) -> float:
        """Return by how many standard deviations the squares exceed their expectation, 0 where that is chance."""
        if freedom < 1 or chi2.sf(self._squares(own), freedom) >= LEVEL:
            return 0.0
        return (self._squares(own) - freedom) / float(np.sqrt(2.0 * freedom))

    def own_scatter(self, own: FloatArray, k: int, freedom: int) -> float:
        """Return the scatter of quantity k that makes the squares what they should be."""

        def too_much(scatter: float) -> float:
            return self._squares(_with(own, k, scatter)) - freedom

        most = float(np.sqrt(len(self.force)) * np.abs(self.force / self.coupling[:, k] ** 0.5).max())
        return float(brentq(too_much, 0.0, most, rtol=1e-3, xtol=1e-6 * most))

    def deviation(self, own: FloatArray, k: int, freedom: int) -> Deviation:
        """Return how the frames deviate, once all scatters are known."""
        squares = self._squares(_with(own, k, 0.0))
        return Deviation(
            ratio=float(np.sqrt(squares / freedom)) if freedom > 0 else np.nan,
            p=float(chi2.sf(squares, freedom)) if freedom > 0 else 1.0,
            own=float(own[k]),
            frames=self.frames,
            pulls=self.force / np.sqrt(self._variance(own)),
        )


def _with(own: FloatArray, k: int, scatter: float) -> FloatArray:
    changed = own.copy()
    changed[k] = scatter
    return changed
