"""Unknown particles: what microabsorption can do to weight fractions if nobody states the sizes of the particles.

Each phase has particles of its own mean diameter, uniform in its logarithm from 1 to 20 micrometre unless another
range is stated: from powders milled wet (Brindley, Phil. Mag. 36 (1945) 347, doi:10.1080/14786444508520918, asks for
less than 5 um) to those ground by hand, which pass a sieve of 325 mesh: their largest particles are 45 um (ASTM E11),
and their mean is less than half of that. Small crystallites are no small particles: NIST SRM 1979, zinc oxide of
crystallites of 15 and 60 nm, has particles of 2.8 and 7.7 um. For each of many draws of sizes, the true fractions
follow from those found by Brindley's factor; the mean square of the differences is the variance. The attenuation of
each phase is drawn too, where its composition is uncertain: nickel absorbs Cu K-alpha six times less than manganese.
The variance is zero for phases that are known to absorb alike.
"""

from __future__ import annotations

import math
from functools import lru_cache
from statistics import NormalDist

import numpy as np

from layerox.diffraction.microabsorption import CM_PER_UM, COARSE, sphere_transmission
from layerox.typing import FloatArray

# Range of mean particle diameters that nobody states, micrometre.
PARTICLE_RANGE_UM = (1.0, 20.0)
# Number of draws.
DRAWS = 256
# Contrasts between which the factor is used: light particles in an absorbing powder gain no more than at Brindley's
# limit, and heavy ones of many attenuation lengths are seen by their surface only.
LEAST_CONTRAST, MOST_CONTRAST, NODES = -COARSE, 6.0, 141
MOST_TURNS, SETTLED = 60, 1e-9


def fraction_variances(
    fractions: FloatArray,
    densities: FloatArray,
    linear: FloatArray,
    range_um: tuple[float, float] = PARTICLE_RANGE_UM,
    linear_esds: FloatArray | None = None,
) -> FloatArray:
    """Return the mean square errors of weight fractions by absorption in particles of unknown sizes, shape (p,).

    Parameters
    ----------
    fractions
        As found, without correction, above zero, shape (p,).
    densities, linear
        Density (g/cm^3) and linear attenuation (1/cm) of the massive phases, shape (p,).
    range_um
        Smallest and largest mean diameter.
    linear_esds
        Standard uncertainties of `linear`, 1/cm, shape (p,); none if None.
    """
    count = len(fractions)
    if linear_esds is None or not linear_esds.any():
        sizes, drawn = drawn_sizes(count, range_um), linear
    else:
        places, normal = _places_and_deviates(count)
        sizes = _in_range(places, range_um)
        drawn = np.maximum(linear + linear_esds * normal, 0.0)
    true = true_fractions(fractions, densities, drawn, sizes)
    return np.asarray(((true - fractions / fractions.sum()) ** 2).mean(axis=0))


@lru_cache(maxsize=64)
def drawn_sizes(count: int, range_um: tuple[float, float] = PARTICLE_RANGE_UM) -> FloatArray:
    """Return diameters (micrometre) of the particles of `count` phases, evenly spread over the range, shape (d, p)."""
    return _in_range(_even_places(count), range_um)


@lru_cache(maxsize=64)
def _places_and_deviates(count: int) -> tuple[FloatArray, FloatArray]:
    """Return places in the range of sizes and standard normal deviates, together evenly spread, both (d, count)."""
    places = _even_places(2 * count)
    quantile = NormalDist().inv_cdf  # scipy.special takes a tenth of a second to load
    deviates = [quantile(place) for place in places[:, count:].ravel().tolist()]
    return places[:, :count], np.array(deviates).reshape(-1, count)


def _in_range(places: FloatArray, range_um: tuple[float, float]) -> FloatArray:
    finest, coarsest = range_um
    return np.asarray(finest * (coarsest / finest) ** places)


def _even_places(count: int) -> FloatArray:
    """Return points of the unit cube of `count` dimensions, evenly spread, shape (d, count).

    The additive recurrence of Roberts: the powers of the root of x^(count+1) = x + 1 as steps.
    """
    root = 2.0
    for _ in range(MOST_TURNS):
        root = (1.0 + root) ** (1.0 / (count + 1))
    steps = root ** -np.arange(1.0, count + 1)
    return np.asarray((0.5 + np.outer(np.arange(1, DRAWS + 1), steps)) % 1.0)


def true_fractions(
    fractions: FloatArray, densities: FloatArray, linear: FloatArray, sizes_um: FloatArray
) -> FloatArray:
    """Return the weight fractions that would be seen as `fractions` with particles of each row of sizes, shape (d, p).

    They sum to one. `sizes_um` are diameters, shape (d, p); `linear` has the shape (p,) or (d, p).
    """
    contrasts, logarithms = _table()
    diameters, true = sizes_um * CM_PER_UM, np.tile(fractions, (len(sizes_um), 1))
    for _ in range(MOST_TURNS):
        volumes = true / densities
        mean = (volumes * linear).sum(axis=1) / volumes.sum(axis=1)
        found = fractions * np.exp(-np.interp((linear - mean[:, None]) * diameters, contrasts, logarithms))
        found /= found.sum(axis=1, keepdims=True)
        change, true = np.abs(found - true).max(), 0.5 * (found + true)
        if change < SETTLED:
            break
    return true


@lru_cache(maxsize=1)
def _table() -> tuple[FloatArray, FloatArray]:
    """Return contrasts (mu - mean) D and the logarithms of Brindley's factor."""
    contrasts = np.linspace(LEAST_CONTRAST, MOST_CONTRAST, NODES)
    return contrasts, np.array([math.log(sphere_transmission(float(contrast) / 2.0)) for contrast in contrasts])
