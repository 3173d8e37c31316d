"""Sums of transforms against numpy, and one contribution whose pattern is the profile itself.

`test_rod_model.py` holds whole patterns.
"""

import numpy as np

from layerox.diffraction.disordered.profile_sum import (
    ProfileGrid,
    add_contribution_slopes,
    add_contributions,
    add_products,
    without_window,
)

DRAW = np.random.default_rng(3)


def complex_numbers(*shape):
    return DRAW.normal(size=shape) + 1j * DRAW.normal(size=shape)


def test_the_window_is_removed_from_the_first_grid_only():
    transforms, inverse = complex_numbers(2, 2, 3, 5), DRAW.random(5)
    np.testing.assert_allclose(without_window(transforms, inverse), transforms[:, 0] * inverse + transforms[:, 1])


def test_products_are_added_over_angles():
    transforms, profiles, total = complex_numbers(3, 5), complex_numbers(3, 5), complex_numbers(5)
    expected = total + 0.7 * (transforms * profiles).sum(axis=0)
    add_products(transforms, profiles, 0.7, total)
    np.testing.assert_allclose(total, expected)


def test_a_contribution_without_window_is_its_profile():
    """A Gaussian of standard deviation 0.1 degrees at 30.0123, area 2."""
    grid, angles = ProfileGrid.between(20.0, 40.0, 0.2), np.arange(28.0, 32.0, 0.01)
    grids = grid.empty(1)
    bragg = np.array([30.0123])
    add_contributions(bragg, grid.angle_place(bragg)[0], np.array([2.0]), np.zeros(1), grid.start, grid.step, grids[0])
    transforms = grid.transform(grids)[0]
    spectrum = np.zeros(transforms.shape[-1], complex)
    profile = np.exp(-2 * (np.pi * 0.1 * grid.frequency) ** 2) * np.ones((len(transforms), 1)) + 0j
    add_products(transforms, profile, 1.0, spectrum)
    expected = 2 / np.sqrt(2 * np.pi) / 0.1 * np.exp(-0.5 * ((angles - bragg) / 0.1) ** 2)
    # Between grid points B-splines of the third degree, which the transform removes: an error of a ten-thousandth.
    np.testing.assert_allclose(grid.pattern(spectrum, angles), expected, atol=1e-4 * expected.max())


def test_slopes_of_a_contribution_are_differences_of_contributions():
    grid, step = ProfileGrid.between(20.0, 40.0, 0.2), 1e-6
    place, angle, area, windowed = (np.array([x]) for x in (30.0123, 4.3, 2.0, 0.8))
    moves = tuple(np.array([x]) for x in (0.5, 0.3, 1.7))
    slopes, up, down = (grid.empty(1)[0] for _ in range(3))
    where = grid.start, grid.step
    add_contribution_slopes(place, angle, area, windowed, *moves, *where, slopes)
    for sign, out in ((1, up), (-1, down)):
        moved = (value + sign * step * move for value, move in zip((place, angle, area), moves, strict=True))
        add_contributions(*moved, windowed, *where, out)
    np.testing.assert_allclose(slopes, (up - down) / (2 * step), atol=1e-6 * np.abs(slopes).max())
