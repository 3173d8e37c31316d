"""Phases of the paths of the published cathodes, by name. Names of phases are those of the review's table."""

import pytest

from layerox.builders import LIBRARY
from layerox.builders.library.path_states import SODIUM, path_formula
from layerox.cli.main import main

# Phases that the table names on the path and not before cycling.
PATHS = {
    "C93": {"P3", "OP4", "OP2"}, "C94": {"Op3", "OP4"}, "C65": set(), "C97": {"OP4"}, "C106": {"Pp3", "Ppp3"},
    "C107": {"O3", "Z", "Op3"}, "C101": {"Pp2"}, "C102": set(), "C110": {"OP4"}, "C111": set(),
    "C116": {"OP2", "OP4"}, "C117": {"P3", "OP2"}, "C121": {"P3"}, "C122": {"Op3", "P3", "Pp3"}, "C126": {"OP4"},
    "C130": {"OP4"},
}  # fmt: skip
# Space groups of phases.md; an inversion centre of Z depends on the stacking that is drawn.
GROUPS = {
    "P3": {"R -3 m", "R 3 m"}, "OP4": {"P -6 m 2"}, "OP2": {"P -3 m 1"}, "Op3": {"C 1 2/m 1"}, "Pp3": {"C 1 2/m 1"},
    "Ppp3": {"C 1 2/m 1"}, "Pp2": {"C m c m"}, "O3": {"R -3 m"},
}  # fmt: skip


@pytest.mark.parametrize(("name", "states"), PATHS.items())
def test_path_states_are_built_by_name(name, states):
    cathode = LIBRARY.cathodes[name]
    assert {entry.name.partition("_")[2] for entry in cathode.path_entries} == states
    for entry in cathode.path_entries:
        crystal = LIBRARY[entry.name].crystal().checked()
        assert "charge_implausible" not in {notice.code for notice in crystal.warnings}
        assert "CONSTRUCTED" in entry.provenance
        state = entry.name.partition("_")[2]
        if state != "Z":
            assert crystal.symmetry.name.replace(":H", "").strip() in GROUPS[state]


def test_the_metals_are_those_of_the_parent():
    components = {"P2": "Na2/3MnO2", "O3": "NaNi0.5Mn0.5O2"}
    assert path_formula("OP4", components) == f"Na{SODIUM['OP4']}MnO2"
    assert path_formula("P3", components) == f"Na{SODIUM['P3']}Ni0.5Mn0.5O2"


def test_build_all_writes_every_phase_of_a_cathode(tmp_path, capsys):
    folder = tmp_path / "c93"
    assert main(["build", "C93", "--all", "-o", str(folder)]) == 0
    assert {path.name for path in folder.glob("*.cif")} == {f"C93_{x}.cif" for x in ("P2", "O3", "P3", "OP4", "OP2")}
    assert capsys.readouterr().out.count("CONSTRUCTED") == 5
    assert main(["build", "C93", "--all", "-o", str(folder)]) == 0  # its own files


def test_the_misprinted_formula_is_built_with_a_notice(tmp_path, capsys):
    assert main(["build", "C111_P2", "-o", str(tmp_path / "x.cif")]) == 0
    out = capsys.readouterr().out
    assert "Na0.44Mn0.97Mo0.03O2" in out
    assert "the table prints Na0.44Mn0.97Mo0.03O," in out
    codes = [notice.code for notice in LIBRARY["C111_tunnel"].crystal().warnings]
    assert codes.count("formula_misprinted") == 1


@pytest.mark.parametrize(
    ("arguments", "reason"),
    [(["P2", "--all"], "P2 is no published cathode"), (["C93", "--all", "--a", "2.9"], "does not apply to all phases")],
)
def test_what_all_does_not_apply_to_is_refused(tmp_path, capsys, arguments, reason):
    assert main(["build", *arguments, "-o", str(tmp_path / "f")]) == 2
    assert reason in capsys.readouterr().err
    assert not (tmp_path / "f").exists()
