"""Read Bruker and Siemens RAW files of versions 1 to 3 (signatures "RAW ", "RAW2" and "RAW1.01").

Layouts from the source of xylib (bruker_raw.cpp, after the DIFFRAC-AT manual, appendix B, and the DIFFRAC plus XCH 5.0
manual, appendix A) and the description of geddes (docs/formats.md): places in bytes, little-endian. Version 3 has a
file header of 712 bytes, then for each range a header, an optional extra record, and records of `datum` bytes that
begin with the counts in single precision. Version 4 is in `bruker_raw4.py`.
"""

from __future__ import annotations

import re
from datetime import datetime, timedelta
from pathlib import Path

import numpy as np

from layerox.errors import InputError
from layerox.io.binary_fields import BinaryFields
from layerox.io.counting import AUTOMATIC_SLIT, counts_of
from layerox.io.scan import Scan
from layerox.io.scan_kinds import refusal_of_axis
from layerox.io.tube_lines import tube_radiation
from layerox.notices import Notice
from layerox.radiation import Radiation
from layerox.typing import FloatArray

SIGNATURES = (b"RAW1.01", b"RAW2", b"RAW ")
FILE_HEADER_3, FILE_HEADER_2, RANGE_HEADER_1 = 712, 256, 156
SMALLEST_RANGE_HEADER_3, SMALLEST_RANGE_HEADER_2 = 260, 48
# A file of 100 MB holds no more.
MOST_RANGES = 100_000
# Scan types of version 3; those from 9 on are auxiliary drives and fixed detectors.
SCAN_TYPES_3 = ("locked coupled", "unlocked coupled", "detector scan", "rocking curve", "chi", "phi", "x", "y", "z")
TWO_THETA_3 = 3
STATUS_3 = {2: "is still being measured", 3: "was aborted", 4: "was interrupted"}
AUTOMATIC, FIXED = "automatic", "fixed"
# A variable slit is written as V20 or v12: 20 mm of the specimen are illuminated.
VARIABLE_SLIT = re.compile(r"v\d*", re.IGNORECASE)
# Longest measurement and highest temperature; larger numbers stand for unknown ones.
LONGEST_DELAY_S, HOTTEST_K = 1e7, 5000.0


def is_bruker_raw(data: bytes) -> bool:
    """Whether bytes are a RAW file of version 1, 2 or 3."""
    return data.startswith(SIGNATURES)


def scans_from_bruker_raw(data: bytes, path: Path) -> list[Scan | InputError]:
    """Return the ranges of a RAW file, or the error of a range that is not a two-theta scan."""
    fields = BinaryFields(data, path)
    if data.startswith(b"RAW1.01"):
        return _scans_3(fields)
    return _scans_2(fields) if data.startswith(b"RAW2") else _scans_1(fields)


def _scans_3(fields: BinaryFields) -> list[Scan | InputError]:
    ranges = _range_count(fields.count("I", 12), fields)
    place, found = FILE_HEADER_3, list[Scan | InputError]()
    for number in range(1, ranges + 1):
        scan, place = _range_3(fields, place, number)
        found.append(scan)
    return found


def _range_3(fields: BinaryFields, place: int, number: int) -> tuple[Scan | InputError, int]:
    """Return a range of version 3 and the place behind it."""
    header, points = fields.count("I", place), fields.count("I", place + 4)
    if header < SMALLEST_RANGE_HEADER_3:
        raise InputError(f"range {number} has a header of {header} bytes", place=fields.path, cure="copy it again")
    datum = fields.count("I", place + 252) or 4
    start = place + header + fields.count("I", place + 256)
    counts = counts_of(fields.column("f", start, points, datum))
    end = start + points * datum
    kind = fields.count("I", place + 196)
    if kind >= TWO_THETA_3:
        name = SCAN_TYPES_3[kind] if kind < len(SCAN_TYPES_3) else f"drive {kind}"
        return refusal_of_axis(name, number, fields.path), end
    metadata = _facts_3(fields, place)
    x = _angles(fields.number("d", place + 16), fields.number("d", place + 176), points)
    if fields.count("I", place + 248) & 1:  # measured angles follow the intensity
        x = fields.column("d", start + 4, points, datum) if datum >= 12 else x
    slit = (AUTOMATIC_SLIT,) if metadata.get("divergence_slit") == AUTOMATIC else ()
    return Scan(
        x=x, intensity=counts.intensity, sigma=counts.sigma, sigma_source="poisson", axis="two-theta",
        radiation=_radiation_3(fields), metadata=metadata, warnings=(*_status_3(fields), *slit),
    ), end  # fmt: skip


def _radiation_3(fields: BinaryFields) -> Radiation | None:
    first, second, ratio = (fields.positive("d", place) for place in (624, 632, 648))
    return tube_radiation(fields.text(608, 4), first, second, ratio)


def _status_3(fields: BinaryFields) -> tuple[Notice, ...]:
    stated = STATUS_3.get(fields.count("I", 8))
    return (Notice("scan_incomplete", f"the measurement {stated}: check its last angle"),) if stated else ()


def _facts_3(fields: BinaryFields, place: int) -> dict[str, object]:
    slit = fields.text(place + 72, 6)
    automatic = VARIABLE_SLIT.fullmatch(slit) is not None
    facts: dict[str, object] = {
        "sample": fields.text(326, 60),
        "comment": fields.text(386, 160),
        "start_time": _start_time(f"{fields.text(16, 10)} {fields.text(26, 10)}", fields.positive("f", place + 204)),
        "radius_mm": fields.positive("f", 564),
        "anode": fields.text(608, 4),
        "counting_time_s": fields.positive("f", place + 192),
        "divergence_slit": AUTOMATIC if automatic else FIXED if slit else "",
        "divergence_slit_degrees": None if automatic else fields.positive("f", 568),
        "irradiated_length_mm": float(slit[1:]) if automatic and len(slit) > 1 else None,
    }
    return {key: value for key, value in facts.items() if value not in (None, "")}


def _start_time(stamp: str, delay_s: float | None) -> str | None:
    """Return the start of a range, `delay_s` seconds after the start of the file, in the computer's local time."""
    start = _moment(stamp, "%m/%d/%y %H:%M:%S")
    if start is None or delay_s is None or delay_s > LONGEST_DELAY_S:
        return start
    return (datetime.fromisoformat(start) + timedelta(seconds=delay_s)).isoformat()


def _moment(stamp: str, form: str) -> str | None:
    """Return a time stamp of the given form in ISO 8601, None for any other text."""
    try:
        return datetime.strptime(stamp.replace("\x00", " "), form).isoformat()
    except ValueError:
        return None


def _kelvin(stated: float | None) -> float | None:
    """Return a temperature, None for a number that stands for an unknown one."""
    return stated if stated is not None and stated < HOTTEST_K else None


def _scans_2(fields: BinaryFields) -> list[Scan | InputError]:
    ranges = _range_count(fields.count("H", 4), fields)
    beam = tube_radiation(fields.text(188, 2).capitalize(), *(fields.positive("f", place) for place in (190, 194, 198)))
    place, found = FILE_HEADER_2, list[Scan | InputError]()
    for number in range(1, ranges + 1):
        header, points = fields.count("H", place), fields.count("H", place + 2)
        if header < SMALLEST_RANGE_HEADER_2:
            raise InputError(f"range {number} has a header of {header} bytes", place=fields.path, cure="copy it again")
        facts: dict[str, object] = {
            "sample": fields.text(8, 32),
            "start_time": _moment(fields.text(168, 20), "%d-%m-%Y%H:%M"),
            "anode": fields.text(188, 2).capitalize(),
            "counting_time_s": fields.positive("f", place + 8),
            "temperature_k": _kelvin(fields.positive("H", place + 46)),
        }
        step, start = fields.number("f", place + 12), fields.number("f", place + 16)
        found.append(_plain_scan(fields, place + header, points, (start, step), beam, facts))
        place += header + 4 * points
    return found


def _scans_1(fields: BinaryFields) -> list[Scan | InputError]:
    place, found = 4, list[Scan | InputError]()
    following = True
    while following and len(found) < MOST_RANGES:
        if found and fields.data[place : place + 4] == b"RAW ":
            place += 4
        points, base = fields.count("I", place), place - 4
        beam = tube_radiation("", fields.positive("f", base + 72), fields.positive("f", base + 76))
        facts: dict[str, object] = {
            "sample": fields.text(base + 40, 32),
            "counting_time_s": fields.positive("f", base + 8),
        }
        grid = (fields.number("f", base + 24), fields.number("f", base + 12))
        following = fields.count("I", base + 152) > 0
        found.append(_plain_scan(fields, base + RANGE_HEADER_1, points, grid, beam, facts))
        place = base + RANGE_HEADER_1 + 4 * points
    return found


def _plain_scan(
    fields: BinaryFields, place: int, points: int, grid: tuple[float, float], beam: Radiation | None,
    facts: dict[str, object],
) -> Scan:  # fmt: skip
    """Return a range of counts in single precision from start and step of `grid`, degrees."""
    counts = counts_of(fields.column("f", place, points, 4))
    start, step = grid
    metadata = {key: value for key, value in facts.items() if value not in (None, "")}
    return Scan(
        x=_angles(start, step, points), intensity=counts.intensity, sigma=counts.sigma, sigma_source="poisson",
        axis="two-theta", radiation=beam, metadata=metadata,
    )  # fmt: skip


def _range_count(count: int, fields: BinaryFields) -> int:
    if not 1 <= count <= MOST_RANGES:
        raise InputError(f"declares {count} ranges", place=fields.path, cure="copy or export it again")
    return count


def _angles(start: float, step: float, points: int) -> FloatArray:
    """Return start + k step, degrees, without the last digits of the rounding."""
    return np.round(start + step * np.arange(points, dtype=np.float64), 9)
