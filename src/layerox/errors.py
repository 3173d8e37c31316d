"""The exceptions of layerox: each is one line with place, fault and cure.

A bad fit is not an exception: it is a result with a reason.
"""

from __future__ import annotations

from collections.abc import Iterable
from difflib import get_close_matches
from os import PathLike
from typing import Any

# Largest number of characters of a message, and of its parts, which may contain texts of files.
MOST, MOST_PROBLEM, MOST_CURE = 500, 200, 200
# Number of listed choices, and number of compared characters of a word.
MOST_CHOICES, MOST_COMPARED = 30, 100
# Number of characters of the listed choices, so that the cure is not cut in its middle.
MOST_LISTED = 160


def printable(text: str) -> str:
    """Return a text that can always be encoded: bytes of a file name that are not UTF-8 become hexadecimal escapes."""
    return text.encode("utf-8", "surrogateescape").decode("utf-8", "backslashreplace") if not text.isascii() else text


class LayeroxError(Exception):
    """Base class of layerox's exceptions; `str(error)` is one line."""


class InputError(LayeroxError):
    """A file, an option or a value from the user cannot be used.

    Parameters
    ----------
    problem
        The fault, in the user's terms.
    place
        The file (with line, if known) or the option.
    cure
        The cure.
    argument
        The argument of `fit` or `simulate` with the fault or the cure; it is the place if there is
        no other. The command line replaces it by the option.

    Examples
    --------
    >>> import layerox as lx
    >>> print(lx.InputError("no column of sigma", place="scan.csv", cure="use --sigma counts"))
    scan.csv: no column of sigma; use --sigma counts
    """

    def __init__(
        self,
        problem: str,
        *,
        place: str | PathLike[str] | None = None,
        cure: str | None = None,
        argument: str | None = None,
    ):
        self.problem, self.cure = shortened(problem, MOST_PROBLEM), None if cure is None else shortened(cure, MOST_CURE)
        self.place, self.argument = place, argument
        where = argument if place is None else place
        tail = f"; {self.cure}" if self.cure else ""
        room = max(MOST - 2 - len(self.problem) - len(tail), 0)
        head = f"{shortened(str(where), room)}: " if where is not None else ""
        super().__init__(f"{head}{self.problem}{tail}")

    def __reduce__(self) -> tuple[Any, ...]:
        return _again, (type(self), self.args, vars(self))


def shortened(text: str, most: int) -> str:
    """Return a text as one line of at most `most` characters, without its middle if longer.

    Control characters and unprintable ones are written as codes.
    """
    if len(text) > 4 * most:
        text = f"{text[: 2 * most]}{text[-2 * most :]}"
    plain = printable(" ".join(text.split()))
    if not plain.isprintable():
        plain = "".join(c if c.isprintable() else c.encode("unicode_escape").decode() for c in plain)
    half = (most - 5) // 2
    return plain if len(plain) <= most else f"{plain[:half].rstrip()} ... {plain[-half:].lstrip()}"


def _again(kind: type[InputError], args: tuple[Any, ...], state: dict[str, Any]) -> InputError:
    """Return an unpickled error with its attributes."""
    error = kind.__new__(kind)
    error.args = args
    vars(error).update(state)
    return error


class UnknownWavelength(InputError):
    """Neither the pattern's file nor the user states the wavelength."""


class ChoiceNeeded(InputError):
    """A file has several possible data sets, or not the requested one."""


class UnknownName(InputError, KeyError):
    """A result has no entry of that name."""

    def __str__(self) -> str:
        return str(self.args[0])


def nearest(word: str, choices: Iterable[str]) -> str:
    """Return a cure for an unknown `word`: the most similar choice, or all choices."""
    known = list(choices)
    close = get_close_matches(word[:MOST_COMPARED], known, n=1, cutoff=0.5)
    if close:
        return f"did you mean {close[0]!r}?"
    shown = known[:MOST_CHOICES]
    while len(", ".join(shown)) > MOST_LISTED:
        shown.pop()
    more = f" ... ({len(known)} in all)" if len(known) > len(shown) else ""
    return f"choose from {', '.join(shown)}{more}"


def is_interrupt(error: BaseException | None) -> bool:
    """Whether an error is Ctrl-C or was caused by it: interrupted loading of compiled code raises other errors."""
    seen: set[int] = set()
    while error is not None and id(error) not in seen:
        if isinstance(error, KeyboardInterrupt):
            return True
        seen.add(id(error))
        error = error.__cause__ or error.__context__
    return False
