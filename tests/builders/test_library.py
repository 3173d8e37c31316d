"""The reference phases. Cells, coordinates, occupancies and B are those of the project's table of phases, rounded as it
prints them; they were checked there with gemmi, pymatgen and spglib."""

import math

import numpy as np
import pytest

from layerox.analysis.identify import candidates_from
from layerox.builders import CATHODES, DEFAULTS, LIBRARY, library_entry, library_phase
from layerox.crystal.atoms import atoms_from_crystal, lattice_from_cell
from layerox.crystal.full_symmetry import with_full_symmetry
from layerox.errors import InputError
from layerox.stacking import POLYTYPES

A, B, C = (0.0, 0.0), (1 / 3, 2 / 3), (2 / 3, 1 / 3)
NNM = [("Ni", 1 / 3), ("Mn", 2 / 3)]


def _rows(metals, letter, z, b=0.3):
    return [(element, letter, z, occupancy, b) for element, occupancy in metals]


# LibraryEntry -> space group, a, c, and element, (x, y), z, occupancy, B (angstrom^2) of each row.
REFERENCE = {
    "P2_NNM": (
        "P63/mmc", 2.885, 11.155,
        [*_rows(NNM, A, 0), ("Na", A, 0.25, 0.25, 2.5), ("Na", C, 0.25, 0.416667, 2.5), ("O", B, 0.090551, 1, 0.8)],
    ),
    "P2_NaCoO2": (
        "P63/mmc", 2.84, 10.811,
        [("Co", A, 0, 1, 0.3), ("Na", A, 0.25, 0.23, 2.0), ("Na", C, 0.25, 0.51, 2.0), ("O", B, 0.0908, 1, 0.5)],
    ),
    "P2_NFM": (
        "P63/mmc", 2.933, 11.22,
        [*_rows([("Fe", 0.5), ("Mn", 0.5)], A, 0), ("Na", A, 0.25, 0.25, 2.5), ("Na", C, 0.25, 0.416667, 2.5),
         ("O", B, 0.088847, 1, 0.8)],
    ),
    "O3_NNM": (
        "R-3m", 2.9596, 15.9136,
        [*_rows([("Ni", 0.5), ("Mn", 0.5)], A, 0), ("Na", A, 0.5, 1, 1.2), ("O", A, 0.267418, 1, 0.8)],
    ),
    "O3_NaCoO2": (
        "R-3m", 2.8892, 15.609, [("Co", A, 0, 1, 0.3), ("Na", A, 0.5, 1, 0.9), ("O", A, 0.27058, 1, 0.5)],
    ),
    "O3_LiCoO2": ("R-3m", 2.8161, 14.0536, [("Co", A, 0, 1, 0.3), ("Li", A, 0.5, 1, 1.0), ("O", A, 0.26049, 1, 0.5)]),
    "O3_NFO": ("R-3m", 3.025, 16.094, [("Fe", A, 0, 1, 0.3), ("Na", A, 0.5, 1, 1.0), ("O", A, 0.268432, 1, 0.6)]),
    "P3_NaCoO2_Rbar3m": (
        "R-3m", 2.888863, 15.843486,
        [("Co", A, 0, 1, 0.3), ("Na", A, 0.166667, 0.3, 2.5), ("O", A, 0.39573, 1, 0.6)],
    ),
    "P3_NNM_R3m": (
        "R3m", 2.887, 16.8,
        [*_rows(NNM, A, 0), ("O", A, 0.393345, 1, 0.8), ("O", A, 0.606655, 1, 0.8), ("Na", A, 0.166667, 0.4, 2.5),
         ("Na", A, 0.833333, 0.2667, 2.5)],
    ),
    "O2_LiCoO2": (
        "P63mc", 2.8035, 9.542,
        [("Co", B, 0, 1, 0.3), ("O", A, 0.109201, 1, 0.6), ("O", B, 0.390799, 1, 0.6), ("Li", C, 0.25, 1, 1.5)],
    ),
    "O2_NNM": (
        "P63mc", 2.812, 9.05,
        [*_rows(NNM, B, 0), ("O", A, 0.107996, 1, 0.6), ("O", B, 0.392004, 1, 0.6), ("Na", C, 0.25, 0.05, 1.5)],
    ),
    "OP4_glide": (
        "P-6m2", 2.87, 21.04,
        [*_rows(NNM, C, 0.133555), *_rows(NNM, A, 0.366445), ("O", B, 0.086522, 1, 0.8), ("O", A, 0.180588, 1, 0.8),
         ("O", C, 0.413478, 1, 0.8), ("O", B, 0.319412, 1, 0.8), ("Na", A, 0, 0.3, 2.5), ("Na", C, 0, 0.3, 2.5),
         ("Na", A, 0.5, 0.3, 2.5), ("Na", B, 0.5, 0.3, 2.5), ("Na", C, 0.25, 0.06, 2.0)],
    ),
    "OP4_P63mmc": (
        "P63/mmc", 2.83, 20.32,
        [("Co", C, 0.114665, 1, 0.3), ("O", B, 0.065985, 1, 0.6), ("O", A, 0.163345, 1, 0.6), ("Li", A, 0, 0.8, 1.5),
         ("Na", C, 0.25, 0.3, 2.5), ("Na", B, 0.25, 0.5, 2.5)],
    ),
    "OP2_glide": (
        "P-3m1", 2.87, 10.52,
        [*_rows(NNM, B, 0.23289), ("O", A, 0.326956, 1, 0.8), ("O", C, 0.138823, 1, 0.8), ("Na", B, 0.5, 0.25, 2.5),
         ("Na", A, 0, 0.16, 2.0)],
    ),
    "O1_CoO2": ("P-3m1", 2.822, 4.29, [("Co", A, 0, 1, 0.3), ("O", B, 0.220974, 1, 0.6)]),
}  # fmt: skip


# The same for what is not a plain stacking: cell, and label, position, occupancy and B of each row.
OTHERS = {
    "Pp2_NMO": (
        "Cmcm", (2.84, 5.265, 11.2, 90, 90, 90),
        [("Mn1", (0, 0, 0), 1, 0.4), ("Naf", (0, 0, 0.25), 0.25, 2.5), ("Nae", (0, 0.66, 0.25), 0.41667, 2.5),
         ("O1", (0, 0.348025, 0.089757), 1, 0.8)],
    ),
    "Op3_NaNiO2": (
        "C2/m", (5.3197, 2.84614, 5.5824, 90, 110.447, 90),
        [("Ni1", (0, 0, 0), 1, 0.0), ("Na1", (0, 0.5, 0.5), 1, 0.65), ("O1", (0.2828, 0, 0.8043), 1, 0.0)],
    ),
    "Op3_NaMnO2": (
        "C2/m", (5.672, 2.856, 5.806, 90, 113.2, 90),
        [("Mn1", (0, 0, 0), 1, 0.4), ("Na1", (0, 0.5, 0.5), 1, 1.0), ("O1", (0.292357, 0, 0.794321), 1, 0.6)],
    ),
    "Pp3_NaCoO2": (
        "C2/m", (4.904, 2.828, 5.72, 90, 105.96, 90),
        [("Co1", (0, 0, 0), 1, 0.3), ("Na1", (0.81, 0, 0.5), 0.3, 2.5), ("O1", (0.390278, 0, 0.178163), 1, 0.6)],
    ),
    "S_LiMn2O4": (
        "Fd-3m", (8.2476, 8.2476, 8.2476, 90, 90, 90),
        [("Li1", (0.125,) * 3, 1, 1.0), ("Mn2", (0.5,) * 3, 1, 0.5), ("O1", (0.2632,) * 3, 1, 0.9)],
    ),
    "S_lambdaMnO2": (
        "Fd-3m", (8.04, 8.04, 8.04, 90, 90, 90), [("Mn2", (0.5,) * 3, 1, 0.5), ("O1", (0.264,) * 3, 1, 0.9)],
    ),
    "S_MgMn2O4c": (
        "Fd-3m", (8.4, 8.4, 8.4, 90, 90, 90),
        [("Mg1", (0.125,) * 3, 0.6, 0.6), ("Mn1", (0.125,) * 3, 0.4, 0.6), ("Mn2", (0.5,) * 3, 0.8, 0.5),
         ("Mg2", (0.5,) * 3, 0.2, 0.5), ("O1", (0.2625,) * 3, 1, 0.8)],
    ),
    "S_Mn3O4": (
        "I41/amd", (5.765, 5.765, 9.442, 90, 90, 90),
        [("Mn1", (0, 0.75, 0.125), 1, 0.5), ("Mn2", (0, 0, 0.5), 1, 0.5), ("O1", (0, 0.4722, 0.2589), 1, 0.6)],
    ),
    "S_Na2MoO4": (
        "Fd-3m", (9.108, 9.108, 9.108, 90, 90, 90),
        [("Mo1", (0.125,) * 3, 1, 0.7), ("Na2", (0.5,) * 3, 1, 1.4), ("O1", (0.2373,) * 3, 1, 1.2)],
    ),
    "T_Na044MnO2": (
        "Pbam", (9.09, 26.4, 2.825, 90, 90, 90),
        [("Mn1", (0, 0.5, 0), 1, 0.4), ("Mn2", (0.361643, 0.309001, 0.5), 1, 0.4),
         ("Mn3", (0.366643, 0.087556, 0.5), 1, 0.4), ("Mn4", (0.028095, 0.109343, 0), 1, 0.4),
         ("Mn5", (0.002384, 0.307576, 0), 1, 0.4), ("Na1", (0.194489, 0.21999, 0), 1, 2),
         ("Na2", (0.855219, 0.011675, 0), 0.5, 2), ("Na3", (0.089709, 0.009495, 0.5), 0.48, 2),
         ("O1", (0.501088, 0.072696, 0), 1, 0.6), ("O2", (0.362014, 0.008152, 0.5), 1, 0.6),
         ("O3", (0.38999, 0.156548, 0.5), 1, 0.6), ("O4", (0.219505, 0.079267, 0), 1, 0.6),
         ("O5", (0.826513, 0.147717, 0), 1, 0.6), ("O6", (0.054953, 0.162885, 0.5), 1, 0.6),
         ("O7", (0.932029, 0.076155, 0.5), 1, 0.6), ("O8", (0.144075, 0.302861, 0.5), 1, 0.6),
         ("O9", (0.433209, 0.263375, 0), 1, 0.6)],
    ),
}  # fmt: skip

OCTAHEDRON, PRISM = 3, 0  # pairs of anions that face each other across the ion
# Shortest and longest distance to the nearest anions (angstrom), their number, and the shape, as the table has them.
BONDS = {
    "P2_NNM": {"Ni1": (1.948, 1.948, 6, OCTAHEDRON), "Naf": (2.437, 2.437, 6, PRISM), "Nae": (2.437, 2.437, 6, PRISM)},
    "P2_NaCoO2": {"Co1": (1.911, 1.911, 6, OCTAHEDRON), "Naf": (2.377, 2.377, 6, PRISM)},
    "P2_NFM": {"Fe1": (1.965, 1.965, 6, OCTAHEDRON), "Naf": (2.477, 2.477, 6, PRISM)},
    "O3_NaCoO2": {"Co1": (1.934, 1.934, 6, OCTAHEDRON), "Na1": (2.327, 2.327, 6, OCTAHEDRON)},
    "O3_NNM": {"Ni1": (2.005, 2.005, 6, OCTAHEDRON), "Na1": (2.343, 2.343, 6, OCTAHEDRON)},
    "O3_LiCoO2": {"Co1": (1.921, 1.921, 6, OCTAHEDRON), "Li1": (2.093, 2.093, 6, OCTAHEDRON)},
    "O3_NFO": {"Fe1": (2.035, 2.035, 6, OCTAHEDRON), "Na1": (2.394, 2.394, 6, OCTAHEDRON)},
    "P3_NaCoO2_Rbar3m": {"Co1": (1.939, 1.939, 6, OCTAHEDRON), "Na1": (2.348, 2.348, 6, PRISM)},
    "P3_NNM_R3m": {"Ni1": (1.948, 1.948, 6, OCTAHEDRON), "Na1": (2.447, 2.447, 6, PRISM),
                   "Na2": (2.447, 2.447, 6, PRISM)},
    "O2_LiCoO2": {"Co1": (1.925, 1.925, 6, OCTAHEDRON), "Li1": (2.104, 2.104, 6, OCTAHEDRON)},
    "O2_NNM": {"Ni1": (1.895, 1.895, 6, OCTAHEDRON), "Na1": (2.071, 2.071, 6, OCTAHEDRON)},
    "OP4_glide": {"Ni1": (1.930, 1.930, 6, OCTAHEDRON), "Ni2": (1.930, 1.930, 6, OCTAHEDRON)},
    "OP4_P63mmc": {"Co1": (1.910, 1.910, 6, OCTAHEDRON), "Li1": (2.114, 2.114, 6, OCTAHEDRON)},
    "OP2_glide": {"Ni1": (1.930, 1.930, 6, OCTAHEDRON)},
    "O1_CoO2": {"Co1": (1.885, 1.885, 6, OCTAHEDRON)},
    "Pp2_NMO": {"Mn1": (1.915, 2.090, 6, OCTAHEDRON), "Naf": (2.424, 2.565, 6, PRISM), "Nae": (2.433, 2.493, 6, PRISM)},
    "Op3_NaNiO2": {"Ni1": (1.916, 2.146, 6, OCTAHEDRON), "Na1": (2.321, 2.365, 6, OCTAHEDRON)},
    "Op3_NaMnO2": {"Mn1": (1.935, 2.395, 6, OCTAHEDRON), "Na1": (2.340, 2.428, 6, OCTAHEDRON)},
    "Pp3_NaCoO2": {"Co1": (1.905, 1.905, 6, OCTAHEDRON), "Na1": (2.313, 2.462, 6, PRISM)},
    "S_LiMn2O4": {"Li1": (1.974, 1.974, 4, 0), "Mn2": (1.959, 1.959, 6, OCTAHEDRON)},
    "S_lambdaMnO2": {"Mn2": (1.904, 1.904, 6, OCTAHEDRON)},
    "S_MgMn2O4c": {"Mg1": (2.001, 2.001, 4, 0), "Mn2": (2.001, 2.001, 6, OCTAHEDRON)},
    "S_Mn3O4": {"Mn1": (2.040, 2.040, 4, 0), "Mn2": (1.930, 2.282, 6, OCTAHEDRON)},
    "S_Na2MoO4": {"Mo1": (1.772, 1.772, 4, 0), "Na2": (2.398, 2.398, 6, OCTAHEDRON)},
    "T_Na044MnO2": {"Mn1": (1.901, 1.919, 6, OCTAHEDRON), "Mn2": (1.845, 1.984, 6, OCTAHEDRON),
                    "Mn3": (1.834, 2.097, 6, OCTAHEDRON), "Mn4": (1.878, 2.094, 6, OCTAHEDRON),
                    "Mn5": (1.916, 1.984, 5, 2), "Na3": (2.270, 2.604, 5, 0)},
}  # fmt: skip


def test_every_structure_of_the_table_is_there():
    assert set(LIBRARY) >= {*REFERENCE, *OTHERS}
    assert set(BONDS) == {*REFERENCE, *OTHERS}


@pytest.mark.parametrize("name", sorted(OTHERS))
def test_distorted_phases_spinels_and_tunnels_are_rebuilt_from_their_description(name):
    group, cell, rows = OTHERS[name]
    crystal = library_phase(name).checked()
    assert crystal.space_group == group
    assert crystal.cell == pytest.approx(cell, abs=1e-5)
    by_label = {site.label: site for site in crystal.sites}
    assert set(by_label) == {row[0] for row in rows}
    for label, position, occupancy, b in rows:
        site = by_label[label]
        assert np.abs(np.subtract(site.position, position) * cell[:3]).max() < 0.01
        assert site.occupancy == pytest.approx(occupancy, abs=1e-4)
        assert site.u_iso == pytest.approx(b / (8 * math.pi**2), rel=1e-6)


@pytest.mark.parametrize("name", [*sorted(REFERENCE), *sorted(OTHERS), "Mn2O3", "Na2CO3", "graphite", "Be", "NiO"])
def test_spglib_finds_the_space_group_of_the_table(name):
    crystal = library_phase(name)
    found = with_full_symmetry(atoms_from_crystal(crystal).to_crystal())
    assert found.space_group == crystal.space_group
    assert found.volume == pytest.approx(crystal.volume)


@pytest.mark.parametrize("name", sorted(BONDS))
def test_bonds_and_coordination_are_those_of_the_table(name):
    crystal = library_phase(name)
    for label, (shortest, longest, number, facing) in BONDS[name].items():
        bonds = neighbours(crystal, next(site for site in crystal.sites if site.label == label))
        assert np.linalg.norm(bonds[:number], axis=1) == pytest.approx(
            np.clip(np.linalg.norm(bonds[:number], axis=1), shortest - 6e-4, longest + 6e-4), abs=1e-9
        )
        assert np.linalg.norm(bonds[0]) == pytest.approx(shortest, abs=1e-3)
        assert np.linalg.norm(bonds[number - 1]) == pytest.approx(longest, abs=1e-3)
        assert pairs_across(bonds[:number]) == facing, label


def neighbours(crystal, site):
    """Vectors to the anions about a site, nearest first, angstrom."""
    positions, owner = crystal.expanded()
    anions = positions[[crystal.sites[k].element in {"O", "F", "S"} for k in owner]]
    cells = np.array([(i, j, k) for i in range(-1, 2) for j in range(-1, 2) for k in range(-2, 3)])
    apart = (anions[:, None, :] - site.position + cells).reshape(-1, 3) @ lattice_from_cell(crystal.cell)
    return apart[np.argsort(np.linalg.norm(apart, axis=1))]


def pairs_across(bonds):
    """Number of pairs of bonds that point away from each other (more than 150 degrees)."""
    unit = bonds / np.linalg.norm(bonds, axis=1)[:, None]
    return int((np.triu(unit @ unit.T) < math.cos(math.radians(150))).sum())


# C-O of carbonate groups: 1.28 to 1.29 A in every refinement; Mn-O of Mn2O3: Geller's 1.90 to 2.25 A, recalled.
@pytest.mark.parametrize(("name", "label", "number", "low", "high"), [
    ("Na2CO3", "C1", 3, 1.25, 1.31), ("Mn2O3", "Mn1", 6, 1.98, 2.02), ("Mn2O3", "Mn2", 6, 1.89, 2.26),
    ("NiO", "Ni1", 6, 2.08, 2.10), ("MnO", "Mn1", 6, 2.21, 2.23),
])  # fmt: skip
def test_companions_have_sensible_bonds(name, label, number, low, high):
    crystal = library_phase(name).checked()
    bonds = np.linalg.norm(
        neighbours(crystal, next(site for site in crystal.sites if site.label == label))[:number], axis=1
    )
    assert low < bonds[0] <= bonds[-1] < high


# Densities of handbooks (CRC), g/cm3.
@pytest.mark.parametrize(("name", "density"), [
    ("Al", 2.70), ("Cu", 8.96), ("Be", 1.85), ("Na", 0.971), ("graphite", 2.27), ("NiO", 6.8), ("MnO", 5.37),
    ("Mn2O3", 5.0), ("Na2CO3", 2.54),
])  # fmt: skip
def test_companions_have_the_density_of_handbooks(name, density):
    assert library_phase(name).density == pytest.approx(density, rel=0.015)


def test_sixteen_cathodes_with_models_of_their_phases():
    # The references and phases of the table of published cathodes.
    phases = {name: cathode.phases for name, cathode in LIBRARY.cathodes.items()}
    numbers = (93, 94, 65, 97, 106, 107, 101, 102, 110, 111, 116, 117, 121, 122, 126, 130)
    assert set(phases) == {f"C{n}" for n in numbers}
    assert len(phases) == 16
    assert phases["C107"] == ("P2", "P3", "spinel")
    assert phases["C130"] == ("P2", "tunnel")


@pytest.mark.parametrize("name", [cathode.name for cathode in CATHODES])
def test_models_of_cathodes_are_sound(name):
    cathode = LIBRARY.cathodes[name]
    assert all("CONSTRUCTED" in entry.provenance for entry in cathode.entries)
    for entry in cathode.entries:
        crystal = LIBRARY[entry.name].crystal().checked()
        assert "charge_implausible" not in {notice.code for notice in crystal.warnings}
        assert crystal.source.startswith(f"layerox library {entry.name}: ")
        metals = [s for s in crystal.sites if s.element not in {"Na", "O", "F"}]
        for site in metals:
            assert 1.7 < np.linalg.norm(neighbours(crystal, site)[0]) < 2.15


def test_the_models_of_a_cathode_add_up_to_its_sodium():
    """Of the one whose fractions are known: 24.8 wt% P2 and 75.2 wt% O3 of Na0.85Ni0.34Mn0.33Ti0.33O2."""
    p2, o3 = (entry.crystal() for entry in LIBRARY.cathodes["C93"].entries)
    amounts = [w / (c.mass / c.content["O"] * 2) for w, c in ((0.248, p2), (0.752, o3))]
    sodium = [2 * c.content["Na"] / c.content["O"] for c in (p2, o3)]
    assert np.average(sodium, weights=amounts) == pytest.approx(0.85, abs=0.005)


def test_listing_and_description_print_the_provenance():
    text = repr(LIBRARY)
    assert text == LIBRARY.listing()
    for entry in (LIBRARY["P2_NNM"], LIBRARY["Mn2O3"], LIBRARY["tunnel"]):
        assert entry.provenance in text
    assert "verify them before they are quoted" in text
    assert "reference    Jarosch" in LIBRARY.about("S_Mn3O4")
    assert "not found" in LIBRARY.about("C94")
    assert "CONSTRUCTED" in LIBRARY.about("C94")


def test_the_library_is_a_mapping_by_entry_phase_and_cathode():
    assert LIBRARY["P'2"].name == "Pp2_NMO"
    assert "P2" in LIBRARY
    assert "P2" not in list(LIBRARY)
    assert len(LIBRARY) == len(list(LIBRARY))
    with pytest.raises(InputError, match="C93 is a mixture; take one of its phases: C93_P2, C93_O3"):
        LIBRARY.entry("C93")
    with pytest.raises(InputError, match="`layerox phases` lists"):
        LIBRARY.about("qqqqqqq")


def test_an_entry_is_a_pymatgen_structure_too():
    structure = LIBRARY["Cu"].structure()
    assert structure.composition.reduced_formula == "Cu"
    assert structure.lattice.a == pytest.approx(3.61491)


@pytest.mark.parametrize("name", sorted(REFERENCE))
def test_reference_structures_are_rebuilt_from_their_description(name):
    group, a, c, rows = REFERENCE[name]
    crystal = library_phase(name).checked()
    assert crystal.space_group == group
    assert crystal.cell == pytest.approx((a, a, c, 90, 90, 120), abs=1e-5)
    assert len(crystal.sites) == len(rows)
    left = list(crystal.sites)
    for element, (x, y), z, occupancy, b in rows:
        # Within 0.01 A of the table's position, in its own setting: no symmetry operation is needed to compare.
        apart = [np.abs(np.subtract(s.position, (x, y, z)) * (a, a, c)).max() for s in left]
        match = next(s for s, d in zip(left, apart, strict=True) if s.element == element and d < 0.01)
        left.remove(match)
        assert match.occupancy == pytest.approx(occupancy, abs=1e-4)
        assert match.u_iso == pytest.approx(b / (8 * math.pi**2), rel=1e-6)


@pytest.mark.parametrize("name", sorted(LIBRARY))
def test_every_entry_states_where_it_comes_from(name):
    entry = LIBRARY[name]
    assert any(label in entry.provenance for label in ("LOOKED-UP", "RECALLED", "CONSTRUCTED"))
    crystal = library_phase(name)
    assert crystal.source.startswith(f"layerox library {name}: {entry.provenance}")
    # A value that was recalled is called so beside its citation too.
    assert "RECALLED" not in entry.provenance or "recalled" in entry.reference


def test_the_defaults_cover_the_named_polytypes():
    assert set(DEFAULTS) == set(POLYTYPES) - {"O6"} | {"P'2", "P'3", "O'3", "spinel", "tunnel"}
    assert library_phase("P2").cell == library_phase("P2_NNM").cell
    assert library_phase("P2").name == "P2"
    assert all(library_entry(phase).phase == phase for phase in DEFAULTS)


def test_unknown_entries_are_refused_with_the_nearest():
    with pytest.raises(InputError, match="did you mean 'P2_NNM'"):
        library_phase("P2_NMN")


@pytest.mark.parametrize(("name", "density"), [("LaB6", 4.711), ("Si", 2.329), ("Al2O3", 3.987)])
def test_standards_have_the_density_of_the_certified_cell(name, density):
    """X-ray densities of handbooks; a wrong group, site or cell would change them. They are no candidates."""
    assert library_phase(name).density == pytest.approx(density, abs=1e-3)
    assert name not in {candidate.phase.name for candidate in candidates_from(None)}
