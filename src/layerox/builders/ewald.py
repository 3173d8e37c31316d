"""Ewald: the electrostatic energy of point charges in a cell, as a matrix for all arrangements of them.

P. P. Ewald, Ann. Phys. 369 (1921) 253, doi:10.1002/andp.19213690304. A cell that is not neutral is given a uniform
background, which is the same for all arrangements with the same ions.
"""

from __future__ import annotations

import itertools
import math

import numpy as np

from layerox.typing import FloatArray

COULOMB = 14.399645  # e^2 / (4 pi eps0), eV angstrom (CODATA 2018)
ACCURACY = 5.0  # both sums stop where their terms have fallen to about exp(-25)


def ewald_matrix(lattice: FloatArray, positions: FloatArray) -> FloatArray:
    """Return A with energy 1/2 q A q (eV) for charges q in units of e, shape (n, n).

    Parameters
    ----------
    lattice
        Edges as rows, angstrom.
    positions
        Fractional, shape (n, 3); no two coincide.
    """
    volume = abs(float(np.linalg.det(lattice)))
    width = math.sqrt(math.pi) * (len(positions) / volume**2) ** (1 / 6)
    total = _real(lattice, positions, width) + _reciprocal(lattice, positions, width, volume)
    total -= math.pi / (volume * width**2)
    total[np.diag_indices(len(positions))] -= 2 * width / math.sqrt(math.pi)
    return np.asarray(COULOMB * total)


def ewald_energies(matrix: FloatArray, charges: FloatArray) -> FloatArray:
    """Return the energy of each row of charges, eV."""
    return np.asarray(0.5 * ((charges @ matrix) * charges).sum(axis=1))


def _real(lattice: FloatArray, positions: FloatArray, width: float) -> FloatArray:
    """Sum erfc(width r) / r over images."""
    from scipy.special import erfc  # noqa: PLC0415  (a tenth of a second, needed only here)

    between = positions[None, :, :] - positions[:, None, :]
    between = (between - np.rint(between)) @ lattice
    reach = ACCURACY / width
    total = np.zeros(between.shape[:2])
    for shift in _within(lattice, reach + float(np.linalg.norm(between, axis=2).max())):
        distance = np.linalg.norm(between + shift @ lattice, axis=2)
        near = (distance < reach) & (distance > 1e-9)
        total[near] += erfc(width * distance[near]) / distance[near]
    return total


def _reciprocal(lattice: FloatArray, positions: FloatArray, width: float, volume: float) -> FloatArray:
    """Sum 4 pi / V exp(-G^2 / 4 width^2) / G^2 cos G r over reciprocal vectors."""
    reciprocal: FloatArray = np.asarray(2 * math.pi * np.linalg.inv(lattice).T)
    indices = _within(reciprocal, 2 * ACCURACY * width)
    squares = ((indices @ reciprocal) ** 2).sum(axis=1)
    indices, squares = indices[squares > 1e-12], squares[squares > 1e-12]
    weights = 4 * math.pi / volume * np.exp(-squares / (4 * width**2)) / squares
    phases = 2 * math.pi * indices @ positions.T
    return np.asarray(sum((wave * weights[:, None]).T @ wave for wave in (np.cos(phases), np.sin(phases))))


def _within(lattice: FloatArray, radius: float) -> FloatArray:
    """Return the lattice points within a radius, as integers."""
    reach = np.ceil(radius * np.linalg.norm(np.linalg.inv(lattice), axis=0)).astype(int)
    points = np.array(list(itertools.product(*(range(-n, n + 1) for n in reach))), dtype=float)
    return np.asarray(points[np.linalg.norm(points @ lattice, axis=1) <= radius])
