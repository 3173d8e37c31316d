"""Result model: the keys of a result.json and the kinds of their values, for pydantic.

Other keys are allowed. Numbers are finite when they are checked here. Lengths are in angstrom, angles in degrees.
"""

from __future__ import annotations

import re
from typing import Annotated, Any, Literal

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, field_validator, model_validator

from layerox.diffraction.agreement import Agreement
from layerox.diffraction.microabsorption import Microabsorption
from layerox.diffraction.model_uncertainty import PriorQuantity
from layerox.diffraction.refined_quantities import Correlation
from layerox.diffraction.sensitivity import Sensitivity
from layerox.diffraction.unexplained_peaks import UnexplainedPeak
from layerox.notices import Notice

Status = Literal["free", "fixed", "tied", "at_bound", "unsupported", "alike"]
Name = Annotated[str, Field(min_length=1, max_length=1000)]


def _squarable(value: float) -> float:
    if abs(value) > LARGEST:
        raise ValueError("a number is too large")
    return value


# The slots of harmonics and of anisotropic size and strain.
CORRECTION = re.compile(r"harmonic_[2468]_[1-9]\d?|flatness|fault_inverse_size|strain_[0-4]{3}")
# What can be squared.
LARGEST = 1e100
Value = Annotated[float, AfterValidator(_squarable)]
Size = Annotated[float, Field(ge=0), AfterValidator(_squarable)]
Share = Annotated[float, Field(ge=-10, le=10)]
Index = Annotated[int, Field(ge=-10000, le=10000)]
Count = Annotated[int, Field(ge=0, le=10**9)]
# A symbol, or operations: at most 192 in a cell.
Triplet = Annotated[str, Field(max_length=100)]
Setting = Triplet | Annotated[list[Triplet], Field(max_length=192)]


class ResultPart(BaseModel):
    """A part of the document; other keys are kept."""

    model_config = ConfigDict(extra="allow", allow_inf_nan=False, arbitrary_types_allowed=True)


class NumberModel(ResultPart):
    """A refined number; null if it is infinite or not known."""

    value: Value | None
    esd: Size | None
    status: Status
    esd_model: Size | None = None


class LengthModel(NumberModel):
    """A length of a cell."""

    value: Annotated[float, Field(gt=0.1, lt=1e5)]


class CellAngleModel(NumberModel):
    """An angle of a cell."""

    value: Annotated[float, Field(gt=0, lt=180)]


class VolumeModel(NumberModel):
    """A volume."""

    value: Annotated[float, Field(gt=1)]


class CellModel(ResultPart):
    """A cell."""

    a: LengthModel
    b: LengthModel
    c: LengthModel
    alpha: CellAngleModel
    beta: CellAngleModel
    gamma: CellAngleModel
    volume: VolumeModel


class ResultTextureModel(NumberModel):
    """A March coefficient and its axis."""

    axis: tuple[Index, Index, Index]


class SiteModel(ResultPart):
    """A site."""

    label: str
    species: Annotated[str, Field(pattern=r"^[A-Z][a-z]?([0-9]?[+-])?$")]
    x: NumberModel
    y: NumberModel
    z: NumberModel
    occupancy: NumberModel
    u_iso: NumberModel


class StackingModel(ResultPart):
    """The stacking of a disordered phase."""

    kinds: Annotated[list[Literal["P2", "P3", "O3", "O2", "O1"]], Field(min_length=2)]
    glides: Literal["random", "alternate", "same"]
    fraction: NumberModel
    fractions: dict[str, NumberModel]
    persistence: NumberModel
    thickness: dict[str, NumberModel]
    thickness_nm: dict[str, NumberModel]
    shares: dict[str, NumberModel]
    spacing: dict[str, NumberModel]
    column_nm: NumberModel
    places: list[tuple[Annotated[int, Field(ge=0, le=4)], str] | None]
    verdict: Literal["coherent", "mixture", "undetermined"] | None = None
    delta_chi_squared: float | None = None
    threshold: float | None = None
    reason: str | None = None
    deciding: list[tuple[float, float]] = []

    @model_validator(mode="after")
    def _names_kinds(self) -> StackingModel:
        for rows in (self.fractions, self.thickness, self.thickness_nm, self.shares, self.spacing):
            if list(rows) != self.kinds:
                raise ValueError("the numbers are not those of the kinds")
        if any(place is not None and place[0] >= len(self.kinds) for place in self.places):
            raise ValueError("a site is in a gallery of no kind")
        return self


class CalibrationModel(ResultPart):
    """The constant of a phase without atoms, g/mol."""

    value: Annotated[float, Field(gt=0)]
    esd: Annotated[float, Field(ge=0)]


class MeasuredModel(ResultPart):
    """What is known of a phase without atoms."""

    calibration: CalibrationModel | None
    composition: dict[str, Annotated[float, Field(gt=0)]]
    intensities: Annotated[list[tuple[Index, Index, Index, Annotated[float, Field(ge=0)]]], Field(min_length=1)]


class ResultPhaseModel(ResultPart):
    """A phase."""

    name: Name
    space_group: str
    setting: Setting
    formula: str
    source: str | None
    weight_fraction: NumberModel
    intensity_share: Share
    support_sigma: float
    r_bragg: Annotated[float, Field(ge=0)] | None
    scale: NumberModel
    cell: CellModel
    size_nm: NumberModel
    microstrain: NumberModel
    preferred_orientation: ResultTextureModel
    sites: list[SiteModel]
    anisotropic: dict[str, tuple[float, float, float, float, float, float]]
    ticks: list[Annotated[float, Field(gt=-360, lt=360)]]
    mode: Literal["rietveld", "le-bail", "pawley"] = "rietveld"
    intensities: list[tuple[Index, Index, Index, NumberModel]] = []
    detection_limit: Size | None = None
    scale_mass_volume: NumberModel | None = None
    mass_to_reference: NumberModel | None = None
    displacement_mm: NumberModel | None = None
    hardware: bool = False
    density: NumberModel | None = None
    mass_attenuation: NumberModel | None = None
    linear_attenuation: NumberModel | None = None
    attenuation_by_line: list[tuple[float, float]] = []
    microabsorption: Microabsorption | None = None
    absolute_weight_fraction: NumberModel | None = None
    stacking: StackingModel | None = None
    corrections: dict[str, NumberModel] = {}
    measured: MeasuredModel | None = None

    @model_validator(mode="after")
    def _has_atoms_or_intensities(self) -> ResultPhaseModel:
        if bool(self.sites) == (self.measured is not None):
            raise ValueError("a phase has either sites or measured intensities")
        return self

    @model_validator(mode="after")
    def _places_every_site(self) -> ResultPhaseModel:
        if self.stacking is not None and len(self.stacking.places) != len(self.sites):
            raise ValueError("the stacking does not place every site")
        return self

    @field_validator("corrections")
    @classmethod
    def _knows_corrections(cls, corrections: dict[str, NumberModel]) -> dict[str, NumberModel]:
        if strange := [slot for slot in corrections if not CORRECTION.fullmatch(slot)]:
            raise ValueError(f"{strange[0]} is no correction of a phase")
        return corrections


class ResultPatternModel(ResultPart):
    """The origin of the data."""

    file: Annotated[str, Field(pattern=r"^[^\x00]*$")] | None
    label: str
    two_theta_min: float
    two_theta_max: float
    points: Annotated[int, Field(ge=2, le=10**8)]
    sigma: Literal["file", "poisson"]
    excluded: list[tuple[float, float]] = []


class ResultRadiationModel(ResultPart):
    """The beam."""

    kind: Literal["xray", "neutron"]
    name: str
    lines: Annotated[list[tuple[float, float]], Field(min_length=1, max_length=1000)]
    polarization: Annotated[float, Field(ge=0, le=1)] | None


class ResultProfileModel(ResultPart):
    """Calibrated widths of peaks."""

    u: float
    v: float
    w: float
    x: float
    y: float
    axial: tuple[float, float] | None


class ResultInstrumentModel(ResultPart):
    """The diffractometer."""

    geometry: Literal["bragg-brentano", "debye-scherrer"]
    radius_mm: Annotated[float, Field(gt=0, lt=1e6)]
    zero: float
    displacement_mm: float
    slit: Literal["fixed", "automatic"] | None = None
    two_mu_t: Annotated[float, Field(ge=0, lt=1e3)] = 0.0
    mu_r: Annotated[float, Field(ge=0, lt=1e3)] = 0.0
    overflow_two_theta: Annotated[float, Field(ge=0, lt=180)] = 0.0
    profile: ResultProfileModel | None


class ResultParameterModel(NumberModel):
    """A quantity of the model."""

    name: Name
    min: Value | None
    max: Value | None
    expr: str | None = None


class CovarianceModel(ResultPart):
    """The covariance of the variables."""

    names: list[Name]
    matrix: list[list[float]]

    @model_validator(mode="after")
    def _is_square(self) -> CovarianceModel:
        count = len(self.names)
        if len(set(self.names)) < count:
            raise ValueError("a name occurs twice")
        if len(self.matrix) != count or any(len(row) != count for row in self.matrix):
            raise ValueError(f"the matrix of {count} variables is not square")
        if any(row[k] < 0 for k, row in enumerate(self.matrix)):
            raise ValueError("a variance is negative")
        return self


class StepModel(ResultPart):
    """A step of the refinement."""

    name: str
    freed: list[str]
    r_wp: float | None
    kept: bool
    reason: str


class StandardModel(ResultPart):
    """The standard of the absolute fractions."""

    method: str
    description: str
    amorphous_of_sample: NumberModel | None
    k_factor: NumberModel | None
    mass_attenuation: float | None


class GroupModel(ResultPart):
    """Phases that the pattern does not distinguish."""

    members: Annotated[list[Name], Field(min_length=1)]
    weight_fraction: NumberModel
    change: float = 0.0
    threshold: float = 0.0
    reach: Size | None = None
    ranges: dict[str, tuple[float, float]] = {}


class ModelComparisonModel(ResultPart):
    """Models that compete for a pattern, with ln of their evidences over that of the best."""

    question: Literal["phases", "cells"]
    log_evidence: Annotated[dict[str, Annotated[float, Field(le=0.0)]], Field(min_length=2)]
    chosen: str

    @model_validator(mode="after")
    def _is_one_of_them(self) -> ModelComparisonModel:
        if self.chosen not in self.log_evidence:
            raise ValueError(f"{self.chosen[:40]!r} is none of the models compared")
        return self


class ConvergenceModel(ResultPart):
    """How far the last shift is from nothing."""

    largest_shift_over_su: float | None = None


class ResultModel(ResultPart):
    """The document."""

    status: Literal["converged", "not_converged", "failed"]
    reason: str | None
    pattern: ResultPatternModel
    radiation: ResultRadiationModel
    instrument: ResultInstrumentModel
    agreement: Agreement
    phases: list[ResultPhaseModel]
    parameters: list[ResultParameterModel]
    correlations: list[Correlation]
    covariance: CovarianceModel
    steps: list[StepModel]
    warnings: list[Notice]
    recipe: dict[str, Any] | None = None
    cpu_s: Size
    version: str
    standard: StandardModel | None = None
    amorphous_weight_fraction: NumberModel | None = None
    convergence: ConvergenceModel = ConvergenceModel()
    groups: list[GroupModel] = []
    model_comparisons: list[ModelComparisonModel] = []
    unexplained: list[UnexplainedPeak] = []
    sensitivity: list[Sensitivity] = []
    uncertainty_parts: dict[str, dict[str, Size]] = {}
    priors: list[PriorQuantity] = []

    @model_validator(mode="after")
    def _names_differ(self) -> ResultModel:
        for rows in (self.phases, self.parameters):
            names = [row.name for row in rows]
            if len(set(names)) < len(names):
                raise ValueError("a name occurs twice")
        if unknown := {*self.covariance.names} - {row.name for row in self.parameters}:
            raise ValueError(f"the covariance is of {min(unknown)[:40]!r}, which is no parameter")
        if (self.standard is None) != (self.amorphous_weight_fraction is None):
            raise ValueError("a standard and the amorphous fraction go together")
        return self
