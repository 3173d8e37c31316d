"""Description: what a series was measured with and looked for, kept in run.json for pictures and reports.

They need neither the patterns nor the CIFs of the phases then, which may be gone when a report is written anew.
"""

from __future__ import annotations

import platform
from dataclasses import replace
from importlib.metadata import version
from typing import Any

import numpy as np

from layerox.crystal.asymmetric_unit import Crystal
from layerox.diffraction.model import Model
from layerox.diffraction.phase import Phase
from layerox.diffraction.simulated_pattern import reflection_list
from layerox.errors import InputError
from layerox.instrument import Profile
from layerox.pattern import Pattern
from layerox.series.setup import Setup
from layerox.validation.classified_sites import classified_sites
from layerox.validation.coordination import polyhedra
from layerox.validation.layers import layers_of
from layerox.validation.reading import atoms_of

# Reflections kept of each phase, and the share of the strongest below which none is.
MOST_REFLECTIONS, FAINTEST = 12, 0.05
# Peaks have some width where nobody has calibrated the diffractometer: intensities do not depend on it.
ANY_WIDTH = Profile(w=0.01)
# What hydroxides have between their anions does not make slabs of a layered oxide.
PROTONS = ("H", "D")
LIBRARIES = ("layerox", "numpy", "scipy", "numba", "gemmi", "spglib")


def described(setup: Setup, pattern: Pattern) -> dict[str, Any]:
    """Return what a series is refined with, as plain data.

    Parameters
    ----------
    setup
        Phases, diffractometer and beam.
    pattern
        One of the series, for its range.

    Returns
    -------
    dict
        "measured": beam, geometry, angles (degrees) and what the uncertainties come from; "structures": of each phase
        by name its space group, formula, source, cell (angstrom, degrees) and what is free in it, layers (see
        `layers_in`) and strongest reflections (hkl, intensity relative to the strongest); "versions".
    """
    low, high = pattern.range
    beam = setup.radiation
    return {
        "measured": {
            "kind": beam.kind,
            "radiation": str(beam),
            "wavelength": beam.wavelength,
            "polarization": beam.polarization,
            "geometry": setup.instrument.geometry,
            "radius_mm": setup.instrument.radius_mm,
            "two_theta": [low, high],
            "points": len(pattern),
            "sigma_source": pattern.sigma_source,
        },
        "structures": {phase.name: _structure(setup, phase, pattern) for phase in setup.phases},
        "versions": {"python": platform.python_version(), **{name: version(name) for name in LIBRARIES}},
    }


def _structure(setup: Setup, phase: Phase, pattern: Pattern) -> dict[str, Any]:
    crystal = phase.crystal
    return {
        "space_group": crystal.space_group,
        "formula": crystal.formula,
        "source": crystal.source,
        "cell": [float(value) for value in crystal.cell],
        "variables": cell_variables(crystal),
        "layers": layers_in(crystal),
        "reflections": strongest_reflections(setup, phase, pattern),
    }


def cell_variables(crystal: Crystal) -> list[list[int]]:
    """Return the free quantities of a cell, each as the indices of the lengths and angles that equal it."""
    rule = crystal.symmetry.cell_rule
    return [[k, *(other for other, leader in rule.follows.items() if leader == k)] for k in rule.free]


def layers_in(crystal: Crystal) -> dict[str, Any] | None:
    """Return how a crystal stacks: the indices of its layers, and the slabs and metals of a cell; None without layers.

    Slabs are those of one repeat across the layers, that is of d(hkl).
    """
    try:
        places = classified_sites(atoms_of(crystal))
        layers = layers_of(places, polyhedra(places))
    except InputError:
        return None
    slabs = [] if layers is None else [space for space in layers.spaces if space.is_slab]
    if layers is None or not slabs:
        return None
    metals = [int(k) for space in slabs for k in space.metals]
    if any(element in PROTONS for k in metals for element, _ in places.species[k]):
        return None
    return {"hkl": list(layers.direction), "slabs": len(slabs), "metals": len(metals)}


def strongest_reflections(setup: Setup, phase: Phase, pattern: Pattern) -> list[dict[str, Any]]:
    """Return the strongest reflections of a phase within the range of a pattern, the strongest first."""
    instrument = replace(setup.instrument, profile=ANY_WIDTH)
    model = Model(np.array(pattern.range), [replace(phase, scale=1.0, mode="rietveld")], instrument, setup.radiation)
    found = reflection_list(model, model.calculated(model.start))
    found.sort(key=lambda reflection: -reflection.intensity)
    top = found[0].intensity if found else 0.0
    kept = [r for r in found[:MOST_REFLECTIONS] if r.intensity >= FAINTEST * top > 0]
    return [{"hkl": list(r.hkl), "intensity": round(r.intensity / top, 4)} for r in kept]
