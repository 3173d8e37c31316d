"""Docstrings of the public names: their sections, and examples that are true."""

import doctest
import importlib
import inspect
from pathlib import Path

import matplotlib as mpl
import pytest

import layerox as lx

PATTERNS = Path(lx.__file__).parents[2] / "patterns"


def documented(name):
    """Return the object whose docstring describes a public name: `strain` is a package, its function has the text."""
    if name == "strain":
        return importlib.import_module("layerox.strain.strain_evolution").strain_evolution
    found = getattr(lx, name)
    return type(found) if name == "library" else inspect.unwrap(found)


FUNCTIONS = [name for name in lx.__all__ if inspect.isfunction(documented(name))]


def run_example(name):
    """Run the examples of a docstring; return failures and tries."""
    (example,) = doctest.DocTestFinder(recurse=False).find(documented(name), name, globs={})
    return doctest.DocTestRunner(optionflags=doctest.NORMALIZE_WHITESPACE).run(example)


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """Return a folder with the shipped patterns, and the series that several examples open."""
    folder = tmp_path_factory.mktemp("examples")
    (folder / "patterns").symlink_to(PATTERNS)
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(folder)
        assert run_example("fit_series").failed == 0
    return folder


@pytest.mark.parametrize("name", [name for name in lx.__all__ if name != "fit_series"])
def test_examples_are_true(name, folder, monkeypatch):
    monkeypatch.chdir(folder)
    with mpl.rc_context({"backend": "agg"}):
        found = run_example(name)
    assert found.attempted > 1
    assert found.failed == 0


@pytest.mark.parametrize("name", FUNCTIONS)
def test_functions_state_parameters_and_results(name):
    function, text = documented(name), inspect.getdoc(documented(name))
    returns_nothing = inspect.signature(function).return_annotation in (None, "None")
    sections = ["Parameters", "Raises", "Examples", *([] if returns_nothing else ["Returns"])]
    assert [word for word in sections if f"\n{word}\n{'-' * len(word)}\n" not in text] == []


@pytest.mark.parametrize("name", FUNCTIONS)
def test_every_argument_is_described(name):
    function, text = documented(name), inspect.getdoc(documented(name))
    described = text.split("Parameters\n----------\n")[1].split("\n\n")[0]
    names = {part.strip() for line in described.splitlines() if not line.startswith(" ") for part in line.split(",")}
    assert set(inspect.signature(function).parameters) - names == set()
