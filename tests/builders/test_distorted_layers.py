"""P'2, P'3 and O'3. Ranges of cells are those of the project's table of phases; identities are geometry."""

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from layerox.builders import build_crystal, parse_formula
from layerox.builders.distorted_layers import PARENTS, DistortedGeometry, distorted_crystal
from layerox.builders.layer_heights import LayerGeometry
from layerox.crystal.atoms import atoms_from_crystal, lattice_from_cell
from layerox.crystal.full_symmetry import with_full_symmetry
from layerox.errors import InputError

FORMULA = "Na0.6MnO2"
HEIGHTS = {"P'2": 11.1, "P'3": 16.6, "O'3": 16.2}


def distorted(phase, distortion, **own):
    parent = LayerGeometry(a=2.89, c=HEIGHTS[phase], **own)
    geometry = DistortedGeometry(distortion=distortion, parent=parent)
    return distorted_crystal(phase, parse_formula(FORMULA), geometry=geometry)


def points(crystal, element):
    """Cartesian positions of an element's atoms, angstrom."""
    atoms = atoms_from_crystal(crystal)
    return atoms.positions[atoms.elements == element] @ lattice_from_cell(crystal.cell)


@pytest.mark.parametrize("phase", PARENTS)
def test_without_distortion_it_is_the_parent(phase):
    child = with_full_symmetry(atoms_from_crystal(distorted(phase, 0.0)).to_crystal())
    parent = build_crystal(PARENTS[phase], formula=FORMULA, a=2.89, c=HEIGHTS[phase], bond=None)
    assert child.space_group == parent.space_group
    assert child.volume == pytest.approx(parent.volume, rel=1e-9)
    for element in ("Mn", "Na", "O"):
        ours, theirs = (sorted(x.occupancy for x in c.sites if x.element == element) for c in (child, parent))
        assert ours == pytest.approx(theirs)


@pytest.mark.parametrize("phase", PARENTS)
def test_without_distortion_every_metal_anion_vector_is_the_parents(phase):
    """|F|^2 of both cells at the parent's reflections, written in each one's axes."""
    child = distorted(phase, 0.0)
    parent = build_crystal(PARENTS[phase], formula=FORMULA, a=2.89, c=HEIGHTS[phase], slab=2 * _half(child))
    rectangular = build_crystal(
        PARENTS[phase], formula=FORMULA, a=2.89, c=HEIGHTS[phase], slab=2 * _half(child), setting="rectangular"
    )
    assert len(points(rectangular, "Mn")) == 2 * len(points(parent, "Mn"))
    ours, theirs = (sorted(np.round(_radial(c), 6)) for c in (child, parent))
    assert ours == pytest.approx(theirs, abs=1e-6)


def _half(crystal):
    anion = next(site for site in crystal.sites if site.element == "O")
    z = min(anion.position[2] % 1, 1 - anion.position[2] % 1)
    return z * crystal.cell[2] * math.sin(math.radians(crystal.cell[4]))


def _radial(crystal):
    """The 40 shortest distances from one metal to any atom, angstrom."""
    atoms = atoms_from_crystal(crystal)
    cells = np.array([(i, j, k) for i in range(-4, 5) for j in range(-4, 5) for k in range(-2, 3)])
    start = atoms.positions[atoms.elements == "Mn"][0]
    apart = (atoms.positions[:, None, :] - start + cells).reshape(-1, 3) @ lattice_from_cell(crystal.cell)
    return np.sort(np.linalg.norm(apart, axis=1))[1:41]


@pytest.mark.parametrize("phase", PARENTS)
@given(distortion=st.floats(-0.05, 0.15), step=st.floats(1e-6, 1e-4))
def test_it_goes_continuously_to_its_parent(phase, distortion, step):
    here, there = distorted(phase, distortion), distorted(phase, distortion + step)
    assert here.volume == pytest.approx(there.volume, rel=1e-9)
    for one, other in zip(here.sites, there.sites, strict=True):
        moved = np.subtract(one.position, other.position) * here.cell[:3]
        assert np.abs(moved).max() < 5 * 5.7 * step


@pytest.mark.parametrize("phase", PARENTS)
def test_the_distortion_is_the_ratio_of_the_sides(phase):
    a, b, *_ = distorted(phase, 0.08).cell
    short, long = (a, b) if phase == "P'2" else (b, a)
    assert long / (math.sqrt(3) * short) - 1 == pytest.approx(0.08)


def test_metal_keeps_six_anions_and_sodium_its_prism_or_octahedron():
    for phase in PARENTS:
        crystal = distorted(phase, 0.08)
        for element, low, high in (("Mn", 1.8, 2.35), ("Na", 2.2, 2.7)):
            site = next(s for s in crystal.sites if s.element == element)
            anions = atoms_from_crystal(crystal)
            cells = np.array([(i, j, k) for i in range(-2, 3) for j in range(-2, 3) for k in range(-2, 3)])
            chosen = anions.positions[anions.elements == "O"]
            apart = (chosen[:, None, :] - site.position + cells).reshape(-1, 3) @ lattice_from_cell(crystal.cell)
            bonds = np.sort(np.linalg.norm(apart, axis=1))
            assert low < bonds[0] <= bonds[5] < high < bonds[6]


def test_bonds_are_what_was_requested():
    geometry = DistortedGeometry(a=2.85, b=5.25, c=11.15, bonds=(1.92, 2.10))
    crystal = distorted_crystal("P'2", parse_formula(FORMULA), geometry=geometry)
    apart = points(crystal, "O")[:, None, :] - points(crystal, "Mn")[None, :1, :]
    lattice = lattice_from_cell(crystal.cell)
    cells = np.array([(i, j, k) for i in (-1, 0, 1) for j in (-1, 0, 1) for k in (-1, 0, 1)]) @ lattice
    bonds = np.sort(np.linalg.norm((apart + cells[None]).reshape(-1, 3), axis=1))[:6]
    assert bonds == pytest.approx([1.92] * 4 + [2.10] * 2)


def test_given_cells_are_kept_and_missing_edges_follow():
    assert build_crystal("Op3", a=5.3, b=2.85, c=5.6, beta=111).cell == (5.3, 2.85, 5.6, 90.0, 111.0, 90.0)
    partly = build_crystal("Pp2", formula="Na0.7Mn0.9Cu0.1O2", a=2.86)
    assert partly.cell[0] == 2.86
    assert partly.cell[1] == pytest.approx(math.sqrt(3) * 2.86 * 1.07)
    assert "geometry_estimated" in {notice.code for notice in partly.warnings}
    only_c = distorted_crystal("P'3", parse_formula(FORMULA), geometry=DistortedGeometry(a=5.0, b=2.88, c=5.8))
    assert only_c.cell[2] == pytest.approx(5.8)


def test_estimates_lie_in_the_ranges_of_the_table():
    p2, o3 = (build_crystal(phase, formula="Na0.7MnO2").cell for phase in ("P'2", "O'3"))
    assert 2.80 < p2[0] < 2.92
    assert 5.1 < p2[1] < 5.35
    assert 5.2 < o3[0] < 5.7
    assert 109.5 < o3[4] < 113.3


@pytest.mark.parametrize(
    ("phase", "options", "message"),
    [
        ("P2", {}, "no distorted phase is called 'P2'"),
        ("P'2", {"geometry": {"distortion": 0.1, "b": 5.2}}, "a distortion and b of the distorted cell"),
        ("P'2", {"geometry": {"distortion": 0.7}}, "give at most 0.3"),
        ("P'2", {"geometry": {"a": -1.0}}, "positive length"),
        ("P'3", {"geometry": {"beta": 80.0}}, "degrees between"),
        ("P'2", {"geometry": {"a": 2.8, "b": 5.2, "bonds": (1.0, 2.9)}}, "do not fit a net"),
        ("P'2", {"geometry": {"bonds": (1.9, 2.1), "apex": 1.8}}, "give one of them"),
        ("P'2", {"geometry": {"positions": {"prism": 0.8}}}, "no free 'prism'"),
        ("O'3", {"geometry": {"positions": {"prism": 0.8}}}, "no free 'prism'"),
        ("P'3", {"sodium": {"lower": 0.1}}, "two prisms of P'3 are equivalent"),
    ],
)
def test_bad_descriptions_are_refused(phase, options, message):
    def act():
        geometry = DistortedGeometry(**options.get("geometry", {}))
        distorted_crystal(phase, parse_formula(FORMULA), geometry=geometry, sodium=options.get("sodium"))

    with pytest.raises(InputError, match=message):
        act()


def test_a_distortion_beside_its_own_b_is_refused():
    with pytest.raises(InputError, match="give the parent's a and c only"):
        build_crystal("Pp2", distortion=0.05, b=5.2)
