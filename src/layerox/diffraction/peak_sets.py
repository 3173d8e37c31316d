"""Peak sets: the peaks of one phase at one set of values, with the factors of their derivatives."""

from __future__ import annotations

import math
from dataclasses import dataclass, field
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from layerox.diffraction import peaks as pk
from layerox.diffraction.anisotropic_broadening import ReflectionBroadening
from layerox.diffraction.asymmetric_peaks import Windows
from layerox.diffraction.axial_divergence import part_slopes
from layerox.diffraction.profiles import asymmetric_windows
from layerox.typing import FloatArray, IntArray


@dataclass(frozen=True, eq=False)
class PeakSet:
    """Peaks with the factors of their derivatives.

    Attributes
    ----------
    table, slopes
        Position, Gaussian and Lorentzian width (degrees) and unit-scale area of each peak, (4, m), and their
        derivatives with respect to q, without those of the shift by axial divergence.
    owner, line, wavelengths
        Reflection, emission line and wavelength (angstrom) of each peak, shape (m,).
    bragg
        Bragg angle 2 theta of each peak, radian, shape (m,).
    by_correction
        Logarithmic derivatives of the areas with respect to two_mu_t, mu_r and overflow, (3, m); None without one.
    """

    table: FloatArray
    slopes: FloatArray
    owner: IntArray
    line: IntArray
    wavelengths: FloatArray
    bragg: FloatArray
    by_correction: FloatArray | None = None

    def scaled(self, scale: float) -> FloatArray:
        """Return the table with the areas times a scale."""
        table = self.table.copy()
        table[3] *= scale
        return table


@dataclass(frozen=True, eq=False)
class AxialParts:
    """The shifted peaks that form each peak with axial divergence.

    Attributes
    ----------
    first
        Where those of each peak start, (n + 1,).
    places
        Their distances from the centre of the peak (degrees) and shares of its area, (2, m).
    rays
        Cosine and sine of their Bragg angles 2 theta, and heights of their rays, (3, m).
    bragg_by_q
        Derivative of the Bragg angle of each peak (radian) with respect to q, (n,).
    axial
        S / L and H / L.
    kept
        The last windows, see `Peaks.windows`, with the angles and the cut.
    """

    first: IntArray
    places: FloatArray
    rays: FloatArray
    bragg_by_q: FloatArray
    axial: tuple[float, float]
    kept: list[tuple[FloatArray, tuple[float, float], Windows]] = field(default_factory=list)

    @cached_property
    def by_values(self) -> tuple[FloatArray, FloatArray]:
        """Derivatives with respect to q, S / L and H / L: of the places, (3, 2, m), and of the centres, (3, n)."""
        return part_slopes(self.first, self.places, self.rays, self.bragg_by_q, *self.axial)

    def only(self, chosen: IntArray) -> AxialParts:
        """Return the parts of some peaks, by their indices."""
        ranges = [np.arange(self.first[k], self.first[k + 1]) for k in chosen]
        first, own = np.cumsum([0, *map(len, ranges)]), np.concatenate(ranges)
        places, rays = np.ascontiguousarray(self.places[:, own]), np.ascontiguousarray(self.rays[:, own])
        return AxialParts(first, places, rays, self.bragg_by_q[chosen], self.axial)


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
        One peak for each reflection and emission line, as a symmetric one at its centre.
    parts
        The shifted peaks that form each of `listed`; None without axial divergence.
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
    parts: AxialParts | None
    texture_by_coefficient: FloatArray | None = None
    broadening: ReflectionBroadening | None = None

    @property
    def table(self) -> FloatArray:
        """Position, widths and unit-scale area of each listed peak, shape (4, n l)."""
        return self.listed.table

    def windows(self, two_theta: FloatArray, reach_scale: float, tail: float) -> Windows:
        """Return `profiles.asymmetric_windows` for the reach that peaks have at a scale, kept for the derivatives."""
        parts = self.parts
        if parts is None:
            raise ValueError("these peaks are symmetric")
        for grid, cut, windows in parts.kept:
            if grid is two_theta and cut == (reach_scale, tail):
                return windows
        table = self.listed.table
        found = asymmetric_windows(two_theta, table, reach_scale * table[3], parts.first, parts.places, tail)
        parts.kept[:] = [(two_theta, (reach_scale, tail), found)]
        return found

    @property
    def symmetric(self) -> tuple[FloatArray, IntArray]:
        """Symmetric peaks that the pattern consists of, as `table`, and the reflection of each."""
        if self.parts is None:
            return self.listed.table, self.listed.owner
        parent = np.repeat(np.arange(self.listed.owner.size), np.diff(self.parts.first))
        table = self.listed.table[:, parent]
        table[0] += self.parts.places[0]
        table[3] *= self.parts.places[1]
        return table, self.listed.owner[parent]

    @property
    def has_width(self) -> NDArray[np.bool_]:
        """Whether the Gaussian width of the instrument is real, and the whole width positive, for each listed peak."""
        _, gauss, lorentz, _ = self.table
        none = pk.LEAST_SQUARE / math.e  # the value of `gaussian_width` for zero
        return np.asarray((gauss**2 > none * (1 + 1e-9)) | ((gauss**2 > none * (1 - 1e-9)) & (lorentz > 0)))
