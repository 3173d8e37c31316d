"""The project's own files: one version, dependencies without bounds that nobody can explain, extras, notebooks without
outputs, and a package that Windows can import."""

import json
import re
import subprocess
import sys
import tomllib
from importlib.metadata import metadata
from pathlib import Path

import pytest

import layerox
from layerox.computing.optional import EXTRAS

ROOT = Path(layerox.__file__).parents[2]
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
OPTIONAL = PROJECT["optional-dependencies"]
PYTHONS = ("3.11", "3.12", "3.13", "3.14")


def name_of(requirement):
    """Return the name of a requirement as package indices normalise it (PEP 503)."""
    return re.sub(r"[-_.]+", "-", re.match(r"[\w.-]+", requirement)[0]).lower()


def test_the_version_is_the_same_everywhere():
    """pyproject.toml is the place where it is changed."""
    citation = (ROOT / "CITATION.cff").read_text(encoding="utf-8")
    cited = re.search(r"^version: (\S+)$", citation, re.MULTILINE)[1]
    assert {cited, layerox.__version__} == {PROJECT["version"]}


def test_every_supported_python_is_listed():
    assert PROJECT["requires-python"] == f">={PYTHONS[0]}"
    prefix = "Programming Language :: Python :: "
    assert tuple(row.removeprefix(prefix) for row in PROJECT["classifiers"] if row.startswith(prefix)) == PYTHONS


def test_an_upper_bound_has_its_reason_beside_it():
    text = (ROOT / "pyproject.toml").read_text(encoding="utf-8")
    lines = text[text.index("dependencies = [") : text.index("[project.scripts]")].splitlines()
    assert [line for line in lines if re.search(r'"[^"]*<[^"]*"', line) and "#" not in line] == []


def test_the_numeric_packages_themselves_allow_these_pythons():
    for name in ("numpy", "scipy", "numba", "llvmlite", "gemmi", "spglib", "pymatgen", "pandas", "h5py"):
        assert "<" not in metadata(name)["Requires-Python"], name


def test_every_optional_package_is_in_its_extra_and_in_no_other_place():
    for module, extra in EXTRAS.items():
        package = name_of(module.partition(".")[0])
        assert package in {name_of(row) for row in OPTIONAL[extra]}
        assert package not in {name_of(row) for row in PROJECT["dependencies"]}


def test_the_extra_all_is_what_a_user_can_want_and_not_the_developers_tools():
    wanted = re.fullmatch(r"layerox\[(.*)\]", *OPTIONAL["all"])[1].split(",")
    assert set(wanted) == set(OPTIONAL) - {"all", "test", "docs", "dev"} == set(EXTRAS.values())


def test_every_direct_dependency_has_an_exact_version():
    rows = (ROOT / "constraints.txt").read_text(encoding="utf-8").splitlines()
    pinned = {name_of(row) for row in rows if not row.startswith("#")}
    asked = {name_of(row) for rows in (PROJECT["dependencies"], *OPTIONAL.values()) for row in rows} - {"layerox"}
    assert asked <= pinned


NOTEBOOKS = [*ROOT.glob("docs/tutorials/*.ipynb"), *ROOT.glob("examples/*.ipynb")]


@pytest.mark.parametrize("path", sorted(NOTEBOOKS), ids=lambda path: path.stem)
def test_the_extra_docs_installs_what_the_tutorials_import(path):
    cells = json.loads(path.read_text(encoding="utf-8"))["cells"]
    code = "\n".join("".join(cell["source"]) for cell in cells if cell["cell_type"] == "code")
    imported = set(re.findall(r"^(?:from|import) (\w+)", code, re.MULTILINE)) - set(sys.stdlib_module_names)
    assert "layerox" in imported
    assert imported <= {name_of(row) for row in (*PROJECT["dependencies"], *OPTIONAL["docs"])}


@pytest.mark.parametrize("path", sorted(NOTEBOOKS), ids=lambda path: path.stem)
def test_notebooks_are_stored_without_outputs(path):
    """The documentation executes them when it is built; nbstripout (.pre-commit-config.yaml) empties them."""
    cells = [cell for cell in json.loads(path.read_text(encoding="utf-8"))["cells"] if cell["cell_type"] == "code"]
    assert cells
    assert [cell["outputs"] for cell in cells] == [[]] * len(cells)
    assert {cell["execution_count"] for cell in cells} == {None}


WITHOUT_POSIX = """
import importlib, pkgutil, sys
for name in ("fcntl", "resource", "pwd"):
    sys.modules[name] = None  # their import fails, as on Windows
import layerox
names = [found.name for found in pkgutil.walk_packages(layerox.__path__, "layerox.")]
for name in names:
    if not name.endswith("__main__"):
        importlib.import_module(name)
print(len(names))
"""


def test_every_module_is_imported_where_posix_is_absent():
    done = subprocess.run([sys.executable, "-c", WITHOUT_POSIX], capture_output=True, text=True, check=False)
    assert done.stderr == ""
    assert int(done.stdout) > 200
