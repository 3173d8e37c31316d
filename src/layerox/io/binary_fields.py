"""Fields of a binary file at given places, little-endian, with every read checked against the length of the file.

A file that ends too early, or declares more points than it has bytes, is refused before anything is allocated. What the
fields mean is decided by the reader of each format.
"""

from __future__ import annotations

import math
import struct
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from layerox.errors import InputError
from layerox.typing import FloatArray

COMPLETE = "copy the file again when the measurement has ended"
# Text fields are filled with null characters or blanks; Windows programs write them in this encoding.
ENCODING = "cp1252"


@dataclass(frozen=True, eq=False)
class BinaryFields:
    """The bytes of a file; every method raises `InputError` if the file ends before the field does."""

    data: bytes
    path: Path

    def __len__(self) -> int:
        return len(self.data)

    def number(self, kind: str, place: int) -> float:
        """Return a number of `struct` type `kind` (H, I, i, f, d ...) at a place in bytes.

        Single precision is rounded to its seven digits, so that 0.02 is not 0.01999999955.
        """
        self._check(place, struct.calcsize(f"<{kind}"))
        value = float(struct.unpack_from(f"<{kind}", self.data, place)[0])
        return float(f"{value:.7g}") if kind == "f" else value

    def count(self, kind: str, place: int) -> int:
        """Return a whole number of `struct` type `kind` at a place in bytes."""
        return int(self.number(kind, place))

    def positive(self, kind: str, place: int) -> float | None:
        """Return a finite positive number, None for any other: programs write 0, -1 or 9999 for unknown values."""
        value = self.number(kind, place)
        return value if math.isfinite(value) and value > 0 and value != 9999.0 else None

    def text(self, place: int, length: int) -> str:
        """Return a text field without its filling."""
        self._check(place, length)
        return self.data[place : place + length].split(b"\x00")[0].decode(ENCODING, errors="replace").strip()

    def column(self, kind: str, place: int, points: int, stride: int) -> FloatArray:
        """Return one number of each of `points` records of `stride` bytes, shape (points,).

        Raises
        ------
        InputError
            If the records do not fit into the file.
        """
        if points < 1 or stride < struct.calcsize(f"<{kind}"):
            raise InputError(f"declares {points} points of {stride} bytes", place=self.path, cure=COMPLETE)
        self._check(place, points * stride)
        records = np.frombuffer(self.data, dtype=np.uint8, count=points * stride, offset=place)
        size = struct.calcsize(f"<{kind}")
        field = np.ascontiguousarray(records.reshape(points, stride)[:, :size])
        return field.view(np.dtype(f"<{kind}"))[:, 0].astype(np.float64)

    def _check(self, place: int, length: int) -> None:
        if place < 0 or length < 0 or place + length > len(self.data):
            problem = f"is cut off: {place + length} bytes are needed, it has {len(self.data)}"
            raise InputError(problem, place=self.path, cure=COMPLETE)
