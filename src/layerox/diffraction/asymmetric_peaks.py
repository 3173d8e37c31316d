"""Asymmetric peaks: sums of peaks that consist of shifted ones of the same width, and their derivatives.

Far from its centre such a peak equals a symmetric one there. Near it, in its core, its parts are summed two at a time.
The shapes are those of `profiles`, which also has the ranges of points; where the parts are is a matter of
`axial_divergence`. Arithmetic is exact and loops run on slices from their first element, as in `profiles`.
"""

from __future__ import annotations

import math

import numpy as np

from layerox.computing.compiled import compiled_exactly
from layerox.typing import FloatArray, IntArray

Pair = tuple[float, float]
Four = tuple[float, float, float, float]
Tails = tuple[FloatArray, FloatArray, FloatArray, FloatArray]
Curves = tuple[FloatArray, FloatArray, FloatArray, FloatArray, FloatArray]
# Start and stop of the points of peaks and of their cores, (n, 4), and their `profiles.tch_width`, (n, 6).
Windows = tuple[IntArray, FloatArray]
# Reflections of peaks, (n,); derivatives of their 1/d^2, (variables, r), and of S/L and H/L, (2 or 0, variables).
Chains = tuple[IntArray, FloatArray, FloatArray]

FOUR_LN2 = 4.0 * math.log(2.0)
GAUSS_HEIGHT, LORENTZ_HEIGHT = 2.0 * math.sqrt(math.log(2.0) / math.pi), 2.0 / math.pi


@compiled_exactly
def decay(x: float) -> float:
    """Return exp(-x) as `profiles.decay` does."""
    y = min(x, 128.0) * (-1.0 / 64.0)
    series = 1.0 / 720.0 + y * (1.0 / 5040.0 + y * (1.0 / 40320.0))
    series = 1.0 / 24.0 + y * (1.0 / 120.0 + y * series)
    series = 1.0 + y * (1.0 + y * (0.5 + y * (1.0 / 6.0 + y * series)))
    for _ in range(6):
        series *= series
    return series


@compiled_exactly
def add_asymmetric_peaks(
    two_theta: FloatArray,
    table: FloatArray,
    first: IntArray,
    parts: FloatArray,
    windows: Windows,
    tail: float,
    total: FloatArray,
) -> None:
    """Add peaks that consist of shifted ones to `total`, each as far as it is higher than `tail`.

    Parameters
    ----------
    two_theta, tail, total
        As in `profiles.add_peaks`.
    table
        Position of the centre, Gaussian and Lorentzian width, and area of the peaks, (4, n).
    first, parts
        Where the parts of each peak start, (n + 1,); their distances from the centre (degrees) and shares of the area,
        (2, m).
    windows
        As `profiles.asymmetric_windows` returns them.
    """
    where, shape = windows
    for k in range(first.size - 1):
        start, stop, low, high = where[k, 0], where[k, 1], where[k, 2], where[k, 3]
        position, area, width, eta = table[0, k], table[3, k], shape[k, 0], shape[k, 1]
        left, right = min(max(low, start), stop), max(min(high, stop), start)
        add_tail(two_theta[start:left], position, width, eta * area, tail, total[start:left])
        add_tail(two_theta[right:stop], position, width, eta * area, tail, total[right:stop])
        # Outside its reach the symmetric peak is zero: there only the difference is added, without a step.
        add_tail(two_theta[low:left], position, width, -eta * area, 0.0, total[low:left])
        add_tail(two_theta[right:high], position, width, -eta * area, 0.0, total[right:high])
        for i in range(left, right):
            total[i] -= tail
        for m in range(first[k], first[k + 1], 2):
            n = min(m + 1, first[k + 1] - 1)
            places = position + parts[0, m], position + parts[0, n]
            areas = area * parts[1, m], area * parts[1, n] * (n - m)
            add_two_peaks(two_theta[low:high], places, (width, eta), areas, total[low:high])


@compiled_exactly
def add_tail(two_theta: FloatArray, position: float, width: float, area: float, tail: float, total: FloatArray) -> None:
    """Add a Lorentzian, lowered by `tail`, to `total` (shape of `two_theta`)."""
    height, narrow = area * LORENTZ_HEIGHT / width, 4.0 / (width * width)
    for i in range(total.size):
        x = two_theta[i] - position
        total[i] += height / (1.0 + narrow * x * x) - tail


@compiled_exactly
def add_two_peaks(two_theta: FloatArray, places: Pair, shape: Pair, areas: Pair, total: FloatArray) -> None:
    """Add two peaks of the same width and Lorentzian fraction, `shape`, to `total` (shape of `two_theta`)."""
    width, eta = shape
    lorentz, narrow = eta * LORENTZ_HEIGHT / width, 4.0 / (width * width)
    gauss, steep = (1.0 - eta) * GAUSS_HEIGHT / width, FOUR_LN2 / (width * width)
    for i in range(total.size):
        x, y = two_theta[i] - places[0], two_theta[i] - places[1]
        one = lorentz / (1.0 + narrow * x * x) + gauss * decay(steep * x * x)
        two = lorentz / (1.0 + narrow * y * y) + gauss * decay(steep * y * y)
        total[i] += areas[0] * one + areas[1] * two


@compiled_exactly
def add_asymmetric_gradients(
    two_theta: FloatArray,
    weight: FloatArray,
    table: FloatArray,
    first: IntArray,
    parts: FloatArray,
    part_slopes: FloatArray,
    windows: Windows,
    gradients: FloatArray,
    chains: Chains,
    columns: IntArray,
    jacobian: FloatArray,
) -> None:
    """Add the derivatives of a sum of asymmetric peaks to rows of `jacobian`.

    All parts of a peak broaden and grow alike with a variable, and move as its centre does, except through 1/d^2 and
    through S/L and H/L, with which their distances from the centre and shares change: they are summed into at most
    seven curves, of which every variable is a combination. The other arguments are as in
    `profiles.add_peak_gradients` and `add_asymmetric_peaks`.

    Parameters
    ----------
    part_slopes
        Derivatives of the distances and shares of the parts with respect to 1/d^2, S/L and H/L, (3, 2, m).
    chains
        What changes distances and shares, see `Chains`.
    """
    (where, shape), (owner, by_q, by_axial) = windows, chains
    curves = np.empty((5 + by_axial.shape[0], two_theta.size))
    for k in range(first.size - 1):
        low, high = where[k, 2], where[k, 3]
        start, stop = min(where[k, 0], low), max(where[k, 1], high)
        if start == stop:
            continue
        position, area, (width, eta, width_g, width_l, eta_g, eta_l) = table[0, k], table[3, k], shape[k]
        curves[:, low:high] = 0.0
        for i, j in ((start, low), (high, stop)):
            tails = curves[0, i:j], curves[1, i:j], curves[2, i:j], curves[3, i:j]
            set_tails(two_theta[i:j], weight[i:j], position, (width, eta), tails)
        grid = two_theta[low:high]
        core = curves[0, low:high], curves[1, low:high], curves[2, low:high], curves[3, low:high], curves[4, low:high]
        for m in range(first[k], first[k + 1], 2):
            n = min(m + 1, first[k + 1] - 1)
            places, shares = (position + parts[0, m], position + parts[0, n]), (parts[1, m], parts[1, n] * (n - m))
            add_two_parts(grid, places, (width, eta), shares, changes(shares, part_slopes[0], m, n), core)
            for axis in range(by_axial.shape[0]):
                change = changes(shares, part_slopes[1 + axis], m, n)
                add_two_changes(grid, places, (width, eta), change, curves[5 + axis, low:high])
        for curve in curves:
            multiply(curve[low:high], weight[low:high])
        shapes = curves[0, start:stop], curves[1, start:stop], curves[2, start:stop], curves[3, start:stop]
        for v in range(columns.size):
            d_position, d_gauss, d_lorentz, d_area = gradients[v, k]
            d_width, d_eta = width_g * d_gauss + width_l * d_lorentz, eta_g * d_gauss + eta_l * d_lorentz
            row = jacobian[columns[v]]
            add_combination(row[start:stop], shapes, (d_area, area * d_position, area * d_width, area * d_eta))
            add_curve(row[low:high], area * by_q[v, owner[k]], curves[4, low:high])
            for axis in range(by_axial.shape[0]):
                add_curve(row[low:high], area * by_axial[axis, v], curves[5 + axis, low:high])


@compiled_exactly
def set_tails(two_theta: FloatArray, weight: FloatArray, position: float, shape: Pair, curves: Tails) -> None:
    """Set a Lorentzian of unit area, times `weight`, and its derivatives by position, width and fraction."""
    (width, eta), (value, by_position, by_width, by_eta) = shape, curves
    height, narrow = LORENTZ_HEIGHT / width, 4.0 / (width * width)
    for i in range(two_theta.size):
        x = two_theta[i] - position
        t = 1.0 / (1.0 + narrow * x * x)
        cauchy = height * t * weight[i]
        value[i] = eta * cauchy
        by_position[i] = eta * 2.0 * narrow * x * t * cauchy
        by_width[i] = eta * cauchy * (1.0 - 2.0 * t) / width
        by_eta[i] = cauchy


@compiled_exactly
def changes(shares: Pair, slopes: FloatArray, m: int, n: int) -> Four:
    """Return the derivatives of the shares of two parts, and their shares times those of their distances.

    `slopes` are those of the distances and shares of all parts, (2, m). A second part without a share counts nothing.
    """
    second = 1.0 if n > m else 0.0
    return slopes[1, m], second * slopes[1, n], shares[0] * slopes[0, m], shares[1] * slopes[0, n]


@compiled_exactly
def add_two_parts(two_theta: FloatArray, places: Pair, shape: Pair, shares: Pair, change: Four, curves: Curves) -> None:
    """Add two parts of a peak of unit area to its value and derivatives by position, width, fraction and 1/d^2.

    `places` and `shape` are as in `add_two_peaks`, `change` is what `changes` returns for 1/d^2.
    """
    (width, eta), (value, by_position, by_width, by_eta, by_q) = shape, curves
    (first, second), (grown, second_grown, moved, second_moved) = shares, change
    lorentz, narrow = LORENTZ_HEIGHT / width, 4.0 / (width * width)
    gauss, steep = GAUSS_HEIGHT / width, FOUR_LN2 / (width * width)
    slope, tilt = eta * lorentz * 2.0 * narrow, (1.0 - eta) * gauss * 2.0 * steep
    for i in range(two_theta.size):
        x, y = two_theta[i] - places[0], two_theta[i] - places[1]
        t, u = 1.0 / (1.0 + narrow * x * x), 1.0 / (1.0 + narrow * y * y)
        g, h = decay(steep * x * x), decay(steep * y * y)
        cauchy, bell = lorentz * (first * t + second * u), gauss * (first * g + second * h)
        wider = cauchy - 2.0 * lorentz * (first * t * t + second * u * u)
        narrower = bell - 2.0 * gauss * steep * (first * x * x * g + second * y * y * h)
        p, r = x * (slope * t * t + tilt * g), y * (slope * u * u + tilt * h)
        whole, other = eta * lorentz * t + (1.0 - eta) * gauss * g, eta * lorentz * u + (1.0 - eta) * gauss * h
        value[i] += eta * cauchy + (1.0 - eta) * bell
        by_position[i] += first * p + second * r
        by_width[i] += (eta * wider - (1.0 - eta) * narrower) / width
        by_eta[i] += cauchy - bell
        by_q[i] += grown * whole + second_grown * other + moved * p + second_moved * r


@compiled_exactly
def add_two_changes(two_theta: FloatArray, places: Pair, shape: Pair, change: Four, curve: FloatArray) -> None:
    """Add the derivative of two parts of a peak of unit area by what changes their distances and shares."""
    (width, eta), (grown, second_grown, moved, second_moved) = shape, change
    lorentz, narrow = eta * LORENTZ_HEIGHT / width, 4.0 / (width * width)
    gauss, steep = (1.0 - eta) * GAUSS_HEIGHT / width, FOUR_LN2 / (width * width)
    for i in range(two_theta.size):
        x, y = two_theta[i] - places[0], two_theta[i] - places[1]
        t, u = 1.0 / (1.0 + narrow * x * x), 1.0 / (1.0 + narrow * y * y)
        g, h = gauss * decay(steep * x * x), gauss * decay(steep * y * y)
        one = lorentz * t * (grown + moved * 2.0 * narrow * x * t) + g * (grown + moved * 2.0 * steep * x)
        two = lorentz * u * (second_grown + second_moved * 2.0 * narrow * y * u)
        curve[i] += one + two + h * (second_grown + second_moved * 2.0 * steep * y)


@compiled_exactly
def multiply(curve: FloatArray, factor: FloatArray) -> None:
    """Multiply a curve by a factor at each point."""
    for i in range(curve.size):
        curve[i] *= factor[i]


@compiled_exactly
def add_curve(row: FloatArray, factor: float, curve: FloatArray) -> None:
    """Add a curve times a factor to a row; a factor of zero takes no time."""
    if factor != 0.0:
        for i in range(row.size):
            row[i] += factor * curve[i]


@compiled_exactly
def add_combination(row: FloatArray, curves: Tails, factors: Four) -> None:
    """Add four curves times their factors to a row; factors that are zero take no time."""
    value, by_position, by_width, by_eta = curves
    d_area, d_position, d_width, d_eta = factors
    if d_width != 0.0 or d_eta != 0.0:
        for i in range(row.size):
            row[i] += d_area * value[i] + d_position * by_position[i] + d_width * by_width[i] + d_eta * by_eta[i]
    elif d_position != 0.0:
        for i in range(row.size):
            row[i] += d_area * value[i] + d_position * by_position[i]
    else:
        add_curve(row, d_area, value)
