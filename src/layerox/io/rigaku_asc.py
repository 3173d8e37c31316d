"""Read Rigaku ASC: text of *KEY = value lines with comma-separated intensities of an equidistant scan.

Layout of the "ASC" and ".dat" exports of Rigaku's Standard Measurement, as the source of xylib describes them
(rigaku_dat.cpp): *TYPE opens the file; each group has *START, *STOP, *STEP and *COUNT, then lines of intensities up to
*END. *YUNIT is counts or cps, *SCAN_SPEED is degrees a minute of a continuous scan and seconds of a step scan.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from datetime import datetime
from pathlib import Path

import numpy as np

from layerox.errors import InputError
from layerox.io.counting import counts_of, counts_of_rates
from layerox.io.scan import Scan
from layerox.io.scan_kinds import is_two_theta, refusal_of_axis
from layerox.io.text_heading import iso_time, number_at
from layerox.io.tube_lines import tube_radiation

OPENING = b"*TYPE"
# White space is matched once (*+): the search time is linear in the length of a line.
KEY = re.compile(r"\*(\w{1,40})\s*+=?\s*+(.{0,400})$")
SYMBOL = re.compile(r"[A-Z][a-z]?")
COMPLETE = "copy the file again when it is complete"
TIMES = ("%d-%b-%y %H:%M", "%d-%b-%Y %H:%M", "%m/%d/%y %H:%M:%S", "%m/%d/%Y %H:%M:%S")
# Rounding of the number of points from first angle, last angle and step.
HALF_POINT = 0.5


def is_asc(data: bytes) -> bool:
    """Whether bytes are a Rigaku ASC file."""
    return data.lstrip().startswith(OPENING)


def scans_from_asc(text: str, path: Path) -> list[Scan | InputError]:
    """Return the groups of an ASC file, or the error of a group that is not a two-theta scan."""
    found, keys, values = list[Scan | InputError](), dict[str, str](), list[str]()
    first = 1
    for number, line in enumerate([*text.split("\n"), "*END"], 1):
        match = KEY.match(line.strip())
        if match is None:
            first = first if values else number
            values += line.replace(",", " ").split()
            continue
        if values:
            found.append(_group(values, keys, len(found) + 1, f"{path}:{first}", path))
            values = []
        keys[match[1]] = match[2].strip()
    if not found:
        raise InputError("holds no intensities", place=path, cure=COMPLETE)
    return found


def _group(values: Sequence[str], keys: Mapping[str, str], number: int, place: str, path: Path) -> Scan | InputError:
    axis = keys.get("SCAN_AXIS", "2theta/theta")
    if not is_two_theta(axis):
        return refusal_of_axis(axis, number, path)
    try:
        intensity = np.array(values, dtype=np.float64)
    except ValueError:
        raise InputError(f"group {number} holds what is no number", place=place, cure=COMPLETE) from None
    x = _angles(keys, intensity.size, number, place)
    rates = keys.get("YUNIT", "counts").lower().startswith("cps")
    counts = counts_of_rates(intensity, _step_time_s(keys)) if rates else counts_of(intensity)
    first, second = (number_at(keys, key) for key in ("WAVE_LENGTH1", "WAVE_LENGTH2"))
    return Scan(
        x=x, intensity=counts.intensity, sigma=counts.sigma, sigma_source="poisson", axis="two-theta",
        radiation=tube_radiation(_anode(keys), first, second), metadata=_facts(keys), warnings=counts.warnings,
    )  # fmt: skip


def _angles(keys: Mapping[str, str], points: int, number: int, place: str) -> np.ndarray:
    """Return the angles of a group, degrees.

    Raises
    ------
    InputError
        If the stated start, step and number of points are missing or do not fit the intensities.
    """
    start, stop, step = (number_at(keys, key) for key in ("START", "STOP", "STEP"))
    if start is None or not step:
        raise InputError(f"group {number} states no *START and *STEP", place=place, cure="export it again")
    count = number_at(keys, "COUNT")
    stated = count if count is not None else (stop - start) / step + 1 if stop is not None else points
    if abs(stated - points) > HALF_POINT:
        problem = f"group {number} is cut off: {stated:.0f} points declared, {points} found"
        raise InputError(problem, place=place, cure=COMPLETE)
    return np.round(start + step * np.arange(points, dtype=np.float64), 9)


def _step_time_s(keys: Mapping[str, str]) -> float | None:
    step, speed = number_at(keys, "STEP"), number_at(keys, "SCAN_SPEED")
    if not step or not speed:
        return None
    return speed if "step" in keys.get("SCAN_MODE", "").lower() else 60.0 * step / speed


def _anode(keys: Mapping[str, str]) -> str:
    match = SYMBOL.search(keys.get("TARGET", ""))
    return match[0] if match else ""


def _facts(keys: Mapping[str, str]) -> dict[str, object]:
    facts: dict[str, object] = {
        "sample": keys.get("SAMPLE", ""),
        "comment": keys.get("COMMENT", ""),
        "start_time": _moment(keys.get("DATE", "")),
        "anode": _anode(keys),
        "counting_time_s": _step_time_s(keys),
        "diffracted_monochromator": keys.get("MONOCHRO", "") or keys.get("CMONO", ""),
        "scan_axis": keys.get("SCAN_AXIS", ""),
    }
    return {key: value for key, value in facts.items() if value not in (None, "")}


def _moment(text: str) -> str | None:
    """Return a time stamp of the computer's local time, ISO 8601."""
    for form in TIMES:
        try:
            return datetime.strptime(text, form).isoformat()
        except ValueError:
            continue
    return iso_time(text)
