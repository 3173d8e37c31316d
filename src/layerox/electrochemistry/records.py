"""Records: the columns of a cycler file in one set of units, before anything is derived."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import pairwise
from pathlib import Path
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from layerox.notices import Notice
from layerox.typing import FloatArray, IntArray

Counter = Literal["net", "increment", "charge", "discharge", "step_capacity"]
CHARGE, REST, DISCHARGE, UNKNOWN = 1, 0, -1, 2

# Words for what a step does, as Neware, Arbin, BioLogic and the Battery Data Format have them: the first that is found
# in the words without case and punctuation decides, so that "dchg" comes before "chg".
KINDS: tuple[tuple[str, int], ...] = (
    ("rest", REST), ("ocv", REST), ("opencircuit", REST), ("pause", REST), ("idle", REST),
    ("dchg", DISCHARGE), ("discharge", DISCHARGE), ("dch", DISCHARGE), ("dis", DISCHARGE),
    ("chg", CHARGE), ("charge", CHARGE), ("cha", CHARGE),
)  # fmt: skip


@dataclass(frozen=True, kw_only=True, eq=False)
class Records:
    """The records of one file.

    Attributes
    ----------
    path
        The file.
    time
        Seconds since 1970 in UTC by the cycler's clock, not descending, shape (n,).
    voltage, current
        V and mA, shape (n,); the sign of the current as the file has it.
    counters
        The file's own counts of charge, mAh, shape (n,) each; see `titles.Quantity`.
    cycle, step
        Numbers as the file has them, shape (n,); None where it has none.
    kind
        What the step of each record does (CHARGE, REST, DISCHARGE, UNKNOWN), shape (n,); None if not stated.
    mass_mg
        Of active material as the file states it; None if it does not.
    notices
        Notices on the file.
    """

    path: Path
    time: FloatArray
    voltage: FloatArray
    current: FloatArray
    counters: Mapping[Counter, FloatArray] = field(default_factory=dict)
    cycle: IntArray | None = None
    step: IntArray | None = None
    kind: IntArray | None = None
    mass_mg: float | None = None
    notices: tuple[Notice, ...] = ()


def kinds_of(texts: Sequence[str]) -> IntArray:
    """Return what steps do by the words for it, shape (n,)."""
    known = {text: _kind(text) for text in set(texts)}
    return np.array([known[text] for text in texts], dtype=np.int64)


def _kind(text: str) -> int:
    plain = "".join(letter for letter in text.lower() if letter.isalpha())
    return next((kind for word, kind in KINDS if word in plain), UNKNOWN)


def stretches(labels: NDArray[np.int64]) -> Iterator[slice]:
    """Yield the stretches of records over which labels (shape (n,) or (n, k)) stay the same."""
    changed = labels[1:] != labels[:-1]
    changed = changed if changed.ndim == 1 else changed.any(axis=1)
    bounds = [0, *(np.flatnonzero(changed) + 1).tolist(), len(labels)]
    yield from (slice(start, stop) for start, stop in pairwise(bounds) if stop > start)
