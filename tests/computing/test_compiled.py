"""Compiled functions stay within their module: numba's cache on disk notices a change of the file that a function
stands in, and of no other."""

import ast
import dis
import importlib
import inspect
import os
import pkgutil
import subprocess
import sys
from types import CodeType

import numba
import pytest
from numba.core.caching import NullCache
from numba.extending import is_jitted

import layerox.diffraction
import layerox.diffraction.disordered
from layerox.computing.compiled import LOADS_WITHOUT_COMPILER, compiled

MODULES = [
    importlib.import_module(f"layerox.diffraction.{found.name}")
    for found in pkgutil.iter_modules(layerox.diffraction.__path__)
] + [importlib.import_module("layerox.io.fast_number_reader")]


def compiled_functions(module):
    """Return the compiled functions that stand in a module, by name."""
    everything = {name: value for name, value in vars(module).items() if is_jitted(value)}
    return {name: value for name, value in everything.items() if value.py_func.__module__ == module.__name__}


DISORDERED = [
    importlib.import_module(f"layerox.diffraction.disordered.{found.name}")
    for found in pkgutil.iter_modules(layerox.diffraction.disordered.__path__)
]


def functions_of(modules):
    """Return the modules with their compiled functions, as parameters of a test."""
    return [
        pytest.param(module, function, id=f"{module.__name__.rpartition('.')[2]}.{name}")
        for module in modules
        for name, function in compiled_functions(module).items()
    ]


FUNCTIONS = functions_of(MODULES)


def names_in(code):
    """Return all global names and attributes that a function and those inside it use."""
    names = set(code.co_names)
    for constant in code.co_consts:
        if isinstance(constant, CodeType):
            names |= names_in(constant)
    return names


def imported_from_the_package(module):
    """Return the names that a module has from other modules of the package."""
    names = set()
    for node in ast.walk(ast.parse(inspect.getsource(module))):
        if isinstance(node, ast.ImportFrom) and (node.module or "").startswith("layerox"):
            names |= {alias.asname or alias.name for alias in node.names}
        if isinstance(node, ast.Import):
            names |= {alias.asname or alias.name for alias in node.names if alias.name.startswith("layerox")}
    return names


def test_there_are_compiled_functions_to_look_at():
    assert len(FUNCTIONS) > 15
    modules = {parameter.values[0].__name__.rpartition(".")[2] for parameter in FUNCTIONS}
    assert {"profiles", "peaks", "structure_factors", "texture"} <= modules


@pytest.mark.parametrize(("module", "function"), FUNCTIONS)
def test_a_compiled_function_uses_nothing_of_another_module(module, function):
    used = names_in(function.py_func.__code__)
    assert not used & imported_from_the_package(module)
    for name in used & set(vars(module)):
        value = getattr(module, name)
        if is_jitted(value):
            assert value.py_func.__module__ == module.__name__, name


@pytest.mark.parametrize(("module", "function"), FUNCTIONS)
def test_a_compiled_function_is_kept_on_disk(module, function):
    assert not isinstance(function._cache, NullCache)
    assert function.__doc__


@pytest.mark.parametrize(("module", "function"), [*FUNCTIONS, *functions_of(DISORDERED)])
def test_a_compiled_function_needs_nothing_of_the_compiler_when_it_runs(module, function):
    """Code is loaded without the compiler, which alone provides the hashes of dictionaries and sets, and LAPACK."""
    code = function.py_func.__code__
    assert not names_in(code) & {"dict", "set", "frozenset", "hash", "linalg", "dot", "vdot", "random"}
    operations = {instruction.opname for instruction in dis.get_instructions(code)}
    assert not operations & {"BUILD_MAP", "BUILD_SET", "BUILD_CONST_KEY_MAP", "MAP_ADD", "SET_ADD"}


STEP = """
import sys
import numpy as np
from layerox.diffraction.normal_equations import bounded_step
draw = np.random.default_rng(0)
root = draw.normal(size=(9, 7))
upper = draw.exponential(size=7)
print(bounded_step(root.T @ root, draw.normal(size=7), -upper, upper).tolist())
print("numba.np.linalg" in sys.modules)
"""


def test_code_from_the_cache_computes_the_same_without_the_compiler(tmp_path):
    environment = {**os.environ, "NUMBA_CACHE_DIR": str(tmp_path)}
    words = [sys.executable, "-c", STEP]
    (first, compiles), (second, compiles_again) = (
        subprocess.run(words, env=environment, check=True, capture_output=True, text=True).stdout.splitlines()
        for _ in range(2)
    )
    assert second == first
    assert compiles == "True"
    assert compiles_again == str(numba.version_info.short not in LOADS_WITHOUT_COMPILER)


def test_numba_is_used_in_one_way_only():
    for module in MODULES:
        if module.__name__.endswith(".compiled"):
            continue
        assert "numba" not in inspect.getsource(module), module.__name__


@compiled
def _twice(x):
    """Return 2 x."""
    return 2.0 * x


def test_a_compiled_function_computes():
    assert _twice(3.0) == 6.0
    assert is_jitted(_twice)


ELSEWHERE = """
import layerox.computing.compiled as compiled
import loops
assert loops.twice(3.0) == 6.0
print([notice.message for notice in compiled.cache_notices()])
"""


@pytest.fixture
def without_caches(tmp_path):
    """Return what runs code in a process that finds no cache folder, with a folder for temporary files."""
    source = tmp_path / "source"
    source.mkdir()
    (source / "__pycache__").touch()  # a file: no folder can be made there
    (source / "loops.py").write_text(
        "from layerox.computing.compiled import compiled\n\n\n@compiled\ndef twice(x):\n    return 2.0 * x\n"
    )

    def run(temporary):
        nowhere = dict.fromkeys(("HOME", "XDG_CACHE_HOME"), "/dev/null/none")
        places = [str(source), *filter(None, sys.path)]
        environment = {**os.environ, **nowhere, "TMPDIR": str(temporary), "PYTHONPATH": os.pathsep.join(places)}
        environment.pop("NUMBA_CACHE_DIR", None)
        words = [sys.executable, "-c", ELSEWHERE]
        return subprocess.run(words, env=environment, check=True, capture_output=True, text=True).stdout

    return run


posix = pytest.mark.skipif(os.name != "posix", reason="/dev/null/none is no folder on POSIX systems")


@posix
def test_without_a_cache_folder_code_is_kept_among_temporary_files_of_the_users_own(without_caches, tmp_path):
    temporary = tmp_path / "temporary"
    temporary.mkdir()
    said = without_caches(temporary)
    (folder,) = temporary.glob("layerox-*")
    assert f"compiled code is in {folder}; set NUMBA_CACHE_DIR" in said
    assert folder.stat().st_mode & 0o777 == 0o700
    assert list(folder.rglob("loops.twice-*.nbi"))


@posix
def test_a_temporary_folder_where_others_can_write_is_not_used(without_caches, tmp_path):
    """Compiled code is loaded and run: whoever can put it there could run anything."""
    temporary = tmp_path / "temporary"
    folder = temporary / f"layerox-{os.getuid()}"
    folder.mkdir(parents=True)
    folder.chmod(0o777)
    assert "no folder can be written to: everything is compiled again" in without_caches(temporary)
    assert not list(folder.rglob("*.nbi"))
