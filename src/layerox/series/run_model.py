"""Run model: the keys of run.json and the kinds of their values, for pydantic.

Only the keys that are used later are required; further keys are allowed. Lengths are in angstrom, angles in degrees.
"""

from __future__ import annotations

from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field, model_validator

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
