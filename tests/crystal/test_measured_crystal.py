"""Crystals known by cell and measured intensities."""

from dataclasses import replace

import numpy as np
import pytest

from layerox.crystal.atoms import atoms_from_crystal
from layerox.errors import InputError
from measured_phases import HYDRATE, measured


def test_density_is_that_of_the_composition():
    # The same cell and content as the structure with atoms.
    found = measured(constant=300.0)
    assert found.density == pytest.approx(HYDRATE.density, rel=1e-12)
    assert found.mass == 300.0
    assert np.isnan(replace(found, atoms=()).density)


def test_equivalents_have_the_intensity_of_the_listed_reflection():
    found = measured()
    listed = dict(zip(found.reflections, found.f_squared, strict=True))
    value = listed[(1, 0, 2)] if (1, 0, 2) in listed else listed[(0, 1, 2)]
    same = np.array([[1, 0, 2], [0, -1, 2], [-1, 1, -2]], dtype=float)
    assert found.on(same) == pytest.approx([value] * 3, rel=1e-12)


def test_reflections_that_are_not_listed_have_no_intensity():
    found = replace(measured(), reflections=((0, 0, 2), (0, 0, 4)), f_squared=(1000.0, 300.0))
    assert found.on(np.array([[0.0, 0.0, 2.0], [0.0, 0.0, 6.0], [1.0, 0.0, 0.0]])).tolist() == [1000.0, 0.0, 0.0]
    assert found.spacings[0] == pytest.approx(13.9 / 4)


def test_one_reflection_is_enough():
    found = replace(measured(), reflections=((0, 0, 2),), f_squared=(5.0,)).checked()
    assert found.on(np.array([[0.0, 0.0, -2.0], [0.0, 0.0, 4.0]])).tolist() == [5.0, 0.0]


@pytest.mark.parametrize(
    ("changes", "fault"),
    [
        ({"cell": (2.84, 2.84, -1.0, 90.0, 90.0, 120.0)}, "impossible cell"),
        ({"reflections": (), "f_squared": ()}, "no intensities"),
        ({"reflections": ((0, 0, 2), (0, 0, 4)), "f_squared": (9.0, -1.0)}, "is -1"),
        ({"reflections": ((0, 0, 1),), "f_squared": (1.0,)}, "absent"),  # 00l with l odd: the screw axis 6_3
        ({"constant": 0.0}, "constant 0"),
        ({"constant": 5.0, "constant_esd": -1.0}, "esd -1"),
        ({"atoms": (("Xx", 1.0),)}, "unknown element"),
    ],
)
def test_impossible_values_are_refused(changes, fault):
    with pytest.raises(InputError, match=fault):
        replace(measured(), **changes).checked()


def test_it_has_no_atoms_to_build_with():
    with pytest.raises(InputError, match="has no atoms"):
        atoms_from_crystal(measured())
