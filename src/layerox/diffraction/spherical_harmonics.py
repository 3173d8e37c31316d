"""Spherical harmonics: texture of any form, as a positive function of the direction of the scattering vector.

In Bragg-Brentano and capillary geometry a textured powder multiplies the intensity of h by the density T(h) of
crystallites whose plane normal h is along the scattering vector: a function on the sphere of crystal directions with
the symmetry of the Laue class and a mean of 1. It is written as an exponential,

    T(h) = exp(sum_{l = 2, 4, ...} sum_n a_l^n y_l^n(h)) / Z,

with real spherical harmonics y_l^n symmetrised by the Laue class (n counts them), normalised to a mean square of 1, and
the mean Z of the exponential over the sphere. So T is positive, differentiable and normalised for any coefficients a;
of all densities with the same moments of these harmonics it has the largest entropy. `series_coefficients` returns the
coefficients of the linear series T = 1 + sum C_l^n y_l^n / sqrt(2 l + 1). March and Dollase's function of one axis is
in `texture`. Sources: Bunge, Texture Analysis in Materials Science (1982), ch. 4; Jaervinen, J. Appl. Cryst. 26 (1993)
525, doi:10.1107/S0021889893001219; linear series: Von Dreele, J. Appl. Cryst. 30 (1997) 517,
doi:10.1107/S0021889897005918. The exponential is the choice of this project.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from functools import cache

import numpy as np
from numpy.polynomial.legendre import leg2poly, leggauss
from numpy.polynomial.polynomial import polyder, polyval

from layerox.errors import InputError
from layerox.symmetry import CELL_NAMES, Symmetry
from layerox.typing import FloatArray

HIGHEST_ORDER = 8
# Degree of the polynomials whose mean over the sphere is exact; a March coefficient of 0.3 is normalised to 1e-9.
QUADRATURE_DEGREE = 63
# Norm of a projected harmonic below which it is no new function.
NEW = 1e-6


@dataclass(frozen=True, eq=False)
class HarmonicTexture:
    """Texture factors and their derivatives.

    Attributes
    ----------
    value
        T of each reflection, shape (n,).
    by_coefficient, by_cell
        Derivatives with respect to the coefficients, (k, n), and to the cell parameters, (6, n).
    """

    value: FloatArray
    by_coefficient: FloatArray
    by_cell: FloatArray


class SymmetrisedHarmonics:
    """Real harmonics of even order with the symmetry of a Laue class, normalised to a mean square of 1.

    Directions are Cartesian with x along a and z along c*.

    Parameters
    ----------
    symmetry
        Whose Laue class is used.
    cell
        A cell of that symmetry (angstrom, degrees).
    order
        Highest l: 2, 4, 6 or 8.

    Attributes
    ----------
    names
        (l, n) of each function, n from 1.
    node_weights, at_nodes
        Weights of a mean over the sphere, shape (m,), and the functions at its nodes, (k, m).

    Raises
    ------
    InputError
        For another order, or rhombohedral axes, along which the symmetry axis moves with the angle.
    """

    def __init__(self, symmetry: Symmetry, cell: tuple[float, ...], order: int):
        if order not in range(2, HIGHEST_ORDER + 1, 2):
            raise InputError(f"spherical harmonics of order {order}", cure=f"give 2, 4, 6 or {HIGHEST_ORDER}")
        if symmetry.cell_rule.free == (0, CELL_NAMES.index("alpha")):
            raise InputError("spherical harmonics in rhombohedral axes", cure="give the crystal in hexagonal axes")
        frame = cell_frame(np.array(cell, dtype=np.float64))[0]
        # Rows h of plane normals go to h R; in Cartesian axes that is a rotation of A^-1 h.
        inverse = np.linalg.inv(frame)
        rotations = np.array([inverse @ rotation.T @ frame for rotation in symmetry.laue_rotations])
        self.names: list[tuple[int, int]] = []
        self._mixing: list[tuple[int, FloatArray]] = []
        for degree in range(2, order + 1, 2):
            mixing = _invariant(degree, rotations)
            self._mixing.append((degree, mixing))
            self.names += [(degree, n + 1) for n in range(len(mixing))]
        nodes, self.node_weights = sphere_nodes(QUADRATURE_DEGREE)
        self.at_nodes = self.at(nodes)[0]

    def __len__(self) -> int:
        return len(self.names)

    def at(self, directions: FloatArray) -> tuple[FloatArray, FloatArray]:
        """Return the functions of unit vectors (n, 3), shape (k, n), and their gradients, (k, n, 3).

        Only the part of a gradient across the vector has a meaning.
        """
        values, gradients = [], []
        for degree, mixing in self._mixing:
            own, slopes = real_harmonics(degree, directions)
            values.append(mixing @ own)
            gradients.append(np.tensordot(mixing, slopes, axes=1))
        return np.concatenate(values), np.concatenate(gradients)


def harmonic_texture(
    harmonics: SymmetrisedHarmonics, coefficients: FloatArray, hkl: FloatArray, cell: FloatArray
) -> HarmonicTexture:
    """Return T of reflections and its derivatives.

    Parameters
    ----------
    harmonics, coefficients
        The functions and a, shape (k,).
    hkl
        One of the equivalents of each reflection, shape (n, 3).
    cell
        Cell parameters, angstrom and degrees, shape (6,).
    """
    frame, slopes = cell_frame(cell)
    inverse = np.linalg.inv(frame)
    vectors = hkl @ inverse.T
    lengths = np.linalg.norm(vectors, axis=1)
    directions = vectors / lengths[:, None]
    functions, gradients = harmonics.at(directions)
    level, means = _normalised(harmonics, coefficients)
    value = np.exp(coefficients @ functions - level)
    by_coefficient = value * (functions - means[:, None])
    slope = (value / lengths)[:, None] * np.tensordot(coefficients, gradients, axes=1)
    slope -= (slope * directions).sum(axis=1)[:, None] * directions
    moves = -np.einsum("ij,kjm,nm->kni", inverse, slopes, vectors)
    return HarmonicTexture(value, by_coefficient, np.einsum("kni,ni->kn", moves, slope))


def _normalised(harmonics: SymmetrisedHarmonics, coefficients: FloatArray) -> tuple[float, FloatArray]:
    """Return ln Z, and the means of the functions weighted with T, shape (k,)."""
    exponent = coefficients @ harmonics.at_nodes
    highest = float(exponent.max())
    density = harmonics.node_weights * np.exp(exponent - highest)
    total = float(density.sum())
    return highest + math.log(total), harmonics.at_nodes @ density / total


def series_coefficients(harmonics: SymmetrisedHarmonics, coefficients: FloatArray) -> dict[tuple[int, int], float]:
    """Return C_l^n of the linear series of T, as far as the order of the harmonics."""
    means = _normalised(harmonics, coefficients)[1]
    return {name: math.sqrt(2 * name[0] + 1) * float(mean) for name, mean in zip(harmonics.names, means, strict=True)}


def texture_index(harmonics: SymmetrisedHarmonics, coefficients: FloatArray) -> float:
    """Return J, the mean of T^2 over all directions; 1 is a random powder."""
    level, _ = _normalised(harmonics, coefficients)
    return float(harmonics.node_weights @ np.exp(2.0 * (coefficients @ harmonics.at_nodes - level)))


def sphere_nodes(degree: int) -> tuple[FloatArray, FloatArray]:
    """Return unit vectors (n, 3) and weights (n,) whose sum is the exact mean of polynomials up to a degree."""
    heights, weights = leggauss(degree // 2 + 1)
    angles = 2.0 * np.pi * np.arange(degree + 1) / (degree + 1)
    radii = np.sqrt(1.0 - heights**2)
    nodes = np.stack(
        [np.outer(radii, np.cos(angles)), np.outer(radii, np.sin(angles)), np.outer(heights, np.ones_like(angles))],
        axis=-1,
    )
    return nodes.reshape(-1, 3), np.repeat(0.5 * weights / len(angles), len(angles))


def cell_frame(cell: FloatArray) -> tuple[FloatArray, FloatArray]:
    """Return A with the Cartesian axes a, b, c as rows (x along a, z along c*), and its derivatives, (6, 3, 3).

    The Cartesian normal of a plane is A^-1 h, its length 1/d.
    """
    a, b, c = cell[:3]
    (ca, cb, cg), (sa, sb, sg) = np.cos(np.radians(cell[3:])), np.sin(np.radians(cell[3:]))
    across = (ca - cb * cg) / sg
    height = math.sqrt(1.0 - cb * cb - across * across)
    frame = np.array([[a, 0.0, 0.0], [b * cg, b * sg, 0.0], [c * cb, c * across, c * height]])
    slopes = np.zeros((6, 3, 3))
    for k in range(3):
        slopes[k, k] = frame[k] / cell[k]
    slopes[5, 1] = -b * sg, b * cg, 0.0
    by_angle = np.array([[0.0, -sa / sg], [-sb, sb * cg / sg], [0.0, cb - across * cg / sg]])
    for k, (of_first, of_second) in enumerate(by_angle):
        of_height = -(cb * of_first + across * of_second) / height
        slopes[3 + k, 2] = c * of_first, c * of_second, c * of_height
    slopes[3:] *= math.pi / 180.0
    return frame, slopes


def real_harmonics(degree: int, directions: FloatArray) -> tuple[FloatArray, FloatArray]:
    """Return the 2 l + 1 real harmonics of unit vectors (n, 3), shape (2 l + 1, n), and gradients (2 l + 1, n, 3).

    In the order m = 0, then cos(m phi) and sin(m phi) for m = 1 ... l, normalised to a mean square of 1.
    """
    x, y, z = directions.T
    values, gradients = np.empty((2 * degree + 1, len(x))), np.empty((2 * degree + 1, len(x), 3))
    row, around = 0, x + 1j * y
    for m, (along, by_z) in enumerate(_along_axis(degree)):
        height, slope = polyval(z, along), polyval(z, by_z)
        turn, less = around**m, m * around ** max(m - 1, 0)
        parts = [(turn.real, less.real, -less.imag), (turn.imag, less.imag, less.real)]
        for turned, by_x, by_y in parts[: 2 if m else 1]:
            values[row] = height * turned
            gradients[row] = np.stack([height * by_x, height * by_y, slope * turned], axis=1)
            row += 1
    return values, gradients


@cache
def _along_axis(degree: int) -> list[tuple[FloatArray, FloatArray]]:
    """Return the polynomials in z of the harmonics with each m, normalised, and their derivatives."""
    legendre = leg2poly([0.0] * degree + [1.0])
    found = []
    for m in range(degree + 1):
        share = math.factorial(degree - m) / math.factorial(degree + m)
        along = math.sqrt((2 * degree + 1) * (2 if m else 1) * share) * polyder(legendre, m)
        found.append((np.asarray(along), np.asarray(polyder(along))))
    return found


def _invariant(degree: int, rotations: FloatArray) -> FloatArray:
    """Return an orthonormal basis of the combinations of real harmonics that all rotations keep, shape (n, 2 l + 1).

    Harmonics that are invariant themselves are kept as they are: their order is that of m.
    """
    nodes, weights = sphere_nodes(2 * degree)
    plain, _ = real_harmonics(degree, nodes)
    mean = np.mean([real_harmonics(degree, nodes @ rotation.T)[0] for rotation in rotations], axis=0)
    projection = (mean * weights) @ plain.T
    basis: list[FloatArray] = []
    for row in projection:
        left = row - sum((row @ known * known for known in basis), np.zeros(len(row)))
        if (length := float(np.linalg.norm(left))) > NEW:
            basis.append(np.where(np.abs(left) < NEW, 0.0, left) / length)
    return np.array(basis).reshape(len(basis), 2 * degree + 1)
