"""The space group of atoms that were listed without one: P 1 lists, supercells and shifted origins of known
structures come back as those structures."""

from dataclasses import replace

import numpy as np
import pytest

from layerox.crystal.asymmetric_unit import Crystal
from layerox.crystal.full_symmetry import with_full_symmetry
from layerox.symmetry import symmetry_from_name
from reference_crystals import ALL, CHIRAL, O3, O3_PRIME, P2, P3, SPINEL, TIED, TRICLINIC

STRUCTURES = tuple(replace(c, sites=tuple(replace(s, u_aniso=None) for s in c.sites)) for c in ALL)
by_name = pytest.mark.parametrize("known", STRUCTURES, ids=lambda known: known.name)


def in_p1(known, counts=(1, 1, 1), shift=(0.0, 0.0, 0.0)):
    """Return a supercell of a crystal listed in P 1, its origin shifted by a fraction of the original cell."""
    cells = np.stack(np.meshgrid(*(np.arange(n) for n in counts), indexing="ij"), axis=-1).reshape(-1, 3)
    sites = []
    for row in known.sites:
        for k, position in enumerate(known.symmetry.orbit(row.position)):
            for j, cell in enumerate(cells):
                moved = (position + np.array(shift) + cell) / counts
                sites.append(replace(row, label=f"{row.label}_{k}_{j}", position=tuple(moved % 1)))
    a, b, c, *angles = known.cell
    cell = (a * counts[0], b * counts[1], c * counts[2], *angles)
    return Crystal(name=known.name, cell=cell, symmetry=symmetry_from_name("P 1"), sites=tuple(sites))


def same_but_for_setting(found, known):
    assert found.space_group == known.space_group
    assert found.formula == known.formula
    assert found.density == pytest.approx(known.density, rel=1e-6)
    assert sorted(found.multiplicities) == sorted(known.multiplicities)


@by_name
def test_a_p1_list_finds_its_group(known):
    found = with_full_symmetry(in_p1(known))
    same_but_for_setting(found, known)
    assert found.cell == pytest.approx(known.cell, abs=1e-6)
    if known.space_group != "P1":
        (notice,) = found.warnings
        assert notice.code == "symmetry_found"
        assert notice.message.startswith("listed in P1 with ")
        assert notice.message.endswith(f"its atoms have {known.space_group}")


def test_of_two_origins_the_one_at_the_inversion_is_taken():
    assert with_full_symmetry(in_p1(SPINEL)).symmetry.name == "F d -3 m:2"


@pytest.mark.parametrize("known", [P2, O3, SPINEL, P3, CHIRAL, TIED], ids=lambda known: known.name)
def test_a_shifted_origin_makes_no_difference(known):
    same_but_for_setting(with_full_symmetry(in_p1(known, shift=(0.17, 0.29, 0.41))), known)


@pytest.mark.parametrize("counts", [(2, 1, 1), (1, 1, 2), (2, 2, 1), (3, 1, 1)])
@pytest.mark.parametrize("known", [P2, O3, O3_PRIME, TRICLINIC], ids=lambda known: known.name)
def test_a_supercell_shrinks_to_the_textbook_cell(known, counts):
    plain = replace(known, sites=tuple(replace(s, u_aniso=None) for s in known.sites))
    found = with_full_symmetry(in_p1(plain, counts=counts))
    same_but_for_setting(found, plain)
    assert found.volume == pytest.approx(known.volume, rel=1e-6)


def test_a_stated_subgroup_is_kept():
    # O3, which has R -3 m, stated in R 3 m on purpose: its oxygen splits in two, and the atoms are the same.
    below = replace(O3.sites[3], label="O2", position=(0.0, 0.0, 0.77))
    meant = replace(O3, symmetry=symmetry_from_name("R 3 m:H"), sites=(*O3.sites, below))
    assert with_full_symmetry(meant) is meant
    assert with_full_symmetry(in_p1(meant)).space_group == "R-3m"
    assert with_full_symmetry(P2) is P2


def test_noise_below_the_tolerance_is_forgiven_and_above_it_is_not():
    listed = in_p1(P2)
    draw = np.random.default_rng(5)
    for size, group in ((0.0005, "P63/mmc"), (0.05, "P1")):
        noisy = replace(
            listed,
            sites=tuple(
                replace(s, position=tuple(np.array(s.position) + size / np.array(P2.cell[:3]) * draw.normal(size=3)))
                for s in listed.sites
                if s.element != "Mn"  # the mixed site stays one position
            ),
        )
        assert with_full_symmetry(noisy).space_group == group


def test_species_that_differ_in_charge_are_not_equivalent():
    listed = in_p1(O3_PRIME)
    first = next(k for k, s in enumerate(listed.sites) if s.element == "Mn")
    sites = list(listed.sites)
    sites[first] = replace(sites[first], charge=3)
    ordered = with_full_symmetry(replace(listed, sites=tuple(sites)))
    assert len([s for s in ordered.sites if s.element == "Mn"]) == 2
    assert ordered.density == pytest.approx(O3_PRIME.density)


def test_a_large_cell_is_left_as_it_is():
    assert len(in_p1(P2, counts=(7, 7, 4)).sites) > 2000
    large = in_p1(P2, counts=(7, 7, 4))
    assert with_full_symmetry(large) is large


def test_labels_stay_unique():
    for known in STRUCTURES:
        labels = [s.label for s in with_full_symmetry(in_p1(known)).sites]
        assert len(set(labels)) == len(labels)


def test_displacements_and_occupancies_stay_with_their_atoms():
    found = with_full_symmetry(in_p1(P2))
    assert sorted((s.element, round(s.occupancy, 6), s.u_iso) for s in found.sites) == sorted(
        (s.element, round(s.occupancy, 6), s.u_iso) for s in P2.sites
    )


def test_displacements_that_scatter_do_not_hide_the_symmetry():
    listed = in_p1(P2)
    oxygens = [s for s in listed.sites if s.element == "O"]
    moved = replace(oxygens[0], u_iso=0.009)
    sites = tuple(moved if s is oxygens[0] else s for s in listed.sites)
    found = with_full_symmetry(replace(listed, sites=sites))
    assert found.space_group == "P63/mmc"
    oxygen = next(s for s in found.sites if s.element == "O")
    # The mean over the four oxygens of the cell: (3 * 0.005 + 0.009) / 4.
    assert oxygen.u_iso == pytest.approx(0.006)


def test_lost_anisotropy_is_named():
    listed = in_p1(P2)
    flat = replace(listed.sites[0], u_aniso=(0.005, 0.005, 0.01, 0.0025, 0.0, 0.0))
    found = with_full_symmetry(replace(listed, sites=(flat, *listed.sites[1:])))
    assert "made isotropic" in found.warnings[0].message
