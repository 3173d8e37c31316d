"""Priors of the diffractometer: widths, axial divergence, position errors and background before a pattern, by its kind.

They hold for a diffractometer that is not calibrated; of a calibrated one, the errors of the calibration are held. The
widths are full widths at half maximum as in `layerox.instrument`. Values are what such diffractometers have with a
line-profile standard, rounded, and their esds the scatter between them, which is a judgement of this project:

- flat specimen, tube: 0.06 to 0.13 degrees with little change to 100 degrees (Cheary, Coelho & Cline, J. Res. NIST 109
  (2004) 1, doi:10.6028/jres.109.002; GSAS's INST_XRY.PRM: U, V, W = 0.0011, -0.0011, 0.0028 degrees^2); the Soller
  slits of 0.02 to 0.04 rad limit axial divergence. The zero of an aligned diffractometer is within 0.01 to 0.02 degrees
  (Cheary & Cline, Adv. X-ray Anal. 38 (1994) 75); specimens are mounted within 0.2 mm.
- synchrotron: from 0.006 degrees of an analyser crystal (11-BM: U, V, W = 0.00064, -0.00007, 0.00003 degrees^2, Wang et
  al., Rev. Sci. Instrum. 79 (2008) 085105, doi:10.1063/1.2969260) to 0.1 degrees of a flat detector.
- neutrons: 0.2 to 0.6 degrees, with a minimum near the take-off angle (Caglioti et al., Nucl. Instrum. 3 (1958) 223,
  doi:10.1016/0369-643X(58)90029-X; D1A: U, V, W = 0.20, -0.42, 0.36 degrees^2).
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Literal

import numpy as np

from layerox.diffraction.parameters import Parameters, is_background_term
from layerox.diffraction.prior import Prior
from layerox.instrument import Geometry, Instrument
from layerox.pattern import Pattern
from layerox.radiation import Radiation

Kind = Literal["flat", "capillary", "synchrotron", "neutrons"]


@dataclass(frozen=True)
class Known:
    """Value and standard uncertainty of a quantity; that of the logarithm if `is_relative`."""

    value: float
    esd: float
    is_relative: bool = False


# Position errors of a Bragg-Brentano diffractometer without calibration: zero (degrees) and displacement (mm).
POSITION_WIDTHS: Mapping[str, float] = {"instrument_zero": 0.02, "instrument_displacement": 0.2}
# By kind: U, V, W (degrees^2), X, Y (degrees), S/L and H/L.
PROFILES: Mapping[Kind, Mapping[str, Known]] = {
    "flat": {
        "u": Known(0.002, 0.005),
        "v": Known(-0.001, 0.003),
        "w": Known(0.006, 1.0, is_relative=True),
        "x": Known(0.0, 0.02),
        "y": Known(0.0, 0.02),
        "s_over_l": Known(0.03, 0.015),
    },
    "capillary": {
        "u": Known(0.002, 0.005),
        "v": Known(-0.001, 0.003),
        "w": Known(0.01, 1.0, is_relative=True),
        "x": Known(0.0, 0.02),
        "y": Known(0.0, 0.02),
        "s_over_l": Known(0.03, 0.015),
    },
    "synchrotron": {
        "u": Known(0.0005, 0.002),
        "v": Known(0.0, 0.001),
        "w": Known(0.0003, 2.0, is_relative=True),
        "x": Known(0.0, 0.01),
        "y": Known(0.0, 0.02),
        "s_over_l": Known(0.002, 0.003),
    },
    "neutrons": {
        "u": Known(0.2, 0.15),
        "v": Known(-0.3, 0.2),
        "w": Known(0.25, 0.7, is_relative=True),
        "x": Known(0.0, 0.05),
        "y": Known(0.0, 0.05),
        "s_over_l": Known(0.03, 0.02),
    },
}
# A smooth background: term k of Chebyshev's is within this share of the level over k^2, as air scattering and humps of
# glass are: they fall faster with k (Trefethen, Approximation Theory and Approximation Practice, 2013, chapter 8).
SMOOTHNESS, FIRST_SMOOTH = 2.0, 2
# Least level of a background, as a share of the highest point.
LEAST_LEVEL = 0.002


# Errors of a calibration, which its covariance makes independent.
CALIBRATION = "instrument_calibration_"


@dataclass(frozen=True, kw_only=True)
class SpecimenEffect:
    """What the size of a specimen does to intensities.

    Attributes
    ----------
    prior
        Name of its prior, in units of the effect of `unit`: 0 is a specimen without it, and the width is 1.
    parameter, key
        Of the model and of an instrument file; zero is no effect.
    unit, start
        Value of the parameter for one unit, and where its refinement starts.
    code, sign, symbol
        Of its warning: code, what the intensities do, name of the quantity.
    geometry
        In which it is possible.
    is_of_low_angles
        Whether it changes lines below `unit` (degrees) only.
    """

    prior: str
    parameter: str
    key: str
    unit: float
    start: float
    code: str
    sign: str
    symbol: str
    geometry: Geometry = "bragg-brentano"
    is_of_low_angles: bool = False

    def is_open(self, instrument: Instrument) -> bool:
        """Whether it is possible and the instrument does not state it."""
        constant = self.is_of_low_angles and instrument.slit == "automatic"
        return instrument.geometry == self.geometry and not constant and not getattr(instrument, self.key)


# A beam of 1 degree at 173 to 240 mm is as long as a specimen of 20 mm at 17 to 24 degrees.
SPECIMEN_EFFECTS = (
    SpecimenEffect(
        prior="specimen_transparency", parameter="instrument_two_mu_t", key="two_mu_t", unit=1.0, start=1.0,
        code="thin_specimen", symbol="2 mu t", sign="intensities fall towards high angles as those of a thin plate do",
    ),
    SpecimenEffect(
        prior="beam_overflow", parameter="instrument_overflow", key="overflow_two_theta", unit=20.0, start=25.0,
        code="beam_overflow", symbol="the angle of overflow",
        sign="intensities fall towards low angles as if the beam were longer than the specimen", is_of_low_angles=True,
    ),
    SpecimenEffect(
        prior="capillary_absorption", parameter="instrument_mu_r", key="mu_r", unit=1.0, start=0.5,
        code="capillary_absorption", symbol="mu R", geometry="debye-scherrer",
        sign="intensities fall towards low angles as if a capillary absorbed the beam",
    ),
)  # fmt: skip
EFFECT_WIDTH = 1.0


def kind_of(instrument: Instrument, radiation: Radiation) -> Kind:
    """Return the kind of a diffractometer: by its beam and its geometry; one X-ray line is that of a synchrotron."""
    if radiation.kind == "neutron":
        return "neutrons"
    if instrument.geometry == "bragg-brentano":
        return "flat"
    return "capillary" if radiation.name else "synchrotron"


def of_position(instrument: Instrument, parameters: Parameters) -> Iterator[Prior]:
    """Yield the priors of zero and displacement in Bragg-Brentano geometry; a capillary has a zero only."""
    if instrument.geometry != "bragg-brentano":
        return
    stated = {"instrument_zero": instrument.zero, "instrument_displacement": instrument.displacement_mm}
    for name, esd in POSITION_WIDTHS.items():
        if name in parameters.index and parameters.can_vary(name):
            yield Prior(
                name=name, value=stated[name], esd=esd, parts={name: 1.0}, phase="", provenance="diffractometer"
            )


def of_specimen(instrument: Instrument, parameters: Parameters) -> Iterator[Prior]:
    """Yield the priors of the effects of a specimen's size that nobody states; they are held unless refined."""
    for effect in SPECIMEN_EFFECTS:
        if effect.parameter in parameters.index and effect.is_open(instrument):
            yield Prior(name=effect.prior, value=0.0, esd=EFFECT_WIDTH, parts={}, phase="", provenance="specimen")


def of_profile(instrument: Instrument, radiation: Radiation, parameters: Parameters) -> Iterator[Prior]:
    """Yield the priors of widths and axial divergence."""
    for slot, known in PROFILES[kind_of(instrument, radiation)].items():
        name = f"instrument_{slot}"
        if name in parameters.index and parameters.can_vary(name):
            yield Prior(name=name, value=known.value, esd=known.esd, parts={name: 1.0}, phase="",
                        provenance="diffractometer", is_relative=known.is_relative)  # fmt: skip


def of_calibration(instrument: Instrument, parameters: Parameters) -> Iterator[Prior]:
    """Yield the independent errors of a calibration: the eigenvectors of its covariance, which are held."""
    known = instrument.calibration
    if known is None or instrument.profile is None:
        return
    esds = np.array(known.esds)
    values, vectors = np.linalg.eigh(esds[:, None] * np.array(known.correlations) * esds)
    for k, (variance, vector) in enumerate(zip(values[::-1].tolist(), vectors.T[::-1].tolist(), strict=True), start=1):
        parts = {name: factor for slot, factor in zip(known.names, vector, strict=True) for name in _slots_of(slot)}
        if variance > 0.0 and all(parameters.can_vary(name) for name in parts):
            yield Prior(name=f"{CALIBRATION}{k}", value=0.0, esd=variance**0.5, parts=parts, phase="",
                        provenance="calibration")  # fmt: skip


def _slots_of(quantity: str) -> tuple[str, ...]:
    """Return the parameters of a quantity of a calibration."""
    return ("instrument_s_over_l", "instrument_h_over_l") if quantity == "axial" else (f"instrument_{quantity}",)


def of_background(pattern: Pattern, parameters: Parameters) -> Iterator[Prior]:
    """Yield the priors of the higher terms of the background: it is smooth."""
    level = max(float(np.median(pattern.intensity)), LEAST_LEVEL * float(np.ptp(pattern.intensity)))
    for k in range(FIRST_SMOOTH, sum(map(is_background_term, parameters.names))):
        name = f"background_{k}"
        if parameters.can_vary(name):
            yield Prior(name=name, value=0.0, esd=SMOOTHNESS * level / k**2, parts={name: 1.0}, phase="",
                        provenance="smooth background")  # fmt: skip
