"""The names of `import layerox as lx`: one table, one stub that agrees with it, types that reach a user, and the names
of version 0.1, which still work."""

import ast
import importlib
import inspect
import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

import layerox as lx

PACKAGE = Path(lx.__file__).parent
SCRIPT = Path(__file__).with_name("users_script.py")
# Those of the contract with users' scripts (README, In Python); a name that leaves this list needs a deprecation.
PROMISED = {
    "InputError", "build", "check", "fit", "fit_series", "interface", "load", "objective", "open_series", "parameters",
    "plot", "read_pattern", "read_patterns", "simulate", "strain",
}  # fmt: skip


def stub():
    return ast.parse((PACKAGE / "__init__.pyi").read_text(encoding="utf-8"))


def imported_by_the_stub():
    """Return {public name: (module, name there)} of the stub."""
    rows = [(node.module, alias) for node in stub().body if isinstance(node, ast.ImportFrom) for alias in node.names]
    return {alias.asname or alias.name: (module, alias.name) for module, alias in rows}


def test_the_stub_lists_what_the_table_has():
    listed = next(node.value for node in stub().body if isinstance(node, ast.Assign))
    assert ast.literal_eval(listed) == lx.__all__
    assert sorted(imported_by_the_stub()) == lx.__all__
    assert set(lx.__all__) >= PROMISED
    assert len(lx.__all__) <= 40


@pytest.mark.parametrize("name", lx.__all__)
def test_table_and_stub_mean_the_same_object(name):
    module, attribute = imported_by_the_stub()[name]
    typed, found = getattr(importlib.import_module(module), attribute), getattr(lx, name)
    if name == "strain":  # the package is called by the name of its main function
        assert inspect.signature(found) == inspect.signature(typed)
    else:
        assert found is typed
    assert found.__doc__


def test_strain_is_a_function_and_a_package():
    from layerox.strain import tensor

    assert callable(lx.strain)
    assert lx.strain.tensor is tensor
    assert "reference" in inspect.signature(lx.strain).parameters


@pytest.mark.parametrize("name", sorted(lx._DEPRECATED))
def test_an_old_name_works_and_names_its_module(name):
    module = lx._DEPRECATED[name]
    with pytest.warns(DeprecationWarning, match=rf"layerox\.{name} .* use `from {module} import {name}`") as caught:
        found = getattr(lx, name)
    assert found is getattr(importlib.import_module(module), name)
    assert caught[0].filename == __file__
    assert name not in dir(lx)


def test_what_is_no_name_is_refused():
    with pytest.raises(AttributeError, match="has no attribute 'nothing'"):
        _ = lx.nothing


def test_the_users_script_touches_every_name():
    tree = ast.parse(SCRIPT.read_text(encoding="utf-8"))
    uses = [node for node in ast.walk(tree) if isinstance(node, ast.Attribute) and ast.unparse(node.value) == "lx"]
    assert {node.attr for node in uses} == {*lx.__all__, "__version__"}


@pytest.mark.slow
def test_mypy_is_content_with_the_users_script(tmp_path):
    """As a user runs it: strict, without the settings of this project, on the stubs that the package ships."""
    assert (PACKAGE / "py.typed").is_file()
    pytest.importorskip("mypy")
    command = [sys.executable, "-m", "mypy", "--strict", "--config-file=", "--cache-dir", str(tmp_path)]
    command += ["--follow-imports=silent", str(SCRIPT)]
    done = subprocess.run(command, capture_output=True, text=True, cwd=tmp_path, env=_paths(), check=False)
    assert done.stdout.strip() == "Success: no issues found in 1 source file", done.stdout + done.stderr


def _paths():
    return {**os.environ, "MYPYPATH": str(PACKAGE.parent)}


def test_the_help_of_fit_has_what_a_user_looks_for():
    text = inspect.getdoc(lx.fit)
    for part in ("Returns\n-------\nRefinement", "Examples\n--------\n>>> import layerox as lx", '"debye-scherrer"',
                 '"not_converged"', '"CuKa"'):  # fmt: skip
        assert part in text


def test_nothing_that_users_copy_has_an_old_name():
    root = PACKAGE.parents[1]
    pages = [path for path in (root / "docs").rglob("*") if "_build" not in path.parts]
    files = [root / "README.md", *pages, *(root / "examples").iterdir(), *PACKAGE.rglob("*.py")]
    texts = {file.name: file.read_text(encoding="utf-8") for file in files if file.suffix in (".md", ".py", ".ipynb")}
    uses = {(file, name) for file, text in texts.items() for name in re.findall(r"\blx\.(\w+)", text)}
    assert ("fit_two_phases.py", "fit") in uses
    assert [use for use in sorted(uses) if use[1] in lx._DEPRECATED] == []
