"""Measured: the numbers of one frame, as a row of the series' table holds them."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from layerox.diffraction import peaks as pk
from layerox.diffraction.quantify import (
    PhaseWeights,
    cell_volume,
    fractions_of,
    masses_to_reference,
    of_the_specimen,
    phase_weights,
)
from layerox.diffraction.refine import Minimum
from layerox.diffraction.simulate import Model
from layerox.series.setup import Setup

FloatArray = NDArray[np.float64]
Verdict = Literal["accepted", "reseeded", "quarantined", "unreadable"]
Number = tuple[float, float]

QUANTITIES = (
    "weight_fraction", "intensity_share", "support", "a", "b", "c", "beta", "volume", "size", "microstrain",
)  # fmt: skip
# What a series has beside these where a phase is hardware of the cell, or is referred to.
DISPLACEMENT, TO_REFERENCE = "displacement", "mass_to_reference"
UNKNOWN: Number = (math.nan, math.nan)


@dataclass(frozen=True, kw_only=True)
class Row:
    """What is known of one frame.

    Attributes
    ----------
    frame, file, axes
        See `Frame`.
    verdict, reason
        "accepted" from its neighbour, "reseeded" after a warm start had failed, "quarantined", or "unreadable"; why.
    r_wp, gof
        As fractions; nan without a fit.
    phases
        For each phase by name its quantities: (value, standard uncertainty), nan where there is none. Cells in
        angstrom and degrees, volume in angstrom^3, size in nm, displacement in mm beside the specimen's.
    """

    frame: int
    file: str
    axes: tuple[float, ...] = ()
    verdict: Verdict
    reason: str = ""
    r_wp: float = math.nan
    gof: float = math.nan
    phases: Mapping[str, Mapping[str, Number]] = field(default_factory=dict)

    @property
    def is_good(self) -> bool:
        """Whether the frame can be believed."""
        return self.verdict in ("accepted", "reseeded")


@dataclass(frozen=True, kw_only=True)
class Absence:
    """How well a frame excludes a phase.

    Attributes
    ----------
    support
        The scale that it would have over its standard uncertainty.
    weight_esd
        S Z M V for a scale S as large as that uncertainty; nan where it is not known.
    """

    support: float = math.nan
    weight_esd: float = math.nan


def quantities_of(setup: Setup) -> tuple[str, ...]:
    """Return what the tables of a series tell of each phase."""
    hardware = (DISPLACEMENT,) if any(phase.hardware for phase in setup.phases) else ()
    return (*QUANTITIES, *hardware, *((TO_REFERENCE,) if setup.reference else ()))


def phases_of(
    setup: Setup, model: Model, minimum: Minimum, absent: Mapping[str, Absence]
) -> dict[str, dict[str, Number]]:
    """Return the quantities of all phases at a minimum.

    Parameters
    ----------
    setup
        Says which phases are hardware, and to which one the others are referred.
    model, minimum
        Where a frame ended. The phases of the model that `absent` names are not taken for present.
    absent
        Of every phase that the frame does not show.
    """
    size = len(model.names)
    values, transfer = minimum.parameters.values[:size], minimum.parameters.transfer()[:size]
    weights = phase_weights(model, values, transfer)
    weighed = of_the_specimen(weights, model.phases)
    fractions = fractions_of(weighed.values, weighed.slopes, minimum.covariance)
    share = minimum.calculated.phases.sum(axis=1)
    total = max(float(share.sum()), 1e-300)
    rows: dict[str, dict[str, Number]] = {}
    for p, phase in enumerate(model.phases):
        if phase.name in absent:
            continue
        own = slice(model.phase_blocks[p].start, model.phase_blocks[p].stop)
        numbers = _Numbers(values[own], transfer[own], minimum.covariance)
        scale, esd = numbers.of(pk.SCALE)
        rows[phase.name] = {
            "weight_fraction": (float(fractions.values[p]), float(fractions.esds[p])) if phase.is_weighed else UNKNOWN,
            "intensity_share": (float(share[p]) / total, math.nan),
            "support": (scale / esd if esd > 0 else math.nan, math.nan),
            **numbers.cell(),
            "size": numbers.size(),
            "microstrain": numbers.of(pk.MICROSTRAIN),
            DISPLACEMENT: numbers.of(pk.OWN_DISPLACEMENT),
        }
    if setup.reference in rows:
        _refer(rows, setup.reference, model, weights, minimum.covariance)
    weight = float(weighed.values.sum())
    hardware = {phase.name for phase in setup.phases if phase.hardware}
    return rows | {name: _nothing(own, weight, weighed=name not in hardware) for name, own in absent.items()}


def _refer(
    rows: dict[str, dict[str, Number]], reference: str, model: Model, weights: PhaseWeights, covariance: FloatArray
) -> None:
    """Add the masses against the reference's to the rows of all phases but itself."""
    names = [phase.name for phase in model.phases]
    for name, value, esd in zip(names, *masses_to_reference(weights, covariance, names.index(reference)), strict=True):
        if name in rows and name != reference:
            rows[name][TO_REFERENCE] = float(value), float(esd)


@dataclass(frozen=True, eq=False)
class _Numbers:
    """Reads numbers with their uncertainties off the quantities of one phase."""

    values: FloatArray
    transfer: FloatArray
    covariance: FloatArray

    def of(self, slot: int) -> Number:
        """Return a quantity; its uncertainty is nan where it was not refined."""
        return float(self.values[slot]), self._esd(self.transfer[slot])

    def cell(self) -> dict[str, Number]:
        block = slice(pk.CELL, pk.CELL + 6)
        a, b, c, _, beta, _ = (self.of(slot) for slot in range(pk.CELL, pk.CELL + 6))
        volume, gradient = cell_volume(self.values[block])
        return {"a": a, "b": b, "c": c, "beta": beta, "volume": (volume, self._esd(gradient @ self.transfer[block]))}

    def size(self) -> Number:
        inverse, esd = self.of(pk.INVERSE_SIZE)
        return (1.0 / inverse, esd / inverse**2) if inverse > 0 else (math.inf, math.nan)

    def _esd(self, slope: FloatArray) -> float:
        if not slope.any():
            return math.nan
        variance = float(slope @ self.covariance @ slope)
        return math.sqrt(variance) if variance > 0 else math.nan


def _nothing(absence: Absence, weight: float, *, weighed: bool) -> dict[str, Number]:
    """Return the row of an absent phase: no fraction, with the uncertainty of the scale that the data leave open."""
    most = absence.weight_esd
    uncertainty = most / (weight + most) if weight > 0 else math.nan
    return {
        **dict.fromkeys(QUANTITIES, UNKNOWN),
        "weight_fraction": (0.0, uncertainty) if weighed else UNKNOWN,
        "intensity_share": (0.0, math.nan),
        "support": (absence.support, math.nan),
    }
