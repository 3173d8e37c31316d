"""Profiles: the pseudo-Voigt peak and the sum of many peaks on the angles of a pattern.

Area-normalised shapes of full width w at half maximum: Gaussian (2/w) sqrt(ln 2 / pi) exp(-4 ln 2 x^2 / w^2),
Lorentzian (2 / pi w) / (1 + 4 x^2 / w^2). Their mixture, with the width and the fraction eta that approximate the
convolution of a Gaussian and a Lorentzian, is that of Thompson, Cox & Hastings, J. Appl. Cryst. 20 (1987) 79,
doi:10.1107/S0021889887087090. A peak is summed as far as its tail is higher than a given height: a cut at a number
of widths would neglect too much of a strong Lorentzian and waste time on weak peaks. That height is subtracted from the
Lorentzian, so that a peak ends without a step and chi-squared stays continuous while peaks move.
"""

from __future__ import annotations

import math

import numpy as np

from layerox.computing.compiled import compiled_exactly
from layerox.typing import FloatArray, IntArray

# Position, full width and Lorentzian fraction; value of a peak and its derivatives by these, each of shape (n,).
Peak = tuple[float, float, float]
Shapes = tuple[FloatArray, FloatArray, FloatArray, FloatArray]

FOUR_LN2 = 4.0 * math.log(2.0)
GAUSS_HEIGHT = 2.0 * math.sqrt(math.log(2.0) / math.pi)
LORENTZ_HEIGHT = 2.0 / math.pi
GAUSS_CARE = 1000.0
# Numbers that one instruction takes.
LANES = 8


@compiled_exactly
def tch_width(gauss: float, lorentz: float) -> tuple[float, float, float, float, float, float]:
    """Return a pseudo-Voigt's w, Lorentzian fraction eta, dw/dgauss, dw/dlorentz, deta/dgauss, deta/dlorentz.

    `gauss` and `lorentz` are the full widths of the two convolved components, any unit, not both zero.
    """
    g, l = gauss, lorentz  # noqa: E741
    fifth = g**5 + 2.69269 * g**4 * l + 2.42843 * g**3 * l**2 + 4.47163 * g**2 * l**3 + 0.07842 * g * l**4 + l**5
    width = fifth**0.2
    scale = 0.2 * width / fifth
    by_g = 5 * g**4 + 4 * 2.69269 * g**3 * l + 3 * 2.42843 * g**2 * l**2 + 2 * 4.47163 * g * l**3 + 0.07842 * l**4
    by_l = 2.69269 * g**4 + 2 * 2.42843 * g**3 * l + 3 * 4.47163 * g**2 * l**2 + 4 * 0.07842 * g * l**3 + 5 * l**4
    width_g, width_l = scale * by_g, scale * by_l
    ratio = l / width
    eta = 1.36603 * ratio - 0.47719 * ratio**2 + 0.11116 * ratio**3
    by_ratio = 1.36603 - 2 * 0.47719 * ratio + 3 * 0.11116 * ratio**2
    eta_g = -by_ratio * ratio / width * width_g
    eta_l = by_ratio * (1.0 - ratio * width_l) / width
    return width, eta, width_g, width_l, eta_g, eta_l


@compiled_exactly
def reach(area: float, width: float, eta: float, tail: float) -> tuple[float, float]:
    """Return the distances from the centre of a peak at which its Gaussian and its Lorentzian part are cut.

    The Lorentzian ends where it is as high as `tail`; the Gaussian, which falls faster, a thousand times lower.
    """
    gauss = GAUSS_CARE * (1.0 - eta) * area * GAUSS_HEIGHT / (width * tail)
    lorentz = eta * area * LORENTZ_HEIGHT / (width * tail)
    near = width * math.sqrt(math.log(gauss) / FOUR_LN2) if gauss > 1.0 else 0.0
    far = 0.5 * width * math.sqrt(lorentz - 1.0) if lorentz > 1.0 else 0.0
    return near, far


@compiled_exactly
def first_at_or_above(grid: FloatArray, value: float) -> int:
    """Return the index of the first grid point that is not below `value`."""
    low, high = 0, grid.size
    while low < high:
        middle = (low + high) // 2
        if grid[middle] < value:
            low = middle + 1
        else:
            high = middle
    return low


@compiled_exactly
def window(two_theta: FloatArray, position: float, distance: float) -> tuple[int, int]:
    """Return start and stop of the ascending angles within a distance of a position."""
    return first_at_or_above(two_theta, position - distance), first_at_or_above(two_theta, position + distance)


@compiled_exactly
def decay(x: float) -> float:
    """Return exp(-x) for x >= 0, with an absolute error below 1e-13.

    exp(-x) = exp(-x / 64)^64, the inner one by its Taylor series to the eighth power: products only, which vector
    instructions do. Beyond 128 the result is zero.
    """
    y = min(x, 128.0) * (-1.0 / 64.0)
    series = 1.0 / 720.0 + y * (1.0 / 5040.0 + y * (1.0 / 40320.0))
    series = 1.0 / 24.0 + y * (1.0 / 120.0 + y * series)
    series = 1.0 + y * (1.0 + y * (0.5 + y * (1.0 / 6.0 + y * series)))
    for _ in range(6):
        series *= series
    return series


@compiled_exactly
def add_peaks(
    two_theta: FloatArray,
    position: FloatArray,
    gauss: FloatArray,
    lorentz: FloatArray,
    area: FloatArray,
    tail: float,
    total: FloatArray,
) -> None:
    """Add peaks to `total` (shape of `two_theta`), each as far as it is higher than `tail`.

    `two_theta` are ascending angles, degrees; centre and component widths of the peaks are in degrees, their area in
    intensity times degrees, `tail` in units of intensity.
    """
    for k in range(position.size):
        width, eta, _, _, _, _ = tch_width(gauss[k], lorentz[k])
        near, far = reach(area[k], width, eta, tail)
        start, stop = window(two_theta, position[k], far)
        add_lorentzian(two_theta[start:stop], position[k], width, eta * area[k], tail, total[start:stop])
        start, stop = window(two_theta, position[k], near)
        add_gaussian(two_theta[start:stop], position[k], width, (1.0 - eta) * area[k], total[start:stop])


# Loops over points run on slices from their first element, which the compiler turns into vector instructions. Their
# arithmetic is exact (`compiled_exactly`): the rest of a loop then rounds as its vectors do, in every process.
@compiled_exactly
def add_lorentzian(
    two_theta: FloatArray, position: float, width: float, area: float, tail: float, total: FloatArray
) -> None:
    """Add a Lorentzian, lowered by `tail`, to `total` (shape of `two_theta`)."""
    height, narrow = area * LORENTZ_HEIGHT / width, 4.0 / (width * width)
    for i in range(total.size):
        x = two_theta[i] - position
        total[i] += height / (1.0 + narrow * x * x) - tail


@compiled_exactly
def add_gaussian(two_theta: FloatArray, position: float, width: float, area: float, total: FloatArray) -> None:
    """Add a Gaussian to `total` (shape of `two_theta`)."""
    height, narrow = area * GAUSS_HEIGHT / width, FOUR_LN2 / (width * width)
    for i in range(total.size):
        x = two_theta[i] - position
        total[i] += height * decay(narrow * x * x)


@compiled_exactly
def add_peak_gradients(
    two_theta: FloatArray,
    weight: FloatArray,
    position: FloatArray,
    gauss: FloatArray,
    lorentz: FloatArray,
    area: FloatArray,
    reach_area: FloatArray,
    tail: float,
    gradients: FloatArray,
    columns: IntArray,
    jacobian: FloatArray,
) -> None:
    """Add the derivatives of a sum of peaks to rows of `jacobian`.

    Each peak has four derivatives on the angles (position, Gaussian width, Lorentzian width, area); every variable
    is one linear combination of them. `two_theta`, `position`, `gauss`, `lorentz`, `area` and `tail` are as in
    `add_peaks`.

    Parameters
    ----------
    weight
        Factor on every point (one over sigma), shape of `two_theta`.
    reach_area
        Area from which the reach of each peak is computed; differs from `area` for a phase of scale zero.
    gradients
        Derivatives of position, gauss, lorentz and area of each peak, shape (variables, peaks, 4).
    columns, jacobian
        Row of `jacobian` for each variable, shape (variables,); shape (rows, points).
    """
    variables = columns.size
    value, by_position = np.empty(two_theta.size), np.empty(two_theta.size)
    by_width, by_eta = np.empty(two_theta.size), np.empty(two_theta.size)
    for k in range(position.size):
        width, eta, width_g, width_l, eta_g, eta_l = tch_width(gauss[k], lorentz[k])
        near, far = reach(reach_area[k], width, eta, tail)
        start, stop = window(two_theta, position[k], max(near, far))
        if start == stop:
            continue
        n = stop - start
        for i in range(n):
            value[i] = by_position[i] = by_width[i] = by_eta[i] = 0.0
        first, last = window(two_theta, position[k], far)
        own = slice(first - start, last - start)
        peak = position[k], width, eta
        grid, factor = two_theta[first:last], weight[first:last]
        lorentzian_shapes(grid, factor, peak, (value[own], by_position[own], by_width[own], by_eta[own]))
        first, last = window(two_theta, position[k], near)
        own = slice(first - start, last - start)
        grid, factor = two_theta[first:last], weight[first:last]
        gaussian_shapes(grid, factor, peak, (value[own], by_position[own], by_width[own], by_eta[own]))
        shapes = value[:n], by_position[:n], by_width[:n], by_eta[:n]
        for v in range(variables):
            d_position, d_gauss, d_lorentz, d_area = gradients[v, k]
            d_width = area[k] * (width_g * d_gauss + width_l * d_lorentz)
            d_eta = area[k] * (eta_g * d_gauss + eta_l * d_lorentz)
            row = jacobian[columns[v], start:stop]
            add_combination(row, shapes, (d_area, area[k] * d_position, d_width, d_eta))


@compiled_exactly
def lorentzian_shapes(two_theta: FloatArray, weight: FloatArray, peak: Peak, shapes: Shapes) -> None:
    """Set value and derivatives of the Lorentzian part of a peak of unit area, times `weight`."""
    (position, width, eta), (value, by_position, by_width, by_eta) = peak, shapes
    height, narrow = LORENTZ_HEIGHT / width, 4.0 / (width * width)
    for i in range(two_theta.size):
        x = two_theta[i] - position
        t = 1.0 / (1.0 + narrow * x * x)
        shape = height * t * weight[i]
        value[i] = eta * shape
        by_position[i] = eta * 2.0 * narrow * x * t * shape
        by_width[i] = eta * shape * (1.0 - 2.0 * t) / width
        by_eta[i] = shape


@compiled_exactly
def gaussian_shapes(two_theta: FloatArray, weight: FloatArray, peak: Peak, shapes: Shapes) -> None:
    """Add those of the Gaussian part to them."""
    (position, width, eta), (value, by_position, by_width, by_eta) = peak, shapes
    height, narrow = GAUSS_HEIGHT / width, FOUR_LN2 / (width * width)
    for i in range(two_theta.size):
        x = two_theta[i] - position
        exponent = narrow * x * x
        shape = height * decay(exponent) * weight[i]
        value[i] += (1.0 - eta) * shape
        by_position[i] += (1.0 - eta) * 2.0 * narrow * x * shape
        by_width[i] += (1.0 - eta) * shape * (2.0 * exponent - 1.0) / width
        by_eta[i] -= shape


@compiled_exactly
def add_combination(row: FloatArray, shapes: Shapes, factors: tuple[float, float, float, float]) -> None:
    """Add value and derivatives of a peak times their factors to a row; factors that are zero take no time."""
    value, by_position, by_width, by_eta = shapes
    d_area, d_position, d_width, d_eta = factors
    if d_width != 0.0 or d_eta != 0.0:
        for i in range(row.size):
            row[i] += d_area * value[i] + d_position * by_position[i] + d_width * by_width[i] + d_eta * by_eta[i]
    elif d_position != 0.0:
        for i in range(row.size):
            row[i] += d_area * value[i] + d_position * by_position[i]
    elif d_area != 0.0:
        for i in range(row.size):
            row[i] += d_area * value[i]


@compiled_exactly
def core_of(
    two_theta: FloatArray, position: float, parts: FloatArray, near: float, lorentz: float, tail: float
) -> tuple[int, int]:
    """Return the range of points in which an asymmetric peak differs from a symmetric one at its centre.

    It contains the Gaussians, which end at `near` from their parts. Beyond it the tails differ by less than `tail`: in
    units of their height `lorentz` / x^2 by 3 s^2 / x^2 (1 + 4 f / 3 x) to the first two orders, s^2 being the variance
    of the positions of the parts and f the distance of the farthest one on that side.
    """
    variance, left, right = 0.0, 0.0, 0.0
    for m in range(parts.shape[1]):
        variance += parts[1, m] * parts[0, m] * parts[0, m]
        left, right = max(left, -parts[0, m]), max(right, parts[0, m])
    half = math.sqrt(math.sqrt(max(3.0 * variance * lorentz / tail, 0.0)))
    left = max(half + left / 3.0, left + max(left, near))
    right = max(half + right / 3.0, right + max(right, near))
    start = first_at_or_above(two_theta, position - left)
    stop = first_at_or_above(two_theta, position + right)
    # Loops are fast on whole vectors.
    return start, min(start + (stop - start + LANES - 1) // LANES * LANES, two_theta.size)


@compiled_exactly
def asymmetric_windows(
    two_theta: FloatArray, table: FloatArray, area: FloatArray, first: IntArray, parts: FloatArray, tail: float
) -> tuple[IntArray, FloatArray]:
    """Return start and stop of the points of each asymmetric peak and of its core, (n, 4), and `tch_width` of each.

    The arguments are those of `asymmetric_peaks.add_asymmetric_peaks`; `area` are those that decide the reach.
    """
    where, shape = np.zeros((area.size, 4), np.int64), np.empty((area.size, 6))
    for k in range(area.size):
        shape[k] = tch_width(table[1, k], table[2, k])
        width, eta = shape[k, 0], shape[k, 1]
        near, far = reach(area[k], width, eta, tail)
        if near > 0.0 or far > 0.0:
            lorentz, own = eta * area[k] * LORENTZ_HEIGHT * 0.25 * width, parts[:, first[k] : first[k + 1]]
            where[k, 0], where[k, 1] = window(two_theta, table[0, k], far)
            where[k, 2], where[k, 3] = core_of(two_theta, table[0, k], own, near, lorentz, tail)
    return where, shape


@compiled_exactly
def peak_windows(
    two_theta: FloatArray, position: FloatArray, gauss: FloatArray, lorentz: FloatArray, area: FloatArray, tail: float
) -> tuple[IntArray, FloatArray]:
    """Return start and stop of the points of each peak, (peaks, 2), and its width and Lorentzian fraction, (peaks, 2).

    The arguments are those of `add_peaks`; parts of an asymmetric peak may have a negative area.
    """
    where, shape = np.empty((position.size, 2), np.int64), np.empty((position.size, 2))
    for k in range(position.size):
        shape[k, 0], shape[k, 1], _, _, _, _ = tch_width(gauss[k], lorentz[k])
        near, far = reach(abs(area[k]), shape[k, 0], shape[k, 1], tail)
        where[k, 0], where[k, 1] = window(two_theta, position[k], max(near, far))
    return where, shape
