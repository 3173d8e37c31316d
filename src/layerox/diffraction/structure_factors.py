"""Structure factors: |F|^2 of a list of reflections and its derivatives, for powders.

With T_j(h) the geometric sum of site j over its orbit, F = sum_j o_j (f_j + i f''_j) exp(-2 pi^2 u_j / d^2) T_j.
A powder does not distinguish h from -h; the mean of the two Friedel mates is
|sum_j o_j f_j D_j T_j|^2 + |sum_j o_j f''_j D_j T_j|^2 with f real. (International Tables B (2008), chapter 1.2.)
"""

from __future__ import annotations

import math
from copy import copy

import numpy as np
from numpy.typing import NDArray

from layerox.computing.compiled import compiled
from layerox.crystal.asymmetric_unit import Crystal
from layerox.diffraction import peaks as pk
from layerox.diffraction.reflections import one_of_each_sign
from layerox.diffraction.scattering_factors import scatterers
from layerox.radiation import Radiation
from layerox.symmetry import Symmetry, metric_tensor, wrapped
from layerox.typing import FloatArray, IntArray

TWO_PI = 2.0 * math.pi
TWO_PI_SQUARED = 2.0 * math.pi**2


class StructureFactors:
    """|F|^2 of a list of reflections of a crystal, and its derivatives.

    Parameters
    ----------
    crystal
        Symmetry, sites and anisotropic displacements; coordinates, occupancies and u_iso are arguments of `squared`.
    hkl
        Indices, shape (n, 3).
    radiation
        The beam.
    """

    def __init__(self, crystal: Crystal, hkl: FloatArray, radiation: Radiation):
        self.scattering = scatterers(crystal.sites, radiation, place=crystal.source or crystal.name)
        rotations, translations = crystal.symmetry.coset
        half = _half_group(crystal.symmetry)
        self.centric = half is not None
        keep = np.arange(len(rotations)) if half is None else half
        # Indices of equivalent reflections are integers.
        self.rotated = np.ascontiguousarray(np.rint(np.einsum("ni,mij->nmj", hkl, rotations[keep])).astype(np.int64))
        turns = TWO_PI * (hkl @ translations[keep].T)
        self.shift = np.stack([np.cos(turns), np.sin(turns)], axis=-1)
        self.site_weights = np.array(crystal.multiplicities, dtype=np.float64) / len(keep)
        self.beta = np.array([_anisotropy(crystal, k) for k in range(len(crystal.sites))])
        self._kept: tuple[bytes, tuple[FloatArray, ...]] = (b"", ())

    def only(self, chosen: NDArray[np.intp]) -> StructureFactors:
        """Return the same for some of the reflections, by their indices."""
        other = copy(self)
        other.rotated = np.ascontiguousarray(self.rotated[chosen])
        other.shift = np.ascontiguousarray(self.shift[chosen])
        other._kept = (b"", ())
        return other

    def geometric_sums(self, positions: FloatArray) -> tuple[FloatArray, ...]:
        """Return T and its gradient, computed again only if a coordinate (shape (s, 3)) has changed."""
        key = positions.tobytes()
        if self._kept[0] != key:
            sums = geometric_sums(self.rotated, self.shift, self.centric, positions, self.site_weights, self.beta)
            self._kept = (key, sums)
        return self._kept[1]

    def squared(self, q: FloatArray, sites: FloatArray) -> tuple[FloatArray, FloatArray, FloatArray, FloatArray]:
        """Return |F|^2 and its derivatives with respect to q, the occupancies and the geometric sums.

        Parameters
        ----------
        q
            1/d^2, 1/angstrom^2, shape (n,).
        sites
            x, y, z, occupancy and u_iso (angstrom^2) of each site, shape (s, 5).
        """
        real, imag, _, _ = self.geometric_sums(np.ascontiguousarray(sites[:, :3]))
        atoms = self.scattering
        occupancy, u_iso = sites[:, pk.SITE_OCCUPANCY], sites[:, pk.SITE_U]
        values = np.ascontiguousarray(occupancy), np.ascontiguousarray(u_iso), real, imag
        return squared_structure_factors(q, atoms.a, atoms.b, atoms.constant, atoms.imaginary, *values)

    @property
    def sum_gradients(self) -> tuple[FloatArray, FloatArray]:
        """The derivatives of the last geometric sums (real, imaginary) with respect to the coordinates, (n, s, 3)."""
        return self._kept[1][2], self._kept[1][3]


@compiled
def geometric_sums(
    rotated: IntArray,
    shift: FloatArray,
    centric: bool,
    positions: FloatArray,
    weights: FloatArray,
    beta: FloatArray,
) -> tuple[FloatArray, FloatArray, FloatArray, FloatArray]:
    """Return the geometric sums T and their derivatives with respect to the coordinates.

    exp(2 pi i h x) is a product of one factor for each axis; those are few, as indices are integers.

    Parameters
    ----------
    rotated, shift
        h R of each reflection and operation, integers of shape (n, m, 3), and cosine and sine of 2 pi h t, (n, m, 2).
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
    largest = 0
    for r in range(n):
        for k in range(m):
            for axis in range(3):
                largest = max(largest, abs(rotated[r, k, axis]))
    factors = np.empty((3, 2 * largest + 1, 2))
    for s in range(sites):
        set_axis_factors(positions[s], largest, factors)
        b11, b22, b33, b12, b13, b23 = beta[s]
        anisotropic = (b11 != 0.0) or (b22 != 0.0) or (b33 != 0.0) or (b12 != 0.0) or (b13 != 0.0) or (b23 != 0.0)
        for r in range(n):
            for k in range(m):
                i0, i1, i2 = rotated[r, k, 0], rotated[r, k, 1], rotated[r, k, 2]
                h0, h1, h2 = float(i0), float(i1), float(i2)
                damping = weights[s]
                if anisotropic:
                    square = b11 * h0 * h0 + b22 * h1 * h1 + b33 * h2 * h2
                    square += 2.0 * (b12 * h0 * h1 + b13 * h0 * h2 + b23 * h1 * h2)
                    damping *= math.exp(-square)
                cosine, sine = damping * shift[r, k, 0], damping * shift[r, k, 1]
                for axis, index in ((0, i0), (1, i1), (2, i2)):
                    c, d = factors[axis, index + largest, 0], factors[axis, index + largest, 1]
                    cosine, sine = cosine * c - sine * d, cosine * d + sine * c
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
def set_axis_factors(position: FloatArray, largest: int, factors: FloatArray) -> None:
    """Set cosine and sine of 2 pi k x of each coordinate x for all k from -largest to largest, shape (3, k, 2)."""
    for axis in range(3):
        for k in range(-largest, largest + 1):
            phase = TWO_PI * k * position[axis]
            factors[axis, k + largest, 0], factors[axis, k + largest, 1] = math.cos(phase), math.sin(phase)


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
    f, slope, damping = np.empty((sites, n)), np.zeros((sites, n)), np.empty((sites, n))
    for s in range(sites):
        set_scattering(q, a[s], b[s], constant[s], u_iso[s], f[s], slope[s], damping[s])
    for r in range(n):
        a_real = a_imag = b_real = b_imag = 0.0
        a_real_q = a_imag_q = b_real_q = b_imag_q = 0.0
        for s in range(sites):
            weight = occupancy[s] * damping[s, r]
            decay = -TWO_PI_SQUARED * u_iso[s]
            t_real, t_imag = real[r, s], imag[r, s]
            a_real += weight * f[s, r] * t_real
            a_imag += weight * f[s, r] * t_imag
            b_real += weight * imaginary[s] * t_real
            b_imag += weight * imaginary[s] * t_imag
            a_real_q += weight * (slope[s, r] + decay * f[s, r]) * t_real
            a_imag_q += weight * (slope[s, r] + decay * f[s, r]) * t_imag
            b_real_q += weight * decay * imaginary[s] * t_real
            b_imag_q += weight * decay * imaginary[s] * t_imag
        squared[r] = a_real**2 + a_imag**2 + b_real**2 + b_imag**2
        by_q[r] = 2.0 * (a_real * a_real_q + a_imag * a_imag_q + b_real * b_real_q + b_imag * b_imag_q)
        for s in range(sites):
            from_real = 2.0 * damping[s, r] * (a_real * f[s, r] + b_real * imaginary[s])
            from_imag = 2.0 * damping[s, r] * (a_imag * f[s, r] + b_imag * imaginary[s])
            by_occupancy[s, r] = from_real * real[r, s] + from_imag * imag[r, s]
            by_sum[s, 0, r] = occupancy[s] * from_real
            by_sum[s, 1, r] = occupancy[s] * from_imag
    return squared, by_q, by_occupancy, by_sum


@compiled
def set_scattering(
    q: FloatArray,
    a: FloatArray,
    b: FloatArray,
    constant: float,
    u_iso: float,
    f: FloatArray,
    slope: FloatArray,
    damping: FloatArray,
) -> None:
    """Set the scattering of one site, its derivative with respect to q and its displacement factor, shape (n,) each.

    `a` and `b` are those of its species, shape (4,); `slope` holds zeros.
    """
    for r in range(q.size):
        f[r] = constant
    for g in range(a.size):
        quarter = 0.25 * b[g]
        if a[g] != 0.0:
            for r in range(q.size):
                term = a[g] * exponential(-quarter * q[r])
                f[r] += term
                slope[r] -= quarter * term
    for r in range(q.size):
        damping[r] = exponential(-TWO_PI_SQUARED * u_iso * q[r])


@compiled
def exponential(x: float) -> float:
    """Return exp(x) by products only, which vector instructions do; its error is below 1e-13 for x < 10.

    exp(x) = exp(x / 64)^64, the inner one by its Taylor series. Below -128 it is that of -128, practically zero.
    """
    y = max(x, -128.0) * (1.0 / 64.0)
    series = 1.0
    for k in range(13, 0, -1):
        series = 1.0 + y * series * (1.0 / k)
    for _ in range(6):
        series *= series
    return series


def _half_group(symmetry: Symmetry) -> IntArray | None:
    """Return indices (in the coset) of one operation of each pair related by an inversion at the origin, or None."""
    rotations, translations = symmetry.coset
    inversion = (rotations == -np.eye(3, dtype=np.int64)).all(axis=(1, 2))
    at_origin = np.abs(wrapped(translations[inversion][:, None] - symmetry.centrings)).max(axis=2) < 1e-6
    return one_of_each_sign(rotations) if at_origin.any() else None


def _anisotropy(crystal: Crystal, index: int) -> FloatArray:
    """Return beta beyond the isotropic part, so that exp(-2 pi^2 u_iso q) exp(-h beta h) is the full factor."""
    site = crystal.sites[index]
    if site.u_aniso is None:
        return np.zeros(6)
    inverse = np.linalg.inv(metric_tensor(crystal.cell))
    star = np.sqrt(np.diag(inverse))
    u11, u22, u33, u12, u13, u23 = site.u_aniso
    tensor = np.array([[u11, u12, u13], [u12, u22, u23], [u13, u23, u33]])
    beta = TWO_PI_SQUARED * (tensor * np.outer(star, star) - site.u_iso * inverse)
    return np.array([beta[0, 0], beta[1, 1], beta[2, 2], beta[0, 1], beta[0, 2], beta[1, 2]])
