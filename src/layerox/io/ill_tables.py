"""Read the fixed-column tables of the ILL neutron diffractometers D1A, D2B, D1B and D20, of constant wavelength.

Layouts from the FullProf manual (INSTRM = 6 and 3) and the source of CFML (Read_Pattern_D1A_D2B, Read_Pattern_D1B_D20).
A point is a pair of fields: the number of detectors n (one if blank) and their mean count y, so that sigma is
sqrt(y / n); both are normalised to a monitor. A mean of -1000 ends the table. The files name no wavelength.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np

from layerox.errors import InputError
from layerox.io.scan import Scan
from layerox.pattern import poisson_sigma
from layerox.typing import FloatArray

END = -1000.0
START_OF_FILE, FEWEST_LINES = 2000, 6
LARGEST_STEP, LARGEST_ANGLE = 1.0, 180.0
COMPLETE = "copy the file again when it is complete"
MOST_LINES = 200_000
# Columns of the step in the heading of D1A and D2B, and of the fields of D1B and D20 (f13.0, tr10, f8.3, tr45, 4f9.3).
STEP_D1A = slice(16, 24)
FIELDS_D1B = {"monitor": (0, 13), "start": (23, 31), "step": (76, 85), "set": (85, 94), "sample": (103, 112)}


def is_ill_table(text: str) -> bool:
    """Whether a text is a table of D1A, D2B, D1B or D20."""
    lines = text[:START_OF_FILE].rstrip().split("\n")
    return _is_d1a(lines) or _is_d1b(lines)


def scans_from_ill_table(text: str, path: Path) -> list[Scan | InputError]:
    """Return the scan of a table, in a list.

    Raises
    ------
    InputError
        If it is cut off or damaged.
    """
    lines = text.rstrip().split("\n")
    if len(lines) > MOST_LINES:
        raise InputError(f"holds more than {MOST_LINES} lines", place=path, cure="give one pattern a file")
    start = text[:START_OF_FILE].rstrip().split("\n")
    return [_d1a(lines, path) if _is_d1a(start) else _d1b(lines, path)]


def _is_d1a(lines: Sequence[str]) -> bool:
    if len(lines) < FEWEST_LINES:
        return False
    step, start = _field(lines[1], STEP_D1A), _field(lines[2], slice(None))
    monitors = lines[3].split()
    plausible = step is not None and start is not None and 0 < step < LARGEST_STEP and abs(start) < LARGEST_ANGLE
    return plausible and len(monitors) == 2 and all(map(_is_number, monitors)) and bool(_pairs(lines[4], 2, 6))


def _d1a(lines: Sequence[str], path: Path) -> Scan:
    step, start = _field(lines[1], STEP_D1A), _field(lines[2], slice(None))
    assert step is not None
    assert start is not None
    monitor, counted = (float(word) for word in lines[3].split())
    scale = monitor / counted if counted >= 1.0 else 1.0
    numbers, means = _points(lines[4:], 5, (2, 6), path)
    metadata: dict[str, object] = {"sample": lines[0].strip(), "monitor": monitor}
    return _scan(start, step, numbers, means, metadata, scale)


def _is_d1b(lines: Sequence[str]) -> bool:
    if len(lines) < FEWEST_LINES:
        return False
    heading = {name: _field(lines[3], slice(*place)) for name, place in FIELDS_D1B.items()}
    start, step = heading["start"], heading["step"]
    plausible = start is not None and step is not None and 0 < step < LARGEST_STEP and abs(start) < LARGEST_ANGLE
    return plausible and lines[4].strip().isdigit() and bool(_pairs(lines[5], 2, 8))


def _d1b(lines: Sequence[str], path: Path) -> Scan:
    heading = {name: _field(lines[3], slice(*place)) for name, place in FIELDS_D1B.items()}
    start, step = heading["start"], heading["step"]
    assert start is not None
    assert step is not None
    declared = int(lines[4])
    numbers, means = _points(lines[5:], 6, (2, 8), path)
    if len(means) < declared:
        problem = f"the file is cut off: {declared} points declared, {len(means)} found"
        raise InputError(problem, place=f"{path}:5", cure=COMPLETE)
    metadata: dict[str, object] = {"sample": lines[1].strip(), "monitor": heading["monitor"]}
    if heading["sample"]:
        metadata["temperature_k"] = heading["sample"]
    return _scan(start, step, numbers[:declared], means[:declared], metadata, 1.0)


def _scan(start: float, step: float, numbers: FloatArray, means: FloatArray, metadata: dict[str, object],
          scale: float) -> Scan:  # fmt: skip
    """Return a scan of neutrons; `scale` is the monitor over the counted one, which the counts were multiplied by."""
    detected = means / scale
    return Scan(
        x=np.round(start + step * np.arange(means.size, dtype=np.float64), 9), intensity=means,
        sigma=scale * poisson_sigma(detected * numbers) / numbers, axis="two-theta", metadata=metadata,
    )  # fmt: skip


def _points(lines: Sequence[str], first: int, widths: tuple[int, int], path: Path) -> tuple[FloatArray, FloatArray]:
    """Return the number of detectors and the mean count of each point, up to the end mark or the end of the file."""
    numbers, means = list[float](), list[float]()
    for number, line in enumerate(lines, first):
        pairs = _pairs(line, *widths)
        if pairs is None:
            problem = f"not in pairs of {widths[0]} and {widths[1]} columns"
            raise InputError(problem, place=f"{path}:{number}", cure=COMPLETE)
        for detectors, mean in pairs:
            if mean <= END:
                return np.array(numbers), np.array(means)
            numbers.append(max(detectors, 1.0))
            means.append(mean)
    raise InputError("the file is cut off: it has no end mark -1000", place=path, cure=COMPLETE)


def _pairs(line: str, first: int, second: int) -> list[tuple[float, float]] | None:
    """Return the pairs of fixed fields of a line, None if they are not numbers."""
    found = []
    for start in range(0, len(line.rstrip()), first + second):
        head, tail = line[start : start + first].strip(), line[start + first : start + first + second].strip()
        if not _is_number(tail) or (head and not head.lstrip("-").isdigit()):
            return None
        found.append((float(head or 1), float(tail)))
    return found


def _field(line: str, place: slice) -> float | None:
    text = line[place].strip()
    return float(text) if _is_number(text) else None


def _is_number(text: str) -> bool:
    try:
        return bool(np.isfinite(float(text)))
    except ValueError:
        return False
