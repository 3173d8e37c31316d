"""The request for a series: what the user specifies, prepared for refinement and described in run.json.

The description in run.json lets figures and reports be made without the patterns and the CIFs.
"""

from __future__ import annotations

import platform
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from importlib.metadata import version
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from layerox.analysis.beam_setup import Beam, pattern_from
from layerox.analysis.fit import check_phases
from layerox.analysis.phase_arguments import PhaseArgument
from layerox.analysis.recipe import Recipe
from layerox.crystal.asymmetric_unit import Crystal
from layerox.diffraction.model import Model
from layerox.diffraction.phase import Phase
from layerox.diffraction.phase_order import canonical_order
from layerox.diffraction.refinement_plan import NO_PLAN
from layerox.diffraction.similar_phases import similar_names
from layerox.diffraction.simulated_pattern import reflection_list
from layerox.errors import InputError
from layerox.instrument import Profile
from layerox.io.file_contents import is_file
from layerox.io.instrument_toml import table_of_instrument
from layerox.pattern import Pattern
from layerox.series.electrochemistry import COLUMN_UNITS
from layerox.series.frame_axes import axis_units
from layerox.series.frame_setup import Frames, PatternReading, SeriesSetup
from layerox.validation.layer_mesh import stacked_sites

if TYPE_CHECKING:
    from layerox.electrochemistry.recipe_settings import ElectrochemistryModel

# Largest number of stored reflections of each phase, and smallest intensity relative to the strongest.
MOST_REFLECTIONS, FAINTEST = 12, 0.05
# Default peak width without a calibration: intensities do not depend on it.
ANY_WIDTH = Profile(w=0.01)
# Hydrogen between the anions of hydroxides does not make slabs of a layered oxide.
PROTONS = ("H", "D")
LIBRARIES = ("layerox", "numpy", "scipy", "numba", "gemmi", "spglib")


@dataclass(frozen=True, kw_only=True, eq=False)
class SeriesRequest:
    """What the user specifies, before any pattern is read.

    Attributes
    ----------
    axes
        The axes, as the user names them.
    phase_arguments
        The arguments and the phases made from them.
    recipe
        The recipe.
    reference
        Name of the reference phase for masses.
    own
        Atomic parameters that each frame refines.
    electrochemistry
        The log and its clocks.
    reading
        How patterns are read.
    beam
        How the patterns were measured.
    scan
        Number of the scan of each file that is a frame, from 1; None for all.
    """

    axes: Sequence[str]
    phase_arguments: Sequence[tuple[PhaseArgument, Phase]]
    recipe: Recipe | None
    reference: str | None
    own: tuple[str, ...]
    electrochemistry: ElectrochemistryModel | None
    reading: PatternReading
    beam: Beam
    scan: int | None = None

    def prepared(self, frames: Frames) -> PreparedSeries:
        """Return the settings of the refinement of frames.

        Raises
        ------
        InputError
            If an argument cannot be used, or none of the frames can be read.
        """
        first = _first_readable(frames, self.reading)
        known, beam = self.beam.resolve(first)
        plan = (NO_PLAN if self.recipe is None else self.recipe.plan).with_reference(self.reference)
        chosen = check_phases([phase for _, phase in self.phase_arguments], first, beam)
        plan.quantification.check(chosen, beam, known.geometry)
        ordered = tuple(canonical_order(chosen))
        setup = SeriesSetup(
            phases=ordered,
            instrument=known,
            radiation=beam,
            plan=plan,
            reading=self.reading,
            own=self.own,
            similar=similar_names(ordered, known, beam, first.range),
        )
        _ = setup.own_names  # an unknown name is an error before any work is done
        document = _document(
            self.recipe, setup, chosen, [argument for argument, _ in self.phase_arguments], self.reference
        )
        units = axis_units(self.axes)
        if self.electrochemistry is not None:
            document = {**document, "electrochemistry": self.electrochemistry.model_dump(mode="json")}
            # Without axes a log orders the frames by their times.
            units |= COLUMN_UNITS | ({} if self.axes else axis_units(["time"]))
        description = {**described(setup, first), "axis_units": units}
        names = [phase.name for phase in chosen]
        return PreparedSeries(setup=setup, names=names, first=first, document=document, description=description)


@dataclass(frozen=True, kw_only=True, eq=False)
class PreparedSeries:
    """Settings of the refinement, names of the phases in the user's order, a pattern, recipe and run.json."""

    setup: SeriesSetup
    names: Sequence[str]
    first: Pattern
    document: Mapping[str, object]
    description: Mapping[str, Any]


class NoReadableFrame(InputError):
    """None of the frames can be read, or none yet."""


def _first_readable(frames: Frames, reading: PatternReading) -> Pattern:
    faults = []
    for frame in frames.frames:
        try:
            return pattern_from(reading.pattern(frame), None)
        except InputError as error:
            faults.append(error)
    raise NoReadableFrame(f"none of {len(frames)} frames can be read; {faults[0].problem}", place=faults[0].place,
                      cure=faults[0].cure)  # fmt: skip


def _document(
    recipe: Recipe | None,
    setup: SeriesSetup,
    phases: Sequence[Phase],
    given: Sequence[PhaseArgument],
    reference: str | None,
) -> Mapping[str, object]:
    """Return the recipe as used: the user's, completed by the other arguments."""
    document: dict[str, Any] = {} if recipe is None else dict(recipe.document)
    measured = table_of_instrument(replace(setup.instrument, radiation=setup.radiation))
    document["instrument"] = {**document.get("instrument", {}), "file": None, **measured}
    if recipe is None or not recipe.phases:
        document["phase"] = _phase_rows(phases, given)
    if setup.reading.range is not None:
        document["pattern"] = {**document.get("pattern", {}), "range": list(setup.reading.range)}
    if reference is not None:
        document["quantification"] = {**document.get("quantification", {}), "reference": reference}
    return document


def _phase_rows(phases: Sequence[Phase], given: Sequence[PhaseArgument]) -> list[dict[str, object]]:
    """Return the phases as a recipe names them."""
    rows = []
    for phase, argument in zip(phases, given, strict=True):
        text = argument[1] if isinstance(argument, tuple) else argument
        text = str(text).removeprefix(f"{phase.name}=") if isinstance(text, (str, Path)) else phase.name
        path = Path(text)
        row: dict[str, object] = {"name": phase.name, "structure": str(path.resolve()) if is_file(path) else text}
        rows.append({**row, "hardware": True} if phase.hardware else row)
    return rows


def described(setup: SeriesSetup, pattern: Pattern) -> dict[str, Any]:
    """Return the settings of the refinement of a series as plain data.

    Parameters
    ----------
    setup
        Phases, diffractometer and beam.
    pattern
        One of the series, for its range.

    Returns
    -------
    dict
        "measured": beam, geometry, angles (degrees) and the source of the uncertainties; "structures": of each phase
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
        "structures": {phase.name: _structure_entry(setup, phase, pattern) for phase in setup.phases},
        "versions": {"python": platform.python_version(), **{name: version(name) for name in LIBRARIES}},
    }


def _structure_entry(setup: SeriesSetup, phase: Phase, pattern: Pattern) -> dict[str, Any]:
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
    """Return the stacking of a crystal: indices of its layers, slabs and metals of a cell; None without layers.

    Slabs are those of one repeat across the layers, that is of d(hkl).
    """
    try:
        places, layers = stacked_sites(crystal)
    except InputError:
        return None
    slabs = [] if layers is None else [space for space in layers.spaces if space.is_slab]
    if layers is None or not slabs:
        return None
    metals = [int(k) for space in slabs for k in space.metals]
    if any(element in PROTONS for k in metals for element, _ in places.species[k]):
        return None
    return {"hkl": list(layers.direction), "slabs": len(slabs), "metals": len(metals)}


def strongest_reflections(setup: SeriesSetup, phase: Phase, pattern: Pattern) -> list[dict[str, Any]]:
    """Return the strongest reflections of a phase within the range of a pattern, the strongest first."""
    instrument = replace(setup.instrument, profile=ANY_WIDTH)
    model = Model(np.array(pattern.range), [replace(phase, scale=1.0, mode="rietveld")], instrument, setup.radiation)
    found = reflection_list(model, model.calculated(model.start))
    found.sort(key=lambda reflection: -reflection.intensity)
    top = found[0].intensity if found else 0.0
    kept = [r for r in found[:MOST_REFLECTIONS] if r.intensity >= FAINTEST * top > 0]
    return [{"hkl": list(r.hkl), "intensity": round(r.intensity / top, 4)} for r in kept]
