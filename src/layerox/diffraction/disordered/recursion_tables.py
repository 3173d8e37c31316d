"""Recursion tables: what the recursion along a rod takes and returns, as named tuples that compiled loops can read."""

from __future__ import annotations

from typing import NamedTuple

from layerox.typing import ComplexArray, FloatArray, IntArray


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


class NodeBlock(NamedTuple):
    """Arrays of a block of nodes; the last axis is that of the nodes.

    Rows are pairs of a group and a sense, the sense running fastest.

    Attributes
    ----------
    root
        Cube roots of unity, or ones, shape (3,).
    phase, move, after
        Phase of the letter of the next slab, for each variant and sense, shape (v, 2); its mean for each row, and the
        sense of the slab above, shape (rows,).
    amplitude, slope, damped
        f D of each site, and its derivatives with respect to q and to the mean square displacement.
    metal, anion, up
        Amplitudes of the positions of metal and anions, and the phase of the upper anion.
    factor, mean, own, square
        F of each variant and sense; its mean, that of F* times the phase, and that of |F|^2, for each row.
    middle, window, advance
        Phase to the middle of the gallery, effect of window and columns at the first pole, and E at the present one.
    matrix, x, y, adjoint
        1 - E P and then its factors, its solution, P x, and the solution of the transposed system.
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
    metal: ComplexArray
    anion: ComplexArray
    up: ComplexArray
    factor: ComplexArray
    mean: ComplexArray
    own: ComplexArray
    square: FloatArray
    middle: ComplexArray
    window: ComplexArray
    advance: ComplexArray
    matrix: ComplexArray
    x: ComplexArray
    y: ComplexArray
    adjoint: ComplexArray
    alpha: ComplexArray
    beta: ComplexArray
    by_site: ComplexArray
