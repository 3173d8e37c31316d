"""The refined values of one frame as a row of frames.csv, and starting values from such a row."""

from __future__ import annotations

import itertools
import math
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Literal

import numpy as np

from layerox.crystal.asymmetric_unit import Crystal
from layerox.diffraction import peaks as pk
from layerox.diffraction.disordered.phase import DisorderedPhase
from layerox.diffraction.minimum import Minimum
from layerox.diffraction.model import Model
from layerox.diffraction.parameters import slot_name
from layerox.diffraction.phase import Phase
from layerox.diffraction.weight_fractions import (
    PhaseWeights,
    cell_volume,
    fractions_of,
    masses_to_reference,
    of_the_specimen,
    phase_weights,
)
from layerox.series.common_uncertainty import ScaleCovariance, common_fraction_esds
from layerox.series.frame_setup import SeriesSetup
from layerox.series.stacking_columns import VERDICT, stacking_numbers, stacking_quantities
from layerox.symmetry import CELL_NAMES
from layerox.typing import FloatArray
from layerox.validation.layer_mesh import Layering

Verdict = Literal["accepted", "reseeded", "quarantined", "unreadable"]
Number = tuple[float, float]
QUANTITIES = (
    "weight_fraction", "intensity_share", "support", "a", "b", "c", "beta", "volume", "size", "microstrain",
)  # fmt: skip
# Further quantities of a series with cell hardware or with a reference phase.
DISPLACEMENT, TO_REFERENCE = "displacement", "mass_to_reference"
# Fraction of all phases that a frame does not distinguish from a phase, in series with similar phases.
GROUP_FRACTION = "group_fraction"
# The part of the uncertainty of a weight fraction that comes from common parameters: one error in all frames.
COMMON_ESD = "common_uncertainty"
# Quantities that shift all reflections of a frame: degrees, and mm of the specimen.
OFFSETS = ("zero", DISPLACEMENT)
UNKNOWN: Number = (math.nan, math.nan)
CORRELATION, SLAB_SHARE = "correlation", "slab_share"
NOTHING_SHARED: Mapping[str, float] = {}
NO_COVARIANCE: ScaleCovariance = {}


@dataclass(frozen=True, kw_only=True)
class FrameRow:
    """The refined values of one frame.

    Attributes
    ----------
    frame, file, axes
        See `Frame`.
    verdict, reason
        "accepted" from its neighbour, "reseeded" after a failed warm start, "quarantined", or "unreadable"; and the
        reason.
    r_wp, gof
        As fractions; nan without a fit.
    phases
        For each phase by name its quantities: (value, standard uncertainty), nan if missing. Cells in
        angstrom and degrees, volume in angstrom^3, size in nm, displacement in mm beside the specimen's.
    offsets
        Zero (degrees) and displacement of the specimen (mm) with their uncertainties, nan where they are given.
    """

    frame: int
    file: str
    axes: tuple[float, ...] = ()
    verdict: Verdict
    reason: str = ""
    r_wp: float = math.nan
    gof: float = math.nan
    phases: Mapping[str, Mapping[str, Number]] = field(default_factory=dict)
    offsets: Mapping[str, Number] = field(default_factory=dict)

    @property
    def is_good(self) -> bool:
        """Whether the frame is accepted (also after a new start)."""
        return self.verdict in ("accepted", "reseeded")


@dataclass(frozen=True, kw_only=True)
class Absence:
    """How well a frame excludes a phase.

    Attributes
    ----------
    support
        The hypothetical scale over its standard uncertainty.
    weight_esd
        S Z M V for a scale S equal to that uncertainty; nan if unknown.
    """

    support: float = math.nan
    weight_esd: float = math.nan


def quantities_of(setup: SeriesSetup) -> dict[str, tuple[str, ...]]:
    """Return the quantities of each phase in the tables of a series, by name.

    `QUANTITIES`; the uncertainty from common parameters; the displacement of hardware, the mass relative to the
    reference phase, and the fraction of a group of phases that are not distinguished, if the series has them; then
    quantities from symmetry and layers: other free angles of the cell, the correlations of its free lengths and angles
    ("correlation_a_c"), and of layered phases the thickness of a slab over the distance of slabs.
    """
    hardware = (DISPLACEMENT,) if any(phase.hardware for phase in setup.phases) else ()
    common = (*QUANTITIES, *hardware, *((TO_REFERENCE,) if setup.reference else ()))
    group = {name: (GROUP_FRACTION,) for pair in setup.similar for name in pair}
    return {
        p.name: (
            *common,
            COMMON_ESD,
            *group.get(p.name, ()),
            *further_quantities(p.crystal, setup.layerings[p.name]),
            *stacking_quantities(p),
        )
        for p in setup.phases
    }


def further_quantities(crystal: Crystal, layering: Layering | None) -> Iterator[str]:
    """Yield the quantities from the symmetry and the layers of a crystal."""
    names = [CELL_NAMES[k] for k in crystal.symmetry.cell_rule.free]
    yield from (name for name in names if name in ("alpha", "gamma"))
    yield from (f"{CORRELATION}_{one}_{other}" for one, other in itertools.combinations(names, 2))
    if layering is not None:
        yield SLAB_SHARE


def titles_of(quantities: Iterable[str]) -> list[str]:
    """Return the columns of quantities: each with its uncertainty, except for correlations and the like."""
    alone = (CORRELATION, VERDICT, COMMON_ESD)
    return [
        title
        for quantity in quantities
        for title in ([quantity] if quantity.startswith(alone) else [quantity, f"{quantity}_esd"])
    ]


def phases_of(
    setup: SeriesSetup,
    model: Model,
    minimum: Minimum,
    absent: Mapping[str, Absence],
    shared: Mapping[str, float] = NOTHING_SHARED,
    verdicts: Mapping[str, float] = NOTHING_SHARED,
    scales: ScaleCovariance = NO_COVARIANCE,
) -> dict[str, dict[str, Number]]:
    """Return the quantities of all phases at a minimum.

    Parameters
    ----------
    setup
        The setup, with the hardware phases and the reference phase.
    model, minimum
        Model and minimum of a frame. Phases of the model in `absent` do not count as present.
    absent
        How well the frame excludes each absent phase.
    shared
        Uncertainties of the common parameters, by name.
    verdicts
        On disordered phases, by name, see `stacking_columns`.
    scales
        Covariance of the scales that comes from the common parameters, see `common_uncertainty`.
    """
    size = len(model.names)
    values, transfer = minimum.parameters.values[:size], minimum.parameters.transfer()[:size]
    weights = phase_weights(model, values, transfer)
    weighed = of_the_specimen(weights, model.phases)
    fractions = fractions_of(weighed.values, weighed.slopes, minimum.covariance)
    of_common = common_fraction_esds(fractions.values, [phase.name for phase in model.phases], scales)
    esds = np.where(fractions.esds > 0, np.hypot(fractions.esds, of_common), fractions.esds)
    share = minimum.calculated.phases.sum(axis=1)
    total = max(float(share.sum()), 1e-300)
    rows: dict[str, dict[str, Number]] = {}
    for p, phase in enumerate(model.phases):
        if phase.name in absent:
            continue
        own = slice(model.phase_blocks[p].start, model.phase_blocks[p].stop)
        numbers = _PhaseNumbers(values[own], transfer[own], minimum.covariance)
        scale, esd = numbers.of(pk.SCALE)
        rows[phase.name] = {
            "weight_fraction": (float(fractions.values[p]), float(esds[p])) if phase.is_weighed else UNKNOWN,
            COMMON_ESD: (float(of_common[p]), math.nan) if phase.is_weighed else UNKNOWN,
            "intensity_share": (float(share[p]) / total, math.nan),
            "support": (scale / esd if esd > 0 else math.nan, math.nan),
            **numbers.cell(),
            "size": numbers.size(),
            "microstrain": numbers.of(pk.MICROSTRAIN),
            DISPLACEMENT: numbers.of(pk.OWN_DISPLACEMENT),
            **numbers.further_cell(phase.crystal),
            **numbers.slab_share(phase, setup.layerings[phase.name], shared),
            **stacking_numbers(
                phase, values[own], transfer[own], minimum.covariance, verdicts.get(phase.name, math.nan)
            ),
        }
    if setup.reference in rows:
        _refer(rows, setup.reference, model, weights, minimum.covariance)
    weight = float(weighed.values.sum())
    hardware = {phase.name for phase in setup.phases if phase.hardware}
    return rows | {name: _nothing(own, weight, weighed=name not in hardware) for name, own in absent.items()}


def stated_fraction(numbers: Mapping[str, Number]) -> Number:
    """Return the fraction that a frame determines: that of a phase's group if it is in one, else its own."""
    common = numbers.get(GROUP_FRACTION, UNKNOWN)
    return numbers["weight_fraction"] if math.isnan(common[0]) else common


def offsets_of(minimum: Minimum) -> dict[str, Number]:
    """Return zero and displacement of a frame at its minimum."""
    table = minimum.parameters
    names = {slot: f"instrument_{slot}" for slot in OFFSETS}
    return {slot: (float(table.value(name)), minimum.esd(name) or math.nan) for slot, name in names.items()}


def _refer(
    rows: dict[str, dict[str, Number]], reference: str, model: Model, weights: PhaseWeights, covariance: FloatArray
) -> None:
    """Add the masses against the reference's to the rows of all phases but itself."""
    names = [phase.name for phase in model.phases]
    for name, value, esd in zip(names, *masses_to_reference(weights, covariance, names.index(reference)), strict=True):
        if name in rows and name != reference:
            rows[name][TO_REFERENCE] = float(value), float(esd)


@dataclass(frozen=True, eq=False)
class _PhaseNumbers:
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

    def further_cell(self, crystal: Crystal) -> dict[str, Number]:
        """Return free angles other than beta, and the correlations of the free lengths and angles."""
        free = crystal.symmetry.cell_rule.free
        slopes = self.transfer[[pk.CELL + k for k in free]]
        matrix = slopes @ self.covariance @ slopes.T
        esds = np.sqrt(np.maximum(np.diag(matrix), 0.0))
        esds[esds == 0.0] = math.nan
        found = {name: self.of(pk.CELL + k) for k in free if (name := CELL_NAMES[k]) in ("alpha", "gamma")}
        for i, j in itertools.combinations(range(len(free)), 2):
            value = float(matrix[i, j] / (esds[i] * esds[j]))
            found[f"{CORRELATION}_{CELL_NAMES[free[i]]}_{CELL_NAMES[free[j]]}"] = (value, math.nan)
        return found

    def slab_share(self, phase: Phase, layering: Layering | None, shared: Mapping[str, float]) -> dict[str, Number]:
        """Return the thickness of a slab over the distance of slabs, nothing for a phase without layers.

        Coordinates refined in the frame have their covariance, common ones their uncertainty in the series.
        """
        if layering is None:
            return {}
        moving = [(k, axis) for k, axis in zip(*np.nonzero(layering.slopes), strict=True)]
        places = [pk.SITES + pk.PER_SITE * k + axis for k, axis in moving]
        start, slots = phase.values[places], phase.slot_names
        slopes = layering.slopes[layering.slopes != 0]
        thinner = 1.0
        if isinstance(phase, DisorderedPhase):
            slopes = slopes * phase.height_unit / phase.crystal.cell[2]
            thinner = phase.crystal.cell[2] / self.values[pk.CELL + 2]
        common = np.array([shared.get(slot_name(phase, slots[place]), 0.0) for place in places])
        own = slopes @ self.transfer[places]
        variance = float(own @ self.covariance @ own + ((slopes * common) ** 2).sum())
        value = layering.slab_share + float(slopes @ (self.values[places] - start))
        return {SLAB_SHARE: (thinner * value, thinner * math.sqrt(variance) if variance > 0 else math.nan)}

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
