"""run.json: the record of a series, its structures included, validated when it is read.

Only the keys that are used later are required; further keys are allowed. Lengths are in angstrom, angles in degrees.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field, model_validator

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
Length = Annotated[float, Field(gt=0.1, lt=1e5)]
CellAngle = Annotated[float, Field(gt=0, lt=180)]
Index = Annotated[int, Field(ge=-1000, le=1000)]
Hkl = tuple[Index, Index, Index]
Fraction = Annotated[float, Field(ge=-1e3, le=1e3)]
Charge = Annotated[int, Field(ge=-9, le=9)]
SiteRow = tuple[str, str, Charge, Fraction, Fraction, Fraction, Annotated[float, Field(ge=-1, le=10)]]
Count = Annotated[int, Field(ge=0, le=10**9)]
Angle = Annotated[float, Field(gt=-360, lt=360)]
# A symbol, or operations: 192 are the most that a space group has in a cell.
Setting = Annotated[str, Field(max_length=100)] | Annotated[list[Annotated[str, Field(max_length=100)]],
                                                            Field(max_length=192)]  # fmt: skip
Wavelength = Annotated[float, Field(gt=1e-4, lt=1e3)]


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


class _RunModelPart(BaseModel):
    """A part of the document; other keys are kept unchanged."""

    model_config = ConfigDict(extra="allow", allow_inf_nan=False)


class NoticeModel(_RunModelPart):
    """A notice."""

    model_config = ConfigDict(extra="forbid")

    code: str
    message: str


class ReflectionModel(_RunModelPart):
    """A strong reflection of a phase, its intensity relative to the strongest."""

    hkl: Hkl
    intensity: Annotated[float, Field(ge=0, le=1.01)]


class LayersModel(_RunModelPart):
    """How a phase stacks."""

    hkl: Hkl
    slabs: Annotated[int, Field(ge=1, le=10**4)]
    metals: Annotated[int, Field(ge=1, le=10**6)]


class StructureModel(_RunModelPart):
    """A phase."""

    space_group: str
    formula: str
    source: str | None
    cell: tuple[Length, Length, Length, CellAngle, CellAngle, CellAngle]
    variables: list[list[Annotated[int, Field(ge=0, le=5)]]]
    layers: LayersModel | None
    reflections: list[ReflectionModel]
    setting: Setting
    sites: list[SiteRow]
    measured: bool = False

    @model_validator(mode="after")
    def _has_atoms(self) -> StructureModel:
        if not self.sites and not self.measured:
            raise ValueError("a phase without measured intensities has no sites")
        return self


class MeasuredModel(_RunModelPart):
    """Beam and diffractometer."""

    kind: str
    radiation: str
    wavelength: Wavelength
    polarization: float | None = None
    geometry: str
    radius_mm: Annotated[float, Field(gt=0, lt=1e6)]
    two_theta: tuple[Angle, Angle]
    points: Count
    sigma_source: str


class CommonModel(_RunModelPart):
    """The parameters that all frames share, by name."""

    background_terms: Annotated[int, Field(ge=0, le=100)]
    values: dict[str, Annotated[float, Field(ge=-1e15, le=1e15)]]
    free: list[str]
    shared: list[str]


class RunModel(_RunModelPart):
    """The document."""

    status: Literal["running", "interrupted", "watching", "complete"]
    key: str
    settings: str
    version: str
    folder: Annotated[str, Field(min_length=1, pattern=r"^[^\x00]*$")]
    range: tuple[Angle, Angle] | None
    recipe: dict[str, Any] | None = None
    dataset: str | None = None
    abscissa: Literal["two-theta", "q", "d", "radians"] = "two-theta"
    sigma: Literal["auto", "column", "counts", "sqrt"] = "auto"
    allow_negative: bool = False
    lines: list[tuple[Wavelength, Annotated[float, Field(gt=0, lt=1e6)]]] | None = None
    phases: Annotated[list[Annotated[str, Field(min_length=1)]], Field(min_length=1)]
    measured: MeasuredModel | None = None
    structures: dict[str, StructureModel] | None = None
    versions: dict[str, str] = {}
    axis_units: dict[str, str] = {}
    unordered: bool
    own: list[str] = []
    common: CommonModel | None = None
    frames: Count
    axes: list[str]
    workers: Count | None = None
    verdicts: dict[str, Count] | None = None
    electrochemistry: dict[str, Any] | None = None
    notices: list[NoticeModel]
    started: str
    written: str
    wall_s: Annotated[float, Field(ge=0)] | None = None
    refitted: list[dict[str, Any]] = []
    sha256: dict[str, str] = {}

    @model_validator(mode="after")
    def _agree(self) -> RunModel:
        if len(set(self.phases)) < len(self.phases) or len(set(self.axes)) < len(self.axes):
            raise ValueError("a name is repeated")
        if self.structures is not None and set(self.structures) != set(self.phases):
            raise ValueError("structures and phases have different names")
        return self


def read_run(folder: Path) -> dict[str, Any]:
    """Return the run.json of the folder of a series.

    Raises
    ------
    InputError
        If there is none, it is not of a series, or it is damaged.
    """
    path = folder / RUN
    if not path.exists():
        raise InputError("holds no series", place=folder, cure=NO_SERIES)
    document = read_document(path, SCHEMA, what="the record of a series", cure=CURE)
    checked_document(RunModel, document, path, cure=CURE)
    for name, structure in (document.get("structures") or {}).items():
        _demand_crystal(name, structure, path)
    return document


def _demand_crystal(name: str, structure: dict[str, Any], path: Path) -> None:
    """Reject an impossible structure."""
    try:
        possible = crystal_from_document(name, structure).is_possible
    except (InputError, ValueError, KeyError, TypeError, IndexError, ArithmeticError) as error:
        text = getattr(error, "problem", None) or f"{type(error).__name__}"
        raise InputError(f"is damaged: structures.{name}: {text}", place=path, cure=CURE) from None
    if not possible:
        raise InputError(f"is damaged: structures.{name}: no such cell or element", place=path, cure=CURE)
