"""Polyhedra by angles, from ideal ones whose coordinates are those of textbooks."""

import numpy as np
import pytest

from layerox.crystal.asymmetric_unit import Site
from layerox.crystal.atoms import Atoms
from layerox.crystal.coordination import TRANS, polyhedra
from layerox.interfaces.cell_inspection import coordination
from layerox.validation.classified_sites import classified_sites
from layerox.validation.coordination import polyhedra as checked_polyhedra

OCTAHEDRON = np.array([(1, 0, 0), (-1, 0, 0), (0, 1, 0), (0, -1, 0), (0, 0, 1), (0, 0, -1)])
SIDE = np.array([(np.cos(t), np.sin(t)) for t in np.radians((0, 120, 240))])
PRISM = np.array([(*side, z) for side in SIDE for z in (-0.75, 0.75)])
TETRAHEDRON = np.array([(1, 1, 1), (1, -1, -1), (-1, 1, -1), (-1, -1, 1)])
PYRAMID = OCTAHEDRON[:5]
BIPYRAMID = np.array([(*side, 0) for side in SIDE] + [(0, 0, 1), (0, 0, -1)])
SQUARE = OCTAHEDRON[:4]


@pytest.mark.parametrize(
    ("vectors", "name"),
    [
        (OCTAHEDRON, "octahedral"),
        (PRISM, "prismatic"),
        (TETRAHEDRON, "tetrahedral"),
        (PYRAMID, "square_pyramidal"),
        (BIPYRAMID, "other"),
        (SQUARE, "other"),
        (OCTAHEDRON[:3], "other"),
    ],
)
def test_ideal_polyhedra(vectors, name):
    assert polyhedra(2.0 * vectors[None]).tolist() == [name]


@pytest.mark.parametrize("seed", range(5))
def test_a_turned_and_shaken_octahedron_stays_one(seed):
    rng = np.random.default_rng(seed)
    turn, _ = np.linalg.qr(rng.normal(size=(3, 3)))
    shaken = OCTAHEDRON @ turn + rng.normal(scale=0.05, size=(20, 6, 3))
    assert set(polyhedra(shaken)) == {"octahedral"}


def bent_octahedron(angle):
    """Return unit bonds, three on either side of a plane, whose three trans angles are `angle` (degrees).

    All six lean by (180 - angle) / 2 in planes that contain the threefold axis: v(t) and its mate at t + 180 degrees
    enclose 180 - 2 x lean. The polar angle of the regular octahedron is arccos(1 / sqrt 3).
    """
    polar, lean = np.arccos(1 / np.sqrt(3)), np.radians(180 - angle)
    upper = [(np.sin(polar) * np.cos(t), np.sin(polar) * np.sin(t), np.cos(polar)) for t in np.radians((0, 120, 240))]
    low = polar - lean
    lower = [(-np.sin(low) * np.cos(t), -np.sin(low) * np.sin(t), -np.cos(low)) for t in np.radians((0, 120, 240))]
    return np.array([*upper, *lower])


def cell_of(vectors):
    """Return one Mn with oxygens 2 A away, in a box of 12 A."""
    positions = np.vstack([[(0.5, 0.5, 0.5)], 0.5 + 2.0 * vectors / 12.0])
    sites = tuple(Site(label=e, element=e, position=(0.0, 0.0, 0.0)) for e in ("Mn", "O"))
    kind = np.array([0] + [1] * len(vectors))
    return Atoms(
        name="box", lattice=12.0 * np.eye(3), positions=positions, kinds=sites, kind=kind, site=np.arange(len(kind))
    )


@pytest.mark.parametrize("angle", range(145, 156))
def test_interfaces_and_checks_name_the_same_polyhedron(angle):
    # The limit is at 147 degrees (`TRANS`): trans angles above it are those of octahedra, below it of prisms.
    vectors = bent_octahedron(angle + 0.01)
    angles = np.sort(np.degrees(np.arccos(np.clip(vectors @ vectors.T, -1, 1)))[np.triu_indices(6, 1)])
    assert angles[-3:] == pytest.approx([angle + 0.01] * 3)
    assert angles[-4] < 145
    expected = "octahedral" if angle >= TRANS else "prismatic"
    atoms = cell_of(vectors)
    assert coordination(atoms)["TM"][expected] == 1
    assert checked_polyhedra(classified_sites(atoms)).shape[0] == expected
