"""Larger cells where n meshes of one phase meet n + 1 of another, with the numbers of interface physics, point 8."""

import math
from dataclasses import replace

import numpy as np
import pytest

import layerox as lx
from layerox.interfaces import interface
from layerox.interfaces.boundary_gallery import SQUARE, apart, holes, net_of
from layerox.interfaces.cell_inspection import polyhedra
from layerox.interfaces.result import with_whole_atoms
from layerox.validation import identify_structure

SMALL = "O3_NFO/O1"  # 3.02 A on 2.82 A: 14 on 15 meshes, so that tests are quick


@pytest.fixture(scope="module")
def made():
    return interface("P2/O3", in_plane="auto")


@pytest.fixture(scope="module")
def small():
    return interface(SMALL, in_plane="auto", slabs=[4, 3], boundary=0.5)


def test_forty_of_p2_meet_thirty_nine_of_o3(made):
    # 2.885 x 2.9596 / 0.0746 = 114.5 A between misfit dislocations; 40 x 2.885 = 115.40 and 39 x 2.9596 = 115.42 A.
    own = made.report["in_plane"]
    assert own["meshes"] == {"P2": 40, "O3": 39}
    assert own["natural_spacing_nm"] == pytest.approx(11.4, rel=0.02)
    assert own["length_nm"] == pytest.approx(11.54, abs=0.002)
    assert made.report["dislocation_spacing_nm"] == own["length_nm"]
    assert made.report["misfit"] == pytest.approx(0.02553, abs=1e-5)
    assert own["residual_misfit"] == pytest.approx(2 * (115.4244 - 115.4) / (115.4244 + 115.4), rel=0.01)


def test_what_is_left_is_what_the_lines_do_not_take_up(made):
    # Lines every L take up a / L of strain: 1 / natural - 1 / L is the residual misfit over a.
    report = made.report
    left = 1 / report["in_plane"]["natural_spacing_nm"] - 1 / report["dislocation_spacing_nm"]
    assert abs(left) * 0.2922 == pytest.approx(report["in_plane"]["residual_misfit"], rel=0.05)


def test_strain_is_that_of_the_meshes_and_costs_next_to_nothing(made):
    strain, edge = made.report["strain"], made.report["cell"][0]
    assert strain["P2"]["in_plane"] == pytest.approx(edge / 40 / 2.885 - 1, abs=1e-6)
    assert strain["O3"]["in_plane"] == pytest.approx(edge / 39 / 2.9596 - 1, abs=1e-6)
    coherent = interface("P2/O3").report["coherency_energy"]
    assert made.report["coherency_energy"]["MJ_per_m3"] < 1e-3 * coherent["MJ_per_m3"]


def test_slabs_stay_whole(made):
    """Three slabs each: 40^2 and 39^2 metals and twice as many anions; every metal octahedral."""
    metals = 3 * (40**2 + 39**2)
    assert made.atoms.content["O"] == pytest.approx(2 * metals)
    counts = made.report["coordination"]["TM"]
    assert counts["octahedral"] == metals
    assert sum(counts.values()) == metals
    letters = made.report["coordination_by_letters"]
    assert letters["TM"] == counts
    assert letters["Na"]["prismatic"] == 2 * 2 * 40**2
    assert letters["Na"]["octahedral"] == 2 * 39**2


def test_nothing_is_wrong_but_what_the_boundary_lacks_is_named(made):
    assert made.findings == ()
    codes = [w["code"] for w in made.report["warnings"]]
    assert codes.count("semi_coherent") == 1
    assert codes.count("boundary_filling") == codes.count("under_coordinated") == 2


def test_the_named_number_of_under_coordinated_sites_is_that_of_the_atoms(small):
    kinds, alkali, bonds = polyhedra(small.atoms)
    first = np.unique(small.atoms.site, return_index=True)[1]
    inside = small.atoms.site_kind[first] == "boundary"
    bare = np.count_nonzero(inside & alkali & (kinds != "") & (bonds < 6))
    told = [w["message"] for w in small.report["warnings"] if w["code"] == "under_coordinated"]
    assert bare == sum(int(message.split(" sites")[0].split()[-3]) for message in told)
    assert bare > 0


def test_sodium_is_shared_out_on_the_holes(made):
    # The lower content, 2/3 a metal, in both galleries between the nets: 2 x 2/3 x (1600 + 1521) / 2 ions.
    inside = made.atoms.site_kind == "boundary"
    assert made.atoms.occupancies[inside].sum() == pytest.approx(2 * 2 / 3 * (1600 + 1521) / 2)
    own = {"P2": (2 * 1600 * 2 / 3), "O3": 2 * 1521}
    rest = made.atoms.content["Na"] - made.atoms.occupancies[inside].sum()
    assert rest == pytest.approx(sum(own.values()))


@pytest.mark.parametrize("boundary", ["own", 0.9])
def test_the_filling_can_be_stated(boundary):
    made = interface(SMALL, in_plane="auto", boundary=boundary)
    inside = made.atoms.occupancies[made.atoms.site_kind == "boundary"].sum()
    n, m = made.report["in_plane"]["meshes"].values()
    wanted = 2 * (1.0 * n**2 / 2 if boundary == "own" else 0.9 * (n**2 + m**2) / 2)  # O1 CoO2 holds none
    assert inside == pytest.approx(wanted)


def test_no_distance_is_short(made):
    bulk = {p: interface([p, p]).report["shortest"] for p in ("P2", "O3")}
    for pair, distance in made.report["shortest"].items():
        assert distance >= 0.9 * min(found[pair] for found in bulk.values()), pair
        assert "O" in pair.split("-") or pair == "Na-Na" or distance > 2.3


def test_charges_balance(made):
    content = made.atoms.content
    metals = content["Mn"] + content["Ni"]
    mean = (2 * content["O"] - content["Na"]) / metals
    weights = [3 * 40**2, 3 * 39**2]
    valences = [row["tm_valence"] for row in made.report["lamellae"]]
    assert np.average(valences, weights=weights) == pytest.approx(mean, abs=1e-4)


@pytest.mark.parametrize(("label", "slabs"), [("O3_NFO", 3), ("O1", 1)])
def test_a_lamella_cut_out_and_relaxed_is_its_phase_again(small, label, slabs):
    """Whole periods between metals of a lamella, over all its meshes; identified from the atoms alone."""
    atoms, strain = small.atoms, small.report["strain"][label]
    layers = sorted(set(atoms.layer[(atoms.phase == label) & (atoms.site_kind == "metal")].tolist()))
    heights = {k: atoms.positions[(atoms.layer == k) & (atoms.site_kind == "metal"), 2].mean() for k in layers}
    low, high = heights[layers[0]], heights[layers[slabs]]
    rows = (atoms.positions[:, 2] >= low - 1e-9) & (atoms.positions[:, 2] < high - 1e-9)
    lattice = atoms.lattice.copy()
    lattice[:2] /= 1 + strain["in_plane"]
    lattice[2] *= (high - low) / (1 + strain["out_of_plane"])
    positions = (atoms.positions[rows] - [0, 0, low]) / [1, 1, high - low]
    arrays = {name: getattr(atoms, name)[rows] for name in ("kind", "site", "layer", "phase", "site_kind")}
    found = identify_structure(replace(atoms, lattice=lattice, positions=positions, **arrays))
    assert found.name == ("O3" if label == "O3_NFO" else "O1")


def test_equal_meshes_among_different_ones_share_a_slab():
    made = interface("P2/P3/O3_NFO", in_plane="auto", slabs=[2, 2, 2])
    meshes = made.report["in_plane"]["meshes"]
    assert meshes["P2"] == meshes["P3"] == meshes["O3_NFO"] + 1
    assert [row["phases"] for row in made.report["boundaries"]] == [["P2", "P3"], ["P3", "O3_NFO"], ["O3_NFO", "P2"]]
    assert "P2|P3" in set(made.atoms.phase[made.atoms.site_kind == "metal"])
    assert made.findings == ()


def test_whole_atoms(small):
    whole = with_whole_atoms(small, seed=3)
    assert whole.atoms.is_ordered
    assert whole.findings == ()
    assert whole.report["shortest"]["Na-Na"] > 2.5


def test_a_supercell_counts_everything(small):
    twice = interface(SMALL, in_plane="auto", slabs=[4, 3], boundary=0.5, supercell=(1, 1, 2))
    assert twice.report["atoms"] == 2 * small.report["atoms"]
    assert twice.report["coordination"]["TM"]["octahedral"] == 2 * small.report["coordination"]["TM"]["octahedral"]
    assert twice.report["findings"] == []


# --- the nets -------------------------------------------------------------------------------------------------------


def test_holes_of_one_net_are_its_two_hollows():
    # Of a hexagonal net with a = 2.9 A, each a / sqrt 3 = 1.674 A from three anions; two in each mesh.
    net = net_of(0, 5)
    found = holes(net, net, 5 * 2.9)
    assert len(found) == 2 * 25
    assert found.clearance == pytest.approx(2.9 / math.sqrt(3), abs=2e-3)
    assert len(apart(found, 5 * 2.9, 2.6)) <= 25


def test_holes_of_two_staggered_nets():
    # A over B leaves C: one hole in a mesh as wide as before.
    found = holes(net_of(0, 4), net_of(1, 4), 4 * 2.9)
    wide = found.where(np.flatnonzero(found.clearance > 1.6))
    assert len(wide) == 16
    ours = np.sort(np.rint(wide.positions * 12).astype(int) % 12, axis=0)
    assert np.array_equal(ours, np.sort(np.rint(net_of(2, 4) * 12).astype(int) % 12, axis=0))


def test_holes_are_apart_across_the_edge_too():
    found = apart(holes(net_of(0, 12), net_of(0, 11), 33.0), 33.0, 2.6)
    away = found.positions[:, None] - found.positions[None]
    away = (away - np.rint(away)) @ (33.0 * SQUARE)
    distances = np.linalg.norm(away, axis=2) + 10 * np.eye(len(found))
    assert distances.min() >= 2.6 - 1e-3
    assert len(found) > 0.8 * 11.5**2


@pytest.mark.parametrize(
    ("phases", "arguments", "message"),
    [
        ("P2/O3", {"in_plane": [20, 19]}, "leave a misfit of 2.58%, without them it is 2.55%; give 40 39"),
        ("P2/O3", {"in_plane": [39, 40]}, "give 40 39"),
        ("P2/O3", {"in_plane": [40]}, "a positive number for each phase"),
        ("P2/O3", {"in_plane": [0, 1]}, "a positive number for each phase"),
        ("P2/O3", {"in_plane": "wide"}, "give 'auto'"),
        ("P2/O3", {"in_plane": [3, 3]}, "is the coherent cell"),
        ("P2/O3", {"in_plane": [4000, 3900]}, "rows of atoms"),
        ("P2/O3", {"in_plane": "auto", "slabs": [1, 3]}, "two slabs or more"),
        ("P2/O3/P2", {"in_plane": [40, 39, 39]}, "two numbers of meshes"),
        ("P2/P3", {"in_plane": "auto"}, "do not part by one within 500 A"),
        ("P2/P2", {"in_plane": "auto"}, "do not part by one"),
        ("P2/spinel", {"in_plane": "auto"}, "a plane of anions, which has one mesh"),
        ("P2/tunnel", {"in_plane": "auto"}, "does not apply to a cell with a tunnel oxide"),
        ("P2/P'2", {"in_plane": "auto"}, "rectangular"),
        ("O3/P2", {"in_plane": "auto", "core_shell": [3.0, 1.0]}, "does not apply to a particle"),
    ],
)
def test_what_cannot_be(phases, arguments, message):
    with pytest.raises(lx.InputError, match=message):
        interface(phases, **arguments)
