"""Peaks: position, widths and area of each reflection, for every emission line.

Position: Bragg's law for each line, a zero error, and the shift by a displaced specimen (Klug & Alexander, X-Ray
Diffraction Procedures, 1974): -(2 s / R) cos(theta) in Bragg-Brentano geometry, (s / R) sin(2 theta) for a capillary
that is displaced along the beam. Width: Caglioti's Gaussian U tan^2 + V tan + W, the Lorentzian X / cos + Y tan, and
the specimen's size and microstrain, which broaden the Lorentzian. Strength: multiplicity, |F|^2, Lorentz factor
1 / (sin^2 cos), polarisation p + (1 - p) cos^2(2 theta), texture. Angles are degrees outside, radians inside.
"""

from __future__ import annotations

import math

import numpy as np

from layerox.computing.compiled import compiled
from layerox.typing import FloatArray, IntArray

DEGREE = math.pi / 180.0
NM = 10.0
OUT_OF_SIGHT = 1e6
# Square of the least Gaussian FWHM (degrees): less than a thousandth of a degree is not visible.
LEAST_SQUARE = 1e-6

# Indices of the parameters of an instrument and of a phase.
ZERO, DISPLACEMENT, U, V, W, X, Y, S_OVER_L, H_OVER_L, TWO_MU_T, MU_R, OVERFLOW = range(12)
SCALE, CELL, INVERSE_SIZE, MICROSTRAIN, ORIENTATION, OWN_DISPLACEMENT, SITES = 0, 1, 7, 8, 9, 10, 11
SITE_X, SITE_Y, SITE_Z, SITE_OCCUPANCY, SITE_U = range(5)
PER_SITE = 5


@compiled
def reciprocal_metric(cell: FloatArray) -> tuple[FloatArray, FloatArray]:
    """Return G* (3, 3) of a cell (angstrom, degrees) and its derivatives with respect to the cell, (6, 3, 3)."""
    # Loops over elements: expressions of whole arrays take seconds to compile.
    a, b, c = cell[0], cell[1], cell[2]
    cosine, sine = np.empty(3), np.empty(3)
    for k in range(3):
        cosine[k], sine[k] = math.cos(cell[3 + k] * DEGREE), math.sin(cell[3 + k] * DEGREE)
    metric = np.empty((3, 3))
    metric[0, 0], metric[1, 1], metric[2, 2] = a * a, b * b, c * c
    metric[1, 2] = metric[2, 1] = b * c * cosine[0]
    metric[0, 2] = metric[2, 0] = a * c * cosine[1]
    metric[0, 1] = metric[1, 0] = a * b * cosine[2]
    slopes = np.zeros((6, 3, 3))
    for k in range(3):
        for other in range(3):
            slopes[k, k, other] += metric[k, other] / cell[k]
            slopes[k, other, k] += metric[k, other] / cell[k]
    for k in range(3):
        i, j = (k + 1) % 3, (k + 2) % 3
        slopes[3 + k, i, j] = slopes[3 + k, j, i] = -cell[i] * cell[j] * sine[k] * DEGREE
    inverse = inverted(metric)
    by_cell = np.empty((6, 3, 3))
    for k in range(6):
        set_inverse_slope(inverse, slopes[k], by_cell[k])
    return inverse, by_cell


@compiled
def inverted(matrix: FloatArray) -> FloatArray:
    """Return the inverse of a 3 x 3 matrix, by cofactors."""
    inverse = np.empty((3, 3))
    for i in range(3):
        i1, i2 = (i + 1) % 3, (i + 2) % 3
        for j in range(3):
            j1, j2 = (j + 1) % 3, (j + 2) % 3
            inverse[j, i] = matrix[i1, j1] * matrix[i2, j2] - matrix[i1, j2] * matrix[i2, j1]
    determinant = 0.0
    for j in range(3):
        determinant += matrix[0, j] * inverse[j, 0]
    for i in range(3):
        for j in range(3):
            inverse[i, j] /= determinant
    return inverse


@compiled
def set_inverse_slope(inverse: FloatArray, slope: FloatArray, result: FloatArray) -> None:
    """Set `result` to d(M^-1) = -M^-1 dM M^-1 of a 3 x 3 matrix."""
    for i in range(3):
        for j in range(3):
            result[i, j] = 0.0
            for m in range(3):
                for n in range(3):
                    result[i, j] -= inverse[i, m] * slope[m, n] * inverse[n, j]


@compiled
def inverse_squares(hkl: FloatArray, inverse: FloatArray, slopes: FloatArray) -> tuple[FloatArray, FloatArray]:
    """Return q = 1/d^2 of each reflection, (n,), and its derivatives with respect to the cell, (6, n)."""
    n = len(hkl)
    q, by_cell = np.zeros(n), np.zeros((6, n))
    for r in range(n):
        for i in range(3):
            for j in range(3):
                product = hkl[r, i] * hkl[r, j]
                q[r] += product * inverse[i, j]
                for k in range(6):
                    by_cell[k, r] += product * slopes[k, i, j]
    return q, by_cell


@compiled
def displacement_shift(theta: float, radius: float, bragg_brentano: bool) -> tuple[float, float]:
    """Return the peak shift (degrees) per mm of displacement, and its derivative with respect to theta (radian)."""
    if bragg_brentano:
        return -2.0 / radius * math.cos(theta) / DEGREE, 2.0 / radius * math.sin(theta) / DEGREE
    return math.sin(2.0 * theta) / radius / DEGREE, 2.0 * math.cos(2.0 * theta) / radius / DEGREE


@compiled
def lorentz_polarization(theta: float, polarization: float) -> tuple[float, float]:
    """Return the Lorentz and polarisation factor, and its derivative with respect to theta (radian)."""
    sine, cosine = math.sin(theta), math.cos(theta)
    cos_two_theta = 1.0 - 2.0 * sine * sine
    lorentz = 1.0 / (sine * sine * cosine)
    part = polarization + (1.0 - polarization) * cos_two_theta * cos_two_theta
    lorentz_slope = lorentz * (sine / cosine - 2.0 * cosine / sine)
    part_slope = -8.0 * (1.0 - polarization) * cos_two_theta * sine * cosine
    return lorentz * part, lorentz_slope * part + lorentz * part_slope


@compiled
def gaussian_width(tangent: float, instrument: FloatArray) -> tuple[float, float]:
    """Return Caglioti's Gaussian FWHM (degrees) and its derivative with tan(theta).

    Its square does not fall below `LEAST_SQUARE`: below that it decreases to zero exponentially, so that a
    refinement can pass through an imaginary width and return.
    """
    square = (instrument[U] * tangent + instrument[V]) * tangent + instrument[W]
    slope = 2.0 * instrument[U] * tangent + instrument[V]
    if square < LEAST_SQUARE:
        square = LEAST_SQUARE * math.exp(square / LEAST_SQUARE - 1.0)
        slope *= square / LEAST_SQUARE
    width = math.sqrt(square)
    return (width, 0.5 * slope / width) if width > 0.0 else (0.0, 0.0)


@compiled
def lorentzian_width(
    theta: float, wavelength: float, instrument: FloatArray, inverse_size: float, microstrain: float
) -> tuple[float, float]:
    """Return the Lorentzian FWHM (degrees), and its derivative with respect to theta (radian)."""
    cosine, tangent = math.cos(theta), math.tan(theta)
    by_secant = instrument[X] + wavelength * inverse_size / NM / DEGREE
    by_tangent = instrument[Y] + microstrain / DEGREE
    slope = by_secant * tangent / cosine + by_tangent / (cosine * cosine)
    return by_secant / cosine + by_tangent * tangent, slope


@compiled
def peak_list(
    q: FloatArray,
    strength: FloatArray,
    strength_slope: FloatArray,
    wavelengths: FloatArray,
    weights: FloatArray,
    instrument: FloatArray,
    inverse_size: float,
    microstrain: float,
    polarization: float,
    radius: float,
    bragg_brentano: bool,
    last: float,
) -> tuple[FloatArray, FloatArray, FloatArray, FloatArray]:
    """Return position, Gaussian width, Lorentzian width and area of every peak, and their slopes with q.

    Parameters
    ----------
    q
        1/d^2 of each reflection, angstrom^-2, shape (n,).
    strength, strength_slope
        Multiplicity times |F|^2 times texture of each reflection, and its derivative with respect to q, (n,).
    wavelengths, weights
        Emission lines, angstrom, shape (l,).
    instrument
        zero, displacement (mm), u, v, w, x, y, and what else the instrument has.
    inverse_size, microstrain
        1/nm, and dimensionless.
    polarization, radius, bragg_brentano
        p, goniometer radius in mm, and the geometry.
    last
        Bragg angle theta, radian, beyond which peaks keep their widths: peaks outside the
        pattern must not decide whether U, V and W are possible.

    Returns
    -------
    tuple
        Two arrays of shape (4, n l): degrees, degrees, degrees, and intensity times degrees for unit scale; and
        their derivatives with respect to q. Peaks of one reflection are adjacent. A line too long to be
        diffracted has a peak outside the pattern with zero area. Then the Bragg angle 2 theta of each peak, radian, and
        its derivative with respect to q, (n l,).
    """
    lines = wavelengths.size
    peaks, slopes = np.zeros((4, q.size * lines)), np.zeros((4, q.size * lines))
    bragg, bragg_by_q = np.zeros(q.size * lines), np.zeros(q.size * lines)
    for r in range(q.size):
        for line in range(lines):
            k = r * lines + line
            sine = 0.5 * wavelengths[line] * math.sqrt(q[r])
            if sine >= 0.9999:
                peaks[0, k], peaks[1, k] = OUT_OF_SIGHT, 1.0
                continue
            theta = math.asin(sine)
            tangent = math.tan(theta)
            theta_q = tangent / (2.0 * q[r])
            bragg[k], bragg_by_q[k] = 2.0 * theta, 2.0 * theta_q
            shift, shift_slope = displacement_shift(theta, radius, bragg_brentano)
            inside = min(theta, last)
            width_q = theta_q if theta <= last else 0.0
            gauss, gauss_slope = gaussian_width(math.tan(inside), instrument)
            lorentz, lorentz_slope = lorentzian_width(inside, wavelengths[line], instrument, inverse_size, microstrain)
            factor, factor_slope = lorentz_polarization(theta, polarization)
            peaks[0, k] = 2.0 * theta / DEGREE + instrument[ZERO] + instrument[DISPLACEMENT] * shift
            peaks[1, k] = gauss
            peaks[2, k] = lorentz
            peaks[3, k] = weights[line] * strength[r] * factor
            slopes[0, k] = (2.0 / DEGREE + instrument[DISPLACEMENT] * shift_slope) * theta_q
            slopes[1, k] = gauss_slope * (1.0 + tangent * tangent) * width_q
            slopes[2, k] = lorentz_slope * width_q
            slopes[3, k] = weights[line] * (strength_slope[r] * factor + strength[r] * factor_slope * theta_q)
    return peaks, slopes, bragg, bragg_by_q


@compiled
def instrument_gradient(
    slot: int,
    bragg: FloatArray,
    gauss: FloatArray,
    radius: float,
    bragg_brentano: bool,
    last: float,
    gradient: FloatArray,
    factor: float,
) -> None:
    """Add `factor` times the derivative of all peaks with respect to a slot of the instrument (not the axial ones).

    `bragg` holds the Bragg angle 2 theta of each peak, radian (0 for one outside), `gauss` its Gaussian width,
    shape (peaks,); `last` is as in `peak_list`; `gradient` has shape (peaks, 4).
    """
    for k in range(bragg.size):
        theta = 0.5 * bragg[k]
        if theta == 0.0:
            continue
        inside = min(theta, last)
        tangent = math.tan(inside)
        if slot == ZERO:
            gradient[k, 0] += factor
        elif slot == DISPLACEMENT:
            gradient[k, 0] += factor * displacement_shift(theta, radius, bragg_brentano)[0]
        elif slot == X:
            gradient[k, 2] += factor / math.cos(inside)
        elif slot == Y:
            gradient[k, 2] += factor * tangent
        elif gauss[k] > 0.0:
            power = tangent * tangent if slot == U else (tangent if slot == V else 1.0)
            damping = min(1.0, gauss[k] * gauss[k] / LEAST_SQUARE)
            gradient[k, 1] += factor * 0.5 * power * damping / gauss[k]


@compiled
def broadening_gradient(
    slot: int, bragg: FloatArray, wavelengths: FloatArray, last: float, gradient: FloatArray, factor: float
) -> None:
    """Add `factor` times the derivative of all peaks with respect to inverse size or microstrain, (peaks, 4).

    `wavelengths` are those of the peaks, angstrom, shape (peaks,).
    """
    for k in range(bragg.size):
        theta = min(0.5 * bragg[k], last)
        by_size = wavelengths[k] / NM / math.cos(theta)
        gradient[k, 2] += factor * (by_size if slot == INVERSE_SIZE else math.tan(theta)) / DEGREE


@compiled
def set_lorentzian_widths(
    bragg: FloatArray,
    bragg_by_q: FloatArray,
    owner: IntArray,
    wavelengths: FloatArray,
    instrument: FloatArray,
    inverse_size: FloatArray,
    microstrain: FloatArray,
    last: float,
    peaks: FloatArray,
    slopes: FloatArray,
) -> None:
    """Set the Lorentzian widths of `peaks` and `slopes` for sizes and strains that differ between reflections.

    `inverse_size` and `microstrain` are of the reflections, shape (n,), the slopes those with q at constant ones;
    `owner` and `wavelengths` are of the peaks, shape (peaks,); the rest is as in `peak_list`.
    """
    for k in range(owner.size):
        theta, r = 0.5 * bragg[k], owner[k]
        if theta == 0.0:
            continue
        inside = min(theta, last)
        width, slope = lorentzian_width(inside, wavelengths[k], instrument, inverse_size[r], microstrain[r])
        peaks[2, k] = width
        slopes[2, k] = 0.5 * bragg_by_q[k] * slope if theta <= last else 0.0


@compiled
def chain_through_broadening(
    by_slot: FloatArray,
    owner: IntArray,
    bragg: FloatArray,
    wavelengths: FloatArray,
    last: float,
    gradient: FloatArray,
    factor: float,
) -> None:
    """Add `factor` times the derivative with respect to a parameter with derivatives `by_slot` of size and strain.

    `by_slot` holds those of the inverse size and of the microstrain of each reflection, shape (2, n).
    """
    for k in range(owner.size):
        if bragg[k] == 0.0:
            continue
        theta, r = min(0.5 * bragg[k], last), owner[k]
        by_size = by_slot[0, r] * wavelengths[k] / NM / math.cos(theta)
        gradient[k, 2] += factor * (by_size + by_slot[1, r] * math.tan(theta)) / DEGREE


@compiled
def chain_through_q(
    by_slot: FloatArray, owner: IntArray, slopes: FloatArray, gradient: FloatArray, factor: float
) -> None:
    """Add `factor` times the derivative of all peaks with respect to a parameter with derivative `by_slot` of q, (n,).

    `owner` is the reflection of each peak, shape (peaks,); `slopes` are the derivatives with respect to q, (4, peaks).
    """
    for k in range(owner.size):
        for field in range(4):
            gradient[k, field] += factor * by_slot[owner[k]] * slopes[field, k]


@compiled
def chain_through_strength(
    by_slot: FloatArray, owner: IntArray, strength: FloatArray, area: FloatArray, gradient: FloatArray, factor: float
) -> None:
    """Add `factor` times the derivative with respect to a parameter with derivative `by_slot` of the strength, (n,)."""
    for k in range(owner.size):
        r = owner[k]
        if strength[r] != 0.0:
            gradient[k, 3] += factor * by_slot[r] / strength[r] * area[k]


@compiled
def rod_positions(
    q: FloatArray,
    wavelength: float,
    instrument: FloatArray,
    polarization: float,
    radius: float,
    bragg_brentano: bool,
) -> tuple[FloatArray, FloatArray, FloatArray, FloatArray, FloatArray, FloatArray, FloatArray]:
    """Return where points of reciprocal space appear for one emission line, and with which factor.

    Parameters
    ----------
    q
        1/d^2 of each point, angstrom^-2, shape (n,).
    wavelength, instrument, polarization, radius, bragg_brentano
        As in `peak_list`, for one line.

    Returns
    -------
    tuple
        Seven arrays of shape (n,): Bragg angle 2 theta (degrees) and its derivative with respect to q; position and
        its derivative; shift per mm of displacement; Lorentz and polarisation factor and its derivative. Points that
        the line does not reach have a factor of zero.
    """
    bragg, bragg_by_q = np.full(q.size, 90.0), np.zeros(q.size)
    position, by_q = np.full(q.size, OUT_OF_SIGHT), np.zeros(q.size)
    shifts, factor, factor_by_q = np.zeros(q.size), np.zeros(q.size), np.zeros(q.size)
    displacement = instrument[DISPLACEMENT]
    for k in range(q.size):
        square = 0.25 * wavelength * wavelength * q[k]
        if square >= 0.9998:
            continue
        # The same formulas as for peaks, without further trigonometric functions: there are many points.
        sine, cosine, cos_two_theta = math.sqrt(square), math.sqrt(1.0 - square), 1.0 - 2.0 * square
        theta_q = sine / cosine / (2.0 * q[k])
        if bragg_brentano:
            shift, shift_slope = -2.0 / radius * cosine / DEGREE, 2.0 / radius * sine / DEGREE
        else:
            shift, shift_slope = 2.0 * sine * cosine / radius / DEGREE, 2.0 * cos_two_theta / radius / DEGREE
        lorentz = 1.0 / (square * cosine)
        part = polarization + (1.0 - polarization) * cos_two_theta * cos_two_theta
        slope = lorentz * (sine / cosine - 2.0 * cosine / sine) * part
        slope -= lorentz * 8.0 * (1.0 - polarization) * cos_two_theta * sine * cosine
        bragg[k], bragg_by_q[k] = 2.0 * math.asin(sine) / DEGREE, 2.0 * theta_q / DEGREE
        position[k] = bragg[k] + instrument[ZERO] + displacement * shift
        by_q[k] = bragg_by_q[k] + displacement * shift_slope * theta_q
        shifts[k], factor[k], factor_by_q[k] = shift, lorentz * part, slope * theta_q
    return bragg, bragg_by_q, position, by_q, shifts, factor, factor_by_q
