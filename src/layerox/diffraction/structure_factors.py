"""Structure factors: |F|^2 of a list of reflections and its derivatives, for powders.

With T_j(h) the geometric sum of site j over its orbit, F = sum_j o_j (f_j + i f''_j) exp(-2 pi^2 u_j / d^2) T_j.
A powder does not distinguish h from -h; the mean of the two Friedel mates is
|sum_j o_j f_j D_j T_j|^2 + |sum_j o_j f''_j D_j T_j|^2 with f real. (International Tables B (2008), chapter 1.2.)
"""

from __future__ import annotations

import math

import numpy as np

from layerox.computing.compiled import compiled
from layerox.typing import FloatArray

TWO_PI = 2.0 * math.pi
TWO_PI_SQUARED = 2.0 * math.pi**2


@compiled
def geometric_sums(
    rotated: FloatArray,
    shift: FloatArray,
    centric: bool,
    positions: FloatArray,
    weights: FloatArray,
    beta: FloatArray,
) -> tuple[FloatArray, FloatArray, FloatArray, FloatArray]:
    """Return the geometric sums T and their derivatives with respect to the coordinates.

    Parameters
    ----------
    rotated, shift
        h R and h t of each reflection and operation, shapes (n, m, 3) and (n, m).
    centric
        The operations are one half of a group with its inversion at the origin: T is real.
    positions
        Fractional coordinates of the sites, shape (s, 3).
    weights
        Multiplicity of each site divided by the number m of operations, shape (s,).
    beta
        Anisotropic displacement beyond the isotropic one, exp(-h beta h), as b11 b22 b33 b12 b13 b23, shape (s, 6).

    Returns
    -------
    tuple
        Re T and Im T, shape (n, s), then their gradients, shape (n, s, 3).
    """
    n, m, _ = rotated.shape
    sites = len(positions)
    real, imag = np.zeros((n, sites)), np.zeros((n, sites))
    real_gradient, imag_gradient = np.zeros((n, sites, 3)), np.zeros((n, sites, 3))
    for s in range(sites):
        x, y, z = positions[s]
        b11, b22, b33, b12, b13, b23 = beta[s]
        anisotropic = (b11 != 0.0) or (b22 != 0.0) or (b33 != 0.0) or (b12 != 0.0) or (b13 != 0.0) or (b23 != 0.0)
        for r in range(n):
            for k in range(m):
                h0, h1, h2 = rotated[r, k, 0], rotated[r, k, 1], rotated[r, k, 2]
                phase = TWO_PI * (h0 * x + h1 * y + h2 * z + shift[r, k])
                damping = weights[s]
                if anisotropic:
                    square = b11 * h0 * h0 + b22 * h1 * h1 + b33 * h2 * h2
                    square += 2.0 * (b12 * h0 * h1 + b13 * h0 * h2 + b23 * h1 * h2)
                    damping *= math.exp(-square)
                cosine, sine = damping * math.cos(phase), damping * math.sin(phase)
                real[r, s] += cosine
                real_gradient[r, s, 0] -= TWO_PI * h0 * sine
                real_gradient[r, s, 1] -= TWO_PI * h1 * sine
                real_gradient[r, s, 2] -= TWO_PI * h2 * sine
                if not centric:
                    imag[r, s] += sine
                    imag_gradient[r, s, 0] += TWO_PI * h0 * cosine
                    imag_gradient[r, s, 1] += TWO_PI * h1 * cosine
                    imag_gradient[r, s, 2] += TWO_PI * h2 * cosine
    return real, imag, real_gradient, imag_gradient


@compiled
def squared_structure_factors(
    q: FloatArray,
    a: FloatArray,
    b: FloatArray,
    constant: FloatArray,
    imaginary: FloatArray,
    occupancy: FloatArray,
    u_iso: FloatArray,
    real: FloatArray,
    imag: FloatArray,
) -> tuple[FloatArray, FloatArray, FloatArray, FloatArray]:
    """Return |F|^2, the mean of Friedel mates, and the factors of its derivatives.

    Parameters
    ----------
    q
        1/d^2 of each reflection, angstrom^-2, shape (n,).
    a, b, constant, imaginary
        Scattering of each site's species, see `scattering_factors.Scatterers`, first axis s.
    occupancy, u_iso
        Of each site; u_iso in angstrom^2, shape (s,).
    real, imag
        Geometric sums, shape (n, s).

    Returns
    -------
    tuple
        |F|^2, shape (n,); its derivative with respect to q at fixed hkl, (n,); with respect to each occupancy,
        (s, n); and with respect to Re T and Im T of each site, (s, 2, n). That with respect to u_iso is
        -2 pi^2 q o times that of the occupancy o.
    """
    n, sites = real.shape
    squared, by_q = np.empty(n), np.empty(n)
    by_occupancy, by_sum = np.empty((sites, n)), np.empty((sites, 2, n))
    f, damping = np.empty(sites), np.empty(sites)
    for r in range(n):
        a_real = a_imag = b_real = b_imag = 0.0
        a_real_q = a_imag_q = b_real_q = b_imag_q = 0.0
        for s in range(sites):
            f[s] = constant[s]
            slope = 0.0
            for g in range(a.shape[1]):
                term = a[s, g] * math.exp(-0.25 * b[s, g] * q[r])
                f[s] += term
                slope -= 0.25 * b[s, g] * term
            damping[s] = math.exp(-TWO_PI_SQUARED * u_iso[s] * q[r])
            weight = occupancy[s] * damping[s]
            decay = -TWO_PI_SQUARED * u_iso[s]
            t_real, t_imag = real[r, s], imag[r, s]
            a_real += weight * f[s] * t_real
            a_imag += weight * f[s] * t_imag
            b_real += weight * imaginary[s] * t_real
            b_imag += weight * imaginary[s] * t_imag
            a_real_q += weight * (slope + decay * f[s]) * t_real
            a_imag_q += weight * (slope + decay * f[s]) * t_imag
            b_real_q += weight * decay * imaginary[s] * t_real
            b_imag_q += weight * decay * imaginary[s] * t_imag
        squared[r] = a_real**2 + a_imag**2 + b_real**2 + b_imag**2
        by_q[r] = 2.0 * (a_real * a_real_q + a_imag * a_imag_q + b_real * b_real_q + b_imag * b_imag_q)
        for s in range(sites):
            from_real = 2.0 * damping[s] * (a_real * f[s] + b_real * imaginary[s])
            from_imag = 2.0 * damping[s] * (a_imag * f[s] + b_imag * imaginary[s])
            by_occupancy[s, r] = from_real * real[r, s] + from_imag * imag[r, s]
            by_sum[s, 0, r] = occupancy[s] * from_real
            by_sum[s, 1, r] = occupancy[s] * from_imag
    return squared, by_q, by_occupancy, by_sum
