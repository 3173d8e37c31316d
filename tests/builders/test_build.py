"""What a user says of a phase. Cells and formulas of library entries are those of the project's table of phases."""

import subprocess
import sys

import pytest

from layerox.builders import Composition, build_atoms, build_crystal, build_structure, library_phase, phase_name
from layerox.crystal.full_symmetry import with_full_symmetry
from layerox.errors import InputError


def test_a_bare_name_is_the_librarys_default():
    assert build_crystal("P2") == library_phase("P2") or build_crystal("P2").sites == library_phase("P2").sites
    assert build_crystal("P2").source == library_phase("P2").source


def test_letters_and_blocks_of_a_named_polytype_are_that_polytype():
    assert build_crystal("AB BA").sites == build_crystal("P2").sites
    assert build_crystal("P2*4").cell == build_crystal("P2").cell
    assert build_crystal("BC CB").name == "BC CB"


def test_the_contracts_example():
    crystal = build_crystal("P2", formula="Na0.67Ni0.33Mn0.67O2", a=2.885, c=11.155)
    assert crystal.cell == (2.885, 2.885, 11.155, 90.0, 90.0, 120.0)
    assert crystal.formula == "Na0.67Mn0.67Ni0.33O2"
    # The slab of the library entry with the same composition: z(O) 0.090551 in the table of phases.
    oxygen = next(site for site in crystal.sites if site.element == "O")
    assert oxygen.position[2] == pytest.approx(0.090551, abs=1e-6)
    assert crystal.source.startswith("CONSTRUCTED by layerox: a, c as given; the rest after layerox library P2_NNM")


def test_a_structure_is_pymatgens():
    structure = build_structure("P2", formula="Na0.67Ni0.33Mn0.67O2", a=2.885, c=11.155)
    # Two formula units; each cell holds two metals, four prisms and four oxygens, mixed sites counted once.
    assert len(structure) == 10
    assert structure.composition.as_dict() == pytest.approx({"Na": 1.34, "Ni": 0.66, "Mn": 1.34, "O": 4})
    assert structure.get_space_group_info()[1] == 194
    assert structure.properties["name"] == "P2"
    assert structure.properties["source"].startswith("CONSTRUCTED")
    assert len(build_structure("P2", supercell=(2, 2, 1))) == 40
    assert build_structure("P2", ordered=True).is_ordered


def test_a_slab_keeps_its_shape_when_a_changes():
    crystal = build_crystal("P2", a=2.885 * 1.01)
    oxygen = next(site for site in crystal.sites if site.element == "O")
    assert oxygen.position[2] * crystal.cell[2] == pytest.approx(1.01 * 0.090551 * 11.155, abs=1e-4)


def test_other_compositions_come_from_bond_lengths_and_state_so():
    crystal = build_crystal("P2", formula="Na0.6MnO2")
    assert "bond lengths" in crystal.source
    assert [notice.code for notice in crystal.warnings] == ["geometry_estimated"]
    complete = build_crystal("P2", formula="Na0.6MnO2", a=2.9, c=11.1)
    assert complete.warnings == ()
    assert complete.cell[:3] == (2.9, 2.9, 11.1)


def test_what_is_stated_is_what_is_built():
    crystal = build_crystal("OP4", a=2.86, slab=2.0, galleries={"P": 3.6, "O": 2.9})
    assert crystal.cell[2] == pytest.approx(4 * 2.0 + 2 * 3.6 + 2 * 2.9)
    split = build_crystal("P2", sodium={"face": 0.1})
    by_label = {site.label: site.occupancy for site in split.sites}
    assert by_label["Naf"] == pytest.approx(0.1)
    assert by_label["Nae"] == pytest.approx(2 / 3 - 0.1)
    by_bond = build_crystal("P2", formula="Na0.6MnO2", a=2.9, bond=1.95, c=11.0)
    oxygen = next(site for site in by_bond.sites if site.element == "O")
    assert (2.9**2 / 3 + (oxygen.position[2] * 11.0) ** 2) ** 0.5 == pytest.approx(1.95)


def test_a_composition_may_be_given_as_one():
    composition = Composition(alkali={"Na": 0.5}, metals={"Mn": 1.0}, anions={"O": 2.0})
    assert build_crystal("P3", formula=composition).content == pytest.approx({"Na": 1.5, "Mn": 3, "O": 6})


def test_words_without_a_formula_take_the_default_one_and_state_so():
    crystal = build_crystal("P2*4|O3*3")
    assert {notice.code for notice in crystal.warnings} == {"geometry_estimated", "formula_assumed"}
    assert crystal.content["Na"] == pytest.approx(7 * 2 / 3)


def test_a_z_follows_its_seed():
    one, other = build_crystal("Z:0.3", seed=1), build_crystal("Z:0.3", seed=2)
    assert one.sites == build_crystal("Z:0.3", seed=1).sites
    assert one.sites != other.sites
    assert one.content == pytest.approx(other.content)


def test_a_charge_that_cannot_be_is_remarked():
    crystal = build_crystal("O3", formula="NaTi0.5Ta0.5O2", a=3.0, c=16.0)
    assert "charge_implausible" in {notice.code for notice in crystal.warnings}


def test_a_supercell_is_listed_in_p1():
    crystal = build_crystal("P2", supercell=(2, 2, 1))
    assert crystal.space_group == "P1"
    assert crystal.cell[:3] == pytest.approx((5.77, 5.77, 11.155))
    assert crystal.content == pytest.approx({e: 4 * x for e, x in library_phase("P2").content.items()})
    assert len({site.label for site in crystal.sites}) == len(crystal.sites)
    # Found again by spglib.
    assert with_full_symmetry(crystal).space_group == "P63/mmc"


@pytest.mark.parametrize(
    ("text", "name"), [("Pp2", "P'2"), ("P'2", "P'2"), ("P’2", "P'2"), ("P2'", "P'2"), ("Op3", "O'3"), ("P2", "P2")]
)
def test_names_on_a_command_line(text, name):
    assert phase_name(text) == name


@pytest.mark.parametrize(
    ("text", "group"), [("Pp2", "Cmcm"), ("P'3", "C2/m"), ("Op3", "C2/m"), ("spinel", "Fd-3m"), ("tunnel", "Pbam")]
)
def test_every_phase_has_a_builder(text, group):
    crystal = build_crystal(text)
    assert (crystal.name, crystal.space_group) == (text, group)


# Words and polytypes beyond the library's entries: space groups from the project's table of phases.
@pytest.mark.parametrize(
    ("word", "group"), [("OP2", "P-3m1"), ("O6", "R-3m"), ("OP4r", "P63/mmc"), ("OP4", "P-6m2"), ("Z:0.3", "P3m1")]
)
def test_words_with_a_name(word, group):
    assert build_crystal(word, formula="Na0.4MnO2").space_group == group


def test_setting_and_supercell_go_together():
    atoms = build_atoms("O3", setting="rectangular", supercell=(2, 1, 1))
    assert len(build_atoms("O3")) * 4 == len(atoms)
    assert atoms.cell == pytest.approx((2 * 2.9596, 3**0.5 * 2.9596, 15.9136, 90, 90, 90))
    assert set(atoms.layer) == {0, 1, 2}
    # One formula unit, mixed metals counted once.
    assert len(build_structure("O3", setting="primitive")) == 4
    assert len(build_structure("O3", setting="primitive", supercell=(2, 2, 2))) == 32


@pytest.mark.parametrize(
    ("phase", "options", "message"),
    [
        ("P5", {}, "unknown phase 'P5'; did you mean"),
        ("P2_NNN", {}, "did you mean 'P2_NNM'"),
        ("banana", {}, "unknown phase"),
        ("", {}, "unreadable block"),
        ("P2*3|O3*4", {}, "take P2"),
        ("P2*4|O9*3", {}, "unknown stacking"),
        ("P2", {"formula": "Na1.2MnO2"}, "one ion per metal"),
        ("P2", {"c": 7.0}, "is implausible for P2; P2 has 11.15 A"),
        ("P2", {"supercell": (0, 1, 1)}, "three positive integers"),
        ("P2", {"supercell": (1, 1)}, "three positive integers"),
        ("O3", {"sodium": {"face": 0.2}}, "has a site 'face'"),
        ("P2", {"inversion": 0.2}, "P2 has no inversion; P2 takes"),
        ("spinel", {"sodium": {"face": 0.2}}, "has no sodium"),
        ("Al", {"a": 4.1}, "it is a tabulated structure"),
        ("C93", {}, "C93 is a mixture"),
        ("P2", {"setting": "orthogonal"}, "unknown setting"),
    ],
)
def test_bad_requests_are_refused(phase, options, message):
    with pytest.raises(InputError, match=message):
        build_crystal(phase, **options)


def test_builders_do_not_import_pymatgen():
    code = "import sys, layerox.builders; sys.exit(any(m.partition('.')[0] == 'pymatgen' for m in sys.modules))"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0
