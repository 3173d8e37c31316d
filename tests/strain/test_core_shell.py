"""Core-shell particles: the closed form for one shell, limits of the theory, and what must hold of any number."""

import itertools
from xml.etree import ElementTree

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from layerox.builders import build_crystal
from layerox.elasticity import LAYERED, stiffness
from layerox.errors import InputError
from layerox.strain.core_shell import (
    AROUND,
    POLAR,
    RADIAL,
    Shell,
    core_shell,
    isotropic_moduli,
    particle_in_frame,
    write_vtk,
)
from layerox.strain.strain_evolution import strain_evolution
from series_tables import series_of

CORE = Shell(phase="O3", outer_nm=400.0, bulk=150.0, shear=70.0, strain=-0.02)
SHELL = Shell(phase="P2", outer_nm=500.0, bulk=120.0, shear=60.0, strain=-0.03)


def test_one_shell_in_closed_form():
    """Pressure p = e / [1 / 3K1 + (a^3 / 3K2 + b^3 / 4G2) / (b^3 - a^3)] for a shell that shrinks by e more.

    From the displacement of a thick sphere under internal pressure (Timoshenko & Goodier, article 136), set equal to
    that of the core; inside the shell s_r = p a^3 (1 - b^3 / r^3) / (b^3 - a^3).
    """
    a, b, e = 400.0, 500.0, 0.01
    pressure = e / (1 / 450 + (a**3 / 360 + b**3 / 240) / (b**3 - a**3))
    particle = core_shell([CORE, SHELL])
    np.testing.assert_allclose(particle.radial([0.0, 200.0, a]), -pressure, rtol=1e-9)
    np.testing.assert_allclose(particle.hoop([0.0, 200.0, a]), -pressure, rtol=1e-9)
    radius = np.array([401.0, 450.0, 500.0])
    factor = pressure * a**3 / (b**3 - a**3)
    np.testing.assert_allclose(particle.radial(radius), factor * (1 - b**3 / radius**3), atol=1e-9)
    np.testing.assert_allclose(particle.hoop(radius), factor * (1 + b**3 / (2 * radius**3)), rtol=1e-9)
    np.testing.assert_allclose(particle.von_mises(radius), factor * 1.5 * b**3 / radius**3, rtol=1e-9)


layer = st.tuples(st.floats(5.0, 300.0), st.floats(50.0, 200.0), st.floats(20.0, 120.0), st.floats(-0.05, 0.05))


@given(st.lists(layer, min_size=2, max_size=4))
def test_layers_stick_together_and_balance(layers):
    radii = np.cumsum([own[0] for own in layers])
    shells = [
        Shell(phase=str(k), outer_nm=radius, bulk=bulk, shear=shear, strain=strain)
        for k, (radius, (_, bulk, shear, strain)) in enumerate(zip(radii, layers, strict=True))
    ]
    particle = core_shell(shells)
    for radius in radii[:-1]:
        sides = np.array([radius, radius * (1 + 1e-9)])
        assert np.ptp(particle.displacement(sides)) < 1e-5
        assert np.ptp(particle.radial(sides)) < 1e-5
    assert particle.radial(radii[-1]) == pytest.approx(0.0, abs=1e-8)
    # Forces across any section through the centre cancel: integral of hoop stress times 2 r dr.
    bounds = itertools.pairwise([0.0, *radii])
    radius = np.concatenate([np.linspace(low * (1 + 1e-9), high, 4001) for low, high in bounds])
    force = np.trapezoid(particle.hoop(radius) * radius, radius)
    size = np.trapezoid(np.abs(particle.hoop(radius)) * radius, radius)
    assert abs(force) <= 2e-4 * size + 1e-9


def test_equal_strains_leave_no_stress():
    alike = core_shell([CORE, Shell(phase="P2", outer_nm=500.0, bulk=120.0, shear=60.0, strain=-0.02)])
    np.testing.assert_allclose(alike.hoop(np.linspace(1, 500, 9)), 0.0, atol=1e-12)
    assert alike.displacement(500.0) == pytest.approx(-10.0)


def test_a_thin_shell_is_stretched_like_a_film():
    """s_hoop -> E e / (1 - nu) = 18 K G / (3 K + 4 G) e for a thin shell on a core that does not give."""
    thin = [Shell(phase="O3", outer_nm=1000.0, bulk=1e9, shear=1e9, strain=0.0),
            Shell(phase="P2", outer_nm=1000.1, bulk=120.0, shear=60.0, strain=-0.01)]  # fmt: skip
    assert core_shell(thin).hoop(1000.05) == pytest.approx(18 * 120 * 60 / (360 + 240) * 0.01, rel=1e-3)


def test_moduli_of_an_isotropic_tensor_are_its_own():
    """K = C11 - 4/3 C44 and G = C44; of the constructed layered tensor K is near NaNiO2's 117 GPa."""
    assert isotropic_moduli(stiffness("cubic", {"C11": 214.2, "C12": 71.4, "C44": 71.4})) == pytest.approx(
        (119.0, 71.4)
    )
    assert isotropic_moduli(LAYERED)[0] == pytest.approx(117, rel=0.06)


@pytest.mark.parametrize(
    ("shells", "message"),
    [
        ([], "radii of core and shells do not rise"),
        ([SHELL, CORE], "radii of core and shells do not rise"),
        ([Shell(phase="P2", outer_nm=5.0, bulk=-1.0, shear=60.0, strain=0.0)], "modulus is not positive"),
    ],
)
def test_bad_particles_are_refused(shells, message):
    with pytest.raises(InputError, match=message):
        core_shell(shells)


@pytest.fixture
def cycled():
    """Return P2 that loses 8.7 % of its volume and O3 that loses 5.7 % (the review's figures, section 7)."""
    small = np.diag([1e-8, 1e-8])
    states = {
        "P2": [[2.885, 11.155], [2.885, 11.155 * (1 - 0.087)]],
        "O3": [[2.960, 15.9136], [2.960, 15.9136 * (1 - 0.057)]],
    }
    return strain_evolution(series_of({n: (build_crystal(n), own, small, 0.5) for n, own in states.items()}))


def test_a_particle_of_a_frame(cycled):
    particle = particle_in_frame(cycled, 1, ("O3", 500.0), ("P2", 50.0))
    assert particle.shells[1].strain == pytest.approx(0.913 ** (1 / 3) - 1, rel=1e-9)
    assert particle.radius_nm == 550.0
    assert particle.radial(0.0) < 0 < particle.hoop(540.0)  # a shell that shrinks more presses on its core
    assert particle_in_frame(cycled, 0, ("O3", 500.0), ("P2", 50.0)).hoop(540.0) == pytest.approx(0.0, abs=1e-12)
    with pytest.raises(InputError, match="frame 5 has no refined cell of O3"):
        particle_in_frame(cycled, 5, ("O3", 500.0))
    with pytest.raises(InputError, match="no stiffness of Al"):
        particle_in_frame(cycled, 1, ("Al", 500.0))


def test_the_vtk_file_holds_the_stresses(tmp_path):
    particle = core_shell([CORE, SHELL])
    path = tmp_path / "particle.vts"
    write_vtk(particle, path)
    root = ElementTree.parse(path).getroot()
    arrays = {
        own.get("Name"): np.array(own.text.split(), dtype=float).reshape(-1, int(own.get("NumberOfComponents")))
        for own in root.iter("DataArray")
    }
    extent = [int(x) for x in root.find(".//Piece").get("Extent").split()]
    assert extent == [0, 2 * RADIAL - 1, 0, POLAR - 1, 0, AROUND - 1]
    count = 2 * RADIAL * POLAR * AROUND
    assert {name: own.shape for name, own in arrays.items()} == {
        "radial_stress": (count, 1), "hoop_stress": (count, 1), "von_mises_stress": (count, 1),
        "displacement": (count, 3), "layer": (count, 1), "points": (count, 3),
    }  # fmt: skip
    radius = np.linalg.norm(arrays["points"], axis=1)
    outside = arrays["layer"][:, 0] == 1
    np.testing.assert_allclose(
        arrays["hoop_stress"][outside, 0], particle.hoop(radius[outside] * (1 + 1e-6)), rtol=1e-4
    )
    np.testing.assert_allclose(arrays["hoop_stress"][~outside, 0], particle.hoop(0.0), rtol=1e-6)
    # The radius is the index that runs fastest, as VTK has it.
    np.testing.assert_allclose(radius[:RADIAL], np.linspace(0, 400, RADIAL), atol=1e-4)
    moved = np.linalg.norm(arrays["displacement"], axis=1)
    np.testing.assert_allclose(moved, np.abs(particle.displacement(radius)), atol=1e-4)


def test_other_suffixes_are_refused(tmp_path):
    with pytest.raises(InputError, match=r"call it particle\.vts"):
        write_vtk(core_shell([CORE]), tmp_path / "particle.vtk")
