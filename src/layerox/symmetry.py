"""Symmetry: the operations of a space group and what they leave free of a cell and of a site.

Names and triplets are read by gemmi; symmetry that is not stated is found by spglib (see
`crystal.py`). This module only does the linear algebra on integer rotations and their translations.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from functools import cached_property

import gemmi
import numpy as np
from numpy.typing import ArrayLike, NDArray

from layerox.errors import InputError
from layerox.typing import FloatArray, IntArray

CELL_NAMES = ("a", "b", "c", "alpha", "beta", "gamma")
SAME_POSITION = 1e-4


def compact_symbol(group: gemmi.SpaceGroup) -> str:
    """Return the Hermann-Mauguin symbol without spaces, R-3m for hexagonal axes too."""
    return str(group.hm[0] + group.short_name()[1:])


@dataclass(frozen=True, eq=False)
class Symmetry:
    """All operations of a space group, centring included: x' = rotations[k] @ x + translations[k].

    Attributes
    ----------
    name
        Hermann-Mauguin symbol with its setting ("R -3 m:H"); "" when the operations fit no tabulated setting.
    rotations
        Integer matrices, shape (n, 3, 3).
    translations
        Fractions of the cell, shape (n, 3).
    """

    name: str
    rotations: IntArray
    translations: FloatArray

    def __len__(self) -> int:
        return len(self.rotations)

    @property
    def triplets(self) -> list[str]:
        """The operations as "x,y,z" triplets."""
        return list(self._triplets)

    @property
    def number(self) -> int:
        """Number in International Tables, 0 when unknown."""
        return int(gemmi.SpaceGroup(self.name).number) if self.name else 0

    @property
    def short_name(self) -> str:
        """Compact symbol for tables: "P63/mmc", "R-3m", "P21/c"."""
        if not self.name:
            return "unknown setting"
        group = gemmi.SpaceGroup(self.name)
        return compact_symbol(group)

    @cached_property
    def _triplets(self) -> tuple[str, ...]:
        # The texts are kept, not gemmi's operations, which cannot be pickled.
        found = []
        for rotation, translation in zip(self.rotations, self.translations, strict=True):
            op = gemmi.Op()
            op.rot = (rotation * gemmi.Op.DEN).tolist()
            op.tran = np.rint(translation * gemmi.Op.DEN).astype(int).tolist()
            found.append(op.triplet())
        return tuple(found)

    @cached_property
    def centrings(self) -> FloatArray:
        """Centring translations, (0, 0, 0) first, shape (m, 3)."""
        identity = (self.rotations == np.eye(3, dtype=np.int64)).all(axis=(1, 2))
        vectors = self.translations[identity] % 1.0
        return np.asarray(vectors[np.lexsort(vectors.T[::-1])])

    @cached_property
    def coset(self) -> tuple[IntArray, FloatArray]:
        """One operation for each rotation: the group modulo its centring translations."""
        _, first = np.unique(self.rotations.reshape(len(self), 9), axis=0, return_index=True)
        first.sort()
        return self.rotations[first], self.translations[first]

    @cached_property
    def is_centrosymmetric(self) -> bool:
        """Whether the point group holds the inversion."""
        return bool((self.rotations == -np.eye(3, dtype=np.int64)).all(axis=(1, 2)).any())

    @cached_property
    def laue_rotations(self) -> IntArray:
        """Rotations of the Laue group, shape (n, 3, 3)."""
        rotations, _ = self.coset
        return rotations if self.is_centrosymmetric else np.concatenate([rotations, -rotations])

    def images(self, position: ArrayLike) -> FloatArray:
        """All symmetry images of a fractional position, repeated ones included, in [0, 1), shape (n, 3)."""
        return (self.rotations @ np.asarray(position, dtype=np.float64) + self.translations) % 1.0

    def orbit(self, position: ArrayLike) -> FloatArray:
        """The distinct images of a fractional position in one cell, shape (multiplicity, 3)."""
        images = self.images(position)
        apart = np.abs(wrapped(images[:, None, :] - images[None, :, :])).max(axis=2)
        first = np.argmax(apart < SAME_POSITION, axis=1)
        return np.asarray(images[np.unique(first)])

    def multiplicity(self, position: ArrayLike) -> int:
        """Number of equivalent positions in the cell."""
        return len(self) // int(self._fixing(position, SAME_POSITION).sum())

    def _fixing(self, position: ArrayLike, tolerance: float) -> NDArray[np.bool_]:
        shift = wrapped(self.images(position) - np.asarray(position, dtype=np.float64))
        return np.asarray(np.abs(shift).max(axis=1) < tolerance)

    def snapped(self, position: ArrayLike, cell: gemmi.UnitCell, tolerance: float) -> FloatArray:
        """Move a position onto the special position it misses by less than `tolerance` (angstrom)."""
        here = np.asarray(position, dtype=np.float64)
        metric = metric_tensor(cell.parameters)
        # Beside an axis of high order only some images are near: their mean is nearer, and the next one is on it.
        for _ in range(8):
            shift = wrapped(self.images(here) - here)
            near = np.einsum("ij,jk,ik->i", shift, metric, shift) < tolerance**2
            here = here + shift[near].mean(axis=0)
        return here

    def free_directions(self, position: ArrayLike) -> FloatArray:
        """Directions in which a site may move without leaving its special position.

        Returns
        -------
        ndarray
            Shape (k, 3), 0 <= k <= 3, in reduced echelon form: each row has a leading 1 in a coordinate that no
            other row touches, so that this coordinate is the free parameter and the others follow it.
        """
        fixing = self.rotations[self._fixing(position, SAME_POSITION)]
        projector = fixing.mean(axis=0)
        return reduced_echelon(projector.T)

    @cached_property
    def polar_directions(self) -> FloatArray:
        """Directions along which the origin is free, shape (k, 3), in reduced echelon form."""
        return reduced_echelon(self.rotations.mean(axis=0).T)

    @cached_property
    def cell_rule(self) -> CellRule:
        """What the point group leaves free of the six cell parameters."""
        return _cell_rule(self.coset[0])

    def centred_cell(self, cell: Sequence[float]) -> tuple[float, ...]:
        """Return the cell nearest to `cell` whose metric the point group leaves unchanged."""
        rotations = self.coset[0].astype(np.float64)
        metric = metric_tensor(cell)
        average = np.mean([r.T @ metric @ r for r in rotations], axis=0)
        return cell_from_metric(average)


@dataclass(frozen=True)
class CellRule:
    """Which of a, b, c, alpha, beta, gamma are free, follow another one, or are fixed by symmetry.

    Attributes
    ----------
    free
        Indices of the free parameters.
    follows
        index -> index of the free parameter that it equals.
    fixed
        index -> angle in degrees.
    """

    free: tuple[int, ...]
    follows: dict[int, int]
    fixed: dict[int, float]


def symmetry_from_name(name: str, *, hexagonal: bool = True) -> Symmetry:
    """Return the operations of a Hermann-Mauguin symbol ("P 63/m m c", "R-3m:H").

    Parameters
    ----------
    name
        The symbol. Without a setting, `hexagonal` chooses between the axes of a rhombohedral group.

    Raises
    ------
    InputError
        If gemmi has no such group.
    """
    preferred = "H" if hexagonal else "R"
    group = gemmi.find_spacegroup_by_name(name, alpha=90.0, gamma=120.0 if hexagonal else 90.0)
    if group is None:
        raise InputError(f"unknown space group {name!r}", cure="give a Hermann-Mauguin symbol such as 'P 63/m m c'")
    if group.ext in ("H", "R") and ":" not in name and group.ext != preferred:
        group = gemmi.SpaceGroup(f"{group.hm}:{preferred}")
    return symmetry_from_triplets([op.triplet() for op in group.operations()], name=group.xhm())


def symmetry_from_triplets(triplets: Iterable[str], *, name: str = "") -> Symmetry:
    """Return the group of "x,y,z" triplets, which may be generators; `name` is looked up when empty.

    Raises
    ------
    InputError
        If a triplet cannot be read, or the triplets make no group.
    """
    try:
        # The identity first and each operation once, as gemmi expects but files do not promise.
        generators = {op.wrap().triplet(): op for op in map(gemmi.Op, ("x,y,z", *triplets))}
        group = gemmi.GroupOps(list(generators.values()))
        group.add_missing_elements()
    except (RuntimeError, ValueError) as error:
        raise InputError(f"unreadable symmetry operation: {error}") from error
    if not name:
        found = gemmi.find_spacegroup_by_ops(group)
        name = found.xhm() if found else ""
        if not name and not _is_group(list(group)):
            raise InputError("the symmetry operations make no group", cure="correct or complete their list")
    operations = list(group)
    rotations = np.array([op.rot for op in operations], dtype=np.int64) // gemmi.Op.DEN
    translations = np.array([op.tran for op in operations], dtype=np.float64) / gemmi.Op.DEN
    return Symmetry(name, rotations, translations)


def _is_group(operations: list[gemmi.Op]) -> bool:
    known = {op.triplet() for op in operations}
    closed = all((one * other).wrap().triplet() in known for one in operations for other in operations)
    return closed and all(op.det_rot() != 0 for op in operations)


def wrapped(difference: FloatArray) -> FloatArray:
    """Return fractional differences shifted by whole cells into [-1/2, 1/2]."""
    return difference - np.rint(difference)


def first_at_each_place(positions: FloatArray, cell: Sequence[float], tolerance: float) -> IntArray:
    """Return the index of the first position at the place of each, images included, in time that grows as n log n.

    Parameters
    ----------
    positions
        Fractional coordinates, shape (n, 3).
    cell
        a, b, c (angstrom), alpha, beta, gamma (degrees).
    tolerance
        Distance up to which two positions are one place, angstrom.
    """
    first = np.arange(len(positions))
    metric = metric_tensor(cell)
    bins = np.maximum((np.array(cell[:3]) / (4.0 * tolerance)).astype(np.int64), 1)
    # Two places that a border of one grid divides stand within a cell of another that is shifted by half a cell.
    for shift in np.ndindex(2, 2, 2):
        grid = np.floor((positions % 1.0) * bins + 0.5 * np.array(shift)).astype(np.int64) % bins
        keys = np.ravel_multi_index(tuple(grid.T), tuple(bins.tolist()))
        order = np.argsort(keys, kind="stable")
        starts = np.maximum.accumulate(np.where(np.diff(keys[order], prepend=-1) != 0, np.arange(len(keys)), 0))
        leader = order[starts]
        apart = wrapped(positions[order] - positions[leader])
        same = np.einsum("ij,jk,ik->i", apart, metric, apart) < tolerance**2
        first[order[same]] = np.minimum(first[order[same]], first[leader[same]])
    return first


def metric_tensor(cell: Sequence[float]) -> FloatArray:
    """Return G with |x|^2 = x G x for fractional x, in angstrom^2, shape (3, 3); angles in degrees."""
    a, b, c = cell[:3]
    ca, cb, cg = cosines(cell)
    ab, ac, bc = a * b * cg, a * c * cb, b * c * ca
    return np.array([[a * a, ab, ac], [ab, b * b, bc], [ac, bc, c * c]])


def metrics_of_cells(cells: FloatArray) -> FloatArray:
    """Return the metric tensors of cells (angstrom, degrees; shape (n, 6)), angstrom^2, shape (n, 3, 3)."""
    lengths, cosine = cells[:, :3], np.cos(np.radians(cells[:, 3:]))
    metric = lengths[:, :, None] * lengths[:, None, :]
    for k in range(3):
        i, j = (k + 1) % 3, (k + 2) % 3
        metric[:, i, j] *= cosine[:, k]
        metric[:, j, i] *= cosine[:, k]
    return np.asarray(metric)


def cosines(cell: Sequence[float]) -> tuple[float, float, float]:
    """Return cos alpha, cos beta, cos gamma, exact at 60, 90 and 120 degrees."""
    exact = {90.0: 0.0, 120.0: -0.5, 60.0: 0.5}
    values = [exact.get(angle, float(np.cos(np.radians(angle)))) for angle in cell[3:]]
    return values[0], values[1], values[2]


def cell_from_metric(metric: FloatArray) -> tuple[float, ...]:
    """Return a, b, c (angstrom) and alpha, beta, gamma (degrees) of a metric tensor."""
    a, b, c = np.sqrt(np.diag(metric))
    cosine = np.array([metric[1, 2] / (b * c), metric[0, 2] / (a * c), metric[0, 1] / (a * b)])
    return (float(a), float(b), float(c), *(float(x) for x in np.degrees(np.arccos(cosine))))


def reduced_echelon(rows: FloatArray) -> FloatArray:
    """Return the reduced row echelon form of the row space, zero rows dropped."""
    matrix = np.array(rows, dtype=np.float64)
    rank = 0
    for column in range(matrix.shape[1]):
        if rank == len(matrix):
            break
        pivot = rank + int(np.argmax(np.abs(matrix[rank:, column])))
        if abs(matrix[pivot, column]) < 1e-9:
            continue
        matrix[[rank, pivot]] = matrix[[pivot, rank]]
        matrix[rank] /= matrix[rank, column]
        others = np.arange(len(matrix)) != rank
        matrix[others] -= np.outer(matrix[others, column], matrix[rank])
        rank += 1
    return matrix[:rank]


def _cell_rule(rotations: IntArray) -> CellRule:
    """Read the rule off invariant metrics: group averages of arbitrary positive definite matrices."""
    draw = np.random.default_rng(0)
    cells = np.array([cell_from_metric(_invariant_metric(rotations, draw)) for _ in range(4)])
    free: list[int] = []
    follows: dict[int, int] = {}
    fixed: dict[int, float] = {}
    for index in range(6):
        column = cells[:, index]
        leader = next((k for k in free if (k < 3) == (index < 3) and np.allclose(column, cells[:, k])), None)
        if leader is not None:
            follows[index] = leader
        elif index >= 3 and np.allclose(column, column[0]):
            fixed[index] = float(round(column[0], 9))
        else:
            free.append(index)
    return CellRule(tuple(free), follows, fixed)


def _invariant_metric(rotations: IntArray, draw: np.random.Generator) -> FloatArray:
    root = np.eye(3) + 0.3 * draw.standard_normal((3, 3))
    metric = root.T @ root
    return np.asarray(np.mean([r.T @ metric @ r for r in rotations.astype(np.float64)], axis=0))
