"""Background: everything in a pattern that belongs to no phase: Chebyshev terms, a blank, humps and foreign peaks.

The Chebyshev polynomials are those of the first kind, with the range of the pattern scaled to -1 ... 1. A hump (glass)
or a foreign peak is one pseudo-Voigt peak; its position is an angle of the pattern, not a spacing.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from layerox.diffraction.profiles import add_peak_gradients, add_peaks
from layerox.errors import InputError
from layerox.typing import FloatArray

# Scale of a measured blank.
BLANK = "background_blank"
EXTRA_SLOTS = ("position", "gauss", "lorentz", "area")


def chebyshev_basis(two_theta: FloatArray, terms: int, limits: tuple[float, float]) -> FloatArray:
    """Return T_0 ... T_(terms-1) on the angles, `limits` (degrees) scaled to -1 ... 1, shape (terms, n)."""
    if not terms:
        return np.zeros((0, two_theta.size))
    low, high = limits
    x = (2.0 * two_theta - low - high) / (high - low)
    return np.ascontiguousarray(np.polynomial.chebyshev.chebvander(x, terms - 1).T)


@dataclass(frozen=True, kw_only=True, eq=False)
class MeasuredBackground:
    """A measured blank (empty cell or capillary) whose scaled pattern is part of the background.

    Attributes
    ----------
    two_theta, intensity
        Ascending angles in degrees, and intensities, shape (m,) each.
    place
        The file, for messages.
    """

    two_theta: FloatArray
    intensity: FloatArray
    place: str = "blank"

    def on(self, two_theta: FloatArray) -> FloatArray:
        """Return the intensities on other angles, interpolated linearly, shape (n,)."""
        return np.interp(two_theta, self.two_theta, self.intensity)

    def refuse_shorter(self, limits: tuple[float, float]) -> None:
        """Refuse a blank that does not span the data, except for half of their usual step at both ends.

        Raises
        ------
        InputError
            With the ranges of both.
        """
        low, high = float(self.two_theta[0]), float(self.two_theta[-1])
        margin = 2.0 * float(np.median(np.diff(self.two_theta)))
        if low > limits[0] + margin or high < limits[1] - margin:
            problem = f"the blank spans {low:g} to {high:g} degrees, the data {limits[0]:g} to {limits[1]:g}"
            cure = "measure it over the whole range, or give a narrower range"
            raise InputError(problem, place=self.place, cure=cure)


def background_basis(
    two_theta: FloatArray, terms: int, limits: tuple[float, float], blank: MeasuredBackground | None
) -> FloatArray:
    """Return the Chebyshev terms and, behind them, the measured blank, shape (terms or terms + 1, n)."""
    rows = chebyshev_basis(two_theta, terms, limits)
    return rows if blank is None else np.ascontiguousarray(np.vstack([rows, blank.on(two_theta)]))


@dataclass(frozen=True, kw_only=True)
class ExtraPeak:
    """A hump or a foreign peak.

    Attributes
    ----------
    name
        Prefix of its parameters ("hump_0" has "hump_0_area").
    position
        Two-theta of its centre, degrees.
    gauss, lorentz
        Full widths at half maximum of its Gaussian and Lorentzian part, degrees; not both zero.
    area
        In units of intensity times degrees; None: the initial value is estimated from the data.
    """

    name: str
    position: float
    gauss: float
    lorentz: float = 0.0
    area: float | None = None

    def __post_init__(self) -> None:
        numbers = (self.position, self.gauss, self.lorentz)
        if not (all(map(math.isfinite, numbers)) and min(self.gauss, self.lorentz) >= 0 < self.gauss + self.lorentz):
            raise InputError(f"has no width: gauss {self.gauss}, lorentz {self.lorentz}", place=self.name,
                             cure="give a positive width in degrees")  # fmt: skip

    @property
    def names(self) -> list[str]:
        """Names of its parameters, in the order of `values`."""
        return [f"{self.name}_{slot}" for slot in EXTRA_SLOTS]

    @property
    def values(self) -> list[float]:
        """Initial values: position, widths, area."""
        return [self.position, self.gauss, self.lorentz, 0.0 if self.area is None else self.area]


def extra_curve(two_theta: FloatArray, values: FloatArray, tail: float) -> FloatArray:
    """Return the sum of extra peaks on the angles; `values` are those of one peak after the other, shape (4 peaks,)."""
    total = np.zeros(two_theta.size)
    if values.size:
        position, gauss, lorentz, area = np.ascontiguousarray(values.reshape(-1, len(EXTRA_SLOTS)).T)
        add_peaks(two_theta, position, gauss, lorentz, area, tail, total)
    return total


def unit_curves(two_theta: FloatArray, values: FloatArray) -> FloatArray:
    """Return each extra peak at an area of one, practically without a cut, shape (peaks, n)."""
    rows = values.reshape(-1, len(EXTRA_SLOTS)).copy()
    rows[:, 3] = 1.0
    return np.array([extra_curve(two_theta, row, 1e-9) for row in rows]).reshape(len(rows), two_theta.size)


def add_extra_gradients(
    two_theta: FloatArray,
    values: FloatArray,
    transfer: FloatArray,
    weight: FloatArray,
    tail: float,
    jacobian: FloatArray,
) -> None:
    """Add weighted derivatives with respect to variables to `jacobian` (v, n); `transfer` is (4 peaks, v)."""
    if not transfer.any():
        return
    columns = np.nonzero(transfer.any(axis=0))[0]
    position, gauss, lorentz, area = np.ascontiguousarray(values.reshape(-1, len(EXTRA_SLOTS)).T)
    by_slot = transfer[:, columns].reshape(-1, len(EXTRA_SLOTS), columns.size)
    gradients = np.ascontiguousarray(np.moveaxis(by_slot, 2, 0))
    # The derivative by the area of a peak without area must not be zero.
    reach_area = np.maximum(area, 10.0 * tail * (gauss + lorentz))
    shapes = position, gauss, lorentz, area, reach_area, tail
    add_peak_gradients(two_theta, weight, *shapes, gradients, columns, jacobian)


def refuse_outside(extras: Sequence[ExtraPeak], limits: tuple[float, float]) -> None:
    """Refuse a peak outside the range of the data (degrees).

    Raises
    ------
    InputError
        Naming the peak.
    """
    low, high = limits
    for extra in extras:
        if not low <= extra.position <= high:
            raise InputError(f"is at {extra.position:g} degrees, outside the data ({low:g} to {high:g})",
                             place=extra.name, cure="correct its position")  # fmt: skip
