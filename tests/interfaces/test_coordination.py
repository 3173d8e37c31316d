"""Polyhedra by angles, from ideal ones whose coordinates are those of textbooks."""

import numpy as np
import pytest

from layerox.interfaces import interface
from layerox.interfaces.coordination import polyhedron

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
    assert polyhedron(2.0 * vectors[None]).tolist() == [name]


def test_lithium_in_a_gallery_is_no_metal():
    # OP4r of the library holds Li in its O galleries and Na in its P galleries; four slabs and galleries of each pair.
    report = interface("P2/OP4r").report
    assert report["coordination"] == report["coordination_by_letters"]
    assert report["coordination"]["Na"]["octahedral"] == 2


@pytest.mark.parametrize("seed", range(5))
def test_a_turned_and_shaken_octahedron_stays_one(seed):
    rng = np.random.default_rng(seed)
    turn, _ = np.linalg.qr(rng.normal(size=(3, 3)))
    shaken = OCTAHEDRON @ turn + rng.normal(scale=0.05, size=(20, 6, 3))
    assert set(polyhedron(shaken)) == {"octahedral"}
