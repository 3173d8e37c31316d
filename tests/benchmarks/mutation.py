"""Mutation testing: small faults put into the code one at a time; a test must fail. Prints JSON.

Run: python tests/benchmarks/mutation.py [--count 20] [--only profiles] [--seed 1]

Each mutant changes one operator, comparison, number or sign of a module, in a copy of the repository; the quick tests
of that module run until the first failure. Compiled modules run without compilation. Nothing is changed where no result
can differ: annotations, error messages, decorators, `zip(strict=True)`. A mutant that only costs time, or differs for
one real number of all, counts as a survivor; `mutation_survivors.md` lists those of the last run, each with its reason.
"""

from __future__ import annotations

import argparse
import ast
import importlib
import json
import multiprocessing
import os
import random
import shutil
import sys
import tempfile
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")

ROOT = Path(__file__).parents[2]
# Libraries that all tests load.
LIBRARIES = (
    "gemmi",
    "hypothesis",
    "matplotlib.pyplot",
    "numba",
    "pytest",
    "scipy.integrate",
    "scipy.optimize",
    "spglib",
)
# pytest notes that it cannot rewrite the assertions of libraries that are loaded.
REWRITTEN = "ignore::pytest.PytestAssertRewriteWarning"
# A mutant whose tests take so many times longer than without it, and so many seconds, runs for ever: it is found.
PATIENCE, LEAST_PATIENCE_S = 8.0, 60.0


@dataclass(frozen=True)
class Target:
    """A module, its tests, whether it is compiled, and which of the tests take minutes without compilation."""

    module: str
    tests: tuple[str, ...]
    compiled: bool = False
    slow: str = ""


TARGETS = (
    Target(
        "diffraction/profiles.py",
        ("diffraction/test_profiles.py", "diffraction/test_asymmetric_peaks.py"),
        compiled=True,
    ),
    Target("diffraction/asymmetric_peaks.py", ("diffraction/test_asymmetric_peaks.py",), compiled=True),
    Target("diffraction/peaks.py", ("diffraction/test_peaks.py", "diffraction/test_peak_widths.py"), compiled=True),
    Target("diffraction/normal_equations.py", ("diffraction/test_normal_equations.py",), compiled=True),
    Target(
        "diffraction/least_squares.py",
        ("diffraction/test_least_squares_steps.py", "diffraction/test_least_squares.py"),
    ),
    Target("diffraction/weight_fractions.py", ("diffraction/test_weight_fractions.py",)),
    Target("stacking/word.py", ("stacking",)),
    Target("stacking/closure.py", ("stacking",)),
    Target("stacking/disorder.py", ("stacking", "diffraction/disordered/test_chain.py")),
    Target("diffraction/disordered/chain.py", ("diffraction/disordered/test_chain.py",)),
    Target(
        "diffraction/disordered/recursion.py",
        ("diffraction/disordered/test_recursion.py",),
        compiled=True,
        slow="test_the_window_averages",
    ),
)
OPERATORS = {
    ast.Add: ast.Sub, ast.Sub: ast.Add, ast.Mult: ast.Div, ast.Div: ast.Mult, ast.Pow: ast.Mult, ast.Mod: ast.Mult,
    ast.FloorDiv: ast.Mult, ast.BitOr: ast.BitAnd, ast.BitAnd: ast.BitOr, ast.MatMult: ast.Mult,
}  # fmt: skip
COMPARISONS = {
    ast.Lt: ast.LtE, ast.LtE: ast.Lt, ast.Gt: ast.GtE, ast.GtE: ast.Gt, ast.Eq: ast.NotEq, ast.NotEq: ast.Eq,
    ast.In: ast.NotIn, ast.NotIn: ast.In, ast.Is: ast.IsNot, ast.IsNot: ast.Is,
}  # fmt: skip


def places(tree: ast.Module) -> Iterator[tuple[ast.AST, int]]:
    """Yield every node that can be changed, and which part of it, outside annotations and texts."""
    skipped = {id(sub) for node in ast.walk(tree) for part in annotations(node) for sub in ast.walk(part)}
    for node in ast.walk(tree):
        if id(node) in skipped:
            continue
        if isinstance(node, (ast.BinOp, ast.AugAssign)) and type(node.op) in OPERATORS:
            yield node, 0
        elif isinstance(node, ast.Compare):
            yield from ((node, k) for k, op in enumerate(node.ops) if type(op) in COMPARISONS)
        elif _is_logical(node) or (isinstance(node, ast.Constant) and type(node.value) in (int, float, bool)):
            yield node, 0


def _is_logical(node: ast.AST) -> bool:
    """Whether a node is an "and", "or", "not" or a sign."""
    return isinstance(node, ast.BoolOp) or (isinstance(node, ast.UnaryOp) and not isinstance(node.op, ast.Invert))


def annotations(node: ast.AST) -> Iterator[ast.AST]:
    """Yield the parts of a node that change no result: annotations, decorators, error messages, `zip(strict=True)`."""
    for name in ("annotation", "returns"):
        part = getattr(node, name, None)
        if isinstance(part, ast.AST):
            yield part
    if isinstance(node, (ast.FunctionDef, ast.ClassDef)):
        yield from node.decorator_list
    if isinstance(node, ast.Raise) or (isinstance(node, ast.keyword) and node.arg == "strict"):
        yield node


def mutate(node: ast.AST, part: int) -> str:
    """Change a node in place; return what was done."""
    before = ast.unparse(node)
    if isinstance(node, (ast.BinOp, ast.AugAssign)):
        node.op = OPERATORS[type(node.op)]()
    elif isinstance(node, ast.Compare):
        node.ops[part] = COMPARISONS[type(node.ops[part])]()
    elif isinstance(node, ast.BoolOp):
        node.op = ast.Or() if isinstance(node.op, ast.And) else ast.And()
    elif isinstance(node, ast.UnaryOp):
        node.op = (
            ast.UAdd() if isinstance(node.op, ast.USub) else ast.USub() if isinstance(node.op, ast.UAdd) else node.op
        )
        if isinstance(node.op, ast.Not):
            node.operand = ast.UnaryOp(op=ast.Not(), operand=node.operand)
    elif isinstance(node, ast.Constant):
        node.value = _other(node.value)
    return f"{before} -> {ast.unparse(node)}"


def _other(value: float | bool) -> float | bool:
    """Return another value: of a large real number the double, because one more would change nothing."""
    if isinstance(value, bool):
        return not value
    return 2.0 * value if isinstance(value, float) and abs(value) >= 100.0 else value + 1


def survives(copy: Path, target: Target, source: str, patience: float | None = None) -> bool:
    """Whether all tests pass with another source of a module, within so many seconds."""
    file = copy / "src" / "layerox" / target.module
    kept = file.read_text(encoding="utf-8"), file.stat()
    file.write_text(source, encoding="utf-8")
    try:
        # A fork of this process, which has loaded the libraries but not the package.
        process = multiprocessing.get_context("fork").Process(target=_run_tests, args=(copy, target))
        process.start()
        process.join(patience)
        process.kill()
        process.join()
        return process.exitcode == 0
    finally:
        file.write_text(kept[0], encoding="utf-8")
        os.utime(file, (kept[1].st_atime, kept[1].st_mtime))


def _run_tests(copy: Path, target: Target) -> None:
    """Run the quick tests of a module, and end this process with the exit code."""
    import numba
    import pytest

    sys.dont_write_bytecode = True  # two sources of one second and one length would share it
    sys.path.insert(0, str(copy / "src"))
    os.chdir(copy)
    os.environ |= {"PYTHONPATH": str(copy / "src"), "MPLBACKEND": "Agg"}
    numba.config.DISABLE_JIT = target.compiled
    nowhere = os.open(os.devnull, os.O_WRONLY)
    os.dup2(nowhere, 1)
    os.dup2(nowhere, 2)
    tests = [str(copy / "tests" / test) for test in target.tests]
    tests += ["-k", f"not {target.slow}"] if target.slow else []
    os._exit(pytest.main(["-q", "-x", "-W", REWRITTEN, "-p", "no:cacheprovider", "-m", "not slow", *tests]))


def tested(copy: Path, target: Target, count: int, seed: int) -> dict[str, object]:
    """Return how many of a sample of mutants of a module the tests find, and the survivors."""
    source = (copy / "src" / "layerox" / target.module).read_text(encoding="utf-8")
    began = time.perf_counter()
    if not survives(copy, target, ast.unparse(ast.parse(source))):
        raise SystemExit(f"the tests of {target.module} fail without a mutant")
    patience = max(PATIENCE * (time.perf_counter() - began), LEAST_PATIENCE_S)
    total = len(list(places(ast.parse(source))))
    chosen = sorted(random.Random(f"{seed} {target.module}").sample(range(total), min(count, total)))
    survivors = []
    for number in chosen:
        tree = ast.parse(source)
        node, part = list(places(tree))[number]
        text = source.splitlines()[node.lineno - 1].strip()
        change = f"{target.module}:{node.lineno}: {mutate(node, part)}  in  {text}"
        if survives(copy, target, ast.unparse(ast.fix_missing_locations(tree)), patience):
            survivors.append(change)
    return {
        "module": target.module,
        "places": total,
        "mutants": len(chosen),
        "killed": len(chosen) - len(survivors),
        "survivors": survivors,
    }


def main() -> int:
    """Print a line of JSON for each module, and the whole share."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--count", type=int, default=20, help="mutants of each module")
    parser.add_argument("--only", default="", help="modules whose path holds this")
    parser.add_argument("--seed", type=int, default=1)
    given = parser.parse_args()
    for name in LIBRARIES:
        importlib.import_module(name)
    rows = []
    with tempfile.TemporaryDirectory() as folder:
        copy = Path(folder) / "layerox"
        # With the compiled code and its dates.
        shutil.copytree(ROOT, copy, ignore=shutil.ignore_patterns(".*", "_build", "out"))
        for target in TARGETS:
            if given.only in target.module:
                rows.append(tested(copy, target, given.count, given.seed))
                print(json.dumps(rows[-1]), flush=True)
    mutants, killed = (sum(int(str(row[key])) for row in rows) for key in ("mutants", "killed"))
    print(json.dumps({"mutants": mutants, "killed": killed, "share": killed / max(mutants, 1)}))
    return 0


if __name__ == "__main__":
    sys.exit(main())
