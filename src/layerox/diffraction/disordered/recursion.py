"""Recursion: the intensity of a disordered stacking along a 00l rod, and its derivatives.

The average over all sequences of galleries obeys x = F + E P x: x is the amplitude of a gallery and all that follow it,
F that of its slab and sodium, E the phase to the next slab, P the transition probabilities. The intensity of one slab
is Re sum g (sum q |F|^2 + 2 sum q F* E (P x)), q being the shares of the variants of a group of galleries.

Peaks may be as sharp as the columns are high, so the intensity is averaged with the window
K(x) = sqrt(2) / (pi w) / (1 + (x / w)^4). The sum is analytic above the real axis of s_z; the average is that of its
values at the two poles of the window, s_z + w exp(i pi / 4) and s_z + w exp(3 i pi / 4), with the amplitudes F at s_z.
One more triangular solve, of the transposed matrix, gives all derivatives. Nodes are computed in blocks: the last axis
of every array of a block is that of its nodes, so that the innermost loops are long and simple.
"""

from __future__ import annotations

import math

import numpy as np

from layerox.computing.compiled import compiled
from layerox.diffraction.disordered.recursion_tables import LayerTable, NodeBlock, StackingTable
from layerox.typing import ComplexArray, FloatArray

METAL, ANION, GALLERY = range(3)
_HALF_ROOT = math.sqrt(0.5)
_SINE = math.sqrt(0.75)
_TWO_PI = 2.0 * math.pi
# Nodes of a block; angle up to which sine and cosine are sums of few terms.
BLOCK, SMALL_ANGLE = 32, 0.5


@compiled
def _new_block(lateral: bool, stacking: StackingTable, sites: int) -> NodeBlock:
    """Return a block for a kind of rod, with what is the same at all its nodes."""
    senses, r, v = (2 if lateral else 1), stacking.spacing.size, stacking.group.size
    order = r * senses
    root = np.ones(3, dtype=np.complex128)
    if lateral:
        root[1], root[2] = complex(-0.5, _SINE), complex(-0.5, -_SINE)
    phase = np.zeros((v, senses), dtype=np.complex128)
    move, after = np.zeros(order, dtype=np.complex128), np.zeros(order, dtype=np.int64)
    for row in range(order):
        s = row % senses
        after[row] = (1 - s) if stacking.flips[row // senses] and senses == 2 else s
    for j in range(v):
        for s in range(senses):
            phase[j, s] = root[((1 - 2 * s) * (1 + stacking.shift[j])) % 3]
            move[stacking.group[j] * senses + s] += stacking.share[j] * phase[j, s]
    return NodeBlock(
        root, phase, move, after,
        np.zeros((sites, BLOCK), np.complex128), np.zeros((sites, BLOCK), np.complex128),
        np.zeros((sites, BLOCK), np.complex128),
        np.zeros(BLOCK, np.complex128), np.zeros(BLOCK, np.complex128), np.zeros(BLOCK, np.complex128),
        np.zeros((v, senses, BLOCK), np.complex128), np.zeros((order, BLOCK), np.complex128),
        np.zeros((order, BLOCK), np.complex128), np.zeros((order, BLOCK)),
        np.zeros((r, BLOCK), np.complex128), np.zeros((r, BLOCK), np.complex128),
        np.zeros((r, BLOCK), np.complex128), np.zeros((order, order, BLOCK), np.complex128),
        np.zeros((order, BLOCK), np.complex128), np.zeros((order, BLOCK), np.complex128),
        np.zeros((order, BLOCK), np.complex128), np.zeros((order, BLOCK), np.complex128),
        np.zeros((order, BLOCK), np.complex128), np.zeros((sites, BLOCK), np.complex128),
    )  # fmt: skip


@compiled
def _set_amplitudes(q: FloatArray, layers: LayerTable, conjugate: bool, with_slopes: bool, block: NodeBlock) -> None:
    """Interpolate the amplitude of each site, with its derivatives, and sum those of metal and anions."""
    n, step = q.size, layers.step
    block.metal[:], block.anion[:] = 0j, 0j
    for j in range(layers.role.size):
        for i in range(n):
            at = q[i] / step
            cell = min(int(at), layers.table.shape[1] - 2)
            low, high = layers.table[j, cell], layers.table[j, cell + 1]
            if conjugate:
                low, high = low.conjugate(), high.conjugate()
            block.amplitude[j, i] = low + (at - cell) * (high - low)
            if with_slopes:
                block.slope[j, i] = (high - low) / step
                # Of the interpolated value: the table is damped at its own points.
                low, high = cell * step * low, (cell + 1) * step * high
                block.damped[j, i] = -0.5 * _TWO_PI * _TWO_PI * (low + (at - cell) * (high - low))
        position = block.metal if layers.role[j] == METAL else block.anion
        if layers.role[j] != GALLERY:
            for i in range(n):
                position[i] += layers.occupancy[j] * block.amplitude[j, i]


@compiled
def _set_phases(s_z: FloatArray, width: FloatArray, half: float, stacking: StackingTable, block: NodeBlock) -> None:
    """Set the phases along the rod, and the effect of window and column height from slab to slab."""
    n = s_z.size
    for i in range(n):
        angle = _TWO_PI * s_z[i] * half
        block.up[i] = complex(math.cos(angle), math.sin(angle))
    for a in range(stacking.spacing.size):
        column = math.exp(-_TWO_PI * stacking.damping * stacking.spacing[a])
        scale = _TWO_PI * _HALF_ROOT * stacking.spacing[a]
        for i in range(n):
            angle = math.pi * s_z[i] * stacking.spacing[a]
            block.middle[a, i] = complex(math.cos(angle), math.sin(angle))
            x = scale * width[i]
            size = column * math.exp(-x)
            if x < SMALL_ANGLE:
                y = x * x
                sine = x * (1.0 - y / 6.0 * (1.0 - y / 20.0 * (1.0 - y / 42.0 * (1.0 - y / 72.0))))
                cosine = 1.0 - y / 2.0 * (1.0 - y / 12.0 * (1.0 - y / 30.0 * (1.0 - y / 56.0 * (1.0 - y / 90.0))))
            else:
                sine, cosine = math.sin(x), math.cos(x)
            block.window[a, i] = complex(size * cosine, size * sine)


@compiled
def _add_sodium(
    n: int, variant: int, sense: int, layers: LayerTable, middle: ComplexArray, block: NodeBlock, out: ComplexArray
) -> None:
    """Add the amplitude of the sites in the gallery of a variant, above a slab of a sense."""
    for k in range(layers.role.size):
        if layers.role[k] == GALLERY and layers.present[k, variant]:
            factor = layers.occupancy[k] * block.root[((1 - 2 * sense) * layers.letter[k, variant]) % 3]
            for i in range(n):
                out[i] += factor * block.amplitude[k, i] * middle[i]


@compiled
def _set_factors(n: int, stacking: StackingTable, layers: LayerTable, block: NodeBlock) -> None:
    """Set F of each variant and sense, and the means over the variants of each group."""
    senses = block.phase.shape[1]
    block.mean[:], block.own[:], block.square[:] = 0j, 0j, 0.0
    for j in range(stacking.group.size):
        a, share = stacking.group[j], stacking.share[j]
        for s in range(senses):
            row, factor, next_letter = a * senses + s, block.factor[j, s], block.phase[j, s]
            # Letters of the slab: 0 below, minus the sense for the metal, the sense above.
            of_metal, of_upper = block.root[2 - s], block.root[1 + s]
            for i in range(n):
                anions = block.up[i].conjugate() + of_upper * block.up[i]
                factor[i] = block.metal[i] * of_metal + block.anion[i] * anions
            _add_sodium(n, j, s, layers, block.middle[a], block, factor)
            mean, own, square = block.mean[row], block.own[row], block.square[row]
            for i in range(n):
                value = factor[i]
                mean[i] += share * value
                own[i] += share * next_letter * value.conjugate()
                square[i] += share * (value.real * value.real + value.imag * value.imag)


@compiled
def _eliminate(n: int, matrix: ComplexArray, x: ComplexArray) -> None:
    """Solve matrix x = x in place and leave L and U in `matrix`, the inverse pivots on its diagonal.

    No pivoting: the rows of E P sum to less than 1.
    """
    order = x.shape[0]
    for p in range(order):
        for i in range(n):
            pivot = matrix[p, p, i]
            matrix[p, p, i] = pivot.conjugate() / (pivot.real * pivot.real + pivot.imag * pivot.imag)
        for row in range(p + 1, order):
            for i in range(n):
                matrix[row, p, i] *= matrix[p, p, i]
            for column in range(p + 1, order):
                for i in range(n):
                    matrix[row, column, i] -= matrix[row, p, i] * matrix[p, column, i]
            for i in range(n):
                x[row, i] -= matrix[row, p, i] * x[p, i]
    for p in range(order - 1, -1, -1):
        for column in range(p + 1, order):
            for i in range(n):
                x[p, i] -= matrix[p, column, i] * x[column, i]
        for i in range(n):
            x[p, i] *= matrix[p, p, i]


@compiled
def _solve_transposed(n: int, matrix: ComplexArray, x: ComplexArray) -> None:
    """Solve the transposed system in place with the L and U of `_eliminate`."""
    order = x.shape[0]
    for p in range(order):
        for row in range(p):
            for i in range(n):
                x[p, i] -= matrix[row, p, i] * x[row, i]
        for i in range(n):
            x[p, i] *= matrix[p, p, i]
    for p in range(order - 1, -1, -1):
        for row in range(p + 1, order):
            for i in range(n):
                x[p, i] -= matrix[row, p, i] * x[row, i]


@compiled
def _solve_chain(n: int, pole: int, stacking: StackingTable, block: NodeBlock) -> None:
    """Set E at a pole, solve x = F + E P x, and set y = P x."""
    order, r, senses = block.x.shape[0], stacking.spacing.size, block.phase.shape[1]
    for a in range(r):
        for i in range(n):
            window = block.window[a, i] if pole == 0 else block.window[a, i].conjugate()
            block.advance[a, i] = block.middle[a, i] * block.middle[a, i] * window
    block.matrix[:] = 0j
    for row in range(order):
        a = row // senses
        for b in range(r):
            factor = -block.move[row] * stacking.transition[a, b]
            element = block.matrix[row, b * senses + block.after[row]]
            for i in range(n):
                element[i] = factor * block.advance[a, i]
        for i in range(n):
            block.matrix[row, row, i] += 1.0
            block.x[row, i] = block.mean[row, i]
    _eliminate(n, block.matrix, block.x)
    block.y[:] = 0j
    for row in range(order):
        for b in range(r):
            factor, above = stacking.transition[row // senses, b], block.x[b * senses + block.after[row]]
            for i in range(n):
                block.y[row, i] += factor * above[i]


@compiled
def _solve_adjoint(n: int, stacking: StackingTable, block: NodeBlock) -> None:
    """Solve (1 - E P)^T adjoint = gradient of the sum with respect to x."""
    senses = block.phase.shape[1]
    block.adjoint[:] = 0j
    for row in range(block.x.shape[0]):
        a = row // senses
        for b in range(stacking.spacing.size):
            factor = stacking.stationary[a] / senses * stacking.transition[a, b]
            out = block.adjoint[b * senses + block.after[row]]
            for i in range(n):
                out[i] += factor * block.advance[a, i] * block.own[row, i]
    _solve_transposed(n, block.matrix, block.adjoint)


@compiled
def _add_chain_gradients(
    pole: int,
    s_z: FloatArray,
    width: FloatArray,
    stacking: StackingTable,
    block: NodeBlock,
    by_transition: FloatArray,
    by_spacing: FloatArray,
    by_damping: FloatArray,
) -> None:
    """Add the derivatives at a pole with respect to P, spacings and damping, and set those for the amplitudes."""
    n, senses = s_z.size, block.phase.shape[1]
    kappa = complex(0.5, -0.5) if pole == 0 else complex(0.5, 0.5)
    side = 1.0 if pole == 0 else -1.0
    for row in range(block.x.shape[0]):
        a = row // senses
        g, move, spacing = stacking.stationary[a] / senses, block.move[row], stacking.spacing[a]
        for b in range(stacking.spacing.size):
            above, out = block.x[b * senses + block.after[row]], by_transition[a, b]
            for i in range(n):
                weight = g * block.own[row, i] + move * block.adjoint[row, i]
                out[i] += (2.0 * kappa * block.advance[a, i] * weight * above[i]).real
        for i in range(n):
            weight = g * block.own[row, i] + move * block.adjoint[row, i]
            through = 2.0 * kappa * block.advance[a, i]
            moved = through * weight * block.y[row, i]
            shift = width[i] * _HALF_ROOT
            turn = complex(-_TWO_PI * (shift + stacking.damping), _TWO_PI * (s_z[i] + side * shift))
            by_spacing[a, i] += (moved * turn).real
            by_damping[i] -= _TWO_PI * spacing * moved.real
            block.alpha[row, i] += g * through * block.y[row, i]
            block.beta[row, i] += 2.0 * kappa * block.adjoint[row, i]


@compiled
def _add_atom_gradients(
    s_z: FloatArray,
    stacking: StackingTable,
    layers: LayerTable,
    block: NodeBlock,
    by_spacing: FloatArray,
    by_half: FloatArray,
) -> None:
    """Set the gradient of each site's amplitude, and add those of the heights of anions and sodium."""
    n, senses = s_z.size, block.phase.shape[1]
    weight, inside = np.zeros(n, dtype=np.complex128), np.zeros(n, dtype=np.complex128)
    block.by_site[:] = 0j
    for j in range(stacking.group.size):
        a, share, g = stacking.group[j], stacking.share[j], stacking.stationary[stacking.group[j]] / senses
        for s in range(senses):
            row, of_upper, next_letter = a * senses + s, block.root[1 + s], block.phase[j, s]
            inside[:] = 0j
            _add_sodium(n, j, s, layers, block.middle[a], block, inside)
            for i in range(n):
                value = 2.0 * g * block.factor[j, s, i].conjugate()
                value += (block.alpha[row, i] * next_letter).conjugate() + block.beta[row, i]
                weight[i] = share * value
                top, bottom = of_upper * block.up[i], block.up[i].conjugate()
                raised = weight[i] * block.anion[i] * (top - bottom)
                by_half[i] -= _TWO_PI * s_z[i] * raised.imag
                by_spacing[a, i] -= math.pi * s_z[i] * (weight[i] * inside[i]).imag
            for k in range(layers.role.size):
                out = block.by_site[k]
                if layers.role[k] == METAL:
                    for i in range(n):
                        out[i] += weight[i] * block.root[2 - s]
                elif layers.role[k] == ANION:
                    for i in range(n):
                        out[i] += weight[i] * (block.up[i].conjugate() + of_upper * block.up[i])
                elif layers.present[k, j]:
                    letter = block.root[((1 - 2 * s) * layers.letter[k, j]) % 3]
                    for i in range(n):
                        out[i] += weight[i] * block.middle[a, i] * letter


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
    r, sites = stacking.spacing.size, layers.role.size
    slopes = s_z.size if with_slopes else 0
    intensity = np.zeros(s_z.size)
    by_transition, by_stationary = np.zeros((r, r, slopes)), np.zeros((r, slopes))
    by_spacing, by_damping, by_half = np.zeros((r, slopes)), np.zeros(slopes), np.zeros(slopes)
    by_occupancy, by_u_iso, by_q = np.zeros((sites, slopes)), np.zeros((sites, slopes)), np.zeros(slopes)
    block = _new_block(lateral, stacking, sites)
    senses, order = block.phase.shape[1], block.x.shape[0]
    own = np.zeros((r, BLOCK))
    for start in range(0, s_z.size, BLOCK):
        part = slice(start, min(start + BLOCK, s_z.size))
        n = part.stop - part.start
        _set_amplitudes(q[part], layers, conjugate, with_slopes, block)
        _set_phases(s_z[part], width[part], layers.half, stacking, block)
        _set_factors(n, stacking, layers, block)
        own[:], block.alpha[:], block.beta[:] = 0.0, 0j, 0j
        for row in range(order):
            for i in range(n):
                own[row // senses, i] += block.square[row, i] / senses
        for pole in range(2):
            kappa = complex(1.0, -1.0) if pole == 0 else complex(1.0, 1.0)
            _solve_chain(n, pole, stacking, block)
            for row in range(order):
                a = row // senses
                for i in range(n):
                    own[a, i] += (kappa * block.advance[a, i] * block.own[row, i] * block.y[row, i]).real / senses
            if with_slopes:
                _solve_adjoint(n, stacking, block)
                chain = by_transition[:, :, part], by_spacing[:, part], by_damping[part]
                _add_chain_gradients(pole, s_z[part], width[part], stacking, block, *chain)
        for a in range(r):
            for i in range(n):
                intensity[start + i] += stacking.stationary[a] * own[a, i]
        if with_slopes:
            by_stationary[:, part] = own[:, :n]
            _add_atom_gradients(s_z[part], stacking, layers, block, by_spacing[:, part], by_half[part])
            for k in range(sites):
                occupancy = layers.occupancy[k]
                for i in range(n):
                    gradient = block.by_site[k, i]
                    by_occupancy[k, start + i] = (gradient * block.amplitude[k, i]).real
                    by_u_iso[k, start + i] = occupancy * (gradient * block.damped[k, i]).real
                    by_q[start + i] += occupancy * (gradient * block.slope[k, i]).real
    return intensity, by_transition, by_stationary, by_spacing, by_damping, by_half, by_occupancy, by_u_iso, by_q
