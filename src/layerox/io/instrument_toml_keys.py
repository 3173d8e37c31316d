"""The keys of an instrument.toml and the types of their values (pydantic models); imported only when one is read."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field

from layerox.instrument import Geometry, Slit

Pair = Annotated[list[float], Field(min_length=2, max_length=2)]


class KeyedTable(BaseModel):
    """A table without unknown keys and without conversion of values."""

    model_config = ConfigDict(extra="forbid", strict=True, allow_inf_nan=False)


class RadiationModel(KeyedTable):
    """[radiation]: angstrom, degrees; one of source, wavelength and lines; polarization or monochromator.

    `k_beta` and `tungsten` are weights of weak lines of a tube, relative to K-alpha 1.
    """

    kind: Literal["xray", "neutron"] | None = None
    source: str | None = None
    wavelength: float | None = None
    lines: Annotated[list[Pair], Field(min_length=1)] | None = None
    k_beta: Annotated[float, Field(ge=0, le=1)] | None = None
    tungsten: Annotated[float, Field(ge=0, le=1)] | None = None
    polarization: float | None = None
    monochromator_two_theta: float | None = None


class GeometryModel(KeyedTable):
    """[geometry]: the kind of diffractometer, its radius in mm, and its divergence slit."""

    kind: Geometry = "bragg-brentano"
    radius_mm: float | None = None
    slit: Slit | None = None


class ProfileModel(KeyedTable):
    """[profile]: squared Gaussian widths in degrees^2 (w alone is one), Lorentzian widths in degrees, axial ratios."""

    u: float = 0.0
    v: float = 0.0
    w: Annotated[float, Field(ge=0)] = 0.0
    x: Annotated[float, Field(ge=0)] = 0.0
    y: Annotated[float, Field(ge=0)] = 0.0
    axial: Pair | None = None


class PositionModel(KeyedTable):
    """[position]: zero in degrees, displacement in mm."""

    zero: float = 0.0
    displacement_mm: float = 0.0


class SpecimenModel(KeyedTable):
    """[specimen]: absorption and illumination: two_mu_t of a thin plate, mu_r of a capillary, degrees two-theta."""

    two_mu_t: Annotated[float, Field(ge=0)] = 0.0
    mu_r: Annotated[float, Field(ge=0)] = 0.0
    overflow_two_theta: Annotated[float, Field(ge=0, lt=180)] = 0.0


class CalibrationModel(KeyedTable):
    """[calibration]: standard uncertainties of profile and zero, in their units, and their correlations."""

    names: list[str]
    esds: list[float]
    correlations: list[list[float]]


class InstrumentModel(KeyedTable):
    """A whole instrument.toml."""

    radiation: RadiationModel = RadiationModel()
    geometry: GeometryModel = GeometryModel()
    profile: ProfileModel | None = None
    position: PositionModel = PositionModel()
    specimen: SpecimenModel = SpecimenModel()
    calibration: CalibrationModel | None = None
