"""Axes: the same crystal, or the same atoms, described on primitive or on rectangular axes.

Nothing moves; origin and orientation are for `setting.py`, all that supercells add is for `atoms.py`. Primitive axes
follow Grosse-Kunstleve's and spglib's choice (doi:10.1080/27660400.2024.2384822), rectangular ones are the
orthohexagonal a, a + 2b, c.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

import gemmi
import numpy as np

from layerox.crystal.asymmetric_unit import Crystal, Site, cell_tuple, position_tuple
from layerox.crystal.atoms import Atoms, lattice_from_cell
from layerox.errors import InputError, nearest
from layerox.symmetry import Symmetry, cell_from_metric, metric_tensor, symmetry_from_triplets, wrapped
from layerox.typing import FloatArray

SETTINGS = ("conventional", "primitive", "rectangular")
SAME_POSITION = 1e-5
GRAIN = 1_000_000  # positions that agree to one part in this are the same

_THIRD = 1 / 3
# New axes in terms of the conventional ones, one a row, by centring; R is obverse on hexagonal axes.
PRIMITIVE_AXES: Mapping[str, tuple[tuple[float, float, float], ...]] = {
    "P": ((1, 0, 0), (0, 1, 0), (0, 0, 1)),
    "A": ((1, 0, 0), (0, 0.5, -0.5), (0, 0.5, 0.5)),
    "C": ((0.5, 0.5, 0), (-0.5, 0.5, 0), (0, 0, 1)),
    "I": ((-0.5, 0.5, 0.5), (0.5, -0.5, 0.5), (0.5, 0.5, -0.5)),
    "F": ((0, 0.5, 0.5), (0.5, 0, 0.5), (0.5, 0.5, 0)),
    "R": ((2 * _THIRD, _THIRD, _THIRD), (-_THIRD, _THIRD, _THIRD), (-_THIRD, -2 * _THIRD, _THIRD)),
}
ORTHOHEXAGONAL = ((1, 0, 0), (1, 2, 0), (0, 0, 1))


def crystal_on_axes(crystal: Crystal, setting: str) -> Crystal:
    """Return the crystal on the axes of a setting, with the symmetry that is left on them.

    Parameters
    ----------
    crystal
        In the standard setting of its space group, displacements isotropic.
    setting
        "conventional" changes nothing; "primitive" takes the centring out; "rectangular" turns hexagonal axes into
        orthohexagonal ones, which keep the orthorhombic (for a rhombohedral group the monoclinic) part of the
        symmetry. Cells that are rectangular in the layer already stay as they are.

    Raises
    ------
    InputError
        If the setting is unknown, or a displacement anisotropic.
    """
    axes = axes_of(setting, crystal.symmetry.name)
    if _is_identity(axes):
        return crystal
    if any(site.u_aniso for site in crystal.sites):
        raise InputError("anisotropic displacements cannot change axes", place=crystal.name, cure="make them isotropic")
    symmetry = _symmetry_on(crystal.symmetry, axes)
    metric = axes @ metric_tensor(crystal.cell) @ axes.T
    cell = cell_tuple(np.round(cell_from_metric(metric), 10))
    return replace(crystal, cell=cell, symmetry=symmetry, sites=tuple(_sites_on(crystal, symmetry, axes)))


def atoms_on_axes(atoms: Atoms, setting: str, group: str) -> Atoms:
    """Return the atoms of the cell that a setting has; `group` is the space group of the cell as it is.

    Rows keep their order; those that the new cell holds several times follow each other.
    """
    axes = axes_of(setting, group)
    if _is_identity(axes):
        return atoms
    shifts = _lattice_points(axes)
    moved = (atoms.positions[:, None, :] + shifts) @ np.linalg.inv(axes)
    positions = (moved.reshape(-1, 3) + SAME_POSITION) % 1.0 - SAME_POSITION
    row = np.repeat(np.arange(len(atoms)), len(shifts))
    grains = np.column_stack([np.rint(positions * GRAIN).astype(np.int64) % GRAIN, atoms.kind[row]])
    keep = np.sort(np.unique(grains, axis=0, return_index=True)[1])
    metric = axes @ (atoms.lattice @ atoms.lattice.T) @ axes.T
    # Rows of a mixed site share a number: that of their place in the new cell.
    _, site = np.unique(grains[keep, :3], axis=0, return_inverse=True)
    chosen = row[keep]
    return replace(
        atoms,
        lattice=lattice_from_cell(cell_tuple(cell_from_metric(metric))),
        positions=positions[keep],
        kind=atoms.kind[chosen],
        site=site,
        layer=None if atoms.layer is None else atoms.layer[chosen],
        phase=None if atoms.phase is None else atoms.phase[chosen],
        site_kind=None if atoms.site_kind is None else atoms.site_kind[chosen],
    )


def axes_of(setting: str, group: str) -> FloatArray:
    """Return the axes of a setting in terms of those of a space group, one a row, shape (3, 3)."""
    if setting not in SETTINGS:
        raise InputError(f"unknown setting {setting!r}", cure=nearest(setting, SETTINGS))
    known = gemmi.SpaceGroup(group)
    if setting == "primitive":
        centring = "P" if known.ext == "R" else known.centring_type()
        return np.array(PRIMITIVE_AXES[centring], dtype=np.float64)
    is_hexagonal = known.crystal_system_str() in {"hexagonal", "trigonal"} and known.ext != "R"
    if setting == "rectangular" and is_hexagonal:
        return np.array(ORTHOHEXAGONAL, dtype=np.float64)
    return np.eye(3)


def _is_identity(axes: FloatArray) -> bool:
    return bool(np.array_equal(axes, np.eye(3)))


def _lattice_points(axes: FloatArray) -> FloatArray:
    """Return the old lattice points of one new cell: integer vectors, shape (n, 3), (0, 0, 0) first."""
    reach = range(-2, 3)
    points = np.array([(i, j, k) for i in reach for j in reach for k in reach], dtype=np.float64)
    points = points[np.argsort((points**2).sum(axis=1), kind="stable")]
    places = np.rint(points @ np.linalg.inv(axes) * GRAIN).astype(np.int64) % GRAIN
    return np.asarray(points[np.sort(np.unique(places, axis=0, return_index=True)[1])])


def _symmetry_on(symmetry: Symmetry, axes: FloatArray) -> Symmetry:
    """Return the operations that map the new lattice onto itself, in the new axes."""
    turn = np.linalg.inv(axes).T
    rotations = turn @ symmetry.rotations @ np.linalg.inv(turn)
    kept = np.abs(rotations - np.rint(rotations)).max(axis=(1, 2)) < SAME_POSITION
    shifts = _lattice_points(axes) @ turn.T
    whole = np.rint(rotations[kept]).astype(np.int64)
    moves = symmetry.translations[kept] @ turn.T
    every = Symmetry("", np.repeat(whole, len(shifts), axis=0), (moves[:, None, :] + shifts).reshape(-1, 3) % 1.0)
    return symmetry_from_triplets(every.triplets)


def _sites_on(crystal: Crystal, symmetry: Symmetry, axes: FloatArray) -> list[Site]:
    """Return a representative of each orbit; orbits that came apart get a letter each (O1a, O1b)."""
    back, shifts = np.linalg.inv(axes), _lattice_points(axes)
    sites: list[Site] = []
    for site in crystal.sites:
        images = crystal.symmetry.orbit(site.position)
        left = ((images[:, None, :] + shifts) @ back).reshape(-1, 3) % 1.0
        leaders: list[FloatArray] = []
        while len(left):
            leaders.append(left[0])
            apart = np.abs(wrapped(left[:, None, :] - symmetry.images(left[0])[None, :, :])).max(axis=2).min(axis=1)
            left = left[apart > SAME_POSITION]
        tags = [""] if len(leaders) == 1 else [chr(ord("a") + k) for k in range(len(leaders))]
        sites += [
            replace(site, label=f"{site.label}{tag}", position=position_tuple(leader))
            for tag, leader in zip(tags, leaders, strict=True)
        ]
    return sites
