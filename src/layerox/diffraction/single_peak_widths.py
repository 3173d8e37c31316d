"""Single peak widths: the broadening of single reflections by the specimen, refined in the model of a fit.

The reflections of a phase are divided into groups that the pattern resolves. Each group has a Lorentzian width of its
own; all are refined together with the other variables of the fit, so that their uncertainties include the overlap with
neighbours and background. The profile of the diffractometer is fixed: the rest of the width is that of the specimen.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from layerox.diffraction import peaks as pk
from layerox.diffraction.disordered.phase import DisorderedPhase
from layerox.diffraction.least_squares import minimise_jointly
from layerox.diffraction.minimum import Data, Histogram, Minimum
from layerox.diffraction.model import Model
from layerox.diffraction.model_setup import Outcome
from layerox.diffraction.parameters import slot_name
from layerox.diffraction.profiles import GAUSS_HEIGHT, LORENTZ_HEIGHT, tch_width
from layerox.diffraction.refinement import Refinement
from layerox.diffraction.staged_strategy import fit_from_result
from layerox.errors import InputError
from layerox.typing import FloatArray, IntArray

# Reflections nearer than this share of their width are one group; least height of a group in sigmas.
UNRESOLVED, STRONG = 1.0, 25.0
# Share of the strongest reflection of a phase below which a reflection is ignored for the limits and names of groups.
NEGLIGIBLE = 0.01
# Integral of the square of a peak of unit area and width, between a Lorentzian's and a Gaussian's.
SHAPE = 0.5
LARGEST_INVERSE_SIZE = 1.0
BROADENING = ("inverse_size", "microstrain")
PROFILE = tuple(f"instrument_{slot}" for slot in ("u", "v", "w", "x", "y", "s_over_l", "h_over_l"))
NONE = "no_microstrain"
MOST_EVALUATIONS = 40


@dataclass(frozen=True, kw_only=True, eq=False)
class GroupBreadth:
    """Reflections that the pattern does not resolve.

    Attributes
    ----------
    phase
        Its name.
    hkl
        Of the reflections, strongest first, shape (n, 3), without those of negligible intensity.
    two_theta, spacing
        Mean Bragg angle (degrees) and spacing (angstrom), weighted by intensity.
    lorentz, lorentz_esd
        FWHM of the specimen, degrees.
    inverse_size
        lorentz cos(theta) / lambda, 1/nm: the inverse of the size that alone causes this broadening.
    gauss_of_instrument, lorentz_of_instrument
        FWHM of the parts of the diffractometer's profile, degrees.
    """

    phase: str
    hkl: IntArray
    two_theta: float
    spacing: float
    lorentz: float
    lorentz_esd: float
    inverse_size: float
    gauss_of_instrument: float
    lorentz_of_instrument: float

    @property
    def instrument_breadth(self) -> float:
        """Integral breadth of the diffractometer's profile, degrees."""
        return integral_breadth(self.gauss_of_instrument, self.lorentz_of_instrument)

    @property
    def observed_breadth(self) -> float:
        """Integral breadth of the whole peak, degrees."""
        return integral_breadth(self.gauss_of_instrument, self.lorentz_of_instrument + self.lorentz)


@dataclass(frozen=True, kw_only=True, eq=False)
class Breadths:
    """The breadths of a fit.

    Attributes
    ----------
    groups
        By phase, by angle.
    covariance
        Of their `inverse_size`, 1/nm^2, shape (groups, groups).
    """

    groups: tuple[GroupBreadth, ...]
    covariance: FloatArray


def integral_breadth(gauss: float, lorentz: float) -> float:
    """Return area over height of a pseudo-Voigt (Thompson, Cox & Hastings) of two full widths, in their unit."""
    if gauss <= 0.0 and lorentz <= 0.0:
        return 0.0
    width, eta, *_ = tch_width(gauss, lorentz)
    return float(width / (eta * LORENTZ_HEIGHT + (1.0 - eta) * GAUSS_HEIGHT))


def breadths(result: Refinement) -> Breadths:
    """Return the broadening of each group of reflections of the supported phases by the specimen.

    Phases with extracted intensities are left out.

    Raises
    ------
    InputError
        If the fit has failed, or no reflection is strong enough.
    """
    if result.status == "failed":
        raise InputError(f"the fit has failed: {result.reason}", argument="result", cure="correct the fit first")
    outcome = fit_from_result(result.pattern, result, result.instrument, result.radiation)
    data = Data(result.pattern.intensity, 1.0 / result.pattern.sigma)
    chosen = [
        k
        for k, phase in enumerate(outcome.model.phases)
        if phase.name not in outcome.unsupported and phase.mode == "rietveld" and not isinstance(phase, DisorderedPhase)
    ]
    parts = [part for k in chosen for part in _parts(outcome, data, k)]
    if not parts:
        raise InputError("no reflection is strong enough for its breadth", argument="result",
                         cure="count longer, or give a pattern with fewer overlaps")  # fmt: skip
    return _refined(outcome, data, parts)


@dataclass(frozen=True, eq=False)
class _Part:
    """A group of reflections of one phase: indices of the phase and of the reflections, and their mean angle."""

    phase: int
    reflections: IntArray
    named: IntArray
    two_theta: float
    spacing: float
    lorentz: float


def _parts(outcome: Outcome, data: Data, index: int) -> Iterator[_Part]:
    """Yield the groups of a phase that are strong enough."""
    model = outcome.model
    phase_model, block = model.phase_models[index], model.phase_blocks[index]
    values = outcome.minimum.parameters.values[: len(model.names)]
    lines = len(phase_model.wavelengths)
    main = int(np.argmax(phase_model.weights))
    peaks = outcome.minimum.calculated.peaks[index]
    position, gauss, lorentz, area = peaks.table[:, main::lines]
    spacing = peaks.q**-0.5
    width = np.array([tch_width(g, w)[0] for g, w in zip(gauss, lorentz, strict=True)])
    matters = area > NEGLIGIBLE * area.max()
    low, high = model.limits
    inside = (position > low + width) & (position < high - width)
    for group in _together(position, width, matters):
        if not inside[group].all():
            continue
        named = group[matters[group]]
        named = named[np.argsort(-area[named])]
        strength = area[group] / area[group].sum()
        bragg = np.degrees(peaks.listed.bragg[main::lines])
        part = _Part(
            phase=index,
            reflections=group,
            named=named,
            two_theta=float(strength @ bragg[group]),
            spacing=float(strength @ spacing[group]),
            lorentz=float(strength @ _of_specimen(values[block], bragg[group], phase_model.wavelengths[main])),
        )
        sigma = float(np.interp(part.two_theta, model.two_theta, 1.0 / data.weight))
        wide = float(width[group].max())
        height = float(area[group].sum() * values[block][pk.SCALE]) / wide
        points = wide / float(np.diff(model.two_theta).mean())
        if height * (SHAPE * points) ** 0.5 > STRONG * sigma:
            yield part


def _together(position: FloatArray, width: FloatArray, matters: NDArray[np.bool_]) -> list[IntArray]:
    """Return groups of reflections: resolved ones are separate groups, weak ones belong to the nearest."""
    order = np.flatnonzero(matters)
    order = order[np.argsort(position[order])]
    if not len(order):
        return []
    gaps = np.diff(position[order]) > UNRESOLVED * 0.5 * (width[order][1:] + width[order][:-1])
    number = np.concatenate([[0], np.cumsum(gaps)])
    nearest = np.abs(position[:, None] - position[order][None]).argmin(axis=1)
    owner = number[nearest]
    return [np.flatnonzero(owner == k) for k in range(int(number[-1]) + 1)]


def _of_specimen(values: FloatArray, bragg: FloatArray, wavelength: float) -> FloatArray:
    """Return the Lorentzian FWHM (degrees) that size and microstrain of a phase add at Bragg angles 2 theta."""
    theta = np.radians(bragg / 2)
    size = wavelength * values[pk.INVERSE_SIZE] / pk.NM / np.cos(theta)
    return np.asarray((size + values[pk.MICROSTRAIN] * np.tan(theta)) / pk.DEGREE)


def _model_of(model: Model, parts: Sequence[_Part]) -> Model:
    """Return the model with each part as a phase, followed by the rest of the phases."""
    taken = {k: [part.reflections for part in parts if part.phase == k] for k in range(len(model.phases))}
    # A disordered phase is not a list of peaks and stays whole.
    left = [
        (k, np.setdiff1d(np.arange(len(phase_model.reflections)), np.concatenate([*taken[k], np.zeros(0, np.int64)])))
        for k, phase_model in enumerate(model.phase_models)
    ]
    return model.divided([*((p.phase, p.reflections) for p in parts), *((k, own) for k, own in left if len(own))])


def _refined(outcome: Outcome, data: Data, parts: Sequence[_Part]) -> Breadths:
    """Return the breadths of the parts, refined together with the variables of the fit."""
    model, table = outcome.model, outcome.minimum.parameters.copy()
    table.fix(name for name in PROFILE if name in table.index)
    for k in sorted({part.phase for part in parts}):
        table.fix(slot_name(model.phases[k], slot) for slot in BROADENING)
    wavelength = float(model.radiation.wavelength)
    for n, part in enumerate(parts):
        table.add(_own(n), part.lorentz * _per_degree(part, wavelength), 0.0, LARGEST_INVERSE_SIZE)
    table.add(NONE, 0.0)
    table.fix([NONE])
    whole = _model_of(model, parts)
    histogram = Histogram(whole, data, tuple(_names(model, whole, parts)))
    minimum = minimise_jointly([histogram], table, most_evaluations=MOST_EVALUATIONS)
    return _read(minimum, model, parts)


def _own(number: int) -> str:
    return f"group_{number}_inverse_size"


def _per_degree(part: _Part, wavelength: float) -> float:
    """Return the inverse size (1/nm) for a broadening of one degree at the angle of a part."""
    return pk.DEGREE * pk.NM * float(np.cos(np.radians(part.two_theta / 2))) / wavelength


def _names(model: Model, whole: Model, parts: Sequence[_Part]) -> Iterator[str]:
    """Yield the name in the original table for each value of the divided model."""
    yield from model.names[: model.extra_block.stop]
    for n, phase_model in enumerate(whole.phase_models):
        # The parts are renamed copies; their phase models contain the original phase.
        phase = phase_model.phase
        for slot in phase.slot_names:
            if n < len(parts) and slot in BROADENING:
                yield _own(n) if slot == BROADENING[0] else NONE
            else:
                yield slot_name(phase, slot)
        yield from (slot_name(phase, slot) for slot in phase_model.intensity_slots)


def _read(minimum: Minimum, model: Model, parts: Sequence[_Part]) -> Breadths:
    table = minimum.parameters
    names = table.free_names
    rows = [names.index(_own(n)) for n in range(len(parts))]
    # A width at its bound of zero has the uncertainty without the bound.
    covariance = minimum.full_covariance[np.ix_(rows, rows)]
    instrument = table.values[model.instrument_block]
    wavelength = float(model.radiation.wavelength)
    groups = []
    for n, part in enumerate(parts):
        theta = float(np.radians(part.two_theta / 2))
        gauss, _ = pk.gaussian_width(float(np.tan(theta)), instrument)
        lorentz, _ = pk.lorentzian_width(theta, wavelength, instrument, 0.0, 0.0)
        inverse, per_degree = table.value(_own(n)), _per_degree(part, wavelength)
        groups.append(
            GroupBreadth(
                phase=model.phases[part.phase].name,
                hkl=model.phase_models[part.phase].reflections.hkl[part.named],
                two_theta=part.two_theta,
                spacing=part.spacing,
                lorentz=inverse / per_degree,
                lorentz_esd=float(covariance[n, n]) ** 0.5 / per_degree,
                inverse_size=inverse,
                gauss_of_instrument=float(gauss),
                lorentz_of_instrument=float(lorentz),
            )
        )
    return Breadths(groups=tuple(groups), covariance=covariance)
