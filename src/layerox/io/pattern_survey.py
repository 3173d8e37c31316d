"""Survey of a pattern file: its format, its scans with what each states, and which of them cannot be used and why.

It is what `layerox look` prints; reading is that of `read_pattern`.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from layerox.errors import InputError
from layerox.io import scans_of_file
from layerox.io.file_contents import is_hdf5, read_bytes
from layerox.io.instrument_presets import proposed_preset
from layerox.io.pattern_formats import COLUMNS, TEXT_FORMATS, bytes_format_of
from layerox.io.scan import Request, Scan, pattern_from_scan, request_from_arguments, with_excluded
from layerox.notices import Notice
from layerox.pattern import Pattern
from layerox.radiation import Radiation

NEXUS = "NeXus (HDF5)"
DECODED = 100_000


@dataclass(frozen=True, kw_only=True)
class PatternSurvey:
    """What a file holds.

    Attributes
    ----------
    document
        As plain data: file, format, scans (each with its statements or the reason for its refusal), proposed preset.
    patterns
        The readable scans.
    """

    document: dict[str, object]
    patterns: list[Pattern]

    @property
    def text(self) -> str:
        """The document as lines of text."""
        lines = [f"{self.document['file']}: {self.document['format']}, {_counted(self.document['scans'])}"]
        for row in _rows(self.document["scans"]):
            lines.append("")
            lines += [f"{key.replace('_', ' '):<26}{_shown(value)}" for key, value in row.items() if value is not None]
        if self.document["instrument"]:
            lines += ["", f"{'proposed instrument':<26}--instrument {self.document['instrument']}"]
        return "\n".join(lines)


def survey_of(
    path: str | Path,
    *,
    radiation: Radiation | str | float | None,
    axis: str,
    range: tuple[float, float] | None,
    allow_negative: bool,
    dataset: str | None,
    scan: int | None,
    sigma: str,
    exclude: Iterable[tuple[float, float]],
    most: int,
) -> PatternSurvey:
    """Return what a file holds; arguments as for `read_pattern`.

    Parameters
    ----------
    scan
        Number of the only scan to show; None for all, at most `most`.

    Raises
    ------
    InputError
        If the file, or every scan of it, cannot be read.
    """
    request = request_from_arguments(path, radiation, axis, range, allow_negative, sigma)
    rows: list[dict[str, object]] = []
    patterns: list[Pattern] = []
    number = 0
    for found in scans_of_file(request.path, dataset):
        number += isinstance(found, Scan)
        if (scan is not None and (number != scan or isinstance(found, InputError))) or len(rows) >= most:
            continue
        row, pattern = _row(found, number, request, tuple(exclude))
        rows.append(row)
        patterns += [] if pattern is None else [pattern]
    if scan is not None and not rows:
        raise InputError(f"has no scan {scan}", place=request.path, cure=f"choose 1 to {number}", argument="scan")
    if not patterns:
        more = f", as {len(rows) - 1} other scans" if len(rows) > 1 else ""
        raise InputError(f"{rows[0]['refused']}{more}", place=request.path, cure=str(rows[0]["cure"] or ""))
    proposed = next((p for pattern in patterns if (p := proposed_preset(pattern.metadata))), None)
    document: dict[str, object] = {
        "file": str(request.path),
        "format": _format_of(request.path),
        "scans": rows,
        "instrument": None if proposed is None else proposed.name,
    }
    return PatternSurvey(document=document, patterns=patterns)


def _row(
    found: Scan | InputError, number: int, request: Request, exclude: tuple[tuple[float, float], ...]
) -> tuple[dict[str, object], Pattern | None]:
    """Return the statements of a scan and its pattern, or the reason for its refusal."""
    try:
        if isinstance(found, InputError):
            raise found
        pattern = with_excluded(pattern_from_scan(found, request), exclude)
    except InputError as error:
        scan = None if isinstance(found, InputError) else number
        return {"scan": scan, "refused": error.problem, "cure": error.cure}, None
    beam, steps = pattern.radiation, np.diff(pattern.two_theta)
    notices = pattern.metadata.get("warnings", ())
    stated = {key: value for key, value in pattern.metadata.items() if key != "warnings"}
    return {
        "scan": number,
        "label": pattern.label or None,
        "points": len(pattern),
        "two_theta": [float(pattern.two_theta[0]), float(pattern.two_theta[-1])],
        "step": float(f"{float(np.median(steps)):.6g}"),
        "intensity": [float(pattern.intensity.min()), float(pattern.intensity.max())],
        "sigma": pattern.sigma_source,
        "kind": None if beam is None or not beam.says_kind else beam.kind,
        "lines": None if beam is None else [list(line) for line in beam.lines],
        **{key: value if isinstance(value, (int, float)) else str(value) for key, value in stated.items()},
        "excluded": [list(region) for region in pattern.excluded] or None,
        "notices": [_notice(n) for n in notices if isinstance(n, Notice)] if isinstance(notices, tuple) else [],
    }, pattern


def _notice(notice: Notice) -> dict[str, str]:
    return {"code": notice.code, "message": notice.message}


def _format_of(path: Path) -> str:
    if is_hdf5(path):
        return NEXUS
    data = read_bytes(path)
    known = bytes_format_of(data, path)
    if known is not None:
        return known.name
    text = data[:DECODED].decode("utf-8", errors="replace").replace("\r\n", "\n")
    return next((row.name for row in TEXT_FORMATS if row.recognises(text)), COLUMNS.name)


def _rows(scans: object) -> list[dict[str, object]]:
    return scans if isinstance(scans, list) else []


def _counted(scans: object) -> str:
    count = len(_rows(scans))
    return f"{count} scan{'s' if count != 1 else ''}"


def _shown(value: object) -> str:
    if isinstance(value, list):
        if value and isinstance(value[0], dict):
            return "; ".join(str(item["message"]) for item in value)
        if value and isinstance(value[0], list):
            return ", ".join(" : ".join(f"{number:.7g}" for number in item) for item in value)
        return " to ".join(f"{number:.7g}" for number in value) if value else "none"
    return f"{value:.7g}" if isinstance(value, float) else str(value)
