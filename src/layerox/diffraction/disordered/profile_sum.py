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
from layerox.typing import ComplexArray, FloatArray

# Number of angles with a profile of their own, and the angle (degrees) that makes them equidistant at high angles.
ANGLES, EVENLY_ABOVE = 12, 40.0
# Window and grid step in units of the least width of a peak, and what lies beyond the pattern on the grid (degrees).
WINDOW, STEP, BEYOND = 0.20, 0.13, 4.0
# Phase beyond which the window is not removed further: its transform becomes zero at 2.36.
LAST_PHASE = 1.9
# Part of a contribution above which all of it counts as having the window.
ALL_WINDOWED = 0.999


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
def without_window(transforms: ComplexArray, inverse: FloatArray) -> ComplexArray:
    """Return transforms of grids with and without the window, (n, 2, angles, frequencies), as those without it.

    `inverse` is one over the transform of the window, (frequencies,).
    """
    result = np.empty((transforms.shape[0], transforms.shape[2], transforms.shape[3]), np.complex128)
    for k in range(transforms.shape[0]):
        for j in range(transforms.shape[2]):
            row, windowed, plain = result[k, j], transforms[k, 0, j], transforms[k, 1, j]
            for i in range(row.size):
                row[i] = windowed[i] * inverse[i] + plain[i]
    return result


@compiled
def add_products(transforms: ComplexArray, profiles: ComplexArray, factor: float, total: ComplexArray) -> None:
    """Add the sum over angles of transforms times profiles, both (angles, frequencies), times a factor to `total`."""
    for j in range(transforms.shape[0]):
        one, two = transforms[j], profiles[j]
        for i in range(total.size):
            total[i] += factor * (one[i] * two[i])


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
    def _inverse_window(self) -> FloatArray:
        """One over the transform of the window, as far as it is removed."""
        phase = np.minimum(math.sqrt(2.0) * math.pi * self.frequency * self.window, LAST_PHASE)
        return np.asarray(np.exp(phase) / (np.cos(phase) + np.sin(phase)))

    def empty(self, channels: int) -> FloatArray:
        """Return grids of zeros for contributions, shape (channels, 2, angles, points)."""
        return np.zeros((channels, 2, ANGLES, self.size))

    def transform(self, grids: FloatArray) -> ComplexArray:
        """Return the transforms of grids without their windows, shape (channels, angles, frequencies)."""
        return without_window(fft.rfft(grids), self._inverse_window)

    def pattern(self, transform: ComplexArray, two_theta: FloatArray) -> FloatArray:
        """Return the pattern of a transform on some angles."""
        coefficients = fft.irfft(transform / self._splines, self.size)
        return sampled(coefficients, self.start, self.step, two_theta)
