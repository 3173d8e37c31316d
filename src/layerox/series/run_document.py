"""run.json: the record of a series, its structures included, validated when it is read (see `run_model`)."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

from layerox.crystal.asymmetric_unit import Crystal, Site, cell_tuple, position_tuple
from layerox.crystal.measured_crystal import MeasuredCrystal
from layerox.diffraction.parameters import slot_name
from layerox.diffraction.phase import Phase
from layerox.errors import InputError
from layerox.io.json_file import checked_document, read_document
from layerox.symmetry import CELL_NAMES, symmetry_from_name, symmetry_from_triplets

RUN = "run.json"
SCHEMA = "layerox.series/1"
CURE = "copy the folder again, or run layerox series anew without --resume"
NO_SERIES = "give the folder that layerox series has written"


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
        "sites": [
            [s.label, s.element, s.charge, *s.position, mean]
            for s, mean in zip(crystal.sites, crystal.mean_occupancies, strict=True)
        ],
        "source": crystal.source,
        **({"measured": True} if isinstance(crystal, MeasuredCrystal) else {}),
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


def read_run(folder: Path) -> dict[str, Any]:
    """Return the run.json of the folder of a series.

    Raises
    ------
    InputError
        If there is none, it is not of a series, or it is damaged.
    """
    from layerox.series.run_model import RunModel  # noqa: PLC0415  (pydantic, which writing does not need)

    path = folder / RUN
    if not path.exists():
        raise InputError("holds no series", place=folder, cure=NO_SERIES)
    document = written_run(folder)
    checked_document(RunModel, document, path, cure=CURE)
    for name, structure in (document.get("structures") or {}).items():
        _demand_crystal(name, structure, path)
    return document


def written_run(folder: Path) -> dict[str, Any]:
    """Return the run.json that this process has written, without validation of its values."""
    return read_document(folder / RUN, SCHEMA, what="the record of a series", cure=CURE)


def _demand_crystal(name: str, structure: dict[str, Any], path: Path) -> None:
    """Reject an impossible structure."""
    try:
        possible = crystal_from_document(name, structure).is_possible
    except (InputError, ValueError, KeyError, TypeError, IndexError, ArithmeticError) as error:
        text = getattr(error, "problem", None) or f"{type(error).__name__}"
        raise InputError(f"is damaged: structures.{name}: {text}", place=path, cure=CURE) from None
    if not possible:
        raise InputError(f"is damaged: structures.{name}: no such cell or element", place=path, cure=CURE)
