"""Interfaces in whole atoms: counts, contacts, and the formats that need them."""

import pytest

from layerox.interfaces import interface
from layerox.interfaces.ordered_cell import with_whole_atoms
from layerox.io.structures import write_structure


@pytest.mark.parametrize("phases", ["P2/O3", "P2/spinel", "P2/tunnel"])
def test_whole_atoms_keep_the_cell_right(phases, tmp_path):
    cell = interface(phases, supercell=(1, 1, 1) if "tunnel" in phases else (3, 3, 1))
    whole = with_whole_atoms(cell, seed=1)
    assert whole.atoms.is_ordered
    assert whole.findings == ()
    assert whole.report["atoms"] == len(whole.atoms)
    for element, number in cell.atoms.content.items():
        assert whole.atoms.content[element] == pytest.approx(number, abs=1.01)
    for suffix in (".vasp", ".lmp"):
        write_structure(whole.atoms, tmp_path / f"cell{suffix}")
    assert " 1 metal\n" in (tmp_path / "cell.vasp").read_text()


def test_sodium_ions_keep_apart():
    whole = with_whole_atoms(interface("P2/O3", supercell=(3, 3, 1)), seed=2)
    assert whole.report["shortest"]["Na-Na"] > 2.3
    assert with_whole_atoms(whole) is whole
