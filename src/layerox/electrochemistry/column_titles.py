"""Quantity and unit of a column in a cycler's table, from its title.

The spellings are those of exports by BioLogic (EC-Lab), Neware (BTS 7 and 8), Arbin (MITS Pro), Maccor (MIMS), Landt,
Basytec, Digatron (BTS 600) and Novonix, as the documentation of PyProBE, cellpy and BEEP lists them, those of the
Battery Data Format (labels and machine-readable names), and common handwritten ones. A unit that a title does not state
is not guessed, unless the title is that of one program which always writes it in one unit.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Literal

from layerox.errors import InputError, nearest

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
        "dateandtime", "utc", "unixtime", "systime", "datestamp",
    ),
    "elapsed": ("testtime", "runtime", "progtime", "programtime",
                 "totaltime", "cumulativetime", "elapsedtime", "elapsed", "time", "t"),
    "voltage": ("ewe", "voltage", "ecell", "eweece", "cellvoltage", "potential", "vol", "u", "e", "v"),
    "current": ("i", "current", "cur"),
    "net": ("qqo", "netcapacity", "netcharge", "ahaccu", "ah"),
    "increment": ("dq",),
    "charge": (
        "chargecapacity", "chargingcapacity", "chgcap", "capacitancechg", "capacitychg", "chargecap", "capchg",
    ),
    "discharge": (
        "dischargecapacity", "dischargingcapacity", "dchgcap", "capacitancedchg", "capacitydchg", "dischargecap",
        "capdchg",
    ),
    "step_capacity": ("stepcapacity", "capacity", "cap", "ahstep"),
    "cycle": ("cyclenumber", "cycleindex", "cycleid", "cyclecount", "cycle", "cyccount", "cyc"),
    "step": ("ns", "stepindex", "stepid", "stepnumber", "step", "line"),
    "kind": ("steptype", "stepname", "command", "status", "state", "md"),
}  # fmt: skip
_PLACES = {name: (quantity, rank) for quantity, names in NAMES.items() for rank, name in enumerate(names)}

# Titles of Maccor that are units themselves, with quantity and factor to s, V, mA or mAh.
INTRINSIC: dict[str, tuple[Quantity, float]] = {
    "testsec": ("elapsed", 1.0), "testmin": ("elapsed", 60.0), "testhr": ("elapsed", 3600.0),
    "volts": ("voltage", 1.0), "amps": ("current", 1e3), "milliamps": ("current", 1.0), "amphr": ("step_capacity", 1e3),
}  # fmt: skip
# Factors to s, V, mA and mAh.
UNITS: dict[str, dict[str, float]] = {
    "time": {"s": 1.0, "sec": 1.0, "second": 1.0, "seconds": 1.0, "ms": 1e-3, "min": 60.0, "minute": 60.0,
             "minutes": 60.0, "h": 3600.0, "hr": 3600.0, "hour": 3600.0, "hours": 3600.0},
    "voltage": {"v": 1.0, "volt": 1.0, "volts": 1.0, "mv": 1e-3},
    "current": {"ma": 1.0, "a": 1e3, "ua": 1e-3, "na": 1e-6, "ampere": 1e3, "amperes": 1e3, "milliampere": 1.0},
    "charge": {"mah": 1.0, "ah": 1e3, "uah": 1e-3, "c": 1.0 / 3.6, "as": 1.0 / 3.6, "mas": 1.0 / 3600.0,
               "amperehour": 1e3, "milliamperehour": 1.0, "coulomb": 1.0 / 3.6},
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
# Quantities by the names that a user gives in `--columns`.
USER_NAMES: dict[str, Quantity] = {
    "date": "stamp", "stamp": "stamp", "time": "elapsed", "elapsed": "elapsed", "voltage": "voltage",
    "current": "current", "net": "net", "charge": "charge", "discharge": "discharge", "capacity": "step_capacity",
    "cycle": "cycle", "step": "step", "type": "kind",
}  # fmt: skip
# Titles of a file by quantity, as the user maps them, each with a unit or "".
Mapped = Mapping[Quantity, tuple[str, str]]


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
    if (intrinsic := INTRINSIC.get(_plain(text))) is not None:
        return Title(quantity=intrinsic[0], rank=len(_PLACES), factor=intrinsic[1])
    found = _PLACES.get(_plain(name))
    if found is None:
        return None
    return _with_unit(*found, unit)


def mapped_columns(given: Mapping[str, str]) -> dict[Quantity, tuple[str, str]]:
    """Return the titles and units that a user maps to quantities: {"current": "Strom [A]"} or {"current": "I:A"}.

    Raises
    ------
    InputError
        If a quantity is unknown, or a unit is not one of its own.
    """
    found: dict[Quantity, tuple[str, str]] = {}
    for name, text in given.items():
        if name not in USER_NAMES:
            raise InputError(f"unknown quantity {name!r}", argument="columns", cure=nearest(name, USER_NAMES))
        quantity = USER_NAMES[name]
        title, colon, unit = text.rpartition(":")
        known = UNITS.get(DIMENSIONS.get(quantity, ""), {})
        if colon and _plain(unit) in known:
            found[quantity] = title.strip(), unit.strip()
        else:
            found[quantity] = text.strip(), ""
    return found


def _with_unit(quantity: Quantity, rank: int, unit: str) -> Title | None:
    """Return the title of a quantity with its factor, None for a unit that is not one of it."""
    dimension = DIMENSIONS.get(quantity)
    if dimension is None or not unit or CLOCK_UNIT.fullmatch(unit):
        return Title(quantity=quantity, rank=rank)
    factor = UNITS[dimension].get(_plain(unit))
    return None if factor is None else Title(quantity=quantity, rank=rank, factor=factor)


def columns_of(titles: Sequence[str], mapped: Mapped | None = None) -> dict[Quantity, tuple[int, Title]]:
    """Return the column number (from 0) and the title of each quantity; the user's mapping has priority."""
    best: dict[Quantity, tuple[int, Title]] = {}
    for number, text in enumerate(titles):
        title = title_of(text)
        if title is not None and (title.quantity not in best or title.rank < best[title.quantity][1].rank):
            best[title.quantity] = (number, title)
    plain = [text.strip().strip('"').strip() for text in titles]
    for quantity, (name, unit) in (mapped or {}).items():
        if name in plain:
            chosen = _with_unit(quantity, 0, unit or _parted(name)[1])
            best[quantity] = (plain.index(name), chosen or Title(quantity=quantity, rank=0))
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
