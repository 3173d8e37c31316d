"""Stiffness tensors: closed formulas of Nye's book, and the numbers of the project's table of physics."""

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from layerox.elasticity import HALF_TURN, LAYERED, LAYERED_ALTERNATING, SPINEL, along_111, stiffness
from layerox.errors import InputError

TRIGONAL = {"C11": 290.0, "C12": 87.0, "C13": 57.0, "C14": -7.0, "C33": 167.0, "C44": 45.0}
CUBIC = {"C11": 250.0, "C12": 90.0, "C44": 60.0}


def test_biaxial_modulus_of_a_layered_oxide():
    # M = C11 + C12 - 2 C13^2 / C33 = 290 + 87 - 2 57^2 / 167 = 338.09 GPa (338 in the table of elastic data)
    assert LAYERED.biaxial == pytest.approx(290 + 87 - 2 * 57**2 / 167, rel=1e-12)


def test_poisson_response():
    assert LAYERED.out_of_plane((0.01, 0.01, 0.0)) == pytest.approx(-2 * 57 / 167 * 0.01, rel=1e-12)


def test_energy_and_stress_of_an_equal_strain():
    # W = M e^2 and sigma_1 = sigma_2 = M e, whose von Mises stress is M e.
    strain = (0.0128, 0.0128, 0.0)
    assert LAYERED.energy(strain) == pytest.approx(LAYERED.biaxial * 0.0128**2 * 1000, rel=1e-12)
    assert LAYERED.von_mises(strain) == pytest.approx(LAYERED.biaxial * 0.0128, rel=1e-12)


def test_cubic_along_111():
    # C'11 = (C11 + C12 + 2 C44) / 2 and C'33 = (C11 + 2 C12 + 4 C44) / 3: the textbook trigonal form of a cube.
    turned = along_111(stiffness("cubic", CUBIC)).matrix
    assert turned[0, 0] == pytest.approx((250 + 90 + 120) / 2)
    assert turned[1, 1] == pytest.approx(turned[0, 0])
    assert turned[2, 2] == pytest.approx((250 + 180 + 240) / 3)
    assert turned[5, 5] == pytest.approx((turned[0, 0] - turned[0, 1]) / 2)


def test_isotropic_spinel_has_its_bulk_modulus_in_any_axes():
    assert SPINEL.matrix[:3, :3].sum() / 9 == pytest.approx(119.0, rel=1e-3)
    assert SPINEL.biaxial == pytest.approx(214.2 + 71.4 - 2 * 71.4**2 / 214.2)  # isotropic: E / (1 - nu)


@given(st.floats(0, 2 * math.pi))
def test_turning_about_the_normal_leaves_the_biaxial_modulus(angle):
    turn = np.array([[math.cos(angle), math.sin(angle), 0], [-math.sin(angle), math.cos(angle), 0], [0, 0, 1]])
    assert stiffness("trigonal", TRIGONAL).rotated(turn).biaxial == pytest.approx(338.0898, rel=1e-6)


def test_a_trigonal_layer_leans_under_unequal_strains():
    # sigma_23 = C14 (e11 - e22) + C44 gamma = 0
    assert LAYERED.lean((0.01, -0.02, 0.0)) == pytest.approx(7 / 45 * 0.03, rel=1e-12)
    assert LAYERED.lean((0.01, 0.01, 0.0)) == pytest.approx(0, abs=1e-15)
    assert LAYERED_ALTERNATING.lean((0.01, -0.02, 0.0)) == pytest.approx(0, abs=1e-15)
    assert LAYERED.rotated(HALF_TURN).lean((0.01, -0.02, 0.0)) == pytest.approx(-7 / 45 * 0.03, rel=1e-12)


def test_tensors_of_lower_symmetry_hold_those_of_higher():
    names = ("C22", "C23", "C55")
    twins = dict(zip(names, ("C11", "C13", "C44"), strict=True))
    tetragonal = {"C11": 290.0, "C12": 87.0, "C13": 57.0, "C33": 167.0, "C44": 45.0, "C66": 101.5}
    orthorhombic = tetragonal | {name: tetragonal[twins[name]] for name in names}
    hexagonal = LAYERED_ALTERNATING.matrix  # C66 = (290 - 87) / 2
    assert stiffness("tetragonal", tetragonal).matrix == pytest.approx(hexagonal)
    assert stiffness("orthorhombic", orthorhombic).matrix == pytest.approx(hexagonal)
    assert stiffness("monoclinic", orthorhombic).matrix == pytest.approx(hexagonal)


def test_a_monoclinic_tensor_has_the_diad_along_axis_two():
    constants = {"C11": 290.0, "C22": 280.0, "C33": 167.0, "C12": 87.0, "C13": 57.0, "C23": 60.0}
    constants |= {"C44": 45.0, "C55": 50.0, "C66": 100.0, "C15": 9.0, "C25": -4.0, "C35": 3.0, "C46": 5.0}
    tensor = stiffness("monoclinic", constants)
    assert tensor.matrix[0, 4] == 9.0
    assert tensor.matrix[3, 5] == 5.0
    assert tensor.rotated(np.diag([-1.0, 1.0, -1.0])).matrix == pytest.approx(tensor.matrix)
    assert tensor.rotated(HALF_TURN).matrix[0, 4] == pytest.approx(-9.0)


@pytest.mark.parametrize(
    ("symmetry", "constants", "message"),
    [
        ("cubical", CUBIC, "did you mean 'cubic'"),
        ("cubic", {"C11": 250.0}, "lacks C12, C44"),
        ("cubic", {**CUBIC, "C13": 1.0}, "no independent C13"),
        ("cubic", {**CUBIC, "C12": 400.0}, "not that of a stable crystal"),
        ("hexagonal", CUBIC, "lacks C13, C33"),
        ("tetragonal", CUBIC, "lacks C13, C33, C66"),
        ("monoclinic", TRIGONAL, "lacks C22, C23, C55, C66"),
    ],
)
def test_bad_tensors_are_refused(symmetry, constants, message):
    with pytest.raises(InputError, match=message):
        stiffness(symmetry, constants)
