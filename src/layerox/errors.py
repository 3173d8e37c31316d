"""The errors that layerox raises on purpose: each reads as one line that names place, fault and cure.

A bad fit is not among them: it is a result with a reason.
"""

from __future__ import annotations

from collections.abc import Iterable
from difflib import get_close_matches
from os import PathLike
from typing import Any

# Characters of a line, and of its parts, at most: it may contain texts of files.
MOST, MOST_PROBLEM, MOST_CURE = 500, 200, 200
# Choices that are listed, and characters of a word that are compared with them.
MOST_CHOICES, MOST_COMPARED = 30, 100


def printable(text: str) -> str:
    """Return a text that every encoder takes: bytes of a file name that are no UTF-8 as a backslash with x and hex."""
    return text.encode("utf-8", "surrogateescape").decode("utf-8", "backslashreplace") if not text.isascii() else text


class LayeroxError(Exception):
    """Anything that layerox refuses on purpose; `str(error)` is one line."""


class InputError(LayeroxError):
    """A file, an option or a value from the user cannot be used.

    Parameters
    ----------
    problem
        What is wrong, in the user's terms.
    place
        The file (with line, where known) or the option that is at fault.
    cure
        What to do about it.
    argument
        The argument of `fit` or `simulate` that is at fault or holds the cure; it is the place where there is
        no other. The command line gives the spelling of the option.
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
    """Return a text in one line of so many characters, its middle left out if it is longer.

    Characters that a terminal would obey or cannot show are written by their codes.
    """
    if len(text) > 4 * most:
        text = f"{text[: 2 * most]}{text[-2 * most :]}"
    plain = printable(" ".join(text.split()))
    if not plain.isprintable():
        plain = "".join(c if c.isprintable() else c.encode("unicode_escape").decode() for c in plain)
    half = (most - 5) // 2
    return plain if len(plain) <= most else f"{plain[:half].rstrip()} ... {plain[-half:].lstrip()}"


def _again(kind: type[InputError], args: tuple[Any, ...], state: dict[str, Any]) -> InputError:
    """Return an error as it was in another process."""
    error = kind.__new__(kind)
    error.args = args
    vars(error).update(state)
    return error


class UnknownWavelength(InputError):
    """Neither the pattern's file nor the user states which wavelength was used."""


class ChoiceNeeded(InputError):
    """A file holds more than one thing that could be meant, or not the requested one."""


class UnknownName(InputError, KeyError):
    """A result holds nothing of that name."""

    def __str__(self) -> str:
        return str(self.args[0])


def nearest(word: str, choices: Iterable[str]) -> str:
    """Return a cure for an unknown `word`: the most similar choice, or all choices."""
    known = list(choices)
    close = get_close_matches(word[:MOST_COMPARED], known, n=1, cutoff=0.5)
    if close:
        return f"did you mean {close[0]!r}?"
    more = f" ... ({len(known)} in all)" if len(known) > MOST_CHOICES else ""
    return f"choose from {', '.join(known[:MOST_CHOICES])}{more}"


def is_interrupt(error: BaseException | None) -> bool:
    """Whether an error is Ctrl-C, or came of one: compiled code that is interrupted while it loads raises others."""
    seen: set[int] = set()
    while error is not None and id(error) not in seen:
        if isinstance(error, KeyboardInterrupt):
            return True
        seen.add(id(error))
        error = error.__cause__ or error.__context__
    return False
