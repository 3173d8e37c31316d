"""Faulty cases: what the kinds of patterns of silent_errors.py are made of: a specimen, its curves, and a case."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field, replace

import numpy as np
from honesty import drawn
from prior_draws import PROFILE

import layerox as lx
from layerox.diffraction.phase import Phase
from layerox.instrument import Instrument
from layerox.pattern import Pattern
from layerox.radiation import Radiation, radiation_from_text

CU = radiation_from_text("CuKa").polarized(0.5557)
ANGLES = (12.0, 100.0, 0.02)


@dataclass
class Case:
    """A pattern, what is offered to its fit, the true fractions (of groups of names), and the causes that name it."""

    pattern: Pattern
    phases: list
    truth: dict[tuple[str, ...], float]
    causes: set[str] = field(default_factory=set)
    options: dict = field(default_factory=dict)


@dataclass
class Specimen:
    """A mixture of P2 and O3 (or others), drawn at random, and its noise-free curves."""

    rng: np.random.Generator
    phases: list[Phase]
    weights: list[float]
    beam: Radiation = CU
    instrument: Instrument = field(default_factory=lambda: Instrument(profile=PROFILE))
    angles: tuple[float, float, float] = ANGLES

    def curves(self):
        """Return angles, the background, and the curve of each phase; the strongest point of the peaks is 10,000."""
        made = lx.simulate(self.phases, weights=self.weights, radiation=self.beam, two_theta=self.angles,
                           instrument=self.instrument, background=[300.0, -80.0, 20.0])  # fmt: skip
        return made.two_theta, made.background, made.contributions

    def counted(self, intensity, **changes) -> Pattern:
        """Return a pattern with Poisson noise."""
        x = np.round(np.arange(intensity.size) * self.angles[2] + self.angles[0], 10)
        counts = self.rng.poisson(np.maximum(intensity, 0.0)).astype(float)
        pattern = Pattern(two_theta=x, intensity=counts, sigma=np.sqrt(np.maximum(counts, 1.0)), sigma_source="poisson",
                          radiation=CU, label="case")  # fmt: skip
        return replace(pattern, **changes)

    @property
    def truth(self):
        """True fractions by name."""
        return {(phase.name,): weight for phase, weight in zip(self.phases, self.weights, strict=True)}

    def case(self, intensity, causes=(), offered=("P2", "O3"), truth=None, options=None, **changes) -> Case:
        """Return the case of a curve to be counted."""
        known = {"instrument": Instrument(profile=PROFILE)} if self.rng.random() < 0.5 else {}
        options = known if options is None else options
        return Case(self.counted(intensity, **changes), list(offered), truth or self.truth, set(causes), options)


KINDS: dict[str, Callable[[np.random.Generator], Case]] = {}


def kind(function):
    """Register a kind of pattern."""
    KINDS[function.__name__] = function
    return function


def specimen(rng, names=("P2", "O3"), textured=True, **changes) -> Specimen:
    """Return a specimen with cells and broadening drawn at random, 25 to 75 wt% of its first phase."""
    phases, _ = drawn(tuple(names), rng)
    if not textured:
        phases = [replace(phase, preferred_orientation=1.0) for phase in phases]
    first = float(rng.uniform(0.25, 0.75))
    rest = (1.0 - first) / max(len(names) - 1, 1)
    weights = [1.0] if len(names) == 1 else [first] + [rest] * (len(names) - 1)
    return Specimen(rng, phases, weights, **changes)


def total(curves) -> np.ndarray:
    """Return the whole pattern."""
    _, background, rows = curves
    return background + rows.sum(axis=0)
