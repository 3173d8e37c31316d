"""The public function `identify`: candidates by name and file, its result as JSON, and phases for a fit."""

import json

import pytest

import layerox as lx
from layerox.analysis.identify import candidates_from, group_of
from layerox.cli.main import main
from layerox.errors import InputError


@pytest.fixture(scope="module")
def pattern():
    return lx.simulate(["P2", "O3"], weights=[0.7, 0.3], radiation="CuKa", two_theta=(12, 80, 0.03), counts=8000,
                       background=[150.0], seed=2).pattern  # fmt: skip


@pytest.fixture(scope="module")
def file(pattern, tmp_path_factory):
    path = tmp_path_factory.mktemp("scan") / "scan.xye"
    lx.write_pattern(pattern, path)
    return path


@pytest.fixture(scope="module")
def found(pattern):
    return lx.identify(pattern, ["P2", "O3", "P3", "NiO", "spinel"])


def test_the_phases_of_the_library_are_found_by_their_names(found):
    assert found.found == ("P2", "O3")
    assert repr(found) == "<Identification P2 + O3>"
    assert found.alike == ()
    assert found.unexplained == ()
    assert {row.name for row in found.candidates} == {"P2", "O3", "P3", "NiO", "spinel"}
    assert [row.probability for row in found.candidates[:2]] == pytest.approx([1.0, 1.0], abs=0.05)


def test_published_cathodes_with_these_phases_are_named(found):
    expected = [name for name, cathode in lx.library.cathodes.items() if set(cathode.phases) == {"P2", "O3"}]
    assert list(found.cathodes) == expected
    assert "C93" in expected


def test_its_phases_go_into_a_fit(pattern, found):
    result = lx.fit(pattern, found.phases)
    assert result.status == "converged"
    assert result.weight_fractions["P2"] == pytest.approx(0.7, abs=0.01)


def test_its_json_has_the_fields_of_the_contract(found):
    document = json.loads(found.to_json())
    assert document["found"] == ["P2", "O3"]
    assert set(document["candidates"][0]) >= {"name", "score", "probability", "cell", "intensity_share"}
    assert len(document["candidates"][0]["cell"]) == 6
    assert document["alike"] == document["unexplained"] == []


def test_a_hydrate_beside_p2_is_proposed_by_its_layer_spacing():
    """P2 with layers 7.0 A apart, as of a hydrate, is outside the reach of every candidate's cell."""
    hydrate = lx.build("P2", formula="Na0.3MnO2", a=2.85, c=14.0)
    mixed = lx.simulate(["P2", ("hydrate", hydrate)], weights=[0.7, 0.3], radiation="CuKa", two_theta=(8, 70, 0.03),
                        counts=8000, background=[150.0], seed=2)  # fmt: skip
    found = lx.identify(mixed, ["P2", "O3"])
    assert found.found == ("P2",)
    assert found.proposed_cell is not None
    assert found.proposed_cell.spacing == pytest.approx(7.0, abs=0.02)
    assert json.loads(found.to_json())["proposed_cell"]["layer_spacing"] == pytest.approx(7.0, abs=0.02)


def test_names_restrict_the_library_and_files_add_to_it(tmp_path):
    from_pymatgen = lx.build("O3", formula="NaFeO2")
    from_pymatgen.to(filename=str(tmp_path / "mine.cif"))
    every = {c.group for c in candidates_from(None)}
    assert {c.group for c in candidates_from(["P2", "Mn2O3"])} == {"P2", "Mn2O3"}
    assert len(candidates_from(["P2"])) == 3  # three compositions
    assert {c.group for c in candidates_from([tmp_path])} == every | {"mine"}
    assert {c.group for c in candidates_from(["P2", tmp_path / "mine.cif"])} == {"P2", "mine"}
    assert {c.group for c in candidates_from(["C93"])} == {"P2", "O3"}


@pytest.mark.parametrize(
    ("entry", "group"),
    [("P2_NFM", "P2"), ("P3_NaCoO2_Rbar3m", "P3"), ("Op3_NaMnO2", "Op3"), ("S_MgMn2O4c", "spinel"),
     ("S_Mn3O4", "S_Mn3O4"), ("S_Na2MoO4", "S_Na2MoO4"), ("NiO", "NiO"), ("T_Na044MnO2", "tunnel")],
)  # fmt: skip
def test_versions_of_a_phase_have_its_name(entry, group):
    assert group_of(lx.library[entry]) == group


def test_what_cannot_be_a_candidate_is_refused(tmp_path, pattern):
    with pytest.raises(InputError, match="no \\.cif file"):
        lx.identify(pattern, [tmp_path])
    with pytest.raises(InputError, match="Quartz"):
        lx.identify(pattern, ["Quartz"])
    structure = lx.build("O3", formula="NaFeO2")
    with pytest.raises(InputError, match="the name 'a'"):
        candidates_from([("a", structure), ("a", structure)])
    with pytest.raises(InputError, match="no candidate has a reflection"):
        lx.identify(pattern, ["NiO"], range=(12.0, 20.0))


def test_a_candidate_outside_the_range_is_said_not_to_be_compared(pattern):
    found = lx.identify(pattern, ["P2", "NiO"], range=(12.0, 34.0))
    assert [notice.code for notice in found.warnings] == ["no_reflection_in_range"]
    assert "NiO" in found.warnings[0].message


def test_the_command_prints_a_table_and_writes_json(file, tmp_path, capsys):
    out = tmp_path / "found.json"
    words = ["identify", str(file), "--radiation", "CuKa", "--candidates", "P2", "O3", "P3"]
    assert main([*words, "--json", str(out)]) == 0
    text = capsys.readouterr().out
    assert text.startswith("found: P2 + O3")
    assert "C93" in text
    assert json.loads(out.read_text())["found"] == ["P2", "O3"]
    assert main([*words, "--json", "-"]) == 0
    assert json.loads(capsys.readouterr().out)["found"] == ["P2", "O3"]


def test_the_command_leaves_with_1_if_nothing_fits(file, capsys):
    assert main(["identify", str(file), "--radiation", "CuKa", "--candidates", "Mn2O3"]) == 1
    assert capsys.readouterr().out.startswith("none of the candidates fits the pattern")


def test_a_fit_takes_the_phases_that_are_found(file, tmp_path, capsys):
    folder = tmp_path / "auto"
    words = ["fit", str(file), "--phase", "auto", "--radiation", "CuKa", "--figures", "none", "-o", str(folder)]
    assert main(words) == 0
    assert capsys.readouterr().out.startswith("identified: P2 + O3\n")
    result = lx.load(folder / "result.json")
    assert result.weight_fractions["P2"] == pytest.approx(0.7, abs=0.01)
    assert (folder / "O3.cif").exists()


def test_a_fit_of_a_pattern_without_known_phases_writes_nothing(tmp_path, capsys):
    from foreign_crystals import FOREIGN
    from layerox.diffraction.phase import Phase

    foreign = lx.simulate([Phase(name="corundum", crystal=FOREIGN["corundum"])], radiation="CuKa",
                          two_theta=(15, 80, 0.03), counts=8000, background=[150.0], seed=2)  # fmt: skip
    path = tmp_path / "scan.xye"
    lx.write_pattern(foreign.pattern, path)
    assert main(["fit", str(path), "--phase", "auto", "--radiation", "CuKa", "-o", str(tmp_path / "out")]) == 1
    assert "no phase of the library fits the pattern" in capsys.readouterr().out
    assert not (tmp_path / "out").exists()
