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
# Peaks with their derivatives with respect to 1/d^2 and to axial divergence.
AsymmetricPeaks = tuple[FloatArray, FloatArray, FloatArray]

FOUR_LN2 = 4.0 * math.log(2.0)
GAUSS_HEIGHT = 2.0 * math.sqrt(math.log(2.0) / math.pi)
LORENTZ_HEIGHT = 2.0 / math.pi
GAUSS_CARE = 1000.0
# Distance from its parts, in widths, within which an asymmetric peak is never treated as symmetric.
CORE = 4.0


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

    exp(-x) = exp(-x / 64)^64, the inner one by its Taylor series: products only, which vector instructions do. Beyond
    128 the result is zero.
    """
    y = min(x, 128.0) * (-1.0 / 64.0)
    series = 1.0
    for k in range(11, 0, -1):
        series = 1.0 + y * series / k
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
    two_theta: FloatArray, peak: FloatArray, parts: FloatArray, width: float, eta: float, tail: float
) -> tuple[int, int]:
    """Return the range of points in which an asymmetric peak differs from a symmetric one at its centre.

    Beyond it the tails differ by less than `tail`: to lowest order by 3 s^2 / x^2 of their height, s^2 being the
    variance of the positions of the parts (rows of `peak` and `parts` as in `add_asymmetry`).
    """
    variance, farthest = 0.0, 0.0
    for m in range(parts.shape[1]):
        distance = parts[0, m] - peak[0]
        variance += parts[3, m] / peak[3] * distance * distance
        farthest = max(farthest, abs(distance))
    lorentz = eta * peak[3] * LORENTZ_HEIGHT * 0.25 * width
    half = max((3.0 * variance * lorentz / tail) ** 0.25, CORE * width + farthest)
    return first_at_or_above(two_theta, peak[0] - half), first_at_or_above(two_theta, peak[0] + half)


@compiled_exactly
def add_asymmetry(
    two_theta: FloatArray, peaks: FloatArray, parts: FloatArray, first: IntArray, tail: float, total: FloatArray
) -> None:
    """Replace symmetric peaks in `total` by the shifted ones of which each consists.

    Far from its centre an asymmetric peak equals the symmetric one; the difference is added only near the centre.

    `peaks` and `parts` are position, Gaussian width, Lorentzian width and area of the symmetric peaks, (4, n), and of
    their parts, (4, m); `first` is where the parts of each peak start, (n + 1,); a difference below `tail` (intensity)
    is left out.
    """
    for k in range(first.size - 1):
        if peaks[3, k] == 0.0:
            continue
        width, eta, _, _, _, _ = tch_width(peaks[1, k], peaks[2, k])
        start, stop = core_of(two_theta, peaks[:, k], parts[:, first[k] : first[k + 1]], width, eta, tail)
        grid, piece = two_theta[start:stop], total[start:stop]
        near, _ = reach(peaks[3, k], width, eta, tail)
        add_lorentzian(grid, peaks[0, k], width, -eta * peaks[3, k], 0.0, piece)
        low, high = window(grid, peaks[0, k], near)
        add_gaussian(grid[low:high], peaks[0, k], width, -(1.0 - eta) * peaks[3, k], piece[low:high])
        for m in range(first[k], first[k + 1]):
            add_lorentzian(grid, parts[0, m], width, eta * parts[3, m], 0.0, piece)
            low, high = window(grid, parts[0, m], near)
            add_gaussian(grid[low:high], parts[0, m], width, (1.0 - eta) * parts[3, m], piece[low:high])


@compiled_exactly
def add_asymmetry_gradients(
    two_theta: FloatArray, weight: FloatArray, peaks: AsymmetricPeaks, parts: AsymmetricPeaks, first: IntArray,
    tail: float, gradients: FloatArray, by_q: FloatArray, by_axial: FloatArray, columns: IntArray, jacobian: FloatArray,
) -> None:  # fmt: skip
    """Replace the derivatives of symmetric peaks in rows of `jacobian` by those of their parts.

    All parts of a peak move, broaden and grow alike with a variable, except through 1/d^2 and through S/L and H/L: they
    are summed into seven curves, of which every variable is a combination. The other arguments are as in
    `add_peak_gradients` and `add_asymmetry`.

    Parameters
    ----------
    peaks, parts
        With their derivatives by 1/d^2, (4, n), and those of positions and areas by S/L and H/L, (2, 2, n).
    gradients, by_q, by_axial
        Derivatives of positions, widths and areas of the peaks at fixed 1/d^2 and axial divergence, (variables, n, 4),
        of 1/d^2, (variables, n), and of S/L and H/L, (2, variables), or (0, variables) if these do not vary.
    """
    axial = by_axial.shape[0] > 0
    curves, room = np.empty((7 if axial else 5, two_theta.size)), np.empty((4, two_theta.size))
    (table, slopes, _), part_table = peaks, parts[0]
    for k in range(first.size - 1):
        width, eta, width_g, width_l, eta_g, eta_l = tch_width(table[1, k], table[2, k])
        if table[3, k] == 0.0:
            continue
        start, stop = core_of(two_theta, table[:, k], part_table[:, first[k] : first[k + 1]], width, eta, tail)
        n = stop - start
        own, shape = curves[:, :n], (width, eta, reach(table[3, k], width, eta, tail)[0])
        own[:] = 0.0
        shapes = room[0, :n], room[1, :n], room[2, :n], room[3, :n]
        grid, factor = two_theta[start:stop], weight[start:stop]
        add_part(grid, factor, peaks, k, -1.0, shape, shapes, own)
        for which in range(first[k], first[k + 1]):
            add_part(grid, factor, parts, which, 1.0, shape, shapes, own)
        for v in range(columns.size):
            q = by_q[v, k]
            d_position, d_gauss, d_lorentz, d_area = gradients[v, k]
            d_gauss, d_lorentz = d_gauss + q * slopes[1, k], d_lorentz + q * slopes[2, k]
            row = jacobian[columns[v], start:stop]
            add_curve(row, d_area / table[3, k], own[0])
            add_curve(row, d_position, own[1])
            add_curve(row, width_g * d_gauss + width_l * d_lorentz, own[2])
            add_curve(row, eta_g * d_gauss + eta_l * d_lorentz, own[3])
            add_curve(row, q, own[4])
            if axial:
                add_curve(row, by_axial[0, v], own[5])
                add_curve(row, by_axial[1, v], own[6])


@compiled_exactly
def add_curve(row: FloatArray, factor: float, curve: FloatArray) -> None:
    """Add a curve times a factor to a row; a factor of zero takes no time."""
    if factor != 0.0:
        for i in range(row.size):
            row[i] += factor * curve[i]


@compiled_exactly
def add_part(
    two_theta: FloatArray, weight: FloatArray, peaks: AsymmetricPeaks, k: int, sign: float,
    shape: tuple[float, float, float], shapes: Shapes, curves: FloatArray,
) -> None:  # fmt: skip
    """Add the derivatives of one symmetric peak to the curves; `shape`: width, eta, reach of the Gaussian.

    They are those by the logarithm of the area, position, width, Lorentzian fraction, 1/d^2 (without that of the
    widths), S/L and H/L. `shapes` is room for the derivatives of the peak.
    """
    table, slopes, by_axial = peaks
    area, peak = sign * table[3, k], (table[0, k], shape[0], shape[1])
    lorentzian_shapes(two_theta, weight, peak, shapes)
    low, high = window(two_theta, table[0, k], shape[2])
    inner = shapes[0][low:high], shapes[1][low:high], shapes[2][low:high], shapes[3][low:high]
    gaussian_shapes(two_theta[low:high], weight[low:high], peak, inner)
    for curve in range(4):
        add_curve(curves[curve], area, shapes[curve])
    add_combination(curves[4], shapes, (sign * slopes[3, k], area * slopes[0, k], 0.0, 0.0))
    if curves.shape[0] > 5:
        for axis in range(2):
            moved = area * by_axial[0, axis, k]
            add_combination(curves[5 + axis], shapes, (sign * by_axial[1, axis, k], moved, 0.0, 0.0))


@compiled_exactly
def peak_windows(
    two_theta: FloatArray, position: FloatArray, gauss: FloatArray, lorentz: FloatArray, area: FloatArray, tail: float
) -> tuple[IntArray, FloatArray]:
    """Return start and stop of the points of each peak, (peaks, 2), and its width and Lorentzian fraction, (peaks, 2).

    The arguments are those of `add_peaks`.
    """
    where, shape = np.empty((position.size, 2), np.int64), np.empty((position.size, 2))
    for k in range(position.size):
        shape[k, 0], shape[k, 1], _, _, _, _ = tch_width(gauss[k], lorentz[k])
        near, far = reach(area[k], shape[k, 0], shape[k, 1], tail)
        where[k, 0], where[k, 1] = window(two_theta, position[k], max(near, far))
    return where, shape
