"""Read Bruker UXD: text of _KEY=value lines and, for each range, a line such as _2THETACOUNTS above its numbers.

Keys as DIFFRAC plus XCH writes them (format 2): those above the first range are of the file, `_DRIVE` names the scanned
axis. _COUNTS and _CPS stand above intensities only, _2THETACOUNTS and _2THETACPS above pairs of angle and intensity;
CPS are counts per second.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from pathlib import Path

import numpy as np

from layerox.errors import InputError
from layerox.io.counting import counts_of, counts_of_rates
from layerox.io.scan import Scan
from layerox.io.scan_kinds import is_two_theta, refusal_of_axis
from layerox.io.text_heading import number_at
from layerox.io.tube_lines import tube_radiation

VERSION = re.compile(rb"^_FILEVERSION\s*=", re.MULTILINE)
# White space is matched once (*+): the search time is linear in the length of a line.
KEY = re.compile(r"_(\w{1,40})\s*+=\s*+'?([^'\n]{0,400})'?$")
POINTS = re.compile(r"_(2THETA)?(COUNTS|CPS)\s*$")
START_OF_FILE = 20_000
COMPLETE = "copy the file again when it is complete"
MOST_POINTS = 1_000_000


def is_uxd(data: bytes) -> bool:
    """Whether bytes are a UXD file."""
    return VERSION.search(data[:START_OF_FILE]) is not None


def scans_from_uxd(text: str, path: Path) -> list[Scan | InputError]:
    """Return the ranges of a UXD file, or the error of a range that is not a two-theta scan."""
    lines = text.split("\n")
    starts = [k for k, line in enumerate(lines) if POINTS.match(line)]
    if not starts:
        raise InputError("holds no range", place=path, cure=COMPLETE)
    found, keys, above = list[Scan | InputError](), dict[str, str](), 0
    for number, start in enumerate(starts, 1):
        keys = keys | _keys(lines[above:start])
        end = next((k for k in range(start + 1, len(lines)) if lines[k].startswith(("_", ";"))), len(lines))
        found.append(_range(lines[start:end], keys, number, f"{path}:{start + 2}", path))
        above = end
    return found


def _keys(lines: Sequence[str]) -> dict[str, str]:
    return {m[1]: m[2].strip() for line in lines if (m := KEY.match(line.strip()))}


def _range(lines: Sequence[str], keys: Mapping[str, str], number: int, place: str, path: Path) -> Scan | InputError:
    drive = keys.get("DRIVE", "COUPLED")
    if not is_two_theta(drive):
        return refusal_of_axis(drive, number, path)
    head = POINTS.match(lines[0])
    assert head is not None
    try:
        values = np.array(" ".join(lines[1:]).split(), dtype=np.float64)
    except ValueError:
        raise InputError(f"range {number} holds what is no number", place=place, cure=COMPLETE) from None
    paired = head[1] is not None
    if not values.size or values.size > 2 * MOST_POINTS or (paired and values.size % 2):
        raise InputError(f"range {number} is cut off: {values.size} numbers", place=place, cure=COMPLETE)
    intensity, time_s = (values[1::2] if paired else values), number_at(keys, "STEPTIME")
    counts = counts_of_rates(intensity, time_s) if head[2] == "CPS" else counts_of(intensity)
    start, step = number_at(keys, "START"), number_at(keys, "STEPSIZE")
    if not paired and (start is None or not step):
        raise InputError(f"range {number} states no _START and _STEPSIZE", place=place, cure="export it again")
    x = values[0::2] if paired else np.round(float(start or 0) + float(step or 0) * np.arange(intensity.size), 9)
    first, second, ratio = (number_at(keys, key) for key in ("WL1", "WL2", "WLRATIO"))
    return Scan(
        x=x, intensity=counts.intensity, sigma=counts.sigma, sigma_source="poisson", axis="two-theta",
        radiation=tube_radiation(keys.get("ANODE", ""), first, second, ratio), metadata=_facts(keys),
        warnings=counts.warnings,
    )  # fmt: skip


def _facts(keys: Mapping[str, str]) -> dict[str, object]:
    facts: dict[str, object] = {
        "sample": keys.get("SAMPLE", ""),
        "comment": keys.get("COMMENT", ""),
        "start_time": _start_time(keys.get("DATEMEASURED", ""), number_at(keys, "TIMESTARTED")),
        "radius_mm": number_at(keys, "GONIOMETER_RADIUS"),
        "anode": keys.get("ANODE", ""),
        "counting_time_s": number_at(keys, "STEPTIME"),
        "temperature_k": number_at(keys, "TEMPERATURE"),
        "divergence_slit_degrees": number_at(keys, "FIXED_DIVSLIT"),
        "divergence_slit": "fixed" if number_at(keys, "FIXED_DIVSLIT") else "",
    }
    return {key: value for key, value in facts.items() if value not in (None, "", 0.0)}


def _start_time(stamp: str, delay_s: float | None) -> str | None:
    """Return the start of a range, `delay_s` seconds after the start of the file, in the computer's local time."""
    try:
        return (datetime.strptime(stamp, "%d-%b-%Y %H:%M:%S") + timedelta(seconds=delay_s or 0.0)).isoformat()
    except (ValueError, OverflowError):
        return None
