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
def strength_slopes(
    slots: IntArray,
    f_squared: FloatArray,
    multiplicity: IntArray,
    texture: FloatArray,
    texture_by_r: FloatArray,
    texture_by_cell: FloatArray,
    q: FloatArray,
    values: FloatArray,
    by_occupancy: FloatArray,
    by_sum: FloatArray,
    real_gradient: FloatArray,
    imag_gradient: FloatArray,
) -> FloatArray:
    """Return the derivatives of multiplicity times |F|^2 times texture with respect to slots of a phase, at fixed q.

    Parameters
    ----------
    slots, values
        Slots, shape (k,), and the values of all of them.
    f_squared, multiplicity, texture, texture_by_r, texture_by_cell, q
        Of the reflections, shape (n,), (6, n) with respect to the cell.
    by_occupancy, by_sum, real_gradient, imag_gradient
        As `StructureFactors.squared` and `geometric_sums` return them.

    Returns
    -------
    ndarray
        Shape (k, n); zeros for what does not change the strength, and for the slots behind the sites.
    """
    slopes = np.zeros((slots.size, q.size))
    sites = by_occupancy.shape[0]
    for at in range(slots.size):
        slot, row = slots[at], slopes[at]
        site, kind = (slot - SITES) // PER_SITE, (slot - SITES) % PER_SITE
        if CELL <= slot < CELL + 6:
            for r in range(q.size):
                row[r] = multiplicity[r] * f_squared[r] * texture_by_cell[slot - CELL, r]
        elif slot == ORIENTATION:
            for r in range(q.size):
                row[r] = multiplicity[r] * f_squared[r] * texture_by_r[r]
        elif slot >= SITES and site < sites:
            by_u = -2.0 * math.pi**2 * values[SITES + site * PER_SITE + SITE_OCCUPANCY]
            for r in range(q.size):
                slope = by_occupancy[site, r]
                if kind == SITE_U:
                    slope *= by_u * q[r]
                elif kind != SITE_OCCUPANCY:
                    slope = by_sum[site, 0, r] * real_gradient[r, site, kind]
                    slope += by_sum[site, 1, r] * imag_gradient[r, site, kind]
                row[r] = multiplicity[r] * texture[r] * slope
    return slopes


@compiled
def peak_gradients(  # noqa: PLR0912  (one loop over all kinds of slots)
    table: FloatArray,
    slopes: FloatArray,
    owner: IntArray,
    bragg: FloatArray,
    wavelengths: FloatArray,
    scale: float,
    strength: FloatArray,
    by_cell: FloatArray,
    slots: IntArray,
    transfer: FloatArray,
    by_strength: FloatArray,
    instrument_transfer: FloatArray,
    radius: float,
    bragg_brentano: bool,
    last: float,
) -> FloatArray:
    """Return the derivatives of all peaks with respect to variables, (v, peaks, 4): position, widths, area with scale.

    Parameters
    ----------
    table, slopes, bragg
        As `peak_list` returns them.
    owner, wavelengths
        Reflection and wavelength (angstrom) of each peak, shape (peaks,).
    scale, strength, by_cell
        Of the phase; strength of each reflection, (n,); derivatives of q with respect to the cell, (6, n).
    slots, transfer, by_strength
        Slots of the phase that vary, (k,); their derivatives with respect to the variables, (k, v); derivatives of the
        strength with respect to them at fixed q, (k, n).
    instrument_transfer
        Derivatives of the instrument's slots with respect to the variables, (12, v); those from S/L on are left out.
    radius, bragg_brentano, last
        As in `peak_list`.
    """
    count, variables = bragg.size, transfer.shape[1]
    gradients = np.zeros((variables, count, 4))
    area, scaled = np.empty(count), slopes.copy()
    for k in range(count):
        area[k] = scale * table[3, k]
        scaled[3, k] *= scale
    for slot in range(S_OVER_L):
        for v in range(variables):
            factor = instrument_transfer[slot, v]
            if factor != 0.0:
                instrument_gradient(slot, bragg, table[1], radius, bragg_brentano, last, gradients[v], factor)
    for at in range(slots.size):
        slot = slots[at]
        for v in range(variables):
            factor, gradient = transfer[at, v], gradients[v]
            if factor == 0.0:
                continue
            if slot == SCALE:
                for k in range(count):
                    gradient[k, 3] += factor * table[3, k]
            elif slot in (INVERSE_SIZE, MICROSTRAIN):
                broadening_gradient(slot, bragg, wavelengths, last, gradient, factor)
            elif slot == OWN_DISPLACEMENT:
                instrument_gradient(DISPLACEMENT, bragg, table[1], radius, bragg_brentano, last, gradient, factor)
            else:
                if CELL <= slot < CELL + 6:
                    chain_through_q(by_cell[slot - CELL], owner, scaled, gradient, factor)
                chain_through_strength(by_strength[at], owner, strength, area, gradient, factor)
    return gradients
