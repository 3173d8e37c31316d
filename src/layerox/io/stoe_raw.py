"""Read STOE RAW files (signature "RAW_1."): records of 512 bytes: a file header, then header and counts of each range.

Fields as the source of DASH lists them (Load_rawSTOE_File, TYPE RAW_HEADER106 and RANGE_INFO), packed, little-endian.
Counts are whole numbers of four or two bytes, divided by a factor where it is above one. Time stamps are to the minute,
without a zone.
"""

from __future__ import annotations

from datetime import datetime
from pathlib import Path

import numpy as np

from layerox.errors import InputError
from layerox.io.binary_fields import COMPLETE, BinaryFields
from layerox.io.counting import AUTOMATIC_SLIT, counts_of
from layerox.io.scan import Scan
from layerox.io.scan_kinds import refusal_of_axis
from layerox.io.tube_lines import tube_radiation

SIGNATURE = b"RAW_1."
RECORD, MOST_RANGES = 512, 8
# Places in the file header, in bytes.
TITLE, MONOCHROMATOR, WAVELENGTHS, RANGES, RECORDS = 32, 308, (322, 326), 378, 480
# Places in the header of a range.
TIMES, POINTS, FORMAT, FACTOR, BEGIN, END, STEP, STEP_TIME, SLITS, AREA = (0, 16), 34, 38, 40, 44, 52, 60, 68, 100, 112
SHORT_COUNTS = 1
HALF_STEP = 0.5


def is_stoe_raw(data: bytes) -> bool:
    """Whether bytes are a STOE RAW file."""
    return data.startswith(SIGNATURE)


def scans_from_stoe_raw(data: bytes, path: Path) -> list[Scan | InputError]:
    """Return the measured ranges of a STOE file, or the error of a range that is not a two-theta scan."""
    fields = BinaryFields(data, path)
    ranges = fields.count("H", RANGES)
    if not 1 <= ranges <= MOST_RANGES:
        raise InputError(f"holds {ranges} measured ranges", place=path, cure=COMPLETE)
    starts = [(fields.count("H", RECORDS + 2 * k) - 1) * RECORD for k in range(ranges)]
    return [_range(fields, start, number) for number, start in enumerate(starts, 1)]


def _range(fields: BinaryFields, place: int, number: int) -> Scan | InputError:
    points, step = fields.count("H", place + POINTS), fields.number("f", place + STEP)
    begin, end = fields.number("f", place + BEGIN), fields.number("f", place + END)
    if not step:
        return refusal_of_axis("omega" if fields.number("f", place + STEP + 4) else "time", number, fields.path)
    if points and abs(begin + step * (points - 1) - end) > HALF_STEP * abs(step):
        problem = f"range {number} has {points} points from {begin:g} to {end:g} in steps of {step:g}"
        raise InputError(problem, place=fields.path, cure="copy or export it again")
    kind, size = ("h", 2) if fields.count("H", place + FORMAT) == SHORT_COUNTS else ("i", 4)
    factor = max(fields.positive("f", place + FACTOR) or 1.0, 1.0)
    counts = counts_of(fields.column(kind, place + RECORD, points, size) / factor)
    first, second = (fields.positive("f", at) for at in WAVELENGTHS)
    doublet = tube_radiation("", first, second)
    beam = tube_radiation("", first) if fields.count("H", MONOCHROMATOR) else doublet
    metadata = _facts(fields, place)
    slit = (AUTOMATIC_SLIT,) if metadata.get("divergence_slit") == "automatic" else ()
    return Scan(
        x=np.round(begin + step * np.arange(points, dtype=np.float64), 7), intensity=counts.intensity,
        sigma=counts.sigma, sigma_source="poisson", axis="two-theta", radiation=beam,
        other_radiation=doublet if beam != doublet else None, metadata=metadata, warnings=(*counts.warnings, *slit),
    )  # fmt: skip


def _facts(fields: BinaryFields, place: int) -> dict[str, object]:
    area, width = fields.positive("f", place + AREA), fields.positive("f", place + SLITS)
    start, end = (_moment(fields.text(place + at, 16)) for at in TIMES)
    facts: dict[str, object] = {
        "sample": fields.text(TITLE, 80),
        "start_time": start,
        "end_time": end,
        "counting_time_s": fields.positive("f", place + STEP_TIME),
        "divergence_slit": "automatic" if area else "fixed" if width else "",
        "divergence_slit_mm": width if not area else None,
    }
    return {key: value for key, value in facts.items() if value not in (None, "")}


def _moment(stamp: str) -> str | None:
    """Return a time stamp of the computer's local time, ISO 8601."""
    try:
        return datetime.strptime(stamp, "%d-%b-%y %H:%M").isoformat()
    except ValueError:
        return None
