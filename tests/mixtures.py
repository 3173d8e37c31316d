"""Seeded synthetic mixtures for tests of what a result must not depend on, and a comparison of two results."""

from dataclasses import replace

import numpy as np

from layerox.analysis.fit import simulate
from layerox.analysis.phase_arguments import phases_from
from layerox.diffraction.phase import Phase
from layerox.instrument import Instrument, Profile
from layerox.pattern import Pattern
from layerox.radiation import radiation_from_text
from layerox.symmetry import symmetry_from_name

CU = radiation_from_text("CuKa").polarized(0.5)
PROFILE = Profile(u=0.004, v=-0.002, w=0.006)


def mixture(names, weights, *, seed, counts=8_000.0, two_theta=(12.0, 80.0, 0.03), displacement_mm=0.05, **changes):
    """Return a noisy pattern of phases of the library (or `Phase` objects) with usual broadening.

    `changes` are of every phase, such as `preferred_orientation`.
    """
    phases = [
        phase
        if isinstance(phase, Phase)
        else replace(phases_from([phase])[0], size_nm=100.0, microstrain=0.001, **changes)
        for phase in names
    ]
    instrument = Instrument(profile=PROFILE, displacement_mm=displacement_mm)
    options = {"two_theta": two_theta, "counts": counts, "seed": seed, "background": [200.0, -50.0]}
    return simulate(phases, weights=weights, radiation=CU, instrument=instrument, **options).pattern


def multiplied(pattern, factor):
    """Return a pattern with intensities and uncertainties multiplied, the uncertainties stated as if by a file."""
    return Pattern(two_theta=pattern.two_theta, intensity=factor * pattern.intensity, sigma=factor * pattern.sigma,
                   sigma_source="file", radiation=pattern.radiation, label=pattern.label)  # fmt: skip


def lowered(crystal, distortion=0.0):
    """Return a rhombohedral crystal, its sites all on the threefold axis, in its monoclinic subgroup; a / b may change.

    The monoclinic axes are a_m = 2 a + b, b_m = b, c_m = (c - a_m) / 3 of the hexagonal ones: a site (0, 0, z) becomes
    (z, 0, 3 z).
    """
    a, _, c, *_ = crystal.cell
    has_centre = any((rotation == -np.eye(3)).all() for rotation in crystal.symmetry.rotations)
    length, offset = a * 3**0.5, a / 3**0.5
    cell = (length * (1 + distortion), a, float(np.hypot(c / 3, offset)), 90.0,
            90.0 + float(np.degrees(np.arctan(3 * offset / c))), 90.0)  # fmt: skip
    sites = [replace(s, position=(s.position[2] % 1, 0.0, 3 * s.position[2] % 1)) for s in crystal.sites]
    symmetry = symmetry_from_name("C 1 2/m 1" if has_centre else "C 1 m 1")
    return replace(crystal, cell=cell, symmetry=symmetry, sites=tuple(sites))


def differences(one, other):
    """Return the largest difference of the fractions of two results in wt%, and in the esds of the first."""
    pairs = [(fraction, other.weight_fractions[name]) for name, fraction in one.weight_fractions.items()]
    shifts = [abs(float(a) - float(b)) for a, b in pairs]
    esds = [max(a.esd, 1e-4) for a, _ in pairs]
    return 100 * max(shifts), max(shift / esd for shift, esd in zip(shifts, esds, strict=True))


def shown(result):
    """Return the names of the phases that a result supports, and its status."""
    return {phase.name for phase in result.phases if phase.is_supported}, result.status
