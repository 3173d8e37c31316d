"""Parallel lattice planes of two phases in an electron microscope, for their orientation relation.

Two sets of fringes are seen together along a common zone axis. Only parallel planes can be continuous: fringes that
cross, such as O3 (101) beside P2 (004), prove that phases coexist, not that their planes coincide.
"""

from __future__ import annotations

import itertools
import math
from dataclasses import dataclass

import gemmi
import numpy as np

from layerox.crystal.asymmetric_unit import Crystal
from layerox.crystal.atoms import lattice_from_cell
from layerox.errors import InputError
from layerox.interfaces.lattice_matching import misfit
from layerox.typing import FloatArray

Hkl = tuple[int, int, int]
PARALLEL = 1.0  # degrees
LARGEST_INDEX = 12
COUNTED = 1e-6
# The plane of the interface, and the zone in it along the shared [100] (the chains of a tunnel oxide).
ORIENTATIONS = {
    "layered": ((0, 0, 1), (1, 0, 0)),
    "monoclinic": ((0, 0, 1), (0, 1, 0)),
    "spinel": ((1, 1, 1), (1, -1, 0)),
    "stretched spinel": ((0, 1, 1), (1, 0, 0)),
    "tunnel": ((0, 1, 0), (0, 0, 1)),
}
PBAM = 55


@dataclass(frozen=True, kw_only=True)
class PlanePair:
    """Two lattice planes under the orientation relation.

    Attributes
    ----------
    first, second
        Indices in each crystal.
    d_first, d_second
        Spacings, angstrom.
    angle
        Between the planes, degrees, 0 to 90.
    tilt_first, tilt_second
        Of each plane against the plane of the interface, degrees.
    zone_first, zone_second
        The common zone axis in the direct lattice of each crystal, unit vector; None for parallel planes.
    misfit
        2 (d2 - d1) / (d1 + d2) of parallel planes; None for others.
    """

    first: Hkl
    second: Hkl
    d_first: float
    d_second: float
    angle: float
    tilt_first: float
    tilt_second: float
    zone_first: tuple[float, float, float] | None
    zone_second: tuple[float, float, float] | None
    misfit: float | None


def plane_pairs(
    first: Crystal, second: Crystal, *, d_min: float = 2.0, orientations: tuple[str, str] | None = None
) -> tuple[PlanePair, ...]:
    """Return every pair of allowed lattice planes down to a spacing, the widest spaced first.

    Parameters
    ----------
    first, second
        Crystals in the standard settings of their space groups.
    d_min
        Smallest spacing, angstrom.
    orientations
        For each a key of `ORIENTATIONS`: (001)[100] of layers, (001)[010] of P'3 and O'3, (111)[1-10] of a spinel,
        (011)[100] of one in I41/amd, (010)[001] of the tunnel oxide; by space group when not given.

    Raises
    ------
    InputError
        If an orientation is unknown.
    """
    one, other = orientations or (_orientation(first), _orientation(second))
    frames = (_frame(first, one), _frame(second, other))
    rows = [
        _pair(a, b, frames)
        for a, b in itertools.product(_planes(first, frames[0], d_min), _planes(second, frames[1], d_min))
    ]
    return tuple(sorted(rows, key=lambda row: (-row.d_first, -row.d_second, row.angle)))


def plane_pair(
    first: Crystal, hkl: Hkl, second: Crystal, other_hkl: Hkl, *, orientations: tuple[str, str] | None = None
) -> PlanePair:
    """Return one pair of planes by their indices."""
    one, other = orientations or (_orientation(first), _orientation(second))
    return _pair(hkl, other_hkl, (_frame(first, one), _frame(second, other)))


def _orientation(crystal: Crystal) -> str:
    if crystal.symmetry.number == PBAM:
        return "tunnel"
    system = crystal.symmetry.name and gemmi.SpaceGroup(crystal.symmetry.name).crystal_system_str()
    named = {"cubic": "spinel", "tetragonal": "stretched spinel", "monoclinic": "monoclinic"}
    return named.get(system or "", "layered")


def _frame(crystal: Crystal, orientation: str) -> FloatArray:
    """Return the crystal's edges in the shared frame, one a row, angstrom: z the normal, x the shared [100]."""
    if orientation not in ORIENTATIONS:
        raise InputError(f"unknown orientation {orientation!r}", cure=f"choose from {', '.join(ORIENTATIONS)}")
    plane, zone = ORIENTATIONS[orientation]
    lattice = lattice_from_cell(crystal.cell)
    normal = np.linalg.inv(lattice) @ np.array(plane, dtype=float)
    normal /= np.linalg.norm(normal)
    along = np.array(zone, dtype=float) @ lattice
    along /= np.linalg.norm(along)
    axes = np.array([along, np.cross(normal, along), normal])
    return np.asarray(lattice @ axes.T)


def _planes(crystal: Crystal, frame: FloatArray, d_min: float) -> list[Hkl]:
    """Return the allowed planes down to a spacing, one of each pair of opposite normals."""
    operations = gemmi.SpaceGroup(crystal.symmetry.name).operations() if crystal.symmetry.name else None
    na, nb, nc = (min(math.floor(np.linalg.norm(edge) / d_min), LARGEST_INDEX) for edge in frame)
    found: list[Hkl] = []
    for h, k, m in itertools.product(range(-na, na + 1), range(-nb, nb + 1), range(-nc, nc + 1)):
        hkl = (h, k, m)
        if hkl <= (0, 0, 0) or (operations is not None and operations.is_systematically_absent(list(hkl))):
            continue
        if 1 / np.linalg.norm(_normal(hkl, frame)) >= d_min - COUNTED:
            found.append(hkl)
    return found


def _normal(hkl: Hkl, frame: FloatArray) -> FloatArray:
    return np.asarray(np.linalg.inv(frame) @ np.array(hkl, dtype=float))


def _pair(one: Hkl, other: Hkl, frames: tuple[FloatArray, FloatArray]) -> PlanePair:
    normals = [_normal(hkl, frame) for hkl, frame in zip((one, other), frames, strict=True)]
    lengths = [float(np.linalg.norm(normal)) for normal in normals]
    angle = _between(normals[0], normals[1])
    parallel = angle <= PARALLEL
    zone = np.cross(normals[0], normals[1])
    zones = [None if parallel else _direction(zone, frame) for frame in frames]
    vertical = np.array([0.0, 0.0, 1.0])
    return PlanePair(
        first=one,
        second=other,
        d_first=1 / lengths[0],
        d_second=1 / lengths[1],
        angle=angle,
        tilt_first=_between(normals[0], vertical),
        tilt_second=_between(normals[1], vertical),
        zone_first=zones[0],
        zone_second=zones[1],
        misfit=misfit(1 / lengths[0], 1 / lengths[1]) if parallel else None,
    )


def _between(one: FloatArray, other: FloatArray) -> float:
    cosine = abs(float(one @ other)) / float(np.linalg.norm(one) * np.linalg.norm(other))
    return math.degrees(math.acos(min(cosine, 1.0)))


def _direction(vector: FloatArray, frame: FloatArray) -> tuple[float, float, float]:
    """Return a direction in terms of the edges, its largest component 1."""
    indices = vector @ np.linalg.inv(frame)
    x, y, z = (indices / np.abs(indices).max()).tolist()
    return round(x, 6) + 0.0, round(y, 6) + 0.0, round(z, 6) + 0.0
