"""Which phase a structure is, whatever the setting in which it is listed: words are those that were built."""

import numpy as np
import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st
from pymatgen.core import Lattice, Structure

from layerox.builders import build_atoms, build_crystal, build_structure
from layerox.stacking import POLYTYPES, parse_word
from layerox.validation import identify_structure

WORDS = [*POLYTYPES, "P2*4|O3*3", "P3*3|O3*3", "P2*2|P3*3", "AB BC CA AB BA AB CA BC"]


@pytest.mark.parametrize("name", POLYTYPES)
def test_named_polytypes(name):
    found = identify_structure(build_crystal(name, formula="Na0.5MnO2"))
    assert found.name == name
    assert found.word == parse_word(name).reduced().canonical()
    assert found.direction == (0, 0, 1)
    assert not found.distorted


@given(
    word=st.sampled_from(WORDS[:-1]),
    rows=st.lists(st.lists(st.integers(-2, 2), min_size=3, max_size=3), min_size=3, max_size=3),
    shift=st.lists(st.floats(-2, 2), min_size=3, max_size=3),
    noise=st.floats(0, 0.06),
    seed=st.integers(0, 1000),
)
@settings(max_examples=60)
def test_any_cell_origin_and_orientation_gives_the_same_word(word, rows, shift, noise, seed):
    """Supercells by any small matrix, sheared or left-handed, rotated in space, their atoms displaced a little."""
    matrix = np.array(rows)
    assume(1 <= abs(round(np.linalg.det(matrix))) <= 4)
    structure = build_structure(word, formula="Na0.5MnO2", a=2.88)
    structure.make_supercell(matrix)
    draw = np.random.default_rng(seed)
    turned, _ = np.linalg.qr(draw.normal(size=(3, 3)))
    lattice = structure.lattice.matrix @ turned
    moved = (
        structure.frac_coords + np.array(shift) + draw.normal(0, noise, (len(structure), 3)) @ np.linalg.inv(lattice)
    )
    found = identify_structure(Structure(Lattice(lattice), structure.species_and_occu, moved))
    assert found.word == parse_word(word).reduced().canonical()


def test_primitive_cells_of_centred_ones():
    for phase in ("O3", "P3"):
        primitive = build_structure(phase, formula="Na0.5MnO2").get_primitive_structure()
        assert sum(site.species.elements[0].symbol == "O" for site in primitive) == 2
        assert identify_structure(primitive).name == phase


def test_distorted_and_three_dimensional_references(reference_data):
    folder = reference_data.parent / "phases" / "cifs"
    names = {
        "Pp2_NMO": "P'2", "Pp3_NaCoO2": "P'3", "Op3_NaMnO2": "O'3", "Op3_NaNiO2": "O'3", "P2_NNM": "P2",
        "OP4_P63mmc": "OP4r", "S_LiMn2O4": "not layered", "T_Na044MnO2": "not layered",
    }  # fmt: skip
    assert {name: identify_structure(folder / f"{name}.cif").name for name in names} == names
    spinel = identify_structure(folder / "S_LiMn2O4.cif")
    assert spinel.coordination["metal"] == {"tetrahedral": 8, "octahedral": 16}
    assert spinel.word is None
    # Na0.44MnO2: Mn on one 2c and four 4g/4h sites, one of the latter in square pyramids.
    tunnel = identify_structure(folder / "T_Na044MnO2.cif").coordination["metal"]
    assert tunnel == {"octahedral": 14, "square_pyramidal": 4}


def test_continuous_distortion_gets_its_prime():
    structure = build_structure("P2", formula="Na0.5MnO2", supercell=((1, 0, 0), (1, 2, 0), (0, 0, 1)))
    a, b, c = structure.lattice.abc
    stretched = Structure(Lattice.orthorhombic(a, 1.05 * b, c), structure.species_and_occu, structure.frac_coords)
    assert identify_structure(structure).name == "P2"
    assert identify_structure(stretched).name == "P'2"


def test_lithium_and_magnesium_are_metals_only_in_the_metal_plane():
    inside = identify_structure(build_crystal("O3", formula="Na[Li1/3Mn2/3]O2"))
    assert inside.name == "O3"
    gallery = identify_structure(build_crystal("O3", formula="LiCoO2"))
    assert gallery.name == "O3"
    ordered = build_atoms("P2", formula="Na2/3Mg1/3Mn2/3O2", ordered=True)
    assert identify_structure(ordered).name == "P2"
