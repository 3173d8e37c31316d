"""Layered cells against spglib (space groups), plain geometry (octahedra, prisms) and an identity of diffraction."""

import itertools

import gemmi
import numpy as np
import pytest
import spglib
from hypothesis import given, settings
from hypothesis import strategies as st

from layerox.builders import DisplacementFactors, GalleryContent, SlabContent, build_atoms, build_crystal, stacked
from layerox.builders.composition import parse_formula
from layerox.builders.layer_heights import LayerGeometry
from layerox.builders.layered import layered_crystal, layered_stack
from layerox.crystal.asymmetric_unit import ANIONS, Crystal
from layerox.errors import InputError
from layerox.stacking import POLYTYPES, Slab, Word, parse_word, polytype

NNM = "Na2/3Ni1/3Mn2/3O2"

words = st.builds(
    lambda pairs: Word(tuple(Slab(*pair) for pair in pairs)),
    st.lists(st.tuples(st.integers(0, 2), st.sampled_from([1, -1])), min_size=1, max_size=7),
)


def _spglib_number(crystal: Crystal) -> int:
    """The space group that spglib finds when it is told positions and mixtures only."""
    positions, numbers = [], []
    kinds: dict[tuple[tuple[str, float, float], ...], int] = {}
    for group in crystal.mixed_sites:
        members = [crystal.sites[k] for k in group]
        key = tuple((site.element, round(site.occupancy, 5), round(site.u_iso, 6)) for site in members)
        orbit = crystal.symmetry.orbit(members[0].position)
        positions.extend(orbit)
        numbers.extend([kinds.setdefault(key, len(kinds) + 1)] * len(orbit))
    lattice = np.array(gemmi.UnitCell(*crystal.cell).orth.mat.tolist()).T
    return spglib.get_symmetry_dataset((lattice, positions, numbers), symprec=1e-4).number


# Space groups of the table of phases; spglib must agree for each.
@pytest.mark.parametrize(
    ("word", "number", "symbol"),
    [
        ("P2", 194, "P63/mmc"),
        ("P3", 166, "R-3m"),
        ("O3", 166, "R-3m"),
        ("O2", 186, "P63mc"),
        ("AB AC", 186, "P63mc"),
        ("O1", 164, "P-3m1"),
        ("O6", 166, "R-3m"),
        ("OP2", 164, "P-3m1"),
        ("OP4", 187, "P-6m2"),
        ("OP4r", 194, "P63/mmc"),
    ],
)
def test_space_groups_are_those_of_the_table_and_of_spglib(word, number, symbol):
    crystal = layered_crystal(parse_word(word), parse_formula(NNM))
    assert (crystal.symmetry.number, crystal.space_group) == (number, symbol)
    assert _spglib_number(crystal) == number


def test_p2_with_same_sense_glides_in_every_second_gallery_is_r3m():
    # The six-slab OP stacking of the table of phases.
    crystal = layered_crystal(polytype("P2").glides((1, 0)).unsheared(), parse_formula(NNM))
    assert (crystal.space_group, _spglib_number(crystal)) == ("R3m", 160)


def test_unequal_prisms_make_p3_polar():
    crystal = layered_crystal(polytype("P3"), parse_formula(NNM), sodium={"lower": 0.4})
    assert (crystal.space_group, _spglib_number(crystal)) == ("R3m", 160)


@given(words, st.floats(0.05, 1), st.booleans())
@settings(max_examples=150, deadline=None)
def test_every_word_has_the_space_group_that_spglib_finds(word, sodium, is_split):
    composition = parse_formula("Ni1/3Mn2/3O2").with_sodium(sodium)
    has_p3 = any(gallery.character == "P3" for gallery in word.galleries)
    asked = {"lower": 0.7 * sodium} if is_split and has_p3 else None
    crystal = layered_crystal(word, composition, sodium=asked).checked()
    assert crystal.symmetry.number == _spglib_number(crystal)
    slabs = crystal.content["O"] / 2
    assert crystal.content["Na"] / slabs == pytest.approx(sodium)
    assert crystal.content["Mn"] / slabs == pytest.approx(2 / 3)
    assert 3 * len(word) % round(slabs) == 0


@given(words)
@settings(max_examples=40, deadline=None)
def test_the_crystal_does_not_depend_on_first_slab_or_letters(word):
    one = layered_crystal(word, parse_formula(NNM))
    other = layered_crystal(word.rotated(1).permuted((1, 2, 0)), parse_formula(NNM))
    assert other.cell == pytest.approx(one.cell)
    assert other.space_group == one.space_group
    assert _distances(other) == pytest.approx(_distances(one), abs=1e-6)


def _distances(crystal: Crystal) -> list[float]:
    """All distances below 4 A from each atom, sorted: a fingerprint."""
    return sorted(round(d, 4) for d, _, _ in _neighbours(crystal, 4.0))


def _neighbours(crystal: Crystal, reach: float):
    atoms = crystal.expanded()[0]
    lattice = np.array(crystal.unit_cell.orth.mat.tolist()).T
    shifts = np.array(list(itertools.product((-2, -1, 0, 1, 2), (-2, -1, 0, 1, 2), (-1, 0, 1))))
    for index, atom in enumerate(atoms):
        vectors = (atoms[:, None, :] + shifts - atom) @ lattice
        lengths = np.linalg.norm(vectors, axis=2)
        for other, cell in zip(*np.nonzero((lengths > 1e-3) & (lengths < reach)), strict=True):
            yield lengths[other, cell], (index, int(other)), vectors[other, cell]


def _anions_around(crystal: Crystal) -> dict[str, list[np.ndarray]]:
    """Unit vectors to the anions nearest to each cation of the cell, by site label."""
    owner = crystal.expanded()[1]
    around: dict[int, list[tuple[float, np.ndarray]]] = {}
    for length, (one, other), vector in _neighbours(crystal, 3.2):
        if crystal.sites[owner[other]].element in ANIONS and crystal.sites[owner[one]].element not in ANIONS:
            around.setdefault(one, []).append((length, vector / length))
    shells = {k: sorted(v, key=lambda pair: pair[0])[:6] for k, v in around.items()}
    found: dict[str, list[np.ndarray]] = {}
    for k, shell in shells.items():
        found.setdefault(crystal.sites[owner[k]].label, []).append(np.array([vector for _, vector in shell]))
    return found


def _straight_angles(vectors: np.ndarray) -> int:
    """Number of opposite pairs of neighbours: three in an octahedron, none in a trigonal prism."""
    return int((np.triu(vectors @ vectors.T, 1) < -0.98).sum())


@pytest.mark.parametrize("word", [*sorted(POLYTYPES), "P2*4|O3*3", "P3*2|O3*5", "Z:0.3"])
def test_metals_are_octahedral_and_sodium_sits_in_the_kind_of_its_gallery(word):
    crystal = build_crystal(word, formula=NNM)
    prismatic = {gallery.is_prismatic for gallery in parse_word(word).galleries}
    kinds = set()
    for label, shells in _anions_around(crystal).items():
        counts = {_straight_angles(vectors) for vectors in shells}
        assert all(len(vectors) == 6 for vectors in shells)
        if label.startswith(("Ni", "Mn")):
            assert counts == {3}
        else:
            assert len(counts) == 1
            assert counts <= {0, 3}
            kinds |= {count == 0 for count in counts}
    assert kinds == prismatic


def test_face_and_edge_prisms_of_p2():
    # A face site has two metals straight above and below, at c/4; an edge site has none.
    crystal = build_crystal("P2")
    metals = {label: [] for label in ("Naf", "Nae")}
    owner = crystal.expanded()[1]
    for length, (one, other), _ in _neighbours(crystal, 2.9):
        labels = crystal.sites[owner[one]].label, crystal.sites[owner[other]].label
        if labels[0] in metals and labels[1] == "Mn1":
            metals[labels[0]].append(length)
    assert metals["Naf"] == pytest.approx([11.155 / 4] * len(metals["Naf"]))
    assert len(metals["Naf"]) == 4
    assert metals["Nae"] == []


# Bond lengths of the reference structures, from the table of phases.
@pytest.mark.parametrize(
    ("name", "metal", "sodium"),
    [
        ("P2_NNM", 1.948, 2.437),
        ("P2_NaCoO2", 1.911, 2.377),
        ("P2_NFM", 1.965, 2.477),
        ("O3_NNM", 2.005, 2.343),
        ("O3_NaCoO2", 1.934, 2.327),
        ("O3_NFO", 2.035, 2.394),
        ("P3_NaCoO2_Rbar3m", 1.939, 2.348),
        ("P3_NNM_R3m", 1.948, 2.447),
        ("O2_LiCoO2", 1.925, 2.104),
        ("O2_NNM", 1.895, 2.071),
    ],
)
def test_bonds_of_the_reference_structures(name, metal, sodium):
    crystal = build_crystal(name)
    owner = crystal.expanded()[1]
    shortest: dict[str, float] = {}
    for length, (one, other), _ in _neighbours(crystal, 3.0):
        if crystal.sites[owner[other]].element == "O":
            element = crystal.sites[owner[one]].element
            shortest[element] = min(length, shortest.get(element, 9.0))
    cation = "Li" if "Li" in shortest else "Na"
    assert shortest[cation] == pytest.approx(sodium, abs=6e-4)
    assert min(x for element, x in shortest.items() if element not in ("O", "Na", "Li")) == pytest.approx(
        metal, abs=6e-4
    )


def test_lines_with_h_minus_k_divisible_by_three_do_not_see_the_stacking():
    # An identity: slabs displaced by thirds of a - b scatter in phase there. No sodium, equal repeat of 5.6 A.
    amplitudes = {}
    for name in ("O1", "O2", "O3", "P2", "P3", "OP4"):
        kinds = {gallery.character[0] for gallery in polytype(name).galleries}
        geometry = LayerGeometry(a=2.88, slab=2.0, galleries=dict.fromkeys(kinds, 3.6))
        crystal = layered_crystal(polytype(name), parse_formula("MnO2"), geometry=geometry)
        slabs = round(crystal.content["Mn"])
        positions, owner = crystal.expanded()
        strength = np.array([{"Mn": 25.0, "O": 8.0}[crystal.sites[k].element] for k in owner])
        hkl = np.array([(h, k, m * slabs) for h, k in ((0, 0), (1, 1), (3, 0), (4, 1)) for m in range(5)])
        amplitudes[name] = np.abs(np.exp(2j * np.pi * hkl @ positions.T) @ strength) / slabs
    for name, values in amplitudes.items():
        assert values == pytest.approx(amplitudes["O1"], rel=1e-7), name


def test_slabs_and_galleries_may_each_have_their_own_content():
    word = parse_word("P2*2|O3*3")
    slab = SlabContent(thickness=2.0, metals={"Mn": 1.0}, lower={"O": 1.0}, upper={"O": 0.9, "F": 0.1})
    mixed = SlabContent(thickness=2.1, metals={"Ni": 0.5, "Mn": 0.4}, lower={"O": 1.0}, upper={"O": 1.0})
    p, o = {"face": {"Na": 0.2}, "edge": {"Na": 0.3}}, {"octahedral": {"Na": 0.9}}
    contents = [GalleryContent(height=h, ions=i) for h, i in ((3.6, p), (3.5, p), (3.2, o), (3.2, o), (3.3, o))]
    stack = stacked(word, [slab, slab, mixed, slab, slab], contents, a=2.9, displacement=DisplacementFactors(metal=0.5))
    crystal = stack.standardised().crystal().checked()
    assert crystal.cell[2] == pytest.approx(4 * 2.0 + 2.1 + 3.6 + 3.5 + 3.2 + 3.2 + 3.3)
    assert crystal.content == pytest.approx({"Mn": 4.4, "Ni": 0.5, "O": 9.6, "F": 0.4, "Na": 2 * 0.5 + 3 * 0.9})
    assert crystal.space_group == "P3m1"
    assert _spglib_number(crystal) == 156
    with pytest.raises(InputError, match="for a word of 5"):
        stacked(word, [slab], contents, a=2.9)


def test_atoms_carry_layers_and_phases():
    atoms = build_atoms("P2*4|O3*3", formula=NNM, supercell=(2, 1, 2))
    metals = atoms.elements == "Mn"
    assert sorted(set(atoms.layer[metals])) == list(range(14))
    assert set(atoms.phase[atoms.elements == "Na"]) == {"P2", "O3"}
    assert set(atoms.phase[metals]) == {"P2", "O3", "P2|O3", "O3|P2"}
    heights = atoms.cartesian[metals][:, 2]
    order = np.argsort(atoms.layer[metals], kind="stable")
    assert (np.diff(heights[order]) > -1e-9).all()
    crystal = build_crystal("P2*4|O3*3", formula=NNM)
    assert set(atoms.labels) == {site.label for site in crystal.sites}
    assert atoms.content == pytest.approx({element: 4 * x for element, x in crystal.content.items()})


def test_repeats_are_taken_out_and_c_counts_for_the_word_as_given():
    crystal = layered_crystal(parse_word("P2*8"), parse_formula(NNM), geometry=LayerGeometry(a=2.885, c=4 * 11.155))
    assert crystal.cell[2] == pytest.approx(11.155)
    assert crystal.space_group == "P63/mmc"
    assert len(layered_stack(parse_word("O3*3"), parse_formula("NaMnO2")).sheets) == 12


def test_vacancies_dopants_and_anions_reach_the_sites():
    crystal = build_crystal("O3", formula="Na0.9Ni0.3Mn0.55Ti0.05O1.94F0.06")
    by_label = {site.label: site.occupancy for site in crystal.sites}
    assert by_label["O1"] == pytest.approx(0.97)
    assert by_label["F1"] == pytest.approx(0.03)
    assert by_label["Ti1"] == pytest.approx(0.05)
    assert sum(by_label[m] for m in ("Ni1", "Mn1", "Ti1")) == pytest.approx(0.9)


@pytest.mark.parametrize(
    ("word", "message"),
    [
        (parse_word("P2*3|O3*4"), "add or remove one P2 gallery"),
        (parse_word("P2*4|O3*4"), "shear c by"),
        (parse_word("P2*4|spinel*3"), "spinel block"),
        (parse_word("P2").opened(), "surfaces"),
    ],
)
def test_words_that_make_no_layered_cell_are_refused(word, message):
    with pytest.raises(InputError, match=message):
        layered_crystal(word, parse_formula(NNM))
