"""Harmonic texture: against scipy, the definition of GSAS-II, means over the sphere and finite differences."""

import math

import numpy as np
import pytest
from scipy.special import eval_legendre, lpmv, sph_harm_y

from layerox.diffraction.reflections import equivalents, reflections
from layerox.diffraction.spherical_harmonics import (
    SymmetrisedHarmonics,
    cell_frame,
    harmonic_texture,
    series_coefficients,
    texture_index,
)
from layerox.errors import InputError
from layerox.symmetry import metric_tensor, symmetry_from_name
from reference_crystals import LAB6, O3, O3_PRIME, P2, POLAR, SPINEL, TRICLINIC

CRYSTALS = [P2, O3, O3_PRIME, LAB6, SPINEL, POLAR, TRICLINIC]
all_crystals = pytest.mark.parametrize("known", CRYSTALS, ids=lambda known: known.name)


def harmonics_of(known, order=6):
    return SymmetrisedHarmonics(known.symmetry, known.cell, order)


def coefficients_of(harmonics, scale=0.3, seed=1):
    return np.random.default_rng(seed).normal(0.0, scale, len(harmonics))


def directions(count=40, seed=2):
    vectors = np.random.default_rng(seed).normal(size=(count, 3))
    return vectors / np.linalg.norm(vectors, axis=1)[:, None]


@all_crystals
def test_the_functions_are_those_that_the_average_over_the_laue_group_keeps(known):
    """Addition theorem: the sum of y(u) y(v) is the mean over rotations of (2 l + 1) P_l(u R v)."""
    harmonics, u, v = harmonics_of(known, 8), directions(seed=3), directions(seed=4)
    frame, _ = cell_frame(np.array(known.cell))
    rotations = [np.linalg.inv(frame) @ rotation.T @ frame for rotation in known.symmetry.laue_rotations]
    at_u, at_v = harmonics.at(u)[0], harmonics.at(v)[0]
    orders = np.array([degree for degree, _ in harmonics.names])
    for degree in (2, 4, 6, 8):
        cosines = np.array([u @ (v @ rotation.T).T for rotation in rotations])
        expected = (2 * degree + 1) * eval_legendre(degree, np.clip(cosines, -1, 1)).mean(axis=0)
        own = orders == degree
        np.testing.assert_allclose(at_u[own].T @ at_v[own], expected, atol=1e-6)


def test_a_hexagonal_crystal_has_the_harmonics_of_multiples_of_six():
    u = directions()
    theta, phi = np.arccos(u[:, 2]), np.arctan2(u[:, 1], u[:, 0])
    harmonics = harmonics_of(P2, 8)
    assert harmonics.names == [(2, 1), (4, 1), (6, 1), (6, 2), (8, 1), (8, 2)]
    values, _ = harmonics.at(u)
    for row, (degree, m) in zip(values, [(2, 0), (4, 0), (6, 0), (6, 6), (8, 0), (8, 6)], strict=True):
        real = sph_harm_y(degree, m, theta, phi).real * math.sqrt(4 * math.pi) * (math.sqrt(2) if m else 1)
        np.testing.assert_allclose(row, real, rtol=1e-9, atol=1e-9)


def gsas_ii_crystal_part(degree, n, normals):
    """Return k_l^n of a hexagonal crystal as GSAS-II defines it, from scipy's Legendre functions.

    Pbar_l^n(cos psi) cos(n beta) / sqrt(pi), for n = 0 Pbar_l^0(cos psi) / sqrt(2 pi); the integral of Pbar^2 sin(psi)
    is one.
    """
    x, y, z = normals.T
    share = (2 * degree + 1) / 2 * math.factorial(degree - n) / math.factorial(degree + n)
    around = np.cos(n * np.arctan2(y, x)) / math.sqrt(math.pi) if n else 1 / math.sqrt(2 * math.pi)
    return math.sqrt(share) * lpmv(n, degree, z) * around


def gsas_ii_factor(degree):
    """Return 4 pi / (2 l + 1) times the part of a cylindrical sample along its axis, Pbar_l^0(1) / sqrt(2 pi)."""
    return 4 * math.pi / (2 * degree + 1) * math.sqrt((2 * degree + 1) / 2) / math.sqrt(2 * math.pi)


def sphere(count=60):
    """Return normals and weights of a mean over the sphere: Gauss-Legendre in cos(psi), equal steps in beta."""
    z, weights = np.polynomial.legendre.leggauss(count)
    beta = 2 * np.pi * np.arange(2 * count) / (2 * count)
    z, weights, beta = np.repeat(z, len(beta)), np.repeat(weights, len(beta)) / 2 / len(beta), np.tile(beta, count)
    radius = np.sqrt(1 - z**2)
    return np.stack([radius * np.cos(beta), radius * np.sin(beta), z], axis=1), weights


def test_the_texture_is_a_series_of_gsas_ii():
    """T = 1 + sum C_l^n 4 pi / (2 l + 1) k_l^n(h) k_l(sample) for all C to l = 40; the first ones are reported."""
    harmonics, a = harmonics_of(P2, 8), np.array([0.15, 0.2, -0.05, 0.08, 0.02, -0.04])
    frame, _ = cell_frame(np.array(P2.cell))
    nodes, weights = sphere()
    hkl = reflections(P2.symmetry, P2.cell, 1.0).hkl.astype(float)
    normals = hkl @ np.linalg.inv(frame).T
    normals /= np.linalg.norm(normals, axis=1)[:, None]
    at_nodes = harmonic_texture(harmonics, a, nodes @ frame.T, np.array(P2.cell)).value
    total, coefficients = np.ones(len(hkl)), {}
    for degree in range(2, 41, 2):
        for n in range(0, degree + 1, 6):
            mean = weights @ (at_nodes * gsas_ii_crystal_part(degree, n, nodes))
            coefficients[degree, n] = 4 * math.pi * mean / gsas_ii_factor(degree)
            total += coefficients[degree, n] * gsas_ii_factor(degree) * gsas_ii_crystal_part(degree, n, normals)
    ours = harmonic_texture(harmonics, a, hkl, np.array(P2.cell)).value
    assert ours.max() > 2.0
    np.testing.assert_allclose(ours, total, atol=1e-6)
    n_of = {(2, 1): 0, (4, 1): 0, (6, 1): 0, (6, 2): 6, (8, 1): 0, (8, 2): 6}
    for (degree, k), c in series_coefficients(harmonics, a).items():
        assert c == pytest.approx(coefficients[degree, n_of[degree, k]], abs=1e-6)
    # Von Dreele (1997): J = 1 + sum C^2 / (2 l + 1).
    index = 1 + sum(c**2 / (2 * degree + 1) for (degree, _), c in coefficients.items())
    assert texture_index(harmonics, a) == pytest.approx(index, abs=1e-6)


@pytest.mark.parametrize("scale", [0.1, 0.5])
def test_the_density_is_positive_and_its_mean_is_one(scale):
    harmonics = harmonics_of(O3_PRIME)
    a = coefficients_of(harmonics, scale)
    nodes, weights = sphere()
    frame, _ = cell_frame(np.array(O3_PRIME.cell))
    density = harmonic_texture(harmonics, a, nodes @ frame.T, np.array(O3_PRIME.cell)).value
    assert (density > 0).all()
    assert weights @ density == pytest.approx(1, abs=1e-7)


@all_crystals
def test_equivalent_reflections_have_the_same_texture(known):
    harmonics = harmonics_of(known)
    a = coefficients_of(harmonics)
    images = equivalents(np.array([[1, 2, 3], [2, 0, 1]]), known.symmetry.laue_rotations)
    for row in images:
        values = harmonic_texture(harmonics, a, row.astype(float), np.array(known.cell)).value
        np.testing.assert_allclose(values, values[0], rtol=1e-9)


@all_crystals
def test_derivatives_with_respect_to_coefficients_and_cell(known):
    harmonics, cell = harmonics_of(known), np.array(known.cell)
    a = coefficients_of(harmonics)
    hkl = reflections(known.symmetry, known.cell, 1.3).hkl.astype(float)
    found = harmonic_texture(harmonics, a, hkl, cell)
    for k in range(len(a)):
        step = 1e-6 * np.eye(len(a))[k]
        up, down = (harmonic_texture(harmonics, a + s, hkl, cell).value for s in (step, -step))
        np.testing.assert_allclose(found.by_coefficient[k], (up - down) / 2e-6, rtol=1e-5, atol=1e-6)
    for k in range(6):
        step = 1e-5 * cell[k] * np.eye(6)[k]
        up, down = (harmonic_texture(harmonics, a, hkl, cell + s).value for s in (step, -step))
        np.testing.assert_allclose(found.by_cell[k], (up - down) / (2e-5 * cell[k]), rtol=1e-5, atol=1e-7)


@all_crystals
def test_the_frame_has_the_metric_of_the_cell(known):
    frame, _ = cell_frame(np.array(known.cell))
    np.testing.assert_allclose(frame @ frame.T, metric_tensor(known.cell), atol=1e-9)


def test_no_coefficients_are_a_random_powder():
    harmonics = harmonics_of(TRICLINIC, 4)
    hkl = np.array([[1.0, 2.0, 3.0], [0.0, 0.0, 1.0]])
    found = harmonic_texture(harmonics, np.zeros(len(harmonics)), hkl, np.array(TRICLINIC.cell))
    np.testing.assert_allclose(found.value, 1.0)


@pytest.mark.parametrize("order", [0, 3, 10])
def test_other_orders_are_refused(order):
    with pytest.raises(InputError, match=f"order {order}.*give 2, 4, 6 or 8"):
        SymmetrisedHarmonics(P2.symmetry, P2.cell, order)


def test_rhombohedral_axes_are_refused():
    symmetry = symmetry_from_name("R -3 m:R", hexagonal=False)
    with pytest.raises(InputError, match="hexagonal axes"):
        SymmetrisedHarmonics(symmetry, (5.6, 5.6, 5.6, 33.0, 33.0, 33.0), 4)
