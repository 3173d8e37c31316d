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
from layerox.diffraction.disordered.recursion_tables import LayerTable, NodeBlock, RodIntensity, StackingTable
from layerox.diffraction.disordered.rod_phases import rod_phases
from layerox.typing import ComplexArray, FloatArray

METAL, ANION, GALLERY = range(3)
_HALF_ROOT = math.sqrt(0.5)
_SINE = math.sqrt(0.75)
_TWO_PI = 2.0 * math.pi
# Nodes of a block: so many that the start of a loop takes little of its time.
BLOCK = 256


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
    step = layers.step
    block.metal[:], block.anion[:] = 0j, 0j
    for j in range(layers.role.size):
        for i in range(BLOCK):
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
            for i in range(BLOCK):
                position[i] += layers.occupancy[j] * block.amplitude[j, i]


@compiled
def _add_sodium(
    variant: int, sense: int, layers: LayerTable, middle: ComplexArray, block: NodeBlock, out: ComplexArray
) -> None:
    """Add the amplitude of the sites in the gallery of a variant, above a slab of a sense."""
    for k in range(layers.role.size):
        if layers.role[k] == GALLERY and layers.present[k, variant]:
            factor = layers.occupancy[k] * block.root[((1 - 2 * sense) * layers.letter[k, variant]) % 3]
            for i in range(BLOCK):
                out[i] += factor * block.amplitude[k, i] * middle[i]


@compiled
def _set_factors(stacking: StackingTable, layers: LayerTable, block: NodeBlock) -> None:
    """Set F of each variant and sense, and the means over the variants of each group."""
    senses = block.phase.shape[1]
    block.mean[:], block.own[:], block.square[:] = 0j, 0j, 0.0
    for j in range(stacking.group.size):
        a, share = stacking.group[j], stacking.share[j]
        for s in range(senses):
            row, factor, next_letter = a * senses + s, block.factor[j, s], block.phase[j, s]
            # Letters of the slab: 0 below, minus the sense for the metal, the sense above.
            of_metal, of_upper = block.root[2 - s], block.root[1 + s]
            for i in range(BLOCK):
                anions = block.up[i].conjugate() + of_upper * block.up[i]
                factor[i] = block.metal[i] * of_metal + block.anion[i] * anions
            _add_sodium(j, s, layers, block.middle[a], block, factor)
            mean, own, square = block.mean[row], block.own[row], block.square[row]
            for i in range(BLOCK):
                value = factor[i]
                mean[i] += share * value
                own[i] += share * next_letter * value.conjugate()
                square[i] += share * (value.real * value.real + value.imag * value.imag)


@compiled
def _eliminate(matrix: ComplexArray, x: ComplexArray) -> None:
    """Solve matrix x = x in place and leave L and U in `matrix`, the inverse pivots on its diagonal.

    No pivoting: the rows of E P sum to less than 1.
    """
    order = x.shape[0]
    for p in range(order):
        pivot = matrix[p, p]
        for i in range(BLOCK):
            pivot[i] = pivot[i].conjugate() / (pivot[i].real * pivot[i].real + pivot[i].imag * pivot[i].imag)
        for row in range(p + 1, order):
            factor = matrix[row, p]
            for i in range(BLOCK):
                factor[i] *= pivot[i]
            for column in range(p + 1, order):
                _subtract(factor, matrix[p, column], matrix[row, column])
            _subtract(factor, x[p], x[row])
    for p in range(order - 1, -1, -1):
        for column in range(p + 1, order):
            _subtract(matrix[p, column], x[column], x[p])
        _multiply(matrix[p, p], x[p])


@compiled
def _subtract(factor: ComplexArray, values: ComplexArray, out: ComplexArray) -> None:
    """Subtract a factor times values from `out`, at each node of a block."""
    for i in range(BLOCK):
        out[i] -= factor[i] * values[i]


@compiled
def _multiply(factor: ComplexArray, out: ComplexArray) -> None:
    """Multiply `out` by a factor, at each node of a block."""
    for i in range(BLOCK):
        out[i] *= factor[i]


@compiled
def _solve_transposed(matrix: ComplexArray, x: ComplexArray) -> None:
    """Solve the transposed system in place with the L and U of `_eliminate`."""
    order = x.shape[0]
    for p in range(order):
        for row in range(p):
            _subtract(matrix[row, p], x[row], x[p])
        _multiply(matrix[p, p], x[p])
    for p in range(order - 1, -1, -1):
        for row in range(p + 1, order):
            _subtract(matrix[row, p], x[row], x[p])


@compiled
def _solve_chain(pole: int, stacking: StackingTable, block: NodeBlock) -> None:
    """Set E at a pole, solve x = F + E P x, and set y = P x."""
    order, r, senses = block.x.shape[0], stacking.spacing.size, block.phase.shape[1]
    for a in range(r):
        for i in range(BLOCK):
            window = block.window[a, i] if pole == 0 else block.window[a, i].conjugate()
            block.advance[a, i] = block.middle[a, i] * block.middle[a, i] * window
    block.matrix[:] = 0j
    for row in range(order):
        a = row // senses
        for b in range(r):
            factor = -block.move[row] * stacking.transition[a, b]
            element = block.matrix[row, b * senses + block.after[row]]
            for i in range(BLOCK):
                element[i] = factor * block.advance[a, i]
        for i in range(BLOCK):
            block.matrix[row, row, i] += 1.0
            block.x[row, i] = block.mean[row, i]
    _eliminate(block.matrix, block.x)
    block.y[:] = 0j
    for row in range(order):
        for b in range(r):
            factor, above = stacking.transition[row // senses, b], block.x[b * senses + block.after[row]]
            for i in range(BLOCK):
                block.y[row, i] += factor * above[i]


@compiled
def _add_slabs(block: NodeBlock, own: FloatArray) -> None:
    """Add the part of single slabs to the intensity of each group, the mean over the senses."""
    senses = block.phase.shape[1]
    for row in range(block.x.shape[0]):
        out, square, share = own[row // senses], block.square[row], 1.0 / senses
        for i in range(BLOCK):
            out[i] += share * square[i]


@compiled
def _add_chain(pole: int, block: NodeBlock, own: FloatArray) -> None:
    """Add what follows a slab, at one pole, to the intensity of each group."""
    senses = block.phase.shape[1]
    side, share = (-1.0 if pole == 0 else 1.0), 1.0 / senses
    for row in range(block.x.shape[0]):
        a = row // senses
        out, advance, conjugated, above = own[a], block.advance[a], block.own[row], block.y[row]
        for i in range(BLOCK):
            product = advance[i] * conjugated[i] * above[i]
            # The real part of (1 - i) or (1 + i) times it.
            out[i] += share * (product.real - side * product.imag)


@compiled
def _solve_adjoint(stacking: StackingTable, block: NodeBlock) -> None:
    """Solve (1 - E P)^T adjoint = gradient of the sum with respect to x."""
    senses = block.phase.shape[1]
    block.adjoint[:] = 0j
    for row in range(block.x.shape[0]):
        a = row // senses
        for b in range(stacking.spacing.size):
            factor = stacking.stationary[a] / senses * stacking.transition[a, b]
            out = block.adjoint[b * senses + block.after[row]]
            for i in range(BLOCK):
                out[i] += factor * block.advance[a, i] * block.own[row, i]
    _solve_transposed(block.matrix, block.adjoint)


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
    senses = block.phase.shape[1]
    kappa = complex(0.5, -0.5) if pole == 0 else complex(0.5, 0.5)
    side = 1.0 if pole == 0 else -1.0
    for row in range(block.x.shape[0]):
        a = row // senses
        g, move, spacing = stacking.stationary[a] / senses, block.move[row], stacking.spacing[a]
        for b in range(stacking.spacing.size):
            above, out = block.x[b * senses + block.after[row]], by_transition[a, b]
            for i in range(BLOCK):
                weight = g * block.own[row, i] + move * block.adjoint[row, i]
                out[i] += (2.0 * kappa * block.advance[a, i] * weight * above[i]).real
        for i in range(BLOCK):
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
    senses = block.phase.shape[1]
    weight, inside = np.zeros(BLOCK, dtype=np.complex128), np.zeros(BLOCK, dtype=np.complex128)
    block.by_site[:] = 0j
    for j in range(stacking.group.size):
        a, share, g = stacking.group[j], stacking.share[j], stacking.stationary[stacking.group[j]] / senses
        for s in range(senses):
            row, of_upper, next_letter = a * senses + s, block.root[1 + s], block.phase[j, s]
            inside[:] = 0j
            _add_sodium(j, s, layers, block.middle[a], block, inside)
            for i in range(BLOCK):
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
                    for i in range(BLOCK):
                        out[i] += weight[i] * block.root[2 - s]
                elif layers.role[k] == ANION:
                    for i in range(BLOCK):
                        out[i] += weight[i] * (block.up[i].conjugate() + of_upper * block.up[i])
                elif layers.present[k, j]:
                    letter = block.root[((1 - 2 * s) * layers.letter[k, j]) % 3]
                    for i in range(BLOCK):
                        out[i] += weight[i] * block.middle[a, i] * letter


def rod_intensities(
    s_z: FloatArray,
    q: FloatArray,
    width: FloatArray,
    lateral: bool,
    stacking: StackingTable,
    layers: LayerTable,
    conjugate: bool,
    with_slopes: bool,
) -> RodIntensity:
    """Return the intensity averaged over both senses and the window, with its derivatives.

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
    phases = rod_phases(s_z, width, layers.half, stacking.spacing, stacking.damping)
    return RodIntensity(*_over_blocks(s_z, q, width, phases, lateral, stacking, layers, conjugate, with_slopes))


@compiled
def _over_blocks(
    s_z: FloatArray, q: FloatArray, width: FloatArray, phases: tuple[ComplexArray, ComplexArray, ComplexArray],
    lateral: bool, stacking: StackingTable, layers: LayerTable, conjugate: bool, with_slopes: bool,
) -> tuple[
    FloatArray, FloatArray, FloatArray, FloatArray, FloatArray, FloatArray, FloatArray, FloatArray, FloatArray
]:  # fmt: skip
    """Return the fields of `RodIntensity`; `phases` are those of `rod_phases`, the rest is as in `rod_intensities`."""
    r, sites, size = stacking.spacing.size, layers.role.size, s_z.size
    padded = (size + BLOCK - 1) // BLOCK * BLOCK
    slopes = padded if with_slopes else 0
    intensity, by_transition, by_stationary = np.zeros(padded), np.zeros((r, r, slopes)), np.zeros((r, slopes))
    by_spacing, by_damping, by_half = np.zeros((r, slopes)), np.zeros(slopes), np.zeros(slopes)
    by_occupancy, by_u_iso, by_q = np.zeros((sites, slopes)), np.zeros((sites, slopes)), np.zeros(slopes)
    block, own, places = _new_block(lateral, stacking, sites), np.zeros((r, BLOCK)), np.zeros((3, BLOCK))
    rows = np.zeros((r, r, BLOCK)), np.zeros((r, BLOCK)), np.zeros((2, BLOCK))
    for start in range(0, padded, BLOCK):
        for i in range(BLOCK):
            # The last block is filled up with its last node: loops of a fixed length are faster.
            at = min(start + i, size - 1)
            places[0, i], places[1, i], places[2, i], block.up[i] = s_z[at], q[at], width[at], phases[0][at]
            for a in range(r):
                block.middle[a, i], block.window[a, i] = phases[1][a, at], phases[2][a, at]
        _set_amplitudes(places[1], layers, conjugate, with_slopes, block)
        _set_factors(stacking, layers, block)
        own[:], block.alpha[:], block.beta[:] = 0.0, 0j, 0j
        rows[0][:], rows[1][:], rows[2][:] = 0.0, 0.0, 0.0
        _add_slabs(block, own)
        for pole in range(2):
            _solve_chain(pole, stacking, block)
            _add_chain(pole, block, own)
            if with_slopes:
                _solve_adjoint(stacking, block)
                _add_chain_gradients(pole, places[0], places[2], stacking, block, rows[0], rows[1], rows[2][0])
        for a in range(r):
            for i in range(BLOCK):
                intensity[start + i] += stacking.stationary[a] * own[a, i]
        if with_slopes:
            _add_atom_gradients(places[0], stacking, layers, block, rows[1], rows[2][1])
            part = slice(start, start + BLOCK)
            by_stationary[:, part], by_transition[:, :, part], by_spacing[:, part] = own, rows[0], rows[1]
            by_damping[part], by_half[part] = rows[2][0], rows[2][1]
            for k in range(sites):
                occupancy = layers.occupancy[k]
                for i in range(BLOCK):
                    gradient = block.by_site[k, i]
                    by_occupancy[k, start + i] = (gradient * block.amplitude[k, i]).real
                    by_u_iso[k, start + i] = occupancy * (gradient * block.damped[k, i]).real
                    by_q[start + i] += occupancy * (gradient * block.slope[k, i]).real
    part = slice(0, size if with_slopes else 0)
    return (
        intensity[:size], by_transition[:, :, part], by_stationary[:, part], by_spacing[:, part], by_damping[part],
        by_half[part], by_occupancy[:, part], by_u_iso[:, part], by_q[part],
    )  # fmt: skip
