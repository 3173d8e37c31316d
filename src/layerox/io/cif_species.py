"""Elements, charges and shares from the type symbols and labels of a CIF.

Elements and oxidation states in the spellings of common programs ("Mn4+", "Mn+4", "MN3.5+", "O2-", "O-2.", "Mn(IV)",
"Na1+", "Cval"), vacancies ("Vac", "Va") and mixtures with amounts ("Ni0.33Mn0.67", "0.615Cu + 0.385Al"). Ambiguous
texts are errors: a group, an isotope, a mixture without amounts, a placeholder such as "TM" or "M".
"""

from __future__ import annotations

import math
import re
import unicodedata
from collections.abc import Collection
from dataclasses import dataclass
from typing import NoReturn

import gemmi

from layerox.errors import InputError

VACANCIES = frozenset(("vac", "va", "vc", "vacancy", "vacancies", "void", "vacant", "□", "☐", "◻"))
GROUPS = frozenset(("OH", "HO", "OH2", "H2O", "D2O", "OD", "WAT", "HOH", "H3O", "NH", "NH2", "NH3", "NH4", "CH", "CH2",
                    "CH3", "CN", "NO", "SO4", "PO4", "NO3", "CO3", "BO3", "SIO4"))  # fmt: skip
# Upper-case spellings of an element that usually mean any transition metal or rare earth.
PLACEHOLDERS = frozenset(("TM", "RE"))
WATER_OXYGEN = "OW"
FULL_MIXTURE, LARGEST_CHARGE, LONGEST = 1.02, 8.0, 200
ROMAN = {"I": 1, "II": 2, "III": 3, "IV": 4, "V": 5, "VI": 6, "VII": 7}
ELEMENT_CURE = "write its elements, one row an element"
MIXTURE_CURE = "write one row an element, each with its occupancy"

CHARGE = (r"\+\+|--|[+-]\d{1,2}(?:\.\d{0,3})?(?![\d.])|\d{1,2}(?:\.\d{0,3})?[+-]|[+-]"
          r"|\((?:[+-]?\d{1,2}(?:\.\d{1,3})?[+-]?|[IV]{1,4})\)")  # fmt: skip
ONE = re.compile(rf"([A-Za-z]{{1,2}})(val?|{CHARGE})?\.?")
NUMBERED = re.compile(r"([A-Za-z]{1,2})\d{1,3}")
AMOUNT = r"\d{0,2}\.\d{1,6}|\d{1,2}(?![-+.\d])"
SYMBOL = r"□|Vac|Va|[A-Z][a-z]?"
BEHIND = re.compile(rf"(?P<symbol>{SYMBOL})(?P<charge>{CHARGE})?[:_ *]?\(?(?P<amount>{AMOUNT})\)?")
# A sign before digits separates two parts: "0.6Cu+0.4Al".
BEFORE = re.compile(rf"(?P<amount>{AMOUNT})[ *]?(?P<symbol>{SYMBOL})(?P<charge>\d{{1,2}}[+-]|[+-](?![\d.]))?")
BARE = re.compile(rf"(?P<symbol>{SYMBOL})(?P<charge>{CHARGE})?")
BETWEEN = re.compile(r"[ +,;/|&]*")


@dataclass(frozen=True)
class Species:
    """An element on a position: its charge (0 where none is stated) and its share, None where none is stated."""

    element: str
    charge: int = 0
    share: float | None = None


def species_from_type(text: str, label: str, formula: Collection[str] = ()) -> tuple[Species, ...]:
    """Return the species of a type symbol; an empty tuple for a vacancy.

    Parameters
    ----------
    text
        The value of _atom_site_type_symbol.
    label
        Label of its row, for messages.
    formula
        Elements of the stated formula: "TM" is thulium if they include Tm.

    Raises
    ------
    InputError
        If it is not an element, or is ambiguous.
    """
    plain = _plain(text)
    if is_vacancy(plain):
        return ()
    if plain.upper() == WATER_OXYGEN:
        return (Species("O"),)
    _refuse_groups(plain, label)
    if one := _single(plain, formula):
        return (one,)
    return _mixture(plain, label) or _refused(text, label)


def species_from_label(label: str, formula: Collection[str] = ()) -> tuple[Species, ...]:
    """Return the species of a row's label (for a row without type symbol); an empty tuple for a vacancy.

    Raises
    ------
    InputError
        If it does not start with an element, or starts with several.
    """
    plain = re.sub(r"\(\d{1,4}\)", "", _plain(label))
    letters = _letters(plain)
    if is_vacancy(plain) or is_vacancy(letters):
        return ()
    if len(letters) <= 2 and (one := _single(plain, formula)):
        return (one,)
    if _is_oxygen(letters):
        return (Species("O"),)
    if len(letters) > 2 and letters.upper() in GROUPS:
        _refuse_groups(letters, label)
    elements = re.findall(r"[A-Z][a-z]?", plain)
    if re.search(r"[A-Za-z][/,+][A-Z]", plain) or (len(elements) > 1 and _are_elements(elements, letters)):
        # Without a decimal point the digits are numbers of atoms, not amounts.
        listed = plain if "." in plain else re.sub(r"\d", "", plain)
        return _mixture(listed, label) or _refused(label, label)
    symbol = element_of(letters, formula)
    return (Species(symbol),) if symbol else _refused(label, label)


def is_vacancy(text: str) -> bool:
    """Whether a text means an empty position: "Vac", "Va", a square; "Va1" too."""
    return text.strip("()0123456789").lower() in VACANCIES


def element_of(letters: str, formula: Collection[str] = ()) -> str:
    """Return the element at the start of letters ("MN", "Mn", "OW"), "" for none."""
    if letters[:2] in PLACEHOLDERS and letters[:2].capitalize() not in formula:
        return ""
    # "OW" is an oxygen of water; "Va" is not vanadium, nor "Wat" tungsten.
    shorter = "" if letters[1:2].islower() else letters[:1].upper()
    return next((s for s in (letters[:2].capitalize(), shorter) if s and _is_element(s)), "")


def _plain(text: str) -> str:
    """Return text with ordinary digits, signs and quotes ("Mn⁴⁺", "O²⁻" and "O^2-^" included)."""
    text = unicodedata.normalize("NFKC", text[:LONGEST].translate(str.maketrans("⁺⁻−–", "+---")))
    return text.translate(str.maketrans("−–", "--", "^~'\"")).strip()


def _letters(plain: str) -> str:
    match = re.match(r"[A-Za-z□]*", plain)
    return match[0] if match else ""


def _is_element(symbol: str) -> bool:
    return gemmi.Element(symbol).atomic_number > 0 and gemmi.Element(symbol).name == symbol


def _are_elements(found: list[str], letters: str) -> bool:
    """Whether letters in mixed case are a sequence of several elements: "NiMn", not "OW" or "CaA"."""
    known = [symbol for symbol in found if _is_element(symbol)]
    return len(known) == len(found) and "".join(found).startswith(letters) and any(len(s) > 1 for s in found)


def _is_oxygen(letters: str) -> bool:
    """Whether a label is oxygen with letters of its site: OW, Ow, Oap, OH; not osmium."""
    return letters[:1] == "O" and letters[:2] not in ("Os", "OS") and (len(letters) <= 2 or letters[1:].islower())


def _single(plain: str, formula: Collection[str]) -> Species | None:
    """Return one element with its charge, or numbered as labels are ("Fe2"); None for anything else."""
    match = ONE.fullmatch(plain) or NUMBERED.fullmatch(plain)
    if match is None:
        return None
    letters, charge = match[1], match[2] if match.re is ONE else None
    if letters in PLACEHOLDERS and letters.capitalize() not in formula:
        return None
    symbol = letters.capitalize()
    if not _is_element(symbol):
        return None
    return Species(symbol, charge_of(charge))


def charge_of(text: str | None) -> int:
    """Return a charge in the spellings of programs ("3+", "-2", "++", "(IV)"); 0 if missing or a mean ("3.5+")."""
    if not text or text.startswith("va"):
        return 0
    plain = text.strip("()")
    if plain in ROMAN:
        return ROMAN[plain]
    sign = -1 if "-" in plain else 1
    digits = plain.strip("+-")
    size = float(digits) if digits else float(len(plain))
    return sign * round(size) if size <= LARGEST_CHARGE and abs(size - round(size)) < 0.01 else 0


def _mixture(plain: str, label: str) -> tuple[Species, ...]:
    """Return the parts of a mixture with amounts; an empty tuple if it is not a mixture.

    Raises
    ------
    InputError
        If amounts are missing, or sum to more than one atom.
    """
    if plain.startswith("(") and plain.endswith(")"):
        plain = plain[1:-1]
    listed = _parts(plain, BEHIND) or _parts(plain, BEFORE)
    if not listed:
        if len(bare := _parts(plain, BARE)) > 1:
            elements = list(dict.fromkeys(part.element for part in bare))[:4]
            raise _refusal(f"is a mixture without amounts ({' and '.join(elements)})", label, MIXTURE_CURE)
        return ()
    total = math.fsum(part.share or 0.0 for part in listed)
    if total > FULL_MIXTURE:
        raise _refusal(f"is a mixture of {total:g} atoms ({_shown(plain)})", label, "give shares of one atom")
    return tuple(part for part in listed if not is_vacancy(part.element))


def _parts(plain: str, form: re.Pattern[str]) -> list[Species]:
    """Return the parts of a text that follows one form throughout, else an empty list."""
    found, place = [], 0
    while place < len(plain):
        match = form.match(plain, place)
        if match is None:
            return []
        symbol, charge, amount = match["symbol"], match["charge"], match.groupdict().get("amount")
        if not (_is_element(symbol) or is_vacancy(symbol)):
            return []
        found.append(Species(symbol, charge_of(charge), None if amount is None else float(amount)))
        gap = BETWEEN.match(plain, match.end())
        place = gap.end() if gap else match.end()
    return found


def _refuse_groups(plain: str, label: str) -> None:
    name = plain.strip("+-").rstrip("+-")
    if name.upper() in GROUPS and not (len(name) == 2 and _is_element(name)):
        raise _refusal(f"is a group of atoms ({plain!r})", label, "give a row for each of its atoms")
    isotope = re.fullmatch(r"\d{1,3}([A-Z][a-z]?)(?:\d?[+-])?", plain)
    if isotope and _is_element(isotope[1]):
        raise _refusal(f"is an isotope ({plain!r})", label, f"write {isotope[1]} (or D for deuterium)")


def _refused(text: str, label: str) -> NoReturn:
    raise _refusal(f"is of no known element ({_shown(text)!r})", label, ELEMENT_CURE)


def _shown(text: str) -> str:
    return text if len(text) <= 40 else text[:37] + "..."


def _refusal(problem: str, label: str, cure: str) -> InputError:
    return InputError(f"atom {_shown(label)} {problem}", cure=cure)
