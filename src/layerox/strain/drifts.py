"""Drifts: cells that move while their phase stays: solid solution, or two phases that were refined as one.

A phase that is two unresolved ones fits worse, and its peaks are broader, in the middle of its way and at neither end:
both are asked for a bump there (see `bumps`).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

import numpy as np

from layerox.refined import Refined
from layerox.strain.bumps import bumps, chance, clearest
from layerox.strain.changes import Change, changes
from layerox.strain.coexistence import LayerSizes
from layerox.typing import FloatArray

if TYPE_CHECKING:
    import pandas as pd

Kind = Literal["solid solution", "hidden coexistence", "undecided"]

# The least relative change of the layer that counts, and the share of a phase below which its cell is not asked.
LEAST, LEAST_WEIGHT = 1e-3, 0.05
# Chance of a bump in noise below which two phases were refined as one. Of 200 refined series of one phase, 0.5 % were
# below 1 % and 3.5 % below 5 %, of 40 of two all were below 1 % (tests/benchmarks/mechanisms.py).
LEVEL = 0.01
FEWEST = 8
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
    chance
        How often one phase alone would show a bump as clear as the clearest (a p-value); nan where too few frames tell.
    kind
        "hidden coexistence" where that is less than 1 %, else "solid solution"; "undecided" where too few frames tell.
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
        The frames of a series that can be believed.
    phase, measured
        A layered one, and its layers.
    seed
        Of the uncertainties.
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
    """Return the direction in which the cell moves most, in units of its uncertainty, as a unit vector, shape (2,)."""
    scale = np.maximum(np.median(esds, axis=0), 1e-7)
    _, _, rows = np.linalg.svd((sizes - sizes.mean(axis=0)) / scale, full_matrices=False)
    return np.asarray(rows[0] / scale / np.linalg.norm(rows[0] / scale))


def _drift(shown: pd.DataFrame, phase: str, own: LayerSizes, change: Change, rng: np.random.Generator) -> Drift:
    first, last = _at_ends(own.frames, change)
    moved = (own.sizes[last] - own.sizes[first]) / np.array([2.0**0.5, 1.0])
    esd = np.hypot(own.esds[last], own.esds[first]) / np.array([2.0**0.5, 1.0])
    asked = [bumps(own.frames, value, change) for value in (_misfit(shown), _width(shown, phase))]
    misfit, width = (clearest(found) for found in asked)
    by_noise = chance(asked, rng)
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
