"""Rod phases: how the phase and the weight of a slab change along a rod, from slab to slab.

The functions are products alone, without the library's sine and exponential: there are many points, and vector
instructions do products.
"""

from __future__ import annotations

import math

import numpy as np

from layerox.computing.compiled import compiled
from layerox.typing import ComplexArray, FloatArray

TWO_PI = 2.0 * math.pi
HALF_ROOT = math.sqrt(0.5)


@compiled
def turn(turns: float) -> complex:
    """Return exp(2 pi i turns) by products alone, which vector instructions do; its error is below 1e-15."""
    whole = turns - math.floor(turns + 0.5)
    quarter = math.floor(4.0 * whole + 0.5)
    x = TWO_PI * (whole - 0.25 * quarter)
    y = x * x
    # The series of sine and cosine up to an eighth of a turn.
    sine = 1.0 - y / 110.0 * (1.0 - y / 156.0 * (1.0 - y / 210.0 * (1.0 - y / 272.0)))
    sine = x * (1.0 - y / 6.0 * (1.0 - y / 20.0 * (1.0 - y / 42.0 * (1.0 - y / 72.0 * sine))))
    cosine = 1.0 - y / 90.0 * (1.0 - y / 132.0 * (1.0 - y / 182.0 * (1.0 - y / 240.0 * (1.0 - y / 306.0))))
    cosine = 1.0 - y / 2.0 * (1.0 - y / 12.0 * (1.0 - y / 30.0 * (1.0 - y / 56.0 * cosine)))
    # Cosine and sine of the quarters, which are -2 to 2.
    c, s = 1.0 - abs(quarter), quarter * (2.0 - abs(quarter))
    return complex(cosine * c - sine * s, sine * c + cosine * s)


@compiled
def decay(x: float) -> float:
    """Return exp(-x) for x >= 0 by products alone, with an error below 1e-14; zero beyond 128."""
    y = min(x, 128.0) / 64.0
    series = 1.0 - y / 6.0 * (1.0 - y / 7.0 * (1.0 - y / 8.0 * (1.0 - y / 9.0)))
    series = 1.0 - y * (1.0 - y / 2.0 * (1.0 - y / 3.0 * (1.0 - y / 4.0 * (1.0 - y / 5.0 * series))))
    for _ in range(6):
        series *= series
    return series


@compiled
def rod_phases(
    s_z: FloatArray, width: FloatArray, half: float, spacing: FloatArray, damping: float
) -> tuple[ComplexArray, ComplexArray, ComplexArray]:
    """Return the phases along a rod.

    Parameters
    ----------
    s_z, width
        Coordinate along the rod and width of the window at each node, 1/angstrom, shape (n,).
    half
        Height of the anions above the metal, angstrom.
    spacing, damping
        Slab-to-slab distance of each group of galleries, angstrom, shape (r,), and 1 / (2 pi D), 1/angstrom.

    Returns
    -------
    tuple
        Phase of the upper anions, (n,); that from a slab to the middle of the gallery of each group, and the effect of
        the window (at its first pole) and of the height of columns, (r, n).
    """
    up = np.empty(s_z.size, np.complex128)
    middle, window = (
        np.empty((spacing.size, s_z.size), np.complex128),
        np.empty((spacing.size, s_z.size), np.complex128),
    )
    for i in range(s_z.size):
        up[i] = turn(s_z[i] * half)
    for a in range(spacing.size):
        column = math.exp(-TWO_PI * damping * spacing[a])
        own, damped = middle[a], window[a]
        along, across = 0.5 * spacing[a], HALF_ROOT * spacing[a]
        for i in range(s_z.size):
            own[i] = turn(s_z[i] * along)
        for i in range(s_z.size):
            damped[i] = column * decay(TWO_PI * across * width[i]) * turn(across * width[i])
    return up, middle, window
