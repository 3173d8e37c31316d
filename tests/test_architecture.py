"""The direction of imports: every module of the package imports only what stands above it, and nothing heavy before it
is needed. The table is that of docs/architecture.md."""

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
    {"errors", "notices", "typing"},
    {"public"},
    {"computing", "radiation", "refined"},
    {"instrument", "pattern", "symmetry", "stacking", "elasticity"},
    {"crystal"},
    {"builders", "io"},
    {"validation", "electrochemistry"},
    {"diffraction"},
    {"results"},
    {"interfaces"},
    {"analysis"},
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
    "analysis": {"interfaces"},
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


def part_of(path):
    """Return the part of the package that a file belongs to: its folder, or its own name."""
    return path.relative_to(ROOT).with_suffix("").parts[0]


@cache
def tree_of(path):
    return ast.parse(path.read_text(encoding="utf-8"))


@cache
def imports_of(path, *, only_at_module_level=False):
    """Return every module that a file imports, with relative ones made absolute, wherever the import stands."""
    return tuple(_imports_of(path, only_at_module_level=only_at_module_level))


def _imports_of(path, *, only_at_module_level):
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


def test_imports_point_upwards():
    faults = []
    for path in MODULES:
        part = part_of(path)
        for other in parts_imported(path) - {part} if part not in DOORS else ():
            if row_of(other) >= row_of(part) or other in FORBIDDEN.get(part, ()):
                faults.append(f"{identify(path)} imports {other}")
    assert faults == []


def test_no_two_modules_import_each_other():
    """Within a part too, imports at module level never go round."""
    names = {identify(path).replace("/", ".").removesuffix(".__init__"): path for path in MODULES}
    arrows = {
        name: {
            other.removeprefix("layerox.")
            for other in imports_of(path, only_at_module_level=True)
            if other.startswith("layerox.") and other.removeprefix("layerox.") in names
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


def test_no_module_imports_the_root_of_the_package():
    files = {part_of(path) for path in MODULES}
    faults = []
    for path in MODULES:
        for node in ast.walk(tree_of(path)) if part_of(path) not in DOORS else ():
            if isinstance(node, ast.Import) and "layerox" in [alias.name for alias in node.names]:
                faults.append(identify(path))
            if isinstance(node, ast.ImportFrom) and node.module == "layerox" and not node.level:
                faults += [f"{identify(path)} takes {a.name}" for a in node.names if a.name not in files]
    assert faults == []


def test_only_plotting_draws():
    faults = [
        f"{identify(path)} imports {name}"
        for path in MODULES
        for name in imports_of(path)
        if part_of(path) != "plotting" and name.split(".")[0] in PICTURES
    ]
    assert faults == []


def test_heavy_packages_are_imported_where_they_are_needed():
    faults = []
    for path in MODULES:
        found = {name.split(".")[0] for name in imports_of(path, only_at_module_level=True)}
        early = set(HEAVY) if part_of(path) == "plotting" else {*HEAVY, *PICTURES}
        faults += [f"{identify(path)} imports {name}" for name in found & early]
    assert faults == []


def test_only_the_command_line_prints_and_exits():
    forbidden = {"print", "exit", "quit", "sys.exit", "os._exit", "input"}
    faults = []
    for path in MODULES:
        for node in ast.walk(tree_of(path)) if part_of(path) not in {"cli", "__main__"} else ():
            calls = isinstance(node, ast.Call) and ast.unparse(node.func) in forbidden
            exits = isinstance(node, ast.Raise) and node.exc is not None and "SystemExit" in ast.unparse(node.exc)
            if calls or exits:
                faults.append(f"{identify(path)}:{node.lineno}")
    assert faults == []


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
        ("import layerox.analysis.fit, layerox.cli.main", [*HEAVY, *PICTURES]),
        ("import layerox.cli.main", [*HEAVY, *PICTURES]),
        (HELP, [*HEAVY, *PICTURES]),
    ],
    ids=["the package", "analysis and command line", "command line", "--help"],
)
def test_what_is_loaded_before_it_is_needed(statement, names):
    assert loaded_by(statement, names) == []


def test_the_check_would_notice():
    assert loaded_by("import json, numpy", ["numpy", "scipy"]) == ["numpy"]
