"""Axial divergence: the asymmetry of peaks at low and very high angles.

Finger, Cox & Jephcoat, J. Appl. Cryst. 27 (1994) 892, doi:10.1107/S0021889894004218. Rays that leave the equatorial
plane meet the detector at an angle 2 phi nearer to 90 degrees than 2 theta. With x = h / L, the height at which a ray
crosses the axis over the goniometer radius, cos 2 phi = cos 2 theta sqrt(1 + x^2), and the share of the rays at x is
W(x) / ((1 + x^2) sin 2 phi), W falling from 2 min(H, S) below |H - S| / L to zero at (H + S) / L: the difference of two
triangles, which end at (H + S) / L and at |H - S| / L. In x^2 the integral over a triangle has no singularity, and a
few nodes of a Gaussian rule with the weight 1 - x (Golub & Welsch, Math. Comp. 23 (1969) 221,
doi:10.1090/S0025-5718-69-99647-1) replace a peak by shifted ones of the same width.
"""

from __future__ import annotations

import math
from functools import cache

import numpy as np

from layerox.computing.compiled import compiled
from layerox.typing import FloatArray, IntArray

DEGREE = math.pi / 180.0
# Numbers of nodes of the rules. Each is used up to a spread of the shifts (in full widths at half maximum), and up to a
# (x / tan 2 theta)^2 of the farthest ray. The error is then below 1e-6 of the height of a peak, that of a derivative
# below 1e-5 of its largest value, but by S/L and H/L of peaks much wider than the spread, where these are small.
RULES = (1, 2, 3, 4, 5, 6, 7, 8, 9, 11, 13, 16, 20, 26, 34, 44, 60, 90, 130)
SPREADS = (
    2e-4, 0.04, 0.17, 0.32, 0.47, 0.63, 0.79, 0.93, 1.07, 1.35, 1.6, 2.05, 2.55, 3.35, 4.4, 5.7, 7.9, 11.0, math.inf,
)  # fmt: skip
NEAREST = (0.1, 0.1, 0.25, 0.5, 0.75, 0.75, 0.75, 0.9, 0.9, 1.0, 1.0, 1.0, 1.0, 1.0, 1.0, 1.0, 1.0, 1.0, 1.0)
LEAST_AXIAL = 1e-5
# Share of the second of two triangles below which it is left out.
LEAST_SHARE = 1e-12
# Largest argument of the series of the inverse sine.
SMALL = 0.02
# Points of the sums that stand for integrals where the rules are made.
FINE = 300


@cache
def node_table() -> tuple[FloatArray, FloatArray]:
    """Return nodes and weights of the rules on 0 ... 1, shape (rules, most nodes), padded with zeros."""
    nodes, weights = (np.zeros((len(RULES), RULES[-1])) for _ in range(2))
    for row, count in enumerate(RULES):
        nodes[row, :count], weights[row, :count] = _rule(count)
    return nodes, weights


def _rule(count: int) -> tuple[FloatArray, FloatArray]:
    """Return nodes x and weights on 0 ... 1 that integrate polynomials in x^2 with the weight 1 - x exactly.

    The nodes are the eigenvalues of the matrix of the recursion of the orthogonal polynomials.
    """
    x, w = np.polynomial.legendre.leggauss(FINE)
    x, w = 0.5 * (x + 1.0), 0.5 * w
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
def rule_for(cosine: float, sine: float, width: float, height: float, power: float) -> int:
    """Return the rule for a Bragg angle 2 theta, a full width (degrees), and rays up to a height.

    `power` is the logarithm of the error that is allowed, in units of that of a whole peak, over twice that of the
    factor by which the spread may be larger, for one node.
    """
    near, square = (height * cosine / sine) ** 2, height * height
    reached = math.sqrt(max(sine * sine - cosine * cosine * square, 0.0))
    # The sine of the largest shift, without a difference of nearly equal numbers.
    spread = abs(cosine) * square / (reached + sine * math.sqrt(1.0 + square)) / DEGREE / width
    row, last = 0, len(RULES) - 1
    while row < last and (near > NEAREST[row] or spread > SPREADS[row]):
        row += 1
    if power != 0.0:
        row = 0
        while row < last and (near > NEAREST[row] or spread > SPREADS[row] * math.exp(power / RULES[row])):
            row += 1
    return row


@compiled
def rules(
    table: FloatArray, cosine: FloatArray, sine: FloatArray, heights: FloatArray, share: float
) -> tuple[IntArray, IntArray]:
    """Return the rules of each peak for one or two triangles, (n, 1 or 2), and where its nodes start, (n + 1,).

    `heights` are those at which the triangles end, `share` the second one's area over the first one's; the rest is as
    in `asymmetric`.
    """
    chosen, first = np.zeros((cosine.size, heights.size), np.int64), np.zeros(cosine.size + 1, np.int64)
    for which in range(heights.size):
        leeway = math.log((1.0 - share) / share if which else 1.0 - share) if heights.size == 2 else 0.0
        # Errors fall with the power of the spread that a rule has, and more slowly where they are small.
        power = (0.5 if leeway > 0.0 else 1.0) * leeway
        for k in range(cosine.size):
            lorentz = table[2, k]
            # Full width of the Voigt function: Olivero & Longbothum, doi:10.1016/0022-4073(77)90161-3.
            width = 0.5346 * lorentz + math.sqrt(0.2166 * lorentz * lorentz + table[1, k] * table[1, k])
            if width > 0.0 and sine[k] > 0.0:
                chosen[k, which] = rule_for(cosine[k], sine[k], width, heights[which], power)
            first[k + 1] += RULES[chosen[k, which]]
    for k in range(cosine.size):
        first[k + 1] += first[k]
    return chosen, first


@compiled
def asymmetric(
    table: FloatArray, bragg: FloatArray, sample: float, slit: float, nodes: FloatArray, weights: FloatArray
) -> tuple[IntArray, FloatArray, FloatArray]:
    """Return the shifted peaks whose sum is the asymmetric shape of each peak, and shift the peaks to their centres.

    Parameters
    ----------
    table
        Position, Gaussian and Lorentzian width (degrees) and area of each peak, shape (4, n). The positions are moved
        to the centre of the shifted peaks.
    bragg
        Bragg angle 2 theta of each peak, radian, shape (n,).
    sample, slit
        S / L and H / L.
    nodes, weights
        Of the rules, see `node_table`.

    Returns
    -------
    tuple
        Where the shifted peaks of each peak start, (n + 1,); their distances from the centre (degrees) and shares of
        the area, (2, m); and the rays of each: cosine and sine of the Bragg angle, and height over the radius, (3, m).
    """
    outer, inner = ends(sample, slit)
    # The window of heights is the difference of two triangles.
    share = (inner / outer) ** 2
    heights = np.array([outer, inner])[: 2 if share > LEAST_SHARE else 1]
    cosine, sine = np.cos(bragg), np.sin(bragg)
    chosen, first = rules(table, cosine, sine, heights, share)
    parts, rays = np.empty((2, first[-1])), np.empty((3, first[-1]))
    for k in range(bragg.size):
        m = first[k]
        for which in range(heights.size):
            height, row = heights[which], chosen[k, which]
            size = (-1.0 if which else 1.0) * height * height
            for j in range(RULES[row]):
                rays[0, m], rays[1, m], rays[2, m] = cosine[k], sine[k], height * nodes[row, j]
                parts[1, m] = size * weights[row, j]
                m += 1
    place_rays(rays[0], rays[1], rays[2], parts[0], parts[1])
    for k in range(bragg.size):
        norm, moment = 0.0, 0.0
        for m in range(first[k], first[k + 1]):
            norm += parts[1, m]
            moment += parts[1, m] * parts[0, m]
        if norm == 0.0:  # no ray meets the detector
            parts[1, first[k]] = norm = 1.0
        table[0, k] += moment / norm
        for m in range(first[k], first[k + 1]):
            parts[0, m] -= moment / norm
            parts[1, m] /= norm
    return first, parts, rays


@compiled
def ends(sample: float, slit: float) -> tuple[float, float]:
    """Return (H + S) / L and |H - S| / L, with values above zero in place of zero."""
    sample, slit = max(sample, LEAST_AXIAL), max(slit, LEAST_AXIAL)
    return slit + sample, abs(slit - sample)


@compiled
def place_rays(cosine: FloatArray, sine: FloatArray, x: FloatArray, shift: FloatArray, size: FloatArray) -> None:
    """Set where rays meet the detector, 2 phi - 2 theta in degrees, and multiply their sizes by their density.

    The density is 1 / ((1 + x^2) sin 2 phi), zero for a height x that no ray of this Bragg angle has.
    """
    for m in range(x.size):
        square = sine[m] * sine[m] - cosine[m] * cosine[m] * x[m] * x[m]
        inverse = 1.0 / math.sqrt(square) if square > 0.0 else 0.0
        # The sine of the shift, without a difference of nearly equal numbers.
        root = 1.0 + x[m] * x[m]
        shift[m] = -cosine[m] * x[m] * x[m] * inverse / (1.0 + math.sqrt(root) * sine[m] * inverse)
        size[m] *= inverse / root
    for m in range(x.size):
        y, z = shift[m], shift[m] * shift[m]
        if abs(y) > SMALL:
            shift[m] = math.asin(y) / DEGREE
        else:
            series = 1.0 + z * (1.0 / 6.0 + z * (3.0 / 40.0 + z * (15.0 / 336.0 + z * 105.0 / 3456.0)))
            shift[m] = y * series / DEGREE


@compiled
def part_slopes(
    first: IntArray, parts: FloatArray, rays: FloatArray, bragg_by_q: FloatArray, sample: float, slit: float
) -> tuple[FloatArray, FloatArray]:
    """Return the derivatives of what `asymmetric` returns with respect to q, S / L and H / L.

    Parameters
    ----------
    first, parts, rays
        As `asymmetric` returns them.
    bragg_by_q
        Derivative of the Bragg angle 2 theta of each peak (radian) with respect to q, shape (n,).
    sample, slit
        S / L and H / L.

    Returns
    -------
    tuple
        Those of distances and shares of the parts, (3, 2, m), and of the shifts of the n centres, (3, n).
    """
    (outer, inner), sign = ends(sample, slit), 1.0 if slit > sample else -1.0
    slopes, centres = np.empty((3, 2, parts.shape[1])), np.empty((3, bragg_by_q.size))
    for k in range(bragg_by_q.size):
        for m in range(first[k], first[k + 1]):
            cosine, sine, x, second = rays[0, m], rays[1, m], rays[2, m], parts[1, m] < 0.0
            root, square = 1.0 + x * x, sine * sine - cosine * cosine * x * x
            inverse = 1.0 / math.sqrt(square) if square > 0.0 else 0.0
            height, stretch = inner if second else outer, math.sqrt(root)
            turned = (sine * stretch * inverse - 1.0) / DEGREE
            moved = -cosine * x * inverse / stretch * x / height / DEGREE
            # The logarithm of the size: of the squared height, 1 / (1 + x^2) and 1 / sin 2 phi.
            grown = 2.0 / height + (cosine * cosine * x * inverse * inverse - 2.0 * x / root) * x / height
            turned_size = -cosine * sine * root * inverse * inverse
            slopes[0, 0, m], slopes[0, 1, m] = turned * bragg_by_q[k], turned_size * bragg_by_q[k]
            by_sample, by_slit = (-sign, sign) if second else (1.0, 1.0)
            slopes[1, 0, m], slopes[1, 1, m] = by_sample * moved, by_sample * grown
            slopes[2, 0, m], slopes[2, 1, m] = by_slit * moved, by_slit * grown
        for by in range(3):
            mean, moved = 0.0, 0.0
            for m in range(first[k], first[k + 1]):
                mean += parts[1, m] * slopes[by, 1, m]
                moved += parts[1, m] * (slopes[by, 0, m] + slopes[by, 1, m] * parts[0, m])
            for m in range(first[k], first[k + 1]):
                slopes[by, 0, m] -= moved
                slopes[by, 1, m] = (slopes[by, 1, m] - mean) * parts[1, m]
            centres[by, k] = moved
    return slopes, centres
