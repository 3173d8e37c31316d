"""Files that pymatgen reads: JSON is data, whatever modules its keys name; nothing is counted that is not there."""

import json
import sys

import pytest
from pymatgen.core import Lattice, Structure

import layerox as lx
from layerox.errors import InputError


@pytest.fixture
def document():
    return Structure(Lattice.cubic(4.2), ["Na", "Cl"], [[0, 0, 0], [0.5, 0.5, 0.5]]).as_dict()


@pytest.mark.parametrize("key", ["@class", "@callable"])
def test_no_module_is_imported_on_a_strangers_word(key, document, tmp_path, monkeypatch):
    """pymatgen decodes properties of sites by whatever module they name; one beside the file would do."""
    marker = tmp_path / "imported"
    (tmp_path / "strangers_module.py").write_text(f"open({str(marker)!r}, 'w')\n\n\nclass Thing:\n    pass\n")
    monkeypatch.syspath_prepend(str(tmp_path))
    for site in document["sites"]:
        site["properties"] = {"mine": {"@module": "strangers_module", key: "Thing"}}
    path = tmp_path / "cell.json"
    path.write_text(json.dumps(document))
    lx.check(path)
    assert not marker.exists()
    assert "strangers_module" not in sys.modules


def test_the_structure_is_what_pymatgen_has_written(document, tmp_path):
    path = tmp_path / "cell.json"
    path.write_text(json.dumps(document))
    assert lx.check(path) == lx.check(Structure.from_dict(document))


@pytest.mark.parametrize("text", ["[" * 100_000, "{}", "[]", "1", '{"lattice": 1, "sites": []}', ""])
def test_other_json_is_one_line(text, tmp_path):
    path = tmp_path / "cell.json"
    path.write_text(text)
    with pytest.raises(InputError, match="cannot be read"):
        lx.check(path)


@pytest.mark.parametrize(("key", "value"), [("abc", [1e308, 0, 0]), ("abc", [float("nan"), 0, 0])])
def test_positions_that_are_none_are_refused(key, value, document, tmp_path):
    document["sites"][0][key] = value
    path = tmp_path / "cell.json"
    path.write_text(json.dumps(document))
    with pytest.raises(InputError, match="its cell or its positions are none of a crystal"):
        lx.check(path)


def test_atoms_that_are_counted_and_not_listed(document, tmp_path):
    """Room for a hundred million of them would be made before the first is looked for."""
    path = tmp_path / "cell.vasp"
    Structure.from_dict(document).to(str(path), fmt="poscar")
    assert lx.check(path) == lx.check(Structure.from_dict(document))
    path.write_text(path.read_text().replace("1 1\n", "1 100000000\n"))
    with pytest.raises(InputError, match="counts more atoms than it lists; correct the numbers"):
        lx.check(path)
