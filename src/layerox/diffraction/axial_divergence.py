"""Axial divergence: the asymmetry of peaks at low and very high angles.

Finger, Cox & Jephcoat, J. Appl. Cryst. 27 (1994) 892, doi:10.1107/S0021889894004218. Rays that leave the equatorial
plane meet the detector at an angle 2 phi nearer to 90 degrees than 2 theta. With x = h / L, the height at which a ray
crosses the axis over the goniometer radius, cos 2 phi = cos 2 theta sqrt(1 + x^2), and the share of the rays at x is
W(x) / ((1 + x^2) sin 2 phi), W falling from 2 min(H, S) below |H - S| / L to zero at (H + S) / L. In x the integral
has no singularity, and a few Gauss-Legendre nodes replace a peak by shifted ones of the same width. If S = H, W falls
from the axis on, and all else is a function of x^2: Gaussian rules in x^2 with the weight 1 - x / (H + S) then need
half as many nodes (Golub & Welsch, Math. Comp. 23 (1969) 221, doi:10.1090/S0025-5718-69-99647-1).
"""

from __future__ import annotations

import math
from functools import cache

import numpy as np

from layerox.computing.compiled import compiled
from layerox.typing import FloatArray, IntArray

DEGREE = math.pi / 180.0
# Gauss-Legendre rules, and the spread (in full widths at half maximum) up to which each has an error below 1e-5; then
# the same of the rules for S = H.
RULES = (1, 2, 4, 6, 9, 14, 22, 36)
SPREADS = (5e-4, 0.02, 0.1, 0.3, 0.9, 1.5, 2.8, math.inf)
EVEN_RULES = (1, 2, 3, 4, 5, 6, 8, 11, 15, 20, 28, 48)
EVEN_SPREADS = (4e-4, 0.022, 0.3, 0.5, 0.7, 0.9, 1.3, 1.9, 2.6, 3.5, 5.0, math.inf)
LEAST_AXIAL = 1e-5
# Points of the sums that stand for integrals where the rules for S = H are made.
FINE = 200


@cache
def node_table() -> tuple[FloatArray, FloatArray]:
    """Return nodes and weights of the rules on 0 ... 1, shape (2, rules, most nodes), padded with zeros.

    First the Gauss-Legendre rules, then those for S = H; their weights are divided by 1 - x.
    """
    shape = 2, max(len(RULES), len(EVEN_RULES)), max(RULES[-1], EVEN_RULES[-1])
    nodes, weights = np.zeros(shape), np.zeros(shape)
    for row, count in enumerate(RULES):
        nodes[0, row, :count], weights[0, row, :count] = _gauss_legendre(count)
    for row, count in enumerate(EVEN_RULES):
        x, w = _even_rule(count)
        nodes[1, row, :count], weights[1, row, :count] = x, w / (1.0 - x)
    return nodes, weights


def _gauss_legendre(count: int) -> tuple[FloatArray, FloatArray]:
    x, w = np.polynomial.legendre.leggauss(count)
    return 0.5 * (x + 1.0), 0.5 * w


def _even_rule(count: int) -> tuple[FloatArray, FloatArray]:
    """Return nodes x and weights on 0 ... 1 that integrate polynomials in x^2 with the weight 1 - x exactly.

    The nodes are the eigenvalues of the matrix of the recursion of the orthogonal polynomials.
    """
    x, w = _gauss_legendre(FINE)
    u, w = x**2, w * (1.0 - x)
    diagonal, beside = np.zeros(count), np.zeros(count)
    before, present = np.zeros(FINE), np.ones(FINE) / math.sqrt(float(w.sum()))
    for k in range(count):
        diagonal[k] = float((w * u * present**2).sum())
        following = (u - diagonal[k]) * present - beside[k - 1] * before * (k > 0)
        beside[k] = math.sqrt(float((w * following**2).sum()))
        before, present = present, following / beside[k]
    matrix = np.diag(diagonal) + np.diag(beside[: count - 1], 1) + np.diag(beside[: count - 1], -1)
    values, vectors = np.linalg.eigh(matrix)
    return np.sqrt(values), float(w.sum()) * vectors[0] ** 2


@compiled
def deviation(two_theta: float, x: float) -> tuple[float, float, float]:
    """Return 2 phi - 2 theta at height x and its derivatives with respect to x and to 2 theta, radian."""
    root = math.sqrt(1.0 + x * x)
    cosine = math.cos(two_theta) * root
    if abs(cosine) >= 1.0:
        return 0.0, 0.0, 0.0
    sine = math.sqrt(1.0 - cosine * cosine)
    by_x = -math.cos(two_theta) * x / (root * sine)
    return math.acos(cosine) - two_theta, by_x, math.sin(two_theta) * root / sine - 1.0


@compiled
def share(two_theta: float, x: float, sample: float, slit: float) -> tuple[float, float, float, float, float]:
    """Return the share of rays at height x (not normalised) and its logarithmic derivatives.

    Parameters
    ----------
    two_theta
        Radian.
    x
        Height over the radius.
    sample, slit
        S / L and H / L.

    Returns
    -------
    tuple
        The share, and d ln(share) with respect to x, 2 theta, S / L and H / L.
    """
    root = 1.0 + x * x
    cosine = math.cos(two_theta) * math.sqrt(root)
    square = 1.0 - cosine * cosine
    if square <= 0.0:
        return 0.0, 0.0, 0.0, 0.0, 0.0
    wide = abs(slit - sample)
    if x <= wide:
        window = 2.0 * min(slit, sample)
        by_x, by_sample, by_slit = 0.0, (1.0 if sample < slit else 0.0), (1.0 if slit <= sample else 0.0)
        by_sample, by_slit = 2.0 * by_sample / window, 2.0 * by_slit / window
    else:
        window = slit + sample - x
        by_x, by_sample, by_slit = -1.0 / window, 1.0 / window, 1.0 / window
    # ln(share) = ln W - ln(1 + x^2) - ln(sin 2 phi), sin^2 2 phi = 1 - cos^2 2 theta (1 + x^2)
    slope = math.cos(two_theta) * math.cos(two_theta) * x / square - 2.0 * x / root + by_x
    turn = -math.cos(two_theta) * math.sin(two_theta) * root / square
    return window / (root * math.sqrt(square)), slope, turn, by_sample, by_slit


@compiled
def rule_for(two_theta: float, width: float, reach: float, is_even: bool) -> int:
    """Return the rule for a peak of a full width (degrees); `is_even` for S = H."""
    spread = abs(deviation(two_theta, reach)[0]) / DEGREE / width
    row = 0
    while spread > (EVEN_SPREADS[row] if is_even else SPREADS[row]):
        row += 1
    return row


@compiled
def asymmetric(
    table: FloatArray,
    slopes: FloatArray,
    bragg: FloatArray,
    bragg_by_q: FloatArray,
    sample: float,
    slit: float,
    nodes: FloatArray,
    weights: FloatArray,
) -> tuple[IntArray, FloatArray, FloatArray, FloatArray, FloatArray]:
    """Replace each peak by shifted ones whose sum is its asymmetric shape, and shift it to their centre.

    Parameters
    ----------
    table, slopes
        Position, Gaussian and Lorentzian width (degrees) and area of each peak, and their derivatives with respect to
        q, shape (4, n). The positions, with their derivatives, are moved to the centre of the shifted peaks.
    bragg, bragg_by_q
        Bragg angle 2 theta of each peak, radian, and its derivative with respect to q, shape (n,).
    sample, slit
        S / L and H / L.
    nodes, weights
        Of the rules, see `node_table`.

    Returns
    -------
    tuple
        Where the shifted peaks of each peak start, (n + 1,); table and slopes of the m shifted peaks, (4, m); the
        derivatives of their positions and areas with respect to S / L and H / L, (2, 2, m), quantity first; and the
        same of the n moved peaks, (2, 2, n).
    """
    sample, slit = max(sample, LEAST_AXIAL), max(slit, LEAST_AXIAL)
    wide, reach = abs(slit - sample), slit + sample
    segments, even = (2, 0) if wide > 0.0 else (1, 1)
    sign = 1.0 if sample < slit else -1.0
    chosen, first = np.empty(bragg.size, np.int64), np.zeros(bragg.size + 1, np.int64)
    for k in range(bragg.size):
        width = max(table[1, k], 0.0) + table[2, k]
        chosen[k] = rule_for(bragg[k], width, reach, even == 1) if width > 0.0 else 0
        first[k + 1] = first[k] + segments * (EVEN_RULES[chosen[k]] if even else RULES[chosen[k]])
    total = first[-1]
    many, many_slopes, by_axial = np.empty((4, total)), np.empty((4, total)), np.zeros((2, 2, total))
    centred = np.zeros((2, 2, bragg.size))
    part, by_turn, by_sample, by_slit = np.empty(total), np.empty(total), np.empty(total), np.empty(total)
    for k in range(bragg.size):
        m = first[k]
        for segment in range(segments):
            inner = segments == 2 and segment == 0
            # The heights run from `low` to `high`, which are 0, |H - S| and H + S over L, and depend on both.
            low, high = (0.0, wide) if inner else (wide, reach)
            low_s, low_h = (-sign, sign) if segments == 2 and not inner else (0.0, 0.0)
            high_s, high_h = (-sign, sign) if inner else (1.0, 1.0)
            for j in range((first[k + 1] - first[k]) // segments):
                t = nodes[even, chosen[k], j]
                x, x_s, x_h = low + (high - low) * t, low_s + (high_s - low_s) * t, low_h + (high_h - low_h) * t
                shift, shift_x, shift_turn = deviation(bragg[k], x)
                density, by_x, turn, by_s, by_h = share(bragg[k], x, sample, slit)
                part[m] = weights[even, chosen[k], j] * (high - low) * density
                by_turn[m] = turn
                by_sample[m] = (high_s - low_s) / (high - low) + by_x * x_s + by_s
                by_slit[m] = (high_h - low_h) / (high - low) + by_x * x_h + by_h
                many[0, m] = shift / DEGREE
                many_slopes[0, m] = shift_turn * bragg_by_q[k] / DEGREE
                by_axial[0, 0, m], by_axial[0, 1, m] = shift_x * x_s / DEGREE, shift_x * x_h / DEGREE
                m += 1
        norm, mean_turn, mean_s, mean_h = 0.0, 0.0, 0.0, 0.0
        for m in range(first[k], first[k + 1]):
            norm += part[m]
            mean_turn += part[m] * by_turn[m]
            mean_s += part[m] * by_sample[m]
            mean_h += part[m] * by_slit[m]
        centre, centre_q = 0.0, 0.0
        for m in range(first[k], first[k + 1]):
            weight = part[m] / norm
            weight_q = weight * (by_turn[m] - mean_turn / norm) * bragg_by_q[k]
            weight_s, weight_h = weight * (by_sample[m] - mean_s / norm), weight * (by_slit[m] - mean_h / norm)
            centre += weight * many[0, m]
            centre_q += weight * many_slopes[0, m] + weight_q * many[0, m]
            centred[0, 0, k] += weight * by_axial[0, 0, m] + weight_s * many[0, m]
            centred[0, 1, k] += weight * by_axial[0, 1, m] + weight_h * many[0, m]
            many[0, m] += table[0, k]
            many_slopes[0, m] += slopes[0, k]
            for width in (1, 2):
                many[width, m], many_slopes[width, m] = table[width, k], slopes[width, k]
            many[3, m] = weight * table[3, k]
            many_slopes[3, m] = weight * slopes[3, k] + weight_q * table[3, k]
            by_axial[1, 0, m], by_axial[1, 1, m] = weight_s * table[3, k], weight_h * table[3, k]
        table[0, k] += centre
        slopes[0, k] += centre_q
    return first, many, many_slopes, by_axial, centred
