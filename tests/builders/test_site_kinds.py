"""Kinds of site follow the atoms through supercells, other axes and ordering."""

import pytest

from layerox.builders import build_atoms


@pytest.mark.parametrize(
    "arguments",
    [
        {"supercell": (2, 2, 1)},
        {"supercell": ((2, 1, 0), (-1, 1, 0), (0, 0, 1))},
        {"setting": "rectangular"},
        {"supercell": (3, 3, 1), "ordered": True, "seed": 1},
    ],
)
def test_every_row_has_the_kind_of_its_element(arguments):
    atoms = build_atoms("P2", **arguments)
    kinds = {"Ni": {"metal"}, "Mn": {"metal"}, "O": {"anion"}, "Na": {"face", "edge"}}
    assert len(atoms.site_kind) == len(atoms)
    assert all(kind in kinds[element] for element, kind in zip(atoms.elements, atoms.site_kind, strict=True))
    assert len(atoms.to_structure().site_properties["site_kind"]) == len(set(atoms.site.tolist()))
