"""Simulation truth: the true values of a simulated pattern as JSON, and its reflections as CSV."""

from __future__ import annotations

import json
import math
from dataclasses import asdict
from importlib.metadata import version
from pathlib import Path
from typing import Any

from layerox.diffraction.simulated_pattern import Simulation
from layerox.errors import InputError
from layerox.io.csv_cells import quoted_cell
from layerox.radiation import Radiation
from layerox.symmetry import CELL_NAMES

SCHEMA = "layerox.truth/1"
REFLECTION_COLUMNS = (
    "phase",
    "h",
    "k",
    "l",
    "multiplicity",
    "d_spacing",
    "two_theta",
    "f_squared",
    "lorentz_polarization",
    "intensity",
)


def truth_json(simulation: Simulation, pattern: str = "") -> str:
    """Return the true values of a simulated pattern as JSON text; `pattern` is the name of its file."""
    radiation, instrument = simulation.pattern.radiation, simulation.instrument
    document = {
        "schema": SCHEMA,
        "version": version("layerox"),
        "pattern": pattern or None,
        "seed": simulation.seed,
        "radiation": _radiation(radiation) if radiation else None,
        "instrument": {
            "geometry": instrument.geometry,
            "radius_mm": instrument.radius_mm,
            "zero": instrument.zero,
            "displacement_mm": instrument.displacement_mm,
            "profile": asdict(instrument.profile) if instrument.profile else None,
        },
        "phases": [_phase(simulation, index) for index in range(len(simulation.phases))],
        "warnings": [asdict(warning) for warning in simulation.warnings],
    }
    return json.dumps(document, indent=1, allow_nan=False) + "\n"


def refuse_foreign_truth(truth: Path, pattern: Path) -> None:
    """Refuse to replace the truth of another pattern with the same stem.

    Raises
    ------
    InputError
        If the file names another pattern that is in the same folder.
    """
    try:
        other = json.loads(truth.read_text(encoding="utf-8")).get("pattern")
        exists = isinstance(other, str) and other != pattern.name and truth.with_name(other).exists()
    except (OSError, ValueError, AttributeError, RecursionError):
        return
    if exists:
        cure = f"choose another stem than {pattern.stem!r}"
        raise InputError(f"is the truth of {other}, which {pattern.name} would replace", place=truth, cure=cure)


def _radiation(radiation: Radiation) -> dict[str, Any]:
    return {name: value for name, value in asdict(radiation).items() if name != "says_kind"}


def _phase(simulation: Simulation, index: int) -> dict[str, Any]:
    phase = simulation.phases[index]
    crystal = phase.crystal
    return {
        "name": phase.name,
        "source": crystal.source,
        "space_group": crystal.space_group,
        "formula": crystal.formula,
        "weight_fraction": simulation.weights[index],
        "scale": phase.scale,
        "cell": dict(zip(CELL_NAMES, crystal.cell, strict=True)),
        "size_nm": phase.size_nm if math.isfinite(phase.size_nm) else None,
        "microstrain": phase.microstrain,
        "preferred_orientation": phase.preferred_orientation,
        "sites": [
            {"label": s.label, "species": s.species, "position": s.position, "occupancy": s.occupancy, "u_iso": s.u_iso}
            for s in crystal.sites
        ],
    }


def reflections_csv(simulation: Simulation) -> str:
    """Return the reflections as CSV text: angstrom, degrees, electrons^2 a cell, intensity times degrees."""
    rows = []
    for r in simulation.reflections:
        numbers = (r.d_spacing, r.two_theta, r.f_squared, r.lorentz_polarization, r.intensity)
        hkl = ",".join(str(index) for index in r.hkl)
        rows.append(f"{quoted_cell(r.phase)},{hkl},{r.multiplicity}," + ",".join(f"{number:.9g}" for number in numbers))
    return "\n".join([",".join(REFLECTION_COLUMNS), *rows, ""])
