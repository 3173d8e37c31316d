"""The mesh of one TMO2 and the heights of slabs, by the formulas of the table of phases (sections 1 and 7)."""

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from layerox.builders import build_crystal
from layerox.builders.axes import crystal_on_axes
from layerox.crystal.atoms import atoms_from_crystal
from layerox.symmetry import metric_tensor
from layerox.validation.layer_mesh import layering_of

# Formula units in the cell: section 7 of the table of phases ("how").
UNITS = {"P2": 2, "O2": 2, "O3": 3, "P3": 3, "OP4": 4, "OP2": 2, "O1": 1, "P'2": 4, "O'3": 2, "P'3": 2, "O6": 6}


def edges_of(crystal):
    """Return mesh and upright vector as columns, x along the first."""
    layering = layering_of(crystal)
    return np.linalg.cholesky(layering.basis.T @ metric_tensor(crystal.cell) @ layering.basis).T


@pytest.mark.parametrize(("name", "units"), UNITS.items())
def test_the_mesh_holds_one_formula_unit(name, units):
    crystal = build_crystal(name)
    layering = layering_of(crystal)
    assert layering.name == name
    assert layering.units == units
    assert np.linalg.det(layering.basis) == pytest.approx(1 / units, rel=1e-12)


@pytest.mark.parametrize(("name", "slabs"), [("P2", 2), ("O3", 3), ("OP4", 4), ("O1", 1), ("O6", 6)])
def test_hexagonal_layers_have_their_own_axes(name, slabs):
    expected = np.diag([1.0, 1.0, 1.0 / slabs])
    np.testing.assert_allclose(layering_of(build_crystal(name)).basis, expected, atol=1e-12)


def test_monoclinic_layers_are_those_of_their_parent():
    """a_m spans two meshes sideways of b_m = a_h, and c_m leads a third of a_m back where nothing is sheared."""
    basis = layering_of(build_crystal("O'3")).basis
    np.testing.assert_allclose(basis, [[0, -1 / 2, 1 / 3], [1, -1 / 2, 0], [0, 0, 1]], atol=1e-12)


def test_orthorhombic_layers_are_those_of_their_parent():
    """a_o = a_h, b_o = a_h + 2 b_h, two slabs in c_o."""
    basis = layering_of(build_crystal("P'2")).basis
    np.testing.assert_allclose(basis, [[1, -1 / 2, 0], [0, 1 / 2, 0], [0, 0, 1 / 2]], atol=1e-12)


def test_an_undistorted_monoclinic_cell_is_its_parent():
    """O'3 without distortion has the lengths of O3, exactly."""
    flat = build_crystal("O'3", distortion=0.0)
    a, c = flat.cell[1], 3 * flat.cell[2] * np.sin(np.radians(flat.cell[4]))
    expected = [[a, -a / 2, 0], [0, a * np.sqrt(3) / 2, 0], [0, 0, c / 3]]
    np.testing.assert_allclose(edges_of(flat), expected, atol=2e-5)


@pytest.mark.parametrize("name", ["P2", "O3", "O'3", "P'2", "OP4"])
@pytest.mark.parametrize("setting", ["rectangular", "primitive"])
def test_lengths_do_not_depend_on_the_setting(name, setting):
    crystal = build_crystal(name)
    other = crystal_on_axes(crystal, setting)
    np.testing.assert_allclose(
        edges_of(other)[[0, 1, 2], [0, 1, 2]], edges_of(crystal)[[0, 1, 2], [0, 1, 2]], rtol=1e-9
    )
    assert layering_of(other).slab_share == pytest.approx(layering_of(crystal).slab_share, rel=1e-9)


@pytest.mark.parametrize("counts", [(2, 1, 1), (3, 2, 1), (2, 2, 2)])
def test_a_supercell_without_symmetry_has_the_same_mesh(counts):
    """Ordered cells are superstructures: their own mesh holds several TMO2."""
    crystal = build_crystal("P2")
    large = atoms_from_crystal(crystal).repeated(counts).to_crystal()
    layering = layering_of(large)
    assert layering.units == 2 * np.prod(counts)
    edges = edges_of(large)
    np.testing.assert_allclose(np.diag(edges), np.diag(edges_of(crystal)), rtol=1e-6)


@given(st.floats(10.8, 11.4), st.floats(0.086, 0.096))
def test_slab_and_gallery_of_p2(c, z):
    """Slab 2 z c, gallery (1/2 - 2 z) c; the derivative stands for a z that was changed."""
    crystal = build_crystal("P2")
    layering = layering_of(crystal)
    k = next(k for k, site in enumerate(crystal.sites) if site.element == "O")
    share = layering.slab_share + layering.slopes[k, 2] * (z - crystal.sites[k].position[2])
    assert share * c / 2 == pytest.approx(2 * z * c, rel=1e-9)
    assert (1 - share) * c / 2 == pytest.approx((0.5 - 2 * z) * c, rel=1e-9)


@pytest.mark.parametrize(
    ("name", "share"),
    [
        ("O3", lambda z: 6 * (1 / 3 - z)),  # slab 2 (1/3 - z) c, a third of c from slab to slab
        ("P3_NaCoO2_Rbar3m", lambda z: 6 * (z - 1 / 3)),  # slab 2 (z - 1/3) c
        ("O1", lambda z: 2 * z),  # slab 2 z c
    ],
)
def test_slabs_of_other_stackings(name, share):
    crystal = build_crystal(name)
    z = next(site.position[2] for site in crystal.sites if site.element == "O")
    assert layering_of(crystal).slab_share == pytest.approx(share(z), rel=1e-9)


@pytest.mark.parametrize("name", ["P2", "O3", "O'3", "P'2", "OP4", "O2", "O6"])
def test_derivatives_of_the_slabs_are_differences(name):
    """Each anion moved by 0.001 along each coordinate that its site leaves free."""
    crystal = build_crystal(name)
    layering = layering_of(crystal)
    for k, site in enumerate(crystal.sites):
        for direction in crystal.symmetry.free_directions(site.position):
            shifted = tuple(float(x) for x in np.array(site.position) + 0.001 * direction)
            moved = replace(
                crystal, sites=(*crystal.sites[:k], replace(site, position=shifted), *crystal.sites[k + 1 :])
            )
            change = layering_of(moved).slab_share - layering.slab_share
            assert change == pytest.approx(0.001 * float(layering.slopes[k] @ direction), abs=1e-9), site.label


@pytest.mark.parametrize("name", ["spinel", "tunnel", "Al"])
def test_what_has_no_layers_has_no_layering(name):
    assert layering_of(build_crystal(name)) is None


def test_gliding_keeps_the_family():
    families = {name: layering_of(build_crystal(name)).family for name in UNITS}
    assert len({families[name] for name in ("P2", "P'2", "O2", "OP4", "O6")}) == 1
    assert len({families[name] for name in ("O3", "O'3", "P3", "P'3", "O1", "OP2")}) == 1
    assert families["P2"] != families["O3"]
