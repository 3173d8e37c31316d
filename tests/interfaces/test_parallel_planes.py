"""Lattice planes under an orientation relation: point 11 of the project's interface physics."""

import pytest

import layerox as lx
from layerox.builders import library_phase
from layerox.interfaces.parallel_planes import plane_pair, plane_pairs

P2, O3, SPINEL = (library_phase(name) for name in ("P2", "O3", "S_LiMn2O4"))


def test_o3_101_beside_p2_004_cross():
    pair = plane_pair(O3, (1, 0, 1), P2, (0, 0, 4))
    assert pair.d_first == pytest.approx(2.531, abs=1e-3)
    assert pair.d_second == pytest.approx(2.789, abs=1e-3)
    assert pair.tilt_first == pytest.approx(80.8, abs=0.1)
    assert pair.tilt_second == 0
    assert pair.misfit is None
    assert pair.zone_first == pytest.approx((0, -1, 0))


def test_spinel_220_is_35_or_90_degrees_from_111():
    tilts = {
        round(plane_pair(SPINEL, hkl, P2, (0, 0, 2)).tilt_first, 1)
        for hkl in [(2, 2, 0), (2, 0, 2), (2, -2, 0), (0, 2, -2)]
    }
    assert tilts == {35.3, 90.0}
    assert plane_pair(SPINEL, (2, 2, 0), P2, (0, 0, 2)).d_first == pytest.approx(2.916, abs=1e-3)


def test_only_parallel_planes_have_a_misfit():
    pair = plane_pair(P2, (1, 1, 0), O3, (1, 1, 0))
    assert pair.angle == pytest.approx(0, abs=1e-6)
    assert pair.misfit == pytest.approx(2 * (2.9596 - 2.885) / (2.9596 + 2.885), abs=1e-6)


def test_spinel_440_is_parallel_to_p2_110():
    # [1-10]s // [100]: the plane (4-40) and the plane normal to P2's a, (2-10) or 110 by symmetry, half a spacing.
    pair = plane_pair(SPINEL, (4, -4, 0), P2, (2, -1, 0))
    assert pair.angle == pytest.approx(0, abs=1e-6)
    assert pair.misfit == pytest.approx(-0.0108, abs=2e-3) or pair.misfit == pytest.approx(0.0108, abs=2e-3)


def test_the_list_holds_allowed_planes_only():
    rows = plane_pairs(P2, O3, d_min=2.4)
    assert all((-h + k + m) % 3 == 0 for h, k, m in (row.second for row in rows))
    assert (0, 0, 1) not in {row.first for row in rows}
    assert any(row.first == (0, 0, 4) and row.second == (1, 0, 1) for row in rows)


def test_short_sides_of_distorted_layers_are_parallel():
    # b of O'3 NaNiO2 (2.846 A) and a of P'2 (2.840 A) on [100] of P2: planes normal to them, spacings half of these.
    o3, p2 = library_phase("O'3"), library_phase("P'2")
    pair = plane_pair(o3, (0, 2, 0), p2, (2, 0, 0))
    assert pair.angle == pytest.approx(0, abs=1e-6)
    assert pair.misfit == pytest.approx(2 * (2.840 - 2.84614) / (2.840 + 2.84614), abs=1e-5)
    assert plane_pair(o3, (0, 0, 1), P2, (0, 0, 2)).angle == pytest.approx(0, abs=1e-6)


def test_a_stretched_spinel_is_on_011():
    stretched = library_phase("S_Mn3O4")
    assert plane_pair(stretched, (0, 1, 1), P2, (0, 0, 2)).angle == pytest.approx(0, abs=1e-6)
    # (200) of I41/amd is (2-20) of the cube, normal to the shared [100]: half of 5.765 A.
    pair = plane_pair(stretched, (2, 0, 0), P2, (2, -1, 0))
    assert pair.angle == pytest.approx(0, abs=1e-6)
    assert pair.d_first == pytest.approx(5.765 / 2)


def test_a_tunnel_is_as_in_its_cell():
    # (010) in the interface, chains along [100]: (002) of the chains beside (2-10) of P2, 2.825 against 2.885 A.
    tunnel = library_phase("tunnel")
    assert plane_pair(tunnel, (0, 2, 0), P2, (0, 0, 2)).angle == pytest.approx(0, abs=1e-6)
    assert plane_pair(tunnel, (0, 0, 2), P2, (2, -1, 0)).misfit == pytest.approx(0.021, abs=1e-3)


def test_unknown_orientation():
    with pytest.raises(lx.InputError, match="choose from layered, monoclinic, spinel, stretched spinel, tunnel"):
        plane_pairs(P2, O3, orientations=("layered", "cubic"))
