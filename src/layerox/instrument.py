"""Instrument: geometry, profile and position errors of a diffractometer, as far as they are known.

Definitions are those of an instrument.toml: U, V, W give the squared Gaussian width
U tan^2(theta) + V tan(theta) + W in degrees^2, X and Y the Lorentzian width X / cos(theta) + Y tan(theta) in
degrees (both full widths at half maximum; the letters X and Y as in GSAS, exchanged in FullProf).
"""

from __future__ import annotations

import math
from dataclasses import dataclass, replace
from typing import Literal, get_args

from layerox.errors import InputError, nearest
from layerox.public import public_class
from layerox.radiation import Radiation

Geometry = Literal["bragg-brentano", "debye-scherrer"]
GEOMETRIES: tuple[str, ...] = get_args(Geometry)
Slit = Literal["fixed", "automatic"]
SLITS: tuple[str, ...] = get_args(Slit)
DEFAULT_RADIUS_MM = 173.0
# Decimals of a correlation that a file may leave out.
ROUNDED = 1e-3


@public_class
@dataclass(frozen=True, kw_only=True)
class Profile:
    """Instrumental peak widths: u, v, w in degrees^2 (squared FWHM), x and y in degrees (FWHM).

    `axial` is (sample half-length, slit half-height) over the goniometer radius, None when not given.
    """

    u: float = 0.0
    v: float = 0.0
    w: float = 0.0
    x: float = 0.0
    y: float = 0.0
    axial: tuple[float, float] | None = None


# Quantities of a calibration: widths of the profile, axial divergence (S/L and H/L, equal), and the zero.
CALIBRATED = ("u", "v", "w", "x", "y", "axial", "zero")


@dataclass(frozen=True, kw_only=True)
class CalibrationUncertainty:
    """What a calibration leaves open.

    Attributes
    ----------
    names
        Of refined quantities, some of `CALIBRATED`.
    esds
        Their standard uncertainties, in the units of `Profile` and degrees.
    correlations
        Their correlation matrix, row by row.
    """

    names: tuple[str, ...]
    esds: tuple[float, ...]
    correlations: tuple[tuple[float, ...], ...]

    def __post_init__(self) -> None:
        count = len(self.names)
        if unknown := [name for name in self.names if name not in CALIBRATED]:
            raise InputError(f"a calibration of {unknown[0]!r}", cure=nearest(unknown[0], CALIBRATED))
        if len(set(self.names)) < count or len(self.esds) != count or any(not 0 <= e < math.inf for e in self.esds):
            raise InputError("a calibration with other names than esds", cure="give one positive esd for each name")
        rows = self.correlations
        if len(rows) != count or any(len(row) != count for row in rows):
            raise InputError("correlations of other size than esds", cure=f"give {count} rows of {count} numbers")
        if any(abs(rows[i][j] - (rows[j][i] if i != j else 1.0)) > ROUNDED or abs(rows[i][j]) > 1.0 + ROUNDED
               for i in range(count) for j in range(count)):  # fmt: skip
            raise InputError("correlations are no symmetric matrix with ones on its diagonal", cure="correct them")


@public_class
@dataclass(frozen=True, kw_only=True)
class Instrument:
    """The known properties of the diffractometer before a fit.

    Attributes
    ----------
    radiation
        Lines and polarisation; None when the instrument's description does not state it.
    geometry
        "bragg-brentano" or "debye-scherrer"; decides the effect of specimen displacement on the angles.
    radius_mm
        Goniometer radius. Only `displacement_mm` depends on it.
    profile
        Calibrated peak widths; None if the instrument is not calibrated.
    zero
        Error of the detector's zero: observed minus true two-theta, degrees.
    displacement_mm
        Specimen displacement: outwards from the focusing circle (bragg-brentano), along the beam
        (debye-scherrer).
    slit
        "fixed", or "automatic": constant illuminated length, intensities as measured; None as the file states it.
    two_mu_t
        Twice the thickness of a flat specimen times its attenuation coefficient; 0 for a thick one.
    mu_r
        Radius of a capillary times the attenuation coefficient of its content; 0 for no absorption.
    overflow_two_theta
        Angle (degrees) below which the beam is longer than a flat specimen; 0 if it never is.
    calibration
        Uncertainty of `profile` and `zero`, from a standard; None: they are exact.
    kind, polarization
        Statements on the beam without a wavelength, None where it does not; see
        `completed`. Where `radiation` is known they are part of it.

    Examples
    --------
    >>> import layerox as lx
    >>> lx.Instrument(geometry="debye-scherrer", radius_mm=240.0, zero=0.01).zero
    0.01
    """

    radiation: Radiation | None = None
    geometry: Geometry = "bragg-brentano"
    radius_mm: float = DEFAULT_RADIUS_MM
    profile: Profile | None = None
    zero: float = 0.0
    displacement_mm: float = 0.0
    slit: Slit | None = None
    two_mu_t: float = 0.0
    mu_r: float = 0.0
    overflow_two_theta: float = 0.0
    kind: Literal["xray", "neutron"] | None = None
    polarization: float | None = None
    calibration: CalibrationUncertainty | None = None

    def __post_init__(self) -> None:
        if self.geometry not in GEOMETRIES:
            raise InputError(f"unknown geometry {self.geometry!r}", cure=nearest(self.geometry, GEOMETRIES))
        if not self.radius_mm > 0:
            raise InputError(f"a goniometer radius of {self.radius_mm} mm", cure="give a positive radius_mm")
        if self.slit is not None and self.slit not in SLITS:
            raise InputError(f"unknown slit {self.slit!r}", cure=nearest(self.slit, SLITS))
        if self.calibration is not None and self.profile is None:
            raise InputError("a calibration without a profile", cure="give the profile, or leave [calibration] out")
        self._refuse_impossible_corrections()

    def _refuse_impossible_corrections(self) -> None:
        flat = self.geometry == "bragg-brentano"
        for name, value, fits in (
            ("two_mu_t", self.two_mu_t, flat), ("mu_r", self.mu_r, not flat),
            ("overflow_two_theta", self.overflow_two_theta, flat),
        ):  # fmt: skip
            if value and not fits:
                raise InputError(f"{name} does not apply to {self.geometry}", cure="leave it out")
            if not 0 <= value < (180 if name == "overflow_two_theta" else math.inf):
                raise InputError(f"{name} = {value:g}", cure="give a value above zero, or leave it out")
        if self.slit == "automatic" and not flat:
            raise InputError(f"an automatic slit does not apply to {self.geometry}", cure="leave it out")

    def completed(self, radiation: Radiation) -> Radiation:
        """Return another radiation, completed by the kind and polarisation of this instrument."""
        if self.radiation is not None:
            return radiation.completed_by(self.radiation)
        stated = replace(
            radiation,
            kind=self.kind or radiation.kind,
            says_kind=self.kind is not None,
            polarization=self.polarization,
        )
        return radiation.completed_by(stated)
