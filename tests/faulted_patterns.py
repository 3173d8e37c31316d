"""A P3 whose slabs glide at random, as a pattern, by a sum that shares nothing with the package.

Random layers (Hendricks & Teller, J. Chem. Phys. 10 (1942) 147, doi:10.1063/1.1723678): with x the mean phase between
a slab and the next, intensity along a row hk is |F|^2 Re((1 + x) / (1 - x)). A slab is shifted as P3 asks, except that
with some probability it has glided one way or the other; correlations of slabs fall as exp(-n / SLABS).
"""

import gemmi
import numpy as np

from layerox.crystal.asymmetric_unit import Crystal, Site
from layerox.pattern import pattern_from_arrays
from layerox.radiation import radiation_from_text
from layerox.symmetry import symmetry_from_name

A, REPEAT, HEIGHT, SLABS = 2.85, 5.35, 0.95, 80  # angstrom: edge, slab repeat, O above the metal; slabs
WAVELENGTH, FWHM, COUNTS = 1.5405929, 0.07, 20000.0
TWO_THETA = np.arange(12.0, 80.0, 0.03)
U_TI, U_O = 0.005, 0.008


def crystal():
    """Return the P3 without glides: R -3 m, the metal at the origin, O in prisms above those below."""
    sites = (
        Site(label="Ti1", element="Ti", position=(0, 0, 0), u_iso=U_TI),
        Site(label="O1", element="O", position=(0, 0, 1 / 3 + HEIGHT / (3 * REPEAT)), u_iso=U_O),
    )
    cell = (A, A, 3 * REPEAT, 90, 90, 120)
    return Crystal(name="P3", cell=cell, symmetry=symmetry_from_name("R -3 m:H"), sites=sites, source="test")


def pattern(glides, seed):
    """Return the Pattern of a specimen in which a share of the slabs has glided, with counting noise."""
    fine = np.linspace(TWO_THETA[0], TWO_THETA[-1], 8 * len(TWO_THETA) + 1)
    sums = np.zeros(len(fine) - 1)
    index = np.arange(-5.5, 5.5, 1 / 4000)
    for h in range(-4, 5):
        for k in range(-4, 5):
            inverse = np.sqrt(4 / 3 * (h * h + h * k + k * k) / A**2 + (index / REPEAT) ** 2)
            seen = (inverse > 0.05) & (inverse * WAVELENGTH / 2 < np.sin(np.radians(41)))
            if seen.any():
                theta = np.arcsin(inverse[seen] * WAVELENGTH / 2)
                factor = (1 + np.cos(2 * theta) ** 2) / (np.sin(theta) ** 2 * np.cos(theta))
                rod = factor * intensity(h, k, index[seen], inverse[seen], glides)
                sums += np.histogram(np.degrees(2 * theta), fine, weights=rod)[0]
    middle, step = (fine[1:] + fine[:-1]) / 2, fine[1] - fine[0]
    peak = np.exp(-4 * np.log(2) * (np.arange(-60, 61) * step / FWHM) ** 2)
    curve = np.interp(TWO_THETA, middle, np.convolve(sums, peak, "same"))
    counts = np.random.default_rng(seed).poisson(COUNTS * curve / curve.max() + 100)
    return pattern_from_arrays(TWO_THETA, counts.astype(float), radiation=radiation_from_text("CuKa1"))


def intensity(h, k, index, inverse, glides):
    """Return |F|^2 of a slab times the interference of slabs, along one row."""
    letter = np.exp(2j * np.pi * (h + 2 * k) / 3)
    metal, oxygen = (scattering(name, u, inverse) for name, u in (("Ti", U_TI), ("O", U_O)))
    up = letter * np.exp(2j * np.pi * index * HEIGHT / REPEAT)
    slab = metal + oxygen * (up + up.conj())
    shift = letter**2 * ((1 - glides) + glides * letter.real)
    between = shift * np.exp(2j * np.pi * index - 1 / SLABS)
    return np.abs(slab) ** 2 * np.real((1 + between) / (1 - between))


def scattering(element, u_iso, inverse):
    """Return the scattering factor of an atom that moves."""
    squared = inverse**2 / 4
    table = gemmi.Element(element).it92
    return np.array([table.calculate_sf(x) for x in squared]) * np.exp(-8 * np.pi**2 * u_iso * squared)
