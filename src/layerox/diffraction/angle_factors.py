"""Angle factors: what absorption, the length of the beam and the slit do to all intensities at a Bragg angle.

With theta the Bragg angle, relative to a thick specimen that takes the whole beam of a fixed slit:

- thin or transparent flat plate, symmetric reflection: 1 - exp(-2 mu t / sin theta), 2 mu t = `two_mu_t`
  (Klug & Alexander, X-Ray Diffraction Procedures, 1974);
- capillary: A(theta, mu R) / A(0, mu R), A the mean of exp(-mu times the path in and out) over the disc (International
  Tables C, 2006, chapter 6.3), integrated numerically;
- beam longer than the specimen below two-theta = `overflow`: sin(theta) / sin(theta_overflow);
- automatic slit (constant illuminated length): sin(theta).

A value of zero is no correction, and costs nothing.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from functools import lru_cache

import numpy as np
from numpy.polynomial import chebyshev

from layerox.diffraction import peaks as pk
from layerox.typing import FloatArray

SLOTS = (pk.TWO_MU_T, pk.MU_R, pk.OVERFLOW)
# Nodes over the disc of a capillary (in r^2, and in angle), and over theta; degree of the polynomial in theta.
RADII, TURNS, THETAS, DEGREE = 24, 64, 24, 12
# Smallest sine of theta: the factors of an overflowing beam and of an automatic slit go to zero there.
LEAST_SINE = 1e-6


@dataclass(frozen=True, eq=False)
class AngleFactors:
    """The factors of some Bragg angles, and their logarithmic derivatives.

    Attributes
    ----------
    value
        Shape (n,).
    by_theta
        d ln(value) / d theta, 1/radian, shape (n,).
    by_slot
        d ln(value) / d(two_mu_t, mu_r, overflow in degrees), shape (3, n).
    """

    value: FloatArray
    by_theta: FloatArray
    by_slot: FloatArray


def angle_factors(theta: FloatArray, instrument: FloatArray, *, automatic_slit: bool) -> AngleFactors | None:
    """Return the factors at Bragg angles theta (radian, shape (n,)); None if there is no correction.

    `instrument` holds the values of the instrument's slots.
    """
    two_mu_t, mu_r, overflow = (float(instrument[slot]) for slot in SLOTS)
    if not (two_mu_t or mu_r or overflow or automatic_slit):
        return None
    found = AngleFactors(np.ones(theta.size), np.zeros(theta.size), np.zeros((len(SLOTS), theta.size)))
    sine, cosine = np.maximum(np.sin(theta), LEAST_SINE), np.cos(theta)
    if two_mu_t:
        _thin_plate(found, two_mu_t, sine, cosine)
    if mu_r:
        _capillary(found, mu_r, theta)
    if overflow:
        _overflow(found, math.radians(overflow / 2), theta, sine, cosine)
    if automatic_slit:
        found.value[:] *= sine
        found.by_theta[:] += cosine / sine
    return found


def _thin_plate(found: AngleFactors, two_mu_t: float, sine: FloatArray, cosine: FloatArray) -> None:
    passed = np.exp(-two_mu_t / sine)
    value = -np.expm1(-two_mu_t / sine)
    found.value[:] *= value
    found.by_theta[:] -= passed * two_mu_t * cosine / sine**2 / value
    found.by_slot[0] = passed / sine / value


def _capillary(found: AngleFactors, mu_r: float, theta: FloatArray) -> None:
    logarithm, by_theta, by_mu_r = capillary_polynomials(mu_r)
    x = _scaled(theta)
    found.value[:] *= np.exp(chebyshev.chebval(x, logarithm))
    found.by_theta[:] += chebyshev.chebval(x, by_theta)
    found.by_slot[1] = chebyshev.chebval(x, by_mu_r)


def _overflow(found: AngleFactors, limit: float, theta: FloatArray, sine: FloatArray, cosine: FloatArray) -> None:
    below = theta < limit
    found.value[below] *= sine[below] / math.sin(limit)
    found.by_theta[below] += (cosine / sine)[below]
    found.by_slot[2, below] = -math.radians(0.5) / math.tan(limit)


@lru_cache(maxsize=64)
def capillary_polynomials(mu_r: float) -> tuple[FloatArray, FloatArray, FloatArray]:
    """Return Chebyshev coefficients, over theta from 0 to 90 degrees, of ln(A(theta) / A(0)) and two derivatives.

    The derivatives are those with respect to theta (1/radian) and to mu R.
    """
    theta, paths, weights = _paths()
    passed = np.exp(-mu_r * paths) * weights
    mean = passed.sum(axis=1)
    slope = -(paths * passed).sum(axis=1) / mean
    logarithm = np.log(mean) - np.log(mean[0])
    x = _scaled(theta)
    coefficients, by_mu_r = (np.asarray(chebyshev.chebfit(x, y, DEGREE)) for y in (logarithm, slope - slope[0]))
    return coefficients, np.asarray(chebyshev.chebder(coefficients) * (4.0 / math.pi)), by_mu_r


@lru_cache(maxsize=1)
def _paths() -> tuple[FloatArray, FloatArray, FloatArray]:
    """Return angles theta (t,), path lengths in units of the radius, (t, m), and the weights of the points, (m,)."""
    nodes, weights = np.polynomial.legendre.leggauss(RADII)
    radius = np.sqrt(0.5 * (nodes + 1.0))
    turn = 2.0 * np.pi * (np.arange(TURNS) + 0.5) / TURNS
    x, y = (np.outer(radius, part).ravel() for part in (np.cos(turn), np.sin(turn)))
    theta = 0.25 * np.pi * (1.0 - np.cos(np.pi * np.arange(THETAS) / (THETAS - 1)))
    inwards = _to_surface(-x, x**2 + y**2)
    outwards = np.array([_to_surface(x * math.cos(2 * t) + y * math.sin(2 * t), x**2 + y**2) for t in theta.tolist()])
    return theta, inwards + outwards, np.repeat(0.5 * weights / TURNS, TURNS)


def _to_surface(along: FloatArray, square: FloatArray) -> FloatArray:
    """Return the distance from points to the surface of the unit circle; `along` is their position along the ray."""
    return np.sqrt(np.maximum(1.0 - square + along**2, 0.0)) - along


def _scaled(theta: FloatArray) -> FloatArray:
    return np.asarray(theta * (4.0 / np.pi) - 1.0)
