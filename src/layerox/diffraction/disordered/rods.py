"""Rods: the 00l rods of a layered crystal in the range of a pattern, with the nodes at which intensity is computed.

Along a rod the nodes are half a window w apart. The window has the same width in two-theta everywhere, except near
the foot of a rod (s_z = 0), where two-theta hardly changes along the rod: there it is narrower in two-theta.
"""

from __future__ import annotations

import math
from collections import Counter
from dataclasses import dataclass

import numpy as np

from layerox.typing import FloatArray

# Nodes for each window, largest width of a window along a rod over that in 1/d, and points of the map along a rod.
NODES_PER_WINDOW, WIDEST, MAP_POINTS = 2.0, 4.0, 600


@dataclass(frozen=True, eq=False)
class Rod:
    """The rods of one distance from the axis, and their nodes.

    Attributes
    ----------
    norm
        h^2 + h k + k^2: the square of the distance is 4 norm / (3 a^2).
    weight
        Number of rods, times two for the two directions along each, times the length of rod of each node
        (1/angstrom), shape (n,).
    s_z, width
        Coordinate of each node and width of its window, 1/angstrom, shape (n,).
    windowed
        Variance of the window in two-theta over that of the full window, shape (n,).
    """

    norm: int
    weight: FloatArray
    s_z: FloatArray
    width: FloatArray
    windowed: FloatArray

    @property
    def is_lateral(self) -> bool:
        """Whether h - k is no multiple of 3."""
        return self.norm % 3 != 0


def in_plane_norms(largest: float) -> dict[int, int]:
    """Return h^2 + h k + k^2 up to `largest`, and the number of rods of each."""
    reach = int(math.sqrt(4.0 * largest / 3.0)) + 1
    indices = range(-reach, reach + 1)
    norms = Counter(h * h + h * k + k * k for h in indices for k in indices)
    return {norm: number for norm, number in sorted(norms.items()) if norm <= largest}


def rods_between(low: float, high: float, a: float, wavelength: float, window: float, margin: float) -> list[Rod]:
    """Return the rods between two angles.

    Parameters
    ----------
    low, high
        Two-theta, degrees.
    a
        Length of the in-plane mesh, angstrom.
    wavelength
        Angstrom.
    window
        Width w of the window in two-theta, degrees.
    margin
        Relative change of the mesh for which the rods suffice.
    """
    s_low, s_high = (2.0 * math.sin(math.radians(angle / 2)) / wavelength for angle in (low, high))
    largest = 0.75 * (s_high * a * (1.0 + margin)) ** 2
    found = []
    for norm, number in in_plane_norms(largest).items():
        foot = math.sqrt(4.0 * norm / 3.0) / a
        # A rod beyond the range comes into it if the mesh grows.
        top = math.sqrt(max(s_high**2 - (foot / (1.0 + margin)) ** 2, 0.0))
        start = math.sqrt(max(s_low**2 - foot**2, 0.0))
        if top > start:
            found.append(_rod(norm, number, foot, start, top, wavelength, math.radians(window)))
    return found


def _rod(norm: int, number: int, foot: float, start: float, top: float, wavelength: float, window: float) -> Rod:
    """Return a rod from s_z = start to top (1/angstrom); `window` in radian."""
    # Denser towards the foot, where the window changes.
    along = start + (top - start) * np.linspace(0.0, 1.0, MAP_POINTS) ** 2
    density = NODES_PER_WINDOW / _window(along, foot, wavelength, window)[0]
    turns = np.concatenate([[0.0], np.cumsum(0.5 * (density[1:] + density[:-1]) * np.diff(along))])
    from scipy.interpolate import CubicSpline  # noqa: PLC0415  (a quarter of a second that ordered phases do not need)

    place = CubicSpline(turns, along)
    first = 0.0 if start == 0.0 else 0.5
    at = np.arange(first, turns[-1])
    s_z, length = place(at), place(at, 1)
    if start == 0.0:
        length[0] *= 0.5
    by_angle = _window(s_z, foot, wavelength, window)[1]
    width = NODES_PER_WINDOW * np.abs(place(at, 1))
    windowed = np.minimum((width * by_angle / window) ** 2, 1.0)
    return Rod(norm, 2.0 * number * length, s_z, width, windowed)


def _window(s_z: FloatArray, foot: float, wavelength: float, window: float) -> tuple[FloatArray, FloatArray]:
    """Return the width of the window along a rod, and the derivative of two-theta (radian) with respect to s_z."""
    s = np.sqrt(s_z**2 + foot**2)
    cosine = np.sqrt(1.0 - np.minimum(0.5 * wavelength * s, 0.999) ** 2)
    width = window * cosine / wavelength * s / (s_z**4 + (s / WIDEST) ** 4) ** 0.25
    return width, wavelength / cosine * s_z / s
