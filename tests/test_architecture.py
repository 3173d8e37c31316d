"""The direction of imports: every module of the package imports only what stands above it, and nothing heavy before it
is needed. The table is that of the README's section on architecture."""

import ast
import subprocess
import sys
from functools import cache
from pathlib import Path

import pytest

import layerox

ROOT = Path(layerox.__file__).parent

# Each part may import itself and the parts of the rows above its own, less what FORBIDDEN names.
ROWS = [
    {"errors"},
    {"public"},
    {"compiled", "notice", "radiation", "refined"},
    {"instrument", "pattern", "symmetry", "stacking", "elasticity"},
    {"crystal"},
    {"atoms", "full_symmetry", "neighbours"},
    {"builders", "io"},
    {"validation", "electrochemistry"},
    {"layering"},
    {"diffraction"},
    {"results"},
    {"interfaces"},
    {"phases"},
    {"measurement", "recipe"},
    {"analysis", "calibration", "scripting"},
    {"joint", "uncertainty"},
    {"series"},
    {"strain"},
    {"plotting"},
    {"report", "notebook"},
    {"cli"},
]
# Builders and diffraction meet in a crystal or a CIF; neither knows files, and files know neither.
FORBIDDEN = {
    "diffraction": {"builders", "io"},
    "results": {"builders"},
    "interfaces": {"io", "diffraction", "results"},
    "phases": {"results", "interfaces"},
}
# The package itself, loaded lazily, and `python -m layerox`.
DOORS = {"__init__", "__main__"}
HEAVY = (
    "pymatgen", "lmfit", "pandas", "plotly", "dask", "distributed", "xarray", "ase", "NewareNDA", "python_calamine",
    "h5py",
)  # fmt: skip
PICTURES = ("matplotlib", "mpl_toolkits")

MODULES = sorted(ROOT.rglob("*.py"))


def identify(path):
    return path.relative_to(ROOT).with_suffix("").as_posix()


every_module = pytest.mark.parametrize("path", MODULES, ids=identify)


def part_of(path):
    """Return the part of the package that a file belongs to: its folder, or its own name."""
    return path.relative_to(ROOT).with_suffix("").parts[0]


@cache
def tree_of(path):
    return ast.parse(path.read_text(encoding="utf-8"))


def imports_of(path, *, only_at_module_level=False):
    """Yield every module that a file imports, with relative ones made absolute, wherever the import stands."""
    package = ["layerox", *path.relative_to(ROOT).parts[:-1]]
    for node in _at_module_level(tree_of(path)) if only_at_module_level else ast.walk(tree_of(path)):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            base = package[: len(package) - node.level + 1] if node.level else []
            module = ".".join([*base, *([node.module] if node.module else [])])
            yield module
            yield from (f"{module}.{alias.name}" for alias in node.names)
        elif isinstance(node, ast.Call) and getattr(node.func, "id", getattr(node.func, "attr", "")) == "import_module":
            yield from (a.value for a in node.args if isinstance(a, ast.Constant) and isinstance(a.value, str))


def _at_module_level(tree):
    """Yield the statements that run when a module is imported: not those of functions or under TYPE_CHECKING."""
    waiting = list(tree.body)
    while waiting:
        node = waiting.pop()
        if isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef, ast.Lambda)):
            continue
        if isinstance(node, ast.If) and "TYPE_CHECKING" in ast.unparse(node.test):
            waiting += node.orelse
            continue
        yield node
        waiting += ast.iter_child_nodes(node)


def parts_imported(path):
    """Return the parts of the package that a file imports."""
    names = (name.split(".") for name in imports_of(path))
    return {name[1] for name in names if name[0] == "layerox" and len(name) > 1}


def row_of(part):
    return next(k for k, row in enumerate(ROWS) if part in row)


def test_every_part_has_a_row():
    known = set().union(*ROWS) | DOORS
    assert {part_of(path) for path in MODULES} <= known


def test_the_table_forbids_only_what_it_would_allow():
    for part, parts in FORBIDDEN.items():
        assert all(row_of(other) < row_of(part) for other in parts), part


@every_module
def test_imports_point_upwards(path):
    part = part_of(path)
    if part in DOORS:
        return
    for other in parts_imported(path) - {part}:
        assert row_of(other) < row_of(part), f"{part} does not stand below {other}"
        assert other not in FORBIDDEN.get(part, ()), f"{part} may not know {other}"


def test_no_two_modules_import_each_other():
    """Within a part too, imports at module level never go round."""
    names = {identify(path).replace("/", ".").removesuffix(".__init__"): path for path in MODULES}
    arrows = {
        name: {
            other.removeprefix("layerox.")
            for other in imports_of(path, only_at_module_level=True)
            if other.removeprefix("layerox.") in names
        }
        - {name}
        for name, path in names.items()
        if name not in DOORS
    }
    done, under_way = set(), []

    def visit(name):
        assert name not in under_way, " -> ".join([*under_way, name])
        if name in done or name not in arrows:
            return
        under_way.append(name)
        for other in sorted(arrows[name]):
            visit(other)
        done.add(under_way.pop())

    for name in arrows:
        visit(name)


@every_module
def test_no_module_imports_the_root_of_the_package(path):
    if part_of(path) in DOORS:
        return
    for node in ast.walk(tree_of(path)):
        if isinstance(node, ast.Import):
            assert "layerox" not in [alias.name for alias in node.names], identify(path)
        if isinstance(node, ast.ImportFrom) and node.module == "layerox" and not node.level:
            files = {part_of(other) for other in MODULES}
            assert {alias.name for alias in node.names} <= files, f"{identify(path)} takes a name from the root"


@every_module
def test_only_plotting_draws(path):
    if part_of(path) == "plotting":
        return
    assert not [name for name in imports_of(path) if name.split(".")[0] in PICTURES]


@every_module
def test_heavy_packages_are_imported_where_they_are_needed(path):
    found = {name.split(".")[0] for name in imports_of(path, only_at_module_level=True)}
    assert not found & set(HEAVY)
    if part_of(path) != "plotting":
        assert not found & set(PICTURES)


@every_module
def test_only_the_command_line_prints_and_exits(path):
    if part_of(path) in {"cli", "__main__"}:
        return
    for node in ast.walk(tree_of(path)):
        if isinstance(node, ast.Call):
            called = ast.unparse(node.func)
            assert called not in {"print", "exit", "quit", "sys.exit", "os._exit", "input"}, (
                identify(path),
                node.lineno,
            )
        if isinstance(node, ast.Raise) and node.exc is not None:
            assert "SystemExit" not in ast.unparse(node.exc), (identify(path), node.lineno)


LOADED = """
import sys
before = set(sys.modules)
{statement}
found = sorted({{name.split(".")[0] for name in sys.modules if name not in before}} & set({names}))
print("loaded", *found)
"""


def loaded_by(statement, names):
    """Return which of some packages a statement loads in a fresh interpreter."""
    code = LOADED.format(statement=statement, names=tuple(names))
    result = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    return result.stdout.splitlines()[-1].split()[1:]


HELP = """
import contextlib, io
from layerox.cli.main import main
with contextlib.redirect_stdout(io.StringIO()), contextlib.suppress(SystemExit):
    main(["--help"])
"""


@pytest.mark.parametrize(
    ("statement", "names"),
    [
        ("import layerox", [*HEAVY, *PICTURES, "numpy", "scipy", "numba", "gemmi", "spglib", "rich"]),
        ("import layerox.analysis, layerox.cli.main", [*HEAVY, *PICTURES]),
        ("import layerox.cli.main", [*HEAVY, *PICTURES]),
        (HELP, [*HEAVY, *PICTURES]),
    ],
    ids=["the package", "analysis and command line", "command line", "--help"],
)
def test_what_is_loaded_before_it_is_needed(statement, names):
    assert loaded_by(statement, names) == []


def test_the_check_would_notice():
    assert loaded_by("import json, numpy", ["numpy", "scipy"]) == ["numpy"]


def test_every_public_name_is_found_where_the_package_says():
    for name in layerox.__all__:
        if not name.startswith("plot"):  # what would load matplotlib
            assert getattr(layerox, name) is not None
    assert set(layerox.__all__) <= set(dir(layerox))
    with pytest.raises(AttributeError, match="has no attribute 'nothing'"):
        _ = layerox.nothing
