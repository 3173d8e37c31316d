"""Recipe model: the keys of a recipe.toml, the kinds of their values and their defaults, for pydantic."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field

from layerox.diffraction.unknown_particles import PARTICLE_RANGE_UM
from layerox.electrochemistry.recipe_settings import ElectrochemistryModel
from layerox.io.instrument_toml_keys import InstrumentModel, KeyedTable, Pair

Interval = Pair
PositiveFloat = Annotated[float, Field(gt=0)]
Share = Annotated[float, Field(gt=0, le=1)]


class RecipePatternModel(KeyedTable):
    """[pattern]: range of angles and excluded regions, degrees."""

    range: Interval | None = None
    exclude: list[Interval] = []


class RecipeInstrumentModel(InstrumentModel):
    """[instrument]: the keys of an instrument.toml, or such a file, and its free and fixed parameters."""

    file: str | None = None
    free: list[str] = []
    fix: list[str] = []


class ExtraModel(KeyedTable):
    """A hump or a foreign peak: centre and full widths in degrees, area in intensity times degrees."""

    name: str | None = None
    position: float
    width: PositiveFloat
    lorentzian: Annotated[float, Field(ge=0, le=1)] = 0.0
    area: Annotated[float, Field(ge=0)] | None = None
    free: list[Literal["position", "gauss", "lorentz", "area"]] = []


class BackgroundModel(KeyedTable):
    """[background]: Chebyshev terms (by default as many as the data support), humps, and the file of a blank."""

    terms: Annotated[int, Field(ge=1, le=40)] | Literal["automatic"] = "automatic"
    humps: list[ExtraModel] = []
    blank: str | None = None


class RecipeTextureModel(KeyedTable):
    """March coefficient and the plane whose normal is its axis, or the highest order of spherical harmonics."""

    r: PositiveFloat = 1.0
    axis: Annotated[list[int], Field(min_length=3, max_length=3)] | None = None
    harmonics: int = 0


class RecipePhaseModel(KeyedTable):
    """[[phase]]: a structure, its free and fixed parameters, and their initial values (nm for the size).

    `hardware` marks cell hardware: it has no weight fraction, and a displacement (mm) of its own. `anisotropic` adds
    platelets ("size"), Stephens's microstrain and the broadening by stacking faults.
    """

    structure: str
    name: str | None = None
    mode: Literal["rietveld", "le-bail", "pawley"] = "rietveld"
    hardware: bool = False
    free: list[str] = []
    fix: list[str] = []
    preferred_orientation: float | RecipeTextureModel | None = None
    size: PositiveFloat | None = None
    microstrain: Annotated[float, Field(ge=0)] | None = None
    anisotropic: list[Literal["size", "strain", "faults"]] = []
    particle_size_um: PositiveFloat | None = None
    start: dict[str, float] = {}
    bounds: dict[str, Interval] = {}


class RecipeParameterModel(KeyedTable):
    """[parameters] NAME: any parameter (or all that a pattern such as "*_u_iso" matches)."""

    value: float | None = None
    vary: bool | None = None
    min: float | None = None
    max: float | None = None


class VariableModel(KeyedTable):
    """[variables] NAME: a variable for use in constraints."""

    value: float
    min: float | None = None
    max: float | None = None
    vary: bool = True


class StageModel(KeyedTable):
    """[[strategy.stages]]: the parameters that are freed and fixed before the stage refines."""

    name: str | None = None
    free: list[str] = []
    fix: list[str] = []


class StrategyModel(KeyedTable):
    """[strategy]: "automatic", "one-stage", or "stages" with a list of them."""

    name: Literal["automatic", "one-stage", "stages"] | None = None
    stages: list[StageModel] = []


class InternalStandardModel(KeyedTable):
    """An added phase with a known fraction (0 to 1, of its crystalline part in the whole specimen)."""

    phase: str
    weight_fraction: Share
    esd: Annotated[float, Field(ge=0, lt=1)] = 0.0


class ExternalStandardModel(KeyedTable):
    """K of O'Connor & Raven, or the result of a fit of a pure standard; mu/rho (cm2/g) or composition of the specimen.

    `composition` is in proportion by weight, {Al2O3 = 0.5, ZnO = 0.5}; `standard_mass_attenuation` is that of the
    standard, by default the refined phase's own.
    """

    k_factor: PositiveFloat | None = None
    k_esd: Annotated[float, Field(ge=0)] = 0.0
    result: str | None = None
    phase: str | None = None
    weight_fraction: Share = 1.0
    weight_esd: Annotated[float, Field(ge=0, lt=1)] = 0.0
    standard_mass_attenuation: PositiveFloat | None = None
    mass_attenuation: PositiveFloat | None = None
    composition: dict[str, PositiveFloat] = {}


class QuantificationModel(KeyedTable):
    """[quantification]: standards, sizes of particles (micrometre) or their range, and the solid share of the powder.

    `reference` is the phase with a constant mass, to which the other masses are relative.
    """

    internal_standard: InternalStandardModel | None = None
    external_standard: ExternalStandardModel | None = None
    particle_sizes_um: dict[str, PositiveFloat] = {}
    particle_range_um: Interval = list(PARTICLE_RANGE_UM)
    packing: Share = 1.0
    reference: str | None = None


class RestraintModel(KeyedTable):
    """[[restraint]]: sites of a phase (two: angstrom, three: degrees), or an element per others, and its target."""

    phase: str = ""
    sites: list[str] = []
    element: str = ""
    per: list[str] = []
    target: float
    esd: PositiveFloat


class PriorModel(KeyedTable):
    """[priors] NAME: standard uncertainty (and value) of a quantity before the data, in the unit of the quantity."""

    value: float | None = None
    esd: PositiveFloat


class UncertaintyModel(KeyedTable):
    """[uncertainty]: whether serially correlated residuals increase the standard uncertainties."""

    serial_correlation: bool = False


class ParametricModel(KeyedTable):
    """[parametric]: quantities of a series as functions of an axis; the data select one of several forms."""

    axis: str | None = None
    between: Interval | None = None
    functions: dict[str, str | list[str]] = {}


class RecipeModel(KeyedTable):
    """A whole recipe.toml."""

    pattern: RecipePatternModel = RecipePatternModel()
    instrument: RecipeInstrumentModel = RecipeInstrumentModel()
    background: BackgroundModel = BackgroundModel()
    phase: list[RecipePhaseModel] = []
    peak: list[ExtraModel] = []
    parameters: dict[str, RecipeParameterModel | float] = {}
    variables: dict[str, VariableModel | float] = {}
    constraints: dict[str, str] = {}
    restraint: list[RestraintModel] = []
    priors: dict[str, PriorModel | Literal["off"]] = {}
    uncertainty: UncertaintyModel = UncertaintyModel()
    strategy: StrategyModel = StrategyModel()
    quantification: QuantificationModel = QuantificationModel()
    electrochemistry: ElectrochemistryModel | None = None
    parametric: ParametricModel = ParametricModel()
