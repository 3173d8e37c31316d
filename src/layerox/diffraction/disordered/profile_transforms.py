"""Profile transforms: the Fourier transforms of the peak profile at a few angles, and their derivatives.

The profile is the pseudo-Voigt of `profiles`, with the axial divergence of `axial_divergence` and the widths of
`peaks`.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np

from layerox.computing.compiled import compiled
from layerox.diffraction import peaks as pk
from layerox.diffraction.axial_divergence import asymmetric, node_table, part_slopes
from layerox.diffraction.disordered.profile_sum import ProfileGrid
from layerox.diffraction.profiles import tch_width
from layerox.typing import ComplexArray, FloatArray, IntArray

WIDTH_SLOTS = (pk.U, pk.V, pk.W, pk.X, pk.Y)
# Lowest angle with axial divergence, in units of the angle that the largest height subtends.
LOWEST_AXIAL = 1.05


@dataclass(frozen=True, eq=False)
class ProfileTransforms:
    """Transforms of the profile at each angle of a grid, for one wavelength.

    Attributes
    ----------
    value
        Shape (angles, frequencies).
    by_gauss, by_lorentz
        Derivatives with respect to the two widths, the same shape.
    theta, gauss, wavelength
        Bragg angle theta within the pattern (radian), Gaussian width (degrees) of each angle, and the wavelength.
    by_axial
        Derivatives with respect to S/L and H/L; None without asymmetry.
    """

    value: ComplexArray
    by_gauss: ComplexArray
    by_lorentz: ComplexArray
    theta: FloatArray
    gauss: FloatArray
    wavelength: float
    by_axial: tuple[ComplexArray, ComplexArray] | None

    def slope(self, slot: int) -> ComplexArray:
        """Return the derivative with respect to a width parameter of the instrument (its slot)."""
        if slot in (pk.S_OVER_L, pk.H_OVER_L):
            return np.zeros_like(self.value) if self.by_axial is None else self.by_axial[slot - pk.S_OVER_L]
        tangent = np.tan(self.theta)
        if slot in (pk.X, pk.Y):
            factor = 1.0 / np.cos(self.theta) if slot == pk.X else tangent
            return np.asarray(factor[:, None] * self.by_lorentz)
        power = {pk.U: tangent**2, pk.V: tangent, pk.W: np.ones_like(tangent)}[slot]
        damping = np.minimum(1.0, self.gauss**2 / pk.LEAST_SQUARE)
        factor = np.where(self.gauss > 0.0, 0.5 * power * damping / np.maximum(self.gauss, 1e-300), 0.0)
        return np.asarray(factor[:, None] * self.by_gauss)

    def size_slope(self) -> ComplexArray:
        """Return the derivative with respect to the inverse size, 1/nm."""
        factor = self.wavelength / pk.NM / np.cos(self.theta) / pk.DEGREE
        return np.asarray(factor[:, None] * self.by_lorentz)

    def strain_slope(self) -> ComplexArray:
        """Return the derivative with respect to the microstrain."""
        return np.asarray((np.tan(self.theta) / pk.DEGREE)[:, None] * self.by_lorentz)


def profile_transforms(
    grid: ProfileGrid,
    instrument: FloatArray,
    inverse_size: float,
    microstrain: float,
    wavelength: float,
    last: float,
    with_slopes: bool,
) -> ProfileTransforms:
    """Return the transforms of the profile at the angles of a grid.

    Parameters
    ----------
    grid
        The grid.
    instrument
        Values of the instrument's slots.
    inverse_size, microstrain
        1/nm, and dimensionless.
    wavelength
        Angstrom.
    last
        Bragg angle theta (radian) beyond which widths are constant, as in `peaks.peak_list`.
    with_slopes
        Whether derivatives are computed; they are empty otherwise.
    """
    theta = np.minimum(np.radians(grid.angles / 2), last)
    widths = [_widths(angle, wavelength, instrument, inverse_size, microstrain) for angle in theta.tolist()]
    q = grid.frequency
    value = np.empty((len(theta), q.size), dtype=np.complex128)
    by_gauss, by_lorentz = (np.empty((len(theta) if with_slopes else 0, q.size), np.complex128) for _ in range(2))
    for k, (gauss, lorentz) in enumerate(widths):
        width, eta, width_g, width_l, eta_g, eta_l = tch_width(gauss, lorentz)
        narrow = -(math.pi**2) / (4.0 * math.log(2.0)) * q * q
        of_lorentz, of_gauss = np.exp(-math.pi * width * q), np.exp(narrow * width * width)
        value[k] = eta * of_lorentz + (1.0 - eta) * of_gauss
        if with_slopes:
            by_width = -math.pi * q * eta * of_lorentz + 2.0 * narrow * width * (1.0 - eta) * of_gauss
            by_eta = of_lorentz - of_gauss
            by_gauss[k], by_lorentz[k] = width_g * by_width + eta_g * by_eta, width_l * by_width + eta_l * by_eta
    gaussian = np.array([gauss for gauss, _ in widths])
    by_axial = None
    sample, slit = instrument[pk.S_OVER_L], instrument[pk.H_OVER_L]
    if sample > 0.0 or slit > 0.0:
        factor, slopes = _axial_transforms(grid, widths, sample, slit)
        by_axial = value * slopes[0], value * slopes[1]
        value, by_gauss, by_lorentz = (
            value * factor,
            by_gauss * factor[: len(by_gauss)],
            by_lorentz * factor[: len(by_lorentz)],
        )
    return ProfileTransforms(value, by_gauss, by_lorentz, theta, gaussian, wavelength, by_axial)


def _widths(
    theta: float, wavelength: float, instrument: FloatArray, inverse_size: float, microstrain: float
) -> tuple[float, float]:
    gauss = pk.gaussian_width(math.tan(theta), instrument)[0]
    return gauss, pk.lorentzian_width(theta, wavelength, instrument, inverse_size, microstrain)[0]


@compiled
def sums_of_waves(
    first: IntArray,
    place: FloatArray,
    area: FloatArray,
    place_by_sample: FloatArray,
    place_by_slit: FloatArray,
    area_by_sample: FloatArray,
    area_by_slit: FloatArray,
    step: float,
    size: int,
) -> tuple[ComplexArray, ComplexArray, ComplexArray]:
    """Return the transforms of groups of shifted parts, and their derivatives with S/L and H/L.

    Parameters
    ----------
    first
        Where the parts of each group start, shape (g + 1,).
    place, area
        Shift (degrees) and area of each part, followed by the derivatives of both, shape (m,).
    step, size
        Of the frequencies, which start at zero.

    Returns
    -------
    tuple
        Three arrays of shape (g, size).
    """
    groups = first.size - 1
    value = np.zeros((groups, size), dtype=np.complex128)
    by_sample, by_slit = np.zeros_like(value), np.zeros_like(value)
    for k in range(groups):
        for m in range(first[k], first[k + 1]):
            angle = -2.0 * math.pi * place[m] * step
            turn, wave = complex(math.cos(angle), math.sin(angle)), complex(1.0, 0.0)
            for i in range(size):
                moved = complex(0.0, -2.0 * math.pi * step * i * area[m])
                value[k, i] += area[m] * wave
                by_sample[k, i] += (area_by_sample[m] + moved * place_by_sample[m]) * wave
                by_slit[k, i] += (area_by_slit[m] + moved * place_by_slit[m]) * wave
                wave *= turn
    return value, by_sample, by_slit


def _axial_transforms(
    grid: ProfileGrid, widths: list[tuple[float, float]], sample: float, slit: float
) -> tuple[ComplexArray, tuple[ComplexArray, ComplexArray]]:
    """Return the transform of the shifted parts of a peak at each angle, and its derivatives with S/L and H/L."""
    count = len(widths)
    table = np.zeros((4, count))
    table[1], table[2] = np.array(widths).T
    table[3] = 1.0
    # Below, rays of the largest height do not meet the detector at any angle.
    reach = sample + slit
    lowest = LOWEST_AXIAL * math.atan(reach)
    bragg = np.maximum(np.radians(grid.angles), lowest)
    moved = np.where(bragg > lowest, 0.0, LOWEST_AXIAL / (1.0 + reach * reach))
    first, parts, rays = asymmetric(table, bragg, sample, slit, *node_table())
    slopes, centres = part_slopes(first, parts, rays, moved, sample, slit)
    slopes[:, 0] += np.repeat(centres, np.diff(first), axis=1)
    by_sample, by_slit = slopes[1] + slopes[0], slopes[2] + slopes[0]
    place = parts[0] + np.repeat(table[0], np.diff(first))
    rows = place, parts[1], by_sample[0], by_slit[0], by_sample[1], by_slit[1]
    value, by_sample, by_slit = sums_of_waves(first, *rows, float(grid.frequency[1]), grid.frequency.size)
    return value, (by_sample, by_slit)
