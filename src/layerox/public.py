"""Public: the check of a call at the package's edge, the same for every function that a user calls.

A misspelt keyword is named with the nearest right one, a text or an array where a number belongs with what belongs
there. What kind of value a parameter takes is read from its annotation; other kinds are left to the function.
"""

from __future__ import annotations

import functools
import inspect
import math
import operator
from collections.abc import Callable, Mapping, Sequence
from difflib import get_close_matches
from numbers import Real
from os import PathLike
from typing import Any, ParamSpec, TypeVar

from layerox.errors import InputError, shortened

P = ParamSpec("P")
R = TypeVar("R")


class WrongCall(InputError, TypeError):
    """A function was called with parameters that it does not have."""


def public(function: Callable[P, R]) -> Callable[P, R]:
    """Return the function behind a check of its keywords and of plain values.

    Raises
    ------
    WrongCall
        If a keyword is unknown or a parameter is missing or given twice.
    InputError
        If a number, a pair, a list of numbers or a path is something else.
    """
    signature = inspect.signature(function)
    checks = {name: CHECKS[kind] for name, p in signature.parameters.items() if (kind := str(p.annotation)) in CHECKS}
    names = [p.name for p in signature.parameters.values() if p.kind is p.POSITIONAL_OR_KEYWORD]
    required = {p.name for p in signature.parameters.values() if p.default is p.empty}
    defaults = {name: signature.parameters[name].default for name in checks}

    @functools.wraps(function)
    def checked(*args: P.args, **kwargs: P.kwargs) -> R:
        if not kwargs.keys() <= signature.parameters.keys() or len(args) > len(names):
            raise _wrong_call(signature, args, kwargs)
        # Without `signature.bind`, which takes as long as reading a hundred points.
        given = {**dict(zip(names, args, strict=False)), **kwargs}
        for name, check in checks.items():
            if name in given and given[name] is not defaults[name]:
                check(name, given[name])
        if len(given) < len(args) + len(kwargs) or not required <= given.keys():
            raise _wrong_call(signature, args, kwargs)
        return function(*args, **kwargs)

    return checked


def public_class(kind: type[R]) -> type[R]:
    """Return a class whose constructor is checked as a public function is."""
    kind.__init__ = public(kind.__init__)  # type: ignore[method-assign]
    return kind


def _wrong_call(signature: inspect.Signature, args: Sequence[object], keywords: Mapping[str, object]) -> WrongCall:
    known = [p.name for p in signature.parameters.values() if p.kind is not inspect.Parameter.VAR_KEYWORD]
    unknown = next((keyword for keyword in keywords if keyword not in known), None)
    if unknown is None:
        return WrongCall(_fault(signature, args, keywords), cure=f"it takes {', '.join(known)}")
    close = get_close_matches(unknown, known, n=1, cutoff=0.5)
    cure = f"did you mean {close[0]!r}?" if close else f"it takes {', '.join(known)}"
    return WrongCall(f"unknown keyword {unknown!r}", cure=cure)


def _fault(signature: inspect.Signature, args: Sequence[object], keywords: Mapping[str, object]) -> str:
    try:
        signature.bind(*args, **keywords)
    except TypeError as error:
        return str(error)
    return "cannot be called like this"


def _shown(value: object) -> str:
    """Return a value for a message: short ones as they are written, others by what they are."""
    text = repr(value)
    return text if len(text) <= 40 and "\n" not in text else f"a {type(value).__name__}"


def is_number(value: object) -> bool:
    """Whether a value is a real number: of Python or numpy, not a truth value, not a text."""
    return isinstance(value, Real) and not isinstance(value, bool)


def _number(name: str, value: object) -> None:
    if not is_number(value):
        cure = f"write {value} without quotes" if isinstance(value, str) and _is_numeric(value) else "give a number"
        raise InputError(f"{_shown(value)} is no number", argument=name, cure=shortened(cure, 80))


def _is_numeric(text: str) -> bool:
    try:
        return math.isfinite(float(text))
    except ValueError:
        return False


def _whole(name: str, value: object) -> None:
    _number(name, value)
    number = float(value)  # type: ignore[arg-type]
    if math.isfinite(number) and number == math.floor(number):
        return
    raise InputError(f"{_shown(value)} is no whole number", argument=name, cure="give a whole number")


def _truth(name: str, value: object) -> None:
    if isinstance(value, bool) or type(value).__name__ in ("bool_", "bool"):
        return
    raise InputError(f"{_shown(value)} is neither True nor False", argument=name, cure="give True or False")


def _numbers(name: str, value: object) -> list[object]:
    """Return the parts of a list of numbers; arrays and ranges are lists."""
    if isinstance(value, (str, bytes)) or not hasattr(value, "__len__") or isinstance(value, Mapping):
        raise InputError(f"{_shown(value)} is no list of numbers", argument=name, cure="give a list, as [0.6, 0.4]")
    parts: list[object] = list(value)  # type: ignore[call-overload]
    for part in parts:
        _number(name, part)
    return parts


def _tuple_of(number: int, wording: str) -> Callable[[str, object], None]:
    def check(name: str, value: object) -> None:
        if not hasattr(value, "__len__") or isinstance(value, (str, Mapping)) or operator.length_hint(value) != number:
            raise InputError(f"{_shown(value)} is not what belongs here", argument=name, cure=wording)
        _numbers(name, value)

    return check


def _path(name: str, value: object) -> None:
    if not isinstance(value, (str, PathLike)):
        raise InputError(f"{_shown(value)} is no path", argument=name, cure="give the path of a file or folder")


def _text(name: str, value: object) -> None:
    if not isinstance(value, str):
        raise InputError(f"{_shown(value)} is no text", argument=name, cure="give a text in quotes")


def _optional(check: Callable[[str, object], object]) -> Callable[[str, object], object]:
    return lambda name, value: None if value is None else check(name, value)


_PAIR, _TRIPLE = _tuple_of(2, "give (LO, HI)"), _tuple_of(3, "give (LO, HI, STEP)")
# By annotation, as the signatures write it.
CHECKS: dict[str, Callable[[str, object], Any]] = {
    "float": _number,
    "float | None": _optional(_number),
    "int": _whole,
    "int | None": _optional(_whole),
    "bool": _truth,
    "Sequence[float]": _numbers,
    "Sequence[float] | None": _optional(_numbers),
    "Sequence[int] | None": _optional(_numbers),
    "tuple[float, float] | None": _optional(_PAIR),
    "tuple[float, float, float]": _TRIPLE,
    "str | Path": _path,
    "str": _text,
    "str | None": _optional(_text),
}
