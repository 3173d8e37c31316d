"""The header of an EC-Lab text export of BioLogic (.mpt).

Times in the table are seconds since the start of the acquisition, over all linked techniques; only the header gives
that start, in local time, month first. Positive current oxidises the working electrode, which charges a cathode.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path

from layerox.electrochemistry.time_stamps import Stamps, read_stamps

MAGIC = re.compile(r"\s*(EC|BT)-Lab\S* ASCII FILE", re.IGNORECASE)
STARTED = re.compile(r"^Acquisition started on\s*:\s*(.+)$", re.MULTILINE)
TECHNIQUE_STARTED = re.compile(r"^[^\w\n]*Technique started on[ \t]*:[^\w\n]*(.+)$", re.MULTILINE)
MASS = re.compile(r"^Mass of active material\s*:\s*(\d+(?:[.,]\d*)?)\s*(mg|g|µg|ug)\s*$", re.MULTILINE)
OTHER_START = re.compile(
    r"^[~#\s]{0,9}(?:start of test|started|start(?:ed)? (?:date|time|on)|date of test)\s{0,9}[:=,;]\s{0,9}(.{8,60})$",
    re.MULTILINE | re.IGNORECASE,
)
LONGEST_HEADING = 20_000
AT_REST = re.compile(r"^(Special )?Open Circuit Voltage\s*$", re.MULTILINE | re.IGNORECASE)
MILLIGRAMS = {"g": 1e3, "mg": 1.0, "µg": 1e-3, "ug": 1e-3}
# The value that EC-Lab writes if no mass was entered.
UNTYPED_MG = 0.001


@dataclass(frozen=True, kw_only=True)
class Header:
    """The content of a header.

    Attributes
    ----------
    start
        Start of the acquisition, None if not stated.
    mass_mg
        Mass of active material, None if not entered.
    at_rest
        Whether the technique has no current, and so no column of it.
    """

    start: Stamps | None = None
    mass_mg: float | None = None
    at_rest: bool = False


def is_eclab(text: str) -> bool:
    """Whether a text is an export of EC-Lab or BT-Lab."""
    return MAGIC.match(text) is not None


def header_of(text: str, path: Path) -> Header:
    """Return the header of an export."""
    top = text[: _end_of_header(text)]
    started = STARTED.search(top) or TECHNIQUE_STARTED.search(top)
    mass = MASS.search(top)
    mass_mg = float(mass[1].replace(",", ".")) * MILLIGRAMS[mass[2]] if mass else None
    return Header(
        start=read_stamps([started[1]], path, month_first=True) if started else None,
        mass_mg=mass_mg if mass_mg is not None and mass_mg > UNTYPED_MG else None,
        at_rest=AT_REST.search(top) is not None,
    )


def heading_start(text: str, path: Path) -> Stamps | None:
    """Return the start that lines above a table state, as Basytec, Novonix and Maccor write it; None without one."""
    started = OTHER_START.search(text[:LONGEST_HEADING])
    if started is None:
        return None
    found = read_stamps([started[1].strip().strip(",;").strip()], path)
    return None if found is None else found


def _end_of_header(text: str) -> int:
    lines = re.search(r"^Nb header lines\s*:\s*(\d{1,9})", text, re.MULTILINE)
    end = 0
    for _ in range(int(lines[1]) if lines else 0):
        if (end := text.find("\n", end) + 1) == 0:
            return len(text)
    return end
