"""Arithmetic: formulas such as "P2_a + 0.5 * delta": parsed, checked, and evaluated with derivatives.

A formula contains numbers, names, + - * / ** and a few functions. It comes from untrusted files: all other Python
syntax (attributes, calls, comprehensions) is rejected before anything is evaluated.
Derivatives are exact (forward differentiation). The language is a part of lmfit's, which accepts each of its formulas.
"""

from __future__ import annotations

import ast
import math
import re
from collections.abc import Callable, Mapping
from typing import NamedTuple

from layerox.errors import InputError

MOST_CHARACTERS, MOST_LEVELS = 1000, 100
CONSTANTS = {"pi": math.pi, "e": math.e}


class Dual(NamedTuple):
    """A value and its derivatives by the name of the parameter; missing ones are zero."""

    value: float
    slopes: dict[str, float]


# Each function of one argument with its derivative.
FUNCTIONS: dict[str, tuple[Callable[[float], float], Callable[[float], float]]] = {
    "sqrt": (math.sqrt, lambda x: 0.5 / math.sqrt(x)),
    "exp": (math.exp, math.exp),
    "log": (math.log, lambda x: 1.0 / x),
    "ln": (math.log, lambda x: 1.0 / x),
    "log10": (math.log10, lambda x: 1.0 / (x * math.log(10.0))),
    "sin": (math.sin, math.cos),
    "cos": (math.cos, lambda x: -math.sin(x)),
    "tan": (math.tan, lambda x: 1.0 / math.cos(x) ** 2),
    "arcsin": (math.asin, lambda x: 1.0 / math.sqrt(1.0 - x * x)),
    "arccos": (math.acos, lambda x: -1.0 / math.sqrt(1.0 - x * x)),
    "arctan": (math.atan, lambda x: 1.0 / (1.0 + x * x)),
    "sinh": (math.sinh, math.cosh),
    "cosh": (math.cosh, math.sinh),
    "tanh": (math.tanh, lambda x: 1.0 / math.cosh(x) ** 2),
    "radians": (math.radians, lambda x: math.pi / 180.0),
    "degrees": (math.degrees, lambda x: 180.0 / math.pi),
    "abs": (abs, lambda x: math.copysign(1.0, x) if x else 0.0),
}
# Functions of several arguments: the derivative is that of the selected argument.
CHOICES: dict[str, Callable[[list[float]], float]] = {"min": min, "max": max}
ALLOWED = f"write numbers, parameters, + - * / ** ( ), {', '.join([*FUNCTIONS, *CHOICES])}, pi, e"
_CHARACTERS = re.compile(r"[\w.+\-*/(),\s]*")


def parsed(text: str, place: str) -> ast.expr:
    """Return the tree of a formula, every node of which is allowed.

    Parameters
    ----------
    text
        The formula.
    place
        Its origin, for messages.

    Raises
    ------
    InputError
        If it is no formula, holds anything that is not allowed, is too long or nested too deeply, or a part that holds
        no parameter has no finite value (9**9**9).
    """
    if len(text) > MOST_CHARACTERS:
        cure = "define a variable for a part of it"
        raise InputError(f"is longer than {MOST_CHARACTERS} characters", place=place, cure=cure)
    if not _CHARACTERS.fullmatch(text):
        odd = next(c for c in text if not _CHARACTERS.fullmatch(c))
        raise InputError(f"is no expression, {odd!r} is not allowed", place=place, cure=ALLOWED)
    try:
        tree = ast.parse(text.strip(), mode="eval").body
    # Deep nesting is a MemoryError or RecursionError of the parser, in some versions of Python.
    except (SyntaxError, ValueError, MemoryError, RecursionError):
        raise InputError("is no expression", place=place, cure=ALLOWED) from None
    _check(tree, place, MOST_LEVELS)
    return tree


def _check(node: ast.AST, place: str, levels: int) -> bool:
    """Check a node and those below; return whether it holds a name that may be a parameter's."""
    if levels == 0:
        raise InputError(f"is nested more than {MOST_LEVELS} deep", place=place, cure="define a variable for a part")
    operands = _operands(node)
    if operands is None:
        raise InputError(f"is no expression, {_source_text(node)} is not allowed", place=place, cure=ALLOWED)
    varies = isinstance(node, ast.Name)
    for operand in operands:
        varies = _check(operand, place, levels - 1) or varies
    if not varies and _number(node) is None:
        raise InputError(f"{_source_text(node)} has no finite value", place=place, cure="correct the expression")
    return varies


def _operands(node: ast.AST) -> list[ast.expr] | None:
    """Return the operands of a node, None if the node is not allowed."""
    match node:
        case ast.Constant(value=bool()):
            return None
        case ast.Name() | ast.Constant(value=int() | float()):
            return []
        case ast.UnaryOp(op=ast.UAdd() | ast.USub(), operand=operand):
            return [operand]
        case ast.BinOp(left=left, op=ast.Add() | ast.Sub() | ast.Mult() | ast.Div() | ast.Pow(), right=right):
            return [left, right]
        case ast.Call(func=ast.Name(id=name), args=arguments, keywords=[]) if _takes(name, len(arguments)):
            return list(arguments)
    return None


def _takes(name: str, count: int) -> bool:
    """Whether a name is that of a function with this number of arguments."""
    return (name in FUNCTIONS and count == 1) or (name in CHOICES and count >= 2)


def _source_text(node: ast.AST) -> str:
    text = ast.unparse(node) if isinstance(node, ast.expr) else type(node).__name__
    return repr(text if len(text) <= 40 else f"{text[:40]}...")


def _number(node: ast.AST) -> float | None:
    try:
        return evaluated(node, {}).value
    except ArithmeticError:
        return None


def names_in(tree: ast.expr) -> list[str]:
    """Return the names in a formula without those of functions, each once."""
    called = {id(node.func) for node in ast.walk(tree) if isinstance(node, ast.Call)}
    return list(dict.fromkeys(n.id for n in ast.walk(tree) if isinstance(n, ast.Name) and id(n) not in called))


def evaluated(node: ast.AST, values: Mapping[str, float], *, with_slopes: bool = False) -> Dual:
    """Return the value of a checked formula, and with `with_slopes` its derivatives.

    Parameters
    ----------
    node
        Of the tree from `parsed`.
    values
        By name; they take precedence over the constants pi and e.
    with_slopes
        Whether to calculate derivatives; they take as long as the value.

    Raises
    ------
    ArithmeticError
        If the value or one of the derivatives is not finite.
    """
    try:
        found = _dual(node, values, with_slopes)
    except ValueError as error:  # of math, outside a function's domain
        raise ArithmeticError(str(error)) from None
    if not all(map(math.isfinite, (found.value, *found.slopes.values()))):
        raise ArithmeticError("not finite")
    return found


def _dual(node: ast.AST, values: Mapping[str, float], slopes: bool) -> Dual:
    match node:
        case ast.Constant(value=number):
            return Dual(float(number), {})  # type: ignore[arg-type]  # checked when it was parsed
        case ast.Name(id=name):
            if name in values:
                return Dual(float(values[name]), {name: 1.0} if slopes else {})
            return Dual(CONSTANTS[name], {})
        case ast.UnaryOp(op=op, operand=operand):
            inner = _dual(operand, values, slopes)
            return _combined(-inner.value, (-1.0, inner)) if isinstance(op, ast.USub) else inner
        case ast.BinOp(left=left, op=op, right=right):
            return _binary(op, _dual(left, values, slopes), _dual(right, values, slopes))
        case ast.Call(func=ast.Name(id=name), args=arguments):
            return _called(name, [_dual(argument, values, slopes) for argument in arguments])
    raise AssertionError(f"{ast.dump(node)} was not checked")


def _binary(op: ast.operator, left: Dual, right: Dual) -> Dual:
    a, b = left.value, right.value
    match op:
        case ast.Add():
            return _combined(a + b, (1.0, left), (1.0, right))
        case ast.Sub():
            return _combined(a - b, (1.0, left), (-1.0, right))
        case ast.Mult():
            return _combined(a * b, (b, left), (a, right))
        case ast.Div():
            return _combined(a / b, (1.0 / b, left), (-a / b / b, right))
    return _power(left, right)


def _power(left: Dual, right: Dual) -> Dual:
    """d(a^b) = b a^(b-1) da + a^b ln(a) db; the second part is zero at a = 0, where b must be positive."""
    a, b = left.value, right.value
    value = math.pow(a, b)
    by_base = b * math.pow(a, b - 1.0) if left.slopes and b else 0.0
    by_exponent = value * math.log(a) if right.slopes and a else 0.0
    return _combined(value, (by_base, left), (by_exponent, right))


def _called(name: str, arguments: list[Dual]) -> Dual:
    if name in CHOICES:
        chosen = CHOICES[name]([argument.value for argument in arguments])
        return next(argument for argument in arguments if argument.value == chosen or math.isnan(chosen))
    function, slope = FUNCTIONS[name]
    (inner,) = arguments
    return _combined(function(inner.value), (slope(inner.value) if inner.slopes else 0.0, inner))


def _combined(value: float, *parts: tuple[float, Dual]) -> Dual:
    """Return a value with the sum of factor * slopes."""
    total: dict[str, float] = {}
    for factor, part in parts:
        for name, slope in part.slopes.items():
            total[name] = total.get(name, 0.0) + factor * slope
    return Dual(value, total)
