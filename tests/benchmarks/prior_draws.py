"""Draws from the priors: patterns whose every quantity with a prior in `esd_model` is drawn from that prior.

Structures, cells, sizes, microstrains and textures of the phases; crystallites beside the March function; absorption in
particles; overflow and thickness of a plate, or absorption in a capillary; zero, displacement and widths of a
diffractometer or errors of its calibration; background. The effects are calculated here, not by the modules that
hold their priors: particles with a quadrature of paths in a sphere, and textures as sums of patterns.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import lru_cache

import numpy as np

import layerox as lx
from layerox.analysis.phase_arguments import phases_from
from layerox.diffraction.absorption import phase_attenuation
from layerox.diffraction.constraints import constrained
from layerox.diffraction.measurement_priors import POSITION_WIDTHS, PROFILES, SMOOTHNESS
from layerox.diffraction.model import slots_of
from layerox.diffraction.parameters import slot_name
from layerox.diffraction.phase import Phase
from layerox.diffraction.priors import RANDOM_SHARE, SPECIMEN_WIDTHS, USUAL_SIZE, priors_of
from layerox.diffraction.unknown_particles import PARTICLE_RANGE_UM
from layerox.instrument import Instrument, Profile
from layerox.radiation import radiation_from_text
from layerox.symmetry import CELL_NAMES

ANGLES = (12.0, 100.0, 0.02)
PROFILE = Profile(u=0.003, v=-0.002, w=0.004, x=0.004)
CU = radiation_from_text("CuKa").polarized(0.5557)
CM_PER_UM = 1e-4
# Rays through a sphere: the quadrature is good to 1e-4 of its transmission.
RAYS = 24
BACKGROUND_TERMS = 12
# Of a plate of 2 mu t = 1, a beam that is longer than the specimen below 20 degrees, and a capillary of mu R = 1.
OVERFLOW = 20.0
# Contrast at which Brindley's factor ends for light particles.
LEAST_CONTRAST = -1.0


@dataclass(frozen=True)
class Drawn:
    """A pattern, the phases and weight fractions that it shows, and what the fit knows of the diffractometer."""

    pattern: lx.Pattern
    phases: list[Phase]
    weights: list[float]
    known: Instrument | None


def with_drawn_structure(phase: Phase, width: float, rng: np.random.Generator, *, with_cell: bool = False) -> Phase:
    """Return a phase whose atoms are drawn from their priors, `width` times as wide, and its cell from its own."""
    table = constrained(*slots_of([phase], Instrument(), 0), [phase])
    for prior in priors_of([phase], table):
        if prior.provenance == "specimen" or not prior.parts:
            continue
        is_of_cell = prior.name.removeprefix(f"{phase.name}_") in CELL_NAMES
        shift = (1.0 if is_of_cell else width) * prior.esd * rng.standard_normal()
        shift = prior.value * (np.exp(shift) - 1.0) if prior.is_relative else shift
        for name, factor in prior.parts.items():
            table.assign(name, table.value(name) + factor * shift)
    value = {slot: table.value(slot_name(phase, slot)) for slot in phase.slot_names}
    sites = tuple(
        replace(
            site,
            position=tuple(value[f"{site.label}_{axis}"] for axis in "xyz"),
            occupancy=value[f"{site.label}_occupancy"],
            u_iso=value[f"{site.label}_u_iso"],
        )
        for site in phase.crystal.sites
    )
    crystal = replace(phase.crystal, sites=sites)
    if with_cell:
        crystal = crystal.with_cell([value[name] for name in CELL_NAMES])
    return replace(phase, crystal=crystal)


def drawn_from_priors(names: tuple[str, ...], kind: str, width: float, rng: np.random.Generator) -> Drawn:
    """Return a pattern drawn from the priors; those of structures are `width` times as wide.

    `kind` is "flat" (Bragg-Brentano, not calibrated), "calibrated" or "capillary" (with the profile known).
    """
    phases = [_phase(phase, width, rng) for phase in phases_from(list(names))]
    shares = rng.dirichlet(np.ones(len(names)))
    weights = (0.02 + (1 - 0.02 * len(names)) * shares).tolist()
    true, known = KINDS[kind](rng)
    apparent = (np.array(weights) * particle_factors(phases, weights, rng)).tolist()
    peaks, simulated = _peaks(phases, apparent, true, rng)
    top = float(np.exp(rng.uniform(np.log(3_000), np.log(60_000))))
    counts = rng.poisson(peaks * top / peaks.max() + _background(len(peaks), rng)).astype(float)
    pattern = replace(simulated, intensity=counts, sigma=np.sqrt(np.maximum(counts, 1.0)), sigma_source="poisson")
    return Drawn(pattern, phases, weights, known)


def _phase(phase: Phase, width: float, rng: np.random.Generator) -> Phase:
    is_cubic = phase.crystal.symmetry.cell_rule.free == (0,)
    drawn = Phase(
        name=phase.name,
        crystal=phase.crystal,
        size_nm=USUAL_SIZE * math.exp(SPECIMEN_WIDTHS["inverse_size"] * rng.standard_normal()),
        microstrain=SPECIMEN_WIDTHS["microstrain"] * abs(rng.standard_normal()),
        preferred_orientation=1.0
        if is_cubic
        else math.exp(SPECIMEN_WIDTHS["preferred_orientation"] * rng.standard_normal()),
    )
    return with_drawn_structure(drawn, width, rng, with_cell=True)


def _peaks(
    phases: list[Phase], weights: list[float], instrument: Instrument, rng: np.random.Generator
) -> tuple[np.ndarray, lx.Pattern]:
    """Return the peaks of a mixture, with crystallites at random beside each texture, or fewer than at random."""

    def noise_free(chosen: list[Phase]) -> lx.Simulation:
        return lx.simulate(chosen, weights=weights, radiation=CU, two_theta=ANGLES, instrument=instrument)

    textured = noise_free(phases)
    random = noise_free([replace(phase, preferred_orientation=1.0) for phase in phases])
    # Both are normalised to their highest points.
    level = textured.phases[0].scale / random.phases[0].scale
    total = np.zeros(len(textured.pattern))
    for phase, one, other in zip(phases, textured.contributions, random.contributions, strict=True):
        share = _random_share(phase.preferred_orientation, rng)
        total += (1.0 - share) * one + share * level * other
    return np.maximum(total, 0.0), textured.pattern


def _random_share(march: float, rng: np.random.Generator) -> float:
    """Return the share of crystallites at random; below zero where no density of orientations becomes negative."""
    least = min(march**-3, march**1.5)
    return _first(lambda: RANDOM_SHARE * float(rng.standard_normal()), lambda s: (1.0 - s) * least + s >= 0.0 and s < 1)


def _first(draw: Callable[[], float], is_possible: Callable[[float], bool]) -> float:
    """Return the first possible one of many draws."""
    return next(value for value in iter(draw, None) if is_possible(value))


def particle_factors(phases: list[Phase], weights: list[float], rng: np.random.Generator) -> np.ndarray:
    """Return Brindley's factors of the intensities of phases whose particles have diameters drawn from the range."""
    bodies = [phase_attenuation(phase.crystal, phase.values, CU) for phase in phases]
    density, linear = (np.array([getattr(b, key) for b in bodies]) for key in ("density", "linear_attenuation"))
    volumes = np.array(weights) / density
    mean = float(volumes @ linear / volumes.sum())
    sizes = np.exp(rng.uniform(*np.log(PARTICLE_RANGE_UM), len(phases))) * CM_PER_UM
    contrasts = np.maximum((linear - mean) * sizes, LEAST_CONTRAST)
    return np.array([transmission(0.5 * contrast) for contrast in contrasts.tolist()])


def transmission(mu_r: float) -> float:
    """Return the mean of exp(-mu path) over a sphere of radius R that diffracts at right angles."""
    paths, weights = _sphere()
    return float(weights @ np.exp(-mu_r * paths) / weights.sum())


@lru_cache(maxsize=1)
def _sphere() -> tuple[np.ndarray, np.ndarray]:
    """Return the paths from the surface along x to a point, and on along y, at the points of a cubic grid."""
    line = (np.arange(2 * RAYS) + 0.5) / RAYS - 1.0
    x, y, z = (part.ravel() for part in np.meshgrid(line, line, line))
    inside = x**2 + y**2 + z**2 < 1.0
    x, y, z = x[inside], y[inside], z[inside]
    paths = x + np.sqrt(1.0 - y**2 - z**2) + np.sqrt(1.0 - x**2 - z**2) - y
    return paths, np.ones(paths.size)


def _flat(rng: np.random.Generator) -> tuple[Instrument, Instrument | None]:
    """Return a diffractometer with a flat specimen, of which the fit knows nothing."""
    errors = {name: width * float(rng.standard_normal()) for name, width in POSITION_WIDTHS.items()}
    return (
        Instrument(
            profile=_profile(rng),
            zero=errors["instrument_zero"],
            displacement_mm=errors["instrument_displacement"],
            **_plate(rng),
        ),
        None,
    )


def _profile(rng: np.random.Generator) -> Profile:
    """Return widths that are real at all angles, and axial divergence."""
    tangent = np.tan(np.radians(np.linspace(5.0, 120.0, 50) / 2))
    while True:  # U below zero is beyond its bound
        drawn = {}
        for slot, known in PROFILES["flat"].items():
            shift = known.esd * float(rng.standard_normal())
            drawn[slot] = known.value * math.exp(shift) if known.is_relative else known.value + shift
        axial, x, y = (abs(drawn.pop(slot)) for slot in ("s_over_l", "x", "y"))
        if drawn["u"] >= 0.0 and (drawn["u"] * tangent**2 + drawn["v"] * tangent + drawn["w"] > 1e-4).all():
            return Profile(**drawn, x=x, y=y, axial=(axial, axial))


def _plate(rng: np.random.Generator) -> dict[str, float]:
    """Return 2 mu t and the angle of overflow of a plate.

    A unit of transparency is the loss at the highest angle in a plate of 2 mu t = 1; losses are drawn in that unit.
    """
    sine = math.sin(math.radians(ANGLES[1] / 2))
    most = math.exp(1.0 / sine)
    loss = _first(lambda: abs(float(rng.standard_normal())), lambda x: 0.0 < x < 0.95 * most)
    return {
        "two_mu_t": 1.0 - sine * math.log(loss),
        "overflow_two_theta": OVERFLOW * abs(float(rng.standard_normal())),
    }


@lru_cache(maxsize=1)
def _calibration() -> Instrument:
    """Return a diffractometer as a standard of 20 000 counts determines it."""
    made = Instrument(profile=replace(PROFILE, axial=(0.03, 0.03)))
    standard = lx.simulate(["LaB6"], radiation=CU, two_theta=(20, 140, 0.02), instrument=made, background=[100.0],
                           counts=20_000, seed=7)  # fmt: skip
    return lx.calibrate(standard.pattern, "LaB6").instrument


def _calibrated(rng: np.random.Generator) -> tuple[Instrument, Instrument | None]:
    """Return a diffractometer that differs from the one known by the errors of the calibration."""
    known = replace(_calibration(), displacement_mm=0.0)
    esds = np.array(known.calibration.esds)
    shifts = rng.multivariate_normal(np.zeros(len(esds)), esds[:, None] * known.calibration.correlations * esds)
    errors = dict(zip(known.calibration.names, shifts.tolist(), strict=True))
    zero = known.zero + errors.pop("zero", 0.0)
    axial = max(known.profile.axial[0] + errors.pop("axial", 0.0), 0.0) if known.profile.axial else None
    widths = {name: getattr(known.profile, name) + error for name, error in errors.items()}
    profile = replace(known.profile, **widths, axial=axial if axial is None else (axial, axial))
    displacement = POSITION_WIDTHS["instrument_displacement"] * float(rng.standard_normal())
    return replace(
        known, profile=profile, zero=zero, displacement_mm=displacement, calibration=None, **_plate(rng)
    ), known


def _capillary(rng: np.random.Generator) -> tuple[Instrument, Instrument | None]:
    """Return a capillary that absorbs; its profile is known."""
    known = Instrument(profile=PROFILE, geometry="debye-scherrer")
    return replace(known, zero=0.02 * float(rng.standard_normal()), mu_r=abs(float(rng.standard_normal()))), known


def _background(points: int, rng: np.random.Generator) -> np.ndarray:
    """Return a smooth background above zero."""
    x, level = np.linspace(-1.0, 1.0, points), rng.uniform(80, 400)
    widths = np.array([0.0, 0.5, *(SMOOTHNESS / k**2 for k in range(2, BACKGROUND_TERMS))])
    while True:
        terms = widths * rng.standard_normal(BACKGROUND_TERMS)
        terms[0] = 1.0
        curve = np.polynomial.chebyshev.chebval(x, terms)
        if curve.min() > 0.05:
            return np.asarray(level * curve)


# Diffractometers of `drawn_from_priors`.
KINDS = {"flat": _flat, "calibrated": _calibrated, "capillary": _capillary}
