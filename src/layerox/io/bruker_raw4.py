"""Read Bruker RAW files of version 4 (signature "RAW4.00"): a chain of segments, then one or more ranges.

Layout from the source of xylib (bruker_raw.cpp, load_version4) and the description of geddes (docs/formats.md): behind
a file header of 61 bytes come segments of type and length (10: a named text, 30: the tube), then ranges. A range has a
header of 160 bytes, segments of its own (50: a drive with its position) and records of `datum` bytes that begin with
the counts in single precision. Places in bytes, little-endian.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path

import numpy as np

from layerox.errors import InputError
from layerox.io.binary_fields import COMPLETE, BinaryFields
from layerox.io.counting import counts_of
from layerox.io.scan import Scan
from layerox.io.scan_kinds import is_two_theta, plain_name, refusal_of_axis
from layerox.io.tube_lines import tube_radiation
from layerox.radiation import Radiation

SIGNATURE = b"RAW4."
FILE_HEADER, RANGE_HEADER = 61, 160
NAMED_TEXT, TUBE, DRIVE = 10, 30, 50
RANGE_TYPES = (0, 160)
SMALLEST_SEGMENT = {NAMED_TEXT: 36, TUBE: 120, DRIVE: 64}
# A file of 100 MB holds no more.
MOST_SEGMENTS = 1_000_000
SAME_ANGLE = 1e-4


@dataclass
class _Chain:
    """What the segments of a file or a range state."""

    texts: dict[str, str] = field(default_factory=dict)
    beam: Radiation | None = None
    anode: str = ""
    drives: dict[str, float] = field(default_factory=dict)


def is_bruker_raw4(data: bytes) -> bool:
    """Whether bytes are a RAW file of version 4."""
    return data.startswith(SIGNATURE)


def scans_from_bruker_raw4(data: bytes, path: Path) -> list[Scan | InputError]:
    """Return the ranges of a RAW4 file, or the error of a range that is not a two-theta scan."""
    fields = BinaryFields(data, path)
    chain, place, found = _Chain(), FILE_HEADER, list[Scan | InputError]()
    for _ in range(MOST_SEGMENTS):
        if place + 8 > len(fields):
            break
        if fields.count("I", place) in RANGE_TYPES:
            scan, place = _range(fields, place, chain, len(found) + 1)
            found.append(scan)
        else:
            place = _read_segment(fields, place, chain)
    if not found:
        raise InputError("holds no range", place=path, cure=COMPLETE)
    return found


def _read_segment(fields: BinaryFields, place: int, chain: _Chain) -> int:
    """Add what a segment states to a chain; return the place behind it."""
    kind, length = fields.count("I", place), fields.count("I", place + 4)
    if length < SMALLEST_SEGMENT.get(kind, 8):
        problem = f"a segment of type {kind} has {length} bytes"
        raise InputError(problem, place=fields.path, cure="copy or export it again")
    if kind == NAMED_TEXT:
        chain.texts[fields.text(place + 12, 24)] = fields.text(place + 36, length - 36)
    elif kind == TUBE:
        chain.anode = fields.text(place + 116, 4)
        first, second, ratio = (fields.positive("d", place + at) for at in (80, 88, 104))
        chain.beam = tube_radiation(chain.anode, first, second, ratio)
    elif kind == DRIVE:
        chain.drives[fields.text(place + 12, 24)] = fields.number("d", place + 56)
    return place + length


def _range(fields: BinaryFields, place: int, chain: _Chain, number: int) -> tuple[Scan | InputError, int]:
    """Return a range and the place behind it."""
    points, datum = fields.count("I", place + 88), fields.count("I", place + 136)
    records = place + RANGE_HEADER + fields.count("I", place + 140)
    counts = counts_of(fields.column("f", records, points, datum))
    end = records + points * datum
    own, inside = _Chain(), place + RANGE_HEADER
    while inside + 8 <= records:
        inside = _read_segment(fields, inside, own)
    scan_type, start = fields.text(place + 32, 24), fields.number("d", place + 72)
    refusal = _refusal(scan_type, start, own, number, fields.path)
    if refusal is not None:
        return refusal, end
    step = fields.number("d", place + 80)
    return Scan(
        x=np.round(start + step * np.arange(points, dtype=np.float64), 9), intensity=counts.intensity,
        sigma=counts.sigma, sigma_source="poisson", axis="two-theta", radiation=chain.beam,
        metadata=_facts(fields, place, chain, scan_type),
    ), end  # fmt: skip


def _refusal(scan_type: str, start: float, own: _Chain, number: int, path: Path) -> InputError | None:
    """Return the error of a range along another axis: neither its type nor its start are those of two-theta."""
    angle = next((value for name, value in own.drives.items() if plain_name(name) == "2theta"), None)
    if angle is not None and abs(angle - start) > SAME_ANGLE and not is_two_theta(scan_type):
        return refusal_of_axis(scan_type, number, path)
    return None if angle is not None or is_two_theta(scan_type) else refusal_of_axis(scan_type, number, path)


def _facts(fields: BinaryFields, place: int, chain: _Chain, scan_type: str) -> dict[str, object]:
    facts: dict[str, object] = {
        "sample": chain.texts.get("SAMPLEID", ""),
        "comment": chain.texts.get("COMMENT", ""),
        "start_time": _start_time(f"{fields.text(12, 10)} {fields.text(24, 8)}"),
        "anode": chain.anode,
        "counting_time_s": fields.positive("f", place + 92),
        "scan_axis": scan_type,
    }
    return {key: value for key, value in facts.items() if value not in (None, "")}


def _start_time(stamp: str) -> str | None:
    """Return the start of the file in the computer's local time, ISO 8601."""
    try:
        return datetime.strptime(stamp, "%m/%d/%Y %H:%M:%S").isoformat()
    except ValueError:
        return None
