"""Chebyshev polynomials against numpy's and their defining formula."""

import numpy as np
import pytest

from layerox.diffraction.background import chebyshev_basis

ANGLES = np.linspace(12.0, 87.0, 301)


def test_terms_are_chebyshev_polynomials_of_the_first_kind():
    basis = chebyshev_basis(ANGLES, 7, (12.0, 87.0))
    x = np.linspace(-1, 1, 301)
    for k in range(7):
        # T_k(cos t) = cos(k t): Abramowitz & Stegun 22.3.15.
        np.testing.assert_allclose(basis[k], np.cos(k * np.arccos(np.clip(x, -1, 1))), atol=1e-12)


def test_the_range_is_that_of_the_limits_and_not_of_the_angles():
    part = chebyshev_basis(ANGLES[100:200], 5, (12.0, 87.0))
    np.testing.assert_allclose(part, chebyshev_basis(ANGLES, 5, (12.0, 87.0))[:, 100:200])
    assert np.abs(part[1]).max() < 1


@pytest.mark.parametrize("terms", [0, 1, 2])
def test_few_terms(terms):
    basis = chebyshev_basis(ANGLES, terms, (12.0, 87.0))
    assert basis.shape == (terms, 301)
    assert (basis[:1] == 1).all()


def test_a_smooth_background_is_met_by_few_terms():
    smooth = 300 * np.exp(-ANGLES / 30) + 40
    basis = chebyshev_basis(ANGLES, 8, (12.0, 87.0))
    coefficients, *_ = np.linalg.lstsq(basis.T, smooth, rcond=None)
    assert np.abs(coefficients @ basis - smooth).max() < 1e-3
