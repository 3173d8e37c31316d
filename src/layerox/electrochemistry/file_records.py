"""The records of a cycler file in common units, as read, without derived quantities."""

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

# Names of step types in files of Neware, Arbin, BioLogic, Basytec, Digatron and the Battery Data Format.
# The first one found in the text
# (without case and punctuation) decides, so "dchg" comes before "chg".
KINDS: tuple[tuple[str, int], ...] = (
    ("rest", REST), ("ocv", REST), ("pau", REST), ("opencircuit", REST), ("pause", REST), ("idle", REST),
    ("dchg", DISCHARGE), ("discharge", DISCHARGE), ("dch", DISCHARGE), ("dis", DISCHARGE),
    ("chg", CHARGE), ("charge", CHARGE), ("cha", CHARGE),
)  # fmt: skip
# Whole names of Maccor (C, D, R, P: charge, discharge, rest, pause) and of Landt (C_CC, D_CC, C_CV).
WHOLE = {"c": CHARGE, "d": DISCHARGE, "r": REST, "p": REST, "ccc": CHARGE, "ccv": CHARGE, "dcc": DISCHARGE,
         "dcv": DISCHARGE}  # fmt: skip


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
        V and mA, shape (n,); with the sign of the current in the file.
    counters
        The file's charge counters, mAh, shape (n,) each; see `column_titles.Quantity`.
    cycle, step
        Numbers in the file, shape (n,); None if it has none.
    kind
        Type of the step of each record (CHARGE, REST, DISCHARGE, UNKNOWN), shape (n,); None if not stated.
    mass_mg
        Mass of active material in the file; None if not stated.
    warnings
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
    warnings: tuple[Notice, ...] = ()


def kinds_of(texts: Sequence[str]) -> IntArray:
    """Return the types of steps from their names, shape (n,)."""
    known = {text: _kind(text) for text in set(texts)}
    return np.array([known[text] for text in texts], dtype=np.int64)


def _kind(text: str) -> int:
    plain = "".join(letter for letter in text.lower() if letter.isalpha())
    return WHOLE.get(plain, next((kind for word, kind in KINDS if word in plain), UNKNOWN))


def stretches(labels: NDArray[np.int64]) -> Iterator[slice]:
    """Yield the ranges of records with constant labels (shape (n,) or (n, k))."""
    changed = labels[1:] != labels[:-1]
    changed = changed if changed.ndim == 1 else changed.any(axis=1)
    bounds = [0, *(np.flatnonzero(changed) + 1).tolist(), len(labels)]
    yield from (slice(start, stop) for start, stop in pairwise(bounds) if stop > start)
