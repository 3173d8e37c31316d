"""Structures: the phases of a series as run.json holds them, with the atoms that all frames share."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import replace
from typing import Any

from layerox.crystal.asymmetric_unit import Crystal, Site, cell_tuple, position_tuple
from layerox.diffraction.parameters import slot_name
from layerox.diffraction.phase import Phase
from layerox.symmetry import CELL_NAMES, symmetry_from_name, symmetry_from_triplets


def structures_of(phases: Iterable[Phase], values: Mapping[str, float]) -> dict[str, dict[str, Any]]:
    """Return phases as plain data, by name, with their quantities where values are given."""
    return {phase.name: _document(_with_values(phase, values)) for phase in phases}


def _with_values(phase: Phase, values: Mapping[str, float]) -> Crystal:
    crystal = phase.crystal

    def value(slot: str, standing: float) -> float:
        return float(values.get(slot_name(phase, slot), standing))

    def moved(site: Site) -> Site:
        place = [value(f"{site.label}_{axis}", x) for axis, x in zip("xyz", site.position, strict=True)]
        return replace(site, position=position_tuple(place), occupancy=value(f"{site.label}_occupancy", site.occupancy))

    cell = cell_tuple(value(name, x) for name, x in zip(CELL_NAMES, crystal.cell, strict=True))
    return replace(crystal, cell=cell, sites=tuple(map(moved, crystal.sites)))


def _document(crystal: Crystal) -> dict[str, Any]:
    return {
        "setting": crystal.symmetry.name or crystal.symmetry.triplets,
        "cell": list(crystal.cell),
        "sites": [[s.label, s.element, s.charge, *s.position, s.occupancy] for s in crystal.sites],
        "source": crystal.source,
    }


def crystal_from_document(name: str, document: Mapping[str, Any]) -> Crystal:
    """Return the crystal of a phase in run.json."""
    setting = document["setting"]
    return Crystal(
        name=name,
        cell=cell_tuple(document["cell"]),
        symmetry=symmetry_from_name(setting) if isinstance(setting, str) else symmetry_from_triplets(setting),
        sites=tuple(
            Site(label=label, element=element, charge=charge, position=position_tuple((x, y, z)), occupancy=occupancy)
            for label, element, charge, x, y, z, occupancy in document["sites"]
        ),
        source=document["source"],
    )
