"""Layer mesh: in-plane mesh and repeat of the layers of a crystal, comparable between stackings.

A layered oxide is described by the mesh of one TMO2 sheet (two edges, close to hexagonal) and the upright vector from
slab to slab; both are fixed combinations of the cell's edges, whatever the polytype and its setting. What a glide moves
(thirds of the mesh) is taken out of the upright vector, so that only what is strained is left in it.
"""

from __future__ import annotations

import itertools
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import TYPE_CHECKING

import numpy as np

from layerox.crystal.asymmetric_unit import Crystal
from layerox.crystal.atoms import atoms_from_crystal
from layerox.stacking import sense_family
from layerox.symmetry import Symmetry, metric_tensor, wrapped
from layerox.typing import FloatArray, IntArray

if TYPE_CHECKING:
    from layerox.validation.classified_sites import ClassifiedSites
    from layerox.validation.layers import Layers

# Lattice vectors are looked for within so many cells; a mesh may be stretched and sheared by so much.
REACH, STRETCH = 2, 0.25
SAME = 1e-6
# Changes of free lengths and angles that leave equal only what symmetry makes equal.
DISTURBED = (1.031, 0.983, 1.013, 1.007, 0.991, 1.019)


@dataclass(frozen=True, kw_only=True, eq=False)
class Layering:
    """The layers of a crystal.

    Attributes
    ----------
    name
        "P2", "O'3", ...; "Z", "intergrowth" or "no regular stacking".
    family
        The family that gliding cannot change, see `layerox.stacking.sense_family`; None without a regular stacking.
    basis
        Two edges of the mesh of one TMO2 and the upright vector from slab to slab, as columns, in terms of the cell's
        edges, shape (3, 3). The first edge is a for hexagonal layers, else the one that its symmetry singles out (b
        of O'3 and P'3, a of P'2); the second 120 degrees from it.
    units
        TMO2 in the cell.
    slab_share
        Mean thickness of a slab (anion plane to anion plane) over the distance of slabs.
    slopes
        Derivatives of `slab_share` with respect to the coordinates of each site, shape (sites, 3).
    """

    name: str
    family: tuple[bool, ...] | None
    basis: FloatArray
    units: float
    slab_share: float
    slopes: FloatArray


@lru_cache(maxsize=64)
def stacked_sites(crystal: Crystal) -> tuple[ClassifiedSites, Layers | None]:
    """Return the sites of a crystal by their roles, and its layers if it has some.

    Raises
    ------
    InputError
        If the roles of its sites are not known.
    """
    # A third of a second, for the search of neighbours, not needed where the layers of a crystal are given.
    from layerox.validation.classified_sites import classified_sites  # noqa: PLC0415
    from layerox.validation.coordination import polyhedra  # noqa: PLC0415
    from layerox.validation.layers import layers_of  # noqa: PLC0415

    sites = classified_sites(atoms_from_crystal(crystal))
    return sites, layers_of(sites, polyhedra(sites))


@lru_cache(maxsize=64)
def layering_of(crystal: Crystal) -> Layering | None:
    """Return the layers of a crystal.

    None if it has none (a spinel, a tunnel oxide, a metal), no mesh of TMO2, or no atoms (a phase of measured
    intensities).
    """
    if not crystal.sites:
        return None
    from layerox.validation.classified_sites import ANION  # noqa: PLC0415  (as in `stacked_sites`)
    from layerox.validation.phase_identification import phase_of  # noqa: PLC0415

    sites, layers = stacked_sites(crystal)
    if layers is None or not any(space.is_slab for space in layers.spaces):
        return None
    slabs = sum(space.is_slab for space in layers.spaces)
    units = len(sites.having(ANION)) / 2
    basis = _basis(crystal, np.array(layers.direction), slabs, units)
    if basis is None:
        return None
    share, slopes = _slab_share(crystal, sites, layers)
    return Layering(
        name="no regular stacking" if layers.word is None else phase_of(layers.word, distorted=layers.distorted),
        family=None if layers.word is None else sense_family(layers.word),
        basis=basis,
        units=units,
        slab_share=share,
        slopes=slopes,
    )


# --- mesh ----------------------------------------------------------------------------------------------------------


def _basis(crystal: Crystal, direction: IntArray, slabs: int, units: float) -> FloatArray | None:
    """Return the mesh and the upright vector; None if no mesh of one TMO2 is near hexagonal."""
    vectors = _lattice_vectors(crystal)
    rise = vectors @ direction
    metric = metric_tensor(crystal.cell)
    flat = _shortest_first(vectors[np.abs(rise) < SAME], metric)
    step = float(rise[rise > SAME].min())
    mesh = _reduced(flat, metric)
    volume = 1.0 / len(crystal.symmetry.centrings)
    sheets = round(units * volume / (step * slabs))
    edges = _edges(_finest(mesh, metric, max(sheets, 1)), crystal)
    if edges is None:
        return None
    across = _shortest_first(vectors[np.abs(rise - step) < SAME], metric)[0]
    upright = _upright(edges, across, metric) / (step * slabs)
    basis = np.column_stack([*edges, upright])
    turned = [edges[0], -edges[0] - edges[1], upright]
    return np.asarray(basis if np.linalg.det(basis) > 0 else np.column_stack(turned))


def _lattice_vectors(crystal: Crystal) -> FloatArray:
    """Return lattice vectors, centring included, but for the null vector, shape (n, 3)."""
    reach = range(-REACH, REACH + 1)
    whole = np.array(list(itertools.product(reach, reach, reach)), dtype=np.float64)
    found = (whole[:, None, :] + crystal.symmetry.centrings).reshape(-1, 3)
    return np.asarray(found[np.abs(found).max(axis=1) > SAME])


def _lengths(vectors: FloatArray, metric: FloatArray) -> FloatArray:
    return np.asarray(np.sqrt(np.einsum("ni,ij,nj->n", vectors, metric, vectors)))


def _shortest_first(vectors: FloatArray, metric: FloatArray) -> FloatArray:
    """Return vectors by length; among equals those with positive leading components first."""
    lengths = _lengths(vectors, metric).round(6).tolist()
    keys = [(length, *(-vector).tolist()) for length, vector in zip(lengths, vectors, strict=True)]
    order = sorted(range(len(vectors)), key=keys.__getitem__)
    return np.asarray(vectors[order])


def _reduced(flat: FloatArray, metric: FloatArray) -> FloatArray:
    """Return the two shortest independent vectors of a plane, as rows."""
    first = flat[0]
    second = next(v for v in flat[1:] if np.linalg.matrix_rank(np.stack([first, v]), tol=SAME) == 2)
    return np.stack([first, second])


def _finest(mesh: FloatArray, metric: FloatArray, sheets: int) -> FloatArray:
    """Return the mesh of one TMO2, the most hexagonal, where that of the lattice (a superstructure) holds several."""
    choices = [np.linalg.inv(matrix) @ mesh for matrix in _hermite(sheets)]
    return min(choices, key=lambda rows: _uneven(_three(rows, metric), metric))


def _hermite(determinant: int) -> Iterator[FloatArray]:
    """Yield one integer matrix (2, 2) for each superlattice of so many meshes."""
    for p in range(1, determinant + 1):
        if determinant % p == 0:
            yield from (np.array([[p, shift], [0, determinant // p]], dtype=np.float64) for shift in range(p))


def _three(mesh: FloatArray, metric: FloatArray) -> FloatArray:
    """Return the three shortest directions of a plane lattice, one a row; two of them make the third."""
    reach = range(-2 * REACH, 2 * REACH + 1)
    whole = np.array([pair for pair in itertools.product(reach, reach) if pair > (0, 0)], dtype=np.float64)
    found = _shortest_first(whole @ mesh, metric)
    second = next(v for v in found[1:] if np.linalg.matrix_rank(np.stack([found[0], v]), tol=SAME) == 2)
    third = _shortest_first(np.stack([found[0] + second, found[0] - second]), metric)[0]
    return np.stack([found[0], second, third])


def _uneven(three: FloatArray, metric: FloatArray) -> float:
    """Return by how much the three shortest directions differ in length, as a share."""
    lengths = _lengths(three, metric)
    return float(lengths.max() / lengths.min() - 1.0)


def _edges(mesh: FloatArray, crystal: Crystal) -> tuple[FloatArray, FloatArray] | None:
    """Return two edges 120 degrees apart, the first one that which symmetry singles out."""
    metric = metric_tensor(crystal.cell)
    three = _three(mesh, metric)
    if _uneven(three, metric) > STRETCH:
        return None
    lengths = _lengths(three, metric_tensor(_disturbed(crystal.cell, crystal.symmetry)))
    equal = [abs(lengths[(k + 1) % 3] - lengths[(k + 2) % 3]) < SAME for k in range(3)]
    if all(equal):
        chosen = _first_axis(three)
    elif any(equal):
        chosen = equal.index(True)
    else:
        chosen = 0
    first, other = _leading_positive(three[chosen]), three[(chosen + 1) % 3]
    return first, other if float(first @ metric @ other) < 0 else -other


def _disturbed(cell: Sequence[float], symmetry: Symmetry) -> Sequence[float]:
    """Return a cell of the same symmetry in which nothing is equal by accident."""
    changed = [x * factor for x, factor in zip(cell, DISTURBED, strict=True)]
    for index, leader in symmetry.cell_rule.follows.items():
        changed[index] = changed[leader]
    for index, value in symmetry.cell_rule.fixed.items():
        changed[index] = value
    return changed


def _first_axis(three: FloatArray) -> int:
    """Return which of three directions is the cell's a, else b, else the one nearest to a."""
    for axis in np.eye(3)[:2]:
        for k, vector in enumerate(three):
            if np.abs(np.abs(vector) - axis).max() < SAME:
                return k
    return int(np.abs(three[:, 0]).argmax())


def _leading_positive(vector: FloatArray) -> FloatArray:
    leading = vector[np.flatnonzero(np.abs(vector) > SAME)[0]]
    return np.asarray(vector * np.sign(leading))


def _upright(edges: tuple[FloatArray, FloatArray], across: FloatArray, metric: FloatArray) -> FloatArray:
    """Return a vector across the layers less the thirds of the mesh by which it leads sideways."""
    pair = np.stack(edges)
    sideways = np.linalg.solve(pair @ metric @ pair.T, pair @ metric @ across)
    return np.asarray(across - np.rint(3.0 * sideways) / 3.0 @ pair)


# --- slabs ---------------------------------------------------------------------------------------------------------


def _slab_share(crystal: Crystal, sites: ClassifiedSites, layers: Layers) -> tuple[float, FloatArray]:
    """Return the share of slabs in the height of the cell, and its derivatives."""
    share, slopes = 0.0, np.zeros((len(crystal.sites), 3))
    direction = np.array(layers.direction, dtype=np.float64)
    for space in layers.spaces:
        if space.is_slab:
            low, high = (sites.positions[plane] @ direction for plane in (space.below, space.above))
            share += float(_mean_angle(high) - _mean_angle(low)) % 1.0
            for plane, sign in ((space.above, 1.0), (space.below, -1.0)):
                slopes += sign * _height_slopes(crystal, sites.positions[plane], direction)
    return share, slopes


def _mean_angle(heights: FloatArray) -> float:
    """Return the mean of heights that are known up to whole cells."""
    return float((heights[0] + wrapped(heights - heights[0])).mean())


def _height_slopes(crystal: Crystal, positions: FloatArray, direction: FloatArray) -> FloatArray:
    """Return the derivatives of the mean height of atoms with respect to the coordinates of their sites."""
    slopes = np.zeros((len(crystal.sites), 3))
    images = [crystal.symmetry.images(crystal.sites[group[0]].position) for group in crystal.mixed_sites]
    for position in positions:
        misses = [np.abs(wrapped(own - position)).max(axis=1) for own in images]
        group = int(np.argmin([miss.min() for miss in misses]))
        # On a special position several operations lead there; their mean is what the site's freedom allows.
        there = misses[group] < misses[group].min() + SAME
        slopes[crystal.mixed_sites[group][0]] += direction @ crystal.symmetry.rotations[there].mean(axis=0)
    return slopes / len(positions)


def mesh_area(metric: FloatArray) -> FloatArray:
    """Return the area of the mesh of layer metrics (n, 3, 3), angstrom^2, shape (n,)."""
    first, second, both = metric[..., 0, 0], metric[..., 1, 1], metric[..., 0, 1]
    return np.asarray(np.sqrt(first * second - both**2))
