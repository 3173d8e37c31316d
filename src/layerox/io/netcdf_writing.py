"""Write a NetCDF file of named arrays: the classic format with 64-bit offsets, which every reader of NetCDF opens.

Only what tables of results need is written: text, 32-bit integers and doubles over fixed dimensions, with attributes.
Texts are arrays of characters with a dimension of their own, as xarray writes and reads them. (NetCDF Users' Guide,
appendix "File Format Specifications"; doi:10.5065/D6H70CW6.)
"""

from __future__ import annotations

import math
import struct
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

MAGIC = b"CDF\x02"
DIMENSIONS, VARIABLES, ATTRIBUTES = 10, 11, 12
CHARACTER, INTEGER, DOUBLE = 2, 4, 6
TYPES = {CHARACTER: "S1", INTEGER: ">i4", DOUBLE: ">f8"}
# Largest size that the header can state; that of a larger variable follows from its dimensions.
LARGEST_STATED = 2**32 - 4


@dataclass(frozen=True, kw_only=True, eq=False)
class NetcdfVariable:
    """An array with named dimensions.

    Attributes
    ----------
    dimensions
        One name for each axis of the values.
    values
        Numbers, or text as an array of str objects.
    attributes
        Texts by name, for example {"units": "angstrom"}.
    """

    dimensions: tuple[str, ...]
    values: NDArray[np.generic]
    attributes: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, eq=False)
class _Stored:
    """A variable as it stands in the file."""

    name: str
    dimensions: tuple[str, ...]
    kind: int
    shape: tuple[int, ...]
    data: bytes
    attributes: bytes


def netcdf_bytes(variables: Mapping[str, NetcdfVariable], attributes: Mapping[str, str]) -> bytes:
    """Return a NetCDF file.

    Parameters
    ----------
    variables
        By name; a dimension has the same length in all of them, at least 1.
    attributes
        Texts about the whole file, by name.
    """
    stored = [_stored(name, variable) for name, variable in variables.items()]
    lengths = {name: n for item in stored for name, n in zip(item.dimensions, item.shape, strict=True)}
    start = len(_header(stored, lengths, attributes, [0] * len(stored)))
    places = [start]
    for item in stored:
        places.append(places[-1] + len(item.data))
    return _header(stored, lengths, attributes, places[:-1]) + b"".join(item.data for item in stored)


def _header(
    stored: Sequence[_Stored], lengths: Mapping[str, int], attributes: Mapping[str, str], places: Sequence[int]
) -> bytes:
    numbers = {name: k for k, name in enumerate(lengths)}
    dimensions = [_name(name) + struct.pack(">i", length) for name, length in lengths.items()]
    entries = []
    for item, place in zip(stored, places, strict=True):
        axes = struct.pack(f">{len(item.shape) + 1}i", len(item.shape), *(numbers[name] for name in item.dimensions))
        size = struct.pack(">iIq", item.kind, min(len(item.data), LARGEST_STATED), place)
        entries.append(_name(item.name) + axes + item.attributes + size)
    texts = [_text_attribute(name, text) for name, text in attributes.items()]
    return MAGIC + bytes(4) + _list(DIMENSIONS, dimensions) + _list(ATTRIBUTES, texts) + _list(VARIABLES, entries)


def _stored(name: str, variable: NetcdfVariable) -> _Stored:
    values, dimensions = np.asarray(variable.values), variable.dimensions
    texts = [_text_attribute(key, text) for key, text in variable.attributes.items()]
    if values.dtype.kind in "OU":
        encoded = np.array([str(text).encode() for text in values.flat], dtype=np.bytes_)
        width = max(encoded.dtype.itemsize, 1)
        values = encoded.astype(f"S{width}").view("S1").reshape(*values.shape, width)
        kind, dimensions = CHARACTER, (*dimensions, f"string{width}")
        texts.append(_text_attribute("_Encoding", "utf-8"))
    elif values.dtype.kind in "iub":
        kind = INTEGER
    else:
        kind = DOUBLE
        texts.append(_name("_FillValue") + struct.pack(">iid", DOUBLE, 1, math.nan))
    data = _padded(np.ascontiguousarray(values).astype(TYPES[kind]).tobytes())
    return _Stored(name, dimensions, kind, values.shape, data, _list(ATTRIBUTES, texts))


def _text_attribute(name: str, text: str) -> bytes:
    data = text.encode()
    return _name(name) + struct.pack(">ii", CHARACTER, len(data)) + _padded(data)


def _list(kind: int, entries: Sequence[bytes]) -> bytes:
    return struct.pack(">ii", kind if entries else 0, len(entries)) + b"".join(entries)


def _name(name: str) -> bytes:
    data = name.encode()
    return struct.pack(">i", len(data)) + _padded(data)


def _padded(data: bytes) -> bytes:
    return data + bytes(-len(data) % 4)
