"""Strain tensors: worked by hand in each crystal system, against pymatgen, and what must hold of any deformation."""

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from layerox.strain.tensor import (
    along,
    deformation,
    deviatoric,
    edges_of_metrics,
    green_lagrange,
    hencky,
    principal,
    rows_of,
    small,
    tensors_of,
    turned,
    von_mises,
)
from layerox.symmetry import metrics_of_cells


def deformed(cell, reference):
    """Return F from one cell to another, shape (1, 3, 3)."""
    edges = [edges_of_metrics(metrics_of_cells(np.array([own], dtype=float))) for own in (cell, reference)]
    return deformation(*edges)


def stretched(ratio):
    """Green-Lagrange strain of a length that has become so many times as long."""
    return (ratio**2 - 1) / 2


# Edges along the axes of the frame: E_ii = ((a_i / a_i0)^2 - 1) / 2, nothing else.
@pytest.mark.parametrize(
    ("cell", "reference", "expected"),
    [
        pytest.param((8.3, 8.3, 8.3, 90, 90, 90), (8.2, 8.2, 8.2, 90, 90, 90), [8.3 / 8.2] * 3, id="cubic"),
        pytest.param((5.8, 5.8, 9.3, 90, 90, 90), (5.7, 5.7, 9.4, 90, 90, 90), [58 / 57, 58 / 57, 93 / 94],
                     id="tetragonal"),
        pytest.param((2.84, 5.27, 11.2, 90, 90, 90), (2.85, 5.2, 11.1, 90, 90, 90), [284 / 285, 527 / 520, 112 / 111],
                     id="orthorhombic"),
        pytest.param((2.9, 2.9, 11.0, 90, 90, 120), (2.88, 2.88, 11.2, 90, 90, 120), [290 / 288, 290 / 288, 110 / 112],
                     id="hexagonal"),
    ],
)  # fmt: skip
def test_upright_cells(cell, reference, expected):
    found = green_lagrange(deformed(cell, reference))[0]
    np.testing.assert_allclose(found, np.diag([stretched(ratio) for ratio in expected]), atol=1e-12)


def test_rhombohedral_cell():
    """In hexagonal terms a_h = 2 a sin(alpha / 2) and c_h = a sqrt(3 (1 + 2 cos alpha)) stretch as edges do."""

    def hexagonal(a, alpha):
        return 2 * a * math.sin(math.radians(alpha) / 2), a * math.sqrt(3 * (1 + 2 * math.cos(math.radians(alpha))))

    (a, c), (a0, c0) = hexagonal(5.6, 30.5), hexagonal(5.55, 31.0)
    rows = rows_of(green_lagrange(deformed((5.6,) * 3 + (30.5,) * 3, (5.55,) * 3 + (31.0,) * 3)))
    expected = sorted([stretched(a / a0), stretched(a / a0), stretched(c / c0)])
    np.testing.assert_allclose(principal(rows)[0][0], expected, atol=1e-12)


def test_monoclinic_cell():
    """b upright; a lies along x and c in the xz plane: F has one shear, worked out from the components of c."""
    a, b, c, beta = 5.32, 2.85, 5.58, math.radians(110.4)
    a0, b0, c0, beta0 = 5.25, 2.83, 5.51, math.radians(110.0)
    shear = (c * math.cos(beta) - a / a0 * c0 * math.cos(beta0)) / (c0 * math.sin(beta0))
    tall = c * math.sin(beta) / (c0 * math.sin(beta0))
    found = green_lagrange(deformed((a, b, c, 90, 110.4, 90), (a0, b0, c0, 90, 110.0, 90)))[0]
    assert found[0, 0] == pytest.approx(stretched(a / a0), abs=1e-12)
    assert found[1, 1] == pytest.approx(stretched(b / b0), abs=1e-12)
    assert found[2, 2] == pytest.approx((shear**2 + tall**2 - 1) / 2, abs=1e-12)
    assert found[0, 2] == pytest.approx(a / a0 * shear / 2, abs=1e-12)
    np.testing.assert_allclose(found[1, [0, 2]], 0.0, atol=1e-14)


def test_triclinic_cell_from_a_cube():
    """Against a cube of edge 10 the strain is (G / 100 - 1) / 2 with G the metric: E_yz = 10.2 * 9.9 cos(88) / 200."""
    found = green_lagrange(deformed((10.1, 10.2, 9.9, 88.0, 91.0, 92.0), (10, 10, 10, 90, 90, 90)))[0]
    cos = {angle: math.cos(math.radians(angle)) for angle in (88, 91, 92)}
    expected = [
        [(1.01**2 - 1) / 2, 1.01 * 1.02 * cos[92] / 2, 1.01 * 0.99 * cos[91] / 2],
        [1.01 * 1.02 * cos[92] / 2, (1.02**2 - 1) / 2, 1.02 * 0.99 * cos[88] / 2],
        [1.01 * 0.99 * cos[91] / 2, 1.02 * 0.99 * cos[88] / 2, (0.99**2 - 1) / 2],
    ]
    np.testing.assert_allclose(found, expected, atol=1e-12)


lengths, angles = st.floats(3.0, 12.0), st.floats(75.0, 115.0)
cells = st.tuples(lengths, lengths, lengths, angles, angles, angles)


@given(cells, st.tuples(*[st.floats(-0.04, 0.04)] * 3, *[st.floats(-2.0, 2.0)] * 3))
def test_agreement_with_pymatgen(cell, changes):
    """`Deformation.green_lagrange_strain` of the F between two lattices in our orientation, and `von_mises_strain`.

    pymatgen's own frame lies otherwise; principal strains do not mind.
    """
    from pymatgen.analysis.elasticity.strain import Deformation
    from pymatgen.core import Lattice

    other = [*(x * (1 + change) for x, change in zip(cell[:3], changes[:3], strict=True)),
             *(x + change for x, change in zip(cell[3:], changes[3:], strict=True))]  # fmt: skip
    rows = rows_of(green_lagrange(deformed(other, cell)))
    before, after = (Lattice.from_parameters(*own).matrix.T for own in (cell, other))
    theirs = Deformation(after @ np.linalg.inv(before)).green_lagrange_strain
    np.testing.assert_allclose(principal(rows)[0][0], np.linalg.eigvalsh(np.array(theirs)), atol=1e-9)
    assert von_mises(rows)[0] == pytest.approx(float(theirs.von_mises_strain), abs=1e-9)
    same = Deformation(deformed(other, cell)[0]).green_lagrange_strain
    np.testing.assert_allclose(tensors_of(rows)[0], np.array(same), atol=1e-12)


near_one = arrays(np.float64, (3, 3), elements=st.floats(-0.1, 0.1)).map(lambda x: (np.eye(3) + x)[None])


@given(near_one)
def test_measures_of_one_deformation(f):
    log = hencky(f)[0]
    # ln(V / V0) is the trace, and exp(2 H) = F^T F = 1 + 2 E.
    assert np.trace(log) == pytest.approx(math.log(np.linalg.det(f[0])), abs=1e-10)
    values, vectors = np.linalg.eigh(log)
    np.testing.assert_allclose(
        (vectors * np.exp(2 * values)) @ vectors.T, np.eye(3) + 2 * green_lagrange(f)[0], atol=1e-10
    )


@given(arrays(np.float64, (3, 3), elements=st.floats(-1e-4, 1e-4)))
def test_measures_agree_to_first_order(change):
    f = (np.eye(3) + change)[None]
    for measure in (green_lagrange, hencky):
        np.testing.assert_allclose(measure(f), small(f), atol=1e-7)


rows = arrays(np.float64, (1, 6), elements=st.floats(-0.2, 0.2))
steps = st.integers(-1000, 1000).map(lambda k: k / 1000)  # whose determinants neither over- nor underflow
turns = arrays(np.float64, (3, 3), elements=steps).filter(lambda x: abs(np.linalg.det(x)) > 0.05)


@given(rows, turns)
def test_what_axes_cannot_change(row, draw):
    axes, _ = np.linalg.qr(draw)
    other = turned(row, axes)
    np.testing.assert_allclose(principal(other)[0], principal(row)[0], atol=1e-12)
    assert von_mises(other)[0] == pytest.approx(von_mises(row)[0], abs=1e-12)
    assert along(other, np.array([1.0, 0, 0]))[0] == pytest.approx(along(row, axes[0])[0], abs=1e-12)


@given(rows)
def test_the_deviator_has_no_trace_and_the_isotropic_part_no_von_mises(row):
    assert deviatoric(row)[0, :3].sum() == pytest.approx(0.0, abs=1e-14)
    isotropic = np.array([[0.1, 0.1, 0.1, 0, 0, 0]])
    assert von_mises(row + isotropic)[0] == pytest.approx(von_mises(row)[0], abs=1e-12)
    np.testing.assert_allclose(rows_of(tensors_of(row)), row)


def test_von_mises_of_a_pure_stretch_is_the_stretch():
    """Of (e, -e/2, -e/2), the strain of an incompressible bar, it is e."""
    assert von_mises(np.array([[0.01, -0.005, -0.005, 0, 0, 0]]))[0] == pytest.approx(0.01, rel=1e-12)
