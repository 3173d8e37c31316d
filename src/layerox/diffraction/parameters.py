"""Parameters: a table of values by name, with their bounds, which of them vary, and their constraints.

A parameter can depend on another one linearly (a tie, as of symmetry) or on several by an expression (as of a user);
chains are allowed. The table does not depend on a model; `constraints` makes the constraints of symmetry.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from fnmatch import fnmatchcase

import numpy as np
from numpy.typing import NDArray

from layerox.diffraction.background import BLANK
from layerox.diffraction.expressions import Expression
from layerox.diffraction.model import safe_name
from layerox.diffraction.phase import Phase
from layerox.errors import InputError, nearest
from layerox.typing import FloatArray

# The internal parameter is 1/size, which is zero without broadening; the public one is the size.
INVERSE_SIZE, SIZE = "_inverse_size", "_size"


@dataclass(frozen=True)
class Tie:
    """value = factor * (value of `leader`) + offset; leader is an index."""

    leader: int
    factor: float = 1.0
    offset: float = 0.0


def _through(tie: Tie, leading: Tie) -> Tie:
    """Return the tie to the leader of the leader."""
    return Tie(leading.leader, tie.factor * leading.factor, tie.factor * leading.offset + tie.offset)


class Parameters:
    """A table of parameters.

    Attributes
    ----------
    names
        Internal names.
    values, lower, upper
        Shape (n,).
    vary
        Which are variables, shape (n,).
    ties, expressions
        By index: the tie or the expression that determines the value.
    locked
        Indices of parameters that symmetry, the choice of origin or the user fixes.
    """

    def __init__(self, names: list[str], values: FloatArray):
        self.names = list(names)
        self.index = {name: k for k, name in enumerate(names)}
        self.values = values.copy()
        self.lower = np.full(len(names), -math.inf)
        self.upper = np.full(len(names), math.inf)
        self.vary = np.zeros(len(names), dtype=bool)
        self.ties: dict[int, Tie] = {}
        self.expressions: dict[int, Expression] = {}
        self.locked: set[int] = set()

    def copy(self) -> Parameters:
        """Return an independent copy."""
        other = Parameters(self.names, self.values)
        other.lower, other.upper, other.vary = self.lower.copy(), self.upper.copy(), self.vary.copy()
        other.ties, other.expressions, other.locked = dict(self.ties), dict(self.expressions), set(self.locked)
        return other

    def taking(self, indices: NDArray[np.intp]) -> Parameters:
        """Return a table of some of the parameters; those on which they depend must be among them."""
        place = {int(k): at for at, k in enumerate(indices)}
        other = Parameters([self.names[k] for k in indices], self.values[indices])
        other.lower, other.upper, other.vary = self.lower[indices], self.upper[indices], self.vary[indices]
        other.locked = {place[k] for k in self.locked if k in place}
        other.ties = {place[k]: Tie(place[t.leader], t.factor, t.offset) for k, t in self.ties.items() if k in place}
        other.expressions = {place[k]: e.moved(place) for k, e in self.expressions.items() if k in place}
        return other

    def find(self, name: str) -> int:
        """Return the index of an internal or public name.

        Raises
        ------
        InputError
            If there is no such parameter; names the nearest.
        """
        if name in self.index:
            return self.index[name]
        known = slot_of_public(name, self.index)
        if known not in self.index:
            raise InputError(f"there is no parameter {name!r}", cure=self._cure(name))
        return self.index[known]

    def value(self, name: str) -> float:
        """Return the value of a parameter."""
        return float(self.values[self.find(name)])

    def assign(self, name: str, value: float) -> None:
        """Set a value, limited to its bounds; dependent parameters change with it."""
        self.assign_all({name: value})

    def assign_all(self, values: Mapping[str, float]) -> None:
        """Set values by name, limited to their bounds; dependent parameters change with them."""
        for name, value in values.items():
            k = self.find(name)
            self.values[k] = min(max(value, self.lower[k]), self.upper[k])
        self.settle(self.values)

    def add(self, name: str, value: float, lower: float = -math.inf, upper: float = math.inf) -> None:
        """Add a variable that does not belong to the model, for use in constraints."""
        if name in self.index:
            raise InputError(f"there is a parameter {name!r} already", cure="choose another name")
        self.index[name] = len(self.names)
        self.names.append(name)
        self.values = np.append(self.values, value)
        self.lower, self.upper = np.append(self.lower, lower), np.append(self.upper, upper)
        self.vary = np.append(self.vary, True)

    def matching(self, pattern: str) -> list[str]:
        """Return the internal names that match a public name or a shell pattern ("P2_*_u_iso").

        Raises
        ------
        InputError
            If there are none; names the nearest.
        """
        if not any(c in pattern for c in "*?["):
            return [self.names[self.find(pattern)]]
        found = [name for name in self.names if fnmatchcase(public_name(name), pattern)]
        if not found:
            raise InputError(f"there is no parameter {pattern!r}", cure=self._cure(pattern))
        return found

    def _cure(self, unknown: str) -> str:
        """Return what to give instead of an unknown name: the full names that end in it, or the most similar one."""
        if "=" in unknown:
            return "give the name alone; a value stands in [parameters] of a recipe"
        known = [public_name(name) for name in self.names]
        full = [name for name in known if name.endswith(f"_{unknown}")]
        if not full:
            return nearest(unknown, known)
        every = f"; '*_{unknown}' means all {len(full)}" if len(full) > 1 else ""
        return f"give the full name: {' or '.join(full[:3])}{' ...' if len(full) > 3 else ''}{every}"

    def can_vary(self, name: str) -> bool:
        """Whether a parameter is neither locked nor dependent on others."""
        k = self.find(name)
        return not (k in self.locked or k in self.ties or k in self.expressions)

    def free(self, names: Iterable[str]) -> list[str]:
        """Free parameters, except locked and dependent ones; return the names of the freed ones."""
        freed = []
        for name in names:
            k = self.find(name)
            if not self.can_vary(name) or self.vary[k]:
                continue
            self.vary[k] = True
            freed.append(self.names[k])
        return freed

    def fix(self, names: Iterable[str]) -> None:
        """Fix parameters at their values."""
        for name in names:
            self.vary[self.find(name)] = False

    def lock(self, names: Iterable[str]) -> None:
        """Fix parameters at their values so that `free` does not free them."""
        for name in names:
            self.vary[self.find(name)] = False
            self.locked.add(self.find(name))

    def tie(self, name: str, leader: str, factor: float = 1.0, offset: float = 0.0) -> None:
        """Tie a parameter to another one; chains of ties are resolved to the first leader."""
        k, tie = self.find(name), Tie(self.find(leader), factor, offset)
        if tie.leader in self.ties:
            tie = _through(tie, self.ties[tie.leader])
        self.ties |= {other: _through(own, tie) for other, own in self.ties.items() if own.leader == k}
        self.ties[k] = tie
        self.expressions.pop(k, None)
        self.vary[k] = False
        self.settle(self.values)

    def express(self, name: str, text: str) -> None:
        """Constrain a parameter by an expression of others ("P2_a + delta") in public names and units.

        Raises
        ------
        InputError
            If it cannot be read, has an unknown name, depends on itself, or contradicts symmetry.
        """
        k = self.find(name)
        if k in self.locked or k in self.ties:
            raise InputError(f"{name} is fixed by symmetry", place=f"{name} = {text!r}", cure="leave it out")
        expression = Expression(text, self.index, slot_of_public, place=name)
        if k in self._sources(expression):
            raise InputError(f"{name} would depend on itself", place=f"{name} = {text!r}", cure="leave one link out")
        self.expressions[k] = expression
        self.vary[k] = False
        self.expressions = {index: self.expressions[index] for index in self._order()}
        self.settle(self.values)

    def link_text(self, name: str) -> str | None:
        """Return the constraint of a parameter as an expression in public names, None if there is none."""
        k = self.find(name)
        if k in self.expressions:
            return self.expressions[k].text
        if k not in self.ties:
            return None
        tie = self.ties[k]
        text = public_name(self.names[tie.leader])
        text = text if tie.factor == 1.0 else f"{tie.factor!r} * {text}"
        return text if tie.offset == 0.0 else f"{text} + {tie.offset!r}"

    def _sources(self, expression: Expression) -> set[int]:
        """Return the indices of all parameters on which an expression depends, also through other constraints."""
        found: set[int] = set()
        waiting = list(expression.indices)
        while waiting:
            k = waiting.pop()
            if k in found:
                continue
            found.add(k)
            if k in self.ties:
                waiting.append(self.ties[k].leader)
            if k in self.expressions:
                waiting += self.expressions[k].indices
        return found

    def _order(self) -> list[int]:
        """Return the indices of the expressions, each after those on which it depends."""
        return sorted(self.expressions, key=lambda k: len(self._sources(self.expressions[k]) & set(self.expressions)))

    def settle(self, values: FloatArray) -> None:
        """Evaluate all constraints in a vector of values, shape (n,)."""
        self._follow(values)
        for k, expression in self.expressions.items():
            values[k] = expression.value(values)
            self._follow(values)

    def _follow(self, values: FloatArray) -> None:
        for k, tie in self.ties.items():
            values[k] = tie.factor * values[tie.leader] + tie.offset

    @property
    def free_indices(self) -> NDArray[np.intp]:
        """Indices of the variables."""
        return self.vary.nonzero()[0]

    @property
    def free_names(self) -> list[str]:
        """Names of the variables."""
        return [self.names[k] for k in self.free_indices]

    def transfer(self, values: FloatArray | None = None) -> FloatArray:
        """Return the derivatives of all values (at `values` or the present ones) by the variables, shape (n, v)."""
        at = self.values if values is None else values
        free = self.free_indices
        matrix = np.zeros((len(self.names), len(free)))
        matrix[free, np.arange(len(free))] = 1.0
        self._transfer_ties(matrix)
        for k, expression in self.expressions.items():
            matrix[k] = sum(
                (slope * matrix[source] for source, slope in expression.slopes(at).items()), np.zeros(len(free))
            )
            self._transfer_ties(matrix)
        return matrix

    def _transfer_ties(self, matrix: FloatArray) -> None:
        for k, tie in self.ties.items():
            matrix[k] = tie.factor * matrix[tie.leader]

    def with_variables(self, x: FloatArray) -> FloatArray:
        """Return all values for the variables `x`; the table is not changed."""
        values = self.values.copy()
        values[self.free_indices] = x
        self.settle(values)
        return values

    def places(self, names: Iterable[str]) -> NDArray[np.intp]:
        """Return the indices of a model's names, shape (their number,)."""
        return np.array([self.index[name] for name in names], dtype=np.intp)


def is_background(name: str) -> bool:
    """Whether a name is that of a Chebyshev term or of the blank, and not of a phase named "background"."""
    return is_background_term(name) or name == BLANK


def is_background_term(name: str) -> bool:
    """Whether a name is that of a Chebyshev term."""
    head, _, tail = name.rpartition("_")
    return head == "background" and tail.isdigit()


def public_name(name: str) -> str:
    """Return the public name of a parameter: that of the size for an inverse size."""
    return name.removesuffix(INVERSE_SIZE) + SIZE if name.endswith(INVERSE_SIZE) else name


def slot_of_public(name: str, names: Iterable[str]) -> str:
    """Return the internal name for a public name."""
    inverse = name.removesuffix(SIZE) + INVERSE_SIZE
    return inverse if name.endswith(SIZE) and inverse in names else name


def slot_name(phase: Phase, slot: str) -> str:
    """Return the internal name of a parameter of a phase: "P2_a", "Pp2_inverse_size"."""
    return safe_name(f"{phase.name}_{slot}")


def position_names(phase: Phase) -> list[str]:
    """Return the names of the parameters that shift the peaks of a phase, see `Phase.position_slots`."""
    return [slot_name(phase, slot) for slot in phase.position_slots]
