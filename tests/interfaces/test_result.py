"""Interfaces in whole atoms: counts, contacts, and the formats that need them."""

from dataclasses import FrozenInstanceError

import pytest

from layerox.interfaces import interface
from layerox.interfaces.result import with_whole_atoms
from layerox.io.structure_writing import write_structure


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


def test_details_hold_full_precision_and_the_report_is_rounded():
    # The misfit of two hexagonal nets is 2 (a2 - a1) / (a1 + a2), see `matching`; the report writes six digits of it.
    made = interface("P2/O3")
    short, long = sorted(part.a for part in made.parts.values())
    exact = 2 * (long - short) / (long + short)
    assert made.details.elastic.misfit == pytest.approx(exact, abs=1e-15)
    assert made.report["misfit"] == round(exact, 6)
    with pytest.raises(FrozenInstanceError):
        made.details.closed = False


def test_the_repr_is_one_informative_line():
    made = interface("P2/O3")
    text = repr(made)
    assert "\n" not in text
    assert all(word in text for word in ("P2/O3", made.details.formula, made.details.space_group, "misfit"))
