"""Constraints: the bounds of each kind of parameter, and the constraints of symmetry.

Ties of symmetry (b = a, y = 2x, species on one site) are made here and are final; strategies and users add others.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from functools import lru_cache

import gemmi
import numpy as np

from layerox.crystal.asymmetric_unit import Crystal
from layerox.diffraction.background import EXTRA_SLOTS, ExtraPeak
from layerox.diffraction.disordered.constraints import constrain_stacking
from layerox.diffraction.disordered.phase import DisorderedPhase
from layerox.diffraction.model import Model
from layerox.diffraction.parameters import Parameters, slot_name
from layerox.diffraction.phase import INTENSITY, Phase
from layerox.symmetry import CELL_NAMES
from layerox.typing import FloatArray

CELL_RANGE = 0.04
ANGLE_RANGE = 3.0
COORDINATE_RANGE = 0.35
BOUNDS: dict[str, tuple[float, float]] = {
    "zero": (-1.0, 1.0),
    "displacement": (-2.0, 2.0),
    "u": (0.0, 1.0),
    "v": (-1.0, 1.0),
    # Not zero: a Gaussian without width has no derivative, so that a descent could not leave this value.
    "w": (1e-6, 1.0),
    "x": (0.0, 1.0),
    "y": (0.0, 1.0),
    "s_over_l": (0.0, 0.1),
    "h_over_l": (0.0, 0.1),
    "two_mu_t": (0.0, 50.0),
    "mu_r": (0.0, 20.0),
    "overflow": (0.0, 90.0),
    "scale": (0.0, math.inf),
    "inverse_size": (1e-4, 1.0),
    "microstrain": (0.0, 0.1),
    "blank": (0.0, math.inf),
    "preferred_orientation": (0.1, 10.0),
    "occupancy": (0.0, 1.0),
    "u_iso": (0.0, 0.08),
    "flatness": (0.02, 50.0),
}
# Coefficient of a harmonic in the exponent: beyond that the density is a needle.
LARGEST_HARMONIC = 5.0


def parameters_of(model: Model) -> Parameters:
    """Return the parameters of a model at their initial values, with bounds and symmetry ties; nothing varies."""
    return constrained(model.names, model.start, model.phases, model.extras)


def constrained(
    names: list[str], values: FloatArray, phases: Sequence[Phase], extras: Sequence[ExtraPeak] = ()
) -> Parameters:
    """Return the parameters of phases and extra peaks by name (see `slots_of`), with bounds and symmetry ties."""
    table = Parameters(names, values)
    _bound_by_kind(table)
    for extra in extras:
        _constrain_extra(table, extra)
    for phase in phases:
        _constrain_cell(table, phase)
        _constrain_sites(table, phase)
        _constrain_intensities(table, phase)
        _constrain_corrections(table, phase)
        if isinstance(phase, DisorderedPhase):
            constrain_stacking(table, phase)
    return table


def _bound_by_kind(table: Parameters) -> None:
    for k, name in enumerate(table.names):
        if (bounds := _bounds_of_kind(name)) is not None:
            table.lower[k], table.upper[k] = bounds


@lru_cache(maxsize=4096)
def _bounds_of_kind(name: str) -> tuple[float, float] | None:
    """Return the bounds of the kind of quantity that a name ends in; None if it has none."""
    return next((bounds for kind, bounds in BOUNDS.items() if name.endswith(f"_{kind}")), None)


def _constrain_extra(table: Parameters, extra: ExtraPeak) -> None:
    """Limit a foreign peak to a region near its position, with positive widths and an area of at least zero."""
    width = extra.gauss + extra.lorentz
    bounds = {"position": (extra.position - width, extra.position + width), "area": (0.0, math.inf)}
    for slot, value in zip(EXTRA_SLOTS, extra.values, strict=True):
        k = table.find(f"{extra.name}_{slot}")
        # A Gaussian part without width has no derivative.
        table.lower[k], table.upper[k] = bounds.get(slot, (0.05 * width if value else 0.0, 5.0 * width))


def _constrain_cell(table: Parameters, phase: Phase) -> None:
    names = [slot_name(phase, name) for name in CELL_NAMES]
    rule = phase.crystal.symmetry.cell_rule
    for index, name in enumerate(names):
        k = table.find(name)
        value = table.values[k]
        half = ANGLE_RANGE if index >= 3 else CELL_RANGE * value
        table.lower[k], table.upper[k] = value - half, value + half
        if index in rule.follows:
            table.tie(name, names[rule.follows[index]])
        elif index in rule.fixed:
            table.locked.add(k)


def _constrain_sites(table: Parameters, phase: Phase) -> None:
    crystal = phase.crystal
    for group in crystal.mixed_sites:
        leader = crystal.sites[group[0]]
        free = crystal.symmetry.free_directions(leader.position)
        names = [_site_names(phase, crystal.sites[k].label) for k in group]
        _constrain_position(table, names[0], free, crystal)
        for other in names[1:]:
            for axis in range(3):
                table.tie(other[axis], names[0][axis])
                k, lead = table.find(other[axis]), table.find(names[0][axis])
                table.lower[k], table.upper[k] = table.lower[lead], table.upper[lead]
    _fix_origin(table, phase)


def _constrain_intensities(table: Parameters, phase: Phase) -> None:
    """Limit extracted intensities to values above zero."""
    prefix = slot_name(phase, INTENSITY)
    rows = [k for k, name in enumerate(table.names) if name.startswith(prefix)] if phase.mode != "rietveld" else []
    if rows:
        table.lower[rows] = 1e-7 * table.values[rows].max()


def _constrain_corrections(table: Parameters, phase: Phase) -> None:
    """Limit coefficients of harmonics, and fix the March coefficient and the isotropic strain that they replace."""
    for slot in phase.harmonic_slots:
        k = table.find(slot_name(phase, slot))
        table.lower[k], table.upper[k] = -LARGEST_HARMONIC, LARGEST_HARMONIC
    if phase.harmonic_order:
        table.lock([slot_name(phase, "preferred_orientation")])
    for slot in phase.strain_slots:
        if slot[-3:] in ("400", "040", "004"):  # the strain along an axis
            table.lower[table.find(slot_name(phase, slot))] = 0.0
    if phase.strain_terms is not None:
        table.lock([slot_name(phase, "microstrain")])


def _site_names(phase: Phase, label: str) -> list[str]:
    return [slot_name(phase, f"{label}_{axis}") for axis in "xyz"]


def _constrain_position(table: Parameters, names: list[str], free: FloatArray, crystal: Crystal) -> None:
    """Tie the coordinates of each free direction to its first one, and lock the fixed ones."""
    leaders = {int(np.argmax(row != 0)): row for row in free}
    for axis, name in enumerate(names):
        k = table.find(name)
        half = COORDINATE_RANGE / crystal.cell[axis]
        table.lower[k], table.upper[k] = table.values[k] - half, table.values[k] + half
        if axis in leaders:
            continue
        source = next((lead for lead, row in leaders.items() if row[axis] != 0), None)
        if source is None:
            table.locked.add(k)
        else:
            factor = float(leaders[source][axis])
            table.tie(name, names[source], factor, table.values[k] - factor * table.value(names[source]))


def _fix_origin(table: Parameters, phase: Phase) -> None:
    """In a polar group, fix the heaviest site along the polar axes, where the origin is arbitrary."""
    crystal = phase.crystal
    heaviest = sorted(crystal.sites, key=lambda site: -gemmi.Element(site.element).atomic_number)
    for row in crystal.symmetry.polar_directions:
        axis = int(np.argmax(row != 0))
        for site in heaviest:
            k = table.find(_site_names(phase, site.label)[axis])
            if k not in table.ties and k not in table.locked:
                table.locked.add(k)
                break
