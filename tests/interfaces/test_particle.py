"""Core-shell platelets: point 9 of the project's interface physics."""

import numpy as np
import pytest

import layerox as lx
from layerox.interfaces import interface
from layerox.interfaces.cell_inspection import polyhedra


@pytest.fixture(scope="module")
def made():
    return interface("O3/P2", core_shell=[2.5, 1.0])


def test_whole_units_and_sodium(made):
    content = made.atoms.content
    metals = content["Mn"] + content["Ni"]
    assert content["O"] == 2 * metals
    shell = 6 * (content["Mn"] - metals / 2)  # x(Mn) is 1/2 in the core, 2/3 in the shell
    assert content["Na"] == pytest.approx((metals - shell) + 2 / 3 * shell, abs=2)


def test_metals_inside_are_octahedral(made):
    kinds, alkali, bonds = polyhedra(made.atoms)
    metal = ~alkali & (kinds != "")
    assert set(kinds[metal & (bonds == 6)]) == {"octahedral"}
    assert set(bonds[metal]) <= {3, 4, 5, 6}
    centre = made.atoms.cartesian.mean(axis=0)
    away = np.linalg.norm(made.atoms.cartesian - centre, axis=1)
    assert (bonds[metal & (away < 12)] == 6).all()


def test_galleries_are_those_of_core_and_shell(made):
    characters = [gallery.character for gallery in made.word.galleries]
    core = [k for k, character in enumerate(characters) if character == "O3"]
    assert core == list(range(core[0], core[-1] + 1))
    assert set(characters) == {"P2", "O3"}
    assert core[0] == len(characters) - 1 - core[-1]


def test_no_distance_is_short(made):
    shortest = made.report["shortest"]
    assert shortest["Na-Na"] > 2.8
    assert shortest["Mn-O"] > 0.9 * 1.948
    assert all(d > 2.3 for pair, d in shortest.items() if "O" not in pair.split("-"))


def test_surfaces_are_the_facets(made):
    """Seen from the middle, the outermost metals lie on the facets, 25 + 10 A away, less than one unit inside."""
    metals = made.atoms.cartesian[made.atoms.site_kind == "metal"]
    metals = metals - (metals.max(axis=0) + metals.min(axis=0)) / 2
    assert np.ptp(metals[:, 2]) / 2 == pytest.approx(12.5 + 10, abs=6)
    strain = made.report["strain"]["O3"]
    a, c = 2.9596 * (1 + strain["in_plane"]), 15.9136 * (1 + strain["out_of_plane"])
    for h, k, m in ((0, 1, 2), (1, 0, 4)):
        normal = np.array([h / a, (h + 2 * k) / (a * np.sqrt(3)), m / c])
        assert np.abs(metals @ normal / np.linalg.norm(normal)).max() == pytest.approx(35, abs=3)


def test_report_and_warnings(made):
    report = made.report
    codes = {w["code"] for w in report["warnings"]}
    assert codes >= {"surface_coordination", "lateral_shell", "shell_absorption"}
    assert report["findings"] == []
    assert report["atoms"] == len(made.atoms)
    assert [row["phase"] for row in report["lamellae"]] == ["O3", "P2"]


def test_three_regions_from_the_surface_inwards():
    made = interface("O3/P3/P2", core_shell=[2.0, 0.8, 0.8])
    assert [gallery.character for gallery in made.word.galleries] == [*["P2"], *["P3"], *["O3"] * 4, *["P3"], *["P2"]]
    lowest, middle = made.atoms.layer == 0, made.atoms.layer == 4
    assert set(made.atoms.phase[lowest & (made.atoms.site_kind == "metal")]) == {"P2"}
    assert "O3" in set(made.atoms.phase[middle])
    assert {"P2", "P3", "O3"} <= set(made.atoms.phase.tolist())


def test_the_same_seed_gives_the_same_particle():
    one, same, other = (interface("O3/P2", core_shell=[1.5, 0.7], seed=seed) for seed in (1, 1, 2))
    assert np.array_equal(one.atoms.elements, same.atoms.elements)
    assert not np.array_equal(one.atoms.elements, other.atoms.elements)


def test_a_hundred_thousand_atoms():
    assert interface("O3/P2", core_shell=[5.5, 1.0]).report["atoms"] > 100_000


@pytest.mark.parametrize(
    ("phases", "arguments", "message"),
    [
        ("O3/P2", {"core_shell": [3.0]}, "1 lengths for 2 phases"),
        ("O3/P2", {"core_shell": [3.0, -1.0]}, "not positive"),
        ("O3/P2", {"core_shell": [300.0, 1.0]}, "too large"),
        ("O3/P2", {"core_shell": [3.0, 1.0], "slabs": [2, 3]}, "does not apply to a particle"),
        ("O3/P2", {"core_shell": [3.0, 1.0], "supercell": (2, 1, 1)}, "does not apply to a particle"),
        ("O3/spinel", {"core_shell": [3.0, 1.0]}, "a particle of spinel"),
    ],
)
def test_what_cannot_be(phases, arguments, message):
    with pytest.raises(lx.InputError, match=message):
        interface(phases, **arguments)


@pytest.mark.parametrize("phase", ["O'3", "P'3", "P'2"])
def test_the_middle_of_a_distorted_core_is_the_strained_crystal(phase):
    """Six bonds of each metal in the middle, against those of the bulk under the strains of the report."""
    made = interface([phase, "P2"], core_shell=[2.0, 0.8])
    label = made.report["lamellae"][0]["phase"]
    atoms, metal = made.atoms, made.atoms.site_kind == "metal"
    away = np.linalg.norm(atoms.cartesian - atoms.cartesian[metal].mean(axis=0), axis=1)
    inner = np.flatnonzero(metal & (away < 8.0) & (atoms.phase == label))
    anions = atoms.cartesian[atoms.site_kind == "anion"]
    bonds = np.sort(np.linalg.norm(atoms.cartesian[inner][:, None] - anions, axis=2), axis=1)
    assert len(inner) > 3
    assert (bonds[:, 6] > 3.0).all()
    expected = strained_bonds(lx.build(phase), made.report["strain"][label])
    np.testing.assert_allclose(bonds[:, :6], np.tile(expected, (len(inner), 1)), atol=0.02)


def strained_bonds(structure, strain):
    """Return the six bonds of a metal of a layered structure under homogeneous strains, angstrom.

    Axis 1 of the strain is the short side in the plane, axis 2 the long one, axis 3 the normal; the lean changes bonds
    by less than 0.01.
    """
    sides = sorted(structure.lattice.matrix[:2], key=np.linalg.norm)
    first, second = (side / np.linalg.norm(side) for side in sides)
    axes = np.array([first, second, np.cross(first, second)])
    stretch = 1.0 + np.array([strain["in_plane"], strain["across"], strain["out_of_plane"]])
    metal = next(site for site in structure if site.species_string[:2] in ("Ni", "Co", "Mn"))
    vectors = [
        neighbour.coords - metal.coords
        for neighbour in structure.get_neighbors(metal, 3.0)
        if neighbour.species_string.startswith("O")
    ]
    return np.sort(np.linalg.norm(np.array(vectors) @ axes.T * stretch, axis=1))[:6]


def test_a_distorted_core_leans_within_its_facets():
    """Columns of metals of the core are straight, and lean as those of the monoclinic cell."""
    made = interface(["O'3", "P2"], core_shell=[2.5, 0.8])
    atoms = made.atoms
    core = (atoms.site_kind == "metal") & (atoms.phase == "Op3")
    heights = np.unique(atoms.cartesian[core, 2].round(3))
    steps = np.diff(heights)
    assert np.ptp(steps) < 0.03  # shared slabs are as thick as the mean of both phases
    assert made.report["findings"] == []
    galleries = [row["galleries"] for row in made.report["lamellae"]]
    characters = [gallery.character for gallery in made.word.galleries]
    assert galleries == [characters.count("O3"), characters.count("P2")]


def test_a_misfit_beyond_coherency_is_a_finding():
    made = interface(["O'3", "P2"], core_shell=[1.5, 0.7], formulas=["NaMnO2", "Na2/3Mn2/3Ni1/3O2"])
    assert "large_misfit" in {warning["code"] for warning in made.report["warnings"]}
