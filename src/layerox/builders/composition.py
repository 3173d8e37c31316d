"""Composition: a formula such as Na0.67Ni0.33Mn0.67O2 sorted into galleries, metal planes and anion planes.

It counts charges and sodium, and leaves the choice of sites to the builders. Shares are per formula unit MO2, that
is per metal site of a slab.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace
from fractions import Fraction
from itertools import pairwise

import gemmi

from layerox.crystal.asymmetric_unit import ANIONS, formula_text
from layerox.errors import InputError
from layerox.notices import Notice

Amounts = Mapping[str, float]

MAH_PER_MOL = 96485.33212 / 3.6  # Faraday constant (CODATA 2018, exact) in mAh
ROUNDED_DOWN, ROUNDED_UP = 0.995, 1.03  # sums of metals, relative to the sites, that mean full ones
PLAUSIBLE_EXCESS = 0.02
INTERLAYER = frozenset(("Na", "K", "Rb", "Cs", "Ca", "Sr", "Ba", "Ag"))
EITHER = frozenset(("Li", "Mg"))
ANION_CHARGE = {"O": -2, "S": -2, "Se": -2, "N": -3, "F": -1, "Cl": -1, "Br": -1, "I": -1}
INTERLAYER_CHARGE = {"Ca": 2, "Sr": 2, "Ba": 2, "Mg": 2}

# Oxidation states of cations in layered oxides: the lowest, that of a freshly made material, and the highest. Source:
# textbook chemistry (Greenwood & Earnshaw, 2nd edition, 1997). Missing elements count as variable from 2 to 6.
STATES: dict[str, tuple[int, int, int]] = {
    "Li": (1, 1, 1), "Mg": (2, 2, 2), "Zn": (2, 2, 2), "Ca": (2, 2, 2), "Cu": (2, 2, 3), "Ni": (2, 2, 4),
    "Mn": (2, 4, 4), "Fe": (2, 3, 4), "Co": (2, 3, 4), "Cr": (3, 3, 6), "V": (3, 3, 5), "Ti": (3, 4, 4),
    "Ru": (4, 4, 5), "Ir": (4, 4, 5), "Sc": (3, 3, 3), "Al": (3, 3, 3), "Ga": (3, 3, 3), "In": (3, 3, 3),
    "Y": (3, 3, 3), "La": (3, 3, 3), "B": (3, 3, 3), "Zr": (4, 4, 4), "Hf": (4, 4, 4), "Sn": (4, 4, 4),
    "Si": (4, 4, 4), "Ge": (4, 4, 4), "Nb": (5, 5, 5), "Ta": (5, 5, 5), "Sb": (5, 5, 5), "P": (5, 5, 5),
    "Mo": (6, 6, 6), "W": (6, 6, 6), "Te": (6, 6, 6),
}  # fmt: skip
UNKNOWN_STATES = (2, 3, 6)
# The order in which metals give electrons on charging, and take them when a formula holds more sodium than expected.
OXIDISED_FIRST = ("Ni", "Fe", "Co", "V", "Cr", "Cu", "Ti", "Mn", "Ru", "Ir")
REDUCED_FIRST = ("Mn", "Ni", "Co", "Fe", "Ti", "Cu", "Ru", "Ir")


@dataclass(frozen=True, kw_only=True)
class Composition:
    """What one formula unit MO2 holds.

    Attributes
    ----------
    alkali
        Ions of the galleries.
    metals
        Ions of the metal plane; a sum below 1 leaves vacancies.
    anions
        Ions of the two anion planes; a sum below 2 leaves vacancies.
    formula_warnings
        Notices from reading the formula.
    """

    alkali: Amounts
    metals: Amounts
    anions: Amounts
    formula_warnings: tuple[Notice, ...] = field(default=(), compare=False)

    def __post_init__(self) -> None:
        for name in ("alkali", "metals", "anions"):
            amounts = {element: float(x) for element, x in getattr(self, name).items() if x > 0}
            object.__setattr__(self, name, amounts)

    @property
    def formula(self) -> str:
        """The formula, such as "Na0.67Ni0.33Mn0.67O2"."""
        total: dict[str, float] = {}
        for element, number in self._all():
            total[element] = total.get(element, 0.0) + number
        return formula_text(total)

    @property
    def sodium(self) -> float:
        """Ions in the galleries, per metal site."""
        return sum(self.alkali.values())

    @property
    def molar_mass(self) -> float:
        """Mass of one formula unit, g/mol."""
        return sum(number * gemmi.Element(element).weight for element, number in self._all())

    @property
    def metal_valence(self) -> float:
        """Mean charge of the metals that balances anions and gallery ions."""
        anions = sum(ANION_CHARGE[element] * number for element, number in self.anions.items())
        alkali = sum(INTERLAYER_CHARGE.get(element, 1) * number for element, number in self.alkali.items())
        return (-anions - alkali) / sum(self.metals.values())

    @property
    def charge_warning(self) -> str:
        """Why the charges cannot balance; empty when they can."""
        metals = sum(self.metals.values())
        low, high = (sum(self._states(m)[k] * x for m, x in self.metals.items()) / metals for k in (0, 2))
        if low - PLAUSIBLE_EXCESS <= self.metal_valence <= high + PLAUSIBLE_EXCESS:
            return ""
        names = ", ".join(self.metals)
        return f"a mean metal valence of {self.metal_valence:.2f} is implausible: {names} span {low:.2f} to {high:.2f}"

    @property
    def warnings(self) -> tuple[Notice, ...]:
        """Notices on the formula."""
        warning = self.charge_warning
        return (*self.formula_warnings, Notice("charge_implausible", warning)) if warning else self.formula_warnings

    @property
    def oxidation_states(self) -> dict[str, float]:
        """Mean charge of each metal, from that of the fresh material, then oxidised or reduced in the usual order."""
        states = {metal: float(self._states(metal)[1]) for metal in self.metals}
        missing = self.metal_valence * sum(self.metals.values()) - sum(x * states[m] for m, x in self.metals.items())
        is_oxidised = missing > 0
        order, limit = (OXIDISED_FIRST, 2) if is_oxidised else (REDUCED_FIRST, 0)
        for metal in sorted(self.metals, key=lambda m: order.index(m) if m in order else len(order)):
            room = (self._states(metal)[limit] - states[metal]) * self.metals[metal]
            moved = min(missing, room) if is_oxidised else max(missing, room)
            states[metal] += moved / self.metals[metal]
            missing -= moved
        return states

    def after_charge(self, capacity: float) -> Composition:
        """Return the composition after extracting a specific capacity (mAh per gram of this one; negative inserts).

        The amounts of several gallery ions shrink together, one electron for each charge.

        Raises
        ------
        InputError
            If that is more than the galleries hold.
        """
        charge = sum(INTERLAYER_CHARGE.get(element, 1) * x for element, x in self.alkali.items())
        if charge == 0:
            raise InputError(f"{self.formula} holds no sodium", cure="start from a composition that does")
        left = 1 - capacity * self.molar_mass / MAH_PER_MOL / charge
        if left < -1e-9:
            most = charge * MAH_PER_MOL / self.molar_mass
            raise InputError(f"{capacity:g} mAh/g is more than {self.formula} holds", cure=f"at most {most:.1f} mAh/g")
        return replace(self, alkali={element: max(left, 0.0) * x for element, x in self.alkali.items()})

    def with_sodium(self, sodium: float) -> Composition:
        """Return the same metals and anions with another number of gallery ions."""
        now = self.alkali or {"Na": 1.0}
        total = sum(now.values())
        return replace(self, alkali={element: sodium * x / total for element, x in now.items()})

    def _all(self) -> Iterator[tuple[str, float]]:
        for part in (self.alkali, self.metals, self.anions):
            yield from part.items()

    @staticmethod
    def _states(metal: str) -> tuple[int, int, int]:
        return STATES.get(metal, UNKNOWN_STATES)


def charge_problem(cations: Amounts, anions: Amounts) -> str:
    """Return why the charges of a formula cannot balance, whatever its sites; empty when they can."""
    needed = -sum(ANION_CHARGE[element] * x for element, x in anions.items())
    low, high = (sum(_range_of(element)[k] * x for element, x in cations.items()) for k in (0, 1))
    slack = PLAUSIBLE_EXCESS * sum(cations.values())
    if low - slack <= needed <= high + slack:
        return ""
    return f"the anions need {needed:.2f} positive charges, {', '.join(cations)} carry {low:.2f} to {high:.2f}"


def _range_of(element: str) -> tuple[int, int]:
    if element in INTERLAYER:
        charge = INTERLAYER_CHARGE.get(element, 1)
        return charge, charge
    low, _, high = STATES.get(element, UNKNOWN_STATES)
    return low, high


def parse_formula(text: str) -> Composition:
    """Return the composition of a formula, scaled to one metal site and two anion sites.

    Numbers may be decimals or fractions, groups are in parentheses; square brackets hold the metal plane, so that
    the Li of Na0.6Li0.1[Mn]O2 is in the galleries. Without them Li and Mg are metals where the metal plane has room.

    Raises
    ------
    InputError
        If the text is no formula, or lacks metals or anions.
    """
    amounts, bracketed = amounts_of(text)
    anions = {element: x for element, x in amounts.items() if element in ANIONS}
    cations = {element: x for element, x in amounts.items() if element not in ANIONS}
    if not anions:
        raise InputError("holds no anions", place=repr(text), cure="write the oxygen too: NaMnO2")
    alkali = _alkali(cations, bracketed, float(sum(anions.values())) / 2)
    metals = {element: x for element, x in cations.items() if element not in alkali}
    for element, number in bracketed.items():
        if element in alkali and alkali[element] > number:
            metals[element] = number
            alkali[element] -= number
    if not metals:
        raise InputError("holds no metals beside those of the galleries", place=repr(text), cure="write NaMnO2")
    return _scaled(alkali, metals, anions, text)


def _alkali(cations: Mapping[str, Fraction], bracketed: Mapping[str, Fraction], sites: float) -> dict[str, Fraction]:
    """Choose the gallery ions: those that never fit a metal plane, and Li and Mg where it is full without them."""
    if bracketed:
        return {element: x for element, x in cations.items() if x > bracketed.get(element, 0)}
    always = {element: x for element, x in cations.items() if element in INTERLAYER}
    for element in sorted(EITHER & set(cations)):
        others = sum(float(x) for e, x in cations.items() if e not in always and e not in EITHER)
        full = others >= ROUNDED_DOWN * sites
        if full or others + float(cations[element]) > ROUNDED_UP * sites:
            always[element] = cations[element]
    return always


def _scaled(
    alkali: Mapping[str, Fraction], metals: Mapping[str, Fraction], anions: Mapping[str, Fraction], text: str
) -> Composition:
    metal_sites, anion_sites = float(sum(metals.values())), float(sum(anions.values())) / 2
    filling = metal_sites / anion_sites
    is_full = ROUNDED_DOWN <= filling <= ROUNDED_UP
    scale = anion_sites if is_full else max(metal_sites, anion_sites)
    metal_scale = metal_sites if is_full else scale
    formula_warnings: tuple[Notice, ...] = ()
    if is_full and abs(filling - 1) > 1e-9:
        formula_warnings = (
            Notice("metals_rounded", f"the metals of {text} add up to {filling:.4g} and were scaled to 1"),
        )
    return Composition(
        alkali={element: float(x) / scale for element, x in alkali.items()},
        metals={element: float(x) / metal_scale for element, x in metals.items()},
        anions={element: float(x) / scale for element, x in anions.items()},
        formula_warnings=formula_warnings,
    )


# --- reading formulas ----------------------------------------------------------------------------------------------

_NUMBER = r"(?:[0-9]+/[0-9]+|[0-9]*\.?[0-9]+)"
_TOKEN = re.compile(rf"(?P<element>[A-Z][a-z]?)|(?P<number>{_NUMBER})|(?P<open>[(\[])|(?P<close>[)\]])")


def amounts_of(text: str) -> tuple[dict[str, Fraction], dict[str, Fraction]]:
    """Return the elements of a formula with their numbers, and those in square brackets.

    Raises
    ------
    InputError
        If the text is no formula.
    """
    if not isinstance(text, str):
        raise InputError(f"{text!r} is no formula", argument="formula", cure="write it as 'Na0.67MnO2'")
    tokens = _tokens(text)
    group: dict[str, Fraction] = {}
    bracketed: dict[str, Fraction] = {}
    stack: list[tuple[str, dict[str, Fraction]]] = []
    for (kind, value), (next_kind, next_value) in pairwise([*tokens, ("end", "")]):
        number = _fraction(next_value, text) if next_kind == "number" else Fraction(1)
        if kind == "element":
            group[value] = group.get(value, Fraction(0)) + number
        elif kind == "open":
            stack.append((value, group))
            group = {}
        elif kind == "close":
            opening, outer = _unstacked(stack, value, text)
            inner = {element: x * number for element, x in group.items()}
            if opening == "[":
                bracketed = {
                    e: bracketed.get(e, Fraction(0)) + inner.get(e, 0) for e in dict.fromkeys((*bracketed, *inner))
                }
            group = {e: outer.get(e, Fraction(0)) + inner.get(e, 0) for e in dict.fromkeys((*outer, *inner))}
    if stack:
        raise InputError(f"{stack[-1][0]!r} is never closed", place=repr(text), cure="close the group")
    return group, bracketed


def _tokens(text: str) -> list[tuple[str, str]]:
    compact = "".join(text.split())
    tokens: list[tuple[str, str]] = []
    position = 0
    while position < len(compact):
        match = _TOKEN.match(compact, position)
        if match is None or (match.lastgroup == "number" and (not tokens or tokens[-1][0] not in {"element", "close"})):
            raise InputError(f"unreadable at {compact[position:]!r}", place=repr(text), cure=_cure(compact, position))
        if match.lastgroup == "element" and gemmi.Element(match[0]).atomic_number == 0:
            raise InputError(f"unknown element {match[0]!r}", place=repr(text), cure="write symbols such as Na and Mn")
        tokens.append((str(match.lastgroup), match[0]))
        position = match.end()
    if not tokens:
        raise InputError("an empty formula", cure="write Na0.67Ni0.33Mn0.67O2")
    return tokens


def _cure(text: str, position: int) -> str:
    if "@" in text:
        return "give core and shell as two formulas"
    if text[position] in "-+xyzd":
        return "put numbers for variables"
    return "write Na0.67Ni0.33Mn0.67O2 or Na2/3(Ni1/3Mn2/3)O2"


def _fraction(number: str, text: str) -> Fraction:
    try:
        return Fraction(number)
    except ZeroDivisionError:
        raise InputError(f"{number} divides by zero", place=repr(text), cure="correct the fraction") from None


def _unstacked(
    stack: list[tuple[str, dict[str, Fraction]]], closing: str, text: str
) -> tuple[str, dict[str, Fraction]]:
    pairs = {")": "(", "]": "["}
    if not stack or stack[-1][0] != pairs[closing]:
        raise InputError(f"{closing!r} closes nothing", place=repr(text), cure="balance the groups")
    return stack.pop()
