"""The results that README.md and the guide print are those of the program (examples/readme_results.py)."""

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


def test_readme_and_guide_print_what_the_program_prints(script):
    found = [script.differences(path.read_text(encoding="utf-8"), rows) for path, rows in script.RESULTS.items()]
    assert [[computed for _, computed in rows] for rows in found] == [[]] * len(script.RESULTS)


def test_every_module_that_readme_and_documentation_name_is_there():
    pages = [ROOT / "README.md", *(ROOT / "docs").rglob("*.md")]
    texts = [page.read_text(encoding="utf-8") for page in pages if "_build" not in page.parts]
    names = {name for text in texts for name in re.findall(r"`(layerox(?:\.[a-z_][a-z0-9_]*)+)", text)}
    assert len(names) > 4
    for name in {name for name in names if not name.startswith(("layerox.toml", "layerox.gpx"))}:
        pkgutil.resolve_name(name)


def test_a_stale_number_is_noticed(script):
    results = {r"has (.*) variables": lambda: "21"}
    assert [computed for _, computed in script.differences("it has 19 variables", results)] == ["21"]


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
