"""Microabsorption: the correction for phases whose particles absorb more or less than the mean of the powder.

Brindley, Phil. Mag. 36 (1945) 347, doi:10.1080/14786444508520918: the intensity of a phase of particles of radius R is
multiplied by tau, the mean of exp(-(mu - mean) path) over a particle, mu and mean being the linear attenuation of the
phase and of the powder. Particles are spheres at two-theta = 90 degrees; tau is calculated. It is valid for small
|mu - mean| D, D = 2 R: Brindley calls powders fine below 0.01, medium below 0.1, coarse below 1.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Literal

import numpy as np

from layerox.typing import FloatArray

Powder = Literal["fine", "medium", "coarse", "very coarse"]

FINE, MEDIUM, COARSE = 0.01, 0.1, 1.0
BRINDLEY_TWO_THETA = 90.0
CM_PER_UM = 1e-4
NODES = 24
CONVERGED, MOST_TURNS = 1e-12, 200


@dataclass(frozen=True, kw_only=True)
class Microabsorption:
    """Brindley's correction of one phase.

    Attributes
    ----------
    particle_size_um
        Diameter of its particles, micrometre, as given.
    contrast
        (mu - mean) D, without unit; negative for a phase that absorbs less than the powder.
    factor
        tau by which its intensity is multiplied; 1 where no correction is made.
    powder
        Brindley's word for powders of such a contrast.
    uncorrected_weight_fraction
        Between 0 and 1.
    """

    particle_size_um: float
    contrast: float
    factor: float
    powder: Powder
    uncorrected_weight_fraction: float


def kind_of_powder(contrast: float) -> Powder:
    """Return Brindley's term for a powder of a contrast (mu - mean) D."""
    size = abs(contrast)
    return "fine" if size < FINE else "medium" if size < MEDIUM else "coarse" if size < COARSE else "very coarse"


@lru_cache(maxsize=4096)
def sphere_transmission(mu_r: float, two_theta: float = BRINDLEY_TWO_THETA) -> float:
    """Return A = (1/V) integral exp(-mu (path in + path out)) dV of a sphere, 1/A* of International Tables C 6.3.3.3.

    Parameters
    ----------
    mu_r
        Linear attenuation times the radius; may be negative, as a contrast is. Good to 1e-5 up to 3.
    two_theta
        Angle between the incident and the diffracted beam, degrees.
    """
    paths, weights = _paths(two_theta)
    return float(weights @ np.exp(-mu_r * paths))


@lru_cache(maxsize=16)
def _paths(two_theta: float) -> tuple[FloatArray, FloatArray]:
    """Return the path lengths in a unit sphere through each of many points, and the weights of the points."""
    nodes, weights = np.polynomial.legendre.leggauss(NODES)
    half, half_weights = 0.5 * (nodes + 1.0), 0.5 * weights
    # r = 1 - t^2 concentrates the points at the surface, where the paths have an infinite slope.
    r, r_weights = 1.0 - half**2, 2.0 * half * half_weights * 3.0 * (1.0 - half**2) ** 2
    azimuth = np.pi * half
    rr, cc, pp = np.meshgrid(r, nodes, azimuth, indexing="ij")
    along_in = rr * cc
    angle = np.radians(two_theta)
    along_out = rr * (cc * np.cos(angle) + np.sqrt(1.0 - cc**2) * np.cos(pp) * np.sin(angle))
    paths = along_in + np.sqrt(along_in**2 + 1 - rr**2) - along_out + np.sqrt(along_out**2 + 1 - rr**2)
    shares = np.einsum("i,j,k->ijk", r_weights, 0.5 * weights, half_weights)
    return paths.ravel(), shares.ravel()


def mean_linear_attenuation(weights: FloatArray, densities: FloatArray, linear: FloatArray) -> float:
    """Return the linear attenuation of the solid of a powder, 1/cm: the mean over volumes, shapes (p,)."""
    volumes = weights / densities
    return float(volumes @ linear / volumes.sum())


def brindley(
    weights: FloatArray, densities: FloatArray, linear: FloatArray, sizes_um: Sequence[float], packing: float = 1.0
) -> tuple[FloatArray, FloatArray]:
    """Return the contrast and the factor tau of each phase, the mean being that of the corrected fractions.

    Parameters
    ----------
    weights
        Uncorrected proportion by weight, shape (p,).
    densities, linear
        g/cm^3 and 1/cm, shape (p,).
    sizes_um
        Diameters of the particles, micrometre.
    packing
        Share of the powder's volume that is solid: the mean is multiplied by it. Brindley takes that of the solid.

    Returns
    -------
    contrasts, factors
        (mu - mean) D, and tau, shape (p,).
    """
    diameters = np.array(sizes_um) * CM_PER_UM
    factors = np.ones(len(weights))
    for _ in range(MOST_TURNS):
        mean = packing * mean_linear_attenuation(weights / factors, densities, linear)
        contrasts = (linear - mean) * diameters
        if np.abs(contrasts).max() >= COARSE:
            return contrasts, np.ones(len(weights))
        found = np.array([sphere_transmission(float(contrast) / 2.0) for contrast in contrasts])
        if np.abs(found - factors).max() < CONVERGED:
            break
        factors = found
    return contrasts, factors
