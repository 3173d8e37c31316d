"""Glides at an interface: points 3 and 10 of the project's interface physics, and the paths that they make."""

import numpy as np
import pytest

import layerox as lx
from layerox.interfaces import interface
from layerox.interfaces.cell_inspection import coordination
from layerox.interfaces.gliding import glide_modes, glide_path
from layerox.stacking import closure, parse_word


def modes_of(text):
    return {mode.phases: mode for mode in glide_modes(parse_word(text))}


def test_the_two_modes_of_p2_p3():
    # The interlocking of the review (Fig. 5): such a cell goes either to O2 with O3, or to O2 with O1.
    modes = modes_of("P2*2|P3*3")
    assert modes["O2", "O3"].glides == (1, -1, 1, 1, 1)
    assert modes["O2", "O1"].glides == (1, -1, -1, -1, -1)
    assert modes["O2", "O3"].end.shear == 0


def test_one_lamella_glides_while_the_other_holds():
    modes = modes_of("P2*4|P3*3")
    assert modes["P2", "O3"].held == ("P2",)
    assert modes["OP4", "P3"].glides in {(0, 1, 0, -1, 0, 0, 0), (0, -1, 0, 1, 0, 0, 0), (1, 0, -1, 0, 0, 0, 0)}
    assert modes["O2", "P3"].held == ("P3",)


def test_no_glide_leads_into_the_other_family():
    for first, second in modes_of("P2*2|O3*3"):
        assert first in {"P2", "O2", "O6", "OP4"}
        assert second in {"O3", "O1", "P3", "OP2"}


def test_every_end_is_what_it_states():
    for mode in modes_of("P2*4|P3*3").values():
        assert closure(mode.end).is_closed
        assert mode.start.glides(mode.glides).slabs == mode.end.slabs


def test_a_path_begins_at_the_cell_and_ends_in_octahedra():
    made = interface("P2/P3")
    mode = next(mode for mode in glide_modes(made.word) if mode.phases == ("O2", "O3"))
    path = glide_path(made, mode, images=3)
    assert np.allclose(path[0].positions, made.grown.stack.atoms().positions)
    before, after = coordination(path[0]), coordination(path[-1])
    assert before["Na"]["prismatic"] == after["Na"]["octahedral"] == 10
    assert before["TM"]["octahedral"] == after["TM"]["octahedral"] == 5


def test_a_glide_is_a_over_sqrt_three_and_the_cell_leans_with_it():
    made = interface("P2/P3", slabs=[2, 3])
    mode = next(mode for mode in glide_modes(made.word) if mode.phases == ("P2", "OP2"))
    start, _, end = glide_path(made, mode, images=3)
    metals = start.site_kind == "metal"
    moved = np.linalg.norm((end.cartesian - start.cartesian)[metals], axis=1)
    assert moved.max() == pytest.approx(made.report["cell"][0] / np.sqrt(3), rel=1e-6)  # 1.66 A
    assert end.lattice[2, 2] == pytest.approx(start.lattice[2, 2])
    assert coordination(end)["TM"]["octahedral"] == 5


def test_a_mode_of_another_word_is_refused():
    made = interface("P2/P3")
    with pytest.raises(lx.InputError, match="another word"):
        glide_path(made, glide_modes(parse_word("P2*2|O3*3"))[0])
    with pytest.raises(lx.InputError, match="make no path"):
        glide_path(made, glide_modes(made.word)[0], images=1)


def test_a_spinel_holds_while_its_neighbour_glides():
    modes = glide_modes(interface("P2/spinel", slabs=[4, 3]).word)
    assert {mode.phases[1] for mode in modes} == {"spinel"}
    assert ("OP4", "spinel") in {mode.phases for mode in modes}
    assert all(mode.held == ("spinel",) for mode in modes)


def test_distorted_layers_glide_along_their_long_side():
    made = interface("P'2/P3", slabs=[2, 3])
    mode = next(mode for mode in glide_modes(made.word) if mode.phases == ("Pp2", "O3"))
    start, _, end = glide_path(made, mode, images=3)
    moved = np.linalg.norm((end.cartesian - start.cartesian)[start.site_kind == "metal"], axis=1)
    assert mode.held == ("Pp2",)
    assert sorted({round(x, 4) for x in moved})[1] == pytest.approx(made.report["cell"][1] / 3, rel=1e-4)
    assert coordination(end)["TM"]["octahedral"] == 5
    assert coordination(end)["Na"]["octahedral"] == 6  # both sites of three galleries
