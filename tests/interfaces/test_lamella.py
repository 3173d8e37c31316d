"""A lamella cut out and relaxed by its known strain is its phase again, at the numbers of slabs that nobody chose."""

import pytest

import layerox as lx
from layerox.builders import build_crystal, phase_name
from layerox.full_symmetry import with_full_symmetry
from layerox.interfaces import interface
from layerox.interfaces.lamella import relaxed_lamella
from layerox.validation import identify_structure

LAYERED = ["P2/O3", "P2/P3", "P2/P3/O3", "P2/OP4", "P2/O'3", "P'2/P2", "P'3/P3"]
WITH_SPINEL = ["P2/P3/spinel", "O3/spinel/P2", "P2/spinel", "P'2/spinel"]


@pytest.mark.parametrize("phases", [*LAYERED, *WITH_SPINEL])
def test_every_lamella_is_identified_again(phases):
    made = interface(phases)
    for number, (label, _) in enumerate(made.word.blocks):
        if not made.parts[label].spinel:
            assert identify_structure(relaxed_lamella(made, number)).name == phase_name(label)


@pytest.mark.parametrize("phases", ["P2/O3", "P3/O3", "P'2/P2", "O'3/P2", "P'3/P'2", "P3/O'3"])
def test_a_thick_one_has_the_cell_and_the_group_of_its_phase(phases):
    made = interface(phases, slabs=[6, 6], boundary="own")
    for number, (label, _) in enumerate(made.word.blocks):
        again, alone = with_full_symmetry(relaxed_lamella(made, number).to_crystal()), build_crystal(label)
        assert again.space_group == alone.space_group
        assert again.cell == pytest.approx(alone.cell, abs=2e-4)


@pytest.mark.parametrize(
    ("phases", "number", "message"),
    [("P2/O3", 2, "give 0 to 1"), ("P2/spinel", 1, "no layers of its own"), ("P2/tunnel", 0, "coherent intergrowth")],
)
def test_what_cannot_be_cut_out(phases, number, message):
    with pytest.raises(lx.InputError, match=message):
        relaxed_lamella(interface(phases), number)
