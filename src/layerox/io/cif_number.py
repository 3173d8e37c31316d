"""Numbers of a CIF: "2.88528(3)" is a value and its standard uncertainty, "." and "?" are neither."""

from __future__ import annotations

import math
import re
from collections.abc import Sequence

import numpy as np

from layerox.pattern import FloatArray

NUMBER = re.compile(r"([+-]?)(\d*)(?:\.(\d*))?(?:[eE]([+-]?\d{1,3}))?(?:\((\d+)\))?", re.ASCII)
UNKNOWN = ("?", ".")


def value_and_su(text: str) -> tuple[float, float]:
    """Return the value and the standard uncertainty of a number; nan for what is not given.

    Raises
    ------
    ValueError
        If the text is no number.
    """
    if text in UNKNOWN:
        return math.nan, math.nan
    match = NUMBER.fullmatch(text)
    if match is None or not (match[2] or match[3]):
        raise ValueError(f"{text!r} is no number")
    value = float(text.partition("(")[0])
    if match[5] is None:
        return value, math.nan
    last_digit = int(match[4] or 0) - len(match[3] or "")
    return value, float(f"{match[5]}e{last_digit}")


def values_and_sus(texts: Sequence[str]) -> tuple[FloatArray, FloatArray]:
    """Return the values and standard uncertainties of a column, shape (n,) each.

    Raises
    ------
    ValueError
        If one of them is no number.
    """
    pairs = np.array([value_and_su(text) for text in texts], dtype=np.float64).reshape(-1, 2)
    return pairs[:, 0].copy(), pairs[:, 1].copy()
