"""Disorder: a disordered stacking as kinds of galleries, their fractions and the persistence of their order.

The galleries follow each other as a Markov chain of nearest neighbours. With g_k the fraction of kind k, gallery k is
followed by kind k' with the probability (1 - L) g_k' + L [k = k']: L = 0 is a random sequence, L towards 1 gives
lamellae, and L at its lower bound is alternation as far as the fractions allow it. This module holds names, numbers and
texts; the diffraction of such a stacking belongs to `diffraction.disordered`.
"""

from __future__ import annotations

import math
import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal, get_args

from layerox.errors import InputError, nearest
from layerox.stacking.polytypes import natural_count, word_from_blocks
from layerox.stacking.word import SlabStep

Glides = Literal["random", "alternate", "same"]

BETWEEN = "~"
# The polytypes that consist of one step: each is a kind of gallery.
KINDS: dict[str, SlabStep] = {
    "P2": SlabStep(flips=True, shift=0),
    "O2": SlabStep(flips=True, shift=1),
    "P3": SlabStep(flips=False, shift=0),
    "O3": SlabStep(flips=False, shift=1),
    "O1": SlabStep(flips=False, shift=-1),
}
# The kind that arises from P2 by a glide to either side.
GLIDING = "O2"
# Layered phases whose slabs are no hexagonal mesh, and those without galleries.
DISTORTED, NOT_LAYERED = ("Pp2", "P'2", "Pp3", "P'3", "Op3", "O'3"), ("spinel", "tunnel")
# Thickest lamellae, in galleries: beyond, no pattern distinguishes them from separate particles.
THICKEST = 1e4
OPTIONS = ("thickness", "persistence", "glides")
CURE = "write A~B[:FRACTION_OF_B][,thickness=T|persistence=L][,glides=random|alternate|same]"
_Z = re.compile(r"Z:(\d*\.?\d+)")
_FILES = re.compile(r"(?P<files>.*\.m?cif)(?P<rest>(?::[^:,~]*)*(?:,.*)?)", re.IGNORECASE)
# Between two files; a file or folder may hold "~" in its own name.
_BETWEEN_FILES = re.compile(rf"(?<=cif)\s*{BETWEEN}", re.IGNORECASE)


@dataclass(frozen=True, kw_only=True)
class Disorder:
    """A disordered stacking.

    Attributes
    ----------
    kinds
        Kinds of galleries (P2, P3, O3, O2, O1), each once.
    fractions
        Fraction of each kind by galleries; their sum is 1.
    persistence
        L of the chain, from `least_persistence` to 1.
    glides
        Sides to which O2 galleries have glided: "random", "alternate" (in turns, counted in the sense of the slab
        below) or "same".
    """

    kinds: tuple[str, ...]
    fractions: tuple[float, ...]
    persistence: float = 0.0
    glides: Glides = "random"

    def __post_init__(self) -> None:
        for kind in self.kinds:
            if kind not in KINDS:
                raise InputError(f"{kind} is not a kind of gallery", place=self.name, cure=nearest(kind, KINDS))
        if len(self.kinds) < 2 or len(set(self.kinds)) < len(self.kinds):
            raise InputError("a disordered stacking needs different kinds of galleries", place=self.name, cure=CURE)
        if not all(0.0 <= f <= 1.0 for f in self.fractions) or abs(sum(self.fractions) - 1.0) > 1e-9:
            raise InputError(f"fractions {self.fractions}", place=self.name, cure="give numbers from 0 to 1")
        least = least_persistence(self.fractions)
        if not least - 1e-9 <= self.persistence <= 1.0:
            cure = f"give {least:.3g} to 1 at these fractions"
            raise InputError(f"a persistence of {self.persistence:g}", place=self.name, cure=cure)
        if self.glides not in get_args(Glides):
            cure = f"give {', '.join(get_args(Glides))}"
            raise InputError(f"glides {self.glides!r}", place=self.name, cure=cure)

    @property
    def name(self) -> str:
        """Name of the phase: its kinds, "P2~O3"."""
        return BETWEEN.join(self.kinds)

    @property
    def text(self) -> str:
        """The stacking as a text that `parse_disorder` reads."""
        fractions = "".join(f":{f:.12g}" for f in self.fractions[1:])
        glides = f",glides={self.glides}" if GLIDING in self.kinds else ""
        return f"{self.name}{fractions},persistence={self.persistence:.12g}{glides}"

    @property
    def steps(self) -> tuple[SlabStep, ...]:
        """Step of each kind; an O2 gallery has either sign of its shift."""
        return tuple(KINDS[kind] for kind in self.kinds)

    @property
    def thickness(self) -> tuple[float, ...]:
        """Mean thickness of the lamellae of each kind, in galleries."""
        return tuple(lamella_thickness(f, self.persistence) for f in self.fractions)


def least_persistence(fractions: Sequence[float]) -> float:
    """Return the lowest persistence that fractions allow: at it, the rarest kind never follows itself.

    With two kinds of fractions 1 - f and f it is -min(f / (1 - f), (1 - f) / f).
    """
    rarest = min(fractions)
    return -rarest / (1.0 - rarest) if rarest < 1.0 else 0.0


def lamella_thickness(fraction: float, persistence: float) -> float:
    """Return the mean number of galleries in a lamella of a kind: 1 / ((1 - L)(1 - g))."""
    leaving = (1.0 - persistence) * (1.0 - fraction)
    return 1.0 / leaving if leaving > 0.0 else math.inf


def persistence_from_thickness(thickness: float, number: int = 2) -> float:
    """Return the persistence at which the harmonic mean of the kinds' thickness is `thickness` galleries.

    For two kinds it is 1 - 2 / t, whatever their fractions: with halves of each, both lamellae are t thick.
    """
    return 1.0 - number / ((number - 1) * thickness)


def is_disorder(text: str) -> bool:
    """Whether a text is the name of a disordered stacking: "P2~O3:0.4,thickness=8", "Z:0.3"."""
    return BETWEEN in text or _Z.fullmatch(text.strip()) is not None


def files_of_disorder(text: str) -> list[str]:
    """Return the files of a text such as "A.cif~B.cif:0.4,thickness=8"; none if it names kinds."""
    found = _FILES.fullmatch(text.strip())
    return [] if found is None else [file.strip() for file in _BETWEEN_FILES.split(found["files"])]


def rest_after_files(text: str) -> str:
    """Return what follows the files in such a text: ":0.4,thickness=8"."""
    found = _FILES.fullmatch(text.strip())
    return "" if found is None else found["rest"]


def parse_disorder(text: str) -> Disorder:
    """Return the disordered stacking of a text.

    Without a fraction the kinds are equally frequent, and without thickness or persistence the sequence is random.
    More than two kinds have the fractions of the second, third ... in turn: "P2~O3~P3:0.3:0.1".

    Raises
    ------
    InputError
        If it cannot be read or is no possible chain.
    """
    if z := _Z.fullmatch(text.strip()):
        return _parsed("P2~O2", [z.group(1)], {}, text)
    head, *rest = (part.strip() for part in text.split(","))
    names, *fractions = head.split(":")
    options = dict(_option(part, text) for part in rest)
    if len(options) < len(rest) or {"thickness", "persistence"} <= set(options):
        raise InputError("states two of them", place=text, cure=CURE)
    return _parsed(names, fractions, options, text)


def _option(part: str, text: str) -> tuple[str, str]:
    key, equals, value = part.partition("=")
    if not equals or key.strip() not in OPTIONS:
        raise InputError(f"cannot read {part!r}", place=text, cure=CURE)
    return key.strip(), value.strip()


def _parsed(names: str, fractions: list[str], options: dict[str, str], text: str) -> Disorder:
    kinds = tuple(_kind(name, text) for name in names.split(BETWEEN))
    if fractions and len(fractions) != len(kinds) - 1:
        raise InputError(f"{len(fractions)} fractions for {names}", place=text, cure=CURE)
    further = [_number(value, text) for value in fractions] or [1.0 / len(kinds)] * (len(kinds) - 1)
    if not all(0.0 <= f <= 1.0 for f in further) or sum(further) > 1.0 + 1e-9:
        raise InputError(f"fractions {', '.join(fractions)}", place=text, cure="give numbers from 0 to 1")
    shares = (max(1.0 - sum(further), 0.0), *further)
    persistence = _number(options["persistence"], text) if "persistence" in options else 0.0
    if "thickness" in options:
        persistence = _persistence(_number(options["thickness"], text), shares, text)
    glides: Glides = options.get("glides", "random")  # type: ignore[assignment]  # Disorder refuses other values
    if "glides" in options and GLIDING not in kinds:
        raise InputError(f"{names} has no {GLIDING} galleries", place=text, cure="leave glides out")
    return Disorder(kinds=kinds, fractions=shares, persistence=persistence, glides=glides)


def _persistence(thickness: float, shares: tuple[float, ...], text: str) -> float:
    least = least_persistence(shares)
    number = len(shares)
    thinnest = number / ((number - 1) * (1.0 - least))
    if not thinnest - 1e-9 <= thickness <= THICKEST:
        cure = f"give {thinnest:.3g} to {THICKEST:g} galleries at these fractions"
        raise InputError(f"a thickness of {thickness:g} galleries", place=text, cure=cure)
    return max(persistence_from_thickness(thickness, number), least)


def _kind(name: str, text: str) -> str:
    if name.strip() not in KINDS:
        cure = f"{CURE}; kinds are {', '.join(KINDS)}; {nearest(name.strip(), KINDS)}"
        if reason := _why_no_kind(name.strip()):
            cure = f"{reason}: give kinds ({', '.join(KINDS)})"
        raise InputError(f"{name.strip()!r} is not a kind of gallery", place=text, cure=cure)
    return name.strip()


def _why_no_kind(name: str) -> str:
    """Return why a phase is no kind of gallery; nothing if it is no phase."""
    if name in DISTORTED:
        return "it is monoclinic or orthorhombic"
    if name in NOT_LAYERED:
        return "it has no slabs and galleries"
    try:
        word_from_blocks([(name, natural_count(name))])
    except (InputError, KeyError, ValueError):
        return ""
    return "its galleries are of several kinds"


def _number(value: str, text: str) -> float:
    try:
        number = float(value)
    except ValueError:
        number = math.nan
    if not math.isfinite(number):
        raise InputError(f"{value!r} is not a number", place=text, cure=CURE)
    return number
