"""Drifts: cells that move while their phase stays: solid solution, or two phases that were refined as one.

A phase that is two unresolved ones fits worse, and its peaks are broader, in the middle of its way and at neither end.
The bump is asked for by regression of both on 4 m (1 - m), with m the share of the way that the cell has gone, or on
bells about its midpoint, beside a straight line in time; the scatter is that of the frames themselves.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

import numpy as np
from numpy.typing import NDArray

from layerox.refined import Refined
from layerox.strain.changes import Change, changes
from layerox.strain.coexistence import LayerSizes

if TYPE_CHECKING:
    import pandas as pd

FloatArray = NDArray[np.float64]
Kind = Literal["solid solution", "hidden coexistence", "undecided"]

# The least relative change of the layer that counts, frames on either side that tell what is usual there, and the share
# of a phase below which its cell is not asked.
LEAST, AROUND, LEAST_WEIGHT = 1e-3, 8, 0.05
# Bump over its standard uncertainty from which on two phases were refined as one; tests/benchmarks/transitions.py tells
# how often that is said wrongly.
HIDDEN = 5.0
FEWEST = 8
# Standard deviations (frames) of the bells that are tried.
BELLS = (2.0, 4.0, 8.0)
# Spacing (nm) at which crystallite size counts as a relative width, to be added to microstrain.
SPACING = 0.2


@dataclass(frozen=True, kw_only=True)
class Drift:
    """One stretch in which the cell of a phase moves.

    Attributes
    ----------
    phase
        Its name.
    onset, midpoint, end
        Frames.
    in_plane, across
        Relative changes of the in-plane length and of the slab repeat.
    misfit_bump, width_bump
        Rise of the squared goodness of fit, and of the relative width of the peaks, in the middle of the way.
    kind
        "solid solution", "hidden coexistence" where a bump is significant, "undecided" where too few frames tell.
    """

    phase: str
    onset: Refined
    midpoint: Refined
    end: Refined
    in_plane: Refined
    across: Refined
    misfit_bump: Refined
    width_bump: Refined
    kind: Kind


def drifts(table: pd.DataFrame, phase: str, measured: LayerSizes, *, seed: int = 0) -> tuple[Drift, ...]:
    """Return the drifts of a phase, in order.

    Parameters
    ----------
    table
        The frames of a series that can be believed.
    phase, measured
        A layered one, and its layers.
    seed
        Of the uncertainties.
    """
    enough = table.loc[table[f"{phase}.weight_fraction"] >= LEAST_WEIGHT, "frame"]
    known = np.isin(measured.frames, enough) & (measured.esds > 0).any(axis=1)
    frame, sizes, esds = measured.frames[known], measured.sizes[known], measured.esds[known]
    if len(frame) < FEWEST:
        return ()
    shown = table[table["frame"].isin(frame)]
    direction = _direction(sizes, esds)
    along, error = sizes @ direction, np.sqrt(esds**2 @ direction**2)
    found = changes(frame, along, np.maximum(error, 1e-3 * LEAST), least=LEAST, seed=seed)
    return tuple(_drift(shown, phase, frame, sizes, esds, change) for change in found)


def _direction(sizes: FloatArray, esds: FloatArray) -> FloatArray:
    """Return the direction in which the cell moves most, in units of its uncertainty, as a unit vector, shape (2,)."""
    scale = np.maximum(np.median(esds, axis=0), 1e-7)
    _, _, rows = np.linalg.svd((sizes - sizes.mean(axis=0)) / scale, full_matrices=False)
    return np.asarray(rows[0] / scale / np.linalg.norm(rows[0] / scale))


def _drift(
    shown: pd.DataFrame, phase: str, frame: FloatArray, sizes: FloatArray, esds: FloatArray, change: Change
) -> Drift:
    first, last = _at_ends(frame, change)
    moved = (sizes[last] - sizes[first]) / np.array([2.0**0.5, 1.0])
    esd = np.hypot(esds[last], esds[first]) / np.array([2.0**0.5, 1.0])
    misfit = _bump(frame, shown["gof"].to_numpy(dtype=np.float64) ** 2, change)
    width = _bump(frame, _width(shown, phase), change)
    told = np.isfinite([misfit, width]).any()
    hidden = any(float(bump) > HIDDEN * bump.esd for bump in (misfit, width))
    kind: Kind = "undecided" if not told else "hidden coexistence" if hidden else "solid solution"
    return Drift(
        phase=phase,
        onset=change.onset,
        midpoint=change.midpoint,
        end=change.end,
        in_plane=Refined(float(moved[0]), float(esd[0]), "free"),
        across=Refined(float(moved[1]), float(esd[1]), "free"),
        misfit_bump=misfit,
        width_bump=width,
        kind=kind,
    )


def _at_ends(frame: FloatArray, change: Change) -> tuple[int, int]:
    """Return the indices of the frames in which a change has begun and ended."""
    last = len(frame) - 1
    first = int(np.clip(np.searchsorted(frame, float(change.places[0]), side="right") - 1, 0, last))
    return first, int(np.clip(np.searchsorted(frame, float(change.places[-1])), 0, last))


def _width(shown: pd.DataFrame, phase: str) -> FloatArray:
    """Return the relative width of peaks at one spacing, d / size + microstrain / 2."""
    size = shown[f"{phase}.size"].to_numpy(dtype=np.float64)
    return np.asarray(SPACING / size + 0.5 * shown[f"{phase}.microstrain"].to_numpy(dtype=np.float64))


def _bump(frame: FloatArray, value: FloatArray, change: Change) -> Refined:
    """Return the height of the bump in the middle of a change that stands out most, above a straight line.

    Where one of two unresolved phases takes over from the other at once, the bump is wider than the change seems: bells
    of some widths about its midpoint are tried too.
    """
    known = np.isfinite(value)
    x, y = frame[known], value[known]
    done = np.clip((change.level(x) - change.before) / (change.after - change.before), 0.0, 1.0)
    begin, stop = float(change.places[0]), float(change.places[-1])
    shapes = [(4.0 * done * (1.0 - done), begin - AROUND, stop + AROUND)]
    middle = float(change.midpoint)
    shapes += [(np.exp(-0.5 * ((x - middle) / w) ** 2), middle - 4 * w - 2, middle + 4 * w + 2) for w in BELLS]
    near = [(x >= low) & (x <= high) for _, low, high in shapes]
    found = [_height(x[own], y[own], shape[own]) for own, (shape, *_) in zip(near, shapes, strict=True)]
    told = [bump for bump in found if np.isfinite(bump)]
    return max(told, key=lambda bump: bump / bump.esd, default=Refined(float("nan"), float("nan"), "free"))


def _height(x: FloatArray, y: FloatArray, shape: FloatArray) -> Refined:
    """Return how high a bump stands on a straight line; nan where its top or its foot shows too little."""
    if len(x) < FEWEST or (shape > 0.5).sum() < 2 or (shape < 0.2).sum() < 3:
        return Refined(float("nan"), float("nan"), "free")
    rows = np.column_stack([np.ones_like(x), x - x.mean(), shape])
    solution = np.linalg.lstsq(rows, y, rcond=None)[0]
    scatter = float(((y - rows @ solution) ** 2).sum()) / (len(x) - 3)
    return Refined(float(solution[2]), float((np.linalg.inv(rows.T @ rows)[2, 2] * scatter) ** 0.5), "free")
