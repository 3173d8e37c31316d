"""Shared model: models that share reflections and scattering factors, and nothing that they change.

A model keeps what it computed last (geometric sums, weighted background), so that two refinements, of which each may be
read later or in another thread, must not have one model in common.
"""

from __future__ import annotations

from collections.abc import Sequence
from copy import copy
from dataclasses import dataclass, replace
from weakref import WeakKeyDictionary

import numpy as np
from numpy.typing import NDArray

from layerox.crystal.asymmetric_unit import Cell, Crystal, Site
from layerox.diffraction.model import Model
from layerox.diffraction.phase import Phase
from layerox.diffraction.phase_model import PhaseModel
from layerox.diffraction.reflections import Reflections, reflections
from layerox.instrument import Instrument
from layerox.radiation import Radiation

# Largest relative change of a length, and change of an angle (degrees), for which a list of reflections is kept; the
# relative distance from the end of the list within which a reflection may then enter or leave it.
SAME_LENGTH, SAME_ANGLE, EDGE = 2e-3, 0.05, 0.01


def is_shareable(model: Model) -> bool:
    """Whether a model can be shared: all its phases are ordered, with intensities from their structures."""
    return all(type(own) is PhaseModel and not own.intensity_slots for own in model.phase_models)


def independent(model: Model, tail: float) -> Model:
    """Return the same model with tails cut at another height."""
    other = copy(model)
    other.phase_models = tuple(_independent(own) for own in model.phase_models)
    other.tail, other.reach_scales = tail, model.reach_scales.copy()
    other.release()
    return other


def _independent(own: PhaseModel) -> PhaseModel:
    other = copy(own)
    other.structure_factors = copy(own.structure_factors)
    return other


def with_values(
    model: Model, phases: Sequence[Phase], instrument: Instrument, radiation: Radiation, limits: tuple[float, float]
) -> list[PhaseModel]:
    """Return the phase models of a model for other values of its phases; none if they have to be made anew.

    Parameters
    ----------
    model
        Of a similar measurement.
    phases
        The phases with other values of cell, coordinates, occupancies and widths.
    instrument, radiation, limits
        The diffractometer, the beam and the range of angles (degrees) for which they are wanted.
    """
    old = model.instrument
    same = (old.radius_mm, old.geometry, old.slit) == (instrument.radius_mm, instrument.geometry, instrument.slit)
    if not (same and model.radiation == radiation and model.limits == limits and len(phases) == len(model.phases)):
        return []
    pairs = list(zip(model.phase_models, phases, strict=True))
    return [_with_values(own, phase) for own, phase in pairs] if all(_serves(*pair) for pair in pairs) else []


def _serves(own: PhaseModel, phase: Phase) -> bool:
    """Whether reflections, scattering factors and settings of a phase model are those of a phase."""
    plain = type(own) is PhaseModel and type(phase) is Phase and type(phase.crystal) is Crystal
    if not plain or own.phase.mode != phase.mode or phase.mode != "rietveld" or tuple(own.axis) != phase.axis:
        return False
    return _is_near(own, phase) and _fixed(own.phase) == _fixed(phase)


def _fixed(phase: Phase) -> tuple[object, ...]:
    """Return what a phase model computes from a phase, apart from its cell; an anisotropy contains the cell."""
    crystal = phase.crystal
    sites = tuple(replace(site, position=(0.0, 0.0, 0.0), occupancy=0.0, u_iso=0.0) for site in crystal.sites)
    anisotropic = crystal.cell if phase.correction_slots or any(map(_is_anisotropic, crystal.sites)) else ()
    return sites, crystal.multiplicities, phase.correction_slots, anisotropic


def _is_anisotropic(site: Site) -> bool:
    return site.u_aniso is not None


def _is_near(own: PhaseModel, phase: Phase) -> bool:
    """Whether the list of reflections is that of a phase: its symmetry is the same, its cell nearly."""
    end = _end_of_list(own)
    lengths, angles = np.hsplit(np.array([end.cell, phase.crystal.cell]), 2)
    near = (
        np.abs(lengths[1] / lengths[0] - 1.0).max() < SAME_LENGTH and np.abs(angles[1] - angles[0]).max() < SAME_ANGLE
    )
    same = near and own.phase.crystal.symmetry is phase.crystal.symmetry
    return bool(same) and np.array_equal(end.hkl.d_spacing(phase.crystal.cell) >= own.d_min, end.is_listed)


@dataclass(frozen=True, eq=False)
class _End:
    """The end of a list of reflections: the cell that it was made for, those near its end, and which of them it has."""

    cell: Cell
    hkl: Reflections
    is_listed: NDArray[np.bool_]


# By list of reflections.
_ENDS: WeakKeyDictionary[Reflections, _End] = WeakKeyDictionary()


def _end_of_list(own: PhaseModel) -> _End:
    """Return the end of the list of a phase model; it is the same for all that share the list."""
    found = _ENDS.get(own.reflections)
    if found is None:
        crystal = own.phase.crystal
        wide = reflections(crystal.symmetry, crystal.cell, own.d_min / (1.0 + EDGE))
        d = wide.d_spacing(crystal.cell)
        near = d < own.d_min * (1.0 + EDGE)
        hkl = Reflections(wide.hkl[near], wide.multiplicity[near])
        found = _ENDS[own.reflections] = _End(crystal.cell, hkl, d[near] >= own.d_min)
    return found


def _with_values(own: PhaseModel, phase: Phase) -> PhaseModel:
    other = _independent(own)
    other.phase = phase
    return other
