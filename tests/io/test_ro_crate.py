"""The crate of an output folder: valid JSON-LD, what is there with its hash, which command made it from what."""

import hashlib
import json

import pytest

from layerox.errors import InputError
from layerox.io import ro_crate
from layerox.io.output_files import is_own, write_outputs
from layerox.io.ro_crate import CRATE, write_crate


def written(folder, by="fit", inputs=(), **files):
    write_outputs({folder / name.replace("__", "."): text for name, text in files.items()}, by=by)
    write_crate(folder, by=by, inputs=inputs)
    return entities(folder)


def entities(folder):
    document = json.loads((folder / CRATE).read_text(encoding="utf-8"))
    assert document["@context"][0] == "https://w3id.org/ro/crate/1.1/context"
    return {entity["@id"]: entity for entity in document["@graph"]}


@pytest.fixture
def pattern(tmp_path):
    path = tmp_path / "in" / "scan 1.xye"
    path.parent.mkdir()
    path.write_text("10 100\n")
    return path


@pytest.fixture
def folder(tmp_path):
    path = tmp_path / "out"
    path.mkdir()
    return path


def test_what_the_specification_requires(folder):
    """Section "Root Data Entity" of RO-Crate 1.1: descriptor, name, description, date and licence."""
    found = written(folder, result__json="{}")
    assert found[CRATE]["@type"] == "CreativeWork"
    assert found[CRATE]["about"] == {"@id": "./"}
    assert found[CRATE]["conformsTo"] == {"@id": "https://w3id.org/ro/crate/1.1"}
    root = found["./"]
    assert root["@type"] == "Dataset"
    assert all(root[name] for name in ("name", "description", "license"))
    assert len(root["datePublished"]) == len("2024-01-01")


def test_every_reference_names_an_entity(folder, pattern):
    found = written(folder, inputs=[pattern], result__json="{}", fit__csv="a\n")

    def references(value):
        if isinstance(value, list):
            yield from (one for each in value for one in references(each))
        elif isinstance(value, dict):
            yield value["@id"]

    named = {one for entity in found.values() for value in entity.values() for one in references(value)}
    assert named - {"https://w3id.org/ro/crate/1.1"} <= set(found)


def test_files_have_size_and_hash_of_what_is_there(folder):
    found = written(folder, result__json='{"a": 1}', fit__csv="a\n1\n")
    assert [part["@id"] for part in found["./"]["hasPart"]] == ["fit.csv", "result.json"]
    for name in ("fit.csv", "result.json"):
        content = (folder / name).read_bytes()
        assert found[name]["@type"] == "File"
        assert found[name]["contentSize"] == str(len(content))
        assert found[name]["sha256"] == hashlib.sha256(content).hexdigest()
    assert found["fit.csv"]["encodingFormat"] == "text/csv"


def test_the_action_has_software_inputs_and_results(folder, pattern):
    found = written(folder, inputs=[pattern], result__json="{}")
    action = found["#fit"]
    assert (action["@type"], action["result"]) == ("CreateAction", [{"@id": "result.json"}])
    assert found[action["instrument"]["@id"]]["name"] == "layerox"
    source = found[action["object"][0]["@id"]]
    assert (source["name"], source["sha256"]) == ("scan 1.xye", hashlib.sha256(pattern.read_bytes()).hexdigest())
    # Paths of the user's machine are not published.
    assert str(pattern.parent) not in (folder / CRATE).read_text()


def test_files_of_the_user_and_changed_ones_are_not_described(folder):
    (folder / "notes.txt").write_text("mine")
    written(folder, result__json="{}", report__txt="text")
    (folder / "report.txt").write_text("changed")
    found = written(folder, by="strain", strain__csv="a\n")
    assert "notes.txt" not in found
    assert "report.txt" not in found
    assert {"result.json", "strain.csv"} <= set(found)


def test_actions_of_earlier_commands_stay_with_their_inputs(folder, pattern):
    first = written(folder, inputs=[pattern], result__json="{}")
    found = written(folder, by="strain", strain__csv="a\n")
    assert found["#fit"] == first["#fit"]
    assert found["#fit"]["object"][0]["@id"] in found
    assert found["#strain"]["result"] == [{"@id": "strain.csv"}]
    assert found["./"]["mentions"] == [{"@id": "#fit"}, {"@id": "#strain"}]


def test_a_command_that_goes_on_keeps_its_inputs(folder, pattern):
    first = written(folder, inputs=[pattern], result__json="{}")
    write_outputs({folder / "fit.png": "drawn later"}, by="fit")
    write_crate(folder, by="fit")
    found = entities(folder)
    assert found["#fit"]["object"] == first["#fit"]["object"]
    assert {"@id": "fit.png"} in found["#fit"]["result"]


def test_a_crate_that_differs_in_its_dates_alone_stays_as_it_is(folder, pattern, monkeypatch):
    written(folder, inputs=[pattern], result__json="{}")
    before = (folder / CRATE).read_bytes()

    class Later(ro_crate.datetime):
        @classmethod
        def now(cls, tz=None):
            return cls(2031, 1, 1, tzinfo=tz)

    monkeypatch.setattr(ro_crate, "datetime", Later)
    write_crate(folder, by="fit", inputs=[pattern])
    assert (folder / CRATE).read_bytes() == before
    assert is_own(folder / CRATE)


def test_a_crate_of_the_user_is_kept(folder):
    (folder / CRATE).write_text("{}")
    write_outputs({folder / "result.json": "{}"}, by="fit")
    with pytest.raises(InputError, match="is not recorded as layerox's own and is kept"):
        write_crate(folder, by="fit")
    write_crate(folder, by="fit", overwrite=True)
    assert "result.json" in entities(folder)


def test_names_are_uris(folder):
    write_outputs({folder / "P2 a.cif": "data_a\n"}, by="fit")
    write_crate(folder, by="fit")
    assert entities(folder)["P2%20a.cif"]["name"] == "P2 a.cif"


def test_it_is_read_by_other_programs(folder, pattern):
    """The library of the specification's authors, where it is installed."""
    rocrate = pytest.importorskip("rocrate.rocrate")
    written(folder, inputs=[pattern], result__json="{}")
    crate = rocrate.ROCrate(str(folder))
    assert crate.dereference("#fit").type == "CreateAction"
    assert [entity.id for entity in crate.data_entities] == ["result.json"]
