"""Numbers of a CIF: "2.88528(3)" is a value and its standard uncertainty, "." and "?" are missing values.

Exponents of Fortran ("1.2D-3") and numbers in quotes, which some programs write, are read as well.
"""

from __future__ import annotations

import math
import re
from collections.abc import Sequence

import numpy as np
from gemmi import cif

from layerox.typing import FloatArray

NUMBER = re.compile(r"([+-]?)(\d*)(?:\.(\d*))?(?:[eEdD]([+-]?\d{1,3}))?(?:\((\d+|-?)\))?", re.ASCII)
FRACTION = re.compile(r"([+-]?\d{1,2})/(\d{1,2})", re.ASCII)
UNKNOWN = ("?", ".")


def value_and_su(text: str) -> tuple[float, float]:
    """Return the value and the standard uncertainty of a number; nan if missing.

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
    value = float(text.partition("(")[0].upper().replace("D", "E"))
    if not match[5] or match[5] == "-":
        return value, math.nan
    last_digit = int(match[4] or 0) - len(match[3] or "")
    return value, float(f"{match[5]}e{last_digit}")


def number_in(raw: str | None) -> tuple[float, float]:
    """Return the value and the standard uncertainty of a raw CIF value: a number, bare or in quotes, or "2/3".

    Returns
    -------
    tuple
        (nan, nan) if missing, unknown or not a number.
    """
    text = "" if raw is None or raw in UNKNOWN else cif.as_string(raw).strip()
    if (fraction := FRACTION.fullmatch(text)) and int(fraction[2]):
        return int(fraction[1]) / int(fraction[2]), math.nan
    try:
        return value_and_su(text)
    except ValueError:
        return math.nan, math.nan


def values_and_sus(texts: Sequence[str]) -> tuple[FloatArray, FloatArray]:
    """Return the values and standard uncertainties of a column, shape (n,) each.

    Raises
    ------
    ValueError
        If one of them is no number.
    """
    pairs = np.array([value_and_su(text) for text in texts], dtype=np.float64).reshape(-1, 2)
    return pairs[:, 0].copy(), pairs[:, 1].copy()
