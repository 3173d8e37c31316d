"""Setting, origin and supercell of a structure change no weight fraction."""

from dataclasses import replace

import numpy as np
import pytest

from layerox.analysis.fit import fit
from layerox.analysis.phase_arguments import phases_from
from layerox.crystal.asymmetric_unit import Crystal
from layerox.symmetry import symmetry_from_name
from mixtures import differences, mixture, shown


def in_p1(crystal, repeats=(1, 1, 1), shift=(0.0, 0.0, 0.0)):
    """Return a crystal as a list of all atoms of so many cells, its origin moved by a fraction of the cell."""
    positions, owners = crystal.expanded()
    sites = []
    for cell in np.ndindex(*repeats):
        for position, owner in zip(positions, owners, strict=True):
            place = (np.array(position) + np.array(cell) + np.array(shift)) / np.array(repeats)
            label = f"X{len(sites) + 1}"
            sites.append(replace(crystal.sites[owner], label=label, position=tuple(float(x) % 1 for x in place)))
    lengths = [a * n for a, n in zip(crystal.cell[:3], repeats, strict=True)]
    return Crystal(name=crystal.name, cell=(*lengths, *crystal.cell[3:]), symmetry=symmetry_from_name("P 1"),
                   sites=tuple(sites), source=crystal.source)  # fmt: skip


def rhombohedral(crystal):
    """Return a crystal of hexagonal axes in rhombohedral ones: a site (0, 0, z) becomes (z, z, z)."""
    a, _, c, *_ = crystal.cell
    length = float(np.sqrt(a**2 / 3 + c**2 / 9))
    alpha = float(np.degrees(2 * np.arcsin(a / 2 / length)))
    sites = [replace(site, position=(site.position[2],) * 3) for site in crystal.sites]
    return replace(crystal, cell=(length, length, length, alpha, alpha, alpha),
                   symmetry=symmetry_from_name(f"{crystal.space_group}:R"), sites=tuple(sites))  # fmt: skip


@pytest.fixture(scope="module")
def data():
    return mixture(("P2", "O3"), (0.6, 0.4), seed=7)


@pytest.fixture(scope="module")
def usual(data):
    return fit(data, ["P2", "O3"])


@pytest.mark.parametrize(("repeats", "shift"), [
    ((1, 1, 1), (0.0, 0.0, 0.0)), ((2, 2, 1), (0.0, 0.0, 0.0)), ((1, 1, 1), (0.0, 0.0, 0.5)),
    ((1, 1, 1), (0.13, 0.27, 0.41)), ((1, 1, 2), (0.3, 0.0, 0.1)),
])  # fmt: skip
def test_lists_of_atoms_supercells_and_origins(data, usual, repeats, shift):
    crystals = [phase.crystal for phase in phases_from(["P2", "O3"])]
    result = fit(data, [(c.name, in_p1(c, repeats, shift)) for c in crystals])
    assert shown(result) == shown(usual)
    # The positions are found again to 1e-5 of a cell: fractions within a fiftieth of an esd.
    assert differences(usual, result)[1] < 0.02


def test_rhombohedral_axes(data, usual):
    p2, o3 = (phase.crystal for phase in phases_from(["P2", "O3"]))
    result = fit(data, [("P2", p2), ("O3", rhombohedral(o3))])
    assert shown(result) == shown(usual)
    assert differences(usual, result)[1] < 0.1
