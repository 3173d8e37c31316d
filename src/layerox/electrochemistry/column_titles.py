"""Quantity and unit of a column in a cycler's table, from its title.

The spellings are those of exports by BioLogic (EC-Lab), Neware (BTS 7 and 8) and Arbin (MITS Pro), of the Battery Data
Format, and common handwritten ones. A unit that a title does not state is not guessed.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

Quantity = Literal[
    "stamp",  # date and time
    "elapsed",  # time since the start of the log, s
    "voltage",  # V
    "current",  # mA
    "net",  # charge since the start of the log, mAh, positive on charging
    "increment",  # charge since the record before, mAh, positive on charging
    "charge",  # capacity counted on charging, mAh; may be reset with steps or cycles
    "discharge",  # the same on discharging
    "step_capacity",  # capacity since the start of the step, mAh, without a sign
    "cycle",
    "step",
    "kind",  # type of a step, in words
]

# Names without case and punctuation. Of several columns with one quantity, the one that is first here is read.
NAMES: dict[Quantity, tuple[str, ...]] = {
    "stamp": (
        "datetime", "date", "realtime", "timestamp", "absolutetime", "systemtime", "dpttime", "timeutc", "utctime",
        "dateandtime", "utc",
    ),
    "elapsed": ("testtime", "totaltime", "cumulativetime", "elapsedtime", "elapsed", "time", "t"),
    "voltage": ("ewe", "voltage", "ecell", "eweece", "cellvoltage", "potential", "vol", "u", "e", "v"),
    "current": ("i", "current", "cur"),
    "net": ("qqo", "netcapacity", "netcharge"),
    "increment": ("dq",),
    "charge": (
        "chargecapacity", "chgcap", "capacitancechg", "capacitychg", "chargecap", "capchg",
    ),
    "discharge": (
        "dischargecapacity", "dchgcap", "capacitancedchg", "capacitydchg", "dischargecap", "capdchg",
    ),
    "step_capacity": ("capacity", "cap"),
    "cycle": ("cyclenumber", "cycleindex", "cycleid", "cyclecount", "cycle"),
    "step": ("ns", "stepindex", "stepid", "stepnumber", "step"),
    "kind": ("steptype", "stepname", "status", "state"),
}  # fmt: skip
_PLACES = {name: (quantity, rank) for quantity, names in NAMES.items() for rank, name in enumerate(names)}

# Factors to s, V, mA and mAh.
UNITS: dict[str, dict[str, float]] = {
    "time": {"s": 1.0, "sec": 1.0, "seconds": 1.0, "ms": 1e-3, "min": 60.0, "minutes": 60.0, "h": 3600.0, "hr": 3600.0,
             "hours": 3600.0},
    "voltage": {"v": 1.0, "volt": 1.0, "volts": 1.0, "mv": 1e-3},
    "current": {"ma": 1.0, "a": 1e3, "ua": 1e-3, "na": 1e-6},
    "charge": {"mah": 1.0, "ah": 1e3, "uah": 1e-3, "c": 1.0 / 3.6, "as": 1.0 / 3.6, "mas": 1.0 / 3600.0},
}  # fmt: skip
DIMENSIONS: dict[Quantity, str] = {
    "elapsed": "time", "voltage": "voltage", "current": "current", "net": "charge", "increment": "charge",
    "charge": "charge", "discharge": "charge", "step_capacity": "charge",
}  # fmt: skip
# Times written like 12:30:05.250 have titles like Time(h:min:s.ms).
CLOCK_UNIT = re.compile(r"h:m(in)?:s(\.ms)?")
# Longest title; the rest of a longer one is ignored.
LONGEST = 200
ENCLOSED = re.compile(r"(.+?)[(\[]([^()\[\]]*)[)\]]$")
ARBIN = {"testtime", "stepindex", "cycleindex"}


@dataclass(frozen=True, kw_only=True)
class Title:
    """The quantity and unit that a title names.

    Attributes
    ----------
    quantity
        The quantity of the column.
    rank
        Priority among the titles of one quantity, the lowest first.
    factor
        Factor to s, V, mA or mAh; None without a stated unit, or for a quantity without unit (cycle numbers).
    """

    quantity: Quantity
    rank: int
    factor: float | None = None


def title_of(text: str) -> Title | None:
    """Return the quantity and unit in the title of a column, None if it is not used or in another unit (mAh/g)."""
    name, unit = _parted(text.strip().strip('"').strip())
    found = _PLACES.get(_plain(name))
    if found is None:
        return None
    quantity, rank = found
    dimension = DIMENSIONS.get(quantity)
    if dimension is None or not unit or CLOCK_UNIT.fullmatch(unit):
        return Title(quantity=quantity, rank=rank)
    factor = UNITS[dimension].get(_plain(unit))
    return None if factor is None else Title(quantity=quantity, rank=rank, factor=factor)


def columns_of(titles: Sequence[str]) -> dict[Quantity, tuple[int, Title]]:
    """Return the column number (from 0) and the title of each quantity in the titles."""
    best: dict[Quantity, tuple[int, Title]] = {}
    for number, text in enumerate(titles):
        title = title_of(text)
        if title is not None and (title.quantity not in best or title.rank < best[title.quantity][1].rank):
            best[title.quantity] = (number, title)
    return best


def is_arbin(titles: Sequence[str]) -> bool:
    """Whether titles are those of an Arbin export, whose default units are s, V, A and Ah."""
    return {_plain(_parted(text.strip())[0]) for text in titles} >= ARBIN


def _parted(text: str) -> tuple[str, str]:
    """Return name and unit of "Current(A)", "<I>/mA", "Voltage / V", "current_mA" or "I mA"."""
    if match := ENCLOSED.fullmatch(text[:LONGEST]):
        return match[1], match[2].strip()
    name, slash, unit = text.rpartition("/")
    if slash:
        return name, unit.strip()
    name, gap, unit = text.replace(" ", "_").rpartition("_")
    if gap and any(_plain(unit) in known for known in UNITS.values()):
        return name, unit
    return text, ""


def _plain(text: str) -> str:
    return re.sub(r"[^a-z0-9]", "", text.lower().replace("µ", "u").replace("μ", "u"))
