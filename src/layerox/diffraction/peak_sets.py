"""Peak sets: the peaks of one phase at one set of values, with the factors of their derivatives."""

from __future__ import annotations

import math
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from layerox.diffraction import peaks as pk
from layerox.diffraction.anisotropic_broadening import ReflectionBroadening
from layerox.diffraction.profiles import AsymmetricPeaks
from layerox.typing import FloatArray, IntArray


@dataclass(frozen=True, eq=False)
class PeakSet:
    """Peaks with the factors of their derivatives.

    Attributes
    ----------
    table, slopes
        Position, Gaussian and Lorentzian width (degrees) and unit-scale area of each peak, (4, m), and their
        derivatives with respect to q.
    owner, line, wavelengths
        Reflection, emission line and wavelength (angstrom) of each peak, shape (m,).
    bragg
        Bragg angle 2 theta of each peak, radian, shape (m,).
    by_axial
        Derivatives of positions and areas with respect to S / L and H / L, (2, 2, m); None without asymmetry.
    by_correction
        Logarithmic derivatives of the areas with respect to two_mu_t, mu_r and overflow, (3, m); None without one.
    """

    table: FloatArray
    slopes: FloatArray
    owner: IntArray
    line: IntArray
    wavelengths: FloatArray
    bragg: FloatArray
    by_axial: FloatArray | None = None
    by_correction: FloatArray | None = None

    def scaled(self, scale: float) -> FloatArray:
        """Return the table with the areas times a scale."""
        table = self.table.copy()
        table[3] *= scale
        return table

    def asymmetric(self, scale: float) -> AsymmetricPeaks:
        """Return table, derivatives with respect to q and those with respect to S/L and H/L, areas times a scale."""
        slopes = self.slopes.copy()
        slopes[3] *= scale
        by_axial = np.zeros((2, 2, self.bragg.size)) if self.by_axial is None else self.by_axial.copy()
        by_axial[1] *= scale
        return self.scaled(scale), slopes, by_axial

    @property
    def unmoved(self) -> PeakSet:
        """The same peaks, of which positions, widths and areas do not depend on q and on S/L and H/L."""
        return replace(self, slopes=np.zeros(self.slopes.shape), by_axial=None)


@dataclass(frozen=True, eq=False)
class Peaks:
    """The peaks of one phase at one set of values, with the factors of their derivatives.

    Attributes
    ----------
    q, by_cell
        1/d^2, shape (n,), and its derivatives with respect to the cell, (6, n).
    f_squared, texture
        |F|^2 in electrons^2 a cell (mean of Friedel mates) and texture correction, shape (n,).
    listed
        One peak for each reflection and emission line, as a symmetric one.
    parts, first
        With axial divergence: the shifted peaks that form each of `listed`, and their first indices, (n l + 1,).
    texture_by_coefficient
        Derivatives of the texture with respect to the coefficients of harmonics, (k, n); None without them.
    broadening
        Size and strain of each reflection; None if they are the same in all directions.
    """

    q: FloatArray
    by_cell: FloatArray
    f_squared: FloatArray
    by_occupancy: FloatArray
    by_sum: FloatArray
    texture: FloatArray
    texture_by_r: FloatArray
    texture_by_cell: FloatArray
    strength: FloatArray
    listed: PeakSet
    parts: PeakSet | None
    first: IntArray
    texture_by_coefficient: FloatArray | None = None
    broadening: ReflectionBroadening | None = None

    @property
    def table(self) -> FloatArray:
        """Position, widths and unit-scale area of each listed peak, shape (4, n l)."""
        return self.listed.table

    @property
    def has_width(self) -> NDArray[np.bool_]:
        """Whether the Gaussian width of the instrument is real, and the whole width positive, for each listed peak."""
        _, gauss, lorentz, _ = self.table
        none = pk.LEAST_SQUARE / math.e  # the value of `gaussian_width` for zero
        return np.asarray((gauss**2 > none * (1 + 1e-9)) | ((gauss**2 > none * (1 - 1e-9)) & (lorentz > 0)))
