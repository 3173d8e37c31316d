"""Request: a phase and the options that a user gives, checked before anything is built; nothing is built here.

A slip of the keyboard (28.9 for 2.89) or of the unit (0.289 nm) builds a cell that looks like any other. So lengths and
angles are compared with the library's cell of the same phase and composition, or with the one from bond lengths.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, fields, replace
from typing import TypedDict

from layerox.builders.composition import Amounts, Composition
from layerox.builders.sodium_sites import SiteContents
from layerox.errors import InputError

APOSTROPHES = str.maketrans({"’": "'", "′": "'", "`": "'"})
ALIASES = {
    "Pp2": "P'2", "P2'": "P'2", "Pp3": "P'3", "P3'": "P'3", "Op3": "O'3", "O3'": "O'3", "S": "spinel", "T": "tunnel",
}  # fmt: skip
SIZES = ("a", "b", "c", "beta", "slab", "bond")
# Shares of the library's value. Layered oxides, sulfides and halides of one structure differ by a few per cent within
# the layer; hydrated and pillared galleries are up to 1.8 times as high. A spinel's a may be that of I41/amd.
SHARES = {"a": (0.85, 1.2), "b": (0.85, 1.2), "c": (0.7, 1.8)}
SPINEL_SHARES = {"a": (0.65, 1.2), "c": (0.8, 1.25)}
# Degrees from 90 within which a monoclinic angle of a stack is; angstrom for a slab and for a metal-anion distance.
ANGLES, SLABS, BONDS = (90.0, 130.0), (1.0, 5.0), (1.5, 3.3)
OPTIONS_BY_KIND: Mapping[str, frozenset[str]] = {
    "layered": frozenset(("formula", "a", "c", "slab", "bond", "galleries", "sodium")),
    "distorted": frozenset(
        ("formula", "a", "b", "c", "beta", "slab", "bond", "bonds", "galleries", "sodium", "distortion")
    ),
    "spinel": frozenset(("formula", "a", "c", "u", "bond", "distortion", "inversion", "tetrahedral")),
    "tunnel": frozenset(("formula", "a", "b", "c", "sodium", "metals")),
    "tabulated": frozenset(),
}


class PhaseOptions(TypedDict, total=False):
    """Everything that can be given for a phase; see `build_structure` for what each means."""

    formula: str | Composition | None
    a: float | None
    b: float | None
    c: float | None
    beta: float | None
    slab: float | None
    bond: float | None
    bonds: tuple[float, float] | None
    galleries: Mapping[str, float] | None
    sodium: SiteContents | None
    distortion: float | None
    u: float | None
    inversion: float | None
    tetrahedral: Mapping[str, float] | None
    metals: Mapping[str, Amounts] | None
    seed: int


@dataclass(frozen=True, kw_only=True)
class PhaseRequest:
    """A phase and the options given for it; None where nothing is. The fields are those of `PhaseOptions`."""

    phase: str
    formula: str | Composition | None = None
    a: float | None = None
    b: float | None = None
    c: float | None = None
    beta: float | None = None
    slab: float | None = None
    bond: float | None = None
    bonds: tuple[float, float] | None = None
    galleries: Mapping[str, float] | None = None
    sodium: SiteContents | None = None
    distortion: float | None = None
    u: float | None = None
    inversion: float | None = None
    tetrahedral: Mapping[str, float] | None = None
    metals: Mapping[str, Amounts] | None = None
    seed: int = 0

    @property
    def name(self) -> str:
        """What the user calls it."""
        return self.phase.strip()

    @property
    def given(self) -> list[str]:
        """Names of what is given, phase and seed aside."""
        names = [field.name for field in fields(self) if field.name not in {"phase", "seed"}]
        return [name for name in names if getattr(self, name) is not None]

    @property
    def is_bare(self) -> bool:
        """Whether a phase is named and nothing else is given."""
        return not self.given

    @property
    def gives_size(self) -> bool:
        """Whether a length or an angle is given whose plausible range is known; a stretched cell has another one."""
        return self.distortion is None and any(getattr(self, name) is not None for name in SIZES)

    def without_size(self) -> PhaseRequest:
        """Return the same request without lengths and angles."""
        return replace(
            self, a=None, b=None, c=None, beta=None, slab=None, bond=None, bonds=None, galleries=None, u=None
        )

    def check(self, kind: str, phase: str) -> None:
        """Refuse what does not apply to a kind of phase (a key of `OPTIONS_BY_KIND`)."""
        known = OPTIONS_BY_KIND[kind]
        for name in self.given:
            if name not in known:
                cure = f"{phase} takes {', '.join(sorted(known)) or 'nothing: it is a tabulated structure'}"
                raise InputError(f"{phase} has no {name}", cure=cure)

    def source(self, model: str | None) -> str:
        """Return where a structure comes from that was made of this request and a library entry's source, if any."""
        lengths = ("a", "b", "c", "beta", "slab", "bond", "bonds", "distortion", "u")
        names = [name for name in lengths if getattr(self, name) is not None]
        names += [f"the {kind} gallery" for kind in self.galleries or {}]
        given = f"{', '.join(names)} as given; " if names else ""
        rest = f"the rest after {model}" if model else "the rest from bond lengths (Shannon radii)"
        return f"CONSTRUCTED by layerox: {given}{rest}"


def phase_name(text: str) -> str:
    """Return the name of a phase as the literature writes it: "Pp2" and "P2'" are "P'2"; others come back unchanged."""
    plain = text.strip().translate(APOSTROPHES)
    return ALIASES.get(plain, plain)


def largest_difference(pairs: Iterable[tuple[Amounts, Amounts]]) -> float:
    """Return the largest difference in the amount of any element, over pairs of amounts."""
    return max((abs(a.get(e, 0.0) - b.get(e, 0.0)) for a, b in pairs for e in {*a, *b}), default=0.0)


def refuse_implausible(request: PhaseRequest, cell: Sequence[float], *, spinel: bool = False) -> None:
    """Refuse lengths and angles that the phase cannot have.

    Parameters
    ----------
    request
        The options that the user gives.
    cell
        a, b, c (angstrom) and angles (degrees) of the same phase without lengths of the user's.
    spinel
        Whether its a may be that of the tetragonal cell.

    Raises
    ------
    InputError
        For the first value out of range, with the range.
    """
    shares = SPINEL_SHARES if spinel else SHARES
    for name, known in zip(("a", "b", "c"), cell[:3], strict=True):
        value = getattr(request, name)
        if value is not None and name in shares:
            low, high = (share * known for share in shares[name])
            _refuse_outside(request, name, value, low, high, f"{request.name} has {known:.4g} A: ")
    for name, (low, high), unit in (("beta", ANGLES, " degrees"), ("slab", SLABS, " A"), ("bond", BONDS, " A")):
        value = getattr(request, name)
        if value is not None:
            _refuse_outside(request, name, value, low, high, "", unit)


def _refuse_outside(
    request: PhaseRequest, name: str, value: float, low: float, high: float, known: str, unit: str = " A"
) -> None:
    if low <= value <= high or value <= 0:  # lengths below zero are refused where they are used
        return
    fault = f"{name} = {value:g}{unit} is implausible for {request.name}"
    raise InputError(fault, argument=name, cure=f"{known}give {low:.4g} to {high:.4g}{unit}")
