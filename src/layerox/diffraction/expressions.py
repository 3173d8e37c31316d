"""Expressions: what a user writes for a quantity that follows others, such as "P2_a + delta".

The language is lmfit's (asteval: arithmetic and the functions of numpy). Derivatives are central differences, which are
exact for straight lines and good to ten digits otherwise. asteval is loaded when the first expression is met.
"""

from __future__ import annotations

import ast
import math
from collections.abc import Callable, Iterable, Mapping
from copy import copy
from functools import cache
from typing import Any

import numpy as np
from numpy.typing import NDArray

from layerox.errors import InputError, nearest

FloatArray = NDArray[np.float64]
STEP = 1e-5


class Expression:
    """An expression of parameters, in names and units that users know.

    Parameters
    ----------
    text
        Such as "P2_a + delta".
    index
        Position of each parameter's name.
    slot_of
        Turns a name that users write into the one in `index`; those that differ hold the reciprocal.
    place
        The parameter that the expression is for, for messages.
    """

    def __init__(
        self, text: str, index: Mapping[str, int], slot_of: Callable[[str, Iterable[str]], str], *, place: str
    ):
        self.text, self._place = text, f"{place} = {text!r}"
        names = self._names()
        self._sources: dict[str, tuple[int, bool]] = {}
        for name in names:
            slot = name if name in index else slot_of(name, index)
            if slot in index:
                self._sources[name] = index[slot], slot != name
        self._reciprocal = place not in index
        self._refuse_unknown(names, index)

    def _names(self) -> list[str]:
        try:
            tree = ast.parse(self.text, mode="eval")
        except (SyntaxError, ValueError) as error:
            raise InputError("is no expression", place=self._place, cure="write such as 'P2_a + delta'") from error
        called = {id(node.func) for node in ast.walk(tree) if isinstance(node, ast.Call)}
        return [n.id for n in ast.walk(tree) if isinstance(n, ast.Name) and id(n) not in called]

    def _refuse_unknown(self, names: Iterable[str], index: Mapping[str, int]) -> None:
        symbols = _interpreter().symtable
        for name in names:
            if name not in self._sources and name not in symbols:
                raise InputError(f"knows no {name!r}", place=self._place, cure=nearest(name, index))

    @property
    def indices(self) -> list[int]:
        """Indices of the parameters that the expression names."""
        return [k for k, _ in self._sources.values()]

    def moved(self, places: Mapping[int, int]) -> Expression:
        """Return the same expression of parameters that stand elsewhere: old index -> new index."""
        other = copy(self)
        other._sources = {name: (places[k], reciprocal) for name, (k, reciprocal) in self._sources.items()}
        return other

    def value(self, values: FloatArray) -> float:
        """Return the value of the parameter that follows the expression, as the model holds it.

        Raises
        ------
        InputError
            If the expression cannot be evaluated or is not a finite number.
        """
        return self._evaluated({name: self._seen(values, name) for name in self._sources})

    def slopes(self, values: FloatArray) -> dict[int, float]:
        """Return its derivatives with respect to the parameters that it names, by their index."""
        found: dict[int, float] = {}
        seen = {name: self._seen(values, name) for name in self._sources}
        for name, (k, reciprocal) in self._sources.items():
            step = STEP * max(abs(seen[name]), 1e-3)
            up, down = (self._evaluated({**seen, name: seen[name] + s}) for s in (step, -step))
            slope = (up - down) / (2 * step)
            found[k] = found.get(k, 0.0) + (-slope * seen[name] ** 2 if reciprocal else slope)
        return found

    def _seen(self, values: FloatArray, name: str) -> float:
        k, reciprocal = self._sources[name]
        return float(1.0 / values[k]) if reciprocal else float(values[k])

    def _evaluated(self, seen: Mapping[str, float]) -> float:
        result = _result(self.text, seen)
        if result is None or (self._reciprocal and result == 0):
            raise InputError("has no finite value", place=self._place, cure="correct the expression")
        return 1.0 / result if self._reciprocal else result


def _result(text: str, seen: Mapping[str, float]) -> float | None:
    """Evaluate an expression; None if it fails or is no finite number."""
    interpreter = _interpreter()
    symbols = interpreter.symtable
    hidden = {name: symbols[name] for name in seen if name in symbols}
    symbols.update(seen)
    try:
        result: Any = interpreter(text, show_errors=False, raise_errors=False)
        failed, interpreter.error = bool(interpreter.error), []
    finally:
        for name in seen:
            del symbols[name]
        symbols.update(hidden)
    try:
        number = float(result)
    except (TypeError, ValueError):
        return None
    return None if failed or not math.isfinite(number) else number


@cache
def _interpreter() -> Any:
    from asteval import Interpreter  # noqa: PLC0415  (only fits with expressions need it)

    return Interpreter(minimal=True, use_numpy=True)
