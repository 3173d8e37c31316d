"""Supercells by a matrix, and the smallest one in which a composition comes out in whole atoms.

Rows of a matrix are the new edges in terms of the old ones: ((2, 0, 0), (1, 2, 0), (0, 0, 1)) is the rectangular
2 x sqrt 3 cell of a hexagonal one.
"""

from __future__ import annotations

import itertools
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import replace

import numpy as np

from layerox.crystal.asymmetric_unit import cell_tuple
from layerox.crystal.atoms import Atoms, lattice_from_cell
from layerox.errors import InputError
from layerox.symmetry import cell_from_metric
from layerox.typing import FloatArray, IntArray

Shape = Sequence[int] | Sequence[Sequence[int]] | IntArray

LARGEST_AREA = 16
CLOSE_ENOUGH = 0.006  # largest deviation of an amount per metal site that counts as the requested composition


def as_matrix(shape: Shape) -> IntArray:
    """Return three counts or a 3 x 3 matrix as a matrix of integers.

    Raises
    ------
    InputError
        If it is neither, or encloses no volume.
    """
    try:
        numbers = np.array(shape, dtype=float)
    except (TypeError, ValueError):
        numbers = np.zeros(0)
    matrix = np.diag(numbers) if numbers.shape == (3,) else numbers
    if matrix.shape != (3, 3) or not np.isfinite(matrix).all() or (matrix != np.rint(matrix)).any():
        raise InputError(
            f"no supercell is {shape!r}", cure="give three positive integers or a 3 x 3 matrix of integers"
        )
    whole = np.rint(matrix).astype(int)
    if (numbers.shape == (3,) and (numbers < 1).any()) or round(float(np.linalg.det(whole))) < 1:
        raise InputError(f"the supercell {shape!r} encloses no volume", cure="give a right-handed cell")
    return whole


def in_supercell(atoms: Atoms, shape: Shape) -> Atoms:
    """Return all atoms of a supercell; layers are numbered on where the new c is a multiple of the old one."""
    matrix = as_matrix(shape)
    if (matrix == np.diag(np.diag(matrix))).all():
        return atoms.repeated(np.diag(matrix).tolist())
    cells = lattice_points(matrix)
    inverse = np.linalg.inv(matrix)
    lattice = lattice_from_cell(_cell_of(matrix @ atoms.lattice))
    positions = (atoms.positions[:, None, :] + cells) @ inverse
    upright = not (matrix[2, :2].any() or matrix[:2, 2].any())
    layer = None
    if atoms.layer is not None and upright:
        layer = (atoms.layer[:, None] + (cells[:, 2] % matrix[2, 2]) * (atoms.layer.max() + 1)).reshape(-1)
    size = len(cells)
    return replace(
        atoms,
        lattice=lattice,
        positions=np.round(positions.reshape(-1, 3), 12) % 1.0,
        kind=np.repeat(atoms.kind, size),
        site=(atoms.site[:, None] * size + np.arange(size)).reshape(-1),
        layer=layer,
        phase=None if atoms.phase is None else np.repeat(atoms.phase, size),
        site_kind=None if atoms.site_kind is None else np.repeat(atoms.site_kind, size),
    )


def _cell_of(lattice: FloatArray) -> tuple[float, float, float, float, float, float]:
    return cell_tuple(np.round(cell_from_metric(lattice @ lattice.T), 10))


def lattice_points(matrix: IntArray) -> IntArray:
    """Return the cells that a supercell holds, one of each class modulo its edges, shape (determinant, 3)."""
    size = abs(round(float(np.linalg.det(matrix))))
    span = int(np.abs(matrix).sum(axis=0).max())
    inverse = np.linalg.inv(matrix)
    box = np.stack(np.meshgrid(*(np.arange(-span, span + 1),) * 3, indexing="ij"), axis=-1).reshape(-1, 3)
    fractions = np.round(box @ inverse, 9)
    points = box[((fractions >= 0) & (fractions < 1)).all(axis=1)]
    assert len(points) == size
    return points


def hexagonal_shapes() -> Iterator[IntArray]:
    """Yield supercells of a hexagonal cell by area, compact ones first: n x m and their sqrt 3 relatives."""
    turned = np.array([[2, 1], [-1, 1]])
    plain = [np.diag(pair) for pair in itertools.product(range(1, 5), repeat=2) if pair[0] <= pair[1]]
    shapes = [*plain, *(turned * n for n in (1, 2)), np.array([[2, 0], [1, 2]]), np.array([[3, 0], [1, 2]])]
    within = [shape for shape in shapes if round(np.linalg.det(shape)) <= LARGEST_AREA]
    for shape in sorted(within, key=lambda s: (round(np.linalg.det(s)), _slimness(s))):
        matrix = np.eye(3, dtype=int)
        matrix[:2, :2] = shape
        yield matrix


def _slimness(shape: IntArray) -> float:
    metric = np.array([[1.0, -0.5], [-0.5, 1.0]])
    lengths = np.sqrt(np.diag(shape @ metric @ shape.T))
    return float(lengths.max() / lengths.min())


def reaching(atoms: Atoms, amounts: Iterable[float], metals: float) -> IntArray:
    """Return the smallest supercell in which every amount of the cell becomes a whole number, or comes nearest to it.

    Parameters
    ----------
    atoms
        A hexagonal cell.
    amounts
        Number of each partly occupied element in it.
    metals
        Number of metal sites in it: a deviation counts in ions per metal.
    """
    wanted = list(amounts)
    best, least = np.eye(3, dtype=int), np.inf
    for matrix in hexagonal_shapes():
        size = round(float(np.linalg.det(matrix)))
        worst = max((abs(x * size - round(x * size)) / (size * metals) for x in wanted), default=0.0)
        if worst < least - 1e-9:
            best, least = matrix, worst
        if least <= CLOSE_ENOUGH:
            break
    return best
