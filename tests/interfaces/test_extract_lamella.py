"""A lamella cut out and relaxed by its known strain is its phase again, at the numbers of slabs that nobody chose."""

from dataclasses import replace

import numpy as np
import pytest

import layerox as lx
from layerox.builders import build_crystal, phase_name
from layerox.crystal.atoms import atoms_from_crystal
from layerox.crystal.full_symmetry import with_full_symmetry
from layerox.interfaces import interface
from layerox.interfaces.cell_inspection import shortest_distances
from layerox.interfaces.extract_lamella import relaxed_lamella
from layerox.validation import identify_structure

LAYERED = ["P2/O3", "P2/P3", "P2/P3/O3", "P2/OP4", "P2/O'3", "P'2/P2", "P'3/P3"]
WITH_SPINEL = ["P2/P3/spinel", "O3/spinel/P2", "P2/spinel", "P'2/spinel"]


@pytest.mark.parametrize("phases", [*LAYERED, *WITH_SPINEL])
def test_every_lamella_is_identified_again(phases):
    made = interface(phases)
    for number, (label, _) in enumerate(made.word.blocks):
        if not made.parts[label].spinel:
            assert identify_structure(relaxed_lamella(made, number)).name == phase_name(label)


@pytest.mark.parametrize("phases", ["P2/O3", "P3/O3", "P'2/P2", "O'3/P2", "P'3/P'2", "P3/O'3"])
def test_a_thick_one_has_the_cell_and_the_group_of_its_phase(phases):
    made = interface(phases, slabs=[6, 6], boundary="own")
    for number, (label, _) in enumerate(made.word.blocks):
        again, alone = with_full_symmetry(relaxed_lamella(made, number).to_crystal()), build_crystal(label)
        assert again.space_group == alone.space_group
        assert again.cell == pytest.approx(alone.cell, abs=2e-4)


@pytest.mark.parametrize(
    ("phases", "number", "message"),
    [("P2/O3", 2, "give 0 to 1"), ("P2/spinel", 1, "no layers of its own"), ("P2/tunnel", 0, "coherent intergrowth")],
)
def test_what_cannot_be_cut_out(phases, number, message):
    with pytest.raises(lx.InputError, match=message):
        relaxed_lamella(interface(phases), number)


def cut_out(made, rows, origin, edges, strain):
    """Return chosen rows as a crystal of their own in its full symmetry: vectors and places free of strain again."""
    relaxing = np.diag([1 / (1 + strain[name]) for name in ("in_plane", "across", "out_of_plane")])
    lattice = np.array(edges) @ relaxing
    positions = (made.atoms.cartesian[rows] - origin) @ relaxing @ np.linalg.inv(lattice) % 1.0
    arrays = {name: getattr(made.atoms, name)[rows] for name in ("kind", "site", "layer", "phase", "site_kind")}
    first = np.unique(np.rint(positions * 1e5) % 1e5 * [1, 1e6, 1e12] @ [1, 1, 1], return_index=True)[1]
    kept = {name: values[first] for name, values in arrays.items()}
    atoms = replace(made.atoms, lattice=lattice, positions=positions[first], **kept)
    return with_full_symmetry(atoms.to_crystal())


@pytest.mark.parametrize("phases", ["P2/spinel", "P2/S_Mn3O4", "P'2/spinel"])
def test_three_planes_of_a_spinel_are_its_crystal_again(phases):
    """Three kagome and three mixed planes of the inside are the hexagonal cell of the cube: group, edges, anions.

    The first and the last mixed plane lack tetrahedra, which would move anions of the slabs beside them.
    """
    made = interface(phases, slabs=[2, 6])
    label = phases.split("/")[1]
    strain = {"across": made.report["strain"][label]["in_plane"], "lean": 0.0, **made.report["strain"][label]}
    assert abs(strain["lean"]) < 1e-6  # an isotropic tensor does not lean
    kagome = [made.atoms.cartesian[(made.atoms.layer == k) & (made.atoms.site_kind == "metal")] for k in (4, 7)]
    low, high = (rows[rows[:, 2].argmin()] for rows in kagome)
    aside = made.grown.planes.lower[7] - made.grown.planes.lower[4]
    c = np.array([0.0, aside, high[2] - low[2]])
    rows = np.flatnonzero((made.atoms.layer >= 4) & (made.atoms.layer < 7))
    again = cut_out(made, rows, (0, 0, 0), [*made.atoms.lattice[:2], c], strain)
    alone = build_crystal(label)
    assert again.space_group == alone.space_group
    assert again.cell == pytest.approx(alone.cell, abs=2e-3)
    assert shortest(again) == pytest.approx(shortest(alone), abs=2e-3)


def test_the_tunnel_slab_is_its_crystal_again():
    """Its own rows over one b; the anions that were added on one face are those of the other, one b away."""
    made = interface("P2/tunnel")
    strain = made.report["strain"]["tunnel"]
    rows = np.flatnonzero(made.atoms.phase == "tunnel")
    x, y = made.atoms.lattice[0, 0], made.atoms.lattice[1, 1]
    height = 26.4 * (1 + strain["out_of_plane"])
    again = cut_out(made, rows, (0, 0, 0), np.diag([x, y, height]), strain)
    alone = build_crystal("tunnel")
    assert again.space_group == "Pbam"
    assert again.cell == pytest.approx(alone.cell, abs=2e-3)
    assert shortest(again) == pytest.approx(shortest(alone), abs=2e-3)


def shortest(crystal):
    return list(shortest_distances(atoms_from_crystal(crystal)).values())
