"""The results that README.md prints are those of the program (examples/readme_results.py)."""

import importlib.util
import pkgutil
import re
from pathlib import Path

import pytest

import layerox

ROOT = Path(layerox.__file__).parents[2]


@pytest.fixture(scope="module")
def script():
    spec = importlib.util.spec_from_file_location("readme_results", ROOT / "examples" / "readme_results.py")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def test_the_readme_prints_what_the_program_prints(script):
    assert [computed for _, computed in script.differences(script.README.read_text(encoding="utf-8"))] == []


def test_every_module_that_the_readme_names_is_there(script):
    names = re.findall(r"`(layerox(?:\.[a-z_]+)+)", script.README.read_text(encoding="utf-8"))
    assert len(names) > 4
    for name in {name for name in names if not name.startswith("layerox.toml")}:
        pkgutil.resolve_name(name)


def test_a_stale_number_is_noticed(script, monkeypatch):
    monkeypatch.setattr(script, "RESULTS", {r"has (.*) variables": lambda: "21"})
    assert [computed for _, computed in script.differences("it has 19 variables")] == ["21"]


@pytest.mark.parametrize(
    ("printed", "computed", "agree"),
    [
        ("61.84(11) %", "61.85(11) %", True),
        ("61.84(11) %", "61.80(11) %", False),
        ("61.84(11) %", "61.84(12) %", False),
        ("61.84(11) %", "61.84(11)", False),
        ("19 variables", "21 variables", False),
    ],
)
def test_only_the_last_digit_may_differ(script, printed, computed, agree):
    assert script.same(printed, computed) is agree
