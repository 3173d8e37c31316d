"""Lengths and angles that a phase cannot have are refused with the range; those of published cells pass (P2
Na2/3Ni1/3Mn2/3O2: a = 2.885 A, c = 11.155 A; its hydrate: c = 14.2 A, Lu & Dahn, Chem. Mater. 13 (2001) 1252)."""

import pytest

from layerox.builders import build_crystal
from layerox.errors import InputError


@pytest.mark.parametrize(
    ("phase", "options", "words"),
    [
        ("P2", {"a": 28.9}, r"a: a = 28\.9 A is implausible for P2; P2 has 2\.885 A: give 2\.452 to 3\.462 A"),
        ("P2", {"a": 0.2885}, "a = 0.2885 A is implausible"), ("P2", {"c": 1.1155}, "c = 1.1155 A is implausible"),
        ("P2", {"c": 111.55}, "c = 111.55 A is implausible"), ("P2", {"bond": 19.3}, "bond = 19.3 A is implausible"),
        ("P2", {"slab": 0.43}, "slab = 0.43 A is implausible"), ("O3", {"a": 289.0}, "implausible"),
        ("P2*4|O3*3", {"c": 11.2}, "implausible"), ("spinel", {"a": 82.0}, "implausible"),
        ("tunnel", {"a": 92.0}, "implausible"), ("Pp3", {"beta": 1.83}, "beta = 1.83 degrees is implausible"),
        ("P2", {"a": float("nan")}, "a = nan A is implausible"),
    ],
)  # fmt: skip
def test_a_slip_is_named_with_the_range(phase, options, words):
    with pytest.raises(InputError, match=words) as caught:
        build_crystal(phase, **options)
    assert caught.value.argument in options


@pytest.mark.parametrize(
    ("phase", "options"),
    [("P2", {"a": 2.79, "c": 11.4}), ("P2", {"a": 2.95, "c": 14.2}), ("O3", {"a": 3.05, "c": 16.6}),
     ("O3", {"a": 2.83, "c": 14.05, "formula": "LiCoO2"}), ("spinel", {"a": 8.0}), ("tunnel", {"a": 9.3})],
)  # fmt: skip
def test_cells_of_the_literature_pass(phase, options):
    crystal = build_crystal(phase, **options)
    assert crystal.cell[0] == pytest.approx(options["a"])
