"""A powder pattern of CIF files by a forward model that shares no code with layerox: numpy and gemmi only.

Structure factors are direct sums over all atoms of the cell (form factors of International Tables C, 1992, and the
dispersion of Cromer & Liberman, both from gemmi); every reflection of the sphere is summed by itself, without
multiplicities. Peaks are pseudo-Voigts after Thompson, Cox & Hastings, J. Appl. Cryst. 20 (1987) 79,
doi:10.1107/S0021889887087090. Intensities of a weight fraction w are w / (M V) sum |F|^2 L P, with M and V the mass and
volume of the cell.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

import gemmi
import numpy as np

LINES = ((1.5405929, 2 / 3), (1.5444274, 1 / 3))  # Cu K alpha, angstrom and share
ENERGY = 8047.8  # eV
TWO_THETA = np.arange(12.0, 80.0, 0.02)
GAUSSIAN = 0.006  # squared FWHM of the instrument, degrees^2


@dataclass(frozen=True, kw_only=True)
class Part:
    """One phase of a specimen: CIF, weight fraction, size (nm), microstrain, and how its axes are stretched."""

    cif: Path
    weight: float
    size_nm: float = 80.0
    microstrain: float = 0.001
    stretch: tuple[float, float, float] = (1.0, 1.0, 1.0)


def counts(
    profiles: Iterable[np.ndarray], *, seed: int, peak: float = 20_000.0, background: float = 150.0
) -> np.ndarray:
    """Return counts at `TWO_THETA` with Poisson noise; `peak` counts at the maximum, above the background."""
    curve = sum(profiles, np.zeros(len(TWO_THETA)))
    level = background * (1 + 0.5 * np.exp(-(TWO_THETA - TWO_THETA[0]) / 20))
    return np.random.default_rng(seed).poisson(peak * curve / curve.max() + level).astype(float)


def cell_of(part: Part) -> gemmi.UnitCell:
    """Return the stretched cell."""
    cell = gemmi.read_small_structure(str(part.cif)).cell
    a, b, c = (x * s for x, s in zip((cell.a, cell.b, cell.c), part.stretch, strict=True))
    return gemmi.UnitCell(a, b, c, cell.alpha, cell.beta, cell.gamma)


def profile(part: Part) -> np.ndarray:
    """Return the pattern of one phase, free of noise and background."""
    inverse, squared, mass, volume = reflections(part)
    return lines_profile(inverse, part.weight / (mass * volume) * squared, part.size_nm, part.microstrain)


def lines_profile(inverse: np.ndarray, squared: np.ndarray, size_nm: float, microstrain: float) -> np.ndarray:
    """Return the peaks at 1/d (1/angstrom) of given intensities before Lorentz and polarisation factors."""
    curve = np.zeros(len(TWO_THETA))
    for wavelength, share in LINES:
        sine = inverse * wavelength / 2
        seen = sine < np.sin(np.radians(TWO_THETA[-1] / 2 + 1))
        theta = np.arcsin(sine[seen])
        factor = (1 + np.cos(2 * theta) ** 2) / (np.sin(theta) ** 2 * np.cos(theta))
        area = share * squared[seen] * factor
        lorentzian = np.degrees(wavelength / (10 * size_nm * np.cos(theta)) + microstrain * np.tan(theta))
        for angle, strength, width in zip(np.degrees(2 * theta), area, lorentzian, strict=True):
            curve += strength * pseudo_voigt(TWO_THETA - angle, np.sqrt(GAUSSIAN), width)
    return curve


def reflections(part: Part) -> tuple[np.ndarray, np.ndarray, float, float]:
    """Return 1/d (1/angstrom) and summed |F|^2 of each family of equal d, mass (g/mol) and volume of the cell."""
    small = gemmi.read_small_structure(str(part.cif))
    sites, cell = small.get_all_unit_cell_sites(), cell_of(part)
    limit = 2 * np.sin(np.radians(TWO_THETA[-1] / 2 + 1)) / LINES[0][0]
    spans = [np.arange(-n, n + 1) for n in (int(limit * x) + 1 for x in (cell.a, cell.b, cell.c))]
    hkl = np.stack(np.meshgrid(*spans, indexing="ij"), axis=-1).reshape(-1, 3)
    inverse = np.linalg.norm(hkl @ np.array(cell.frac.mat), axis=1)
    kept = (inverse > 0.1) & (inverse < limit)
    hkl, inverse = hkl[kept], inverse[kept]
    factors: dict[tuple[str, float], np.ndarray] = {}
    total = np.zeros(len(hkl), dtype=complex)
    for site in sites:
        key = (site.element.name, site.u_iso)
        if key not in factors:
            factors[key] = scattering(site.element, site.u_iso, inverse)
        total += site.occ * factors[key] * np.exp(2j * np.pi * (hkl @ np.array(site.fract.tolist())))
    family, member = np.unique(np.round(inverse, 7), return_inverse=True)
    mass = sum(site.occ * site.element.weight for site in sites)
    return family, np.bincount(member.reshape(-1), np.abs(total) ** 2), mass, cell.volume


def scattering(element: gemmi.Element, u_iso: float, inverse: np.ndarray) -> np.ndarray:
    """Return the scattering factor of an atom in motion, electrons."""
    squared = inverse**2 / 4
    plain = np.array([element.it92.calculate_sf(x) for x in squared])
    real, imaginary = gemmi.cromer_liberman(z=element.atomic_number, energy=ENERGY)
    return (plain + real + 1j * imaginary) * np.exp(-8 * np.pi**2 * u_iso * squared)


def pseudo_voigt(x: np.ndarray, gaussian: float, lorentzian: float) -> np.ndarray:
    """Return the peak of unit area; both widths are FWHM."""
    powers = (1.0, 2.69269, 2.42843, 4.47163, 0.07842, 1.0)
    full = sum(p * gaussian ** (5 - k) * lorentzian**k for k, p in enumerate(powers)) ** 0.2
    ratio = lorentzian / full
    eta = 1.36603 * ratio - 0.47719 * ratio**2 + 0.11116 * ratio**3
    bell = np.sqrt(4 * np.log(2) / np.pi) / full * np.exp(-4 * np.log(2) * (x / full) ** 2)
    return eta * 2 / (np.pi * full) / (1 + 4 * (x / full) ** 2) + (1 - eta) * bell
