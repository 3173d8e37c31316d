"""Misfit, strains and energies: the worked numbers of P2/O3 (2.885 / 2.960 A), and limits that must hold."""

import math
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from layerox.elasticity import LAYERED, Stiffness
from layerox.errors import InputError
from layerox.interfaces.lattice_matching import (
    Lamina,
    coincidences,
    critical_thickness,
    dislocation_spacing,
    match,
    misfit,
)

P2, O3 = 2.885, 2.960
REPEAT_P2, REPEAT_O3 = 11.155 / 2, 15.9136 / 3


def pair(thick_p2, thick_o3, softer=1.0):
    """P2 and O3 of some thickness; O3 softer than P2 by a factor."""
    soft = Stiffness(matrix=LAYERED.matrix / softer)
    return [
        Lamina(phase="P2", a=P2, thickness=thick_p2, stiffness=LAYERED),
        Lamina(phase="O3", a=O3, thickness=thick_o3, stiffness=soft),
    ]


# Worked by hand from a* = sum(tM/a) / sum(tM/a^2); the figures are those of the project's interface physics, point 8.
@pytest.mark.parametrize(
    ("laminae", "shared", "strains"),
    [
        (pair(1, 1), 2.922, (0.0127, -0.0130)),
        (pair(3, 1), 2.903, (0.0063, -0.0192)),
        (pair(1, 1, softer=1.3), 2.917, None),
    ],
)
def test_strain_partition(laminae, shared, strains):
    found = match(laminae)
    assert found.a == pytest.approx(shared, abs=6e-4)
    if strains:
        assert [found.strained[name].in_plane for name in ("P2", "O3")] == pytest.approx(strains, abs=6e-5)


def test_energy_of_four_p2_and_six_o3():
    found = match(pair(4 * REPEAT_P2, 6 * REPEAT_O3))
    assert found.misfit == pytest.approx(0.02566, abs=1e-5)
    assert found.energy == pytest.approx(53.9, rel=0.02)
    assert found.energy_per_area(2) == pytest.approx(146, rel=0.02)
    assert found.energy_per_mole(10) == pytest.approx(1.30, rel=0.02)


def test_stress_of_equal_thicknesses():
    strained = match(pair(1, 1)).strained
    assert strained["P2"].von_mises == pytest.approx(4.34, rel=0.02)
    assert strained["O3"].von_mises == pytest.approx(4.34, rel=0.02)


def test_one_phase_held_takes_no_strain():
    found = match(pair(1, 1), hold="P2")
    assert found.a == P2
    assert found.strained["P2"].energy == 0
    # 338 GPa x (2.55 %)^2 = 220 MJ/m^3, halved by the unstrained half of the volume.
    assert found.energy == pytest.approx(338.1e3 * (P2 / O3 - 1) ** 2 / 2, rel=1e-3)


def test_unknown_phase_to_hold():
    with pytest.raises(InputError, match="choose from stiffness, P2, O3"):
        match(pair(1, 1), hold="P3")


def test_dislocations():
    assert dislocation_spacing(P2, O3) == pytest.approx(113.9, abs=0.1)
    assert dislocation_spacing(P2, O3) * math.sin(math.pi / 3) == pytest.approx(99, rel=0.02)
    assert dislocation_spacing(P2, P2) == math.inf


def test_critical_thickness_is_about_half_a_nanometre():
    # "about 0.6 nm": b = 2.92 A, f = 2.566 %, nu = 0.25, solved by hand: h = 3.62 (ln(h / 2.92) + 1) gives 6.6 A.
    assert 2.92 * critical_thickness(0.02566, 1.0, 0.25) == pytest.approx(6.6, abs=0.15)
    assert critical_thickness(0.0, 1.0, 0.25) == math.inf


@given(st.floats(2.7, 3.1), st.floats(1, 100), st.floats(1, 100))
def test_identical_phases_cost_nothing(a, thick, thin):
    found = match([Lamina(phase=p, a=a, thickness=t, stiffness=LAYERED) for p, t in (("A", thick), ("B", thin))])
    assert found.energy == pytest.approx(0, abs=1e-12)
    assert found.a == pytest.approx(a)


@given(st.floats(2.7, 3.1), st.floats(2.7, 3.1), st.floats(0.5, 2), st.floats(1e-4, 1e-3))
def test_the_shared_lattice_costs_least(a, b, thickness, away):
    laminae = [Lamina(phase=p, a=x, thickness=t, stiffness=LAYERED) for p, x, t in (("A", a, 1), ("B", b, thickness))]
    found = match(laminae)
    for trial in (found.a * (1 + away), found.a * (1 - away)):
        cost = sum(x.stiffness.energy((trial / x.a - 1,) * 2 + (0,)) * x.thickness for x in laminae)
        assert cost >= found.energy * (1 + thickness) - 1e-9


SIDES = st.tuples(st.floats(2.7, 3.1), st.floats(4.7, 5.6), st.floats(0.5, 5))


@given(st.lists(SIDES, min_size=2, max_size=4), st.floats(-1e-3, 1e-3), st.floats(-1e-3, 1e-3))
def test_the_shared_rectangle_costs_least(sides, short, long):
    laminae = [Lamina(phase=str(k), a=a, long=b, thickness=t, stiffness=LAYERED) for k, (a, b, t) in enumerate(sides)]
    found = match(laminae)
    trial = (found.a * (1 + short), found.long * (1 + long))
    cost = sum(x.stiffness.energy((trial[0] / x.a - 1, trial[1] / x.long - 1, 0)) * x.thickness for x in laminae)
    assert cost >= found.energy * sum(x.thickness for x in laminae) - 1e-6


@given(st.lists(st.tuples(st.floats(2.7, 3.1), st.floats(0.5, 5)), min_size=2, max_size=3))
def test_hexagonal_nets_written_as_rectangles_share_the_same_lattice(pairs):
    flat = [Lamina(phase=str(k), a=a, thickness=t, stiffness=LAYERED) for k, (a, t) in enumerate(pairs)]
    tall = [replace(lamina, long=math.sqrt(3) * lamina.a) for lamina in flat]
    one, other = match(flat), match(tall)
    assert other.a == pytest.approx(one.a, rel=1e-9)
    assert other.long == pytest.approx(math.sqrt(3) * one.a, rel=1e-9)
    assert other.energy == pytest.approx(one.energy, rel=1e-6, abs=1e-9)
    assert other.energy_per_mole(2) == pytest.approx(one.energy_per_mole(2), rel=1e-6, abs=1e-9)
    assert other.misfit == pytest.approx(one.misfit, abs=1e-9)


def test_a_rectangle_held_and_its_directions():
    # P'2 (2.840 x 5.265 A) and P2 (2.885 x 4.997 A): misfits of 1.57 and 5.22 %, strains of P2 on P'2 by hand.
    distorted = Lamina(phase="Pp2", a=2.84, long=5.265, thickness=11.2, stiffness=LAYERED)
    found = match([distorted, pair(11.155, 1)[0]], hold="Pp2")
    assert found.sides == (2.84, 5.265)
    assert found.misfits == pytest.approx((0.01572, 0.05224), abs=1e-5)
    strain = found.strained["P2"]
    assert (strain.in_plane, strain.across) == pytest.approx((2.84 / 2.885 - 1, 5.265 / 4.99697 - 1), abs=1e-5)
    assert strain.lean == pytest.approx(7 / 45 * (strain.in_plane - strain.across), rel=1e-9)


def test_coincidences_of_a_tunnel_with_a_layer():
    # 9.09 A against 2.885 sqrt(3) = 4.997 A: 5 x 9.09 = 45.45 and 9 x 4.997 = 44.97, 1.06 % apart.
    found = coincidences(9.09, P2 * math.sqrt(3), longest=60, tolerance=0.02)
    assert (found[0].first, found[0].second) == (5, 9)
    assert found[0].misfit == pytest.approx(misfit(45.45, 9 * P2 * math.sqrt(3)))
    assert all(abs(one.misfit) <= 0.02 for one in found)
