"""Ordered cells. Counts of distinct orderings are made again by brute force: every filling, compared pair by pair with
pymatgen's StructureMatcher, or counted by Burnside's lemma over the operations that spglib gives."""

import itertools
import warnings
from collections import defaultdict

import numpy as np
import pytest
import spglib
from hypothesis import given, settings
from hypothesis import strategies as st
from pymatgen.analysis.structure_matcher import StructureMatcher
from pymatgen.core import Structure

from layerox.builders import build_atoms, build_crystal, build_structure, ordered_atoms, orderings
from layerox.builders.montecarlo import drawn_filling
from layerox.builders.occupation import openings
from layerox.builders.supercell import in_supercell
from layerox.crystal.neighbours import pairs_within
from layerox.errors import InputError

RECTANGULAR = ((2, 0, 0), (1, 2, 0), (0, 0, 1))  # 2 x sqrt 3
TURNED = ((2, 1, 0), (-1, 1, 0), (0, 0, 1))  # sqrt 3 x sqrt 3


def shortest(atoms, element="Na"):
    positions = atoms.positions[atoms.elements == element]
    return pairs_within(atoms.lattice, positions, 4.0).distance.min()


def brute_force(structure, shape, number):
    """All choices of `number` sodium sites of a supercell without two closer than 2 A, as structures."""
    cell = structure.copy()
    cell.make_supercell(shape)
    sodium = [k for k, site in enumerate(cell) if "Na" in site.species.elements[0].symbol]
    distances = cell.distance_matrix
    allowed = []
    for chosen in itertools.combinations(sodium, number):
        if all(distances[a, b] > 2.0 for a, b in itertools.combinations(chosen, 2)):
            keep = [k for k in range(len(cell)) if k not in sodium or k in chosen]
            allowed.append(Structure(cell.lattice, [cell[k].species.elements[0] for k in keep],
                                     [cell[k].frac_coords for k in keep]))  # fmt: skip
    return allowed


def burnside(structure, shape, number):
    """The number of orbits of the same choices under the supercell's own operations: the mean of the fixed ones."""
    cell = structure.copy()
    cell.make_supercell(shape)
    mixtures = [str(sorted(site.species.as_dict().items())) for site in cell]
    numbers = [sorted(set(mixtures)).index(m) for m in mixtures]
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        symmetry = spglib.get_symmetry((cell.lattice.matrix, cell.frac_coords, numbers), symprec=1e-3)
    sodium = [k for k, site in enumerate(cell) if site.species.elements[0].symbol == "Na"]
    places = cell.frac_coords[sodium]
    distances = cell.distance_matrix[np.ix_(sodium, sodium)]
    choices = {
        frozenset(c)
        for c in itertools.combinations(range(len(sodium)), number)
        if all(distances[a, b] > 2.0 for a, b in itertools.combinations(c, 2))
    }
    fixed = 0
    for rotation, translation in zip(symmetry["rotations"], symmetry["translations"], strict=True):
        gap = (places @ rotation.T + translation)[:, None, :] - places[None, :, :]
        image = np.abs(gap - np.rint(gap)).max(axis=2).argmin(axis=1).tolist()
        fixed += sum(frozenset(image[k] for k in c) == c for c in choices)
    return fixed // len(symmetry["rotations"]), len(choices)


def test_two_thirds_in_a_two_by_root_three_cell_has_no_duplicates():
    parent = build_structure("P2", formula="Na2/3MnO2")
    found = orderings(parent, RECTANGULAR, keep_split=False)
    orbits, fillings = burnside(parent, RECTANGULAR, 5)
    assert sum(one.multiplicity for one in found) == fillings
    # Five is prime to the four lattice points of the cell: no filling has a shorter period, so that only operations
    # which keep the cell make two of them equal, and Burnside's count is that of the crystals.
    assert len(found) == orbits
    matcher = StructureMatcher(primitive_cell=False, attempt_supercell=False, scale=False, stol=0.05, ltol=0.01)
    assert len(matcher.group_structures([one.structure for one in found])) == len(found)
    # 8 metals hold 5 1/3 ions: the nearest whole number is 5, and the result says so.
    assert found[0].structure.composition["Na"] == 5
    assert [notice.code for notice in found[0].warnings] == ["composition_rounded"]
    assert "5 Na for 5.333" in found[0].warnings[0].message
    assert [one.energy for one in found] == sorted(one.energy for one in found)


def groups_of(structures):
    """The number of different crystals by pymatgen's matcher, which compares those of equal sodium distances only.

    Crystals whose distances differ are different; the matcher takes longest to find no match between such.
    """
    alike = defaultdict(list)
    for structure in structures:
        sodium = structure.copy()
        sodium.remove_species(["Co", "Mn", "O"])
        _, _, _, distances = sodium.get_neighbor_list(6.0)
        alike[tuple(np.sort(np.round(distances, 2)))].append(structure)
    matcher = StructureMatcher(primitive_cell=True, scale=False, stol=0.05, ltol=0.01, angle_tol=1)
    return sum(len(matcher.group_structures(group)) for group in alike.values())


@pytest.mark.parametrize(
    ("shape", "formula", "number"),
    [(TURNED, "Na2/3CoO2", 4), (((2, 0, 0), (0, 2, 0), (0, 0, 1)), "Na1/4CoO2", 2), (RECTANGULAR, "Na1/2CoO2", 4)],
    ids=["root 3", "2 x 2", "2 x root 3, half"],
)
def test_crystals_that_only_a_turned_supercell_makes_equal_are_one(shape, formula, number):
    parent = build_structure("P2", formula=formula)
    found = orderings(parent, shape, keep_split=False)
    every = brute_force(parent, shape, number)
    assert sum(one.multiplicity for one in found) == len(every)
    assert len(found) == groups_of(every)


def test_the_split_between_face_and_edge_is_kept_unless_freed():
    parent = build_structure("P2", formula="Na1/2CoO2", sodium={"face": 0.25})
    kept = orderings(parent, RECTANGULAR)
    assert 0 < len(kept) < len(orderings(parent, RECTANGULAR, keep_split=False))
    for one in kept:
        labels = [site.properties["site_label"] for site in one.structure if site.specie.symbol == "Na"]
        assert sorted(labels) == ["Nae", "Nae", "Naf", "Naf"]


def test_the_best_is_the_ewald_minimum_of_pymatgen():
    from pymatgen.analysis.ewald import EwaldSummation

    found = orderings(build_structure("O3", formula="Na1/2CoO2"), (2, 2, 1))
    energies = []
    for one in found:
        charged = one.structure.copy()
        charged.add_oxidation_state_by_element({"Na": 1, "Co": 3.5, "O": -2})
        energies.append(EwaldSummation(charged, acc_factor=16).total_energy)
    assert [one.energy for one in found] == pytest.approx(energies, abs=1e-3)


def test_5760_sites():
    """tests/benchmarks/build.py has its time."""
    atoms = build_atoms("P2", formula="Na0.67Ni0.33Mn0.67O2", supercell=(24, 24, 1))
    assert len(np.unique(atoms.site)) == 5760
    parent = build_atoms("P2", formula="Na0.67Ni0.33Mn0.67O2")
    ordered = ordered_atoms(parent, (24, 24, 1), seed=3)
    assert ordered.is_ordered
    assert shortest(ordered) > 2.0
    # 1152 metals: 0.67 * 1152 = 771.8 and 0.33 * 1152 = 380.2.
    assert ordered.content == {"Na": 772, "Mn": 772, "Ni": 380, "O": 2304}


def test_the_seed_decides():
    parent = build_atoms("P2")
    one, same, other = (ordered_atoms(parent, (6, 6, 1), seed=seed).positions for seed in (1, 1, 2))
    assert np.array_equal(one, same)
    assert one.shape == other.shape
    assert not np.array_equal(one, other)


@given(
    word=st.sampled_from(["P2", "P3", "OP4", "P2*2|O3*3", "O3"]),
    sodium=st.floats(0.05, 1.0),
    seed=st.integers(0, 99),
)
@settings(max_examples=25)
def test_drawn_cells_keep_their_distance_and_their_numbers(word, sodium, seed):
    cell = in_supercell(build_atoms(word, formula=f"Na{sodium:.4f}Ni0.3Mn0.7O2"), (5, 6, 1))
    gaps = openings(cell, by_layer=True)
    charges = {ion: 1.0 for pool in gaps.pools for ion in pool.ions}
    ordered = gaps.filled(drawn_filling(gaps, charges, seed).states)
    assert ordered.is_ordered
    if ordered.content.get("Na", 0) > 1:
        assert pairs_within(ordered.lattice, ordered.positions[ordered.elements == "Na"], 2.0).distance.size == 0
    for element, number in cell.content.items():
        assert abs(ordered.content.get(element, 0) - number) <= 0.5 + 1e-6


def test_every_layer_gets_its_share():
    ordered = ordered_atoms(build_atoms("P2*4|O3*6", formula="Na0.8Ni0.5Mn0.5O2"), (6, 6, 1))
    nickel = np.bincount(ordered.layer[ordered.elements == "Ni"])
    assert set(nickel.tolist()) == {18}  # half of 36 metals


def test_full_galleries_change_the_split_and_state_so():
    ordered = ordered_atoms(build_atoms("P2", formula="NaMnO2"), (6, 6, 1))
    assert ordered.content["Na"] == 72
    assert "split_changed" in [notice.code for notice in ordered.warnings]
    assert shortest(ordered) > 2.0


def test_a_bare_ordered_cell_has_its_composition():
    structure = build_structure("P2", formula="Na2/3Ni1/3Mn2/3O2", ordered=True)
    # sqrt 3 x sqrt 3: six metals, in which every amount is whole.
    assert structure.composition.as_dict() == {"Na": 4, "Ni": 2, "Mn": 4, "O": 12}
    assert structure.lattice.a == pytest.approx(2.885 * 3**0.5, abs=1e-6)
    assert "warnings" not in structure.properties


def test_a_crystal_and_a_structure_are_ordered_alike():
    crystal = build_crystal("O3", formula="Na1/2CoO2")
    structure = build_structure("O3", formula="Na1/2CoO2")
    assert [len(orderings(s, (2, 1, 1))) for s in (crystal, structure)] == [3, 3]


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: orderings(build_structure("O3", formula="NaCoO2")), "no partial occupancies"),
        (lambda: orderings(build_structure("P2"), (5, 5, 1)), "too many"),
        (lambda: orderings(build_structure("P2"), (0, 1, 1)), "no volume"),
        (lambda: orderings(build_structure("P2"), (1, 1)), "no supercell"),
        (lambda: orderings("P2"), "cannot be ordered"),
        (lambda: ordered_atoms(build_atoms("P2"), ((1, 0, 0), (0, -1, 0), (0, 0, 1))), "right-handed"),
    ],
)
def test_what_cannot_be_ordered_is_refused(call, message):
    with pytest.raises(InputError, match=message):
        call()
