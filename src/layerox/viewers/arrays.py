"""Arrays of a page: codings that a browser decodes, and JSON text that is safe inside HTML.

A coded array is a table with its bytes; a notebook sends them as they are, a page holds them in base64. `arrays.js`
decodes them.
"""

from __future__ import annotations

import base64
import json
import math
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from layerox.typing import FloatArray, IntArray

Coded = dict[str, Any]

# Whole number that stands for a missing value, and the largest of the others.
MISSING, LARGEST = -32768, 32767
# Largest deviation from equal steps with which angles are coded by their first value and their step, degrees.
EVEN = 1e-6


def coded_floats(values: FloatArray) -> Coded:
    """Return an array as 32-bit floats, relative error 6e-8; nan is kept."""
    return {"coding": "float32", "shape": list(values.shape), "data": np.asarray(values, dtype="<f4").tobytes()}


def coded_wholes(values: IntArray) -> Coded:
    """Return an array of whole numbers between -32767 and 32767, exactly."""
    return {"coding": "int16", "shape": list(values.shape), "data": np.asarray(values, dtype="<i2").tobytes()}


def coded_roots(values: FloatArray) -> Coded:
    """Return an array by the signed square roots of its values, as 16-bit whole numbers.

    Half a step of the root is an error of sqrt(max / value) / 65534 of a value, and of sqrt(max) / 32767 times a
    standard uncertainty sqrt(value) of counts: 0.03 where the largest value is a million. nan is kept.
    """
    known = np.isfinite(values)
    roots = np.sqrt(np.abs(np.where(known, values, 0.0)))
    step = float(roots.max(initial=0.0)) / LARGEST or 1.0
    whole = np.where(known, np.rint(np.copysign(roots, values) / step), MISSING)
    return {"coding": "root16", "step": step, "shape": list(values.shape), "data": whole.astype("<i2").tobytes()}


def coded_angles(two_theta: FloatArray) -> Coded:
    """Return ascending angles: by their first value, step and number if they are equally far apart."""
    if len(two_theta) > 1:
        step = float(two_theta[-1] - two_theta[0]) / (len(two_theta) - 1)
        even = two_theta[0] + step * np.arange(len(two_theta))
        if np.abs(even - two_theta).max() < EVEN:
            return {"coding": "even", "first": float(two_theta[0]), "step": step, "count": len(two_theta)}
    return coded_floats(two_theta)


def decoded_array(coded: Mapping[str, Any]) -> FloatArray:
    """Return the values of a coded array, as `arrays.js` does."""
    if coded["coding"] == "even":
        return np.asarray(coded["first"] + coded["step"] * np.arange(coded["count"]))
    data = base64.b64decode(coded["data"]) if isinstance(coded["data"], str) else coded["data"]
    if coded["coding"] == "float32":
        return np.frombuffer(data, dtype="<f4").astype(np.float64).reshape(coded["shape"])
    whole = np.frombuffer(data, dtype="<i2").astype(np.float64).reshape(coded["shape"])
    if coded["coding"] == "int16":
        return whole
    roots = whole * coded["step"]
    return np.where(whole == MISSING, np.nan, np.sign(roots) * roots**2)


def averaged(values: FloatArray, factor: int) -> FloatArray:
    """Return means of `factor` neighbours along the last axis; a remainder at the end is left out."""
    if factor == 1:
        return values
    count = values.shape[-1] // factor
    return np.asarray(values[..., : count * factor].reshape(*values.shape[:-1], count, factor).mean(axis=-1))


def finite(value: float) -> float | None:
    """Return a number that JSON can hold, None for nan and infinity."""
    return float(value) if math.isfinite(value) else None


def json_in_page(document: Mapping[str, Any]) -> str:
    """Return a document as JSON that stands inside a script element: no text of it can end the element.

    Bytes become base64; "<", ">" and "&" are written as escapes, so that neither "</script" nor "<!--" occurs.
    """
    text = json.dumps(_plain(document), ensure_ascii=True, allow_nan=False, separators=(",", ":"))
    return text.replace("<", "\\u003c").replace(">", "\\u003e").replace("&", "\\u0026")


def _plain(value: Any) -> Any:
    if isinstance(value, bytes):
        return base64.b64encode(value).decode("ascii")
    if isinstance(value, Mapping):
        return {str(key): _plain(part) for key, part in value.items()}
    if isinstance(value, Sequence) and not isinstance(value, str):
        return [_plain(part) for part in value]
    return value
