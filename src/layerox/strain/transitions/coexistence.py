"""Mechanism of a transition: coexistence of two phases (two-phase) or a continuous change of the cell (solid solution).

The cells of a specimen have a distribution while two phases coexist, and one value in a solid solution. The spread of a
frame is the variance of the layer's size about its mean, f (1 - f) (x_2 - x_1)^2 for two phases in the proportion f.
End members of constant cells at the same mean have m (1 - m) (X_1 - X_0)^2, with m the completed share of the change of
the mean. The ratio of both, summed over a transition, is one for two phases of constant cells (Gibbs' phase rule: no
degree of freedom at constant temperature and pressure) and zero for a solid solution. x holds the logarithms of the
in-plane length, counted twice, and of the slab repeat, so that P2 and OP4 can be compared.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np

from layerox.refined import Refined
from layerox.strain.measured_cells import PhaseCells
from layerox.symmetry import metric_tensor
from layerox.typing import FloatArray
from layerox.validation.layer_mesh import Layering, mesh_area

Mechanism = Literal["two-phase", "solid solution", "both", "undecided"]

# Ratios from which on a transition is two-phase, and up to which it is a solid solution.
TWO_PHASE, SOLID_SOLUTION = 0.75, 0.25
# One-sided 5 % quantile of the normal distribution. Of ratios exactly at the limit, 3.5 to 6 % are found beyond it
# (tests/benchmarks/mechanisms.py).
SURE, NO_SPREAD = 1.645, 1e-9
# Smallest number of frames of a transition, and the uncertainty of the ratio above which it is undecided.
FEWEST, VAGUE = 3, 0.2
DRAWS = 200


@dataclass(frozen=True, kw_only=True)
class Coexistence:
    """The mechanism of a transition from the spread of cells.

    Attributes
    ----------
    ratio
        Observed spread over that of two phases of constant cells; nan with too few frames.
    frames
        Number of frames used.
    mechanism
        "two-phase" where the ratio is 0.75 or more at the 5 % level (one-sided), "solid solution" where it is 0.25 or
        less, "both" where it is between, else "undecided".
    """

    ratio: Refined
    frames: int
    mechanism: Mechanism


UNDECIDED = Coexistence(ratio=Refined(float("nan"), float("nan"), "free"), frames=0, mechanism="undecided")


@dataclass(frozen=True, kw_only=True, eq=False)
class LayerSizes:
    """Sizes of the layers of a phase in the frames that refined its cell.

    Attributes
    ----------
    frames
        Ascending, shape (n,).
    sizes
        sqrt(2) ln of the in-plane length (root of the area of one TMO2, angstrom) and ln of the slab repeat, (n, 2).
    covariance
        Covariance of both (specimen displacement correlates them), shape (n, 2, 2).
    """

    frames: FloatArray
    sizes: FloatArray
    covariance: FloatArray

    @property
    def esds(self) -> FloatArray:
        """Standard uncertainties of the sizes, shape (n, 2)."""
        return np.sqrt(np.diagonal(self.covariance, axis1=1, axis2=2))

    def at(self, frame: FloatArray) -> tuple[FloatArray, FloatArray]:
        """Return sizes and covariances in given frames, (n, 2) and (n, 2, 2), interpolated where not refined."""
        flat = np.column_stack([self.sizes, self.covariance.reshape(-1, 4)])
        found = np.column_stack([np.interp(frame, self.frames, own) for own in flat.T])
        return found[:, :2], found[:, 2:].reshape(-1, 2, 2)


def layer_sizes(cells: PhaseCells) -> LayerSizes | None:
    """Return the layer sizes of a phase; None without layers or without a refined cell."""
    layering = cells.layering
    if layering is None or not len(cells.frames):
        return None
    slopes = np.stack([_slopes(cell, layering) for cell in cells.cells])
    covariance = np.einsum("nqi,nij,nrj->nqr", slopes, cells.covariance, slopes)
    sizes = np.array([_sizes(cell, layering) for cell in cells.cells])
    return LayerSizes(frames=cells.frames.astype(np.float64), sizes=sizes, covariance=covariance)


def _sizes(cell: FloatArray, layering: Layering) -> FloatArray:
    metric = layering.basis.T @ metric_tensor(cell.tolist()) @ layering.basis
    area = float(mesh_area(metric))
    return np.array([0.5**0.5 * np.log(area), np.log(np.sqrt(np.linalg.det(metric)) / area)])


def _slopes(cell: FloatArray, layering: Layering) -> FloatArray:
    """Return the derivatives of both sizes with respect to the cell, by differences, shape (2, 6)."""
    steps = np.diag(1e-6 * cell)
    moved = [(_sizes(cell + step, layering) - _sizes(cell - step, layering)) / (2.0 * step.sum()) for step in steps]
    return np.stack(moved, axis=1)


def coexistence(
    pair: tuple[LayerSizes | None, LayerSizes | None],
    frame: FloatArray,
    weights: Sequence[FloatArray],
    weight_esds: Sequence[FloatArray],
    *,
    seed: int = 0,
) -> Coexistence:
    """Return the mechanism of the transition between two phases, from their cells.

    Parameters
    ----------
    pair
        Sizes of the falling and of the rising phase; undecided if one is None (no layers).
    frame
        Frames of the transition, ascending, shape (n,).
    weights, weight_esds
        Weight fractions of both in these frames, shapes (n,); 0 where a phase is absent.
    seed
        Seed of the draws for the uncertainty.
    """
    first, second = pair
    present = [weight > 0 for weight in weights]
    if first is None or second is None or len(frame) < FEWEST or not all(there.any() for there in present):
        return UNDECIDED
    sizes, covariances = zip(first.at(frame), second.at(frame), strict=True)
    roots = [_root(covariance) for covariance in covariances]
    rng = np.random.default_rng(seed)

    def drawn(noise: float) -> float:
        x = [
            size + noise * np.einsum("nqr,nr->nq", root, rng.standard_normal(size.shape))
            for size, root in zip(sizes, roots, strict=True)
        ]
        w = [
            np.where(there, np.maximum(weight + noise * esd * rng.standard_normal(len(frame)), 0.0), 0.0)
            for weight, esd, there in zip(weights, weight_esds, present, strict=True)
        ]
        return _ratio(x[0], x[1], w[0], w[1])

    draws = np.array([drawn(1.0) for _ in range(DRAWS)])
    # Errors of the end members change the ratio by a factor.
    factor = float(np.exp(SURE * np.std(np.log(np.maximum(draws, NO_SPREAD)))))
    return judged(Refined(drawn(0.0), float(np.std(draws)), "free"), factor, len(frame))


def _root(covariance: FloatArray) -> FloatArray:
    """Return the symmetric roots of covariances, shape (n, 2, 2); negative eigenvalues (rounding) count as zero."""
    values, vectors = np.linalg.eigh(covariance)
    return np.asarray(np.einsum("nij,nj,nkj->nik", vectors, np.sqrt(np.maximum(values, 0.0)), vectors))


def _ratio(first: FloatArray, second: FloatArray, w_first: FloatArray, w_second: FloatArray) -> float:
    """Return the observed spread over that of constant end members, both summed over the frames.

    The end members are the falling phase in its first frame and the rising phase in its last frame.
    """
    if not (w_first.any() and w_second.any()):
        return float("nan")
    begin, stop = first[w_first > 0][0], second[w_second > 0][-1]
    share = w_second / np.maximum(w_first + w_second, 1e-300)
    spread = share * (1.0 - share) * ((second - first) ** 2).sum(axis=1)
    return float(spread.sum()) / _widest(first + share[:, None] * (second - first), begin, stop)


def _widest(mean: FloatArray, begin: FloatArray, stop: FloatArray) -> float:
    """Return the summed spread of two constant end members with the given means; nan if it is zero."""
    path = stop - begin
    length = float(path @ path)
    done = np.clip((mean - begin) @ path / max(length, 1e-300), 0.0, 1.0)
    return float((done * (1.0 - done)).sum()) * length or float("nan")


def judged(ratio: Refined, factor: float, frames: int) -> Coexistence:
    """Return the verdict on a ratio of spreads that may be too large or too small by a factor."""
    value, esd = float(ratio), ratio.esd
    if not np.isfinite(value) or not esd < VAGUE:
        return Coexistence(ratio=ratio, frames=frames, mechanism="undecided")
    low, high = value / factor, value * factor
    mechanism: Mechanism = "undecided"
    if low >= TWO_PHASE:
        mechanism = "two-phase"
    elif high <= SOLID_SOLUTION:
        mechanism = "solid solution"
    elif low >= SOLID_SOLUTION and high <= TWO_PHASE:
        mechanism = "both"
    return Coexistence(ratio=ratio, frames=frames, mechanism=mechanism)
