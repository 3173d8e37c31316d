"""Lists of atoms and supercells, against pymatgen and gemmi."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from layerox.builders import build_atoms, build_crystal
from layerox.crystal.asymmetric_unit import structure_from_crystal
from layerox.crystal.atoms import atoms_from_crystal, supercell
from layerox.errors import InputError

counts = st.tuples(st.integers(1, 3), st.integers(1, 3), st.integers(1, 2))


@pytest.mark.parametrize("name", ["P2", "O3", "P3", "OP4", "O2_LiCoO2"])
def test_atoms_of_a_crystal_are_those_of_pymatgen(name):
    crystal = build_crystal(name)
    atoms = atoms_from_crystal(crystal)
    assert atoms.content == pytest.approx(crystal.content)
    assert atoms.cell == pytest.approx(crystal.cell)
    structure, expected = atoms.to_structure(), structure_from_crystal(crystal)
    assert structure.composition.almost_equals(expected.composition)
    assert len(structure) == len(expected)
    assert structure.lattice.parameters == pytest.approx(expected.lattice.parameters)
    assert np.allclose(structure.frac_coords, expected.frac_coords)
    assert structure.site_properties["site_label"] == expected.site_properties["site_label"]


@given(counts)
@settings(deadline=None)
def test_a_supercell_is_the_one_pymatgen_makes(cells):
    atoms = supercell(build_crystal("P2"), cells)
    expected = structure_from_crystal(build_crystal("P2")) * cells
    assert atoms.to_structure().lattice.parameters == pytest.approx(expected.lattice.parameters)
    ours, theirs = atoms.to_structure(), expected
    assert len(ours) == len(theirs)
    # Each of our atoms lies on one of theirs with the same species.
    apart = ours.frac_coords[:, None] - theirs.frac_coords[None]
    apart = np.abs(apart - np.rint(apart)).max(axis=2)
    nearest = apart.argmin(axis=1)
    assert apart.min(axis=1).max() < 1e-9
    assert len(set(nearest)) == len(ours)
    assert all(ours[i].species.almost_equals(theirs[j].species) for i, j in enumerate(nearest))


@given(counts, counts)
@settings(deadline=None)
def test_supercells_of_supercells_multiply(one, other):
    atoms = build_atoms("OP2")
    twice = atoms.repeated(one).repeated(other)
    once = atoms.repeated([a * b for a, b in zip(one, other, strict=True)])
    assert twice.content == pytest.approx(once.content)
    assert twice.cell == pytest.approx(once.cell)
    assert sorted(map(tuple, np.round(twice.positions, 9))) == sorted(map(tuple, np.round(once.positions, 9)))
    assert twice.layer.max() == once.layer.max() == 2 * one[2] * other[2] - 1


def test_mixed_sites_share_their_position():
    atoms = supercell(build_crystal("P2"), (2, 2, 1))
    assert not atoms.is_ordered
    for site in np.unique(atoms.site):
        rows = atoms.site == site
        assert np.ptp(atoms.positions[rows], axis=0).max() == 0
        assert atoms.occupancies[rows].sum() <= 1 + 1e-9
    assert len(np.unique(atoms.site)) == 40


def test_an_ordered_cell_knows_it_is():
    atoms = supercell(build_crystal("O3", formula="NaMnO2"), (2, 2, 1))
    assert atoms.is_ordered
    assert atoms.formula == "Na12Mn12O24"
    assert set(atoms.elements) == {"Na", "Mn", "O"}
    assert atoms.to_crystal().checked().content == atoms.content


def test_a_supercell_of_a_hundred_thousand_atoms():
    """50 x 50 x 4 cells of the 12 site rows of P2; tests/benchmarks/build.py has its time."""
    assert len(supercell(build_crystal("P2"), (50, 50, 4))) == 120_000


@pytest.mark.parametrize("cells", [(0, 1, 1), (1, 1), (1.5, 1, 1), (1, -1, 1)])
def test_impossible_supercells_are_refused(cells):
    with pytest.raises(InputError, match="three positive integers"):
        supercell(build_crystal("P2"), cells)


def test_a_supercell_beyond_all_use_is_refused_at_once():
    with pytest.raises(InputError, match=r"1000000 x 1000000 x 1 cells hold \d+ atoms; at most 2000000"):
        supercell(build_crystal("P2"), (10**6, 10**6, 1))
