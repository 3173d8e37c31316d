"""Reflections: the allowed hkl of a cell and a space group within a sphere, with multiplicities.

The list is made once for a phase, with a margin, so that it stays valid when the cell changes during a refinement.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from layerox.crystal.asymmetric_unit import Cell, Crystal
from layerox.errors import InputError
from layerox.symmetry import Symmetry, metric_tensor
from layerox.typing import FloatArray, IntArray

# A larger number of lattice points would take minutes and gigabytes, with more lines than any pattern resolves.
MOST_CANDIDATES, MOST_REFLECTIONS = 6_000_000, 50_000
# Reflections whose equivalents are listed at once.
BLOCK = 50_000
# Sites times reflections; each takes 64 bytes with its derivatives.
MOST_TERMS = 10_000_000


@dataclass(frozen=True, eq=False)
class Reflections:
    """Symmetry-independent reflections, by falling d-spacing.

    Attributes
    ----------
    hkl
        One representative of each Laue class, shape (n, 3).
    multiplicity
        Number of equivalent reflections under the Laue group, shape (n,).
    """

    hkl: IntArray
    multiplicity: IntArray

    def __len__(self) -> int:
        return len(self.hkl)

    def d_spacing(self, cell: Cell) -> FloatArray:
        """Return the d-spacing of each reflection in a cell, angstrom, shape (n,)."""
        return np.asarray(inverse_d_squared(self.hkl, _inverse_metric(cell)) ** -0.5)


def reflections(symmetry: Symmetry, cell: Cell, d_min: float) -> Reflections:
    """Return all reflections with d >= `d_min` (angstrom) that the space group allows.

    Raises
    ------
    InputError
        If the sphere contains too many reflections.
    """
    _refuse_too_many(symmetry, cell, d_min)
    inverse = _inverse_metric(cell)
    hkl = _sphere(inverse, cell, d_min)
    hkl = hkl[~_is_absent(hkl, symmetry)]
    chosen, multiplicity = _laue_classes(hkl, symmetry)
    q = inverse_d_squared(chosen, inverse).round(12)
    order = np.lexsort((-chosen[:, 2], -chosen[:, 1], -chosen[:, 0], q))
    return Reflections(chosen[order], multiplicity[order])


def _refuse_too_many(symmetry: Symmetry, cell: Cell, d_min: float) -> None:
    """Refuse a too large sphere, by its volume 4 pi / (3 d^3) times that of the cell, before it is filled."""
    volume = float(np.sqrt(max(np.linalg.det(metric_tensor(cell)), 0.0)))
    number = 4.0 / 3.0 * np.pi * volume / d_min**3 / (len(symmetry.centrings) * len(symmetry.laue_rotations))
    box = np.prod([2.0 * n + 1.0 for n in _largest_indices(cell, d_min)])
    if number > MOST_REFLECTIONS or box > MOST_CANDIDATES:
        raise InputError(
            f"a cell of {cell[0]:.4g} x {cell[1]:.4g} x {cell[2]:.4g} A has about {number:.2g} reflections above "
            f"d = {d_min:.3g} A, too many",
            cure="narrow the range or give a smaller cell",
        )


def refuse_too_many_terms(number: int, crystal: Crystal) -> None:
    """Refuse a structure whose sites times reflections would fill the memory with geometric sums."""
    if number * len(crystal.sites) > MOST_TERMS:
        raise InputError(
            f"{len(crystal.sites)} sites and {number} reflections are too many to calculate",
            place=crystal.source or crystal.name,
            cure="narrow the range, or describe it with its symmetry",
        )


def _largest_indices(cell: Cell, d_min: float) -> list[int]:
    return [int(length / d_min) for length in cell[:3]]


def _inverse_metric(cell: Cell) -> FloatArray:
    return np.asarray(np.linalg.inv(metric_tensor(cell)), dtype=np.float64)


def inverse_d_squared(hkl: IntArray, inverse_metric: FloatArray) -> FloatArray:
    """Return 1/d^2 = h G* h, angstrom^-2, shape (n,)."""
    return np.asarray(((hkl @ inverse_metric) * hkl).sum(axis=1))


def equivalents(hkl: IntArray, rotations: IntArray) -> IntArray:
    """Return the images h R of each reflection, repeated ones included, shape (n, m, 3)."""
    # Products of small integers are exact in floating point, whose matrix product is many times faster.
    columns = rotations.transpose(1, 0, 2).reshape(3, -1).astype(np.float64)
    return (hkl @ columns).astype(np.int64).reshape(len(hkl), len(rotations), 3)


def has_reflection_between(crystal: Crystal, low: float, high: float, wavelength: float) -> bool:
    """Whether a crystal has a reflection between two angles two-theta (degrees) for a wavelength (angstrom)."""
    d_min, d_max = (0.5 * wavelength / math.sin(math.radians(max(angle, 1e-3) / 2)) for angle in (high, low))
    found = reflections(crystal.symmetry, crystal.cell, d_min)
    return bool((found.d_spacing(crystal.cell) <= d_max).any())


def one_of_each_sign(rotations: IntArray) -> IntArray:
    """Return indices of those rotations whose first non-zero element is positive: one of each pair R, -R."""
    rows = rotations.reshape(len(rotations), 9)
    leading = rows[np.arange(len(rows)), (rows != 0).argmax(axis=1)]
    return np.flatnonzero(leading > 0)


def _sphere(inverse_metric: FloatArray, cell: Cell, d_min: float) -> IntArray:
    """Return one half of reciprocal space out to 1 / d_min, without the origin."""
    top = _largest_indices(cell, d_min)
    axes = (np.arange(0, top[0] + 1), np.arange(-top[1], top[1] + 1), np.arange(-top[2], top[2] + 1))
    hkl = np.stack(np.meshgrid(*axes, indexing="ij"), axis=-1).reshape(-1, 3)
    q = inverse_d_squared(hkl, inverse_metric)
    return np.asarray(hkl[(q > 0) & (q <= 1.0 / d_min**2)])


def _is_absent(hkl: IntArray, symmetry: Symmetry) -> NDArray[np.bool_]:
    """Return which reflections are systematically absent in this space group."""
    rotations, translations = symmetry.coset
    absent: NDArray[np.bool_] = np.logical_not(_is_whole(hkl @ symmetry.centrings.T).all(axis=1))
    for first in range(0, len(hkl), BLOCK):
        block = hkl[first : first + BLOCK]
        unmoved = (equivalents(block, rotations) == block[:, None, :]).all(axis=2)
        absent[first : first + BLOCK] |= (unmoved & ~_is_whole(block @ translations.T)).any(axis=1)
    return absent


def _is_whole(phase: FloatArray) -> NDArray[np.bool_]:
    return np.abs(phase - np.rint(phase)) < 1e-6


def _laue_classes(hkl: IntArray, symmetry: Symmetry) -> tuple[IntArray, IntArray]:
    """Return one member of each Laue class, and the size of the class.

    The member is the largest by h, then k, then l among those with the fewest negative h and k: 1 1 0 rather
    than 2 -1 0.
    """
    span = 4 * int(np.abs(hkl).max(initial=0)) + 3
    blocks = [_classes_of(hkl[k : k + BLOCK], symmetry, span) for k in range(0, len(hkl), BLOCK)]
    if not blocks:
        return hkl, np.zeros(0, dtype=np.int64)
    chosen, multiplicity = zip(*blocks, strict=True)
    return np.concatenate(chosen), np.concatenate(multiplicity)


def _classes_of(hkl: IntArray, symmetry: Symmetry, span: int) -> tuple[IntArray, IntArray]:
    keys = np.sort(_rank(equivalents(hkl, symmetry.laue_rotations), span), axis=1)
    chosen = _rank(hkl, span) == keys[:, -1]
    return hkl[chosen], 1 + (np.diff(keys[chosen], axis=1) != 0).sum(axis=1)


def _rank(hkl: IntArray, span: int) -> IntArray:
    """Return a rank of reflections that is highest for the conventional one of a class."""
    negative = (hkl[..., :2] < 0).sum(axis=-1)
    return np.asarray(hkl @ np.array([span * span, span, 1]) - negative * span**3)
