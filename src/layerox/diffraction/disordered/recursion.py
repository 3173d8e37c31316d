"""Recursion: the intensity of a disordered stacking along a 00l rod, and its derivatives.

The average over all sequences of galleries obeys x = F + E P x: x is the amplitude of a gallery and all that follow it,
F that of its slab and sodium, E the phase to the next slab, P the transition probabilities. The intensity of one slab
is Re sum g (sum q |F|^2 + 2 sum q F* E (P x)), q being the shares of the variants of a group of galleries.

Peaks may be as sharp as the columns are high, so the intensity is averaged with the window
K(x) = sqrt(2) / (pi w) / (1 + (x / w)^4). The sum is analytic above the real axis of s_z; the average is that of its
values at the two poles of the window, s_z + w exp(i pi / 4) and s_z + w exp(3 i pi / 4), with the amplitudes F at s_z.
One more triangular solve, of the transposed matrix, gives all derivatives.
"""

from __future__ import annotations

import math
from typing import NamedTuple

import numpy as np

from layerox.computing.compiled import compiled
from layerox.typing import ComplexArray, FloatArray, IntArray

METAL, ANION, GALLERY = range(3)
_HALF_ROOT = math.sqrt(0.5)
_SINE = math.sqrt(0.75)
_TWO_PI = 2.0 * math.pi


class StackingTable(NamedTuple):
    """Numbers of a stacking for the recursion.

    Attributes
    ----------
    transition, stationary
        P, shape (r, r), and g, shape (r,), of the groups of galleries.
    flips
        1 if the slab above a group has the opposite sense, else 0, shape (r,).
    spacing
        Slab-to-slab distance of each group, angstrom, shape (r,).
    damping
        1 / (2 pi D) for columns of mean height D, 1/angstrom.
    group, share, shift
        Of each variant, see `chain.Chain`, shape (v,).
    """

    transition: FloatArray
    stationary: FloatArray
    flips: IntArray
    spacing: FloatArray
    damping: float
    group: IntArray
    share: FloatArray
    shift: IntArray


class LayerTable(NamedTuple):
    """Atoms of the slab and of the galleries.

    Attributes
    ----------
    role
        METAL, ANION or GALLERY for each site, shape (s,).
    letter, present
        Letter of each gallery site in each variant in units of the sense, and 1 if it belongs to it, shape (s, v).
    occupancy
        Of each site in its own kind of gallery, shape (s,).
    table, step
        Form factor times displacement factor of each site on a grid of q = 1/d^2, shape (s, m), and its step.
    half
        Height of the anions above the metal, angstrom.
    """

    role: IntArray
    letter: IntArray
    present: IntArray
    occupancy: FloatArray
    table: ComplexArray
    step: float
    half: float


class RodIntensity(NamedTuple):
    """Intensity of one slab at n nodes of a rod, electrons^2, and its derivatives (of length 0 without slopes).

    Attributes
    ----------
    value
        Shape (n,).
    by_transition, by_stationary, by_spacing
        With respect to P, g and the spacings of the groups, shapes (r, r, n), (r, n) and (r, n).
    by_damping, by_half
        Shape (n,).
    by_occupancy, by_u_iso
        With respect to occupancy and mean square displacement of each site, shape (s, n).
    by_q
        With respect to q through the form factors, at a constant s_z, shape (n,).
    """

    value: FloatArray
    by_transition: FloatArray
    by_stationary: FloatArray
    by_spacing: FloatArray
    by_damping: FloatArray
    by_half: FloatArray
    by_occupancy: FloatArray
    by_u_iso: FloatArray
    by_q: FloatArray


@compiled
def _eliminate(matrix: ComplexArray, x: ComplexArray) -> None:
    """Solve matrix x = x in place and leave L and U in `matrix`, the inverse pivots on its diagonal.

    No pivoting: the rows of E P sum to less than 1.
    """
    order = x.size
    for p in range(order):
        pivot = matrix[p, p]
        inverse = pivot.conjugate() / (pivot.real * pivot.real + pivot.imag * pivot.imag)
        matrix[p, p] = inverse
        for row in range(p + 1, order):
            if matrix[row, p] != 0j:
                multiple = matrix[row, p] * inverse
                matrix[row, p] = multiple
                for column in range(p + 1, order):
                    matrix[row, column] -= multiple * matrix[p, column]
                x[row] -= multiple * x[p]
    for p in range(order - 1, -1, -1):
        for column in range(p + 1, order):
            x[p] -= matrix[p, column] * x[column]
        x[p] *= matrix[p, p]


@compiled
def _solve_transposed(matrix: ComplexArray, x: ComplexArray) -> None:
    """Solve the transposed system in place with the L and U of `_eliminate`."""
    order = x.size
    for p in range(order):
        for row in range(p):
            x[p] -= matrix[row, p] * x[row]
        x[p] *= matrix[p, p]
    for p in range(order - 1, -1, -1):
        for row in range(p + 1, order):
            x[p] -= matrix[row, p] * x[row]


@compiled
def _cube_roots(lateral: bool) -> ComplexArray:
    """Return exp(2 pi i n k / 3) for k = 0, 1, 2; all 1 where h - k is a multiple of 3."""
    root = np.ones(3, dtype=np.complex128)
    if lateral:
        root[1], root[2] = complex(-0.5, _SINE), complex(-0.5, -_SINE)
    return root


@compiled
def _set_amplitudes(
    q: float, layers: LayerTable, conjugate: bool, amplitude: ComplexArray, slope: ComplexArray, damped: ComplexArray
) -> tuple[complex, complex]:
    """Interpolate the amplitude of each site, and return those of metal and anions.

    `slope` and `damped` become its derivatives with respect to q and to the mean square displacement.
    """
    at = q / layers.step
    cell = min(int(at), layers.table.shape[1] - 2)
    metal, anion = 0j, 0j
    for j in range(layers.role.size):
        rise = layers.table[j, cell + 1] - layers.table[j, cell]
        value = layers.table[j, cell] + (at - cell) * rise
        amplitude[j] = value.conjugate() if conjugate else value
        slope[j] = (rise.conjugate() if conjugate else rise) / layers.step
        # Of the interpolated value: the table holds the damping at its own points.
        lower, upper = cell * layers.step * layers.table[j, cell], (cell + 1) * layers.step * layers.table[j, cell + 1]
        damping = -2.0 * math.pi * math.pi * (lower + (at - cell) * (upper - lower))
        damped[j] = damping.conjugate() if conjugate else damping
        if layers.role[j] == METAL:
            metal += layers.occupancy[j] * amplitude[j]
        elif layers.role[j] == ANION:
            anion += layers.occupancy[j] * amplitude[j]
    return metal, anion


@compiled
def _sodium(variant: int, sign: int, layers: LayerTable, root: ComplexArray, amplitude: ComplexArray) -> complex:
    """Return the lateral sum over the sites in the gallery of a variant."""
    inside = 0j
    for k in range(layers.role.size):
        if layers.role[k] == GALLERY and layers.present[k, variant]:
            inside += layers.occupancy[k] * amplitude[k] * root[(sign * layers.letter[k, variant]) % 3]
    return inside


class _Workspace(NamedTuple):
    """Arrays of one node. Rows are pairs of a group and a sense, the sense running fastest.

    Attributes
    ----------
    root, phase, move, after
        Cube roots of unity; phase of the next letter for each variant and sense, and its mean for each row; sense of
        the slab above each row.
    amplitude, slope, damped
        Of each site, see `_set_amplitudes`.
    factor, mean, own, square
        F of each variant and sense; its mean, that of F* times the phase, and that of |F|^2, for each row.
    advance, middle
        Phase from slab to slab and to the middle of the gallery, for each group.
    matrix, x, y, adjoint
        1 - E P, its solution, P x, and the solution of the transposed system.
    alpha, beta
        Gradients with respect to `own` conjugated and to `mean`, over both poles.
    by_site
        Gradient with respect to the amplitude of each site.
    """

    root: ComplexArray
    phase: ComplexArray
    move: ComplexArray
    after: IntArray
    amplitude: ComplexArray
    slope: ComplexArray
    damped: ComplexArray
    factor: ComplexArray
    mean: ComplexArray
    own: ComplexArray
    square: FloatArray
    advance: ComplexArray
    middle: ComplexArray
    matrix: ComplexArray
    x: ComplexArray
    y: ComplexArray
    adjoint: ComplexArray
    alpha: ComplexArray
    beta: ComplexArray
    by_site: ComplexArray


@compiled
def _workspace(lateral: bool, stacking: StackingTable, sites: int) -> _Workspace:
    """Return the workspace of a kind of rod, with what is the same at all its nodes."""
    senses, r, v = (2 if lateral else 1), stacking.spacing.size, stacking.group.size
    order = r * senses
    root = _cube_roots(lateral)
    phase = np.zeros((v, senses), dtype=np.complex128)
    move, after = np.zeros(order, dtype=np.complex128), np.zeros(order, dtype=np.int64)
    for row in range(order):
        s = row % senses
        after[row] = (1 - s) if stacking.flips[row // senses] and senses == 2 else s
    for j in range(v):
        for s in range(senses):
            phase[j, s] = root[((1 - 2 * s) * (1 + stacking.shift[j])) % 3]
            move[stacking.group[j] * senses + s] += stacking.share[j] * phase[j, s]
    return _Workspace(
        root,
        phase,
        move,
        after,
        np.zeros(sites, dtype=np.complex128),
        np.zeros(sites, dtype=np.complex128),
        np.zeros(sites, dtype=np.complex128),
        np.zeros((v, senses), dtype=np.complex128),
        np.zeros(order, dtype=np.complex128),
        np.zeros(order, dtype=np.complex128),
        np.zeros(order),
        np.zeros(r, dtype=np.complex128),
        np.zeros(r, dtype=np.complex128),
        np.zeros((order, order), dtype=np.complex128),
        np.zeros(order, dtype=np.complex128),
        np.zeros(order, dtype=np.complex128),
        np.zeros(order, dtype=np.complex128),
        np.zeros(order, dtype=np.complex128),
        np.zeros(order, dtype=np.complex128),
        np.zeros(sites, dtype=np.complex128),
    )


@compiled
def _set_factors(
    metal: complex, anion: complex, up: complex, stacking: StackingTable, layers: LayerTable, work: _Workspace
) -> None:
    """Set F of each variant and sense, and the means over the variants of each group."""
    senses = work.phase.shape[1]
    work.mean[:], work.own[:], work.square[:] = 0j, 0j, 0.0
    for j in range(stacking.group.size):
        a = stacking.group[j]
        for s in range(senses):
            row = a * senses + s
            # Letters of the slab: 0 below, minus the sense for the metal, the sense above.
            value = metal * work.root[2 - s] + anion * (up.conjugate() + work.root[1 + s] * up)
            value += _sodium(j, 1 - 2 * s, layers, work.root, work.amplitude) * work.middle[a]
            work.factor[j, s] = value
            work.mean[row] += stacking.share[j] * value
            work.own[row] += stacking.share[j] * value.conjugate() * work.phase[j, s]
            work.square[row] += stacking.share[j] * (value.real * value.real + value.imag * value.imag)


@compiled
def _solve_chain(place: float, decay: float, stacking: StackingTable, work: _Workspace) -> None:
    """Set E, solve x = F + E P x, and set y = P x, at the complex coordinate place + i decay."""
    order, r, senses = work.x.size, stacking.spacing.size, work.phase.shape[1]
    for a in range(r):
        angle = _TWO_PI * place * stacking.spacing[a]
        size = math.exp(-_TWO_PI * decay * stacking.spacing[a])
        work.advance[a] = complex(size * math.cos(angle), size * math.sin(angle))
    for row in range(order):
        step = work.advance[row // senses] * work.move[row]
        for column in range(order):
            work.matrix[row, column] = 0j
        for b in range(r):
            work.matrix[row, b * senses + work.after[row]] = -step * stacking.transition[row // senses, b]
        work.matrix[row, row] += 1.0
        work.x[row] = work.mean[row]
    _eliminate(work.matrix, work.x)
    for row in range(order):
        work.y[row] = 0j
        for b in range(r):
            work.y[row] += stacking.transition[row // senses, b] * work.x[b * senses + work.after[row]]


@compiled
def _solve_adjoint(stacking: StackingTable, work: _Workspace) -> None:
    """Solve (1 - E P)^T adjoint = gradient of the sum with respect to x."""
    senses = work.phase.shape[1]
    work.adjoint[:] = 0j
    for row in range(work.x.size):
        a = row // senses
        weight = stacking.stationary[a] / senses * work.advance[a] * work.own[row]
        for b in range(stacking.spacing.size):
            work.adjoint[b * senses + work.after[row]] += weight * stacking.transition[a, b]
    _solve_transposed(work.matrix, work.adjoint)


@compiled
def _set_site_gradients(
    anion: complex,
    up: complex,
    s_z: float,
    stacking: StackingTable,
    layers: LayerTable,
    work: _Workspace,
    by_spacing: FloatArray,
) -> float:
    """Set the gradient of each site's amplitude, add that of the sodium's height to the spacings, return by_half."""
    senses = work.phase.shape[1]
    work.by_site[:] = 0j
    by_half = 0.0
    for j in range(stacking.group.size):
        a = stacking.group[j]
        for s in range(senses):
            row, sign = a * senses + s, 1 - 2 * s
            weight = 2.0 * stacking.stationary[a] / senses * work.factor[j, s].conjugate()
            weight += (work.alpha[row] * work.phase[j, s]).conjugate() + work.beta[row]
            weight *= stacking.share[j]
            top = work.root[1 + s] * up
            by_half += (weight * anion * (top - up.conjugate()) * complex(0.0, _TWO_PI * s_z)).real
            inside = _sodium(j, sign, layers, work.root, work.amplitude) * work.middle[a]
            by_spacing[a] += (weight * inside * complex(0.0, math.pi * s_z)).real
            for k in range(layers.role.size):
                if layers.role[k] == METAL:
                    work.by_site[k] += weight * work.root[2 - s]
                elif layers.role[k] == ANION:
                    work.by_site[k] += weight * (up.conjugate() + top)
                elif layers.present[k, j]:
                    work.by_site[k] += weight * work.middle[a] * work.root[(sign * layers.letter[k, j]) % 3]
    return by_half


@compiled
def rod_intensities(
    s_z: FloatArray,
    q: FloatArray,
    width: FloatArray,
    lateral: bool,
    stacking: StackingTable,
    layers: LayerTable,
    conjugate: bool,
    with_slopes: bool,
) -> tuple[FloatArray, FloatArray, FloatArray, FloatArray, FloatArray, FloatArray, FloatArray, FloatArray, FloatArray]:
    """Return the fields of `RodIntensity`: the intensity averaged over both senses and the window.

    Parameters
    ----------
    s_z, q, width
        Coordinate along the rod (1/angstrom), 1/d^2 and width w of the window at each node, shape (n,).
    lateral
        Whether h - k is no multiple of 3, so that letters have phases.
    stacking, layers
        The stacking and its atoms.
    conjugate
        Whether f'' has the opposite sign, which gives the intensity at -s_z.
    with_slopes
        Whether derivatives are computed.
    """
    n, r, sites = s_z.size, stacking.spacing.size, layers.role.size
    slopes = n if with_slopes else 0
    intensity = np.zeros(n)
    by_transition, by_stationary = np.zeros((r, r, slopes)), np.zeros((r, slopes))
    # Nodes first, so that one node's row can be handed on.
    by_spacing = np.zeros((slopes, r))
    by_damping, by_half = np.zeros(slopes), np.zeros(slopes)
    by_occupancy, by_u_iso, by_q = np.zeros((sites, slopes)), np.zeros((sites, slopes)), np.zeros(slopes)
    work = _workspace(lateral, stacking, sites)
    senses, order = work.phase.shape[1], work.x.size
    for i in range(n):
        metal, anion = _set_amplitudes(q[i], layers, conjugate, work.amplitude, work.slope, work.damped)
        angle = _TWO_PI * s_z[i] * layers.half
        up = complex(math.cos(angle), math.sin(angle))
        for a in range(r):
            angle = math.pi * s_z[i] * stacking.spacing[a]
            work.middle[a] = complex(math.cos(angle), math.sin(angle))
        _set_factors(metal, anion, up, stacking, layers, work)
        total = 0.0
        for row in range(order):
            own = work.square[row] / senses
            total += stacking.stationary[row // senses] * own
            if with_slopes:
                by_stationary[row // senses, i] += own
        work.alpha[:], work.beta[:] = 0j, 0j
        shift = width[i] * _HALF_ROOT
        decay = shift + stacking.damping
        for pole in range(2):
            kappa = complex(0.5, -0.5) if pole == 0 else complex(0.5, 0.5)
            place = s_z[i] + shift if pole == 0 else s_z[i] - shift
            _solve_chain(place, decay, stacking, work)
            for row in range(order):
                a = row // senses
                own = (2.0 * kappa * work.advance[a] * work.own[row] * work.y[row]).real / senses
                total += stacking.stationary[a] * own
                if with_slopes:
                    by_stationary[a, i] += own
            if not with_slopes:
                continue
            _solve_adjoint(stacking, work)
            for row in range(order):
                a = row // senses
                g, through = stacking.stationary[a] / senses, 2.0 * kappa * work.advance[a]
                chained = through * (g * work.own[row] + work.adjoint[row] * work.move[row])
                for b in range(r):
                    by_transition[a, b, i] += (chained * work.x[b * senses + work.after[row]]).real
                moved = chained * work.y[row]
                by_spacing[i, a] += (moved * complex(-_TWO_PI * decay, _TWO_PI * place)).real
                by_damping[i] -= _TWO_PI * stacking.spacing[a] * moved.real
                work.alpha[row] += through * g * work.y[row]
                work.beta[row] += 2.0 * kappa * work.adjoint[row]
        intensity[i] = total
        if not with_slopes:
            continue
        by_half[i] = _set_site_gradients(anion, up, s_z[i], stacking, layers, work, by_spacing[i])
        for k in range(sites):
            by_occupancy[k, i] = (work.by_site[k] * work.amplitude[k]).real
            by_u_iso[k, i] = (work.by_site[k] * layers.occupancy[k] * work.damped[k]).real
            by_q[i] += (work.by_site[k] * layers.occupancy[k] * work.slope[k]).real
    return (
        intensity, by_transition, by_stationary, np.ascontiguousarray(by_spacing.T), by_damping, by_half, by_occupancy,
        by_u_iso, by_q,
    )  # fmt: skip
