"""Functions of one axis, linear in their coefficients, and how a user writes them.

"constant", "polynomial 2", "spline 5" (natural cubic with 5 equidistant knots), "spline at 0 10 40" (with these knots),
"vegard 0 1" (the straight line between two end members), "kinked 12.5" (two straight lines that meet there), and
several of them with breaks, where the function may jump: "polynomial 1 | 12.5 | polynomial 2". One position may be a
question mark and is then estimated from the data. Nothing here depends on diffraction.
"""

from __future__ import annotations

import math
import re
from collections.abc import Sequence
from dataclasses import dataclass, replace
from itertools import pairwise
from typing import Protocol

import numpy as np
from numpy.polynomial.chebyshev import cheb2poly, chebvander

from layerox.errors import InputError, nearest
from layerox.typing import FloatArray

MOST_DEGREE, MOST_KNOTS, FEWEST_KNOTS = 8, 60, 3
KINDS = ("constant", "polynomial", "spline", "vegard", "kinked")
SOUGHT = "?"
# No form of its own: the data choose among common ones.
AUTOMATIC = "automatic"
# Smallest singular value of a form's columns, over the largest, from which on its coefficients are determined.
DETERMINED = 1e-7


class Form(Protocol):
    """A function of the axis, linear in its coefficients."""

    @property
    def text(self) -> str:
        """As a user would write it."""
        ...

    @property
    def labels(self) -> tuple[str, ...]:
        """What each coefficient is."""
        ...

    def basis(self, x: FloatArray) -> FloatArray:
        """Return the factor of each coefficient at places of shape (n,), shape (n, coefficients)."""
        ...


@dataclass(frozen=True)
class Polynomial:
    """sum c_k T_k(u), Chebyshev polynomials of u = (2 x - low - high) / (high - low)."""

    degree: int
    low: float
    high: float

    @property
    def text(self) -> str:
        """As a user would write it."""
        return f"polynomial {self.degree}" if self.degree else "constant"

    @property
    def labels(self) -> tuple[str, ...]:
        """The Chebyshev polynomials."""
        return tuple(f"T{k}" for k in range(self.degree + 1))

    @property
    def centre(self) -> float:
        """Where u = 0."""
        return 0.5 * (self.low + self.high)

    @property
    def half(self) -> float:
        """Half the width, one for a width of none."""
        return 0.5 * (self.high - self.low) or 1.0

    def basis(self, x: FloatArray) -> FloatArray:
        """Return T_k at places, shape (n, degree + 1)."""
        return np.asarray(chebvander((x - self.centre) / self.half, self.degree))

    def powers(self) -> FloatArray:
        """Return the matrix from the coefficients to those of (x - centre)^j, shape (degree + 1, degree + 1)."""
        size = self.degree + 1
        matrix = np.zeros((size, size))
        for k, unit in enumerate(np.eye(size)):
            row = cheb2poly(unit[: k + 1])
            matrix[: len(row), k] = row
        return matrix / self.half ** np.arange(size)[:, None]


@dataclass(frozen=True)
class KnottedForm:
    """Values at knots, joined by a natural cubic spline or by straight lines; straight beyond the first and the last.

    Attributes
    ----------
    knots
        Ascending.
    smooth
        A natural cubic spline; else straight lines.
    written
        As a user would write it.
    """

    knots: tuple[float, ...]
    smooth: bool
    written: str

    @property
    def text(self) -> str:
        """As a user would write it."""
        return self.written

    @property
    def labels(self) -> tuple[str, ...]:
        """The knots: coefficients are the values there."""
        return tuple(f"at {knot:.6g}" for knot in self.knots)

    def basis(self, x: FloatArray) -> FloatArray:
        """Return the cardinal functions (one at one knot, zero at the others) at places, shape (n, knots)."""
        knots, unit = np.array(self.knots), np.eye(len(self.knots))
        inside = np.clip(x, knots[0], knots[-1])
        if not self.smooth:
            found = np.stack([np.interp(inside, knots, row) for row in unit], axis=1)
            slopes = np.diff(unit, axis=0)[[0, -1]] / np.diff(knots)[[0, -1], None]
        else:
            from scipy.interpolate import CubicSpline  # noqa: PLC0415  (a tenth of a second that other forms do not need)

            spline = CubicSpline(knots, unit, bc_type="natural")
            found, slopes = spline(inside), spline(knots[[0, -1]], 1)
        beyond = (x - inside)[:, None]
        return np.asarray(found + np.where(beyond < 0, beyond * slopes[0], beyond * slopes[1]))


@dataclass(frozen=True)
class Vegard:
    """The straight line between two end members (Vegard, Z. Phys. 5 (1921) 17, doi:10.1007/BF01349680)."""

    first: float
    second: float

    @property
    def text(self) -> str:
        """As a user would write it."""
        return f"vegard {self.first:.9g} {self.second:.9g}"

    @property
    def labels(self) -> tuple[str, ...]:
        """The end members: coefficients are the values there, measured or not."""
        return f"end member at {self.first:.6g}", f"end member at {self.second:.6g}"

    def basis(self, x: FloatArray) -> FloatArray:
        """Return the shares of both end members at places, shape (n, 2)."""
        share = (x - self.first) / (self.second - self.first)
        return np.stack([1.0 - share, share], axis=1)


@dataclass(frozen=True)
class Pieces:
    """Forms side by side: each from its break (that place itself included) to the next; the function may jump there."""

    forms: tuple[Form, ...]
    breaks: tuple[float, ...]

    @property
    def text(self) -> str:
        """As a user would write it."""
        rest = (f" | {place:.9g} | {form.text}" for place, form in zip(self.breaks, self.forms[1:], strict=True))
        return self.forms[0].text + "".join(rest)

    @property
    def labels(self) -> tuple[str, ...]:
        """Those of the pieces, each with the number of its piece."""
        return tuple(f"piece {k} {label}" for k, form in enumerate(self.forms, start=1) for label in form.labels)

    def basis(self, x: FloatArray) -> FloatArray:
        """Return each piece's functions at its own places, zero elsewhere, shape (n, all coefficients)."""
        which = np.searchsorted(np.array(self.breaks), x, side="right")
        return np.hstack([form.basis(x) * (which == k)[:, None] for k, form in enumerate(self.forms)])


@dataclass(frozen=True)
class FormRequest:
    """A form as a user writes it, before the axis and an unknown position are known.

    Attributes
    ----------
    text
        As written, spaces apart.
    kinds
        The pieces: (kind, numbers); a number that is sought is nan.
    breaks
        Between the pieces; nan where it is sought.
    place
        The quantity that the form is for, for messages.
    """

    text: str
    kinds: tuple[tuple[str, tuple[float, ...]], ...]
    breaks: tuple[float, ...]
    place: str

    @property
    def is_sought(self) -> bool:
        """Whether one of its places is a question to the data."""
        return any(map(math.isnan, self.breaks)) or any(math.isnan(n) for _, numbers in self.kinds for n in numbers)

    def with_place(self, place: float) -> FormRequest:
        """Return the request with a position in place of the question mark."""
        kinds = tuple((kind, tuple(place if math.isnan(n) else n for n in numbers)) for kind, numbers in self.kinds)
        return replace(self, kinds=kinds, breaks=tuple(place if math.isnan(b) else b for b in self.breaks))

    def form(self, x: FloatArray) -> Form:
        """Return the form for data at places of shape (n,).

        Raises
        ------
        InputError
            If breaks or knots do not ascend within the data, or the data cannot determine all its coefficients.
        """
        low, high = float(x.min()), float(x.max())
        self._refuse_disorder(low, high)
        which = np.searchsorted(np.array(self.breaks), x, side="right")
        forms: list[Form] = []
        for k, (kind, numbers) in enumerate(self.kinds):
            own = x[which == k]
            if not len(own):
                raise self._fault("a piece holds no frame", "move the break")
            forms.append(self._piece(kind, numbers, float(own.min()), float(own.max())))
            self._refuse_undetermined(forms[-1], own)
        return forms[0] if len(forms) == 1 else Pieces(tuple(forms), self.breaks)

    def _piece(self, kind: str, numbers: tuple[float, ...], low: float, high: float) -> Form:
        if kind in ("constant", "polynomial"):
            return Polynomial(int(numbers[0]) if numbers else 0, low, high)
        if kind == "vegard":
            return Vegard(*numbers)
        if kind == "kinked":
            if not all(low < kink < high for kink in numbers):
                raise self._fault(f"a kink outside {low:.6g} to {high:.6g}", "move it among the frames")
            return KnottedForm((low, *numbers, high), False, " ".join(["kinked", *(f"{n:.9g}" for n in numbers)]))
        if len(numbers) == 1:
            if not low < high:
                raise self._fault("all frames have one axis value", "write constant")
            return KnottedForm(
                tuple(np.linspace(low, high, int(numbers[0])).tolist()), True, f"spline {int(numbers[0])}"
            )
        return KnottedForm(numbers, True, " ".join(["spline at", *(f"{n:.9g}" for n in numbers)]))

    def _refuse_disorder(self, low: float, high: float) -> None:
        if not all(low < place <= high for place in self.breaks):
            raise self._fault(f"a break outside {low:.6g} to {high:.6g}", "move it among the frames")

    def _refuse_undetermined(self, form: Form, x: FloatArray) -> None:
        singular = np.linalg.svd(form.basis(x), compute_uv=False)
        if len(singular) < len(form.labels) or singular[-1] < DETERMINED * singular[0]:
            count = len(np.unique(x))
            raise self._fault(f"{len(form.labels)} coefficients for {count} axis values", "give a simpler form")

    def _fault(self, problem: str, cure: str) -> InputError:
        return InputError(f"{self.text!r}: {problem}", place=self.place, cure=cure)


def form_request(text: str, place: str) -> FormRequest:
    """Return the form that a user has written for a quantity.

    Raises
    ------
    InputError
        If it is none.
    """
    words = " ".join(str(text).split())
    parts = [part.strip() for part in words.split("|")]
    if len(parts) % 2 == 0:
        raise InputError(f"{words!r} is no form", place=place, cure='write pieces as "polynomial 1 | 12.5 | constant"')
    kinds = tuple(_kind(part, place) for part in parts[::2])
    breaks = tuple(_number(part, words, place) for part in parts[1::2])
    request = FormRequest(words, kinds, breaks, place)
    if sum(map(math.isnan, [*breaks, *(n for _, numbers in kinds for n in numbers)])) > 1:
        raise InputError(f"{words!r} seeks several places", place=place, cure="leave one question mark")
    if any(later <= earlier for earlier, later in pairwise(breaks)):
        raise InputError(f"{words!r}: breaks do not ascend", place=place, cure="give the smaller one first")
    return request


def _kind(text: str, place: str) -> tuple[str, tuple[float, ...]]:
    """Return kind and numbers of one piece."""
    name, *words = text.split() or [""]
    if name not in KINDS:
        raise InputError(f"{text!r} is no form", place=place, cure=nearest(name, (*KINDS, AUTOMATIC)))
    at = words[:1] == ["at"] and name == "spline"
    numbers = tuple(_number(word, text, place) for word in words[at:])
    if name == "vegard" and not numbers:
        numbers = 0.0, 1.0
    if cure := _objection(name, numbers, at=at):
        raise InputError(f"{text!r} is no form", place=place, cure=cure)
    return name, numbers


def _objection(name: str, numbers: Sequence[float], *, at: bool) -> str:
    """Return what is to be written instead of a piece, "" if it is fine."""
    ascending = all(later > earlier for earlier, later in pairwise(numbers))
    whole = len(numbers) == 1 and float(numbers[0]).is_integer()
    if name == "constant":
        return "write constant alone" if numbers else ""
    if name == "polynomial":
        return "" if whole and 0 <= numbers[0] <= MOST_DEGREE else f"write polynomial 1 to polynomial {MOST_DEGREE}"
    if name == "vegard":
        good = len(numbers) == 2 and all(map(math.isfinite, numbers)) and numbers[0] != numbers[1]
        return "" if good else "write vegard and the places of both end members, such as vegard 0 1"
    if name == "kinked":
        good = bool(numbers) and (len(numbers) == 1 or ascending)
        return "" if good else "write kinked and where, such as kinked 12.5 or kinked ?"
    if at:
        good = len(numbers) >= FEWEST_KNOTS and ascending
        return "" if good else f"write spline at and {FEWEST_KNOTS} or more places that ascend"
    good = whole and FEWEST_KNOTS <= numbers[0] <= MOST_KNOTS
    return "" if good else f"write spline {FEWEST_KNOTS} to spline {MOST_KNOTS}, or spline at and the knots"


def _number(text: str, whole: str, place: str) -> float:
    """Return a number, nan for one that is sought."""
    if text == SOUGHT:
        return math.nan
    if not re.fullmatch(r"[-+]?(\d+\.?\d*|\.\d+)([eE][-+]?\d+)?", text):
        raise InputError(f"{whole!r}: {text!r} is no number", place=place, cure="write a number, or ? for a place")
    return float(text)
