"""The same crystal on other axes: nothing that can be measured changes."""

from dataclasses import replace

import numpy as np
import pytest

from layerox.builders import LIBRARY, build_atoms, build_crystal
from layerox.builders.axes import crystal_on_axes
from layerox.crystal.atoms import atoms_from_crystal, lattice_from_cell
from layerox.crystal.full_symmetry import with_full_symmetry
from layerox.errors import InputError

NAMES = [name for name in LIBRARY if not name.startswith("C") or name == "Cu"]


@pytest.mark.parametrize("setting", ["primitive", "rectangular"])
@pytest.mark.parametrize("name", NAMES)
def test_the_crystal_stays_the_same(name, setting):
    crystal = LIBRARY[name].crystal()
    moved = crystal_on_axes(crystal, setting).checked()
    assert moved.density == pytest.approx(crystal.density)
    # spglib finds the same structure again, and every operation that is kept is one.
    found = with_full_symmetry(atoms_from_crystal(moved).to_crystal())
    assert found.space_group == crystal.space_group
    assert found.volume == pytest.approx(crystal.volume)
    orbits = sum(len(moved.symmetry.orbit(site.position)) for site in moved.sites)
    assert orbits == round(sum(crystal.multiplicities) * moved.volume / crystal.volume)


@pytest.mark.parametrize(
    ("phase", "setting", "group", "share"),
    [
        ("P2", "rectangular", "Cmcm", 2),  # International Tables: orthohexagonal subgroup of P63/mmc
        ("O1", "rectangular", "C2/m11", 2),  # of P-3m1, unique axis a
        ("O3", "primitive", "R-3m", 1 / 3),
        ("P2", "primitive", "P63/mmc", 1),
        ("spinel", "primitive", "Fd-3m", 1 / 4),
        ("tunnel", "rectangular", "Pbam", 1),
    ],
)
def test_cells_and_groups(phase, setting, group, share):
    crystal, moved = build_crystal(phase), build_crystal(phase, setting=setting)
    assert moved.volume == pytest.approx(share * crystal.volume)
    if moved.symmetry.name:
        assert moved.space_group == group
    else:
        assert with_full_symmetry(moved).space_group == group


def test_primitive_rhombohedra_have_equal_edges():
    cell = build_crystal("O3", setting="primitive").cell
    assert cell[0] == pytest.approx(cell[1]) == pytest.approx(cell[2])
    # c = 15.9136, a = 2.9596: edge = sqrt(a^2 / 3 + c^2 / 9).
    assert cell[0] == pytest.approx((2.9596**2 / 3 + 15.9136**2 / 9) ** 0.5)


@pytest.mark.parametrize("setting", ["conventional", "primitive", "rectangular"])
@pytest.mark.parametrize("phase", ["P2", "O3", "P2*4|O3*3", "Pp2", "Op3", "spinel", "tunnel"])
def test_atoms_and_crystal_of_a_setting_agree(phase, setting):
    atoms, crystal = build_atoms(phase, setting=setting), build_crystal(phase, setting=setting)
    assert atoms.cell == pytest.approx(crystal.cell)
    assert atoms.content == pytest.approx(crystal.content)
    listed, owner = crystal.expanded()
    elements = np.array([crystal.sites[k].element for k in owner])
    for element in set(elements):
        ours, theirs = atoms.positions[atoms.elements == element], listed[elements == element]
        apart = ours[:, None, :] - theirs[None, :, :]
        apart = (apart - np.rint(apart)) @ lattice_from_cell(crystal.cell)
        assert np.linalg.norm(apart, axis=2).min(axis=1).max() < 1e-6


def test_rows_of_a_mixed_site_keep_one_number():
    atoms = build_atoms("P2", setting="rectangular")
    for number in set(atoms.site):
        assert len(np.unique(np.round(atoms.positions[atoms.site == number], 9), axis=0)) == 1
    assert len(set(atoms.site)) == 20


def test_what_cannot_change_axes_is_refused():
    crystal = build_crystal("O3")
    site = replace(crystal.sites[0], u_aniso=(0.01, 0.01, 0.01, 0.005, 0.0, 0.0))
    with pytest.raises(InputError, match="anisotropic"):
        crystal_on_axes(replace(crystal, sites=(site,)), "primitive")
    with pytest.raises(InputError, match="did you mean 'primitive'"):
        crystal_on_axes(crystal, "primitve")
