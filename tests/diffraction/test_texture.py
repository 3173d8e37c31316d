"""Preferred orientation: the March-Dollase density integrates to one, and its derivatives are those of differences."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.integrate import quad

from layerox.diffraction.reciprocal_metric import reciprocal_metric
from layerox.diffraction.reflections import equivalents, one_of_each_sign, reflections
from layerox.diffraction.texture import march_dollase, scalar_product, texture_factors
from layerox.symmetry import metric_tensor, symmetry_from_name
from reference_crystals import ALL, LAB6, O3_PRIME, P2, POLAR, TRICLINIC

some_crystals = pytest.mark.parametrize("known", [P2, O3_PRIME, LAB6, POLAR, TRICLINIC], ids=lambda known: known.name)


def factors(known, r, axis=(0, 0, 1), cell=None, two_halves=False):
    laue = known.symmetry.laue_rotations
    rotations = laue if two_halves else laue[one_of_each_sign(laue)]
    images = equivalents(reflections(known.symmetry, known.cell, 1.3).hkl, rotations).astype(float)
    inverse, slopes = reciprocal_metric(np.array(known.cell if cell is None else cell))
    return texture_factors(np.ascontiguousarray(images), np.array(axis, dtype=float), r, inverse, slopes)


@pytest.mark.parametrize("r", [0.2, 0.5, 0.8, 1.0, 1.7, 5.0])
def test_the_mean_over_the_sphere_is_one(r):
    mean, _ = quad(lambda cosine: march_dollase(cosine**2, r)[0], 0, 1)
    assert mean == pytest.approx(1, rel=1e-7)


# Along the axis r^-3, across it r^(3/2): by hand from (r^2 cos^2 + sin^2 / r)^(-3/2).
@pytest.mark.parametrize("r", [0.2, 0.5, 1.0, 2.0])
def test_density_along_and_across_the_axis(r):
    assert march_dollase(1.0, r)[0] == pytest.approx(r**-3)
    assert march_dollase(0.0, r)[0] == pytest.approx(r**1.5)


def test_platelets_in_reflection_geometry_show_their_faces():
    hkl = reflections(P2.symmetry, P2.cell, 1.3).hkl.tolist()
    flat, _, _ = factors(P2, 0.7)
    assert flat[hkl.index([0, 0, 2])] == pytest.approx(0.7**-3)
    assert flat[hkl.index([1, 0, 0])] == pytest.approx(0.7**1.5)


@given(st.floats(0, 1), st.floats(0.2, 5))
def test_derivatives_of_the_density(cos_squared, r):
    h = 1e-6
    _, by_cosine, by_r = march_dollase(cos_squared, r)
    numeric = (march_dollase(cos_squared + h, r)[0] - march_dollase(cos_squared - h, r)[0]) / (2 * h)
    assert by_cosine == pytest.approx(numeric, rel=1e-4, abs=1e-6)
    numeric = (march_dollase(cos_squared, r + h)[0] - march_dollase(cos_squared, r - h)[0]) / (2 * h)
    assert by_r == pytest.approx(numeric, rel=1e-4, abs=1e-6)


@some_crystals
def test_a_random_powder_needs_no_correction(known):
    factor, _, by_cell = factors(known, 1.0, (1, 1, 0))
    np.testing.assert_allclose(factor, 1.0)
    np.testing.assert_allclose(by_cell, 0.0)


@some_crystals
def test_half_of_the_equivalents_is_enough(known):
    np.testing.assert_allclose(factors(known, 0.6)[0], factors(known, 0.6, two_halves=True)[0])


@pytest.mark.parametrize("known", ALL, ids=lambda known: known.name)
def test_equivalent_axes_mean_the_same(known):
    axis = (1, 0, 1)
    expected, _, _ = factors(known, 0.6, axis)
    for image in equivalents(np.array([axis]), known.symmetry.laue_rotations)[0]:
        np.testing.assert_allclose(factors(known, 0.6, image)[0], expected)


def test_the_length_of_the_axis_does_not_matter():
    np.testing.assert_allclose(factors(O3_PRIME, 0.6, (1, 1, 0))[0], factors(O3_PRIME, 0.6, (-3, -3, 0))[0])


def test_angles_are_those_between_plane_normals():
    # Of the three equivalents of 1 0 0 in a cubic cell, two lie at 45 degrees to 1 1 0 and one across it.
    r = 0.6
    at_45, across = (r * r / 2 + 1 / (2 * r)) ** -1.5, r**1.5
    hkl = reflections(LAB6.symmetry, LAB6.cell, 1.3).hkl.tolist()
    factor, _, _ = factors(LAB6, r, (1, 1, 0))
    assert factor[hkl.index([1, 0, 0])] == pytest.approx((2 * at_45 + across) / 3)


@some_crystals
@pytest.mark.parametrize("axis", [(0, 0, 1), (1, 0, 1)])
def test_derivatives_with_respect_to_coefficient_and_cell(known, axis):
    _, by_r, by_cell = factors(known, 0.7, axis)
    h = 1e-6
    numeric = (factors(known, 0.7 + h, axis)[0] - factors(known, 0.7 - h, axis)[0]) / (2 * h)
    np.testing.assert_allclose(by_r, numeric, rtol=1e-6, atol=1e-7)
    for k in range(6):
        step = 1e-5 * known.cell[k]
        up, down = list(known.cell), list(known.cell)
        up[k] += step
        down[k] -= step
        numeric = (factors(known, 0.7, axis, up)[0] - factors(known, 0.7, axis, down)[0]) / (2 * step)
        np.testing.assert_allclose(by_cell[k], numeric, rtol=1e-5, atol=1e-7)


def test_the_product_of_index_triplets():
    metric = metric_tensor((3, 4, 5, 80, 95, 105))
    u, v = np.array([1.0, -2.0, 3.0]), np.array([0.5, 4.0, -1.0])
    assert scalar_product(u, metric, v) == pytest.approx(u @ metric @ v)


def test_a_texture_of_the_whole_powder_moves_intensity_and_makes_none():
    # Summed over all reflections of a thin shell, weighted by multiplicity, the correction is near one.
    symmetry = symmetry_from_name("P -1")
    cell = (39.0, 41.0, 43.0, 90.0, 90.0, 90.0)
    found = reflections(symmetry, cell, 2.0)
    shell = found.hkl[found.d_spacing(cell) < 2.05].astype(float)[:, None, :]
    inverse, slopes = reciprocal_metric(np.array(cell))
    factor, _, _ = texture_factors(np.ascontiguousarray(shell), np.array([0.0, 0.0, 1.0]), 0.8, inverse, slopes)
    assert len(factor) > 1000
    assert factor.mean() == pytest.approx(1, abs=0.02)
