"""Read Rigaku RAS: text of one or more scans, each a header of *KEY "value" lines and a table of numbers.

Lines and keys as SmartLab Guidance writes them and geddes (docs/formats.md) describes. A table has angle, intensity and
the factor of the attenuator, by which the stored intensities are already multiplied.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from datetime import datetime
from pathlib import Path

import numpy as np

from layerox.errors import InputError
from layerox.io.counting import AUTOMATIC_SLIT, Counts, counts_of, counts_of_rates
from layerox.io.scan import Scan
from layerox.io.scan_kinds import is_two_theta, refusal_of_axis
from layerox.io.text_heading import iso_time, number_at
from layerox.io.tube_lines import tube_radiation
from layerox.radiation import Radiation
from layerox.typing import FloatArray

START = ("*RAS_DATA_START", "*RAS_HEADER_START")
POINTS, POINTS_END = "*RAS_INT_START", "*RAS_INT_END"
# White space is matched once (++): the search time is linear in the length of a line.
KEY = re.compile(r'\*(\S{1,80})\s++"?([^"\n]{0,4000})"?$')
COMPLETE = "copy the file again when it is complete"
# Rotations of the goniometer that give a speed in degrees a minute.
SPEED_UNIT = "deg/min"


def is_ras(data: bytes) -> bool:
    """Whether bytes are a RAS file."""
    return data.lstrip(b"\xef\xbb\xbf \r\n").startswith(tuple(mark.encode() for mark in START))


def scans_from_ras(text: str, path: Path) -> list[Scan | InputError]:
    """Return the scans of a RAS file, or the error of a scan that is not a powder pattern."""
    lines = text.split("\n")
    starts = [k for k, line in enumerate(lines) if line.startswith(START[1])]
    if not starts:
        raise InputError("holds no scan", place=path, cure=COMPLETE)
    pairs = zip(starts, [*starts[1:], len(lines)], strict=True)
    return [_scan(lines, start, end, number, path) for number, (start, end) in enumerate(pairs, 1)]


def _scan(lines: Sequence[str], start: int, end: int, number: int, path: Path) -> Scan | InputError:
    marks = {line.strip(): k for k, line in enumerate(lines[start:end], start) if line.startswith("*RAS_INT")}
    if POINTS not in marks or POINTS_END not in marks:
        raise InputError(f"scan {number} is cut off", place=f"{path}:{start + 1}", cure=COMPLETE)
    keys = {m[1]: m[2].strip() for line in lines[start : marks[POINTS]] if (m := KEY.match(line.strip()))}
    try:
        first = marks[POINTS] + 1
        rows = np.loadtxt(lines[first : marks[POINTS_END]], dtype=np.float64, comments=None, ndmin=2)
    except ValueError:
        problem = f"scan {number} has lines that are not columns of numbers"
        raise InputError(problem, place=f"{path}:{first + 1}", cure="copy or export it again") from None
    return scan_of_table(rows, keys, number, path)


def scan_of_table(rows: FloatArray, keys: Mapping[str, str], number: int, path: Path) -> Scan | InputError:
    """Return the scan of a table and the keys of a RAS header.

    Parameters
    ----------
    rows
        Angle in degrees, intensity and perhaps the factor of the attenuator, shape (n, 2) or (n, 3).
    keys
        Texts by key, without the asterisk.
    """
    axis = keys.get("MEAS_SCAN_AXIS_X", "")
    if axis and not is_two_theta(axis):
        return refusal_of_axis(axis, number, path)
    if rows.ndim != 2 or rows.shape[1] < 2 or not len(rows):
        raise InputError(f"scan {number} has no columns of angle and intensity", place=path, cure=COMPLETE)
    stated = number_at(keys, "MEAS_DATA_COUNT")
    if stated is not None and stated > len(rows):
        problem = f"scan {number} is cut off: {stated:.0f} points declared, {len(rows)} found"
        raise InputError(problem, place=path, cure=COMPLETE)
    counts = _counts(rows, keys)
    metadata, (beam, other) = _facts(keys), _radiation(keys)
    slit = (AUTOMATIC_SLIT,) if metadata.get("divergence_slit") == "automatic" else ()
    return Scan(
        x=rows[:, 0], intensity=counts.intensity, sigma=counts.sigma, sigma_source="poisson", axis="two-theta",
        radiation=beam, other_radiation=other, metadata=metadata, warnings=(*counts.warnings, *slit),
    )  # fmt: skip


def _counts(rows: FloatArray, keys: Mapping[str, str]) -> Counts:
    """Return counts from counts or rates; zero as factor of the attenuator stands for none."""
    factor = rows[:, 2] if rows.shape[1] > 2 else np.ones(len(rows))
    factor = np.where(factor > 0, factor, 1.0)
    if keys.get("MEAS_SCAN_UNIT_Y", "counts").lower().startswith("cps"):
        return counts_of_rates(rows[:, 1], _step_time_s(keys), factor)
    detected = rows[:, 1] / factor
    return counts_of(detected, factor)


def _step_time_s(keys: Mapping[str, str]) -> float | None:
    """Return the time that a continuous scan takes for one step, seconds."""
    step, speed = number_at(keys, "MEAS_SCAN_STEP"), number_at(keys, "MEAS_SCAN_SPEED")
    if not step or not speed:
        return None
    if keys.get("MEAS_SCAN_MODE", "CONTINUOUS").upper() != "CONTINUOUS":
        return speed  # of a step scan it is the counting time
    unit = keys.get("MEAS_SCAN_SPEED_UNIT", SPEED_UNIT)
    return 60.0 * step / speed if unit == SPEED_UNIT else None


def _radiation(keys: Mapping[str, str]) -> tuple[Radiation | None, Radiation | None]:
    """Return the beam and, where the file states K-alpha 1 alone, the doublet that a user may choose instead."""
    anode = keys.get("HW_XG_TARGET_NAME", "")
    first, second = (number_at(keys, f"HW_XG_WAVE_LENGTH_{name}") for name in ("ALPHA1", "ALPHA2"))
    doublet = tube_radiation(anode, first, second)
    stated = keys.get("MEAS_COND_XG_WAVE_TYPE", keys.get("HW_XG_WAVE_TYPE", ""))
    return (tube_radiation(anode, first), doublet) if stated.lower() in ("ka1", "kα1") else (doublet, None)


def _facts(keys: Mapping[str, str]) -> dict[str, object]:
    names = {m[1]: value for key, value in keys.items() if (m := re.fullmatch(r"MEAS_COND_AXIS_NAME-(\d+)", key))}
    positions = {name: keys.get(f"MEAS_COND_AXIS_POSITION-{k}", "") for k, name in names.items()}
    facts: dict[str, object] = {
        "sample": keys.get("FILE_SAMPLE", ""),
        "comment": keys.get("FILE_COMMENT", ""),
        "start_time": _moment(keys.get("MEAS_SCAN_START_TIME", "")),
        "end_time": _moment(keys.get("MEAS_SCAN_END_TIME", "")),
        "radius_mm": number_at(keys, "HW_GONIOMETER_RADIUS-3"),
        "anode": keys.get("HW_XG_TARGET_NAME", ""),
        "counting_time_s": _step_time_s(keys),
        "instrument": keys.get("FILE_SYSTEM_NAME", ""),
        "incident_monochromator": _named(positions.get("IncidentMonochromator", "")),
        "diffracted_monochromator": _named(positions.get("CounterMonochromatorKind", "")),
        "scan_axis": keys.get("MEAS_SCAN_AXIS_X", ""),
        **slit_facts(positions.get("IncidentSlitBox") or positions.get("SlitDS") or positions.get("IS", "")),
    }
    return {key: value for key, value in facts.items() if value not in (None, "")}


def slit_facts(text: str) -> dict[str, object]:
    """Return the kind and size of a divergence slit from a text such as "2/3deg", "1.000mm" or "Variable_10mm"."""
    size = re.search(r"(\d+(?:\.\d+)?)(?:/(\d+(?:\.\d+)?))?\s*(deg|mm)", text)
    if not text or (size is None and "var" not in text.lower()):
        return {}
    value = None if size is None else float(size[1]) / (float(size[2]) if size[2] and float(size[2]) else 1.0)
    if "var" in text.lower():
        return {"divergence_slit": "automatic", "irradiated_length_mm": value}
    assert size is not None
    key = "divergence_slit_degrees" if size[3] == "deg" else "divergence_slit_mm"
    return {"divergence_slit": "fixed", key: value}


def _named(text: str) -> str:
    """Return the name of a monochromator, "" for none and for an empty holder."""
    return "" if text.lower() in ("none", "no_unit", "no unit", "-", "0") or "adaptor" in text.lower() else text


def _moment(text: str) -> str | None:
    """Return a time stamp of the computer's local time, month before day; ISO 8601."""
    try:
        return datetime.strptime(text, "%m/%d/%Y %H:%M:%S").isoformat()
    except ValueError:
        return iso_time(text)
