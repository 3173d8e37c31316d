"""Sodium from charge, mass and formula, checked by hand with Faraday's constant.

Na0.67Ni0.33Mn0.67O2: 0.67 x 22.98977 + 0.33 x 58.6934 + 0.67 x 54.93804 + 2 x 15.999 = 103.578 g/mol (IUPAC standard
atomic weights); 96485.33 C/mol = 26801.48 mAh/mol. Its theoretical capacity is quoted as 173 mAh/g (e.g. Lu & Dahn,
J. Electrochem. Soc. 148 (2001) A1225, doi:10.1149/1.1407247, RECALLED).
"""

import numpy as np
import pytest

from layerox.electrochemistry.sodium_content import sodium_of
from layerox.errors import InputError

FORMULA, MOLAR_MASS = "Na0.67Ni0.33Mn0.67O2", 103.578


def test_theoretical_capacity():
    assert sodium_of(FORMULA, 5.0).theoretical_capacity == pytest.approx(0.67 * 26801.48 / MOLAR_MASS, rel=1e-4)
    assert sodium_of(FORMULA, 5.0).theoretical_capacity == pytest.approx(173, abs=0.5)


def test_content_after_a_charge():
    """0.4 mAh out of 5 mg: 0.4 x 103.578 / (0.005 x 26801.48) = 0.30917 of a sodium."""
    content, esd = sodium_of(FORMULA, 5.0, 0.1).content(np.array([0.0, 0.4, -0.4]))
    np.testing.assert_allclose(content, [0.67, 0.67 - 0.30917, 0.67 + 0.30917], atol=1e-5)
    np.testing.assert_allclose(esd, [0.0, 0.02 * 0.30917, 0.02 * 0.30917], atol=1e-6)


def test_the_start_may_differ_from_the_formula_and_has_an_uncertainty():
    content, esd = sodium_of(FORMULA, 5.0, 0.1, start=0.3, start_esd=0.004).content(np.array([0.4]))
    assert content[0] == pytest.approx(0.3 - 0.30917, abs=1e-5)
    assert esd[0] == pytest.approx(np.hypot(0.004, 0.02 * 0.30917), rel=1e-4)


def test_without_an_uncertainty_of_the_mass_there_is_none_of_the_content():
    content, esd = sodium_of(FORMULA, 5.0).content(np.array([0.4, np.nan]))
    assert np.isnan(esd).all()
    assert np.isnan(content).tolist() == [False, True]


@pytest.mark.parametrize(("formula", "mass", "said"), [
    ("LiCoO2", 5.0, "has no sodium"), ("Na0.67MnO2", 0.0, "a mass of 0 mg"), ("Na+", 1.0, "unreadable"),
])  # fmt: skip
def test_what_is_no_cathode_is_refused(formula, mass, said):
    with pytest.raises(InputError, match=said):
        sodium_of(formula, mass)
