"""Profile sum: the powder pattern of many narrow contributions, by Fourier transforms.

Contributions are spread on a fine grid of two-theta with cubic B-splines. The profile changes with the angle: it is
given at a few angles, and each contribution is divided between four of them by cubic interpolation, so that each angle
needs one transform. Multiplication in Fourier space convolves with the profile, and removes the B-splines and the
window of `recursion`. Contributions that lack the window in two-theta, near the foot of a rod, have a grid of their
own, from which no window is removed. The profile is the pseudo-Voigt of `profiles`, with the axial divergence of
`axial_divergence`.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from functools import cached_property

import numpy as np
from scipy import fft

from layerox.computing.compiled import compiled
from layerox.diffraction import peaks as pk
from layerox.diffraction.axial_divergence import asymmetric, node_table
from layerox.diffraction.profiles import tch_width
from layerox.typing import ComplexArray, FloatArray, IntArray

# Number of angles with a profile of their own, and the angle (degrees) that makes them equidistant at high angles.
ANGLES, EVENLY_ABOVE = 12, 40.0
# Window and grid step in units of the least width of a peak, and what lies beyond the pattern on the grid (degrees).
WINDOW, STEP, BEYOND = 0.20, 0.13, 4.0
# Phase beyond which the window is not removed further: its transform becomes zero at 2.36.
LAST_PHASE = 1.9
# Part of a contribution above which all of it counts as having the window.
ALL_WINDOWED = 0.999
WIDTH_SLOTS = (pk.U, pk.V, pk.W, pk.X, pk.Y)


@compiled
def add_contributions(
    place: FloatArray,
    angle: FloatArray,
    area: FloatArray,
    windowed: FloatArray,
    start: float,
    step: float,
    grid: FloatArray,
) -> None:
    """Add contributions to the grids of their profiles.

    Parameters
    ----------
    place
        Two-theta of each contribution, degrees, shape (n,).
    angle
        Place of its Bragg angle among the angles with a profile, 0 to their number less 1, shape (n,).
    area, windowed
        Its area, and the part of it that has the window, shape (n,).
    start, step
        Of the grid, degrees.
    grid
        Those with and without the window, shape (2, profiles, points).
    """
    last = grid.shape[1] - 4
    for k in range(place.size):
        at = (place[k] - start) / step
        i = int(at)
        if i < 1 or i >= grid.shape[2] - 3 or area[k] == 0.0:
            continue
        f = at - i
        b0 = (1.0 - f) ** 3 / 6.0
        b1 = (3.0 * f**3 - 6.0 * f**2 + 4.0) / 6.0
        b2 = (-3.0 * f**3 + 3.0 * f**2 + 3.0 * f + 1.0) / 6.0
        b3 = f**3 / 6.0
        j = min(max(int(angle[k]) - 1, 0), last)
        t = angle[k] - j
        for m in range(4):
            if m == 0:
                share = -(t - 1.0) * (t - 2.0) * (t - 3.0) / 6.0
            elif m == 1:
                share = t * (t - 2.0) * (t - 3.0) / 2.0
            elif m == 2:
                share = -t * (t - 1.0) * (t - 3.0) / 2.0
            else:
                share = t * (t - 1.0) * (t - 2.0) / 6.0
            for plain in range(1 if windowed[k] > ALL_WINDOWED else 2):
                part = share * area[k] * (1.0 - windowed[k] if plain else windowed[k])
                row = grid[plain, j + m]
                row[i - 1] += part * b0
                row[i] += part * b1
                row[i + 1] += part * b2
                row[i + 2] += part * b3


@compiled
def add_contribution_slopes(
    place: FloatArray,
    angle: FloatArray,
    area: FloatArray,
    windowed: FloatArray,
    place_slope: FloatArray,
    angle_slope: FloatArray,
    area_slope: FloatArray,
    start: float,
    step: float,
    grid: FloatArray,
) -> None:
    """Add the derivative of contributions to the grids, from the derivatives of their places, angles and areas."""
    last = grid.shape[1] - 4
    for k in range(place.size):
        at = (place[k] - start) / step
        i = int(at)
        if i < 1 or i >= grid.shape[2] - 3:
            continue
        f = at - i
        b0 = (1.0 - f) ** 3 / 6.0
        b1 = (3.0 * f**3 - 6.0 * f**2 + 4.0) / 6.0
        b2 = (-3.0 * f**3 + 3.0 * f**2 + 3.0 * f + 1.0) / 6.0
        b3 = f**3 / 6.0
        move = place_slope[k] / step
        d0 = -0.5 * move * (1.0 - f) ** 2
        d1 = move * (1.5 * f**2 - 2.0 * f)
        d2 = move * (-1.5 * f**2 + f + 0.5)
        d3 = 0.5 * move * f**2
        j = min(max(int(angle[k]) - 1, 0), last)
        t = angle[k] - j
        for m in range(4):
            if m == 0:
                share = -(t - 1.0) * (t - 2.0) * (t - 3.0) / 6.0
                slope = -((t - 2.0) * (t - 3.0) + (t - 1.0) * (t - 3.0) + (t - 1.0) * (t - 2.0)) / 6.0
            elif m == 1:
                share = t * (t - 2.0) * (t - 3.0) / 2.0
                slope = ((t - 2.0) * (t - 3.0) + t * (t - 3.0) + t * (t - 2.0)) / 2.0
            elif m == 2:
                share = -t * (t - 1.0) * (t - 3.0) / 2.0
                slope = -((t - 1.0) * (t - 3.0) + t * (t - 3.0) + t * (t - 1.0)) / 2.0
            else:
                share = t * (t - 1.0) * (t - 2.0) / 6.0
                slope = ((t - 1.0) * (t - 2.0) + t * (t - 2.0) + t * (t - 1.0)) / 6.0
            still = share * area_slope[k] + slope * angle_slope[k] * area[k]
            moved = share * area[k]
            for plain in range(1 if windowed[k] > ALL_WINDOWED else 2):
                part = 1.0 - windowed[k] if plain else windowed[k]
                row = grid[plain, j + m]
                row[i - 1] += part * (still * b0 + moved * d0)
                row[i] += part * (still * b1 + moved * d1)
                row[i + 1] += part * (still * b2 + moved * d2)
                row[i + 2] += part * (still * b3 + moved * d3)


@compiled
def sampled(coefficients: FloatArray, start: float, step: float, two_theta: FloatArray) -> FloatArray:
    """Return the sum of cubic B-splines with coefficients on the grid at some angles, shape (n,)."""
    result = np.zeros(two_theta.size)
    for k in range(two_theta.size):
        at = (two_theta[k] - start) / step
        i = int(at)
        f = at - i
        result[k] = (
            coefficients[i - 1] * (1.0 - f) ** 3
            + coefficients[i] * (3.0 * f**3 - 6.0 * f**2 + 4.0)
            + coefficients[i + 1] * (-3.0 * f**3 + 3.0 * f**2 + 3.0 * f + 1.0)
            + coefficients[i + 2] * f**3
        ) / 6.0
    return result


@dataclass(frozen=True, eq=False)
class ProfileGrid:
    """A fine grid of two-theta, and the angles at which the profile is calculated.

    Attributes
    ----------
    start, step, size
        First point, step (degrees) and number of points.
    window
        Width w of the window of the contributions, degrees.
    first_angle, last_angle
        Of those with a profile, degrees.
    """

    start: float
    step: float
    size: int
    window: float
    first_angle: float
    last_angle: float

    @classmethod
    def between(cls, low: float, high: float, least_width: float) -> ProfileGrid:
        """Return the grid for contributions between two angles (degrees) with a least full width of peaks."""
        step = STEP * least_width
        size = int(fft.next_fast_len(int((high - low + 2 * BEYOND) / step) + 8, real=True))
        return cls(low - BEYOND, step, size, WINDOW * least_width, low, high)

    def _on_scale(self, two_theta: FloatArray) -> FloatArray:
        return np.asarray(np.log(two_theta) + two_theta / EVENLY_ABOVE)

    @cached_property
    def _scale(self) -> tuple[float, float]:
        first, last = self._on_scale(np.array([self.first_angle, self.last_angle]))
        return float(first), float(last - first) / (ANGLES - 1)

    def angle_place(self, two_theta: FloatArray) -> tuple[FloatArray, FloatArray]:
        """Return the place of Bragg angles (degrees) among the angles with a profile, and its derivative."""
        first, unit = self._scale
        return (self._on_scale(two_theta) - first) / unit, (1.0 / two_theta + 1.0 / EVENLY_ABOVE) / unit

    @cached_property
    def angles(self) -> FloatArray:
        """Two-theta of the angles with a profile, degrees, shape (ANGLES,)."""
        fine = np.linspace(self.first_angle, self.last_angle, 4000)
        first, unit = self._scale
        guess = np.interp(first + unit * np.arange(ANGLES), self._on_scale(fine), fine)
        for _ in range(3):
            place, slope = self.angle_place(guess)
            guess = guess - (place - np.arange(ANGLES)) / slope
        return np.asarray(guess)

    @cached_property
    def frequency(self) -> FloatArray:
        """Frequencies of the transform, 1/degree."""
        return np.asarray(fft.rfftfreq(self.size, self.step))

    @cached_property
    def _splines(self) -> FloatArray:
        """Transform of the B-splines of both sides, times the step."""
        return np.asarray(np.sinc(self.frequency * self.step) ** 8 * self.step)

    @cached_property
    def _window(self) -> FloatArray:
        """Transform of the window, as far as it is removed."""
        phase = np.minimum(math.sqrt(2.0) * math.pi * self.frequency * self.window, LAST_PHASE)
        return np.asarray(np.exp(-phase) * (np.cos(phase) + np.sin(phase)))

    def empty(self, channels: int) -> FloatArray:
        """Return grids of zeros for contributions, shape (channels, 2, angles, points)."""
        return np.zeros((channels, 2, ANGLES, self.size))

    def transform(self, grids: FloatArray) -> ComplexArray:
        """Return the transforms of grids without their windows, shape (channels, angles, frequencies)."""
        both = fft.rfft(grids)
        return np.asarray(both[:, 0] / self._window + both[:, 1])

    def pattern(self, transform: ComplexArray, two_theta: FloatArray) -> FloatArray:
        """Return the pattern of a transform on some angles."""
        coefficients = fft.irfft(transform / self._splines, self.size)
        return sampled(coefficients, self.start, self.step, two_theta)


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
        return np.asarray((0.5 * power * damping / self.gauss)[:, None] * self.by_gauss)

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
    first, parts, _, slopes, _ = asymmetric(
        table, np.zeros((4, count)), np.radians(grid.angles), np.zeros(count), sample, slit, *node_table()
    )
    step = float(grid.frequency[1])
    rows = (parts[0], parts[3], slopes[0, 0], slopes[0, 1], slopes[1, 0], slopes[1, 1])
    value, by_sample, by_slit = sums_of_waves(first, *rows, step, grid.frequency.size)
    return value, (by_sample, by_slit)
