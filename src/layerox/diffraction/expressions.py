"""Expressions: constraints that a user writes, such as "P2_a + delta", evaluated with the values of parameters.

The syntax is defined in `expression_parser`.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from copy import copy

from layerox.diffraction.expression_parser import CONSTANTS, Dual, evaluated, names_in, parsed
from layerox.errors import InputError, nearest
from layerox.typing import FloatArray

MOST_SHOWN = 60


class Expression:
    """An expression of parameters in public names and units.

    Parameters
    ----------
    text
        Such as "P2_a + delta".
    index
        Position of each parameter's name.
    slot_of
        Returns the internal name for a public one; if they differ, the internal value is the reciprocal.
    place
        The parameter that it constrains, for messages.

    Raises
    ------
    InputError
        If it holds anything that is not allowed, or an unknown name.
    """

    def __init__(
        self, text: str, index: Mapping[str, int], slot_of: Callable[[str, Iterable[str]], str], *, place: str
    ):
        self.text, self._place = text, place_of(place, text)
        self._tree = parsed(text, self._place)
        self._sources: dict[str, tuple[int, bool]] = {}
        for name in names_in(self._tree):
            slot = name if name in index else slot_of(name, index)
            if slot in index:
                self._sources[name] = index[slot], slot != name
            elif name not in CONSTANTS:
                raise InputError(f"has an unknown name {name!r}", place=self._place, cure=nearest(name, index))
        self._reciprocal = place not in index

    @property
    def indices(self) -> list[int]:
        """Indices of the parameters that the expression names."""
        return [k for k, _ in self._sources.values()]

    def moved(self, places: Mapping[int, int]) -> Expression:
        """Return the same expression for other indices of its parameters: old index -> new index."""
        other = copy(self)
        other._sources = {name: (places[k], reciprocal) for name, (k, reciprocal) in self._sources.items()}
        return other

    def value(self, values: FloatArray) -> float:
        """Return the internal value of the constrained parameter.

        Raises
        ------
        InputError
            If it is not a finite number.
        """
        found = self._evaluated(values, with_slopes=False).value
        return 1.0 / found if self._reciprocal else found

    def slopes(self, values: FloatArray) -> dict[int, float]:
        """Return its derivatives with respect to the parameters that it names, by their index.

        Raises
        ------
        InputError
            If one of them is not a finite number.
        """
        found = self._evaluated(values, with_slopes=True)
        outer = -1.0 / found.value**2 if self._reciprocal else 1.0
        slopes: dict[int, float] = {}
        for name, (k, reciprocal) in self._sources.items():
            inner = -1.0 / float(values[k]) ** 2 if reciprocal else 1.0
            slopes[k] = slopes.get(k, 0.0) + outer * inner * found.slopes.get(name, 0.0)
        return slopes

    def _evaluated(self, values: FloatArray, *, with_slopes: bool) -> Dual:
        try:
            seen = {name: 1.0 / float(values[k]) if r else float(values[k]) for name, (k, r) in self._sources.items()}
            found = evaluated(self._tree, seen, with_slopes=with_slopes)
            if self._reciprocal and found.value == 0.0:
                raise ZeroDivisionError
        except ArithmeticError:
            cure = "correct the expression"
            raise InputError("has no finite value", place=self._place, cure=cure) from None
        return found


def place_of(name: str, text: str) -> str:
    """Return the place of an expression for messages: the parameter, and the beginning of the text."""
    return f"{name} = {text if len(text) <= MOST_SHOWN else text[:MOST_SHOWN] + '...'!r}"


def check_expression(name: str, text: str) -> None:
    """Refuse an expression that is not allowed, before lmfit evaluates it.

    Raises
    ------
    InputError
        If it contains anything that is not allowed.
    """
    parsed(text, place_of(name, text))
