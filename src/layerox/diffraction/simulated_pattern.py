"""Simulated pattern: the pattern of a mixture of known composition, with or without noise, and its reflections.

It uses the model of the refinements; the user's arguments are resolved in `analysis.fit`.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace

import numpy as np

from layerox.diffraction.disordered.phase import DisorderedPhase
from layerox.diffraction.measured_phase import MeasuredPhase
from layerox.diffraction.model import Calculated, Model
from layerox.diffraction.peak_sets import Peaks
from layerox.diffraction.peaks import lorentz_polarization
from layerox.diffraction.phase import Phase
from layerox.diffraction.result_display import html_table
from layerox.diffraction.weight_fractions import scales_for_weights
from layerox.errors import InputError
from layerox.instrument import Instrument
from layerox.notices import Notice
from layerox.pattern import Pattern, poisson_sigma
from layerox.radiation import Radiation
from layerox.typing import FloatArray

# Maximum of a pattern without counts, and the relative height at which tails are cut.
NOISE_FREE_MAXIMUM = 10_000.0
TAIL = 1e-7
# Error of the transforms of disordered stackings, in units of the highest point: intensities may be as negative.
TRANSFORM_ERROR = 1e-5
# Largest number of counts; larger ones are not exact in double precision.
MOST_COUNTS = 1e15


@dataclass(frozen=True, kw_only=True)
class Reflection:
    """One reflection of a simulated phase.

    Attributes
    ----------
    phase, hkl, multiplicity
        Name of the phase, indices, and size of the Laue class.
    d_spacing, two_theta
        Angstrom, and degrees for the strongest line (Bragg angle).
    f_squared
        |F|^2 a unit cell, mean of Friedel mates, displacement factors, f' and f'' included (electrons^2; fm^2 for
        neutrons).
    lorentz_polarization
        Lorentz factor 1 / (sin^2 cos) times polarisation p + (1 - p) cos^2.
    intensity
        Integrated intensity of all lines, intensity times degrees.
    """

    phase: str
    hkl: tuple[int, int, int]
    multiplicity: int
    d_spacing: float
    two_theta: float
    f_squared: float
    lorentz_polarization: float
    intensity: float


@dataclass(frozen=True, kw_only=True, eq=False)
class Simulation:
    """A simulated pattern with its phases, weights and reflections.

    Attributes
    ----------
    pattern
        The pattern, with noise if counts are given.
    calculated, background, contributions
        Noise-free curves, shapes (n,), (n,) and (p, n).
    phases
        The phases with their scales.
    weights
        Weight fraction of each phase, summing to one.
    reflections
        All reflections within the range.
    instrument
        The simulated diffractometer.
    seed
        Of the noise; None without noise.
    """

    pattern: Pattern
    calculated: FloatArray
    background: FloatArray
    contributions: FloatArray
    phases: tuple[Phase, ...]
    weights: tuple[float, ...]
    reflections: tuple[Reflection, ...]
    instrument: Instrument
    seed: int | None

    def __repr__(self) -> str:
        parts = zip(self.phases, self.weights, strict=True)
        fractions = ", ".join(f"{phase.name} {100 * weight:.4g}" for phase, weight in parts)
        return f"<Simulation {self._headline}; weight %: {fractions}>"

    def _repr_html_(self) -> str:
        """Return the table of phases that a notebook shows."""
        rows = [
            (phase.name, phase.crystal.space_group, f"{100 * weight:.4g}", phase.crystal.formula)
            for phase, weight in zip(self.phases, self.weights, strict=True)
        ]
        return html_table(self._headline, ("phase", "space group", "weight %", "formula"), rows)

    @property
    def _headline(self) -> str:
        low, high = self.pattern.range
        noise = "no noise" if self.seed is None else f"noise of seed {self.seed}"
        return f"{low:g} to {high:g} degrees, {len(self.pattern)} points, {self.pattern.radiation}, {noise}"

    @property
    def warnings(self) -> tuple[Notice, ...]:
        """Warnings about the phases."""
        return tuple(
            Notice(notice.code, f"{phase.name}: {notice.message}")
            for phase in self.phases
            for notice in phase.crystal.warnings
        )

    @property
    def two_theta(self) -> FloatArray:
        """Angles, degrees, shape (n,)."""
        return self.pattern.two_theta

    @property
    def intensity(self) -> FloatArray:
        """Intensities (with noise if counts are given), shape (n,)."""
        return self.pattern.intensity


def simulation(
    two_theta: FloatArray,
    phases: Sequence[Phase],
    weights: Sequence[float],
    instrument: Instrument,
    radiation: Radiation,
    *,
    background: Sequence[float] = (),
    counts: float | None = None,
    seed: int = 0,
) -> Simulation:
    """Return the pattern of a mixture.

    Parameters
    ----------
    two_theta
        Ascending angles, degrees.
    phases, weights
        The phases and their proportion by weight (any positive unit).
    instrument, radiation
        The diffractometer with its profile, and the beam.
    background
        Chebyshev coefficients, in intensity.
    counts
        Counts at the maximum of the peaks, with Poisson noise.
    seed
        Of the noise.

    Raises
    ------
    InputError
        If weights or counts are not positive, or a number is too large.
    """
    shares = _shares(phases, weights)
    if unknown := [phase.name for phase in phases if isinstance(phase, MeasuredPhase) and not phase.is_weighed]:
        raise InputError(
            f"{unknown[0]} has no calibration", argument="weights", cure="calibrate it with a known mixture"
        )
    scales = scales_for_weights([phase.crystal for phase in phases], shares)
    scaled = [replace(phase, scale=float(scale)) for phase, scale in zip(phases, scales, strict=True)]
    model = Model(two_theta, scaled, instrument, radiation, background_terms=len(background), tail=1e-30)
    refuse_imaginary_widths(model.peaks(model.start))
    top = _highest_point(model)
    target = NOISE_FREE_MAXIMUM if counts is None else counts
    if not 0 < target <= MOST_COUNTS:
        raise InputError(f"{target:g} counts", argument="counts", cure=f"give a number from 1 to {MOST_COUNTS:g}")
    if seed < 0:
        raise InputError(f"a seed of {seed}", argument="seed", cure="give a whole number that is not negative")
    if not all(abs(term) <= MOST_COUNTS for term in background):
        terms = " ".join(f"{term:g}" for term in background)
        cure = f"give counts, up to {MOST_COUNTS:g}"
        raise InputError(f"coefficients {terms}", argument="background", cure=cure)
    scaled = [replace(phase, scale=phase.scale * target / top) for phase in scaled]
    model = model.rescaled(scaled, tail=TAIL * target)
    values = model.start
    values[model.background_block] = background
    calculated = model.calculated(values)
    return Simulation(
        pattern=_pattern(model, calculated, radiation, None if counts is None else seed),
        calculated=calculated.total,
        background=calculated.background,
        contributions=calculated.phases,
        phases=tuple(scaled),
        weights=tuple(float(share) for share in shares),
        reflections=tuple(reflection_list(model, calculated)),
        instrument=instrument,
        seed=None if counts is None else seed,
    )


def _shares(phases: Sequence[Phase], weights: Sequence[float]) -> FloatArray:
    if len(weights) != len(phases):
        raise InputError(f"{len(weights)} weights for {len(phases)} phases", argument="weights", cure="give one each")
    shares = np.asarray(weights, dtype=np.float64)
    if not (np.isfinite(shares).all() and (shares >= 0).all() and shares.sum() > 0):
        raise InputError(f"weights {list(weights)}", argument="weights", cure="give numbers that are not negative")
    return np.asarray(shares / shares.sum())


def refuse_imaginary_widths(phases: Iterable[Peaks]) -> None:
    """Refuse a profile whose Gaussian width is not real at a peak of any phase."""
    for peaks in phases:
        if not peaks.has_width.all():
            first = peaks.table[0][~peaks.has_width].min()
            fault = f"peaks at {first:.2f} degrees have no width: u tan^2 + v tan + w is not positive"
            raise InputError(fault, place="[profile]", cure="correct u, v and w, or give x, y or a size")


def _highest_point(model: Model) -> float:
    top = float(model.calculated(model.start).total.max())
    if not top > 0:
        low, high = model.limits
        fault = f"no peak is between {low:g} and {high:g} degrees"
        raise InputError(fault, argument="two_theta", cure="widen the range")
    return top


def _pattern(model: Model, calculated: Calculated, radiation: Radiation, seed: int | None) -> Pattern:
    total = calculated.total
    if total.min() < -TRANSFORM_ERROR * total.max():
        raise InputError("the background is negative", argument="background", cure="raise its first coefficient")
    intensity = np.maximum(total, 0.0)
    if seed is not None:
        intensity = np.random.default_rng(seed).poisson(intensity).astype(np.float64)
    return Pattern(
        two_theta=model.two_theta,
        intensity=intensity,
        sigma=poisson_sigma(intensity),
        sigma_source="poisson",
        radiation=radiation,
        label=" + ".join(phase.name for phase in model.phases),
    )


def reflection_list(model: Model, calculated: Calculated) -> list[Reflection]:
    """Return the reflections of all phases within the range of the model, by phase and angle."""
    low, high = model.limits
    wavelength = model.radiation.wavelength
    rows = []
    for phase, phase_model, peaks in zip(model.phases, model.phase_models, calculated.peaks, strict=True):
        if isinstance(phase, DisorderedPhase):
            continue  # rods, not reflections
        areas = np.bincount(peaks.listed.owner, weights=peaks.table[3]) * phase.scale
        for k, hkl in enumerate(phase_model.reflections.hkl.tolist()):
            sine = 0.5 * wavelength * np.sqrt(peaks.q[k])
            two_theta = 2 * np.degrees(np.arcsin(min(sine, 1.0)))
            if not (low <= two_theta <= high and sine < 1):
                continue
            factor, _ = lorentz_polarization(np.radians(two_theta / 2), phase_model.polarization)
            rows.append(
                Reflection(
                    phase=phase.name,
                    hkl=(hkl[0], hkl[1], hkl[2]),
                    multiplicity=int(phase_model.reflections.multiplicity[k]),
                    d_spacing=float(1 / np.sqrt(peaks.q[k])),
                    two_theta=float(two_theta),
                    f_squared=float(peaks.f_squared[k]),
                    lorentz_polarization=float(factor),
                    intensity=float(areas[k]),
                )
            )
    return rows
