"""Space-group symbols in the spellings of files, read as settings of gemmi's table.

Short and full Hermann-Mauguin symbols, with the screw axes, bars, origins and axes of ICSD ("F d -3 m S", "R -3 m H"),
SHELX ("P2(1)/c"), CIF mark-up ("P 6~3~/m m c") and typesetting ("P6_3/mmc"). If a symbol does not fix origin or
axes, several settings are returned; the file's other statements decide (see `cif_symmetry.py`).
"""

from __future__ import annotations

import re
import unicodedata
from dataclasses import dataclass
from functools import cache

import gemmi

from layerox.symmetry import Symmetry, symmetry_from_triplets

LONGEST = 80
OVERBARS = "̄̅"
# Suffixes of a symbol: origin 1 or 2, hexagonal or rhombohedral axes. ICSD writes S, Z and H, R.
ORIGINS = {"S": "1", "Z": "2", "1": "1", "2": "2", "O1": "1", "O2": "2", "OR1": "1", "OR2": "2", "S1": "1", "S2": "2",
           "H": "H", "R": "R", "HR": "H", "RH": "R"}  # fmt: skip
SETTING = re.compile(r"(?::\s*|\s+|(?<=[A-Za-z0-9])(?=[SZHR]\s*$))(S[12]?|Z|OR?[12]|HR|RH|H|R)$", re.IGNORECASE)
COLON_ORIGIN = re.compile(r":\s*([12])$")
WORDED = re.compile(r"[\s(\[,]*(?:at )?origin(?: choice)?(?: at)?[\s:]*([12])[)\]]?$", re.IGNORECASE)
NUMBER_BEHIND = re.compile(r"[\s(\[]+(?:no\.?|nr\.?|#)?\s*\d{1,3}\s*[)\]]$", re.IGNORECASE)
SCREW_IN_BRACKETS = re.compile(r"([2346])\s*\(\s*([1-5])\s*\)")
BAR_BEHIND = re.compile(r"(?<![0-9/-])([1346])-(?=[\s/a-z]|$)")


@dataclass(frozen=True)
class Named:
    """The space group of a symbol or number.

    Attributes
    ----------
    number
        Number in International Tables.
    settings
        Names of the possible settings ("F d -3 m:2", "F d -3 m:1"), the preferred one first.
    is_explicit
        Whether the symbol itself fixes the origin or the axes.
    """

    number: int
    settings: tuple[str, ...]
    is_explicit: bool = False


def named_group(symbol: str) -> Named | None:
    """Return the space group of a Hermann-Mauguin symbol or number, None if unknown."""
    symbol = symbol.strip()
    if symbol.isascii() and symbol.isdigit():
        group = gemmi.find_spacegroup_by_number(int(symbol)) if len(symbol) <= 3 and int(symbol) else None
        return None if group is None else _with_settings(group, "")
    text = _plain(symbol)
    if not text or len(text) > LONGEST:
        return None
    base, setting = _split(text)
    group = _short(base) or _full(_key(base))
    if group is None and setting:
        group, setting = _short(text) or _full(_key(text)), ""
    return None if group is None else _with_settings(group, setting)


@cache
def symmetry_of(setting: str) -> Symmetry:
    """Return the operations of a setting's name."""
    group = gemmi.SpaceGroup(setting)
    return symmetry_from_triplets([op.triplet() for op in group.operations()], name=group.xhm())


def _plain(symbol: str) -> str:
    """Return a symbol with plain digits and signs, bars in front of their axis, screw axes as "63"."""
    text = unicodedata.normalize("NFD", symbol[: 2 * LONGEST]).translate(str.maketrans("−–‐", "---"))
    text = re.sub(rf"(\d)[{OVERBARS}]", r"-\1", text)
    text = unicodedata.normalize("NFKC", text)
    text = re.sub(r"\\(?:bar|overline)\s*\{?\s*(\d)\s*\}?", r"-\1", text)
    text = re.sub(r"</?su[bp]>|[~^$_{}'\"]", "", text)
    text = SCREW_IN_BRACKETS.sub(r"\1\2", text)
    text = text if WORDED.search(text) else NUMBER_BEHIND.sub("", text.strip())
    return BAR_BEHIND.sub(r"-\1", " ".join(text.split()))


def _split(text: str) -> tuple[str, str]:
    """Return a symbol without its suffix for origin or axes, and that suffix in gemmi's spelling ("" for none)."""
    for form in (WORDED, COLON_ORIGIN, SETTING):
        if match := form.search(text):
            return text[: match.start()].strip(), ORIGINS[match[1].upper()]
    return text, ""


def _short(text: str) -> gemmi.SpaceGroup | None:
    return gemmi.find_spacegroup_by_name(text) if text else None


def _key(text: str) -> str:
    return text.replace(" ", "").replace("_", "").lower()


def _full(key: str) -> gemmi.SpaceGroup | None:
    """Return the group of a full Hermann-Mauguin symbol ("F 41/d -3 2/m")."""
    hall = _full_symbols().get(key)
    return gemmi.find_spacegroup_by_ops(gemmi.symops_from_hall(hall)) if hall else None


@cache
def _full_symbols() -> dict[str, str]:
    """Return the Hall symbols of spglib's settings by their full international symbols."""
    import spglib  # noqa: PLC0415  (short symbols, which most files have, do not need it)

    found: dict[str, str] = {}
    for number in range(1, 531):
        kind = spglib.get_spacegroup_type(number)
        found.setdefault(_key(kind.international_full), kind.hall_symbol)
    return found


def _with_settings(group: gemmi.SpaceGroup, setting: str) -> Named:
    """Return the settings of a group: the second of two origins first, hexagonal axes first."""
    entries = {entry.ext: entry.xhm() for entry in _settings_of(group.hm)}
    if setting in entries:
        others = [name for ext, name in entries.items() if ext != setting]
        return Named(group.number, (entries[setting], *others), is_explicit=True)
    order = sorted(entries, key=lambda ext: {"2": 0, "H": 0}.get(ext, 1))
    return Named(group.number, tuple(entries[ext] for ext in order))


def _settings_of(hm: str) -> list[gemmi.SpaceGroup]:
    return [entry for entry in gemmi.spacegroup_table() if entry.hm == hm]
