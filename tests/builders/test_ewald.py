"""Ewald sums. The Madelung constants are those of Sakamoto, J. Chem. Phys. 28 (1958) 164 (NaCl 1.747564595, CsCl
1.762674773), both per nearest distance."""

import numpy as np
import pytest

from layerox.builders.ewald import COULOMB, ewald_energies, ewald_matrix

FACES = [[0, 0, 0], [0, 0.5, 0.5], [0.5, 0, 0.5], [0.5, 0.5, 0]]


def test_madelung_constants():
    salt = np.array([*FACES, *(np.array(FACES) + np.array([0.5, 0, 0]))])
    energy = ewald_energies(ewald_matrix(5.6 * np.eye(3), salt), np.array([[1.0] * 4 + [-1.0] * 4]))[0]
    assert energy / 4 == pytest.approx(-1.747564595 * COULOMB / 2.8, rel=1e-8)
    chloride = np.array([[0, 0, 0], [0.5, 0.5, 0.5]])
    energy = ewald_energies(ewald_matrix(4.1 * np.eye(3), chloride), np.array([[1.0, -1.0]]))[0]
    assert energy == pytest.approx(-1.762674773 * COULOMB / (4.1 * 3**0.5 / 2), rel=1e-8)


def test_the_cell_chosen_does_not_matter():
    """The same rock salt in a slender sheared supercell, with another splitting of the two sums."""
    primitive = np.array([[0, 2.8, 2.8], [2.8, 0, 2.8], [2.8, 2.8, 0]])
    matrix = np.array([[3, 0, 0], [1, 1, 0], [0, 0, 1]])
    points = np.array([[k, 0, 0] for k in range(3)]) @ np.linalg.inv(matrix)
    places = np.concatenate([points, points + np.array([0.5, 0.5, 0.5]) @ np.linalg.inv(matrix)])
    energy = ewald_energies(ewald_matrix(matrix @ primitive, places), np.array([[1.0] * 3 + [-1.0] * 3]))[0]
    assert energy / 3 == pytest.approx(-1.747564595 * COULOMB / 2.8, rel=1e-8)
