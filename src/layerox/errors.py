"""The errors that layerox raises on purpose: each reads as one line that names place, fault and cure.

A bad fit is not among them: it is a result with a reason.
"""

from __future__ import annotations

from collections.abc import Iterable
from difflib import get_close_matches
from os import PathLike

# Letters of a message: what a file holds in place of a number may be as long as the file.
MOST_OF_PLACE, MOST_OF_PROBLEM, MOST_OF_CURE = 150, 220, 120


def shortened(text: str, most: int, *, keep_end: bool = False) -> str:
    """Return a text of at most `most` letters: the rest, or with `keep_end` the beginning, as "..."."""
    if len(text) <= most:
        return text
    return f"...{text[3 - most :]}" if keep_end else f"{text[: most - 3]}..."


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
        The argument of `fit` or `simulate` that is at fault or holds the cure; it stands for the place where there is
        no other. The command line says how the option is spelt there.
    """

    def __init__(
        self,
        problem: str,
        *,
        place: str | PathLike[str] | None = None,
        cure: str | None = None,
        argument: str | None = None,
    ):
        self.problem, self.place, self.cure, self.argument = problem, place, cure, argument
        where = argument if place is None else place
        head = f"{shortened(str(where), MOST_OF_PLACE, keep_end=True)}: " if where is not None else ""
        problem, cure = shortened(problem, MOST_OF_PROBLEM), cure and shortened(cure, MOST_OF_CURE)
        tail = f"; {cure}" if cure else ""
        super().__init__(printable(" ".join(f"{head}{problem}{tail}".split())))


class UnknownWavelength(InputError):
    """Neither the pattern's file nor the user says which wavelength was used."""


class ChoiceNeeded(InputError):
    """A file holds more than one thing that could be meant, or not the one that is asked for."""


class UnknownName(InputError, KeyError):
    """A result holds nothing of that name."""

    def __str__(self) -> str:
        return str(self.args[0])


def nearest(word: str, choices: Iterable[str]) -> str:
    """Return a cure for an unknown `word`: the most similar choice, or all choices."""
    known = list(choices)
    close = get_close_matches(word, known, n=1, cutoff=0.5)
    return f"did you mean {close[0]!r}?" if close else f"choose from {', '.join(known)}"


def is_interrupt(error: BaseException | None) -> bool:
    """Whether an error is Ctrl-C, or came of one: compiled code that is interrupted while it loads raises others."""
    seen: set[int] = set()
    while error is not None and id(error) not in seen:
        if isinstance(error, KeyboardInterrupt):
            return True
        seen.add(id(error))
        error = error.__cause__ or error.__context__
    return False
